"""Write ``packages.json``: sealed files with fixed keys, whole ones and one fault each.

A second writer of the format, made from ``docs/format.md`` alone: it imports nothing of ``exchange``
and composes HPKE, HKDF, chunks and canonical msgpack itself, so that a mistake on either side shows.
Run it without arguments; what it writes is the same bytes every time, but for the hybrid wrap, whose
randomness no library lets a caller choose: the one that stands in the file is kept.

    python tests/vectors/make_package.py            write packages.json
    python tests/vectors/make_package.py --explain  print the worked example of docs/format.md
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PublicKey, Suite

TARGET = Path(__file__).with_name("packages.json")
MAGIC = bytes.fromhex("894b524d0d0a1a0a")
SCHOOL = bytes.fromhex("0f0c0000000040008000000000000001")
OTHER_SCHOOL = bytes.fromhex("0f0c0000000040008000000000000002")
ASSIGNMENT = bytes.fromhex("0f0c0000000040008000000000000009")
CODE = bytes.fromhex("0f0c000000004000800000000000000c")
NOWHERE = bytes(16)
FILE_KEY = b"\x33" * 32
EPHEMERAL = b"\x44" * 32
PLAINTEXT = b"Kirim File"

AKAR, PUSAT, PERANGKAT, KEPALA, KODE = 1, 2, 3, 4, 6
PREFILL, KIRIM, BALASAN = 1, 2, 3


# --- canonical msgpack (section 1.1) ----------------------------------------------------------------


def pack(value: Any) -> bytes:
    """Encode unsigned integers, byte strings and arrays, each in its shortest form."""
    if isinstance(value, int):
        if value < 128:
            return bytes([value])
        size = next(size for size in (1, 2, 4, 8) if value < 1 << 8 * size)
        return bytes([{1: 0xCC, 2: 0xCD, 4: 0xCE, 8: 0xCF}[size]]) + value.to_bytes(size, "big")
    if isinstance(value, bytes):
        if len(value) < 256:
            return b"\xc4" + len(value).to_bytes(1, "big") + value
        return b"\xc5" + len(value).to_bytes(2, "big") + value
    front = bytes([0x90 | len(value)]) if len(value) < 16 else b"\xdc" + len(value).to_bytes(2, "big")
    return front + b"".join(map(pack, value))


# --- keys (section 3) -------------------------------------------------------------------------------


def hkdf(secret: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    """HKDF-SHA-256 of RFC 5869."""
    return expand(hmac.digest(salt or bytes(32), secret, "sha256"), info, size)


def expand(key: bytes, info: bytes, size: int) -> bytes:
    """The second half of HKDF-SHA-256."""
    out, block = b"", b""
    for n in range(1, size // 32 + 2):
        block = hmac.digest(key, block + info + bytes([n]), "sha256")
        out += block
    return out[:size]


class Keys:
    """One holder's keys: a kind, a suite, two seeds of 32 bytes."""

    def __init__(self, kind: int, suite: int, seed: bytes) -> None:
        self.kind, self.suite, self.seed = kind, suite, seed
        self.signer = Ed25519PrivateKey.from_private_bytes(seed[:32])
        self.verify_key = self.signer.public_key().public_bytes_raw()
        self.seal_key = b""
        if kind == KEPALA:
            return
        if suite == 1:
            self.seal_key = X25519PrivateKey.from_private_bytes(seed[32:]).public_key().public_bytes_raw()
        else:
            grown = hashlib.shake_256(seed[32:]).digest(96)
            lattice = MLKEM768PrivateKey.from_seed_bytes(grown[:64]).public_key()
            curve = X25519PrivateKey.from_private_bytes(grown[64:]).public_key()
            self.seal_key = lattice.public_bytes_raw() + curve.public_bytes_raw()
            self.hybrid = MLKEM768X25519PublicKey(lattice, curve)

    @property
    def id(self) -> bytes:
        public = bytes([self.kind, self.suite]) + self.verify_key + self.seal_key
        return hashlib.sha256(b"kirim/1 kunci\x00" + public).digest()[:8]


def plain_keys(kind: int, byte: int, suite: int = 1) -> Keys:
    return Keys(kind, suite, bytes([byte]) * 32 + bytes([byte + 1]) * 32)


SERVER = plain_keys(PUSAT, 0x11)
DEVICE = plain_keys(PERANGKAT, 0x21)
HEAD = plain_keys(KEPALA, 0x51)
STRANGER = plain_keys(PERANGKAT, 0x61)
ROOT = plain_keys(AKAR, 0x71, suite=2)
NEW_SERVER = plain_keys(PUSAT, 0x81, suite=2)
CODE_KEYS = Keys(KODE, 2, hkdf(CODE, SCHOOL, b"kirim/1 kode", 64))


