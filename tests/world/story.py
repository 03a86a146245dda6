"""Stories: a seed gives a list of steps, a world plays them, and one that goes wrong is told as short as it can be."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from exchange.errors import ExchangeError
from tests.world import programs
from tests.world.deeds import DEEDS, FILES, OPENING
from tests.world.invariants import Watch
from tests.world.world import World

STEPS = 60
_STOPS = 0.12
"""How often a machine stops during a step that makes something durable."""

_STOPS_WITHIN = 24
"""Durable steps within which it stops."""

TRIPS_MAX = 4
TRIPS_AFTER_RESTORE_MAX = 8

_FAULTS = (ExchangeError, ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError, OSError)
"""How a fault of the engine's shows."""


@dataclass(frozen=True)
class Step:
    """One deed.

    Attributes:
        number: Its place in the whole story: what it enters is named after it, wherever it stands later.
        deed: Name in :data:`tests.world.deeds.DEEDS`.
        n: At which school.
        seed: All its chance.
        dies: The durable step at which the machine stops, 0 for none.
        again: Whether the same is done once more after the machine has started.
    """

    number: int
    deed: str
    n: int
    seed: int
    dies: int = 0
    again: bool = True


@dataclass(frozen=True)
class Story:
    """A seed's steps."""

    seed: int
    schools: int
    steps: tuple[Step, ...]
    faults: frozenset[str] = frozenset()


def write(seed: int, faults: Collection[str] = (), steps: int = STEPS) -> Story:
    """Return the story of a seed."""
    dice = random.Random(seed)
    schools = dice.choice([2, 2, 3])
    # Each story leaves out a part of all deeds, so that those which are left meet one another more often.
    share = dice.choice([0.3, 0.6, 1.0])
    names = [
        name
        for name, kind in DEEDS.items()
        if (not kind.switch and (name in FILES or dice.random() < share)) or kind.switch in faults
    ]
    weights = [DEEDS[name].weight for name in names]
    bias = dice.choice([0.4, 0.7, 0.9])
    opening = [(name, n) for name in OPENING for n in range(schools)] if dice.random() < 0.8 else []
    made = []
    for number in range(1, steps + 1):
        if opening:
            name, n = opening.pop(0)
        else:
            name = dice.choices(names, weights)[0]
            n = 0 if dice.random() < bias else dice.randrange(schools)
        stops = DEEDS[name].stops and not opening and dice.random() < _STOPS
        dies = dice.randrange(1, _STOPS_WITHIN) if stops else 0
        again = dice.random() < 0.5 or name in {"kip", "verval"}
        made.append(Step(number, name, n, dice.getrandbits(48), dies, again))
    return Story(seed, schools, tuple(made), frozenset(faults))


def play(story: Story, log: list[str] | None = None) -> tuple[list[str], Lived]:
    """Let a story happen and return what is wrong, empty when all is well, and how it went.

    Args:
        story: What happens.
        log: Told what happened, step by step.
    """
    with World(story.seed, story.faults, story.schools) as world:
        if log is not None:
            world.log = log
        watch = Watch(world)
        for step in story.steps:
            take(world, step)
            wrong = [f"after step {step.number}: {line}" for line in world.wrong + watch.look()]
            if wrong:
                break
        else:
            wrong = settle(world, watch)
        return wrong, Lived(trips=world.trips, went_back=world.times_back, alarms=world.alarms, with_guests=world.with_guests)


def take(world: World, step: Step) -> None:
    """Let one step happen; if a machine stops, it starts again, and maybe the same is done once more."""
    world.log.append(tell(step))

    def act() -> None:
        world.dice.seed(step.seed)
        world.step, world._words = step.number, 0
        DEEDS[step.deed].do(world, step.n)

    if world.stopped_at(step.dies, act):
        world.say("the machine stopped and started again")
        if step.again:
            act()


def settle(world: World, watch: Watch) -> list[str]:
    """Let files flow without faults until both sides are equal, and return what is still wrong."""
    world.step += 1
    programs.flowing(world)
    wrong = _flow(world, watch)
    trips = world.trips
    if not wrong and programs.behind(world):
        wrong = _flow(world, watch)
        world.trips = max(trips, world.trips)
    return wrong


