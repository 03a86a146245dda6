from __future__ import annotations

import sqlite3
from datetime import date

import pytest

from exchange.rules.findings import RULES, TABS, Level, grouped
from exchange.rules.heads import KEPALA, PLT, active_heads
from exchange.rules.local import count, validate
from exchange.schema import SCHEMA
from exchange.store import reference
from exchange.store.database import Database
from exchange.store.ddl import statements

SCHOOL, OTHER = "9a1b0000-0000-4000-8000-000000000001", "9a1b0000-0000-4000-8000-000000000002"
HEAD, DEPUTY = "70000000-0000-4000-8000-000000000001", "70000000-0000-4000-8000-000000000002"
PUPIL, TWIN = "3f0c0000-0000-4000-8000-000000000001", "3f0c0000-0000-4000-8000-000000000002"
STAY, CLASS, MEMBER = (f"5{n:07}-0000-4000-8000-000000000000" for n in (1, 2, 3))
LAND, HOUSE, ROOM = (f"6{n:07}-0000-4000-8000-000000000000" for n in (1, 2, 3))
DUTY, DUTY_PLT = (f"8{n:07}-0000-4000-8000-000000000000" for n in (1, 2))
YEAR, TERM, TODAY = 2026, "20261", date(2026, 8, 3)


class Store:
    """A school's real store, as validation sees it."""

    def __init__(self, db):
        self.db = db
        self.codes = reference.codes(db, SCHEMA)

    def rows(self, table, columns):
        live = "" if SCHEMA.by_name[table].is_reference else " WHERE soft_delete = 0"
        return self.db.execute(f"SELECT {', '.join(columns)} FROM {table}{live}")

    def put(self, table, **values):
        marks = ", ".join("?" * len(values))
        self.db.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))

    def set(self, table, **values):
        self.db.execute(f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in values)}", tuple(values.values()))

    def findings(self):
        return list(validate(self, SCHEMA, TODAY, TERM, YEAR))

    def invalid(self):
        return {(one.code, one.row, one.params.get("column")) for one in self.findings() if one.level is Level.INVALID}

    def codes_of(self, level=None):
        return {one.code for one in self.findings() if level in {None, one.level}}


@pytest.fixture(scope="module")
def db():
    db = Database(sqlite3.connect(":memory:", isolation_level=None))
    for statement in statements(SCHEMA, "school"):
        db.execute(statement)
    reference.load_reference(db, SCHEMA)
    yield db
    db.close()


@pytest.fixture
def empty(db):
    db.execute("BEGIN")
    yield Store(db)
    db.execute("ROLLBACK")


@pytest.fixture
def store(empty):
    """A school with a head, one pupil in one class, and nothing that is invalid."""
    filled(empty, "sekolah", sekolah_id=SCHOOL, nama="SD CONTOH", npsn="00000101", bentuk_pendidikan_id=5)
    assigned(empty, HEAD, DUTY, post=2, kind=20)
    pupil(empty, PUPIL, STAY)
    filled(empty, "tanah", id_tanah=LAND, sekolah_id=SCHOOL)
    filled(empty, "bangunan", id_bangunan=HOUSE, sekolah_id=SCHOOL, id_tanah=LAND)
    filled(empty, "ruang", id_ruang=ROOM, sekolah_id=SCHOOL, id_bangunan=HOUSE)
    rombel(empty, CLASS, "1A")
    filled(empty, "anggota_rombel", anggota_rombel_id=MEMBER, rombongan_belajar_id=CLASS, peserta_didik_id=PUPIL)
    return empty


def filled(store, table, **values):
    """Put a row in which every ``!`` column has some value that is good enough."""
    good = {"u": None, "DATE": "2020-01-06"}
    for column in SCHEMA.by_name[table].columns:
        if column.required and column.name not in values:
            target = SCHEMA.by_name.get(column.ref or "")
            if target is not None and target.is_reference:
                values[column.name] = store.db.value(f"SELECT min({target.key_names[0]}) FROM {target.name}")
            elif column.kind.name in {"INTEGER"}:
                values[column.name] = column.default if column.default is not None else 1
            elif column.kind.name in {"CHAR", "VARCHAR"}:
                values[column.name] = column.default or "X"
            else:
                values[column.name] = good.get(column.kind.name)
    store.put(table, **values)


def pupil(store, row, stay, **values):
    base = {
        "peserta_didik_id": row, "nama": "SISWA CONTOH SATU", "jenis_kelamin": "P", "nisn": "0149999901",
        "nik": "9901014305140001", "no_kk": "9901010101140002", "tanggal_lahir": "2014-05-03",
        "nama_ibu_kandung": "CONTOH DUA", "penerima_kps": 0, "layak_pip": 0, "penerima_kip": 0,
        "kewarganegaraan": "ID",
    }  # fmt: skip
    filled(store, "peserta_didik", **(base | values))
    if stay:
        filled(store, "registrasi_peserta_didik", registrasi_id=stay, peserta_didik_id=row, sekolah_id=SCHOOL)


