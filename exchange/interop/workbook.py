"""Rows of cells from an Excel workbook or a CSV file that somebody brought.

Nothing here knows what a list means. A file is read whole and within limits, or refused with a code; a stranger's file
never costs more memory than :mod:`exchange.limits` says. Only the first visible sheet is read.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from xml.etree.ElementTree import ParseError

from exchange import errors, spool
from exchange.limits import (
    MIB,
    UNPACK_FREE_BYTES,
    UNPACK_RATIO_MAX,
    WORKBOOK_BYTES_MAX,
    WORKBOOK_ROWS_MAX,
)
from exchange.zips import open_zip

Cell = str | int | float | date | None
"""What stands in a cell: text as it was typed, a number, a date (or ``datetime``), or nothing."""
Rows = list[list[Cell]]

MEMBERS_MAX = 2_000
"""Members of a workbook's ZIP; a download has about fifteen."""

UNPACKED_MAX = 512 * MIB
"""All members of a workbook after unpacking."""

CELLS_MAX = WORKBOOK_ROWS_MAX * 66
"""Cells of the rectangle that a sheet spans: a reader allots all of them, however few are filled."""

LIST_BYTES_MAX = 1024 * MIB
"""A CSV list that is read row by row: a KIP list of three million rows with all columns of SIPINTAR."""

LIST_ROWS_MAX = 10_000_000
"""Rows of such a list."""

NOT_CALCULATED = "#FORMULA"
"""What stands for the value of a formula that no program has calculated. It is never a name or a number."""

