"""A dry run tells what the real one will, and leaves no trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from exchange.ingest import apply_files
from exchange.rehearsing import rehearse_apply, rehearse_ingest
from tests.faults.world import files, tables
from tests.flow.told import with_open_keys
from tests.life import Life, Sekolah


@pytest.fixture(autouse=True)
def _keys(life: Life) -> None:
    with_open_keys(life)


def traces(home: Path) -> dict[str, bytes]:
    """Return a home's files but those of SQLite, which a transaction that is undone may touch."""
    return {name: content for name, content in files(home).items() if ".db" not in name}


def hostile(life: Life, school: Sekolah, other: Sekolah) -> list[Path]:
    """Return files of which one is good, one held, one a repeat, one damaged and one a photograph."""
    first = school.export().file
    life.ingest(first)
    school.pupil("SISWA DUA")
    second = school.export().file
    cut = life.folder / "terpotong.kirim"
    cut.write_bytes(second.read_bytes()[:-40])
    photograph = life.folder / "foto.kirim"
    photograph.write_bytes(b"\xff\xd8\xff\xe0" + bytes(500))
    late = other.export().file
    life.server.store.db.execute("UPDATE tugas_tambahan SET jabatan_ptk_id = 1 WHERE kirim_home = ?", (other.scope,))
    return [first, second, second, cut, photograph, late]


def test_ingest_is_told_before_it_is_done(life: Life, school: Sekolah, other: Sekolah) -> None:
    """Status, code and counts of each file are the real run's; no table, folder or file changes."""
    given = hostile(life, school, other)
    before = dict(tables(life.server)), traces(life.server.home)
    told = rehearse_ingest(life.server, given)
    assert (dict(tables(life.server)), traces(life.server.home)) == before
    assert told.as_json() == life.ingest(*given).as_json()
    assert {result.status for result in told.files} == {"applied", "duplicate", "held", "quarantined"}


def test_a_held_package_would_go_on(life: Life, school: Sekolah, other: Sekolah) -> None:
    """What a dry run would release stays held, and says what it will become."""
    hostile(life, school, other)
    late = other.export().file
    assert life.ingest(late).files[0].status == "held"
    life.server.store.db.execute("UPDATE tugas_tambahan SET jabatan_ptk_id = 2 WHERE kirim_home = ?", (other.scope,))
    before = dict(tables(life.server)), traces(life.server.home)
    told = rehearse_ingest(life.server, [late])
    assert (dict(tables(life.server)), traces(life.server.home)) == before
    assert told.as_json() == life.ingest(late).as_json()


def test_a_return_is_told_before_it_is_applied(life: Life, school: Sekolah) -> None:
    """Incoming rows, replaced values, conflicts and refusals are the real run's; the laptop does not change."""
    pupil = str(school.sql("SELECT peserta_didik_id FROM peserta_didik")[0][0])
    school.round_trip()
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "Dinas")])
    school.edit("peserta_didik", pupil, alamat_jalan="Sekolah")
    life.ingest(school.export().file)
    life.change("dinas", [("peserta_didik", pupil, "email", "dinas@contoh.id")])
    answer = life.answer(school).file
    before = dict(tables(school.node)), traces(school.home)
    told = rehearse_apply(school.node, [answer, life.folder / "tidak-ada.kirim"])
    assert (dict(tables(school.node)), traces(school.home)) == before
    done = apply_files(school.node, [answer, life.folder / "tidak-ada.kirim"])
    assert told.as_json() == done.as_json()
    assert done.report.incoming
    assert done.report.lines


def test_the_first_return_tried_keeps_the_code(life: Life, school: Sekolah) -> None:
    """A laptop that only looked at its first return can still open what is sealed to its code."""
    life.ingest(school.export().file)
    answer = life.answer(school).file
    rehearse_apply(school.node, [answer])
    assert school.node.store.get("code")
    assert (school.home / "kunci" / "kode").exists()
    assert school.apply(answer) is not None
    assert not (school.home / "kunci" / "kode").exists()
