"""What a declaration of an exchanged table is made of.

The tables themselves stand in :mod:`exchange.schema.tables` as text in the notation of the
field (``docs/architecture.md`` 3). This module gives that text a type. DDL, capture, encoding,
merge, validation and lists all read it; nothing else in the program knows a column's name
unless it speaks of that very column.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property


class Kind(enum.Enum):
    """The type of a column as Dapodik declares it, and so the form of its values in a store.

    A value in a store is ``None`` or: UUID lower-case text of 36 characters; CHAR, VARCHAR and
    TEXT text; INTEGER ``int``; DECIMAL text such as ``-6.25`` (never a float: money has 20
    digits); DATE text ``YYYY-MM-DD``; MOMENT text ``YYYY-MM-DD HH:MM:SS[.ffffff]``; DOUBLE ``float``.
    """

    UUID = "u"
    CHAR = "c"
    VARCHAR = "v"
    TEXT = "text"
    INTEGER = "i"
    DECIMAL = "n"
    DATE = "d"
    MOMENT = "ts"
    DOUBLE = "f"


class Policy(enum.Enum):
    """Who decides a column group when both sides changed it (``docs/architecture.md`` 6)."""

    SEKOLAH = "sekolah"
    PUSAT = "pusat"
    DINAS = "dinas"
    TERKUNCI = "terkunci"
    KIP = "kip"


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column of an exchanged table.

    Attributes:
        name: Dapodik's own name.
        number: Position on the wire within its table: keys first, from 0. Never reused.
        kind: Type of its values.
        size: Most characters (CHAR, VARCHAR) or digits (INTEGER, DECIMAL); 0 where unbounded.
        scale: Digits after the decimal point (DECIMAL), else 0.
        required: Marked ``!`` in the source: an empty value is a finding, never a constraint.
        default: Value that the source gives a row that leaves it out, or ``None``.
        ref: Name of the table its values point to, or ``None``.
        since: Version of the schema that brought it.
    """

    name: str
    number: int
    kind: Kind
    size: int = 0
    scale: int = 0
    required: bool = False
    default: str | int | None = None
    ref: str | None = None
    since: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Columns that merge as a unit, so that no row mixes half of one value with half of another.

    Attributes:
        number: Position within its table, from 1; 0 stands for the whole row.
        name: What people read in a conflict.
        policy: Who decides.
        columns: Its columns, in wire order.
    """

    number: int
    name: str
    policy: Policy
    columns: tuple[Column, ...]


@dataclass(frozen=True, eq=False)
class Table:
    """One exchanged table.

    Attributes:
        number: Its number on the wire, 1 to 65,535, for ever.
        name: Its SQL name in both stores (``nilai.x`` is ``nilai_x``, ``ref.x`` is ``ref_x``).
        key: Key columns, in order.
        columns: Every other column, in wire order.
        groups: A partition of ``columns``.
        scope: How a row finds its school: a column holding ``sekolah_id``; ``"@home"`` for a
            person or thing whose home is set at insert; ``"@parent:COLUMN"`` for a child whose
            home is that of the row which COLUMN names; ``"@ref"`` for a reference table.
        owner: Policy of the row as a whole, which decides deletes and who may insert.
        unique: Natural unique keys: sets of columns that should not repeat. Never constraints.
        derived: Columns of the natural key from which our own program derives the id
            (``docs/format.md`` 3.7), or empty when ids are random. An entry that begins with ``=`` is
            a constant text instead of a column: ``=1`` is the number of a pupil's first stay.
        tab: Tab of validasi lokal on which its findings stand.
        title: Name of the table for people, in Indonesian (a gettext message id).
        since: Version of the schema that brought it.
    """

    number: int
    name: str
    key: tuple[Column, ...]
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    scope: str
    owner: Policy
    unique: tuple[tuple[str, ...], ...] = ()
    derived: tuple[str, ...] = ()
    tab: str = ""
    title: str = ""
    since: int = 1

    @property
    def is_reference(self) -> bool:
        """Whether only the centre writes it and every school has the same rows."""
        return self.scope == "@ref"

    @property
    def parent_column(self) -> str | None:
        """The column that names the row whose home a row of this table shares."""
        return self.scope[8:] if self.scope.startswith("@parent:") else None

    @cached_property
    def key_names(self) -> tuple[str, ...]:
        """Names of the key columns."""
        return tuple(column.name for column in self.key)

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns beside the key."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def all_columns(self) -> tuple[Column, ...]:
        """Key columns, then the others: index equals :attr:`Column.number`."""
        return self.key + self.columns

    def known_to(self, version: int) -> tuple[Column, ...]:
        """Return the columns that a program of a schema version knows, keys first; none if it does not know the table."""
        if self.since > version:
            return ()
        return tuple(column for column in self.all_columns if column.since <= version)

    @cached_property
    def by_name(self) -> Mapping[str, Column]:
        """Every column, keys included, by name."""
        return {column.name: column for column in self.all_columns}

    @cached_property
    def group_of(self) -> Mapping[str, Group]:
        """The group of each column that is not a key."""
        return {column.name: group for group in self.groups for column in group.columns}

    @cached_property
    def references(self) -> tuple[Column, ...]:
        """Columns that point to a row of another exchanged table or of a reference table."""
        return tuple(column for column in self.all_columns if column.ref)


MACHINE_COLUMNS = ("create_date", "last_update", "soft_delete", "last_sync", "updater_id")
"""Dapodik's audit columns: on every data table, set by each store itself, never exchanged."""

