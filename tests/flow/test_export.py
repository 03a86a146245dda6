"""Exports: what stops one changes nothing, what is lost rides in the next, and what is written has been read back."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from exchange import errors
from exchange.ingest import apply_file
from exchange.nodes import SchoolNode
from exchange.packager import export
from exchange.school.sheet import Sheet
from tests.faults.world import files, tables
from tests.life import PASSPHRASE, Clock, Life, Sekolah, equal

_BOOKKEEPING = {"digests_cut", "number", "last_exported_at"}


def state(school: Sekolah) -> dict[str, object]:
    """Return what a store holds and what it would send; how it is cut is its own affair."""
    found = tables(school.node, "kirim_changeset", "kirim_part", "kirim_meta")
    found = {name: rows for name, rows in found.items() if not name.startswith("kirim_before_")}
    pending = school.node.store
    return {**found, "number": pending.get("number"), "at": pending.get("last_exported_at"), "ack": pending.acknowledged}


def try_export(school: Sekolah, *, passphrase: str = PASSPHRASE, confirmed: bool = True, out: Path | None = None) -> Path:
    """Export as a script would."""
    return export(school.node, passphrase=lambda: passphrase, confirm=lambda _: confirmed, out=out).file


# --- what stops it ----------------------------------------------------------------------------


def test_without_a_confirmation_nothing_is_written(life: Life, school: Sekolah) -> None:
    """KF-313, and the number, the times and what is pending stand; nobody was asked for a passphrase."""
    before, stood = state(school), files(school.home / "outbox")

    def asked() -> str:
        raise AssertionError("nothing was confirmed, so there is nothing to approve")

    with pytest.raises(errors.NotConfirmed):
        export(school.node, passphrase=asked, confirm=lambda _: False)
    assert state(school) == before
    assert files(school.home / "outbox") == stood
    assert school.round_trip().counts.applied == 1


def test_a_wrong_passphrase_writes_nothing(life: Life, school: Sekolah) -> None:
    """KF-106; the next try carries what this one would have."""
    before = state(school)
    with pytest.raises(errors.PassphraseWrong):
        try_export(school, passphrase="bukan sandi kepala")
    assert state(school) == before
    assert files(school.home / "outbox") == {}
    assert school.round_trip().counts.applied == 1


def test_invalid_data_writes_nothing(life: Life, school: Sekolah) -> None:
    """KF-501 with the number of rows; mended, it goes out."""
    pupil = school.pupil("SISWA KELIRU", nisn="123")
    before = state(school)
    with pytest.raises(errors.DataInvalid) as caught:
        try_export(school)
    assert caught.value.count == 1
    assert state(school) == before
    assert files(school.home / "outbox") == {}
    school.edit("peserta_didik", pupil, nisn="0012345678")
    assert school.round_trip().counts.applied == 2


def test_a_head_who_is_not_the_one_of_this_laptops_key_is_refused(life: Life, school: Sekolah) -> None:
    """KF-314: the dinas assigned another one; nothing is sent in the former one's name, and all edits stand."""
    school.round_trip()
    school.pupil("SISWA BARU")
    life.change("dinas", [("sekolah", "00000001", "kepala_sekolah", "KEPALA BARU")])
    school.apply(life.answer(school).file)
    before = state(school)
    with pytest.raises(errors.HeadKeyMissing):
        try_export(school)
    assert state(school) == before
    assert school.sql("SELECT count(*) FROM peserta_didik WHERE nama = 'SISWA BARU'") == [(1,)]


def test_a_missing_key_file_is_named(life: Life, school: Sekolah) -> None:
    """KF-111, for the laptop's and for the head's."""
    for name in ("kepala", "perangkat"):
        key = school.home / "kunci" / name
        key.rename(life.folder / name)
        school.reopen()
        with pytest.raises(errors.KeysMissing):
            try_export(school)
        (life.folder / name).rename(key)
    school.reopen()
    assert school.round_trip().counts.applied == 1


def test_a_return_that_is_applied_while_the_head_reads_is_not_approved_unseen(life: Life, school: Sekolah) -> None:
    """KF-341: another terminal applies it; no file is written, the server raises no alarm, and the next export carries all."""
    pupil = answered_pupil(life, school)
    answer = life.answer(school).file

    def typed() -> str:
        elsewhere(school, answer)
        return PASSPHRASE

    number, stood = school.node.store.get("number"), files(school.home / "outbox")
    with pytest.raises(errors.Overtaken):
        export(school.node, passphrase=typed, confirm=lambda _: True)
    assert files(school.home / "outbox") == stood
    assert school.node.store.get("number") == number
    result = school.round_trip()
    assert (result.status, result.code) == ("applied", "")
    assert life.row("peserta_didik", pupil)["nama_dusun"] == "Dusun Dua"
    assert school.row("peserta_didik", pupil)["email"] == "dari@contoh.id"
    assert equal(school)


