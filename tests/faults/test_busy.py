"""Another program holds the database, or does the same work at the same time."""

from __future__ import annotations

import os
import random
import shutil
import signal
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from exchange import errors
from exchange.ingest import ingest_paths
from exchange.interop.lists import SchoolRow
from exchange.nodes import SchoolNode, ServerNode
from exchange.packager import write_return
from exchange.registering import add_schools, renew_code
from exchange.store.database import open_sqlite
from exchange.watch import Watcher
from tests.faults.badfiles import PHOTOGRAPH
from tests.faults.killing import die_at
from tests.faults.world import archived, copy, files, ledger_holds, snapshot
from tests.flow.test_intake import three_packages
from tests.life import Clock, Life, Sekolah, equal


@pytest.fixture(autouse=True)
def _no_long_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exchange.store.database.BUSY_SECONDS", 0.05)


# --- somebody holds it ------------------------------------------------------------------------


def test_a_server_in_use_refuses_and_loses_nothing(life: Life, school: Sekolah) -> None:
    """Each command says KF-601 and has changed nothing; afterwards each one works."""
    file, bad = school.export().file, life.folder / "foto.jpg"
    bad.write_bytes(PHOTOGRAPH)
    row = SchoolRow(npsn="00000009", name="SD CONTOH", bentuk="SD", head="KEPALA", line=1)
    before, stood = snapshot(life.server), files(life.server.home / "outbox")
    other = open_sqlite(life.server.home / "server.db")
    other.execute("BEGIN IMMEDIATE")
    works: list[Callable[[], object]] = [
        lambda: life.ingest(file, bad),
        lambda: life.answer(school),
        lambda: add_schools(life.server, [row]),
        lambda: renew_code(life.server, "00000001"),
        lambda: Watcher(life.server).look(everything=True),
    ]
    life.server.store.db.execute("PRAGMA busy_timeout = 50")
    for work in works:
        with pytest.raises(errors.StoreBusy):
            work()
        assert snapshot(life.server) == before
    assert files(life.server.home / "outbox") == stood
    assert files(life.server.home / "held") == {}
    other.execute("ROLLBACK")
    other.close()
    for work in works:
        work()
    assert life.server.store.db.value("SELECT count(*) FROM peserta_didik") == 1


def test_a_school_in_use_refuses_and_loses_nothing(life: Life, school: Sekolah) -> None:
    """The page writes at this moment: export and apply say KF-601, and work afterwards."""
    life.ingest(school.export().file)
    answer = life.answer(school).file
    school.pupil("SISWA BARU")
    before = snapshot(school.node)
    other = open_sqlite(school.home / "sekolah.db")
    other.execute("BEGIN IMMEDIATE")
    school.node.store.db.execute("PRAGMA busy_timeout = 50")
    with pytest.raises(errors.StoreBusy):
        school.export()
    with pytest.raises(errors.StoreBusy):
        school.apply(answer)
    assert [error.code for _, error in school.apply_all(answer).failed] == ["KF-601"]
    assert snapshot(school.node) == before
    other.execute("ROLLBACK")
    other.close()
    school.apply(answer)
    assert school.round_trip().counts.applied == 1
    assert equal(school)


# --- two at once ------------------------------------------------------------------------------


def in_child(act: Callable[[], object]) -> int:
    """Start something in a child process of its own and return its number. No database may be open here."""
    child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


def test_four_ingests_of_the_same_files_merge_each_once(
    template: Life, quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with its own order of the files; two of them are killed on the way, and a last one finishes."""
    monkeypatch.setattr("exchange.store.database.BUSY_SECONDS", 30.0)
    life = copy(template, quick / "dunia")
    sent = [*three_packages(life, life.schools[0]), life.schools[1].export().file]
    for n in range(30):
        (quick / f"foto {n}").write_bytes(PHOTOGRAPH + bytes(n))
        sent.append(quick / f"foto {n}")
    life.close()

    def take(seed: int) -> None:
        random.Random(seed).shuffle(sent)
        server = ServerNode.open(quick / "dunia" / "pusat", clock=Clock())
        done = ingest_paths(server, sent)
        assert len(done.files) == len(sent)
        assert {result.status for result in done.files} <= {"applied", "duplicate", "held", "quarantined"}
        server.close()

    def die(step: int) -> None:
        die_at(step, quick)
        take(step)

    children = [in_child(lambda: die(25)), in_child(lambda: die(60)), in_child(lambda: take(1)), in_child(lambda: take(2))]
    assert [os.waitpid(child, 0)[1] for child in children] == [signal.SIGKILL, signal.SIGKILL, 0, 0]
    take(9)
    server = ServerNode.open(quick / "dunia" / "pusat", clock=Clock())
    assert server.store.db.value("SELECT count(*) FROM kirim_package WHERE state = 'merged'") == 4
    assert server.store.db.value("SELECT count(*) FROM kirim_package WHERE state <> 'released'") == 4
    assert server.store.db.value("SELECT count(*) FROM peserta_didik") == 4
    assert server.store.db.value("SELECT count(*) FROM kirim_changeset WHERE outcome IS NOT NULL") == 4
    assert ledger_holds(server.store.db)
    assert files(server.home / "held") == {}
    assert len(archived(server.home)) == 4
    assert len(files(server.home / "quarantine")) == 60
    server.close()


def test_ingests_and_returns_at_once_give_returns_that_apply(
    template: Life, quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one process ingests, another answers: each return that is written fits."""
    monkeypatch.setattr("exchange.store.database.BUSY_SECONDS", 30.0)
    life = copy(template, quick / "dunia")
    school = life.schools[0]
    sent = three_packages(life, school)
    home = school.home
    life.close()

    def take() -> None:
        server = ServerNode.open(quick / "dunia" / "pusat", clock=Clock())
        for path in sent:
            ingest_paths(server, [path])
        server.close()

    def answer() -> None:
        server = ServerNode.open(quick / "dunia" / "pusat", clock=Clock())
        for _ in range(6):
            write_return(server, "00000001")
        server.close()

    children = [in_child(take), in_child(answer)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    answer()
    school = Sekolah.__new__(Sekolah)
    school.node = SchoolNode.open(home, clock=Clock())
    school.node.store.set(acknowledged=None)
    for path in sorted((quick / "dunia" / "pusat" / "outbox" / "00000001").glob("BALASAN-*")):
        school.apply(path)
    assert school.node.store.acknowledged == 3
    school.node.close()
    shutil.rmtree(quick / "dunia")
