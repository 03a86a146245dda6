"""District offices: what they may do, that they may do nothing else, and what they are told.

Each attack is followed by a look at what the server, a school and the office hold then.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from exchange import errors
from exchange.district.answers import open_file
from exchange.district.office import Office, init_office, status
from exchange.district.ordering import order
from exchange.districts import certify, districts, revoke
from exchange.format.certificate import KeyKind
from exchange.format.order import Order, Verb, encode_order, order_next
from exchange.ingest import FileResult
from exchange.overview import server_status
from exchange.packagefile import write_package
from exchange.packager import write_returns
from exchange.records import PackageKind
from exchange.regions import office_scope
from exchange.registering import add_schools
from exchange.server.serverkeys import rotate
from exchange.trust.certificates import issue
from exchange.trust.keyfiles import load_identity
from exchange.trust.keys import Identity, fingerprint, new_identity
from exchange.trust.opening import inspect_package
from tests.districts import KAB, KEC, OTHER_KAB, OTHER_KEC, SECOND_KEC, Dinas, listed, school_row, with_regions
from tests.flow.told import with_open_keys
from tests.life import Life, Sekolah, equal


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    """A server that knows two kabupaten."""
    made = Life(tmp_path)
    with_regions(made)
    yield made
    made.close()


@pytest.fixture
def dinas(life: Life) -> Dinas:
    """An office of Kab. Contoh."""
    made = Dinas(life)
    made.certify(KAB)
    return made


def enrolled(life: Life, npsn: str, wilayah: str) -> Sekolah:
    """Register a school in a kecamatan and enrol its laptop."""
    school = life.laptop(add_schools(life.server, [school_row(npsn, wilayah)])[0])
    with_open_keys(life)
    return school


def head_of(life: Life, school: Sekolah) -> str:
    """Return the ``ptk_id`` of a school's head."""
    return str(life.server.store.db.value("SELECT ptk_id FROM ptk WHERE kirim_home = ?", (school.scope,)))


def mark(life: Life) -> tuple[object, ...]:
    """Return everything that an order could change: schools, logs, keys, codes, offices, entries of the ledger."""
    db = life.server.store.db
    return (
        db.execute("SELECT sekolah_id, npsn, position, value FROM kirim_school ORDER BY npsn").fetchall(),
        db.execute("SELECT scope, key_id, state FROM kirim_key ORDER BY rowid").fetchall(),
        db.execute("SELECT scope, key_id FROM kirim_code ORDER BY rowid").fetchall(),
        db.execute("SELECT key_id, last, value, state FROM kirim_district ORDER BY rowid").fetchall(),
    )


def one(done: object) -> FileResult:
    """Return the one result of an intake."""
    (result,) = done.files  # type: ignore[attr-defined]
    return result


# --- what an office does --------------------------------------------------------------------------


def test_an_office_registers_a_school_and_its_answer_brings_code_and_prefill(life: Life, dinas: Dinas) -> None:
    """The code travels sealed to the office; what it opens is a school like any other."""
    done, answer = dinas.do(dinas.schools(("00000011", KEC), ("00000012", SECOND_KEC)))
    assert (one(done).status, answer.state, dinas.taken()) == ("applied", "done", 1)
    names = sorted(path.name for path in answer.files)
    assert names == ["KODE-00000011.txt", "KODE-00000012.txt", "PREFILL-00000011-000001.kirim", "PREFILL-00000012-000001.kirim"]
    code = answer.files[0].read_text().splitlines()[0]
    for place in life.server.home.rglob("*"):
        if place.is_file():
            assert code.encode() not in place.read_bytes(), place
    from exchange.registering import SchoolAdded

    school = life.laptop(SchoolAdded("00000011", "", answer.files[0], answer.files[1]))
    with_open_keys(life)
    school.pupil()
    assert school.round_trip().status == "applied"
    assert equal(school)
    where = life.server.store.db.value("SELECT kode_wilayah FROM sekolah WHERE npsn = '00000012'")
    assert where.strip() == SECOND_KEC


def test_an_office_assigns_heads_and_orders_their_codes(life: Life, dinas: Dinas) -> None:
    """The assignment reaches the school by its next return, the code by the office's answer."""
    school = enrolled(life, "00000011", KEC)
    done, answer = dinas.do(dinas.assign(("00000011", "KEPALA BARU")))
    assert (one(done).status, answer.state, answer.result["changed"]) == ("applied", "done", 1)
    _, answer = dinas.do(dinas.order(Verb.CODE, listed(("npsn", "purpose"), ("00000011", "kepala"))))
    (letter,) = answer.files
    assert "KEPALA BARU" in letter.read_text()
    school.apply(life.answer(school).file)
    assert school.sql("SELECT count(*) FROM ptk WHERE nama = 'KEPALA BARU'") == [(1,)]


