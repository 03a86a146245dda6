"""What was named on a command line or lies in a folder, file by file.

Folders and ZIPs are opened; names are only labels, and no name from a ZIP ever becomes a path.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from exchange import errors, spool
from exchange.format.container import MAGIC
from exchange.limits import KIB, MIB, PACKAGE_BYTES_MAX, ZIP_BYTES_MAX, ZIP_MEMBERS_MAX
from exchange.spool import Stamp
from exchange.zips import open_zip

_ZIP_MAGIC = b"PK\x03\x04"
_ZIP_FAULTS = (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, ValueError, IndexError)
"""What Python's reader raises for damaged, encrypted or exotic members; an ``OSError`` is the disk's."""
_OFFICE = "[Content_Types].xml"
"""A member that every Excel or Word file has: such a file is one file, not a bundle of packages."""
_ENCRYPTED = 0x1
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""What every system packs with. Others are not even begun: an LZMA member may claim a dictionary of 4 GiB."""
_GROWTH_MAX = 2
"""Unpacked bytes per packed byte of a member, beyond a little: a sealed package does not shrink in a ZIP."""


@dataclass(eq=False)
class Bundle:
    """A ZIP that is being taken.

    Attributes:
        path: Where it lies.
        file: Its one open descriptor.
        zip: The same as an archive.
        left: Members of which it is not yet known what became.
        remove: Whether it goes away after the last one.
        stamp: Of the file that is open.
        kept: Name under which it stands in quarantine, empty if it does not.
    """

    path: Path
    file: BinaryIO
    zip: zipfile.ZipFile
    left: int
    remove: bool
    stamp: Stamp
    kept: str = ""

    def done(self) -> None:
        """Note that a member's effect is durable; after the last one the ZIP has done its duty."""
        self.left -= 1
        if self.left == 0:
            self.close()
            if self.remove:
                spool.remove(self.path, self.stamp)

    def close(self) -> None:
        """Let the descriptor go."""
        self.zip.close()
        self.file.close()


@dataclass(eq=False)
class Candidate:
    """One file that may be a package.

    Attributes:
        label: What people call it: its path, a ZIP's member behind a colon.
        path: The file, or the ZIP that holds it.
        member: Index within the ZIP, else ``None``.
        size: Its size in bytes, as far as is known before it is read.
        error: Why it cannot be taken, if that is known before it is read.
        remove: Whether the file goes away once its effect is durable.
        bundle: The ZIP that it is in.
        fresh: Whether it may still grow: what looks cut is left for another time.
    """

    label: str
    path: Path
    member: int | None = None
    size: int = 0
    error: errors.ExchangeError | None = None
    remove: bool = False
    bundle: Bundle | None = None
    fresh: bool = False
    _stamp: Stamp | None = field(default=None, repr=False)

    @contextmanager
    def open(self, folder: Path | None = None) -> Iterator[BinaryIO]:
        """Give a private copy that nobody can change while it is looked at.

        Args:
            folder: Where a copy of more than 1 MiB waits, without a name.

        Raises:
            FileUnreadable, TooLarge, ArchiveUnsafe: KF-702, KF-207, KF-210.
            DiskFull, FolderUnwritable: KF-701, KF-703, of ``folder``.
        """
        if self.error is not None:
            raise self.error
        source = self._file() if self.bundle is None else self._member(self.bundle)
        with spool.private_copy(source, folder, PACKAGE_BYTES_MAX) as copy:
            yield copy

    def _file(self) -> Iterator[bytes]:
        with spool.read_package(self.path) as file:
            self._stamp = spool.stamp(os.fstat(file.fileno()))
            yield from spool.pieces(file)

    def _member(self, bundle: Bundle) -> Iterator[bytes]:
        info = bundle.zip.infolist()[self.member or 0]
        if info.flag_bits & _ENCRYPTED:
            raise errors.ArchiveUnsafe(part="it is locked with a password")
        if info.compress_type not in _METHODS:
            raise errors.ArchiveUnsafe(part="it is packed in a way that is not known here")
        size, most = 0, _GROWTH_MAX * info.compress_size + MIB
        try:
            with bundle.zip.open(info) as source:
                while piece := source.read(64 * KIB):
                    size += len(piece)
                    if size > most:
                        raise errors.ArchiveUnsafe(part="a file in it unpacks to far more than a package can be")
                    yield piece
        except _ZIP_FAULTS as error:
            raise errors.ArchiveUnsafe(part="it is damaged") from error
        except OSError as error:
            raise errors.FileUnreadable(file=self.label) from error

    def is_inflated(self) -> bool:
        """Whether it takes far more room unpacked than in its ZIP, as no package does."""
        if self.bundle is None:
            return False
        info = self.bundle.zip.infolist()[self.member or 0]
        return info.file_size > _GROWTH_MAX * info.compress_size + 4 * KIB

    def is_gone(self) -> bool:
        """Whether the file has vanished since it was listed: another program took it."""
        return not os.path.lexists(self.path)

    def is_growing(self) -> bool:
        """Whether the file has changed since it was opened."""
        try:
            return self._stamp is not None and spool.stamp(self.path.stat()) != self._stamp
        except OSError:
            return False

    def close(self) -> None:
        """Let go of the ZIP that it is in: nothing will be taken any more."""
        if self.bundle is not None:
            self.bundle.close()

    def done(self) -> None:
        """Let the file go, if it was to go and is still the one that was read."""
        if self.bundle is not None:
            self.bundle.done()
        elif self.remove:
            spool.remove(self.path, self._stamp)


