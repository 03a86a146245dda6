"""Where things stand: at a school, what waits, what is on its way and what stands in the way; at the server, who is behind."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from exchange.clocks import civil_today, day_in, is_wrong
from exchange.store.school import SchoolStore
from exchange.store.semester import running_semester

if TYPE_CHECKING:
    from collections import Counter

    from exchange.errors import ExchangeError
    from exchange.nodes import ServerNode
    from exchange.rules.findings import Finding


REFUSED_FILES_ALARM = 20
"""Files put aside in one school's name from which a person should look: an honest laptop sends one a day."""


class SchoolStatus(NamedTuple):
    """A school's state. See ``kirim school status`` in the contract."""

    npsn: str
    nama: str
    pending: dict[str, dict[str, int]]
    sent: int
    acknowledged: int
    applied_return: int
    last_exported_at: str | None
    last_applied_at: str | None
    open: tuple[dict[str, object], ...]
    conflicts: int
    vanished: int
    account: str | None
    clock_wrong: bool

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim school status --json``."""
        return {
            "npsn": self.npsn,
            "nama": self.nama,
            "pending": self.pending,
            "sent": self.sent,
            "acknowledged": self.acknowledged,
            "applied_return": self.applied_return,
            "last_exported_at": self.last_exported_at,
            "last_applied_at": self.last_applied_at,
            "open": list(self.open),
            "conflicts": self.conflicts,
            "vanished": self.vanished,
            "account": self.account,
            "clock_wrong": self.clock_wrong,
        }


def moment(seconds: str | int | None) -> str | None:
    """Return a moment as UTC ISO text."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat() if seconds else None


def school_status(store: SchoolStore) -> SchoolStatus:
    """Return where a school stands. Nothing is changed: what was captured is looked at, not cut."""
    open_rows = store.db.execute("SELECT table_no, row, code FROM kirim_open ORDER BY table_no, row").fetchall()
    names = {table.number: table.name for table in store.schema.tables} if open_rows else {}
    return SchoolStatus(
        npsn=store.get("npsn"),
        nama=store.get("nama"),
        pending=_pending(store),
        sent=int(store.get("number", "0")),
        acknowledged=store.acknowledged,
        applied_return=store.have[0],
        last_exported_at=moment(store.get("last_exported_at")),
        last_applied_at=moment(store.get("last_applied_at")),
        open=tuple({"table": names[n], "id": row, "code": f"KF-{code}"} for n, row, code in open_rows),
        conflicts=int(store.db.value("SELECT count(*) FROM kirim_conflict")),
        vanished=int(store.db.value("SELECT count(*) FROM kirim_vanished")),
        account=store.db.value(
            "SELECT nama FROM pengguna WHERE pengguna_id = ? AND soft_delete IS NOT 1", (store.get("account"),)
        ),
        clock_wrong=is_wrong(running_semester(store.db), store.clock),
    )


def _pending(store: SchoolStore) -> dict[str, dict[str, int]]:
    """Return net rows by table and operation that the server has not acknowledged."""
    if store.is_cut and store.last == store.acknowledged:
        return {}
    from exchange.school import capture

    changes = capture.net(capture.own_blocks(store, store.acknowledged, store.last))
    capture.net(capture.changed_blocks(store), changes)
    return capture.counted(changes)


def blocked(store: SchoolStore) -> list[str]:
    """Return the codes of what stands in the way of an export; empty when nothing does.

    All rows are looked at only if anything was captured or applied, or a day has passed, since they last were.
    """
    mark = _mark(store)
    known, _, codes = store.get("checked").partition(" ")
    if known == mark:
        return codes.split()
    from exchange import errors
    from exchange.nodes import SchoolNode
    from exchange.school.confirming import check_ready

    codes = ""
    try:
        check_ready(SchoolNode(store))
    except errors.ExchangeError as error:
        codes = error.code
    if mark == _mark(store):
        with store.transaction():
            store.set(checked=f"{mark} {codes}")
    return codes.split()


def causes(store: SchoolStore, codes: list[str]) -> list[ExchangeError]:
    """Return why the head's gate is closed, if it is: the errors that an export would raise, with their facts."""
    if not any(code.startswith("KF-3") for code in codes):
        return []
    from exchange import errors
    from exchange.nodes import SchoolNode
    from exchange.school.confirming import check_head

    try:
        check_head(SchoolNode(store))
    except errors.TrustError as error:
        return [error]
    return []


def _mark(store: SchoolStore) -> str:
    """Return a text that changes whenever the answer to "is anything invalid" may."""
    told = (store.get("have"), store.get("reference"), store.get("account"), store.get("certificates_own")[-16:].strip('"[]'))
    return "/".join((str(store.captured), *told, civil_today(store.clock).isoformat()))


def findings(store: SchoolStore) -> list[Finding]:
    """Return what *validasi lokal* finds."""
    from exchange.rules.local import validate
    from exchange.store.source import StoreSource

    running = running_semester(store.db)
    source = StoreSource(store.db, store.schema)
    today = day_in(running, store.clock)
    with store.db.transaction():
        return list(
            validate(source, store.schema, today, running.semester_id, running.tahun_ajaran_id, sekolah_id=store.scope)
        )


