"""What every import of a list does: compare cells with the store, note what changes, and write it all at once.

Nothing is written while a file is read. A row of the file with a problem is left out whole; the caller decides whether
the others are taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exchange import errors
from exchange.errors import Reason
from exchange.interop.cells import cell_text
from exchange.interop.layout import Found, Place
from exchange.interop.report import Problem, Taken
from exchange.interop.tongue import Tongue, column_of
from exchange.interop.workbook import Cell, Rows
from exchange.schema.model import Kind, Policy, Table
from exchange.words import mark

if TYPE_CHECKING:
    from exchange.store.database import Database

VALUE_SHOWN_MAX = 200
"""Characters of a cell that a problem repeats."""

DATE_FORM = mark("write the date as 2016-05-03: year, month, day")
"""What to write where a date cannot be read, a message id."""

Values = dict[str, object]


@dataclass(slots=True)
class Draft:
    """One row of the store as it is and as it would be.

    Attributes:
        table: Whose row.
        key: Its key.
        stored: Its values, or ``None`` if it is to be made.
        changes: What a list sets.
        foreign: Whether its home is another school, so that nothing of it is ours to set.
        removed: Whether it is to be marked deleted.
    """

    table: Table
    key: tuple[object, ...]
    stored: Mapping[str, object] | None
    changes: Values = field(default_factory=dict)
    foreign: bool = False
    removed: bool = False

    @property
    def row(self) -> str:
        """The row's id, as in :meth:`exchange.records.Block.rows`."""
        return "|".join(map(str, self.key))

    def value(self, column: str) -> object:
        """Return what a column would hold."""
        return self.changes.get(column, self.stored.get(column) if self.stored is not None else None)


@dataclass(slots=True)
class Line:
    """One row of a file, and what became of it.

    Attributes:
        number: Its number, from 1.
        cells: Its cells.
        drafts: Rows of the store that it speaks of.
        problems: Its cells that cannot be taken.
        ignored: Its cells that differ where a school may not set anything.
    """

    number: int
    cells: Sequence[Cell]
    drafts: list[Draft] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    ignored: int = 0

    def cell(self, place: Place | None) -> Cell:
        """Return a cell, ``None`` if it is empty or its column is not in the file."""
        if place is None or place.index >= len(self.cells):
            return None
        cell = self.cells[place.index]
        return cell if cell_text(cell).strip() else None

    def problem(self, place: Place | None, reason: Reason) -> None:
        """Note that a cell cannot be taken."""
        value = cell_text(self.cells[place.index])[:VALUE_SHOWN_MAX] if place is not None else ""
        is_date = place is not None and reason is errors.WRONG_TYPE and column_of(place.field).kind is Kind.DATE
        name, hint = place.name if place else "", DATE_FORM if is_date else ""
        self.problems.append(Problem(self.number, name, value, reason.code, reason.what, hint))

    @property
    def changes(self) -> bool:
        """Whether it would change anything, or says anything that is not in the store."""
        return bool(
            self.problems or self.ignored or any(d.changes or d.removed or d.stored is None for d in self.drafts)
        )


def lines(rows: Rows, found: Found) -> Iterator[Line]:
    """Yield the rows below a list's header that hold anything but a number."""
    spoken = [place.index for place in found.places if place.field.table]
    for index in range(found.data, len(rows)):
        if any(cell_text(rows[index][column]).strip() for column in spoken):
            yield Line(index + 1, rows[index])


class Locks:
    """What the centre has verified: groups that a school no longer sets."""

    def __init__(self, db: Database, tables: Sequence[Table]) -> None:
        self._locked: set[tuple[int, str, int]] = set()
        for table in tables:
            rows = db.execute("SELECT row, group_no FROM kirim_lock WHERE table_no = ?", (table.number,)).fetchall()
            self._locked.update((table.number, str(row), int(group)) for row, group in rows)

    def has(self, table: Table, row: str, column: str) -> bool:
        """Return whether a row's group is locked."""
        return (table.number, row, table.group_of[column].number) in self._locked

    def bars(self, draft: Draft, column: str) -> bool:
        """Return whether a school may not set a column of a row."""
        policy = draft.table.group_of[column].policy
        if draft.foreign or policy in {Policy.PUSAT, Policy.DINAS}:
            return True
        return draft.stored is not None and self.has(draft.table, draft.row, column)


