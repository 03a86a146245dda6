"""The outside of a sealed file: its frame, its header and their one canonical encoding.

Bytes to values and back; nothing here knows a key. Whether a header may be believed is the
business of :mod:`exchange.trust.opening`.

Source:
    docs/format.md, sections 1 and 2.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import msgpack

from exchange import errors
from exchange.limits import CHUNK_BYTES, HEADER_BYTES_MAX
from exchange.records import PackageKind

MAGIC = b"\x89KRM\r\n\x1a\n"
"""First 8 bytes: not text, and changed by whatever rewrites line ends."""

FORMAT = 1
"""The format that this program writes, and the newest that it reads."""

FRAME_BYTES = 12
"""Magic, format, length of the header."""

SIGNATURE_BYTES = 64
KEY_ID_BYTES = 8
HASH_BYTES = 32
SCOPE_BYTES = 16
TAG_BYTES = 16

SUITES = (1, 2)
"""Suites that this program knows: 1 X25519, 2 ML-KEM-768 + X25519. 3 is reserved."""

WRAP_BYTES = {1: 80, 2: 1168}
"""Bytes of one wrap by suite: what HPKE sends, then the file key and its tag."""

WRAPS_MAX = 4
CERTIFICATES_MAX = 4
CERTIFICATE_BYTES_MAX = 1_536
"""One certificate's body: a hybrid seal key takes 1,216."""

BODY_BYTES_MAX = 2**40
UINT32_MAX = 2**32 - 1

SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES
"""A full chunk as it stands in the body."""

_LEVELS_MAX = 16
"""Arrays within arrays; what is signed has three."""

Canonical: TypeAlias = "int | bytes | Sequence[Canonical]"
"""What signed encodings are made of: unsigned integers, byte strings and arrays."""


def pack(value: Canonical) -> bytes:
    """Return the one canonical encoding of a value: msgpack, each item in its shortest form.

    Args:
        value: Unsigned integers below 2**64, byte strings, and sequences of these.

    Source:
        docs/format.md, section 1.1.

    Example:
        >>> pack([1, b"ab", []]).hex()
        '9301c402616290'
    """
    encoded: bytes = msgpack.packb(value)
    return encoded


def unpack(data: bytes, part: str) -> list[Canonical]:
    """Return the array that canonical bytes hold.

    Args:
        data: All of the encoding; its length is limited by the caller.
        part: What is being read, for the error.

    Raises:
        HeaderBad: KF-203, not msgpack, another type than unsigned integer, byte string or array,
            or not the shortest form.

    Source:
        docs/format.md, section 1.1.

    Example:
        >>> unpack(bytes.fromhex("9301c402616290"), "header")
        [1, b'ab', []]
        >>> unpack(bytes.fromhex("91cc01"), "header")
        Traceback (most recent call last):
            ...
        exchange.errors.HeaderBad: KF-203 the package's header is damaged (header)
        next: copy the file from the laptop again, or export again
        safe: nothing was merged; the school still holds every change
    """
    try:
        # Limits before buffers: no length that the bytes claim is believed beyond the bytes that are there.
        value = msgpack.unpackb(
            data,
            max_array_len=16,
            max_map_len=0,
            max_str_len=0,
            max_ext_len=0,
            max_bin_len=len(data),
            strict_map_key=True,
        )
    except (ValueError, msgpack.UnpackException) as error:
        raise errors.HeaderBad(part=part) from error
    # Packing again finds every longer form; the types are checked because True and 1.0 would pack as themselves.
    if type(value) is not list or not _plain(value) or msgpack.packb(value) != data:
        raise errors.HeaderBad(part=part)
    return value


def _plain(array: list[object]) -> bool:
    """Whether there are only whole numbers, bytes and arrays of these, in no more than 16 levels."""
    level, depth = [array], 0
    while level and depth < _LEVELS_MAX:
        below = []
        for one in level:
            for item in one:
                kind = type(item)
                if kind is list:
                    below.append(item)
                elif kind is not bytes and (kind is not int or item < 0):  # type: ignore[operator]
                    return False
        level, depth = below, depth + 1  # type: ignore[assignment]
    return not level


