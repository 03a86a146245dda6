"""Columns and single values: typed where a value has its column's form, an exception where it has not."""

from __future__ import annotations

import itertools

import pytest

from exchange.errors import Malformed
from exchange.format import letters
from exchange.format.columns import read_column, write_column
from exchange.format.singles import read_single, write_single
from exchange.schema.model import Column, Kind

TEXT, CHAR = Column("nama", 1, Kind.VARCHAR, 80), Column("nik", 1, Kind.CHAR, 16)
NUMBER, DECIMAL = Column("rt", 1, Kind.INTEGER, 2), Column("nilai", 1, Kind.DECIMAL, 5, 2)
DAY, MOMENT, DOUBLE = Column("tanggal", 1, Kind.DATE), Column("saat", 1, Kind.MOMENT), Column("berat", 1, Kind.DOUBLE)


def there_and_back(column: Column, values: list[object]) -> tuple[int, list[object]]:
    """Return the form and the exceptions; the values have come back."""
    data, exceptions = write_column(column, values)
    found = read_column(column, data, len(values))
    for n, value in zip(exceptions[::2], exceptions[1::2], strict=True):
        assert found[n] is None  # type: ignore[call-overload]
        found[n] = value  # type: ignore[call-overload]
    assert list(map(repr, found)) == list(map(repr, values))
    return data[0], exceptions


@pytest.mark.parametrize(
    ("column", "values", "form", "exceptions"),
    [
        (NUMBER, [1, 2, 3], 1, []),
        (NUMBER, [1, None, 3], 129, []),
        (NUMBER, [1, 1.0, "1"], 129, [1, 1.0, 2, "1"]),
        (DECIMAL, ["6", "6.5", "-0.25"], 2, []),
        (DECIMAL, ["6.50", "6.25"], 3, []),
        (DECIMAL, ["6.5", "6.50", "7"], 130, [1, "6.50"]),
        (DECIMAL, ["007", "-0", "1.5"], 130, [0, "007", 1, "-0"]),
        (DECIMAL, [6.5, 6, "6"], 130, [0, 6.5, 1, 6]),
        (DECIMAL, ["6.125", "6"], 130, [0, "6.125"]),
        (DAY, ["0001-01-01", "9999-12-31"], 4, []),
        (DAY, ["2023-02-29", "2024-02-29", "2024-2-9"], 132, [0, "2023-02-29", 2, "2024-2-9"]),
        (MOMENT, ["2024-02-29 10:00:00", "2024-02-29 10:00:00.000001"], 5, []),
        (MOMENT, ["2024-02-29 10:00:00", "2024-02-29 10:00:00.1"], 133, [1, "2024-02-29 10:00:00.1"]),
        (MOMENT, ["2024-02-29 10:00:00", "2024-02-29 24:00:00"], 133, [1, "2024-02-29 24:00:00"]),
        (MOMENT, ["2024-02-29 10:00:00", "2024-02-29 10:00:00.000000"], 133, [1, "2024-02-29 10:00:00.000000"]),
        (DOUBLE, [0.0, -0.0, float("inf")], 6, []),
        (DOUBLE, [1.5, 1], 134, [1, 1]),
        (TEXT, ["BUDI", "SITI AMINAH", "é"], 7, []),
        (TEXT, ["BUDI", "BUDI", "SITI", "SITI"], 8, []),
        (CHAR, ["0012345678901234", "0012345678901235"], 9, []),
        (TEXT, ["BUDI", b"BUDI", 5], 137, [1, b"BUDI", 2, 5]),
        (TEXT, [None, None], 136, []),
        (NUMBER, [None] * 9, 129, []),
        (TEXT, ["", ""], 8, []),
        (TEXT, ["", None, "x"], 135, []),
    ],
)
def test_values_come_back_typed_or_as_exceptions(column, values, form, exceptions):
    found_form, found = there_and_back(column, values)
    assert (found_form, list(map(repr, found))) == (form, list(map(repr, exceptions)))


