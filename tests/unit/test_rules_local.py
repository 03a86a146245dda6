from __future__ import annotations

from datetime import datetime

import pytest
from rules_world import (
    CLASS,
    DUTY,
    HEAD,
    OTHER,
    PUPIL,
    ROOM,
    SCHOOL,
    STAY,
    TERM,
    TWIN,
    YEAR,
    assigned,
    database,
    filled,
    good_school,
    passing,
    pupil,
    rombel,
)

from exchange.demo.madeup import MadeUpSchool, write_daftar_pd
from exchange.interop.daftar_pd import import_daftar_pd
from exchange.interop.report import School
from exchange.rules.findings import TABS, Level, grouped
from exchange.rules.local import count
from exchange.schema import SCHEMA


@pytest.fixture(scope="module")
def db():
    with database() as made:
        yield made


@pytest.fixture
def empty(db):
    with passing(db) as store:
        yield store


@pytest.fixture
def store(empty):
    return good_school(empty)


def test_a_good_school_has_nothing_invalid(store):
    assert store.invalid() == set()


def test_an_empty_store_lacks_a_head_and_nothing_else(empty):
    assert {(code, row) for code, row, _ in empty.invalid()} == {("SEK-01", "")}


EDITS = [
    # an edit of the good school's pupil, and what becomes invalid by it
    ({"nama": "X" * 100}, None),
    ({"nama": "X" * 101}, "KF-515"),
    ({"nama": "SISWA\tCONTOH"}, "PD-13"),
    ({"nama": "SISWA\nCONTOH"}, "PD-13"),
    ({"nama": "SISWA\0CONTOH"}, "PD-13"),
    ({"nama": "SISWA\u2028CONTOH"}, "PD-13"),
    ({"nama": "SISWA\u200fCONTOH"}, None),
    ({"nama": "SISWA 2"}, None),
    ({"jenis_kelamin": "X"}, "KF-516"),
    ({"agama_id": 5}, None),
    ({"agama_id": 55}, "KF-516"),
    ({"agama_id": "Islam"}, "KF-514"),
    ({"agama_id": None}, None),
    ({"nisn": None}, None),
    ({"nisn": ""}, None),
    ({"nisn": " " * 10}, None),
    ({"nisn": "014999990"}, "PD-10"),
    ({"nisn": "014999990X"}, "PD-10"),
    ({"nisn": "01499999012"}, "KF-515"),
    ({"nik": "123"}, None),
    ({"no_kk": "990101010114000"}, "PD-12"),
    ({"no_kk": ""}, None),
    ({"nik_ayah": "9901010101140O02"}, "PD-12"),
    ({"nik_ibu": "1"}, "PD-12"),
    ({"nik_wali": "-"}, "PD-12"),
    ({"nama_ibu_kandung": None}, "PD-14"),
    ({"nama_ibu_kandung": "  "}, "PD-14"),
    ({"nama_ibu_kandung": "IBU 1"}, None),
    ({"tanggal_lahir": "1919-12-31"}, "PD-16"),
    ({"tanggal_lahir": "1920-01-01"}, None),
    ({"tanggal_lahir": "2026-08-03"}, None),
    ({"tanggal_lahir": "2026-08-04"}, "PD-16"),
    ({"tanggal_lahir": None}, None),
    ({"tanggal_lahir": "2014-02-30"}, "KF-514"),
    ({"tanggal_lahir": "03-05-2014"}, "KF-514"),
    ({"penerima_kps": 1}, "PD-23"),
    ({"penerima_kps": 1, "no_kps": " "}, "PD-23"),
    ({"penerima_kps": 1, "no_kps": "KPS01"}, None),
    ({"penerima_kip": 1}, "PD-25"),
    ({"penerima_kip": 1, "no_kip": ""}, "PD-25"),
    ({"penerima_kip": 1, "no_kip": "ZZ00Z1"}, None),
    ({"penerima_kip": 1, "no_kip": "ZZ00"}, None),
    ({"no_kip": "ZZ00Z12"}, "KF-515"),
    ({"rt": 99}, None),
    ({"rt": 100}, "KF-515"),
    ({"rt": 1.5}, "KF-514"),
    ({"lintang": "-6,25"}, "KF-514"),
    ({"lintang": "-6.25"}, None),
    ({"kode_wilayah": "990101"}, None),
    ({"kode_wilayah": "990101  "}, None),
    ({"kode_wilayah": "123456"}, "KF-516"),
    ({"desa_kelurahan": b"\x00\xff"}, "KF-514"),
]