def test_a_return_that_is_applied_while_the_file_is_written_leaves_no_file(life: Life, school: Sekolah) -> None:
    """KF-341 at the last moment: what the file says of both sides is not what the head approved."""
    answered_pupil(life, school)
    answer, clock, stood = life.answer(school).file, life.clock, files(school.home / "outbox")

    class Meddling(Clock):
        """Lets another terminal apply a return as soon as the package has its number."""

        def __call__(self) -> int:
            number = school.node.store.db.value("SELECT value FROM kirim_meta WHERE name = 'number'")
            if number != before and not school.node.store.db.depth and not done:
                done.append(answer)
                elsewhere(school, answer)
            return self.now

    done: list[Path] = []
    before = school.node.store.get("number")
    school.node.store.clock = Meddling(clock.now)
    with pytest.raises(errors.Overtaken):
        school.export()
    school.node.store.clock = clock
    assert done == [answer]
    assert files(school.home / "outbox") == stood
    assert school.round_trip().status == "applied"
    assert equal(school)


def answered_pupil(life: Life, school: Sekolah) -> str:
    """Return a pupil with an unsent change, for whom the server has a change and an acknowledgement ready."""
    pupil = school.pupil()
    school.round_trip()
    school.edit("peserta_didik", pupil, nama_dusun="Dusun Satu")
    life.ingest(school.export().file)
    school.edit("peserta_didik", pupil, nama_dusun="Dusun Dua")
    life.change("pusat", [("peserta_didik", pupil, "email", "dari@contoh.id")])
    return pupil


def elsewhere(school: Sekolah, answer: Path) -> None:
    """Apply a return in another process."""
    with closing(SchoolNode.open(school.home, clock=school.life.clock)) as other:
        assert apply_file(other, answer) is not None


# --- what is lost -----------------------------------------------------------------------------


def test_a_lost_package_rides_in_the_next(life: Life, school: Sekolah) -> None:
    """R1: three files are lost; the fourth carries all of it."""
    for n in range(3):
        school.export().file.unlink()
        school.pupil(f"SISWA {n}")
    made = school.export()
    assert made.changes == {"peserta_didik": {"insert": 4, "update": 0, "delete": 0}}
    assert life.ingest(made.file).files[0].counts.applied == 4
    school.apply(life.answer(school).file)
    assert equal(school)


def test_many_exports_without_an_answer_differ_in_nothing_but_their_number(life: Life, school: Sekolah) -> None:
    """R2, with forty files that all come to the server: the last is as complete as the first."""
    first = school.export()
    for _ in range(39):
        last = school.export()
    assert (last.number, last.changes, last.bytes) == (40, first.changes, first.bytes)
    assert len(list((school.home / "outbox").glob("KIRIM-00000001-*.kirim"))) == 40
    assert school.node.store.last == 1
    assert life.ingest(last.file).files[0].counts.applied == 1
    assert {r.status for r in life.ingest(school.home / "outbox").files} == {"duplicate"}
    school.apply(life.answer(school).file)
    assert equal(school)


def test_only_what_the_server_signed_counts_as_sent(life: Life, school: Sekolah) -> None:
    """R1: writing, carrying and even merging a file acknowledge nothing; applying the return does."""
    life.ingest(school.export().file)
    answer = life.answer(school).file
    assert school.node.store.acknowledged == 0
    assert school.export().changes == {"peserta_didik": {"insert": 1, "update": 0, "delete": 0}}
    school.apply(answer)
    assert school.node.store.acknowledged == 1
    assert school.export().changes == {}


# --- what is written --------------------------------------------------------------------------


def test_a_package_without_changes_is_valid_and_says_so(life: Life, school: Sekolah) -> None:
    """R27: it needs no passphrase, and the server takes it."""
    school.round_trip()

    def asked() -> str:
        raise AssertionError("there is nothing to approve")

    sheets: list[Sheet] = []
    made = export(school.node, passphrase=asked, confirm=lambda sheet: not sheets.append(sheet))  # type: ignore[func-returns-value]
    assert made.changes == {}
    assert sheets[0].changes == {}
    assert made.file.stat().st_size == made.bytes
    assert life.ingest(made.file).files[0].code == ""
    assert equal(school)


def test_the_sheet_names_the_head_and_counts_net_rows(life: Life, school: Sekolah) -> None:
    """Made and deleted between two cuts is no change; twice edited is one."""
    gone, kept = school.pupil("SISWA PERGI"), school.pupil("SISWA TINGGAL")
    school.sql("DELETE FROM peserta_didik WHERE peserta_didik_id = ?", gone)
    school.edit("peserta_didik", kept, nama="SISWA SATU KALI")
    school.edit("peserta_didik", kept, nama="SISWA DUA KALI")
    sheets: list[Sheet] = []
    export(school.node, passphrase=lambda: PASSPHRASE, confirm=lambda sheet: not sheets.append(sheet))  # type: ignore[func-returns-value]
    assert sheets[0].changes == {"peserta_didik": {"insert": 2, "update": 0, "delete": 0}}
    assert sheets[0].head.nama == "KEPALA CONTOH"
    assert sheets[0].consent


