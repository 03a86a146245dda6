"""The whole life of keys by the program's own commands: each change costs the school one round trip at most.

Every test is a story of files: what happened, who does what, what travels.
"""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.flow.program import Done, World, kirim

SECOND = "sandi kepala yang baru"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A server and a school that has sent its lists and had its answer."""
    world = World(tmp_path_factory.mktemp("dunia") / "asli")
    world.make()
    assert world.take_lists().status == 0
    assert world.round_trip().status == 0
    return world


@pytest.fixture
def world(made: World, tmp_path: Path) -> World:
    """A copy of it, for one test."""
    shutil.copytree(made.folder, tmp_path / "dunia")
    return World(tmp_path / "dunia")


def ok(done: Done) -> Any:
    """The document of a command that went well."""
    assert done.status == 0, done
    return done.json


def secret(world: World, text: str, name: str = "sandi-baru.txt") -> Path:
    """Return a file with a passphrase."""
    path = world.folder / name
    path.write_text(text + "\n", encoding="utf-8")
    return path


def sql(world: World, statement: str, home: Path | None = None) -> list[tuple[Any, ...]]:
    """Run one statement in a school's store, as any other program may."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect((home or world.school_home) / "sekolah.db")) as db, db:
        return db.execute(statement).fetchall()


def rename(world: World, name: str, home: Path | None = None) -> None:
    """Edit one pupil at a school."""
    sql(world, f"UPDATE peserta_didik SET tempat_lahir = '{name}' WHERE rowid = 1", home)


def at_server(world: World) -> str:
    """Return what the server holds of that pupil."""
    return str(sql_server(world, "SELECT tempat_lahir FROM peserta_didik WHERE rowid = 1")[0][0])


