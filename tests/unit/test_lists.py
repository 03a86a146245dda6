"""Lists of offices: SK, changes, schools, reference rows."""

import csv
import io

import pytest
import xlsxwriter

from exchange import errors
from exchange.demo.madeup import MadeUpSchool, kip_list, write_kip_csv
from exchange.interop import workbook
from exchange.interop.lists import (
    ChangeRow,
    KipRow,
    SchoolRow,
    read_changes,
    read_kip_list,
    read_reference,
    read_schools,
)
from exchange.schema import SCHEMA, reference_rows, text_column

PUPIL = "3f0c0000-0000-4000-8000-000000000001"
SIPINTAR_OLD = (
    "peserta_didik_id,sekolah_id,npsn,nomenklatur,kelas,rombel,nama_pd,nama_ibu_kandung,nama_ayah,tanggal_lahir,"
    "tempat_lahir,nisn,nik,jenis_kelamin,nominal,no_rekening,tahap_id,nomor_sk,tanggal_sk,nama_rekening,tanggal_cair,"
    "status_cair,no_KIP,no_KKS,no_KPS,virtual_acc,nama_kartu,semester_id,layak_pip,keterangan_pencairan,confirmation_text,"
    "tahap_keterangan,nama_pengusul"
)
SIPINTAR_ROW = (
    "3F0C0000-0000-4000-8000-000000000001,9a1b0000-0000-4000-8000-000000000002,00000101,SD CONTOH 1,4,4A,SISWA CONTOH SATU,"
    "IBU CONTOH,AYAH CONTOH,2014-05-03,Kota Contoh,0149999901,9901014305140001,P,450000,,3,00/XX/PIP/2024,2024-03-01,,,"
    "Belum cair,ZZ00Z1,,,,KARTU CONTOH,20232,1,,,Tahap 3,"
)


def text(path, content, codec="utf-8"):
    path.write_bytes(content.encode(codec))
    return path


def book(path, *rows):
    made = xlsxwriter.Workbook(str(path))
    page = made.add_worksheet()
    for at, row in enumerate(rows):
        for column, cell in enumerate(row):
            if cell is not None:
                page.write(at, column, cell) if not isinstance(cell, str) else page.write_string(at, column, cell)
    made.close()
    return path


def test_the_old_layout_of_sipintar_is_read(tmp_path):
    rows = read_kip_list(text(tmp_path / "sk.csv", f"{SIPINTAR_OLD}\n{SIPINTAR_ROW}\n"))
    assert rows == [
        KipRow(PUPIL, "0149999901", "9901014305140001", "ZZ00Z1", "KARTU CONTOH", "00/XX/PIP/2024", "2024-03-01",
               "SISWA CONTOH SATU", 2)
    ]  # fmt: skip


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("codec", ["utf-8-sig", "cp1252", "utf-16"])
def test_a_list_is_read_however_it_was_saved(tmp_path, separator, codec):
    line = separator.join
    content = line(["PDID", "Nama PD", "No KIP", "Nomor SK nominasi"]) + "\r\n" + line([PUPIL, "SISWA É", "zz00z1", "1/SK"]) + "\r\n"
    (row,) = read_kip_list(text(tmp_path / "sk.csv", content, codec))
    assert (row.peserta_didik_id, row.nama, row.no_kip, row.nomor_sk, row.nisn) == (PUPIL, "SISWA É", "zz00z1", "1/SK", None)


def test_the_least_list_has_an_id_and_a_number(tmp_path):
    """And it may begin with a title; empty lines are passed over, and every row knows its line."""
    content = f"Daftar SK,\n\npeserta_didik_id,no_kip\n{PUPIL},ZZ00Z1\n,\n{{{PUPIL[:-1].upper()}2}},ZZ00Z2\n"
    rows = read_kip_list(text(tmp_path / "sk.csv", content))
    assert [(row.peserta_didik_id, row.no_kip, row.line) for row in rows] == [
        (PUPIL, "ZZ00Z1", 4), (PUPIL[:-1] + "2", "ZZ00Z2", 6),
    ]  # fmt: skip


