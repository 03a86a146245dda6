"""Who may approve what a school sends: the gate of an export, on both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from exchange.rules.source import Source

KEPALA, PLT = 1, 2
"""Roles of a head, as they stand in an approval."""

_ROLES = {2: KEPALA, 33: PLT}
"""``jabatan_ptk_id`` of the two."""

_JENIS_KEPALA = 20
_TEACHERS = frozenset({3, 4, 5, 6, 12, 13, 14})
"""``jenis_ptk_id`` that the centre counts as teachers."""

TABLES = ("ptk", "ptk_terdaftar", "tugas_tambahan")
"""The tables that :func:`active_heads` reads."""

ROLES = {1: "kepala_sekolah", 2: "plt"}
"""Names of a head's roles in JSON."""

ASSIGNED = "Penugasan:"
"""Stands before the assignment's id in the file of a code for a head."""


@dataclass(frozen=True, slots=True)
class Head:
    """A person who is assigned now.

    Attributes:
        role: :data:`KEPALA` (1) or :data:`PLT` (2).
        assignment: Id of the ``tugas_tambahan`` row.
        ptk_id: The person.
        nama: Their name.
    """

    role: int
    assignment: str
    ptk_id: str
    nama: str


def open_assignments(source: Source, sekolah_id: str) -> list[tuple[int, str, str, str]]:
    """Return assignments as head that have not ended: (role, start, id, ``ptk_id``), the latest first.

    Args:
        source: The store.
        sekolah_id: The school.
    """
    columns = ("ptk_tugas_tambahan_id", "ptk_id", "jabatan_ptk_id", "sekolah_id", "tmt_tambahan", "tst_tambahan")
    found = [
        (_ROLES[post], str(begun or ""), str(row), str(person))
        for row, person, post, school, begun, ended in source.rows("tugas_tambahan", columns)
        if post in _ROLES and school == sekolah_id and not ended
    ]
    return sorted(found, reverse=True, key=lambda one: one[1:])


CAUSES = {
    "none": "nobody stands as Kepala Sekolah or Plt in the data that have come here",
    "ended": "the assignment of {nama} has ended and no successor has come here",
    "person": "the PTK row of the assigned head has not come here",
    "year": "{nama} is not registered as PTK of this school for {tahun}",
    "left": "{nama} is marked as having left this school",
    "home": "this school is not the sekolah induk of {nama}",
    "kind": "the jenis PTK of {nama} is not that of a Kepala Sekolah",
    "kind_plt": "the jenis PTK of {nama} is neither Kepala Sekolah nor a teacher",
}
"""Why nobody is head by the data here, as message ids: each condition of domain 2.4 that may fail."""


def why_nobody(source: Source, sekolah_id: str, tahun_ajaran_id: int) -> tuple[str, str]:
    """Return why nobody is head, as a key of :data:`CAUSES`, and the name of whom it is about.

    Of several assignments that have not ended the one that began last is meant.

    Args:
        source: The store.
        sekolah_id: The school.
        tahun_ajaran_id: The running school year, such as 2024.
    """
    assignments = open_assignments(source, sekolah_id)
    if not assignments:
        ended = sorted(
            (str(begun or ""), str(person))
            for begun, person, post, school in source.rows(
                "tugas_tambahan", ("tmt_tambahan", "ptk_id", "jabatan_ptk_id", "sekolah_id")
            )
            if post in _ROLES and school == sekolah_id
        )
        return ("ended", _person(source, ended[-1][1])[1]) if ended else ("none", "")
    role, _, _, person = assignments[0]
    kind, nama = _person(source, person)
    if kind is None:
        return "person", nama
    columns = ("ptk_id", "sekolah_id", "tahun_ajaran_id", "jenis_keluar_id", "ptk_induk")
    here = [
        (left, home)
        for who, school, year, left, home in source.rows("ptk_terdaftar", columns)
        if who == person and school == sekolah_id and year == tahun_ajaran_id
    ]
    if not here:
        return "year", nama
    stays = [home for left, home in here if not str(left or "").strip()]
    if not stays:
        return "left", nama
    if role == KEPALA and 1 not in stays:
        return "home", nama
    return ("kind" if role == KEPALA else "kind_plt"), nama


def _person(source: Source, person: str) -> tuple[object, str]:
    """Return a PTK's kind and name; the kind is ``None`` when there is no such row."""
    for who, kind, nama in source.rows("ptk", ("ptk_id", "jenis_ptk_id", "nama")):
        if who == person:
            return kind, str(nama or "")
    return None, ""


def former_role(source: Source, sekolah_id: str, assignment: str) -> int | None:
    """Return the role of an assignment as head, whether or not it has ended; ``None`` if the dinas never made it.

    Args:
        source: The server's store.
        sekolah_id: The school.
        assignment: Id of the ``tugas_tambahan`` row.
    """
    for row, post, school in source.rows("tugas_tambahan", ("ptk_tugas_tambahan_id", "jabatan_ptk_id", "sekolah_id")):
        if row == assignment and school == sekolah_id:
            return _ROLES.get(post)
    return None


def active_heads(source: Source, sekolah_id: str, tahun_ajaran_id: int) -> list[Head]:
    """Return the active Kepala Sekolah and the active Plt: none, one, or one of each, Kepala Sekolah first.

    An export needs exactly one. Of several rows that qualify for one role the one that began last counts, as at the
    centre; of two of one day, that with the greater id, so that both sides name the same.

    Args:
        source: The store, a school's or the server's.
        sekolah_id: The school.
        tahun_ajaran_id: The running school year, such as 2024.

    Source:
        domain 2.4: jenis PTK 20 (a Plt may be a teacher), an assignment of this school and year with no
        ``jenis_keluar_id`` (a Kepala Sekolah's with ``ptk_induk`` 1), and a duty 2 or 33 that has not ended.
    """
    assignments = open_assignments(source, sekolah_id)
    if not assignments:
        return []
    wanted = {"ptk_id": {person for _, _, _, person in assignments}}
    persons: dict[str, tuple[Any, Any]] = {
        str(person): (kind, nama)
        for person, kind, nama in source.rows("ptk", ("ptk_id", "jenis_ptk_id", "nama"), wanted)
    }
    columns = ("ptk_id", "sekolah_id", "tahun_ajaran_id", "jenis_keluar_id", "ptk_induk")
    registered: dict[str, bool] = {}
    for person, school, year, left, home in source.rows("ptk_terdaftar", columns, wanted):
        if school == sekolah_id and year == tahun_ajaran_id and not str(left or "").strip():
            registered[person] = registered.get(person, False) or home == 1
    heads: dict[int, Head] = {}
    for role, _, assignment, person in assignments:
        kind, nama = persons.get(person, (None, None))
        at_home = registered.get(person)
        if at_home is None or kind is None or role in heads:
            continue
        fits = kind == _JENIS_KEPALA and at_home if role == KEPALA else kind == _JENIS_KEPALA or kind in _TEACHERS
        if fits:
            heads[role] = Head(role, assignment, person, str(nama or ""))
    return [heads[role] for role in (KEPALA, PLT) if role in heads]
