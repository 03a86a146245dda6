"""A small kit for measuring: paired ratios, peak memory of a child, a table in ``docs/benchmarks.md``.

Absolute figures drift by a factor of two between minutes on shared cores, so a figure is always a
ratio of neighbours in time: A B A B, and the median of the pairs.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / "docs" / "benchmarks.md"


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ratios of pairs of runs.

    Attributes:
        values: One ratio a pair.
        base: Median seconds of the base's runs.
        other: Median seconds of the other's runs.
    """

    values: tuple[float, ...]
    base: float
    other: float

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def __str__(self) -> str:
        return f"{self.median:.2f} ({min(self.values):.2f}–{max(self.values):.2f})"


def clocked(run: Callable[[], object]) -> float:
    """Return the seconds that one call takes, without the garbage of the calls before."""
    gc.collect()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def paired(
    base: Callable[[], object],
    other: Callable[[], object],
    pairs: int = 5,
    before: Callable[[], object] | None = None,
    clock: Callable[[Callable[[], object]], float] = clocked,
) -> Ratio:
    """Return how many times the base's time the other one takes, measured A B A B.

    The first pair warms caches and is thrown away. Divide one by it for "x times the speed".

    Args:
        base: What it is compared with.
        other: What is measured.
        pairs: How many pairs count.
        before: Run before each of the two, unmeasured: it lays out fresh stores, say.
        clock: Measures one run; a run that is partly preparation brings its own.
    """
    times: list[tuple[float, float]] = []
    for _ in range(pairs + 1):
        pair = []
        for run in (base, other):
            if before is not None:
                before()
            pair.append(clock(run))
        times.append((pair[0], pair[1]))
    kept = times[1:]
    return Ratio(
        tuple(b / a for a, b in kept),
        statistics.median(a for a, _ in kept),
        statistics.median(b for _, b in kept),
    )


def speed(ratio: Ratio) -> Ratio:
    """Return the ratio of speeds instead of times: how much of the base's speed the other one reaches."""
    return Ratio(tuple(1 / value for value in ratio.values), ratio.base, ratio.other)


_PEAK = """
import sys
{code}
with open("/proc/self/status") as status:
    peak = next(line.split()[1] for line in status if line.startswith("VmHWM"))
print("peak", peak)
"""


def peak_memory(code: str, *arguments: str) -> int:
    """Return the most memory, in bytes, that a fresh Python held while it ran the code.

    ``ru_maxrss`` of a child starts at what its parent held at the fork; ``VmHWM`` does not.

    Args:
        code: Statements; ``sys.argv[1:]`` holds the arguments.
        arguments: Handed to it.

    Raises:
        subprocess.CalledProcessError: the code failed.
    """
    done = subprocess.run(
        [sys.executable, "-c", _PEAK.format(code=code), *arguments],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    return int(done.stdout.rsplit("peak ", 1)[1]) * 1024


def started(arguments: Sequence[str], home: Path | None = None) -> float:
    """Return the seconds that a process takes from start to end.

    Args:
        arguments: Its command line after the interpreter.
        home: Where it runs.
    """
    start = time.perf_counter()
    # An installation has its byte code beside it; a developer's shell may forbid writing it.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=home or ROOT, env=env)
    return time.perf_counter() - start


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report.

    Attributes:
        what: What was measured.
        value: The figure, with its unit or spread.
        bar: What was to be reached, as text; empty for plain information.
        met: Whether it was, ``None`` without a bar.
    """

    what: str
    value: str
    bar: str = ""
    met: bool | None = None

    def line(self) -> str:
        mark = {True: "yes", False: "**no**", None: ""}[self.met]
        return f"| {self.what} | {self.value} | {self.bar} | {mark} |"


def at_least(what: str, ratio: Ratio, bar: float) -> Figure:
    """Return a figure that should reach the bar."""
    return Figure(what, f"{ratio} x", f"≥ {bar:g} x", ratio.median >= bar)


def at_most(what: str, ratio: Ratio, bar: float) -> Figure:
    """Return a figure that should stay below the bar."""
    return Figure(what, f"{ratio} x", f"≤ {bar:g} x", ratio.median <= bar)


def machine() -> str:
    """Return one line about where the figures were taken."""
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"{platform.python_implementation()} {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


def report(name: str, title: str, figures: Iterable[Figure], path: Path = REPORT) -> None:
    """Print figures and write them as a section of the report, in place of that section's last ones.

    Args:
        name: The section's marker.
        title: Its heading.
        figures: Its lines.
        path: The report; made when it is missing.
    """
    lines = [f"## {title}", "", machine(), "", "| measured | figure | bar | met |", "| --- | --- | --- | --- |"]
    lines += [figure.line() for figure in figures]
    print("\n".join(lines))
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    section = "\n".join([begin, *lines, end])
    text = path.read_text() if path.exists() else "# Benchmarks\n\nHow each is taken: `benchmarks/README.md`.\n"
    if begin in text and end in text:
        head, rest = text.split(begin, 1)
        text = head + section + rest.split(end, 1)[1]
    else:
        text = f"{text.rstrip()}\n\n{section}\n"
    path.write_text(text)


def counted(value: object) -> str:
    """Return a number with thousands apart, or JSON of anything else."""
    return f"{value:,}" if isinstance(value, int) else json.dumps(value)
