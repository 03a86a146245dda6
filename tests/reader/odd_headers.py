"""Headers and certificates as no program of ours writes them, made by the second writer of the golden files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tests.reader.made import Case
from tests.vectors import make_package as m

_HEADER, _CUT, _NEWER, _CERTIFICATE, _UNKNOWN, _WRAP = "KF-203", "KF-204", "KF-202", "KF-303", "KF-304", "KF-306"
_READ = "read"
"""The file opens; what it holds is ten letters and no manifest."""

OTHER_ROOT, OTHER_SERVER, DINAS = m.plain_keys(1, 0x41), m.plain_keys(2, 0x91), m.plain_keys(5, 0x31)
LAPTOP, OTHER_HEAD, HYBRID = m.plain_keys(3, 0xB1), m.plain_keys(4, 0xA1), m.plain_keys(3, 0xC1, suite=2)
HEAD_CODE = m.Keys(7, 2, m.hkdf(b"\x55" * 16, m.SCHOOL, b"kirim/1 kode", 64))
CODE = m.CODE_KEYS
ZEROS = bytes(16)


def certificate(by: m.Keys, keys: m.Keys, /, scope: bytes = m.SCHOOL, **other: Any) -> list[bytes]:
    """Return a certificate of which something is other than it should be; ``signer`` and ``more`` are no elements."""
    signer, more = other.pop("signer", by), other.pop("more", [])
    fields = {
        "form": 1, "kind": keys.kind, "suite": keys.suite, "scope": scope, "serial": 1, "verify": keys.verify_key,
        "seal": keys.seal_key, "subject": m.ASSIGNMENT if keys.kind == m.KEPALA else b"", "issuer": by.id, "lowest": 0,
    }  # fmt: skip
    body = m.pack([*(fields | other).values(), *more])
    return [body, signer.signer.sign(b"kirim/1 sertifikat\x00" + body)]


KNOWN = certificate(CODE, m.DEVICE)
"""The laptop's certificate, which the server has checked before."""


# --- headers ----------------------------------------------------------------------------------------------


