"""A key in wrong hands: what was merged before its end stands for ever, what it signs after it is never taken, also in a rebuild."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from exchange import errors
from exchange.evidence.givenkeys import give_file_keys, read_file_keys, read_public_keys, write_public_keys
from exchange.evidence.verifying import Proof, Verifier
from exchange.nodes import ServerNode
from exchange.records import PackageKind
from exchange.registering import renew_code
from exchange.schema import SCHEMA
from exchange.school.headship import change_head
from exchange.school.rotating import renew_device
from exchange.server import keyring
from exchange.server.headship import head_code
from exchange.server.serverkeys import rotate
from tests.faults.badfiles import Forger
from tests.flow.test_rebuilding import rebuilt
from tests.flow.test_recovery import Backups
from tests.flow.told import with_open_keys
from tests.life import PASSPHRASE, Life, Sekolah, equal
from tests.threats.whole import Unmoved, one, quarantined


def laptop_key(life: Life, school: Sekolah) -> str:
    """Return the id of the laptop's key as the server lists it."""
    return school.node.device.key_id.hex()


def proved(life: Life, folder: Path) -> Proof:
    """Let a third person check the archive with the public keys and every file's own key."""
    folder.mkdir()
    write_public_keys(life.server, folder / "umum.json")
    give_file_keys(life.server, folder / "kunci.json", life.schools[0].npsn)
    life.server.mirror.catch_up()
    keys = read_public_keys(folder / "umum.json")
    return Verifier(life.server.home / "archive", keys, SCHEMA, read_file_keys(folder / "kunci.json")).run()


def test_r25_what_was_merged_before_a_revocation_stands_and_nothing_above_it_is_taken(
    life: Life, school: Sekolah, tmp_path: Path
) -> None:
    """R25: merged, then revoked, then one more by the thief: refused whatever its clock says; rebuilt and proved alike."""
    first = school.pupil("SEBELUM")
    assert school.round_trip().status == "applied"
    keyring.revoke(life.server, school.npsn, laptop_key(life, school))
    stands = life.row("peserta_didik", first)
    life.clock.now -= 400 * 86_400  # the thief's clock says that it was long before
    school.pupil("OLEH PENCURI")
    file = school.export().file
    life.clock.now += 400 * 86_400
    before = Unmoved(life)
    assert one(life, file) == ("quarantined", "KF-308")
    assert before.holds(told=1)
    assert life.row("peserta_didik", first) == stands
    assert quarantined(life) == [file.read_bytes()]
    assert rebuilt(life).equal
    assert life.server.store.db.value("SELECT count(*) FROM peserta_didik WHERE nama = 'OLEH PENCURI'") == 0
    proof = proved(life, tmp_path / "ketiga")
    assert (dict(proof.states), proof.opened) == ({"merged": 1, "quarantined": 1}, 2)


def test_r25_a_late_file_up_to_the_number_is_merged_after_the_revocation_and_in_a_rebuild(
    life: Life, school: Sekolah, tmp_path: Path
) -> None:
    """R25: the boat comes a year after the laptop was stolen; the thief's file of the same day is refused."""
    school.round_trip()
    late = school.pupil("DI PERAHU")
    made = school.export()
    mark = school.node.store.value_at(made.last)
    assert mark is not None
    keyring.revoke(life.server, school.npsn, laptop_key(life, school), after=made.last, value=mark[:8])
    school.pupil("OLEH PENCURI")
    stolen = school.export().file
    life.clock.now += 365 * 86_400
    assert one(life, stolen) == ("quarantined", "KF-308")
    assert life.row("peserta_didik", late) == {}
    assert one(life, made.file) == ("applied", "")
    assert life.row("peserta_didik", late)["nama"] == "DI PERAHU"
    assert one(life, stolen) == ("quarantined", "KF-308")
    assert life.server.store.db.value("SELECT count(*) FROM peserta_didik WHERE nama = 'OLEH PENCURI'") == 0
    assert rebuilt(life).equal
    assert dict(proved(life, tmp_path / "ketiga").states) == {"merged": 2, "quarantined": 1}


def test_r25_a_revocation_that_was_too_low_is_mended_and_both_words_are_in_the_ledger(
    life: Life, school: Sekolah, tmp_path: Path
) -> None:
    """R25: refused under the first number, taken under the second; a rebuild says the same of both moments."""
    school.round_trip()
    wanted = school.pupil("SAH")
    made = school.export()
    mark = school.node.store.value_at(made.last)
    assert mark is not None
    keyring.revoke(life.server, school.npsn, laptop_key(life, school))
    assert one(life, made.file) == ("quarantined", "KF-308")
    assert life.row("peserta_didik", wanted) == {}
    keyring.revoke(life.server, school.npsn, laptop_key(life, school), after=made.last, value=mark[:8])
    assert one(life, made.file) == ("applied", "")
    assert life.row("peserta_didik", wanted)["nama"] == "SAH"
    assert rebuilt(life).equal
    assert dict(proved(life, tmp_path / "ketiga").states) == {"merged": 2, "quarantined": 1}


def test_r25_a_lower_number_named_later_takes_nothing_back_and_lets_nothing_more_in(
    life: Life, school: Sekolah, tmp_path: Path
) -> None:
    """R25: revoked below what is merged: history is not rewritten, and the laptop's next word is refused."""
    pupil = school.pupil("SATU")
    school.round_trip()
    school.edit("peserta_didik", pupil, nama="DUA")
    school.round_trip()
    keyring.revoke(life.server, school.npsn, laptop_key(life, school), after=1)
    assert life.row("peserta_didik", pupil)["nama"] == "DUA"
    school.edit("peserta_didik", pupil, nama="TIGA")
    file = school.export().file
    before = Unmoved(life)
    assert one(life, file) == ("quarantined", "KF-308")
    assert before.holds(told=1)
    assert rebuilt(life).equal
    assert dict(proved(life, tmp_path / "ketiga").states) == {"merged": 2, "quarantined": 1}


