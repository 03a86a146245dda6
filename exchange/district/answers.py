"""What the centre sends to an office, opened there: what it grants, and its answers to orders with all that they bring.

Source:
    docs/format.md, section 9; docs/adr/0016-a-district-is-a-node-with-keys.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from exchange import errors, spool
from exchange.district import copies
from exchange.district.office import REPORT, SCHOOL_KEYS, Office, public_told, put_json
from exchange.districts import FORM, GRANT, grant_bytes
from exchange.errors import ExchangeError
from exchange.format.certificate import NO_SCOPE, Certificate, KeyKind
from exchange.format.container import scope_bytes
from exchange.format.order import OrderAnswer, OrderState, Verb, decode_answer, order_start
from exchange.limits import MIB
from exchange.nodes import CENTRE_SCOPE
from exchange.records import PackageKind
from exchange.regions import office_scope
from exchange.trust.certificates import SignedCertificate, anchor, check, read
from exchange.trust.keys import PublicIdentity, check_signature, fingerprint
from exchange.trust.opening import VerifiedPackage, open_package


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
        public = public_told(KeyKind.AKAR, told["root"])
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
    if known is not None and public_told(KeyKind.AKAR, known["root"]) == public:
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
            put_json(office.home, SCHOOL_KEYS, keys, replace=True)
        put_json(office.home, REPORT, made.result, replace=True)
