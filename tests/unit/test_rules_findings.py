from __future__ import annotations

import json
import string

from exchange.errors import REGISTRY, Reason
from exchange.rules.findings import CLAIMED, COLUMN_RULES, EMPTY, EXPECTED, RULES, TABS, Level, grouped, rules
from exchange.schema import SCHEMA

BINDING = {
    "SEK-01",
    "PD-10",
    "PD-12",
    "PD-13",
    "PD-14",
    "PD-16",
    "PD-23",
    "PD-25",
    "PD-31",
    "KF-514",
    "KF-515",
    "KF-516",
}


def test_exactly_the_rules_that_are_settled_are_invalid():
    assert {rule.code for rule in RULES if rule.level is Level.INVALID} == BINDING


def test_every_rule_speaks_of_columns_that_are_exchanged_and_stands_on_its_tables_tab():
    for rule in RULES:
        if rule.table:
            table = SCHEMA.by_name[rule.table]
            assert rule.tab == table.tab
            assert set(rule.columns) - {"@today"} <= set(table.by_name)
    assert {table.tab for table in SCHEMA.tables} <= set(TABS)
    assert all(column in SCHEMA.by_name[table].by_name for table, column in EXPECTED)


def test_a_code_that_looks_like_one_of_ours_is_one():
    assert all(isinstance(REGISTRY[code], Reason) for code in COLUMN_RULES)


def test_no_two_rules_say_the_same_of_the_same():
    said = [(rule.code, rule.level, rule.table, rule.message, rule.columns[:1]) for rule in RULES]
    assert len(set(said)) == len(said)


def test_messages_are_short_and_have_only_named_facts():
    for rule in RULES:
        assert len(rule.message.split()) <= 40
        assert all(name is None or name.isidentifier() for _, name, _, _ in string.Formatter().parse(rule.message))


def test_a_message_can_be_told_in_another_language():
    found = rules("PD-10")[0].finding("a", column="nisn", value="7")
    assert found.text() == "nisn is 7, which is not 10 digits"
    assert found.text(lambda message: "{column} {value}: 10 angka") == "nisn 7: 10 angka"


def test_braces_in_a_value_are_only_a_value():
    assert "{count}" in rules("PD-13")[0].finding("a", column="nama", value="{count}").text()


def test_a_hundred_thousand_equal_faults_make_a_report_under_50_kb():
    rule = rules("PD-10")[0]
    groups = grouped(rule.finding(f"{n:036}", column="nisn", value=f"{n}", name="X" * 60) for n in range(100_000))
    assert [(group.count, len(group.examples)) for group in groups] == [(100_000, 10)]
    told = [
        {"code": g.code, "count": g.count, "examples": [(e.row, e.text(), e.name) for e in g.examples]} for g in groups
    ]
    assert len(json.dumps(told)) < 50_000


def test_causes_that_differ_in_one_thing_stand_apart():
    table = SCHEMA.by_name["ptk"]
    findings = [
        EMPTY.at(table).finding(column="nama", count=1),
        EMPTY.at(table).finding(column="alamat_jalan", count=1),
        EMPTY.at(SCHEMA.by_name["sekolah"]).finding(column="nama", count=1),
        CLAIMED.at(table).finding("a", column="nik", value="1", count=2, others="b"),
    ]
    assert [group.count for group in grouped(findings)] == [1, 1, 1, 1]