_STRAY = re.compile(rb"&(?!(?:[A-Za-z]{2,4}|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});)")
_STYLES = b"""<?xml version="1.0"?><styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"/>"""
_ZIP = b"PK\3\4"
_PIECE = 256 * 1024
_FAILED = re.compile(rb"""\st\s*=\s*["']e["']""")
_PLACE = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]{0,4})([0-9]{1,9})["']""")
_FORMULA = re.compile(
    rb"""<((?:\w+:)?)c((?:\s[^<>]*)?)>\s*<\1f(?:\s[^<>]*)?(?:/>|>[^<]*</\1f>)\s{0,9}(?:<\1v\s*/>|<\1v>\s*</\1v>)?\s{0,9}</\1c>"""
)
_UNREAD = re.compile(rb"""(?:</(?:\w+:)?f>|<(?:\w+:)?f[^<>]{0,25}/>)\s*<(?:/(?:\w+:)?c>|(?:\w+:)?v\s*/>|(?:\w+:)?v>\s*</)""")
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""What Excel packs with. Others are not even begun: an LZMA member may claim a dictionary of 4 GiB."""
_DAMAGE = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error, ParseError, EOFError, OSError, RuntimeError,
    ValueError, TypeError, LookupError, AttributeError, AssertionError, ArithmeticError, NotImplementedError,
    MemoryError, ImportError,
)  # fmt: skip
"""What ``zipfile`` and openpyxl raise on damaged bytes; each was seen in a fuzz run or stands in their source."""


def read_sheet(path: Path) -> Rows:
    r"""Return the cells of the first visible sheet, or of a CSV file, from row 1 and column A on.

    Every row has the same length. Text is as it was typed, spaces included; a whole number is an ``int``; an empty cell
    is ``None``; a cell in which Excel shows an error holds its text, such as ``#N/A``, and a formula that the program
    which saved the workbook did not calculate is :data:`NOT_CALCULATED`.

    Args:
        path: ``.xlsx`` or ``.xlsm`` by content, else text: comma, semicolon or tab; UTF-8, UTF-16 or Windows-1252.

    Raises:
        FileUnreadable: KF-702, there is no such file, or it is a pipe or a device.
        TooLarge: KF-207, more bytes, rows or cells than the limits, packed or unpacked.
        WorkbookUnreadable: KF-211, anything else.

    Source:
        docs/architecture.md, section 2: only ``interop`` knows the Excel libraries.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp(), "daftar.csv")
        >>> _ = file.write_text("NPSN;Nama\n00000101;SD CONTOH 1\n")
        >>> read_sheet(file)
        [['NPSN', 'Nama'], ['00000101', 'SD CONTOH 1']]
    """
    head = _head(path)
    if not head.startswith(_ZIP):
        return _squared(_lines(path, WORKBOOK_BYTES_MAX, WORKBOOK_ROWS_MAX), path)
    with spool.open_file(path) as file, spool.readable(path):
        if os.fstat(file.fileno()).st_size > WORKBOOK_BYTES_MAX:
            raise errors.TooLarge(part=path.name, limit=WORKBOOK_BYTES_MAX)
        data = file.read()
    # An error, which calamine reads as empty, and a formula without a value: an empty cell would pass without a word.
    failed, unread = _check(data, path)
    data = _rewritten(data, _told) if unread else data
    rows = None if failed else _fast(data)
    if rows is None:
        rows = _slow(data)
    if rows is None:
        rows = _fast(_rewritten(data, _mended))
    if rows is None:
        raise errors.WorkbookUnreadable(file=str(path))
    return _squared(rows, path)


def stream_rows(path: Path) -> Iterator[list[Cell]]:
    """Yield the rows of :func:`read_sheet`, of a CSV file one by one, so that a list of millions fits.

    Rows of a CSV file may differ in length. Errors are those of :func:`read_sheet`; they may come after some rows.
    """
    if _head(path).startswith(_ZIP):
        yield from read_sheet(path)
        return
    for row in _lines(path, LIST_BYTES_MAX, LIST_ROWS_MAX):
        yield [_cell(value) for value in row]


def _head(path: Path) -> bytes:
    # What is no ordinary file ends here: nothing waits for the end of a pipe.
    with spool.open_file(path) as file, spool.readable(path):
        return file.read(4)


def _check(data: bytes, path: Path) -> tuple[bool, bool]:
    """Unpack a workbook once without keeping anything, so that no reader meets a bomb.

    The sizes that a ZIP declares may lie, so what counts is what comes out.

    Returns:
        Whether a cell of some sheet shows an error, and whether some formula may have no value.
    """
    allowance = min(UNPACKED_MAX, max(UNPACK_FREE_BYTES, UNPACK_RATIO_MAX * len(data)))
    failed = unread = False
    try:
        with open_zip(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > MEMBERS_MAX:
                raise errors.TooLarge(part=path.name, limit=MEMBERS_MAX)
            if any(member.compress_type not in _METHODS for member in members):
                raise errors.WorkbookUnreadable(file=str(path))
            for member in members:
                is_sheet, rest, place = "worksheet" in member.filename.lower(), b"", (1, 1)
                with archive.open(member) as stream:
                    while piece := stream.read(_PIECE):
                        allowance -= len(piece)
                        if allowance < 0:
                            raise errors.TooLarge(part=path.name, limit=UNPACKED_MAX)
                        if is_sheet:
                            piece = rest + piece
                            rest = piece[-40:]
                            place = _farthest(piece, place)
                            failed = failed or _FAILED.search(piece) is not None
                            unread = unread or _UNREAD.search(piece) is not None
                if place[0] > WORKBOOK_ROWS_MAX or place[0] * place[1] > CELLS_MAX:
                    raise errors.TooLarge(part=path.name, limit=WORKBOOK_ROWS_MAX)
    except _DAMAGE as error:
        raise errors.WorkbookUnreadable(file=str(path)) from error
    return failed, unread


def _farthest(piece: bytes, place: tuple[int, int]) -> tuple[int, int]:
    """Return the last row and column that a piece of a sheet names, or those before if they are farther."""
    height, width = place
    for letters, digits in _PLACE.findall(piece):
        height = max(height, int(digits))
        width = max(width, column_number(letters.decode())) if letters else width
    return height, width


def column_number(letters: str) -> int:
    """Return the number of a column from its letters, ``A`` being 1.

    Example:
        >>> column_number("A"), column_number("BN")
        (1, 66)
    """
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def column_letters(number: int) -> str:
    """Return the letters of a column from its number, 1 being ``A``.

    Example:
        >>> column_letters(1), column_letters(26), column_letters(66)
        ('A', 'Z', 'BN')
    """
    letters = ""
    while number > 0:
        number, digit = divmod(number - 1, 26)
        letters = chr(65 + digit) + letters
    return letters


def _fast(data: bytes) -> Iterable[list[object]] | None:
    """Read with calamine, which is twenty times faster; ``None`` if it refuses the workbook."""
    import python_calamine as calamine

    try:
        book = calamine.load_workbook(io.BytesIO(data))
        shown = [sheet.name for sheet in book.sheets_metadata if sheet.visible == calamine.SheetVisibleEnum.Visible]
        names = shown or book.sheet_names
        if not names:
            return None
        return [list(row) for row in book.get_sheet_by_name(names[0]).to_python(skip_empty_area=False)]
    except (calamine.CalamineError, OSError, ValueError, TypeError):
        return None
    except BaseException as fault:
        # A panic inside the Rust library arrives as a class that Python code cannot import and that is no Exception.
        if type(fault).__name__ != "PanicException":
            raise
        return None


def _slow(data: bytes) -> list[list[object]] | None:
    """Read with openpyxl, which takes some workbooks that calamine refuses; ``None`` if it refuses too."""
    import warnings

    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            shown = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
            sheet = (shown or book.worksheets)[0]
            sheet.reset_dimensions()  # the dimension that a broken workbook claims may be wrong
            return [list(row) for row in sheet.iter_rows(max_row=WORKBOOK_ROWS_MAX + 1, values_only=True)]
    except (InvalidFileException, *_DAMAGE):
        return None


def _rewritten(data: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    """Return a workbook that was checked, each member changed by its name, in small letters, and its content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for member in old.infolist():
            new.writestr(member, change(member.filename.lower(), old.read(member)))
    return buffer.getvalue()


