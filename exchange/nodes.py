"""The two kinds of holders of data, each with its store, its keys and whom it trusts."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from exchange import acts, errors, spool
from exchange.clocks import system_clock
from exchange.format.certificate import Certificate, KeyKind, decode_certificate
from exchange.format.container import scope_bytes, scope_text
from exchange.mirror import Mirror
from exchange.schema import SCHEMA
from exchange.schema.model import Schema
from exchange.store.reference import codes
from exchange.store.school import SchoolStore
from exchange.store.semester import Semester, running_semester
from exchange.store.server import School, ServerStore
from exchange.trust.certificates import SignedCertificate, anchor, newest, read
from exchange.trust.codes import CODE_SUITE
from exchange.trust.keyfiles import head_public, load_identity, open_head_key
from exchange.trust.keys import Identity, PublicIdentity, public_of

KEYS = "kunci"
"""Folder of private keys in a home; its files are for the owner only."""

CENTRE_SCOPE = bytes(16)
"""Scope of the root's and the server's certificates."""

Clock = Callable[[], int]

_log = logging.getLogger(__name__)


class ServerNode:
    """The server.

    Attributes:
        store: Its store.
        home: Folder of its keys and returns.
        files: Folder of what it keeps of packages: ``held``, ``archive`` and ``quarantine``; the home, unless nothing
            is to last.
    """

    def __init__(self, store: ServerStore, *, files: Path | None = None) -> None:
        self.store, self.home, self.files = store, store.home, files or store.home
        self._known: dict[tuple[bytes, bytes], Certificate] = {}
        if store.db.keeper is None:
            acts.keep(store, lambda: (self.identity, self.archive))

    @classmethod
    def open(
        cls, home: Path, db: str | None = None, *, schema: Schema = SCHEMA, clock: Clock = system_clock
    ) -> ServerNode:
        """Open a server's home. Raises HomeMissing (KF-101), StoreNewer (KF-603)."""
        return cls(ServerStore.open(home, schema, clock, db))

    def close(self) -> None:
        """Bring the archive's ledger up to date, if the disk lets us, and close the store."""
        try:
            # An act that waits was entered here, or by a program that was killed before it came so far.
            if self.store.entered or self.store.db.value("SELECT 1 FROM kirim_act LIMIT 1"):
                self.mirror.catch_up()
        except errors.ExchangeError as error:
            _log.warning("%s: %s", error.code, error.lines()[0])
        finally:
            self.store.close()

    @cached_property
    def mirror(self) -> Mirror:
        """The ledger's files in the archive."""
        return Mirror(self.store, self.home / "archive")

    def certificate(self) -> SignedCertificate:
        """Return the newest certificate of the server's own keys."""
        return max(self.certificates(scope_text(CENTRE_SCOPE), KeyKind.PUSAT), key=_serial)

    @property
    def identity(self) -> Identity:
        """The key that signs returns: the newest that the root certified, also while it is renewed by another process."""
        return self.identities[self.certificate().certificate.key_id]

    @cached_property
    def codes(self) -> Callable[[str], Collection[object] | None]:
        """Codes of the reference tables, each read once for as long as this node is open."""
        return codes(self.store.db, self.store.schema)

    @cached_property
    def semester(self) -> Semester:
        """The running semester, read once for as long as this node is open."""
        return running_semester(self.store.db)

    @cached_property
    def archive(self) -> Identity:
        """The key to which the archive's file keys are sealed."""
        return load_identity(self.home / KEYS / "arsip")

    @cached_property
    def identities(self) -> Mapping[bytes, Identity]:
        """Keys that open packages, by key id: the first one and every one since."""
        return _ServerKeys(self.home / KEYS)

    def find(self, scope: bytes, key_id: bytes) -> Certificate | None:
        """Return the trusted certificate, or the code, of a key within a scope."""
        name = (scope, key_id)
        if name not in self._known:
            found = self._look_up(scope_text(scope), key_id)
            if found is None:
                return None
            self._known[name] = found
        return self._known[name]

    def _look_up(self, scope: str, key_id: bytes) -> Certificate | None:
        db = self.store.db
        body = db.value("SELECT body FROM kirim_key WHERE scope = ? AND key_id = ?", (scope, key_id))
        if body is not None:
            return decode_certificate(bytes(body))
        row = db.execute(
            "SELECT purpose, public, subject FROM kirim_code WHERE scope = ? AND key_id = ?", (scope, key_id)
        ).fetchone()
        return None if row is None else code_anchor(scope, *row)

    def certificates(self, scope: str, *kinds: KeyKind) -> list[SignedCertificate]:
        """Return the certificates of a scope, of some kinds, oldest first."""
        rows = self.store.db.execute(
            "SELECT kind, body, signature FROM kirim_key WHERE scope = ? ORDER BY rowid", (scope,)
        )
        return [read(bytes(body), bytes(signature)) for kind, body, signature in rows if kind in kinds]

    def can_receive(self, school: School) -> bool:
        """Whether a return can be sealed to a school: it has a laptop, or a code was issued for one."""
        return bool(school.device) or self._open_code(school.sekolah_id) is not None

    def _open_code(self, scope: str) -> tuple[str, bytes, bytes | None] | None:
        """Return the newest code for a laptop that was neither used nor taken back: purpose, public keys, subject."""
        found: tuple[str, bytes, bytes | None] | None = self.store.db.execute(
            "SELECT purpose, public, subject FROM kirim_code WHERE scope = ? AND purpose = 'KODE_PERANGKAT' "
            "AND spent IS NULL AND NOT cancelled ORDER BY rowid DESC LIMIT 1",
            (scope,),
        ).fetchone()
        return found

    def receiver(self, scope: str, device: bytes) -> PublicIdentity:
        """Return the key to which a school's returns are sealed: its laptop's, before that its code's.

        Raises:
            NoReceiver: KF-116, there is neither.
        """
        certificate = self.find(scope_bytes(scope), device) if device else None
        if certificate is not None:
            return public_of(certificate)
        code = self._open_code(scope)
        if code is None:
            raise errors.NoReceiver()
        return public_of(code_anchor(scope, *code))


