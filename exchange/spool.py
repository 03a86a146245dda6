"""Package files on the move: they appear whole, are never overwritten, and leave only after their effect is durable.

Only this module and :mod:`exchange.homes` rename and fsync.
"""

from __future__ import annotations

import errno
import io
import itertools
import os
import secrets
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, BinaryIO, cast

from exchange import errors
from exchange.limits import KIB, MIB, PACKAGE_BYTES_MAX

if sys.platform != "win32":
    import fcntl

PARTIAL = ".kirim-part"
"""Ending of a file under construction; intake never looks at one."""

_PIECE_BYTES = 256 * KIB


def shown(path: Path | str) -> str:
    r"""Return a name as it may be stored and printed: what is no text in this system's encoding is escaped.

    Example:
        >>> shown("KIRIM \udcff.kirim")
        'KIRIM \\xff.kirim'
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


@contextmanager
def disk(folder: Path) -> Iterator[None]:
    """Turn what the operating system says of a folder into our own errors.

    Raises:
        DiskFull: KF-701.
        FolderUnwritable: KF-703.
    """
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise errors.DiskFull(folder=shown(folder)) from error
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> errors.FolderUnwritable:
    """Return the error that says why a folder cannot be written to."""
    if error.errno in {errno.ENOTDIR, errno.EEXIST}:
        return errors.FolderUnwritable(folder=shown(folder), part="a file stands there, not a folder")
    if error.errno == errno.ENOENT:
        return errors.FolderUnwritable(folder=shown(folder), part="it is not there")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return errors.FolderUnwritable(folder=shown(folder), part="it is closed to this user, or the medium to everybody")
    return errors.FolderUnwritable(folder=shown(folder), part="the medium reports a fault")


def named(folder: Path) -> Path:
    """Return a folder that a person named, which must be there.

    Where a stick is not plugged in, making its folder would put the file onto the computer's own disk without a word.

    Raises:
        FolderUnwritable: KF-703.
    """
    with disk(folder):
        if not stat.S_ISDIR(folder.stat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    return folder


def sync_folder(folder: Path) -> None:
    """Make renames in a folder survive a power cut, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make(folder: Path) -> None:
    """Make a folder, and those above it, for its owner alone; it is itself still there after a power cut."""
    if not folder.is_dir():
        if folder.parent != folder:
            make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)


# --- writing ----------------------------------------------------------------------------------


