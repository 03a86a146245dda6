from __future__ import annotations

import pytest

from exchange.rules import values as ask

NIK = "9901014305140001"
"""A girl's, born on 3 May 2014."""


@pytest.mark.parametrize(
    ("sex", "born", "nationality", "unlike"),
    [
        ("P", "2014-05-03", "ID", False),
        ("L", "2014-05-03", "ID", True),
        ("P", "2014-05-04", "ID", True),
        ("P", "1914-05-03", None, False),
        ("L", "2014-05-03", "MY", False),
        (None, "2014-05-03", "ID", False),
        ("P", None, "ID", False),
    ],
)
def test_a_nik_tells_birth_and_sex(sex, born, nationality, unlike):
    assert ask.nik_unlike_birth(NIK, born, sex, nationality) is unlike


def test_a_boys_day_has_no_40_added():
    assert not ask.nik_unlike_birth("9901010305140001", "2014-05-03", "L", "ID")
    assert ask.nik_unlike_birth("9901010305140001", "2014-05-03", "P", "ID")


@pytest.mark.parametrize(
    ("nik", "bad"),
    [
        (NIK, False), (None, False), ("", False), (NIK[:-1], True), ("0" * 16, True), ("1234567890123456", True),
        ("NULL", True), (" " * 16, False), ("٣" * 16, True),
    ],
)  # fmt: skip
def test_a_nik_is_16_digits_and_no_filler(nik, bad):
    assert ask.nik_bad(nik) is bad


@pytest.mark.parametrize("character", ["\t", "\n", "\r", "\0", "\x1f", "\x7f", "\x85", "\u2028", "\u2029"])
def test_controls_and_line_breaks_are_control_characters(character):
    assert ask.has_control(f"SISWA{character}CONTOH")


@pytest.mark.parametrize("character", [" ", "\u00a0", "\u200f", "\u200d", "\u0301", "\U0001f600", "'", "-"])
def test_spaces_marks_and_signs_are_none(character):
    assert not ask.has_control(f"SISWA{character}CONTOH")


@pytest.mark.parametrize(
    ("name", "unlikely"), [("CONTOH", False), ("Ibu Contoh", True), ("IBUNDA", False), ("A1", True), (None, False)]
)
def test_the_word_ibu_is_no_part_of_a_mothers_name(name, unlikely):
    assert ask.mother_unlikely(name) is unlikely


@pytest.mark.parametrize(("name", "unlikely"), [("Bapak Contoh", True), ("ayah", True), ("HIDAYAH", False)])
def test_the_words_ayah_and_bapak_are_no_part_of_a_fathers_name(name, unlikely):
    assert ask.father_unlikely(name) is unlikely


@pytest.mark.parametrize(
    ("place", "missing", "abroad"),
    [
        (("-6.2", "106.8"), False, False), (("5.9", "95.3"), False, False), (("-10.9", "140.9"), False, False),
        (("106.8", "-6.2"), False, True), (("0", "0"), True, False), ((None, "106.8"), True, False),
        (("0.0", "109.3"), False, False),
    ],
)  # fmt: skip
def test_a_place_lies_in_indonesia(place, missing, abroad):
    assert (ask.place_missing(*place), ask.place_abroad(*place)) == (missing, abroad)


def test_a_civil_servant_has_a_nip_that_begins_with_the_birth():
    assert ask.nip_missing(None, 1)
    assert not ask.nip_missing(None, 4)
    assert not ask.nip_missing("198001012005011001", 10)
    assert ask.nip_unlike_birth("198001012005011001", "1980-01-02")
    assert not ask.nip_unlike_birth("198001012005011001", "1980-01-01")


@pytest.mark.parametrize(("email", "bad"), [("a@contoh.id", False), ("a@contoh", True), ("a b@c.d", True), ("", False)])
def test_an_address_has_the_form_of_one(email, bad):
    assert ask.email_bad(email) is bad


def test_what_is_shown_stays_on_its_line():
    assert ask.shown("A\r\n\x85\u2028B") == "A␍␊\ufffd\ufffdB"
    assert ask.shown("A" * 100) == "A" * 60 + "…"
    assert ask.shown(b"\xff" * 100).endswith("…")
    assert ask.shown("\ud800") == "\ufffd"
