"""Classes, their members, subjects, timetable and marks of a made-up school in one semester, as rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from exchange.demo.lexicon import skewed, words
from exchange.demo.place import Rombel
from exchange.demo.premises import major_id, room_id
from exchange.demo.rows import Rows, Tables, column_of, first_code, reference, whole_rows
from exchange.demo.school import MadeUpSchool

DAYS, SLOTS = 6, 7
"""School days of a week and lessons of a day in the timetable."""


@cache
def tingkat(bentuk: str, grade: int) -> int:
    """Return ``tingkat_pendidikan_id`` of a grade; *Kelompok A* and *B* of a TK have codes of their own."""
    if bentuk != "TK":
        return grade
    return int(first_code("ref_tingkat_pendidikan", nama=f"Kelompok {'AB'[grade]}"))


@cache
def curriculum(bentuk: str, grade: int, subjects: int = 0) -> tuple[int, tuple[tuple[int, str, int], ...]]:
    """Return the curriculum of a grade and its subjects: id, name, hours a week.

    Args:
        bentuk: Kind of school.
        grade: Grade.
        subjects: At least so many. The lists that ship hold a few only, so others are made up; validation
            does not know these.
    """
    level = tingkat(bentuk, grade)
    names = {row["mata_pelajaran_id"]: row["nama"] for row in reference("ref_mata_pelajaran")}
    rows = [row for row in reference("ref_mata_pelajaran_kurikulum") if row["tingkat_pendidikan_id"] == level]
    chosen = min(row["kurikulum_id"] for row in rows)
    taught = [
        (row["mata_pelajaran_id"], str(names[row["mata_pelajaran_id"]])[:50], row["jumlah_jam"])
        for row in rows
        if row["kurikulum_id"] == chosen
    ]
    more = words("mapel", 60)[grade : grade + max(0, subjects - len(taught))]
    taught += [
        (990_100 + grade * 50 + place, f"Mapel {word} (contoh)", 2 + place % 5) for place, word in enumerate(more)
    ]
    return chosen, tuple(taught)


def lesson_rows(
    school: MadeUpSchool, pupil_ids: Sequence[str], assigned: Sequence[str], *, marks: bool = True, subjects: int = 0
) -> Tables:
    """Return ``rombongan_belajar``, ``anggota_rombel``, ``pembelajaran``, ``jadwal``, and for marks ``nilai_*``.

    Args:
        school: In its semester.
        pupil_ids: Ids of its pupils, in their order.
        assigned: ``ptk_terdaftar_id`` of its teachers, the head's first.
        marks: Whether report marks have been entered.
        subjects: At least so many a class.
    """
    groups = whole_rows("rombongan_belajar", [_group(school, n, rombel) for n, rombel in enumerate(school.rombel)])
    ids = column_of(groups, "rombongan_belajar_id")
    members = whole_rows("anggota_rombel", _members(school, ids, pupil_ids))
    taught = whole_rows("pembelajaran", _subjects(school, ids, assigned, subjects))
    tables = {
        "rombongan_belajar": groups,
        "anggota_rombel": members,
        "pembelajaran": taught,
        "jadwal": whole_rows("jadwal", _timetable(school, ids, taught)),
    }
    if marks and school.bentuk != "TK":
        evaluated = whole_rows("nilai_matev_rapor", _evaluated(taught))
        tables["nilai_matev_rapor"] = evaluated
        tables["nilai_nilai_rapor"] = whole_rows("nilai_nilai_rapor", _marks(school, evaluated, members))
    return tables


def _group(school: MadeUpSchool, number: int, rombel: Rombel) -> Mapping[str, Any]:
    year, half = school.tahun, school.semester[4]
    return {
        "semester_id": school.semester,
        "id_ruang": room_id(school, number),
        "sekolah_id": school.sekolah_id,
        "tingkat_pendidikan_id": tingkat(school.bentuk, rombel.grade),
        "jurusan_sp_id": major_id(school, rombel.major),
        "kurikulum_id": curriculum(school.bentuk, rombel.grade)[0],
        "nama": rombel.nama,
        "ptk_id": school.new_id("ptk", number + 1),
        "moving_class": 2,
        "jenis_rombel": 1,
        "sks": 0,
        "tanggal_mulai": f"{year}-07-01" if half == "1" else f"{year + 1}-01-01",
        "tanggal_selesai": f"{year}-12-31" if half == "1" else f"{year + 1}-06-30",
        "kebutuhan_khusus_id": 0,
    }


def _members(school: MadeUpSchool, groups: Sequence[str], pupil_ids: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """New pupils in the first grade, those moved up in the others, everybody carried on in the second half."""
    first = school.level.grades[0]
    for pupil, pupil_id in zip(school.peserta_didik, pupil_ids, strict=True):
        kind = 6 if school.semester[4] == "2" else 1 if school.rombel[pupil.rombel].grade == first else 3
        yield {
            "rombongan_belajar_id": groups[pupil.rombel],
            "peserta_didik_id": pupil_id,
            "jenis_pendaftaran_id": kind,
        }


def _subjects(
    school: MadeUpSchool, groups: Sequence[str], assigned: Sequence[str], subjects: int
) -> Iterator[Mapping[str, Any]]:
    """In SD the class's own teacher gives most lessons; elsewhere a subject's teachers go round the classes."""
    number = school.chance(f"sk/{school.semester}").randrange(100, 900)
    office = skewed(school.chance("sk"), words("dinas", 60)).upper()
    month = "07" if school.semester[4] == "1" else "01"
    year = school.tahun + (month == "01")
    for place, (rombel, group) in enumerate(zip(school.rombel, groups, strict=True)):
        for at, (subject, name, hours) in enumerate(curriculum(school.bentuk, rombel.grade, subjects)[1]):
            own = school.bentuk in {"TK", "SD"} and at < 7
            teacher = 1 + (place if own else (at * 5 + place // 4)) % (len(assigned) - 1)
            yield {
                "rombongan_belajar_id": group,
                "semester_id": school.semester,
                "mata_pelajaran_id": subject,
                "ptk_terdaftar_id": assigned[teacher],
                "sk_mengajar": f"421/{number}/{office}/{year}",
                "tanggal_sk_mengajar": f"{year}-{month}-{8 + (school.seed % 12):02d}",
                "jam_mengajar_per_minggu": hours,
                "status_di_kurikulum": 1,
                "nama_mata_pelajaran": name,
            }


def _timetable(school: MadeUpSchool, groups: Sequence[str], subjects: Rows) -> Iterator[Mapping[str, Any]]:
    """Yield a row a room and day, each class's lessons in blocks of two."""
    taught: dict[str, list[str]] = {group: [] for group in groups}
    for lesson, group in zip(
        column_of(subjects, "pembelajaran_id"), column_of(subjects, "rombongan_belajar_id"), strict=True
    ):
        taught[group].append(lesson)
    for place, group in enumerate(groups):
        week = [lesson for lesson in taught[group] for _ in range(2)]
        start = school.chance(f"jadwal/{school.semester}", place).randrange(len(week))
        for day in range(DAYS):
            bells = [week[(start + day * SLOTS + slot) % len(week)] for slot in range(SLOTS)]
            yield {
                "sekolah_id": school.sekolah_id,
                "semester_id": school.semester,
                "id_ruang": room_id(school, place),
                "hari": day + 1,
                **{f"bel_ke_{slot + 1:02d}": lesson for slot, lesson in enumerate(bells)},
            }


