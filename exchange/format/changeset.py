"""Changesets as bytes: a head, then one part a block, each a msgpack array of its own.

Within a changeset every UUID travels once and has a number from then on; ids that follow from a natural key do not travel at
all. Decoding is lazy, part by part, so memory is bounded by one block and the numbering.

Source:
    docs/format-body.md, sections 2 to 4.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any

import msgpack

from exchange.errors import Malformed, TooLarge
from exchange.format.columns import read_column, read_single, write_column, write_single
from exchange.format.integers import read_integers, write_integers
from exchange.limits import BLOCK_BYTES_MAX, BLOCK_ROWS_MAX, IDS_MAX
from exchange.records import Block, Cause, ChangesetHead, Op, Position
from exchange.schema.ids import derive_ids
from exchange.schema.model import Column, Kind, Schema, Table

_LOCKED, _HOME, _DERIVED = 32, 64, 128
"""Bits of a block's flags above the operation (2 bits) and the cause (3 bits)."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_FAULTS = (ValueError, KeyError, IndexError, TypeError, OverflowError, UnicodeError, msgpack.UnpackException)
"""What Python and msgpack raise for bytes that are not what they say."""


def chain_start(scope: str, device: bytes) -> bytes:
    """Return the value of a device's chain before its first changeset (32 bytes).

    Args:
        scope: ``sekolah_id``.
        device: Key id (8 bytes).

    Source:
        docs/format.md, "Chain".
    """
    return hashlib.sha256(b"kirim/1 rantai\0" + uuid.UUID(scope).bytes + device).digest()


def chain_next(before: bytes, digest: bytes) -> bytes:
    """Return a chain's value after a changeset.

    Args:
        before: Value before it (32 bytes).
        digest: SHA-256 of the changeset's parts, joined (32 bytes).
    """
    return hashlib.sha256(before + digest).digest()


class _Numbering:
    """Ids and their numbers. Both sides begin anew before the first block that would find it full."""

    def __init__(self, scope: str) -> None:
        self._scope = scope
        self.begin()

    def begin(self) -> None:
        """Forget all ids but the scope's own, which is number 0."""
        self.ids = [self._scope]
        self.numbers = {self._scope: 0}

    def next_block(self) -> None:
        """Begin anew if the numbering is full."""
        if len(self.ids) >= IDS_MAX:
            self.begin()

    def number(self, known: Iterable[str]) -> None:
        """Give numbers to ids that have none."""
        for one in known:
            if one not in self.numbers:
                self.numbers[one] = len(self.ids)
                self.ids.append(one)

    def take(self, added: Iterable[str]) -> None:
        """Give numbers to ids when reading, where only the list is needed."""
        self.ids.extend(added)


# --- writing ----------------------------------------------------------------------------------


def encode_changeset(schema: Schema, scope: str, head: ChangesetHead, blocks: Iterable[Block]) -> Iterator[bytes]:
    """Yield a changeset's parts: its head, then one a block. Its bytes are the parts joined.

    Args:
        schema: The exchanged tables.
        scope: ``sekolah_id``.
        head: What it says of itself.
        blocks: Read as they are needed; each of 1 to 4,096 rows.

    Raises:
        TooLarge: KF-207, a block has too many rows or bytes.
        Malformed: KF-208, a text that is not Unicode.
    """
    yield encode_head(head)
    numbering = _Numbering(scope)
    for block in blocks:
        if not 0 < block.count <= BLOCK_ROWS_MAX:
            raise TooLarge(part="block", limit=BLOCK_ROWS_MAX)
        part = _write_block(numbering, block)
        if len(part) > BLOCK_BYTES_MAX:
            raise TooLarge(part="block", limit=BLOCK_BYTES_MAX)
        yield part


def encode_head(head: ChangesetHead) -> bytes:
    """Return a changeset's first part."""
    fields: list[object] = [head.number, head.base.number, head.base.value]
    if head.origin is not None:
        fields += [head.origin, head.known or 0]
    return _pack(fields)


def _pack(fields: Sequence[object]) -> bytes:
    try:
        return bytes(msgpack.packb(fields, use_bin_type=True))
    except (UnicodeEncodeError, OverflowError) as error:
        raise Malformed(part="value") from error


