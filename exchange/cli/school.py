"""``kirim school``: what an operator does on a school's laptop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from exchange.cli.frame import Answer, Asked, Group, argument, file_argument, note, option
from exchange.cli.root import SCHOOL
from exchange.cli.secrets import agree, given_secret, secret, tick
from exchange.words import mark, number, size, tr, trn

if TYPE_CHECKING:
    from exchange import errors
    from exchange.ingest import AppliedFiles
    from exchange.interop.report import ImportReport
    from exchange.interop.report import School as ListSchool
    from exchange.nodes import SchoolNode
    from exchange.packager import Exported
    from exchange.school.applied import Report
    from exchange.school.sheet import Line, Sheet
    from exchange.store.school import SchoolStore

LATER = {
    "receipt": "exchange.cli.evidence:receipt",
    "head": "exchange.cli.keys:head",
    "passphrase": "exchange.cli.keys:passphrase",
    "key": "exchange.cli.keys:own",
    "account": "exchange.cli.accounts:account",
}
"""Commands for evidence and the lives of keys and accounts: rarely used, so they need not be imported with the others."""

school = Group("school", help=SCHOOL, later=LATER)
"""The commands of a school."""

_passphrase_file = option(
    "--passphrase-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File whose first line is the head's passphrase; else KIRIM_PASSPHRASE, else it is asked.",
)


def _store(asked: Asked) -> SchoolStore:
    """Open the store alone: what only looks at it needs no keys, and starts at once."""
    from exchange.store.school import SchoolStore

    return SchoolStore.open(asked.home.absolute(), None, lambda: int(time.time()))


def _open(asked: Asked) -> closing[SchoolNode]:
    from exchange.nodes import SchoolNode

    return closing(SchoolNode.open(asked.home.absolute()))


def _passphrase(
    file: Path | None, *, twice: bool = False, check: Callable[[str], object] | None = None
) -> str:
    what = tr("The head's passphrase")
    return secret(what, file, "--passphrase-file", "KIRIM_PASSPHRASE", twice=twice, check=check)


# --- init -------------------------------------------------------------------------------------


@school.command("init")
@file_argument("prefill", metavar="PREFILL")
@option(
    "--code-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File whose first line is the registration code; else KIRIM_CODE, else it is asked.",
)
@_passphrase_file
@option(
    "--from",
    "former",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of the laptop that this one replaces, or a copy of it: its unsent changes come along.",
)
@click.pass_obj
def init(
    asked: Asked, prefill: Path, code_file: Path | None, passphrase_file: Path | None, former: Path | None
) -> Answer:
    """Open a prefill with its registration code: make the store and the keys, set the head's passphrase."""
    from exchange.cli.show import by_operation, by_table
    from exchange.school.enrol import init_school, may_begin
    from exchange.trust.keyfiles import check_passphrase

    check_code = may_begin(asked.home.absolute(), prefill)
    early = given_secret(passphrase_file, "KIRIM_PASSPHRASE")
    if early is not None:
        check_passphrase(early)
    code = secret(tr("Registration code"), code_file, "--code-file", "KIRIM_CODE", shown=True, check=check_code)
    passphrase = early or _passphrase(None, twice=True, check=check_passphrase)
    made = init_school(
        asked.home.absolute(), prefill, code, passphrase, former=former.absolute() if former is not None else None
    )

    def lines() -> Iterator[str]:
        yield tr("{nama} (NPSN {npsn}) is ready in {home}.").format(
            nama=made.nama, npsn=made.npsn, home=asked.home.absolute()
        )
        yield tr("The prefill held:")
        yield from by_table(made.rows)
        if former is not None:
            yield tr("Unsent changes taken over from the former laptop, whose folder is not to be used any more:")
            yield from by_operation(made.carried)
        yield tr("Fingerprint of this laptop: {fingerprint}").format(fingerprint=made.fingerprint)
        yield tr("The code opens no other laptop. Keep it for Tukar Akses Pengguna, and keep the passphrase; nobody can look them up.")

    return Answer(made.as_json(), lines())


# --- import -----------------------------------------------------------------------------------


