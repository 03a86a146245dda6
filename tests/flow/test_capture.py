"""Whoever writes to a school's store, and however: what is cut is exactly what changed since the last cut."""

from __future__ import annotations

import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from exchange import errors
from exchange.overview import school_status
from exchange.records import Op
from exchange.school import capture
from exchange.store.school import FILE
from tests.flow.told import with_open_keys
from tests.life import Life, Sekolah, equal

COLUMNS = "peserta_didik_id, nama, jenis_kelamin, tanggal_lahir, nama_ibu_kandung"
GHOST = "99000000-0000-4000-8000-000000000001"


@pytest.fixture
def pupil(life: Life, school: Sekolah) -> str:
    """A pupil whom both sides have; nothing is unsent."""
    with_open_keys(life)
    school.round_trip()
    return str(school.sql("SELECT peserta_didik_id FROM peserta_didik")[0][0])


def cut(school: Sekolah) -> list[tuple[str, Op, tuple[str, ...], list[str]]]:
    """Cut and return the new changeset's blocks: table, operation, columns, rows."""
    store = school.node.store
    with store.transaction():
        number = capture.cut(store).number
    if number is None:
        return []
    return [
        (block.table.name, block.op, tuple(column.name for column in block.columns), block.rows())
        for block in capture.own_blocks(store, number - 1, number)
    ]


@contextmanager
def another_program(school: Sekolah) -> Iterator[sqlite3.Connection]:
    """Give a connection of its own to the store's file, as any other program has."""
    with closing(sqlite3.connect(school.home / FILE, isolation_level=None)) as connection:
        yield connection


def shell(school: Sekolah, statement: str) -> None:
    """Run a statement in the ``sqlite3`` shell."""
    subprocess.run(["sqlite3", str(school.home / FILE), statement], check=True, capture_output=True, timeout=60)


# --- any writer -------------------------------------------------------------------------------


def test_another_program_is_captured_while_the_store_is_open(school: Sekolah, pupil: str) -> None:
    """Rule 1, contract "The stores are open": a second connection edits, makes and deletes."""
    with another_program(school) as db:
        db.execute("UPDATE peserta_didik SET email = 'a@contoh.id'")
        db.execute(f"INSERT INTO peserta_didik ({COLUMNS}) VALUES (?, 'BARU', 'P', '2016-01-01', 'IBU')", (GHOST,))
    assert cut(school) == [
        ("peserta_didik", Op.INSERT, ("nama", "jenis_kelamin", "tanggal_lahir", "nama_ibu_kandung"), [GHOST]),
        ("peserta_didik", Op.UPDATE, ("email",), [pupil]),
    ]
    with another_program(school) as db:
        db.execute("UPDATE peserta_didik SET soft_delete = 1 WHERE peserta_didik_id = ?", (GHOST,))
    assert cut(school) == [("peserta_didik", Op.DELETE, (), [GHOST])]


def test_the_stock_shell_is_captured(school: Sekolah, pupil: str) -> None:
    """Contract "The stores are open": triggers use nothing that the ``sqlite3`` shell has not."""
    shell(school, "UPDATE peserta_didik SET email = 'shell@contoh.id';")
    assert cut(school) == [("peserta_didik", Op.UPDATE, ("email",), [pupil])]


