"""Made-up schools: the same for the same seed, varied, importable, and visibly nobody's."""

import csv
from datetime import datetime

import openpyxl
import pytest

from exchange.demo.madeup import (
    LEVELS,
    MadeUpSchool,
    daftar_pd_rows,
    kip_list,
    rollover,
    table_rows,
    write_daftar_guru,
    write_daftar_pd,
    write_daftar_tendik,
    write_kip_csv,
)
from exchange.interop.daftar_pd import import_daftar_pd
from exchange.interop.report import School
from exchange.rules.columns import faults
from exchange.schema import SCHEMA, reference_rows
from exchange.store.database import open_sqlite
from exchange.store.ddl import statements


@pytest.fixture(scope="module")
def school():
    return MadeUpSchool("SD", 120, seed=7)


def test_the_same_seed_gives_the_same_school_and_another_seed_another_one(school):
    assert daftar_pd_rows(MadeUpSchool("SD", 120, seed=7)) == daftar_pd_rows(school)
    other = MadeUpSchool("SD", 120, seed=8)
    assert other.npsn != school.npsn
    ours, theirs = ({p.person["nik"] for p in s.peserta_didik} for s in (school, other))
    assert not ours & theirs


def test_every_identifier_is_visibly_invented(school):
    assert school.npsn.startswith("0")
    for pupil in school.peserta_didik:
        for column, value in pupil.person.items():
            if column.startswith("nik") or column == "no_kk":
                assert value is None or (value.startswith("99") and len(value) == 16)


@pytest.mark.parametrize("bentuk", LEVELS)
def test_no_two_pupils_of_any_school_share_a_nisn_or_nik(bentuk):
    people = [p for seed in (1, 2) for p in MadeUpSchool(bentuk, 800, seed).peserta_didik]
    for column in ("nisn", "nik"):
        values = [p.person[column] for p in people if p.person[column]]
        assert len(values) == len(set(values))


def test_names_come_from_thousands_of_words():
    people = MadeUpSchool("SMK", 1500, seed=1).peserta_didik
    names = [p.person[c] for p in people for c in ("nama", "nama_ayah", "nama_ibu_kandung")]
    assert len({word for name in names for word in name.split()}) > 3_000


@pytest.mark.parametrize("bentuk", LEVELS)
def test_a_nik_tells_the_birth_and_the_age_fits_the_class(bentuk):
    school = MadeUpSchool(bentuk, 90, seed=3)
    for pupil in school.peserta_didik:
        year, month, day = pupil.person["tanggal_lahir"].split("-")
        told = int(day) + (40 if pupil.person["jenis_kelamin"] == "P" else 0)
        assert pupil.person["nik"][6:12] == f"{told:02d}{month}{year[2:]}"
        age = school.tahun - int(year)
        grade = school.rombel[pupil.rombel].grade
        assert 0 <= age - school.level.age - (grade - school.level.grades[0]) <= 1


def test_the_sheet_of_pupils_has_the_layout_of_the_download(tmp_path, school):
    path = tmp_path / "pd.xlsx"
    write_daftar_pd(path, school)
    sheet = openpyxl.load_workbook(path).active
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0][0] == "Daftar Peserta Didik"
    assert (rows[4][0], rows[4][24], rows[4][42], rows[4][65]) == (
        "No",
        "Data Ayah",
        "Rombel Saat Ini",
        "Jarak Rumah\nke Sekolah (KM)",
    )
    assert rows[5][24:30] == ("Nama", "Tahun Lahir", "Jenjang Pendidikan", "Pekerjaan", "Penghasilan", "NIK")
    assert [["" if cell is None else cell for cell in row] for row in rows[6:]] == daftar_pd_rows(school)
    assert "Y5:AD5" in {str(r) for r in sheet.merged_cells.ranges}


def test_the_sheets_of_staff_share_one_layout_and_part_the_staff(tmp_path, school):
    write_daftar_guru(tmp_path / "guru.xlsx", school)
    write_daftar_tendik(tmp_path / "tendik.xlsx", school)
    names = set()
    for file in ("guru.xlsx", "tendik.xlsx"):
        rows = list(openpyxl.load_workbook(tmp_path / file).active.iter_rows(values_only=True))
        assert len(rows[4]) == 51
        assert (rows[4][1], rows[4][20], rows[4][50]) == ("Nama", "Tugas Tambahan", "NUKS")
        names |= {row[1] for row in rows[5:]}
    assert names == {one.person["nama"] for one in school.ptk}


