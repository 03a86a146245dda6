"""What a list's cell says of a stored value, and what a stored value looks like in a list: column by column."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from exchange import errors
from exchange.errors import Reason
from exchange.interop.cells import EXACT_BELOW, cell_text, fold, read_value, shown
from exchange.interop.codes import Codes, Regions
from exchange.interop.layout import Field
from exchange.interop.workbook import Cell
from exchange.rules.kip import normal_card
from exchange.rules.values import has_control, implausible, is_filler
from exchange.schema import SCHEMA
from exchange.schema.model import Column, Kind

_MARRIAGE = {1: "Kawin", 2: "Belum Kawin", 3: "Janda/Duda"}
_WORDS: Mapping[str, Mapping[str, object]] = {
    "sex": {"l": "L", "lakilaki": "L", "p": "P", "perempuan": "P"},
    "yesno": {"ya": 1, "y": 1, "1": 1, "true": 1, "tidak": 0, "t": 0, "0": 0, "false": 0},
    "marriage": {fold(word): number for number, word in _MARRIAGE.items()},
}
"""Short lists, by the folded words that lists use for them."""
_NUMBERS = {"nisn", "nuptk", "nik", "nik_ayah", "nik_ibu", "nik_wali", "no_kk"}
"""Columns whose numbers identify a person or a family."""
_PHONES = {"nomor_telepon_rumah", "nomor_telepon_seluler", "no_telepon_rumah", "no_hp"}
"""Columns whose numbers begin with a zero, and are of no certain length."""
_TYPED = {"", "digits", "name", "must", "upper", "class"}
"""How cells are said that a person types, instead of choosing from a list."""
_NEVER_ZERO = {
    "berat_badan", "tinggi_badan", "lingkar_kepala", "anak_keberapa", "tahun_lahir_ayah", "tahun_lahir_ibu", "tahun_lahir_wali",
    "lintang", "bujur",
}  # fmt: skip
"""Columns of numbers in which zero measures nothing (rules PD-04, PD-05, PD-22, PD-36, PD-37)."""

_DISTANCE = re.compile(r"[0-9]{1,4}(?:[.,][0-9]+)?")


class Tongue:
    """How one store's lists speak.

    Args:
        codes: The store's reference texts.
        regions: The store's regions.
        today: No birth date is later.
    """

    def __init__(self, codes: Codes, regions: Regions, today: date) -> None:
        self.codes = codes
        self.regions = regions
        self.today = today

    def show(self, field: Field, value: object) -> str | int:
        """Return what a list shows for a stored value: text, or a number for the counts that Excel may add up."""
        column = column_of(field)
        if value is None:
            return ""
        if field.how == "yesno" and value in {0, 1}:
            return "Ya" if value else "Tidak"
        if field.how == "code" and column.ref:
            return str(shown(column, self.codes.text(column.ref, value)))
        if field.how == "region":
            return str(shown(column, self.regions.text(value)))
        if field.how == "marriage" and isinstance(value, int):
            return _MARRIAGE.get(value, str(value))
        return shown(column, value)

    def same(self, field: Field, cell: Cell, value: object) -> bool:
        """Return whether a cell is what a list would show for a stored value, to the letter.

        Such a cell changes nothing, whatever it would mean on its own: so a download never changes the store that it
        came from.
        """
        text, shown = cell_text(cell), str(self.show(field, value))
        if text == shown:
            return True
        # Excel takes the zeros before a number away, and writes it so into a CSV file, where all is text.
        as_number = isinstance(cell, int) or (field.column in _NUMBERS | _PHONES and text.strip().isdecimal())
        return as_number and shown.isdecimal() and text.strip() == shown.lstrip("0")

    def says_nothing(self, field: Field, cell: Cell) -> bool:
        """Return whether a cell was filled only because something is asked for there: zeros, a dash or point, the word NULL.

        In a number that identifies somebody it is one digit all along too. In a column of numbers a zero is a value unless
        the field's rules say that it cannot be one. Such a cell takes nothing away that stands.

        Source:
            domain, number formats; 5.3 for zeros.
        """
        column, text = column_of(field), cell_text(cell).strip().removeprefix("'")
        is_text = field.how in _TYPED and column.kind in {Kind.CHAR, Kind.VARCHAR, Kind.TEXT}
        if not is_text and field.column not in _NEVER_ZERO:
            return False
        if is_text and column.size and len(text) > column.size:
            return False
        return is_filler(text) or not text.strip("0-.,") or (field.column in _NUMBERS and text == column.size * text[0])

    def read(self, field: Field, cell: Cell) -> object | Reason:
        """Return the value in the store's form that a cell gives, or the reason why it gives none.

        Args:
            field: Its column.
            cell: Not empty.
        """
        column = column_of(field)
        text = cell_text(cell).strip()
        match field.how:
            case "code" | "country" | "region" | "sex" | "yesno" | "marriage":
                return self._chosen(field.how, column, text)
            case "digits":
                return _digits(column, cell, text)
            case "km":
                return _kilometres(column, text)
        value = read_value(column, cell)
        if isinstance(value, str) and field.how in {"name", "must", "class"} and has_control(value):
            return errors.CONTROL_CHARACTERS
        if isinstance(value, str) and field.how == "birth":
            return errors.IMPLAUSIBLE if implausible(value, self.today.isoformat()) else value
        return normal_card(value) if isinstance(value, str) and field.how == "upper" else value

    def _chosen(self, how: str, column: Column, text: str) -> object | Reason:
        """Return the code that a text of a list stands for."""
        folded = fold(text)
        if how == "region":
            return self.regions.code(text)
        if how == "code" and column.ref:
            return self.codes.code(column.ref, text)
        if how == "country" and column.ref:
            return text.upper() if self.codes.has(column.ref, text.upper()) else self.codes.code(column.ref, text)
        return _WORDS.get(how, {}).get(folded, errors.CODE_UNKNOWN)


def column_of(field: Field) -> Column:
    """Return the declared column behind a list's column."""
    return SCHEMA.by_name[field.table].by_name[field.column]


def _digits(column: Column, cell: Cell, text: str) -> str | Reason:
    """Return a number that is text: exactly as many digits as its column holds.

    Excel takes the zeros before a number away when it is typed into a cell that is no text; they are put back only for
    the NISN, whose zeros are common and whose length is certain.
    """
    number = text.removeprefix("'")
    if isinstance(cell, int | float) and abs(cell) >= EXACT_BELOW:
        return errors.WRONG_TYPE
    if isinstance(cell, int) and column.name == "nisn":
        number = number.zfill(column.size)
    if len(number) > column.size:
        return errors.TOO_LONG
    if not re.fullmatch(r"[0-9]+", number) or len(number) != column.size:
        return errors.WRONG_TYPE
    return number


def _kilometres(column: Column, text: str) -> int | Reason:
    """Return whole kilometres. What is below 1 km is 0, since only that it is below 1 is kept."""
    if not _DISTANCE.fullmatch(text):
        return errors.WRONG_TYPE
    distance = Decimal(text.replace(",", "."))
    if distance >= 1 and distance != int(distance):
        return errors.WRONG_TYPE
    return errors.TOO_LONG if distance >= 10**column.size else int(distance)
