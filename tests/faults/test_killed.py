"""A process is killed at every step of a command; the next one finishes the work, once, and nothing is lost.

The whole machine's death is more than a kill, but what a kill cannot break in order (write, fsync, name, commit, remove), a
power cut cannot break either where the disk keeps its promises.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from exchange.ingest import ingest_paths
from exchange.interop.lists import SchoolRow
from exchange.nodes import SchoolNode, ServerNode
from exchange.packager import write_return
from exchange.registering import add_schools, init_server, renew_code
from exchange.school.enrol import init_school
from exchange.watch import Watcher
from tests.faults.badfiles import PHOTOGRAPH, zipped
from tests.faults.killing import Counted, killed_at_each_step
from tests.faults.lives import closed, halves, server_tables
from tests.faults.world import archived, copy, files, mirrored, tables
from tests.flow.test_intake import three_packages
from tests.life import PASSPHRASE, Clock, Life, Sekolah, equal

# --- the server -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def usb(template: Life, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder ``pusat`` and a folder ``usb`` with packages of two schools, one held, a repeat, a ZIP and a photograph."""
    folder = tmp_path_factory.mktemp("usb")
    life = copy(template, folder)
    school, other = life.schools
    stick = folder / "usb"
    stick.mkdir()
    first, second, third = three_packages(life, school)
    for name, path in (("a", second), ("b", first), ("c", other.export().file), ("c lagi", other.export().file)):
        shutil.copy(path, stick / name)
    (stick / "d.zip").write_bytes(zipped([("x", third.read_bytes()), ("foto.jpg", PHOTOGRAPH)]))
    (stick / "e").write_bytes(b"bukan paket")
    life.close()
    return folder


def take(home: Path, stick: Path) -> list[tuple[str, str, str]]:
    """Ingest a stick as the command does."""
    server = ServerNode.open(home, clock=Clock())
    try:
        done = ingest_paths(server, [stick])
        assert len(done.files) == 7
        return [(Path(r.file).name, r.status, r.code) for r in done.files]
    finally:
        server.close()


def test_a_killed_ingest_is_finished_by_the_next(usb: Path, quick: Path, counted: Counted) -> None:
    """The same state, the same files, and each file's answer is that of an undisturbed run."""
    calm = quick / "tenang"
    shutil.copytree(usb / "pusat", calm)
    told = take(calm, usb / "usb")
    expected, kept = server_tables(calm), archived(calm) | files(calm / "quarantine")
    steps = 0
    for home in killed_at_each_step("ingest", counted, usb / "pusat", quick / "pusat", lambda home: take(home, usb / "usb")):
        steps += 1
        again = take(home, usb / "usb")
        assert server_tables(home) == expected
        assert mirrored(home)
        assert (archived(home) | files(home / "quarantine")).keys() == kept.keys()
        assert files(home / "held") == {}
        assert halves(home) == []
        for (name, status, code), (_, calm_status, calm_code) in zip(again, told, strict=True):
            assert (status, code) == (calm_status, calm_code) or status == "duplicate", name
    assert steps > 30


def look(home: Path) -> None:
    """Watch once."""
    server = ServerNode.open(home, clock=Clock())
    try:
        Watcher(server).look(everything=True)
    finally:
        server.close()


def test_a_killed_watcher_loses_no_file_and_owes_no_return(template: Life, usb: Path, quick: Path, counted: Counted) -> None:
    """After the restart the inbox is empty, every package is merged once, and both schools find their return."""
    start = quick / "mulai"
    shutil.copytree(usb, start)
    for path in (start / "usb").iterdir():
        path.rename(start / "pusat" / "inbox" / path.name)
    calm = quick / "tenang"
    shutil.copytree(start, calm)
    look(calm / "pusat")
    without = ("kirim_return", "kirim_school", "kirim_package")
    expected = {k: v for k, v in server_tables(calm / "pusat").items() if k not in without}
    kept = archived(calm / "pusat").keys() | files(calm / "pusat" / "quarantine").keys()
    steps = 0
    for folder in killed_at_each_step("watch", counted, start, quick / "dunia", lambda folder: look(folder / "pusat")):
        home = folder / "pusat"
        look(home)
        assert list((home / "inbox").iterdir()) == []
        assert {k: v for k, v in server_tables(home).items() if k not in without} == expected
        assert mirrored(home)
        assert archived(home).keys() | files(home / "quarantine").keys() == kept
        assert files(home / "held") == {}
        assert halves(home) == []
        steps += 1
        if steps % 5:
            continue
        for laptop, npsn, sent in (("laptop-1", "00000001", 3), ("laptop-2", "00000002", 1)):
            returns = sorted((home / "outbox" / npsn).glob("BALASAN-*"))
            assert returns
            node = SchoolNode.open(folder / laptop)
            school = Sekolah.__new__(Sekolah)
            school.node = node
            school.apply(returns[-1])
            assert node.store.acknowledged == sent
            node.close()


