"""*Manajemen Pengguna* and *Tukar Akses Pengguna*, at the door."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exchange.cli.frame import Answer, Asked, Group, argument, option
from exchange.cli.secrets import secret
from exchange.words import tr

if TYPE_CHECKING:
    from exchange.nodes import SchoolNode
    from exchange.school.accounts import AccountShown

account = Group("account", help="Accounts of this school and their roles (Manajemen Pengguna): which one is in use here.")

_code_file = option(
    "--code-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File whose first line is the registration code or the head's; else KIRIM_CODE, else it is asked if it is needed.",
)


def _school(asked: Asked) -> closing[SchoolNode]:
    from exchange.nodes import SchoolNode

    return closing(SchoolNode.open(asked.home.absolute()))


def _code(node: SchoolNode, file: Path | None) -> str:
    """Return the code, which is seen while it is typed, as at init."""
    from exchange.school.accounts import check_code

    def check(typed: str) -> None:
        check_code(node, typed)

    return secret(tr("Registration code"), file, "--code-file", "KIRIM_CODE", shown=True, check=check)


def _lines(found: Iterable[AccountShown]) -> Iterator[str]:
    from exchange.cli.show import columns

    rows = [["", tr("name"), tr("username"), tr("roles"), "id"]]
    for one in found:
        account, roles = one.account, ", ".join(role.nama for role in one.account.roles) or "-"
        state = roles if account.is_open else tr("{roles} (closed by the dinas)").format(roles=roles)
        rows.append(["*" if one.is_active else "", account.nama or "-", account.username or "-", state, account.pengguna_id])
    yield from columns(rows)
    yield "  " + tr("* in use on this laptop")


@account.command("list")
@click.pass_obj
def list_(asked: Asked) -> Answer:
    """Show the school's accounts, their roles, and which one is in use on this laptop."""
    from exchange.school.accounts import accounts

    with _school(asked) as node:
        found = accounts(node.store)
    return Answer({"accounts": [one.as_json() for one in found]}, _lines(found))


@account.command("role")
@argument("name", metavar="NAME")
@option("--add", "added", metavar="ROLE", help="Give the account this role, such as 'Kepala Sekolah'.")
@option("--remove", "removed", metavar="ROLE", help="End this role of the account.")
@_code_file
@click.pass_obj
def role(asked: Asked, name: str, added: str | None, removed: str | None, code_file: Path | None) -> Answer:
    """Give an account a role, or end one. Kepala Sekolah is given with the registration code alone.

    A role is an ordinary row: the next export carries it. Who may approve, the dinas's assignment says, not a role.
    """
    from exchange.school.accounts import change_role, is_head_role, role_number

    wanted = added or removed
    if wanted is None or (added and removed):
        raise click.UsageError(tr("name one role, with --add or with --remove"))
    with _school(asked) as node:
        asks = bool(added) and is_head_role(node.store, role_number(node.store, wanted))
        code = _code(node, code_file) if asks else None
        made = change_role(node, name, wanted, code, add=bool(added))
    return Answer({"account": made.as_json()}, _lines([made]))


@account.command("switch")
@argument("name", metavar="NAME")
@_code_file
@click.pass_obj
def switch(asked: Asked, name: str, code_file: Path | None) -> Answer:
    """Use another account on this laptop (Tukar Akses Pengguna). That of the head is taken with the registration code alone.

    Only the head's account exports; any account applies a BALASAN.
    """
    from exchange.school.accounts import named, needs_code
    from exchange.school.accounts import switch as use

    with _school(asked) as node:
        code = _code(node, code_file) if needs_code(node.store, named(node.store, name)) else None
        made = use(node, name, code)

    def lines() -> Iterator[str]:
        yield tr("In use on this laptop from now on: {name}").format(name=made.account.shown)

    return Answer({"account": made.as_json()}, lines())
