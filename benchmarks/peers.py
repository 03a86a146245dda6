"""How many bytes other ways of writing the same rows take, each under zstd level 19.

The peers get the rows in the same order as our encoder and no help beyond what plain library calls
give: JSON objects, a changeset of SQLite's session extension, msgpack arrays with ids as 16 bytes.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping

import apsw
import msgpack
import zstandard

from benchmarks.bare_upsert import Rows, upsert_sql
from benchmarks.data import SETS
from exchange.schema import SCHEMA
from exchange.schema.model import Kind, Schema

LEVEL = 19


def packed(data: bytes) -> int:
    """Return the size of the data under zstd 19."""
    return len(zstandard.ZstdCompressor(level=LEVEL).compress(data))


def json_lines(rows: Rows) -> bytes:
    """Return one JSON object a row, its table's name before each table; empty values left out."""
    lines = []
    for name, (columns, values) in rows.items():
        lines.append(json.dumps(name))
        for row in values:
            known = {column: value for column, value in zip(columns, row, strict=True) if value is not None}
            lines.append(json.dumps(known, ensure_ascii=False, separators=(",", ":")))
    return "\n".join(lines).encode()


def msgpack_arrays(schema: Schema, rows: Rows) -> bytes:
    """Return [table, columns, rows …] for each table; a UUID is its 16 bytes."""
    packer = msgpack.Packer()
    parts = []
    for name, (columns, values) in rows.items():
        ids = [schema.by_name[name].by_name[column].kind is Kind.UUID for column in columns]
        parts.append(packer.pack([name, list(columns)]))
        parts += [
            packer.pack([_as_bytes(value) if is_id else value for value, is_id in zip(row, ids, strict=True)])
            for row in values
        ]
    return b"".join(parts)


def _as_bytes(value: object) -> object:
    """Return an id's bytes, anything else as it is."""
    return uuid.UUID(value).bytes if isinstance(value, str) else value


def sqlite_changeset(schema: Schema, rows: Rows, before: Rows | None = None) -> bytes:
    """Return what the session extension records while the rows are written.

    Args:
        schema: Keys of the tables.
        rows: What is written.
        before: What stood there already, unrecorded.
    """
    connection = apsw.Connection(":memory:")
    for name, (columns, _) in {**(before or {}), **rows}.items():
        key = ", ".join(schema.by_name[name].key_names)
        connection.execute(f"CREATE TABLE {name} ({', '.join(columns)}, PRIMARY KEY ({key}))")
    _write(connection, schema, before or {})
    session = apsw.Session(connection, "main")
    session.attach()
    _write(connection, schema, rows)
    changes: bytes = session.changeset()
    session.close()
    connection.close()
    return changes


def _write(connection: apsw.Connection, schema: Schema, rows: Rows) -> None:
    """Upsert rows of each table."""
    with connection:
        for name, (columns, values) in rows.items():
            connection.executemany(upsert_sql(name, schema.by_name[name].key_names, columns), list(values))


def sizes(schema: Schema, rows: Rows) -> Mapping[str, int]:
    """Return each peer's bytes for the rows.

    Args:
        schema: Which columns are ids and keys.
        rows: Table by table, in entry order.
    """
    return {
        "json": packed(json_lines(rows)),
        "sqlite changeset": packed(sqlite_changeset(schema, rows)),
        "msgpack arrays": packed(msgpack_arrays(schema, rows)),
    }


def best(found: Mapping[str, int]) -> int:
    """Return the smallest peer's bytes: the bar."""
    return min(found.values())


def main() -> None:
    """Print the peers' sizes for every data set but the tenfold one."""
    for name, rows in SETS.items():
        if not name.startswith("10"):
            found = sizes(SCHEMA, rows())
            print(f"{name}: " + ", ".join(f"{peer} {size:,}" for peer, size in found.items()))


if __name__ == "__main__":
    main()
