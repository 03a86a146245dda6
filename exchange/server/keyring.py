"""A school's keys at the server: listed, revoked after a number, and decided upon where two claim one code; codes taken back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from exchange import errors
from exchange.format.certificate import Certificate, KeyKind, decode_certificate
from exchange.laptops import ACTIVE, CONTESTED, REJECTED, REVOKED
from exchange.nodes import ServerNode
from exchange.server.intake import Intake, forget_tried
from exchange.server.results import FileResult
from exchange.store.server import School
from exchange.trust.keys import fingerprint, public_of

KINDS = {KeyKind.PERANGKAT: "perangkat", KeyKind.KEPALA: "kepala"}
"""Names of the kinds of a school's keys in JSON."""


@dataclass(frozen=True, slots=True)
class SchoolKey:
    """One key of a school as the server knows it.

    Attributes:
        key: Its id.
        kind: ``perangkat`` or ``kepala``.
        fingerprint: What people compare over the telephone.
        state: ``aktif``, ``ditahan``, ``ditolak`` or ``dicabut``.
        merged: Laptop: number up to which its chain is merged.
        received: Laptop: highest number that has come, held files included.
        revoked_after: Number after which it was revoked, or ``None``.
        current: Whether returns are sealed to it.
        certified_by: Id of the code or key that signed its certificate.
    """

    key: bytes
    kind: str
    fingerprint: str
    state: str
    merged: int
    received: int
    revoked_after: int | None
    current: bool
    certified_by: bytes

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server key list --json``."""
        return {
            "key": self.key.hex(),
            "kind": self.kind,
            "fingerprint": self.fingerprint,
            "state": self.state,
            "merged": self.merged,
            "received": self.received,
            "revoked_after": self.revoked_after,
            "current": self.current,
            "certified_by": self.certified_by.hex(),
        }


@dataclass(frozen=True, slots=True)
class Decided:
    """What a decision about a key did.

    Attributes:
        npsn: Whose keys.
        keys: All of them afterwards.
        files: Files that waited and moved because of it.
    """

    npsn: str
    keys: tuple[SchoolKey, ...]
    files: tuple[FileResult, ...]

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server key revoke --json``."""
        return {
            "npsn": self.npsn,
            "keys": [key.as_json() for key in self.keys],
            "files": [one.as_json() for one in self.files],
        }


def school_keys(server: ServerNode, npsn: str) -> tuple[SchoolKey, ...]:
    """Return a school's keys in the order in which they came.

    Raises:
        SchoolUnknown: KF-103.
    """
    db, school = server.store.db, server.store.school_by_npsn(npsn)
    held = {
        bytes(device): last
        for device, last in db.execute(
            "SELECT device, max(last) FROM kirim_package WHERE scope = ? AND state = 'held' GROUP BY device",
            (school.sekolah_id,),
        )
    }
    rows = db.execute(
        "SELECT key_id, body, state, last, revoked_after FROM kirim_key WHERE scope = ? ORDER BY rowid",
        (school.sekolah_id,),
    ).fetchall()
    found = []
    for key_id, body, state, last, after in rows:
        key, certificate = bytes(key_id), decode_certificate(bytes(body))
        shown = None if state != REVOKED or certificate.kind is not KeyKind.PERANGKAT else int(after)
        found.append(
            SchoolKey(
                key,
                KINDS[certificate.kind],
                fingerprint(public_of(certificate)),
                str(state),
                int(last),
                max(int(last), held.get(key, 0)),
                shown,
                key == school.device,
                certificate.issuer,
            )
        )
    return tuple(found)


def _named(server: ServerNode, npsn: str, name: str) -> tuple[School, SchoolKey]:
    """Return the key that somebody named by its id or its fingerprint.

    Raises:
        KeyUnknown: KF-117.
    """
    school, bare = server.store.school_by_npsn(npsn), name.replace("-", "").replace(" ", "").lower()
    for key in school_keys(server, npsn):
        if bare in (key.key.hex(), key.fingerprint.replace("-", "").lower()):
            return school, key
    raise errors.KeyUnknown(npsn=school.npsn, key=name)


# --- lost, stolen ---------------------------------------------------------------------------------


