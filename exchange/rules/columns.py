"""What in a column is not of its type, too long, or outside its list.

Every value that is merged passes here, so a clean column is judged as a whole: a few calls that look at all values at
once in C. Only a column that fails is looked at value by value, and :func:`fault` alone decides there; what is said of
a whole column is never more than that each of its values would pass.
"""

from __future__ import annotations

import math
import operator
import re
from collections import deque
from collections.abc import Callable, Container, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from functools import lru_cache
from typing import cast

from exchange.errors import CODE_UNKNOWN, TOO_LONG, WRONG_TYPE, Reason
from exchange.limits import TEXT_CHARACTERS_MAX
from exchange.schema.model import Column, Kind

_INTEGER_MAX = 2**63 - 1
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}) (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?")
_DECIMAL = re.compile(r"-?([0-9]+)(?:\.([0-9]+))?")
_HEX = b"0123456789abcdef"

SHORT_LISTS: Mapping[str, frozenset[object]] = {
    "jenis_kelamin": frozenset({"L", "P"}),
    "status_sekolah": frozenset({1, 2}),
    "jarak_rumah_ke_sekolah": frozenset({1, 2}),
    "hari": frozenset(range(1, 8)),
}
"""Lists that Dapodik writes into its forms instead of a reference table, by column name.

Only those of which no version knows another value: a list with a gap would refuse good rows.
"""


def short_list(column: Column) -> AbstractSet[object] | None:
    """Return the codes of a column whose list is no reference table, or ``None``.

    Example:
        >>> from exchange.schema.model import parse_column
        >>> sorted(short_list(parse_column("jenis_kelamin c1!", 2)[0]))
        ['L', 'P']
    """
    return SHORT_LISTS.get(column.name)


def faults(column: Column, values: Sequence[object], codes: Container[object] | None = None) -> dict[int, Reason]:
    """Return why values of a column cannot be taken, by their position; empty if all can.

    The first of these that holds is given: WRONG_TYPE (KF-514), TOO_LONG (KF-515), CODE_UNKNOWN (KF-516). ``NULL`` is
    always fine: an empty column is a finding, never a refusal.

    Args:
        column: Their column.
        values: Values in the form of :class:`~exchange.schema.model.Kind`, any number, any objects.
        codes: The codes of the list that the column points to, or ``None`` if there is none here. An empty list is
            one that was never loaded, and judges nothing. Trailing spaces do not count in a CHAR column, because
            Dapodik pads its codes.

    Source:
        docs/protocol.md, "Merge" (only authority and type refuse); forms of values in ``schema.model.Kind``.

    Example:
        >>> from exchange.schema.model import parse_column
        >>> column, _ = parse_column("rt n2", 11)
        >>> {n: reason.code for n, reason in faults(column, [3, None, 100, "7"]).items()}
        {2: 'KF-515', 3: 'KF-514'}
    """
    if not values or (values[0] is None and values[-1] is None and values.count(None) == len(values)):
        return {}
    try:
        try:
            fine = _clean(column, values, codes)
        except TypeError:  # there is a NULL in it, or a value of a foreign type
            fine = _clean(column, [value for value in values if value is not None], codes)
    except (TypeError, ValueError):
        fine = False
    if fine:
        return {}
    found = ((n, fault(column, value, codes)) for n, value in enumerate(values))
    return {n: reason for n, reason in found if reason is not None}


def fault(column: Column, value: object, codes: Container[object] | None = None) -> Reason | None:
    """Return why one value cannot be taken, or ``None``. :func:`faults` says the same of many.

    Args:
        column: Its column.
        value: Any object.
        codes: As for :func:`faults`.
    """
    if value is None:
        return None
    reason = _ONE[column.kind](column, value)
    if reason is None and codes and not _listed(column, value, codes):
        return CODE_UNKNOWN
    return reason


def _listed(column: Column, value: object, codes: Container[object]) -> bool:
    if value in codes:
        return True
    if column.kind is not Kind.CHAR:
        return False
    bare = cast(str, value).rstrip(" ")
    return bare in codes or bare.ljust(column.size) in codes


# --- one value --------------------------------------------------------------------------------


def _one_integer(column: Column, value: object) -> Reason | None:
    if type(value) is not int:
        return WRONG_TYPE
    low, high = _bounds(column.size)
    return None if low <= value <= high else TOO_LONG


def _one_text(column: Column, value: object) -> Reason | None:
    if type(value) is not str or not _encodable(value):
        return WRONG_TYPE
    return TOO_LONG if len(value) > (column.size or TEXT_CHARACTERS_MAX) else None


def _one_uuid(column: Column, value: object) -> Reason | None:
    return None if type(value) is str and _UUID.fullmatch(value) else WRONG_TYPE


def _one_date(column: Column, value: object) -> Reason | None:
    return None if type(value) is str and is_date(value) else WRONG_TYPE


def _one_moment(column: Column, value: object) -> Reason | None:
    match = _MOMENT.fullmatch(value) if type(value) is str else None
    return None if match and is_date(match[1]) else WRONG_TYPE


def _one_decimal(column: Column, value: object) -> Reason | None:
    match = _DECIMAL.fullmatch(value) if type(value) is str else None
    if match is None:
        return WRONG_TYPE
    whole, fraction = match[1], match[2] or ""
    fits = not column.size or (len(whole) <= column.size - column.scale and len(fraction) <= column.scale)
    return None if fits else TOO_LONG


def _one_double(column: Column, value: object) -> Reason | None:
    # SQLite would keep a NaN as NULL, and the two sides would differ.
    return None if type(value) is float and not math.isnan(value) else WRONG_TYPE


def is_date(text: str) -> bool:
    """Whether a text is a real day, written ``YYYY-MM-DD``.

    Example:
        >>> is_date("2024-02-29"), is_date("2023-02-29"), is_date("20240229")
        (True, False, False)
    """
    if _DATE.fullmatch(text) is None:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=64)
