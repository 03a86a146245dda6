"""The reference rows that ship fit their tables, point to one another, and are enough for a school to be valid."""

from __future__ import annotations

import datetime
import itertools
import re
from pathlib import Path

import pytest

from exchange.schema import SCHEMA, reference_rows, text_column
from exchange.schema import reference as module
from exchange.schema.model import Column, Kind, Table

FOLDER = Path(module.__file__).with_name("ref")

each_reference_table = pytest.mark.parametrize("table", SCHEMA.reference_tables, ids=lambda table: table.name)


def fits(column: Column, value: object) -> bool:
    """Whether a value has the form that model.Kind promises and the size of its column."""
    if value is None:
        return not column.required
    if column.kind is Kind.INTEGER:
        return isinstance(value, int) and len(str(abs(value))) <= column.size
    if column.kind is Kind.DECIMAL:
        match = re.fullmatch(r"-?(\d+)(?:\.(\d+))?", str(value))
        return match is not None and len(match[1]) <= column.size - column.scale and len(match[2] or "") <= column.scale
    if column.kind is Kind.DATE:
        return str(datetime.date.fromisoformat(str(value))) == value
    if column.kind is Kind.MOMENT:
        return str(datetime.datetime.fromisoformat(str(value))) == value
    if column.kind is Kind.UUID:
        return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", str(value)) is not None
    return isinstance(value, str) and value != "" and len(value) <= column.size


@each_reference_table
def test_every_shipped_row_fits_its_columns(table: Table):
    columns, rows = reference_rows(table.name)
    assert rows
    assert columns[: len(table.key)] == table.key_names
    for row in rows:
        assert len(row) == len(columns)
        for name, value in zip(columns, row, strict=True):
            assert fits(table.by_name[name], value), (name, value)
    left = [c.name for c in table.columns if c.required and c.default is None and c.name not in columns]
    assert not left


@each_reference_table
def test_every_shipped_row_points_to_a_shipped_row(table: Table):
    columns, rows = reference_rows(table.name)
    for column in table.references:
        if column.name not in columns:
            continue
        at = columns.index(column.name)
        known = {row[0] for row in reference_rows(column.ref)[1]}
        assert {row[at] for row in rows} - {None} <= known, column.name


@each_reference_table
def test_keys_and_texts_are_unique_without_regard_to_case_and_punctuation(table: Table):
    """Excel cells are matched by text, so two rows of one list must not read alike."""
    columns, rows = reference_rows(table.name)
    keys = [row[: len(table.key)] for row in rows]
    assert len(set(keys)) == len(keys)
    text = text_column(table.name)
    assert text in columns
    if text not in table.key_names:
        at = columns.index(text)
        folded = [re.sub(r"\W", "", str(row[at]).casefold()) for row in rows]
        assert len(set(folded)) == len(folded)


