"""Commands about what the archive proves: a server made again from it, and what anybody can check."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exchange.cli.frame import Answer, Asked, Command, argument, file_argument, note, option
from exchange.words import mark, number, tr, trn

if TYPE_CHECKING:
    from exchange.evidence.rebuilding import Rebuilt
    from exchange.evidence.receiptpage import Held
    from exchange.evidence.verifying import Proof, Statement

# --- rebuild ----------------------------------------------------------------------------------


@click.command("rebuild", cls=Command)
@option(
    "--into",
    metavar="DIR",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of the new server; nothing may stand there.",
)
@click.pass_obj
def rebuild(asked: Asked, into: Path) -> Answer:
    """Make the server again in another folder, from the archive and the keys alone, and compare it with this one.

    The home needs only its folders archive and kunci. It is not changed.
    """
    from exchange.evidence.rebuilding import rebuild as make

    made = make(asked.home.absolute(), into.absolute(), asked.db)
    return Answer(made.as_json(), _rebuilt_lines(made), 0 if made.equal is not False else 1)


def _rebuilt_lines(made: Rebuilt) -> Iterator[str]:
    from exchange.cli.show import columns, title

    yield tr("The server was made again in {home}.").format(home=made.home)
    yield from columns(
        [
            [tr("packages merged again"), number(made.replayed.packages)],
            [tr("acts of the centre put back"), number(made.replayed.acts)],
            [tr("schools"), number(made.schools)],
            [tr("tables compared"), number(made.tables)],
        ],
        right=[1],
    )
    yield tr("Ledger: {value}").format(value=made.replayed.value.hex())
    if made.equal is None:
        yield tr("No database stood there to compare it with; every entry came out as the ledger says.")
    elif made.equal:
        yield tr("It equals the database that stands, table by table.")
    else:
        yield tr("It does not equal the database that stands:")
        for one in made.differences:
            yield "  " + tr("NPSN {npsn}, {table}: {rebuilt} rows, {stands} in the database that stands").format(
                npsn=one.npsn, table=title(one.table), rebuilt=number(one.rebuilt), stands=number(one.stands)
            )
        if not made.differences:
            yield "  " + tr("the ledger of the database that stands ends elsewhere")


# --- what is handed out -----------------------------------------------------------------------


@click.command("public", cls=Command)
@file_argument("file")
@click.pass_obj
def public(asked: Asked, file: Path) -> Answer:
    """Write the public keys with which anybody can verify the archive. They hold no secret."""
    from contextlib import closing

    from exchange.evidence.givenkeys import write_public_keys
    from exchange.nodes import ServerNode

    path = file.absolute()
    with closing(ServerNode.open(asked.home.absolute(), asked.db)) as node:
        fingerprint = write_public_keys(node, path)
    lines = [tr("{file}: public keys").format(file=path), tr("Fingerprint of the root: {fingerprint}").format(fingerprint=fingerprint)]
    return Answer({"file": str(path), "fingerprint": fingerprint}, lines)


@click.command("filekey", cls=Command)
@file_argument("file")
@option("--npsn", metavar="NPSN", required=True, help="NPSN of the school.")
@option("--number", "package", metavar="NUMBER", type=int, help="Of the package; by default all of the school's.")
@click.pass_obj
def filekey(asked: Asked, file: Path, npsn: str, package: int | None) -> Answer:
    """Write the own keys of a school's files, for somebody who may read them. Each opens its file and no other."""
    from contextlib import closing

    from exchange.evidence.givenkeys import give_file_keys
    from exchange.nodes import ServerNode

    path = file.absolute()
    with closing(ServerNode.open(asked.home.absolute(), asked.db)) as node:
        count = give_file_keys(node, path, npsn.strip().upper(), package)
    told = trn("{file}: key of {count} file", "{file}: keys of {count} files", count)
    lines = [told.format(file=path, count=number(count)), tr("Whoever has it reads these packages: hand it over sealed.")]
    return Answer({"file": str(path), "count": count}, lines)


# --- verify -----------------------------------------------------------------------------------


@click.command("verify", cls=Command)
@argument("archive", metavar="DIR", type=click.Path(path_type=Path))
@option("--keys", metavar="FILE", type=click.Path(path_type=Path), required=True, help="Public keys of the server.")
@option("--file-keys", metavar="FILE", type=click.Path(path_type=Path), help="Own keys of files that you may read.")
@option("--school", "scope", metavar="UUID", default="", help="Tell this school's packages one by one (its sekolah_id).")
@option("--head", "heads", metavar="HEX", multiple=True, help="Ledger's value that a return has carried; it must be there.")
@option(
    "--receipt",
    "receipts",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A school's receipt (kirim school receipt --json); it must be there.",
)
@click.pass_obj
def verify(
    asked: Asked,
    archive: Path,
    keys: Path,
    file_keys: Path | None,
    scope: str,
    heads: Sequence[str],
    receipts: Sequence[Path],
) -> Answer:
    """Prove from an archive and public keys alone what the server received, when, from whom, and what became of it.

    It needs no home and no secret, and works on any machine. The first thing that does not hold is named.
    """
    from exchange import errors
    from exchange.evidence.givenkeys import read_file_keys, read_public_keys
    from exchange.evidence.receiptpage import read_receipt
    from exchange.evidence.verifying import Verifier
    from exchange.mirror import files
    from exchange.schema import SCHEMA

    try:
        values = [bytes.fromhex(head) for head in heads]
    except ValueError as error:
        raise click.UsageError(tr("--head is 64 digits from 0 to f")) from error
    known = read_public_keys(keys)
    given = read_file_keys(file_keys) if file_keys is not None else None
    told = [read_receipt(path) for path in receipts]
    try:
        wanted = str(uuid.UUID(scope.strip())) if scope else ""
    except ValueError as error:
        raise click.UsageError(tr("--school is a sekolah_id, not an NPSN: kirim inspect shows it of each of the school's files")) from error
    if not files(archive):  # another folder, or an archive without its ledger: that everything holds would prove nothing
        raise errors.FileUnreadable(file=str(archive / "ledger"))
    proof = Verifier(archive, known, SCHEMA, given, wanted).run(values, told)
    document = proof.as_json() | {"fingerprint": known.fingerprint}
    return Answer(document, _proof_lines(proof, known.fingerprint, wanted))


