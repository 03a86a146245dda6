"""Lists of integers: their smallest form, every width, and what is refused."""

from __future__ import annotations

import pytest

from exchange.errors import Malformed
from exchange.format.integers import read_integers, read_varint, write_integers, write_varint

LOW, HIGH = -(1 << 63), (1 << 63) - 1


@pytest.mark.parametrize("value", [0, 1, -1, 63, 64, -64, -65, 8191, 8192, HIGH, LOW, (1 << 64) - 1, -(1 << 64)])
def test_varints_come_back_with_the_place_behind_them(value):
    data = write_varint(value)
    assert read_varint(b"x" + data + b"y", 1) == (value, 1 + len(data))


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 9, b"\x80" * 10 + b"\0", b"\xff" * 20])
def test_varints_that_do_not_end_or_are_too_long_are_refused(data):
    with pytest.raises(Malformed):
        read_varint(data, 0)


@pytest.mark.parametrize(
    ("values", "form", "size"),
    [
        ([], 0, 2),
        ([5], 0, 2),
        ([5] * 4_096, 0, 2),
        ([0, 255], 1, 4),
        ([1_000_000, 1_000_255], 1, 6),
        ([0, 256, 0, 300], 2, 10),
        ([0, 1 << 16, 0, 5], 4, 18),
        ([0, 1 << 32, 0, 5], 8, 34),
        ([LOW, HIGH], 8, 1 + 10 + 16),
        (list(range(1_000)), 17, 1 + 1 + 1 + 1_000),
        (list(range(0, 300_000, 300)), 18, 1 + 1 + 1 + 2_000),
        ([7, 8, 9], 17, 6),
    ],
)
def test_the_form_follows_from_the_values(values, form, size):
    data = write_integers(values)
    assert (data[0], len(data)) == (form, size)
    assert read_integers(data, 0, len(values)) == (values, len(data))


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_planes_stand_from_the_highest_byte_to_the_lowest(width):
    values = [0, (1 << 8 * width) - 1 if width < 8 else HIGH, 1]
    data = write_integers(values)
    assert data[0] == width
    planes = data[2:]
    assert [int.from_bytes(planes[n::3], "big") for n in range(3)] == values


@pytest.mark.parametrize("values", [[0, 1 << 64], [LOW, 1 << 63]])
def test_integers_of_more_than_64_bits_are_not_written(values):
    with pytest.raises(Malformed):
        write_integers(values)


@pytest.mark.parametrize("data", [b"", b"\1", b"\1\0", b"\1\0\0", b"\3\0\0\0\0", b"\x10\0\0", b"\x11\0", b"\x11\0\0", b"\x13\0\0\0\0",
                                  b"\x20\0\0", b"\xff\0\0\0", b"\x00", b"\x08\0" + bytes(15)])  # fmt: skip
def test_bytes_that_end_early_or_an_unknown_form_are_refused(data):
    with pytest.raises(Malformed):
        read_integers(data, 0, 2)


def test_a_reader_takes_no_more_than_was_told():
    assert read_integers(b"\0\x0arest", 0, 3) == ([5, 5, 5], 2)
    assert read_integers(b"\x11\x02\x02", 0, 0) == ([], 3)
