"""One column of a block as bytes: typed from the schema, small, and lossless for anything that a store can hold.

A value that is of its column's type in the one form that stores use travels typed. Any other value travels beside the
column as an exception, byte for byte: whether it is valid is not for the format to judge.

Source:
    docs/format-body.md, section 5.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from datetime import date
from itertools import accumulate
from operator import eq

from exchange.errors import Malformed, TooLarge
from exchange.format.integers import read_integers, write_integers
from exchange.limits import TEXT_CHARACTERS_MAX
from exchange.schema.model import Column, Kind

_HAS_NULLS = 128
_NUMBERS, _TRIMMED, _FIXED, _DAYS, _MOMENTS, _DOUBLES, _TEXT, _LISTED, _PLANES = range(1, 10)
"""First byte of a column, plus 128 when some values are NULL."""

_INT_MIN, _INT_MAX = -(1 << 63), (1 << 63) - 1
DAY_SECONDS, MICROS = 86_400, 1_000_000
_PLANES_MAX = 64
"""Most characters of a fixed-width text that is written position by position."""

Exceptions = list[object]
"""Index, value, index, value …: what does not travel typed."""


def write_column(column: Column, values: Sequence[object]) -> tuple[bytes, Exceptions]:
    """Return a column's bytes and the values that did not fit its type.

    Args:
        column: Any but one of kind UUID, which the changeset numbers.
        values: 2 to 4,096 values.
    """
    write = _WRITERS[column.kind]
    present = [value for value in values if value is not None]
    data, odd = write(column, present)
    exceptions: Exceptions = []
    if odd:
        places = [n for n, value in enumerate(values) if value is not None]
        exceptions = [piece for n in sorted(odd) for piece in (places[n], present[n])]
        dropped = {places[n] for n in odd}
        values = [None if n in dropped else value for n, value in enumerate(values)]
        present = [value for value in values if value is not None]
        data, _ = write(column, present)
    if len(present) == len(values):
        return data, exceptions
    return bytes([data[0] | _HAS_NULLS]) + _bitmap(values) + data[1:], exceptions


def read_column(column: Column, data: bytes, count: int) -> list[object]:
    """Return a column's values; exceptions stand as ``None`` and are put in by the caller.

    Raises:
        Malformed: KF-208. TooLarge: KF-207, a text.
    """
    if not data:
        raise Malformed(part=column.name)
    form, at, dense = data[0] & 127, 1, count
    where: list[int] | None = None
    if data[0] & _HAS_NULLS:
        size = (count + 7) // 8
        where = _present(data[1 : 1 + size], count)
        at, dense = 1 + size, len(where)
    read = _READERS.get(form)
    if read is None:
        raise Malformed(part=column.name)
    found, end = read(data, at, dense)
    if end != len(data) or len(found) != dense:
        raise Malformed(part=column.name)
    if where is None:
        return found
    values: list[object] = [None] * count
    for place, value in zip(where, found, strict=True):
        values[place] = value
    return values


def _bitmap(values: Sequence[object]) -> bytes:
    bits = "".join("0" if value is None else "1" for value in values)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def _present(data: bytes, count: int) -> list[int]:
    if len(data) != (count + 7) // 8:
        raise Malformed(part="presence bits")
    bits = f"{int.from_bytes(data, 'big'):0{len(data) * 8}b}"
    if "1" in bits[count:]:
        raise Malformed(part="presence bits")
    return [n for n, bit in enumerate(bits[:count]) if bit == "1"]


# --- numbers ----------------------------------------------------------------------------------


def _write_numbers(column: Column, values: Sequence[object]) -> tuple[bytes, set[int]]:
    if set(map(type, values)) <= {int}:
        numbers: Sequence[int] = values  # type: ignore[assignment]
        if min(numbers, default=0) < _INT_MIN or max(numbers, default=0) > _INT_MAX:
            raise Malformed(part=column.name)
        return bytes([_NUMBERS]) + write_integers(numbers), set()
    return b"", {n for n, value in enumerate(values) if type(value) is not int}


def _read_numbers(data: bytes, at: int, count: int) -> tuple[list[object], int]:
    found, end = read_integers(data, at, count)
    if found and (min(found) < _INT_MIN or max(found) > _INT_MAX):
        raise Malformed(part="number")
    return list(found), end


def scaled(text: object, scale: int, *, trimmed: bool) -> int | None:
    """Return the integer that a decimal text is at a scale, if the reader will write exactly that text."""
    if type(text) is not str or not text.isascii():
        return None
    whole, _, fraction = text.partition(".")
    digits = whole.removeprefix("-") + fraction
    if not digits.isdigit() or len(fraction) > scale or len(digits) > 18:
        return None
    value = int(digits) * 10 ** (scale - len(fraction))
    if value > _INT_MAX:
        return None
    value = -value if whole.startswith("-") else value
    return value if decimal(value, scale, trimmed=trimmed) == text else None


def decimal(value: int, scale: int, *, trimmed: bool) -> str:
    """Return the decimal text of an integer at a scale, without needless zeros if they were trimmed."""
    digits = f"{abs(value):0{scale + 1}d}"
    text = f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits
    if trimmed and scale:
        text = text.rstrip("0").rstrip(".")
    return f"-{text}" if value < 0 else text


def _write_decimals(column: Column, values: Sequence[object]) -> tuple[bytes, set[int]]:
    texts = {value for value in values if type(value) is str}
    scale = min(column.scale, 18, max((len(text.partition(".")[2]) for text in texts), default=0))
    best: tuple[int, bytes, list[int | None]] | None = None
    for form, trimmed in ((_TRIMMED, True), (_FIXED, False)):
        known = {value: scaled(value, scale, trimmed=trimmed) for value in set(values)}
        found = [known[value] for value in values]
        odd = found.count(None)
        if best is None or odd < best[0]:
            best = odd, bytes([form, scale]), found
        if not odd:
            break
    assert best is not None
    odd, front, found = best
    if odd:
        return b"", {n for n, value in enumerate(found) if value is None}
    return front + write_integers(found), set()  # type: ignore[arg-type]


def _read_decimals(data: bytes, at: int, count: int) -> tuple[list[object], int]:
    if at >= len(data) or data[at] > 18:
        raise Malformed(part="scale")
    scale, trimmed = data[at], data[0] & 127 == _TRIMMED
    found, end = read_integers(data, at + 1, count)
    known = {value: decimal(value, scale, trimmed=trimmed) for value in set(found)}
    return [known[value] for value in found], end


def _write_doubles(column: Column, values: Sequence[object]) -> tuple[bytes, set[int]]:
    odd = {n for n, value in enumerate(values) if type(value) is not float}
    if any(map(math.isnan, values if not odd else ())):  # type: ignore[arg-type]
        raise Malformed(part=column.name)  # SQLite makes NULL of it
    return (b"", odd) if odd else (bytes([_DOUBLES]) + struct.pack(f"<{len(values)}d", *values), odd)


def _read_doubles(data: bytes, at: int, count: int) -> tuple[list[object], int]:
    end = at + 8 * count
    if end > len(data):
        raise Malformed(part="doubles")
    found = struct.unpack(f"<{count}d", data[at:end])
    if any(map(math.isnan, found)):
        raise Malformed(part="doubles")
    return list(found), end


# --- days and moments -------------------------------------------------------------------------


def day(text: object) -> int | None:
    """Return the number of the day that ``YYYY-MM-DD`` names, 1 for the first of year 1; ``None`` for anything else."""
    if type(text) is not str or len(text) != 10:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found.toordinal() if found.isoformat() == text else None


def moment(text: object) -> int | None:
    """Return microseconds since the first day for ``YYYY-MM-DD HH:MM:SS``, with six more digits or none."""
    if type(text) is not str or len(text) not in {19, 26} or not text.isascii():
        return None
    days, clock, fraction = day(text[:10]), text[11:19].split(":"), text[20:]
    if days is None or len(clock) != 3 or not all(len(part) == 2 and part.isdigit() for part in clock):
        return None
    if text[10] != " " or (fraction and (text[19] != "." or not fraction.isdigit())):
        return None
    hours, minutes, seconds = map(int, clock)
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    value = (days * DAY_SECONDS + hours * 3600 + minutes * 60 + seconds) * MICROS + int(fraction or 0)
    return value if moment_text(value) == text else None


def moment_text(value: int) -> str:
    """Return the text of a moment; microseconds only if there are any."""
    seconds, micros = divmod(value, MICROS)
    days, rest = divmod(seconds, DAY_SECONDS)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{day_text(days)} {clock}" + (f".{micros:06}" if micros else "")


def day_text(value: int) -> str:
    """Return the text of a day."""
    return date.fromordinal(value).isoformat()


def _write_mapped(
    form: int, number: Callable[[object], int | None], values: Sequence[object]
) -> tuple[bytes, set[int]]:
    known = {value: number(value) for value in set(values)}
    found = [known[value] for value in values]
    if None in found:
        return b"", {n for n, value in enumerate(found) if value is None}
    return bytes([form]) + write_integers(found), set()  # type: ignore[arg-type]


def _read_mapped(text: Callable[[int], str], data: bytes, at: int, count: int) -> tuple[list[object], int]:
    found, end = read_integers(data, at, count)
    try:
        known = {value: text(value) for value in set(found)}
    except (ValueError, OverflowError) as error:
        raise Malformed(part="date") from error
    return [known[value] for value in found], end


# --- texts ------------------------------------------------------------------------------------


def _write_texts(column: Column, values: Sequence[object]) -> tuple[bytes, set[int]]:
    if not set(map(type, values)) <= {str}:
        return b"", {n for n, value in enumerate(values) if type(value) is not str}
    texts: Sequence[str] = values  # type: ignore[assignment]
    distinct = list(dict.fromkeys(texts))
    if len(distinct) * 2 <= len(texts):
        numbers = {text: n for n, text in enumerate(distinct)}
        listed = _plain_texts(distinct)
        size = len(distinct).to_bytes(2, "big")
        return bytes([_LISTED]) + size + listed + write_integers([numbers[text] for text in texts]), set()
    return _plain_form(texts), set()


def _plain_form(texts: Sequence[str]) -> bytes:
    """Write texts of one width position by position, others joined behind their lengths."""
    lengths = list(map(len, texts))
    joined = "".join(texts)
    width = lengths[0] if lengths else 0
    if 0 < width <= _PLANES_MAX and joined.isascii() and all(map(eq, lengths, lengths[1:])):
        data = joined.encode("ascii")
        return bytes([_PLANES, width]) + b"".join(data[place::width] for place in range(width))
    return bytes([_TEXT]) + _plain_texts(texts)


def _plain_texts(texts: Sequence[str]) -> bytes:
    lengths = list(map(len, texts))
    if max(lengths, default=0) > TEXT_CHARACTERS_MAX:
        raise TooLarge(part="text", limit=TEXT_CHARACTERS_MAX)
    try:
        joined = "".join(texts).encode("utf-8")
    except UnicodeEncodeError as error:
        raise Malformed(part="text") from error
    return write_integers(lengths) + len(joined).to_bytes(4, "big") + joined


def _read_texts(data: bytes, at: int, count: int) -> tuple[list[str], int]:
    lengths, at = read_integers(data, at, count)
    size = int.from_bytes(data[at : at + 4], "big")
    end = at + 4 + size
    if end > len(data) or min(lengths, default=0) < 0:
        raise Malformed(part="text")
    if max(lengths, default=0) > TEXT_CHARACTERS_MAX:
        raise TooLarge(part="text", limit=TEXT_CHARACTERS_MAX)
    joined = str(data[at + 4 : end], "utf-8")
    if sum(lengths) != len(joined):
        raise Malformed(part="text")
    ends = list(accumulate(lengths))
    return [joined[b - n : b] for b, n in zip(ends, lengths, strict=True)], end


def _read_text(data: bytes, at: int, count: int) -> tuple[list[object], int]:
    found, end = _read_texts(data, at, count)
    return list(found), end


def _read_listed(data: bytes, at: int, count: int) -> tuple[list[object], int]:
    distinct, at = _read_texts(data, at + 2, int.from_bytes(data[at : at + 2], "big"))
    found, end = read_integers(data, at, count)
    if found and (min(found) < 0 or max(found) >= len(distinct)):
        raise Malformed(part="listed text")
    return [distinct[n] for n in found], end


def _read_planes(data: bytes, at: int, count: int) -> tuple[list[object], int]:
    width = data[at] if at < len(data) else 0
    end = at + 1 + width * count
    if not 0 < width <= _PLANES_MAX or end > len(data):
        raise Malformed(part="text")
    whole = bytearray(width * count)
    for place in range(width):
        whole[place::width] = data[at + 1 + place * count : at + 1 + (place + 1) * count]
    joined = str(whole, "ascii")
    return [joined[n : n + width] for n in range(0, len(joined), width)], end


_WRITERS: dict[Kind, Callable[[Column, Sequence[object]], tuple[bytes, set[int]]]] = {
    Kind.CHAR: _write_texts,
    Kind.VARCHAR: _write_texts,
    Kind.TEXT: _write_texts,
    Kind.INTEGER: _write_numbers,
    Kind.DECIMAL: _write_decimals,
    Kind.DATE: lambda column, values: _write_mapped(_DAYS, day, values),
    Kind.MOMENT: lambda column, values: _write_mapped(_MOMENTS, moment, values),
    Kind.DOUBLE: _write_doubles,
}
_READERS: dict[int, Callable[[bytes, int, int], tuple[list[object], int]]] = {
    _NUMBERS: _read_numbers,
    _TRIMMED: _read_decimals,
    _FIXED: _read_decimals,
    _DAYS: lambda data, at, count: _read_mapped(day_text, data, at, count),
    _MOMENTS: lambda data, at, count: _read_mapped(moment_text, data, at, count),
    _DOUBLES: _read_doubles,
    _TEXT: _read_text,
    _LISTED: _read_listed,
    _PLANES: _read_planes,
}
