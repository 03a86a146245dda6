"""*Daftar Peserta Didik* into a real store and out again."""

import csv
import sqlite3
import uuid
from datetime import date, datetime
from itertools import count, product
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter

from exchange import errors
from exchange.demo.daftar import PARENT_HEADERS, PD_HEADERS
from exchange.demo.madeup import MadeUpSchool, daftar_pd_rows, write_daftar_pd
from exchange.interop import download
from exchange.interop.cells import cell_text
from exchange.interop.daftar_pd import import_daftar_pd
from exchange.interop.report import School
from exchange.interop.workbook import read_sheet
from exchange.rules.findings import Level
from exchange.rules.local import validate
from exchange.schema import SCHEMA
from exchange.schema.ids import derive_id
from exchange.store import reference
from exchange.store.database import Database
from exchange.store.ddl import statements
from exchange.store.source import StoreSource

SEMESTER, YEAR, NOW = "20261", 2026, datetime(2026, 9, 1, 8, 0)
SCHOOL = School("9a1b0000-0000-4000-8000-000000000002", "00000101", "SD CONTOH 1", SEMESTER, YEAR)
OTHER = "9a1b0000-0000-4000-8000-000000000009"
TABLES = ("peserta_didik", "registrasi_peserta_didik", "peserta_didik_longitudinal", "rombongan_belajar", "anggota_rombel")


def titles() -> list[str]:
    """The 66 columns by the headers of both rows."""
    found, group = [], ""
    for place, header in enumerate(PD_HEADERS):
        group = header if header.startswith("Data ") else group if not header else ""
        start = max((n for n in range(place + 1) if PD_HEADERS[n].startswith("Data ")), default=0)
        found.append(f"{group} {PARENT_HEADERS[place - start]}" if group else header)
    return found


TITLES = titles()
SISWA = {
    "Nama": "SISWA CONTOH SATU", "NIPD": "0001", "JK": "P", "NISN": "0149999901", "Tempat Lahir": "Kota Contoh",
    "Tanggal Lahir": "2014-05-03", "NIK": "9901014305140001", "Agama": "Islam", "Alamat": "Jl. Contoh 1", "RT": "3",
    "RW": "1", "Kelurahan": "Contoh", "Kecamatan": "Kec. Contoh", "Penerima KPS": "Tidak", "Penerima KIP": "Tidak",
    "Data Ibu Nama": "SITI CONTOH", "Rombel Saat Ini": "4A", "Kebutuhan Khusus": "Tidak ada",
    "Layak PIP (usulan dari sekolah)": "Tidak", "Berat Badan": "24", "Tinggi Badan": "120",
}  # fmt: skip


def sheet(path: Path, *pupils: dict[str, object], columns: list[str] | None = None) -> Path:
    """Write a list with the columns that are asked for, from row 7 on, each cell of the type that it has."""
    book = xlsxwriter.Workbook(str(path))
    page = book.add_worksheet()
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    page.write_string(0, 0, "Daftar Peserta Didik")
    shown = columns or TITLES
    for place, title in enumerate(shown):
        group = title[: -len(title.split(" ", 2)[2]) - 1] if title.startswith("Data ") else ""
        first = group and (place == 0 or not shown[place - 1].startswith(group))
        page.write_string(4, place, (group if first else "") if group else title)
        page.write_string(5, place, title[len(group) + 1 :] if group else "")
    for at, pupil in enumerate(pupils, 6):
        assert pupil.keys() <= set(shown), pupil.keys() - set(shown)
        for place, title in enumerate(shown):
            cell = pupil.get(title)
            if isinstance(cell, str):
                page.write_string(at, place, cell)
            elif isinstance(cell, date):
                page.write_datetime(at, place, cell, day)
            elif cell is not None:
                page.write(at, place, cell)
    book.close()
    return path


@pytest.fixture(scope="module")
def fresh():
    """A school's store as it is after init."""
    db = Database(sqlite3.connect(":memory:", isolation_level=None))
    for statement in statements(SCHEMA, "school"):
        db.execute(statement)
    reference.load_reference(db, SCHEMA)
    put(db, "sekolah", sekolah_id=SCHOOL.sekolah_id, nama=SCHOOL.nama, npsn=SCHOOL.npsn, kode_wilayah=region(db))
    yield db
    db.close()


@pytest.fixture
def db(fresh):
    db = Database(sqlite3.connect(":memory:", isolation_level=None))
    fresh.connection.backup(db.connection)
    yield db
    db.close()


def region(db):
    return db.value("SELECT kode_wilayah FROM ref_mst_wilayah WHERE id_level_wilayah = 3")


def put(db, table, **values):
    db.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})", [*values.values()])


def everything(db):
    return {table: db.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in TABLES}


def pending(db):
    return {table: db.value(f"SELECT COUNT(*) FROM kirim_before_{table}") for table in TABLES}


def take(db, path, school=SCHOOL, **options):
    return import_daftar_pd(db, school, path, clock=lambda: NOW, **{"other_school": True} | options)


def counts(report, kind):
    return {table: getattr(taken, kind) for table, taken in report.tables.items() if getattr(taken, kind)}


def pupil(db, *columns):
    return db.execute(f"SELECT {', '.join(columns)} FROM peserta_didik WHERE soft_delete = 0").fetchone()


@pytest.fixture
def one(db, tmp_path):
    """A store with one pupil, and his list."""
    path = sheet(tmp_path / "one.xlsx", SISWA)
    assert take(db, path).problems == []
    return path


