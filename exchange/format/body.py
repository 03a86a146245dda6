"""The plaintext of a package: its manifest, then one zstd frame of items, written and read as a stream.

Source:
    docs/format-body.md, section 1.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Iterator
from typing import IO

import zstandard

from exchange.errors import Malformed, TooLarge
from exchange.format.changeset import encode_head
from exchange.format.manifest import decode_manifest, encode_manifest
from exchange.limits import (
    BLOCK_BYTES_MAX,
    BLOCKS_MAX,
    CHANGESETS_MAX,
    EXPORT_LEVEL,
    KIB,
    MANIFEST_BYTES_MAX,
    OUTCOME_BYTES_MAX,
    RECEIPTS_MAX,
    UNPACK_FREE_BYTES,
    UNPACK_RATIO_MAX,
    UNPACKED_BYTES_MAX,
    WINDOW_BYTES_MAX,
)
from exchange.records import ChangesetHead, Manifest

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
    NEXT = 6
    """The head that everybody expects, without a byte: next number, on the manifest's *have*. Read as a ``HEAD``."""
    PAD = 7
    """Nothing: bytes that keep content of extreme regularity within the ratio. Not shown to who reads."""
    BRANCH = 8
    """In a return: the head of a changeset of the school's own chain that its laptop has not; its blocks follow."""
    GIVEN = 9
    """In a school's package: a piece of a return that the server has lost: 1 if more follow, else 0; in the first one
    the file's key (32 bytes); then bytes of the sealed file."""
    WANTED = 10
    """In a school's package: number of a table (2 bytes), then the short names of rows that it misses."""


_COMMON_KINDS = 7
"""Kinds up to this one stand in the three lowest bits of an item's front."""

_BYTES_MAX = {Item.OUTCOME: OUTCOME_BYTES_MAX, Item.HASHES: OUTCOME_BYTES_MAX, Item.NEXT: 0}

_ITEMS_MAX = 10 * BLOCKS_MAX
"""Items of one package: a hundred for each of the most changesets, or ten times the blocks of the longest one."""


def write_body(manifest: Manifest, items: Iterable[tuple[Item, bytes]]) -> Iterator[bytes]:
    """Yield the plaintext of a package in pieces; memory does not grow with the content.

    Args:
        manifest: What the package says of itself.
        items: Its content, read as it is needed.

    Raises:
        TooLarge: KF-207, what no reader would take.
    """
    front = encode_manifest(manifest)
    yield len(front).to_bytes(3, "big") + front
    content, count = _Packed(), _Count()
    number = manifest.first.number
    for kind, data in items:
        if kind is Item.HEAD:
            number += 1
            if data == encode_head(ChangesetHead(number, manifest.have)):
                kind, data = Item.NEXT, b""  # noqa: PLW2901
        count.see(kind, len(data))
        yield content.add(kind, data)
    yield content.close()


class _Count:
    """Both sides count alike: what one writes, the other reads."""

    def __init__(self) -> None:
        self._items = self._changesets = self._blocks = 0

    def see(self, kind: Item, size: int) -> None:
        """Count one item before its bytes are taken.

        Raises:
            TooLarge: KF-207.
        """
        most = _BYTES_MAX.get(kind, BLOCK_BYTES_MAX)
        if size > most:
            raise TooLarge(part="item", limit=most)
        self._items += 1
        if kind is Item.BLOCK:
            self._blocks += 1
        elif kind is not Item.PAD:
            self._changesets += 1
            self._blocks = 0
        if self._items > _ITEMS_MAX:
            raise TooLarge(part="items", limit=_ITEMS_MAX)
        if self._changesets > _CHANGESETS_MAX:
            raise TooLarge(part="changesets", limit=CHANGESETS_MAX)
        if self._blocks > BLOCKS_MAX:
            raise TooLarge(part="changeset", limit=BLOCKS_MAX)


_CHANGESETS_MAX = 2 * CHANGESETS_MAX + RECEIPTS_MAX
"""Items of a package that are no blocks: changesets, or outcomes of as many, and the row hashes of every table."""


