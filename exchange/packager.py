"""Changesets to sealed files, in both directions: a school's package, a return, a prefill.

All three are one manifest and changesets for one receiver. A school's package is its own changesets since the
server's last acknowledgement; a return is one changeset of what others did since the school's last one.
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import IO

from exchange import acts, digests, errors, spool
from exchange.contents import merged_position, school_items, school_manifest, server_items, server_manifest
from exchange.districts import for_prefill, sealed_to
from exchange.districts import riding as offices_riding
from exchange.format.body import Item, write_body
from exchange.format.container import CERTIFICATES_MAX
from exchange.giving import given_items
from exchange.limits import MIB
from exchange.nodes import SchoolNode, ServerNode
from exchange.packagefile import read_back, write_package
from exchange.records import Block, Manifest, PackageKind, Position
from exchange.school import capture
from exchange.school.capture import own_blocks
from exchange.school.confirming import approved, check_ready, tally
from exchange.school.healing import wanted_items
from exchange.school.riding import riders, rode
from exchange.school.sheet import EXPORTED, Line, Sheet, fill
from exchange.server.receipts import has_untold, receipts_after
from exchange.server.returning import baseline_blocks, reference_blocks, touched_blocks, waiting_blocks
from exchange.server.serverkeys import chain_to, riding
from exchange.server.standing import jump
from exchange.store.school import SchoolStore
from exchange.store.server import School, ServerStore
from exchange.trust.certificates import SignedCertificate, read
from exchange.trust.keys import PublicIdentity
from exchange.trust.sealing import seal

# --- a school's package -----------------------------------------------------------------------


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
        last: Number of the last changeset.
        mark: First 8 bytes of the chain value there, as people read them out: with the number it proves what was sent.
        sheet: The lines of the confirmation sheet that was ticked.
    """

    file: Path
    package_id: bytes
    number: int
    changes: dict[str, dict[str, int]]
    bytes: int
    put_back: tuple[tuple[str, str], ...] = field(default=())
    last: int = 0
    mark: str = ""
    sheet: tuple[Line, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim school export --json``."""
        return {
            "file": str(self.file),
            "package_id": self.package_id.hex(),
            "number": self.number,
            "changes": self.changes,
            "bytes": self.bytes,
            "put_back": [{"table": table, "id": row} for table, row in self.put_back],
            "last": self.last,
            "mark": self.mark,
            "sheet": [line.as_json() for line in self.sheet],
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
        out: Folder, which must be there; by default the home's outbox.

    Raises:
        NoHead, TwoHeads, HeadKeyMissing: KF-312, KF-320, KF-314.
        AccountMissing, AccountClosed, RoleMissing, OtherAccount, AccountChanged: KF-321 to KF-325.
        DataInvalid: KF-501.
        NotConfirmed, PassphraseWrong: KF-313, KF-106.
        Overtaken: KF-341, a return was applied meanwhile; no file stands.
        DiskFull, FolderUnwritable: KF-701, KF-703.

    Source:
        docs/protocol.md, rules 1 to 3; requirements R1, R2, R27.
    """
    store = node.store
    if out is not None:
        spool.named(out)
    head = check_ready(node)
    with store.transaction():
        cut = capture.cut(store)
        now = digests.pairs(store.db, store.schema, None, store.schema.version)
        store.set(digests_cut=json.dumps({n: [count, value.hex()] for n, (count, value) in now.items()}))
        first, last = store.acknowledged, store.last
        stands = _stands(store, last)
    tables, changes = tally(own_blocks(store, first, last))
    sheet = fill(store, head, changes)
    if not confirm(sheet):
        raise errors.NotConfirmed()
    approval = approved(node, head, passphrase(), first, last, tables) if last > first else None
    before = store.digests(f"digests_{first}")
    with store.transaction():
        _check_stands(store, last, stands)
        number = int(store.get("number", "0")) + 1
        told, cut_now = store.get(f"digests_{last}"), store.get("digests_cut")
        # Two files with one last changeset said different things: which of them arrived, the next one cannot know.
        told = cut_now if told in ("", cut_now) else "{}"
        store.set(number=number, last_exported_at=store.clock(), **{f"digests_{last}": told, EXPORTED: last})
    manifest = school_manifest(store, first, last, approval, digests.travelling(now, before))
    path, sealed = write_package(
        out or node.home / "outbox",
        store.get("npsn"),
        kind=PackageKind.KIRIM,
        scope=store.scope,
        number=number,
        sender=node.device,
        receivers=[node.server(), *node.districts()],
        certificates=riders(node, number),
        plaintext=write_body(
            manifest, chain(given_items(store), wanted_items(store), school_items(store, first, last))
        ),
    )
    read_back(path, node.device, store.scope, sealed)
    mark = (store.value_at(last) or b"")[:8].hex("-", 2)
    try:
        with store.transaction():
            _check_stands(store, last, stands)
            rode(node, sealed.package_id)
    except errors.Overtaken:
        spool.remove(path)
        raise
    return Exported(path, sealed.package_id, number, sheet.changes, sealed.size, cut.put_back, last, mark, sheet.lines)


def _stands(store: SchoolStore, last: int) -> tuple[object, ...]:
    """Return everything that an approval speaks of and a return changes: what is acknowledged, applied, and in the chain."""
    return store.acknowledged, store.have, store.value_at(last)


def _check_stands(store: SchoolStore, last: int, stands: tuple[object, ...]) -> None:
    """Return only if no other program has applied a return while the head read and typed: he would not have approved this.

    Raises:
        Overtaken: KF-341.
    """
    store.refresh()
    if _stands(store, last) != stands:
        raise errors.Overtaken()


# --- returns ----------------------------------------------------------------------------------


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


@dataclass(frozen=True, slots=True)
class Returns:
    """Return packages written, and schools that were left out with the reason."""

    written: tuple[Returned, ...]
    skipped: tuple[dict[str, str], ...]

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server return --json``."""
        return {"written": [one.as_json() for one in self.written], "skipped": list(self.skipped)}


def due(server: ServerNode, school: School) -> bool:
    """Whether a school has something to receive: its last *I have*, its reference rows, or what it knows to be
    acknowledged, lags.
    """
    last = server.store.db.value(
        "SELECT last FROM kirim_key WHERE scope = ? AND key_id = ?", (school.sekolah_id, school.device)
    )
    merged = int(last or 0)
    return (
        school.have < school.position
        or school.reference < server.store.reference
        or min(school.told, school.own) < merged
        or bool(server.store.lost(school))
        or has_untold(server.store, school)
    )


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
        DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    store = server.store
    if out is not None:
        spool.named(out)
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


def _answer(server: ServerNode, school: School, out: Path | None) -> Returned:
    store = server.store
    changes: dict[str, int] = {}
    with tempfile.SpooledTemporaryFile(max_size=MIB) as plain:
        with store.act("return", school.sekolah_id):
            school = store.reread(school)
            apart, merged = digests.diverged(store, school), merged_position(store, school)
            news = school.position == school.have and (apart or school.told > merged.number)
            if news or has_untold(store, school):
                school = jump(store, school, school.position)  # a return must be news to be heard
            first = Position(school.have, store.log_value(school, school.have)[:8])
            number = school.returns + 1
            receipts, outcomes = receipts_after(store, school, first.number)
            manifest = server_manifest(store, school, first, merged, receipts, _keys_told(store, school))
            store.db.execute(
                "UPDATE kirim_school SET diverged = ?, returns = ? WHERE sekolah_id = ?",
                (json.dumps([table.name for table in apart]), number, school.sekolah_id),
            )
            items = server_items(
                store,
                school,
                _tallied(touched_blocks(store, school, first.number), changes),
                reference_blocks(store, school.reference),
                outcomes=outcomes,
                hashes=(digests.pack_hashes(store.db, table, school.sekolah_id, school.schema) for table in apart),
            )
            certificates = riding(server, school)
            certificates += offices_riding(server, school, CERTIFICATES_MAX - len(certificates))
            _lay_down(plain, store, school, PackageKind.BALASAN, number, manifest, items)
        path = _seal(
            plain,
            server,
            school,
            PackageKind.BALASAN,
            number,
            folder=out or server.home / "outbox" / school.npsn,
            receiver=server.receiver(school.sekolah_id, school.device),
            certificates=certificates,
        )
    return Returned(school.npsn, path, number, changes)


def _tallied(blocks: Iterable[Block], changes: dict[str, int]) -> Iterator[Block]:
    rows: dict[str, set[str]] = {}
    for block in blocks:
        rows.setdefault(block.table.name, set()).update(block.rows())
        changes[block.table.name] = len(rows[block.table.name])
        yield block


# --- prefills ---------------------------------------------------------------------------------


def prefill(server: ServerNode, scope: str, receiver: PublicIdentity, folder: Path) -> Path:
    """Write a prefill: everything in a school's scope, sealed to a registration code's public key."""
    with tempfile.SpooledTemporaryFile(max_size=MIB) as plain:
        school, number = _prefilled(plain, server, scope)
        return _seal(
            plain,
            server,
            school,
            PackageKind.PREFILL,
            number,
            folder=folder,
            receiver=receiver,
            certificates=_chain(server, scope, receiver),
        )


def prefill_bytes(server: ServerNode, scope: str, receiver: PublicIdentity) -> tuple[str, bytes]:
    """Return a prefill's usual name and its bytes, for an answer that brings it. Part of the caller's transaction."""
    out = io.BytesIO()
    with tempfile.SpooledTemporaryFile(max_size=MIB) as plain:
        school, number = _prefilled(plain, server, scope)
        plain.seek(0)
        seal(
            kind=PackageKind.PREFILL,
            scope=scope,
            number=number,
            sender=server.identity,
            receivers=[receiver],
            certificates=_chain(server, scope, receiver),
            plaintext=iter(lambda: plain.read(MIB), b""),
            out=out,
            folder=server.files / "held",
        )
    return f"{PackageKind.PREFILL.name}-{school.npsn}-{number:06}.kirim", out.getvalue()


def copy_bytes(server: ServerNode, school: School) -> bytes:
    """Return a school's rows as a prefill says them, for an office that keeps a copy; no record has a mark of it.

    Args:
        server: The server, in the caller's transaction.
        school: Whose rows.
    """
    store = server.store
    school = replace(school, device=b"", own=0, schema=store.schema.version)
    manifest = server_manifest(store, school, Position(0, store.log_value(school, 0)[:8]), Position(0, bytes(8)))
    items = server_items(store, school, baseline_blocks(store, school), reference_blocks(store, 0))
    return b"".join(write_body(manifest, items))


def _prefilled(plain: IO[bytes], server: ServerNode, scope: str) -> tuple[School, int]:
    """Lay a prefill's content down and return the school as one without a laptop, and the prefill's number."""
    store = server.store
    with store.act("prefill", scope):
        school = store.school(scope)
        assert school is not None
        if not school.device:
            store.db.execute("UPDATE kirim_school SET reference = ? WHERE sekolah_id = ?", (store.reference, scope))
        school = replace(school, device=b"", own=0)  # whoever opens it has no chain yet
        number = 1 + int(store.db.value("SELECT count(*) FROM kirim_return WHERE scope = ? AND kind = 1", (scope,)))
        first = Position(0, store.log_value(school, 0)[:8])
        manifest = server_manifest(store, school, first, Position(0, bytes(8)), districts=_keys_told(store, school))
        told = chain(baseline_blocks(store, school, guests=True), waiting_blocks(store, school))
        items = server_items(store, school, told, reference_blocks(store, 0))
        _lay_down(plain, store, school, PackageKind.PREFILL, number, manifest, items)
    return school, number


def _keys_told(store: ServerStore, school: School) -> tuple[bytes, ...]:
    return tuple(one.key for one in sealed_to(store, school.sekolah_id))


def _chain(server: ServerNode, scope: str, receiver: PublicIdentity) -> list[SignedCertificate]:
    """Return what lets a new school check the server: the root by the code, the server by the root."""
    body, signature = server.store.db.execute(
        "SELECT root, root_signature FROM kirim_code WHERE scope = ? AND key_id = ?", (scope, receiver.key_id)
    ).fetchone()
    chain = [read(bytes(body), bytes(signature)), *chain_to(server)]
    return [*chain, *for_prefill(server, scope, CERTIFICATES_MAX - len(chain))]


# --- what the server writes -------------------------------------------------------------------


def _lay_down(
    plain: IO[bytes],
    store: ServerStore,
    school: School,
    kind: PackageKind,
    number: int,
    manifest: Manifest,
    items: Iterable[tuple[Item, bytes]],
) -> None:
    """Write a body aside and remember what it says; it is sealed when the store has let go."""
    for piece in write_body(manifest, items):
        plain.write(piece)
    root = manifest.digests.root if manifest.digests else None
    store.db.execute(
        "INSERT INTO kirim_return (scope, kind, number, first, position, value, made_at, root, ledger, reference) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            school.sekolah_id,
            int(kind),
            number,
            manifest.first.number,
            school.position,
            school.value,
            store.clock(),
            root,
            acts.head(store)[0],
            manifest.reference,
        ),
    )


def _seal(
    plain: IO[bytes],
    server: ServerNode,
    school: School,
    kind: PackageKind,
    number: int,
    *,
    folder: Path,
    receiver: PublicIdentity,
    certificates: Sequence[SignedCertificate] = (),
) -> Path:
    plain.seek(0)
    path, _ = write_package(
        folder,
        school.npsn,
        kind=kind,
        scope=school.sekolah_id,
        number=number,
        sender=server.identity,
        receivers=[receiver],
        certificates=certificates,
        plaintext=iter(lambda: plain.read(MIB), b""),
    )
    return path