@pytest.mark.parametrize("count", [2, 7, 8, 9, 16, 17])
def test_presence_bits_stand_for_every_place(count):
    for gap in range(count):
        there_and_back(NUMBER, [None if n == gap else n * n for n in range(count)])


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\0", b"\x0a\0\0", b"\x01", b"\x01\0\0\0", b"\x81\xf0\0\0", b"\x81", b"\x02\x13\0\0", b"\x02", b"\x06" + bytes(15), b"\x06" + bytes(17),
        b"\x04\0\0", b"\x04\0\xff\xff\xff\xff\x7f", b"\x05\0\0", b"\x07\0\2\0\0\0\3abc", b"\x07\0\2\0\0\0\1a", b"\x07\0\2\0\0\0\2\xff\xfe",
        b"\x07\0\1\0\0\0\0", b"\x08\0\1\0\2\0\0\0\1a\0\2", b"\x08\0\0\0\0\0\0\0\0\0\0", b"\x09\0ab", b"\x09\x41" + bytes(130), b"\x09\1a", b"\x09\1\xff\xff",
        b"\x01\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    ],
)  # fmt: skip
def test_what_is_no_column_is_refused(data):
    with pytest.raises((Malformed, UnicodeDecodeError)):
        read_column(TEXT, data, 2)


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        (TEXT, "007", 1007),
        (TEXT, "9" * 18, int("1" + "9" * 18)),
        (CHAR, "990101  ", -63_683_234),
        (TEXT, " 1", " 1"),
        (TEXT, "", ""),
        (TEXT, "²", "²"),
        (TEXT, 7, [7]),
        (TEXT, b"7", [b"7"]),
        (TEXT, 7.0, 7.0),
        (TEXT, None, None),
        (TEXT, "Ibu ke-2 dari McD", "Ibu ke-2 dari McD"),
        (DAY, "1970-01-02", 1),
        (DAY, "0001-01-01", -719_162),
        (DAY, "2023-02-29", "2023-02-29"),
        (DAY, 5, [5]),
        (MOMENT, "1970-01-01 00:00:01", 1_000_000),
        (DECIMAL, "12.50", 40_002),
        (DECIMAL, "-6.25", -19_998),
        (DECIMAL, "-0.00", "-0.00"),
        (DECIMAL, "9" * 18, "9" * 18),
        (DECIMAL, 5, [5]),
        (NUMBER, 5, 5),
        (NUMBER, "5", "5"),
        (NUMBER, b"5", [b"5"]),
        (DOUBLE, 1.5, 1.5),
    ],
)
def test_a_single_value_has_a_short_form_that_is_no_other_values(column, value, told):
    assert write_single(column, value) == told
    found = read_single(column, told)
    assert repr(found) == repr(value)


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (TEXT, 0), (TEXT, 1), (TEXT, 20), (TEXT, -1), (TEXT, -32), (TEXT, 10**19), (TEXT, []), (TEXT, [1, 2]), (TEXT, ["1"]), (TEXT, [[1]]),
        (TEXT, b""), (TEXT, b"\xff\xff"), (TEXT, b"\xc0"), (TEXT, b"\0" * 300), (DAY, 10**9), (DAY, -719_163), (DAY, b"12"),
        (MOMENT, 10**19), (DECIMAL, 18), (DECIMAL, 31), (NUMBER, b"1"), (DOUBLE, b"1"),
    ],
)  # fmt: skip
def test_what_is_no_single_value_is_refused(column, told):
    with pytest.raises(Malformed):
        read_single(column, told)


@pytest.mark.parametrize(
    "text",
    [
        "SITI AMINAH",
        "siti aminah",
        "Siti Aminah",
        "Jl. Melati No. 12",
        "a@b.c",
        " ",
        "  A  ",
        "12/3-4",
        "AA",
        "Aa aA",
        "É",
        "x" * 255,
    ],
)
def test_packed_letters_come_back_or_are_not_packed(text):
    packed = letters.pack(text)
    assert packed is None or letters.unpack(packed) == text
    assert (packed is None) == (text in {"Aa aA", "É"})


def test_packed_letters_have_one_form():
    good = letters.pack("SITI AMINAH")
    assert good is not None
    for n in range(len(good) * 8):
        changed = (int.from_bytes(good, "big") ^ 1 << n).to_bytes(len(good), "big")
        try:
            text = letters.unpack(changed)
        except ValueError:
            continue
        assert letters.pack(text) == changed
    with pytest.raises(ValueError, match="packed"):
        letters.unpack(good + b"\xff")


def test_no_letters_code_is_the_beginning_of_another_one():
    codes = sorted(letters._CODES.values())
    assert not any(b.startswith(a) for a, b in itertools.pairwise(codes))
    assert "1" * 12 not in codes
    assert sum(2 ** -len(code) for code in codes) == 1 - 2**-12
