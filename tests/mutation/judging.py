"""Running tests on a module's changed text, in a process of its own, and knowing beforehand which tests come to which line."""

from __future__ import annotations

import importlib.abc
import importlib.util
import json
import os
import signal
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import coverage
import hypothesis  # noqa: F401 - so that no child loads it anew
import pytest

ROOT = Path(__file__).parents[2]

_OPTIONS = [
    *("-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # Hypothesis is there already, in the process that this one came from
]
_FACTOR, _SECONDS_MIN = 5, 20
"""A mutant that takes so many times as long as the module itself, and longer than so many seconds, runs for ever: noticed."""


class Spoiled(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module another text."""

    def __init__(self, path: str, code: str) -> None:
        self._name, self._code, self._file = path.removesuffix(".py").replace("/", "."), code, str(ROOT / path)

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._file, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._code, self._file, "exec"), module.__dict__)


def _in_child(seconds: float, act: Callable[[], int]) -> int:
    """Run something without a word in a child of this process, and return its exit status; 1 if it took too long."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            nowhere = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(nowhere, descriptor)
            signal.alarm(round(seconds))
            os._exit(act())
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return 0 if status == 0 else 1


def is_noticed(path: str, code: str, tests: Sequence[str], place: Path, seconds: float) -> bool:
    """Return whether a test fails, or takes for ever, when a module has another text."""

    def act() -> int:
        sys.meta_path.insert(0, Spoiled(path, code))
        return int(pytest.main([*_OPTIONS, "-x", f"--basetemp={place / 'tmp'}", *tests]))

    return _in_child(max(_SECONDS_MIN, _FACTOR * seconds), act) != 0


# --- which tests come where -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reach:
    """Which tests come to which lines.

    Attributes:
        lines: For a module and a line the tests; those that are not named come to it by importing the module.
        took: For a test its seconds, its fixtures' included.
        files: The tests' files, the nearest to the module first.
    """

    lines: dict[str, dict[int, list[str]]]
    took: dict[str, float]
    files: Sequence[str]

    def tests(self, path: str, lines: Sequence[int], limit: float) -> list[str]:
        """Return the tests that come to any of some lines, as many as fit into so many seconds.

        The files stand in the table's order, the nearest to the module first; within one the quickest test comes first.
        """
        found = {test for line in lines for test in self.lines[path].get(line, [])}
        if "" in found:
            found = set(self.took)
        chosen: list[str] = []
        for test in sorted(found, key=lambda name: (self._rank(name), self.took[name], name)):
            limit -= self.took[test]
            if limit < 0 and chosen:
                break
            chosen.append(test)
        return chosen

    def _rank(self, test: str) -> int:
        return next(n for n, name in enumerate(self.files) if test.startswith(name))

    def seconds(self, tests: Sequence[str]) -> float:
        """Return how long tests took."""
        return sum(self.took[test] for test in tests)


class _Stopwatch:
    """Counts every test's seconds."""

    def __init__(self) -> None:
        self.took: dict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.took[report.nodeid] += report.duration


def reach(paths: Sequence[str], tests: Sequence[str], place: Path) -> Reach:
    """Run tests without any mutant."""
    data, times = place / "coverage", place / "times.json"
    data.unlink(missing_ok=True)

    def act() -> int:
        os.environ["COVERAGE_FILE"] = str(data)
        watch = _Stopwatch()
        asked = ["--cov=exchange", "--cov-context=test", "--cov-report=", "--cov-config=/dev/null"]
        status = int(pytest.main([*_OPTIONS, *asked, f"--basetemp={place / 'tmp'}", *tests], plugins=[watch]))
        times.write_text(json.dumps(watch.took))
        return status

    if _in_child(3_600, act):
        raise SystemExit(f"these fail without any mutant: {' '.join(tests)}")
    seen = coverage.CoverageData(str(data))
    seen.read()
    lines = {}
    for path in paths:
        contexts = seen.contexts_by_lineno(str(ROOT / path))
        lines[path] = {line: [one.rpartition("|")[0] for one in some] for line, some in contexts.items()}
    return Reach(lines, json.loads(times.read_text()), tests)
