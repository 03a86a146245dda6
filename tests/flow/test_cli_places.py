"""Whose the files are: homes and what leaves them are their owner's alone, and folders that people name must be there."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flow.program import ROOT, World, environment, kirim
from tests.flow.test_cli_faults import BROKEN


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A registered school whose lists are taken."""
    world = World(tmp_path_factory.mktemp("dunia") / "asli")
    world.make()
    assert world.take_lists().status == 0
    return world


@pytest.fixture
def world(made: World, tmp_path: Path) -> World:
    """A copy of it, for one test."""
    shutil.copytree(made.folder, tmp_path / "dunia")
    return World(tmp_path / "dunia")


def open_to_others(folder: Path) -> list[str]:
    """Return what in a folder, itself included, anybody but its owner may read or write."""
    found = [folder, *folder.rglob("*")]
    return [str(path.relative_to(folder)) for path in found if path.lstat().st_mode & 0o077 and not path.is_symlink()]


# --- modes ------------------------------------------------------------------------------------


def test_everything_is_its_owners_alone_also_where_new_files_are_everybodys(made: World, tmp_path: Path) -> None:
    """A whole round with a umask of 0: both homes, their databases while they are open, the outboxes, lists, the log."""
    (tmp_path / "luar").mkdir()
    (tmp_path / "rumah").mkdir()
    (tmp_path / "rumah").chmod(0o755)
    server, school = ("--home", tmp_path / "pusat", "--json"), ("--home", tmp_path / "rumah", "--json")
    secret = ("--passphrase-file", made.secret)

    def run(*arguments: str | Path) -> dict[str, str]:
        done = kirim(*arguments, umask=0)
        assert done.status == 0, done
        found: dict[str, str] = done.json
        return found

    run("server", "init", *server)
    names = ("--npsn", made.npsn, "--name", made.school.nama, "--bentuk", "SD", "--head", "KEPALA CONTOH")
    added = run("server", "school", "add", *names, *server)
    run("school", "init", added["prefill"], "--code-file", added["code_file"], *secret, *school)
    run("school", "import", *sorted(made.lists.iterdir()), *school)
    run("school", "import", made.lists / "pd.xlsx", "--dry-run", *school)
    sent = run("school", "export", "--confirm", *secret, *school)
    run("school", "export", "--confirm", "--out", tmp_path / "luar", *secret, *school)
    run("school", "download", "daftar-pd", tmp_path / "luar" / "pd.xlsx", *school)
    run("server", "ingest", sent["file"], "--dry-run", *server)
    run("server", "ingest", sent["file"], *server)
    run("server", "return", "--all", *server)
    run("server", "return", "--npsn", made.npsn, "--out", tmp_path / "luar", *server)
    photo = tmp_path / "foto.jpg"
    photo.write_bytes(b"\xff\xd8\xff foto")
    assert kirim("server", "ingest", photo, *server, umask=0).status == 3
    watched = [sys.executable, "-c", BROKEN, "server", "status", *map(str, server)]
    assert subprocess.run(watched, env=environment(), cwd=ROOT, capture_output=True, umask=0, check=False).returncode == 1
    assert (tmp_path / "pusat" / "galat" / "kirim.log").exists()
    for home in ("pusat", "rumah"):
        assert open_to_others(tmp_path / home) == []
    assert [path for path in open_to_others(tmp_path / "luar") if path != "."] == []
    assert len(list((tmp_path / "luar").iterdir())) == 3


def test_the_files_beside_an_open_database_are_its_owners_alone(tmp_path: Path) -> None:
    """The write-ahead log holds the same data."""
    code = (
        "import sys; from pathlib import Path; from exchange.store.database import open_sqlite\n"
        "db = open_sqlite(Path(sys.argv[1])); db.execute('CREATE TABLE a (b)'); db.execute('INSERT INTO a VALUES (1)')\n"
        "print(*sorted(f'{p.name} {p.stat().st_mode & 0o777:o}' for p in Path(sys.argv[1]).parent.iterdir()))"
    )
    arguments = [sys.executable, "-c", code, str(tmp_path / "a.db")]
    done = subprocess.run(arguments, env=environment(), capture_output=True, text=True, umask=0, check=True)
    assert done.stdout.strip() == "a.db 600 a.db-shm 600 a.db-wal 600"


def test_a_folder_with_something_in_it_keeps_its_mode(tmp_path: Path) -> None:
    """Who makes a home of the current folder may share that folder; the home's own files stay private."""
    (tmp_path / "catatan.txt").write_text("catatan")
    tmp_path.chmod(0o755)
    assert kirim("server", "init", "--home", tmp_path).status == 0
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert open_to_others(tmp_path / "outbox") == open_to_others(tmp_path / "inbox") == []
    assert stat.S_IMODE((tmp_path / "server.db").stat().st_mode) == 0o600


# --- folders that people name -----------------------------------------------------------------


def test_a_folder_that_is_not_there_is_never_made_for_a_person(world: World) -> None:
    """The stick is not plugged in: KF-703 says that it is not there, nothing is made, and no number is used up."""
    stick = world.folder / "flashdisk" / "sd"
    many = world.folder / "sekolah.csv"
    many.write_text("npsn,name,bentuk\n02000009,SD Contoh,SD\n")
    refused = (
        world.export("--out", stick),
        world.at_school("download", "daftar-pd", stick / "pd.xlsx"),
        world.server("return", "--all", "--out", stick),
        world.server("school", "add", "--file", many, "--out", stick),
        world.server("school", "code", "--npsn", world.npsn, "--out", stick),
    )
    for done in refused:
        assert (done.status, done.error["code"]) == (1, "KF-703")
        assert "tidak ada" in done.error["what"]
    assert not stick.parent.exists()
    assert world.at_school("status").json["sent"] == 0
    assert world.server("status").json["schools"] == 1
    stick.mkdir(parents=True)
    assert world.export("--out", stick).json["number"] == 1


