"""The simulator: one seed drives schools, laptops, couriers, a centre, clocks and machines that stop.

:mod:`tests.world.story` writes and plays stories, :mod:`tests.world.deeds` says what may happen, :mod:`tests.world.model`
is the second opinion, :mod:`tests.world.invariants` what must hold, :mod:`tests.world.mishaps` what restores a store.
``python -m tests.world SEEDS`` lives many.
"""

from __future__ import annotations

from tests.world.story import Step, Story, play, shorten, verdict, write
from tests.world.world import World

__all__ = ["Step", "Story", "World", "play", "shorten", "verdict", "write"]
