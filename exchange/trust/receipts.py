"""Receipts' signatures: each receipt is a statement of its own, whichever return brings it.

Source:
    docs/format.md, section 3.8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from exchange import errors
from exchange.format.certificate import Certificate, KeyKind
from exchange.format.container import Canonical, pack, scope_bytes
from exchange.records import Counts, Receipt
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
    return _DOMAIN + pack(receipt_array(scope, receipt))


def receipt_array(scope: str | bytes, receipt: Receipt) -> list[Canonical]:
    """Return the array that a receipt's signature covers; the ledger's entry holds the same one.

    Raises:
        ValueError: a field of another size; a fault of the caller.
    """
    r, c = receipt, receipt.counts
    sizes = tuple(map(len, (r.package_id, r.device, r.value, r.plaintext, r.outcomes, r.previous)))
    if sizes != (32, 8, 32, 32, 32, 32):
        raise ValueError("a field of the receipt has another size than the format says")
    return [
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


def receipt_of(array: Sequence[Canonical], signature: bytes) -> tuple[bytes, Receipt]:
    """Return the scope (16 bytes) and the receipt that an array says, not yet checked.

    Raises:
        Malformed: KF-208.
    """
    try:
        scope, package, number, device, first, last, value, plaintext, counts, outcomes, previous, made_at, code = array
        found = Receipt(
            package_id=package,  # type: ignore[arg-type]
            number=number,  # type: ignore[arg-type]
            device=device,  # type: ignore[arg-type]
            first=first,  # type: ignore[arg-type]
            last=last,  # type: ignore[arg-type]
            value=value,  # type: ignore[arg-type]
            plaintext=plaintext,  # type: ignore[arg-type]
            counts=Counts(*counts),  # type: ignore[misc]
            outcomes=outcomes,  # type: ignore[arg-type]
            previous=previous,  # type: ignore[arg-type]
            made_at=made_at,  # type: ignore[arg-type]
            code=code,  # type: ignore[arg-type]
            signature=signature,
        )
        receipt_array(scope, found)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise errors.Malformed(part="receipt") from error
    return scope, found  # type: ignore[return-value]


# --- acts of the centre -----------------------------------------------------------------------

_ENTRY = b"kirim/1 buku\x00"


def sign_act(identity: Identity, entry: bytes) -> bytes:
    """Return the server's signature of an act's entry in the ledger (64 bytes)."""
    return identity.sign(_ENTRY + entry)


def check_act(entry: bytes, signature: bytes, server: Certificate | PublicIdentity) -> None:
    """Return only if a server signed an act's entry.

    Raises:
        SignatureBad: KF-305.
    """
    if server.kind is not KeyKind.PUSAT:
        raise errors.SignatureBad()
    check_signature(server.verify_key, signature, _ENTRY + entry, errors.SignatureBad())