def test_a_file_that_is_named_as_a_folder_is_told_as_one(world: World) -> None:
    """KF-703 does not say that it is not there: it is, and stays as it is."""
    file = world.folder / "catatan.txt"
    file.write_text("catatan")
    for done in (
        world.export("--out", file),
        world.at_school("download", "daftar-pd", file / "pd.xlsx"),
        world.server("return", "--all", "--out", file),
    ):
        assert (done.status, done.error["code"]) == (1, "KF-703")
        assert "berkas, bukan folder" in done.error["what"]
    assert file.read_text() == "catatan"
    assert world.at_school("status").json["sent"] == 0


def test_a_homes_own_folders_are_made_again(world: World) -> None:
    """Somebody cleaned up."""
    shutil.rmtree(world.school_home / "outbox")
    assert world.export().status == 0


# --- stores of others, and empty ones ---------------------------------------------------------


@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_a_home_of_somebody_else_is_told_with_its_owner(world: World, mode: int) -> None:
    """KF-607, not a damaged database: read-only for this user, or closed; its owner can work as before."""
    for role, home, name in (
        ("school", world.school_home, "sekolah.db"),
        ("server", world.server_home, "server.db"),
    ):
        (home / name).chmod(0o444)
        home.chmod(mode)
        done = kirim(role, "status", "--home", home, "--json", bound=True)
        assert (done.status, done.error["code"]) == (1, "KF-607")
        assert str(home) in done.error["what"]
        assert home.owner() in done.error["next"]
        home.chmod(0o700)
        (home / name).chmod(0o600)
        assert kirim(role, "status", "--home", home).status == 0


def test_init_in_a_folder_of_somebody_else_has_a_code(world: World) -> None:
    """KF-703; nothing is made."""
    world.server_home.chmod(0o000)
    done = kirim("server", "init", "--home", world.server_home, "--json", bound=True)
    world.server_home.chmod(0o700)
    assert (done.status, done.error["code"]) == (1, "KF-703")


def test_a_file_that_may_not_be_read_has_a_code_and_is_no_wrong_usage(world: World) -> None:
    """KF-702 and status 1, in every command that reads a file."""
    for name in ("a.xlsx", "a.kirim"):
        (world.folder / name).write_bytes(b"rahasia")
        (world.folder / name).chmod(0)
    school, server = ("--home", world.school_home, "--json"), ("--home", world.server_home, "--json")
    for done in (
        kirim("school", "import", world.folder / "a.xlsx", *school, bound=True),
        kirim("school", "apply", world.folder / "a.kirim", *school, bound=True),
        kirim("school", "init", world.folder / "a.kirim", "--home", world.folder / "x", "--json", bound=True, env={"KIRIM_CODE": "x", "KIRIM_PASSPHRASE": "x" * 12}),
        kirim("school", "export", "--confirm", "--passphrase-file", world.folder / "a.kirim", *school, bound=True),
        kirim("server", "kip", "import", world.folder / "a.xlsx", *server, bound=True),
        kirim("server", "change", "--as", "dinas", world.folder / "a.xlsx", *server, bound=True),
        kirim("inspect", world.folder / "a.kirim", "--json", bound=True),
    ):  # fmt: skip
        assert (done.status, done.json["error"]["code"]) == (1, "KF-702")


def test_an_empty_database_is_a_damaged_one(world: World) -> None:
    """A stick was pulled, or a disk was full: KF-602 and nothing written; not a fault of ours."""
    for role, home, name in (("school", world.school_home, "sekolah.db"), ("server", world.server_home, "server.db")):
        for path in home.glob(f"{name}*"):
            path.unlink()
        (home / name).write_bytes(b"")
        done = kirim(role, "status", "--home", home, "--json")
        assert (done.status, done.error["code"]) == (1, "KF-602")
        assert (home / name).stat().st_size == 0


def test_a_database_that_is_gone_is_no_place_where_nobody_began(world: World, tmp_path: Path) -> None:
    """Keys stand, the database does not: each side is told its way out, and the way that is named can be gone."""
    for role, home, code in (("school", world.school_home, "KF-610"), ("server", world.server_home, "KF-611")):
        for path in home.glob("s*.db*"):
            path.unlink()
        before = sorted(path.relative_to(home) for path in home.rglob("*"))
        done = kirim(role, "status", "--home", home, "--json")
        assert (done.status, done.error["code"]) == (1, code)
        assert sorted(path.relative_to(home) for path in home.rglob("*")) == before
    assert kirim("server", "init", "--home", world.server_home, "--json").error["code"] == "KF-102"
    again = tmp_path / "lagi"
    assert kirim("server", "rebuild", "--home", world.server_home, "--into", again, "--json").status == 0
    assert kirim("server", "status", "--home", again, "--json").status == 0


@pytest.mark.parametrize("name", ["a?b", "a#b", "a%20b", "a b", "x=y&z", "a:b@c"])
def test_a_home_may_have_any_name(world: World, tmp_path: Path, name: str) -> None:
    server, school = tmp_path / f"pusat {name}", tmp_path / f"sekolah {name}"
    assert kirim("server", "init", "--home", server, "--json").status == 0
    assert kirim("server", "status", "--home", server, "--json").status == 0
    assert (server / "server.db").is_file()
    shutil.copytree(world.school_home, school)
    assert kirim("school", "status", "--home", school, "--json").status == 0


def test_a_pipe_is_no_list(world: World, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pd.xlsx")
    assert world.at_school("import", tmp_path / "pd.xlsx").error["code"] == "KF-702"
