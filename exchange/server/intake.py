"""Sealed files into the server: accepted, merged, archived.

Two steps. *Accept*: verify, open, keep the bytes under the package's own name, note it in the ledger, many files a
commit. *Merge*: in each school's order, in one transaction that also records the outcome; then the file moves to the
archive. A crash at any point leaves a state from which the next start finishes the work without doing it twice.

What is wrong with a file is that file's fate; what is wrong with this place (its disk, its database, its keys) stops
intake and leaves every file where it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Protocol

from exchange import __version__, errors, spool
from exchange.errors import ExchangeError
from exchange.format.container import scope_text
from exchange.nodes import ServerNode
from exchange.records import PackageKind
from exchange.server.attempt import BLAMED, Attempt, attempt, own_faults, state_of
from exchange.server.candidates import Candidate, is_zip
from exchange.server.ledger import Entry, Ledger, Waiting, number_of
from exchange.server.merging import Merged
from exchange.server.quarantine import Quarantine
from exchange.server.results import FileResult
from exchange.store.server import School, ServerStore
from exchange.trust.opening import Duplicate, VerifiedPackage, open_package

BATCH_FILES = 100
"""Files that share a commit."""

BATCH_BYTES = 32 * 1024 * 1024
"""Opened plaintext that one batch holds at most before it is merged."""

_TRIED = "tried-"
"""Name in ``kirim_meta``, before a ``sekolah_id``: where the school stood when its held packages were last tried."""

_NAME_CHARACTERS = 64
_KEPT = -(1 << 62)
"""Indexes of results: files named from 0, packages that wait in the ledger below, files kept here before from here."""

_PROGRAM = "program"
"""Name in ``kirim_meta``: the version by which files of a newer format were last tried."""

_log = logging.getLogger(__name__)


class Desk(Protocol):
    """Who takes what comes in beside schools' packages: the orders of district offices (:mod:`exchange.district.orders`)."""

    def keep(self, package: VerifiedPackage, file: BinaryIO) -> None:
        """Keep a verified order's file, or refuse it."""

    def take(self, package: VerifiedPackage, label: str) -> list[tuple[bytes, FileResult]]:
        """Do an order, and those that waited for it; each result beside its package id."""

    def finish(self) -> None:
        """Finish what a kill left."""


@dataclass(slots=True)
class _Ordered:
    """An order that is verified and kept."""

    label: str
    package: VerifiedPackage
    index: int


@dataclass(slots=True)
class _Accepted:
    """A package that is verified and kept, on its way to be merged."""

    label: str
    package: VerifiedPackage
    seq: int
    school: School
    index: int


