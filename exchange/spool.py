"""Package files on the move: they appear whole, are never overwritten, and leave only after their effect is durable.

Only this module renames and fsyncs.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from exchange import errors
from exchange.limits import KIB, PACKAGE_BYTES_MAX

PARTIAL = ".kirim-part"
"""Ending of a file under construction; intake never looks at one."""


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
            raise errors.DiskFull(folder=str(folder)) from error
        raise errors.FolderUnwritable(folder=str(folder)) from error


def sync_folder(folder: Path) -> None:
    """Make renames in a folder survive a power cut, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put(folder: Path, name: str, write: Callable[[BinaryIO], object], *, replace: bool = False) -> Path:
    """Write a file that appears whole under its name or not at all, durable on return.

    Args:
        folder: Made if it is missing.
        name: Final name.
        write: Called once with the open file.
        replace: Whether an existing file may be replaced (status files); packages never are.

    Raises:
        FileExists: KF-705.
        DiskFull, FolderUnwritable: KF-701, KF-703; no half file is left.
    """
    target, part = folder / name, folder / f".{secrets.token_hex(8)}{PARTIAL}"
    with disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with open(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                os.replace(part, target)
            else:
                _settle(part, target)
            sync_folder(folder)
        finally:
            part.unlink(missing_ok=True)
    return target


def _settle(part: Path, target: Path) -> None:
    """Give a finished file its name unless the name is taken."""
    try:
        os.link(part, target)
    except FileExistsError as error:
        raise errors.FileExists(file=str(target)) from error
    except OSError:  # a file system without hard links, such as a USB stick's FAT
        if target.exists():
            raise errors.FileExists(file=str(target)) from None
        os.rename(part, target)


def free_name(folder: Path, stem: str, suffix: str) -> str:
    """Return a name that is free in a folder: the stem, or the stem with ``-2``, ``-3`` …"""
    name, count = f"{stem}{suffix}", 1
    while (folder / name).exists():
        count += 1
        name = f"{stem}-{count}{suffix}"
    return name


def read_package(path: Path) -> BinaryIO:
    """Return an open private view of a file that somebody brought.

    One descriptor is opened once and never again by name, so nobody swaps the file between check and use.

    Raises:
        FileUnreadable: KF-702.
        TooLarge: KF-207.
    """
    try:
        file = path.open("rb")
        if not path.is_file():
            file.close()
            raise errors.FileUnreadable(file=str(path))
        size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise errors.FileUnreadable(file=str(path)) from error
    if size > PACKAGE_BYTES_MAX:
        file.close()
        raise errors.TooLarge(part="file", limit=PACKAGE_BYTES_MAX)
    return file


def keep(source: BinaryIO, folder: Path, name: str) -> Path:
    """Copy an open file into a folder under a name of ours, durable; a copy that is there already is left.

    Args:
        source: Read from its beginning.
        folder: Archive, held or quarantine.
        name: Made by us, never taken from the file.
    """
    target = folder / name
    if target.exists():
        return target

    def copy(file: BinaryIO) -> None:
        source.seek(0)
        shutil.copyfileobj(source, file, 256 * KIB)

    return put(folder, name, copy, replace=True)


def remove(path: Path) -> None:
    """Take a file away whose effect is durable elsewhere."""
    with disk(path.parent):
        path.unlink(missing_ok=True)
        sync_folder(path.parent)


def sweep(folder: Path) -> int:
    """Remove what a killed process left half written in a folder, and return how many files that were."""
    count = 0
    for part in folder.glob(f".*{PARTIAL}"):
        part.unlink(missing_ok=True)
        count += 1
    return count


@contextmanager
def building(home: Path) -> Iterator[Path]:
    """Give an empty folder whose content moves into a home when it is finished, and vanishes otherwise.

    What moves last is the database: a home without one is no home, so a killed start leaves nothing that looks finished.
    """
    with disk(home):
        home.mkdir(parents=True, exist_ok=True)
        place = home / f".{secrets.token_hex(8)}{PARTIAL}"
        place.mkdir(mode=0o700)
    try:
        yield place
        with disk(home):
            for entry in sorted(place.iterdir(), key=lambda path: path.suffix == ".db"):
                os.rename(entry, home / entry.name)
            sync_folder(home)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def move(path: Path, folder: Path, name: str) -> Path:
    """Move a finished file into another folder of the same home; repeating it changes nothing."""
    target = folder / name
    if path.exists():
        with disk(folder):
            folder.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
    return target
