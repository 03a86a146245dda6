"""One made-up school and its people, the same for the same seed.

Values stand in the form that stores hold (``exchange/schema/model.py``, ``Kind``), under Dapodik's
own column names, so that the Excel layouts and the table rows are two views of one thing.
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

from exchange.demo.lexicon import person_name, skewed, words

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


@dataclass(frozen=True, slots=True)
class Pupil:
    """One pupil, column by column.

    Attributes:
        person: Columns of ``peserta_didik``, without id and ``kode_wilayah``.
        stay: Columns of ``registrasi_peserta_didik`` that are the school's.
        body: Columns of ``peserta_didik_longitudinal`` in the school's semester.
        rombel: Which class, an index into :attr:`MadeUpSchool.rombel`.
    """

    person: Values
    stay: Values
    body: Values
    rombel: int


class MadeUpSchool:
    """A school with its place, classes and people; everything follows from the arguments.

    Args:
        bentuk: One of :data:`LEVELS`.
        pupils: How many, from 1.
        seed: Two seeds give two schools with nothing in common but the place's name.
        semester: ``semester_id`` in which it stands.

    Example:
        >>> school = MadeUpSchool("SD", 3, seed=1)
        >>> school.npsn[0], [pupil.person["nik"][:2] for pupil in school.peserta_didik]
        ('0', ['99', '99', '99'])
        >>> MadeUpSchool("SD", 3, 1).peserta_didik == school.peserta_didik
        True
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
        self._niks: set[str] = set()

    def chance(self, what: str, number: int = 0) -> Random:
        """Return the source of chance of one thing, independent of all others."""
        return Random(f"{self.bentuk}/{self.seed}/{what}/{number}")  # noqa: S311

    def new_id(self, what: str, number: int) -> str:
        """Return the id of one thing: UUID text shaped like a random one."""
        return str(uuid.UUID(int=self.chance(f"id/{what}", number).getrandbits(128), version=4))

    @cached_property
    def rombel(self) -> tuple[Rombel, ...]:
        """The classes, by grade: as many as full classes hold the pupils, one a grade at least."""
        first, last = self.level.grades
        grades = range(first, last + 1)
        each = max(1, -(-self.pupils // (self.level.size * len(grades))))
        classes = []
        for grade in grades:
            for place in range(each):
                if self.bentuk == "TK":
                    classes.append(Rombel(f"Kelompok {'AB'[grade]}{place + 1 if each > 1 else ''}", grade))
                elif self.bentuk in MAJORS:
                    majors = MAJORS[self.bentuk]
                    major = majors[place % len(majors)]
                    classes.append(Rombel(f"{grade} {major} {place // len(majors) + 1}", grade, major))
                else:
                    classes.append(Rombel(f"{grade}{_letters(place)}", grade))
        return tuple(classes)

    @cached_property
    def peserta_didik(self) -> tuple[Pupil, ...]:
        """The pupils, class by class, in the order in which they were entered."""
        classes = len(self.rombel)
        self._niks.clear()
        return tuple(
            self._pupil(number, number * classes // self.pupils if self.pupils >= classes else number)
            for number in range(self.pupils)
        )

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
    def _serials(self) -> list[int]:
        """Last seven digits of each pupil's NISN: no two pupils of any made-up schools share them by accident.

        Every kind and seed has 5,000 numbers to itself, and 7,654,321, which shares no divisor with
        10**7, scatters them so that they look as random as real ones.
        """
        slot = (self.seed * len(LEVELS) + list(LEVELS).index(self.bentuk)) * 5_000
        picked = self.chance("nisn").sample(range(max(5_000, self.pupils)), self.pupils)
        return [(slot + number) * 7_654_321 % 10**7 for number in picked]

    def _own_nik(self, chance: Random, region: str, born: datetime.date, sex: str) -> str:
        """Return a NIK that nobody else at this school has."""
        nik = made_up_nik(chance, region, born, sex)
        while nik in self._niks:
            nik = made_up_nik(chance, region, born, sex)
        self._niks.add(nik)
        return nik

    def _pupil(self, number: int, rombel: int) -> Pupil:
        chance = self.chance("pd", number)
        grade = self.rombel[rombel].grade
        years = grade - self.level.grades[0]
        born = datetime.date(self.tahun - self.level.age - years, 7, 1) - datetime.timedelta(chance.randrange(1, 360))
        sex = chance.choice("LP")
        name = person_name(chance, sex)
        region = skewed(chance, self.regions)
        person: dict[str, object] = {
            "nama": name,
            "jenis_kelamin": sex,
            "nisn": f"{born.year % 1000:03d}{self._serials[number]:07d}" if chance.random() < 0.97 else None,
            "nik": self._own_nik(chance, region, born, sex),
            "no_kk": made_up_nik(chance, region, born + datetime.timedelta(chance.randrange(200, 1500)), "L"),
            "tempat_lahir": skewed(chance, self.kota),
            "tanggal_lahir": born.isoformat(),
            "agama_id": chance.choices((1, 2, 3, 4, 5), (84, 8, 4, 3, 1))[0],
            "kebutuhan_khusus_id": 0,
            **self.address(chance),
            "jenis_tinggal_id": chance.choices((1, 2, 3, 4, 99), (90, 6, 2, 1, 1))[0],
            "alat_transportasi_id": chance.choices((1, 13, 12, 3, 6, 4, 14), (42, 33, 9, 6, 5, 3, 2))[0],
            "anak_keberapa": chance.choices((1, 2, 3, 4, 5, 6), (38, 32, 17, 8, 3, 2))[0],
            "nomor_telepon_rumah": None,
            "nomor_telepon_seluler": phone(chance) if chance.random() < 0.7 else None,
            "email": None,
            "reg_akta_lahir": f"99{chance.randrange(100, 999)}-LT-{born:%d%m%Y}-{chance.randrange(1, 400):04d}"
            if chance.random() < 0.8
            else None,
            "nm_kip": None,
            "no_kip": None,
            "no_kks": None,
            "status_data": None,
            "kewarganegaraan": "ID",
            "pekerjaan_id": None,
            **_poverty(chance),
            **_parents(chance, region, born),
        }
        if self.level.age >= 12 and chance.random() < 0.5:
            person["email"] = f"{name.split()[0].lower()}{chance.randrange(10**4)}@surel.contoh"
        entered = datetime.date(self.tahun - years, 7, 13)
        stay = {
            "jenis_pendaftaran_id": 1,
            "nipd": f"{entered.year % 100:02d}{entered.year % 100 + 1:02d}{number + 1:04d}",
            "tanggal_masuk_sekolah": entered.isoformat(),
            "jenis_keluar_id": None,
            "tanggal_keluar": None,
            "keterangan": None,
            **self._earlier_school(chance, entered),
        }
        return Pupil(person, stay, self._body(chance, grade), rombel)

    def _earlier_school(self, chance: Random, entered: datetime.date) -> dict[str, object]:
        """Return what a pupil brought from the school before: nothing into a kindergarten."""
        before = {"TK": "", "SD": "TK", "SMP": "SD"}.get(self.bentuk, "SMP")
        known = bool(before) and chance.random() < 0.85
        exams = known and before != "TK"
        origin = skewed(chance, words("asal", 120))
        return {
            "no_skhun": f"DN-99 D {chance.randrange(10**7):07d}" if exams else None,
            "no_peserta_ujian": f"{entered.year % 100}-99-{chance.randrange(1, 99):02d}-{chance.randrange(1, 999):03d}"
            f"-{chance.randrange(1, 400):03d}-{chance.randrange(10)}"
            if exams
            else None,
            "no_seri_ijazah": f"DN-99/D-{before}/{entered.year % 100}/{chance.randrange(10**7):07d}" if exams else None,
            "a_pernah_paud": int(known and chance.random() < 0.5),
            "a_pernah_tk": int(known and chance.random() < 0.7),
            "sekolah_asal": f"{before} Contoh {origin}" if known else None,
            "id_hobby": chance.randrange(1, 6),
            "id_cita": chance.randrange(1, 8),
        }

    def _body(self, chance: Random, grade: int) -> dict[str, object]:
        """Return body measures and the way to school."""
        start, growth = self.level.height
        height = round(chance.gauss(start + growth * (grade - self.level.grades[0]), 6))
        km = min(40, int(chance.expovariate(0.5)))
        minutes = min(59, 4 + km * 5 + chance.randrange(12))
        return {
            "tinggi_badan": height,
            "berat_badan": max(12, round((height / 100) ** 2 * chance.gauss(17, 2))),
            "lingkar_kepala": round(chance.gauss(52, 1.5)),
            "jarak_rumah_ke_sekolah": 1 if km < 1 else 2,
            "jarak_rumah_ke_sekolah_km": km,
            "waktu_tempuh_ke_sekolah": 1,
            "menit_tempuh_ke_sekolah": minutes,
            "jumlah_saudara_kandung": chance.choices((0, 1, 2, 3, 4, 5), (14, 36, 28, 13, 6, 3))[0],
        }


def made_up_nik(chance: Random, region: str, born: datetime.date, sex: str) -> str:
    """Return a NIK in the right shape: region, day of birth (plus 40 for women), serial.

    Example:
        >>> made_up_nik(Random(1), "990101", datetime.date(2014, 5, 3), "P")[:12]
        '990101430514'
    """
    day = born.day + (40 if sex == "P" else 0)
    return f"{region}{day:02d}{born:%m%y}{chance.randrange(1, 30):04d}"


def phone(chance: Random) -> str:
    """Return a mobile number of twelve digits in a range that no operator has: ``0800``."""
    return f"0800{chance.randrange(10**8):08d}"


def _poverty(chance: Random) -> dict[str, object]:
    """Return the card and proposal columns: some have KPS, a few typed a KIP, some are proposed for PIP."""
    kind = chance.random()
    kps, kip, proposed = kind < 0.16, 0.16 <= kind < 0.22, 0.22 <= kind < 0.3
    columns: dict[str, object] = {
        "penerima_kps": int(kps),
        "no_kps": "".join(chance.choices("0123456789", k=6)) + "".join(chance.choices("ABCDEFGHJKLMNP", k=2))
        if kps
        else None,
        "layak_pip": int(proposed),
        "penerima_kip": int(kip),
        "id_layak_pip": 6 if proposed else None,
    }
    if kip:
        columns["no_kip"] = "".join(chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", k=6))
    if kps and chance.random() < 0.3:
        columns["no_kks"] = "".join(chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", k=6))
    return columns


_SCHOOLING = ((4, 5, 6, 30, 22, 3, 0), (26, 24, 34, 9, 3, 3, 1))
_WORK = {
    "ayah": ((3, 11, 9, 6, 5, 7, 2, 1, 98), (24, 20, 17, 15, 6, 8, 5, 2, 3)),
    "ibu": ((1, 3, 7, 6, 5, 9, 11, 13), (58, 12, 9, 6, 5, 5, 3, 2)),
    "wali": ((3, 9, 7, 12, 6), (30, 25, 20, 15, 10)),
}
_INCOME = (11, 12, 13, 14, 15), (18, 31, 30, 18, 3)


def _parents(chance: Random, region: str, born: datetime.date) -> dict[str, object]:
    """Return the six columns of father, mother and, for some, a guardian, and their special needs."""
    columns: dict[str, object] = {"kebutuhan_khusus_id_ayah": 0, "kebutuhan_khusus_id_ibu": 0}
    for who, sex in (("ayah", "L"), ("ibu", "P"), ("wali", "L")):
        present = who != "wali" or chance.random() < 0.08
        known = present and chance.random() < 0.9
        birth = born.replace(day=min(born.day, 28), year=born.year - chance.randrange(19, 42))
        birth = birth.replace(month=chance.randrange(1, 13), day=chance.randrange(1, 29))
        work = chance.choices(*_WORK[who])[0]
        income = 99 if work in {1, 98} else chance.choices(*_INCOME)[0]
        name = person_name(chance, sex)[:30].rstrip() if who == "wali" else person_name(chance, sex)
        columns |= {
            "nama_ibu_kandung" if who == "ibu" else f"nama_{who}": name if present else None,
            f"tahun_lahir_{who}": birth.year if known else None,
            f"jenjang_pendidikan_{who}": chance.choices(*_SCHOOLING)[0] if present else None,
            f"pekerjaan_id_{who}": work if present else None,
            f"penghasilan_id_{who}": income if present else None,
            f"nik_{who}": made_up_nik(chance, region, birth, sex) if known else None,
        }
    return columns


def _letters(place: int) -> str:
    """Return A … Z, then AA …, the letter of a parallel class."""
    return (_letters(place // 26 - 1) if place >= 26 else "") + chr(65 + place % 26)


def _decimal(value: float, places: int) -> str:
    """Return a decimal number as stores hold it: text without trailing zeros."""
    return f"{value:.{places}f}".rstrip("0").rstrip(".")
