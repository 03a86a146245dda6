"""Short texts in fewer bits: names and addresses of a block's only row, too few for a compressor to learn from.

A prefix code, as in HPACK, with lengths after how often a letter stands in Indonesian names and addresses. It is part
of the format: a change would be another code beside this one.

Source:
    docs/format-body.md, section 4.4.
"""

from __future__ import annotations

_LENGTHS = {
    3: " a",
    4: "inrsu",
    5: "deghklmt",
    6: "1bopwy",
    7: ".023cj",
    8: "456789fz",
    9: "',-/v",
    10: "@q",
    11: "&():_x",
    12: '"#+',
}
"""Bits of each letter's code. Codes are canonical: counted upwards by length, then in this order."""


def _codes() -> dict[str, str]:
    codes, code, last = {}, 0, 0
    for length, letters in _LENGTHS.items():
        for letter in letters:
            code <<= length - last
            codes[letter] = f"{code:0{length}b}"
            code, last = code + 1, length
    return codes


_CODES = _codes()
_LETTERS = {code: letter for letter, code in _CODES.items()}
CHARACTERS_MAX = 255
"""Longer texts, remarks, travel as they are."""

_LOWER, _UPPER, _TITLE = "00", "01", "10"
"""First two bits: how the letters are written."""


def _titled(text: str) -> str:
    """Return a text with each word's first letter, behind a blank, as a capital."""
    return " ".join(word[:1].upper() + word[1:] for word in text.split(" "))


def pack(text: str) -> bytes | None:
    """Return a text's bits, filled up with ones; ``None`` if it is long, has other letters or a mixture of capitals.

    Example:
        >>> pack("SITI AMINAH").hex(), len(pack("Jl. Melati Raya No. 12")), pack("Ibu ke-2 dari McDonald")
        ('5d3280e114d7', 14, None)
    """
    if len(text) > CHARACTERS_MAX:
        return None
    plain = text.lower()
    if text == plain:
        bits = [_LOWER]
    elif text == plain.upper():
        bits = [_UPPER]
    elif text == _titled(plain):
        bits = [_TITLE]
    else:
        return None
    for letter in plain:
        code = _CODES.get(letter)
        if code is None:
            return None
        bits.append(code)
    joined = "".join(bits)
    joined += "1" * (-len(joined) % 8)
    return int(joined, 2).to_bytes(len(joined) // 8, "big")


def unpack(data: bytes) -> str:
    """Return the text that :func:`pack` wrote.

    Raises:
        ValueError: the bits are no such text in its one form.
    """
    if len(data) > 2 * CHARACTERS_MAX:
        raise ValueError("too long")
    bits = f"{int.from_bytes(data, 'big'):0{len(data) * 8}b}"
    letters, at, end = [], 2, 3
    while end <= len(bits):
        letter = _LETTERS.get(bits[at:end])
        if letter is not None:
            letters.append(letter)
            at = end
        end += 1
    text = "".join(letters)
    if bits[:2] == _UPPER:
        text = text.upper()
    elif bits[:2] == _TITLE:
        text = _titled(text)
    if pack(text) != data:
        raise ValueError("no packed text")
    return text
