"""The plaintext of a package: its manifest, then one zstd frame of items, written and read as a stream.

Source:
    docs/format-body.md, section 1.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from typing import IO

import zstandard

from exchange.errors import Malformed, TooLarge
from exchange.format.manifest import decode_manifest, encode_manifest
from exchange.limits import (
    BLOCK_BYTES_MAX,
    EXPORT_LEVEL,
    KIB,
    MANIFEST_BYTES_MAX,
    OUTCOME_BYTES_MAX,
    UNPACK_FREE_BYTES,
    UNPACK_RATIO_MAX,
    UNPACKED_BYTES_MAX,
    WINDOW_BYTES_MAX,
)
from exchange.records import Manifest

_PIECE = 64 * KIB


class Item(enum.IntEnum):
    """What one item of a package's content is."""

    HEAD = 1
    """A changeset's head; its blocks follow."""
    BLOCK = 2
    """One block of the changeset that was begun."""
    OUTCOME = 3
    """In a return: number of a changeset of the school (4 bytes), then its outcome."""
    REFERENCE = 4
    """The head of a changeset of reference rows."""
    HASHES = 5
    """In a return: short hashes of a table in which both sides differ."""


_BYTES_MAX = {Item.OUTCOME: OUTCOME_BYTES_MAX, Item.HASHES: OUTCOME_BYTES_MAX}


def write_body(manifest: Manifest, items: Iterable[tuple[Item, bytes]]) -> Iterator[bytes]:
    """Yield the plaintext of a package in pieces; memory does not grow with the content.

    Args:
        manifest: What the package says of itself.
        items: Its content, read as it is needed.

    Raises:
        TooLarge: KF-207.
    """
    front = encode_manifest(manifest)
    yield len(front).to_bytes(3, "big") + front
    packer = zstandard.ZstdCompressor(level=EXPORT_LEVEL, write_checksum=False, write_content_size=False).compressobj()
    waiting = bytearray()
    for kind, data in items:
        waiting += _size(kind, len(data))
        waiting += data
        if len(waiting) >= _PIECE:
            yield packer.compress(bytes(waiting))
            waiting.clear()
    yield packer.compress(bytes(waiting)) + packer.flush()


def _size(kind: Item, size: int) -> bytes:
    """Return an item's front: kind and size in groups of seven bits, lowest first, the kind in the lowest three."""
    rest, out = size << 3 | kind, bytearray()
    while rest > 127:
        out.append(rest & 127 | 128)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def read_body(file: IO[bytes], schema_version: int) -> tuple[Manifest, Iterator[tuple[Item, bytes]]]:
    """Return a package's manifest, and its items as they are asked for.

    Every limit holds while it is read: bytes, ratio, window, one frame and nothing behind it.

    Args:
        file: The verified plaintext, at its first byte.
        schema_version: The schema that this program knows.

    Raises:
        SchemaNewer: KF-209. Malformed: KF-208. TooLarge: KF-207. The last two also while items are read.
    """
    size = int.from_bytes(file.read(3), "big")
    if size > MANIFEST_BYTES_MAX:
        raise TooLarge(part="manifest", limit=MANIFEST_BYTES_MAX)
    front = file.read(size)
    if len(front) != size:
        raise Malformed(part="manifest")
    return decode_manifest(front, schema_version), _items(_Unpacked(file))


class _Unpacked:
    """The content of the frame, as a stream with limits."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._unpacker = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX).decompressobj()
        self._buffer = bytearray()
        self._at = self._packed = self._total = 0
        self._source = b""

    def take(self, size: int) -> bytes:
        """Return exactly so many bytes, or nothing at the end of the frame."""
        while len(self._buffer) - self._at < size:
            if not self._more():
                if self._at == len(self._buffer):
                    return b""  # the end of the frame, between two items
                raise Malformed(part="item")
        found = bytes(self._buffer[self._at : self._at + size])
        self._at += size
        return found

    def _more(self) -> bool:
        """Unpack a little more: at most as much as a small piece of packed bytes can give."""
        if self._unpacker.eof:
            if self._unpacker.unused_data or self._source or self._file.read(1):
                raise Malformed(part="bytes behind the content")
            return False
        if not self._source:
            self._source = self._file.read(_PIECE)
            if not self._source:
                raise Malformed(part="content")
        piece, self._source = self._source[:_STEP], self._source[_STEP:]
        try:
            fresh = self._unpacker.decompress(piece)
        except zstandard.ZstdError as error:
            raise Malformed(part="content") from error
        self._packed += len(piece)
        self._total += len(fresh)
        if self._total > UNPACKED_BYTES_MAX:
            raise TooLarge(part="content", limit=UNPACKED_BYTES_MAX)
        if self._total > UNPACK_FREE_BYTES + self._packed * UNPACK_RATIO_MAX:
            raise TooLarge(part="content's ratio", limit=UNPACK_RATIO_MAX)
        if self._at > _PIECE:
            del self._buffer[: self._at]
            self._at = 0
        self._buffer += fresh
        return True


_STEP = 1 * KIB
"""Packed bytes unpacked at once: 1 KiB of the most regular content gives some 32 MiB, no more."""


def _items(content: _Unpacked) -> Iterator[tuple[Item, bytes]]:
    while front := content.take(1):
        value, shift = front[0] & 127, 7
        while front[0] & 128:
            front = content.take(1)
            if not front or shift > 35:
                raise Malformed(part="item")
            value |= (front[0] & 127) << shift
            shift += 7
        try:
            kind = Item(value & 7)
        except ValueError as error:
            raise Malformed(part="item") from error
        size = value >> 3
        most = _BYTES_MAX.get(kind, BLOCK_BYTES_MAX)
        if size > most:
            raise TooLarge(part="item", limit=most)
        data = content.take(size) if size else b""
        if len(data) != size:
            raise Malformed(part="item")
        yield kind, data
