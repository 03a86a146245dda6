"""Plaintexts as no writer writes them: manifests, frames, items and outcomes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import zstandard

from tests.reader.made import ANSWER, HEAD, IDS, MANIFEST, Case, frame, item, pack, plaintext

_BAD, _LARGE, _NEWER, _OPEN = "KF-208", "KF-207", "KF-209", "open"
_BLOCK = pack([40, 2, 1, 11, IDS[0], 5])
_CONTENT = item(1, HEAD) + item(2, _BLOCK)
_FRAME = frame(_CONTENT)
_NEXT, _PAD, _GIVEN, _WANTED = 6, 7, 9, 10
_FILE_KEY = b"F" * 32


def schools() -> Iterator[Case]:
    """Yield what a school's package may not hold, and what it may."""
    for some in (newer(), manifests(), longer_manifests(), frames(), items(), pieces()):
        yield from some


# --- manifests --------------------------------------------------------------------------------------------


def changed(at: int, value: object) -> list[Any]:
    """Return the manifest with another element."""
    return [*MANIFEST[:at], value, *MANIFEST[at + 1 :]]


def newer() -> Iterator[Case]:
    """Of a later schema nothing else is judged."""
    for name, manifest in (
        ("other elements", [2, "x"]),
        ("nothing else", [2]),
        ("twenty elements", [2] + [0] * 20),
        ("a number beyond 32 bits", changed(0, 2**40)),
    ):
        yield f"a later schema, {name}", _NEWER, plaintext(manifest, _FRAME)
    yield "a later schema in a longer form", _NEWER, plaintext(b"\x98\xcc\x02" + pack(MANIFEST)[2:], _FRAME)
    for value in (-1, True, 2.0, None, "2"):
        yield f"schema {value!r}", _BAD, plaintext(changed(0, value), _FRAME)


def manifests() -> Iterator[Case]:
    """Elements 0 to 7."""
    whole = pack(MANIFEST)
    for name, code, manifest in (
        ("whole", _OPEN, MANIFEST),
        ("a program of 17 characters", _BAD, changed(1, "x" * 17)),
        ("a program of 16 characters", _OPEN, changed(1, "🎒" * 16)),
        ("a program of bytes", _BAD, changed(1, b"1")),
        ("no program", _OPEN, changed(1, "")),
        ("made beyond 32 bits", _BAD, changed(2, 2**32)),
        ("made before 1970", _BAD, changed(2, -1)),
        ("made never", _BAD, changed(2, None)),
        ("values of 15 bytes", _BAD, changed(7, b"x" * 15)),
        ("values of text", _BAD, changed(7, "x" * 16)),
        ("seven elements", _BAD, MANIFEST[:7]),
        ("an array in a longer form", _BAD, b"\xdc\x00\x08" + whole[1:]),
        ("a number in a longer form", _BAD, whole.replace(b"\x0c\x01\x02\x00", b"\xcc\x0c\x01\x02\x00")),
        ("no byte", _BAD, b""),
        ("nil", _BAD, pack(None)),
        ("a map", _BAD, pack({})),
        ("a map with one key twice", _BAD, b"\x82\x01\x01\x01\x02"),
        ("a byte behind", _BAD, whole + b"\x00"),
        ("more changesets than there are", _BAD, changed(5, 3)),
        ("fewer changesets than there are", _BAD, changed(5, 1)),
        ("changesets after another number", _BAD, changed(4, 2)),
    ):
        yield f"manifest: {name}", code, plaintext(manifest, _FRAME)
    yield "a manifest above 1 MiB", _LARGE, (2**20 + 1).to_bytes(3, "big") + whole + _FRAME
    yield "a manifest beyond the plaintext", _BAD, (5_000).to_bytes(3, "big") + whole + _FRAME
    yield "no plaintext", _BAD, b""
    yield "two bytes of plaintext", _BAD, b"\x00\x00"
    yield "no content", _BAD, plaintext(MANIFEST, b"")


