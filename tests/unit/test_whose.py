"""Whose list a file is, by its title."""

from __future__ import annotations

from pathlib import Path

import pytest

from exchange.interop.layout import Found
from exchange.interop.report import School
from exchange.interop.whose import says_other_school

SCHOOL = School("9a1b0000-0000-4000-8000-000000000002", "00000101", "SD NEGERI 1 CONTOH", "20261", 2026, ("SDN CONTOH",))
REGION = "Kecamatan Kec. Contoh, Kabupaten Kab. Contoh, Provinsi Prov. Contoh"


def refusal(*title):
    rows = [list(row) if isinstance(row, tuple) else [row] for row in title]
    found = Found((), len(rows) + 2, (), len(rows))
    return says_other_school([*rows, ["Nama"], [None], ["SISWA"]], found, SCHOOL, Path("pd.xlsx"))


@pytest.mark.parametrize(
    "title",
    [
        (),
        (None, None),
        ("Daftar Peserta Didik",),
        ("Daftar Peserta Didik", REGION),
        ("Daftar Peserta Didik", "SD NEGERI 1 CONTOH", REGION),
        ("Daftar Peserta Didik", "sd negeri  1 contoh "),
        ("Daftar Peserta Didik", "SDN 1 Contoh"),
        ("Daftar Peserta Didik", "SD Negeri Contoh"),
        ("PEMERINTAH KABUPATEN CONTOH", "Daftar Pendidik dan Tenaga Kependidikan", "SD Negeri 1 Contoh (NPSN 00000101)"),
        ("Daftar Peserta Didik", "NAMA LAIN SAMA SEKALI", REGION, ("Tanggal Unduh: 2026-09-01", None, "Pengunduh: NPSN 00000101")),
        ("Data Siswa Kelas 1", "SD LAIN"),
    ],
)  # fmt: skip
def test_a_list_of_this_school_or_of_nobody_is_taken(title):
    assert refusal(*title) is None


@pytest.mark.parametrize(
    ("title", "names"),
    [
        (("Daftar Peserta Didik", "SD NEGERI 2 CONTOH", REGION), "SD NEGERI 2 CONTOH"),
        (("Daftar Peserta Didik", "SD NEGERI 1 CONTOH BARAT"), "SD NEGERI 1 CONTOH BARAT"),
        (("Daftar Guru", "SMP NEGERI 1 CONTOH"), "SMP NEGERI 1 CONTOH"),
        (("Daftar Peserta Didik", "SD NEGERI 1 CONTOH", "NPSN: 00000102"), "SD NEGERI 1 CONTOH (NPSN 00000102)"),
    ],
)
def test_a_list_of_another_school_is_refused_with_both_names(title, names):
    error = refusal(*title)
    assert error is not None
    assert error.code == "KF-214"
    assert (error.facts()["names"], error.facts()["ours"]) == (names, "SD NEGERI 1 CONTOH (NPSN 00000101)")
