"""Changes that verval, the dinas or the centre make by a list: table, id, column, value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from exchange import errors
from exchange.central import heads
from exchange.central.claims import Claims, note_claims, note_revived, report_claims
from exchange.central.recording import record
from exchange.interop.lists import ChangeRow, read_changes
from exchange.records import Block, Cause, Op, row_key
from exchange.rules.columns import faults
from exchange.schema.model import Column, Kind, Policy, Table
from exchange.store import rows
from exchange.store.reference import codes
from exchange.store.server import School, ServerStore

CAUSES = {"verval": Cause.VERVAL, "dinas": Cause.DINAS, "pusat": Cause.PUSAT}
"""Who may speak in a list."""

_MAY_SET = {
    Cause.VERVAL: {Policy.TERKUNCI},
    Cause.DINAS: {Policy.DINAS, Policy.SEKOLAH},
    Cause.PUSAT: set(Policy),
}
_POSTS = {"kepala_sekolah": heads.KEPALA_SEKOLAH, "plt": heads.PLT}
"""Columns of ``sekolah`` that a list may name to assign a head; the value is a PTK's id or name."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What a list of changes did.

    Attributes:
        changed, unchanged: Rows.
        unmatched: Lines whose row is not known.
        schools: How many schools have something to receive.
    """

    changed: int
    unchanged: int
    unmatched: tuple[dict[str, object], ...]
    schools: int

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server change --json``."""
        return {
            "changed": self.changed,
            "unchanged": self.unchanged,
            "unmatched": list(self.unmatched),
            "schools": self.schools,
        }


@dataclass(slots=True)
class _Row:
    table: Table
    row: str
    values: dict[Column, object]
    locked: bool
    deleted: bool
    lines: list[ChangeRow]


def change(server: ServerStore, as_: str, path: Path, today: date) -> Changed:
    """Make the changes of a list, in the scopes of the rows' homes, all or none.

    Args:
        server: The store.
        as_: ``verval``, ``dinas`` or ``pusat``.
        path: CSV with table, id, column, value and, if wanted, verified. ``soft_delete`` = 1 deletes. For ``sekolah``
            the id
            may be an NPSN, and the columns ``kepala_sekolah`` and ``plt`` assign a head.
        today: Date on which an assignment begins.

    Raises:
        InputRowBad: KF-109, a value, column or authority that cannot be; nothing of the list was taken.
        WorkbookUnreadable, LayoutUnknown: KF-211, KF-212.
    """
    cause, given = CAUSES[as_], read_changes(path)
    assignments = [line for line in given if line.table == "sekolah" and line.column in _POSTS]
    wanted = _gather(server, cause, path, [line for line in given if line not in assignments])
    with server.act(f"change as {as_}"):
        return _make(server, cause, wanted, assignments, today)


def _gather(server: ServerStore, cause: Cause, path: Path, given: Sequence[ChangeRow]) -> list[_Row]:
    found: dict[tuple[str, str], _Row] = {}
    known = codes(server.db, server.schema)
    for line in given:
        table = server.schema.by_name.get(line.table)
        if table is None or table.is_reference:
            raise _bad(path, line, "table", line.table)
        row = _row_id(server, table, line.id)
        entry = found.setdefault((table.name, row), _Row(table, row, {}, False, False, []))
        entry.lines.append(line)
        entry.locked |= line.verified
        if line.column == "soft_delete" and line.value == "1":
            entry.deleted = True
            continue
        column = table.by_name.get(line.column)
        if column is None or column in table.key:
            raise _bad(path, line, "column", line.column)
        if table.group_of[column.name].policy not in _MAY_SET[cause]:
            raise _bad(path, line, line.column, cause.name.lower())
        value = store_value(column, line.value)
        if faults(column, [value], known(column.ref) if column.ref else None):
            raise _bad(path, line, line.column, line.value or "")
        entry.values[column] = value
    return list(found.values())


def _bad(path: Path, line: ChangeRow, column: str, value: str) -> errors.InputRowBad:
    return errors.InputRowBad(file=path.name, row=line.line, column=column, value=value)


def _row_id(server: ServerStore, table: Table, given: str) -> str:
    row = given.strip()
    if table.name == "sekolah" and len(row) == 8:
        return server.school_by_npsn(row).sekolah_id
    return row.lower()


