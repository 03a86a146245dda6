"""A receipt on paper: what a school holds of the server's word on one of its files, for people, telephones and scanners.

A receipt rides in a return, and the laptop keeps its returns as they came; so it is shown from the signed original.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from exchange import errors, spool
from exchange.acts import head
from exchange.evidence.phonewords import words_of
from exchange.format.body import read_body
from exchange.format.container import pack, scope_bytes, unpack
from exchange.format.entry import PackageEntry, read_entry
from exchange.limits import MIB
from exchange.nodes import CENTRE_SCOPE, SchoolNode
from exchange.records import Manifest, Receipt
from exchange.store.server import School, ServerStore
from exchange.trust.opening import inspect_package, open_with_file_key
from exchange.trust.receipts import check_receipt, receipt_array, receipt_of

_WORDS = b"kirim/1 kata\x00"
_CODE = "KIRIM-TT:"
"""Front of a receipt's text in a QR code."""

_FORM = 1
_BYTES_MAX = MIB


@dataclass(frozen=True, slots=True)
class Held:
    """A receipt that a school has.

    Attributes:
        scope: ``sekolah_id`` (16 bytes).
        receipt: The server's, checked.
        ledger: Head of the ledger in the newest return (32 bytes).
        words: Eight words that tell this receipt from every other.
    """

    scope: bytes
    receipt: Receipt
    ledger: bytes
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of the receipt as text for a QR code: letters and digits, in its densest mode."""
        data = pack([receipt_array(self.scope, self.receipt), self.receipt.signature])
        return _CODE + base64.b32encode(data).decode().rstrip("=")

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim school receipt --json``."""
        r = self.receipt
        return {
            "number": r.number,
            "sekolah_id": str(uuid.UUID(bytes=self.scope)),
            "package_id": r.package_id.hex(),
            "received_at": r.made_at,
            "code": f"KF-{r.code}" if r.code else "",
            "changes": r.counts.as_dict(),
            "changesets": [r.first, r.last],
            "outcomes": r.outcomes.hex(),
            "previous": r.previous.hex(),
            "ledger": self.ledger.hex(),
            "words": list(self.words),
            "receipt": self.text,
        }


def words(scope: bytes, receipt: Receipt) -> tuple[str, ...]:
    """Return the eight words of a receipt: of everything that its signature covers."""
    return tuple(words_of(hashlib.sha256(_WORDS + pack(receipt_array(scope, receipt))).digest()))


def find_receipt(node: SchoolNode, number: int) -> Held:
    """Return the last word that the server gave on one of a school's files.

    Args:
        node: The school.
        number: The file's number.

    Raises:
        ReceiptUnknown: KF-406, no return that was applied here speaks of it.
        SignatureBad: KF-305, what is kept was changed.
    """
    scope, ledger = scope_bytes(node.store.scope), b""
    for manifest in _manifests(node):
        ledger = ledger or manifest.ledger
        for receipt in reversed(manifest.receipts):
            if receipt.number == number:
                _check(node, scope, receipt)
                return Held(scope, receipt, ledger, words(scope, receipt))
    raise errors.ReceiptUnknown(number=number)


def given(store: ServerStore, school: School, number: int) -> Held:
    """Return the last word that this server gave on one of a school's files.

    Args:
        store: The server's.
        school: Whose file.
        number: The file's number.

    Raises:
        ReceiptUnknown: KF-406, it did not come, or is not merged yet.
    """
    found = store.db.execute(
        "SELECT e.entry, e.signature FROM kirim_package p JOIN kirim_entry e ON e.seq = p.seq "
        "WHERE p.scope = ? AND p.number = ? ORDER BY p.seq DESC LIMIT 1",
        (school.sekolah_id, number),
    ).fetchone()
    entry = read_entry(bytes(found[0])) if found else None
    if not isinstance(entry, PackageEntry):
        raise errors.ReceiptUnknown(number=number)
    scope, receipt = receipt_of(entry.receipt, bytes(found[1]))
    return Held(scope, receipt, head(store)[1], words(scope, receipt))


