"""Rows that live again at the server, because a school edited them or hung a row on them (rule 11).

Deleted ones stand in the tables still. Of one that was withdrawn from the open list only the school's chains know.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from exchange import errors
from exchange.blocks import values_of
from exchange.central.claims import note_claims
from exchange.format.changeset import decode_changeset
from exchange.parents import Row, above, named_by
from exchange.records import Block, Op, Outcome
from exchange.schema.model import Column, Table
from exchange.server.taken import Taken
from exchange.server.unseen import Unseen
from exchange.store import chains, rows
from exchange.store.server import ServerStore


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
        for parent in named_by(self._schema, block) if self._gone else ():
            self._correct(parent)

    def _correct(self, row: Row) -> None:
        """Say that a row stays deleted, and those above it: the school let them live for the sake of what hung on them."""
        if row not in self._gone:
            return
        table = self._schema.by_number[row[0]]
        self._taken.correct(table, row[1], 0)
        for found in rows.fetch(self._db, table, table.columns, [row[1]]).values():
            for parent in above(self._schema, table, row[1], found):
                self._correct(parent)

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


def as_last_said(server: ServerStore, scope: str, edit: Block) -> Block:
    """Return an edit of a row that stands nowhere as an insert with everything that the school ever said of it.

    A laptop that was restored or copied may edit a row which another one has withdrawn meanwhile: the row lives again whole,
    and is judged again. Nothing else edits what is not there, so every chain of the school may be looked through.

    Args:
        server: The store, inside a transaction.
        scope: ``sekolah_id``.
        edit: An update of one row.
    """
    table, name = edit.table, edit.rows()[0]
    said: dict[Column, object] = {}
    found = server.db.execute(  # an id travels once in a changeset, in its sixteen bytes
        "SELECT DISTINCT c.device, c.number, c.position FROM kirim_changeset c JOIN kirim_part p ON p.scope = c.scope "
        "AND p.device = c.device AND p.number = c.number WHERE c.scope = ? AND c.device <> ? AND instr(p.bytes, ?) > 0 "
        "ORDER BY c.position, c.number",
        (scope, chains.CENTRE, _id_bytes(str(rows.key_values(table, name)[0]))),
    ).fetchall()
    for device, number, _ in found:
        for block in decode_changeset(server.schema, scope, chains.read_parts(server.db, scope, device, number))[1]:
            names = block.rows() if block.table is table and block.op is not Op.DELETE else []
            if name in names:
                said |= values_of(block, names.index(name))
    said |= values_of(edit)
    columns = tuple(column for column in table.columns if column in said)
    return Block(table, Op.INSERT, columns, [*edit.values[: len(table.key)], *([said[column]] for column in columns)])


def _id_bytes(key: str) -> bytes:
    """Return an id as it travels; a key that is none stands in no changeset so."""
    try:
        return uuid.UUID(key).bytes
    except ValueError:
        return key.encode()
