"""A certificate's body: which public keys belong to whom, in one form for all keys.

Who may sign one, and whether a signature holds, is the business of
:mod:`exchange.trust.certificates`.

Source:
    docs/format.md, section 3.2.
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass
from functools import cached_property

from exchange import errors
from exchange.format import container

CERTIFICATE_FORM = 1
"""First element of every body."""

VERIFY_KEY_BYTES = 32
SEAL_KEY_BYTES = {1: 32, 2: 1216}
"""Bytes of a public seal key by suite."""

NO_SCOPE = bytes(16)
"""Scope of keys that belong to no one school."""

_KEY_ID_DOMAIN = b"kirim/1 kunci\x00"


class KeyKind(enum.IntEnum):
    """What a key is for. It is part of the key's id, so a key has one use for ever."""

    AKAR = 1
    """The root: certifies the server's and the districts' keys."""
    PUSAT = 2
    """The server: signs returns and receipts, opens schools' packages."""
    PERANGKAT = 3
    """A school's laptop."""
    KEPALA = 4
    """A school's head, Kepala Sekolah or Plt."""
    DINAS = 5
    """A district."""
    KODE_PERANGKAT = 6
    """A registration code of purpose *perangkat*. Never certified: server and school derive it."""
    KODE_KEPALA = 7
    """A registration code of purpose *kepala*. Never certified."""
    ARSIP = 8
    """The server's archive. Never certified, never leaves the server."""


CERTIFIED = frozenset({KeyKind.AKAR, KeyKind.PUSAT, KeyKind.PERANGKAT, KeyKind.KEPALA, KeyKind.DINAS})
"""Kinds that certificates exist for."""

SCOPELESS = frozenset({KeyKind.AKAR, KeyKind.PUSAT})
"""Kinds whose certificates name no school and no district."""

SCHOOLS = frozenset({KeyKind.PERANGKAT, KeyKind.KEPALA})
"""Kinds whose certificates name a school. A district's may carry an id of its own or zeros."""


def key_id(kind: KeyKind, suite: int, verify_key: bytes, seal_key: bytes) -> bytes:
    """Return the 8 bytes that name a pair of keys.

    One id for the signing and the sealing key: they are made, certified and retired together.

    Args:
        kind: What they are for.
        suite: Of the seal key; a key belongs to one suite for ever.
        verify_key: Ed25519 public key (32 bytes).
        seal_key: Public seal key (32 or 1,216 bytes), or empty.

    Source:
        docs/format.md, section 3.1.

    Example:
        >>> key_id(KeyKind.KEPALA, 1, bytes(32), b"").hex()
        '566c2869d88b0d29'
    """
    return hashlib.sha256(_KEY_ID_DOMAIN + bytes([kind, suite]) + verify_key + seal_key).digest()[:8]


@dataclass(frozen=True)
class Certificate:
    """A statement that keys belong to somebody.

    Attributes:
        kind: What the keys are for.
        suite: Suite of the seal key.
        scope: ``sekolah_id`` (16 bytes), zeros for keys of no one school.
        serial: Grows with each certificate for the same holder, 0 to 2**32-1.
        verify_key: Ed25519 public key (32 bytes).
        seal_key: Public seal key, or empty for a key that receives nothing.
        subject: KEPALA: id of the assignment (16 bytes); else empty.
        issuer: Key id of the signer (8 bytes).
        lowest: Of the certificates that *this* key signs, the lowest serial that is still valid.
    """

    kind: KeyKind
    suite: int
    scope: bytes
    serial: int
    verify_key: bytes
    seal_key: bytes
    subject: bytes
    issuer: bytes
    lowest: int = 0

    @cached_property
    def key_id(self) -> bytes:
        """Id of the certified keys (8 bytes)."""
        return key_id(self.kind, self.suite, self.verify_key, self.seal_key)


def encode_certificate(certificate: Certificate) -> bytes:
    """Return the bytes of a certificate's body.

    Raises:
        ValueError: a field is not what the format says; a fault of the caller.

    Source:
        docs/format.md, section 3.2.
    """
    c = certificate
    body = container.pack(
        [
            CERTIFICATE_FORM,
            int(c.kind),
            c.suite,
            c.scope,
            c.serial,
            c.verify_key,
            c.seal_key,
            c.subject,
            c.issuer,
            c.lowest,
        ]
    )
    try:
        decode_certificate(body)
    except errors.CertificateBad as error:
        raise ValueError(f"no certificate can say that ({error.part})") from error
    return body


def decode_certificate(body: bytes) -> Certificate:
    """Return the certificate that bytes hold, if they are its canonical encoding.

    Raises:
        CertificateBad: KF-303, not canonical, or a field of a wrong type, length or range.

    Source:
        docs/format.md, section 3.2.
    """
    try:
        return _decode(body)
    except errors.HeaderBad as error:
        raise errors.CertificateBad(part=error.part) from error


def _decode(body: bytes) -> Certificate:
    if len(body) > container.CERTIFICATE_BYTES_MAX:
        raise errors.HeaderBad(part="length")
    fields = container.unpack(body, "encoding")
    if len(fields) != 10 or fields[0] != CERTIFICATE_FORM:
        raise errors.HeaderBad(part="form")
    _, kind, suite, scope, serial, verify_key, seal_key, subject, issuer, lowest = fields
    if type(kind) is not int or kind not in CERTIFIED:
        raise errors.HeaderBad(part="kind")
    if type(suite) is not int or suite not in container.SUITES:
        raise errors.HeaderBad(part="suite")
    # A head signs and receives nothing; to anybody else something is sealed one day.
    seal_sizes = (0,) if kind == KeyKind.KEPALA else (SEAL_KEY_BYTES[suite],)
    certificate = Certificate(
        kind=KeyKind(kind),
        suite=suite,
        scope=container.exact_bytes(scope, (container.SCOPE_BYTES,), "scope"),
        serial=container.exact_uint(serial, container.UINT32_MAX, "serial"),
        verify_key=container.exact_bytes(verify_key, (VERIFY_KEY_BYTES,), "verify key"),
        seal_key=container.exact_bytes(seal_key, seal_sizes, "seal key"),
        subject=container.exact_bytes(subject, (16,) if kind == KeyKind.KEPALA else (0,), "subject"),
        issuer=container.exact_bytes(issuer, (container.KEY_ID_BYTES,), "issuer"),
        lowest=container.exact_uint(lowest, container.UINT32_MAX, "lowest serial"),
    )
    if kind in (SCHOOLS if certificate.scope == NO_SCOPE else SCOPELESS):
        raise errors.HeaderBad(part="scope")
    return certificate
