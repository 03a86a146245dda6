"""Changesets to sealed files, in both directions: a school's package, a return, a prefill.

All three are one manifest and changesets for one receiver. A school's package is its own changesets since the
server's last acknowledgement; a return is one changeset of what others did since the school's last one.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import IO, BinaryIO

from exchange import __version__, capture, digests, errors, spool
from exchange.capture import Net, counted, own_blocks
from exchange.consent import CONSENT, CONSENT_VERSION
from exchange.format.body import Item, write_body
from exchange.format.certificate import KeyKind
from exchange.format.changeset import encode_changeset
from exchange.limits import MIB, POSITIONS_MAX
from exchange.nodes import SchoolNode, ServerNode
from exchange.receipts import receipts_after
from exchange.records import (
    Answer,
    Block,
    ChangesetHead,
    Manifest,
    Op,
    PackageKind,
    Position,
    Receipt,
)
from exchange.returning import baseline_blocks, reference_blocks, touched_blocks
from exchange.rules.heads import Head, active_heads
from exchange.rules.local import validate
from exchange.store import chains
from exchange.store.reference import running_semester
from exchange.store.server import School
from exchange.store.source import StoreSource
from exchange.trust.approval import ApprovalFacts, approve
from exchange.trust.certificates import SignedCertificate, anchor
from exchange.trust.keys import Identity, PublicIdentity
from exchange.trust.opening import open_with_file_key
from exchange.trust.sealing import Sealed, seal

PROGRAM = __version__[:16]

RETURNED_MAX = 16
"""Positions of earlier returns that a return names (``docs/protocol.md`` 19)."""


# --- a school's package -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sheet:
    """*Lembar Konfirmasi*: what the head confirms before anything is sent.

    Attributes:
        head: Who approves.
        changes: Rows by table and operation that this package carries.
        consent: Text of the *Persetujuan*.
    """

    head: Head
    changes: dict[str, dict[str, int]]
    consent: str = CONSENT


@dataclass(frozen=True, slots=True)
class Exported:
    """A package that was written and read back.

    Attributes:
        file: Where it lies.
        package_id: What names it.
        number: The school's count of files.
        changes: Net rows by table and operation.
        bytes: Size of the file.
        put_back: Rows that another program had removed from the store's file; they stand again.
    """

    file: Path
    package_id: bytes
    number: int
    changes: dict[str, dict[str, int]]
    bytes: int
    put_back: tuple[tuple[str, str], ...] = field(default=())

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim school export --json``."""
        return {
            "file": str(self.file),
            "package_id": self.package_id.hex(),
            "number": self.number,
            "changes": self.changes,
            "bytes": self.bytes,
            "put_back": [{"table": table, "id": row} for table, row in self.put_back],
        }


