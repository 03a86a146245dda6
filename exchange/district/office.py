"""A district office: a node with keys of its own, that orders by signed files and opens what the centre answers.

It merges nothing: the centre is the one authority. What it keeps is its keys, the chain of its orders, what the centre has
told it, and, if that was granted, the packages that are sealed to it and copies of its schools' rows.

Source:
    docs/format.md, section 9; docs/adr/0016-a-district-is-a-node-with-keys.md.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from exchange import errors, homes, spool
from exchange.clocks import system_clock
from exchange.district import copies
from exchange.districts import FORM, GRANT, NAME_MAX, REQUEST, SUITE, grant_bytes, request_bytes
from exchange.errors import ExchangeError
from exchange.format.certificate import NO_SCOPE, Certificate, KeyKind
from exchange.format.container import scope_bytes
from exchange.format.order import (
    Order,
    OrderAnswer,
    OrderState,
    Verb,
    decode_answer,
    encode_order,
    order_next,
    order_start,
)
from exchange.limits import MIB, ORDER_BYTES_MAX
from exchange.nodes import CENTRE_SCOPE, KEYS, Clock, code_anchor
from exchange.packagefile import read_back, write_package
from exchange.records import PackageKind
from exchange.regions import office_scope
from exchange.trust.certificates import SignedCertificate, anchor, check, newest, read
from exchange.trust.keyfiles import load_identity, save_identity
from exchange.trust.keys import Identity, PublicIdentity, check_signature, fingerprint, new_identity, public_of
from exchange.trust.opening import VerifiedPackage, open_package

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
        _put_json(self.home, FILE, self.state, replace=True)

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
        return anchor(_public(KeyKind.AKAR, self.grant["root"]))

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


def _public(kind: KeyKind, told: dict[str, Any]) -> PublicIdentity:
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
        _put_json(place, asked, request)
        _put_json(place, FILE, {"name": name, "made_at": clock(), "certificates": [], "orders": {}, "number": 0})
    return OfficeMade(public.key_id.hex(), fingerprint(public), home / asked)


def _put_json(folder: Path, name: str, document: object, *, replace: bool = False) -> Path:
    text = json.dumps(document, indent=1, ensure_ascii=False).encode()
    return spool.put(folder, name, lambda file: file.write(text), replace=replace)


# --- orders -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order that was written."""

    file: Path
    number: int
    verb: str
    bytes: int

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim district report --json``."""
        return {"file": str(self.file), "number": self.number, "verb": self.verb, "bytes": self.bytes}


def order(office: Office, verb: Verb, content: bytes = b"", label: str = "", *, out: Path | None = None) -> Ordered:
    """Write one order: signed by this office, sealed to the server, next in the chain of its orders.

    Args:
        office: The office.
        verb: What is ordered.
        content: The list, CSV or Excel.
        label: Its name, for messages.
        out: Folder, which must be there; by default the home's outbox.

    Raises:
        NotCertified: KF-153. TooLarge: KF-207.
        DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    grant = office.grant
    if out is not None:
        spool.named(out)
    folder = out or office.home / "outbox"
    with office.working():
        state, scope, identity = office.state, str(grant["scope"]), office.identity
        number, previous = int(state["number"]) + 1, bytes.fromhex(state["value"])
        plaintext = encode_order(Order(number, previous, office.clock(), verb, label, content))
        staged, sealed = write_package(
            office.home / "held",
            f"{grant['wilayah'].strip()}-{identity.key_id.hex()[:8]}",
            kind=PackageKind.SURAT,
            scope=scope,
            number=number,
            sender=identity,
            receivers=[office.server()],
            certificates=(),
            plaintext=[plaintext],
        )
        value = order_next(previous, plaintext).hex()
        state["number"], state["value"] = number, value
        state["orders"][str(number)] = {
            "verb": verb.name.lower(),
            "package_id": sealed.package_id.hex(),
            "value": value,
            "state": "sent",
            "file": staged.name,
        }
        office.save()  # a number is used for one file: until this is durable the file has no place where it is carried from
        path = spool.move(staged, folder, spool.free_name(folder, staged.stem, staged.suffix))
        read_back(path, identity, scope, sealed)
    return Ordered(path, number, verb.name.lower(), sealed.size)


