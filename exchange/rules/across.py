"""Rules that compare rows: a head, a row for the semester, a pupil's stay and class.

Each function reads the few columns that it needs and yields findings; :data:`ACROSS` says under which tab and of
which tables. They speak of the school's own rows only: nobody here can mend a row that another school writes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from exchange.rules import heads
from exchange.rules.findings import Finding, Level, rules
from exchange.rules.source import Source
from exchange.rules.values import blank, shown

CLASSES = frozenset({1, *range(8, 14)})
"""``jenis_rombel`` that count as classes: reguler, and 8 to 13; ekskul, theory and practice do not."""

_CARD_NAMES = ("KIP", "PIP")


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when is validated.

    Attributes:
        sekolah_id: The school whose rows they are.
        semester_id: The running semester, such as ``20241``.
        tahun_ajaran_id: The running school year, such as 2024.
        today: ``YYYY-MM-DD``.
    """

    sekolah_id: str
    semester_id: str
    tahun_ajaran_id: int
    today: str

    def owns(self, home: object) -> bool:
        """Whether a row of this home is the school's own; at a school, no home means its own."""
        return home is None or home == self.sekolah_id


def head(source: Source, place: Place) -> Iterator[Finding]:
    """SEK-01: exactly one Kepala Sekolah or Plt. GTK-02: one assignment as Kepala Sekolah at a time."""
    none, both = rules("SEK-01")
    active = heads.active_heads(source, place.sekolah_id, place.tahun_ajaran_id)
    if not active:
        yield none.finding(place.sekolah_id)
    elif len(active) > 1:
        yield both.finding(place.sekolah_id, kepala=shown(active[0].nama), plt=shown(active[1].nama))
    opened = [one for one in heads.open_assignments(source, place.sekolah_id) if one[0] == heads.KEPALA]
    if len(opened) > 1:
        yield rules("GTK-02")[0].finding(opened[0][2], count=len(opened))


def semester_rows(code: str, table: str) -> Callable[[Source, Place], Iterator[Finding]]:
    """Return the rule that a table keyed by school and semester has its row."""

    def check(source: Source, place: Place) -> Iterator[Finding]:
        wanted = (place.sekolah_id, place.semester_id)
        if wanted not in set(source.rows(table, ("sekolah_id", "semester_id"))):
            yield rules(code)[0].finding("|".join(wanted))

    return check


def stays(source: Source, place: Place) -> Iterator[Finding]:
    """PD-01: every pupil has a registrasi here. PD-30: nobody came before being born."""
    columns = ("registrasi_id", "peserta_didik_id", "sekolah_id", "tanggal_masuk_sekolah", "kirim_home")
    registered, born = set(), {}
    pupils = list(source.rows("peserta_didik", ("peserta_didik_id", "nama", "tanggal_lahir", "kirim_home")))
    for pupil, _, day, _ in pupils:
        born[pupil] = day
    early = rules("PD-30")[1]
    for row, pupil, school, entered, home in source.rows("registrasi_peserta_didik", columns):
        if school == place.sekolah_id:
            registered.add(pupil)
        day = born.get(pupil)
        if place.owns(home) and isinstance(entered, str) and isinstance(day, str) and entered < day:
            yield early.finding(str(row), column="tanggal_masuk_sekolah", value=shown(entered))
    for pupil, nama, _, home in pupils:
        if place.owns(home) and pupil not in registered:
            yield rules("PD-01")[0].finding(str(pupil), name=shown(nama or ""))


