"""What an archive proves to somebody who has neither the server nor its keys: what came, when, from whom, and what became of it.

Entry by entry in the ledger's order: that each follows the one before; of a package, that the server signed its receipt,
that the sealed file is there, whole and signed by its laptop; with the file's own key, that its content is what the
receipt says. Then of each order of a district office, that its sealed file is whole and signed by an office that the root
certified. The first thing that does not hold ends it and is named.

Source:
    docs/format.md, section 8; requirement R29.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from exchange import errors, spool
from exchange.evidence.givenkeys import FileKeys, PublicKeys
from exchange.format.body import Item, read_body
from exchange.format.certificate import Certificate
from exchange.format.changeset import chain_next, chain_start
from exchange.format.entry import START, ActEntry, PackageEntry, Record, read_content, read_entry
from exchange.mirror import entries
from exchange.reading import changesets
from exchange.records import PackageKind, Receipt
from exchange.schema.model import Schema
from exchange.server.attempt import state_of
from exchange.trust.admission import admit
from exchange.trust.archive import open_act
from exchange.trust.opening import VerifiedPackage, inspect_package, open_with_file_key, verify_sealed
from exchange.trust.receipts import check_act, check_receipt, receipt_of
from exchange.words import tr


@dataclass(frozen=True, slots=True)
class Statement:
    """What is proved of one package.

    Attributes:
        entry: Its number in the ledger.
        scope: ``sekolah_id``.
        state: ``merged``, ``held`` or ``quarantined``.
        receipt: What the server signed.
        opened: Rows by table and operation, when the file's own key was given.
    """

    entry: int
    scope: str
    state: str
    receipt: Receipt
    opened: dict[str, dict[str, int]] | None = None

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim verify --json``."""
        r = self.receipt
        return {
            "entry": self.entry,
            "sekolah_id": self.scope,
            "number": r.number,
            "package_id": r.package_id.hex(),
            "sender": r.device.hex(),
            "received_at": r.made_at,
            "state": self.state,
            "code": f"KF-{r.code}" if r.code else "",
            "changes": r.counts.as_dict(),
            "outcomes": r.outcomes.hex(),
            "content": self.opened,
        }


