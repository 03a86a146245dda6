"""Blocks: whatever a store holds arrives, and what no reader would take is never written."""

from __future__ import annotations

import math
import struct

import msgpack
import pytest

from exchange.errors import Malformed, TooLarge
from exchange.format.changeset import decode_changeset, encode_changeset
from exchange.limits import TEXT_CHARACTERS_MAX
from exchange.records import Block, ChangesetHead, Op, Position
from exchange.schema.ids import derive_ids
from exchange.schema.model import Column, Schema, declare

SCOPE = "0f0c0000-0000-4000-8000-000000000001"
IDS = [f"0f0c0000-0000-4000-8000-0000000000{n:02x}" for n in range(16, 48)]
HEAD = ChangesetHead(1, Position(0, bytes(8)))
ORANG = declare(
    1, "orang", "*id u; nama v100; lahir d; masuk ts; anak i; lintang n18.12; lebar f; wali_id u→orang", scope="@home"
)
ANGGOTA = declare(
    2, "anggota", "*anggota_id u; orang_id u→orang; rombel v10", scope="@parent:orang_id", derived="orang_id rombel =1"
)
SCHEMA = Schema(1, (ORANG, ANGGOTA))
KINDS = [column.name for column in ORANG.columns]

ANYTHING: list[object] = [
    None, "", " ", "\r\n", "\t", "a\0b", "'\"", "é", "e\u0301", "\u200f", "😀", b"", b"\0\xff", 0, -1, (1 << 63) - 1, -(1 << 63),
    0.0, -0.0, 1.0, math.inf, -math.inf, "0", "-0", "12.5", "12.50", "-6.25", ".5", "1.", "+1", "1e5", "٣", "0" * 16,
    "999999999999999999", "-999999999999999999", "9" * 40, "0001-01-01", "9999-12-31", "2023-02-29", "2024-W01-1",
    "2024-01-01 00:00:00", "2024-01-01 00:00:00.000000", "2024-01-01 00:00:00.000001", "2024-01-01T00:00:00",
    IDS[0], IDS[0].upper(), IDS[0] + "\n",
]  # fmt: skip


def update(column: str, *values: object) -> Block:
    return Block(ORANG, Op.UPDATE, (ORANG.by_name[column],), [IDS[: len(values)], list(values)])


def parts(*blocks: Block) -> list[bytes]:
    return list(encode_changeset(SCHEMA, SCOPE, HEAD, blocks))


def read(*given: bytes) -> list[Block]:
    return list(decode_changeset(SCHEMA, SCOPE, [parts()[0], *given])[1])


def exactly(values: object) -> str:
    """Return a text that differs wherever a byte or a type does, also for 1 and 1.0, 0.0 and -0.0."""
    return repr(values)


@pytest.mark.parametrize("column", KINDS)
@pytest.mark.parametrize("value", ANYTHING, ids=ascii)
def test_anything_that_a_store_holds_arrives_in_any_column(column: str, value: object) -> None:
    """Alone, twice (a constant) and beside another value: each takes another way through the encoder."""
    for values in ([value], [value, value], [value, "x", None, 7]):
        (found,) = read(*parts(update(column, *values))[1:])
        assert exactly(found.values[1]) == exactly(values)


@pytest.mark.parametrize("column", KINDS)
def test_everything_at_once_arrives_in_any_column(column: str) -> None:
    keys = [f"0f0c0000-0000-4000-8000-{n:012x}" for n in range(len(ANYTHING))]
    (found,) = read(*parts(Block(ORANG, Op.UPDATE, (ORANG.by_name[column],), [keys, ANYTHING]))[1:])
    assert exactly(found.values[1]) == exactly(ANYTHING)


@pytest.mark.parametrize("value", ["999999999999999999", "-999999999999999999", "1000000.5"])
def test_a_decimal_too_long_for_its_column_does_not_spoil_the_changeset(value: str) -> None:
    """A latitude of eighteen digits made a changeset that no reader took; a changeset never changes, so for ever."""
    (found,) = read(*parts(update("lintang", value, value))[1:])
    assert found.values[1] == [value, value]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("nama", ["\ud800"]),
        ("nama", ["\ud800", "a"]),
        ("lintang", ["\ud800", "a"]),
        ("lebar", [math.nan]),
        ("lebar", [math.nan, 1.0]),
        ("nama", [math.nan, "a"]),
        ("anak", [1 << 63, 1]),
        ("anak", [1 << 80, 1]),
        ("nama", [True, "a"]),
    ],
    ids=ascii,
)
def test_what_no_store_can_hold_is_not_written(column: str, values: list[object]) -> None:
    with pytest.raises(Malformed):
        parts(update(column, *values))