def test_the_first_of_two_columns_for_one_thing_counts_unless_it_is_empty(tmp_path):
    content = f"pdid,peserta_didik_id,no_kip\nx,{PUPIL},ZZ00Z1\n{PUPIL},,ZZ00Z1\n"
    assert [row.peserta_didik_id for row in read_kip_list(text(tmp_path / "sk.csv", content))] == [PUPIL, PUPIL]


def test_numbers_that_excel_has_touched_are_mended_or_not_believed(tmp_path):
    """Zeros before a NISN come back; a NIK of 16 digits that is a number in Excel has lost its last ones."""
    head = ["nisn", "nik", "no_kip"]
    rows = read_kip_list(book(tmp_path / "sk.xlsx", head, [149999901, 9901014305140001, "ZZ00Z1"], [None, "'9901014305140001", 123456]))
    assert [(row.nisn, row.nik, row.no_kip) for row in rows] == [
        ("0149999901", None, "ZZ00Z1"), (None, "9901014305140001", "123456"),
    ]  # fmt: skip
    with pytest.raises(errors.InputRowBad) as caught:
        read_kip_list(book(tmp_path / "b.xlsx", head, [None, 9901014305140001, "ZZ00Z1"]))
    assert (caught.value.row, caught.value.column) == (2, "nik")


def test_a_made_up_sk_list_is_read_whole(tmp_path):
    given = kip_list(MadeUpSchool("SD", 40, seed=2), 10)
    write_kip_csv(tmp_path / "sk.csv", given)
    rows = read_kip_list(tmp_path / "sk.csv")
    assert [row.no_kip for row in rows] == [row["no_kip"] or None for row in given]
    assert [row.nisn for row in rows] == [row["nisn"] or None for row in given]
    assert [row.nama_kartu for row in rows] == [row["nama_kartu"] for row in given]


def test_a_long_list_is_read_row_by_row(tmp_path, monkeypatch):
    """An SK list may hold more rows than a workbook may."""
    monkeypatch.setattr(workbook, "WORKBOOK_ROWS_MAX", 10)
    content = "peserta_didik_id,no_kip\n" + f"{PUPIL},ZZ00Z1\n" * 50
    assert len(read_kip_list(text(tmp_path / "sk.csv", content))) == 50
    monkeypatch.setattr(workbook, "LIST_ROWS_MAX", 50)
    with pytest.raises(errors.TooLarge):
        read_kip_list(tmp_path / "sk.csv")


@pytest.mark.parametrize("content", ["", "nama,alamat\nx,y\n", "peserta_didik_id,nama\nx,y\n", "no_kip,nama\nZZ00Z1,y\n", "\n" * 40])
def test_a_list_without_the_columns_is_refused(tmp_path, content):
    with pytest.raises(errors.ColumnsMissing) as caught:
        read_kip_list(text(tmp_path / "sk.csv", content))
    assert caught.value.code == "KF-215"


@pytest.mark.parametrize(
    ("row", "column"), [(",,ZZ00Z1", "peserta_didik_id"), (f"{PUPIL},,{'Z' * 300}", "no_kip"), (f"{'x' * 300},,ZZ00Z1", "peserta_didik_id")]
)
def test_a_row_that_says_of_nobody_is_named(tmp_path, row, column):
    with pytest.raises(errors.InputRowBad) as caught:
        read_kip_list(text(tmp_path / "sk.csv", f"peserta_didik_id,nisn,no_kip\n{PUPIL},,ZZ00Z1\n{row}\n"))
    assert (caught.value.code, caught.value.row, caught.value.column) == ("KF-109", 3, column)
    assert len(caught.value.value) <= 255


