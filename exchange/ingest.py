"""Sealed files to merged data, in both roles.

At the server, intake has two steps. *Accept*: verify, open, keep the bytes under the package's own name, note it in the ledger, many
files a commit. *Merge*: in each school's order, in one transaction that also records the outcome; then the file moves to the
archive. A crash at any point leaves a state from which the next start finishes the work without doing it twice. At a school, a
return is applied in one transaction.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from exchange import applying, capture, errors, spool
from exchange.applying import Applying
from exchange.errors import ExchangeError, Fate
from exchange.format.body import Item, read_body
from exchange.intake import Candidate, candidates
from exchange.merging import Merged, merge
from exchange.nodes import KEYS, SchoolNode, ServerNode
from exchange.reading import Content, Found
from exchange.records import Counts, PackageKind
from exchange.store.server import School
from exchange.trust.archive import lock_file_key
from exchange.trust.opening import Duplicate, VerifiedPackage, open_package

BATCH_FILES = 100
"""Files that share a commit."""

BATCH_BYTES = 32 * 1024 * 1024
"""Opened plaintext that one batch holds at most before it is merged."""


# --- the server -------------------------------------------------------------------------------


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
    """

    def __init__(self, server: ServerNode, on_file: Callable[[FileResult], object] | None = None) -> None:
        self.server, self.db = server, server.store.db
        self.results: dict[int, FileResult] = {}
        self._on_file = on_file
        self._ledger: bytes | None = None
        self._seen: set[bytes] = set()

    def take(self, given: Iterable[Candidate]) -> list[FileResult]:
        """Take files and return what became of each, in the order given."""
        batch: list[tuple[int, Candidate]] = []
        size = count = 0
        for index, candidate in enumerate(given):
            batch.append((index, candidate))
            size, count = size + candidate.size, index + 1
            if len(batch) >= BATCH_FILES or size >= BATCH_BYTES:
                self._batch(batch)
                batch, size = [], 0
        if batch:
            self._batch(batch)
        return [self.results[index] for index in range(count)]

    def _batch(self, batch: Sequence[tuple[int, Candidate]]) -> None:
        accepted: list[_Accepted] = []
        self._seen.clear()
        try:
            with self.db.transaction():
                for index, candidate in batch:
                    found = self._accept(index, candidate)
                    if found is not None:
                        accepted.append(found)
            self._merge_all(accepted)
        finally:
            for one in accepted:
                one.package.body.close()
        for index, candidate in batch:
            candidate.done()
            if self._on_file:
                self._on_file(self.results[index])

    # --- accept -------------------------------------------------------------------------------

    def _accept(self, index: int, candidate: Candidate) -> _Accepted | None:
        """Verify, open and keep one file; a bad one is quarantined and leaves no mark on any school's record."""
        try:
            with candidate.open() as file:
                try:
                    return self._verify(index, candidate, file)
                except ExchangeError as error:
                    if error.fate is Fate.RETRY:
                        raise
                    self._quarantine(file, candidate.label, error)
                    self._note(index, FileResult(candidate.label, "quarantined", error.code, error=error))
        except (errors.FileUnreadable, errors.TooLarge, errors.ArchiveUnsafe) as error:
            self._note(index, FileResult(candidate.label, "quarantined", error.code, error=error))
        return None

    def _verify(self, index: int, candidate: Candidate, file: BinaryIO) -> _Accepted | None:
        package = open_package(
            file,
            kinds={PackageKind.KIRIM},
            find=self.server.find,
            identities=self.server.identities,
            seen=self._is_seen,
            folder=self.server.home / "held",
        )
        if isinstance(package, Duplicate):
            self._note(index, self._repeat(candidate.label, package.package_id))
            return None
        school = self.server.store.school(str(_text(package.header.scope)))
        if school is None:
            package.body.close()
            raise errors.SenderUnknown()
        name = package.package_id.hex()
        spool.keep(file, self.server.home / "held", f"{name}.kirim")
        self._seen.add(package.package_id)
        seq = int(self.db.value("SELECT max(seq) FROM kirim_package") or 0) + 1
        header = package.header
        self.db.execute(
            "INSERT INTO kirim_package (seq, package_id, scope, kind, number, device, first, last, state, file, size, plaintext, "
            "file_key, received_at) VALUES (?, ?, ?, ?, ?, ?, 0, 0, 'accepted', ?, ?, ?, ?, ?)",
            (
                seq,
                package.package_id,
                school.sekolah_id,
                int(header.kind),
                header.number,
                header.sender,
                candidate.label,
                package.size,
                package.plaintext_sha256,
                lock_file_key(self.server.archive.public, package.package_id, package.file_key),
                self.server.store.clock(),
            ),
        )
        return _Accepted(candidate.label, package, seq, school, index)

    def _is_seen(self, package_id: bytes) -> bool:
        return package_id in self._seen or bool(
            self.db.value("SELECT 1 FROM kirim_package WHERE package_id = ?", (package_id,))
        )

    def _repeat(self, label: str, package_id: bytes) -> FileResult:
        """Return the answer that a package had when it first came."""
        row = self.db.execute(
            "SELECT s.npsn, p.number FROM kirim_package p JOIN kirim_school s ON s.sekolah_id = p.scope WHERE p.package_id = ?",
            (package_id,),
        ).fetchone()
        return FileResult(label, "duplicate", npsn=row[0], number=row[1])

    def _quarantine(self, file: BinaryIO, label: str, error: ExchangeError) -> None:
        """Keep a bad file beside its reason, under the hash of its content."""
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        folder = self.server.home / "quarantine"
        spool.keep(file, folder, f"{digest[:32]}.kirim")
        what, then, safe = error.lines()
        reason = {
            "file": label,
            "code": error.code,
            "what": what,
            "next": then,
            "safe": safe,
            "sha256": digest,
            "at": self.server.store.clock(),
        }
        spool.put(
            folder, f"{digest[:32]}.json", lambda out: out.write(json.dumps(reason, indent=1).encode()), replace=True
        )

    def _note(self, index: int, result: FileResult) -> None:
        self.results[index] = result

    # --- merge --------------------------------------------------------------------------------

    def _merge_all(self, accepted: Sequence[_Accepted]) -> None:
        """Merge waiting packages in each school's order, in one transaction with their outcomes; then archive them."""
        if not accepted:
            return
        with self.db.transaction():
            for one in sorted(accepted, key=lambda a: (a.school.sekolah_id, a.package.header.number)):
                self._merge_one(one)
            for scope in {one.school.sekolah_id for one in accepted}:
                self._retry_held(scope)
        for one in accepted:
            settle(self.server, one.package.package_id)

    def _merge_one(self, one: _Accepted) -> None:
        header = one.package.header
        label, npsn = one.label, one.school.npsn
        try:
            with self.db.transaction():
                merged = merge(self.server, one.school, one.package)
                state, code = "merged", 0
        except ExchangeError as error:
            if error.fate not in {Fate.HOLD, Fate.QUARANTINE, Fate.STOP}:
                raise
            merged, code = Merged(), int(error.code[3:])
            state = "held" if error.fate is Fate.HOLD else "quarantined"
            if state == "quarantined":
                with (self.server.home / "held" / f"{one.package.package_id.hex()}.kirim").open("rb") as file:
                    self._quarantine(file, label, error)
            self._note(one.index, FileResult(label, state, error.code, npsn, header.number, error=error))
        else:
            self._note(
                one.index,
                FileResult(label, "applied" if merged.new else "duplicate", "", npsn, header.number, merged.counts),
            )
        self._record(one.seq, one.package, state, code, merged)

    def _record(self, seq: int, package: VerifiedPackage, state: str, code: int, merged: Merged) -> None:
        """Write the ledger's entry; each one's value covers the one before."""
        if self._ledger is None:
            self._ledger = bytes(
                self.db.value("SELECT ledger FROM kirim_package WHERE ledger IS NOT NULL ORDER BY seq DESC LIMIT 1")
                or bytes(32)
            )
        entry = package.package_id + package.plaintext_sha256 + state.encode() + merged.value
        self._ledger = hashlib.sha256(self._ledger + entry).digest()
        counts = merged.counts
        self.db.execute(
            "UPDATE kirim_package SET state = ?, code = ?, first = ?, last = ?, value = ?, position = ?, applied = ?, same = ?, "
            "conflict = ?, refused = ?, held = ?, ledger = ? WHERE seq = ?",
            (
                state,
                code,
                merged.first,
                merged.last,
                merged.value,
                merged.position,
                counts.applied,
                counts.same,
                counts.conflict,
                counts.refused,
                counts.held,
                self._ledger,
                seq,
            ),
        )

    def _retry_held(self, scope: str) -> None:
        """Try a school's held packages again after a step, until none moves."""
        moved = True
        while moved:
            moved = False
            waiting = self.db.execute(
                "SELECT seq, package_id, file FROM kirim_package WHERE scope = ? AND state = 'held' ORDER BY number",
                (scope,),
            ).fetchall()
            for seq, package_id, label in waiting:
                school = self.server.store.school(scope)
                path = self.server.home / "held" / f"{bytes(package_id).hex()}.kirim"
                if school is None or not path.exists():
                    continue
                with path.open("rb") as file:
                    package = open_package(
                        file, kinds={PackageKind.KIRIM}, find=self.server.find, identities=self.server.identities
                    )
                assert isinstance(package, VerifiedPackage)
                with package:
                    try:
                        with self.db.transaction():
                            merged = merge(self.server, school, package)
                    except ExchangeError as error:
                        if error.fate is Fate.RETRY:
                            raise
                        continue
                    self._record(seq, package, "merged", 0, merged)
                    moved = True

    def finish(self) -> list[FileResult]:
        """Finish what a kill left: merge accepted packages, move merged ones to the archive."""
        left = self.db.execute(
            "SELECT p.seq, p.package_id, p.scope, p.file FROM kirim_package p WHERE p.state = 'accepted' ORDER BY p.seq"
        ).fetchall()
        accepted = []
        for seq, package_id, scope, label in left:
            school = self.server.store.school(scope)
            path = self.server.home / "held" / f"{bytes(package_id).hex()}.kirim"
            if school is None or not path.exists():
                continue
            with path.open("rb") as file:
                package = open_package(
                    file, kinds={PackageKind.KIRIM}, find=self.server.find, identities=self.server.identities
                )
            assert isinstance(package, VerifiedPackage)
            accepted.append(_Accepted(label, package, seq, school, len(self.results) + len(accepted)))
        try:
            self._merge_all(accepted)
        finally:
            for one in accepted:
                one.package.body.close()
        for path in sorted((self.server.home / "held").glob("*.kirim")):
            settle(self.server, bytes.fromhex(path.stem))
        spool.sweep(self.server.home / "held")
        return [self.results[one.index] for one in accepted]


