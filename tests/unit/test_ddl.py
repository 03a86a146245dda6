"""Both stores as they are made: the tables of the field, no constraint but the key, and triggers that miss nobody."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

from exchange.schema import SCHEMA
from exchange.schema.model import Kind, Table
from exchange.store.database import Database, open_sqlite
from exchange.store.ddl import statements

AUDIT = {"create_date", "last_update", "soft_delete", "last_sync", "updater_id"}
A, B = "0f0c0000-0000-4000-8000-00000000000a", "0f0c0000-0000-4000-8000-00000000000b"

each_table = pytest.mark.parametrize("table", SCHEMA.tables, ids=lambda table: table.name)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One empty store a role."""
    folder = tmp_path_factory.mktemp("toko")
    for role in ("school", "server"):
        db = open_sqlite(folder / role)
        for statement in statements(SCHEMA, role):
            db.execute(statement)
        db.close()
    return {role: folder / role for role in ("school", "server")}


@pytest.fixture
def db(made: dict[str, Path], tmp_path: Path) -> Iterator[Database]:
    """A school's store of one test's own."""
    (tmp_path / "sekolah.db").write_bytes(made["school"].read_bytes())
    opened = open_sqlite(tmp_path / "sekolah.db")
    yield opened
    opened.close()


def columns(path: Path, table: str) -> dict[str, tuple[object, ...]]:
    """Return what SQLite says of a table's columns: type, not null, default, place in the key."""
    with sqlite3.connect(path) as db:
        found = {row[1]: row[2:] for row in db.execute(f"PRAGMA table_info({table})")}
    db.close()
    return found


# --- the tables -------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["school", "server"])
@each_table
def test_a_table_has_the_fields_columns_and_the_audit_columns(made: dict[str, Path], role: str, table: Table) -> None:
    """Dapodik's names in Dapodik's order; besides them only the engine's own, by their beginning."""
    found = columns(made[role], table.name)
    assert list(found)[: len(table.all_columns)] == [c.name for c in table.all_columns]
    rest = set(found) - {c.name for c in table.all_columns}
    expected = AUDIT if not table.is_reference else {"create_date", "last_update", "last_sync"}
    assert {name for name in rest if not name.startswith("kirim_")} == expected


@pytest.mark.parametrize("role", ["school", "server"])
@each_table
def test_nothing_but_the_key_is_a_constraint(made: dict[str, Path], role: str, table: Table) -> None:
    """Files arrive in any order: every other column may be empty, doubled, or name a parent that is not there."""
    found = columns(made[role], table.name)
    assert [name for name, (_, _, _, key) in sorted(found.items(), key=lambda i: i[1][3]) if key] == list(table.key_names)
    assert not [name for name, (_, required, _, key) in found.items() if required and not key]
    with sqlite3.connect(made[role]) as db:
        assert not db.execute(f"PRAGMA foreign_key_list({table.name})").fetchall()
        unique = [name for _, name, is_unique, origin, _ in db.execute(f"PRAGMA index_list({table.name})") if is_unique]
        assert len(unique) <= 1
        (sql,) = db.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table.name,)).fetchone()
    db.close()
    assert "CHECK" not in sql
    assert "COLLATE" not in sql


@each_table
def test_numbers_have_a_numbers_affinity_and_everything_else_is_kept_as_text(made: dict[str, Path], table: Table) -> None:
    """``NISN`` 0012345678 keeps its zeros; a text in a number's column is kept, not turned into 0."""
    types = {Kind.INTEGER: "BIGINT", Kind.DOUBLE: "FLOAT"}
    for name, (type_, *_) in columns(made["school"], table.name).items():
        column = table.by_name.get(name)
        if column is not None:
            assert type_ == types.get(column.kind, "TEXT"), name


@pytest.mark.parametrize("role", ["school", "server"])
def test_every_other_table_is_the_engines_by_its_name(made: dict[str, Path], role: str) -> None:
    with sqlite3.connect(made[role]) as db:
        names = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        things = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")}
    db.close()
    tables = {table.name for table in SCHEMA.tables}
    assert tables <= names
    assert not [name for name in things - tables if not name.startswith("kirim_")]