def longer_manifests() -> Iterator[Case]:
    """Elements 8 to 14."""
    position, nothing = [5, b"x" * 8], [None, None, None]
    approval = [1, 1, 10, b"a" * 80]
    receipt = [b"p" * 32, 1, b"s" * 8, 0, 1, b"c" * 32, b"t" * 32, [1, 0, 0, 0, 0], b"o" * 32, b"b" * 32, 1_793_000_000, 0, b"g" * 64]
    for name, code, more in (
        ("nil at the end", _BAD, [None]),
        ("an empty array at the end", _BAD, [*nothing, b"\x01" * 32, []]),
        ("a ledger", _OPEN, [*nothing, b"\x01" * 32]),
        ("nil for the ledger", _BAD, [*nothing, None, [], position]),
        ("nothing for the ledger", _OPEN, [*nothing, b"", [], position]),
        ("nil for the receipts", _BAD, [*nothing, b"", None, position]),
        ("older positions", _OPEN, [*nothing, b"", [], [], position]),
        ("a position without a value", _BAD, [*nothing, b"", [], [], [5]]),
        ("20,000 positions", _OPEN, [*nothing, b"", [], [], position * 20_000]),
        ("20,001 positions", _BAD, [*nothing, b"", [], [], position * 20_001]),
        ("sixteen elements", _BAD, [*[None] * 7, 1]),
        ("an approval", _OPEN, [approval]),
        ("an approval in another role", _OPEN, [[3, *approval[1:]]]),
        ("an approval after the package", _OPEN, [[1, 1, -10, b"a" * 80]]),
        ("an approval before 1970", _BAD, [[1, 1, 1_793_000_001, b"a" * 80]]),
        ("an approval beyond 32 bits", _BAD, [[1, 1, -(2**32), b"a" * 80]]),
        ("an approval of 79 bytes", _BAD, [[1, 1, 10, b"a" * 79]]),
        ("an approval of five", _BAD, [[*approval, 1]]),
        ("an approval of letters", _BAD, ["abcd"]),
        ("an empty approval", _BAD, [[]]),
        ("an approval with a float", _BAD, [[1, 1, 10.0, b"a" * 80]]),
        ("a root", _OPEN, [None, [b"r" * 16]]),
        ("digests", _OPEN, [None, [b"r" * 32, 40, 3, 41, 3]]),
        ("digests in another order", _BAD, [None, [b"r" * 32, 41, 3, 40, 3]]),
        ("digests of one table twice", _BAD, [None, [b"r" * 32, 41, 3, 41, 3]]),
        ("digests of an unknown table", _OPEN, [None, [b"r" * 24, 999, 3]]),
        ("digests without a count", _BAD, [None, [b"r" * 20, 40]]),
        ("digests without bytes", _BAD, [None, [b"r" * 16, 40, 3]]),
        ("empty digests", _BAD, [None, []]),
        ("an answer", _OPEN, [None, None, ANSWER]),
        ("an answer of four", _BAD, [None, None, ANSWER[:4]]),
        ("an answer with nil", _BAD, [None, None, [*ANSWER[:3], None, None]]),
        ("an answer with positions", _OPEN, [None, None, [*ANSWER[:3], position * 17, position]]),
        ("an answer with half a position", _BAD, [None, None, [*ANSWER[:3], [3], []]]),
        ("a receipt", _OPEN, [*nothing, b"", [receipt]]),
        ("a receipt of twelve", _BAD, [*nothing, b"", [receipt[:12]]]),
        ("a receipt of four counts", _BAD, [*nothing, b"", [[*receipt[:7], [1, 0, 0, 0], *receipt[8:]]]]),
        ("a receipt of large counts", _BAD, [*nothing, b"", [[*receipt[:7], [2**32, 0, 0, 0, 0], *receipt[8:]]]]),
        ("a receipt nobody signed", _BAD, [*nothing, b"", [[*receipt[:12], b""]]]),
        ("512 receipts", _OPEN, [*nothing, b"", [receipt] * 512]),
        ("513 receipts", _BAD, [*nothing, b"", [receipt] * 513]),
    ):
        yield f"manifest with {name}", code, plaintext([*MANIFEST, *more], _FRAME)


# --- frames -----------------------------------------------------------------------------------------------


