"""Opening: bytes become a :class:`VerifiedPackage`, here and nowhere else.

One fixed order of checks. Until the signature has been checked, everything that a file says is a
claim; nothing is decrypted for a stranger, and nothing decrypted leaves before the last chunk passed.

Source:
    docs/format.md, section 2.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO

from exchange import errors
from exchange.format.certificate import Certificate, decode_certificate
from exchange.format.container import Header, Wrap
from exchange.records import PackageKind
from exchange.trust import chunks
from exchange.trust.admission import admit
from exchange.trust.certificates import SignedCertificate
from exchange.trust.front import Front, check_body, read_front
from exchange.trust.keys import Identity, check_signature
from exchange.trust.sealing import HEADER_DOMAIN, wrap_info

Find = Callable[[bytes, bytes], Certificate | None]
"""Given a scope (16 bytes; zeros for the server's side) and a key id (8 bytes), the trusted keys of that id."""

COMMANDS = {
    PackageKind.PREFILL: "kirim school init",
    PackageKind.KIRIM: "kirim server ingest",
    PackageKind.BALASAN: "kirim school apply",
    PackageKind.SURAT: "kirim server ingest",
    PackageKind.JAWABAN: "kirim district open",
}
"""Where a package of each kind belongs."""


@dataclass(frozen=True, slots=True)
class VerifiedPackage:
    """A package whose sender, receiver and every byte have been checked.

    Attributes:
        header: What its front says, now known to be the sender's words.
        package_id: What names it (32 bytes).
        sender: The sender's certificate.
        admitted: Certificates of the header that were checked now and were not known before, in order.
        body: The plaintext, standing at its first byte; in memory up to 1 MiB, else an unnamed file.
        plaintext_sha256: Of the plaintext (32 bytes).
        file_key: Opens this file and no other (32 bytes), for :mod:`exchange.trust.archive`.
        size: Bytes of the whole file.
    """

    header: Header
    package_id: bytes
    sender: Certificate
    admitted: tuple[SignedCertificate, ...]
    body: IO[bytes] = field(repr=False)
    plaintext_sha256: bytes
    file_key: bytes = field(repr=False)
    size: int

    def __enter__(self) -> VerifiedPackage:
        return self

    def __exit__(self, *exc: object) -> None:
        self.body.close()


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A whole, rightly signed file that is in the ledger already. Its receipt is the one it had.

    Attributes:
        header: What its front says.
        package_id: What names it (32 bytes).
    """

    header: Header
    package_id: bytes


def _never(package_id: bytes) -> bool:
    return False


def open_package(
    file: BinaryIO,
    *,
    kinds: Collection[PackageKind],
    find: Find,
    identities: Mapping[bytes, Identity],
    seen: Callable[[bytes], bool] = _never,
    folder: Path | None = None,
) -> VerifiedPackage | Duplicate:
    """Return what a file holds for us, or that we had it before.

    The order is that of the format, steps 1 to 10; the first step that fails ends it. A repeat has no effect.

    Args:
        file: One open descriptor of a private copy: it is read in two passes when large.
        kinds: What may come in here.
        find: Trusted keys. It answers for what a store knows: a certificate that no longer counts is ``None``.
        identities: Our private keys by key id.
        seen: Whether a package id is in the ledger.
        folder: Where a plaintext of more than 1 MiB is kept, without a name, until it is closed.

    Raises:
        TooLarge: KF-207, more bytes than any package has.
        NotOurs: KF-201. FormatNewer: KF-202, of format or suite. HeaderBad: KF-203. FileCut: KF-204.
        OtherKind: KF-301. OtherReceiver: KF-302.
        CertificateBad: KF-303. SenderUnknown: KF-304. SignatureBad: KF-305.
        FilePadded: KF-205. BodyDamaged: KF-206.
        WrapBad: KF-306. ChunkBad: KF-307.
        DiskFull, FolderUnwritable: KF-701, KF-703, of ``folder``. FileUnreadable: KF-702.

    Source:
        docs/format.md, section 2.
    """
    front = read_front(file)  # steps 1 to 3
    header = front.header
    if header.kind not in kinds:
        wanted = " / ".join(kind.name for kind in sorted(kinds))
        raise errors.OtherKind(found=header.kind.name, wanted=wanted, command=COMMANDS[header.kind])
    wrap = _our_wrap(header, identities)
    sender, admitted = admit(header, find)
    _check_front_signature(front, sender)
    check_body(front, file)
    if seen(front.package_id):
        return Duplicate(header, front.package_id)
    file_key = identities[wrap.receiver].unwrap(wrap.sealed, wrap_info(header))
    return _open_body(front, file, file_key, sender, admitted, folder)


def open_with_file_key(
    file: BinaryIO,
    *,
    sender: Certificate,
    file_key: bytes,
    admitted: tuple[SignedCertificate, ...] = (),
    folder: Path | None = None,
) -> VerifiedPackage:
    """Return what a file holds, opened with its own file key instead of a receiver's key.

    So a sender checks the file that he has just written, and a third person one from the archive.

    Args:
        file: As for :func:`open_package`.
        sender: Whose signature it must carry; the header's certificates are not looked at.
        file_key: Of this file (32 bytes).
        admitted: Certificates of its header that the caller has checked.
        folder: As for :func:`open_package`.

    Raises:
        ExchangeError: as :func:`open_package`, without the checks of kind, receiver and certificates;
            WrapBad, KF-306, if the file key is that of another file.
    """
    front = read_front(file)
    if front.header.sender != sender.key_id:
        raise errors.SenderUnknown()
    _check_front_signature(front, sender)
    check_body(front, file)
    return _open_body(front, file, file_key, sender, admitted, folder)


def verify_sealed(file: BinaryIO, sender: Certificate) -> bytes:
    """Return the id of a file that is whole and that this sender signed (32 bytes); its content stays sealed.

    Args:
        file: As for :func:`open_package`.
        sender: A certificate that was checked.

    Raises:
        ExchangeError: as :func:`open_package` in steps 1 to 3, 6 and 7.
    """
    front = read_front(file)
    if front.header.sender != sender.key_id:
        raise errors.SenderUnknown()
    _check_front_signature(front, sender)
    check_body(front, file)
    return front.package_id


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a file claims to be: all that anybody may see without a key.

    Attributes:
        size: Bytes of the file, 0 if it cannot be read.
        header: What its front says, or ``None`` if it has none that can be read.
        package_id: What names it (32 bytes), empty without a header.
        certificates: What rides in the header, as far as it can be read.
        whole: Whether every byte that the header announces is there and as the header says.
        error: The first thing that does not hold, or ``None``; raised nowhere.
    """

    size: int
    header: Header | None
    package_id: bytes
    certificates: tuple[Certificate, ...]
    whole: bool
    error: errors.ExchangeError | None


def inspect_package(file: BinaryIO) -> Inspection:
    """Return what anybody may see of a file. Damage is reported, never raised.

    Whether its signature holds is not among that: only who knows the sender's key can say.

    Args:
        file: Seekable; anything at all may stand in it.

    Source:
        docs/format.md, section 2.3.

    Example:
        >>> import io
        >>> inspect_package(io.BytesIO(b"a photograph")).error.code
        'KF-201'
    """
    try:
        front = read_front(file)
    except errors.ExchangeError as error:
        return Inspection(_size(file), None, b"", (), False, error)
    found: errors.ExchangeError | None = None
    certificates, whole = [], False
    try:
        check_body(front, file)
        whole = True
        for body, _ in front.header.certificates:
            certificates.append(decode_certificate(body))
    except errors.ExchangeError as error:
        found = error
    return Inspection(front.size, front.header, front.package_id, tuple(certificates), whole, found)


def _size(file: BinaryIO) -> int:
    try:
        return file.seek(0, os.SEEK_END)
    except OSError:
        return 0


def _our_wrap(header: Header, identities: Mapping[bytes, Identity]) -> Wrap:
    for wrap in header.wraps:
        identity = identities.get(wrap.receiver)
        if identity is not None and identity.suite == header.suite:
            return wrap
    raise errors.OtherReceiver()


def _check_front_signature(front: Front, sender: Certificate) -> None:
    check_signature(sender.verify_key, front.signature, HEADER_DOMAIN + front.prefix, errors.SignatureBad())


def _open_body(
    front: Front,
    file: BinaryIO,
    file_key: bytes,
    sender: Certificate,
    admitted: tuple[SignedCertificate, ...],
    folder: Path | None,
) -> VerifiedPackage:
    body_key, commitment = chunks.split_file_key(file_key)
    if commitment != front.header.commitment:
        raise errors.WrapBad()
    digest, size = hashlib.sha256(), front.header.body_bytes
    spool: IO[bytes] = io.BytesIO() if size <= chunks.MEMORY_BYTES_MAX else chunks.private_spool(folder)
    try:
        for piece in chunks.open_chunks(body_key, front.body(file), size):
            digest.update(piece)
            with chunks.disk(folder):
                spool.write(piece)
        with chunks.disk(folder):
            spool.seek(0)
    except BaseException:
        spool.close()
        raise
    return VerifiedPackage(
        front.header, front.package_id, sender, admitted, spool, digest.digest(), file_key, front.size
    )
