"""Whose keys count at the server, up to which number, and what a school's positions may do to its log."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from exchange import errors
from exchange.format.certificate import KeyKind
from exchange.format.changeset import chain_start
from exchange.laptops import ACTIVE, CONTESTED, REJECTED, REVOKED
from exchange.records import Cause, ChangesetHead, Manifest, Position
from exchange.schema import SCHEMA
from exchange.server import standing
from exchange.server.standing import Chain, admit, check_key, check_revoked_value, note_rivals
from exchange.store import chains
from exchange.store.server import School, ServerStore
from exchange.trust.certificates import SignedCertificate, issue
from exchange.trust.codes import code_identity
from exchange.trust.keys import Identity
from tests.unit.trust_world import ASSIGNMENT, OTHER_ASSIGNMENT, SCHOOL, made

CODE, OTHER_CODE = code_identity(b"\x99" * 16, SCHOOL), code_identity(b"\x97" * 16, SCHOOL)
HEAD_CODE = code_identity(b"\x98" * 16, SCHOOL, KeyKind.KODE_KEPALA)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server with one school, two codes for laptops and one for its head."""
    home = tmp_path_factory.mktemp("pusat")
    store = ServerStore.create(home, SCHEMA, lambda: 0)
    store.add_school(SCHOOL, "00000001", "SD CONTOH", 5)
    for code, purpose in ((CODE, KeyKind.KODE_PERANGKAT), (OTHER_CODE, KeyKind.KODE_PERANGKAT), (HEAD_CODE, KeyKind.KODE_KEPALA)):
        store.db.execute(
            "INSERT INTO kirim_code (scope, key_id, purpose) VALUES (?, ?, ?)", (SCHOOL, code.key_id, purpose.name)
        )
    store.close()
    return home


@pytest.fixture
def server(template: Path, tmp_path: Path) -> Iterator[ServerStore]:
    """The same for one test."""
    store = ServerStore.open(shutil.copytree(template, tmp_path / "pusat"), SCHEMA, lambda: 0)
    yield store
    store.close()


@pytest.fixture
def school(server: ServerStore) -> School:
    return server.school_by_npsn("00000001")


def laptop(name: str, by: Identity = CODE) -> SignedCertificate:
    """Return a laptop's certificate."""
    return issue(by, KeyKind.PERANGKAT, made(name, KeyKind.PERANGKAT).public, SCHOOL, 1)


def head(name: str, by: Identity = CODE, assignment: bytes = ASSIGNMENT) -> SignedCertificate:
    """Return a head's certificate."""
    return issue(by, KeyKind.KEPALA, made(name, KeyKind.KEPALA).public, SCHOOL, 1, assignment)


def states(server: ServerStore, *known: SignedCertificate) -> list[str | None]:
    """Return the states of keys, ``None`` for one that is not kept."""
    return [
        server.db.value("SELECT state FROM kirim_key WHERE scope = ? AND key_id = ?", (SCHOOL, one.certificate.key_id))
        for one in known
    ]


def decide(server: ServerStore, known: SignedCertificate, state: str, **more: object) -> None:
    """Give a key a state, and other columns values."""
    for column, value in {"state": state, **more}.items():
        server.db.execute(
            f"UPDATE kirim_key SET {column} = ? WHERE scope = ? AND key_id = ?", (value, SCHOOL, known.certificate.key_id)
        )


# --- keys under codes ---------------------------------------------------------------------------


def test_a_code_is_spent_by_its_first_laptop_and_that_one_may_come_again(server: ServerStore, school: School) -> None:
    first, second = laptop("satu"), laptop("dua")
    admit(server, school, [first])
    admit(server, school, [first])
    assert states(server, first) == [ACTIVE]
    with pytest.raises(errors.CodeTwice):
        admit(server, school, [second])
    assert states(server, first, second) == [ACTIVE, None]