@pytest.mark.parametrize("role", ["school", "server"])
def test_a_store_is_made_alike_each_time(role: str) -> None:
    assert statements(SCHEMA, role) == statements(SCHEMA, role)


def test_the_server_captures_nothing(made: dict[str, Path]) -> None:
    with sqlite3.connect(made["server"]) as db:
        assert not db.execute("SELECT * FROM sqlite_master WHERE type = 'trigger'").fetchall()
    db.close()


def test_every_data_table_of_a_school_is_captured_and_no_reference_table_is(made: dict[str, Path]) -> None:
    with sqlite3.connect(made["school"]) as db:
        watched = {name for (name,) in db.execute("SELECT DISTINCT tbl_name FROM sqlite_master WHERE type = 'trigger'")}
    db.close()
    assert watched == {table.name for table in SCHEMA.tables if not table.is_reference}


# --- what the triggers note -------------------------------------------------------------------


def images(db: Database) -> dict[str, tuple[object, ...]]:
    """Return the images of pupils: name, deleted, whether the row existed."""
    rows = db.execute("SELECT peserta_didik_id, nama, soft_delete, kirim_existed FROM kirim_before_peserta_didik")
    return {row: image for row, *image in rows.fetchall()}  # type: ignore[misc]


def forget(db: Database) -> None:
    """Begin a new cut."""
    db.execute("DELETE FROM kirim_before_peserta_didik")


def insert(db: Database, row: str, nama: str = "SISWA", verb: str = "INSERT") -> None:
    """Enter a pupil."""
    db.execute(f"{verb} INTO peserta_didik (peserta_didik_id, nama) VALUES (?, ?)", (row, nama))


def test_a_new_row_has_an_image_that_says_so(db: Database) -> None:
    insert(db, A)
    db.execute("UPDATE peserta_didik SET nama = 'LAIN'")
    assert images(db) == {A: [None, None, 0]}


def test_the_first_image_stays_however_often_a_row_changes(db: Database) -> None:
    insert(db, A, "SATU")
    forget(db)
    for nama in ("DUA", "TIGA", "SATU"):
        db.execute("UPDATE peserta_didik SET nama = ?", (nama,))
    db.execute("DELETE FROM peserta_didik")
    insert(db, A, "EMPAT")
    assert images(db) == {A: ["SATU", 0, 1]}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE peserta_didik SET nama = 'X'",
        "UPDATE peserta_didik SET soft_delete = 1",
        "DELETE FROM peserta_didik",
        f"REPLACE INTO peserta_didik (peserta_didik_id, nama) VALUES ('{A}', 'X')",
        f"INSERT OR REPLACE INTO peserta_didik (peserta_didik_id) VALUES ('{A}')",
        f"INSERT INTO peserta_didik (peserta_didik_id) VALUES ('{A}') ON CONFLICT DO UPDATE SET nama = 'X'",
        f"UPDATE OR REPLACE peserta_didik SET peserta_didik_id = '{B}'",
        "UPDATE OR IGNORE peserta_didik SET nama = 'X'",
        "WITH x AS (SELECT 'X' AS n) UPDATE peserta_didik SET nama = (SELECT n FROM x)",
        "UPDATE peserta_didik SET nama = v.n FROM (SELECT 'X' AS n) v",
    ],
)
@pytest.mark.parametrize("recursive", [0, 1])
def test_each_way_to_write_notes_the_row_as_it_was(db: Database, statement: str, recursive: int) -> None:
    """REPLACE removes a row without a delete trigger, unless triggers are recursive; both ways are noted."""
    insert(db, A, "SATU")
    forget(db)
    db.execute(f"PRAGMA recursive_triggers = {recursive}")
    db.execute(statement)
    assert images(db)[A] == ["SATU", 0, 1]


def test_a_row_that_takes_another_key_is_one_gone_and_one_new(db: Database) -> None:
    insert(db, A, "SATU")
    forget(db)
    db.execute("UPDATE peserta_didik SET peserta_didik_id = ?", (B,))
    assert images(db) == {A: ["SATU", 0, 1], B: [None, None, 0]}


