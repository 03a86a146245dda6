"""Registration codes in wrong hands: intercepted before they are used, kept after they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from exchange import errors
from exchange.format.certificate import KeyKind
from exchange.nodes import ServerNode
from exchange.packager import write_returns
from exchange.registering import renew_code
from exchange.school.enrol import init_school
from exchange.school.headship import change_head
from exchange.school.riding import ride
from exchange.server.headship import head_code
from exchange.server.keyring import cancel_codes, school_keys
from exchange.trust.certificates import issue
from exchange.trust.codes import code_identity, parse_code
from exchange.trust.keys import new_identity
from tests.flow.test_rebuilding import rebuilt
from tests.flow.told import with_open_keys
from tests.life import PASSPHRASE, Life, Sekolah, equal
from tests.threats.whole import Unmoved, one, quarantined


def code_in(path: Path) -> str:
    """Return the code of a code's file."""
    return path.read_text().splitlines()[0]


def test_a_code_that_was_taken_back_enrols_nobody(life: Life, school: Sekolah) -> None:
    """A thief of letters has opened the prefill; the district takes the code back; his first package is refused and told."""
    school.round_trip()
    letter = renew_code(life.server, school.npsn)
    thief = life.laptop(letter)
    with_open_keys(life)
    assert len(cancel_codes(life.server, school.npsn).codes) == 1
    thief.pupil("DARI PENCURI")
    file = thief.export().file
    before = Unmoved(life)
    (result,) = life.ingest(file).files
    assert (result.status, result.code, result.npsn) == ("quarantined", "KF-340", school.npsn)
    assert before.holds(told=1)
    assert quarantined(life) == [file.read_bytes()]
    assert [key.state for key in school_keys(life.server, school.npsn) if key.kind == "perangkat"] == ["aktif"]
    assert one(life, file) == ("quarantined", "KF-340")  # the same answer for ever
    school.pupil("SAH")
    assert school.round_trip().status == "applied"
    assert equal(school)
    assert rebuilt(life).equal


def test_nothing_is_sealed_to_a_code_that_was_taken_back(life: Life) -> None:
    """A school that has never sent: its returns went to the code; now nothing does until there is another one."""
    school = life.school("00000003")
    life.change("dinas", [("sekolah", school.npsn, "kepala_sekolah", "KEPALA LAIN")])
    cancel_codes(life.server, school.npsn)
    made = write_returns(ServerNode(life.server.store), [school.npsn])
    assert (made.written, [left["reason"] for left in made.skipped]) == ((), ["no_key"])
    with pytest.raises(errors.CodesUsed):
        cancel_codes(life.server, school.npsn)
    new = life.laptop(renew_code(life.server, school.npsn))
    with_open_keys(life)
    new.pupil()
    assert new.round_trip().status == "applied"
    assert equal(new)
    assert rebuilt(life).equal


def test_a_code_that_was_used_is_not_taken_back_but_its_key_revoked(life: Life, school: Sekolah) -> None:
    """KF-170: the school's own laptop goes on, and the operator is told where to look."""
    school.round_trip()
    before = Unmoved(life)
    with pytest.raises(errors.CodesUsed) as caught:
        cancel_codes(life.server, school.npsn)
    assert "key revoke" in caught.value.lines()[1]
    assert before.holds()
    assert school.round_trip().status == "applied"


def test_the_honest_laptop_under_a_code_that_was_taken_back_loses_no_work(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """The letter had reached the school after all: its work goes to another enrolment, unsent as it was."""
    school.round_trip()
    hasty = life.laptop(renew_code(life.server, school.npsn))
    with_open_keys(life)
    pupil = hasty.pupil("DIKETIK DULU")
    cancel_codes(life.server, school.npsn)
    assert one(life, hasty.export().file) == ("quarantined", "KF-340")
    hasty.node.close()
    letter, home = renew_code(life.server, school.npsn), tmp_path / "baru"
    init_school(home, letter.prefill, code_in(letter.code_file), PASSPHRASE, former=hasty.home, clock=life.clock)
    life.schools.append(Sekolah(life, home))
    with_open_keys(life)
    assert life.schools[-1].round_trip().status == "applied"
    assert life.row("peserta_didik", pupil)["nama"] == "DIKETIK DULU"
    assert equal(life.schools[-1])


def test_a_heads_code_that_was_taken_back_makes_no_head(life: Life, school: Sekolah) -> None:
    """Somebody read the letter to the head and made the head's key; what that key approves is refused whole."""
    school.round_trip()
    lines = head_code(life.server, school.npsn).code_file.read_text().splitlines()
    cancel_codes(life.server, school.npsn, KeyKind.KODE_KEPALA)
    change_head(school.node, lines[0], PASSPHRASE, lines)
    school.reopen()
    with_open_keys(life)
    pupil = school.pupil("DISETUJUI PENYADAP")
    file = school.export().file
    before = Unmoved(life)
    assert one(life, file) == ("quarantined", "KF-340")
    assert before.holds(told=1)
    again = head_code(life.server, school.npsn).code_file.read_text().splitlines()
    change_head(school.node, again[0], PASSPHRASE, again)
    school.reopen()
    with_open_keys(life)
    assert school.round_trip().status == "applied"  # what the true head approves anew is taken, and nothing was lost
    assert life.row("peserta_didik", pupil)["nama"] == "DISETUJUI PENYADAP"
    assert equal(school)
    assert rebuilt(life).equal


def test_whoever_kept_a_used_code_makes_no_second_head(life: Life, school: Sekolah) -> None:
    """The operator kept the paper: with the laptop's own key and the code he certifies a head's key of his own choice."""
    letter = renew_code(life.server, school.npsn)
    laptop = life.laptop(letter)
    with_open_keys(life)
    laptop.round_trip()
    laptop.pupil("TANPA KEPALA")
    code = code_identity(parse_code(code_in(letter.code_file)), school.scope)
    own, certificate = new_identity(KeyKind.KEPALA), laptop.node.head_certificate()
    assert certificate is not None
    subject = life.server.store.db.value("SELECT subject FROM kirim_key WHERE key_id = ?", (certificate.key_id,))
    forged = issue(code, KeyKind.KEPALA, own.public, school.scope, 2, bytes(subject))
    with laptop.node.store.transaction():
        ride(laptop.node, [forged])
    laptop.node.head = lambda passphrase: own  # type: ignore[method-assign]
    file = laptop.export().file
    before = Unmoved(life)
    assert one(life, file) == ("quarantined", "KF-309")
    assert before.holds(told=1)
    heads = [key.key for key in school_keys(life.server, school.npsn) if key.kind == "kepala"]
    assert own.key_id not in heads
    assert rebuilt(life).equal
