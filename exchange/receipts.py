"""Receipts: the server's signed word on each package, made when a return first carries it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from exchange.laptops import others
from exchange.limits import RECEIPTS_MAX
from exchange.nodes import ServerNode
from exchange.records import Counts, Receipt
from exchange.store.server import School
from exchange.trust.receipts import sign_receipt


def receipts_after(
    server: ServerNode, school: School, position: int
) -> tuple[tuple[Receipt, ...], Iterator[tuple[int, bytes]]]:
    """Return the receipts of a school's packages that it cannot have seen, and the outcomes of its changesets.

    Packages that wait, and those that were refused after they had been verified, are told too: their author must know.
    The receipt of a merged package is signed once and the same for ever; the outcome of a changeset is that which was first given (rule 15).

    Args:
        server: The server.
        school: Whose.
        position: Log position that the school has applied.

    Returns:
        Receipts, oldest first, and (number, encoded outcome) of each changeset merged since; number 0 for those of other
        laptops of the school.
    """
    db = server.store.db
    rows = db.execute(
        "SELECT seq, package_id, number, device, first, last, plaintext, applied, same, conflict, refused, held, code, "
        "received_at, receipt, value FROM kirim_package p WHERE scope = ? AND ((state = 'held' "
        "AND NOT EXISTS (SELECT 1 FROM kirim_waived w WHERE w.package_id = p.package_id)) "
        "OR (state = 'merged' AND (position IS NULL OR position > ?)) OR (state = 'quarantined' AND position >= ?)) "
        "ORDER BY seq DESC LIMIT ?",
        (school.sekolah_id, position, position, RECEIPTS_MAX),
    ).fetchall()
    receipts = []
    for seq, package, number, device, first, last, plaintext, *counts, code, received_at, signature, value in reversed(
        rows
    ):
        receipt = Receipt(
            package_id=bytes(package),
            number=number,
            device=bytes(device),
            first=first,
            last=last,
            value=bytes(value or bytes(32)),
            plaintext=bytes(plaintext),
            counts=Counts(*counts),
            outcomes=outcomes_hash(server, school.sekolah_id, bytes(device), first, first if code else last),
            previous=ledger_before(server, seq),
            made_at=received_at,
            code=code,
            signature=bytes(signature or b""),
        )
        if not signature:
            receipt = sign_receipt(server.identity, school.sekolah_id, receipt)
            if not code:
                db.execute("UPDATE kirim_package SET receipt = ? WHERE seq = ?", (receipt.signature, seq))
        receipts.append(receipt)
    outcomes = db.execute(
        "SELECT number, outcome FROM kirim_changeset WHERE scope = ? AND device = ? AND position > ? AND outcome IS NOT NULL "
        "ORDER BY number",
        (school.sekolah_id, school.device, position),
    )
    told = [(number, bytes(outcome)) for number, outcome in outcomes]
    return tuple(receipts), iter([*told, *((0, outcome) for outcome in _of_former(server, school, position))])


def _of_former(server: ServerNode, school: School, position: int) -> Iterator[bytes]:
    """Yield what became of changesets of the school's other laptops, where not all was simply taken: somebody must know."""
    for device in others(server.store, school.sekolah_id, school.device) if school.device else ():
        for (outcome,) in server.store.db.execute(
            "SELECT outcome FROM kirim_changeset WHERE scope = ? AND device = ? AND position > ? "
            "AND conflict + refused > 0 ORDER BY number",
            (school.sekolah_id, device, position),
        ).fetchall():
            yield bytes(outcome)


def outcomes_hash(server: ServerNode, scope: str, device: bytes, first: int, last: int) -> bytes:
    """Return SHA-256 over the outcomes of a package's changesets, one after another (32 bytes)."""
    digest = hashlib.sha256()
    for (outcome,) in server.store.db.execute(
        "SELECT outcome FROM kirim_changeset WHERE scope = ? AND device = ? AND number > ? AND number <= ? ORDER BY number",
        (scope, device, first, last),
    ):
        digest.update(bytes(outcome or b""))
    return digest.digest()


def ledger_before(server: ServerNode, seq: int) -> bytes:
    """Return the ledger's value before an entry (32 bytes)."""
    found = server.store.db.value("SELECT ledger FROM kirim_package WHERE seq < ? ORDER BY seq DESC LIMIT 1", (seq,))
    return bytes(found or bytes(32))