def export(
    node: SchoolNode, *, passphrase: Callable[[], str], confirm: Callable[[Sheet], bool], out: Path | None = None
) -> Exported:
    """Write one package with everything that the server has not acknowledged.

    It asks nothing and changes nothing while data are invalid or no head is assigned. A lost file costs nothing: the
    next one carries what it carried.

    Args:
        node: The school.
        passphrase: Gives the head's passphrase; asked only when there is something to approve.
        confirm: Shows the confirmation sheet and the consent, and returns whether both were given.
        out: Folder; by default the home's outbox.

    Raises:
        NoHead, HeadKeyMissing, DataInvalid: KF-312, KF-314, KF-501.
        NotConfirmed, PassphraseWrong: KF-313, KF-106.
        DiskFull, FolderUnwritable: KF-701, KF-703.

    Source:
        docs/protocol.md, rules 1 to 3; requirements R1, R2, R27.
    """
    store = node.store
    head = check_ready(node)
    with store.transaction():
        cut = capture.cut(store)
        now = digests.pairs(store.db, store.schema, None)
        store.set(digests_cut=json.dumps({n: [count, value.hex()] for n, (count, value) in now.items()}))
    first, last = store.acknowledged, store.last
    tables, changes = _count(own_blocks(store, first, last))
    if not confirm(Sheet(head, counted(changes))):
        raise errors.NotConfirmed()
    approval = None
    if last > first:
        facts = approval_facts(
            scope=store.scope,
            device=store.device,
            first=first,
            last=last,
            value=store.value_at(last) or b"",
            have=store.have_position,
            tables=tables,
        )
        approval = approve(
            node.head(passphrase()),
            facts,
            role=head.role,
            assignment=uuid.UUID(head.assignment).bytes,
            consent=CONSENT_VERSION,
            made_at=store.clock(),
        )
    before = store.digests(f"digests_{first}")
    with store.transaction():
        number = int(store.get("number", "0")) + 1
        told, cut_now = store.get(f"digests_{last}"), store.get("digests_cut")
        # Two files with one last changeset said different things: which of them arrived, the next one cannot know.
        told = cut_now if told in ("", cut_now) else "{}"
        store.set(number=number, last_exported_at=store.clock(), **{f"digests_{last}": told})
    manifest = Manifest(
        schema=store.schema.version,
        program=PROGRAM,
        made_at=store.clock(),
        have=store.have_position,
        first=Position(first, (store.value_at(first) or b"")[:8]),
        last=last,
        reference=int(store.get("reference", "0")),
        approval=approval,
        digests=digests.travelling(now, before),
    )
    if store.get("tell_all"):
        manifest = replace(manifest, have_older=_have_older(node), first_older=_first_older(node))
    items = (
        (Item.HEAD if n == 0 else Item.BLOCK, part)
        for changeset in range(first + 1, last + 1)
        for n, part in enumerate(chains.read_parts(store.db, store.scope, store.device, changeset))
    )
    folder = out or node.home / "outbox"
    path, sealed = _write(
        folder,
        f"KIRIM-{store.get('npsn')}-{number:06}",
        kind=PackageKind.KIRIM,
        scope=store.scope,
        number=number,
        sender=node.device,
        receivers=[node.server()],
        certificates=_riders(node),
        plaintext=write_body(manifest, items),
    )
    _read_back(path, node.device, store.scope, sealed)
    return Exported(path, sealed.package_id, number, counted(changes), sealed.size, cut.put_back)


def check_ready(node: SchoolNode) -> Head:
    """Return the assigned head when nothing stands in the way of an export.

    Raises:
        NoHead: KF-312. HeadKeyMissing: KF-314. DataInvalid: KF-501.
    """
    store = node.store
    source = StoreSource(store.db, store.schema)
    running = running_semester(store.db)
    heads = active_heads(source, store.scope, running.tahun_ajaran_id)
    if not heads:
        raise errors.NoHead()
    head = heads[0]
    certificate = node.head_certificate()
    if certificate is None or certificate.subject not in (bytes(16), uuid.UUID(head.assignment).bytes):
        raise errors.HeadKeyMissing()
    day = date.fromtimestamp(store.clock())  # the laptop's own civil date, as all of Dapodik's dates
    with store.db.transaction():
        found = validate(
            source, store.schema, day, running.semester_id, running.tahun_ajaran_id, sekolah_id=store.scope
        )
        invalid = {(finding.table, finding.row) for finding in found if finding.level.name == "INVALID"}
    if invalid:
        raise errors.DataInvalid(count=len(invalid))
    return head


def _count(blocks: Iterable[Block]) -> tuple[dict[tuple[int, Op], int], Net]:
    """Return changes by table and operation as the approval counts them, and the net rows."""
    tables: dict[tuple[int, Op], int] = {}
    changes: Net = {}
    for block in blocks:
        key = (block.table.number, block.op)
        tables[key] = tables.get(key, 0) + block.count
        capture.net([block], changes)
    return tables, changes