def headers() -> Iterator[Case]:
    """Yield files of the known laptop whose header is another."""
    whole, body = m.package(certificates=[KNOWN]), m.body_of(m.PLAINTEXT)
    first = m.elements(body)
    wraps = [[m.SERVER.id, m.hpke_x25519(m.SERVER, m.FILE_KEY, m.wrap_info(first))]]

    def file(header: bytes | Sequence[Any]) -> bytes:
        return m.signed(header if isinstance(header, bytes) else m.pack(list(header)), body)

    def with_element(at: int, value: object) -> bytes:
        changed = [*first[:at], value, *first[at + 1 :]]
        return file([*changed, [[m.SERVER.id, m.hpke_x25519(m.SERVER, m.FILE_KEY, m.wrap_info(changed))]], []])

    yield "nine bytes, format 0", _CUT, whole[:8] + b"\x00"
    yield "nine bytes, format 2", _CUT, whole[:8] + b"\x02"
    yield "H 0 and no more", _HEADER, whole[:9] + bytes(3)
    yield "two bytes of the magic", _CUT, whole[:2]
    yield "a byte of another magic", "KF-201", whole[:1] + b"L"
    for name, header in {
        "nil": b"\xc0", "an empty array": b"\x90", "a suite below zero": b"\x92\xff\x00", "a suite of nil": b"\x92\xc0\x00",
        "a suite of bytes": [b"\x01", 1], "another suite and a text": b"\x92\x09\xa1x", "another suite and a map": b"\x92\x09\x80",
        "another suite and nil": b"\x92\x09\xc0", "another suite and a byte": m.pack([9]) + b"\x00", "another suite, cut": b"\x93\x09",
        "another suite in a longer form": b"\x92\xcc\x09\x00", "seventeen suites": [9] * 17, "a deep one": b"\x92\x09" + b"\x91" * 600 + b"\x00",
    }.items():  # fmt: skip
        yield f"header: {name}", _HEADER, file(header)
    yield "header: another suite", _NEWER, file([9, *first[1:], wraps, []])
    yield "header: another suite of other elements", _NEWER, file([9, b"", [], 0, 0, 0, 0, 0, 0, 0])
    yield "header: another suite of fewer elements", _NEWER, file([9])
    yield "header: another suite of more elements", _NEWER, file([9, *first[1:], wraps, [], b"", 0, [], 3, b"x", 0])
    for name, code, levels in (("of 16 levels", _NEWER, 16), ("of 17 levels", _HEADER, 17)):
        yield f"header: another suite {name}", code, file(b"\x92\x09" + b"\x91" * (levels - 2) + b"\x90")
    yield "header: eleven elements", _HEADER, file([*first, wraps, [], 0])
    for at, value, code in (
        (0, 0, _HEADER), (0, 2, _HEADER), (1, 0, _HEADER), (1, 4, "KF-301"), (1, 5, "KF-301"), (1, 6, _HEADER), (1, 1, "KF-301"), (1, b"\x02", _HEADER), (2, bytes(15), _HEADER),
        (3, 2**32, _HEADER), (3, 2**32 - 1, _READ), (4, bytes(7), _HEADER), (5, 0, _HEADER), (5, 15, _HEADER), (5, 27, _CUT), (5, 25, "KF-205"),
        (5, 2**40, _CUT), (5, 2**40 + 1, _HEADER), (5, 65_552, _CUT), (5, 65_553, _HEADER), (5, 65_568, _HEADER), (5, 65_569, _CUT),
        (6, bytes(31), _HEADER), (6, bytes(32), "KF-206"), (7, bytes(33), _HEADER), (7, bytes(32), _WRAP),
    ):  # fmt: skip
        yield f"header: {value!r} as element {at}", code, with_element(at, value)
    mine, others = wraps[0], [[bytes([n]) * 8, bytes(80)] for n in range(4)]
    for name, code, given in (
        ("no wrap", _HEADER, []), ("five wraps", _HEADER, [mine, *others]), ("four wraps", _READ, [*others[:3], mine]),
        ("a wrap of 79 bytes", _HEADER, [[m.SERVER.id, bytes(79)]]), ("a wrap of three", _HEADER, [[*mine, 0]]),
        ("a wrap of zeros", _WRAP, [[m.SERVER.id, bytes(80)]]), ("wraps of bytes", _HEADER, b"x"),
    ):  # fmt: skip
        yield f"header: {name}", code, file([*first, given, []])
    for name, code, given in (
        ("five certificates", _HEADER, [KNOWN] * 5), ("four times one", _READ, [KNOWN] * 4), ("a certificate of three", _HEADER, [[*KNOWN, 0]]),
        ("a signature of 63 bytes", _HEADER, [[KNOWN[0], bytes(63)]]), ("a body of nothing", _HEADER, [[b"", bytes(64)]]),
        ("a body of 1,537 bytes", _HEADER, [[bytes(1_537), bytes(64)]]), ("a body of 1,536 bytes", _CERTIFICATE, [[bytes(1_536), bytes(64)]]),
    ):  # fmt: skip
        yield f"header: {name}", code, file([*first, wraps, given])
    yield "nine elements", _HEADER, file([*first, wraps])
    at = len(whole) - len(body) - 64
    yield "a signature of the identity", "KF-305", whole[:at] + b"\x01" + bytes(63) + whole[at + 64 :]


# --- certificates in a school's package -------------------------------------------------------------------


