"""``kirim district``: what a district office's operator does, on a machine of the office's own."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from exchange.cli.frame import Answer, Asked, Group, argument, file_argument, option
from exchange.cli.lists import LISTS
from exchange.cli.root import DISTRICT
from exchange.words import mark, number, tr, trn

if TYPE_CHECKING:
    from exchange.district.answers import Opened
    from exchange.district.looking import Looked
    from exchange.district.office import Office
    from exchange.format.order import Verb

district = Group("district", help=DISTRICT)
"""The commands of a district office."""

schools = Group("school", help="Order schools of the region to be registered, and codes.")
keys = Group("key", help="Order what becomes of a school's key: decide between two laptops, revoke a lost one.")

_out = option(
    "--out", metavar="DIR", type=click.Path(path_type=Path), help="Where the order goes; by default outbox/."
)
_npsn = option("--npsn", metavar="NPSN", required=True, help="NPSN of the school.")
_key = option("--key", "key", metavar="KEY", required=True, help="The key's id, or its fingerprint (sidik).")

STATES = {
    "sent": mark("written, not answered"),
    "held": mark("waiting for earlier orders"),
    "done": mark("done"),
    "refused": mark("refused: nothing of it was done"),
}
"""States of an order, as message ids."""

VERBS = {
    "report": mark("report"),
    "school": mark("register schools"),
    "code": mark("codes"),
    "change": mark("changes"),
    "key": mark("keys"),
    "copy": mark("copies"),
}
"""What is ordered, as message ids."""


def _open(asked: Asked) -> Office:
    from exchange.district.office import Office

    return Office.open(asked.home.absolute())


# --- setting up -------------------------------------------------------------------------------


@district.command("init")
@option("--name", metavar="NAME", required=True, help="Name of the office.")
@click.pass_obj
def init(asked: Asked, name: str) -> Answer:
    """Make the office's keys and its request to the centre. The keys never leave this folder."""
    from exchange.district.office import init_office

    made = init_office(asked.home.absolute(), name)

    def lines() -> Iterator[str]:
        yield tr("Request for the centre: {file}").format(file=made.file)
        yield tr("Fingerprint of the office's key: {fingerprint}").format(fingerprint=made.fingerprint)
        yield tr("Copy the folder kunci to a safe place: whoever has it orders in this office's name.")

    return Answer(made.as_json(), lines())


@district.command("open")
@file_argument("files", many=True)
@option("--fingerprint", metavar="FINGERPRINT", default="", help="The root's, as the centre told it on the telephone; needed once.")
@click.pass_obj
def open_(asked: Asked, files: Sequence[Path], fingerprint: str) -> Answer:
    """Open what the centre sent: its certificate, or answers to orders with codes and prefills. Opened again, nothing changes."""
    from exchange import errors
    from exchange.cli.door import tell
    from exchange.district.answers import open_file

    office, opened, failed = _open(asked), [], []
    for path in files:
        try:
            opened.append(open_file(office, path.absolute(), fingerprint))
        except errors.ExchangeError as error:
            if len(files) == 1:
                raise
            failed.append({"file": str(path.absolute()), "code": error.code})
            if not asked.json:
                tell(error, json=False)
    refused = any(one.state == "refused" for one in opened)
    document = {"opened": [one.as_json() for one in opened], "failed": failed}
    return Answer(document, _opened_lines(opened), 1 if failed and not opened else 3 if failed or refused else 0)


def _opened_lines(opened: Sequence[Opened]) -> Iterator[str]:
    from exchange.cli.door import told

    for one in opened:
        if one.kind == "grant":
            yield tr("The centre has certified this office for {wilayah}.").format(wilayah=one.result["wilayah"])
            if one.result["sealed"]:
                yield tr("Schools of the region will seal their packages to this office as well.")
            continue
        yield tr("Order {number}, {verb}: {state}").format(
            number=number(one.number or 0), verb=tr(VERBS.get(one.verb, one.verb)), state=tr(STATES.get(one.state, one.state))
        )
        if one.error is not None:
            yield from (f"  {line}" for line in told(one.error))
        yield from _result_lines(one.verb, one.result)
        for path in one.files:
            yield "  " + tr("for a school: {file}").format(file=path)


