"""SK lists: KIP numbers that the centre sets, and the KPS that they replace (``domain`` 4.1, K1 to K10)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from exchange.central.claims import Claims, note_claims, report_claims
from exchange.central.recording import record
from exchange.interop.lists import KipRow, read_kip_list
from exchange.interop.matching import Identity
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
    who: Identity


@dataclass(frozen=True, slots=True)
class _Asked:
    """A row of an SK list, and which list it was: later ones have higher numbers."""

    list: int
    row: KipRow
    who: Identity


_COLUMNS = "peserta_didik_id, penerima_kip, no_kip, nm_kip, penerima_kps, no_kps, layak_pip, nisn, nik, kirim_home"


def import_kip(server: ServerStore, path: Path, progress: Callable[[int, int], None] | None = None) -> KipImport:
    """Set the KIP numbers of an SK list in the scopes of the pupils' active schools.

    A list sets its numbers over those of earlier ones. Rows that match nobody are kept and tried again at every import and
    intake, until a later list names their pupil; a row that waited never replaces a number that a list has set. A second
    import of a list is all unchanged.

    Args:
        server: The store.
        path: CSV or XLSX with ``peserta_didik_id`` and ``no_kip`` (domain 6.4).
        progress: Called with rows done and rows in all.

    Raises:
        WorkbookUnreadable, ColumnsMissing, InputRowBad: KF-211, KF-215, KF-109; nothing was changed.
    """
    given = {(row.peserta_didik_id, row.nisn, row.nik, row.no_kip): row for row in read_kip_list(path)}
    with server.act("kip import"):
        waiting = _waiting(server)
        newest = 1 + max((one.list for one in waiting), default=0)
        return _push(server, [_asked(newest, row) for row in given.values()], waiting, progress)


def retry_waiting(server: ServerStore) -> int:
    """Try the rows that matched nobody again, after pupils came in, and return how many matched now."""
    waiting = _waiting(server)
    if not waiting:
        return 0
    with server.act("kip again"):
        return _push(server, [], waiting, None).matched


def _asked(number: int, row: KipRow) -> _Asked:
    return _Asked(number, row, _who(row.nisn, row.nik))


def _who(nisn: str | None, nik: str | None) -> Identity:
    """Return the numbers that identify somebody: a filler is nobody's."""
    return Identity.of(nisn or "", 10, nik or "", "", "")


def _waiting(server: ServerStore) -> list[_Asked]:
    """Return the rows of earlier lists that wait, those of the newest list first."""
    found = server.db.execute("SELECT list, bytes FROM kirim_kip ORDER BY list DESC, line")
    return [_asked(number, KipRow(**json.loads(text))) for number, text in found]


@dataclass(slots=True)
class _Plan:
    """What becomes of rows: numbers that are set, by home; rows that wait, with the reason; rows of which nothing is to do."""

    by_scope: dict[str, list[tuple[KipRow, _Pupil]]] = field(default_factory=dict)
    waits: list[tuple[_Asked, str]] = field(default_factory=list)
    unchanged: int = 0


def _push(
    server: ServerStore, given: list[_Asked], waiting: list[_Asked], progress: Callable[[int, int], None] | None
) -> KipImport:
    table = server.schema.by_name["peserta_didik"]
    named = {_person(one) for one in given} - {(None, "", "")}
    asked = given + [one for one in waiting if _person(one) not in named]
    pupils = _match(server, asked)
    locked = _locked(server, table, [pupil.row for pupil in pupils if isinstance(pupil, _Pupil)])
    plan = _decide(asked, pupils, locked, len(given), table.by_name["no_kip"].size)
    for done, (scope, pairs) in enumerate(sorted(plan.by_scope.items()), 1):
        _set(server, scope, list(_blocks(table, pairs)))
        if progress:
            progress(done, len(plan.by_scope))
    _keep(server, plan.waits)
    told: tuple[dict[str, object], ...] = tuple(
        {"line": one.row.line, "peserta_didik_id": one.row.peserta_didik_id, "no_kip": one.row.no_kip, "reason": why}
        for one, why in plan.waits
    )
    return KipImport(sum(map(len, plan.by_scope.values())), plan.unchanged, told, len(plan.by_scope))


def _decide(asked: Sequence[_Asked], pupils: Sequence[_Pupil | str], locked: set[str], fresh: int, size: int) -> _Plan:
    """Return what becomes of rows.

    Args:
        asked: The rows, those of the newest list first.
        pupils: Whose each is, or why it is nobody's.
        locked: Pupils whose number a list has set.
        fresh: How many of the rows, from the first one, are of the list that has just come: only they replace such a number.
        size: Characters of a number.
    """
    plan = _Plan()
    spoken: dict[str, _Asked] = {}
    for n, (one, pupil) in enumerate(zip(asked, pupils, strict=True)):
        number = normal_card(one.row.no_kip)
        if not isinstance(pupil, _Pupil):
            plan.waits.append((one, pupil))
        elif not pupil.scope:
            plan.waits.append((one, "not_active"))
        elif number is None or len(number) != size:
            plan.waits.append((one, "number"))
        elif pupil.row in spoken:
            other = spoken[pupil.row]
            is_same = normal_card(other.row.no_kip) == number
            plan.unchanged += is_same
            if not is_same and other.list == one.list:  # an older list's row is replaced
                plan.waits.append((one, "twice"))
        elif pupil.row in locked and normal_card(pupil.no_kip) == number:
            spoken[pupil.row] = one
            plan.unchanged += 1
        elif pupil.row in locked and n >= fresh:
            plan.waits.append((one, "twice"))
        else:
            spoken[pupil.row] = one
            plan.by_scope.setdefault(pupil.scope, []).append((one.row, pupil))
    return plan