class Intake:
    """Takes files in batches at the server.

    Args:
        server: The server.
        on_file: Called with each result as soon as it is durable.
        unattended: Nobody named the files: what is finished after a kill, or released, is told too, and to whom a
            return is owed is noted in the same transactions.
        desk: Who takes orders of district offices; without one they are another kind of file.
    """

    def __init__(
        self,
        server: ServerNode,
        on_file: Callable[[FileResult], object] | None = None,
        *,
        unattended: bool = False,
        desk: Desk | None = None,
    ) -> None:
        self.server, self.db, self.held = server, server.store.db, server.files / "held"
        self._on_file, self._unattended, self._desk = on_file, unattended, desk
        self._kinds = {PackageKind.KIRIM, PackageKind.SURAT} if desk is not None else {PackageKind.KIRIM}
        self.ledger = Ledger(server.store, server.identity)
        self._quarantine = Quarantine(server.files / "quarantine", server.store.clock)
        self._find, self._reference = server.find, server.store.get("reference")
        self._results: dict[int, FileResult] = {}
        self._finished: dict[bytes, FileResult] = {}
        self._settled: list[bytes] = []
        self._kept: list[Candidate] = []
        self._keeping = spool.Keeping(self.held)

    # --- batches ------------------------------------------------------------------------------

    def take(self, given: Iterable[Candidate]) -> list[FileResult]:
        """Take files and return what became of each, in the order given.

        A file of the inbox that vanished or grows while it is looked at has no result: it is another time's.

        Raises:
            ExchangeError: of the disk or the database; what was taken before stays taken, the rest stays where it is.
        """
        batch: list[tuple[int, Candidate]] = []
        size = count = 0
        kept, self._kept = self._kept, []
        for index, candidate in chain(enumerate(kept, _KEPT), enumerate(given)):
            batch.append((index, candidate))
            size, count = size + candidate.size, max(index + 1, 0)
            if len(batch) >= BATCH_FILES or size >= BATCH_BYTES:
                self._batch(batch)
                batch, size = [], 0
        if batch:
            self._batch(batch)
        if self.server.store.get(_PROGRAM) != __version__:
            with self.db.unkept():
                self.server.store.set(_PROGRAM, __version__)
        return [self._results[index] for index in range(count) if index in self._results]

    def _batch(self, batch: Sequence[tuple[int, Candidate]]) -> None:
        accepted: list[_Accepted] = []
        repeats: list[tuple[int, Candidate, bytes]] = []
        orders: list[_Ordered] = []
        self._keeping = spool.Keeping(self.held)
        try:
            with self._step():
                for index, candidate in batch:
                    found = self._accept(index, candidate)
                    if isinstance(found, Duplicate):
                        repeats.append((index, candidate, found.package_id))
                    elif isinstance(found, _Ordered):
                        orders.append(found)
                    elif found is not None:
                        accepted.append(found)
                self._keeping.settle()
            self.stage("accepted")
            self._merge_all(accepted)
            self._take_orders(orders)
        except BaseException:
            for _, candidate in batch:
                candidate.close()
            raise
        finally:
            self._keeping.abandon()
            for package in [one.package for one in accepted] + [one.package for one in orders]:
                package.body.close()
        self._finished.update((o.package.package_id, self._results[o.index]) for o in accepted if o.index < 0)
        if any(self.ledger.state(package_id) == "accepted" for _, _, package_id in repeats):
            self._merge_waiting()
        for index, candidate, package_id in repeats:
            self._results[index] = self._repeat(candidate.label, package_id)
        for index, candidate in batch:
            if index in self._results:
                result = self._results[index]
                if result.code != errors.FileUnreadable.code:
                    candidate.done()
                if index >= 0:
                    self._tell(result)
                else:
                    self._tell_unnamed(result)
                    self._drop(candidate, result)

    def _take_orders(self, orders: Sequence[_Ordered]) -> None:
        """Do the orders of a batch, each office's in its own order; then look at what they may have let go on."""
        indexes = {one.package.package_id: one.index for one in orders}
        gone: set[bytes] = set()
        for one in sorted(orders, key=_order_of):
            assert self._desk is not None
            if one.package.package_id in gone:
                continue  # it had waited, and went on with the one before it
            (_, self._results[one.index]), *released = self._desk.take(one.package, one.label)
            for package_id, result in released:
                if package_id in indexes:
                    gone.add(package_id)
                    self._results[indexes[package_id]] = result
                else:
                    self._tell_unnamed(result)
        if orders:
            self._release()

    def stage(self, name: str) -> None:
        """Called when a step of a batch is durable: ``accepted``, then ``merged``."""

    def _tell(self, result: FileResult) -> None:
        if self._on_file:
            self._on_file(result)

    def _tell_unnamed(self, result: FileResult) -> None:
        if self._unattended:
            self._tell(result)

    def _drop(self, candidate: Candidate, result: FileResult) -> None:
        """Take a kept file away that has another place now: in quarantine, or no longer there."""
        if result.code == errors.FileUnreadable.code:
            return
        if candidate.path.parent == self._quarantine.folder:
            if result.status != "quarantined":
                self._quarantine.release(candidate.path)
        elif self.ledger.state(bytes.fromhex(candidate.path.stem)) is None:
            spool.remove(candidate.path)

    @contextmanager
    def _step(self) -> Iterator[None]:
        """One transaction in which trust is read anew: what was undone, or another process did, is not remembered.

        What it changes stands in the ledger as packages, from which it follows, and not as an act of the centre.
        """
        with self.db.unkept(), self.db.transaction():
            self._find = ServerNode(self.server.store).find
            reference = self.server.store.get("reference")
            if reference != self._reference:  # so does every replay: codes are those that stand before this entry
                self.server, self._reference = ServerNode(self.server.store, files=self.server.files), reference
            yield

    # --- accept -------------------------------------------------------------------------------

    def _accept(self, index: int, candidate: Candidate) -> _Accepted | _Ordered | Duplicate | None:
        """Verify, open and keep one file; a bad one is quarantined and leaves no mark on any school's record."""
        try:
            with candidate.open(self.held) as file:
                if candidate.remove and candidate.is_growing():
                    return None
                try:
                    with own_faults():
                        return self._verify(index, candidate, file)
                except BLAMED as error:
                    if candidate.fresh and candidate.bundle is None and isinstance(error, errors.FileCut):
                        return None
                    self._refuse(index, candidate, _helpful(error, candidate, file), file)
        except errors.FileUnreadable as error:
            if not (candidate.remove and candidate.is_gone()):
                self._results[index] = FileResult(candidate.label, "quarantined", error.code, error=error)
        except (errors.TooLarge, errors.ArchiveUnsafe) as error:
            if not (candidate.fresh and candidate.bundle is None):
                self._refuse(index, candidate, error, None)
        return None

    def _refuse(self, index: int, candidate: Candidate, error: ExchangeError, file: BinaryIO | None) -> None:
        if file is not None and not candidate.is_inflated():
            self._quarantine.keep(file, candidate.label, error)
        else:
            self._quarantine.keep_unopened(candidate, error)
        self._results[index] = FileResult(candidate.label, "quarantined", error.code, error=error)

    def _verify(self, index: int, candidate: Candidate, file: BinaryIO) -> _Accepted | _Ordered | Duplicate:
        package = open_package(
            file,
            kinds=self._kinds,
            find=self._find,
            identities=self.server.identities,
            seen=self._is_seen,
            folder=self.held,
        )
        if isinstance(package, VerifiedPackage) and package.header.kind is PackageKind.SURAT and self._desk is not None:
            try:
                self._desk.keep(package, file)
            except BaseException:
                package.body.close()
                raise
            return _Ordered(candidate.label, package, index)
        school = self.server.store.school(scope_text(package.header.scope))
        if isinstance(package, Duplicate):
            self._keep_again(package.package_id, file)
            self._owe(school)
            return package
        try:
            if school is None:
                raise errors.SenderUnknown()
            self._keeping.keep(file, _name(package.package_id))
            seq = self.ledger.accept(school, package, candidate.label)
            self._owe(school)
        except BaseException:
            package.body.close()
            raise
        return _Accepted(candidate.label, package, seq, school, index)

    def _owe(self, school: School | None) -> None:
        """Note, in the same transaction, that a return is owed to a school."""
        if self._unattended and school is not None:
            self.ledger.owe(school)

    def _is_seen(self, package_id: bytes) -> bool:
        return self.ledger.state(package_id) is not None

    def _keep_again(self, package_id: bytes, file: BinaryIO) -> None:
        """Put a package's file back where it belongs, should a person or a disk have lost it."""
        state, name = self.ledger.state(package_id), _name(package_id)
        if state in {"accepted", "held"}:
            spool.keep(file, self.held, name)
        elif state == "merged" and not (self.held / name).exists():
            spool.keep(file, self.server.files / "archive" / name[:2], name)

    def _repeat(self, label: str, package_id: bytes) -> FileResult:
        """Return the answer that a package had when it first came; one that is merged brings nothing new."""
        finished = self._finished.get(package_id)
        if finished is not None and not self._unattended:
            return replace(finished, file=label)
        npsn, number, state, code = self.ledger.answer(package_id)
        if state in {"held", "quarantined"}:
            return FileResult(label, state, f"KF-{code}", npsn, number)
        return FileResult(label, "duplicate", npsn=npsn, number=number)

    # --- merge --------------------------------------------------------------------------------

    def _merge_all(self, accepted: Sequence[_Accepted]) -> None:
        """Merge waiting packages in each school's order, in one transaction with their outcomes; then archive them."""
        if not accepted:
            return
        released: list[FileResult] = []
        with self._step():
            self._settled = []
            waiting = self.ledger.waiting([one.seq for one in accepted])
            for one in sorted(accepted, key=lambda a: (a.school.sekolah_id, a.package.header.number)):
                if one.seq in waiting:
                    self._merge_one(one, waiting[one.seq])
                else:  # another process found it waiting and has merged it meanwhile
                    self._results[one.index] = self._repeat(one.label, one.package.package_id)
            indexes = {one.package.package_id: one.index for one in accepted}
            for scope in sorted({one.school.sekolah_id for one in accepted} & set(self.ledger.scopes_with_held())):
                for package_id, result in self._retry_held(scope):
                    if package_id in indexes:
                        self._results[indexes[package_id]] = result
                    else:
                        released.append(result)
        self.stage("merged")
        with self.db.unkept():
            self.ledger.lock_keys(self.server.archive.public, [one.package for one in accepted])
        for package_id in self._settled:
            settle(self.server, package_id)
        self._mirror()
        for result in released:
            self._tell_unnamed(result)

    def _merge_one(self, one: _Accepted, waiting: Waiting) -> None:
        """Merge one package; whatever is wrong with it is its own fate and nobody else's."""
        number, npsn = one.package.header.number, one.school.npsn
        made = attempt(self.server, one.school, one.package)
        if made.error is not None:
            self._fate(one.label, one.package.package_id, made.error)
        self.ledger.record(waiting, made.state, made.error, made.merged)
        self._results[one.index] = (
            _merged(one.label, npsn, number, made.merged)
            if made.error is None
            else FileResult(one.label, made.state, made.error.code, npsn, number, made.merged.counts, made.error)
        )
        self._settled.append(one.package.package_id)

    def _fate(self, label: str, package_id: bytes, error: ExchangeError) -> str:
        """Return the state of a verified package that could not be merged; evidence is kept before it is final."""
        if state_of(error) == "held":
            return "held"
        with spool.open_file(self.held / _name(package_id)) as file:
            self._quarantine.keep(file, label, error)
        return "quarantined"

    def _mirror(self, *, everything: bool = False) -> None:
        """Bring the ledger's files up to date, unless nothing is to last."""
        if self.server.files == self.server.home:
            self.server.mirror.catch_up(everything=everything)

    def _lock_left(self) -> None:
        """Lock the keys of files whose batch a kill cut short."""
        for package_id in self.ledger.without_key():
            try:
                with self._reopen(package_id) as package, self.db.unkept():
                    self.ledger.lock_keys(self.server.archive.public, [package])
            except (*BLAMED, errors.FileUnreadable) as error:
                _log.warning("%s: %s", error.code, error.lines()[0])

    # --- held ---------------------------------------------------------------------------------

    def _retry_held(self, scope: str) -> list[tuple[bytes, FileResult]]:
        """Try a school's held packages again after a step, until none moves, and return those that did."""
        moved: list[tuple[bytes, FileResult]] = []
        while waiting := self.ledger.held(scope):
            before = len(moved)
            for entry in waiting:
                result = self._retry(entry)
                if result is not None:
                    moved.append((entry.package_id, result))
            if len(moved) == before:
                self.server.store.set(f"{_TRIED}{scope}", _tried(self.server.store.school(scope)))
                break
        if moved and not waiting:
            self.db.execute("DELETE FROM kirim_meta WHERE name = ?", (f"{_TRIED}{scope}",))
        self._settled += [package_id for package_id, _ in moved]
        return moved

    def _retry(self, entry: Entry) -> FileResult | None:
        school = self.server.store.school(entry.scope)
        if school is None:
            return None
        try:
            with self._reopen(entry.package_id) as package:
                number, made = package.header.number, attempt(self.server, school, package, held=entry.code)
        except errors.FileUnreadable as error:
            _log.warning("%s: %s", error.code, error.lines()[0])
            return None
        except BLAMED as error:
            number, made = 0, Attempt(state_of(error), error, Merged(position=school.position))
        if made.error is None:
            self.ledger.supersede(entry.seq, "merged", None, made.merged)
            return _merged(entry.file, school.npsn, number, made.merged)
        if made.state == "held":
            if number_of(made.error) != entry.code:  # it waits for something else now: its school is told another reason
                self.ledger.supersede(entry.seq, "held", made.error, made.merged)
            return None
        self._fate(entry.file, entry.package_id, made.error)
        self.ledger.supersede(entry.seq, made.state, made.error, made.merged)
        return FileResult(entry.file, made.state, made.error.code, school.npsn, error=made.error)

    def _reopen(self, package_id: bytes) -> VerifiedPackage:
        """Open a package that was kept. Its own header still carries what certificates it needs."""
        name = _name(package_id)
        archived = self.server.files / "archive" / name[:2] / name
        with spool.read_package(archived if archived.exists() else self.held / name) as file:
            package = open_package(
                file, kinds={PackageKind.KIRIM}, find=self._find, identities=self.server.identities, folder=self.held
            )
        assert isinstance(package, VerifiedPackage)
        return package

    # --- after a kill -------------------------------------------------------------------------

    def finish(self) -> list[FileResult]:
        """Finish what a kill left, and try held packages again whose school has moved since.

        Files that were kept and are in no ledger are taken with the next ones, once more from the beginning; after an
        upgrade also those that were of a newer format.

        Returns:
            What became of packages that were accepted and not merged, and of held ones that moved.
        """
        if self._desk is not None:
            self._desk.finish()
        told = self._merge_waiting()
        self._lock_left()
        self._mirror(everything=True)
        with self._step():
            # Within a transaction no other process stands between keeping a file and noting it.
            orphans = [path for path in sorted(self.held.glob("*.kirim")) if self._is_orphan(path)]
        self._kept = [Candidate(spool.shown(path), path) for path in orphans]
        if self.server.store.get(_PROGRAM) != __version__:  # what a newer program made may be readable now
            newer = self._quarantine.refused(errors.FormatNewer.code)
            self._kept += [Candidate(label, path) for label, path in newer]
        spool.sweep(self.held)
        spool.sweep(self.server.files / "quarantine")
        return told + self._release()

    def _merge_waiting(self) -> list[FileResult]:
        """Merge what was accepted and not merged."""
        told: list[FileResult] = []
        after = 0
        self._find = ServerNode(self.server.store).find
        while left := self.ledger.accepted(after, BATCH_FILES):
            after, accepted = left[-1].seq, []
            try:
                for entry in left:
                    one = self._accept_again(entry)
                    if one is not None:
                        accepted.append(one)
                self._merge_all(accepted)
            finally:
                for one in accepted:
                    one.package.body.close()
            for entry in left:
                if -entry.seq in self._results:
                    told.append(self._finish_one(entry.package_id, self._results.pop(-entry.seq)))
        return told

    def _finish_one(self, package_id: bytes, result: FileResult) -> FileResult:
        self._finished[package_id] = result
        self._tell_unnamed(result)
        return result

    def _accept_again(self, entry: Entry) -> _Accepted | None:
        """Open an accepted package again; one that opens no longer is refused, one whose file is lost waits for it."""
        school = self.server.store.school(entry.scope)
        if school is None:
            return None
        try:
            with own_faults():
                return _Accepted(entry.file, self._reopen(entry.package_id), entry.seq, school, -entry.seq)
        except errors.FileUnreadable as error:
            _log.warning("%s: %s", error.code, error.lines()[0])
        except BLAMED as error:
            with self._step():
                waiting = self.ledger.waiting([entry.seq])
                if not waiting:
                    return None  # another process has merged it meanwhile
                state = self._fate(entry.file, entry.package_id, error)
                self.ledger.record(waiting[entry.seq], state, error, Merged(position=school.position))
            settle(self.server, entry.package_id)
            self._results[-entry.seq] = FileResult(entry.file, state, error.code, school.npsn, error=error)
        return None

    def _is_orphan(self, path: Path) -> bool:
        """Whether a kept file is in no ledger: a kill came before the commit, or the database was restored."""
        if len(path.stem) != _NAME_CHARACTERS or not set(path.stem) <= set("0123456789abcdef"):
            return False  # somebody else's file: not ours to judge
        package_id = bytes.fromhex(path.stem)
        settle(self.server, package_id)
        return self.ledger.state(package_id) is None

    def _release(self) -> list[FileResult]:
        """Try held packages again, of schools whose log has moved since the last time."""
        told: list[FileResult] = []
        for scope in self.ledger.scopes_with_held():
            school = self.server.store.school(scope)
            if self.server.store.get(f"{_TRIED}{scope}") == _tried(school):
                continue
            with self._step():
                self._settled = []
                moved = self._retry_held(scope)
                if moved:
                    self._owe(school)
            for package_id in self._settled:
                settle(self.server, package_id)
            told += [self._finish_one(package_id, result) for package_id, result in moved]
        return told


