"""Certificates signed and checked: who may say whose keys these are.

Source:
    docs/format.md, sections 3.2 and 3.3.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from exchange import errors
from exchange.format.certificate import NO_SCOPE, Certificate, KeyKind, decode_certificate, encode_certificate
from exchange.format.container import scope_bytes
from exchange.trust import wraps
from exchange.trust.keys import Identity, PublicIdentity, check_signature, is_sound

_DOMAIN = b"kirim/1 sertifikat\x00"

_SIGNERS: dict[KeyKind, frozenset[KeyKind]] = {
    KeyKind.AKAR: frozenset({KeyKind.KODE_PERANGKAT, KeyKind.KODE_KEPALA, KeyKind.AKAR}),
    KeyKind.PUSAT: frozenset({KeyKind.AKAR}),
    KeyKind.DINAS: frozenset({KeyKind.AKAR}),
    KeyKind.PERANGKAT: frozenset({KeyKind.KODE_PERANGKAT, KeyKind.PERANGKAT}),
    KeyKind.KEPALA: frozenset({KeyKind.KODE_KEPALA, KeyKind.KODE_PERANGKAT, KeyKind.KEPALA}),
}
"""Who may sign a certificate of each kind. A code of purpose *perangkat* certifies the head at enrolment."""


@dataclass(frozen=True)
class SignedCertificate:
    """A certificate as it travels, beside what it says.

    Attributes:
        body: Its canonical bytes.
        signature: The issuer's (64 bytes).
        certificate: What the body says.
    """

    body: bytes
    signature: bytes
    certificate: Certificate


def anchor(public: PublicIdentity, scope: str | bytes = NO_SCOPE, subject: bytes = b"") -> Certificate:
    """Return keys that are trusted without a certificate, in the form in which trusted keys are looked up.

    A server's own root, a code's keys, and a store's own keys are such.

    Args:
        public: The keys.
        scope: Of the code's or device's school; zeros for keys of no one school.
        subject: Id of the assignment (16 bytes) that a code of purpose *kepala* was made for.
    """
    return Certificate(
        public.kind, public.suite, scope_bytes(scope), 0, public.verify_key, public.seal_key, subject, public.key_id
    )


def issue(
    issuer: Identity,
    kind: KeyKind,
    subject: PublicIdentity,
    scope: str | bytes,
    serial: int,
    subject_id: bytes = b"",
    lowest: int = 0,
) -> SignedCertificate:
    """Return a signed certificate for somebody's keys.

    Args:
        issuer: Who signs.
        kind: What the keys are for, which is the kind they were made with.
        subject: The keys.
        scope: ``sekolah_id``, zeros for AKAR and PUSAT.
        serial: Larger than that of every earlier certificate for this holder.
        subject_id: KEPALA: id of the assignment (16 bytes).
        lowest: Of the certificates that the subject will sign, the lowest serial that is still valid.

    Raises:
        CertificateBad: KF-303, this issuer may not sign that, or the keys are unsound.

    Source:
        docs/format.md, section 3.3.
    """
    if subject.kind is not kind or issuer.kind not in _SIGNERS[kind]:
        raise errors.CertificateBad(part="issuer")
    certificate = Certificate(
        kind,
        subject.suite,
        scope_bytes(scope),
        serial,
        subject.verify_key,
        subject.seal_key,
        subject_id,
        issuer.key_id,
        lowest,
    )
    _check_keys(certificate)
    body = encode_certificate(certificate)
    return SignedCertificate(body, issuer.sign(_DOMAIN + body), certificate)


def read(body: bytes, signature: bytes) -> SignedCertificate:
    """Return a certificate that came in a header or from a store, not yet checked.

    Raises:
        CertificateBad: KF-303, the body is not what the format says.
    """
    return SignedCertificate(body, signature, decode_certificate(body))


def check(signed: SignedCertificate, issuer: Certificate) -> Certificate:
    """Return what a certificate says, if this issuer could and did sign it.

    Args:
        signed: As it came.
        issuer: A key that is trusted: checked before, or an :func:`anchor`.

    Raises:
        CertificateBad: KF-303, naming the part that does not hold: ``encoding`` (or another field's
            name), ``issuer``, ``scope``, ``subject``, ``serial``, ``signature``, ``verify key``, ``seal key``.

    Source:
        docs/format.md, section 3.3.
    """
    certificate = decode_certificate(signed.body)
    if certificate.issuer != issuer.key_id or issuer.kind not in _SIGNERS[certificate.kind]:
        raise errors.CertificateBad(part="issuer")
    if certificate.kind in (KeyKind.PERANGKAT, KeyKind.KEPALA) and certificate.scope != issuer.scope:
        raise errors.CertificateBad(part="scope")
    if certificate.kind is KeyKind.KEPALA and issuer.subject not in (b"", certificate.subject):
        # The same head's older key, or a code made for one assignment: neither speaks for another.
        raise errors.CertificateBad(part="subject")
    if certificate.serial < issuer.lowest:
        raise errors.CertificateBad(part="serial")
    check_signature(issuer.verify_key, signed.signature, _DOMAIN + signed.body, errors.CertificateBad(part="signature"))
    # Only a trusted issuer makes us look closer: the next costs more than a signature.
    _check_keys(certificate)
    return certificate


def _check_keys(certificate: Certificate) -> None:
    if not is_sound(certificate.verify_key):
        raise errors.CertificateBad(part="verify key")
    if certificate.seal_key:
        # Finds points of low order and what is no key of ML-KEM.
        wraps.wrap(certificate.suite, certificate.seal_key, bytes(32), b"")


def newest(certificates: Iterable[Certificate]) -> list[Certificate]:
    """Return one certificate a key, that with the highest serial, in order of first appearance.

    A store may have been told of one key several times; what an older certificate says of it no longer counts.
    """
    found: dict[bytes, Certificate] = {}
    for certificate in certificates:
        known = found.get(certificate.key_id)
        if known is None or known.serial < certificate.serial:
            found[certificate.key_id] = certificate
    return list(found.values())
