"""What must come out, thought a second time and as simply as can be: plain dicts, one row and one group at a time.

Nothing here is taken from the engine; what it knows of tables is the literal below, copied by hand from the field's list of
owners. The centre is a dict of rows and, for each school, the list of what was said there. A return is a picture of
the centre. A laptop after a return shows that picture, with what it has not been answered for on top, by the rules by
which the centre will judge it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from copy import copy
from dataclasses import dataclass, field

Key = tuple[str, str]
Values = dict[str, object]


@dataclass(frozen=True)
class Shape:
    """A table: who owns its rows, its groups by column, what holds its school, what it hangs on, its own parents."""

    owner: str
    groups: dict[str, tuple[str, str]]
    scope: str = ""
    parent: str = ""
    above: dict[str, str] = field(default_factory=dict)


def _shape(owner: str, groups: str, scope: str = "", parent: str = "", **above: str) -> Shape:
    found = {}
    for line in groups.split(";"):
        name, policy, *columns = line.split()
        found.update(dict.fromkeys(columns or [name], (name, policy)))
    return Shape(owner, found, scope, parent, above)


TABLES = {
    "ptk": _shape(
        "terkunci",
        "nama terkunci; status_kepegawaian_id dinas; jenis_ptk_id dinas; sumber_gaji_id dinas; niy_nigk dinas;"
        "alamat sekolah alamat_jalan rt rw nama_dusun desa_kelurahan kode_wilayah kode_pos",
    ),
    "ptk_terdaftar": _shape(
        "dinas",
        "surat_tugas dinas nomor_surat_tugas tanggal_surat_tugas tmt_tugas; keluar dinas jenis_keluar_id tgl_ptk_keluar;"
        "aktif_bulan_07 sekolah; aktif_bulan_08 sekolah; ptk_id dinas; sekolah_id dinas; tahun_ajaran_id dinas; ptk_induk dinas",
        "sekolah_id",
        ptk_id="ptk",
    ),
    "peserta_didik": _shape(
        "terkunci",
        "nama terkunci; jenis_kelamin terkunci; nisn terkunci; nik terkunci; kelahiran terkunci tempat_lahir tanggal_lahir;"
        "ibu terkunci nama_ibu_kandung; kip kip penerima_kip no_kip nm_kip; kps sekolah penerima_kps no_kps;"
        "bank pusat id_bank rekening_bank nama_kcp rekening_atas_nama;"
        "alamat sekolah alamat_jalan rt rw nama_dusun desa_kelurahan kode_wilayah kode_pos",
    ),
    "registrasi_peserta_didik": _shape(
        "sekolah",
        "masuk terkunci jenis_pendaftaran_id tanggal_masuk_sekolah sekolah_asal; keluar terkunci jenis_keluar_id tanggal_keluar",
        "sekolah_id",
        peserta_didik_id="peserta_didik",
    ),
    "kesejahteraan_pd": _shape(
        "sekolah",
        "kartu sekolah jenis_kesejahteraan_id nomor nm_di_kartu; masa sekolah dari_tahun sampai_tahun",
        parent="peserta_didik_id",
        peserta_didik_id="peserta_didik",
    ),
    "rombongan_belajar": _shape("sekolah", "masa sekolah tanggal_mulai tanggal_selesai", "sekolah_id"),
    "anggota_rombel": _shape(
        "sekolah",
        "penempatan terkunci rombongan_belajar_id peserta_didik_id",
        parent="rombongan_belajar_id",
        rombongan_belajar_id="rombongan_belajar",
        peserta_didik_id="peserta_didik",
    ),
    "nilai_matev_rapor": _shape(
        "sekolah", "nm_mata_evaluasi sekolah", parent="rombongan_belajar_id", rombongan_belajar_id="rombongan_belajar"
    ),
    "nilai_nilai_rapor": _shape(
        "sekolah",
        "kognitif sekolah nilai_kognitif_angka nilai_kognitif_huruf ket_kognitif;"
        "psim sekolah nilai_psim_angka nilai_psim_huruf ket_psim",
        parent="id_evaluasi",
        id_evaluasi="nilai_matev_rapor",
        anggota_rombel_id="anggota_rombel",
    ),
}
"""The tables of a world, parents before children. A column that is not named here is a group of its own, and the school's."""

