"""A stranger's reader, made from the documents alone in another language, says of every package what ours says."""

from __future__ import annotations

import hashlib
import json
import random
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange.consent import CONSENT, CONSENT_VERSION
from exchange.format.body import Item, write_body
from exchange.format.certificate import KeyKind, decode_certificate
from exchange.format.changeset import encode_changeset
from exchange.nodes import KEYS
from exchange.packager import Exported
from exchange.records import Block, ChangesetHead, Manifest, Op, PackageKind, Position
from exchange.schema.ids import derive_id
from exchange.trust.certificates import anchor
from exchange.trust.codes import code_identity, parse_code
from exchange.trust.keyfiles import save_identity
from exchange.trust.keys import Identity, identity_from_seed
from tests.flow.test_recovery import Backups, behind
from tests.flow.told import block, crafted, registered, with_open_keys
from tests.fuzz.damage import damaged, reshaped
from tests.life import Life, Sekolah
from tests.property.test_changeset_roundtrip import blocks, derived_blocks
from tests.reader import made, odd_blocks, odd_contents, odd_headers, ours, stranger
from tests.reader.made import ANSWER, HEAD, MANIFEST, SCOPE, Case, frame, item, plaintext, with_block
from tests.reader.stranger import Home
from tests.vectors import make_package as second_writer

VECTORS = Path(__file__).parents[1] / "vectors"
STORED = json.loads((VECTORS / "packages.json").read_text())
BODIES = json.loads((VECTORS / "bodies.json").read_text())
Said = Mapping[str, Any]


def verdict(said: Said) -> str:
    """Return the code under which a file is refused, or ``open``."""
    return str(said.get("error", "open"))


# --- whole files of others ------------------------------------------------------------------------------


def test_it_takes_and_refuses_the_golden_files_of_the_page(tmp_path):
    server = tmp_path / "pusat"
    save_identity(server, identity("server"))
    code = {"code": STORED["code"], "scope": STORED["school"], "kind": 6}
    laptop = made.told(identity("device"), bytes.fromhex(STORED["school"]))
    homes = {
        "server": Home(kinds=[2], keys=[server], codes=[code], anchors=[laptop]),
        "code": Home(kinds=[1], codes=[code]),
    }
    for reader, home in homes.items():
        cases = [case for case in STORED["cases"] if case["reader"] == reader]
        said = stranger.read_bytes(home, tmp_path, [bytes.fromhex(case["file"]) for case in cases])
        # What those files hold is ten letters, or nothing: a plaintext, but no manifest.
        found = ["open" if one.get("fileKey") == STORED["file_key"] else one["error"] for one in said]
        assert found == [case["expect"] for case in cases]


def identity(name: str) -> Identity:
    key = STORED["keys"][name]
    return identity_from_seed(KeyKind(key["kind"]), bytes.fromhex(key["seed"]), key["suite"])


# --- real packages --------------------------------------------------------------------------------------


class Overheard:
    """Every package of a story, with what the right reader of ours said of it when it came.

    The second reader is strict: it refuses what no writer should write.
    """

    def __init__(self, life: Life, folder: Path) -> None:
        self.life, self.folder = life, folder
        self.said: list[Said] = []

    def sent(self, school: Sekolah) -> Exported:
        """Export, and put the package before both readers of the server."""
        exported = school.export()
        data = exported.file.read_bytes()
        self._compare(server_home(self.life), data, ours.at_server(self.life.server, data))
        return exported

    def answered(self, school: Sekolah) -> Path:
        """Write a return, and put it before both readers of the laptop."""
        path = self.life.answer(school).file
        data = path.read_bytes()
        self._compare(school_home(school), data, ours.at_school(school.node, data))
        return path

    def round_trip(self, school: Sekolah) -> None:
        """Take both ways once."""
        self.life.ingest(self.sent(school).file)
        school.apply(self.answered(school))

    def _compare(self, home: Home, data: bytes, mine: Said) -> None:
        [theirs] = stranger.read_bytes(home, self.folder, [data], strict=True)
        assert theirs == mine
        assert verdict(mine) == "open"
        assert all(receipt["signed"] for receipt in mine["manifest"]["receipts"])
        self.said.append(mine)

    def seen(self, what: str) -> bool:
        """Whether some package held such a thing."""
        return any(one[what] for one in self.said)

    def causes(self) -> set[str]:
        """Return why values were what they were, over all packages."""
        return {b["cause"] for one in self.said for changes in one["changesets"] for b in changes["blocks"]}

    def kinds(self) -> set[str]:
        """Return whose changesets travelled."""
        return {changes["of"] for one in self.said for changes in one["changesets"]}


