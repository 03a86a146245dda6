"""Made-up teachers and staff (PTK), column by column."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from random import Random

from exchange.demo.lexicon import person_name, skewed, words
from exchange.demo.place import Place, Values, made_up_nik, phone

GURU, KEPALA, TENDIK = (3, 4), 20, (11, 40)
"""Codes of ``jenis_ptk``: class teacher and subject teacher; head; administration and library."""


@dataclass(frozen=True, slots=True)
class Staff:
    """One PTK, column by column.

    Attributes:
        person: Columns of ``ptk``, without id and ``kode_wilayah``.
        assignment: Columns of ``ptk_terdaftar`` that are not ids.
        head: Whether this is the head.
    """

    person: Values
    assignment: Values
    head: bool = False

    @property
    def is_guru(self) -> bool:
        """Whether *Daftar Guru* lists this person; *Daftar Tendik* lists the others."""
        return self.person["jenis_ptk_id"] in (*GURU, KEPALA)


def make_staff(place: Place, number: int, jenis_ptk_id: int, taken: set[str]) -> Staff:
    """Return the PTK with this number; number 0 is the head.

    Args:
        place: The school.
        number: From 0, in the order of entry.
        jenis_ptk_id: Code of the kind of PTK.
        taken: NIK of the staff before; this one's is added.
    """
    chance = place.chance("ptk", number)
    sex = chance.choices("LP", (38, 62))[0]
    age = chance.randrange(45, 58) if number == 0 else chance.randrange(23, 59)
    born = datetime.date(place.tahun - age, chance.randrange(1, 13), chance.randrange(1, 29))
    began = datetime.date(born.year + min(age - 1, chance.randrange(22, 30)), chance.randrange(1, 13), 1)
    region = skewed(chance, place.regions)
    name = person_name(chance, sex)
    married = age > 26 and chance.random() < 0.9
    person: dict[str, object] = {
        "nama": name,
        "jenis_kelamin": sex,
        "tempat_lahir": skewed(chance, place.kota),
        "tanggal_lahir": born.isoformat(),
        "nik": made_up_nik(chance, region, born, sex, taken),
        "no_kk": made_up_nik(chance, region, born.replace(year=born.year + 25), "L"),
        "niy_nigk": None,
        "nuptk": f"99{chance.randrange(10**14):014d}" if chance.random() < 0.75 else None,
        "nrg": None,
        "nuks": None,
        "jenis_ptk_id": jenis_ptk_id,
        "agama_id": chance.choices((1, 2, 3, 4), (88, 6, 4, 2))[0],
        **place.address(chance),
        "no_telepon_rumah": None,
        "no_hp": phone(chance),
        "email": f"{name.split()[0].lower()}{chance.randrange(10**4)}@surel.contoh",
        "status_keaktifan_id": 1,
        "nama_ibu_kandung": person_name(chance, "P"),
        "status_perkawinan": 1 if married else 2,
        "nama_suami_istri": person_name(chance, "LP"[sex == "L"]) if married else None,
        "nip_suami_istri": None,
        "pekerjaan_suami_istri": chance.choice((3, 5, 6, 9, 11)) if married else 1,
        "sudah_lisensi_kepala_sekolah": int(number == 0),
        "pernah_diklat_kepengawasan": 0,
        "keahlian_braille": 0,
        "keahlian_bhs_isyarat": 0,
        "mampu_handle_kk": 0,
        "npwp": f"99{chance.randrange(10**13):013d}" if chance.random() < 0.6 else None,
        "nm_wp": name,
        "karpeg": None,
        "karpas": None,
        "kewarganegaraan": "ID",
        **_employment(chance, born, began, sex, civil=number == 0 or chance.random() < 0.45),
    }
    office = skewed(chance, words("dinas", 60)).upper()
    assignment = {
        "jenis_keluar_id": None,
        "tahun_ajaran_id": place.tahun,
        "nomor_surat_tugas": f"800/{chance.randrange(1, 999)}/{office}/{place.tahun}",
        "tanggal_surat_tugas": f"{place.tahun}-07-{chance.randrange(1, 16):02d}",
        "ptk_induk": 1,
        "tmt_tugas": max(began, datetime.date(place.tahun - chance.randrange(12), 7, 1)).isoformat(),
        "tgl_ptk_keluar": None,
        **{f"aktif_bulan_{month:02d}": int(month <= 3) for month in range(1, 13)},
    }
    return Staff(person, assignment, head=number == 0)


def _employment(
    chance: Random, born: datetime.date, began: datetime.date, sex: str, *, civil: bool
) -> dict[str, object]:
    """Return the columns of status, appointment and pay; a civil servant has NIP, SK CPNS and TMT PNS."""
    office = skewed(chance, words("dinas", 60)).upper()
    columns: dict[str, object] = {
        "status_kepegawaian_id": 1 if civil else chance.choice((6, 8)),
        "nip": None,
        "sk_cpns": None,
        "tgl_cpns": None,
        "tmt_pns": None,
        "pangkat_golongan_id": None,
        "sk_pengangkatan": f"421/{chance.randrange(1, 999):03d}/{office}/{began.year}",
        "tmt_pengangkatan": began.isoformat(),
        "lembaga_pengangkat_id": 3 if civil else 5,
        "sumber_gaji_id": 3 if civil else 5,
    }
    if civil:
        columns |= {
            "nip": f"{born:%Y%m%d}{began:%Y%m}{1 if sex == 'L' else 2}{chance.randrange(1, 30):03d}",
            "sk_cpns": f"813/{chance.randrange(1, 9999):04d}/{office}/{began.year}",
            "tgl_cpns": began.isoformat(),
            "tmt_pns": began.replace(year=began.year + 1).isoformat(),
            "pangkat_golongan_id": min(14, 9 + (2026 - began.year) // 4),
        }
    return columns
