"""Rows that the server cannot take by the block: those that wait, that another laptop or school has changed, that are gone."""

from __future__ import annotations

import pytest

from exchange.records import Cause, Op, Outcome
from exchange.schema.ids import derive_id
from tests.flow.test_laptops import second
from tests.flow.told import (
    aside,
    block,
    counts,
    crafted,
    enter,
    last_return,
    lines,
    marked,
    show,
    spoken,
    told,
    with_open_keys,
)
from tests.life import Life, Sekolah, equal

UNKNOWN = 55
"""A code of agama, and of a kind of room, that the schools' lists have and the server's have not."""


@pytest.fixture
def pupil(life: Life, school: Sekolah, other: Sekolah) -> str:
    """A pupil whom both sides have; the schools have sent everything, and their lists know codes that the server's do not."""
    with_open_keys(life)
    for one in (school, other):
        one.round_trip()
        one.sql("INSERT INTO ref_agama (agama_id, nama) VALUES (?, 'Contoh')", UNKNOWN)
        one.sql("INSERT INTO ref_jenis_prasarana (jenis_prasarana_id, nama) VALUES (98765, 'Contoh')")
    return str(school.sql("SELECT peserta_didik_id FROM peserta_didik WHERE nama = 'SISWA SATU'")[0][0])


def learn(life: Life) -> None:
    """Let the server's lists know the codes too."""
    life.server.store.db.execute("INSERT INTO ref_agama (agama_id, nama) VALUES (?, 'Contoh')", (UNKNOWN,))
    life.server.store.db.execute("INSERT INTO ref_jenis_prasarana (jenis_prasarana_id, nama) VALUES (98765, 'Contoh')")
    del life.server.codes


def card(school: Sekolah, pupil: str, nomor: str = "K1") -> str:
    """Enter a pupil's card."""
    row = str(derive_id("contoh", pupil, nomor))
    return enter(school, "kesejahteraan_pd", row, {"id_sejahtera_pd": row, "peserta_didik_id": pupil,
                 "jenis_kesejahteraan_id": 1, "nomor": nomor, "dari_tahun": 2025})  # fmt: skip


# --- rows that wait ---------------------------------------------------------------------------