@pytest.fixture
def overheard(life: Life, tmp_path: Path) -> Overheard:
    with_open_keys(life)
    folder = tmp_path / "pembaca"
    folder.mkdir()
    return Overheard(life, folder)


def server_home(life: Life) -> Home:
    """What the server's reader is given."""
    db = life.server.store.db
    anchors = [
        {
            "kind": int(KeyKind[purpose]),
            "suite": 2,
            "scope": uuid.UUID(scope).hex,
            "verify": bytes(public)[:32].hex(),
            "seal": bytes(public)[32:].hex(),
            "subject": bytes(subject or b"").hex(),
        }
        for scope, purpose, public, subject in db.execute("SELECT scope, purpose, public, subject FROM kirim_code")
    ]
    known = db.execute("SELECT body, signature FROM kirim_key WHERE state <> 'ditahan'")
    certificates = [(bytes(body).hex(), bytes(signature).hex()) for body, signature in known]
    return Home(kinds=[2], keys=[life.server.home / KEYS / "pusat"], anchors=anchors, certificates=certificates)


def school_home(school: Sekolah) -> Home:
    """What a laptop's reader is given."""
    keys = [path for name in ("perangkat", "kode") if (path := school.home / KEYS / name).exists()]
    trusted = [(one.body.hex(), one.signature.hex()) for one in school.node.signed("trusted")]
    return Home(kinds=[3], keys=keys, certificates=trusted)


def test_every_field_and_value_of_a_year_reads_alike(life: Life, school: Sekolah, other: Sekolah, overheard: Overheard):
    """The first package with its certificates, many rows, conflicts, refused and verified values, KIP, odd values, deletes."""
    pupils = [school.pupil(f"SISWA {n}", tanggal_lahir=f"2016-05-{n + 1:02}", rt=n, lintang="-6.25") for n in range(12)]
    for one in pupils[:9]:
        registered(school, one)
    overheard.round_trip(school)
    assert len(overheard.said[0]["header"]["certificates"]) == 2
    school.edit("peserta_didik", pupils[0], nama="SITI AMINAH", tempat_lahir="Kampung Baru")
    school.edit("peserta_didik", pupils[1], alamat_jalan="Jl. Melati No. 3")
    life.change("dinas", [("peserta_didik", pupils[1], "alamat_jalan", "Jl. Mawar No. 4")])
    life.change("verval", [("peserta_didik", pupils[0], "nama", "SITI AMINAH BINTI")], verified=True)
    life.kip([(pupils[2], "B12345")])
    overheard.round_trip(school)
    odd = ["3 Mei 2016", 7, 1.5, b"\x00\xff", None, "", "🎒", "007", "9" * 20]
    columns = ("nama", "nik", "tanggal_lahir", "rt", "lintang")
    crafted(school, block("peserta_didik", Op.UPDATE, columns, *([pupil, *[value] * 5] for pupil, value in zip(pupils, odd))),
            block("peserta_didik", Op.UPDATE, ("nama",), [pupils[3], "SITI AMINAH"]))  # fmt: skip
    school.sql("DELETE FROM registrasi_peserta_didik WHERE peserta_didik_id = ?", pupils[4])
    overheard.round_trip(school)
    overheard.round_trip(school)
    overheard.round_trip(other)
    assert {"SEKOLAH", "VERVAL", "KIP", "KOREKSI"} <= overheard.causes()
    outcomes = [line["outcome"] for one in overheard.said for told in one["outcomes"] for line in told["lines"]]
    assert {3, 4} <= set(outcomes), "lines of conflicts and of refused values"


