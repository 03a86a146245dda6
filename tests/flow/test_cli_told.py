"""What people read: what a held file waits for, what an old return is, what a file is that cannot be read, and what is asked."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import time
from datetime import datetime
from pathlib import Path

import pytest

from tests.flow.program import PASSPHRASE, World, command, environment, kirim
from tests.flow.test_cli_secrets import talk


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A school that has exported once; nothing of it has arrived."""
    world = World(tmp_path_factory.mktemp("dunia") / "asli")
    world.make()
    assert world.take_lists().status == 0
    assert world.export().status == 0
    return world


@pytest.fixture
def world(made: World, tmp_path: Path) -> World:
    """A copy of it, for one test."""
    shutil.copytree(made.folder, tmp_path / "dunia")
    return World(tmp_path / "dunia")


def package(world: World) -> Path:
    """Return the school's first package."""
    return world.school_home / "outbox" / f"KIRIM-{world.npsn}-000001.kirim"


# --- held -------------------------------------------------------------------------------------


def test_a_file_that_waits_for_a_decision_is_not_said_to_go_on_by_itself(world: World) -> None:
    """KF-310: the dinas has assigned another head meanwhile."""
    listed = world.folder / "ubah.csv"
    listed.write_text(f"table,id,column,value,baru\nsekolah,{world.npsn},kepala_sekolah,KEPALA BARU,1\n")
    assert world.server("change", "--as", "dinas", listed).status == 0
    home = ("--home", world.server_home)
    taken, seen = kirim("server", "ingest", package(world), *home), kirim("server", "status", *home)
    for told in (taken.out, seen.out, kirim("explain", "KF-310").out, kirim("explain", "KF-311").out):
        assert "ditahan sampai dinas memutuskan" in told
        assert "dengan sendirinya" not in told
    assert "KF-310" in taken.out
    assert "ditahan, berlanjut dengan sendirinya" in kirim("explain", "KF-401").out


# --- repeats, older ones, files that cannot be read -------------------------------------------


def test_a_repeat_and_an_older_return_are_told_apart(world: World) -> None:
    """Both change nothing and are status 0."""
    assert world.server("ingest", package(world)).status == 0
    first = world.server("return", "--npsn", world.npsn).json["written"][0]["file"]
    listed = world.folder / "ubah.csv"
    listed.write_text(f"table,id,column,value\nsekolah,{world.npsn},nomor_telepon,0990001\n")
    assert world.server("change", "--as", "dinas", listed).status == 0
    second = world.server("return", "--npsn", world.npsn).json["written"][0]["file"]
    assert world.at_school("apply", second).json["known"] == []
    done = world.at_school("apply", first, second)
    assert (done.status, done.json["incoming"]) == (0, {})
    assert done.json["known"] == [{"file": first, "why": "older"}, {"file": second, "why": "repeat"}]
    people = kirim("school", "apply", first, second, "--home", world.school_home)
    assert (people.status, people.err) == (0, "")
    assert f"{second}: sudah diterapkan" in people.out
    assert f"{first}: lebih lama daripada yang sudah diterapkan" in people.out


def test_a_file_that_vanished_or_may_not_be_read_is_not_said_to_be_put_aside(world: World) -> None:
    """It is told under KF-702, and nothing of it stands in quarantine."""
    closed = world.folder / "tertutup.kirim"
    closed.write_bytes(b"rahasia")
    closed.chmod(0)
    gone = world.folder / "hilang.kirim"
    done = kirim("server", "ingest", closed, gone, "--home", world.server_home, bound=True)
    assert done.status == 3
    assert f"{gone}: tidak dapat dibaca, KF-702" in done.out
    assert done.out.splitlines()[-2:] == ["0 diterapkan, 0 sudah diterima, 0 ditahan, 0 disisihkan", "2 berkas tidak dapat dibaca"]
    assert list((world.server_home / "quarantine").iterdir()) == []


def test_a_reason_in_quarantine_is_read_in_both_languages_with_its_time(world: World) -> None:
    """By people and by machines; the moment in ISO form."""
    damaged = world.folder / "rusak.kirim"
    damaged.write_bytes(package(world).read_bytes()[:-40])
    assert world.server("ingest", damaged).status == 3
    (path,) = (world.server_home / "quarantine").glob("*.json")
    reason = json.loads(path.read_text(encoding="utf-8"))
    assert (reason["code"], reason["file"]) == ("KF-204", str(damaged))
    assert all(reason[language].keys() == {"what", "next", "safe"} for language in ("id", "en"))
    assert reason["en"]["what"].startswith("the file ends early")
    assert reason["id"]["what"].startswith("berkas")
    assert datetime.fromisoformat(reason["at"]).utcoffset() is not None


# --- Ctrl-C -----------------------------------------------------------------------------------