def _person(one: _Asked) -> tuple[str | None, str, str]:
    return one.row.peserta_didik_id, one.who.number, one.who.nik


def _locked(server: ServerStore, table: Table, pupils: Iterable[str]) -> set[str]:
    """Return those pupils whose number the centre has set."""
    kip = table.group_of["no_kip"].number
    return {row for row, group in server.locks(table.number, sorted(set(pupils))) if group == kip}


def _set(server: ServerStore, scope: str, blocks: Sequence[Block]) -> None:
    """Set numbers at one school; a number that two pupils have now is a finding (K7)."""
    school = server.school(scope)
    assert school is not None
    school, claims = record(server, school, Cause.KIP, blocks), Claims()
    for block in blocks:
        note_claims(block, claims)
    report_claims(server, school, claims)


def _keep(server: ServerStore, waits: Sequence[tuple[_Asked, str]]) -> None:
    """Keep what waits, and nothing else; rows that wait as before are not written again."""
    wanted = {(one.list, one.row.line): (json.dumps(asdict(one.row), ensure_ascii=False), why) for one, why in waits}
    found = server.db.execute("SELECT list, line, bytes, reason FROM kirim_kip").fetchall()
    there = {(number, line): (text, why) for number, line, text, why in found}
    server.db.executemany("DELETE FROM kirim_kip WHERE list = ? AND line = ?", sorted(there.keys() - wanted.keys()))
    server.db.executemany(
        "INSERT INTO kirim_kip (list, line, bytes, reason) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (list, line) DO UPDATE SET bytes = excluded.bytes, reason = excluded.reason",
        [(*key, *kept) for key, kept in wanted.items() if there.get(key) != kept],
    )


def _match(server: ServerStore, asked: Sequence[_Asked]) -> list[_Pupil | str]:
    """Return each row's pupil: by id, else by NISN and NIK; or why there is none: ``unknown`` or ``ambiguous``.

    Numbers that contradict one another are followed by nobody: whoever is meant, the other one would get his card.
    """
    by_id = _pupils(server, "peserta_didik_id", (one.row.peserta_didik_id for one in asked))
    by_nisn = _pupils(server, "nisn", (one.who.number for one in asked))
    by_nik = _pupils(server, "nik", (one.who.nik for one in asked))
    found: list[_Pupil | str] = []
    for one in asked:
        named = by_id.get(one.row.peserta_didik_id or "", [])
        fits = [pupils for pupils in (named, by_nisn.get(one.who.number, []), by_nik.get(one.who.nik, [])) if pupils]
        both = [pupil for pupil in (fits[0] if fits else ()) if all(pupil in pupils for pupils in fits)]
        if not fits:
            found.append("unknown")
        elif len(both) != 1 or not (named or _agree(one.who, both[0].who)):
            found.append("ambiguous")
        else:
            found.append(both[0])
    return found


def _agree(one: Identity, other: Identity) -> bool:
    """Whether no number that both sides know differs."""
    return all(not a or not b or a == b for a, b in ((one.number, other.number), (one.nik, other.nik)))


def _pupils(server: ServerStore, column: str, wanted: Iterable[str | None]) -> dict[str, list[_Pupil]]:
    """Return the living pupils that have each of some values in a column."""
    values = sorted({value for value in wanted if value})
    at = {"peserta_didik_id": 0, "nisn": 7, "nik": 8}[column]
    rows = list(
        server.db.chosen(f"SELECT {_COLUMNS} FROM peserta_didik WHERE soft_delete IS NOT 1 AND {column} IN ({{}})", values)
    )
    active: dict[str, set[str]] = {}
    for pupil, school in server.db.chosen(
        "SELECT peserta_didik_id, sekolah_id FROM registrasi_peserta_didik WHERE jenis_keluar_id IS NULL "
        "AND soft_delete IS NOT 1 AND peserta_didik_id IN ({})",
        [row[0] for row in rows],
    ):
        active.setdefault(pupil, set()).add(school)
    found: dict[str, list[_Pupil]] = {}
    for row in rows:
        schools, home = active.get(row[0], set()), row[9]
        # The row is written where it is at home, and its home's log tells of it, whichever school he goes to now: a
        # school that sees the row hears of it too, and a row that moves takes its card along.
        scope = home if home in schools or len(schools) == 1 else ""
        found.setdefault(row[at], []).append(_Pupil(row[0], scope, row[1], row[2], row[3], row[4], row[5], row[6], _who(row[7], row[8])))
    return found


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
