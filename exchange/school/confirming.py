"""Who may approve what leaves a school, and the facts that he signs; the server states the same. What he ticks is :mod:`exchange.school.sheet`."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable

from exchange import errors
from exchange.clocks import day_in
from exchange.consent import CONSENT, CONSENT_VERSION
from exchange.nodes import SchoolNode
from exchange.records import Approval, Block, Op, Position
from exchange.rules.heads import CAUSES, Head, active_heads, why_nobody
from exchange.rules.local import validate
from exchange.school import capture
from exchange.school.accounts import check_seat
from exchange.school.capture import Net
from exchange.store.school import SchoolStore
from exchange.store.semester import running_semester
from exchange.store.source import StoreSource
from exchange.trust.approval import NO_ASSIGNMENT, ApprovalFacts, approve

Tables = dict[tuple[int, Op], int]
"""Changes by table and operation."""


def check_ready(node: SchoolNode) -> Head:
    """Return the assigned head when nothing stands in the way of an export.

    Raises:
        NoHead, TwoHeads, HeadKeyMissing: KF-312, KF-320, KF-314.
        AccountMissing, AccountClosed, RoleMissing, OtherAccount, AccountChanged: KF-321 to KF-325.
        DataInvalid: KF-501.
    """
    store = node.store
    head = check_head(node)
    source, running = StoreSource(store.db, store.schema), running_semester(store.db)
    day = day_in(running, store.clock)
    with store.db.transaction():
        found = validate(
            source, store.schema, day, running.semester_id, running.tahun_ajaran_id, sekolah_id=store.scope
        )
        invalid = {(finding.table, finding.row) for finding in found if finding.level.name == "INVALID"}
    if invalid:
        raise errors.DataInvalid(count=len(invalid))
    return head


def check_head(node: SchoolNode) -> Head:
    """Return the assigned head whose key is here and whose account is the one in use.

    Raises:
        NoHead: KF-312, with the condition that fails.
        TwoHeads: KF-320.
        HeadKeyMissing: KF-314.
        AccountMissing, AccountClosed, RoleMissing, OtherAccount, AccountChanged: KF-321 to KF-325.

    Source:
        domain 2.4; seed 002.
    """
    head, *more = assigned_heads(node.store)
    if more:
        raise errors.TwoHeads(kepala=head.nama, plt=more[0].nama)
    if node.head_subject() not in (NO_ASSIGNMENT, uuid.UUID(head.assignment).bytes):
        raise errors.HeadKeyMissing(nama=head.nama)
    check_seat(node.store, head)
    return head


def assigned_heads(store: SchoolStore) -> list[Head]:
    """Return whoever is head by the data that have come here: one, or a Kepala Sekolah and a Plt.

    Raises:
        NoHead: KF-312, with the condition that fails.
    """
    source, running = StoreSource(store.db, store.schema), running_semester(store.db)
    heads = active_heads(source, store.scope, running.tahun_ajaran_id)
    if heads:
        return heads
    cause, nama = why_nobody(source, store.scope, running.tahun_ajaran_id)
    year = int(running.tahun_ajaran_id)
    raise errors.NoHead(cause=CAUSES[cause], nama=nama, tahun=f"{year}/{year + 1}")


def tally(blocks: Iterable[Block]) -> tuple[Tables, Net]:
    """Return changes by table and operation as the approval counts them, and the net rows."""
    tables: Tables = {}
    changes: Net = {}
    for block in blocks:
        key = (block.table.number, block.op)
        tables[key] = tables.get(key, 0) + block.count
        capture.net([block], changes)
    return tables, changes


def approval_facts(
    *, scope: str, device: bytes, first: int, last: int, value: bytes, have: Position, tables: Tables
) -> ApprovalFacts:
    """Return what the head signs: exactly one chain, on one position of the server, with these counts."""
    counts = [
        (
            number,
            tables.get((number, Op.INSERT), 0),
            tables.get((number, Op.UPDATE), 0),
            tables.get((number, Op.DELETE), 0),
        )
        for number in sorted({number for number, _ in tables})
    ]
    return ApprovalFacts(
        scope=scope,
        device=device,
        first=first,
        last=last,
        value=value,
        have=have,
        counts=counts,
        consent_hash=hashlib.sha256(CONSENT.encode()).digest(),
    )


def approved(node: SchoolNode, head: Head, passphrase: str, first: int, last: int, tables: Tables) -> Approval:
    """Return the head's approval of the school's changesets after ``first``, up to ``last``.

    Raises:
        PassphraseWrong: KF-106.
    """
    store = node.store
    facts = approval_facts(
        scope=store.scope,
        device=store.device,
        first=first,
        last=last,
        value=store.value_at(last) or b"",
        have=store.have_position,
        tables=tables,
    )
    return approve(
        node.head(passphrase),
        facts,
        role=head.role,
        assignment=uuid.UUID(head.assignment).bytes,
        consent=CONSENT_VERSION,
        made_at=store.clock(),
    )
