from __future__ import annotations

from itertools import permutations

from exchange.rules.findings import Level
from exchange.rules.unique import claims
from exchange.schema import SCHEMA

PD, ROMBEL = SCHEMA.by_name["peserta_didik"], SCHEMA.by_name["rombongan_belajar"]


def test_the_keys_come_from_the_schema():
    assert {("nisn",), ("nik",)} <= set(PD.unique)


def test_two_schools_with_one_nisn_are_both_named_in_either_order():
    rows = [("a", ("0149999901",), "x"), ("b", ("0149999901",), "y"), ("c", ("0149999902",), "x")]
    found = {repr(claims(PD, ("nisn",), order)) for order in permutations(rows)}
    assert len(found) == 1
    (claim,) = claims(PD, ("nisn",), rows)
    assert (claim.rows, claim.homes, claim.value) == ((("a", "x"), ("b", "y")), ("x", "y"), ("0149999901",))


def test_a_finding_stands_at_the_first_row_and_names_the_others():
    (claim,) = claims(PD, ("nisn",), [("b", ("0149999901",), "y"), ("a", ("0149999901",), "x")])
    found = claim.finding()
    assert (found.level, found.tab, found.table, found.row) == (Level.WARNING, PD.tab, PD.name, "a")
    assert found.text() == "nisn 0149999901 can belong to one row only, but 2 have it; the others: b"


def test_a_number_that_a_whole_school_has_is_one_short_finding():
    (claim,) = claims(PD, ("nik",), [(f"{n:04}", ("0" * 16,), "x") for n in range(500)])
    assert len(claim.rows) == 500
    assert len(claim.finding().text()) < 200


def test_empty_parts_claim_nothing():
    assert (
        claims(
            PD, ("nisn",), [(row, (value,), None) for row, value in zip("abcdef", [None, "", "  "] * 2, strict=True)]
        )
        == []
    )
    half = [("a", ("s", None, 1, "1A", 1), None), ("b", ("s", None, 1, "1A", 1), None)]
    assert claims(ROMBEL, ROMBEL.unique[0], half) == []


def test_padding_is_no_difference_and_case_is_one():
    assert claims(PD, ("nisn",), [("a", ("01499999",), None), ("b", ("01499999  ",), None)])
    assert not claims(PD, ("nisn",), [("a", ("01499999a",), None), ("b", ("01499999A",), None)])


def test_card_numbers_are_compared_in_their_one_form():
    assert claims(PD, ("no_kip",), [("a", ("zz00z1",), None), ("b", (" ZZ00Z1",), None)])
    assert not claims(PD, ("no_kip",), [("a", ("ZZ00ZI",), None), ("b", ("ZZ00Z1",), None)])
    assert claims(PD, ("no_kip",), [("a", (7,), None), ("b", (7,), None)])


def test_a_row_that_is_given_twice_claims_once():
    assert claims(PD, ("nisn",), [("a", ("0149999901",), None)] * 2) == []