def certificate(issuer: Keys, subject: Keys, scope: bytes, *, serial: int = 1, verify_key: bytes = b"") -> list[bytes]:
    """A certificate's body and signature (section 3.2)."""
    person = ASSIGNMENT if subject.kind == KEPALA else b""
    key = verify_key or subject.verify_key
    body = pack([1, subject.kind, subject.suite, scope, serial, key, subject.seal_key, person, issuer.id, 0])
    return [body, issuer.signer.sign(b"kirim/1 sertifikat\x00" + body)]


# --- HPKE, base mode, X25519, HKDF-SHA-256, AES-256-GCM (RFC 9180) ------------------------------------


def hpke_x25519(receiver: Keys, secret: bytes, info: bytes, ephemeral: bytes = EPHEMERAL) -> bytes:
    """The bytes of suite 1's wrap."""
    private = X25519PrivateKey.from_private_bytes(ephemeral)
    enc = private.public_key().public_bytes_raw()
    shared = private.exchange(X25519PublicKey.from_public_bytes(receiver.seal_key))
    kem, suite = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x02"

    def extract(name: bytes, salt: bytes, label: bytes, material: bytes) -> bytes:
        return hmac.digest(salt or bytes(32), b"HPKE-v1" + name + label + material, "sha256")

    def labeled(name: bytes, key: bytes, label: bytes, context: bytes, size: int) -> bytes:
        return expand(key, size.to_bytes(2, "big") + b"HPKE-v1" + name + label + context, size)

    shared = labeled(kem, extract(kem, b"", b"eae_prk", shared), b"shared_secret", enc + receiver.seal_key, 32)
    context = b"\x00" + extract(suite, b"", b"psk_id_hash", b"") + extract(suite, b"", b"info_hash", info)
    schedule = extract(suite, shared, b"secret", b"")
    key = labeled(suite, schedule, b"key", context, 32)
    nonce = labeled(suite, schedule, b"base_nonce", context, 12)
    return enc + AESGCM(key).encrypt(nonce, secret, b"")


def hpke_hybrid(receiver: Keys, secret: bytes, info: bytes) -> bytes:
    """The bytes of suite 2's wrap, other ones each time."""
    return Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM).encrypt(secret, receiver.hybrid, info=info)


# --- the file (section 1) ---------------------------------------------------------------------------


def body_of(plaintext: bytes, last: int = 1, counter: int = 0) -> bytes:
    """One sealed chunk; with another mark or counter it is a fault."""
    key = hkdf(FILE_KEY, b"", b"kirim/1 isi", 64)[:32]
    return AESGCM(key).encrypt(counter.to_bytes(11, "big") + bytes([last]), plaintext, b"")


def elements(body: bytes, **changed: Any) -> list[Any]:
    """Elements 0 to 7 of a header, some of them changed."""
    names = ["suite", "kind", "scope", "number", "sender", "length", "hash", "commitment"]
    commitment = hkdf(FILE_KEY, b"", b"kirim/1 isi", 64)[32:]
    values = [1, KIRIM, SCHOOL, 1, DEVICE.id, len(body), hashlib.sha256(body).digest(), commitment]
    return [changed.get(name, value) for name, value in zip(names, values, strict=True)]


def wrap_info(first: list[Any]) -> bytes:
    return b"kirim/1 bungkus\x00" + pack(first)


def signed(header: bytes, body: bytes, sender: Keys = DEVICE) -> bytes:
    """A whole file around a header's bytes."""
    prefix = MAGIC + b"\x01" + len(header).to_bytes(3, "big") + header
    return prefix + sender.signer.sign(b"kirim/1 header\x00" + prefix) + body


def package(
    *, body: bytes | None = None, sender: Keys = DEVICE, certificates: list[list[bytes]] | None = None, **changed: Any
) -> bytes:
    """A whole file of suite 1 for the server."""
    body = body_of(PLAINTEXT) if body is None else body
    first = elements(body, sender=sender.id, **changed)
    wraps = [[SERVER.id, hpke_x25519(SERVER, FILE_KEY, wrap_info(first))]]
    return signed(pack([*first, wraps, certificates or []]), body, sender)


