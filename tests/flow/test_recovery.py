"""What heals by itself: laptops restored or copied, servers restored, both (docs/protocol.md 20, 21, 24 to 28; R5, R6)."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from exchange import errors
from exchange.district.regional import report as regional_report
from exchange.districts import District
from exchange.nodes import SchoolNode, ServerNode
from exchange.overview import moment, server_status
from exchange.schema import SCHEMA
from exchange.school.applied import Report
from tests.flow.program import kirim
from tests.flow.test_rebuilding import rebuilt
from tests.flow.told import last_return, lines, registered, show, with_open_keys
from tests.life import Life, Sekolah, equal


@pytest.fixture(autouse=True)
def _is_made_again(life: Life) -> Iterator[None]:
    """However a story ends, the server's database is made again from its archive, row for row."""
    yield
    assert rebuilt(life).equal


@pytest.fixture
def pupil(life: Life, school: Sekolah) -> str:
    """A registered pupil whom both sides have; nothing is unsent."""
    with_open_keys(life)
    found = str(school.sql("SELECT peserta_didik_id FROM peserta_didik ORDER BY 1")[0][0])
    registered(school, found)
    school.round_trip()
    return found


def round_trip(school: Sekolah) -> Report:
    """Export, ingest, answer, apply; return what the return did."""
    school.life.ingest(school.export().file)
    report = school.apply(school.life.answer(school).file)
    assert report is not None
    return report


class Backups:
    """Copies of homes, as a careful person makes them."""

    def __init__(self, life: Life) -> None:
        self.life, self._count = life, 0

    def _copied(self, home: Path) -> Path:
        self._count += 1
        return Path(shutil.copytree(home, self.life.folder / f"cadangan-{self._count}"))

    def laptop(self, school: Sekolah) -> Path:
        school.node.store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return self._copied(school.home)

    def server(self) -> Path:
        self.life.server.store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return self._copied(self.life.server.home)

    def restore_laptop(self, school: Sekolah, backup: Path) -> None:
        school.node.close()
        shutil.rmtree(school.home)
        shutil.copytree(backup, school.home)
        school.node = SchoolNode.open(school.home, clock=self.life.clock)
        with_open_keys(self.life)

    def restore_server(self, backup: Path) -> None:
        home = self.life.server.home
        self.life.server.close()
        shutil.rmtree(home)
        shutil.copytree(backup, home)
        self.life.server = ServerNode.open(home, clock=self.life.clock)

    def twin(self, school: Sekolah) -> Sekolah:
        """A second laptop that is a copy of the first."""
        other = Sekolah(self.life, self.laptop(school))
        self.life.schools.append(other)
        with_open_keys(self.life)
        return other


@pytest.fixture
def backups(life: Life) -> Backups:
    return Backups(life)


def trips(school: Sekolah, count: int = 1) -> None:
    """Ordinary round trips, whatever becomes of each file."""
    for _ in range(count):
        school.life.ingest(school.export().file)
        with contextlib.suppress(errors.ReturnUnfit):
            school.apply(school.life.answer(school).file)


# --- the laptop was restored ------------------------------------------------------------------


def test_a_restored_laptop_without_new_edits_gets_its_forgotten_edits_back(life: Life, school: Sekolah, pupil: str, backups: Backups) -> None:
    """Rule 20: what the school itself sent after the backup comes back, rows that it had made included."""
    backup = backups.laptop(school)
    school.edit("peserta_didik", pupil, alamat_jalan="Sesudah cadangan")
    fresh = school.pupil("SISWA SESUDAH CADANGAN")
    school.round_trip()
    backups.restore_laptop(school, backup)
    assert school.row("peserta_didik", fresh) == {}
    trips(school)
    assert school.row("peserta_didik", pupil)["alamat_jalan"] == "Sesudah cadangan"
    assert school.row("peserta_didik", fresh)["nama"] == "SISWA SESUDAH CADANGAN"
    assert equal(school)


