"""What our own reader says of a package, in the shape in which the second reader says it."""

from __future__ import annotations

import hashlib
import io
import itertools
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from exchange import errors
from exchange.format.body import Item, read_body
from exchange.format.certificate import Certificate, KeyKind
from exchange.format.changeset import decode_changeset
from exchange.format.outcome import decode_outcome
from exchange.nodes import SchoolNode, ServerNode
from exchange.reading import Content, Found, Told, only_changesets
from exchange.records import Block, ChangesetHead, Line, Manifest, PackageKind, Position, Receipt
from exchange.schema import SCHEMA
from exchange.trust.keys import Identity
from exchange.trust.opening import VerifiedPackage, open_package
from exchange.trust.receipts import check_receipt

Find = Callable[[bytes, bytes], Certificate | None]
_HEADS = {Item.HEAD: "own", Item.REFERENCE: "reference", Item.BRANCH: "branch"}


def read(data: bytes, kinds: set[PackageKind], find: Find, identities: Mapping[bytes, Identity]) -> dict[str, Any]:
    """Return what a file holds, or the code under which it is refused."""
    said: dict[str, Any] = {}
    try:
        with open_it(data, kinds, find, identities) as package:
            header = package.header
            said = {
                "packageId": package.package_id.hex(),
                "header": {
                    "suite": header.suite,
                    "kind": int(header.kind),
                    "scope": binary(header.scope),
                    "number": header.number,
                    "sender": binary(header.sender),
                    "bodyLength": header.body_bytes,
                    "bodyHash": binary(header.body_hash),
                    "commitment": binary(header.commitment),
                    "wraps": [[binary(wrap.receiver), binary(wrap.sealed)] for wrap in header.wraps],
                    "certificates": [[binary(body), binary(signature)] for body, signature in header.certificates],
                },
                "fileKey": package.file_key.hex(),
                "plaintext": package.plaintext_sha256.hex(),
            }
            manifest, items = read_body(package.body, SCHEMA.version)
            found = content(header.kind, header.scope_id, manifest, items)
            told = shown_manifest(manifest)
            for shown, receipt in zip(told["receipts"], manifest.receipts, strict=True):
                shown["signed"] = signed(receipt, header.scope, package.sender)
            return {**said, "manifest": told, **found}
    except errors.ExchangeError as error:
        return {**said, "error": error.code}


def open_it(data: bytes, kinds: set[PackageKind], find: Find, identities: Mapping[bytes, Identity]) -> VerifiedPackage:
    """Return the package, opened as the holder of these keys."""
    package = open_package(io.BytesIO(data), kinds=kinds, find=find, identities=identities)
    assert isinstance(package, VerifiedPackage)
    return package


def signed(receipt: Receipt, scope: bytes, sender: Certificate) -> bool:
    """Whether a receipt carries the signature of the server that sent it."""
    if sender.kind is not KeyKind.PUSAT:
        return False
    try:
        check_receipt(receipt, scope, sender)
    except errors.ExchangeError:
        return False
    return True


# --- the content --------------------------------------------------------------------------------------------


def content(kind: PackageKind, scope: str, manifest: Manifest, items: Iterator[tuple[Item, bytes]]) -> dict[str, Any]:
    """Return everything behind the manifest, taken in the order in which the flows take it."""
    found: dict[str, Any] = {"changesets": [], "outcomes": [], "hashes": [], "wanted": [], "given": []}
    read = Content(SCHEMA, scope, items)
    if kind is PackageKind.KIRIM:
        given = Given(found["given"])
        for piece in read.leading(Item.GIVEN):
            given.take(piece)
        for piece in read.leading(Item.WANTED):
            found["wanted"].append({"table": table(piece.data), "rows": cut(piece.data[2:], 8)})
        numbers = itertools.count(manifest.first.number + 1)
        for own in only_changesets(read):
            found["changesets"].append(changeset(own))
            # Asked by exchange.server.merging before anything of a file is merged.
            if own.kind is not Item.HEAD or own.head.number != next(numbers):
                raise errors.Malformed(part="changeset's number")
        if next(numbers) != manifest.last + 1:
            raise errors.Malformed(part="number of changesets")
        return found
    if kind is PackageKind.PREFILL:
        found["changesets"] += map(changeset, only_changesets(read))
        return found
    found["changesets"] += map(changeset, read.branch())
    for one in read:
        if isinstance(one, Found):
            found["changesets"].append(changeset(one))
        elif one.kind is Item.OUTCOME:
            found["outcomes"].append(outcome(one))
        elif one.kind is not Item.HASHES:  # asked by exchange.ingest
            raise errors.Malformed(part=f"item {one.kind.name}")
        else:
            rows = [[row[:16], row[16:]] for row in cut(one.data[2:], 16)]
            found["hashes"].append({"table": table(one.data), "rows": rows})
    return found


