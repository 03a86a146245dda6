"""A process is killed at every step of an office's order, of its taking and of its answer: it is done once, and no code is lost."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from exchange.district.answers import open_file
from exchange.district.copies import known
from exchange.district.office import Office, status
from exchange.district.ordering import order
from exchange.districts import district
from exchange.format.certificate import NO_SCOPE
from exchange.format.order import Verb
from exchange.ingest import ingest_paths
from exchange.nodes import ServerNode
from exchange.registering import add_schools
from exchange.trust.codes import code_identity, parse_code
from exchange.watch import Watcher
from tests.districts import KAB, KEC, SECOND_KEC, Dinas, school_row, with_regions
from tests.faults.killing import Counted, killed_at_each_step
from tests.faults.lives import halves
from tests.faults.world import files
from tests.life import Clock, Life


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server, an office that it certified, and a stick with two of its orders, the second one first."""
    life = Life(tmp_path_factory.mktemp("dunia"))
    with_regions(life)
    dinas = Dinas(life)
    dinas.certify(KAB)
    stick = life.folder / "usb"
    stick.mkdir()
    shutil.copy(dinas.schools(("00000011", KEC)), stick / "b")
    shutil.copy(dinas.schools(("00000012", SECOND_KEC)), stick / "a")
    life.close()
    return life.folder


def take(place: Path) -> list[str]:
    """Take the stick as the command does."""
    server = ServerNode.open(place / "pusat", clock=Clock())
    try:
        return [result.status for result in ingest_paths(server, [place / "usb"]).files]
    finally:
        server.close()


def look(place: Path) -> None:
    """Take the inbox as ``kirim server watch`` does."""
    server = ServerNode.open(place / "pusat", clock=Clock())
    try:
        Watcher(server).look(everything=True)
    finally:
        server.close()


def test_an_order_that_was_being_taken_is_taken_once(folder: Path, quick: Path, counted: Counted) -> None:
    """Each school stands once, with the one code that the one answer to its order brings."""
    steps = 0
    for place in killed_at_each_step("server ingest (orders)", counted, folder, quick / "dunia", take):
        steps += 1
        assert set(take(place)) <= {"applied", "duplicate"}
        is_done_once(place)
    assert steps > 20


def test_an_order_in_the_inbox_is_taken_once_by_a_killed_watcher(folder: Path, quick: Path, counted: Counted) -> None:
    """After the restart the inbox is empty; nobody has to bring the stick again."""
    start = quick / "mulai"
    shutil.copytree(folder, start)
    for path in (start / "usb").iterdir():
        path.rename(start / "pusat" / "inbox" / path.name)
    for place in killed_at_each_step("server watch (orders)", counted, start, quick / "dunia", look):
        look(place)
        assert list((place / "pusat/inbox").iterdir()) == []
        is_done_once(place)


def is_done_once(place: Path) -> None:
    """Both orders are done and answered; each school stands with the code that its answer names."""
    office = Office.open(place / "dinas-contoh", clock=Clock())
    answers = sorted((place / "pusat/outbox").rglob("JAWABAN-*.kirim"))
    opened = {one.number: one for one in (open_file(office, path) for path in answers) if one.state == "done"}
    assert [one.state for one in opened.values()] == ["done", "done"]
    server = ServerNode.open(place / "pusat", clock=Clock())
    known = district(server.store, str(office.grant["scope"]), office.identity.key_id)
    assert known is not None
    assert known.last == 2
    for number, npsn in ((1, "00000011"), (2, "00000012")):
        school = server.store.school_by_npsn(npsn)
        keys = server.store.db.execute("SELECT key_id FROM kirim_code WHERE scope = ?", (school.sekolah_id,)).fetchall()
        code = opened[number].files[0].read_text().splitlines()[0]
        assert [bytes(key) for (key,) in keys] == [code_identity(parse_code(code), school.sekolah_id).key_id]
    assert len(server.store.schools()) == 2
    server.close()
    assert files(place / "pusat/held") == {}
    assert halves(place / "pusat") == []


