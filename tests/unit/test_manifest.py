"""Manifests: one encoding, every other refused."""

from __future__ import annotations

from dataclasses import replace

import msgpack
import pytest

from exchange.errors import Malformed, SchemaNewer, TooLarge
from exchange.format.manifest import decode_manifest, encode_manifest
from exchange.limits import POSITIONS_MAX, RECEIPTS_MAX
from exchange.records import Answer, Approval, Manifest, Position
from tests.vectors import make_bodies

PAGE, RETURN, LEAST = (make_bodies.manifests()[name] for name in ("page", "return", "least"))


def fields(manifest: Manifest = PAGE) -> list[object]:
    found: list[object] = msgpack.unpackb(encode_manifest(manifest))
    return found


def changed(at: int, value: object, manifest: Manifest = PAGE) -> bytes:
    found = fields(manifest)
    found[at] = value
    packed: bytes = msgpack.packb(found)
    return packed


@pytest.mark.parametrize("manifest", [PAGE, RETURN, LEAST])
def test_manifests_come_back(manifest):
    assert decode_manifest(encode_manifest(manifest), 1) == manifest


@pytest.mark.parametrize("count", [1, 3])
def test_districts_come_back_and_cost_nothing_where_there_are_none(count):
    plain = Answer(bytes(32), Position(0, bytes(8)))
    told = replace(plain, districts=tuple(bytes([n]) * 8 for n in range(count)))
    without, with_them = (encode_manifest(replace(RETURN, answer=answer)) for answer in (plain, told))
    assert decode_manifest(with_them, 1).answer == told
    assert len(with_them) == len(without) + 2 + 8 * count


@pytest.mark.parametrize("districts", [(bytes(7),), (bytes(8),) * 4])
def test_districts_that_no_header_has_room_for_are_refused(districts):
    with pytest.raises(Malformed):
        decode_manifest(encode_manifest(replace(RETURN, answer=Answer(bytes(32), Position(0, bytes(8)), districts=districts))), 1)


def test_what_says_nothing_at_the_end_is_left_out():
    assert len(fields(LEAST)) == 8
    assert len(fields(PAGE)) == 10
    with pytest.raises(Malformed):
        decode_manifest(msgpack.packb([*fields(LEAST), None]), 1)


def test_an_approval_may_be_younger_than_the_package_by_a_clock_that_went_back():
    approval = replace(PAGE.approval, made_at=PAGE.made_at + 500)
    later = replace(PAGE, approval=approval)
    assert decode_manifest(encode_manifest(later), 1).approval == approval


def test_a_newer_schema_is_told_whatever_else_stands_there():
    for rest in ([], ["anything", {}][:1], fields()[1:]):
        with pytest.raises(SchemaNewer):
            decode_manifest(msgpack.packb([2, *rest]), 1)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0, -1), (0, True), (0, 1.0), (0, "1"), (0, None), (1, "x" * 17), (1, b"1.0.0"), (1, None), (2, -1), (2, 1 << 32), (2, "0"), (3, True),
        (4, None), (5, 1.0), (6, b""), (7, bytes(15)), (7, bytes(17)), (7, "sechzehn Zeichen"), (7, None), (8, []), (8, [1, 1, 0]),
        (8, [1, 1, 0, bytes(79)]), (8, [True, 1, 0, bytes(80)]), (8, [1, 1, 0.0, bytes(80)]), (8, [1, 1, 1 << 40, bytes(80)]),
        (8, [1, 1, -(1 << 40), bytes(80)]), (8, [1, 1, 0, bytes(80), 1]), (8, 5), (9, []), (9, [bytes(16), 40]), (9, [bytes(16), 40, 3]),
        (9, [bytes(24), 40]), (9, [bytes(24), 40, -3]), (9, [bytes(32), 41, 3, 40, 3]), (9, [bytes(32), 40, 3, 40, 3]), (9, [bytes(15)]), (9, 7),
    ],
)  # fmt: skip
def test_what_is_no_manifest_is_refused(at, value):
    with pytest.raises(Malformed):
        decode_manifest(changed(at, value), 1)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (10, []), (10, [bytes(31), 0, bytes(8), [], [], []]), (10, [bytes(32), 0, bytes(8), [bytes(7)], [], []]),
        (10, [bytes(32), 0, bytes(8), [], [1], []]), (10, [bytes(32), 0, bytes(8), [], [], [1]]), (10, [bytes(32), 0, bytes(8), None, [], []]),
        (11, bytes(31)), (11, "x"), (12, [[]]), (12, [5]), (12, {}), (12, [[bytes(32)] * 13]), (13, [1]), (13, [1, 2]), (13, [bytes(8), 1]),
        (14, [1, bytes(8), 2]), (14, []), (14, None),
    ],
)  # fmt: skip
def test_what_is_no_returns_manifest_is_refused(at, value):
    with pytest.raises(Malformed):
        decode_manifest(changed(at, value, RETURN), 1)


@pytest.mark.parametrize("at", range(13))
def test_every_element_of_a_receipt_is_checked(at):
    for value in (None, -1, True, "x", b"x", [], 1.5):
        receipt = list(fields(RETURN)[12][0])  # type: ignore[index]
        receipt[at] = value
        with pytest.raises(Malformed):
            decode_manifest(changed(12, [receipt], RETURN), 1)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x98", encode_manifest(PAGE) + b"\0", encode_manifest(PAGE)[:-1], b"\x80", b"\xa5abcde",
                                  b"\xdc\0\x0a" + encode_manifest(PAGE)[1:], b"\x9a\xcc\x01" + encode_manifest(PAGE)[2:]])  # fmt: skip
def test_bytes_in_any_other_form_are_refused(data):
    with pytest.raises(Malformed):
        decode_manifest(data, 1)


def test_limits_hold_on_both_sides():
    many = tuple(Position(n, bytes(8)) for n in range(POSITIONS_MAX))
    full = replace(PAGE, have_older=many, first_older=many)
    assert decode_manifest(encode_manifest(full), 1) == full
    with pytest.raises(TooLarge):
        encode_manifest(replace(PAGE, have_older=many * 5))
    receipts = replace(RETURN, receipts=RETURN.receipts * (RECEIPTS_MAX + 1))
    with pytest.raises(Malformed):
        decode_manifest(encode_manifest(receipts), 1)


def test_a_packages_manifest_without_its_signature_is_small():
    approval = Approval(1, bytes(16), 1, PAGE.made_at, bytes(64))
    one = replace(PAGE, approval=approval, digests=replace(PAGE.digests, tables={40: (250, bytes(8))}))
    assert len(encode_manifest(one)) - 64 <= 90