@school.command("import")
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

    with _open(asked) as node:
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

    return import_download(
        node.store.db,
        _place(node),
        file,
        partial=partial,
        other_school=other_school,
        clock=lambda: civil_now(node.store.clock),
    )


def _place(node: SchoolNode) -> ListSchool:
    """Return the school as lists speak of it: under the name that it has now, and that which it had at first."""
    from exchange.interop.report import School
    from exchange.store.reference import running_semester

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


# --- status and validate ----------------------------------------------------------------------


@school.command("status")
@click.pass_obj
def status(asked: Asked) -> Answer:
    """Show the last exchange, what is not acknowledged yet, what is open, and what stands in the way of an export."""
    from exchange.cli.show import by_operation, columns, when
    from exchange.overview import blocked, causes, school_status
    from exchange.saying import said

    with closing(_store(asked)) as store:
        found = school_status(store)
        codes = blocked(store)
        why = {error.code: said(error) for error in causes(store, codes)}

    def lines() -> Iterator[str]:
        yield f"{found.nama} (NPSN {found.npsn})"
        yield from columns(
            [
                [tr("files written"), number(found.sent)],
                [tr("last export"), when(found.last_exported_at)],
                [tr("acknowledged up to change"), number(found.acknowledged)],
                [tr("last return applied"), when(found.last_applied_at)],
                [tr("conflicts told"), number(found.conflicts)],
                [tr("account in use"), found.account or "-"],
            ]
        )
        if found.clock_wrong:
            yield tr("This computer's clock is wrong. Nothing is lost by that; set it when you can.")
        yield tr("Data yang Mengalami Perubahan, not acknowledged by the server yet:")
        yield from by_operation(found.pending)
        if found.open:
            yield tr("Refused and still open:")
            yield from _open_lines(found.open)
        yield from _blocked_lines(codes, why)

    told = [{"code": code, "what": what, "next": then} for code, (what, then, _) in why.items()]
    return Answer(found.as_json() | {"blocked": codes, "causes": told}, lines())


