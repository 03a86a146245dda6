"""Lists of people: who each line is, and one comparison of the line with what the store holds of that person."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from exchange import errors
from exchange.errors import Reason
from exchange.interop.cells import cell_text
from exchange.interop.codes import Codes, Regions
from exchange.interop.intake import Batch, Line, Locks, Values, lines
from exchange.interop.layout import Found
from exchange.interop.matching import Identity, People
from exchange.interop.report import ImportReport, School
from exchange.interop.tongue import Tongue
from exchange.interop.whose import names_a_school
from exchange.interop.workbook import Rows
from exchange.schema.model import Table
from exchange.words import mark

if TYPE_CHECKING:
    from exchange.store.database import Database

STRANGE = mark("column {column} is not part of the list and was left")

UNTITLED = mark("new here: {count} of {all} people in the list, whose title names no school; make sure that it is this school's list")


@dataclass(frozen=True, slots=True)
class Asked:
    """What an import is asked to do.

    Attributes:
        db: The school's store.
        school: Whose.
        rows: The list's cells.
        found: Its header.
        clock: Local time.
        new_id: Where ids of new people come from.
    """

    db: Database
    school: School
    rows: Rows
    found: Found
    clock: Callable[[], datetime]
    new_id: Callable[[], uuid.UUID]


class PeopleIntake(ABC):
    """One run over a list of people: what the store holds, what the list says, and what is to be written.

    The caller holds a transaction, so that nobody writes between the comparison and its outcome.

    Args:
        asked: The store, the school, the list.
        tables: Tables that the list fills, that of the people first, parents before children.
        number: The column with their number, ``nisn`` or ``nuptk``.
    """

    def __init__(self, asked: Asked, tables: Sequence[Table], number: str) -> None:
        self.db, self.school, self.new_id = asked.db, asked.school, asked.new_id
        self.rows, self.found = asked.rows, asked.found
        self.tables, self.table, self.number = tables, tables[0], number
        self.codes = Codes(self.db)
        where = self.db.execute("SELECT kode_wilayah FROM sekolah WHERE sekolah_id = ?", (self.school.sekolah_id,))
        home = where.fetchone()
        self.tongue = Tongue(self.codes, Regions(self.db, home[0] if home else None), asked.clock().date())
        self.locks = Locks(self.db, tables)
        self.places = {
            table.name: [place for place in self.found.places if place.field.table == table.name] for table in tables
        }
        self.by_column = {place.field.column: place for place in self.places[self.table.name]}
        self.stored = self.read(self.table, self.table.key_names[0])
        self.people = People({row: self._identity(values) for row, values in self.stored.items()})
        self.named: dict[str, list[str]] = {}
        name = self.by_column["nama"].field
        for row, values in self.stored.items():
            self.named.setdefault(str(self.tongue.show(name, values["nama"])).strip(), []).append(row)
        self.lines: list[Line] = []
        self.claimed: dict[str, Line] = {}

    def read(self, table: Table, key: str, *extra: str, **where: str) -> dict[str, Values]:
        """Return live rows by one key column, in the store's order, with the columns that the file speaks of."""
        spoken = (place.field.column for place in self.places[table.name])
        names = list(dict.fromkeys([key, *spoken, *extra, "kirim_home"]))
        asked = "".join(f" AND {name} = ?" for name in where)
        cursor = self.db.execute(
            f"SELECT {', '.join(names)} FROM {table.name} WHERE soft_delete IS NOT 1{asked} ORDER BY rowid",
            [*where.values()],
        )
        return {str(row[0]): dict(zip(names, row, strict=True)) for row in cursor.fetchall()}

    def foreign(self, values: Mapping[str, object]) -> bool:
        """Return whether a row's home is another school."""
        return values["kirim_home"] is not None and values["kirim_home"] != self.school.sekolah_id

    @abstractmethod
    def compare(self, line: Line, row: str | None) -> str:
        """Compare a line with somebody's rows, or with new ones, and return the person's id."""

    def finish_batch(self, batch: Batch) -> None:  # noqa: B027
        """Add to a batch what several lines share; nothing unless a list says otherwise."""

    def run(self, *, partial: bool) -> ImportReport:
        """Read all lines, write what may be written, and say what became of the file."""
        for line in lines(self.rows, self.found):
            self._take(line)
        problems = [problem for line in self.lines for problem in line.problems]
        report = ImportReport(problems=problems, taken=partial or not problems)
        batch = Batch(self.tables)
        if report.taken:
            for line in self.clean_lines():
                report.ignored += line.ignored
                for draft in line.drafts:
                    batch.add(draft)
            self.finish_batch(batch)
            batch.write(self.db)
        report.tables = batch.taken
        new = sum(draft.table is self.table and draft.stored is None for line in self.lines for draft in line.drafts)
        if self.stored and 2 * new > len(self.lines) and not names_a_school(self.rows, self.found):
            report.notes.append((UNTITLED, {"count": new, "all": len(self.lines)}))
        report.notes += [(STRANGE, {"column": column}) for column in self.found.strange]
        return report

    def clean_lines(self) -> list[Line]:
        """Return the lines without a problem."""
        return [line for line in self.lines if not line.problems]

    def _take(self, line: Line) -> None:
        """Find out who a line is, and compare."""
        identity = self._claims(line)
        fits = self.people.find(identity)
        if not fits:
            # Somebody without number, NIK and birth date is known only by being, to the letter, what a download shows.
            exact = self._exact(line, self.named.get(identity.name, []))
            if exact is None:
                self.people.add(self.compare(line, None), identity)
            line = exact or line
        elif self._is_plain(fits, identity):
            self.compare(line, fits[0])
        else:
            exact = self._exact(line, fits)
            if exact is None:
                self._doubt(line)
                for row in fits:
                    before = self.claimed.get(row)
                    # Nobody knows which of the two is meant, unless both say the same of somebody new.
                    same = row not in self.stored and self.people.identity(row) == identity
                    if before is not None and before.changes and not same:
                        self._doubt(before)
            line = exact or line
        self.claimed.update((str(draft.key[0]), line) for draft in line.drafts if draft.table is self.table)
        self.lines.append(line)

    def _is_plain(self, fits: Sequence[str], identity: Identity) -> bool:
        """Return whether a line means one person of the store, who had no line yet."""
        only = fits[0]
        if len(fits) > 1 or only in self.claimed or only not in self.stored:
            return False
        return not self.people.is_other(only, identity)

    def _doubt(self, line: Line) -> None:
        if not any(problem.code == errors.MATCHED_TWICE.code for problem in line.problems):
            line.problem(self.by_column["nama"], errors.MATCHED_TWICE)

    def _exact(self, line: Line, fits: Sequence[str]) -> Line | None:
        """Return the line as it is if it is just what a download shows of somebody who fits and had no line yet."""
        for row in fits:
            if row in self.claimed or row not in self.stored:
                continue
            trial = Line(line.number, line.cells)
            self.compare(trial, row)
            if not trial.changes:
                return trial
        return None

    def _claims(self, line: Line) -> Identity:
        """Return whom a line speaks of, as far as its cells can be read."""

        def read(column: str) -> str:
            place = self.by_column.get(column)
            cell = line.cell(place)
            value = self.tongue.read(place.field, cell) if place is not None and cell is not None else None
            # A damaged number still names whoever has the very same one in the store.
            return cell_text(cell).strip() if isinstance(value, Reason) else str(value or "")

        return self._identity({column: read(column) for column in (self.number, "nik", "nama", "tanggal_lahir")})

    def _identity(self, values: Mapping[str, object]) -> Identity:
        number, nik, name, birth = (
            str(values.get(column) or "") for column in (self.number, "nik", "nama", "tanggal_lahir")
        )
        return Identity.of(number, self.table.by_name[self.number].size, nik, name, birth)