def read_list(path: Path, read: Callable[[Path], object]) -> bytes:
    """Return the bytes of a list that an order carries.

    Args:
        path: The list.
        read: How the centre will read it: what it would refuse for its form alone is refused here, a trip earlier.

    Raises:
        FileUnreadable: KF-702. TooLarge: KF-207. WorkbookUnreadable, ColumnsMissing, InputRowBad: KF-211, KF-215, KF-109.
    """
    with spool.open_file(path) as file, spool.readable(path):
        data = file.read(ORDER_BYTES_MAX + 1)
    if len(data) > ORDER_BYTES_MAX:
        raise errors.TooLarge(part=path.name, limit=ORDER_BYTES_MAX)
    read(path)
    return data


# --- what the centre answers ------------------------------------------------------------------


@dataclass
class Opened:
    """What one file of the centre's said.

    Attributes:
        file: The file.
        kind: ``grant`` or ``answer``.
        number: The order's, of an answer.
        verb: What was ordered.
        state: ``certified``; ``done``, ``refused`` or ``held``.
        error: Why it was refused or waits.
        result: What came of it.
        files: Codes and prefills that it brought, where they lie now.
    """

    file: Path
    kind: str
    number: int | None = None
    verb: str = ""
    state: str = "certified"
    error: ExchangeError | None = None
    result: dict[str, Any] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim district open --json``."""
        return {
            "file": str(self.file),
            "kind": self.kind,
            "number": self.number,
            "verb": self.verb or None,
            "state": self.state,
            "code": self.error.code if self.error is not None else None,
            "result": self.result,
            "files": [str(path) for path in self.files],
        }


def open_file(office: Office, path: Path, root: str = "") -> Opened:
    """Open a file of the centre's: what it grants, or its answer to an order. Opened again, it changes nothing.

    Args:
        office: The office.
        path: The file.
        root: The root's fingerprint as the centre told it on the telephone; needed once.

    Raises:
        RootUnproven: KF-154, nobody has said that this root is the centre's.
        RequestBad: KF-156, a grant that does not hold, or another office's.
        NotCertified: KF-153, an answer before the grant.
        FileError, TrustError: KF-2xx, KF-3xx, as of any package.
    """
    with spool.read_package(path) as file:
        if file.read(1) == b"{":
            file.seek(0)
            return _open_grant(office, path, file, root)
        file.seek(0)
        return _open_answer(office, path, file)


def _open_grant(office: Office, path: Path, file: BinaryIO, root: str) -> Opened:
    def bad(part: str) -> errors.RequestBad:
        return errors.RequestBad(file=path.name, part=part)

    try:
        told: dict[str, Any] = json.loads(file.read(MIB))
        if told["file"] != GRANT or told["form"] != FORM:
            raise bad("form")
        public = _public(KeyKind.AKAR, told["root"])
        signed = [read(bytes.fromhex(one["body"]), bytes.fromhex(one["signature"])) for one in told["certificates"]]
        scope, region, name, is_sealed = str(told["scope"]), str(told["wilayah"]), str(told["name"]), told["sealed"] is True
        by, signature = bytes.fromhex(told["by"]), bytes.fromhex(told["signature"])
        last, value = int(told["last"]), bytes.fromhex(told["value"])
    except (ValueError, LookupError, TypeError) as error:
        raise bad("form") from error
    own = office.identity.key_id
    if told["key"] != own.hex() or scope != office_scope(region):
        raise bad("keys")
    _check_root(office, public, root)
    known: dict[tuple[bytes, bytes], Certificate] = {(NO_SCOPE, public.key_id): anchor(public)}
    for one in signed:
        issuer = known.get((NO_SCOPE, one.certificate.issuer))
        if issuer is None:
            raise errors.CertificateBad(part="issuer")
        certificate = check(one, issuer)
        known[certificate.scope, certificate.key_id] = certificate
    server, mine = known.get((CENTRE_SCOPE, by)), known.get((scope_bytes(scope), own))
    if server is None or server.kind is not KeyKind.PUSAT or mine is None or mine.kind is not KeyKind.DINAS:
        raise bad("certificates")
    word = grant_bytes(scope, own, region, name, last, value, is_sealed=is_sealed)
    check_signature(server.verify_key, signature, word, bad("signature"))
    with office.changing():
        state = office.state
        if state.get("serial", 0) <= mine.serial:  # an older grant, opened late, takes nothing back
            if state.get("grant", {}).get("scope") != scope:
                state["number"], state["value"], state["orders"] = last, value.hex(), {}
                copies.renumber(state, last)
            state["serial"] = mine.serial
            state["grant"] = {"scope": scope, "wilayah": region, "name": name, "sealed": is_sealed, "root": told["root"]}
        _remember(state, signed)
    return Opened(path, "grant", result={"wilayah": region.strip(), "sealed": is_sealed})


def _check_root(office: Office, public: PublicIdentity, root: str) -> None:
    """Return only if the root is the one that is known here, or that somebody has compared."""
    found, known = fingerprint(public), office.state.get("grant")
    if known is not None and _public(KeyKind.AKAR, known["root"]) == public:
        return
    if known is not None or root.replace("-", "").replace(" ", "").upper() != found.replace("-", ""):
        raise errors.RootUnproven(found=found)


def _remember(state: dict[str, Any], signed: Sequence[SignedCertificate]) -> None:
    known = [[one.body.hex(), one.signature.hex()] for one in signed]
    state["certificates"] += [one for one in known if one not in state["certificates"]]


def _open_answer(office: Office, path: Path, file: BinaryIO) -> Opened:
    identity, scope = office.identity, scope_bytes(office.grant["scope"])
    package = open_package(
        file,
        kinds={PackageKind.JAWABAN},
        find=office.find,
        identities={identity.key_id: identity},
        folder=office.home,
    )
    assert isinstance(package, VerifiedPackage)
    with package:
        if package.header.scope != scope:
            raise errors.OtherReceiver()
        answer, files = decode_answer(package.body)
    told = _report_of(answer)
    made = Opened(path, "answer", answer.number, str(told["verb"]), str(told["state"]), _error_of(told), dict(told["result"]))
    with office.changing():
        if made.verb == Verb.COPY.name.lower() and answer.state is OrderState.DONE:
            copies.take(office, answer.number, made.result["schools"], dict(files))
        else:
            made.files = _take_files(office, files)
        _note(office, answer, made)
        _remember(office.state, package.admitted)
    return made


def _report_of(answer: OrderAnswer) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(answer.report)
        if not isinstance(told["result"], dict):
            raise errors.Malformed(part="report")
        return {"verb": told["verb"], "state": told["state"], "result": told["result"], "error": told.get("error")}
    except (ValueError, LookupError, TypeError) as error:
        raise errors.Malformed(part="report") from error


def _error_of(told: dict[str, Any]) -> ExchangeError | None:
    """Return the error that an answer tells, in this program's own words."""
    if told["error"] is None:
        return None
    try:
        kind = errors.REGISTRY[told["error"]["code"]]
        if isinstance(kind, type):
            return kind(**told["error"]["facts"])
    except (LookupError, TypeError):
        pass  # of a newer program: its code alone is told
    return errors.OwnFault(detail=str(told["error"]))