def put(folder: Path, name: str, write: Callable[[BinaryIO], object], *, replace: bool = False) -> Path:
    """Write a file that appears whole under its name or not at all, durable on return.

    Args:
        folder: Made if it is missing. Unless ``replace``, what killed processes left half written in it goes away.
        name: Final name.
        write: Called once with the open file.
        replace: Whether an existing file may be replaced (status files); packages never are.

    Raises:
        FileExists: KF-705.
        DiskFull, FolderUnwritable: KF-701, KF-703; no half file is left.
    """
    target, part = folder / name, folder / f".{secrets.token_hex(8)}{PARTIAL}"
    with disk(folder):
        make(folder)
        if not replace:
            sweep(folder)
        try:
            with open(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
                claim(file.fileno())
                write(file)
                file.flush()
                os.fsync(file.fileno())
                if os.name != "nt":  # while it is open it is ours: nobody takes it for a leftover
                    _settle(part, target, replace)
            if os.name == "nt":
                _settle(part, target, replace)
            sync_folder(folder)
        finally:
            part.unlink(missing_ok=True)
    return target


def append(path: Path, at: int, data: bytes) -> None:
    """Write the end of a file that grows, durable on return; what a crash left half written there is overwritten.

    Args:
        path: The file; it is made if it is missing. One process at a time writes it.
        at: Bytes of it that stand.
        data: What follows.

    Raises:
        DiskFull, FolderUnwritable: KF-701, KF-703; up to ``at`` the file is as it was.
    """
    with disk(path.parent):
        make(path.parent)
        is_new = not path.exists()
        with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            file.truncate(at)
            file.seek(at)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            sync_folder(path.parent)


def _settle(part: Path, target: Path, replace: bool) -> None:
    """Give a finished file its name; unless it may replace, only if the name is not taken."""
    if replace:
        os.replace(part, target)
        return
    try:
        os.link(part, target)
    except FileExistsError as error:
        raise errors.FileExists(file=shown(target)) from error
    except OSError:  # a file system without hard links, such as a USB stick's FAT
        if target.exists():
            raise errors.FileExists(file=shown(target)) from None
        os.rename(part, target)


def free_name(folder: Path, stem: str, suffix: str) -> str:
    """Return a name that is free in a folder: the stem, or the stem with ``-2``, ``-3`` and so on."""
    name, count = f"{stem}{suffix}", 1
    while (folder / name).exists():
        count += 1
        name = f"{stem}-{count}{suffix}"
    return name


def keep(source: IO[bytes], folder: Path, name: str) -> Path:
    """Copy an open file into a folder under a name of ours, durable; a copy that is there already is left.

    Args:
        source: Read from its beginning.
        folder: Archive, held or quarantine.
        name: Made by us, never taken from the file.

    Raises:
        FileUnreadable: KF-702, of the source.
        DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    target = folder / name
    if target.exists():
        return target

    def copy(file: BinaryIO) -> None:
        with readable(source):
            source.seek(0)
        for piece in pieces(source):
            file.write(piece)

    return put(folder, name, copy, replace=True)


def same(source: Path, folder: Path, name: str) -> Path:
    """Let a finished file stand in another folder too: by a link, or as a copy where there are none.

    Raises:
        FileUnreadable: KF-702, of the source.
        DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    target = folder / name
    with disk(folder):
        make(folder)
        if target.exists():
            return target
        try:
            os.link(source, target)
        except FileExistsError:
            return target
        except OSError:
            with open_file(source) as file:
                return keep(file, folder, name)
    return target


class Keeping:
    """Files that are kept together: written one by one, made durable all at once, and named only then.

    Making each file durable by itself costs more than verifying and merging a small package.

    Args:
        folder: Where they are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts: list[tuple[BinaryIO, Path, Path]] = []

    def keep(self, source: IO[bytes], name: str) -> None:
        """Copy an open file under a name of ours, which it gets by :meth:`settle`. Errors as :func:`keep`."""
        target, part = self._folder / name, self._folder / f".{secrets.token_hex(8)}{PARTIAL}"
        if target.exists():
            return
        with readable(source):
            source.seek(0)
        with disk(self._folder):
            file = os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")
            self._parts.append((file, part, target))
            claim(file.fileno())
        for piece in pieces(source):
            with disk(self._folder):
                file.write(piece)
        with disk(self._folder):
            file.flush()

    def settle(self) -> None:
        """Make every file durable and give it its name."""
        with disk(self._folder):
            _sync_together([file.fileno() for file, _, _ in self._parts])
            for file, part, target in self._parts:
                if os.name == "nt":
                    file.close()
                os.replace(part, target)
            if self._parts:
                sync_folder(self._folder)
        self.abandon()

    def abandon(self) -> None:
        """Let go of what has no name yet."""
        for file, part, _ in self._parts:
            with suppress(OSError):  # a full disk, met once more
                file.close()
            part.unlink(missing_ok=True)
        self._parts = []


_SYNC_FILES = 4
"""From how many files on one sync of their whole file system is cheaper than one for each."""


def _sync_together(descriptors: Sequence[int]) -> None:
    """Make files of one folder durable. A disk that failed to write says so here, which a plain ``sync`` would not."""
    sync = _syncfs() if len(descriptors) > _SYNC_FILES else None
    if sync is None:
        for descriptor in descriptors:
            os.fsync(descriptor)
    else:
        sync(descriptors[0])


@cache
def _syncfs() -> Callable[[int], None] | None:
    """Return Linux's call that syncs the one file system on which a file lies, or ``None`` where there is none."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    call = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if call is None:
        return None

    def sync(descriptor: int) -> None:
        if call(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    return sync


# --- reading ----------------------------------------------------------------------------------


@contextmanager
def readable(source: object) -> Iterator[None]:
    """Turn what the operating system says of a file that is read into our own error.

    Raises:
        FileUnreadable: KF-702.
    """
    try:
        yield
    except (OSError, ValueError) as error:  # a name with NUL is a ValueError
        raise errors.FileUnreadable(file=shown(_name(source))) from error


def _name(source: object) -> str:
    name = source if isinstance(source, Path) else getattr(source, "name", None)
    return str(name) if isinstance(name, (str, Path)) else "file"


def pieces(source: IO[bytes]) -> Iterator[bytes]:
    """Yield what is left of an open file in pieces of up to 256 KiB. Raises FileUnreadable (KF-702)."""
    while True:
        with readable(source):
            piece = source.read(_PIECE_BYTES)
        if not piece:
            return
        yield piece


def _opener(name: str, flags: int) -> int:
    # A pipe or a device is opened without waiting for whoever stands at its other end.
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))