def test_all_that_waits_for_a_code_enters_when_it_comes(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 12: a room, one within it, and a third of the same kind; the second enters with the first, and the third is not forgotten."""
    rooms = [f"99000000-0000-4000-8000-0000000000{n:02}" for n in range(3)]
    for n, (kind, within) in enumerate(((98765, None), (None, rooms[0]), (98765, None))):
        enter(school, "ruang", rooms[n], {"id_ruang": rooms[n], "sekolah_id": school.scope, "nm_ruang": f"R{n}",
              "kd_ruang": str(n), "jenis_prasarana_id": kind, "parent_id_ruang": within})  # fmt: skip
    school.round_trip()
    assert aside(school) == {rooms[0]: "KF-516", rooms[1]: "KF-518", rooms[2]: "KF-516"}
    learn(life)
    card(school, pupil)
    assert school.round_trip().counts.as_dict() == counts(applied=1)
    assert aside(school) == marked(school) == {}
    assert equal(school)


def test_a_waiting_row_whose_id_another_school_uses_meanwhile_waits_on(life: Life, school: Sekolah, other: Sekolah, pupil: str) -> None:
    """Rules 12 and 13: each of two schools keeps a pupil aside whom the other one makes; nobody's row is taken away, whatever comes."""
    schools = (school, other)
    ids = ["99000000-0000-4000-8000-000000000001", "99000000-0000-4000-8000-000000000002"]
    for one, row in zip(schools, ids, strict=True):
        one.pupil("MENUNGGU", peserta_didik_id=row, agama_id=UNKNOWN)
        one.round_trip()
    for one, row in zip(schools, reversed(ids), strict=True):
        crafted(one, block("peserta_didik", Op.INSERT, ["nama", "agama_id"], (row, f"SISWA {one.npsn}", 1)))
        life.ingest(one.export().file)
    learn(life)
    for one, row in zip(schools, ids, strict=True):
        one.sql("UPDATE sekolah SET email = 'sd@contoh.id'")
        assert life.ingest(one.export().file).files[0].counts.as_dict() == counts(applied=1)
        assert aside(one) == {row: "KF-516"}
    for one, row in zip(schools, reversed(ids), strict=True):
        stands = life.row("peserta_didik", row)
        assert (stands["nama"], stands["kirim_home"]) == (f"SISWA {one.npsn}", one.scope)


def test_a_waiting_row_that_is_sent_whole_again_enters_beside_a_new_one(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 12: a laptop that does not know of its first word sends the pupil anew, with a good code; he enters, and his card with him."""
    bad = school.pupil("BELUM", agama_id=UNKNOWN)
    row = card(school, bad)
    school.round_trip()
    assert aside(school) == {bad: "KF-516", row: "KF-518"}
    new = "99000000-0000-4000-8000-000000000003"
    crafted(school, block("peserta_didik", Op.INSERT, ["nama", "agama_id"], (bad, "SUDAH", 1), (new, "BARU", 1)))
    assert life.ingest(school.export().file).files[0].counts.as_dict() == counts(applied=2)
    assert aside(school) == {}
    assert [life.row("peserta_didik", one)["nama"] for one in (bad, new)] == ["SUDAH", "BARU"]
    assert life.row("kesejahteraan_pd", row)["nomor"] == "K1"


# --- new rows ---------------------------------------------------------------------------------


def test_new_pupils_who_claim_one_number_are_named_at_once(life: Life, school: Sekolah, pupil: str) -> None:
    """R7: two pupils come in one package under one NISN; both stay, and the first return says so."""
    twins = {school.pupil(nama, nisn="0149999901") for nama in ("SATU", "DUA")}
    school.round_trip()
    ((named, message),) = school.sql("SELECT entity_id, error_message FROM vld_data WHERE soft_delete = 0")
    assert named in twins
    assert "0149999901" in str(message)
    assert [life.row("peserta_didik", one)["soft_delete"] for one in twins] == [0, 0]


def test_a_new_card_brings_back_its_pupil_whom_the_centre_deleted(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 11: the school did not know; what it enters does not hang on nothing."""
    life.change("pusat", [("peserta_didik", pupil, "soft_delete", 1)])
    card(school, pupil)
    school.round_trip()
    assert told(school)[-1] == (pupil, "KF-524", True)
    assert life.row("peserta_didik", pupil)["soft_delete"] == 0
    assert equal(school)


# --- blocks of which some rows are looked at by themselves ------------------------------------


def test_beside_a_row_that_is_gone_the_others_of_a_block_are_taken_and_told(life: Life, school: Sekolah, other: Sekolah, pupil: str) -> None:
    """Rule 9: the school had deleted one of its two pupils itself; the edit of both changes the other one, and his guest school hears."""
    gone = school.pupil("SISWA PERGI")
    school.round_trip()
    school.edit("peserta_didik", gone, soft_delete=1)
    school.round_trip()
    show(life, "peserta_didik", pupil, school, other)
    other.apply(life.answer(other).file)
    crafted(school, block("peserta_didik", Op.UPDATE, ["email"], (gone, "a@contoh.id"), (pupil, "b@contoh.id")))
    assert life.ingest(school.export().file).files[0].counts.as_dict() == counts(applied=1, conflict=1)
    assert life.row("peserta_didik", gone)["soft_delete"] == 0
    other.apply(life.answer(other).file)
    assert other.row("peserta_didik", pupil)["email"] == "b@contoh.id"


def test_a_guest_school_hears_of_an_edit_that_met_the_centres(life: Life, school: Sekolah, other: Sekolah, pupil: str) -> None:
    """L1: the dinas has just changed the pupil's address, so that the server looks at his row by itself."""
    show(life, "peserta_didik", pupil, school, other)
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "Jl. Dinas 1")])
    other.apply(life.answer(other).file)
    school.edit("peserta_didik", pupil, email="b@contoh.id")
    assert school.round_trip().counts.as_dict() == counts(applied=1)
    other.apply(life.answer(other).file)
    assert other.row("peserta_didik", pupil)["email"] == "b@contoh.id"


