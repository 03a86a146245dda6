"""R10: any order in which packages are taken gives one state, one list of conflicts and the same outcomes, byte for byte."""

from __future__ import annotations

import random
from collections.abc import Iterator
from difflib import unified_diff
from itertools import permutations

import pytest

from tests.world.orders import Written, after, orders, written
from tests.world.world import World

SIX = 6
SEEDS = range(1, 9)
ORDERS = 12
"""Orders a seed that are drawn by chance."""


def unlike(one: str, other: str) -> str:
    return "\n".join(line[:300] for line in unified_diff(one.split("\n"), other.split("\n"), n=0, lineterm=""))


@pytest.fixture(scope="module")
def six() -> Iterator[tuple[World, Written]]:
    """Six packages of three schools, several returns between them, the first one a repeat."""
    world = World(1, schools=3)
    yield world, written(world, SIX)
    world.__exit__()


@pytest.mark.parametrize("first", range(SIX))
def test_all_orders_of_six_packages_of_three_schools_give_one_result(six: tuple[World, Written], first: int) -> None:
    """720 orders, those with one package first in one test; several returns were written and applied in between."""
    world, given = six
    wanted = after(world, given, range(SIX))
    for rest in permutations([n for n in range(SIX) if n != first]):
        found = after(world, given, (first, *rest))
        assert found == wanted, f"{(first, *rest)}: {unlike(wanted, found)}"


@pytest.mark.parametrize("seed", SEEDS)
def test_random_orders_of_more_packages_give_one_result_with_repeats(seed: int) -> None:
    """Up to ten packages a world; the order of writing is compared with orders by chance that take one package twice."""
    dice = random.Random(seed)
    with World(seed, schools=dice.choice([2, 3])) as world:
        given = written(world, dice.randrange(3, 11))
        wanted = after(world, given, range(len(given.files)))
        for order in orders(len(given.files), dice, ORDERS):
            found = after(world, given, order)
            assert found == wanted, f"seed {seed}, {order}: {unlike(wanted, found)}"
