"""Small models of how others exchange data, and the engine itself, living the same stories: what is lost, hidden, or comes back.

``python -m tests.world.peers [RUNS] [--engine RUNS]`` prints the table of ``docs/correctness.md``. The models are models: a
few lines each, named after their rule and not after a product; everything that the rule does not speak of is done as well
as can be. The engine is no model: it is this repository's, with files, keys and databases.

A story has one school with three fields of the school's own, a centre that edits them too, twelve edits, files that
travel as the fault says, and three clean round trips at the end. Each edit enters a text of its own.
"""

from __future__ import annotations

import argparse
import copy
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

CENTRE = -1
"""The side that is not a laptop; laptops are 0 and, once copied, 1."""

FIELDS = range(3)
FAULTS = {
    "none": "every file arrives once, in order",
    "lost": "files are lost",
    "late": "files are late, doubled and out of order",
    "clocks": "clocks are wrong",
    "laptop": "the laptop is restored from a backup",
    "copied": "the laptop is copied, both go on",
    "server": "the server is restored from a backup",
}
_EDITS, _TRIPS = 12, 3


class Peer(Protocol):
    """Sides that hold fields and write one another files.

    Attributes:
        history: Whether what a side keeps besides its fields is a history that people can ask, not a mere list to be sent.
    """

    history: bool

    def edit(self, side: int, key: int, value: str, now: int) -> None: ...
    def value(self, side: int, key: int) -> str | None: ...
    def write(self, side: int, to: int) -> Any: ...
    def take(self, side: int, sender: int, file: Any) -> None: ...
    def knows(self, side: int) -> set[str]: ...
    def told(self) -> set[str]: ...
    def backup(self, side: int) -> Any: ...
    def restore(self, side: int, kept: Any) -> None: ...
    def clone(self) -> None: ...
    def close(self) -> None: ...


# --- models -----------------------------------------------------------------------------------


@dataclass
class Change:
    """One edit: its number at the side that made it, what was entered, and that side's clock."""

    number: int
    key: int
    value: str
    stamp: int


@dataclass
class Side:
    """What one side holds: fields, its own changes, up to which number the other side has them, and the other way round."""

    rows: dict[int, Change] = field(default_factory=dict)
    own: list[Change] = field(default_factory=list)
    acknowledged: int = 0
    have: int = 0


@dataclass
class File:
    """Changes after a number, and how far the sender has the other side's."""

    changes: list[Change]
    have: int
    upto: int


class Numbers:
    """Changes are numbered and sent until they are acknowledged; a number that was taken is not taken again.

    A subclass says which of two values stands. Copied laptops are one sender to the server, as their keys are.
    """

    history = False

    def __init__(self) -> None:
        self.sides: dict[int, Side] = {CENTRE: Side(), 0: Side()}

    def edit(self, side: int, key: int, value: str, now: int) -> None:
        at = self.sides[side]
        change = Change(len(at.own) + 1, key, value, now)
        at.own.append(change)
        at.rows[key] = change

    def value(self, side: int, key: int) -> str | None:
        found = self.sides[side].rows.get(key)
        return found.value if found else None

    def write(self, side: int, to: int) -> File:
        at = self.sides[side]
        return File(copy.deepcopy(at.own[at.acknowledged :]), at.have, len(at.own))

    def take(self, side: int, sender: int, file: File) -> None:
        at = self.sides[side]
        for change in file.changes:
            if change.number > at.have:
                self.put(at, change)
        at.have = max(at.have, file.upto)
        at.acknowledged = max(at.acknowledged, min(file.have, len(at.own)))

    def put(self, at: Side, change: Change) -> None:
        """Let a change of the other side stand, or not."""
        raise AssertionError

    def knows(self, side: int) -> set[str]:
        at = self.sides[side]
        return {c.value for c in at.own} | {c.value for c in at.rows.values()}

    def told(self) -> set[str]:
        return set()

    def backup(self, side: int) -> Any:
        return copy.deepcopy(self.sides[side])

    def restore(self, side: int, kept: Any) -> None:
        self.sides[side] = copy.deepcopy(kept)

    def clone(self) -> None:
        self.sides[1] = copy.deepcopy(self.sides[0])

    def close(self) -> None:
        """Nothing is open."""


class ReceiverKeeps(Numbers):
    """Whoever receives keeps what he changed himself and has no answer to."""

    def put(self, at: Side, change: Change) -> None:
        if change.key not in {c.key for c in at.own[at.acknowledged :]}:
            at.rows[change.key] = change


class NewestClock(Numbers):
    """The newer stamp of two clocks stands."""

    def put(self, at: Side, change: Change) -> None:
        there = at.rows.get(change.key)
        if there is None or (change.stamp, change.value) > (there.stamp, there.value):
            at.rows[change.key] = change


