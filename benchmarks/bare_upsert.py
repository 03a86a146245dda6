"""The limit that ingest is measured against: the same rows, upserted by ``executemany``, and nothing else.

One transaction, ``synchronous=FULL``, WAL, all columns of a row: what any program that stores a
package's rows must at least do.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from exchange.schema.model import Schema
from exchange.store.database import tune
from exchange.store.ddl import statements

Rows = Mapping[str, tuple[Sequence[str], Sequence[tuple[object, ...]]]]
"""Table name to (column names, rows)."""


def lay_out(path: Path, schema: Schema, role: str) -> None:
    """Make an empty store, the same one that the engine makes."""
    connection = opened(path)
    for statement in statements(schema, role):
        connection.execute(statement)
    connection.close()


def opened(path: Path) -> sqlite3.Connection:
    """Return a connection with the engine's own settings."""
    connection = sqlite3.connect(path, isolation_level=None)
    tune(connection)
    return connection


def upsert_sql(table: str, key: Sequence[str], columns: Sequence[str]) -> str:
    """Return the statement that inserts a row or sets its columns.

    Example:
        >>> upsert_sql("t", ["id"], ["id", "a"])
        'INSERT INTO t (id, a) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET a = excluded.a'
    """
    marks = ", ".join("?" * len(columns))
    settings = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
    what = f"UPDATE SET {settings}" if settings else "NOTHING"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) ON CONFLICT ({', '.join(key)}) DO {what}"


def upsert(connection: sqlite3.Connection, schema: Schema, rows: Rows) -> int:
    """Upsert every table's rows in one transaction and return how many rows there were."""
    count = 0
    connection.execute("BEGIN IMMEDIATE")
    for name, (columns, values) in rows.items():
        connection.executemany(upsert_sql(name, schema.by_name[name].key_names, columns), values)
        count += len(values)
    connection.execute("COMMIT")
    return count