def _take_files(office: Office, files: Sequence[tuple[str, bytes]]) -> list[Path]:
    """Put codes and prefills where they are carried from; one that lies there already with the same bytes is that one."""
    laid: list[Path] = []
    for name, content in files:
        folder = office.home / "outbox" / "sekolah"
        stem, _, suffix = name.rpartition(".")
        there = [path for path in sorted(folder.glob(f"{stem}*.{suffix}")) if path.read_bytes() == content]
        if there:
            laid.append(there[0])
            continue
        laid.append(spool.put(folder, spool.free_name(folder, stem, f".{suffix}"), _writer(content)))
    return laid


def _writer(content: bytes) -> Callable[[BinaryIO], object]:
    return lambda file: file.write(content)


def _note(office: Office, answer: OrderAnswer, made: Opened) -> None:
    state = office.state
    known = state["orders"].get(str(answer.number))
    if known is not None and known["package_id"] == answer.package_id.hex() and known["state"] in ("sent", "held"):
        known["state"] = made.state
        known["code"] = made.error.code if made.error is not None else None
    start = order_start(state["grant"]["scope"], office.identity.key_id).hex()
    mine = state["orders"].get(str(answer.last), {}).get("value") if answer.last else start
    if answer.value.hex() != mine:
        # This folder was restored or copied: the server's chain goes on, with the next order.
        state["number"], state["value"] = answer.last, answer.value.hex()
        state["orders"].setdefault(str(answer.last), {"verb": "", "package_id": "", "state": "done", "file": ""})
        state["orders"][str(answer.last)]["value"] = answer.value.hex()
        for number in [n for n in state["orders"] if int(n) > answer.last]:
            del state["orders"][number]
        copies.renumber(state, answer.last)
    if made.verb == Verb.REPORT.name.lower() and answer.state is OrderState.DONE and answer.number >= state.get("reported", 0):
        state["reported"] = answer.number
        keys = made.result.pop("keys", None)
        if keys is not None:
            _put_json(office.home, SCHOOL_KEYS, keys, replace=True)
        _put_json(office.home, REPORT, made.result, replace=True)


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