def store_value(column: Column, text: str | None) -> object:
    """Return a list's text in the form in which a store holds it; an empty one is no value.

    Example:
        >>> from exchange.schema.model import parse_column
        >>> store_value(parse_column("rt n2", 1)[0], " 7 "), store_value(parse_column("nama v9", 1)[0], "")
        (7, None)
    """
    if text is None or not text.strip():
        return None
    value = text.strip()
    if column.kind is Kind.UUID:
        return value.lower()
    if column.kind is Kind.INTEGER:
        return int(value) if value.lstrip("-").isdigit() else value
    if column.kind is Kind.DOUBLE:
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _make(
    server: ServerStore, cause: Cause, wanted: Sequence[_Row], assignments: Sequence[ChangeRow], today: date
) -> Changed:
    changed = unchanged = 0
    unmatched: list[dict[str, object]] = []
    by_scope: dict[str, list[Block]] = {}
    order = {table.name: n for n, table in enumerate(server.schema.tables)}
    homes: dict[tuple[str, str], str] = {}
    for entry in sorted(wanted, key=lambda e: order[e.table.name]):
        stood = rows.fetch(server.db, entry.table, entry.table.columns, [entry.row]).get(entry.row)
        home = str(stood[-1]) if stood else _new_home(server, entry, homes)
        if not home or (stood is None and entry.deleted):
            unmatched += [
                {"line": line.line, "table": line.table, "id": line.id, "column": line.column} for line in entry.lines
            ]
            continue
        homes[entry.table.name, entry.row] = home
        blocks = list(_blocks(server, cause, entry, stood))
        changed += bool(blocks)
        unchanged += not blocks
        by_scope.setdefault(home, []).extend(blocks)
    touched = {scope for scope, blocks in by_scope.items() if blocks}
    for scope in sorted(touched):
        school, claims = record(server, _school(server, scope), cause, by_scope[scope]), Claims()
        for block in by_scope[scope]:
            note_claims(block, claims)
            note_revived(server, block, claims)
        report_claims(server, school, claims)
    for line in assignments:
        school = (
            server.school_by_npsn(line.id) if len(line.id.strip()) == 8 else _school(server, line.id.strip().lower())
        )
        heads.assign(server, school, _POSTS[line.column], (line.value or "").strip(), today.isoformat())
        touched.add(school.sekolah_id)
        changed += 1
    return Changed(changed, unchanged, tuple(unmatched), len(touched))


def _school(server: ServerStore, scope: str) -> School:
    found = server.school(scope)
    if found is None:
        raise errors.SchoolUnknown(npsn=scope)
    return found


def _new_home(server: ServerStore, entry: _Row, homes: dict[tuple[str, str], str]) -> str:
    """Return the home of a row that the list makes: its school's, or its parent's."""
    table = entry.table
    named = dict(zip(table.key, row_key(entry.row), strict=False)) | entry.values
    if table.scope in table.by_name:
        scope = str(named.get(table.by_name[table.scope]) or "")
        return scope if server.school(scope) else ""
    if table.parent_column:
        column = table.by_name[table.parent_column]
        above = str(named.get(column) or "")
        parent = server.schema.by_name[column.ref or ""]
        found = rows.fetch(server.db, parent, (), [above]).get(above)
        return str(found[-1]) if found else homes.get((parent.name, above), "")
    return ""


def _blocks(server: ServerStore, cause: Cause, entry: _Row, stood: tuple[object, ...] | None) -> list[Block]:
    """Return what an entry changes: nothing when the values stand and are locked as asked."""
    table, keys = entry.table, [[key] for key in row_key(entry.row)]
    if entry.deleted:
        return [Block(table, Op.DELETE, (), keys, cause)] if stood and stood[-2] != 1 else []
    columns = tuple(column for column in table.columns if column in entry.values)
    values = [entry.values[column] for column in columns]
    if stood is not None:
        now = dict(zip(table.columns, stood, strict=False))
        groups = {table.group_of[column.name].number for column in columns}
        locked = {group for _, group in server.locks(table.number, [entry.row])}
        if all(now[c] == v for c, v in zip(columns, values, strict=True)) and (not entry.locked or groups <= locked):
            return []
    # A deleted row that is changed lives again, and goes back whole: the other side may never have had it.
    op = Op.UPDATE if stood is not None and stood[-2] != 1 else Op.INSERT
    return [Block(table, op, columns, [*keys, *([value] for value in values)], cause, entry.locked)]