def test_a_refused_laptop_is_no_new_rival_and_what_comes_with_it_is_kept(server: ServerStore, school: School) -> None:
    """The district has decided once; a file of the refused one is put aside and not held for ever."""
    first, second, other = laptop("satu"), laptop("dua"), laptop("tiga", OTHER_CODE)
    admit(server, school, [first])
    note_rivals(server, school, [second])
    decide(server, first, ACTIVE)
    decide(server, second, REJECTED)
    admit(server, school, [second, other])
    assert states(server, first, second, other) == [ACTIVE, REJECTED, ACTIVE]


def test_a_code_that_was_taken_back_admits_nobody(server: ServerStore, school: School) -> None:
    """KF-340, for a laptop and for a head: whoever found the paper gets nothing with it."""
    server.db.execute("UPDATE kirim_code SET cancelled = 1")
    for one in (laptop("satu"), head("kepala", HEAD_CODE)):
        with pytest.raises(errors.CodeVoid):
            admit(server, school, [one])
        assert states(server, one) == [None]


@pytest.mark.parametrize(("after", "last", "state"), [(5, 5, REVOKED), (None, 0, REVOKED), (None, 0, REJECTED)])
def test_a_key_that_no_longer_counts_makes_no_other(
    server: ServerStore, school: School, after: int | None, last: int, state: str
) -> None:
    """KF-308 names the number after which it was revoked; keys that it certified before stay."""
    first = laptop("satu")
    before, later = (laptop(name, made("satu", KeyKind.PERANGKAT)) for name in ("dua", "tiga"))
    admit(server, school, [first, before])
    decide(server, first, state, revoked_after=after)
    admit(server, school, [before])
    with pytest.raises(errors.Revoked) as refused:
        admit(server, school, [later])
    assert (refused.value.last, refused.value.got) == (last, last + 1)
    assert states(server, first, before, later) == [state, ACTIVE, None]


def test_a_renewed_key_remembers_how_far_its_issuer_had_come(server: ServerStore, school: School) -> None:
    """By this number it is revoked with a stolen issuer, or not; a code has no chain."""
    first, second = laptop("satu"), laptop("dua", made("satu", KeyKind.PERANGKAT))
    admit(server, school, [first])
    decide(server, first, ACTIVE, last=4)
    admit(server, school, [second])
    known = server.db.execute("SELECT kind, issued_at, subject FROM kirim_key ORDER BY issued_at").fetchall()
    nobody = bytes(len(first.certificate.subject))
    assert [tuple(one) for one in known] == [(int(KeyKind.PERANGKAT), 0, nobody), (int(KeyKind.PERANGKAT), 4, nobody)]


# --- heads ---------------------------------------------------------------------------------------


def test_a_laptops_code_certifies_one_head_and_what_comes_with_a_second_is_kept(server: ServerStore, school: School) -> None:
    """Whoever kept the paper makes himself no head's key years later."""
    first, second, mine = head("kepala"), head("penyusup"), laptop("satu")
    admit(server, school, [first])
    admit(server, school, [first])
    admit(server, school, [second, mine])
    assert states(server, first, second, mine) == [ACTIVE, None, ACTIVE]


def test_a_head_of_another_laptops_code_is_a_second_one_only_under_that_code(server: ServerStore, school: School) -> None:
    first, second = head("kepala"), head("kepala lain", OTHER_CODE, OTHER_ASSIGNMENT)
    admit(server, school, [first, second])
    assert states(server, first, second) == [ACTIVE, ACTIVE]


def test_a_refused_head_leaves_its_code_to_the_true_one(server: ServerStore, school: School) -> None:
    first, second = head("penyusup"), head("kepala")
    admit(server, school, [first])
    decide(server, first, REJECTED)
    admit(server, school, [second])
    assert states(server, first, second) == [REJECTED, ACTIVE]