_COLUMN = re.compile(
    r"(?P<key>\*)?(?P<name>[a-z0-9_]+) (?P<type>text|ts|[uisbdf]|[cv]\d+|n\d+(?:\.\d+)?)"
    r"(?P<required>!)?(?:=(?P<default>[^\s→@]+))?(?:→(?P<ref>[a-z0-9_.]+))?(?:@(?P<since>\d+))?"
)
_KINDS = {"u": Kind.UUID, "d": Kind.DATE, "ts": Kind.MOMENT, "f": Kind.DOUBLE, "text": Kind.TEXT}
_WORD_DIGITS = {"s": 5, "i": 10, "b": 19}


def sql_name(name: str) -> str:
    """Return the SQL name of a table that the field writes with a schema before it.

    Example:
        >>> sql_name("ref.agama"), sql_name("man_akses.pengguna"), sql_name("ptk")
        ('ref_agama', 'pengguna', 'ptk')
    """
    space, _, plain = name.rpartition(".")
    return f"{space}_{plain}" if space in {"ref", "nilai", "pustaka"} else plain


def parse_column(text: str, number: int) -> tuple[Column, bool]:
    """Return the column that one piece of notation declares, and whether it is a key.

    Args:
        text: Such as ``*peserta_didik_id u`` or ``agama_id s!→ref.agama``.
        number: Its position on the wire.

    Raises:
        ValueError: the notation is wrong, which is an error of ours, found at import.

    Source:
        docs/architecture.md, section 3; the notation is that of the domain's table blocks.

    Example:
        >>> column, is_key = parse_column("lintang n18.12", 4)
        >>> column.kind.name, column.size, column.scale, is_key
        ('DECIMAL', 18, 12, False)
    """
    match = _match(text)
    return _column(match, number), bool(match["key"])


def _match(text: str) -> re.Match[str]:
    match = _COLUMN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a column declaration: {text!r}")
    return match


def _column(match: re.Match[str], number: int) -> Column:
    key, name, word, required, default, ref, since = match.groups()
    kind, size, scale = _type(word)
    return Column(
        name,
        number,
        kind,
        size,
        scale,
        bool(required or key),
        int(default) if default is not None and kind is Kind.INTEGER else default,
        sql_name(ref) if ref else None,
        int(since or 1),
    )


@cache
def _type(word: str) -> tuple[Kind, int, int]:
    if word in _KINDS:
        return _KINDS[word], 0, 0
    if word in _WORD_DIGITS:
        return Kind.INTEGER, _WORD_DIGITS[word], 0
    if word[0] in "cv":
        return Kind(word[0]), int(word[1:]), 0
    digits, _, fraction = word[1:].partition(".")
    return (Kind.DECIMAL if fraction else Kind.INTEGER), int(digits), int(fraction or 0)


