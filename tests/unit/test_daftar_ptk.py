"""*Daftar Guru* and *Daftar Tendik* into a real store and out again."""

import sqlite3
from datetime import datetime
from pathlib import Path

import pytest
import xlsxwriter

from exchange import errors
from exchange.demo.daftar import PTK_HEADERS
from exchange.demo.madeup import MadeUpSchool, daftar_ptk_rows, write_daftar_guru, write_daftar_pd, write_daftar_tendik
from exchange.demo.rows import kode_wilayah
from exchange.interop import download
from exchange.interop.cells import cell_text
from exchange.interop.daftar_ptk import import_daftar_ptk
from exchange.interop.report import School
from exchange.interop.workbook import read_sheet
from exchange.rules.findings import Level
from exchange.rules.local import validate
from exchange.schema import SCHEMA
from exchange.store import reference
from exchange.store.database import Database
from exchange.store.ddl import statements
from exchange.store.source import StoreSource

SEMESTER, YEAR, NOW = "20261", 2026, datetime(2026, 9, 1, 8, 0)
SCHOOL = School("9a1b0000-0000-4000-8000-000000000002", "00000101", "SD CONTOH 1", SEMESTER, YEAR)
OTHER = "9a1b0000-0000-4000-8000-000000000009"
GURU = {
    "Nama": "GURU CONTOH SATU", "NUPTK": "9999000000000001", "JK": "L", "Tempat Lahir": "Kota Contoh",
    "Tanggal Lahir": "1985-03-02", "Status Kepegawaian": "Guru Honor Sekolah", "Jenis PTK": "Guru Kelas", "Agama": "Islam",
    "Alamat Jalan": "Jl. Contoh 1", "RT": "1", "RW": "2", "Desa/Kelurahan": "Contoh", "Kecamatan": "Kec. Contoh",
    "Nama Ibu Kandung": "SITI CONTOH", "Status Perkawinan": "Kawin", "Sudah Lisensi Kepala Sekolah": "Tidak",
    "Kewarganegaraan": "ID", "NIK": "9901010203850001",
}  # fmt: skip
DINAS = 2
"""Columns of ``GURU`` that are the dinas's."""


def sheet(path: Path, *staff: dict[str, object], title: str = "Daftar Guru", headers=PTK_HEADERS) -> Path:
    book = xlsxwriter.Workbook(str(path))
    page = book.add_worksheet()
    page.write_string(0, 0, title)
    for place, header in enumerate(headers):
        page.write_string(4, place, header)
    for at, one in enumerate(staff, 5):
        for header, cell in one.items():
            page.write(at, headers.index(header), cell)
    book.close()
    return path


@pytest.fixture(scope="module")
def fresh():
    db = Database(sqlite3.connect(":memory:", isolation_level=None))
    for statement in statements(SCHEMA, "school"):
        db.execute(statement)
    reference.load_reference(db, SCHEMA)
    put(db, "sekolah", sekolah_id=SCHOOL.sekolah_id, nama=SCHOOL.nama, npsn=SCHOOL.npsn)
    yield db
    db.close()


@pytest.fixture
def db(fresh):
    db = Database(sqlite3.connect(":memory:", isolation_level=None))
    fresh.connection.backup(db.connection)
    yield db
    db.close()


def put(db, table, **values):
    db.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})", [*values.values()])


def take(db, path, **options):
    return import_daftar_ptk(db, SCHOOL, path, clock=lambda: NOW, **{"other_school": True} | options)


def taken(report):
    return report.tables["ptk"].inserted, report.tables["ptk"].updated, report.tables["ptk"].unchanged


def ptk(db, *columns):
    return db.execute(f"SELECT {', '.join(columns)} FROM ptk ORDER BY rowid").fetchall()


def stored(db, made):
    """The staff of a made-up school as the server's prefill brings them: with what the dinas says, and assigned."""
    for number, one in enumerate(made.ptk):
        key = f"70000000-0000-4000-8000-{number:012}"
        put(db, "ptk", **{**one.person, "ptk_id": key, "kode_wilayah": kode_wilayah()})
        put(db, "ptk_terdaftar", ptk_terdaftar_id=key, ptk_id=key, sekolah_id=SCHOOL.sekolah_id, tahun_ajaran_id=YEAR)
        if one.head:
            put(db, "tugas_tambahan", ptk_tugas_tambahan_id=key, ptk_id=key, sekolah_id=SCHOOL.sekolah_id, jabatan_ptk_id=2)


