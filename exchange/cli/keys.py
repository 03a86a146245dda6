"""The lives of keys, at the door: another head, another passphrase, another laptop, another server key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exchange.cli.frame import Answer, Asked, Command, Group, Option, option
from exchange.cli.secrets import SECRET_BYTES_MAX, secret
from exchange.words import mark, number, tr

if TYPE_CHECKING:
    from exchange.nodes import SchoolNode, ServerNode
    from exchange.server.keyring import Decided, SchoolKey


def _school(asked: Asked) -> closing[SchoolNode]:
    from exchange.nodes import SchoolNode

    return closing(SchoolNode.open(asked.home.absolute()))


def _server(asked: Asked) -> closing[ServerNode]:
    from exchange.nodes import ServerNode

    return closing(ServerNode.open(asked.home.absolute(), asked.db))


def _file(name: str, help_: str) -> Option:
    return Option([name], metavar="FILE", type=click.Path(path_type=Path), help=help_)


# --- a school's head --------------------------------------------------------------------------


@click.pass_obj
def _head(asked: Asked, code_file: Path | None, passphrase_file: Path | None) -> Answer:
    """Make the key of a new head, whom the dinas has assigned, with the code for that head.

    First apply the BALASAN that brings the assignment. From then on only the new head's passphrase approves; the former
    one opens nothing. Also for a head who forgot the passphrase, with a new code.
    """
    from exchange.school.headship import change_head
    from exchange.trust.codes import parse_code
    from exchange.trust.keyfiles import check_passphrase

    with _school(asked) as node:
        code = secret(tr("Code for the head"), code_file, "--code-file", "KIRIM_CODE", shown=True, check=parse_code)
        letter = code_file.read_bytes()[:SECRET_BYTES_MAX].decode("utf-8-sig").splitlines() if code_file else []
        passphrase = secret(
            tr("The new head's passphrase"),
            passphrase_file,
            "--passphrase-file",
            "KIRIM_PASSPHRASE",
            twice=True,
            check=check_passphrase,
        )
        made = change_head(node, code, passphrase, letter)

    def lines() -> Iterator[str]:
        yield tr("{nama} approves from now on; nobody else's passphrase does.").format(nama=made.head.nama)
        yield tr("Fingerprint of the head's key: {fingerprint}").format(fingerprint=made.fingerprint)
        yield tr("The code is used up now. Keep the passphrase; nobody can look it up.")
        yield tr("The next export carries everything that still waits, approved anew.")
        yield tr("Only the server can tell a wrong code: if it puts the file aside (KF-303), do this again with the right one.")

    return Answer(made.as_json(), lines())


head = Command(
    "head",
    callback=_head,
    help=_head.__doc__,
    params=[
        _file("--code-file", "File whose first line is the code for the head; else KIRIM_CODE, else it is asked."),
        _file(
            "--passphrase-file",
            "File whose first line is the new head's passphrase; else KIRIM_PASSPHRASE, else it is asked.",
        ),
    ],
)


def head_code_answer(node: ServerNode, npsn: str, out: Path | None) -> Answer:
    """Make a code for a school's head and return what is to be said of it."""
    from exchange.server.headship import head_code

    made = head_code(node, npsn, out=out)

    def lines() -> Iterator[str]:
        yield f"NPSN {made.npsn}"
        yield "  " + tr("code: {file}").format(file=made.code_file)
        yield "  " + tr("for: {nama}").format(nama=made.head.nama)
        yield tr("Give the code to this head alone. The BALASAN that brings the assignment goes with it.")

    return Answer(made.as_json(), lines())


def cancel_answer(node: ServerNode, npsn: str, purpose: str) -> Answer:
    """Take back a school's unused codes and return what is to be said of it."""
    from exchange.cli.files import file_line
    from exchange.format.certificate import KeyKind
    from exchange.server.keyring import cancel_codes

    made = cancel_codes(node, npsn, KeyKind[f"KODE_{purpose.upper()}"])

    def lines() -> Iterator[str]:
        yield f"NPSN {made.npsn}"
        yield "  " + tr("codes that no longer count: {count}").format(count=number(len(made.codes)))
        yield from (file_line(one) for one in made.files)
        yield tr("Destroy the letters. Whoever has opened the prefill has read it; what he sends is put aside (KF-340).")

    return Answer(made.as_json(), lines())