@dataclass(frozen=True, slots=True)
class Wrap:
    """The file key, sealed for one receiver.

    Attributes:
        receiver: The receiver's key id (8 bytes).
        sealed: Bytes of the HPKE message, :data:`WRAP_BYTES` of the header's suite.
    """

    receiver: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """What anybody may read of a package. Nothing of it is true before the signature is checked.

    Attributes:
        suite: 1 or 2.
        kind: What the package is.
        scope: ``sekolah_id`` (16 bytes).
        number: The sender's count of files, 0 to 2**32-1: a label for people.
        sender: The sender's key id (8 bytes).
        body_bytes: Bytes after the signature.
        body_hash: SHA-256 of them (32 bytes).
        commitment: Which file key is the right one (32 bytes).
        wraps: One a receiver, 1 to 4, receivers distinct.
        certificates: (body, signature of 64 bytes), 0 to 4, which the receiver may lack.
    """

    suite: int
    kind: PackageKind
    scope: bytes
    number: int
    sender: bytes
    body_bytes: int
    body_hash: bytes
    commitment: bytes
    wraps: tuple[Wrap, ...]
    certificates: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def scope_id(self) -> str:
        """The scope as lower-case UUID text, the form of the stores."""
        return scope_text(self.scope)


@lru_cache(maxsize=4096)
def scope_bytes(scope: str | bytes) -> bytes:
    """Return a scope as the 16 bytes that travel.

    Raises:
        ValueError: not a UUID, which is a fault of the caller.

    Example:
        >>> scope_bytes("3f0c0000-0000-4000-8000-000000000001").hex()
        '3f0c0000000040008000000000000001'
    """
    raw = scope if isinstance(scope, bytes) else uuid.UUID(scope).bytes
    if len(raw) != SCOPE_BYTES:
        raise ValueError("a scope has 16 bytes")
    return raw


@lru_cache(maxsize=4096)
def scope_text(scope: bytes) -> str:
    """Return a scope as lower-case UUID text, the form of the stores.

    Example:
        >>> scope_text(bytes.fromhex("3f0c0000000040008000000000000001"))
        '3f0c0000-0000-4000-8000-000000000001'
    """
    return str(uuid.UUID(bytes=scope))


def bound_fields(header: Header) -> bytes:
    """Return the encoding of elements 0 to 7, which every wrap is bound to."""
    return pack(_fields(header))


def encode_header(header: Header) -> bytes:
    """Return the bytes of a header, at most 16,384.

    Raises:
        ValueError: a field is not what the format says; a fault of the caller, found before anything is signed.

    Source:
        docs/format.md, section 1.3.
    """
    data = pack(
        [*_fields(header), [[w.receiver, w.sealed] for w in header.wraps], [list(c) for c in header.certificates]]
    )
    try:
        decode_header(data)
    except errors.FileError as error:
        raise ValueError("the header does not fit its format") from error
    return data


def _fields(header: Header) -> list[Canonical]:
    return [
        header.suite,
        int(header.kind),
        header.scope,
        header.number,
        header.sender,
        header.body_bytes,
        header.body_hash,
        header.commitment,
    ]


def decode_header(data: bytes) -> Header:
    """Return the header that bytes hold, if they are its canonical encoding.

    Args:
        data: Exactly the header's bytes.

    Raises:
        HeaderBad: KF-203, too long, not canonical, or a field of a wrong type, length or range.
        FormatNewer: KF-202, the suite is one that this program does not know yet.

    Source:
        docs/format.md, section 1.3 and section 2, step 3.
    """
    if len(data) > HEADER_BYTES_MAX:
        raise errors.HeaderBad(part="length")
    fields = unpack(data, "header")
    suite = fields[0] if fields else None
    if type(suite) is not int or suite == 0:
        raise errors.HeaderBad(part="suite")
    if suite not in SUITES:
        # What a newer suite's other fields look like, and how many there are, is not ours to judge.
        raise errors.FormatNewer(found=suite, known=SUITES[-1])
    if len(fields) != 10:
        raise errors.HeaderBad(part="header")
    _, kind, scope, number, sender, body_bytes, body_hash, commitment, wraps, certificates = fields
    if type(kind) is not int or kind not in (1, 2, 3, 4, 5):
        raise errors.HeaderBad(part="kind")
    if type(body_bytes) is not int or not _possible_body(body_bytes):
        raise errors.HeaderBad(part="body length")
    return Header(
        suite=suite,
        kind=PackageKind(kind),
        scope=exact_bytes(scope, (SCOPE_BYTES,), "scope"),
        number=exact_uint(number, UINT32_MAX, "number"),
        sender=exact_bytes(sender, (KEY_ID_BYTES,), "sender"),
        body_bytes=body_bytes,
        body_hash=exact_bytes(body_hash, (HASH_BYTES,), "body hash"),
        commitment=exact_bytes(commitment, (HASH_BYTES,), "commitment"),
        wraps=_decode_wraps(wraps, WRAP_BYTES[suite]),
        certificates=_decode_certificates(certificates),
    )


