"""A made-up school itself, its land, buildings, rooms and furniture, as rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exchange.demo.lexicon import skewed, words
from exchange.demo.rows import Rows, Tables, column_of, first_code, kode_wilayah, whole_rows
from exchange.demo.school import MadeUpSchool

ROOMS_OF_A_BUILDING = 6
OTHER_ROOMS = ("Ruang Kepala Sekolah", "Ruang Guru", "Ruang Perpustakaan", "Ruang UKS", "Toilet Siswa", "Gudang")
"""Rooms beside those of the classes."""


def premises_rows(school: MadeUpSchool) -> Tables:
    """Return what a semester leaves as it is: school, majors, land, buildings, rooms, furniture."""
    chance = school.chance("sarpras")
    where = {**school.address(chance), "kode_wilayah": kode_wilayah()}
    office = skewed(chance, words("dinas", 60)).upper()
    sekolah = {
        **where,
        "sekolah_id": school.sekolah_id,
        "nama": school.nama,
        "npsn": school.npsn,
        "nss": f"99{chance.randrange(10**10):010d}",
        "bentuk_pendidikan_id": school.level.bentuk_pendidikan_id,
        "lintang": f"{school.lintang}",
        "bujur": f"{school.bujur}",
        "nomor_telepon": f"0800{chance.randrange(10**6):06d}",
        "email": f"{school.npsn}@sekolah.contoh",
        "kebutuhan_khusus_id": 0,
        "status_sekolah": 1,
        "sk_pendirian_sekolah": f"421.2/{chance.randrange(1, 999)}/{office}/1984",
        "tanggal_sk_pendirian": f"1984-{chance.randrange(1, 13):02d}-02",
        "status_kepemilikan_id": first_code("ref_status_kepemilikan"),
        "sk_izin_operasional": f"421.2/{chance.randrange(1, 999)}/{office}/1985",
        "tanggal_sk_izin_operasional": f"1985-{chance.randrange(1, 13):02d}-02",
        "mbs": 1,
        "luas_tanah_milik": chance.randrange(900, 9_000),
        "luas_tanah_bukan_milik": 0,
        "keaktifan": 1,
    }
    rooms = [*(f"Ruang Kelas {rombel.nama}" for rombel in school.rombel), *OTHER_ROOMS]
    return {
        "sekolah": whole_rows("sekolah", [sekolah]),
        "jurusan_sp": whole_rows("jurusan_sp", _majors(school)),
        "tanah": whole_rows("tanah", [_land(school, where)]),
        "bangunan": whole_rows(
            "bangunan", [_building(school, n) for n in range(-(-len(rooms) // ROOMS_OF_A_BUILDING))]
        ),
        "ruang": whole_rows("ruang", [_room(school, n, name) for n, name in enumerate(rooms)]),
        "alat": whole_rows(
            "alat", [_furniture(school, n, what) for n in range(len(school.rombel)) for what in range(2)]
        ),
    }


def major_id(school: MadeUpSchool, major: str) -> str | None:
    """Return the id of a school's major, ``None`` for a class without one."""
    return school.new_id(f"jurusan/{major}", 0) if major and school.bentuk == "SMK" else None


def room_id(school: MadeUpSchool, rombel: int) -> str:
    """Return the id of the room of a class."""
    return school.new_id("ruang", rombel)


def _majors(school: MadeUpSchool) -> list[Mapping[str, Any]]:
    majors = dict.fromkeys(rombel.major for rombel in school.rombel if rombel.major)
    if school.bentuk != "SMK":
        return []
    return [
        {
            "jurusan_sp_id": major_id(school, major),
            "sekolah_id": school.sekolah_id,
            "kebutuhan_khusus_id": 0,
            "jurusan_id": first_code("ref_jurusan", untuk_smk=1),
            "nama_jurusan_sp": major,
            "sk_izin": f"421.5/{place + 101}/{school.tahun - 9}",
            "tanggal_sk_izin": f"{school.tahun - 9}-05-11",
        }
        for place, major in enumerate(majors)
    ]