@pytest.mark.parametrize(
    ("statement", "columns"),
    [
        (f"INSERT OR REPLACE INTO peserta_didik ({COLUMNS}) VALUES (?, 'GANTI', 'L', '2016-05-03', 'IBU CONTOH')",
         {"nama", "agama_id", "kebutuhan_khusus_id", "kewarganegaraan", "penerima_kps", "no_kps",
          "penerima_kip", "no_kip", "nm_kip"}),
        (f"REPLACE INTO peserta_didik ({COLUMNS}) SELECT {COLUMNS} FROM peserta_didik WHERE peserta_didik_id = ?",
         {"agama_id", "kebutuhan_khusus_id", "kewarganegaraan", "penerima_kps", "no_kps", "penerima_kip", "no_kip", "nm_kip"}),
        (f"INSERT INTO peserta_didik ({COLUMNS}) VALUES (?, 'LAIN', 'L', '2016-05-03', 'IBU') "
         "ON CONFLICT (peserta_didik_id) DO UPDATE SET nama = excluded.nama", {"nama"}),
        (f"INSERT INTO peserta_didik ({COLUMNS}) VALUES (?, 'LAIN', 'L', '2016-05-03', 'IBU') "
         "ON CONFLICT DO NOTHING", set()),
        (f"INSERT OR IGNORE INTO peserta_didik ({COLUMNS}) VALUES (?, 'LAIN', 'L', '2016-05-03', 'IBU')", set()),
        ("UPDATE OR REPLACE peserta_didik SET nama = 'GANTI' WHERE peserta_didik_id = ?", {"nama"}),
        ("UPDATE OR IGNORE peserta_didik SET nama = 'GANTI' WHERE peserta_didik_id = ?", {"nama"}),
        ("UPDATE peserta_didik SET peserta_didik_id = peserta_didik_id, nama = 'X' WHERE peserta_didik_id = ?", {"nama"}),
    ],
    ids=["insert-or-replace", "replace-same", "upsert", "upsert-nothing", "insert-or-ignore", "update-or-replace",
         "update-or-ignore", "key-rewritten"],
)  # fmt: skip
def test_every_way_to_write_an_existing_row_is_an_edit_of_what_changed(
    school: Sekolah, pupil: str, statement: str, columns: set[str]
) -> None:
    """Rule 1: REPLACE fires no delete trigger and hides the old row; the columns that it emptied travel too."""
    with another_program(school) as db:
        db.execute(statement, (pupil,))
    assert cut(school) == ([("peserta_didik", Op.UPDATE, sorted_columns(school, columns), [pupil])] if columns else [])


def sorted_columns(school: Sekolah, names: set[str]) -> tuple[str, ...]:
    table = school.node.store.schema.by_name["peserta_didik"]
    return tuple(name for name in table.column_names if name in names)


def test_a_replaced_row_is_equal_on_both_sides(school: Sekolah, pupil: str) -> None:
    """Rule 1: what a whole-row writer left out is empty on both sides afterwards."""
    with another_program(school) as db:
        db.execute(f"REPLACE INTO peserta_didik ({COLUMNS}) VALUES (?, 'GANTI', 'L', '2016-05-03', 'IBU')", (pupil,))
    school.round_trip()
    assert equal(school)
    assert school.life.row("peserta_didik", pupil)["agama_id"] is None


# --- net of what was undone -------------------------------------------------------------------


@pytest.mark.parametrize(
    "statements",
    [
        ["UPDATE peserta_didik SET nama = nama"],
        ["UPDATE peserta_didik SET nama = 'X'", "UPDATE peserta_didik SET nama = 'SISWA SATU'"],
        ["UPDATE peserta_didik SET last_update = '2030-01-01', last_sync = '2030-01-01', updater_id = 'x', create_date = ''"],
        ["UPDATE peserta_didik SET soft_delete = 1", "UPDATE peserta_didik SET soft_delete = 0"],
        ["UPDATE peserta_didik SET soft_delete = NULL"],
        ["CREATE TEMP TABLE t AS SELECT * FROM peserta_didik", "DELETE FROM peserta_didik",
         "INSERT INTO peserta_didik SELECT * FROM t"],
        [f"INSERT INTO peserta_didik (peserta_didik_id) VALUES ('{GHOST}')",
         f"DELETE FROM peserta_didik WHERE peserta_didik_id = '{GHOST}'"],
        [f"INSERT INTO peserta_didik (peserta_didik_id) VALUES ('{GHOST}')",
         f"UPDATE peserta_didik SET soft_delete = 1 WHERE peserta_didik_id = '{GHOST}'"],
        [f"INSERT INTO peserta_didik (peserta_didik_id, soft_delete) VALUES ('{GHOST}', 1)"],
        ["BEGIN", "UPDATE peserta_didik SET nama = 'X'", "ROLLBACK"],
        ["BEGIN", "SAVEPOINT a", "UPDATE peserta_didik SET soft_delete = 1", "ROLLBACK TO a", "COMMIT"],
    ],
    ids=["same-value", "edit-and-undo", "audit-columns", "deleted-and-back", "soft-delete-null", "cleared-and-refilled",
         "made-and-removed", "made-and-deleted", "made-deleted", "rolled-back", "savepoint"],
)  # fmt: skip
def test_what_came_to_nothing_is_no_change(school: Sekolah, pupil: str, statements: list[str]) -> None:
    """Rule 1: a row made and deleted between two cuts is no change, nor is an edit that was undone (R9: nor audit columns)."""
    with another_program(school) as db:
        for statement in statements:
            db.execute(statement)
    assert school_status(school.node.store).pending == {}
    assert cut(school) == []
    assert school.export().changes == {}


