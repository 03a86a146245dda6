"""A process that dies at any of its steps: one shim counts them all, and each leaves its folder as a kill would.

A step is every call that changes files or makes a change durable: a file made, written (before the first byte and again when
half of the bytes are there), synced, named, removed; a folder made or removed; a transaction begun and committed, a statement
that commits by itself, a database closed. What happens between two commits of one database is SQLite's own matter: a file of
it is never half written for us.

A kill takes nothing from the disk that was there and adds nothing, so the folder as it stands at a step *is* what a kill leaves;
:func:`killed_at_each_step` stops the process at each step that finds the disk otherwise than every one before, and gives a copy.
For a sample of the steps a process is really killed (SIGKILL), and what is left is compared with that.
"""

from __future__ import annotations

import builtins
import hashlib
import io
import os
import re
import shutil
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from exchange import spool
from exchange.store import database
from exchange.store.database import Database

Step = Callable[[str], None]

KINDS = {
    "write": ("create", "write", "half", "truncate"),
    "sync": ("fsync", "syncfs"),
    "name": ("link", "rename", "remove", "mkdir", "rmdir", "chmod"),
    "database": ("begin", "commit", "alone", "close"),
}
"""What the steps are called in the table."""

_EVENTS = {
    "os.rename": "rename", "os.link": "link", "os.remove": "remove", "os.mkdir": "mkdir", "os.rmdir": "rmdir",
    "os.chmod": "chmod", "os.truncate": "truncate", "os.symlink": "link",
}  # fmt: skip
"""Python's own audit events: whoever asks for it, and by whichever name, these come."""

_WRITING = re.compile(r"\s*(INSERT|REPLACE|UPDATE|DELETE|CREATE|DROP|ALTER|WITH|VACUUM|PRAGMA \w+\s*=)", re.IGNORECASE)


# --- the shim ---------------------------------------------------------------------------------


