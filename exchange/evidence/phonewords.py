"""A digest as a few Indonesian words, which two people compare over the telephone."""

from __future__ import annotations

from functools import cache
from pathlib import Path

COUNT = 8
"""Words of one digest: 80 bits, as in a key's fingerprint."""

_BITS = 10
_LIST = Path(__file__).parents[1] / "locale" / "kata.txt"


@cache
def phone_list() -> tuple[str, ...]:
    """Return the 1,024 words: common ones, and no two that differ in one letter or in the order of two."""
    return tuple(_LIST.read_text(encoding="ascii").split())


def words_of(digest: bytes) -> list[str]:
    """Return the first 80 bits of a digest as eight words, ten bits each, the first bits first.

    Args:
        digest: At least 10 bytes.

    Source:
        docs/format.md, section 8.5.

    Example:
        >>> words_of(bytes(10))[:2] == [phone_list()[0]] * 2, words_of(bytes([255] * 10))[7] == phone_list()[1023]
        (True, True)
    """
    value = int.from_bytes(digest[: COUNT * _BITS // 8], "big")
    return [phone_list()[value >> _BITS * n & 1023] for n in reversed(range(COUNT))]