def _bounds(digits: int) -> tuple[int, int]:
    """The least and greatest integer of so many digits; a store holds 64 bits at most."""
    if not 0 < digits < 19:
        return -_INTEGER_MAX - 1, _INTEGER_MAX
    return 1 - 10**digits, 10**digits - 1


def _encodable(text: str) -> bool:
    """Whether a text has no half of a surrogate pair, which no store can keep."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


_ONE: Mapping[Kind, Callable[[Column, object], Reason | None]] = {
    Kind.UUID: _one_uuid,
    Kind.CHAR: _one_text,
    Kind.VARCHAR: _one_text,
    Kind.TEXT: _one_text,
    Kind.INTEGER: _one_integer,
    Kind.DECIMAL: _one_decimal,
    Kind.DATE: _one_date,
    Kind.MOMENT: _one_moment,
    Kind.DOUBLE: _one_double,
}


# --- a whole column ---------------------------------------------------------------------------
#
# Each returns True only if every value passes. A TypeError means that some value is NULL or of a foreign type: str.join
# takes nothing but text, and that is the cheapest test of type there is.


def _clean(column: Column, values: Sequence[object], codes: Container[object] | None) -> bool:
    if not codes:
        return _CLEAN[column.kind](column, values)
    quick = _code_bytes(codes, column.size) if column.kind is Kind.INTEGER and isinstance(codes, frozenset) else b""
    if quick and _small_integers(values, quick):
        return True
    if not _CLEAN[column.kind](column, values):
        return False
    # All are of one type by now, so 1 stands for no True and no 1.0, and each code is judged once.
    distinct = set(values)
    if isinstance(codes, AbstractSet) and distinct <= codes:
        return True
    return all(_listed(column, value, codes) for value in distinct)


def _demand(values: Sequence[object], kind: type) -> None:
    if operator.countOf(map(type, values), kind) != len(values):
        raise TypeError


def _clean_integers(column: Column, values: Sequence[object]) -> bool:
    if _small_integers(values, _FITTING.get(column.size, _ALL_BYTES)):
        return True
    _demand(values, int)
    distinct = cast("set[int]", set(values))
    low, high = _bounds(column.size)
    return not distinct or (low <= min(distinct) and max(distinct) <= high)


def _small_integers(values: Sequence[object], allowed: bytes) -> bool:
    """Whether all are integers, and of these from 0 to 255 that ``allowed`` holds."""
    try:
        small = bytes(cast(Sequence[int], values))
    except ValueError:
        return False
    # bytes takes integers and truth values only, and truth values are 0 and 1.
    if 0 in small or 1 in small:
        _demand(values, int)
    return not small.translate(None, allowed)


@lru_cache(maxsize=256)
def _code_bytes(codes: frozenset[object], digits: int) -> bytes:
    """Return those codes that are a byte and have no more than so many digits."""
    _, high = _bounds(digits)
    return bytes(code for code in codes if type(code) is int and 0 <= code <= min(high, 255))


def _clean_texts(column: Column, values: Sequence[object]) -> bool:
    texts = cast(Sequence[str], values)
    joined = "".join(texts)
    limit = column.size or TEXT_CHARACTERS_MAX
    return (len(joined) <= limit or not [1 for text in texts if len(text) > limit]) and _encodable(joined)


def _clean_chars(column: Column, values: Sequence[object]) -> bool:
    # Most CHAR values are as long as they may be (NIK, NISN, codes): then line ends stand in every (size + 1)th place.
    count, step = len(values), column.size + 1
    joined = "\n".join(cast(Sequence[str], values))
    full = len(joined) == count * step - 1 and joined[column.size :: step] == "\n" * (count - 1)
    if full and joined.count("\n") == count - 1:
        return _encodable(joined)
    return _clean_texts(column, values)


def _clean_uuids(column: Column, values: Sequence[object]) -> bool:
    count = len(values)
    joined = "\n".join([*cast(Sequence[str], values), ""])
    if len(joined) != 37 * count or not joined.isascii():
        return False
    # Beside hexadecimal digits there is nothing but what belongs there, and that stands where it belongs.
    if joined.encode().translate(None, _HEX) != b"----\n" * count:
        return False
    hyphens = "-" * count
    return all(joined[n::37] == hyphens for n in (8, 13, 18, 23)) and joined[36::37] == "\n" * count


def _clean_dates(column: Column, values: Sequence[object]) -> bool:
    count = len(values)
    joined = "\n".join([*cast(Sequence[str], values), ""])
    if len(joined) != 11 * count or joined.count("\n") != count or joined[10::11] != "\n" * count:
        return False
    # fromisoformat takes other spellings too, but none of ten characters with hyphens in these places.
    if joined[4::11] != joined[7::11] or joined[4::11] != "-" * count:
        return False
    deque(map(date.fromisoformat, cast(Sequence[str], values)), maxlen=0)
    return True


def _clean_decimals(column: Column, values: Sequence[object]) -> bool:
    distinct = set(cast(Sequence[str], values))
    joined = "\n".join([*distinct, ""])
    return joined.count("\n") == len(distinct) and _decimals(column.size, column.scale).fullmatch(joined) is not None


def _clean_moments(column: Column, values: Sequence[object]) -> bool:
    return all(_one_moment(column, value) is None for value in set(values))


def _clean_doubles(column: Column, values: Sequence[object]) -> bool:
    _demand(values, float)
    return not math.isnan(sum(cast(Sequence[float], values)))


@lru_cache(maxsize=64)
def _decimals(size: int, scale: int) -> re.Pattern[str]:
    whole, fraction = (f"{{1,{size - scale}}}", f"{{1,{scale}}}") if size else ("+", "+")
    return re.compile(rf"(?:-?[0-9]{whole}(?:\.[0-9]{fraction})?\n)*")


_ALL_BYTES = bytes(range(256))
_FITTING = {1: bytes(range(10)), 2: bytes(range(100))}
"""Bytes that are integers of one and of two digits; all fit into three."""

_CLEAN: Mapping[Kind, Callable[[Column, Sequence[object]], bool]] = {
    Kind.UUID: _clean_uuids,
    Kind.CHAR: _clean_chars,
    Kind.VARCHAR: _clean_texts,
    Kind.TEXT: _clean_texts,
    Kind.INTEGER: _clean_integers,
    Kind.DECIMAL: _clean_decimals,
    Kind.DATE: _clean_dates,
    Kind.MOMENT: _clean_moments,
    Kind.DOUBLE: _clean_doubles,
}
