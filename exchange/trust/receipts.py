"""Receipts' signatures: each receipt is a statement of its own, whichever return brings it.

Source:
    docs/format.md, section 3.8.
"""

from __future__ import annotations

from dataclasses import replace

from exchange import errors
from exchange.format.certificate import Certificate, KeyKind
from exchange.format.container import pack, scope_bytes
from exchange.records import Receipt
from exchange.trust.keys import Identity, PublicIdentity, check_signature

_DOMAIN = b"kirim/1 tanda terima\x00"


def sign_receipt(identity: Identity, scope: str | bytes, receipt: Receipt) -> Receipt:
    """Return a receipt with the server's signature. The same receipt gives the same bytes.

    Args:
        identity: Of kind PUSAT.
        scope: ``sekolah_id`` of the school whose package it was.
        receipt: Its signature, if any, is replaced.

    Raises:
        ValueError: a field of another size; a fault of the caller.

    Source:
        docs/format.md, section 3.8.
    """
    if identity.kind is not KeyKind.PUSAT:
        raise ValueError("only the server signs receipts")
    return replace(receipt, signature=identity.sign(_message(scope, receipt)))


def check_receipt(receipt: Receipt, scope: str | bytes, server: Certificate | PublicIdentity) -> None:
    """Return only if a server signed exactly this receipt for this school.

    Args:
        receipt: As it came.
        scope: ``sekolah_id``.
        server: The server's keys; after a change of keys an older receipt holds with the older ones.

    Raises:
        SignatureBad: KF-305.

    Source:
        docs/format.md, section 3.8.
    """
    if server.kind is not KeyKind.PUSAT:
        raise errors.SignatureBad()
    try:
        message = _message(scope, receipt)
    except (ValueError, OverflowError) as error:
        raise errors.SignatureBad() from error
    check_signature(server.verify_key, receipt.signature, message, errors.SignatureBad())


def _message(scope: str | bytes, receipt: Receipt) -> bytes:
    r, c = receipt, receipt.counts
    sizes = tuple(map(len, (r.package_id, r.device, r.value, r.plaintext, r.outcomes, r.previous)))
    if sizes != (32, 8, 32, 32, 32, 32):
        raise ValueError("a field of the receipt has another size than the format says")
    return _DOMAIN + pack(
        [
            scope_bytes(scope),
            r.package_id,
            r.number,
            r.device,
            r.first,
            r.last,
            r.value,
            r.plaintext,
            [c.applied, c.same, c.conflict, c.refused, c.held],
            r.outcomes,
            r.previous,
            r.made_at,
            r.code,
        ]
    )
