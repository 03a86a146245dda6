"""Ids that are derived from a row's natural key.

The same registration, membership or mark typed on two laptops gets the same id on both, so it is
one row, and a package need not carry it.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Sequence

NAMESPACE = uuid.uuid5(uuid.UUID(int=0), "kirim-file")
"""Namespace of every derived id."""

_NAMESPACE_HASH = hashlib.sha1(NAMESPACE.bytes, usedforsecurity=False)


def derive_id(table: str, *natural_key: object) -> str:
    """Return the id that a row's natural key gives: lower-case UUID text, version 5.

    Args:
        table: SQL name of the table.
        natural_key: Values of the natural key in declared order; none may be ``None``.

    Source:
        docs/format.md, section 3.7.

    Example:
        >>> derive_id("nilai_rapor", "a", "b") == derive_ids("nilai_rapor", [("a", "b")])[0]
        True
    """
    return derive_ids(table, [natural_key])[0]


def derive_ids(table: str, natural_keys: Iterable[Sequence[object]]) -> list[str]:
    """Return the derived id of each row of a column block, in order.

    Args:
        table: SQL name of the table.
        natural_keys: One sequence a row.
    """
    start = _NAMESPACE_HASH.copy()
    start.update(table.encode())
    ids = []
    for key in natural_keys:
        digest = start.copy()
        digest.update(("\0" + "\0".join(map(str, key))).encode())
        h = digest.hexdigest()
        ids.append(f"{h[:8]}-{h[8:12]}-5{h[13:16]}-{_VARIANT[h[16]]}{h[17:20]}-{h[20:32]}")
    return ids


_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
