"""What a school may say at all: of which tables, rows, groups and values; the rest is refused with the reason."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from exchange import errors
from exchange.errors import Reason
from exchange.limits import IDS_MAX
from exchange.merge.decision import may_set
from exchange.parents import parent_table
from exchange.records import Block
from exchange.rules.columns import faults
from exchange.schema.model import Column, Policy, Table
from exchange.server.openlist import OpenList
from exchange.store import rows
from exchange.store.server import ServerStore

Codes = Callable[[str], Collection[object] | None]
"""Gives the codes of a reference table, or ``None`` when the table is not kept here."""

Refusals = dict[int, tuple[Reason, Column | None]]
"""Rows of a block, each with the reason and the column whose value is wrong, if it is one."""

DUTIES = "tugas_tambahan"
_HEAD_POSTS = {2, 33}
"""``jabatan_ptk_id`` of Kepala Sekolah and Plt: the dinas assigns these, whoever owns other duties (domain 2.4)."""


class Authority:
    """Checks the blocks of one changeset; it writes nothing.

    Args:
        server: The store.
        scope: ``sekolah_id`` of the school that speaks.
        codes: Reference codes.
        open_list: Its rows that wait: what hangs on one waits too.
    """

    def __init__(self, server: ServerStore, scope: str, codes: Codes, open_list: OpenList) -> None:
        self._server, self._db, self._schema = server, server.db, server.schema
        self._scope, self._codes_of, self._open = scope, codes, open_list
        self._own_parents: dict[str, set[str]] = {}

    # --- blocks -------------------------------------------------------------------------------

    def insert_faults(self, block: Block, names: Sequence[str], there: dict[str, tuple[object, ...]]) -> Refusals:
        """Return the rows of an insert block that cannot be taken.

        Args:
            block: The block.
            names: Its rows.
            there: Those that stand here already, with no columns fetched.
        """
        table, refused = block.table, Refusals()
        for column, values in zip((*table.key, *block.columns), block.values, strict=True):
            for n, reason in faults(column, values, self._codes(column)).items():
                refused.setdefault(n, (reason, column))
            if column.name == table.scope:
                for n, value in enumerate(values):
                    if value != self._scope:
                        refused.setdefault(n, (errors.OTHER_HOME, column))
            if column.name == table.parent_column:
                foreign = self._foreign_parents(column, values)
                for n, value in enumerate(values) if foreign else ():
                    if value in foreign:
                        refused.setdefault(n, (errors.OTHER_HOME, column))
            if self._open and (parent := parent_table(self._schema, column)):
                for n, value in enumerate(values):
                    if (parent.number, str(value)) in self._open:
                        refused.setdefault(n, (errors.PARENT_OPEN, column))
            if column.name == "jabatan_ptk_id" and table.name == DUTIES:
                for n, value in enumerate(values):
                    if value in _HEAD_POSTS:
                        refused.setdefault(n, (errors.OWNED_BY_DINAS, column))
        if table.scope in table.by_name and table.by_name[table.scope] not in (*table.key, *block.columns):
            for n in range(block.count):
                refused.setdefault(n, (errors.OTHER_HOME, table.by_name[table.scope]))
        for n, name in enumerate(names) if there else ():
            if name in there and there[name][-1] != self._scope:
                refused[n] = (errors.OTHER_HOME, None)
            elif name in there:
                refused.pop(n, None)  # it is no new row here, so only the group at fault is refused
        _hang_within(block, names, refused)
        return refused

    def doubtful(self, block: Block, names: Sequence[str]) -> set[int]:
        """Return the rows of an update block that must be looked at one by one: some group may not be the school's."""
        table, every = block.table, range(block.count)
        found: set[int] = set()
        policies = {table.group_of[column.name].policy for column in block.columns}
        if table.name == DUTIES or not all(map(may_set, policies)):
            found.update(every)
        for column, values in zip(block.columns, block.values[len(table.key) :], strict=True):
            found.update(faults(column, values, self._codes(column)))
            if column.name in (table.scope, table.parent_column):
                found.update(every)
        if policies & {Policy.TERKUNCI, Policy.KIP}:
            locked = {row for row, _ in self._server.locks(table.number, names)}
            found.update(n for n, name in enumerate(names) if name in locked)
        return found

    # --- one row ------------------------------------------------------------------------------

    def fault(self, table: Table, name: str, columns: Sequence[Column], sent: Sequence[object]) -> Reason | None:
        """Return why a group's values of a row that stands here cannot be taken, or ``None``."""
        for column, value in zip(columns, sent, strict=True):
            found = faults(column, [value], self._codes(column))
            if found:
                return found[0]
            if column.name == table.scope and value != self._scope:
                return errors.OTHER_HOME
            if column.name == table.parent_column and self._foreign_parents(column, [value]):
                return errors.OTHER_HOME
        if self.is_head(table, name, dict(zip(columns, sent, strict=True))):
            return errors.OWNED_BY_DINAS
        return None

    def is_head(self, table: Table, name: str, given: dict[Column, object]) -> bool:
        """Return whether a row is, or would become, the duty of Kepala Sekolah or Plt."""
        if table.name != DUTIES:
            return False
        post = table.by_name["jabatan_ptk_id"]
        stood = rows.fetch(self._db, table, (post,), [name])
        return given.get(post) in _HEAD_POSTS or (name in stood and stood[name][0] in _HEAD_POSTS)

    def sees(self, table: Table, name: str) -> bool:
        """Return whether the school sees another school's row."""
        return bool(
            self._db.value(
                "SELECT 1 FROM kirim_seen WHERE table_no = ? AND row = ? AND scope = ?",
                (table.number, name, self._scope),
            )
        )

    # --- notes --------------------------------------------------------------------------------

    def remember_own(self, table: Table, names: Iterable[object]) -> None:
        """Remember rows that are the school's, so that their children need not ask; bounded, for it is only a shortcut."""
        if table.name in self._schema.parents:
            known = self._own_parents.setdefault(table.name, set())
            if len(known) > IDS_MAX:
                known.clear()
            known.update(map(str, names))

    def _foreign_parents(self, column: Column, values: Sequence[object]) -> set[object]:
        """Return those parents that are another school's; one that nobody has heard of is only a finding."""
        parent = self._schema.by_name[column.ref or ""]
        asked = {str(v) for v in set(values) - self._own_parents.get(parent.name, set()) if v is not None}
        if not asked:
            return set()
        found = rows.fetch(self._db, parent, (), sorted(asked))
        foreign: set[object] = {name for name, row in found.items() if row[-1] != self._scope}
        self.remember_own(parent, found.keys() - foreign)
        return foreign

    def _codes(self, column: Column) -> Collection[object] | None:
        return self._codes_of(column.ref) if column.ref else None


def _hang_within(block: Block, names: Sequence[str], refused: Refusals) -> None:
    """Refuse rows that hang on a refused row of the same block: a table may point to itself."""
    for column, values in zip(block.columns, block.values[len(block.table.key) :], strict=True):
        if column.ref != block.table.name:
            continue
        more = True
        while more and refused:
            out = {names[n] for n in refused}
            more = False
            for n, value in enumerate(values):
                if n not in refused and value in out:
                    refused[n] = (errors.PARENT_OPEN, column)
                    more = True
