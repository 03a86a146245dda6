"""Who may say whose keys these are."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from trust_world import ASSIGNMENT, OTHER_ASSIGNMENT, OTHER_SCHOOL, SCHOOL, World, made

from exchange import errors
from exchange.format.certificate import CERTIFIED, NO_SCOPE, Certificate, KeyKind, encode_certificate
from exchange.trust.certificates import SignedCertificate, anchor, check, issue, newest, read
from exchange.trust.codes import code_identity
from exchange.trust.keys import Identity, PublicIdentity

MAY_SIGN = {
    (KeyKind.KODE_PERANGKAT, KeyKind.AKAR),
    (KeyKind.KODE_KEPALA, KeyKind.AKAR),
    (KeyKind.AKAR, KeyKind.AKAR),
    (KeyKind.AKAR, KeyKind.PUSAT),
    (KeyKind.AKAR, KeyKind.DINAS),
    (KeyKind.KODE_PERANGKAT, KeyKind.PERANGKAT),
    (KeyKind.PERANGKAT, KeyKind.PERANGKAT),
    (KeyKind.KODE_PERANGKAT, KeyKind.KEPALA),
    (KeyKind.KODE_KEPALA, KeyKind.KEPALA),
    (KeyKind.KEPALA, KeyKind.KEPALA),
}


def scope_of(kind: KeyKind) -> str | bytes:
    return NO_SCOPE if kind in (KeyKind.AKAR, KeyKind.PUSAT) else SCHOOL


def forged(issuer: Identity, certificate: Certificate) -> SignedCertificate:
    """Sign what :func:`issue` would refuse to sign, as an attacker with that key can."""
    body = encode_certificate(dataclasses.replace(certificate, issuer=issuer.key_id))
    return SignedCertificate(body, issuer.sign(b"kirim/1 sertifikat\x00" + body), certificate)


def plain(kind: KeyKind, public: PublicIdentity, **changed: object) -> Certificate:
    subject = ASSIGNMENT if kind is KeyKind.KEPALA else b""
    scope = scope_of(kind)
    given = anchor(public, scope, subject)
    return dataclasses.replace(given, serial=1, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(("signer", "kind"), list(itertools.product(sorted(KeyKind), sorted(CERTIFIED))))
def test_each_kind_is_signed_by_those_who_may_and_by_nobody_else(signer, kind):
    issuer, subject = made("penerbit", signer), made("pemegang", kind)
    issuer_anchor = anchor(issuer.public, scope_of(signer), ASSIGNMENT if signer is KeyKind.KEPALA else b"")
    if (signer, kind) in MAY_SIGN:
        signed = issue(issuer, kind, subject.public, scope_of(kind), 1, ASSIGNMENT if kind is KeyKind.KEPALA else b"")
        assert check(read(signed.body, signed.signature), issuer_anchor) == signed.certificate
        return
    with pytest.raises(errors.CertificateBad):
        issue(issuer, kind, subject.public, scope_of(kind), 1, ASSIGNMENT if kind is KeyKind.KEPALA else b"")
    with pytest.raises(errors.CertificateBad) as caught:
        check(forged(issuer, plain(kind, subject.public)), issuer_anchor)
    assert caught.value.part == "issuer"


@pytest.mark.parametrize("flip", range(0, 64 * 8, 5))
def test_a_changed_signature_does_not_hold(flip):
    world = World()
    signed = world.server_by_root
    changed = bytearray(signed.signature)
    changed[flip // 8] ^= 1 << flip % 8
    with pytest.raises(errors.CertificateBad) as caught:
        check(read(signed.body, bytes(changed)), world.root_by_code.certificate)
    assert caught.value.part == "signature"


def test_a_body_changed_at_any_bit_does_not_hold():
    world = World()
    signed, code = world.device_by_code, anchor(world.code.public, SCHOOL)
    for bit in range(len(signed.body) * 8):
        changed = bytearray(signed.body)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(errors.CertificateBad):
            check(read(bytes(changed), signed.signature), code)


def test_another_key_of_the_right_kind_is_not_the_issuer():
    world = World()
    impostor = made("akar palsu", KeyKind.AKAR)
    with pytest.raises(errors.CertificateBad, match="issuer"):
        check(world.server_by_root, anchor(impostor.public))
    named = dataclasses.replace(world.root_by_code.certificate, verify_key=impostor.public.verify_key)
    with pytest.raises(errors.CertificateBad):
        check(world.server_by_root, named)


def test_a_signature_made_for_something_else_is_no_certificate():
    """Each kind of signed bytes begins with a domain of its own."""
    world = World()
    body = world.server_by_root.body
    for domain in (b"", b"kirim/1 header\x00", b"kirim/1 persetujuan\x00", b"kirim/1 sertifikat"):
        with pytest.raises(errors.CertificateBad, match="signature"):
            check(read(body, world.root.sign(domain + body)), world.root_by_code.certificate)


def test_a_code_speaks_for_its_own_school_only():
    world = World()
    elsewhere = issue(world.code, KeyKind.PERANGKAT, world.device.public, OTHER_SCHOOL, 1)
    with pytest.raises(errors.CertificateBad, match="scope"):
        check(elsewhere, anchor(world.code.public, SCHOOL))
    with pytest.raises(errors.CertificateBad, match="scope"):
        check(
            issue(world.device, KeyKind.PERANGKAT, world.stranger.public, OTHER_SCHOOL, 1),
            world.device_by_code.certificate,
        )


def test_a_heads_code_speaks_for_its_assignment_only():
    world = World()
    code = anchor(world.head_code.public, SCHOOL, ASSIGNMENT)
    right = issue(world.head_code, KeyKind.KEPALA, world.head.public, SCHOOL, 1, ASSIGNMENT)
    wrong = issue(world.head_code, KeyKind.KEPALA, world.head.public, SCHOOL, 1, OTHER_ASSIGNMENT)
    assert check(right, code).subject == ASSIGNMENT
    with pytest.raises(errors.CertificateBad, match="subject"):
        check(wrong, code)


def test_a_head_certifies_a_new_key_of_the_same_head_only():
    world = World()
    new = made("kunci baru kepala", KeyKind.KEPALA)
    old = world.head_by_code.certificate
    assert check(issue(world.head, KeyKind.KEPALA, new.public, SCHOOL, 2, ASSIGNMENT), old).serial == 2
    with pytest.raises(errors.CertificateBad, match="subject"):
        check(issue(world.head, KeyKind.KEPALA, new.public, SCHOOL, 2, OTHER_ASSIGNMENT), old)


def test_a_code_of_one_purpose_does_not_serve_the_other():
    raw = b"\x99" * 16
    code = code_identity(raw, SCHOOL, KeyKind.KODE_KEPALA)
    with pytest.raises(errors.CertificateBad, match="issuer"):
        issue(code, KeyKind.PERANGKAT, made("perangkat", KeyKind.PERANGKAT).public, SCHOOL, 1)


def test_what_a_root_has_retired_no_longer_counts():
    world = World()
    root = dataclasses.replace(world.root_by_code.certificate, lowest=2)
    with pytest.raises(errors.CertificateBad, match="serial"):
        check(world.server_by_root, root)
    later = issue(world.root, KeyKind.PUSAT, world.server.public, NO_SCOPE, 2)
    assert check(later, root).serial == 2


@pytest.mark.parametrize("key", [bytes(32), b"\x01" + bytes(31), b"\xff" * 32, b"\x02" + bytes(31)])
def test_unsound_verify_keys_are_never_certified(key):
    world = World()
    unsound = dataclasses.replace(world.device.public, verify_key=key)
    with pytest.raises(errors.CertificateBad, match="verify key"):
        issue(world.code, KeyKind.PERANGKAT, unsound, SCHOOL, 1)
    with pytest.raises(errors.CertificateBad, match="verify key"):
        check(forged(world.code, plain(KeyKind.PERANGKAT, unsound)), anchor(world.code.public, SCHOOL))


@pytest.mark.parametrize(("suite", "key"), [(1, bytes(32)), (2, b"\xff" * 1216)])
def test_unsound_seal_keys_are_never_certified(suite, key):
    world = World()
    unsound = dataclasses.replace(world.device.public, suite=suite, seal_key=key)
    with pytest.raises(errors.CertificateBad, match="seal key"):
        issue(world.code, KeyKind.PERANGKAT, unsound, SCHOOL, 1)
    with pytest.raises(errors.CertificateBad, match="seal key"):
        check(forged(world.code, plain(KeyKind.PERANGKAT, unsound)), anchor(world.code.public, SCHOOL))


def test_keys_are_certified_for_the_use_they_were_made_for():
    world = World()
    with pytest.raises(errors.CertificateBad):
        issue(world.root, KeyKind.PUSAT, world.device.public, NO_SCOPE, 1)


def test_issuing_twice_gives_the_same_bytes():
    world = World()
    again = issue(world.root, KeyKind.PUSAT, world.server.public, NO_SCOPE, 1)
    assert again == world.server_by_root


def test_of_several_certificates_for_one_key_the_newest_speaks():
    world = World()
    first, second = (issue(world.root, KeyKind.PUSAT, world.server.public, NO_SCOPE, n) for n in (1, 2))
    other = world.device_by_code.certificate
    assert newest([first.certificate, other, second.certificate]) == [second.certificate, other]
    assert newest([second.certificate, first.certificate]) == [second.certificate]