def frames() -> Iterator[Case]:
    """Zstandard frames, some of them made by hand."""
    for name, code, packed in (
        ("with its size", _OPEN, frame(_CONTENT, write_content_size=True)),
        ("with a checksum", _OPEN, frame(_CONTENT, write_checksum=True)),
        ("with another checksum", _BAD, last_bit(frame(_CONTENT, write_checksum=True))),
        ("of 300 kB with a checksum", _OPEN, frame(item(_PAD, os.urandom(300_000)) + _CONTENT, write_checksum=True)),
        ("of 300 kB with another checksum", _BAD, last_bit(frame(item(_PAD, os.urandom(300_000)) + _CONTENT, write_checksum=True))),
        ("behind a skippable one", _BAD, b"\x50\x2a\x4d\x18\x00\x00\x00\x00" + _FRAME),
        ("before a skippable one", _BAD, _FRAME + b"\x50\x2a\x4d\x18\x00\x00\x00\x00"),
        ("and a byte", _BAD, _FRAME + b"\x00"),
        ("and another", _BAD, frame(_CONTENT[:20]) + frame(_CONTENT[20:])),
        ("without its last byte", _BAD, _FRAME[:-1]),
        ("without its blocks", _BAD, _FRAME[:5]),
        ("without its magic", _BAD, _FRAME[:3]),
        ("of another magic", _BAD, b"\x29" + _FRAME[1:]),
        ("of an old version", _BAD, b"\x27\xb5\x2f\xfd" + _FRAME[4:]),
        ("with a window of 8 MiB", _OPEN, windowed(23)),
        ("with a window of 16 MiB", _BAD, windowed(24)),
    ):  # fmt: skip
        yield f"a frame {name}", code, plaintext(MANIFEST, packed)
    size = len(_CONTENT)
    for name, code, flags, front, blocks in (
        ("a raw block", _OPEN, 0, b"\x58", raw(_CONTENT)),
        ("a window of 9 MiB", _BAD, 0, b"\x69", raw(_CONTENT)),
        ("one segment", _OPEN, 0x20, bytes([size]), raw(_CONTENT)),
        ("one segment that is shorter", _BAD, 0x20, bytes([size + 1]), raw(_CONTENT)),
        ("one segment that is longer", _BAD, 0x20, bytes([size - 1]), raw(_CONTENT)),
        ("one segment of 9 MiB", _BAD, 0xA0, (9 << 20).to_bytes(4, "little"), raw(_CONTENT)),
        ("a dictionary that is none", _OPEN, 1, b"\x58\x00", raw(_CONTENT)),
        ("a dictionary", _BAD, 1, b"\x58\x05", raw(_CONTENT)),
        ("the reserved bit", _BAD, 8, b"\x58", raw(_CONTENT)),
        ("the unused bit", _OPEN, 16, b"\x58", raw(_CONTENT)),
        ("a reserved block", _BAD, 0, b"\x58", (size << 3 | 7).to_bytes(3, "little") + _CONTENT),
        ("empty blocks", _OPEN, 0, b"\x58", raw(b"", last=0) * 3 + raw(_CONTENT)),
        ("no last block", _BAD, 0, b"\x58", raw(_CONTENT, last=0)),
        ("a block above 128 KiB", _BAD, 0, b"\x58", raw(item(_PAD, bytes(140_000)) + _CONTENT)),
        ("a block above its window", _BAD, 0, b"\x00", raw(item(_PAD, bytes(2_000)) + _CONTENT)),
        ("a block of nonsense", _BAD, 0, b"\x58", (10 << 3 | 5).to_bytes(3, "little") + b"\xff" * 10),
    ):
        yield f"a frame by hand: {name}", code, plaintext(MANIFEST, _FRAME[:4] + bytes([flags]) + front + blocks)
    yield "a frame of nothing", _OPEN, plaintext(changed(5, 1), frame(b""))
    yield "one letter many times", _OPEN, plaintext(changed(5, 1), _FRAME[:4] + b"\x00\x58" + (1 << 3 | 3).to_bytes(3, "little") + b"\x07")


def raw(data: bytes, last: int = 1) -> bytes:
    """Return a block that is not packed."""
    return (len(data) << 3 | last).to_bytes(3, "little") + data


