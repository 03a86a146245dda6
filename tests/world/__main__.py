"""Lives many worlds over all cores: ``python -m tests.world [SEEDS] [--from SEED] [--faults NAME,NAME]``.

Without ``--faults`` every seed lives one life, in turns by its number: without restores, with them, with copied
laptops besides, with newer programs, with stolen laptops, and with all of that.
Progress goes to standard error, failures with their shortened stories to standard output; the exit status is 1 if there
was any.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator

from tests.world.deeds import SWITCHES
from tests.world.story import Lived, Task, live_task

LIVES: tuple[tuple[str, ...], ...] = (
    (), ("restore",), ("restore", "clone"), ("program",), ("theft",), ("restore", "clone", "program", "theft"),
)  # fmt: skip
_PROGRESS_SECONDS = 10


def tasks(first: int, count: int, faults: tuple[str, ...] | None, *, short: bool) -> Iterator[Task]:
    """Yield the worlds to live."""
    for seed in range(first, first + count):
        yield seed, LIVES[seed % len(LIVES)] if faults is None else faults, short


def summary(lived: dict[tuple[str, ...], list[Lived]]) -> str:
    """Return a line for each set of switches: worlds, failures, restores, and after how many round trips all was equal."""
    lines = []
    for faults, worlds in lived.items():
        trips = Counter(world.trips for world in worlds if not world.text)
        lines.append(
            f"{'+'.join(faults) or 'no restores':28} {len(worlds):6} worlds, {sum(bool(w.text) for w in worlds)} failed; "
            f"{sum(w.went_back for w in worlds)} restores and copies in {sum(w.went_back > 0 for w in worlds)} worlds; "
            f"equal after {', '.join(f'{n} round trips: {count}' for n, count in sorted(trips.items()))}; "
            f"{sum(w.alarms for w in worlds)} digest alarms in {sum(w.alarms > 0 for w in worlds)} worlds; "
            f"{sum(w.with_guests for w in worlds)} values left with a school that only sees the row"
        )
    return "\n".join(lines)


def main() -> int:
    """Live them and return 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.world", description=__doc__)
    parser.add_argument("seeds", nargs="?", type=int, default=100, help="how many seeds")
    parser.add_argument("--from", dest="first", type=int, default=1, help="the first seed")
    parser.add_argument("--faults", help=f"switches, comma between: {', '.join(SWITCHES)}; all; none")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--most", type=int, default=5, help="stop after so many failures")
    parser.add_argument("--raw", action="store_true", help="do not shorten")
    given = parser.parse_args()
    faults = {None: None, "all": LIVES[-1], "none": ()}.get(given.faults, tuple((given.faults or "").split(",")))
    began = told = time.monotonic()
    lived: dict[tuple[str, ...], list[Lived]] = {}
    done = failed = 0
    with multiprocessing.get_context("spawn").Pool(given.processes) as pool:
        work = tasks(given.first, given.seeds, faults, short=not given.raw)
        for switches, world in pool.imap_unordered(live_task, work, chunksize=4):
            done += 1
            lived.setdefault(switches, []).append(world)
            if world.text:
                failed += 1
                print(world.text, end="\n\n", flush=True)
            if time.monotonic() - told > _PROGRESS_SECONDS:
                told = time.monotonic()
                print(f"{done} worlds, {done / (told - began):.1f} a second, {failed} failed", file=sys.stderr, flush=True)
            if failed >= given.most:
                break
        pool.terminate()
    print(summary(lived))
    print(f"{done} worlds from seed {given.first}: {failed} failed, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
