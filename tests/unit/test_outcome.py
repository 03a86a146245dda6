"""Outcomes: one cause is told once, equal ones are equal bytes, hostile ones are refused."""

from __future__ import annotations

import random

import msgpack
import pytest

from exchange.errors import Malformed, TooLarge
from exchange.format import outcome
from exchange.format.outcome import decode_outcome, encode_outcome
from exchange.records import Cause, Counts, Line, Outcome
from exchange.schema import SCHEMA

PUPIL = SCHEMA.by_name["peserta_didik"]
NAMA = PUPIL.group_of["nama"]
COUNTS = Counts(1, 2, 3, 4, 5)


def line(n: int, **changed: object) -> Line:
    given = {"table": PUPIL, "row": f"00000000-0000-4000-8000-{n:012x}", "group": NAMA, "outcome": Outcome.REFUSED, "code": 512,
             "columns": ("nama",), "sent": ("BUDI",), "stood": (None,)}  # fmt: skip
    return Line(**(given | changed))  # type: ignore[arg-type]


def test_nothing_but_applied_changes_is_eight_bytes():
    data = encode_outcome([], Counts(applied=100))
    assert len(data) == 8
    assert decode_outcome(SCHEMA, data) == (Counts(applied=100), [])


def test_lines_come_back_sorted_by_cause_and_row():
    lines = [line(3), line(1, code=500), line(2), line(1), line(9, group=None, columns=(), sent=(), stood=())]
    counts, found = decode_outcome(SCHEMA, encode_outcome(lines, COUNTS))
    assert counts == COUNTS
    assert found == [lines[4], lines[1], lines[3], lines[2], lines[0]]


def test_equal_lines_in_any_order_are_equal_bytes():
    lines = [line(n, sent=(value,)) for n in range(3) for value in (None, 1, 1.0, "1", b"1", "1\0")]
    first = encode_outcome(lines, COUNTS)
    for seed in range(20):
        assert encode_outcome(random.Random(seed).sample(lines, len(lines)), COUNTS) == first


def test_ten_thousand_equal_faults_cost_little_more_than_their_rows():
    lines = [line(n, sent=(None,)) for n in range(10_000)]
    data = encode_outcome(lines, Counts(refused=10_000))
    assert len(data) < 10_000 * 43
    assert len(decode_outcome(SCHEMA, data)[1]) == 10_000


@pytest.mark.parametrize("data", [b"", b"\x92", b"\xc1", b"\x90", b"\x93\x95\0\0\0\0\0\x90\0", b"\x92\x94\0\0\0\0\x90", b"\x92\x95\0\0\0\0\0\x90\0",
                                  b"\x92\x95\0\0\0\0\xff\x90", b"\x92\x95\0\0\0\0\xc3\x90", b"\x92\x80\x90", b"\x92\x95\0\0\0\0\0\xdd\xff\xff\xff\xff",
                                  b"\xdd\xff\xff\xff\xff" * 2_000, b"\x92" + b"\x91" * 5_000])  # fmt: skip
def test_what_is_no_outcome_is_refused(data):
    with pytest.raises(Malformed):
        decode_outcome(SCHEMA, data)


GOOD = [40, 1, 4, 512, [1], 0, False, ["r", [1], [2]]]


def packed(*shape: object) -> bytes:
    data: bytes = msgpack.packb([[0, 0, 0, 0, 0], [list(shape)]])
    return data


def test_the_shape_that_the_others_differ_from_is_read():
    assert len(decode_outcome(SCHEMA, packed(*GOOD))[1]) == 1


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0, -1), (0, None), (0, []), (1, -1), (1, "1"), (2, 5), (2, None), (3, -1), (3, "512"), (3, True), (4, [-1]), (4, 5),
        (4, ["nama"]), (5, 7), (5, None), (6, 0), (6, None), (7, ["r", [1]]), (7, [1, [1], [2]]), (7, ["r", 1, [2]]), (7, ["r", [1], None]), (7, 5),
        (7, {}), (7, [b"r", [1], [2]]),
    ],
)  # fmt: skip
def test_what_is_no_shape_is_refused(at, value):
    shape = list(GOOD)
    shape[at] = value
    with pytest.raises(Malformed):
        decode_outcome(SCHEMA, packed(*shape))


@pytest.mark.parametrize(("at", "value", "left"), [(0, 9_999, []), (1, 99, []), (4, [99], [()]), (4, [1, 99], [(1,)])])
def test_what_only_a_newer_program_knows_is_left_out(at, value, left):
    """R22: of an outcome that a newer program gave, an older one reads the tables, groups and columns that it has."""
    shape = [*GOOD[:7], ["r", [1, 8][: len(value)] if at == 4 else [1], [2, 9][: len(value)] if at == 4 else [2]]]
    shape[at] = value
    lines = decode_outcome(SCHEMA, packed(*shape))[1]
    assert [told.sent for told in lines] == left
    assert [len(told.columns) for told in lines] == list(map(len, left))


def test_more_lines_than_a_reader_holds_are_refused_before_they_are_read(monkeypatch):
    monkeypatch.setattr(outcome, "_LINES_MAX", 3)
    good = encode_outcome([line(n) for n in range(3)], COUNTS)
    assert len(decode_outcome(SCHEMA, good)[1]) == 3
    with pytest.raises(TooLarge):
        decode_outcome(SCHEMA, encode_outcome([line(n, code=500 + n) for n in range(4)], COUNTS))
    with pytest.raises(TooLarge):
        decode_outcome(SCHEMA, encode_outcome([line(n) for n in range(4)], COUNTS))


def test_a_reader_holds_1048576_lines():
    """The page's limit (format-body.md 8), asked before a line is read: these lists claim lines that are not there."""
    front = b"\x92\x95" + bytes(5) + b"\x91\x98" + b"".join(msgpack.packb(one) for one in GOOD[:7])
    for lines, error in ((1_048_576, Malformed), (1_048_577, TooLarge)):
        with pytest.raises(error):
            decode_outcome(SCHEMA, front + b"\xdd" + (3 * lines).to_bytes(4, "big"))


@pytest.mark.parametrize("outer", [b"\x91", b"\x93", b"\x90"])
def test_a_list_that_says_another_length_than_it_has_is_refused(outer):
    """The elements are all there; only the fronts of the outcome, or of a shape, count them wrongly."""
    whole = packed(*GOOD)
    with pytest.raises(Malformed):
        decode_outcome(SCHEMA, outer + whole[1:])
    at = whole.index(b"\x98")
    for front in (b"\x97", b"\x99"):
        with pytest.raises(Malformed):
            decode_outcome(SCHEMA, whole[:at] + front + whole[at + 1 :])


def test_counts_have_32_bits():
    most = 2**32 - 1
    counts = Counts(most, most, most, most, most)
    assert decode_outcome(SCHEMA, encode_outcome([], counts))[0] == counts
    for at in range(5):
        with pytest.raises(Malformed):
            decode_outcome(SCHEMA, msgpack.packb([[2**32 if n == at else 0 for n in range(5)], []]))


def test_causes_and_winners_come_back():
    for cause in set(Cause) - {Cause.DISISIHKAN}:
        for won in (False, True):
            given = line(1, outcome=Outcome.CONFLICT, cause=cause, won=won)
            assert decode_outcome(SCHEMA, encode_outcome([given], COUNTS))[1] == [given]