UNIQUE = {"ptk": ("nuptk", "nik"), "peserta_didik": ("nisn", "nik", "no_kip")}
"""Columns that name one person: two living rows with one value are told to every school that holds one of them."""

_ORDER = {name: n for n, name in enumerate(TABLES)}
UNKNOWN_CODES = {"agama_id": {55}}
_OWNED = {"pusat": 510, "dinas": 511}
_LOCKED = {"terkunci": 512, "kip": 513}
_WORST = ["same", "applied", "conflict", "refused"]
_RETURNS_NAMED = 16


def group_of(table: str, column: str) -> tuple[str, str]:
    """Return a column's group and its policy."""
    return TABLES[table].groups.get(column, (column, "sekolah"))


def by_group(table: str, values: Iterable[str]) -> dict[tuple[str, str], list[str]]:
    """Return columns by (group, policy); groups are whole."""
    found: dict[tuple[str, str], list[str]] = {}
    for column in values:
        group = group_of(table, column)
        if group not in found:
            mates = [c for c, g in TABLES[table].groups.items() if g == group]
            found[group] = mates or [column]
    return found


@dataclass
class Row:
    """A row as somebody holds it."""

    values: Values
    home: str = ""
    dead: bool = False

    def twin(self) -> Row:
        """Return a copy."""
        return Row(dict(self.values), self.home, self.dead)

    def part(self, columns: Iterable[str]) -> Values:
        """Return some columns."""
        return {c: self.values.get(c) for c in columns}


@dataclass(frozen=True)
class Change:
    """One row of a changeset: ``insert``, ``again`` (a row that lives again, whole), ``update`` or ``delete``."""

    key: Key
    op: str
    values: Values


@dataclass(eq=False)
class Changeset:
    """What one cut took."""

    number: int
    base: int
    changes: list[Change]


@dataclass(frozen=True)
class Word:
    """What was said of a group of a row, or of the whole row (group "")."""

    key: Key
    group: str
    op: str
    cause: str


@dataclass(eq=False)
class Package:
    """What a school sent."""

    scope: str
    changesets: list[Changeset]
    have: int
    n: int


@dataclass(eq=False)
class Return:
    """A picture of the centre, for one school."""

    after: int
    upto: int
    merged: int
    named: list[int]
    rows: dict[Key, Row]
    locks: set[tuple[Key, str]]
    said: list[list[Word]]


@dataclass(eq=False)
class Line:
    """Why a change was not simply applied."""

    key: Key
    group: str
    outcome: str
    code: int
    won: bool
    sent: Values
    stood: Values

    def shown(self) -> tuple[Hashable, ...]:
        """Return it as one value that can be compared."""
        return (*self.key, self.group, self.outcome, self.code, self.won, _shown(self.sent), _shown(self.stood))


def _shown(values: Values) -> tuple[Hashable, ...]:
    return tuple(sorted((c, str(v)) for c, v in values.items() if v is not None))


@dataclass(eq=False)
class Outcome:
    """What became of one changeset."""

    counts: Counter[str] = field(default_factory=Counter)
    lines: list[Line] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    touched: list[tuple[Key, str]] = field(default_factory=list)
    checked: object = None


@dataclass(eq=False)
class Side:
    """One laptop."""

    n: int
    scope: str
    rows: dict[Key, Row] = field(default_factory=dict)
    image: dict[Key, Row] = field(default_factory=dict)
    touched: dict[Key, None] = field(default_factory=dict)
    chain: list[Changeset] = field(default_factory=list)
    have: int = 0
    acked: int = 0
    heard: list[Return] = field(default_factory=list)


