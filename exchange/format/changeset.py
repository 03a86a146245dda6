"""Changesets as bytes: a head, then one part a block, each a msgpack array of its own.

Within a changeset every UUID travels once and has a number from then on; ids that follow from a natural key do not
travel at all. Decoding is lazy, part by part, so memory is bounded by one block and the numbering.

Source:
    docs/format-body.md, section 3.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import replace

import msgpack

from exchange.errors import Malformed, TooLarge
from exchange.format.block import FAULTS, Numbering, pack, read_block, write_block
from exchange.limits import BLOCK_BYTES_MAX, BLOCK_ROWS_MAX
from exchange.records import Block, ChangesetHead, CutAgain, Position
from exchange.schema.model import Schema


def chain_start(scope: str, device: bytes) -> bytes:
    """Return the value of a device's chain before its first changeset (32 bytes).

    Args:
        scope: ``sekolah_id``.
        device: Key id (8 bytes).

    Source:
        docs/format-body.md, section 3.2.
    """
    return hashlib.sha256(b"kirim/1 rantai\0" + uuid.UUID(scope).bytes + device).digest()


def chain_next(before: bytes, digest: bytes) -> bytes:
    """Return a chain's value after a changeset.

    Args:
        before: Value before it (32 bytes).
        digest: SHA-256 of the changeset's parts, joined (32 bytes).
    """
    return hashlib.sha256(before + digest).digest()


# --- writing ----------------------------------------------------------------------------------


def encode_changeset(schema: Schema, scope: str, head: ChangesetHead, blocks: Iterable[Block]) -> Iterator[bytes]:
    """Yield a changeset's parts: its head, then one a block. Its bytes are the parts joined.

    Args:
        schema: The exchanged tables.
        scope: ``sekolah_id``.
        head: What it says of itself.
        blocks: Read as they are needed; each of 1 to 4,096 rows. One of too many bytes is written as two halves.

    Raises:
        TooLarge: KF-207, a block has too many rows, or a row or a text too many bytes.
        Malformed: KF-208, a text that is not Unicode.
    """
    yield encode_head(head)
    numbering = Numbering(scope)
    for block in blocks:
        if not 0 < block.count <= BLOCK_ROWS_MAX:
            raise TooLarge(part="block", limit=BLOCK_ROWS_MAX)
        yield from _parts(numbering, block)


def _parts(numbering: Numbering, block: Block) -> Iterator[bytes]:
    """Yield a block, in halves if it has more bytes than one may have."""
    before = numbering.mark()
    part = write_block(numbering, block)
    if len(part) <= BLOCK_BYTES_MAX:
        yield part
        return
    if block.count == 1:
        raise TooLarge(part="row", limit=BLOCK_BYTES_MAX)
    numbering.undo(before)
    half = block.count // 2
    for rows in (slice(half), slice(half, None)):
        yield from _parts(numbering, replace(block, values=[values[rows] for values in block.values]))


def encode_head(head: ChangesetHead) -> bytes:
    """Return a changeset's first part."""
    fields: list[object] = [head.number, head.base.number, head.base.value]
    if head.again:
        fields += [head.again.origin, head.again.known, head.again.last]
    return pack(fields)


# --- reading ----------------------------------------------------------------------------------


def decode_head(part: bytes) -> ChangesetHead:
    """Return what a changeset says of itself.

    Raises:
        Malformed: KF-208.
    """
    try:
        fields = msgpack.unpackb(part, raw=False, max_array_len=8, max_map_len=0, max_ext_len=0)
    except FAULTS as error:
        raise Malformed(part="changeset's head") from error
    if type(fields) is not list or len(fields) not in {3, 6} or pack(fields) != part:
        raise Malformed(part="changeset's head")
    number, base, value = fields[:3]
    if not (_is_number(number) and number and _is_number(base) and _is_bytes(value, 8)):
        raise Malformed(part="changeset's head")
    if len(fields) == 3:
        return ChangesetHead(number, Position(base, value))
    origin, known, last = fields[3:]
    if not (_is_bytes(origin, 32) and _is_number(known) and _is_number(last)):
        raise Malformed(part="changeset's head")
    if not (known < last < number or known == last == 0):  # both 0: moved from another laptop's chain
        raise Malformed(part="changeset's head")
    return ChangesetHead(number, Position(base, value), CutAgain(origin, known, last))


def _is_number(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 32


def _is_bytes(value: object, size: int) -> bool:
    return type(value) is bytes and len(value) == size


def decode_changeset(schema: Schema, scope: str, parts: Iterable[bytes]) -> tuple[ChangesetHead, Iterator[Block]]:
    """Return a changeset's head and its blocks, decoded as they are asked for.

    Args:
        schema: The exchanged tables.
        scope: ``sekolah_id``.
        parts: The head first.

    Raises:
        Malformed: KF-208, whatever the bytes are. TooLarge: KF-207. Both also while blocks are read.
    """
    given = iter(parts)
    head = decode_head(next(given, b""))
    return head, _blocks(schema, Numbering(scope), given)


def _blocks(schema: Schema, numbering: Numbering, parts: Iterator[bytes]) -> Iterator[Block]:
    for part in parts:
        if len(part) > BLOCK_BYTES_MAX:
            raise TooLarge(part="block", limit=BLOCK_BYTES_MAX)
        yield read_block(schema, numbering, part)
