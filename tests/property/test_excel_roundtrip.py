"""Laws of the lists: what is written from a store and read again changes nothing, whatever the store holds."""

import sqlite3
from datetime import date, datetime

import pytest
import xlsxwriter
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from exchange import errors
from exchange.interop import download
from exchange.interop.cells import EXCEL_ERRORS, cell_text, read_value, shown
from exchange.interop.daftar_pd import import_daftar_pd
from exchange.interop.daftar_ptk import import_daftar_ptk
from exchange.interop.layout import DAFTAR_PD, DAFTAR_PTK
from exchange.interop.report import School
from exchange.interop.workbook import column_letters, column_number, read_sheet
from exchange.schema import SCHEMA, reference_rows
from exchange.schema.ids import derive_id
from exchange.schema.model import Kind
from exchange.store import reference
from exchange.store.database import Database
from exchange.store.ddl import statements

NOW = datetime(2026, 9, 1, 8, 0)
SCHOOL = School("9a1b0000-0000-4000-8000-000000000002", "00000101", "SD CONTOH 1", "20261", 2026)
CLASS = "40000000-0000-4000-8000-000000000001"
TABLES = ("peserta_didik", "registrasi_peserta_didik", "peserta_didik_longitudinal", "rombongan_belajar", "anggota_rombel")
NAUGHTY = [
    "", " ", "  lead", "trail  ", "a\tb", "a\r\nb", "a\rb", "\x00", "\x01\x1f\x7f\x85", "_x0041_", "_x000D_", "=1+1", "+62", "-6,25",
    "@SUM(A1)", "'0149", "0149999901", "1e5", "TRUE", "NULL", "#N/A", "2014-05-03", "03/05/2014", "<b>&amp;</b>", "\u00e9",
    "e\u0301", "\u200fabc\u202e", "\u2028", "\ufeff", "\ufffe\uffff", "😀👨‍👩‍👧", "ﷺ", "İıŞ", "Ya", "Kec. Contoh", ";,\"'", "\u00a0", "x" * 90,
]  # fmt: skip
"""Texts that have broken programs; none of them is special here."""

texts = st.one_of(st.sampled_from(NAUGHTY), st.text(max_size=40))


@pytest.fixture(scope="module")
def fresh():
    db = Database(sqlite3.connect(":memory:", isolation_level=None))
    for statement in statements(SCHEMA, "school"):
        db.execute(statement)
    reference.load_reference(db, SCHEMA)
    put(db, "sekolah", sekolah_id=SCHOOL.sekolah_id, nama=SCHOOL.nama, npsn=SCHOOL.npsn)
    yield db
    db.close()


def copy(fresh):
    db = Database(sqlite3.connect(":memory:", isolation_level=None))
    fresh.connection.backup(db.connection)
    return db


def put(db, table, **values):
    db.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})", [*values.values()])


def everything(db, tables):
    return {table: db.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables}


def codes(table):
    _, rows = reference_rows(table)
    return [row[0] for row in rows]


def proper(column, how):
    """Values that a list can bring: of the column's type, within its length and list."""
    if column.ref == "ref_mst_wilayah":
        return st.sampled_from([row[0] for row in reference_rows("ref_mst_wilayah")[1] if row[2] == 3])
    if column.ref:
        return st.sampled_from(codes(column.ref))
    if how == "yesno":
        return st.sampled_from([0, 1])
    if how == "sex":
        return st.sampled_from("LP")
    if how == "marriage":
        return st.sampled_from([1, 2, 3])
    if how == "digits":
        return st.text("0123456789", min_size=column.size, max_size=column.size)
    if column.kind is Kind.INTEGER:
        return st.integers(0, 10**column.size - 1)
    if column.kind is Kind.DECIMAL:
        whole = st.integers(-(10 ** (column.size - column.scale)) + 1, 10 ** (column.size - column.scale) - 1)
        parts = [part for part in ("", ".5", ".25", ".123456", ".000000000001") if len(part) <= column.scale + 1]
        return st.builds(lambda w, f: f"{w}{f}", whole, st.sampled_from(parts))
    if column.kind is Kind.DATE:
        return st.dates(date(1920, 1, 1), NOW.date()).map(str)
    size = column.size or 60
    return texts.map(lambda text: text[:size].strip()).filter(lambda text: text and text.upper() not in EXCEL_ERRORS)


def anything(column, how):
    """Values that any program may have written into a store."""
    damaged = st.one_of(texts, st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.binary(max_size=12))
    return st.one_of(st.none(), proper(column, how), proper(column, how), damaged)


def rows_of(layout, strategy):
    """Rows by table for one line of a list."""
    fields = [field for field in layout.fields if field.table and field.how != "show"]
    keys = [(field.table, field.column) for field in fields]
    columns = [SCHEMA.by_name[field.table].by_name[field.column] for field in fields]
    return st.tuples(*(strategy(column, field.how) for column, field in zip(columns, fields, strict=True))).map(
        lambda values: dict(zip(keys, values, strict=True))
    )


