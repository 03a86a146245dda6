"""Returns that a restored server has lost, given back by the schools that had applied them.

A return carries the server's own signature, so what is given back is the centre's word and not a school's. What only the
return still holds is entered again as what it was; what the server has changed since wins, and a correction says so.

Source:
    docs/protocol.md, rule 25.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, BinaryIO, cast

from exchange import errors
from exchange.blocks import shown
from exchange.central.claims import Claims, note_claims, note_revived, report_claims
from exchange.central.recording import Entry, index_rows, lock, log, tell_others
from exchange.format.body import Item, read_body
from exchange.format.certificate import KeyKind
from exchange.format.container import scope_bytes, scope_text
from exchange.limits import BLOCK_ROWS_MAX, MIB, PACKAGE_BYTES_MAX
from exchange.nodes import CENTRE_SCOPE, ServerNode
from exchange.reading import Told, changesets
from exchange.records import Block, Cause, Op, PackageKind, Position
from exchange.schema.model import Column, Table
from exchange.spool import pieces
from exchange.store import rows
from exchange.store.school import SchoolStore
from exchange.store.server import School, ServerStore, is_opinion, last_words
from exchange.trust.opening import VerifiedPackage, inspect_package, open_with_file_key

_FILE_KEY = 32


# --- the school -------------------------------------------------------------------------------


def keep(store: SchoolStore, package: VerifiedPackage, position: Position, file: IO[bytes], report: dict[str, int]) -> None:
    """Keep a return that is being applied, and its file as it came, so that it can be given back.

    Args:
        store: The laptop's, inside a transaction.
        package: The opened return.
        position: Log position up to which it goes, with the whole value there (32 bytes).
        file: The sealed file.
        report: Rows that it brought, by table.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    store.keep_return(
        position,
        package.header.number,
        package.package_id,
        json.dumps(report),
        package.file_key,
        size,
        pieces(file),
    )


def given_items(store: SchoolStore) -> Iterator[tuple[Item, bytes]]:
    """Yield the returns that this laptop gives back, oldest first: all that the server said it has lost."""
    after = store.get("give_after")
    if not after:
        return
    found = store.db.execute(
        "SELECT position FROM kirim_return WHERE position > ? AND position <= ? AND file IS NOT NULL ORDER BY position",
        (int(after), int(store.get("give_up_to"))),
    ).fetchall()
    for (position,) in found:
        file_key, size = store.db.execute(
            "SELECT file_key, length(file) FROM kirim_return WHERE position = ?", (position,)
        ).fetchone()
        for at in range(0, size, MIB):
            piece = store.db.value("SELECT substr(file, ?, ?) FROM kirim_return WHERE position = ?", (at + 1, MIB, position))
            more = at + MIB < size
            yield Item.GIVEN, bytes([more]) + (bytes(file_key) if at == 0 else b"") + bytes(piece)


# --- the server -------------------------------------------------------------------------------


class Given:
    """What one package gives back, entered in the order in which it once was: among the school's own changesets.

    What a return said was said with all that its *merged up to* names; the same changesets come again in this very package.
    If they came after it, the school's older word would stand against the centre's newer one.

    Args:
        server: The server; the caller holds a transaction.
        school: Whose package, as it stands now.
        told: The pieces of the returns, one behind another.

    Raises:
        FileError, TrustError: KF-2xx, KF-3xx, one is no return that this server once wrote for this school.
    """

    def __init__(self, server: ServerNode, school: School, told: Iterable[Told]) -> None:
        self._server, self._files = server, list[_Return]()
        with ExitStack() as opened:
            for file, file_key in _files(told, opened):
                found = _noted(server, school, file, file_key)
                if found is not None:
                    self._files.append(found)
            self._opened = opened.pop_all()
        self._files.sort(key=lambda one: (one.merged, one.position.number))

    def __enter__(self) -> Given:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def enter(self, school: School, number: int | None = None) -> School:
        """Enter what was said before a changeset was merged, by default all that is left, and return the school as it stands then.

        Args:
            school: As it stands now.
            number: Of the school's changeset that comes next.
        """
        while self._files and (number is None or self._files[0].merged < number):
            school = _enter(self._server, school, self._files.pop(0))
        return school


@dataclass(frozen=True, slots=True)
class _Return:
    """A return that is given back.

    Attributes:
        file, file_key: The sealed file, and its key.
        position: Log position up to which it goes.
        common: Last log position that this server and the one that wrote it share.
        merged: Number up to which the school's chain was merged when it was written.
    """

    file: BinaryIO
    file_key: bytes
    position: Position
    common: int
    merged: int


