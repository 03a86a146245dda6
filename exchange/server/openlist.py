"""The open list at the server: new rows of a school that cannot be taken, kept aside until they can.

A row waits whole, with every new row that hangs on it. Later changesets of the school complete its values; a delete
of the school's withdraws it (``docs/protocol.md`` 12).
"""

from __future__ import annotations

from exchange.errors import Reason
from exchange.format.changeset import decode_changeset, encode_changeset
from exchange.parents import Row, named_by
from exchange.records import Block, ChangesetHead, Op, Position
from exchange.schema.model import Schema
from exchange.store import chains
from exchange.store.database import Database


class OpenList:
    """What waits of one school's rows.

    Args:
        db: The server's store; the caller holds a transaction.
        schema: The exchanged tables.
        scope: ``sekolah_id``.
    """

    def __init__(self, db: Database, schema: Schema, scope: str) -> None:
        self._db, self._schema, self._scope = db, schema, scope
        self._rows: set[Row] = set(
            db.execute("SELECT table_no, row FROM kirim_open WHERE scope = ?", (scope,)).fetchall()
        )
        self._hanging: dict[Row, set[Row]] | None = None

    def __contains__(self, row: Row) -> bool:
        return row in self._rows

    def __bool__(self) -> bool:
        return bool(self._rows)

    def put(self, block: Block, reason: Reason) -> None:
        """Keep one new row aside; what was kept of it before is replaced.

        Args:
            block: An insert of one row.
            reason: Why it cannot be taken.
        """
        row = (block.table.number, block.rows()[0])
        kept = Block(block.table, Op.INSERT, block.columns, [list(values) for values in block.values])
        head = ChangesetHead(1, Position(0, bytes(8)))
        self._db.execute(
            "INSERT INTO kirim_open (scope, table_no, row, code, bytes) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (scope, table_no, row) DO UPDATE SET code = excluded.code, bytes = excluded.bytes",
            (
                self._scope,
                *row,
                reason.number,
                chains.frame(encode_changeset(self._schema, self._scope, head, [kept])),
            ),
        )
        self._rows.add(row)
        if self._hanging is not None:
            self._note(kept)

    def get(self, row: Row) -> Block:
        """Return a waiting row as an insert of one row."""
        stored = self._db.value(
            "SELECT bytes FROM kirim_open WHERE scope = ? AND table_no = ? AND row = ?", (self._scope, *row)
        )
        _, blocks = decode_changeset(self._schema, self._scope, chains.unframe(bytes(stored)))
        return next(blocks)

    def drop(self, row: Row) -> None:
        """Let a row go: it entered, or the school withdrew it."""
        self._rows.discard(row)
        self._db.execute("DELETE FROM kirim_open WHERE scope = ? AND table_no = ? AND row = ?", (self._scope, *row))

    def reasons(self) -> list[tuple[Row, int]]:
        """Return every waiting row with the number of the reason, in order."""
        found = self._db.execute(
            "SELECT table_no, row, code FROM kirim_open WHERE scope = ? ORDER BY table_no, row", (self._scope,)
        )
        return [((table, row), code) for table, row, code in found.fetchall()]

    def hanging_on(self, row: Row) -> list[Row]:
        """Return the waiting rows that name a row, in order."""
        if self._hanging is None:
            self._hanging = {}
            for waiting in sorted(self._rows):
                self._note(self.get(waiting))
        return sorted(self._hanging.get(row, set()) & self._rows)

    def _note(self, block: Block) -> None:
        assert self._hanging is not None
        waiting = (block.table.number, block.rows()[0])
        for parent in named_by(self._schema, block):
            if parent != waiting:
                self._hanging.setdefault(parent, set()).add(waiting)