class ArrivalOrder(Numbers):
    """What arrives last stands; nothing is numbered, so a late file counts as news."""

    def put(self, at: Side, change: Change) -> None:
        at.rows[change.key] = change

    def take(self, side: int, sender: int, file: File) -> None:
        at = self.sides[side]
        for change in file.changes:
            self.put(at, change)
        at.have = max(at.have, file.upto)
        at.acknowledged = max(at.acknowledged, min(file.have, len(at.own)))


class AcknowledgedWhenWritten(ArrivalOrder):
    """A file that was written counts as received."""

    def write(self, side: int, to: int) -> File:
        file = super().write(side, to)
        self.sides[side].acknowledged = len(self.sides[side].own)
        return file

    def take(self, side: int, sender: int, file: File) -> None:
        for change in file.changes:
            self.put(self.sides[side], change)


@dataclass(frozen=True)
class Revision:
    """One state of a field, and the one it was made from."""

    depth: int
    value: str
    parent: Revision | None = None

    def line(self) -> Iterator[Revision]:
        """Yield it and what it was made from."""
        at: Revision | None = self
        while at is not None:
            yield at
            at = at.parent


class RevisionTree(Numbers):
    """Every field is a tree of revisions; all are kept, the deepest leaf stands, the others are hidden until somebody asks.

    Changes are sent after the number that the server last confirmed.
    """

    history = True

    def __init__(self) -> None:
        super().__init__()
        self.leaves: dict[int, dict[int, set[Revision]]] = {CENTRE: {}, 0: {}}

    def _best(self, side: int, key: int) -> Revision | None:
        return max(self.leaves[side].get(key, ()), key=lambda r: (r.depth, r.value), default=None)

    def edit(self, side: int, key: int, value: str, now: int) -> None:
        best = self._best(side, key)
        self._add(side, key, Revision(best.depth + 1 if best else 1, value, best))
        super().edit(side, key, value, now)

    def _add(self, side: int, key: int, revision: Revision) -> None:
        leaves = self.leaves[side].setdefault(key, set())
        if not any(revision in leaf.line() for leaf in leaves):
            self.leaves[side][key] = (leaves - set(revision.line())) | {revision}

    def value(self, side: int, key: int) -> str | None:
        best = self._best(side, key)
        return best.value if best else None

    def write(self, side: int, to: int) -> tuple[dict[int, set[Revision]], File]:
        file = super().write(side, to)
        keys = {change.key for change in file.changes}
        return {key: set(self.leaves[side][key]) for key in keys}, file

    def take(self, side: int, sender: int, file: tuple[dict[int, set[Revision]], File]) -> None:  # type: ignore[override]
        for key, leaves in file[0].items():
            for leaf in leaves:
                self._add(side, key, leaf)
        at = self.sides[side]
        at.have = max(at.have, file[1].upto)
        at.acknowledged = max(at.acknowledged, min(file[1].have, len(at.own)))

    def knows(self, side: int) -> set[str]:
        return {r.value for leaves in self.leaves[side].values() for leaf in leaves for r in leaf.line()}

    def backup(self, side: int) -> Any:
        return super().backup(side), copy.copy(self.leaves[side])

    def restore(self, side: int, kept: Any) -> None:
        super().restore(side, kept[0])
        self.leaves[side] = copy.copy(kept[1])

    def clone(self) -> None:
        super().clone()
        self.leaves[1] = copy.copy(self.leaves[0])


PEERS: dict[str, Callable[[], Peer]] = {
    "receiver keeps": ReceiverKeeps,
    "newest clock wins": NewestClock,
    "arrival order": ArrivalOrder,
    "acknowledged when written": AcknowledgedWhenWritten,
    "revision tree": RevisionTree,
}


# --- stories ----------------------------------------------------------------------------------