@pytest.mark.parametrize("write", [write_daftar_guru, write_daftar_tendik])
def test_a_list_makes_ptk_and_comes_in_unchanged_the_second_time(db, tmp_path, write):
    made = MadeUpSchool("SMP", 90, seed=5)
    write(tmp_path / "a.xlsx", made)
    staff = len(read_sheet(tmp_path / "a.xlsx")) - 5
    report = take(db, tmp_path / "a.xlsx")
    assert report.problems == []
    assert taken(report) == (staff, 0, 0)
    assert report.as_dict()["notes"] == [f"new PTK without an assignment (ptk_terdaftar), which the dinas makes: {staff}"]
    found = validate(StoreSource(db, SCHEMA), SCHEMA, NOW.date(), SEMESTER, YEAR, sekolah_id=SCHOOL.sekolah_id)
    assert {one.code for one in found if one.level is Level.INVALID} <= {"SEK-01"}
    again = take(db, tmp_path / "a.xlsx")
    assert taken(again) == (0, 0, staff)
    assert download.write_daftar_guru(db, SCHOOL, tmp_path / "b.xlsx", NOW.date(), "operator") == staff
    assert taken(take(db, tmp_path / "b.xlsx")) == (0, 0, staff)
    assert db.value("SELECT COUNT(*) FROM ptk_terdaftar") == 0


def test_what_is_downloaded_is_what_stands_in_the_store(db, tmp_path):
    """Both lists together show everybody, cell by cell as the application writes them; neither changes anything."""
    made = MadeUpSchool("SD", 60, seed=5)
    stored(db, made)
    cells = []
    for name, write in (("guru", download.write_daftar_guru), ("tendik", download.write_daftar_tendik)):
        count = write(db, SCHOOL, tmp_path / f"{name}.xlsx", NOW.date(), "operator@contoh")
        rows = read_sheet(tmp_path / f"{name}.xlsx")
        assert (rows[0][0], tuple(rows[4])) == ("Daftar Pendidik dan Tenaga Kependidikan", PTK_HEADERS)
        assert len(rows) == 5 + count
        cells += [[cell_text(cell) for cell in row[1:]] for row in rows[5:]]
        report = take(db, tmp_path / f"{name}.xlsx")
        assert (taken(report), report.ignored, report.problems) == ((0, 0, count), 0, [])
    assert sorted(cells) == sorted(row[1:] for row in daftar_ptk_rows(made.ptk))


def test_guru_are_those_whom_pusat_counts_as_teachers_and_the_head(db, tmp_path):
    """Somebody whose kind nobody has said yet stands in both lists rather than in none."""
    for number, (kind, name) in enumerate(((3, "KELAS"), (4, "MAPEL"), (20, "KEPALA"), (11, "TU"), (None, "TANPA"))):
        put(db, "ptk", ptk_id=f"70000000-0000-4000-8000-{number:012}", nama=name, jenis_ptk_id=kind)
    download.write_daftar_guru(db, SCHOOL, tmp_path / "guru.xlsx", NOW.date(), "operator")
    download.write_daftar_tendik(db, SCHOOL, tmp_path / "tendik.xlsx", NOW.date(), "operator")
    assert [row[1] for row in read_sheet(tmp_path / "guru.xlsx")[5:]] == ["KELAS", "KEPALA", "MAPEL", "TANPA"]
    assert [row[1] for row in read_sheet(tmp_path / "tendik.xlsx")[5:]] == ["TANPA", "TU"]


def test_who_works_elsewhere_now_stands_in_no_list(db, tmp_path):
    """Assigned here this year, or nowhere at all yet; not last year, not at another school, not once it has ended."""
    for number, (year, school, gone) in enumerate(
        ((YEAR, SCHOOL.sekolah_id, None), (YEAR - 1, SCHOOL.sekolah_id, None), (YEAR, OTHER, None), (YEAR, SCHOOL.sekolah_id, "2"))
    ):
        key = f"70000000-0000-4000-8000-{number:012}"
        put(db, "ptk", ptk_id=key, nama=f"GURU {number}", jenis_ptk_id=3)
        put(db, "ptk_terdaftar", ptk_terdaftar_id=key, ptk_id=key, sekolah_id=school, tahun_ajaran_id=year, jenis_keluar_id=gone)
    put(db, "ptk", ptk_id="70000000-0000-4000-8000-000000000009", nama="GURU BARU", jenis_ptk_id=3)
    assert download.write_daftar_guru(db, SCHOOL, tmp_path / "guru.xlsx", NOW.date(), "operator") == 2
    assert [row[1] for row in read_sheet(tmp_path / "guru.xlsx")[5:]] == ["GURU 0", "GURU BARU"]


def test_what_is_the_dinass_is_ignored_and_counted(db, tmp_path):
    """Kind and employment are set by the dinas: a new PTK has none, and a list never changes them."""
    path = sheet(tmp_path / "a.xlsx", GURU)
    report = take(db, path)
    assert (taken(report), report.ignored) == ((1, 0, 0), DINAS)
    assert ptk(db, "jenis_ptk_id", "status_kepegawaian_id", "status_perkawinan", "kewarganegaraan", "status_keaktifan_id") == [
        (None, None, 1, "ID", 1)
    ]
    db.execute("UPDATE ptk SET jenis_ptk_id = 4, status_kepegawaian_id = 8")
    report = take(db, path)
    assert (taken(report), report.ignored) == ((0, 0, 1), 1)
    assert ptk(db, "jenis_ptk_id") == [(4,)]