@pytest.mark.parametrize("count", [1, 2])
def test_a_text_above_the_limit_is_not_written(count: int) -> None:
    assert read(*parts(update("nama", *["x" * TEXT_CHARACTERS_MAX] * count))[1:])
    with pytest.raises(TooLarge):
        parts(update("nama", *["x" * (TEXT_CHARACTERS_MAX + 1)] * count))


def test_half_a_character_in_a_natural_key_is_not_written() -> None:
    columns: tuple[Column, ...] = (ANGGOTA.by_name["orang_id"], ANGGOTA.by_name["rombel"])
    with pytest.raises(Malformed):
        parts(Block(ANGGOTA, Op.INSERT, columns, [IDS[:2], IDS[2:4], ["\ud800", "a"]]))


def test_columns_out_of_wire_order_are_not_written() -> None:
    """Bits name the columns, so the values of two columns would change places without a word."""
    nama, lahir = ORANG.by_name["nama"], ORANG.by_name["lahir"]
    with pytest.raises(Malformed):
        parts(Block(ORANG, Op.UPDATE, (lahir, nama), [IDS[:2], ["2020-01-01"] * 2, ["A", "B"]]))


@pytest.mark.parametrize(
    "block",
    [
        Block(ORANG, Op.UPDATE, (), [IDS[:2]]),
        Block(ORANG, Op.DELETE, (ORANG.by_name["nama"],), [IDS[:2], ["A", "B"]]),
        Block(ORANG, Op.UPDATE, (ORANG.by_name["nama"],), [IDS[:3], ["A", "B"]]),
        Block(ORANG, Op.UPDATE, (ORANG.by_name["nama"],), [[IDS[0], None], ["A", "B"]]),
    ],
    ids=["update of nothing", "delete with values", "uneven columns", "key without a value"],
)
def test_a_block_that_no_reader_would_take_is_not_written(block: Block) -> None:
    with pytest.raises(Malformed):
        parts(block)


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [1],
        [1, 2],
        [1, 2, 1],
        [True, 2, 1, 1, IDS[0], "A"],
        [1.0, 2, 1, 1, IDS[0], "A"],
        [3, 2, 1, 1, IDS[0], "A"],
        [1, 2 | 64, 1, "x" * 16, 1, IDS[0], "A"],
        [1, 2 | 64, 1, [1] * 16, 1, IDS[0], "A"],
        [1, 2 | 64, 1],
        [1, 2, 1, b"\x06\0", IDS[0], "A", "2020-01-01"],
        [1, 2, 1, 1, IDS[0], math.nan],
        [1, 2, 1, 1, IDS[0], "A", "one too many"],
        [1, 2, 1, 1, IDS[0], msgpack.ExtType(1, b"x")],
        [1, 1 | 128, 2, 1, [], b"", b"\7\0\0"],
        [2, 1 | 128, 2, 2, [], b"", b"\7\0\0"],
        "text",
        {},
        None,
        7,
    ],
    ids=ascii,
)
def test_a_part_that_is_no_block_is_malformed(fields: object) -> None:
    with pytest.raises(Malformed):
        read(msgpack.packb(fields))


def test_nan_in_a_column_is_malformed() -> None:
    part = parts(update("lebar", 1.5, 2.5))[1]
    assert struct.pack("<d", 2.5) in part
    with pytest.raises(Malformed):
        read(part.replace(struct.pack("<d", 2.5), struct.pack("<d", math.nan)))


@pytest.mark.parametrize("odd", [[], [3], [3, 4], range(20)], ids=str)
def test_ids_that_do_not_follow_from_the_natural_key_arrive_too(odd: list[int]) -> None:
    pupils, classes = IDS[:20], [f"k{n % 7}" for n in range(20)]
    keys = derive_ids("anggota", [(*pair, "1") for pair in zip(pupils, classes, strict=True)])
    for n in odd:
        keys[n] = f"0f0c0000-0000-4000-8000-00000000ff{n:02x}"
    block = Block(ANGGOTA, Op.INSERT, ANGGOTA.columns, [keys, pupils, classes])
    later = Block(ORANG, Op.UPDATE, (ORANG.by_name["wali_id"],), [pupils, keys])
    assert read(*parts(block, later)[1:]) == [block, later]