@pytest.mark.parametrize("bentuk", ["TK", "SD", "SMP", "SMK"])
def test_a_school_that_was_just_added_takes_its_list_and_has_nothing_invalid(db, tmp_path, bentuk):
    """A made-up download goes in whole, a second import finds all of it unchanged, and validation finds no pupil invalid."""
    made = MadeUpSchool(bentuk, 60, seed=7)
    write_daftar_pd(tmp_path / "pd.xlsx", made)
    report = take(db, tmp_path / "pd.xlsx")
    assert report.problems == []
    assert report.ignored == 0
    assert counts(report, "inserted") == dict.fromkeys(TABLES, 60) | {"rombongan_belajar": len(made.rombel)}
    found = validate(StoreSource(db, SCHEMA), SCHEMA, NOW.date(), SEMESTER, YEAR, sekolah_id=SCHOOL.sekolah_id)
    assert {one.code for one in found if one.level is Level.INVALID} <= {"SEK-01"}
    stood, captured = everything(db), pending(db)
    again = take(db, tmp_path / "pd.xlsx")
    assert counts(again, "unchanged") == counts(report, "inserted")
    assert counts(again, "inserted") == counts(again, "updated") == {}
    assert everything(db) == stood
    assert pending(db) == captured


@pytest.mark.parametrize("bentuk", ["TK", "SD", "SMA"])
def test_what_is_downloaded_is_what_was_imported(db, tmp_path, bentuk):
    """The same cells in the same layout, pupils by name; and the download changes nothing when it comes back."""
    made = MadeUpSchool(bentuk, 40, seed=3)
    write_daftar_pd(tmp_path / "pd.xlsx", made)
    take(db, tmp_path / "pd.xlsx")
    assert download.write_daftar_pd(db, SCHOOL, tmp_path / "out.xlsx", NOW, "operator@contoh") == 40
    rows = read_sheet(tmp_path / "out.xlsx")
    assert rows[4:6] == read_sheet(tmp_path / "pd.xlsx")[4:6]
    cells = [[cell_text(cell) for cell in row] for row in rows[6:]]
    assert [row[0] for row in cells] == [str(number) for number in range(1, 41)]
    assert sorted(row[1:] for row in cells) == sorted(row[1:] for row in daftar_pd_rows(made))
    assert [row[1] for row in cells] == sorted(row[1] for row in cells)
    report = take(db, tmp_path / "out.xlsx")
    assert counts(report, "inserted") == counts(report, "updated") == {}
    assert report.ignored == 0


def test_the_head_of_the_list_is_what_operators_know(db, tmp_path, one):
    download.write_daftar_pd(db, SCHOOL, tmp_path / "out.xlsx", date(2026, 9, 1), "operator@contoh")
    rows = read_sheet(tmp_path / "out.xlsx")
    assert [row[0] for row in rows[:4]] == [
        "Daftar Peserta Didik", "SD CONTOH 1", "Kecamatan Kec. Contoh, Kabupaten Kab. Contoh, Provinsi Prov. Contoh",
        "Tanggal Unduh: 2026-09-01",
    ]  # fmt: skip
    assert rows[3][2] == "Pengunduh: operator@contoh"
    assert len(rows[4]) == 66
    assert rows[4][64:] == ["Jml. Saudara\nKandung", "Jarak Rumah\nke Sekolah (KM)"]


def test_a_download_never_replaces_a_file(db, tmp_path, one):
    """The operator may have written into it."""
    before = one.read_bytes()
    with pytest.raises(errors.FileExists):
        download.write_daftar_pd(db, SCHOOL, one, NOW.date(), "operator")
    assert one.read_bytes() == before


def test_one_row_makes_the_pupil_his_stay_his_semester_and_his_place(db, tmp_path):
    ids = count(1)
    path = sheet(tmp_path / "a.xlsx", SISWA | {"Jarak Rumah\nke Sekolah (KM)": "2", "Lintang": "-6,250000", "Nama di KIP": "1"})
    take(db, path, new_id=lambda: uuid.UUID(int=next(ids), version=4))
    key = str(uuid.UUID(int=1, version=4))
    values = pupil(db, "peserta_didik_id", "nama", "rt", "kode_wilayah", "agama_id", "lintang", "nm_kip", "kewarganegaraan",
                   "kebutuhan_khusus_id_ayah", "penerima_kps", "layak_pip", "kirim_home")  # fmt: skip
    assert values == (key, "SISWA CONTOH SATU", 3, region(db), 1, "-6.25", "1", "ID", 0, 0, 0, None)
    stay = db.execute("SELECT registrasi_id, sekolah_id, jenis_pendaftaran_id, nipd, jenis_keluar_id FROM registrasi_peserta_didik")
    assert stay.fetchall() == [
        (derive_id("registrasi_peserta_didik", key, SCHOOL.sekolah_id, "1"), SCHOOL.sekolah_id, 1, "0001", None)
    ]
    term = db.execute("SELECT * FROM peserta_didik_longitudinal").fetchone()
    assert term[:2] == (key, SEMESTER)
    distance = "SELECT berat_badan, jarak_rumah_ke_sekolah, jarak_rumah_ke_sekolah_km FROM peserta_didik_longitudinal"
    assert db.execute(distance).fetchone() == (24, 2, 2)
    rombel = derive_id("rombongan_belajar", SCHOOL.sekolah_id, SEMESTER, 1, "4A")
    made = db.execute(
        "SELECT rombongan_belajar_id, tingkat_pendidikan_id, kurikulum_id, jenis_rombel, moving_class, tanggal_mulai, "
        "tanggal_selesai, kebutuhan_khusus_id FROM rombongan_belajar"
    ).fetchone()
    assert made == (rombel, 4, 903, 1, 2, "2026-07-01", "2026-12-31", 0)
    member = db.execute("SELECT anggota_rombel_id, rombongan_belajar_id, jenis_pendaftaran_id FROM anggota_rombel").fetchone()
    assert member == (derive_id("anggota_rombel", rombel, key), rombel, 1)


