"""``kirim`` itself: the names that stand behind it."""

from __future__ import annotations

import click

from exchange import __version__
from exchange.cli.frame import Group, Option, print_json, say


def _version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    if ctx.find_root().obj.json:
        print_json({"version": __version__})
    else:
        say(f"kirim {__version__}")
    ctx.exit()


SCHOOL = "At a school: take Excel lists in, check, export, apply what comes back."
SERVER = "At the server: register schools, take their files in, answer them, make the centre's changes."
DISTRICT = "At a district office (dinas): orders to the server by signed files, and what comes back."
"""Help of the roles; it stands here so that the list of commands need not import them."""

root = Group(
    "kirim",
    help="""Kirim File: school data by file, where there is no internet.

    A school exports one signed and encrypted file; somebody carries it; the server merges it and writes a return file,
    which is carried back and applied.""",
    params=[
        Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_version,
            help="Show the version and end.",
        )
    ],
    later={
        "school": "exchange.cli.school:school",
        "server": "exchange.cli.server:server",
        "district": "exchange.cli.district:district",
        "verify": "exchange.cli.evidence:verify",
        "inspect": "exchange.cli.general:inspect",
        "explain": "exchange.cli.general:explain",
        "demo": "exchange.cli.general:demo",
    },
    told={"school": SCHOOL, "server": SERVER, "district": DISTRICT},
)
"""The program."""
