"""What a package is made of: its manifest and its items, in both directions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from exchange import __version__, digests
from exchange.acts import head
from exchange.format.body import Item
from exchange.format.changeset import encode_changeset
from exchange.limits import POSITIONS_MAX
from exchange.records import Answer, Approval, Block, ChangesetHead, Digests, Manifest, Op, Position, Receipt
from exchange.store import chains
from exchange.store.school import SchoolStore
from exchange.store.server import School, ServerStore

PROGRAM = __version__[:16]

RETURNED_MAX = 16
"""Positions of earlier returns that a return names (``docs/protocol.md`` 19)."""

LOGGED_MAX = 128
"""Of the log's own, the newest that it names: where a restored server and the one that wrote it went apart."""


# --- a school's package -----------------------------------------------------------------------


def school_manifest(store: SchoolStore, first: int, last: int, approval: Approval | None, told: Digests) -> Manifest:
    """Return the manifest of a school's changesets after ``first``, up to ``last``.

    Args:
        store: The school's store.
        first: Number of the changeset that the server has acknowledged.
        last: Number of the last changeset.
        approval: The head's, when there is any changeset.
        told: What the package says of the school's rows.
    """
    manifest = Manifest(
        schema=store.schema.version,
        program=PROGRAM,
        made_at=store.clock(),
        have=store.have_position,
        first=Position(first, (store.value_at(first) or b"")[:8]),
        last=last,
        reference=int(store.get("reference", "0")),
        approval=approval,
        digests=told,
    )
    if store.get("tell_all"):
        return replace(manifest, have_older=_have_older(store), first_older=_first_older(store))
    return manifest


def _have_older(store: SchoolStore) -> tuple[Position, ...]:
    found = store.db.execute(
        "SELECT position, value FROM kirim_return ORDER BY position DESC LIMIT ?", (POSITIONS_MAX,)
    )
    return tuple(Position(number, bytes(value)[:8]) for number, value in found)


def _first_older(store: SchoolStore) -> tuple[Position, ...]:
    found = chains.chain(store.db, store.scope, store.device, 0, store.acknowledged)
    return tuple(Position(entry.number, entry.value[:8]) for entry in reversed(found[-POSITIONS_MAX:]))


def school_items(store: SchoolStore, first: int, last: int) -> Iterator[tuple[Item, bytes]]:
    """Yield a school's changesets after ``first``, up to ``last``, as they were cut."""
    for changeset in range(first + 1, last + 1):
        for n, part in enumerate(chains.read_parts(store.db, store.scope, store.device, changeset)):
            yield (Item.BLOCK if n else Item.HEAD), part


# --- a return, and a prefill ------------------------------------------------------------------


def merged_position(store: ServerStore, school: School) -> Position:
    """Return how far the school's chain is merged, as a position of that chain."""
    row = store.db.execute(
        "SELECT last, value FROM kirim_key WHERE scope = ? AND key_id = ?", (school.sekolah_id, school.device)
    ).fetchone()
    return Position(row[0], bytes(row[1])[:8]) if row and row[1] else Position(0, bytes(8))


def server_manifest(
    store: ServerStore,
    school: School,
    first: Position,
    merged: Position,
    receipts: tuple[Receipt, ...] = (),
    districts: tuple[bytes, ...] = (),
) -> Manifest:
    """Return the manifest of what the server says to a school.

    Args:
        store: The server's store, in the transaction that makes the package.
        school: For whom.
        first: Log position after which the package begins.
        merged: How far the school's chain is merged.
        receipts: Of the school's packages.
        districts: Keys of the offices to which the school seals its packages as well.
    """
    behind = (school.sekolah_id, first.number)
    returned = store.db.execute(  # also those that were lost and given back: some laptop may stand there
        "SELECT p, value FROM (SELECT position AS p, value FROM kirim_return WHERE scope = ? AND position > ? UNION "
        "SELECT number AS p, value FROM kirim_given WHERE scope = ? AND number > ? ORDER BY p DESC LIMIT ?) UNION "
        "SELECT p, value FROM (SELECT position AS p, value FROM kirim_log WHERE scope = ? AND position > ? "
        "AND position < ? ORDER BY p DESC LIMIT ?)",
        (*behind, *behind, RETURNED_MAX, *behind, school.position, LOGGED_MAX),
    ).fetchall()
    shared = min(school.own, merged.number)
    value = chains.value_at(store.db, school.sekolah_id, school.device, shared) or bytes(8)
    positions = tuple(sorted((Position(p, bytes(v)[:8]) for p, v in returned), key=lambda position: position.number))
    return Manifest(
        schema=school.schema,
        program=PROGRAM,
        made_at=store.clock(),
        have=merged,
        first=first,
        last=school.position,
        reference=store.reference,
        receipts=receipts,
        digests=digests.returned(store, school),
        ledger=head(store)[1],
        answer=Answer(
            value=school.value,
            shared=Position(shared, value[:8]),
            returned=positions,
            lost=tuple(store.lost(school)[:RETURNED_MAX]),
            districts=districts,
        ),
    )


def server_items(
    store: ServerStore,
    school: School,
    blocks: Iterable[Block],
    reference: Iterable[Block],
    *,
    outcomes: Iterable[tuple[int, bytes]] = (),
    hashes: Iterable[bytes] = (),
) -> Iterator[tuple[Item, bytes]]:
    """Yield what the server says to a school, in the order in which the school takes it.

    Args:
        store: The server's store.
        school: For whom.
        blocks: Rows of the school's scope.
        reference: Rows of reference tables.
        outcomes: Number and outcome of the school's changesets.
        hashes: Row hashes of tables that differ.
    """
    merged = merged_position(store, school)
    for number in range(min(school.own, merged.number) + 1, merged.number + 1):
        for n, part in enumerate(chains.read_parts(store.db, school.sekolah_id, school.device, number)):
            yield (Item.BLOCK if n else Item.BRANCH), part
    for number, outcome in outcomes:
        yield Item.OUTCOME, number.to_bytes(4, "big") + outcome
    for packed in hashes:
        yield Item.HASHES, packed
    head = ChangesetHead(school.position, merged)
    for kind, content in ((Item.REFERENCE, reference), (Item.HEAD, blocks)):
        told = known_blocks(content, school.schema)
        for n, part in enumerate(encode_changeset(store.schema, school.sekolah_id, head, told)):
            yield (Item.BLOCK if n else kind), part


def known_blocks(blocks: Iterable[Block], version: int) -> Iterator[Block]:
    """Yield what a program of a schema version can read: without the tables and columns that came later.

    What is left out is not lost: once the school's program is newer, it is said again (``exchange/school/healing.py``).
    """
    for block in blocks:
        if block.table.since > version:
            continue
        wanted = [n for n, column in enumerate(block.columns) if column.since <= version]
        if len(wanted) == len(block.columns):
            yield block
        elif wanted or block.op is not Op.UPDATE:
            keys = len(block.table.key)
            values = [*block.values[:keys], *(block.values[keys + n] for n in wanted)]
            yield replace(block, columns=tuple(block.columns[n] for n in wanted), values=values)