def _order_of(one: _Ordered) -> tuple[bytes, bytes, int]:
    header = one.package.header
    return header.scope, header.sender, header.number


def _merged(label: str, npsn: str, number: int, merged: Merged) -> FileResult:
    return FileResult(label, "applied" if merged.new else "duplicate", "", npsn, number, merged.counts)


def _tried(school: School | None) -> str:
    """Return what must change before a school's held packages are worth another look: its log, or this program."""
    return f"{school.position if school else 0} {__version__}"


def forget_tried(store: ServerStore, scope: str) -> None:
    """Let a school's held packages be tried again: a person has decided something about them."""
    store.db.execute("DELETE FROM kirim_meta WHERE name = ?", (f"{_TRIED}{scope}",))


def _name(package_id: bytes) -> str:
    return f"{package_id.hex()}.kirim"


def _helpful(error: ExchangeError, candidate: Candidate, file: BinaryIO) -> ExchangeError:
    """Return the error that tells a person most: a ZIP in a ZIP is no foreign file."""
    if isinstance(error, errors.NotOurs) and candidate.member is not None and is_zip(file):
        return errors.ArchiveUnsafe(part="it lies inside another ZIP")
    return error


def settle(server: ServerNode, package_id: bytes) -> None:
    """Move a kept file to where its state says it belongs; one that is held or not yet merged stays."""
    state = Ledger(server.store).state(package_id)
    name, held = _name(package_id), server.files / "held"
    archive = server.files / "archive" / name[:2]
    if state in {"merged", "quarantined"}:  # of a refused one the copy in quarantine is for people, this one is evidence
        spool.move(held / name, archive, name)
    elif state == "held" and (held / name).exists() and not (archive / name).exists():
        with spool.open_file(held / name) as file:
            spool.keep(file, archive, name)
