"""What the centre itself changes in a school's scope: written, logged and indexed in one step.

Counters are per scope and taken under the scope's lock, so commits of different schools never wait for one another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from exchange.blocks import groups_of
from exchange.format.changeset import encode_changeset
from exchange.records import Block, Cause, ChangesetHead, Op, Position
from exchange.schema.model import Table
from exchange.store import chains, rows
from exchange.store.server import CHANGED, School, ServerStore

Entry = tuple[int, str, int, int, int]
"""(table, row, group, op, cause) of ``kirim_index``."""


def record(server: ServerStore, school: School, cause: Cause, blocks: Sequence[Block]) -> School:
    """Make the centre's changes in a school's scope and return the school as it stands then.

    Part of the caller's transaction. Every other school that sees a row hears of it too.

    Args:
        server: The store.
        school: In whose scope, as it stands now.
        cause: Who speaks.
        blocks: What changes; ``locked`` blocks lock their groups.
    """
    for block in blocks:
        _write(server, school, block)
    entries = [entry for block in blocks for entry in index_rows(block, cause)]
    school = log(server, school, cause, blocks, entries)
    lock(server, blocks)
    tell_others(server, school, entries)
    return school


def log(
    server: ServerStore,
    school: School,
    cause: Cause,
    blocks: Sequence[Block],
    entries: Iterable[Entry],
    *,
    after: bytes = b"",
) -> School:
    """Keep blocks as a changeset of the centre in a school's log, with an index row for each group.

    Args:
        server: The store.
        school: In whose log, as it stands now.
        cause: Who speaks.
        blocks: What is said; none if the entries speak of rows that stand in the tables.
        entries: The index rows.
        after: Value of another school's log, of whose rows the entries speak: what they stand for hangs on that log, and two
            histories of it never share a position here.

    Returns:
        The school as it stands then.
    """
    position = school.position + 1
    told = list(entries)
    head = ChangesetHead(position, Position(0, bytes(8)))
    digest = hashlib.sha256()
    writer = chains.PartWriter(server.db, school.sekolah_id, chains.CENTRE, position)
    for part in encode_changeset(server.schema, school.sekolah_id, head, blocks):
        digest.update(part)
        writer.add(part)
    writer.close()
    chains.add_changeset(server.db, school.sekolah_id, chains.CENTRE, head, digest.digest(), position=position)
    entry = hashlib.sha256(digest.digest() + bytes([cause]) + after)
    for table, row, *rest in told:
        entry.update(table.to_bytes(2, "big") + row.encode() + bytes(rest))
    school = server.append(school, CHANGED, chains.CENTRE, position, cause, entry.digest())
    server.add_index(school.sekolah_id, position, told)
    return school


def _write(server: ServerStore, school: School, block: Block) -> None:
    if block.op is Op.DELETE:
        rows.mark_deleted(server.db, block.table, block.values)
    else:
        rows.upsert_rows(server.db, block.table, block.columns, block.values, school.sekolah_id)


def index_rows(block: Block, cause: Cause) -> list[Entry]:
    """Return the index rows of a block: (table, row, group, op, cause)."""
    groups = groups_of(block) | (_locked(block) if block.locked else set())
    return [
        (block.table.number, row, group, int(block.op), int(cause)) for row in block.rows() for group in sorted(groups)
    ]


def lock(server: ServerStore, blocks: Iterable[Block]) -> None:
    """Lock the groups that blocks name as locked, row by row."""
    server.lock(
        (block.table.number, row, group)
        for block in blocks
        if block.locked
        for row in block.rows()
        for group in _locked(block)
    )


def _locked(block: Block) -> set[int]:
    """Return the groups of a locked block's columns."""
    return {block.table.group_of[column.name].number for column in block.columns}


def tell_others(server: ServerStore, school: School, entries: Iterable[Entry]) -> None:
    """Append a change to the log of every other scope that sees one of its rows, in the order of their ids.

    Args:
        server: The store.
        school: Whose rows; its own log has the change already.
        entries: What changed.
    """
    if not server.db.value("SELECT 1 FROM kirim_seen WHERE home = ? LIMIT 1", (school.sekolah_id,)):
        return
    seen: dict[tuple[int, str], list[str]] = {}
    for table, row, scope in server.db.execute(
        "SELECT table_no, row, scope FROM kirim_seen WHERE home = ?", (school.sekolah_id,)
    ):
        seen.setdefault((table, row), []).append(scope)
    told: dict[str, list[Entry]] = {}
    for entry in entries:
        for scope in seen.get((entry[0], entry[1]), ()):
            told.setdefault(scope, []).append(entry)
    for scope, theirs in sorted(told.items()):
        other = server.school(scope)
        if other is not None:
            log(server, other, Cause(theirs[0][4]), (), theirs, after=school.value)


def show(server: ServerStore, other: School, table: Table, row: str, home: str) -> School:
    """Let another school see a row from now on: a PTK who teaches there, a pupil who left.

    Returns:
        The other school as it stands then; its next return brings the whole row.
    """
    server.db.execute(
        "INSERT INTO kirim_seen (table_no, row, scope, home) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (table.number, row, other.sekolah_id, home),
    )
    owner = server.school(home)
    entry = (table.number, row, 0, int(Op.INSERT), int(Cause.DINAS))
    return log(server, other, Cause.DINAS, (), [entry], after=owner.value if owner else b"")
