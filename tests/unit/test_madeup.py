"""Made-up schools: the same for the same seed, varied, importable, and visibly nobody's."""

import openpyxl
import pytest

from exchange.demo.madeup import MadeUpSchool, daftar_pd_rows, write_daftar_pd
from exchange.demo.school import LEVELS


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