def test_ctrl_c_in_the_demo_has_its_code(tmp_path: Path) -> None:
    """KF-113, also in the middle of one of the commands that the story types."""
    play = subprocess.Popen(
        command(["demo", str(tmp_path / "latihan")]),
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - the tests have one thread
    )
    while not list((tmp_path / "latihan").glob("sekolah-*/excel/daftar-pd.xlsx")):
        assert play.poll() is None
        time.sleep(0.02)
    play.send_signal(signal.SIGINT)
    _, err = play.communicate(timeout=60)
    assert play.returncode == 1
    assert "KF-113" in err
    assert "KF-901" not in err


# --- what is asked ----------------------------------------------------------------------------


def test_init_asks_nothing_for_a_home_in_use_or_a_file_that_is_no_prefill(world: World) -> None:
    """Nobody types 36 characters for nothing; a short passphrase in a file is refused before the code is asked."""
    added = world.add("01234567")
    (world.folder / "pendek").write_text("pendek\n")
    new = ("--home", str(world.folder / "baru"))
    for arguments, code in (
        ((added["prefill"], "--home", str(world.school_home)), "KF-102"),
        ((str(package(world)), *new), "KF-301"),
        ((added["prefill"], "--passphrase-file", str(world.folder / "pendek"), *new), "KF-107"),
    ):
        status, shown = talk(("school", "init", *arguments))
        assert (status, code in shown, "Kode registrasi" in shown) == (1, True, False), shown
    assert not (world.folder / "baru").exists()


def test_a_code_is_seen_while_it_is_typed_and_checked_at_once(world: World) -> None:
    """Another school's code, then the right one; a short passphrase, then one that is typed twice unlike, then well."""
    added, other = world.add("01234567"), world.add("01234568")
    code, wrong = (Path(one["code_file"]).read_text().splitlines()[0] for one in (added, other))
    status, shown = talk(
        ("school", "init", added["prefill"], "--home", world.folder / "baru", "--lang", "en"),
        ("Registration code: ", wrong),
        ("Registration code: ", code),
        ("passphrase: ", "pendek"),
        ("passphrase: ", PASSPHRASE),
        ("Once more: ", "lain sama sekali"),
        ("passphrase: ", PASSPHRASE),
        ("Once more: ", PASSPHRASE),
    )
    assert status == 0, shown
    assert all(text in shown for text in ("KF-105", "KF-107", "not the same"))
    assert code in shown
    assert PASSPHRASE not in shown


def test_an_unclear_answer_is_asked_again_and_a_wrong_passphrase_may_be_typed_thrice(world: World) -> None:
    """*ok* is no yes; two wrong passphrases cost nothing, the third ends it with nothing written."""
    arguments = ("school", "export", "--home", world.school_home, "--lang", "en")
    agreed = (("Right? [y/n/all]: ", "ok"), ("Right? [y/n/all]: ", "y"), ("Right? [y/n/all]: ", "all"), ("agree to send? [y/n]: ", "y"))
    status, shown = talk(arguments, *agreed, *(("passphrase: ", typed) for typed in ("salah", "lagi", PASSPHRASE)))
    assert (status, shown.count("KF-106")) == (0, 2), shown
    status, shown = talk(arguments, *agreed, *(("passphrase: ", typed) for typed in ("a", "b", "c")))
    assert (status, shown.count("KF-106")) == (1, 3), shown
    assert len(list((world.school_home / "outbox").iterdir())) == 2
    status, shown = talk(arguments, ("Right? [y/n/all]", "t"))
    assert (status, "KF-313" in shown) == (1, True), shown


# --- validasi lokal ---------------------------------------------------------------------------


def test_validate_says_columns_as_the_lists_do_and_counts_rows(world: World) -> None:
    """Labels where a list has them, one line for the twelve months, and no sentence about an empty value."""
    with sqlite3.connect(world.school_home / "sekolah.db") as db:
        db.execute("UPDATE peserta_didik SET agama_id = NULL, nisn = CASE nisn WHEN (SELECT max(nisn) FROM peserta_didik) THEN '123' ELSE nisn END")
        (count,) = db.execute("SELECT count(*) FROM peserta_didik WHERE soft_delete = 0").fetchone()
    db.close()
    done = kirim("school", "validate", "--home", world.school_home)
    assert (done.status, done.err) == (0, "")
    assert f"({count}): Agama sebaiknya diisi" in done.out
    assert "NISN" in done.out
    assert "agama_id" not in done.out
    assert sum("aktif_bulan" in line for line in done.out.splitlines()) == 1
    assert "  kurang dari" not in done.out
    assert "nomor_sk kurang dari" not in done.out


def test_inspect_says_who_can_say_for_whom_a_file_is(world: World) -> None:
    """The name of a file decides nothing."""
    done = kirim("inspect", package(world))
    assert done.status == 0
    assert "tanyakan kepada pengirimnya" in done.out
    assert "pengirim" in kirim("explain", "KF-302").out