def test_every_list_that_a_column_points_to_is_shipped_and_nothing_else():
    assert {path.stem for path in FOLDER.glob("*.csv")} == {table.name for table in SCHEMA.reference_tables}


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("ref_agama", {
            1: "Islam", 2: "Kristen", 3: "Katholik", 4: "Hindu", 5: "Budha", 6: "Khonghucu",
            7: "Kepercayaan kpd Tuhan YME", 98: "Tidak diisi", 99: "Lainnya"}),
        ("ref_jenis_tinggal", {
            1: "Bersama orang tua", 2: "Wali", 3: "Kos", 4: "Asrama", 5: "Panti asuhan", 10: "Pesantren", 99: "Lainnya"}),
        ("ref_alat_transportasi", {
            1: "Jalan kaki", 3: "Angkutan umum/bus/pete-pete", 4: "Mobil/bus antar jemput", 5: "Kereta api", 6: "Ojek",
            7: "Andong/bendi/sado/dokar/delman/becak", 8: "Perahu penyeberangan/rakit/getek", 11: "Kuda", 12: "Sepeda",
            13: "Sepeda motor", 14: "Mobil pribadi", 99: "Lainnya"}),
        ("ref_jenjang_pendidikan", {
            0: "Tidak sekolah", 1: "PAUD", 2: "TK / sederajat", 3: "Putus SD", 4: "SD / sederajat", 5: "SMP / sederajat",
            6: "SMA / sederajat", 7: "Paket A", 8: "Paket B", 9: "Paket C", 20: "D1", 21: "D2", 22: "D3", 23: "D4",
            30: "S1", 35: "S2", 40: "S3", 90: "Non formal", 91: "Informal", 99: "Lainnya"}),
        ("ref_pekerjaan", {
            1: "Tidak bekerja", 2: "Nelayan", 3: "Petani", 4: "Peternak", 5: "PNS/TNI/Polri", 6: "Karyawan Swasta",
            7: "Pedagang Kecil", 8: "Pedagang Besar", 9: "Wiraswasta", 10: "Wirausaha", 11: "Buruh", 12: "Pensiunan",
            13: "Tenaga Kerja Indonesia", 90: "Tidak dapat diterapkan", 98: "Sudah Meninggal", 99: "Lainnya"}),
        ("ref_penghasilan", {
            11: "Kurang dari Rp. 500,000", 12: "Rp. 500,000 - Rp. 999,999", 13: "Rp. 1,000,000 - Rp. 1,999,999",
            14: "Rp. 2,000,000 - Rp. 4,999,999", 15: "Rp. 5,000,000 - Rp. 20,000,000",
            16: "Lebih dari Rp. 20,000,000", 99: "Tidak Berpenghasilan"}),
    ],
)  # fmt: skip
def test_texts_are_those_of_the_excel_downloads(name: str, texts: dict[int, str]):
    columns, rows = reference_rows(name)
    at = columns.index(text_column(name))
    assert {row[0]: row[at] for row in rows} == texts


def test_a_pupil_may_only_be_registered_in_or_out_for_reasons_that_are_a_pupils():
    columns, rows = reference_rows("ref_jenis_pendaftaran")
    assert {row[0] for row in rows if row[columns.index("daftar_sekolah")]} == {1, 2, 7}
    columns, rows = reference_rows("ref_jenis_keluar")
    assert {row[0] for row in rows if row[columns.index("keluar_pd")]} == set("1234567")
    assert {row[0] for row in rows if row[columns.index("keluar_ptk")]} == set("2346789")


def test_regions_are_made_up_and_form_one_chain():
    columns, rows = reference_rows("ref_mst_wilayah")
    by_code = {row[0]: dict(zip(columns, row, strict=True)) for row in rows}
    assert [by_code[code]["nama"] for code in ("990000  ", "990100  ", "990101  ")] == [
        "Prov. Contoh", "Kab. Contoh", "Kec. Contoh",
    ]  # fmt: skip
    code, path = "990101  ", []
    while code is not None:
        path.append(by_code[code]["id_level_wilayah"])
        code = by_code[code]["mst_kode_wilayah"]
    assert path == [3, 2, 1, 0]
    assert len(rows) == 4


def test_exactly_one_semester_is_running_and_semesters_follow_one_another():
    columns, rows = reference_rows("ref_semester")
    semesters = [dict(zip(columns, row, strict=True)) for row in rows]
    assert [s["semester_id"] for s in semesters if s["periode_aktif"]] == ["20261"]
    assert semesters[0]["semester_id"] == "20231"
    assert semesters[-1]["semester_id"] == "20262"
    for before, after in itertools.pairwise(semesters):
        ends, starts = (datetime.date.fromisoformat(str(d)) for d in (before["tanggal_selesai"], after["tanggal_mulai"]))
        assert starts - ends == datetime.timedelta(days=1)
    for semester in semesters:
        assert semester["semester_id"] == f"{semester['tahun_ajaran_id']}{semester['semester']}"


def test_an_unknown_list_is_our_own_mistake():
    with pytest.raises(KeyError):
        reference_rows("ref_agamas")
