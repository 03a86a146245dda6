"""The centre's own changes by a list: who may say what, what fits nothing, and who is made head."""

from __future__ import annotations

import csv
import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.flow.program import Done, World, kirim

HEADER = ("table", "id", "column", "value", "verified", "baru")
STRANGER = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A school whose lists have arrived at the server and which has applied the answer."""
    world = World(tmp_path_factory.mktemp("dunia") / "asli")
    world.make()
    assert world.take_lists().status == 0
    assert world.round_trip().status == 0
    return world


@pytest.fixture
def world(made: World, tmp_path: Path) -> World:
    """A copy of it, for one test."""
    shutil.copytree(made.folder, tmp_path / "dunia")
    return World(tmp_path / "dunia")


def listed(world: World, *rows: Sequence[str]) -> Path:
    """Write a list of changes; short rows are filled up."""
    path = world.folder / "ubah.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER, *([*row, *[""] * (6 - len(row))] for row in rows)])
    return path


def change(world: World, as_: str, *rows: Sequence[str]) -> Done:
    """Give a list to the server."""
    return world.server("change", "--as", as_, listed(world, *rows))


def asked(world: World, statement: str) -> list[tuple[object, ...]]:
    """Read the server's tables."""
    with sqlite3.connect(world.server_home / "server.db") as db:
        found: list[tuple[object, ...]] = db.execute(statement).fetchall()
    db.close()
    return found


def heads(world: World) -> list[tuple[object, ...]]:
    """Return every duty as head: name, post, whether it goes on."""
    return asked(
        world,
        "SELECT nama, jabatan_ptk_id, tst_tambahan IS NULL FROM tugas_tambahan t JOIN ptk USING (ptk_id) "
        "WHERE jabatan_ptk_id IN (2, 33) ORDER BY t.rowid",
    )


def state(world: World) -> list[list[tuple[object, ...]]]:
    """Return all that a list could have changed."""
    tables = ("sekolah", "ptk", "ptk_terdaftar", "tugas_tambahan", "peserta_didik", "kirim_log", "kirim_school")
    return [asked(world, f"SELECT * FROM {table}") for table in tables]


def counts(done: Done) -> tuple[int, int, int]:
    """Return what was changed, what stood so, and how many rows fit nothing."""
    return done.json["changed"], done.json["unchanged"], len(done.json["unmatched"])


# --- heads ------------------------------------------------------------------------------------


def test_the_present_head_again_writes_nothing_and_the_school_exports_on(world: World) -> None:
    """By id, by name and in other letters: each counts as unchanged, and the head's key still fits the duty."""
    before = state(world)
    ((ptk,),) = asked(world, "SELECT ptk_id FROM tugas_tambahan WHERE jabatan_ptk_id = 2")
    for who in (str(ptk), "KEPALA CONTOH", "  kepala   contoh "):
        done = change(world, "dinas", ("sekolah", world.npsn, "kepala_sekolah", who))
        assert (done.status, counts(done), done.json["schools"]) == (0, (0, 1, 0), 0)
    assert state(world) == before
    assert world.round_trip().status == 0
    assert world.export().status == 0


def test_a_name_that_nobody_has_is_unmatched_unless_the_list_says_new(world: World) -> None:
    """A typing error makes no person and takes no post; with ``baru`` the person is made and named."""
    before = state(world)
    mistyped = change(world, "dinas", ("sekolah", world.npsn, "kepala_sekolah", "KEPALA CONTHO"))
    assert (mistyped.status, mistyped.error["code"], counts(mistyped)) == (1, "KF-132", (0, 0, 1))
    assert state(world) == before
    done = change(world, "dinas", ("sekolah", world.npsn, "kepala_sekolah", "KEPALA BARU", "", "1"))
    assert (done.status, counts(done)) == (0, (1, 0, 0))
    (person,) = done.json["made"]
    assert (person["line"], person["npsn"], person["nama"]) == (2, world.npsn, "KEPALA BARU")
    assert heads(world) == [("KEPALA CONTOH", 2, 0), ("KEPALA BARU", 2, 1)]
    after = state(world)
    again = change(world, "dinas", ("sekolah", world.npsn, "kepala_sekolah", "KEPALA BARU", "", "1"))
    assert (again.status, counts(again), again.json["made"]) == (0, (0, 1, 0), [])
    assert state(world) == after


def test_people_read_whom_a_list_has_made(world: World) -> None:
    """In their own language, beside the counts."""
    path = listed(world, ("sekolah", world.npsn, "plt", "PLT BARU", "", "ya"))
    done = kirim("server", "change", "--as", "dinas", path, "--home", world.server_home)
    assert (done.status, done.err) == (0, "")
    assert f"orang baru di NPSN {world.npsn}: PLT BARU" in done.out


@pytest.mark.parametrize("who", ["verval", "pusat"])
def test_only_the_dinas_assigns_heads(world: World, who: str) -> None:
    """KF-131 names the speaker and the one who may; nothing of the list is taken."""
    before = state(world)
    done = change(world, who, ("sekolah", world.npsn, "kepala_sekolah", "KEPALA BARU", "", "1"))
    assert (done.status, done.error["code"]) == (1, "KF-131")
    assert who in done.error["what"]
    assert "dinas" in done.error["next"]
    assert state(world) == before