def sql_server(world: World, statement: str) -> list[tuple[Any, ...]]:
    """Look into the server's store."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(world.server_home / "server.db")) as db:
        return db.execute(statement).fetchall()


def assign(world: World, who: str, post: str = "kepala_sekolah") -> None:
    """Let the dinas assign a head."""
    path = world.folder / "kepala.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [("table", "id", "column", "value", "verified"), ("sekolah", world.npsn, post, who, "")]
        )
    ok(world.server("change", "--as", "dinas", path))


def ingest(world: World, file: str | Path) -> Any:
    """Take one file in and return what became of it."""
    done = world.server("ingest", file)
    assert done.status in (0, 3), done
    return done.json["files"][0]


def answer(world: World) -> str:
    """Write a return."""
    return str(ok(world.server("return", "--npsn", world.npsn))["written"][0]["file"])


def head_code(world: World) -> dict[str, str]:
    """Make a code for the head."""
    found: dict[str, str] = ok(world.server("school", "code", "--npsn", world.npsn, "--purpose", "kepala"))
    return found


# --- another head -----------------------------------------------------------------------------


def test_a_new_head_approves_after_one_delivery_and_what_the_former_one_approved_is_released(world: World) -> None:
    """The dinas assigns while a package is on its way. Assignment, code and answer come in one delivery; no trip is extra."""
    rename(world, "SEBELUM")
    before = ok(world.export())
    assign(world, "KEPALA PENGGANTI")
    code = head_code(world)
    assert (code["nama"], code["role"]) == ("KEPALA PENGGANTI", "kepala_sekolah")
    late = ingest(world, before["file"])
    assert (late["status"], late["code"]) == ("held", "KF-310")
    ok(world.at_school("apply", answer(world)))
    blocked = ok(world.at_school("status"))["blocked"]
    assert blocked == ["KF-314"]
    assert world.export().error["code"] == "KF-314"

    new = secret(world, SECOND)
    made = ok(world.at_school("head", "--code-file", code["code_file"], "--passphrase-file", new))
    assert made["nama"] == "KEPALA PENGGANTI"
    assert ok(world.at_school("status"))["blocked"] == []
    rename(world, "SESUDAH")
    assert world.export().error["code"] == "KF-106"  # the former head's passphrase opens nothing
    after = ok(world.at_school("export", "--confirm", "--passphrase-file", new))
    taken = ingest(world, after["file"])
    assert taken["status"] == "applied", taken
    assert at_server(world) == "SESUDAH"
    assert ok(world.server("status"))["packages"]["held"] == 0
    ok(world.at_school("apply", answer(world)))
    assert ok(world.at_school("status"))["pending"] == {}


def test_the_new_heads_certificate_rides_until_a_file_with_it_was_merged_and_no_longer(world: World) -> None:
    """Files are lost: the next ones carry it too. Once one was merged, files are as small as before."""
    assign(world, "KEPALA PENGGANTI")
    code = head_code(world)
    ok(world.at_school("apply", answer(world)))
    new = secret(world, SECOND)
    ok(world.at_school("head", "--code-file", code["code_file"], "--passphrase-file", new))

    def export() -> str:
        return str(ok(world.at_school("export", "--confirm", "--passphrase-file", new))["file"])

    def carried(file: str) -> int:
        return len(ok(kirim("inspect", file, "--json"))["certificates"])

    rename(world, "SATU")
    assert carried(export()) == 2
    rename(world, "DUA")
    file = export()
    assert carried(file) == 2
    assert ingest(world, file)["status"] == "applied"
    ok(world.at_school("apply", answer(world)))
    rename(world, "TIGA")
    file = export()
    assert carried(file) == 0
    assert ingest(world, file)["status"] == "applied"


def test_a_code_that_comes_before_its_assignment_waits_for_it(world: World) -> None:
    """The letter was faster than the return: nothing is made, and the same code works when the return has come."""
    assign(world, "KEPALA PENGGANTI")
    code = head_code(world)
    new = secret(world, SECOND)
    early = world.at_school("head", "--code-file", code["code_file"], "--passphrase-file", new)
    assert (early.status, early.error["code"]) == (1, "KF-115")
    rename(world, "MASIH LAMA")
    assert world.export().status == 0  # the head whom this laptop knows still approves
    ok(world.at_school("apply", answer(world)))
    ok(world.at_school("head", "--code-file", code["code_file"], "--passphrase-file", new))


def test_a_head_who_forgot_the_passphrase_gets_another_key_for_the_same_assignment(world: World) -> None:
    """No data is lost and no return is needed: a new code by letter is all."""
    rename(world, "LUPA SANDI")
    code = head_code(world)
    new = secret(world, SECOND)
    made = ok(world.at_school("head", "--code-file", code["code_file"], "--passphrase-file", new))
    assert made["assignment"] == code["assignment"]
    file = ok(world.at_school("export", "--confirm", "--passphrase-file", new))["file"]
    assert ingest(world, file)["status"] == "applied"
    assert at_server(world) == "LUPA SANDI"


def test_a_code_of_another_school_or_nobodys_makes_no_head(world: World) -> None:
    """What such a key approves is put aside, and the next right code mends it."""
    invented = world.folder / "kode.txt"
    invented.write_text("12345678-1234-4234-8234-123456789012\n", encoding="utf-8")
    new = secret(world, SECOND)
    ok(world.at_school("head", "--code-file", invented, "--passphrase-file", new))
    rename(world, "PALSU")
    forged = ingest(world, ok(world.at_school("export", "--confirm", "--passphrase-file", new))["file"])
    assert (forged["status"], forged["code"]) == ("quarantined", "KF-303")
    code = head_code(world)
    ok(world.at_school("head", "--code-file", code["code_file"], "--passphrase-file", new))
    file = ok(world.at_school("export", "--confirm", "--passphrase-file", new))["file"]
    assert ingest(world, file)["status"] == "applied"


def test_no_code_is_made_while_nobody_is_assigned(world: World) -> None:
    """KF-114 says what to do first."""
    world.add("02000009", head="")
    done = world.server("school", "code", "--npsn", "02000009", "--purpose", "kepala")
    assert (done.status, done.error["code"]) == (1, "KF-114")


def test_a_key_that_was_made_before_anybody_was_assigned_is_no_successors_key(world: World) -> None:
    """It speaks for the first assignment that comes, and for no later one (domain 2.4)."""
    added = world.add("02000009", head="")
    other = World(world.folder / "lain")
    other.lists.mkdir(parents=True)
    other.secret.write_text("sandi yang pertama\n", encoding="utf-8")
    init = ("--code-file", added["code_file"], "--passphrase-file", other.secret)
    ok(kirim("school", "init", added["prefill"], *init, "--home", other.school_home, "--json"))

    def deliver(name: str) -> None:
        path = world.folder / "kepala.csv"
        path.write_text(f"table,id,column,value,verified\nsekolah,02000009,kepala_sekolah,{name},\n", encoding="utf-8")
        ok(world.server("change", "--as", "dinas", path))
        file = ok(world.server("return", "--npsn", "02000009"))["written"][0]["file"]
        ok(other.at_school("apply", file))

    deliver("KEPALA PERTAMA")
    assert ok(other.at_school("status"))["blocked"] == []
    deliver("KEPALA KEDUA")
    assert ok(other.at_school("status"))["blocked"] == ["KF-314"]
