"""Files on the move: whole or not there, never overwritten, gone only when they are the ones that were read."""

from __future__ import annotations

import errno
import io
import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from exchange import errors, spool
from exchange.limits import MIB, PACKAGE_BYTES_MAX


def names(folder: Path) -> list[str]:
    """Return what lies in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def leftover(folder: Path, name: str = "0123") -> Path:
    """Make what a killed process leaves."""
    path = folder / f".{name}{spool.PARTIAL}"
    path.write_bytes(b"setengah")
    return path


# --- put --------------------------------------------------------------------------------------


def test_a_file_appears_whole_and_for_its_owner(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def write(file: io.BufferedIOBase) -> None:
        file.write(b"isi")
        seen.append([name for name in names(tmp_path / "a" / "b") if not name.endswith(spool.PARTIAL)])

    made = spool.put(tmp_path / "a" / "b", "x", write)
    assert made.read_bytes() == b"isi"
    assert seen == [[]]
    assert names(made.parent) == ["x"]
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


def test_a_name_that_is_taken_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"lama")
    (tmp_path / "y").mkdir()
    for name in ("x", "y"):
        with pytest.raises(errors.FileExists):
            spool.put(tmp_path, name, lambda file: file.write(b"baru"))
    assert (tmp_path / "x").read_bytes() == b"lama"
    assert names(tmp_path) == ["x", "y"]


def test_a_status_file_may_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"lama")
    spool.put(tmp_path, "x", lambda file: file.write(b"baru"), replace=True)
    assert (tmp_path / "x").read_bytes() == b"baru"


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def write(file: io.BufferedIOBase) -> None:
        file.write(b"setengah")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        spool.put(tmp_path, "x", write)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, errors.DiskFull),
        (errno.EDQUOT, errors.DiskFull),
        (errno.EROFS, errors.FolderUnwritable),
        (errno.EIO, errors.FolderUnwritable),
    ],
)
def test_what_the_system_says_has_our_code(tmp_path: Path, number: int, expected: type[Exception]) -> None:
    def write(file: io.BufferedIOBase) -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(expected):
        spool.put(tmp_path, "x", write)
    assert names(tmp_path) == []


def test_a_folder_that_is_none_is_unwritable(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    for folder in (tmp_path / "a", tmp_path / "a" / "b", Path("/proc/tidak/bisa")):
        with pytest.raises(errors.FolderUnwritable):
            spool.put(folder, "x", lambda file: None)


def test_a_free_name_is_the_first_that_nothing_has(tmp_path: Path) -> None:
    assert spool.free_name(tmp_path, "A", ".txt") == "A.txt"
    (tmp_path / "A.txt").write_bytes(b"")
    (tmp_path / "A-2.txt").mkdir()
    assert spool.free_name(tmp_path, "A", ".txt") == "A-3.txt"
    assert spool.free_name(tmp_path / "tidak ada", "A", ".txt") == "A.txt"


# --- what killed processes left ---------------------------------------------------------------


def test_leftovers_go_when_the_next_file_is_put(tmp_path: Path) -> None:
    leftover(tmp_path)
    spool.put(tmp_path, "x", lambda file: None)
    assert names(tmp_path) == ["x"]


def test_a_file_that_somebody_is_writing_is_no_leftover(tmp_path: Path) -> None:
    """Two processes export at once; here the second one within the first one's writing."""

    def write(file: io.BufferedIOBase) -> None:
        file.write(b"luar")
        assert spool.sweep(tmp_path) == 0
        spool.put(tmp_path, "dalam", lambda inner: inner.write(b"dalam"))

    spool.put(tmp_path, "luar", write)
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == {"dalam": b"dalam", "luar": b"luar"}


def test_sweeping_takes_leftovers_only(tmp_path: Path) -> None:
    leftover(tmp_path, "a"), leftover(tmp_path, "b")
    (tmp_path / f"terlihat{spool.PARTIAL}").write_bytes(b"")
    (tmp_path / ".tersembunyi").write_bytes(b"")
    (tmp_path / f".folder{spool.PARTIAL}").mkdir()
    assert spool.sweep(tmp_path) == 2
    assert names(tmp_path) == [f".folder{spool.PARTIAL}", ".tersembunyi", f"terlihat{spool.PARTIAL}"]
    assert spool.sweep(tmp_path / "tidak ada") == 0


# --- keep, move, remove -----------------------------------------------------------------------


def test_a_copy_is_kept_once_from_the_beginning(tmp_path: Path) -> None:
    source = io.BytesIO(b"isi")
    source.seek(2)
    assert spool.keep(source, tmp_path / "a", "x").read_bytes() == b"isi"
    assert spool.keep(io.BytesIO(b"lain"), tmp_path / "a", "x").read_bytes() == b"isi"
    assert names(tmp_path / "a") == ["x"]


def test_a_source_that_cannot_be_read_is_blamed_and_not_the_folder(tmp_path: Path) -> None:
    (tmp_path / "sumber").symlink_to("/proc/self/mem")
    with spool.open_file(tmp_path / "sumber") as source, pytest.raises(errors.FileUnreadable):
        spool.keep(source, tmp_path / "a", "x")
    assert names(tmp_path / "a") == []


