"""Running tests on a module's changed text, in a process of its own, and knowing beforehand which tests come to which line."""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.util
import io
import json
import os
import resource
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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

_MEMORY = 3 << 30
"""One that gathers more than so many bytes gathers for ever: noticed too, before the machine does."""


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
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
            os._exit(act())
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return 0 if status == 0 else 1


def is_noticed(path: str, code: str, tests: Sequence[str], place: Path, seconds: float) -> str | None:
    """Return the test that fails when a module has another text; empty if it takes for ever or does not start, else ``None``."""
    told = place / "noticed"
    told.unlink(missing_ok=True)

    def act() -> int:
        sys.meta_path.insert(0, Spoiled(path, code))
        return int(pytest.main([*_OPTIONS, "-x", f"--basetemp={place / 'tmp'}", *tests], plugins=[_Informer(told), _CommandsHere()]))

    if _in_child(max(_SECONDS_MIN, _FACTOR * seconds), act) == 0:
        return None
    return told.read_text() if told.exists() else ""


class _Informer:
    """Writes down which test failed."""

    def __init__(self, told: Path) -> None:
        self._told = told

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self._told.write_text(report.nodeid)


class _CommandsHere:
    """Runs the program's commands in this process: one of their own would know nothing of the mutant."""

    def pytest_sessionstart(self) -> None:
        from tests.flow import program

        def kirim(*arguments: str | Path, cwd: Path | None = None, stdin: str = "", **_: object) -> Any:
            streams = [io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8", write_through=True) for text in (stdin, "", "")]
            with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(streams[1]), contextlib.redirect_stderr(streams[2]):
                patch.setattr("sys.stdin", streams[0])
                if cwd:
                    patch.chdir(cwd)
                try:
                    importlib.import_module("exchange.cli").main([str(one) for one in arguments])
                except SystemExit as ended:
                    status = ended.code
            return program.Done(status, *(one.buffer.getvalue().decode() for one in streams[1:]))

        program.kirim = kirim


def warm(paths: Sequence[str]) -> None:
    """Import whatever does without some modules, so that no child needs to; and make passphrases quick, and tables once.

    What needs one of them cannot be imported meanwhile, and leaves nothing behind.
    """
    for name in [name for name in sys.modules if name.partition(".")[0] == "exchange"]:
        del sys.modules[name]
    missing = [Spoiled(path, "raise ImportError") for path in paths]
    sys.meta_path[:0] = missing
    for file in sorted((ROOT / "exchange").rglob("*.py")):
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    del sys.meta_path[: len(missing)]
    keyfiles, ddl = sys.modules.get("exchange.trust.keyfiles"), sys.modules.get("exchange.store.ddl")
    if keyfiles:
        keyfiles.save_head_key.__kwdefaults__["cost"] = keyfiles.Argon2Cost(memory_kib=64, passes=1)
    if ddl:
        schema = sys.modules["exchange.schema.tables"].SCHEMA
        made = {role: ddl.statements(schema, role) for role in ("school", "server")}
        make = ddl.statements
        ddl.statements = lambda asked, role: list(made[role]) if asked is schema else make(asked, role)


# --- which tests come where -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reach:
    """Which tests come to which lines.

    Attributes:
        lines: For a module and a line the tests; those that are not named come to it by importing the module.
        took: For a test its seconds, its fixtures' included.
        files: The tests' files, the nearest to the module first.
        noticed: How many mutants a test has noticed so far.
    """

    lines: dict[str, dict[int, list[str]]]
    took: dict[str, float]
    files: Sequence[str]
    noticed: Counter[str] = field(default_factory=Counter)

    def tests(self, path: str, lines: Sequence[int], limit: float) -> list[str]:
        """Return the tests that come to any of some lines, as many as fit into so many seconds.

        Those come first that have noticed most for their time. The others come in turns, the quickest of each file, then
        the next one of each: what one file tells many times, another one may not tell at all.
        """
        found = {test for line in lines for test in self.lines[path].get(line, [])}
        if "" in found:
            found = set(self.took)
        turns: dict[str, tuple[int, int]] = {}
        of_file: Counter[int] = Counter()
        for test in sorted(found, key=lambda test: (self.took[test], test)):
            rank = self._rank(test)
            turns[test] = of_file[rank], rank
            of_file[rank] += 1
        chosen: list[str] = []
        for test in sorted(found, key=lambda test: (-self.noticed[test] / (self.took[test] + 1), turns[test])):
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
    warm(paths)

    def act() -> int:
        os.environ["COVERAGE_FILE"] = str(data)
        watch = _Stopwatch()
        asked = ["--cov=exchange", "--cov-context=test", "--cov-report=", "--cov-config=/dev/null"]
        status = int(pytest.main([*_OPTIONS, *asked, f"--basetemp={place / 'tmp'}", *tests], plugins=[watch, _CommandsHere()]))
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
