"""From the school's store to a changeset: what changed since the last cut, net of what was undone.

Triggers keep each row's image before its first change (``exchange/store/ddl.py``). A cut compares the image with the
row now, writes the difference as the next changeset of the school's chain and empties the images, all in one
transaction. A row made and deleted between two cuts is no change, nor is an edit that was undone, nor one of audit
columns alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from exchange.limits import BLOCK_ROWS_MAX
from exchange.records import Block, ChangesetHead, Op
from exchange.schema.model import Table
from exchange.store import chains
from exchange.store.rows import key_values
from exchange.store.school import SchoolStore

Net = dict[str, dict[Op, set[str]]]
"""Rows by table and operation."""

_DELETED, _ASIDE = 1, 2
"""Marks of an image whose row goes out whole: one that was deleted, and a new one that only the server's open list has."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What a cut made.

    Attributes:
        number: Number of the new changeset, or ``None`` when nothing had changed.
        put_back: Rows that another program had removed from the file itself; they stand again.
    """

    number: int | None
    put_back: tuple[tuple[str, str], ...] = field(default=())


def cut(store: SchoolStore) -> Cut:
    """Turn what was captured into the school's next changeset.

    Part of the caller's transaction. Cutting again at once makes nothing.

    Source:
        docs/protocol.md, rules 1 and 2.
    """
    put_back = mend(store)
    blocks = changed_blocks(store)
    first = next(blocks, None)
    number = None
    if first is not None:
        number = store.last + 1
        head = ChangesetHead(number, store.have_position)
        add(store, head, _chained(first, blocks))
    for table in store.schema.data_tables:
        store.db.execute(f"DELETE FROM kirim_before_{table.name}")
    store.set(cut=store.captured)
    return Cut(number, put_back)


def mend(store: SchoolStore) -> tuple[tuple[str, str], ...]:
    """Put right what another program did to rows and a row cannot mean, and name the rows that stand again.

    Whatever compares rows with something else, a cut or a list that is imported, does so after this. Part of the caller's
    transaction.

    Source:
        docs/adr/0005-a-row-that-vanished-is-put-back.md.
    """
    put_back = tuple(_put_back(store))
    _keep_homes(store)
    _keep_marks(store)
    return put_back


def _chained(first: Block, rest: Iterable[Block]) -> Iterator[Block]:
    yield first
    yield from rest


def add(store: SchoolStore, head: ChangesetHead, blocks: Iterable[Block]) -> None:
    """Encode, chain and store a changeset of the school's own."""
    from exchange.format.changeset import chain_next, encode_changeset

    before = store.value_at(head.number - 1)
    assert before is not None
    digest = hashlib.sha256()
    writer = chains.PartWriter(store.db, store.scope, store.device, head.number)
    for part in encode_changeset(store.schema, store.scope, head, blocks):
        digest.update(part)
        writer.add(part)
    writer.close()
    chains.add_changeset(store.db, store.scope, store.device, head, chain_next(before, digest.digest()), position=0)


def own_blocks(store: SchoolStore, after: int, last: int) -> Iterator[Block]:
    """Yield the blocks of the school's own changesets after one number up to another, oldest first."""
    if after == last:
        return  # nothing to decode, so nothing to import either: most commands end here
    from exchange.format.changeset import decode_changeset

    for number in range(after + 1, last + 1):
        parts = chains.read_parts(store.db, store.scope, store.device, number)
        yield from decode_changeset(store.schema, store.scope, parts)[1]


def as_deleted(store: SchoolStore, table: Table, names: Sequence[str]) -> None:
    """Note rows as if they had been deleted at the last cut, so that the next one sends them whole.

    Args:
        store: The school's store, inside a transaction.
        table: Whose rows.
        names: Their ids.
    """
    _note_as(store, table, names, _DELETED)


def as_aside(store: SchoolStore, table: Table, names: Sequence[str]) -> None:
    """Note rows as new ones that the server keeps aside: the next cut sends them whole, or withdraws what is deleted till then.

    Args:
        store: The school's store, inside a transaction.
        table: Whose rows.
        names: Their ids.
    """
    _note_as(store, table, names, _ASIDE)


