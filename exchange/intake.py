"""Sealed files into the server: accepted, merged, archived.

Two steps. *Accept*: verify, open, keep the bytes under the package's own name, note it in the ledger, many files a
commit. *Merge*: in each school's order, in one transaction that also records the outcome; then the file moves to the
archive. A crash at any point leaves a state from which the next start finishes the work without doing it twice.

What is wrong with a file is that file's fate; what is wrong with this place (its disk, its database, its keys) stops
intake and leaves every file where it is.
"""

from __future__ import annotations

import hashlib
import logging
import traceback
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from exchange import __version__, errors, spool
from exchange.candidates import Candidate, is_zip
from exchange.errors import ExchangeError, Fate
from exchange.merging import Merged, merge
from exchange.nodes import ServerNode
from exchange.quarantine import Quarantine
from exchange.records import Counts, PackageKind
from exchange.store.server import School
from exchange.trust.archive import lock_file_key
from exchange.trust.opening import Duplicate, VerifiedPackage, open_package

BATCH_FILES = 100
"""Files that share a commit."""

BATCH_BYTES = 32 * 1024 * 1024
"""Opened plaintext that one batch holds at most before it is merged."""

_BLAMED = (errors.FileError, errors.TrustError, errors.OrderError, errors.MergeError, errors.OwnFault)
"""What is wrong with a file; everything else is wrong with this place, and the file waits."""

_FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""How a fault of ours shows."""

_OWED, _TRIED = "owed-", "tried-"
"""Names in ``kirim_meta``, each before a ``sekolah_id``: a return is owed; held packages were tried at a position."""

_NAME_CHARACTERS = 64
_ORPHANS = -(1 << 62)
"""Indexes of results: files named from 0, packages that wait in the ledger below, kept files in no ledger from here."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file.

    Attributes:
        file: As it was named, a ZIP's member after a colon.
        status: ``applied``, ``duplicate``, ``held`` or ``quarantined``.
        code: Of a file that is held or quarantined, else empty.
        npsn: Of the school, when the file is verified, else empty.
        number: The package's number, when it is verified.
        counts: What became of the changesets that were new.
        error: Why, in full.
    """

    file: str
    status: str
    code: str = ""
    npsn: str = ""
    number: int | None = None
    counts: Counts = field(default_factory=Counts)
    error: ExchangeError | None = None

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server ingest --json``."""
        return {
            "file": self.file,
            "status": self.status,
            "code": self.code or None,
            "npsn": self.npsn or None,
            "number": self.number,
            "changes": self.counts.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of all files of one call."""

    files: tuple[FileResult, ...]

    def count(self, status: str) -> int:
        """How many files ended with a status."""
        return sum(1 for result in self.files if result.status == status)

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server ingest --json``."""
        statuses = ("applied", "duplicate", "held", "quarantined")
        return {"files": [result.as_json() for result in self.files]} | {
            status: self.count(status) for status in statuses
        }


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
            return is owed is noted in the same transactions (:func:`owed`).
    """

    def __init__(
        self, server: ServerNode, on_file: Callable[[FileResult], object] | None = None, *, unattended: bool = False
    ) -> None:
        self.server, self.db, self.held = server, server.store.db, server.home / "held"
        self._on_file, self._unattended = on_file, unattended
        self._quarantine = Quarantine(server.home / "quarantine", server.store.clock)
        self._find = server.find
        self._results: dict[int, FileResult] = {}
        self._finished: dict[bytes, FileResult] = {}
        self._settled: list[bytes] = []
        self._orphans: list[Path] = []
        self._keeping = spool.Keeping(self.held)

    # --- batches ------------------------------------------------------------------------------

    def take(self, given: Iterable[Candidate]) -> list[FileResult]:
        """Take files and return what became of each, in the order given.

        A file of the inbox that vanished or grows while it is looked at has no result: it is another time's.

        Raises:
            ExchangeError: of the disk or the database; what was taken before stays taken, the rest stays where it is.
        """
        orphans, self._orphans = self._orphans, []
        batch = [(n, Candidate(spool.shown(path), path)) for n, path in enumerate(orphans, _ORPHANS)]
        size = count = 0
        for index, candidate in enumerate(given):
            batch.append((index, candidate))
            size, count = size + candidate.size, index + 1
            if len(batch) >= BATCH_FILES or size >= BATCH_BYTES:
                self._batch(batch)
                batch, size = [], 0
        if batch:
            self._batch(batch)
        return [self._results[index] for index in range(count) if index in self._results]

    def _batch(self, batch: Sequence[tuple[int, Candidate]]) -> None:
        accepted: list[_Accepted] = []
        repeats: list[tuple[int, Candidate, bytes]] = []
        self._keeping = spool.Keeping(self.held)
        try:
            with self._step():
                for index, candidate in batch:
                    found = self._accept(index, candidate)
                    if isinstance(found, Duplicate):
                        repeats.append((index, candidate, found.package_id))
                    elif found is not None:
                        accepted.append(found)
                self._keeping.settle()
            self.stage("accepted")
            self._merge_all(accepted)
        except BaseException:
            for _, candidate in batch:
                candidate.close()
            raise
        finally:
            self._keeping.abandon()
            for one in accepted:
                one.package.body.close()
        self._finished.update((o.package.package_id, self._results[o.index]) for o in accepted if o.index < 0)
        if any(self._state(package_id) == "accepted" for _, _, package_id in repeats):
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
                    self._drop_orphan(candidate, result)

    def stage(self, name: str) -> None:
        """Called when a step of a batch is durable: ``accepted``, then ``merged``."""

    def _tell(self, result: FileResult) -> None:
        if self._on_file:
            self._on_file(result)

    def _tell_unnamed(self, result: FileResult) -> None:
        if self._unattended:
            self._tell(result)

    def _drop_orphan(self, candidate: Candidate, result: FileResult) -> None:
        """Take a kept file away that turned out to be no package: it stands in quarantine now."""
        is_refused = result.status == "quarantined" and result.code != errors.FileUnreadable.code
        if is_refused and self._state(bytes.fromhex(candidate.path.stem)) is None:
            spool.remove(candidate.path)

    @contextmanager
    def _step(self) -> Iterator[None]:
        """One transaction in which trust is read anew: what was undone, or another process did, is not remembered."""
        self._find = ServerNode(self.server.store).find
        with self.db.transaction():
            yield

    # --- accept -------------------------------------------------------------------------------

    def _accept(self, index: int, candidate: Candidate) -> _Accepted | Duplicate | None:
        """Verify, open and keep one file; a bad one is quarantined and leaves no mark on any school's record."""
        try:
            with candidate.open(self.held) as file:
                if candidate.remove and candidate.is_growing():
                    return None
                try:
                    with own_faults():
                        return self._verify(index, candidate, file)
                except _BLAMED as error:
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

    def _verify(self, index: int, candidate: Candidate, file: BinaryIO) -> _Accepted | Duplicate:
        package = open_package(
            file,
            kinds={PackageKind.KIRIM},
            find=self._find,
            identities=self.server.identities,
            seen=self._is_seen,
            folder=self.held,
        )
        school = self.server.store.school(_text(package.header.scope))
        if isinstance(package, Duplicate):
            self._keep_again(package.package_id, file)
            self._owe(school)
            return package
        try:
            if school is None:
                raise errors.SenderUnknown()
            self._keeping.keep(file, _name(package.package_id))
            seq = self._next_seq()
            self._insert(seq, school, package, candidate.label)
            self._owe(school)
        except BaseException:
            package.body.close()
            raise
        return _Accepted(candidate.label, package, seq, school, index)

    def _insert(self, seq: int, school: School, package: VerifiedPackage, label: str) -> None:
        header = package.header
        self.db.execute(
            "INSERT INTO kirim_package (seq, package_id, scope, kind, number, device, first, last, state, file, size, "
            "plaintext, received_at) VALUES (?, ?, ?, ?, ?, ?, 0, 0, 'accepted', ?, ?, ?, ?)",
            (
                seq,
                package.package_id,
                school.sekolah_id,
                int(header.kind),
                header.number,
                header.sender,
                label,
                package.size,
                package.plaintext_sha256,
                self.server.store.clock(),
            ),
        )

    def _owe(self, school: School | None) -> None:
        """Note, in the same transaction, that a return is owed to a school."""
        if self._unattended and school is not None:
            self.server.store.set(f"{_OWED}{school.sekolah_id}", f"{self._next_seq()}")

    def _next_seq(self) -> int:
        return int(self.db.value("SELECT max(seq) FROM kirim_package") or 0) + 1

    def _is_seen(self, package_id: bytes) -> bool:
        return self._state(package_id) is not None

    def _state(self, package_id: bytes) -> str | None:
        found: str | None = self.db.value(
            "SELECT state FROM kirim_package WHERE package_id = ? AND state <> 'released'", (package_id,)
        )
        return found

    def _keep_again(self, package_id: bytes, file: BinaryIO) -> None:
        """Put a package's file back where it belongs, should a person or a disk have lost it."""
        state, name = self._state(package_id), _name(package_id)
        if state in {"accepted", "held"}:
            spool.keep(file, self.held, name)
        elif state == "merged" and not (self.held / name).exists():
            spool.keep(file, self.server.home / "archive" / name[:2], name)

    def _repeat(self, label: str, package_id: bytes) -> FileResult:
        """Return the answer that a package had when it first came; one that is merged brings nothing new."""
        finished = self._finished.get(package_id)
        if finished is not None and not self._unattended:
            return replace(finished, file=label)
        npsn, number, state, code = self.db.execute(
            "SELECT s.npsn, p.number, p.state, p.code FROM kirim_package p "
            "JOIN kirim_school s ON s.sekolah_id = p.scope WHERE p.package_id = ? AND p.state <> 'released'",
            (package_id,),
        ).fetchone()
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
            for one in sorted(accepted, key=lambda a: (a.school.sekolah_id, a.package.header.number)):
                if self._state(one.package.package_id) == "accepted":
                    self._merge_one(one)
                else:  # another process found it waiting and has merged it meanwhile
                    self._results[one.index] = self._repeat(one.label, one.package.package_id)
            indexes = {one.package.package_id: one.index for one in accepted}
            for scope in sorted({one.school.sekolah_id for one in accepted}):
                for package_id, result in self._retry_held(scope):
                    if package_id in indexes:
                        self._results[indexes[package_id]] = result
                    else:
                        released.append(result)
        self.stage("merged")
        self._lock_keys([one.package for one in accepted])
        for package_id in self._settled:
            settle(self.server, package_id)
        for result in released:
            self._tell_unnamed(result)

    def _merge_one(self, one: _Accepted) -> None:
        """Merge one package; whatever is wrong with it is its own fate and nobody else's."""
        number, npsn = one.package.header.number, one.school.npsn
        try:
            with self.db.transaction(), own_faults():
                merged = merge(self.server, one.school, one.package)
        except _BLAMED as error:
            state = self._fate(one.label, one.package.package_id, error)
            self._record(one.seq, one.package.package_id, state, error, Merged())
            self._results[one.index] = FileResult(one.label, state, error.code, npsn, number, error=error)
        else:
            self._record(one.seq, one.package.package_id, "merged", None, merged)
            self._results[one.index] = _merged(one.label, npsn, number, merged)

    def _fate(self, label: str, package_id: bytes, error: ExchangeError) -> str:
        """Return the state of a verified package that could not be merged; evidence is kept before it is final."""
        if error.fate is not Fate.QUARANTINE:
            return "held"
        with spool.open_file(self.held / _name(package_id)) as file:
            self._quarantine.keep(file, label, error)
        return "quarantined"

    def _record(self, seq: int, package_id: bytes, state: str, error: ExchangeError | None, merged: Merged) -> None:
        """Write the ledger's next entry; each one's value covers the one before, in order of ``seq``."""
        before = self.db.value("SELECT ledger FROM kirim_package WHERE ledger IS NOT NULL ORDER BY seq DESC LIMIT 1")
        plaintext = self.db.value("SELECT plaintext FROM kirim_package WHERE seq = ?", (seq,))
        entry = package_id + bytes(plaintext) + state.encode() + merged.value
        counts = merged.counts
        self.db.execute(
            "UPDATE kirim_package SET seq = ?, state = ?, code = ?, first = ?, last = ?, value = ?, position = ?, "
            "applied = ?, same = ?, conflict = ?, refused = ?, held = ?, ledger = ? WHERE seq = ?",
            (
                self._next_seq(),
                state,
                _number(error),
                merged.first,
                merged.last,
                merged.value,
                merged.position,
                counts.applied,
                counts.same,
                counts.conflict,
                counts.refused,
                counts.held,
                hashlib.sha256(bytes(before or bytes(32)) + entry).digest(),
                seq,
            ),
        )
        self._settled.append(package_id)

    def _lock_keys(self, packages: Sequence[VerifiedPackage]) -> None:
        """Keep each file's own key beside it, locked for the archive: a later proof needs no retired server key."""
        public = self.server.archive.public
        locked = [(lock_file_key(public, one.package_id, one.file_key), one.package_id) for one in packages]
        with self.db.transaction():
            self.db.executemany("UPDATE kirim_package SET file_key = ? WHERE package_id = ?", locked)

    def _lock_left(self) -> None:
        """Lock the keys of files whose step a kill cut short: they are among the last entries."""
        left = self.db.execute(
            "SELECT DISTINCT package_id FROM kirim_package WHERE seq > ? AND file_key IS NULL "
            "AND state IN ('merged', 'held')",
            (self._next_seq() - 10 * BATCH_FILES,),
        ).fetchall()
        for (package_id,) in left:
            try:
                with self._reopen(bytes(package_id)) as package:
                    self._lock_keys([package])
            except (*_BLAMED, errors.FileUnreadable) as error:
                _log.warning("%s: %s", error.code, error.lines()[0])

    # --- held ---------------------------------------------------------------------------------

    def _retry_held(self, scope: str) -> list[tuple[bytes, FileResult]]:
        """Try a school's held packages again after a step, until none moves, and return those that did."""
        moved: list[tuple[bytes, FileResult]] = []
        while waiting := self.db.execute(
            "SELECT seq, package_id, file, code FROM kirim_package WHERE scope = ? AND state = 'held' "
            "ORDER BY number, seq",
            (scope,),
        ).fetchall():
            before = len(moved)
            for seq, package_id, label, code in waiting:
                result = self._retry(scope, seq, bytes(package_id), label, code)
                if result is not None:
                    moved.append((bytes(package_id), result))
            if len(moved) == before:
                self.server.store.set(f"{_TRIED}{scope}", _tried(self.server.store.school(scope)))
                break
        if moved and not waiting:
            self.db.execute("DELETE FROM kirim_meta WHERE name = ?", (f"{_TRIED}{scope}",))
        return moved

    def _retry(self, scope: str, seq: int, package_id: bytes, label: str, code: int) -> FileResult | None:
        school = self.server.store.school(scope)
        if school is None:
            return None
        try:
            with self._reopen(package_id) as package, self.db.transaction(), own_faults():
                merged = merge(self.server, school, package)
        except errors.FileUnreadable as error:
            _log.warning("%s: %s", error.code, error.lines()[0])
            return None
        except _BLAMED as error:
            if error.fate is not Fate.QUARANTINE:
                if _number(error) != code:
                    self.db.execute("UPDATE kirim_package SET code = ? WHERE seq = ?", (_number(error), seq))
                return None
            state = self._fate(label, package_id, error)
            self._supersede(seq, package_id, state, error, Merged())
            return FileResult(label, state, error.code, school.npsn, error=error)
        self._supersede(seq, package_id, "merged", None, merged)
        return _merged(label, school.npsn, package.header.number, merged)

    def _supersede(self, seq: int, package_id: bytes, state: str, error: ExchangeError | None, merged: Merged) -> None:
        """Give a held package its next entry in the ledger; the entry that said *held* stays, as released."""
        same = "package_id, scope, kind, number, device, file, size, plaintext, file_key, received_at"
        new = self._next_seq()
        self.db.execute(
            f"INSERT INTO kirim_package (seq, state, first, last, {same}) "
            f"SELECT ?, 'accepted', 0, 0, {same} FROM kirim_package WHERE seq = ?",
            (new, seq),
        )
        self.db.execute("UPDATE kirim_package SET state = 'released' WHERE seq = ?", (seq,))
        self._record(new, package_id, state, error, merged)

    def _reopen(self, package_id: bytes) -> VerifiedPackage:
        """Open a package that was kept. Its own header still carries what certificates it needs."""
        name = _name(package_id)
        archived = self.server.home / "archive" / name[:2] / name
        with spool.read_package(archived if archived.exists() else self.held / name) as file:
            package = open_package(
                file, kinds={PackageKind.KIRIM}, find=self._find, identities=self.server.identities, folder=self.held
            )
        assert isinstance(package, VerifiedPackage)
        return package

    # --- after a kill -------------------------------------------------------------------------

    def finish(self) -> list[FileResult]:
        """Finish what a kill left, and try held packages again whose school has moved since.

        Files that were kept and are in no ledger are taken with the next ones, once more from the beginning.

        Returns:
            What became of packages that were accepted and not merged, and of held ones that moved.
        """
        told = self._merge_waiting()
        self._lock_left()
        with self._step():
            # Within a transaction no other process stands between keeping a file and noting it.
            self._orphans = [path for path in sorted(self.held.glob("*.kirim")) if self._is_orphan(path)]
        spool.sweep(self.held)
        spool.sweep(self.server.home / "quarantine")
        return told + self._release()

    def _merge_waiting(self) -> list[FileResult]:
        """Merge what was accepted and not merged."""
        told: list[FileResult] = []
        after = 0
        self._find = ServerNode(self.server.store).find
        while left := self.db.execute(
            "SELECT seq, package_id, scope, file FROM kirim_package WHERE state = 'accepted' AND seq > ? "
            "ORDER BY seq LIMIT ?",
            (after, BATCH_FILES),
        ).fetchall():
            after, accepted = left[-1][0], []
            try:
                for seq, package_id, scope, label in left:
                    one = self._accept_again(seq, bytes(package_id), scope, label)
                    if one is not None:
                        accepted.append(one)
                self._merge_all(accepted)
            finally:
                for one in accepted:
                    one.package.body.close()
            for seq, package_id, _, _ in left:
                if -seq in self._results:
                    told.append(self._finish_one(bytes(package_id), self._results.pop(-seq)))
        return told

    def _finish_one(self, package_id: bytes, result: FileResult) -> FileResult:
        self._finished[package_id] = result
        self._tell_unnamed(result)
        return result

    def _accept_again(self, seq: int, package_id: bytes, scope: str, label: str) -> _Accepted | None:
        """Open an accepted package again; one that opens no longer is refused, one whose file is lost waits for it."""
        school = self.server.store.school(scope)
        if school is None:
            return None
        try:
            with own_faults():
                return _Accepted(label, self._reopen(package_id), seq, school, -seq)
        except errors.FileUnreadable as error:
            _log.warning("%s: %s", error.code, error.lines()[0])
        except _BLAMED as error:
            with self._step():
                self._settled = []
                state = self._fate(label, package_id, error)
                self._record(seq, package_id, state, error, Merged())
            settle(self.server, package_id)
            self._results[-seq] = FileResult(label, state, error.code, school.npsn, error=error)
        return None

    def _is_orphan(self, path: Path) -> bool:
        """Whether a kept file is in no ledger: a kill came before the commit, or the database was restored."""
        if len(path.stem) != _NAME_CHARACTERS or not set(path.stem) <= set("0123456789abcdef"):
            return False  # somebody else's file: not ours to judge
        package_id = bytes.fromhex(path.stem)
        settle(self.server, package_id)
        return self._state(package_id) is None

    def _release(self) -> list[FileResult]:
        """Try held packages again, of schools whose log has moved since the last time."""
        told: list[FileResult] = []
        held = "SELECT DISTINCT scope FROM kirim_package WHERE state = 'held' ORDER BY scope"
        for (scope,) in self.db.execute(held).fetchall():
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


def _merged(label: str, npsn: str, number: int, merged: Merged) -> FileResult:
    return FileResult(label, "applied" if merged.new else "duplicate", "", npsn, number, merged.counts)


def _number(error: ExchangeError | None) -> int:
    return 0 if error is None else int(error.code[3:])


def _tried(school: School | None) -> str:
    """Return what must change before a school's held packages are worth another look: its log, or this program."""
    return f"{school.position if school else 0} {__version__}"


def _name(package_id: bytes) -> str:
    return f"{package_id.hex()}.kirim"


def _helpful(error: ExchangeError, candidate: Candidate, file: BinaryIO) -> ExchangeError:
    """Return the error that tells a person most: a ZIP in a ZIP is no foreign file."""
    if isinstance(error, errors.NotOurs) and candidate.member is not None and is_zip(file):
        return errors.ArchiveUnsafe(part="it lies inside another ZIP")
    return error


@contextmanager
def own_faults() -> Iterator[None]:
    """Turn a fault of ours, met in one file, into that file's own fate: the others go on.

    Its words may hold somebody's data, so only its kind and place are told.

    Raises:
        OwnFault: KF-901.
    """
    try:
        yield
    except _FAULTS as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        detail = f"{type(error).__name__} in {Path(frame.filename).name}, line {frame.lineno}"
        _log.error("%s: %s", errors.OwnFault.code, detail)
        raise errors.OwnFault(detail=detail) from error


def settle(server: ServerNode, package_id: bytes) -> None:
    """Move a kept file to where its state says it belongs; one that is held or not yet merged stays."""
    state = server.store.db.value(
        "SELECT state FROM kirim_package WHERE package_id = ? AND state <> 'released'", (package_id,)
    )
    name, held = _name(package_id), server.home / "held"
    if state == "merged":
        spool.move(held / name, server.home / "archive" / name[:2], name)
    elif state == "quarantined":
        spool.remove(held / name)


def owed(server: ServerNode) -> list[tuple[str, str, str]]:
    """Return the schools to which a return is owed for what came: NPSN and the debt's name and value."""
    return [
        (npsn, str(name), str(value))
        for npsn, name, value in server.store.db.execute(
            "SELECT s.npsn, m.name, m.value FROM kirim_meta m JOIN kirim_school s ON m.name = ? || s.sekolah_id "
            "ORDER BY s.npsn",
            (_OWED,),
        ).fetchall()
    ]


def paid(server: ServerNode, name: str, value: str) -> None:
    """Strike a debt of :func:`owed`, unless another package has come since."""
    server.store.db.execute("DELETE FROM kirim_meta WHERE name = ? AND value = ?", (name, value))


def _text(scope: bytes) -> str:
    return str(uuid.UUID(bytes=scope))