def prefill(kept: bytes | None) -> bytes:
    """A prefill of suite 2, sealed to a code; the wrap of an earlier run is kept."""
    body = body_of(PLAINTEXT)
    first = elements(body, suite=2, kind=PREFILL, sender=NEW_SERVER.id)
    front = pack(first)[1:]
    if kept is not None and front in kept:
        at = kept.index(front) + len(front) + 1 + 1 + 10 + 3
        sealed = kept[at : at + 1168]
    else:
        sealed = hpke_hybrid(CODE_KEYS, FILE_KEY, wrap_info(first))
    chain = [certificate(CODE_KEYS, ROOT, NOWHERE), certificate(ROOT, NEW_SERVER, NOWHERE)]
    return signed(pack([*first, [[CODE_KEYS.id, sealed]], chain]), body, NEW_SERVER)


# --- the cases --------------------------------------------------------------------------------------


def good() -> Iterator[tuple[str, str, bytes]]:
    """Files that open."""
    yield "kirim", "the worked example: one small package of suite 1", package()
    chain = [certificate(CODE_KEYS, DEVICE, SCHOOL), certificate(CODE_KEYS, HEAD, SCHOOL)]
    yield (
        "kirim-first",
        "a school's first package brings its laptop's and its head's certificates",
        package(certificates=chain),
    )
    yield "kirim-empty", "an empty plaintext is one empty chunk", package(body=body_of(b""))


def bad() -> Iterator[tuple[str, str, str, bytes]]:
    """Files with one fault each, and the code under which they are refused."""
    whole = package()
    header, body = whole[12 : 12 + int.from_bytes(whole[9:12], "big")], body_of(PLAINTEXT)
    first = elements(body)
    wraps = [[SERVER.id, hpke_x25519(SERVER, FILE_KEY, wrap_info(first))]]

    yield "empty", "KF-204", "no byte at all", b""
    yield (
        "photograph",
        "KF-201",
        "a JPEG under the name of a package",
        bytes.fromhex("ffd8ffe000104a464946") + whole[10:],
    )
    yield "line-ends", "KF-201", "a program rewrote CR LF as LF on the way", whole.replace(b"\r\n", b"\n")
    yield "format-2", "KF-202", "a later format", whole[:8] + b"\x02" + whole[9:]
    yield "format-0", "KF-203", "a format that was never written", whole[:8] + b"\x00" + whole[9:]
    yield "suite-3", "KF-202", "the reserved suite", signed(pack([3, *first[1:], wraps, []]), body)
    yield "header-long", "KF-203", "the header claims 16,385 bytes", whole[:9] + b"\x00\x40\x01" + whole[12:]
    yield (
        "long-form",
        "KF-203",
        "the number in two bytes where one does",
        signed(header[:21] + b"\xcc\x01" + header[22:], body),
    )
    yield "eleven", "KF-203", "an eleventh element", signed(b"\x9b" + header[1:] + b"\x00", body)
    yield "boolean", "KF-203", "true where the number stands", signed(header[:21] + b"\xc3" + header[22:], body)
    yield "two-wraps", "KF-203", "one receiver twice", signed(pack([*first, wraps * 2, []]), body)
    yield "body-length", "KF-203", "15 bytes are no chunk", signed(pack([*first[:5], 15, *first[6:], wraps, []]), body)
    yield "cut-frame", "KF-204", "the file ends inside the frame", whole[:11]
    yield "cut-header", "KF-204", "the file ends inside the header", whole[:40]
    yield "cut-body", "KF-204", "the last byte is missing", whole[:-1]
    yield "padded", "KF-205", "a byte follows the body", whole + b"\x00"
    yield "damaged", "KF-206", "one bit of the body is another", whole[:-1] + bytes([whole[-1] ^ 1])
    yield "kind", "KF-301", "a return where schools' packages come in", package(kind=BALASAN)
    yield (
        "receiver",
        "KF-302",
        "sealed for somebody else",
        signed(pack([*first, [[STRANGER.id, hpke_x25519(STRANGER, FILE_KEY, wrap_info(first))]], []]), body),
    )
    yield (
        "certificate-stranger",
        "KF-303",
        "a certificate that a stranger's key signed",
        package(sender=STRANGER, certificates=[certificate(STRANGER, STRANGER, SCHOOL)]),
    )
    yield (
        "certificate-scope",
        "KF-303",
        "the code certifies a laptop of another school",
        package(certificates=[certificate(CODE_KEYS, STRANGER, OTHER_SCHOOL)]),
    )
    yield (
        "certificate-identity-point",
        "KF-303",
        "a verify key for which one signature fits all",
        package(certificates=[certificate(CODE_KEYS, STRANGER, SCHOOL, verify_key=b"\x01" + bytes(31))]),
    )
    forged = certificate(CODE_KEYS, STRANGER, SCHOOL)
    yield (
        "certificate-signature",
        "KF-303",
        "a certificate with another one's signature",
        package(certificates=[[forged[0], certificate(CODE_KEYS, HEAD, SCHOOL)[1]]]),
    )
    yield "sender", "KF-304", "nobody has certified this sender", package(sender=STRANGER)
    yield "school", "KF-304", "a known laptop speaks for another school", package(scope=OTHER_SCHOOL)
    at = 12 + len(header)
    yield "signature", "KF-305", "another key signed", signed(header, body, STRANGER)
    order = 2**252 + 27742317777372353535851937790883648493
    stretched = (int.from_bytes(whole[at + 32 : at + 64], "little") + order).to_bytes(32, "little")
    yield (
        "signature-stretched",
        "KF-305",
        "S of the signature plus the group's order",
        (whole[: at + 32] + stretched + whole[at + 64 :]),
    )
    other = elements(body, number=2)
    yield "wrap-moved", "KF-306", "the wrap of another number", signed(pack([*other, wraps, []]), body)
    wrong = [[SERVER.id, hpke_x25519(SERVER, b"\x34" * 32, wrap_info(first))]]
    yield "commitment", "KF-306", "the wrap holds another file key", signed(pack([*first, wrong, []]), body)
    yield "chunk-not-last", "KF-307", "the only chunk is not marked as the last", package(body=body_of(PLAINTEXT, 0))
    yield "chunk-counter", "KF-307", "the first chunk counts as the second", package(body=body_of(PLAINTEXT, 1, 1))


