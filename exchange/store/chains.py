"""Changesets as they were encoded: number, chain value, origin, base, outcome and the bytes themselves.

Both roles keep them in the same two tables. At the server the chain is that of a school's device, or, with a device
of eight zero bytes, what the centre itself changed in the school's scope, numbered by the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from exchange.limits import MIB
from exchange.records import ChangesetHead, Counts, Position
from exchange.store.database import Database

CENTRE = bytes(8)
"""The chain of what the centre itself changed in a scope."""

_STORED_BYTES = MIB
"""Parts are stored together up to about this much a row, so that a small changeset is one row."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A changeset's place in its chain.

    Attributes:
        number: Its number.
        value: Chain value at it (32 bytes).
        origin: Chain value when it was first cut.
        base: The other side's position when it was cut.
        position: Position in the log at which it was merged (server), else 0.
    """

    number: int
    value: bytes
    origin: bytes
    base: Position
    position: int


class PartWriter:
    """Stores the parts of one changeset as they come, in constant memory."""

    def __init__(self, db: Database, scope: str, device: bytes, number: int) -> None:
        self._db, self._key = db, (scope, device, number)
        self._waiting: list[bytes] = []
        self._size = self._rows = 0

    def add(self, part: bytes) -> None:
        """Take one part."""
        self._waiting += [len(part).to_bytes(4, "big"), part]
        self._size += len(part)
        if self._size >= _STORED_BYTES:
            self.close()

    def close(self) -> None:
        """Write what waits."""
        if self._waiting:
            self._db.execute(
                "INSERT INTO kirim_part (scope, device, number, part, bytes) VALUES (?, ?, ?, ?, ?)",
                (*self._key, self._rows, b"".join(self._waiting)),
            )
            self._waiting, self._size, self._rows = [], 0, self._rows + 1


def frame(parts: Iterable[bytes]) -> bytes:
    """Return parts in one piece, each behind its length."""
    return b"".join(piece for part in parts for piece in (len(part).to_bytes(4, "big"), part))


def unframe(stored: bytes) -> Iterator[bytes]:
    """Yield the parts that :func:`frame` joined."""
    at = 0
    while at < len(stored):
        size = int.from_bytes(stored[at : at + 4], "big")
        yield stored[at + 4 : at + 4 + size]
        at += 4 + size


def read_parts(db: Database, scope: str, device: bytes, number: int) -> Iterator[bytes]:
    """Yield the parts of a changeset as they were encoded, the head first."""
    row = 0
    while True:
        stored = db.value(
            "SELECT bytes FROM kirim_part WHERE scope = ? AND device = ? AND number = ? AND part = ?",
            (scope, device, number, row),
        )
        if stored is None:
            return
        yield from unframe(stored)
        row += 1


def add_changeset(
    db: Database,
    scope: str,
    device: bytes,
    head: ChangesetHead,
    value: bytes,
    *,
    position: int = 0,
    outcome: bytes | None = None,
    counts: Counts | None = None,
) -> None:
    """Record a changeset whose parts are stored."""
    told = counts or Counts()
    db.execute(
        "INSERT INTO kirim_changeset (scope, device, number, value, origin, base, base_value, position, outcome, applied, "
        "same, conflict, refused, held) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            scope,
            device,
            head.number,
            value,
            head.origin or value,
            head.base.number,
            head.base.value,
            position,
            outcome,
            told.applied,
            told.same,
            told.conflict,
            told.refused,
            told.held,
        ),
    )


def chain(db: Database, scope: str, device: bytes, first: int, last: int) -> list[Stored]:
    """Return the changesets of a chain after ``first`` up to ``last``, in order."""
    rows = db.execute(
        "SELECT number, value, origin, base, base_value, position FROM kirim_changeset "
        "WHERE scope = ? AND device = ? AND number > ? AND number <= ? ORDER BY number",
        (scope, device, first, last),
    )
    return [
        Stored(n, value, origin, Position(base, base_value), position)
        for n, value, origin, base, base_value, position in rows
    ]


def has_origin(db: Database, scope: str, device: bytes, origin: bytes) -> bool:
    """Whether a chain has a changeset, under whatever number, that was first cut with this chain value."""
    found = db.value(
        "SELECT 1 FROM kirim_changeset WHERE scope = ? AND origin = ? AND device = ?", (scope, origin, device)
    )
    return found is not None


def move(db: Database, scope: str, device: bytes, other: bytes, after: int) -> None:
    """Give the changesets of a chain after a number to another chain."""
    for table in ("kirim_changeset", "kirim_part"):
        db.execute(
            f"UPDATE {table} SET device = ? WHERE scope = ? AND device = ? AND number > ?", (other, scope, device, after)
        )


def drop(db: Database, scope: str, device: bytes) -> None:
    """Remove a chain that stood aside."""
    for table in ("kirim_changeset", "kirim_part"):
        db.execute(f"DELETE FROM {table} WHERE scope = ? AND device = ?", (scope, device))


def value_at(db: Database, scope: str, device: bytes, number: int) -> bytes | None:
    """Return a chain's value at a number beyond 0, or ``None`` when the changeset is not here."""
    found = db.value(
        "SELECT value FROM kirim_changeset WHERE scope = ? AND device = ? AND number = ?", (scope, device, number)
    )
    return None if found is None else bytes(found)