@pytest.mark.parametrize(
    ("column", "before", "after"),
    [("rt", 1, "satu"), ("email", "1", "1.0"), ("lintang", "1", "1.0"), ("lintang", "-6.25", "-6.250"), ("rt", 1, b"1")],
)
def test_what_differs_only_in_type_or_writing_is_a_change(
    school: Sekolah, pupil: str, column: str, before: object, after: object
) -> None:
    """R21: 1, 1.0 and '1' are three values wherever the column's affinity lets them stand."""
    school.edit("peserta_didik", pupil, **{column: before})
    cut(school)
    school.edit("peserta_didik", pupil, **{column: after})
    ((table, op, columns, rows),) = cut(school)
    assert (table, op, rows) == ("peserta_didik", Op.UPDATE, [pupil])
    assert column in columns


@pytest.mark.parametrize("mark", [1, 0, None])
def test_soft_delete_alone_deletes(school: Sekolah, pupil: str, mark: int | None) -> None:
    """Contract "The stores are open": 1 deletes; 0 and nothing are alive."""
    school.edit("peserta_didik", pupil, soft_delete=mark)
    assert cut(school) == ([("peserta_didik", Op.DELETE, (), [pupil])] if mark == 1 else [])


@pytest.mark.parametrize("mark", [None, 5, "true", -1, 0.5])
def test_a_mark_that_is_neither_is_read_one_way_by_everybody(school: Sekolah, pupil: str, mark: object) -> None:
    """What a tool writes into `soft_delete` deletes nothing, and nobody overlooks the row because of it."""
    school.edit("peserta_didik", pupil, soft_delete=mark, nama="NAMA BARU")
    assert cut(school) == [("peserta_didik", Op.UPDATE, ("nama",), [pupil])]
    assert school.sql("SELECT soft_delete FROM peserta_didik WHERE peserta_didik_id = ?", pupil) == [(0,)]
    assert cut(school) == []


def test_a_deleted_row_that_lives_again_travels_whole(school: Sekolah, pupil: str) -> None:
    """Rule 1: a row is deleted, then put back with an emptied column: the emptiness arrives, not what stood there before."""
    school.edit("peserta_didik", pupil, email="lama@contoh.id")
    school.round_trip()
    school.edit("peserta_didik", pupil, soft_delete=1)
    school.round_trip()
    assert school.life.row("peserta_didik", pupil)["soft_delete"] == 1
    school.edit("peserta_didik", pupil, soft_delete=0, email=None)
    result = school.round_trip()
    assert result.counts.as_dict() == {"sent": 1, "applied": 1, "same": 0, "conflict": 0, "refused": 0, "held": 0}
    assert school.life.row("peserta_didik", pupil)["email"] is None
    assert equal(school)


# --- keys -------------------------------------------------------------------------------------


