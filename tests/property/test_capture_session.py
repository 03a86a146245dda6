"""SQLite's own session extension as a second opinion: what a cut sends is what SQLite says has changed, net.

Another copy of SQLite (apsw's) writes to the school's file and records what it does to the exchanged tables. The store is closed
meanwhile: two copies in one process would not see each other's locks.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange.records import Op
from exchange.schema import SCHEMA
from exchange.schema.model import Kind, Table
from exchange.school import capture
from exchange.store.school import FILE, SchoolStore

AUDIT = ("create_date", "last_update", "last_sync", "updater_id")
Told = dict[tuple[str, str], tuple[Op, dict[str, object]]]
"""By table and row: what happened, and the values that are told."""
Rows = dict[tuple[str, str], dict[str, object]]
Change = tuple[str, str, dict[str, object], dict[str, object]]
"""Table, operation, values before and after."""
Script = list[tuple[str, list[object]]]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of an empty school's store, closed, to be copied for every example."""
    home = tmp_path_factory.mktemp("sekolah")
    with closing(SchoolStore.create(home, SCHEMA, lambda: 0)) as store:
        with store.transaction():
            store.set(device="0102030405060708", chain_start="00" * 32, sekolah_id="5e000000-0000-4000-8000-000000000001")
        store.db.execute("PRAGMA journal_mode = DELETE").fetchall()
    return home


class Place:
    """A school's store, written by another program and cut by us in turns."""

    def __init__(self, template: Path, home: Path) -> None:
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(template, home)
        self.home = home

    def run(self, script: list[tuple[Script, bool]]) -> tuple[Rows, list[Change], Rows]:
        """Run transactions, kept or rolled back; return all rows before, what SQLite says has changed in all, and all rows after."""
        program = apsw.Connection(str(self.home / FILE))
        try:
            program.execute("PRAGMA synchronous = OFF")
            before = look(program)
            session = apsw.Session(program, "main")
            for table in SCHEMA.data_tables:
                session.attach(table.name)
            for statements, is_kept in script:
                program.execute("BEGIN IMMEDIATE")
                for statement, values in statements:
                    try:
                        program.execute(statement, values)
                    except apsw.ConstraintError:
                        continue  # a key that is there already
                program.execute("COMMIT" if is_kept else "ROLLBACK")
            # What iter gives is valid only while it is read.
            changes = [(one.name, one.op, one.old, one.new) for one in apsw.Changeset.iter(session.changeset())]
            session.close()
            return before, [named(program, *change) for change in changes], look(program)
        finally:
            program.close()

    def cut(self) -> tuple[Told, set[tuple[str, str]]]:
        """Cut and return what would be sent, and which rows were put back."""
        with closing(SchoolStore.open(self.home, SCHEMA, lambda: 0)) as store:
            with store.transaction():
                made = capture.cut(store)
            told: Told = {}
            for block in capture.own_blocks(store, made.number - 1, made.number) if made.number else ():
                names = [column.name for column in block.columns]
                values = block.values[len(block.table.key) :]
                for n, row in enumerate(block.rows()):
                    assert (block.table.name, row) not in told
                    told[block.table.name, row] = block.op, {c: v[n] for c, v in zip(names, values, strict=True)}
            return told, set(made.put_back)


def look(program: apsw.Connection) -> Rows:
    """Return every row of the exchanged tables."""
    found: Rows = {}
    for table in SCHEMA.data_tables:
        cursor = program.execute(f"SELECT * FROM {table.name}")
        for values in cursor:
            row = dict(zip((column for column, _ in cursor.get_description()), values, strict=True))
            found[table.name, "|".join(str(row[key]) for key in table.key_names)] = row
    return found


def named(program: apsw.Connection, table: str, op: str, old: Any, new: Any) -> Change:
    """Return a change with its columns by name, those that did not change left out."""
    columns = [row[1] for row in program.execute(f"PRAGMA table_info({table})")]
    before, after = (
        {c: v for c, v in zip(columns, side or (), strict=bool(side)) if v is not apsw.no_change} for side in (old, new)
    )
    return table, op, before, after


