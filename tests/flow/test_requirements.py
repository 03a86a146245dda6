"""Requirements learned from other systems' lost data, each by its number, on real files and real databases."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from exchange import errors, spool
from exchange.format.body import read_body
from exchange.format.outcome import decode_outcome
from exchange.overview import school_status
from exchange.records import Counts, Outcome
from exchange.schema import SCHEMA
from exchange.schema.ids import derive_id
from exchange.trust.certificates import anchor
from exchange.trust.opening import open_with_file_key
from tests.flow.program import kirim
from tests.life import Life, Sekolah, equal


@pytest.fixture
def life(tmp_path):
    one = Life(tmp_path)
    yield one
    one.close()


@pytest.fixture
def school(life):
    return life.school()


def outcome(life: Life, school: Sekolah, number: int):
    """Return the outcome that the server keeps of one changeset."""
    (stored,) = life.server.store.db.execute(
        "SELECT outcome FROM kirim_changeset WHERE scope = ? AND device = ? AND number = ?",
        (school.scope, school.node.store.device, number),
    ).fetchone()
    return decode_outcome(SCHEMA, bytes(stored))


def test_r1_a_lost_package_costs_nothing(life, school):
    """R1: the file is deleted; its changes stay unacknowledged and ride in the next one. Only the server's word moves them."""
    pupil = school.pupil()
    school.export().file.unlink()
    assert school_status(school.node.store).pending["peserta_didik"]["insert"] == 1
    school.edit("peserta_didik", pupil, rt=5)
    result = school.round_trip()
    assert (result.status, result.counts.applied) == ("applied", 2)
    assert life.row("peserta_didik", pupil)["rt"] == 5
    assert school_status(school.node.store).pending == {}
    assert equal(school)


def test_r1_a_lost_return_costs_nothing(life, school):
    """R1: the return is lost; what was merged is sent again, told as duplicate, and the next return acknowledges it."""
    school.pupil()
    life.ingest(school.export().file)
    life.answer(school).file.unlink()
    again = life.ingest(school.export().file).files[0]
    assert again.counts.sent == 0
    school.apply(life.answer(school).file)
    assert school_status(school.node.store).pending == {}
    assert equal(school)


def test_r2_export_after_export_without_a_return(life, school):
    """R2: a thousand exports without an answer; each holds the same but its number, its key and its time."""
    pupils = [school.pupil(nama=f"SISWA {n}") for n in range(5)]
    head = school.node.head("sandi kepala sekolah")
    school.node.head = lambda passphrase: head  # its passphrase is made to be slow; the key is the same
    content = set()
    for _ in range(1000):
        life.clock.now += 60
        last = school.export()
        keys = dict(school.node.store.db.execute("SELECT name, value FROM kirim_meta WHERE name = 'number'"))
        assert int(keys["number"]) == last.number
        content.add(json.dumps(last.changes, sort_keys=True))
    assert len(content) == 1
    result = life.ingest(last.file).files[0]
    assert (result.status, result.counts.applied, result.number) == ("applied", 5, 1000)
    assert all(life.row("peserta_didik", pupil) for pupil in pupils)


def test_r3_every_change_has_one_outcome_and_a_refused_one_stays_open(life, school):
    """R3: a row with a code that no list knows is refused, stays open with its reason, and is taken once it is mended."""
    life.server.store.db.execute("DELETE FROM ref_agama WHERE agama_id = 7")
    good, bad = school.pupil("BAIK"), school.pupil("BELUM", agama_id=7)
    result = school.round_trip()
    assert result.counts.as_dict() == {"sent": 2, "applied": 1, "same": 0, "conflict": 0, "refused": 1, "held": 0}
    (line,) = outcome(life, school, 1)[1]
    assert (line.row, line.outcome, line.code) == (bad, Outcome.REFUSED, 516)
    (open_row,) = school_status(school.node.store).open
    assert (open_row["id"], open_row["code"]) == (bad, "KF-516")
    assert life.row("peserta_didik", bad) == {}
    assert life.row("peserta_didik", good)
    school.edit("peserta_didik", bad, agama_id=1)
    school.round_trip()
    school.round_trip()
    assert life.row("peserta_didik", bad)["agama_id"] == 1
    assert school_status(school.node.store).open == ()
    assert equal(school)


