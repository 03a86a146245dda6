"""One package at the server: where it may begin, what was taken before, and what it lets in that waited."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exchange.records import Op, Position
from exchange.school.carrying import move
from exchange.store import chains
from tests.faults.badfiles import Forger
from tests.flow.test_laptops import second
from tests.flow.test_merge import UNKNOWN, card, member, rombel
from tests.flow.test_rebuilding import rebuilt
from tests.flow.told import aside, block, counts, crafted, marked, show, with_open_keys
from tests.life import Life, Sekolah, equal


@pytest.fixture
def pupil(life: Life, school: Sekolah) -> str:
    """A pupil whom both sides have; nothing is unsent, and the school's list knows a code more than the server's."""
    with_open_keys(life)
    school.round_trip()
    school.sql("INSERT INTO ref_agama (agama_id, nama) VALUES (?, 'Contoh')", UNKNOWN)
    return str(school.sql("SELECT peserta_didik_id FROM peserta_didik")[0][0])


def code_comes(life: Life) -> None:
    """The centre learns the code that the school's list has."""
    life.server.store.db.execute("INSERT INTO ref_agama (agama_id, nama) VALUES (?, 'Contoh')", (UNKNOWN,))
    del life.server.codes


# --- where it may begin -----------------------------------------------------------------------


def test_a_gap_names_the_number_that_came_and_the_one_that_is_missing(life: Life, school: Sekolah, pupil: str) -> None:
    """KF-401: the operator is told which export to look for."""
    store = school.node.store
    for n in range(2):
        school.edit("peserta_didik", pupil, alamat_jalan=f"Jalan {n}")
        late = school.export().file
        store.set(acknowledged=store.last)  # as if a return had come, so each file carries one
    error = life.ingest(late).files[0].error
    assert (error.code, error.got, error.expected) == ("KF-401", store.last, store.last - 1)  # type: ignore[union-attr]


def test_a_file_that_begins_on_another_branch_is_a_fork_whatever_it_brings(
    life: Life, school: Sekolah, pupil: str, tmp_path: Path
) -> None:
    """Rule 24, KF-402: the number before its first changeset is known here with another value."""
    forger, last = Forger(life, school), school.node.store.last
    path = tmp_path / "cabang.kirim"
    path.write_bytes(forger.seal(forger.body(first=Position(last, b"cabang!!"), last=last)))
    result = life.ingest(path).files[0]
    assert (result.status, result.code) == ("quarantined", "KF-402")
    assert equal(school)


def test_a_base_of_another_history_at_the_very_position_that_a_school_has_is_taken_with_what_it_has_surely_seen(
    life: Life, school: Sekolah, pupil: str
) -> None:
    """Rule 6 holds a base beyond what the school has; this one is not beyond it, and what the centre said after it is unseen."""
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "Dinas")])
    school.round_trip()
    have = school.node.store.have_position
    crafted(school, block("peserta_didik", Op.UPDATE, ["alamat_jalan"], (pupil, "Sekolah")), base=Position(have.number, b"lain!!!!"))
    result = life.ingest(school.export().file).files[0]
    assert (result.status, result.counts.as_dict()) == ("applied", counts(conflict=1))


# --- what says nothing new --------------------------------------------------------------------


def test_known_changesets_are_a_repeat_unless_the_package_says_that_a_return_was_applied(life: Life, school: Sekolah, pupil: str) -> None:
    """The operator of the server reads which files brought something."""
    school.edit("peserta_didik", pupil, alamat_jalan="Satu")
    first, again = school.export().file, school.export().file
    assert [life.ingest(path).files[0].status for path in (first, again)] == ["applied", "duplicate"]
    answer = life.answer(school).file
    school.edit("peserta_didik", pupil, alamat_jalan="Dua")
    life.ingest(school.export().file)
    school.apply(answer)  # of the first change only: the second one is sent once more
    path = school.export().file
    assert life.ingest(path).files[0].status == "applied"
    assert life.server.store.db.value("SELECT have FROM kirim_school") == school.node.store.have_position.number


def test_a_package_without_changes_is_no_repeat(life: Life, school: Sekolah, pupil: str) -> None:
    """It says that the school has nothing to send, each time."""
    assert [life.ingest(school.export().file).files[0].status for _ in range(2)] == ["applied"] * 2


# --- what was taken before --------------------------------------------------------------------


