"""Every file that travels, as the program wrote it: no bit of it can be another, and wherever it ends early it is told as cut.

All bits, not a sample: a prefill (the file that comes with a code), a school's package and a return, the code itself, the key
files and a certificate. Each is opened as its reader opens it.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from exchange import errors
from exchange.format.certificate import Certificate, KeyKind
from exchange.format.container import split_frame
from exchange.records import PackageKind
from exchange.school.enrol import init_school
from exchange.trust.certificates import anchor, check, read
from exchange.trust.codes import code_identity, parse_code
from exchange.trust.keyfiles import Argon2Cost, load_identity, open_head_key, save_head_key
from exchange.trust.keys import Identity, new_identity
from exchange.trust.opening import VerifiedPackage, inspect_package, open_package
from tests.life import PASSPHRASE, Life

PARTS = 4
"""In which the bits of a file are tried, so that two processes can share them."""


@dataclass(frozen=True)
class Made:
    """A file and who reads it."""

    data: bytes
    kind: PackageKind
    identity: Identity
    trusted: dict[tuple[bytes, bytes], Certificate]

    def find(self, scope: bytes, key_id: bytes) -> Certificate | None:
        return self.trusted.get((scope, key_id))

    def open(self, data: bytes) -> VerifiedPackage:
        package = open_package(
            io.BytesIO(data), kinds={self.kind}, find=self.find, identities={self.identity.key_id: self.identity}
        )
        assert isinstance(package, VerifiedPackage)
        return package

    def code_of(self, data: bytes) -> str:
        """Return under which code a file is refused, and nothing but our own errors may refuse it."""
        try:
            self.open(data)
        except errors.ExchangeError as error:
            return error.code
        return "it opens"

    @property
    def body(self) -> int:
        """Offset of the body."""
        return 12 + split_frame(self.data[:12]) + 64


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    made = Life(tmp_path_factory.mktemp("bit"))
    made.school().pupil()
    yield made
    made.close()


@pytest.fixture(scope="module")
def code(life: Life) -> str:
    return next(life.folder.rglob("KODE-*.txt")).read_text().splitlines()[0]


@pytest.fixture(scope="module")
def files(life: Life, code: str) -> dict[str, Made]:
    school = life.schools[0]
    opener = code_identity(parse_code(code), school.scope)
    trusted = anchor(opener.public, school.scope)
    prefill = next(life.folder.rglob("PREFILL-*"))
    kirim = school.export().file
    life.ingest(kirim)
    balasan = life.answer(school).file
    server, node = life.server, school.node
    own = [signed.certificate for signed in node.signed("own")]
    theirs = [signed.certificate for signed in node.signed("trusted")]

    def by_name(*certificates: Certificate) -> dict[tuple[bytes, bytes], Certificate]:
        return {(one.scope, one.key_id): one for one in certificates}

    return {
        "prefill": Made(prefill.read_bytes(), PackageKind.PREFILL, opener, by_name(trusted)),
        # As the server knows a laptop after its first package; the head's certificate rides and is checked each time.
        "kirim": Made(kirim.read_bytes(), PackageKind.KIRIM, server.identity, by_name(trusted, *own[:1])),
        "balasan": Made(balasan.read_bytes(), PackageKind.BALASAN, node.device, by_name(*theirs)),
    }


KINDS = ("prefill", "kirim", "balasan")


@pytest.mark.parametrize("name", KINDS)
def test_the_files_tried_here_do_open(files, name):
    with files[name].open(files[name].data) as package:
        assert package.body.read()


def allowed(at: int, made: Made) -> set[str]:
    """Return the codes under which a changed byte may be refused, by where it stands."""
    if at < 8:
        return {"KF-201"}
    if at == 8:
        return {"KF-202", "KF-203"}
    if at < 12:
        return {"KF-203", "KF-204"}
    if at < made.body - 64:
        return {"KF-202", "KF-203", "KF-301", "KF-302", "KF-303", "KF-304", "KF-305"}
    return {"KF-305"} if at < made.body else {"KF-206"}


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", KINDS)
def test_every_flipped_bit_is_refused(files, name, part):
    made = files[name]
    data = bytearray(made.data)
    for bit in range(part, 8 * len(data), PARTS):
        at, mask = bit // 8, 1 << bit % 8
        data[at] ^= mask
        assert made.code_of(bytes(data)) in allowed(at, made), f"{name}: bit {bit % 8} of byte {at}"
        data[at] ^= mask


@pytest.mark.parametrize("name", KINDS)
def test_every_cut_is_told_under_one_code(files, name):
    made = files[name]
    assert Counter(made.code_of(made.data[:end]) for end in range(len(made.data))) == {"KF-204": len(made.data)}
    for end in range(len(made.data)):
        shown = inspect_package(io.BytesIO(made.data[:end]))
        assert (shown.whole, shown.error.code if shown.error else "") == (False, "KF-204")


# --- what stands beside: the code, keys at rest, a certificate --------------------------------------


def flips(data: bytes) -> Iterator[bytes]:
    for bit in range(8 * len(data)):
        yield data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]


def code_of(do: Callable[..., object], *given: object) -> str:
    try:
        do(*given)
    except errors.ExchangeError as error:
        return error.code
    return "it is taken"


def test_every_flipped_bit_of_a_code_makes_a_wrong_code_or_writes_the_same_one(life, code, tmp_path):
    """Capital letters and blanks for hyphens are the same code (docs/format.md 3.4); no other change opens the prefill."""
    right, same, home = parse_code(code), 0, tmp_path / "sekolah"
    prefill = next(life.folder.rglob("PREFILL-*"))
    for changed in flips(code.encode()):
        text = changed.decode("latin-1")
        if code_of(parse_code, text) == "it is taken" and parse_code(text) == right:
            same += 1
        else:
            assert code_of(init_school, home, prefill, text, PASSPHRASE) == "KF-105"
            assert not home.exists()
    assert same == sum(letter in "abcdef" for letter in code) + code.count("-")


def test_every_cut_of_a_code_is_a_wrong_code(code):
    assert {code_of(parse_code, code[:end]) for end in range(len(code))} == {"KF-105"}


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", ["pusat/kunci/pusat", "pusat/kunci/akar", "pusat/kunci/arsip", "laptop-1/kunci/perangkat"])
def test_every_flipped_bit_and_every_cut_of_a_key_file_is_told(life, name, tmp_path):
    data, path = (life.folder / name).read_bytes(), tmp_path / "kunci"
    for changed in (*flips(data), *(data[:end] for end in range(len(data)))):
        assert code_of(load_identity, written(path, changed)) == "KF-111"


def test_every_flipped_bit_and_every_cut_of_a_heads_key_is_told(tmp_path):
    """Behind the numbers that anybody may read, a changed file and a wrong passphrase cannot be told apart."""
    head, path = new_identity(KeyKind.KEPALA), tmp_path / "kepala"
    save_head_key(path, head, PASSPHRASE, cost=Argon2Cost(32, 1, 1))
    data = path.read_bytes()
    assert open_head_key(path, PASSPHRASE) == head
    for changed in flips(data):
        assert code_of(open_head_key, written(path, changed), PASSPHRASE) in {"KF-106", "KF-111"}
    for end in range(len(data)):
        assert code_of(open_head_key, written(path, data[:end]), PASSPHRASE) == "KF-111"


def accepted(body: bytes, signature: bytes, issuer: Certificate) -> Certificate:
    return check(read(body, signature), issuer)


def test_every_flipped_bit_and_every_cut_of_a_certificate_is_told(life, code):
    school = life.schools[0]
    opener = anchor(code_identity(parse_code(code), school.scope).public, school.scope)
    for signed in school.node.signed("own"):
        assert check(signed, opener) == signed.certificate
        for body in (*flips(signed.body), *(signed.body[:end] for end in range(len(signed.body)))):
            assert code_of(accepted, body, signed.signature, opener) == "KF-303"
        for signature in flips(signed.signature):
            assert code_of(accepted, signed.body, signature, opener) == "KF-303"
