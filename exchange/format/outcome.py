"""What became of one changeset, as bytes: counts, then every change that was not simply applied.

Lines of one cause stand together, so that a hundred thousand equal faults cost little more than their row ids. Equal input
gives equal bytes whatever its order: an outcome is given once and never changes (``docs/protocol.md`` 15).

Source:
    docs/format-body.md, section 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgpack

from exchange.errors import Malformed
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
    """Return what became of a changeset.

    Raises:
        Malformed: KF-208, whatever the bytes are.
    """
    try:
        counts, shapes = msgpack.unpackb(data, raw=False, max_map_len=0)
        told = Counts(*(_count(count) for count in counts))
        return told, [line for shape in shapes for line in _lines(schema, shape)]
    except _FAULTS as error:
        raise Malformed(part="outcome") from error


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 32:
        raise Malformed(part="count")
    return value


def _lines(schema: Schema, shape: Any) -> list[Line]:
    number, group_number, outcome, code, columns, cause, won, flat = shape
    table: Table = schema.by_number[number]
    group = table.groups[_count(group_number) - 1] if group_number else None
    names = tuple(table.all_columns[_count(n)].name for n in columns)
    if type(won) is not bool or len(flat) % 3:
        raise Malformed(part="outcome")
    lines = []
    for row, sent, stood in zip(flat[::3], flat[1::3], flat[2::3], strict=True):
        if type(row) is not str or type(sent) is not list or type(stood) is not list:
            raise Malformed(part="outcome")
        lines.append(
            Line(table, row, group, Outcome(outcome), _count(code), names, tuple(sent), tuple(stood), Cause(cause), won)
        )
    return lines
