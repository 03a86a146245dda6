"""A second HKDF, AES-GCM and HPKE, from their standards: what carries outside vectors to functions that fix some of the inputs.

Nothing of ``exchange`` is imported. Each is checked against the outside vectors before it is compared with anything of ours.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB

HERE = Path(__file__).parent

X25519, XWING, HKDF_SHA256, AES_256_GCM = 0x20, 0x647A, 1, 2
KEY_BYTES = {1: 16, 2: 32, 3: 32}
"""By AEAD: AES-128-GCM, AES-256-GCM, ChaCha20-Poly1305."""


def load(name: str) -> Any:
    """Return what a file of this folder holds."""
    return json.loads((HERE / name).read_text())


def wycheproof(name: str) -> list[dict[str, Any]]:
    """Return the tests of one file, each with what its group says besides."""
    groups = load(f"wycheproof/{name}_test.json")["testGroups"]
    return [{k: v for k, v in group.items() if k != "tests"} | test for group in groups for test in group["tests"]]


# --- RFC 5869 -------------------------------------------------------------------------------------


def extract(salt: bytes, ikm: bytes) -> bytes:
    """Return the pseudorandom key."""
    return hmac.digest(salt or bytes(32), ikm, "sha256")


def expand(prk: bytes, info: bytes, size: int) -> bytes:
    """Return so many bytes.

    Raises:
        ValueError: more than 255 times the hash.
    """
    if size > 255 * 32:
        raise ValueError("too long")
    out = block = b""
    while len(out) < size:
        block = hmac.digest(prk, block + info + bytes([len(out) // 32 + 1]), "sha256")
        out += block
    return out[:size]


# --- NIST SP 800-38D ------------------------------------------------------------------------------


def _times(x: int, y: int) -> int:
    product = 0
    for bit in range(127, -1, -1):
        if x >> bit & 1:
            product ^= y
        y = y >> 1 ^ (0xE1 << 120 if y & 1 else 0)
    return product


def gcm(key: bytes, nonce: bytes, plain: bytes, beside: bytes = b"") -> bytes:
    """Return ciphertext and tag (16 bytes) under AES-256-GCM with a nonce of 12 bytes."""
    block = Cipher(AES256(key), ECB()).encryptor().update
    count = -(-len(plain) // 16)
    stream = block(b"".join(nonce + n.to_bytes(4, "big") for n in range(2, 2 + count)))
    sealed = bytes(a ^ b for a, b in zip(plain, stream, strict=False))
    power, total = int.from_bytes(block(bytes(16))), 0
    lengths = (8 * len(beside)).to_bytes(8, "big") + (8 * len(sealed)).to_bytes(8, "big")
    for part in (beside, sealed, lengths):
        for at in range(0, len(part), 16):
            total = _times(total ^ int.from_bytes(part[at : at + 16].ljust(16, b"\0")), power)
    mask = int.from_bytes(block(nonce + b"\0\0\0\1"))
    return sealed + (total ^ mask).to_bytes(16)


# --- RFC 9180 and X-Wing --------------------------------------------------------------------------


def _labelled(salt: bytes, suite: bytes, label: bytes, ikm: bytes) -> bytes:
    return extract(salt, b"HPKE-v1" + suite + label + ikm)


def _grown(prk: bytes, suite: bytes, label: bytes, info: bytes, size: int) -> bytes:
    return expand(prk, size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, size)


def dh_secret(exchanged: bytes, enc: bytes, public: bytes) -> bytes:
    """Return DHKEM's shared secret from what X25519 gave (RFC 9180, section 4.1)."""
    suite = b"KEM" + X25519.to_bytes(2, "big")
    return _grown(_labelled(b"", suite, b"eae_prk", exchanged), suite, b"shared_secret", enc + public, 32)


def xwing_secret(lattice: bytes, exchanged: bytes, curve_enc: bytes, curve_public: bytes) -> bytes:
    """Return X-Wing's shared secret from those of its halves (draft-connolly-cfrg-xwing-kem, section 5.3)."""
    return hashlib.sha3_256(lattice + exchanged + curve_enc + curve_public + bytes.fromhex("5c2e2f2f5e5c")).digest()


def schedule(kem: int, aead: int, secret: bytes, info: bytes) -> tuple[bytes, bytes]:
    """Return key and base nonce of a base-mode context with HKDF-SHA-256 (RFC 9180, section 5.1)."""
    suite = b"HPKE" + kem.to_bytes(2, "big") + HKDF_SHA256.to_bytes(2, "big") + aead.to_bytes(2, "big")
    context = b"\0" + _labelled(b"", suite, b"psk_id_hash", b"") + _labelled(b"", suite, b"info_hash", info)
    prk = _labelled(secret, suite, b"secret", b"")
    return _grown(prk, suite, b"key", context, KEY_BYTES[aead]), _grown(prk, suite, b"base_nonce", context, 12)


def seal(kem: int, secret: bytes, info: bytes, plain: bytes) -> bytes:
    """Return the first message of a context under AES-256-GCM, without associated data."""
    return gcm(*schedule(kem, AES_256_GCM, secret, info), plain)
