"""Reference rows as a store holds them: codes and texts."""

from __future__ import annotations

from collections.abc import Callable, Collection

from exchange.schema.model import Schema
from exchange.store import rows
from exchange.store.database import Database


def codes(db: Database, schema: Schema) -> Callable[[str], Collection[object] | None]:
    """Return a look-up of the codes of reference tables, each read once.

    It answers ``None`` for a table whose rows are not kept here, so that its codes are not judged.
    """
    known: dict[str, frozenset[object] | None] = {}

    def of(name: str) -> Collection[object] | None:
        if name not in known:
            table = schema.by_name.get(name)
            if table is None or not table.is_reference or len(table.key) != 1:
                known[name] = None
            else:
                known[name] = frozenset(row[0] for row in db.execute(f"SELECT {table.key_names[0]} FROM {name}"))
        return known[name]

    return of


def load_reference(db: Database, schema: Schema) -> dict[str, int]:
    """Write the reference rows that ship with the program and return how many by table."""
    from exchange.schema.reference import reference_rows

    count = {}
    for table in schema.reference_tables:
        names, found = reference_rows(table.name)
        if found:
            columns = tuple(table.by_name[name] for name in names if name not in table.key_names)
            order = [names.index(name) for name in (*table.key_names, *(c.name for c in columns))]
            rows.upsert_rows(db, table, columns, [[row[n] for row in found] for n in order], None)
            count[table.name] = len(found)
    return count