def last_bit(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def windowed(bits: int) -> bytes:
    packer = zstandard.ZstdCompressor(compression_params=zstandard.ZstdCompressionParameters(window_log=bits)).compressobj()
    return packer.compress(_CONTENT) + packer.flush()


# --- items ------------------------------------------------------------------------------------------------


def items() -> Iterator[Case]:
    """Items and their fronts."""
    front, rest = item(1, HEAD)[0] | 128, item(1, HEAD)[1:] + item(2, _BLOCK)
    rare = bytes([len(_BLOCK) << 3 & 127 | 128, len(_BLOCK) >> 4])
    for name, code, content in (
        ("pads", _OPEN, item(_PAD, b"x" * 50) + _CONTENT + item(_PAD)),
        ("a pad before a block", _OPEN, item(1, HEAD) + item(_PAD, b"xx") + item(2, _BLOCK)),
        ("30,000 pads", _OPEN, item(_PAD) * 30_000 + _CONTENT),
        ("a longer front", _OPEN, bytes([front, 0]) + rest),
        ("a front of five bytes", _OPEN, bytes([front, 128, 128, 128, 0]) + rest),
        ("a front of six bytes", _BAD, bytes([front, 128, 128, 128, 128, 0]) + rest),
        ("a front without end", _BAD, b"\xff" * 9 + b"\x01"),
        ("half a front", _BAD, _CONTENT + b"\x80"),
        ("kind 2 as a rare one", _BAD, item(1, HEAD) + rare + b"\x02" + _BLOCK),
        ("kind 11", _BAD, _CONTENT + item(11)),
        ("kind 200", _BAD, _CONTENT + item(200, b"x")),
        ("half a rare front", _BAD, _CONTENT + b"\x00"),
        ("half an item", _BAD, _CONTENT[:-1]),
        ("NEXT", _OPEN, item(_NEXT) + item(2, _BLOCK)),
        ("NEXT with a byte", _LARGE, b"\x0e\x00" + item(2, _BLOCK)),
        ("a block before any head", _BAD, item(2, _BLOCK)),
        ("a head without blocks", _OPEN, item(1, HEAD)),
        ("a head twice", _BAD, _CONTENT + item(1, HEAD)),
        ("the head of another number", _BAD, item(1, pack([3, 12, b"pangkal8"]))),
        ("a head with a byte behind", _BAD, item(1, HEAD + b"\x00")),
        ("a head in a longer form", _BAD, item(1, b"\xdc\x00\x03" + HEAD[1:])),
        ("a head of four", _BAD, item(1, pack([2, 12, b"pangkal8", 1]))),
        ("a head cut again", _BAD, item(1, pack([2, 12, b"pangkal8", b"o" * 32, 1, 1]))),
        ("a head cut again on later ones", _BAD, item(1, pack([2, 12, b"pangkal8", b"o" * 32, 0, 2]))),
        ("a head from another laptop's chain", _OPEN, item(1, pack([2, 12, b"pangkal8", b"o" * 32, 0, 0]))),
        ("a head cut again rightly", _OPEN, item(1, pack([2, 12, b"pangkal8", b"o" * 32, 0, 1]))),
        ("reference rows", _BAD, item(4, HEAD)),
        ("a branch", _BAD, item(8, HEAD)),
        ("an outcome", _BAD, item(3, b"\x00\x00\x00\x01" + pack([[0] * 5, []])) + _CONTENT),
        ("an outcome at the end", _BAD, _CONTENT + item(3, b"\x00\x00\x00\x01" + pack([[0] * 5, []]))),
        ("row hashes", _BAD, item(5, b"\x00\x28") + _CONTENT),
        ("20,512 items beside blocks", _OPEN, item(_WANTED, b"\x00\x28") * 20_511 + _CONTENT),
        ("20,513 items beside blocks", _LARGE, item(_WANTED, b"\x00\x28") * 20_512 + _CONTENT),
        ("more than 200 times its bytes", _LARGE, item(_PAD, bytes(16 * 2**20 - 10)) * 2),
        ("15 MiB of nothing", _OPEN, item(_PAD, bytes(15 * 2**20)) + _CONTENT),
        ("an item above 16 MiB", _LARGE, item(_PAD, bytes(2**24 + 1))),
    ):  # fmt: skip
        yield f"items: {name}", code, plaintext(MANIFEST, frame(content))


def pieces() -> Iterator[Case]:
    """What a school gives back and asks for."""
    for name, code, content in (
        ("a return", _OPEN, item(_GIVEN, b"\x00" + _FILE_KEY + b"data") + _CONTENT),
        ("a return in two pieces", _OPEN, item(_GIVEN, b"\x01" + _FILE_KEY + b"data") + item(_GIVEN, b"\x00more") + _CONTENT),
        ("an unknown sign", _BAD, item(_GIVEN, b"\x02" + _FILE_KEY) + _CONTENT),
        ("an empty piece", _BAD, item(_GIVEN) + _CONTENT),
        ("a return behind a changeset", _BAD, _CONTENT + item(_GIVEN, b"\x00" + _FILE_KEY)),
        ("a return behind what is asked for", _BAD, item(_WANTED, b"\x00\x28") + item(_GIVEN, b"\x00" + _FILE_KEY) + _CONTENT),
        ("a block of a return", _BAD, item(_GIVEN, b"\x00" + _FILE_KEY) + item(2, _BLOCK) + _CONTENT),
        ("rows", _OPEN, item(_WANTED, b"\x00\x28" + b"w" * 16) + _CONTENT),
        ("half a row", _BAD, item(_WANTED, b"\x00\x28" + b"w" * 15) + _CONTENT),
        ("no table", _BAD, item(_WANTED) + _CONTENT),
        ("rows of an unknown table", _OPEN, item(_WANTED, b"\x03\xe7" + b"w" * 8) + _CONTENT),
        ("rows behind a changeset", _BAD, _CONTENT + item(_WANTED, b"\x00\x28")),
    ):  # fmt: skip
        yield f"given and wanted: {name}", code, plaintext(MANIFEST, frame(content))


# --- returns ----------------------------------------------------------------------------------------------


def servers() -> Iterator[Case]:
    """Yield what a return may not hold, and what it may."""
    shape = [40, 1, 3, 520, [1], 1, False, ["id1", ["a"], ["b"]]]
    outcome = item(3, b"\x00\x00\x00\x01" + pack([[0, 0, 1, 0, 0], [shape]]))
    for name, code, content in (
        ("nothing", _OPEN, b""),
        ("an outcome", _OPEN, outcome),
        ("an outcome without a number", _BAD, item(3, b"\x00\x00\x01")),
        ("an outcome without bytes", _BAD, item(3, b"\x00\x00\x00\x01")),
        ("row hashes", _OPEN, item(5, b"\x00\x28" + b"h" * 32)),
        ("half a row hash", _BAD, item(5, b"\x00\x28" + b"h" * 31)),
        ("row hashes of no table", _BAD, item(5)),
        ("row hashes of an unknown table", _OPEN, item(5, b"\x03\xe7" + b"h" * 16)),
        ("a branch", _OPEN, item(8, HEAD) + item(2, _BLOCK) + _CONTENT),
        ("a branch behind changes", _BAD, _CONTENT + item(8, HEAD)),
        ("a branch behind an outcome", _BAD, outcome + item(8, HEAD)),
        ("a return given back", _BAD, item(_GIVEN, b"\x00" + _FILE_KEY + b"data")),
        ("a return given back behind changes", _BAD, _CONTENT + item(_GIVEN, b"\x00" + _FILE_KEY)),
        ("rows asked for", _BAD, item(_WANTED, b"\x00\x28" + b"w" * 16)),
        ("rows asked for behind row hashes", _BAD, item(5, b"\x00\x28") + item(_WANTED, b"\x00\x28")),
        ("reference rows", _OPEN, item(4, HEAD) + item(2, pack([40, 3, 1, b"", IDS[0]])) + _CONTENT),
        ("an outcome behind changes", _OPEN, _CONTENT + outcome),
        ("a head of any number", _OPEN, item(1, pack([7, 12, b"pangkal8"]))),
        ("a block of an outcome", _BAD, outcome + item(2, _BLOCK)),
        ("an outcome above 64 MiB", _LARGE, bytes([0x83, 0x80, 0x80, 0x80 | 0x20, 0x02])),
    ):
        yield f"return: {name}", code, plaintext([*MANIFEST, None, None, ANSWER], frame(content))
    for name, code, given in (
        ("an outcome of no lines", _OPEN, [[0] * 5, []]),
        ("four counts", _BAD, [[0] * 4, []]),
        ("a count below zero", _BAD, [[-1, 0, 0, 0, 0], []]),
        ("a count beyond 32 bits", _BAD, [[2**32, 0, 0, 0, 0], []]),
        ("three elements", _BAD, [[0] * 5, [], 0]),
        ("an unknown table", _OPEN, [[0] * 5, [[999, *shape[1:]]]]),
        ("an unknown group", _OPEN, [[0] * 5, [[40, 99, *shape[2:]]]]),
        ("the row instead of a group", _OPEN, [[0] * 5, [[40, 0, *shape[2:]]]]),
        ("an unknown outcome", _BAD, [[0] * 5, [[40, 1, 5, *shape[3:]]]]),
        ("a code below zero", _BAD, [[0] * 5, [[40, 1, 3, -1, *shape[4:]]]]),
        ("an unknown column", _OPEN, [[0] * 5, [[*shape[:4], [200], *shape[5:]]]]),
        ("an unknown cause", _BAD, [[0] * 5, [[*shape[:5], 7, *shape[6:]]]]),
        ("0 for no", _BAD, [[0] * 5, [[*shape[:6], 0, shape[7]]]]),
        ("half a line", _BAD, [[0] * 5, [[*shape[:7], ["id1", ["a"]]]]]),
        ("a line of a number", _BAD, [[0] * 5, [[*shape[:7], [5, ["a"], ["b"]]]]]),
        ("a line without values", _BAD, [[0] * 5, [[*shape[:7], ["id", None, ["b"]]]]]),
        ("a count of nothing", _BAD, [[None, 0, 0, 0, 0], []]),
        ("counts of bytes", _BAD, [b"\0\0\0\0\0", []]),
        ("a table that is a float", _BAD, [[0] * 5, [[40.0, *shape[1:]]]]),
        ("a group of nothing", _BAD, [[0] * 5, [[40, None, *shape[2:]]]]),
        ("a group that is false", _BAD, [[0] * 5, [[40, False, *shape[2:]]]]),
        ("an outcome that is a float", _BAD, [[0] * 5, [[40, 1, 3.0, *shape[3:]]]]),
        ("an outcome that is true", _BAD, [[0] * 5, [[40, 1, True, *shape[3:]]]]),
        ("a cause that is a float", _BAD, [[0] * 5, [[*shape[:5], 1.0, *shape[6:]]]]),
        ("columns of bytes", _BAD, [[0] * 5, [[*shape[:4], b"\x01", *shape[5:]]]]),
        *((f"a value {name}", code, [[0] * 5, [[*shape[:7], ["id1", [value], ["b"]]]]]) for name, code, value in (
            ("of nothing", _OPEN, None), ("that is an integer", _OPEN, -(2**63)), ("that is a float", _OPEN, -0.0),
            ("that is bytes", _OPEN, b""), ("that is true", _BAD, True), ("that is an array", _BAD, [1]),
            ("that is an empty map", _BAD, {}), ("beyond 63 bits", _BAD, 2**63), ("that is no number", _BAD, float("nan")),
            ("of 100,000 letters", _OPEN, "a" * 100_000), ("of a letter more", _LARGE, "a" * 100_001),
            ("of a byte more", _LARGE, b"a" * 100_001),
        )),
        ("a row of a letter too many", _LARGE, [[0] * 5, [[*shape[:7], ["a" * 100_001, ["a"], ["b"]]]]]),
        ("no values that were sent", _OPEN, [[0] * 5, [[*shape[:7], ["id1", [], ["b"]]]]]),
        ("more values than columns", _BAD, [[0] * 5, [[*shape[:7], ["id1", ["a", "b"], ["b"]]]]]),
        ("values of some columns only", _BAD, [[0] * 5, [[*shape[:4], [1, 3], *shape[5:7], ["id1", ["a"], ["b", "c"]]]]]),
        ("values of no column", _BAD, [[0] * 5, [[*shape[:4], [], *shape[5:7], ["id1", ["a"], []]]]]),
        ("seven elements of a shape", _BAD, [[0] * 5, [shape[:7]]]),
        ("lines in another order", _OPEN, [[0] * 5, [[*shape[:7], ["id2", ["a"], ["b"], "id1", [1.5], [b"x"]]]]]),
        ("shapes twice", _OPEN, [[0] * 5, [shape, shape]]),
        ("nil for shapes", _BAD, [[0] * 5, None]),
    ):
        content = item(3, b"\x00\x00\x00\x01" + pack(given))
        yield f"outcome: {name}", code, plaintext([*MANIFEST, None, None, ANSWER], frame(content))


# --- prefills ---------------------------------------------------------------------------------------------


def prefills() -> Iterator[Case]:
    """Yield what a prefill may not hold, and what it may."""
    for name, code, content in (
        ("nothing", _OPEN, b""),
        ("rows", _OPEN, _CONTENT),
        ("reference rows behind rows", _OPEN, _CONTENT + item(4, HEAD)),
        ("an outcome", _BAD, item(3, b"\x00\x00\x00\x01" + pack([[0] * 5, []]))),
        ("row hashes", _BAD, item(5, b"\x00\x28" + b"h" * 32)),
        ("a branch", _BAD, item(8, HEAD)),
        ("a return given back", _BAD, item(_GIVEN, b"\x00" + _FILE_KEY)),
        ("rows asked for", _BAD, item(_WANTED, b"\x00\x28")),
    ):
        yield f"prefill: {name}", code, plaintext([*MANIFEST, None, None, ANSWER], frame(content))