def test_a_changed_key_is_a_new_row_and_the_old_one_is_put_back(school: Sekolah, pupil: str) -> None:
    """Rule 1, ADR 5: nobody deleted the old row, so it stands; what was typed into the new one is sent."""
    school.sql("UPDATE peserta_didik SET peserta_didik_id = ?, nama = 'KUNCI BARU'", GHOST)
    exported = school.export()
    assert exported.put_back == (("peserta_didik", pupil),)
    assert exported.changes == {"peserta_didik": {"insert": 1, "update": 0, "delete": 0}}
    assert school.row("peserta_didik", pupil)["nama"] == "SISWA SATU"
    assert school.row("peserta_didik", GHOST)["nama"] == "KUNCI BARU"
    school.life.ingest(exported.file)
    assert equal(school)


def test_two_rows_that_change_keys_are_two_edits(school: Sekolah, pupil: str) -> None:
    """Rule 1: a row is what its key names, wherever its values came from."""
    second = school.pupil("KEDUA")
    cut(school)
    school.sql("UPDATE peserta_didik SET peserta_didik_id = 'x' WHERE peserta_didik_id = ?", pupil)
    school.sql("UPDATE peserta_didik SET peserta_didik_id = ? WHERE peserta_didik_id = ?", pupil, second)
    school.sql("UPDATE peserta_didik SET peserta_didik_id = ? WHERE peserta_didik_id = 'x'", second)
    ((table, op, columns, rows),) = cut(school)
    assert (table, op, columns) == ("peserta_didik", Op.UPDATE, ("nama",))
    assert set(rows) == {pupil, second}


def test_a_row_that_another_ones_new_key_pushes_out_is_an_edit(school: Sekolah, pupil: str) -> None:
    """R8: UPDATE OR REPLACE removes the row that has the new key without a delete trigger; what it held is not mixed in."""
    second = school.pupil("KEDUA")
    school.edit("peserta_didik", pupil, email="lama@contoh.id")
    school.round_trip()
    school.sql("UPDATE OR REPLACE peserta_didik SET peserta_didik_id = ? WHERE peserta_didik_id = ?", pupil, second)
    exported = school.export()
    assert exported.put_back == (("peserta_didik", second),)
    assert exported.changes == {"peserta_didik": {"insert": 0, "update": 1, "delete": 0}}
    school.life.ingest(exported.file)
    assert equal(school)
    assert school.life.row("peserta_didik", pupil)["nama"] == "KEDUA"
    assert school.life.row("peserta_didik", pupil)["email"] is None


def test_a_row_removed_from_the_file_is_missing_not_deleted(school: Sekolah, pupil: str) -> None:
    """R8, ADR 5: a tool clears a table; no delete travels, the row stands again and the operator is told."""
    with another_program(school) as db:
        db.execute("DELETE FROM peserta_didik")
    exported = school.export()
    assert (exported.changes, exported.put_back) == ({}, (("peserta_didik", pupil),))
    assert school.row("peserta_didik", pupil)["nama"] == "SISWA SATU"
    assert school_status(school.node.store).vanished == 1


def test_a_copied_row_is_the_schools_own(school: Sekolah, other: Sekolah, pupil: str) -> None:
    """A tool rewrites a row that the school only sees, and copies it: the first stays another's, the second is its own."""
    from exchange.central.recording import show

    other.round_trip()
    (guest,) = other.sql("SELECT peserta_didik_id FROM peserta_didik")[0]
    server = school.life.server.store
    with server.db.transaction():
        show(server, server.school(school.scope), server.schema.by_name["peserta_didik"], str(guest), other.scope)  # type: ignore[arg-type]
    school.apply(school.life.answer(school).file)
    with another_program(school) as db:
        db.execute(f"REPLACE INTO peserta_didik ({COLUMNS}) SELECT {COLUMNS} FROM peserta_didik WHERE peserta_didik_id = ?", (guest,))
        db.execute(f"INSERT INTO peserta_didik ({COLUMNS}, kirim_home) SELECT ?, nama, 'L', '2016-01-01', 'IBU', ? "
                   "FROM peserta_didik WHERE peserta_didik_id = ?", (GHOST, other.scope, guest))  # fmt: skip
    cut(school)
    assert school.row("peserta_didik", str(guest))["kirim_home"] == other.scope
    assert school.row("peserta_didik", GHOST)["kirim_home"] is None
    school.round_trip()
    assert equal(school)
    assert school.life.row("peserta_didik", str(guest))["agama_id"] == 1