class Given:
    """Puts the pieces of returns together that a school gives back."""

    def __init__(self, found: list[dict[str, Any]]) -> None:
        self._found, self._open = found, False
        self._hash = hashlib.sha256()

    def take(self, piece: Told) -> None:
        """Take the next piece."""
        data = piece.data
        if not self._open:
            self._hash = hashlib.sha256()
            self._found.append({"fileKey": data[:32].hex(), "size": 0})
            data = data[32:]
        self._hash.update(data)
        self._found[-1]["size"] += len(data)
        self._found[-1]["sha256"] = self._hash.hexdigest()
        self._open = bool(piece.number)


def changeset(found: Found) -> dict[str, Any]:
    parts: list[bytes] = []
    blocks = [block(one) for one in found.tapped(parts.append)]
    assert decode_changeset(SCHEMA, "", parts)[0] == found.head
    return {"of": _HEADS[found.kind], "head": head(found.head), "blocks": blocks, "sha256": found.digest.hexdigest()}


def head(given: ChangesetHead) -> dict[str, Any]:
    again = given.again
    return {
        "number": given.number,
        "base": given.base.number,
        "value": given.base.value.hex(),
        "again": again and {"origin": again.origin.hex(), "knew": again.known, "other": again.last},
    }


def block(given: Block) -> dict[str, Any]:
    return {
        "table": given.table.name,
        "operation": given.op.name,
        "cause": given.cause.name,
        "locks": given.locked,
        "home": given.home,
        "columns": [column.name for column in given.columns],
        "rows": [[value(one) for one in row] for row in zip(*given.values, strict=True)],
    }


def outcome(told: Told) -> dict[str, Any]:
    counts, lines = decode_outcome(SCHEMA, told.data)
    named = counts.as_dict()
    del named["sent"]
    digest = hashlib.sha256(told.data).hexdigest()
    return {"number": told.number, "sha256": digest, "counts": named, "lines": [line(one) for one in lines]}


def line(given: Line) -> dict[str, Any]:
    return {
        "table": given.table.name,
        "group": given.group.number if given.group else 0,
        "outcome": int(given.outcome),
        "code": given.code,
        "columns": list(given.columns),
        "cause": int(given.cause),
        "won": given.won,
        "row": given.row,
        "sent": [value(one) for one in given.sent],
        "stood": [value(one) for one in given.stood],
    }


# --- the manifest -------------------------------------------------------------------------------------------


def shown_manifest(given: Manifest) -> dict[str, Any]:
    approval, digests, answer = given.approval, given.digests, given.answer
    return {
        "schema": given.schema,
        "program": given.program,
        "made": given.made_at,
        "have": given.have.number,
        "first": given.first.number,
        "last": given.last,
        "reference": given.reference,
        "haveValue": given.have.value.hex(),
        "firstValue": given.first.value.hex(),
        "approval": approval
        and {
            "role": approval.role,
            "consent": approval.consent,
            "before": given.made_at - approval.made_at,
            "assignment": approval.assignment.hex(),
            "signature": approval.signature.hex(),
        },
        "digests": digests
        and {
            "root": digests.root.hex(),
            "tables": [
                {"table": number, "count": count, "digest": digest.hex()}
                for number, (count, digest) in sorted(digests.tables.items())
            ],
        },
        "answer": answer
        and {
            "chain": answer.value.hex(),
            "shared": position(answer.shared),
            "written": [position(one) for one in answer.returned],
            "lost": [position(one) for one in answer.lost],
        },
        "ledger": given.ledger.hex(),
        "receipts": [receipt(one) for one in given.receipts],
        "olderHave": [position(one) for one in given.have_older],
        "olderFirst": [position(one) for one in given.first_older],
    }


def position(given: Position) -> dict[str, Any]:
    return {"number": given.number, "value": given.value.hex()}


def receipt(given: Receipt) -> dict[str, Any]:
    c = given.counts
    return {
        "packageId": given.package_id.hex(),
        "number": given.number,
        "sender": given.device.hex(),
        "first": given.first,
        "last": given.last,
        "chain": given.value.hex(),
        "plaintext": given.plaintext.hex(),
        "counts": [c.applied, c.same, c.conflict, c.refused, c.held],
        "outcomes": given.outcomes.hex(),
        "before": given.previous.hex(),
        "time": given.made_at,
        "code": given.code,
        "signature": given.signature.hex(),
    }


# --- values: JSON that keeps types apart --------------------------------------------------------------------


def binary(data: bytes) -> dict[str, str]:
    return {"bin": bytes(data).hex()}


def value(given: object) -> object:
    if type(given) is int:
        return {"int": str(given)}
    if type(given) is float:
        return {"float": struct.pack(">d", given).hex()}
    if type(given) is bytes:
        return binary(given)
    return given


def table(data: bytes) -> int:
    return int.from_bytes(data[:2], "big")


def cut(data: bytes, size: int) -> list[str]:
    return [data[at : at + size].hex() for at in range(0, len(data), size)]


# --- whose reader -------------------------------------------------------------------------------------------


def at_server(server: ServerNode, data: bytes) -> dict[str, Any]:
    """Return what the server's reader says of a school's package."""
    return read(data, {PackageKind.KIRIM}, server.find, server.identities)


def at_school(school: SchoolNode, data: bytes) -> dict[str, Any]:
    """Return what a laptop's reader says of a return."""
    return read(data, {PackageKind.BALASAN}, school.find, school.identities)
