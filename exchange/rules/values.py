"""Questions that rules ask of one row's values: pure, and never asked of a value that is not of its column's type."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from exchange.rules.kip import is_kip

_MOTHER_WORDS = re.compile(r"\b(?:ibu)\b", re.IGNORECASE)
_FATHER_WORDS = re.compile(r"\b(?:ayah|bapak)\b", re.IGNORECASE)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_LINE_ENDS = frozenset("\u2028\u2029")
_LATITUDES, _LONGITUDES = (-11.5, 6.5), (94.5, 141.5)
_FEMALE_DAYS = 40
_CIVIL_SERVANTS = frozenset({1, 2, 3, 10})


def blank(value: object) -> bool:
    """Whether there is nothing in a value: ``NULL``, empty, or spaces, with which Dapodik pads CHAR columns.

    Example:
        >>> blank(None), blank("  "), blank(0)
        (True, True, False)
    """
    return value is None or (isinstance(value, str) and not value.strip())


def are_digits(text: str, count: int) -> bool:
    """Whether a text is so many digits, 0 to 9, padding left out.

    Example:
        >>> are_digits("0012345678", 10), are_digits("00123", 10), are_digits("١٢٣", 3)
        (True, False, False)
    """
    bare = text.rstrip(" ")
    return len(bare) == count and bare.isascii() and bare.isdigit()


def not_digits(count: int) -> Callable[[str | None], bool]:
    """Return the test whether a value is there and is not so many digits."""

    def broken(value: str | None) -> bool:
        return value is not None and not blank(value) and not are_digits(value, count)

    return broken


def has_control(text: str | None) -> bool:
    r"""Whether a text holds a tab, a line break or another control character. Marks of writing direction are none.

    Example:
        >>> has_control("SISWA\tCONTOH"), has_control("SISWA CONTOH"), has_control("SISWA\u200fCONTOH")
        (True, False, False)
    """
    if text is None or (text.isascii() and text.isprintable()):
        return False
    return any(unicodedata.category(character) == "Cc" or character in _LINE_ENDS for character in text)


def has_digit(text: str | None) -> bool:
    """Whether a text holds a digit."""
    return text is not None and any(map(str.isdigit, text))


def is_filler(nik: str) -> bool:
    """Whether a NIK was typed only to fill its cell.

    Source:
        domain, number formats (one digit repeated, 1234567890123456, the word NULL: all seen in practice).

    Example:
        >>> is_filler("0" * 16), is_filler("null"), is_filler("9901014305140001")
        (True, True, False)
    """
    bare = nik.strip()
    return bare.upper() == "NULL" or bare == "1234567890123456" or (len(bare) == 16 and len(set(bare)) == 1)


def nik_bad(nik: str | None) -> bool:
    """Whether a NIK is there and is not 16 digits, or is a filler."""
    return nik is not None and not blank(nik) and (not are_digits(nik, 16) or is_filler(nik))


def nik_unlike_birth(nik: str | None, born: str | None, sex: str | None, nationality: str | None) -> bool:
    """Whether the birth part of a NIK tells another day or sex than the row does.

    A NIK is never changed to fit a corrected birth, so this is no more than a hint. Foreigners carry the number of
    their KITAS instead.

    Args:
        nik: 6 digits of region, DDMMYY with 40 added to a woman's day, 4 of serial.
        born: ``YYYY-MM-DD``.
        sex: ``L`` or ``P``.
        nationality: ``ID`` for Indonesian.

    Example:
        >>> nik_unlike_birth("9901014305140001", "2014-05-03", "P", "ID")
        False
        >>> nik_unlike_birth("9901014305140001", "2014-05-03", "L", "ID")
        True
    """
    if nik is None or born is None or not are_digits(nik, 16) or is_filler(nik):
        return False
    if nationality is not None and nationality.strip() not in {"", "ID"}:
        return False
    day, female = int(nik[6:8]), int(nik[6:8]) > _FEMALE_DAYS
    told = f"{day - _FEMALE_DAYS * female:02}{nik[8:12]}"
    return told != f"{born[8:10]}{born[5:7]}{born[2:4]}" or (sex in {"L", "P"} and female != (sex == "P"))


def same_number(one: str | None, other: str | None) -> bool:
    """Whether two numbers are there and are one."""
    return one is not None and other is not None and not blank(one) and one.strip() == other.strip()


def mother_unlikely(name: str | None) -> bool:
    """Whether a mother's name holds a digit or the word "ibu"."""
    return has_digit(name) or (name is not None and _MOTHER_WORDS.search(name) is not None)


def father_unlikely(name: str | None) -> bool:
    """Whether a father's name holds a digit or the word "ayah" or "bapak"."""
    return has_digit(name) or (name is not None and _FATHER_WORDS.search(name) is not None)


