"""Outside vectors of HKDF, AES-GCM, X25519, ML-KEM and HPKE, put to the functions of ``exchange.trust`` that rest on them.

Those functions fix what the primitives leave open: one label, a counter for a nonce, no associated data. What they say is
compared with a reference that has first given every vector's own answer.
"""

from __future__ import annotations

import io

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from exchange import errors
from exchange.trust import chunks, wraps
from exchange.trust.codes import code_identity
from tests.vectors.outside import reference
from tests.vectors.outside.reference import X25519, XWING, load, wycheproof

INFO = b"kirim/1 bungkus\0contoh"
SECRET = bytes(range(32))
CURVE_SEED = b"\x21" * 32
EXCHANGES = wycheproof("x25519")
LATTICE = wycheproof("mlkem_768")
SCOPE = "0f0c0000-0000-4000-8000-000000000001"


def raw(case: dict, name: str) -> bytes:
    return bytes.fromhex(case.get(name, ""))


# --- HKDF-SHA-256 ---------------------------------------------------------------------------------


@pytest.mark.parametrize("case", wycheproof("hkdf_sha256"), ids=lambda case: case["tcId"])
def test_file_keys_and_codes_grow_by_the_hkdf_of_the_vectors(case):
    ikm, salt = raw(case, "ikm"), raw(case, "salt")
    if case["result"] == "valid":
        grown = reference.expand(reference.extract(salt, ikm), raw(case, "info"), case["size"])
        assert grown == raw(case, "okm")
    else:
        with pytest.raises(ValueError, match="too long"):
            reference.expand(reference.extract(salt, ikm), raw(case, "info"), case["size"])
    both = reference.expand(reference.extract(b"", ikm), b"kirim/1 isi", 64)
    assert chunks.split_file_key(ikm) == (both[:32], both[32:])
    code = ikm.ljust(16, b"\0")[:16]
    scope = salt.ljust(16, b"\0")[:16]
    seeds = reference.expand(reference.extract(scope, code), b"kirim/1 kode", 64)
    identity = code_identity(code, scope)
    assert identity.sign_seed + identity.seal_seed == seeds


# --- AES-256-GCM ----------------------------------------------------------------------------------

FIRST_AND_LAST = bytes(11) + b"\1"


def opened(key: bytes, body: bytes) -> bytes:
    return b"".join(chunks.open_chunks(key, io.BytesIO(body), len(body)))


@pytest.mark.parametrize("case", wycheproof("aes_gcm"), ids=lambda case: case["tcId"])
def test_chunks_are_sealed_by_the_gcm_of_the_vectors_and_a_wrong_tag_opens_none(case):
    key, plain = raw(case, "key"), raw(case, "msg")
    told = raw(case, "ct") + raw(case, "tag")
    right = reference.gcm(key, raw(case, "iv"), plain, raw(case, "aad"))
    assert (right == told) is (case["result"] == "valid")
    ours = b"".join(chunks.seal_chunks(key, [plain]))
    assert ours == reference.gcm(key, FIRST_AND_LAST, plain)
    assert opened(key, ours) == plain
    if case["result"] == "invalid":
        # The fault that the vector has, in our own chunk.
        wrong = bytes(a ^ b ^ c for a, b, c in zip(ours, right, told, strict=True))
        with pytest.raises(errors.ChunkBad):
            opened(key, wrong)


# --- X25519 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", EXCHANGES, ids=lambda case: case["tcId"])
def test_a_wrap_opens_with_the_secret_of_the_vectors_and_never_without_one(case):
    """A point of low order gives nothing but zeros, whoever asks: neither is such a wrap opened, nor one sealed to it."""
    enc, exchanged = raw(case, "public"), raw(case, "shared")
    private, public = wraps.private_parts(1, raw(case, "private"))
    sealed = enc + reference.seal(X25519, reference.dh_secret(exchanged, enc, public), INFO, SECRET)
    if "ZeroSharedSecret" in case["flags"]:
        with pytest.raises(errors.WrapBad):
            wraps.unwrap(1, private, sealed, INFO)
        with pytest.raises(errors.CertificateBad):
            wraps.wrap(1, enc, SECRET, INFO)
    else:
        assert wraps.unwrap(1, private, sealed, INFO) == SECRET
    if exchanged.strip(b"\0"):
        with pytest.raises(errors.WrapBad):
            wraps.unwrap(1, private, sealed, INFO + b"\0")


# --- ML-KEM-768 -----------------------------------------------------------------------------------