# --- a school's keys at the server ------------------------------------------------------------

keys = Group("key", help="Keys of a school: list and revoke them, decide between two laptops. Keys of the server.")

_npsn = option("--npsn", metavar="NPSN", required=True, help="NPSN of the school.")
_key = option("--key", "key", metavar="KEY", required=True, help="The key's id, or its fingerprint (sidik).")

STATES = {
    "aktif": mark("in use"),
    "ditahan": mark("held: two under one code"),
    "ditolak": mark("refused"),
    "dicabut": mark("revoked"),
}
"""States of a key, as message ids."""

KINDS = {"perangkat": mark("laptop"), "kepala": mark("head")}
"""Kinds of keys, as message ids."""


def _key_lines(found: Iterable[SchoolKey]) -> Iterator[str]:
    from exchange.cli.show import columns

    rows = [["", tr("fingerprint"), tr("state"), tr("received up to"), tr("counts up to"), tr("key id")]]
    for key in found:
        is_laptop = key.kind == "perangkat"
        after = "" if key.revoked_after is None else number(key.revoked_after)
        name = tr(KINDS[key.kind]) + (" *" if key.current else "")
        received = number(key.received) if is_laptop else ""
        rows.append([name, key.fingerprint, tr(STATES[key.state]), received, after, key.key.hex()])
    yield from columns(rows, right=(3, 4))
    yield "  " + tr("* returns are sealed to this one")


def _decided(made: Decided) -> Answer:
    from exchange.cli.files import file_line

    def lines() -> Iterator[str]:
        yield f"NPSN {made.npsn}"
        yield from _key_lines(made.keys)
        for one in made.files:
            yield file_line(one)
        if not any(key.current for key in made.keys):
            yield tr("The school has no laptop in use: make a code and prefill for the new one.")

    return Answer(made.as_json(), lines())


@keys.command("list")
@_npsn
@click.pass_obj
def list_(asked: Asked, npsn: str) -> Answer:
    """Show a school's laptops and heads: fingerprints, what has come from each, what counts."""
    from exchange.server.keyring import school_keys

    with _server(asked) as node:
        found = school_keys(node, npsn.strip().upper())
    document = {"npsn": npsn.strip().upper(), "keys": [key.as_json() for key in found]}
    return Answer(document, _key_lines(found))


@keys.command("revoke")
@_npsn
@_key
@option(
    "--after",
    metavar="NUMBER",
    type=click.IntRange(0, (1 << 32) - 1),
    help="Last change number that counts; by default the last one that has come.",
)
@option("--value", metavar="MARK", default="", help="For a number beyond that: the mark that the school's export shows.")
@click.pass_obj
def revoke(asked: Asked, npsn: str, key: str, after: int | None, value: str) -> Answer:
    """Revoke a key: a laptop that was lost or stolen, a head's key that others know.

    What the laptop made up to the number is still taken, years later; nothing above it, whatever its date.
    """
    from exchange.server.keyring import revoke as take_back

    bare = value.replace("-", "").replace(" ", "")
    try:
        known = bytes.fromhex(bare)
    except ValueError:
        raise click.UsageError(tr("a mark has only the digits 0 to 9 and a to f")) from None
    with _server(asked) as node:
        made = take_back(node, npsn.strip().upper(), key, after=after, value=known)
    return _decided(made)


@keys.command("accept")
@_npsn
@_key
@click.pass_obj
def accept(asked: Asked, npsn: str, key: str) -> Answer:
    """Of two laptops under one code, let this one hold; the other is refused. Compare the fingerprints first."""
    from exchange.server.keyring import accept as let_hold

    with _server(asked) as node:
        made = let_hold(node, npsn.strip().upper(), key)
    return _decided(made)


