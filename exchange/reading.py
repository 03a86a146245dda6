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
    """A piece that is no changeset.

    Attributes:
        kind: OUTCOME, HASHES, GIVEN or WANTED.
        number: Of the changeset whose outcome it is; of a GIVEN piece, 1 if more of the file follow.
        data: What is told.
    """

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

    def leading(self, kind: Item) -> Iterator[Told]:
        """Yield pieces of one kind as long as the next piece is one."""
        while self._next is not None and self._next[0] is kind:
            yield self._told(*self._take())

    def branch(self) -> Iterator[Found]:
        """Yield changesets of the receiver's own chain, as long as the next piece is one."""
        while self._next is not None and self._next[0] is Item.BRANCH:
            yield self._found(*self._take())

    def __iter__(self) -> Iterator[Found | Told]:
        """Yield changesets, and what else the package tells.

        Raises:
            Malformed: KF-208.
        """
        while self._next is not None:
            kind, data = self._take()
            yield self._found(kind, data) if kind in {Item.HEAD, Item.REFERENCE} else self._told(kind, data)

    def _found(self, kind: Item, data: bytes) -> Found:
        return Found(decode_head(data), kind, self._parts(data), self._schema, self._scope)

    def _told(self, kind: Item, data: bytes) -> Told:
        if kind is Item.OUTCOME and len(data) >= 4:
            return Told(kind, int.from_bytes(data[:4], "big"), data[4:])
        if kind is Item.GIVEN and data and data[0] <= 1:
            return Told(kind, data[0], data[1:])
        if (kind is Item.HASHES and len(data) % 16 == 2) or (kind is Item.WANTED and len(data) % 8 == 2):
            return Told(kind, 0, data)
        raise errors.Malformed(part=f"item {kind.name}")

    def _parts(self, head: bytes) -> Iterator[bytes]:
        yield head
        while self._next is not None and self._next[0] is Item.BLOCK:
            yield self._take()[1]


def changesets(schema: Schema, scope: str, items: Iterator[tuple[Item, bytes]]) -> Iterator[Found]:
    """Yield the changesets of a package that holds nothing else. Raises Malformed (KF-208) where it does."""
    yield from only_changesets(Content(schema, scope, items))


def only_changesets(content: Content) -> Iterator[Found]:
    """Yield the changesets of what is left of a package's content.

    Raises:
        Malformed: KF-208, something else stands between them.
    """
    for piece in content:
        if not isinstance(piece, Found):
            raise errors.Malformed(part="outcome in this package")
        yield piece