def server_status(node: ServerNode) -> dict[str, object]:
    """Return counts of schools, packages, quarantine, conflicts, open refusals and findings, and who is behind."""
    from exchange.server.quarantine import Quarantine

    db = node.store.db
    states = dict(db.execute("SELECT state, count(*) FROM kirim_package GROUP BY state"))
    behind = [
        {"npsn": npsn, "have": have, "position": position}
        for npsn, have, position in db.execute(
            "SELECT npsn, have, position FROM kirim_school WHERE have < position OR reference < ? ORDER BY npsn LIMIT 1000",
            (node.store.reference,),
        )
    ]
    held = [
        {"npsn": npsn, "number": number, "code": f"KF-{code}", "since": moment(at), "changes": changes}
        for npsn, number, code, at, changes in db.execute(
            "SELECT s.npsn, p.number, p.code, p.received_at, p.held FROM kirim_package p JOIN kirim_school s ON s.sekolah_id = p.scope "
            "WHERE p.state = 'held' AND NOT EXISTS (SELECT 1 FROM kirim_waived w WHERE w.package_id = p.package_id) "
            "ORDER BY s.npsn, p.number"
        )
    ]
    claims = Quarantine(node.home / "quarantine", node.store.clock).claims()
    return {
        "schools": db.value("SELECT count(*) FROM kirim_school"),
        "packages": {state: states.get(state, 0) for state in ("accepted", "merged", "held", "quarantined")},
        "quarantine": sum(codes.total() for codes in claims.values()),
        "refused": _refused(node, claims),
        "conflicts": db.value("SELECT coalesce(sum(conflict), 0) FROM kirim_changeset"),
        "open": db.value("SELECT count(*) FROM kirim_open"),
        "findings": db.value("SELECT count(*) FROM vld_data WHERE soft_delete IS NOT 1"),
        "kip_waiting": db.value("SELECT count(*) FROM kirim_kip"),
        "orders": dict(db.execute("SELECT state, count(*) FROM kirim_order GROUP BY state")),
        "orders_held": [
            {"wilayah": region.strip(), "number": number, "code": f"KF-{code}", "since": moment(at)}
            for region, number, code, at in db.execute(
                "SELECT d.region, o.number, o.code, o.received_at FROM kirim_order o JOIN kirim_district d "
                "ON d.scope = o.scope AND d.key_id = o.key_id WHERE o.state = 'held' AND d.state = 'aktif' ORDER BY d.region, o.number"
            )
        ],
        "overruled": _overruled(node),
        "held": held,
        "behind": behind,
    }


def _overruled(node: ServerNode) -> list[dict[str, object]]:
    """Return values of the centre's that a restore had lost, and that found another value of the centre's in their place.

    Each is listed until somebody else than a school changes that group once more.
    """
    from exchange.records import Cause

    names = {table.number: table.name for table in node.store.schema.tables}
    found = node.store.db.execute(
        "SELECT s.npsn, o.table_no, o.row, o.given, o.stands FROM kirim_overruled o JOIN kirim_school s ON s.sekolah_id = o.scope "
        "WHERE NOT EXISTS (SELECT 1 FROM kirim_index i WHERE i.scope = o.scope AND i.position > o.position "
        "AND i.table_no = o.table_no AND i.row = o.row AND i.group_no = o.group_no AND i.cause < ?) "
        "ORDER BY s.npsn, o.position, o.table_no, o.row, o.group_no LIMIT 1000",
        (int(Cause.KOREKSI),),
    )
    return [
        {"npsn": npsn, "table": names[table], "id": row, "given": json.loads(given), "stands": json.loads(stands)}
        for npsn, table, row, given, stands in found
    ]


def _refused(node: ServerNode, claims: dict[str, Counter[str]]) -> list[dict[str, object]]:
    """Return files that were put aside by the school that they claim to be of, most files first; ``""`` for none known here.

    An alarm is one that a person must look at: its code says so, or many files came in one school's name.
    """
    from collections import Counter

    from exchange.errors import REGISTRY, Grave

    npsns = dict(node.store.db.execute("SELECT sekolah_id, npsn FROM kirim_school").fetchall())
    by_npsn: dict[str, Counter[str]] = {}
    for scope, codes in claims.items():
        by_npsn.setdefault(npsns.get(scope, ""), Counter()).update(codes)
    alarming = {code for code, entry in REGISTRY.items() if entry.grave is Grave.ALARM}
    return [
        {
            "npsn": npsn,
            "files": codes.total(),
            "codes": dict(sorted(codes.items())),
            "alarm": bool(npsn) and (codes.total() >= REFUSED_FILES_ALARM or not alarming.isdisjoint(codes)),
        }
        for npsn, codes in sorted(by_npsn.items(), key=lambda pair: (-pair[1].total(), pair[0]))
    ]