def test_a_restored_guest_gets_a_forgotten_row_whole_and_with_its_home(life: Life, school: Sekolah, pupil: str, backups: Backups) -> None:
    """Rule 20: an edit of another home's row makes no row here; the return brings the row, and whose it is."""
    guest = life.school("00000007")
    with_open_keys(life)
    backup = backups.laptop(guest)
    show(life, "peserta_didik", pupil, school, guest)
    guest.round_trip()
    guest.edit("peserta_didik", pupil, alamat_jalan="Dari sekolah tamu")
    life.ingest(guest.export().file)
    backups.restore_laptop(guest, backup)
    trips(guest)
    assert guest.row("peserta_didik", pupil)["kirim_home"] == school.scope
    assert guest.row("peserta_didik", pupil)["alamat_jalan"] == life.row("peserta_didik", pupil)["alamat_jalan"]
    assert equal(guest)


def test_a_restored_laptop_with_new_edits_keeps_them_and_gets_the_forgotten_ones(life: Life, school: Sekolah, pupil: str, backups: Backups) -> None:
    """Rules 24 and 27, R6: the reused number is noticed, nothing of that file is merged, and both branches survive."""
    backup = backups.laptop(school)
    school.edit("peserta_didik", pupil, alamat_jalan="Cabang server")
    school.round_trip()
    backups.restore_laptop(school, backup)
    school.edit("peserta_didik", pupil, email="baru@contoh.id")
    again = school.pupil("SISWA CABANG LAPTOP")
    result = life.ingest(school.export().file).files[0]
    assert (result.status, result.code) == ("quarantined", "KF-402")
    report = school.apply(life.answer(school).file)
    assert report is not None
    assert (report.branch.taken, report.branch.again) == (1, 1)
    assert school.row("peserta_didik", pupil)["alamat_jalan"] == "Cabang server"
    assert school.row("peserta_didik", pupil)["email"] == "baru@contoh.id"
    result = life.ingest(school.export().file).files[0]
    assert (result.status, result.counts.conflict) == ("applied", 0)
    school.apply(life.answer(school).file)
    assert life.row("peserta_didik", pupil)["email"] == "baru@contoh.id"
    assert life.row("peserta_didik", again)["nama"] == "SISWA CABANG LAPTOP"
    assert equal(school)


def test_what_the_losing_branch_had_not_seen_is_a_conflict(life: Life, school: Sekolah, pupil: str, backups: Backups) -> None:
    """Rule 27: the edit cut again does not look as if it had seen the other branch's; both values are told."""
    backup = backups.laptop(school)
    school.edit("peserta_didik", pupil, alamat_jalan="Cabang server")
    school.round_trip()
    backups.restore_laptop(school, backup)
    school.edit("peserta_didik", pupil, alamat_jalan="Cabang laptop")
    trips(school)
    result = life.ingest(school.export().file).files[0]
    assert (result.status, result.counts.conflict) == ("applied", 1)
    (line,) = lines(school)
    assert (line.sent[0], line.stood[0]) == ("Cabang laptop", "Cabang server")
    school.apply(life.answer(school).file)
    assert equal(school)


def test_an_edit_that_both_branches_made_has_its_effect_once(life: Life, school: Sekolah, pupil: str, backups: Backups) -> None:
    """Rule 5, origin: the backup was taken after the cut and before the answer; the same changeset comes under a new number."""
    school.edit("peserta_didik", pupil, alamat_jalan="Dari cadangan")
    lost = school.export().file
    backup = backups.laptop(school)
    school.edit("peserta_didik", pupil, email="satu@contoh.id")
    life.ingest(lost)
    school.round_trip()
    backups.restore_laptop(school, backup)
    trips(school, 2)
    assert equal(school)
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "Dinas")])
    trips(school)
    assert life.row("peserta_didik", pupil)["alamat_jalan"] == "Dinas", "the old edit came twice"
    assert equal(school)