def files_under(folder: Path) -> Iterator[tuple[Path, errors.ExchangeError | None]]:
    """Yield every file below a folder in order of the names, and folders that cannot be read, with the error.

    Hidden ones are left out, they are under construction; links to folders are not followed.
    """
    unread: list[Path] = []
    for place, folders, names in os.walk(folder, onerror=lambda error: unread.append(Path(error.filename))):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(place, name), None
    for path in unread:
        if path.exists():
            yield path, errors.FileUnreadable(file=spool.shown(path))


def candidates(paths: Sequence[Path], *, remove: bool = False) -> Iterator[Candidate]:
    """Yield every file that the paths name.

    Args:
        paths: Files, folders and ZIPs; in folders hidden files are left out.
        remove: Whether files go away once their effect is durable: in the inbox.
    """
    for path in paths:
        if path.is_dir():
            for inner, error in files_under(path):
                yield from _file(inner, remove, error)
        else:
            yield from _file(path, remove, None)


def _file(path: Path, remove: bool, error: errors.ExchangeError | None) -> Iterator[Candidate]:
    label, size = spool.shown(path.absolute()), 0
    if error is None:
        try:
            file = spool.open_file(path)
        except errors.FileUnreadable as unreadable:
            error = unreadable
    if error is not None:
        yield Candidate(label, path, error=error, remove=remove)
        return
    try:
        found = os.fstat(file.fileno())
        size = found.st_size
        with spool.readable(path):
            magic = file.read(len(_ZIP_MAGIC))
        opened = _opened(file) if magic == _ZIP_MAGIC else None
        members = _members(opened) if opened else None
    except (errors.ArchiveUnsafe, errors.FileUnreadable) as fault:
        file.close()
        yield Candidate(label, path, size=size, error=fault, remove=remove, _stamp=spool.stamp(found))
        return
    if opened is None or not members:
        file.close()
        yield Candidate(label, path, size=size, remove=remove)
        return
    bundle = Bundle(path, file, opened, len(members), remove, spool.stamp(found))
    for index, name, bytes_ in members:
        yield Candidate(f"{label}:{spool.shown(name)}", path, index, bytes_, bundle=bundle)


def _opened(file: BinaryIO) -> zipfile.ZipFile:
    """Return an open ZIP, read once. Raises ArchiveUnsafe (KF-210) for one that is damaged."""
    try:
        return open_zip(file)
    except (*_ZIP_FAULTS, OSError) as error:
        raise errors.ArchiveUnsafe(part="it is damaged") from error


def _members(bundle: zipfile.ZipFile) -> list[tuple[int, str, int]]:
    """Return the files of a ZIP by index, name and size; none for an office document.

    Raises:
        ArchiveUnsafe: KF-210, too many or too large.
    """
    infos = bundle.infolist()
    if any(info.filename == _OFFICE for info in infos):
        return []
    if len(infos) > ZIP_MEMBERS_MAX:
        raise errors.ArchiveUnsafe(part=f"more than {ZIP_MEMBERS_MAX} files")
    if sum(info.file_size for info in infos) > ZIP_BYTES_MAX:
        raise errors.ArchiveUnsafe(part=f"more than {ZIP_BYTES_MAX} bytes")
    return [
        (index, info.filename, info.file_size)
        for index, info in enumerate(infos)
        if not info.filename.endswith(("/", "\\")) and (not _is_beside(info.filename) or _is_ours(bundle, info))
    ]


def _is_beside(name: str) -> bool:
    """Whether a member's name is that of what systems put beside people's files."""
    return name.startswith("__MACOSX/") or name.rsplit("/", 1)[-1].startswith(".")


def _is_ours(bundle: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    """Whether a member begins as a package does; the name never decides."""
    if info.compress_type not in _METHODS:
        return True  # it gets its own error when it is taken
    try:
        with bundle.open(info) as member:
            return member.read(len(MAGIC)) == MAGIC
    except (*_ZIP_FAULTS, OSError):
        return True


def is_zip(file: BinaryIO) -> bool:
    """Whether an open file is a ZIP that is no office document."""
    file.seek(0)
    if file.read(len(_ZIP_MAGIC)) != _ZIP_MAGIC:
        return False
    try:
        return _OFFICE not in open_zip(file).namelist()
    except (*_ZIP_FAULTS, OSError):
        return True
