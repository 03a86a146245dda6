"""The plaintext: a manifest and one frame of items, in constant memory, within limits that both sides keep alike."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO

import pytest
import zstandard

from exchange import limits
from exchange.errors import Malformed, SchemaNewer, TooLarge
from exchange.format import body
from exchange.format.body import Item, read_body, write_body
from exchange.format.changeset import encode_head
from exchange.format.manifest import encode_manifest
from exchange.records import ChangesetHead, CutAgain, Manifest, Position

HAVE = Position(12, b"pangkal8")
MANIFEST = Manifest(1, "0.1.0", 1_793_000_000, HAVE, Position(6, b"sebelum8"), 7)
MIB = limits.MIB


def plain(*items: tuple[Item, bytes]) -> bytes:
    return b"".join(write_body(MANIFEST, items))


def read(data: bytes) -> list[tuple[Item, bytes]]:
    return list(read_body(BytesIO(data), 1)[1])


def framed(content: bytes, **options: object) -> bytes:
    """A plaintext whose frame holds what one wants."""
    front = encode_manifest(MANIFEST)
    return len(front).to_bytes(3, "big") + front + zstandard.ZstdCompressor(**options).compress(content)  # type: ignore[arg-type]


def test_a_package_without_changes_is_a_manifest_and_an_empty_frame():
    data = plain()
    assert read(data) == []
    assert len(data) - len(encode_manifest(MANIFEST)) == 3 + 9


@pytest.mark.parametrize("size", [0, 1, 15, 16, 2047, 2048, 65_535, 65_536, 65_537, 300_000])
def test_items_of_any_size_come_back(size):
    data = random.Random(size).randbytes(size)
    items = [(Item.BLOCK, data), (Item.OUTCOME, data), (Item.HASHES, b""), (Item.REFERENCE, b"x")]
    assert read(plain(*items)) == items


def test_a_head_that_everybody_expects_takes_one_byte():
    head = encode_head(ChangesetHead(7, HAVE))
    assert read(plain((Item.HEAD, head))) == [(Item.HEAD, head)]
    assert len(plain((Item.HEAD, head))) == len(plain()) + 1
    after = encode_head(ChangesetHead(8, HAVE))
    assert read(plain((Item.HEAD, head), (Item.BLOCK, b"x"), (Item.HEAD, after))) == [
        (Item.HEAD, head), (Item.BLOCK, b"x"), (Item.HEAD, after),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "head",
    [
        ChangesetHead(8, HAVE),
        ChangesetHead(7, Position(11, HAVE.value)),
        ChangesetHead(7, Position(12, b"anderer8")),
        ChangesetHead(7, HAVE, CutAgain(bytes(32), 3, 4)),
    ],
)
def test_any_other_head_travels_whole(head):
    assert read(plain((Item.HEAD, encode_head(head)))) == [(Item.HEAD, encode_head(head))]
    assert len(plain((Item.HEAD, encode_head(head)))) > len(plain()) + 13


def test_equal_content_gives_equal_bytes():
    items = [(Item.BLOCK, random.Random(1).randbytes(200_000)), (Item.OUTCOME, b"abc")]
    assert plain(*items) == plain(*items)


def test_items_are_read_one_by_one_as_they_are_asked_for():
    """A fault at the end is met at the end: what stands before it has been handed out."""
    data = plain(*[(Item.BLOCK, random.Random(n).randbytes(100_000)) for n in range(20)])
    found = read_body(BytesIO(data[:-3]), 1)[1]
    for _ in range(15):
        next(found)
    with pytest.raises(Malformed):
        list(found)


def test_content_is_written_as_it_comes():
    taken: list[int] = []

    def items() -> Iterator[tuple[Item, bytes]]:
        for n in range(50):
            taken.append(n)
            yield Item.BLOCK, random.Random(n).randbytes(100_000)

    written = write_body(MANIFEST, items())
    next(written)
    next(written)
    assert taken == [0]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0",
        b"\0\0\1",
        b"\0\0\0",
        plain()[:-1],
        plain() + b"\0",
        plain() + zstandard.ZstdCompressor().compress(b""),
        plain() + b"\x50\x2a\x4d\x18\0\0\0\0",  # a skippable frame
        framed(b"")[:-9] + b"no frame",
        framed(b"\0"),  # kind 0
        framed(b"\x12"),  # a block of 2 bytes that are not there
        framed(b"\x12x"),
        framed(b"\x80"),  # a front that does not end
        framed(b"\x82\x80\x80\x80\x80\x80\x80\x01"),
    ],
)
def test_what_is_no_content_is_refused(data):
    with pytest.raises(Malformed):
        read(data)


def test_a_manifest_longer_than_its_limit_is_refused_before_it_is_read():
    with pytest.raises(TooLarge):
        read_body(BytesIO((MIB + 1).to_bytes(3, "big")), 1)


def test_a_newer_schema_is_told_before_anything_else():
    with pytest.raises(SchemaNewer):
        read_body(BytesIO(plain()), 0)


def test_a_window_beyond_what_a_reader_must_hold_is_refused():
    for window, refused in ((23, False), (24, True)):
        options = zstandard.ZstdCompressionParameters(window_log=window, write_content_size=0)
        packer = zstandard.ZstdCompressor(compression_params=options).compressobj()
        data = (
            framed(b"")[: -len(zstandard.ZstdCompressor().compress(b""))] + packer.compress(b"\x0ax") + packer.flush()
        )
        if refused:
            with pytest.raises(Malformed):
                read(data)
        else:
            assert read(data) == [(Item.BLOCK, b"x")]


def test_a_dictionary_is_not_known():
    named = zstandard.ZstdCompressionDict(
        zstandard.train_dictionary(4096, [bytes([n]) * 50 for n in range(200)]).as_bytes()
    )
    with pytest.raises(Malformed):
        read(framed(b"\2" * 300, dict_data=named))


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        (Item.BLOCK, limits.BLOCK_BYTES_MAX + 1),
        (Item.HEAD, limits.BLOCK_BYTES_MAX + 1),
        (Item.OUTCOME, limits.OUTCOME_BYTES_MAX + 1),
        (Item.NEXT, 1),
    ],
)
def test_an_item_of_too_many_bytes_is_refused_before_they_are_taken(kind, size):
    with pytest.raises(TooLarge):
        read(framed(body._front(kind, size)))


def test_an_item_of_too_many_bytes_is_not_written_either():
    with pytest.raises(TooLarge):
        plain((Item.BLOCK, bytes(limits.BLOCK_BYTES_MAX + 1)))


def test_both_sides_count_changesets_blocks_and_items(monkeypatch):
    block, head = (Item.BLOCK, b"x"), (Item.HEAD, b"y")
    for name, items in (
        ("BLOCKS_MAX", [head, *[block] * 3]),
        ("_CHANGESETS_MAX", [head] * 3),
        ("_ITEMS_MAX", [head, block, block]),
    ):
        with monkeypatch.context() as less:
            good = plain(*items)
            less.setattr(body, name, 2)
            with pytest.raises(TooLarge):
                plain(*items)
            with pytest.raises(TooLarge):
                read(good)
            assert read(plain(*items[:-1]))


def test_content_of_any_regularity_that_is_written_is_also_read():
    """A school that exports for a year without an answer repeats itself: a hundred equal blocks of half a megabyte."""
    block = random.Random(1).randbytes(2_000) + bytes(498_000)
    items = [(Item.BLOCK, block)] * 100
    data = plain(*items)
    assert 400_000 < len(data) < 500_000, "what is more regular than a reader allows is filled up"
    assert len(plain(*items[:10])) < 5_000, "and nothing else is"
    count = 0
    for item in read_body(BytesIO(data), 1)[1]:
        assert item == (Item.BLOCK, block)
        count += 1
    assert count == 100


def test_zeros_by_the_gigabyte_are_refused_early():
    packer = zstandard.ZstdCompressor(level=19).compressobj()
    front = encode_manifest(MANIFEST)
    bomb = len(front).to_bytes(3, "big") + front + packer.compress(body._front(Item.BLOCK, 10 * MIB))
    bomb += packer.compress(bytes(64 * MIB)) + packer.flush()
    assert len(bomb) < 10_000
    with pytest.raises(TooLarge, match="ratio"):
        read(bomb)


_PEAK = """
import sys, io
from exchange.errors import ExchangeError
from exchange.format.body import read_body
from exchange.format.outcome import decode_outcome
from exchange.format.changeset import decode_changeset
from exchange.format.manifest import decode_manifest
from exchange.schema import SCHEMA
def peak():
    with open("/proc/self/status") as status:
        return int(next(line.split()[1] for line in status if line.startswith("VmHWM"))) * 1024
