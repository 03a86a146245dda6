"""Rombels by the names that a list writes, and new ones for names that are new."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exchange import errors
from exchange.errors import Reason
from exchange.interop.cells import fold
from exchange.interop.codes import Codes
from exchange.interop.report import School
from exchange.schema import SCHEMA
from exchange.schema.ids import derive_id

if TYPE_CHECKING:
    from exchange.store.database import Database

TABLE = SCHEMA.by_name["rombongan_belajar"]
CLASS_KINDS = (1, 8, 9, 10, 11, 12, 13)
"""``jenis_rombel`` that count as a pupil's class: regular, and the kinds that pusat counts as classes."""

_LEVELS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII")
_ROMAN = {roman: number for number, roman in enumerate(_LEVELS, 1)}
_NUMBER = re.compile(r"([0-9]+)|\b([IVX]+)\b")


class Rombels:
    """Classes of one school in one semester.

    Args:
        db: The store.
        school: Whose; its active semester is meant.
        codes: The store's reference rows.

    Attributes:
        made: Rows of classes that names asked for and that do not stand in the store, by id.
        names: Names by id, as they are stored.
    """

    def __init__(self, db: Database, school: School, codes: Codes) -> None:
        self._db = db
        self._school = school
        self._codes = codes
        self.made: dict[str, dict[str, object]] = {}
        rows = db.execute(
            "SELECT rombongan_belajar_id, nama, jenis_rombel, tingkat_pendidikan_id, kurikulum_id "
            "FROM rombongan_belajar WHERE sekolah_id = ? AND semester_id = ? AND soft_delete IS NOT 1 "
            "ORDER BY rombongan_belajar_id",
            (school.sekolah_id, school.semester_id),
        ).fetchall()
        classes = [row for row in rows if row[2] is None or row[2] in CLASS_KINDS]
        self.names: dict[str, object] = {row[0]: row[1] for row in classes}
        self._kurikulum = {level: kurikulum for _, _, _, level, kurikulum in classes if kurikulum is not None}
        self._by_name: dict[str, list[str]] = {}
        for row in classes:
            self._by_name.setdefault(fold(str(row[1] or "")), []).append(row[0])

    def find(self, name: str) -> str | Reason:
        """Return the id of the class of a name, made if there is none, or ``MATCHED_TWICE`` (KF-526).

        The name as it is written goes before one that differs in case, spaces or punctuation.
        """
        found = self._by_name.get(fold(name), []) if fold(name) else [i for i, n in self.names.items() if n == name]
        exact = [rombel for rombel in found if self.names[rombel] == name]
        if len(exact or found) > 1:
            return errors.MATCHED_TWICE
        return (exact or found)[0] if found else self._make(name)

    def _make(self, name: str) -> str:
        """Note a new class with what its name and the semester say; the rest is a finding of validation."""
        school = self._school
        level = self._level(name)
        starts, ends = semester_dates(self._db, school.semester_id)
        row: dict[str, object] = {
            "semester_id": school.semester_id,
            "sekolah_id": school.sekolah_id,
            "tingkat_pendidikan_id": level,
            "kurikulum_id": self._kurikulum.get(level) or self._newest(level),
            "nama": name,
            "moving_class": 2,
            "jenis_rombel": 1,
            "sks": 0,
            "tanggal_mulai": starts,
            "tanggal_selesai": ends,
            "kebutuhan_khusus_id": 0,
        }
        rombel = derive_id(TABLE.name, *(row[column] for column in TABLE.derived))
        self.made[rombel] = row
        self.names[rombel] = name
        self._by_name.setdefault(fold(name), []).append(rombel)
        return rombel

    def _level(self, name: str) -> int | None:
        """Return the level that a name says: a kindergarten's group by its name, every other class by its number."""
        for code, text in self._codes.texts("ref_tingkat_pendidikan").items():
            if fold(name).startswith(fold(text)) and level_of(text) is None and isinstance(code, int):
                return code
        level = level_of(name)
        return level if self._codes.has("ref_tingkat_pendidikan", level) else None

    def _newest(self, level: int | None) -> int | None:
        """Return the general curriculum of a level that began last before the semester's end."""
        _, ends = semester_dates(self._db, self._school.semester_id)
        row = self._db.execute(
            "SELECT k.kurikulum_id FROM ref_kurikulum k JOIN ref_tingkat_pendidikan t "
            "ON t.jenjang_pendidikan_id = k.jenjang_pendidikan_id WHERE t.tingkat_pendidikan_id = ? "
            "AND k.jurusan_id IS NULL AND k.expired_date IS NULL AND (k.mulai_berlaku IS NULL OR k.mulai_berlaku <= ?) "
            "ORDER BY k.mulai_berlaku DESC, k.kurikulum_id LIMIT 1",
            (level, ends),
        ).fetchone()
        return int(row[0]) if row else None


def level_of(name: str) -> int | None:
    """Return the first number in a rombel's name, written in digits or in Roman capitals that stand alone.

    Example:
        >>> level_of("Kelas 4A"), level_of("XI IPA 2"), level_of("Kelompok A")
        (4, 11, None)
    """
    for digits, roman in _NUMBER.findall(name):
        if digits or roman in _ROMAN:
            return int(digits[:4]) if digits else _ROMAN[roman]
    return None


def semester_dates(db: Database, semester_id: str) -> tuple[str | None, str | None]:
    """Return the first and last day of a semester, from its reference row, else as its number says.

    Example:
        A semester without a row: ``20231`` is July to December 2023, ``20232`` January to June 2024.
    """
    row = db.execute(
        "SELECT tanggal_mulai, tanggal_selesai FROM ref_semester WHERE semester_id = ?", (semester_id,)
    ).fetchone()
    if row and row[0] and row[1]:
        return str(row[0]), str(row[1])
    if not re.fullmatch(r"[0-9]{4}[12]", semester_id):
        return None, None
    year = int(semester_id[:4])
    if semester_id[4] == "1":
        return f"{year}-07-01", f"{year}-12-31"
    return f"{year + 1}-01-01", f"{year + 1}-06-30"
