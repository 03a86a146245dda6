"""Reference rows that come in later reach every school, whatever its log does (docs/protocol.md 17 to 21)."""

from __future__ import annotations

from pathlib import Path

import pytest

from exchange.central.reference import import_reference
from exchange.overview import server_status
from exchange.packager import due, write_returns
from exchange.store.server import School
from tests.flow.test_recovery import Backups
from tests.flow.told import with_open_keys
from tests.life import Life, Sekolah


@pytest.fixture
def answered(life: Life, school: Sekolah) -> Sekolah:
    """A school that has applied all that the server has for it, and said so."""
    with_open_keys(life)
    school.round_trip()
    school.round_trip()
    life.ingest(school.export().file)
    assert not due(life.server, row(school))
    return school


def row(school: Sekolah) -> School:
    """Return a school as the server knows it."""
    found = school.life.server.store.school(school.scope)
    assert found is not None
    return found


def bring(life: Life, number: int) -> None:
    """Let one more religion come in at the centre."""
    path: Path = life.folder / "ref_agama.csv"
    path.write_text(f"agama_id,nama\n{number},Contoh {number}\n")
    import_reference(life.server.store, path)


def religions(school: Sekolah) -> set[object]:
    """Return the numbers of the made-up religions that a laptop knows."""
    return {number for (number,) in school.sql("SELECT agama_id FROM ref_agama WHERE agama_id BETWEEN 70 AND 79")}


def test_reference_rows_reach_a_school_for_which_nothing_else_happened(life: Life, answered: Sekolah) -> None:
    bring(life, 70)
    assert answered.npsn in [one["npsn"] for one in server_status(life.server)["behind"]]  # type: ignore[attr-defined]
    (made,) = [one for one in write_returns(life.server, all_=True).written if one.npsn == answered.npsn]
    answered.apply(made.file)
    assert religions(answered) == {70}
    life.ingest(answered.export().file)
    assert not due(life.server, row(answered))
    assert row(answered).reference == life.server.store.reference


def test_reference_rows_that_came_after_a_return_was_written_are_news_to_whoever_applied_it(life: Life, answered: Sekolah) -> None:
    bring(life, 70)
    answered.apply(life.answer(answered).file)
    bring(life, 71)
    answered.apply(life.answer(answered).file)
    assert religions(answered) == {70, 71}


def test_a_lost_return_with_reference_rows_is_made_up_for_without_another_step_of_the_log(life: Life, answered: Sekolah) -> None:
    bring(life, 70)
    life.answer(answered)
    before = row(answered).position
    answered.apply(life.answer(answered).file)
    assert religions(answered) == {70}
    assert row(answered).position == before


def test_reference_rows_come_with_the_answer_to_a_package_that_says_nothing_new(life: Life, answered: Sekolah) -> None:
    bring(life, 70)
    answered.round_trip()
    assert religions(answered) == {70}


def test_a_school_whose_prefill_brought_them_is_not_owed_reference_rows(life: Life, school: Sekolah) -> None:
    bring(life, 70)
    other = life.school("00000009")
    with_open_keys(life)
    assert religions(other) == {70}
    assert row(other).reference == life.server.store.reference
    other.round_trip()
    assert row(other).reference == life.server.store.reference


def test_a_restored_server_gives_reference_rows_to_whoever_had_the_lost_ones_under_their_numbers(life: Life, answered: Sekolah) -> None:
    backups = Backups(life)
    backup = backups.server()
    for number in (70, 71):
        bring(life, number)
    answered.round_trip()
    backups.restore_server(backup)
    bring(life, 72)
    answered.round_trip()
    answered.round_trip()
    assert religions(answered) == {70, 71, 72}
    bring(life, 73)
    answered.round_trip()
    assert 73 in religions(answered)
    life.ingest(answered.export().file)
    assert not due(life.server, row(answered))