def test_r25_keys_that_a_revoked_key_certified_above_its_number_fall_with_it(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """R25: the thief renews the laptop's key first; the new one is revoked with its issuer, what it had sent stands."""
    school.round_trip()
    old = laptop_key(life, school)
    last = int(life.server.store.db.value("SELECT last FROM kirim_key WHERE key_id = ?", (bytes.fromhex(old),)))
    school.pupil("MASIH LAMA")
    school.round_trip()
    renew_device(school.node)
    school.reopen()
    with_open_keys(life)
    stood = school.pupil("DENGAN KUNCI BARU")
    assert school.round_trip().status == "applied"
    keyring.revoke(life.server, school.npsn, old, after=last)
    assert {k.state for k in keyring.school_keys(life.server, school.npsn) if k.kind == "perangkat"} == {"dicabut"}
    school.pupil("LAGI")
    file = school.export().file
    before = Unmoved(life)
    assert one(life, file) == ("quarantined", "KF-308")
    assert before.holds(told=1)
    assert life.row("peserta_didik", stood)["nama"] == "DENGAN KUNCI BARU"
    assert rebuilt(life).equal
    proved(life, tmp_path / "ketiga")


def test_what_a_heads_former_key_approved_before_stands_in_a_rebuild(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """The head makes another key with a code; the former one approves nothing more, and what it approved is replayed as it was."""
    first = school.pupil("DISETUJUI DULU")
    school.round_trip()
    kept = school.node.head
    lines = head_code(life.server, school.npsn).code_file.read_text().splitlines()
    change_head(school.node, lines[0], PASSPHRASE, lines)
    school.reopen()
    with_open_keys(life)
    school.pupil("DISETUJUI SEKARANG")
    assert school.round_trip().status == "applied"
    school.node.head = kept  # type: ignore[method-assign]  # somebody had kept a copy of the former key
    school.pupil("DENGAN KUNCI LAMA")
    file = school.export().file
    before = Unmoved(life)
    assert one(life, file) == ("held", "KF-310")
    assert before.holds(told=1)
    assert life.server.store.db.value("SELECT count(*) FROM peserta_didik WHERE nama = 'DENGAN KUNCI LAMA'") == 0
    assert life.row("peserta_didik", first)["nama"] == "DISETUJUI DULU"
    assert rebuilt(life).equal
    assert dict(proved(life, tmp_path / "ketiga").states) == {"merged": 2, "held": 1}


def test_receipts_of_a_retired_server_key_still_prove_what_came(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """The server's key was stolen and retired; its former receipts and acts are in the ledger's order and stay proofs."""
    school.pupil("DENGAN KUNCI LAMA")
    school.round_trip()
    rotate(life.server, retire=True)
    life.server.close()
    life.server = ServerNode.open(life.server.home, clock=life.clock)
    school.pupil("DENGAN KUNCI BARU")
    assert school.round_trip().status == "applied"
    assert equal(school)
    assert rebuilt(life).equal
    assert dict(proved(life, tmp_path / "ketiga").states) == {"merged": 2}


def test_a_stolen_server_key_that_was_retired_writes_no_return_that_a_school_takes(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """The thief seals a return of his own after the school has heard of the retirement: KF-303, nothing moves there."""
    school.pupil()
    school.round_trip()
    thief = life.server.identity
    rotate(life.server, retire=True)
    life.server.close()
    life.server = ServerNode.open(life.server.home, clock=life.clock)
    school.round_trip()
    forged = tmp_path / "palsu.kirim"
    forger = Forger(life, school)
    certificates = [s for s in school.node.signed("trusted") if s.certificate.key_id == thief.key_id]
    forged.write_bytes(
        forger.seal(forger.body(), kind=PackageKind.BALASAN, sender=thief, certificates=certificates, receiver=school.node.device)
    )
    before = Unmoved(life)
    with pytest.raises(errors.CertificateBad):
        school.apply(forged)
    assert before.holds()
    assert forged.exists()


def test_a_server_restored_to_before_a_revocation_must_be_told_again(life: Life, school: Sekolah) -> None:
    """From the database's copy alone the revocation is gone; rebuilt from the archive it stands."""
    school.round_trip()
    backups = Backups(life)
    copy = backups.server()
    keyring.revoke(life.server, school.npsn, laptop_key(life, school))
    assert rebuilt(life).equal
    shutil.rmtree(life.folder / "lagi")
    backups.restore_server(copy)
    states = {k.state for k in keyring.school_keys(life.server, school.npsn) if k.kind == "perangkat"}
    assert states == {"aktif"}
    keyring.revoke(life.server, school.npsn, laptop_key(life, school))
    school.pupil("OLEH PENCURI")
    assert one(life, school.export().file) == ("quarantined", "KF-308")
    renew_code(life.server, school.npsn)
    assert rebuilt(life).equal


def test_a_revoked_key_is_refused_although_its_laptop_has_heard_what_a_restored_server_lost(life: Life, school: Sekolah) -> None:
    """docs/format.md, order of checks: whose word counts is decided before it is asked what the laptop has heard."""
    school.round_trip()
    backups = Backups(life)
    copy = backups.server()
    school.pupil("SESUDAH CADANGAN")
    school.round_trip()
    backups.restore_server(copy)
    keyring.revoke(life.server, school.npsn, laptop_key(life, school))
    school.pupil("OLEH PENCURI")
    file = school.export().file
    before = Unmoved(life)
    assert one(life, file) == ("quarantined", "KF-308")
    assert before.holds(told=1)
