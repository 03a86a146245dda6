"""How a server and its schools come to know one another, without a trip of its own.

The server registers a school and hands out a registration code and a prefill, on two ways. The school opens the prefill with the
code and makes its own keys; its first packages carry the certificates that the code signed (``docs/format.md`` 6).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from exchange import errors, spool
from exchange.applying import load
from exchange.central import heads
from exchange.central.recording import record
from exchange.format.body import read_body
from exchange.format.certificate import KeyKind
from exchange.format.changeset import chain_start
from exchange.interop.lists import SchoolRow
from exchange.nodes import CENTRE_SCOPE, KEYS, Clock, SchoolNode, ServerNode, system_clock
from exchange.packager import prefill
from exchange.reading import changesets
from exchange.records import Block, Cause, Op, PackageKind
from exchange.schema import SCHEMA
from exchange.store.reference import load_reference, running_semester
from exchange.store.school import SchoolStore
from exchange.store.server import ServerStore
from exchange.trust.certificates import SignedCertificate, anchor, issue
from exchange.trust.codes import code_identity, new_code, parse_code
from exchange.trust.keyfiles import check_passphrase, load_identity, save_head_key, save_identity
from exchange.trust.keys import Identity, fingerprint, new_identity
from exchange.trust.opening import VerifiedPackage, inspect_package, open_package

FOLDERS = ("inbox", "outbox", "archive", "held", "quarantine")
"""What a server's home holds beside its database and keys."""


@dataclass(frozen=True, slots=True)
class ServerMade:
    """A new server: its key's id and what people compare of it."""

    key_id: str
    fingerprint: str

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server init --json``."""
        return {"key_id": self.key_id, "fingerprint": self.fingerprint}


@dataclass(frozen=True, slots=True)
class SchoolAdded:
    """A registered school: where its code and prefill lie."""

    npsn: str
    sekolah_id: str
    code_file: Path
    prefill: Path

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server school add --json``."""
        return {
            "npsn": self.npsn,
            "sekolah_id": self.sekolah_id,
            "code_file": str(self.code_file),
            "prefill": str(self.prefill),
        }


