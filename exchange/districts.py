"""District offices (*dinas*) at the server: certified by the root for one region, told to the schools, revoked.

An office is a node with keys of its own. What it may do stands here; what it does comes as signed orders
(:mod:`exchange.district.orders`).

Source:
    docs/format.md, sections 3.2 and 9; docs/adr/0016-a-district-is-a-node-with-keys.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exchange import errors, regions, spool
from exchange.central.recording import log
from exchange.format.certificate import SEAL_KEY_BYTES, KeyKind, decode_certificate
from exchange.format.container import pack, scope_bytes
from exchange.format.order import order_start
from exchange.limits import DISTRICTS_MAX, MIB
from exchange.nodes import ServerNode
from exchange.records import Cause
from exchange.server.serverkeys import chain_to, next_serial, put_certificate, root_holder, root_public, roots
from exchange.store.server import School, ServerStore
from exchange.trust.certificates import SignedCertificate, issue, read
from exchange.trust.keys import PublicIdentity, check_signature, fingerprint, is_sound

ACTIVE, REVOKED = "aktif", "dicabut"
"""States of an office."""

REQUEST, GRANT = "kirim district request", "kirim district grant"
"""What the two files say that they are."""

REQUEST_DOMAIN, GRANT_DOMAIN = b"kirim/1 permohonan\x00", b"kirim/1 penetapan\x00"
FORM = 1
NAME_MAX = 100
"""Characters of an office's name."""

SUITE = 2
"""Suite of offices' keys: that of the server's, since all wraps of a file have one."""

_TOLD = "districts-"
"""Name in ``kirim_meta``, before a ``sekolah_id``: the certificates told, and the position of the return that first told them."""


@dataclass(frozen=True, slots=True)
class District:
    """An office as the server knows it.

    Attributes:
        scope: Scope of its certificate, derived from its region.
        key: Its key id (8 bytes).
        fingerprint: What people compare over the telephone.
        region: ``kode_wilayah`` with its blanks.
        name: What it calls itself.
        is_sealed: Whether schools of the region seal their packages to it as well.
        state: ``aktif`` or ``dicabut``.
        last: Number of its last order that was taken.
        value: The value of its chain of orders there (32 bytes).
        reported: Number of the ledger's entry up to which a report has told it of packages.
    """

    scope: str
    key: bytes
    fingerprint: str
    region: str
    name: str
    is_sealed: bool
    state: str
    last: int
    value: bytes
    reported: int

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server district list --json``."""
        return {
            "key": self.key.hex(),
            "fingerprint": self.fingerprint,
            "wilayah": self.region.strip(),
            "name": self.name,
            "sealed": self.is_sealed,
            "state": self.state,
            "orders": self.last,
        }


def _districts(store: ServerStore, where: str, *values: object) -> list[District]:
    found = store.db.execute(
        "SELECT d.scope, d.key_id, k.body, d.region, d.name, d.sealed, d.state, d.last, d.value, d.reported "
        "FROM kirim_district d JOIN kirim_key k ON k.scope = d.scope AND k.key_id = d.key_id "
        f"WHERE {where} ORDER BY d.region, d.rowid",
        values,
    )
    return [
        District(
            scope, bytes(key), fingerprint(_public(bytes(body))), region, name, bool(sealed), state, last, bytes(value), told
        )
        for scope, key, body, region, name, sealed, state, last, value, told in found.fetchall()
    ]


def _public(body: bytes) -> PublicIdentity:
    c = decode_certificate(body)
    return PublicIdentity(c.kind, c.suite, c.verify_key, c.seal_key)


def districts(server: ServerNode) -> list[District]:
    """Return every office that was ever certified, by region."""
    return _districts(server.store, "1 = 1")


def district(store: ServerStore, scope: str, key: bytes) -> District | None:
    """Return the office of a key, or ``None``."""
    return next(iter(_districts(store, "d.scope = ? AND d.key_id = ?", scope, key)), None)


# --- certified --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Certified:
    """An office that was certified.

    Attributes:
        district: As the server knows it now.
        root: The root's fingerprint, which the office must hear on the telephone.
        file: What goes to the office.
        schools: How many schools will hear of it by their next returns.
    """

    district: District
    root: str
    file: Path
    schools: int

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server district add --json``."""
        return self.district.as_json() | {"root": self.root, "file": str(self.file), "schools": self.schools}


