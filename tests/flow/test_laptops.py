"""Laptops of one school beside restores of the server: what a former laptop said stays said."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from exchange import errors
from exchange.central.recording import show
from exchange.nodes import SchoolNode, ServerNode
from exchange.overview import school_status
from exchange.packager import export, write_return
from exchange.registering import renew_code
from exchange.school.enrol import init_school
from exchange.school.rotating import renew_device, renew_head
from exchange.server.keyring import revoke
from tests.flow.told import aside
from tests.life import PASSPHRASE, Life, Sekolah, equal


def second(life: Life, former: Path | None = None) -> Sekolah:
    """Enrol the laptop that takes the first one's place, with the unsent work of its folder if that is given."""
    given = renew_code(life.server, "00000001")
    home = life.folder / f"laptop-{len(life.schools) + 1}"
    code = given.code_file.read_text().splitlines()[0]
    init_school(home, given.prefill, code, PASSPHRASE, former=former, clock=life.clock)
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


def test_a_kill_between_key_file_and_store_leaves_a_key_that_works(life: Life, school: Sekolah, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """Before the store knows the certificate the former key stays; afterwards the new one takes its place."""
    school.round_trip()
    new = "kata sandi yang lain"

    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr("exchange.school.rotating.ride", die)
    for renew in (lambda: renew_head(school.node, PASSPHRASE, new), lambda: renew_device(school.node)):
        with pytest.raises(Killed):
            renew()
        school.reopen()
        school.pupil("SEBELUM")
        assert school.round_trip().status == "applied"
    monkeypatch.undo()
    calls = iter((lambda: None, die))
    monkeypatch.setattr(SchoolNode, "settle_keys", lambda node: next(calls)())
    with pytest.raises(Killed):
        renew_head(school.node, PASSPHRASE, new)
    monkeypatch.undo()
    school.reopen()
    with pytest.raises(errors.PassphraseWrong):
        school.node.head(PASSPHRASE)
    school.pupil("SESUDAH")
    made = export(school.node, passphrase=lambda: new, confirm=lambda sheet: True)
    assert life.ingest(made.file).files[0].status == "applied"
    assert sorted(path.name for path in (school.home / "kunci").iterdir()) == ["kepala", "perangkat", "perangkat.baru"]


def test_r3_a_new_laptop_gets_the_schools_refused_rows_as_unsent_work(life: Life, school: Sekolah) -> None:
    """R3: the laptop is stolen while a new pupil is kept aside: he stands on the new one, is refused again, mended and taken."""
    life.server.store.db.execute("DELETE FROM ref_agama WHERE agama_id = 7")
    waiting = school.pupil("BELUM", agama_id=7)
    assert school.round_trip().counts.refused == 1
    revoke(life.server, school.npsn, school.node.device.key_id.hex())
    new = second(life)
    assert new.row("peserta_didik", waiting)["nama"] == "BELUM"
    assert school_status(new.node.store).pending["peserta_didik"]["insert"] == 1
    assert new.round_trip().counts.refused == 1
    assert [(row["id"], row["code"]) for row in school_status(new.node.store).open] == [(waiting, "KF-516")]
    new.edit("peserta_didik", waiting, agama_id=1)
    new.round_trip()
    new.round_trip()
    assert life.row("peserta_didik", waiting)["nama"] == "BELUM"
    assert school_status(new.node.store).open == ()
    assert equal(new)


@pytest.mark.parametrize("former", ["gone", "brought along"])
def test_a_refused_row_that_the_new_laptop_deletes_before_its_first_export_is_withdrawn(
    life: Life, school: Sekolah, former: str
) -> None:
    """Rule 12: the server keeps it aside no longer than the school wants it, though this laptop has never sent it."""
    life.server.store.db.execute("DELETE FROM ref_agama WHERE agama_id = 7")
    waiting = school.pupil("BELUM", agama_id=7)
    school.round_trip()
    assert aside(school) == {waiting: "KF-516"}
    new = second(life, former=school.home if former == "brought along" else None)
    new.edit("peserta_didik", waiting, soft_delete=1)
    assert school_status(new.node.store).pending["peserta_didik"] == {"insert": 0, "update": 0, "delete": 1}
    assert new.round_trip().status == "applied"
    assert aside(school) == {}
    assert life.row("peserta_didik", waiting) == {}


def test_a_refused_row_that_a_former_laptop_has_withdrawn_does_not_come_back(life: Life, school: Sekolah) -> None:
    """Its folder comes along, with the delete that it had not sent."""
    life.server.store.db.execute("DELETE FROM ref_agama WHERE agama_id = 7")
    waiting = school.pupil("BELUM", agama_id=7)
    school.round_trip()
    school.edit("peserta_didik", waiting, soft_delete=1)
    new = second(life, former=school.home)
    assert new.row("peserta_didik", waiting) == {}
    new.round_trip()
    assert aside(school) == {}
    assert equal(new)


def test_a_refused_row_that_a_former_laptop_has_mended_since_stays_as_it_left_it(life: Life, school: Sekolah) -> None:
    """Its folder comes along: what was typed there counts, not what the server keeps aside."""
    life.server.store.db.execute("DELETE FROM ref_agama WHERE agama_id = 7")
    waiting = school.pupil("BELUM", agama_id=7)
    school.round_trip()
    school.edit("peserta_didik", waiting, agama_id=1, nama="SUDAH")
    new = second(life, former=school.home)
    assert new.row("peserta_didik", waiting)["nama"] == "SUDAH"
    new.round_trip()
    new.round_trip()
    assert life.row("peserta_didik", waiting)["nama"] == "SUDAH"
    assert equal(new)


def test_a_refused_row_that_a_backup_brings_as_a_new_one_is_on_the_new_laptops_list(life: Life, school: Sekolah) -> None:
    """The backup is older than the row's first export: the server knows the changeset that makes it, and passes it over."""
    life.server.store.db.execute("DELETE FROM ref_agama WHERE agama_id = 7")
    waiting = school.pupil("BELUM", agama_id=7)
    backup = life.folder / "cadangan"
    shutil.copytree(school.home, backup)
    school.round_trip()
    new = second(life, former=backup)
    new.round_trip()
    new.round_trip()
    assert aside(school) == {waiting: "KF-516"}
    assert [(row["id"], row["code"]) for row in school_status(new.node.store).open] == [(waiting, "KF-516")]
    new.edit("peserta_didik", waiting, agama_id=1)
    new.round_trip()
    new.round_trip()
    assert life.row("peserta_didik", waiting)["nama"] == "BELUM"
    assert school_status(new.node.store).open == ()
    assert equal(new)


def test_a_row_of_a_former_laptops_late_file_that_is_refused_is_on_the_new_laptops_list(life: Life, school: Sekolah) -> None:
    """R3: the new laptop has begun when the file comes; it hears of the row, sends it, and its operator mends it."""
    life.server.store.db.execute("DELETE FROM ref_agama WHERE agama_id = 7")
    waiting = school.pupil("BELUM", agama_id=7)
    late = school.export().file
    new = second(life)
    new.round_trip()
    assert life.ingest(late).files[0].counts.refused == 1
    new.apply(life.answer(new).file)
    assert new.row("peserta_didik", waiting)["nama"] == "BELUM"
    assert school_status(new.node.store).pending["peserta_didik"]["insert"] == 1
    assert new.round_trip().counts.refused == 1
    assert [(row["id"], row["code"]) for row in school_status(new.node.store).open] == [(waiting, "KF-516")]
    new.edit("peserta_didik", waiting, agama_id=1)
    new.round_trip()
    new.round_trip()
    assert life.row("peserta_didik", waiting)["nama"] == "BELUM"
    assert school_status(new.node.store).open == ()
    assert equal(new)


def test_what_the_new_laptop_says_of_a_refused_row_stands_when_it_hears_of_it_once_more(life: Life, school: Sekolah) -> None:
    """The return that tells of the row is lost or old, and the operator has mended or deleted the row meanwhile."""
    life.server.store.db.execute("DELETE FROM ref_agama WHERE agama_id = 7")
    mended, gone = school.pupil("BELUM", agama_id=7), school.pupil("SALAH", agama_id=7)
    late = school.export().file
    new = second(life)
    new.round_trip()
    life.ingest(late)
    new.apply(life.answer(new).file)
    new.edit("peserta_didik", mended, agama_id=1)
    new.edit("peserta_didik", gone, soft_delete=1)
    new.export().file.unlink()
    again = new.export().file
    life.ingest(late)
    new.apply(write_return(life.server, new.npsn).file)
    assert new.row("peserta_didik", mended)["agama_id"] == 1
    assert new.row("peserta_didik", gone)["soft_delete"] == 1
    life.ingest(again)
    new.apply(life.answer(new).file)
    assert aside(new) == {}
    assert life.row("peserta_didik", mended)["nama"] == "BELUM"
    assert life.row("peserta_didik", gone) == {}
    assert equal(new)


def test_a_new_laptop_sees_the_rows_of_other_homes_that_its_school_sees(life: Life, school: Sekolah, other: Sekolah) -> None:
    """They come with the prefill, and stay what they are: another school's."""
    pupil = str(other.sql("SELECT peserta_didik_id FROM peserta_didik")[0][0])
    other.round_trip()
    store = life.server.store
    guest = store.school(school.scope)
    assert guest is not None
    with store.db.transaction():
        show(store, guest, store.schema.by_name["peserta_didik"], pupil, other.scope)
    school.round_trip()
    seen = school.row("peserta_didik", pupil)
    new = second(life)
    assert new.row("peserta_didik", pupil) == seen
    assert seen["kirim_home"] == other.scope
    other.edit("peserta_didik", pupil, alamat_jalan="Jalan baru")
    other.round_trip()
    new.round_trip()
    assert new.row("peserta_didik", pupil)["alamat_jalan"] == "Jalan baru"
    assert equal(new)
