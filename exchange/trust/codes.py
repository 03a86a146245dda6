"""Registration codes: 122 random bits that a person types once, and the keys that grow from them.

Numbers such as Dapodik's 9-digit ``kode_registrasi`` are data, never keys.

Source:
    docs/format.md, section 3.4.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from exchange import errors
from exchange.format.certificate import KeyKind
from exchange.format.container import scope_bytes
from exchange.trust.keys import Identity, identity_from_seed

CODE_SUITE = 2
"""Codes are used between programs of this version, so they take the hybrid suite."""

_TYPED_BESIDE = re.compile(r"[-\s\u2010-\u2015\u2212\u200b\u2060\ufeff]")
"""Hyphens and spaces, as people and word processors write them."""

_DIGITS = re.compile(r"[0-9a-fA-F]{32}")


def new_code(random: Callable[[int], bytes] = os.urandom) -> str:
    """Return a new registration code: a version-4 UUID of 36 characters.

    Args:
        random: Gives n random bytes.

    Example:
        >>> new_code(lambda n: bytes(n))
        '00000000-0000-4000-8000-000000000000'
    """
    return str(uuid.UUID(bytes=random(16), version=4))


def parse_code(text: str) -> bytes:
    """Return the 16 bytes of a code as somebody typed it; case, hyphens and spaces do not count.

    Raises:
        CodeWrong: KF-105, these are not 32 hexadecimal digits of a version-4 UUID.

    Source:
        docs/format.md, section 3.4.

    Example:
        >>> parse_code(" 00000000-0000-4000 8000-00000000000A ").hex()
        '0000000000004000800000000000000a'
    """
    digits = _TYPED_BESIDE.sub("", text)
    if not _DIGITS.fullmatch(digits):
        raise errors.CodeWrong()
    raw = bytes.fromhex(digits)
    if raw[6] >> 4 != 4 or raw[8] >> 6 != 2:
        raise errors.CodeWrong()
    return raw


def code_identity(code: bytes, scope: str | bytes, purpose: KeyKind = KeyKind.KODE_PERANGKAT) -> Identity:
    """Return the keys that grow from a code for one school.

    Args:
        code: 16 bytes of :func:`parse_code`.
        scope: ``sekolah_id``: the same code at another school gives other keys.
        purpose: KODE_PERANGKAT for a laptop, KODE_KEPALA for a head; the keys are equal, their ids differ.

    Source:
        docs/format.md, section 3.4.

    Example:
        >>> code_identity(bytes(16), "3f0c0000-0000-4000-8000-000000000001").key_id.hex()
        '05c8833ce3af53cd'
    """
    if purpose not in (KeyKind.KODE_PERANGKAT, KeyKind.KODE_KEPALA) or len(code) != 16:
        raise ValueError("a code has 16 bytes and one of two purposes")
    seed = HKDF(SHA256(), 64, scope_bytes(scope), b"kirim/1 kode").derive(code)
    return identity_from_seed(purpose, seed, CODE_SUITE)