def school_certificates() -> Iterator[Case]:
    """Yield packages for a server that knows both codes and the laptop."""
    for name, code, sender, *chain in (
        ("a new laptop", _READ, LAPTOP, certificate(CODE, LAPTOP)),
        ("a laptop by a laptop", _READ, LAPTOP, certificate(m.DEVICE, LAPTOP)),
        ("a chain of laptops", _READ, m.STRANGER, certificate(CODE, LAPTOP), certificate(LAPTOP, m.STRANGER)),
        ("a chain in another order", _CERTIFICATE, m.STRANGER, certificate(LAPTOP, m.STRANGER), certificate(CODE, LAPTOP)),
        ("a laptop by itself", _CERTIFICATE, LAPTOP, certificate(LAPTOP, LAPTOP)),
        ("a laptop by a head's code", _CERTIFICATE, LAPTOP, certificate(HEAD_CODE, LAPTOP)),
        ("a head by the laptop's code", _READ, m.DEVICE, certificate(CODE, OTHER_HEAD)),
        ("a head without an assignment", _READ, m.DEVICE, certificate(CODE, OTHER_HEAD, subject=ZEROS)),
        ("a head by a laptop", _CERTIFICATE, m.DEVICE, certificate(m.DEVICE, OTHER_HEAD)),
        ("a head by his code", _READ, m.DEVICE, certificate(HEAD_CODE, OTHER_HEAD)),
        ("a head by another head's code", _CERTIFICATE, m.DEVICE, certificate(HEAD_CODE, OTHER_HEAD, subject=bytes(15) + b"\x01")),
        ("no assignment by a head's code", _CERTIFICATE, m.DEVICE, certificate(HEAD_CODE, OTHER_HEAD, subject=ZEROS)),
        ("a head by his older key", _READ, m.DEVICE, certificate(CODE, m.HEAD), certificate(m.HEAD, OTHER_HEAD)),
        ("another head by an older key", _CERTIFICATE, m.DEVICE, certificate(CODE, m.HEAD), certificate(m.HEAD, OTHER_HEAD, subject=ZEROS)),
        ("a root", _CERTIFICATE, m.DEVICE, certificate(CODE, OTHER_ROOT, ZEROS)),
        ("a server", _CERTIFICATE, m.DEVICE, certificate(CODE, OTHER_SERVER, ZEROS)),
        ("a sender who is a head", _UNKNOWN, OTHER_HEAD, certificate(CODE, OTHER_HEAD)),
        ("a sender who is a code", _UNKNOWN, CODE),
        ("a key that is known", _READ, m.DEVICE, KNOWN),
        ("a key that is known, signed otherwise", _READ, m.DEVICE, [KNOWN[0], bytes(64)]),
        ("an older certificate", _READ, m.DEVICE, certificate(CODE, m.DEVICE, serial=0)),
        ("a serial below the lowest", _CERTIFICATE, m.STRANGER, certificate(CODE, LAPTOP, lowest=5), certificate(LAPTOP, m.STRANGER, serial=4)),
        ("a higher serial before a lower one", _CERTIFICATE, m.STRANGER, certificate(CODE, LAPTOP, serial=5, lowest=5),
         certificate(CODE, LAPTOP, serial=3), certificate(LAPTOP, m.STRANGER, serial=4)),
        ("a higher serial before a lower one that would forbid", _READ, m.STRANGER, certificate(CODE, LAPTOP, serial=5),
         certificate(CODE, LAPTOP, serial=3, lowest=5), certificate(LAPTOP, m.STRANGER, serial=4)),
        ("a higher serial behind a lower one", _CERTIFICATE, m.STRANGER, certificate(CODE, LAPTOP, serial=3),
         certificate(CODE, LAPTOP, serial=5, lowest=5), certificate(LAPTOP, m.STRANGER, serial=4)),
        ("two of one serial, the first speaks", _READ, m.STRANGER, certificate(CODE, LAPTOP),
         certificate(CODE, LAPTOP, lowest=5), certificate(LAPTOP, m.STRANGER, serial=4)),
        ("two of one serial, the first forbids", _CERTIFICATE, m.STRANGER, certificate(CODE, LAPTOP, lowest=5),
         certificate(CODE, LAPTOP), certificate(LAPTOP, m.STRANGER, serial=4)),
        ("one twice, the second time signed otherwise", _READ, LAPTOP, certificate(CODE, LAPTOP),
         [certificate(CODE, LAPTOP)[0], bytes(64)]),
        ("a lower one that nobody signed", _CERTIFICATE, LAPTOP, certificate(CODE, LAPTOP),
         [certificate(CODE, LAPTOP, serial=0)[0], bytes(64)]),
        ("the lowest serial", _READ, m.STRANGER, certificate(CODE, LAPTOP, lowest=5), certificate(LAPTOP, m.STRANGER, serial=5)),
    ):  # fmt: skip
        yield f"certificate: {name}", code, m.package(sender=sender, certificates=chain)
    for other, value, code in (
        ("kind", 0, _CERTIFICATE), ("kind", 6, _CERTIFICATE), ("kind", 9, _CERTIFICATE), ("form", 0, _CERTIFICATE), ("form", 2, _CERTIFICATE),
        ("suite", 2, _CERTIFICATE), ("suite", 3, _CERTIFICATE), ("scope", ZEROS, _CERTIFICATE), ("scope", m.OTHER_SCHOOL, _CERTIFICATE),
        ("serial", 2**32 - 1, _READ), ("serial", 2**32, _CERTIFICATE), ("lowest", 2**32, _CERTIFICATE), ("subject", m.ASSIGNMENT, _CERTIFICATE),
        ("issuer", bytes(8), _CERTIFICATE), ("signer", m.STRANGER, _CERTIFICATE), ("more", [0], _CERTIFICATE), ("seal", bytes(33), _CERTIFICATE), ("seal", b"", _CERTIFICATE),
    ):  # fmt: skip
        shown = value.id.hex() if isinstance(value, m.Keys) else value
        yield f"certificate: {other} {shown!r}", code, m.package(certificates=[certificate(CODE, LAPTOP, **{other: value})])
    for other, value in (("subject", b""), ("seal", bytes(31) + b"\x09")):
        chain = [certificate(CODE, OTHER_HEAD, **{other: value})]
        yield f"a head's certificate: {other} {value!r}", _CERTIFICATE, m.package(certificates=chain)