def test_no_refused_row_of_a_forgotten_export_is_lost(life: Life, school: Sekolah, pupil: str, backups: Backups) -> None:
    """A row that waits on the open list comes back to the restored laptop, marked, so that it can be mended there."""
    school.sql("INSERT INTO ref_agama (agama_id, nama) VALUES (55, 'Contoh')")
    backup = backups.laptop(school)
    waiting = school.pupil("SISWA TERTAHAN", agama_id=55)
    school.round_trip()
    assert life.row("peserta_didik", waiting) == {}
    backups.restore_laptop(school, backup)
    trips(school)
    assert school.row("peserta_didik", waiting)["nama"] == "SISWA TERTAHAN"
    assert school.sql("SELECT code FROM kirim_open WHERE row = ?", waiting) == [(516,)]
    school.edit("peserta_didik", waiting, agama_id=1)
    trips(school)
    assert life.row("peserta_didik", waiting)["nama"] == "SISWA TERTAHAN"
    assert equal(school)


def test_an_edit_of_a_row_that_the_other_branch_withdrew_brings_it_back_whole(
    life: Life, school: Sekolah, pupil: str, backups: Backups
) -> None:
    """Rule 11: the restored laptop knows nothing of the delete; the row waits again as it did, and can be mended."""
    school.sql("INSERT INTO ref_agama (agama_id, nama) VALUES (55, 'Contoh')")
    waiting = school.pupil("SISWA TERTAHAN", agama_id=55, rt=3)
    school.round_trip()
    backup = backups.laptop(school)
    school.sql("UPDATE peserta_didik SET soft_delete = 1 WHERE peserta_didik_id = ?", waiting)
    school.round_trip()
    backups.restore_laptop(school, backup)
    school.edit("peserta_didik", waiting, rt=4)
    trips(school, 2)
    assert life.row("peserta_didik", waiting) == {}
    here = school.row("peserta_didik", waiting)
    assert (here["nama"], here["agama_id"], here["rt"]) == ("SISWA TERTAHAN", 55, 4)
    school.edit("peserta_didik", waiting, agama_id=1)
    trips(school, 2)
    there = life.row("peserta_didik", waiting)
    assert (there["nama"], there["agama_id"], there["rt"]) == ("SISWA TERTAHAN", 1, 4)
    assert equal(school)


def test_what_waits_or_was_refused_is_told_on_both_sides(life: Life, school: Sekolah, pupil: str, backups: Backups) -> None:
    """R12: since when, waiting for what and how many changes, at the server, at the district and in the next return."""
    backup = backups.server()
    school.edit("peserta_didik", pupil, rt=3)
    school.round_trip()
    backups.restore_server(backup)
    school.edit("peserta_didik", pupil, rt=4)
    school.pupil("SISWA MENUNGGU")
    result = life.ingest(school.export().file).files[0]
    assert (result.status, result.code, result.counts.held) == ("held", "KF-403", 2)
    came = life.clock.now
    life.clock.now += 86_400
    waits = {"number": result.number, "code": "KF-403", "changes": 2, "since": moment(came)}
    assert server_status(life.server)["held"] == [{"npsn": school.npsn, **waits}]
    region = str(life.row("sekolah", school.scope)["kode_wilayah"])
    office = District("", b"", "", region, "", is_sealed=False, state="aktif", last=0, value=b"", reported=0)
    told = regional_report(life.server, office)[0]["schools"]
    assert [one["held"] for one in told if one["npsn"] == school.npsn] == [[waits]]  # type: ignore[attr-defined]
    report = school.apply(life.answer(school).file)
    assert report is not None
    assert report.as_json()["waiting"] == [{**waits, "since": came}]
    assert round_trip(school).waiting == []


