"""Rows of two people or schools that claim one NISN, NIK or other unique key.

Both rows stay as they are. One finding names both, travels to every school concerned, and does not depend on who came
first (``docs/protocol.md``, requirement R7). When the claim is gone, so is the finding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exchange.central.recording import record
from exchange.limits import BLOCK_ROWS_MAX
from exchange.records import Block, Cause, Op
from exchange.schema.ids import derive_id
from exchange.schema.model import Column, Table
from exchange.store import rows
from exchange.store.server import School, ServerStore

Claims = dict[tuple[Table, Column], set[object]]
"""(table, column) to values that were set; a key whose rows were only deleted stands with none."""

OPEN = 99
"""``status_validasi`` of a finding that is open."""

IDTYPE = 0
"""``idtype`` of a finding that the centre computed."""


def note_claims(block: Block, into: Claims) -> None:
    """Note the values that a block sets on natural unique keys; of deleted rows only that a claim may be settled."""
    table = block.table
    for claim in table.unique:
        column = table.by_name[claim[0]]
        if len(claim) == 1 and (column in block.columns or block.op is Op.DELETE):
            values: Sequence[object] = ()
            if column in block.columns:
                values = block.values[len(table.key) + block.columns.index(column)]
            into.setdefault((table, column), set()).update(value for value in values if value not in (None, ""))


def note_revived(server: ServerStore, block: Block, into: Claims) -> None:
    """Note the values of unique keys that rows of a block hold already: a row that lives again claims them again."""
    table = block.table
    columns = tuple(table.by_name[claim[0]] for claim in table.unique if len(claim) == 1)
    if block.op is not Op.INSERT or not columns:
        return
    for found in rows.fetch(server.db, table, columns, block.rows()).values():
        for column, value in zip(columns, found, strict=False):
            if value not in (None, ""):
                into.setdefault((table, column), set()).add(value)


def report_claims(server: ServerStore, school: School, claims: Mapping[tuple[Table, Column], set[object]]) -> School:
    """Look at values of unique keys that were just set, or left: findings say who holds them now.

    Part of the caller's transaction.

    Args:
        server: The store.
        school: Whose rows were changed, as it stands now.
        claims: (table, column) to values.

    Returns:
        The school as it stands then.
    """
    opened: dict[str, list[tuple[object, ...]]] = {}
    closed: dict[str, list[str]] = {}
    for (table, column), values in claims.items():
        told = {str(value) for value in values} | _told(server, school, table, column)
        standing = _standing(server, table, column, sorted(told))
        for value, holders in _holders(server, table, column, sorted(told)).items():
            for scope, finding in _findings(server, table, column, value, holders) if len(holders) > 1 else ():
                if standing.pop(str(finding[0]), (None, None))[1] != finding[7]:
                    opened.setdefault(scope, []).append(finding)
        for logid, (home, _) in standing.items():
            closed.setdefault(str(home), []).append(logid)
    for scope in sorted(opened.keys() | closed.keys()):
        other = school if scope == school.sekolah_id else server.school(scope)
        if other is None:
            continue
        blocks = _blocks(server.schema.by_name["vld_data"], opened.get(scope, []), closed.get(scope, []))
        now = record(server, other, Cause.PUSAT, blocks)
        school = now if scope == school.sekolah_id else school
    return school


def _told(server: ServerStore, school: School, table: Table, column: Column) -> set[str]:
    """Return the values of which a school has an open finding: it may hold one of them no more."""
    found = server.db.execute(
        "SELECT keterangan FROM vld_data WHERE kirim_home = ? AND soft_delete IS NOT 1 AND table_name = ? AND field_error = ? "
        "AND app_username = 'kirim'",
        (school.sekolah_id, table.name, column.name),
    )
    return {str(value) for (value,) in found}


def _standing(server: ServerStore, table: Table, column: Column, values: list[str]) -> dict[str, tuple[object, object]]:
    """Return the open findings about values, of every school: id to (scope, message)."""
    found = server.db.chosen(
        "SELECT logid, kirim_home, error_message FROM vld_data WHERE soft_delete IS NOT 1 AND table_name = ? "
        "AND field_error = ? AND app_username = 'kirim' AND keterangan IN ({})",
        values,
        (table.name, column.name),
    )
    return {str(logid): (scope, message) for logid, scope, message in found}


def _holders(server: ServerStore, table: Table, column: Column, values: list[str]) -> dict[str, list[tuple[str, str]]]:
    """Return the live rows that hold each value: (home, row id), in order."""
    found: dict[str, list[tuple[str, str]]] = {}
    sql = f"SELECT {column.name}, kirim_home, {table.key_names[0]} FROM {table.name} WHERE soft_delete IS NOT 1 AND {column.name} IN ({{}})"
    for value, home, row in server.db.chosen(sql, values):
        found.setdefault(str(value), []).append((str(home), str(row)))
    return {value: sorted(holders) for value, holders in found.items()}


def _findings(
    server: ServerStore, table: Table, column: Column, value: str, holders: list[tuple[str, str]]
) -> list[tuple[str, tuple[object, ...]]]:
    """Return one finding a school concerned; it names every row, and its id comes from what it says."""
    schools = {home: found.npsn for home, _ in holders if (found := server.school(home))}
    names = ", ".join(f"{schools.get(home, '?')}/{row[:8]}" for home, row in holders)
    message = f"{column.name} {value} dipakai {len(holders)} kali: {names}"[:150]
    made: list[tuple[str, tuple[object, ...]]] = []
    for home in dict.fromkeys(home for home, _ in holders):
        own = next(row for scope, row in holders if scope == home)
        logid = derive_id("vld_data", table.name, column.name, value, home)
        made.append((home, (logid, home, table.name, own, IDTYPE, OPEN, column.name, message, "kirim", value)))
    return made


_COLUMNS = (
    "sekolah_id",
    "table_name",
    "entity_id",
    "idtype",
    "status_validasi",
    "field_error",
    "error_message",
    "app_username",
    "keterangan",
)


def _blocks(table: Table, opened: list[tuple[object, ...]], closed: list[str]) -> list[Block]:
    columns = tuple(column for column in table.columns if column.name in _COLUMNS)
    order = [_COLUMNS.index(column.name) + 1 for column in columns]
    blocks = []
    for start in range(0, len(opened), BLOCK_ROWS_MAX):
        part = opened[start : start + BLOCK_ROWS_MAX]
        values = [[f[0] for f in part], *([f[n] for f in part] for n in order)]
        blocks.append(Block(table, Op.INSERT, columns, values, Cause.PUSAT))
    for start in range(0, len(closed), BLOCK_ROWS_MAX):
        ids = sorted(closed)[start : start + BLOCK_ROWS_MAX]
        blocks.append(Block(table, Op.DELETE, (), [ids], Cause.PUSAT))
    return blocks
