"""More reference rows: regions, codes. Every school gets them with its next return."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from exchange import errors
from exchange.central.change import store_value
from exchange.interop.lists import read_reference
from exchange.schema.model import Column, Kind
from exchange.store import rows
from exchange.store.server import ServerStore


@dataclass(frozen=True, slots=True)
class ReferenceImport:
    """How many reference rows came in, by table."""

    tables: dict[str, int]

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server ref import --json``."""
        return {"tables": self.tables}


def import_reference(server: ServerStore, path: Path) -> ReferenceImport:
    """Take reference rows from a list; rows that stand already in the same form are left alone.

    Raises:
        ColumnsMissing: KF-215, the table or a column is not known.
        WorkbookUnreadable: KF-211.
    """
    name, columns, found = read_reference(path)
    table = server.schema.by_name.get(name)
    if table is None or not table.is_reference:
        raise errors.ColumnsMissing(file=path.name, missing=name)
    unknown = [column for column in columns if column not in table.by_name]
    missing = [key for key in table.key_names if key not in columns]
    if unknown or missing:
        raise errors.ColumnsMissing(file=path.name, missing=(unknown or missing)[0])
    set_now = tuple(table.by_name[c] for c in columns if c not in table.key_names)
    order = [columns.index(c) for c in (*table.key_names, *(c.name for c in set_now))]
    kinds = (*table.key, *set_now)
    with server.act("ref import"):
        position = server.reference + 1
        values = [[_value(column, row[n]) for row in found] for column, n in zip(kinds, order, strict=True)]
        rows.upsert_rows(server.db, table, set_now, values, None)
        where = " AND ".join(f"{key} = ?" for key in table.key_names)
        server.db.executemany(
            f"UPDATE {table.name} SET kirim_position = {position} WHERE {where}",
            zip(*values[: len(table.key)], strict=True),
        )
        server.set("reference", position)
    return ReferenceImport({table.name: len(found)})


def _value(column: Column, text: str | None) -> object:
    """Return a value in the store's form; a code of fixed width keeps the blanks that belong to it."""
    return text if column.kind is Kind.CHAR else store_value(column, text)
