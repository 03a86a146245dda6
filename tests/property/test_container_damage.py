"""Laws of damage: no changed, cut, padded or spliced file opens, and each kind of damage has its own code.

One small package of each suite is tried exhaustively; random bytes come besides.
"""

from __future__ import annotations

import hashlib
import io

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange import errors
from exchange.format import container
from exchange.format.certificate import Certificate, KeyKind, decode_certificate
from exchange.limits import CHUNK_BYTES
from exchange.records import PackageKind
from exchange.trust.certificates import anchor, issue
from exchange.trust.keys import Identity, identity_from_seed
from exchange.trust.opening import VerifiedPackage, inspect_package, open_package
from exchange.trust.sealing import seal

SCHOOL = "0f0c0000-0000-4000-8000-000000000001"


class Pair:
    """One school and one server with fixed keys."""

    def __init__(self, suite: int) -> None:
        self.server, self.device, self.head = (
            identity_from_seed(kind, hashlib.sha512(kind.name.encode()).digest(), suite)
            for kind in (KeyKind.PUSAT, KeyKind.PERANGKAT, KeyKind.KEPALA)
        )
        self.known = anchor(self.device.public, SCHOOL)
        self.rider = issue(self.device, KeyKind.PERANGKAT, self.other(suite).public, SCHOOL, 2)

    @staticmethod
    def other(suite: int) -> Identity:
        return identity_from_seed(KeyKind.PERANGKAT, bytes(64), suite)

    def find(self, scope: bytes, key_id: bytes) -> Certificate | None:
        return self.known if (scope, key_id) == (self.known.scope, self.known.key_id) else None

    def pack(self, plaintext: bytes, *, rider: bool = False) -> bytes:
        out = io.BytesIO()
        seal(
            kind=PackageKind.KIRIM, scope=SCHOOL, number=1, sender=self.device, receivers=[self.server.public],
            certificates=[self.rider] if rider else [], plaintext=[plaintext], out=out,
        )  # fmt: skip
        return out.getvalue()

    def open(self, data: bytes) -> VerifiedPackage:
        package = open_package(
            io.BytesIO(data),
            kinds=[PackageKind.KIRIM],
            find=self.find,
            identities={self.server.key_id: self.server},
        )
        assert isinstance(package, VerifiedPackage)
        return package


PAIRS = {suite: Pair(suite) for suite in (1, 2)}
PLAINTEXT = b"sedikit perubahan"
SMALL = {suite: pair.pack(PLAINTEXT) for suite, pair in PAIRS.items()}


def code_of(pair: Pair, data: bytes) -> str:
    """Return under which code a file is refused."""
    with pytest.raises(errors.ExchangeError) as caught:
        pair.open(data)
    assert str(caught.value).startswith(caught.value.code)
    return caught.value.code


def spans(data: bytes) -> tuple[int, int]:
    """Return where the signature and the body begin."""
    signature = 12 + container.split_frame(data[:12])
    return signature, signature + 64


def test_the_packages_tried_here_do_open():
    for suite, pair in PAIRS.items():
        with pair.open(SMALL[suite]) as package:
            assert package.body.read() == PLAINTEXT


@pytest.mark.parametrize("suite", [1, 2])
def test_every_flipped_bit_is_refused_under_the_code_of_where_it_is(suite):
    pair, data = PAIRS[suite], SMALL[suite]
    signature, body = spans(data)
    for bit in range(len(data) * 8):
        at = bit // 8
        changed = data[:at] + bytes([data[at] ^ 1 << bit % 8]) + data[at + 1 :]
        code = code_of(pair, changed)
        if at < 8:
            allowed = {"KF-201"}
        elif at == 8:
            allowed = {"KF-202", "KF-203"}
        elif at < 12:
            allowed = {"KF-203", "KF-204"}
        elif at < signature:
            # Types and lengths first, then whom it is for, who sent it, and whether he signed it.
            allowed = {"KF-202", "KF-203", "KF-301", "KF-302", "KF-304", "KF-305"}
        elif at < body:
            allowed = {"KF-305"}
        else:
            allowed = {"KF-206"}
        assert code in allowed, f"bit {bit % 8} of byte {at}: {code}"


def test_every_flipped_bit_of_a_header_with_a_certificate_is_refused():
    pair = PAIRS[1]
    data = pair.pack(PLAINTEXT, rider=True)
    signature, _ = spans(data)
    for bit in range(12 * 8, signature * 8):
        at = bit // 8
        changed = data[:at] + bytes([data[at] ^ 1 << bit % 8]) + data[at + 1 :]
        assert code_of(pair, changed) in {"KF-202", "KF-203", "KF-301", "KF-302", "KF-303", "KF-304", "KF-305"}