def test_an_office_decides_between_two_laptops_of_its_region(life: Life, dinas: Dinas) -> None:
    """Files of both are held (KF-311); once the office has decided, what waited is merged with the order itself."""
    added = add_schools(life.server, [school_row("00000011", KEC)])[0]
    first, second = life.laptop(added), life.laptop(added)
    with_open_keys(life)
    first.pupil("SISWA SATU")
    second.pupil("SISWA DUA")
    results = [life.ingest(school.export().file).files[0] for school in (first, second)]
    assert [result.code for result in results] == ["", "KF-311"]
    _, told = dinas.do(dinas.order(Verb.REPORT))
    (shown,) = told.result["schools"]
    keys = {one["fingerprint"] for one in shown["contested"]}
    assert keys == {fingerprint(school.node.device.public) for school in (first, second)}
    assert [one["code"] for one in shown["held"]] == ["KF-311"]
    key = fingerprint(second.node.device.public)
    head = ("npsn", "key", "decision")
    done, answer = dinas.do(dinas.order(Verb.KEY, listed(head, ("00000011", key, "accept"))))
    assert (one(done).status, answer.state) == ("applied", "done")
    assert life.server.store.db.value("SELECT count(*) FROM peserta_didik WHERE nama = 'SISWA DUA'") == 1


def test_a_report_tells_of_the_region_and_of_what_was_carried(life: Life, dinas: Dinas) -> None:
    """Carrying needs no right; the report tells what came of the files, each once, and no other region's."""
    here, there = enrolled(life, "00000011", KEC), enrolled(life, "00000021", OTHER_KEC)
    folder = life.folder / "dibawa"
    folder.mkdir()
    for school in (here, there):
        school.pupil()
        shutil.copy(school.export().file, folder)
    assert [result.status for result in life.ingest(folder).files] == ["applied", "applied"]
    _, answer = dinas.do(dinas.order(Verb.REPORT))
    assert [school["npsn"] for school in answer.result["schools"]] == ["00000011"]
    assert [(p["npsn"], p["state"], p["changes"]["applied"]) for p in answer.result["packages"]] == [("00000011", "merged", 1)]
    assert "keys" not in answer.result
    _, again = dinas.do(dinas.order(Verb.REPORT))
    assert again.result["packages"] == []


def test_orders_of_several_days_come_in_one_folder_in_any_order(life: Life, dinas: Dinas) -> None:
    """The office's own order counts, not the files' names."""
    folder = life.folder / "surat"
    folder.mkdir()
    for n, path in enumerate([dinas.schools(("00000011", KEC)), dinas.assign(("00000011", "KEPALA BARU")), dinas.order(Verb.REPORT)]):
        shutil.copy(path, folder / f"{9 - n}.bin")
    assert [result.status for result in life.ingest(folder).files] == ["applied"] * 3
    assert dinas.taken() == 3
    assert [open_file(dinas.office, path).state for path in dinas.answers()] == ["done"] * 3
    assert status(dinas.office)["waiting"] == 0


def test_a_dry_run_does_nothing_of_an_order(life: Life, dinas: Dinas) -> None:
    from exchange.rehearsing import rehearse_ingest

    path, before = dinas.schools(("00000011", KEC)), mark(life)
    assert [result.status for result in rehearse_ingest(life.server, [path]).files] == ["applied"]
    assert (mark(life), dinas.answers()) == (before, [])
    assert one(life.ingest(path)).status == "applied"


