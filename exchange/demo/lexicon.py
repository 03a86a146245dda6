"""Invented words and names, thousands of distinct ones, in the sound of the archipelago.

Names from a short list would flatter compression, and real people's names have no place here: so
words are built from syllables, and drawn with a skew like that of real given names, where a few are
very common and most are rare.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from random import Random

_ONSETS = (*(tuple("bdghjklmnprstwy") * 3), "", "ny", "ng", "kr", "pr", "sy", "tr", "br", "dw", "kh")
_NUCLEI = ("a", "a", "a", "i", "i", "u", "u", "e", "o", "ai")
_CODAS = ("", "", "", "", "n", "r", "s", "h", "ng", "t", "l", "m", "k")
_ENDINGS = {
    "L": ("", "", "no", "to", "wan", "man", "din", "yan", "di", "ra"),
    "P": ("", "", "ti", "wati", "ni", "sih", "yah", "na", "a", "lia"),
    "": ("",),
}


@cache
def words(theme: str, count: int, syllables: int = 2, sex: str = "") -> tuple[str, ...]:
    """Return distinct invented words, the same ones for the same arguments.

    Args:
        theme: Sets this list apart from others.
        count: How many, at most 20,000.
        syllables: Fewest syllables of a word; some have one more.
        sex: ``L`` or ``P`` for endings that are heard in names, empty for places.

    Example:
        >>> len(set(words("jalan", 500))), words("jalan", 2) == words("jalan", 500)[:2]
        (500, True)
    """
    random = Random(f"kirim/{theme}/{sex}")  # noqa: S311
    found: dict[str, None] = {}
    while len(found) < count:
        parts = [
            random.choice(_ONSETS) + random.choice(_NUCLEI) + random.choice(_CODAS if part else _CODAS[:6])
            for part in range(syllables + (random.random() < 0.3))
        ]
        word = "".join(parts) + random.choice(_ENDINGS[sex])
        if 4 <= len(word) <= 13:
            found[word.capitalize()] = None
    return tuple(found)


@cache
def _weights(count: int) -> tuple[float, ...]:
    """Cumulative weights: the n-th word is drawn as 1 / (n + 12), the skew of given names."""
    return tuple(accumulate(1 / (place + 12) for place in range(count)))


def skewed(random: Random, options: Sequence[str]) -> str:
    """Return one of the options, early ones more often."""
    return random.choices(options, cum_weights=_weights(len(options)))[0]


def person_name(random: Random, sex: str) -> str:
    """Return a name of one to three words in capitals, as operators type them.

    Args:
        random: Where chance comes from.
        sex: ``L`` or ``P``.
    """
    first = words("depan", 2500, 2, sex)
    last = words("belakang", 4000, 2, sex)
    parts = [skewed(random, first)]
    count = random.random()
    if count < 0.92:
        parts.append(skewed(random, last))
    if count < 0.38:
        parts.append(skewed(random, last))
    return " ".join(parts).upper()