def test_r4_a_report_that_does_not_add_up_is_never_published(life, school, monkeypatch):
    """R4: one outcome goes missing in the engine: nothing is merged, nothing is told, the alarm is raised."""
    from exchange.server.taken import Taken

    school.pupil()
    path = school.export().file
    monkeypatch.setattr(Taken, "counts", property(lambda self: Counts()))
    before = life.server.store.school(school.scope).position
    result = life.ingest(path).files[0]
    assert result.code == "KF-502"
    assert life.server.store.school(school.scope).position == before
    assert not life.server.store.db.value("SELECT count(*) FROM peserta_didik")
    assert path.exists()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_r7_two_pupils_with_one_nisn_are_both_kept_and_named(tmp_path, order):
    """R7: two schools enter different pupils under one NISN; both keep what they have, one finding reaches both."""
    life = Life(tmp_path)
    schools = [life.school("00000001"), life.school("00000002")]
    pupils = [s.pupil(f"SISWA {n}", nisn="0149999901", peserta_didik_id=f"{n}0000000-0000-4000-8000-000000000001")
              for n, s in enumerate(schools)]
    files = [s.export().file for s in schools]
    for n in order:
        life.ingest(files[n])
    for n, s in enumerate(schools):
        s.apply(life.answer(s).file)
        assert s.row("peserta_didik", pupils[n])["nisn"] == "0149999901"
        ((message, row),) = s.sql("SELECT error_message, entity_id FROM vld_data WHERE soft_delete = 0")
        assert row == pupils[n]
        assert "00000001/" in message
        assert "00000002/" in message
        assert "0149999901" in message
    life.close()


def test_r8_no_merge_deletes_a_row_that_no_package_names(life, school):
    """R8: a second pupil with the same numbers pushes nobody out of the way."""
    first, second = school.pupil("SATU", nik="9900000000000001"), school.pupil("DUA", nik="9900000000000001")
    school.round_trip()
    assert life.row("peserta_didik", first)["soft_delete"] == 0
    assert life.row("peserta_didik", second)["soft_delete"] == 0


def test_r9_audit_columns_never_travel_and_never_conflict(life, school):
    """R9: a tool moves last_update into the future; that is no change, and nothing meets it."""
    pupil = school.pupil()
    school.round_trip()
    school.edit("peserta_didik", pupil, last_update="2099-01-01 00:00:00", last_sync="2099-01-01 00:00:00")
    assert school.export().changes == {}


def test_r15_equal_faults_are_one_line_with_a_count_and_ten_examples_however_many_they_are(life, school):
    """R15: 20 rows with one fault and then 2,000: the report's lines are as many, and one of them tells the count.

    What is told does not grow with the count, so a hundred thousand faults take no more lines than these.
    """
    life.server.store.db.execute("DELETE FROM ref_agama WHERE agama_id = 7")

    def told(pupils: int) -> list[str]:
        with school.node.store.db.transaction():
            for n in range(pupils):
                school.pupil(f"SISWA {n}", agama_id=7)
        life.ingest(school.export().file)
        done = kirim("school", "apply", life.answer(school).file, "--home", school.home, "--lang", "en")
        assert done.status == 0
        return done.out.splitlines()

    few, many = told(20), told(2_000)
    assert len(few) == len(many)
    for lines, count in ((few, "(20)"), (many, "(2,000)")):
        cause = [n for n, line in enumerate(lines) if "KF-516" in line]
        assert len(cause) == 1
        assert lines[cause[0]].endswith(count)
        assert len(lines) - cause[0] - 1 == 10
    assert len("\n".join(many).encode()) < 5_000
    assert len(school_status(school.node.store).open) == 2_020  # each one by itself, for who asks


def test_r26_content_decides_never_the_name(life, school, tmp_path):
    """R26: renamed, in a folder, in a ZIP, twice: recognised by content, with the same receipt."""
    school.pupil()
    path = school.export().file
    shutil.copy(path, tmp_path / "foto liburan (2).jpg")
    folder = tmp_path / "flashdisk"
    folder.mkdir()
    shutil.copy(path, folder / "a")
    with zipfile.ZipFile(tmp_path / "kiriman.zip", "w") as bundle:
        bundle.write(path, "Folder Baru/KIRIM.kirim")
    results = life.ingest(tmp_path / "foto liburan (2).jpg", folder, tmp_path / "kiriman.zip", path).files
    assert [result.status for result in results] == ["applied", "duplicate", "duplicate", "duplicate"]
    assert life.server.store.db.value("SELECT count(*) FROM kirim_package") == 1


def test_r27_the_export_reads_its_own_file_from_the_medium(life, school, monkeypatch):
    """R27: a medium that gives other bytes back is noticed at once."""
    school.pupil()
    real = spool.put

    def rotten(folder: Path, name: str, write, **kwargs) -> Path:
        path = real(folder, name, write, **kwargs)
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
        return path

    monkeypatch.setattr(spool, "put", rotten)
    with pytest.raises(errors.FileError):
        school.export()
    monkeypatch.undo()
    assert school.round_trip().status == "applied"
    assert equal(school)


