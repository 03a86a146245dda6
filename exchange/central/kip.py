"""SK lists: KIP numbers that the centre sets, and the KPS that they replace (``domain`` 4.1, K1 to K10)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from exchange.central.recording import record
from exchange.interop.lists import KipRow, read_kip_list
from exchange.limits import BLOCK_ROWS_MAX
from exchange.records import Block, Cause, Op
from exchange.rules.kip import normal_card
from exchange.schema.model import Table
from exchange.store.server import ServerStore


@dataclass(frozen=True, slots=True)
class KipImport:
    """What an SK list did.

    Attributes:
        matched: Rows that set a number.
        unchanged: Rows whose number the centre had set already.
        unmatched: Rows that wait: (line or id, reason).
        schools: How many schools have something to receive.
    """

    matched: int
    unchanged: int
    unmatched: tuple[dict[str, object], ...]
    schools: int

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server kip import --json``."""
        return {
            "matched": self.matched,
            "unchanged": self.unchanged,
            "unmatched": list(self.unmatched),
            "schools": self.schools,
        }


@dataclass(frozen=True, slots=True)
class _Pupil:
    row: str
    scope: str
    penerima_kip: object
    no_kip: str | None
    nm_kip: object
    penerima_kps: object
    no_kps: object
    layak_pip: object


_COLUMNS = "peserta_didik_id, penerima_kip, no_kip, nm_kip, penerima_kps, no_kps, layak_pip, nisn, nik, kirim_home"


def import_kip(server: ServerStore, path: Path, progress: Callable[[int, int], None] | None = None) -> KipImport:
    """Set the KIP numbers of an SK list in the scopes of the pupils' active schools.

    Rows that match nobody are kept and tried again at every import and intake. A second import of a list is all
    unchanged.

    Args:
        server: The store.
        path: CSV or XLSX with ``peserta_didik_id`` and ``no_kip`` (domain 6.4).
        progress: Called with rows done and rows in all.

    Raises:
        WorkbookUnreadable, ColumnsMissing, InputRowBad: KF-211, KF-215, KF-109; nothing was changed.
    """
    given = {_identity(row): row for row in read_kip_list(path)}
    with server.act("kip import"):
        waiting = {_identity(row): row for row in _waiting(server)}
        return _push(server, list((waiting | given).values()), progress)


def retry_waiting(server: ServerStore) -> int:
    """Try the rows that matched nobody again, after pupils came in, and return how many matched now."""
    waiting = _waiting(server)
    if not waiting:
        return 0
    with server.act("kip again"):
        return _push(server, waiting, None).matched


def _waiting(server: ServerStore) -> list[KipRow]:
    """Return the rows of earlier lists that matched nobody yet."""
    return [KipRow(**json.loads(text)) for (text,) in server.db.execute("SELECT bytes FROM kirim_kip ORDER BY id")]


def _push(server: ServerStore, given: Sequence[KipRow], progress: Callable[[int, int], None] | None) -> KipImport:
    table = server.schema.by_name["peserta_didik"]
    kip_group = table.group_of["no_kip"].number
    matched = unchanged = 0
    waits: list[tuple[KipRow, str]] = []
    by_scope: dict[str, list[tuple[KipRow, _Pupil]]] = {}
    pupils = _match(server, given)
    locked = {
        row for row, group in server.locks(table.number, sorted({p.row for p in pupils if p})) if group == kip_group
    }
    last: dict[str, KipRow] = {}
    for row, pupil in zip(given, pupils, strict=True):
        number = normal_card(row.no_kip)
        if pupil is None:
            waits.append((row, "unknown"))
        elif not pupil.scope:
            waits.append((row, "not_active"))
        elif number is None or len(number) != table.by_name["no_kip"].size:
            waits.append((row, "number"))
        elif pupil.row in locked and normal_card(pupil.no_kip) == number:
            unchanged += 1
        elif pupil.row in last:
            if normal_card(last[pupil.row].no_kip) == number:
                unchanged += 1
            else:
                waits.append((row, "twice"))
        else:
            last[pupil.row] = row
            matched += 1
            by_scope.setdefault(pupil.scope, []).append((row, pupil))
    for done, (scope, pairs) in enumerate(sorted(by_scope.items()), 1):
        school = server.school(scope)
        assert school is not None
        record(server, school, Cause.KIP, list(_blocks(table, pairs)))
        if progress:
            progress(done, len(by_scope))
    server.db.execute("DELETE FROM kirim_kip")
    server.db.executemany(
        "INSERT INTO kirim_kip (id, bytes, reason) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET reason = excluded.reason",
        [(_identity(row), json.dumps(asdict(row), ensure_ascii=False), reason) for row, reason in waits],
    )
    told: tuple[dict[str, object], ...] = tuple(
        {"line": r.line, "peserta_didik_id": r.peserta_didik_id, "no_kip": r.no_kip, "reason": why} for r, why in waits
    )
    return KipImport(matched, unchanged, told, len(by_scope))