@pytest.mark.parametrize("bentuk", LEVELS)
def test_every_stored_value_is_of_its_columns_type_and_in_its_list(bentuk):
    for name, (columns, rows) in table_rows(MadeUpSchool(bentuk, 70, seed=2)).items():
        table = SCHEMA.by_name[name]
        assert rows, name
        assert columns == tuple(column.name for column in table.all_columns)
        for column, values in zip(table.all_columns, zip(*rows, strict=True), strict=True):
            assert not faults(column, values), (name, column.name)
            target = SCHEMA.by_name.get(column.ref or "")
            if target is not None and target.is_reference:
                known = set(next(zip(*reference_rows(target.name)[1], strict=True)))
                assert {value for value in values if value is not None} <= known, (name, column.name)


@pytest.mark.parametrize("bentuk", LEVELS)
def test_every_row_points_to_rows_that_are_there_and_keys_do_not_repeat(bentuk):
    school = MadeUpSchool(bentuk, 70, seed=2)
    first, second = table_rows(school), rollover(school)
    keys = {}
    for tables in (first, second):
        for name, (_, rows) in tables.items():
            width = len(SCHEMA.by_name[name].key)
            mine = [row[:width] for row in rows]
            assert len(set(mine)) == len(mine)
            assert not set(mine) & keys.get(name, set()), f"{name}: the next semester brings new rows only"
            keys.setdefault(name, set()).update(mine)
        for name, (_, rows) in tables.items():
            for column, values in zip(SCHEMA.by_name[name].all_columns, zip(*rows, strict=True), strict=True):
                if column.ref in keys and len(SCHEMA.by_name[column.ref].key) == 1:
                    assert {(value,) for value in values if value is not None} <= keys[column.ref], (name, column.name)


def test_more_subjects_than_the_lists_hold_are_made_up():
    few, many = (table_rows(MadeUpSchool("SMK", 80, 1), subjects=count) for count in (0, 16))
    assert len(many["pembelajaran"][1]) == 16 * len(many["rombongan_belajar"][1]) > len(few["pembelajaran"][1])
    assert "nilai_nilai_rapor" not in table_rows(MadeUpSchool("SMK", 80, 1), marks=False)


def test_an_sk_list_starts_with_the_holders_of_kps_and_never_names_a_holder_of_kip(tmp_path, school):
    rows = kip_list(school, 30)
    by_nik = {pupil.person["nik"]: pupil.person for pupil in school.peserta_didik}
    holders = [by_nik[row["nik"]]["penerima_kps"] for row in rows]
    assert holders == sorted(holders, reverse=True)
    assert not any(by_nik[row["nik"]]["penerima_kip"] for row in rows)
    assert len({row["no_kip"] for row in rows}) == 30
    write_kip_csv(tmp_path / "sk.csv", rows)
    with (tmp_path / "sk.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == rows


@pytest.mark.parametrize("bentuk", LEVELS)
def test_an_import_of_the_sheet_takes_every_row_without_a_problem(tmp_path, bentuk):
    """The imported pupils are column by column those that the school's own rows tell of."""
    made_up = MadeUpSchool(bentuk, 70, seed=5)
    store = open_sqlite(tmp_path / "sekolah.db")
    for statement in statements(SCHEMA, "school"):
        store.execute(statement)
    tables = table_rows(made_up)
    shipped = {table.name: reference_rows(table.name) for table in SCHEMA.reference_tables}
    for name, (columns, rows) in {**shipped, "sekolah": tables["sekolah"]}.items():
        marks = ",".join("?" * len(columns))
        store.executemany(f"INSERT INTO {name} ({','.join(columns)}) VALUES ({marks})", rows)
    write_daftar_pd(tmp_path / "pd.xlsx", made_up)
    school = School(made_up.sekolah_id, made_up.npsn, made_up.nama, made_up.semester, made_up.tahun)
    report = import_daftar_pd(store, school, tmp_path / "pd.xlsx", clock=lambda: datetime(2026, 11, 23))
    assert report.problems == []
    columns, rows = tables["peserta_didik"]
    nik = columns.index("nik")
    imported = {row[nik]: row[1:] for row in store.execute(f"SELECT {','.join(columns)} FROM peserta_didik")}
    assert imported == {row[nik]: row[1:] for row in rows}
    store.close()
