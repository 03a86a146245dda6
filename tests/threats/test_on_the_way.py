"""What whoever carries files can try: the attack lists of TUF and Uptane, read for packages and returns.

Each refusal leaves every row, key and ledger entry on all sides as it was, and the exchange goes on afterwards.
"""

from __future__ import annotations

import os
import struct
import zipfile
from pathlib import Path

import pytest

from exchange import errors
from exchange.format.certificate import KeyKind
from exchange.format.container import FRAME_BYTES, SIGNATURE_BYTES
from exchange.ingest import Known
from exchange.limits import MIB, PACKAGE_BYTES_MAX
from exchange.overview import school_status
from exchange.records import Op, PackageKind, Position
from exchange.school.enrol import init_school
from exchange.store.server import School
from exchange.trust.certificates import SignedCertificate, issue
from exchange.trust.keys import new_identity
from tests.faults.badfiles import PHOTOGRAPH, Forger
from tests.flow.told import block, crafted, told
from tests.fuzz.damage import only_ours
from tests.life import PASSPHRASE, Life, Sekolah, equal
from tests.threats.whole import Unmoved, one, quarantined


def at(life: Life, school: Sekolah) -> School:
    """Return a school's row at the server."""
    found = life.server.store.school(school.scope)
    assert found is not None
    return found