def settle(server: ServerNode, package_id: bytes) -> None:
    """Move a kept file to where its state says it belongs; a held one stays."""
    state = server.store.db.value("SELECT state FROM kirim_package WHERE package_id = ?", (package_id,))
    name = package_id.hex()
    path = server.home / "held" / f"{name}.kirim"
    if state == "merged":
        spool.move(path, server.home / "archive" / name[:2], f"{name}.kirim")
    elif state in {None, "quarantined"}:
        spool.remove(path)


def _text(scope: bytes) -> str:
    h = scope.hex()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def ingest_paths(
    server: ServerNode, paths: Sequence[Path], *, on_file: Callable[[FileResult], object] | None = None
) -> Ingested:
    """Take files, folders and ZIPs once: copied, never moved. Each file named gets one result, whatever it is.

    Args:
        server: The server.
        paths: What was named.
        on_file: Called with each result as soon as it is durable.

    Raises:
        DiskFull, FolderUnwritable, StoreBusy: KF-701, KF-703, KF-601; what was taken before stays taken.
    """
    intake = Intake(server, on_file)
    intake.finish()
    return Ingested(tuple(intake.take(candidates(paths))))


# --- the school -------------------------------------------------------------------------------


@dataclass
class AppliedFiles:
    """What returns did at a school.

    Attributes:
        report: Everything that came in, over all files.
        acknowledged: Number up to which the server has merged the school's chain.
        failed: Files that could not be applied, each with the reason.
        applied: How many files were news.
        done: How many files could be read at all: news, repeats and older ones.
    """

    report: applying.Report = field(default_factory=applying.Report)
    acknowledged: int = 0
    failed: list[tuple[str, ExchangeError]] = field(default_factory=list)
    applied: int = 0
    done: int = 0

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim school apply --json``."""
        failed = [{"file": name, "code": error.code, "what": error.lines()[0]} for name, error in self.failed]
        return applying.summary(self.report) | {"acknowledged": self.acknowledged, "failed": failed}


def apply_files(node: SchoolNode, paths: Sequence[Path]) -> AppliedFiles:
    """Apply return packages, oldest first. It needs no head and no valid data; a repeat changes nothing.

    Args:
        node: The school.
        paths: Files, in any order.
    """
    done = AppliedFiles()
    numbered: list[tuple[int, Path]] = []
    for path in paths:
        numbered.append((_number(path), path))
    for _, path in sorted(numbered, key=lambda pair: pair[0]):
        try:
            report = apply_file(node, path)
        except ExchangeError as error:
            done.failed.append((str(path), error))
            continue
        done.done += 1
        if report is not None:
            done.applied += 1
            done.report.incoming.update(report.incoming)
            done.report.replaced += report.replaced
            done.report.lines += report.lines
            done.report.diverged = report.diverged
    done.acknowledged = node.store.acknowledged
    return done


def _number(path: Path) -> int:
    """Return the number that a file claims, only to apply several in order."""
    from exchange.trust.opening import inspect_package

    try:
        with spool.read_package(path) as file:
            header = inspect_package(file).header
    except ExchangeError:
        return 0
    return header.number if header else 0


def apply_file(node: SchoolNode, path: Path) -> applying.Report | None:
    """Apply one return package and return what it did, or ``None`` for a repeat or an older one.

    Raises:
        FileError, TrustError: KF-2xx, KF-3xx; nothing was changed.
        ReturnUnfit: KF-404; nothing was changed, and the next export tells the server everything it needs.

    Source:
        docs/protocol.md, rules 21 to 23.
    """
    store = node.store
    with spool.read_package(path) as file:
        package = open_package(
            file, kinds={PackageKind.BALASAN}, find=node.find, identities=node.identities, folder=node.home
        )
    assert isinstance(package, VerifiedPackage)
    with package:
        if _text(package.header.scope) != store.scope:
            raise errors.OtherReceiver()
        manifest, items = read_body(package.body, store.schema.version)
        try:
            if not applying.fits(store, manifest):
                return None
        except errors.ReturnUnfit:
            store.set(tell_all=1)
            raise
        with store.transaction():
            report = _apply(node, package, manifest, Content(store.schema, store.scope, items))
    if not store.get("code"):
        (node.home / KEYS / "kode").unlink(missing_ok=True)
    return report


def _apply(node: SchoolNode, package: VerifiedPackage, manifest, content: Content) -> applying.Report:  # type: ignore[no-untyped-def]
    store = node.store
    capture.cut(store)
    apart: list[bytes] = []
    with store.capture_off():
        work = Applying(store, manifest)
        for piece in content:
            if isinstance(piece, Found):
                for block in _kept(node, manifest.last, piece):
                    work.block(block)
            elif piece.kind is Item.OUTCOME:
                work.outcome(piece.number, piece.data)
            else:
                apart.append(piece.data)
        work.acknowledge()
        work.compare(apart)
    value = manifest.answer.value
    store.db.execute(
        "INSERT INTO kirim_return (position, value, number, package_id, applied_at, report) VALUES (?, ?, ?, ?, ?, ?)",
        (
            manifest.last,
            value,
            package.header.number,
            package.package_id,
            store.clock(),
            json.dumps(dict(work.report.incoming)),
        ),
    )
    sealed_to_device = any(wrap.receiver == node.device.key_id for wrap in package.header.wraps)
    store.set(
        have=manifest.last,
        have_value=value.hex(),
        reference=max(manifest.reference, int(store.get("reference", "0"))),
        last_applied_at=store.clock(),
        tell_all=None,
        **({"code": None} if sealed_to_device else {}),
    )
    node.remember("trusted", package.admitted)
    return work.report


def _kept(node: SchoolNode, position: int, piece: Found) -> Iterator[object]:
    """Yield a return's blocks and keep its bytes: a restored server is rebuilt from them (rule 4)."""
    from exchange.store import chains

    store = node.store
    if piece.reference:
        yield from piece.blocks
        return
    writer = chains.PartWriter(store.db, store.scope, chains.CENTRE, position)
    yield from piece.tapped(writer.add)
    writer.close()