def _result_lines(verb: str, result: Mapping[str, Any]) -> Iterator[str]:
    if verb == "report" and "schools" in result:
        yield from _report_lines(result)
    elif verb == "copy" and result:
        yield from _copy_lines(result)
    elif verb == "change" and result:
        yield "  " + tr("{changed} set, {unchanged} stood so already; schools with something to receive: {schools}").format(
            changed=number(result["changed"]), unchanged=number(result["unchanged"]), schools=number(result["schools"])
        )
        if result["unmatched"]:
            count = number(len(result["unmatched"]))
            yield "  " + tr("rows of the list that fit nothing here: {count}").format(count=count)


def _copy_lines(told: Mapping[str, Any]) -> Iterator[str]:
    yield "  " + tr("copies of schools that are here now: {count}; unchanged: {unchanged}").format(
        count=number(len(told["schools"])), unchanged=number(told["unchanged"])
    )
    if told["ended"]:
        yield "  " + tr("copies that the centre renews no longer, of schools outside the region: {schools}").format(
            schools=", ".join(told["ended"])
        )
    if told["left"]:
        yield "  " + tr("schools that found no room in this answer: {count}; order the copies once more").format(count=number(told["left"]))


def _report_lines(told: Mapping[str, Any]) -> Iterator[str]:
    from exchange.cli.show import columns, when

    rows = [["NPSN", tr("kecamatan"), tr("last file"), tr("came"), tr("held"), tr("conflicts"), tr("open"), tr("two laptops")]]
    for one in told["schools"]:
        rows.append(
            [
                one["npsn"],
                one["wilayah"],
                number(one["last_number"] or 0),
                when(one["last_received_at"]) if one["last_received_at"] else "",
                number(len(one["held"])),
                number(one["conflicts"]),
                number(one["open"]),
                tr("yes") if one["contested"] else "",
            ]
        )
    yield from columns(rows, right=(2, 4, 5, 6))
    for one in told["schools"]:
        for key in one["contested"]:
            yield tr("NPSN {npsn}, two laptops under one code: {fingerprint}").format(
                npsn=one["npsn"], fingerprint=key["fingerprint"]
            )
    yield trn("{count} school", "{count} schools", len(rows) - 1).format(count=number(len(rows) - 1))
    yield tr("packages that came since the last report: {count}").format(count=number(len(told["packages"])))


@district.command("status")
@click.pass_obj
def status(asked: Asked) -> Answer:
    """Show the office, its orders, and which of them wait for an answer."""
    from exchange.district.office import status as found_status

    found = found_status(_open(asked))

    def lines() -> Iterator[str]:
        from exchange.cli.show import columns, when

        yield tr("Office: {name}").format(name=found["name"])
        yield tr("Fingerprint of the office's key: {fingerprint}").format(fingerprint=found["fingerprint"])
        if found["certified"]:
            yield tr("certified for {wilayah}").format(wilayah=found["wilayah"])
        else:
            yield tr("not certified by the centre yet")
        orders: Any = found["orders"]
        yield from columns(
            [[number(o["number"]), tr(VERBS.get(o["verb"], o["verb"])), tr(STATES[o["state"]]), o["code"] or ""] for o in orders],
            right=(0,),
        )
        held: Any = found["copies"]
        if held:
            rows = [["NPSN", tr("school"), tr("rows"), tr("findings"), tr("position"), tr("copied")]]
            for one in held:
                counts = [number(one[name]) for name in ("rows", "findings", "position")]
                rows.append([one["npsn"], str(one["nama"]), *counts, when(one["made_at"])])
            yield from columns(rows, right=(2, 3, 4))
        waiting: Any = found["waiting"]
        yield tr("orders without an answer: {count}").format(count=number(waiting))

    return Answer(found, lines())


# --- orders -----------------------------------------------------------------------------------