@pytest.mark.parametrize(("edit", "code"), EDITS)
def test_an_edit_of_a_pupil_is_invalid_by_the_rules_that_are_named_and_no_other(store, edit, code):
    store.set("peserta_didik", **edit)
    assert {(found, row) for found, row, _ in store.invalid()} == ({(code, PUPIL)} if code else set())


@pytest.mark.parametrize(
    ("left", "day", "invalid"),
    [(None, None, False), ("", None, False), ("2", "2026-08-01", False), ("2", None, True), (None, "2026-08-01", True)],
)
def test_leaving_has_a_reason_and_a_day_or_neither(store, left, day, invalid):
    store.set("registrasi_peserta_didik", jenis_keluar_id=left, tanggal_keluar=day)
    assert ("PD-31" in {code for code, _, _ in store.invalid()}) is invalid


@pytest.mark.parametrize(("kind", "number", "good"), [(2, "ZZ00Z1", True), (2, " ", False), (1, "PKH1", False)])
def test_a_kip_number_may_stand_in_kesejahteraan_instead(store, kind, number, good):
    store.set("peserta_didik", penerima_kip=1)
    filled(store, "kesejahteraan_pd", id_sejahtera_pd=STAY, peserta_didik_id=PUPIL, jenis_kesejahteraan_id=kind,
           nomor=number)  # fmt: skip
    assert store.invalid() == (set() if good else {("PD-25", PUPIL, None)})


def test_a_kip_row_without_the_tick_is_a_warning(store):
    filled(store, "kesejahteraan_pd", id_sejahtera_pd=STAY, peserta_didik_id=PUPIL, jenis_kesejahteraan_id=2,
           nomor="ZZ00Z1")  # fmt: skip
    assert "PD-24" in store.codes_of(Level.WARNING)


def test_what_another_school_writes_never_stops_this_one(store):
    pupil(store, TWIN, None, nama="SISWA\tLAIN", nisn="1", kirim_home=OTHER)
    assert store.invalid() == set()
    store.db.execute("UPDATE peserta_didik SET kirim_home = ? WHERE peserta_didik_id = ?", (SCHOOL, TWIN))
    assert {code for code, row, _ in store.invalid() if row == TWIN} == {"PD-10", "PD-13"}


def test_deleted_rows_are_not_judged(store):
    store.set("peserta_didik", nama="SISWA\tCONTOH", soft_delete=1)
    assert "PD-13" not in store.codes_of()


WARNED = [
    ({"nik": "0" * 16}, "PD-07"),
    ({"no_kk": "9901014305140001"}, "PD-08"),
    ({"jenis_kelamin": "L"}, "PD-09"),
    ({"tanggal_lahir": "2014-05-04"}, "PD-09"),
    ({"nisn": None}, "PD-11"),
    ({"nama": "SISWA 2"}, "PD-13"),
    ({"nama_ibu_kandung": "Ibu Contoh"}, "PD-14"),
    ({"nama_ayah": "BAPAK CONTOH"}, "PD-15"),
    ({"anak_keberapa": 0}, "PD-22"),
    ({"layak_pip": 1}, "PD-26"),
    ({"layak_pip": 1, "penerima_kip": 1, "no_kip": "ZZ00Z1"}, "PD-27"),
    ({"no_kip": "ZZ00"}, "PD-28"),
    ({"kode_pos": "1234"}, "PD-35"),
    ({"tahun_lahir_ibu": 2014, "tanggal_lahir": "2014-05-03"}, "PD-36"),
    ({"desa_kelurahan": None}, "ISI-01"),
]


