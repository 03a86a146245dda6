"""A cell and a stored value: each made from the other, by the type of the column.

A value that a cell cannot give is answered with a :class:`~exchange.errors.Reason`, so that the caller can name every
such cell of a file at once.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from exchange import errors
from exchange.errors import Reason
from exchange.interop.workbook import Cell
from exchange.limits import TEXT_CHARACTERS_MAX
from exchange.schema.model import Column, Kind

CELL_CHARACTERS_MAX = 32_767
"""What one cell of Excel holds."""

EXACT_BELOW = 10**15
"""Excel keeps 15 digits of a number: a longer one in a cell that is no text has lost its end."""

EXCEL_ERRORS = {"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"}
"""What Excel shows in a cell whose formula fails. It is never a name or a number."""

_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[ T]00:00(?::00(?:\.0+)?)?)?")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def fold(text: str) -> str:
    r"""Return a text without case, spaces and punctuation, for comparing headers and reference texts.

    Example:
        >>> fold("Jml. Saudara\nKandung"), fold("SD / sederajat"), fold("Rp. 500,000")
        ('jmlsaudarakandung', 'sdsederajat', 'rp500000')
    """
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def cell_text(cell: Cell) -> str:
    """Return what a cell says as text: no fraction for whole numbers, decimal comma, ISO dates.

    Example:
        >>> cell_text(3201.0), cell_text(-6.25), cell_text(date(2014, 5, 3)), cell_text(None)
        ('3201', '-6,25', '2014-05-03', '')
    """
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float):
        text = f"{Decimal(repr(cell)):f}"
        return text.removesuffix(".0").replace(".", ",")
    return str(cell)


def shown(column: Column, value: object) -> str | int:
    """Return what a list shows for a stored value of a column that has no texts of its own.

    Only whole numbers of INTEGER columns become numbers; ids, dates and decimals are text, as operators know them. A
    damaged value is shown as well as can be.

    Example:
        >>> from exchange.schema.model import parse_column
        >>> shown(parse_column("lintang n18.12", 0)[0], "-6.250000"), shown(parse_column("rt n2", 0)[0], 3)
        ('-6,25', 3)
    """
    if value is None:
        return ""
    if isinstance(value, int) and column.kind is Kind.INTEGER and abs(value) < EXACT_BELOW:
        return value
    if isinstance(value, float):
        return cell_text(value)
    text = value.hex() if isinstance(value, bytes) else str(value)
    if column.kind is Kind.DECIMAL and _DECIMAL.fullmatch(text):
        return plain(text).replace(".", ",")
    # Excel cannot hold the two noncharacters, nor more than its limit.
    return text.replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")[:CELL_CHARACTERS_MAX]


def plain(text: str) -> str:
    """Return a decimal number in the store's form: point, no needless zeros.

    Example:
        >>> plain("-6,250000"), plain("110"), plain("0,0")
        ('-6.25', '110', '0')
    """
    number = Decimal(text.replace(",", "."))
    if not number:
        return "0"
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def read_value(column: Column, cell: Cell) -> object | Reason:
    """Return the value in the store's form that a cell gives a column, or why it gives none.

    Args:
        column: The column.
        cell: A cell that is not empty.

    Returns:
        A value as :class:`~exchange.schema.model.Kind` says, or ``WRONG_TYPE`` (KF-514) or ``TOO_LONG`` (KF-515).

    Example:
        >>> from exchange.schema.model import parse_column
        >>> read_value(parse_column("rt n2", 0)[0], "03"), read_value(parse_column("rt n2", 0)[0], "003A").code
        (3, 'KF-514')
    """
    text = cell_text(cell).strip()
    if text.upper() in EXCEL_ERRORS:
        return errors.WRONG_TYPE
    if isinstance(cell, int | float) and abs(cell) >= EXACT_BELOW and column.kind is not Kind.DOUBLE:
        return errors.WRONG_TYPE
    match column.kind:
        case Kind.CHAR | Kind.VARCHAR | Kind.TEXT:
            return errors.TOO_LONG if len(text) > (column.size or TEXT_CHARACTERS_MAX) else text
        case Kind.INTEGER:
            return _integer(text, column.size)
        case Kind.DECIMAL:
            return _decimal(text, column, exact=not isinstance(cell, float))
        case Kind.DATE:
            return _date(text)
        case Kind.MOMENT:
            return _moment(text)
        case Kind.UUID:
            return text.lower() if _UUID.fullmatch(text.lower()) else errors.WRONG_TYPE
        case Kind.DOUBLE:
            return _double(text)


def _integer(text: str, digits: int) -> int | Reason:
    if not _INTEGER.fullmatch(text.removesuffix(",0").removesuffix(".0")):
        return errors.WRONG_TYPE
    number = text.removesuffix(",0").removesuffix(".0")
    bare = number.lstrip("+-").lstrip("0")  # Python reads no number of thousands of zeros
    if len(bare) > digits:
        return errors.TOO_LONG
    return int(bare or 0) * (-1 if number.startswith("-") else 1)


def _decimal(text: str, column: Column, *, exact: bool) -> str | Reason:
    if not _DECIMAL.fullmatch(text):
        return errors.WRONG_TYPE
    number = Decimal(text.replace(",", "."))
    try:
        rounded = number.quantize(Decimal(1).scaleb(-column.scale), ROUND_HALF_EVEN)
    except InvalidOperation:
        return errors.TOO_LONG
    if abs(rounded) >= 10 ** (column.size - column.scale) or (exact and rounded != number):
        return errors.TOO_LONG
    return plain(str(rounded))


def _date(text: str) -> str | Reason:
    match = _DATE.fullmatch(text)
    if match is None:
        return errors.WRONG_TYPE
    try:
        return date.fromisoformat(match[1]).isoformat()
    except ValueError:
        return errors.WRONG_TYPE


def _moment(text: str) -> str | Reason:
    text = f"{text} 00:00:00" if _DATE.fullmatch(text) and len(text) == 10 else text
    if not _MOMENT.fullmatch(text):
        return errors.WRONG_TYPE
    try:
        datetime.fromisoformat(text.partition(".")[0])
    except ValueError:
        return errors.WRONG_TYPE
    return text


def _double(text: str) -> float | Reason:
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return errors.WRONG_TYPE
    return number if abs(number) < float("inf") else errors.WRONG_TYPE