def implausible(born: str | None, today: str) -> bool:
    """Whether a birth is before 1920 or in the future; both ``YYYY-MM-DD``.

    Example:
        >>> [implausible(day, "2024-07-15") for day in ("1919-12-31", "1920-01-01", "2024-07-15", "2024-07-16")]
        [True, False, False, True]
    """
    return born is not None and not "1920-01-01" <= born <= today


def blank_but_said(value: object, flag: int | None) -> bool:
    """Whether there is nothing where a tick says that there is something."""
    return flag == 1 and blank(value)


def both_said(one: int | None, other: int | None) -> bool:
    """Whether two ticks are set of which one excludes the other."""
    return one == 1 and other == 1


def one_without_other(one: object, other: object) -> bool:
    """Whether exactly one of two values is there."""
    return blank(one) != blank(other)


def email_bad(email: str | None) -> bool:
    """Whether an e-mail address is there and cannot be one."""
    return email is not None and not blank(email) and _EMAIL.fullmatch(email.strip()) is None


def phone_bad(phone: str | None) -> bool:
    """Whether a telephone number is there and has something else than digits."""
    return phone is not None and not blank(phone) and not (phone.strip().isascii() and phone.strip().isdigit())


def place_missing(latitude: str | None, longitude: str | None) -> bool:
    """Whether a place is not given, or is 0, which forms write for it.

    Example:
        >>> place_missing("-6.2", "106.8"), place_missing("0", "0.000"), place_missing(None, "106.8")
        (False, True, True)
    """
    return latitude is None or longitude is None or (float(latitude) == 0 and float(longitude) == 0)


def place_abroad(latitude: str | None, longitude: str | None) -> bool:
    """Whether a place is given and lies outside Indonesia."""
    if latitude is None or longitude is None or place_missing(latitude, longitude):
        return False
    return not (
        _LATITUDES[0] <= float(latitude) <= _LATITUDES[1] and _LONGITUDES[0] <= float(longitude) <= _LONGITUDES[1]
    )


def private_alone(foundation: str | None, status: int | None) -> bool:
    """Whether a private school (2) names no foundation that runs it."""
    return status == 2 and foundation is None


def has_special(name: str | None) -> bool:
    """Whether a school's name holds a character that no decree has."""
    return name is not None and not set(name).isdisjoint("!@#$%&*")


def distance_missing(kilometres: int | None, reach: int | None) -> bool:
    """Whether the way to school is over 1 km (2), and not said how much."""
    return reach == 2 and not kilometres


def kip_odd(number: str | None) -> bool:
    """Whether a KIP number is there and has not the form of one."""
    return not blank(number) and not is_kip(number)


def later(day: str | None, limit: str | None) -> bool:
    """Whether a day is after another; both ``YYYY-MM-DD``."""
    return day is not None and limit is not None and day > limit


def nip_missing(nip: str | None, status: int | None) -> bool:
    """Whether a civil servant has no NIP of 18 digits."""
    return status in _CIVIL_SERVANTS and not are_digits(nip or "", 18)


def nip_unlike_birth(nip: str | None, born: str | None) -> bool:
    """Whether a NIP of 18 digits does not begin with the birth as YYYYMMDD."""
    return nip is not None and born is not None and are_digits(nip, 18) and nip[:8] != born.replace("-", "")


def name_odd(name: str | None) -> bool:
    """Whether a name holds a digit or a control character."""
    return has_digit(name) or has_control(name)


def no_name(name: str | None) -> bool:
    """Whether a name is missing or only a stroke."""
    return blank(name) or (name or "").strip() == "-"


def letter_short(number: str | None, ended: str | None) -> bool:
    """Whether an assignment that is open has a letter number of fewer than 10 characters; an empty one is told as empty."""
    return blank(ended) and not blank(number) and len((number or "").strip()) < 10


def parent_young(year: int | None, born: str | None) -> bool:
    """Whether a parent's year of birth is there and has not four digits or is not before the child's.

    Example:
        >>> parent_young(1985, "2014-05-03"), parent_young(85, "2014-05-03"), parent_young(2014, "2014-05-03")
        (False, True, True)
    """
    return bool(year) and (not 1000 <= (year or 0) <= 9999 or (born is not None and (year or 0) >= int(born[:4])))


def below_one(number: int | None) -> bool:
    """Whether a number is there and is less than 1."""
    return number is not None and number < 1


def shown(value: object, characters: int = 60) -> str:
    r"""Return a value as it can stand in a report: one line, control characters visible, cut when long.

    Example:
        >>> shown("SISWA\tCONTOH"), shown(7), shown(b"\x00\xff"), shown("A" * 9, 4)
        ('SISWA␉CONTOH', '7', '0x00ff', 'AAAA…')
    """
    text = "0x" + value[:characters].hex() if isinstance(value, bytes) else str(value)[: characters + 1]
    text = text[:characters] + "…" if len(text) > characters else text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    number = ord(character)
    if number < 32:
        return chr(0x2400 + number)
    if number == 127:
        return "\u2421"
    return "\ufffd" if unicodedata.category(character) in {"Cc", "Cs"} or character in _LINE_ENDS else character