def approval_facts(
    *, scope: str, device: bytes, first: int, last: int, value: bytes, have: Position, tables: dict[tuple[int, Op], int]
) -> ApprovalFacts:
    """Return what the head signs: exactly one chain, on one position of the server, with these counts."""
    numbers = sorted({number for number, _ in tables})
    counts = [
        (
            number,
            tables.get((number, Op.INSERT), 0),
            tables.get((number, Op.UPDATE), 0),
            tables.get((number, Op.DELETE), 0),
        )
        for number in numbers
    ]
    return ApprovalFacts(
        scope=scope,
        device=device,
        first=first,
        last=last,
        value=value,
        have=have,
        counts=counts,
        consent_hash=hashlib.sha256(CONSENT.encode()).digest(),
    )


def _riders(node: SchoolNode) -> list[SignedCertificate]:
    """Return the certificates that the server may lack: until a return sealed to this laptop has been applied."""
    return node.signed("own") if node.store.get("code") else []


def _have_older(node: SchoolNode) -> tuple[Position, ...]:
    rows = node.store.db.execute(
        "SELECT position, value FROM kirim_return ORDER BY position DESC LIMIT ?", (POSITIONS_MAX,)
    )
    return tuple(Position(number, bytes(value)[:8]) for number, value in rows)


def _first_older(node: SchoolNode) -> tuple[Position, ...]:
    store = node.store
    found = chains.chain(store.db, store.scope, store.device, 0, store.acknowledged)
    return tuple(Position(entry.number, entry.value[:8]) for entry in reversed(found[-POSITIONS_MAX:]))


def _read_back(path: Path, sender: Identity, scope: str, sealed: Sealed) -> None:
    """Open the file that was just written, from its medium, and compare what it holds (R27)."""
    with spool.read_package(path) as file:
        trusted = anchor(sender.public, scope)
        with closing(open_with_file_key(file, sender=trusted, file_key=sealed.file_key).body):
            pass


def _write(
    folder: Path,
    stem: str,
    *,
    kind: PackageKind,
    scope: str,
    number: int,
    sender: Identity,
    receivers: Sequence[PublicIdentity],
    certificates: Sequence[SignedCertificate],
    plaintext: Iterable[bytes],
) -> tuple[Path, Sealed]:
    made: list[Sealed] = []

    def write(file: BinaryIO) -> None:
        made.append(
            seal(
                kind=kind,
                scope=scope,
                number=number,
                sender=sender,
                receivers=receivers,
                certificates=certificates,
                plaintext=plaintext,
                out=file,
                folder=folder,
            )
        )

    path = spool.put(folder, spool.free_name(folder, stem, ".kirim"), write)
    return path, made[0]