BAD = [
    ("Nama", "SISWA\tCONTOH", "KF-525"), ("Nama", "X" * 101, "KF-515"), ("Nama", "", "KF-527"), ("Nama", "#N/A", "KF-514"),
    ("JK", "W", "KF-516"), ("JK", None, "KF-527"), ("NISN", "149999901", "KF-514"), ("NISN", "01499999011", "KF-515"),
    ("NISN", "01499X9901", "KF-514"), ("NIK", 9901014305140001, "KF-514"), ("NIK", "99010143051400012", "KF-515"),
    ("Tanggal Lahir", "03/05/2014", "KF-514"), ("Tanggal Lahir", "2014-02-30", "KF-514"),
    ("Tanggal Lahir", "1919-12-31", "KF-528"), ("Tanggal Lahir", "2026-09-02", "KF-528"), ("Tanggal Lahir", None, "KF-527"),
    ("Agama", "Islaam", "KF-516"), ("Kecamatan", "Kec. Lain", "KF-516"), ("RT", "003A", "KF-514"), ("RT", "100", "KF-515"),
    ("RT", "1,5", "KF-514"), ("No KK", "123", "KF-514"), ("Data Ayah NIK", "9" * 17, "KF-515"),
    ("Data Ayah Tahun Lahir", "19777", "KF-515"), ("Data Ayah Pekerjaan", "Astronot", "KF-516"),
    ("Data Ibu Nama", None, "KF-527"), ("Data Ibu Nama", "SITI\nCONTOH", "KF-525"), ("Data Wali Nama", "X" * 31, "KF-515"),
    ("Penerima KPS", "Mungkin", "KF-516"), ("Lintang", "-6,25,1", "KF-514"), ("Lintang", "1234567", "KF-515"),
    ("Lintang", "-6,1234567890123", "KF-515"), ("Rombel Saat Ini", "X" * 31, "KF-515"), ("Nomor KIP", "ZZ00Z12", "KF-515"),
    ("Berat Badan", "24,5", "KF-514"), ("Jarak Rumah\nke Sekolah (KM)", "1,5", "KF-514"),
    ("Jarak Rumah\nke Sekolah (KM)", "1000", "KF-515"), ("Layak PIP (usulan dari sekolah)", "#REF!", "KF-516"),
]  # fmt: skip


@pytest.mark.parametrize(("title", "cell", "code"), BAD)
def test_a_cell_that_cannot_be_taken_is_named_and_nothing_is_taken(db, tmp_path, title, cell, code):
    """Row, column and code; the clean rows wait for a decision, and are taken with it."""
    other = SISWA | {"Nama": "SISWA DUA", "NISN": "0149999902", "NIK": "9901014305140002"}
    path = sheet(tmp_path / "a.xlsx", other, SISWA | {title: cell})
    before = everything(db)
    report = take(db, path)
    assert [(one.row, one.column.split(" ", 1)[1], one.code) for one in report.problems] == [(8, " ".join(title.split()), code)]
    assert report.problems[0].value == cell_text(cell) or title == "NIK"
    assert not report.taken
    assert counts(report, "inserted") == {}
    assert everything(db) == before
    report = take(db, path, partial=True)
    assert report.taken
    assert counts(report, "inserted") == dict.fromkeys(TABLES, 1)
    assert pupil(db, "nama") == ("SISWA DUA",)


@pytest.mark.parametrize(
    ("given", "title"),
    [({"Penerima KPS": "Ya"}, "No. KPS"), ({"Penerima KIP": "Ya"}, "Nomor KIP")],
)
def test_who_has_a_card_needs_its_number(db, tmp_path, given, title):
    report = take(db, sheet(tmp_path / "a.xlsx", SISWA | given))
    assert [(one.row, one.column.split(" ", 1)[1], one.code) for one in report.problems] == [(7, title, "KF-527")]
    report = take(db, sheet(tmp_path / "b.xlsx", SISWA | given | {title: "zz00z1"}))
    assert report.problems == []


def test_every_bad_cell_of_a_file_is_told_at_once(db, tmp_path):
    rows = [SISWA | {"Nama": name, "NIK": "", "NISN": "1", "RT": "x", "Agama": "?"} for name in ("SATU", "DUA", "TIGA")]
    report = take(db, sheet(tmp_path / "a.xlsx", *rows))
    assert [(one.row, one.column) for one in report.problems] == [
        (row, column) for row in (7, 8, 9) for column in ("E NISN", "I Agama", "K RT")
    ]


def test_cells_of_every_kind_are_understood(db, tmp_path):
    """An operator who typed into the file leaves numbers and dates where there was text, and Excel takes zeros away."""
    typed = {"NISN": 149999901, "Tanggal Lahir": date(2014, 5, 3), "RT": "003", "RW": 1.0, "Agama": " islam ", "JK": "p",
             "Kecamatan": "KECAMATAN  CONTOH", "Lintang": -6.25, "Bujur": "110.123456", "Kode Pos": 70008, "HP": 81234567,
             "Penerima KPS": "TIDAK", "Nomor KIP": " zz00z1 ", "Penerima KIP": True, "No KK": "'9901010101010001",
             "Data Ayah Penghasilan": "kurang dari Rp500000", "Berat Badan": 24.0}  # fmt: skip
    assert take(db, sheet(tmp_path / "a.xlsx", SISWA | typed)).problems == []
    assert pupil(
        db, "nisn", "tanggal_lahir", "rt", "rw", "agama_id", "jenis_kelamin", "kode_wilayah", "lintang", "bujur", "kode_pos",
        "nomor_telepon_seluler", "no_kip", "penerima_kip", "no_kk", "penghasilan_id_ayah",
    ) == (
        "0149999901", "2014-05-03", 3, 1, 1, "P", region(db), "-6.25", "110.123456", "70008",
        "81234567", "ZZ00Z1", 1, "9901010101010001", 11,
    )  # fmt: skip


