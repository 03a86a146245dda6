"""Rows of two people or schools that claim one NISN, NIK or other unique key.

Both rows stay as they are. One finding names both, travels to every school concerned, and does not depend on who came
first (``docs/protocol.md``, requirement R7). When the claim is gone, so is the finding.
"""

from __future__ import annotations

from collections.abc import Mapping

from exchange.central.recording import record
from exchange.records import Block, Cause, Op
from exchange.schema.ids import derive_id
from exchange.schema.model import Column, Table
from exchange.store.server import School, ServerStore

OPEN = 99
"""``status_validasi`` of a finding that is open."""

IDTYPE = 0
"""``idtype`` of a finding that the centre computed."""


def report_claims(server: ServerStore, school: School, claims: Mapping[tuple[Table, Column], set[object]]) -> School:
    """Look at values of unique keys that were just set: write findings for new claims, close those that are settled.

    Part of the caller's transaction.

    Args:
        server: The store.
        school: Whose changeset set them, as it stands now.
        claims: (table, column) to values.

    Returns:
        The school as it stands then.
    """
    opened: dict[str, list[tuple[object, ...]]] = {}
    closed: dict[str, list[str]] = {}
    for (table, column), values in claims.items():
        held = _holders(server, table, column, sorted(map(str, values)))
        for value, holders in held.items():
            if len(holders) > 1:
                for scope, finding in _findings(server, table, column, value, holders):
                    opened.setdefault(scope, []).append(finding)
        for scope, finding_id in _settled(server, school, table, column):
            closed.setdefault(scope, []).append(finding_id)
    for scope in sorted(opened.keys() | closed.keys()):
        other = school if scope == school.sekolah_id else server.school(scope)
        if other is None:
            continue
        blocks = _blocks(server, opened.get(scope, []), closed.get(scope, []))
        if blocks:
            now = record(server, other, Cause.PUSAT, blocks)
            school = now if scope == school.sekolah_id else school
    return school


def _holders(server: ServerStore, table: Table, column: Column, values: list[str]) -> dict[str, list[tuple[str, str]]]:
    """Return the live rows that hold each value: (home, row id), in order."""
    found: dict[str, list[tuple[str, str]]] = {}
    sql = f"SELECT {column.name}, kirim_home, {table.key_names[0]} FROM {table.name} WHERE soft_delete = 0 AND {column.name} IN ({{}})"
    for value, home, row in server.db.chosen(sql, values):
        found.setdefault(str(value), []).append((str(home), str(row)))
    return {value: sorted(rows) for value, rows in found.items()}


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


def _settled(server: ServerStore, school: School, table: Table, column: Column) -> list[tuple[str, str]]:
    """Return open findings about a column whose value no longer has two holders: (scope, id)."""
    mine = server.db.execute(
        "SELECT logid, keterangan FROM vld_data WHERE kirim_home = ? AND soft_delete = 0 AND table_name = ? AND field_error = ? "
        "AND app_username = 'kirim'",
        (school.sekolah_id, table.name, column.name),
    ).fetchall()
    if not mine:
        return []
    held = _holders(server, table, column, [value for _, value in mine])
    gone = [value for _, value in mine if len(held.get(value, [])) < 2]
    return [
        (scope, logid)
        for scope, logid in server.db.chosen(
            "SELECT kirim_home, logid FROM vld_data WHERE soft_delete = 0 AND table_name = ? AND field_error = ? AND "
            "app_username = 'kirim' AND keterangan IN ({})",
            gone,
            (table.name, column.name),
        )
    ]


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


def _blocks(server: ServerStore, opened: list[tuple[object, ...]], closed: list[str]) -> list[Block]:
    table = server.schema.by_name["vld_data"]
    columns = tuple(table.by_name[name] for name in _COLUMNS)
    order = [_COLUMNS.index(c.name) + 1 for c in sorted(columns, key=lambda c: c.number)]
    standing = dict(server.db.chosen(
            "SELECT logid, error_message FROM vld_data WHERE soft_delete = 0 AND logid IN ({})",
            [str(f[0]) for f in opened],
        ))
    fresh = [finding for finding in opened if standing.get(str(finding[0])) != finding[7]]
    blocks = []
    if fresh:
        values = [[f[0] for f in fresh], *([f[n] for f in fresh] for n in order)]
        blocks.append(Block(table, Op.INSERT, tuple(sorted(columns, key=lambda c: c.number)), values, Cause.PUSAT))
    if closed:
        blocks.append(Block(table, Op.DELETE, (), [closed], Cause.PUSAT))
    return blocks