def classes(source: Source, place: Place) -> Iterator[Finding]:
    """PD-02, PD-03: every active pupil is in one class. ROM-08, ROM-09: a rombel has members, and active ones only."""
    names = dict(source.rows("peserta_didik", ("peserta_didik_id", "nama")))
    columns = ("peserta_didik_id", "sekolah_id", "jenis_keluar_id")
    active = {
        pupil
        for pupil, school, left in source.rows("registrasi_peserta_didik", columns)
        if school == place.sekolah_id and blank(left)
    }
    rombel = {
        row: (nama, kind)
        for row, nama, kind, school, semester in source.rows(
            "rombongan_belajar", ("rombongan_belajar_id", "nama", "jenis_rombel", "sekolah_id", "semester_id")
        )
        if school == place.sekolah_id and semester == place.semester_id
    }
    members = [
        one
        for one in source.rows("anggota_rombel", ("anggota_rombel_id", "rombongan_belajar_id", "peserta_didik_id"))
        if one[1] in rombel
    ]
    in_classes = Counter(pupil for group, pupil in {one[1:] for one in members} if rombel[group][1] in CLASSES)
    for pupil in sorted(active - set(in_classes), key=str):
        yield rules("PD-02")[0].finding(str(pupil), name=shown(names.get(pupil) or ""))
    for pupil, count in sorted(in_classes.items(), key=str):
        if count > 1:
            yield rules("PD-03")[0].finding(str(pupil), name=shown(names.get(pupil) or ""), count=count)
    filled = {group for _, group, _ in members}
    for group, (nama, _) in rombel.items():
        if group not in filled:
            yield rules("ROM-08")[0].finding(str(group), name=shown(nama or ""))
    for row, _, pupil in members:
        if pupil not in active:
            yield rules("ROM-09")[0].finding(str(row), name=shown(names.get(pupil) or ""))


def cards(source: Source, place: Place) -> Iterator[Finding]:
    """PD-24, PD-25: the tick "receives KIP" and the numbers agree."""
    holders = _card_holders(source)
    columns = ("peserta_didik_id", "nama", "penerima_kip", "no_kip", "kirim_home")
    for pupil, nama, receives, number, home in source.rows("peserta_didik", columns):
        if not place.owns(home):
            continue
        if receives == 1 and blank(number) and pupil not in holders:
            yield rules("PD-25", Level.INVALID)[0].finding(str(pupil), name=shown(nama or ""))
        elif receives == 0 and pupil in holders:
            yield rules("PD-24")[0].finding(str(pupil), name=shown(nama or ""))


def _card_holders(source: Source) -> set[Any]:
    """Pupils with a numbered KIP/PIP row in kesejahteraan_pd; the list of kinds names them in words only."""
    kinds = {
        kind
        for kind, nama in source.rows("ref_jenis_kesejahteraan", ("jenis_kesejahteraan_id", "nama"))
        if any(name in str(nama).upper() for name in _CARD_NAMES)
    }
    columns = ("peserta_didik_id", "jenis_kesejahteraan_id", "nomor")
    return {p for p, kind, number in source.rows("kesejahteraan_pd", columns) if kind in kinds and not blank(number)}


def assignments(source: Source, place: Place) -> Iterator[Finding]:
    """GTK-01: every PTK of the school is assigned in the school year."""
    columns = ("ptk_id", "sekolah_id", "tahun_ajaran_id")
    wanted = (place.sekolah_id, place.tahun_ajaran_id)
    assigned = {one[0] for one in source.rows("ptk_terdaftar", columns) if one[1:] == wanted}
    for person, nama, home in source.rows("ptk", ("ptk_id", "nama", "kirim_home")):
        if place.owns(home) and person not in assigned:
            yield rules("GTK-01")[0].finding(str(person), name=shown(nama or ""))


@dataclass(frozen=True, slots=True)
class Across:
    """A check that compares rows.

    Attributes:
        tab: The tab after whose tables it is asked.
        tables: What it reads; it is left out where one of them is not exchanged.
        check: The function.
    """

    tab: str
    tables: tuple[str, ...]
    check: Callable[[Source, Place], Iterator[Finding]]


ACROSS: tuple[Across, ...] = (
    Across("Sekolah", ("sekolah", *heads.TABLES), head),
    Across("Sekolah", ("sekolah_longitudinal",), semester_rows("SEK-02", "sekolah_longitudinal")),
    Across("Sekolah", ("sanitasi",), semester_rows("SEK-08", "sanitasi")),
    Across("Peserta Didik", ("peserta_didik", "registrasi_peserta_didik"), stays),
    Across("Peserta Didik", ("peserta_didik", "kesejahteraan_pd", "ref_jenis_kesejahteraan"), cards),
    Across("GTK", ("ptk", "ptk_terdaftar"), assignments),
    Across(
        "Rombongan Belajar dan Jadwal",
        ("peserta_didik", "registrasi_peserta_didik", "rombongan_belajar", "anggota_rombel"),
        classes,
    ),
)
"""Every check that compares rows."""
