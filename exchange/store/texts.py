"""Texts in a store that are no texts: another program wrote bytes that are not UTF-8, and no list can show them."""

from __future__ import annotations

import re
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exchange.errors import TextBroken

_SAID = re.compile(r"Could not decode to UTF-8 column '(\w+)'")
"""How Python's driver speaks of such a text."""


def broken_text(error: Exception, connection: sqlite3.Connection) -> TextBroken | None:
    """Return the error that names the value which could not be read, or ``None`` for another kind of error.

    Args:
        error: As the driver raised it.
        connection: Where it happened; every exchanged table with such a column is looked through.
    """
    from exchange import errors

    said = _SAID.match(str(error))
    if said is None:
        return None
    column = said[1]
    tables = connection.execute(
        "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = ? "
        "WHERE m.type = 'table' AND m.name NOT LIKE 'kirim%' ORDER BY m.name",
        (column,),
    ).fetchall()
    for (table,) in tables:
        names = [name for _, name, *_, key in connection.execute(f"PRAGMA table_info({table})") if key or name == "nama"]
        shown = ", ".join(f"CAST({name} AS BLOB)" for name in (column, *names))
        for value, *rest in connection.execute(f"SELECT {shown} FROM {table} WHERE typeof({column}) = 'text'"):
            if not _is_text(value):
                row = ", ".join(part.decode(errors="replace") for part in rest if part)
                return errors.TextBroken(table=table, row=row, column=column, text=value.decode(errors="replace"))
    return errors.TextBroken(table="?", row="?", column=column, text="?")


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
