"""Digests of a scope's rows, computed outside the merge path: the net under everything else (R28).

A school sends them with each package, the server compares. A difference means that the two stores diverged, however that came
about; it is named by table at once and by row after the next round trip.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from exchange.format import digest
from exchange.records import Digests
from exchange.schema.model import Schema, Table
from exchange.store.database import Database

Pairs = dict[int, tuple[int, bytes]]
"""Table number to (rows, 8-byte digest)."""


def _live(db: Database, table: Table, home: str | None) -> Iterator[tuple[object, ...]]:
    names = ", ".join(column.name for column in table.all_columns)
    where, values = ("kirim_home IS NULL", ()) if home is None else ("kirim_home = ?", (home,))
    return iter(db.execute(f"SELECT {names} FROM {table.name} WHERE soft_delete IS NOT 1 AND {where}", values))


def pairs(db: Database, schema: Schema, home: str | None) -> Pairs:
    """Return the count and digest of every table of a scope that has rows.

    Args:
        db: A store.
        schema: The exchanged tables.
        home: The scope at the server; ``None`` at a school, for its own rows.
    """
    found = {table.number: digest.table_digest(_live(db, table, home)) for table in schema.data_tables}
    return {number: pair for number, pair in found.items() if pair[0]}


def table_pair(db: Database, table: Table, home: str | None) -> tuple[int, bytes]:
    """Return the count and digest of one table of a scope."""
    return digest.table_digest(_live(db, table, home))


def hashes(db: Database, table: Table, home: str | None) -> dict[str, bytes]:
    """Return the short hash of each live row of a table, by row id."""
    keys = len(table.key)
    return {"|".join(map(str, row[:keys])): digest.row_hash(row) for row in _live(db, table, home)}


def travelling(now: Pairs, acknowledged: Mapping[int, tuple[int, bytes]]) -> Digests:
    """Return what a package says: the root, and the tables that differ from those last acknowledged."""
    changed = {number: pair for number, pair in now.items() if acknowledged.get(number) != pair}
    emptied: Pairs = {number: (0, bytes(8)) for number in acknowledged.keys() - now.keys()}
    return Digests(digest.root(now), changed | emptied)


def received(told: Digests, before: Mapping[int, tuple[int, bytes]]) -> Pairs | None:
    """Return all pairs that a package means, or ``None`` when they do not give its root.

    Args:
        told: What travelled.
        before: The pairs at the position after which the package's changesets begin.
    """
    merged = {number: pair for number, pair in {**before, **told.tables}.items() if pair[0]}
    return merged if digest.root(merged) == told.root else None
