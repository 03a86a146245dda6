"""The server's key renewed: the root, kept offline, certifies the new one, and returns carry the proof to the schools.

Former keys stay: they open what schools sealed to them, for years, and what they signed stays valid unless the root says
otherwise by its lowest serial.

Source:
    docs/format.md, sections 3.2, 3.3 and 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from exchange import errors
from exchange.format.certificate import Certificate, KeyKind, decode_certificate
from exchange.format.container import scope_text
from exchange.nodes import CENTRE_SCOPE, KEYS, ServerNode
from exchange.store.server import School
from exchange.trust.certificates import SignedCertificate, issue
from exchange.trust.keyfiles import load_identity, save_identity
from exchange.trust.keys import Identity, PublicIdentity, fingerprint, new_identity, public_of

CENTRE = scope_text(CENTRE_SCOPE)
"""Scope of the centre's keys in the store."""

_RIDES = "rides-"
"""Name in ``kirim_meta``, before a ``sekolah_id``: the highest serial told, and the position of the return that first told it."""


@dataclass(frozen=True, slots=True)
class ServerKeyMade:
    """A new server key."""

    key_id: str
    fingerprint: str
    serial: int
    retired: bool

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server key rotate --json``."""
        return {
            "key_id": self.key_id,
            "fingerprint": self.fingerprint,
            "serial": self.serial,
            "retired": self.retired,
        }


def rotate(server: ServerNode, root: Path | None = None, *, retire: bool = False) -> ServerKeyMade:
    """Give the server a new key, certified by the root or by its spare.

    Args:
        server: The server.
        root: File of the root's key, by default ``akar`` among the server's keys; the spare serves as well.
        retire: Whether what former keys signed is refused from now on: one of them is in wrong hands.

    Raises:
        KeysMissing: KF-111. RootUnknown: KF-121.
        DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    keys = server.home / KEYS
    holder = root_holder(server, root)
    known = {signed.certificate.key_id: public_of(signed.certificate) for signed in roots(server)}
    known[root_public(server).key_id] = root_public(server)
    new = new_identity(KeyKind.PUSAT)
    save_identity(keys / f"pusat-{new.key_id.hex()}", new)
    db = server.store.db
    with db.transaction():
        serial = next_serial(server)
        if retire:
            lowest = serial
            first = root_public(server).key_id
            for public in known.values():
                if public.key_id == holder.key_id != first:
                    continue  # schools know the spare by the root's word, not by its own
                put_certificate(server, issue(holder, KeyKind.AKAR, public, CENTRE_SCOPE, serial, lowest=lowest))
                serial += 1
            db.execute(
                "UPDATE kirim_key SET state = 'dicabut' WHERE scope = ? AND kind = ?", (CENTRE, int(KeyKind.PUSAT))
            )
            # What the root signed below its lowest serial counts no longer, and the offices are not what was stolen.
            for office in _offices(server):
                put_certificate(server, issue(holder, KeyKind.DINAS, public_of(office), office.scope, serial))
                serial += 1
        put_certificate(server, issue(holder, KeyKind.PUSAT, new.public, CENTRE_SCOPE, serial))
    return ServerKeyMade(new.key_id.hex(), fingerprint(new.public), serial, retire)


def next_serial(server: ServerNode) -> int:
    """Return the serial of the next certificate that the root signs: those of all the centre's grow together."""
    found = server.store.db.execute(
        "SELECT body FROM kirim_key WHERE kind IN (?, ?, ?)",
        (int(KeyKind.AKAR), int(KeyKind.PUSAT), int(KeyKind.DINAS)),
    )
    return 1 + max(decode_certificate(bytes(body)).serial for (body,) in found)


def _offices(server: ServerNode) -> list[Certificate]:
    found = server.store.db.execute(
        "SELECT body FROM kirim_key WHERE kind = ? AND state = 'aktif' ORDER BY rowid", (int(KeyKind.DINAS),)
    )
    return [decode_certificate(bytes(body)) for (body,) in found.fetchall()]


def root_holder(server: ServerNode, root: Path | None) -> Identity:
    """Return the root's private key, or its spare's.

    Args:
        server: The server.
        root: Its file; by default ``akar`` among the server's keys.

    Raises:
        KeysMissing: KF-111. RootUnknown: KF-121.
    """
    path = root or server.home / KEYS / "akar"
    if root is None and not path.exists():  # it is kept elsewhere, as it should be
        raise errors.RootUnknown(file=str(path))
    holder = load_identity(path)
    if holder.key_id not in {root_public(server).key_id, *(s.certificate.key_id for s in roots(server))}:
        raise errors.RootUnknown(file=str(path))
    return holder


def put_certificate(server: ServerNode, signed: SignedCertificate) -> None:
    """Keep a certificate that the root has signed; it takes the place of an older one of its key. Part of the caller's transaction."""
    server.store.db.execute(
        "INSERT INTO kirim_key (scope, key_id, kind, body, signature, subject, state) VALUES (?, ?, ?, ?, ?, ?, 'aktif') "
        "ON CONFLICT (scope, key_id) DO UPDATE SET body = excluded.body, signature = excluded.signature",
        (
            scope_text(signed.certificate.scope),
            signed.certificate.key_id,
            int(signed.certificate.kind),
            signed.body,
            signed.signature,
            b"",
        ),
    )


def roots(server: ServerNode) -> list[SignedCertificate]:
    """Return the certificates of the root's spare and of the root itself, as far as one was signed."""
    return server.certificates(CENTRE, KeyKind.AKAR)


def root_public(server: ServerNode) -> PublicIdentity:
    """Return the root's public keys, also while its private ones are kept elsewhere.

    Raises:
        KeysMissing: KF-111, only of a server whose store does not know them yet.
    """
    stored = server.store.get("root")
    if stored:
        raw = bytes.fromhex(stored)
        return PublicIdentity(KeyKind.AKAR, 2, raw[:32], raw[32:])
    public = load_identity(server.home / KEYS / "akar").public
    server.store.set("root", (public.verify_key + public.seal_key).hex())
    return public


def chain_to(server: ServerNode) -> list[SignedCertificate]:
    """Return the certificates that lead from the first root to the newest server key, each after its issuer's."""
    pusat = server.certificate()
    first = root_public(server).key_id
    known = {signed.certificate.key_id: signed for signed in roots(server)}
    chain: list[SignedCertificate] = []
    root = known.get(first)
    if root is not None and root.certificate.lowest:
        signer = root.certificate.issuer
        if signer != first and signer in known:  # the spare speaks for a root that was lost
            chain.append(known.pop(signer))
        chain.append(root)
    if pusat.certificate.issuer != first and pusat.certificate.issuer in known:
        chain.append(known[pusat.certificate.issuer])
    return [*chain, pusat]


def riding(server: ServerNode, school: School) -> list[SignedCertificate]:
    """Return the certificates that a return carries: none before the first rotation, or once the school has them.

    A school has them when it has applied a return beyond the first that carried them. Part of the caller's transaction.

    Args:
        server: The server.
        school: For whom, at the position up to which the return goes.
    """
    chain = chain_to(server)
    newest = max(signed.certificate.serial for signed in chain)
    if newest == 1:
        return []
    told, _, at = server.store.get(_RIDES + school.sekolah_id).partition(" ")
    if told != str(newest):
        server.store.set(_RIDES + school.sekolah_id, f"{newest} {school.position}")
    elif school.have > int(at):
        return []
    return chain
