"""A return applied at a school: what the centre says meets what the school has not sent yet.

The same pure decision as at the server, so both sides reach the same value (``docs/protocol.md`` 21 to 23).
Everything happens in the caller's transaction, with capture switched off: what a return brings is no change of the
school's own.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from exchange import errors
from exchange.capture import as_deleted, own_blocks
from exchange.digests import differing_rows, table_pair
from exchange.format.changeset import decode_changeset
from exchange.format.outcome import decode_outcome
from exchange.limits import EXAMPLES_MAX
from exchange.merge.decision import decide, decide_delete, says_nothing
from exchange.records import Block, Cause, Line, Manifest, Op, Outcome, Position
from exchange.schema.model import Column, Group, Table
from exchange.store import chains, rows
from exchange.store.school import SchoolStore

Row = tuple[int, str]
"""(table number, row id)."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """One value of the school's store that a return replaced."""

    table: str
    row: str
    column: str
    old: object
    new: object
    why: Cause

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim school apply --json``."""
        return {
            "table": self.table,
            "id": self.row,
            "column": self.column,
            "old": self.old,
            "new": self.new,
            "why": self.why.name.lower(),
        }


@dataclass
class Report:
    """What one return did.

    Attributes:
        incoming: Rows that it brought, by table: *Perubahan data yang masuk ke lokal*.
        replaced: Values that it replaced.
        lines: What became of the school's own changes, where they were not simply applied.
        diverged: Tables in which both stores differ although nothing is on its way, with the rows.
    """

    incoming: Counter[str] = field(default_factory=Counter)
    replaced: list[Replaced] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    diverged: dict[str, dict[str, object]] = field(default_factory=dict)


def line_json(line: Line) -> dict[str, object]:
    """Return a line of a receipt under the names of JSON."""
    return {
        "table": line.table.name,
        "id": line.row,
        "group": line.group.name if line.group else None,
        "columns": list(line.columns),
        "own": list(line.sent),
        "other": list(line.stood),
        "code": f"KF-{line.code}",
        "won": line.won,
        "why": line.cause.name.lower(),
    }


def fits(store: SchoolStore, manifest: Manifest) -> bool:
    """Return whether a return is news; ``False`` for a repeat or an older one, which changes nothing.

    Raises:
        ReturnUnfit: KF-404, it was made for another laptop or another history.

    Source:
        docs/protocol.md, rule 21.
    """
    answer = manifest.answer
    if answer is None:
        raise errors.Malformed(part="answer")
    number, value = store.have
    if manifest.last < number or (manifest.last == number and answer.value == value):
        return False
    shared, merged = answer.shared, manifest.have
    named = (manifest.first, *answer.returned)
    if (
        not store.applied_position(manifest.first)
        or not _own_position(store, shared)
        or not _own_position(store, merged)
        or store.have_position not in named
        or manifest.last == number
    ):
        raise errors.ReturnUnfit()
    return True


def _own_position(store: SchoolStore, position: Position) -> bool:
    """Whether a position is on this laptop's own chain; every chain has the same beginning."""
    return position.number == 0 or (store.value_at(position.number) or b"")[:8] == position.value