@dataclass
class Proof:
    """What an archive proves.

    Attributes:
        states: Packages by what became of them.
        acts: Acts of the centre, by name.
        orders: Sealed orders of district offices.
        opened: How many packages and acts were opened with keys that were given.
        ledger: The ledger's value at its end (32 bytes).
        entries: How many there are.
        statements: Of the packages that were asked for.
        beside: Sealed files of which the ledger says nothing.
    """

    states: Counter[str] = field(default_factory=Counter)
    acts: Counter[str] = field(default_factory=Counter)
    orders: int = 0
    opened: int = 0
    ledger: bytes = START
    entries: int = 0
    statements: list[Statement] = field(default_factory=list)
    beside: int = 0

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim verify --json``."""
        return {
            "entries": self.entries,
            "packages": dict(self.states),
            "acts": dict(self.acts),
            "orders": self.orders,
            "opened": self.opened,
            "ledger": self.ledger.hex(),
            "beside": self.beside,
            "statements": [one.as_json() for one in self.statements],
        }


class Verifier:
    """Checks one archive.

    Args:
        archive: The folder.
        keys: Public keys.
        schema: The exchanged tables.
        given: Keys of single files and acts.
        scope: ``sekolah_id`` of a school whose packages are told one by one; by default those that are opened.
    """

    def __init__(
        self, archive: Path, keys: PublicKeys, schema: Schema, given: FileKeys | None = None, scope: str = ""
    ) -> None:
        self._archive, self._keys, self._schema, self._scope = archive, keys, schema, scope
        self._given = given or FileKeys()
        self._named: set[str] = set()
        self._values: dict[tuple[str, bytes, int], bytes] = {}
        self.proof = Proof()

    def run(
        self,
        heads: Collection[bytes] = (),
        receipts: Collection[tuple[bytes, Receipt]] = (),
        progress: Callable[[int], None] | None = None,
    ) -> Proof:
        """Check everything and return what is proved.

        Args:
            heads: Values of the ledger (32 bytes) that returns have carried: each must be among the archive's.
            receipts: Scope (16 bytes) and receipt, as schools have them: each must be an entry's.
            progress: Called with the number of entries done.

        Raises:
            LedgerBroken: KF-604, naming the first entry that does not hold.
            ArchiveShort: KF-606, a value or a receipt that was given is not in the archive.
            OrderFalse: KF-609, a sealed order is not what an office signed.
            FileUnreadable: KF-702.
        """
        wanted, owed = set(heads), set(receipts)
        wanted |= {receipt.previous for _, receipt in receipts}
        wanted.discard(START)
        for seq, value, record in entries(self._archive):
            entry = read_entry(record.entry)
            self.proof.entries, self.proof.ledger = seq, value
            wanted.discard(value)
            if isinstance(entry, ActEntry):
                self._act(seq, entry, record)
            else:
                owed.discard(self._package(seq, entry, record))
            if progress:
                progress(seq)
        if wanted or owed:
            raise errors.ArchiveShort(number=self.proof.entries)
        for path in sorted((self._archive / "surat").glob("*.kirim")):
            self._order(path)
        there = {path.name for path in self._archive.glob("??/*.kirim")}
        self.proof.beside = len(there - self._named)
        return self.proof

    # --- acts of the centre -------------------------------------------------------------------

    def _act(self, seq: int, entry: ActEntry, record: Record) -> None:
        self._signed(
            seq,
            tr("the server's signature of an act"),
            lambda server: check_act(record.entry, record.signature, server),
        )
        if hashlib.sha256(record.content).digest() != entry.content:
            raise errors.LedgerBroken(number=seq, part=tr("content of an act"))
        self.proof.acts[entry.name] += 1
        key = self._given.acts.get(entry.content)
        if key is not None:
            with _named(seq, tr("content of an act, with the key that was given")):
                for _ in read_content(open_act(key, record.content)):
                    pass
            self.proof.opened += 1

    # --- packages -----------------------------------------------------------------------------

    def _package(self, seq: int, entry: PackageEntry, record: Record) -> tuple[bytes, Receipt]:
        with _named(seq, tr("its bytes are damaged")):
            scope, receipt = receipt_of(entry.receipt, record.signature)
        if entry.state != _state(receipt.code):
            raise errors.LedgerBroken(number=seq, part=tr("what became of the package"))
        self._signed(
            seq, tr("the server's signature of the receipt"), lambda server: check_receipt(receipt, scope, server)
        )
        name = f"{receipt.package_id.hex()}.kirim"
        self._named.add(name)
        file_key = self._given.packages.get(receipt.package_id)
        text, opened = str(uuid.UUID(bytes=scope)), None
        with _named(seq, tr("the sealed file {name}").format(name=name)), spool.read_package(self._archive / name[:2] / name) as file:
            header = inspect_package(file).header
            if header is None or (header.scope, header.number, header.sender) != (
                scope,
                receipt.number,
                receipt.device,
            ):
                raise errors.HeaderBad(part="archive")
            sender, admitted = admit(header, self._keys.find)
            file.seek(0)
            if verify_sealed(file, sender) != receipt.package_id:
                raise errors.SignatureBad()
            self._keys.admit(admitted)
            if file_key is not None:
                file.seek(0)
                with open_with_file_key(file, sender=sender, file_key=file_key) as package:
                    opened = self._content(text, receipt, package)
                self.proof.opened += 1
        if entry.state == "merged":
            self._values[text, receipt.device, receipt.last] = receipt.value
        self.proof.states[entry.state] += 1
        if opened is not None or text == self._scope:
            self.proof.statements.append(Statement(seq, text, entry.state, receipt, opened))
        return scope, receipt

    # --- orders of district offices -----------------------------------------------------------

    def _order(self, path: Path) -> None:
        """An order is named by what was signed, so a file of another content has another name."""
        try:
            with spool.read_package(path) as file:
                header = inspect_package(file).header
                if header is None or header.kind is not PackageKind.SURAT:
                    raise errors.HeaderBad(part="archive")
                sender, _ = admit(header, self._keys.find)
                file.seek(0)
                if verify_sealed(file, sender).hex() != path.stem:
                    raise errors.SignatureBad()
        except (errors.FileError, errors.TrustError) as error:
            raise errors.OrderFalse(name=path.stem[:16], part=error.code) from error
        self.proof.orders += 1

    def _signed(self, seq: int, part: str, check: Callable[[Certificate], None]) -> None:
        """Return only if one of the server's keys, one after another, signed something."""
        for server in reversed(self._keys.servers):
            try:
                check(server)
            except errors.SignatureBad:
                continue
            return
        raise errors.LedgerBroken(number=seq, part=part)

    def _content(self, scope: str, receipt: Receipt, package: VerifiedPackage) -> dict[str, dict[str, int]]:
        """Return what a package holds, if that is what its receipt speaks of."""
        if package.plaintext_sha256 != receipt.plaintext:
            raise errors.BodyDamaged()
        manifest, items = read_body(package.body, self._schema.version)
        told: dict[str, Counter[str]] = {}
        number = manifest.first.number
        value = chain_start(scope, receipt.device) if number == 0 else self._values.get((scope, receipt.device, number))
        if value is not None and number and value[:8] != manifest.first.value:
            value = None  # it stands on another branch of this laptop's chain
        for found in changesets(self._schema, scope, _own(items)):
            number += 1
            for block in found.tapped(_skip):
                told.setdefault(block.table.name, Counter())[block.op.name.lower()] += block.count
            if value is not None:
                value = chain_next(value, found.digest.digest())
        if receipt.last and value not in (None, receipt.value) and not receipt.code:
            raise errors.Fork(number=number)
        return {table: dict(ops) for table, ops in told.items()}


def _state(code: int) -> str:
    """Return the state that goes with a receipt's code, which the server's signature covers."""
    found = errors.REGISTRY.get(f"KF-{code}")
    return "merged" if not code else state_of(found) if isinstance(found, type) else "held"


def _own(items: Iterator[tuple[Item, bytes]]) -> Iterator[tuple[Item, bytes]]:
    return ((kind, data) for kind, data in items if kind in {Item.HEAD, Item.BLOCK})


def _skip(part: bytes) -> None:
    """A part is only hashed."""


@contextmanager
def _named(seq: int, part: str) -> Iterator[None]:
    """Say of which entry and of what part an error tells."""
    try:
        yield
    except errors.LedgerBroken:
        raise
    except (errors.FileError, errors.TrustError, errors.OrderError, errors.FileUnreadable) as error:
        raise errors.LedgerBroken(number=seq, part=f"{part} ({error.code})") from error