class Model:
    """The centre and every laptop, as they must be."""

    def __init__(self, scopes: list[str], npsn: dict[str, str]) -> None:
        self.scopes, self.npsn = scopes, npsn
        self.sides: dict[object, Side] = {}
        self.rows: dict[Key, Row] = {}
        self.locks: set[tuple[Key, str]] = set()
        self.log: dict[str, list[list[Word]]] = {s: [] for s in scopes}
        self.aside: dict[str, dict[Key, tuple[Values, int]]] = {s: {} for s in scopes}
        self.outcomes: dict[str, list[Outcome]] = {s: [] for s in scopes}
        self.have: dict[str, int] = dict.fromkeys(scopes, 0)
        self.answered: dict[str, list[int]] = {s: [] for s in scopes}
        self.seen: dict[Key, set[str]] = {}
        self.kip_waiting: dict[str, str] = {}
        self.claims: dict[tuple[str, str, str, str], str] = {}

    # --- a school -----------------------------------------------------------------------------

    def begin(self, laptop: object, n: int, standing: Iterable[tuple[str, list[tuple[str, Values]]]]) -> None:
        """A laptop joins with rows that both sides hold."""
        side = self.sides[laptop] = Side(n, self.scopes[n])
        for table, rows in standing:
            for row, values in rows:
                for holder in (self.rows, side.rows, side.image):
                    holder[table, row] = Row(dict(values), side.scope)

    def put(self, laptop: object, key: Key, values: Values) -> None:
        """Somebody enters values at a school."""
        side = self.sides[laptop]
        side.touched.setdefault(key)
        side.rows.setdefault(key, Row({}, side.scope)).values.update(values)

    def kill(self, laptop: object, key: Key, *, dead: bool) -> None:
        """Somebody deletes a row at a school, or takes that back."""
        side = self.sides[laptop]
        side.touched.setdefault(key)
        side.rows[key].dead = dead

    def cut(self, laptop: object) -> None:
        """Turn what was entered into a changeset: what differs from the last cut, group by group."""
        side = self.sides[laptop]
        found: list[Change] = []
        for key in side.touched:
            was, now = side.image.get(key), side.rows[key]
            if now.dead:
                if was is not None and not was.dead:
                    found.append(Change(key, "delete", {}))
            elif was is None:
                found.append(Change(key, "insert", {c: v for c, v in now.values.items() if v is not None}))
            elif was.dead:
                found.append(Change(key, "again", dict(now.values)))
            else:
                columns = [
                    c
                    for mates in by_group(key[0], {**was.values, **now.values}).values()
                    if was.part(mates) != now.part(mates)
                    for c in mates
                ]
                if columns:
                    found.append(Change(key, "update", now.part(columns)))
            side.image[key] = now.twin()
        side.touched.clear()
        if found:
            rank = {"insert": 0, "again": 1, "update": 2}
            living = sorted((c for c in found if c.op != "delete"), key=lambda c: (_ORDER[c.key[0]], rank[c.op]))
            dead = sorted((c for c in found if c.op == "delete"), key=lambda c: -_ORDER[c.key[0]])
            side.chain.append(Changeset(len(side.chain) + 1, side.have, living + dead))

    def export(self, laptop: object) -> Package:
        """Write a package: everything that was not acknowledged."""
        self.cut(laptop)
        side = self.sides[laptop]
        return Package(side.scope, side.chain[side.acked :], side.have, side.n)

    # --- the centre speaks --------------------------------------------------------------------

    def _say(self, scope: str, words: list[Word]) -> None:
        self.log[scope].append(words)

    def _tell(self, words: list[Word]) -> None:
        """Every other school that sees a row hears of it."""
        for scope in sorted({s for w in words for s in self.seen.get(w.key, ())}):
            self._say(scope, [w for w in words if scope in self.seen.get(w.key, ())])

    def _record(self, scope: str, words: list[Word]) -> None:
        self._say(scope, words)
        self._tell(words)

    def _claim(self) -> None:
        """Who holds one number twice is told, to every school concerned, and told again when that changes."""
        holders: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
        for (table, row), r in self.rows.items():
            for column in UNIQUE.get(table, ()):
                if not r.dead and r.values.get(column):
                    holders.setdefault((table, column, str(r.values[column])), []).append((r.home, row))
        found: dict[tuple[str, str, str, str], str] = {}
        for (table, column, value), among in holders.items():
            if len(among) > 1:
                names = ", ".join(f"{self.npsn[home]}/{row[:8]}" for home, row in sorted(among))
                told = f"{column} {value} dipakai {len(among)} kali: {names}"[:150]
                found |= {(home, table, column, value): told for home, _ in among}
        news = {claim[0] for claim in found.keys() | self.claims.keys() if found.get(claim) != self.claims.get(claim)}
        self.claims = found
        for scope in sorted(news):
            self._say(scope, [])

    def centre(self, key: Key, cause: str, values: Values, *, locked: bool = False) -> None:
        """The centre sets values; a row that is not there is made, a deleted one lives again."""
        row, groups = self.rows.get(key), [name for name, _ in by_group(key[0], values)]
        home = row.home if row else self._new_home(key, values)
        if not home:
            return
        if row and row.part(values) == values and (not locked or all((key, g) in self.locks for g in groups)):
            return
        whole = row is None or row.dead
        row = self.rows.setdefault(key, Row({}, home))
        row.values.update(values)
        row.dead = False
        words = [Word(key, "", "insert", cause)] if whole else []
        if locked or not whole:
            words += [Word(key, g, "insert" if whole else "update", cause) for g in groups]
        if locked:
            self.locks |= {(key, g) for g in groups}
        self._record(home, words)
        self._claim()

    def _new_home(self, key: Key, values: Values) -> str:
        shape = TABLES[key[0]]
        if shape.scope:
            return str(values.get(shape.scope) or "")
        above = self.rows.get((shape.above.get(shape.parent, ""), str(values.get(shape.parent))))
        return above.home if above else ""

    def centre_deletes(self, key: Key, cause: str) -> None:
        """The centre deletes a row."""
        row = self.rows.get(key)
        if row and not row.dead:
            row.dead = True
            self._record(row.home, [Word(key, "", "delete", cause)])
            self._claim()

    def kip(self, row: str, number: str) -> None:
        """An SK list names a pupil; who is not there, or goes to no one school, waits."""
        self.kip_waiting[row] = number
        self.retry_kip(row)

    def retry_kip(self, named: str = "") -> None:
        """Try the waiting lines again; only the list that has just come replaces a number of an earlier one."""
        for row, number in list(self.kip_waiting.items()):
            key = ("peserta_didik", row)
            pupil = self.rows.get(key)
            goes = {
                str(r.values["sekolah_id"])
                for (table, _), r in self.rows.items()
                if table == "registrasi_peserta_didik"
                and not r.dead
                and r.values.get("peserta_didik_id") == row
                and r.values.get("jenis_keluar_id") is None
            }
            if pupil is None or pupil.dead or not (pupil.home in goes or len(goes) == 1):
                continue
            is_locked, is_same = (key, "kip") in self.locks, pupil.values.get("no_kip") == number
            if is_locked and not is_same and row != named:
                continue
            del self.kip_waiting[row]
            if is_locked and is_same:
                continue
            pupil.values |= {"penerima_kip": 1, "no_kip": number, "penerima_kps": 0, "no_kps": None}
            self.locks.add((key, "kip"))
            self._record(pupil.home, [Word(key, g, "update", "kip") for g in ("kip", "kps")])
        self._claim()

    def show(self, key: Key, scope: str) -> None:
        """Another school sees a row from now on."""
        self.seen.setdefault(key, set()).add(scope)
        self._say(scope, [Word(key, "", "insert", "dinas")])

    # --- the centre takes ---------------------------------------------------------------------

    def take(self, package: Package) -> None:
        """Merge what is new in a package."""
        scope, before = package.scope, len(self.outcomes[package.scope])
        for changeset in package.changesets:
            if changeset.number == len(self.outcomes[scope]) + 1:
                self._merge(scope, changeset)
        if len(self.outcomes[scope]) == before:
            self._look_again(scope)
        self._claim()
        self.have[scope] = max(self.have[scope], package.have)

    def _merge(self, scope: str, changeset: Changeset) -> None:
        merging = Merging(self, scope, changeset)
        for change in changeset.changes:
            merging.change(change)
        merging.finish()
        self.outcomes[scope].append(merging.out)
        self._say(scope, self._spoken(merging.out))
        self._spread(merging.out)

    def _look_again(self, scope: str) -> None:
        """A package without news lets in what waits and may enter since the centre made something."""
        merging = Merging(self, scope, Changeset(0, len(self.log[scope]), []))
        merging.finish()
        if merging.out.words:
            self._say(scope, self._spoken(merging.out))
        self._spread(merging.out)

    def _spoken(self, out: Outcome) -> list[Word]:
        """Return what goes back because of a changeset: what came back because it won says more than a correction."""
        best: dict[tuple[Key, str], Word] = {}
        for word in out.words:
            if best.setdefault((word.key, word.group), word).cause == "koreksi":
                best[word.key, word.group] = word
        return list(best.values())

    def _spread(self, out: Outcome) -> None:
        """Other schools hear of rows that they see."""
        told = [Word(k, g, "update" if g else "insert", "pusat") for k, g in dict.fromkeys(out.touched) if k in self.seen]
        if told:
            self._tell(told)

    # --- a return -----------------------------------------------------------------------------

    def answer(self, scope: str) -> Return:
        """Take a picture for a school."""
        after, upto = self.have[scope], len(self.log[scope])
        self.answered[scope].append(upto)
        named = sorted({p for p in self.answered[scope] if p > after})[-_RETURNS_NAMED:]
        rows = {
            k: row.twin() for k, row in self.rows.items() if row.home == scope or scope in self.seen.get(k, ())
        }
        said = copy(self.log[scope])
        return Return(after, upto, len(self.outcomes[scope]), named, rows, set(self.locks), said)

    def apply(self, laptop: object, given: Return) -> bool:
        """Let a laptop apply a return; return whether it was news."""
        side = self.sides[laptop]
        if given.upto <= side.have or side.have not in (given.after, *given.named):
            return False
        self.cut(laptop)
        Applying(side, given).all()
        side.have, side.acked = given.upto, max(side.acked, given.merged)
        side.image = {key: row.twin() for key, row in side.rows.items()}
        side.heard.append(given)
        return True