class Applying:
    """Applies the blocks of one return, in order.

    Args:
        store: The school's store, inside a transaction, just cut.
        manifest: The return's manifest; it fits.
    """

    def __init__(self, store: SchoolStore, manifest: Manifest) -> None:
        assert manifest.answer is not None
        self.store, self.db, self.schema, self.manifest = store, store.db, store.schema, manifest
        self.report = Report()
        self._own: dict[Row, set[int]] = {}
        self._own_deletes: set[Row] = set()
        self._own_parents: set[Row] = set()
        self._spoken: dict[Row, set[int]] = {}
        self._heard: dict[Row, dict[int, tuple[object, ...]]] | None = None
        self._kept: set[int] = set()
        self._opened: dict[Row, bool] = {}  # put on the open list by this return: whether as a whole row
        self._has_open = bool(self.db.value("SELECT 1 FROM kirim_open LIMIT 1"))
        merged = manifest.have.number
        for block in own_blocks(store, merged, store.last):
            self._note_own(block)

    def _note_own(self, block: Block) -> None:
        """Remember what the server has not merged yet: rows with their groups, deletes, and the rows above them."""
        table, names = block.table, block.rows()
        keys = [(table.number, name) for name in names]
        if block.op is Op.DELETE:
            self._own_deletes.update(keys)
            return
        self._own_deletes.difference_update(keys)
        groups = {0} if block.op is Op.INSERT else {table.group_of[c.name].number for c in block.columns}
        for key in keys:
            self._own.setdefault(key, set()).update(groups)
        self._hold_parents(table, names)

    def _hold_parents(self, table: Table, names: Sequence[str]) -> None:
        """Remember the rows above the school's own rows: they live as long as something hangs on them."""
        above = [(c, parent) for c in table.references if (parent := self._data_table(c.ref))]
        if not above:
            return
        for name, found in rows.fetch(self.db, table, table.columns, names).items():
            if found[-1] is None:
                values = dict(zip(table.all_columns, (*rows.key_values(table, name), *found), strict=False))
                self._own_parents.update((parent.number, str(values[c])) for c, parent in above if values[c])

    def _data_table(self, name: str | None) -> Table | None:
        table = self.schema.by_name.get(name or "")
        return None if table is None or table.is_reference else table

    # --- blocks -------------------------------------------------------------------------------

    def block(self, block: Block) -> None:
        """Apply one block."""
        table = block.table
        if table.is_reference:
            rows.upsert_rows(self.db, table, block.columns, block.values, None)
            self.report.incoming[table.name] += block.count
            return
        names = block.rows()
        fresh = [name for name in names if (table.number, name) not in self._spoken]
        self.report.incoming[table.name] += len(fresh)
        groups = {0} if block.op is not Op.UPDATE else {table.group_of[c.name].number for c in block.columns}
        for name in names:
            self._spoken.setdefault((table.number, name), set()).update(groups)
        if block.op is Op.DELETE:
            self._delete(block, names)
        else:
            self._write(block, names)
            if block.cause not in {Cause.KOREKSI, Cause.KEMBALI}:
                self._settle(table, names, {c.name for c in block.columns})
        if block.locked:
            self.db.executemany(
                "INSERT INTO kirim_lock (table_no, row, group_no) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                [(table.number, name, group) for name in names for group in sorted(groups - {0})],
            )

    def _delete(self, block: Block, names: Sequence[str]) -> None:
        """Mark rows deleted, except one that the school edited, or hung a row on, without knowing: it lives again."""
        number = block.table.number
        lives = [name for name in names if (number, name) in self._own or (number, name) in self._own_parents]
        gone = [n for n, name in enumerate(names) if name not in set(lives)]
        if lives:
            self._kept.add(number)
            self._hold_parents(block.table, lives)  # a return's deletes stand children first
        if gone:
            rows.mark_deleted(self.db, block.table, [[column[n] for n in gone] for column in block.values])
            self._settle(block.table, [names[n] for n in gone], None, opened=True)

    def _write(self, block: Block, names: Sequence[str]) -> None:
        table, keys = block.table, len(block.table.key)
        there = rows.fetch(self.db, table, block.columns, names)
        mine = [
            n
            for n, name in enumerate(names)
            if (table.number, name) in self._own or (table.number, name) in self._own_deletes
        ]
        self._revive_parents(block)
        careful = set(mine)
        plain = [n for n in range(len(names)) if n not in careful]
        for n in plain:
            if names[n] in there:
                old = there[names[n]]
                new = [values[n] for values in block.values[keys:]]
                self._replaced(table, names[n], block.columns, old, new, block.cause)
        if plain:
            values = [[column[n] for n in plain] for column in block.values]
            rows.upsert_rows(self.db, table, block.columns, values, block.home)
        for n in mine:
            self._one(block, n, names[n], there.get(names[n]))
        if block.op is Op.INSERT and block.cause is not Cause.KOREKSI:
            entered = [(table.number, name) for name in names if self._opened.get((table.number, name)) is not False]
            self.db.executemany("DELETE FROM kirim_open WHERE table_no = ? AND row = ?", entered)

    def _one(self, block: Block, n: int, name: str, there: tuple[object, ...] | None) -> None:
        """Decide each group of a row that the school has changed and not sent, or not been answered for."""
        table, keys = block.table, len(block.table.key)
        key = (table.number, name)
        given = {column: values[n] for column, values in zip(block.columns, block.values[keys:], strict=True)}
        opinion = block.cause not in {Cause.KOREKSI, Cause.KEMBALI}
        said = _by_group(table, given)
        if key in self._own_deletes:
            opinion = opinion and not self._knew_row(block, n, name)
            stands = decide_delete(table.owner, edited=opinion, child_added=False).taken
            if there is not None and (stands or not opinion):
                self._set(table, name, given, there, block, revive=False)
            else:
                self._set(table, name, given, there, block, revive=True)
            return
        own, locks = self._own[key], self._locks(table, name)
        taken_over: dict[Column, object] = {}
        for group in dict.fromkeys(table.group_of[column.name] for column in given):
            columns = [column for column in given if table.group_of[column.name] is group]
            if (
                there is not None
                and (own & {0, group.number})
                and self._own_stands(
                    block,
                    group,
                    columns,
                    given,
                    there,
                    locks,
                    own,
                    opinion=opinion and not self._knew(key, group.number, said[group.number]),
                )
            ):
                continue
            taken_over.update((column, given[column]) for column in columns)
        if taken_over:
            self._set(table, name, taken_over, there, block, revive=True)

    def _own_stands(
        self,
        block: Block,
        group: Group,
        columns: Sequence[Column],
        given: dict[Column, object],
        there: tuple[object, ...],
        locks: set[int],
        own: set[int],
        *,
        opinion: bool,
    ) -> bool:
        """Whether the school's unsent value of a group outlives the return, as the server will decide too."""
        now = dict(zip(block.columns, there, strict=False))
        if group.number not in own and says_nothing(group, [now[c] for c in columns]):
            return False  # a row that the school made, and this it left empty
        if not opinion:
            return True
        equal = all(now[c] == given[c] and type(now[c]) is type(given[c]) for c in columns)
        locked = block.locked or group.number in locks
        return decide(group.policy, equal=equal, unseen=block.cause, locked=locked).taken

    def _set(
        self,
        table: Table,
        name: str,
        given: dict[Column, object],
        there: tuple[object, ...] | None,
        block: Block,
        *,
        revive: bool,
    ) -> None:
        columns = tuple(given)
        keys = [[key] for key in rows.key_values(table, name)]
        if there is not None:
            old = [there[block.columns.index(column)] for column in columns]
            self._replaced(table, name, columns, old, list(given.values()), block.cause)
        values = [*keys, *([value] for value in given.values())]
        if revive:
            rows.upsert_rows(self.db, table, columns, values, block.home)
        else:
            rows.update_rows(self.db, table, columns, values)

    def _knew(self, key: Row, group: int, values: tuple[object, ...]) -> bool:
        """Whether the last applied return that spoke of a group said the same of it already.

        A return begins at the last *have* that the server knows, so it says again what the school has applied since.
        What the school did after that is no unseen change, and a thing heard twice must not undo it.
        """
        after = self.manifest.first.number
        if after >= self.store.have[0]:
            return False
        if self._heard is None:
            self._heard = {}
            found = self.db.execute("SELECT position FROM kirim_return WHERE position > ? ORDER BY position", (after,))
            for (position,) in found.fetchall():
                parts = list(chains.read_parts(self.db, self.store.scope, chains.CENTRE, position))
                for block in decode_changeset(self.schema, self.store.scope, parts)[1] if parts else ():
                    _hear(block, self._heard)
        return self._heard.get(key, {}).get(group) == values

    def _revive_parents(self, block: Block) -> None:
        """A row that the centre hung on one that the school is deleting brings that one back (rule 11)."""
        if not self._own_deletes or block.cause in {Cause.KOREKSI, Cause.KEMBALI}:
            return
        names = block.rows()
        for column, values in zip((*block.table.key, *block.columns), block.values, strict=True):
            parent = self._data_table(column.ref)
            if parent is None:
                continue
            back = {
                str(value)
                for n, value in enumerate(values)
                if (parent.number, value) in self._own_deletes and not self._knew_row(block, n, names[n])
            }
            if back:
                self._live_again(parent, sorted(back))

    def _live_again(self, table: Table, names: Sequence[str]) -> None:
        """Undo deletes of the school's own. Whether the server has such a row at all may show later: it is sent again."""
        sql = "SELECT row FROM kirim_open WHERE table_no = ? AND row IN ({})"
        marked = {row for (row,) in self.db.chosen(sql, names, (table.number,))}
        doubtful = [row for row in names if row in marked or 0 in self._own.get((table.number, row), ())]
        as_deleted(self.store, table, doubtful)
        rows.mark_living(self.db, table, [names])

    def _knew_row(self, block: Block, n: int, name: str) -> bool:
        """Whether earlier returns said all that a block says of a row."""
        given = {c: values[n] for c, values in zip(block.columns, block.values[len(block.table.key) :], strict=True)}
        key = (block.table.number, name)
        return all(self._knew(key, number, values) for number, values in _by_group(block.table, given).items())

    def _locks(self, table: Table, name: str) -> set[int]:
        found = self.db.execute("SELECT group_no FROM kirim_lock WHERE table_no = ? AND row = ?", (table.number, name))
        return {group for (group,) in found}

    def _replaced(
        self,
        table: Table,
        name: str,
        columns: Sequence[Column],
        old: Sequence[object],
        new: Sequence[object],
        why: Cause,
    ) -> None:
        for column, was, now in zip(columns, old, new, strict=False):
            if was != now:
                self.report.replaced.append(Replaced(table.name, name, column.name, was, now, why))

    # --- what was acknowledged ----------------------------------------------------------------

    def outcome(self, number: int, encoded: bytes) -> None:
        """Keep the outcome of one of the school's changesets as the server gave it."""
        if (
            self.db.value(
                "SELECT outcome IS NOT NULL FROM kirim_changeset WHERE scope = ? AND device = ? AND number = ?",
                (self.store.scope, self.store.device, number),
            )
            != 0
        ):
            return
        counts, lines = decode_outcome(self.schema, encoded)
        self.db.execute(
            "UPDATE kirim_changeset SET outcome = ?, applied = ?, same = ?, conflict = ?, refused = ?, held = ? "
            "WHERE scope = ? AND device = ? AND number = ?",
            (
                encoded,
                counts.applied,
                counts.same,
                counts.conflict,
                counts.refused,
                counts.held,
                self.store.scope,
                self.store.device,
                number,
            ),
        )
        self.report.lines += lines
        for block in own_blocks(self.store, number - 1, number) if self._has_open else ():
            # A refused value is settled when the school has sent another one, or withdrawn the row.
            said = {c.name for c in block.columns} if block.op is Op.UPDATE else None
            self._settle(block.table, block.rows(), said, opened=True)
        for line in lines:
            if line.outcome is Outcome.REFUSED:
                self._open(number, line)
        self.db.executemany(
            "INSERT INTO kirim_conflict (position, table_no, row, group_no, code, won, own, other) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    self.manifest.last,
                    line.table.number,
                    line.row,
                    line.group.number if line.group else 0,
                    line.code,
                    int(line.won),
                    _shown(line.columns, line.sent),
                    _shown(line.columns, line.stood),
                )
                for line in lines
                if line.outcome is Outcome.CONFLICT
            ],
        )

    def _open(self, number: int, line: Line) -> None:
        """Put a refused change on the open list, unless the school has since changed the same or withdrawn the row."""
        key = (line.table.number, line.row)
        there = rows.fetch(self.db, line.table, (), [line.row]).get(line.row)
        since = self._own.get(key, set())
        if there is None or there[0] == 1 or (line.group and since & {0, line.group.number}):
            return
        self.db.execute(
            "INSERT INTO kirim_open (scope, table_no, row, code, device, number, bytes) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (scope, table_no, row) DO UPDATE SET code = excluded.code, number = excluded.number, "
            "bytes = excluded.bytes",
            (self.store.scope, *key, line.code, self.store.device, number, _shown(line.columns, line.sent).encode()),
        )
        self._opened[key] = line.group is None
        self._has_open = True

    def _settle(self, table: Table, names: Sequence[str], columns: set[str] | None, *, opened: bool = False) -> None:
        """Take rows off the open list whose refused columns were spoken of since.

        Args:
            table: Whose rows.
            names: Their ids.
            columns: What was spoken of; the whole row if ``None``.
            opened: Also rows that this very return put on the list: the school itself said more after that.
        """
        if not self._has_open:
            return
        sql = "SELECT row, bytes FROM kirim_open WHERE table_no = ? AND row IN ({})"
        settled = [
            (table.number, row)
            for row, shown in list(self.db.chosen(sql, names, (table.number,)))
            if (opened or (table.number, row) not in self._opened)
            and (columns is None or columns & json.loads(shown).keys())
        ]
        self.db.executemany("DELETE FROM kirim_open WHERE table_no = ? AND row = ?", settled)

    def acknowledge(self) -> None:
        """Take over the server's word on the school's chain; groups that nobody spoke of stand as sent (rule 22)."""
        merged = self.manifest.have.number
        before = self.store.acknowledged
        if merged > before:
            self._stand_as_sent(before, merged)
            self.store.set(acknowledged=merged)

    def compare(self, packed: Iterable[bytes]) -> None:
        """Name the rows of tables in which both stores differ, and remember them for the operator and the helpdesk."""
        for one in packed:
            table, rows_here, missing = differing_rows(self.db, self.schema, one)
            if table is not None:
                self.report.diverged[table.name] = {
                    "rows": rows_here[:EXAMPLES_MAX],
                    "count": len(rows_here),
                    "missing": missing,
                }
        self._compare_tables()
        self.store.set(diverged=json.dumps(self.report.diverged) if self.report.diverged else None)

    def _compare_tables(self) -> None:
        """Compare what the return says the server holds with what stands here now, where nothing is on its way (R28)."""
        told = self.manifest.digests
        if told is None:
            return
        busy = {number for number, _ in (*self._own, *self._own_deletes)} | self._kept
        busy |= {number for (number,) in self.db.execute("SELECT table_no FROM kirim_open")}
        for number, pair in told.tables.items():
            table = self.schema.by_number.get(number)
            if table is None or number in busy or table.name in self.report.diverged:
                continue
            if table_pair(self.db, table, None) != pair:
                self.report.diverged[table.name] = {"rows": [], "count": None, "missing": None}

    def _stand_as_sent(self, before: int, merged: int) -> None:
        """Set what was acknowledged and nobody spoke of since to what the school sent: that is what the server holds."""
        sent: dict[Row, dict[Column, object] | None] = {}
        for block in own_blocks(self.store, before, merged):
            keys = len(block.table.key)
            for n, name in enumerate(block.rows()):
                key = (block.table.number, name)
                given = {c: values[n] for c, values in zip(block.columns, block.values[keys:], strict=True)}
                sent[key] = None if block.op is Op.DELETE else (sent.get(key) or {}) | given
        by_table: dict[int, dict[str, dict[Column, object] | None]] = {}
        for (number, name), values in sent.items():
            spoken = self._spoken.get((number, name), set()) | self._own.get((number, name), set())
            if 0 in spoken or (number, name) in self._own_deletes or (values is None and spoken):
                continue
            of = self.schema.by_number[number].group_of
            silent = None if values is None else {c: v for c, v in values.items() if of[c.name].number not in spoken}
            by_table.setdefault(number, {})[name] = silent
        for number, wanted in by_table.items():
            self._stand(self.schema.by_number[number], wanted)

    def _stand(self, table: Table, wanted: dict[str, dict[Column, object] | None]) -> None:
        there = rows.fetch(self.db, table, table.columns, list(wanted))
        for name, values in wanted.items():
            if name not in there:
                continue
            keys = [[key] for key in rows.key_values(table, name)]
            if values is None:
                rows.mark_deleted(self.db, table, keys)
                continue
            rows.mark_living(self.db, table, keys)
            now = dict(zip(table.columns, there[name], strict=False))
            differs = {c: v for c, v in values.items() if now[c] != v or type(now[c]) is not type(v)}
            if differs:
                rows.update_rows(self.db, table, tuple(differs), [*keys, *([v] for v in differs.values())])