# --- the chain --------------------------------------------------------------------------------


def test_a_changeset_never_changes(school: Sekolah, pupil: str) -> None:
    """Rule 2: later edits, exports and returns leave number, base, value and bytes of a changeset as they were cut."""
    def chain() -> list[tuple[object, ...]]:
        query = "SELECT c.number, c.value, c.base, c.base_value, c.origin, p.bytes FROM kirim_changeset c JOIN kirim_part p USING (number) ORDER BY 1"
        return [tuple(row) for row in school.sql(query)]

    school.edit("peserta_didik", pupil, nama="SATU")
    cut(school)
    before = chain()
    school.edit("peserta_didik", pupil, nama="DUA")
    school.export()
    school.life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "Jl. Dinas")])
    school.round_trip()
    assert chain()[: len(before)] == before


def test_cutting_again_at_once_makes_nothing(school: Sekolah, pupil: str) -> None:
    """Rule 1."""
    school.edit("peserta_didik", pupil, nama="SATU")
    assert cut(school)
    assert cut(school) == []


def test_capture_waits_for_another_programs_transaction(school: Sekolah, pupil: str) -> None:
    """R19: another program is in the middle of writing: nothing is cut, the code says so, and its edit comes with the next."""
    school.node.store.db.execute("PRAGMA busy_timeout = 20")
    with another_program(school) as db:
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE peserta_didik SET nama = 'SEDANG DIKETIK'")
        with pytest.raises(errors.StoreBusy):
            school.export()
        db.execute("COMMIT")
    assert school.export().changes == {"peserta_didik": {"insert": 0, "update": 1, "delete": 0}}


def test_an_edit_at_any_moment_of_an_apply_stays_unsent(school: Sekolah, pupil: str) -> None:
    """R19: another program writes as fast as it can while a return is applied; each of its edits is sent in the end."""
    school.life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "Jl. Dinas")])
    answer = school.life.answer(school).file
    written, stop = [0], threading.Event()

    def write() -> None:
        with another_program(school) as db:
            db.execute("PRAGMA busy_timeout = 20000")
            while not stop.is_set() and written[0] < 500:
                db.execute("UPDATE peserta_didik SET email = ?", (f"{written[0] + 1}@contoh.id",))
                written[0] += 1

    thread = threading.Thread(target=write)
    thread.start()
    school.apply(answer)
    stop.set()
    thread.join()
    school.round_trip()
    assert school.life.row("peserta_didik", pupil)["email"] == (f"{written[0]}@contoh.id" if written[0] else None)
    assert school.row("peserta_didik", pupil)["alamat_jalan"] == "Jl. Dinas"
    assert equal(school)


def test_an_interrupted_apply_leaves_capture_on(school: Sekolah, pupil: str) -> None:
    """R19: an apply fails half-way; capture, switched off inside it, is on again and nothing of it stands."""
    from exchange.school.applying import Applying

    school.life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "Jl. Dinas")])
    answer = school.life.answer(school).file

    def broken(self: Applying) -> None:
        raise errors.DiskFull(folder="sekolah.db")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Applying, "acknowledge", broken)
        with pytest.raises(errors.DiskFull):
            school.apply(answer)
    assert school.row("peserta_didik", pupil)["alamat_jalan"] is None
    school.edit("peserta_didik", pupil, email="a@contoh.id")
    assert cut(school) == [("peserta_didik", Op.UPDATE, ("email",), [pupil])]
    school.apply(answer)
    assert school.row("peserta_didik", pupil)["alamat_jalan"] == "Jl. Dinas"
