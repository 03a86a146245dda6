"""Who sent it: the certificates of a header, and the sender among all trusted keys.

Source:
    docs/format.md, section 2, step 5, and section 3.3.
"""

from __future__ import annotations

from collections.abc import Callable

from exchange import errors
from exchange.format.certificate import NO_SCOPE, Certificate, KeyKind
from exchange.format.container import Header
from exchange.records import PackageKind
from exchange.trust.certificates import SignedCertificate, check, read

_SENDERS = {
    PackageKind.KIRIM: KeyKind.PERANGKAT,
    PackageKind.BALASAN: KeyKind.PUSAT,
    PackageKind.PREFILL: KeyKind.PUSAT,
    PackageKind.SURAT: KeyKind.DINAS,
    PackageKind.JAWABAN: KeyKind.PUSAT,
}
"""Whose signature each kind of package carries."""

_RIDERS = {
    PackageKind.KIRIM: frozenset({KeyKind.PERANGKAT, KeyKind.KEPALA}),
    PackageKind.BALASAN: frozenset({KeyKind.AKAR, KeyKind.PUSAT, KeyKind.DINAS}),
    PackageKind.PREFILL: frozenset({KeyKind.AKAR, KeyKind.PUSAT, KeyKind.DINAS}),
    PackageKind.SURAT: frozenset(),
    PackageKind.JAWABAN: frozenset({KeyKind.AKAR, KeyKind.PUSAT, KeyKind.DINAS}),
}
"""Which certificates may ride in each kind."""


def admit(
    header: Header, find: Callable[[bytes, bytes], Certificate | None]
) -> tuple[Certificate, tuple[SignedCertificate, ...]]:
    """Return the certificate of a header's sender, and those certificates that are new here.

    Each certificate is checked with a key that is trusted: one that ``find`` knows or one that stands before it in the
    header. One that speaks for its key already, word for word, is not checked again. Of several for one key the highest
    serial speaks, wherever it stands, and of equal serials the one that came first.

    Args:
        header: Canonical, not yet signed for all we know: a stranger can make us check four signatures, no more.
        find: Trusted keys by scope and key id.

    Raises:
        CertificateBad: KF-303, naming the part.
        SenderUnknown: KF-304, no trusted key of this id in this scope whose kind signs such packages.

    Source:
        docs/format.md, section 2, step 5.
    """
    fresh: dict[tuple[bytes, bytes], Certificate] = {}
    admitted: list[SignedCertificate] = []

    def trusted(scope: bytes, key_id: bytes) -> Certificate | None:
        return fresh.get((scope, key_id)) or find(scope, key_id)

    for body, signature in header.certificates:
        signed = read(body, signature)
        certificate = signed.certificate
        if certificate.kind not in _RIDERS[header.kind]:
            raise errors.CertificateBad(part="kind")
        if certificate.scope not in (header.scope, NO_SCOPE) and certificate.kind is not KeyKind.DINAS:
            raise errors.CertificateBad(part="scope")
        known = trusted(certificate.scope, certificate.key_id)
        if known == certificate:
            continue
        issuer = trusted(header.scope, certificate.issuer) or trusted(NO_SCOPE, certificate.issuer)
        if issuer is None:
            raise errors.CertificateBad(part="issuer")
        check(signed, issuer)
        if known is None or known.serial < certificate.serial:
            fresh[certificate.scope, certificate.key_id] = certificate
            admitted.append(signed)
    return _sender(header, trusted), tuple(admitted)


def _sender(header: Header, trusted: Callable[[bytes, bytes], Certificate | None]) -> Certificate:
    wanted = _SENDERS[header.kind]
    scope = NO_SCOPE if wanted is KeyKind.PUSAT else header.scope
    sender = trusted(scope, header.sender)
    if sender is None or sender.kind is not wanted or sender.scope != scope or sender.key_id != header.sender:
        raise errors.SenderUnknown()
    if wanted is KeyKind.PUSAT:
        # A root may have said since that server keys below a serial no longer count.
        issuer = trusted(NO_SCOPE, sender.issuer)
        if issuer is not None and sender.serial < issuer.lowest:
            raise errors.CertificateBad(part="serial")
    return sender