def request_bytes(verify_key: bytes, seal_key: bytes, name: str) -> bytes:
    """Return what an office signs to show that the keys of its request are its own."""
    return REQUEST_DOMAIN + pack([SUITE, verify_key, seal_key, name.encode()])


def grant_bytes(scope: str, key: bytes, region: str, name: str, last: int, value: bytes, *, is_sealed: bool) -> bytes:
    """Return what the server signs of an office's rights, and of where its chain of orders stands."""
    return GRANT_DOMAIN + pack([scope_bytes(scope), key, region.encode(), name.encode(), int(is_sealed), last, value])


def read_request(path: Path) -> tuple[PublicIdentity, str]:
    """Return the keys and the name of an office's request.

    Raises:
        RequestBad: KF-156, naming the part that does not hold.
        FileUnreadable: KF-702.
    """

    def bad(part: str) -> errors.RequestBad:
        return errors.RequestBad(file=path.name, part=part)

    with spool.open_file(path) as file, spool.readable(path):
        text = file.read(MIB)
    try:
        told: dict[str, Any] = json.loads(text)
        if told["file"] != REQUEST or told["form"] != FORM or told["suite"] != SUITE:
            raise bad("form")
        name = str(told["name"]).strip()
        verify, seal, signature = (bytes.fromhex(told[key]) for key in ("verify", "seal", "signature"))
    except (ValueError, LookupError, TypeError) as error:
        raise bad("form") from error
    if not name or len(name) > NAME_MAX or not name.isprintable():
        raise bad("name")
    if not is_sound(verify) or len(seal) != SEAL_KEY_BYTES[SUITE]:
        raise bad("keys")
    check_signature(verify, signature, request_bytes(verify, seal, name), bad("signature"))
    return PublicIdentity(KeyKind.DINAS, SUITE, verify, seal), name


def certify(
    server: ServerNode, path: Path, region: str, *, is_sealed: bool = False, root: Path | None = None, out: Path | None = None
) -> Certified:
    """Certify an office for one region, or change what a certified one may; its file goes to the office.

    Args:
        server: The server.
        path: The office's request.
        region: ``kode_wilayah`` of a province, a kabupaten or a kecamatan.
        is_sealed: Whether schools of the region seal their packages to the office as well.
        root: File of the root's key, by default ``akar`` among the server's keys; the spare serves as well.
        out: Folder of the answer, which must be there; by default the home's outbox.

    Raises:
        RequestBad: KF-156. RegionUnknown: KF-151. SealedToMany: KF-155.
        KeysMissing: KF-111. RootUnknown: KF-121.
        FileUnreadable, DiskFull, FolderUnwritable: KF-702, KF-701, KF-703.
    """
    public, name = read_request(path)
    if out is not None:
        spool.named(out)
    store, region = server.store, regions.padded(region)
    regions.level(store.db, region)
    holder = root_holder(server, root)
    scope = regions.office_scope(region)
    try:
        with store.act("district add"):
            former = _districts(store, "d.key_id = ? AND d.scope <> ? AND d.state = ?", public.key_id, scope, ACTIVE)
            touched = [region, *(one.region for one in former)]
            before = _sealed(store, touched)
            if district(store, scope, public.key_id) is None or not _stands(server, scope, public.key_id):
                put_certificate(server, issue(holder, KeyKind.DINAS, public, scope, next_serial(server)))
            for other in former:
                _set_state(store, other, REVOKED)  # an office has one region
            _put(store, scope, public.key_id, region, name, is_sealed=is_sealed)
            count = _tell_schools(store, before, _sealed(store, touched))
    except errors.CertificateBad as error:
        raise errors.RequestBad(file=path.name, part="keys") from error
    made = district(store, scope, public.key_id)
    assert made is not None
    stem = f"PENETAPAN-{region.strip()}-{public.key_id.hex()}"
    folder = out or server.home / "outbox" / folder_name(made)
    text = json.dumps(_grant(server, made), indent=1).encode()
    file = spool.put(folder, spool.free_name(folder, stem, ".json"), lambda file: file.write(text))
    return Certified(made, fingerprint(root_public(server)), file, count)


