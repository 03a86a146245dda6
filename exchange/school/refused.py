"""The open list at a school: what the centre refused, kept in sight until it is mended or withdrawn."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from exchange.blocks import shown
from exchange.parents import Row
from exchange.records import Line
from exchange.schema.model import Table
from exchange.school.unsent import Unsent
from exchange.store import rows
from exchange.store.school import SchoolStore


class Refused:
    """Refused changes of one school, while a return is applied.

    Args:
        store: The school's store, inside a transaction.
        unsent: What the school has said since: a change that it made again is no longer open.
    """

    def __init__(self, store: SchoolStore, unsent: Unsent) -> None:
        self._store, self._db, self._unsent = store, store.db, unsent
        self._new: dict[Row, bool] = {}  # put on the list by this return: whether as a whole row
        self._any = bool(self._db.value("SELECT 1 FROM kirim_open LIMIT 1"))

    def __bool__(self) -> bool:
        return self._any

    def put(self, line: Line) -> None:
        """Put a refused change on the list, unless the school has since changed the same or withdrawn the row."""
        row = (line.table.number, line.row)
        there = rows.fetch(self._db, line.table, (), [line.row]).get(line.row)
        since = self._unsent.groups.get(row, set())
        if there is None or there[0] == 1 or (line.group and since & {0, line.group.number}):
            return
        self._db.execute(
            "INSERT INTO kirim_open (scope, table_no, row, code, bytes) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (scope, table_no, row) DO UPDATE SET code = excluded.code, bytes = excluded.bytes",
            (self._store.scope, *row, line.code, shown(line.columns, line.sent).encode()),
        )
        self._new[row] = line.group is None
        self._any = True

    def settle(self, table: Table, names: Sequence[str], columns: set[str] | None, *, new: bool = False) -> None:
        """Take rows off the list whose refused columns were spoken of since.

        Args:
            table: Whose rows.
            names: Their ids.
            columns: What was spoken of; the whole row if ``None``.
            new: Also rows that this very return put on the list: the school itself said more after that.
        """
        if not self._any:
            return
        sql = "SELECT row, bytes FROM kirim_open WHERE table_no = ? AND row IN ({})"
        self._drop(
            (table.number, row)
            for row, kept in list(self._db.chosen(sql, names, (table.number,)))
            if (new or (table.number, row) not in self._new) and (columns is None or columns & json.loads(kept).keys())
        )

    def entered(self, table: Table, names: Sequence[str]) -> None:
        """Take rows off the list that the centre has made; a group that this return refused stays on it."""
        if self._any:
            self._drop((table.number, name) for name in names if self._new.get((table.number, name)) is not False)

    def among(self, table: Table, names: Sequence[str]) -> set[str]:
        """Return which of some rows are on the list."""
        sql = "SELECT row FROM kirim_open WHERE table_no = ? AND row IN ({})"
        return {row for (row,) in self._db.chosen(sql, names, (table.number,))}

    def rows(self) -> set[Row]:
        """Return the rows on the list."""
        return set(self._db.execute("SELECT table_no, row FROM kirim_open"))

    def tables(self) -> set[int]:
        """Return the numbers of the tables with rows on the list."""
        return {number for number, _ in self.rows()}

    def _drop(self, which: Iterable[Row]) -> None:
        self._db.executemany("DELETE FROM kirim_open WHERE table_no = ? AND row = ?", list(which))