@pytest.mark.parametrize(("cell", "reach", "kilometres"), [("0", 1, 0), ("0,5", 1, 0), ("1", 2, 1), (12, 2, 12), ("3.0", 2, 3)])
def test_the_way_to_school_is_short_below_one_kilometre(db, tmp_path, cell, reach, kilometres):
    path = sheet(tmp_path / "a.xlsx", SISWA | {"Jarak Rumah\nke Sekolah (KM)": cell})
    assert take(db, path).problems == []
    row = db.execute("SELECT jarak_rumah_ke_sekolah, jarak_rumah_ke_sekolah_km FROM peserta_didik_longitudinal").fetchone()
    assert row == (reach, kilometres)
    assert counts(take(db, path), "updated") == {}


@pytest.mark.parametrize(
    "given",
    [
        {"NIK": "", "Nama": "SISWA BARU", "Tanggal Lahir": "2014-06-01"},
        {"NISN": "", "Nama": "SISWA BARU", "Tanggal Lahir": "2014-06-01"},
        {"NISN": "0149999999", "Nama": "SISWA BARU"},
        {"NISN": "", "NIK": "", "Nama": "siswa  contoh-satu"},
        {"NISN": "0149999999", "NIK": ""},
        {"NISN": "", "NIK": "9901014305140009"},
        {"NIK": "9901014305140009", "Nama": "SISWA BARU"},
    ],
)
def test_a_pupil_is_found_by_nisn_then_nik_then_name_and_birth(db, tmp_path, one, given):
    """Whatever else differs is changed; nobody is made."""
    report = take(db, sheet(tmp_path / "a.xlsx", SISWA | {"Alamat": "Jl. Baru"} | given))
    assert report.problems == []
    assert counts(report, "inserted") == {}
    assert counts(report, "updated") == {"peserta_didik": 1}
    assert db.value("SELECT COUNT(*) FROM peserta_didik") == 1
    assert pupil(db, "alamat_jalan", "nama") == ("Jl. Baru", given.get("Nama", SISWA["Nama"]))


def test_a_namesake_with_other_numbers_is_somebody_else(db, tmp_path, one):
    """Two children of one name and birth date, both with a NISN and a NIK of their own, stay two children."""
    path = sheet(tmp_path / "a.xlsx", SISWA | {"NISN": "0149999902", "NIK": "9901014305140002"})
    assert counts(take(db, path), "inserted")["peserta_didik"] == 1
    assert counts(take(db, path), "unchanged")["peserta_didik"] == 1


@pytest.mark.parametrize("filler", ["0" * 16, "1234567890123456", "NULL", "9" * 16])
def test_a_filler_identifies_nobody(db, tmp_path, filler):
    """Two pupils with NIK 0000000000000000 are two; neither gets the other's data."""
    first = SISWA | {"NISN": "", "NIK": filler}
    second = first | {"Nama": "SISWA DUA", "Tanggal Lahir": "2014-06-01"}
    path = sheet(tmp_path / "a.xlsx", first, second)
    assert counts(take(db, path), "inserted")["peserta_didik"] == 2
    assert counts(take(db, path), "unchanged")["peserta_didik"] == 2


@pytest.mark.parametrize(
    "given",
    [
        {"NISN": "", "NIK": "", "Alamat": "Jl. Baru"},
        {"NISN": "0149999901", "NIK": "9901014305140002"},
        {"NISN": "0149999903", "NIK": "", "Alamat": "Jl. Baru"},
    ],
)
def test_two_who_fit_are_a_problem(db, tmp_path, one, given):
    """One name and birth date in the store twice, or a NISN of one pupil beside the NIK of another."""
    twin = SISWA | {"NISN": "0149999902", "NIK": "9901014305140002"}
    assert take(db, sheet(tmp_path / "b.xlsx", twin)).problems == []
    stood = everything(db)
    report = take(db, sheet(tmp_path / "a.xlsx", SISWA | given))
    assert [(problem.row, problem.column, problem.code) for problem in report.problems] == [(7, "B Nama", "KF-526")]
    assert everything(db) == stood


@pytest.mark.parametrize(
    "other", [{"Nama": "MURID LAIN"}, {"Nama": "MURID LAIN", "NIK": "9901014305140088", "Tanggal Lahir": "2015-07-26"}]
)
@pytest.mark.parametrize("backwards", [False, True])
def test_of_two_new_lines_with_one_number_neither_is_taken(db, tmp_path, one, other, backwards):
    """Whichever stands first: whose number it is, nobody here knows. The lines beside them are taken."""
    stood = everything(db)
    new = SISWA | {"Nama": "MURID BARU", "NISN": "0149999907", "NIK": "9901014305140099", "Tanggal Lahir": "2014-05-09"}
    pair = [new | other, new] if backwards else [new, new | other]
    report = take(db, sheet(tmp_path / "dua.xlsx", SISWA, *pair), partial=True)
    assert [(problem.row, problem.code) for problem in report.problems] == [(8, "KF-526"), (9, "KF-526")]
    assert (counts(report, "unchanged")["peserta_didik"], everything(db)) == (1, stood)