def open_file(path: Path) -> BinaryIO:
    """Return an ordinary file, open; pipes, devices, sockets and folders are refused without waiting for anything.

    Raises:
        FileUnreadable: KF-702.
    """
    with readable(path):
        if not stat.S_ISREG(path.stat().st_mode):
            raise errors.FileUnreadable(file=shown(path))
        file = open(path, "rb", opener=_opener)  # noqa: SIM115 - the caller closes it
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise errors.FileUnreadable(file=shown(path))
    return file


def read_package(path: Path) -> BinaryIO:
    """Return an open private view of a file that somebody brought.

    One descriptor is opened once and never again by name, so nobody swaps the file between check and use.

    Raises:
        FileUnreadable: KF-702.
        TooLarge: KF-207.
    """
    file = open_file(path)
    if os.fstat(file.fileno()).st_size > PACKAGE_BYTES_MAX:
        file.close()
        raise errors.TooLarge(part="file", limit=PACKAGE_BYTES_MAX)
    return file


def private_copy(source: Iterator[bytes], folder: Path | None, limit: int) -> BinaryIO:
    """Return a copy without a name, standing at its beginning, that nobody but its holder can change or see.

    Args:
        source: Pieces.
        folder: Where it goes when it exceeds 1 MiB; the system's temporary folder if ``None``.
        limit: Bytes that it may have.

    Raises:
        TooLarge: KF-207.
        DiskFull, FolderUnwritable: KF-701, KF-703, of the folder.
    """
    given = iter(source)
    first, more = next(given, b""), next(given, None)
    if more is None and len(first) <= min(limit, MIB):
        return io.BytesIO(first)  # almost every package: one piece, and no machinery for more
    place = folder or Path(tempfile.gettempdir())
    copy = tempfile.SpooledTemporaryFile(max_size=MIB, dir=str(place))  # noqa: SIM115 - the caller closes it
    try:
        size = 0
        for piece in itertools.chain((first,), () if more is None else (more,), given):
            size += len(piece)
            if size > limit:
                raise errors.TooLarge(part="file", limit=limit)
            with disk(place):
                copy.write(piece)
        with disk(place):
            copy.seek(0)
    except BaseException:
        copy.close()
        raise
    return cast(BinaryIO, copy)


# --- leaving ----------------------------------------------------------------------------------

Stamp = tuple[int, int, int, int]
"""What tells a file from another one of its name: device, inode, bytes, time of the last write in nanoseconds."""


def stamp(found: os.stat_result) -> Stamp:
    """Return a file's stamp."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def remove(path: Path, seen: Stamp | None = None) -> bool:
    """Take a file away whose effect is durable elsewhere, and return whether it was still that one.

    Args:
        path: The file.
        seen: Its stamp when it was read. A file that has changed since, or another one of its name, stays.
    """
    with disk(path.parent):
        try:
            if seen is not None and stamp(path.stat()) != seen:
                return False
            path.unlink()
        except FileNotFoundError:
            return False
        sync_folder(path.parent)
    return True


def move(path: Path, folder: Path, name: str) -> Path:
    """Move a finished file into another folder; repeating it, or doing it in two processes at once, changes nothing."""
    target = folder / name
    with disk(folder):
        make(folder)
        try:
            os.replace(path, target)
        except FileNotFoundError:
            return target
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            with path.open("rb") as file:  # a folder that stands on another disk
                keep(file, folder, name)
            remove(path)
    return target


# --- what killed processes left ---------------------------------------------------------------


def claim(descriptor: int) -> bool:
    """Mark a file or folder under construction as ours until it is closed; return whether nobody else has it.

    The mark ends with the process, however it ends. Where there is none, an open file cannot be removed anyway
    (Windows), or nothing is ever taken for a leftover.
    """
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def sweep(folder: Path) -> int:
    """Remove what killed processes left half written in a folder, and return how many files that were.

    A file that another process is writing stays.
    """
    count = 0
    for part in folder.glob(f".*{PARTIAL}"):
        try:
            if part.is_dir():
                continue
            with open(os.open(part, os.O_RDWR), "r+b") as file:
                if claim(file.fileno()) and os.name != "nt":
                    part.unlink()
                    count += 1
            if os.name == "nt":
                part.unlink()
                count += 1
        except OSError:
            continue  # gone meanwhile, or not ours to remove
    return count
