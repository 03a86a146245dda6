"""*Daftar Peserta Didik* into the store.

One row makes or changes a pupil, his stay at the school, the longitudinal row of the active semester, and his
membership of the rombel that it names. Pupils who are not in the file are left alone.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from exchange import errors
from exchange.errors import Reason
from exchange.interop.intake import Batch, Draft, Line, Values, require, weigh
from exchange.interop.layout import DAFTAR_PD, find_header
from exchange.interop.persons import Asked, PeopleIntake
from exchange.interop.report import ImportReport, School
from exchange.interop.rombel import Rombels
from exchange.interop.whose import says_other_school
from exchange.interop.workbook import read_sheet
from exchange.schema import SCHEMA
from exchange.schema.ids import derive_id
from exchange.words import mark

if TYPE_CHECKING:
    from exchange.store.database import Database

PUPIL = SCHEMA.by_name["peserta_didik"]
STAY = SCHEMA.by_name["registrasi_peserta_didik"]
TERM = SCHEMA.by_name["peserta_didik_longitudinal"]
ROMBEL = SCHEMA.by_name["rombongan_belajar"]
MEMBER = SCHEMA.by_name["anggota_rombel"]
TABLES = (PUPIL, STAY, TERM, ROMBEL, MEMBER)
"""Parents before children."""

FIRST_STAY = "1"
"""Number of the first stay of a pupil at a school, part of the stay's natural key."""

NEEDED = ("nama", "jenis_kelamin", "tanggal_lahir", "nama_ibu_kandung")
"""Without these a pupil cannot be told from others, and none is made."""

PUPIL_DEFAULTS: Values = {
    "kebutuhan_khusus_id": 0,
    "kebutuhan_khusus_id_ayah": 0,
    "kebutuhan_khusus_id_ibu": 0,
    "penerima_kps": 0,
    "penerima_kip": 0,
    "layak_pip": 0,
    "kewarganegaraan": "ID",
}
STAY_DEFAULTS: Values = {"jenis_pendaftaran_id": 1, "a_pernah_paud": 0, "a_pernah_tk": 0}
"""What Dapodik gives columns that its own form leaves alone."""

CARDS = (("penerima_kps", "no_kps"), ("penerima_kip", "no_kip"))
"""Who has a card has its number (rules PD-23 and PD-25)."""

UNENROLLED = mark("pupils who have left the school: {count}; their stay and rombel were left as they are")


def import_daftar_pd(
    db: Database,
    school: School,
    path: Path,
    *,
    partial: bool = False,
    other_school: bool = False,
    clock: Callable[[], datetime],
    new_id: Callable[[], uuid.UUID] = uuid.uuid4,
) -> ImportReport:
    """Take a *Daftar Peserta Didik* into a school's store, all of it or nothing.

    A second import of the same file finds everything unchanged; so does an import of what
    :func:`~exchange.interop.download.write_daftar_pd` has just written.

    Args:
        db: The school's store.
        school: Whose.
        path: The list: Excel or CSV, headers in any of the first 30 rows.
        partial: Whether the clean rows of a list with problems are taken. Otherwise nothing of it is.
        other_school: Whether a list that names another school is meant all the same.
        clock: Local time, aware or not: no birth date is later.
        new_id: Where the ids of new pupils come from; all others are derived.

    Returns:
        What became of it. With problems and without ``partial`` nothing was taken, and ``taken`` is false.

    Raises:
        FileUnreadable, TooLarge, WorkbookUnreadable: KF-702, KF-207, KF-211.
        LayoutUnknown: KF-212, it is another list.
        OtherSchoolList: KF-214, its title names another school.

    Source:
        docs/architecture.md 4, "interop"; layout of Dapodik's own download.
    """
    rows = read_sheet(path)
    found = find_header(rows, DAFTAR_PD, path)
    if not other_school and (error := says_other_school(rows, found, school, path)):
        raise error
    asked = Asked(db, school, rows, found, clock, new_id)
    with db.transaction():
        intake = _Intake(asked)
        report = intake.run(partial=partial)
    if intake.left:
        report.notes.append((UNENROLLED, {"count": len(intake.left)}))
    return report


