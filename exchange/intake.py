"""What was named on a command line or lies in a folder, file by file: folders and ZIPs are opened, names are only labels.

No name from a ZIP ever becomes a path.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from exchange import errors, spool
from exchange.limits import KIB, MIB, PACKAGE_BYTES_MAX, ZIP_BYTES_MAX, ZIP_MEMBERS_MAX

_ZIP_MAGIC = b"PK\x03\x04"
_ZIP_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    RuntimeError,
    NotImplementedError,
    EOFError,
    ValueError,
    IndexError,
)
"""What Python's reader raises for damaged, encrypted or exotic members."""
_OFFICE = "[Content_Types].xml"
"""A member that every Excel or Word file has: such a file is one file, not a bundle of packages."""


@dataclass(frozen=True)
class Candidate:
    """One file that may be a package.

    Attributes:
        label: What people call it: its path, a ZIP's member behind a colon.
        path: The file, or the ZIP that holds it.
        member: Index within the ZIP, else ``None``.
        size: Its size in bytes, as far as is known before it is read.
        error: Why the ZIP that it stands for cannot be taken, else ``None``.
        remove: Whether the file goes away once its effect is durable.
    """

    label: str
    path: Path
    member: int | None = None
    size: int = 0
    error: errors.ExchangeError | None = None
    remove: bool = False

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Give one private descriptor that nobody can swap.

        Raises:
            FileUnreadable, TooLarge, ArchiveUnsafe: KF-702, KF-207, KF-210.
        """
        if self.error is not None:
            raise self.error
        if self.member is None:
            with spool.read_package(self.path) as file:
                yield file
            return
        with SpooledTemporaryFile(max_size=MIB) as copy:
            try:
                with zipfile.ZipFile(self.path) as bundle, bundle.open(bundle.infolist()[self.member]) as source:
                    while piece := source.read(64 * KIB):
                        copy.write(piece)
                        if copy.tell() > PACKAGE_BYTES_MAX:
                            raise errors.TooLarge(part="file", limit=PACKAGE_BYTES_MAX)
            except _ZIP_FAULTS as error:
                raise errors.FileUnreadable(file=self.label) from error
            copy.seek(0)
            yield cast(BinaryIO, copy)

    def done(self) -> None:
        """Let the file go, if it was to go."""
        if self.remove and self.member is None:
            spool.remove(self.path)


def candidates(paths: Sequence[Path], *, remove: bool = False) -> Iterator[Candidate]:
    """Yield every file that the paths name: folders in order of their names, hidden and unfinished files left out.

    Args:
        paths: Files, folders and ZIPs.
        remove: Whether files go away once their effect is durable: in the inbox.
    """
    for path in paths:
        if path.is_dir():
            for inner in sorted(path.rglob("*")):
                if inner.is_file() and not any(part.startswith(".") for part in inner.relative_to(path).parts):
                    yield from _file(inner, remove)
        else:
            yield from _file(path, remove)


def _file(path: Path, remove: bool) -> Iterator[Candidate]:
    label = str(path.absolute())
    try:
        with path.open("rb") as file:
            magic = file.read(4)
        size = path.stat().st_size
    except OSError:
        magic, size = b"", 0
    if magic != _ZIP_MAGIC:
        yield Candidate(label, path, size=size, remove=remove)
        return
    try:
        members = _members(path)
    except errors.ArchiveUnsafe as error:
        yield Candidate(label, path, size=size, error=error, remove=remove)
        return
    if members is None:
        yield Candidate(label, path, size=size, remove=remove)
        return
    for index, name, bytes_ in members:
        yield Candidate(f"{label}:{name}", path, index, bytes_)


def _members(path: Path) -> list[tuple[int, str, int]] | None:
    """Return the files of a ZIP by index, name and size, or ``None`` for an office document.

    Raises:
        ArchiveUnsafe: KF-210, damaged, too many or too large, or a link.
    """
    try:
        with zipfile.ZipFile(path) as bundle:
            infos = bundle.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise errors.ArchiveUnsafe(part="it is damaged") from error
    if any(info.filename == _OFFICE for info in infos):
        return None
    if len(infos) > ZIP_MEMBERS_MAX:
        raise errors.ArchiveUnsafe(part=f"more than {ZIP_MEMBERS_MAX} files")
    if sum(info.file_size for info in infos) > ZIP_BYTES_MAX:
        raise errors.ArchiveUnsafe(part=f"more than {ZIP_BYTES_MAX} bytes")
    return [
        (index, info.filename, info.file_size)
        for index, info in enumerate(infos)
        if not info.is_dir()
        and not info.filename.rsplit("/", 1)[-1].startswith(".")
        and not info.filename.startswith("__MACOSX/")
    ]
