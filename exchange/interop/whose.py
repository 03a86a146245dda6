"""Whose list a file is: a download names its school above the header.

A list of another school would make all of its pupils pupils of this one, and nothing could take that back. So what the
title says is compared before anything is read.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path

from exchange import errors
from exchange.interop.cells import cell_text, fold
from exchange.interop.layout import Found
from exchange.interop.report import School
from exchange.interop.workbook import Rows

_NPSN = re.compile(r"\bNPSN\W{0,3}([0-9KP][0-9]{7})\b", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"\([^)]*\)|\bNPSN\b.*", re.IGNORECASE)
_SHORT = re.compile(r"^(tk|sd|smp|sma|smk|slb|sdlb|smplb|smalb)n\b", re.IGNORECASE)
_OTHER_LINES = ("kecamatan", "kabupaten", "kota", "provinsi", "tanggalunduh", "pengunduh")
"""How the other lines of a title begin, folded."""


def says_other_school(rows: Rows, found: Found, school: School, path: Path) -> errors.OtherSchoolList | None:
    """Return the error that names both schools if a list's title names another one than this.

    An NPSN that the title gives decides. Without one it is the name in the row below the title *Daftar ...*; capitals,
    spaces, punctuation and ``SDN`` for ``SD Negeri`` make no difference. A list without a title says nothing of a school.

    Args:
        rows: The list's cells.
        found: Its header.
        school: Whose store it is.
        path: The list's file, for its name.

    Source:
        docs/architecture.md 4, "interop"; A1 to A4 of Dapodik's own downloads.
    """
    numbers, name = _said(rows, found)
    if numbers:
        differs = school.npsn.upper() not in numbers
    else:
        differs = bool(name) and _plain(name) not in {_plain(one) for one in (school.nama, *school.others)}
    if not differs:
        return None
    names = " ".join(filter(None, [name, f"(NPSN {numbers[0]})" if numbers else ""]))
    return errors.OtherSchoolList(file=path.name, names=names, ours=f"{school.nama} (NPSN {school.npsn})")


def names_a_school(rows: Rows, found: Found) -> bool:
    """Return whether a list says whose it is."""
    return any(_said(rows, found))


def _said(rows: Rows, found: Found) -> tuple[list[str], str]:
    """Return the NPSN that stand above a list's header, and the school's name."""
    title = [[text for cell in row if (text := cell_text(cell).strip())] for row in rows[: found.top]]
    return [match[1].upper() for row in title for text in row for match in _NPSN.finditer(text)], _name(title)


def _name(title: list[list[str]]) -> str:
    """Return what stands below the title, where a download names its school."""
    for above, below in itertools.pairwise(title):
        if above and fold(above[0]).startswith("daftar") and below and not fold(below[0]).startswith(_OTHER_LINES):
            return below[0]
    return ""


def _plain(name: str) -> str:
    """Return a name as it is compared.

    Example:
        >>> _plain("SDN 1 Contoh"), _plain("SD NEGERI  1 CONTOH (NPSN 00000101)")
        ('sdnegeri1contoh', 'sdnegeri1contoh')
    """
    bare = " ".join(_IN_BRACKETS.sub(" ", name).split())
    return fold(_SHORT.sub(r"\1 negeri", bare))