# --- what it may not do ---------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["school", "code", "assign", "row", "away", "parent", "key", "twice"])
def test_an_order_of_another_region_changes_nothing_and_names_the_line(life: Life, dinas: Dinas, what: str) -> None:
    """One line outside, and all of it is refused; its number is used up, and the answer says which line."""
    here, there = enrolled(life, "00000011", KEC), enrolled(life, "00000021", OTHER_KEC)
    ptk = {school: head_of(life, school) for school in (here, there)}
    held = str(life.server.store.db.value("SELECT ptk_terdaftar_id FROM ptk_terdaftar WHERE ptk_id = ?", (ptk[here],)))
    made = "99990000-0000-4000-8000-000000000001"
    if what == "twice":  # registered elsewhere, and its code was never handed out
        there_id = str(life.server.store.school_by_npsn("00000021").sekolah_id)
        life.server.store.set(f"hand-out-{there_id}", 1)
    path = {
        "school": lambda: dinas.schools(("00000012", KEC), ("00000022", OTHER_KEC)),
        "twice": lambda: dinas.schools(("00000012", KEC), ("00000021", KEC)),
        "code": lambda: dinas.order(Verb.CODE, listed(("npsn",), ("00000011",), ("00000021",))),
        "assign": lambda: dinas.assign(("00000011", "KEPALA BARU"), ("00000021", "KEPALA BARU")),
        "row": lambda: dinas.change(("ptk", ptk[here], "niy_nigk", "1"), ("ptk", ptk[there], "niy_nigk", "2")),
        "away": lambda: dinas.change(
            ("ptk", ptk[here], "niy_nigk", "1"), ("ptk_terdaftar", held, "sekolah_id", there.scope)
        ),
        "parent": lambda: dinas.change(
            ("ptk", ptk[here], "niy_nigk", "1"),
            ("ptk_terdaftar", made, "sekolah_id", here.scope),
            ("ptk_terdaftar", made, "ptk_id", ptk[there]),
        ),
        "key": lambda: dinas.order(
            Verb.KEY, listed(("npsn", "key", "decision"), ("00000021", there.node.device.key_id.hex(), "revoke"))
        ),
    }[what]()
    schools, keys, codes, _ = mark(life)
    done, answer = dinas.do(path)
    assert (one(done).status, one(done).code, answer.state) == ("quarantined", "KF-157", "refused")
    assert isinstance(answer.error, errors.OutsideRegion)
    line = {"key": 2, "parent": 4}.get(what, 3)
    assert (answer.error.file, answer.error.row, answer.error.region) == ("daftar.csv", line, KAB)
    assert mark(life)[:3] == (schools, keys, codes)
    assert (answer.files, dinas.taken()) == ([], 1)
    assert one(dinas.do(dinas.order(Verb.REPORT))[0]).status == "applied"


def test_an_office_sets_no_column_that_is_not_the_dinas_own(life: Life, dinas: Dinas) -> None:
    """Neither the name that verval sets nor the wilayah, by which a school would change its office."""
    school = enrolled(life, "00000011", KEC)
    ptk = head_of(life, school)
    for table, row, column, value, code in (
        ("sekolah", school.scope, "nama", "SD LAIN", "KF-131"),
        ("sekolah", school.scope, "kode_wilayah", OTHER_KEC, "KF-131"),
        ("sekolah", school.scope, "nomor_telepon", "0211", "KF-158"),
        ("ptk", ptk, "soft_delete", "1", "KF-131"),
        ("ruang", ptk, "soft_delete", "1", "KF-158"),
    ):
        before = mark(life)[:3]
        done, answer = dinas.do(dinas.change((table, row, column, value)))
        assert (one(done).code, answer.state) == (code, "refused")
        assert mark(life)[:3] == before
    assert dinas.do(dinas.change(("ptk", ptk, "niy_nigk", "123")))[1].result["changed"] == 1
    assert life.row("ptk", ptk)["niy_nigk"] == "123"


def test_a_wrong_list_is_told_with_the_offices_own_words(life: Life, dinas: Dinas) -> None:
    done, answer = dinas.do(dinas.order(Verb.SCHOOL, b"npsn,name\r\n00000011,SD\r\n", "sekolah baru.csv"))
    assert (one(done).code, answer.state) == ("KF-215", "refused")
    assert answer.error is not None
    assert answer.error.facts()["file"] == "sekolah baru.csv"


# --- forged, replayed, out of order ---------------------------------------------------------------


def sealed_order(dinas: Dinas, sender: Identity, number: int, previous: bytes, scope: str = "") -> Path:
    """Seal an order by hand."""
    plain = encode_order(Order(number, previous, 0, Verb.REPORT, "", b""))
    scope = scope or str(dinas.office.grant["scope"])
    folder = dinas.life.folder / "palsu"
    return write_package(
        folder, "palsu", kind=PackageKind.SURAT, scope=scope, number=number, sender=sender,
        receivers=[dinas.office.server()], certificates=(), plaintext=[plain],
    )[0]  # fmt: skip