def unsound_keys() -> Iterator[Case]:
    """Yield certificates for keys that no honest holder has (format.md 3.3)."""
    y = 2**255 - 19
    for name, value in {
        "the identity": 1, "the identity, signed": 1 | 1 << 255, "order 2": y - 1, "order 4": 0, "not on the curve": 2,
        "y = p": y, "y = p + 1": y + 1, "all ones": 2**256 - 1,
        "order 8": int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
        "the other of order 8": int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
    }.items():  # fmt: skip
        key = value.to_bytes(32, "little")
        yield f"verify key: {name}", _CERTIFICATE, m.package(certificates=[certificate(CODE, LAPTOP, verify=key)])
    for name, value in {
        "0": bytes(32), "1": b"\x01" + bytes(31), "p": y.to_bytes(32, "little"), "p - 1": (y - 1).to_bytes(32, "little"),
        "order 8": bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        "the other of order 8": bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    }.items():  # fmt: skip
        yield f"seal key: {name}", _CERTIFICATE, m.package(certificates=[certificate(CODE, LAPTOP, seal=value)])
    sound = HYBRID.seal_key
    for name, code, value in (
        ("whole", _READ, sound), ("a coefficient of 3,329", _CERTIFICATE, b"\x01\x0d\x00" + sound[3:]), ("ones", _CERTIFICATE, b"\xff" * 3 + sound[3:]),
        ("a point of low order", _CERTIFICATE, sound[:1184] + bytes(32)),
    ):  # fmt: skip
        yield f"hybrid seal key: {name}", code, m.package(certificates=[certificate(CODE, HYBRID, seal=value)])


# --- returns ----------------------------------------------------------------------------------------------