def arm(folder: Path, step: Step) -> None:
    """Let this process tell of every step within a folder, just before it."""
    busy = False

    def tell(kind: str) -> None:
        nonlocal busy
        if not busy:
            busy = True
            step(kind)
            busy = False

    def is_ours(path: Any) -> bool:
        if isinstance(path, bytes | str | os.PathLike):
            text = os.fsdecode(path)
            return not os.path.isabs(text) or text.startswith(f"{folder}{os.sep}")
        return True

    def audited(event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = given
            if flags & (os.O_CREAT | os.O_TRUNC) and is_ours(path) and not isinstance(path, int):
                tell("create")
        elif event in _EVENTS and is_ours(given[0]):
            tell(_EVENTS[event])

    def before(kind: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            tell(kind)
            return real(*args, **kwargs)

        return call

    os.fsync = before("fsync", os.fsync)
    syncfs = spool._syncfs()
    if syncfs is not None:
        spool._syncfs = lambda: before("syncfs", syncfs)  # type: ignore[assignment]
    tune = database.tune

    def tuned(connection: Any) -> None:
        connection.set_trace_callback(_traced(connection, tell))
        tune(connection)

    database.tune = tuned
    Database.close = before("close", Database.close)  # type: ignore[method-assign]
    builtins.open = io.open = _opening(builtins.open, tell, is_ours)
    sys.addaudithook(audited)


def _traced(connection: Any, tell: Step) -> Callable[[str], None]:
    def trace(statement: str) -> None:
        if statement.startswith("BEGIN"):
            tell("begin")
        elif statement.startswith("COMMIT"):
            tell("commit")
        elif not connection.in_transaction and _WRITING.match(statement):
            tell("alone")

    return trace


def _opening(real: Callable[..., IO[Any]], tell: Step, is_ours: Callable[[Any], bool]) -> Any:
    """Return ``open``, whose files tell of everything that really goes to the disk."""

    class Told(io.FileIO):
        def write(self, data: Any) -> int:
            view = memoryview(data).cast("B")
            half = len(view) // 2
            tell("write")
            if half:
                super().write(view[:half])
                tell("half")
            return half + super().write(view[half:])

        def truncate(self, size: int | None = None) -> int:
            tell("truncate")
            return super().truncate(size)

    def opened(
        file: Any, mode: str = "r", buffering: int = -1, encoding: str | None = None, errors: str | None = None,
        newline: str | None = None, closefd: bool = True, opener: Any = None,
    ) -> Any:  # fmt: skip
        if not set(mode) & set("wax+") or not is_ours(file):
            return real(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw = Told(file, mode.replace("b", "").replace("t", ""), closefd, opener)
        if buffering == 0:
            return raw
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, errors, newline)

    return opened


# --- one run, stopped at each step ------------------------------------------------------------


@dataclass
class Counted:
    """What was counted of one command.

    Attributes:
        command: Its name.
        steps: How many of each kind.
        states: In how many different ways the disk stood at them.
        killed: How often a process was really killed.
        equal: After how many of both everything was right again.
    """

    command: str = ""
    steps: Counter[str] = field(default_factory=Counter)
    states: int = 0
    killed: int = 0
    equal: int = 0

    def row(self) -> dict[str, Any]:
        """Return the line of the table."""
        kinds = {name: sum(self.steps[one] for one in some) for name, some in KINDS.items()}
        return {"command": self.command, "steps": self.steps.total(), **kinds,
                "states": self.states, "killed": self.killed, "equal": self.equal}  # fmt: skip


_REALLY = 6
"""How many processes are really killed for each command, spread over its steps."""


def killed_at_each_step(
    command: str, counted: Counted, start: Path, place: Path, act: Callable[[Path], object]
) -> Iterator[Path]:
    """Yield a folder as a kill at each step of an act leaves it, the act beginning with a copy of ``start``; last as it ends.

    No database may be open here: SQLite's handles do not survive a fork.
    """
    counted.command, work, names = command, place.with_name(f"{place.name}-bekerja"), list[list[str]]()
    _fresh(start, work)
    for kind, shape, is_new in _run(work, act):
        names.append(shape)
        counted.steps[kind] += kind != "end"
        if is_new:
            _fresh(work, place)
            counted.states += 1
            yield place
            counted.equal += 1
    total = len(names) - 1
    for step in sorted({1 + (total - 1) * n // (_REALLY - 1) for n in range(_REALLY)}):
        _fresh(start, work)
        assert dies_at(step, work, lambda: act(work)), f"it has fewer steps now than {step}"
        assert _names(work) == names[step - 1], f"what a kill at step {step} leaves"
        _fresh(work, place)
        counted.killed += 1
        yield place
        counted.equal += 1
    shutil.rmtree(work)


def _fresh(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, symlinks=True)


def _run(work: Path, act: Callable[[Path], object]) -> Iterator[tuple[str, list[str], bool]]:
    """Run an act in a child that waits at each step which finds the disk in a new state; yield (kind, names, whether new)."""
    to_parent, to_child = os.pipe(), os.pipe()
    seen: set[bytes] = set()

    def tell(kind: str) -> None:
        state = _state(work)
        is_new = state not in seen
        seen.add(state)
        os.write(to_parent[1], f"{kind} {int(is_new)}\n".encode())
        if os.read(to_child[0], 1) != b".":
            os._exit(1)  # the test ended

    def live() -> None:
        arm(work, tell)
        act(work)
        tell("end")

    child = _forked(live, close=(to_parent[0], to_child[1]))
    os.close(to_parent[1])
    os.close(to_child[0])
    try:
        with open(to_parent[0], encoding="ascii") as told:
            for line in told:
                kind, is_new = line.split()
                yield kind, _names(work), is_new == "1"
                os.write(to_child[1], b".")
    finally:
        os.close(to_child[1])
        _, status = os.waitpid(child, 0)
    assert status == 0, "the act failed"


def dies_at(step: int, work: Path, act: Callable[[], object]) -> bool:
    """Run something in a child that kills itself just before a step; return whether it was killed, not finished."""

    def live() -> None:
        die_at(step, work)
        act()

    _, status = os.waitpid(_forked(live), 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, f"it failed at step {step}"
    return False


def die_at(step: int, work: Path) -> None:
    """Let this process kill itself just before a step."""
    left = step

    def tick(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    arm(work, tick)


def _forked(live: Callable[[], None], close: tuple[int, ...] = ()) -> int:
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            for descriptor in close:
                os.close(descriptor)
            live()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


_RANDOM = re.compile(r"[0-9a-f]{16,}|tmp[a-z0-9_]{8}")


def _names(folder: Path) -> list[str]:
    """Return the names below a folder, without what chance or content gave them."""
    return sorted(_RANDOM.sub("*", str(path.relative_to(folder))) for path in folder.rglob("*"))


def _state(folder: Path) -> bytes:
    """Return one hash of all names and contents; SQLite makes the ``-shm`` file anew whenever nobody holds it."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if not path.name.endswith("-shm"):
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            found.update(f"{path.relative_to(folder)}\0{len(content)}\0".encode() + content)
    return found.digest()
