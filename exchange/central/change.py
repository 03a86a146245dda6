"""Changes that verval, the dinas or the centre make by a list: table, id, column, value."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import cast

from exchange import errors
from exchange.central.accounts import equip_heads
from exchange.central.assigning import assign_all, check, find_school, is_assignment
from exchange.central.claims import Claims, note_claims, note_revived, report_claims
from exchange.central.fence import Fence
from exchange.central.recording import record
from exchange.interop.lists import TEXT_MAX, ChangeRow, read_changes
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
"""Which policies each of them may set."""


Codes = Callable[[str], Collection[object] | None]
"""Gives the codes of a reference table, or ``None`` when the table is not kept here."""

_INTEGER = re.compile(r"-?[0-9]{1,19}")
_NUMBER = re.compile(r"-?[0-9]{1,19}(?:\.[0-9]{1,19})?")
"""Numbers as lists write them. Python reads more than these: other scripts' digits, ``1_0``, and not ``²``."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What a list of changes did.

    Attributes:
        changed, unchanged: Rows.
        unmatched: Lines whose row, school or person is not known.
        schools: How many schools have something to receive.
        made: Persons who were made because the list said so.
    """

    changed: int
    unchanged: int
    unmatched: tuple[dict[str, object], ...]
    schools: int
    made: tuple[dict[str, object], ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server change --json``."""
        return {
            "changed": self.changed,
            "unchanged": self.unchanged,
            "unmatched": list(self.unmatched),
            "schools": self.schools,
            "made": list(self.made),
        }


@dataclass(slots=True)
class _Row:
    table: Table
    row: str
    values: dict[Column, object]
    locked: bool
    deleted: bool
    lines: list[ChangeRow]


def change(server: ServerStore, as_: str, path: Path, today: date, region: str = "") -> Changed:
    """Make the changes of a list, in the scopes of the rows' homes.

    A value or column that cannot be refuses the whole list. Rows that fit nothing here are told, and the others are
    taken: the same list can be given again when those are known.

    Args:
        server: The store.
        as_: ``verval``, ``dinas`` or ``pusat``.
        path: CSV with table, id, column, value and, if wanted, verified and baru. ``soft_delete`` = 1 deletes. For
            ``sekolah`` the id may be an NPSN, and the columns ``kepala_sekolah`` and ``plt`` assign a head; ``baru`` = 1
            makes a person of a name that nobody at the school has.
        today: Date on which an assignment begins.
        region: ``kode_wilayah`` of the office that speaks, if it may change only what lies there.

    Raises:
        OutsideRegion: KF-157, a row that is, names or would be of a school elsewhere; nothing of the list was taken.
        NotAnOffices: KF-158, a column of the schools' own, or the deletion of one of their rows, by an office.
        InputRowBad: KF-109, a value, column or id that cannot be; nothing of the list was taken.
        NotTheirs: KF-131, a column that this speaker may not set, or the delete of a row that holds one; nothing of the list
            was taken.
        CellTwice: KF-133, two lines set one cell; nothing of the list was taken.
        FileUnreadable, TooLarge: KF-702, KF-207.
        WorkbookUnreadable, ColumnsMissing, OtherFile: KF-211, KF-215, KF-216.
    """
    cause, given = CAUSES[as_], read_changes(path)
    assignments = [line for line in given if is_assignment(line)]
    if assignments and cause is not Cause.DINAS:
        raise _not_theirs(path, cause, [Cause.DINAS], assignments)
    check(server, assignments, path)
    wanted = _gather(server, cause, path, [line for line in given if not is_assignment(line)])
    fence = Fence(server, region, path.name) if region else None
    if fence is not None:
        for entry in wanted:
            fence.check_owned(entry.table, entry.lines)
    with server.act(f"change as {as_}"):
        return _make(server, cause, wanted, assignments, today, fence)


def _gather(server: ServerStore, cause: Cause, path: Path, given: Sequence[ChangeRow]) -> list[_Row]:
    """Return the rows of a list; a list with a line that cannot be, or is not this speaker's, is refused with all such lines."""
    found: dict[tuple[str, str], _Row] = {}
    cells: dict[tuple[str, str, str], list[ChangeRow]] = {}
    bad: list[tuple[ChangeRow, str, str]] = []
    foreign: list[tuple[ChangeRow, Table]] = []
    known = codes(server.db, server.schema)
    for line in given:
        table = server.schema.by_name.get(line.table)
        row = _row_id(server, table, line.id, known) if table is not None else None
        wrong = _wrong(table, row, line, known)
        if wrong or table is None or row is None:
            bad.append((line, *(wrong or ("table", line.table))))
            continue
        cells.setdefault((table.name, row, line.column), []).append(line)
        entry = found.setdefault((table.name, row), _Row(table, row, {}, False, False, []))
        entry.lines.append(line)
        entry.locked |= line.verified
        if not _policies(table, line.column) <= _MAY_SET[cause]:
            foreign.append((line, table))
        elif _is_delete(line):
            entry.deleted = True
        else:
            column = table.by_name[line.column]
            entry.values[column] = store_value(column, line.value)
    if bad:
        line, name, given_value = bad[0]
        raise errors.InputRowBad(
            file=path.name, row=line.line, column=name, value=given_value[:TEXT_MAX], also=_lines(one for one, *_ in bad[1:])
        )
    if foreign:
        line, table = foreign[0]
        able = [other for other, may in _MAY_SET.items() if _policies(table, line.column) <= may]
        raise _not_theirs(path, cause, able, [one for one, _ in foreign])
    for twice in cells.values():
        if len(twice) > 1:
            line = twice[0]
            raise errors.CellTwice(file=path.name, rows=_lines(twice), table=line.table, id=line.id, column=line.column)
    return list(found.values())