def report(place: Path) -> Path:
    """Write an order as the command does."""
    return order(Office.open(place / "dinas-contoh", clock=Clock()), Verb.REPORT).file


def test_an_order_that_was_being_written_has_a_number_of_its_own(folder: Path, quick: Path, counted: Counted) -> None:
    """The server takes whatever lies in the outbox: no number is missing, none is there twice."""
    for place in killed_at_each_step("district report", counted, folder, quick / "dunia", report):
        report(place)
        server = ServerNode.open(place / "pusat", clock=Clock())
        done = ingest_paths(server, [place / "dinas-contoh/outbox"])
        assert {result.status for result in done.files} == {"applied"}
        assert sorted(result.number or 0 for result in done.files) == list(range(1, len(done.files) + 1))
        server.close()
        assert files(place / "dinas-contoh/held") == {}
        assert halves(place / "dinas-contoh") == []


@pytest.fixture(scope="module")
def answered(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the answer to the first order."""
    place = tmp_path_factory.mktemp("jawaban") / "dunia"
    shutil.copytree(folder, place)
    take(place)
    return place


def read(place: Path) -> list[str]:
    """Open every answer as the command does."""
    office = Office.open(place / "dinas-contoh", clock=Clock())
    answers = sorted((place / "pusat/outbox").rglob("JAWABAN-*.kirim"))
    return [open_file(office, path).state for path in answers]


def test_an_answer_that_was_being_opened_is_opened_again(answered: Path, quick: Path, counted: Counted) -> None:
    """Codes and prefills lie there once, and the office knows what was done."""
    for place in killed_at_each_step("district open", counted, answered, quick / "dunia", read):
        read(place)
        office = Office.open(place / "dinas-contoh", clock=Clock())
        assert status(office)["waiting"] == 0
        laid = sorted(path.name for path in (place / "dinas-contoh/outbox/sekolah").iterdir() if path.suffix in {".txt", ".kirim"})
        names = [f"KODE-{npsn}.txt" for npsn in ("00000011", "00000012")]
        assert laid == names + [f"PREFILL-{npsn}-000001.kirim" for npsn in ("00000011", "00000012")]
        assert office.find(NO_SCOPE, office.server().key_id) is not None


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An office with a copy of each of two schools, and the answer that brings both anew."""
    life = Life(tmp_path_factory.mktemp("salinan"))
    with_regions(life)
    dinas = Dinas(life)
    dinas.certify(KAB, sealed=True)
    add_schools(life.server, [school_row("00000011", KEC), school_row("00000012", SECOND_KEC)])
    dinas.do(order(dinas.office, Verb.COPY, known(dinas.office), "copy").file)
    for school in life.server.store.schools():
        life.change("pusat", [("sekolah", school.npsn, "nama", f"SD BARU {school.npsn}")])
    life.ingest(order(dinas.office, Verb.COPY, known(dinas.office), "copy").file)
    life.close()
    return life.folder


def names(place: Path) -> dict[str, str]:
    """Return what each copy calls its school."""
    found = {}
    for path in sorted((place / "dinas-contoh/salinan").glob("*.db")):
        with closing(sqlite3.connect(path)) as db:
            ((found[path.stem],),) = db.execute("SELECT nama FROM sekolah").fetchall()
    return found


def test_a_copy_that_was_being_written_is_the_former_one_or_the_new_one_and_the_new_one_afterwards(
    copied: Path, quick: Path, counted: Counted
) -> None:
    """Never half a copy, and nothing of an unfinished one stays."""
    for place in killed_at_each_step("district open (copies)", counted, copied, quick / "dunia", read):
        assert all(name in (f"SD CONTOH {npsn}", f"SD BARU {npsn}") for npsn, name in names(place).items())
        assert len(names(place)) == 2
        read(place)
        assert names(place) == {npsn: f"SD BARU {npsn}" for npsn in ("00000011", "00000012")}
        assert sorted(path.name for path in (place / "dinas-contoh/salinan").iterdir()) == ["00000011.db", "00000012.db"]
        assert status(Office.open(place / "dinas-contoh", clock=Clock()))["waiting"] == 0
