"""What an operator does at a school, as a process of its own: exit status, keys of the contract, what people read."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from exchange.demo.madeup import kip_list, write_kip_csv
from tests.flow.program import PUPILS, World, kirim

NAME, NISN = 2, 5
"""Columns of *Daftar Peserta Didik*, from 1."""
FIRST = 7
"""Its first row below the header."""


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


def edited(world: World, change: Callable[[Any], None]) -> Path:
    """Return a list of pupils in which somebody typed."""
    path = world.folder / "diubah.xlsx"
    book = load_workbook(world.lists / "pd.xlsx")
    change(book.worksheets[0])
    book.save(path)
    return path


def sql(world: World, statement: str) -> None:
    """Write to the school's store as any program may, while it is open elsewhere."""
    with sqlite3.connect(world.school_home / "sekolah.db") as db:
        db.execute(statement)
    db.close()


def short_nisn(sheet: Any) -> None:
    """Make one NISN too short."""
    sheet.cell(FIRST + 2, NISN).value = "12345"


# --- init -------------------------------------------------------------------------------------


def test_init_opens_a_prefill_with_its_code(made: World, tmp_path: Path) -> None:
    """The home is made; a second init there is refused and changes nothing."""
    added = made.add("01234567")
    arguments = ("school", "init", added["prefill"], "--code-file", added["code_file"])
    arguments += ("--passphrase-file", str(made.secret), "--home", str(tmp_path / "rumah"))
    done = kirim(*arguments, "--json")
    assert done.status == 0
    assert (done.json["npsn"], done.json["sekolah_id"]) == ("01234567", added["sekolah_id"])
    assert done.json["nama"] == "SD Contoh 01234567"
    assert done.json["rows"]["sekolah"] == 1
    assert {"sekolah.db", "inbox", "outbox", "kunci"} <= {path.name for path in (tmp_path / "rumah").iterdir()}
    before = (tmp_path / "rumah" / "sekolah.db").read_bytes()
    again = kirim(*arguments, "--json")
    assert (again.status, again.error["code"]) == (1, "KF-102")
    assert (tmp_path / "rumah" / "sekolah.db").read_bytes() == before


def test_init_with_another_schools_code_makes_nothing(made: World, tmp_path: Path) -> None:
    """KF-105, and the same folder can be used with the right code afterwards."""
    one, two = made.add("01234568"), made.add("01234569")
    files = ("--passphrase-file", made.secret, "--home", tmp_path / "rumah", "--json")
    done = kirim("school", "init", one["prefill"], "--code-file", two["code_file"], *files)
    assert (done.status, done.error["code"]) == (1, "KF-105")
    assert not (tmp_path / "rumah" / "sekolah.db").exists()
    assert kirim("school", "init", one["prefill"], "--code-file", one["code_file"], *files).status == 0


# --- import -----------------------------------------------------------------------------------


def test_lists_are_known_by_their_content_and_the_second_time_is_unchanged(world: World) -> None:
    """Three lists under any name; then the same three again."""
    for n, path in enumerate(sorted(world.lists.iterdir())):
        path.rename(path.with_name(f"unduhan {n}.xlsx"))
    first, second = world.take_lists(), world.take_lists()
    assert (first.status, second.status) == (0, 0)
    assert sorted(first.json) == ["dry_run", "failed", "ignored", "notes", "problems", "tables"]
    assert first.json["tables"]["peserta_didik"] == {"inserted": PUPILS, "updated": 0, "unchanged": 0}
    assert {"registrasi_peserta_didik", "peserta_didik_longitudinal", "anggota_rombel", "ptk"} <= set(
        first.json["tables"]
    )
    assert second.json["tables"]["peserta_didik"] == {"inserted": 0, "updated": 0, "unchanged": PUPILS}
    assert all(t["inserted"] == t["updated"] == 0 for t in second.json["tables"].values())


def test_a_list_with_a_problem_is_not_taken_and_names_its_cell(world: World) -> None:
    """Status 1 and nothing changed; ``--partial`` takes the clean rows with status 3."""
    path = edited(world, short_nisn)
    done = world.at_school("import", path)
    assert done.status == 1
    assert not any(count for table in done.json["tables"].values() for count in table.values())
    (problem,) = done.json["problems"]
    assert (problem["row"], problem["column"], problem["value"]) == (FIRST + 2, "E NISN", "12345")
    assert problem["code"].startswith("KF-")
    assert problem["file"] == str(path)
    assert world.at_school("status").json["pending"] == {}
    told = kirim("school", "import", path, "--home", world.school_home, "--lang", "en")
    assert told.status == 1
    assert f"E{FIRST + 2}: 12345" in told.out
    part = world.at_school("import", path, "--partial")
    assert part.status == 3
    assert part.json["tables"]["peserta_didik"]["inserted"] == PUPILS - 1
    assert part.json["problems"] == done.json["problems"]