def pupils(strategy):
    return st.lists(rows_of(DAFTAR_PD, strategy), min_size=1, max_size=3)


def of(row, table):
    return {column: value for (name, column), value in row.items() if name == table}


def fill(db, rows):
    """Write pupils into a store as another program would."""
    named: dict[object, str] = {}
    for number, row in enumerate(rows):
        key = f"3f0c0000-0000-4000-8000-{number:012}"
        row["peserta_didik", "anak_keberapa"] = 1  # a line of the list that holds nothing at all is no line
        put(db, "peserta_didik", peserta_didik_id=key, **of(row, "peserta_didik"))
        put(db, "registrasi_peserta_didik", registrasi_id=derive_id("registrasi_peserta_didik", key, SCHOOL.sekolah_id, "1"),
            peserta_didik_id=key, sekolah_id=SCHOOL.sekolah_id, **of(row, "registrasi_peserta_didik"))  # fmt: skip
        put(db, "peserta_didik_longitudinal", peserta_didik_id=key, semester_id=SCHOOL.semester_id,
            **of(row, "peserta_didik_longitudinal"))  # fmt: skip
        name = row["rombongan_belajar", "nama"]
        if name not in named:
            named[name] = f"40000000-0000-4000-8000-{number:012}"
            put(db, "rombongan_belajar", rombongan_belajar_id=named[name], nama=name, sekolah_id=SCHOOL.sekolah_id,
                semester_id=SCHOOL.semester_id, jenis_rombel=1)  # fmt: skip
        put(db, "anggota_rombel", anggota_rombel_id=derive_id("anggota_rombel", named[name], key),
            rombongan_belajar_id=named[name], peserta_didik_id=key)  # fmt: skip


