from __future__ import annotations

import pytest

from exchange.rules.kip import is_kip, normal_card, same_card


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("ZZ00Z1", "ZZ00Z1"),
        (" zz00z1\t", "ZZ00Z1"),
        ("\u00a0zz00z1\u00a0", "ZZ00Z1"),
        ("zz 00z1", "ZZ 00Z1"),
        ("", None),
        ("   ", None),
        (None, None),
        ("stra\u00dfe", "STRA\u00dfE"),
        ("\u0131", "\u0131"),
    ],
)
def test_a_card_number_has_one_form(typed, normal):
    assert normal_card(typed) == normal


def test_o_and_0_and_i_and_1_stay_different():
    assert not same_card("ZZOOZ1", "ZZ00Z1")
    assert not same_card("ZZ00ZI", "ZZ00Z1")


def test_no_number_is_the_same_as_an_empty_one():
    assert same_card(None, " ")
    assert not same_card(None, "ZZ00Z1")


@pytest.mark.parametrize(
    ("number", "good"),
    [("zz00z1", True), ("ZZ00Z", False), ("ZZ00Z12", False), ("ZZ-0Z1", False), ("\u0661" * 6, False), (None, False)],
)
def test_a_kip_number_is_six_letters_or_digits(number, good):
    assert is_kip(number) is good
