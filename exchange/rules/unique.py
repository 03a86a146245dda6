"""Natural unique keys that two rows claim.

No such key is a constraint: two pupils with one NISN both exist and keep what they have, and one finding names both.
What is found does not depend on the order of the rows, so it does not matter who came first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from exchange.rules.findings import CLAIMED, Finding
from exchange.rules.kip import normal_card
from exchange.rules.values import blank, shown
from exchange.schema.model import Table


@dataclass(frozen=True, slots=True)
class Claim:
    """A key that several rows have.

    Attributes:
        table: Whose rows.
        columns: The columns of the key, one of :attr:`~exchange.schema.model.Table.unique`.
        value: Their values, padding left out.
        rows: (row id, home) of every claimant, sorted; at least two.
    """

    table: Table
    columns: tuple[str, ...]
    value: tuple[object, ...]
    rows: tuple[tuple[str, str | None], ...]

    @property
    def homes(self) -> tuple[str | None, ...]:
        """The homes that are to be told, each once, in order."""
        return tuple(dict.fromkeys(home for _, home in self.rows))

    def finding(self) -> Finding:
        """Return the one finding that names the rows: it stands at the first, and names the others."""
        others = ", ".join(row for row, _ in self.rows[1:11]) + (" …" if len(self.rows) > 11 else "")
        value = shown(" · ".join(map(str, self.value)))
        return CLAIMED.at(self.table).finding(
            self.rows[0][0], column=" ".join(self.columns), value=value, count=len(self.rows), others=others
        )


def claims(
    table: Table, columns: Sequence[str], triples: Iterable[tuple[str, Sequence[object], str | None]]
) -> list[Claim]:
    """Return the values of one natural key that more than one row has, in order of their first rows.

    A key of which a part is empty claims nothing. Texts are compared without the spaces with which CHAR columns are
    padded, card numbers in their one form; nothing else is changed, because a NISN is text.

    Args:
        table: Whose rows.
        columns: The key: one of ``table.unique``.
        triples: (row id, values of ``columns``, home) of live rows, in any order; a row given twice counts once.

    Source:
        Requirement R7: both rows exist and keep what they have, one finding names both, order is of no account.

    Example:
        >>> from exchange.schema.model import declare
        >>> table = declare(9, "contoh", "*id u; nisn c10", scope="@home", unique="nisn")
        >>> rows = [("b", ("0149999901",), "x"), ("a", ("0149999901",), "y"), ("c", ("",), "x"), ("d", (None,), "x")]
        >>> [claim.rows for claim in claims(table, ("nisn",), rows)]
        [(('a', 'y'), ('b', 'x'))]
    """
    claimants: dict[tuple[object, ...], dict[str, str | None]] = defaultdict(dict)
    form = _card if tuple(columns) == ("no_kip",) else _bare
    for row, values, home in triples:
        if not any(map(blank, values)):
            claimants[tuple(map(form, values))][row] = home
    found = [
        Claim(table, tuple(columns), value, tuple(sorted(rows.items(), key=lambda one: (one[0], one[1] or ""))))
        for value, rows in claimants.items()
        if len(rows) > 1
    ]
    return sorted(found, key=lambda claim: [row for row, _ in claim.rows])


def _bare(value: object) -> object:
    return value.rstrip(" ") if isinstance(value, str) else value


def _card(value: object) -> object:
    return normal_card(value) if isinstance(value, str) else value
