"""Keys of a school renewed in time: the laptop's, the head's, and the head's passphrase.

The former key signs the new one; the certificate rides in the next packages. Nothing travels but what travels anyway.

Source:
    docs/format.md, sections 3.3 and 4.
"""

from __future__ import annotations

from dataclasses import dataclass

from exchange import errors, spool
from exchange.format.certificate import KeyKind
from exchange.format.changeset import chain_start
from exchange.nodes import KEYS, SchoolNode
from exchange.school import capture
from exchange.school.carrying import move
from exchange.school.confirming import check_ready
from exchange.school.riding import check_known, ride
from exchange.trust.certificates import issue
from exchange.trust.keyfiles import check_passphrase, save_head_key, save_identity
from exchange.trust.keys import fingerprint, new_identity


@dataclass(frozen=True, slots=True)
class Renewed:
    """A renewed key: its id and what people compare of it."""

    kind: str
    key_id: str
    fingerprint: str

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim school key rotate --json``."""
        return {"kind": self.kind, "key_id": self.key_id, "fingerprint": self.fingerprint}


def renew_device(node: SchoolNode) -> Renewed:
    """Give this laptop another key; what is not acknowledged goes on in its chain.

    A return that is on its way fits no longer, so this is done only while an export is possible, and an export follows.

    Args:
        node: The school.

    Raises:
        RenewalWaiting: KF-122.
        NoHead, HeadKeyMissing, DataInvalid: KF-312, KF-314, KF-501: first what stands in the way of an export.
        KeysMissing: KF-111.
        DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    check_known(node)
    check_ready(node)
    store, former, new = node.store, node.device, new_identity(KeyKind.PERANGKAT)
    own = [s.certificate for s in node.signed("own") if s.certificate.kind is KeyKind.PERANGKAT]
    signed = issue(former, KeyKind.PERANGKAT, new.public, store.scope, own[-1].serial + 1)
    waiting = f"perangkat{node.WAITING}"
    spool.remove(node.home / KEYS / waiting)  # of a run that was killed before the store knew it
    save_identity(node.home / KEYS / waiting, new)
    with store.transaction():
        capture.cut(store)
        first, last = store.acknowledged, store.last
        ride(node, [signed])
        store.set(
            device=new.key_id.hex(),
            chain_start=chain_start(store.scope, new.key_id).hex(),
            acknowledged=None,
            tell_all=None,
        )
        move(store, store, former.key_id, first, last)
        store.forget_digests(1, 0)
    node.forget_device()
    node.settle_keys()
    return Renewed("perangkat", new.key_id.hex(), fingerprint(new.public))


def renew_head(node: SchoolNode, passphrase: str, new_passphrase: str) -> Renewed:
    """Give the head another key for the same assignment, under another passphrase; the former key is gone.

    Raises:
        RenewalWaiting: KF-122.
        HeadKeyMissing: KF-314, there is no head's key here.
        PassphraseWrong, PassphraseShort: KF-106, KF-107.
        KeysMissing: KF-111. DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    check_known(node)
    check_passphrase(new_passphrase)
    certificate = node.head_certificate()
    if certificate is None:
        raise errors.HeadKeyMissing(nama="-")
    former, new = node.head(passphrase), new_identity(KeyKind.KEPALA)
    signed = issue(
        former, KeyKind.KEPALA, new.public, node.store.scope, certificate.serial + 1, certificate.subject
    )
    save_head_key(node.home / KEYS / f"kepala{node.WAITING}", new, new_passphrase, replace=True)
    with node.store.transaction():
        ride(node, [signed])
    node.settle_keys()
    return Renewed("kepala", new.key_id.hex(), fingerprint(new.public))


def change_passphrase(node: SchoolNode, passphrase: str, new_passphrase: str) -> None:
    """Put the head's key under another passphrase. The key stays, so nothing travels.

    Raises:
        PassphraseWrong, PassphraseShort: KF-106, KF-107.
        KeysMissing: KF-111. DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    check_passphrase(new_passphrase)
    head = node.head(passphrase)
    save_head_key(node.home / KEYS / "kepala", head, new_passphrase, replace=True)
