"""Where things stand: at a school, what waits, what is on its way and what stands in the way; at the server, who is behind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from exchange import capture, errors
from exchange.applying import own_blocks
from exchange.nodes import SchoolNode, ServerNode
from exchange.rules.findings import Finding
from exchange.rules.local import validate
from exchange.store.reference import running_semester
from exchange.store.school import SchoolStore
from exchange.store.source import StoreSource


@dataclass(frozen=True, slots=True)
class SchoolStatus:
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
        }


def moment(seconds: str | int | None) -> str | None:
    """Return a moment as UTC ISO text."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat() if seconds else None


def school_status(node: SchoolNode) -> SchoolStatus:
    """Return where a school stands. Nothing is changed: what was captured is looked at, not cut."""
    store = node.store
    changes = capture.net(own_blocks(store, store.acknowledged, store.last))
    capture.net(capture.changed_blocks(store), changes)
    names = {table.number: table.name for table in store.schema.tables}
    open_rows = tuple(
        {"table": names[number], "id": row, "code": f"KF-{code}"}
        for number, row, code in store.db.execute("SELECT table_no, row, code FROM kirim_open ORDER BY table_no, row")
    )
    return SchoolStatus(
        npsn=store.get("npsn"),
        nama=store.get("nama"),
        pending=capture.counted(changes),
        sent=int(store.get("number", "0")),
        acknowledged=store.acknowledged,
        applied_return=store.have[0],
        last_exported_at=moment(store.get("last_exported_at")),
        last_applied_at=moment(store.get("last_applied_at")),
        open=open_rows,
        conflicts=int(store.db.value("SELECT count(*) FROM kirim_conflict")),
        vanished=int(store.db.value("SELECT count(*) FROM kirim_vanished")),
    )


def blocked(node: SchoolNode) -> list[str]:
    """Return the codes of what stands in the way of an export; empty when nothing does."""
    from exchange.packager import check_ready

    try:
        check_ready(node)
    except errors.ExchangeError as error:
        return [error.code]
    return []


def findings(store: SchoolStore) -> list[Finding]:
    """Return what *validasi lokal* finds."""
    running = running_semester(store.db)
    source = StoreSource(store.db, store.schema)
    today = date.fromtimestamp(store.clock())
    with store.db.transaction():
        return list(
            validate(source, store.schema, today, running.semester_id, running.tahun_ajaran_id, sekolah_id=store.scope)
        )


def server_status(node: ServerNode) -> dict[str, object]:
    """Return counts of schools, packages, quarantine, conflicts, open refusals and findings, and who is behind."""
    db = node.store.db
    states = dict(db.execute("SELECT state, count(*) FROM kirim_package GROUP BY state"))
    behind = [
        {"npsn": npsn, "have": have, "position": position}
        for npsn, have, position in db.execute(
            "SELECT npsn, have, position FROM kirim_school WHERE have < position ORDER BY npsn LIMIT 1000"
        )
    ]
    held = [
        {"npsn": npsn, "number": number, "code": f"KF-{code}", "since": moment(at)}
        for npsn, number, code, at in db.execute(
            "SELECT s.npsn, p.number, p.code, p.received_at FROM kirim_package p JOIN kirim_school s ON s.sekolah_id = p.scope "
            "WHERE p.state = 'held' ORDER BY s.npsn, p.number"
        )
    ]
    return {
        "schools": db.value("SELECT count(*) FROM kirim_school"),
        "packages": {state: states.get(state, 0) for state in ("accepted", "merged", "held", "quarantined")},
        "quarantine": sum(1 for _ in (node.home / "quarantine").glob("*.json")),
        "conflicts": db.value("SELECT coalesce(sum(conflict), 0) FROM kirim_changeset"),
        "open": db.value("SELECT count(*) FROM kirim_open"),
        "findings": db.value("SELECT count(*) FROM vld_data WHERE soft_delete = 0"),
        "kip_waiting": db.value("SELECT count(*) FROM kirim_kip"),
        "held": held,
        "behind": behind,
    }