def _flow(world: World, watch: Watch) -> list[str]:
    """Let round trips happen until both sides are equal, and return what is still wrong."""
    wrong: list[str] = []
    most = TRIPS_AFTER_RESTORE_MAX if world.times_back else TRIPS_MAX
    for trip in range(1, most + 1):
        wrong, world.trips = [], trip
        for laptop in world.everyone():
            said = len(world.log)
            status = world.round_trip(laptop)
            told = [line.split(": ", 1)[-1] for line in world.log[said:] if not line.endswith(" written")]
            world.log[said:] = [f"round trip {trip} of {laptop.home.name}: {'; '.join(told)}"]
            if status not in {"applied", "duplicate"}:
                wrong.append(f"the package of school {laptop.n} is {status}")
        seen = watch.look()
        if seen:  # what must hold after every step
            return [f"after round trip {trip}: {line}" for line in seen + world.wrong]
        wrong += watch.apart() + world.wrong
        if not wrong:
            break
    return [f"after {most} round trips: {line}" for line in wrong]


def shorten(story: Story, fails: Callable[[Story], object]) -> Story:
    """Return a story that still fails and of which no step can be left out: delta debugging.

    Args:
        story: One that fails.
        fails: Tells whether one does.
    """
    steps, size = list(story.steps), max(len(story.steps) // 2, 1)
    while True:
        at, left_out = 0, False
        while at < len(steps):
            shorter = steps[:at] + steps[at + size :]
            if fails(replace(story, steps=tuple(shorter))):
                steps, left_out = shorter, True
            else:
                at += size
        if size == 1 and not left_out:
            break
        size = max(size // 2, 1)
    for at, step in enumerate(steps):  # a machine that need not stop does not
        if step.dies:
            calm = [*steps[:at], replace(step, dies=0), *steps[at + 1 :]]
            if fails(replace(story, steps=tuple(calm))):
                steps = calm
    return replace(story, steps=tuple(steps))


def tell(step: Step) -> str:
    """Return a step in words."""
    stops = f" (a machine stops at its durable step {step.dies}{', then once more' if step.again else ''})" if step.dies else ""
    return f"{step.number}: school {step.n} {DEEDS[step.deed].words}{stops}"


def told(story: Story, wrong: Sequence[str], log: Sequence[str]) -> str:
    """Return a failure for people: seed, what is wrong, and what happened."""
    switches = f", switches {' '.join(sorted(story.faults))}" if story.faults else ""
    return "\n".join(
        [f"seed {story.seed}{switches}: {len(story.steps)} steps at {story.schools} schools", *wrong, *log]
    )


@dataclass(frozen=True)
class Lived:
    """How a world went.

    Attributes:
        text: Its failure, shortened, for people; empty when all went well.
        trips: Round trips after which both sides were equal.
        went_back: Restores, copies and losses of a store.
        alarms: Returns whose digests showed a difference after a restore.
        with_guests: The centre's values that stay only with a school which may see the row.
    """

    text: str = ""
    trips: int = 0
    went_back: int = 0
    alarms: int = 0
    with_guests: int = 0


def live(seed: int, faults: Collection[str] = (), *, short: bool = True) -> Lived:
    """Live the world of a seed; a failure is shortened."""
    story = write(seed, faults)
    log: list[str] = []
    wrong, lived = _lived(story, log)
    if wrong and short:
        kind = _kind(wrong)
        story = shorten(story, lambda shorter: _kind(outcome(shorter)) == kind)
        log = []
        wrong = outcome(story, log)
    return replace(lived, text=told(story, wrong, log) if wrong else "")


Task = tuple[int, tuple[str, ...], bool]
"""(seed, switches, whether a failure is shortened)."""


def live_task(task: Task) -> tuple[tuple[str, ...], Lived]:
    """Live one world in a process of its own, and return its switches and how it went."""
    seed, faults, short = task
    return faults, live(seed, faults, short=short)


def verdict(seed: int, faults: Collection[str] = (), *, short: bool = True) -> str:
    """Return an empty text for a seed whose world goes well, else its failure, shortened."""
    return live(seed, faults, short=short).text


def outcome(story: Story, log: list[str] | None = None) -> list[str]:
    """Play a story; an error that comes out of the engine is wrong too."""
    return _lived(story, log)[0]


def _lived(story: Story, log: list[str] | None) -> tuple[list[str], Lived]:
    logging.getLogger("exchange").addHandler(logging.NullHandler())  # what went wrong is told by the story
    try:
        return play(story, log)
    except _FAULTS as error:
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        line = f"{where.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{where.tb_lineno}" if where else ""
        return [f"{type(error).__name__} at {line}: {error}"], Lived()


def _kind(wrong: Sequence[str]) -> str:
    """Return what a failure is about, without its step and rows: a shorter story must fail in the same way."""
    return wrong[0].split(": ", 1)[-1][:24] if wrong else ""