def parted(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Return front, signature and body of a file."""
    end = FRAME_BYTES + int.from_bytes(data[9:12], "big")
    return data[:end], data[end : end + SIGNATURE_BYTES], data[end + SIGNATURE_BYTES :]


def put(folder: Path, name: str, data: bytes) -> Path:
    """Write a file."""
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.fixture
def pupil(school: Sekolah) -> str:
    """A pupil whom both sides have."""
    found = school.pupil("SISWA", alamat_jalan="JALAN 0")
    school.round_trip()
    return found


# --- old words for new ones -------------------------------------------------------------------


def test_rollback_an_older_return_takes_nothing_back(life: Life, school: Sekolah, pupil: str) -> None:
    """Rollback: the carrier kept a return and hands it over after a newer one."""
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "JALAN 1")])
    old = life.answer(school).file
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "JALAN 2")])
    school.apply(life.answer(school).file)
    before = Unmoved(life)
    done = school.apply_all(old)
    assert [why for _, why in done.known] == [Known.OLDER]
    assert before.holds()
    assert school.row("peserta_didik", pupil)["alamat_jalan"] == "JALAN 2"
    assert school.round_trip().status == "applied"
    assert equal(school)


def test_rollback_an_older_package_takes_nothing_back(life: Life, school: Sekolah, pupil: str) -> None:
    """Rollback: a package of last month arrives after this month's; what it holds is merged already."""
    school.edit("peserta_didik", pupil, alamat_jalan="JALAN 1")
    old = school.export().file
    school.edit("peserta_didik", pupil, alamat_jalan="JALAN 2")
    assert one(life, school.export().file) == ("applied", "")
    assert life.ingest(old).files[0].counts.sent == 0
    assert life.row("peserta_didik", pupil)["alamat_jalan"] == "JALAN 2"
    school.apply(life.answer(school).file)
    assert equal(school)


def test_replay_the_same_files_again_and_again_have_their_effect_once(life: Life, school: Sekolah, pupil: str, tmp_path: Path) -> None:
    """Replay: under other names, in a ZIP, after it was answered; and the return twice."""
    school.edit("peserta_didik", pupil, alamat_jalan="JALAN 1")
    data = school.export().file.read_bytes()
    assert one(life, put(tmp_path, "a", data)) == ("applied", "")
    returned = life.answer(school).file
    school.apply(returned)
    before = Unmoved(life)
    for name in ("b.kirim", "KIRIM-00000001-999999.kirim", "c"):
        assert one(life, put(tmp_path, name, data)) == ("duplicate", "")
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as bundle:
        bundle.writestr("x", data)
    assert one(life, tmp_path / "d.zip") == ("duplicate", "")
    assert [why for _, why in school.apply_all(returned, returned).known] == [Known.REPEAT, Known.REPEAT]
    assert before.holds()


def test_replay_a_prefill_makes_no_second_store_over_the_first(life: Life, school: Sekolah, pupil: str) -> None:
    """Replay: the prefill and its code are opened again in the home that is in use: KF-102, and the work is there."""
    prefill = next((life.server.home / "outbox" / school.npsn).glob("PREFILL*"))
    code = next((life.server.home / "outbox" / school.npsn).glob("KODE*")).read_text().splitlines()[0]
    unsent = school.pupil("BELUM TERKIRIM")
    before = Unmoved(life)
    with pytest.raises(errors.HomeExists):
        init_school(school.home, prefill, code, PASSPHRASE)
    assert before.holds()
    assert school.row("peserta_didik", unsent)


# --- nothing, or not everything ----------------------------------------------------------------


def test_freeze_a_carrier_who_keeps_all_returns_back_is_seen_and_costs_nothing(life: Life, school: Sekolah, pupil: str) -> None:
    """Indefinite freeze: files go out for a year and none comes back. The status says since when; the newest return alone heals."""
    seen = school_status(school.node.store).last_applied_at
    for n in range(12):
        life.clock.now += 30 * 86_400
        school.edit("peserta_didik", pupil, alamat_jalan=f"JALAN {n}")
        life.ingest(school.export().file)
        life.change("dinas", [("peserta_didik", pupil, "rt", n + 1)])
        life.answer(school)
    found = school_status(school.node.store)
    assert (found.last_applied_at, found.pending["peserta_didik"]["update"]) == (seen, 1)
    assert life.server.store.db.value("SELECT position - have FROM kirim_school WHERE sekolah_id = ?", (school.scope,)) > 0
    school.apply(life.answer(school).file)
    assert school_status(school.node.store).pending == {}
    assert school.row("peserta_didik", pupil)["alamat_jalan"] == life.row("peserta_didik", pupil)["alamat_jalan"]
    assert equal(school)


def test_drop_whatever_is_lost_rides_again(life: Life, school: Sekolah, pupil: str) -> None:
    """Drop request: the carrier throws every file away, both ways; the first that arrives carries what all of them carried."""
    rows = []
    for n in range(5):
        rows.append(school.pupil(f"SISWA {n}"))
        file = school.export().file
        if n % 2:
            life.ingest(file)
            life.answer(school).file.unlink()
        file.unlink()
    before = Unmoved(life)
    assert before.holds()
    assert one(life, school.export().file) == ("applied", "")
    assert all(life.row("peserta_didik", row) for row in rows)
    school.apply(life.answer(school).file)
    assert equal(school)


def test_partial_bundle_a_zip_without_its_middle_holds_what_is_early_and_loses_nothing(
    life: Life, school: Sekolah, other: Sekolah, tmp_path: Path
) -> None:
    """Partial bundle: of three packages that build on one another the first is missing; the other school is not kept waiting."""
    made = []
    for n in range(3):
        school.pupil(f"SISWA {n}")
        made.append(school.export().file)
        school.node.store.set(acknowledged=school.node.store.last)  # as if the one before had been answered
    with zipfile.ZipFile(tmp_path / "kiriman.zip", "w") as bundle:
        for file in (*made[1:], other.export().file):
            bundle.write(file, file.name)
    before = life.server.store.db.value("SELECT count(*) FROM peserta_didik WHERE kirim_home = ?", (school.scope,))
    found = [(r.npsn, r.status, r.code) for r in life.ingest(tmp_path / "kiriman.zip").files]
    assert found == [(school.npsn, "held", "KF-401"), (school.npsn, "held", "KF-401"), (other.npsn, "applied", "")]
    assert life.server.store.db.value("SELECT count(*) FROM peserta_didik WHERE kirim_home = ?", (school.scope,)) == before
    assert len(list((life.server.home / "held").glob("*.kirim"))) == 2
    assert one(life, made[0]) == ("applied", "")
    assert list((life.server.home / "held").glob("*.kirim")) == []
    assert life.server.store.db.value("SELECT count(*) FROM peserta_didik WHERE kirim_home = ?", (school.scope,)) == 4


def test_mixed_bundle_each_file_of_a_zip_is_judged_by_itself(life: Life, school: Sekolah, other: Sekolah, tmp_path: Path) -> None:
    """Mixed bundle: two schools' packages, a return, a prefill, a photograph, one for another server; the good ones are taken."""
    forger = Forger(life, school)
    members = {
        "1": (school.export().file.read_bytes(), "applied", ""),
        "2": (life.answer(other).file.read_bytes(), "quarantined", "KF-301"),
        "3": (next((life.server.home / "outbox" / other.npsn).glob("PREFILL*")).read_bytes(), "quarantined", "KF-301"),
        "4": (PHOTOGRAPH, "quarantined", "KF-201"),
        "5": (forger.seal(forger.body(last=0), receiver=new_identity(KeyKind.PUSAT)), "quarantined", "KF-302"),
        "6": (other.export().file.read_bytes(), "applied", ""),
    }
    with zipfile.ZipFile(tmp_path / "semua.zip", "w") as bundle:
        for name, (data, _, _) in members.items():
            bundle.writestr(name, data)
    found = [(r.status, r.code) for r in life.ingest(tmp_path / "semua.zip").files]
    assert found == [(status, code) for _, status, code in members.values()]
    assert sorted(quarantined(life)) == sorted(data for data, status, _ in members.values() if status != "applied")
    for one_of in (school, other):
        one_of.apply(life.answer(one_of).file)
        assert equal(one_of)


# --- parts of files, others' files --------------------------------------------------------------


def test_mix_and_match_no_part_of_one_file_fits_another(life: Life, school: Sekolah, pupil: str, tmp_path: Path) -> None:
    """Mix-and-match: front, signature and body of two good packages, in every other combination."""
    packages = []
    for n in range(2):
        school.edit("peserta_didik", pupil, alamat_jalan=f"JALAN {n + 1}", rt=n)
        packages.append(parted(school.export().file.read_bytes()))
    a, b = packages
    before = Unmoved(life)
    wanted = {(0, 0, 1): {"KF-204", "KF-205", "KF-206"}, (0, 1, 0): {"KF-305"}, (1, 0, 0): {"KF-305"}, (0, 1, 1): {"KF-305"}}
    for (x, y, z), codes in wanted.items():
        mixed = (a, b)[x][0] + (a, b)[y][1] + (a, b)[z][2]
        status, code = one(life, put(tmp_path, f"{x}{y}{z}", mixed))
        assert (status, code in codes) == ("quarantined", True), (x, y, z, code)
    assert before.holds()
    assert len(quarantined(life)) == len(wanted)
    assert one(life, put(tmp_path, "utuh", b"".join(b))) == ("applied", "")


def test_mix_and_match_returns_of_two_histories_do_not_fit(life: Life, school: Sekolah, other: Sekolah, pupil: str, tmp_path: Path) -> None:
    """Mix-and-match: another school's return, and this one's body under that one's front; nothing moves at the school."""
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "JALAN DINAS")])
    mine, theirs = life.answer(school).file, life.answer(other).file
    a, b = parted(mine.read_bytes()), parted(theirs.read_bytes())
    before = Unmoved(life)
    for data in (theirs.read_bytes(), a[0] + a[1] + b[2], b[0] + b[1] + a[2], a[0] + b[1] + a[2]):
        with pytest.raises((errors.TrustError, errors.FileError)):
            school.apply(put(tmp_path, "x", data))
        assert before.holds()
    school.apply(mine)
    assert school.row("peserta_didik", pupil)["alamat_jalan"] == "JALAN DINAS"