@pytest.mark.parametrize("by", ["stranger", "school", "server", "elsewhere", "damaged"])
def test_a_forged_order_leaves_no_mark(life: Life, dinas: Dinas, by: str) -> None:
    """Signed by nobody's key, a school's, the server's own, an office's under another region's name; or changed on its way."""
    school = enrolled(life, "00000011", KEC)
    start = bytes.fromhex(dinas.office.state["value"])
    before = mark(life)
    scope = {"school": school.scope, "elsewhere": office_scope(OTHER_KAB)}.get(by, "")
    sender = {
        "stranger": new_identity(KeyKind.DINAS),
        "school": school.node.device,
        "server": life.server.identity,
        "elsewhere": dinas.office.identity,
        "damaged": dinas.office.identity,
    }[by]
    path = sealed_order(dinas, sender, 1, start, scope)
    if by == "damaged":
        data = bytearray(path.read_bytes())
        data[12 + int.from_bytes(data[9:12], "big") + 3] ^= 1  # in the signature
        path.write_bytes(bytes(data))
    result = one(life.ingest(path))
    assert (result.status, result.code) == ("quarantined", "KF-305" if by == "damaged" else "KF-304")
    assert (mark(life), dinas.answers()) == (before, [])


def test_a_key_that_another_key_than_the_roots_certified_is_nobodys(life: Life, dinas: Dinas) -> None:
    """Only the root certifies offices, and an order brings no certificate along."""
    key = new_identity(KeyKind.DINAS)
    with pytest.raises(errors.CertificateBad):
        issue(life.server.identity, KeyKind.DINAS, key.public, str(dinas.office.grant["scope"]), 9)
    before = mark(life)
    assert one(life.ingest(sealed_order(dinas, key, 1, bytes(32)))).code == "KF-304"
    assert mark(life) == before


def test_an_order_that_comes_again_is_done_once(life: Life, dinas: Dinas) -> None:
    path = dinas.schools(("00000011", KEC))
    assert one(life.ingest(path)).status == "applied"
    before, answers = mark(life), dinas.answers()
    copy = life.folder / "salinan.kirim"
    shutil.copy(path, copy)
    assert [result.status for result in life.ingest(path, copy).files] == ["duplicate", "duplicate"]
    assert (mark(life), dinas.answers()) == (before, answers)


def test_an_order_that_comes_early_waits_and_goes_on_by_itself(life: Life, dinas: Dinas) -> None:
    """Order 2 needs the school that order 1 registers."""
    first, second = dinas.schools(("00000011", KEC)), dinas.assign(("00000011", "KEPALA BARU"))
    before = mark(life)
    assert (one(life.ingest(second)).status, one(life.ingest(second)).code) == ("held", "KF-332")
    (waiting,) = server_status(life.server)["orders_held"]  # type: ignore[misc]
    assert (waiting["wilayah"], waiting["number"]) == (KAB, 2)
    assert mark(life) == before
    held = dinas.opened()
    assert (held.state, isinstance(held.error, errors.OrderEarly), len(dinas.answers())) == ("held", True, 1)
    assert one(life.ingest(first)).status == "applied"
    assert dinas.taken() == 2
    assert [open_file(dinas.office, path).state for path in dinas.answers()] == ["held", "done", "done"]
    assert life.server.store.db.value("SELECT count(*) FROM ptk WHERE nama = 'KEPALA BARU'") == 1


def test_an_office_that_was_restored_learns_where_its_chain_stands(life: Life, dinas: Dinas) -> None:
    """A used number with other content is refused (KF-333), and the answer brings the true chain."""
    backup = life.folder / "cadangan.json"
    shutil.copy(dinas.home / "dinas.json", backup)
    for npsn in ("00000011", "00000012"):
        dinas.do(dinas.schools((npsn, KEC)))
    shutil.copy(backup, dinas.home / "dinas.json")
    dinas.office = Office.open(dinas.home, clock=life.clock)
    schools = mark(life)[0]
    done, answer = dinas.do(dinas.schools(("00000013", KEC)))
    assert (one(done).code, answer.state) == ("KF-333", "refused")
    assert (mark(life)[0], dinas.taken()) == (schools, 2)
    done, answer = dinas.do(dinas.schools(("00000013", KEC)))
    assert (one(done).status, answer.state, dinas.taken()) == ("applied", "done", 3)


