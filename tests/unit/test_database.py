"""One connection: all or nothing, and every way in which SQLite fails is a code of ours."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from exchange import errors
from exchange.store.database import PARAMETERS_MAX, Database, open_sqlite, open_url


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    made = open_sqlite(tmp_path / "a.db")
    made.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)")
    yield made
    made.close()


def rows(db: Database) -> list[int]:
    """Return what stands in the table."""
    return [n for (n,) in db.execute("SELECT id FROM t ORDER BY id")]


def put(db: Database, n: int) -> None:
    """Write one row."""
    db.execute("INSERT INTO t (id) VALUES (?)", (n,))


# --- all or nothing ---------------------------------------------------------------------------


def fail_within(db: Database, *ids: int, error: type[BaseException] = KeyError) -> None:
    """Write rows in a transaction that fails."""
    with db.transaction():
        for n in ids:
            put(db, n)
        raise error


def test_a_transaction_is_all_or_nothing(db: Database) -> None:
    with pytest.raises(KeyError):
        fail_within(db, 1)
    assert rows(db) == []
    with db.transaction():
        put(db, 1)
    assert rows(db) == [1]


def test_an_inner_transaction_is_undone_alone(db: Database) -> None:
    with db.transaction():
        put(db, 1)
        with pytest.raises(KeyError):
            fail_within(db, 2, 3)
        put(db, 4)
        with db.transaction():
            put(db, 5)
    assert rows(db) == [1, 4, 5]


def test_an_outer_transaction_undoes_the_inner_ones(db: Database) -> None:
    def outer() -> None:
        with db.transaction():
            with db.transaction():
                put(db, 1)
            fail_within(db, 2)

    with pytest.raises(KeyError):
        outer()
    assert rows(db) == []


def test_a_break_of_any_kind_undoes(db: Database) -> None:
    """Ctrl-C, too, is no reason to keep half."""
    with pytest.raises(KeyboardInterrupt):
        fail_within(db, 1, error=KeyboardInterrupt)
    assert rows(db) == []
    assert not db.connection.in_transaction


def test_statements_outside_a_transaction_are_durable_by_themselves(db: Database, tmp_path: Path) -> None:
    put(db, 1)
    other = open_sqlite(tmp_path / "a.db")
    assert rows(other) == [1]
    other.close()


# --- what may go wrong ------------------------------------------------------------------------


def test_a_store_in_use_is_busy_and_unchanged(db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exchange.store.database.BUSY_SECONDS", 0.05)
    second = open_sqlite(tmp_path / "a.db")
    db.execute("BEGIN IMMEDIATE")
    put(db, 1)
    with pytest.raises(errors.StoreBusy), second.transaction():
        put(second, 2)
    with pytest.raises(errors.StoreBusy):
        put(second, 2)
    db.execute("COMMIT")
    with second.transaction():
        put(second, 2)
    assert rows(second) == [1, 2]
    second.close()


def test_the_servers_database_waits_as_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exchange.store.database.BUSY_SECONDS", 7.0)
    db = open_url(f"sqlite:///{tmp_path}/b.db")
    assert db.value("PRAGMA busy_timeout") == 7000
    assert db.value("PRAGMA journal_mode") == "wal"
    assert db.value("PRAGMA synchronous") == 2
    db.close()


def test_a_full_database_is_a_full_disk_and_nothing_is_half(db: Database) -> None:
    db.execute(f"PRAGMA max_page_count = {db.value('PRAGMA page_count') + 4}")

    def fill() -> None:
        with db.transaction():
            put(db, 1)
            with db.transaction():
                db.executemany("INSERT INTO t VALUES (?, ?)", [(n, "x" * 4000) for n in range(2, 100)])

    with pytest.raises(errors.DiskFull):
        fill()
    assert rows(db) == []
    put(db, 1)
    assert rows(db) == [1]


@pytest.mark.parametrize("content", [b"bukan basis data\n" * 400, b"SQLite format 3\0" + b"\xff" * 5000])
def test_what_is_no_database_is_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.db").write_bytes(content)
    with pytest.raises(errors.StoreDamaged):
        open_sqlite(tmp_path / "a.db").execute("SELECT * FROM sqlite_master")


def test_a_damaged_page_is_damage_whenever_it_is_met(db: Database, tmp_path: Path) -> None:
    """Also behind the first row: as an iterator, all at once, and one by one."""
    with db.transaction():
        for n in range(2000):
            db.execute("INSERT INTO t VALUES (?, ?)", (n, "x" * 100))
    db.close()
    path = tmp_path / "a.db"
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4096 * 3] = b"\xff" * 4096 * 3
    path.write_bytes(data)
    again = open_sqlite(path)
    with pytest.raises(errors.StoreDamaged):
        list(again.execute("SELECT x FROM t"))
    with pytest.raises(errors.StoreDamaged):
        again.execute("SELECT x FROM t").fetchall()
    cursor = again.execute("SELECT x FROM t")
    with pytest.raises(errors.StoreDamaged):
        list(iter(cursor.fetchone, None))
    again.close()


def test_a_folder_and_a_place_that_is_not_there_are_damage(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "tidak" / "ada.db"):
        with pytest.raises(errors.StoreDamaged):
            open_sqlite(path)
        with pytest.raises(errors.StoreDamaged):
            open_url(f"sqlite:///{path}")


@pytest.mark.parametrize("url", ["", "ini apa", "oracle://x", "sqlite://", "sqlite:///:memory:", "postgresql://a:rahasia@b/c"])
def test_other_urls_are_refused_without_their_password(url: str) -> None:
    with pytest.raises(errors.DatabaseUrlBad) as caught:
        open_url(url)
    assert "rahasia" not in str(caught.value)


@pytest.mark.parametrize("value", [1 << 63, "\ud800", [1], object()])
def test_a_value_that_no_database_takes_is_our_own_fault_and_is_not_told(db: Database, value: object) -> None:
    with pytest.raises(errors.OwnFault):
        db.execute("INSERT INTO t (x) VALUES (?)", (value,))
    with pytest.raises(errors.OwnFault):
        db.executemany("INSERT INTO t (x) VALUES (?)", [(value,)])
    assert rows(db) == []


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT * FROM tidak_ada", "INSERT INTO t VALUES (1, 2, 3)", "SELECT ?"])
def test_a_statement_that_is_none_is_our_own_fault(db: Database, sql: str) -> None:
    with pytest.raises(errors.OwnFault):
        db.execute(sql)


def test_a_constraint_is_our_own_fault(db: Database) -> None:
    put(db, 1)
    with pytest.raises(errors.OwnFault):
        put(db, 1)


# --- queries over lists -----------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, PARAMETERS_MAX, PARAMETERS_MAX + 1, 3 * PARAMETERS_MAX])
def test_a_list_of_any_length_is_asked_for_in_full(db: Database, count: int) -> None:
    with db.transaction():
        db.executemany("INSERT INTO t (id, x) VALUES (?, ?)", [(n, "ya") for n in range(count)])
    found = db.chosen("SELECT id FROM t WHERE x = ? AND id IN ({})", range(count), ("ya",))
    assert sorted(n for (n,) in found) == list(range(count))


def test_a_commit_survives_a_kill(tmp_path: Path) -> None:
    """A child commits, begins the next transaction and kills itself."""
    child = (
        "import os, sys; from pathlib import Path; from exchange.store.database import open_sqlite\n"
        "db = open_sqlite(Path(sys.argv[1])); db.execute('CREATE TABLE t (id)')\n"
        "with db.transaction(): db.execute('INSERT INTO t VALUES (1)')\n"
        "with db.transaction(): db.execute('INSERT INTO t VALUES (2)'); os.kill(os.getpid(), 9)\n"
    )
    place = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", child, str(tmp_path / "a.db")], check=False, env=place)
    assert done.returncode == -9
    again = open_sqlite(tmp_path / "a.db")
    assert rows(again) == [1]
    again.close()


def test_any_program_may_read_while_it_writes(db: Database, tmp_path: Path) -> None:
    """The page stays open while another program writes, the sqlite3 shell included."""
    with db.transaction():
        put(db, 1)
        shell = sqlite3.connect(tmp_path / "a.db", timeout=0)
        assert shell.execute("SELECT count(*) FROM t").fetchone() == (0,)
    assert shell.execute("SELECT count(*) FROM t").fetchone() == (1,)
    shell.close()
