"""How a server begins, and how it makes schools known to itself, without a trip of its own.

It registers a school and hands out a registration code and a prefill, on two ways. What the school does with them is
:mod:`exchange.school.enrol`.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from exchange import acts, errors, homes, spool
from exchange.central import heads
from exchange.central.recording import record
from exchange.clocks import civil_today, system_clock
from exchange.format.certificate import KeyKind
from exchange.interop.lists import SchoolRow
from exchange.nodes import CENTRE_SCOPE, KEYS, Clock, ServerNode
from exchange.packager import prefill
from exchange.records import Block, Cause, Op, PackageKind
from exchange.regions import padded
from exchange.schema import SCHEMA
from exchange.server.serverkeys import root_public
from exchange.store.reference import load_reference
from exchange.store.server import School, ServerStore
from exchange.trust.certificates import SignedCertificate, issue
from exchange.trust.codes import code_identity, new_code, parse_code
from exchange.trust.keyfiles import load_identity, save_identity
from exchange.trust.keys import Identity, fingerprint, new_identity

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
    homes.unbuild(home)
    with spool.disk(home):
        if keys.exists() and not (keys / _UNFINISHED).exists():
            raise errors.HomeExists(home=str(home))
    homes.make_home(home, FOLDERS)
    store = _open_unfinished(home, db, clock)
    try:
        if not keys.exists():
            with homes.building(home) as place:
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