def test_wrong_recipient_a_file_for_somebody_else_is_read_by_nobody_else(life: Life, school: Sekolah, other: Sekolah, tmp_path: Path) -> None:
    """Wrong recipient: a return at the other school, a package for another server, a school's package at a school."""
    school.pupil("RAHASIA SEKALI")
    package = school.export().file
    life.ingest(package)
    returned = life.answer(school).file
    forger = Forger(life, school)
    away = put(tmp_path, "jauh", forger.seal(forger.body(last=0), receiver=new_identity(KeyKind.PUSAT)))
    before = Unmoved(life)
    with pytest.raises(errors.OtherReceiver):
        other.apply(returned)
    with pytest.raises(errors.OtherKind):
        other.apply(package)
    assert one(life, away) == ("quarantined", "KF-302")
    assert before.holds()
    assert b"RAHASIA" not in package.read_bytes() + returned.read_bytes()


def test_arbitrary_package_nobody_writes_in_a_schools_name(life: Life, school: Sekolah, other: Sekolah, pupil: str, tmp_path: Path) -> None:
    """Arbitrary package: by a stranger, by another school's laptop, by a laptop that certified itself."""
    forger, stranger = Forger(life, school), new_identity(KeyKind.PERANGKAT)
    content = forger.body(forger.changeset([block("peserta_didik", Op.UPDATE, ["nama"], (pupil, "PALSU"))]))
    by_himself = issue(new_identity(KeyKind.KODE_PERANGKAT), KeyKind.PERANGKAT, stranger.public, school.scope, 1)
    by_other = issue(other.node.device, KeyKind.PERANGKAT, stranger.public, other.scope, 2)
    tried = {
        "orang asing": (forger.seal(content, sender=stranger, certificates=[]), "KF-304"),
        "disertifikasi sendiri": (forger.seal(content, sender=stranger, certificates=[by_himself]), "KF-303"),
        "laptop sekolah lain": (forger.seal(content, sender=other.node.device, certificates=[]), "KF-304"),
        "dengan sertifikatnya": (forger.seal(content, sender=other.node.device, certificates=other.node.signed("own")), "KF-303"),
        "oleh sekolah lain": (forger.seal(content, sender=stranger, certificates=[by_other]), "KF-303"),
    }
    before = Unmoved(life)
    for name, (data, code) in tried.items():
        assert one(life, put(tmp_path, name, data)) == ("quarantined", code), name
    assert before.holds()
    assert life.row("peserta_didik", pupil)["nama"] == "SISWA"


