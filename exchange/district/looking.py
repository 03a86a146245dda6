"""Packages that are sealed to a district office as well: opened, listed, kept sealed as they came.

The office believes only what the centre has told it of schools' keys (the report), and merges nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from exchange import errors, spool
from exchange.district.copies import packages_in
from exchange.district.office import Office
from exchange.errors import ExchangeError
from exchange.format.body import read_body
from exchange.format.certificate import Certificate
from exchange.format.container import scope_text
from exchange.reading import Content, Found
from exchange.records import PackageKind
from exchange.schema import SCHEMA
from exchange.school.capture import counted, net
from exchange.server.candidates import candidates
from exchange.trust.keys import Identity
from exchange.trust.opening import VerifiedPackage, open_package


@dataclass(frozen=True, slots=True)
class Looked:
    """What an office has seen in one file.

    Attributes:
        file: The file.
        status: ``opened``, ``known`` or ``refused``.
        error: Why it was refused.
        told: What it says: school, number, changes by table; whether the school's copy holds it, ``None`` if nobody can say.
    """

    file: str
    status: str
    error: ExchangeError | None = None
    told: dict[str, object] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim district ingest --json``."""
        return {"file": self.file, "status": self.status, "code": self.error.code if self.error else None, **self.told}


def look(office: Office, paths: Sequence[Path]) -> list[Looked]:
    """Open packages that are sealed to this office too, keep them sealed as they came, and tell what they say.

    It answers nobody and merges nothing. A file changes nothing that it had not changed before.

    Args:
        office: The office.
        paths: Files, folders and ZIPs.

    Raises:
        NotCertified: KF-153.
        DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    identity = office.identity
    assert office.grant
    done: list[Looked] = []
    senders = office.school_keys()
    with office.changing():
        known: dict[str, Any] = office.state.setdefault("packages", {})
        for candidate in candidates(paths):
            try:
                with candidate.open(office.home) as file:
                    done.append(_look_at(office, identity, senders, candidate.label, file, known))
            except (errors.FileError, errors.TrustError, errors.FileUnreadable) as error:
                done.append(Looked(candidate.label, "refused", error))
            finally:
                candidate.done()
    return done


def _look_at(
    office: Office,
    identity: Identity,
    senders: Mapping[tuple[bytes, bytes], Certificate],
    label: str,
    file: BinaryIO,
    known: dict[str, Any],
) -> Looked:
    package = open_package(
        file,
        kinds={PackageKind.KIRIM},
        find=lambda scope, key_id: senders.get((scope, key_id)),
        identities={identity.key_id: identity},
        folder=office.home,
    )
    assert isinstance(package, VerifiedPackage)
    with package:
        package_id, scope = package.package_id.hex(), scope_text(package.header.scope)
        manifest, items = read_body(package.body, SCHEMA.version)
        pieces = (piece for piece in Content(SCHEMA, scope, items) if isinstance(piece, Found))
        changes = counted(net(block for piece in pieces for block in piece.blocks))
        told: dict[str, object] = {
            "sekolah_id": scope,
            "number": package.header.number,
            "first": manifest.first.number,
            "last": manifest.last,
            "changes": changes,
        }
    merged = packages_in(office, scope) if changes else None  # a package without changes is in every copy, and in none
    now = told | {"in_copy": None if merged is None else package_id[:16] in merged}
    if package_id in known:
        return Looked(label, "known", None, now)
    name = f"{package_id}.kirim"
    spool.keep(file, office.home / "archive", name)
    known[package_id] = told
    return Looked(label, "opened", None, now)
