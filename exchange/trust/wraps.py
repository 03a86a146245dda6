"""HPKE as the format uses it: 32 bytes sealed for one receiver, bound to what stands around them.

Suites 1 and 2 are base-mode, single-shot HPKE (RFC 9180) with HKDF-SHA-256 and AES-256-GCM; they
differ in the KEM. Suite 2 is ML-KEM-768 with X25519 as X-Wing composes them, code point 0x647a.

Source:
    docs/format.md, section 1.6.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from exchange import errors

SEAL_SEED_BYTES = 32
"""Private seal key as it is kept: the X25519 key itself, or X-Wing's seed."""

_MLKEM_PUBLIC_BYTES = 1184
_MLKEM_SEED_BYTES = 64

SealPrivate: TypeAlias = X25519PrivateKey | MLKEM768X25519PrivateKey
SealPublic: TypeAlias = X25519PublicKey | MLKEM768X25519PublicKey

_SUITES = {
    1: Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
    2: Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
}


def private_parts(suite: int, seed: bytes) -> tuple[SealPrivate, bytes]:
    """Return the private seal key that grows from a seed, and its public bytes.

    Args:
        suite: 1 or 2.
        seed: 32 random bytes.

    Source:
        docs/format.md, section 1.6; the expansion by SHAKE256 is X-Wing's.

    Example:
        >>> len(private_parts(1, bytes(32))[1]), len(private_parts(2, bytes(32))[1])
        (32, 1216)
    """
    if suite == 1:
        plain = X25519PrivateKey.from_private_bytes(seed)
        return plain, plain.public_key().public_bytes_raw()
    grown = hashlib.shake_256(seed).digest(_MLKEM_SEED_BYTES + 32)
    lattice = MLKEM768PrivateKey.from_seed_bytes(grown[:_MLKEM_SEED_BYTES])
    curve = X25519PrivateKey.from_private_bytes(grown[_MLKEM_SEED_BYTES:])
    public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
    return MLKEM768X25519PrivateKey(lattice, curve), public


@lru_cache(maxsize=4096)
def _public(suite: int, seal_key: bytes) -> SealPublic:
    if suite == 1:
        return X25519PublicKey.from_public_bytes(seal_key)
    return MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(seal_key[:_MLKEM_PUBLIC_BYTES]),
        X25519PublicKey.from_public_bytes(seal_key[_MLKEM_PUBLIC_BYTES:]),
    )


def wrap(suite: int, seal_key: bytes, secret: bytes, info: bytes) -> bytes:
    """Return a secret sealed for the holder of a key, which opens only together with ``info``.

    Args:
        suite: Of the key.
        seal_key: Public key (32 or 1,216 bytes).
        secret: 32 bytes.
        info: What the wrap is bound to.

    Returns:
        80 (suite 1) or 1,168 bytes (suite 2); different each time.

    Raises:
        CertificateBad: KF-303, nothing can be sealed to this key: a low-order point, or no key of ML-KEM.
    """
    try:
        return _SUITES[suite].encrypt(secret, _public(suite, seal_key), info=info)
    except ValueError as error:
        raise errors.CertificateBad(part="seal key") from error


def unwrap(suite: int, private: SealPrivate, sealed: bytes, info: bytes) -> bytes:
    """Return the secret that a wrap holds.

    Raises:
        WrapBad: KF-306, it was sealed for another key, bound to something else, or damaged.
    """
    try:
        return _SUITES[suite].decrypt(sealed, private, info=info)
    except (InvalidTag, ValueError) as error:
        raise errors.WrapBad() from error
