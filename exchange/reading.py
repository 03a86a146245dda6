"""The content of an opened package, piece by piece: changesets and outcomes in the order in which they stand."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from exchange import errors
from exchange.format.body import Item
from exchange.format.changeset import decode_changeset, decode_head
from exchange.records import Block, ChangesetHead
from exchange.schema.model import Schema


@dataclass
class Found:
    """One changeset, read once from front to back.

    Attributes:
        head: Its head.
        kind: HEAD; REFERENCE, if its rows are reference rows; BRANCH, if it is the receiver's own.
        parts: Its encoded parts, the head's first.
        digest: SHA-256 of the parts read so far; complete when they are exhausted.
    """

    head: ChangesetHead
    kind: Item
    parts: Iterator[bytes]
    _schema: Schema = field(repr=False)
    _scope: str = field(repr=False)
    digest: hashlib._Hash = field(default_factory=hashlib.sha256, repr=False)

    @property
    def blocks(self) -> Iterator[Block]:
        """Its blocks, decoded as they come."""
        return decode_changeset(self._schema, self._scope, self.parts)[1]

    def tapped(self, keep: Callable[[bytes], object]) -> Iterator[Block]:
        """Yield its blocks while every part is hashed and kept."""

        def through() -> Iterator[bytes]:
            for part in self.parts:
                self.digest.update(part)
                keep(part)
                yield part

        return decode_changeset(self._schema, self._scope, through())[1]

    def skim(self) -> bytes:
        """Read it without decoding and return the SHA-256 of its bytes."""
        for part in self.parts:
            self.digest.update(part)
        return self.digest.digest()


@dataclass(frozen=True, slots=True)
class Told:
    """A piece that is no changeset: the outcome of changeset ``number``, a table's row hashes, given or wanted things."""

    kind: Item
    number: int
    data: bytes


class Content:
    """Reads items in order. Each changeset must be exhausted before the next piece is asked for.

    Args:
        schema: The exchanged tables.
        scope: ``sekolah_id``.
        items: Of :func:`exchange.format.body.read_body`.
    """

    def __init__(self, schema: Schema, scope: str, items: Iterator[tuple[Item, bytes]]) -> None:
        self._schema, self._scope, self._items = schema, scope, items
        self._next = next(items, None)

    def _take(self) -> tuple[Item, bytes]:
        assert self._next is not None
        taken, self._next = self._next, next(self._items, None)
        return taken

    def __iter__(self) -> Iterator[Found | Told]:
        """Yield changesets, and what else the package tells.

        Raises:
            Malformed: KF-208.
        """
        while self._next is not None:
            kind, data = self._take()
            if kind is Item.OUTCOME:
                if len(data) < 4:
                    raise errors.Malformed(part="outcome")
                yield Told(kind, int.from_bytes(data[:4], "big"), data[4:])
            elif kind is Item.HASHES:
                if len(data) % 16 != 2:
                    raise errors.Malformed(part="row hashes")
                yield Told(kind, 0, data)
            elif kind is Item.WANTED:
                if len(data) % 8 != 2:
                    raise errors.Malformed(part="wanted rows")
                yield Told(kind, 0, data)
            elif kind is Item.GIVEN:
                if not data or data[0] > 1:
                    raise errors.Malformed(part="given return")
                yield Told(kind, data[0], data[1:])
            elif kind in {Item.HEAD, Item.REFERENCE, Item.BRANCH}:
                yield Found(decode_head(data), kind, self._parts(data), self._schema, self._scope)
            else:
                raise errors.Malformed(part="block without a changeset")

    def _parts(self, head: bytes) -> Iterator[bytes]:
        yield head
        while self._next is not None and self._next[0] is Item.BLOCK:
            yield self._take()[1]


def changesets(schema: Schema, scope: str, items: Iterator[tuple[Item, bytes]]) -> Iterator[Found]:
    """Yield the changesets of a package that holds nothing else.

    Raises:
        Malformed: KF-208, something else stands between them.
    """
    for piece in Content(schema, scope, items):
        if not isinstance(piece, Found):
            raise errors.Malformed(part="outcome in this package")
        yield piece
