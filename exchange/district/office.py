"""A district office: a node with keys of its own, that orders by signed files and opens what the centre answers.

It merges nothing: the centre is the one authority. What it keeps is its keys, the chain of its orders, what the centre has
told it, and, if that was granted, the packages that are sealed to it and copies of its schools' rows.

Source:
    docs/format.md, section 9; docs/adr/0016-a-district-is-a-node-with-keys.md.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exchange import errors, homes, spool
from exchange.clocks import system_clock
from exchange.district import copies
from exchange.districts import FORM, NAME_MAX, REQUEST, SUITE, request_bytes
from exchange.format.certificate import NO_SCOPE, Certificate, KeyKind
from exchange.limits import MIB
from exchange.nodes import KEYS, Clock, code_anchor
from exchange.trust.certificates import SignedCertificate, anchor, newest, read
from exchange.trust.keyfiles import load_identity, save_identity
from exchange.trust.keys import Identity, PublicIdentity, fingerprint, new_identity, public_of

FILE = "dinas.json"
"""What an office remembers, in its home; written whole each time."""

REPORT = "laporan.json"
"""The last report, in its home."""

SCHOOL_KEYS = "kunci-sekolah.json"
"""Public keys of the region's schools, as the last report told them, in its home."""

FOLDERS = ("outbox", "held", "archive")
_KEY = "dinas"
_STATE_BYTES_MAX = 256 * MIB


@dataclass
class Office:
    """An office's home.

    Attributes:
        home: Its folder.
        state: What it remembers, as JSON.
        clock: Seconds since 1970; information only.
    """

    home: Path
    state: dict[str, Any]
    clock: Clock = system_clock

    @classmethod
    def open(cls, home: Path, *, clock: Clock = system_clock) -> Office:
        """Open an office's home.

        Raises:
            HomeMissing: KF-101. StoreDamaged: KF-602.
        """
        try:
            with spool.open_file(home / FILE) as file:
                state = json.loads(file.read(_STATE_BYTES_MAX))
        except errors.FileUnreadable as error:
            raise errors.HomeMissing(home=str(home), role="district") from error
        except ValueError as error:
            raise errors.StoreDamaged(detail=FILE) from error
        return cls(home, state, clock)

    @property
    def identity(self) -> Identity:
        """The office's keys. Raises KeysMissing (KF-111)."""
        return load_identity(self.home / KEYS / _KEY)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Be the only one at work here, with what is remembered read anew and what a kill left finished.

        Raises:
            HomeBusy: KF-704, another command is at work here.
        """
        with homes.locked(self.home):
            fresh = Office.open(self.home).state
            self.state.clear()
            self.state.update(fresh)
            for folder in (self.home, *(self.home / name for name in FOLDERS)):
                spool.sweep(folder)
            for path in sorted((self.home / "held").glob("SURAT-*.kirim")):
                if any(one["file"] == path.name for one in self.state["orders"].values()):
                    outbox = self.home / "outbox"
                    spool.move(path, outbox, spool.free_name(outbox, path.stem, path.suffix))
                else:  # its number was never taken
                    spool.remove(path)
            yield

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change what is remembered: whole and durable afterwards, or as it was. Errors as :meth:`working`."""
        with self.working():
            yield
            self.save()

    def save(self) -> None:
        """Make what is remembered durable."""
        put_json(self.home, FILE, self.state, replace=True)

    # --- whom it trusts -----------------------------------------------------------------------

    @property
    def grant(self) -> dict[str, Any]:
        """What the centre granted. Raises NotCertified (KF-153)."""
        found: dict[str, Any] | None = self.state.get("grant")
        if found is None:
            raise errors.NotCertified()
        return found

    @property
    def signed(self) -> list[SignedCertificate]:
        """The centre's certificates as they are remembered, each after its issuer's."""
        return [read(bytes.fromhex(body), bytes.fromhex(signature)) for body, signature in self.state["certificates"]]

    def find(self, scope: bytes, key_id: bytes) -> Certificate | None:
        """Return the trusted certificate of one of the centre's keys."""
        if scope == NO_SCOPE and (root := self._root()).key_id == key_id:
            told = [one.certificate for one in self.signed if one.certificate.key_id == key_id]
            return max(told, key=lambda certificate: certificate.serial, default=root)
        known = newest(one.certificate for one in self.signed)
        return next((c for c in known if c.scope == scope and c.key_id == key_id), None)

    def _root(self) -> Certificate:
        return anchor(public_told(KeyKind.AKAR, self.grant["root"]))

    def server(self) -> PublicIdentity:
        """Return the server's key: the newest that the root certified."""
        servers = [one.certificate for one in self.signed if one.certificate.kind is KeyKind.PUSAT]
        return public_of(max(servers, key=lambda certificate: certificate.serial))

    def school_keys(self) -> dict[tuple[bytes, bytes], Certificate]:
        """Return the schools' keys that the centre has told of, by scope and key id: nobody else's word counts here."""
        try:
            with spool.open_file(self.home / SCHOOL_KEYS) as file:
                told = json.loads(file.read(_STATE_BYTES_MAX))
        except errors.FileUnreadable:
            return {}  # no report has told of any yet
        except ValueError as error:
            raise errors.StoreDamaged(detail=SCHOOL_KEYS) from error
        found = [read(bytes.fromhex(b), bytes.fromhex(s)).certificate for b, s in told["certificates"]]
        found += [code_anchor(scope, kind, bytes.fromhex(k), bytes.fromhex(of)) for scope, kind, k, of in told["codes"]]
        return {(one.scope, one.key_id): one for one in found}


