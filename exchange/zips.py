"""ZIPs that somebody brought, opened without believing them.

Python reads a ZIP's whole list of members before anybody can count them, and lets members share their bytes: a few
megabytes could ask for gigabytes of memory, or of disk.
"""

from __future__ import annotations

import zipfile
from typing import IO, Any, cast

from exchange.limits import ZIP_LIST_BYTES_MAX


class _Sparing:
    """An open file of which nobody reads more at once than a list of members may take."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(ZIP_LIST_BYTES_MAX + 1 if size < 0 else min(size, ZIP_LIST_BYTES_MAX + 1))
        if len(data) > ZIP_LIST_BYTES_MAX:
            raise zipfile.BadZipFile
        return data


def open_zip(file: IO[bytes]) -> zipfile.ZipFile:
    """Return an open ZIP whose list of members is of bearable length and whose members lie beside one another.

    Args:
        file: Seekable; it stays the caller's.

    Raises:
        BadZipFile: damaged, a list of more than :data:`~exchange.limits.ZIP_LIST_BYTES_MAX`, or members that together have
            more packed bytes than the file, as no packer makes them.

    Example:
        >>> import io
        >>> whole = io.BytesIO()
        >>> with zipfile.ZipFile(whole, "w") as made:
        ...     made.writestr("a", b"satu")
        >>> open_zip(whole).namelist()
        ['a']
    """
    found = zipfile.ZipFile(cast(IO[bytes], _Sparing(file)))
    if sum(info.compress_size for info in found.infolist()) > file.seek(0, 2):
        raise zipfile.BadZipFile
    return found
