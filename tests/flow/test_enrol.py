"""How schools come to be known: codes, prefills, keys, second laptops, heads who come later."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from exchange import errors
from exchange.interop.lists import SchoolRow
from exchange.nodes import SchoolNode, ServerNode
from exchange.packager import Returned, write_return
from exchange.records import PackageKind
from exchange.registering import add_schools, init_server, renew_code
from exchange.school.enrol import init_school
from exchange.trust.keyfiles import load_identity
from exchange.trust.opening import inspect_package
from tests.faults.badfiles import PHOTOGRAPH, Forger, flipped
from tests.faults.world import files, snapshot
from tests.life import NOW, PASSPHRASE, Clock, Life, Sekolah, equal


def handed_out(life: Life, npsn: str = "00000001") -> tuple[Path, str]:
    """Return a school's prefill and code."""
    outbox = life.server.home / "outbox" / npsn
    return outbox / f"PREFILL-{npsn}-000001.kirim", (outbox / f"KODE-{npsn}.txt").read_text().splitlines()[0]


def fresh(npsn: str = "00000009", head: str = "KEPALA CONTOH", bentuk: str = "SD") -> SchoolRow:
    """Return one line of a list of schools."""
    return SchoolRow(npsn=npsn, name=f"{bentuk} CONTOH", bentuk=bentuk, head=head, line=1)


def mode(path: Path) -> int:
    """Return a file's permissions."""
    return stat.S_IMODE(path.stat().st_mode)


# --- the server -------------------------------------------------------------------------------


def test_a_server_is_made_once(life: Life) -> None:
    """The second time says KF-102, and every byte stands as it stood."""
    before = files(life.server.home)
    with pytest.raises(errors.HomeExists):
        init_server(life.server.home)
    assert files(life.server.home) == before


def test_a_server_with_a_database_elsewhere_is_made_once(tmp_path: Path) -> None:
    """Neither the home nor the database is taken twice."""
    url = f"sqlite:///{tmp_path}/lain.db"
    made = init_server(tmp_path / "a", url)
    assert not (tmp_path / "a" / "server.db").exists()
    before = files(tmp_path)
    for home, db in ((tmp_path / "a", url), (tmp_path / "a", None), (tmp_path / "b", url)):
        with pytest.raises(errors.HomeExists):
            init_server(home, db)
    assert {name: digest for name, digest in files(tmp_path).items() if name in before} == before
    server = ServerNode.open(tmp_path / "a", url)
    assert server.identity.key_id.hex() == made.key_id
    server.close()


def test_keys_are_their_owners_alone(life: Life, school: Sekolah) -> None:
    """Files 0600 in folders 0700, in both roles; codes and prefills are nobody else's either."""
    for keys in (life.server.home / "kunci", school.home / "kunci"):
        assert mode(keys) == 0o700
        assert {mode(path) for path in keys.iterdir()} == {0o600}
    assert {mode(path) for path in (life.server.home / "outbox" / "00000001").iterdir()} == {0o600}


def test_a_code_stands_in_its_file_alone(life: Life, school: Sekolah) -> None:
    """In no form in the server's or the school's store, keys or packages: neither as text, digits nor bytes."""
    _, code = handed_out(life)
    life.ingest(school.export().file)
    digits = code.replace("-", "")
    forms = [code.encode(), code.upper().encode(), digits.encode(), bytes.fromhex(digits)]
    life.close()
    for path in life.folder.rglob("*"):
        if path.is_file() and not path.name.startswith("KODE-"):
            data = path.read_bytes()
            assert not [form for form in forms if form in data], path


def test_a_school_keeps_the_receiving_half_of_its_code_only(life: Life, school: Sekolah) -> None:
    """Nobody who takes the laptop can certify another one; after the first return for this laptop that half goes, too."""
    kept = load_identity(school.home / "kunci" / "kode")
    assert kept.sign_seed in (b"", bytes(32))
    assert len(kept.seal_seed) == 32
    school.round_trip()
    assert not (school.home / "kunci" / "kode").exists()
    assert school.round_trip().code == ""