class _Packed:
    """The frame as it is written: never more regular than a reader allows."""

    def __init__(self) -> None:
        packer = zstandard.ZstdCompressor(level=EXPORT_LEVEL, write_checksum=False, write_content_size=False)
        self._packer = packer.compressobj()
        self._waiting = bytearray()
        self._packed = self._total = 0

    def add(self, kind: Item, data: bytes) -> bytes:
        """Return packed bytes, if some are ready."""
        self._waiting += _front(kind, len(data))
        self._waiting += data
        return self._press() if len(self._waiting) >= _PIECE else b""

    def _press(self, flush: int = -1) -> bytes:
        self._total += len(self._waiting)
        if self._total > UNPACKED_BYTES_MAX:
            raise TooLarge(part="content", limit=UNPACKED_BYTES_MAX)
        out = self._packer.compress(bytes(self._waiting))
        self._waiting.clear()
        if flush >= 0:
            out += self._packer.flush(flush)
        self._packed += len(out)
        lacking = (self._total - UNPACK_FREE_BYTES // 2) // (UNPACK_RATIO_MAX // 2) - self._packed
        if lacking > 0 and flush < 0:
            self._waiting += _front(Item.PAD, lacking + KIB) + _noise(self._total, lacking + KIB)
            out += self._press(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        return out

    def close(self) -> bytes:
        """Return the rest of the frame."""
        return self._press() + self._packer.flush()


def _noise(seed: int, size: int) -> bytes:
    """Return bytes that do not compress, the same for the same seed."""
    return hashlib.shake_128(b"kirim/1 isian\0" + seed.to_bytes(8, "big")).digest(size)


def _front(kind: Item, size: int) -> bytes:
    """Return an item's front: kind and size in groups of seven bits, lowest first, the kind in the lowest three.

    A kind that needs more than three bits is 0 there and follows as a byte of its own.
    """
    rare = kind > _COMMON_KINDS
    rest, out = size << 3 | (0 if rare else kind), bytearray()
    while rest > 127:
        out.append(rest & 127 | 128)
        rest >>= 7
    out.append(rest)
    return bytes(out) + (bytes([kind]) if rare else b"")


def read_body(file: IO[bytes], schema_version: int) -> tuple[Manifest, Iterator[tuple[Item, bytes]]]:
    """Return a package's manifest, and its items as they are asked for.

    Every limit holds while it is read: bytes, ratio, window, counts, one frame and nothing behind it.

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
    manifest = decode_manifest(front, schema_version)
    return manifest, _items(manifest, _Unpacked(file))


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
        with memoryview(self._buffer) as view:
            found = bytes(view[self._at : self._at + size])
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


def _items(manifest: Manifest, content: _Unpacked) -> Iterator[tuple[Item, bytes]]:
    number, count = manifest.first.number, _Count()
    while front := content.take(1):
        kind, size = _read_front(front[0], content)
        count.see(kind, size)
        data = content.take(size) if size else b""
        if len(data) != size:
            raise Malformed(part="item")
        if kind in {Item.HEAD, Item.NEXT}:
            number += 1
        if kind is Item.NEXT:
            yield Item.HEAD, encode_head(ChangesetHead(number, manifest.have))
        elif kind is not Item.PAD:
            yield kind, data


def _read_front(byte: int, content: _Unpacked) -> tuple[Item, int]:
    value, shift = byte & 127, 7
    while byte & 128:
        more = content.take(1)
        if not more or shift > 28:
            raise Malformed(part="item")
        byte = more[0]
        value |= (byte & 127) << shift
        shift += 7
    kind = value & _COMMON_KINDS
    if not kind:
        kind = int.from_bytes(content.take(1))
        if kind <= _COMMON_KINDS:
            raise Malformed(part="item")
    try:
        return Item(kind), value >> 3
    except ValueError as error:
        raise Malformed(part="item") from error
