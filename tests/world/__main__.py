"""Lives many worlds over two processes: ``python -m tests.world [SEEDS] [--from SEED] [--faults NAME,NAME] [--steps N]``."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from functools import partial

from tests.world.deeds import SWITCHES
from tests.world.story import verdict


def main() -> int:
    """Print seeds a second and every failure; return 1 if there was one."""
    parser = argparse.ArgumentParser(prog="python -m tests.world")
    parser.add_argument("seeds", nargs="?", type=int, default=100, help="how many worlds")
    parser.add_argument("--from", dest="first", type=int, default=1, help="the first seed")
    parser.add_argument("--faults", default="", help=f"switches, comma between: {', '.join(SWITCHES)}; or all")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--most", type=int, default=5, help="stop after so many failures")
    parser.add_argument("--raw", action="store_true", help="do not shorten")
    given = parser.parse_args()
    faults = tuple(SWITCHES) if given.faults == "all" else tuple(filter(None, given.faults.split(",")))
    began, done, failed = time.monotonic(), 0, 0
    seeds = range(given.first, given.first + given.seeds)
    with multiprocessing.get_context("spawn").Pool(given.processes) as pool:
        for text in pool.imap_unordered(partial(verdict, faults=faults, short=not given.raw), seeds, chunksize=4):
            done += 1
            if text:
                failed += 1
                print(text, end="\n\n", flush=True)
                if failed >= given.most:
                    break
            elif done % 500 == 0:
                print(f"{done} worlds, {done / (time.monotonic() - began):.1f} a second, {failed} failed", flush=True)
        pool.terminate()
    rate = done / (time.monotonic() - began)
    print(f"{done} worlds from seed {given.first}, {rate:.1f} a second: {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
