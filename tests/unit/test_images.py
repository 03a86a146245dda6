"""What a transaction wrote is told when it ends, as rows that can be put back."""

from __future__ import annotations

import pytest

from exchange import errors
from exchange.store.database import Database, Touched, open_sqlite
from exchange.store.images import Image, images, put


@pytest.fixture
def db(tmp_path):
    found = open_sqlite(tmp_path / "a.db")
    found.execute("CREATE TABLE satu (id TEXT PRIMARY KEY, isi BLOB)")
    found.execute("CREATE TABLE dua (a INTEGER, b TEXT, isi TEXT, PRIMARY KEY (a, b))")
    yield found
    found.close()


@pytest.fixture
def kept(db: Database) -> list[list[Image]]:
    found: list[list[Image]] = []

    def keeper(touched: Touched) -> None:
        found.append(list(images(db, touched)))

    db.keeper = keeper
    return found


def test_every_row_that_was_written_is_told_once_as_it_stands_at_the_end(db, kept):
    with db.transaction():
        db.execute("INSERT INTO satu VALUES ('a', x'00ff'), ('b', NULL)")
        db.execute("UPDATE satu SET isi = 'baru' WHERE id = 'b'")
        assert db.executemany("INSERT INTO dua VALUES (?, ?, ?)", [(1, "x", "p"), (2, "y", "q")]) == 2
        db.execute("INSERT INTO dua VALUES (1, 'x', 'r') ON CONFLICT (a, b) DO UPDATE SET isi = excluded.isi")
        db.execute("INSERT INTO satu VALUES ('c', 1)")
        assert db.execute("DELETE FROM satu WHERE id = 'c'").rowcount == 1
    assert kept == [
        [
            Image("satu", False, ("id", "isi"), [("a", b"\0\xff"), ("b", "baru")]),
            Image("dua", False, ("a", "b", "isi"), [(1, "x", "r"), (2, "y", "q")]),
            Image("satu", True, ("id",), [("c",)]),
        ]
    ]


def test_a_statement_alone_is_a_transaction(db, kept):
    db.execute("INSERT INTO satu VALUES ('a', 1)")
    db.executemany("UPDATE satu SET isi = ? WHERE id = ?", [(2, "a"), (3, "tidak ada")])
    assert [image.rows for found in kept for image in found] == [[("a", 1)], [("a", 2)]]


def undone(db: Database, row: str) -> None:
    """Write a row in a transaction that fails."""
    with db.transaction():
        db.execute("INSERT INTO satu VALUES (?, 1)", (row,))
        raise ZeroDivisionError


def test_what_is_undone_is_not_told(db, kept):
    with pytest.raises(ZeroDivisionError):
        undone(db, "a")
    with db.transaction():
        db.execute("INSERT INTO satu VALUES ('b', 1)")
        with pytest.raises(ZeroDivisionError):
            undone(db, "c")
    assert [[(image.gone, image.rows) for image in found] for found in kept] == [
        [(False, [("b", 1)]), (True, [("c",)])]  # it is not there: putting that back changes nothing
    ]


def test_what_is_not_for_the_keeper_is_not_told(db, kept):
    with db.unkept(), db.transaction():
        db.execute("INSERT INTO satu VALUES ('a', 1)")
    assert kept == []


def test_a_key_does_not_change(db, kept):
    with db.transaction(), pytest.raises(ValueError, match="key"):
        db.execute("UPDATE satu SET id = 'z' WHERE id = 'a'")


def test_images_put_back_make_the_same_rows(db, kept, tmp_path):
    twin = open_sqlite(tmp_path / "b.db")
    twin.execute("CREATE TABLE satu (id TEXT PRIMARY KEY, isi BLOB)")
    twin.execute("CREATE TABLE dua (a INTEGER, b TEXT, isi TEXT, PRIMARY KEY (a, b))")
    db.executemany("INSERT INTO satu VALUES (?, ?)", [(str(n), n) for n in range(1200)])
    with db.transaction():
        db.execute("DELETE FROM satu WHERE isi % 3 = 0")
        db.execute("UPDATE satu SET isi = isi + 0.5 WHERE isi % 3 = 1")
        db.execute("INSERT INTO dua VALUES (1, 'x', 'a' || char(0) || 'b')")
    for found in kept:
        for image in found:
            put(twin, image)
            put(twin, image)
    for table in ("satu", "dua"):
        assert twin.execute(f"SELECT * FROM {table}").fetchall() == db.execute(f"SELECT * FROM {table}").fetchall()
    twin.close()


@pytest.mark.parametrize(
    "image",
    [
        Image("tidak_ada", False, ("id",), [("a",)]),
        Image("satu; DROP TABLE satu", False, ("id",), [("a",)]),
        Image("satu", False, ("id", "isi = 1 --"), [("a", 1)]),
        Image("satu", False, ("isi",), [(1,)]),
        Image("satu", False, ("id", "isi"), [("a",)]),
        Image("satu", True, ("id", "isi"), [("a", 1)]),
    ],
)
def test_an_image_of_other_tables_is_refused(db, image):
    """Names of an archive never go into a statement unless the store has them."""
    with pytest.raises(errors.Malformed):
        put(db, image)
    assert db.execute("SELECT * FROM satu").fetchall() == []
