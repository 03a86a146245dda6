"""Excel lists at a school: ``kirim school import`` and ``download``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from exchange.cli.frame import Answer, Asked, Command, argument, file_argument, option
from exchange.cli.school import opened
from exchange.words import mark, number, tr, trn

if TYPE_CHECKING:
    from exchange import errors
    from exchange.interop.report import ImportReport
    from exchange.interop.report import School as ListSchool
    from exchange.nodes import SchoolNode

PUT_BACK = mark("rows that another program had removed from the file stand again: {count}")


@click.command("import", cls=Command)
@file_argument("files", many=True)
@option(
    "--partial", is_flag=True, help="Take the rows without a problem; without it a list with a problem is not taken."
)
@option("--other-school", is_flag=True, help="Take a list although its title names another school.")
@option("--dry-run", is_flag=True, help="Only tell what would happen; keep and change nothing.")
@click.pass_obj
def import_(asked: Asked, files: Sequence[Path], partial: bool, other_school: bool, dry_run: bool) -> Answer:
    """Take Excel downloads into the store: Daftar Peserta Didik, Daftar Guru, Daftar Tendik.

    An empty cell changes nothing, and who is not in the list is left alone. The same list again changes nothing.
    """
    from exchange import errors
    from exchange.cli.door import error_json
    from exchange.cli.show import rehearsed
    from exchange.rehearsing import rehearse_import

    taken: list[tuple[Path, ImportReport]] = []
    failed: list[tuple[Path, errors.ExchangeError]] = []

    def take() -> None:
        for file in files:
            try:
                taken.append((file, _import_one(node, file, partial, other_school)))
            except (errors.FileError, errors.SpoolError) as error:
                failed.append((file, error))

    with opened(asked) as node:
        rehearse_import(node, take) if dry_run else take()
    if failed and len(files) == 1:
        raise failed[0][1]
    whole = not failed and not any(report.problems for _, report in taken)
    status = 0 if whole else 3 if any(report.taken for _, report in taken) else 1
    document = _import_json(taken, failed) | {"dry_run": dry_run}
    if status == 1:
        spoilt = [errors.CellsUnread(file=file.name, count=len(report.problems)) for file, report in taken]
        document |= error_json([*spoilt, *(error for _, error in failed)][0])
    lines = _import_lines(taken, failed)
    return Answer(document, rehearsed(lines) if dry_run else lines, status)


def _import_one(node: SchoolNode, file: Path, partial: bool, other_school: bool) -> ImportReport:
    """Take one list, whichever of the known ones it is."""
    from exchange.clocks import civil_now
    from exchange.interop.downloads import import_download
    from exchange.school import capture

    with node.store.transaction():
        put_back = capture.mend(node.store)  # or the list would make anew whom another program removed
        report = import_download(
            node.store.db,
            _place(node),
            file,
            partial=partial,
            other_school=other_school,
            clock=lambda: civil_now(node.store.clock),
        )
        if put_back:
            report.notes.insert(0, (PUT_BACK, {"count": len(put_back)}))
    return report


def _place(node: SchoolNode) -> ListSchool:
    """Return the school as lists speak of it: under the name that it has now, and that which it had at first."""
    from exchange.interop.report import School
    from exchange.store.semester import running_semester

    store, running = node.store, running_semester(node.store.db)
    first = store.get("nama")
    name = store.db.value("SELECT nama FROM sekolah WHERE sekolah_id = ?", (store.scope,)) or first
    year = int(running.tahun_ajaran_id)
    return School(store.scope, store.get("npsn"), str(name), running.semester_id, year, (first,))


def _import_json(
    taken: Sequence[tuple[Path, ImportReport]], failed: Sequence[tuple[Path, errors.ExchangeError]]
) -> dict[str, Any]:
    from exchange.saying import said

    tables: dict[str, dict[str, int]] = {}
    for _, report in taken:
        for name, counts in report.tables.items():
            total = tables.setdefault(name, {})
            for kind, count in counts.as_dict().items():
                total[kind] = total.get(kind, 0) + count
    return {
        "tables": tables,
        "ignored": sum(report.ignored for _, report in taken),
        "problems": [
            problem.as_dict() | {"message": tr(problem.message), "file": str(file.absolute())}
            for file, report in taken
            for problem in report.problems
        ],
        "notes": [tr(text).format(**facts) for _, report in taken for text, facts in report.notes],
        "failed": [
            {"file": str(file.absolute()), "code": error.code, "what": said(error)[0]} for file, error in failed
        ],
    }


def _import_lines(
    taken: Sequence[tuple[Path, ImportReport]], failed: Sequence[tuple[Path, errors.ExchangeError]]
) -> Iterator[str]:
    from exchange import errors
    from exchange.cli.door import told
    from exchange.cli.show import columns, title

    for file, report in taken:
        yield f"{file.name}: " + (tr("taken") if report.taken else tr("not taken, nothing was changed"))
        head = ["", tr("new"), tr("changed"), tr("unchanged")]
        rows = [
            [title(name), number(t.inserted), number(t.updated), number(t.unchanged)]
            for name, t in report.tables.items()
        ]
        yield from columns([head, *rows], right=(1, 2, 3)) if rows else []
        if report.ignored:
            yield "  " + tr("cells that a school may not set, left as they are: {count}").format(
                count=number(report.ignored)
            )
        yield from _problem_lines(report)
        if not report.taken:
            yield from told(errors.CellsUnread(file=file.name, count=len(report.problems)))
        yield from ("  " + tr(text).format(**facts) for text, facts in report.notes)
    for file, error in failed:
        yield f"{file.name}: {tr('not taken, nothing was changed')}"
        yield from told(error)


def _problem_lines(report: ImportReport) -> Iterator[str]:
    """Yield problems, one line a cause with its first cells."""
    from exchange.limits import EXAMPLES_MAX

    causes: dict[tuple[str, str, str, str], list[str]] = {}
    for problem in report.problems:
        cells = causes.setdefault((problem.code, problem.column, problem.message, problem.hint), [])
        letters = problem.column.partition(" ")[0]
        cells.append(f"{letters}{problem.row}: {problem.value or '-'}")
    for (code, column, message, hint), cells in causes.items():
        yield f"  {code} {column}: {tr(message)} ({number(len(cells))})"
        if hint:
            yield f"    {tr(hint)}"
        yield from (f"    {cell}" for cell in cells[:EXAMPLES_MAX])
        if len(cells) > EXAMPLES_MAX:
            yield "    " + tr("and {count} more").format(count=number(len(cells) - EXAMPLES_MAX))


LISTS = ("daftar-pd", "daftar-guru", "daftar-tendik")
"""Lists that can be written (:data:`exchange.interop.download.LISTS`)."""


@click.command("download", cls=Command)
@argument("list_", metavar="LIST", type=click.Choice(LISTS))
@file_argument("file", metavar="FILE")
@click.pass_obj
def download(asked: Asked, list_: str, file: Path) -> Answer:
    """Write an Excel list in the operators' own layout: daftar-pd, daftar-guru or daftar-tendik."""
    from exchange.clocks import civil_now
    from exchange.interop import download as lists

    path = file.absolute()
    with opened(asked) as node:
        place = _place(node)
        rows = lists.LISTS[list_](node.store.db, place, path, civil_now(node.store.clock), f"NPSN {place.npsn}")
    told = trn("{file}: {rows} row", "{file}: {rows} rows", rows).format(file=path, rows=number(rows))
    return Answer({"rows": rows, "file": str(path)}, [told])