def test_the_author_of_a_fork_reads_of_it(life: Life, school: Sekolah, pupil: str, backups: Backups) -> None:
    """R6: the file that was put aside is named in the return that heals it, and no longer once the log went on."""
    backup = backups.laptop(school)
    school.edit("peserta_didik", pupil, rt=3)
    school.round_trip()
    backups.restore_laptop(school, backup)
    school.edit("peserta_didik", pupil, rt=4)
    report = round_trip(school)
    assert [(r.code, r.counts.held) for r in report.waiting] == [(402, 0)]
    trips(school)
    school.edit("peserta_didik", pupil, rt=5)
    assert round_trip(school).waiting == []


# --- the laptop was copied --------------------------------------------------------------------


@pytest.mark.parametrize("turns", ["ab", "ba", "aab", "abab", "babba"])
def test_two_laptops_that_take_turns_lose_nothing(life: Life, school: Sekolah, pupil: str, backups: Backups, turns: str) -> None:
    """Rule 28: whichever of the two sends first, and however often they take turns, every pupil gets in and both end equal."""
    laptops = {"a": school, "b": backups.twin(school)}
    made = {}
    for n, turn in enumerate(turns):
        laptop = laptops[turn]
        made[laptop.pupil(f"SISWA {turn.upper()}{n}")] = f"SISWA {turn.upper()}{n}"
        laptop.edit("peserta_didik", pupil, alamat_jalan=f"Jalan {turn}{n}")
        trips(laptop)
    for _ in range(3):
        trips(laptops["a"])
        trips(laptops["b"])
    for laptop in laptops.values():
        assert {row: laptop.row("peserta_didik", row).get("nama") for row in made} == made
    assert {row: life.row("peserta_didik", row).get("nama") for row in made} == made
    assert equal(laptops["b"])
    trips(laptops["a"])
    assert equal(laptops["a"])


def test_a_late_return_for_the_other_laptop_changes_nothing(life: Life, school: Sekolah, pupil: str, backups: Backups) -> None:
    """Rule 21: it does not fit; the next package carries all positions, which settles it."""
    twin = backups.twin(school)
    school.edit("peserta_didik", pupil, alamat_jalan="Jalan A")
    life.ingest(school.export().file)
    for_a = life.answer(school).file
    twin.edit("peserta_didik", pupil, email="b@contoh.id")
    twin.export()
    with pytest.raises(errors.ReturnUnfit):
        twin.apply(for_a)
    assert twin.row("peserta_didik", pupil)["alamat_jalan"] is None
    trips(twin, 2)
    assert twin.row("peserta_didik", pupil)["alamat_jalan"] == "Jalan A"
    assert life.row("peserta_didik", pupil)["email"] == "b@contoh.id"
    assert equal(twin)


# --- the server was restored ------------------------------------------------------------------


def test_a_restored_server_gets_everything_back(life: Life, school: Sekolah, pupil: str, backups: Backups) -> None:
    """Rule 25, R5: one ordinary round trip and the next package; what only the server had written is entered again as what it was."""
    backup = backups.server()
    school.edit("peserta_didik", pupil, alamat_jalan="Hilang di server")
    fresh = school.pupil("SISWA HILANG DI SERVER")
    school.round_trip()
    life.kip([(pupil, "B12345")])
    life.change("dinas", [("peserta_didik", pupil, "email", "dinas@contoh.id")])
    school.round_trip()
    assert school.row("peserta_didik", pupil)["no_kip"] == "B12345"
    backups.restore_server(backup)
    assert life.row("peserta_didik", pupil)["no_kip"] is None
    school.edit("peserta_didik", pupil, rt=7)
    result = life.ingest(school.export().file).files[0]
    assert (result.status, result.code) == ("held", "KF-403")
    school.apply(life.answer(school).file)
    assert school.row("peserta_didik", pupil)["no_kip"] == "B12345", "what the server lost is still true here"
    result = life.ingest(school.export().file).files[0]
    assert (result.status, result.counts.conflict) == ("applied", 0)
    school.apply(life.answer(school).file)
    row = life.row("peserta_didik", pupil)
    assert (row["no_kip"], row["email"], row["alamat_jalan"], row["rt"]) == ("B12345", "dinas@contoh.id", "Hilang di server", 7)
    assert life.row("peserta_didik", fresh)["nama"] == "SISWA HILANG DI SERVER"
    assert equal(school)
    assert life.server.store.db.value("SELECT count(*) FROM kirim_package WHERE state = 'held'") == 0
    school.edit("peserta_didik", pupil, no_kip="B99999")
    school.round_trip()
    assert life.row("peserta_didik", pupil)["no_kip"] == "B12345", "the lock came back too"


