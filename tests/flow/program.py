"""The program as people and scripts run it: a process of its own, files in, files out."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exchange.demo.madeup import MadeUpSchool, write_daftar_guru, write_daftar_pd, write_daftar_tendik

ROOT = Path(__file__).parents[2]
PASSPHRASE = "sandi kepala sekolah contoh"
PUPILS = 12


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output; anything else there is an error."""
        (line,) = self.out.splitlines()
        return json.loads(line)

    @property
    def error(self) -> dict[str, str]:
        """The error of a document, which has just the four facts of the contract."""
        found: dict[str, str] = self.json["error"]
        assert sorted(found) == ["code", "next", "safe", "what"]
        return found


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment without what would steer the program."""
    steering = ("KIRIM_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(steering)}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"} | more


def command(arguments: Sequence[str | Path]) -> list[str]:
    """Return the program and its arguments as a process gets them."""
    return [sys.executable, "-m", "exchange", *map(str, arguments)]


def kirim(
    *arguments: str | Path,
    cwd: Path | None = None,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
    umask: int = -1,
    bound: bool = False,
) -> Done:
    """Run the program as a process, with nobody at a terminal.

    Args:
        arguments: As on a command line.
        cwd: Where it runs.
        stdin: What comes in.
        env: More variables of its environment.
        umask: What new files are not; by default as here.
        bound: Whether the modes of files bind it also where root runs this.
    """
    done = subprocess.run(
        command(arguments),
        cwd=cwd,
        input=stdin,
        env=environment(**(env or {})),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
        umask=umask,
        preexec_fn=_bind if bound else None,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def _bind() -> None:
    """Give up, for a process and what it starts, root's ways around the modes of files."""
    prctl = ctypes.CDLL(None).prctl
    for way in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
        prctl(_PR_CAPBSET_DROP, way, 0, 0, 0)


_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 24, 1, 2


class World:
    """A server and one school in one folder, by commands alone.

    Attributes:
        folder: Holds everything.
        school: Whom the school is made of.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.school = MadeUpSchool("SD", PUPILS, seed=7)

    @property
    def npsn(self) -> str:
        """The school's NPSN."""
        return self.school.npsn

    @property
    def server_home(self) -> Path:
        """The server's home."""
        return self.folder / "pusat"

    @property
    def school_home(self) -> Path:
        """The school's home."""
        return self.folder / "sekolah"

    @property
    def lists(self) -> Path:
        """Folder of the school's Excel lists."""
        return self.folder / "excel"

    @property
    def secret(self) -> Path:
        """File with the head's passphrase."""
        return self.folder / "sandi.txt"

    def make(self) -> None:
        """Set up the server, register the school, open its prefill and write its Excel lists."""
        self.lists.mkdir(parents=True)
        self.secret.write_text(PASSPHRASE + "\nbaris lain\n", encoding="utf-8")
        write_daftar_pd(self.lists / "pd.xlsx", self.school)
        write_daftar_guru(self.lists / "guru.xlsx", self.school)
        write_daftar_tendik(self.lists / "tendik.xlsx", self.school)
        assert self.server("init").status == 0
        added = self.add(self.npsn)
        made = self.at_school(
            "init", added["prefill"], "--code-file", added["code_file"], "--passphrase-file", self.secret
        )
        assert made.status == 0, made

    def add(self, npsn: str, head: str = "KEPALA CONTOH") -> dict[str, str]:
        """Register a school; that of the lists under the name that they give."""
        name = self.school.nama if npsn == self.npsn else f"SD Contoh {npsn}"
        done = self.server("school", "add", "--npsn", npsn, "--name", name, "--bentuk", "SD", "--head", head)
        assert done.status == 0, done
        found: dict[str, str] = done.json
        return found

    def server(self, *arguments: str | Path) -> Done:
        """Run a command of the server with ``--json``."""
        return kirim("server", *arguments, "--home", self.server_home, "--json")

    def at_school(self, *arguments: str | Path) -> Done:
        """Run a command of the school with ``--json``."""
        return kirim("school", *arguments, "--home", self.school_home, "--json")

    def take_lists(self) -> Done:
        """Import all Excel lists."""
        return self.at_school("import", *sorted(self.lists.iterdir()))

    def export(self, *more: str | Path) -> Done:
        """Export as a script does."""
        return self.at_school("export", "--confirm", "--passphrase-file", self.secret, *more)

    def round_trip(self) -> Done:
        """Carry a package to the server and its return back."""
        sent = self.export()
        assert sent.status == 0, sent
        taken = self.server("ingest", sent.json["file"])
        assert taken.status == 0, taken
        written = self.server("return", "--npsn", self.npsn)
        assert written.status == 0, written
        return self.at_school("apply", written.json["written"][0]["file"])