def test_what_verval_has_locked_is_ignored_and_the_rest_is_taken(db, tmp_path):
    take(db, sheet(tmp_path / "a.xlsx", GURU))
    (key,) = ptk(db, "ptk_id")[0]
    table = SCHEMA.by_name["ptk"]
    put(db, "kirim_lock", table_no=table.number, row=key, group_no=table.group_of["nama"].number)
    report = take(db, sheet(tmp_path / "b.xlsx", GURU | {"Nama": "NAMA LAIN", "Alamat Jalan": "Jl. Baru", "HP": "0800000001"}))
    assert (taken(report), report.ignored) == ((0, 1, 0), 1 + DINAS)
    assert ptk(db, "nama", "alamat_jalan", "no_hp") == [("GURU CONTOH SATU", "Jl. Baru", "0800000001")]


def test_a_ptk_of_another_school_is_not_changed_here(db, tmp_path):
    """A teacher who teaches here too belongs to the school of his induk: what a list says of him is counted, not taken."""
    take(db, sheet(tmp_path / "a.xlsx", GURU))
    db.execute("UPDATE ptk SET kirim_home = ?", (OTHER,))
    report = take(db, sheet(tmp_path / "b.xlsx", GURU | {"HP": "0800000001", "Alamat Jalan": "Jl. Baru"}))
    assert (taken(report), report.ignored, report.problems) == ((0, 0, 1), 2 + DINAS, [])


@pytest.mark.parametrize(
    "given",
    [
        {"NIK": "", "Nama": "GURU LAIN", "Tanggal Lahir": "1985-03-03"},
        {"NUPTK": "", "Nama": "GURU LAIN", "Tanggal Lahir": "1985-03-03"},
        {"NUPTK": "", "NIK": "", "Nama": "Guru  Contoh Satu"},
    ],
)
def test_a_ptk_is_found_by_nuptk_then_nik_then_name_and_birth(db, tmp_path, given):
    take(db, sheet(tmp_path / "a.xlsx", GURU))
    report = take(db, sheet(tmp_path / "b.xlsx", GURU | {"HP": "0800000001"} | given))
    assert (taken(report), report.problems) == ((0, 1, 0), [])
    assert ptk(db, "no_hp") == [("0800000001",)]


@pytest.mark.parametrize(
    ("title", "cell", "code"),
    [
        ("Nama", "GURU\nCONTOH", "KF-525"), ("NIK", "", "KF-527"), ("NIK", 9901010203850001, "KF-514"), ("JK", "X", "KF-516"),
        ("NUPTK", "1" * 17, "KF-515"), ("Tanggal Lahir", "2027-01-01", "KF-528"), ("Tanggal CPNS", "1 Maret", "KF-514"),
        ("Status Perkawinan", "Bujang", "KF-516"), ("Kewarganegaraan", "Antah Berantah", "KF-516"),
        ("Nama Ibu Kandung", "", "KF-527"), ("Keahlian Braille", "mungkin", "KF-516"), ("NPWP", "9" * 16, "KF-515"),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_taken_is_named_and_nothing_is_taken(db, tmp_path, title, cell, code):
    second = GURU | {"Nama": "GURU DUA", "NUPTK": "", "NIK": "9901010203850002"}
    path = sheet(tmp_path / "a.xlsx", second, GURU | {title: cell})
    report = take(db, path)
    assert [(one.row, one.column.split(" ", 1)[1], one.code) for one in report.problems] == [(7, title, code)]
    assert ptk(db, "nama") == []
    report = take(db, path, partial=True)
    assert ptk(db, "nama") == [("GURU DUA",)]
    assert taken(report) == (1, 0, 0)


def test_a_country_is_its_code_or_its_name(db, tmp_path):
    take(db, sheet(tmp_path / "a.xlsx", GURU | {"Kewarganegaraan": "Timor Leste"}))
    assert ptk(db, "kewarganegaraan") == [("TL",)]
    take(db, sheet(tmp_path / "b.xlsx", GURU | {"Kewarganegaraan": "id"}))
    assert ptk(db, "kewarganegaraan") == [("ID",)]


def test_any_title_and_a_letterhead_are_accepted(db, tmp_path):
    """Both downloads share one template, and some schools put their letterhead above it."""
    path = sheet(tmp_path / "a.xlsx", GURU, title="Daftar Apa Saja")
    assert take(db, path).problems == []


def test_a_pupils_list_is_no_list_of_ptk(db, tmp_path):
    write_daftar_pd(tmp_path / "pd.xlsx", MadeUpSchool("SD", 5, seed=1))
    with pytest.raises(errors.LayoutUnknown):
        take(db, tmp_path / "pd.xlsx")
