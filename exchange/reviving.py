"""Deleted rows that live again at the server, because a school edited them or hung a row on them (rule 11)."""

from __future__ import annotations

from collections.abc import Sequence

from exchange import errors
from exchange.central.claims import note_claims
from exchange.parents import above, named_by
from exchange.records import Block, Op, Outcome
from exchange.schema.model import Table
from exchange.store import rows
from exchange.store.server import ServerStore
from exchange.taken import Taken
from exchange.unseen import Unseen


class Reviving:
    """Brings rows back while one changeset is taken, and says so.

    Args:
        server: The store, inside a transaction.
        scope: ``sekolah_id`` of the school whose changeset it is.
        unseen: What the school had not seen.
        taken: What becomes of the changeset.
    """

    def __init__(self, server: ServerStore, scope: str, unseen: Unseen, taken: Taken) -> None:
        self._db, self._schema, self._scope = server.db, server.schema, scope
        self._gone, self._taken = unseen.gone, taken

    def live_again(self, table: Table, name: str, whole: bool) -> Outcome:
        """Bring a deleted row back, with the rows above it, and return the outcome of that.

        It is a conflict when the school had not seen the delete. A school that had, and sends the whole row, takes
        back a delete of its own.
        """
        rows.mark_living(self._db, table, [[key] for key in rows.key_values(table, name)])
        self._taken.touch(table, [name], {0})
        held = tuple(table.by_name[claim[0]] for claim in table.unique if len(claim) == 1)
        if held:  # its numbers are claimed again
            found = rows.fetch(self._db, table, held, [name])[name]
            note_claims(Block(table, Op.UPDATE, held, [[name], *([v] for v in found[: len(held)])]), self._taken.claims)
        self._revive_above(table, name)
        if whole and (table.number, name) not in self._gone:
            return Outcome.APPLIED
        self._taken.back(table, name, 0, Op.INSERT)
        self._taken.line(table, name, None, Outcome.CONFLICT, errors.REVIVED, won=True)
        return Outcome.CONFLICT

    def after(self, block: Block, names: Sequence[str]) -> None:
        """Bring back parents that somebody else deleted and that the school's rows hang on.

        Args:
            block: What was sent.
            names: The rows of it that were not refused whole.
        """
        if not self._gone:
            return
        for name in names:
            self._revive_above(block.table, name)
        self.correct_parents(block)

    def correct_parents(self, block: Block) -> None:
        """A parent that stays deleted although the school hung a row on it: its state goes back (rule 14)."""
        for number, name in named_by(self._schema, block) if self._gone else ():
            if (number, name) in self._gone:
                self._taken.correct(self._schema.by_number[number], name, 0)

    def _revive_above(self, table: Table, name: str) -> None:
        there = rows.fetch(self._db, table, table.columns, [name]).get(name)
        if there is None or there[-1] != self._scope:
            return
        for number, parent_name in above(self._schema, table, name, there):
            if (number, parent_name) not in self._gone:
                continue
            parent = self._schema.by_number[number]
            found = rows.fetch(self._db, parent, (), [parent_name]).get(parent_name)
            if found is not None and found[0] == 1 and found[1] == self._scope:
                self.live_again(parent, parent_name, whole=False)
