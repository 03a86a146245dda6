"""Files that are no good, each with the code under which the server refuses it; made from one good package."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import replace

import zstandard

from exchange.contents import PROGRAM
from exchange.format.body import Item, write_body
from exchange.format.certificate import KeyKind
from exchange.format.changeset import encode_changeset
from exchange.format.container import FRAME_BYTES, SIGNATURE_BYTES
from exchange.records import Block, ChangesetHead, Manifest, Op, PackageKind, Position
from exchange.trust.certificates import SignedCertificate
from exchange.trust.keys import Identity, new_identity
from exchange.trust.sealing import seal
from tests.life import Life, Sekolah

PHOTOGRAPH = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 20


def flipped(data: bytes, at: int) -> bytes:
    """Return bytes with one bit of one byte turned over."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def zipped(members: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a ZIP of members, twins allowed."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as bundle:
        for name, data in members:
            bundle.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


class Forger:
    """Who holds a school's laptop, or none, and seals whatever he likes for the server."""

    def __init__(self, life: Life, school: Sekolah) -> None:
        self.life, self.school, self.store = life, school, school.node.store

    def manifest(self, *, last: int = 1, **other: object) -> Manifest:
        """Return the manifest of a school's first package."""
        store = self.store
        plain = Manifest(
            schema=store.schema.version,
            program=PROGRAM,
            made_at=life_now(self.life),
            have=store.have_position,
            first=Position(0, bytes.fromhex(store.get("chain_start"))[:8]),
            last=last,
        )
        return replace(plain, **other)  # type: ignore[arg-type]

    def body(self, items: Iterable[tuple[Item, bytes]] = (), **manifest: object) -> bytes:
        """Return a plaintext."""
        return b"".join(write_body(self.manifest(**manifest), items))  # type: ignore[arg-type]

    def changeset(self, blocks: Sequence[Block], number: int = 1) -> list[tuple[Item, bytes]]:
        """Return the items of one changeset."""
        head = ChangesetHead(number, self.store.have_position)
        parts = encode_changeset(self.store.schema, self.store.scope, head, blocks)
        return [(Item.BLOCK if n else Item.HEAD, part) for n, part in enumerate(parts)]

    def seal(
        self,
        plaintext: bytes,
        *,
        kind: PackageKind = PackageKind.KIRIM,
        scope: str | None = None,
        number: int = 77,
        sender: Identity | None = None,
        certificates: Sequence[SignedCertificate] | None = None,
        receiver: Identity | None = None,
    ) -> bytes:
        """Return a sealed file."""
        out = io.BytesIO()
        seal(
            kind=kind,
            scope=scope or self.store.scope,
            number=number,
            sender=sender or self.school.node.device,
            receivers=[receiver.public if receiver else self.school.node.server()],
            certificates=self.school.node.signed("own") if certificates is None else certificates,
            plaintext=[plaintext],
            out=out,
        )
        return out.getvalue()


def life_now(life: Life) -> int:
    """Return the test's own time."""
    return life.clock()


def bad_files(life: Life, school: Sekolah, good: bytes) -> dict[str, tuple[bytes, str]]:
    """Return bad files by name, with the code that each gets.

    Args:
        life: The world.
        school: Whose good package is spoilt.
        good: That package, not yet sent.
    """
    forger = Forger(life, school)
    header_end = FRAME_BYTES + int.from_bytes(good[9:12], "big")
    body = header_end + SIGNATURE_BYTES
    stranger = new_identity(KeyKind.PERANGKAT)
    pupil = forger.store.schema.by_name["peserta_didik"]
    block = Block(pupil, Op.INSERT, (pupil.by_name["nama"],), [["0f0c0000-0000-4000-8000-0000000000aa"], ["X"]])
    returned = life.answer(school).file.read_bytes()
    zeros = zstandard.ZstdCompressor(level=3, write_content_size=False).compress(bytes(64 << 20))
    front = forger.body()
    front = front[: 3 + int.from_bytes(front[:3], "big")]
    return {
        "empty": (b"", "KF-204"),
        "one byte": (b"\x89", "KF-204"),
        "photograph": (PHOTOGRAPH, "KF-201"),
        "text": (b"Ini bukan paket.\n" * 40, "KF-201"),
        "zeros": (bytes(4096), "KF-201"),
        "cut in the frame": (good[:10], "KF-204"),
        "cut in the header": (good[: header_end - 5], "KF-204"),
        "cut in the signature": (good[: body - 1], "KF-204"),
        "cut in the body": (good[:-1], "KF-204"),
        "only the front": (good[:body], "KF-204"),
        "padded": (good + b"\0", "KF-205"),
        "twice over": (good + good, "KF-205"),
        "newer format": (good[:8] + b"\x02" + good[9:], "KF-202"),
        "bit in the magic": (flipped(good, 1), "KF-201"),
        "bit in the header": (flipped(good, header_end - 40), "KF-303"),
        "bit in the signature": (flipped(good, header_end + 5), "KF-305"),
        "bit in the body": (flipped(good, len(good) - 20), "KF-206"),
        "re-signed by a stranger": (forger.seal(front, sender=stranger, certificates=[]), "KF-304"),
        "a stranger under the laptop's certificates": (forger.seal(front, sender=stranger), "KF-304"),
        "of another kind": (returned, "KF-301"),
        "for somebody else": (forger.seal(front, receiver=new_identity(KeyKind.PUSAT)), "KF-302"),
        "in another school's name": (forger.seal(front, scope="0f0c0000-0000-4000-8000-00000000dead"), "KF-303"),
        "too large when unpacked": (forger.seal(front + zeros), "KF-207"),
        "no manifest": (forger.seal(b"\xff" * 40), "KF-207"),
        "an empty plaintext": (forger.seal(b""), "KF-208"),
        "a manifest of nonsense": (forger.seal(struct.pack(">I", 5)[1:] + b"\xc1\xc1\xc1\xc1\xc1"), "KF-208"),
        "bytes behind the content": (forger.seal(forger.body(last=0) + b"more"), "KF-208"),
        "changes without an approval": (forger.seal(forger.body(forger.changeset([block]))), "KF-309"),
        "fewer changesets than announced": (forger.seal(forger.body(last=3)), "KF-208"),
    }