def _is_delete(line: ChangeRow) -> bool:
    return line.column == "soft_delete" and line.value == "1"


def _wrong(table: Table | None, row: str | None, line: ChangeRow, known: Codes) -> tuple[str, str] | None:
    """Return the column of the list in which something stands that cannot be, and that; ``None`` if all of a line can."""
    if table is None or table.is_reference:
        return "table", line.table
    if row is None:
        return "id", line.id
    if _is_delete(line):
        return None
    column = table.by_name.get(line.column)
    if column is None or column in table.key:
        return "column", line.column
    if faults(column, [store_value(column, line.value)], known(column.ref) if column.ref else None):
        return line.column, line.value or ""
    return None


def _policies(table: Table, column: str) -> set[Policy]:
    """Return the policies of what a line changes: a delete takes every group of the row away."""
    if column in table.group_of:
        return {table.group_of[column].policy}
    return {group.policy for group in table.groups}


def _lines(lines: Iterable[ChangeRow]) -> str:
    return ", ".join(str(line.line) for line in lines)


def _not_theirs(path: Path, cause: Cause, others: Sequence[Cause], lines: Sequence[ChangeRow]) -> errors.NotTheirs:
    speakers = {cause: name for name, cause in CAUSES.items()}
    return errors.NotTheirs(
        file=path.name,
        row=lines[0].line,
        column=lines[0].column,
        speaker=speakers[cause],
        others=", ".join(speakers[other] for other in others),
        also=_lines(lines[1:]),
    )


def _row_id(server: ServerStore, table: Table, given: str, known: Codes) -> str | None:
    """Return the id of a row in the store's form, or ``None`` for what no row of the table can have as its id."""
    if table.name == "sekolah":
        school = find_school(server, given.strip())
        return school.sekolah_id if school is not None else given.strip().lower()
    parts = row_key(given.strip())
    if len(parts) != len(table.key):
        return None
    values = [store_value(column, part) for column, part in zip(table.key, parts, strict=True)]
    for column, value in zip(table.key, values, strict=True):
        if value is None or faults(column, [value], known(column.ref) if column.ref else None):
            return None
    return "|".join(map(str, values))


def store_value(column: Column, text: str | None) -> object:
    """Return a list's text in the form in which a store holds it; an empty one is no value.

    Example:
        >>> from exchange.schema.model import parse_column
        >>> store_value(parse_column("rt n2", 1)[0], " 7 "), store_value(parse_column("nama v9", 1)[0], "")
        (7, None)
        >>> [store_value(parse_column("rt n2", 1)[0], text) for text in ("--5", "²", "٣")]
        ['--5', '²', '٣']
    """
    if text is None or not text.strip():
        return None
    value = text.strip()
    if column.ref == "ref_mst_wilayah":
        return value.ljust(column.size)
    if column.kind is Kind.UUID:
        return value.lower()
    if column.kind is Kind.INTEGER:
        return int(value) if _INTEGER.fullmatch(value) else value
    if column.kind is Kind.DOUBLE:
        return float(value) if _NUMBER.fullmatch(value) else value
    return value


def _make(
    server: ServerStore,
    cause: Cause,
    wanted: Sequence[_Row],
    assignments: Sequence[ChangeRow],
    today: date,
    fence: Fence | None,
) -> Changed:
    if fence is not None:
        for line in assignments:
            school = find_school(server, line.id)
            if school is not None:
                fence.check(school.sekolah_id, line.line, f"NPSN {school.npsn}")
    changed = unchanged = 0
    unmatched: list[dict[str, object]] = []
    by_scope: dict[str, list[Block]] = {}
    order = {table.name: n for n, table in enumerate(server.schema.tables)}
    homes: dict[tuple[str, str], str] = {}
    for entry in sorted(wanted, key=lambda e: order[e.table.name]):
        stood = rows.fetch(server.db, entry.table, entry.table.columns, [entry.row]).get(entry.row)
        home = str(stood[-1]) if stood else _new_home(server, entry, homes)
        if not home or (stood is None and entry.deleted):
            unmatched += [_told(line) for line in entry.lines]
            continue
        if fence is not None:
            fence.check(home, entry.lines[0].line, f"{entry.table.name} {entry.row}")
            fence.check_named(entry.table, dict(zip(entry.table.key, row_key(entry.row), strict=False)), entry.lines[0].line)
            for line in entry.lines:
                column = entry.table.by_name.get(line.column)
                if column is not None and column in entry.values:
                    fence.check_named(entry.table, {column: entry.values[column]}, line.line)
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
    if cause is not Cause.VERVAL:  # who is head is no matter of identity, and its lists are long
        equip_heads(server, touched, {entry.table.name for entry in wanted})
    heads = assign_all(server, assignments, today)
    touched.update(heads.changed)
    unmatched += [_told(line) for line in heads.unmatched]
    changed, unchanged = changed + len(heads.changed), unchanged + heads.unchanged
    unmatched.sort(key=lambda one: cast(int, one["line"]))
    return Changed(changed, unchanged, tuple(unmatched), len(touched), tuple(heads.made))


def _told(line: ChangeRow) -> dict[str, object]:
    return {"line": line.line, "table": line.table, "id": line.id, "column": line.column}


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
    table, keys = entry.table, [[key] for key in rows.key_values(entry.table, entry.row)]
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