def _hear(block: Block, heard: dict[Row, dict[int, tuple[object, ...]]]) -> None:
    """Note what a block of an earlier return said, by row and group."""
    keys = len(block.table.key)
    for n, name in enumerate(block.rows()):
        if block.op is Op.DELETE:
            heard.pop((block.table.number, name), None)
            continue
        given = {c: values[n] for c, values in zip(block.columns, block.values[keys:], strict=True)}
        heard.setdefault((block.table.number, name), {}).update(_by_group(block.table, given))


def _by_group(table: Table, given: dict[Column, object]) -> dict[int, tuple[object, ...]]:
    """Return values by group number."""
    found: dict[int, tuple[object, ...]] = {}
    for column, value in given.items():
        number = table.group_of[column.name].number
        found[number] = (*found.get(number, ()), value)
    return found


def _shown(columns: Sequence[str], values: Sequence[object]) -> str:
    """Return values under their columns' names as JSON; bytes as hex."""
    return json.dumps(
        {c: v.hex() if isinstance(v, bytes) else v for c, v in zip(columns, values, strict=False)}, ensure_ascii=False
    )


def load(store: SchoolStore, blocks: Iterable[Block]) -> Counter[str]:
    """Write a prefill's blocks into an empty store and return rows by table."""
    count: Counter[str] = Counter()
    for block in blocks:
        rows.upsert_rows(store.db, block.table, block.columns, block.values, block.home)
        if block.op is Op.INSERT:
            count[block.table.name] += block.count
        if block.locked:
            group_numbers = sorted({block.table.group_of[c.name].number for c in block.columns})
            store.db.executemany(
                "INSERT INTO kirim_lock (table_no, row, group_no) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                [(block.table.number, row, number) for row in block.rows() for number in group_numbers],
            )
    return count


def summary(report: Report) -> dict[str, Any]:
    """Return a report under the names of ``kirim school apply --json``."""
    return {
        "incoming": dict(report.incoming),
        "replaced": [r.as_json() for r in report.replaced],
        "conflicts": [line_json(x) for x in report.lines if x.outcome is Outcome.CONFLICT],
        "refused": [line_json(x) for x in report.lines if x.outcome is Outcome.REFUSED],
        "diverged": report.diverged,
    }