@keys.command("reject")
@_npsn
@_key
@click.pass_obj
def reject(asked: Asked, npsn: str, key: str) -> Answer:
    """Of two laptops under one code, refuse this one; if one is left, it holds."""
    from exchange.server.keyring import reject as refuse

    with _server(asked) as node:
        made = refuse(node, npsn.strip().upper(), key)
    return _decided(made)


@keys.command("rotate")
@option(
    "--root",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The root's key file, or the spare's, from where it is kept; by default kunci/akar.",
)
@option(
    "--retire",
    is_flag=True,
    help="Also refuse what former server keys signed: one of them is in wrong hands. Old returns are then written again.",
)
@click.pass_obj
def rotate(asked: Asked, root: Path | None, retire: bool) -> Answer:
    """Give the server a new key, certified by the root. Former keys still open what schools have sealed to them."""
    from exchange.server.serverkeys import rotate as renew

    with _server(asked) as node:
        made = renew(node, root.absolute() if root is not None else None, retire=retire)

    def lines() -> Iterator[str]:
        yield tr("Fingerprint of its key: {fingerprint}").format(fingerprint=made.fingerprint)
        yield tr("Schools learn of it by their next returns. Copy the folder kunci to a safe place, as before.")

    return Answer(made.as_json(), lines())


# --- a school's own keys ----------------------------------------------------------------------

own = Group("key", help="The keys on this laptop.")


def _passphrases(node: SchoolNode, present: Path | None, new: Path | None) -> tuple[str, str]:
    """Return the head's present passphrase and the new one; a wrong one is asked again at once."""
    from exchange.cli.school import given_passphrase
    from exchange.trust.keyfiles import check_passphrase

    return (
        given_passphrase(present, check=node.head),
        secret(
            tr("The new passphrase"),
            new,
            "--new-passphrase-file",
            "KIRIM_NEW_PASSPHRASE",
            twice=True,
            check=check_passphrase,
        ),
    )


_PRESENT = "File whose first line is the head's passphrase; else KIRIM_PASSPHRASE, else it is asked."
_NEW = "File whose first line is the new passphrase; else KIRIM_NEW_PASSPHRASE, else it is asked."


@own.command("rotate")
@option("--head", "of_head", is_flag=True, help="The head's key, under a new passphrase, instead of the laptop's.")
@option("--passphrase-file", metavar="FILE", type=click.Path(path_type=Path), help=_PRESENT)
@option("--new-passphrase-file", metavar="FILE", type=click.Path(path_type=Path), help=_NEW)
@click.pass_obj
def rotate_own(
    asked: Asked, of_head: bool, passphrase_file: Path | None, new_passphrase_file: Path | None
) -> Answer:
    """Give this laptop, or its head, a new key signed by the present one. It goes out with the next export.

    The laptop's key is renewed only while an export is possible: export right afterwards.
    """
    from exchange.school.riding import check_known
    from exchange.school.rotating import renew_device, renew_head

    with _school(asked) as node:
        if of_head:
            check_known(node)
            made = renew_head(node, *_passphrases(node, passphrase_file, new_passphrase_file))
        else:
            made = renew_device(node)

    def lines() -> Iterator[str]:
        yield tr("Fingerprint of the new key: {fingerprint}").format(fingerprint=made.fingerprint)
        yield tr("The former key is used no more. Export now: the next package tells the server.")

    return Answer(made.as_json(), lines())


@click.pass_obj
def _change(asked: Asked, passphrase_file: Path | None, new_passphrase_file: Path | None) -> Answer:
    """Change the head's passphrase. The key stays the same, so nothing has to be sent."""
    from exchange.school.rotating import change_passphrase

    with _school(asked) as node:
        change_passphrase(node, *_passphrases(node, passphrase_file, new_passphrase_file))
    return Answer({"changed": True}, [tr("From now on the new passphrase approves; the former one opens nothing.")])


passphrase = Command(
    "passphrase",
    callback=_change,
    help=_change.__doc__,
    params=[_file("--passphrase-file", _PRESENT), _file("--new-passphrase-file", _NEW)],
)
