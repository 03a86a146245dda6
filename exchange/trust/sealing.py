"""Sealing: plaintext becomes one signed, encrypted file for its receivers.

Source:
    docs/format.md, section 1.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from exchange.format import container
from exchange.format.container import Header, Wrap
from exchange.limits import MIB
from exchange.records import PackageKind
from exchange.trust import chunks, wraps
from exchange.trust.certificates import SignedCertificate
from exchange.trust.keys import Identity, PublicIdentity

HEADER_DOMAIN = b"kirim/1 header\x00"
WRAP_DOMAIN = b"kirim/1 bungkus\x00"

_COPY_BYTES = MIB // 4


@dataclass(frozen=True, slots=True)
class Sealed:
    """What the sender knows of a file just sealed.

    Attributes:
        package_id: What names it (32 bytes).
        size: Bytes of the whole file.
        file_key: Opens this file and no other (32 bytes): to check the written file with, or for an archive.
            A school never stores it.
        plaintext_sha256: Of the plaintext (32 bytes).
    """

    package_id: bytes
    size: int
    file_key: bytes = field(repr=False)
    plaintext_sha256: bytes


def seal(
    *,
    kind: PackageKind,
    scope: str | bytes,
    number: int,
    sender: Identity,
    receivers: Sequence[PublicIdentity],
    certificates: Sequence[SignedCertificate] = (),
    plaintext: Iterable[bytes],
    out: BinaryIO,
    random: Callable[[int], bytes] = os.urandom,
    folder: Path | None = None,
) -> Sealed:
    """Write a sealed file and return what its sender knows of it.

    Memory stays at a few chunks whatever the plaintext's size. What stands in ``out`` after an error is no package.

    Args:
        kind: What it is.
        scope: ``sekolah_id``.
        number: The sender's count of files, 0 to 2**32-1.
        sender: Who signs.
        receivers: 1 to 4, distinct, all of one suite.
        certificates: Up to 4 that the receivers may lack, each after its issuer's.
        plaintext: In pieces of any size; read once.
        out: Written from where it stands, front to back, without seeking.
        random: Gives n random bytes.
        folder: Where the body waits encrypted when it exceeds 1 MiB, until its hash is known.

    Raises:
        CertificateBad: KF-303, nothing can be sealed to a receiver's key.
        DiskFull, FolderUnwritable: KF-701, KF-703, of ``folder``; an error of ``out`` is its owner's.
        ValueError: receivers, number or certificates that no header can carry; a fault of the caller.

    Source:
        docs/format.md, section 1.6.
    """
    suites = {receiver.suite for receiver in receivers}
    if len(suites) != 1:
        raise ValueError("all receivers of a file have keys of one suite")
    suite = suites.pop()
    file_key = random(chunks.FILE_KEY_BYTES)
    body_key, commitment = chunks.split_file_key(file_key)
    plain_hash, body_hash, body_bytes = hashlib.sha256(), hashlib.sha256(), 0

    def hashed(pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            plain_hash.update(piece)
            yield piece

    with chunks.private_spool(folder) as body:
        for sealed in chunks.seal_chunks(body_key, hashed(plaintext)):
            body_hash.update(sealed)
            body_bytes += len(sealed)
            with chunks.disk(folder):
                body.write(sealed)
        bare = Header(
            suite=suite,
            kind=kind,
            scope=container.scope_bytes(scope),
            number=number,
            sender=sender.key_id,
            body_bytes=body_bytes,
            body_hash=body_hash.digest(),
            commitment=commitment,
            wraps=(),
        )
        prefix = container.signed_prefix(_finish(bare, receivers, certificates, file_key))
        out.write(prefix + sender.sign(HEADER_DOMAIN + prefix))
        body.seek(0)
        while True:
            with chunks.disk(folder):
                piece = body.read(_COPY_BYTES)
            if not piece:
                break
            out.write(piece)
    size = len(prefix) + container.SIGNATURE_BYTES + body_bytes
    return Sealed(container.package_id(prefix), size, file_key, plain_hash.digest())


def wrap_info(header: Header) -> bytes:
    """Return what the wraps of a header are bound to: nobody moves one to another body, number or school."""
    return WRAP_DOMAIN + container.bound_fields(header)


def _finish(
    bare: Header,
    receivers: Sequence[PublicIdentity],
    certificates: Sequence[SignedCertificate],
    file_key: bytes,
) -> bytes:
    """Return the bytes of a header whose elements 0 to 7 are given."""
    info = wrap_info(bare)
    sealed = tuple(Wrap(r.key_id, wraps.wrap(r.suite, r.seal_key, file_key, info)) for r in receivers)
    whole = Header(
        bare.suite,
        bare.kind,
        bare.scope,
        bare.number,
        bare.sender,
        bare.body_bytes,
        bare.body_hash,
        bare.commitment,
        sealed,
        tuple((c.body, c.signature) for c in certificates),
    )
    return container.encode_header(whole)
