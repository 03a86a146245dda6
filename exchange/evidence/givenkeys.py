"""What the archive's owner hands out, as JSON: the public keys, for anybody, and single files' own keys, for whoever may read them.

Source:
    docs/format.md, section 8.4.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exchange import errors, spool
from exchange.format.certificate import NO_SCOPE, Certificate, KeyKind
from exchange.nodes import CENTRE_SCOPE, KEYS, ServerNode, code_anchor
from exchange.trust.archive import act_key, unlock_file_key
from exchange.trust.certificates import SignedCertificate, anchor, check, read
from exchange.trust.keyfiles import load_identity
from exchange.trust.keys import PublicIdentity, fingerprint, public_of

_PUBLIC, _FILE_KEYS = "kirim public keys", "kirim file keys"
_FORM = 1
_BYTES_MAX = 256 * 1024 * 1024


# --- public keys ------------------------------------------------------------------------------


def write_public_keys(server: ServerNode, path: Path) -> str:
    """Write the keys with which anybody checks the archive, and return the root's fingerprint.

    They hold no secret: the root's public key, every certificate, and the public halves of registration codes.

    Args:
        server: The server.
        path: The file; one that stands there is replaced.

    Raises:
        DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    db = server.store.db
    roots = {anchored.key_id: anchored for anchored in _roots(server)}
    document = {
        "file": _PUBLIC,
        "form": _FORM,
        "roots": [_keys(root) for root in roots.values()],
        "codes": [
            {"scope": scope, "kind": purpose, "keys": bytes(public).hex(), "subject": bytes(subject or b"").hex()}
            for scope, purpose, public, subject in db.execute(
                "SELECT scope, purpose, public, subject FROM kirim_code ORDER BY rowid"
            )
        ],
        "certificates": [
            {"body": bytes(body).hex(), "signature": bytes(signature).hex()}
            for body, signature in db.execute("SELECT body, signature FROM kirim_key ORDER BY rowid")
        ],
    }
    text = json.dumps(document, indent=1).encode()
    spool.put(path.parent, path.name, lambda file: file.write(text), replace=True)
    return fingerprint(next(iter(roots.values())))


def _roots(server: ServerNode) -> list[PublicIdentity]:
    """Return the root's keys: those that a registration code was told, or, before the first school, the root's own."""
    bodies = server.store.db.execute("SELECT root, root_signature FROM kirim_code WHERE root IS NOT NULL ORDER BY rowid").fetchall()
    if bodies:
        return [public_of(read(bytes(body), bytes(signature)).certificate) for body, signature in bodies]
    return [load_identity(server.home / KEYS / "akar").public]


def _keys(public: PublicIdentity) -> dict[str, object]:
    return {"suite": public.suite, "verify": public.verify_key.hex(), "seal": public.seal_key.hex()}


@dataclass
class PublicKeys:
    """Keys that a third person trusts because he trusts the root.

    Attributes:
        fingerprint: Of the first root, to be compared with what its owner says.
        known: Certificates by scope (16 bytes) and key id (8 bytes).
        servers: The server's, one after another.
    """

    fingerprint: str
    known: dict[tuple[bytes, bytes], Certificate] = field(default_factory=dict)
    servers: list[Certificate] = field(default_factory=list)

    def find(self, scope: bytes, key_id: bytes) -> Certificate | None:
        """Return the trusted certificate of a key within a scope."""
        return self.known.get((scope, key_id))

    def admit(self, signed: Iterable[SignedCertificate]) -> None:
        """Trust certificates that trusted keys signed, in order.

        Raises:
            CertificateBad: KF-303.
        """
        for one in signed:
            claimed = one.certificate
            issuer = self.find(claimed.scope, claimed.issuer) or self.find(NO_SCOPE, claimed.issuer)
            if issuer is None:
                raise errors.CertificateBad(part="issuer")
            found = check(one, issuer)
            self.known[found.scope, found.key_id] = found
            if found.kind is KeyKind.PUSAT:
                self.servers.append(found)


