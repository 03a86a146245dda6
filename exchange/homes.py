"""A school's, a server's or an office's home: made whole or not at all, and worked in by one where it has no database."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from exchange import errors
from exchange.spool import PARTIAL, claim, disk, make, put, sync_folder

_MOVING = ".moving"
"""Within a home under construction: the names that are on their way out of it."""


def make_home(home: Path, folders: Sequence[str] = ()) -> None:
    """Make a home and its folders for their owner alone; a home that stood there with something in it keeps its mode.

    Raises:
        DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    with disk(home):
        if home.is_dir() and not any(home.iterdir()):
            home.chmod(0o700)
        for name in ("", *folders):
            make(home / name)


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Be the only one at work in a home that has no database; the mark ends with the process.

    Raises:
        HomeBusy: KF-704.
        DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    with disk(home):
        descriptor = os.open(home / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not claim(descriptor):
            raise errors.HomeBusy(home=str(home))
        yield
    finally:
        os.close(descriptor)


_LOCK = ".kunci-kerja"
"""A file that is locked while somebody is at work; it stays."""


@contextmanager
def building(home: Path) -> Iterator[Path]:
    """Give an empty folder whose content moves into a home when it is finished, and vanishes otherwise.

    What moves last is the database: a home without one is no home. What a kill leaves, :func:`unbuild` takes away.

    Raises:
        DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    with disk(home):
        make(home)
        place = home / f".{secrets.token_hex(8)}{PARTIAL}"
        place.mkdir(mode=0o700)
        mark = None if os.name == "nt" else os.open(place, os.O_RDONLY)
    try:
        if mark is not None:
            claim(mark)
        yield place
        names = [entry.name for entry in sorted(place.iterdir(), key=lambda path: path.suffix == ".db")]
        put(place, _MOVING, lambda file: file.write("\n".join(names).encode()))
        with disk(home):
            for name in names:
                os.rename(place / name, home / name)
            sync_folder(home)
    finally:
        shutil.rmtree(place, ignore_errors=True)
        if mark is not None:
            os.close(mark)


def unbuild(home: Path) -> None:
    """Take away what killed processes left of homes that were never finished; one that is being built stays.

    Raises:
        DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    with disk(home):
        for place in home.glob(f".*{PARTIAL}"):
            if place.is_dir() and _is_abandoned(place):
                _take_back(place, home)
                shutil.rmtree(place, ignore_errors=True)


def _is_abandoned(place: Path) -> bool:
    if os.name == "nt":  # a folder in which a file is open has no other name
        try:
            os.rename(place, place.with_name(f".x{place.name}"))
            os.rename(place.with_name(f".x{place.name}"), place)
        except OSError:
            return False
        return True
    descriptor = os.open(place, os.O_RDONLY)
    try:
        return claim(descriptor)
    finally:
        os.close(descriptor)


def _take_back(place: Path, home: Path) -> None:
    """After a kill between two renames: what has moved belongs to the unfinished store that has not."""
    try:
        names = (place / _MOVING).read_text().splitlines()
    except FileNotFoundError:
        return
    if not names or not (place / names[-1]).exists():
        return
    for name in names:
        if not (place / name).exists():
            entry = home / name
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink(missing_ok=True)
