"""A package as a file: sealed under its name, and read back from its medium."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from exchange import spool
from exchange.records import PackageKind
from exchange.trust.certificates import SignedCertificate, anchor
from exchange.trust.keys import Identity, PublicIdentity
from exchange.trust.opening import open_with_file_key
from exchange.trust.sealing import Sealed, seal


def write_package(
    folder: Path,
    npsn: str,
    *,
    kind: PackageKind,
    scope: str,
    number: int,
    sender: Identity,
    receivers: Sequence[PublicIdentity],
    certificates: Sequence[SignedCertificate],
    plaintext: Iterable[bytes],
) -> tuple[Path, Sealed]:
    """Write one package whole, as ``<kind>-<npsn>-<number>.kirim``, and return where it lies and what was sealed.

    Args:
        folder: Made when it is missing.
        npsn: The school's, for the file's name.
        kind: What the package is.
        scope: ``sekolah_id``.
        number: The sender's count of files for this scope.
        sender: Who signs.
        receivers: Who can open it.
        certificates: What the receiver may lack to check the sender.
        plaintext: The body in pieces.

    Raises:
        DiskFull, FolderUnwritable: KF-701, KF-703; no file stands.
    """
    made: list[Sealed] = []

    def write(file: BinaryIO) -> None:
        made.append(
            seal(
                kind=kind,
                scope=scope,
                number=number,
                sender=sender,
                receivers=receivers,
                certificates=certificates,
                plaintext=plaintext,
                out=file,
                folder=folder,
            )
        )

    path = spool.put(folder, spool.free_name(folder, f"{kind.name}-{npsn}-{number:06}", ".kirim"), write)
    return path, made[0]


def read_back(path: Path, sender: Identity, scope: str, sealed: Sealed) -> None:
    """Open the file that was just written, from its medium, and compare what it holds (R27).

    Raises:
        FileError, TrustError: KF-2xx, KF-3xx, it holds other bytes.
    """
    with spool.read_package(path) as file:
        trusted = anchor(sender.public, scope)
        with closing(open_with_file_key(file, sender=trusted, file_key=sealed.file_key).body):
            pass
