"""What comes back to the school: ``kirim school apply``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from exchange.cli.frame import Answer, Asked, Command, file_argument, note, option
from exchange.cli.school import opened
from exchange.words import mark, number, tr

if TYPE_CHECKING:
    from exchange import errors
    from exchange.ingest import AppliedFiles
    from exchange.school.applied import Report


@click.command("apply", cls=Command)
@file_argument("files", many=True)
@option("--dry-run", is_flag=True, help="Only tell what would happen; keep and change nothing.")
@click.pass_obj
def apply(asked: Asked, files: Sequence[Path], dry_run: bool) -> Answer:
    """Apply return packages (BALASAN). It needs no head and no valid data; a repeat changes nothing."""
    from exchange.cli.door import error_json
    from exchange.cli.show import rehearsed
    from exchange.ingest import apply_files
    from exchange.rehearsing import rehearse_apply
    from exchange.saying import said

    with opened(asked) as node:
        done = (rehearse_apply if dry_run else apply_files)(node, [file.absolute() for file in files])
    document = done.as_json() | {"dry_run": dry_run}
    document["failed"] = [{"file": name, "code": e.code, "what": said(e)[0]} for name, e in done.failed]
    if done.failed and not done.done:
        document |= error_json(done.failed[0][1])
    lines = _apply_lines(done, document)
    return Answer(document, rehearsed(lines) if dry_run else lines, 0 if not done.failed else 3 if done.done else 1)


KNOWN = {
    "repeat": mark("already applied; nothing was changed"),
    "older": mark("older than what is applied; nothing was changed"),
}
"""Why a return changed nothing, as message ids."""


def _apply_lines(done: AppliedFiles, document: Mapping[str, Any]) -> Iterator[str]:
    from exchange.cli.show import by_table, meaning, when
    from exchange.overview import moment

    for line in _failed_lines(done.failed):
        note(line)
    for name, why in done.known:
        yield f"{name}: {tr(KNOWN[why.value])}"
    if not done.done:
        return
    yield tr("Perubahan Data yang Masuk ke Lokal:")
    yield from by_table(document["incoming"])
    yield tr("The server has merged this school's changes up to number {count}.").format(
        count=number(done.acknowledged)
    )
    for heading, lines in ((tr("Conflicts:"), document["conflicts"]), (tr("Refused:"), document["refused"])):
        if lines:
            yield heading
            yield from _receipt_lines(lines)
    if done.report.waiting:
        yield tr("Files of this school that wait at the server, or were refused there:")
        for one in done.report.waiting:
            yield "  " + tr("file {number} of {when}, {count} change(s): {code} {meaning}").format(
                number=one.number,
                when=when(moment(one.made_at)),
                count=number(one.counts.held),
                code=f"KF-{one.code}",
                meaning=meaning(f"KF-{one.code}"),
            )
    yield from _recovery_lines(done.report)


def _recovery_lines(report: Report) -> Iterator[str]:
    """Yield what was healed, or will be by the next export."""
    from exchange.cli.show import title

    if report.branch.taken:
        yield tr(
            "This laptop held less than the school had already sent: it was restored from a backup, or another laptop sent "
            "for this school. {count} earlier export(s) of the school came back."
        ).format(count=number(report.branch.taken))
    if report.branch.again:
        yield tr(
            "{count} export(s) made on this laptop were put behind them and go out with the next export. Nothing that "
            "was entered here is lost."
        ).format(count=number(report.branch.again))
    if report.asked_back:
        yield tr("The server was restored from a backup and has lost {count} return(s). Export soon: the next export gives them back.").format(
            count=number(report.asked_back)
        )
    for table, apart in report.diverged.items():
        yield tr("{table} differs from the server's although nothing is on its way. The next round trip mends it.").format(
            table=title(table)
        )
        rows, count = apart["rows"], apart["count"]
        yield from (f"    {row}" for row in rows)
        if count is not None and count > len(rows):
            yield "    " + tr("and {count} more").format(count=number(count - len(rows)))
        if apart["missing"]:
            yield "    " + tr("{count} row(s) are missing here; they come back.").format(count=number(apart["missing"]))
        if apart["sent_again"]:
            yield "    " + tr("{count} row(s) are missing at the server; they are sent again.").format(count=number(apart["sent_again"]))


def _failed_lines(failed: Iterable[tuple[str, errors.ExchangeError]]) -> Iterator[str]:
    """Yield files that could not be applied: the first names of each cause, then what is to be said of it once."""
    from exchange.cli.door import told
    from exchange.limits import EXAMPLES_MAX

    causes: dict[str, list[tuple[str, errors.ExchangeError]]] = {}
    for name, error in failed:
        causes.setdefault(error.code, []).append((name, error))
    for found in causes.values():
        yield from (name for name, _ in found[:EXAMPLES_MAX])
        if len(found) > EXAMPLES_MAX:
            yield tr("and {count} more").format(count=number(len(found) - EXAMPLES_MAX))
        yield from told(found[0][1])


def _receipt_lines(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what was not simply applied, one line a cause with its first rows and both values."""
    from exchange.cli.show import meaning, title
    from exchange.limits import EXAMPLES_MAX

    causes: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for line in lines:
        causes.setdefault((line["code"], line["table"]), []).append(line)
    for (code, table), found in causes.items():
        yield f"  {code} {title(table)}: {meaning(code)} ({number(len(found))})"
        for line in found[:EXAMPLES_MAX]:
            own, other = (", ".join("-" if v is None else str(v) for v in line[side]) for side in ("own", "other"))
            yield f"    {line['id']} {', '.join(line['columns'])}: " + tr("here {own}, there {other}").format(
                own=own or "-", other=other or "-"
            )