@pytest.mark.parametrize("by", [HEAD_CODE, made("kepala", KeyKind.KEPALA)], ids=["code", "former key"])
def test_a_head_certified_anew_takes_the_former_ones_place_for_this_assignment_alone(
    server: ServerStore, school: School, by: Identity
) -> None:
    """Another assignment's head and a key that waits for the district's word stay as they are."""
    former, waiting = head("kepala"), head("ketiga", OTHER_CODE)
    other = head("kepala lain", code_identity(b"\x96" * 16, SCHOOL), OTHER_ASSIGNMENT)
    admit(server, school, [former, other, waiting])
    decide(server, waiting, CONTESTED)
    new = head("kepala baru", by)
    admit(server, school, [new])
    assert states(server, former, other, new, waiting) == [REVOKED, ACTIVE, ACTIVE, CONTESTED]
    assert server.db.value("SELECT revoked_after FROM kirim_key WHERE key_id = ?", (former.certificate.key_id,)) == 0
    subject = server.db.value("SELECT subject FROM kirim_key WHERE key_id = ?", (new.certificate.key_id,))
    assert bytes(subject) == ASSIGNMENT
    admit(server, school, [former])  # its old file comes again, and revokes nobody
    assert states(server, former, other, new, waiting) == [REVOKED, ACTIVE, ACTIVE, CONTESTED]


def test_a_heads_code_is_spent_by_its_first_key(server: ServerStore, school: School) -> None:
    first, second = head("kepala", HEAD_CODE), head("penyusup", HEAD_CODE)
    admit(server, school, [first])
    with pytest.raises(errors.CodeTwice):
        admit(server, school, [second])
    assert states(server, first, second) == [ACTIVE, None]


def test_a_renewed_head_keeps_the_assignment_whatever_the_certificate_says(server: ServerStore, school: School) -> None:
    """A head cannot make himself the head of another assignment."""
    former = head("kepala")
    admit(server, school, [former])
    new = head("kepala baru", made("kepala", KeyKind.KEPALA), OTHER_ASSIGNMENT)
    admit(server, school, [new])
    assert bytes(server.db.value("SELECT subject FROM kirim_key WHERE key_id = ?", (new.certificate.key_id,))) == ASSIGNMENT


# --- rivals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "other_code"), [(CODE, OTHER_CODE), (OTHER_CODE, CODE)])
def test_both_laptops_under_one_code_wait_and_no_other_does(
    server: ServerStore, school: School, code: Identity, other_code: Identity
) -> None:
    """The head enrolled with a laptop is decided upon with it; another code's laptops go on, whatever the codes' numbers."""
    first, second, other = laptop("satu", code), laptop("dua", code), laptop("tiga", other_code)
    mine, theirs = head("kepala", code), head("kepala dua", code)
    admit(server, school, [first, mine, other])
    note_rivals(server, school, [theirs, second])
    assert states(server, first, second, other) == [CONTESTED, CONTESTED, ACTIVE]
    assert states(server, mine, theirs) == [ACTIVE, None]


@pytest.mark.parametrize("code", [CODE, OTHER_CODE])
def test_the_first_laptop_under_a_code_is_nobodys_rival(server: ServerStore, school: School, code: Identity) -> None:
    """What comes behind it in the same file is looked at as well."""
    other_code = OTHER_CODE if code is CODE else CODE
    first, alone, rival = laptop("satu", other_code), laptop("dua", code), laptop("tiga", other_code)
    admit(server, school, [first])
    note_rivals(server, school, [alone, rival])
    assert states(server, first, alone, rival) == [CONTESTED, None, CONTESTED]


def test_keys_that_a_laptop_certified_itself_are_no_rivals_under_a_code(server: ServerStore, school: School) -> None:
    """A laptop and its copy both renew the key, and one of them brings a rival's certificate: there is no code to decide about."""
    first, rival = laptop("satu"), laptop("lawan")
    one, two = (laptop(name, made("satu", KeyKind.PERANGKAT)) for name in ("dua", "tiga"))
    admit(server, school, [first, one])
    note_rivals(server, school, [two, rival])
    assert states(server, first, one, two, rival) == [CONTESTED, ACTIVE, None, CONTESTED]