def expected(changes: list[Change], now: Rows) -> tuple[Told, set[tuple[str, str]]]:
    """Return what SQLite's changes mean by Dapodik's rules: rows are deleted by ``soft_delete``, audit columns say nothing.

    Returns:
        What is to be told, of updates and of rows that live again only the values that SQLite saw change; and the rows that
        were removed from the file itself.
    """
    told, removed = Told(), set()
    for table_name, op, before, after in changes:
        table = SCHEMA.by_name[table_name]
        name = table_name, "|".join(str((before or after)[key]) for key in table.key_names)
        data = {c: v for c, v in after.items() if c in table.column_names}
        if op == "INSERT":
            if after["soft_delete"] != 1:
                told[name] = Op.INSERT, data
        elif op == "DELETE":
            if before["soft_delete"] != 1:
                removed.add(name)
        else:
            is_gone = now[name]["soft_delete"] == 1
            was_gone = before["soft_delete"] == 1 if "soft_delete" in before else is_gone
            if is_gone and not was_gone:
                told[name] = Op.DELETE, {}
            elif was_gone and not is_gone:
                told[name] = Op.INSERT, data
            elif data and not is_gone:
                told[name] = Op.UPDATE, data
    return told, removed


def same(ours: dict[str, object], theirs: dict[str, object]) -> bool:
    return ours.keys() == theirs.keys() and all(type(ours[c]) is type(theirs[c]) and ours[c] == theirs[c] for c in ours)


def check(place: Place, script: list[tuple[Script, bool]]) -> Told:
    """Run a script and compare what a cut sends with what SQLite says; return the latter."""
    before, changes, now = place.run(script)
    theirs, removed = expected(changes, now)
    ours, put_back = place.cut()
    assert put_back == removed
    assert {name: op for name, (op, _) in ours.items()} == {name: op for name, (op, _) in theirs.items()}
    for name, (op, values) in ours.items():
        table, seen = SCHEMA.by_name[name[0]], theirs[name][1]
        if op is Op.DELETE:
            assert values == {}
            continue
        whole = {c: now[name][c] for c in table.column_names}
        assert same(values, {c: whole[c] for c in values})
        assert same(seen, {c: whole[c] for c in seen})
        if op is Op.UPDATE:
            # Columns of a group travel together, and no other does.
            units = {c.name for group in table.groups if {c.name for c in group.columns} & seen.keys() for c in group.columns}
            assert values.keys() == units
        elif name in before:
            assert values.keys() == set(table.column_names)  # it lives again, with its empty columns
        else:
            assert {c for c, v in whole.items() if v is not None} <= values.keys()
    return theirs


# --- random programs -------------------------------------------------------------------------------

TEXTS = st.sampled_from([None, "", "1", "a", " a", "é", "e\u0301", "x\0y", 0, 1, 1.0, 1.5, b"1", 2**62])


def key_value(kind: Kind, draw: st.DrawFn) -> object:
    return draw(st.sampled_from([1, 2] if kind is Kind.INTEGER else ["a", "b"]))


@st.composite
def statements(draw: st.DrawFn, tables: list[Table]) -> tuple[str, list[object]]:
    """One statement of some program on one of a few tables."""
    table = draw(st.sampled_from(tables))
    keys = table.key_names
    row, other = ([key_value(column.kind, draw) for column in table.key] for _ in range(2))
    where = " AND ".join(f"{key} = ?" for key in keys)
    chosen = draw(st.lists(st.sampled_from(table.column_names), min_size=1, max_size=4, unique=True))
    values = [draw(TEXTS) for _ in chosen]
    names, marks = ", ".join([*keys, *chosen]), ", ".join("?" * (len(keys) + len(chosen)))
    sets = ", ".join(f"{name} = ?" for name in chosen)
    clause = draw(st.sampled_from(["", "OR REPLACE ", "OR IGNORE "]))
    verb = draw(st.sampled_from(["insert", "insert", "update", "update", "soft", "audit", "delete", "upsert", "key"]))
    if verb == "insert":
        return f"INSERT {clause}INTO {table.name} ({names}) VALUES ({marks})", [*row, *values]
    if verb == "upsert":
        conflict = f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {sets}"
        return f"INSERT INTO {table.name} ({names}) VALUES ({marks}) {conflict}", [*row, *values, *values]
    if verb == "update":
        return f"UPDATE {clause}{table.name} SET {sets} WHERE {where}", [*values, *row]
    if verb == "soft":
        return f"UPDATE {table.name} SET soft_delete = ? WHERE {where}", [draw(st.sampled_from([0, 1, 1, None])), *row]
    if verb == "audit":
        return f"UPDATE {table.name} SET {draw(st.sampled_from(AUDIT))} = 'x' WHERE {where}", [*row]
    if verb == "key":
        return f"UPDATE {clause}{table.name} SET {', '.join(f'{key} = ?' for key in keys)} WHERE {where}", [*other, *row]
    return f"DELETE FROM {table.name} WHERE {where}", [*row]