def test_arbitrary_package_a_return_that_the_server_did_not_sign_is_no_return(life: Life, school: Sekolah, pupil: str, tmp_path: Path) -> None:
    """Arbitrary package: sealed to the school by a stranger, by its own laptop, by a server key that the stranger's root certified."""
    forger, root, server = Forger(life, school), new_identity(KeyKind.AKAR), new_identity(KeyKind.PUSAT)
    centre = bytes(16)
    chain: list[SignedCertificate] = [issue(root, KeyKind.AKAR, root.public, centre, 1), issue(root, KeyKind.PUSAT, server.public, centre, 9)]
    before = Unmoved(life)
    for sender, certificates in ((server, []), (server, chain), (school.node.device, [])):
        data = forger.seal(forger.body(last=0), kind=PackageKind.BALASAN, sender=sender, certificates=certificates, receiver=school.node.device)
        with pytest.raises((errors.SenderUnknown, errors.CertificateBad)):
            school.apply(put(tmp_path, "palsu", data))
        assert before.holds()


def test_extraneous_certificates_and_rows_of_others_are_refused(life: Life, school: Sekolah, other: Sekolah, pupil: str, tmp_path: Path) -> None:
    """Extraneous dependencies: a server's certificate in a school's package; another school's row in an approved changeset."""
    forger, device = Forger(life, school), school.node.device
    theirs = str(other.sql("SELECT peserta_didik_id FROM peserta_didik")[0][0])
    other.round_trip()
    server = life.server.certificate()
    foreign = issue(device, KeyKind.PERANGKAT, new_identity(KeyKind.PERANGKAT).public, school.scope, 2)
    before = Unmoved(life)
    assert one(life, put(tmp_path, "a", forger.seal(forger.body(last=0), certificates=[server]))) == ("quarantined", "KF-303")
    assert before.holds()
    assert one(life, put(tmp_path, "b", forger.seal(b"", certificates=[foreign]))) == ("quarantined", "KF-208")
    assert before.holds(told=1)
    row = life.row("peserta_didik", theirs)
    crafted(school, block("peserta_didik", Op.UPDATE, ["nama"], (theirs, "DICURI")))
    assert life.ingest(school.export().file).files[0].counts.refused == 1
    assert life.row("peserta_didik", theirs) == row
    assert [code for _, code, _ in told(school)][-1].startswith("KF-5")


