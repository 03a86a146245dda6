"""The server's database made again from the archive and the archive's key alone.

Entries are taken in the ledger's order. A package is opened with its own key and merged by the very code that merged it
first; what comes of it must be the entry that stands there, byte for byte. What the centre did is put back as the rows
that it left. So a rebuild is also a proof that nothing in the database came from anywhere else.

Source:
    docs/adr/0014-one-ledger-of-everything.md.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from exchange import acts, digests, errors, spool
from exchange.format.entry import (
    ACT,
    START,
    ActEntry,
    PackageEntry,
    Record,
    read_content,
    read_entry,
)
from exchange.mirror import entries
from exchange.nodes import ServerNode
from exchange.records import Receipt
from exchange.server.attempt import Attempt, attempt, state_of
from exchange.server.ledger import Ledger
from exchange.server.merging import Merged
from exchange.store.images import Image, put
from exchange.store.server import School
from exchange.trust.admission import admit
from exchange.trust.archive import act_key, open_act, unlock_file_key
from exchange.trust.opening import VerifiedPackage, inspect_package, open_with_file_key
from exchange.trust.receipts import receipt_of
from exchange.words import tr

_ENTRIES = 200
"""Entries that share a commit."""

_OF_ITS_TIME = {"KF-209", "KF-502", "KF-901"} | {f"KF-{number}" for number in (201, 202, 203, 204, 205, 206, *range(301, 308))}
"""Codes that say something of the program or the disk of that time, not of the package: a newer program's tables, a fault
of ours, a file that opened no longer."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was replayed.

    Attributes:
        packages, acts: Entries of each kind.
        value: The ledger's value at the end (32 bytes).
        compared: Returns whose digest of all of a school's tables was compared.
    """

    packages: int
    acts: int
    value: bytes
    compared: int


class Replay:
    """Puts the entries of an archive into an empty server.

    Args:
        server: With an empty store, the archive's key and, as ``files``, a folder for what is opened.
        archive: With the ledger and the sealed files.
    """

    def __init__(self, server: ServerNode, archive: Path) -> None:
        self.server, self.db, self._archive = server, server.store.db, archive
        self._ledger = Ledger(server.store)
        self._packages = self._acts = self._compared = 0
        self._last_returns: dict[bytes, int] = {}

    def run(self, progress: Callable[[int], None] | None = None) -> Replayed:
        """Replay everything and return what that was.

        Args:
            progress: Called with the number of entries done.

        Raises:
            LedgerBroken: KF-604, an entry does not hold, or its content is not in the archive.
            ReplayDiffers: KF-605, what came of an entry is not what the ledger says.
        """
        value = START
        for seq, _, record in entries(self._archive):
            entry = read_entry(record.entry)
            if isinstance(entry, ActEntry) and entry.name == "return":
                self._last_returns[entry.scope] = seq
        waiting = entries(self._archive)
        more = True
        while more:
            more = False
            with self.db.unkept(), self.db.transaction():
                for seq, now, record in waiting:
                    value = now
                    self._take(seq, record)
                    if progress:
                        progress(seq)
                    if seq % _ENTRIES == 0:
                        more = True
                        break
        return Replayed(self._packages, self._acts, value, self._compared)

    def _take(self, seq: int, record: Record) -> None:
        entry = read_entry(record.entry)
        if isinstance(entry, ActEntry):
            self._acts += 1
            self._act(seq, entry, record)
        else:
            self._packages += 1
            self._package(seq, entry, record)

    # --- acts of the centre -------------------------------------------------------------------

    def _act(self, seq: int, entry: ActEntry, record: Record) -> None:
        if hashlib.sha256(record.content).digest() != entry.content:
            raise errors.LedgerBroken(number=seq, part=tr("content of an act"))
        try:
            content = open_act(act_key(self.server.archive, record.content), record.content)
        except errors.WrapBad as error:
            raise errors.LedgerBroken(number=seq, part=tr("content of an act")) from error
        is_reference = False
        for table, gone, columns, rows in read_content(content):
            put(self.db, Image(table, gone, columns, [tuple(row) for row in rows]))
            is_reference = is_reference or table.startswith("ref_")
        if is_reference:
            self.server = ServerNode(self.server.store, files=self.server.files)
        acts.add(self.server.store, seq, ACT, record.entry, record.signature)
        if self._last_returns.get(entry.scope) == seq:
            self._compare(seq, str(uuid.UUID(bytes=entry.scope)))

    def _compare(self, seq: int, scope: str) -> None:
        """Compare a school's tables with what its last return said of them."""
        told = self.db.value(
            "SELECT root FROM kirim_return WHERE scope = ? AND kind = 3 ORDER BY number DESC LIMIT 1", (scope,)
        )
        school = self.server.store.school(scope)
        if told is None or school is None:
            return
        self._compared += 1
        if digests.returned(self.server.store, school).root != bytes(told):
            raise errors.ReplayDiffers(number=seq, part=f"tables of NPSN {school.npsn}")

    # --- packages -----------------------------------------------------------------------------

    def _package(self, seq: int, entry: PackageEntry, record: Record) -> None:
        scope, receipt = receipt_of(entry.receipt, record.signature)
        school = self.server.store.school(str(uuid.UUID(bytes=scope)))
        if school is None:
            raise errors.ReplayDiffers(number=seq, part="school")
        held, code = self.db.execute(
            "SELECT seq, code FROM kirim_package WHERE package_id = ? AND state = 'held'", (receipt.package_id,)
        ).fetchone() or (None, 0)
        with self._opened(seq, receipt, record) as package:
            if held is None:
                at = self._ledger.accept(school, package, record.label.decode(errors="replace"), receipt.made_at)
            made = self._attempt(school, package, receipt, held=code)
            if held is None:
                waiting = self._ledger.waiting([at])[at]
                now = self._ledger.record(waiting, made.state, made.error, made.merged, record.signature)
            else:
                now = self._ledger.supersede(held, made.state, made.error, made.merged, record.signature)
            self.db.execute("UPDATE kirim_package SET file_key = ? WHERE seq = ?", (record.key or None, seq))
        if now != record.entry:
            raise errors.ReplayDiffers(number=seq, part=_difference(now, record.entry))

    def _attempt(self, school: School, package: VerifiedPackage, receipt: Receipt, *, held: int) -> Attempt:
        if f"KF-{receipt.code}" in _OF_ITS_TIME:
            # Another program would merge it, so the word that was given then stands; nothing else came of the package.
            error = errors.REGISTRY[f"KF-{receipt.code}"]
            assert isinstance(error, type)
            holds = Merged(receipt.counts, receipt.first, receipt.last, b"", school.position)
            return Attempt(state_of(error), error.__new__(error), holds)
        return attempt(self.server, school, package, held=held)

    def _opened(self, seq: int, receipt: Receipt, record: Record) -> VerifiedPackage:
        """Open a sealed file with its own key, as whoever has the archive can."""
        name = f"{receipt.package_id.hex()}.kirim"
        try:
            with spool.read_package(self._archive / name[:2] / name) as file:
                header = inspect_package(file).header
                if header is None:
                    raise errors.HeaderBad(part="archive")
                sender, admitted = admit(header, ServerNode(self.server.store).find)
                file.seek(0)
                file_key = unlock_file_key(self.server.archive, receipt.package_id, record.key)
                found = open_with_file_key(
                    file, sender=sender, file_key=file_key, admitted=admitted, folder=self.server.files / "held"
                )
        except (errors.FileError, errors.TrustError, errors.FileUnreadable) as error:
            raise errors.LedgerBroken(number=seq, part=f"{name}: {error.code}") from error
        if found.package_id != receipt.package_id or found.plaintext_sha256 != receipt.plaintext:
            found.body.close()
            raise errors.LedgerBroken(number=seq, part=name)
        return found


def _difference(now: bytes, then: bytes) -> str:
    """Return which part of a package's entry came out otherwise."""
    a, b = read_entry(now), read_entry(then)
    assert isinstance(a, PackageEntry)
    assert isinstance(b, PackageEntry)
    if a.state != b.state:
        return f"{b.state}, now {a.state}"
    names = ["scope", "package", "number", "device", "first", "last", "value", "plaintext", "counts", "outcomes", "previous", "time", "code"]
    return ", ".join(name for name, x, y in zip(names, a.receipt, b.receipt, strict=True) if x != y)
