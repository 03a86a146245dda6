"""Commands about what the archive proves: a server made again from it, and what anybody can check."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exchange.cli.frame import Answer, Asked, Command, option
from exchange.words import number, tr

if TYPE_CHECKING:
    from exchange.rebuilding import Rebuilt

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
    from exchange.rebuilding import rebuild as make

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
