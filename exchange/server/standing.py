"""Where a school stands: what its files tell of both chains, also those that cannot be merged.

The last word counts, even where it is an older one than the word before: a laptop may have been restored. A return that
says more than a laptop lacks does no harm.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from exchange.errors import CodeTwice, CodeVoid, ExchangeError, Fork, Revoked, RevokedAhead, SenderUnknown
from exchange.format.body import read_body
from exchange.format.certificate import Certificate, KeyKind, decode_certificate
from exchange.format.changeset import chain_start
from exchange.laptops import ACTIVE, CONTESTED, REJECTED, REVOKED, is_former
from exchange.nodes import ServerNode
from exchange.records import Cause, Manifest, Position
from exchange.store import chains
from exchange.store.database import Database
from exchange.store.server import JUMPED, School, ServerStore
from exchange.trust.certificates import SignedCertificate
from exchange.trust.opening import VerifiedPackage

JUMP_MAX = 1_000_000
"""Log positions that may be left out at once. A school has a few thousand; more is no restored server."""


POSITION_MAX = 1 << 31
"""Beyond this no position is left out at a laptop's word: whoever has its key cannot use up the numbers of a log."""


@dataclass(slots=True)
class Chain:
    """A device's chain as the server has it, and how far its key counts.

    Attributes:
        device: Key id (8 bytes).
        last: Number of the last changeset.
        value: Chain value there (32 bytes).
        state: Of the key (:mod:`exchange.laptops`).
        revoked_after: Number up to which a revoked key counts, else 0.
        revoked_value: First bytes of the chain value that must stand there, if one was named.
    """

    device: bytes
    last: int
    value: bytes
    state: str = ACTIVE
    revoked_after: int = 0
    revoked_value: bytes = b""


def admit(server: ServerStore, school: School, admitted: Collection[SignedCertificate]) -> None:
    """Keep certificates that a code or key signed. A code is spent by its first key; a second one holds both.

    A head's key that is certified anew, by the former one or by a code, takes the former one's place for this assignment.

    Raises:
        CodeTwice: KF-311.
        CodeVoid: KF-340, the code that signed it was taken back.
        Revoked: KF-308, the key that signed it was revoked before the certificate came.
    """
    db, scope = server.db, school.sekolah_id
    for signed in admitted:
        certificate = signed.certificate
        issuer = db.execute(
            "SELECT kind, state, subject, last, revoked_after FROM kirim_key WHERE scope = ? AND key_id = ?",
            (scope, certificate.issuer),
        ).fetchone()
        kind, state, subject, last, after = issuer or (0, ACTIVE, b"", 0, 0)
        if state in (REVOKED, REJECTED) and not is_known(server, school, certificate.key_id):
            raise Revoked(last=int(after or 0), got=int(after or 0) + 1)
        by_head_code = is_head_code(db, school, certificate.issuer)
        if _is_cancelled(db, school, certificate.issuer):
            raise CodeVoid()
        if _is_second_head(db, school, certificate):
            continue  # what it approves is approved by nobody
        if certificate.kind is KeyKind.PERANGKAT or by_head_code:
            spent = db.value("SELECT spent FROM kirim_code WHERE scope = ? AND key_id = ?", (scope, certificate.issuer))
            if spent is not None and bytes(spent) != certificate.key_id:
                if _state(server, school, certificate.key_id) == REJECTED:
                    continue  # the district has decided: what it signs is refused, not held
                raise CodeTwice()
            db.execute(
                "UPDATE kirim_code SET spent = ? WHERE scope = ? AND key_id = ?",
                (certificate.key_id, scope, certificate.issuer),
            )
        inherited = bytes(subject or b"") if kind == KeyKind.KEPALA else certificate.subject
        added = db.execute(
            "INSERT INTO kirim_key (scope, key_id, kind, body, signature, subject, state, issued_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (scope, key_id) DO NOTHING",
            (
                scope,
                certificate.key_id,
                int(certificate.kind),
                signed.body,
                signed.signature,
                inherited,
                ACTIVE,
                last,
            ),
        ).rowcount
        if added and (by_head_code or kind == KeyKind.KEPALA):
            db.execute(
                "UPDATE kirim_key SET state = ?, revoked_after = 0 WHERE scope = ? AND kind = ? AND subject = ? "
                "AND key_id <> ? AND state = ?",
                (REVOKED, scope, int(KeyKind.KEPALA), inherited, certificate.key_id, ACTIVE),
            )


def _is_cancelled(db: Database, school: School, key_id: bytes) -> bool:
    """Return whether a key is that of a code that was taken back."""
    found = db.value("SELECT cancelled FROM kirim_code WHERE scope = ? AND key_id = ?", (school.sekolah_id, key_id))
    return bool(found)


