"""Which rows hang on which: the rows that others name in their columns."""

from __future__ import annotations

from collections.abc import Sequence

from exchange.records import Block
from exchange.schema.model import Column, Schema, Table
from exchange.store import rows

Row = tuple[int, str]
"""(table number, row id)."""


def parent_table(schema: Schema, column: Column) -> Table | None:
    """Return the exchanged table of schools' rows that a column points to, or ``None``.

    Example:
        >>> from exchange.schema import SCHEMA
        >>> column = SCHEMA.by_name["registrasi_peserta_didik"].by_name["peserta_didik_id"]
        >>> parent_table(SCHEMA, column).name
        'peserta_didik'
        >>> parent_table(SCHEMA, SCHEMA.by_name["peserta_didik"].by_name["agama_id"])
    """
    table = schema.by_name.get(column.ref or "")
    return None if table is None or table.is_reference else table


def named_by(schema: Schema, block: Block) -> list[Row]:
    """Return the rows that a block's rows name, each once."""
    found: dict[Row, None] = {}
    for column, values in zip((*block.table.key, *block.columns), block.values, strict=True):
        parent = parent_table(schema, column)
        if parent is not None:
            found.update(((parent.number, str(value)), None) for value in values if value is not None)
    return list(found)


def above(schema: Schema, table: Table, name: str, found: Sequence[object]) -> list[Row]:
    """Return the rows that a stored row hangs on.

    Args:
        schema: The exchanged tables.
        table: The row's.
        name: Its id.
        found: Its values in the order of the table's columns; what follows them is passed over.
    """
    values = dict(zip(table.all_columns, (*rows.key_values(table, name), *found), strict=False))
    wanted = ((parent_table(schema, column), values[column]) for column in table.references)
    return [(parent.number, str(value)) for parent, value in wanted if parent is not None and value]