def _evaluated(subjects: Rows) -> Iterator[Mapping[str, Any]]:
    """Yield one evaluated subject for each taught one."""
    columns, rows = subjects
    seen: dict[str, int] = {}
    for values in rows:
        row = dict(zip(columns, values, strict=True))
        group = row["rombongan_belajar_id"]
        seen[group] = seen.get(group, 0) + 1
        yield {
            "nm_mata_evaluasi": row["nama_mata_pelajaran"],
            "a_dari_template": 1,
            "no_urut": seen[group],
            "kkm_kognitif": "70",
            "kkm_psikomotorik": "70",
            "rombongan_belajar_id": group,
            "mata_pelajaran_id": row["mata_pelajaran_id"],
            "pembelajaran_id": row["pembelajaran_id"],
        }


def _marks(school: MadeUpSchool, evaluated: Rows, members: Rows) -> Iterator[Mapping[str, Any]]:
    """Yield marks subject by subject; a pupil's marks lie around what the pupil can do."""
    in_group: dict[str, list[tuple[str, int]]] = {}
    for number, (member, group) in enumerate(
        zip(column_of(members, "anggota_rombel_id"), column_of(members, "rombongan_belajar_id"), strict=True)
    ):
        in_group.setdefault(group, []).append((member, round(school.chance("mampu", number).gauss(80, 6))))
    columns = zip(column_of(evaluated, "id_evaluasi"), column_of(evaluated, "rombongan_belajar_id"), strict=True)
    for number, (subject, group) in enumerate(columns):
        chance = school.chance(f"nilai/{school.semester}", number)
        for member, able in in_group.get(group, ()):
            knows, does = (min(100, max(45, round(chance.gauss(able, 5)))) for _ in range(2))
            yield {
                "id_evaluasi": subject,
                "anggota_rombel_id": member,
                "nilai_kognitif_angka": str(knows),
                "nilai_kognitif_huruf": _letter(knows),
                "nilai_psim_angka": str(does),
                "nilai_psim_huruf": _letter(does),
                "a_beku": 0,
                "rapor_ke": int(school.semester[4]),
            }


def _letter(mark: int) -> str:
    """Return the predicate of a mark."""
    return "A" if mark >= 90 else "B" if mark >= 80 else "C" if mark >= 70 else "D"