def _is_second_head(db: Database, school: School, certificate: Certificate) -> bool:
    """Return whether a laptop's code certifies one more head than the one that was enrolled with its laptop.

    Otherwise whoever kept the paper with the code could make himself a head's key years later, beside the true one.
    """
    purpose = db.value(
        "SELECT purpose FROM kirim_code WHERE scope = ? AND key_id = ?", (school.sekolah_id, certificate.issuer)
    )
    if certificate.kind is not KeyKind.KEPALA or purpose != KeyKind.KODE_PERANGKAT.name:
        return False
    heads = db.execute(
        "SELECT key_id, body FROM kirim_key WHERE scope = ? AND kind = ? AND state <> ?",
        (school.sekolah_id, int(KeyKind.KEPALA), REJECTED),
    ).fetchall()
    issuers = {decode_certificate(bytes(body)).issuer for key, body in heads if key != certificate.key_id}
    return certificate.issuer in issuers


def note_rivals(server: ServerStore, school: School, admitted: Collection[SignedCertificate]) -> None:
    """Remember keys under codes that others have spent, so that the district can decide. Part of the caller's transaction.

    From then on all keys under that code are held, unless the district has decided about that code before.
    """
    db, scope = server.db, school.sekolah_id
    for signed in admitted:
        certificate = signed.certificate
        if certificate.kind is KeyKind.KEPALA and not is_head_code(db, school, certificate.issuer):
            continue  # enrolled with its laptop, and decided upon with it
        spent = db.value("SELECT spent FROM kirim_code WHERE scope = ? AND key_id = ?", (scope, certificate.issuer))
        others = [
            (bytes(key), state)
            for key, body, state in db.execute(
                "SELECT key_id, body, state FROM kirim_key WHERE scope = ? AND kind = ?", (scope, int(certificate.kind))
            ).fetchall()
            if decode_certificate(bytes(body)).issuer == certificate.issuer and bytes(key) != certificate.key_id
        ]
        if spent is None or not others:
            continue
        db.execute(
            "INSERT INTO kirim_key (scope, key_id, kind, body, signature, subject, state) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (scope, key_id) DO NOTHING",
            (
                scope,
                certificate.key_id,
                int(certificate.kind),
                signed.body,
                signed.signature,
                certificate.subject,
                CONTESTED,
            ),
        )
        if all(state != REJECTED for _, state in others):
            db.executemany(
                "UPDATE kirim_key SET state = ? WHERE scope = ? AND key_id = ? AND state = ?",
                [(CONTESTED, scope, key, ACTIVE) for key, _ in others],
            )


def _state(server: ServerStore, school: School, key_id: bytes) -> str | None:
    found: str | None = server.db.value(
        "SELECT state FROM kirim_key WHERE scope = ? AND key_id = ?", (school.sekolah_id, key_id)
    )
    return found


def is_known(server: ServerStore, school: School, key_id: bytes) -> bool:
    """Return whether a key's certificate is kept here."""
    return bool(
        server.db.value("SELECT 1 FROM kirim_key WHERE scope = ? AND key_id = ?", (school.sekolah_id, key_id))
    )


def check_key(chain: Chain, manifest: Manifest) -> None:
    """Return only if a laptop's key counts for what a package brings (step 12 of the order of checks).

    Raises:
        CodeTwice: KF-311, the district has not decided yet.
        Revoked: KF-308, it goes beyond the number after which the key was revoked.
        RevokedAhead: KF-315, that number lies beyond what has come, and only the value at it proves the way there.
    """
    after = chain.revoked_after
    if chain.state == CONTESTED:
        raise CodeTwice()
    if chain.state == REJECTED or (chain.state == REVOKED and manifest.last > after):
        raise Revoked(last=after, got=manifest.last)
    if chain.state == REVOKED and chain.revoked_value and chain.last < manifest.last < after:
        raise RevokedAhead(last=after, got=manifest.last)


def check_revoked_value(chain: Chain) -> None:
    """Return only if a revoked laptop's chain has the value that was named with the number after which it was revoked.

    Raises:
        Revoked: KF-308, somebody else wrote these changesets.
    """
    after, value = chain.revoked_after, chain.revoked_value
    if value and chain.last == after and chain.value[: len(value)] != value:
        raise Revoked(last=after - 1, got=after)


def is_head_code(db: Database, school: School, key_id: bytes) -> bool:
    """Return whether a key is that of a code for a head."""
    purpose = db.value("SELECT purpose FROM kirim_code WHERE scope = ? AND key_id = ?", (school.sekolah_id, key_id))
    return bool(purpose == KeyKind.KODE_KEPALA.name)


def chain_of(server: ServerStore, school: School, device: bytes) -> Chain:
    """Return a device's chain.

    Raises:
        SenderUnknown: KF-304.
    """
    row = server.db.execute(
        "SELECT last, value, state, revoked_after, revoked_value FROM kirim_key WHERE scope = ? AND key_id = ?",
        (school.sekolah_id, device),
    ).fetchone()
    if row is None:
        raise SenderUnknown()
    last, value, state, after, named = row
    start = bytes(value) if value else chain_start(school.sekolah_id, device)
    return Chain(device, last, start, state, after or 0, bytes(named or b""))


def value_at(server: ServerStore, school: School, chain: Chain, number: int) -> bytes:
    """Return a chain's value at a number (32 bytes), empty when the server does not have it."""
    if number == 0:
        return chain_start(school.sekolah_id, chain.device)
    if number == chain.last:
        return chain.value
    return chains.value_at(server.db, school.sekolah_id, chain.device, number) or b""