def test_what_heals_a_restored_side_reads_alike(life: Life, school: Sekolah, overheard: Overheard):
    """A laptop's other branch, returns given back to the server, row hashes and rows asked for."""
    backups, pupil = Backups(life), str(school.sql("SELECT peserta_didik_id FROM peserta_didik")[0][0])
    registered(school, pupil)
    overheard.round_trip(school)
    old_laptop = backups.laptop(school)
    school.edit("peserta_didik", pupil, alamat_jalan="Sesudah cadangan")
    overheard.round_trip(school)
    backups.restore_laptop(school, old_laptop)
    school.edit("peserta_didik", pupil, rt=3)
    for _ in range(2):
        overheard.round_trip(school)
    old_server = backups.server()
    life.kip([(pupil, "B12345")])
    overheard.round_trip(school)
    backups.restore_server(old_server)
    school.edit("peserta_didik", pupil, rt=7)
    for _ in range(3):
        overheard.round_trip(school)
    assert overheard.seen("given")
    behind(life, school, "a value at the school", pupil)
    for _ in range(2):
        overheard.round_trip(school)
    assert overheard.seen("hashes")
    assert overheard.seen("wanted")
    assert overheard.kinds() == {"own", "reference", "branch"}


def test_the_chain_and_what_the_head_approved_follow_from_the_page(life: Life, school: Sekolah, tmp_path: Path):
    """Receipts name the chain value that the stranger works out, and the head's signature is over what he counts."""
    with_open_keys(life)
    consents = {CONSENT_VERSION: hashlib.sha256(CONSENT.encode()).hexdigest()}
    chain, pupil = "", school.pupil("SITI AMINAH")
    for email in ("satu@contoh.id", "dua@contoh.id"):
        school.edit("peserta_didik", pupil, email=email)
        package = school.export().file
        home = replace(server_home(life), consents=consents, chain=chain)
        [theirs] = stranger.read_bytes(home, tmp_path, [package.read_bytes()], strict=True)
        assert theirs["approved"]
        [unapproved] = stranger.read_bytes(replace(home, consents={CONSENT_VERSION: "00" * 32}), tmp_path, [package.read_bytes()])
        assert not unapproved["approved"]
        life.ingest(package)
        answer = life.answer(school).file
        [receipt] = ours.at_school(school.node, answer.read_bytes())["manifest"]["receipts"]
        assert receipt["chain"] == theirs["chain"]
        school.apply(answer)
        chain = theirs["chain"]


def test_a_prefill_reads_alike_with_the_code_alone(life: Life, tmp_path: Path):
    added = life.school("00000003").life.schools[-1]
    scope = uuid.UUID(added.scope).bytes
    code_file, prefill = (next((life.folder / "pusat").rglob(f"*00000003*{end}")) for end in (".txt", ".kirim"))
    code = parse_code(code_file.read_text().splitlines()[0])
    grown = code_identity(code, scope)
    [theirs] = stranger.read_bytes(
        Home(kinds=[1], codes=[{"code": code.hex(), "scope": scope.hex(), "kind": 6}]), tmp_path, [prefill.read_bytes()], strict=True
    )
    known = anchor(grown.public, scope)
    mine = ours.read(
        prefill.read_bytes(), {PackageKind.PREFILL},
        lambda place, key_id: known if (place, key_id) == (scope, grown.key_id) else None, {grown.key_id: grown},
    )  # fmt: skip
    assert theirs == mine
    assert verdict(mine) == "open"
    assert mine["changesets"]


# --- whatever a store holds -------------------------------------------------------------------------------


