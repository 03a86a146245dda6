"""Rows of a list of changes that make somebody the head of a school: whom they mean, and whether anything is to be done."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from exchange import errors
from exchange.central import heads
from exchange.interop.lists import ChangeRow
from exchange.rules.columns import faults
from exchange.store.server import School, ServerStore

POSTS = {"kepala_sekolah": heads.KEPALA_SEKOLAH, "plt": heads.PLT}
"""Columns of ``sekolah`` that a list may name to assign a head; the value is a PTK's id or name."""


def is_assignment(line: ChangeRow) -> bool:
    """Whether a row of a list assigns a head."""
    return line.table == "sekolah" and line.column in POSTS


@dataclass(slots=True)
class Assigned:
    """What assignments did.

    Attributes:
        changed: ``sekolah_id`` of each school that has another head now, or whose head lacked something.
        unchanged: Rows whose person holds the post already.
        unmatched: Rows whose school or person is not known.
        made: Persons who were made: line, NPSN, name and id.
    """

    changed: list[str] = field(default_factory=list)
    unchanged: int = 0
    unmatched: list[ChangeRow] = field(default_factory=list)
    made: list[dict[str, object]] = field(default_factory=list)


def check(server: ServerStore, given: Sequence[ChangeRow], path: Path) -> None:
    """Refuse a list whose assignments cannot be, before anything is written.

    Raises:
        InputRowBad: KF-109, a row without a person, a name that no column holds, or a second head for one school.
    """
    nama, schools = server.schema.by_name["ptk"].by_name["nama"], set[str]()
    for line in given:
        value = (line.value or "").strip()
        if not value or faults(nama, [value], None):
            raise errors.InputRowBad(file=path.name, row=line.line, column=line.column, value=value or "-")
        school = find_school(server, line.id)
        if school is not None and school.sekolah_id in schools:
            raise errors.InputRowBad(file=path.name, row=line.line, column="id", value=line.id)
        schools |= {school.sekolah_id} if school is not None else set()


def assign_all(server: ServerStore, given: Sequence[ChangeRow], today: date) -> Assigned:
    """Assign heads, part of the caller's transaction; :func:`check` has let the rows pass.

    Whoever holds the post keeps it, and nothing is written. A name that nobody at the school has makes a person only
    where the row says so (``baru``); a name that two have means neither.
    """
    done = Assigned()
    for line in given:
        value = (line.value or "").strip()
        school = find_school(server, line.id)
        found = _persons(server, school, value) if school is not None else []
        is_new = not found and line.new and not _is_id(value)
        if school is None or (len(found) != 1 and not is_new):
            done.unmatched.append(line)
            continue
        now = heads.assign(server, school, POSTS[line.column], value if is_new else found[0], today.isoformat())
        if now.position == school.position:
            done.unchanged += 1
        else:
            done.changed.append(school.sekolah_id)
        if is_new:
            (made,) = _persons(server, school, value)
            done.made.append({"line": line.line, "npsn": school.npsn, "nama": value, "ptk_id": made})
    return done


def find_school(server: ServerStore, given: str) -> School | None:
    """Return the school that a row names by NPSN or ``sekolah_id``."""
    name = given.strip()
    if len(name) != _NPSN_CHARACTERS:
        return server.school(name.lower())
    try:
        return server.school_by_npsn(name)
    except errors.SchoolUnknown:
        return None


_NPSN_CHARACTERS = 8


def _is_id(value: str) -> bool:
    try:
        uuid.UUID(value)
    except ValueError:
        return False
    return True


def _persons(server: ServerStore, school: School, who: str) -> list[str]:
    """Return the school's own PTK of an id, or of a name without regard to case and spaces."""
    rows = server.db.execute(
        "SELECT ptk_id, nama FROM ptk WHERE kirim_home = ? AND soft_delete IS NOT 1 ORDER BY ptk_id", (school.sekolah_id,)
    ).fetchall()
    return [str(ptk) for ptk, nama in rows if ptk == who.lower() or _plain(nama) == _plain(who)]


def _plain(name: object) -> str:
    return " ".join(str(name or "").split()).casefold()
