"""Sealed files to merged data, in both roles: the server takes schools' packages, a school applies returns.

What happens to files at the server is in :mod:`exchange.server.intake`; a return is applied in one transaction.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from exchange import errors, spool
from exchange.central.kip import retry_waiting
from exchange.district.orders import Orders
from exchange.errors import ExchangeError
from exchange.format.body import Item, read_body
from exchange.format.container import scope_text
from exchange.giving import keep
from exchange.limits import NUMBER_AHEAD_MAX
from exchange.nodes import KEYS, SchoolNode, ServerNode
from exchange.reading import Content, Found
from exchange.records import Block, Manifest, PackageKind, Position, Receipt
from exchange.school import capture
from exchange.school.applied import Report
from exchange.school.applying import Applying, fits
from exchange.school.branches import take_over
from exchange.school.headship import bind_head, seat_head
from exchange.school.riding import arrived
from exchange.server.candidates import Candidate, candidates
from exchange.server.intake import Intake
from exchange.server.results import FileResult, Ingested
from exchange.trust.opening import VerifiedPackage, inspect_package, open_package

__all__ = ["AppliedFiles", "FileResult", "Ingested", "apply_file", "apply_files", "ingest_paths"]


# --- the server -------------------------------------------------------------------------------


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
    intake = Intake(server, on_file, desk=Orders(server))
    intake.finish()
    results = intake.take(candidates(paths))
    retry_waiting(server.store)
    return Ingested(tuple(results))


# --- the school -------------------------------------------------------------------------------


class Known(enum.Enum):
    """Why a return changed nothing."""

    REPEAT = "repeat"
    OLDER = "older"


@dataclass
class AppliedFiles:
    """What returns did at a school.

    Attributes:
        report: Everything that came in, over all files.
        acknowledged: Number up to which the server has merged the school's chain.
        failed: Files that could not be applied, each with the reason.
        applied: How many files were news.
        done: How many files could be read at all: news, answers without news, repeats and older ones.
        known: Files that changed nothing, each with the reason.
    """

    report: Report = field(default_factory=Report)
    acknowledged: int = 0
    failed: list[tuple[str, ExchangeError]] = field(default_factory=list)
    applied: int = 0
    done: int = 0
    known: list[tuple[str, Known]] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim school apply --json``."""
        failed = [{"file": name, "code": error.code, "what": error.lines()[0]} for name, error in self.failed]
        known = [{"file": name, "why": why.value} for name, why in self.known]
        return self.report.as_json() | {"acknowledged": self.acknowledged, "failed": failed, "known": known}


def apply_files(node: SchoolNode, paths: Sequence[Path]) -> AppliedFiles:
    """Apply return packages, oldest first. It needs no head and no valid data; a repeat changes nothing.

    Args:
        node: The school.
        paths: Files, folders and ZIPs, in any order.
    """
    done = apply_all(node, paths)
    _drop_code(node)
    return done


def apply_all(node: SchoolNode, paths: Sequence[Path]) -> AppliedFiles:
    """Do what :func:`apply_files` does in the store, and touch no other file."""
    done = AppliedFiles()
    numbered = [(_claimed_number(node, candidate), candidate) for candidate in candidates(paths)]
    for _, candidate in sorted(numbered, key=lambda pair: pair[0]):
        try:
            with candidate.open(node.home) as file:
                report = _apply_open(node, file)
        except ExchangeError as error:
            done.failed.append((candidate.label, error))
            continue
        finally:
            candidate.done()
        done.done += 1
        if isinstance(report, Known):
            done.known.append((candidate.label, report))
        elif not report.is_news:
            done.report.waiting = report.waiting
        else:
            done.applied += 1
            done.report.incoming.update(report.incoming)
            done.report.replaced += report.replaced
            done.report.lines += report.lines
            done.report.diverged = report.diverged
            done.report.branch += report.branch
            done.report.waiting, done.report.asked_back = report.waiting, report.asked_back
    done.acknowledged = node.store.acknowledged
    return done


def _claimed_number(node: SchoolNode, candidate: Candidate) -> int:
    """Return the number that a file claims, only to apply several in order."""
    try:
        with candidate.open(node.home) as file:
            header = inspect_package(file).header
    except ExchangeError:
        return 0
    return header.number if header else 0


def apply_file(node: SchoolNode, path: Path) -> Report | None:
    """Apply one return package and return what it did, or ``None`` for one that brings no content which is not known here.

    Raises:
        FileError, TrustError: KF-2xx, KF-3xx; nothing was changed.
        ReturnUnfit: KF-404; no data were changed, and the next export tells the server everything it needs.
        StoreBusy, DiskFull, FileUnreadable: KF-601, KF-701, KF-702; nothing was changed.

    Source:
        docs/protocol.md, rules 21 to 23.
    """
    with spool.read_package(path) as file:
        report = _apply_open(node, file)
    _drop_code(node)
    return report if isinstance(report, Report) and report.is_news else None


