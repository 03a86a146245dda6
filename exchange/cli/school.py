"""``kirim school``: the commands of a school, each in a module that is imported when it is used."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exchange.cli.frame import Asked, Group, option
from exchange.cli.root import SCHOOL
from exchange.cli.secrets import secret
from exchange.words import tr

if TYPE_CHECKING:
    from exchange.nodes import SchoolNode

LATER = {
    "init": "exchange.cli.begin:init",
    "import": "exchange.cli.lists:import_",
    "status": "exchange.cli.look:status",
    "validate": "exchange.cli.look:validate",
    "export": "exchange.cli.sending:export",
    "apply": "exchange.cli.coming:apply",
    "download": "exchange.cli.lists:download",
    "receipt": "exchange.cli.evidence:receipt",
    "head": "exchange.cli.keys:head",
    "passphrase": "exchange.cli.keys:passphrase",
    "key": "exchange.cli.keys:own",
    "account": "exchange.cli.accounts:account",
}
"""Where each command stands, in the order in which help lists them."""

school = Group("school", help=SCHOOL, later=LATER)
"""The commands of a school."""

passphrase_file = option(
    "--passphrase-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File whose first line is the head's passphrase; else KIRIM_PASSPHRASE, else it is asked.",
)


def opened(asked: Asked) -> closing[SchoolNode]:
    """Return the school in whose home a command works; it is closed behind it."""
    from exchange.nodes import SchoolNode

    return closing(SchoolNode.open(asked.home.absolute()))


def given_passphrase(
    file: Path | None, *, twice: bool = False, check: Callable[[str], object] | None = None
) -> str:
    """Return the head's passphrase from a file, the environment or whoever types it.

    Args:
        file: Whose first line it is.
        twice: Whether it is new, so that it is typed twice.
        check: Raises what is wrong with it, before it is typed again.
    """
    what = tr("The head's passphrase")
    return secret(what, file, "--passphrase-file", "KIRIM_PASSPHRASE", twice=twice, check=check)