def read_public_keys(path: Path) -> PublicKeys:
    """Return the keys of a file, each checked as far as the root.

    Raises:
        FileUnreadable, LayoutUnknown: KF-702, KF-212, it is no such file.
        CertificateBad: KF-303, a certificate in it does not hold.
    """
    document = _read(path, _PUBLIC)
    try:
        roots = [
            anchor(
                PublicIdentity(
                    KeyKind.AKAR, int(one["suite"]), bytes.fromhex(one["verify"]), bytes.fromhex(one["seal"])
                ),
                CENTRE_SCOPE,
            )
            for one in document["roots"]
        ]
        codes = [
            code_anchor(one["scope"], one["kind"], bytes.fromhex(one["keys"]), bytes.fromhex(one["subject"]))
            for one in document["codes"]
        ]
        signed = [(bytes.fromhex(one["body"]), bytes.fromhex(one["signature"])) for one in document["certificates"]]
        keys = PublicKeys(fingerprint(public_of(roots[0])))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise errors.LayoutUnknown(file=path.name, missing=_PUBLIC) from error
    keys.known.update({(one.scope, one.key_id): one for one in (*roots, *codes)})
    keys.admit(read(body, signature) for body, signature in signed)
    return keys


# --- file keys --------------------------------------------------------------------------------


@dataclass(frozen=True)
class FileKeys:
    """Keys that open single files and acts.

    Attributes:
        packages: Package id (32 bytes) to the file's key (32 bytes).
        acts: SHA-256 of an act's sealed content to its key (32 bytes).
    """

    packages: dict[bytes, bytes] = field(default_factory=dict)
    acts: dict[bytes, bytes] = field(default_factory=dict)


def give_file_keys(server: ServerNode, path: Path, npsn: str, number: int | None = None) -> int:
    """Write the keys of a school's files, each of which opens that file and no other, and return how many there are.

    Args:
        server: The server.
        path: The file; it must not be there, for it is a secret of its own.
        npsn: Whose files.
        number: Of the package; by default all of the school's.

    Raises:
        SchoolUnknown: KF-103. ReceiptUnknown: KF-406, no such file has come.
        FileExists: KF-705. DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    school = server.store.school_by_npsn(npsn)
    found = server.store.db.execute(
        "SELECT DISTINCT package_id, number, file_key FROM kirim_package WHERE scope = ? AND file_key IS NOT NULL ORDER BY seq",
        (school.sekolah_id,),
    ).fetchall()
    keys = {
        bytes(package_id).hex(): unlock_file_key(server.archive, bytes(package_id), bytes(locked)).hex()
        for package_id, named, locked in found
        if number in (None, named)
    }
    if number is not None and not keys:
        raise errors.ReceiptUnknown(number=number)
    document = {"file": _FILE_KEYS, "form": _FORM, "packages": keys, "acts": {}}
    text = json.dumps(document, indent=1).encode()
    spool.put(path.parent, path.name, lambda file: file.write(text))
    return len(keys)


def give_act_key(server: ServerNode, sealed: bytes) -> bytes:
    """Return the key of one act (32 bytes). Raises WrapBad (KF-306), it was sealed for another archive."""
    return act_key(server.archive, sealed)


def read_file_keys(path: Path) -> FileKeys:
    """Return the keys of a file. Raises FileUnreadable, LayoutUnknown (KF-702, KF-212)."""
    document = _read(path, _FILE_KEYS)
    try:
        packages, acts = (
            {bytes.fromhex(name): bytes.fromhex(key) for name, key in document[kind].items()}
            for kind in ("packages", "acts")
        )
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise errors.LayoutUnknown(file=path.name, missing=_FILE_KEYS) from error
    return FileKeys(packages, acts)


def _read(path: Path, wanted: str) -> dict[str, Any]:
    with spool.open_file(path) as file, spool.readable(file):
        data = file.read(_BYTES_MAX)
    try:
        document = json.loads(data)
    except ValueError as error:
        raise errors.LayoutUnknown(file=path.name, missing=wanted) from error
    if not isinstance(document, dict) or (document.get("file"), document.get("form")) != (wanted, _FORM):
        raise errors.LayoutUnknown(file=path.name, missing=wanted)
    return document