def test_each_list_is_its_own_and_one_that_is_none_stops_no_other(world: World) -> None:
    """A photograph alone fails with its code; among good lists the rest is taken, in part."""
    photo = world.folder / "foto.xlsx"
    photo.write_bytes(b"\xff\xd8\xff foto")
    alone = world.at_school("import", photo)
    assert alone.status == 1
    assert alone.error["code"].startswith("KF-2")
    done = world.at_school("import", photo, world.lists / "pd.xlsx")
    assert done.status == 3
    assert [(one["file"], one["code"]) for one in done.json["failed"]] == [(str(photo), alone.error["code"])]
    assert done.json["tables"]["peserta_didik"]["inserted"] == PUPILS


def test_equal_problems_are_one_line_with_ten_cells(world: World) -> None:
    """R15: one cause, a count, the first cells."""

    def spoil(sheet: Any) -> None:
        for row in range(FIRST, FIRST + PUPILS):
            sheet.cell(row, NISN).value = "1"

    told = kirim("school", "import", edited(world, spoil), "--home", world.school_home, "--lang", "en")
    assert told.status == 1
    lines = told.out.splitlines()
    assert sum("E NISN" in line and f"({PUPILS})" in line for line in lines) == 1
    assert sum(line.strip().endswith(": 1") for line in lines) == 10
    assert f"and {PUPILS - 10} more" in told.out


# --- status and validate ----------------------------------------------------------------------


def test_status_tells_what_is_pending_and_where_the_exchange_stands(world: World) -> None:
    """Before the first export, after it, and after its return."""
    keys = ("sent", "acknowledged", "applied_return", "last_exported_at", "last_applied_at")
    world.take_lists()
    before = world.at_school("status")
    assert before.status == 0
    assert {*keys, "pending", "open", "conflicts", "blocked"} <= set(before.json)
    assert before.json["pending"]["peserta_didik"] == {"insert": PUPILS, "update": 0, "delete": 0}
    assert (before.json["sent"], before.json["acknowledged"], before.json["last_exported_at"]) == (0, 0, None)
    assert before.json["blocked"] == []
    world.export()
    sent = world.at_school("status").json
    assert (sent["sent"], sent["acknowledged"], sent["pending"]) == (1, 0, before.json["pending"])
    assert sent["last_exported_at"].endswith("+00:00")
    assert world.round_trip().status == 0
    after = world.at_school("status").json
    assert (after["sent"], after["pending"], after["open"]) == (2, {}, [])
    assert after["acknowledged"] == 1
    assert after["applied_return"] > before.json["applied_return"]
    people = kirim("school", "status", "--home", world.school_home)
    assert "Data yang Mengalami Perubahan" in people.out


def test_what_stands_in_the_way_of_an_export_is_told_before(world: World) -> None:
    """A pupil whose NISN is too short: ``validate`` finds it, ``status`` names it, ``export`` refuses and writes nothing."""
    world.take_lists()
    assert world.at_school("validate").json["invalid"] == 0
    sql(world, "UPDATE peserta_didik SET nisn = '12345' WHERE nisn IS (SELECT max(nisn) FROM peserta_didik)")
    found = world.at_school("validate")
    assert found.status == 0
    assert found.json["invalid"] == 1
    assert {"invalid", "warning", "findings"} <= set(found.json)
    assert all({"code", "tab", "table", "id", "message"} <= set(one) for one in found.json["findings"])
    (bad,) = [one for one in found.json["findings"] if one["level"] == "invalid"]
    assert bad["table"] == "peserta_didik"
    assert world.at_school("status").json["blocked"] == ["KF-501"]
    refused = world.export()
    assert (refused.status, refused.error["code"]) == (1, "KF-501")
    assert list((world.school_home / "outbox").iterdir()) == []
    people = kirim("school", "validate", "--home", world.school_home)
    assert (people.status, people.err) == (0, "")
    assert bad["code"] in people.out


def test_an_export_without_a_head_is_refused(made: World, tmp_path: Path) -> None:
    """The dinas has assigned nobody yet: KF-312, and ``status`` says so."""
    added = made.server("school", "add", "--npsn", "01234561", "--name", "SD Tanpa Kepala", "--bentuk", "SD").json
    home = ("--home", tmp_path / "rumah", "--json", "--passphrase-file", made.secret)
    assert kirim("school", "init", added["prefill"], "--code-file", added["code_file"], *home).status == 0
    done = kirim("school", "export", "--confirm", *home)
    assert (done.status, done.error["code"]) == (1, "KF-312")
    assert kirim("school", "status", *home[:3]).json["blocked"] == ["KF-312"]


# --- export -----------------------------------------------------------------------------------


def test_an_export_shows_the_sheet_and_the_consent_and_writes_one_file(world: World) -> None:
    """Its keys and its name, and where it was asked for; the sheet is shown beside the answer."""
    world.take_lists()
    done = world.export()
    assert done.status == 0
    made = done.json
    assert {"file", "package_id", "number", "changes", "bytes"} <= set(made)
    assert Path(made["file"]) == world.school_home / "outbox" / f"KIRIM-{world.npsn}-000001.kirim"
    assert Path(made["file"]).stat().st_size == made["bytes"]
    assert made["changes"]["peserta_didik"] == {"insert": PUPILS, "update": 0, "delete": 0}
    for words in ("Lembar Konfirmasi Sinkronisasi", "Persetujuan Pengiriman Data", "KEPALA CONTOH"):
        assert words in done.err
    (world.folder / "flashdisk").mkdir()
    other = world.export("--out", world.folder / "flashdisk")
    assert Path(other.json["file"]) == world.folder / "flashdisk" / f"KIRIM-{world.npsn}-000002.kirim"


