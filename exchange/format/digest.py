"""Digests of rows: equal on both sides exactly when every value of every row is equal, whatever the order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgpack

_MODULUS = 1 << 64


def row_hash(values: Sequence[object]) -> bytes:
    """Return the short hash of one row: the first 8 bytes of SHA-256 over a msgpack array of its values.

    Args:
        values: Key values, then every column in wire order, in the form of a store.

    Source:
        docs/format-body.md, section 7.1.

    Example:
        >>> row_hash(["a", 1]) == row_hash(("a", 1)) != row_hash(["a", 1.0])
        True
    """
    return hashlib.sha256(msgpack.packb(values, use_bin_type=True)).digest()[:8]


def table_digest(found: Iterable[Sequence[object]]) -> tuple[int, bytes]:
    """Return (rows, digest): the sum of the row hashes modulo 2^64, so that order does not matter (8 bytes).

    Source:
        docs/format-body.md, section 7.2; requirement R28.

    Example:
        >>> table_digest([("a", 1), ("b", None)]) == table_digest([("b", None), ("a", 1)])
        True
    """
    pack, sha, total, count = msgpack.Packer(use_bin_type=True).pack, hashlib.sha256, 0, 0
    for row in found:
        total += int.from_bytes(sha(pack(row)).digest()[:8], "big")
        count += 1
    return count, (total % _MODULUS).to_bytes(8, "big")


def root(tables: Mapping[int, tuple[int, bytes]]) -> bytes:
    """Return the first 16 bytes of SHA-256 over all tables' numbers, counts and digests, in order of the numbers.

    Args:
        tables: Number to (rows, digest); those without rows say nothing.

    Source:
        docs/format-body.md, section 7.2.
    """
    digest = hashlib.sha256(b"kirim/1 sidik\0")
    for number in sorted(tables):
        count, value = tables[number]
        if count:
            digest.update(number.to_bytes(2, "big") + count.to_bytes(4, "big") + value)
    return digest.digest()[:16]
