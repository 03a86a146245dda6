"""The ledger's entries, records and contents: what is written is read again, and whatever else comes is refused by a code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange import errors
from exchange.format import entry as form

READERS = {
    "entry": form.read_entry,
    "record": form.read_record,
    "front": form.read_segment_front,
    "content": lambda data: list(form.read_content(data)),
}
VALUES = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text(), st.binary())


def act() -> form.ActEntry:
    return form.ActEntry("kip import", bytes(16), 1_793_000_000, bytes(range(32)), form.START)


@pytest.mark.parametrize("reader", READERS)
@given(data=st.binary(max_size=300))
def test_nonsense_is_refused_by_a_code(reader, data):
    with pytest.raises((errors.Malformed, errors.HeaderBad)):
        READERS[reader](data)


@pytest.mark.parametrize("reader", READERS)
def test_every_damaged_byte_is_refused_or_read_as_something_else(reader):
    """No bit brings another error, and no entry reads as the one that it is not."""
    content = b"".join(form.write_content(1, "0.1", [("ptk", False, ("ptk_id", "nama"), [("a", None), ("b", "c")])]))
    whole = {
        "entry": act().packed(),
        "record": form.Record(act().packed(), bytes(64), b"", b"", content).packed()[4:],
        "front": form.segment_front(7, bytes(32)),
        "content": content,
    }[reader]
    right = READERS[reader](whole)
    for at in range(len(whole)):
        for bit in range(8):
            bad = whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]
            try:
                found = READERS[reader](bad)
            except (errors.Malformed, errors.HeaderBad):
                continue
            assert reader == "content" or found != right


@given(st.lists(st.lists(VALUES, min_size=2, max_size=2), max_size=5), st.booleans())
def test_a_content_is_read_as_it_was_written(rows, gone):
    content = b"".join(form.write_content(1, "0.1", [("ptk", gone, ("ptk_id", "nama"), rows)]))
    assert list(form.read_content(content)) == [("ptk", gone, ("ptk_id", "nama"), rows)]


def test_an_entry_says_what_was_written():
    assert form.read_entry(act().packed()) == act()
    assert form.entry_value(act().packed()) != form.entry_value(act().packed()[:-1] + b"\1")