def test_an_outbox_is_never_overwritten(life: Life, school: Sekolah) -> None:
    """A file stands under the next name already, be it a package or a shopping list."""
    outbox = school.home / "outbox"
    (outbox / "KIRIM-00000001-000001.kirim").write_bytes(b"beras, telur")
    (outbox / "KIRIM-00000001-000001-2.kirim").mkdir()
    made = school.export()
    assert made.file.name == "KIRIM-00000001-000001-3.kirim"
    assert (outbox / "KIRIM-00000001-000001.kirim").read_bytes() == b"beras, telur"
    assert life.ingest(made.file).files[0].status == "applied"


def test_an_out_folder_must_be_there(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """A stick that is not plugged in is no folder of this disk; where there is one, the outbox stays empty."""
    with pytest.raises(errors.FolderUnwritable) as refused:
        try_export(school, out=tmp_path / "stik" / "kec")
    assert refused.value.facts()["part"] == "it is not there"
    assert not (tmp_path / "stik").exists()
    assert school.node.store.get("number") == ""
    (tmp_path / "stik" / "kec").mkdir(parents=True)
    made = try_export(school, out=tmp_path / "stik" / "kec")
    assert made.parent == tmp_path / "stik" / "kec"
    assert files(school.home / "outbox") == {}
    assert files(tmp_path / "stik").keys() == {"kec/KIRIM-00000001-000001.kirim"}


def test_an_out_folder_that_is_none_is_refused_and_loses_nothing(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """KF-703; the next export carries everything."""
    (tmp_path / "file").write_bytes(b"")
    for out in (tmp_path / "file", tmp_path / "file" / "dalam", Path("/proc/tidak/bisa")):
        with pytest.raises(errors.FolderUnwritable):
            try_export(school, out=out)
    assert files(school.home / "outbox") == {}
    assert school.round_trip().counts.applied == 1


def test_a_package_is_readable_by_its_owner_alone(life: Life, school: Sekolah) -> None:
    """Until somebody copies it."""
    assert school.export().file.stat().st_mode & 0o777 == 0o600


def test_names_are_for_people_and_numbers_only_labels(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """Six digits wide, and a renamed file works."""
    made = school.export()
    assert made.file.name == "KIRIM-00000001-000001.kirim"
    os.rename(made.file, tmp_path / "foto liburan.jpg")
    (result,) = life.ingest(tmp_path / "foto liburan.jpg").files
    assert (result.status, result.number) == ("applied", 1)


def test_what_another_program_writes_while_it_exports_rides_in_this_or_the_next(life: Life, school: Sekolah) -> None:
    """R19: edits between the cut and the file, through a connection of their own."""
    page = SchoolNode.open(school.home, clock=Clock())

    def confirm(sheet: Sheet) -> bool:
        page.store.db.execute("UPDATE peserta_didik SET nama = 'SISWA DIUBAH' WHERE nama = 'SISWA SATU'")
        return True

    made = export(school.node, passphrase=lambda: PASSPHRASE, confirm=confirm)
    page.close()
    assert life.ingest(made.file).files[0].counts.applied == 1
    school.apply(life.answer(school).file)
    assert school.sql("SELECT nama FROM peserta_didik") == [("SISWA DIUBAH",)]
    assert school.export().changes == {"peserta_didik": {"insert": 0, "update": 1, "delete": 0}}
    assert school.round_trip().counts.applied == 1
    assert equal(school)


# --- returns that come back -------------------------------------------------------------------


def test_returns_are_applied_from_folders_and_zips_in_order(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """R26: renamed, packed, and among photographs; the newest counts, older ones change nothing."""
    from tests.faults.badfiles import PHOTOGRAPH, zipped

    life.ingest(school.export().file)
    first = life.answer(school).file
    ((pupil,),) = school.sql("SELECT peserta_didik_id FROM peserta_didik")
    life.change("verval", [("peserta_didik", str(pupil), "nama", "SISWA TERVERIFIKASI")])
    second = life.answer(school).file
    folder = tmp_path / "unduhan"
    folder.mkdir()
    bundle = zipped([("b", first.read_bytes()), ("a", second.read_bytes())])
    (folder / "balasan.zip").write_bytes(bundle)
    (folder / "foto.jpg").write_bytes(PHOTOGRAPH)
    (folder / "lagi").write_bytes(second.read_bytes())
    done = school.apply_all(folder)
    assert [error.code for _, error in done.failed] == ["KF-201"]
    assert (done.done, done.applied, done.acknowledged) == (3, 2, 1)
    assert school.row("peserta_didik", str(pupil))["nama"] == "SISWA TERVERIFIKASI"
    assert (folder / "balasan.zip").read_bytes() == bundle
    assert school.apply_all(folder).applied == 0
