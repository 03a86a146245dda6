"""Changesets: golden bytes, the page's example, the chain, what is lazy, what is refused."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import msgpack
import pytest

from exchange.errors import Malformed, TooLarge
from exchange.format import block as block_module
from exchange.format import changeset
from exchange.format.body import Item, read_body
from exchange.format.changeset import chain_next, chain_start, decode_changeset, decode_head, encode_changeset
from exchange.format.manifest import decode_manifest
from exchange.format.outcome import decode_outcome, encode_outcome
from exchange.records import Block, Cause, ChangesetHead, CutAgain, Op, Position
from exchange.schema import SCHEMA
from exchange.schema.ids import derive_id
from tests.vectors import make_bodies

ROOT = Path(__file__).parent.parent.parent
VECTORS = json.loads(make_bodies.FILE.read_text())
SCOPE = make_bodies.SCOPE
HEAD = ChangesetHead(7, Position(12, b"pangkal8"))
PUPIL = SCHEMA.by_name["peserta_didik"]
IDS = [f"00000000-0000-4000-8000-{n:012x}" for n in range(1, 300)]


def shown(found: Iterator[Block] | list[Block]) -> list[object]:
    return [(b.table.name, b.op, [c.name for c in b.columns], [list(map(repr, v)) for v in b.values], b.cause, b.locked, b.home)
            for b in found]  # fmt: skip


def refused(*part: object) -> None:
    """A block of these elements is refused."""
    with pytest.raises(Malformed):
        list(
            decode_changeset(
                SCHEMA, SCOPE, [next(encode_changeset(SCHEMA, SCOPE, HEAD, [])), msgpack.packb(list(part))]
            )[1]
        )


def only(*part: object) -> Block:
    """The block that these elements are."""
    head = next(encode_changeset(SCHEMA, SCOPE, HEAD, []))
    return next(decode_changeset(SCHEMA, SCOPE, [head, msgpack.packb(list(part))])[1])


# --- golden bytes -----------------------------------------------------------------------------


def test_todays_encoder_still_writes_the_golden_bytes():
    made = make_bodies.vectors()
    for kind in ("changesets", "manifests", "outcomes"):
        for name, value in VECTORS[kind].items():
            assert made[kind][name] == value, f"{kind}: {name}"


@pytest.mark.parametrize("name", VECTORS["changesets"])
def test_golden_changesets_are_read_and_written_again(name):
    parts = [bytes.fromhex(part) for part in VECTORS["changesets"][name]]
    head, found = decode_changeset(SCHEMA, SCOPE, parts)
    assert list(encode_changeset(SCHEMA, SCOPE, head, found)) == parts


def test_golden_changesets_hold_what_was_put_into_them():
    for name, (head, blocks) in {"page": make_bodies.page_example(), "every form": make_bodies.every_form()}.items():
        found_head, found = decode_changeset(
            SCHEMA, SCOPE, [bytes.fromhex(part) for part in VECTORS["changesets"][name]]
        )
        assert (found_head, shown(found)) == (head, shown(blocks))


def test_golden_manifests_and_outcomes_hold_what_was_put_into_them():
    for name, manifest in make_bodies.manifests().items():
        assert decode_manifest(bytes.fromhex(VECTORS["manifests"][name]), SCHEMA.version) == manifest
    for data in VECTORS["outcomes"].values():
        counts, lines = decode_outcome(SCHEMA, bytes.fromhex(data))
        assert encode_outcome(lines, counts).hex() == data


def page(name: str) -> bytes:
    """The bytes of an example in ``docs/format-body.md``, without its remarks."""
    text = (ROOT / "docs" / "format-body.md").read_text()
    lines = text.split(f"<!-- example: {name} -->\n```\n", 1)[1].split("```", 1)[0].splitlines()
    found = []
    for line in lines:
        for word in line.split("  ")[0].split():
            assert re.fullmatch(r"(?:[0-9a-f]{2})+", word), line
            found.append(word)
    return bytes.fromhex("".join(found))


def test_the_pages_example_is_the_changeset_that_it_tells():
    assert page("changeset").hex() == "".join(VECTORS["changesets"]["page"])
    assert page("manifest").hex() == VECTORS["manifests"]["page"]
    manifest, items = read_body(BytesIO(page("plaintext")), SCHEMA.version)
    assert manifest == make_bodies.manifests()["page"]
    (kind, first), *rest = items
    assert (kind, {other for other, _ in rest}) == (Item.HEAD, {Item.BLOCK})
    assert b"".join([first, *(part for _, part in rest)]) == page("changeset")
    head, blocks = make_bodies.page_example()
    found_head, found = decode_changeset(SCHEMA, SCOPE, [first, *(part for _, part in rest)])
    assert (found_head, shown(found)) == (head, shown(blocks))


def test_the_page_names_todays_limits():
    text = (ROOT / "docs" / "format-body.md").read_text()
    for limit in (
        "1,000,000 items",
        "20,512 items",
        "1,048,576 lines",
        "65,536 numbers",
        "1 to 4,096",
        "100,000 blocks",
    ):
        assert limit in text
    assert block_module.IDS_MAX == 65_536


# --- the chain --------------------------------------------------------------------------------


def test_a_chain_begins_with_scope_and_device_and_goes_on_with_each_changesets_bytes():
    device = b"laptop-1"
    start = chain_start(SCOPE, device)
    assert start == hashlib.sha256(b"kirim/1 rantai\0" + bytes.fromhex(SCOPE.replace("-", "")) + device).digest()
    assert start != chain_start(SCOPE, b"laptop-2")
    digest = hashlib.sha256(b"isi").digest()
    assert chain_next(start, digest) == hashlib.sha256(start + digest).digest()


# --- reading is lazy, writing too -------------------------------------------------------------


def many(count: int) -> list[Block]:
    return [Block(PUPIL, Op.DELETE, (), [[one, IDS[0]]]) for one in IDS[1 : count + 1]]


def test_blocks_are_decoded_as_they_are_asked_for():
    parts = list(encode_changeset(SCHEMA, SCOPE, HEAD, many(5)))
    taken: list[int] = []

    def given() -> Iterator[bytes]:
        for n, part in enumerate([*parts, b"\xc1"]):
            taken.append(n)
            yield part

    head, found = decode_changeset(SCHEMA, SCOPE, given())
    assert (head, taken) == (HEAD, [0])
    next(found)
    assert taken == [0, 1]
    with pytest.raises(Malformed):
        list(found)


def test_blocks_are_encoded_as_they_are_asked_for():
    taken: list[Block] = []

    def given() -> Iterator[Block]:
        for one in many(5):
            taken.append(one)
            yield one

    parts = encode_changeset(SCHEMA, SCOPE, HEAD, given())
    next(parts)
    assert not taken
    next(parts)
    assert len(taken) == 1


# --- limits -----------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 4_097])
def test_a_block_has_one_to_4096_rows(count):
    with pytest.raises(TooLarge):
        list(encode_changeset(SCHEMA, SCOPE, HEAD, [Block(PUPIL, Op.DELETE, (), [[IDS[0]] * count])]))
    refused(40, 3, count, b"", b"", b"\0\0\0")


def test_a_block_of_4096_rows_goes_and_comes():
    rows = [str(uuid.UUID(int=n, version=4)) for n in range(4_096)]
    given = Block(PUPIL, Op.DELETE, (), [rows])
    (found,) = decode_changeset(SCHEMA, SCOPE, encode_changeset(SCHEMA, SCOPE, HEAD, [given]))[1]
    assert found.rows() == rows


def test_a_block_of_just_so_many_bytes_as_one_may_have_goes_out_whole_and_is_taken(monkeypatch):
    given = Block(PUPIL, Op.UPDATE, (PUPIL.by_name["nama"],), [IDS[:2], ["SITI", "BUDI"]])
    _, part = encode_changeset(SCHEMA, SCOPE, HEAD, [given])
    monkeypatch.setattr(changeset, "BLOCK_BYTES_MAX", len(part))
    parts = list(encode_changeset(SCHEMA, SCOPE, HEAD, [given]))
    assert parts[1:] == [part]
    assert shown(decode_changeset(SCHEMA, SCOPE, parts)[1]) == shown([given])
    monkeypatch.setattr(changeset, "BLOCK_BYTES_MAX", len(part) - 1)
    halves = list(encode_changeset(SCHEMA, SCOPE, HEAD, [given]))[1:]
    assert [block.count for block in decode_changeset(SCHEMA, SCOPE, [parts[0], *halves])[1]] == [1, 1]


def test_a_block_of_too_many_bytes_goes_out_in_halves_and_the_numbering_holds(monkeypatch):
    monkeypatch.setattr(changeset, "BLOCK_BYTES_MAX", 3_000)
    monkeypatch.setattr(block_module, "IDS_MAX", 60)
    column = PUPIL.by_name["nama"]
    names: list[object] = [hashlib.sha256(one.encode()).hexdigest() for one in IDS[:100]]
    given = [
        Block(PUPIL, Op.DELETE, (), [IDS[100:170]]),
        Block(PUPIL, Op.UPDATE, (column,), [IDS[:100], names]),
        Block(PUPIL, Op.DELETE, (), [IDS[:90]]),
        Block(PUPIL, Op.UPDATE, (column,), [IDS[:3], ["x" * 1_100] * 2 + ["y" * 1_500]]),
    ]
    parts = list(encode_changeset(SCHEMA, SCOPE, HEAD, given))
    assert max(map(len, parts)) <= 3_000
    found = list(decode_changeset(SCHEMA, SCOPE, parts)[1])
    assert len(found) > len(given)
    assert [row for b in found for row in zip(b.rows(), *map(list, b.values[1:]), strict=True)] == [
        row for b in given for row in zip(b.rows(), *map(list, b.values[1:]), strict=True)
    ]


def test_a_row_of_too_many_bytes_is_refused_by_both_sides(monkeypatch):
    one = Block(PUPIL, Op.UPDATE, (PUPIL.by_name["nama"],), [[IDS[0]], ["x" * 5_000]])
    parts = list(encode_changeset(SCHEMA, SCOPE, HEAD, [one]))
    monkeypatch.setattr(changeset, "BLOCK_BYTES_MAX", 3_000)
    with pytest.raises(TooLarge):
        list(encode_changeset(SCHEMA, SCOPE, HEAD, [one]))
    with pytest.raises(TooLarge):
        list(decode_changeset(SCHEMA, SCOPE, parts)[1])


@pytest.mark.parametrize("value", ["x" * 100_001, b"x" * 100_001])
@pytest.mark.parametrize("rows", [1, 2])
def test_a_text_of_more_than_100000_characters_is_refused_by_both_sides(value, rows, monkeypatch):
    for column in (PUPIL.by_name["nama"], PUPIL.by_name["agama_id"]):
        long = Block(PUPIL, Op.UPDATE, (column,), [IDS[:rows], [value, 1][:rows]])
        with pytest.raises(TooLarge):
            list(encode_changeset(SCHEMA, SCOPE, HEAD, [long]))
        with monkeypatch.context() as more:
            more.setattr(block_module, "TEXT_CHARACTERS_MAX", 200_000)
            more.setattr("exchange.format.columns.TEXT_CHARACTERS_MAX", 200_000)
            parts = list(encode_changeset(SCHEMA, SCOPE, HEAD, [long]))
        with pytest.raises(TooLarge):
            list(decode_changeset(SCHEMA, SCOPE, parts)[1])
        whole = replace(long, values=[IDS[:rows], [value[:100_000], 1][:rows]])
        there = list(decode_changeset(SCHEMA, SCOPE, encode_changeset(SCHEMA, SCOPE, HEAD, [whole]))[1])
        assert shown(there) == shown([whole])


@pytest.mark.parametrize("value", [1 << 63, True, "\ud800", [1]])
def test_what_no_store_holds_is_not_written(value):
    for rows in (1, 2):
        with pytest.raises((Malformed, TypeError)):
            list(
                encode_changeset(
                    SCHEMA,
                    SCOPE,
                    HEAD,
                    [Block(PUPIL, Op.UPDATE, (PUPIL.by_name["nama"],), [IDS[:rows], [value] * rows])],
                )
            )


# --- what a reader refuses --------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        [], [1], [1, 2], [0, 2, bytes(8)], [1, -1, bytes(8)], [1, 1 << 32, bytes(8)], [1, 2, bytes(7)], [1, 2, "achtacht"],
        [True, 2, bytes(8)], [1, 2.0, bytes(8)], [1, 2, bytes(8), bytes(32)], [1, 2, bytes(8), bytes(31), 1],
        [1, 2, bytes(8), None, None], [1, 2, bytes(8), bytes(32), -1], [1, 2, bytes(8), bytes(32), 1, 1], {1: 2}, 5, "kopf",
    ],
)  # fmt: skip
def test_what_is_no_head_is_refused(fields):
    with pytest.raises(Malformed):
        decode_head(msgpack.packb(fields))


U32 = 2**32 - 1
ORIGIN = bytes(range(32))


@pytest.mark.parametrize(("known", "last", "number"), [(0, 0, 1), (0, 0, U32), (0, 1, 2), (3, 5, 6), (0, U32 - 1, U32)])
def test_a_changeset_that_was_cut_again_says_on_top_of_what(known, last, number):
    """What its maker knew is below how far the other branch had gone, and that below its own number; or both are 0."""
    found = decode_head(msgpack.packb([number, U32, bytes(8), ORIGIN, known, last]))
    assert found == ChangesetHead(number, Position(U32, bytes(8)), CutAgain(ORIGIN, known, last))


@pytest.mark.parametrize(
    ("known", "last", "number"), [(1, 1, 3), (2, 1, 3), (0, 3, 3), (0, 4, 3), (3, 4, 3), (1, 0, 3), (-1, 0, 3), (0, U32 + 1, U32)]
)
def test_a_changeset_that_was_cut_again_on_top_of_nothing_that_can_be_is_refused(known, last, number):
    with pytest.raises(Malformed):
        decode_head(msgpack.packb([number, 2, bytes(8), ORIGIN, known, last]))


@pytest.mark.parametrize("at", range(6))
@pytest.mark.parametrize("value", [None, "x" * 32, bytes(31), bytes(33), bytes(7), bytes(9), 1.0, True, U32 + 1, -1])
def test_no_element_of_a_longer_head_is_of_another_kind(at, value):
    fields: list[object] = [5, 2, bytes(8), ORIGIN, 1, 2]
    fields[at] = value
    with pytest.raises(Malformed):
        decode_head(msgpack.packb(fields))


@pytest.mark.parametrize(
    "part", [b"", b"\x93", b"\x93\xcc\x01\x02\xc4\x08pangkal8", b"\x93\x01\x02\xc4\x08pangkal8\0", b"\xc1"]
)
def test_a_head_has_one_encoding(part):
    with pytest.raises(Malformed):
        decode_head(part)


def test_a_changeset_without_parts_is_refused():
    with pytest.raises(Malformed):
        decode_changeset(SCHEMA, SCOPE, [])


NAMA = PUPIL.by_name["nama"].number
ONE = bytes.fromhex(IDS[0].replace("-", ""))
TWO = bytes.fromhex(IDS[1].replace("-", ""))
KEYS = b"\0\x11\x02\x00\0\1"


def test_blocks_are_told_from_blocks_that_differ_by_one_element():
    assert only(40, 2, 1, NAMA, ONE, "BUDI").values == [[IDS[0]], ["BUDI"]]
    assert only(40, 2, 2, NAMA, ONE + TWO, KEYS, [b"\x81\0\0\0", 0, "BUDI", 1, 5]).values == [
        [IDS[0], IDS[1]],
        ["BUDI", 5],
    ]
    assert only(40, 2 | 5 << 2 | 32, 1, NAMA, ONE, "BUDI").cause is Cause.KOREKSI


@pytest.mark.parametrize(
    "part",
    [
        (), (40,), (40, 2), (40, 2, 1), (40, 2, 1, NAMA), (40, 2, 1, NAMA, ONE), (40, 2, 1, NAMA, ONE, "BUDI", 1),
        (True, 2, 1, NAMA, ONE, "BUDI"), (40.0, 2, 1, NAMA, ONE, "BUDI"), (9_999, 2, 1, NAMA, ONE, "BUDI"), ("40", 2, 1, NAMA, ONE, "BUDI"),
        ([40], 2, 1, NAMA, ONE, "BUDI"), (40, 0, 1, NAMA, ONE, "BUDI"), (40, 256, 1, NAMA, ONE, "BUDI"), (40, -2, 1, NAMA, ONE, "BUDI"),
        (40, 2 | 7 << 2, 1, NAMA, ONE, "BUDI"), (40, 2, True, NAMA, ONE, "BUDI"), (40, 2, 0, NAMA, ONE, "BUDI"),
        (40, 2, 1, 0, ONE, "BUDI"), (40, 2, 1, 99, ONE, "BUDI"), (40, 2, 1, -1, ONE, "BUDI"), (40, 2, 1, None, ONE, "BUDI"),
        (40, 2, 1, b"\2", ONE, "BUDI"), (40, 2, 1, b"\1\2", ONE, "BUDI", 1), (40, 2, 1, bytes(99), ONE, "BUDI"),
        (40, 2, 1, b"", ONE), (40, 3, 1, NAMA, ONE, "BUDI"), (40, 2, 1, NAMA, None, "BUDI"),
        (40, 2, 1, NAMA, ONE[:15], "BUDI"), (40, 2, 1, NAMA, ONE, b"\xff\xff"), (40, 2, 1, NAMA, ONE, True), (40, 2, 1, NAMA, ONE, [1, 2]),
        (40, 2, 1, NAMA, ONE, [None]), (40, 2, 1, NAMA, ONE, 5), (40, 2, 1, NAMA, ONE, 1 << 63), (40, 2, 1, NAMA, ONE, []),
        (40, 2 | 64, 1, NAMA, ONE, "BUDI"), (40, 2 | 64, 1, b"123", NAMA, ONE, "BUDI"), (40, 1 | 128, 1, [], NAMA, "BUDI"),
        (40, 2, 2, NAMA, ONE + ONE, KEYS, b"\7\0\2\0\0\0\2ab"), (40, 2, 2, NAMA, ONE + TWO[:15], KEYS, b"\7\0\2\0\0\0\2ab"),
        (40, 2, 2, NAMA, ONE, KEYS, b"\7\0\2\0\0\0\2ab"), (40, 2, 2, NAMA, ONE + TWO + bytes(16), KEYS, b"\7\0\2\0\0\0\2ab"),
        (40, 2, 2, NAMA, ONE + TWO, b"", b"\7\0\2\0\0\0\2ab"), (40, 2, 2, NAMA, ONE + TWO, b"\2\0\0", b"\7\0\2\0\0\0\2ab"),
        (40, 2, 2, NAMA, ONE + TWO, KEYS + b"\0", b"\7\0\2\0\0\0\2ab"), (40, 2, 2, NAMA, ONE + TWO, b"\1\1\0\0\1", b"\7\0\2\0\0\0\2ab"),
        (40, 2, 2, NAMA, ONE + TWO, KEYS, [b"\x81\0\0\0", 0, "BUDI", 0, 5]), (40, 2, 2, NAMA, ONE + TWO, KEYS, [b"\x81\0\0\0", 2, "BUDI"]),
        (40, 2, 2, NAMA, ONE + TWO, KEYS, [b"\x81\0\0\0", 0]), (40, 2, 2, NAMA, ONE + TWO, KEYS, [b"\x81\0\0\0", 0, None]),
        (40, 2, 2, NAMA, ONE + TWO, KEYS, [b"\x81\xc0\0\0", 0, "BUDI"]), (40, 2, 2, NAMA, ONE + TWO, KEYS, []),
        (40, 2, 2, NAMA, ONE + TWO, KEYS, "ab"), (40, 2, 2, NAMA, ONE + TWO, KEYS), (40, 2, 2, NAMA, ONE + TWO),
        (41, 2 | 128, 1, [], 2, "x"), (41, 1 | 128, 1, [], 2, ONE), (41, 1 | 128, 1, 0, b"\x0c", ONE, ONE),
        (41, 1 | 128, 1, [1, "x"], b"\x0c", ONE, ONE), (41, 1 | 128, 1, [], b"\x0c", None, ONE),
    ],
)  # fmt: skip
def test_what_is_no_block_is_refused(part):
    refused(*part)


def test_elements_after_a_block_are_refused():
    head = next(encode_changeset(SCHEMA, SCOPE, HEAD, []))
    good = msgpack.packb([40, 3, 1, b"", ONE])
    with pytest.raises(Malformed):
        list(decode_changeset(SCHEMA, SCOPE, [head, good + b"\0"])[1])


def test_ids_that_have_a_number_are_not_told_again():
    first = msgpack.packb([40, 3, 2, b"", ONE + TWO, KEYS])
    head = next(encode_changeset(SCHEMA, SCOPE, HEAD, []))
    with pytest.raises(Malformed):
        list(decode_changeset(SCHEMA, SCOPE, [head, first, first])[1])


# --- what is small ----------------------------------------------------------------------------


def test_derived_ids_do_not_travel():
    table = SCHEMA.by_name["registrasi_peserta_didik"]
    columns = tuple(table.by_name[name] for name in ("peserta_didik_id", "sekolah_id"))
    keys: list[object] = [derive_id(table.name, pupil, SCOPE, "1") for pupil in IDS]
    pupils = Block(PUPIL, Op.INSERT, (), [list(IDS)])
    found = [pupils, Block(table, Op.INSERT, columns, [keys, list(IDS), [SCOPE] * len(IDS)])]
    parts = list(encode_changeset(SCHEMA, SCOPE, HEAD, found))
    assert len(parts[2]) < 2 * len(IDS) + 100
    keys[7] = IDS[7]
    parts = list(
        encode_changeset(SCHEMA, SCOPE, HEAD, [pupils, replace(found[1], values=[keys, *found[1].values[1:]])])
    )
    assert len(parts[2]) < 2 * len(IDS) + 150
