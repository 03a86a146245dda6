"""Watches the inbox and says only "look": intake lists the folder itself, so a missed, doubled or early event changes nothing.

A restart finishes what a kill left, and returns are written by themselves.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from exchange.central.kip import retry_waiting
from exchange.ingest import FileResult, Intake
from exchange.intake import candidates
from exchange.nodes import ServerNode
from exchange.packager import Returned, due, write_return

LOOK_SECONDS = 30.0
"""Between two looks without an event: events get lost, on network shares always."""

SETTLE_SECONDS = 1.0
"""A file is taken when its size stood still for so long, or at the second look."""


@dataclass
class Watched:
    """What one look did."""

    files: list[FileResult]
    returns: list[Returned]


class Watcher:
    """Empties an inbox and answers.

    Args:
        server: The server.
        on_file: Called with each file's result as soon as it is durable.
        on_return: Called with each return that was written.
    """

    def __init__(
        self,
        server: ServerNode,
        on_file: Callable[[FileResult], object] | None = None,
        on_return: Callable[[Returned], object] | None = None,
    ) -> None:
        self.server, self.inbox = server, server.home / "inbox"
        self._on_file, self._on_return = on_file, on_return
        self._sizes: dict[Path, int] = {}

    def look(self, *, everything: bool = False) -> Watched:
        """Take what lies in the inbox and is complete, then answer whoever sent something.

        A file that still grows, or came a moment ago, is left for the next look.

        Args:
            everything: Take every file now, whether or not it stood still before.
        """
        intake = Intake(self.server, self._on_file)
        finished = intake.finish()
        ready = [path for path in sorted(self.inbox.iterdir()) if self._is_ready(path, everything)]
        files = [*finished, *intake.take(candidates(ready, remove=True))]
        for path in ready:
            self._sizes.pop(path, None)
            if path.is_dir() and not any(path.rglob("*")):
                path.rmdir()
        if any(result.status == "applied" for result in files):
            retry_waiting(self.server.store)
        return Watched(files, self._answer(files))

    def _is_ready(self, path: Path, everything: bool) -> bool:
        if path.name.startswith("."):
            return False
        if everything or path.is_dir():
            return True
        try:
            size = path.stat().st_size
        except OSError:
            return False
        stood, self._sizes[path] = self._sizes.get(path) == size, size
        return stood

    def _answer(self, files: list[FileResult]) -> list[Returned]:
        """Write returns for the schools whose files came and that have something to receive, repeats included."""
        written = []
        for npsn in dict.fromkeys(result.npsn for result in files if result.npsn):
            if due(self.server, self.server.store.school_by_npsn(npsn)):
                written.append(write_return(self.server, npsn))
                if self._on_return:
                    self._on_return(written[-1])
        return written

    def run(self, stop: threading.Event) -> None:
        """Watch until told to stop; the file in hand is finished first.

        Args:
            stop: Set by a signal or by a test.
        """
        from watchdog.events import FileSystemEvent, FileSystemEventHandler
        from watchdog.observers import Observer

        wake = threading.Event()

        class Hint(FileSystemEventHandler):
            def on_any_event(self, event: FileSystemEvent) -> None:
                wake.set()

        observer = Observer()
        observer.schedule(Hint(), str(self.inbox), recursive=True)
        observer.start()
        try:
            while not stop.is_set():
                wake.clear()
                self.look()
                wait = SETTLE_SECONDS if self._sizes else LOOK_SECONDS
                if wake.wait(wait) and not stop.is_set():
                    stop.wait(SETTLE_SECONDS)  # a burst of events is one look
        finally:
            observer.stop()
            observer.join()