def drawn(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """Return examples, so that one run of the second reader judges all of them."""
    found: list[Any] = []

    @settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def draw(one: Any) -> None:
        found.append(one)

    draw()
    return found


def changeset_parts(found: Sequence[Block]) -> list[bytes]:
    return list(encode_changeset(made.SCHEMA, SCOPE, ChangesetHead(2, Position(12, b"pangkal8")), found))


def test_whatever_a_store_holds_reads_alike_and_is_written_in_one_form(tmp_path):
    manifest = Manifest(1, "1.0.0", 1_793_000_000, Position(12, b"pangkal8"), Position(1, b"sebelum8"), 2)
    examples = drawn(st.lists(st.one_of(derived_blocks(), blocks()), max_size=4), 150)
    texts = []
    for found in examples:
        items = [(Item.BLOCK if n else Item.HEAD, part) for n, part in enumerate(changeset_parts(found))]
        texts.append(b"".join(write_body(manifest, items)))
    for theirs, mine in made.read_both(texts, tmp_path, strict=True):
        assert theirs == mine
        assert verdict(mine) == "open"


# --- damaged and hostile files ----------------------------------------------------------------------------


def judged(cases: Iterable[Case], pairs: Iterable[tuple[Said, Said]], opened: str = "open") -> None:
    """Compare every verdict with the expected one, and everything that was read."""
    wrong = {}
    for (name, code, _), (theirs, mine) in zip(cases, pairs, strict=True):
        found = [opened if opened == "read" and "fileKey" in said else verdict(said) for said in (theirs, mine)]
        if found != [code, code] or theirs != mine:
            wrong[name] = (code, *found)
    assert wrong == {}


@pytest.mark.parametrize(
    ("cases", "wrapped", "kind"),
    [
        (odd_blocks.cases, with_block, PackageKind.KIRIM),
        (odd_contents.schools, bytes, PackageKind.KIRIM),
        (odd_contents.servers, bytes, PackageKind.BALASAN),
        (odd_contents.prefills, bytes, PackageKind.PREFILL),
    ],
    ids=["blocks", "schools", "servers", "prefills"],
)
def test_what_no_writer_writes_is_judged_alike(
    cases: Callable[[], Iterable[Case]], wrapped: Callable[[bytes], bytes], kind: PackageKind, tmp_path: Path
):
    given_cases = list(cases())
    judged(given_cases, made.read_both([wrapped(data) for _, _, data in given_cases], tmp_path, kind))


class Holder:
    """A holder of keys of the golden files, with whom he trusts."""

    def __init__(
        self, me: str, kind: PackageKind, codes: Sequence[tuple[second_writer.Keys, bytes]], known: Sequence[Sequence[bytes]]
    ) -> None:
        self.me, self.kind = identity(me), kind
        school = second_writer.SCHOOL
        grown = [(identity_from_seed(KeyKind(key.kind), key.seed, key.suite), subject) for key, subject in codes]
        self._told = [made.told(one, school, subject) for one, subject in grown]
        self._known = [(body.hex(), signature.hex()) for body, signature in known]
        self._trusted = [anchor(one.public, school, subject) for one, subject in grown]
        self._trusted += [decode_certificate(body) for body, _ in known]

    def read_both(self, files: Sequence[bytes], folder: Path) -> list[tuple[Said, Said]]:
        """Return what both readers say of each file."""
        key = folder / "kunci"
        save_identity(key, self.me)
        home = Home(kinds=[int(self.kind)], keys=[key], anchors=self._told, certificates=self._known)
        theirs = stranger.read_bytes(home, folder, files)
        return [(one, ours.read(data, {self.kind}, self._find, {self.me.key_id: self.me})) for one, data in zip(theirs, files)]

    def _find(self, scope: bytes, key_id: bytes) -> Any:
        return next((one for one in self._trusted if (one.scope, one.key_id) == (scope, key_id)), None)


CODES = [(second_writer.CODE_KEYS, b""), (odd_headers.HEAD_CODE, second_writer.ASSIGNMENT)]


@pytest.fixture
def the_server() -> Holder:
    """A server with two codes of a school and its laptop's certificate."""
    return Holder("server", PackageKind.KIRIM, CODES, [odd_headers.KNOWN])


@pytest.mark.parametrize("cases", [odd_headers.headers, odd_headers.school_certificates, odd_headers.unsound_keys])
def test_headers_and_certificates_are_judged_alike(cases: Callable[[], Iterable[Case]], the_server: Holder, tmp_path: Path):
    given_cases = list(cases())
    judged(given_cases, the_server.read_both([data for _, _, data in given_cases], tmp_path), "read")


def test_headers_and_certificates_of_returns_are_judged_alike(tmp_path):
    laptop = Holder("device", PackageKind.BALASAN, [], [odd_headers.ROOT_KNOWN, odd_headers.SERVER_KNOWN])
    given_cases = list(odd_headers.returns())
    judged(given_cases, laptop.read_both([data for _, _, data in given_cases], tmp_path), "read")


def test_one_bit_anywhere_or_a_cut_anywhere_is_refused_alike(the_server: Holder, tmp_path: Path):
    chain = [odd_headers.KNOWN, odd_headers.certificate(second_writer.CODE_KEYS, second_writer.HEAD)]
    whole, chance = second_writer.package(certificates=chain), random.Random(7)
    files = [whole[:at] for at in range(0, len(whole), 3)]
    for at in range(len(whole)):
        files.append(whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(8)]) + whole[at + 1 :])
    for theirs, mine in the_server.read_both(files, tmp_path):
        assert theirs == mine
        assert "fileKey" not in mine