# --- returns and prefills ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Returned:
    """One return package that was written."""

    npsn: str
    file: Path
    number: int
    changes: dict[str, int]

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server return --json``."""
        return {"npsn": self.npsn, "file": str(self.file), "number": self.number, "changes": self.changes}


def due(server: ServerNode, school: School) -> bool:
    """Whether a school has something to receive: its last *I have*, or what it knows to be acknowledged, lags."""
    last = server.store.db.value(
        "SELECT last FROM kirim_key WHERE scope = ? AND key_id = ?", (school.sekolah_id, school.device)
    )
    return school.have < school.position or school.told < int(last or 0)


def write_return(server: ServerNode, npsn: str, out: Path | None = None) -> Returned:
    """Write one return package: what others did since the school's last *have*, receipts and outcomes.

    It needs nothing from the school but its registration: a new head's assignment reaches a school that cannot export.

    Raises:
        SchoolUnknown: KF-103.
        DiskFull, FolderUnwritable: KF-701, KF-703.

    Source:
        docs/protocol.md, rules 17 to 20.
    """
    return _answer(server, server.store.school_by_npsn(npsn), out)


def _answer(server: ServerNode, school: School, out: Path | None) -> Returned:
    store = server.store
    with tempfile.SpooledTemporaryFile(max_size=MIB) as plain:
        with store.db.transaction():
            school = store.school(school.sekolah_id) or school
            number = school.returns + 1
            first = Position(school.have, store.log_value(school, school.have)[:8])
            merged = _merged(server, school)
            receipts, outcomes = receipts_after(server, school, first.number)
            changes: dict[str, int] = {}
            manifest = _manifest(server, school, first, merged, receipts)
            blocks = touched_blocks(store, school, first.number)
            reference = int(
                store.db.value("SELECT value FROM kirim_meta WHERE name = ?", (f"reference_{school.sekolah_id}",)) or 0
            )
            apart = digests.diverged(store, school)
            store.db.execute(
                "UPDATE kirim_school SET diverged = ? WHERE sekolah_id = ?",
                (json.dumps([table.name for table in apart]), school.sekolah_id),
            )
            hashes = (digests.pack_hashes(store.db, table, school.sekolah_id) for table in apart)
            items = _items(
                server, school, outcomes, _tallied(blocks, changes), reference_blocks(store, reference), hashes
            )
            for piece in write_body(manifest, items):
                plain.write(piece)
            store.db.execute("UPDATE kirim_school SET returns = ? WHERE sekolah_id = ?", (number, school.sekolah_id))
            store.db.execute(
                "INSERT INTO kirim_return (scope, kind, number, first, position, value, made_at) VALUES (?, 3, ?, ?, ?, ?, ?)",
                (school.sekolah_id, number, first.number, school.position, school.value, store.clock()),
            )
        plain.seek(0)
        folder = out or server.home / "outbox" / school.npsn
        path, _ = _write(
            folder,
            f"BALASAN-{school.npsn}-{number:06}",
            kind=PackageKind.BALASAN,
            scope=school.sekolah_id,
            number=number,
            sender=server.identity,
            receivers=[server.receiver(school.sekolah_id, school.device)],
            certificates=[],
            plaintext=_pieces(plain),
        )
    return Returned(school.npsn, path, number, changes)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: file.read(MIB), b"")


def _merged(server: ServerNode, school: School) -> Position:
    """Return how far the school's chain is merged, as a position of that chain."""
    row = server.store.db.execute(
        "SELECT last, value FROM kirim_key WHERE scope = ? AND key_id = ?", (school.sekolah_id, school.device)
    ).fetchone()
    return Position(row[0], bytes(row[1])[:8]) if row and row[1] else Position(0, bytes(8))


def _manifest(
    server: ServerNode, school: School, first: Position, merged: Position, receipts: tuple[Receipt, ...]
) -> Manifest:
    store = server.store
    returned = store.db.execute(
        "SELECT DISTINCT position, value FROM kirim_return WHERE scope = ? AND position > ? ORDER BY position DESC LIMIT ?",
        (school.sekolah_id, first.number, RETURNED_MAX),
    )
    positions = tuple(sorted((Position(p, bytes(v)[:8]) for p, v in returned), key=lambda position: position.number))
    ledger = store.db.value("SELECT ledger FROM kirim_package ORDER BY seq DESC LIMIT 1")
    return Manifest(
        schema=store.schema.version,
        program=PROGRAM,
        made_at=store.clock(),
        have=merged,
        first=first,
        last=school.position,
        reference=int(store.get("reference", "0")),
        receipts=receipts,
        digests=digests.returned(store, school),
        ledger=bytes(ledger or bytes(32)),
        answer=Answer(value=school.value, shared=merged, returned=positions),
    )


def _tallied(blocks: Iterable[Block], changes: dict[str, int]) -> Iterator[Block]:
    rows: dict[str, set[str]] = {}
    for block in blocks:
        rows.setdefault(block.table.name, set()).update(block.rows())
        changes[block.table.name] = len(rows[block.table.name])
        yield block


