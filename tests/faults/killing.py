"""A real process that kills itself at its n-th step: nothing in it gets the chance to tidy up.

A step is every call that makes something durable, gives it its name or takes it away; the kill comes just before it.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

from exchange.store.database import Database

_CALLS = ("fsync", "replace", "rename", "link", "unlink", "mkdir", "rmdir")
_STATEMENTS = ("BEGIN", "COMMIT")


def dies_at(step: int, act: Callable[[], object]) -> bool:
    """Run something in a child that kills itself at a step; return whether it was killed, not finished.

    No database may be open here: SQLite's handles do not survive a fork.
    """
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            arm(step)
            act()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, f"it failed at step {step}"
    return False


def arm(step: int) -> None:
    """Let this process kill itself at a step."""
    left = step

    def tick() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            tick()
            return real(*args, **kwargs)

        return call

    for name in _CALLS:
        setattr(os, name, before(getattr(os, name)))
    plain = Database.execute
    durable = before(plain)

    def execute(self: Database, sql: str, parameters: Any = ()) -> Any:
        return (durable if sql.startswith(_STATEMENTS) else plain)(self, sql, parameters)

    Database.execute = execute  # type: ignore[method-assign]
