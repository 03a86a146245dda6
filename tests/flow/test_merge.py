"""A school's changesets taken at the server: order, authority, policies, deletes, the open list (docs/protocol.md 5 to 16)."""

from __future__ import annotations

import shutil
from itertools import permutations
from pathlib import Path

import pytest

from exchange import errors
from exchange.records import Op, Outcome, Position
from exchange.schema.ids import derive_id
from exchange.school import capture
from tests.flow.told import (
    aside,
    block,
    counts,
    crafted,
    enter,
    lines,
    marked,
    outcomes,
    registered,
    show,
    spoken,
    told,
    with_open_keys,
)
from tests.life import Life, Sekolah, equal

UNKNOWN = 55
"""A code of agama that the school's list has and the server's has not."""


@pytest.fixture
def pupil(life: Life, school: Sekolah) -> str:
    """A pupil whom both sides have; nothing is unsent, and the school's list knows a code more than the server's."""
    with_open_keys(life)
    school.round_trip()
    school.sql("INSERT INTO ref_agama (agama_id, nama) VALUES (?, 'Contoh')", UNKNOWN)
    return str(school.sql("SELECT peserta_didik_id FROM peserta_didik")[0][0])


def rombel(school: Sekolah, nama: str = "1A", **values: object) -> str:
    """Enter a rombel."""
    row = str(derive_id("rombongan_belajar", school.scope, "20261", 1, nama))
    given = {"rombongan_belajar_id": row, "semester_id": "20261", "sekolah_id": school.scope, "tingkat_pendidikan_id": 1,
             "nama": nama, "jenis_rombel": 1, "moving_class": 0, "kebutuhan_khusus_id": 0} | values  # fmt: skip
    return enter(school, "rombongan_belajar", row, given)


def member(school: Sekolah, group: str, pupil: str) -> str:
    """Enter a membership."""
    row = str(derive_id("anggota_rombel", group, pupil))
    return enter(school, "anggota_rombel", row, {"anggota_rombel_id": row, "rombongan_belajar_id": group,
                 "peserta_didik_id": pupil, "jenis_pendaftaran_id": 1})  # fmt: skip


def card(school: Sekolah, pupil: str, nomor: str = "K1") -> str:
    """Enter a pupil's card; the id is random-looking and the same every time."""
    row = str(derive_id("contoh", pupil, nomor))
    return enter(school, "kesejahteraan_pd", row, {"id_sejahtera_pd": row, "peserta_didik_id": pupil,
                 "jenis_kesejahteraan_id": 1, "nomor": nomor, "dari_tahun": 2025})  # fmt: skip


# --- take (5 to 7) ----------------------------------------------------------------------------


def test_the_next_is_taken_a_known_one_skipped_a_later_one_held(life: Life, school: Sekolah, pupil: str) -> None:
    """Rules 5 and 7: whatever the order of the files, each changeset has its effect once, and a package is whole or waits."""
    files = []
    for n in range(3):
        school.edit("peserta_didik", pupil, alamat_jalan=f"Jalan {n}")
        files.append(school.export().file)
        school.node.store.set(acknowledged=school.node.store.last)  # as if returns had come, so each file carries one
    statuses = [life.ingest(files[n]).files[0] for n in (2, 1, 0)]
    assert [(r.status, r.code) for r in statuses] == [("held", "KF-401"), ("held", "KF-401"), ("applied", "")]
    assert life.row("peserta_didik", pupil)["alamat_jalan"] == "Jalan 2"
    assert sorted(outcomes(school)) == [1, 2, 3, 4]
    assert [r.status for r in life.ingest(*files).files] == ["duplicate"] * 3


def test_a_package_that_carries_known_and_new_changesets_counts_only_the_new(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 5, contract "What counts": changesets that the server already has are not counted."""
    school.edit("peserta_didik", pupil, alamat_jalan="Satu")
    life.ingest(school.export().file)
    card(school, pupil)
    assert life.ingest(school.export().file).files[0].counts.as_dict() == counts(applied=1)


def test_a_base_that_the_log_does_not_contain_is_held(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 6: a changeset that builds on more than its laptop says it has waits; nothing of the package is merged."""
    school.edit("peserta_didik", pupil, alamat_jalan="Satu")
    crafted(school, block("peserta_didik", Op.UPDATE, ["email"], (pupil, "a@contoh.id")), base=Position(99, bytes(8)))
    result = life.ingest(school.export().file).files[0]
    assert (result.status, result.code) == ("held", "KF-403")
    assert life.row("peserta_didik", pupil)["alamat_jalan"] is None


def test_a_number_known_with_other_content_is_a_fork_and_nothing_is_merged(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 5: a copied laptop sends its own changeset 2."""
    shutil.copytree(school.home, life.folder / "salinan")
    copied = Sekolah(life, life.folder / "salinan")
    school.edit("peserta_didik", pupil, alamat_jalan="Asli")
    copied.edit("peserta_didik", pupil, alamat_jalan="Salinan", email="salinan@contoh.id")
    life.ingest(school.export().file)
    result = life.ingest(copied.export().file).files[0]
    assert (result.status, result.code) == ("quarantined", "KF-402")
    assert life.row("peserta_didik", pupil)["email"] is None
    copied.node.close()


# --- decide (8 to 10) -------------------------------------------------------------------------


def test_a_change_that_the_school_had_not_seen_is_a_conflict_and_told_once(life: Life, school: Sekolah, pupil: str) -> None:
    """Rules 8 and 9: the dinas set the address twice and the school three times; each sent value is told of at most once."""
    for street in ("Dinas 1", "Dinas 2"):
        life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", street)])
    for street in ("Satu", "Dua", "Tiga"):
        school.edit("peserta_didik", pupil, alamat_jalan=street)
        school.export()
    assert life.ingest(school.export().file).files[0].counts.as_dict() == counts(conflict=1, applied=2)
    (line,) = lines(school)
    assert (line.code, line.won, line.sent[0], line.stood[0]) == (520, True, "Satu", "Dinas 2")
    assert life.row("peserta_didik", pupil)["alamat_jalan"] == "Tiga"
    school.apply(life.answer(school).file)
    assert equal(school)


def test_what_the_school_had_seen_is_no_conflict(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 8: the same change, but a return brought it before the school edited."""
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "Dinas")])
    school.apply(life.answer(school).file)
    school.edit("peserta_didik", pupil, alamat_jalan="Sekolah")
    assert school.round_trip().counts.as_dict() == counts(applied=1)


def test_another_group_of_the_row_is_no_conflict(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 9, I2: verval corrected the name while the school edited the address; both survive."""
    life.change("verval", [("peserta_didik", pupil, "nama", "NAMA VERVAL")], verified=True)
    school.edit("peserta_didik", pupil, alamat_jalan="Sekolah")
    assert school.round_trip().counts.as_dict() == counts(applied=1)
    for row in (life.row("peserta_didik", pupil), school.row("peserta_didik", pupil)):
        assert (row["nama"], row["alamat_jalan"]) == ("NAMA VERVAL", "Sekolah")


def test_the_same_value_on_both_sides_is_the_same(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 9: nobody is asked about a value that both sides chose."""
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "Sama")])
    school.edit("peserta_didik", pupil, alamat_jalan="Sama")
    assert school.round_trip().counts.as_dict() == counts(same=1)
    assert lines(school) == []