def test_a_killed_return_costs_nothing(usb: Path, quick: Path, counted: Counted) -> None:
    """No half file stands in the outbox, and the next return brings everything."""
    start = quick / "mulai"
    shutil.copytree(usb, start)
    take(start / "pusat", start / "usb")

    def answer(folder: Path) -> None:
        server = ServerNode.open(folder / "pusat", clock=Clock())
        write_return(server, "00000002")
        server.close()

    for folder in killed_at_each_step("return", counted, start, quick / "dunia", answer):
        answer(folder)
        assert halves(folder / "pusat") == []
        node = SchoolNode.open(folder / "laptop-2")
        school = Sekolah.__new__(Sekolah)
        school.node = node
        for path in sorted((folder / "pusat" / "outbox" / "00000002").glob("BALASAN-*")):
            school.apply(path)
        assert node.store.acknowledged == node.store.last == 1
        node.close()


# --- the school -------------------------------------------------------------------------------


def test_a_killed_export_loses_no_edit_and_leaves_no_half_package(template: Life, quick: Path, counted: Counted) -> None:
    """R19: whatever stands in the outbox opens; the next export carries everything."""
    start = quick / "mulai"
    shutil.copytree(template.folder, start)

    def export(folder: Path) -> None:
        node = SchoolNode.open(folder / "laptop-1", clock=Clock())
        school = Sekolah.__new__(Sekolah)
        school.node = node
        school.export()
        node.close()

    for folder in killed_at_each_step("export", counted, start, quick / "dunia", export):
        life = copy(closed(template, folder), quick / "lanjut")
        school = life.schools[0]
        stood = sorted((school.home / "outbox").glob("*.kirim"))
        for path in stood:
            assert life.ingest(path).files[0].status == "applied"
        school.pupil("SISWA SESUDAH")
        last = school.export()
        assert last.file not in stood
        assert life.ingest(last.file).files[0].status == "applied"
        assert halves(school.home) == []
        school.apply(life.answer(school).file)
        assert equal(school)
        assert life.server.store.db.value("SELECT count(*) FROM peserta_didik") == 2
        life.close()
        shutil.rmtree(quick / "lanjut")


def test_a_killed_apply_is_finished_by_the_next_and_keeps_unsent_edits(template: Life, quick: Path, counted: Counted) -> None:
    """R19: the return brings the centre's change, while an edit of the school's waits."""
    life = copy(template, quick / "mulai")
    school = life.schools[0]
    life.ingest(school.export().file)
    ((pupil,),) = school.sql("SELECT peserta_didik_id FROM peserta_didik")
    life.change("verval", [("peserta_didik", str(pupil), "nama", "SISWA TERVERIFIKASI")])
    answer = life.answer(school).file.relative_to(life.folder)
    school.edit("peserta_didik", str(pupil), alamat_jalan="Jalan Belum Dikirim 1")
    life.close()

    def apply(folder: Path) -> None:
        node = SchoolNode.open(folder / "laptop-1", clock=Clock())
        made = Sekolah.__new__(Sekolah)
        made.node = node
        made.apply(folder / answer)
        node.close()

    def held(folder: Path) -> dict[str, object]:
        node = SchoolNode.open(folder / "laptop-1")
        try:
            return dict(tables(node))
        finally:
            node.close()

    shutil.copytree(quick / "mulai", quick / "tenang")
    apply(quick / "tenang")
    expected = held(quick / "tenang")
    for folder in killed_at_each_step("apply", counted, quick / "mulai", quick / "dunia", apply):
        apply(folder)
        assert held(folder) == expected
        assert not (folder / "laptop-1" / "kunci" / "kode").exists()
        assert halves(folder / "laptop-1") == []
    after = copy(closed(life, quick / "tenang"), quick / "lanjut")
    row = after.schools[0].row("peserta_didik", str(pupil))
    assert (row["nama"], row["alamat_jalan"]) == ("SISWA TERVERIFIKASI", "Jalan Belum Dikirim 1")
    assert after.schools[0].round_trip().counts.applied == 1
    assert equal(after.schools[0])
    after.close()