# --- too much, too slow, too far ----------------------------------------------------------------


def test_endless_data_is_refused_before_it_is_read(life: Life, school: Sekolah, pupil: str, tmp_path: Path) -> None:
    """Endless data: a return of more than 512 MiB, one whose header announces a terabyte, one that never ends."""
    endless = tmp_path / "besar"
    with endless.open("wb") as file:
        file.truncate(PACKAGE_BYTES_MAX + 1)
    good = life.answer(school).file.read_bytes()
    before = Unmoved(life)
    with only_ours(16), pytest.raises(errors.TooLarge):
        school.apply(endless)
    announced = bytearray(good)
    body = struct.pack(">I", len(parted(good)[2]))
    place = good.find(body[2:], FRAME_BYTES)
    announced[place : place + 2] = b"\xff\xff"
    with only_ours(16), pytest.raises((errors.FileError, errors.TrustError)):
        school.apply(put(tmp_path, "terabita", bytes(announced)))
    with only_ours(16), pytest.raises(errors.FileUnreadable):
        school.apply(Path("/dev/zero"))
    with only_ours(16):
        assert one(life, Path("/dev/zero")) == ("quarantined", "KF-702")
    assert before.holds()
    assert sum(len(data) for data in quarantined(life)) < MIB


def test_slow_retrieval_a_pipe_that_nobody_fills_stops_neither_side(life: Life, school: Sekolah, pupil: str, tmp_path: Path) -> None:
    """Slow retrieval: a named pipe lies beside the good file at the school and at the server; both go on at once."""
    folder = tmp_path / "usb"
    folder.mkdir()
    os.mkfifo(folder / "a.kirim")
    school.edit("peserta_didik", pupil, alamat_jalan="JALAN 1")
    (folder / "b.kirim").write_bytes(school.export().file.read_bytes())
    assert [(r.status, r.code) for r in life.ingest(folder).files] == [("quarantined", "KF-702"), ("applied", "")]
    (folder / "b.kirim").write_bytes(life.answer(school).file.read_bytes())
    done = school.apply_all(folder)
    assert ([error.code for _, error in done.failed], done.applied) == (["KF-702"], 1)
    assert equal(school)


def test_fast_forward_the_last_file_number_uses_up_none_of_the_schools(life: Life, school: Sekolah, pupil: str, tmp_path: Path) -> None:
    """Fast-forward: a thief of the laptop's key sends file 4,294,967,295; the receipt for it does not end the school's count."""
    forger = Forger(life, school)
    last = put(tmp_path, "terakhir", forger.seal(forger.body(last=0), number=2**32 - 1))
    assert life.ingest(last).files[0].status in ("applied", "duplicate")
    life.change("dinas", [("peserta_didik", pupil, "rt", 3)])  # the return is news, so its receipts are read
    school.apply(life.answer(school).file)
    school.edit("peserta_didik", pupil, alamat_jalan="JALAN 1")
    made = school.export()
    assert made.number < 1_000
    assert one(life, made.file) == ("applied", "")
    school.apply(life.answer(school).file)
    assert equal(school)


@pytest.mark.parametrize("ahead", [2**32 - 1, 2**31 + 1, 900_000])
def test_fast_forward_a_position_far_ahead_uses_up_none_of_the_logs(
    life: Life, school: Sekolah, pupil: str, tmp_path: Path, ahead: int
) -> None:
    """Fast-forward: it claims to have heard the server's word of the far future; the honest laptop's next trip is an ordinary one."""
    forger, position = Forger(life, school), at(life, school).position
    claim = forger.manifest(last=0).have.number + ahead if ahead < 2**31 else ahead
    data = forger.seal(forger.body(last=0, have=Position(claim, b"\x99" * 8)))
    assert one(life, put(tmp_path, "jauh", data)) == ("held", "KF-403")
    assert at(life, school).position <= position + 1_000_000
    for n in range(3):
        school.edit("peserta_didik", pupil, alamat_jalan=f"JALAN {n}")
        school.round_trip()
    assert life.row("peserta_didik", pupil)["alamat_jalan"] == "JALAN 2"
    assert equal(school)
