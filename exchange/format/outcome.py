"""What became of one changeset, as bytes: counts, then every change that was not simply applied.

Lines of one cause stand together, so that a hundred thousand equal faults cost little more than their row ids. Equal
input gives equal bytes whatever its order: an outcome is given once and never changes (``docs/protocol.md`` 15).

Source:
    docs/format-body.md, section 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgpack

from exchange.errors import Malformed, TooLarge
from exchange.format.block import stored
from exchange.limits import OUTCOME_BYTES_MAX
from exchange.records import Cause, Counts, Line, Outcome
from exchange.schema.model import Schema, Table

_FAULTS = (ValueError, KeyError, IndexError, TypeError, OverflowError, UnicodeError, msgpack.UnpackException)

_Shape = tuple[int, int, int, int, tuple[int, ...], int, bool]


def encode_outcome(lines: Sequence[Line], counts: Counts) -> bytes:
    """Return the bytes of a changeset's outcome.

    Args:
        lines: In any order.
        counts: Of all its changes.
    """
    shapes: dict[_Shape, list[list[object]]] = {}
    for line in lines:
        columns = tuple(line.table.by_name[name].number for name in line.columns)
        group = line.group.number if line.group else 0
        shape = (line.table.number, group, int(line.outcome), line.code, columns, int(line.cause), line.won)
        shapes.setdefault(shape, []).append([line.row, list(line.sent), list(line.stood)])
    packed = [
        [*shape, [piece for row in sorted(rows, key=_order) for piece in row]] for shape, rows in sorted(shapes.items())
    ]
    c = counts
    return bytes(msgpack.packb([[c.applied, c.same, c.conflict, c.refused, c.held], packed], use_bin_type=True))


def _order(row: list[object]) -> bytes:
    return bytes(msgpack.packb(row, use_bin_type=True))


def decode_outcome(schema: Schema, data: bytes) -> tuple[Counts, list[Line]]:
    """Return what became of a changeset, as far as this program knows its tables.

    An outcome stays the same byte for byte, whoever reads it: of one that a newer program gave, lines of tables and groups that
    are not in the schema are left out, and columns that are not.

    Raises:
        Malformed: KF-208, whatever the bytes are. TooLarge: KF-207, more lines than a reader holds, or a longer text.
    """
    # Read element by element: a few bytes cannot ask for a long list, nor for a deep one.
    given = msgpack.Unpacker(
        raw=False, max_map_len=0, max_ext_len=0, max_array_len=_ARRAY_MAX, max_buffer_size=len(data)
    )
    given.feed(data)
    try:
        _expect(given, 2)
        applied, same, conflict, refused, held = (_count(count) for count in _list(given.unpack()))
        lines: list[Line] = []
        for _ in range(given.read_array_header()):
            lines += _lines(schema, given, _LINES_MAX - len(lines))
    except _FAULTS as error:
        raise Malformed(part="outcome") from error
    if given.tell() != len(data):
        raise Malformed(part="outcome")
    return Counts(applied, same, conflict, refused, held), lines


_ARRAY_MAX = 1024
"""Columns of a table, with room."""

_LINES_MAX = OUTCOME_BYTES_MAX // 64
"""Lines of one outcome: one names a row and a reason, and its values besides."""


def _expect(given: msgpack.Unpacker, size: int) -> None:
    if given.read_array_header() != size:
        raise Malformed(part="outcome")


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 32:
        raise Malformed(part="count")
    return value


def _list(value: Any) -> list[Any]:
    if type(value) is not list:
        raise Malformed(part="outcome")
    return value


def _lines(schema: Schema, given: msgpack.Unpacker, most: int) -> list[Line]:
    _expect(given, 8)
    number, group_number, outcome, code, columns, cause, won = (given.unpack() for _ in range(7))
    table: Table | None = schema.by_number.get(_count(number))
    every, groups = (table.all_columns, (None, *table.groups)) if table else ((), ())
    known = _count(group_number) < len(groups)
    names = tuple(every[n].name if n < len(every) else None for n in map(_count, _list(columns)))
    size = given.read_array_header()
    if type(won) is not bool or size % 3 or _count(cause) > Cause.KEMBALI:
        raise Malformed(part="outcome")
    if size // 3 > most:
        raise TooLarge(part="outcome", limit=_LINES_MAX)
    mine = tuple(name for name in names if name is not None)
    became, reason, by = Outcome(_count(outcome)), _count(code), Cause(_count(cause))
    lines = []
    for _ in range(size // 3):
        row, sent, stood = stored(given.unpack()), _values(given.unpack(), names), _values(given.unpack(), names)
        if type(row) is not str:
            raise Malformed(part="outcome")
        if table is not None and known:
            lines.append(Line(table, row, groups[group_number], became, reason, mine, sent, stood, by, won))
    return lines


def _values(told: Any, names: Sequence[str | None]) -> tuple[object, ...]:
    """Return the values of a shape's known columns, each one that a store can hold; or none at all."""
    if len(_list(told)) not in {0, len(names)}:
        raise Malformed(part="outcome")
    kept = list(map(stored, told))
    return tuple(value for value, name in zip(kept, names, strict=False) if name is not None)
