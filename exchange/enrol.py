"""How a server and its schools come to know one another, without a trip of its own.

The server registers a school and hands out a registration code and a prefill, on two ways. The school opens the prefill
with the code and makes its own keys; its first packages carry the certificates that the code signed
(``docs/format.md`` 3.5).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from exchange import acts, errors, spool
from exchange.central import heads
from exchange.central.recording import record
from exchange.clocks import civil_today
from exchange.format.body import read_body
from exchange.format.certificate import KeyKind
from exchange.format.changeset import chain_start
from exchange.giving import keep
from exchange.headship import seat_head
from exchange.interop.lists import SchoolRow
from exchange.nodes import CENTRE_SCOPE, KEYS, Clock, SchoolNode, ServerNode, system_clock
from exchange.packager import prefill
from exchange.reading import changesets
from exchange.records import Block, Cause, Op, PackageKind, Position
from exchange.regions import padded
from exchange.rules.heads import active_heads
from exchange.schema import SCHEMA
from exchange.school.applying import load
from exchange.school.carrying import Counted, carry, former_store
from exchange.server.serverkeys import root_public
from exchange.store.reference import load_reference, running_semester
from exchange.store.school import FILE, SchoolStore
from exchange.store.server import School, ServerStore
from exchange.store.source import StoreSource
from exchange.trust.certificates import SignedCertificate, anchor, issue
from exchange.trust.codes import code_identity, new_code, parse_code
from exchange.trust.keyfiles import check_passphrase, load_identity, save_head_key, save_identity
from exchange.trust.keys import Identity, fingerprint, new_identity
from exchange.trust.opening import COMMANDS, VerifiedPackage, inspect_package, open_package

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


# --- the server -------------------------------------------------------------------------------


def init_server(home: Path, db: str | None = None, *, clock: Clock = system_clock) -> ServerMade:
    """Make a server's home, database and keys, and load the reference rows that ship with the program.

    What a kill interrupted, the next call finishes, with the keys that stand there already.

    Args:
        home: Folder of the server.
        db: URL of another database than the one in the home.
        clock: Seconds since 1970.

    Raises:
        HomeExists: KF-102, of the home or of the database.
        FolderUnwritable, DiskFull: KF-703, KF-701.
    """
    keys = home / KEYS
    spool.unbuild(home)
    with spool.disk(home):
        if keys.exists() and not (keys / _UNFINISHED).exists():
            raise errors.HomeExists(home=str(home))
    spool.make_home(home, FOLDERS)
    store = _open_unfinished(home, db, clock)
    try:
        if not keys.exists():
            with spool.building(home) as place:
                _make_server_keys(place / KEYS)
        server = _certify(store, keys)
    finally:
        store.close()
    spool.remove(keys / _UNFINISHED)
    return ServerMade(server.key_id.hex(), fingerprint(server.public))


_UNFINISHED = ".belum"
"""Stands beside a server's keys until its database knows them."""


def _open_unfinished(home: Path, db: str | None, clock: Clock) -> ServerStore:
    """Return an empty store, or the one that a killed start left; a server's own is never touched."""
    try:
        return ServerStore.create(home, SCHEMA, clock, db)
    except errors.HomeExists:
        store = ServerStore.open(home, SCHEMA, clock, db)
        known = {bytes(key) for (key,) in store.db.execute("SELECT key_id FROM kirim_key")}
        pusat = home / KEYS / "pusat"
        if known and not (pusat.exists() and load_identity(pusat).key_id in known):
            store.close()
            raise
        return store


def _make_server_keys(keys: Path) -> None:
    os.makedirs(keys, mode=0o700)
    spool.put(keys, _UNFINISHED, lambda file: None)
    for name, kind in _SERVER_KEYS.items():
        save_identity(keys / name, new_identity(kind))


_SERVER_KEYS = {
    "akar": KeyKind.AKAR,
    "akar-cadangan": KeyKind.AKAR,
    "pusat": KeyKind.PUSAT,
    "arsip": KeyKind.ARSIP,
}


