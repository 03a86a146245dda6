"""What a return says: the last value of every group that others touched since what the school says it has.

A value is said even where it is what it was then, because the school may have changed it meanwhile and takes a group
that the return does not speak of as agreed (``docs/protocol.md`` 18).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace

from exchange.laptops import unheard
from exchange.limits import BLOCK_ROWS_MAX
from exchange.records import Block, Cause, Op, row_key
from exchange.schema.model import Column, Table
from exchange.school.capture import insert_blocks
from exchange.server.openlist import OpenList
from exchange.store import rows
from exchange.store.server import Entry, School, ServerStore, last_words


@dataclass(frozen=True, slots=True, order=True)
class _Shape:
    """What the rows of one block have in common."""

    op: int
    columns: tuple[int, ...]
    cause: int
    locked: bool
    home: str


def touched_blocks(server: ServerStore, school: School, after: int) -> Iterator[Block]:
    """Yield what others touched in a school's scope after a position, as the tables hold it now.

    Parents come before children; deletes come last, children before parents. What another laptop of the school sent and
    the server keeps aside comes as :attr:`Cause.DISISIHKAN`.

    Args:
        server: The store.
        school: For whom.
        after: Log position; 0 for everything that was ever touched.
    """
    words = last_words(unheard(server, school, after))
    by_table: dict[int, dict[str, dict[int, Entry]]] = {}
    for (number, row), groups in words.items():
        by_table.setdefault(number, {})[row] = groups
    late: list[Block] = []
    waiting = OpenList(server.db, server.schema, school.sekolah_id)
    for table in server.schema.data_tables:
        for block in _table_blocks(server, school, table, by_table.get(table.number, {}), waiting):
            if block.op is Op.DELETE:
                late.append(block)
            else:
                yield block
    yield from reversed(late)


def _table_blocks(
    server: ServerStore, school: School, table: Table, wanted: dict[str, dict[int, Entry]], waiting: OpenList
) -> Iterator[Block]:
    shapes: dict[_Shape, list[tuple[object, ...]]] = {}
    there = rows.fetch(server.db, table, table.columns, list(wanted))
    locks: dict[str, set[int]] = {}
    for row, group in server.locks(table.number, list(wanted)):
        locks.setdefault(row, set()).add(group)
    for row, groups in wanted.items():
        if row not in there:
            if (table.number, row) in waiting:
                yield replace(waiting.get((table.number, row)), cause=Cause.DISISIHKAN)
            continue
        *values, deleted, home = there[row]
        keys = tuple(row_key(row))
        of = "" if home == school.sekolah_id else str(home)
        locked = set() if of else locks.get(row, set())
        for shape, numbers in _shapes(table, groups, locked, bool(deleted), of):
            shapes.setdefault(shape, []).append((*keys, *(values[n] for n in numbers)))
    for shape, found in shapes.items():
        columns = tuple(table.columns[n] for n in shape.columns)
        for start in range(0, len(found), BLOCK_ROWS_MAX):
            part = list(zip(*found[start : start + BLOCK_ROWS_MAX], strict=True))
            yield Block(table, Op(shape.op), columns, part, Cause(shape.cause), shape.locked, shape.home or None)


def _shapes(
    table: Table, groups: dict[int, Entry], locked: Set[int], deleted: bool, home: str
) -> Iterator[tuple[_Shape, Sequence[int]]]:
    """Yield how a row travels: deleted, whole, or the groups that each cause touched.

    A lock is a state of its group, not a word about it: it is told with whatever is said of the group.
    """
    keys = len(table.key)
    if deleted:
        cause = groups[0].cause if 0 in groups else next(iter(groups.values())).cause
        yield _Shape(int(Op.DELETE), (), int(cause), False, home), ()
        return
    if 0 in groups:
        every = tuple(range(len(table.columns)))
        yield _Shape(int(Op.INSERT), every, int(groups[0].cause), False, home), every
        groups = dict.fromkeys(locked, groups[0]) | groups
    spoken: dict[tuple[Cause, bool], list[Column]] = {}
    for number, entry in sorted(groups.items()):
        if number and (0 not in groups or number in locked or entry.cause is not groups[0].cause):
            spoken.setdefault((entry.cause, number in locked), []).extend(table.groups[number - 1].columns)
    for (cause, is_locked), columns in spoken.items():
        numbers = tuple(sorted(column.number - keys for column in columns))
        yield _Shape(int(Op.UPDATE), numbers, int(cause), is_locked, home), numbers


def baseline_blocks(server: ServerStore, school: School, *, guests: bool = False) -> Iterator[Block]:
    """Yield every live row of a school's scope and every lock: a prefill's content.

    Args:
        server: The store.
        school: Whose.
        guests: Whether the rows of other homes that it sees come too.
    """
    for table in server.schema.data_tables:
        if guests:
            yield from _seen(server, school, table)
        found = rows.read_blocks(
            server.db, table, table.columns, "kirim_home = ?", (school.sekolah_id,), BLOCK_ROWS_MAX
        )
        for block in insert_blocks(table, found):
            yield Block(table, Op.INSERT, block.columns, block.values, Cause.PUSAT)
            yield from _locked(server, block)


def _seen(server: ServerStore, school: School, table: Table) -> Iterator[Block]:
    """Yield the live rows of other homes that a school sees."""
    told = "SELECT row FROM kirim_seen WHERE table_no = ? AND scope = ? ORDER BY row"
    names = [row for (row,) in server.db.execute(told, (table.number, school.sekolah_id))]
    by_home: dict[str, list[tuple[object, ...]]] = {}
    for name, (*values, deleted, home) in rows.fetch(server.db, table, table.columns, names).items():
        if deleted != 1 and home != school.sekolah_id:
            by_home.setdefault(str(home), []).append((*row_key(name), *values))
    for home, found in sorted(by_home.items()):
        for start in range(0, len(found), BLOCK_ROWS_MAX):
            part = list(zip(*found[start : start + BLOCK_ROWS_MAX], strict=True))
            yield Block(table, Op.INSERT, table.columns, part, Cause.PUSAT, home=home)


def waiting_blocks(server: ServerStore, school: School) -> Iterator[Block]:
    """Yield a school's new rows that are kept aside, so that a new laptop has them as unsent work of its own."""
    waiting = OpenList(server.db, server.schema, school.sekolah_id)
    for row, _ in waiting.reasons():
        yield replace(waiting.get(row), cause=Cause.DISISIHKAN)


def _locked(server: ServerStore, block: Block) -> Iterator[Block]:
    """Yield the locked groups of a block's rows once more, marked."""
    table, names = block.table, block.rows()
    marks: dict[int, set[str]] = {}
    for row, group in server.locks(table.number, names):
        marks.setdefault(group, set()).add(row)
    for number, which in sorted(marks.items()):
        columns = table.groups[number - 1].columns
        there = rows.fetch(server.db, table, columns, sorted(which))
        found = [(*row_key(row), *values[: len(columns)]) for row, values in there.items()]
        yield Block(table, Op.UPDATE, columns, list(zip(*found, strict=True)), Cause.PUSAT, locked=True)


def reference_blocks(server: ServerStore, after: int) -> Iterator[Block]:
    """Yield the reference rows that came or changed after a reference position."""
    for table in server.schema.reference_tables:
        found = rows.read_blocks(server.db, table, table.columns, "kirim_position > ?", (after,), BLOCK_ROWS_MAX)
        for block in insert_blocks(table, found):
            yield Block(table, Op.INSERT, block.columns, block.values, Cause.PUSAT)