def test_after_the_districts_word_only_a_newcomer_waits(server: ServerStore, school: School) -> None:
    first, second, third = laptop("satu"), laptop("dua"), laptop("tiga")
    admit(server, school, [first])
    note_rivals(server, school, [second])
    decide(server, first, ACTIVE)
    decide(server, second, REJECTED)
    note_rivals(server, school, [third])
    assert states(server, first, second, third) == [ACTIVE, REJECTED, CONTESTED]


def test_a_revoked_rival_stays_revoked(server: ServerStore, school: School) -> None:
    """Waiting again would let in what it is revoked for."""
    first, second = laptop("satu"), laptop("dua")
    admit(server, school, [first])
    decide(server, first, REVOKED)
    note_rivals(server, school, [second])
    assert states(server, first, second) == [REVOKED, CONTESTED]


def test_two_keys_for_a_head_under_one_code_wait(server: ServerStore, school: School) -> None:
    first, second = head("kepala", HEAD_CODE), head("penyusup", HEAD_CODE)
    admit(server, school, [first])
    note_rivals(server, school, [second])
    assert states(server, first, second) == [CONTESTED, CONTESTED]


# --- how far a key counts --------------------------------------------------------------------------

_NOBODY = Position(0, b"")


@pytest.mark.parametrize(
    ("state", "named", "merged", "last", "raised"),
    [
        (ACTIVE, b"", 0, 9, None),
        (ACTIVE, b"named", 1, 3, None),
        (CONTESTED, b"", 0, 0, errors.CodeTwice),
        (REJECTED, b"", 0, 0, errors.Revoked),
        (REJECTED, b"", 9, 9, errors.Revoked),
        (REVOKED, b"", 0, 3, None),
        (REVOKED, b"", 0, 5, None),
        (REVOKED, b"", 0, 6, errors.Revoked),
        (REVOKED, b"named", 0, 5, None),
        (REVOKED, b"named", 0, 6, errors.Revoked),
        (REVOKED, b"named", 2, 3, errors.RevokedAhead),
        (REVOKED, b"named", 2, 4, errors.RevokedAhead),
        (REVOKED, b"named", 3, 3, None),  # it came before
        (REVOKED, b"named", 4, 3, None),
    ],
)
def test_a_revoked_key_counts_up_to_its_number(
    state: str, named: bytes, merged: int, last: int, raised: type[errors.ExchangeError] | None
) -> None:
    """R25: revoked after 5. On the way to a number that nobody has proved yet a file waits; one that is merged says nothing new."""
    chain = Chain(b"laptop-1", merged, bytes(32), state, 5, named)
    manifest = Manifest(1, "", 0, _NOBODY, _NOBODY, last)
    if raised is None:
        check_key(chain, manifest)
        return
    with pytest.raises(raised) as refused:
        check_key(chain, manifest)
    if raised is not errors.CodeTwice:
        assert (refused.value.last, refused.value.got) == (5, last)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("last", "named", "fits"), [
    (5, b"", True), (5, b"nilai", True), (5, b"nilai lain", False), (4, b"nilai lain", True), (6, b"nilai lain", True),
])  # fmt: skip
def test_somebody_elses_chain_does_not_end_at_the_value_that_was_named(last: int, named: bytes, fits: bool) -> None:
    """KF-308 names the last number that counts: the one before."""
    chain = Chain(b"laptop-1", last, b"nilai".ljust(32, b"."), REVOKED, 5, named)
    if fits:
        check_revoked_value(chain)
        return
    with pytest.raises(errors.Revoked) as refused:
        check_revoked_value(chain)
    assert (refused.value.last, refused.value.got) == (4, 5)


