"""Card numbers in the one form in which they are compared.

A school types a KIP number from the back of a card, the programme office sends it in a list; both mean the same card
whatever the case and the spaces around it. O and 0, I and 1 stay different: nobody knows which the card shows.
"""

from __future__ import annotations

import re
import string

_UPPER = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)
_KIP = re.compile(r"[A-Z0-9]{6}")


def normal_card(number: str | None) -> str | None:
    """Return a KIP, KPS or KKS number trimmed and in upper case, or ``None`` if there is none.

    Only the letters A to Z change case: other alphabets have letters whose upper case is another letter.

    Source:
        domain, KIP (six characters, case does not count) and case K3 (equal after normalising: no change).

    Example:
        >>> normal_card(" zz00z1 "), normal_card("  "), normal_card(None)
        ('ZZ00Z1', None, None)
    """
    return ((number or "").strip().translate(_UPPER)) or None


def same_card(one: str | None, other: str | None) -> bool:
    """Whether two numbers name one card; no number is the same as no number.

    Example:
        >>> same_card("zz00z1", "ZZ00Z1 "), same_card("ZZ00ZI", "ZZ00Z1"), same_card(None, "")
        (True, False, True)
    """
    return normal_card(one) == normal_card(other)


def is_kip(number: str | None) -> bool:
    """Whether a number has the form of a KIP number: six letters or digits. There is no check digit.

    Example:
        >>> is_kip("zz00z1"), is_kip("ZZ00Z"), is_kip("ZZ-0Z1")
        (True, False, False)
    """
    return _KIP.fullmatch(normal_card(number) or "") is not None
