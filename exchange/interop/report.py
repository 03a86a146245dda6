"""What an import is told and what it tells: the school, and what became of the cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class School:
    """The school whose store takes or gives a list.

    Attributes:
        sekolah_id: Its id.
        npsn: Its NPSN.
        nama: Its name, for the head of a list.
        semester_id: The active semester, such as ``20231``.
        tahun_ajaran_id: The school year, such as 2023.
        others: Other names that it has or had.
    """

    sekolah_id: str
    npsn: str
    nama: str
    semester_id: str
    tahun_ajaran_id: int
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """One cell that cannot be taken.

    Attributes:
        row: Its row in the file, from 1.
        column: Letters and header of its column, such as ``E NISN``.
        value: What stands there, at most 200 characters.
        code: ``KF-nnn``.
        message: Why, a message id.
        hint: What to write instead, a message id, or empty.
    """

    row: int
    column: str
    value: str
    code: str
    message: str
    hint: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the facts under their names in JSON."""
        return {"row": self.row, "column": self.column, "value": self.value, "code": self.code, "message": self.message}


@dataclass(slots=True)
class Taken:
    """Rows of one table: made, changed, or found to be so already."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return the counts under their names in JSON."""
        return {"inserted": self.inserted, "updated": self.updated, "unchanged": self.unchanged}


@dataclass(slots=True)
class ImportReport:
    """What became of a list.

    Attributes:
        tables: By table, how many rows were made, changed or found unchanged. Empty if nothing was taken.
        ignored: Cells that differ from the store in columns that a school may not set.
        problems: Cells that cannot be taken, in the file's order.
        notes: What else the operator should know: pairs of a message id and its fields.
        taken: Whether the clean rows stand in the store now.
    """

    tables: dict[str, Taken] = field(default_factory=dict)
    ignored: int = 0
    problems: list[Problem] = field(default_factory=list)
    notes: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    taken: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "tables": {name: taken.as_dict() for name, taken in self.tables.items()},
            "ignored": self.ignored,
            "problems": [problem.as_dict() for problem in self.problems],
            "notes": [text.format(**facts) for text, facts in self.notes],
        }
