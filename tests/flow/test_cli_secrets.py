"""Secrets come from files, the environment or a person who types them unseen; never from a command line."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shutil
import signal
import subprocess
import termios
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.flow.program import PASSPHRASE, PUPILS, World, command, environment, kirim


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A school that has taken its lists in."""
    world = World(tmp_path_factory.mktemp("dunia") / "asli")
    world.make()
    assert world.take_lists().status == 0
    return world


@pytest.fixture
def world(made: World, tmp_path: Path) -> World:
    """A copy of it, for one test."""
    shutil.copytree(made.folder, tmp_path / "dunia")
    return World(tmp_path / "dunia")


def _at_terminal() -> None:
    # The hidden prompt asks the controlling terminal; a process started in the background ignores Ctrl-C.
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """The program with somebody at its terminal.

    Attributes:
        shown: Everything that the terminal has shown.
    """

    def __init__(self, *arguments: str | Path) -> None:
        self._ours, theirs = pty.openpty()
        self.shown = ""
        self.process = subprocess.Popen(
            command(arguments),
            env=environment(),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_at_terminal,  # noqa: PLW1509 - the tests have one thread
        )
        os.close(theirs)

    def wait_for(self, text: str) -> None:
        """Read until a text is shown."""
        while text not in self.shown:
            assert self._read(), self.shown

    def interrupt(self) -> None:
        """Press Ctrl-C until it is noticed: one that comes between a prompt and its answer is lost by the C library."""
        while self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            while select.select([self._ours], [], [], 5)[0] and self._read():
                pass

    def _read(self) -> bool:
        try:
            data = os.read(self._ours, 4096)
        except OSError:  # the other end is closed
            data = b""
        self.shown += data.decode()
        return bool(data)

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._ours, text.encode() + b"\n")

    def end(self) -> int:
        """Read the rest and return the exit status."""
        while self._read():
            pass
        os.close(self._ours)
        return self.process.wait(60)


def talk(arguments: Sequence[str | Path], *turns: tuple[str, str]) -> tuple[int, str]:
    """Run a command at a terminal: whenever a text is shown, something is typed."""
    terminal = Terminal(*arguments)
    for shown, typed in turns:
        terminal.wait_for(shown)
        terminal.shown = terminal.shown.replace(shown, "", 1)
        terminal.type(typed)
    return terminal.end(), terminal.shown


def test_the_environment_may_hold_a_secret_and_a_file_counts_before_it(world: World) -> None:
    """Without being asked twice."""
    arguments = ("school", "export", "--confirm", "--home", world.school_home, "--json")
    assert kirim(*arguments, env={"KIRIM_PASSPHRASE": PASSPHRASE}).status == 0
    assert kirim(*arguments, env={"KIRIM_PASSPHRASE": "yang salah sekali"}).error["code"] == "KF-106"
    both = kirim(*arguments, "--passphrase-file", world.secret, env={"KIRIM_PASSPHRASE": "yang salah sekali"})
    assert both.status == 0


def test_a_code_may_come_from_the_environment(world: World, tmp_path: Path) -> None:
    """The two secrets of an init, and neither in a file of ours afterwards."""
    added = world.add("02000005")
    code = Path(added["code_file"]).read_text().splitlines()[0]
    done = kirim(
        *("school", "init", added["prefill"], "--home", tmp_path / "rumah", "--json"),
        env={"KIRIM_CODE": code, "KIRIM_PASSPHRASE": PASSPHRASE},
    )
    assert done.status == 0
    for path in (tmp_path / "rumah").rglob("*"):
        if path.is_file():
            assert PASSPHRASE.encode() not in path.read_bytes()
            assert code.encode() not in path.read_bytes()


@pytest.mark.parametrize("option", ["--passphrase", "--code", "--sandi"])
def test_no_option_takes_a_secret_itself(world: World, option: str) -> None:
    """It is wrong usage, and what was typed is not repeated."""
    done = kirim("school", "export", option, "rahasia sekali 123", "--home", world.school_home, "--json")
    assert (done.status, done.error["code"]) == (2, "KF-112")
    assert "rahasia" not in done.out + done.err
    glued = kirim("school", "export", f"{option}=rahasia sekali 123", "--home", world.school_home)
    assert glued.status == 2
    assert "rahasia" not in glued.out + glued.err


