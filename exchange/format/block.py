"""One block as bytes: a front, the ids that get numbers here, then column by column; or one row, value by value.

Source:
    docs/format-body.md, section 4.
"""

from __future__ import annotations

import itertools
import math
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgpack

from exchange.errors import Malformed, TooLarge
from exchange.format.columns import read_column, write_column
from exchange.format.integers import read_integers, write_integers
from exchange.format.singles import read_single, write_single
from exchange.limits import BLOCK_ROWS_MAX, IDS_MAX, TEXT_CHARACTERS_MAX
from exchange.records import Block, Cause, Op
from exchange.schema.ids import derive_ids
from exchange.schema.model import Column, Kind, Schema, Table

_LOCKED, _HOME, _DERIVED = 32, 64, 128
"""Bits of a block's flags above the operation (2 bits) and the cause (3 bits)."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
FAULTS = (ValueError, KeyError, IndexError, TypeError, OverflowError, UnicodeError, msgpack.UnpackException)
"""What Python and msgpack raise for bytes that are not what they say."""


def pack(fields: Sequence[object]) -> bytes:
    """Return a msgpack array, every element in its shortest form.

    Raises:
        Malformed: KF-208, a text that is not Unicode, or an integer beyond 64 bits.
    """
    try:
        return bytes(msgpack.packb(fields, use_bin_type=True))
    except (UnicodeEncodeError, OverflowError) as error:
        raise Malformed(part="value") from error


class Numbering:
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

    def number(self, wanted: Iterable[str]) -> None:
        """Give numbers to ids that have none, in the order in which they first come."""
        numbers = self.numbers
        fresh = [one for one in dict.fromkeys(wanted) if one not in numbers]
        numbers.update(zip(fresh, itertools.count(len(self.ids)), strict=False))
        self.ids += fresh

    def mark(self) -> tuple[list[str], dict[str, int], int]:
        """Return what :meth:`undo` needs to come back to this moment."""
        return self.ids, self.numbers, len(self.ids)

    def undo(self, mark: tuple[list[str], dict[str, int], int]) -> None:
        """Forget what was numbered since a mark."""
        self.ids, self.numbers, size = mark
        for one in self.ids[size:]:
            del self.numbers[one]
        del self.ids[size:]

    def take(self, added: Sequence[str]) -> None:
        """Give numbers to ids that another side gave numbers to.

        Raises:
            Malformed: KF-208, one has a number already.
        """
        before = len(self.ids)
        self.number(added)
        if len(self.ids) != before + len(added):
            raise Malformed(part="ids")


# --- writing


def write_block(numbering: Numbering, block: Block) -> bytes:
    """Return a block's bytes.

    Args:
        numbering: Of the changeset; it learns the block's ids.
        block: Of 1 to 4,096 rows.

    Raises:
        Malformed: KF-208, a text that is not Unicode. TooLarge: KF-207, a text or a run of bytes is too long.
    """
    _check(block)
    try:
        return _written(numbering, block)
    except UnicodeEncodeError as error:
        raise Malformed(part=block.table.name) from error


def _check(block: Block) -> None:
    """Refuse what no reader would take, and columns out of wire order, whose values would change places."""
    numbers, keys = [column.number for column in block.columns], len(block.table.key)
    if numbers != sorted(set(numbers)) or any(n < keys for n in numbers):
        raise Malformed(part="columns")
    if (block.op is Op.DELETE and numbers) or (block.op is Op.UPDATE and not numbers):
        raise Malformed(part="columns")
    if len(block.values) != keys + len(numbers) or {len(column) for column in block.values} != {block.count}:
        raise Malformed(part="values")
    if any(None in column for column in block.values[:keys]):
        raise Malformed(part="key")


def _written(numbering: Numbering, block: Block) -> bytes:
    table, flags = block.table, int(block.op) | int(block.cause) << 2 | _LOCKED * block.locked
    front: list[object] = [table.number, flags, block.count]
    if block.home is not None:
        flags |= _HOME
        front.append(uuid.UUID(block.home).bytes)
    front.append(_column_set(table, block.columns))
    expected: list[str | None] = []
    if block.op is Op.INSERT and len(table.key) == 1:
        named = {column.name: values for column, values in zip(block.columns, block.values[1:], strict=True)}
        expected = _derived(table, _natural_keys(table, block.count, named) or [])
    odd = [n for n, (a, b) in enumerate(zip(expected, block.values[0], strict=False)) if a != b]
    if expected and len(odd) * 8 <= block.count:
        flags |= _DERIVED
        front.append([piece for n in odd for piece in (n, block.values[0][n])])
        columns, values = block.columns, block.values[1:]
    else:
        columns, values = (*table.key, *block.columns), block.values
    front[1] = flags
    if block.count == 1:
        return pack([*front, *(_plain(c, v[0]) for c, v in zip(columns, values, strict=True))])
    numbering.next_block()
    start = len(numbering.ids)
    written = [_write_values(numbering, c, v) for c, v in zip(columns, values, strict=True)]
    fresh = b"".join(uuid.UUID(one).bytes for one in numbering.ids[start:])
    if flags & _DERIVED:
        strange = {n for n in odd if not _is_id(block.values[0][n])}
        numbering.number(_without(block.values[0], strange))
    return pack([*front, fresh, *written])


def _column_set(table: Table, columns: Sequence[Column]) -> object:
    """Return which columns a block sets: one column's number, or a bit for each."""
    if len(columns) == 1:
        return columns[0].number
    bits = sum(1 << column.number for column in columns)
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")