@pytest.mark.parametrize("bad", ["0000000", "000000099", "0000000٣", "ABCDEFGH", "", "0000 009", "../../x1"])
def test_an_npsn_that_is_none_is_refused_and_registers_nobody(life: Life, bad: str) -> None:
    """Also when others in the list are good: all or none."""
    before = snapshot(life.server)
    with pytest.raises(errors.InputRowBad):
        add_schools(life.server, [fresh(), fresh(npsn=bad)])
    assert snapshot(life.server) == before
    assert not (life.server.home / "outbox" / "00000009").exists()


@pytest.mark.parametrize(
    ("row", "error"),
    [(fresh(npsn="00000001"), errors.SchoolExists), (fresh(bentuk="Sekolah Terbang"), errors.InputRowBad)],
)
def test_a_school_that_exists_or_has_no_such_kind_registers_nobody(
    life: Life, row: SchoolRow, error: type[errors.ExchangeError]
) -> None:
    """All or none."""
    before = snapshot(life.server)
    with pytest.raises(error):
        add_schools(life.server, [fresh(), row])
    assert snapshot(life.server) == before


def test_an_npsn_twice_in_one_list_is_refused(life: Life) -> None:
    """The list was pasted twice."""
    before = snapshot(life.server)
    with pytest.raises(errors.SchoolExists):
        add_schools(life.server, [fresh(), fresh()])
    assert snapshot(life.server) == before


def test_an_npsn_with_spaces_around_it_is_that_npsn(life: Life, tmp_path: Path) -> None:
    """So are its files."""
    (tmp_path / "kode").mkdir()
    (added,) = add_schools(life.server, [fresh(npsn=" k0000009 ")], out=tmp_path / "kode")
    assert added.npsn == "K0000009"
    assert sorted(files(tmp_path / "kode")) == ["KODE-K0000009.txt", "PREFILL-K0000009-000001.kirim"]


# --- the school -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        str.upper,
        lambda code: code.replace("-", ""),
        lambda code: f"  {code}\n",
        lambda code: code.replace("-", " "),
        lambda code: code.replace("-", "–"),
        lambda code: "-".join(code.replace("-", "")),
    ],
)
def test_a_code_opens_its_prefill_in_any_form(life: Life, tmp_path: Path, typed) -> None:  # type: ignore[no-untyped-def]
    """Capitals, no hyphens, spaces, a word processor's dashes."""
    prefill, code = handed_out(life)
    made = init_school(tmp_path / "rumah", prefill, typed(code), PASSPHRASE)
    assert (made.npsn, made.rows["sekolah"]) == ("00000001", 1)