def test_one_pupil_on_two_lines_is_a_problem_of_the_second(db, tmp_path, one):
    for rows in ([SISWA, SISWA | {"Alamat": "Jl. Baru"}], [SISWA | {"NISN": "0149999907", "NIK": "", "Nama": "BARU"}] * 2):
        report = take(db, sheet(tmp_path / f"{rows[0]['NISN']}.xlsx", *rows))
        assert [(problem.row, problem.code) for problem in report.problems] == [(8, "KF-526")]


def test_of_two_lines_that_claim_one_pupil_neither_is_taken(db, tmp_path, one):
    """Somebody else's line with a copied NISN stands above the pupil's own: which of them he is, nobody here knows."""
    stood = everything(db)
    wrong = SISWA | {"Nama": "MURID BARU", "NIK": "9901014305140099"}
    path = sheet(tmp_path / "dua.xlsx", wrong, SISWA | {"Alamat": "Jl. Baru"})
    report = take(db, path, partial=True)
    assert [(problem.row, problem.code) for problem in report.problems] == [(7, "KF-526"), (8, "KF-526")]
    assert everything(db) == stood


def test_a_line_of_somebody_new_with_a_copied_number_changes_nobody(db, tmp_path, one):
    """Name, birth date and NIK are all another person's: the NISN was copied from the line above and names nobody."""
    stood = everything(db)
    wrong = SISWA | {"Nama": "MURID BARU", "NIK": "9901014305140099", "Tanggal Lahir": "2015-07-26"}
    for given in (wrong, wrong | {"NIK": SISWA["NIK"], "NISN": "0149999909"}):
        report = take(db, sheet(tmp_path / "baru.xlsx", given), partial=True)
        assert [(problem.row, problem.code) for problem in report.problems] == [(7, "KF-526")]
        assert everything(db) == stood
    take(db, sheet(tmp_path / "dua.xlsx", wrong, SISWA | {"Alamat": "Jl. Baru"}), partial=True)
    assert db.execute("SELECT nama, nik, alamat_jalan FROM peserta_didik").fetchall() == [
        (SISWA["Nama"], SISWA["NIK"], "Jl. Baru")
    ]


@pytest.mark.parametrize("sorted_alone", [("NISN",), ("NIK",), ("NISN", "NIK")])
def test_numbers_that_were_sorted_without_their_names_reach_nobody(db, tmp_path, one, sorted_alone):
    """Each number names one pupil, and name and birth date beside it another one of the school: neither is changed."""
    two = SISWA | {"Nama": "DUA", "NISN": "0149999902", "NIK": "9901014605140002", "Tanggal Lahir": "2014-05-06"}
    assert take(db, sheet(tmp_path / "dua.xlsx", SISWA, two)).problems == []
    stood = everything(db)
    swapped = [mine | {title: other[title] for title in sorted_alone} for mine, other in ((SISWA, two), (two, SISWA))]
    report = take(db, sheet(tmp_path / "salah.xlsx", *swapped), partial=True)
    assert [(problem.row, problem.code) for problem in report.problems] == [(7, "KF-526"), (8, "KF-526")]
    assert everything(db) == stood


@pytest.mark.parametrize(
    "mended",
    [
        {"Nama": "NAMA LAIN"},
        {"Tanggal Lahir": "2014-05-04"},
        {"Nama": "NAMA LAIN", "Tanggal Lahir": "2014-05-04"},
        {"Nama": "NAMA LAIN", "NIK": "9901014305140003"},
    ],
)
def test_a_pupil_whose_number_stands_is_corrected(db, tmp_path, one, mended):
    """With both numbers, or with one of them and the name or the birth date, the line means him."""
    report = take(db, sheet(tmp_path / "baru.xlsx", SISWA | mended))
    assert (report.problems, db.value("SELECT count(*) FROM peserta_didik")) == ([], 1)
    assert db.execute("SELECT nama, tanggal_lahir FROM peserta_didik").fetchone() == (
        mended.get("Nama", SISWA["Nama"]),
        mended.get("Tanggal Lahir", SISWA["Tanggal Lahir"]),
    )


@pytest.mark.parametrize(
    ("title", "filler"),
    [
        *product(["NISN", "NIK", "No KK", "HP", "Alamat", "E-Mail"], [0, "0", "0000000000", "-", "NULL", " - "]),
        ("NISN", "9" * 10), ("NIK", "9" * 16), ("Nama", "-"), ("Data Ibu Nama", "-"), ("Nomor KIP", "000000"),
        *product(["NIK", "Alamat", "NIPD", "Rombel Saat Ini"], [".", "0,0", "--", "'-"]),
        *product(["Rombel Saat Ini"], [0, "0", "-", "NULL"]),
    ],
)  # fmt: skip
def test_a_filler_never_replaces_a_value(db, tmp_path, one, title, filler):
    whole = SISWA | {"No KK": "9901010305140001", "HP": "080047413806", "E-Mail": "a@contoh.id", "Nomor KIP": "ABC123"}
    take(db, sheet(tmp_path / "utuh.xlsx", whole))
    stood = everything(db)
    report = take(db, sheet(tmp_path / "isi.xlsx", whole | {title: filler}))
    assert (report.problems, everything(db)) == ([], stood)


@pytest.mark.parametrize("filler", [0, "0", "00", "0,0", "-"])
@pytest.mark.parametrize(
    ("title", "stands"),
    [
        ("Berat Badan", 24), ("Tinggi Badan", 120), ("Lingkar Kepala", 50), ("Anak ke-berapa", 2),
        ("Data Ayah Tahun Lahir", 1980), ("Data Ibu Tahun Lahir", 1985), ("Data Wali Tahun Lahir", 1970),
        ("Lintang", "-6,25"), ("Bujur", "106,5"),
    ],
)  # fmt: skip
def test_a_zero_that_measures_nothing_never_replaces_a_number(db, tmp_path, one, title, stands, filler):
    """Nobody weighs nothing or was born in the year 0, and no school of Indonesia lies at 0, 0."""
    take(db, sheet(tmp_path / "a.xlsx", SISWA | {title: stands}))
    stood = everything(db)
    report = take(db, sheet(tmp_path / "b.xlsx", SISWA | {title: filler}))
    assert (report.problems, everything(db)) == ([], stood)