def test_a_restored_server_takes_the_orders_again_in_their_order(life: Life, dinas: Dinas, tmp_path: Path) -> None:
    """The office keeps its files: brought again they do again what the server has lost, and the rest is known already."""
    dinas.do(dinas.schools(("00000011", KEC)))
    life.server.close()
    shutil.copytree(life.folder / "pusat", tmp_path / "cadangan")
    from exchange.nodes import ServerNode

    life.server = ServerNode.open(life.folder / "pusat", clock=life.clock)
    dinas.do(dinas.schools(("00000012", KEC)))
    late = dinas.assign(("00000012", "KEPALA BARU"))
    life.server.close()
    shutil.rmtree(life.folder / "pusat")
    shutil.copytree(tmp_path / "cadangan", life.folder / "pusat")
    life.server = ServerNode.open(life.folder / "pusat", clock=life.clock)
    assert one(life.ingest(late)).code == "KF-332"
    statuses = {Path(r.file).name: r.status for r in life.ingest(dinas.home / "outbox").files if "SURAT" in r.file}
    assert sorted(statuses.values()) == ["applied", "applied", "duplicate"]
    assert dinas.taken() == 3


def test_a_revoked_office_orders_nothing_more(life: Life, dinas: Dinas) -> None:
    """What it has done stays; an order that waits or comes later is put aside. Certified again it begins where it stood."""
    dinas.do(dinas.schools(("00000011", KEC)))
    path = dinas.schools(("00000012", KEC))
    revoke(life.server, dinas.key)
    before = mark(life)
    result = one(life.ingest(path))
    assert (result.status, result.code) == ("quarantined", "KF-331")
    assert (mark(life), len(dinas.answers())) == (before, 1)
    assert life.server.store.school_by_npsn("00000011").npsn == "00000011"
    with pytest.raises(errors.DistrictUnknown):
        revoke(life.server, "0011223344556677")
    dinas.certify(KAB)
    assert one(life.ingest(path)).status == "applied"


# --- a certificate in another's place -------------------------------------------------------------


@pytest.mark.parametrize("kind", [PackageKind.BALASAN, PackageKind.KIRIM, PackageKind.JAWABAN])
def test_an_offices_key_signs_nothing_but_orders(life: Life, dinas: Dinas, kind: PackageKind) -> None:
    """Its certificate makes it neither a server nor a laptop, also where the certificate itself is trusted."""
    other = Dinas(life, "DINAS LAIN")
    other.certify(KAB, sealed=True)
    school = enrolled(life, "00000011", KEC)  # its prefill brings the certificate of the sealed office
    certificate = [signed for signed in school.node.signed("trusted") if signed.certificate.kind is KeyKind.DINAS]
    assert len(certificate) == 1
    receiver = {
        PackageKind.BALASAN: school.node.device.public,
        PackageKind.KIRIM: other.office.server(),
        PackageKind.JAWABAN: dinas.office.identity.public,
    }[kind]
    scope = {PackageKind.JAWABAN: str(dinas.office.grant["scope"])}.get(kind, school.scope)
    path = write_package(
        life.folder / "palsu", "x", kind=kind, scope=scope, number=1, sender=other.office.identity,
        receivers=[receiver], certificates=(), plaintext=[b"x"],
    )[0]  # fmt: skip
    before, have = mark(life), school.node.store.have
    if kind is PackageKind.KIRIM:
        assert one(life.ingest(path)).code == "KF-304"
    else:
        with pytest.raises(errors.SenderUnknown):
            school.apply(path) if kind is PackageKind.BALASAN else open_file(dinas.office, path)
    assert (mark(life), school.node.store.have) == (before, have)


def test_an_office_believes_no_other_root(life: Life, dinas: Dinas, tmp_path: Path) -> None:
    """A grant of somebody who plays the centre is refused: first without the fingerprint, later for ever."""
    (tmp_path / "palsu").mkdir()
    liar = Life(tmp_path / "palsu")
    with_regions(liar)
    fresh = Dinas(life, "DINAS KETIGA")
    granted = certify(liar.server, fresh.request, KAB)
    honest = certify(life.server, fresh.request, KAB)
    for given in ("", honest.root):
        with pytest.raises(errors.RootUnproven):
            open_file(fresh.office, granted.file, given)
        with pytest.raises(errors.NotCertified):
            order(fresh.office, Verb.REPORT)
    open_file(fresh.office, honest.file, honest.root)
    with pytest.raises(errors.RootUnproven):
        open_file(fresh.office, granted.file, granted.root)
    with pytest.raises(errors.RequestBad):  # another office's grant
        open_file(fresh.office, dinas.granted.file, dinas.granted.root)  # type: ignore[union-attr]
    liar.close()