def opinion(said: list[list[Word]], base: int, key: Key, group: str) -> str:
    """Return who at the centre spoke last of a group after a position, if the school has not answered that; else "".

    What was said of the group itself comes before what was said of the whole row: a row that only lives again with what it
    held answers nothing that the school has not seen.
    """
    of_group = of_row = ""
    for words in said[base:]:
        for word in words:
            if word.key != key or word.cause == "koreksi":
                continue
            cause = "" if word.cause == "kembali" else word.cause
            if word.group == group:
                of_group, of_row = cause, of_row if cause else ""
            elif not word.group and word.op != "delete":
                of_row = cause
    return of_group or of_row


def decide(policy: str, *, equal: bool, unseen: str, locked: bool) -> tuple[str, bool, int]:
    """Return (outcome, whether the school's value stands, code)."""
    if equal:
        return "same", False, 0
    owned = _OWNED.get(policy) or (_LOCKED.get(policy) if locked else None)
    if owned:
        return ("conflict", False, 521) if unseen else ("refused", False, owned)
    if unseen == "kip" and policy == "sekolah":
        return "conflict", False, 521
    return ("conflict", True, 520) if unseen else ("applied", True, 0)


class Merging:
    """One changeset against the centre."""

    def __init__(self, model: Model, scope: str, changeset: Changeset) -> None:
        self.m, self.scope, self.changeset = model, scope, changeset
        self.aside, self.out = model.aside[scope], Outcome()
        self.said = list(model.log[scope])

    def change(self, change: Change) -> None:
        """Take one row's change."""
        if change.op == "delete":
            outcome = self.delete(change.key)
        elif change.op == "update":
            outcome = self.row(change.key, change.values, whole=False)
        else:
            outcome = self.insert(change.key, change.values)
        self.out.counts[outcome] += 1

    # --- small facts --------------------------------------------------------------------------

    def line(self, key: Key, group: str, outcome: str, code: int, sent: Values, stood: Values, won: bool = False) -> None:
        self.out.lines.append(Line(key, group, outcome, code, won, sent, stood))

    def correct(self, key: Key, group: str = "") -> None:
        self.out.words.append(Word(key, group, "update", "koreksi"))

    def back(self, key: Key, group: str = "", op: str = "update") -> None:
        self.out.words.append(Word(key, group, op, "kembali"))

    def fault(self, key: Key, values: Values, *, new: bool = True) -> tuple[int, str]:
        """Return why values cannot be taken, and the column, or (0, "")."""
        shape = TABLES[key[0]]
        for column, value in values.items():
            if value in UNKNOWN_CODES.get(column, ()):
                return 516, column
            if column == shape.scope and value != self.scope:
                return 517, column
            above = self.m.rows.get((shape.above.get(column, ""), str(value)))
            if column == shape.parent and above is not None and above.home != self.scope:
                return 517, column
            if new and (shape.above.get(column, ""), str(value)) in self.aside:
                return 518, column
        return 0, ""

    def sees(self, key: Key) -> bool:
        return self.scope in self.m.seen.get(key, ())

    def gone(self, key: Key) -> bool:
        """Whether the centre deleted a row and the school had not seen it."""
        last = None
        for words in self.said[self.changeset.base :]:
            for word in words:
                if word.key == key and not word.group and word.cause != "koreksi":
                    last = word
        return last is not None and last.op == "delete" and last.cause != "kembali"

    # --- rows ---------------------------------------------------------------------------------

    def foreign(self, key: Key, values: Values) -> str:
        row = self.m.rows[key]
        self.line(key, "", "refused", 517, values, row.part(values) if self.sees(key) else {})
        if self.sees(key):
            self.correct(key)
        return "refused"

    def insert(self, key: Key, values: Values) -> str:
        """Take a new row, or one that lives again."""
        there, shape = self.m.rows.get(key), TABLES[key[0]]
        if shape.owner in _OWNED:
            self.line(key, "", "refused", 519, values, {})
            if there is not None and there.home == self.scope:
                self.correct(key)
            else:
                self.aside[key] = (values, 519)
            return "refused"
        if key in self.aside:
            return self.enter(key, values)
        if there is not None:
            if there.home != self.scope:
                if self.sees(key):
                    return self.foreign(key, values)
                return self.put_aside(key, values, 517, "")
            outcome = self.row(key, values, whole=True)
            self.revive_above(key)
            return outcome
        code, column = self.fault(key, values)
        if code:
            return self.put_aside(key, values, code, column)
        worst, kept = "applied", {}
        for (group, policy), columns in by_group(key[0], values).items():
            sent = {c: values.get(c) for c in columns}
            if policy in _OWNED and any(v is not None for v in sent.values()):
                for c, v in sent.items():
                    if v is not None:
                        self.line(key, group, "refused", _OWNED[policy], {c: v}, {})
                self.correct(key, group)
                worst = "refused"
            else:
                kept.update(sent)
        self.m.rows[key] = Row(kept, self.scope)
        self.out.touched.append((key, ""))
        self.revive_above(key)
        return worst

    def put_aside(self, key: Key, values: Values, code: int, column: str) -> str:
        self.line(key, "", "refused", code, {c: v for c, v in values.items() if column in ("", c)}, {})
        self.aside[key] = (values, code)
        self.correct_above(key[0], values)
        return "refused"

    def enter(self, key: Key, values: Values) -> str:
        """Try a row that waited, with every row that waited for it."""
        del self.aside[key]
        outcome = self.insert(key, values)
        if key not in self.aside:
            self.back(key, "", "insert")
            self.enter_hanging(key)
        return outcome

    def enter_hanging(self, key: Key) -> None:
        for waiting in sorted(self.aside, key=lambda k: (_ORDER[k[0]], k[1])):
            if waiting in self.aside and key in self.above(waiting, self.aside[waiting][0]):
                self.enter(waiting, self.aside[waiting][0])

    def above(self, key: Key, values: Values) -> list[Key]:
        return [(table, str(values[c])) for c, table in TABLES[key[0]].above.items() if values.get(c) is not None]

    def row(self, key: Key, values: Values, *, whole: bool) -> str:
        """Take values of a row group by group."""
        if key in self.aside:
            return self.enter(key, self.aside[key][0] | values)
        row = self.m.rows.get(key)
        if row is None:
            return self.insert(key, values)
        if row.home != self.scope:
            return self.foreign(key, values)
        worst, dead = "same", row.dead
        for (group, policy), columns in by_group(key[0], {**row.values, **values} if whole else values).items():
            sent, was = {c: values.get(c) for c in columns}, row.part(columns)
            locked = (key, group) in self.m.locks
            may = policy not in _OWNED and not (locked and policy in _LOCKED)
            if whole and all(v is None for v in sent.values()) and not (dead and may):
                if sent != was:
                    self.correct(key, group)
                continue
            outcome = self.group(key, group, policy, sent, was, locked)
            worst = max(worst, outcome, key=_WORST.index)
        if dead:
            worst = max(worst, self.live_again(key, whole), key=_WORST.index)
        if not whole:
            self.revive_above(key)
        return worst

    def group(self, key: Key, group: str, policy: str, sent: Values, was: Values, locked: bool) -> str:
        code, _ = self.fault(key, sent, new=False)
        if code:
            self.line(key, group, "refused", code, sent, was)
            self.correct(key, group)
            return "refused"
        unseen = opinion(self.said, self.changeset.base, key, group)
        outcome, taken, code = decide(policy, equal=sent == was, unseen=unseen, locked=locked)
        if taken:
            self.m.rows[key].values.update(sent)
            self.out.touched.append((key, group))
        if code:
            self.line(key, group, outcome, code, sent, was, taken)
            (self.back if taken else self.correct)(key, group)
        return outcome

    # --- deletes and what lives again ---------------------------------------------------------

    def delete(self, key: Key) -> str:
        if key in self.aside:
            del self.aside[key]
            self.enter_hanging(key)
            return "applied"
        row = self.m.rows.get(key)
        if TABLES[key[0]].owner in _OWNED and row is not None and not row.dead:
            self.line(key, "", "refused", 519, {}, dict(row.values))
            self.correct(key)
            return "refused"
        if row is None or row.dead:
            return "same"
        if row.home != self.scope:
            return self.foreign(key, {})
        groups = {name for name, _ in by_group(key[0], row.values)}
        edited = any(opinion(self.said, self.changeset.base, key, g) for g in (groups or {"-"}))
        child = any(self.hung_since(k, r, key) for k, r in self.m.rows.items() if not r.dead)
        owner = TABLES[key[0]].owner
        if child or (edited and owner != "sekolah"):
            self.line(key, "", "conflict", 522, {}, dict(row.values))
            self.correct(key)
            return "conflict"
        row.dead = True
        self.out.touched.append((key, ""))
        if edited:
            self.line(key, "", "conflict", 523, {}, dict(row.values), won=True)
            self.back(key, "", "delete")
            return "conflict"
        return "applied"

    def hung_since(self, key: Key, row: Row, parent: Key) -> bool:
        """Whether somebody at the centre hung a row on another one since."""
        return any(
            opinion(self.said, self.changeset.base, key, group_of(key[0], column)[0])
            for column, table in TABLES[key[0]].above.items()
            if (table, row.values.get(column)) == parent
        )

    def live_again(self, key: Key, whole: bool) -> str:
        self.m.rows[key].dead = False
        self.out.touched.append((key, ""))
        self.revive_above(key)
        if whole and not self.gone(key):
            return "applied"
        self.back(key, "", "insert")
        self.line(key, "", "conflict", 524, {}, {}, won=True)
        return "conflict"

    def revive_above(self, key: Key) -> None:
        row = self.m.rows.get(key)
        if row is None or row.home != self.scope or key in self.aside:
            return
        for above in self.above(key, row.values):
            there = self.m.rows.get(above)
            if there and there.dead and there.home == self.scope and self.gone(above):
                self.live_again(above, whole=False)
        self.correct_above(key[0], row.values)

    def correct_above(self, table: str, values: Values) -> None:
        for above in self.above((table, ""), values):
            if self.gone(above):
                self.correct(above)
                there = self.m.rows.get(above)
                if there is not None:
                    self.correct_above(above[0], there.values)

    def finish(self) -> None:
        """A row that waits and that the centre has made meanwhile waits no more."""
        for key in sorted(self.aside, key=lambda k: (_ORDER[k[0]], k[1])):
            there = self.m.rows.get(key)
            if key in self.aside and there is not None and there.home == self.scope:
                del self.aside[key]
                self.enter_hanging(key)