def _identity(row: KipRow) -> str:
    return "|".join(str(part or "") for part in (row.peserta_didik_id, row.nisn, row.nik, row.no_kip))


def _match(server: ServerStore, given: Sequence[KipRow]) -> list[_Pupil | None]:
    """Return each row's pupil: by id, then NISN, then NIK; none where two fit."""
    by_id = _pupils(server, "peserta_didik_id", (r.peserta_didik_id for r in given))
    rest = [r for r in given if r.peserta_didik_id not in by_id]
    by_nisn = _pupils(server, "nisn", (r.nisn for r in rest))
    by_nik = _pupils(server, "nik", (r.nik for r in rest))
    return [by_id.get(r.peserta_didik_id or "") or by_nisn.get(r.nisn or "") or by_nik.get(r.nik or "") for r in given]


def _pupils(server: ServerStore, column: str, wanted: Iterable[str | None]) -> dict[str, _Pupil]:
    values = sorted({value for value in wanted if value})
    at = {"peserta_didik_id": 0, "nisn": 7, "nik": 8}[column]
    rows = list(
        server.db.chosen(f"SELECT {_COLUMNS} FROM peserta_didik WHERE soft_delete = 0 AND {column} IN ({{}})", values)
    )
    active: dict[str, set[str]] = {}
    for pupil, school in server.db.chosen(
        "SELECT peserta_didik_id, sekolah_id FROM registrasi_peserta_didik WHERE jenis_keluar_id IS NULL "
        "AND soft_delete = 0 AND peserta_didik_id IN ({})",
        [row[0] for row in rows],
    ):
        active.setdefault(pupil, set()).add(school)
    found: dict[str, _Pupil] = {}
    twice: set[str] = set()
    for row in rows:
        if row[at] in found:
            twice.add(row[at])
        schools, home = active.get(row[0], set()), row[9]
        # The row is written where it is at home, and its home's log tells of it, whichever school he goes to now: a
        # school that sees the row hears of it too, and a row that moves takes its card along.
        scope = home if home in schools or len(schools) == 1 else ""
        found[row[at]] = _Pupil(row[0], scope, *row[1:7])
    return {value: pupil for value, pupil in found.items() if value not in twice}


def _blocks(table: Table, pairs: Sequence[tuple[KipRow, _Pupil]]) -> Iterable[Block]:
    """Yield the number with its card's name and mark, the clearing of KPS, even where there is none (rule 10), and of a
    proposal for PIP, which is only for pupils without a card (K10); a reason against one stays (K8).
    """
    kip = tuple(table.by_name[name] for name in table.column_names if table.group_of[name] is table.group_of["no_kip"])
    kps = tuple(table.by_name[name] for name in table.column_names if table.group_of[name] is table.group_of["no_kps"])
    for start in range(0, len(pairs), BLOCK_ROWS_MAX):
        part = pairs[start : start + BLOCK_ROWS_MAX]
        ids = [pupil.row for _, pupil in part]
        now: dict[str, list[object]] = {
            "penerima_kip": [1] * len(part),
            "no_kip": [normal_card(row.no_kip) for row, _ in part],
            "nm_kip": [row.nama_kartu or pupil.nm_kip for row, pupil in part],
            "penerima_kps": [0] * len(part),
            "no_kps": [None] * len(part),
        }
        yield Block(table, Op.UPDATE, kip, [ids, *(now[c.name] for c in kip)], Cause.KIP, locked=True)
        yield Block(table, Op.UPDATE, kps, [ids, *(now[c.name] for c in kps)], Cause.KIP)
        proposed = [pupil.row for _, pupil in part if pupil.layak_pip == 1]
        if proposed:
            pip = table.group_of["layak_pip"].columns
            cleared = [[0 if c.name == "layak_pip" else None] * len(proposed) for c in pip]
            yield Block(table, Op.UPDATE, pip, [proposed, *cleared], Cause.KIP)