def test_wrong_codes_prefills_and_passphrases_leave_nothing(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """Each with its own code; and the right ones work afterwards in the same folder."""
    prefill, code = handed_out(life)
    _, other_code = handed_out(life, "00000002")
    data = prefill.read_bytes()
    tries: list[tuple[bytes, str, str, str]] = [
        (data, other_code, PASSPHRASE, "KF-105"),
        (data, code[:-1], PASSPHRASE, "KF-105"),
        (data, code[:-1] + "x", PASSPHRASE, "KF-105"),
        (data, "", PASSPHRASE, "KF-105"),
        (data, code, "sebelas hur", "KF-107"),
        (data, code, "", "KF-107"),
        (data[:-1], code, PASSPHRASE, "KF-204"),
        (data + b"x", code, PASSPHRASE, "KF-205"),
        (flipped(data, len(data) - 9), code, PASSPHRASE, "KF-206"),
        (flipped(data, 300), code, PASSPHRASE, "KF-305"),
        (PHOTOGRAPH, code, PASSPHRASE, "KF-201"),
        (b"", code, PASSPHRASE, "KF-204"),
        (life.answer(school).file.read_bytes(), code, PASSPHRASE, "KF-301"),
        (school.export().file.read_bytes(), code, PASSPHRASE, "KF-301"),
    ]
    home, brought = tmp_path / "rumah", tmp_path / "prefill"
    for content, typed, passphrase, expected in tries:
        brought.write_bytes(content)
        with pytest.raises(errors.ExchangeError) as caught:
            init_school(home, brought, typed, passphrase)
        assert caught.value.code == expected, (expected, caught.value)
        assert not home.exists() or files(home) == {}
    with pytest.raises(errors.FileUnreadable):
        init_school(home, tmp_path / "tidak ada", code, PASSPHRASE)
    with pytest.raises(errors.FileUnreadable):
        init_school(home, tmp_path, code, PASSPHRASE)
    assert init_school(home, prefill, code, PASSPHRASE).npsn == "00000001"


def test_a_home_is_never_made_twice(life: Life, school: Sekolah) -> None:
    """The store and its unsent edits stand as they stood."""
    prefill, code = handed_out(life)
    before = snapshot(school.node)
    keys = files(school.home / "kunci")
    with pytest.raises(errors.HomeExists):
        init_school(school.home, prefill, code, PASSPHRASE)
    assert snapshot(school.node) == before
    assert files(school.home / "kunci") == keys


def test_keys_without_a_store_are_never_overwritten(life: Life, school: Sekolah) -> None:
    """The database was moved away, the keys stayed: they may be the only ones."""
    prefill, code = handed_out(life)
    school.node.close()
    for path in school.home.glob("sekolah.db*"):
        path.rename(life.folder / path.name)
    keys = files(school.home / "kunci")
    with pytest.raises(errors.HomeExists):
        init_school(school.home, prefill, code, PASSPHRASE)
    assert files(school.home / "kunci") == keys
    for path in life.folder.glob("sekolah.db*"):
        path.rename(school.home / path.name)


def test_a_home_that_cannot_be_made_says_so(life: Life, tmp_path: Path) -> None:
    """A file stands where the folder would be."""
    prefill, code = handed_out(life)
    (tmp_path / "rumah").write_bytes(b"")
    with pytest.raises(errors.FolderUnwritable):
        init_school(tmp_path / "rumah", prefill, code, PASSPHRASE)
    with pytest.raises(errors.FolderUnwritable):
        init_school(tmp_path / "rumah" / "dalam", prefill, code, PASSPHRASE)


# --- two laptops, new codes -------------------------------------------------------------------


def second_laptop(life: Life, prefill: Path, code: str) -> Sekolah:
    """Enrol one more laptop."""
    home = life.folder / f"laptop-{len(life.schools) + 1}"
    init_school(home, prefill, code, PASSPHRASE, clock=life.clock)
    life.schools.append(Sekolah(life, home))
    return life.schools[-1]


def test_a_second_laptop_under_one_code_is_held_and_nothing_is_lost(life: Life, school: Sekolah) -> None:
    """Who came first goes on; the second's package waits, verified, and is kept."""
    second = second_laptop(life, *handed_out(life))
    second.pupil("SISWA LAPTOP DUA")
    life.ingest(school.export().file)
    file = second.export().file
    (result,) = life.ingest(file).files
    assert (result.status, result.code, result.npsn) == ("held", "KF-311", "00000001")
    (again,) = life.ingest(file).files
    assert (again.status, again.code) == ("held", "KF-311")
    assert len(files(life.server.home / "held")) == 1
    assert life.server.store.db.value("SELECT count(*) FROM peserta_didik") == 1


def test_a_new_code_enrols_a_new_laptop_with_everything_that_the_server_has(life: Life, school: Sekolah) -> None:
    """The old laptop broke; its late package still merges."""
    life.ingest(school.export().file)
    school.pupil("SISWA TERLAMBAT")
    late = school.export().file
    renewed = renew_code(life.server, "00000001")
    second = second_laptop(life, renewed.prefill, renewed.code_file.read_text().splitlines()[0])
    assert second.sql("SELECT count(*) FROM peserta_didik") == [(1,)]
    second.pupil("SISWA LAPTOP BARU")
    assert life.ingest(second.export().file).files[0].status == "applied"
    assert life.ingest(late).files[0].status == "applied"
    assert life.server.store.db.value("SELECT count(*) FROM peserta_didik") == 3
    assert second.round_trip().code == ""


def test_an_old_code_stays_with_its_own_prefill(life: Life) -> None:
    """A new code does not open the old prefill, nor the old code the new one."""
    prefill, code = handed_out(life)
    renewed = renew_code(life.server, "00000001")
    new_code = renewed.code_file.read_text().splitlines()[0]
    assert renewed.code_file.name == "KODE-00000001-2.txt"
    for given in ((prefill, new_code), (renewed.prefill, code)):
        with pytest.raises(errors.CodeWrong):
            init_school(life.folder / "x", *given, PASSPHRASE)


def test_a_stranger_cannot_enrol_himself(life: Life, school: Sekolah) -> None:
    """Certificates signed with a code that the server never gave."""
    from exchange.format.certificate import KeyKind
    from exchange.trust.certificates import issue
    from exchange.trust.codes import code_identity
    from exchange.trust.keys import new_identity

    forger, device = Forger(life, school), new_identity(KeyKind.PERANGKAT)
    own_code = code_identity(bytes(16), school.scope)
    path = life.folder / "palsu"
    riders = [issue(own_code, KeyKind.PERANGKAT, device.public, school.scope, 1)]
    path.write_bytes(forger.seal(forger.body(), sender=device, certificates=riders))
    before = snapshot(life.server)
    (result,) = life.ingest(path).files
    assert (result.status, result.code) == ("quarantined", "KF-303")
    assert snapshot(life.server) == before


# --- heads ------------------------------------------------------------------------------------


def test_a_school_without_a_head_learns_of_one_by_a_return(life: Life) -> None:
    """Init works, export says KF-312; the dinas assigns, the return is sealed to the code's key, applies, and export works."""
    (added,) = add_schools(life.server, [fresh(head="")])
    school = life.laptop(added)
    school.pupil()
    before = snapshot(school.node)
    with pytest.raises(errors.NoHead):
        school.export()
    assert snapshot(school.node) == before
    life.change("dinas", [("sekolah", "00000009", "kepala_sekolah", "KEPALA BARU")])
    made: Returned = write_return(life.server, "00000009")
    with made.file.open("rb") as file:
        header = inspect_package(file).header
    assert header is not None
    assert header.kind is PackageKind.BALASAN
    assert [wrap.receiver.hex() for wrap in header.wraps] == [school.node.store.get("code")]
    report = school.apply(made.file)
    assert report is not None
    assert report.incoming["tugas_tambahan"] == 1
    assert (school.home / "kunci" / "kode").exists()
    assert school.round_trip().status == "applied"
    assert not (school.home / "kunci" / "kode").exists()
    assert equal(school)


def test_a_return_to_a_laptop_that_never_sent_applies_on_each_of_two(life: Life, school: Sekolah) -> None:
    """Before its first package the server knows only the code's key."""
    life.change("dinas", [("sekolah", "00000001", "kepala_sekolah", "KEPALA BARU")])
    answer = life.answer(school).file
    assert school.apply(answer) is not None
    assert second_laptop(life, *handed_out(life)).apply(answer) is not None


def test_another_schools_return_is_refused_and_changes_nothing(life: Life, school: Sekolah, other: Sekolah) -> None:
    """The sticks were mixed up."""
    life.ingest(other.export().file)
    before = snapshot(school.node)
    with pytest.raises(errors.OtherReceiver):
        school.apply(life.answer(other).file)
    assert snapshot(school.node) == before


def test_clocks_decide_nothing_in_enrolment(tmp_path: Path) -> None:
    """A laptop that believes in 1970 is enrolled and heard like any other."""
    life = Life(tmp_path)
    life.clock.now = NOW
    (added,) = add_schools(life.server, [fresh()])
    home = tmp_path / "lama"
    init_school(home, added.prefill, added.code_file.read_text().splitlines()[0], PASSPHRASE, clock=Clock(0))
    node = SchoolNode.open(home, clock=Clock(0))
    assert node.store.get("npsn") == "00000009"
    node.close()
    life.close()
    assert os.listdir(home / "outbox") == []