@pytest.mark.parametrize("value", ["", "   ", "X" * 200])
def test_an_empty_or_endless_name_assigns_nobody(world: World, value: str) -> None:
    """KF-109, as any other value that cannot be; the good row beside it is not taken either."""
    before = state(world)
    good = ("sekolah", world.npsn, "nomor_telepon", "0990001")
    done = change(world, "dinas", good, ("sekolah", world.npsn, "kepala_sekolah", value, "", "1"))
    assert (done.status, done.error["code"]) == (1, "KF-109")
    assert "3" in done.error["what"]
    assert state(world) == before


def test_two_heads_for_one_school_in_one_list_are_refused(world: World) -> None:
    """The second would undo the first."""
    before = state(world)
    rows = [("sekolah", world.npsn, post, "KEPALA BARU", "", "1") for post in ("kepala_sekolah", "plt")]
    done = change(world, "dinas", *rows)
    assert (done.status, done.error["code"]) == (1, "KF-109")
    assert state(world) == before


def test_a_name_that_two_have_and_an_id_that_nobody_has_assign_nobody(world: World) -> None:
    """Neither is guessed, and no person is named by an id; also where the list says that the person is new."""
    change(world, "dinas", ("sekolah", world.npsn, "plt", "KEMBAR", "", "1"))
    with sqlite3.connect(world.server_home / "server.db") as db:
        others = "SELECT max(ptk_id) FROM ptk WHERE nama NOT IN ('KEMBAR', 'KEPALA CONTOH')"
        db.execute(f"UPDATE ptk SET nama = 'Kembar' WHERE ptk_id = ({others})")
    db.close()
    before = state(world)
    for who in ("KEMBAR", STRANGER):
        done = change(world, "dinas", ("sekolah", world.npsn, "kepala_sekolah", who, "", "1"))
        assert (done.status, counts(done)) == (1, (0, 0, 1))
    assert state(world) == before


# --- rows that fit nothing --------------------------------------------------------------------


def test_rows_that_fit_nothing_are_listed_and_the_others_are_taken_in_part(world: World) -> None:
    """A pupil, a school and a person whom nobody knows, beside a good row: status 3, each named by its row."""
    done = change(
        world,
        "dinas",
        ("peserta_didik", STRANGER, "email", "dinas@contoh.id"),
        ("sekolah", "09999999", "nomor_telepon", "0990002"),
        ("sekolah", "09999998", "kepala_sekolah", "KEPALA BARU", "", "1"),
        ("sekolah", world.npsn, "kepala_sekolah", "BUKAN SIAPA SIAPA"),
        ("sekolah", world.npsn, "nomor_telepon", "0990003"),
    )
    assert (done.status, counts(done), "error" in done.json) == (3, (1, 0, 4), False)
    assert [(one["line"], one["table"], one["id"], one["column"]) for one in done.json["unmatched"]] == [
        (2, "peserta_didik", STRANGER, "email"),
        (3, "sekolah", "09999999", "nomor_telepon"),
        (4, "sekolah", "09999998", "kepala_sekolah"),
        (5, "sekolah", world.npsn, "kepala_sekolah"),
    ]
    assert asked(world, "SELECT nomor_telepon FROM sekolah") == [("0990003",)]
    again = kirim("server", "change", "--as", "dinas", world.folder / "ubah.csv", "--home", world.server_home)
    assert again.status == 3
    assert "baris 3: sekolah 09999999, nomor_telepon" in again.out


def test_a_list_of_which_nothing_fits_fails_and_says_so(world: World) -> None:
    """Status 1 with the error and the list of rows; nothing is changed."""
    before = state(world)
    done = change(world, "dinas", ("peserta_didik", STRANGER, "email", "dinas@contoh.id"))
    assert (done.status, done.error["code"], counts(done)) == (1, "KF-132", (0, 0, 1))
    people = kirim("server", "change", "--as", "dinas", world.folder / "ubah.csv", "--home", world.server_home)
    assert people.status == 1
    assert "KF-132" in people.err
    assert state(world) == before


def test_a_column_of_another_speaker_is_told_in_its_own_words(world: World) -> None:
    """Not as a value that cannot be: who may, and what to do."""
    ((pupil,),) = asked(world, "SELECT min(peserta_didik_id) FROM peserta_didik")
    done = change(world, "verval", ("peserta_didik", str(pupil), "email", "verval@contoh.id"))
    assert (done.status, done.error["code"]) == (1, "KF-131")
    assert all(word in done.error["what"] for word in ("ubah.csv", "verval", "email"))
    assert "--as dinas, pusat" in done.error["next"]


# --- lines that cannot be ---------------------------------------------------------------------


def refused(world: World, as_: str, code: str, *rows: Sequence[str]) -> str:
    """Give a list that is refused whole, and return what is said of it; neither the tables nor any log have moved."""
    before = state(world)
    done = change(world, as_, *rows)
    assert (done.status, done.error["code"]) == (1, code)
    assert state(world) == before
    return str(done.error["what"])


