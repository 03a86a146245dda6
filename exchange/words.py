"""What people read, in their language: Indonesian unless they say otherwise.

Texts stand in the code as English message ids; catalogues in ``exchange/locale`` turn them into what is shown. Codes,
JSON keys, names of commands, options, tables and columns are never translated. ``make words`` collects the texts and
compiles the catalogues; nothing but the standard library is needed to show them.
"""

from __future__ import annotations

import gettext
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

LANGUAGES = ("id", "en")
"""Languages that there are, the default first."""

DOMAIN = "kirim"
FOLDER = Path(__file__).with_name("locale")
"""Where the catalogues lie."""

_MONTHS = {
    "id": "Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember",
    "en": "January February March April May June July August September October November December",
}
_MARKS = {"id": (".", ","), "en": (",", ".")}
"""Marks between thousands and before decimals."""

_ZONES: dict[float, str] = {7: "WIB", 8: "WITA", 9: "WIT"}
"""Indonesia's zones by hours before UTC; it has no summer time."""

_now = LANGUAGES[0]


def set_language(name: str | None) -> None:
    """Speak a language from now on; ``None`` is the default one.

    Raises:
        ValueError: There is no such language.
    """
    global _now  # noqa: PLW0603 - one process speaks one language
    if name not in {None, *LANGUAGES}:
        raise ValueError(name)
    _now = name or LANGUAGES[0]


def language() -> str:
    """Return the language that is spoken now."""
    return _now


@contextmanager
def speaking(name: str | None) -> Iterator[None]:
    """Speak a language for a while, then the one before.

    Example:
        >>> with speaking("en"):
        ...     day(date(2026, 8, 17))
        '17 August 2026'
    """
    before = _now
    set_language(name)
    try:
        yield
    finally:
        set_language(before)


@cache
def _catalogue(name: str) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, FOLDER, [name], fallback=True)


def tr(message: str) -> str:
    """Return a message in the language that is spoken now; itself if nobody has translated it.

    Args:
        message: Message id. Fields in braces are left for the caller to fill in.
    """
    # An empty message id names the catalogue's own header.
    return _catalogue(_now).gettext(message) if message else ""


def mark(message: str) -> str:
    """Return a message id as it is: it is collected here and translated where it is shown."""
    return message


def trn(one: str, many: str, count: int) -> str:
    """Return the form of a message that fits a count. Indonesian has one form, English two.

    Args:
        one: Message id for one thing.
        many: Message id for none or several.
        count: How many there are.
    """
    return _catalogue(_now).ngettext(one, many, count)


def number(value: float, places: int = 0) -> str:
    """Return a number as people write it.

    Args:
        value: The number.
        places: Digits after the decimal mark.

    Example:
        >>> number(1234.5, 1), number(350_000)
        ('1.234,5', '350.000')
    """
    thousands, point = _MARKS[_now]
    return f"{value:,.{places}f}".translate(str.maketrans(",.", thousands + point))


def size(count: int) -> str:
    """Return a number of bytes, rounded to what a person compares.

    Example:
        >>> size(999), size(1_340_000)
        ('999 B', '1,3 MB')
    """
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{number(value, 0 if unit == 'B' else 1)} {unit}"


def day(value: date) -> str:
    """Return a date in words.

    Example:
        >>> day(date(2026, 11, 22))
        '22 November 2026'
    """
    return f"{value.day} {_MONTHS[_now].split()[value.month - 1]} {value.year}"


def moment(value: datetime) -> str:
    """Return a moment with its zone, by the zone that it carries.

    Example:
        >>> from datetime import timezone
        >>> moment(datetime(2026, 11, 22, 14, 5, tzinfo=timezone(timedelta(hours=8))))
        '22 November 2026 14.05 WITA'
    """
    ahead = value.utcoffset() or timedelta()
    hours = ahead / timedelta(hours=1)
    zone = _ZONES.get(hours) or (f"UTC{hours:+g}" if hours else "UTC")
    mark = "." if _now == "id" else ":"
    return f"{day(value)} {value:%H}{mark}{value:%M} {zone}"


def local(text: str) -> str:
    """Return a moment in ISO form, as JSON has it, by this computer's own zone.

    Args:
        text: An aware moment, such as ``2026-11-22T06:05:00+00:00``.
    """
    value = datetime.fromisoformat(text)
    return moment((value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone())
