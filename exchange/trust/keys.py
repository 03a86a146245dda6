"""Identities: a signing key and, for who receives packages, a sealing key; made and used here.

Private keys never appear in a text, a log or an error. How they rest on a disk is told in
:mod:`exchange.trust.keyfiles`.

Source:
    docs/format.md, section 3.1.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from exchange import errors
from exchange.format.certificate import Certificate, KeyKind, key_id
from exchange.trust import wraps

SIGN_SEED_BYTES = 32

_FIELD = 2**255 - 19
_CURVE_D = -121665 * pow(121666, -1, _FIELD) % _FIELD
_ORDER_8 = int("05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826", 16)
_SMALL_ORDER = frozenset({0, 1, _FIELD - 1, _ORDER_8, _FIELD - _ORDER_8})
"""y coordinates of the eight points whose order divides the cofactor."""


@dataclass(frozen=True)
class PublicIdentity:
    """What others know of an identity.

    Attributes:
        kind: What the keys are for.
        suite: Suite of the seal key.
        verify_key: Ed25519 public key (32 bytes).
        seal_key: Public seal key (32 or 1,216 bytes), or empty.
    """

    kind: KeyKind
    suite: int
    verify_key: bytes
    seal_key: bytes

    @cached_property
    def key_id(self) -> bytes:
        """What names these keys (8 bytes)."""
        return key_id(self.kind, self.suite, self.verify_key, self.seal_key)


def public_of(certificate: Certificate) -> PublicIdentity:
    """Return the keys that a certificate speaks of."""
    return PublicIdentity(certificate.kind, certificate.suite, certificate.verify_key, certificate.seal_key)


@dataclass(frozen=True)
class Identity:
    """Private keys of one holder.

    Attributes:
        kind: What they are for.
        suite: Suite of the seal key: 1 X25519, 2 ML-KEM-768 + X25519.
        sign_seed: Ed25519 private key (32 bytes), or empty if only the receiving half was kept.
        seal_seed: Seed of the seal key (32 bytes), or empty for a holder who receives nothing.
        kept_verify_key: Ed25519 public key (32 bytes) where ``sign_seed`` was forgotten, else empty.
    """

    kind: KeyKind
    suite: int
    sign_seed: bytes = field(repr=False)
    seal_seed: bytes = field(repr=False, default=b"")
    kept_verify_key: bytes = b""

    @cached_property
    def public(self) -> PublicIdentity:
        """The public half."""
        seal_key = wraps.private_parts(self.suite, self.seal_seed)[1] if self.seal_seed else b""
        verify_key = self._signer.public_key().public_bytes_raw() if self.sign_seed else self.kept_verify_key
        return PublicIdentity(self.kind, self.suite, verify_key, seal_key)

    def receiving_half(self) -> Identity:
        """Return what still opens packages and can no longer sign: all that is kept of a spent code.

        Example:
            >>> code = identity_from_seed(KeyKind.KODE_PERANGKAT, bytes(64), suite=1)
            >>> code.receiving_half().public == code.public, code.receiving_half().sign_seed
            (True, b'')
        """
        return Identity(self.kind, self.suite, b"", self.seal_seed, self.public.verify_key)

    @property
    def key_id(self) -> bytes:
        """What names these keys (8 bytes)."""
        return self.public.key_id

    @cached_property
    def _signer(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.sign_seed)

    @cached_property
    def _opener(self) -> wraps.SealPrivate:
        return wraps.private_parts(self.suite, self.seal_seed)[0]

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature of a message that begins with its domain (64 bytes).

        Raises:
            ValueError: the signing key was forgotten; a fault of the caller.
        """
        return self._signer.sign(message)

    def unwrap(self, sealed: bytes, info: bytes) -> bytes:
        """Return the secret of a wrap for this identity.

        Raises:
            WrapBad: KF-306, it does not open.
        """
        if not self.seal_seed:
            raise errors.WrapBad()
        return wraps.unwrap(self.suite, self._opener, sealed, info)


def new_identity(
    kind: KeyKind, suite: int = 2, *, seal: bool = True, random: Callable[[int], bytes] = os.urandom
) -> Identity:
    """Return new keys.

    Args:
        kind: What they are for. A head gets no seal key.
        suite: Of the seal key.
        seal: Whether it receives packages.
        random: Gives n random bytes.

    Example:
        >>> new_identity(KeyKind.PUSAT, suite=1).public.kind.name
        'PUSAT'
    """
    return identity_from_seed(kind, random(64), suite, seal=seal)


def identity_from_seed(kind: KeyKind, seed: bytes, suite: int = 2, *, seal: bool = True) -> Identity:
    """Return the keys that grow from 64 bytes: Ed25519 private key, then the seal key's seed.

    Raises:
        ValueError: another length or an unknown suite; a fault of the caller.

    Example:
        >>> identity_from_seed(KeyKind.KEPALA, bytes(64)).public.verify_key.hex()[:16]
        '3b6a27bcceb6a42d'
    """
    if len(seed) != SIGN_SEED_BYTES + wraps.SEAL_SEED_BYTES or suite not in (1, 2):
        raise ValueError("an identity grows from 64 bytes in suite 1 or 2")
    seals = seal and kind is not KeyKind.KEPALA
    return Identity(kind, suite, seed[:SIGN_SEED_BYTES], seed[SIGN_SEED_BYTES:] if seals else b"")


@lru_cache(maxsize=4096)
def _verifier(verify_key: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(verify_key)


def check_signature(verify_key: bytes, signature: bytes, message: bytes, error: errors.ExchangeError) -> None:
    """Return only if a signature holds.

    Args:
        verify_key: Ed25519 public key (32 bytes), of a certificate that was checked.
        signature: 64 bytes.
        message: What was signed, beginning with its domain.
        error: What to raise otherwise.
    """
    try:
        _verifier(verify_key).verify(signature, message)
    except InvalidSignature as cause:
        raise error from cause


def is_sound(verify_key: bytes) -> bool:
    """Whether 32 bytes are the canonical encoding of a point on the curve that is not of small order.

    With a point of small order one signature fits every message, and the library does not refuse it.

    Source:
        docs/format.md, section 3.3; RFC 8032, section 5.1.3.

    Example:
        >>> is_sound(bytes(32)), is_sound(identity_from_seed(KeyKind.KEPALA, bytes(64)).public.verify_key)
        (False, True)
    """
    if len(verify_key) != 32:
        return False
    y = int.from_bytes(verify_key, "little") & (2**255 - 1)
    if y >= _FIELD or y in _SMALL_ORDER:
        return False
    square = (y * y - 1) * pow(_CURVE_D * y * y + 1, -1, _FIELD) % _FIELD
    return pow(square, (_FIELD - 1) // 2, _FIELD) == 1


def fingerprint(public: PublicIdentity) -> str:
    """Return what people compare over the telephone: four groups of four letters and digits, 80 bits.

    Source:
        docs/format.md, section 3.1.

    Example:
        >>> fingerprint(identity_from_seed(KeyKind.PERANGKAT, bytes(64), suite=1).public)
        '62XK-SAFK-LITK-E5NA'
    """
    digest = hashlib.sha256(
        b"kirim/1 sidik\x00" + bytes([public.kind, public.suite]) + public.verify_key + public.seal_key
    ).digest()
    letters = base64.b32encode(digest[:10]).decode("ascii")
    return "-".join(letters[at : at + 4] for at in range(0, 16, 4))