def test_what_the_restored_server_has_changed_since_wins_and_a_correction_says_so(life: Life, school: Sekolah, pupil: str, backups: Backups) -> None:
    backup = backups.server()
    life.change("pusat", [("peserta_didik", pupil, "nama_ibu_kandung", "IBU LAMA")], verified=True)
    school.round_trip()
    backups.restore_server(backup)
    life.change("pusat", [("peserta_didik", pupil, "nama_ibu_kandung", "IBU BARU")], verified=True)
    trips(school, 2)
    assert life.row("peserta_didik", pupil)["nama_ibu_kandung"] == "IBU BARU"
    assert school.row("peserta_didik", pupil)["nama_ibu_kandung"] == "IBU BARU"
    assert equal(school)


def test_a_value_of_the_centre_that_was_given_back_and_overruled_is_listed_until_the_centre_speaks_again(
    life: Life, school: Sekolah, pupil: str, backups: Backups
) -> None:
    """Rule 25: whoever said it finds both values in the server's status, and whatever a school edits leaves it there."""
    backup = backups.server()
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "Jalan Lama")])
    school.round_trip()
    backups.restore_server(backup)
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "Jalan Baru")])
    trips(school, 2)
    school.edit("peserta_didik", pupil, rt=9)
    school.round_trip()
    (one,) = server_status(life.server)["overruled"]  # type: ignore[misc]
    assert (one["npsn"], one["table"], one["id"]) == (school.npsn, "peserta_didik", pupil)
    assert one["given"] == {"alamat_jalan": "Jalan Lama"}
    assert one["stands"] == {"alamat_jalan": "Jalan Baru"}
    told = kirim("server", "status", "--home", life.server.home).out
    assert f"NPSN {school.npsn}, peserta_didik, id {pupil}: alamat_jalan Jalan Lama" in told
    assert "Jalan Baru" in told
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "Jalan Lama")])
    assert server_status(life.server)["overruled"] == []
    school.round_trip()
    assert equal(school)


def test_a_value_older_than_the_backup_does_not_overrule_a_newer_one_that_is_given_back(
    life: Life, school: Sekolah, pupil: str, backups: Backups
) -> None:
    """Rule 25: both values were the centre's; the older one stands in both histories, so it is none that came since."""
    life.change("pusat", [("peserta_didik", pupil, "nama_ibu_kandung", "IBU SEBELUM")])
    backup = backups.server()
    life.change("pusat", [("peserta_didik", pupil, "nama_ibu_kandung", "IBU SESUDAH")])
    school.round_trip()
    backups.restore_server(backup)
    trips(school, 2)
    assert life.row("peserta_didik", pupil)["nama_ibu_kandung"] == "IBU SESUDAH"
    assert school.row("peserta_didik", pupil)["nama_ibu_kandung"] == "IBU SESUDAH"
    assert equal(school)


def test_what_is_given_back_is_entered_behind_the_schools_own_word_that_it_had_answered(
    life: Life, school: Sekolah, pupil: str, backups: Backups
) -> None:
    """Rule 25: the changeset comes again in the very package that gives the return back; it was older then, and is older now."""
    backup = backups.server()
    school.edit("peserta_didik", pupil, alamat_jalan="Jalan Sekolah")
    school.round_trip()
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "Jalan Dinas")])
    school.round_trip()
    backups.restore_server(backup)
    trips(school, 2)
    assert life.row("peserta_didik", pupil)["alamat_jalan"] == "Jalan Dinas"
    assert school.row("peserta_didik", pupil)["alamat_jalan"] == "Jalan Dinas"
    assert equal(school)


