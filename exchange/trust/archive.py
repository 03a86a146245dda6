"""File keys in the archive: each sealed file stands beside its own key, locked with the archive's.

Giving one file key away opens that file and no other, and the header's commitment proves that it is
the right one; so a rebuild or a later proof needs no retired key of the server.

Source:
    docs/format.md, section 3.9.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from exchange import errors
from exchange.trust import wraps
from exchange.trust.keys import Identity, PublicIdentity

_DOMAIN = b"kirim/1 arsip\x00"


def lock_file_key(archive: PublicIdentity, package_id: bytes, file_key: bytes) -> bytes:
    """Return a file key locked for the archive: 80 (suite 1) or 1,168 bytes (suite 2).

    Args:
        archive: Of kind ARSIP.
        package_id: Of the file (32 bytes); the lock opens with no other.
        file_key: From the :class:`~exchange.trust.opening.VerifiedPackage` or what sealing gave.
    """
    return wraps.wrap(archive.suite, archive.seal_key, file_key, _DOMAIN + package_id)


def unlock_file_key(archive: Identity, package_id: bytes, locked: bytes) -> bytes:
    """Return the file key of one archived file (32 bytes).

    Raises:
        WrapBad: KF-306, another file's, another archive's, or damaged.
    """
    file_key = archive.unwrap(locked, _DOMAIN + package_id)
    if len(file_key) != 32:
        raise errors.WrapBad()
    return file_key


# --- acts of the centre -----------------------------------------------------------------------

_ACT = b"kirim/1 tindakan\x00"
_ACT_NONCE = bytes(12)


def act_key(archive: Identity, value: bytes) -> bytes:
    """Return the key of one act (32 bytes): giving it away opens that act and no other.

    Args:
        archive: Of kind ARSIP.
        value: The ledger's value at the act (32 bytes); no two entries share one.
    """
    return HKDF(SHA256(), 32, value, _ACT).derive(archive.seal_seed)


def seal_act(key: bytes, content: bytes) -> bytes:
    """Return an act's content sealed with its key, which seals nothing else: so the nonce need not differ."""
    return AESGCM(key).encrypt(_ACT_NONCE, content, None)


def open_act(key: bytes, sealed: bytes) -> bytes:
    """Return an act's content.

    Raises:
        WrapBad: KF-306, another act's key, or damaged.
    """
    try:
        return AESGCM(key).decrypt(_ACT_NONCE, sealed, None)
    except (InvalidTag, ValueError) as error:
        raise errors.WrapBad() from error