def _possible_body(size: int) -> bool:
    """Whether chunks can fill a body of this size: the last one is empty only if it is the only one."""
    last = size % SEALED_CHUNK_BYTES
    return size == TAG_BYTES or (TAG_BYTES < size <= BODY_BYTES_MAX and (last == 0 or last > TAG_BYTES))


def _decode_wraps(value: Canonical, size: int) -> tuple[Wrap, ...]:
    if type(value) is not list or not 1 <= len(value) <= WRAPS_MAX:
        raise errors.HeaderBad(part="wraps")
    wraps = []
    for item in value:
        if type(item) is not list or len(item) != 2:
            raise errors.HeaderBad(part="wraps")
        wraps.append(Wrap(exact_bytes(item[0], (KEY_ID_BYTES,), "wraps"), exact_bytes(item[1], (size,), "wraps")))
    if len({wrap.receiver for wrap in wraps}) != len(wraps):
        raise errors.HeaderBad(part="wraps")
    return tuple(wraps)


def _decode_certificates(value: Canonical) -> tuple[tuple[bytes, bytes], ...]:
    if type(value) is not list or len(value) > CERTIFICATES_MAX:
        raise errors.HeaderBad(part="certificates")
    pairs = []
    for item in value:
        if type(item) is not list or len(item) != 2 or type(item[0]) is not bytes:
            raise errors.HeaderBad(part="certificates")
        if not 1 <= len(item[0]) <= CERTIFICATE_BYTES_MAX:
            raise errors.HeaderBad(part="certificates")
        pairs.append((item[0], exact_bytes(item[1], (SIGNATURE_BYTES,), "certificates")))
    return tuple(pairs)


def exact_bytes(value: object, sizes: tuple[int, ...], part: str) -> bytes:
    """Return a value that is a byte string of one of these sizes.

    Raises:
        HeaderBad: KF-203, naming ``part``.
    """
    if type(value) is not bytes or len(value) not in sizes:
        raise errors.HeaderBad(part=part)
    return value


def exact_uint(value: object, largest: int, part: str) -> int:
    """Return a value that is an unsigned integer of at most ``largest``.

    Raises:
        HeaderBad: KF-203, naming ``part``.
    """
    if type(value) is not int or not 0 <= value <= largest:
        raise errors.HeaderBad(part=part)
    return value


def signed_prefix(header: bytes) -> bytes:
    """Return bytes 0..12+H of a file: frame and header, which the signature covers and the package id names.

    Args:
        header: The header's bytes, at most 16,384.

    Example:
        >>> signed_prefix(bytes(3)).hex()
        '894b524d0d0a1a0a01000003000000'
    """
    return MAGIC + bytes([FORMAT]) + len(header).to_bytes(3, "big") + header


def split_frame(start: bytes) -> int:
    """Return the header's length H from the first bytes of a file.

    Args:
        start: The first 12 bytes, fewer if the file has no more.

    Raises:
        NotOurs: KF-201, another magic.
        FormatNewer: KF-202, a later format.
        HeaderBad: KF-203, a format or length that was never written.
        FileCut: KF-204, it ends inside these 12 bytes.

    Source:
        docs/format.md, section 1.2 and section 2, step 2.

    Example:
        >>> split_frame(bytes.fromhex("894b524d0d0a1a0a010000ff"))
        255
    """
    if start[:8] != MAGIC[: len(start)]:
        raise errors.NotOurs()
    if len(start) < FRAME_BYTES:
        raise errors.FileCut(size=len(start), expected=FRAME_BYTES)
    if start[8] > FORMAT:
        raise errors.FormatNewer(found=start[8], known=FORMAT)
    length = int.from_bytes(start[9:12], "big")
    if start[8] < FORMAT or not 1 <= length <= HEADER_BYTES_MAX:
        raise errors.HeaderBad(part="frame")
    return length


def package_id(prefix: bytes) -> bytes:
    """Return what names a package: SHA-256 of frame and header (32 bytes). No sender can choose it.

    Args:
        prefix: What :func:`signed_prefix` gives.

    Example:
        >>> package_id(signed_prefix(bytes(3))).hex()[:16]
        'a0d9cab699fd2778'
    """
    return hashlib.sha256(prefix).digest()
