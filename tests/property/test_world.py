"""Whole lives by chance, told in :mod:`tests.world`: a fixed set of seeds and a fresh one, and what the simulator itself promises."""

from __future__ import annotations

import random
import secrets
from dataclasses import replace

import pytest

from exchange.merge.decision import decide
from exchange.server import taken, taking
from tests.world import Step, Story, shorten, verdict, write
from tests.world.__main__ import LIVES
from tests.world.story import outcome

SEEDS = range(1, 31)
RESTORED = range(1, 21)
CHANGED = range(1, 13)
FRESH = 1
"""New seeds at each run."""


@pytest.mark.parametrize("first", SEEDS[::10])
def test_a_world_ends_equal_on_both_sides_loses_nothing_and_comes_out_as_the_model_says(first: int) -> None:
    """Files are lost, doubled, late, damaged and swapped, machines stop anywhere, clocks lie; nothing is lost by it."""
    for seed in range(first, first + 10):
        wrong = verdict(seed)
        assert not wrong, wrong


@pytest.mark.parametrize("first", RESTORED[::10])
@pytest.mark.parametrize("faults", [("restore",), ("restore", "clone")])
def test_so_does_a_world_in_which_stores_are_restored_from_old_backups_and_laptops_copied(first: int, faults: tuple[str, ...]) -> None:
    """R5, R6: what the lost store had shared with nobody is gone with it; all else comes back by ordinary round trips."""
    for seed in range(first, first + 10):
        wrong = verdict(seed, faults)
        assert not wrong, wrong


@pytest.mark.parametrize("first", CHANGED[::6])
@pytest.mark.parametrize("faults", LIVES[3:])
def test_so_does_a_world_with_newer_programs_and_stolen_laptops(first: int, faults: tuple[str, ...]) -> None:
    """R22, R25: what is new waits and comes; what a stolen laptop had sent stands, what its thief sends never does."""
    for seed in range(first, first + 6):
        wrong = verdict(seed, faults)
        assert not wrong, wrong


@pytest.mark.parametrize("faults", LIVES)
def test_so_does_a_world_that_nobody_has_seen_before(faults: tuple[str, ...]) -> None:
    """Fresh seeds: a failure prints its own; ``python -m tests.world 1 --from SEED --faults restore,clone,…`` plays it again."""
    for _ in range(FRESH):
        seed = secrets.randbelow(10**9)
        print(f"fresh seed {seed}")
        wrong = verdict(seed, faults)
        assert not wrong, wrong


# --- the simulator itself ---------------------------------------------------------------------


def test_a_failure_is_told_by_its_fewest_steps() -> None:
    """Of sixty steps of which two are to blame, two are left, in their order, and no machine stops for nothing."""
    story = write(5)
    blamed = [story.steps[7].number, story.steps[30].number]
    short = shorten(story, lambda shorter: {*blamed} <= {step.number for step in shorter.steps})
    assert [step.number for step in short.steps] == blamed
    assert not any(step.dies for step in short.steps)


def test_a_seed_gives_one_story_and_any_step_can_be_left_out() -> None:
    """The same seed writes the same steps, and a story with holes still plays."""
    story = write(3)
    assert story == write(3)
    assert outcome(replace(story, steps=story.steps[::2])) == []


def quarrel(seed: int) -> Story:
    """A short story in which one school and the centre keep editing the same two pupils."""
    dice = random.Random(seed)
    deeds = ["edit_pupil", "dinas", "pusat", "verval", "kip", "delete", "centre_deletes", "export", "carry", "bring", "sent", "fetched", "trip"]
    names = ["new_pupil", "new_pupil", "trip", *(dice.choice(deeds) for _ in range(40))]
    return Story(seed, 2, tuple(Step(number, name, 0, dice.getrandbits(48)) for number, name in enumerate(names, 1)))


QUARRELS = [quarrel(seed) for seed in range(2, 5)]

FLAWS = {
    "conflicts are not noticed": (taking, "decide", lambda policy, *, equal, unseen, locked: decide(policy, equal=equal, unseen=None, locked=locked)),
    "locks are not kept": (taking, "decide", lambda policy, *, equal, unseen, locked: decide(policy, equal=equal, unseen=unseen, locked=False)),
    "nothing is put right at the school": (taken.Taken, "correct", lambda self, table, row, group: None),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flaw_in_the_engine_is_found_out(monkeypatch: pytest.MonkeyPatch, flaw: str) -> None:
    """The watch is no decoration: worlds that go well go wrong once the engine is spoiled."""
    monkeypatch.setattr(*FLAWS[flaw])
    assert any(outcome(story) for story in QUARRELS)


def test_the_same_stories_go_well_with_the_engine_as_it_is() -> None:
    """Otherwise the test before this one would say nothing."""
    assert [outcome(story) for story in QUARRELS] == [[]] * len(QUARRELS)