def weigh(line: Line, draft: Draft, places: Sequence[Place], tongue: Tongue, locks: Locks) -> None:
    """Compare the cells of a line with a row, and note what they change, what is not ours to set, and what is wrong.

    An empty cell changes nothing, nor does a filler where a value stands. A cell that is, to the letter, what a download
    would show changes nothing.

    Args:
        line: The line; problems and ignored cells are noted there.
        draft: The row; changes are noted there.
        places: Columns of the file that speak of this table.
        tongue: How cells are read.
        locks: What may not be set.
    """
    for place in places:
        cell, column = line.cell(place), place.field.column
        if cell is None:
            continue
        stored = draft.stored.get(column) if draft.stored is not None else None
        if stored is not None and (tongue.same(place.field, cell, stored) or tongue.says_nothing(place.field, cell)):
            continue
        value = tongue.read(place.field, cell)
        if not isinstance(value, Reason) and draft.stored is not None and value == stored:
            continue
        if locks.bars(draft, column):
            line.ignored += 1
        elif isinstance(value, Reason):
            line.problem(place, value)
        else:
            draft.changes[column] = value


def require(line: Line, draft: Draft, places: Mapping[str, Place], columns: Sequence[str]) -> None:
    """Note as problems the columns that a new row needs and does not get."""
    named = {problem.column for problem in line.problems}
    for column in columns:
        place = places.get(column)
        if draft.value(column) is None and (place is None or place.name not in named):
            line.problem(place, errors.VALUE_MISSING)


class Batch:
    """Rows to write, gathered so that each table takes few statements."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self.taken: dict[str, Taken] = {table.name: Taken() for table in tables}
        self._order = {table.name: number for number, table in enumerate(tables)}
        self._inserts: dict[tuple[str, tuple[str, ...]], list[Draft]] = {}
        self._updates: dict[tuple[str, tuple[str, ...]], list[Draft]] = {}
        self._removed: list[Draft] = []

    def add(self, draft: Draft) -> None:
        """Take a row as it stands now."""
        names = tuple(name for name in draft.table.column_names if name in draft.changes)
        taken = self.taken[draft.table.name]
        if draft.removed:
            taken.updated += 1
            self._removed.append(draft)
        elif draft.stored is None:
            taken.inserted += 1
            self._inserts.setdefault((draft.table.name, names), []).append(draft)
        elif names:
            taken.updated += 1
            self._updates.setdefault((draft.table.name, names), []).append(draft)
        else:
            taken.unchanged += 1

    def write(self, db: Database) -> None:
        """Write everything, all or nothing, parents first."""
        from exchange.store import rows

        with db.transaction():
            for (_, names), drafts in sorted(self._inserts.items(), key=lambda item: self._order[item[0][0]]):
                table = drafts[0].table
                columns = tuple(table.by_name[column] for column in names)
                # A derived id may stand there already as a deleted row, which then lives again.
                write = rows.upsert_rows if table.derived or len(table.key) > 1 else rows.insert_rows
                write(db, table, columns, _by_column(drafts, names), None)
            for (_, names), drafts in sorted(self._updates.items(), key=lambda item: self._order[item[0][0]]):
                table = drafts[0].table
                rows.update_rows(db, table, tuple(table.by_name[column] for column in names), _by_column(drafts, names))
            for draft in self._removed:
                rows.mark_deleted(db, draft.table, [[value] for value in draft.key])


def _by_column(drafts: Sequence[Draft], names: Sequence[str]) -> list[list[object]]:
    keys = [list(column) for column in zip(*(draft.key for draft in drafts), strict=True)]
    return keys + [[draft.changes[name] for draft in drafts] for name in names]