def returns() -> Iterator[Case]:
    """Yield returns for a laptop that knows a root and its server, serial 3."""
    newer = certificate(m.ROOT, m.ROOT, ZEROS, serial=2, lowest=4)
    for name, code, sender, *chain in (
        ("no certificate", _READ, m.SERVER),
        ("a new server", _READ, OTHER_SERVER, certificate(m.ROOT, OTHER_SERVER, ZEROS)),
        ("a new root", _READ, OTHER_SERVER, certificate(m.ROOT, OTHER_ROOT, ZEROS), certificate(OTHER_ROOT, OTHER_SERVER, ZEROS)),
        ("a root by itself", _CERTIFICATE, m.SERVER, certificate(OTHER_ROOT, OTHER_ROOT, ZEROS)),
        ("a root by a code that is spent", _CERTIFICATE, m.SERVER, certificate(CODE, OTHER_ROOT, ZEROS)),
        ("a dinas", _READ, m.SERVER, certificate(m.ROOT, DINAS, ZEROS)),
        ("a dinas with an id of its own", _READ, m.SERVER, certificate(m.ROOT, DINAS, m.OTHER_SCHOOL)),
        ("a dinas who receives nothing", _CERTIFICATE, m.SERVER, certificate(m.ROOT, DINAS, ZEROS, seal=b"")),
        ("a server that receives nothing", _CERTIFICATE, m.SERVER, certificate(m.ROOT, OTHER_SERVER, ZEROS, seal=b"")),
        ("a root that receives nothing", _CERTIFICATE, m.SERVER, certificate(m.ROOT, OTHER_ROOT, ZEROS, seal=b"")),
        ("a dinas as sender", _UNKNOWN, DINAS, certificate(m.ROOT, DINAS, ZEROS)),
        ("a root as sender", _UNKNOWN, m.ROOT),
        ("a server by a server", _CERTIFICATE, OTHER_SERVER, certificate(m.SERVER, OTHER_SERVER, ZEROS)),
        ("a laptop", _CERTIFICATE, m.SERVER, certificate(CODE, LAPTOP)),
        ("a server with a scope", _CERTIFICATE, OTHER_SERVER, certificate(m.ROOT, OTHER_SERVER)),
        ("a root that no longer counts the server", _CERTIFICATE, m.SERVER, newer),
        ("a root that still counts the server", _READ, m.SERVER, certificate(m.ROOT, m.ROOT, ZEROS, serial=2, lowest=3)),
        ("a root's older certificate", _READ, m.SERVER, certificate(m.ROOT, m.ROOT, ZEROS, serial=0, lowest=4)),
        ("the server certified again", _READ, m.SERVER, newer, certificate(m.ROOT, m.SERVER, ZEROS, serial=4)),
        ("a server that is not counted", _CERTIFICATE, OTHER_SERVER, newer, certificate(m.ROOT, OTHER_SERVER, ZEROS, serial=3)),
    ):  # fmt: skip
        yield f"return: {name}", code, answer(*chain, sender=sender)
    yield "return: another kind", "KF-301", answer(kind=m.PREFILL)
    yield "return: for the server", "KF-302", answer(to=m.SERVER)


def answer(*chain: list[bytes], sender: m.Keys = m.SERVER, kind: int = m.BALASAN, to: m.Keys = m.DEVICE) -> bytes:
    """Return a file from the server's side to the laptop."""
    body = m.body_of(m.PLAINTEXT)
    first = m.elements(body, sender=sender.id, kind=kind)
    wrap = [to.id, m.hpke_x25519(to, m.FILE_KEY, m.wrap_info(first))]
    return m.signed(m.pack([*first, [wrap], list(chain)]), body, sender)


ROOT_KNOWN = certificate(CODE, m.ROOT, ZEROS)
SERVER_KNOWN = certificate(m.ROOT, m.SERVER, ZEROS, serial=3)
"""What the laptop has checked before."""
