"""How the program ends when something goes wrong that nobody foresaw, and what a package or a code is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from exchange import errors
from exchange.rules.findings import EXPECTED, RULES
from tests.flow.program import ROOT, World, command, environment, kirim

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


def test_a_fault_outside_of_a_home_leaves_no_file(tmp_path: Path) -> None:
    """A folder that is no home is not written to."""
    code = BROKEN.replace("exchange.overview", "exchange.enrol").replace("server_status", "init_server")
    code = code.replace("(node)", "(home, db)")
    done = subprocess.run(
        [sys.executable, "-c", code, "server", "init", "--home", str(tmp_path)],
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("KF-901 ")
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_damaged_has_a_code(tmp_path: Path) -> None:
    """Another program wrote over the database."""
    assert kirim("server", "init", "--home", tmp_path / "pusat", "--json").status == 0
    (tmp_path / "pusat" / "server.db").write_bytes(b"bukan basis data" * 1000)
    for suffix in ("-wal", "-shm"):
        (tmp_path / "pusat" / f"server.db{suffix}").unlink(missing_ok=True)
    done = kirim("server", "status", "--home", tmp_path / "pusat", "--json")
    assert (done.status, done.error["code"][:4]) == (1, "KF-6")


def test_nobody_reading_is_no_fault(world: World) -> None:
    """As with ``| head``: it ends without a word."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command(["school", "status", "--home", str(world.school_home)]),
        env=environment(),
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert done.stderr == ""
    assert done.returncode == 1


def test_an_old_code_page_stops_no_command(world: World) -> None:
    """A console of an old Windows, and a name with a character that it lacks."""
    name = world.folder / "paket – emas.jpg"
    name.write_bytes(b"foto")
    done = kirim("server", "ingest", name, "--home", world.server_home, env={"PYTHONIOENCODING": "cp850"})
    assert done.status == 3
    assert "paket \\u2013 emas.jpg" in done.out


# --- inspect ----------------------------------------------------------------------------------


def test_inspect_shows_what_anybody_may_see(world: World) -> None:
    """Kind, school, number, size, fingerprint and whether it is whole; no key is needed and no home."""
    path = next((world.school_home / "outbox").iterdir())
    done = kirim("inspect", path, "--json")
    assert done.status == 0
    found = done.json
    assert (found["kind"], found["number"], found["whole"]) == ("kirim", 1, True)
    assert found["bytes"] == path.stat().st_size
    assert re.fullmatch("([0-9a-f]{4}-){3}[0-9a-f]{4}", found["fingerprint"])
    assert found["package_id"].startswith(found["fingerprint"].replace("-", ""))
    people = kirim("inspect", path, "--lang", "en")
    assert (people.status, people.err) == (0, "")
    assert "claims to be" in people.out
    assert found["fingerprint"] in people.out


def test_inspect_says_whether_it_is_whole(world: World, tmp_path: Path) -> None:
    """A file that was cut shows its header and is not whole; a photograph is not ours."""
    data = next((world.school_home / "outbox").iterdir()).read_bytes()
    (tmp_path / "potong").write_bytes(data[:-100])
    cut = kirim("inspect", tmp_path / "potong", "--json")
    assert cut.status == 1
    assert cut.json["whole"] is False
    assert cut.json["problem"]["code"] == "KF-204"
    (tmp_path / "foto").write_bytes(b"\xff\xd8\xff foto, bukan paket")
    photo = kirim("inspect", tmp_path / "foto", "--json")
    assert (photo.status, photo.error["code"]) == (1, "KF-201")


# --- explain ----------------------------------------------------------------------------------


def test_explain_knows_every_code_in_both_languages() -> None:
    """R13, without a process for each: errors, reasons of single rows and rules of Validasi Lokal."""
    import contextlib
    import io

    from exchange.cli.door import run

    for code in (*errors.REGISTRY, *{rule.code for rule in RULES}, *EXPECTED.values()):
        told = set()
        for language in ("id", "en"):
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                assert run(["explain", code, "--lang", language]) == 0
            assert code in out.getvalue()
            told.add(out.getvalue())
        assert len(told) == 2


def test_explain_takes_a_code_as_people_say_it() -> None:
    """Over the telephone: digits alone, small letters, no hyphen."""
    whole = kirim("explain", "KF-401", "--json")
    assert whole.status == 0
    assert {"code", "what", "next", "safe"} <= set(whole.json)
    for said in ("401", "kf-401", "kf401"):
        assert kirim("explain", said, "--json").json == whole.json
    assert kirim("explain", "pd10").out == kirim("explain", "PD-10").out
