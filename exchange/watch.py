"""Watches the inbox and says only "look": intake lists the folder itself, so a missed or early event changes nothing.

A restart finishes what a kill left, and returns are written by themselves.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from exchange import errors
from exchange.central.kip import retry_waiting
from exchange.district.orders import Orders
from exchange.nodes import ServerNode
from exchange.packager import Returned, due, write_return
from exchange.server.attempt import own_faults
from exchange.server.candidates import Candidate, candidates, files_under
from exchange.server.intake import Intake
from exchange.server.ledger import Ledger
from exchange.server.results import FileResult

LOOK_SECONDS = 30.0
"""Between two looks without an event: events get lost, on network shares always."""

SETTLE_SECONDS = 1.0
"""A file is taken when it stood still for so long, or at the second look."""

PATIENCE_LOOKS = 5
"""Looks for which a file that stands still and yet looks cut is left alone: a copy over a slow line pauses."""

_TICK_SECONDS = 0.1
"""How soon a stop or an event is noticed."""

_log = logging.getLogger(__name__)


@dataclass
class Watched:
    """What one look did."""

    files: list[FileResult]
    returns: list[Returned]


@dataclass(frozen=True, slots=True)
class _Still:
    """A file as it was at the last look, and for how many looks it has been so."""

    size: int
    written: int
    looks: int


class Watcher:
    """Empties an inbox and answers.

    Args:
        server: The server.
        on_file: Called with each file's result as soon as it is durable.
        on_return: Called with each return that was written.
        on_trouble: Called with what stops the work for now: a full disk, a database in use. It is logged besides.
    """

    def __init__(
        self,
        server: ServerNode,
        on_file: Callable[[FileResult], object] | None = None,
        on_return: Callable[[Returned], object] | None = None,
        on_trouble: Callable[[errors.ExchangeError], object] | None = None,
    ) -> None:
        self.server, self.inbox = server, server.home / "inbox"
        self._on_file, self._on_return, self._on_trouble = on_file, on_return, on_trouble
        self._still: dict[Path, _Still] = {}
        self._unread: dict[str, str] = {}
        self._empty: set[Path] = set()
        self._unanswered: dict[str, str] = {}
        self._reference = server.store.get("reference")
        self._is_first = True

    def look(self, *, everything: bool = False, stop: threading.Event | None = None) -> Watched:
        """Take what lies in the inbox and is complete, then answer whoever sent something.

        A file that still grows, or came a moment ago, is left for the next look; so is one that cannot be read,
        which is told once.

        Args:
            everything: Take every file now, whether or not it stood still before.
            stop: No further file is begun once it is set.

        Raises:
            ExchangeError: of the disk or the database: KF-601, KF-602, KF-701, KF-703. What is not durable stays where
                it is.
        """
        self._refresh()
        files: list[FileResult] = []

        def tell(result: FileResult) -> None:
            if self._is_news(result):
                files.append(result)
                if self._on_file:
                    self._on_file(result)

        intake = Intake(self.server, tell, unattended=True, desk=Orders(self.server))
        intake.finish()
        intake.take(self._candidates(everything, stop))
        self._tidy(everything)
        if files or self._is_first:
            retry_waiting(self.server.store)
        self._is_first = False
        return Watched(files, self._answer())

    def _refresh(self) -> None:
        """Forget what was read of the reference tables when another process has brought new ones."""
        reference = self.server.store.get("reference")
        if reference != self._reference:
            self.server, self._reference = ServerNode(self.server.store), reference

    def _is_news(self, result: FileResult) -> bool:
        """Whether a result was not told before: a file that cannot be read stays, and is told once."""
        if result.code != errors.FileUnreadable.code:
            self._unread.pop(result.file, None)
            return True
        known = self._unread.get(result.file) == result.code
        self._unread[result.file] = result.code
        return not known

    def _candidates(self, everything: bool, stop: threading.Event | None) -> Iterator[Candidate]:
        with _reading(self.inbox):
            os.listdir(self.inbox)
        found = [path for path, _ in files_under(self.inbox)]
        self._still = {path: still for path in found if (still := self._look_at(path)) is not None}
        for path in found:
            still = self._still.get(path)
            if stop is not None and stop.is_set():
                return
            if everything or still is None or still.looks > 0:
                for candidate in candidates([path], remove=True):
                    candidate.fresh = not everything and still is not None and still.looks < PATIENCE_LOOKS
                    yield candidate

    def _look_at(self, path: Path) -> _Still | None:
        """Return how a file stands now compared to the last look; ``None`` for what has no size."""
        try:
            now = path.stat()
        except OSError:
            return None
        before = self._still.get(path)
        same = before is not None and (before.size, before.written) == (now.st_size, now.st_mtime_ns)
        return _Still(now.st_size, now.st_mtime_ns, before.looks + 1 if before is not None and same else 0)

    def _tidy(self, everything: bool) -> None:
        """Remove folders that have been empty for two looks: somebody may be about to copy into one."""
        empty: set[Path] = set()
        for place, _, _ in os.walk(self.inbox, topdown=False):
            path = Path(place)
            try:
                if path == self.inbox or os.listdir(path):
                    continue
                empty.add(path)
                if everything or path in self._empty:
                    path.rmdir()
            except OSError:
                continue  # a file came, or it is not ours to remove
        self._empty = empty

    def _answer(self) -> list[Returned]:
        """Write the returns that are owed for what came, repeats included, if there is something to receive.

        The debt stands in the database until the return is durable, so a kill or a full disk leaves it.
        """
        written: list[Returned] = []
        ledger = Ledger(self.server.store)
        for debt in ledger.owed():
            try:
                with own_faults():
                    made = self._answer_one(debt.npsn)
            except (errors.TrustError, errors.NoReceiver, errors.OwnFault) as error:  # of this school alone: the others are answered
                if self._unanswered.get(debt.npsn) != error.code:
                    self._pause(error)
                self._unanswered[debt.npsn] = error.code
                continue
            if made is not None:
                written.append(made)
                if self._on_return:
                    self._on_return(made)
            ledger.paid(debt)
            self._unanswered.pop(debt.npsn, None)
        return written

    def _answer_one(self, npsn: str) -> Returned | None:
        is_due = due(self.server, self.server.store.school_by_npsn(npsn))
        return write_return(self.server, npsn) if is_due else None

    # --- for ever -----------------------------------------------------------------------------

    def run(self, stop: threading.Event) -> None:
        """Watch until told to stop; the files in hand are finished first.

        No bad file ends it, and no trouble of the disk or the database either: it pauses, says so and tries again.

        Args:
            stop: Set by a signal or by a test.
        """
        wake = threading.Event()
        with _events(self.inbox, wake):
            while not stop.is_set():
                wake.clear()
                try:
                    self.look(stop=stop)
                    wait = SETTLE_SECONDS if self._is_unsettled() else LOOK_SECONDS
                except errors.ExchangeError as error:
                    self._pause(error)
                    wait = LOOK_SECONDS
                self._wait(stop, wake, wait)

    def _is_unsettled(self) -> bool:
        """Whether a file lies there that may be complete soon."""
        return any(still.looks <= PATIENCE_LOOKS and os.path.lexists(path) for path, still in self._still.items())

    def _pause(self, error: errors.ExchangeError) -> None:
        _log.warning("%s: %s", error.code, error.lines()[0])
        if self._on_trouble:
            self._on_trouble(error)

    @staticmethod
    def _wait(stop: threading.Event, wake: threading.Event, seconds: float) -> None:
        """Wait for a time, for an event and the burst that follows it, or for the stop."""
        left = seconds
        while left > 0 and not stop.wait(_TICK_SECONDS):
            left -= _TICK_SECONDS
            if wake.is_set():
                left, wake = min(left, SETTLE_SECONDS), threading.Event()


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise errors.FileUnreadable(file=str(folder)) from error


@contextmanager
def _events(folder: Path, wake: threading.Event) -> Iterator[None]:
    """Set an event whenever something comes into a folder; without native events the timer alone does it."""
    from watchdog.events import FileSystemEvent, FileSystemEventHandler
    from watchdog.observers import Observer

    class Hint(FileSystemEventHandler):
        # Not for any event: that our own look opened and removed files would wake us for ever.
        def on_created(self, event: FileSystemEvent) -> None:
            wake.set()

        on_moved = on_closed = on_created

        def on_modified(self, event: FileSystemEvent) -> None:
            if not event.is_directory:  # that of a folder follows every removal
                wake.set()

    observer = Observer()
    try:
        observer.schedule(Hint(), str(folder), recursive=True)
        observer.start()
    except OSError as error:  # no watches left, or a folder that has none
        _log.warning("no native events for %s: %s", folder, error)
        yield
        return
    try:
        yield
    finally:
        observer.stop()
        observer.join()
