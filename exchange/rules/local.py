"""Validasi lokal: every finding on a school's own rows, tab by tab.

Each table is read once, by column and in blocks. Rows that another school writes are left out: they are shown here
and cannot be mended here, so they must not stop this school's export.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice, repeat
from typing import Any

from exchange.limits import BLOCK_ROWS_MAX
from exchange.rules.across import ACROSS, Place
from exchange.rules.columns import faults, short_list
from exchange.rules.findings import COLUMN_RULES, EMPTY, EXPECTED, RULES, TABS, Finding, Level, Rule, rules
from exchange.rules.source import Source
from exchange.rules.unique import claims
from exchange.rules.values import blank, no_name, shown
from exchange.schema.model import Column, Kind, Schema, Table

_NOT_TYPED = {"pengguna", "role_pengguna"}
"""Accounts are made from the PTK's row and by the dinas: nobody at a school can fill an empty column of theirs."""
_TODAY = "@today"
_HOME = "kirim_home"
_NAMES = ("nama", "nm_ruang", "nm_buku")
_KIND_WORDS = {
    Kind.UUID: "UUID",
    Kind.CHAR: "char({size})",
    Kind.VARCHAR: "varchar({size})",
    Kind.TEXT: "text",
    Kind.INTEGER: "numeric({size})",
    Kind.DECIMAL: "numeric({size},{scale})",
    Kind.DATE: "date",
    Kind.MOMENT: "timestamp",
    Kind.DOUBLE: "double",
}


def validate(
    source: Source,
    schema: Schema,
    today: date,
    semester_id: str,
    tahun_ajaran_id: int,
    *,
    sekolah_id: str | None = None,
) -> Iterator[Finding]:
    """Yield what is invalid in a school's store, and what an operator should look at, tab by tab.

    Reading goes on while findings are taken, so the caller holds a transaction. The store is not changed.

    Args:
        source: The school's store.
        schema: The exchanged tables.
        today: The laptop's date; births and admissions after it are findings.
        semester_id: The running semester, such as ``20241``.
        tahun_ajaran_id: The running school year, such as 2024.
        sekolah_id: The school; by default the one whose row is its own in ``sekolah``.

    Source:
        domain, section 5; which rules are invalid stands in :mod:`exchange.rules.findings`.
    """
    here = sekolah_id or _own_school(source, schema)
    place = Place(here, semester_id, tahun_ajaran_id, today.isoformat())
    parents = _Parents(schema)
    for tab in dict.fromkeys((*TABS, *(table.tab for table in schema.data_tables))):
        for table in schema.data_tables:
            if table.tab == tab:
                yield from _table(source, schema, table, place, parents)
        for one in ACROSS:
            if one.tab == tab and all(name in schema.by_name for name in one.tables):
                yield from one.check(source, place)
    yield from parents.findings(source)


def count(findings: Iterable[Finding]) -> Counter[Level]:
    """Return how many findings there are of each level.

    Example:
        >>> count([EMPTY.finding(column="nama", count=3)])[Level.WARNING]
        1
    """
    return Counter(one.level for one in findings)


def _own_school(source: Source, schema: Schema) -> str:
    if "sekolah" not in schema.by_name:
        return ""
    own = [row for row, home in source.rows("sekolah", ("sekolah_id", _HOME)) if home in {None, row}]
    return str(min(own, default="", key=str))


# --- one table --------------------------------------------------------------------------------