def cases(kept: bytes | None) -> list[dict[str, str]]:
    """Everything that the file holds."""
    found = [
        {"name": name, "why": why, "reader": "server", "expect": "open", "file": data.hex()}
        for name, why, data in good()
    ]
    data = prefill(kept)
    found.append(
        {"name": "prefill", "why": "suite 2, for a code", "reader": "code", "expect": "open", "file": data.hex()}
    )
    for name, code, why, data in bad():
        found.append({"name": name, "why": why, "reader": "server", "expect": code, "file": data.hex()})
    return found


def document(kept: bytes | None) -> dict[str, Any]:
    """The whole of ``packages.json``."""
    keys = {"server": SERVER, "device": DEVICE, "head": HEAD, "root": ROOT, "new_server": NEW_SERVER}
    return {
        "school": SCHOOL.hex(),
        "code": CODE.hex(),
        "file_key": FILE_KEY.hex(),
        "keys": {
            name: {"kind": k.kind, "suite": k.suite, "seed": k.seed.hex(), "key_id": k.id.hex()}
            for name, k in keys.items()
        },
        "cases": cases(kept),
    }


def kept_prefill() -> bytes | None:
    """The prefill that stands in the file, if there is one."""
    if not TARGET.exists():
        return None
    stored = json.loads(TARGET.read_text())
    return next(bytes.fromhex(case["file"]) for case in stored["cases"] if case["name"] == "prefill")


def explain() -> str:
    """The worked example, field by field."""
    whole = package()
    size = int.from_bytes(whole[9:12], "big")
    lengths = [
        (8, "magic"),
        (1, "format 1"),
        (3, f"H = {size}"),
        (1, "array of 10"),
        (1, "0 suite 1"),
        (1, "1 kind 2, kirim"),
        (18, "2 scope"),
        (1, "3 number 1"),
        (10, "4 sender's key id"),
        (1, "5 body length 26"),
        (34, "6 SHA-256 of the body"),
        (34, "7 commitment"),
        (2, "8 one wrap, of two elements"),
        (10, "  receiver's key id"),
        (82, "  HPKE: enc (32), file key and tag (48)"),
        (1, "9 no certificates"),
        (64, "signature"),
        (26, "body: one chunk, 10 bytes and tag"),
    ]
    lines, at = [], 0
    for length, name in lengths:
        data = whole[at : at + length].hex()
        for start in range(0, len(data), 64):
            lines.append(f"{at + start // 2:3d}  {data[start : start + 64]:64s}  {name if start == 0 else ''}".rstrip())
        at += length
    assert at == len(whole)
    return "\n".join(lines)


if __name__ == "__main__":
    if "--explain" in sys.argv:
        print(explain())
    else:
        TARGET.write_text(json.dumps(document(kept_prefill()), indent=1) + "\n")
