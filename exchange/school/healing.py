"""Rows in which two stores differ although nothing is on its way, brought together again (R28).

A return brings short hashes of the rows of a table that differs. The school keeps what it holds otherwise in its history
and asks for those rows in its next package; the server says them again as corrections, which are nobody's opinion and
touch no unsent edit. A row that only the school has is sent again as a new one. Nothing that is only missing counts as
deleted.

Source:
    docs/protocol.md, rule 30; docs/format-body.md, section 7.3.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

from exchange import errors
from exchange.blocks import shown
from exchange.central.recording import Entry, log
from exchange.digests import NAME_BYTES, differing_rows, live_rows, named
from exchange.format.body import Item
from exchange.limits import EXAMPLES_MAX, IDS_MAX
from exchange.parents import Row
from exchange.reading import Told
from exchange.records import Cause, Op
from exchange.schema.model import Table
from exchange.school.capture import as_deleted
from exchange.store import rows
from exchange.store.school import SchoolStore
from exchange.store.server import School, ServerStore

_META = "wanted"
"""What a school asks for: table number to names, as JSON."""


@dataclass(frozen=True, slots=True)
class Apart:
    """What differed in one table, and what the school does about it.

    Attributes:
        rows: The first rows here that differ, or that the server lacks.
        count: How many those are.
        missing: Rows that the server has and this store lacks.
        sent_again: Rows that go out whole with the next package.
    """

    rows: tuple[str, ...]
    count: int
    missing: int
    sent_again: int

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim school apply --json``."""
        return {
            "rows": list(self.rows),
            "count": self.count,
            "missing": self.missing,
            "sent_again": self.sent_again,
        }


# --- the school -------------------------------------------------------------------------------


def heal(
    store: SchoolStore, hashes: Iterable[bytes], version: int, busy: Container[Row], position: int
) -> dict[str, Apart]:
    """Compare tables with the server's hashes, keep what differs in the history, and note what is to be asked for.

    Args:
        store: The school's store, inside a transaction; the return is applied.
        hashes: Of the return.
        version: Of the schema that the return speaks.
        busy: Rows of which anything is on its way or open; they are left alone.
        position: Log position of the return.

    Returns:
        By name of the table, for each that differs.
    """
    found: dict[str, Apart] = {}
    wanted: dict[int, str] = {}
    for packed in hashes:
        compared = differing_rows(store.db, store.schema, packed, version, busy)
        if compared is None:
            continue
        table, differing, only_here, missing = compared
        _keep(store, table, differing, position)
        as_deleted(store, table, only_here)
        names = [named(row) for row in differing] + missing
        if names:
            wanted[table.number] = b"".join(names[:IDS_MAX]).hex()
        if differing or only_here or missing:
            shown_rows = tuple([*differing, *only_here][:EXAMPLES_MAX])
            found[table.name] = Apart(shown_rows, len(differing) + len(only_here), len(missing), len(only_here))
    store.set(**{_META: json.dumps(wanted) if wanted else None})
    return found


def _keep(store: SchoolStore, table: Table, differing: list[str], position: int) -> None:
    """Put rows as they stand here into the history, each state once."""
    columns = [column.name for column in table.columns]
    code = errors.DIVERGED.number
    for name, found in rows.fetch(store.db, table, table.columns, differing).items():
        own = shown(columns, found)
        store.db.execute(
            "INSERT INTO kirim_conflict (position, table_no, row, group_no, code, won, own, other) "
            "SELECT ?, ?, ?, 0, ?, 0, ?, '{}' WHERE NOT EXISTS (SELECT 1 FROM kirim_conflict "
            "WHERE table_no = ? AND row = ? AND code = ? AND own = ?)",
            (position, table.number, name, code, own, table.number, name, code, own),
        )


def wanted_items(store: SchoolStore) -> Iterator[tuple[Item, bytes]]:
    """Yield what the laptop asks for, until a return shows it equal."""
    asked: dict[str, str] = json.loads(store.get(_META, "{}"))
    for number, names in asked.items():
        yield Item.WANTED, int(number).to_bytes(2, "big") + bytes.fromhex(names)


# --- the server -------------------------------------------------------------------------------


def take_wanted(server: ServerStore, school: School, told: Iterable[Told]) -> School:
    """Say rows again that a school asks for, and return the school as it stands then. Part of the caller's transaction.

    Raises:
        Malformed: KF-208, a table that schools do not exchange.
    """
    entries: list[tuple[int, str, int, int, int]] = []
    for piece in told:
        table = server.schema.by_number.get(int.from_bytes(piece.data[:2], "big"))
        if table is None or table.is_reference:
            raise errors.Malformed(part="wanted table")
        names = {piece.data[n : n + NAME_BYTES] for n in range(2, len(piece.data), NAME_BYTES)}
        for name, _ in live_rows(server.db, table, school.sekolah_id, school.schema):
            if named(name) in names:
                entries.append((table.number, name, 0, int(Op.INSERT), int(Cause.KOREKSI)))
    return log(server, school, Cause.KOREKSI, [], entries) if entries else school


def tell_newer(server: ServerStore, school: School, version: int) -> School:
    """Say rows again that hold what the school's former program did not know. Part of the caller's transaction.

    They are its own and those of other homes that it sees. What is said is nobody's opinion and touches no unsent edit.

    Args:
        server: The store.
        school: Whose program was older until now.
        version: Of the tables as its program knows them now.

    Returns:
        The school as it stands then.

    Source:
        docs/adr/0011-programs-of-several-versions.md.
    """
    entries: dict[str, list[Entry]] = {}
    for table in server.schema.data_tables:
        known = {column.name for column in table.known_to(school.schema)}
        new = [column.name for column in table.known_to(version) if column.name not in known]
        for home, name in _holding(server, school, table, new) if new else ():
            entries.setdefault(home, []).append((table.number, name, 0, int(Op.INSERT), int(Cause.KOREKSI)))
    for home, told in sorted(entries.items()):
        owner = None if home == school.sekolah_id else server.school(home)
        school = log(server, school, Cause.KOREKSI, [], told, after=owner.value if owner else b"")
    return school


def _holding(server: ServerStore, school: School, table: Table, columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield home and id of each live row that a school has or sees and that holds anything in some columns."""
    keys, holds = ", ".join(table.key_names), " OR ".join(f"{column} IS NOT NULL" for column in columns)
    seen = {
        row for (row,) in server.db.execute(
            "SELECT row FROM kirim_seen WHERE table_no = ? AND scope = ?", (table.number, school.sekolah_id)
        )
    }  # fmt: skip
    homes = {home for *_, home in rows.fetch(server.db, table, (), sorted(seen)).values()} - {school.sekolah_id}
    for home in sorted({school.sekolah_id, *map(str, homes)}):
        for row in server.db.execute(
            f"SELECT {keys} FROM {table.name} WHERE soft_delete IS NOT 1 AND kirim_home = ? AND ({holds}) ORDER BY {keys}",
            (home,),
        ).fetchall():
            name = "|".join(map(str, row))
            if home == school.sekolah_id or name in seen:
                yield home, name
