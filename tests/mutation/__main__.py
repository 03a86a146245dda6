"""Spoil modules in one place after the other and run their tests: ``python -m tests.mutation [--only TEXT] [--every N] [--list]``.

Which tests belong to which modules, and why some mutants may live, stands in ``table.toml``. The tests run once without any
mutant, so that it is known which of them come to which line and how long each takes; a mutant then meets those that come to
its lines, until one notices it or their time is up (:data:`SECONDS`). Nothing is written into the sources:
a mutant lives in a process of its own, which is given the changed text when it imports the module.

The exit status is 1 if a mutant lived for which the table has no reason, or if one died for which it has one.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from tests.mutation.judging import ROOT, Reach, is_noticed, reach, warm
from tests.mutation.mutants import Mutant, mutants

TABLE = Path(__file__).parent / "table.toml"
SECONDS = 20.0
"""What the tests that meet one mutant may take together, as they did without it."""


def judge(path: str, found: list[Mutant], known: Reach, place: Path) -> list[Mutant]:
    """Return the mutants of a module that no test noticed."""
    alive: list[Mutant] = []
    warm([path])
    for number, mutant in enumerate(found, 1):
        print(f"\r{path}: {number} of {len(found)}, {len(alive)} live ", end="", file=sys.stderr, flush=True)
        tests = known.tests(path, mutant.lines, SECONDS)
        noticed = is_noticed(path, mutant.code, tests, place, known.seconds(tests)) if tests else None
        if noticed is not None:
            known.noticed[noticed] += 1
        else:
            alive.append(mutant)
            print(f"\n  line {mutant.lines[0]}\n    - {mutant.old}\n    + {mutant.new}", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return alive


def told(path: str, found: list[Mutant], alive: list[Mutant], given: dict[str, list[dict[str, Any]]]) -> bool:
    """Print what was found of a module, and return whether the table says the same."""
    met = {(one.old, one.new) for one in found}
    reasons = {(one["old"], one["new"]) for one in given.get(path, [])} & met
    unknown = [one for one in alive if (one.old, one.new) not in reasons]
    idle = reasons - {(one.old, one.new) for one in alive}
    noticed = len(found) - len(alive)
    print(f"{path}: {len(found)} mutants, {noticed} noticed ({100 * noticed // len(found)} %), {len(alive) - len(unknown)} with a reason")
    for one in unknown:
        print(f"  line {one.lines[0]}\n    - {one.old}\n    + {one.new}")
    for old, new in sorted(idle):
        print(f"  it has a reason to live and was noticed\n    - {old}\n    + {new}")
    sys.stdout.flush()
    return not unknown and not idle


def main() -> int:
    """Judge the modules of the table, and return 1 if the table does not say what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--only", default="", help="modules whose path holds this text")
    parser.add_argument("--every", type=int, default=1, help="only each so-manieth mutant")
    parser.add_argument("--list", action="store_true", help="count the mutants and run nothing")
    given = parser.parse_args()
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    memory = Path("/dev/shm")
    place = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    right = True
    try:
        for group in table["group"]:
            paths = [path for path in group["modules"] if given.only in path]
            found = {path: list(mutants((ROOT / path).read_text(encoding="utf-8")))[:: given.every] for path in paths}
            if given.list or not paths:
                print("".join(f"{path}: {len(some)} mutants\n" for path, some in found.items()), end="")
                continue
            known = reach(paths, group["tests"], place)
            for path, some in found.items():
                right &= told(path, some, judge(path, some, known, place), table["lives"])
    finally:
        shutil.rmtree(place)
    return int(not right)


if __name__ == "__main__":
    sys.exit(main())