def _ordered(asked: Asked, verb: Verb, content: bytes, label: str, out: Path | None) -> Answer:
    from exchange.district.ordering import order

    made = order(_open(asked), verb, content, label, out=out.absolute() if out is not None else None)

    def lines() -> Iterator[str]:
        yield tr("Order {number} is written: {file}").format(number=number(made.number), file=made.file)
        yield tr("Bring it to the server; what comes back is a file JAWABAN for `kirim district open`.")

    return Answer(made.as_json(), lines())


def _listed(columns: Sequence[str], row: Sequence[object]) -> bytes:
    """Return a list of one row."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerow(row)
    return text.getvalue().encode()


@district.command("report")
@_out
@click.pass_obj
def report(asked: Asked, out: Path | None) -> Answer:
    """Order a report: where the region's schools stand, and what has come for them since the last one."""
    from exchange.format.order import Verb

    return _ordered(asked, Verb.REPORT, b"", "", out)


@schools.command("add")
@option("--npsn", metavar="NPSN", help="NPSN of the school, 8 characters.")
@option("--name", metavar="NAME", help="Its name.")
@option("--bentuk", metavar="BENTUK", help="Its kind, such as TK, SD, SMP, SMK or PKBM.")
@option("--head", metavar="NAME", default="", help="Its Kepala Sekolah, who will approve its packages.")
@option("--wilayah", metavar="CODE", default="", help="kode_wilayah of its kecamatan; of an office of one kecamatan by default that one.")
@option(
    "--file",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Many schools: CSV or Excel with columns npsn, name, bentuk, head, wilayah.",
)
@_out
@click.pass_obj
def add(
    asked: Asked,
    npsn: str | None,
    name: str | None,
    bentuk: str | None,
    head: str,
    wilayah: str,
    file: Path | None,
    out: Path | None,
) -> Answer:
    """Order a school, or many, to be registered. The answer brings each one's registration code and prefill."""
    from exchange.district.ordering import read_list
    from exchange.format.order import Verb
    from exchange.interop.lists import read_schools

    if file is not None:
        if npsn or name or bentuk or head or wilayah:
            raise click.UsageError(tr("--file stands alone"))
        return _ordered(asked, Verb.SCHOOL, read_list(file, read_schools), file.name, out)
    if not (npsn and name and bentuk):
        raise click.UsageError(tr("give --npsn, --name and --bentuk, or --file"))
    row = (npsn.strip().upper(), name, bentuk, head, wilayah)
    return _ordered(asked, Verb.SCHOOL, _listed(("npsn", "name", "bentuk", "head", "wilayah"), row), "school add", out)


@schools.command("code")
@_npsn
@option(
    "--purpose",
    type=click.Choice(["perangkat", "kepala"]),
    default="perangkat",
    help="For a laptop (perangkat), with a prefill, or for the head (kepala), whom the dinas has assigned.",
)
@_out
@click.pass_obj
def code(asked: Asked, npsn: str, purpose: str, out: Path | None) -> Answer:
    """Order a new code: for a laptop, with a prefill, or for the head."""
    from exchange.format.order import Verb

    content = _listed(("npsn", "purpose"), (npsn.strip().upper(), purpose))
    return _ordered(asked, Verb.CODE, content, "school code", out)


@district.command("change")
@file_argument("file")
@_out
@click.pass_obj
def change(asked: Asked, file: Path, out: Path | None) -> Answer:
    """Order the changes of a list (table, id, column, value), as `kirim server change --as dinas` makes them; also assigns heads.

    One row that lies outside the region, and nothing of the list is done.
    """
    from exchange.district.ordering import read_list
    from exchange.format.order import Verb
    from exchange.interop.lists import read_changes

    return _ordered(asked, Verb.CHANGE, read_list(file, read_changes), file.name, out)


def _decision(asked: Asked, out: Path | None, *row: object) -> Answer:
    from exchange.format.order import Verb

    columns = ("npsn", "key", "decision", "after", "value")
    return _ordered(asked, Verb.KEY, _listed(columns, row), f"key {row[2]}", out)


