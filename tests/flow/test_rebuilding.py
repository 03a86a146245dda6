"""The server's database is made again from the archive and the keys alone, and is the same, row for row."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from exchange import mirror
from exchange.evidence import rebuilding
from exchange.evidence.rebuilding import Rebuilt
from exchange.nodes import ServerNode
from tests.flow.test_intake import three_packages
from tests.flow.told import with_open_keys
from tests.life import Life, Sekolah, equal

LABELS = {"create_date", "last_update"}
"""When a row was written, by the machine's clock: two columns of every exchanged table."""

OPERATIONS = ("owed-", "tried-", "program")
"""Names in ``kirim_meta`` that say what is still to do, not what happened."""


@pytest.fixture(autouse=True)
def _keys(life: Life) -> None:
    with_open_keys(life)


def content(server: ServerNode) -> dict[str, list[tuple[object, ...]]]:
    """Return every table of a server, but what is only a label of the clock or still to do."""
    db = server.store.db
    found = {}
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall():
        left_out = LABELS if not table.startswith("kirim_") else {"made_at"} if table == "kirim_log" else set()
        names = [n for (n,) in db.execute("SELECT name FROM pragma_table_info(?)", (table,)) if n not in left_out]
        rows = db.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY rowid").fetchall()
        if table in {"kirim_meta", "kirim_kip"}:  # of these nobody reads in which order they were written
            rows = sorted(row for row in rows if not str(row[0]).startswith(OPERATIONS))
        if table == "kirim_act":
            rows = []  # until it stands in the archive
        found[table] = rows
    return found


def rebuilt(life: Life) -> Rebuilt:
    """Rebuild a life's server beside it and compare every table."""
    into = life.folder / "lagi"
    made = rebuilding.rebuild(life.server.home, into, clock=life.clock)
    again = ServerNode.open(into, clock=life.clock)
    try:
        now, then = content(again), content(life.server)
        for table in then:
            assert now[table] == then[table], table
    finally:
        again.close()
    return made


def test_packages_and_the_centres_changes_are_replayed(life: Life, school: Sekolah, other: Sekolah) -> None:
    """Two schools, changes of verval and dinas, a KIP list, a conflict: the rebuilt database is equal."""
    pupil = school.pupil()
    school.round_trip()
    other.pupil("SISWA DUA")
    other.round_trip()
    life.change("verval", [("peserta_didik", pupil, "nama", "NAMA BENAR")], verified=True)
    life.kip([(pupil, "AB1234")])
    school.edit("peserta_didik", pupil, nama="NAMA LAIN", alamat_jalan="Jl. Contoh")
    school.round_trip()
    made = rebuilt(life)
    assert made.equal
    assert (made.replayed.packages, made.schools, made.replayed.compared) == (3, 2, 2)