@dataclass(frozen=True, slots=True)
class SchoolMade:
    """A new installation: whose it is and what the prefill held."""

    npsn: str
    sekolah_id: str
    nama: str
    rows: dict[str, int]
    fingerprint: str

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim school init --json``."""
        return {
            "npsn": self.npsn,
            "sekolah_id": self.sekolah_id,
            "nama": self.nama,
            "rows": self.rows,
            "fingerprint": self.fingerprint,
        }


def today(clock: Clock) -> str:
    """Return the date by a clock, as an ISO text."""
    return datetime.fromtimestamp(clock(), UTC).date().isoformat()


# --- the server -------------------------------------------------------------------------------


def init_server(home: Path, db: str | None = None, *, clock: Clock = system_clock) -> ServerMade:
    """Make a server's home, database and keys, and load the reference rows that ship with the program.

    Raises:
        HomeExists: KF-102.
        FolderUnwritable, DiskFull: KF-703, KF-701.
    """
    keys = home / KEYS
    if keys.exists():
        raise errors.HomeExists(home=str(home))
    with spool.disk(home):
        home.mkdir(parents=True, exist_ok=True)
        for name in FOLDERS:
            (home / name).mkdir(exist_ok=True)
    store = ServerStore.create(home, SCHEMA, clock, db)
    made = {kind: new_identity(kind) for kind in (KeyKind.AKAR, KeyKind.PUSAT, KeyKind.ARSIP)}
    spare = new_identity(KeyKind.AKAR)
    root, server = made[KeyKind.AKAR], made[KeyKind.PUSAT]
    issued = [
        issue(root, KeyKind.AKAR, spare.public, CENTRE_SCOPE, 2),
        issue(root, KeyKind.PUSAT, server.public, CENTRE_SCOPE, 1),
    ]
    os.makedirs(keys, mode=0o700)
    for name, identity in (("akar", root), ("akar-cadangan", spare), ("pusat", server), ("arsip", made[KeyKind.ARSIP])):
        save_identity(keys / name, identity)
    with store.db.transaction():
        load_reference(store.db, SCHEMA)
        for signed in issued:
            _add_key(store, str(uuid.UUID(bytes=CENTRE_SCOPE)), signed)
    store.close()
    return ServerMade(server.key_id.hex(), fingerprint(server.public))


def _add_key(store: ServerStore, scope: str, signed: SignedCertificate, state: str = "aktif") -> None:
    certificate = signed.certificate
    store.db.execute(
        "INSERT INTO kirim_key (scope, key_id, kind, body, signature, subject, state) VALUES (?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (scope, key_id) DO NOTHING",
        (scope, certificate.key_id, int(certificate.kind), signed.body, signed.signature, certificate.subject, state),
    )


def add_schools(
    server: ServerNode,
    given: Iterable[SchoolRow],
    *,
    out: Path | None = None,
    new_id: Callable[[], uuid.UUID] = uuid.uuid4,
    progress: Callable[[int], None] | None = None,
) -> list[SchoolAdded]:
    """Register schools, all or none, and write each one's code and prefill.

    Args:
        server: The server.
        given: NPSN, name, kind and head of each.
        out: Folder of codes and prefills; by default the home's outbox.
        new_id: Makes random ids.
        progress: Called with the number done.

    Raises:
        SchoolExists: KF-104.
        InputRowBad: KF-109, no such kind of school, or an NPSN that is none.
    """
    made: list[SchoolAdded] = []
    with server.store.db.transaction():
        wanted = [(_register(server, row, new_id), row) for row in given]
        codes = [(scope, row, _issue_code(server, scope)) for scope, row in wanted]
    for scope, row, code in codes:
        made.append(_hand_out(server, scope, row.npsn, code, out))
        if progress:
            progress(len(made))
    return made


def renew_code(server: ServerNode, npsn: str, *, out: Path | None = None) -> SchoolAdded:
    """Make a new code and prefill for a school: a lost code, a new laptop.

    Raises:
        SchoolUnknown: KF-103.
    """
    school = server.store.school_by_npsn(npsn)
    with server.store.db.transaction():
        code = _issue_code(server, school.sekolah_id)
    return _hand_out(server, school.sekolah_id, school.npsn, code, out)


def _register(server: ServerNode, row: SchoolRow, new_id: Callable[[], uuid.UUID]) -> str:
    db, schema = server.store.db, server.store.schema
    npsn = row.npsn.strip().upper()
    if db.value("SELECT 1 FROM kirim_school WHERE npsn = ?", (npsn,)):
        raise errors.SchoolExists(npsn=npsn)
    kinds = {
        str(name).upper(): number
        for number, name in db.execute("SELECT bentuk_pendidikan_id, nama FROM ref_bentuk_pendidikan")
    }
    kind = kinds.get(_KIND_WORDS.get(row.bentuk.strip().upper(), row.bentuk.strip().upper()))
    if kind is None:
        raise errors.InputRowBad(file="school", row=row.line, column="bentuk", value=row.bentuk)
    if len(npsn) != 8 or not npsn[1:].isdigit() or npsn[0] not in "0123456789KP":
        raise errors.InputRowBad(file="school", row=row.line, column="npsn", value=row.npsn)
    scope = str(new_id())
    school = server.store.add_school(scope, npsn, row.name, kind)
    region = db.value(
        "SELECT kode_wilayah FROM ref_mst_wilayah WHERE id_level_wilayah = 3 ORDER BY kode_wilayah LIMIT 1"
    )
    table = schema.by_name["sekolah"]
    verified: dict[str, object] = {
        "nama": row.name,
        "npsn": npsn,
        "bentuk_pendidikan_id": kind,
        "status_sekolah": 1,
        "kode_wilayah": region,
    }
    columns = tuple(c for c in table.columns if c.name in verified)
    other = tuple(c for c in table.columns if c.default is not None and c not in columns)
    blocks = [
        Block(table, Op.INSERT, columns, [[scope], *([verified[c.name]] for c in columns)], Cause.PUSAT, locked=True)
    ]
    if other:
        blocks.append(Block(table, Op.UPDATE, other, [[scope], *([c.default] for c in other)], Cause.PUSAT))
    school = record(server.store, school, Cause.PUSAT, blocks)
    if row.head:
        heads.assign(server.store, school, heads.KEPALA_SEKOLAH, row.head, today(server.store.clock), new_id)
    return scope


_KIND_WORDS = {"PAUD": "TK"}
"""Words for kinds of schools that people use and the list does not have."""


def _issue_code(server: ServerNode, scope: str) -> str:
    """Make a code, sign the root's certificate with it, and keep its public keys, never the code."""
    code = new_code()
    identity = code_identity(parse_code(code), scope)
    public = identity.public
    signed = issue(identity, KeyKind.AKAR, _root(server).public, CENTRE_SCOPE, 1)
    server.store.db.execute(
        "INSERT INTO kirim_code (scope, key_id, purpose, public, root, root_signature) VALUES (?, ?, ?, ?, ?, ?)",
        (scope, public.key_id, public.kind.name, public.verify_key + public.seal_key, signed.body, signed.signature),
    )
    return code


def _root(server: ServerNode) -> Identity:
    return load_identity(server.home / KEYS / "akar")


