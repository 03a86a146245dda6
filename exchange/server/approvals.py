"""Whose approval a package carries, and whether that person may approve it.

The dinas's data name the head; his key says that it was he. A key that was certified before anybody was assigned speaks for
the first assignment that it approves for, and for no later one: a former head's key never becomes his successor's.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from exchange import errors
from exchange.format.certificate import Certificate, KeyKind, decode_certificate
from exchange.laptops import CONTESTED, REJECTED, REVOKED
from exchange.nodes import ServerNode
from exchange.records import Approval, Manifest, Op
from exchange.rules.heads import active_heads, former_role
from exchange.school.confirming import approval_facts
from exchange.server.standing import Chain
from exchange.store.server import School
from exchange.store.source import StoreSource
from exchange.trust.approval import NO_ASSIGNMENT, ApprovalFacts, check_approval
from exchange.trust.keys import public_of


@dataclass(frozen=True, slots=True)
class _HeadKey:
    """A head's key as the server knows it: for which assignment it speaks, and its state."""

    certificate: Certificate
    subject: bytes
    state: str


def check_approved(
    server: ServerNode,
    school: School,
    chain: Chain,
    manifest: Manifest,
    value: bytes,
    tables: Mapping[tuple[int, Op], int],
    merged: int,
) -> None:
    """Return only if a package's changesets are approved by whoever may.

    Whoever the dinas's data name now may; for what was merged before, and for what a revoked laptop had made up to its
    last number, every head who was ever assigned: such files come years later.

    Args:
        server: The server; the package's changesets are taken already, in the caller's transaction.
        school: Whose package.
        chain: The laptop's, and how far its key counts.
        manifest: What the package says.
        value: Chain value at its last changeset (32 bytes).
        tables: Changes by table and operation.
        merged: Number up to which this laptop's chain was merged before.

    Raises:
        ApprovalBad: KF-309, there is none, or it fits another chain, other counts or nobody's key.
        CodeTwice: KF-311, by one of several keys under one code.
        ApprovalOther: KF-310, by somebody who is not head, or by a key that was revoked.

    Source:
        docs/format.md, sections 3.6 and 4; domain 2.4.
    """
    if manifest.last == manifest.first.number:
        return
    approval = manifest.approval
    if approval is None:
        raise errors.ApprovalBad()
    old = manifest.last <= merged or (chain.state == REVOKED and manifest.last <= chain.revoked_after)
    _check_named(server, school, approval, old)
    facts = approval_facts(
        scope=school.sekolah_id,
        device=chain.device,
        first=manifest.first.number,
        last=manifest.last,
        value=value,
        have=manifest.have,
        tables=dict(tables),
    )
    key = _signer(server, school, approval, facts)
    if key.state == CONTESTED:
        raise errors.CodeTwice()
    if key.state in (REVOKED, REJECTED) and not old:
        raise errors.ApprovalOther()
    if key.subject == NO_ASSIGNMENT:
        server.store.db.execute(
            "UPDATE kirim_key SET subject = ? WHERE scope = ? AND key_id = ?",
            (approval.assignment, school.sekolah_id, key.certificate.key_id),
        )


def _check_named(server: ServerNode, school: School, approval: Approval, old: bool) -> None:
    """The assignment is one that the dinas's data name: now, or for old changesets ever."""
    store, scope = server.store, school.sekolah_id
    source = StoreSource(store.db, store.schema, scope)
    assignment = str(uuid.UUID(bytes=approval.assignment))
    for head in active_heads(source, scope, server.semester.tahun_ajaran_id):
        if head.assignment == assignment and head.role == approval.role:
            return
    if not (old and former_role(source, scope, assignment) == approval.role):
        raise errors.ApprovalOther()


def _signer(server: ServerNode, school: School, approval: Approval, facts: ApprovalFacts) -> _HeadKey:
    """Return the key that approved these facts for this assignment."""
    found = server.store.db.execute(
        "SELECT body, subject, state FROM kirim_key WHERE scope = ? AND kind = ? ORDER BY rowid DESC",
        (school.sekolah_id, int(KeyKind.KEPALA)),
    ).fetchall()
    for body, subject, state in found:
        key = _HeadKey(decode_certificate(bytes(body)), bytes(subject), state)
        if key.subject in (NO_ASSIGNMENT, approval.assignment):
            try:
                check_approval(approval, facts, public_of(key.certificate))
            except errors.ApprovalBad:
                continue
            return key
    raise errors.ApprovalBad()
