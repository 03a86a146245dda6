"""The msgpack test suite and texts that break software, put to our encodings: one canonical form each, nothing lost."""

from __future__ import annotations

import csv

import msgpack
import pytest

from exchange import errors
from exchange.format import container
from exchange.format.block import pack
from exchange.format.changeset import decode_changeset, decode_head, encode_changeset
from exchange.format.manifest import decode_manifest
from exchange.format.outcome import decode_outcome
from exchange.interop.workbook import read_sheet
from exchange.records import Block, ChangesetHead, Op, Position
from exchange.schema import SCHEMA
from exchange.schema.ids import derive_id
from tests.vectors.outside.reference import load

SCHOOL = "0f0c0000-0000-4000-8000-000000000001"
SUITE = [(group, case) for group, cases in load("msgpack/msgpack-test-suite.json").items() for case in cases]
NAUGHTY: list[str] = load("naughty/blns.json")
KINDS = ("nil", "bool", "binary", "bignum", "number", "string", "array", "map", "timestamp", "ext")


def told(case: dict) -> tuple[str, object, list[bytes]]:
    """Return a case's kind, its value as Python has it, and all its encodings."""
    kind = next(name for name in KINDS if name in case)
    value = case[kind]
    if kind == "binary":
        value = bytes.fromhex(value.replace("-", ""))
    elif kind == "bignum":
        kind, value = "number", int(value)
    return kind, value, [bytes.fromhex(one.replace("-", "")) for one in case["msgpack"]]


def canonical(value: object) -> bytes | None:
    """Return the encoding of docs/format.md 1.1 by its own words, or ``None`` for what it does not have."""
    if type(value) is int and value >= 0:
        if value < 128:
            return bytes([value])
        size = next(size for size in (1, 2, 4, 8) if value < 1 << 8 * size)
        return bytes([{1: 0xCC, 2: 0xCD, 4: 0xCE, 8: 0xCF}[size]]) + value.to_bytes(size, "big")
    if type(value) is bytes:
        return b"\xc4" + bytes([len(value)]) + value
    if type(value) is list and len(value) <= 16:
        inner, front = [canonical(one) for one in value], b"\xdc\x00\x10" if len(value) == 16 else bytes([0x90 + len(value)])
        return None if None in inner else front + b"".join(inner)  # type: ignore[arg-type]
    return None


@pytest.mark.parametrize(("group", "case"), SUITE)
def test_of_all_encodings_of_a_value_only_the_canonical_one_is_taken_in_a_header(group, case):
    kind, value, encodings = told(case)
    right = None if kind in {"timestamp", "ext"} else canonical(value)
    for encoding in encodings:
        if encoding == right:
            assert container.unpack(b"\x91" + encoding, group) == [value]
            assert container.pack([value]) == b"\x91" + right  # type: ignore[list-item]
        else:
            with pytest.raises(errors.HeaderBad):
                container.unpack(b"\x91" + encoding, group)
    assert right is None or right in encodings


def test_the_suite_has_canonical_encodings_of_all_three_types():
    found = {type(value) for _, case in SUITE for _, value, encodings in [told(case)] if canonical(value) in encodings}
    assert found == {int, bytes, list}


@pytest.mark.parametrize(("group", "case"), SUITE)
def test_blocks_are_packed_in_the_shortest_form_of_the_suite(group, case):
    """Values of a store: nothing, integers, floats of 64 bits, texts, bytes, and arrays of these."""
    kind, value, encodings = told(case)
    if kind in {"nil", "binary", "string", "array", "number", "bool"} and "map" not in str(value):
        packed = pack([value])
        assert packed[1:] in encodings
        assert msgpack.unpackb(packed) == [value]
        if type(value) in {int, str, bytes}:
            assert len(packed) - 1 == min(map(len, (e for e in encodings if e[0] not in {0xCA, 0xCB})))


@pytest.mark.parametrize(("group", "case"), SUITE)
def test_no_encoding_of_the_suite_passes_for_a_head_a_manifest_or_an_outcome(group, case):
    for encoding in told(case)[2]:
        for data in (encoding, b"\x93" + 3 * encoding, b"\x93\x01\x00" + encoding, b"\x91" + encoding):
            for read in (decode_head, lambda data: decode_manifest(data, 1), lambda data: decode_outcome(SCHEMA, data)):
                with pytest.raises((errors.Malformed, errors.SchemaNewer)):
                    read(data)


def test_texts_that_break_software_travel_unchanged():
    table = SCHEMA.by_name["peserta_didik"]
    nama, ibu = table.by_name["nama"], table.by_name["nama_ibu_kandung"]
    keys = [derive_id("contoh", (str(n),)) for n in range(len(NAUGHTY))]
    columns = tuple(sorted((nama, ibu), key=lambda column: column.number))
    head = ChangesetHead(1, Position(0, bytes(8)))
    whole = Block(table, Op.UPDATE, columns, [keys, NAUGHTY, NAUGHTY[::-1]])
    alone = [Block(table, Op.UPDATE, columns, [[key], [text], [text]]) for key, text in zip(keys, NAUGHTY)]
    parts = list(encode_changeset(SCHEMA, SCHOOL, head, [whole, *alone]))
    _, found = decode_changeset(SCHEMA, SCHOOL, parts)
    assert [[list(values) for values in block.values] for block in found] == [
        [list(values) for values in block.values] for block in (whole, *alone)
    ]


def test_texts_that_break_software_are_read_from_a_list_as_they_were_typed(tmp_path):
    texts = [text for text in NAUGHTY if text and not set(text) & set("\0\r\n")]
    path = tmp_path / "daftar.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=";", quoting=csv.QUOTE_ALL).writerows([["Nama", "Nama"], *([text, text] for text in texts)])
    assert [row[0] for row in read_sheet(path)[1:]] == texts
