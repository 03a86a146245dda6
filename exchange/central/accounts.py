"""Whoever the dinas makes a head has an account with the role Kepala Sekolah, and nobody else of the school keeps that role.

So an assignment needs no further step at the school: account and role come with it, in the prefill or a return.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from exchange.central.recording import record
from exchange.records import Block, Cause, Op
from exchange.rules.accounts import account_of, find_accounts, head_role, new_account, new_role
from exchange.rules.heads import TABLES, active_heads
from exchange.schema.model import Table
from exchange.store import rows
from exchange.store.semester import running_semester
from exchange.store.server import ServerStore
from exchange.store.source import StoreSource


def equip(server: ServerStore, scope: str, ptk_id: str, person: Mapping[str, object]) -> list[Block]:
    """Return what a head's account lacks: the account, its role, and the end of that role for everybody else.

    Args:
        server: The store.
        scope: The school.
        ptk_id: Whoever is made its head.
        person: Columns of that PTK, who may not be in the store yet.
    """
    source = StoreSource(server.db, server.schema, scope)
    found, role = find_accounts(source, scope), head_role(source)
    mine = account_of(found, ptk_id)
    blocks, table, account = [], server.schema.by_name["role_pengguna"], mine.pengguna_id if mine else ""
    if mine is None:
        account, values = new_account(person, ptk_id, scope)
        blocks.append(_made(server.schema.by_name["pengguna"], account, values))
    if role is not None and not (mine and mine.has_head_role):
        blocks.append(_made(table, *new_role(account, role, scope)))
    former = [one.row for other in found if other.ptk_id != ptk_id for one in other.roles if one.of_head]
    return [*blocks, Block(table, Op.DELETE, (), [former], Cause.DINAS)] if former else blocks


def _made(table: Table, row: str, values: Mapping[str, object]) -> Block:
    columns = tuple(column for column in table.columns if column.name in values)
    return Block(table, Op.INSERT, columns, [[row], *([values[column.name]] for column in columns)], Cause.DINAS)


def equip_heads(server: ServerStore, scopes: Collection[str], touched: Collection[str]) -> None:
    """Give whoever is head after a list what the account lacks; for lists that make heads row by row.

    Part of the caller's transaction.

    Args:
        server: The store.
        scopes: Schools that the list touched.
        touched: Names of the tables that it touched.
    """
    if not set(touched) & set(TABLES):
        return
    year, ptk = running_semester(server.db).tahun_ajaran_id, server.schema.by_name["ptk"]
    for scope in sorted(scopes):
        school, heads = server.school(scope), active_heads(StoreSource(server.db, server.schema, scope), scope, year)
        if school is None or len(heads) != 1:
            continue
        (stood,) = rows.fetch(server.db, ptk, ptk.columns, [heads[0].ptk_id]).values()
        blocks = equip(server, scope, heads[0].ptk_id, dict(zip(ptk.column_names, stood, strict=False)))
        if blocks:
            record(server, school, Cause.DINAS, blocks)
