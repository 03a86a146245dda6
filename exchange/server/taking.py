"""One changeset of a school taken into the server's tables: authority, validation, decision, writing.

Almost every row goes down the bulk path: a few checks by column, then one statement a block. Rows that anybody else
touched after the changeset's base, or that are locked, refused, deleted or not the school's, are looked at one by
one; they are few. What is decided is decided by :mod:`exchange.merge`; this module finds the facts and carries the
verdict out, inside the caller's transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from exchange import errors
from exchange.blocks import one_of, same, values_of, without
from exchange.merge.decision import (
    NEWER_LAPTOP_WINS,
    decide,
    decide_delete,
    insert_allowed,
    may_set,
    says_nothing,
)
from exchange.records import Block, Cause, CutAgain, Op, Outcome
from exchange.schema.model import Column, Group, Table
from exchange.server.authority import DUTIES, Authority, Codes
from exchange.server.openlist import OpenList
from exchange.server.refusing import Refusing
from exchange.server.reviving import Reviving, as_last_said
from exchange.server.taken import Taken
from exchange.server.unseen import Unseen
from exchange.store import rows
from exchange.store.server import School, Seen, ServerStore


class Taking:
    """Takes the blocks of one changeset, in order.

    Args:
        server: The store; the caller holds the school's lock and a transaction.
        school: Whose changeset.
        device: Key id of the laptop that made it.
        again: From where it was cut again, if it was.
        base: What the school had seen of its log when the changeset was first cut.
        codes: Reference codes.
        known: The school's rows that others see, so that their logs hear of a change: (table, row).
    """

    def __init__(
        self,
        server: ServerStore,
        school: School,
        device: bytes,
        again: CutAgain | None,
        base: Seen,
        codes: Codes,
        known: Collection[tuple[int, str]] = (),
    ) -> None:
        self.server, self.db, self.scope = server, server.db, school.sekolah_id
        self.taken = Taken(known)
        self._open = OpenList(server.db, server.schema, self.scope)
        self._may = Authority(server, self.scope, codes, self._open)
        self._unseen = Unseen(server, school, base, device, again)
        self._reviving = Reviving(server, self.scope, self._unseen, self.taken)
        self._refusing = Refusing(server, self.scope, self.taken, self._open, self._may, self._reviving)

    # --- blocks -------------------------------------------------------------------------------

    def block(self, block: Block) -> None:
        """Take one block: every row of it gets exactly one outcome.

        Raises:
            Malformed: KF-208, it names a row twice.
        """
        names = block.rows()
        if len(set(names)) != block.count:
            raise errors.Malformed(part="block: a row twice")
        if block.table.is_reference:
            self._refusing.every_row(block, names)
        elif block.op is Op.INSERT:
            self._insert(block, names)
        elif block.op is Op.UPDATE:
            self._update(block, names)
        else:
            self._delete(block, names)

    def finish(self) -> Taken:
        """Return what became of the changeset, after trying open rows that may enter now."""
        for row, reason in self._open.reasons() if self._open else ():
            if row not in self._open:
                continue  # it has entered with another one
            block = self._open.get(row)
            there = rows.fetch(self.db, block.table, (), [row[1]])
            if row[1] in there and there[row[1]][1] == self.scope:
                self._open.drop(row)  # the centre has made it meanwhile, and its row goes to the school
                self._enter_hanging(block.table, row[1])
            elif reason == errors.CODE_UNKNOWN.number and not self._may.insert_faults(block, [row[1]], there):
                self._enter_later(block)  # the code has come since
        self.taken.settle()
        return self.taken

    # --- inserts ------------------------------------------------------------------------------

    def _insert(self, block: Block, names: Sequence[str]) -> None:
        table, given = block.table, block
        if not insert_allowed(table.owner):
            self._refusing.every_row(block, names)
            return
        again = {n for n, name in enumerate(names) if (table.number, name) in self._open}
        for n in sorted(again):
            self._complete(one_of(block, n), names[n])
        block, names = without(block, names, again)
        if not block.count:
            return
        there = rows.fetch(self.db, table, (), names)
        refused = self._may.insert_faults(block, names, there)
        for n, (reason, column) in refused.items():
            self._refusing.new_row(one_of(block, n), reason, column)
        block, names = without(block, names, refused)
        if not block.count:
            return
        block, worst = self._refusing.strip(block, names)
        met = {n for n, name in enumerate(names) if name in there}
        for n in sorted(met):
            self._one(one_of(block, n), names[n], worst=worst.get(names[n], Outcome.SAME))
        fresh, fresh_names = without(block, names, met)
        if fresh.count:
            rows.insert_rows(self.db, table, fresh.columns, fresh.values, self.scope)
            self.taken.wrote(fresh, fresh_names)
            self._may.remember_own(table, fresh_names)
            for name in fresh_names:
                self.taken.outcomes[max(Outcome.APPLIED, worst.get(name, Outcome.APPLIED))] += 1
        self._reviving.after(given, names)

    # --- updates ------------------------------------------------------------------------------

    def _update(self, block: Block, names: list[str]) -> None:
        table = block.table
        careful = self._may.doubtful(block, names)
        if self._unseen or self._open:
            rows_sent = [(table.number, name) for name in names]
            careful.update(n for n, row in enumerate(rows_sent) if row in self._unseen or row in self._open)
        plain, plain_names = without(block, names, careful)
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
                plain, plain_names = without(block, names, careful)
            self.taken.outcomes[Outcome.APPLIED] += plain.count
            self.taken.wrote(plain, plain_names)
        for n in sorted(careful):
            self._one(one_of(block, n), names[n])
        self._reviving.after(block, names)

    def _one(self, block: Block, name: str, worst: Outcome = Outcome.SAME) -> None:
        """Decide one row group by group and carry it out.

        Args:
            block: The row alone.
            name: Its id.
            worst: Worst outcome of what was decided of it before.
        """
        table, keys = block.table, block.values[: len(block.table.key)]
        given = values_of(block)
        if (table.number, name) in self._open:
            self._complete(block, name)
            return
        there = rows.fetch(self.db, table, table.columns, [name]).get(name)
        if there is None:
            # An edit of a row that stands nowhere makes it, with all that was ever said of it: nothing entered is lost.
            self._insert(as_last_said(self.server, self.scope, block), [name])
            return
        stood = dict(zip(table.columns, there, strict=False))
        if there[-1] != self.scope:
            self._refusing.foreign_row(table, name, given, stood)
            return
        whole, dead = block.op is Op.INSERT, there[-2] == 1
        if whole:
            given = dict.fromkeys(table.columns) | given  # a column that an insert leaves out is empty
        locks = {group for _, group in self.server.locks(table.number, [name])}
        set_now: dict[Column, object] = {}
        for group in dict.fromkeys(table.group_of[column.name] for column in given):
            columns = tuple(column for column in given if table.group_of[column.name] is group)
            sent, was = tuple(given[c] for c in columns), tuple(stood[c] for c in columns)
            locked = group.number in locks
            if whole and says_nothing(group, sent) and not (dead and may_set(group.policy, locked=locked)):
                if not same(sent, was):
                    self.taken.correct(table, name, group.number)
                continue
            outcome, taken = self._group(table, name, group, columns, sent, was, locked)
            worst = max(worst, outcome)
            if taken:
                set_now.update(zip(columns, sent, strict=True))
        if dead:
            worst = max(worst, self._reviving.live_again(table, name, whole))
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
        locked: bool,
    ) -> tuple[Outcome, bool]:
        """Decide one group and tell of it; return its outcome and whether the sent value stands."""
        fault = self._may.fault(table, name, columns, sent)
        if fault is not None:
            self.taken.line(table, name, group, Outcome.REFUSED, fault, columns, sent, was)
            self.taken.correct(table, name, group.number)
            return Outcome.REFUSED, False
        unseen = self._unseen.opinion((table.number, name), group.number)
        verdict = decide(group.policy, equal=same(sent, was), unseen=unseen, locked=locked)
        if verdict.taken and self._unseen.by_newer_laptop((table.number, name), group.number):
            verdict = NEWER_LAPTOP_WINS
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

    # --- deletes ------------------------------------------------------------------------------

    def _delete(self, block: Block, names: list[str]) -> None:
        table = block.table
        careful = {n for n, name in enumerate(names) if (table.number, name) in self._open}
        if not insert_allowed(table.owner) or self._unseen or table.name == DUTIES:
            careful = set(range(block.count))
        plain, plain_names = without(block, names, careful)
        if plain.count:
            there = rows.fetch(self.db, table, (), plain_names)
            odd = {name for name in plain_names if name not in there or there[name][1] != self.scope}
            careful.update(n for n, name in enumerate(names) if name in odd)
            plain, plain_names = without(block, names, careful)
            rows.mark_deleted(self.db, table, plain.values, self.scope)
            gone = sum(1 for name in plain_names if there[name][0] == 1)
            self.taken.outcomes[Outcome.SAME] += gone
            self.taken.outcomes[Outcome.APPLIED] += plain.count - gone
            self.taken.wrote(plain, plain_names)
        for n in sorted(careful):
            self._delete_one(one_of(block, n), names[n])

    def _delete_one(self, block: Block, name: str) -> None:
        table = block.table
        if (table.number, name) in self._open:
            self._withdraw(table, name)
            return
        there = rows.fetch(self.db, table, table.columns, [name]).get(name)
        if there is None or there[-2] == 1:
            self.taken.outcomes[Outcome.SAME] += 1
            return
        if there[-1] != self.scope:
            self._refusing.foreign_row(table, name, {}, {})
            return
        if self._may.is_head(table, name, {}):
            self.taken.line(table, name, None, Outcome.REFUSED, errors.OWNED_BY_DINAS)
            self.taken.correct(table, name, 0)
            self.taken.outcomes[Outcome.REFUSED] += 1
            return
        edits = self._unseen.edits((table.number, name))
        verdict = decide_delete(table.owner, edited=bool(edits), child_added=self._unseen.child_added(table, name))
        if verdict.taken and any(self._unseen.by_newer_laptop((table.number, name), edit.group) for edit in edits):
            verdict = NEWER_LAPTOP_WINS
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

    # --- the open list ------------------------------------------------------------------------

    def _complete(self, block: Block, name: str) -> None:
        """Put later values into an open row; it enters as soon as it can."""
        table, row = block.table, (block.table.number, name)
        aside = self._open.get(row)
        kept, sent = values_of(aside), values_of(block)
        given = dict.fromkeys(table.columns) | sent if block.op is Op.INSERT else sent
        stays, told = self._met(table, name, block.op is Op.INSERT, given, kept)
        if sent and stays >= set(sent):
            self.taken.outcomes[Outcome.CONFLICT if told else Outcome.SAME] += 1
            return
        values = kept | {column: value for column, value in given.items() if column not in stays}
        named = tuple(c for c in table.columns if c in sent or values.get(c) is not None)  # in wire order
        applied = self.taken.outcomes[Outcome.APPLIED]
        keys = aside.values[: len(table.key)]
        self._enter(Block(table, Op.INSERT, named, [*keys, *([values.get(column)] for column in named)]))
        if told and self.taken.outcomes[Outcome.APPLIED] > applied:
            self.taken.outcomes.subtract([Outcome.APPLIED])
            self.taken.outcomes[Outcome.CONFLICT] += 1

    def _met(
        self, table: Table, name: str, whole: bool, given: dict[Column, object], kept: dict[Column, object]
    ) -> tuple[set[Column], bool]:
        """Decide the groups of an open row that another laptop of the school has said, or this one's other branch.

        Args:
            table: Its table.
            name: Its id.
            whole: Whether the row was sent as a new one: what it leaves empty is no opinion.
            given: What was sent.
            kept: What waits.

        Returns:
            The columns whose waiting value stays, and whether any of it is a conflict.
        """
        row, stays, told = (table.number, name), set[Column](), False
        for group in dict.fromkeys(table.group_of[column.name] for column in given):
            columns = tuple(column for column in given if table.group_of[column.name] is group)
            sent, was = tuple(given[c] for c in columns), tuple(kept.get(c) for c in columns)
            unseen = self._unseen.opinion(row, group.number)
            if unseen is None or not may_set(group.policy):
                continue
            newer = self._unseen.by_newer_laptop(row, group.number)
            if newer or (whole and says_nothing(group, sent)):
                stays.update(columns)
            if not same(sent, was) and not (whole and says_nothing(group, sent)):
                verdict = NEWER_LAPTOP_WINS if newer else decide(group.policy, equal=False, unseen=unseen, locked=False)
                assert verdict.reason is not None
                told = True
                self.taken.line(
                    table, name, group, verdict.outcome, verdict.reason, columns, sent, was, won=verdict.taken
                )
        return stays, told

    def _withdraw(self, table: Table, name: str) -> None:
        """Let an open row go that its school deletes, unless a newer laptop of the school has said it since."""
        row = (table.number, name)
        if any(self._unseen.by_newer_laptop(row, edit.group) for edit in self._unseen.edits(row)):
            kept = {c: v for c, v in values_of(self._open.get(row)).items() if v is not None}
            reason = errors.NEWER_LAPTOP_WON
            self.taken.line(table, name, None, Outcome.CONFLICT, reason, tuple(kept), (), tuple(kept.values()))
            self.taken.outcomes[Outcome.CONFLICT] += 1
            return
        self._open.drop(row)
        self.taken.outcomes[Outcome.APPLIED] += 1
        self._enter_hanging(table, name)

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