class Applying:
    """One return at one laptop: the picture, with the unanswered on top."""

    def __init__(self, side: Side, given: Return) -> None:
        self.side, self.given = side, given
        self.own: dict[tuple[Key, str], int] = {}
        self.deletes: dict[Key, int] = {}
        for changeset in side.chain[given.merged :]:
            for change in changeset.changes:
                self.deletes.pop(change.key, None)
                if change.op == "delete":
                    self.deletes[change.key] = changeset.base
                    continue
                groups = [name for name, _ in by_group(change.key[0], change.values)]
                for group in groups if change.op == "update" else ["", *groups]:
                    self.own[change.key, group] = changeset.base
        self.owned = {key for key, _ in self.own}
        self.above: set[Key] = set()
        for key in self.owned:
            self.hold_above(key)
        self.spoken = {(w.key, w.group) for words in given.said[given.after :] for w in words}

    def hold_above(self, key: Key) -> None:
        """What a row of the school's hangs on lives as long as it does."""
        row = self.side.rows.get(key)
        if row is not None and row.home == self.side.scope and not row.dead:
            above = TABLES[key[0]].above.items()
            self.above |= {(table, str(row.values[c])) for c, table in above if row.values.get(c) is not None}

    def all(self) -> None:
        """Go through the picture: deletes from the leaves up, then the rest."""
        for key in sorted((k for k, row in self.given.rows.items() if row.dead), key=lambda k: -_ORDER[k[0]]):
            self.dead(key)
        for key, row in self.given.rows.items():
            if row.dead:
                continue
            if key in self.deletes:
                self.deleted(key, row)
            else:
                self.living(key, row)

    def dead(self, key: Key) -> None:
        there = self.side.rows.get(key)
        if there is None:
            return
        if key in self.owned or key in self.above:
            self.hold_above(key)
        else:
            there.dead = True

    def deleted(self, key: Key, row: Row) -> None:
        """The school deleted it and was not answered."""
        base = self.deletes[key]
        groups = [name for name, _ in by_group(key[0], row.values)]
        edited = any(
            opinion(self.given.said, base, key, g) and ({(key, g), (key, "")} & self.spoken) for g in groups
        )
        child = any(
            opinion(self.given.said, base, k, group_of(k[0], column)[0])
            for k, r in self.given.rows.items()
            if not r.dead
            for column, table in TABLES[k[0]].above.items()
            if (table, r.values.get(column)) == key
        )
        there = self.side.rows[key]
        there.dead = not (child or (edited and TABLES[key[0]].owner != "sekolah"))
        for (group, _), columns in by_group(key[0], {**row.values, **there.values}).items():
            # What was said stands in a deleted row too, should it live again. A value that was typed before the delete and
            # never sent stays until the server's whole row comes back.
            if {(key, group), (key, "")} & self.spoken:
                there.values.update(row.part(columns))

    def living(self, key: Key, row: Row) -> None:
        there = self.side.rows.get(key)
        if there is None:
            self.side.rows[key] = row.twin()
            return
        there.dead = False
        for (group, policy), columns in by_group(key[0], {**row.values, **there.values}).items():
            now, said = there.part(columns), row.part(columns)
            base = self.own.get((key, group), self.own.get((key, "")))
            if base is not None and not self.gives_way(key, group, policy, now, said, base):
                continue
            there.values.update(said)

    def heard_twice(self, key: Key, group: str, said: Values) -> bool:
        """Whether the last return that spoke of a group, within what this one says again, said the same of it."""
        for before in reversed(self.side.heard):
            spoken = {(w.key, w.group) for words in before.said[before.after :] for w in words}
            if before.upto > self.given.after and {(key, group), (key, "")} & spoken:
                return before.rows[key].part(said) == said
        return False

    def gives_way(self, key: Key, group: str, policy: str, now: Values, said: Values, base: int) -> bool:
        """Whether the school's unanswered value of a group gives way."""
        if not {(key, group), (key, "")} & self.spoken:
            return False
        if (key, group) not in self.own and all(v is None for v in now.values()):
            return True
        unseen = opinion(self.given.said, base, key, group)
        if not unseen or self.heard_twice(key, group, said):
            return False
        locked = (key, group) in self.given.locks
        return not decide(policy, equal=now == said, unseen=unseen, locked=locked)[1]
