"""How a school's laptop begins: it opens the prefill with the code and makes its own keys.

Its first packages carry the certificates that the code signed (``docs/format.md`` 3.5), so that the server knows them without
a trip of their own.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from exchange import errors, homes, spool
from exchange.clocks import system_clock
from exchange.format.body import read_body
from exchange.format.certificate import KeyKind
from exchange.format.changeset import chain_start
from exchange.giving import keep
from exchange.nodes import KEYS, Clock, SchoolNode
from exchange.reading import changesets
from exchange.records import Block, Cause, Op, PackageKind, Position
from exchange.rules.heads import active_heads
from exchange.schema import SCHEMA
from exchange.school import capture
from exchange.school.applying import load
from exchange.school.carrying import Counted, carry, former_store
from exchange.school.headship import seat_head
from exchange.store.reference import load_reference
from exchange.store.rows import fetch, upsert_rows
from exchange.store.school import FILE, SchoolStore
from exchange.store.semester import running_semester
from exchange.store.source import StoreSource
from exchange.trust.certificates import anchor, issue
from exchange.trust.codes import code_identity, parse_code
from exchange.trust.keyfiles import check_passphrase, save_head_key, save_identity
from exchange.trust.keys import fingerprint, new_identity
from exchange.trust.opening import COMMANDS, VerifiedPackage, inspect_package, open_package


@dataclass(frozen=True, slots=True)
class SchoolMade:
    """A new installation: whose it is, what the prefill held, and what unsent work came from a former laptop."""

    npsn: str
    sekolah_id: str
    nama: str
    rows: dict[str, int]
    fingerprint: str
    carried: Counted = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim school init --json``."""
        return {
            "npsn": self.npsn,
            "sekolah_id": self.sekolah_id,
            "nama": self.nama,
            "rows": self.rows,
            "fingerprint": self.fingerprint,
            "carried": self.carried,
        }


def init_school(
    home: Path,
    source: Path,
    code: str,
    passphrase: str,
    *,
    former: Path | None = None,
    clock: Clock = system_clock,
) -> SchoolMade:
    """Open a prefill with its registration code: make the store, this laptop's key and the head's.

    Args:
        home: Folder of the new installation.
        source: The prefill.
        code: The registration code as somebody typed it.
        passphrase: The head's, at least 12 characters.
        former: Folder of the laptop that this one replaces: its unsent work comes along, as unsent work.
        clock: Seconds since 1970.

    Raises:
        HomeExists: KF-102.
        PassphraseShort: KF-107.
        HomeMissing, OtherSchool: KF-101, KF-120, of the former folder.
        CodeWrong: KF-105, this code does not open this prefill.
        FileError, TrustError: KF-2xx, KF-3xx, the file is damaged or no prefill.
    """
    check_passphrase(passphrase)
    _check_unused(home)
    raw = parse_code(code)
    with spool.read_package(source) as file, _open_prefill(file, raw) as package:
        homes.make_home(home, ("inbox", "outbox"))
        # A store that is not finished has no name of its own yet: a killed init leaves nothing that looks like one.
        with homes.building(home) as place:
            made = _make_school(place, file, package, raw, passphrase, clock, former)
    return made


def may_begin(home: Path, source: Path) -> Callable[[str], None]:
    """Return what tells whether a code is that of a prefill, once it is known that a school can be made of it here.

    Nothing is asked of anybody for a home that is in use, or a file that is no prefill.

    Args:
        home: Folder of the new installation.
        source: The prefill.

    Returns:
        Raises CodeWrong (KF-105) for a code that does not open it.

    Raises:
        HomeExists: KF-102.
        FileError, OtherKind: KF-2xx, KF-301, the file is damaged or no prefill.
        FileUnreadable, FolderUnwritable: KF-702, KF-703.
    """
    _check_unused(home)
    with spool.read_package(source) as file:
        shown = inspect_package(file)
    header = shown.header
    if header is None or shown.error is not None:
        raise shown.error or errors.NotOurs()
    if header.kind is not PackageKind.PREFILL:
        raise errors.OtherKind(
            found=header.kind.name, wanted=PackageKind.PREFILL.name, command=COMMANDS[header.kind]
        )
    receivers = {wrap.receiver for wrap in header.wraps}

    def check(code: str) -> None:
        if code_identity(parse_code(code), header.scope).key_id not in receivers:
            raise errors.CodeWrong()

    return check


def _check_unused(home: Path) -> None:
    """Return only if no installation stands in a folder; what a killed start left is taken away."""
    homes.unbuild(home)
    with spool.disk(home):
        if (home / KEYS).exists() or (home / FILE).exists():
            raise errors.HomeExists(home=str(home))


