"""File keys in the archive: each sealed file stands beside its own key, locked with the archive's.

Giving one file key away opens that file and no other, and the header's commitment proves that it is
the right one; so a rebuild or a later proof needs no retired key of the server.

Source:
    docs/format.md, section 3.9.
"""

from __future__ import annotations

import os
from collections.abc import Callable

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
_SALT_BYTES = 32
_FRONT_BYTES = 8 + _SALT_BYTES


def seal_act(archive: Identity, content: bytes, random: Callable[[int], bytes] = os.urandom) -> bytes:
    """Return an act's content sealed for the archive: its key id, a salt, and what a key of its own encrypts.

    Args:
        archive: Of kind ARSIP.
        content: What the act did.
        random: Gives n random bytes.
    """
    salt = random(_SALT_BYTES)
    # A key seals one content, so its nonce need not differ.
    return archive.key_id + salt + AESGCM(_act_key(archive, salt)).encrypt(_ACT_NONCE, content, None)


def act_key(archive: Identity, sealed: bytes) -> bytes:
    """Return the key of one act (32 bytes): giving it away opens that act and no other.

    Raises:
        WrapBad: KF-306, it was sealed for another archive.
    """
    if len(sealed) < _FRONT_BYTES or sealed[:8] != archive.key_id:
        raise errors.WrapBad()
    return _act_key(archive, sealed[8:_FRONT_BYTES])


def _act_key(archive: Identity, salt: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, _ACT).derive(archive.seal_seed)


def open_act(key: bytes, sealed: bytes) -> bytes:
    """Return an act's content.

    Raises:
        WrapBad: KF-306, another act's key, or damaged.
    """
    try:
        return AESGCM(key).decrypt(_ACT_NONCE, sealed[_FRONT_BYTES:], None)
    except (InvalidTag, ValueError) as error:
        raise errors.WrapBad() from error