def revoke(server: ServerNode, npsn: str, name: str, *, after: int | None = None, value: bytes = b"") -> Decided:
    """Revoke a key. What a laptop made up to a number is taken for ever, and nothing above it, whatever its date.

    Keys that it certified after that number are revoked with it. A head's key approves nothing new from then on. Done
    again with another number, the new one counts.

    Args:
        server: The server.
        npsn: Whose key.
        name: Its id or its fingerprint.
        after: Number of the last changeset that counts; by default the last one that has come.
        value: For a number beyond what has come: the first bytes of the chain value there, as the school's export shows it.

    Raises:
        SchoolUnknown, KeyUnknown: KF-103, KF-117.
        NumberUnproven: KF-118, a number beyond what has come, without its value.

    Source:
        docs/format.md, section 4; requirement R25.
    """
    return _decide(server, npsn, lambda: take_back(server, npsn, name, after=after, value=value))


def take_back(server: ServerNode, npsn: str, name: str, *, after: int | None = None, value: bytes = b"") -> None:
    """Do what :func:`revoke` does to the keys, part of the caller's transaction; what waits moves with the next intake."""
    school, key = _named(server, npsn, name)
    last = key.received if after is None else after
    if last > key.received and len(value) < _VALUE_BYTES_MIN:
        raise errors.NumberUnproven(number=last, received=key.received)
    _revoke(server, school, key.key, last, value if last > key.received else None)
    current = server.store.db.value(
        "SELECT state FROM kirim_key WHERE scope = ? AND key_id = ?", (school.sekolah_id, school.device)
    )
    if school.device and current != ACTIVE:
        _without_laptop(server, school)
    forget_tried(server.store, school.sekolah_id)


_VALUE_BYTES_MIN = 4
"""Bytes of a chain value that prove a number; people read them out."""


def _revoke(server: ServerNode, school: School, key: bytes, after: int, value: bytes | None) -> None:
    """Revoke a key after a number, and those that it certified beyond it, however far that goes."""
    db, scope = server.store.db, school.sekolah_id
    db.execute(
        "UPDATE kirim_key SET state = ?, revoked_after = ?, revoked_value = ? WHERE scope = ? AND key_id = ?",
        (REVOKED, after, value, scope, key),
    )
    # What was put aside because of an earlier, lower number may come again.
    db.execute(
        "UPDATE kirim_package SET state = 'released' WHERE scope = ? AND device = ? AND state = 'quarantined' "
        "AND code = ? AND last <= ?",
        (scope, key, int(errors.Revoked.code[3:]), after),
    )
    for other, certificate, issued_at, state in _certified(server, scope):
        if certificate.issuer == key and issued_at > after and state != REVOKED:
            _revoke(server, school, other, 0, None)


def _certified(server: ServerNode, scope: str) -> list[tuple[bytes, Certificate, int, str]]:
    rows = server.store.db.execute(
        "SELECT key_id, body, issued_at, state FROM kirim_key WHERE scope = ? AND kind = ?",
        (scope, int(KeyKind.PERANGKAT)),
    ).fetchall()
    return [(bytes(key), decode_certificate(bytes(body)), int(at or 0), state) for key, body, at, state in rows]


def _without_laptop(server: ServerNode, school: School) -> None:
    """The school has no laptop that counts: the next one begins with a prefill, so nothing is known of what it has."""
    server.store.db.execute(
        "UPDATE kirim_school SET device = ?, have = 0, told = 0, own = 0, digests = NULL WHERE sekolah_id = ?",
        (b"", school.sekolah_id),
    )


# --- two under one code ---------------------------------------------------------------------------


def accept(server: ServerNode, npsn: str, name: str) -> Decided:
    """Let one of the keys under one code hold; the others are refused. What it sent and waits goes on at once.

    Raises:
        SchoolUnknown, KeyUnknown: KF-103, KF-117.
        NotContested: KF-119, the key is neither held nor refused.
    """
    return _decide(server, npsn, lambda: let_hold(server, npsn, name))


def let_hold(server: ServerNode, npsn: str, name: str) -> None:
    """Do what :func:`accept` does to the keys, part of the caller's transaction; what waits moves with the next intake."""
    school, key = _named(server, npsn, name)
    if key.state not in (CONTESTED, REJECTED):
        raise errors.NotContested(key=name)
    _settle(server, school, key)
    forget_tried(server.store, school.sekolah_id)


def reject(server: ServerNode, npsn: str, name: str) -> Decided:
    """Refuse one of the keys under one code; if one is left, it holds.

    Raises:
        SchoolUnknown, KeyUnknown: KF-103, KF-117.
        NotContested: KF-119, the key is not held.
    """
    return _decide(server, npsn, lambda: refuse(server, npsn, name))