def _hand_out(server: ServerNode, scope: str, npsn: str, code: str, out: Path | None) -> SchoolAdded:
    """Write a code's file and its prefill; the code stands nowhere else."""
    folder = out or server.home / "outbox" / npsn
    text = f"{code}\n\nKode registrasi {npsn}. Simpan baik-baik; jangan dikirim bersama berkas prefill.\n"

    def write(file: BinaryIO) -> None:
        file.write(text.encode())

    name = spool.free_name(folder, f"KODE-{npsn}", ".txt")
    code_file = spool.put(folder, name, write)
    return SchoolAdded(
        npsn, scope, code_file, prefill(server, scope, code_identity(parse_code(code), scope).public, folder)
    )


# --- the school -------------------------------------------------------------------------------


def init_school(home: Path, source: Path, code: str, passphrase: str, *, clock: Clock = system_clock) -> SchoolMade:
    """Open a prefill with its registration code: make the store, this laptop's key and the head's.

    Args:
        home: Folder of the new installation.
        source: The prefill.
        code: The registration code as somebody typed it.
        passphrase: The head's, at least 12 characters.

    Raises:
        HomeExists: KF-102.
        PassphraseShort: KF-107.
        CodeWrong: KF-105, this code does not open this prefill.
        FileError, TrustError: KF-2xx, KF-3xx, the file is damaged or no prefill.
    """
    check_passphrase(passphrase)
    if (home / KEYS).exists() or (home / "sekolah.db").exists():
        raise errors.HomeExists(home=str(home))
    raw = parse_code(code)
    with spool.read_package(source) as file:
        package = _open_prefill(file, raw)
        with spool.disk(home):
            for name in ("inbox", "outbox"):
                (home / name).mkdir(parents=True, exist_ok=True)
        # A store that is not finished has no name of its own yet: a killed init leaves nothing that looks like one.
        with spool.building(home) as place:
            made = _make_school(place, package, raw, passphrase, clock)
    return made


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


def _make_school(home: Path, package: VerifiedPackage, code: bytes, passphrase: str, clock: Clock) -> SchoolMade:
    scope = str(uuid.UUID(bytes=package.header.scope))
    manifest, items = read_body(package.body, SCHEMA.version)
    identity = code_identity(code, scope)
    device, head = new_identity(KeyKind.PERANGKAT), new_identity(KeyKind.KEPALA)
    store = SchoolStore.create(home, SCHEMA, clock)
    assert manifest.answer is not None
    with store.transaction(), store.capture_off():
        load_reference(store.db, SCHEMA)
        store.set(
            sekolah_id=scope,
            device=device.key_id.hex(),
            chain_start=chain_start(scope, device.key_id).hex(),
            have=manifest.last,
            have_value=manifest.answer.value.hex(),
            reference=manifest.reference,
        )
        store.scope = scope
        count: dict[str, int] = {}
        for found in changesets(SCHEMA, scope, items):
            for table, rows in load(store, found.blocks).items():
                count[table] = count.get(table, 0) + rows
        npsn, nama, bentuk = store.db.execute("SELECT npsn, nama, bentuk_pendidikan_id FROM sekolah").fetchone()
        assignment = store.db.value(
            "SELECT ptk_tugas_tambahan_id FROM tugas_tambahan WHERE jabatan_ptk_id IN (?, ?) AND tst_tambahan IS NULL "
            "AND soft_delete = 0",
            (heads.KEPALA_SEKOLAH, heads.PLT),
        )
        subject = uuid.UUID(assignment).bytes if assignment else bytes(16)
        node = SchoolNode(store)
        store.set(
            code=identity.key_id.hex(),
            npsn=npsn,
            nama=nama,
            bentuk=bentuk,
            semester=running_semester(store.db).semester_id,
        )
        node.remember("trusted", package.admitted)
        node.remember(
            "own",
            [
                issue(identity, KeyKind.PERANGKAT, device.public, scope, 1),
                issue(identity, KeyKind.KEPALA, head.public, scope, 1, subject),
            ],
        )
        store.db.execute(
            "INSERT INTO kirim_return (position, value, number, package_id, applied_at) VALUES (?, ?, ?, ?, ?)",
            (manifest.last, manifest.answer.value, package.header.number, package.package_id, clock()),
        )
    store.close()
    os.makedirs(home / KEYS, mode=0o700)
    save_identity(home / KEYS / "perangkat", device)
    # Of the code only what opens returns is kept, until one for this laptop has been applied; its signing key is forgotten.
    save_identity(home / KEYS / "kode", Identity(identity.kind, identity.suite, bytes(32), identity.seal_seed))
    save_head_key(home / KEYS / "kepala", head, passphrase)
    return SchoolMade(npsn, scope, nama, count, fingerprint(device.public))