def _natural_keys(table: Table, count: int, by_name: Mapping[str, Sequence[object]]) -> list[tuple[object, ...]] | None:
    """Return each row's natural key, or ``None`` when the table has none or the block lacks a column of it."""
    parts: list[Iterable[object]] = []
    for name in table.derived:
        if name.startswith("="):
            parts.append(itertools.repeat(name[1:], count))
        elif name in by_name:
            parts.append(by_name[name])
        else:
            return None
    return list(zip(*parts, strict=False)) if parts else None


def _derived(table: Table, natural_keys: list[tuple[object, ...]]) -> list[str | None]:
    """Return the ids that natural keys give; ``None`` where one is not all texts and integers."""
    ids: list[str | None] = list(derive_ids(table.name, natural_keys))
    if not set(map(type, itertools.chain.from_iterable(natural_keys))) <= {str, int}:
        for n, key in enumerate(natural_keys):
            if not set(map(type, key)) <= {str, int}:
                ids[n] = None
    return ids


def _without(keys: Sequence[object], strange: set[int]) -> Sequence[Any]:
    """Return the keys of a block, all ids, without those at some places, which are none."""
    return [key for n, key in enumerate(keys) if n not in strange] if strange else keys


def _is_id(value: object) -> bool:
    return type(value) is str and _UUID.fullmatch(value) is not None


def _plain(column: Column, value: object) -> object:
    """Return a single row's value: an id in 16 bytes, the others as their column's kind says."""
    if column.kind is Kind.UUID and _is_id(value):
        return uuid.UUID(str(value)).bytes
    return write_single(column, stored(value))


def _write_values(numbering: Numbering, column: Column, values: Sequence[object]) -> object:
    if column.kind is not Kind.UUID:
        data, exceptions = write_column(column, values)
        for value in exceptions[1::2]:
            stored(value)
        return [data, *exceptions] if exceptions else data
    known = numbering.numbers
    exceptions = []
    if not known.keys() >= set(values):
        fresh = [v for v in dict.fromkeys(values) if v not in known and v is not None]
        strange = {v for v in fresh if not _is_id(v)}
        numbering.number(v for v in fresh if v not in strange)  # type: ignore[misc]
        if strange or None in values:
            exceptions = [piece for n, v in enumerate(values) if v in strange for piece in (n, stored(v))]
            # 0 is NULL or an exception: every number is one higher then.
            shifted = [0 if v is None or v in strange else known[v] + 1 for v in values]  # type: ignore[index]
            data = b"\1" + write_integers(shifted)
            return [data, *exceptions] if exceptions else data
    return b"\0" + write_integers([known[v] for v in values])  # type: ignore[index]


# --- reading


def read_block(schema: Schema, numbering: Numbering, part: bytes) -> Block:
    """Return the block that bytes hold.

    Args:
        schema: The exchanged tables.
        numbering: Of the changeset; it learns the block's ids.
        part: All of it.

    Raises:
        Malformed: KF-208, whatever the bytes are.
        TooLarge: KF-207, a text or a run of bytes is too long.
    """
    try:
        fields = msgpack.unpackb(part, raw=False, max_map_len=0, max_ext_len=0, max_array_len=_ARRAY_MAX)
        if type(fields) is not list:
            raise Malformed(part="block")
        return _read(schema, numbering, fields)
    except FAULTS as error:
        raise Malformed(part="block") from error