@pytest.mark.parametrize(("edit", "code"), WARNED)
def test_what_only_a_person_can_judge_is_a_warning(store, edit, code):
    before = {(one.code, one.params.get("column")) for one in store.findings()}
    store.set("peserta_didik", **edit)
    after = {(one.code, one.params.get("column")) for one in store.findings() if one.level is Level.WARNING}
    assert code in {found for found, _ in after - before}
    assert store.invalid() == set()


def test_schools_are_warned_of_their_own_page(store):
    store.set(
        "sekolah", lintang="48.85", bujur="2.35", kode_pos="1", email="contoh", nomor_telepon="021-1", nama="SD #1"
    )
    found = {(one.code, one.params.get("column")) for one in store.findings() if one.code.startswith("SEK-1")}
    assert {("SEK-10", name) for name in ("kode_pos", "email", "nomor_telepon")} | {("SEK-11", "nama")} <= found
    assert {"SEK-02", "SEK-08", "SEK-09"} <= store.codes_of(Level.WARNING)


def test_an_active_pupil_is_in_exactly_one_class_of_the_semester(store):
    assert {"PD-02", "PD-03", "ROM-08", "ROM-09"}.isdisjoint(store.codes_of())
    second, third = CLASS[:-1] + "8", CLASS[:-1] + "9"
    rombel(store, second, "PRAMUKA", jenis_rombel=51)
    filled(store, "anggota_rombel", anggota_rombel_id=second, rombongan_belajar_id=second, peserta_didik_id=PUPIL)
    assert {"PD-02", "PD-03"}.isdisjoint(store.codes_of())
    store.db.execute("UPDATE rombongan_belajar SET jenis_rombel = 8 WHERE rombongan_belajar_id = ?", (second,))
    assert "PD-03" in store.codes_of()
    store.db.execute("DELETE FROM anggota_rombel")
    assert {"PD-02", "ROM-08"} <= store.codes_of()
    rombel(store, third, "1A", semester_id="20252")
    filled(store, "anggota_rombel", anggota_rombel_id=third, rombongan_belajar_id=third, peserta_didik_id=PUPIL)
    assert "PD-02" in store.codes_of()


def test_a_pupil_who_left_needs_no_class_and_should_not_be_in_one(store):
    store.set("registrasi_peserta_didik", jenis_keluar_id="2", tanggal_keluar="2026-08-01")
    assert "ROM-09" in store.codes_of(Level.WARNING)
    store.db.execute("DELETE FROM anggota_rombel")
    assert "PD-02" not in store.codes_of()


def test_a_pupil_has_a_stay_that_began_after_birth_and_not_after_today(store):
    store.set("registrasi_peserta_didik", tanggal_masuk_sekolah="2014-05-02")
    assert "PD-30" in store.codes_of(Level.WARNING)
    store.set("registrasi_peserta_didik", tanggal_masuk_sekolah="2026-08-04")
    assert "PD-30" in store.codes_of(Level.WARNING)
    store.set("registrasi_peserta_didik", tanggal_masuk_sekolah="2026-08-03")
    assert "PD-30" not in store.codes_of()
    store.db.execute("DELETE FROM registrasi_peserta_didik")
    assert "PD-01" in store.codes_of(Level.WARNING)


def test_one_finding_names_both_rows_of_a_number_that_is_there_twice(store):
    pupil(store, TWIN, None, nama="SISWA CONTOH DUA", nik=None, kirim_home=OTHER)
    (found,) = [one for one in store.findings() if one.code == "UNIK-01"]
    assert (found.row, found.params["others"], found.params["column"]) == (PUPIL, TWIN, "nisn")
    assert store.invalid() == set()