def _check(node: SchoolNode, scope: bytes, receipt: Receipt) -> None:
    servers = [s.certificate for s in node.signed("trusted") if s.certificate.scope == CENTRE_SCOPE]
    for server in reversed(servers):
        try:
            check_receipt(receipt, scope, server)
        except errors.SignatureBad:
            continue
        return
    raise errors.SignatureBad()


def _manifests(node: SchoolNode) -> Iterator[Manifest]:
    """Yield what the returns say of themselves that are kept, the newest first."""
    db = node.store.db
    kept = db.execute("SELECT position FROM kirim_return WHERE file IS NOT NULL ORDER BY position DESC").fetchall()
    for (position,) in kept:
        with _kept(node, position) as (file, file_key):
            header = inspect_package(file).header
            sender = node.find(CENTRE_SCOPE, header.sender) if header else None
            if sender is None:
                continue  # by a key that no longer signs
            file.seek(0)
            with open_with_file_key(file, sender=sender, file_key=file_key, folder=node.home) as package:
                yield read_body(package.body, node.store.schema.version)[0]


@contextmanager
def _kept(node: SchoolNode, position: int) -> Iterator[tuple[BinaryIO, bytes]]:
    db = node.store.db
    file_key, size = db.execute(
        "SELECT file_key, length(file) FROM kirim_return WHERE position = ?", (position,)
    ).fetchone()
    with SpooledTemporaryFile(max_size=MIB) as file:
        for at in range(0, size, MIB):
            piece = db.value("SELECT substr(file, ?, ?) FROM kirim_return WHERE position = ?", (at + 1, MIB, position))
            file.write(bytes(piece))
        file.seek(0)
        yield cast(BinaryIO, file), bytes(file_key)


def read_receipt(path: Path) -> tuple[bytes, Receipt]:
    """Return the scope (16 bytes) and the receipt of a file: what ``--json`` printed, or the text of its QR code.

    Raises:
        FileUnreadable, LayoutUnknown: KF-702, KF-212.
    """
    with spool.open_file(path) as file, spool.readable(file):
        text = file.read(_BYTES_MAX).decode("utf-8", "replace").strip()
    try:
        if text.startswith("{"):
            text = str(json.loads(text)["receipt"])
        if not text.startswith(_CODE):
            raise ValueError
        letters = text.removeprefix(_CODE)
        array, signature = unpack(base64.b32decode(letters + "=" * (-len(letters) % 8)), "receipt")
        if not isinstance(array, list) or not isinstance(signature, bytes):
            raise ValueError
        return receipt_of(array, signature)
    except (ValueError, LookupError, TypeError, errors.FileError) as error:
        raise errors.LayoutUnknown(file=path.name, missing=_CODE) from error


# --- on paper ---------------------------------------------------------------------------------


def qr_lines(text: str) -> str:
    """Return a QR code for a terminal, two rows of it in each line."""
    import io

    import segno

    out = io.StringIO()
    segno.make_qr(text, error="l").terminal(out, compact=True)
    return out.getvalue()


def write_page(path: Path, title: str, lines: Sequence[str], text: str) -> Path:
    """Write a receipt as one page of HTML that any browser prints.

    Args:
        path: The file; it must not be there.
        title: Its heading.
        lines: What people read.
        text: What the QR code holds.

    Raises:
        FileExists: KF-705. DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    import segno

    code = segno.make_qr(text, error="m").svg_inline(scale=3)
    body = "\n".join(f"<p>{html.escape(line)}</p>" for line in lines)
    page = (
        f'<!DOCTYPE html>\n<html lang="id"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        "<style>body{font:11pt sans-serif;margin:2cm;max-width:17cm}p{margin:.3em 0}svg{margin-top:1em}</style></head>\n"
        f"<body><h1>{html.escape(title)}</h1>\n{body}\n{code}\n</body></html>\n"
    )
    return spool.put(path.parent, path.name, lambda file: file.write(page.encode()))
