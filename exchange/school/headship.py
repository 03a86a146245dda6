"""Another head: a code from the dinas certifies the new head's key, without a trip of its own.

From then on the former head's passphrase opens nothing, and the new head's first approval covers whatever still waits at the
server.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from exchange import errors
from exchange.format.certificate import KeyKind
from exchange.nodes import KEYS, SchoolNode
from exchange.rules.heads import ASSIGNED, ROLES, Head, active_heads
from exchange.school.accounts import ACTIVE, seat
from exchange.school.confirming import assigned_heads
from exchange.school.riding import ride
from exchange.store.semester import running_semester
from exchange.store.source import StoreSource
from exchange.trust.approval import NO_ASSIGNMENT
from exchange.trust.certificates import issue
from exchange.trust.codes import code_identity, parse_code
from exchange.trust.keyfiles import check_passphrase, save_head_key
from exchange.trust.keys import fingerprint, new_identity


@dataclass(frozen=True, slots=True)
class HeadMade:
    """A head's new key on a laptop."""

    head: Head
    fingerprint: str

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim school head --json``."""
        return {
            "nama": self.head.nama,
            "role": ROLES[self.head.role],
            "assignment": self.head.assignment,
            "fingerprint": self.fingerprint,
        }


def change_head(node: SchoolNode, code: str, passphrase: str, letter: Iterable[str] = ()) -> HeadMade:
    """Make the key of whoever is head now, certified by a code; the former key is gone.

    The new head's account has the role and is the one in use from then on; the former head's loses it. The code's signing
    key is forgotten at once. A kill leaves the former key or the new one, never neither.

    Args:
        node: The school.
        code: The code of purpose *kepala* as somebody typed it.
        passphrase: The new head's, at least 12 characters.
        letter: The lines of the code's file, if there is one: it says for which assignment the code is.

    Raises:
        PassphraseShort: KF-107.
        CodeWrong: KF-105, that is no code.
        NoHead: KF-312, nobody is assigned by the data that have come here.
        AssignmentOther: KF-115, the code is for an assignment that has not come here yet, or for one of the past.
        DiskFull, FolderUnwritable: KF-701, KF-703.

    Source:
        docs/format.md, sections 3.3 and 4.
    """
    check_passphrase(passphrase)
    raw, store = parse_code(code), node.store
    head = assigned_heads(store)[0]
    told = [line.removeprefix(ASSIGNED).strip() for line in letter if line.startswith(ASSIGNED)]
    if told and head.assignment not in told:
        raise errors.AssignmentOther(nama=head.nama)
    issuer, key = code_identity(raw, store.scope, KeyKind.KODE_KEPALA), new_identity(KeyKind.KEPALA)
    own = [signed.certificate.serial for signed in node.signed("own") if signed.certificate.kind is KeyKind.KEPALA]
    signed = issue(
        issuer, KeyKind.KEPALA, key.public, store.scope, max(own, default=0) + 1, uuid.UUID(head.assignment).bytes
    )
    # The new key waits beside the old one until the store knows its certificate; then it takes the old one's place.
    save_head_key(node.home / KEYS / f"kepala{node.WAITING}", key, passphrase, replace=True)
    with store.transaction():
        ride(node, [signed])
        store.set(head_for=None)
        seat(store, head)
    node.settle_keys()
    return HeadMade(head, fingerprint(key.public))


def bind_head(node: SchoolNode) -> None:
    """Bind a head's key that was certified before anybody was assigned to the first assignment that comes.

    His successor needs a key of his own. Part of the caller's transaction.
    """
    certificate, store = node.head_certificate(), node.store
    if certificate is None or certificate.subject != NO_ASSIGNMENT or store.get("head_for"):
        return
    running = running_semester(store.db)
    heads = active_heads(StoreSource(store.db, store.schema), store.scope, running.tahun_ajaran_id)
    if heads:
        store.set(head_for=heads[0].assignment)


def seat_head(node: SchoolNode) -> None:
    """Let the account of the head whose key is here be the one in use, where none is: he, or it, came later than the key.

    Part of the caller's transaction.
    """
    store = node.store
    if store.get(ACTIVE):
        return
    running = running_semester(store.db)
    heads = active_heads(StoreSource(store.db, store.schema), store.scope, running.tahun_ajaran_id)
    if heads and node.head_subject() == uuid.UUID(heads[0].assignment).bytes:
        seat(store, heads[0])
