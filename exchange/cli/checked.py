"""How the findings of Validasi Lokal look on a terminal: by tab, with the names that operators know."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from exchange.words import number, tr

if TYPE_CHECKING:
    from exchange.rules.findings import Finding, Group

_SERIES = re.compile(r"(.*_)[0-9]{2}")
"""A column of which there is one for each month."""


@cache
def _labels() -> Mapping[tuple[str, str], str]:
    """Return what the lists call columns, by table and column."""
    from exchange.interop.layout import DAFTAR_PD, DAFTAR_PTK

    return {
        (field.table, field.column): field.title
        for layout in (DAFTAR_PD, DAFTAR_PTK)
        for field in layout.fields
        if field.table
    }


def _label(table: str, column: str) -> str:
    return _labels().get((table, column), column)


def text(finding: Finding, column: str = "") -> str:
    """Return what a finding says, with the column as the lists call it and numbers as people write them.

    Args:
        finding: The finding.
        column: What stands for its column; by default its label.
    """
    facts = {name: number(value) if isinstance(value, int) else value for name, value in finding.params.items()}
    if "column" in facts:
        facts["column"] = column or _label(finding.table, str(facts["column"]))
    return " ".join(tr(finding.message).format(**facts).split())


def _rows(group: Group) -> int:
    """Return how many rows a group speaks of: one finding tells of all rows in which a column is empty."""
    from exchange.rules.findings import EMPTY

    told = group.examples[0].params.get("count")
    return told if group.message == EMPTY.message and isinstance(told, int) else group.count


def _series(groups: Sequence[Group]) -> Iterator[tuple[Group, str]]:
    """Yield groups, those of one series of columns and one count as one, each with what stands for its column."""
    runs: dict[tuple[object, ...], list[Group]] = {}
    for group in groups:
        match = _SERIES.fullmatch(group.column)
        alone = group.column if match is None else ""
        name = match[1] if match else ""
        runs.setdefault((group.code, group.level, group.table, group.message, name, alone, _rows(group)), []).append(group)
    for run in runs.values():
        several = len(run) > 1 and run[0].column != run[-1].column
        yield run[0], f"{run[0].column} … {run[-1].column}" if several else ""


def finding_lines(found: Sequence[Finding], counts: Mapping[str, int]) -> Iterator[str]:
    """Yield findings by tab, one line a cause with its first rows, then the counts.

    Args:
        found: The findings.
        counts: How many there are, by level.
    """
    from exchange.rules.findings import TABS, Level, grouped

    groups = sorted(grouped(found), key=lambda g: (TABS.index(g.tab) if g.tab in TABS else len(TABS), g.level.value))
    tab = None
    for group, column in _series(groups):
        if group.tab != tab:
            tab = group.tab
            yield tab or tr("every table")
        yield f"  {group.code} {tr(group.level.value)} ({number(_rows(group))}): {text(group.examples[0], column)}"
        if group.count > 1:
            names = [one.name or one.row for one in group.examples if one.name or one.row]
            more = ", …" if group.count > len(names) else ""
            if names:
                yield f"      {', '.join(names)}{more}"
    yield tr("{invalid} invalid, {warning} warnings").format(
        invalid=number(counts[Level.INVALID]), warning=number(counts[Level.WARNING])
    )
    if counts[Level.INVALID]:
        yield tr("What is invalid stops the export until it is mended; a warning does not.")
