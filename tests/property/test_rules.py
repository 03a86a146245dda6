from __future__ import annotations

import math
import re
from calendar import monthrange

from hypothesis import given
from hypothesis import strategies as st

from exchange.errors import CODE_UNKNOWN, TOO_LONG, WRONG_TYPE
from exchange.rules.columns import fault, faults
from exchange.rules.findings import EMPTY, RULES, grouped
from exchange.rules.kip import normal_card, same_card
from exchange.rules.unique import claims
from exchange.rules.values import shown
from exchange.schema.model import Kind, declare, parse_column

TYPES = [
    "u",
    "c1",
    "c4",
    "c10",
    "v5",
    "v100",
    "text",
    "s",
    "i",
    "b",
    "n1",
    "n2",
    "n3",
    "n18.12",
    "n5.2",
    "d",
    "ts",
    "f",
]
COLUMNS = st.sampled_from([parse_column(f"a {word}", 0)[0] for word in TYPES])
DIGITS = st.text("0123456789", max_size=20)
LETTERS = "aZ09 -_\t\n\r\0\x7f\x85\u00a0\u00df\u0301\u0131\u0661\u200f\u2028\ufffd\U0001f600\ud800"
"""What has broken programs before: controls, marks, foreign digits, letters that grow in upper case, half a pair."""


def texts(size):
    return st.text(LETTERS, max_size=size) | st.text("0123456789", max_size=size)


GOOD = {
    Kind.UUID: st.uuids().map(str),
    Kind.CHAR: texts(10),
    Kind.VARCHAR: texts(20),
    Kind.TEXT: texts(20),
    Kind.INTEGER: st.integers(-12, 1100) | st.integers(-(2**63), 2**63 - 1),
    Kind.DECIMAL: st.decimals(-1000, 1000, places=2).map(str) | st.builds("{}.{}".format, DIGITS, DIGITS),
    Kind.DATE: st.dates().map(str)
    | st.builds("{:04}-{:02}-{:02}".format, st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32)),
    Kind.MOMENT: st.datetimes().map(str),
    Kind.DOUBLE: st.floats(),
}
ANY = st.one_of(
    st.none(), st.booleans(), st.binary(max_size=4), st.floats(), st.just(""), st.just(2**63), st.text("\n-0a", max_size=37),
    *GOOD.values(),
)  # fmt: skip


@st.composite
def columns_with_values(draw):
    """A column, and values most of which are of its type, so that both ways through are taken."""
    column = draw(COLUMNS)
    good = GOOD[column.kind] | st.none() if draw(st.booleans()) else GOOD[column.kind]
    values = draw(st.lists(good | ANY if draw(st.booleans()) else good, max_size=8))
    return column, values


def told(column, value, codes):
    """Say in the plainest way what is wrong with a value."""
    kind, size, scale = column.kind, column.size, column.scale
    if value is None:
        return None
    if not FORMS[kind](value):
        return WRONG_TYPE
    if kind is Kind.INTEGER and (abs(value) >= 10**size or not -(2**63) <= value < 2**63):
        return TOO_LONG
    if kind is Kind.DECIMAL:
        whole, _, fraction = value.removeprefix("-").partition(".")
        if len(whole) > size - scale or len(fraction) > scale:
            return TOO_LONG
    if kind in {Kind.CHAR, Kind.VARCHAR} and len(value) > size:
        return TOO_LONG
    bare = value.rstrip(" ") if kind is Kind.CHAR else value
    padded = bare.ljust(size) if kind is Kind.CHAR else value
    return CODE_UNKNOWN if codes and codes.isdisjoint({value, bare, padded}) else None


def a_text(value):
    return isinstance(value, str) and "\ud800" not in value


def a_day(value):
    if not a_text(value) or not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return False
    year, month, day = map(int, value.split("-"))
    return year > 0 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]


def a_moment(value):
    if not a_text(value) or not a_day(value[:10]):
        return False
    time = re.fullmatch(r" ([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]{1,6})?", value[10:])
    return bool(time) and int(time[1]) < 24 and int(time[2]) < 60 and int(time[3]) < 60


FORMS = {
    Kind.UUID: lambda v: a_text(v) and re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", v),
    Kind.CHAR: a_text,
    Kind.VARCHAR: a_text,
    Kind.TEXT: a_text,
    Kind.INTEGER: lambda v: isinstance(v, int) and not isinstance(v, bool),
    Kind.DECIMAL: lambda v: a_text(v) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", v),
    Kind.DATE: a_day,
    Kind.MOMENT: a_moment,
    Kind.DOUBLE: lambda v: isinstance(v, float) and not math.isnan(v),
}


@given(columns_with_values(), st.data())
def test_a_column_is_judged_as_each_of_its_values(drawn, data):
    column, values = drawn
    codes = data.draw(st.none() | st.frozensets(st.sampled_from([v for v in values if v is not None] or [1])))
    each = {n: told(column, value, codes) for n, value in enumerate(values)}
    assert faults(column, values, codes) == {n: reason for n, reason in each.items() if reason}
    assert all(fault(column, value, codes) is each[n] for n, value in enumerate(values))


@given(columns_with_values(), st.randoms())
def test_a_value_is_judged_alike_wherever_it_stands(drawn, random):
    column, values = drawn
    order = list(range(len(values)))
    random.shuffle(order)
    moved = faults(column, [values[n] for n in order])
    assert {order[n]: reason for n, reason in moved.items()} == faults(column, values)


CONTOH = declare(9, "contoh", "*id u; nisn c10; nik c16", scope="@home", unique="nisn; nik")
ROWS = st.lists(
    st.tuples(
        st.sampled_from("abcdefgh"),
        st.tuples(st.sampled_from([None, "", "  ", "0149999901", "0149999901 ", "0149999902"])),
        st.sampled_from([None, "x", "y"]),
    ),
    unique_by=lambda row: row[0],
)


@given(ROWS, st.randoms())
def test_who_came_first_does_not_change_what_is_claimed(rows, random):
    mixed = list(rows)
    random.shuffle(mixed)
    assert claims(CONTOH, ("nisn",), mixed) == claims(CONTOH, ("nisn",), rows)


@given(ROWS)
def test_a_claim_names_every_row_of_its_value_and_nobody_else(rows):
    by_value = {}
    for row, (value,), _ in rows:
        if value and value.strip():
            by_value.setdefault(value.strip(), set()).add(row)
    found = {claim.value[0]: {row for row, _ in claim.rows} for claim in claims(CONTOH, ("nisn",), rows)}
    assert found == {value: named for value, named in by_value.items() if len(named) > 1}


@given(st.lists(st.tuples(st.sampled_from(RULES), st.sampled_from("abc"))))
def test_grouping_loses_no_finding(drawn):
    findings = [rule.finding(row, column=row) for rule, row in drawn]
    groups = grouped(findings)
    assert sum(group.count for group in groups) == len(findings)
    assert all(len(group.examples) == min(10, group.count) for group in groups)
    assert len({(g.code, g.level, g.table, g.message, g.column) for g in groups}) == len(groups)


@given(texts(10) | st.none())
def test_the_form_of_a_card_number_is_its_own_form(number):
    assert normal_card(normal_card(number)) == normal_card(number)
    assert same_card(number, f" {number or ''} ")


@given(ANY | texts(200))
def test_whatever_is_shown_is_one_short_line_that_can_be_printed(value):
    text = shown(value)
    assert len(text) <= 61 + len("0x") + 60
    assert text.splitlines() in ([], [text])
    text.encode()
    assert EMPTY.finding(column=text, count=1).text()
