"""One changeset of a school taken into the server's tables: authority, validation, decision, writing.

Almost every row goes down the bulk path: a few checks by column, then one statement a block. Rows that anybody else
touched after the changeset's base, or that are locked, refused, deleted or not the school's, are looked at one by
one; they are few. What is decided is decided by :mod:`exchange.merge`; this module finds the facts and carries the
verdict out, inside the caller's transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

from exchange import errors
from exchange.central.claims import note_claims
from exchange.errors import Reason
from exchange.limits import IDS_MAX
from exchange.merge.decision import decide, decide_delete, insert_allowed, may_set, says_nothing
from exchange.openlist import OpenList
from exchange.parents import parent_table
from exchange.records import Block, Cause, ChangesetHead, Op, Outcome
from exchange.rules.columns import faults
from exchange.schema.model import Column, Group, Policy, Table
from exchange.store import rows
from exchange.store.server import Entry, School, ServerStore, is_opinion, last_words
from exchange.taken import Taken

Codes = Callable[[str], Collection[object] | None]
"""Gives the codes of a reference table, or ``None`` when the table is not kept here."""

_HEAD_POSTS = {2, 33}
"""``jabatan_ptk_id`` of Kepala Sekolah and Plt: the dinas assigns these, whoever owns other duties (domain 2.4)."""


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
        self.scope, self.codes = school.sekolah_id, codes
        self.taken = Taken(known)
        self._own_parents: dict[str, set[str]] = {}
        self._parents = {
            parent.name
            for table in self.schema.data_tables
            if table.parent_column and (parent := self.schema.by_name[table.by_name[table.parent_column].ref or ""])
        }
        entries = server.entries_after(self.scope, head.base.number) if school.position > head.base.number else []
        self._tail = last_words(entries)
        self._tail_rows: dict[int, list[str]] = {}
        for number, name in self._tail:
            self._tail_rows.setdefault(number, []).append(name)
        self._gone = {
            key
            for key, groups in self._tail.items()
            if 0 in groups and groups[0].op is Op.DELETE and is_opinion(groups[0])
        }
        self._open = OpenList(self.db, self.schema, self.scope, device, head.number)

    # --- blocks -------------------------------------------------------------------------------

    def block(self, block: Block) -> None:
        """Take one block: every row of it gets exactly one outcome.

        Raises:
            Malformed: KF-208, it names a row twice.
            DoesNotAddUp: KF-502.
        """
        names = block.rows()
        if len(set(names)) != block.count:
            raise errors.Malformed(part="block: a row twice")
        before = self.taken.outcomes.total()
        if block.table.is_reference:
            self._refuse_rows(block, names)
        elif block.op is Op.INSERT:
            self._insert(block, names)
        elif block.op is Op.UPDATE:
            self._update(block, names)
        else:
            self._delete(block, names)
        told = self.taken.outcomes.total() - before
        if told != block.count:
            raise errors.DoesNotAddUp(sent=block.count, told=told)

    def finish(self) -> Taken:
        """Return what became of the changeset, after trying open rows that may enter now."""
        for row, reason in self._open.reasons() if self._open else ():
            block = self._open.get(row)
            there = rows.fetch(self.db, block.table, (), [row[1]])
            if row[1] in there and there[row[1]][-1] == self.scope:
                self._open.drop(row)  # the centre has made it meanwhile, and its row goes to the school
                self._enter_hanging(block.table, row[1])
            elif reason == errors.CODE_UNKNOWN.number and not self._insert_faults(block, [row[1]], there):
                self._enter_later(block)  # the code has come since
        self.taken.settle()
        return self.taken

    # --- inserts ------------------------------------------------------------------------------

    def _insert(self, block: Block, names: Sequence[str]) -> None:
        table, given = block.table, block
        if not insert_allowed(table.owner):
            self._refuse_rows(block, names)
            return
        again = {n for n, name in enumerate(names) if (table.number, name) in self._open}
        for n in sorted(again):
            self._enter(_one_of(block, n))
        block, names = _without(block, names, again)
        if not block.count:
            return
        there = rows.fetch(self.db, table, (), names)
        refused = self._insert_faults(block, names, there)
        for n, (reason, column) in refused.items():
            self._open_row(_one_of(block, n), reason, column)
        block, names = _without(block, names, refused)
        if not block.count:
            return
        block, worst = self._strip(block, names)
        met = {n for n, name in enumerate(names) if name in there}
        for n in sorted(met):
            self._one(_one_of(block, n), names[n], worst=worst.get(names[n], Outcome.SAME))
        fresh, fresh_names = _without(block, names, met)
        if fresh.count:
            rows.insert_rows(self.db, table, fresh.columns, fresh.values, self.scope)
            self.taken.wrote(fresh, fresh_names)
            self._remember_own(table, fresh_names)
            for name in fresh_names:
                self.taken.outcomes[max(Outcome.APPLIED, worst.get(name, Outcome.APPLIED))] += 1
        self._parents_after(given, names)

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
            if self._open and (parent := parent_table(self.schema, column)):
                for n, value in enumerate(values):
                    if (parent.number, str(value)) in self._open:
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
            elif name in there:
                refused.pop(n, None)  # it is no new row here, so only the group at fault is refused
        self._hang_within(block, names, refused)
        return refused

    def _hang_within(
        self, block: Block, names: Sequence[str], refused: dict[int, tuple[Reason, Column | None]]
    ) -> None:
        """Refuse rows that hang on a refused row of the same block: a table may point to itself."""
        for column, values in zip(block.columns, block.values[len(block.table.key) :], strict=True):
            if column.ref != block.table.name:
                continue
            more = True
            while more and refused:
                out = {names[n] for n in refused}
                more = False
                for n, value in enumerate(values):
                    if n not in refused and value in out:
                        refused[n] = (errors.PARENT_OPEN, column)
                        more = True

    def _strip(self, block: Block, names: Sequence[str]) -> tuple[Block, dict[str, Outcome]]:
        """Take values out of an insert that a school may not set; each is refused by itself."""
        table, worst = block.table, dict[str, Outcome]()
        values = list(block.values[: len(table.key)])
        for column, given in zip(block.columns, block.values[len(table.key) :], strict=True):
            group = table.group_of[column.name]
            # A value that Dapodik gives every new row by itself is nobody's decision.
            if may_set(group.policy) or all(value in (None, column.default) for value in given):
                values.append(given)
                continue
            reason = errors.OWNED_BY_DINAS if group.policy is Policy.DINAS else errors.OWNED_BY_PUSAT
            present = rows.fetch(self.db, table, (column,), names)
            values.append([value if value == column.default else None for value in given])
            for name, value in zip(names, given, strict=True):
                stood = present[name][0] if name in present else None
                if value not in (None, column.default) and value != stood:
                    worst[name] = Outcome.REFUSED
                    self.taken.line(table, name, group, Outcome.REFUSED, reason, (column,), (value,), (stood,))
                    self.taken.correct(table, name, group.number)
        return Block(table, block.op, block.columns, values), worst

    # --- updates ------------------------------------------------------------------------------

    def _update(self, block: Block, names: list[str]) -> None:
        table = block.table
        careful: set[int] = set()
        groups = _groups(block)
        if not all(may_set(group.policy) for group in groups) or table.name == "tugas_tambahan":
            careful.update(range(block.count))
        for column, values in zip(block.columns, block.values[len(table.key) :], strict=True):
            careful.update(faults(column, values, self._codes(column)))
            if column.name in (table.scope, table.parent_column):
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
            self.taken.outcomes[Outcome.APPLIED] += plain.count
            self.taken.wrote(plain, plain_names)
        for n in sorted(careful):
            self._one(_one_of(block, n), names[n])
        self._parents_after(block, names)

    def _one(self, block: Block, name: str, worst: Outcome = Outcome.SAME) -> None:
        """Decide one row group by group and carry it out.

        Args:
            block: The row alone.
            name: Its id.
            worst: Worst outcome of what was decided of it before.
        """
        table, keys = block.table, block.values[: len(block.table.key)]
        given = _given(block)
        if (table.number, name) in self._open:
            self._complete(block, name)
            return
        there = rows.fetch(self.db, table, table.columns, [name]).get(name)
        if there is None:
            # An edit of a row that nobody here has heard of makes it: what was entered is not lost.
            self._insert(Block(table, Op.INSERT, block.columns, block.values), [name])
            return
        stood = dict(zip(table.columns, there, strict=False))
        if there[-1] != self.scope:
            self._refuse_foreign(table, name, given, stood)
            return
        whole, dead = block.op is Op.INSERT, there[-2] == 1
        if whole:
            given = dict.fromkeys(table.columns) | given  # a column that an insert leaves out is empty
        locks = {group for _, group in self.server.locks(table.number, [name])}
        tail = self._tail.get((table.number, name), {})
        set_now: dict[Column, object] = {}
        for group in dict.fromkeys(table.group_of[column.name] for column in given):
            columns = tuple(column for column in given if table.group_of[column.name] is group)
            sent, was = tuple(given[c] for c in columns), tuple(stood[c] for c in columns)
            locked = group.number in locks
            if whole and says_nothing(group, sent) and not (dead and may_set(group.policy, locked=locked)):
                if not _equal(sent, was):
                    self.taken.correct(table, name, group.number)
                continue
            outcome, taken = self._group(table, name, group, columns, sent, was, tail, locked)
            worst = max(worst, outcome)
            if taken:
                set_now.update(zip(columns, sent, strict=True))
        if dead:
            worst = max(worst, self._live_again(table, name, whole))
        if set_now:
            values = [*keys, *([value] for value in set_now.values())]
            rows.update_rows(self.db, table, tuple(set_now), values)
            self.taken.wrote(Block(table, Op.UPDATE, tuple(set_now), values), [name])
        self.taken.outcomes[worst] += 1

    def _group(
        self,
        table: Table,
        name: str,
        group: Group,
        columns: tuple[Column, ...],
        sent: tuple[object, ...],
        was: tuple[object, ...],
        tail: dict[int, Entry],
        locked: bool,
    ) -> tuple[Outcome, bool]:
        """Decide one group and tell of it; return its outcome and whether the sent value stands."""
        fault = self._fault(table, name, columns, sent)
        if fault is not None:
            self.taken.line(table, name, group, Outcome.REFUSED, fault, columns, sent, was)
            self.taken.correct(table, name, group.number)
            return Outcome.REFUSED, False
        entry = tail.get(group.number) or (tail[0] if 0 in tail and tail[0].op is not Op.DELETE else None)
        unseen = entry.cause if entry is not None and is_opinion(entry) else None
        verdict = decide(group.policy, equal=_equal(sent, was), unseen=unseen, locked=locked)
        if verdict.reason is not None:
            cause = unseen or Cause.SEKOLAH
            self.taken.line(
                table, name, group, verdict.outcome, verdict.reason, columns, sent, was, cause=cause, won=verdict.taken
            )
            if verdict.taken:
                self.taken.back(table, name, group.number)
            else:
                self.taken.correct(table, name, group.number)
        return verdict.outcome, verdict.taken

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

    def _refuse_foreign(
        self, table: Table, name: str, given: dict[Column, object], stood: dict[Column, object]
    ) -> None:
        """Refuse an edit of another school's row; its true values go back only to a school that sees the row."""
        seen = self._sees(table, name)
        was = tuple(stood[c] if seen else None for c in given)
        self.taken.line(table, name, None, Outcome.REFUSED, errors.OTHER_HOME, tuple(given), tuple(given.values()), was)
        if seen:
            self.taken.correct(table, name, 0)
        self.taken.outcomes[Outcome.REFUSED] += 1

    def _sees(self, table: Table, name: str) -> bool:
        return bool(
            self.db.value(
                "SELECT 1 FROM kirim_seen WHERE table_no = ? AND row = ? AND scope = ?",
                (table.number, name, self.scope),
            )
        )

    # --- deletes ------------------------------------------------------------------------------

    def _delete(self, block: Block, names: list[str]) -> None:
        table = block.table
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
            self.taken.outcomes[Outcome.SAME] += gone
            self.taken.outcomes[Outcome.APPLIED] += plain.count - gone
            self.taken.wrote(plain, plain_names)
        for n in sorted(careful):
            self._delete_one(_one_of(block, n), names[n])

    def _delete_one(self, block: Block, name: str) -> None:
        table = block.table
        if (table.number, name) in self._open:
            self._open.drop((table.number, name))
            self.taken.outcomes[Outcome.APPLIED] += 1  # the school withdraws what was refused
            self._enter_hanging(table, name)
            return
        there = rows.fetch(self.db, table, table.columns, [name]).get(name)
        if there is None or there[-2] == 1:
            self.taken.outcomes[Outcome.SAME] += 1
            return
        if there[-1] != self.scope:
            self._refuse_foreign(table, name, {}, {})
            return
        if table.name == "tugas_tambahan" and self._is_head(name, {}):
            self.taken.line(table, name, None, Outcome.REFUSED, errors.OWNED_BY_DINAS)
            self.taken.correct(table, name, 0)
            self.taken.outcomes[Outcome.REFUSED] += 1
            return
        edits = [
            entry
            for entry in self._tail.get((table.number, name), {}).values()
            if is_opinion(entry) and entry.op is not Op.DELETE
        ]
        verdict = decide_delete(table.owner, edited=bool(edits), child_added=self._child_added(table, name))
        if verdict.reason is not None:
            columns = tuple(c for c, value in zip(table.columns, there, strict=False) if value is not None)
            stood = tuple(value for value in there[: len(table.columns)] if value is not None)
            cause = edits[0].cause if edits else Cause.SEKOLAH
            self.taken.line(
                table, name, None, verdict.outcome, verdict.reason, columns, (), stood, cause=cause, won=verdict.taken
            )
        if verdict.taken:
            rows.mark_deleted(self.db, table, block.values)
            self.taken.wrote(block, [name])
            if verdict.reason is not None:
                self.taken.back(table, name, 0, Op.DELETE)
        else:
            self.taken.correct(table, name, 0)
        self.taken.outcomes[verdict.outcome] += 1

    def _child_added(self, table: Table, name: str) -> bool:
        """Whether somebody else hung a row on this one after the base: a new one, or one that hung elsewhere."""
        for child, column in self.schema.children[table.name]:
            groups = {0} if column in child.key else {0, child.group_of[column.name].number}
            hung = [
                row
                for row in self._tail_rows.get(child.number, ())
                for group, entry in self._tail[child.number, row].items()
                if group in groups and entry.op is not Op.DELETE and is_opinion(entry)
            ]
            if not hung:
                continue
            wanted = () if column in child.key else (column,)
            for row, found in rows.fetch(self.db, child, wanted, list(dict.fromkeys(hung))).items():
                named = found[0] if wanted else rows.key_values(child, row)[child.key.index(column)]
                if named == name and found[-2] != 1:
                    return True
        return False

    # --- rows that live again -----------------------------------------------------------------

    def _live_again(self, table: Table, name: str, whole: bool) -> Outcome:
        """Bring a deleted row back and return the outcome of that.

        It is a conflict when the school had not seen the delete. A school that had, and sends the whole row, takes
        back a delete of its own.
        """
        rows.mark_living(self.db, table, [[key] for key in rows.key_values(table, name)])
        self.taken.touch(table, [name], {0})
        held = tuple(table.by_name[claim[0]] for claim in table.unique if len(claim) == 1)
        if held:  # its numbers are claimed again
            values = rows.fetch(self.db, table, held, [name])[name]
            note_claims(Block(table, Op.UPDATE, held, [[name], *([v] for v in values[: len(held)])]), self.taken.claims)
        self._revive_above(table, name)
        if whole and (table.number, name) not in self._gone:
            return Outcome.APPLIED
        self.taken.back(table, name, 0, Op.INSERT)
        self.taken.line(table, name, None, Outcome.CONFLICT, errors.REVIVED, won=True)
        return Outcome.CONFLICT

    def _parents_after(self, block: Block, names: Sequence[str]) -> None:
        """Bring back parents that somebody else deleted and that the school's rows hang on.

        Args:
            block: What was sent.
            names: The rows of it that were not refused whole.
        """
        if not self._gone:
            return
        for name in names:
            self._revive_above(block.table, name)
        self._correct_parents(block)

    def _correct_parents(self, block: Block) -> None:
        """A parent that stays deleted although the school hung a row on it: its state goes back (rule 14)."""
        for column, values in zip((*block.table.key, *block.columns), block.values, strict=True):
            parent = parent_table(self.schema, column)
            for value in dict.fromkeys(values) if parent else ():
                if parent and (parent.number, value) in self._gone:
                    self.taken.correct(parent, str(value), 0)

    def _revive_above(self, table: Table, name: str) -> None:
        there = rows.fetch(self.db, table, table.columns, [name]).get(name)
        if there is None or there[-1] != self.scope:
            return
        values = dict(zip(table.all_columns, (*rows.key_values(table, name), *there), strict=False))
        for column in table.references:
            parent = parent_table(self.schema, column)
            if parent is None or (parent.number, values[column]) not in self._gone:
                continue
            above = str(values[column])
            found = rows.fetch(self.db, parent, (), [above]).get(above)
            if found is not None and found[0] == 1 and found[1] == self.scope:
                self._live_again(parent, above, whole=False)

    # --- the open list ------------------------------------------------------------------------

    def _refuse_rows(self, block: Block, names: Sequence[str]) -> None:
        """Refuse whole rows of a table that schools do not make; the centre's row goes back if there is one."""
        table, reason = block.table, errors.TABLE_CLOSED
        there = {} if table.is_reference else rows.fetch(self.db, table, (), names)
        for n, name in enumerate(names):
            one = _one_of(block, n)
            sent = tuple(_given(one).values())
            self.taken.line(table, name, None, Outcome.REFUSED, reason, block.columns, sent)
            self.taken.outcomes[Outcome.REFUSED] += 1
            if name in there and there[name][-1] == self.scope:
                self.taken.correct(table, name, 0)
            elif not table.is_reference:
                self._put_aside(one, reason)

    def _open_row(self, block: Block, reason: Reason, column: Column | None) -> None:
        """Refuse a new row whole: it waits at the school, marked, and its values are kept aside here.

        Args:
            block: The row alone.
            reason: Why.
            column: The column whose value is wrong, if it is one.
        """
        table, name = block.table, block.rows()[0]
        if reason is errors.OTHER_HOME and self._sees(table, name):
            given = _given(block)
            there = rows.fetch(self.db, table, tuple(given), [name])[name]
            self._refuse_foreign(table, name, given, dict(zip(given, there, strict=False)))
            return
        named = {c: value for c, value in _given(block).items() if column in (None, c)}
        self.taken.line(table, name, None, Outcome.REFUSED, reason, tuple(named), tuple(named.values()))
        self._put_aside(block, reason)
        self.taken.outcomes[Outcome.REFUSED] += 1

    def _put_aside(self, block: Block, reason: Reason) -> None:
        self._open.put(block, reason)
        if self._gone:
            self._correct_parents(block)

    def _complete(self, block: Block, name: str) -> None:
        """Put later values into an open row; it enters as soon as it can."""
        aside = self._open.get((block.table.number, name))
        values = _given(aside) | _given(block)
        given = {column: values[column] for column in block.table.columns if column in values}  # in wire order
        keys = aside.values[: len(aside.table.key)]
        self._enter(Block(block.table, Op.INSERT, tuple(given), [*keys, *([v] for v in given.values())]))

    def _enter(self, block: Block) -> None:
        """Try to take an open row, with every row that waits for it."""
        table, name = block.table, block.rows()[0]
        self._open.drop((table.number, name))
        self._insert(block, [name])
        if (table.number, name) not in self._open:
            self.taken.back(table, name, 0, Op.INSERT)
            self._enter_hanging(table, name)

    def _enter_hanging(self, table: Table, name: str) -> None:
        """Try the rows that wait because of a row which entered or was withdrawn."""
        for waiting in self._open.hanging_on((table.number, name)):
            if waiting in self._open:
                self._enter_later(self._open.get(waiting))

    def _enter_later(self, block: Block) -> None:
        """Try an open row again. Its own change was told when it was refused, so this is no change of this changeset."""
        told = Counter(self.taken.outcomes)
        self._enter(block)
        self.taken.outcomes = told

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


def _equal(a: Sequence[object], b: Sequence[object]) -> bool:
    return all(type(x) is type(y) and x == y for x, y in zip(a, b, strict=True))


def _groups(block: Block) -> list[Group]:
    return list(dict.fromkeys(block.table.group_of[column.name] for column in block.columns))


def _given(block: Block) -> dict[Column, object]:
    """Return the set columns of a block's first row."""
    return {c: values[0] for c, values in zip(block.columns, block.values[len(block.table.key) :], strict=True)}


def _one_of(block: Block, n: int) -> Block:
    """Return one row of a block."""
    return Block(block.table, block.op, block.columns, [[column[n]] for column in block.values])


def _without(block: Block, names: Sequence[str], which: Collection[int]) -> tuple[Block, list[str]]:
    """Return a block without some of its rows, and the names of those that stay."""
    if not which:
        return block, list(names)
    stay = [n for n in range(len(names)) if n not in which]
    values = [[column[n] for n in stay] for column in block.values]
    return Block(block.table, block.op, block.columns, values), [names[n] for n in stay]