def test_changes_are_read_with_their_lines(tmp_path):
    content = (
        "Table,ID,Column,Value,Verified\n"
        f"peserta_didik,{PUPIL},nama,\"SISWA, CONTOH\",1\n"
        f"PTK,{PUPIL},nuptk,,\n"
        f"peserta_didik_longitudinal,{PUPIL}|20261,tinggi_badan,120,Tidak\n"
    )  # fmt: skip
    assert read_changes(text(tmp_path / "a.csv", content)) == [
        ChangeRow("peserta_didik", PUPIL, "nama", "SISWA, CONTOH", True, 2),
        ChangeRow("ptk", PUPIL, "nuptk", None, False, 3),
        ChangeRow("peserta_didik_longitudinal", f"{PUPIL}|20261", "tinggi_badan", "120", False, 4),
    ]


def test_a_value_from_excel_is_written_as_a_program_writes_it(tmp_path):
    rows = read_changes(book(tmp_path / "a.xlsx", ["tabel", "id", "kolom", "nilai"], ["sekolah", "00000101", "lintang", -6.25]))
    assert rows == [ChangeRow("sekolah", "00000101", "lintang", "-6.25", False, 2)]


@pytest.mark.parametrize(
    ("row", "column"),
    [(f",{PUPIL},nama,x,", "table"), ("ptk,,nama,x,", "id"), (f"ptk,{PUPIL},,x,", "column"), (f"ptk,{PUPIL},nama,x,mungkin", "verified")],
)
def test_a_change_that_says_too_little_is_named(tmp_path, row, column):
    with pytest.raises(errors.InputRowBad) as caught:
        read_changes(text(tmp_path / "a.csv", f"table,id,column,value,verified\n{row}\n"))
    assert (caught.value.row, caught.value.column) == (2, column)


def test_a_list_of_changes_needs_its_four_columns(tmp_path):
    for missing in ("table", "id", "column", "value"):
        head = ",".join(name for name in ("table", "id", "column", "value") if name != missing)
        with pytest.raises(errors.ColumnsMissing):
            read_changes(text(tmp_path / "a.csv", f"{head}\na,b,c\n"))


def test_schools_are_read_under_the_names_of_the_options(tmp_path):
    content = "npsn;name;bentuk;head;status\n00000101;SD CONTOH 1;SD;KEPALA CONTOH;1\np0000102;PKBM CONTOH;PKBM;;\n"
    assert read_schools(text(tmp_path / "a.csv", content)) == [
        SchoolRow("00000101", "SD CONTOH 1", "SD", "KEPALA CONTOH", 2, {"status": "1"}),
        SchoolRow("P0000102", "PKBM CONTOH", "PKBM", "", 3, {}),
    ]
    assert read_schools(book(tmp_path / "a.xlsx", ["NPSN", "Nama", "Bentuk"], [101, "SD CONTOH 1", "SD"])) == [
        SchoolRow("00000101", "SD CONTOH 1", "SD", "", 2)
    ]


@pytest.mark.parametrize(
    ("row", "column"),
    [(",SD CONTOH 2,SD", "npsn"), ("00000102,,SD", "name"), ("00000102,SD CONTOH 2,", "bentuk"), ("00000101,SD CONTOH 2,SD", "npsn")],
)
def test_a_school_that_cannot_be_registered_is_named(tmp_path, row, column):
    """One without NPSN, name or kind, and an NPSN that stands in the list twice."""
    with pytest.raises(errors.InputRowBad) as caught:
        read_schools(text(tmp_path / "a.csv", f"npsn,name,bentuk\n00000101,SD CONTOH 1,SD\n{row}\n"))
    assert (caught.value.row, caught.value.column) == (3, column)


@pytest.mark.parametrize("table", [table.name for table in SCHEMA.reference_tables])
def test_reference_rows_that_ship_can_be_imported_as_a_list(tmp_path, table):
    """For every reference table: its rows, saved as CSV under its name, are that table's rows again."""
    columns, rows = reference_rows(table)
    content = io.StringIO()
    csv.writer(content).writerows([columns, *rows])
    found = read_reference(text(tmp_path / f"{table}.csv", content.getvalue()))
    assert found[:2] == (table, columns)
    assert found[2] == [tuple(None if cell is None or cell == "" else str(cell) for cell in row) for row in rows]


