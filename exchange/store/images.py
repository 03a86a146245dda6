"""Rows as a transaction left them: what an act of the centre did, in a form that can be put back row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from exchange import errors
from exchange.store.database import PARAMETERS_MAX, Database, Touched

_ROWS = 500
"""Rows of one image."""


@dataclass(frozen=True, slots=True)
class Image:
    """Some rows of one table.

    Attributes:
        table: Its name.
        gone: Whether the rows are no longer there.
        columns: Names of the columns: all of them, or of rows that are gone only the key.
        rows: Their values, in the order in which they were first written.
    """

    table: str
    gone: bool
    columns: tuple[str, ...]
    rows: list[tuple[object, ...]]


def images(db: Database, touched: Touched) -> Iterator[Image]:
    """Yield the rows that a transaction wrote as they stand now, in the order in which they were written.

    Args:
        db: Within that transaction.
        touched: Its rows.
    """
    for table, group in groupby(touched, key=lambda row: row[0]):
        keys = [key for _, key in group]
        for start in range(0, len(keys), _ROWS):
            yield from _images(db, table, keys[start : start + _ROWS])


def _images(db: Database, table: str, keys: list[tuple[object, ...]]) -> Iterator[Image]:
    names = db.keys_of(table)
    columns = columns_of(db, table)
    at = [columns.index(name) for name in names]
    there: dict[tuple[object, ...], tuple[object, ...]] = {}
    size = PARAMETERS_MAX // len(names)
    one = f"({', '.join('?' * len(names))})"
    for start in range(0, len(keys), size):
        part = keys[start : start + size]
        found = db.execute(
            f"SELECT {', '.join(columns)} FROM {table} WHERE ({', '.join(names)}) IN (VALUES {', '.join([one] * len(part))})",
            [value for key in part for value in key],
        )
        there |= {tuple(row[n] for n in at): row for row in found.fetchall()}
    for gone, group in groupby(keys, key=lambda key: key not in there):
        yield Image(table, gone, names if gone else columns, [key if gone else there[key] for key in group])


def columns_of(db: Database, table: str) -> tuple[str, ...]:
    """Return the names of a table's columns; none for a table that is not there."""
    return tuple(
        name for (name,) in db.execute("SELECT name FROM pragma_table_info(?) ORDER BY cid", (table,)).fetchall()
    )


def put(db: Database, image: Image) -> None:
    """Make rows stand as an image shows them. Part of the caller's transaction.

    Raises:
        Malformed: KF-208, it is no image of this store's tables.
    """
    keys, known = db.keys_of(image.table) if image.table.isidentifier() else (), set()
    if keys:
        known = set(columns_of(db, image.table))
    # Names go into statements: only those that the store itself has.
    if not keys or not set(keys) <= set(image.columns) <= known or (image.gone and image.columns != keys):
        raise errors.Malformed(part="image of rows")
    if any(len(row) != len(image.columns) for row in image.rows):
        raise errors.Malformed(part="image of rows")
    if image.gone:
        where = " AND ".join(f"{key} = ?" for key in keys)
        db.executemany(f"DELETE FROM {image.table} WHERE {where}", image.rows)
        return
    db.executemany(_upsert(image.table, keys, image.columns), image.rows)


def _upsert(table: str, keys: Sequence[str], columns: Sequence[str]) -> str:
    sets = [f"{name} = excluded.{name}" for name in columns if name not in keys]
    then = f"UPDATE SET {', '.join(sets)}" if sets else "NOTHING"
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))}) "
        f"ON CONFLICT ({', '.join(keys)}) DO {then}"
    )