def _certify(store: ServerStore, keys: Path) -> Identity:
    """Let the root certify the server and its own spare, once, beside the reference rows; return the server's key."""
    made = {name: load_identity(keys / name) for name in _SERVER_KEYS}
    root, server = made["akar"], made["pusat"]
    acts.keep(store, lambda: (made["pusat"], made["arsip"]))
    with store.act("init"):
        if not store.db.value("SELECT 1 FROM kirim_key LIMIT 1"):
            load_reference(store.db, SCHEMA)
            centre = str(uuid.UUID(bytes=CENTRE_SCOPE))
            _add_key(store, centre, issue(root, KeyKind.AKAR, made["akar-cadangan"].public, CENTRE_SCOPE, 2))
            public = root.public
            store.set("root", (public.verify_key + public.seal_key).hex())
            _add_key(store, centre, issue(root, KeyKind.PUSAT, server.public, CENTRE_SCOPE, 1))
    return server


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

    After a kill or a full disk the same call goes on: schools whose codes were not all handed out get new ones.

    Args:
        server: The server.
        given: NPSN, name, kind and head of each.
        out: Folder of codes and prefills, which must be there; by default the home's outbox.
        new_id: Makes random ids.
        progress: Called with the number done.

    Raises:
        SchoolExists: KF-104.
        InputRowBad: KF-109, no such kind of school, or an NPSN that is none.
        DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    made: list[SchoolAdded] = []
    if out is not None:
        spool.named(out)
    with server.store.act("school add"):
        scopes: list[str] = []
        for row in given:
            scope = register(server, row, new_id)
            if scope in scopes:
                raise errors.SchoolExists(npsn=row.npsn)
            scopes.append(scope)
        codes = [(scope, issue_code(server, scope)) for scope in scopes]
    for scope, code in codes:
        made.append(_hand_out(server, scope, code, out))
        if progress:
            progress(len(made))
    with server.store.act("school add"):
        names = [(HANDING + scope,) for scope in scopes]
        server.store.db.executemany("DELETE FROM kirim_meta WHERE name = ?", names)
    return made


HANDING = "hand-out-"
"""Name in ``kirim_meta``, before a ``sekolah_id``: registered, and its code is not known to have been written."""


def renew_code(server: ServerNode, npsn: str, *, out: Path | None = None) -> SchoolAdded:
    """Make a new code and prefill for a school: a lost code, a new laptop.

    Raises:
        SchoolUnknown: KF-103.
    """
    school = server.store.school_by_npsn(npsn)
    if out is not None:
        spool.named(out)
    with server.store.act("school code", school.sekolah_id):
        code = issue_code(server, school.sekolah_id)
    made = _hand_out(server, school.sekolah_id, code, out)
    note_prefilled(server, school)
    return made


def note_prefilled(server: ServerNode, school: School) -> None:
    """Note that whoever opens the prefill just written has what it holds, if the school has no laptop."""
    if not school.device:
        server.store.db.execute(
            "UPDATE kirim_school SET have = (SELECT max(position) FROM kirim_return WHERE scope = ? AND kind = ?) "
            "WHERE sekolah_id = ?",
            (school.sekolah_id, int(PackageKind.PREFILL), school.sekolah_id),
        )


def register(server: ServerNode, row: SchoolRow, new_id: Callable[[], uuid.UUID] = uuid.uuid4) -> str:
    """Register a school and return its ``sekolah_id``; one whose code was never handed out is the one that stands there.

    Part of the caller's transaction.

    Raises:
        SchoolExists: KF-104.
        InputRowBad: KF-109, no such kind or kecamatan, or an NPSN that is none.
    """
    db, schema = server.store.db, server.store.schema
    npsn = row.npsn.strip().upper()
    kinds = {
        str(name).upper(): number
        for number, name in db.execute("SELECT bentuk_pendidikan_id, nama FROM ref_bentuk_pendidikan")
    }
    kind = kinds.get(_KIND_WORDS.get(row.bentuk.strip().upper(), row.bentuk.strip().upper()))
    if kind is None:
        raise errors.InputRowBad(file="school", row=row.line, column="bentuk", value=row.bentuk)
    if len(npsn) != 8 or not (npsn.isascii() and npsn[1:].isdigit()) or npsn[0] not in "0123456789KP":
        raise errors.InputRowBad(file="school", row=row.line, column="npsn", value=row.npsn)
    kecamatan = "SELECT kode_wilayah FROM ref_mst_wilayah WHERE id_level_wilayah = 3"
    region = (
        db.value(f"{kecamatan} AND kode_wilayah = ?", (padded(row.wilayah),))
        if row.wilayah
        else db.value(f"{kecamatan} ORDER BY kode_wilayah LIMIT 1")
    )
    if region is None and row.wilayah:
        raise errors.InputRowBad(file="school", row=row.line, column="wilayah", value=row.wilayah)
    known = db.value("SELECT sekolah_id FROM kirim_school WHERE npsn = ?", (npsn,))
    if known is not None:
        if not server.store.get(HANDING + known):
            raise errors.SchoolExists(npsn=npsn)
        return str(known)
    scope = str(new_id())
    server.store.set(HANDING + scope, 1)
    school = server.store.add_school(scope, npsn, row.name, kind)
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
        heads.assign(server.store, school, heads.KEPALA_SEKOLAH, row.head, civil_today(server.store.clock).isoformat(), new_id)
    return scope