def test_a_real_package_is_refused_by_others_and_under_another_signature(life: Life, school: Sekolah, other: Sekolah, tmp_path: Path):
    with_open_keys(life)
    data = school.export().file.read_bytes()
    header = 12 + int.from_bytes(data[9:12], "big")
    signed_by_another = data[:header] + other.node.device.sign(b"kirim/1 header\x00" + data[:header]) + data[header + 64 :]
    files = [data, data[:-1], data + b"\x00", signed_by_another]
    said = stranger.read_bytes(server_home(life), tmp_path, files)
    assert [verdict(one) for one in said] == ["open", "KF-204", "KF-205", "KF-305"]
    assert said == [ours.at_server(life.server, one) for one in files]
    life.ingest(other.export().file)
    answer = life.answer(other).file.read_bytes()
    assert verdict(ours.at_school(school.node, answer)) == "KF-302"
    [theirs] = stranger.read_bytes(school_home(school), tmp_path, [answer])
    assert verdict(theirs) == "KF-302"


def damage(seeds: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    return st.one_of(damaged(seeds), reshaped(seeds))


def test_damaged_blocks_contents_and_frames_are_judged_alike(tmp_path):
    """Signed and sealed again after the damage, so that it reaches what stands behind the seal."""
    changesets = [[bytes.fromhex(part) for part in parts] for parts in BODIES["changesets"].values()]
    changesets += [changeset_parts(found) for found in drawn(st.lists(blocks(st.integers(1, 12)), min_size=1, max_size=2), 20)]
    contents = [item(1, parts[0]) + b"".join(item(2, part) for part in parts[1:]) for parts in changesets]
    frames = [frame(content, write_checksum=bool(n % 2)) for n, content in enumerate(contents[:8])]
    parts = [part for some in changesets for part in some[1:]]
    texts = [with_block(data) for data in drawn(damage(parts), 200)]
    texts += [plaintext(MANIFEST, frame(data)) for data in drawn(damaged(contents), 200)]
    texts += [plaintext(MANIFEST, data) for data in drawn(damaged(frames), 150)]
    for text, (theirs, mine) in zip(texts, made.read_both(texts, tmp_path)):
        assert alike(theirs, mine), text.hex()


def test_damaged_returns_are_judged_alike(tmp_path):
    changes = item(1, HEAD) + b"".join(item(2, bytes.fromhex(part)) for part in BODIES["changesets"]["page"][1:])
    branch = item(8, HEAD) + item(5, b"\x00\x28" + b"h" * 32) + item(4, HEAD) + changes
    manifest = [*MANIFEST, None, None, ANSWER]
    texts = [plaintext(manifest, frame(data)) for data in drawn(damaged([changes, branch]), 150)]
    for text, (theirs, mine) in zip(texts, made.read_both(texts, tmp_path, PackageKind.BALASAN)):
        assert alike(theirs, mine), text.hex()


def alike(theirs: Said, mine: Said) -> bool:
    """Whether both say the same. Of several faults behind the manifest each may find another one first."""
    if theirs == mine:
        return True
    either = {"KF-207", "KF-208"}
    return {verdict(theirs), verdict(mine)} <= either and theirs["packageId"] == mine["packageId"]


def test_an_item_that_claims_much_is_refused_before_it_is_unpacked(tmp_path):
    """What a few packed bytes may become is bounded for both."""
    bomb = zstandard.ZstdCompressor(level=19).compress(item(7, bytes(16 * 2**20 - 10)) * 20)
    assert len(bomb) < 64 * 1024
    [(theirs, mine)] = made.read_both([plaintext([*MANIFEST[:5], 1, *MANIFEST[6:]], bomb)], tmp_path)
    assert verdict(theirs) == verdict(mine) == "KF-207"


def test_the_ids_that_follow_from_a_natural_key_are_the_same(life: Life, school: Sekolah, overheard: Overheard):
    pupils = [school.pupil(f"SISWA {n}") for n in range(3)]
    for one in pupils:
        registered(school, one)
    overheard.sent(school)
    [rows] = [b["rows"] for changes in overheard.said[0]["changesets"] for b in changes["blocks"] if b["table"].startswith("registrasi")]
    assert {row[0] for row in rows} == {str(derive_id("registrasi_peserta_didik", one, school.scope, "1")) for one in pupils}


def test_its_lock_names_a_hash_of_every_package_and_no_registry():
    packages = json.loads((stranger.HERE / "package-lock.json").read_text())["packages"]
    assert all("integrity" in one for name, one in packages.items() if name)
    assert not any("resolved" in one for one in packages.values())
