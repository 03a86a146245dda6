"""Which certificates ride in a school's packages: those that the server may lack, until it is known to have taken them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from exchange import errors
from exchange.format.certificate import KeyKind
from exchange.nodes import SchoolNode
from exchange.records import Receipt
from exchange.trust.certificates import SignedCertificate

UNANSWERED_MAX = 2
"""Files without an answer after which a package carries the laptop's certificates again."""

_EACH = 2
"""Certificates of a kind that ride at most: the one in use and the one whose key signed it."""

_RIDING = "riding"
"""Name of a remembered value: package ids of the files that carried certificates which the server may lack."""


def ride(node: SchoolNode, certificates: Iterable[SignedCertificate]) -> None:
    """Remember new certificates of the school's own; they ride from the next file on. Part of the caller's transaction."""
    node.remember("own", certificates)
    node.store.set(**{_RIDING: "[]"})


def check_known(node: SchoolNode) -> None:
    """Return only if the server is known to have the certificates in use: a chain of unknown ones would not fit a header.

    Raises:
        RenewalWaiting: KF-122.
    """
    if node.store.get("code") or node.store.get(_RIDING):
        raise errors.RenewalWaiting()


def riders(node: SchoolNode, number: int) -> Sequence[SignedCertificate]:
    """Return the certificates that a file carries, each after its issuer's.

    They ride until a return sealed to this laptop has come, or one that says that a file with them was merged; and
    again when files stay without an answer, because the server may have been restored.

    Args:
        node: The school.
        number: The file's number.
    """
    store = node.store
    answered = int(store.get("answered", "0"))
    if store.get("code") or store.get(_RIDING) or number > answered + UNANSWERED_MAX:
        own = node.signed("own")
        return [signed for kind in (KeyKind.PERANGKAT, KeyKind.KEPALA) for signed in _line(own, kind)]
    return []


def _line(own: Sequence[SignedCertificate], kind: KeyKind) -> list[SignedCertificate]:
    """Return the certificate of a kind that is in use, behind those whose keys lead to it."""
    found = [signed for signed in own if signed.certificate.kind is kind]
    line = found[-1:]
    while len(line) < _EACH:
        before = [s for s in found if s.certificate.key_id == line[0].certificate.issuer] if line else []
        if not before:
            break
        line.insert(0, before[-1])
    return line


def rode(node: SchoolNode, package_id: bytes) -> None:
    """Remember that a file carried them. Part of the caller's transaction."""
    carried = node.store.get(_RIDING)
    if carried:
        node.store.set(**{_RIDING: json.dumps([*json.loads(carried), package_id.hex()])})


def arrived(node: SchoolNode, receipts: Iterable[Receipt]) -> None:
    """Let them ride no longer once a file with them was merged. Part of the caller's transaction."""
    carried = json.loads(node.store.get(_RIDING) or "[]")
    if any(not receipt.code and receipt.package_id.hex() in carried for receipt in receipts):
        node.store.set(**{_RIDING: None})