before = peak()
data = open(sys.argv[2], "rb").read()
try:
    if sys.argv[1] == "body":
        for kind, item in read_body(io.BytesIO(data), 1)[1]:
            pass
    elif sys.argv[1] == "block":
        for block in decode_changeset(SCHEMA, "0f0c0000-0000-4000-8000-000000000001", [b"\\x93\\x07\\x0c\\xc4\\x08pangkal8", data])[1]:
            pass
    elif sys.argv[1] == "outcome":
        decode_outcome(SCHEMA, data)
    else:
        decode_manifest(data, 1)
except ExchangeError as error:
    print(error.code)
print(peak() - before - len(data))
"""


def extra_memory(what: str, data: bytes, path) -> int:
    """Return how many bytes reading takes in a process of its own, beyond what was given to it."""
    path.write_bytes(data)
    done = subprocess.run([sys.executable, "-c", _PEAK, what, str(path)], check=True, capture_output=True, text=True)
    return int(done.stdout.split()[-1])


def nested(depth: int, size: int = 0xFFFFFF) -> bytes:
    """Arrays in arrays that claim to be long."""
    return (b"\xdd" + size.to_bytes(4, "big")) * depth


BOMBS = {
    "zeros": ("body", framed(bytes(64 * MIB))),
    "one long item": ("body", framed(body._front(Item.OUTCOME, 64 * MIB) + bytes(64 * MIB))),
    "blocks of zeros": ("body", framed((body._front(Item.BLOCK, MIB) + bytes(MIB)) * 60)),
    "deep block": ("block", nested(1000)),
    "deep arrays of the longest kind": ("block", b"\x96\x28\x02\x02\x01" + nested(1000, 8193)),
    "long claims in a block": ("block", b"\x96\x28\x02\xcd\x10\x00\x01\xc6\xff\xff\xff\xff"),
    "constant columns": ("block", b"\x97\x28\x02\xcd\x10\x00\x01\xc4\x00\xc4\x03\x00\x00\x00\xc4\x03\x01\x00\x7e"),
    "ids by the million": ("block", b"\x97\x28\x02\x02\x01\xc6" + (15 * MIB // 16 * 16).to_bytes(4, "big") + bytes(15 * MIB // 16 * 16)
                           + b"\xc4\x03\x00\x00\x00\xc4\x03\x01\x00\x7e"),
    "deep manifest": ("manifest", nested(1000)),
    "long manifest": ("manifest", b"\xdc\xff\xff" + b"\x90" * 40_000),
    "deep outcome": ("outcome", nested(10_000)),
    "outcome of many claims": ("outcome", b"\x92\x95\x00\x00\x00\x00\x00\xdd\xff\xff\xff\xff" + b"\x98\x28\x00\x04\xcd\x02\x00\x90\x00\xc2\xdd\x00\x2f\xff\xff"),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_memory_stays_bounded_whatever_bytes_claim(name, tmp_path):
    what, data = BOMBS[name]
    # One step of unpacking may give 32 MiB, one item has at most 64 MiB: with copies of both on their way it stays below 200.
    assert extra_memory(what, data, tmp_path / "bomb") < 200 * MIB