def test_what_a_changeset_has_replaced_since_is_no_word_against_what_had_answered_that_changeset(
    life: Life, school: Sekolah, pupil: str, backups: Backups
) -> None:
    """Rule 25: the restored server's word falls to the school's, and the value given back had seen the school's."""
    backup = backups.server()
    school.edit("peserta_didik", pupil, alamat_jalan="Jalan Sekolah")
    school.round_trip()
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "Jalan Dinas")])
    school.round_trip()
    backups.restore_server(backup)
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "Jalan Sementara")])
    trips(school, 2)
    assert life.row("peserta_didik", pupil)["alamat_jalan"] == "Jalan Dinas"
    assert school.row("peserta_didik", pupil)["alamat_jalan"] == "Jalan Dinas"
    assert equal(school)


def test_a_guest_school_notices_a_restored_server_by_what_it_was_told_of_another_homes_row(
    life: Life, school: Sekolah, pupil: str, backups: Backups
) -> None:
    """R5: its log has an entry of the very same row at the very same number in both histories, and yet another value there."""
    guest = life.school(npsn="00000007")
    with_open_keys(life)
    guest.round_trip()
    show(life, "peserta_didik", pupil, school, guest)
    guest.round_trip()
    backup = backups.server()
    life.change("pusat", [("peserta_didik", pupil, "nama_ibu_kandung", "IBU HILANG")])
    guest.round_trip()
    guest.round_trip()
    backups.restore_server(backup)
    life.change("pusat", [("peserta_didik", pupil, "nama_ibu_kandung", "IBU BARU")])
    trips(guest, 2)
    assert guest.row("peserta_didik", pupil)["nama_ibu_kandung"] == "IBU BARU"


def test_a_server_restored_between_merge_and_return_is_told_by_the_number_that_is_missing(
    life: Life, school: Sekolah, pupil: str, backups: Backups
) -> None:
    """The school has seen no position that is lost, but was acknowledged what the server has not: everything comes again."""
    backup = backups.server()
    school.edit("peserta_didik", pupil, alamat_jalan="Satu")
    life.ingest(school.export().file)
    school.apply(life.answer(school).file)
    school.edit("peserta_didik", pupil, email="dua@contoh.id")
    backups.restore_server(backup)
    trips(school, 2)
    row = life.row("peserta_didik", pupil)
    assert (row["alamat_jalan"], row["email"]) == ("Satu", "dua@contoh.id")
    assert equal(school)


def test_a_restored_server_never_uses_a_number_that_a_school_has_seen(life: Life, school: Sekolah, pupil: str, backups: Backups) -> None:
    """Rule 25: it jumps behind it."""
    backup = backups.server()
    for n in range(5):
        life.change("dinas", [("peserta_didik", pupil, "email", f"{n}@contoh.id")])
    school.round_trip()
    seen = school.node.store.have[0]
    backups.restore_server(backup)
    life.ingest(school.export().file)
    school.apply(life.answer(school).file)
    assert school.node.store.have[0] > seen
    trips(school, 2)
    assert life.row("peserta_didik", pupil)["email"] == "4@contoh.id"
    assert equal(school)


def test_a_school_cannot_speak_for_the_centre_by_giving_back(life: Life, school: Sekolah, pupil: str, backups: Backups) -> None:
    """Only what the server itself signed is entered: a return forged with the laptop's own key is refused whole."""
    backup = backups.server()
    life.change("dinas", [("peserta_didik", pupil, "email", "asli@contoh.id")])
    school.round_trip()
    backups.restore_server(backup)
    life.ingest(school.export().file)
    school.apply(life.answer(school).file)
    forged = school.home / "outbox"
    own = next(forged.glob("KIRIM-*")).read_bytes()
    school.sql("UPDATE kirim_return SET file = ? WHERE file IS NOT NULL AND position > 0", own)
    result = life.ingest(school.export().file).files[0]
    assert result.status == "quarantined"
    assert life.row("peserta_didik", pupil)["email"] is None


