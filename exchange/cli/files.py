"""What became of a file, and of the changes in it, in lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from exchange.cli.show import held
from exchange.words import mark, number, tr

if TYPE_CHECKING:
    from exchange.server.results import FileResult

STATUSES = {
    "applied": mark("applied"),
    "duplicate": mark("known already"),
    "quarantined": mark("put aside"),
}
"""What becomes of a file, as message ids; of a held one its code says it."""

UNREAD = "KF-702"
"""Code of a file that could not be read: it stays where it is, and nothing of it was put aside."""


def what_became(status: str, code: str) -> str:
    """Return what became of a file, in words."""
    if code == UNREAD:
        return tr("could not be read")
    return tr(held(code) if status == "held" else STATUSES[status])


def file_line(result: FileResult) -> str:
    """Return what became of one file, in one line."""
    whose = f" (NPSN {result.npsn})" if result.npsn else ""
    if result.district:
        whose = " " + tr("(order {number} of the office of {wilayah})").format(
            number=result.number, wilayah=result.district
        )
    line = f"{result.file}{whose}: {what_became(result.status, result.code)}"
    if result.code:
        return f"{line}, {result.code}"
    told = result.status == "applied" and not result.district
    return f"{line}; {counted(result.counts.as_dict())}" if told else line


def counted(changes: Mapping[str, int]) -> str:
    """Return what became of changes, in one line."""
    return tr(
        "{sent} changes: {applied} applied, {same} same, {conflict} conflict, {refused} refused, {held} held"
    ).format(**{name: number(count) for name, count in changes.items()})