STATES = {"merged": mark("merged"), "held": mark("held"), "quarantined": mark("put aside")}
"""What became of a package, as message ids."""


def _proof_lines(proof: Proof, fingerprint: str, scope: str) -> Iterator[str]:
    from exchange.cli.show import columns

    yield tr("Everything holds: {count} entries, each following the one before.").format(count=number(proof.entries))
    yield from columns(
        [
            *([tr("packages, {state}").format(state=tr(STATES[name])), number(n)] for name, n in sorted(proof.states.items())),
            [tr("acts of the centre"), number(proof.acts.total())],
            *([[tr("orders of district offices, each signed by its office"), number(proof.orders)]] if proof.orders else []),
            [tr("opened with keys that were given"), number(proof.opened)],
        ],
        right=[1],
    )
    if proof.beside:
        yield tr("Sealed files of which the ledger says nothing: {count}").format(count=number(proof.beside))
    for one in proof.statements:
        yield from _statement_lines(one)
    if scope and not any(one.scope == scope for one in proof.statements):
        yield tr("No package of school {scope} is in the archive.").format(scope=scope)
    yield tr("Ledger: {value}").format(value=proof.ledger.hex())
    yield tr("Fingerprint of the root: {fingerprint}").format(fingerprint=fingerprint)
    note(tr("Compare the root's fingerprint with the one that the server's owner publishes."))


def _statement_lines(one: Statement) -> Iterator[str]:
    from exchange.cli.files import counted
    from exchange.cli.show import by_operation, when
    from exchange.evidence.receiptpage import words

    yield tr("Entry {entry}: file {number} of school {scope}, received {when}: {state}").format(
        entry=one.entry,
        number=one.receipt.number,
        scope=one.scope,
        when=when(_moment(one.receipt.made_at)),
        state=tr(STATES[one.state]) + (f", KF-{one.receipt.code}" if one.receipt.code else ""),
    )
    yield "  " + counted(one.receipt.counts.as_dict())
    yield "  " + tr("words: {words}").format(words=" ".join(words(uuid.UUID(one.scope).bytes, one.receipt)))
    if one.opened is not None:
        yield from by_operation(one.opened)


def _moment(seconds: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).isoformat()


# --- receipt ----------------------------------------------------------------------------------


@click.command("receipt", cls=Command)
@argument("number", metavar="NUMBER", type=int)
@option("--out", metavar="FILE", type=click.Path(path_type=Path), help="Write a page (HTML) that a browser prints.")
@click.pass_obj
def receipt(asked: Asked, number: int, out: Path | None) -> Answer:
    """Show the server's signed receipt for one of this school's files: what came of it, eight words to compare, a QR code."""
    from contextlib import closing

    from exchange.evidence.receiptpage import find_receipt, qr_lines, write_page
    from exchange.nodes import SchoolNode

    with closing(SchoolNode.open(asked.home.absolute())) as node:
        held = find_receipt(node, number)
        lines = list(_receipt_lines(held, node.store.get("npsn"), node.store.get("nama")))
    document = held.as_json()
    if out is not None:
        path = write_page(out.absolute(), tr("Receipt for file {number}").format(number=number), lines, held.text)
        return Answer(document | {"file": str(path)}, [*lines, tr("Page to print: {file}").format(file=path)])
    return Answer(document, [*lines, "", *qr_lines(held.text).splitlines()])


@click.command("receipt", cls=Command)
@argument("number", metavar="NUMBER", type=int)
@option("--npsn", metavar="NPSN", required=True, help="NPSN of the school.")
@click.pass_obj
def given_receipt(asked: Asked, number: int, npsn: str) -> Answer:
    """Show the receipt that a school has of one of its files, with the eight words that it sees too."""
    from contextlib import closing

    from exchange.evidence.receiptpage import given
    from exchange.nodes import ServerNode

    with closing(ServerNode.open(asked.home.absolute(), asked.db)) as node:
        school = node.store.school_by_npsn(npsn)
        held = given(node.store, school, number)
    return Answer(held.as_json(), _receipt_lines(held, school.npsn, school.nama))


def _receipt_lines(held: Held, npsn: str, nama: str) -> Iterator[str]:
    from exchange.cli.files import counted
    from exchange.cli.general import short
    from exchange.cli.show import meaning, when

    r = held.receipt
    yield tr("Receipt of the server for file {number} of NPSN {npsn}, {nama}").format(number=r.number, npsn=npsn, nama=nama)
    yield tr("received {when}").format(when=when(_moment(r.made_at)))
    yield tr("fingerprint of the file: {fingerprint}").format(fingerprint=short(r.package_id))
    yield (f"KF-{r.code}: {meaning(f'KF-{r.code}')}" if r.code else tr("merged"))
    yield counted(r.counts.as_dict())
    yield tr("Compare these words with the server over the telephone:")
    yield "  " + tr("words: {words}").format(words=" ".join(held.words))
    yield tr("Ledger: {value}").format(value=held.ledger.hex())
