"""Codes, passphrases and private keys stand where they belong and nowhere else, through a whole life of commands.

Every word that a command prints, every file that it leaves and every process that it is (its arguments, its surroundings, its
children) is searched for every secret, in every form in which it could be written.
"""

from __future__ import annotations

import base64
import csv
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from exchange.trust.codes import parse_code
from exchange.trust.keyfiles import load_identity, open_head_key
from tests.flow.program import ROOT, Done, World, command, environment

FIRST, SECOND, THIRD = "sandi rahasia ke-satu", "sandi rahasia ke-dua!", "sandi rahasia ke-tiga"
WRONG = "sandi keliru milik orang"


class Watched(World):
    """A world whose every process is looked at while it runs, and whose every word is kept.

    Attributes:
        said: Everything that was printed.
        seen: Arguments and surroundings of every process, from outside.
        children: Processes that commands started.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.said: list[bytes] = []
        self.seen: list[bytes] = []
        self.children = 0

    def run(self, *arguments: str | Path, umask: int = 0, status: int = 0) -> Done:
        """Run a command with new files open to everybody, and look at it from outside until it ends."""
        process = subprocess.Popen(
            command(arguments), env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            umask=umask, cwd=ROOT,
        )  # fmt: skip
        place, over = Path("/proc", str(process.pid)), threading.Event()

        def look() -> None:
            while not over.is_set():
                try:
                    self.seen += [(place / "cmdline").read_bytes(), (place / "environ").read_bytes()]
                    self.children += sum(bool(task.read_text().strip()) for task in place.glob("task/*/children"))
                except OSError:
                    return
                over.wait(0.02)

        watcher = threading.Thread(target=look)
        watcher.start()
        out, err = process.communicate(timeout=120)
        over.set()
        watcher.join()
        self.said += [out, err]
        assert process.returncode == status, (arguments, out, err)
        return Done(process.returncode, out.decode(), err.decode())

    def server(self, *arguments: str | Path, status: int = 0) -> Done:
        return self.run("server", *arguments, "--home", self.server_home, "--json", status=status)

    def at_school(self, *arguments: str | Path, status: int = 0) -> Done:
        return self.run("school", *arguments, "--home", self.school_home, "--json", status=status)

    def edit(self, text: str) -> None:
        """Change a row at the school, so that there is something to approve."""
        with closing(sqlite3.connect(self.school_home / "sekolah.db")) as db, db:
            db.execute("UPDATE peserta_didik SET alamat_jalan = ? WHERE rowid = 1", (text,))

    def secret_file(self, name: str, text: str) -> Path:
        path = self.folder / "rahasia" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
        return path


def forms(secret: bytes) -> Iterator[bytes]:
    """Yield a secret as bytes, in hexadecimal and in base64."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    yield base64.b64encode(secret).rstrip(b"=")
    yield base64.b32encode(secret).rstrip(b"=")


def code_forms(code: str) -> Iterator[bytes]:
    """Yield a code as people and programs write it."""
    yield code.encode()
    yield code.upper().encode()
    yield code.replace("-", "").encode()
    yield from forms(parse_code(code))


def private(path: Path, passphrase: str = "") -> list[bytes]:
    """Return the private halves of a key file."""
    identity = open_head_key(path, passphrase) if passphrase else load_identity(path)
    return [seed for seed in (identity.sign_seed, identity.seal_seed) if seed]


@pytest.fixture
def world(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "dunia")


def first_code(path: str) -> str:
    return Path(path).read_text().splitlines()[0]