def _files(told: Iterable[Told], opened: ExitStack) -> Iterator[tuple[BinaryIO, bytes]]:
    """Yield each return's file with its key; the caller closes them together."""
    file: IO[bytes] | None = None
    file_key, size = b"", 0
    for piece in told:
        data = piece.data
        if file is None:
            file = opened.enter_context(tempfile.SpooledTemporaryFile(max_size=MIB))  # noqa: SIM115 - the caller closes it
            file_key, data, size = data[:_FILE_KEY], data[_FILE_KEY:], 0
        size += len(data)
        if size > PACKAGE_BYTES_MAX:
            raise errors.TooLarge(part="given return", limit=PACKAGE_BYTES_MAX)
        file.write(data)
        if not piece.number:
            yield cast(BinaryIO, file), file_key
            file = None
    if file is not None:
        raise errors.Malformed(part="given return")


def _noted(server: ServerNode, school: School, file: BinaryIO, file_key: bytes) -> _Return | None:
    """Note a return's position as known again, and return it; ``None`` if this server knows it."""
    store = server.store
    with _opened(server, school, file, file_key) as package:
        manifest, _ = read_body(package.body, store.schema.version)
        if manifest.answer is None:
            raise errors.Malformed(part="answer")
        value = manifest.answer.value
        if store.seen(school, Position(manifest.last, value[:8])):
            return None
        known = (store.seen(school, position) for position in (manifest.first, *manifest.answer.returned))
        common = max((seen.after for seen in known if seen), default=0)
    store.db.execute(
        "INSERT INTO kirim_given (scope, number, value, common, position) VALUES (?, ?, ?, ?, 0)",
        (school.sekolah_id, manifest.last, value, common),
    )
    return _Return(file, file_key, Position(manifest.last, value), common, manifest.have.number)


def _enter(server: ServerNode, school: School, given: _Return) -> School:
    store = server.store
    with _opened(server, school, given.file, given.file_key) as package:
        _, items = read_body(package.body, store.schema.version)
        entering = _Entering(store, school, given.common)
        for found in changesets(store.schema, school.sekolah_id, _centres(items)):
            for block in found.blocks:
                entering.block(block)
        school = entering.finish()
    if entering.said_anything:
        store.db.execute(
            "UPDATE kirim_given SET position = ? WHERE scope = ? AND number = ? AND value = ?",
            (school.position, school.sekolah_id, given.position.number, given.position.value),
        )
    return school


def _opened(server: ServerNode, school: School, file: BinaryIO, file_key: bytes) -> VerifiedPackage:
    file.seek(0)
    header = inspect_package(file).header
    file.seek(0)
    ours = {s.certificate.key_id: s.certificate for s in server.certificates(scope_text(CENTRE_SCOPE), KeyKind.PUSAT)}
    if header is None or header.sender not in ours:
        raise errors.SenderUnknown()
    if header.kind not in {PackageKind.BALASAN, PackageKind.PREFILL} or header.scope != scope_bytes(school.sekolah_id):
        raise errors.OtherReceiver()
    return open_with_file_key(file, sender=ours[header.sender], file_key=file_key, folder=server.files / "held")


def _centres(items: Iterable[tuple[Item, bytes]]) -> Iterator[tuple[Item, bytes]]:
    """Yield what the centre said of the scope's rows: no outcomes, reference rows or changesets of the school's own."""
    wanted = False
    for kind, data in items:
        if kind in {Item.HEAD, Item.REFERENCE, Item.BRANCH}:
            wanted = kind is Item.HEAD
        if wanted and kind in {Item.HEAD, Item.BLOCK}:
            yield kind, data