def _note_as(store: SchoolStore, table: Table, names: Sequence[str], mark: int) -> None:
    columns = ", ".join([*(c.name for c in table.all_columns), "kirim_home"])
    where = " AND ".join(f"{key} = ?" for key in table.key_names)
    store.db.executemany(
        f"INSERT INTO kirim_before_{table.name} ({columns}, soft_delete, kirim_existed) "
        f"SELECT {columns}, {mark}, 1 FROM {table.name} WHERE {where} "
        f"AND NOT EXISTS (SELECT 1 FROM kirim_before_{table.name} WHERE {where})",
        [(*keys, *keys) for keys in (key_values(table, name) for name in names)],
    )
    if names:
        store.db.execute("UPDATE kirim_capture SET changes = changes + 1")


def changed_blocks(store: SchoolStore) -> Iterator[Block]:
    """Yield what was captured as blocks: parents before children, rows in the order in which they were first touched."""
    for table in store.schema.data_tables:
        if store.db.value(f"SELECT 1 FROM kirim_before_{table.name} LIMIT 1"):
            yield from _inserted(store, table)
            yield from _edited(store, table)
    for table in reversed(store.schema.data_tables):
        if store.db.value(f"SELECT 1 FROM kirim_before_{table.name} LIMIT 1"):
            yield from _deleted(store, table)


def _joined(table: Table) -> str:
    on = " AND ".join(f"t.{key} = b.{key}" for key in table.key_names)
    return f"FROM kirim_before_{table.name} b JOIN {table.name} t ON {on}"


def insert_blocks(table: Table, found: Iterable[Sequence[tuple[object, ...]]]) -> Iterator[Block]:
    """Yield insert blocks of whole rows, leaving out columns that no row of a block fills.

    Args:
        table: Whose rows.
        found: Lists of rows: key values, then every column of the table.
    """
    keys = len(table.key)
    for part in found:
        values = list(zip(*part, strict=True))
        filled = [n for n, column in enumerate(values[keys:]) if any(value is not None for value in column)]
        columns = tuple(table.columns[n] for n in filled)
        yield Block(table, Op.INSERT, columns, [*values[:keys], *(values[keys + n] for n in filled)])


def _inserted(store: SchoolStore, table: Table) -> Iterator[Block]:
    names = ", ".join(f"t.{c.name}" for c in table.all_columns)
    select = f"SELECT {names} {_joined(table)} WHERE t.soft_delete IS NOT 1"
    fresh = store.db.execute(f"{select} AND b.kirim_existed = 0 ORDER BY b.rowid")
    yield from insert_blocks(table, iter(lambda: fresh.fetchmany(BLOCK_ROWS_MAX), []))
    # A row that lives again travels with its empty columns too: the other side still has what they held.
    again = store.db.execute(f"{select} AND b.kirim_existed = 1 AND b.soft_delete IN ({_DELETED}, {_ASIDE}) ORDER BY b.rowid")
    while part := again.fetchmany(BLOCK_ROWS_MAX):
        yield Block(table, Op.INSERT, table.columns, list(zip(*part, strict=True)))


def _edited(store: SchoolStore, table: Table) -> Iterator[Block]:
    """Yield updates. Columns that merge as a unit travel as one, so that no row mixes two halves of a value."""
    keys, width = len(table.key), len(table.columns)
    names = ", ".join(
        [f"t.{key}" for key in table.key_names]
        + [f"t.{name}" for name in table.column_names]
        + [f"b.{name}" for name in table.column_names]
    )
    cursor = store.db.execute(
        f"SELECT {names} {_joined(table)} WHERE b.kirim_existed = 1 AND b.soft_delete IS NOT {_DELETED} "
        f"AND b.soft_delete IS NOT {_ASIDE} AND t.soft_delete IS NOT 1 ORDER BY b.rowid"
    )
    groups = [[column.number - keys for column in group.columns] for group in table.groups]
    sets: dict[tuple[int, ...], list[tuple[object, ...]]] = {}
    for row in cursor:
        now, then = row[keys : keys + width], row[keys + width :]
        if now == then and all(map(_same_type, now, then)):
            continue
        changed = tuple(sorted(n for group in groups if any(_differs(now[n], then[n]) for n in group) for n in group))
        if changed:
            sets.setdefault(changed, []).append((*row[:keys], *(now[n] for n in changed)))
    for changed, found in sets.items():
        columns = tuple(table.columns[n] for n in changed)
        for start in range(0, len(found), BLOCK_ROWS_MAX):
            yield Block(table, Op.UPDATE, columns, list(zip(*found[start : start + BLOCK_ROWS_MAX], strict=True)))


def _same_type(a: object, b: object) -> bool:
    return type(a) is type(b)


def _differs(a: object, b: object) -> bool:
    """Whether two values of a store differ; 1 and 1.0 do, so that every byte arrives."""
    return type(a) is not type(b) or a != b


