"""*Manajemen Pengguna* and *Tukar Akses Pengguna* at a school: who may send, and who sits at the laptop.

Accounts and roles are ordinary rows and travel. Which account is in use here is this laptop's own affair: it is remembered
beside the store's positions and never leaves it. The code that proves authority is derived, compared and forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass

from exchange import errors
from exchange.format.certificate import KeyKind
from exchange.nodes import SchoolNode
from exchange.rules.accounts import Account, account_of, find_accounts, head_role, known_roles, new_role, plain
from exchange.rules.heads import Head
from exchange.store import rows
from exchange.store.school import SchoolStore
from exchange.store.source import StoreSource
from exchange.trust.certificates import anchor, check
from exchange.trust.codes import code_identity, parse_code

ACTIVE = "account"
"""Name of a remembered value: ``pengguna_id`` of the account in use on this laptop."""


@dataclass(frozen=True, slots=True)
class AccountShown:
    """An account as people and scripts see it: never a password, a token or a code."""

    account: Account
    is_active: bool

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim school account list --json``."""
        account = self.account
        return {
            "pengguna_id": account.pengguna_id,
            "ptk_id": account.ptk_id or None,
            "nama": account.nama,
            "username": account.username,
            "aktif": account.is_open,
            "roles": [{"peran_id": role.peran_id, "nama": role.nama} for role in account.roles],
            "active": self.is_active,
        }


def accounts(store: SchoolStore) -> list[AccountShown]:
    """Return the school's accounts, and which one is in use here."""
    return [AccountShown(one, one.pengguna_id == store.get(ACTIVE)) for one in _found(store)]


def _found(store: SchoolStore) -> list[Account]:
    return find_accounts(StoreSource(store.db, store.schema), store.scope)


# --- the gate -----------------------------------------------------------------------------------


def check_seat(store: SchoolStore, head: Head) -> None:
    """Return only if the head's account is open, has the role Kepala Sekolah and is the one in use here.

    Raises:
        AccountMissing, AccountClosed: KF-321, KF-322.
        RoleMissing: KF-323.
        OtherAccount, AccountChanged: KF-324, KF-325.

    Source:
        domain 2.4; the three causes of seed 002.
    """
    source, used = StoreSource(store.db, store.schema), store.get(ACTIVE)
    found = find_accounts(source, store.scope)
    mine = account_of(found, head.ptk_id, used)
    if mine is None:
        raise errors.AccountMissing(nama=head.nama)
    if not mine.is_open:
        raise errors.AccountClosed(nama=head.nama)
    if not mine.has_head_role and head_role(source) is not None:  # a list without that role closes no school
        raise errors.RoleMissing(nama=head.nama)
    if mine.pengguna_id != used:
        active = [one.shown for one in found if one.pengguna_id == used]
        if not active:
            raise errors.AccountChanged(nama=head.nama)
        raise errors.OtherAccount(active=active[0], nama=head.nama)


def seat(store: SchoolStore, head: Head) -> None:
    """Let the head's account have the role and be the one in use; nobody else keeps the role. Part of the caller's transaction.

    It is called where a code has just proved who the head is: at enrolment, when his first assignment comes, and when
    another head makes a key. An account that has not come yet is waited for: its lack is told by :func:`check_seat`.
    """
    found = _found(store)
    mine = account_of(found, head.ptk_id, store.get(ACTIVE))
    former = [one for one in found if one.ptk_id != head.ptk_id]
    _end(store, [role.row for one in former for role in one.roles if role.of_head])
    if mine is None:
        store.set(**{ACTIVE: None})
        return
    role = head_role(StoreSource(store.db, store.schema))
    if role is not None and not mine.has_head_role:
        _give(store, mine, role)
    store.set(**{ACTIVE: mine.pengguna_id})


# --- Manajemen Pengguna, Tukar Akses Pengguna ---------------------------------------------------