class Story:
    """One seed's story, told to one peer.

    Args:
        peer: Fresh.
        seed: All chance; every peer draws the same.
        fault: What goes wrong.
    """

    def __init__(self, peer: Peer, seed: int, fault: str) -> None:
        self.peer, self.fault, self.dice = peer, fault, random.Random(f"{seed} {fault}")
        self.laptops, self.now, self._skew = [0], 0, {CENTRE: 0, 0: 0, 1: 0}
        self.entered: dict[str, tuple[int, str | None]] = {}
        self.pending: list[tuple[int, int, Any]] = []

    def live(self) -> Counter[str]:
        """Let it happen and count values that were lost, are hidden, or came back."""
        kept: tuple[int, Any] | None = None
        for n in range(_EDITS):
            self.now += 10
            if self.fault == "clocks" and self.dice.random() < 0.3:
                self._skew[self.dice.choice([CENTRE, 0])] = self.dice.randrange(-200, 200)
            who = CENTRE if self.dice.random() < 0.35 else self.dice.choice(self.laptops)
            self._edit(who, self.dice.choice(FIELDS), f"v{n}")
            if self.dice.random() < 0.5:
                self._travel(self.dice.choice(self.laptops))
            if n == _EDITS // 3 and self.fault in {"laptop", "server"}:
                side = 0 if self.fault == "laptop" else CENTRE
                kept = side, self.peer.backup(side)
            if n == _EDITS // 2 and self.fault == "copied":
                self.peer.clone()
                self.laptops = [0, 1]
            if n == 2 * _EDITS // 3 and kept is not None:
                self._restore(*kept)
        for _ in range(_TRIPS * len(self.laptops)):
            for laptop in self.laptops:
                self._carry(laptop, CENTRE, self.peer.write(laptop, CENTRE))
                self._carry(CENTRE, laptop, self.peer.write(CENTRE, laptop))
        return self._count()

    def _edit(self, side: int, key: int, value: str) -> None:
        self.entered[value] = key, self.peer.value(side, key)
        self.peer.edit(side, key, value, self.now + self._skew[side])

    def _travel(self, laptop: int) -> None:
        """A package goes up, or a whole round trip is made, as the fault lets it."""
        self._send(laptop, CENTRE)
        if self.dice.random() < 0.6:
            self._send(CENTRE, laptop)

    def _send(self, sender: int, to: int) -> None:
        file, chance = self.peer.write(sender, to), self.dice.random()
        if self.fault == "lost" and chance < 0.4:
            return
        if self.fault == "late" and chance < 0.5:
            self.pending.append((sender, to, file))
            return
        self._carry(sender, to, file)
        if self.fault == "late" and self.pending and self.dice.random() < 0.6:
            late = self.dice.choice(self.pending)  # it stays: it may come once more
            self._carry(*late)

    def _carry(self, sender: int, to: int, file: Any) -> None:
        self.peer.take(to, sender, file)

    def _restore(self, side: int, kept: Any) -> None:
        """What nobody else knows is lost by nature, and no edit that is gone has replaced anything."""
        self.peer.restore(side, kept)
        known = self.peer.knows(CENTRE).union(*(self.peer.knows(laptop) for laptop in self.laptops))
        before = self.entered
        self.entered = {
            value: (key, self._replaced(before, old, known)) for value, (key, old) in before.items() if value in known
        }

    def _replaced(self, before: dict[str, tuple[int, str | None]], old: str | None, known: set[str]) -> str | None:
        """Return the last known value that one replaced, through values that were never sent."""
        while old is not None and old not in known and old in before:
            old = before[old][1]
        return old

    def _count(self) -> Counter[str]:
        replaced = {old for _, old in self.entered.values()}
        told, sides = self.peer.told(), [CENTRE, *self.laptops]
        known = set().union(*(self.peer.knows(side) for side in sides))
        found: Counter[str] = Counter()
        for value, (key, _) in self.entered.items():
            shown = [self.peer.value(side, key) == value for side in sides]
            if value in replaced:
                found["back"] += any(shown) and value not in told
            elif not all(shown) and value not in told:
                found["hidden" if any(shown) or (self.peer.history and value in known) else "lost"] += 1
        return found


def one(seed: int, name: str, fault: str) -> Counter[str]:
    """Live one story with one peer."""
    if name == ENGINE:
        from tests.world.ours import Engine

        peer: Peer = Engine(seed)
    else:
        peer = PEERS[name]()
    try:
        found = Story(peer, seed, fault).live()
    finally:
        peer.close()
    return found


ENGINE = "Kirim File"


def some(seeds: range, name: str, fault: str) -> Counter[str]:
    """Live many stories."""
    total: Counter[str] = Counter()
    for seed in seeds:
        total.update(one(seed, name, fault))
    return total


def table(runs: int, engine: int, faults: Sequence[str] = tuple(FAULTS)) -> Iterator[str]:
    """Yield the table's lines: lost / hidden / came back, in values per 10,000 runs."""
    names = [*PEERS, ENGINE] if engine else [*PEERS]
    yield f"| fault | {' | '.join(names)} |"
    yield f"| --- |{' --- |' * len(names)}"
    with ProcessPoolExecutor() as pool:
        for fault in faults:
            cells = []
            for name in names:
                count = engine if name == ENGINE else runs
                step = max(count // 8, 1)
                parts = pool.map(partial(some, name=name, fault=fault), [range(n, min(n + step, count)) for n in range(0, count, step)])
                total: Counter[str] = sum(parts, Counter())
                cells.append(" / ".join(f"{total[kind] * 10_000 // count:,}" for kind in ("lost", "hidden", "back")))
            yield f"| {FAULTS[fault]} | {' | '.join(cells)} |"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.world.peers", description=__doc__)
    parser.add_argument("runs", nargs="?", type=int, default=10_000, help="runs of each model and fault")
    parser.add_argument("--engine", type=int, default=100, help="runs of the engine itself for each fault")
    parser.add_argument("--faults", default=",".join(FAULTS), help="lines of the table")
    given = parser.parse_args()
    for line in table(given.runs, given.engine, given.faults.split(",")):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
