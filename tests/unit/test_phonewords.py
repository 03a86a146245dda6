"""Eight words stand for a digest: every digest has its own, and no two words are taken for each other."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from exchange.evidence.phonewords import phone_list, words_of


def alike(a: str, b: str) -> bool:
    """Whether two words differ in one letter at most, or in the order of two neighbours."""
    if abs(len(a) - len(b)) > 1:
        return False
    a, b = sorted((a, b), key=len)
    at = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    if len(a) != len(b):
        return a[at:] == b[at + 1 :]
    return a[at + 1 :] == b[at + 1 :] or (a[at : at + 2] == b[at : at + 2][::-1] and a[at + 2 :] == b[at + 2 :])


def test_the_list_has_1024_short_words_in_order():
    words = phone_list()
    assert len(words) == len(set(words)) == 1024
    assert list(words) == sorted(words)
    assert all(word.isascii() and word.islower() and word.isalpha() and 4 <= len(word) <= 8 for word in words)


def test_no_two_words_are_alike():
    words = phone_list()
    assert [(a, b) for n, a in enumerate(words) for b in words[n + 1 :] if alike(a, b)] == []
    assert [(a, b) for n, a in enumerate(words) for b in words[n + 1 :] if b.startswith(a)] == []


def test_the_list_never_changes():
    """Two programs of different age must say the same words."""
    assert hashlib.sha256("\n".join(phone_list()).encode()).hexdigest() == "1b46b0323b3a3327551500f91798e14a6d4bf9f422cac8941648b51be2110112"


@given(st.binary(min_size=10, max_size=32))
def test_the_words_tell_80_bits(digest):
    index = {word: n for n, word in enumerate(phone_list())}
    value = 0
    for word in words_of(digest):
        value = value << 10 | index[word]
    assert value.to_bytes(10, "big") == digest[:10]