@st.composite
def programs(draw: st.DrawFn) -> list[list[tuple[Script, bool]]]:
    """Two or three scripts, each of a few transactions, with a cut after each script."""
    tables = draw(st.lists(st.sampled_from(SCHEMA.data_tables), min_size=1, max_size=2, unique_by=lambda t: t.name))
    transaction = st.tuples(st.lists(statements(tables), min_size=1, max_size=6), st.sampled_from([True, True, True, False]))
    return draw(st.lists(st.lists(transaction, min_size=1, max_size=3), min_size=2, max_size=3))


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(scripts=programs())
def test_a_cut_sends_what_sqlites_session_says_has_changed(
    template: Path, tmp_path_factory: pytest.TempPathFactory, scripts: list[list[tuple[Script, bool]]]
) -> None:
    """Rule 1 of docs/protocol.md, told by somebody else."""
    place = Place(template, tmp_path_factory.getbasetemp() / "salinan")
    for script in scripts:
        check(place, script)


# --- what is no change -----------------------------------------------------------------------------

PUPIL = "peserta_didik"
INSERT = f"INSERT INTO {PUPIL} (peserta_didik_id, nama) VALUES ('a', 'SISWA CONTOH')"

NO_CHANGE = {
    "an edit that was undone": [f"UPDATE {PUPIL} SET nama = 'LAIN'", f"UPDATE {PUPIL} SET nama = 'SISWA CONTOH'"],
    "an edit to the same value": [f"UPDATE {PUPIL} SET nama = nama"],
    "a row made and removed": [INSERT.replace("'a'", "'b'"), f"DELETE FROM {PUPIL} WHERE peserta_didik_id = 'b'"],
    "a row made and deleted": [INSERT.replace("'a'", "'b'"), f"UPDATE {PUPIL} SET soft_delete = 1 WHERE peserta_didik_id = 'b'"],
    "a row deleted and back": [f"UPDATE {PUPIL} SET soft_delete = 1", f"UPDATE {PUPIL} SET soft_delete = 0"],
    "a row removed and written again": [f"DELETE FROM {PUPIL}", INSERT],
    "a row replaced by itself": [INSERT.replace("INSERT", "INSERT OR REPLACE", 1)],
    "a key moved and moved back": [f"UPDATE {PUPIL} SET peserta_didik_id = 'b'", f"UPDATE {PUPIL} SET peserta_didik_id = 'a'"],
    "a date of the audit columns": [f"UPDATE {PUPIL} SET last_update = '2026-10-26 07:00:00', updater_id = 'x'"],
}


@pytest.mark.parametrize("name", NO_CHANGE)
@pytest.mark.parametrize("together", [True, False], ids=["one transaction", "each its own"])
def test_it_is_no_change_for_sqlite_nor_for_us(template: Path, tmp_path: Path, name: str, together: bool) -> None:
    place = Place(template, tmp_path / "sekolah")
    assert check(place, [([(INSERT, [])], True)])
    steps: Script = [(statement, []) for statement in NO_CHANGE[name]]
    assert check(place, [(steps, True)] if together else [([step], True) for step in steps]) == {}


def test_what_was_rolled_back_is_no_change(template: Path, tmp_path: Path) -> None:
    place = Place(template, tmp_path / "sekolah")
    assert check(place, [([(INSERT, [])], False)]) == {}
