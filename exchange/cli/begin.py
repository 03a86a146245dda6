"""How an installation begins: ``kirim school init``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from exchange.cli.frame import Answer, Asked, Command, file_argument, option
from exchange.cli.school import given_passphrase, passphrase_file
from exchange.cli.secrets import given_secret, secret
from exchange.words import tr


@click.command("init", cls=Command)
@file_argument("prefill", metavar="PREFILL")
@option(
    "--code-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File whose first line is the registration code; else KIRIM_CODE, else it is asked.",
)
@passphrase_file
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
    passphrase = early or given_passphrase(None, twice=True, check=check_passphrase)
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
