"""The centre's own acts, lists that are taken in, and servers made again are killed at every step, and done again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import date, datetime
from pathlib import Path

import pytest

from exchange import errors
from exchange.central.change import change
from exchange.central.kip import import_kip
from exchange.central.reference import import_reference
from exchange.demo.madeup import MadeUpSchool, write_daftar_pd
from exchange.evidence.rebuilding import rebuild
from exchange.interop.downloads import import_download
from exchange.interop.report import School as ListSchool
from exchange.nodes import SchoolNode, ServerNode
from exchange.registering import renew_code
from exchange.school.enrol import init_school
from exchange.server.waiving import waive
from tests.faults.killing import Counted, killed_at_each_step
from tests.faults.lives import closed, going_on, halves, server_tables
from tests.faults.world import archived, copy, files, mirrored
from tests.flow.test_recovery import Backups
from tests.life import PASSPHRASE, Clock, Life, equal

Act = Callable[[ServerNode], object]


def at_server(act: Act) -> Callable[[Path], None]:
    """Return what does something at the server of a folder."""

    def done(folder: Path) -> None:
        with closing(ServerNode.open(folder / "pusat", clock=Clock())) as server:
            act(server)

    return done


def done_again(command: str, counted: Counted, start: Path, quick: Path, act: Act) -> None:
    """Kill an act at every step and do it again: the server is as after one undisturbed act, or after two.

    Two, where it had been finished before the kill.
    """
    do, calm = at_server(act), quick / "tenang"
    shutil.copytree(start, calm)
    wanted = []
    for _ in range(2):
        do(calm)
        wanted.append(server_tables(calm / "pusat"))
    for folder in killed_at_each_step(command, counted, start, quick / "dunia", do):
        do(folder)
        home = folder / "pusat"
        assert server_tables(home) in wanted
        assert mirrored(home)
        assert archived(home) == archived(calm / "pusat")
        assert halves(home) == []


@pytest.fixture
def answered(template: Life, quick: Path) -> tuple[Path, str]:
    """A world whose first school is known to the server with one pupil, and that pupil's id."""
    life = copy(template, quick / "mulai")
    school = life.schools[0]
    school.round_trip()
    ((pupil,),) = school.sql("SELECT peserta_didik_id FROM peserta_didik")
    life.close()
    return life.folder, str(pupil)


def test_a_killed_list_of_changes_is_taken_whole_by_the_next(
    answered: tuple[Path, str], quick: Path, counted: Counted
) -> None:
    """Three values, one of them verified: all or none of them stand after the kill, all after the next run."""
    start, pupil = answered
    path = quick / "verval.csv"
    path.write_text(
        "table,id,column,value,verified\n"
        + "".join(f"peserta_didik,{pupil},{c},{v},1\n" for c, v in (("nama", "SITI"), ("tempat_lahir", "KOTA"), ("tanggal_lahir", "2016-05-04")))
    )
    done_again("server change", counted, start, quick, lambda server: change(server.store, "verval", path, date(2026, 10, 26)))


def test_a_killed_sk_list_is_taken_whole_by_the_next(
    answered: tuple[Path, str], quick: Path, counted: Counted
) -> None:
    """One line finds its pupil, one waits."""
    start, pupil = answered
    path = quick / "sk.csv"
    path.write_text(f"peserta_didik_id,no_kip\n{pupil},AB1234\n99999999-0000-4000-8000-000000000001,AB1235\n")
    done_again("server kip import", counted, start, quick, lambda server: import_kip(server.store, path))


def test_killed_reference_rows_are_taken_whole_by_the_next(
    answered: tuple[Path, str], quick: Path, counted: Counted
) -> None:
    start, _ = answered
    path = quick / "agama.csv"
    path.write_text("agama_id,nama\n1,Islam\n90,Contoh\n")
    done_again("server ref import", counted, start, quick, lambda server: import_reference(server.store, path))


# --- a held package that is waived ------------------------------------------------------------


@pytest.fixture
def held(template: Life, quick: Path) -> tuple[Path, int]:
    """A world whose server was restored and holds a package that waits for the one it lost, and that package's number."""
    life = copy(template, quick / "mulai")
    school, backups = life.schools[0], Backups(life)
    school.round_trip()
    backup = backups.server()
    school.pupil("SISWA HILANG")
    life.ingest(school.export().file)
    school.apply(life.answer(school).file)
    school.pupil("SISWA TERAKHIR")
    second = school.export().file
    backups.restore_server(backup)
    assert [r.code for r in life.ingest(second).files] == ["KF-403"]
    number = life.server.store.db.value("SELECT number FROM kirim_package WHERE state = 'held'")
    life.close()
    return life.folder, int(number)


