"""Every code: unique, in its band, told in both languages, and with a page."""

from __future__ import annotations

import pickle
import re
from typing import get_type_hints

import pytest

from exchange import errors, words
from exchange.saying import said
from tools import pages

BANDS = {
    errors.SetupError: 1,
    errors.FileError: 2,
    errors.TrustError: 3,
    errors.OrderError: 4,
    errors.MergeError: 5,
    errors.StoreError: 6,
    errors.SpoolError: 7,
    errors.OwnFault: 9,
    errors.Reason: 5,
}
WORDS_MAX = 40
"""Of a whole message: what happened, the next step, what is safe (requirement R13)."""

CODES = dict(errors.all_codes())
ERRORS = {code: entry for code, entry in CODES.items() if isinstance(entry, type)}
FACTS = {int: 123_456, str: "SD Contoh 1"}


def sample(code):
    """Return an error of a code with made-up facts."""
    kind = ERRORS[code]
    facts = {name: FACTS[of] for name, of in get_type_hints(kind).items() if of in FACTS}
    return kind(**facts)


def told(code):
    """Return the three texts of a code in the language that is spoken now."""
    entry = CODES[code]
    return said(sample(code)) if code in ERRORS else tuple(words.tr(t) for t in (entry.what, entry.next, entry.safe))


def leaves(kind):
    for below in kind.__subclasses__():
        yield below
        yield from leaves(below)


def test_every_leaf_has_a_code_and_every_branch_none():
    branches = {kind for kind in BANDS if kind not in {errors.OwnFault, errors.Reason}}
    assert {kind for kind in leaves(errors.ExchangeError) if not kind.code} == branches
    assert set(ERRORS.values()) == set(leaves(errors.ExchangeError)) - branches


@pytest.mark.parametrize("code", CODES)
def test_a_code_is_in_the_band_of_its_branch(code):
    entry = CODES[code]
    kind = entry if isinstance(entry, type) else type(entry)
    band = next(number for branch, number in BANDS.items() if issubclass(kind, branch))
    assert re.fullmatch(rf"KF-{band}\d\d", code)


def test_a_reason_travels_as_its_number():
    assert errors.LOCKED_KIP.number == 513
    assert all(errors.REGISTRY[f"KF-{e.number}"] is e for e in CODES.values() if isinstance(e, errors.Reason))


@pytest.mark.parametrize("language", words.LANGUAGES)
@pytest.mark.parametrize("code", CODES)
def test_a_code_says_what_happened_what_to_do_and_what_is_safe(code, language):
    with words.speaking(language):
        what, then, safe = told(code)
    assert all((what, then, safe))
    assert not re.search(r"[{}]", what + then + safe)


@pytest.mark.parametrize("code", CODES)
def test_an_indonesian_message_is_short_enough_to_be_read(code):
    assert len(" ".join(told(code)).split()) <= WORDS_MAX


@pytest.mark.parametrize("code", CODES)
def test_an_indonesian_message_is_not_the_english_one(code):
    with words.speaking("en"):
        english = told(code)
    assert all(a != b for a, b in zip(told(code), english, strict=True))


@pytest.mark.parametrize("code", CODES)
def test_a_next_step_never_tells_anybody_to_delete(code):
    with words.speaking("en"):
        assert code == "KF-522" or "delete" not in told(code)[1]  # there a person wanted the row deleted
    assert code == "KF-522" or "hapus" not in told(code)[1]


@pytest.mark.parametrize("code", ERRORS)
def test_an_error_survives_pickling(code):
    error = sample(code)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.facts(), str(again)) == (type(error), error.facts(), str(error))


@pytest.mark.parametrize("facts", [{}, {"got": 19}, {"got": 19, "expected": 17, "more": 1}])
def test_an_error_takes_exactly_its_facts(facts):
    with pytest.raises(TypeError, match="got, expected"):
        errors.Gap(**facts)


def test_an_error_shows_its_code_and_three_lines():
    assert str(errors.Gap(got=19, expected=17)).splitlines() == [
        "KF-401 changes from number 19 came, but 17 has not arrived",
        "next: the school's next export brings what is missing; this one goes on by itself",
        "safe: the package is verified and kept",
    ]


def test_facts_that_are_data_are_never_translated():
    error = errors.InputRowBad(file="note", row=1200, column="head", value="warning")
    assert said(error)[0] == "note, baris 1.200: head berisi warning, tidak dapat diterima"


def test_the_page_of_codes_is_up_to_date():
    """docs/errors.md is generated: ``make pages``."""
    page = pages.PAGE.read_text(encoding="utf-8")
    assert page == pages.errors_page()
    assert set(re.findall(r"^### (KF-\d+)", page, re.MULTILINE)) == set(CODES)