@dataclass(slots=True)
class _Block:
    """Own rows of one table by column, at most ``BLOCK_ROWS_MAX`` of them."""

    table: Table
    columns: Mapping[str, Sequence[Any]]
    place: Place
    bad: dict[str, Mapping[int, Any]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return len(self.columns[self.table.key_names[0]])

    def row(self, n: int) -> str:
        return "|".join(str(self.columns[name][n]) for name in self.table.key_names)

    def name(self, n: int) -> str:
        for column in _NAMES:
            if column in self.columns:
                value = self.columns[column][n]
                return "" if value is None else shown(value)
        return ""

    def asked(self, name: str) -> Iterable[Any]:
        return repeat(self.place.today, self.count) if name == _TODAY else self.columns[name]


def _table(source: Source, schema: Schema, table: Table, place: Place, parents: _Parents) -> Iterator[Finding]:
    names = tuple(column.name for column in table.all_columns)
    lists = {column.name: _codes(source, schema, column) for column in table.all_columns}
    asked = [rule for rule in RULES if rule.table == table.name and rule.broken and _can_ask(rule, table)]
    empty: Counter[str] = Counter()
    claimed = _Claimed(table)
    rows = iter(source.rows(table.name, (*names, _HOME)))
    while chunk := list(islice(rows, BLOCK_ROWS_MAX)):
        own = [row for row in chunk if place.owns(row[-1])]
        parents.hold(table, chunk)
        claimed.hold(chunk)
        if not own:
            continue
        by_column = dict(zip(names, zip(*own, strict=True), strict=False))
        block = _Block(table, by_column, place)
        yield from _column_faults(block, lists)
        for rule in asked:
            yield from _broken(block, rule)
        for column in table.columns:
            if table.name not in _NOT_TYPED and (column.required or (table.name, column.name) in EXPECTED):
                empty[column.name] += sum(map(blank, by_column[column.name]))
        parents.want(table, by_column)
    yield from _empty(table, empty)
    yield from claimed.findings(place)


def _row_id(table: Table, row: Sequence[Any]) -> str:
    return "|".join(map(str, row[: len(table.key)]))


def _codes(source: Source, schema: Schema, column: Column) -> Any:
    target = schema.by_name.get(column.ref or "")
    if target is None or not target.is_reference:
        return short_list(column)
    return source.codes(target.name)


def _can_ask(rule: Rule, table: Table) -> bool:
    return all(name == _TODAY or name in table.by_name for name in rule.columns)


def _column_faults(block: _Block, lists: Mapping[str, Any]) -> Iterator[Finding]:
    for column in block.table.all_columns:
        values = block.columns[column.name]
        found = faults(column, values, lists[column.name])
        if not found:
            continue
        block.bad[column.name] = found
        for n, reason in found.items():
            rule, word = COLUMN_RULES[reason.code].at(block.table), _type_word(column)
            yield rule.finding(block.row(n), name=block.name(n), column=column.name, value=shown(values[n]), type=word)


def _broken(block: _Block, rule: Rule) -> Iterator[Finding]:
    assert rule.broken is not None
    # A value that is not of its type is told already, and no question may be asked of it.
    skipped = set().union(*(block.bad.get(name, ()) for name in rule.columns))
    first = rule.columns[0]
    for n, values in enumerate(zip(*map(block.asked, rule.columns), strict=True)):
        if n not in skipped and rule.broken(*values):
            yield rule.finding(block.row(n), name=block.name(n), column=first, value=shown(values[0] or ""))


def _empty(table: Table, counts: Mapping[str, int]) -> Iterator[Finding]:
    for column, empty in counts.items():
        if empty and (table.name, column) not in _TOLD_BY_ROW:
            rule = replace(EMPTY, code=EXPECTED.get((table.name, column), EMPTY.code))
            yield rule.at(table).finding(column=column, count=empty)


_TOLD_BY_ROW = {(rule.table, rule.columns[0]) for rule in RULES if rule.broken in {blank, no_name}}
"""Columns whose every empty value is a finding of its own, by another rule."""


def _type_word(column: Column) -> str:
    return _KIND_WORDS[column.kind].format(size=column.size, scale=column.scale)


# --- other rows -------------------------------------------------------------------------------


class _Claimed:
    """UNIK-01: keys that an own row has, and another row too, whoever writes that."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._triples: dict[tuple[str, ...], list[tuple[str, tuple[Any, ...], Any]]] = {key: [] for key in table.unique}

    def hold(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Note the keys of rows: columns in the order of ``all_columns``, then the home."""
        for key, triples in self._triples.items():
            places = [self._table.by_name[name].number for name in key]
            triples.extend((_row_id(self._table, row), tuple(row[n] for n in places), row[-1]) for row in rows)

    def findings(self, place: Place) -> Iterator[Finding]:
        """Yield one finding a key that is there twice."""
        for key, triples in self._triples.items():
            for claim in claims(self._table, key, triples):
                if any(map(place.owns, claim.homes)):
                    yield claim.finding()


class _Parents:
    """REF-02: rows that are named and not there. Files arrive in any order, so this is never more than a warning."""

    def __init__(self, schema: Schema) -> None:
        self._held: dict[tuple[str, str], set[Any]] = {}
        self._wanted: dict[tuple[str, str], tuple[Table, Column, tuple[str, str], set[Any]]] = {}
        for table in schema.data_tables:
            for column in table.references:
                target = schema.by_name.get(column.ref or "")
                key = None if target is None or target.is_reference else _key_for(target, column)
                if target is not None and key is not None:
                    self._held.setdefault((target.name, key), set())
                    self._wanted[table.name, column.name] = (table, column, (target.name, key), set())

    def hold(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Note the ids of rows, whoever writes them. Columns stand in the order of ``all_columns``."""
        for n, key in enumerate(table.key_names):
            held = self._held.get((table.name, key))
            if held is not None:
                held.update(row[n] for row in rows)

    def want(self, table: Table, columns: Mapping[str, Sequence[Any]]) -> None:
        """Note the ids that own rows name."""
        for column in table.references:
            wanted = self._wanted.get((table.name, column.name))
            if wanted is not None:
                wanted[3].update(columns[column.name])

    def findings(self, source: Source) -> Iterator[Finding]:
        """Yield one finding a column that names rows which are not there, with the first row that does."""
        for table, column, target, wanted in self._wanted.values():
            missing = {value for value in wanted - self._held[target] if not blank(value)}
            if missing:
                found = (row for row in source.rows(table.name, (*table.key_names, column.name)) if row[-1] in missing)
                first = _row_id(table, next(found, ("",)))
                yield rules("REF-02")[0].at(table).finding(first, column=column.name, count=len(missing))


def _key_for(target: Table, column: Column) -> str | None:
    """The key column of ``target`` that a column's values are: its only one, or that of the same name."""
    if len(target.key) == 1:
        return target.key_names[0]
    return column.name if column.name in target.key_names else None
