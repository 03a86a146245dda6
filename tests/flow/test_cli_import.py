"""Lists that a school should not take, or not as they are: another school's, broken ones, files for other commands."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from exchange.demo.madeup import MadeUpSchool, write_daftar_guru, write_daftar_pd
from tests.flow.program import PUPILS, World, kirim

HEADER, FIRST = 5, 7
"""Rows of the header and of the first pupil, from 1."""
BIRTH, NISN = 7, 5


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A registered school that has taken nothing in yet."""
    world = World(tmp_path_factory.mktemp("dunia") / "asli")
    world.make()
    return world


@pytest.fixture
def world(made: World, tmp_path: Path) -> World:
    """A copy of it, for one test."""
    shutil.copytree(made.folder, tmp_path / "dunia")
    return World(tmp_path / "dunia")


def edited(world: World, name: str, change: Callable[[Any], None]) -> Path:
    """Return one of the school's lists in which somebody typed."""
    path = world.folder / f"diubah-{name}.xlsx"
    book = load_workbook(world.lists / f"{name}.xlsx")
    change(book.worksheets[0])
    book.save(path)
    return path


def rows(world: World) -> dict[str, int]:
    """Return how many rows stand in the store, captured changes included."""
    with sqlite3.connect(world.school_home / "sekolah.db") as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}
    db.close()
    return found


# --- another school's -------------------------------------------------------------------------


def test_another_schools_list_is_refused_unless_it_is_said_to_be_meant(world: World) -> None:
    """KF-214 names both; nothing is taken; with the option it is."""
    other = MadeUpSchool("SD", 9, seed=11)
    assert other.nama != world.school.nama
    write_daftar_pd(world.folder / "pd.xlsx", other)
    write_daftar_guru(world.folder / "guru.xlsx", other)
    before = rows(world)
    for name in ("pd", "guru"):
        refused = world.at_school("import", world.folder / f"{name}.xlsx")
        assert (refused.status, refused.error["code"]) == (1, "KF-214")
        assert all(one in refused.error["what"] for one in (other.nama, world.school.nama, world.npsn))
        assert "--other-school" in refused.error["next"]
    assert rows(world) == before
    beside = world.at_school("import", world.folder / "pd.xlsx", world.lists / "guru.xlsx")
    assert (beside.status, [one["code"] for one in beside.json["failed"]]) == (3, ["KF-214"])
    taken = world.at_school("import", world.folder / "pd.xlsx", "--other-school")
    assert (taken.status, taken.json["tables"]["peserta_didik"]["inserted"]) == (0, 9)


def test_a_list_without_a_title_is_taken(world: World) -> None:
    """Some operators cut the letterhead away."""
    path = edited(world, "pd", lambda sheet: sheet.delete_rows(1, HEADER - 1))
    done = world.at_school("import", path)
    assert (done.status, done.json["tables"]["peserta_didik"]["inserted"]) == (0, PUPILS)


# --- after another program --------------------------------------------------------------------


@pytest.mark.parametrize("spoil", ["DELETE FROM peserta_didik", "UPDATE peserta_didik SET soft_delete = NULL"])
def test_nobody_stands_twice_after_another_program_removed_or_marked_rows(world: World, spoil: str) -> None:
    """The list finds the very pupils: those that were removed stand again first, and what the list does not say stays."""
    assert world.at_school("import", world.lists / "pd.xlsx").status == 0
    with sqlite3.connect(world.school_home / "sekolah.db") as db:
        db.execute("UPDATE peserta_didik SET email = 'a@contoh.id'")
    db.close()
    assert world.export().status == 0
    with sqlite3.connect(world.school_home / "sekolah.db") as db:
        db.execute(spoil)
    db.close()
    done = world.at_school("import", world.lists / "pd.xlsx")
    assert (done.status, done.json["tables"]["peserta_didik"]["unchanged"]) == (0, PUPILS)
    assert bool(done.json["notes"]) is spoil.startswith("DELETE")
    with sqlite3.connect(world.school_home / "sekolah.db") as db:
        asked = "SELECT count(*), count(DISTINCT nisn), sum(soft_delete = 0), sum(email IS NOT NULL) FROM peserta_didik"
        assert db.execute(asked).fetchone() == (PUPILS, PUPILS, PUPILS, PUPILS)
    db.close()


# --- dry run ----------------------------------------------------------------------------------


