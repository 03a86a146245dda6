"""A small world of fixed keys for the tests of trust: one server, two schools, their laptops, heads and codes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from typing import Any

from exchange.format.certificate import NO_SCOPE, Certificate, KeyKind
from exchange.records import PackageKind
from exchange.trust.certificates import SignedCertificate, anchor, issue
from exchange.trust.codes import code_identity
from exchange.trust.keys import Identity, PublicIdentity, identity_from_seed
from exchange.trust.opening import Duplicate, VerifiedPackage, open_package
from exchange.trust.sealing import Sealed, seal

SCHOOL = "0f0c0000-0000-4000-8000-000000000001"
OTHER_SCHOOL = "0f0c0000-0000-4000-8000-000000000002"
ASSIGNMENT = b"penugasan kepala"
OTHER_ASSIGNMENT = b"penugasan ke-dua"


def made(name: str, kind: KeyKind, suite: int = 1) -> Identity:
    """Return the same keys for the same name, always."""
    return identity_from_seed(kind, hashlib.sha512(name.encode()).digest(), suite)


class World:
    """Whom the reader of the moment trusts, and how packages are made and opened among them."""

    def __init__(self, suite: int = 1) -> None:
        self.suite = suite
        self.root = made("akar", KeyKind.AKAR, suite)
        self.server = made("pusat", KeyKind.PUSAT, suite)
        self.device = made("perangkat", KeyKind.PERANGKAT, suite)
        self.head = made("kepala", KeyKind.KEPALA, suite)
        self.stranger = made("orang lain", KeyKind.PERANGKAT, suite)
        self.code = code_identity(b"\x99" * 16, SCHOOL)
        self.head_code = code_identity(b"\x98" * 16, SCHOOL, KeyKind.KODE_KEPALA)
        self.root_by_code = issue(self.code, KeyKind.AKAR, self.root.public, NO_SCOPE, 1)
        self.server_by_root = issue(self.root, KeyKind.PUSAT, self.server.public, NO_SCOPE, 1)
        self.device_by_code = issue(self.code, KeyKind.PERANGKAT, self.device.public, SCHOOL, 1)
        self.head_by_code = issue(self.code, KeyKind.KEPALA, self.head.public, SCHOOL, 1, ASSIGNMENT)
        self.trusted: dict[tuple[bytes, bytes], Certificate] = {}

    def trust(self, *certificates: Certificate | SignedCertificate) -> World:
        """Put keys among those that the reader trusts."""
        for given in certificates:
            certificate = given.certificate if isinstance(given, SignedCertificate) else given
            self.trusted[certificate.scope, certificate.key_id] = certificate
        return self

    def find(self, scope: bytes, key_id: bytes) -> Certificate | None:
        """Look up trusted keys."""
        return self.trusted.get((scope, key_id))

    def at_the_server(self) -> World:
        """Trust what a server trusts once the school's first package is in."""
        return self.trust(self.device_by_code, anchor(self.code.public, SCHOOL))

    def at_the_school(self) -> World:
        """Trust what a school trusts once its prefill is in."""
        return self.trust(self.root_by_code, self.server_by_root)

    def pack(
        self,
        plaintext: bytes = b"perubahan",
        *,
        kind: PackageKind = PackageKind.KIRIM,
        scope: str = SCHOOL,
        number: int = 1,
        sender: Identity | None = None,
        receivers: Sequence[PublicIdentity] = (),
        certificates: Sequence[SignedCertificate] = (),
        **more: Any,
    ) -> tuple[bytes, Sealed]:
        """Seal a file as its sender would."""
        from_school = kind is PackageKind.KIRIM
        out = io.BytesIO()
        sealed = seal(
            kind=kind,
            scope=scope,
            number=number,
            sender=sender or (self.device if from_school else self.server),
            receivers=receivers or [(self.server if from_school else self.device).public],
            certificates=certificates,
            plaintext=[plaintext],
            out=out,
            **more,
        )
        return out.getvalue(), sealed

    def open(self, data: bytes, *identities: Identity, **more: Any) -> VerifiedPackage | Duplicate:
        """Open a file as its reader would."""
        keys = identities or (self.server, self.device)
        given: dict[str, Any] = {"kinds": set(PackageKind), "find": self.find, **more}
        return open_package(io.BytesIO(data), identities={key.key_id: key for key in keys}, **given)

    def read(self, data: bytes, *identities: Identity, **more: Any) -> bytes:
        """Return the plaintext of a file that opens."""
        package = self.open(data, *identities, **more)
        assert isinstance(package, VerifiedPackage)
        with package:
            return package.body.read()