class _Entering:
    """Enters one return again, group by group.

    Args:
        server: The store.
        school: As it stands now.
        common: Last log position that this server and the one that wrote the return share.
    """

    def __init__(self, server: ServerStore, school: School, common: int) -> None:
        self.server, self.school, self.scope = server, school, school.sekolah_id
        self.entries: list[Entry] = []
        self._overruled: list[tuple[int, str, int, str, str]] = []
        self._shown: list[Entry] = []
        self._claims: Claims = {}
        self._said: list[Block] = []
        given = frozenset(
            position
            for (position,) in server.db.execute("SELECT position FROM kirim_given WHERE scope = ?", (self.scope,))
        )
        # What a school's own change has replaced since is no word against what had replaced that change.
        self._since = {
            row: {group for group, entry in groups.items() if is_opinion(entry)}
            for row, groups in last_words(server.entries_after(self.scope, common, given)).items()
        }

    def block(self, block: Block) -> None:
        """Enter one block as far as nobody here has changed the same since."""
        if not block.cause.is_opinion:
            return  # follows from the school's own changesets, which come again; those of a former laptop may not
        if block.home not in {None, self.scope}:
            self._see(block)
            return
        self._said.append(block)
        table, names = block.table, block.rows()
        there = rows.fetch(self.server.db, table, table.columns, names)
        taken: dict[tuple[Column, ...], list[tuple[object, ...]]] = {}
        gone: list[str] = []
        for n, name in enumerate(names):
            standing, since = there.get(name), self._since.get((table.number, name), set())
            if standing is not None and standing[-1] != self.scope:
                continue  # its home has moved
            if block.op is Op.DELETE:
                if standing is not None and standing[-2] != 1:
                    if since:
                        self._overrule(table, name, 0, {"soft_delete": (1, 0)})
                    else:
                        gone.append(name)
                continue
            given = dict(zip(block.columns, (values[n] for values in block.values[len(table.key) :]), strict=True))
            columns = self._open_columns(block, name, given, standing, since)
            if columns:
                taken.setdefault(columns, []).append((*rows.key_values(table, name), *(given[c] for c in columns)))
        for columns, found in taken.items():
            for start in range(0, len(found), BLOCK_ROWS_MAX):
                values = list(zip(*found[start : start + BLOCK_ROWS_MAX], strict=True))
                self._write(Block(table, block.op, columns, values, block.cause, block.locked))
        if gone:
            keys = rows.columns_of([rows.key_values(table, name) for name in gone])
            self._write(Block(table, Op.DELETE, (), keys, block.cause))

    def _open_columns(
        self,
        block: Block,
        name: str,
        given: dict[Column, object],
        standing: tuple[object, ...] | None,
        since: set[int],
    ) -> tuple[Column, ...]:
        """Return the columns that are entered again; where the server's value stands, it goes back."""
        if standing is None:
            return tuple(given)
        table = block.table
        now = dict(zip(table.columns, standing, strict=False))
        revived = standing[-2] == 1 and block.op is Op.INSERT and 0 not in since
        columns: list[Column] = []
        for group in dict.fromkeys(table.group_of[column.name] for column in given):
            mine = [column for column in given if table.group_of[column.name] is group]
            differs = [c for c in mine if now[c] != given[c] or type(now[c]) is not type(given[c])]
            if since & {0, group.number}:
                if differs:
                    self._overrule(table, name, group.number, {c.name: (given[c], now[c]) for c in differs})
            elif differs or block.locked or revived:
                columns += mine
        return tuple(columns)

    def _overrule(self, table: Table, name: str, group: int, values: dict[str, tuple[object, object]]) -> None:
        """What the server has said since stands, and goes back; both values are listed for whoever said them."""
        given, stands = (shown(tuple(values), [pair[n] for pair in values.values()]) for n in (0, 1))
        self._overruled.append((table.number, name, group, given, stands))
        self.entries.append((table.number, name, group, int(Op.UPDATE if group else Op.INSERT), int(Cause.KOREKSI)))

    def _see(self, block: Block) -> None:
        """A row of another home that this school was shown is shown to it again, as it is now."""
        self._shown += [(block.table.number, name, 0, int(Op.INSERT), int(Cause.KOREKSI)) for name in block.rows()]
        self.server.db.executemany(
            "INSERT INTO kirim_seen (table_no, row, scope, home) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [(block.table.number, name, self.scope, block.home) for name in block.rows()],
        )

    def _write(self, block: Block) -> None:
        if block.op is Op.DELETE:
            rows.mark_deleted(self.server.db, block.table, block.values)
        else:
            rows.upsert_rows(self.server.db, block.table, block.columns, block.values, self.scope)
        note_claims(block, self._claims)
        note_revived(self.server, block, self._claims)
        self.entries += index_rows(block, block.cause)
        lock(self.server, [block])

    @property
    def said_anything(self) -> bool:
        """Whether anything is entered again."""
        return bool(self.entries or self._shown)

    def finish(self) -> School:
        """Log what was entered, with everything that the return said, and return the school as it stands then."""
        if not self.said_anything:
            return self.school
        self.school = log(self.server, self.school, Cause.PUSAT, self._said, self.entries + self._shown)
        self.server.db.executemany(
            "INSERT INTO kirim_overruled (scope, position, table_no, row, group_no, given, stands) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            ((self.scope, self.school.position, *one) for one in self._overruled),
        )
        tell_others(self.server, self.school, self.entries)
        return report_claims(self.server, self.school, self._claims)