# --- both -------------------------------------------------------------------------------------


def test_both_restored(life: Life, school: Sekolah, pupil: str, backups: Backups) -> None:
    server = backups.server()
    school.edit("peserta_didik", pupil, alamat_jalan="Satu")
    school.round_trip()
    laptop = backups.laptop(school)
    life.kip([(pupil, "B12345")])
    school.edit("peserta_didik", pupil, rt=3)
    school.round_trip()
    backups.restore_server(server)
    backups.restore_laptop(school, laptop)
    school.edit("peserta_didik", pupil, rw=5)
    trips(school, 3)
    row = life.row("peserta_didik", pupil)
    assert (row["alamat_jalan"], row["rw"]) == ("Satu", 5)
    assert equal(school)


def test_a_restored_server_and_two_laptops(life: Life, school: Sekolah, pupil: str, backups: Backups) -> None:
    """The corner that lost values elsewhere: each laptop holds part of what the server lost."""
    twin = backups.twin(school)
    server = backups.server()
    a = school.pupil("SISWA A")
    school.round_trip()
    life.change("dinas", [("peserta_didik", pupil, "email", "untuk-a@contoh.id")])
    school.round_trip()
    b = twin.pupil("SISWA B")
    trips(twin, 2)
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "Untuk B")])
    trips(twin)
    backups.restore_server(server)
    for _ in range(4):
        trips(school)
        trips(twin)
    for side in (life, school, twin):
        assert side.row("peserta_didik", a)["nama"] == "SISWA A"
        assert side.row("peserta_didik", b)["nama"] == "SISWA B"
        assert side.row("peserta_didik", pupil)["email"] == "untuk-a@contoh.id"
        assert side.row("peserta_didik", pupil)["alamat_jalan"] == "Untuk B"
    assert equal(twin)
    assert last_return(twin) is not None


def test_a_restored_laptop_whose_forgotten_work_came_back_from_a_server_that_was_restored_then(
    life: Life, school: Sekolah, pupil: str, backups: Backups
) -> None:
    """What the laptop had heard before its forgotten export is in no return that anybody keeps; its edits get in all the same."""
    server, laptop = backups.server(), backups.laptop(school)
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "JALAN DINAS")])
    school.round_trip()
    fresh = school.pupil("SISWA BARU")
    school.edit("peserta_didik", pupil, alamat_jalan="JALAN SEKOLAH", rt=9)
    life.ingest(school.export().file)
    backups.restore_laptop(school, laptop)
    round_trip(school)
    backups.restore_server(server)
    trips(school, 2)
    assert life.row("peserta_didik", fresh)["nama"] == "SISWA BARU"
    there = life.row("peserta_didik", pupil)
    assert (there["alamat_jalan"], there["rt"]) == ("JALAN SEKOLAH", 9)
    assert equal(school)


def test_a_server_restored_to_before_it_knew_the_laptop_learns_of_it_again(life: Life, school: Sekolah, backups: Backups) -> None:
    """R5: the code and the prefill had been made; everything else comes by files, the third of which says who sends."""
    backup = backups.server()
    with_open_keys(life)
    fresh = school.pupil("SISWA LAMA")
    school.round_trip()
    backups.restore_server(backup)
    for _ in range(2):
        assert life.ingest(school.export().file).files[0].code == "KF-304"
    life.ingest(school.export().file)
    school.apply(life.answer(school).file)
    trips(school)
    assert life.row("peserta_didik", fresh)["nama"] == "SISWA LAMA"
    assert equal(school)


# --- the stores differ although nothing is on its way ------------------------------------------

