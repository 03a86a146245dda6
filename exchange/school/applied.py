"""What one return did at a school: rows that came in, values replaced, the school's own lines, tables that differ."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from exchange.records import Cause, Line, Outcome, Receipt
from exchange.school.branches import TakenOver


@dataclass(frozen=True, slots=True)
class Replaced:
    """One value of the school's store that a return replaced."""

    table: str
    row: str
    column: str
    old: object
    new: object
    why: Cause

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim school apply --json``."""
        return {
            "table": self.table,
            "id": self.row,
            "column": self.column,
            "old": self.old,
            "new": self.new,
            "why": self.why.name.lower(),
        }


@dataclass
class Report:
    """What one return did.

    Attributes:
        incoming: Rows that it brought, by table: *Perubahan data yang masuk ke lokal*.
        replaced: Values that it replaced.
        lines: What became of the school's own changes, where they were not simply applied.
        diverged: Tables in which both stores differ although nothing is on its way, with the rows.
        branch: What became of the school's own chain, if this laptop was restored or copied.
        waiting: Receipts of the school's packages that wait at the server, or were refused there.
        asked_back: Returns that the server has lost, and that go back to it with the next package.
        is_news: Whether it brought content that was not known here; else it only answered files.
    """

    incoming: Counter[str] = field(default_factory=Counter)
    replaced: list[Replaced] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    diverged: dict[str, dict[str, Any]] = field(default_factory=dict)
    branch: TakenOver = field(default_factory=TakenOver)
    waiting: list[Receipt] = field(default_factory=list)
    asked_back: int = 0
    is_news: bool = True

    def as_json(self) -> dict[str, Any]:
        """Return it under the names of ``kirim school apply --json``."""
        return {
            "incoming": dict(self.incoming),
            "replaced": [r.as_json() for r in self.replaced],
            "conflicts": [_line_json(x) for x in self.lines if x.outcome is Outcome.CONFLICT],
            "refused": [_line_json(x) for x in self.lines if x.outcome is Outcome.REFUSED],
            "diverged": self.diverged,
            "taken_over": self.branch.taken,
            "cut_again": self.branch.again,
            "waiting": [
                {"number": r.number, "code": f"KF-{r.code}", "changes": r.counts.held, "since": r.made_at}
                for r in self.waiting
            ],
            "asked_back": self.asked_back,
        }


def _line_json(line: Line) -> dict[str, object]:
    return {
        "table": line.table.name,
        "id": line.row,
        "group": line.group.name if line.group else None,
        "columns": list(line.columns),
        "own": list(line.sent),
        "other": list(line.stood),
        "code": f"KF-{line.code}",
        "won": line.won,
        "why": line.cause.name.lower(),
    }
