"""What an error says to people, in the language that is spoken now; the doors and the quarantine say the same."""

from __future__ import annotations

from exchange.errors import ExchangeError, Grave
from exchange.words import mark, number, tr

_PHRASES = {"detail", "part", "role", "wanted"}
"""Facts that may be a phrase of ours and not somebody's data."""

_GRAVE = {Grave.NOTE: mark("note"), Grave.WARNING: mark("needs action"), Grave.ALARM: mark("alarm")}
"""How serious it is, as message ids: *peringatan* is the word of Validasi Lokal for what stops nobody."""


def said(error: ExchangeError) -> tuple[str, str, str]:
    """Return what happened, what to do next and what is safe, with facts as people write them."""
    facts = {}
    for name, value in error.facts().items():
        facts[name] = number(value) if isinstance(value, int) else tr(value) if name in _PHRASES else value
    facts |= error.phrases(tr)
    what, then, safe = (tr(text).format(**facts) for text in (error.what, error.next, error.safe))
    return what, then, safe


def gravity(grave: Grave) -> str:
    """Return how serious it is, in a word or two.

    Example:
        >>> gravity(Grave.WARNING)
        'perlu tindakan'
    """
    return tr(_GRAVE[grave])
