"""The server's database is made again from the archive and the keys alone, and is the same, row for row."""

from __future__ import annotations

import pytest

from exchange import rebuilding
from exchange.nodes import ServerNode
from exchange.rebuilding import Rebuilt
from tests.flow.told import with_open_keys
from tests.life import Life, Sekolah

LABELS = {"create_date", "last_update"}
"""When a row was written, by the machine's clock: two columns of every exchanged table."""

OPERATIONS = ("owed-", "tried-", "program")
"""Names in ``kirim_meta`` that say what is still to do, not what happened."""


@pytest.fixture(autouse=True)
def _keys(life: Life) -> None:
    with_open_keys(life)


def content(server: ServerNode) -> dict[str, list[tuple[object, ...]]]:
    """Return every table of a server, but what is only a label of the clock or still to do."""
    db = server.store.db
    found = {}
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall():
        left_out = LABELS if not table.startswith("kirim_") else {"made_at"} if table == "kirim_log" else set()
        names = [n for (n,) in db.execute("SELECT name FROM pragma_table_info(?)", (table,)) if n not in left_out]
        rows = db.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY rowid").fetchall()
        if table in {"kirim_meta", "kirim_kip"}:  # of these nobody reads in which order they were written
            rows = sorted(row for row in rows if not str(row[0]).startswith(OPERATIONS))
        if table == "kirim_act":
            rows = []  # until it stands in the archive
        found[table] = rows
    return found


def rebuilt(life: Life) -> Rebuilt:
    """Rebuild a life's server beside it and compare every table."""
    into = life.folder / "lagi"
    made = rebuilding.rebuild(life.server.home, into, clock=life.clock)
    again = ServerNode.open(into, clock=life.clock)
    try:
        now, then = content(again), content(life.server)
        for table in then:
            assert now[table] == then[table], table
    finally:
        again.close()
    return made


def test_packages_and_the_centres_changes_are_replayed(life: Life, school: Sekolah, other: Sekolah) -> None:
    """Two schools, changes of verval and dinas, a KIP list, a conflict: the rebuilt database is equal."""
    pupil = school.pupil()
    school.round_trip()
    other.pupil("SISWA DUA")
    other.round_trip()
    life.change("verval", [("peserta_didik", pupil, "nama", "NAMA BENAR")], verified=True)
    life.kip([(pupil, "AB1234")])
    school.edit("peserta_didik", pupil, nama="NAMA LAIN", alamat_jalan="Jl. Contoh")
    school.round_trip()
    made = rebuilt(life)
    assert made.equal
    assert (made.replayed.packages, made.schools, made.replayed.compared) == (3, 2, 2)