def _serial(signed: SignedCertificate) -> int:
    return signed.certificate.serial


class _ServerKeys(Mapping[bytes, Identity]):
    """A server's keys by id, read when they are needed: another process may renew them while this one runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[bytes, Identity] = {}

    def __getitem__(self, key_id: bytes) -> Identity:
        if not self._read:
            first = load_identity(self._folder / "pusat")
            self._read[first.key_id] = first
        if key_id not in self._read:
            path = self._folder / f"pusat-{key_id.hex()}"
            if not path.exists():
                raise KeyError(key_id)
            self._read[key_id] = load_identity(path)
        return self._read[key_id]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._read)

    def __len__(self) -> int:
        return len(self._read)


def code_anchor(scope: str, purpose: str, public: bytes, subject: bytes | None) -> Certificate:
    """Return what is trusted of a registration code: its public keys, known to both sides without a certificate.

    Args:
        scope: ``sekolah_id``.
        purpose: Name of the code's kind.
        public: Verify key (32 bytes), then seal key.
        subject: Assignment (16 bytes) that a code for a head is for.
    """
    keys = PublicIdentity(KeyKind[purpose], CODE_SUITE, bytes(public[:32]), bytes(public[32:]))
    return anchor(keys, scope, bytes(subject or b""))


class SchoolNode:
    """A school's installation.

    Attributes:
        store: Its store.
        home: Folder of its files.
    """

    def __init__(self, store: SchoolStore) -> None:
        self.store, self.home = store, store.home

    @classmethod
    def open(cls, home: Path, *, schema: Schema = SCHEMA, clock: Clock = system_clock) -> SchoolNode:
        """Open a school's home. Raises HomeMissing (KF-101), StoreNewer (KF-603)."""
        return cls(SchoolStore.open(home, schema, clock))

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    WAITING = ".baru"
    """Behind the name of a key file that waits until the store knows its certificate."""

    FORMER = ".lama"
    """Behind the name of a laptop's former key file."""

    def settle_keys(self) -> None:
        """Let keys that wait take their places, once the store knows their certificates; others are leftovers."""
        for name, kind in (("perangkat", KeyKind.PERANGKAT), ("kepala", KeyKind.KEPALA)):
            waiting = self.home / KEYS / f"{name}{self.WAITING}"
            if not waiting.exists():
                continue
            public = head_public(waiting) if kind is KeyKind.KEPALA else load_identity(waiting).public
            known = [s.certificate for s in self.signed("own") if s.certificate.kind is kind]
            if known and known[-1].key_id == public.key_id:
                if kind is KeyKind.PERANGKAT:  # it still opens what is on its way
                    spool.move(waiting.parent / name, waiting.parent, f"{name}{self.FORMER}")
                spool.move(waiting, waiting.parent, name)

    def forget_device(self) -> None:
        """Read this laptop's key anew when it is needed: it was renewed."""
        self.__dict__.pop("device", None)

    @cached_property
    def device(self) -> Identity:
        """Key of this laptop."""
        self.settle_keys()
        return load_identity(self.home / KEYS / "perangkat")

    @property
    def identities(self) -> Mapping[bytes, Identity]:
        """Keys that open returns, by key id: this laptop's, and the code's until the laptop's is known to be in use."""
        found = {self.device.key_id: self.device}
        former = self.home / KEYS / f"perangkat{self.FORMER}"
        if former.exists():
            found[load_identity(former).key_id] = load_identity(former)
        code = self.home / KEYS / "kode"
        if self.store.get("code") and code.exists():
            found[bytes.fromhex(self.store.get("code"))] = load_identity(code)
        return found

    def head(self, passphrase: str) -> Identity:
        """Return the head's key. Raises PassphraseWrong (KF-106), KeysMissing (KF-111)."""
        self.settle_keys()
        return open_head_key(self.home / KEYS / "kepala", passphrase)

    def signed(self, name: str) -> list[SignedCertificate]:
        """Return remembered certificates: ``own`` (laptop and head) or ``trusted`` (root and server)."""
        stored: list[list[str]] = json.loads(self.store.get(f"certificates_{name}", "[]"))
        return [read(bytes.fromhex(body), bytes.fromhex(signature)) for body, signature in stored]

    def find(self, scope: bytes, key_id: bytes) -> Certificate | None:
        """Return the trusted certificate of a key within a scope."""
        for certificate in newest(signed.certificate for signed in self.signed("trusted")):
            if certificate.key_id == key_id and certificate.scope == scope:
                return certificate
        return None

    def server(self) -> PublicIdentity:
        """Return the server's key: the newest that the root certified."""
        servers = [s.certificate for s in self.signed("trusted") if s.certificate.kind is KeyKind.PUSAT]
        return public_of(max(servers, key=lambda certificate: certificate.serial))

    def districts(self) -> list[PublicIdentity]:
        """Return the districts' keys to which packages are sealed beside the server's: those that the last return named.

        One whose certificate has not come is left out, and so is a key of another suite than the server's.
        """
        named, suite = set(self.store.get("districts").split()), self.server().suite
        found = newest(signed.certificate for signed in self.signed("trusted"))
        return [
            public_of(certificate)
            for certificate in found
            if certificate.kind is KeyKind.DINAS
            and certificate.key_id.hex() in named
            and certificate.suite == suite
            and certificate.seal_key
        ]

    def head_certificate(self) -> Certificate | None:
        """Return the certificate of the head whose key is on this laptop."""
        found = [s.certificate for s in self.signed("own") if s.certificate.kind is KeyKind.KEPALA]
        return found[-1] if found else None

    def head_subject(self) -> bytes:
        """Return the assignment (16 bytes) for which the head's key speaks; zeros for the first that comes, empty without a key."""
        certificate, bound = self.head_certificate(), self.store.get("head_for")
        if certificate is None:
            return b""
        return certificate.subject if any(certificate.subject) or not bound else scope_bytes(bound)

    def remember(self, name: str, certificates: Iterable[SignedCertificate]) -> None:
        """Remember certificates under ``own`` or ``trusted``. Part of the caller's transaction."""
        known = {signed.body: signed for signed in (*self.signed(name), *certificates)}
        self.store.set(
            **{f"certificates_{name}": json.dumps([[s.body.hex(), s.signature.hex()] for s in known.values()])}
        )
