"""``kirim server``: what a district's or the centre's operator does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from exchange.cli.files import UNREAD, counted, file_line, what_became
from exchange.cli.frame import Answer, Asked, Group, argument, file_argument, note, option, print_json, say
from exchange.cli.root import SERVER
from exchange.words import mark, number, tr, trn

if TYPE_CHECKING:
    from exchange.central.change import Changed
    from exchange.errors import ExchangeError
    from exchange.ingest import FileResult, Ingested
    from exchange.nodes import ServerNode
    from exchange.packager import Returned, Returns
    from exchange.registering import SchoolAdded

LATER = {
    "rebuild": "exchange.cli.evidence:rebuild",
    "public": "exchange.cli.evidence:public",
    "filekey": "exchange.cli.evidence:filekey",
    "receipt": "exchange.cli.evidence:given_receipt",
    "key": "exchange.cli.keys:keys",
    "district": "exchange.cli.offices:offices",
}
"""Commands for evidence, keys and offices: rarely used, so they need not be imported with the others."""

server = Group("server", help=SERVER, later=LATER)
"""The commands of a server."""

schools = Group("school", help="Register schools and give out registration codes.")
reference = Group("ref", help="Reference rows: regions, codes.")
kip = Group("kip", help="KIP numbers of SK lists.")


def _open(asked: Asked) -> closing[ServerNode]:
    from exchange.nodes import ServerNode

    return closing(ServerNode.open(asked.home.absolute(), asked.db))


# --- setting up -------------------------------------------------------------------------------


@server.command("init")
@click.pass_obj
def init(asked: Asked) -> Answer:
    """Make the home, the database and the keys, and load the reference rows that ship with the program."""
    from exchange.registering import init_server

    made = init_server(asked.home.absolute(), asked.db)

    def lines() -> Iterator[str]:
        yield tr("The server is ready in {home}.").format(home=asked.home.absolute())
        yield tr("Fingerprint of its key: {fingerprint}").format(fingerprint=made.fingerprint)
        yield tr("Copy the folder kunci to a safe place: without it no package can be opened.")

    return Answer(made.as_json(), lines())


@reference.command("import")
@file_argument("file")
@click.pass_obj
def import_reference(asked: Asked, file: Path) -> Answer:
    """Take more reference rows from a list. Every school gets them with its next return."""
    from exchange.central.reference import import_reference as take
    from exchange.cli.show import by_table

    with _open(asked) as node:
        made = take(node.store, file)
    return Answer(made.as_json(), by_table(made.tables))


@schools.command("add")
@option("--npsn", metavar="NPSN", help="NPSN of the school, 8 characters.")
@option("--name", metavar="NAME", help="Its name.")
@option("--bentuk", metavar="BENTUK", help="Its kind, such as TK, SD, SMP, SMK or PKBM.")
@option("--head", metavar="NAME", help="Its Kepala Sekolah, who will approve its packages.")
@option("--wilayah", metavar="CODE", help="kode_wilayah of its kecamatan; by default the first one.")
@option(
    "--file",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Many schools: CSV or Excel with columns npsn, name, bentuk, head, wilayah.",
)
@option(
    "--out", metavar="DIR", type=click.Path(path_type=Path), help="Where codes and prefills go; by default outbox/."
)
@click.pass_obj
def add(
    asked: Asked,
    npsn: str | None,
    name: str | None,
    bentuk: str | None,
    head: str | None,
    wilayah: str | None,
    file: Path | None,
    out: Path | None,
) -> Answer:
    """Register a school, or many, and write each one's registration code and prefill.

    Give code and prefill to the school by two different ways.
    """
    from exchange import errors
    from exchange.cli.show import progress
    from exchange.interop.lists import SchoolRow, read_schools
    from exchange.registering import add_schools

    if file is not None:
        if npsn or name or bentuk or head or wilayah:
            raise click.UsageError(tr("--file stands alone"))
        rows = read_schools(file)
    elif npsn and name and bentuk:
        rows = [SchoolRow(npsn.strip().upper(), name, bentuk, head or "", wilayah=wilayah or "")]
    else:
        raise click.UsageError(tr("give --npsn, --name and --bentuk, or --file"))
    with _open(asked) as node, progress(tr("Registering schools")) as draw:
        total = len(rows)
        try:
            made = add_schools(
                node, rows, out=_absolute(out), progress=(lambda done: draw(done, total)) if draw is not None else None
            )
        except errors.InputRowBad as bad:
            if file is None:
                hint = tr("{value} cannot be taken: {what}").format(value=bad.value, what=tr(_WANTED[bad.column]))
                raise click.BadParameter(hint, param_hint=f"--{bad.column}") from bad
            raise errors.InputRowBad(file=file.name, row=bad.row, column=bad.column, value=bad.value, also=bad.also) from bad
    document = made[0].as_json() if file is None else {"schools": [one.as_json() for one in made]}
    return Answer(document, _added_lines(made))


_WANTED = {
    "npsn": mark("8 digits, or K or P and 7 digits"),
    "bentuk": mark("a kind such as TK, SD, SMP, SMA, SMK, SLB or PKBM"),
    "wilayah": mark("the kode_wilayah of a kecamatan in the list of regions"),
}
"""What each option of a single school wants, as message ids."""


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()


def _added_lines(made: Sequence[SchoolAdded]) -> Iterator[str]:
    for one in made:
        yield f"NPSN {one.npsn}"
        yield "  " + tr("code: {file}").format(file=one.code_file)
        yield "  " + tr("prefill: {file}").format(file=one.prefill)
    yield trn("{count} school", "{count} schools", len(made)).format(count=number(len(made)))
    yield tr("Code and prefill go to the school by two different ways.")


@schools.command("code")
@option("--npsn", metavar="NPSN", required=True, help="NPSN of the school.")
@option(
    "--purpose",
    type=click.Choice(["perangkat", "kepala"]),
    default="perangkat",
    help="For a laptop (perangkat), with a prefill, or for the head (kepala), whom the dinas has assigned.",
)
@option("--out", metavar="DIR", type=click.Path(path_type=Path), help="Where code and prefill go; by default outbox/.")
@option("--cancel", is_flag=True, help="Make none; take back those that nobody has used: a letter fell into wrong hands.")
@click.pass_obj
def code(asked: Asked, npsn: str, purpose: str, out: Path | None, cancel: bool) -> Answer:
    """Make a new registration code and prefill: for a code that was lost, or a new laptop; or a code for a new head.

    With --cancel the unused ones count no more, and what somebody made with them is refused.
    """
    if cancel:
        from exchange.cli.keys import cancel_answer

        with _open(asked) as node:
            return cancel_answer(node, npsn.strip().upper(), purpose)
    from exchange.registering import renew_code

    if purpose == "kepala":
        from exchange.cli.keys import head_code_answer

        with _open(asked) as node:
            return head_code_answer(node, npsn.strip().upper(), _absolute(out))
    with _open(asked) as node:
        made = renew_code(node, npsn.strip().upper(), out=_absolute(out))
    return Answer(made.as_json(), _added_lines([made]))


# --- taking files in and answering ------------------------------------------------------------


@server.command("ingest")
@file_argument("paths", many=True, metavar="PATH")
@option("--dry-run", is_flag=True, help="Only tell what would happen; keep and change nothing.")
@click.pass_obj
def ingest(asked: Asked, paths: Sequence[Path], dry_run: bool) -> Answer:
    """Take files, folders and ZIPs once. They are copied, never moved; the same file twice has its effect once."""
    from exchange.cli.show import rehearsed
    from exchange.ingest import ingest_paths
    from exchange.rehearsing import rehearse_ingest

    def on_file(result: FileResult) -> None:
        if not asked.json:
            say(file_line(result))

    with _open(asked) as node:
        take = rehearse_ingest if dry_run else ingest_paths
        done = take(node, [path.absolute() for path in paths], on_file=on_file)
    lines = rehearsed(_ingest_lines(done)) if dry_run else _ingest_lines(done)
    return Answer(done.as_json() | {"dry_run": dry_run}, lines, 3 if done.count("quarantined") else 0)


def _ingest_lines(done: Ingested) -> Iterator[str]:
    """Yield what was not merged, one cause once with its first files, then the counts."""
    from exchange.limits import EXAMPLES_MAX

    causes: dict[tuple[str, str], list[FileResult]] = {}
    for result in done.files:
        if result.code:
            causes.setdefault((result.code, result.status), []).append(result)
    for (code, status), results in causes.items():
        yield ""
        yield from _cause_lines(code, results)
        yield "  " + tr("{code}, {status}: {count}").format(
            code=code, status=what_became(status, code), count=number(len(results))
        )
        yield from (f"    {result.file}" for result in results[:EXAMPLES_MAX])
        if len(results) > EXAMPLES_MAX:
            yield "    " + tr("and {count} more").format(count=number(len(results) - EXAMPLES_MAX))
    unread = sum(result.code == UNREAD for result in done.files)
    aside = {"quarantined": number(done.count("quarantined") - unread)}
    yield tr("{applied} applied, {duplicate} known already, {held} held, {quarantined} put aside").format(
        **{status: number(done.count(status)) for status in ("applied", "duplicate", "held")}, **aside
    )
    if unread:
        yield trn("{count} file could not be read", "{count} files could not be read", unread).format(
            count=number(unread)
        )


def _cause_lines(code: str, results: Sequence[FileResult]) -> Iterator[str]:
    """Yield why files were not merged: of one that was brought before, only the code is known."""
    from exchange.cli.door import told
    from exchange.cli.show import meaning

    error = next((result.error for result in results if result.error is not None), None)
    yield from told(error) if error is not None else (f"{code}: {meaning(code)}",)


@server.command("waive")
@option("--npsn", metavar="NPSN", required=True, help="NPSN of the school.")
@option("--number", metavar="NUMBER", type=int, required=True, help="Number of the held file, as server status shows it.")
@click.pass_obj
def waive(asked: Asked, npsn: str, number: int) -> Answer:
    """Take what a held file, and those of its school before it, say without what they wait for.

    Only if nobody has the missing files any more. The head's approval cannot be checked then. Should they come after all,
    everything is still merged in its order.
    """
    from exchange.server.waiving import waive as waive_package

    with _open(asked) as node:
        done = waive_package(node, npsn, number)

    def lines() -> Iterator[str]:
        yield tr("File {number} of NPSN {npsn} waits no longer: {changes}").format(
            number=done.number, npsn=done.npsn, changes=counted(done.counts.as_dict())
        )

    return Answer(done.as_json(), lines())


@server.command("watch")
@option("--once", is_flag=True, help="End when the inbox is empty.")
@click.pass_obj
def watch(asked: Asked, once: bool) -> Answer | int:
    """Empty the inbox, for ever, and write the returns. Ctrl-C finishes the file in hand and ends."""
    import signal
    import threading

    from exchange.cli.door import told
    from exchange.watch import Watcher

    refused = False

    def on_file(result: FileResult) -> None:
        nonlocal refused
        refused |= result.status == "quarantined"
        if asked.json:
            print_json(result.as_json())
        else:
            say(file_line(result))
            for line in _cause_lines(result.code, [result]) if result.code else ():
                say("  " + line)

    def on_return(made: Returned) -> None:
        note(tr("return written: {file}").format(file=made.file))

    def on_trouble(error: ExchangeError) -> None:
        for line in told(error):
            note(line)

    with _open(asked) as node:
        watcher = Watcher(node, on_file, on_return, on_trouble)
        if once:
            while watcher.look(everything=True).files:
                pass
            return 3 if refused else 0
        stop = threading.Event()
        for name in ("SIGINT", "SIGTERM"):
            signal.signal(getattr(signal, name), lambda *_: stop.set())
        note(tr("Watching {folder}").format(folder=node.home / "inbox"))
        watcher.run(stop)
    return 0


@server.command("return")
@option("--npsn", metavar="NPSN", multiple=True, help="For this school, whether or not it has anything to receive.")
@argument("more", metavar="[NPSN]...", nargs=-1, required=False)
@option("--all", "all_", is_flag=True, help="For every school that has something to receive.")
@option("--out", metavar="DIR", type=click.Path(path_type=Path), help="Where the returns go; by default outbox/.")
@click.pass_obj
def return_(asked: Asked, npsn: Sequence[str], more: Sequence[str], all_: bool, out: Path | None) -> Answer:
    """Write return packages (BALASAN): what was accepted, what was refused and why, and what changed at the server."""
    from exchange.cli.show import progress
    from exchange.packager import write_returns

    named = [one.strip().upper() for one in (*npsn, *more)]
    if not named and not all_:
        raise click.UsageError(tr("give --npsn or --all"))
    with _open(asked) as node, progress(tr("Writing returns")) as draw:
        made = write_returns(node, named, all_=all_, out=_absolute(out), progress=draw)
    return Answer(made.as_json(), _return_lines(made))


def _return_lines(made: Returns) -> Iterator[str]:
    from exchange.cli.show import by_table

    for one in made.written:
        yield f"NPSN {one.npsn}: {one.file}"
        yield from by_table(one.changes)
    for left in made.skipped:
        yield tr("NPSN {npsn}: left out, it has neither a laptop nor a code").format(npsn=left["npsn"])
    yield trn("{count} return", "{count} returns", len(made.written)).format(count=number(len(made.written)))


# --- the centre's own changes -----------------------------------------------------------------


@kip.command("import")
@file_argument("file")
@click.pass_obj
def import_kip(asked: Asked, file: Path) -> Answer:
    """Set the KIP numbers of an SK list.

    Rows that fit no pupil wait, and are tried again at every import and intake.
    """
    from exchange.central.kip import import_kip as take
    from exchange.cli.show import progress

    with _open(asked) as node, progress(tr("Setting KIP numbers")) as draw:
        made = take(node.store, file, draw)

    def lines() -> Iterator[str]:
        yield _set_line(made.matched, made.unchanged, made.schools)
        yield from _unmatched_lines(made.unmatched, "reason")

    return Answer(made.as_json(), lines())


def _set_line(changed: int, unchanged: int, at: int) -> str:
    return tr("{changed} set, {unchanged} stood so already; schools with something to receive: {schools}").format(
        changed=number(changed), unchanged=number(unchanged), schools=number(at)
    )


REASONS = {
    "unknown": mark("no pupil fits"),
    "ambiguous": mark("several pupils fit, or the row's numbers are of different ones"),
    "not_active": mark("the pupil is active at no school, or at several"),
    "number": mark("the number is none"),
    "twice": mark("the pupil has another number by an SK list"),
}
"""Why a row of an SK list waits, as message ids."""


def _unmatched_lines(rows: Sequence[Mapping[str, Any]], by: str) -> Iterator[str]:
    """Yield rows that fitted nothing, one line a cause with the first lines of the file."""
    from exchange.limits import EXAMPLES_MAX

    causes: dict[str, list[str]] = {}
    for row in rows:
        causes.setdefault(str(row.get(by, "")), []).append(str(row["line"]))
    for cause, lines in causes.items():
        reason = tr(REASONS[cause]) if cause in REASONS else cause
        more = ", …" if len(lines) > EXAMPLES_MAX else ""
        yield "  " + tr("waiting ({reason}): {count}; rows {rows}").format(
            reason=reason, count=number(len(lines)), rows=", ".join(lines[:EXAMPLES_MAX]) + more
        )


@server.command("change")
@option("--as", "as_", type=click.Choice(["verval", "dinas", "pusat"]), required=True, help="Who speaks.")
@file_argument("file")
@click.pass_obj
def change(asked: Asked, as_: str, file: Path) -> Answer:
    """Make the changes of a list (table, id, column, value, verified). With --as dinas it also assigns heads.

    A list with a wrong value is not taken. Rows that fit nothing here are named, and the others are taken.
    """
    from exchange import errors
    from exchange.central.change import change as make
    from exchange.cli.door import error_json, tell
    from exchange.clocks import civil_today

    with _open(asked) as node:
        made = make(node.store, as_, file, civil_today(node.store.clock))
    document, status = made.as_json(), 3 if made.unmatched else 0
    if made.unmatched and not (made.changed or made.unchanged):
        error, status = errors.NothingMatched(file=file.name), 1
        document |= error_json(error)
        if not asked.json:
            tell(error, json=False)
    return Answer(document, _changed_lines(made), status)


def _changed_lines(made: Changed) -> Iterator[str]:
    from exchange.limits import EXAMPLES_MAX

    yield _set_line(made.changed, made.unchanged, made.schools)
    for one in made.made:
        yield "  " + tr("new person at NPSN {npsn}: {nama}").format(npsn=one["npsn"], nama=one["nama"])
    if made.unmatched:
        yield "  " + tr("rows of the list that fit nothing here: {count}").format(count=number(len(made.unmatched)))
        for one in made.unmatched[:EXAMPLES_MAX]:
            yield "    " + tr("row {row}: {table} {id}, {column}").format(
                row=number(int(str(one["line"]))), table=one["table"], id=one["id"], column=one["column"]
            )
        if len(made.unmatched) > EXAMPLES_MAX:
            yield "    " + tr("and {count} more").format(count=number(len(made.unmatched) - EXAMPLES_MAX))


# --- status -----------------------------------------------------------------------------------


@server.command("status")
@click.pass_obj
def status(asked: Asked) -> Answer:
    """Show schools, packages, what is held or put aside, conflicts, open refusals, findings, and who is behind."""
    from exchange.overview import server_status

    with _open(asked) as node:
        found = server_status(node)
    return Answer(found, _status_lines(found))


def _status_lines(found: Mapping[str, Any]) -> Iterator[str]:
    from exchange.cli.show import columns, meaning, when
    from exchange.cli.show import held as wait_of
    from exchange.limits import EXAMPLES_MAX

    packages = found["packages"]
    yield from columns(
        [
            [tr("schools"), number(found["schools"])],
            [tr("packages merged"), number(packages["merged"])],
            [tr("packages waiting to be merged"), number(packages["accepted"])],
            [tr("packages held"), number(packages["held"])],
            [tr("files put aside"), number(found["quarantine"])],
            [tr("conflicts"), number(found["conflicts"])],
            [tr("open refusals"), number(found["open"])],
            [tr("findings"), number(found["findings"])],
            [tr("KIP rows waiting"), number(found["kip_waiting"])],
        ],
        right=[1],
    )
    held: dict[str, list[Mapping[str, Any]]] = {}
    for one in found["held"]:
        held.setdefault(one["code"], []).append(one)
    for code, waiting in held.items():
        yield tr("Held: {code} {meaning} ({count})").format(
            code=code, meaning=meaning(code), count=number(len(waiting))
        )
        yield "  " + tr(wait_of(code))
        for one in waiting[:EXAMPLES_MAX]:
            yield "  " + tr("NPSN {npsn}, file {number}, {count} change(s), since {when}").format(
                npsn=one["npsn"], number=one["number"], count=number(one["changes"]), when=when(one["since"])
            )
    for one in [one for one in found["refused"] if one["alarm"]][:EXAMPLES_MAX]:
        yield tr("ALARM, NPSN {npsn}: {count} files in its name were put aside ({codes})").format(
            npsn=one["npsn"], count=number(one["files"]), codes=", ".join(one["codes"])
        )
    for one in found["orders_held"][:EXAMPLES_MAX]:
        yield tr("Order {number} of the office of {wilayah} waits for an earlier one ({code}), since {when}").format(
            number=number(one["number"]), wilayah=one["wilayah"], code=one["code"], when=when(one["since"])
        )
    if found["overruled"]:
        yield tr("Given back after a restore, and another value stands: {count}").format(
            count=number(len(found["overruled"]))
        )
    for one in found["overruled"][:EXAMPLES_MAX]:
        for column in one["given"]:
            given, stands = ("-" if (v := one[side][column]) is None else v for side in ("given", "stands"))
            yield "  " + tr("NPSN {npsn}, {table}, id {id}: {column} {given} was given back, {stands} stands").format(
                npsn=one["npsn"], table=one["table"], id=one["id"], column=column, given=given, stands=stands
            )
    behind = found["behind"]
    if behind:
        yield tr("Schools that have something to receive: {count}").format(count=number(len(behind)))
        names = ", ".join(one["npsn"] for one in behind[:EXAMPLES_MAX])
        yield f"  {names}{', …' if len(behind) > EXAMPLES_MAX else ''}"


for part in (schools, reference, kip):
    server.add_command(part)