_WAYS = {
    "a value at the server": ("server", "UPDATE peserta_didik SET alamat_jalan = 'Lain' WHERE peserta_didik_id = ?"),
    "a value at the school": ("school", "UPDATE peserta_didik SET alamat_jalan = 'Lain' WHERE peserta_didik_id = ?"),
    "a row gone at the server": ("server", "DELETE FROM peserta_didik WHERE peserta_didik_id = ?"),
    "a row gone at the school": ("school", "DELETE FROM peserta_didik WHERE peserta_didik_id = ?"),
    "a row marked deleted at the server": ("server", "UPDATE peserta_didik SET soft_delete = 1 WHERE peserta_didik_id = ?"),
    "a row marked deleted at the school": ("school", "UPDATE peserta_didik SET soft_delete = 1 WHERE peserta_didik_id = ?"),
}


def behind(life: Life, school: Sekolah, way: str, row: str) -> None:
    """Change a store as nobody should: at the school with capture switched off."""
    side, statement = _WAYS[way]
    if side == "server":
        life.server.store.db.execute(statement, (row,))
        return
    with school.node.store.transaction(), school.node.store.capture_off():
        school.node.store.db.execute(statement, (row,))


@pytest.mark.parametrize("way", _WAYS)
def test_a_divergence_is_noticed_named_and_healed(life: Life, school: Sekolah, pupil: str, way: str) -> None:
    """Rule 30, R28: noticed at the next exchange, named by row, healed by the one after it; an unsent edit of the row survives."""
    row = school.pupil("SISWA BERBEDA", alamat_jalan="Jalan lama")
    school.round_trip()
    behind(life, school, way, row)
    report = round_trip(school)
    apart = report.diverged["peserta_didik"]
    assert apart["rows"] == ([] if way in {"a row gone at the school", "a row marked deleted at the school"} else [row])
    assert apart["missing"] == 1 - len(apart["rows"])
    if school.row("peserta_didik", row).get("soft_delete") == 0:
        school.edit("peserta_didik", row, email="sunting@contoh.id")
    trips(school, 2)
    for side in (life, school):
        found = side.row("peserta_didik", row)
        assert (found["nama"], found["soft_delete"] or 0) == ("SISWA BERBEDA", 0)
        assert found["alamat_jalan"] == ("Lain" if way == "a value at the server" else "Jalan lama")
    school.round_trip()
    told = life.server.store.db.value("SELECT diverged FROM kirim_school WHERE sekolah_id = ?", (school.scope,))
    assert (told, school.node.store.get("diverged"), school.node.store.get("wanted")) == ("[]", "", "")
    assert equal(school)


def test_what_stood_at_the_school_is_in_its_history(life: Life, school: Sekolah, pupil: str) -> None:
    """R18, R28: the server's row comes back, the school's is kept where the operator finds it, once."""
    row = school.pupil("SISWA BERBEDA", alamat_jalan="Jalan lama")
    school.round_trip()
    behind(life, school, "a value at the server", row)
    round_trip(school)
    trips(school, 2)
    ((code, own),) = school.sql("SELECT code, own FROM kirim_conflict WHERE row = ?", row)
    assert code == errors.DIVERGED.number
    assert json.loads(str(own))["alamat_jalan"] == "Jalan lama"


def test_a_laptop_asks_only_for_tables_that_schools_exchange(life: Life, school: Sekolah, pupil: str) -> None:
    """KF-208: a table that nobody has, or a reference table, is no question."""
    for number in (9999, SCHEMA.by_name["ref_agama"].number):
        school.node.store.set(wanted=json.dumps({number: "00" * 8}))
        result = life.ingest(school.export().file).files[0]
        assert (result.status, result.code) == ("quarantined", "KF-208")


def test_what_was_said_of_the_rows_is_forgotten_once_it_was_heard(life: Life, school: Sekolah, pupil: str) -> None:
    """A laptop that goes on for years keeps one file's digests, not every file's."""
    for rt in range(5):
        school.edit("peserta_didik", pupil, rt=rt)
        school.round_trip()
    kept = school.sql("SELECT name FROM kirim_meta WHERE name LIKE 'digests%' ORDER BY name")
    assert kept == [(f"digests_{school.node.store.last}",), ("digests_cut",)]