def _write_block(numbering: _Numbering, block: Block) -> bytes:
    table, flags = block.table, int(block.op) | int(block.cause) << 2 | _LOCKED * block.locked
    front: list[object] = [table.number, flags, block.count]
    if block.home is not None:
        flags |= _HOME
        front.append(uuid.UUID(block.home).bytes)
    front.append(_column_set(table, block.columns))
    expected = _derived(table, block) if block.op is Op.INSERT else None
    odd = [n for n, (a, b) in enumerate(zip(expected, block.values[0], strict=True)) if a != b] if expected else []
    if expected and len(odd) * 8 <= block.count:
        flags |= _DERIVED
        front.append([piece for n in odd for piece in (n, block.values[0][n])])
        columns, values = block.columns, block.values[1:]
    else:
        columns, values = (*table.key, *block.columns), block.values
    front[1] = flags
    if block.count == 1:
        return _pack([*front, *(_plain(c, v[0]) for c, v in zip(columns, values, strict=True))])
    numbering.next_block()
    start = len(numbering.ids)
    written = [_write_values(numbering, c, v) for c, v in zip(columns, values, strict=True)]
    fresh = b"".join(uuid.UUID(one).bytes for one in numbering.ids[start:])
    if flags & _DERIVED:
        numbering.number(str(value) for value in block.values[0] if _is_id(value))
    return _pack([*front, fresh, *written])


def _column_set(table: Table, columns: Sequence[Column]) -> object:
    """Return which columns a block sets: one column's number, or a bit for each."""
    if len(columns) == 1:
        return columns[0].number
    bits = sum(1 << column.number for column in columns)
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")


def _derived(table: Table, block: Block) -> list[str] | None:
    """Return the ids that the rows' natural keys give, or ``None`` when the table or block has not all of the key."""
    by_name = {c.name: v for c, v in zip((*table.key, *block.columns), block.values, strict=True)}
    parts: list[Iterable[object]] = []
    for name in table.derived:
        if name.startswith("="):
            parts.append(repeat(name[1:], block.count))
        elif name in by_name and name not in table.key_names:
            parts.append(by_name[name])
        else:
            return None
    return derive_ids(table.name, zip(*parts, strict=True)) if parts else None


def _is_id(value: object) -> bool:
    return type(value) is str and _UUID.fullmatch(value) is not None


def _plain(column: Column, value: object) -> object:
    """Return a single row's value: an id in 16 bytes, the others as their column's kind says."""
    if column.kind is Kind.UUID and _is_id(value):
        return uuid.UUID(str(value)).bytes
    return write_single(column, value)


def _write_values(numbering: _Numbering, column: Column, values: Sequence[object]) -> object:
    if column.kind is not Kind.UUID:
        data, exceptions = write_column(column, values)
        return [data, *exceptions] if exceptions else data
    known = numbering.numbers
    exceptions = []
    if not known.keys() >= set(values):
        fresh = [v for v in dict.fromkeys(values) if v not in known and v is not None]
        strange = {v for v in fresh if not _is_id(v)}
        numbering.number(v for v in fresh if v not in strange)  # type: ignore[misc]
        if strange or None in values:
            exceptions = [piece for n, v in enumerate(values) if v in strange for piece in (n, v)]
            # 0 is NULL or an exception: every number is one higher then.
            shifted = [0 if v is None or v in strange else known[v] + 1 for v in values]  # type: ignore[index]
            data = b"\1" + write_integers(shifted)
            return [data, *exceptions] if exceptions else data
    return b"\0" + write_integers([known[v] for v in values])  # type: ignore[index]


# --- reading ----------------------------------------------------------------------------------


def decode_head(part: bytes) -> ChangesetHead:
    """Return what a changeset says of itself.

    Raises:
        Malformed: KF-208.
    """
    try:
        fields = msgpack.unpackb(part, raw=False, strict_map_key=True, max_array_len=8, max_map_len=0)
    except _FAULTS as error:
        raise Malformed(part="changeset's head") from error
    if type(fields) is not list or len(fields) not in {3, 5} or _pack(fields) != part:
        raise Malformed(part="changeset's head")
    number, base, value = fields[:3]
    origin, known = fields[3:] if len(fields) == 5 else (None, None)
    if not (_is_number(number) and number and _is_number(base) and _is_bytes(value, 8)):
        raise Malformed(part="changeset's head")
    if origin is not None and not (_is_bytes(origin, 32) and _is_number(known)):
        raise Malformed(part="changeset's head")
    return ChangesetHead(number, Position(base, value), origin, known)


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
    return head, _blocks(schema, _Numbering(scope), given)


def _blocks(schema: Schema, numbering: _Numbering, parts: Iterator[bytes]) -> Iterator[Block]:
    for part in parts:
        if len(part) > BLOCK_BYTES_MAX:
            raise TooLarge(part="block", limit=BLOCK_BYTES_MAX)
        try:
            yield _read_block(schema, numbering, part)
        except _FAULTS as error:
            raise Malformed(part="block") from error


