"""The two kinds of holders of data, each with its store, its keys and whom it trusts."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from pathlib import Path

from exchange import acts, errors
from exchange.format.certificate import Certificate, KeyKind, decode_certificate
from exchange.format.container import scope_bytes, scope_text
from exchange.mirror import Mirror
from exchange.schema import SCHEMA
from exchange.schema.model import Schema
from exchange.store.reference import Semester, codes, running_semester
from exchange.store.school import SchoolStore
from exchange.store.server import School, ServerStore
from exchange.trust.certificates import SignedCertificate, anchor, newest, read
from exchange.trust.codes import CODE_SUITE
from exchange.trust.keyfiles import load_identity, open_head_key
from exchange.trust.keys import Identity, PublicIdentity, public_of

KEYS = "kunci"
"""Folder of private keys in a home; its files are for the owner only."""

CENTRE_SCOPE = bytes(16)
"""Scope of the root's and the server's certificates."""

Clock = Callable[[], int]

_log = logging.getLogger(__name__)


def system_clock() -> int:
    """Return seconds since 1970 by this machine's clock."""
    return int(time.time())


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
            if self.store.entered:
                self.mirror.catch_up()
        except errors.ExchangeError as error:
            _log.warning("%s: %s", error.code, error.lines()[0])
        finally:
            self.store.close()

    @cached_property
    def mirror(self) -> Mirror:
        """The ledger's files in the archive."""
        return Mirror(self.store, self.home / "archive")

    @cached_property
    def identity(self) -> Identity:
        """The key that signs returns and opens schools' packages."""
        return load_identity(self.home / KEYS / "pusat")

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
        """Keys that open packages, by key id."""
        return {self.identity.key_id: self.identity}

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
        body = db.value(
            "SELECT body FROM kirim_key WHERE scope = ? AND key_id = ? AND state <> 'ditahan'", (scope, key_id)
        )
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
        """Whether a return can be sealed to a school: it has a laptop, or a code was issued."""
        return bool(school.device) or bool(
            self.store.db.value("SELECT 1 FROM kirim_code WHERE scope = ? LIMIT 1", (school.sekolah_id,))
        )

    def receiver(self, scope: str, device: bytes) -> PublicIdentity:
        """Return the key to which a school's returns are sealed: its laptop's, before that its code's."""
        certificate = self.find(scope_bytes(scope), device) if device else None
        if certificate is not None:
            return public_of(certificate)
        row = self.store.db.execute(
            "SELECT purpose, public, subject FROM kirim_code WHERE scope = ? AND purpose = 'KODE_PERANGKAT' "
            "ORDER BY rowid DESC LIMIT 1",
            (scope,),
        ).fetchone()
        return public_of(code_anchor(scope, *row))


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

    @cached_property
    def device(self) -> Identity:
        """Key of this laptop."""
        return load_identity(self.home / KEYS / "perangkat")

    @property
    def identities(self) -> Mapping[bytes, Identity]:
        """Keys that open returns, by key id: this laptop's, and the code's until the laptop's is known to be in use."""
        found = {self.device.key_id: self.device}
        code = self.home / KEYS / "kode"
        if self.store.get("code") and code.exists():
            found[bytes.fromhex(self.store.get("code"))] = load_identity(code)
        return found

    def head(self, passphrase: str) -> Identity:
        """Return the head's key. Raises PassphraseWrong (KF-106), KeysMissing (KF-111)."""
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

    def head_certificate(self) -> Certificate | None:
        """Return the certificate of the head whose key is on this laptop."""
        found = [s.certificate for s in self.signed("own") if s.certificate.kind is KeyKind.KEPALA]
        return found[-1] if found else None

    def remember(self, name: str, certificates: Iterable[SignedCertificate]) -> None:
        """Remember certificates under ``own`` or ``trusted``. Part of the caller's transaction."""
        known = {signed.body: signed for signed in (*self.signed(name), *certificates)}
        self.store.set(
            **{f"certificates_{name}": json.dumps([[s.body.hex(), s.signature.hex()] for s in known.values()])}
        )