def _items(
    server: ServerNode,
    school: School,
    outcomes: Iterable[tuple[int, bytes]],
    blocks: Iterable[Block],
    reference: Iterable[Block],
    hashes: Iterable[bytes] = (),
) -> Iterator[tuple[Item, bytes]]:
    schema, scope = server.store.schema, school.sekolah_id
    for number, outcome in outcomes:
        yield Item.OUTCOME, number.to_bytes(4, "big") + outcome
    for packed in hashes:
        yield Item.HASHES, packed
    head = ChangesetHead(school.position, _merged(server, school))
    for kind, content in ((Item.REFERENCE, reference), (Item.HEAD, blocks)):
        for n, part in enumerate(encode_changeset(schema, scope, head, content)):
            yield (Item.BLOCK if n else kind), part


def prefill(server: ServerNode, scope: str, receiver: PublicIdentity, folder: Path) -> Path:
    """Write a prefill: everything in a school's scope, sealed to a registration code's public key."""
    store = server.store
    with tempfile.SpooledTemporaryFile(max_size=MIB) as plain:
        with store.db.transaction():
            school = store.school(scope)
            assert school is not None
            number = 1 + int(store.db.value("SELECT count(*) FROM kirim_return WHERE scope = ? AND kind = 1", (scope,)))
            manifest = _manifest(server, school, Position(0, store.log_value(school, 0)[:8]), Position(0, bytes(8)), ())
            items = _items(server, school, (), baseline_blocks(store, school), reference_blocks(store, 0))
            for piece in write_body(manifest, items):
                plain.write(piece)
            store.db.execute(
                "INSERT INTO kirim_return (scope, kind, number, first, position, value, made_at) "
                "VALUES (?, 1, ?, 0, ?, ?, ?)",
                (scope, number, school.position, school.value, store.clock()),
            )
        plain.seek(0)
        path, _ = _write(
            folder,
            f"PREFILL-{school.npsn}-{number:06}",
            kind=PackageKind.PREFILL,
            scope=scope,
            number=number,
            sender=server.identity,
            receivers=[receiver],
            certificates=_chain(server, scope, receiver),
            plaintext=_pieces(plain),
        )
    return path


def _chain(server: ServerNode, scope: str, receiver: PublicIdentity) -> list[SignedCertificate]:
    """Return what lets a new school check the server: the root by the code, the server by the root."""
    from exchange.trust.certificates import read

    body, signature = server.store.db.execute(
        "SELECT root, root_signature FROM kirim_code WHERE scope = ? AND key_id = ?", (scope, receiver.key_id)
    ).fetchone()
    centre = server.certificates(str(uuid.UUID(int=0)), KeyKind.PUSAT)
    return [read(bytes(body), bytes(signature)), centre[-1]]


@dataclass(frozen=True, slots=True)
class Returns:
    """Return packages written, and schools that were left out with the reason."""

    written: tuple[Returned, ...]
    skipped: tuple[dict[str, str], ...]

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server return --json``."""
        return {"written": [one.as_json() for one in self.written], "skipped": list(self.skipped)}


def write_returns(
    server: ServerNode,
    npsns: Sequence[str] = (),
    *,
    all_: bool = False,
    out: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Returns:
    """Write return packages: for the schools named, always; with ``all_`` for every school with something to receive.

    Raises:
        SchoolUnknown: KF-103, before anything is written.
    """
    store = server.store
    named = [store.school_by_npsn(npsn) for npsn in npsns]
    wanted = named + [s for s in store.schools() if all_ and s not in named and due(server, s)]
    written: list[Returned] = []
    skipped: list[dict[str, str]] = []
    for n, school in enumerate(wanted, 1):
        if not server.can_receive(school):
            skipped.append({"npsn": school.npsn, "reason": "no_key"})
            continue
        written.append(_answer(server, school, out))
        if progress:
            progress(n, len(wanted))
    return Returns(tuple(written), tuple(skipped))
