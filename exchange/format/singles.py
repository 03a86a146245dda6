"""The values of a block's only row, where no column helps: days, decimals and digits as integers, names in few bits.

Nothing here depends on a column's size, so that a later schema may widen it.

Source:
    docs/format-body.md, section 4.4.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from exchange.errors import Malformed
from exchange.format import letters
from exchange.format.columns import DAY_SECONDS, MICROS, day, day_text, decimal, moment, moment_text, scaled
from exchange.schema.model import Column, Kind


def write_single(column: Column, value: object) -> object:
    """Return the value of a block's only row as msgpack writes it: days, decimals and digits as integers.

    Args:
        column: Any but one of kind UUID.
        value: What a store holds.

    Returns:
        What an integer or bytes would be mistaken for stands in an array of its own.

    Example:
        >>> from exchange.schema import SCHEMA
        >>> pupil = SCHEMA.by_name["peserta_didik"].by_name
        >>> write_single(pupil["tanggal_lahir"], "2016-05-03"), write_single(pupil["nisn"], "0012345678")
        (16924, 10012345678)
        >>> write_single(pupil["nama"], "BUDI"), write_single(pupil["nisn"], 12)
        ('BUDI', [12])
    """
    number = _SINGLE.get(column.kind)
    if number is None:
        return [value] if type(value) is bytes else value
    if type(value) is str:
        found = number[0](value)
        return _lettered(column, value) if found is None else found
    return [value] if type(value) in {int, bytes} else value


def read_single(column: Column, told: object) -> object:
    """Return the value that :func:`write_single` wrote.

    Raises:
        Malformed: KF-208.
    """
    if type(told) is list:
        if len(told) != 1 or type(told[0]) not in {int, bytes}:
            raise Malformed(part=column.name)
        return told[0]
    number = _SINGLE.get(column.kind)
    try:
        if type(told) is bytes:
            return _unlettered(column, told)
        return number[1](told) if number is not None and type(told) is int else told
    except (ValueError, OverflowError) as error:
        raise Malformed(part=column.name) from error


def _lettered(column: Column, value: str) -> object:
    packed = letters.pack(value) if column.kind in _TEXTS and len(value) > 3 else None
    return packed if packed is not None and len(packed) + 1 < len(value) else value


def _unlettered(column: Column, told: bytes) -> str:
    if column.kind not in _TEXTS:
        raise Malformed(part=column.name)
    return letters.unpack(told)


_TEXTS = {Kind.CHAR, Kind.VARCHAR, Kind.TEXT}


def _digits(text: str) -> int | None:
    """Return 1 and the digits as one number; with blanks behind them, 32 times that and their count, negative."""
    bare = text.rstrip(" ")
    blanks = len(text) - len(bare)
    if not (bare.isascii() and bare.isdigit() and len(bare) <= (_DIGITS_MAX if not blanks else 16) and blanks < 32):
        return None
    return int("1" + bare) if not blanks else -(int("1" + bare) * 32 + blanks)


def _digits_text(value: int) -> str:
    number, blanks = (value, 0) if value > 0 else divmod(-value, 32)
    digits = str(number)
    if digits[0] != "1" or not 1 < len(digits) <= _DIGITS_MAX + 1:
        raise ValueError(value)
    return digits[1:] + " " * blanks


def _fraction(text: str) -> int | None:
    """Return a decimal as a number without its point, times 32, and how many digits stand behind the point."""
    scale = len(text.partition(".")[2])
    value = scaled(text, scale, trimmed=False) if scale < 18 else None
    return None if value is None or abs(value) >= 1 << 58 else value * 32 + scale


def _fraction_text(value: int) -> str:
    number, scale = divmod(value, 32)
    if scale >= 18:
        raise ValueError(value)
    return decimal(number, scale, trimmed=False)


_DIGITS_MAX = 18
_EPOCH = date(1970, 1, 1).toordinal()
_EPOCH_MICROS = _EPOCH * DAY_SECONDS * MICROS


def _single_day(text: str) -> int | None:
    found = day(text)
    return None if found is None else found - _EPOCH


def _single_moment(text: str) -> int | None:
    found = moment(text)
    return None if found is None else found - _EPOCH_MICROS


_SINGLE: dict[Kind, tuple[Callable[[str], int | None], Callable[[int], str]]] = {
    Kind.CHAR: (_digits, _digits_text),
    Kind.VARCHAR: (_digits, _digits_text),
    Kind.TEXT: (_digits, _digits_text),
    Kind.DECIMAL: (_fraction, _fraction_text),
    Kind.DATE: (_single_day, lambda value: day_text(value + _EPOCH)),
    Kind.MOMENT: (_single_moment, lambda value: moment_text(value + _EPOCH_MICROS)),
}
"""How a text becomes an integer when it is its column's only one, and back. Nothing here depends on a column's size."""