@pytest.mark.parametrize("suite", [1, 2])
def test_every_cut_is_told_as_one(suite):
    pair, data = PAIRS[suite], SMALL[suite]
    for length in range(len(data)):
        assert code_of(pair, data[:length]) == "KF-204"
        seen = inspect_package(io.BytesIO(data[:length]))
        assert not seen.whole


@pytest.mark.parametrize("suite", [1, 2])
def test_every_byte_left_out_or_doubled_is_refused(suite):
    pair, data = PAIRS[suite], SMALL[suite]
    _, body = spans(data)
    for at in range(len(data)):
        left_out = code_of(pair, data[:at] + data[at + 1 :])
        doubled = code_of(pair, data[: at + 1] + data[at:])
        if at >= body:
            assert (left_out, doubled) == ("KF-204", "KF-205")


@pytest.mark.parametrize("suite", [1, 2])
@pytest.mark.parametrize("padding", [b"\x00", b"\n", b"\x1a", bytes(4096), SMALL[1], SMALL[2]])
def test_whatever_follows_the_body_is_refused(suite, padding):
    assert code_of(PAIRS[suite], SMALL[suite] + padding) == "KF-205"


@pytest.mark.parametrize("padding", [b"\xef\xbb\xbf", b"\x00", b"MZ", SMALL[1][:12]])
def test_whatever_stands_before_the_magic_is_refused(padding):
    assert code_of(PAIRS[1], padding + SMALL[1]) in {"KF-201", "KF-203"}


@pytest.mark.parametrize("suite", [1, 2])
def test_parts_of_two_good_packages_never_make_a_third(suite):
    """Both are by one sender for one receiver, of one length: only the bindings tell them apart."""
    pair = PAIRS[suite]
    one, two = SMALL[suite], pair.pack(PLAINTEXT[::-1])
    signature, body = spans(one)
    assert spans(two) == (signature, body)
    assert len(one) == len(two)
    assert code_of(pair, one[:body] + two[body:]) == "KF-206"
    assert code_of(pair, one[:signature] + two[signature:]) == "KF-305"
    assert code_of(pair, one[:signature] + two[signature:body] + one[body:]) == "KF-305"
    assert code_of(pair, two[:signature] + one[signature:]) == "KF-305"
    differs = next(at for at in range(signature) if one[at] != two[at])
    for cut in range(differs + 1, signature):
        assert code_of(pair, one[:cut] + two[cut:]) == "KF-305"


def test_a_large_file_is_refused_like_a_small_one():
    """Beyond a megabyte a file is read in passes; the rules are the same."""
    pair = PAIRS[1]
    data = pair.pack(bytes(20 * CHUNK_BYTES))
    _, body = spans(data)
    for at in (body, body + CHUNK_BYTES + 16, len(data) - 17, len(data) - 1):
        assert code_of(pair, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]) == "KF-206"
    assert code_of(pair, data[:-1]) == "KF-204"
    assert code_of(pair, data[: -CHUNK_BYTES - 16]) == "KF-204"
    assert code_of(pair, data + b"\x00") == "KF-205"
    with pair.open(data) as package:
        assert package.body.read() == bytes(20 * CHUNK_BYTES)


@given(st.binary(max_size=300))
def test_random_bytes_are_refused_with_a_code(data):
    for start in (b"", container.MAGIC, container.MAGIC + b"\x01\x00\x00\x40"):
        assert code_of(PAIRS[1], start + data) in {"KF-201", "KF-202", "KF-203", "KF-204"}
        assert inspect_package(io.BytesIO(start + data)).error is not None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2**64 - 1) | st.binary(max_size=40) | st.text(max_size=5) | st.floats(),
    lambda inner: st.lists(inner, max_size=11) | st.dictionaries(st.integers(0, 9), inner, max_size=3),
    max_leaves=30,
)


@given(st.lists(VALUES, min_size=8, max_size=11))
def test_any_array_as_header_or_certificate_is_refused_with_a_code(fields):
    data = msgpack.packb(fields)
    with pytest.raises(errors.FileError):
        container.decode_header(data)
    with pytest.raises(errors.CertificateBad):
        decode_certificate(data)


@given(st.lists(st.integers(0, 2**64 - 1) | st.binary(max_size=300), max_size=16))
def test_one_value_has_one_encoding_and_comes_back_from_it(fields):
    assert container.unpack(container.pack(fields), "part") == fields


@given(st.binary(max_size=80))
def test_what_decodes_is_what_would_be_encoded(data):
    try:
        value = container.unpack(data, "part")
    except errors.HeaderBad:
        return
    assert container.pack(value) == data