def test_no_secret_leaves_its_place_through_a_whole_life_of_commands(world: Watched) -> None:
    """From init to rebuild, refusals and faults included, with a umask of 0."""
    from exchange.demo.madeup import write_daftar_guru, write_daftar_pd, write_daftar_tendik

    world.lists.mkdir(parents=True)
    for write, name in ((write_daftar_pd, "pd"), (write_daftar_guru, "guru"), (write_daftar_tendik, "tendik")):
        write(world.lists / f"{name}.xlsx", world.school)
    first, second, third = (world.secret_file(f"{n}.txt", text) for n, text in enumerate((FIRST, SECOND, THIRD)))
    wrong = world.secret_file("salah.txt", WRONG)
    codes: list[str] = []

    def kept(made: Done) -> dict[str, str]:
        codes.append(first_code(made.json["code_file"]))
        found: dict[str, str] = made.json
        return found

    world.server("init")
    npsn = ("--npsn", world.npsn)
    added = kept(world.server("school", "add", *npsn, "--name", world.school.nama, "--bentuk", "SD", "--head", "KEPALA CONTOH"))
    mistyped = world.secret_file("kode.txt", codes[0][:-1])
    world.at_school("init", added["prefill"], "--code-file", mistyped, "--passphrase-file", first, status=1)
    world.at_school("init", added["prefill"], "--code-file", added["code_file"], "--passphrase-file", first)
    world.at_school("import", *sorted(world.lists.iterdir()))
    world.at_school("export", "--confirm", "--passphrase-file", wrong, status=1)
    world.run("school", "export", "--confirm", "--passphrase-file", wrong, "--home", world.school_home, status=1)
    sent = world.at_school("export", "--confirm", "--passphrase-file", first).json["file"]
    spoilt = world.folder / "rusak.kirim"
    spoilt.write_bytes(Path(sent).read_bytes()[:-3])
    world.server("ingest", spoilt, sent, status=3)
    world.at_school("apply", world.server("return", *npsn).json["written"][0]["file"])
    world.at_school("passphrase", "--passphrase-file", first, "--new-passphrase-file", second)
    world.at_school("key", "rotate", "--head", "--passphrase-file", second, "--new-passphrase-file", third)
    world.edit("JALAN 1")
    world.at_school("export", "--confirm", "--passphrase-file", second, status=1)
    sent = world.at_school("export", "--confirm", "--passphrase-file", third).json["file"]
    world.server("ingest", sent)
    world.at_school("apply", world.server("return", *npsn).json["written"][0]["file"])
    world.at_school("key", "rotate")
    sent = world.at_school("export", "--confirm", "--passphrase-file", third).json["file"]
    world.server("ingest", sent)
    kept(world.server("school", "code", *npsn))
    world.server("school", "code", *npsn, "--cancel")
    head = kept(world.server("school", "code", *npsn, "--purpose", "kepala"))
    world.at_school("apply", world.server("return", *npsn).json["written"][0]["file"])
    world.at_school("head", "--code-file", head["code_file"], "--passphrase-file", second)
    world.edit("JALAN 2")
    sent = world.at_school("export", "--confirm", "--passphrase-file", second).json["file"]
    world.server("ingest", sent)
    world.server("key", "list", *npsn)
    world.server("key", "rotate")
    assign = world.folder / "ubah.csv"
    with assign.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("table", "id", "column", "value"), ("sekolah", world.npsn, "nomor_telepon", "0")])
    world.server("change", "--as", "dinas", assign)
    world.at_school("apply", world.server("return", *npsn).json["written"][0]["file"])
    world.at_school("receipt", "1", "--out", world.folder / "tanda.html")
    world.server("status")
    world.at_school("status")
    world.run("inspect", sent, "--json")
    world.server("public", world.folder / "umum.json")
    world.server("filekey", *npsn, world.folder / "kunci-berkas.json")
    world.server("rebuild", "--into", world.folder / "lagi")

    secrets = {name: [text.encode()] for name, text in (("satu", FIRST), ("dua", SECOND), ("tiga", THIRD), ("salah", WRONG))}
    secrets |= {f"kode {n}": list(code_forms(code)) for n, code in enumerate(codes)}
    places = {*(world.folder / "rahasia").iterdir(), *world.folder.rglob("KODE*.txt")}
    for home in (world.server_home, world.school_home, world.folder / "lagi"):
        for path in (home / "kunci").iterdir():
            keys = private(path, SECOND) if path.name == "kepala" else private(path)
            secrets[f"kunci {path.name}"] = [form for key in keys for form in forms(key)]
            places.add(path)
    assert len(codes) == 3
    for name, written in secrets.items():
        for form in written:
            assert len(form) >= 16, name
            assert not [said for said in world.said if form in said], f"{name} was printed"
            assert not [seen for seen in world.seen if form in seen], f"{name} stood in a process list"
    for path in world.folder.rglob("*"):
        if path.is_file() and path not in places:
            content = path.read_bytes()
            found = [name for name, written in secrets.items() if any(form in content for form in written)]
            assert not found, (path, found)
    assert world.children == 0
    assert len(world.seen) > 100
    for home in (world.server_home, world.school_home, world.folder / "lagi"):
        open_ = [path for path in (home, *home.rglob("*")) if path.lstat().st_mode & 0o077]
        assert open_ == []
