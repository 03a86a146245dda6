"""A store as validation sees it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from exchange.schema.model import Schema
from exchange.store.database import Database
from exchange.store.reference import codes


class StoreSource:
    """Live rows and codes of a store, for :mod:`exchange.rules`.

    Args:
        db: The store.
        schema: The exchanged tables.
        home: At the server, the school whose rows are meant; ``None`` at a school, where every row is.
    """

    def __init__(self, db: Database, schema: Schema, home: str | None = None) -> None:
        self._db, self._home, self._codes = db, home, codes(db, schema)
        self._tables = schema.by_name

    def rows(
        self, table: str, columns: Sequence[str], among: Mapping[str, Collection[object]] | None = None
    ) -> Iterable[tuple[Any, ...]]:
        """Yield the live rows of a table; those ``among`` few values, where it names any."""
        where, values = list[str](), list[object]()
        for name, few in (among or {}).items():
            where.append(f"{name} IN ({','.join('?' * len(few))})")
            values += few
        if not self._tables[table].is_reference:
            where.append("soft_delete IS NOT 1")
            if self._home is not None:
                # A PTK may be at home elsewhere and registered here.
                own = (
                    "ptk_id IN (SELECT ptk_id FROM ptk_terdaftar WHERE kirim_home = ?)"
                    if table == "ptk"
                    else "kirim_home = ?"
                )
                where.append(own)
                values.append(self._home)
        sql = f"SELECT {', '.join(columns)} FROM {table}{' WHERE ' if where else ''}{' AND '.join(where)}"
        found: Iterable[tuple[Any, ...]] = self._db.execute(sql, values)
        return found

    def codes(self, table: str) -> Collection[object] | None:
        """Return the codes of a reference table, or ``None`` where the list is not kept."""
        return self._codes(table)