@keys.command("accept")
@_npsn
@_key
@_out
@click.pass_obj
def accept(asked: Asked, npsn: str, key: str, out: Path | None) -> Answer:
    """Of two laptops under one code, let this one hold; the other is refused. Compare the fingerprints first."""
    return _decision(asked, out, npsn.strip().upper(), key, "accept", "", "")


@keys.command("reject")
@_npsn
@_key
@_out
@click.pass_obj
def reject(asked: Asked, npsn: str, key: str, out: Path | None) -> Answer:
    """Of two laptops under one code, refuse this one; if one is left, it holds."""
    return _decision(asked, out, npsn.strip().upper(), key, "reject", "", "")


@keys.command("revoke")
@_npsn
@_key
@option(
    "--after",
    metavar="NUMBER",
    type=click.IntRange(0, 999_999_999),
    help="Last change number that counts; by default the last one that has come.",
)
@option("--value", metavar="MARK", default="", help="For a number beyond that: the mark that the school's export shows.")
@_out
@click.pass_obj
def revoke(asked: Asked, npsn: str, key: str, after: int | None, value: str, out: Path | None) -> Answer:
    """Order a key to be revoked: a laptop that was lost or stolen, a head's key that others know."""
    return _decision(asked, out, npsn.strip().upper(), key, "revoke", "" if after is None else after, value)


# --- packages that are sealed to the office ---------------------------------------------------


@district.command("ingest")
@file_argument("paths", many=True, metavar="PATH")
@click.pass_obj
def ingest(asked: Asked, paths: Sequence[Path]) -> Answer:
    """Open schools' packages that are sealed to this office too, and list what they say. They are kept here, sealed as they came.

    Nothing is merged or answered here: the same files still go to the server.
    """
    from exchange.district.looking import look

    done = look(_open(asked), [path.absolute() for path in paths])
    counts = {status: sum(one.status == status for one in done) for status in ("opened", "known", "refused")}
    document = {"files": [one.as_json() for one in done]} | counts
    return Answer(document, _looked_lines(done, counts), 3 if counts["refused"] else 0)


@district.command("copy")
@_out
@click.pass_obj
def copy(asked: Asked, out: Path | None) -> Answer:
    """Order copies of the region's schools, if their packages are sealed to this office too: of each that has changed since the last one."""
    from exchange.district.copies import known
    from exchange.format.order import Verb

    return _ordered(asked, Verb.COPY, known(_open(asked)), "copy", out)


@district.command("download")
@argument("npsn", metavar="NPSN")
@argument("list_", metavar="LIST", type=click.Choice(LISTS))
@file_argument("file", metavar="FILE")
@click.pass_obj
def download(asked: Asked, npsn: str, list_: str, file: Path) -> Answer:
    """Write an Excel list of a school from its copy: daftar-pd, daftar-guru or daftar-tendik."""
    from exchange.district.copies import write_list

    path = file.absolute()
    rows = write_list(_open(asked), npsn.strip().upper(), list_, path)
    told = trn("{file}: {rows} row", "{file}: {rows} rows", rows).format(file=path, rows=number(rows))
    return Answer({"rows": rows, "file": str(path)}, [told])


def _looked_lines(done: Sequence[Looked], counts: Mapping[str, int]) -> Iterator[str]:
    from exchange.cli.door import told
    from exchange.cli.show import title

    for one in done:
        yield one.file
        if one.error is not None:
            yield from (f"  {line}" for line in told(one.error))
        changes: Any = one.told.get("changes", {})
        for table, ops in changes.items():
            yield f"  {title(table)}: " + tr("{insert} new, {update} changed, {delete} deleted").format(
                **{op: number(ops.get(op, 0)) for op in ("insert", "update", "delete")}
            )
        if one.told.get("in_copy") is not None:
            if one.told["in_copy"]:
                yield "  " + tr("the school's copy here holds it")
            else:
                yield "  " + tr("the school's copy here does not hold it: bring it to the server, then order the copies")
    yield tr("{opened} opened, {known} known already, {refused} refused").format(
        **{status: number(count) for status, count in counts.items()}
    )


for group in (schools, keys):
    district.add_command(group)
