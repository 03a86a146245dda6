"""A certificate's body: one form for all keys, one encoding."""

from __future__ import annotations

import dataclasses

import msgpack
import pytest

from exchange import errors
from exchange.format.certificate import (
    CERTIFIED,
    Certificate,
    KeyKind,
    decode_certificate,
    encode_certificate,
    key_id,
)

SCHOOL = bytes(15) + b"\x01"


def certificate(kind: KeyKind = KeyKind.PERANGKAT, **changed: object) -> Certificate:
    plain = Certificate(
        kind=kind,
        suite=1,
        scope=bytes(16) if kind in (KeyKind.AKAR, KeyKind.PUSAT) else SCHOOL,
        serial=1,
        verify_key=b"v" * 32,
        seal_key=b"" if kind is KeyKind.KEPALA else b"s" * 32,
        subject=b"penugasan kepala" if kind is KeyKind.KEPALA else b"",
        issuer=b"penerbit",
    )
    return dataclasses.replace(plain, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", sorted(CERTIFIED))
@pytest.mark.parametrize("changed", [{}, {"serial": 0, "lowest": 2**32 - 1}, {"serial": 2**32 - 1}])
def test_a_certificate_of_every_kind_comes_back_as_it_was_written(kind, changed):
    given = certificate(kind, **changed)
    assert decode_certificate(encode_certificate(given)) == given


def test_a_hybrid_seal_key_fits():
    given = certificate(suite=2, seal_key=bytes(1216))
    assert decode_certificate(encode_certificate(given)) == given


@pytest.mark.parametrize(
    ("at", "value", "part"),
    [
        (0, 2, "form"),
        (1, 0, "kind"),
        (1, 6, "kind"),
        (1, 7, "kind"),
        (1, 8, "kind"),
        (1, True, "encoding"),
        (1, b"\x03", "kind"),
        (2, 0, "suite"),
        (2, 3, "suite"),
        (2, 2, "seal key"),
        (3, bytes(15), "scope"),
        (3, bytes(16), "scope"),
        (4, 2**32, "serial"),
        (4, b"\x01", "serial"),
        (5, bytes(31), "verify key"),
        (5, "v" * 32, "encoding"),
        (6, bytes(31), "seal key"),
        (6, bytes(1216), "seal key"),
        (7, bytes(16), "subject"),
        (8, bytes(7), "issuer"),
        (9, 2**32, "lowest serial"),
        (9, None, "encoding"),
    ],
)
def test_a_field_of_a_wrong_type_length_or_range_is_refused_by_name(at, value, part):
    fields = msgpack.unpackb(encode_certificate(certificate()))
    fields[at] = value
    with pytest.raises(errors.CertificateBad) as caught:
        decode_certificate(msgpack.packb(fields))
    assert caught.value.part == part


@pytest.mark.parametrize("body", [b"", b"\xc0", b"\x90", bytes(2000), b"\x9a" + bytes(10)])
def test_bytes_that_are_no_certificate_are_refused(body):
    with pytest.raises(errors.CertificateBad):
        decode_certificate(body)


def test_a_longer_encoding_of_the_same_certificate_is_refused():
    body = encode_certificate(certificate())
    with pytest.raises(errors.CertificateBad):
        decode_certificate(b"\xdc\x00\x0a" + body[1:])
    with pytest.raises(errors.CertificateBad):
        decode_certificate(body + b"\x00")


@pytest.mark.parametrize(
    "wrong",
    [
        certificate(KeyKind.AKAR, scope=SCHOOL),
        certificate(KeyKind.PUSAT, scope=SCHOOL),
        certificate(KeyKind.PERANGKAT, scope=bytes(16)),
        certificate(KeyKind.KEPALA, scope=bytes(16)),
        certificate(KeyKind.KEPALA, subject=b""),
        certificate(KeyKind.KEPALA, seal_key=bytes(32)),
        certificate(KeyKind.PERANGKAT, subject=bytes(16)),
        dataclasses.replace(certificate(), kind=KeyKind.KODE_PERANGKAT),
    ],
)
def test_what_no_certificate_can_say_is_never_written(wrong):
    with pytest.raises(ValueError, match="no certificate can say"):
        encode_certificate(wrong)


def test_a_district_has_a_scope_of_its_own_or_none():
    for scope in (bytes(16), SCHOOL):
        given = certificate(KeyKind.DINAS, scope=scope)
        assert decode_certificate(encode_certificate(given)) == given


def test_a_key_id_binds_kind_suite_and_both_keys():
    base = (KeyKind.PUSAT, 1, b"v" * 32, b"s" * 32)
    others = [
        (KeyKind.AKAR, *base[1:]),
        (base[0], 2, *base[2:]),
        (*base[:2], b"w" * 32, base[3]),
        (*base[:3], b"t" * 32),
        (*base[:3], b""),
    ]
    assert len({key_id(*keys) for keys in [base, *others]}) == 6
    assert certificate(KeyKind.PUSAT).key_id == key_id(*base)