@pytest.mark.parametrize("column", ["last_update", "last_sync", "create_date", "updater_id"])
def test_audit_columns_alone_are_no_change(db: Database, column: str) -> None:
    insert(db, A)
    forget(db)
    db.execute(f"UPDATE peserta_didik SET {column} = 'X'")
    assert images(db) == {}


def test_a_writer_that_fails_has_changed_nothing(db: Database) -> None:
    insert(db, A)
    forget(db)
    db.execute("BEGIN")
    db.execute("UPDATE peserta_didik SET nama = 'X'")
    db.execute("ROLLBACK")
    assert images(db) == {}


def test_capture_can_be_switched_off(db: Database) -> None:
    db.execute("UPDATE kirim_capture SET on_now = 0")
    insert(db, A)
    db.execute("UPDATE peserta_didik SET nama = 'X'")
    db.execute("DELETE FROM peserta_didik")
    assert images(db) == {}


@pytest.mark.parametrize(
    "table", [t for t in SCHEMA.tables if not t.is_reference], ids=lambda table: table.name
)
def test_every_column_of_every_table_is_noted_and_kept_exactly(db: Database, table: Table) -> None:
    """Also values of another type than the column's, empty texts, NUL bytes and 63-bit numbers."""
    keys = dict.fromkeys(table.key_names, "k")
    others = {c.name: value for c, value in zip(table.columns, _ODD * len(table.columns), strict=False)}
    row = keys | others
    marks = ", ".join("?" * len(row))
    db.execute(f"INSERT INTO {table.name} ({', '.join(row)}) VALUES ({marks})", list(row.values()))
    stood = db.execute(f"SELECT {', '.join(row)} FROM {table.name}").fetchone()
    for column in table.columns:
        db.execute(f"DELETE FROM kirim_before_{table.name}")
        db.execute(f"UPDATE {table.name} SET {column.name} = 'lain'")
        image = db.execute(f"SELECT {', '.join(row)} FROM kirim_before_{table.name}").fetchone()
        assert image == stood, column.name
        assert list(map(type, image)) == list(map(type, stood))
        db.execute(f"UPDATE {table.name} SET {column.name} = ?", (stood[list(row).index(column.name)],))


_ODD: list[object] = [None, "", " spasi ", "a\0b", "é\r\n\t'\"", b"\x00\xff", (1 << 63) - 1, -(1 << 63), 0.1, "0012", "1e400"]


# --- whoever writes ---------------------------------------------------------------------------


def by_shell(path: Path, sql: str) -> None:
    """Write as somebody at a prompt."""
    subprocess.run(["sqlite3", str(path), sql], check=True)


def by_another_library(path: Path, sql: str) -> None:
    """Write with SQLite's other library for Python, which brings a SQLite of its own."""
    connection = apsw.Connection(str(path))
    connection.execute(sql)
    connection.close()


def by_another_process(path: Path, sql: str) -> None:
    """Write as a script that knows nothing of the engine."""
    child = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute(sys.argv[2]); db.commit(); db.close()"
    subprocess.run([sys.executable, "-I", "-c", child, str(path), sql], check=True)


WRITERS = [by_another_library, by_another_process, *([by_shell] if shutil.which("sqlite3") else [])]


@pytest.mark.parametrize("write", WRITERS)
def test_every_writer_is_captured_while_the_store_is_open(
    db: Database, tmp_path: Path, write: Callable[[Path, str], None]
) -> None:
    """The triggers use only what every SQLite has."""
    insert(db, A, "SATU")
    forget(db)
    write(tmp_path / "sekolah.db", "UPDATE peserta_didik SET nama = 'X'")
    write(tmp_path / "sekolah.db", f"INSERT INTO peserta_didik (peserta_didik_id) VALUES ('{B}')")
    write(tmp_path / "sekolah.db", f"DELETE FROM peserta_didik WHERE peserta_didik_id = '{A}'")
    assert images(db) == {A: ["SATU", 0, 1], B: [None, None, 0]}
