"""Accounts and their roles as the data name them: one PTK, one account, several roles.

The dinas makes accounts (*Manajemen*), the school gives them roles (*Manajemen Pengguna*). Neither is authority: that is the
dinas's assignment alone (:mod:`exchange.rules.heads`). What stands here says who sits at a school's laptop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exchange.rules.source import Source
from exchange.schema.ids import derive_id

HEAD_ROLE = "Kepala Sekolah"
"""Name in ``peran`` of the role with which a Kepala Sekolah or Plt sends. Its number is the list's affair."""


@dataclass(frozen=True, slots=True)
class Role:
    """One role of an account.

    Attributes:
        row: Id of the ``role_pengguna`` row.
        peran_id: Number in ``peran``.
        nama: Its name there, or the number where the list does not know it.
    """

    row: str
    peran_id: int
    nama: str

    @property
    def of_head(self) -> bool:
        """Whether it is the role Kepala Sekolah."""
        return plain(self.nama) == plain(HEAD_ROLE)


@dataclass(frozen=True, slots=True)
class Account:
    """One account of a school.

    Attributes:
        pengguna_id: Its id; what else of it is renamed, it stays the same account.
        ptk_id: Whose it is; empty for an account that is no PTK's.
        nama, username: As its row has them; either may be empty.
        is_open: Whether the dinas lets it be used (``aktif``).
        roles: By number.
    """

    pengguna_id: str
    ptk_id: str
    nama: str
    username: str
    is_open: bool
    roles: tuple[Role, ...]

    @property
    def has_head_role(self) -> bool:
        """Whether one of its roles is Kepala Sekolah."""
        return any(role.of_head for role in self.roles)

    @property
    def shown(self) -> str:
        """What people call it."""
        return self.nama or self.username or self.pengguna_id


def plain(text: str) -> str:
    """Return a name without regard to case and spaces.

    Example:
        >>> plain("  Kepala   SEKOLAH")
        'kepala sekolah'
    """
    return " ".join(text.split()).casefold()


def known_roles(source: Source) -> dict[int, str]:
    """Return the roles of the reference list: number to name, lowest first."""
    return {int(number): str(nama or number) for number, nama in sorted(source.rows("peran", ("peran_id", "nama")))}


def head_role(source: Source) -> int | None:
    """Return the number of the role Kepala Sekolah, or ``None`` where the list does not have it."""
    return next((number for number, nama in known_roles(source).items() if plain(nama) == plain(HEAD_ROLE)), None)


def find_accounts(source: Source, sekolah_id: str) -> list[Account]:
    """Return a school's accounts, by name.

    Args:
        source: The store, a school's or the server's.
        sekolah_id: The school.
    """
    names = known_roles(source)
    roles: dict[str, list[Role]] = {}
    for row, account, number, school in source.rows(
        "role_pengguna", ("id_role_pengguna", "pengguna_id", "peran_id", "sekolah_id")
    ):
        if school == sekolah_id and isinstance(number, int):
            roles.setdefault(str(account), []).append(Role(str(row), number, names.get(number, str(number))))
    columns = ("pengguna_id", "ptk_id", "nama", "username", "aktif", "sekolah_id")
    found = [
        Account(
            str(account),
            str(person or ""),
            str(nama or ""),
            str(username or ""),
            aktif != 0,
            tuple(sorted(roles.get(str(account), ()), key=lambda role: (role.peran_id, role.row))),
        )
        for account, person, nama, username, aktif, school in source.rows("pengguna", columns)
        if school == sekolah_id
    ]
    return sorted(found, key=lambda one: (plain(one.nama), one.pengguna_id))


def account_of(found: Sequence[Account], ptk_id: str, preferred: str = "") -> Account | None:
    """Return a PTK's account. Of several, which should not be, the one that may send: open, with the role, in use here.

    Args:
        found: The school's accounts.
        ptk_id: Whose.
        preferred: Id of the account in use.
    """
    mine = [one for one in found if one.ptk_id == ptk_id]
    return max(
        mine, default=None, key=lambda one: (one.is_open, one.has_head_role, one.pengguna_id == preferred, one.pengguna_id)
    )


def new_account(person: Mapping[str, object], ptk_id: str, sekolah_id: str) -> tuple[str, dict[str, object]]:
    """Return the id and the values of a PTK's account at a school, taken from the PTK's row. It holds no password.

    The id follows from both, so that nobody makes a second account of one PTK there.

    Args:
        person: Columns of ``ptk``; any may be missing.
        ptk_id: Whose.
        sekolah_id: Where.
    """
    values = {
        "sekolah_id": sekolah_id,
        "username": person.get("email"),
        "a_bot": 0,
        "nama": person.get("nama"),
        "jenis_kelamin": person.get("jenis_kelamin"),
        "kode_wilayah": person.get("kode_wilayah"),
        "no_hp": person.get("no_hp"),
        "approval_pengguna": 1,
        "aktif": 1,
        "ptk_id": ptk_id,
    }
    return derive_id("pengguna", ptk_id, sekolah_id), {name: value for name, value in values.items() if value is not None}


def new_role(pengguna_id: str, peran_id: int, sekolah_id: str) -> tuple[str, dict[str, object]]:
    """Return the id and the values of an account's role at a school; the same on every laptop and at the server.

    Args:
        pengguna_id: The account.
        peran_id: The role's number.
        sekolah_id: Where.
    """
    values: dict[str, object] = {
        "sekolah_id": sekolah_id,
        "pengguna_id": pengguna_id,
        "peran_id": peran_id,
        "approval_peran": 1,
    }
    return derive_id("role_pengguna", pengguna_id, peran_id, sekolah_id), values