def test_a_changeset_that_was_taken_under_another_number_has_no_second_effect(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 5: it is kept at its new number, what stands at the server goes back, and what the dinas said since stays."""
    store = school.node.store
    school.edit("peserta_didik", pupil, alamat_jalan="Satu")
    card(school, pupil)
    assert school.round_trip().counts.applied == 2
    number = store.last
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "Dinas")])
    school.round_trip()

    with store.transaction():
        move(store, store, store.device, number - 1, number)
    result = life.ingest(school.export().file).files[0]
    assert (result.status, result.counts.sent, store.last) == ("applied", 0, number + 1)
    assert life.row("peserta_didik", pupil)["alamat_jalan"] == "Dinas"
    db = life.server.store.db
    kept = list(chains.read_parts(db, school.scope, store.device, store.last))
    assert kept == list(chains.read_parts(store.db, store.scope, store.device, store.last))

    school.apply(life.answer(school).file)
    assert school.row("peserta_didik", pupil)["alamat_jalan"] == "Dinas"
    assert store.acknowledged == store.last
    assert store.db.value("SELECT count(*) FROM kirim_lock WHERE row = ?", (pupil,)) == 0
    school.edit("peserta_didik", pupil, alamat_jalan="Dua")
    assert school.round_trip().counts.as_dict() == counts(applied=1)
    assert equal(school)
    assert rebuilt(life).equal


# --- what it lets in --------------------------------------------------------------------------


def test_a_package_without_changes_lets_in_what_waited_for_the_centre(life: Life, school: Sekolah, other: Sekolah, pupil: str) -> None:
    """Rule 12. The open row's NISN is another school's pupil's by now, which both hear of; who sees the row sees it enter."""
    waits = school.pupil("BELUM", agama_id=UNKNOWN, nisn="0099999999")
    group = rombel(school)
    hangs = member(school, group, waits)
    school.round_trip()
    assert set(aside(school)) == {waits, hangs}
    other.pupil("LAIN", nisn="0099999999")
    other.round_trip()
    show(life, "peserta_didik", waits, school, other)

    code_comes(life)
    result = school.round_trip()
    assert (result.status, result.counts.sent) == ("applied", 0)
    assert aside(school) == marked(school) == {}
    assert life.row("peserta_didik", waits)["nama"] == "BELUM"
    assert life.row("anggota_rombel", hangs)["peserta_didik_id"] == waits
    assert equal(school)
    found = school.sql("SELECT entity_id FROM vld_data WHERE soft_delete = 0 AND error_message LIKE '%0099999999%'")
    assert found == [(waits,)]
    other.round_trip()
    assert other.row("peserta_didik", waits)["nama"] == "BELUM"
    assert equal(other)


# --- whose word counts ------------------------------------------------------------------------


def test_what_was_known_of_a_former_laptop_is_not_known_of_the_next_one(life: Life, school: Sekolah, pupil: str) -> None:
    """A new laptop's digests and position are its own, although the former one had come further in the log."""
    new = second(life)
    with_open_keys(life)
    for n in range(3):
        life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", f"Dinas {n}")])
        school.round_trip()
    db = life.server.store.db
    assert db.value("SELECT digests FROM kirim_school") not in (None, "{}")
    assert db.value("SELECT have FROM kirim_school") > new.node.store.have_position.number
    body = Forger(life, new).body(last=0)
    path = life.folder / "baru.kirim"
    path.write_bytes(Forger(life, new).seal(body, number=1))
    assert life.ingest(path).files[0].status == "applied"
    assert db.value("SELECT digests FROM kirim_school") in (None, "{}")
    assert db.value("SELECT have FROM kirim_school") == new.node.store.have_position.number


def test_digests_are_kept_from_where_the_next_file_may_begin(life: Life, school: Sekolah, pupil: str) -> None:
    """R28: a file names only the tables that changed since its first changeset; what was told before that is not needed."""

    def kept() -> list[int]:
        return sorted(map(int, json.loads(str(life.server.store.db.value("SELECT digests FROM kirim_school")))))

    first = school.node.store.last
    for n in (1, 2):
        school.edit("peserta_didik", pupil, alamat_jalan=f"Jalan {n}")
        life.ingest(school.export().file)
    assert kept() == [first, first + 1, first + 2]
    school.apply(life.answer(school).file)
    school.edit("peserta_didik", pupil, alamat_jalan="Jalan 3")
    life.ingest(school.export().file)
    assert kept() == [first + 2, first + 3]
