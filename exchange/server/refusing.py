"""What a school may not say, refused: told in a line, the true value sent back, a new row kept aside on the open list."""

from __future__ import annotations

from collections.abc import Sequence

from exchange import errors
from exchange.blocks import one_of, values_of
from exchange.errors import Reason
from exchange.merge.decision import may_set
from exchange.records import Block, Outcome
from exchange.schema.model import Column, Policy, Table
from exchange.server.authority import Authority
from exchange.server.openlist import OpenList
from exchange.server.reviving import Reviving
from exchange.server.taken import Taken
from exchange.store import rows
from exchange.store.server import ServerStore


class Refusing:
    """Refuses rows and values of one changeset.

    Args:
        server: The store, inside a transaction.
        scope: ``sekolah_id`` of the school that speaks.
        taken: What becomes of the changeset.
        open_list: Where refused new rows wait.
        may: What the school may say, and see.
        reviving: Says what became of the rows above.
    """

    def __init__(
        self, server: ServerStore, scope: str, taken: Taken, open_list: OpenList, may: Authority, reviving: Reviving
    ) -> None:
        self._db, self._scope, self._taken = server.db, scope, taken
        self._open, self._may, self._reviving = open_list, may, reviving

    def every_row(self, block: Block, names: Sequence[str]) -> None:
        """Refuse whole rows of a table that schools do not make; the centre's row goes back if there is one."""
        table, reason = block.table, errors.TABLE_CLOSED
        there = {} if table.is_reference else rows.fetch(self._db, table, (), names)
        for n, name in enumerate(names):
            one = one_of(block, n)
            sent = tuple(values_of(one).values())
            self._taken.line(table, name, None, Outcome.REFUSED, reason, block.columns, sent)
            self._taken.outcomes[Outcome.REFUSED] += 1
            if name in there and there[name][-1] == self._scope:
                self._taken.correct(table, name, 0)
            elif not table.is_reference:
                self._put_aside(one, reason)

    def new_row(self, block: Block, reason: Reason, column: Column | None) -> None:
        """Refuse a new row whole: it waits at the school, marked, and its values are kept aside here.

        Args:
            block: The row alone.
            reason: Why.
            column: The column whose value is wrong, if it is one.
        """
        table, name = block.table, block.rows()[0]
        if reason is errors.OTHER_HOME and self._may.sees(table, name):
            given = values_of(block)
            there = rows.fetch(self._db, table, tuple(given), [name])[name]
            self.foreign_row(table, name, given, dict(zip(given, there, strict=False)))
            return
        named = {c: value for c, value in values_of(block).items() if column in (None, c)}
        self._taken.line(table, name, None, Outcome.REFUSED, reason, tuple(named), tuple(named.values()))
        self._put_aside(block, reason)
        self._taken.outcomes[Outcome.REFUSED] += 1

    def _put_aside(self, block: Block, reason: Reason) -> None:
        self._open.put(block, reason)
        self._reviving.correct_parents(block)

    def foreign_row(
        self, table: Table, name: str, given: dict[Column, object], stood: dict[Column, object]
    ) -> None:
        """Refuse an edit of another school's row; its true values go back only to a school that sees the row."""
        seen = self._may.sees(table, name)
        was = tuple(stood[c] if seen else None for c in given)
        self._taken.line(table, name, None, Outcome.REFUSED, errors.OTHER_HOME, tuple(given), tuple(given.values()), was)
        if seen:
            self._taken.correct(table, name, 0)
        self._taken.outcomes[Outcome.REFUSED] += 1

    def strip(self, block: Block, names: Sequence[str]) -> tuple[Block, dict[str, Outcome]]:
        """Take values out of an insert that a school may not set; each is refused by itself."""
        table, worst = block.table, dict[str, Outcome]()
        values = list(block.values[: len(table.key)])
        for column, given in zip(block.columns, block.values[len(table.key) :], strict=True):
            group = table.group_of[column.name]
            # A value that Dapodik gives every new row by itself is nobody's decision.
            if may_set(group.policy) or all(value in (None, column.default) for value in given):
                values.append(given)
                continue
            reason = errors.OWNED_BY_DINAS if group.policy is Policy.DINAS else errors.OWNED_BY_PUSAT
            present = rows.fetch(self._db, table, (column,), names)
            values.append([value if value == column.default else None for value in given])
            for name, value in zip(names, given, strict=True):
                stood = present[name][0] if name in present else None
                if value not in (None, column.default) and value != stood:
                    worst[name] = Outcome.REFUSED
                    self._taken.line(table, name, group, Outcome.REFUSED, reason, (column,), (value,), (stood,))
                    self._taken.correct(table, name, group.number)
        return Block(table, block.op, block.columns, values), worst
