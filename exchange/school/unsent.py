"""What a school has changed and the server has not merged yet; a return must not undo it unseen."""

from __future__ import annotations

from collections.abc import Sequence

from exchange.blocks import groups_of
from exchange.parents import Row, above, parent_table
from exchange.records import Block, Op
from exchange.schema.model import Table
from exchange.school.capture import own_blocks
from exchange.store import rows
from exchange.store.school import SchoolStore


class Unsent:
    """A school's changesets after one of them, by row.

    Attributes:
        groups: Rows that were written, each with the numbers of its groups; 0 stands for a row as a whole.
        deletes: Rows that were deleted, and not made again since.
        parents: Rows above the written ones: they live as long as something hangs on them.

    Args:
        store: The school's store, just cut.
        after: Number of the changeset up to which the server has merged.
    """

    def __init__(self, store: SchoolStore, after: int) -> None:
        self._db, self._schema = store.db, store.schema
        self.groups: dict[Row, set[int]] = {}
        self.deletes: set[Row] = set()
        self.parents: set[Row] = set()
        for block in own_blocks(store, after, store.last):
            self._note(block)

    def __contains__(self, row: Row) -> bool:
        return row in self.groups or row in self.deletes

    def rows(self) -> set[Row]:
        """Return the rows of which anything is on its way."""
        return {*self.groups, *self.deletes}

    def tables(self) -> set[int]:
        """Return the numbers of the tables of which anything is on its way."""
        return {number for number, _ in self.rows()}

    def _note(self, block: Block) -> None:
        table, names = block.table, block.rows()
        keys = [(table.number, name) for name in names]
        if block.op is Op.DELETE:
            self.deletes.update(keys)
            return
        self.deletes.difference_update(keys)
        groups = groups_of(block)
        for key in keys:
            self.groups.setdefault(key, set()).update(groups)
        self.hold_parents(table, names)

    def note_new(self, table: Table, names: Sequence[str]) -> None:
        """Remember rows that go out whole with the next cut."""
        for name in names:
            self.groups.setdefault((table.number, name), set()).add(0)
        self.hold_parents(table, names)

    def hold_parents(self, table: Table, names: Sequence[str]) -> None:
        """Remember the rows above some living rows."""
        if not any(parent_table(self._schema, column) for column in table.references):
            return
        for name, found in rows.fetch(self._db, table, table.columns, names).items():
            if found[-1] is None and found[-2] != 1:
                self.parents.update(above(self._schema, table, name, found))
