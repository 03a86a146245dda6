from __future__ import annotations

import pytest

from exchange.errors import CODE_UNKNOWN, TOO_LONG, WRONG_TYPE
from exchange.limits import TEXT_CHARACTERS_MAX
from exchange.rules.columns import fault, faults, is_date, short_list
from exchange.schema.model import parse_column

ID = "3f0c0000-0000-4000-8000-00000000000a"


def column(text):
    return parse_column(text, 0)[0]


CASES = [
    # what it is, then value, then what is wrong with it
    ("a u", ID, None),
    ("a u", ID.upper(), WRONG_TYPE),
    ("a u", ID.replace("-", ""), WRONG_TYPE),
    ("a u", ID + "\n", WRONG_TYPE),
    ("a u", "3f0c0000-0000-4000-8000-00000000000g", WRONG_TYPE),
    ("a u", "3f0c00000-000-4000-8000-00000000000a", WRONG_TYPE),
    ("a u", "", WRONG_TYPE),
    ("a u", ID.encode(), WRONG_TYPE),
    ("a n2", 0, None),
    ("a n2", 99, None),
    ("a n2", 100, TOO_LONG),
    ("a n2", -99, None),
    ("a n2", -100, TOO_LONG),
    ("a n2", True, WRONG_TYPE),
    ("a n2", 7.0, WRONG_TYPE),
    ("a n2", "7", WRONG_TYPE),
    ("a b", 2**63 - 1, None),
    ("a b", 2**63, TOO_LONG),
    ("a b", -(2**63), None),
    ("a b", -(2**63) - 1, TOO_LONG),
    ("a n18.12", "106.816666", None),
    ("a n18.12", "-6.25", None),
    ("a n18.12", "999999.000000000001", None),
    ("a n18.12", "1000000", TOO_LONG),
    ("a n18.12", "0.1234567890123", TOO_LONG),
    ("a n18.12", "-6,25", WRONG_TYPE),
    ("a n18.12", "6.", WRONG_TYPE),
    ("a n18.12", ".5", WRONG_TYPE),
    ("a n18.12", "1e5", WRONG_TYPE),
    ("a n18.12", "٦", WRONG_TYPE),
    ("a n18.12", 6.25, WRONG_TYPE),
    ("a d", "0001-01-01", None),
    ("a d", "9999-12-31", None),
    ("a d", "2024-02-29", None),
    ("a d", "2023-02-29", WRONG_TYPE),
    ("a d", "0000-01-01", WRONG_TYPE),
    ("a d", "2024-13-01", WRONG_TYPE),
    ("a d", "20240229", WRONG_TYPE),
    ("a d", "2024-W09-4", WRONG_TYPE),
    ("a d", "2024-2-29", WRONG_TYPE),
    ("a d", "2024-02-29\n", WRONG_TYPE),
    ("a d", "2024-02-29 00:00:00", WRONG_TYPE),
    ("a d", "", WRONG_TYPE),
    ("a ts", "2024-02-29 23:59:59", None),
    ("a ts", "2024-02-29 23:59:59.123456", None),
    ("a ts", "2023-02-29 23:59:59", WRONG_TYPE),
    ("a ts", "2024-02-29 24:00:00", WRONG_TYPE),
    ("a ts", "2024-02-29T23:59:59", WRONG_TYPE),
    ("a ts", "2024-02-29", WRONG_TYPE),
    ("a c10", "0149999901", None),
    ("a c10", "01499", None),
    ("a c10", "", None),
    ("a c10", "01499999012", TOO_LONG),
    ("a c10", 149999901, WRONG_TYPE),
    ("a c1", "L", None),
    ("a c1", "LP", TOO_LONG),
    ("a v5", "12345", None),
    ("a v5", "123456", TOO_LONG),
    ("a v5", "e\u0301e\u0301e", None),
    ("a v5", "\U0001f600" * 5, None),
    ("a v5", "a\tb\0\n", None),
    ("a v5", "\ud800", WRONG_TYPE),
    ("a v5", b"12345", WRONG_TYPE),
    ("a text", "x" * TEXT_CHARACTERS_MAX, None),
    ("a text", "x" * (TEXT_CHARACTERS_MAX + 1), TOO_LONG),
    ("a f", 2.5, None),
    ("a f", float("inf"), None),
    ("a f", float("nan"), WRONG_TYPE),
    ("a f", 2, WRONG_TYPE),
    ("a f", "2.5", WRONG_TYPE),
]
GOOD = {text: value for text, value, reason in CASES if reason is None}