def test_a_missing_parent_is_one_warning_a_column(store):
    store.set("ruang", id_bangunan=OTHER)
    (found,) = [one for one in store.findings() if one.code == "REF-02" and one.table == "ruang"]
    assert (found.level, found.row, found.params) == (Level.WARNING, ROOM, {"column": "id_bangunan", "count": 1})


def test_an_empty_column_is_one_finding_whatever_its_rows(store):
    for n in range(20):
        pupil(store, f"3f0c0000-0000-4000-8000-0000000001{n:02}", None, nisn=None, nik=None, alamat_jalan=None)
    (found,) = [one for one in store.findings() if one.params.get("column") == "alamat_jalan"]
    assert (found.code, found.level, found.row, found.params["count"]) == ("ISI-01", Level.WARNING, "", 20)


def test_tabs_come_in_the_order_of_the_screen(store):
    order = [TABS.index(one.tab) for one in store.findings() if one.code != "REF-02"]
    assert order == sorted(order)


def test_every_finding_reads_as_one_line_and_names_what_it_can(store):
    store.set("peserta_didik", nama="SISWA\tCONTOH {nama}", rt=100)
    for one in store.findings():
        assert one.text()
        assert one.text().isprintable()
    (found,) = [one for one in store.findings() if one.code == "PD-13" and one.level is Level.INVALID]
    assert found.text() == "nama SISWA␉CONTOH {nama} holds a tab or line break"
    assert found.name == "SISWA␉CONTOH {nama}"
    assert count(store.findings())[Level.INVALID] == 2


def test_a_fault_in_every_row_of_a_large_school_is_one_line_of_a_report(store):
    for n in range(5000):
        store.put("peserta_didik", peserta_didik_id=f"3f0c0000-0000-4000-8000-00000001{n:04}", nama="A\tB")
    (group,) = [one for one in grouped(store.findings()) if one.code == "PD-13" and one.level is Level.INVALID]
    assert (group.count, len(group.examples), group.column) == (5000, 10, "nama")


def test_one_card_on_two_pupils_is_a_warning(store):
    store.set("peserta_didik", no_kip="ZZ00Z1")
    pupil(store, TWIN, None, nama="SISWA CONTOH DUA", nik=None, nisn=None, no_kip="zz00z1")
    (found,) = [one for one in store.findings() if one.code == "UNIK-01"]
    assert (found.row, found.params["column"], found.params["value"]) == (PUPIL, "no_kip", "ZZ00Z1")


def test_any_junk_that_another_program_writes_is_only_found_invalid(store):
    """Stores are open: the sqlite3 shell puts anything anywhere, and validation still answers."""
    for junk in (b"\x00\xff", 7, 1.5, "", "\0", "x" * 1000, -(2**63)):
        for table in SCHEMA.data_tables:
            store.set(table.name, **{column.name: junk for column in table.columns})
        assert all(one.text() for one in store.findings())


@pytest.mark.parametrize("bentuk", ["TK", "SD", "SMP", "SMK"])
def test_a_new_school_and_one_imported_list_have_nothing_invalid(empty, tmp_path, bentuk):
    """A school that has just been added holds its own row and its head; the operator imports one download."""
    made = MadeUpSchool(bentuk, 40, seed=7)
    form = empty.db.value("SELECT bentuk_pendidikan_id FROM ref_bentuk_pendidikan WHERE nama = ?", (bentuk,))
    empty.put("sekolah", sekolah_id=SCHOOL, npsn="00000101", nama="SEKOLAH CONTOH", bentuk_pendidikan_id=form)
    assigned(empty, HEAD, DUTY, post=2, kind=20)
    write_daftar_pd(tmp_path / "daftar.xlsx", made)
    school = School(SCHOOL, "00000101", made.nama, TERM, YEAR)
    report = import_daftar_pd(empty.db, school, tmp_path / "daftar.xlsx", clock=lambda: datetime(2026, 8, 3))
    assert report.tables["peserta_didik"].inserted == 40
    assert empty.invalid() == set()