def switch(node: SchoolNode, name: str, code: str | None) -> AccountShown:
    """Let another account be the one in use on this laptop.

    Args:
        node: The school.
        name: Name, username, PTK's id or id of the account.
        code: The registration code, or that of the head in office.

    Raises:
        AccountUnknown, AccountAmbiguous: KF-161, KF-162.
        AccountClosed: KF-322.
        CodeOther: KF-164, for an account with the role Kepala Sekolah.
    """
    account = named(node.store, name)
    if not account.is_open:
        raise errors.AccountClosed(nama=account.shown)
    if needs_code(node.store, account):
        check_code(node, code or "")
    with node.store.transaction():
        node.store.set(**{ACTIVE: account.pengguna_id})
    return AccountShown(account, is_active=True)


def needs_code(store: SchoolStore, account: Account) -> bool:
    """Return whether only a code lets an account be the one in use: it has the role Kepala Sekolah, and another one is in use."""
    return account.has_head_role and account.pengguna_id != store.get(ACTIVE)


def change_role(node: SchoolNode, name: str, role: str, code: str | None, *, add: bool) -> AccountShown:
    """Add a role to an account, or end one. Done again, nothing changes. The row travels with the next export.

    Args:
        node: The school.
        name: As in :func:`switch`.
        role: Name or number of a role of the reference list.
        code: The registration code, or that of the head in office; only Kepala Sekolah is not added without.
        add: Whether it is added.

    Raises:
        AccountUnknown, AccountAmbiguous, RoleUnknown: KF-161, KF-162, KF-163.
        CodeOther: KF-164.
    """
    store = node.store
    account, number = named(store, name), role_number(store, role)
    if add and is_head_role(store, number):
        check_code(node, code or "")
    held = [one.row for one in account.roles if one.peran_id == number]
    with store.transaction():
        if add and not held:
            _give(store, account, number)
        elif not add:
            _end(store, held)
    return next(one for one in accounts(store) if one.account.pengguna_id == account.pengguna_id)


def named(store: SchoolStore, name: str) -> Account:
    """Return the account that somebody means.

    Raises:
        AccountUnknown, AccountAmbiguous: KF-161, KF-162.
    """
    wanted = plain(name)
    found = _found(store)
    for one in found:
        if wanted == one.pengguna_id:
            return one
    meant = [one for one in found if wanted and wanted in (one.ptk_id, plain(one.username), plain(one.nama))]
    if not meant:
        raise errors.AccountUnknown(name=name)
    if len(meant) > 1:
        raise errors.AccountAmbiguous(name=name, count=len(meant))
    return meant[0]


def role_number(store: SchoolStore, role: str) -> int:
    """Return the number of a role by its name or number. Raises RoleUnknown (KF-163)."""
    known = known_roles(StoreSource(store.db, store.schema))
    for number, nama in known.items():
        if plain(role) in (plain(nama), str(number)):
            return number
    raise errors.RoleUnknown(role=role, known=", ".join(known.values()))


def is_head_role(store: SchoolStore, number: int) -> bool:
    """Return whether a role is Kepala Sekolah, which only a code gives."""
    return number == head_role(StoreSource(store.db, store.schema))


def check_code(node: SchoolNode, code: str) -> None:
    """Return only if a code signed this laptop's certificate, or that of the head in office.

    The code's keys grow from it (a quick, fixed derivation) and are forgotten when this returns; nothing of it is kept.

    Raises:
        CodeOther: KF-164, also for what is no code.
    """
    scope = node.store.scope
    try:
        raw = parse_code(code)
    except errors.CodeWrong as error:
        raise errors.CodeOther() from error
    own = node.signed("own")
    head = [one for one in own if one.certificate.kind is KeyKind.KEPALA][-1:]
    for purpose, certified in ((KeyKind.KODE_PERANGKAT, own), (KeyKind.KODE_KEPALA, head)):
        issuer = anchor(code_identity(raw, scope, purpose).public, scope)
        for signed in certified:
            if signed.certificate.issuer == issuer.key_id:
                check(signed, issuer)
                return
    raise errors.CodeOther()


def _give(store: SchoolStore, account: Account, peran_id: int) -> None:
    row, values = new_role(account.pengguna_id, peran_id, store.scope)
    table = store.schema.by_name["role_pengguna"]
    columns = tuple(column for column in table.columns if column.name in values)
    rows.upsert_rows(store.db, table, columns, [[row], *([values[column.name]] for column in columns)], None)


def _end(store: SchoolStore, roles: list[str]) -> None:
    rows.mark_deleted(store.db, store.schema.by_name["role_pengguna"], [roles])
