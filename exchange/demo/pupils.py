"""Made-up pupils, column by column."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from exchange.demo.lexicon import person_name, skewed, words
from exchange.demo.place import Place, Rombel, Values, made_up_nik, phone


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


def make_pupil(place: Place, number: int, classes: Sequence[Rombel], rombel: int, taken: set[str]) -> Pupil:
    """Return the pupil with this number.

    Args:
        place: The school.
        number: From 0, in the order of entry; another number is another pupil.
        classes: The school's classes.
        rombel: Index of the pupil's class.
        taken: NIK of the pupils before; this one's is added.
    """
    chance = place.chance("pd", number)
    grade = classes[rombel].grade
    years = grade - place.level.grades[0]
    born = datetime.date(place.tahun - place.level.age - years, 7, 1) - datetime.timedelta(chance.randrange(1, 360))
    sex = chance.choice("LP")
    name = person_name(chance, sex)
    region = skewed(chance, place.regions)
    person: dict[str, object] = {
        "nama": name,
        "jenis_kelamin": sex,
        "nisn": f"{born.year % 1000:03d}{place.nisn_serials[number]:07d}" if chance.random() < 0.97 else None,
        "nik": made_up_nik(chance, region, born, sex, taken),
        "no_kk": made_up_nik(chance, region, born + datetime.timedelta(chance.randrange(200, 1500)), "L"),
        "tempat_lahir": skewed(chance, place.kota),
        "tanggal_lahir": born.isoformat(),
        "agama_id": chance.choices((1, 2, 3, 4, 5), (84, 8, 4, 3, 1))[0],
        "kebutuhan_khusus_id": 0,
        **place.address(chance),
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
    if place.level.age >= 12 and chance.random() < 0.5:
        person["email"] = f"{name.split()[0].lower()}{chance.randrange(10**4)}@surel.contoh"
    entered = datetime.date(place.tahun - years, 7, 13)
    stay = {
        "jenis_pendaftaran_id": 1,
        "nipd": f"{entered.year % 100:02d}{entered.year % 100 + 1:02d}{number + 1:04d}",
        "tanggal_masuk_sekolah": entered.isoformat(),
        "jenis_keluar_id": None,
        "tanggal_keluar": None,
        "keterangan": None,
        **_earlier_school(place, chance, entered),
    }
    return Pupil(person, stay, _body(place, number, grade), rombel)


def _earlier_school(place: Place, chance: Random, entered: datetime.date) -> dict[str, object]:
    """Return what a pupil brought from the school before: nothing into a kindergarten."""
    before = {"TK": "", "SD": "TK", "SMP": "SD"}.get(place.bentuk, "SMP")
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


def _body(place: Place, number: int, grade: int) -> dict[str, object]:
    """Return body measures and the way to school in the school's semester."""
    chance, later = place.chance("tubuh", number), place.chance(f"tubuh/{place.semester}", number)
    start, growth = place.level.height
    height = round(chance.gauss(start + growth * (grade - place.level.grades[0]), 6)) + later.choice((0, 0, 1, 1, 2, 3))
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
