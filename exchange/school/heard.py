"""What returns have said to a school: the one that is being applied, and those before it that it says again."""

from __future__ import annotations

from collections.abc import Sequence

from exchange.blocks import by_group, groups_of, values_of
from exchange.format.changeset import decode_changeset
from exchange.parents import Row
from exchange.records import Block, Op
from exchange.store import chains
from exchange.store.school import SchoolStore

Said = dict[Row, dict[int, tuple[object, ...]]]
"""Values by row and group number."""


class Heard:
    """What one return says, and whether the school had heard it before.

    Attributes:
        groups: Rows that this return spoke of so far, each with the numbers of its groups; 0 stands for a whole row.

    Args:
        store: The school's store.
        first: Log position after which the return begins.
    """

    def __init__(self, store: SchoolStore, first: int) -> None:
        self._store, self._first = store, first
        self.groups: dict[Row, set[int]] = {}
        self._before: Said | None = None

    def note(self, block: Block, names: Sequence[str]) -> int:
        """Note a block of this return, and return how many of its rows were not spoken of before."""
        number, groups, known = block.table.number, groups_of(block), len(self.groups)
        for name in names:
            self.groups.setdefault((number, name), set()).update(groups)
        return len(self.groups) - known

    def knew(self, row: Row, group: int, values: tuple[object, ...]) -> bool:
        """Return whether the last applied return that spoke of a group said the same of it already.

        A return begins at the last *have* that the server knows, so it says again what the school has applied since.
        What the school did after that is no unseen change, and a thing heard twice must not undo it.
        """
        if self._first >= self._store.have[0]:
            return False
        if self._before is None:
            self._before = _said_after(self._store, self._first)
        return self._before.get(row, {}).get(group) == values

    def knew_row(self, block: Block, n: int, name: str) -> bool:
        """Return whether earlier returns said all that a block says of its n-th row."""
        row = (block.table.number, name)
        said = by_group(block.table, values_of(block, n))
        return all(self.knew(row, number, values) for number, values in said.items())


def _said_after(store: SchoolStore, position: int) -> Said:
    """Return what the returns applied after a position said last."""
    said: Said = {}
    found = store.db.execute("SELECT position FROM kirim_return WHERE position > ? ORDER BY position", (position,))
    for (applied,) in found.fetchall():
        parts = list(chains.read_parts(store.db, store.scope, chains.CENTRE, applied))
        for block in decode_changeset(store.schema, store.scope, parts)[1] if parts else ():
            for n, name in enumerate(block.rows()):
                row = (block.table.number, name)
                if block.op is Op.DELETE:
                    said.pop(row, None)
                else:
                    said.setdefault(row, {}).update(by_group(block.table, values_of(block, n)))
    return said