def note(
    server: ServerStore,
    school: School,
    device: bytes,
    manifest: Manifest,
    own: int,
    digests: str | None = None,
    heard: int | None = None,
) -> None:
    """Remember what a school says of itself: its program's tables, its reference rows, and positions of both chains that
    this server holds.

    A former laptop's word says nothing of that (:func:`~exchange.laptops.is_former`): returns go to the one in use.

    Args:
        server: The store.
        school: As it stands now.
        device: Key id of its laptop.
        manifest: What the laptop says.
        own: Own position up to which both sides share its chain.
        digests: What it says of its rows, as JSON; ``None`` if that is what it said before.
        heard: Its position in this log, where the caller knows it.
    """
    server.db.execute(
        "UPDATE kirim_school SET device = ?, schema = ?, have = ?, told = ?, own = ?, reference = ?, digests = coalesce(?, digests) "
        "WHERE sekolah_id = ?",
        (
            device,
            manifest.schema,
            _heard(server, school, manifest) if heard is None else heard,
            manifest.first.number,
            own,
            _references(server, school, manifest.reference),
            digests,
            school.sekolah_id,
        ),
    )


def _references(server: ServerStore, school: School, told: int) -> int:
    """Return the position of the reference rows that a school has of this server's.

    One that lies ahead was lost: the server was restored. Its number is not used again, and the school gets all rows anew.
    """
    if told == school.reference or not server.reference < told <= min(server.reference + JUMP_MAX, POSITION_MAX):
        return told
    server.set("reference", told)
    return 0


def _heard(server: ServerStore, school: School, manifest: Manifest) -> int:
    """Return the newest position of this log that a school says it has applied: its next return begins there."""
    for position in (manifest.have, *manifest.have_older):
        if server.holds(school, position):
            return position.number
    seen = server.seen(school, manifest.have)
    if seen is None:
        return school.have
    # Both histories go further together than the school was told: it stands where a return was written.
    return int(
        server.db.value(
            "SELECT coalesce(max(position), 0) FROM kirim_return WHERE scope = ? AND position <= ?",
            (school.sekolah_id, seen.after),
        )
    )


def note_unmerged(server: ServerNode, school: School, package: VerifiedPackage, error: ExchangeError) -> None:
    """Remember what a verified package says of both chains although it could not be merged.

    Part of the caller's transaction. A position that this log does not hold was lost with it: the server was restored.
    No number that a school has seen is ever used again, so the log goes on behind it.

    Args:
        server: The server.
        school: Whose package.
        package: Its body is read again from the beginning.
        error: Why it was not merged.

    Source:
        docs/protocol.md, rules 17, 24 and 25.
    """
    store = server.store
    school = store.reread(school)
    package.body.seek(0)
    manifest, _ = read_body(package.body, store.schema.version)
    device = package.header.sender
    admit(store, school, package.admitted)
    chain = chain_of(store, school, device)
    own = _own(store, school, chain, manifest, error)
    if store.seen(school, manifest.have) is None:
        school = _lose(store, school, manifest.have)
    if not is_former(store, school, device, chain.state):
        note(store, school, device, manifest, own)


def _own(server: ServerStore, school: School, chain: Chain, manifest: Manifest, error: ExchangeError) -> int:
    """Return the last number of its own chain that a school shares with the server, as far as a package tells."""
    told = (manifest.first, *manifest.first_older)
    shared = _newest(told, lambda p: p.number <= chain.last and _is_at(server, school, chain, p))
    if isinstance(error, Fork):
        # Numbers up to the one that differs were compared; if the first one differs already, it is known no better.
        return error.number - 1 if error.number > manifest.first.number else shared or 0
    if shared is None:  # every chain begins alike, and a school that tells all of its positions names no other
        return 0 if manifest.first_older else chain.last
    return shared


def _newest(positions: Iterable[Position], fits) -> int | None:  # type: ignore[no-untyped-def]
    return max((position.number for position in positions if fits(position)), default=None)


def _is_at(server: ServerStore, school: School, chain: Chain, position: Position) -> bool:
    return position.number == 0 or value_at(server, school, chain, position.number)[:8] == position.value


def _lose(server: ServerStore, school: School, position: Position) -> School:
    """Remember a position that the log has lost, and go on behind it."""
    if position.number > min(school.position + JUMP_MAX, POSITION_MAX):
        return school
    server.db.execute(
        "INSERT INTO kirim_lost (scope, number, value) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (school.sekolah_id, position.number, position.value),
    )
    return jump(server, school, position.number)


def jump(server: ServerStore, school: School, number: int) -> School:
    """Leave log positions out up to a number, so that the next return is news to whoever has that one."""
    if number < school.position:
        return school
    digest = hashlib.sha256(b"kirim/1 lompat\0" + number.to_bytes(4, "big")).digest()
    return server.append(school, JUMPED, chains.CENTRE, 0, Cause.PUSAT, digest, position=number + 1)
