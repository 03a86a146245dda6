"""Receipts: the server's signed word on each package, made with its entry in the ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from exchange.format.entry import PackageEntry, read_entry
from exchange.laptops import others
from exchange.limits import RECEIPTS_MAX
from exchange.records import PackageKind, Receipt
from exchange.store.server import School, ServerStore
from exchange.trust.receipts import receipt_of


def receipts_after(
    store: ServerStore, school: School, position: int
) -> tuple[tuple[Receipt, ...], Iterator[tuple[int, bytes]]]:
    """Return the receipts of a school's packages that it cannot have seen, and the outcomes of its changesets.

    Packages that wait, and those that were refused after they had been verified, are told too: their author must know.
    A receipt is the ledger's entry, signed once and the same for ever; the outcome of a changeset is that which was first
    given (rule 15).

    Args:
        store: The server's.
        school: Whose.
        position: Log position that the school has applied.

    Returns:
        Receipts, oldest first, and (number, encoded outcome) of each changeset merged since; number 0 for those of other
        laptops of the school.
    """
    rows = store.db.execute(
        "SELECT e.entry, e.signature FROM kirim_package p JOIN kirim_entry e ON e.seq = p.seq WHERE p.scope = ? "
        "AND ((p.state = 'held' AND NOT EXISTS (SELECT 1 FROM kirim_waived w WHERE w.package_id = p.package_id)) "
        "OR (p.state = 'merged' AND (p.position IS NULL OR p.position > ?)) "
        "OR (p.state = 'quarantined' AND p.position >= ?)) ORDER BY p.seq DESC LIMIT ?",
        (school.sekolah_id, position, position, RECEIPTS_MAX),
    ).fetchall()
    receipts = []
    for packed, signature in reversed(rows):
        entry = read_entry(bytes(packed))
        assert isinstance(entry, PackageEntry)
        receipts.append(receipt_of(entry.receipt, bytes(signature))[1])
    outcomes = store.db.execute(
        "SELECT number, outcome FROM kirim_changeset WHERE scope = ? AND device = ? AND position > ? AND outcome IS NOT NULL "
        "ORDER BY number",
        (school.sekolah_id, school.device, position),
    )
    told = [(number, bytes(outcome)) for number, outcome in outcomes]
    return tuple(receipts), iter([*told, *((0, outcome) for outcome in _of_former(store, school, position))])


def has_untold(store: ServerStore, school: School) -> bool:
    """Return whether a school waits for what has no position in its log, and what was written so far does not bring it.

    That is the receipt of a package that was held or refused, whose author does not know yet, and reference rows: they are
    everybody's, and a school that has applied the last return would take another one for a repeat.
    """
    last = store.db.execute(
        "SELECT ledger, reference FROM kirim_return WHERE scope = ? AND kind = ? ORDER BY number DESC LIMIT 1",
        (school.sekolah_id, int(PackageKind.BALASAN)),
    ).fetchone()
    ledger, reference = last or (0, school.reference)
    if school.reference < store.reference and (school.have == school.position or reference < store.reference):
        return True
    return bool(
        store.db.value(
            "SELECT 1 FROM kirim_package WHERE scope = ? AND state IN ('held', 'quarantined') AND seq > ? LIMIT 1",
            (school.sekolah_id, ledger),
        )
    )


def _of_former(store: ServerStore, school: School, position: int) -> Iterator[bytes]:
    """Yield what became of changesets of the school's other laptops, where not all was simply taken: somebody must know."""
    for device in others(store, school.sekolah_id, school.device) if school.device else ():
        for (outcome,) in store.db.execute(
            "SELECT outcome FROM kirim_changeset WHERE scope = ? AND device = ? AND position > ? "
            "AND conflict + refused > 0 ORDER BY number",
            (school.sekolah_id, device, position),
        ).fetchall():
            yield bytes(outcome)


def outcomes_hash(store: ServerStore, scope: str, device: bytes, first: int, last: int) -> bytes:
    """Return SHA-256 over the outcomes of a package's changesets, one after another (32 bytes)."""
    digest = hashlib.sha256()
    for (outcome,) in store.db.execute(
        "SELECT outcome FROM kirim_changeset WHERE scope = ? AND device = ? AND number > ? AND number <= ? ORDER BY number",
        (scope, device, first, last),
    ):
        digest.update(bytes(outcome or b""))
    return digest.digest()