def folder_name(of: District) -> str:
    """Return the name of an office's folder in the outbox."""
    return f"DINAS-{of.region.strip()}"


def _stands(server: ServerNode, scope: str, key: bytes) -> bool:
    """Whether an office's certificate was not revoked, and not signed below the root's lowest serial."""
    state = server.store.db.value("SELECT state FROM kirim_key WHERE scope = ? AND key_id = ?", (scope, key))
    return bool(state == ACTIVE)


def _put(store: ServerStore, scope: str, key: bytes, region: str, name: str, *, is_sealed: bool) -> None:
    store.db.execute(
        "INSERT INTO kirim_district (scope, key_id, region, name, sealed, state, value, made_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (scope, key_id) DO UPDATE SET name = excluded.name, "
        "sealed = excluded.sealed, state = excluded.state",
        (scope, key, region, name, int(is_sealed), ACTIVE, order_start(scope, key), store.clock()),
    )
    store.db.execute("UPDATE kirim_key SET state = ? WHERE scope = ? AND key_id = ?", (ACTIVE, scope, key))


def _grant(server: ServerNode, made: District) -> dict[str, object]:
    """Return what an office needs to believe the centre: the root's public key, the certificates, its rights, signed."""
    root, signed = root_public(server), _certificate(server.store, made)
    chain = chain_to(server)
    chain += [one for one in _issuers(server, signed) if one not in chain] + [signed]
    word = grant_bytes(made.scope, made.key, made.region, made.name, made.last, made.value, is_sealed=made.is_sealed)
    return {
        "file": GRANT,
        "form": FORM,
        "root": {"suite": root.suite, "verify": root.verify_key.hex(), "seal": root.seal_key.hex()},
        "certificates": [{"body": one.body.hex(), "signature": one.signature.hex()} for one in chain],
        "scope": made.scope,
        "key": made.key.hex(),
        "wilayah": made.region,
        "name": made.name,
        "sealed": made.is_sealed,
        "last": made.last,
        "value": made.value.hex(),
        "by": server.identity.key_id.hex(),
        "signature": server.identity.sign(word).hex(),
    }


def _certificate(store: ServerStore, of: District) -> SignedCertificate:
    body, signature = store.db.execute(
        "SELECT body, signature FROM kirim_key WHERE scope = ? AND key_id = ?", (of.scope, of.key)
    ).fetchone()
    return read(bytes(body), bytes(signature))


def _issuers(server: ServerNode, signed: SignedCertificate) -> list[SignedCertificate]:
    """Return what leads from the first root to a certificate's signer: nothing, or the spare's certificate."""
    if signed.certificate.issuer == root_public(server).key_id:
        return []
    return [one for one in roots(server) if one.certificate.key_id == signed.certificate.issuer]