def test_a_dry_run_tells_the_very_same_and_changes_nothing(world: World) -> None:
    """Good lists and one with a problem; the report of the real run equals it."""

    def spoil(sheet: Any) -> None:
        sheet.cell(FIRST, NISN).value = "12345"

    files = (edited(world, "pd", spoil), world.lists / "guru.xlsx")
    before = rows(world)
    tried = world.at_school("import", *files, "--partial", "--dry-run")
    assert rows(world) == before
    assert world.at_school("status").json["pending"] == {}
    done = world.at_school("import", *files, "--partial")
    assert (tried.status, done.status) == (3, 3)
    assert (tried.json["dry_run"], done.json["dry_run"]) == (True, False)
    assert tried.json | {"dry_run": False} == done.json
    people = kirim("school", "import", world.lists / "pd.xlsx", "--dry-run", "--home", world.school_home)
    assert people.out.startswith("Uji coba:")


# --- problems ---------------------------------------------------------------------------------


def test_a_list_with_problems_ends_with_its_code_and_the_way_on(world: World) -> None:
    """KF-213 in three lines that name ``--partial``; with ``--json`` the error stands beside the problems."""

    def spoil(sheet: Any) -> None:
        sheet.cell(FIRST, BIRTH).value = "03/05/2016"
        sheet.cell(FIRST + 1, NISN).value = "12345"

    path = edited(world, "pd", spoil)
    done = world.at_school("import", path)
    assert (done.status, done.error["code"], len(done.json["problems"])) == (1, "KF-213", 2)
    people = kirim("school", "import", path, "--home", world.school_home)
    assert people.status == 1
    assert "KF-213" in people.out
    assert "--partial" in people.out
    assert "2016-05-03" in people.out, "which form of a date is taken"
    part = world.at_school("import", path, "--partial")
    assert (part.status, "error" in part.json) == (3, False)


# --- what a file is ---------------------------------------------------------------------------


def test_a_broken_list_is_told_as_the_one_that_it_is_most_like(world: World) -> None:
    """A *Daftar Guru* without NUPTK lacks NUPTK; it is no broken *Daftar Peserta Didik*."""

    def spoil(sheet: Any) -> None:
        sheet.cell(HEADER, 3).value = "Nomor"

    for name, column in (("guru", "NUPTK"), ("pd", "NISN")):
        path = edited(world, name, spoil if name == "guru" else lambda sheet: sheet.delete_cols(NISN))
        done = world.at_school("import", path)
        assert (done.status, done.error["code"]) == (1, "KF-212")
        assert column in done.error["what"]


def test_a_file_for_another_command_is_recognised(world: World) -> None:
    """Packages among lists, lists among lists of the centre, packages of each kind: each names the right command."""
    world.take_lists()
    sent = world.export().json["file"]
    answer = world.server("return", "--npsn", world.npsn).json["written"][0]["file"]
    added = world.add("01234567")
    new = ("--code-file", added["code_file"], "--passphrase-file", world.secret)
    pupils = world.lists / "pd.xlsx"
    told = {
        "import kirim": (world.at_school("import", sent), "KF-216", "kirim server ingest"),
        "import balasan": (world.at_school("import", answer), "KF-216", "kirim school apply"),
        "kip pd": (world.server("kip", "import", pupils), "KF-216", "kirim school import"),
        "kip balasan": (world.server("kip", "import", answer), "KF-216", "kirim school apply"),
        "change guru": (world.server("change", "--as", "dinas", world.lists / "guru.xlsx"), "KF-216", "kirim school import"),
        "apply prefill": (world.at_school("apply", added["prefill"]), "KF-301", "kirim school init"),
        "apply kirim": (world.at_school("apply", sent), "KF-301", "kirim server ingest"),
        "init kirim": (kirim("school", "init", sent, *new, "--home", world.folder / "baru", "--json"), "KF-301", "kirim server ingest"),
    }  # fmt: skip
    for name, (done, code, command) in told.items():
        assert (name, done.status, done.json["error"]["code"]) == (name, 1, code)
        assert command in done.json["error"]["next"], name
    for file, command in ((answer, "kirim school apply"), (added["prefill"], "kirim school init")):
        taken = kirim("server", "ingest", file, "--home", world.server_home)
        assert taken.status == 3
        assert "KF-301" in taken.out
        assert command in taken.out


def test_a_list_of_the_centre_without_its_columns_is_told_what_it_needs(world: World) -> None:
    """No advice to download again: such lists are written by people."""
    path = world.folder / "sk.csv"
    path.write_text("nama,kartu\nSISWA,ZZ00Z1\n")
    for arguments in (("kip", "import"), ("change", "--as", "dinas"), ("ref", "import")):
        done = world.server(*arguments, path)
        assert (done.status, done.error["code"]) == (1, "KF-215")
        assert "unduh" not in done.error["next"]
