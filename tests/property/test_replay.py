"""Whole lives replayed: what the ledger and the archive hold makes the same database again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.flow.test_rebuilding import rebuilt
from tests.property.lives import Lived, copied, template
from tests.world import write
from tests.world.story import take
from tests.world.world import World

SEEDS = range(101, 107)
STEPS = 60


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory):
    """A server with two enrolled schools, made once."""
    life = template(tmp_path_factory.mktemp("asal") / "hidup")
    yield life
    life.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_life_is_made_again_from_its_archive(enrolled, tmp_path, seed):
    """Conflicts, refusals, held packages, KIP lists, late files: table by table the rebuilt database is the same."""
    life = copied(enrolled, tmp_path / "hidup")
    lived = Lived(life, seed)
    for _ in range(STEPS):
        lived.step()
    made = rebuilt(life)
    life.close()
    assert made.equal, made.differences
    assert made.replayed.packages > 0


@pytest.mark.parametrize("seed", range(301, 307))
def test_a_world_that_was_restored_and_stopped_anywhere_is_made_again_too(seed):
    """Laptops and servers from old backups, machines that stop, swapped and damaged files: row for row."""
    with World(seed, ("restore",), 2) as world:
        for step in write(seed, ("restore",)).steps:
            take(world, replace(step, n=step.n % 2))
        made = rebuilt(world.place)
        assert made.equal