def _read_block(schema: Schema, numbering: _Numbering, part: bytes) -> Block:
    fields: list[Any] = msgpack.unpackb(part, raw=False, strict_map_key=True, max_map_len=0)
    given = iter(fields)
    table, flags, count = schema.by_number[next(given)], next(given), next(given)
    if type(flags) is not int or not 0 <= flags < 256 or type(count) is not int or not 0 < count <= BLOCK_ROWS_MAX:
        raise Malformed(part="block")
    op, cause = Op(flags & 3), Cause(flags >> 2 & 7)
    home = str(uuid.UUID(bytes=next(given))) if flags & _HOME else None
    columns = _read_column_set(table, next(given))
    if bool(columns) != (op is not Op.DELETE) and op is not Op.INSERT:
        raise Malformed(part="columns")
    derived = bool(flags & _DERIVED)
    odd: list[Any] = next(given) if derived else []
    travelling = columns if derived else (*table.key, *columns)
    rest = list(given)
    if count == 1:
        values: list[Sequence[object]] = [[_read_plain(c, v)] for c, v in zip(travelling, rest, strict=True)]
    else:
        numbering.next_block()
        fresh = rest.pop(0)
        if type(fresh) is not bytes or len(fresh) % 16:
            raise Malformed(part="ids")
        numbering.take(_texts(fresh))
        values = [_read_values(numbering, c, v, count) for c, v in zip(travelling, rest, strict=True)]
    if derived:
        if op is not Op.INSERT or len(table.key) != 1 or not table.derived:
            raise Malformed(part="derived ids")
        keys = _read_keys(table, columns, values, count, odd)
        values.insert(0, keys)
        if count > 1:
            known = set(numbering.ids)
            numbering.take(dict.fromkeys(k for k in keys if k not in known and _is_id(k)))  # type: ignore[misc]
    if any(key is None for key_values in values[: len(table.key)] for key in key_values):
        raise Malformed(part="key")
    return Block(table, op, columns, values, cause, bool(flags & _LOCKED), home)


def _read_column_set(table: Table, told: object) -> tuple[Column, ...]:
    if type(told) is int:
        numbers = [told]
    elif type(told) is bytes and len(told) <= (len(table.all_columns) + 7) // 8:
        bits = int.from_bytes(told, "little")
        numbers = [n for n in range(bits.bit_length()) if bits >> n & 1]
        if len(numbers) == 1:
            raise Malformed(part="columns")
    else:
        raise Malformed(part="columns")
    if any(not len(table.key) <= n < len(table.all_columns) for n in numbers):
        raise Malformed(part="columns")
    return tuple(table.all_columns[n] for n in numbers)


def _read_plain(column: Column, value: object) -> object:
    if type(value) is bytes and column.kind is Kind.UUID and len(value) == 16:
        return str(uuid.UUID(bytes=value))
    return _stored(read_single(column, value))


def _stored(value: object) -> object:
    """Return a value if a store can hold it."""
    if type(value) in {str, float, bytes, type(None)} or (type(value) is int and -(1 << 63) <= value < 1 << 63):
        return value
    raise Malformed(part="value")


def _texts(fresh: bytes) -> list[str]:
    """Return ids of 16 bytes each as texts."""
    h = fresh.hex()
    return [
        f"{h[n : n + 8]}-{h[n + 8 : n + 12]}-{h[n + 12 : n + 16]}-{h[n + 16 : n + 20]}-{h[n + 20 : n + 32]}"
        for n in range(0, len(h), 32)
    ]


def _read_values(numbering: _Numbering, column: Column, told: object, count: int) -> list[object]:
    exceptions: list[Any] = []
    if type(told) is list:
        told, *exceptions = told
    if type(told) is not bytes or not told:
        raise Malformed(part=column.name)
    values = _read_ids(numbering, told, count) if column.kind is Kind.UUID else read_column(column, told, count)
    for n, value in _pairs(exceptions, count):
        if values[n] is not None:
            raise Malformed(part=column.name)
        values[n] = _stored(value)
    return values


def _pairs(told: Any, count: int) -> Iterator[tuple[int, object]]:
    """Yield (index, value) of a flat list, indexes growing."""
    if type(told) is not list or len(told) % 2:
        raise Malformed(part="exceptions")
    last = -1
    for n, value in zip(told[::2], told[1::2], strict=True):
        if type(n) is not int or not last < n < count or value is None:
            raise Malformed(part="exceptions")
        last = n
        yield n, value


def _read_ids(numbering: _Numbering, data: bytes, count: int) -> list[object]:
    found, end = read_integers(data, 1, count)
    shifted, ids = data[0], numbering.ids
    if end != len(data) or shifted not in {0, 1} or min(found) < 0 or max(found) >= len(ids) + shifted:
        raise Malformed(part="ids")
    if shifted:
        return [ids[n - 1] if n else None for n in found]
    return [ids[n] for n in found]


def _read_keys(
    table: Table, columns: Sequence[Column], values: Sequence[Sequence[object]], count: int, odd: Any
) -> list[object]:
    """Return the keys that the natural keys give, with the exceptions put in."""
    by_name = {c.name: v for c, v in zip(columns, values, strict=True)}
    parts = [repeat(name[1:], count) if name.startswith("=") else by_name[name] for name in table.derived]
    keys: list[object] = list(derive_ids(table.name, zip(*parts, strict=False)))
    for n, value in _pairs(odd, count):
        keys[n] = _stored(value)
    return keys
