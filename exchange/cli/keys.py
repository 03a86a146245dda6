"""The lives of keys, at the door: another head, another passphrase, another laptop, another server key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exchange.cli.frame import Answer, Asked, Command, Option
from exchange.cli.secrets import SECRET_BYTES_MAX, secret
from exchange.words import tr

if TYPE_CHECKING:
    from exchange.nodes import SchoolNode, ServerNode


def _school(asked: Asked) -> closing[SchoolNode]:
    from exchange.nodes import SchoolNode

    return closing(SchoolNode.open(asked.home.absolute()))


def _file(name: str, help_: str) -> Option:
    return Option([name], metavar="FILE", type=click.Path(path_type=Path), help=help_)


# --- a school's head --------------------------------------------------------------------------


@click.pass_obj
def _head(asked: Asked, code_file: Path | None, passphrase_file: Path | None) -> Answer:
    """Make the key of a new head, whom the dinas has assigned, with the code for that head.

    First apply the BALASAN that brings the assignment. From then on only the new head's passphrase approves; the former
    one opens nothing. Also for a head who forgot the passphrase, with a new code.
    """
    from exchange.headship import change_head

    with _school(asked) as node:
        code = secret(tr("Code for the head"), code_file, "--code-file", "KIRIM_CODE")
        letter = code_file.read_bytes()[:SECRET_BYTES_MAX].decode("utf-8-sig").splitlines() if code_file else []
        passphrase = secret(
            tr("The new head's passphrase"), passphrase_file, "--passphrase-file", "KIRIM_PASSPHRASE", twice=True
        )
        made = change_head(node, code, passphrase, letter)

    def lines() -> Iterator[str]:
        yield tr("{nama} approves from now on; nobody else's passphrase does.").format(nama=made.head.nama)
        yield tr("Fingerprint of the head's key: {fingerprint}").format(fingerprint=made.fingerprint)
        yield tr("The code is used up now. Keep the passphrase; nobody can look it up.")
        yield tr("The next export carries everything that still waits, approved anew.")

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
    from exchange.headship import head_code

    made = head_code(node, npsn, out=out)

    def lines() -> Iterator[str]:
        yield f"NPSN {made.npsn}"
        yield "  " + tr("code: {file}").format(file=made.code_file)
        yield "  " + tr("for: {nama}").format(nama=made.head.nama)
        yield tr("Give the code to this head alone. The BALASAN that brings the assignment goes with it.")

    return Answer(made.as_json(), lines())