def rombel(store, row, name, **values):
    base = {"rombongan_belajar_id": row, "semester_id": TERM, "sekolah_id": SCHOOL, "id_ruang": ROOM, "nama": name}
    base |= {"jenis_rombel": 1, "tanggal_mulai": "2026-07-13", "tanggal_selesai": "2026-12-18"}
    filled(store, "rombongan_belajar", **(base | values))


def assigned(store, person, duty, post, kind, school=SCHOOL, year=YEAR, home=1, begun="2024-07-01", **values):
    if not store.db.value("SELECT 1 FROM ptk WHERE ptk_id = ?", (person,)):
        filled(store, "ptk", ptk_id=person, nama=f"GURU CONTOH {person[-1]}", jenis_ptk_id=kind, jenis_kelamin="L")
        base = {"ptk_terdaftar_id": person[:7] + "9" + person[8:], "ptk_id": person, "sekolah_id": school}
        base |= {"tahun_ajaran_id": year, "ptk_induk": home}
        filled(store, "ptk_terdaftar", **(base | {k: v for k, v in values.items() if k == "jenis_keluar_id"}))
    base = {"ptk_tugas_tambahan_id": duty, "ptk_id": person, "sekolah_id": school, "jabatan_ptk_id": post}
    base |= {"tmt_tambahan": begun, "nomor_sk": "800/001/CONTOH"}
    filled(store, "tugas_tambahan", **(base | {k: v for k, v in values.items() if k == "tst_tambahan"}))


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
    store.set("sekolah", lintang="48.85", bujur="2.35", kode_pos="1", email="contoh", nomor_telepon="021-1", nama="SD #1")
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


def test_every_rule_speaks_of_columns_that_are_exchanged_and_stands_on_a_tab():
    for rule in RULES:
        if rule.table:
            table = SCHEMA.by_name[rule.table]
            assert rule.tab == table.tab
            assert set(rule.columns) - {"@today"} <= set(table.by_name)
    assert {table.tab for table in SCHEMA.tables} <= set(TABS)


# --- the head ---------------------------------------------------------------------------------


def heads(store):
    return [(head.role, head.assignment, head.ptk_id) for head in active_heads(store, SCHOOL, YEAR)]


def head_invalid(store):
    return [one.message for one in store.findings() if one.code == "SEK-01"]


def test_a_kepala_sekolah_is_the_one_head(store):
    assert heads(store) == [(KEPALA, DUTY, HEAD)]
    assert head_invalid(store) == []


@pytest.mark.parametrize(
    ("table", "edit"),
    [
        ("ptk", {"jenis_ptk_id": 4}),
        ("ptk", {"soft_delete": 1}),
        ("ptk_terdaftar", {"tahun_ajaran_id": YEAR - 1}),
        ("ptk_terdaftar", {"jenis_keluar_id": "9"}),
        ("ptk_terdaftar", {"sekolah_id": OTHER}),
        ("ptk_terdaftar", {"ptk_induk": 0}),
        ("ptk_terdaftar", {"soft_delete": 1}),
        ("tugas_tambahan", {"jabatan_ptk_id": 11}),
        ("tugas_tambahan", {"tst_tambahan": "2026-06-30"}),
        ("tugas_tambahan", {"sekolah_id": OTHER}),
        ("tugas_tambahan", {"soft_delete": 1}),
    ],
)
def test_without_any_one_part_of_the_condition_there_is_no_head(store, table, edit):
    store.set(table, **edit)
    assert heads(store) == []
    assert head_invalid(store) == ["no Kepala Sekolah or Plt is assigned"]


@pytest.mark.parametrize("kind", [20, 3, 4, 14])
def test_a_plt_may_be_a_teacher_whose_home_is_elsewhere(store, kind):
    store.db.execute("DELETE FROM tugas_tambahan")
    assigned(store, DEPUTY, DUTY_PLT, post=33, kind=kind, home=0)
    assert heads(store) == [(PLT, DUTY_PLT, DEPUTY)]
    assert head_invalid(store) == []


@pytest.mark.parametrize("kind", [11, 40, 99])
def test_a_plt_is_nobody_from_the_office(store, kind):
    store.db.execute("DELETE FROM tugas_tambahan")
    assigned(store, DEPUTY, DUTY_PLT, post=33, kind=kind)
    assert heads(store) == []


def test_a_kepala_sekolah_and_a_plt_at_once_are_invalid(store):
    assigned(store, DEPUTY, DUTY_PLT, post=33, kind=4)
    assert heads(store) == [(KEPALA, DUTY, HEAD), (PLT, DUTY_PLT, DEPUTY)]
    assert len(head_invalid(store)) == 1


def test_of_two_kepala_sekolah_the_later_counts_and_a_warning_says_so(store):
    assigned(store, DEPUTY, DUTY_PLT, post=2, kind=20, begun="2026-07-01")
    assert heads(store) == [(KEPALA, DUTY_PLT, DEPUTY)]
    assert "GTK-02" in store.codes_of(Level.WARNING)
    store.db.execute("UPDATE ptk SET jenis_ptk_id = 4 WHERE ptk_id = ?", (DEPUTY,))
    assert heads(store) == [(KEPALA, DUTY, HEAD)]