def test_r27_a_package_without_changes_is_valid(life, school):
    """R27: nothing changed; the file is valid, says so, and is received."""
    exported = school.export()
    assert exported.changes == {}
    assert life.ingest(exported.file).files[0].status == "applied"


def test_r28_one_differing_field_is_named_by_table_at_once_and_by_row_after_the_next_trip(life, school):
    """R28: totals agree, one field was changed behind the server's back: table and row are named."""
    pupils = [school.pupil(f"SISWA {n}") for n in range(3)]
    school.round_trip()
    life.server.store.db.execute(
        "UPDATE peserta_didik SET alamat_jalan = 'lain' WHERE peserta_didik_id = ?", (pupils[1],)
    )
    school.pupil("BARU")
    life.ingest(school.export().file)
    returned = life.answer(school)
    assert json.loads(
        life.server.store.db.value("SELECT diverged FROM kirim_school WHERE sekolah_id = ?", (school.scope,))
    ) == ["peserta_didik"]
    report = school.apply(returned.file)
    assert report.diverged["peserta_didik"]["rows"] == [pupils[1]]


def test_kip_replaces_kps_without_any_typing(life, school):
    """K1 to K5: an SK number comes in for a pupil with KPS; the school neither typed it nor can undo it."""
    pupil = school.pupil(penerima_kps=1, no_kps="KPS-1")
    school.sql(
        "INSERT INTO registrasi_peserta_didik (registrasi_id, peserta_didik_id, sekolah_id, jenis_pendaftaran_id) "
        "VALUES (?, ?, ?, 1)",
        derive_id("registrasi_peserta_didik", pupil, school.scope, "1"), pupil, school.scope,
    )
    school.round_trip()
    assert life.kip([(pupil, "zz00z1")]).matched == 1
    assert life.kip([(pupil, "ZZ00Z1")]).unchanged == 1
    report = school.apply(life.answer(school).file)
    row = school.row("peserta_didik", pupil)
    assert (row["no_kip"], row["penerima_kip"], row["no_kps"], row["penerima_kps"]) == ("ZZ00Z1", 1, None, 0)
    assert ("no_kps", "KPS-1", None) in {(r.column, r.old, r.new) for r in report.replaced}
    school.edit("peserta_didik", pupil, no_kip="XX99X9")
    assert school.round_trip().counts.refused == 1
    assert school.row("peserta_didik", pupil)["no_kip"] == "ZZ00Z1"
    assert equal(school)


def test_a_sealed_file_is_opened_by_nobody_else(life, school, tmp_path):
    """A carrier with another school's keys reads nothing of the body and changes nothing by sending it on."""
    other = life.school("00000002")
    school.pupil("RAHASIA BENAR")
    path = school.export().file
    assert b"RAHASIA" not in path.read_bytes()
    with path.open("rb") as file, pytest.raises(errors.ExchangeError):
        open_with_file_key(file, sender=anchor(other.node.device.public, other.scope), file_key=bytes(32))
    returned = life.answer(school).file
    with pytest.raises((errors.OtherReceiver, errors.SenderUnknown)):
        other.apply(returned)


def test_the_body_of_a_package_is_what_the_page_says(life, school):
    """The manifest names positions, approval and digests; the content is one changeset."""
    school.pupil()
    path = school.export().file
    from benchmarks.field import opened

    with opened(life.server, path) as package:
        manifest, items = read_body(package.body, SCHEMA.version)
        assert (manifest.first.number, manifest.last, manifest.approval is not None) == (0, 1, True)
        assert len(list(items)) == 2


def test_r7_a_row_that_the_centre_brings_back_claims_its_numbers_again(life, school):
    """R7: two pupils under one NISN; the centre deletes one and the finding goes; it edits that one, and both stand again."""
    one, other = (school.pupil(f"SISWA {n}", nisn="9900000002") for n in range(2))
    school.round_trip()

    def found() -> int:
        return life.server.store.db.value("SELECT count(*) FROM vld_data WHERE soft_delete = 0 AND keterangan = '9900000002'")

    assert found() == 1
    life.change("pusat", [("peserta_didik", one, "soft_delete", 1)])
    assert found() == 0
    life.change("pusat", [("peserta_didik", one, "no_kps", "KPS-1")])
    assert life.row("peserta_didik", one)["soft_delete"] == 0
    assert found() == 1
    assert other