@pytest.mark.parametrize(("text", "value", "reason"), CASES)
def test_a_value_is_judged_alike_alone_and_among_others(text, value, reason):
    kind, good = column(text), GOOD[text]
    assert fault(kind, value) is reason
    found = {} if reason is None else {1: reason}
    for among in ([good, value, good], [None, value, None], [good, value, None], (good, value)):
        assert faults(kind, among) == found


@pytest.mark.parametrize("text", sorted(GOOD))
def test_null_is_always_fine(text):
    assert faults(column(text), [None] * 3, {GOOD[text]}) == {}
    assert faults(column(text), [None, GOOD[text], None], {GOOD[text]}) == {}
    assert faults(column(text), []) == {}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a d", ["2024-02-01\n2024", "-02-02"]),
        ("a d", ["2024-02-01\n2024-02-02", ""]),
        ("a u", [ID[:20], ID[20:] + "\n" + ID]),
        ("a c2", ["ab\ncd", ""]),
        ("a c2", ["a", "bcd"]),
    ],
)
def test_no_value_passes_by_borrowing_from_its_neighbour(text, values):
    kind = column(text)
    assert faults(kind, values) == {n: fault(kind, v) for n, v in enumerate(values) if fault(kind, v)}
    assert faults(kind, values)


def test_a_truth_value_among_equal_integers_is_found():
    assert faults(column("a n1"), [1, True, 1.0, 0, False], {0, 1}) == {1: WRONG_TYPE, 2: WRONG_TYPE, 4: WRONG_TYPE}


def test_a_code_outside_its_list_is_found_and_type_comes_first():
    found = faults(column("agama_id s→ref.agama"), [1, 9, None, "1", 123456], {1, 2})
    assert found == {1: CODE_UNKNOWN, 3: WRONG_TYPE, 4: TOO_LONG}


def test_codes_of_char_columns_count_without_their_padding():
    codes = frozenset({"010100  ", "020000"})
    values = ["010100", "010100  ", "020000  ", "020000", " 020000", ""]
    assert faults(column("kode_wilayah c8"), values, codes) == {4: CODE_UNKNOWN, 5: CODE_UNKNOWN}
    assert faults(column("kode_wilayah v8"), values, codes) == dict.fromkeys((0, 2, 4, 5), CODE_UNKNOWN)


def test_a_list_that_was_never_loaded_judges_nothing():
    assert faults(column("agama_id s"), [1, 2], frozenset()) == {}


def test_any_container_will_do_for_codes():
    assert faults(column("rt n2"), [3, 9], range(5)) == {1: CODE_UNKNOWN}


def test_strange_objects_are_of_the_wrong_type():
    assert faults(column("nama v10"), ["a", ["b"], {}, object]) == dict.fromkeys((1, 2, 3), WRONG_TYPE)
    assert faults(column("rt n2"), [[], 1]) == {0: WRONG_TYPE}
    assert faults(column("lintang n18.12"), [[], "1"]) == {0: WRONG_TYPE}


def test_lists_without_a_table_are_known():
    assert short_list(column("jenis_kelamin c1!")) == {"L", "P"}
    assert short_list(column("nama v100!")) is None
    sex = column("jenis_kelamin c1!")
    assert faults(sex, ["L", "P", "X"], short_list(sex)) == {2: CODE_UNKNOWN}


def test_only_ten_characters_of_a_real_day_are_a_date():
    assert [is_date(text) for text in ("2024-02-29", "2024-02-30", "2024-060-1", "")] == [True, False, False, False]