@pytest.mark.parametrize(
    ("title", "said"), [("RT", 0), ("Layak PIP (usulan dari sekolah)", 0), ("Jml. Saudara\nKandung", 0)]
)
def test_a_zero_that_is_a_value_is_taken(db, tmp_path, one, title, said):
    take(db, sheet(tmp_path / "a.xlsx", SISWA | {title: 1}))
    stood = everything(db)
    report = take(db, sheet(tmp_path / "b.xlsx", SISWA | {title: said}))
    assert (report.problems, everything(db) == stood) == ([], False)


def test_a_number_whose_zeros_excel_took_away_is_the_number_that_stands(db, tmp_path, one):
    """Typed or pasted into cells that are no text, or saved as CSV: NISN, telephone. A number that lacks another digit is none of them."""
    take(db, sheet(tmp_path / "a.xlsx", SISWA | {"HP": "080047413806"}))
    stood = everything(db)
    for hp, nisn in ((80047413806, int(str(SISWA["NISN"]))), ("80047413806", str(SISWA["NISN"]).lstrip("0"))):
        report = take(db, sheet(tmp_path / "b.xlsx", SISWA | {"HP": hp, "NISN": nisn}))
        assert (report.problems, everything(db)) == ([], stood)
    report = take(db, sheet(tmp_path / "b.xlsx", SISWA | {"NISN": "014999990"}))
    assert ([(problem.column, problem.code) for problem in report.problems], everything(db)) == ([("E NISN", "KF-514")], stood)


@pytest.mark.parametrize(("title", "column"), [("Alamat", "J Alamat"), ("NISN", "E NISN"), ("RT", "K RT"), ("Nama", "B Nama")])
def test_a_formula_without_a_value_is_a_cell_that_cannot_be_taken(db, tmp_path, one, title, column):
    """Saved by a program that does not calculate: it was counted as unchanged."""
    stood, path = everything(db), sheet(tmp_path / "rumus.xlsx", SISWA)
    book = openpyxl.load_workbook(path)
    book.active.cell(7, TITLES.index(title) + 1).value = '="Jl. Baru "&"7"'
    book.save(path)
    report = take(db, path)
    assert [(problem.row, problem.column, problem.code) for problem in report.problems] == [(7, column, "KF-514")]
    assert everything(db) == stood


def test_an_empty_cell_and_a_missing_column_change_nothing(db, tmp_path, one):
    stood = everything(db)
    short = ["Nama", "JK", "NISN", "Tanggal Lahir", "NIK", "Catatan operator"]
    for path in (
        sheet(tmp_path / "a.xlsx", {"Nama": SISWA["Nama"], "NISN": SISWA["NISN"]}),
        sheet(tmp_path / "b.xlsx", {"NISN": SISWA["NISN"], "Catatan operator": "x"}, columns=short),
        sheet(tmp_path / "c.xlsx", {"Nama": "  ", "NISN": SISWA["NISN"], "Agama": " "}),
    ):
        report = take(db, path)
        assert report.problems == []
        assert counts(report, "updated") == counts(report, "inserted") == {}
    assert everything(db) == stood
    notes = take(db, tmp_path / "b.xlsx").as_dict()["notes"]
    assert notes == ["column F Catatan operator is not part of the list and was left"]


def test_pupils_who_are_not_in_the_file_are_left_alone(db, tmp_path, one):
    other = SISWA | {"Nama": "SISWA DUA", "NISN": "0149999902", "NIK": "9901014305140002", "Rombel Saat Ini": "4B"}
    take(db, sheet(tmp_path / "a.xlsx", other))
    assert db.value("SELECT COUNT(*) FROM anggota_rombel WHERE soft_delete = 0") == 2
    assert db.value("SELECT COUNT(*) FROM registrasi_peserta_didik WHERE jenis_keluar_id IS NULL AND soft_delete = 0") == 2


def test_only_what_changed_is_captured(db, tmp_path, one):
    """An edit of one address is one changed row, so a package carries that and no more."""
    for table in TABLES:
        db.execute(f"DELETE FROM kirim_before_{table}")
    take(db, sheet(tmp_path / "a.xlsx", SISWA | {"Alamat": "Jl. Baru"}))
    assert pending(db) == dict.fromkeys(TABLES, 0) | {"peserta_didik": 1}


def lock(db, table, row, column):
    declared = SCHEMA.by_name[table]
    put(db, "kirim_lock", table_no=declared.number, row=row, group_no=declared.group_of[column].number)


def test_what_the_centre_has_verified_is_ignored_and_counted(db, tmp_path, one):
    (key,) = pupil(db, "peserta_didik_id")
    lock(db, "peserta_didik", key, "nama")
    lock(db, "peserta_didik", key, "tanggal_lahir")
    changed = {"Nama": "NAMA LAIN", "Tanggal Lahir": "2014-05-04", "Tempat Lahir": "???", "Alamat": "Jl. Baru"}
    report = take(db, sheet(tmp_path / "a.xlsx", SISWA | changed))
    assert report.problems == []
    assert report.ignored == 3
    assert pupil(db, "nama", "tanggal_lahir", "tempat_lahir", "alamat_jalan") == (
        SISWA["Nama"], "2014-05-03", "Kota Contoh", "Jl. Baru",
    )  # fmt: skip