def test_a_wrong_passphrase_writes_nothing(world: World) -> None:
    """KF-106; everything still waits."""
    world.take_lists()
    (world.folder / "salah").write_text("sandi yang lain sama sekali\n")
    done = world.at_school("export", "--confirm", "--passphrase-file", world.folder / "salah")
    assert (done.status, done.error["code"]) == (1, "KF-106")
    assert world.at_school("status").json["pending"]["peserta_didik"]["insert"] == PUPILS


# --- apply ------------------------------------------------------------------------------------


def test_a_return_brings_what_the_centre_changed_and_a_repeat_brings_nothing(world: World) -> None:
    """Three KIP numbers come in once."""
    world.take_lists()
    world.round_trip()
    write_kip_csv(world.folder / "sk.csv", kip_list(world.school, 3))
    assert world.server("kip", "import", world.folder / "sk.csv").json["matched"] == 3
    written = world.server("return", "--all").json["written"]
    (file,) = [one["file"] for one in written if one["npsn"] == world.npsn]
    first, again = world.at_school("apply", file), world.at_school("apply", file)
    assert (first.status, again.status) == (0, 0)
    assert {"incoming", "replaced", "acknowledged", "conflicts", "refused"} <= set(first.json)
    assert first.json["incoming"] == {"peserta_didik": 3}
    assert all({"table", "id", "column", "old", "new", "why"} <= set(one) for one in first.json["replaced"])
    assert again.json["incoming"] == {}
    told = kirim("school", "apply", file, "--home", world.school_home)
    assert (told.status, told.err) == (0, "")
    assert "Perubahan Data yang Masuk ke Lokal" in told.out


def test_apply_is_one_when_nothing_and_three_when_a_part_could_be_applied(world: World) -> None:
    """A photograph alone, then beside a good return."""
    world.take_lists()
    world.export()
    photo = world.folder / "foto.jpg"
    photo.write_bytes(b"\xff\xd8\xff foto")
    good = world.server("return", "--npsn", world.npsn).json["written"][0]["file"]
    alone = world.at_school("apply", photo)
    assert (alone.status, alone.error["code"]) == (1, "KF-201")
    part = world.at_school("apply", photo, good)
    assert part.status == 3
    assert "error" not in part.json
    assert [one["code"] for one in part.json["failed"]] == ["KF-201"]
    people = kirim("school", "apply", photo, photo, good, "--home", world.school_home)
    assert people.status == 3
    assert people.err.count("KF-201") == 1
    assert people.err.count(str(photo)) == 2


def test_a_refused_edit_is_told_with_both_values_and_stays_open(world: World) -> None:
    """The school overwrites a KIP number that came from the SK."""
    world.take_lists()
    world.round_trip()
    write_kip_csv(world.folder / "sk.csv", kip_list(world.school, 1))
    world.server("kip", "import", world.folder / "sk.csv")
    world.round_trip()
    sql(world, "UPDATE peserta_didik SET no_kip = 'XX99XX' WHERE no_kip IS NOT NULL AND no_kip LIKE 'Z%'")
    sent = world.export().json["file"]
    ingested = world.server("ingest", sent)
    assert ingested.status == 0
    assert ingested.json["files"][0]["changes"]["refused"] == 1
    file = world.server("return", "--npsn", world.npsn).json["written"][0]["file"]
    people = kirim("school", "apply", file, "--home", world.school_home, "--lang", "en")
    assert people.status == 0
    assert "KF-513" in people.out
    assert "XX99XX" in people.out
    (open_row,) = world.at_school("status").json["open"]
    assert open_row["code"] == "KF-513"
    assert "KF-513" in kirim("school", "status", "--home", world.school_home).out


# --- download ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "least"), [("daftar-pd", PUPILS), ("daftar-guru", 1), ("daftar-tendik", 1)])
def test_a_list_is_written_once_and_changes_nothing_when_it_comes_back(world: World, name: str, least: int) -> None:
    """The operators' own layout; an existing file is never overwritten."""
    world.take_lists()
    path = world.folder / "unduh.xlsx"
    done = world.at_school("download", name, path)
    assert done.status == 0
    assert done.json["rows"] >= least
    assert done.json["file"] == str(path)
    again = world.at_school("download", name, path)
    assert (again.status, again.error["code"]) == (1, "KF-705")
    back = world.at_school("import", path)
    assert back.status == 0
    assert all(t["inserted"] == t["updated"] == 0 for t in back.json["tables"].values())


def test_the_home_may_be_the_current_folder(world: World) -> None:
    """Without any option, inside the home; files are named as they stand there."""
    world.take_lists()
    done = kirim("school", "download", "daftar-pd", "x.xlsx", "--json", cwd=world.school_home)
    assert done.status == 0
    assert Path(done.json["file"]) == world.school_home / "x.xlsx"
