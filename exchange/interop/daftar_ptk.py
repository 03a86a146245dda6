"""*Daftar Guru* and *Daftar Tendik* into the store: one layout, one row a PTK.

Only the PTK's own row is made or changed. His assignment (``ptk_terdaftar``) and his *Tugas Tambahan* as head are the
dinas's; what the list says of them is for the eye.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from exchange.interop.intake import Draft, Line, Values, require, weigh
from exchange.interop.layout import DAFTAR_PTK, find_header
from exchange.interop.persons import Asked, PeopleIntake
from exchange.interop.report import ImportReport, School
from exchange.interop.whose import says_other_school
from exchange.interop.workbook import read_sheet
from exchange.schema import SCHEMA
from exchange.words import mark

if TYPE_CHECKING:
    from exchange.store.database import Database

PTK = SCHEMA.by_name["ptk"]

NEEDED = ("nama", "jenis_kelamin", "tanggal_lahir", "nik", "nama_ibu_kandung")
"""Without these a PTK cannot be told from others, and none is made."""

DEFAULTS: Values = {
    "status_keaktifan_id": 1,
    "mampu_handle_kk": 0,
    "sudah_lisensi_kepala_sekolah": 0,
    "pernah_diklat_kepengawasan": 0,
    "keahlian_braille": 0,
    "keahlian_bhs_isyarat": 0,
    "kewarganegaraan": "ID",
}
"""What Dapodik gives columns that its own form leaves alone."""

UNASSIGNED = mark("new PTK without an assignment (ptk_terdaftar), which the dinas makes: {count}")


def import_daftar_ptk(
    db: Database,
    school: School,
    path: Path,
    *,
    partial: bool = False,
    other_school: bool = False,
    clock: Callable[[], datetime],
    new_id: Callable[[], uuid.UUID] = uuid.uuid4,
) -> ImportReport:
    """Take a *Daftar Guru* or *Daftar Tendik* into a school's store, all of it or nothing.

    PTK are found by NUPTK, then NIK, then name and birth date. What is the dinas's, or verified and locked, or of a PTK
    whose home is another school, is counted as ignored where it differs. Arguments, result and errors are those of
    :func:`~exchange.interop.daftar_pd.import_daftar_pd`.
    """
    rows = read_sheet(path)
    found = find_header(rows, DAFTAR_PTK, path)
    if not other_school and (error := says_other_school(rows, found, school, path)):
        raise error
    asked = Asked(db, school, rows, found, clock, new_id)
    with db.transaction():
        report = _Intake(asked, (PTK,), "nuptk").run(partial=partial)
    if made := report.tables[PTK.name].inserted:
        report.notes.append((UNASSIGNED, {"count": made}))
    return report


class _Intake(PeopleIntake):
    """One run over a list of PTK."""

    def compare(self, line: Line, row: str | None) -> str:
        """Compare a line with a PTK's row, or make one."""
        stored = self.stored[row] if row is not None else None
        key = row if row is not None else str(self.new_id())
        draft = Draft(PTK, (key,), stored, foreign=stored is not None and self.foreign(stored))
        weigh(line, draft, self.places[PTK.name], self.tongue, self.locks)
        if stored is None:
            require(line, draft, self.by_column, NEEDED)
            draft.changes = DEFAULTS | draft.changes
        line.drafts.append(draft)
        return key
