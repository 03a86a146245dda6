"""The tables of both stores, as SQLAlchemy metadata made from the schema, and the triggers that capture.

A school's store and the server's hold the same exchanged tables: Dapodik's columns, the five audit columns, and
``kirim_home``, the school in whose scope a row is written. Nothing but the key is a constraint, because files arrive in
any order; what is missing or doubled is a finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from exchange.schema.model import Column, Kind, Schema, Table

_AFFINITY = {Kind.INTEGER: "BIGINT", Kind.DOUBLE: "FLOAT"}


def affinity(column: Column) -> str:
    """Return the SQL type of a column that is added later."""
    return _AFFINITY.get(column.kind, "TEXT")


def statements(schema: Schema, role: str) -> list[str]:
    """Return the statements that make an empty store, in order.

    Args:
        schema: The exchanged tables.
        role: ``school`` or ``server``.
    """
    from sqlalchemy.dialects import sqlite
    from sqlalchemy.schema import CreateIndex, CreateTable

    dialect = sqlite.dialect()
    made = []
    for table in _metadata(schema, role).sorted_tables:
        made.append(str(CreateTable(table).compile(dialect=dialect)).strip())
        made += [str(CreateIndex(index).compile(dialect=dialect)) for index in sorted(table.indexes, key=_index_name)]
    if role == "school":
        for exchanged in schema.data_tables:
            made += list(capture_triggers(exchanged))
        made.append("INSERT INTO kirim_capture (id, on_now) VALUES (1, 1)")
    return made


def _index_name(index: Any) -> str:
    return str(index.name)


def _metadata(schema: Schema, role: str) -> Any:
    import sqlalchemy as sa

    metadata = sa.MetaData()
    types = {"BIGINT": sa.BigInteger, "FLOAT": sa.Float}

    def typed(column: Column) -> Any:
        return types.get(_AFFINITY.get(column.kind, ""), sa.Text)()

    for table in schema.tables:
        columns = [sa.Column(c.name, typed(c), nullable=c in table.columns) for c in table.all_columns]
        columns += [
            sa.Column("create_date", sa.Text, server_default=sa.text("CURRENT_TIMESTAMP")),
            sa.Column("last_update", sa.Text, server_default=sa.text("CURRENT_TIMESTAMP")),
        ]
        if not table.is_reference:
            columns.append(sa.Column("soft_delete", sa.Integer, server_default=sa.text("0")))
        columns.append(sa.Column("last_sync", sa.Text, server_default=sa.text("'1901-01-01 00:00:00'")))
        if table.is_reference:
            columns.append(sa.Column("kirim_position", sa.BigInteger, server_default=sa.text("0")))
        else:
            columns += [sa.Column("updater_id", sa.Text), sa.Column("kirim_home", sa.Text)]
        sa.Table(table.name, metadata, *columns, sa.PrimaryKeyConstraint(*table.key_names))
        for name in _indexed(schema, table, role):
            sa.Index(f"kirim_ix_{table.name}_{name}", metadata.tables[table.name].c[name])
        if role == "school" and not table.is_reference:
            before = [sa.Column(c.name, typed(c), nullable=c in table.columns) for c in table.all_columns]
            before += [
                sa.Column("soft_delete", sa.Integer),
                sa.Column("kirim_home", sa.Text),
                sa.Column("kirim_existed", sa.Integer, nullable=False),
            ]
            sa.Table(f"kirim_before_{table.name}", metadata, *before, sa.PrimaryKeyConstraint(*table.key_names))
    for name, (columns_text, key) in (_COMMON | (_SCHOOL if role == "school" else _SERVER)).items():
        sa.Table(
            name,
            metadata,
            *[_engine_column(sa, text) for text in columns_text.split(";")],
            sa.PrimaryKeyConstraint(*key.split()),
        )
    for name, table_name, columns_text in _INDEXES if role == "server" else ():
        sa.Index(name, *[metadata.tables[table_name].c[c] for c in columns_text.split()])
    return metadata


def _indexed(schema: Schema, table: Table, role: str) -> list[str]:
    """Columns by which rows of a table are looked up."""
    if table.is_reference:
        return []
    names = ["kirim_home"] if role == "server" else []
    if table.parent_column and table.parent_column != table.key_names[0]:
        names.append(table.parent_column)
    for claim in table.unique:
        target = schema.by_name.get(table.by_name[claim[0]].ref or "")
        if len(claim) == 1 or (target is not None and target.scope == "@home"):
            names.append(claim[0])
    return list(dict.fromkeys(names))


_TYPES = {"int": "BigInteger", "serial": "Integer", "text": "Text", "blob": "LargeBinary"}


def _engine_column(sa: Any, text: str) -> Any:
    name, kind, *default = text.split()
    return sa.Column(name, getattr(sa, _TYPES[kind])(), server_default=sa.text(default[0]) if default else None)


_COMMON = {
    "kirim_meta": ("name text; value text", "name"),
    "kirim_changeset": (
        "scope text; device blob; number int; value blob; origin blob; base int; base_value blob; position int; "
        "outcome blob; applied int 0; same int 0; conflict int 0; refused int 0; held int 0",
        "scope device number",
    ),
    "kirim_part": ("scope text; device blob; number int; part int; bytes blob", "scope device number part"),
    "kirim_lock": ("table_no int; row text; group_no int", "table_no row group_no"),
    "kirim_open": (
        "scope text; table_no int; row text; code int; bytes blob",
        "scope table_no row",
    ),
}
_SCHOOL = {
    "kirim_capture": ("id int; on_now int; changes int 0", "id"),
    "kirim_return": (
        "position int; value blob; number int; package_id blob; applied_at int; report text; file_key blob; file blob",
        "position",
    ),
    "kirim_conflict": (
        "id serial; position int; table_no int; row text; group_no int; code int; won int; own text; other text",
        "id",
    ),
    "kirim_vanished": ("table_no int; row text; noticed_at int", "table_no row"),
}
_SERVER = {
    "kirim_school": (
        "sekolah_id text; npsn text; nama text; bentuk int; position int 0; value blob; returns int 0; "
        "have int 0; told int 0; own int 0; device blob; schema int 0; digests blob; diverged text; reference int 0",
        "sekolah_id",
    ),
    "kirim_key": (
        "scope text; key_id blob; kind int; body blob; signature blob; subject blob; state text; last int 0; "
        "value blob; revoked_after int; revoked_value blob; issued_at int",
        "scope key_id",
    ),
    "kirim_code": (
        "scope text; key_id blob; purpose text; public blob; subject blob; spent blob; root blob; root_signature blob; "
        "cancelled int 0",
        "scope key_id",
    ),
    "kirim_district": (
        "scope text; key_id blob; region text; name text; sealed int 0; state text; last int 0; value blob; "
        "reported int 0; made_at int",
        "scope key_id",
    ),
    "kirim_order": (
        "package_id blob; scope text; key_id blob; number int; verb int; state text; code int 0; file text; size int; "
        "plaintext blob; file_key blob; received_at int",
        "package_id",
    ),
    "kirim_package": (
        "seq serial; package_id blob; scope text; kind int; number int; device blob; first int; last int; state text; "
        "code int 0; file text; size int; plaintext blob; file_key blob; received_at int; applied int 0; same int 0; "
        "conflict int 0; refused int 0; held int 0; position int; value blob",
        "seq",
    ),
    "kirim_entry": ("seq serial; kind int; entry blob; value blob; signature blob", "seq"),
    "kirim_act": ("seq int; part int; bytes blob", "seq part"),
    "kirim_log": (
        "scope text; position int; value blob; kind int; device blob; number int; cause int; made_at int",
        "scope position",
    ),
    "kirim_index": (
        "scope text; position int; table_no int; row text; group_no int; op int; cause int",
        "scope position table_no row group_no",
    ),
    "kirim_seen": ("table_no int; row text; scope text; home text", "table_no row scope"),
    "kirim_lost": ("scope text; number int; value blob", "scope number value"),
    "kirim_given": ("scope text; number int; value blob; common int; position int", "scope number value"),
    "kirim_overruled": (
        "scope text; position int; table_no int; row text; group_no int; given text; stands text",
        "scope position table_no row group_no",
    ),
    "kirim_waived": ("package_id blob; at int", "package_id"),
    "kirim_kip": ("list int; line int; bytes text; reason text", "list line"),
    "kirim_return": (
        "scope text; kind int; number int; first int; position int; value blob; made_at int; root blob; ledger int; "
        "reference int 0",
        "scope kind number",
    ),
}
_INDEXES = (
    ("kirim_ix_school_npsn", "kirim_school", "npsn"),
    ("kirim_ix_package_id", "kirim_package", "package_id"),
    ("kirim_ix_package_scope", "kirim_package", "scope state"),
    ("kirim_ix_seen_home", "kirim_seen", "home"),
    ("kirim_ix_changeset_origin", "kirim_changeset", "scope origin"),
)


def capture_triggers(table: Table) -> Iterator[str]:
    """Yield the triggers that note a row's image before its first change since the last cut.

    An outer statement's conflict clause (``INSERT OR REPLACE``) overrides one in a trigger, so first is asked for by
    ``NOT EXISTS``; REPLACE removes a row without a delete trigger, so an insert looks for the row that it may replace.
    Each change is also counted, so that what was found out about the data is known to be stale.
    """
    before, names = f"kirim_before_{table.name}", [c.name for c in table.all_columns]
    columns = ", ".join([*names, "soft_delete", "kirim_home"])
    where = {side: " AND ".join(f"{key} = {side}.{key}" for key in table.key_names) for side in ("NEW", "OLD")}
    on_now = "(SELECT on_now FROM kirim_capture)"
    watched = ", ".join([*names, "soft_delete"])
    old = ", ".join(f"OLD.{name}" for name in [*names, "soft_delete", "kirim_home"])
    new_keys = ", ".join(f"NEW.{key}" for key in table.key_names)

    def trigger(when: str, action: str) -> str:
        name = f"kirim_{when.split(maxsplit=1)[0].lower()}_{when.split()[1].lower()}_{table.name}"
        counted = "UPDATE kirim_capture SET changes = changes + 1; " if when.startswith("AFTER") else ""
        return f"CREATE TRIGGER {name} {when} ON {table.name} WHEN {on_now} BEGIN {counted}{action}; END"

    yield trigger(
        "BEFORE INSERT",
        f"INSERT INTO {before} SELECT {columns}, 1 FROM {table.name} "
        f"WHERE {where['NEW']} AND NOT EXISTS (SELECT 1 FROM {before} WHERE {where['NEW']})",
    )
    yield trigger(
        "AFTER INSERT",
        f"INSERT INTO {before} ({', '.join(table.key_names)}, kirim_existed) SELECT {new_keys}, 0 "
        f"WHERE NOT EXISTS (SELECT 1 FROM {before} WHERE {where['NEW']})",
    )
    changed_key = " OR ".join(f"NEW.{key} IS NOT OLD.{key}" for key in table.key_names)
    yield trigger(
        f"BEFORE UPDATE OF {', '.join(table.key_names)}",  # UPDATE OR REPLACE removes the row that has the new key
        f"INSERT INTO {before} SELECT {columns}, 1 FROM {table.name} "
        f"WHERE {where['NEW']} AND ({changed_key}) AND NOT EXISTS (SELECT 1 FROM {before} WHERE {where['NEW']})",
    )
    keep = f"INSERT INTO {before} SELECT {old}, 1 WHERE NOT EXISTS (SELECT 1 FROM {before} WHERE {where['OLD']})"
    moved = (
        f"INSERT INTO {before} ({', '.join(table.key_names)}, kirim_existed) SELECT {new_keys}, 0 "
        f"WHERE ({changed_key}) AND NOT EXISTS (SELECT 1 FROM {before} WHERE {where['NEW']})"
    )
    yield trigger(f"AFTER UPDATE OF {watched}", f"{keep}; {moved}")
    yield trigger("AFTER DELETE", keep)
