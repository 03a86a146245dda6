"""One changeset of a school taken into the server's tables: authority, validation, decision, writing.

Almost every row goes down the bulk path: a few checks by column, then one statement a block. Rows that anybody else touched
after the changeset's base, or that are locked, refused, deleted or not the school's, are looked at one by one; they are few.
What is decided is decided by :mod:`exchange.merge`; this module finds the facts and carries the verdict out, inside the
caller's transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from exchange import errors
from exchange.errors import Reason
from exchange.format.changeset import decode_changeset, encode_changeset
from exchange.limits import IDS_MAX
from exchange.merge.decision import decide, decide_delete, insert_allowed
from exchange.records import Block, Cause, ChangesetHead, Counts, Line, Op, Outcome, Position, row_key
from exchange.rules.columns import faults
from exchange.schema.model import Column, Group, Policy, Table
from exchange.store import chains, rows
from exchange.store.server import School, ServerStore, is_opinion, last_words

Codes = Callable[[str], Collection[object] | None]
"""Gives the codes of a reference table, or ``None`` when the table is not kept here."""

IndexRow = tuple[int, str, int, int, int, int]
"""(table, row, group, op, cause, locked) of ``kirim_index``."""

_HEAD_POSTS = {2, 33}
"""``jabatan_ptk_id`` of Kepala Sekolah and Plt: the dinas assigns these, whoever owns other duties (domain 2.4)."""


@dataclass
class Taken:
    """What became of one changeset.

    Attributes:
        counts: Outcomes by change.
        lines: Every change that was not simply applied.
        index: What goes back to the school, or to others who see a row, because of this changeset.
        tables: Rows by table number and operation, as the approval counts them.
        claims: (table, column) to values that this changeset set on natural unique keys.
        touched: Rows and groups written, by table number: kept only while others see rows of this school.
    """

    counts: Counts = field(default_factory=Counts)
    lines: list[Line] = field(default_factory=list)
    index: list[IndexRow] = field(default_factory=list)
    tables: Counter[tuple[int, Op]] = field(default_factory=Counter)
    claims: dict[tuple[Table, Column], set[object]] = field(default_factory=dict)
    touched: dict[tuple[int, str], set[int]] = field(default_factory=dict)


class Taking:
    """Takes the blocks of one changeset, in order.

    Args:
        server: The store; the caller holds the school's lock and a transaction.
        school: Whose changeset.
        device: Key id of the laptop that made it.
        head: Its head.
        codes: Reference codes.
        known: The school's rows that others see, so that their logs hear of a change: (table, row).
    """

    def __init__(
        self,
        server: ServerStore,
        school: School,
        device: bytes,
        head: ChangesetHead,
        codes: Codes,
        known: Collection[tuple[int, str]] = (),
    ) -> None:
        self.server, self.db, self.schema = server, server.db, server.schema
        self.school, self.scope, self.device, self.head, self.codes = school, school.sekolah_id, device, head, codes
        self.taken = Taken()
        self._known = known
        self._outcomes: Counter[Outcome] = Counter()
        self._own_parents: dict[str, set[str]] = {}
        self._parents = {
            parent.name
            for table in self.schema.data_tables
            if table.parent_column and (parent := self.schema.by_name[table.by_name[table.parent_column].ref or ""])
        }
        entries = server.entries_after(self.scope, head.base.number) if school.position > head.base.number else []
        self._tail = last_words(entries)
        self._gone = {
            key
            for key, groups in self._tail.items()
            if 0 in groups and groups[0].op is Op.DELETE and is_opinion(groups[0])
        }
        self._open: set[tuple[int, str]] = {
            (table, row)
            for table, row in self.db.execute("SELECT table_no, row FROM kirim_open WHERE scope = ?", (self.scope,))
        }

    # --- blocks -------------------------------------------------------------------------------

    def block(self, block: Block) -> None:
        """Take one block: every row of it gets exactly one outcome."""
        self.taken.tables[block.table.number, block.op] += block.count
        before = self._outcomes.total()
        if block.table.is_reference:
            self._refuse_rows(block, range(block.count), errors.TABLE_CLOSED)
        elif block.op is Op.INSERT:
            self._insert(block)
        elif block.op is Op.UPDATE:
            self._update(block)
        else:
            self._delete(block)
        told = self._outcomes.total() - before
        if told != block.count:
            raise errors.DoesNotAddUp(sent=block.count, told=told)

    def finish(self) -> Taken:
        """Return what became of the changeset, after trying open rows that may enter now."""
        count = self._outcomes
        self.taken.counts = Counts(
            applied=count[Outcome.APPLIED],
            same=count[Outcome.SAME],
            conflict=count[Outcome.CONFLICT],
            refused=count[Outcome.REFUSED],
            held=count[Outcome.HELD],
        )
        return self.taken

    # --- inserts ------------------------------------------------------------------------------

    def _insert(self, block: Block) -> None:
        table, names = block.table, block.rows()
        if not insert_allowed(table.owner):
            self._refuse_rows(block, range(block.count), errors.TABLE_CLOSED)
            return
        there = rows.fetch(self.db, table, (), names)
        refused = self._insert_faults(block, names, there)
        for n, (reason, column) in refused.items():
            self._open_row(block, n, names[n], reason, column)
        block, names = _without(block, names, refused)
        if not block.count:
            return
        stripped = self._strip(block, names)
        block = stripped.block
        met = [n for n, name in enumerate(names) if name in there or (table.number, name) in self._open]
        for n in met:
            self._one(block, n, names[n], worst=stripped.worst.get(names[n], Outcome.SAME))
        fresh, fresh_names = _without(block, names, met)
        if fresh.count:
            rows.insert_rows(self.db, table, fresh.columns, fresh.values, self.scope)
            self._wrote(fresh, fresh_names)
            self._remember_own(table, fresh_names)
            for name in fresh_names:
                self._outcomes[max(Outcome.APPLIED, stripped.worst.get(name, Outcome.APPLIED))] += 1
        self._revive_parents(block, names)

    def _insert_faults(
        self, block: Block, names: Sequence[str], there: dict[str, tuple[object, ...]]
    ) -> dict[int, tuple[Reason, Column | None]]:
        """Return the rows of an insert block that cannot be taken, with the reason and the column."""
        table = block.table
        refused: dict[int, tuple[Reason, Column | None]] = {}
        for column, values in zip((*table.key, *block.columns), block.values, strict=True):
            for n, reason in faults(column, values, self._codes(column)).items():
                refused.setdefault(n, (reason, column))
            if column.name == table.scope:
                for n, value in enumerate(values):
                    if value != self.scope:
                        refused.setdefault(n, (errors.OTHER_HOME, column))
            if column.name == table.parent_column:
                foreign = self._foreign_parents(self.schema.by_name[column.ref or ""], values)
                for n, value in enumerate(values) if foreign else ():
                    if value in foreign:
                        refused.setdefault(n, (errors.OTHER_HOME, column))
            if self._open and column.ref in self.schema.by_name:
                number = self.schema.by_name[column.ref].number
                for n, value in enumerate(values):
                    if (number, value) in self._open:
                        refused.setdefault(n, (errors.PARENT_OPEN, column))
            if column.name == "jabatan_ptk_id" and table.name == "tugas_tambahan":
                for n, value in enumerate(values):
                    if value in _HEAD_POSTS:
                        refused.setdefault(n, (errors.OWNED_BY_DINAS, column))
        if table.scope in table.by_name and table.by_name[table.scope] not in (*table.key, *block.columns):
            for n in range(block.count):
                refused.setdefault(n, (errors.OTHER_HOME, table.by_name[table.scope]))
        for n, name in enumerate(names) if there else ():
            if name in there and there[name][-1] != self.scope:
                refused[n] = (errors.OTHER_HOME, None)
        return refused

    def _strip(self, block: Block, names: Sequence[str]) -> _Stripped:
        """Take columns out of an insert that a school may not set; a value in one is refused by itself."""
        table, worst = block.table, dict[str, Outcome]()
        kept: list[Column] = []
        values = list(block.values[: len(table.key)])
        for column, given in zip(block.columns, block.values[len(table.key) :], strict=True):
            group = table.group_of[column.name]
            # A value that Dapodik gives every new row by itself is nobody's decision.
            if group.policy not in {Policy.PUSAT, Policy.DINAS} or all(
                value in (None, column.default) for value in given
            ):
                kept.append(column)
                values.append(given)
                continue
            reason = errors.OWNED_BY_DINAS if group.policy is Policy.DINAS else errors.OWNED_BY_PUSAT
            present = rows.fetch(self.db, table, (column,), names)
            for name, value in zip(names, given, strict=True):
                stood = present[name][0] if name in present else None
                if value is not None and value != stood:
                    worst[name] = Outcome.REFUSED
                    self._line(table, name, group, Outcome.REFUSED, reason, (column,), (value,), (stood,))
                    self._correct(table, name, group.number)
        return _Stripped(Block(table, block.op, tuple(kept), values), worst)

    # --- updates ------------------------------------------------------------------------------

    def _update(self, block: Block) -> None:
        table, names = block.table, block.rows()
        careful: set[int] = set()
        groups = _groups(block)
        if any(group.policy in {Policy.PUSAT, Policy.DINAS} for group in groups):
            careful.update(range(block.count))
        for column, values in zip(block.columns, block.values[len(table.key) :], strict=True):
            careful.update(faults(column, values, self._codes(column)))
            if column.name == table.scope or column.name == table.parent_column:
                careful.update(range(block.count))
            if table.name == "tugas_tambahan":
                careful.update(range(block.count))
        if self._tail or self._open:
            careful.update(
                n
                for n, name in enumerate(names)
                if (table.number, name) in self._tail or (table.number, name) in self._open
            )
        if any(group.policy in {Policy.TERKUNCI, Policy.KIP} for group in groups):
            locked = {row for row, group in self.server.locks(table.number, names)}
            careful.update(n for n, name in enumerate(names) if name in locked)
        plain, plain_names = _without(block, names, careful)
        if plain.count:
            found = rows.update_rows(self.db, table, plain.columns, plain.values, self.scope)
            if found != plain.count:
                there = rows.fetch(self.db, table, (), plain_names)
                odd = {
                    name
                    for name in plain_names
                    if name not in there or there[name][0] == 1 or there[name][1] != self.scope
                }
                careful.update(n for n, name in enumerate(names) if name in odd)
                plain, plain_names = _without(block, names, careful)
            self._outcomes[Outcome.APPLIED] += plain.count
            self._wrote(plain, plain_names)
        for n in sorted(careful):
            self._one(block, n, names[n])
        self._revive_parents(block, names)

    def _one(self, block: Block, n: int, name: str, worst: Outcome = Outcome.SAME) -> None:
        """Decide one row group by group and carry it out."""
        table, keys = block.table, len(block.table.key)
        given = {column: values[n] for column, values in zip(block.columns, block.values[keys:], strict=True)}
        if (table.number, name) in self._open:
            self._complete(table, name, given)
            return
        there = rows.fetch(self.db, table, table.columns, [name]).get(name)
        if there is None:
            self._make(table, name, given)
            return
        stood = dict(zip(table.columns, there, strict=False))
        if there[-1] != self.scope:
            self._refuse_foreign(table, name, given, stood)
            return
        tail = self._tail.get((table.number, name), {})
        whole = tail[0] if 0 in tail and tail[0].op is not Op.DELETE else None
        locks = {group for _, group in self.server.locks(table.number, [name])}
        set_now: dict[Column, object] = {}
        for group in dict.fromkeys(table.group_of[column.name] for column in given):
            columns = tuple(column for column in given if table.group_of[column.name] is group)
            sent, was = tuple(given[c] for c in columns), tuple(stood[c] for c in columns)
            fault = self._fault(table, name, columns, sent)
            if fault is not None:
                worst = max(worst, Outcome.REFUSED)
                self._line(table, name, group, Outcome.REFUSED, fault, columns, sent, was)
                self._correct(table, name, group.number)
                continue
            entry = tail.get(group.number) or whole
            unseen = entry.cause if entry is not None and is_opinion(entry) else None
            verdict = decide(group.policy, equal=_equal(sent, was), unseen=unseen, locked=group.number in locks)
            worst = max(worst, verdict.outcome)
            if verdict.taken:
                set_now.update(zip(columns, sent, strict=True))
            if verdict.reason is not None:
                self._line(
                    table,
                    name,
                    group,
                    verdict.outcome,
                    verdict.reason,
                    columns,
                    sent,
                    was,
                    cause=unseen or Cause.SEKOLAH,
                    won=verdict.taken,
                )
                if verdict.taken:
                    self._back(table, name, group.number)
                else:
                    self._correct(table, name, group.number)
        if there[-2] == 1:
            worst = max(worst, Outcome.CONFLICT)
            self._revive(table, name)
            self._line(table, name, None, Outcome.CONFLICT, errors.REVIVED, won=True)
        if set_now:
            one = Block(
                table, Op.UPDATE, tuple(set_now), [*([k] for k in row_key(name)), *([v] for v in set_now.values())]
            )
            rows.update_rows(self.db, table, one.columns, one.values)
            self._wrote(one, [name])
        self._outcomes[worst] += 1

    def _fault(self, table: Table, name: str, columns: Sequence[Column], sent: Sequence[object]) -> Reason | None:
        """Return why a group's values cannot be taken, or ``None``."""
        for column, value in zip(columns, sent, strict=True):
            found = faults(column, [value], self._codes(column))
            if found:
                return found[0]
            if column.name == table.scope and value != self.scope:
                return errors.OTHER_HOME
            if column.name == table.parent_column and self._foreign_parents(
                self.schema.by_name[column.ref or ""], [value]
            ):
                return errors.OTHER_HOME
        if table.name == "tugas_tambahan" and self._is_head(name, dict(zip(columns, sent, strict=True))):
            return errors.OWNED_BY_DINAS
        return None

    def _is_head(self, name: str, given: dict[Column, object]) -> bool:
        """Whether a duty is, or would become, that of Kepala Sekolah or Plt."""
        table = self.schema.by_name["tugas_tambahan"]
        post = table.by_name["jabatan_ptk_id"]
        stood = rows.fetch(self.db, table, (post,), [name])
        return given.get(post) in _HEAD_POSTS or (name in stood and stood[name][0] in _HEAD_POSTS)

    def _make(self, table: Table, name: str, given: dict[Column, object]) -> None:
        """Take an edit of a row that nobody here has heard of as a new row: what was entered is not lost."""
        keys = row_key(name)
        block = Block(table, Op.INSERT, tuple(given), [*([k] for k in keys), *([v] for v in given.values())])
        self._insert(block)

    def _refuse_foreign(
        self, table: Table, name: str, given: dict[Column, object], stood: dict[Column, object]
    ) -> None:
        """Refuse an edit of another school's row; its true values go back only to a school that sees the row."""
        seen = self.db.value(
            "SELECT 1 FROM kirim_seen WHERE table_no = ? AND row = ? AND scope = ?", (table.number, name, self.scope)
        )
        was = tuple(stood[c] if seen else None for c in given)
        self._line(table, name, None, Outcome.REFUSED, errors.OTHER_HOME, tuple(given), tuple(given.values()), was)
        if seen:
            self._correct(table, name, 0)
        self._outcomes[Outcome.REFUSED] += 1

    # --- deletes ------------------------------------------------------------------------------

    def _delete(self, block: Block) -> None:
        table, names = block.table, block.rows()
        careful = {n for n, name in enumerate(names) if (table.number, name) in self._open}
        if not insert_allowed(table.owner) or self._tail or table.name == "tugas_tambahan":
            careful = set(range(block.count))
        plain, plain_names = _without(block, names, careful)
        if plain.count:
            there = rows.fetch(self.db, table, (), plain_names)
            odd = {name for name in plain_names if name not in there or there[name][1] != self.scope}
            careful.update(n for n, name in enumerate(names) if name in odd)
            plain, plain_names = _without(block, names, careful)
            rows.mark_deleted(self.db, table, plain.values, self.scope)
            gone = sum(1 for name in plain_names if there[name][0] == 1)
            self._outcomes[Outcome.SAME] += gone
            self._outcomes[Outcome.APPLIED] += plain.count - gone
            self._wrote(plain, plain_names)
        for n in sorted(careful):
            self._delete_one(table, names[n])

    def _delete_one(self, table: Table, name: str) -> None:
        if (table.number, name) in self._open:
            self._open.discard((table.number, name))
            self.db.execute(
                "DELETE FROM kirim_open WHERE scope = ? AND table_no = ? AND row = ?", (self.scope, table.number, name)
            )
            self._outcomes[Outcome.APPLIED] += 1  # the school withdraws what was refused
            return
        there = rows.fetch(self.db, table, table.columns, [name]).get(name)
        if there is None or there[-2] == 1:
            self._outcomes[Outcome.SAME] += 1
            return
        if there[-1] != self.scope:
            self._refuse_foreign(table, name, {}, {})
            return
        if table.name == "tugas_tambahan" and self._is_head(name, {}):
            self._line(table, name, None, Outcome.REFUSED, errors.OWNED_BY_DINAS)
            self._correct(table, name, 0)
            self._outcomes[Outcome.REFUSED] += 1
            return
        tail = {group: entry for group, entry in self._tail.get((table.number, name), {}).items() if is_opinion(entry)}
        verdict = decide_delete(table.owner, edited=bool(tail), child_added=self._child_added(table, name))
        if verdict.reason is not None:
            columns = tuple(c for c, value in zip(table.columns, there, strict=False) if value is not None)
            stood = tuple(value for value in there[: len(table.columns)] if value is not None)
            cause = next(iter(tail.values())).cause if tail else Cause.SEKOLAH
            self._line(
                table, name, None, verdict.outcome, verdict.reason, columns, (), stood, cause=cause, won=verdict.taken
            )
        if verdict.taken:
            keys = [[key] for key in row_key(name)]
            rows.mark_deleted(self.db, table, keys)
            self._wrote(Block(table, Op.DELETE, (), keys), [name])
            if verdict.reason is not None:
                self._back(table, name, 0, Op.DELETE)
        else:
            self._correct(table, name, 0)
        self._outcomes[verdict.outcome] += 1

    def _child_added(self, table: Table, name: str) -> bool:
        """Whether somebody else hung a new row on this one after the base."""
        for child, column in self.schema.children[table.name]:
            added = [
                row
                for (number, row), groups in self._tail.items()
                if number == child.number and 0 in groups and groups[0].op is Op.INSERT and is_opinion(groups[0])
            ]
            if not added:
                continue
            if column in child.key:
                at = child.key.index(column)
                if any(row_key(row)[at] == name for row in added):
                    return True
            elif any(
                found[0] == name and found[1] != 1 for found in rows.fetch(self.db, child, (column,), added).values()
            ):
                return True
        return False

    # --- rows that live again -----------------------------------------------------------------

    def _revive(self, table: Table, name: str) -> None:
        rows.mark_living(self.db, table, [[key] for key in row_key(name)])
        self._back(table, name, 0, Op.INSERT)
        self._revive_above(table, name)

    def _revive_parents(self, block: Block, names: Sequence[str]) -> None:
        """Bring back parents that somebody else deleted and that the school's rows hang on."""
        if self._gone:
            for name in names:
                self._revive_above(block.table, name)

    def _revive_above(self, table: Table, name: str) -> None:
        there = rows.fetch(self.db, table, table.columns, [name]).get(name)
        if there is None or there[-1] != self.scope:
            return
        values = dict(zip(table.all_columns, (*row_key(name), *there), strict=False))
        for column in table.references:
            parent = self.schema.by_name.get(column.ref or "")
            if parent is None or parent.is_reference or (parent.number, values[column]) not in self._gone:
                continue
            above = str(values[column])
            found = rows.fetch(self.db, parent, (), [above]).get(above)
            if found is not None and found[0] == 1 and found[1] == self.scope:
                self._line(parent, above, None, Outcome.CONFLICT, errors.REVIVED, won=True)
                self._revive(parent, above)

    # --- the open list ------------------------------------------------------------------------

    def _refuse_rows(self, block: Block, which: Iterable[int], reason: Reason) -> None:
        """Refuse whole rows of a table that schools do not make; the centre's row goes back if there is one."""
        names = block.rows()
        there = rows.fetch(self.db, block.table, (), names)
        for n in which:
            sent = tuple(values[n] for values in block.values[len(block.table.key) :])
            self._line(block.table, names[n], None, Outcome.REFUSED, reason, block.columns, sent)
            self._outcomes[Outcome.REFUSED] += 1
            if names[n] in there and there[names[n]][-1] == self.scope:
                self._correct(block.table, names[n], 0)
            elif block.op is Op.INSERT and not block.table.is_reference:
                self._put_aside(block.table, names[n], block.columns, sent, reason)

    def _open_row(self, block: Block, n: int, name: str, reason: Reason, column: Column | None) -> None:
        """Refuse a new row whole: it waits at the school, marked, and its values are kept aside here."""
        sent = tuple(values[n] for values in block.values[len(block.table.key) :])
        if reason is errors.OTHER_HOME and (
            there := rows.fetch(self.db, block.table, block.table.columns, [name]).get(name)
        ):
            self._refuse_foreign(
                block.table,
                name,
                dict(zip(block.columns, sent, strict=True)),
                dict(zip(block.table.columns, there, strict=False)),
            )
            return
        named = (column,) if column is not None and column in block.columns else ()
        value = tuple(
            values[n] for c, values in zip((*block.table.key, *block.columns), block.values, strict=True) if c in named
        )
        self._line(block.table, name, None, Outcome.REFUSED, reason, named, value)
        self._put_aside(block.table, name, block.columns, sent, reason)
        self._outcomes[Outcome.REFUSED] += 1

    def _put_aside(
        self, table: Table, name: str, columns: Sequence[Column], sent: Sequence[object], reason: Reason
    ) -> None:
        one = Block(table, Op.INSERT, tuple(columns), [*([k] for k in row_key(name)), *([v] for v in sent)])
        head = ChangesetHead(1, Position(0, bytes(8)))
        self.db.execute(
            "INSERT INTO kirim_open (scope, table_no, row, code, device, number, bytes) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (scope, table_no, row) DO UPDATE SET code = excluded.code, bytes = excluded.bytes",
            (
                self.scope,
                table.number,
                name,
                reason.number,
                self.device,
                self.head.number,
                chains.frame(encode_changeset(self.schema, self.scope, head, [one])),
            ),
        )
        self._open.add((table.number, name))

    def _complete(self, table: Table, name: str, given: dict[Column, object]) -> None:
        """Put later values into an open row; it enters as soon as it can, with every row that waited for it."""
        values = self._aside(table, name) | given
        self._open.discard((table.number, name))
        self.db.execute(
            "DELETE FROM kirim_open WHERE scope = ? AND table_no = ? AND row = ?", (self.scope, table.number, name)
        )
        block = Block(table, Op.INSERT, tuple(values), [*([k] for k in row_key(name)), *([v] for v in values.values())])
        self._insert(block)
        if (table.number, name) in self._open:
            return
        self._back(table, name, 0, Op.INSERT)
        for waiting, row in sorted(self._open):
            child = self.schema.by_number[waiting]
            aside = self._aside(child, row)
            if any(c.ref == table.name and value == name for c, value in aside.items()):
                told = Counter(self._outcomes)
                self._complete(child, row, {})
                self._outcomes = told  # its own change was told when it was refused; it has just entered

    def _aside(self, table: Table, name: str) -> dict[Column, object]:
        stored = self.db.value(
            "SELECT bytes FROM kirim_open WHERE scope = ? AND table_no = ? AND row = ?",
            (self.scope, table.number, name),
        )
        _, blocks = decode_changeset(self.schema, self.scope, chains.unframe(bytes(stored)))
        block = next(blocks)
        keys = len(table.key)
        return {
            column: values[0]
            for column, values in zip((*table.key, *block.columns), block.values, strict=True)
            if column in block.columns or column not in table.all_columns[:keys]
        }

    # --- notes --------------------------------------------------------------------------------

    def _codes(self, column: Column) -> Collection[object] | None:
        return self.codes(column.ref) if column.ref else None

    def _foreign_parents(self, parent: Table, values: Sequence[object]) -> set[object]:
        """Return those parents that are another school's; one that nobody has heard of is only a finding."""
        asked = {str(v) for v in set(values) - self._own_parents.get(parent.name, set()) if v is not None}
        if not asked:
            return set()
        found = rows.fetch(self.db, parent, (), sorted(asked))
        foreign: set[object] = {name for name, row in found.items() if row[-1] != self.scope}
        self._remember_own(parent, found.keys() - foreign)
        return foreign

    def _remember_own(self, table: Table, names: Iterable[object]) -> None:
        """Remember rows that are the school's, so that their children need not ask; bounded, for it is only a shortcut."""
        if table.name in self._parents:
            known = self._own_parents.setdefault(table.name, set())
            if len(known) > IDS_MAX:
                known.clear()
            known.update(map(str, names))

    def _line(
        self,
        table: Table,
        row: str,
        group: Group | None,
        outcome: Outcome,
        reason: Reason,
        columns: Sequence[Column] = (),
        sent: Sequence[object] = (),
        stood: Sequence[object] = (),
        *,
        cause: Cause = Cause.SEKOLAH,
        won: bool = False,
    ) -> None:
        self.taken.lines.append(
            Line(
                table,
                row,
                group,
                outcome,
                reason.number,
                tuple(c.name for c in columns),
                tuple(sent),
                tuple(stood),
                cause,
                won,
            )
        )

    def _correct(self, table: Table, row: str, group: int) -> None:
        """The server's value of a group, or of the whole row, goes back (rule 14)."""
        self.taken.index.append((table.number, row, group, int(Op.UPDATE), int(Cause.KOREKSI), 0))

    def _back(self, table: Table, row: str, group: int, op: Op = Op.UPDATE) -> None:
        """What the school sent itself goes back (rule 16)."""
        self.taken.index.append((table.number, row, group, int(op), int(Cause.KEMBALI), 0))

    def _wrote(self, block: Block, names: Sequence[str]) -> None:
        table = block.table
        for claim in table.unique:
            if len(claim) == 1 and (column := table.by_name[claim[0]]) in block.columns:
                values = block.values[len(table.key) + block.columns.index(column)]
                self.taken.claims.setdefault((table, column), set()).update(v for v in values if v not in (None, ""))
        if self._known:
            numbers = {0} if block.op is not Op.UPDATE else {table.group_of[c.name].number for c in block.columns}
            for name in names:
                if (table.number, name) in self._known:
                    self.taken.touched.setdefault((table.number, name), set()).update(numbers)


@dataclass(frozen=True, slots=True)
class _Stripped:
    block: Block
    worst: dict[str, Outcome]


def _equal(a: Sequence[object], b: Sequence[object]) -> bool:
    return all(type(x) is type(y) and x == y for x, y in zip(a, b, strict=True))


def _groups(block: Block) -> list[Group]:
    return list(dict.fromkeys(block.table.group_of[column.name] for column in block.columns))


def _without(block: Block, names: Sequence[str], which: Collection[int]) -> tuple[Block, list[str]]:
    """Return a block without some of its rows, and the names of those that stay."""
    if not which:
        return block, list(names)
    stay = [n for n in range(len(names)) if n not in which]
    values = [[column[n] for n in stay] for column in block.values]
    return Block(block.table, block.op, block.columns, values), [names[n] for n in stay]
