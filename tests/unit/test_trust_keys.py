"""Identities, key ids, sound and unsound public keys."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from trust_world import World, made

from exchange import errors
from exchange.format.certificate import KeyKind
from exchange.trust import wraps
from exchange.trust.keys import (
    Identity,
    check_signature,
    fingerprint,
    identity_from_seed,
    is_sound,
    new_identity,
    public_of,
)

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P


def add(one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int]:
    """Add two points of edwards25519 by the textbook."""
    (x1, y1), (x2, y2) = one, two
    k = D * x1 * x2 * y1 * y2 % P
    return (x1 * y2 + x2 * y1) * pow(1 + k, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - k, -1, P) % P


def x_of(y: int) -> int | None:
    """Return an x for a y, if the point is on the curve."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    root = pow(square, (P + 3) // 8, P)
    for candidate in (root, root * pow(2, (P - 1) // 4, P) % P):
        if candidate * candidate % P == square:
            return candidate
    return None


def torsion() -> set[tuple[int, int]]:
    """Return the points of small order: multiples of an eighth of everything."""
    order = 2**252 + 27742317777372353535851937790883648493
    found: set[tuple[int, int]] = set()
    y = 2
    while len(found) < 8:
        y += 1
        x = x_of(y)
        if x is None:
            continue
        small, power, left = (0, 1), (x, y), order
        while left:
            small = add(small, power) if left & 1 else small
            power, left = add(power, power), left >> 1
        multiple = small
        for _ in range(8):
            found.add(multiple)
            multiple = add(multiple, small)
    return found


def encodings(point: tuple[int, int]) -> list[bytes]:
    """Return every 32 bytes that some library might read as a point."""
    x, y = point
    found = []
    for form in (y, y + P):
        if form < 2**255:
            found += [(form | sign << 255).to_bytes(32, "little") for sign in (x & 1, 1 - (x & 1))]
    return found


def test_every_point_of_small_order_is_unsound_in_every_encoding():
    points = torsion()
    assert len(points) == 8
    for point in points:
        assert add(add(add(point, point), add(point, point)), add(add(point, point), add(point, point))) == (0, 1)
        for encoded in encodings(point):
            assert not is_sound(encoded), encoded.hex()


@pytest.mark.parametrize("above", range(19))
def test_every_encoding_of_a_number_above_the_field_is_unsound(above):
    for sign in (0, 1 << 255):
        assert not is_sound((P + above | sign).to_bytes(32, "little"))


def test_bytes_that_are_no_point_are_unsound():
    off_curve = [y for y in range(2, 60) if x_of(y) is None]
    assert len(off_curve) > 10
    assert not any(is_sound(y.to_bytes(32, "little")) for y in off_curve)
    assert not is_sound(b"short")


def test_real_keys_are_sound():
    assert all(is_sound(made(str(n), KeyKind.KEPALA).public.verify_key) for n in range(50))


def test_the_library_accepts_one_signature_for_every_message_under_the_identity_point():
    """Why keys are looked at before they are certified: with this one nothing can be told apart."""
    identity = b"\x01" + bytes(31)
    one_for_all = identity + bytes(32)
    for message in (b"kirim", b"balasan"):
        Ed25519PublicKey.from_public_bytes(identity).verify(one_for_all, message)
    assert not is_sound(identity)


@pytest.mark.parametrize(
    ("seed", "public_sha256"),
    [
        (
            "3ec47fa82dd5689d27c6190e724c74ec8f608df3331ce331929e37b829676630",
            "ad8aaf3f00d8a39bfeec2947a7d5dde68be08bba19bd301a348a45dc5fcc8341",
        ),
        (
            "8f908710ee25a3aa6fd3ed80eb5bf102963547bf4fe36d86f772432ac383e6e9",
            "404a519065c5818eaf431ba78a961e2c59919cc8b2bce92c6b76e438dcc345bd",
        ),
    ],
)
def test_a_hybrid_key_grows_from_its_seed_as_the_hpke_draft_says(seed, public_sha256):
    """Seeds and public keys of code point 0x647a from draft-ietf-hpke-pq's own vectors, as pyca/cryptography ships them."""
    public = wraps.private_parts(2, bytes.fromhex(seed))[1]
    assert hashlib.sha256(public).hexdigest() == public_sha256


@pytest.mark.parametrize("suite", [1, 2])
def test_a_wrap_opens_with_its_key_and_its_info_only(suite):
    one, two = made("satu", KeyKind.PUSAT, suite), made("dua", KeyKind.PUSAT, suite)
    sealed = wraps.wrap(suite, one.public.seal_key, b"F" * 32, b"info")
    assert len(sealed) == {1: 80, 2: 1168}[suite]
    assert one.unwrap(sealed, b"info") == b"F" * 32
    for wrong in (
        lambda: two.unwrap(sealed, b"info"),
        lambda: one.unwrap(sealed, b"other"),
        lambda: one.unwrap(sealed[:-1], b"info"),
        lambda: one.unwrap(b"", b"info"),
        lambda: made("kepala", KeyKind.KEPALA).unwrap(sealed, b"info"),
    ):
        with pytest.raises(errors.WrapBad):
            wrong()


@pytest.mark.parametrize(
    ("suite", "seal_key"),
    [(1, bytes(32)), (1, b"\x01" + bytes(31)), (2, b"\xff" * 1216), (2, b"\xff" * 1184 + b"\x09" + bytes(31))],
)
def test_nothing_is_sealed_to_a_key_that_is_none(suite, seal_key):
    with pytest.raises(errors.CertificateBad):
        wraps.wrap(suite, seal_key, bytes(32), b"")


def test_private_keys_never_stand_in_a_text():
    identity = made("rahasia", KeyKind.PUSAT)
    for text in (repr(identity), str(identity), repr(identity.public)):
        for secret in (identity.sign_seed, identity.seal_seed):
            assert secret.hex() not in text
            assert repr(secret) not in text


def test_new_keys_differ_and_are_owned_by_the_randomness_given():
    assert new_identity(KeyKind.PUSAT) != new_identity(KeyKind.PUSAT)
    assert new_identity(KeyKind.PUSAT, random=lambda n: b"a" * n) == identity_from_seed(KeyKind.PUSAT, b"a" * 64)


def test_a_head_and_a_key_made_so_receive_nothing():
    assert new_identity(KeyKind.KEPALA).public.seal_key == b""
    assert new_identity(KeyKind.DINAS, seal=False).public.seal_key == b""


@pytest.mark.parametrize(("seed", "suite"), [(bytes(63), 1), (bytes(65), 2), (bytes(64), 3), (bytes(64), 0)])
def test_keys_grow_from_64_bytes_in_a_known_suite_only(seed, suite):
    with pytest.raises(ValueError, match="64 bytes"):
        identity_from_seed(KeyKind.PUSAT, seed, suite)


def test_the_same_keys_for_two_uses_have_two_ids_and_two_fingerprints():
    seed = bytes(range(64))
    one, two = (identity_from_seed(kind, seed, 1) for kind in (KeyKind.KODE_PERANGKAT, KeyKind.KODE_KEPALA))
    assert one.public.verify_key == two.public.verify_key
    assert one.key_id != two.key_id
    assert fingerprint(one.public) != fingerprint(two.public)
    assert len(fingerprint(one.public)) == 19


def test_a_receiving_half_opens_and_cannot_sign():
    whole = made("kode", KeyKind.KODE_PERANGKAT)
    half = whole.receiving_half()
    assert half.key_id == whole.key_id
    assert half.receiving_half() == half
    assert half.unwrap(wraps.wrap(1, whole.public.seal_key, b"F" * 32, b""), b"") == b"F" * 32
    with pytest.raises(ValueError, match="32 bytes"):
        half.sign(b"kirim/1 apa saja\x00")


def test_a_signature_holds_for_its_message_and_key_only():
    one, two = made("satu", KeyKind.PUSAT), made("dua", KeyKind.PUSAT)
    signature = one.sign(b"pesan")
    check_signature(one.public.verify_key, signature, b"pesan", errors.SignatureBad())
    order = 2**252 + 27742317777372353535851937790883648493
    stretched = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    for key, sig, message in [
        (two.public.verify_key, signature, b"pesan"),
        (one.public.verify_key, signature, b"lain"),
        (one.public.verify_key, stretched, b"pesan"),
        (one.public.verify_key, bytes(64), b"pesan"),
        (one.public.verify_key, b"", b"pesan"),
    ]:
        with pytest.raises(errors.SignatureBad):
            check_signature(key, sig, message, errors.SignatureBad())


def test_a_certificate_speaks_of_the_keys_that_it_was_issued_for():
    world = World()
    assert public_of(world.device_by_code.certificate) == world.device.public
    assert public_of(world.device_by_code.certificate).key_id == world.device_by_code.certificate.key_id


def test_an_identity_is_a_value():
    assert Identity(KeyKind.PUSAT, 1, bytes(32), bytes(32)) == identity_from_seed(KeyKind.PUSAT, bytes(64), 1)
