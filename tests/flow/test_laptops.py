"""Laptops of one school beside restores of the server: what a former laptop said stays said."""

from __future__ import annotations

import shutil

from exchange.enrol import init_school, renew_code
from exchange.nodes import ServerNode
from tests.life import PASSPHRASE, Life, Sekolah, equal


def second(life: Life) -> Sekolah:
    """Enrol the laptop that takes the first one's place."""
    given = renew_code(life.server, "00000001")
    home = life.folder / f"laptop-{len(life.schools) + 1}"
    init_school(home, given.prefill, given.code_file.read_text().splitlines()[0], PASSPHRASE, clock=life.clock)
    life.schools.append(Sekolah(life, home))
    return life.schools[-1]


def test_a_restored_server_gets_a_former_laptops_word_back_from_the_new_one(life: Life, school: Sekolah) -> None:
    """The old laptop is gone, the server lost its file with the backup; the new laptop had heard it by a return."""
    pupil = str(school.sql("SELECT peserta_didik_id FROM peserta_didik")[0][0])
    school.round_trip()
    new = second(life)
    new.edit("peserta_didik", pupil, nama_dusun="BARU")
    new.round_trip()
    life.server.store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    backup = shutil.copytree(life.server.home, life.folder / "cadangan")

    school.edit("peserta_didik", pupil, tempat_lahir="DARI LAMA")
    made = school.pupil("SISWA DARI LAMA")
    life.ingest(school.export().file)
    new.apply(life.answer(new).file)
    assert new.row("peserta_didik", pupil)["tempat_lahir"] == "DARI LAMA"

    home = life.server.home
    life.server.close()
    shutil.rmtree(home)
    shutil.copytree(backup, home)
    life.server = ServerNode.open(home, clock=life.clock)
    assert life.row("peserta_didik", made) == {}
    for _ in range(3):
        life.ingest(new.export().file)
        new.apply(life.answer(new).file)
    assert life.row("peserta_didik", pupil)["tempat_lahir"] == "DARI LAMA"
    assert life.row("peserta_didik", made)["nama"] == "SISWA DARI LAMA"
    assert equal(new)
