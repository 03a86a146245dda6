"""Where a made-up school stands, what kind it is, and the chance of everything in it.

Invented NIK start with 99 and invented NPSN with 0; both ranges are never issued.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any

from exchange.demo.lexicon import skewed, words

ACTIVE_SEMESTER = "20261"
"""Semester in which a made-up school stands unless it is told another one."""

KECAMATAN = "Contoh"
"""The made-up district's name, without the ``Kec.`` that lists write before it."""

Values = Mapping[str, Any]
"""Column name to value in the form of a store."""


@dataclass(frozen=True, slots=True)
class Level:
    """What is particular to one kind of school.

    Attributes:
        bentuk_pendidikan_id: Code of the kind.
        grades: First and last grade, as names of classes carry them.
        age: Years that a child of the first grade has completed on 1 July.
        size: Pupils of a full class.
        height: Usual body height in the first grade, in cm, and what a year adds.
    """

    bentuk_pendidikan_id: int
    grades: tuple[int, int]
    age: int
    size: int
    height: tuple[int, int]


LEVELS: Mapping[str, Level] = {
    "TK": Level(1, (0, 1), 4, 15, (104, 6)),
    "SD": Level(5, (1, 6), 6, 28, (116, 5)),
    "SMP": Level(6, (7, 9), 12, 32, (147, 4)),
    "SMA": Level(13, (10, 12), 15, 36, (158, 2)),
    "SMK": Level(15, (10, 12), 15, 36, (158, 2)),
}
"""The kinds of school that can be made up."""

MAJORS: Mapping[str, tuple[str, ...]] = {
    "SMA": ("IPA", "IPS"),
    "SMK": ("TKJ", "AKL", "TBSM", "OTKP", "RPL", "TKRO"),
}
"""Short names of what a class is for, as class names carry them."""


@dataclass(frozen=True, slots=True)
class Rombel:
    """A class before it is a row: its name, grade and major (empty where the kind has none)."""

    nama: str
    grade: int
    major: str = ""


class Place:
    """A school's kind, ids and surroundings; :class:`exchange.demo.school.MadeUpSchool` adds the people.

    Args:
        bentuk: One of :data:`LEVELS`.
        pupils: How many, from 1.
        seed: Two seeds give two schools with nothing in common but the place's name.
        semester: ``semester_id`` in which it stands.
    """

    def __init__(self, bentuk: str, pupils: int, seed: int, semester: str = ACTIVE_SEMESTER) -> None:
        self.bentuk = bentuk
        self.pupils = pupils
        self.seed = seed
        self.semester = semester
        self.level = LEVELS[bentuk]
        self.tahun = int(semester[:4])
        chance = self.chance("sekolah")
        self.npsn = f"0{chance.randrange(10**7):07d}"
        self.sekolah_id = self.new_id("sekolah", 0)
        self.nama = f"{bentuk} Contoh {skewed(chance, words('sekolah', 800))} {chance.randrange(1, 40)}"
        self.lintang = round(chance.uniform(-9.5, 4.5), 5)
        self.bujur = round(chance.uniform(96.5, 139.5), 5)
        self.kode_pos = f"{chance.randrange(10_000, 99_999)}"
        self.desa = tuple(chance.sample(words("desa", 3000), 6))
        self.dusun = {desa: tuple(chance.sample(words("dusun", 3000), 6)) for desa in self.desa}
        self.jalan = tuple(chance.sample(words("jalan", 3000), 70))
        self.kota = tuple(chance.sample(words("kota", 600), 40))
        self.regions = tuple(
            f"99{place // 99 + 1:02d}{place % 99 + 1:02d}" for place in chance.sample(range(99 * 99), 14)
        )

    def chance(self, what: str, number: int = 0) -> Random:
        """Return the source of chance of one thing, independent of all others."""
        return Random(f"{self.bentuk}/{self.seed}/{what}/{number}")  # noqa: S311

    def new_id(self, what: str, number: int) -> str:
        """Return the id of one thing: UUID text shaped like a random one."""
        return str(uuid.UUID(int=self.chance(f"id/{what}", number).getrandbits(128), version=4))

    def address(self, chance: Random) -> dict[str, object]:
        """Return the columns of a home near the school, as people and schools have them."""
        desa = skewed(chance, self.desa)
        street, house = skewed(chance, self.jalan), chance.randrange(1, 190)
        form = chance.random()
        where: dict[str, object] = {
            "alamat_jalan": f"Jl. {street} No. {house}"
            if form < 0.55
            else f"Jl. {street}"
            if form < 0.75
            else f"Gg. {street} {chance.choice('IVX')}"
            if form < 0.85
            else f"Kp. {street}",
            "rt": chance.randrange(1, 13),
            "rw": chance.randrange(1, 9),
            "nama_dusun": skewed(chance, self.dusun[desa]) if chance.random() < 0.8 else None,
            "desa_kelurahan": desa,
            "kode_pos": self.kode_pos if chance.random() < 0.85 else None,
            "lintang": None,
            "bujur": None,
        }
        if chance.random() < 0.75:
            where["lintang"] = _decimal(self.lintang + chance.gauss(0, 0.02), 6)
            where["bujur"] = _decimal(self.bujur + chance.gauss(0, 0.02), 6)
        return where

    @cached_property
    def nisn_serials(self) -> list[int]:
        """Last seven digits of each pupil's NISN: no two pupils of any made-up schools share them by accident.

        Each of five kinds and 400 seeds has 5,000 numbers to itself, and 7,654,321, which shares no divisor with
        10**7, scatters them so that they look as random as real ones.
        """
        slot = (self.seed * len(LEVELS) + list(LEVELS).index(self.bentuk)) * 5_000
        picked = self.chance("nisn").sample(range(max(5_000, self.pupils)), self.pupils)
        return [(slot + number) * 7_654_321 % 10**7 for number in picked]


def made_up_nik(chance: Random, region: str, born: datetime.date, sex: str, taken: set[str] | None = None) -> str:
    """Return a NIK in the right shape: region, day of birth (plus 40 for women), serial.

    Args:
        chance: Where chance comes from.
        region: Its first six digits.
        born: Day of birth.
        sex: ``L`` or ``P``.
        taken: Numbers that others have; the new one is added.

    Example:
        >>> made_up_nik(Random(1), "990101", datetime.date(2014, 5, 3), "P")[:12]
        '990101430514'
    """
    day = born.day + (40 if sex == "P" else 0)
    while (nik := f"{region}{day:02d}{born:%m%y}{chance.randrange(1, 30):04d}") in (taken or ()):
        pass
    if taken is not None:
        taken.add(nik)
    return nik


def phone(chance: Random) -> str:
    """Return a mobile number of twelve digits in a range that no operator has: ``0800``."""
    return f"0800{chance.randrange(10**8):08d}"


def _decimal(value: float, places: int) -> str:
    """Return a decimal number as stores hold it: text without trailing zeros."""
    return f"{value:.{places}f}".rstrip("0").rstrip(".")