def public_told(kind: KeyKind, told: dict[str, Any]) -> PublicIdentity:
    """Return public keys as files of the centre tell them."""
    return PublicIdentity(kind, int(told["suite"]), bytes.fromhex(told["verify"]), bytes.fromhex(told["seal"]))


# --- begun ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OfficeMade:
    """A new office: its key, and the file that goes to the centre."""

    key_id: str
    fingerprint: str
    file: Path

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim district init --json``."""
        return {"key_id": self.key_id, "fingerprint": self.fingerprint, "file": str(self.file)}


def init_office(home: Path, name: str, *, clock: Clock = system_clock) -> OfficeMade:
    """Make an office's keys in a folder of its own, and the request that goes to the centre. No secret leaves the folder.

    Args:
        home: Folder of the office.
        name: What it calls itself, at most 100 characters.
        clock: Seconds since 1970.

    Raises:
        HomeExists: KF-102.
        RequestBad: KF-156, an empty name, or one that is too long or cannot be printed.
        DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    name = name.strip()
    if not name or len(name) > NAME_MAX or not name.isprintable():
        raise errors.RequestBad(file="PERMOHONAN", part="name")
    homes.unbuild(home)
    if (home / KEYS).exists() or (home / FILE).exists():
        raise errors.HomeExists(home=str(home))
    homes.make_home(home, FOLDERS)
    identity = new_identity(KeyKind.DINAS, SUITE)
    public = identity.public
    request = {
        "file": REQUEST,
        "form": FORM,
        "name": name,
        "suite": SUITE,
        "verify": public.verify_key.hex(),
        "seal": public.seal_key.hex(),
        "signature": identity.sign(request_bytes(public.verify_key, public.seal_key, name)).hex(),
    }
    asked = f"PERMOHONAN-{public.key_id.hex()}.json"
    with homes.building(home) as place:
        os.makedirs(place / KEYS, mode=0o700)
        save_identity(place / KEYS / _KEY, identity)
        put_json(place, asked, request)
        put_json(place, FILE, {"name": name, "made_at": clock(), "certificates": [], "orders": {}, "number": 0})
    return OfficeMade(public.key_id.hex(), fingerprint(public), home / asked)


def put_json(folder: Path, name: str, document: object, *, replace: bool = False) -> Path:
    """Write a document whole, and durably."""
    text = json.dumps(document, indent=1, ensure_ascii=False).encode()
    return spool.put(folder, name, lambda file: file.write(text), replace=replace)


# --- status -----------------------------------------------------------------------------------


def status(office: Office) -> dict[str, object]:
    """Return who the office is, what it has ordered, and what of it waits for an answer."""
    grant = office.state.get("grant")
    public = office.identity.public
    orders = [
        {"number": int(number), "verb": one["verb"], "state": one["state"], "code": one.get("code"), "file": one["file"]}
        for number, one in sorted(office.state["orders"].items(), key=lambda pair: int(pair[0]))
    ]
    return {
        "name": office.state["name"],
        "key_id": public.key_id.hex(),
        "fingerprint": fingerprint(public),
        "certified": grant is not None,
        "wilayah": grant["wilayah"].strip() if grant else None,
        "sealed": bool(grant and grant["sealed"]),
        "orders": orders,
        "waiting": sum(one["state"] in ("sent", "held") for one in orders),
        "report": str(office.home / REPORT) if (office.home / REPORT).exists() else None,
        "packages": len(office.state.get("packages", {})),
        "copies": [{"npsn": npsn, **one} for npsn, one in sorted(copies.copies(office).items())],
    }
