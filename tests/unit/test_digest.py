"""Digests: equal exactly when every value of every row is equal, whatever the order."""

from __future__ import annotations

import hashlib
import random

import msgpack
import pytest

from exchange.format.digest import root, row_hash, table_digest

ROWS = [(f"id-{n}", n, None, 2.5 * n, "SITI", b"\0") for n in range(50)]


def test_a_rows_hash_is_eight_bytes_of_the_hash_of_its_array():
    assert row_hash(ROWS[0]) == hashlib.sha256(msgpack.packb(list(ROWS[0]))).digest()[:8]


def test_the_order_of_rows_does_not_matter():
    first = table_digest(ROWS)
    for seed in range(5):
        assert table_digest(random.Random(seed).sample(ROWS, len(ROWS))) == first
    assert first[0] == 50
    assert int.from_bytes(first[1], "big") == sum(int.from_bytes(row_hash(row), "big") for row in ROWS) % 2**64


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, 1.0), (1, "1"), ("1", b"1"), (None, ""), (0.0, -0.0), (None, 0), ("é", "e\u0301"), ("a", "a ")],
)
def test_values_that_only_look_alike_differ(one, other):
    assert row_hash(["id", one]) != row_hash(["id", other])
    assert table_digest([("id", one)]) != table_digest([("id", other)])


def test_one_changed_value_with_equal_totals_is_noticed():
    """Two pupils swap their marks: counts and sums stay what they were."""
    swapped = [("id-0", 1, *ROWS[0][2:]), ("id-1", 0, *ROWS[1][2:]), *ROWS[2:]]
    assert table_digest(swapped)[0] == table_digest(ROWS)[0]
    assert table_digest(swapped)[1] != table_digest(ROWS)[1]


def test_no_rows_are_zero():
    assert table_digest([]) == (0, bytes(8))


def test_a_root_covers_every_table_that_has_rows_in_order_of_numbers():
    pairs = {41: (2, b"sidik-41"), 40: (3, b"sidik-40")}
    plain = b"kirim/1 sidik\0" + b"\0\x28\0\0\0\3sidik-40" + b"\0\x29\0\0\0\2sidik-41"
    assert root(pairs) == hashlib.sha256(plain).digest()[:16]
    assert root({**pairs, 42: (0, bytes(8))}) == root(pairs)
    assert (
        len(
            {
                root({}),
                root(pairs),
                root({40: pairs[40]}),
                root({40: pairs[41], 41: pairs[40]}),
                root({40: (2, b"sidik-40")}),
            }
        )
        == 5
    )
