"""Dictionaries of a few columns become whole rows of an exchanged table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from exchange.demo.place import KECAMATAN
from exchange.schema import SCHEMA, reference_rows
from exchange.schema.ids import derive_ids

Rows = tuple[tuple[str, ...], list[tuple[Any, ...]]]
"""Names of all columns, keys first, and the rows in the order of entry."""

Tables = dict[str, Rows]
"""Table name to its rows, parents before children."""


def whole_rows(name: str, given: Iterable[Mapping[str, Any]]) -> Rows:
    """Return rows with every column: what is given, else the column's default, and a derived id where there is one.

    Args:
        name: SQL name of an exchanged table.
        given: One mapping a row; a table with derived ids needs no key in it.
    """
    table = SCHEMA.by_name[name]
    rows = list(given)
    if table.derived:
        key = table.key_names[0]
        natural = [[part[1:] if part[0] == "=" else row[part] for part in table.derived] for row in rows]
        rows = [{**row, key: found} for row, found in zip(rows, derive_ids(name, natural), strict=True)]
    plan = [(column.name, column.default) for column in table.all_columns]
    columns = tuple(column for column, _ in plan)
    if rows and (strange := set(rows[0]) - set(columns)):
        raise KeyError(f"{name} has no {sorted(strange)}")
    return columns, [tuple([row.get(column, default) for column, default in plan]) for row in rows]


def column_of(rows: Rows, name: str) -> list[Any]:
    """Return one column's values."""
    at = rows[0].index(name)
    return [row[at] for row in rows[1]]


@cache
def reference(name: str) -> tuple[dict[str, Any], ...]:
    """Return the shipped rows of a reference table as dictionaries."""
    columns, rows = reference_rows(name)
    return tuple(dict(zip(columns, row, strict=True)) for row in rows)


@cache
def kode_wilayah() -> str:
    """Return the code of the made-up district."""
    return next(str(row["kode_wilayah"]) for row in reference("ref_mst_wilayah") if row["nama"] == f"Kec. {KECAMATAN}")


def first_code(name: str, **wanted: object) -> Any:
    """Return the key of the first reference row that has these values, or of the first one if none has."""
    key = SCHEMA.by_name[name].key_names[0]
    fitting = (row for row in reference(name) if all(row.get(column) == value for column, value in wanted.items()))
    return next(fitting, reference(name)[0])[key]