def _mended(name: str, content: bytes) -> bytes:
    """Return a member without the two faults for which Excel asks whether it should repair a download.

    An ampersand that begins no entity gets one, and a style sheet is replaced by an empty one: the lists have their
    dates as text. What is missing is never made up.
    """
    if name.endswith("styles.xml"):
        return _STYLES
    return _STRAY.sub(b"&amp;", content) if name.endswith(".xml") else content


def _told(name: str, content: bytes) -> bytes:
    """Return a sheet whose formulas without a value say so. A formula whose value is an empty text has the type ``str``."""

    def tell(found: re.Match[bytes]) -> bytes:
        mark, attributes = found[1], found[2]
        if re.search(rb"""\st\s*=\s*["']str["']""", attributes):
            return found[0]
        kept = re.sub(rb"""\st\s*=\s*["'][^"']*["']""", b"", attributes)
        text = NOT_CALCULATED.encode()
        return b"<%bc%b t=\"str\"><%bv>%b</%bv></%bc>" % (mark, kept, mark, text, mark, mark)

    return _FORMULA.sub(tell, content) if "worksheet" in name else content


def _codec(path: Path, bytes_max: int) -> str:
    """Return how a text file is written: UTF-16 by its mark, UTF-8, else as Windows in Indonesia writes."""
    head = _head(path)
    for codec in ["utf-16"] if head[:2] in {b"\xff\xfe", b"\xfe\xff"} else ["utf-8-sig", "cp1252"]:
        decoder, size = codecs.getincrementaldecoder(codec)(), 0
        try:
            with path.open("rb") as file:
                while piece := file.read(_PIECE):
                    size += len(piece)
                    if size > bytes_max:
                        raise errors.TooLarge(part=path.name, limit=bytes_max)
                    if "\0" in decoder.decode(piece):
                        raise errors.WorkbookUnreadable(file=str(path))
                decoder.decode(b"", final=True)
        except UnicodeError:
            continue
        except OSError as error:
            raise errors.FileUnreadable(file=str(path)) from error
        return codec
    raise errors.WorkbookUnreadable(file=str(path))


def _lines(path: Path, bytes_max: int, rows_max: int) -> Iterator[list[object]]:
    """Yield the rows of a text file, split by the separator that its first lines use."""
    try:
        with path.open(encoding=_codec(path, bytes_max), newline="") as file:
            head = file.read(8192).splitlines()[:20]
            file.seek(0)
            separator = max(",;\t", key=lambda mark: max((line.count(mark) for line in head), default=0))
            for count, row in enumerate(csv.reader(file, delimiter=separator), 1):
                if count > rows_max:
                    raise errors.TooLarge(part=path.name, limit=rows_max)
                yield list(row)
    except (csv.Error, UnicodeError) as error:
        raise errors.WorkbookUnreadable(file=str(path)) from error
    except OSError as error:
        raise errors.FileUnreadable(file=str(path)) from error


def _squared(rows: Iterable[list[object]], path: Path) -> Rows:
    """Give every row one length and every cell one of our types."""
    cells = [[_cell(value) for value in row] for row in rows]
    while cells and not any(cell is not None for cell in cells[-1]):
        cells.pop()
    width = max((len(row) for row in cells), default=0)
    if len(cells) > WORKBOOK_ROWS_MAX or width * len(cells) > CELLS_MAX:
        raise errors.TooLarge(part=path.name, limit=WORKBOOK_ROWS_MAX)
    return [row + [None] * (width - len(row)) for row in cells]


def _cell(value: object) -> Cell:
    if value is None or value == "":
        return None
    if isinstance(value, str | int) and not isinstance(value, bool):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, datetime):
        return value.date() if value.time() == time() else value
    if isinstance(value, date):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return str(value) if isinstance(value, time | timedelta) else None
