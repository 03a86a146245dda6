"""Who is Kepala Sekolah or Plt: the dinas assigns, the school learns of it by a return (domain 2.4)."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from exchange.central.accounts import equip
from exchange.central.recording import record
from exchange.records import Block, Cause, Op
from exchange.schema.ids import derive_id
from exchange.schema.model import Table
from exchange.store import rows
from exchange.store.semester import running_semester
from exchange.store.server import School, ServerStore

KEPALA_SEKOLAH, PLT = 2, 33
"""``jabatan_ptk_id`` of the two."""

_JENIS_PTK = 20
"""``jenis_ptk_id`` kepala sekolah."""


def assign(
    server: ServerStore, school: School, post: int, who: str, today: str, new_id: Callable[[], uuid.UUID] = uuid.uuid4
) -> School:
    """Make somebody the head of a school; whoever was it before is no longer.

    Part of the caller's transaction. Whoever holds the post keeps the duty's row, to which the head's key is bound;
    the account with the role comes along; nothing is written when nothing lacks.

    Args:
        server: The store.
        school: Whose head.
        post: KEPALA_SEKOLAH or PLT.
        who: ``ptk_id`` of a PTK of the school, or a name: the PTK of that name, or a new one.
        today: ISO date on which the assignment begins and the former one ends.
        new_id: Makes random ids.

    Returns:
        The school as it stands then.
    """
    db, schema, scope = server.db, server.schema, school.sekolah_id
    running = running_semester(db)
    found = db.execute(
        "SELECT ptk_id FROM ptk WHERE kirim_home = ? AND soft_delete IS NOT 1 AND (ptk_id = ? OR nama = ?)",
        (scope, who.lower(), who),
    ).fetchone()
    ptk = found[0] if found else str(new_id())
    blocks = []
    if found is None:
        blocks.append(_row(schema.by_name["ptk"], ptk, nama=who, jenis_ptk_id=_JENIS_PTK, kewarganegaraan="ID"))
    elif post == KEPALA_SEKOLAH and db.value("SELECT jenis_ptk_id FROM ptk WHERE ptk_id = ?", (ptk,)) != _JENIS_PTK:
        blocks.append(_row(schema.by_name["ptk"], ptk, Op.UPDATE, jenis_ptk_id=_JENIS_PTK))
    assignment = derive_id("ptk_terdaftar", ptk, scope, running.tahun_ajaran_id)
    if not db.value("SELECT 1 FROM ptk_terdaftar WHERE ptk_terdaftar_id = ? AND soft_delete IS NOT 1", (assignment,)):
        blocks.append(
            _row(
                schema.by_name["ptk_terdaftar"],
                assignment,
                ptk_id=ptk,
                sekolah_id=scope,
                tahun_ajaran_id=running.tahun_ajaran_id,
                ptk_induk=1,
                tmt_tugas=today,
            )
        )
    duty = schema.by_name["tugas_tambahan"]
    open_duties = db.execute(
        "SELECT ptk_tugas_tambahan_id, ptk_id, jabatan_ptk_id FROM tugas_tambahan WHERE sekolah_id = ? "
        "AND jabatan_ptk_id IN (?, ?) AND tst_tambahan IS NULL AND soft_delete IS NOT 1",
        (scope, KEPALA_SEKOLAH, PLT),
    ).fetchall()
    held = [former for former, person, role in open_duties if (person, role) == (ptk, post)]
    blocks += [_row(duty, former, Op.UPDATE, tst_tambahan=today) for former, _, _ in open_duties if former not in held]
    if not held:
        begun = _row(
            duty, str(new_id()), ptk_id=ptk, sekolah_id=scope, jabatan_ptk_id=post, jumlah_jam=0, tmt_tambahan=today
        )
        blocks.append(begun)
    ptk_table = schema.by_name["ptk"]
    stood = rows.fetch(db, ptk_table, ptk_table.columns, [ptk]).get(ptk)
    person = dict(zip(ptk_table.column_names, stood, strict=False)) if stood else {"nama": who}
    blocks += equip(server, scope, ptk, person)
    return record(server, school, Cause.DINAS, blocks) if blocks else school


def _row(table: Table, key: str, op: Op = Op.INSERT, **values: object) -> Block:
    columns = tuple(column for column in table.columns if column.name in values)
    return Block(table, op, columns, [[key], *([values[column.name]] for column in columns)], Cause.DINAS)