def declare(
    number: int,
    name: str,
    columns: str,
    *,
    scope: str,
    owner: Policy = Policy.SEKOLAH,
    groups: str = "",
    unique: str = "",
    derived: str = "",
    tab: str = "",
    title: str = "",
    since: int = 1,
) -> Table:
    """Return a table from its declaration in the field's notation.

    Args:
        number: Wire number of the table.
        name: The field's name, such as ``nilai.nilai_rapor``.
        columns: Column declarations parted by ``;``. Keys carry ``*``; a column that a later version of the schema
            brought carries it, as in ``surel v60@2``, and stands behind all older ones.
        scope: See :attr:`Table.scope`.
        owner: Policy of every column that ``groups`` does not name, and of the row.
        groups: Lines ``name policy: column column …``; a trailing ``*`` in a column's name
            stands for every column with that beginning, and ``*`` alone for every column that no line
            before has named. Under the name ``-`` each column is a group of its own. So is a column
            that no line names, under ``owner``'s policy.
        unique: Natural unique keys parted by ``;``, columns by spaces.
        derived: Columns of the natural key that gives the id, parted by spaces.
        tab: Tab of validasi lokal.
        title: Name for people.
        since: Version of the schema that brought the table.

    Raises:
        ValueError: the notation is wrong, two columns share a name, there is no key, two lines name one column, a line
            names none, or a later column stands before an older one.

    Example:
        >>> t = declare(9, "contoh", "*id u; nama v10!; rt n2; rw n2", scope="@home",
        ...             groups="alamat sekolah: rt rw")
        >>> [(g.number, g.name, [c.name for c in g.columns]) for g in t.groups]
        [(1, 'nama', ['nama']), (2, 'alamat', ['rt', 'rw'])]
    """
    matches = [_match(piece) for piece in columns.split(";") if piece.strip()]
    matches.sort(key=lambda match: match["key"] is None)
    ordered = [_column(match, number) for number, match in enumerate(matches)]
    key_count = sum(match["key"] is not None for match in matches)
    key, rest = tuple(ordered[:key_count]), tuple(ordered[key_count:])
    if not key or len({column.name for column in ordered}) < len(ordered):
        raise ValueError(f"table {name} needs a key and each column once")
    if [column.since for column in rest] != sorted(column.since for column in rest):
        raise ValueError(f"table {name}: a later column stands before an older one")
    placed: dict[str, tuple[str, Policy]] = {}
    free = {column.name for column in rest}
    for line in filter(None, map(str.strip, groups.splitlines())):
        head, _, names = line.partition(":")
        group_name, policy_name = head.split()
        policy = Policy(policy_name)
        for pattern in names.split():
            hits = _hits(pattern, rest, free)
            if not hits or not free.issuperset(hits):
                raise ValueError(f"group {group_name} of {name}: {pattern} names no free column")
            free.difference_update(hits)
            placed.update({hit: (hit if group_name == "-" else group_name, policy) for hit in hits})
    members: dict[tuple[str, Policy], list[Column]] = {}
    for column in rest:
        members.setdefault(placed.get(column.name, (column.name, owner)), []).append(column)
    return Table(
        number=number,
        name=sql_name(name),
        key=key,
        columns=rest,
        groups=tuple(
            Group(n, group_name, policy, tuple(cols))
            for n, ((group_name, policy), cols) in enumerate(members.items(), 1)
        ),
        scope=scope,
        owner=owner,
        unique=tuple(tuple(part.split()) for part in unique.split(";") if part.strip()),
        derived=tuple(derived.split()),
        tab=tab,
        title=title or sql_name(name),
        since=since,
    )


def _hits(pattern: str, columns: tuple[Column, ...], free: set[str]) -> list[str]:
    if pattern[-1] != "*":
        return [pattern]
    return [c.name for c in columns if (c.name in free if pattern == "*" else c.name.startswith(pattern[:-1]))]


@dataclass(frozen=True)
class Schema:
    """Every exchanged table, in dependency order.

    Attributes:
        version: Number that packages name; it grows when a table or column is added.
        tables: In the order in which parents come before children.
    """

    version: int
    tables: tuple[Table, ...]
    by_name: Mapping[str, Table] = field(init=False)
    by_number: Mapping[int, Table] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {t.name: t for t in self.tables})
        object.__setattr__(self, "by_number", {t.number: t for t in self.tables})
        if not len(self.by_name) == len(self.by_number) == len(self.tables):
            raise ValueError("two tables share a name or a number")

    @cached_property
    def data_tables(self) -> tuple[Table, ...]:
        """Tables whose rows belong to a school."""
        return tuple(t for t in self.tables if not t.is_reference)

    @cached_property
    def reference_tables(self) -> tuple[Table, ...]:
        """Tables that only the centre writes."""
        return tuple(t for t in self.tables if t.is_reference)

    @cached_property
    def parents(self) -> frozenset[str]:
        """Names of the tables whose rows give others their home."""
        return frozenset(
            table.by_name[table.parent_column].ref or "" for table in self.data_tables if table.parent_column
        ) & self.by_name.keys()

    @cached_property
    def children(self) -> Mapping[str, tuple[tuple[Table, Column], ...]]:
        """For each table, the (table, column) pairs that point to it, reference tables left out."""
        found: dict[str, list[tuple[Table, Column]]] = {t.name: [] for t in self.tables}
        for table in self.data_tables:
            for column in table.references:
                target = self.by_name.get(column.ref or "")
                if target is not None and not target.is_reference:
                    found[target.name].append((table, column))
        return {name: tuple(pairs) for name, pairs in found.items()}