@pytest.mark.parametrize("name", ["ref_agama.csv", "ref.agama.csv", "agama.csv", "Agama (2).csv", "ref_agama-2026.csv"])
def test_the_file_tells_the_table(tmp_path, name):
    assert read_reference(text(tmp_path / name, "agama_id,nama\n1,Islam\n"))[0] == "ref_agama"


def test_the_longest_name_is_meant(tmp_path):
    """Names of tables begin with each other: mata_pelajaran and mata_pelajaran_kurikulum."""
    longer, shorter = "ref_mata_pelajaran_kurikulum", "ref_mata_pelajaran"
    keys = ",".join(SCHEMA.by_name[longer].key_names)
    assert read_reference(text(tmp_path / f"{longer}.csv", f"{keys}\n1,2,3\n"))[0] == longer
    assert read_reference(text(tmp_path / f"{shorter}.csv", "mata_pelajaran_id,nama\n1,Contoh\n"))[0] == shorter


def test_the_first_column_tells_the_table_too(tmp_path):
    found = read_reference(text(tmp_path / "data.csv", "table,agama_id,nama\nref_agama,1,Islam\nref.agama,2,Kristen\n"))
    assert found == ("ref_agama", ("agama_id", "nama"), [("1", "Islam"), ("2", "Kristen")])
    with pytest.raises(errors.InputRowBad) as caught:
        read_reference(text(tmp_path / "data.csv", "table,agama_id,nama\nref_agama,1,Islam\nref_bank,002,BRI\n"))
    assert caught.value.row == 3


def test_codes_of_regions_are_padded_as_dapodik_pads_them(tmp_path):
    """Otherwise a kecamatan that was imported would not hang on the kabupaten that ships."""
    content = "kode_wilayah,nama,id_level_wilayah,mst_kode_wilayah\n990102,Kec. Dua,3,990100  \n"
    assert read_reference(text(tmp_path / "mst_wilayah.csv", content))[2] == [("990102  ", "Kec. Dua", "3", "990100  ")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("siswa.csv", "agama_id,nama\n1,Islam\n"), ("ref_agama.csv", "nama\nIslam\n"), ("ref_agama.csv", "agama_id,warna\n1,x\n"),
        ("ref_agama.csv", "agama_id,nama,nama\n1,a,b\n"), ("ref_agama.csv", ""), ("data.csv", "table,agama_id\n"),
    ],
)  # fmt: skip
def test_what_is_no_reference_table_is_refused(tmp_path, name, content):
    with pytest.raises(errors.ColumnsMissing):
        read_reference(text(tmp_path / name, content))


@pytest.mark.parametrize("row", ["satu,Islam", ",Islam", "1," + "x" * 500])
def test_a_reference_row_that_does_not_fit_is_named(tmp_path, row):
    assert text_column("ref_agama") == "nama"
    with pytest.raises(errors.InputRowBad) as caught:
        read_reference(text(tmp_path / "ref_agama.csv", f"agama_id,nama\n1,Islam\n{row}\n"))
    assert caught.value.row == 3


@pytest.mark.parametrize("read", [read_kip_list, read_changes, read_schools, read_reference])
@pytest.mark.parametrize("content", [b"\xff\xd8\xff\xe0\0\0", b"PK\3\4" + bytes(90), bytes(100)])
def test_a_photograph_is_no_list(tmp_path, read, content):
    (tmp_path / "ref_agama.csv").write_bytes(content)
    with pytest.raises(errors.WorkbookUnreadable):
        read(tmp_path / "ref_agama.csv")
    with pytest.raises(errors.FileUnreadable):
        read(tmp_path / "nothing.csv")
