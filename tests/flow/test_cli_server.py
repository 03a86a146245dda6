"""What an operator does at the server, as a process of its own: exit status, keys of the contract, what people read."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from exchange.demo.madeup import kip_list, write_kip_csv
from tests.flow.program import PUPILS, World, command, environment, kirim

PHOTO = b"\xff\xd8\xff\xe0 foto"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A server, and a school that has exported once; nothing of it has arrived."""
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


def photo(world: World, name: str = "foto.jpg") -> Path:
    """Return a file that is no package."""
    path = world.folder / name
    path.write_bytes(PHOTO + name.encode())
    return path


def table(path: Path, *rows: Sequence[str]) -> Path:
    """Write a CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


# --- setting up -------------------------------------------------------------------------------


def test_init_makes_a_home_once(tmp_path: Path) -> None:
    """Folders, keys for their owner only, a database; a second init is refused."""
    home = ("--home", tmp_path / "pusat", "--json")
    done = kirim("server", "init", *home)
    assert done.status == 0
    assert {"key_id", "fingerprint"} <= set(done.json)
    names = {path.name for path in (tmp_path / "pusat").iterdir()}
    assert {"inbox", "outbox", "archive", "held", "quarantine", "server.db"} <= names
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "pusat" / "kunci").iterdir())
    again = kirim("server", "init", *home)
    assert (again.status, again.error["code"]) == (1, "KF-102")


def test_one_school_and_many_schools_are_registered(world: World) -> None:
    """Each gets a code in a file, alone on its first line, and a prefill; an NPSN that exists is refused whole."""
    one = world.add("02000001")
    assert {"npsn", "sekolah_id", "code_file", "prefill"} <= set(one)
    assert all(Path(one[name]).is_absolute() for name in ("code_file", "prefill"))
    code = Path(one["code_file"]).read_text().splitlines()[0]
    assert len(code.replace("-", "")) >= 30
    listed = table(
        world.folder / "sekolah.csv",
        ("npsn", "name", "bentuk", "head"),
        ("02000002", "TK Contoh", "TK", ""),
        ("02000003", "SMK Contoh", "SMK", "KEPALA LAIN"),
    )
    (world.folder / "kode").mkdir()
    many = world.server("school", "add", "--file", listed, "--out", world.folder / "kode")
    assert many.status == 0
    assert [school["npsn"] for school in many.json["schools"]] == ["02000002", "02000003"]
    assert all(Path(school["prefill"]).parent == world.folder / "kode" for school in many.json["schools"])
    twice = world.server("school", "add", "--file", listed)
    assert (twice.status, twice.error["code"]) == (1, "KF-104")
    assert world.server("status").json["schools"] == 4


@pytest.mark.parametrize(
    ("option", "value"), [("npsn", "0200001"), ("bentuk", "SEKOLAH"), ("wilayah", "123456")]
)
def test_what_a_school_cannot_have_is_named_by_its_option_or_by_its_list(world: World, option: str, value: str) -> None:
    """With what is wanted there, or with the file and the row; no school is registered."""
    given = {"npsn": "02000001", "name": "SD Contoh", "bentuk": "SD", "wilayah": "990101"} | {option: value}
    one = world.server("school", "add", *(word for name in given for word in (f"--{name}", given[name])))
    assert (one.status, one.error["code"]) == (2, "KF-112")
    assert f"--{option}" in one.error["what"]
    assert value in one.error["what"]
    many = world.server("school", "add", "--file", table(world.folder / "daftar.csv", tuple(given), tuple(given.values())))
    assert (many.status, many.error["code"]) == (1, "KF-109")
    assert many.error["what"].startswith("daftar.csv, baris 2:")
    assert world.server("status").json["schools"] == 1


def test_a_new_code_opens_a_new_prefill(world: World, tmp_path: Path) -> None:
    """For a school that lost its code; an NPSN that nobody registered is KF-103."""
    made = world.server("school", "code", "--npsn", world.npsn)
    assert made.status == 0
    assert made.json["npsn"] == world.npsn
    done = kirim(
        *("school", "init", made.json["prefill"], "--code-file", made.json["code_file"]),
        *("--passphrase-file", world.secret, "--home", tmp_path / "rumah", "--json"),
    )
    assert done.status == 0
    unknown = world.server("school", "code", "--npsn", "09999999")
    assert (unknown.status, unknown.error["code"]) == (1, "KF-103")


def test_reference_rows_are_imported_and_counted(world: World) -> None:
    """A region more; a file that is no such list is refused with its code."""
    rows = table(
        world.folder / "ref.csv",
        ("table", "kode_wilayah", "nama", "id_level_wilayah", "mst_kode_wilayah", "negara_id"),
        ("ref.mst_wilayah", "990199", "Kec. Contoh Baru", "3", "990100", "ID"),
    )
    done = world.server("ref", "import", rows)
    assert done.status == 0, done
    assert sum(done.json["tables"].values()) == 1
    refused = world.server("ref", "import", photo(world))
    assert refused.status == 1
    assert refused.error["code"].startswith("KF-")


# --- ingest -----------------------------------------------------------------------------------


def test_a_package_is_applied_once_however_it_comes(world: World) -> None:
    """As a file, in a folder, in a ZIP, under another name: one effect, and nothing is moved."""
    sent = package(world)
    first = world.server("ingest", sent)
    assert first.status == 0
    (file,) = first.json["files"]
    assert sorted(file) == ["changes", "code", "file", "npsn", "number", "status"]
    assert (file["file"], file["status"], file["code"]) == (str(sent), "applied", None)
    assert (file["npsn"], file["number"]) == (world.npsn, 1)
    changes = file["changes"]
    assert sorted(changes) == ["applied", "conflict", "held", "refused", "same", "sent"]
    assert changes["sent"] == changes["applied"] > PUPILS
    assert {n: first.json[n] for n in ("applied", "duplicate", "held", "quarantined")} == {
        "applied": 1,
        "duplicate": 0,
        "held": 0,
        "quarantined": 0,
    }
    shutil.copy(sent, world.folder / "foto liburan.jpg")
    with zipfile.ZipFile(world.folder / "flashdisk.zip", "w") as bundle:
        bundle.write(sent, "Paket/x.kirim")
    again = world.server("ingest", sent.parent, world.folder / "foto liburan.jpg", world.folder / "flashdisk.zip")
    assert again.status == 0
    assert [one["status"] for one in again.json["files"]] == ["duplicate"] * 3
    assert sent.exists()


def test_one_refused_file_makes_it_three_and_every_file_is_told(world: World) -> None:
    """A photograph, an empty file and a good package: one line each while it works, one cause once at the end."""
    empty = world.folder / "kosong.kirim"
    empty.write_bytes(b"")
    files = (photo(world, "a.jpg"), package(world), photo(world, "b.jpg"), empty)
    people = kirim("server", "ingest", *files, "--home", world.server_home, "--lang", "en")
    assert (people.status, people.err) == (3, "")
    lines = people.out.splitlines()
    assert [line.partition(":")[0].partition(" (")[0] for line in lines[:4]] == [str(file) for file in files]
    assert sum(line.startswith("KF-201 ") for line in lines) == 1
    assert "  KF-201, put aside: 2" in lines
    assert lines[-1] == "1 applied, 0 known already, 0 held, 3 put aside"
    done = world.server("ingest", *files)
    assert (done.status, done.err) == (3, "")
    assert [one["status"] for one in done.json["files"]] == ["quarantined", "duplicate", "quarantined", "quarantined"]
    assert world.server("ingest", photo(world)).status == 3


def test_many_equal_faults_are_one_cause_with_ten_names(world: World) -> None:
    """R15: sixty photographs are told one by one, and explained once."""
    folder = world.folder / "usb"
    folder.mkdir()
    for n in range(60):
        (folder / f"{n:02}.jpg").write_bytes(PHOTO + bytes([n]))
    people = kirim("server", "ingest", folder, "--home", world.server_home, "--lang", "en")
    assert people.status == 3
    report = people.out.splitlines()[60:]
    assert sum(".jpg" in line for line in report) == 10
    assert "    and 50 more" in report


# --- watch ------------------------------------------------------------------------------------


def test_watch_once_empties_the_inbox_and_writes_the_return(world: World) -> None:
    """One line of JSON a file; a refused one makes it three; the return lies in the outbox."""
    inbox = world.server_home / "inbox"
    shutil.copy(package(world), inbox / "apa saja")
    (inbox / "foto.jpg").write_bytes(PHOTO)
    done = world.server("watch", "--once")
    assert done.status == 3
    told = {Path(one["file"]).name: one for one in map(json.loads, done.out.splitlines())}
    assert told["apa saja"]["status"] == "applied"
    assert (told["foto.jpg"]["status"], told["foto.jpg"]["code"]) == ("quarantined", "KF-201")
    assert list(inbox.iterdir()) == []
    (written,) = (world.server_home / "outbox" / world.npsn).glob("BALASAN-*.kirim")
    assert world.at_school("apply", written).json["acknowledged"] == 1
    idle = world.server("watch", "--once")
    assert (idle.status, idle.out) == (0, "")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_watch_ends_cleanly_when_it_is_told_to(world: World, name: str) -> None:
    """It takes a file that comes while it runs, then a signal ends it with status 0 and without a trace."""
    watcher = subprocess.Popen(
        command(["server", "watch", "--home", str(world.server_home), "--json"]),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watcher.stdout is not None
    assert watcher.stderr is not None
    assert str(world.server_home / "inbox") in watcher.stderr.readline()  # it watches now
    shutil.copy(package(world), world.server_home / "inbox" / ".x")
    (world.server_home / "inbox" / ".x").rename(world.server_home / "inbox" / "x.kirim")
    assert json.loads(watcher.stdout.readline())["status"] == "applied"
    assert "BALASAN" in watcher.stderr.readline()
    watcher.send_signal(getattr(signal, name))
    out, err = watcher.communicate(timeout=60)
    assert (watcher.returncode, out, err) == (0, "", "")


# --- return -----------------------------------------------------------------------------------


def test_returns_are_written_for_those_named_or_for_all_who_lag(world: World) -> None:
    """``--npsn`` always writes and may be repeated; ``--all`` skips who has nothing to receive."""
    world.server("ingest", package(world))
    other = world.add("02000004")
    (world.folder / "keluar").mkdir()
    named = world.server("return", "--npsn", world.npsn, "--npsn", other["npsn"], "--out", world.folder / "keluar")
    assert named.status == 0
    assert sorted(named.json) == ["skipped", "written"]
    assert [one["npsn"] for one in named.json["written"]] == [world.npsn, other["npsn"]]
    assert all({"npsn", "file", "number", "changes"} <= set(one) for one in named.json["written"])
    assert all(Path(one["file"]).parent == world.folder / "keluar" for one in named.json["written"])
    assert world.at_school("apply", named.json["written"][0]["file"]).status == 0
    everybody = world.server("return", "--all")
    assert world.npsn in [one["npsn"] for one in everybody.json["written"]]  # until it has told us that it applied
    unknown = world.server("return", "--npsn", "09999999")
    assert (unknown.status, unknown.error["code"]) == (1, "KF-103")
    bare = kirim("server", "return", world.npsn, "--home", world.server_home)
    assert bare.status == 0
    assert "BALASAN" in bare.out


# --- the centre's own changes -----------------------------------------------------------------


def test_an_sk_list_sets_numbers_once_and_keeps_what_fits_nobody(world: World) -> None:
    """Four numbers for known pupils and one for a stranger."""
    world.server("ingest", package(world))
    rows = kip_list(world.school, 4)
    stranger = dict.fromkeys(rows[0], "") | {"no_kip": "ZZZZ99", "nisn": "0199999999", "nama_pd": "ORANG LAIN"}
    write_kip_csv(world.folder / "sk.csv", [*rows, stranger])
    first, again = (world.server("kip", "import", world.folder / "sk.csv") for _ in range(2))
    assert first.status == again.status == 0
    assert {n: first.json[n] for n in ("matched", "unchanged", "schools")} == {
        "matched": 4,
        "unchanged": 0,
        "schools": 1,
    }
    assert len(first.json["unmatched"]) == 1
    assert (again.json["matched"], again.json["unchanged"]) == (0, 4)
    people = kirim("server", "kip", "import", world.folder / "sk.csv", "--home", world.server_home, "--lang", "en")
    assert people.status == 0
    assert "waiting" in people.out


def test_changes_of_the_centre_are_made_by_list(world: World) -> None:
    """A head is assigned; a row that fits nothing is named; a list that is none is refused."""
    listed = table(
        world.folder / "ubah.csv",
        ("table", "id", "column", "value", "verified", "baru"),
        ("sekolah", world.npsn, "kepala_sekolah", "KEPALA BARU", "", "1"),
        ("peserta_didik", "00000000-0000-4000-8000-000000000000", "alamat_jalan", "Jalan Tidak Ada", "", ""),
    )
    done = world.server("change", "--as", "dinas", listed)
    assert done.status == 3, done
    assert {"changed", "unchanged", "unmatched", "schools"} <= set(done.json)
    assert done.json["changed"] >= 1
    assert [row["line"] for row in done.json["unmatched"]] == [3]
    refused = world.server("change", "--as", "dinas", photo(world))
    assert refused.status == 1


# --- status -----------------------------------------------------------------------------------


def test_status_counts_and_names_who_is_behind(world: World) -> None:
    """After one package and one photograph."""
    world.server("ingest", package(world), photo(world))
    done = world.server("status")
    assert done.status == 0
    keys = {"schools", "packages", "quarantine", "conflicts", "open", "findings", "behind"}
    assert keys <= set(done.json)
    assert (done.json["schools"], done.json["packages"]["merged"], done.json["quarantine"]) == (1, 1, 1)
    assert [one["npsn"] for one in done.json["behind"]] == [world.npsn]
    people = kirim("server", "status", "--home", world.server_home, "--lang", "en")
    assert (people.status, people.err) == (0, "")
    assert world.npsn in people.out


def test_a_schools_home_is_no_servers_home(world: World) -> None:
    """And the other way round: KF-101 names the role."""
    wrong = kirim("server", "status", "--home", world.school_home, "--json")
    assert (wrong.status, wrong.error["code"]) == (1, "KF-101")
    wrong = kirim("school", "status", "--home", world.server_home, "--json")
    assert (wrong.status, wrong.error["code"]) == (1, "KF-101")
