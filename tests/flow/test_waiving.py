"""A held package waits without limit, or until a person waives it; what comes late still merges right (R11)."""

from __future__ import annotations

from pathlib import Path

import pytest

from exchange import errors
from exchange.overview import server_status
from exchange.server.waiving import waive
from tests.flow.test_recovery import Backups
from tests.flow.told import with_open_keys
from tests.life import Life, Sekolah, equal


@pytest.fixture
def pupil(life: Life, school: Sekolah) -> str:
    """A pupil whom both sides have."""
    with_open_keys(life)
    school.round_trip()
    return str(school.sql("SELECT peserta_didik_id FROM peserta_didik ORDER BY 1")[0][0])


@pytest.fixture
def held(life: Life, school: Sekolah, pupil: str) -> tuple[Path, Path]:
    """The first file was merged by a server that was restored since; the second waits for it, and the laptop is gone."""
    backups = Backups(life)
    backup = backups.server()
    school.edit("peserta_didik", pupil, alamat_jalan="Lama", rt=1)
    first = school.export().file
    life.ingest(first)
    school.apply(life.answer(school).file)
    school.edit("peserta_didik", pupil, alamat_jalan="Baru")
    school.pupil("SISWA TERAKHIR")
    second = school.export().file
    backups.restore_server(backup)
    assert [r.code for r in life.ingest(second).files] == ["KF-403"]
    return first, second


def test_it_waits_until_it_is_waived_and_is_taken_then(life: Life, school: Sekolah, pupil: str, held: tuple[Path, Path]) -> None:
    number = server_status(life.server)["held"][0]["number"]  # type: ignore[index]
    for _ in range(3):
        life.ingest()
        assert len(server_status(life.server)["held"]) == 1  # type: ignore[arg-type]
    done = waive(life.server, "00000001", number)
    assert done.counts.as_dict() == {"sent": 2, "applied": 2, "same": 0, "conflict": 0, "refused": 0, "held": 0}
    assert life.row("peserta_didik", pupil)["alamat_jalan"] == "Baru"
    assert life.server.store.db.value("SELECT count(*) FROM peserta_didik WHERE nama = 'SISWA TERAKHIR'") == 1
    assert server_status(life.server)["held"] == []
    assert waive(life.server, "00000001", number).counts.sent == 0, "a second time takes nothing twice"


def test_what_was_missing_comes_late_and_everything_is_merged_in_its_order(life: Life, school: Sekolah, pupil: str, held: tuple[Path, Path]) -> None:
    """R11: the older values do not undo the newer ones, and the file leaves the held folder."""
    waive(life.server, "00000001", server_status(life.server)["held"][0]["number"])  # type: ignore[index]
    first, _ = held
    assert life.ingest(first).files[0].status == "applied"
    row = life.row("peserta_didik", pupil)
    assert (row["alamat_jalan"], row["rt"]) == ("Lama", 1)
    school.apply(life.answer(school).file)
    life.ingest(school.export().file)
    school.apply(life.answer(school).file)
    row = life.row("peserta_didik", pupil)
    assert (row["alamat_jalan"], row["rt"]) == ("Baru", 1)


def test_the_missing_numbers_release_a_waived_file(life: Life, school: Sekolah, pupil: str) -> None:
    """R11: edited before and after the gap; the late file brings the older value, the waived one stands again behind it."""
    found = []
    for street in ("Satu", "Dua", "Tiga"):
        school.edit("peserta_didik", pupil, alamat_jalan=street)
        found.append(school.export())
        school.node.store.set(acknowledged=school.node.store.last)
    first, second, third = found
    assert [r.status for r in life.ingest(second.file, third.file).files] == ["held", "held"]
    assert waive(life.server, "00000001", third.number).counts.applied == 2
    assert waive(life.server, "00000001", second.number).counts.sent == 0
    assert life.row("peserta_didik", pupil)["alamat_jalan"] == "Tiga"
    assert life.ingest(first.file).files[0].status == "applied"
    assert life.row("peserta_didik", pupil)["alamat_jalan"] == "Tiga"
    assert server_status(life.server)["packages"]["held"] == 0  # type: ignore[index]
    school.node.store.set(acknowledged=0)
    school.round_trip()
    assert equal(school)


def test_an_edit_of_the_centre_stays_one_that_the_school_had_not_seen(life: Life, school: Sekolah, pupil: str, held: tuple[Path, Path]) -> None:
    """Rule 8: where the base was lost, the last common position takes its place; both values are told."""
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "Dinas")])
    done = waive(life.server, "00000001", server_status(life.server)["held"][0]["number"])  # type: ignore[index]
    assert (done.counts.conflict, done.counts.applied) == (1, 1)


def test_only_what_waits_for_missing_changes_can_be_waived(life: Life, school: Sekolah, pupil: str) -> None:
    """KF-405: no such file, a merged one, one that waits for its head."""
    school.edit("peserta_didik", pupil, rt=2)
    number = school.export().number
    for asked in (999, number):
        with pytest.raises(errors.NotWaivable):
            waive(life.server, "00000001", asked)
    life.server.store.db.execute("UPDATE tugas_tambahan SET jabatan_ptk_id = 1")
    assert life.ingest(school.export().file).files[0].code == "KF-310"
    with pytest.raises(errors.NotWaivable):
        waive(life.server, "00000001", number + 1)
