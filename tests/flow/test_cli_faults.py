"""How the program ends when something goes wrong that nobody foresaw."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.flow.program import ROOT, World, environment, kirim

BROKEN = """
import sys
import exchange.overview
def server_status(node):
    raise ZeroDivisionError("NIK 9900000000000001")
exchange.overview.server_status = server_status
from exchange.cli import main
main(sys.argv[1:])
"""
"""The program with a fault of its own, whose words hold somebody's data."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A school that has exported."""
    made = World(tmp_path_factory.mktemp("dunia") / "asli")
    made.make()
    made.take_lists()
    assert made.export().status == 0
    return made


def broken(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the program with its fault."""
    return subprocess.run(
        [sys.executable, "-c", BROKEN, *map(str, arguments)],
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_fault_of_our_own_has_a_code_and_shows_nobodys_data(world: World) -> None:
    """R23: KF-901 in three lines; its place, never its words, stands in the home's log."""
    done = broken("server", "status", "--home", world.server_home)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("KF-901 ")
    assert len(done.stderr.splitlines()) == 3
    log = (world.server_home / "galat" / "kirim.log").read_text()
    assert "ZeroDivisionError" in log
    assert "server_status" in log
    for text in (done.stderr, log):
        assert "9900000000000001" not in text
        assert "Traceback" not in text
    script = broken("server", "status", "--home", world.server_home, "--json")
    assert script.returncode == 1
    assert '"code": "KF-901"' in script.stdout
    assert script.stderr == ""


def test_a_store_that_is_damaged_has_a_code(tmp_path: Path) -> None:
    """Another program wrote over the database."""
    assert kirim("server", "init", "--home", tmp_path / "pusat", "--json").status == 0
    (tmp_path / "pusat" / "server.db").write_bytes(b"bukan basis data" * 1000)
    for suffix in ("-wal", "-shm"):
        (tmp_path / "pusat" / f"server.db{suffix}").unlink(missing_ok=True)
    done = kirim("server", "status", "--home", tmp_path / "pusat", "--json")
    assert (done.status, done.error["code"][:4]) == (1, "KF-6")


def test_an_old_code_page_stops_no_command(world: World) -> None:
    """A console of an old Windows, and a name with a character that it lacks."""
    name = world.folder / "paket – emas.jpg"
    name.write_bytes(b"foto")
    done = kirim("server", "ingest", name, "--home", world.server_home, env={"PYTHONIOENCODING": "cp850"})
    assert done.status == 3
    assert "paket \\u2013 emas.jpg" in done.out