def rebuild_by_command(home: Path, into: Path, seed: str = "0") -> tuple[int, dict[str, object]]:
    """Run the command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "exchange", "server", "rebuild", "--home", home, "--into", into, "--json"],
        capture_output=True, check=False, env={**os.environ, "PYTHONHASHSEED": seed},
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout)


def test_another_process_makes_the_same_again(life: Life, school: Sekolah, other: Sekolah) -> None:
    """With hashes of its own, without the old database, and then beside it; a database that was touched is named."""
    school.pupil("SISWA SATU", nisn="9900000001")
    other.pupil("SISWA DUA", nisn="9900000001")
    school.round_trip()
    other.round_trip()
    life.server.close()
    shutil.copytree(life.server.home, life.folder / "simpanan", ignore=shutil.ignore_patterns("*.db*", "outbox", "inbox"))
    code, told = rebuild_by_command(life.folder / "simpanan", life.folder / "lagi", "1")
    assert (code, told["equal"], told["packages"]) == (0, None, 2)
    life.server = ServerNode.open(life.server.home, clock=life.clock)
    again = ServerNode.open(life.folder / "lagi", clock=life.clock)
    now, then = content(again), content(life.server)
    again.close()
    assert [table for table in then if now[table] != then[table]] == []
    code, told = rebuild_by_command(life.server.home, life.folder / "ketiga", "2")
    assert (code, told["equal"]) == (0, True)
    with life.server.store.db.unkept():  # as a hand in the database
        life.server.store.db.execute("UPDATE peserta_didik SET nama = 'LAIN' WHERE kirim_home = ?", (school.scope,))
    code, told = rebuild_by_command(life.server.home, life.folder / "keempat")
    assert (code, told["equal"]) == (1, False)
    assert [(d["npsn"], d["table"]) for d in told["differences"]] == [(school.npsn, "peserta_didik")]


def test_a_rebuilt_server_goes_on(life: Life, school: Sekolah) -> None:
    """The disk is gone, the archive and the keys were kept elsewhere: the next round trip is an ordinary one."""
    school.pupil()
    school.round_trip()
    lost = school.export().file
    life.ingest(lost)
    life.server.close()
    made = rebuilding.rebuild(life.server.home, life.folder / "lagi", clock=life.clock)
    assert made.equal
    life.server = ServerNode.open(life.folder / "lagi", clock=life.clock)
    assert life.ingest(lost).files[0].status == "duplicate"
    school.pupil("SISWA DUA")
    assert school.round_trip().status == "applied"
    assert equal(school)


def test_what_was_held_is_held_again_and_goes_on(life: Life, school: Sekolah) -> None:
    """Packages before their turn wait in the rebuilt server as in the first, and go on there."""
    first, second, third = three_packages(life, school)
    assert [r.status for r in life.ingest(third, second).files] == ["held", "held"]
    rebuilt(life)
    life.server.close()
    life.server = ServerNode.open(life.folder / "lagi", clock=life.clock)
    assert life.ingest(second).files[0].status == "held"
    assert "held" not in {r.status for r in life.ingest(first, second, third).files}
    made = rebuilding.rebuild(life.server.home, life.folder / "ketiga", clock=life.clock)
    assert (made.equal, made.replayed.packages) == (True, 5)


def test_a_kill_before_the_files_of_the_ledger_heals(life: Life, school: Sekolah) -> None:
    """Entries stand in the database; the ledger's file lacks them, ends in the middle of one, or has them already."""
    school.pupil()
    school.round_trip()
    (file,) = mirror.files(life.server.home / "archive")
    before = file.read_bytes()
    life.change("dinas", [("sekolah", "00000001", "kepala_sekolah", "KEPALA BARU")])
    life.change("dinas", [("sekolah", "00000001", "kepala_sekolah", "KEPALA LAIN")])
    life.server.store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    start = Path(shutil.copytree(life.server.home, life.folder / "mulai"))
    life.server.mirror.catch_up()
    after = file.read_bytes()
    assert after.startswith(before)
    for n, left in enumerate((len(before), len(before) + 2, len(before) + 50, len(after) - 1, len(after))):
        home = Path(shutil.copytree(start, life.folder / f"mati-{n}"))
        mirror.files(home / "archive")[0].write_bytes(after[:left])
        made = rebuilding.rebuild(home, life.folder / f"lagi-{n}", clock=life.clock)
        assert made.equal
        assert mirror.files(home / "archive")[0].read_bytes() == after


def test_a_database_from_a_backup_overwrites_nothing_of_the_ledger(life: Life, school: Sekolah) -> None:
    """Only the database was restored: what the archive knows beyond it is set aside, and the ledger goes on."""
    school.pupil()
    school.round_trip()
    life.server.mirror.catch_up()
    life.server.store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    old = (life.server.home / "server.db").read_bytes()
    school.pupil("SISWA DUA")
    school.round_trip()
    life.server.mirror.catch_up()
    (file,) = mirror.files(life.server.home / "archive")
    before = file.read_bytes()
    life.server.close()
    (life.server.home / "server.db").write_bytes(old)
    life.server = ServerNode.open(life.server.home, clock=life.clock)
    for _ in range(3):
        school.pupil("SISWA LAGI")
        school.round_trip()
    assert equal(school)
    aside = [path for path in (life.server.home / "archive" / "ledger").iterdir() if path != file]
    assert [path.read_bytes() for path in aside] == [before]
    assert rebuilt(life).equal
