"""A made-up school as rows of the exchanged tables, in the order in which people enter them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from exchange.demo.lessons import lesson_rows
from exchange.demo.premises import periodic_premises, premises_rows
from exchange.demo.rows import Tables, column_of, kode_wilayah, whole_rows
from exchange.demo.school import MadeUpSchool


def table_rows(school: MadeUpSchool, semester: str | None = None, *, marks: bool = True, subjects: int = 0) -> Tables:
    """Return a school's whole store in one semester.

    Values have the form of a store, rows stand in the order of entry, tables parents first. Ids are
    derived where the schema derives them, else random-looking from the seed and the same in every semester.

    Args:
        school: Which school.
        semester: Another semester of the school's tahun ajaran than its own.
        marks: Whether report marks of the semester are there already.
        subjects: At least so many a class, made up beyond the curriculum (:func:`exchange.demo.lessons.curriculum`).

    Example:
        >>> tables = table_rows(MadeUpSchool("SD", 12, seed=1))
        >>> len(tables["peserta_didik"][1]), len(tables["anggota_rombel"][1])
        (12, 12)
    """
    school = _in(school, semester or school.semester)
    premises = premises_rows(school)
    people = _people(school)
    return _ordered(
        {**premises, **periodic_premises(school, premises), **people, **_of_semester(school, people, marks, subjects)}
    )


def rollover(school: MadeUpSchool, *, marks: bool = True, subjects: int = 0) -> Tables:
    """Return the rows that the next semester of a tahun ajaran brings, all of them new.

    Args:
        school: In its first semester.
        marks: Whether the new semester's report marks are among them.
        subjects: At least so many a class.

    Raises:
        ValueError: the school stands in a second semester; the next one would be another year's.
    """
    if school.semester[4] != "1":
        raise ValueError(f"{school.semester} is not a first semester")
    later = _in(school, f"{school.tahun}2")
    people = _people(later)
    return _ordered({**periodic_premises(later, premises_rows(later)), **_of_semester(later, people, marks, subjects)})


def _in(school: MadeUpSchool, semester: str) -> MadeUpSchool:
    """Return the school as it stands in a semester."""
    if semester == school.semester:
        return school
    return MadeUpSchool(school.bentuk, school.pupils, school.seed, semester)


def _people(school: MadeUpSchool) -> Tables:
    """Return staff and pupils."""
    where = kode_wilayah()
    staff_ids = [school.new_id("ptk", number) for number in range(len(school.ptk))]
    pupil_ids = [school.new_id("pd", number) for number in range(school.pupils)]
    here = school.sekolah_id
    staff = list(zip(staff_ids, school.ptk, strict=True))
    pupils = list(zip(pupil_ids, school.peserta_didik, strict=True))
    return {
        "ptk": whole_rows("ptk", ({"ptk_id": i, "kode_wilayah": where, **one.person} for i, one in staff)),
        "ptk_terdaftar": whole_rows(
            "ptk_terdaftar", ({"ptk_id": i, "sekolah_id": here, **one.assignment} for i, one in staff)
        ),
        "tugas_tambahan": whole_rows("tugas_tambahan", [_headship(school, staff_ids[0])]),
        "peserta_didik": whole_rows(
            "peserta_didik", ({"peserta_didik_id": i, "kode_wilayah": where, **one.person} for i, one in pupils)
        ),
        "registrasi_peserta_didik": whole_rows(
            "registrasi_peserta_didik", ({"peserta_didik_id": i, "sekolah_id": here, **one.stay} for i, one in pupils)
        ),
    }


def _headship(school: MadeUpSchool, head: str) -> Mapping[str, Any]:
    """Return the assignment as Kepala Sekolah."""
    return {
        "ptk_tugas_tambahan_id": school.new_id("tugas", 0),
        "ptk_id": head,
        "jabatan_ptk_id": 2,
        "sekolah_id": school.sekolah_id,
        "jumlah_jam": 24,
        "nomor_sk": f"821.2/{school.seed % 900 + 100}/{school.tahun - 2}",
        "tmt_tambahan": f"{school.tahun - 2}-08-01",
    }


def _of_semester(school: MadeUpSchool, people: Tables, marks: bool, subjects: int) -> Tables:
    """Return body measures and all of teaching in the school's semester."""
    pupil_ids = column_of(people["peserta_didik"], "peserta_didik_id")

    def bodies() -> Iterator[Mapping[str, Any]]:
        for pupil_id, pupil in zip(pupil_ids, school.peserta_didik, strict=True):
            yield {"peserta_didik_id": pupil_id, "semester_id": school.semester, **pupil.body}

    teachers = [
        assigned
        for assigned, one in zip(column_of(people["ptk_terdaftar"], "ptk_terdaftar_id"), school.ptk, strict=True)
        if one.is_guru
    ]
    return {
        "peserta_didik_longitudinal": whole_rows("peserta_didik_longitudinal", bodies()),
        **lesson_rows(school, pupil_ids, teachers, marks=marks, subjects=subjects),
    }


def _ordered(tables: Tables) -> Tables:
    """Return the tables in the schema's order, without empty ones."""
    from exchange.schema import SCHEMA

    return {table.name: tables[table.name] for table in SCHEMA.tables if tables.get(table.name, ((), []))[1]}