def _drop_code(node: SchoolNode) -> None:
    """Remove the code's key once the server seals to this laptop; also after a repeat: a kill may have come just before."""
    if not node.store.get("code"):
        spool.remove(node.home / KEYS / "kode")


def _apply_open(node: SchoolNode, file: BinaryIO) -> Report | Known:
    store = node.store
    package = open_package(
        file, kinds={PackageKind.BALASAN}, find=node.find, identities=node.identities, folder=node.home
    )
    assert isinstance(package, VerifiedPackage)
    with package:
        if scope_text(package.header.scope) != store.scope:
            raise errors.OtherReceiver()
        manifest, items = read_body(package.body, store.schema.version)
        try:
            if not fits(store, manifest):
                if manifest.last < store.have[0]:
                    return Known.OLDER
                with store.transaction():
                    return _hear(node, package, manifest)
            with store.transaction():
                return _apply(node, file, package, manifest, Content(store.schema, store.scope, items))
        except errors.ReturnUnfit:
            store.set(tell_all=1)
            raise


def _hear(node: SchoolNode, package: VerifiedPackage, manifest: Manifest) -> Report | Known:
    """Hear what a return says beside its content, which is known here already.

    That is all the answer that a package without changes gets: a new key of the server's, which files were merged, which wait.
    """
    node.remember("trusted", package.admitted)
    _take_answer(node, package, manifest)
    if not node.store.is_newer(manifest.last, package.header.number):
        return Known.REPEAT
    return Report(waiting=_waiting(manifest), is_news=False)


def _take_answer(node: SchoolNode, package: VerifiedPackage, manifest: Manifest) -> None:
    """The server has this laptop's certificates if it seals to the laptop, or has merged a file that carried them."""
    if any(wrap.receiver == node.device.key_id for wrap in package.header.wraps):
        node.store.set(code=None)
    arrived(node, manifest.receipts)


def _waiting(manifest: Manifest) -> list[Receipt]:
    return [receipt for receipt in manifest.receipts if receipt.code]


def _apply(
    node: SchoolNode, file: BinaryIO, package: VerifiedPackage, manifest: Manifest, content: Content
) -> Report:
    store, answer = node.store, manifest.answer
    assert answer is not None
    capture.cut(store)
    apart: list[bytes] = []
    with store.capture_off():
        work = Applying(store, manifest, take_over(store, manifest, content.branch()))
        for piece in content:
            if isinstance(piece, Found):
                for block in _kept(node, manifest.last, piece):
                    work.block(block)
            elif piece.kind is Item.OUTCOME:
                work.outcome(piece.number, piece.data)
            elif piece.kind is Item.HASHES:
                apart.append(piece.data)
            else:
                raise errors.Malformed(part=f"item {piece.kind.name}")
        work.acknowledge()
        work.compare(apart)
    lost = [position.number for position in answer.lost if store.applied_position(position)]
    work.report.asked_back = len(lost)
    work.report.waiting = _waiting(manifest)
    keep(store, package, Position(manifest.last, answer.value), file, work.report.incoming)
    number = _counted(int(store.get("number", "0")), manifest)
    store.set(
        have=manifest.last,
        have_value=answer.value.hex(),
        reference=max(manifest.reference, int(store.get("reference", "0"))),
        last_applied_at=store.clock(),
        tell_all=None,
        give_after=min(manifest.first.number, int(store.get("give_after") or manifest.first.number)) if lost else None,
        give_up_to=max(lost) if lost else None,
        number=number,
        answered=number,
        districts=" ".join(key.hex() for key in answer.districts) or None,
    )
    node.remember("trusted", package.admitted)
    _take_answer(node, package, manifest)
    bind_head(node)
    seat_head(node)
    return work.report


def _counted(own: int, manifest: Manifest) -> int:
    """Return this school's count of files: a restored laptop learns from receipts how far it had come.

    Not from one that lies far ahead: whoever had the laptop's key for an hour could use up all numbers for ever.
    """
    told = (receipt.number for receipt in manifest.receipts)
    return max(own, *(number for number in told if number <= own + NUMBER_AHEAD_MAX), 0)


def _kept(node: SchoolNode, position: int, piece: Found) -> Iterator[Block]:
    """Yield a return's blocks and keep its bytes: a restored server is rebuilt from them (rule 4)."""
    from exchange.store import chains

    store = node.store
    if piece.kind is Item.REFERENCE:
        yield from piece.blocks
        return
    writer = chains.PartWriter(store.db, store.scope, chains.CENTRE, position)
    yield from piece.tapped(writer.add)
    writer.close()