@pytest.fixture
def pupil(world: World) -> str:
    """A pupil's id."""
    return str(asked(world, "SELECT min(peserta_didik_id) FROM peserta_didik")[0][0])


@pytest.mark.parametrize(
    "value", ["--5", "-", "²", "٣", "1_0", "1" * 5000, "0" * 5000 + "1", "1e1", "+", "5.0"],
    ids=["two signs", "a sign", "superscript", "arabic", "underscore", "long", "zeros", "exponent", "plus", "fraction"],
)  # fmt: skip
def test_a_number_that_is_none_is_named_by_its_row(world: World, pupil: str, value: str) -> None:
    said = refused(world, "pusat", "KF-109", ("peserta_didik", pupil, "nama", "APA"), ("peserta_didik", pupil, "rt", value))
    assert "baris 3: rt" in said


@pytest.mark.parametrize("value", ["nan", "inf", "1e999", "1_0", "٣"])
def test_a_length_that_is_no_number_is_named_by_its_row(world: World, value: str) -> None:
    assert "baris 2: panjang" in refused(world, "pusat", "KF-109", ("ruang", STRANGER, "panjang", value))


@pytest.mark.parametrize(
    ("table", "row", "column", "value"),
    [
        ("peserta_didik", "{pupil}|x", "nama", "APA"),
        ("peserta_didik", "bukan-uuid", "nama", "APA"),
        ("peserta_didik_longitudinal", "{pupil}", "berat_badan", "20"),
        ("peserta_didik_longitudinal", "{pupil}|20261|3", "berat_badan", "20"),
        ("peserta_didik_longitudinal", "{pupil}|xxxxxxxxxx", "berat_badan", "20"),
        ("peserta_didik_longitudinal", "{pupil}|99999", "berat_badan", "20"),
        ("peserta_didik_longitudinal", "{pupil}|", "berat_badan", "20"),
        ("registrasi_peserta_didik", "bukan-uuid", "sekolah_id", "{school}"),
        ("tanah_longitudinal", "{pupil}|²", "njop", "20"),
        ("anggota_rombel", "\'; drop table x", "peserta_didik_id", "{pupil}"),
    ],
)
def test_an_id_that_no_row_can_have_is_refused_and_no_row_is_made(
    world: World, pupil: str, table: str, row: str, column: str, value: str
) -> None:
    """A school could neither send such a row nor mend it."""
    ((school,),) = asked(world, "SELECT sekolah_id FROM sekolah")
    counted = f"SELECT count(*) FROM {table}"
    before = asked(world, counted)
    given = (table, row.format(pupil=pupil), column, value.format(school=school, pupil=pupil))
    assert "baris 2: id" in refused(world, "pusat", "KF-109", given)
    assert asked(world, counted) == before


def test_every_line_that_cannot_be_is_named_at_once(world: World, pupil: str) -> None:
    lines = [
        ("peserta_didik", pupil, "nama", "APA"), ("peserta_didik", pupil, "rt", "--5"), ("bukan_tabel", pupil, "rt", "5"),
        ("peserta_didik", "x", "rt", "5"), ("peserta_didik", pupil, "bukan_kolom", "5"), ("peserta_didik", pupil, "rw", "7"),
    ]  # fmt: skip
    assert "baris 3: rt berisi --5, tidak dapat diterima; juga baris 4, 5, 6" in refused(world, "pusat", "KF-109", *lines)


def test_two_lines_for_one_cell_are_refused_with_both_rows(world: World, pupil: str) -> None:
    """KF-133: neither is followed, also when both say the same, and however the id is written."""
    lines = [("peserta_didik", pupil, "rt", "5"), ("peserta_didik", pupil, "rw", "7"), ("peserta_didik", pupil.upper(), "rt", "6")]
    said = refused(world, "pusat", "KF-133", *lines)
    assert all(part in said for part in ("baris 2, 4", "rt", pupil))
    assert counts(change(world, "pusat", *lines[:2])) == (1, 0, 0)


def test_a_delete_is_for_whoever_may_set_all_that_the_row_holds(world: World, pupil: str) -> None:
    """A pupil's row holds what verval does not own, and what the dinas does not: only the centre deletes it."""
    for as_ in ("verval", "dinas"):
        assert "soft_delete" in refused(world, as_, "KF-131", ("peserta_didik", pupil, "soft_delete", "1"))
    ((duty,),) = asked(world, "SELECT min(ptk_tugas_tambahan_id) FROM tugas_tambahan")
    refused(world, "verval", "KF-131", ("tugas_tambahan", str(duty), "soft_delete", "1"))
    assert counts(change(world, "dinas", ("tugas_tambahan", str(duty), "soft_delete", "1"))) == (1, 0, 0)
    assert counts(change(world, "pusat", ("peserta_didik", pupil, "soft_delete", "1"))) == (1, 0, 0)
    assert asked(world, f"SELECT soft_delete FROM peserta_didik WHERE peserta_didik_id = '{pupil}'") == [(1,)]