class _Intake(PeopleIntake):
    """One run over *Daftar Peserta Didik*."""

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked, TABLES, "nisn")
        self.rombels = Rombels(self.db, self.school, self.codes)
        self.left: set[int] = set()
        self.terms = self.read(TERM, "peserta_didik_id", semester_id=self.school.semester_id)
        extra = ("peserta_didik_id", "jenis_keluar_id", "tanggal_masuk_sekolah")
        stays = self.read(STAY, "registrasi_id", *extra, sekolah_id=self.school.sekolah_id)
        self.stays: dict[str, tuple[str, Values]] = {}
        # The active stay counts, else the latest one.
        for stay, values in sorted(stays.items(), key=lambda item: _lateness(item[1])):
            self.stays[str(values["peserta_didik_id"])] = (stay, values)
        self.members: dict[str, list[tuple[str, str, bool]]] = {}
        for member, rombel, pupil, home in self.db.execute(
            "SELECT a.anggota_rombel_id, a.rombongan_belajar_id, a.peserta_didik_id, a.kirim_home "
            "FROM anggota_rombel a JOIN rombongan_belajar r ON r.rombongan_belajar_id = a.rombongan_belajar_id "
            "WHERE r.sekolah_id = ? AND r.semester_id = ? AND r.soft_delete IS NOT 1 AND a.soft_delete IS NOT 1 "
            "ORDER BY a.anggota_rombel_id",
            (self.school.sekolah_id, self.school.semester_id),
        ).fetchall():
            if rombel in self.rombels.names:
                self.members.setdefault(pupil, []).append((member, rombel, self.foreign({"kirim_home": home})))

    def compare(self, line: Line, row: str | None) -> str:
        """Compare a line with a pupil's rows, or make new ones."""
        stored = self.stored[row] if row is not None else None
        key = row if row is not None else str(self.new_id())
        draft = Draft(PUPIL, (key,), stored, foreign=stored is not None and self.foreign(stored))
        self._weigh_pupil(line, draft)
        if stored is None:
            require(line, draft, self.by_column, NEEDED)
            draft.changes = PUPIL_DEFAULTS | draft.changes
        self._check_cards(line, draft)
        line.drafts.append(draft)
        self._compare_stay(line, draft, key)
        return key

    def _weigh_pupil(self, line: Line, draft: Draft) -> None:
        """Compare the pupil's own cells.

        A list that was downloaded before the centre set a KIP does not bring back the KPS that it replaced.
        """
        places = self.places[PUPIL.name]
        if draft.stored is not None and self.locks.has(PUPIL, draft.row, "no_kip"):
            cards = [place for place in places if place.field.column in CARDS[0]]
            gone = not draft.stored.get("penerima_kps") and not draft.stored.get("no_kps")
            if gone:
                trial = Draft(PUPIL, draft.key, draft.stored, foreign=True)
                weigh(line, trial, cards, self.tongue, self.locks)
                places = [place for place in places if place not in cards]
        weigh(line, draft, places, self.tongue, self.locks)

    def _check_cards(self, line: Line, draft: Draft) -> None:
        """A card that this line gives needs its number."""
        for has, number in CARDS:
            place = self.by_column.get(number) or self.by_column.get(has)
            if (has in draft.changes or number in draft.changes) and draft.value(has) == 1 and not draft.value(number):
                named = {problem.column for problem in line.problems}
                if place is not None and place.name not in named:
                    line.problem(place, errors.VALUE_MISSING)

    def _compare_stay(self, line: Line, pupil: Draft, key: str) -> None:
        """Compare the stay, the semester's row and the class."""
        known = self.stays.get(key)
        if known is None and pupil.foreign:
            line.problem(self.by_column["nama"], errors.OTHER_HOME)
            return
        foreign = known is not None and self.foreign(known[1])
        stay_id = known[0] if known else derive_id(STAY.name, key, self.school.sekolah_id, FIRST_STAY)
        stay = Draft(STAY, (stay_id,), known[1] if known else None, foreign=foreign)
        weigh(line, stay, self.places[STAY.name], self.tongue, self.locks)
        if known is None:
            own: Values = {"peserta_didik_id": key, "sekolah_id": self.school.sekolah_id}
            stay.changes = own | STAY_DEFAULTS | stay.changes
        if known is not None and known[1]["jenis_keluar_id"] is not None:
            self.left.add(line.number)
            return
        line.drafts.append(stay)
        self._compare_term(line, pupil, key)
        self._compare_class(line, key)

    def _compare_term(self, line: Line, pupil: Draft, key: str) -> None:
        stored = self.terms.get(key)
        foreign = self.foreign(stored) if stored is not None else pupil.foreign
        term = Draft(TERM, (key, self.school.semester_id), stored, foreign=foreign)
        weigh(line, term, self.places[TERM.name], self.tongue, self.locks)
        distance = term.changes.get("jarak_rumah_ke_sekolah_km")
        if isinstance(distance, int):
            term.changes["jarak_rumah_ke_sekolah"] = 1 if distance < 1 else 2
        if stored is not None or term.changes:
            line.drafts.append(term)

    def _compare_class(self, line: Line, key: str) -> None:
        """Put the pupil into the class that the line names, and out of another one."""
        place = next(iter(self.places[ROMBEL.name]), None)
        cell = line.cell(place)
        if place is None or cell is None:
            return
        members = self.members.get(key, [])
        if members and self.tongue.same(place.field, cell, self.rombels.names[members[0][1]]):
            rombel: object = members[0][1]
        elif members and self.tongue.says_nothing(place.field, cell):
            return
        else:
            name = self.tongue.read(place.field, cell)
            rombel = name if isinstance(name, Reason) else self.rombels.find(str(name))
        if isinstance(rombel, Reason):
            line.problem(place, rombel)
            return
        here = [member for member, where, _ in members if where == rombel]
        if here:
            line.drafts.append(Draft(MEMBER, (here[0],), {"rombongan_belajar_id": rombel}))
            return
        if any(foreign or self.locks.has(MEMBER, member, "rombongan_belajar_id") for member, _, foreign in members):
            line.ignored += 1
            return
        for member, *_ in members:
            line.drafts.append(Draft(MEMBER, (member,), {}, removed=True))
        member = derive_id(MEMBER.name, rombel, key)
        values: Values = {"rombongan_belajar_id": rombel, "peserta_didik_id": key, "jenis_pendaftaran_id": 1}
        line.drafts.append(Draft(MEMBER, (member,), None, values))

    def finish_batch(self, batch: Batch) -> None:
        """Add the rombels that clean lines name, each once, made or found."""
        members = (draft for line in self.clean_lines() for draft in line.drafts if draft.table is MEMBER)
        named = (draft.value("rombongan_belajar_id") for draft in members if not draft.removed)
        for rombel in dict.fromkeys(map(str, named)):
            values = self.rombels.made.get(rombel)
            batch.add(Draft(ROMBEL, (rombel,), {} if values is None else None, values or {}))


def _lateness(stay: Values) -> tuple[bool, str]:
    return stay["jenis_keluar_id"] is None, str(stay["tanggal_masuk_sekolah"] or "")