_ARRAY_MAX = 2 * BLOCK_ROWS_MAX + 1
"""A column with an exception in every row is the longest array."""


def _read(schema: Schema, numbering: Numbering, fields: list[Any]) -> Block:
    (number, flags, count), at = fields[:3], 3
    if not all(type(one) is int for one in (number, flags, count)) or not 0 <= flags < 256:
        raise Malformed(part="block")
    if not 0 < count <= BLOCK_ROWS_MAX:
        raise Malformed(part="block")
    table, op, cause = schema.by_number[number], Op(flags & 3), Cause(flags >> 2 & 7)
    home = None
    if flags & _HOME:
        if type(fields[at]) is not bytes or len(fields[at]) != 16:
            raise Malformed(part="home")  # UUID() itself only asserts that these are bytes
        home, at = str(uuid.UUID(bytes=fields[at])), at + 1
    columns, at = _read_column_set(table, fields[at]), at + 1
    if (op is Op.DELETE and columns) or (op is Op.UPDATE and not columns):
        raise Malformed(part="columns")
    if cause is Cause.DISISIHKAN and op is not Op.INSERT:
        raise Malformed(part="cause")
    odd: list[Any] = []
    if flags & _DERIVED:
        if op is not Op.INSERT or len(table.key) != 1 or not table.derived:
            raise Malformed(part="derived ids")
        odd, at = fields[at], at + 1
    travelling = columns if flags & _DERIVED else (*table.key, *columns)
    if count == 1:
        values: list[Sequence[object]] = [[_read_plain(c, v)] for c, v in zip(travelling, fields[at:], strict=True)]
    else:
        numbering.next_block()
        numbering.take(_read_fresh(fields[at], count * sum(column.kind is Kind.UUID for column in travelling)))
        rest = fields[at + 1 :]
        values = [_read_values(numbering, c, v, count) for c, v in zip(travelling, rest, strict=True)]
    if flags & _DERIVED:
        keys = _read_keys(table, columns, values, count, odd)
        values.insert(0, keys)
        if count > 1:
            strange = {n for n in odd[::2] if not _is_id(keys[n])}
            numbering.number(_without(keys, strange))
    if any(None in key for key in values[: len(table.key)]):
        raise Malformed(part="key")
    return Block(table, op, columns, values, cause, bool(flags & _LOCKED), home)


def _read_fresh(fresh: object, most: int) -> list[str]:
    """Return the ids that a block numbers: of 16 bytes each, and no more than it has places for ids."""
    if type(fresh) is not bytes or len(fresh) % 16 or len(fresh) > 16 * most:
        raise Malformed(part="ids")
    return _texts(fresh)


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
    columns = tuple(table.all_columns[n] for n in numbers)
    if _column_set(table, columns) != told:
        raise Malformed(part="columns")
    return columns


def _read_plain(column: Column, value: object) -> object:
    if type(value) is bytes and column.kind is Kind.UUID and len(value) == 16:
        return str(uuid.UUID(bytes=value))
    return stored(read_single(column, value))


def stored(value: object) -> object:
    """Return a value if a store can hold it.

    Raises:
        Malformed: KF-208. TooLarge: KF-207.
    """
    if type(value) in {str, bytes} and len(value) > TEXT_CHARACTERS_MAX:  # type: ignore[arg-type]
        raise TooLarge(part="text", limit=TEXT_CHARACTERS_MAX)
    if type(value) is float and math.isnan(value):
        raise Malformed(part="value")  # SQLite makes NULL of it
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


def _read_values(numbering: Numbering, column: Column, told: object, count: int) -> list[object]:
    exceptions: list[Any] = []
    if type(told) is list:
        told, *exceptions = told
    if type(told) is not bytes or not told:
        raise Malformed(part=column.name)
    values = _read_ids(numbering, told, count) if column.kind is Kind.UUID else read_column(column, told, count)
    for n, value in _pairs(exceptions, count):
        if values[n] is not None:
            raise Malformed(part=column.name)
        values[n] = stored(value)
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


def _read_ids(numbering: Numbering, data: bytes, count: int) -> list[object]:
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
    natural_keys = _natural_keys(table, count, {c.name: v for c, v in zip(columns, values, strict=True)})
    if natural_keys is None:
        raise Malformed(part="derived ids")
    keys: list[object] = list(_derived(table, natural_keys))
    for n, value in _pairs(odd, count):
        keys[n] = stored(value)
    return keys
