"""Small makers of plaintexts and files: whole ones, and ones that no program of ours would write."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgpack
import zstandard

from exchange.format.certificate import Certificate, KeyKind
from exchange.records import PackageKind
from exchange.schema import SCHEMA
from exchange.trust.certificates import anchor
from exchange.trust.keyfiles import save_identity
from exchange.trust.keys import Identity, identity_from_seed
from exchange.trust.sealing import seal
from tests.reader import ours, stranger
from tests.reader.stranger import Home

Case = tuple[str, str, bytes]
"""What it is, the code under which it is refused or ``open``, the bytes."""

SCOPE = "0f0c0000-0000-4000-8000-000000000001"
SCOPE_BYTES = uuid.UUID(SCOPE).bytes
IDS = [uuid.UUID(int=n, version=4).bytes for n in range(5_000, 5_010)]
SERVER = identity_from_seed(KeyKind.PUSAT, bytes(range(64)), 1)
LAPTOP = identity_from_seed(KeyKind.PERANGKAT, bytes(range(64, 128)), 1)

MANIFEST: list[Any] = [1, "1.0.0", 1_793_000_000, 12, 1, 2, 0, b"pangkal8sebelum8"]
"""Of a school's package with one changeset, number 2; a return's is followed by an answer."""
ANSWER: list[Any] = [b"c" * 32, 1, b"s" * 8, [], []]
HEAD = b"\x93\x02\x0c\xc4\x08pangkal8"
"""Head of changeset 2, on position 12."""


def pack(value: object) -> bytes:
    """Return msgpack, each value in its shortest form."""
    return bytes(msgpack.packb(value, use_bin_type=True))


def item(kind: int, data: bytes = b"") -> bytes:
    """Return an item of the content."""
    value, out = len(data) * 8 + (kind if kind < 8 else 0), bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value]) + (bytes([kind]) if kind > 7 else b"") + data


def frame(content: bytes, **options: Any) -> bytes:
    """Return a Zstandard frame."""
    return zstandard.ZstdCompressor(level=3, **{"write_content_size": False, **options}).compress(content)


def plaintext(manifest: bytes | list[Any], packed: bytes) -> bytes:
    """Return a manifest with its length, and packed content."""
    front = manifest if isinstance(manifest, bytes) else pack(manifest)
    return len(front).to_bytes(3, "big") + front + packed


def with_block(block: bytes) -> bytes:
    """Return a school's plaintext with one changeset of one block."""
    return plaintext(MANIFEST, frame(item(1, HEAD) + item(2, block)))


def bits(table: str, *names: str) -> bytes:
    """Return the set of columns as a block writes it."""
    value = sum(1 << SCHEMA.by_name[table].by_name[name].number for name in names)
    return value.to_bytes((value.bit_length() + 7) // 8, "little")


def sealed(text: bytes, kind: PackageKind = PackageKind.KIRIM) -> bytes:
    """Return a rightly signed file around a plaintext: a laptop's for the server, or the server's for the laptop."""
    out = io.BytesIO()
    sender, receiver = (LAPTOP, SERVER) if kind is PackageKind.KIRIM else (SERVER, LAPTOP)
    seal(kind=kind, scope=SCOPE, number=1, sender=sender, receivers=[receiver.public], plaintext=[text], out=out)
    return out.getvalue()


def find(scope: bytes, key_id: bytes) -> Certificate | None:
    """Both sides know each other."""
    known = (anchor(LAPTOP.public, SCOPE_BYTES), anchor(SERVER.public))
    return next((one for one in known if (one.scope, one.key_id) == (scope, key_id)), None)


def told(identity: Identity, scope: bytes, subject: bytes = b"") -> dict[str, Any]:
    """Return an anchor as the second reader is told of it."""
    public = identity.public
    given = {"kind": int(public.kind), "suite": public.suite, "scope": scope.hex()}
    return given | {"verify": public.verify_key.hex(), "seal": public.seal_key.hex(), "subject": subject.hex()}


def read_both(
    texts: Sequence[bytes], folder: Path, kind: PackageKind = PackageKind.KIRIM, *, strict: bool = False
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Yield what the second reader and what ours says of each plaintext, sealed."""
    reader = SERVER if kind is PackageKind.KIRIM else LAPTOP
    key = folder / "kunci"
    key.unlink(missing_ok=True)
    save_identity(key, reader)
    home = Home(kinds=[int(kind)], keys=[key], anchors=[told(SERVER, bytes(16)), told(LAPTOP, SCOPE_BYTES)])
    files = [sealed(text, kind) for text in texts]
    theirs = stranger.read_bytes(home, folder, files, strict=strict)
    for said, data in zip(theirs, files, strict=True):
        yield said, ours.read(data, {kind}, find, {reader.key_id: reader})