@pytest.mark.parametrize("part", ["name", "verify", "seal", "signature", "form"])
def test_a_request_that_was_changed_is_not_certified(life: Life, tmp_path: Path, part: str) -> None:
    import json

    made = init_office(tmp_path / "kantor", "DINAS UJI")
    told = json.loads(made.file.read_text())
    told[part] = {"name": "DINAS LAIN", "form": 2}.get(part, "00" * (len(told[part]) // 2) if part != "form" else 2)
    made.file.write_text(json.dumps(told))
    with pytest.raises(errors.RequestBad):
        certify(life.server, made.file, KAB)
    assert districts(life.server) == []


@pytest.mark.parametrize("region", ["000000", "123456", ""])
def test_nobody_is_certified_for_the_country_or_for_nowhere(life: Life, tmp_path: Path, region: str) -> None:
    made = init_office(tmp_path / "kantor", "DINAS UJI")
    with pytest.raises(errors.RegionUnknown):
        certify(life.server, made.file, region)
    assert districts(life.server) == []


# --- regions within regions -----------------------------------------------------------------------


def test_a_kecamatan_lies_in_its_kabupaten_and_not_the_other_way(life: Life, dinas: Dinas) -> None:
    """Both offices order for the kecamatan's schools; the smaller one for no other."""
    small = Dinas(life, "DINAS KECAMATAN")
    small.certify(KEC)
    done, answer = small.do(small.order(Verb.SCHOOL, listed(("npsn", "name", "bentuk"), ("00000011", "SD CONTOH", "SD"))))
    assert (one(done).status, answer.state) == ("applied", "done")
    assert dinas.do(dinas.assign(("00000011", "KEPALA SATU")))[1].state == "done"
    assert small.do(small.assign(("00000011", "KEPALA DUA")))[1].state == "done"
    assert dinas.do(dinas.schools(("00000012", SECOND_KEC)))[1].state == "done"
    before = mark(life)[:3]
    done, answer = small.do(small.assign(("00000012", "KEPALA TIGA")))
    assert (one(done).code, mark(life)[:3]) == ("KF-157", before)
    _, told = small.do(small.order(Verb.REPORT))
    assert [school["npsn"] for school in told.result["schools"]] == ["00000011"]


def test_an_office_that_moves_to_another_region_has_that_one_alone(life: Life, dinas: Dinas) -> None:
    late = dinas.schools(("00000011", KEC))
    dinas.certify(OTHER_KAB)
    assert one(life.ingest(late)).code == "KF-331"
    assert dinas.do(dinas.schools(("00000012", KEC)))[1].state == "refused"
    assert dinas.do(dinas.schools(("00000021", OTHER_KEC)))[1].state == "done"
    assert [(one.region.strip(), one.state) for one in districts(life.server)] == [(KAB, "dicabut"), (OTHER_KAB, "aktif")]
    before = dinas.granted
    dinas.certify(KAB)
    assert dinas.do(dinas.schools(("00000012", KEC)))[1].state == "done"
    assert before is not None
    open_file(dinas.office, before.file)  # an older grant, opened late
    assert dinas.do(dinas.schools(("00000013", KEC)))[1].state == "done"


# --- sealed to the office as well -----------------------------------------------------------------


def receivers(path: Path) -> set[str]:
    """Return the key ids to which a file is sealed."""
    with path.open("rb") as file:
        header = inspect_package(file).header
    assert header is not None
    return {wrap.receiver.hex() for wrap in header.wraps}


def test_schools_seal_to_an_office_from_their_next_return_until_it_is_taken_back(life: Life, dinas: Dinas) -> None:
    """Granted and revoked by returns alone; schools elsewhere never hear of it."""
    here, there = enrolled(life, "00000011", KEC), enrolled(life, "00000021", OTHER_KEC)
    for school in (here, there):
        school.pupil()
        school.round_trip()
    plain = here.export()
    server = life.server.identity.key_id.hex()
    assert receivers(plain.file) == {server}
    assert dinas.certify(KAB, sealed=True).schools == 1
    written = write_returns(life.server, all_=True).written
    assert {one.npsn for one in written} >= {"00000011"}
    for school in (here, there):
        school.apply(life.answer(school).file)
    sealed = here.export()
    assert receivers(sealed.file) == {server, dinas.key}
    assert sealed.bytes - plain.bytes == 1_182
    assert receivers(there.export().file) == {server}
    assert one(life.ingest(sealed.file)).code == ""
    revoke(life.server, dinas.key)
    assert receivers(here.export().file) == {server, dinas.key}  # it has not heard of it yet
    here.apply(life.answer(here).file)
    assert receivers(here.export().file) == {server}


def test_the_offices_certificate_rides_until_the_school_has_it(life: Life, dinas: Dinas) -> None:
    """A lost return costs nothing, and a laptop that hears late is told late."""
    school = enrolled(life, "00000011", KEC)
    school.round_trip()
    dinas.certify(KAB, sealed=True)
    life.answer(school)  # lost on its way
    life.clock.now += 60
    school.pupil()
    assert school.round_trip().status == "applied"
    assert dinas.key in receivers(school.export().file)
    school.round_trip()
    school.round_trip()
    with life.answer(school).file.open("rb") as file:
        assert inspect_package(file).certificates == ()


def test_an_office_opens_and_lists_what_is_sealed_to_it(life: Life, dinas: Dinas) -> None:
    """It checks the sender by the centre's word, keeps the file sealed, and changes nothing by a repeat."""
    dinas.certify(KAB, sealed=True)
    school = enrolled(life, "00000011", KEC)
    school.pupil()
    path = school.export().file
    (seen,) = dinas.look(path)
    assert (seen.status, seen.error.code if seen.error else "") == ("refused", "KF-303")  # the centre has not told of its keys
    assert status(dinas.office)["packages"] == 0
    dinas.do(dinas.order(Verb.REPORT))
    (seen,) = dinas.look(path)
    assert (seen.status, seen.told["changes"]["peserta_didik"]["insert"]) == ("opened", 1)  # type: ignore[index]
    assert [one.status for one in dinas.look(path)] == ["known"]
    assert status(dinas.office)["packages"] == 1
    kept = list((dinas.home / "archive").rglob("*.kirim"))
    assert [file.read_bytes() for file in kept] == [path.read_bytes()]
    assert one(life.ingest(path)).status == "applied"


def test_an_office_opens_nothing_that_is_not_sealed_to_it(life: Life, dinas: Dinas) -> None:
    """Neither another region's package, nor one from before the grant, nor a return; its folder stays as it was."""
    dinas.certify(KAB, sealed=True)
    there = enrolled(life, "00000021", OTHER_KEC)
    there.pupil()
    sent = there.export().file
    life.ingest(sent)
    back = life.answer(there).file
    dinas.do(dinas.order(Verb.REPORT))
    assert [one.error.code if one.error else "" for one in dinas.look(sent, back)] == ["KF-302", "KF-301"]
    assert status(dinas.office)["packages"] == 0
    assert list((dinas.home / "archive").rglob("*.kirim")) == []


def test_two_offices_one_within_the_other_are_both_sealed_to(life: Life, dinas: Dinas) -> None:
    """Up to three; a fourth is refused, and then nothing of it stands."""
    dinas.certify(KAB, sealed=True)
    more = [Dinas(life, f"DINAS {name}") for name in ("SATU", "DUA", "TIGA")]
    school = enrolled(life, "00000011", KEC)
    more[0].certify(KEC, sealed=True)
    more[1].certify("990000", sealed=True)
    school.round_trip()
    before = mark(life)
    with pytest.raises(errors.SealedToMany):
        more[2].certify(KEC, sealed=True)
    assert mark(life) == before
    school.pupil()
    path = school.export().file
    assert receivers(path) == {life.server.identity.key_id.hex(), dinas.key, more[0].key, more[1].key}
    assert one(life.ingest(path)).status == "applied"


def test_a_renewed_server_key_leaves_the_offices_in_office(life: Life, dinas: Dinas) -> None:
    """The root raises its lowest serial; it certifies the offices anew, so schools and offices go on."""
    dinas.certify(KAB, sealed=True)
    school = enrolled(life, "00000011", KEC)
    school.round_trip()
    rotate(life.server, retire=True)
    school.pupil()
    assert school.round_trip().status == "applied"
    done, answer = dinas.do(dinas.change(("ptk", head_of(life, school), "niy_nigk", "1")))
    assert (one(done).status, answer.state) == ("applied", "done")
    assert receivers(dinas.order(Verb.REPORT)) == {life.server.identity.key_id.hex()}
    school.round_trip()
    school.pupil()
    path = school.export().file
    assert receivers(path) == {life.server.identity.key_id.hex(), dinas.key}
    assert one(life.ingest(path)).status == "applied"


def test_the_spare_root_certifies_an_office_that_schools_believe(life: Life) -> None:
    """The root is lost: the spare's own certificate goes before the office's."""
    school = enrolled(life, "00000011", KEC)
    school.round_trip()
    office = Dinas(life, "DINAS CADANGAN")
    made = certify(life.server, office.request, KAB, is_sealed=True, root=life.server.home / "kunci" / "akar-cadangan")
    open_file(office.office, made.file, made.root)
    school.apply(life.answer(school).file)
    school.pupil()
    assert office.key in receivers(school.export().file)


# --- evidence -------------------------------------------------------------------------------------


def test_orders_stand_in_the_ledger_and_a_rebuilt_server_goes_on_from_them(life: Life, dinas: Dinas, tmp_path: Path) -> None:
    """A rebuild from the archive has the offices, what they did and where their chains stand."""
    from exchange.evidence.givenkeys import read_public_keys, write_public_keys
    from exchange.evidence.rebuilding import rebuild
    from exchange.evidence.verifying import Verifier
    from exchange.nodes import ServerNode
    from exchange.schema import SCHEMA

    dinas.do(dinas.schools(("00000011", KEC)))
    dinas.do(dinas.schools(("00000021", OTHER_KEC)))
    names = [entry.decode() for entry in _acts(life)]
    assert [name for name in names if name.startswith(("order", "district"))] == ["district add", "order school", "order school"]
    write_public_keys(life.server, tmp_path / "kunci.json")
    life.server.mirror.catch_up()
    proof = Verifier(life.server.home / "archive", read_public_keys(tmp_path / "kunci.json"), SCHEMA).run()
    assert (proof.acts["order school"], proof.orders, proof.beside) == (2, 2, 0)
    before = mark(life)
    life.server.close()
    made = rebuild(life.folder / "pusat", tmp_path / "lagi", clock=life.clock)
    assert made.equal
    life.server = ServerNode.open(tmp_path / "lagi", clock=life.clock)
    assert mark(life) == before
    done = life.ingest(dinas.schools(("00000012", KEC)))
    assert one(done).status == "applied"


@pytest.mark.parametrize("what", ["altered", "of another office", "under another's name", "cut"])
def test_an_order_that_its_office_never_signed_is_found_from_public_keys_alone(
    life: Life, dinas: Dinas, tmp_path: Path, what: str
) -> None:
    """R29: who has the archive and the public keys sees that somebody put an order there, or changed one."""
    from exchange.evidence.givenkeys import read_public_keys, write_public_keys
    from exchange.evidence.verifying import Verifier
    from exchange.schema import SCHEMA

    dinas.do(dinas.schools(("00000011", KEC)))
    dinas.do(dinas.schools(("00000012", KEC)))
    write_public_keys(life.server, tmp_path / "kunci.json")
    life.server.mirror.catch_up()
    one_, two = sorted((life.server.home / "archive" / "surat").glob("*.kirim"))
    content = one_.read_bytes()
    if what == "altered":
        one_.write_bytes(content[:-100] + bytes([content[-100] ^ 1]) + content[-99:])
    elif what == "of another office":
        stranger = new_identity(KeyKind.DINAS)
        forged = sealed_order(dinas, stranger, 3, bytes(32))
        (one_.parent / f"{'ab' * 32}.kirim").write_bytes(forged.read_bytes())
    elif what == "under another's name":
        one_.write_bytes(two.read_bytes())
    else:
        one_.write_bytes(content[: len(content) // 2])
    with pytest.raises(errors.OrderFalse):
        Verifier(life.server.home / "archive", read_public_keys(tmp_path / "kunci.json"), SCHEMA).run()


def _acts(life: Life) -> list[bytes]:
    import msgpack

    found = life.server.store.db.execute("SELECT entry FROM kirim_entry WHERE kind = 2 ORDER BY seq")
    return [msgpack.unpackb(bytes(entry))[1] for (entry,) in found]


def test_a_chain_value_follows_the_order_itself() -> None:
    """Two orders of one number have two values, whatever seals them."""
    a, b = (encode_order(Order(1, bytes(32), 0, Verb.REPORT, label, b"")) for label in ("a", "b"))
    assert order_next(bytes(32), a) != order_next(bytes(32), b)


def test_an_offices_keys_are_for_its_owner_alone(dinas: Dinas) -> None:
    assert (dinas.home / "kunci").stat().st_mode & 0o077 == 0
    assert (dinas.home / "kunci" / "dinas").stat().st_mode & 0o077 == 0
    assert load_identity(dinas.home / "kunci" / "dinas").kind is KeyKind.DINAS
    assert (dinas.home / "dinas.json").stat().st_mode & 0o077 == 0
