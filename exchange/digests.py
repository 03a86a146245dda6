"""Digests of a scope's rows, computed outside the merge path: the net under everything else (R28).

A school sends them with each package, the server compares. A difference means that the two stores diverged, however
that came about; it is named by table at once and by row after the next round trip.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterator, Mapping

from exchange import laptops
from exchange.format import digest
from exchange.records import Digests
from exchange.schema.model import Schema, Table
from exchange.store.database import Database
from exchange.store.server import School, ServerStore

Pairs = dict[int, tuple[int, bytes]]
"""Table number to (rows, 8-byte digest)."""


def _live(db: Database, table: Table, home: str | None, version: int) -> Iterator[tuple[object, ...]]:
    names = ", ".join(column.name for column in table.known_to(version))
    if not names:
        return iter(())
    where, values = ("kirim_home IS NULL", ()) if home is None else ("kirim_home = ?", (home,))
    return iter(db.execute(f"SELECT {names} FROM {table.name} WHERE soft_delete IS NOT 1 AND {where}", values))


def pairs(db: Database, schema: Schema, home: str | None, version: int) -> Pairs:
    """Return the count and digest of every table of a scope that has rows.

    Args:
        db: A store.
        schema: The exchanged tables.
        home: The scope at the server; ``None`` at a school, for its own rows.
        version: Of the schema; what came later is left out.
    """
    found = {table.number: digest.table_digest(_live(db, table, home, version)) for table in schema.data_tables}
    return {number: pair for number, pair in found.items() if pair[0]}


def table_pair(db: Database, table: Table, home: str | None, version: int) -> tuple[int, bytes]:
    """Return the count and digest of one table of a scope. Arguments as for :func:`pairs`."""
    return digest.table_digest(_live(db, table, home, version))


NAME_BYTES = _HASH_BYTES = 8


def named(row: str) -> bytes:
    """Return what stands for a row's id where hashes travel (8 bytes)."""
    return hashlib.sha256(row.encode()).digest()[:NAME_BYTES]


def live_rows(db: Database, table: Table, home: str | None, version: int) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Yield the id and the values of each live row of a scope's table. Arguments as for :func:`pairs`."""
    keys = len(table.key)
    for row in _live(db, table, home, version):
        yield "|".join(map(str, row[:keys])), row


def pack_hashes(db: Database, table: Table, home: str | None, version: int) -> bytes:
    """Return the short hashes of a table's live rows as they travel. Arguments as for :func:`pairs`.

    Returns:
        Table number (2 bytes), then for each row 8 bytes of SHA-256 of its id and the row's 8-byte hash.

    Source:
        docs/format-body.md, section 7.3.
    """
    packed = (named(name) + digest.row_hash(row) for name, row in live_rows(db, table, home, version))
    return table.number.to_bytes(2, "big") + b"".join(sorted(packed))


def differing_rows(
    db: Database, schema: Schema, packed: bytes, version: int, busy: Container[tuple[int, str]]
) -> tuple[Table, list[str], list[str], list[bytes]] | None:
    """Compare a school's own rows of one table with packed hashes.

    Args:
        db: A school's store.
        schema: The exchanged tables.
        packed: Of :func:`pack_hashes`.
        version: Of the schema by which they were made.
        busy: Rows that are left out: (table, row).

    Returns:
        The table; rows that differ; rows that only this store has; names (8 bytes each) of those that only the other
        one has. ``None`` for a table that this program does not know.
    """
    table = schema.by_number.get(int.from_bytes(packed[:2], "big"))
    if table is None or table.is_reference:
        return None
    size = NAME_BYTES + _HASH_BYTES
    theirs = {packed[n : n + NAME_BYTES]: packed[n + NAME_BYTES : n + size] for n in range(2, len(packed), size)}
    differing: list[str] = []
    only_here: list[str] = []
    for name, row in live_rows(db, table, None, version):
        hashed = theirs.pop(named(name), None)
        if hashed != digest.row_hash(row) and (table.number, name) not in busy:
            (only_here if hashed is None else differing).append(name)
    if theirs:  # a row that is deleted here, and whose delete is on its way, is not missing
        keys = ", ".join(table.key_names)
        for row in db.execute(f"SELECT {keys} FROM {table.name} WHERE soft_delete = 1 AND kirim_home IS NULL"):
            name = "|".join(map(str, row))
            if (table.number, name) in busy:
                theirs.pop(named(name), None)
    return table, differing, only_here, list(theirs)


def diverged(server: ServerStore, school: School) -> list[Table]:
    """Return the tables of a school's scope that do not hold what the school said it holds.

    Compared are tables in which nobody else changed anything after what the school had applied, and of which no row
    waits on the open list: there both sides must be equal.

    Args:
        server: The store.
        school: Whose scope.
    """
    row = server.db.execute(
        "SELECT digests, last FROM kirim_school s JOIN kirim_key k ON k.scope = s.sekolah_id AND k.key_id = s.device "
        "WHERE s.sekolah_id = ?",
        (school.sekolah_id,),
    ).fetchone()
    told = json.loads(row[0] or "{}").get(str(row[1])) if row else None
    if told is None:
        return []
    busy = {
        table
        for (table,) in server.db.execute(
            "SELECT table_no FROM kirim_index WHERE scope = ? AND position > ? UNION "
            "SELECT table_no FROM kirim_open WHERE scope = ?",
            (school.sekolah_id, school.have, school.sekolah_id),
        )
    }
    rest = laptops.others(server, school.sekolah_id, school.device)
    busy |= {entry.table for entry in laptops.said(server, school.sekolah_id, rest, school.have)} if rest else set()
    found = []
    for table in server.schema.data_tables:
        count, value = told.get(str(table.number), [0, "00" * 8])
        if table.number not in busy and table_pair(
            server.db, table, school.sekolah_id, school.schema
        ) != (count, bytes.fromhex(value)):
            found.append(table)
    return found


def returned(server: ServerStore, school: School) -> Digests:
    """Return what a return says of the server's rows: every table but those of which rows wait on the open list.

    Args:
        server: The store, in the transaction that makes the return.
        school: For whom.
    """
    now = pairs(server.db, server.schema, school.sekolah_id, school.schema)
    waiting = {
        number
        for (number,) in server.db.execute("SELECT table_no FROM kirim_open WHERE scope = ?", (school.sekolah_id,))
    }
    return Digests(digest.root(now), {number: pair for number, pair in now.items() if number not in waiting})


def travelling(now: Pairs, acknowledged: Mapping[int, tuple[int, bytes]]) -> Digests:
    """Return what a package says: the root, and the tables that differ from those last acknowledged."""
    changed = {number: pair for number, pair in now.items() if acknowledged.get(number) != pair}
    emptied: Pairs = {number: (0, bytes(8)) for number in acknowledged.keys() - now.keys()}
    return Digests(digest.root(now), changed | emptied)


def received(told: Digests, before: Mapping[int, tuple[int, bytes]]) -> Pairs | None:
    """Return all pairs that a package means, or ``None`` when they do not give its root.

    Args:
        told: What travelled.
        before: The pairs at the position after which the package's changesets begin.
    """
    for known in (before, {}):  # a school that cannot know what came of an earlier file names every table
        merged = {number: pair for number, pair in {**known, **told.tables}.items() if pair[0]}
        if digest.root(merged) == told.root:
            return merged
    return None
