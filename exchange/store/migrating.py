"""A store that an older program made, brought to the tables that this one knows."""

from __future__ import annotations

from exchange.schema.model import Schema, Table
from exchange.store.database import Database
from exchange.store.ddl import affinity, capture_triggers, statements


def migrate(db: Database, schema: Schema, role: str) -> None:
    """Add the tables and columns that the schema has got since. Part of the caller's transaction; nothing is lost.

    Columns come at the end of their table, empty: what the other side holds in them is brought by the next round trips
    (``docs/adr/0011-programs-of-several-versions.md``).

    Args:
        db: The store.
        schema: The exchanged tables, as this program knows them.
        role: ``school`` or ``server``.
    """
    known = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'index', 'trigger')")}
    grown = [table for table in schema.tables if table.name in known and _add_columns(db, table.name, table)]
    for table in grown:
        before = f"kirim_before_{table.name}"
        if before in known:
            known -= {before, *_drop_capture(db, table)}
    for statement in statements(schema, role):
        if _name(statement) not in known:
            db.execute(statement)
    for table in grown:
        _bring_back(db, f"kirim_before_{table.name}")
    db.execute(
        "INSERT INTO kirim_meta (name, value) VALUES ('schema', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (str(schema.version),),
    )


def _name(statement: str) -> str:
    """Return the name that a CREATE statement gives; empty for another statement, which made the store once."""
    words = statement.replace("(", " ").split()
    return words[2] if words[0] == "CREATE" else "kirim_meta"


def _columns(db: Database, table: str) -> list[str]:
    return [row[1] for row in db.execute(f"PRAGMA table_info({table})")]


def _add_columns(db: Database, name: str, table: Table) -> bool:
    """Add a table's missing columns and return whether there were any."""
    there = set(_columns(db, name))
    missing = [column for column in table.columns if column.name not in there]
    for column in missing:
        db.execute(f"ALTER TABLE {name} ADD COLUMN {column.name} {affinity(column)}")
    return bool(missing)


def _drop_capture(db: Database, table: Table) -> list[str]:
    """Put a table's captured images aside and drop what captures; return the names of that."""
    before = f"kirim_before_{table.name}"
    names = [statement.split()[2] for statement in capture_triggers(table)]
    for trigger in names:
        db.execute(f"DROP TRIGGER IF EXISTS {trigger}")
    db.execute(f"ALTER TABLE {before} RENAME TO kirim_old_{before}")
    return names


def _bring_back(db: Database, before: str) -> None:
    """Take captured images back from where they were put."""
    old = f"kirim_old_{before}"
    columns = _columns(db, old)
    if columns:
        names = ", ".join(columns)
        db.execute(f"INSERT INTO {before} ({names}) SELECT {names} FROM {old}")
        db.execute(f"DROP TABLE {old}")
