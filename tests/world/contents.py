"""What stands in stores: changesets decoded once, and the texts in them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from exchange.format.changeset import decode_changeset
from exchange.store import chains
from exchange.store.database import Database
from tests.world.versions import VERSIONS


@dataclass(frozen=True)
class Content:
    """A changeset's content.

    Attributes:
        count: Number of changes.
        texts: Every text in it.
        shown: Those of them that stand only in rows of another school.
        digest: SHA-256 of its bytes (32 bytes).
    """

    count: int
    texts: frozenset[str]
    shown: frozenset[str]
    digest: bytes


class Contents:
    """Remembers what was decoded: a changeset under one number and one value never changes."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bytes, int, bytes], Content] = {}

    def of(self, db: Database, scope: str, device: bytes, number: int, value: bytes) -> Content:
        """Return a changeset's content."""
        key = (scope, bytes(device), number, bytes(value))
        if key not in self._known:
            parts = list(chains.read_parts(db, scope, key[1], number))
            count, own, shown = 0, set(), set()
            for block in decode_changeset(VERSIONS[-1], scope, parts)[1] if parts else ():
                count += block.count
                into = shown if block.home else own
                into.update(v for values in block.values for v in values if isinstance(v, str))
            self._known[key] = Content(count, frozenset(own | shown), frozenset(shown - own), hashlib.sha256(b"".join(parts)).digest())
        return self._known[key]

    def chain(self, db: Database, device: bytes, after: int = 0) -> Iterator[Content]:
        """Yield the changesets of one chain after a number."""
        for row in db.execute(
            "SELECT scope, device, number, value FROM kirim_changeset WHERE device = ? AND number > ? ORDER BY number",
            (device, after),
        ).fetchall():
            yield self.of(db, *row)

    def server(self, db: Database) -> Iterator[Content]:
        """Yield all changesets that the server keeps: the schools' and the centre's own."""
        for row in db.execute("SELECT scope, device, number, value FROM kirim_changeset").fetchall():
            yield self.of(db, *row)

    def laptop(self, db: Database) -> Iterator[Content]:
        """Yield all changesets that a laptop keeps: its own, and the returns that it applied."""
        yield from self.server(db)
        scope = str(db.value("SELECT value FROM kirim_meta WHERE name = 'sekolah_id'"))
        for position, value in db.execute("SELECT position, value FROM kirim_return").fetchall():
            yield self.of(db, scope, chains.CENTRE, position, value)
