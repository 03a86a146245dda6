"""Whole lives by chance: whatever the courier does, both sides end equal and nothing that was entered is lost."""

from __future__ import annotations

import pytest

from tests.property.lives import Lived, copied, template

SEEDS = range(1, 9)
STEPS = 60


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory):
    """A server with two enrolled schools, made once."""
    life = template(tmp_path_factory.mktemp("asal") / "hidup")
    yield life
    life.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_life_ends_equal_on_both_sides_and_loses_nothing(enrolled, tmp_path, seed):
    """Two schools and a centre edit the same rows, files are lost, doubled and late; two round trips settle it."""
    life = copied(enrolled, tmp_path / "hidup")
    lived = Lived(life, seed)
    for _ in range(STEPS):
        lived.step()
    wrong = lived.settle()
    life.close()
    assert not wrong, "\n".join([f"seed {seed}", *wrong, *lived.log[-40:]])