def test_rows_of_a_closed_table_are_not_deleted_by_a_school_that_has_seen_everything(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 11: an assignment is the dinas's; nothing is on its way, and it stays all the same."""
    (row,) = school.sql("SELECT ptk_terdaftar_id FROM ptk_terdaftar")[0]
    crafted(school, block("ptk_terdaftar", Op.DELETE, [], (row,)))
    assert life.ingest(school.export().file).files[0].counts.as_dict() == counts(refused=1)
    assert told(school)[-1] == (row, "KF-519", False)
    assert life.row("ptk_terdaftar", str(row))["soft_delete"] == 0


def test_a_heads_duty_that_the_school_deletes_comes_back_to_it(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 14, P3: nothing else is on its way; the return brings the whole row, with every column."""
    (row,) = school.sql("SELECT ptk_tugas_tambahan_id FROM tugas_tambahan")[0]
    crafted(school, block("tugas_tambahan", Op.DELETE, [], (row,)))
    assert school.round_trip().counts.as_dict() == counts(refused=1)
    (back,) = last_return(school)
    assert (back.rows(), back.cause.name, set(back.columns)) == ([row], "KOREKSI", set(back.table.columns))
    assert school.row("tugas_tambahan", str(row))["soft_delete"] == 0
    assert equal(school)


def test_a_delete_over_two_edits_names_who_made_the_first(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 11: the dinas and then the centre changed the card that the school deletes; one line tells it."""
    row = card(school, pupil)
    school.round_trip()
    life.change("dinas", [("kesejahteraan_pd", row, "dari_tahun", "2024")])
    life.change("pusat", [("kesejahteraan_pd", row, "nomor", "PUSAT")])
    school.edit("kesejahteraan_pd", row, soft_delete=1)
    assert school.round_trip().counts.as_dict() == counts(conflict=1)
    (line,) = lines(school)
    assert (line.code, line.won, line.cause) == (523, True, Cause.DINAS)
    assert life.row("kesejahteraan_pd", row)["soft_delete"] == 1


# --- what goes back ---------------------------------------------------------------------------


def test_a_delete_that_lost_brings_the_whole_row_back(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 14: verval corrected one number of a pupil whom the school deletes; every column of his returns, not that one alone."""
    life.change("verval", [("peserta_didik", pupil, "nik", "9900000000000001")])
    school.edit("peserta_didik", pupil, soft_delete=1)
    assert school.round_trip().counts.as_dict() == counts(conflict=1)
    table = school.node.store.schema.by_name["peserta_didik"]
    assert {column for one in last_return(school) for column in one.columns} == set(table.columns)
    assert equal(school)


def test_what_an_insert_leaves_empty_comes_back_where_the_server_has_a_value(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 14: a laptop that lost a pupil's values sends him as new; of each group that it left empty the server's value returns, once."""
    before = life.row("peserta_didik", pupil)
    crafted(school, block("peserta_didik", Op.INSERT, ["email"], (pupil, "baru@contoh.id")))
    school.round_trip()
    table = school.node.store.schema.by_name["peserta_didik"]
    held = {column for group in table.groups for column in group.columns if any(before[c.name] is not None for c in group.columns)}
    assert spoken(school) == {(pupil, "UPDATE", "KOREKSI")}
    assert {column for one in last_return(school) for column in one.columns} == held
    assert equal(school)


def test_what_won_after_a_refusal_in_one_changeset_comes_back_as_what_won(life: Life, school: Sekolah, pupil: str) -> None:
    """Rules 14 and 16: one group refused and, put right, taken against the dinas's; the return speaks of it once, as the school's."""
    life.change("dinas", [("peserta_didik", pupil, "rt", "1")])
    crafted(school, block("peserta_didik", Op.UPDATE, ["rt"], (pupil, "satu")), block("peserta_didik", Op.UPDATE, ["rt"], (pupil, 2)))
    assert life.ingest(school.export().file).files[0].counts.as_dict() == counts(refused=1, conflict=1)
    school.apply(life.answer(school).file)
    assert spoken(school) == {(pupil, "UPDATE", "KEMBALI")}
    assert school.row("peserta_didik", pupil)["rt"] == 2


# --- two laptops ------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["former", "newer"])
def test_what_the_newer_laptop_said_stands_whatever_a_former_one_says_late(life: Life, school: Sekolah, pupil: str, first: str) -> None:
    """Rule 8: neither its value nor its delete stands, even where the dinas was the last to change the card; its other values do."""
    row = card(school, pupil)
    school.round_trip()
    new = second(life)
    with_open_keys(life)
    school.edit("kesejahteraan_pd", row, soft_delete=1)
    school.edit("peserta_didik", pupil, nama_dusun="LAMA", email="lama@contoh.id")
    new.edit("kesejahteraan_pd", row, nomor="BARU")
    new.edit("peserta_didik", pupil, nama_dusun="BARU")
    files = [school.export().file, new.export().file]
    for file in files if first == "former" else reversed(files):
        if file is files[0]:
            life.change("dinas", [("kesejahteraan_pd", row, "dari_tahun", "2024")])
        life.ingest(file)
    if first == "newer":
        assert sorted(told(school)) == sorted([(row, "KF-530", False), (pupil, "KF-530", False)])
    stands = life.row("kesejahteraan_pd", row)
    assert (stands["soft_delete"], stands["nomor"]) == (0, "BARU")
    stands = life.row("peserta_didik", pupil)
    assert (stands["nama_dusun"], stands["email"]) == ("BARU", "lama@contoh.id")
    new.apply(life.answer(new).file)
    assert equal(new)


@pytest.fixture
def waiting(life: Life, school: Sekolah, pupil: str) -> tuple[str, Sekolah]:
    """A new pupil whom the server keeps aside, and the laptop that takes the place of the one that entered him."""
    row = school.pupil("BELUM", agama_id=UNKNOWN)
    school.round_trip()
    new = second(life)
    with_open_keys(life)
    new.sql("INSERT INTO ref_agama (agama_id, nama) VALUES (?, 'Contoh')", UNKNOWN)
    return row, new


@pytest.mark.parametrize("first", ["former", "newer"])
@pytest.mark.parametrize("late", ["delete", "edit"])
def test_a_waiting_row_is_what_the_newer_laptop_says_and_nothing_of_it_is_lost(
    life: Life, school: Sekolah, waiting: tuple[str, Sekolah], late: str, first: str
) -> None:
    """Rules 8 and 12: the new laptop has it as unsent work; a late delete or edit of the former one's takes nothing away."""
    row, new = waiting
    values: dict[str, object] = {"soft_delete": 1} if late == "delete" else {"nama": "DARI YANG LAMA", "email": "lama@contoh.id"}
    school.edit("peserta_didik", row, **values)
    new.edit("peserta_didik", row, nama="DARI YANG BARU")
    files = [school.export().file, new.export().file]
    for file in files if first == "former" else reversed(files):
        life.ingest(file)
    new.apply(life.answer(new).file)
    assert (aside(school), marked(new)) == ({row: "KF-516"}, {row: "KF-516"})
    learn(life)
    new.round_trip()
    assert life.row("peserta_didik", row)["nama"] == "DARI YANG BARU"
    assert equal(new)
    told = [line for line in lines(school) if line.row == row and line.outcome is Outcome.CONFLICT]
    if late == "edit":
        assert life.row("peserta_didik", row)["email"] == ("lama@contoh.id" if first == "former" else None)
        (met,) = (line for line in told if "DARI YANG LAMA" in (*line.sent, *line.stood))
        assert (f"KF-{met.code}", met.won) == (("KF-520", True) if first == "former" else ("KF-530", False))
    else:
        assert [f"KF-{line.code}" for line in told] == (["KF-530"] if first == "newer" else [])
        assert all("DARI YANG BARU" in line.stood for line in told)


@pytest.mark.parametrize(("nama", "told"), [("DARI YANG BARU", "same"), ("DARI YANG LAMA", "conflict")])
def test_a_late_edit_of_what_the_newer_laptop_has_said_is_counted_by_whether_it_differs(
    life: Life, school: Sekolah, waiting: tuple[str, Sekolah], nama: str, told: str
) -> None:
    """Rule 29: it enters nothing and is refused nothing, and still has exactly one outcome."""
    row, new = waiting
    school.edit("peserta_didik", row, nama=nama)
    new.edit("peserta_didik", row, nama="DARI YANG BARU")
    late = school.export().file
    life.ingest(new.export().file)
    assert life.ingest(late).files[0].counts.as_dict() == counts(**{told: 1})
    assert aside(school) == {row: "KF-516"}


def test_what_two_laptops_left_empty_in_a_waiting_row_stays_empty(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 12: both send a new pupil whole under one id, the second one with an empty column that the first did not name."""
    row, new = "99000000-0000-4000-8000-000000000004", second(life)
    crafted(school, block("peserta_didik", Op.INSERT, ["nama", "agama_id"], (row, "DARI YANG LAMA", UNKNOWN)))
    crafted(new, block("peserta_didik", Op.INSERT, ["nama", "agama_id", "email"], (row, "DARI YANG BARU", UNKNOWN, None)))
    for one in (school, new):
        assert life.ingest(one.export().file).files[0].counts.as_dict() == counts(refused=1)
    learn(life)
    new.sql("UPDATE sekolah SET email = 'sd@contoh.id'")
    new.round_trip()
    stands = life.row("peserta_didik", row)
    assert (stands["nama"], stands["email"]) == ("DARI YANG BARU", None)
    assert equal(new)


def test_a_waiting_row_that_enters_over_another_laptops_word_is_counted_as_a_conflict(
    life: Life, school: Sekolah, waiting: tuple[str, Sekolah]
) -> None:
    """Rule 29: the laptop in use mends the row and has not seen the former one's name for it: it enters, and both names are told."""
    row, new = waiting
    school.edit("peserta_didik", row, nama="DARI YANG LAMA")
    life.ingest(school.export().file)
    new.edit("peserta_didik", row, nama="DARI YANG BARU", agama_id=1)
    assert life.ingest(new.export().file).files[0].counts.as_dict() == counts(conflict=1)
    assert aside(school) == {}
    assert life.row("peserta_didik", row)["nama"] == "DARI YANG BARU"
    new.apply(life.answer(new).file)
    assert equal(new)
