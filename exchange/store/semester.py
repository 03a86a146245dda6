"""The running semester, by the reference rows of a store. It needs nothing of the other tables, so every command may ask."""

from __future__ import annotations

from dataclasses import dataclass

from exchange.store.database import Database


@dataclass(frozen=True, slots=True)
class Semester:
    """The running semester.

    Attributes:
        semester_id: Such as ``20261``.
        tahun_ajaran_id: Such as 2026.
        starts, ends: ISO dates.
    """

    semester_id: str
    tahun_ajaran_id: int
    starts: str
    ends: str


def running_semester(db: Database) -> Semester:
    """Return the semester that the reference rows mark active, the latest if several.

    While none is marked (a list was changed halfway), it is the latest that has begun.
    """
    row = db.execute(
        "SELECT semester_id, tahun_ajaran_id, tanggal_mulai, tanggal_selesai FROM ref_semester "
        "ORDER BY periode_aktif = 1 DESC, tanggal_mulai <= date('now') DESC, semester_id DESC LIMIT 1"
    ).fetchone()
    return Semester(*row)