def _open_lines(rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """Yield refused rows by cause, the first ids of each."""
    from exchange.cli.show import meaning, title
    from exchange.limits import EXAMPLES_MAX

    causes: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        causes.setdefault((str(row["code"]), str(row["table"])), []).append(str(row["id"]))
    for (code, table), ids in causes.items():
        yield f"  {code} {title(table)}: {meaning(code)} ({number(len(ids))})"
        yield from (f"    {row}" for row in ids[:EXAMPLES_MAX])


def _blocked_lines(codes: Sequence[str], why: Mapping[str, tuple[str, str, str]]) -> Iterator[str]:
    if not codes:
        yield tr("Nothing stands in the way of an export.")
        return
    from exchange import errors

    yield tr("Before an export:")
    for code in codes:
        if code in why:
            yield f"  {code}: {why[code][0]}"
            yield f"    {why[code][1]}"
        else:
            yield f"  {code}: {tr(errors.REGISTRY[code].next)}"


@school.command("validate")
@click.pass_obj
def validate(asked: Asked) -> Answer:
    """Check the store as Validasi Lokal does, tab by tab. What is invalid stops the export."""
    from exchange.cli.checked import finding_lines
    from exchange.overview import findings
    from exchange.rules.findings import Level

    with _open(asked) as node:
        found = findings(node.store)
    counts = {level.value: sum(1 for one in found if one.level is level) for level in Level}
    document = counts | {
        "findings": [
            {
                "code": one.code,
                "level": one.level.value,
                "tab": one.tab,
                "table": one.table,
                "id": one.row,
                "name": one.name,
                "message": one.text(tr),
            }
            for one in found
        ]
    }
    return Answer(document, finding_lines(found, counts))


# --- export -----------------------------------------------------------------------------------


@school.command("export")
@option("--out", metavar="DIR", type=click.Path(path_type=Path), help="Where the package goes; by default outbox/.")
@option(
    "--confirm", is_flag=True, help="Agree to the confirmation sheet and the consent without being asked, for scripts."
)
@_passphrase_file
@click.pass_obj
def export(asked: Asked, out: Path | None, confirm: bool, passphrase_file: Path | None) -> Answer:
    """Write one sealed package with everything that the server has not acknowledged.

    The head ticks each line of the sheet (Lembar Konfirmasi), gives the consent, and approves with the passphrase. Nothing is
    written while anything is invalid, no head is assigned, or another account than the head's is in use.
    """
    from exchange import packager

    def confirmed(sheet: Sheet) -> bool:
        for line in _sheet_lines(sheet):
            note(line)
        if confirm:
            return True
        return tick([_sheet_line(line) for line in sheet.lines]) and agree(tr("Do you agree to send?"))

    with _open(asked) as node:
        made = packager.export(
            node,
            passphrase=lambda: _passphrase(passphrase_file, check=node.head),
            confirm=confirmed,
            out=out.absolute() if out is not None else None,
        )
    return Answer(made.as_json(), _export_lines(made))


def _sheet_lines(sheet: Sheet) -> Iterator[str]:
    from exchange.cli.show import by_operation, columns, when
    from exchange.overview import moment

    yield tr("Lembar Konfirmasi Sinkronisasi - data of this school, and what this package carries of it:")
    head = ["", tr("rows"), tr("new"), tr("changed"), tr("deleted"), tr("since the last export")]
    counts = ([line.rows, line.insert, line.update, line.delete, line.since_last] for line in sheet.lines)
    rows = [[line.kind, *map(number, found)] for line, found in zip(sheet.lines, counts, strict=True)]
    yield from columns([head, *rows], right=(1, 2, 3, 4, 5))
    yield tr("Last export: {when}").format(when=when(moment(sheet.last_exported_at)))
    yield tr("By table:")
    yield from by_operation(sheet.changes)
    yield tr("Approved by: {nama}").format(nama=sheet.head.nama)
    yield ""
    yield tr("Persetujuan Pengiriman Data")
    yield sheet.consent


def _sheet_line(line: Line) -> str:
    return tr("{kind}: {rows} rows here; sent: {insert} new, {update} changed, {delete} deleted. Right?").format(
        kind=line.kind,
        rows=number(line.rows),
        insert=number(line.insert),
        update=number(line.update),
        delete=number(line.delete),
    )


def _export_lines(made: Exported) -> Iterator[str]:
    rows = sum(sum(ops.values()) for ops in made.changes.values())
    yield tr("Written and read back: {file}").format(file=made.file)
    yield "  " + trn("{rows} changed row, {size}", "{rows} changed rows, {size}", rows).format(
        rows=number(rows), size=size(made.bytes)
    )
    yield "  " + tr("up to change number {count}, mark {mark}").format(
        count=number(made.last), mark=made.mark
    )
    if not rows:
        yield "  " + tr("There are no changes; the package is valid and tells the server what has arrived here.")
    if made.put_back:
        yield "  " + tr("rows that another program had removed from the file stand again: {count}").format(
            count=number(len(made.put_back))
        )
    yield tr("Take it to the district. If it gets lost, the next export carries everything again.")


# --- apply and download -----------------------------------------------------------------------


@school.command("apply")
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

    with _open(asked) as node:
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


LISTS = {"daftar-pd": "write_daftar_pd", "daftar-guru": "write_daftar_guru", "daftar-tendik": "write_daftar_tendik"}
"""Lists that can be written, to the flow that writes each."""


@school.command("download")
@argument("list_", metavar="LIST", type=click.Choice(list(LISTS)))
@file_argument("file", metavar="FILE")
@click.pass_obj
def download(asked: Asked, list_: str, file: Path) -> Answer:
    """Write an Excel list in the operators' own layout: daftar-pd, daftar-guru or daftar-tendik."""
    from exchange.clocks import civil_now
    from exchange.interop import download as lists

    path = file.absolute()
    with _open(asked) as node:
        place = _place(node)
        rows: int = getattr(lists, LISTS[list_])(node.store.db, place, path, civil_now(node.store.clock), f"NPSN {place.npsn}")
    told = trn("{file}: {rows} row", "{file}: {rows} rows", rows).format(file=path, rows=number(rows))
    return Answer({"rows": rows, "file": str(path)}, [told])