def test_files_kept_together_get_their_names_together(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    keeping = spool.Keeping(tmp_path / "a")
    for n in range(9):
        keeping.keep(io.BytesIO(b"%d" % n), str(n))
    assert not [name for name in names(tmp_path / "a") if not name.endswith(spool.PARTIAL)]
    assert spool.sweep(tmp_path / "a") == 0
    keeping.settle()
    assert {name: (tmp_path / "a" / name).read_bytes() for name in names(tmp_path / "a")} == {
        str(n): b"%d" % n for n in range(9)
    }


def test_a_sync_that_fails_names_nothing(tmp_path: Path) -> None:
    """Its descriptor is gone: as with a disk that failed, that is told before any file has its name."""
    keeping = spool.Keeping(tmp_path)
    for n in range(9):
        keeping.keep(io.BytesIO(b"x"), str(n))
    os.close(keeping._parts[0][0].fileno())
    with pytest.raises(errors.FolderUnwritable):
        keeping.settle()
    keeping.abandon()
    assert names(tmp_path) == []


def test_files_kept_together_and_abandoned_leave_nothing(tmp_path: Path) -> None:
    keeping = spool.Keeping(tmp_path)
    keeping.keep(io.BytesIO(b"x"), "a")
    keeping.abandon()
    keeping.abandon()
    assert names(tmp_path) == []


def test_moving_twice_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"isi")
    for _ in range(2):
        assert spool.move(tmp_path / "x", tmp_path / "a", "y").read_bytes() == b"isi"
    assert names(tmp_path) == ["a"]


def test_a_folder_on_another_disk_gets_the_file_too(tmp_path: Path) -> None:
    """An archive that was moved to a larger disk, behind a link."""
    place = tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    (tmp_path / "arsip").symlink_to(place)
    (tmp_path / "x").write_bytes(b"isi")
    try:
        assert spool.move(tmp_path / "x", tmp_path / "arsip", "y").read_bytes() == b"isi"
        assert names(tmp_path) == ["arsip"]
        assert names(Path(place)) == ["y"]
    finally:
        (Path(place) / "y").unlink()
        Path(place).rmdir()


def test_a_file_goes_only_if_it_is_the_one_that_was_read(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"isi")
    seen = spool.stamp(path.stat())
    with path.open("ab") as file:
        file.write(b" lagi")
    assert not spool.remove(path, seen)
    grown = spool.stamp(path.stat())
    path.rename(tmp_path / "y")
    path.write_bytes(b"isi lagi")
    os.utime(path, ns=(0, grown[3]))
    assert not spool.remove(path, grown)
    assert spool.remove(path, spool.stamp(path.stat()))
    assert not spool.remove(path, grown)
    assert not spool.remove(path)
    assert names(tmp_path) == ["y"]


# --- reading ----------------------------------------------------------------------------------


def strange(folder: Path) -> Iterator[Path]:
    """Yield what is no ordinary file."""
    yield folder
    yield folder / "tidak ada"
    yield folder / "nul\0"
    os.mkfifo(folder / "pipa")
    yield folder / "pipa"
    (folder / "tautan").symlink_to(folder / "tidak ada")
    yield folder / "tautan"
    yield Path("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(folder)
        server.bind("soket")
        os.chdir(here)
        yield folder / "soket"


def test_what_is_no_ordinary_file_is_refused_at_once(tmp_path: Path) -> None:
    for path in strange(tmp_path):
        with pytest.raises(errors.FileUnreadable):
            spool.open_file(path)
        with pytest.raises(errors.FileUnreadable):
            spool.read_package(path)


@pytest.mark.parametrize(("size", "is_taken"), [(PACKAGE_BYTES_MAX, True), (PACKAGE_BYTES_MAX + 1, False)])
def test_a_package_has_a_largest_size(tmp_path: Path, size: int, is_taken: bool) -> None:
    with (tmp_path / "x").open("wb") as file:
        file.truncate(size)
    if is_taken:
        spool.read_package(tmp_path / "x").close()
    else:
        with pytest.raises(errors.TooLarge):
            spool.read_package(tmp_path / "x")


@pytest.mark.parametrize(("size", "limit"), [(0, 0), (10, 10), (MIB + 1, 2 * MIB)])
def test_a_private_copy_is_the_whole_and_nobody_elses(tmp_path: Path, size: int, limit: int) -> None:
    with spool.private_copy(iter([b"x" * (size // 2), b"x" * (size - size // 2)]), tmp_path, limit) as copy:
        assert copy.read() == b"x" * size
        assert names(tmp_path) == []


def test_a_private_copy_ends_at_its_limit(tmp_path: Path) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 1000

    with pytest.raises(errors.TooLarge):
        spool.private_copy(endless(), tmp_path, 5000)
    assert names(tmp_path) == []


def test_names_are_shown_whatever_they_are() -> None:
    assert spool.shown(Path("KIRIM.kirim")) == "KIRIM.kirim"
    assert spool.shown(os.fsdecode(b"a\xff")) == "a\\xff"
    spool.shown(os.fsdecode(bytes(range(1, 256)))).encode()
