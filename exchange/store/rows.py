"""Rows of the exchanged tables, read and written by column and by set."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import repeat

from exchange.records import row_key
from exchange.schema.model import Column, Kind, Table
from exchange.store.database import Database

Columns = tuple[Column, ...]

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")


def key_values(table: Table, row: str) -> list[object]:
    """Return the key values that a row id names, as a store holds them: numbers are numbers again.

    Example:
        >>> from exchange.schema import SCHEMA
        >>> key_values(SCHEMA.by_name["tanah_longitudinal"], "3f0c0000-0000-4000-8000-000000000001|2026")
        ['3f0c0000-0000-4000-8000-000000000001', 2026]
    """
    if len(table.key) == 1:
        return [row]
    parts = row_key(row)
    return [
        int(part) if column.kind is Kind.INTEGER and _INTEGER.fullmatch(part) else part
        for column, part in zip(table.key, parts, strict=False)
    ]


@lru_cache(maxsize=4096)
def _insert_sql(table: Table, columns: Columns) -> str:
    names = [*table.key_names, *(c.name for c in columns), "kirim_home"]
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


@lru_cache(maxsize=4096)
def _update_sql(table: Table, columns: Columns, guarded: bool) -> str:
    sets = ", ".join([*(f"{c.name} = ?" for c in columns), "last_update = CURRENT_TIMESTAMP"])
    where = " AND ".join(f"{key} = ?" for key in table.key_names)
    guard = " AND kirim_home = ? AND soft_delete IS NOT 1" if guarded else ""
    return f"UPDATE {table.name} SET {sets} WHERE {where}{guard}"


@lru_cache(maxsize=4096)
def _upsert_sql(table: Table, columns: Columns, data: bool) -> str:
    names = [*table.key_names, *(c.name for c in columns), *(["kirim_home"] if data else [])]
    sets = [f"{c.name} = excluded.{c.name}" for c in columns]
    sets += ["last_update = CURRENT_TIMESTAMP", *(["soft_delete = 0"] if data else [])]
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "
        f"ON CONFLICT ({', '.join(table.key_names)}) DO UPDATE SET {', '.join(sets)}"
    )


def insert_rows(
    db: Database, table: Table, columns: Columns, values: Sequence[Sequence[object]], home: str | None
) -> None:
    """Insert rows that are not there yet.

    Args:
        db: The store.
        table: Whose rows.
        columns: Columns beside the key that are set.
        values: One list a key column, then one a column of ``columns``.
        home: Their home.
    """
    db.executemany(_insert_sql(table, columns), zip(*values, repeat(home)))


def update_rows(
    db: Database, table: Table, columns: Columns, values: Sequence[Sequence[object]], home: str | None = None
) -> int:
    """Set columns of rows and return how many rows there were to set.

    Args:
        db: The store.
        table: Whose rows.
        columns: Columns that are set.
        values: As in :func:`insert_rows`.
        home: If given, only live rows of this home are set.
    """
    keys, rest = values[: len(table.key)], values[len(table.key) :]
    if home is None:
        return db.executemany(_update_sql(table, columns, guarded=False), zip(*rest, *keys, strict=False))
    return db.executemany(_update_sql(table, columns, guarded=True), zip(*rest, *keys, repeat(home)))


def upsert_rows(
    db: Database, table: Table, columns: Columns, values: Sequence[Sequence[object]], home: str | None
) -> None:
    """Set columns of rows, making those that are not there; deleted ones live again.

    Args:
        db: The store.
        table: Whose rows; a reference table has no home.
        columns: Columns beside the key that are set.
        values: As in :func:`insert_rows`.
        home: Home of rows that are made; those that are there keep theirs.
    """
    if table.is_reference:
        db.executemany(_upsert_sql(table, columns, data=False), zip(*values, strict=True))
    else:
        db.executemany(_upsert_sql(table, columns, data=True), zip(*values, repeat(home)))


def mark_deleted(db: Database, table: Table, keys: Sequence[Sequence[object]], home: str | None = None) -> int:
    """Mark rows deleted and return how many live ones there were. Nothing is ever removed."""
    where = " AND ".join(f"{key} = ?" for key in table.key_names)
    guard, extra = (" AND kirim_home = ?", [repeat(home)]) if home is not None else ("", [])
    sql = f"UPDATE {table.name} SET soft_delete = 1, last_update = CURRENT_TIMESTAMP WHERE {where}{guard} AND soft_delete IS NOT 1"
    return db.executemany(sql, zip(*keys, *extra, strict=False))


def mark_living(db: Database, table: Table, keys: Sequence[Sequence[object]]) -> None:
    """Take the mark of deletion away."""
    where = " AND ".join(f"{key} = ?" for key in table.key_names)
    db.executemany(
        f"UPDATE {table.name} SET soft_delete = 0 WHERE {where} AND soft_delete = 1", zip(*keys, strict=True)
    )


def columns_of(keys: Iterable[Sequence[object]]) -> list[list[object]]:
    """Turn keys by row into keys by column."""
    return [list(column) for column in zip(*keys, strict=True)]


def fetch(db: Database, table: Table, columns: Columns, rows: Sequence[str]) -> dict[str, tuple[object, ...]]:
    """Return the rows that are there, by row id.

    Args:
        db: The store.
        table: Whose rows.
        columns: Columns to read.
        rows: Row ids (:meth:`exchange.records.Block.rows`).

    Returns:
        Row id to (values of ``columns`` …, soft_delete, kirim_home).
    """
    extra = () if table.is_reference else ("soft_delete", "kirim_home")
    names = ", ".join([*table.key_names, *(c.name for c in columns), *extra])
    keys = len(table.key)
    sql = f"SELECT {names} FROM {table.name} WHERE {table.key_names[0]} IN ({{}})"
    if keys == 1:
        return {row[0]: row[1:] for row in db.chosen(sql, rows)}
    wanted = set(rows)
    firsts = list(dict.fromkeys(row.split("|", 1)[0] for row in rows))
    found = (("|".join(map(str, row[:keys])), row[keys:]) for row in db.chosen(sql, firsts))
    return {row: rest for row, rest in found if row in wanted}


def read_blocks(
    db: Database, table: Table, columns: Columns, where: str, parameters: Sequence[object], size: int
) -> Iterator[list[tuple[object, ...]]]:
    """Yield the live rows of a table in entry order, in lists of at most ``size``.

    Args:
        db: The store.
        table: Whose rows.
        columns: Columns beside the key.
        where: A condition.
        parameters: Its values.
        size: Rows in one list.
    """
    names = ", ".join([*table.key_names, *(c.name for c in columns)])
    live = "1 = 1" if table.is_reference else "soft_delete IS NOT 1"
    cursor = db.execute(f"SELECT {names} FROM {table.name} WHERE {live} AND ({where}) ORDER BY rowid", parameters)
    while part := cursor.fetchmany(size):
        yield part
