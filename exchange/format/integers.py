"""Lists of integers in few bytes: constant, offset or difference, one plane of bytes after another.

Planes put what is alike side by side (all high bytes, then all low ones), which is what the compressor behind wants.

Source:
    docs/format-body.md, section 5.1.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from itertools import accumulate
from operator import sub

from exchange.errors import Malformed

_TYPES = {1: "B", 2: "H", 4: "I", 8: "Q"}
_CONSTANT, _DIFFERENCE = 0, 16
"""First byte: 0 for a constant; else the width, plus 16 for differences."""


def write_varint(value: int) -> bytes:
    """Return an integer of any sign in zigzag groups of seven bits, lowest first.

    Example:
        >>> write_varint(0).hex(), write_varint(-1).hex(), write_varint(300).hex()
        ('00', '01', 'd804')
    """
    rest = value * 2 if value >= 0 else -value * 2 - 1
    out = bytearray()
    while rest > 127:
        out.append(rest & 127 | 128)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the integer that begins at a place, and the place after it.

    Raises:
        Malformed: KF-208, it does not end, or has more than ten groups.
    """
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise Malformed(part="integer")
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return (value >> 1 if not value & 1 else -(value >> 1) - 1), at
        shift += 7


def write_integers(values: Sequence[int]) -> bytes:
    """Return integers of 64 bits as bytes; how many there are is told elsewhere.

    Raises:
        Malformed: KF-208, one has more than 64 bits.

    Example:
        >>> write_integers([5, 5, 5]).hex(), write_integers([7, 8, 9]).hex()
        ('000a', '110e00000101')
    """
    distinct = set(values)
    if len(distinct) <= 1:
        return bytes([_CONSTANT]) + write_varint(values[0] if values else 0)
    low, high = min(distinct), max(distinct)
    if high - low >> 64:
        raise Malformed(part="integer")
    width = _width(high - low)
    steps = [0, *map(sub, values[1:], values[:-1])]
    kinds = set(steps)
    step_low, step_high = min(kinds), max(kinds)
    step_width = _width(step_high - step_low)
    if (step_width, len(kinds)) < (width, len(distinct)):
        front = bytes([_DIFFERENCE + step_width]) + write_varint(values[0]) + write_varint(step_low)
        return front + _planes([step - step_low for step in steps], step_width)
    return bytes([width]) + write_varint(low) + _planes([value - low for value in values], width)


def read_integers(data: bytes, at: int, count: int) -> tuple[list[int], int]:
    """Return ``count`` integers that begin at a place, and the place after them.

    Raises:
        Malformed: KF-208, the bytes end early or the form is unknown.
    """
    if at >= len(data):
        raise Malformed(part="integers")
    form = data[at]
    first, at = read_varint(data, at + 1)
    if form == _CONSTANT:
        return [first] * count, at
    step, width = 0, form
    if form > _DIFFERENCE:
        step, at = read_varint(data, at)
        width = form - _DIFFERENCE
    end = at + width * count
    if width not in _TYPES or end > len(data):
        raise Malformed(part="integers")
    plain = _from_planes(data[at:end], width, count)
    if form <= _DIFFERENCE:
        return ([value + first for value in plain] if first else plain.tolist()), end
    if not count:
        return [], end
    steps = [value + step for value in plain]
    steps[0] = first
    return list(accumulate(steps)), end


def _width(span: int) -> int:
    if span < 1 << 8:
        return 1
    if span < 1 << 16:
        return 2
    if span < 1 << 32:
        return 4
    return 8 if span < 1 << 64 else 16  # 16 is never written: the offset of 64-bit values always fits 8


def _planes(values: Sequence[int], width: int) -> bytes:
    packed = array(_TYPES[width], values)
    if sys.byteorder == "big":
        packed.byteswap()
    data = packed.tobytes()
    return data if width == 1 else b"".join(data[plane::width] for plane in reversed(range(width)))


def _from_planes(data: bytes, width: int, count: int) -> array[int]:
    packed = array(_TYPES[width])
    if width == 1:
        packed.frombytes(data)
        return packed
    whole = bytearray(len(data))
    for n, plane in enumerate(reversed(range(width))):
        whole[plane::width] = data[n * count : (n + 1) * count]
    packed.frombytes(whole)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed
