"""A derived id is the standard's UUID of version 5, and different keys give different ids."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from exchange.schema.ids import NAMESPACE, derive_id, derive_ids

# SQLite hands out what UTF-8 can hold: no lone surrogates. NUL is the separator and no natural key holds one.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
KEYS = st.lists(st.one_of(TEXTS, st.integers(-(10**9), 10**9)), min_size=1, max_size=4)


@given(TEXTS, st.lists(KEYS, max_size=5))
def test_derived_ids_are_those_of_the_standard_library(table: str, keys: list[list[object]]):
    """format.md 3: UUIDv5 in our namespace, name = table || 00 || the values joined by 00."""
    expected = [str(uuid.uuid5(NAMESPACE, "\0".join([table, *map(str, key)]))) for key in keys]
    assert derive_ids(table, keys) == expected


def test_namespace_and_ids_are_those_that_were_pinned():
    """Ids stand in schools' stores for ever: a difference here would split every row in two."""
    assert str(NAMESPACE) == "f83f18f0-338e-506b-8955-080818c5fce8"
    assert derive_id("nilai_rapor", "a", "b") == "b9938b93-587f-5a0b-861d-abfca0af3aec"


@given(st.text(min_size=1, max_size=10).filter(lambda text: "\0" not in text and text.isascii()))
def test_an_id_is_a_lower_case_uuid_of_version_5(value: str):
    made = derive_id("anggota_rombel", value)
    parsed = uuid.UUID(made)
    assert (str(parsed), parsed.version, parsed.variant) == (made, 5, uuid.RFC_4122)


def test_the_border_between_two_values_counts():
    assert derive_id("t", "ab", "c") != derive_id("t", "a", "bc")
    assert derive_id("t", "a") != derive_id("t", "a", "")
    assert derive_id("ta", "b") != derive_id("t", "ab")


def test_a_number_and_its_text_give_one_id():
    """One store hands out 2026 as a number, an Excel file as text."""
    assert derive_id("ptk_terdaftar", "p", "s", 2026) == derive_id("ptk_terdaftar", "p", "s", "2026")


def test_no_keys_give_no_ids():
    assert derive_ids("anggota_rombel", []) == []
