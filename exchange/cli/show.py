"""How counts, tables and moments look on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from exchange.words import local, mark, number, tr

Progress = Callable[[int, int], None]
"""Takes what is done and how much there is in all."""

OPERATIONS = ("insert", "update", "delete")


def title(table: str) -> str:
    """Return what people call a table: its Indonesian title, or its English one."""
    from exchange.schema import SCHEMA

    found = SCHEMA.by_name.get(table)
    return tr(found.title) if found is not None and found.title else table


_HELD = {
    "KF-209": mark("held until this program is newer"),
    "KF-310": mark("held until the district decides"),
    "KF-311": mark("held until the district decides"),
}
"""What a held file waits for where it does not go on by itself, as message ids."""


def held(code: str) -> str:
    """Return what a file that is held under a code waits for, a message id."""
    return _HELD.get(code, mark("held, goes on by itself"))


class Blanks(dict[str, str]):
    """Facts that are not known here."""

    def __missing__(self, key: str) -> str:
        return "…"


def meaning(code: str) -> str:
    """Return what a code says, facts left open."""
    from exchange import errors

    return tr(errors.REGISTRY[code].what).format_map(Blanks())


def columns(rows: Sequence[Sequence[str]], *, right: Iterable[int] = (), indent: int = 2) -> Iterator[str]:
    """Yield rows as lines whose columns stand below each other.

    Args:
        rows: All of one length.
        right: Columns that are flush right, such as counts.
        indent: Spaces before each line.

    Example:
        >>> list(columns([["a", "1"], ["bb", "10"]], right=[1]))
        ['  a    1', '  bb  10']
    """
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))] if rows else []
    flush = set(right)
    for row in rows:
        cells = (
            cell.rjust(w) if n in flush else cell.ljust(w) for n, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        yield (" " * indent + "  ".join(cells)).rstrip()


def rehearsed(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a report behind a word that nothing of it has been done."""
    yield tr("Dry run: this is what would happen. Nothing was kept or changed.")
    yield from lines


def by_operation(changes: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Yield changes by table: how many rows are new, changed and deleted; one line if there are none."""
    if not changes:
        yield f"  {tr('none')}"
        return
    head = ["", tr("new"), tr("changed"), tr("deleted")]
    rows = [[title(table), *(number(ops.get(op, 0)) for op in OPERATIONS)] for table, ops in changes.items()]
    yield from columns([head, *rows], right=(1, 2, 3))


def by_table(counts: Mapping[str, int]) -> Iterator[str]:
    """Yield counts by table; one line if there are none."""
    found = [[title(table), number(count)] for table, count in counts.items() if count]
    yield from columns(found, right=[1]) if found else [f"  {tr('none')}"]


def when(moment: object) -> str:
    """Return a moment of an answer by this computer's zone, or that it has never been."""
    return local(moment) if isinstance(moment, str) and moment else tr("never")


@contextmanager
def progress(what: str) -> Iterator[Progress | None]:
    """Give what draws a bar on standard error; ``None`` where nobody watches it.

    Args:
        what: What goes on, in the person's language.
    """
    if not sys.stderr.isatty():
        yield None
        return
    import click

    with click.progressbar(length=1, label=what, file=sys.stderr) as bar:

        def draw(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield draw