def test_a_killed_waiving_takes_the_package_once(
    template: Life, held: tuple[Path, int], quick: Path, counted: Counted
) -> None:
    start, number = held
    done_again("server waive", counted, start, quick, lambda server: waive(server, "00000001", number))
    with going_on(template, quick / "dunia") as life:
        assert life.server.store.db.value("SELECT count(*) FROM peserta_didik WHERE nama = 'SISWA TERAKHIR'") == 1


# --- a server made again ----------------------------------------------------------------------


def test_a_killed_rebuild_is_done_again_and_equals(template: Life, quick: Path, counted: Counted) -> None:
    """The home is never changed; the new folder has no database until it is whole."""
    life = copy(template, quick / "mulai")
    life.schools[0].round_trip()
    life.close()
    expected = files(life.folder / "pusat" / "archive")

    def make(folder: Path) -> None:
        assert rebuild(folder / "pusat", folder / "lagi", clock=Clock()).equal

    calm = server_tables(life.folder / "pusat")
    for folder in killed_at_each_step("server rebuild", counted, life.folder, quick / "dunia", make):
        finished = (folder / "lagi" / "server.db").exists()
        if finished:
            with pytest.raises(errors.HomeExists):
                make(folder)
        else:
            make(folder)
        assert server_tables(folder / "lagi").keys() == calm.keys()
        assert server_tables(folder / "lagi")["peserta_didik"] == calm["peserta_didik"]
        assert files(folder / "pusat" / "archive") == files(folder / "lagi" / "archive") == expected
        assert halves(folder / "lagi") == []


# --- the school -------------------------------------------------------------------------------


def test_a_killed_list_of_a_school_is_taken_whole_by_the_next(
    template: Life, answered: tuple[Path, str], quick: Path, counted: Counted
) -> None:
    """Twelve pupils of a Daftar Peserta Didik: none or all after the kill, each once after the next run, and they arrive."""
    start, _ = answered
    path = quick / "daftar-pd.xlsx"
    write_daftar_pd(path, MadeUpSchool("SD", 12, seed=3))

    def take(folder: Path) -> None:
        with closing(SchoolNode.open(folder / "laptop-1", clock=Clock())) as node:
            place = ListSchool(node.store.scope, node.store.get("npsn"), node.store.get("nama"), "20261", 2026, ())
            import_download(node.store.db, place, path, other_school=True, clock=lambda: datetime(2026, 10, 26))

    for folder in killed_at_each_step("school import", counted, start, quick / "dunia", take):
        with closing(SchoolNode.open(folder / "laptop-1", clock=Clock())) as node:
            assert node.store.db.value("SELECT count(*) FROM peserta_didik") in (1, 13)
        take(folder)
        with closing(SchoolNode.open(folder / "laptop-1", clock=Clock())) as node:
            assert node.store.db.value("SELECT count(*) FROM peserta_didik") == 13
    with going_on(template, folder) as life:
        assert life.schools[0].round_trip().status == "applied"
        assert equal(life.schools[0])
        assert life.server.store.db.value("SELECT count(*) FROM peserta_didik") == 13


def test_a_killed_start_that_takes_a_former_laptops_work_along_is_done_again(
    template: Life, answered: tuple[Path, str], quick: Path, counted: Counted
) -> None:
    """R20: the unsent pupil of the former laptop is unsent on the new one, once, and the former folder is as it was."""
    start, _ = answered
    life = copy(closed(template, start), quick / "baru")
    life.schools[0].pupil("SISWA BELUM DIKIRIM")
    added = renew_code(life.server, "00000001")
    code, prefill = added.code_file.read_text().splitlines()[0], added.prefill.relative_to(life.folder)
    life.close()

    def begin(folder: Path) -> None:
        former = folder / "laptop-1"
        init_school(folder / "laptop-baru", folder / prefill, code, PASSPHRASE, former=former, clock=Clock())

    stood = {name for name in files(life.folder / "laptop-1") if "sekolah.db-" not in name}
    for folder in killed_at_each_step("school init --from", counted, life.folder, quick / "dunia", begin):
        with suppress(errors.HomeExists):
            begin(folder)
        assert {name for name in files(folder / "laptop-1") if "sekolah.db-" not in name} == stood
        assert halves(folder / "laptop-baru") == []
        with closing(SchoolNode.open(folder / "laptop-baru", clock=Clock())) as node:
            assert node.store.db.value("SELECT count(*) FROM peserta_didik WHERE nama = 'SISWA BELUM DIKIRIM'") == 1