def _deleted(store: SchoolStore, table: Table) -> Iterator[Block]:
    names = ", ".join(f"t.{key}" for key in table.key_names)
    cursor = store.db.execute(
        f"SELECT {names} {_joined(table)} WHERE b.kirim_existed = 1 AND b.soft_delete IS NOT 1 "
        "AND t.soft_delete = 1 ORDER BY b.rowid"
    )
    while part := cursor.fetchmany(BLOCK_ROWS_MAX):
        yield Block(table, Op.DELETE, (), list(zip(*part, strict=True)))


def _keep_homes(store: SchoolStore) -> None:
    """Give rows their home back that another program wrote without it, or copied with it: a home only the centre moves."""
    for table in store.schema.data_tables:
        keys = ", ".join(f"b.{key}" for key in table.key_names)
        astray = store.db.execute(
            f"SELECT b.kirim_home, {keys} {_joined(table)} WHERE t.kirim_home IS NOT b.kirim_home"
        ).fetchall()
        where = " AND ".join(f"{key} = ?" for key in table.key_names)
        store.db.executemany(f"UPDATE {table.name} SET kirim_home = ? WHERE {where}", astray)


def _keep_marks(store: SchoolStore) -> None:
    """Only 1 deletes a row: any other mark that a program wrote there is 0, so that nobody reads it either way."""
    for table in store.schema.data_tables:
        keys = ", ".join(f"t.{key}" for key in table.key_names)
        strange = store.db.execute(
            f"SELECT {keys} {_joined(table)} WHERE t.soft_delete IS NULL OR t.soft_delete NOT IN (0, 1)"
        ).fetchall()
        where = " AND ".join(f"{key} = ?" for key in table.key_names)
        store.db.executemany(f"UPDATE {table.name} SET soft_delete = 0 WHERE {where}", strange)


def _put_back(store: SchoolStore) -> Iterator[tuple[str, str]]:
    """Put rows back that another program removed from the file, and name them.

    A row that vanished is missing, never deleted: only ``soft_delete`` deletes (Dapodik's own rule), so what a tool
    cleared away by accident is not lost.
    """
    for table in store.schema.data_tables:
        gone = (
            f"FROM kirim_before_{table.name} b WHERE b.kirim_existed = 1 AND b.soft_delete IS NOT 1 AND NOT EXISTS "
            f"(SELECT 1 FROM {table.name} t WHERE {' AND '.join(f't.{k} = b.{k}' for k in table.key_names)})"
        )
        keys = ", ".join(f"b.{key}" for key in table.key_names)
        missing = store.db.execute(f"SELECT {keys} {gone}").fetchall()
        if not missing:
            continue
        names = ", ".join([c.name for c in table.all_columns] + ["soft_delete", "kirim_home"])
        picked = ", ".join(f"b.{name}" for name in names.split(", "))
        with store.capture_off():
            store.db.execute(f"INSERT INTO {table.name} ({names}) SELECT {picked} {gone}")
        for row in missing:
            name = "|".join(map(str, row))
            store.db.execute(
                "INSERT INTO kirim_vanished (table_no, row, noticed_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (table.number, name, store.clock()),
            )
            yield table.name, name


def net(blocks: Iterable[Block], into: Net | None = None) -> Net:
    """Return rows by table and net operation over blocks in the order in which they were made.

    Args:
        blocks: Of one or more changesets.
        into: Earlier changes, added to.
    """
    found: Net = {} if into is None else into
    for block in blocks:
        ops = found.setdefault(block.table.name, {op: set() for op in Op})
        names = set(block.rows())
        if block.op is Op.UPDATE:
            ops[Op.UPDATE] |= names - ops[Op.INSERT]
        elif block.op is Op.INSERT:
            back = names & ops[Op.DELETE]
            ops[Op.DELETE] -= back
            ops[Op.UPDATE] |= back
            ops[Op.INSERT] |= names - back - ops[Op.UPDATE]
        else:
            gone = names & ops[Op.INSERT]
            ops[Op.INSERT] -= gone
            ops[Op.UPDATE] -= names
            ops[Op.DELETE] |= names - gone
    return found


def counted(changes: Net) -> dict[str, dict[str, int]]:
    """Return the number of rows by table and operation, tables without any left out."""
    return {
        table: {op.name.lower(): len(names) for op, names in ops.items()}
        for table, ops in changes.items()
        if any(ops.values())
    }
