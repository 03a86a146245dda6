"""The exchanged tables as data: columns, keys, scopes, groups, owners, and the reference rows that ship.

Everything that knows a table reads it here; nothing here opens a store.
"""

from __future__ import annotations

from exchange.schema.reference import reference_rows, text_column
from exchange.schema.tables import LEFT_OUT, SCHEMA

__all__ = ["LEFT_OUT", "SCHEMA", "reference_rows", "text_column"]