def test_the_first_line_counts_whatever_editor_wrote_it(world: World) -> None:
    """A byte order mark and Windows line ends."""
    path = world.folder / "sandi windows.txt"
    path.write_bytes(b"\xef\xbb\xbf" + PASSPHRASE.encode() + b"\r\nbaris kedua\r\n")
    assert world.at_school("export", "--confirm", "--passphrase-file", path).status == 0


def test_the_head_confirms_and_types_the_passphrase_unseen(world: World) -> None:
    """A tick for each kind of data, one question more and a hidden prompt, at a terminal."""
    kinds = ("Sekolah", "Sarpras", "Peserta Didik", "GTK", "Rombongan Belajar", "Anggota Rombel", "Pembelajaran", "Nilai", "Jadwal")
    status, shown = talk(
        ("school", "export", "--home", world.school_home, "--lang", "en"),
        *((f"{kind}: ", "y") for kind in kinds),
        ("Do you agree to send?", "y"),
        ("passphrase", PASSPHRASE),
    )
    assert status == 0, shown
    assert "Lembar Konfirmasi Sinkronisasi" in shown
    assert PASSPHRASE not in shown
    assert len(list((world.school_home / "outbox").iterdir())) == 1


def test_what_is_left_of_the_sheet_may_be_ticked_at_once_and_one_no_ends_it(world: World) -> None:
    """Nothing is written for a no, and nobody is asked for the passphrase; afterwards everything still waits."""
    export = ("school", "export", "--home", world.school_home)
    status, shown = talk(export, ("Sekolah: ", "y"), ("Sarpras: ", "t"))
    assert (status, "KF-313" in shown) == (1, True)
    assert list((world.school_home / "outbox").iterdir()) == []
    status, shown = talk(export, ("Sekolah: ", "y"), ("Sarpras: ", "semua"), ("menyetujui", "y"), ("sandi", PASSPHRASE))
    assert status == 0, shown
    assert len(list((world.school_home / "outbox").iterdir())) == 1


def test_ctrl_c_at_a_question_leaves_everything_as_it_was(world: World) -> None:
    """KF-113, no trace of the program's inside, and the next run does the work."""
    terminal = Terminal("school", "export", "--home", world.school_home, "--lang", "en")
    terminal.wait_for("Right? [y/n/all]")
    terminal.interrupt()
    assert terminal.end() == 1
    assert "KF-113" in terminal.shown
    assert "Traceback" not in terminal.shown
    assert list((world.school_home / "outbox").iterdir()) == []
    assert world.at_school("status").json["pending"]["peserta_didik"]["insert"] == PUPILS
    assert world.export().json["number"] == 1


def test_a_wrong_passphrase_is_asked_again_before_the_new_one(world: World) -> None:
    """The present one is tried as soon as it is typed; the third wrong one ends it, and the former one still approves."""
    asks = ("school", "passphrase", "--home", world.school_home)
    wrong = ("Kata sandi kepala sekolah:", "bukan ini sandinya")
    status, shown = talk(asks, wrong, wrong, wrong)
    assert (status, shown.count("KF-106"), "Kata sandi baru" in shown) == (1, 3, False)
    right, short = ("Kata sandi kepala sekolah:", PASSPHRASE), ("Kata sandi baru:", "pendek")
    new = (("Kata sandi baru:", "sandi yang cukup panjang"), ("Sekali lagi:", "sandi yang cukup panjang"))
    status, shown = talk(asks, wrong, right, short, *new)
    assert (status, shown.count("KF-106"), shown.count("KF-107")) == (0, 1, 1)
    assert world.export().error["code"] == "KF-106"


def test_what_is_no_code_at_all_is_asked_again_before_the_passphrase(world: World) -> None:
    """A head's code is seen while it is typed; nothing is made of three that have the wrong form."""
    before = (world.school_home / "kunci" / "kepala").read_bytes()
    wrong = ("Kode kepala sekolah:", "1234")
    status, shown = talk(("school", "head", "--home", world.school_home), wrong, wrong, wrong)
    assert (status, shown.count("KF-105")) == (1, 3)
    assert (world.school_home / "kunci" / "kepala").read_bytes() == before
