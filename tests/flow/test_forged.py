"""Who holds a laptop's key signs what he likes: numbers that do not follow one another are refused, and nothing of the file is merged."""

from __future__ import annotations

from pathlib import Path

import pytest

from exchange.format.body import Item
from exchange.records import Block, Op, Position
from tests.faults.badfiles import Forger
from tests.flow.test_intake import three_packages
from tests.life import Life, Sekolah, equal

ROW = "0f0c0000-0000-4000-8000-0000000000aa"

Items = list[tuple[Item, bytes]]


@pytest.fixture
def forger(life: Life, school: Sekolah) -> Forger:
    return Forger(life, school)


def pupils(forger: Forger, *numbers: int) -> Items:
    """Return changesets of these numbers, each with the same pupil."""
    table = forger.store.schema.by_name["peserta_didik"]
    block = Block(table, Op.INSERT, (table.by_name["nama"],), [[ROW], ["X"]])
    return [item for number in numbers for item in forger.changeset([block], number)]


def ingest(forger: Forger, body: bytes, folder: Path) -> tuple[str, str]:
    """Take a plaintext, sealed by the laptop, and return what became of it."""
    path = folder / "palsu.kirim"
    path.write_bytes(forger.seal(body))
    (result,) = forger.life.ingest(path).files
    return result.status, result.code


def in_ledger(life: Life) -> list[object]:
    """Return what the last package's entry says: first, last, position, and the counts."""
    return list(
        life.server.store.db.execute(
            "SELECT first, last, position, applied, same, conflict, refused, held FROM kirim_package ORDER BY seq DESC LIMIT 1"
        ).fetchone()
    )


@pytest.mark.parametrize(
    ("numbers", "last"),
    [((2,), 1), ((1, 3), 3), ((1, 1), 2), ((0,), 1), ((1, 2), 1), ((1,), 2), ((), 1)],
    ids=["behind a hole", "hole", "twice", "none", "more than said", "fewer than said", "nothing"],
)
def test_changesets_follow_one_another_up_to_the_number_that_is_said(
    life: Life, school: Sekolah, forger: Forger, tmp_path: Path, numbers: tuple[int, ...], last: int
) -> None:
    """KF-208. The pupil is not there, the chain has not moved, and the school's true package is taken afterwards."""
    assert ingest(forger, forger.body(pupils(forger, *numbers), last=last), tmp_path) == ("quarantined", "KF-208")
    assert life.row("peserta_didik", ROW) == {}
    assert life.server.store.db.value("SELECT count(*) FROM kirim_changeset WHERE scope = ? AND device <> ?", (school.scope, bytes(8))) == 0
    assert school.round_trip().status == "applied"
    assert equal(school)


def test_a_file_that_begins_behind_its_end_is_refused(life: Life, school: Sekolah, forger: Forger, tmp_path: Path) -> None:
    """KF-208: *first* fits the chain, and *last* lies before it."""
    school.round_trip()
    store = school.node.store
    there = store.db.value("SELECT value FROM kirim_changeset WHERE number = 1 AND device = ?", (store.device,))
    body = forger.body(first=Position(1, bytes(there)[:8]), last=0)
    assert ingest(forger, body, tmp_path) == ("quarantined", "KF-208")
    assert equal(school)


def test_reference_rows_come_from_the_centre_alone(life: Life, forger: Forger, tmp_path: Path) -> None:
    """KF-208: a changeset of reference rows in a school's package, under the right number."""
    (_, head), *blocks = pupils(forger, 1)
    body = forger.body([(Item.REFERENCE, head), *blocks], last=1)
    assert ingest(forger, body, tmp_path) == ("quarantined", "KF-208")
    assert life.row("peserta_didik", ROW) == {}


def test_what_nobody_can_read_brings_nothing_by_the_ledger(life: Life, forger: Forger, tmp_path: Path) -> None:
    """A receipt says of it that nothing was merged, from no number to none."""
    position = life.server.store.school_by_npsn("00000001").position
    assert ingest(forger, b"bukan isi", tmp_path)[0] == "quarantined"
    assert in_ledger(life) == [0, 0, position, 0, 0, 0, 0, 0]


def test_a_package_that_is_held_counts_every_change_behind_what_is_merged(life: Life, school: Sekolah) -> None:
    """Its receipt says how much waits, and when it goes on nothing does."""
    first, second, _ = three_packages(life, school)
    assert life.ingest(second).files[0].status == "held"
    assert in_ledger(life) == [1, 2, life.server.store.school_by_npsn(school.npsn).position, 0, 0, 0, 0, 1]
    assert life.ingest(first).files[0].status == "applied"
    assert life.server.store.db.execute("SELECT sum(held), sum(applied) FROM kirim_package WHERE state = 'merged'").fetchone()[0] == 0


def test_a_file_with_nothing_new_is_a_repeat_and_leaves_the_log_where_it_was(life: Life, school: Sekolah) -> None:
    """Its entry has no position of the log: nothing was merged."""
    path = school.export().file
    assert life.ingest(path).files[0].status == "applied"
    school.apply(life.answer(school).file)
    again = school.export().file
    position = life.server.store.school_by_npsn("00000001").position
    assert life.ingest(again).files[0].status == "applied"  # it says that the return was applied
    assert in_ledger(life)[2:] == [None, 0, 0, 0, 0, 0]
    assert life.server.store.school_by_npsn("00000001").position == position


def test_two_files_of_one_batch_that_know_a_lost_history_push_the_log_behind_both(life: Life, forger: Forger, tmp_path: Path) -> None:
    """Rule 25: the server was restored, and a stick brings two files of one school. No number that either has seen comes again."""
    for number, have in ((77, 50), (78, 40)):
        body = forger.body(have=Position(have, b"hilang!!"), last=0)
        (tmp_path / f"{number}.kirim").write_bytes(forger.seal(body, number=number))
    taken = life.ingest(tmp_path / "77.kirim", tmp_path / "78.kirim").files
    assert [(result.status, result.code) for result in taken] == [("held", "KF-403")] * 2
    school = life.server.store.school_by_npsn("00000001")
    assert (school.position, [lost.number for lost in life.server.store.lost(school)]) == (51, [50, 40])