def _land(school: MadeUpSchool, where: Mapping[str, Any]) -> Mapping[str, Any]:
    chance = school.chance("tanah")
    area = chance.randrange(900, 9_000)
    return {
        **where,
        "id_tanah": school.new_id("tanah", 0),
        "jenis_prasarana_id": first_code("ref_jenis_prasarana", a_tanah=1),
        "sekolah_id": school.sekolah_id,
        "kepemilikan_sarpras_id": first_code("ref_status_kepemilikan_sarpras"),
        "nama": "Tanah Sekolah",
        "panjang": float(area // 30),
        "lebar": 30.0,
        "luas": str(area),
        "luas_lahan_tersedia": str(area // 4),
        "no_sertifikat_tanah": f"99.{chance.randrange(10**8):08d}",
        "asal_data": "1",
    }


def _building(school: MadeUpSchool, number: int) -> Mapping[str, Any]:
    chance = school.chance("bangunan", number)
    length = chance.randrange(20, 60)
    return {
        "id_bangunan": school.new_id("bangunan", number),
        "jenis_prasarana_id": first_code("ref_jenis_prasarana", a_bangunan=1),
        "sekolah_id": school.sekolah_id,
        "id_tanah": school.new_id("tanah", 0),
        "kepemilikan_sarpras_id": first_code("ref_status_kepemilikan_sarpras"),
        "nama": f"Gedung {chr(65 + number % 26)}{number // 26 or ''}",
        "panjang": float(length),
        "lebar": 9.0,
        "nilai_perolehan_aset": f"{chance.randrange(90, 900)}000000",
        "jml_lantai": 1,
        "thn_dibangun": chance.randrange(1984, school.tahun),
        "luas_tapak_bangunan": str(length * 9),
        "asal_data": "1",
    }


def _room(school: MadeUpSchool, number: int, name: str) -> Mapping[str, Any]:
    chance = school.chance("ruang", number)
    length, width = chance.choice(((9.0, 8.0), (8.0, 7.0), (7.0, 8.0), (6.0, 4.0)))
    area = length * width
    return {
        "id_ruang": school.new_id("ruang", number),
        "jenis_prasarana_id": first_code("ref_jenis_prasarana", a_ruang=1),
        "sekolah_id": school.sekolah_id,
        "id_bangunan": school.new_id("bangunan", number // ROOMS_OF_A_BUILDING),
        "asal_data": "1",
        "kd_ruang": f"R{number + 1:03d}",
        "nm_ruang": name,
        "lantai": 1,
        "panjang": length,
        "lebar": width,
        "kapasitas": chance.randrange(24, 41),
        "luas_ruang": area,
        "luas_plester_m2": f"{2 * (length + width) * 3.2:.1f}".removesuffix(".0"),
        "luas_plafon_m2": f"{area:.0f}",
        "luas_dinding_m2": f"{(length + width) * 6:.0f}",
        "luas_daun_jendela_m2": str(chance.randrange(4, 12)),
        "luas_daun_pintu_m2": str(chance.randrange(2, 5)),
        "luas_tutup_lantai_m2": f"{area:.0f}",
    }


def _furniture(school: MadeUpSchool, rombel: int, what: int) -> Mapping[str, Any]:
    return {
        "id_alat": school.new_id(f"alat/{what}", rombel),
        "jenis_sarana_id": first_code("ref_jenis_sarana", a_alat=1),
        "sekolah_id": school.sekolah_id,
        "id_ruang": room_id(school, rombel),
        "kepemilikan_sarpras_id": first_code("ref_status_kepemilikan_sarpras"),
        "nama": ("Meja Siswa", "Kursi Siswa")[what],
        "spesifikasi": ("kayu", "kayu jati", "besi dan kayu")[school.chance(f"alat/{what}", rombel).randrange(3)],
        "asal_data": "1",
    }


def periodic_premises(school: MadeUpSchool, premises: Tables) -> Tables:
    """Return what every semester brings: of the school, its sanitation, buildings, rooms and furniture."""
    return {
        "sekolah_longitudinal": whole_rows("sekolah_longitudinal", [_school_semester(school)]),
        "sanitasi": whole_rows("sanitasi", [_sanitation(school)]),
        "bangunan_longitudinal": _per_semester(school, "bangunan_longitudinal", premises["bangunan"]),
        "ruang_longitudinal": _per_semester(school, "ruang_longitudinal", premises["ruang"]),
        "alat_longitudinal": _per_semester(school, "alat_longitudinal", premises["alat"]),
    }


def _school_semester(school: MadeUpSchool) -> Mapping[str, Any]:
    return {
        "sekolah_id": school.sekolah_id,
        "semester_id": school.semester,
        "waktu_penyelenggaraan_id": first_code("ref_waktu_penyelenggaraan"),
        "kontinuitas_listrik": "1",
        "wilayah_terpencil": 1,
        "wilayah_perbatasan": 0,
        "wilayah_transmigrasi": 0,
        "wilayah_adat_terpencil": 0,
        "wilayah_bencana_alam": 0,
        "wilayah_bencana_sosial": 0,
        "partisipasi_bos": 1,
        "sertifikasi_iso_id": first_code("ref_sertifikasi_iso"),
        "sumber_listrik_id": first_code("ref_sumber_listrik", nama="PLN"),
        "daya_listrik": 1300,
        "akses_internet_id": first_code("ref_akses_internet"),
        "akses_internet_2_id": first_code("ref_akses_internet"),
    }


def _sanitation(school: MadeUpSchool) -> Mapping[str, Any]:
    """Every question answered with yes or a small number."""
    chance = school.chance(f"sanitasi/{school.semester}")
    source = first_code("ref_sumber_air")
    row: dict[str, Any] = {"sekolah_id": school.sekolah_id, "semester_id": school.semester}
    for column in whole_rows("sanitasi", [])[0]:
        if column not in row:
            row[column] = source if column.startswith("sumber_air") else chance.randrange(2)
    return {**row, "tipe_jamban": "1"}


def _per_semester(school: MadeUpSchool, name: str, parents: Rows) -> Rows:
    """Return one periodic row for each building, room or piece of furniture."""
    columns = whole_rows(name, [])[0]
    damage = [column for column in columns if column.startswith("rusak_")]
    rows = []
    for number, parent in enumerate(column_of(parents, parents[0][0])):
        chance = school.chance(f"{name}/{school.semester}", number)
        row: dict[str, Any] = {columns[0]: parent, "semester_id": school.semester}
        if name == "alat_longitudinal":
            count = chance.randrange(20, 41)
            row |= {"jumlah": count, "jumlah_laik": count - chance.randrange(4), "status_kelaikan": 1}
        else:
            worn = chance.choice((0, 0, 5, 15))
            row |= {part: str(chance.randrange(worn + 1)) for part in damage}
        rows.append(row)
    return whole_rows(name, rows)