# --- revoked ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """An office whose rights were taken back, and how many schools will hear of it."""

    district: District
    schools: int

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server district revoke --json``."""
        return self.district.as_json() | {"schools": self.schools}


def revoke(server: ServerNode, name: str) -> Withdrawn:
    """Take an office's rights back: no further order of it counts, and schools seal to it no longer after their next return.

    Args:
        server: The server.
        name: Its key id or fingerprint.

    Raises:
        DistrictUnknown: KF-152.
    """
    store, bare = server.store, name.replace("-", "").replace(" ", "").lower()
    found = [d for d in districts(server) if bare in (d.key.hex(), d.fingerprint.replace("-", "").lower())]
    if not found:
        raise errors.DistrictUnknown(key=name)
    with store.act("district revoke"):
        touched = [one.region for one in found]
        before = _sealed(store, touched)
        for one in found:
            _set_state(store, one, REVOKED)
        count = _tell_schools(store, before, _sealed(store, touched))
    (last, *_) = [district(store, one.scope, one.key) for one in reversed(found)]
    assert last is not None
    return Withdrawn(last, count)


def _set_state(store: ServerStore, of: District, state: str) -> None:
    for table in ("kirim_district", "kirim_key"):
        store.db.execute(f"UPDATE {table} SET state = ? WHERE scope = ? AND key_id = ?", (state, of.scope, of.key))


# --- what schools are told --------------------------------------------------------------------


def sealed_to(store: ServerStore, sekolah_id: str) -> list[District]:
    """Return the offices to which a school seals its packages as well."""
    if not store.db.value("SELECT 1 FROM kirim_district WHERE sealed = 1 AND state = ? LIMIT 1", (ACTIVE,)):
        return []
    line = regions.of_school(store.db, sekolah_id)
    where = f"d.sealed = 1 AND d.state = ? AND d.region IN ({', '.join('?' * len(line))})"
    return _districts(store, where, ACTIVE, *line) if line else []


def _sealed(store: ServerStore, of: Iterable[str]) -> dict[str, list[bytes]]:
    """Return the keys to which each school of some regions seals."""
    scopes = {scope for region in sorted(set(of)) for scope in regions.schools_in(store.db, region)}
    return {scope: [one.key for one in sealed_to(store, scope)] for scope in sorted(scopes)}


def _tell_schools(store: ServerStore, before: dict[str, list[bytes]], now: dict[str, list[bytes]]) -> int:
    """Give every school whose offices are others now something to receive, and return how many those are.

    Raises:
        SealedToMany: KF-155.
    """
    changed = [scope for scope in now if before[scope] != now[scope]]
    for scope in changed:
        school = store.school(scope)
        assert school is not None
        if len(now[scope]) > DISTRICTS_MAX:
            raise errors.SealedToMany(region=regions.of_school(store.db, scope)[0].strip(), most=DISTRICTS_MAX)
        log(store, school, Cause.PUSAT, (), ())  # a return must be news to be heard
    return len(changed)


def riding(server: ServerNode, school: School, room: int) -> list[SignedCertificate]:
    """Return the offices' certificates that a return carries, until the school has applied a return beyond the first that did.

    What finds no room rides with a later one; the school seals to an office as soon as it has its certificate. Part of
    the caller's transaction.

    Args:
        server: The server.
        school: For whom, at the position up to which the return goes.
        room: Certificates that the header has room for.
    """
    wanted = _wanted(server, school.sekolah_id)
    if not wanted:
        return []
    mark = ".".join(f"{one.certificate.key_id.hex()}-{one.certificate.serial}" for one in wanted)
    told, _, at = server.store.get(_TOLD + school.sekolah_id).partition(" ")
    if told == mark and school.have > int(at):
        return []
    if len(wanted) <= room and told != mark:
        server.store.set(_TOLD + school.sekolah_id, f"{mark} {school.position}")
    return wanted[:room]


def for_prefill(server: ServerNode, sekolah_id: str, room: int) -> list[SignedCertificate]:
    """Return the offices' certificates that a prefill carries."""
    return _wanted(server, sekolah_id)[:room]


def _wanted(server: ServerNode, sekolah_id: str) -> list[SignedCertificate]:
    wanted: list[SignedCertificate] = []
    for one in sealed_to(server.store, sekolah_id):
        signed = _certificate(server.store, one)
        wanted += [other for other in (*_issuers(server, signed), signed) if other not in wanted]
    return wanted
