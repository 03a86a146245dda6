"""A school's chain that went on without this laptop: it was restored from a backup, or copied and the other one sent first.

The return brings the changesets that the server has merged and this laptop has not. The laptop takes over their numbers,
so both sides have one chain again, and cuts its own changesets of the losing branch again on top: nothing that was entered
here is lost, and each says what its maker knew when it was entered.

Source:
    docs/protocol.md, rules 20, 24, 27 and 28.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from exchange import errors
from exchange.format.changeset import chain_next, decode_head, encode_head
from exchange.reading import Found
from exchange.records import ChangesetHead, CutAgain, Manifest, Position
from exchange.store import chains
from exchange.store.school import SchoolStore

_COMING, _ASIDE = b"\xfe" * 8, b"\xff" * 8
"""Chains of a moment: what the return brings, and the school's own changesets while their numbers are taken."""


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What a laptop learned of its own chain.

    Attributes:
        shared: Last number that both branches have in common; of several returns, the first one's.
        taken: Changesets of the school that this laptop did not have.
        again: Own changesets that were cut again on top of them.
    """

    shared: int = 0
    taken: int = 0
    again: int = 0

    def __add__(self, other: TakenOver) -> TakenOver:
        """Return what two returns did together."""
        return TakenOver(min(self.shared, other.shared), self.taken + other.taken, self.again + other.again)


def take_over(store: SchoolStore, manifest: Manifest, branch: Iterable[Found]) -> TakenOver:
    """Take over the changesets that a return brings and cut those of the losing branch again.

    Args:
        store: The school's store, inside a transaction, just cut.
        manifest: The return's; it fits.
        branch: Its changesets of the school's own chain, after the shared position.

    Raises:
        Malformed: KF-208, they do not lead to the position that the return says is merged.
    """
    assert manifest.answer is not None
    number = shared = manifest.answer.shared.number
    value = store.value_at(number) or b""
    for found in branch:
        number += 1
        if found.head.number != number:
            raise errors.Malformed(part="branch")
        value = _keep(store, found, value)
        if shared == number - 1 and store.value_at(number) == value:
            shared = number
    if number and Position(number, value[:8]) != manifest.have:
        raise errors.Malformed(part="branch")
    again = 0
    if shared < number:
        chains.move(store.db, store.scope, store.device, _ASIDE, shared)
        chains.move(store.db, store.scope, _COMING, store.device, shared)
        again = _cut_again(store, shared, number, value)
        chains.drop(store.db, store.scope, _ASIDE)
    chains.drop(store.db, store.scope, _COMING)
    return TakenOver(shared, number - shared, again)


def _keep(store: SchoolStore, found: Found, before: bytes) -> bytes:
    """Keep a changeset that a return brings as it is, and return the chain value at it."""
    writer = chains.PartWriter(store.db, store.scope, _COMING, found.head.number)
    for part in found.parts:
        found.digest.update(part)
        writer.add(part)
    writer.close()
    value = chain_next(before, found.digest.digest())
    chains.add_changeset(store.db, store.scope, _COMING, found.head, value)
    return value


def _cut_again(store: SchoolStore, shared: int, last: int, value: bytes) -> int:
    """Cut the losing branch's changesets again on top of a position, and return how many there were."""
    count = 0
    for stored in chains.chain(store.db, store.scope, _ASIDE, shared, 1 << 32):
        if chains.has_origin(store.db, store.scope, store.device, stored.origin):
            continue  # merged already, under another number
        count += 1
        parts = chains.read_parts(store.db, store.scope, _ASIDE, stored.number)
        old = decode_head(next(parts))
        known = old.again.known if old.again and old.again.last else shared
        head = ChangesetHead(last + count, old.base, CutAgain(stored.origin, known, last))
        value = rewrite(store, head, value, parts)
    return count


def rewrite(store: SchoolStore, head: ChangesetHead, before: bytes, blocks: Iterable[bytes]) -> bytes:
    """Write encoded blocks into a school's own chain behind a new head, and return the chain value there."""
    digest = hashlib.sha256()
    writer = chains.PartWriter(store.db, store.scope, store.device, head.number)
    for part in (encode_head(head), *blocks):
        digest.update(part)
        writer.add(part)
    writer.close()
    value = chain_next(before, digest.digest())
    chains.add_changeset(store.db, store.scope, store.device, head, value)
    return value