# --- beginnings -------------------------------------------------------------------------------


def test_a_killed_start_of_a_school_leaves_nothing_half(template: Life, quick: Path, counted: Counted) -> None:
    """The same command with the same code makes the home, and private keys of a start that never ended do not lie about."""
    (quick / "mulai").mkdir()
    outbox = template.folder / "pusat" / "outbox" / "00000001"
    prefill, code = outbox / "PREFILL-00000001-000001.kirim", (outbox / "KODE-00000001.txt").read_text().splitlines()[0]

    def init(folder: Path) -> None:
        init_school(folder / "rumah", prefill, code, PASSPHRASE, clock=Clock())

    finished = 0
    for folder in killed_at_each_step("school init", counted, quick / "mulai", quick / "dunia", init):
        home = folder / "rumah"
        if (home / "sekolah.db").exists():
            finished += 1
        else:
            init(folder)
            assert halves(home) == []
        node = SchoolNode.open(home, clock=Clock())
        assert node.store.get("npsn") == "00000001"
        assert node.device.key_id == node.store.device
        assert {path.name for path in (home / "kunci").iterdir()} == {"kepala", "kode", "perangkat"}
        node.close()
    assert finished > 1
    node = SchoolNode.open(home, clock=Clock())
    school = Sekolah.__new__(Sekolah)
    school.node, school._people = node, 0
    school.pupil()
    assert school.export().file.exists()
    node.close()


def test_a_killed_start_of_a_server_is_finished_with_the_keys_that_it_made(quick: Path, counted: Counted) -> None:
    """The same command again; then a school is registered, enrolled and heard."""
    (quick / "mulai").mkdir()
    for folder in killed_at_each_step("server init", counted, quick / "mulai", quick / "dunia", lambda folder: init_server(folder / "pusat", clock=Clock())
    ):
        home = folder / "pusat"
        keys = files(home / "kunci")
        if not (home / "kunci" / "pusat").exists() or (home / "kunci" / ".belum").exists():
            init_server(home, clock=Clock())
        assert all(files(home / "kunci")[name] == digest for name, digest in keys.items() if name != ".belum")
        assert not (home / "kunci" / ".belum").exists()
        assert halves(home) == []
        server = ServerNode.open(home, clock=Clock())
        assert server.store.db.value("SELECT count(*) FROM kirim_key") == 2
        (added,) = add_schools(server, [SchoolRow(npsn="00000009", name="SD CONTOH", bentuk="SD", head="KEPALA", line=1)])
        server.close()
    init_school(quick / "rumah", added.prefill, added.code_file.read_text().splitlines()[0], PASSPHRASE)


def test_a_killed_registration_goes_on_with_the_same_list(template: Life, quick: Path, counted: Counted) -> None:
    """Each school is registered once and in the end has a code that opens its prefill."""
    given = [SchoolRow(npsn=f"0000001{n}", name="SD CONTOH", bentuk="SD", head="KEPALA", line=n) for n in range(2)]

    def register(folder: Path) -> list[object]:
        server = ServerNode.open(folder, clock=Clock())
        try:
            return list(add_schools(server, given))
        finally:
            server.close()

    for home in killed_at_each_step("server school add", counted, template.folder / "pusat", quick / "pusat", register):
        server = ServerNode.open(home, clock=Clock())
        unfinished = server.store.db.value("SELECT count(*) FROM kirim_meta WHERE name LIKE 'hand-out-%'")
        registered = server.store.db.value("SELECT count(*) FROM kirim_school")
        assert (registered, unfinished) in {(2, 0), (4, 2), (4, 0)}
        is_whole = (registered, unfinished) == (4, 0)
        added = [renew_code(server, row.npsn) for row in given] if is_whole else add_schools(server, given)
        assert server.store.db.value("SELECT count(*) FROM kirim_school") == 4
        assert halves(home) == []
        server.close()
    for n, one in enumerate(added):
        init_school(quick / f"rumah-{n}", one.prefill, one.code_file.read_text().splitlines()[0], PASSPHRASE)