def test_bank_columns_are_the_centres(db, tmp_path, one):
    bank = {"Bank": "BRI", "Nomor Rekening Bank": "0001", "Rekening Atas Nama": "SISWA"}
    for path in (
        sheet(tmp_path / "a.xlsx", SISWA | bank),
        sheet(tmp_path / "b.xlsx", SISWA | bank | {"Nama": "DUA", "NISN": "0149999902", "NIK": "", "Tempat Lahir": "Kota"}),
    ):
        report = take(db, path)
        assert report.ignored == 3
        assert db.value("SELECT COUNT(*) FROM peserta_didik WHERE rekening_bank IS NOT NULL OR id_bank IS NOT NULL") == 0


def test_an_old_download_never_undoes_a_kip(db, tmp_path):
    """The pupil had a KPS; an SK gave him a KIP number, which cleared the KPS; then last month's download is imported."""
    old = SISWA | {"Penerima KPS": "Ya", "No. KPS": "1m1z5w", "Nama di KIP": "NAMA LAMA"}
    path = sheet(tmp_path / "old.xlsx", old)
    take(db, path)
    (key,) = pupil(db, "peserta_didik_id")
    db.execute("UPDATE peserta_didik SET penerima_kip = 1, no_kip = 'ZZ00Z1', nm_kip = 'SISWA', penerima_kps = 0, no_kps = NULL")
    lock(db, "peserta_didik", key, "no_kip")
    stood = everything(db)
    report = take(db, path)
    assert report.problems == []
    assert report.ignored == 4
    assert everything(db) == stood
    download.write_daftar_pd(db, SCHOOL, tmp_path / "new.xlsx", NOW.date(), "operator")
    row = dict(zip(TITLES, map(cell_text, read_sheet(tmp_path / "new.xlsx")[6]), strict=True))
    assert (row["Penerima KIP"], row["Nomor KIP"], row["Nama di KIP"], row["Penerima KPS"], row["No. KPS"]) == (
        "Ya", "ZZ00Z1", "SISWA", "Tidak", "",
    )  # fmt: skip


def test_a_kip_that_the_school_typed_it_may_correct(db, tmp_path, one):
    for number in ("ZZ00Z1", "ZZ00Z2"):
        report = take(db, sheet(tmp_path / f"{number}.xlsx", SISWA | {"Penerima KIP": "Ya", "Nomor KIP": number}))
        assert report.ignored == 0
        assert pupil(db, "no_kip") == (number,)


def members(db):
    return db.execute(
        "SELECT r.nama, a.soft_delete FROM anggota_rombel a JOIN rombongan_belajar r USING (rombongan_belajar_id) ORDER BY 1"
    ).fetchall()


def test_a_pupil_moves_to_the_class_that_is_named_and_back(db, tmp_path, one):
    moved = sheet(tmp_path / "b.xlsx", SISWA | {"Rombel Saat Ini": "4B"})
    report = take(db, moved)
    assert counts(report, "inserted") == {"rombongan_belajar": 1, "anggota_rombel": 1}
    assert counts(report, "updated") == {"anggota_rombel": 1}
    assert members(db) == [("4A", 1), ("4B", 0)]
    assert counts(take(db, moved), "updated") == {}
    take(db, one)
    assert members(db) == [("4A", 0), ("4B", 1)]


def test_a_class_is_found_however_its_name_is_spaced(db, tmp_path, one):
    report = take(db, sheet(tmp_path / "a.xlsx", SISWA | {"Rombel Saat Ini": " 4 a "}))
    assert counts(report, "inserted") == counts(report, "updated") == {}


def test_a_name_that_two_classes_have_is_a_problem(db, tmp_path, one):
    for number, name in enumerate(("5-A", "5A")):
        put(db, "rombongan_belajar", rombongan_belajar_id=f"4000000{number}-0000-4000-8000-000000000000", nama=name,
            sekolah_id=SCHOOL.sekolah_id, semester_id=SEMESTER, jenis_rombel=1)  # fmt: skip
    report = take(db, sheet(tmp_path / "a.xlsx", SISWA | {"Rombel Saat Ini": "5 A"}))
    assert [(problem.column, problem.code) for problem in report.problems] == [("AQ Rombel Saat Ini", "KF-526")]
    assert take(db, sheet(tmp_path / "b.xlsx", SISWA | {"Rombel Saat Ini": "5A"})).problems == []


def test_clubs_and_last_semesters_classes_stay(db, tmp_path, one):
    """Only a place in another class of this semester is left; a membership of Pramuka and the history are not."""
    (key,) = pupil(db, "peserta_didik_id")
    for number, (name, semester, kind) in enumerate((("Pramuka", SEMESTER, 51), ("3A", "20252", 1))):
        rombel = f"4000000{number}-0000-4000-8000-000000000000"
        put(db, "rombongan_belajar", rombongan_belajar_id=rombel, nama=name, sekolah_id=SCHOOL.sekolah_id, semester_id=semester,
            jenis_rombel=kind)  # fmt: skip
        put(db, "anggota_rombel", anggota_rombel_id=derive_id("anggota_rombel", rombel, key), rombongan_belajar_id=rombel,
            peserta_didik_id=key)  # fmt: skip
    take(db, sheet(tmp_path / "a.xlsx", SISWA | {"Rombel Saat Ini": "4B"}))
    assert members(db) == [("3A", 0), ("4A", 1), ("4B", 0), ("Pramuka", 0)]