def _open_prefill(file: BinaryIO, code: bytes) -> VerifiedPackage:
    shown = inspect_package(file)
    file.seek(0)
    if shown.header is None:
        raise shown.error or errors.NotOurs()
    identity = code_identity(code, shown.header.scope)
    trusted = anchor(identity.public, shown.header.scope)
    try:
        package = open_package(
            file,
            kinds={PackageKind.PREFILL},
            identities={identity.key_id: identity},
            seen=lambda _: False,
            find=lambda scope, key: trusted if key == trusted.key_id else None,
        )
    except errors.OtherReceiver as error:
        raise errors.CodeWrong() from error
    assert isinstance(package, VerifiedPackage)
    return package


def _make_school(
    home: Path,
    file: BinaryIO,
    package: VerifiedPackage,
    code: bytes,
    passphrase: str,
    clock: Clock,
    former: Path | None,
) -> SchoolMade:
    scope = str(uuid.UUID(bytes=package.header.scope))
    identity = code_identity(code, scope)
    device, head = new_identity(KeyKind.PERANGKAT), new_identity(KeyKind.KEPALA)
    with closing(SchoolStore.create(home, SCHEMA, clock)) as store, store.transaction(), store.capture_off():
        load_reference(store.db, SCHEMA)
        count, named, waiting = _take_prefill(store, scope, device.key_id, file, package)
        npsn, nama, bentuk = store.db.execute(
            "SELECT npsn, nama, bentuk_pendidikan_id FROM sekolah WHERE sekolah_id = ?", (scope,)
        ).fetchone()
        running = running_semester(store.db)
        store.set(code=identity.key_id.hex(), npsn=npsn, nama=nama, bentuk=bentuk, semester=running.semester_id)
        node = SchoolNode(store)
        node.remember("trusted", package.admitted)
        assigned = active_heads(StoreSource(store.db, SCHEMA), scope, running.tahun_ajaran_id)
        subject = uuid.UUID(assigned[0].assignment).bytes if assigned else bytes(16)
        own = [
            issue(identity, KeyKind.PERANGKAT, device.public, scope, 1),
            issue(identity, KeyKind.KEPALA, head.public, scope, 1, subject),
        ]
        node.remember("own", own)
    carried: Counted = {}
    if former is not None:
        with (
            closing(SchoolStore.open(home, SCHEMA, clock)) as store,
            former_store(former, home) as old,
            store.transaction(),
        ):
            carried = carry(store, old, named)
    with closing(SchoolStore.open(home, SCHEMA, clock)) as store, store.transaction():
        seat_head(SchoolNode(store))  # captured: a role that the prefill did not bring is the school's own change
        _enter(store, waiting)
    os.makedirs(home / KEYS, mode=0o700)
    save_identity(home / KEYS / "perangkat", device)
    # Of the code only what opens returns is kept, until one for this laptop has been applied; its signing key is not.
    save_identity(home / KEYS / "kode", identity.receiving_half())
    save_head_key(home / KEYS / "kepala", head, passphrase)
    return SchoolMade(npsn, scope, nama, count, fingerprint(device.public), carried)


def _take_prefill(
    store: SchoolStore, scope: str, device: bytes, file: BinaryIO, package: VerifiedPackage
) -> tuple[dict[str, int], Sequence[Position], list[Block]]:
    """Write a prefill's rows into an empty store as its first return.

    Returns:
        Rows by table; the newest positions of the server's log; the school's own rows that the server keeps aside.
    """
    manifest, items = read_body(package.body, SCHEMA.version)
    if manifest.answer is None:
        raise errors.Malformed(part="answer")
    store.set(
        sekolah_id=scope,
        device=device.hex(),
        chain_start=chain_start(scope, device).hex(),
        have=manifest.last,
        have_value=manifest.answer.value.hex(),
        reference=manifest.reference,
        districts=" ".join(key.hex() for key in manifest.answer.districts) or None,
    )
    store.scope = scope
    count: dict[str, int] = {}
    waiting: list[Block] = []
    for found in changesets(SCHEMA, scope, items):
        for table, rows in load(store, _standing(found.blocks, waiting)).items():
            count[table] = count.get(table, 0) + rows
    keep(store, package, Position(manifest.last, manifest.answer.value), file, count)
    return count, (*manifest.answer.returned, Position(manifest.last, manifest.answer.value[:8])), waiting


def _standing(blocks: Iterable[Block], waiting: list[Block]) -> Iterator[Block]:
    """Yield what stands at the server, and put aside what waits there."""
    for block in blocks:
        if block.cause is Cause.DISISIHKAN:
            waiting.append(block)
        else:
            yield block


def _enter(store: SchoolStore, waiting: Iterable[Block]) -> None:
    """Enter rows that the server keeps aside as unsent work.

    What a former laptop brought along stays as it is; what it had withdrawn does not come back.
    """
    withdrawn = capture.net(capture.own_blocks(store, 0, store.last))
    for block in waiting:
        names = block.rows()
        there = {*fetch(store.db, block.table, (), names), *withdrawn.get(block.table.name, {}).get(Op.DELETE, ())}
        for n, name in enumerate(names):
            if name not in there:
                with store.capture_off():
                    upsert_rows(store.db, block.table, block.columns, [values[n : n + 1] for values in block.values], None)
                capture.as_aside(store, block.table, [name])