def hybrid(seed: bytes) -> tuple[MLKEM768X25519PrivateKey, bytes]:
    """Return a hybrid key with the lattice half of a vector, and its public bytes; the curve's half is fixed."""
    lattice, curve = MLKEM768PrivateKey.from_seed_bytes(seed), X25519PrivateKey.from_private_bytes(CURVE_SEED)
    public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
    return MLKEM768X25519PrivateKey(lattice, curve), public


def hybrid_wrap(case: dict, public: bytes, secret: bytes) -> bytes:
    """Return a wrap whose lattice half is the vector's ciphertext."""
    sender = X25519PrivateKey.from_private_bytes(b"\x44" * 32)
    curve_enc, curve_public = sender.public_key().public_bytes_raw(), public[1184:]
    exchanged = sender.exchange(X25519PrivateKey.from_private_bytes(CURVE_SEED).public_key())
    shared = reference.xwing_secret(raw(case, "K"), exchanged, curve_enc, curve_public)
    return raw(case, "c") + curve_enc + reference.seal(XWING, shared, INFO, secret)


@pytest.mark.parametrize("case", [c for c in LATTICE if c["result"] == "valid"], ids=lambda case: case["tcId"])
def test_a_hybrid_wrap_opens_with_the_secret_of_the_vectors(case):
    """Ciphertexts at random and with a flipped bit give the secret of implicit rejection, which only the owner has."""
    private, public = hybrid(raw(case, "seed"))
    assert public.startswith(raw(case, "ek"))
    sealed = hybrid_wrap(case, public, SECRET)
    assert len(sealed) == 1168
    assert wraps.unwrap(2, private, sealed, INFO) == SECRET
    with pytest.raises(errors.WrapBad):
        wraps.unwrap(2, private, bytes([sealed[0] ^ 1]) + sealed[1:], INFO)


@pytest.mark.parametrize("case", [c for c in LATTICE if c["result"] == "invalid"], ids=lambda case: case["tcId"])
def test_lattice_bytes_of_a_wrong_length_open_nothing(case):
    if "ek" not in case:  # a seed of a wrong length; ours always grow to 64 bytes
        with pytest.raises(ValueError):  # noqa: PT011
            hybrid(raw(case, "seed"))
        return
    private, public = hybrid(raw(case, "seed"))
    with pytest.raises(errors.WrapBad):
        wraps.unwrap(2, private, hybrid_wrap(case, public, SECRET), INFO)


def test_a_lattice_key_with_a_coefficient_beyond_the_modulus_is_not_sealed_to():
    """FIPS 203, section 7.2: the check that a public key decodes to itself."""
    public = bytearray(wraps.private_parts(2, bytes(32))[1])
    public[:2] = b"\x01\xfd"  # 3,329 in the lowest twelve bits
    public[1] = public[1] & 0xF0 | 0x0D
    with pytest.raises(errors.CertificateBad):
        wraps.wrap(2, bytes(public), SECRET, INFO)


# --- HPKE -----------------------------------------------------------------------------------------


HPKE = load("hpke/rfc9180.json") + load("hpke/pq.json")


@pytest.mark.parametrize("case", HPKE, ids=lambda case: f"{case['kem_id']}-{case['aead_id']}")
def test_a_wrap_opens_under_the_key_and_secret_of_the_hpke_vectors(case):
    """The vectors bind data beside the message, which the format never does: key and nonce are theirs, the message is ours."""
    kem, info, enc = case["kem_id"], raw(case, "info"), raw(case, "enc")
    suite = 1 if kem == X25519 else 2
    private, public = wraps.private_parts(suite, raw(case, "skRm"))
    assert public == raw(case, "pkRm")
    if case["key"]:  # else an AEAD for export only, which has none
        key, nonce = reference.schedule(kem, case["aead_id"], raw(case, "shared_secret"), info)
        assert (key, nonce) == (raw(case, "key"), raw(case, "base_nonce"))
        if case["aead_id"] == reference.AES_256_GCM:
            first = case["encryptions"][0]
            assert reference.gcm(key, nonce, raw(first, "pt"), raw(first, "aad")) == raw(first, "ct")
    sealed = enc + reference.seal(kem, raw(case, "shared_secret"), info, SECRET)
    assert wraps.unwrap(suite, private, sealed, info) == SECRET
    assert wraps.unwrap(suite, private, wraps.wrap(suite, public, SECRET, info), info) == SECRET


def test_among_the_hpke_vectors_are_those_of_both_suites():
    assert {case["kem_id"] for case in HPKE} == {X25519, XWING}
    assert reference.AES_256_GCM in {case["aead_id"] for case in load("hpke/rfc9180.json")}