def test_a_place_that_the_dinas_gave_stays(db, tmp_path, one):
    (member,) = db.execute("SELECT anggota_rombel_id FROM anggota_rombel").fetchone()
    lock(db, "anggota_rombel", member, "rombongan_belajar_id")
    report = take(db, sheet(tmp_path / "a.xlsx", SISWA | {"Rombel Saat Ini": "4B"}))
    assert report.ignored == 1
    assert members(db) == [("4A", 0)]


def test_a_pupil_of_another_school_is_not_made_ours_by_a_list(db, tmp_path, one):
    """A row of another school's home is seen and not set; without a stay here the line is a problem."""
    db.execute("UPDATE peserta_didik SET kirim_home = ?", (OTHER,))
    changed = sheet(tmp_path / "a.xlsx", SISWA | {"Alamat": "Jl. Baru"})
    report = take(db, changed)
    assert (report.ignored, counts(report, "updated")) == (1, {})
    db.execute("UPDATE registrasi_peserta_didik SET soft_delete = 1")
    report = take(db, changed)
    assert [(problem.row, problem.code) for problem in report.problems] == [(7, "KF-517")]


def test_a_pupil_who_has_left_is_not_brought_back_by_an_old_list(db, tmp_path, one):
    db.execute("UPDATE registrasi_peserta_didik SET jenis_keluar_id = '1', tanggal_keluar = '2026-08-01'")
    db.execute("UPDATE anggota_rombel SET soft_delete = 1")
    report = take(db, one)
    assert counts(report, "inserted") == counts(report, "updated") == {}
    assert report.as_dict()["notes"] == ["pupils who have left the school: 1; their stay and rombel were left as they are"]
    assert members(db) == [("4A", 1)]


def test_the_nearest_kecamatan_of_a_name_is_meant(db, tmp_path):
    """Many kecamatan share a name; the school's own kabupaten goes before the rest of the country."""
    (home,) = db.execute("SELECT mst_kode_wilayah FROM ref_mst_wilayah WHERE kode_wilayah = ?", (region(db),)).fetchone()
    for code, parent, level, name in (
        ("980000  ", "000000  ", 1, "Prov. Jauh"), ("980100  ", "980000  ", 2, "Kab. Jauh"),
        ("980101  ", "980100  ", 3, "Kec. Sama"), ("990177  ", home, 3, "Kec. Sama"),
        ("980102  ", "980100  ", 3, "Kec. Kembar"), ("980103", "980100", 3, "Kec. Kembar"),
    ):  # fmt: skip
        put(db, "ref_mst_wilayah", kode_wilayah=code, mst_kode_wilayah=parent, id_level_wilayah=level, nama=name)
    assert take(db, sheet(tmp_path / "a.xlsx", SISWA | {"Kecamatan": "Kec. Sama"})).problems == []
    assert pupil(db, "kode_wilayah") == ("990177  ",)
    report = take(db, sheet(tmp_path / "b.xlsx", SISWA | {"Kecamatan": "Kec. Kembar"}))
    assert [problem.code for problem in report.problems] == ["KF-526"]
    db.execute("UPDATE peserta_didik SET kode_wilayah = '980101'")
    assert counts(take(db, tmp_path / "a.xlsx"), "updated") == {}


@pytest.mark.parametrize("columns", [["Nama", "NPSN"], ["Nama", "JK", "NISN", "Tanggal Lahir", "NIK", "NISN"]])
def test_another_list_is_refused(db, tmp_path, columns):
    path = sheet(tmp_path / "a.xlsx", {"Nama": "SISWA"}, columns=columns)
    with pytest.raises(errors.LayoutUnknown) as caught:
        take(db, path)
    assert caught.value.code == "KF-212"
    assert db.value("SELECT COUNT(*) FROM peserta_didik") == 0


def test_a_list_that_was_saved_as_text_is_the_same_list(db, tmp_path, one):
    """Excel saves CSV with semicolons where the decimal mark is a comma."""
    with (tmp_path / "a.csv").open("w", encoding="cp1252", newline="") as file:
        csv.writer(file, delimiter=";").writerows([cell_text(cell) for cell in row] for row in read_sheet(one))
    report = take(db, tmp_path / "a.csv")
    assert (report.problems, counts(report, "unchanged")) == ([], dict.fromkeys(TABLES, 1))


def test_a_list_without_pupils_is_taken_and_says_so(db, tmp_path):
    report = take(db, sheet(tmp_path / "a.xlsx"))
    assert report.as_dict() == {
        "tables": {table: {"inserted": 0, "updated": 0, "unchanged": 0} for table in TABLES},
        "ignored": 0, "problems": [], "notes": [],
    }  # fmt: skip


def test_a_store_that_fails_in_the_middle_keeps_nothing(db, tmp_path):
    db.execute(
        "CREATE TRIGGER full BEFORE INSERT ON anggota_rombel BEGIN SELECT RAISE(ABORT, 'the disk says no'); END"
    )
    before = everything(db)
    with pytest.raises(errors.StoreDamaged):
        take(db, sheet(tmp_path / "a.xlsx", SISWA))
    assert everything(db) == before
    assert not db.connection.in_transaction


def test_a_row_deleted_before_lives_again_and_keeps_what_the_list_does_not_say(db, tmp_path, one):
    """A derived id names one stay for ever, so the same stay comes back instead of a second one."""
    db.execute("UPDATE registrasi_peserta_didik SET soft_delete = 1")
    report = take(db, sheet(tmp_path / "a.xlsx", SISWA | {"NIPD": ""}))
    assert counts(report, "inserted") == {"registrasi_peserta_didik": 1}
    assert db.execute("SELECT nipd, soft_delete FROM registrasi_peserta_didik").fetchall() == [("0001", 0)]
