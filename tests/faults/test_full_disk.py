"""The disk is full, a little fuller each time: KF-701, and nothing leaves its place before its effect is durable."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from exchange import errors
from exchange.ingest import ingest_paths
from exchange.nodes import SchoolNode, ServerNode
from exchange.packager import export, write_return
from exchange.registering import init_server
from exchange.school.enrol import init_school
from exchange.spool import PARTIAL
from exchange.watch import Watcher
from tests.faults.badfiles import PHOTOGRAPH, zipped
from tests.faults.disks import fill, make_read_only, on_small_disk
from tests.faults.world import archived, copy, files, tables
from tests.life import PASSPHRASE, Clock, Life, Sekolah

LEVELS = (0, 4, 8, 16, 24, 32, 40, 48, 64, 80, 96, 128, 192, 256, 512, 1024)
"""KiB that are left free."""


@pytest.fixture
def sent(template: Life, quick: Path) -> Path:
    """A world whose schools have exported, with all stores closed."""
    life = copy(template, quick / "dunia")
    files_ = [school.export().file for school in life.schools]
    stick = quick / "dunia" / "usb"
    stick.mkdir()
    for name, path in zip("ab", files_, strict=True):
        shutil.copy(path, stick / name)
    (stick / "c.zip").write_bytes(zipped([("a lagi", (stick / "a").read_bytes()), ("foto.jpg", PHOTOGRAPH * 4)]))
    (stick / "d").write_bytes(PHOTOGRAPH)
    life.close()
    return quick / "dunia"


def at_each_level(start: Path, disk: Path, act: Callable[[Path, int], object]) -> None:
    """Run an act on a copy of a folder on a disk with ever more room."""
    disk.mkdir(exist_ok=True)
    for level in LEVELS:

        def run(level: int = level) -> None:
            shutil.copytree(start, disk / "rumah")
            act(disk / "rumah", level)

        on_small_disk(disk, 8192, run)


def state(home: Path) -> dict[str, object]:
    """Return what a server holds."""
    server = ServerNode.open(home, clock=Clock())
    try:
        return dict(tables(server))
    finally:
        server.close()


def halves(folder: Path) -> list[str]:
    """Return what is left of unfinished files."""
    return [name for name in files(folder) if PARTIAL in name]


def test_a_full_disk_stops_ingest_and_the_next_one_finishes(sent: Path, quick: Path) -> None:
    """The state is in the end that of a run with room enough."""
    shutil.copytree(sent / "pusat", quick / "tenang")
    server = ServerNode.open(quick / "tenang", clock=Clock())
    ingest_paths(server, [sent / "usb"])
    server.close()
    expected = state(quick / "tenang")
    stood = files(sent / "usb")

    def act(home: Path, level: int) -> None:
        filler = fill(home.parent, level)
        full = False
        try:
            node = ServerNode.open(home, clock=Clock())
            try:
                ingest_paths(node, [sent / "usb"])
            finally:
                node.close()
        except errors.DiskFull:
            full = True
        assert full or level > 8
        assert files(sent / "usb") == stood
        filler.unlink()
        again = ServerNode.open(home, clock=Clock())
        done = ingest_paths(again, [sent / "usb"])
        again.close()
        assert len(done.files) == 5
        assert state(home) == expected
        assert files(home / "held") == {}
        assert len(archived(home)) == 2
        assert len(files(home / "quarantine")) == 4
        assert halves(home) == []

    at_each_level(sent / "pusat", quick / "disk", act)


def test_a_full_disk_pauses_the_watcher_and_no_file_is_lost(sent: Path, quick: Path) -> None:
    """After each stop every file is in the inbox, or safe in held, archive or quarantine."""
    for path in (sent / "usb").iterdir():
        path.rename(sent / "pusat" / "inbox" / path.name)
    wanted = set(files(sent / "pusat" / "inbox").values())

    def act(home: Path, level: int) -> None:
        filler = fill(home.parent, level)
        full = False
        try:
            node = ServerNode.open(home, clock=Clock())
            try:
                Watcher(node).look(everything=True)
            finally:
                node.close()
        except errors.DiskFull:
            full = True
        assert full or level > 8
        safe = {digest for name in ("inbox", "held", "archive", "quarantine") for digest in files(home / name).values()}
        bundle = set(files(home / "inbox")) & {"c.zip"}
        assert wanted - safe <= (set() if bundle else {files(sent / "pusat" / "inbox")["c.zip"]})
        filler.unlink()
        again = ServerNode.open(home, clock=Clock())
        Watcher(again).look(everything=True)
        assert again.store.db.value("SELECT count(*) FROM peserta_didik") == 2
        again.close()
        assert list((home / "inbox").iterdir()) == []
        assert len(list((home / "outbox").rglob("BALASAN-*"))) >= 2
        assert halves(home) == []

    at_each_level(sent / "pusat", quick / "disk", act)


def test_an_outbox_without_room_gets_no_half_package(template: Life, quick: Path) -> None:
    """An export to a full stick is refused; the next one, elsewhere, carries everything."""
    start = template.folder / "laptop-1"
    stick = quick / "stik"
    stick.mkdir()

    def act() -> None:
        shutil.copytree(start, quick / "rumah", dirs_exist_ok=True)
        fill(stick, 0)
        school = Sekolah.__new__(Sekolah)
        school.node = SchoolNode.open(quick / "rumah", clock=Clock())
        with pytest.raises(errors.DiskFull):
            export(school.node, passphrase=lambda: PASSPHRASE, confirm=lambda _: True, out=stick)
        assert files(stick).keys() == {".isi"}
        made = school.export()
        assert made.changes == {"peserta_didik": {"insert": 1, "update": 0, "delete": 0}}
        make_read_only(stick)
        for out in (stick, stick / "dalam"):
            with pytest.raises(errors.FolderUnwritable):
                export(school.node, passphrase=lambda: PASSPHRASE, confirm=lambda _: True, out=out)
        school.node.close()

    on_small_disk(stick, 64, act)


def test_a_school_whose_disk_is_full_loses_no_edit(sent: Path, quick: Path) -> None:
    """Export and apply stop with KF-701, or work; with room again both work and everything is there."""
    life = ServerNode.open(sent / "pusat", clock=Clock())
    ingest_paths(life, [sent / "usb" / "a"])
    answer = write_return(life, "00000001").file
    life.close()

    def act(home: Path, level: int) -> None:
        school = Sekolah.__new__(Sekolah)
        school.node, school._people = SchoolNode.open(home, clock=Clock()), 0
        school.pupil("SISWA BARU")
        before = tables(school.node, "kirim_meta")
        filler = fill(home.parent, level)
        for work in (school.export, lambda: school.apply(answer)):
            try:
                work()
            except errors.DiskFull:
                assert tables(school.node)["peserta_didik"] == before["peserta_didik"]
        filler.unlink()
        school.apply(answer)
        assert school.node.store.acknowledged == 1
        assert school.export().changes == {"peserta_didik": {"insert": 1, "update": 0, "delete": 0}}
        assert halves(home) == []
        school.node.close()

    at_each_level(sent / "laptop-1", quick / "disk", act)


def test_a_start_on_a_full_disk_leaves_nothing_half(template: Life, quick: Path) -> None:
    """Both roles: KF-701, and the same command works when there is room."""
    outbox = template.folder / "pusat" / "outbox" / "00000001"
    prefill, code = outbox / "PREFILL-00000001-000001.kirim", (outbox / "KODE-00000001.txt").read_text().splitlines()[0]
    (quick / "kosong").mkdir()

    def act(home: Path, level: int) -> None:
        filler = fill(home.parent, level)
        for start in (
            lambda: init_school(home / "sekolah", prefill, code, PASSPHRASE),
            lambda: init_server(home / "pusat"),
        ):
            try:
                start()
            except errors.DiskFull:
                continue
            raise AssertionError("there was no room")
        filler.unlink()
        init_school(home / "sekolah", prefill, code, PASSPHRASE)
        init_server(home / "pusat")
        SchoolNode.open(home / "sekolah").close()
        ServerNode.open(home / "pusat").close()
        assert halves(home) == []

    at_each_level(quick / "kosong", quick / "disk", act)