PROFILE = settings(
    max_examples=40,
    deadline=None,
    # A row has 66 values: making one smaller, value by value, takes minutes and says little more.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@PROFILE
@given(rows=pupils(anything))
def test_a_download_changes_nothing_when_it_comes_back(fresh, tmp_path_factory, rows):
    """Whatever stands in a store, damaged values and all: nothing is inserted, updated, refused or ignored."""
    db, path = copy(fresh), tmp_path_factory.mktemp("pd") / "pd.xlsx"
    fill(db, rows)
    stood = everything(db, TABLES)
    assert download.write_daftar_pd(db, SCHOOL, path, NOW.date(), "operator") == len(rows)
    report = import_daftar_pd(db, SCHOOL, path, clock=lambda: NOW)
    assert report.problems == []
    assert (report.ignored, report.notes) == (0, [])
    assert {name: (taken.inserted, taken.updated) for name, taken in report.tables.items()} == dict.fromkeys(TABLES, (0, 0))
    assert report.tables["peserta_didik"].unchanged == len(rows)
    assert everything(db, TABLES) == stood
    db.close()


def sound(rows):
    """Make pupils that differ, have what a new one needs, and hold no control characters in names."""
    for number, row in enumerate(rows):
        row["peserta_didik", "nisn"] = f"01499999{number:02}"
        row["peserta_didik", "nik"] = f"99010143051400{number:02}"
        for column in ("nama", "nama_ayah", "nama_ibu_kandung", "nama_wali", "nm_kip", "rekening_atas_nama"):
            text = "".join(filter(str.isalpha, str(row["peserta_didik", column])))
            row["peserta_didik", column] = text or "SISWA"
        row["rombongan_belajar", "nama"] = "".join(filter(str.isalnum, str(row["rombongan_belajar", "nama"]))) or "4A"
        row["peserta_didik", "no_kip"] = "ZZ00Z1"
        for column in ("id_bank", "rekening_bank", "rekening_atas_nama"):
            row["peserta_didik", column] = None
    return rows


@PROFILE
@given(rows=pupils(proper).map(sound))
def test_an_import_of_a_download_into_an_empty_store_downloads_the_same_cells(fresh, tmp_path_factory, rows):
    """One store's list makes another store whose list is the same, cell by cell."""
    folder = tmp_path_factory.mktemp("pd")
    first, second = copy(fresh), copy(fresh)
    fill(first, rows)
    # The list shows less of a distance than the store holds, so both stores have it from a list.
    download.write_daftar_pd(first, SCHOOL, folder / "a.xlsx", NOW.date(), "operator")
    report = import_daftar_pd(second, SCHOOL, folder / "a.xlsx", clock=lambda: NOW)
    assert report.problems == []
    download.write_daftar_pd(second, SCHOOL, folder / "b.xlsx", NOW.date(), "operator")
    # Namesakes of one birth date stand in the order of their ids, which differ from store to store.
    cells = [sorted((row[1:] for row in read_sheet(folder / name)[6:]), key=str) for name in ("a.xlsx", "b.xlsx")]
    assert cells[0] == cells[1]
    first.close()
    second.close()


@PROFILE
@given(rows=st.lists(rows_of(DAFTAR_PTK, anything), min_size=1, max_size=3))
def test_a_list_of_ptk_changes_nothing_when_it_comes_back(fresh, tmp_path_factory, rows):
    db, folder = copy(fresh), tmp_path_factory.mktemp("ptk")
    for number, row in enumerate(rows):
        row["ptk", "kode_pos"] = "70008"
        put(db, "ptk", ptk_id=f"70000000-0000-4000-8000-{number:012}", **of(row, "ptk"))
    stood = everything(db, ["ptk"])
    guru = download.write_daftar_guru(db, SCHOOL, folder / "guru.xlsx", NOW.date(), "operator")
    tendik = download.write_daftar_tendik(db, SCHOOL, folder / "tendik.xlsx", NOW.date(), "operator")
    assert guru + tendik >= len(rows)
    for name, count in (("guru", guru), ("tendik", tendik)):
        report = import_daftar_ptk(db, SCHOOL, folder / f"{name}.xlsx", clock=lambda: NOW)
        taken = report.tables["ptk"]
        assert (report.problems, report.ignored, taken.inserted, taken.updated, taken.unchanged) == ([], 0, 0, 0, count)
    assert everything(db, ["ptk"]) == stood
    db.close()


cells = st.one_of(st.none(), texts, st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.dates(), st.datetimes())


@PROFILE
@given(data=st.data())
def test_no_list_leads_to_an_exception_that_is_not_ours(fresh, tmp_path_factory, data):
    """Cells of header and rows replaced by anything: a report, or a refusal with a code, and then an untouched store."""
    db, folder = copy(fresh), tmp_path_factory.mktemp("any")
    fill(db, data.draw(pupils(proper)))
    download.write_daftar_pd(db, SCHOOL, folder / "a.xlsx", NOW.date(), "operator")
    rows = read_sheet(folder / "a.xlsx")
    for _ in range(data.draw(st.integers(0, 12))):
        row = data.draw(st.sampled_from([3, 4, 5, 5, *range(6, len(rows))]))
        rows[row][data.draw(st.integers(0, 65))] = data.draw(cells)
    for row in data.draw(st.lists(st.integers(3, len(rows)), max_size=2)):
        rows.insert(row, data.draw(st.lists(cells, min_size=66, max_size=66)))
    rows_to_book(folder / "b.xlsx", rows)
    stood = everything(db, TABLES)
    try:
        report = import_daftar_pd(db, SCHOOL, folder / "b.xlsx", clock=lambda: NOW)
    except (errors.LayoutUnknown, errors.OtherSchoolList):
        report = None
    if report is None or not report.taken:
        assert everything(db, TABLES) == stood
    else:
        again = import_daftar_pd(db, SCHOOL, folder / "b.xlsx", clock=lambda: NOW)
        assert again.problems == []
        assert {(taken.inserted, taken.updated) for taken in again.tables.values()} == {(0, 0)}
    db.close()


def rows_to_book(path, rows):
    book = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False})
    page = book.add_worksheet()
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for at, row in enumerate(rows):
        for place, cell in enumerate(row):
            if isinstance(cell, str):
                page.write_string(at, place, cell)
            elif isinstance(cell, date) and cell.year > 1900:
                page.write_datetime(at, place, cell, day)
            elif isinstance(cell, int | float):
                page.write_number(at, place, float(cell) if abs(cell) < 1e300 else 0)
    book.close()


COLUMNS = [column for name in ("peserta_didik", "ptk", "nilai_nilai_rapor") for column in SCHEMA.by_name[name].all_columns]


@given(data=st.data())
def test_a_value_that_is_shown_is_read_as_itself(data):
    """For every column of its own type: what a list shows gives the stored value again."""
    column = data.draw(st.sampled_from([c for c in COLUMNS if c.kind not in {Kind.UUID, Kind.MOMENT, Kind.DOUBLE} and not c.ref]))
    value = data.draw(proper(column, ""))
    read = read_value(column, shown(column, value))
    if column.kind in {Kind.CHAR, Kind.VARCHAR, Kind.TEXT}:
        assert read == value.replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")
    elif column.kind is Kind.DECIMAL:
        assert float(read) == float(value)
    else:
        assert read == value


@given(cells)
@example(1e300)
def test_every_cell_has_a_text_and_every_column_an_answer(cell):
    """No cell, of whatever kind, leads to an exception."""
    assert isinstance(cell_text(cell), str)
    for column in COLUMNS:
        read_value(column, cell)


@given(st.integers(1, 20_000))
def test_columns_are_counted_as_excel_counts(number):
    assert column_number(column_letters(number)) == number