def refuse(server: ServerNode, npsn: str, name: str) -> None:
    """Do what :func:`reject` does to the keys, part of the caller's transaction; what waits moves with the next intake."""
    school, key = _named(server, npsn, name)
    if key.state != CONTESTED:
        raise errors.NotContested(key=name)
    _set_state(server, school, key.key, REJECTED)
    left = [one for one in _rivals(server, npsn, key) if one.state == CONTESTED]
    if len(left) == 1:
        _settle(server, school, left[0])
    forget_tried(server.store, school.sekolah_id)


def _rivals(server: ServerNode, npsn: str, key: SchoolKey) -> list[SchoolKey]:
    """Return the other keys of one kind under the same code."""
    return [
        one
        for one in school_keys(server, npsn)
        if one.certified_by == key.certified_by and one.kind == key.kind and one.key != key.key
    ]


def _settle(server: ServerNode, school: School, key: SchoolKey) -> None:
    db, scope = server.store.db, school.sekolah_id
    for other in _rivals(server, school.npsn, key):
        if other.state != REVOKED:
            _set_state(server, school, other.key, REJECTED)
    _set_state(server, school, key.key, ACTIVE)
    db.execute("UPDATE kirim_code SET spent = ? WHERE scope = ? AND key_id = ?", (key.key, scope, key.certified_by))
    db.execute(
        "UPDATE kirim_package SET state = 'released' WHERE scope = ? AND device = ? AND state = 'quarantined' AND code = ?",
        (scope, key.key, int(errors.Revoked.code[3:])),
    )
    if key.kind == KINDS[KeyKind.PERANGKAT] and school.device != key.key:
        _without_laptop(server, school)
        for head in school_keys(server, school.npsn):  # the head enrolled on the other laptop
            if head.certified_by == key.certified_by and head.kind == KINDS[KeyKind.KEPALA]:
                _set_state(server, school, head.key, ACTIVE if head.state == REJECTED else REJECTED)


def _set_state(server: ServerNode, school: School, key: bytes, state: str) -> None:
    server.store.db.execute(
        "UPDATE kirim_key SET state = ? WHERE scope = ? AND key_id = ?", (state, school.sekolah_id, key)
    )


# --- codes that nobody has used -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Codes that were taken back.

    Attributes:
        npsn: Whose codes.
        codes: Ids of their keys.
        files: Files that waited and moved because of it.
    """

    npsn: str
    codes: tuple[bytes, ...]
    files: tuple[FileResult, ...]

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server school code --cancel --json``."""
        return {
            "npsn": self.npsn,
            "cancelled": [code.hex() for code in self.codes],
            "files": [one.as_json() for one in self.files],
        }


def cancel_codes(server: ServerNode, npsn: str, purpose: KeyKind = KeyKind.KODE_PERANGKAT) -> Cancelled:
    """Take back every code of a school that nobody has used: a letter was intercepted, or is lost.

    What such a code makes is refused from then on, and nothing is sealed to it any more. Whoever has opened its prefill has
    read that; nothing calls it back.

    Args:
        server: The server.
        npsn: Whose codes.
        purpose: KODE_PERANGKAT or KODE_KEPALA.

    Raises:
        SchoolUnknown: KF-103.
        CodesUsed: KF-170, each of its codes has made a key that is known here, or was taken back before.

    Source:
        docs/format.md, section 3.5.
    """
    school = server.store.school_by_npsn(npsn)
    db, scope = server.store.db, school.sekolah_id
    with server.store.act("code cancel", scope):
        unused = "scope = ? AND purpose = ? AND spent IS NULL AND NOT cancelled"
        rows = db.execute(f"SELECT key_id FROM kirim_code WHERE {unused} ORDER BY rowid", (scope, purpose.name)).fetchall()
        if not rows:
            raise errors.CodesUsed(npsn=school.npsn)
        db.execute(f"UPDATE kirim_code SET cancelled = 1 WHERE {unused}", (scope, purpose.name))
        forget_tried(server.store, scope)
    moved = _finish(server)
    return Cancelled(school.npsn, tuple(bytes(code) for (code,) in rows), moved)


# --- what waited ----------------------------------------------------------------------------------


def _decide(server: ServerNode, npsn: str, change: Callable[[], None]) -> Decided:
    """Carry a decision out, then try the school's held files again under it."""
    with server.store.db.transaction():
        change()
    moved = _finish(server)
    school = server.store.school_by_npsn(npsn)
    return Decided(school.npsn, school_keys(server, school.npsn), moved)


def _finish(server: ServerNode) -> tuple[FileResult, ...]:
    # Whom this node trusts was read before.
    return tuple(Intake(ServerNode(server.store, files=server.files)).finish())
