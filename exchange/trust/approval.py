"""The head's approval: a signature over exactly one chain and its counts.

It travels as five fields; the receiver builds everything else that was signed from its own log and
from the changesets themselves, so nothing else can be approved by it.

Source:
    docs/format.md, section 3.6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exchange import errors
from exchange.format.certificate import Certificate, KeyKind
from exchange.format.container import KEY_ID_BYTES, pack, scope_bytes
from exchange.records import Approval, Position
from exchange.trust.keys import Identity, PublicIdentity, check_signature

_DOMAIN = b"kirim/1 persetujuan\x00"

NO_ASSIGNMENT = bytes(16)
"""Assignment in the certificate of a head who enrolled before anybody was assigned."""


@dataclass(frozen=True, slots=True)
class ApprovalFacts:
    """What a head approves, as both sides can work it out.

    Attributes:
        scope: ``sekolah_id``.
        device: Key id of the laptop that sends (8 bytes).
        first: Number before the first changeset (``a``).
        last: Number of the last one (``n``).
        value: Chain value at ``last`` (32 bytes).
        have: The server's position that the school had applied (``m``), with the first 8 bytes of its value.
        counts: (table number, inserted, updated, deleted), any order, one entry a table.
        consent_hash: SHA-256 of the consent's text (32 bytes).
    """

    scope: str
    device: bytes
    first: int
    last: int
    value: bytes
    have: Position
    counts: Sequence[tuple[int, int, int, int]]
    consent_hash: bytes


def approve(
    head: Identity, facts: ApprovalFacts, *, role: int, assignment: bytes, consent: int, made_at: int
) -> Approval:
    """Return a head's approval.

    The same facts give the same bytes, and it may ride again in another file with the same changesets.

    Args:
        head: Of kind KEPALA.
        facts: What is approved.
        role: 1 Kepala Sekolah, 2 Plt.
        assignment: Id of the ``tugas_tambahan`` row (16 bytes).
        consent: Version of the consent's text.
        made_at: Seconds since 1970; information only.

    Raises:
        ValueError: a field of another size, or a table twice; a fault of the caller.

    Source:
        docs/format.md, section 3.6.
    """
    if head.kind is not KeyKind.KEPALA:
        raise ValueError("only a head approves")
    message = _message(facts, role, assignment, consent, made_at)
    return Approval(role, assignment, consent, made_at, head.sign(message))


def check_approval(approval: Approval, facts: ApprovalFacts, head: Certificate | PublicIdentity) -> None:
    """Return only if a head approved exactly these facts.

    Whether that head is the one whom the district names is for the caller to say (KF-310).

    Args:
        approval: As it came.
        facts: As the receiver works them out.
        head: The head's keys. Of a certificate, the assignment counts too; one made out for none (zeros, for a
            school that enrolled before its head was named) speaks for whoever the district names.

    Raises:
        ApprovalBad: KF-309, another chain, other counts, another assignment, or not this head's signature.

    Source:
        docs/format.md, section 3.6.
    """
    if head.kind is not KeyKind.KEPALA:
        raise errors.ApprovalBad()
    if isinstance(head, Certificate) and head.subject not in (approval.assignment, NO_ASSIGNMENT):
        raise errors.ApprovalBad()
    try:
        message = _message(facts, approval.role, approval.assignment, approval.consent, approval.made_at)
    except (ValueError, OverflowError) as error:
        raise errors.ApprovalBad() from error
    check_signature(head.verify_key, approval.signature, message, errors.ApprovalBad())


def _message(facts: ApprovalFacts, role: int, assignment: bytes, consent: int, made_at: int) -> bytes:
    sizes = (len(facts.device), len(facts.value), len(facts.have.value), len(assignment), len(facts.consent_hash))
    if sizes != (KEY_ID_BYTES, 32, 8, 16, 32) or role not in (1, 2):
        raise ValueError("a field of the approval has another size than the format says")
    counts = sorted(facts.counts)
    if len({table for table, *_ in counts}) != len(counts):
        raise ValueError("a table is counted twice")
    return _DOMAIN + pack(
        [
            scope_bytes(facts.scope),
            facts.device,
            facts.first,
            facts.last,
            facts.value,
            facts.have.number,
            facts.have.value,
            role,
            assignment,
            consent,
            facts.consent_hash,
            made_at,
            counts,
        ]
    )