_KIND_WORDS = {"PAUD": "TK"}
"""Words for kinds of schools that people use and the list does not have."""


def issue_code(server: ServerNode, scope: str) -> str:
    """Make a code for a laptop, sign the root's certificate with it, and keep its public keys, never the code."""
    code = new_code()
    identity = code_identity(parse_code(code), scope)
    public = identity.public
    signed = issue(identity, KeyKind.AKAR, root_public(server), CENTRE_SCOPE, 1)
    server.store.db.execute(
        "INSERT INTO kirim_code (scope, key_id, purpose, public, root, root_signature) VALUES (?, ?, ?, ?, ?, ?)",
        (scope, public.key_id, public.kind.name, public.verify_key + public.seal_key, signed.body, signed.signature),
    )
    return code


def _hand_out(server: ServerNode, scope: str, code: str, out: Path | None) -> SchoolAdded:
    """Write a prefill, then its code's file; the code stands nowhere else."""
    school = server.store.school(scope)
    assert school is not None
    npsn = school.npsn
    folder = out or server.home / "outbox" / npsn
    sealed = prefill(server, scope, code_identity(parse_code(code), scope).public, folder)
    name = spool.free_name(folder, f"KODE-{npsn}", ".txt")
    code_file = spool.put(folder, name, lambda file: file.write(letter(npsn, code)))
    return SchoolAdded(npsn, scope, code_file, sealed)


def letter(npsn: str, code: str) -> bytes:
    """Return the text of a code's file: its first line is the code alone."""
    return f"{code}\n\nKode registrasi {npsn}. Simpan baik-baik; jangan dikirim bersama berkas prefill.\n".encode()


# --- the school -------------------------------------------------------------------------------


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
        spool.make_home(home, ("inbox", "outbox"))
        # A store that is not finished has no name of its own yet: a killed init leaves nothing that looks like one.
        with spool.building(home) as place:
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
    spool.unbuild(home)
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
        count = _take_prefill(store, scope, device.key_id, file, package)
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
            carried = carry(store, old)
    with closing(SchoolStore.open(home, SCHEMA, clock)) as store, store.transaction():
        seat_head(SchoolNode(store))  # captured: a role that the prefill did not bring is the school's own change
    os.makedirs(home / KEYS, mode=0o700)
    save_identity(home / KEYS / "perangkat", device)
    # Of the code only what opens returns is kept, until one for this laptop has been applied; its signing key is not.
    save_identity(home / KEYS / "kode", identity.receiving_half())
    save_head_key(home / KEYS / "kepala", head, passphrase)
    return SchoolMade(npsn, scope, nama, count, fingerprint(device.public), carried)


def _take_prefill(
    store: SchoolStore, scope: str, device: bytes, file: BinaryIO, package: VerifiedPackage
) -> dict[str, int]:
    """Write a prefill's rows into an empty store as its first return, and count them by table."""
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
    for found in changesets(SCHEMA, scope, items):
        for table, rows in load(store, found.blocks).items():
            count[table] = count.get(table, 0) + rows
    keep(store, package, Position(manifest.last, manifest.answer.value), file, count)
    return count
