"""Whatever SQL is run, by whom and in which order: what is cut is the difference between two looks at the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange.records import Op
from exchange.schema import SCHEMA
from exchange.school import capture
from exchange.store.school import FILE, SchoolStore

TABLES = ("kesejahteraan_pd", "peserta_didik_longitudinal", "tanah_longitudinal", "jadwal")
COLUMNS = {
    "kesejahteraan_pd": ("nomor", "nm_di_kartu", "dari_tahun"),
    "peserta_didik_longitudinal": ("tinggi_badan", "berat_badan", "jarak_rumah_ke_sekolah_km"),
    "tanah_longitudinal": ("njop",),
    "jadwal": ("bel_ke_01", "bel_ke_20"),
}
KEYS = {
    "kesejahteraan_pd": [["a"], ["b"], ["c"]],
    "peserta_didik_longitudinal": [["a", "20261"], ["a", "20262"], ["b", "20261"]],
    "tanah_longitudinal": [["a", 2025], ["a", 2026], ["b", 2026]],
    "jadwal": [["s", "20261", "r", 1], ["s", "20261", "r", 2], ["s", "20262", "r", 1]],
}
VALUES = st.sampled_from([None, 0, 1, 1.0, 1.5, "", "1", "1.0", "a", " a", "a\tb", "\u00e9", "e\u0301", "x\0y", b"1", 2**62])
AUDIT = ("create_date", "last_update", "last_sync", "updater_id")

Row = dict[str, object]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SchoolStore]:
    """An empty school's store."""
    made = SchoolStore.create(tmp_path_factory.mktemp("sekolah"), SCHEMA, lambda: 0)
    with made.transaction():
        made.set(device="0102030405060708", chain_start="00" * 32)
    made.db.execute("PRAGMA synchronous = OFF")
    made.scope = "5e000000-0000-4000-8000-000000000001"
    yield made
    made.close()


def look(store: SchoolStore, table: str) -> dict[str, Row]:
    """Return the live rows of a table by id."""
    declared = SCHEMA.by_name[table]
    names = [column.name for column in declared.all_columns]
    found = store.db.execute(f"SELECT {', '.join(names)} FROM {table} WHERE soft_delete IS NOT 1")
    rows = (dict(zip(names, row, strict=True)) for row in found)
    return {"|".join(str(row[key]) for key in declared.key_names): row for row in rows}


def same(a: object, b: object) -> bool:
    """Whether two values are one to the byte."""
    return type(a) is type(b) and a == b


def told(store: SchoolStore, before: dict[str, dict[str, Row]]) -> dict[str, dict[str, Row]]:
    """Return the store of before with what was cut carried out: what the other side would hold."""
    with store.transaction():
        number = capture.cut(store).number
    after = {table: {row: dict(values) for row, values in rows.items()} for table, rows in before.items()}
    for block in capture.own_blocks(store, number - 1, number) if number else ():
        rows, declared = after[block.table.name], block.table
        assert len(set(block.rows())) == block.count
        for n, row in enumerate(block.rows()):
            values = {c.name: column[n] for c, column in zip((*declared.key, *block.columns), block.values, strict=True)}
            if block.op is Op.DELETE:
                del rows[row]
            elif block.op is Op.INSERT:
                assert row not in rows
                rows[row] = dict.fromkeys(declared.column_names) | values
            else:
                assert any(not same(rows[row][name], value) for name, value in values.items())
                rows[row].update(values)
    return after


@st.composite
def statements(draw: st.DrawFn) -> tuple[str, list[object]]:
    """One statement of some program."""
    table = draw(st.sampled_from(TABLES))
    keys = SCHEMA.by_name[table].key_names
    row = draw(st.sampled_from(KEYS[table]))
    where = " AND ".join(f"{key} = ?" for key in keys)
    chosen = draw(st.lists(st.sampled_from(COLUMNS[table]), min_size=1, unique=True))
    values = [draw(VALUES) for _ in chosen]
    names, marks = ", ".join([*keys, *chosen]), ", ".join("?" * (len(keys) + len(chosen)))
    sets = ", ".join(f"{name} = ?" for name in chosen)
    verb = draw(st.sampled_from(["insert", "update", "soft", "audit", "delete", "upsert", "key", "clear"]))
    clause = draw(st.sampled_from(["", "OR REPLACE ", "OR IGNORE "]))
    if verb == "insert":
        return f"INSERT {clause}INTO {table} ({names}) VALUES ({marks})", [*row, *values]
    if verb == "upsert":
        return (
            f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {sets}",
            [*row, *values, *values],
        )
    if verb == "update":
        return f"UPDATE {clause}{table} SET {sets} WHERE {where}", [*values, *row]
    if verb == "soft":
        return f"UPDATE {table} SET soft_delete = ? WHERE {where}", [draw(st.sampled_from([0, 1, None])), *row]
    if verb == "audit":
        return f"UPDATE {table} SET {draw(st.sampled_from(AUDIT))} = 'x' WHERE {where}", [*row]
    if verb == "key":
        other = draw(st.sampled_from(KEYS[table]))
        moved = ", ".join(f"{key} = ?" for key in keys)
        return f"UPDATE {clause}{table} SET {moved} WHERE {where}", [*other, *row]
    if verb == "clear":
        return f"DELETE FROM {table}", []
    return f"DELETE FROM {table} WHERE {where}", [*row]


RUNS = st.lists(
    st.tuples(st.lists(statements(), max_size=6), st.sampled_from(["commit", "commit", "commit", "rollback", "cut"])),
    max_size=6,
)


Runs = list[tuple[list[tuple[str, list[object]]], str]]


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(first=RUNS, second=RUNS)
def test_what_is_cut_is_the_difference_of_two_looks(store: SchoolStore, first: Runs, second: Runs) -> None:
    """Rule 1: random statements in transactions that hold or not; the other side, told of the cuts alone, holds the same rows.

    What vanished from the file without ``soft_delete`` stands again (ADR 5), so it is in the store when it is looked at.
    """
    held = {table: look(store, table) for table in TABLES}
    with closing(sqlite3.connect(store.home / FILE, isolation_level=None)) as program:
        for script, end in (*first, ([], "cut"), *second, ([], "cut")):
            program.execute("BEGIN IMMEDIATE")
            for statement, values in script:
                try:
                    program.execute(statement, values)
                except sqlite3.IntegrityError:
                    continue  # a key that is there already, or none
            program.execute("ROLLBACK" if end == "rollback" else "COMMIT")
            if end == "cut":
                held = told(store, held)
                for table in TABLES:
                    now = look(store, table)
                    assert held[table].keys() == now.keys(), table
                    for row, values_now in now.items():
                        assert all(same(values_now[name], held[table][row][name]) for name in values_now), (table, row)
