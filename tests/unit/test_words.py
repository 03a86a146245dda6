"""Catalogues are complete and compiled; numbers and days are written as people write them."""

from __future__ import annotations

import string
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from exchange import words
from tools import words as catalogues

MAY_BE_LEFT_OUT = {"detail", "part"}
"""Facts for the helpdesk, which an operator's text may leave out."""


@pytest.fixture(params=words.LANGUAGES)
def language(request):
    return request.param


def fields(text):
    """Return the names in braces; click's ``{name!r}`` counts as ``name``."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def ids(message):
    return message.id if isinstance(message.id, tuple | list) else (message.id,)


def test_a_catalogue_holds_the_texts_of_the_code(language):
    """If this fails, run ``make words`` and translate what it names."""
    assert catalogues.as_po(catalogues.renewed(language)) == catalogues.path_of(language).read_bytes()


def test_a_compiled_catalogue_is_the_text_one(language):
    po = catalogues.path_of(language).read_bytes()
    assert catalogues.as_mo(po, language) == catalogues.path_of(language, "mo").read_bytes()


def test_no_text_lacks_its_indonesian():
    assert [message.id for message in catalogues.untranslated(catalogues.read("id"))] == []


def test_no_table_lacks_its_english_name():
    missing = catalogues.untranslated(catalogues.read("en"))
    assert [m.id for m in missing if any(note.startswith("table ") for note in m.auto_comments)] == []


def test_a_translation_has_the_fields_of_its_message(language):
    for message in catalogues.read(language):
        for text in filter(None, catalogues.strings(message) if message.id else ()):
            wanted = set.union(*map(fields, ids(message)))
            assert fields(text) <= wanted, message.id
            assert wanted - fields(text) <= MAY_BE_LEFT_OUT | fields(ids(message)[0]) - fields(ids(message)[-1]), text


def test_a_translation_keeps_the_blanks_and_the_full_stop_of_its_message(language):
    for message in catalogues.read(language):
        for text in filter(None, catalogues.strings(message) if message.id else ()):
            for edge in (" ", "\n", ":"):
                assert text.startswith(edge) == ids(message)[0].startswith(edge), text
                assert text.endswith(edge) == ids(message)[0].endswith(edge), text


def test_what_nobody_translated_is_shown_as_it_is():
    assert words.tr("nobody has ever said this") == "nobody has ever said this"
    assert words.tr("") == ""


def test_indonesian_has_one_form_and_english_two():
    one, many = "{count} school", "{count} schools"
    assert [words.trn(one, many, n) for n in (0, 1, 2)] == ["{count} sekolah"] * 3
    with words.speaking("en"):
        assert [words.trn(one, many, n) for n in (0, 1, 2)] == [many, one, many]


def test_a_language_is_spoken_for_a_while_and_then_the_one_before():
    with words.speaking("en"):
        assert words.tr("yes") == "yes"
        with words.speaking(None):
            assert words.tr("yes") == "ya"
        assert words.language() == "en"
    assert words.language() == "id"


def test_the_language_before_comes_back_after_a_failure_too():
    with pytest.raises(KeyError, match="row"), words.speaking("en"):
        raise KeyError("row")
    assert words.language() == "id"


@pytest.mark.parametrize("name", ["", "xx", "ID"])
def test_an_unknown_language_is_refused(name):
    with pytest.raises(ValueError, match=f"^{name}$"):
        words.set_language(name)
    assert words.language() == "id"


@pytest.mark.parametrize(
    ("value", "places", "indonesian", "english"),
    [
        (0, 0, "0", "0"),
        (1234.5, 1, "1.234,5", "1,234.5"),
        (-1_000_000, 0, "-1.000.000", "-1,000,000"),
        (Decimal("0.05"), 2, "0,05", "0.05"),
    ],
)
def test_a_number_is_written_as_people_write_it(value, places, indonesian, english):
    assert words.number(value, places) == indonesian
    with words.speaking("en"):
        assert words.number(value, places) == english


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1_000, "1,0 kB"), (1_340_000, "1,3 MB"), (2_500_000_000_000, "2.500,0 GB")],
)
def test_a_size_is_rounded_to_what_a_person_compares(count, text):
    assert words.size(count) == text


def test_every_month_has_its_name():
    months = [words.day(date(2026, month, 22)).split()[1] for month in range(1, 13)]
    assert (months[0], months[4], months[7], months[11]) == ("Januari", "Mei", "Agustus", "Desember")
    assert len(set(months)) == 12


@pytest.mark.parametrize(
    ("hours", "zone"), [(7, "WIB"), (8, "WITA"), (9, "WIT"), (0, "UTC"), (5.5, "UTC+5.5"), (-3, "UTC-3")]
)
def test_a_moment_names_its_zone(hours, zone):
    moment = datetime(2026, 11, 22, 14, 5, tzinfo=timezone(timedelta(hours=hours)))
    assert words.moment(moment) == f"22 November 2026 14.05 {zone}"


def test_a_moment_of_an_answer_is_shown_by_this_computers_zone():
    text = "2026-11-22T06:05:00+00:00"
    assert words.local(text) == words.moment(datetime(2026, 11, 22, 6, 5, tzinfo=UTC).astimezone())
    assert words.local("2026-11-22T06:05:00") == words.local(text)