def test_a_laptop_that_has_sent_nothing_stands_at_its_chains_start(server: ServerStore, school: School) -> None:
    first = laptop("satu")
    device = first.certificate.key_id
    with pytest.raises(errors.SenderUnknown):
        standing.chain_of(server, school, device)
    admit(server, school, [first])
    chain = standing.chain_of(server, school, device)
    assert chain == Chain(device, 0, chain_start(SCHOOL, device), ACTIVE, 0, b"")
    assert standing.value_at(server, school, chain, 0) == chain_start(SCHOOL, device)
    there = replace(chain, last=2, value=b"\2" * 32)
    assert [standing.value_at(server, school, there, n) for n in (0, 1, 2, 3)] == [chain.value, b"", b"\2" * 32, b""]


# --- numbers of the log ----------------------------------------------------------------------------


def test_the_log_goes_on_behind_a_number_that_a_school_has_seen(server: ServerStore, school: School) -> None:
    """Also behind the one where it stands itself: another history may have used that one. Rule 25."""
    school = standing.jump(server, school, 0)
    assert school.position == 1
    before = school.value
    school = standing.jump(server, school, 7)
    assert school.position == 8
    said = hashlib.sha256(b"kirim/1 lompat\0" + bytes.fromhex("00000007")).digest()
    assert school.value == hashlib.sha256(before + said).digest()  # as every archive tells it
    assert standing.jump(server, school, 7) == school
    assert [tuple(one) for one in server.db.execute("SELECT position, device, number FROM kirim_log").fetchall()] == [
        (1, bytes(8), 0), (8, bytes(8), 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("at", "said", "goes_on"),
    [
        (0, 1_000_000, 1_000_001),
        (0, 1_000_001, 0),
        (100, 1_000_100, 1_000_101),
        (100, 1_000_101, 100),
        (2_147_483_000, 2_147_483_648, 2_147_483_649),
        (2_147_483_000, 2_147_483_649, 2_147_483_000),
    ],
)
def test_a_laptops_word_leaves_out_a_million_numbers_at_once_and_none_beyond_half_of_all(
    server: ServerStore, school: School, at: int, said: int, goes_on: int
) -> None:
    """Whoever has a laptop's key cannot use a log's numbers up; what is too much is not remembered either."""
    if at:
        school = standing.jump(server, school, at - 1)
    school = standing._lose(server, school, Position(said, b"8 bytes!"))
    assert (school.position, server.school_by_npsn("00000001").position) == (goes_on, goes_on)
    assert server.lost(school) == ([Position(said, b"8 bytes!")] if goes_on != at else [])


def test_nobody_is_a_heads_code_but_one_of_that_purpose(server: ServerStore, school: School) -> None:
    unknown = uuid.UUID(SCHOOL).bytes[:8]
    assert [standing.is_head_code(server.db, school, key) for key in (CODE.key_id, HEAD_CODE.key_id, unknown)] == [False, True, False]


# --- what a file tells of both chains ----------------------------------------------------------------

_GAP, _FORK_2, _FORK_3 = errors.Gap(got=9, expected=4), errors.Fork(number=2), errors.Fork(number=3)
_ON = [Position(n, bytes([n]) * 8) for n in range(6)]
_OFF = [Position(n, b"lain lah") for n in range(6)]


@pytest.mark.parametrize(
    ("error", "first", "older", "own"),
    [
        (_GAP, _ON[3], (), 3),
        (_GAP, _ON[3], (_ON[1],), 3),
        (_GAP, Position(3, bytes(8)), (_ON[1],), 1),
        (_GAP, _ON[2], (_ON[1],), 2),
        (_GAP, _OFF[0], (), 0),  # every chain begins alike
        (_GAP, _ON[4], (_ON[2], _ON[1]), 2),  # ahead of what has come
        (_GAP, _OFF[3], (_OFF[2], _ON[1]), 1),
        (_GAP, _OFF[3], (_OFF[2],), 0),  # all are told and none is shared
        (_GAP, _OFF[3], (), 3),  # too little is told: what was merged is not asked for again
        (_FORK_3, _ON[1], (), 2),  # compared up to the one before
        (_FORK_2, _OFF[2], (_ON[1],), 1),
        (_FORK_2, _OFF[2], (), 0),
    ],
)
def test_both_sides_share_a_chain_up_to_the_newest_position_that_is_on_it(
    server: ServerStore, school: School, error: errors.ExchangeError, first: Position, older: tuple[Position, ...], own: int
) -> None:
    """Rule 24: what is given back after a fork or a restore begins there; too high a number would leave something out."""
    for n in (1, 2, 3):
        chains.add_changeset(server.db, SCHOOL, b"laptop-1", ChangesetHead(n, _NOBODY), bytes([n]) * 32)
    chain = Chain(b"laptop-1", 3, bytes([3]) * 32)
    manifest = Manifest(1, "", 0, _NOBODY, first, 5, first_older=older)
    assert standing._own(server, school, chain, manifest, error) == own


@pytest.mark.parametrize(("have", "older", "heard"), [(3, (), 3), (9, (4, 2), 4), (9, (8, 2), 2), (9, (), 1)])
def test_the_next_return_begins_at_the_newest_position_that_the_log_holds(
    server: ServerStore, school: School, have: int, older: tuple[int, ...], heard: int
) -> None:
    """A position that no log here holds says nothing: then it is the one that was said before."""
    on: dict[int, bytes] = {}
    for n in range(1, 5):
        school = server.append(school, 9, bytes(8), 0, Cause.PUSAT, bytes([n]) * 32)
        on[n] = school.value[:8]
    server.db.execute("UPDATE kirim_school SET have = 1")
    school = server.school_by_npsn("00000001")
    told = Manifest(
        1, "", 0, Position(have, on.get(have, b"hilang!!")), Position(2, b"8 bytes!"), 5,
        have_older=tuple(Position(n, on.get(n, b"hilang!!")) for n in older),
    )  # fmt: skip
    standing.note(server, school, b"laptop-1", told, 5)
    now = server.school_by_npsn("00000001")
    assert (now.have, now.told, now.own, now.device, now.schema) == (heard, 2, 5, b"laptop-1", 1)
    standing.note(server, school, b"laptop-1", told, 5, heard=4)  # where the caller has looked already
    assert server.school_by_npsn("00000001").have == 4


@pytest.mark.parametrize(
    ("at", "before", "said", "kept", "goes_on"),
    [
        (5, 0, 5, 5, 5),
        (5, 0, 3, 3, 5),
        (5, 0, 6, 0, 6),
        (5, 6, 6, 6, 5),  # said before, and answered
        (5, 9, 7, 0, 7),
        (5, 0, 1_000_005, 0, 1_000_005),
        (5, 0, 1_000_006, 1_000_006, 5),
        (2_147_483_000, 0, 2_147_483_648, 0, 2_147_483_648),
        (2_147_483_000, 0, 2_147_483_649, 2_147_483_649, 2_147_483_000),
    ],
)
def test_reference_rows_that_a_restored_server_has_lost_are_sent_anew_behind_their_number(
    server: ServerStore, school: School, at: int, before: int, said: int, kept: int, goes_on: int
) -> None:
    """A laptop's word moves the count no farther than that of a log."""
    server.set("reference", at)
    server.db.execute("UPDATE kirim_school SET reference = ?", (before,))
    school = server.school_by_npsn("00000001")
    standing.note(server, school, b"laptop-1", Manifest(1, "", 0, _NOBODY, _NOBODY, 0, reference=said), 0, heard=0)
    assert (server.school_by_npsn("00000001").reference, server.reference) == (kept, goes_on)