def test_a_correction_is_nobodys_opinion(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 8: the school's locked edits are refused one after another; the correction of the first makes no conflict of the second."""
    life.change("verval", [("peserta_didik", pupil, "nama", "TERKUNCI")], verified=True)
    school.apply(life.answer(school).file)
    for nama in ("SATU", "DUA"):
        school.edit("peserta_didik", pupil, nama=nama)
        life.ingest(school.export().file)
    assert told(school, 2) + told(school, 3) == [(pupil, "KF-512", False)] * 2
    school.apply(life.answer(school).file)
    assert school.row("peserta_didik", pupil)["nama"] == "TERKUNCI"


@pytest.mark.parametrize(
    ("as_", "verified", "column", "centre", "own", "code", "wins"),
    [
        ("dinas", False, "alamat_jalan", "Dinas", "Sekolah", "KF-520", True),
        ("pusat", False, "rekening_bank", "123", "456", "KF-521", False),
        ("verval", False, "nama", "VERVAL", "SEKOLAH", "KF-520", True),
        ("verval", True, "nama", "VERVAL", "SEKOLAH", "KF-521", False),
    ],
)
def test_each_policy_decides_alike_on_both_sides(
    life: Life, school: Sekolah, pupil: str, as_: str, verified: bool, column: str, centre: str, own: str, code: str, wins: bool
) -> None:
    """Rules 9 and 23: the school decides when the return comes, the server when the package comes; both reach one value."""
    life.change(as_, [("peserta_didik", pupil, column, centre)], verified=verified)
    school.edit("peserta_didik", pupil, **{column: own})
    answer, package = life.answer(school).file, None
    school.apply(answer)
    decided = school.row("peserta_didik", pupil)[column]
    assert decided == (own if wins else centre)
    package = school.export().file
    life.ingest(package)
    assert told(school, 2) == [(pupil, code, wins)]
    assert life.row("peserta_didik", pupil)[column] == decided
    school.apply(life.answer(school).file)
    assert equal(school)


@pytest.mark.parametrize(("policy", "column", "value", "code"), [
    ("pusat", "rekening_bank", "123", "KF-510"), ("terkunci", "nama", "LAIN", "KF-512"), ("kip", "no_kip", "B12345", "KF-513"),
])  # fmt: skip
def test_what_is_not_the_schools_is_refused_and_the_true_value_goes_back(
    life: Life, school: Sekolah, pupil: str, policy: str, column: str, value: str, code: str
) -> None:
    """Rules 9 and 14: the centre's value was there, and seen; the school's is refused and told, and does not stand at the school."""
    registered(school, pupil)
    life.ingest(school.export().file)
    if policy == "kip":
        life.kip([(pupil, "A99999")])
    else:
        life.change("pusat" if policy == "pusat" else "verval", [("peserta_didik", pupil, column, "BENAR")], verified=True)
    school.apply(life.answer(school).file)
    true = school.row("peserta_didik", pupil)[column]
    school.edit("peserta_didik", pupil, **{column: value, "email": "ikut@contoh.id"})
    assert school.round_trip().counts.as_dict() == counts(refused=1)
    assert told(school, 3) == [(pupil, code, False)]
    for row in (life.row("peserta_didik", pupil), school.row("peserta_didik", pupil)):
        assert (row[column], row["email"]) == (true, "ikut@contoh.id")


def test_a_school_may_correct_its_own_card_number_until_the_centre_sets_one(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 10, K2 and K4: typed, typed again, then an SK list; the school's third number is refused."""
    for number in ("A11111", "A22222"):
        school.edit("peserta_didik", pupil, no_kip=number, penerima_kip=1)
        assert school.round_trip().counts.as_dict() == counts(applied=1)
    registered(school, pupil)
    school.round_trip()
    assert life.kip([(pupil, "B33333")]).matched == 1
    school.round_trip()
    assert school.row("peserta_didik", pupil)["no_kip"] == "B33333"
    school.edit("peserta_didik", pupil, no_kip="A44444")
    assert school.round_trip().counts.as_dict() == counts(refused=1)
    assert school.row("peserta_didik", pupil)["no_kip"] == "B33333"


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("first", ["return", "package"])
def test_a_kps_that_had_not_seen_the_kip_number_loses(life: Life, school: Sekolah, pupil: str, there: bool, first: str) -> None:
    """Rule 10, K1: the centre writes the clearing of KPS even if there is none yet; whoever's file comes first, no KPS stays beside KIP."""
    registered(school, pupil)
    if there:
        school.edit("peserta_didik", pupil, penerima_kps=1, no_kps="LAMA")
    school.round_trip()
    life.kip([(pupil, "B12345")])
    answer = life.answer(school).file
    school.edit("peserta_didik", pupil, penerima_kps=1, no_kps="BARU")
    if first == "return":
        school.apply(answer)
    school.round_trip()
    assert equal(school)
    row = school.row("peserta_didik", pupil)
    assert (row["no_kip"], row["penerima_kps"], row["no_kps"]) == ("B12345", 0, None)
    (line,) = lines(school, school.node.store.last)
    assert (line.code, line.won, line.sent) == (521, False, (1, "BARU"))


def test_a_kps_of_after_the_kip_number_is_taken(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 10: the school had seen the number; its KPS is its own decision then."""
    registered(school, pupil)
    school.round_trip()
    life.kip([(pupil, "B12345")])
    school.apply(life.answer(school).file)
    school.edit("peserta_didik", pupil, penerima_kps=1, no_kps="SESUDAH")
    assert school.round_trip().counts.as_dict() == counts(applied=1)
    assert life.row("peserta_didik", pupil)["no_kps"] == "SESUDAH"


def test_a_card_is_written_where_its_pupil_is_at_home(life: Life, school: Sekolah, other: Sekolah, pupil: str) -> None:
    """K6: the pupil left here and is registered at another school, which does not have his row yet: his home hears of the number."""
    registered(other, pupil)
    other.round_trip()
    assert life.kip([(pupil, "B12345")]).matched == 1
    school.round_trip()
    other.round_trip()
    assert school.row("peserta_didik", pupil)["no_kip"] == "B12345"
    assert other.row("peserta_didik", pupil) == {}
    assert equal(school)
    assert equal(other)


# --- deletes and rows that live again (11) ----------------------------------------------------


def test_a_delete_of_an_identity_loses_to_an_edit_that_it_had_not_seen(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 11, T13: verval corrected the pupil meanwhile; the whole row goes back."""
    life.change("verval", [("peserta_didik", pupil, "nik", "9900000000000001")])
    school.edit("peserta_didik", pupil, soft_delete=1)
    assert school.round_trip().counts.as_dict() == counts(conflict=1)
    assert told(school, 2) == [(pupil, "KF-522", False)]
    assert school.row("peserta_didik", pupil)["soft_delete"] == 0
    assert school.row("peserta_didik", pupil)["nik"] == "9900000000000001"
    assert equal(school)


def test_a_delete_in_a_table_of_the_schools_stands_over_an_edit(life: Life, school: Sekolah, pupil: str) -> None:
    """Rules 11 and 16: the dinas edited the card; it stays deleted, the edit is in the record, and the return says so."""
    row = card(school, pupil)
    school.round_trip()
    life.change("dinas", [("kesejahteraan_pd", row, "nomor", "DINAS")])
    school.edit("kesejahteraan_pd", row, soft_delete=1)
    assert school.round_trip().counts.as_dict() == counts(conflict=1)
    assert spoken(school) == {(row, "DELETE", "KEMBALI")}
    (line,) = lines(school, 3)
    assert (line.code, line.won) == (523, True)
    assert dict(zip(line.columns, line.stood, strict=True))["nomor"] == "DINAS"
    assert school.row("kesejahteraan_pd", row)["soft_delete"] == 1
    assert equal(school)


@pytest.mark.parametrize("first", ["return", "package"])
@pytest.mark.parametrize("how", ["added", "moved"])
def test_a_delete_loses_to_a_row_that_somebody_hung_on_it(life: Life, school: Sekolah, pupil: str, first: str, how: str) -> None:
    """Rule 11: the dinas puts a pupil into the rombel that the school deletes: anew, or from another one."""
    a, b = rombel(school, "1A"), rombel(school, "1B")
    at_b = member(school, b, pupil) if how == "moved" else ""
    school.round_trip()
    if how == "moved":
        life.change("pusat", [("anggota_rombel", at_b, "rombongan_belajar_id", a)])
    else:
        row = str(derive_id("anggota_rombel", a, pupil))
        life.change("pusat", [("anggota_rombel", row, "rombongan_belajar_id", a), ("anggota_rombel", row, "peserta_didik_id", pupil)])
    answer = life.answer(school).file
    school.edit("rombongan_belajar", a, soft_delete=1)
    if first == "return":
        school.apply(answer)
        assert school.row("rombongan_belajar", a)["soft_delete"] == 0
    assert school.round_trip().counts.as_dict() == counts(conflict=1)
    assert told(school, 3) == [(a, "KF-522", False)]
    assert school.row("rombongan_belajar", a)["soft_delete"] == 0
    assert equal(school)


def test_a_delete_that_had_seen_everything_is_taken(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 11: the same edit and the same child, but a return brought them first."""
    life.change("verval", [("peserta_didik", pupil, "nik", "9900000000000001")])
    row = str(derive_id("contoh", 1))
    life.change("pusat", [("kesejahteraan_pd", row, "peserta_didik_id", pupil), ("kesejahteraan_pd", row, "nomor", "P1")])
    school.apply(life.answer(school).file)
    school.edit("kesejahteraan_pd", row, soft_delete=1)
    school.edit("peserta_didik", pupil, soft_delete=1)
    assert school.round_trip().counts.as_dict() == counts(applied=2)
    assert life.row("peserta_didik", pupil)["soft_delete"] == 1


@pytest.mark.parametrize("first", ["return", "package"])
def test_a_deleted_row_that_the_school_edits_lives_again(life: Life, school: Sekolah, pupil: str, first: str) -> None:
    """Rule 11: the centre deleted a card, the school did not know and edited it."""
    row = card(school, pupil)
    school.round_trip()
    life.change("pusat", [("kesejahteraan_pd", row, "soft_delete", 1)])
    school.edit("kesejahteraan_pd", row, nomor="SEKOLAH")
    if first == "return":
        school.apply(life.answer(school).file)
    assert school.round_trip().counts.as_dict() == counts(conflict=1)
    assert told(school, 3) == [(row, "KF-524", True)]
    assert life.row("kesejahteraan_pd", row)["soft_delete"] == 0
    assert life.row("kesejahteraan_pd", row)["nomor"] == "SEKOLAH"
    assert equal(school)


@pytest.mark.parametrize("first", ["return", "package"])
@pytest.mark.parametrize("what", ["adds", "edits"])
def test_deleted_parents_of_a_child_that_the_school_touches_live_again(life: Life, school: Sekolah, pupil: str, first: str, what: str) -> None:
    """Rule 11: the centre deletes the class and the room it sits in; the school's membership brings both back."""
    room = enter(school, "ruang", "99000000-0000-4000-8000-00000000000a", {
        "id_ruang": "99000000-0000-4000-8000-00000000000a", "sekolah_id": school.scope, "nm_ruang": "R1", "kd_ruang": "1"})  # fmt: skip
    group = rombel(school, id_ruang=room)
    row = member(school, group, pupil) if what == "edits" else ""
    school.round_trip()
    life.change("pusat", [("rombongan_belajar", group, "soft_delete", 1), ("ruang", room, "soft_delete", 1)])
    row = row or member(school, group, pupil)
    school.edit("anggota_rombel", row, jenis_pendaftaran_id=2)
    if first == "return":
        school.apply(life.answer(school).file)
        assert school.row("rombongan_belajar", group)["soft_delete"] == 0
        assert school.row("ruang", room)["soft_delete"] == 0
    assert school.round_trip().counts.sent == 1
    assert {(row, code) for row, code, _ in told(school, 3)} == {(group, "KF-524"), (room, "KF-524")}
    assert life.row("rombongan_belajar", group)["soft_delete"] == 0
    assert life.row("ruang", room)["soft_delete"] == 0
    assert equal(school)


def test_both_sides_deleted_it_is_the_same(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 11: a delete does not lose to a delete, not even of an identity, nor after an edit that had brought it back."""
    life.change("pusat", [("peserta_didik", pupil, "soft_delete", 1)])
    school.edit("peserta_didik", pupil, email="a@contoh.id")
    school.export()
    school.edit("peserta_didik", pupil, soft_delete=1)
    assert school.round_trip().counts.as_dict() == counts(conflict=1, applied=1)
    assert life.row("peserta_didik", pupil)["soft_delete"] == 1
    assert school.row("peserta_didik", pupil)["soft_delete"] == 1
    assert equal(school)


@pytest.mark.parametrize("seen", [True, False])
def test_a_row_that_is_deleted_twice_was_deleted_once(life: Life, school: Sekolah, pupil: str, seen: bool) -> None:
    """Rule 9: the second time it is the same already, whether the server has to look twice or not."""
    row = card(school, pupil)
    school.round_trip()
    school.edit("kesejahteraan_pd", row, soft_delete=1)
    assert school.round_trip().counts.as_dict() == counts(applied=1)
    if not seen:
        life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "Jl. Dinas 1")])
    crafted(school, block("kesejahteraan_pd", Op.DELETE, [], (row,)))
    assert life.ingest(school.export().file).files[0].counts.as_dict() == counts(same=1)
    assert life.row("kesejahteraan_pd", row)["soft_delete"] == 1


def test_a_row_that_the_centre_brings_back_comes_whole(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 18: made and deleted at the centre before the school ever had it, then changed: the school gets every column."""
    row = str(derive_id("contoh", 1))
    life.change("pusat", [("kesejahteraan_pd", row, "peserta_didik_id", pupil), ("kesejahteraan_pd", row, "nomor", "P1")])
    life.change("pusat", [("kesejahteraan_pd", row, "soft_delete", 1)])
    school.apply(life.answer(school).file)
    school.round_trip()
    life.change("pusat", [("kesejahteraan_pd", row, "nm_di_kartu", "NAMA")])
    school.round_trip()
    assert school.row("kesejahteraan_pd", row)["nomor"] == "P1"
    assert equal(school)


# --- the open list (12) -----------------------------------------------------------------------


def test_a_refused_row_waits_with_all_that_hangs_on_it_and_enters_with_it(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 12: a class of an unknown kurikulum, its member, its subject and that one's mark wait; one correction lets all four in."""
    school.sql("INSERT INTO ref_kurikulum (kurikulum_id, nama_kurikulum) VALUES (9999, 'Contoh')")
    group = rombel(school, kurikulum_id=9999)
    who = member(school, group, pupil)
    matev = str(derive_id("nilai_matev_rapor", group, 4))
    enter(school, "nilai_matev_rapor", matev, {"id_evaluasi": matev, "nm_mata_evaluasi": "IPA", "rombongan_belajar_id": group,
          "a_dari_template": 0, "no_urut": 1})  # fmt: skip
    mark = str(derive_id("nilai_nilai_rapor", matev, who))
    enter(school, "nilai_nilai_rapor", mark, {"nilai_id": mark, "id_evaluasi": matev, "anggota_rombel_id": who,
          "nilai_kognitif_angka": "90.00"})  # fmt: skip
    assert school.round_trip().counts.as_dict() == counts(refused=4)
    assert aside(school) == marked(school) == {group: "KF-516", who: "KF-518", matev: "KF-518", mark: "KF-518"}
    assert life.row("rombongan_belajar", group) == {}
    school.edit("anggota_rombel", who, jenis_pendaftaran_id=2)
    assert school.round_trip().counts.as_dict() == counts(refused=1)
    school.edit("rombongan_belajar", group, kurikulum_id=None)
    assert school.round_trip().counts.as_dict() == counts(applied=1)
    assert aside(school) == marked(school) == {}
    assert life.row("anggota_rombel", who)["jenis_pendaftaran_id"] == 2
    assert life.row("nilai_nilai_rapor", mark)["nilai_kognitif_angka"] == "90.00"
    assert equal(school)


def test_a_waiting_row_that_the_centre_makes_lets_in_what_hangs_on_it(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 12: a pupil waits, with the membership and a mark; the centre makes the membership: the mark enters, once."""
    waiting = school.pupil("SISWA TERTAHAN", agama_id=UNKNOWN)
    group = rombel(school)
    who = member(school, group, waiting)
    matev = str(derive_id("nilai_matev_rapor", group, 4))
    enter(school, "nilai_matev_rapor", matev, {"id_evaluasi": matev, "nm_mata_evaluasi": "IPA", "rombongan_belajar_id": group,
          "a_dari_template": 0, "no_urut": 1})  # fmt: skip
    mark = str(derive_id("nilai_nilai_rapor", matev, who))
    enter(school, "nilai_nilai_rapor", mark, {"nilai_id": mark, "id_evaluasi": matev, "anggota_rombel_id": who,
          "nilai_kognitif_angka": "90.00"})  # fmt: skip
    school.round_trip()
    assert aside(school).keys() == {waiting, who, mark}
    life.change("pusat", [("anggota_rombel", who, "rombongan_belajar_id", group), ("anggota_rombel", who, "peserta_didik_id", pupil)])
    school.edit("rombongan_belajar", group, nama="1B")
    assert school.round_trip().status == "applied"
    assert aside(school).keys() == {waiting}
    assert life.row("nilai_nilai_rapor", mark)["nilai_kognitif_angka"] == "90.00"


def test_what_a_waiting_row_let_live_at_the_school_goes_with_all_that_is_above_it(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 14: the centre deleted the class and its subject; an edit of a mark that waits does not save them, and the school hears of both."""
    waiting = school.pupil("SISWA TERTAHAN", agama_id=UNKNOWN)
    group = rombel(school)
    who = member(school, group, waiting)
    matev = str(derive_id("nilai_matev_rapor", group, 4))
    enter(school, "nilai_matev_rapor", matev, {"id_evaluasi": matev, "nm_mata_evaluasi": "IPA", "rombongan_belajar_id": group,
          "a_dari_template": 0, "no_urut": 1})  # fmt: skip
    mark = str(derive_id("nilai_nilai_rapor", matev, who))
    enter(school, "nilai_nilai_rapor", mark, {"nilai_id": mark, "id_evaluasi": matev, "anggota_rombel_id": who,
          "nilai_kognitif_angka": "90.00"})  # fmt: skip
    school.round_trip()
    life.change("pusat", [("rombongan_belajar", group, "soft_delete", 1), ("nilai_matev_rapor", matev, "soft_delete", 1)])
    school.edit("nilai_nilai_rapor", mark, nilai_kognitif_angka="91.00")
    school.apply(life.answer(school).file)
    assert [school.row(*row)["soft_delete"] for row in (("rombongan_belajar", group), ("nilai_matev_rapor", matev))] == [0, 0]
    school.round_trip()
    assert [school.row(*row)["soft_delete"] for row in (("rombongan_belajar", group), ("nilai_matev_rapor", matev))] == [1, 1]
    assert school.row("nilai_nilai_rapor", mark)["nilai_kognitif_angka"] == "91.00"
    assert mark in aside(school)


def test_what_is_deleted_at_the_school_holds_nothing_above_it(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 14: a mark that the school brings back hangs on a subject that it knows to be gone; the class goes with the centre's word."""
    group = rombel(school)
    who = member(school, group, pupil)
    matev = str(derive_id("nilai_matev_rapor", group, 4))
    enter(school, "nilai_matev_rapor", matev, {"id_evaluasi": matev, "nm_mata_evaluasi": "IPA", "rombongan_belajar_id": group,
          "a_dari_template": 0, "no_urut": 1})  # fmt: skip
    mark = str(derive_id("nilai_nilai_rapor", matev, who))
    enter(school, "nilai_nilai_rapor", mark, {"nilai_id": mark, "id_evaluasi": matev, "anggota_rombel_id": who,
          "nilai_kognitif_angka": "90.00"})  # fmt: skip
    life.ingest(school.export().file)
    for table, row in (("nilai_nilai_rapor", mark), ("nilai_matev_rapor", matev)):
        life.change("pusat", [(table, row, "soft_delete", 1)])
    school.apply(life.answer(school).file)
    life.change("pusat", [("rombongan_belajar", group, "soft_delete", 1)])
    school.edit("nilai_nilai_rapor", mark, soft_delete=0)
    school.apply(life.answer(school).file)
    assert school.row("rombongan_belajar", group)["soft_delete"] == 1
    school.round_trip()
    assert life.row("nilai_nilai_rapor", mark)["soft_delete"] == 0
    assert equal(school)


def test_children_by_key_wait_and_enter_too(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 12: a row whose key names its parent, numbers in the key included, follows the parent."""
    bad = school.pupil("BELUM", agama_id=UNKNOWN)
    enter(school, "peserta_didik_longitudinal", bad, {"peserta_didik_id": bad, "semester_id": "20261", "tinggi_badan": 120})
    school.sql("INSERT INTO ref_jenis_prasarana (jenis_prasarana_id, nama) VALUES (98765, 'Contoh')")
    land = "99000000-0000-4000-8000-00000000000b"
    enter(school, "tanah", land, {"id_tanah": land, "sekolah_id": school.scope, "nama": "T", "jenis_prasarana_id": 98765})
    enter(school, "tanah_longitudinal", land, {"id_tanah": land, "tahun_ajaran_id": 2026, "njop": "12.50"})
    assert school.round_trip().counts.as_dict() == counts(refused=4)
    school.edit("peserta_didik", bad, agama_id=1)
    school.edit("tanah", land, jenis_prasarana_id=None)
    school.round_trip()
    assert aside(school) == marked(school) == {}
    assert life.row("peserta_didik_longitudinal", f"{bad}|20261")["tinggi_badan"] == 120
    assert life.row("tanah_longitudinal", f"{land}|2026")["njop"] == "12.50"
    assert equal(school)


def test_later_edits_complete_an_open_row_and_each_value_stays_in_its_column(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 12: values come in another order than their columns stand; none of them moves into another column."""
    bad = school.pupil("BELUM", agama_id=UNKNOWN)
    school.round_trip()
    for values in ({"email": "a@contoh.id"}, {"alamat_jalan": "Jalan"}, {"nik": "9900000000000001"}, {"alamat_jalan": "Gang"}):
        school.edit("peserta_didik", bad, **values)
        assert school.round_trip().counts.as_dict() == counts(refused=1)
    school.edit("peserta_didik", bad, agama_id=1)
    school.round_trip()
    assert equal(school)
    row = life.row("peserta_didik", bad)
    assert (row["email"], row["alamat_jalan"], row["nik"]) == ("a@contoh.id", "Gang", "9900000000000001")


def test_a_deleted_open_row_is_withdrawn_and_what_hung_on_it_enters(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 12: nobody waits for a row that will not come; a parent that nobody has heard of is only a finding."""
    bad = school.pupil("BELUM", agama_id=UNKNOWN)
    row = card(school, bad)
    school.round_trip()
    assert aside(school) == {bad: "KF-516", row: "KF-518"}
    school.edit("peserta_didik", bad, soft_delete=1)
    assert school.round_trip().counts.as_dict() == counts(applied=1)
    assert aside(school) == marked(school) == {}
    assert life.row("kesejahteraan_pd", row)["nomor"] == "K1"
    assert life.row("peserta_didik", bad) == {}
    assert equal(school)


def test_a_withdrawn_row_that_lives_again_enters_whole(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 12: refused, deleted, put back with a good code."""
    bad = school.pupil("BELUM", agama_id=UNKNOWN)
    school.round_trip()
    school.edit("peserta_didik", bad, soft_delete=1)
    school.round_trip()
    school.edit("peserta_didik", bad, soft_delete=0, agama_id=1)
    assert school.round_trip().counts.as_dict() == counts(applied=1)
    assert life.row("peserta_didik", bad)["nama"] == "BELUM"
    assert equal(school)


def test_an_open_row_enters_when_its_code_comes(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 12: it enters as soon as it can; the centre learned the code, and the next package, whatever is in it, lets it in."""
    bad = school.pupil("BELUM", agama_id=UNKNOWN)
    school.round_trip()
    life.server.store.db.execute("INSERT INTO ref_agama (agama_id, nama) VALUES (?, 'Contoh')", (UNKNOWN,))
    del life.server.codes
    card(school, pupil)
    assert school.round_trip().counts.as_dict() == counts(applied=1)
    assert aside(school) == marked(school) == {}
    assert life.row("peserta_didik", bad)["agama_id"] == UNKNOWN
    assert equal(school)


def test_rows_that_point_to_a_refused_one_of_their_own_table_wait_with_it(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 12: a room within a room within a room of an unknown kind, all in one block."""
    school.sql("INSERT INTO ref_jenis_prasarana (jenis_prasarana_id, nama) VALUES (98765, 'Contoh')")
    rooms = [f"99000000-0000-4000-8000-0000000000{n:02}" for n in range(3)]
    for n, room in enumerate(rooms):
        enter(school, "ruang", room, {"id_ruang": room, "sekolah_id": school.scope, "nm_ruang": f"R{n}", "kd_ruang": str(n),
              "jenis_prasarana_id": None if n else 98765, "parent_id_ruang": rooms[n - 1] if n else None})  # fmt: skip
    school.round_trip()
    assert aside(school) == {rooms[0]: "KF-516", rooms[1]: "KF-518", rooms[2]: "KF-518"}
    school.edit("ruang", rooms[0], jenis_prasarana_id=None)
    school.round_trip()
    assert aside(school) == {}
    assert equal(school)


def test_a_parent_that_nobody_has_heard_of_is_only_a_finding(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 12."""
    row = card(school, "99000000-0000-4000-8000-0000000000ff")
    assert school.round_trip().counts.as_dict() == counts(applied=1)
    assert life.row("kesejahteraan_pd", row)["kirim_home"] == school.scope


def test_a_new_row_that_the_server_has_already_is_no_new_row(life: Life, school: Sekolah, pupil: str) -> None:
    """Rules 9 and 12: both sides made the membership; what the school left empty is no opinion, a bad code refuses its group alone."""
    group = rombel(school)
    school.round_trip()
    row = str(derive_id("anggota_rombel", group, pupil))
    life.change("pusat", [("anggota_rombel", row, "rombongan_belajar_id", group), ("anggota_rombel", row, "peserta_didik_id", pupil),
                          ("anggota_rombel", row, "jenis_pendaftaran_id", "2")])  # fmt: skip
    enter(school, "anggota_rombel", row, {"anggota_rombel_id": row, "rombongan_belajar_id": group, "peserta_didik_id": pupil})
    assert school.round_trip().counts.as_dict() == counts(same=1)
    assert school.row("anggota_rombel", row)["jenis_pendaftaran_id"] == 2
    assert aside(school) == marked(school) == {}
    assert equal(school)


def test_columns_of_the_centres_are_refused_in_a_new_row_and_the_row_is_taken(life: Life, school: Sekolah, pupil: str) -> None:
    """Rules 9 and 14, the design's "an insert may set every column except dinas and pusat ones"; defaults are nobody's decision."""
    values = {"sekolah_id": school.scope, "tahun_ajaran_id": 2026, "nama_pd": "BARU", "jenis_kelamin": "L",
              "tanggal_lahir": "2016-01-01", "nama_ibu_kandung": "IBU", "jenis_pendaftaran_id": 1}  # fmt: skip
    a, b = "99000000-0000-4000-8000-000000000001", "99000000-0000-4000-8000-000000000002"
    enter(school, "peserta_didik_baru", a, {"pdb_id": a, "sudah_diproses": 0, "berhasil_diproses": 0, **values})
    enter(school, "peserta_didik_baru", b, {"pdb_id": b, "sudah_diproses": 1, "berhasil_diproses": 0, **values})
    assert school.round_trip().counts.as_dict() == counts(applied=1, refused=1)
    assert told(school, 2) == [(b, "KF-510", False)]
    assert equal(school)
    assert life.row("peserta_didik_baru", a)["sudah_diproses"] == 0
    assert school.row("peserta_didik_baru", b)["sudah_diproses"] is None


def test_a_table_that_schools_do_not_fill_refuses_rows_and_keeps_them_aside(life: Life, school: Sekolah, pupil: str) -> None:
    """Rules 12 and 14: an assignment made up by the school waits; when the dinas makes it, the dinas's row comes and nothing waits."""
    (ptk,) = school.sql("SELECT ptk_id FROM ptk")[0]
    row = str(derive_id("ptk_terdaftar", str(ptk), school.scope, 2025))
    enter(school, "ptk_terdaftar", row, {"ptk_terdaftar_id": row, "ptk_id": ptk, "sekolah_id": school.scope,
          "tahun_ajaran_id": 2025, "nomor_surat_tugas": "SEKOLAH", "ptk_induk": 1})  # fmt: skip
    assert school.round_trip().counts.as_dict() == counts(refused=1)
    assert told(school, 2) == [(row, "KF-519", False)]
    assert aside(school) == marked(school) == {row: "KF-519"}
    life.change("dinas", [("ptk_terdaftar", row, "sekolah_id", school.scope), ("ptk_terdaftar", row, "ptk_id", str(ptk)),
                          ("ptk_terdaftar", row, "nomor_surat_tugas", "DINAS")])  # fmt: skip
    card(school, pupil)
    school.round_trip()
    assert aside(school) == marked(school) == {}
    assert school.row("ptk_terdaftar", row)["nomor_surat_tugas"] == "DINAS"
    assert equal(school)


def test_schools_do_not_make_heads(life: Life, school: Sekolah, pupil: str) -> None:
    """P3, domain 2.4: a duty as Kepala Sekolah or Plt is the dinas's, whether made, changed, turned into or deleted."""
    (head,) = school.sql("SELECT ptk_tugas_tambahan_id FROM tugas_tambahan")[0]
    values = {"ptk_id": school.sql("SELECT ptk_id FROM ptk")[0][0], "sekolah_id": school.scope, "jumlah_jam": 0,
              "nomor_sk": "1", "tmt_tambahan": "2026-07-01"}  # fmt: skip
    made, turned = "99000000-0000-4000-8000-000000000001", "99000000-0000-4000-8000-000000000002"
    enter(school, "tugas_tambahan", turned, {"ptk_tugas_tambahan_id": turned, "jabatan_ptk_id": 3, **values})
    school.round_trip()
    crafted(school, block("tugas_tambahan", Op.INSERT, ["jabatan_ptk_id", *values], (made, 33, *values.values())),
            block("tugas_tambahan", Op.UPDATE, ["jabatan_ptk_id"], (turned, 2)),
            block("tugas_tambahan", Op.UPDATE, ["jumlah_jam"], (str(head), 1)))  # fmt: skip
    assert life.ingest(school.export().file).files[0].counts.as_dict() == counts(refused=3)
    crafted(school, block("tugas_tambahan", Op.DELETE, [], (str(head),)))
    assert life.ingest(school.export().file).files[0].counts.as_dict() == counts(refused=1)
    assert life.row("tugas_tambahan", str(head))["soft_delete"] == 0
    assert life.row("tugas_tambahan", turned)["jabatan_ptk_id"] == 3
    assert life.row("tugas_tambahan", made) == {}


def test_a_head_is_not_deleted_by_a_school_that_has_seen_everything(life: Life, school: Sekolah, pupil: str) -> None:
    """P3: nothing is on its way that would make the server look twice, and it is refused all the same."""
    school.round_trip()
    (head,) = school.sql("SELECT ptk_tugas_tambahan_id FROM tugas_tambahan")[0]
    crafted(school, block("tugas_tambahan", Op.DELETE, [], (str(head),)))
    assert life.ingest(school.export().file).files[0].counts.as_dict() == counts(refused=1)
    assert told(school)[-1] == (str(head), "KF-511", False)
    assert life.row("tugas_tambahan", str(head))["soft_delete"] == 0
    school.apply(life.answer(school).file)
    assert school.row("tugas_tambahan", str(head))["soft_delete"] == 0
    assert equal(school)


# --- other schools' rows (13) -----------------------------------------------------------------


def test_a_row_of_another_home_is_refused_and_untouched(life: Life, school: Sekolah, other: Sekolah, pupil: str) -> None:
    """Rule 13: edits, deletes, inserts and children of another school's pupil; not a value of his goes to this school."""
    other.round_trip()
    theirs = str(other.sql("SELECT peserta_didik_id FROM peserta_didik")[0][0])
    group = rombel(other)
    row = member(other, group, theirs)
    other.round_trip()
    before = life.row("peserta_didik", theirs)
    mine = card(school, pupil)
    school.round_trip()
    crafted(school,
        block("peserta_didik", Op.UPDATE, ["nama"], (theirs, "REBUT")),
        block("peserta_didik", Op.INSERT, ["nama", "email"], ("99000000-0000-4000-8000-000000000001", "A", "a"), (theirs, "REBUT", "x")),
        block("peserta_didik_longitudinal", Op.INSERT, ["tinggi_badan"], (theirs, "20261", 99)),
        block("kesejahteraan_pd", Op.UPDATE, ["peserta_didik_id"], (mine, theirs)),
        block("anggota_rombel", Op.INSERT, ["rombongan_belajar_id", "peserta_didik_id"], ("99000000-0000-4000-8000-000000000003", group, pupil)),
        block("rombongan_belajar", Op.INSERT, ["sekolah_id", "nama"], ("99000000-0000-4000-8000-000000000002", other.scope, "9Z")),
        block("rombongan_belajar", Op.INSERT, ["nama"], ("99000000-0000-4000-8000-000000000004", "9Y")),
        block("anggota_rombel", Op.DELETE, [], (row,)),
        block("peserta_didik", Op.DELETE, [], (theirs,)),
    )  # fmt: skip
    result = life.ingest(school.export().file).files[0]
    assert result.counts.as_dict() == counts(refused=8, applied=2)  # a new pupil; and its own row under that id withdrawn
    assert {line.code for line in lines(school, 3)} == {errors.OTHER_HOME.number}
    assert all(value is None for line in lines(school, 3) if line.row == theirs for value in line.stood)
    assert life.row("peserta_didik", theirs) == before
    assert life.row("kesejahteraan_pd", mine)["peserta_didik_id"] == pupil
    assert life.row("anggota_rombel", row)["soft_delete"] == 0
    assert life.row("peserta_didik_longitudinal", f"{theirs}|20261") == {}
    other.round_trip()
    assert equal(other)


def test_a_seen_row_that_is_edited_gets_its_true_values_back(life: Life, school: Sekolah, other: Sekolah, pupil: str) -> None:
    """Rules 13 and 14, L1: a PTK of another school is edited, and deleted, where he only teaches."""
    other.round_trip()
    theirs = str(other.sql("SELECT ptk_id FROM ptk")[0][0])
    show(life, "ptk", theirs, other, school)
    school.apply(life.answer(school).file)
    assert school.row("ptk", theirs)["kirim_home"] == other.scope
    school.edit("ptk", theirs, nama="REBUT")
    assert school.round_trip().counts.as_dict() == counts(refused=1)
    assert school.row("ptk", theirs)["nama"] == "KEPALA CONTOH"
    assert marked(school) == {theirs: "KF-517"}
    school.edit("ptk", theirs, soft_delete=1)
    school.round_trip()
    assert school.row("ptk", theirs)["soft_delete"] == 0
    other.edit("ptk", theirs, email="ptk@contoh.id")
    other.round_trip()
    school.round_trip()
    assert school.row("ptk", theirs)["email"] == "ptk@contoh.id"
    assert equal(school)
    assert equal(other)


@pytest.mark.parametrize("seen", [True, False])
def test_a_seen_row_that_its_own_school_deletes_goes_there_too(life: Life, school: Sekolah, other: Sekolah, pupil: str, seen: bool) -> None:
    """L1: whether or not the centre has just changed another row, which makes the server look at each row by itself."""
    other.round_trip()
    theirs = other.pupil("SISWA TAMU")
    other.round_trip()
    show(life, "peserta_didik", theirs, other, school)
    school.apply(life.answer(school).file)
    assert school.row("peserta_didik", theirs)["nama"] == "SISWA TAMU"
    if not seen:
        first = str(other.sql("SELECT min(peserta_didik_id) FROM peserta_didik WHERE nama = 'SISWA DUA'")[0][0])
        life.change("dinas", [("peserta_didik", first, "alamat_jalan", "Jl. Dinas 1")])
    other.edit("peserta_didik", theirs, soft_delete=1)
    assert other.round_trip().counts.as_dict() == counts(applied=1)
    school.round_trip()
    assert school.row("peserta_didik", theirs)["soft_delete"] == 1
    assert equal(school)


def test_a_member_moves_between_classes_of_his_school(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 13: the parent's home is the same, so the move is the school's to make; its id stays what it was."""
    a, b = rombel(school, "1A"), rombel(school, "1B")
    row = member(school, a, pupil)
    school.round_trip()
    school.edit("anggota_rombel", row, rombongan_belajar_id=b)
    assert school.round_trip().counts.as_dict() == counts(applied=1)
    assert life.row("anggota_rombel", row)["rombongan_belajar_id"] == b
    assert equal(school)


# --- what goes back, and what is told (14 to 16, 29) -------------------------------------------


def test_no_rejected_value_stands_without_the_servers_on_its_way(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 14: the return after a refusal speaks of the group, of the whole row after a lost delete, and of the parent's state."""
    group = rombel(school)
    school.round_trip()
    life.change("pusat", [("rombongan_belajar", group, "soft_delete", 1)])
    bad = member(school, group, pupil)
    school.edit("anggota_rombel", bad, jenis_pendaftaran_id=9)
    school.sql("INSERT INTO ref_jenis_pendaftaran (jenis_pendaftaran_id, nama) VALUES (9, 'Contoh')")
    school.apply(life.answer(school).file)
    assert school.row("rombongan_belajar", group)["soft_delete"] == 0  # it hopes that its member will bring it back
    school.round_trip()
    assert aside(school) == marked(school) == {bad: "KF-516"}
    assert school.row("rombongan_belajar", group)["soft_delete"] == 1
    school.edit("anggota_rombel", bad, jenis_pendaftaran_id=1)
    school.round_trip()
    assert aside(school) == {}
    assert equal(school)


def test_a_refused_row_brings_its_reason_once_for_each_group(life: Life, school: Sekolah, pupil: str) -> None:
    """Contract "What counts": a row with several faults counts once, by its worst group, and tells of each."""
    life.change("verval", [("peserta_didik", pupil, "nama", "VERVAL")], verified=True)
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "Dinas")])
    school.edit("peserta_didik", pupil, nama="SEKOLAH", alamat_jalan="Sekolah", agama_id=UNKNOWN, id_bank="002", email="a@contoh.id")
    assert school.round_trip().counts.as_dict() == counts(refused=1)
    assert sorted(told(school, 2)) == sorted(
        [(pupil, "KF-521", False), (pupil, "KF-520", True), (pupil, "KF-516", False), (pupil, "KF-510", False)]
    )
    assert life.row("peserta_didik", pupil)["email"] == "a@contoh.id"
    assert equal(school)


def test_an_outcome_belongs_to_its_changeset_for_ever(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 15: later files that carry it again, later changesets and the entry of an open row leave its bytes as they were."""
    bad = school.pupil("BELUM", agama_id=UNKNOWN)
    life.ingest(school.export().file)
    first = outcomes(school)
    life.ingest(school.export().file)
    school.edit("peserta_didik", bad, agama_id=1)
    life.ingest(school.export().file)
    school.round_trip()
    assert outcomes(school).items() >= first.items()
    assert lines(school, 2)[0].outcome is Outcome.REFUSED
    stored = {number: bytes(told) for number, told in school.sql("SELECT number, outcome FROM kirim_changeset")}  # type: ignore[misc, arg-type, call-overload]
    assert stored == outcomes(school)


def test_what_won_a_conflict_revived_a_row_or_entered_late_goes_back(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 16: a laptop that is older than its own changes gets them from the return."""
    a, bad = card(school, pupil), school.pupil("BELUM", agama_id=UNKNOWN)
    school.round_trip()
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "Dinas")])
    life.change("pusat", [("kesejahteraan_pd", a, "soft_delete", 1)])
    school.edit("peserta_didik", pupil, alamat_jalan="Sekolah")
    school.edit("kesejahteraan_pd", a, nomor="HIDUP")
    school.edit("peserta_didik", bad, agama_id=1)
    school.round_trip()
    assert spoken(school) == {(pupil, "UPDATE", "KEMBALI"), (a, "INSERT", "KEMBALI"), (bad, "INSERT", "KEMBALI")}


def test_every_order_of_the_files_gives_one_state_and_one_report(life: Life, school: Sekolah, other: Sekolah, pupil: str) -> None:
    """R10: four files of two schools in all orders, the last ones twice: one state, one conflict list, byte-equal outcomes."""
    other.round_trip()
    theirs = str(other.sql("SELECT peserta_didik_id FROM peserta_didik")[0][0])
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "Dinas")])
    life.change("verval", [("peserta_didik", theirs, "nama", "VERVAL")], verified=True)
    school.edit("peserta_didik", pupil, alamat_jalan="Sekolah", nisn="9900000001")
    other.edit("peserta_didik", theirs, nama="LAIN", nisn="9900000001")
    files = [school.export().file, other.export().file]
    school.pupil("BELUM", agama_id=UNKNOWN, nik="9900000000000001")
    other.edit("peserta_didik", theirs, soft_delete=1)
    files += [school.export().file, other.export().file]
    life.server.close()
    seen = set()
    for n, order in enumerate(permutations(range(4))):
        shutil.copytree(life.folder / "pusat", life.folder / f"pusat-{n}")
        seen.add(_after(life, life.folder / f"pusat-{n}", [files[k] for k in (*order, order[0])]))
    assert len(seen) == 1
    life.server = type(life.server).open(life.folder / "pusat", clock=life.clock)


def _after(life: Life, home: Path, files: list[Path]) -> str:
    """Return everything that a server holds after taking files one by one, without what only says when."""
    from exchange.ingest import ingest_paths
    from exchange.nodes import ServerNode

    server = ServerNode.open(home, clock=life.clock)
    for path in files:
        ingest_paths(server, [path])
    found = []
    for table in server.store.schema.data_tables:
        names = ", ".join([*(c.name for c in table.all_columns), "soft_delete", "kirim_home"])
        found.append(sorted(map(repr, server.store.db.execute(f"SELECT {names} FROM {table.name}"))))
    found.append(sorted(map(repr, server.store.db.execute("SELECT scope, number, value, outcome FROM kirim_changeset WHERE outcome IS NOT NULL"))))
    found.append(sorted(map(repr, server.store.db.execute("SELECT scope, table_no, row, code, bytes FROM kirim_open"))))
    server.close()
    return repr(found)


# --- hostile senders --------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["insert-twice", "update-twice", "delete-twice"])
def test_a_block_that_names_a_row_twice_is_refused_whole(life: Life, school: Sekolah, pupil: str, what: str) -> None:
    """KF-208: which of the two would count? Nothing of the package is merged."""
    twice = "99000000-0000-4000-8000-000000000001"
    given = {
        "insert-twice": block("peserta_didik", Op.INSERT, ["nama"], (twice, "A"), (twice, "B")),
        "update-twice": block("peserta_didik", Op.UPDATE, ["nama"], (pupil, "A"), (pupil, "B")),
        "delete-twice": block("peserta_didik", Op.DELETE, [], (pupil,), (pupil,)),
    }[what]
    crafted(school, given)
    result = life.ingest(school.export().file).files[0]
    assert (result.status, result.code) == ("quarantined", "KF-208")
    assert life.row("peserta_didik", pupil)["nama"] == "SISWA SATU"


def test_an_insert_of_a_row_that_stands_says_only_what_it_fills_in(life: Life, school: Sekolah, pupil: str) -> None:
    """The groups that it leaves empty are no opinion, wherever they stand; the ones between them are taken."""
    before = life.row("peserta_didik", pupil)
    crafted(school, block("peserta_didik", Op.INSERT, ["alamat_jalan", "email"], (pupil, "Jl. Baru 1", "baru@contoh.id")))
    assert life.ingest(school.export().file).files[0].counts.as_dict() == counts(applied=1)
    after = life.row("peserta_didik", pupil)
    assert {name for name in after if after[name] != before[name]} - {"last_update"} == {"alamat_jalan", "email"}
    assert (after["alamat_jalan"], after["email"]) == ("Jl. Baru 1", "baru@contoh.id")


def test_several_blocks_for_one_row_are_taken_one_after_another(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 29: made twice, edited twice, deleted twice: five changes, five outcomes, nothing broken."""
    row = "99000000-0000-4000-8000-000000000001"
    crafted(school,
        block("peserta_didik", Op.INSERT, ["nama"], (row, "A")), block("peserta_didik", Op.INSERT, ["nama", "email"], (row, "B", "b")),
        block("peserta_didik", Op.UPDATE, ["nama"], (row, "C")), block("peserta_didik", Op.DELETE, [], (row,)),
        block("peserta_didik", Op.DELETE, [], (row,)), block("peserta_didik", Op.UPDATE, ["nama"], (row, "D")),
        block("peserta_didik", Op.DELETE, [], (pupil,)), block("peserta_didik", Op.INSERT, ["nama"], (pupil, "E")),
    )  # fmt: skip
    result = life.ingest(school.export().file).files[0]
    assert result.status == "applied"
    assert result.counts.sent == 8
    assert life.row("peserta_didik", row)["nama"] == "D"
    assert life.row("peserta_didik", pupil)["nama"] == "E"


@pytest.mark.parametrize("key", ["a|b", "|", "", "x\0y", "'; DROP TABLE ptk; --", b"\xff", 7, 1.5])
def test_keys_that_are_no_ids_break_nothing(life: Life, school: Sekolah, pupil: str, key: object) -> None:
    """R23: made, edited and deleted under a key that no program of ours makes: refused under its code, kept aside, withdrawn."""
    crafted(school, block("peserta_didik", Op.INSERT, ["nama"], (key, "A")))
    assert life.ingest(school.export().file).files[0].counts.as_dict() == counts(refused=1)
    assert list(aside(school).values()) == ["KF-514"]
    crafted(school, block("peserta_didik", Op.UPDATE, ["email"], (key, "a@contoh.id")))
    assert life.ingest(school.export().file).files[0].counts.as_dict() == counts(refused=1)
    crafted(school, block("peserta_didik", Op.DELETE, [], (key,)))
    assert life.ingest(school.export().file).files[0].counts.as_dict() == counts(applied=1)
    assert aside(school) == {}
    school.apply(life.answer(school).file)
    assert equal(school)


@pytest.mark.parametrize("op", [Op.INSERT, Op.UPDATE, Op.DELETE])
@pytest.mark.parametrize("parts", [("s", "20261", "r", 1), ("s", "20|61", "r", 1), ("s", 20261, "r", "x"), (1, 2, 3, 4)])
def test_keys_of_several_columns_that_are_no_ids_break_nothing(
    life: Life, school: Sekolah, pupil: str, op: Op, parts: tuple[object, ...]
) -> None:
    """R23: the same where the key has four columns; the row's name alone does not say where one ends."""
    crafted(school, block("jadwal", op, [] if op is Op.DELETE else ["bel_ke_01"], parts if op is Op.DELETE else (*parts, pupil)))
    result = life.ingest(school.export().file).files[0]
    assert result.status == "applied"
    assert result.counts.as_dict() == (counts(same=1) if op is Op.DELETE else counts(refused=1))
    school.apply(life.answer(school).file)


@pytest.mark.parametrize("op", [Op.INSERT, Op.UPDATE, Op.DELETE])
def test_reference_rows_are_not_taken_from_schools(life: Life, school: Sekolah, pupil: str, op: Op) -> None:
    """Owner R: refused, told, and the centre's row as it was."""
    before = life.server.store.db.execute("SELECT * FROM ref_agama").fetchall()
    crafted(school, block("ref_agama", op, [] if op is Op.DELETE else ["nama"], (1,) if op is Op.DELETE else (1, "PALSU")))
    result = life.ingest(school.export().file).files[0]
    assert result.counts.as_dict() == counts(refused=1)
    assert told(school, 2) == [("1", "KF-519", False)]
    assert life.server.store.db.execute("SELECT * FROM ref_agama").fetchall() == before


def test_values_of_any_type_are_refused_by_their_column_and_kept(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 14: what is not of its column's type is told with the value, byte for byte, and does not stand at the server."""
    values = {"nama": 7, "tanggal_lahir": "31-12-2016", "agama_id": "Islam", "rt": "x", "lintang": "enam", "email": b"\xff\0"}
    crafted(school, *(block("peserta_didik", Op.UPDATE, [c.name for c in group], (pupil, *(values.get(c.name) for c in group)))
                      for group in {tuple(school.node.store.schema.by_name["peserta_didik"].group_of[name].columns) for name in values}))  # fmt: skip
    result = life.ingest(school.export().file).files[0]
    assert result.counts.as_dict()["refused"] == result.counts.sent
    sent = {column: value for line in lines(school, 2) for column, value in zip(line.columns, line.sent, strict=True)}
    assert {name: sent[name] for name in values} == values
    school.apply(life.answer(school).file)
    assert equal(school)


def test_counts_always_add_up(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 29, R4: a block whose rows were not all accounted for undoes everything and raises KF-502."""
    from exchange.server.taking import Taking

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Taking, "_update", lambda self, block, names: None)
        school.edit("peserta_didik", pupil, email="a@contoh.id")
        result = life.ingest(school.export().file).files[0]
    assert (result.status, result.code) in {("held", "KF-502"), ("quarantined", "KF-502")}
    assert 2 not in outcomes(school)
    with school.node.store.transaction():
        assert capture.cut(school.node.store).number is None
    assert life.ingest(school.export().file).files[0].status == "applied"
    assert life.row("peserta_didik", pupil)["email"] == "a@contoh.id"


def test_a_change_of_a_reference_row_is_refused_and_the_school_goes_on(life: Life, school: Sekolah, pupil: str) -> None:
    """KF-519: only a foreign program makes one; the return that says so is applied, and the next export is taken."""
    crafted(school, block("ref_agama", Op.UPDATE, ["nama"], (1, "PALSU")))
    assert school.round_trip().counts.as_dict() == counts(refused=1)
    school.edit("peserta_didik", pupil, rt=3)
    assert school.round_trip().counts.as_dict() == counts(applied=1)
    assert equal(school)
