"""A return applied at a school: what the centre says meets what the school has not sent yet.

The same pure decision as at the server, so both sides reach the same value (``docs/protocol.md`` 21 to 23).
Everything happens in the caller's transaction, with capture switched off: what a return brings is no change of the
school's own.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence

from exchange import errors
from exchange.blocks import by_group, groups_of, same, values_of
from exchange.digests import table_pair
from exchange.merge.decision import decide, decide_delete, says_nothing
from exchange.parents import parent_table
from exchange.records import Block, Cause, Manifest, Op, Position
from exchange.schema.model import Column, Group, Table
from exchange.school.acknowledging import forget_outcomes, keep_outcome, stand_as_sent, tell_outcome
from exchange.school.applied import Replaced, Report
from exchange.school.branches import TakenOver
from exchange.school.capture import as_aside, as_deleted
from exchange.school.healing import heal
from exchange.school.heard import Heard
from exchange.school.refused import Refused
from exchange.school.unsent import Unsent
from exchange.store import rows
from exchange.store.database import Database
from exchange.store.school import SchoolStore


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
    named = (manifest.first, *answer.returned, *answer.lost)
    if (
        not store.applied_position(manifest.first)
        or not _own_position(store, answer.shared)
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
        branch: What became of the school's own chain.
    """

    def __init__(self, store: SchoolStore, manifest: Manifest, branch: TakenOver) -> None:
        self.store, self.db, self.schema, self.manifest = store, store.db, store.schema, manifest
        self.report = Report(branch=branch)
        self._unsent = Unsent(store, manifest.have.number)
        self._heard = Heard(store, manifest.first.number)
        self._refused = Refused(store, self._unsent)
        self._kept: set[int] = set()
        if branch.taken:
            stand_as_sent(store, self._heard, self._unsent, branch.shared, manifest.have.number)

    # --- blocks -------------------------------------------------------------------------------

    def block(self, block: Block) -> None:
        """Apply one block."""
        table = block.table
        if table.is_reference:
            rows.upsert_rows(self.db, table, block.columns, block.values, None)
            self.report.incoming[table.name] += block.count
            return
        names = block.rows()
        self.report.incoming[table.name] += self._heard.note(block, names)
        if block.cause is Cause.DISISIHKAN:
            self._enter_aside(block, names)
        elif block.op is Op.DELETE:
            self._delete(block, names)
        else:
            self._write(block, names)
            if block.cause.is_opinion:
                self._refused.settle(table, names, {c.name for c in block.columns})
        if block.locked:
            _lock(self.db, table, names, groups_of(block) - {0})

    def _delete(self, block: Block, names: Sequence[str]) -> None:
        """Mark rows deleted, except one that the school edited, or hung a row on, without knowing: it lives again."""
        number = block.table.number
        edited, hung_on = self._unsent.groups, self._unsent.parents
        lives = [name for name in names if (number, name) in edited or (number, name) in hung_on]
        gone = [n for n, name in enumerate(names) if name not in set(lives)]
        if lives:
            self._kept.add(number)
            self._unsent.hold_parents(block.table, lives)  # a return's deletes stand children first
        if gone:
            rows.mark_deleted(self.db, block.table, [[column[n] for n in gone] for column in block.values])
            self._refused.settle(block.table, [names[n] for n in gone], None, new=True)

    def _enter_aside(self, block: Block, names: Sequence[str]) -> None:
        """Enter rows that another laptop of the school sent and the server keeps aside, as unsent work of this one.

        They are sent again with the next export, and the answer says what is wrong with them. A row that this laptop
        itself has to say something of, or has on its list, is answered as it is.
        """
        table = block.table
        busy = {name for name in names if (table.number, name) in self._unsent} | self._refused.among(table, names)
        news = [n for n, name in enumerate(names) if name not in busy]
        if not news:
            return
        rows.upsert_rows(self.db, table, block.columns, [[column[n] for n in news] for column in block.values], None)
        entered = [names[n] for n in news]
        as_aside(self.store, table, entered)
        self._unsent.note_new(table, entered)

    def _write(self, block: Block, names: Sequence[str]) -> None:
        table, keys = block.table, len(block.table.key)
        there = rows.fetch(self.db, table, block.columns, names)
        mine = [n for n, name in enumerate(names) if (table.number, name) in self._unsent]
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
            self._refused.entered(table, names)

    def _one(self, block: Block, n: int, name: str, there: tuple[object, ...] | None) -> None:
        """Decide each group of a row that the school has changed and not sent, or not been answered for."""
        table, row, given = block.table, (block.table.number, name), values_of(block, n)
        opinion = block.cause.is_opinion
        if row in self._unsent.deletes:
            opinion = opinion and not self._heard.knew_row(block, n, name)
            stands = decide_delete(table.owner, edited=opinion, child_added=False).taken
            self._set(table, name, given, there, block, revive=there is None or (opinion and not stands))
            return
        own, locks, said = self._unsent.groups[row], self._locks(table, name), by_group(table, given)
        taken_over: dict[Column, object] = {}
        for group in dict.fromkeys(table.group_of[column.name] for column in given):
            values = {column: given[column] for column in given if table.group_of[column.name] is group}
            if there is not None and own & {0, group.number}:
                unseen = opinion and not self._heard.knew(row, group.number, said[group.number])
                if _own_stands(
                    group,
                    [there[block.columns.index(column)] for column in values],
                    list(values.values()),
                    made=group.number not in own,
                    unseen=block.cause if unseen else None,
                    locked=block.locked or group.number in locks,
                ):
                    continue
            taken_over.update(values)
        if taken_over:
            self._set(table, name, taken_over, there, block, revive=True)

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

    def _revive_parents(self, block: Block) -> None:
        """A row that the centre hung on one that the school is deleting brings that one back (rule 11)."""
        if not self._unsent.deletes or not block.cause.is_opinion:
            return
        names = block.rows()
        for column, values in zip((*block.table.key, *block.columns), block.values, strict=True):
            parent = parent_table(self.schema, column)
            if parent is None:
                continue
            back = {
                str(value)
                for n, value in enumerate(values)
                if (parent.number, value) in self._unsent.deletes and not self._heard.knew_row(block, n, names[n])
            }
            if back:
                self._live_again(parent, sorted(back))

    def _live_again(self, table: Table, names: Sequence[str]) -> None:
        """Undo deletes of the school's own. Whether the server has such a row at all may show later: it is sent again."""
        waiting, edited = self._refused.among(table, names), self._unsent.groups
        doubtful = [row for row in names if row in waiting or 0 in edited.get((table.number, row), ())]
        as_deleted(self.store, table, doubtful)
        rows.mark_living(self.db, table, [names])

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
        """Keep the outcome of one of the school's changesets as the server gave it; 0 stands for another laptop's."""
        if number == 0:
            self.report.lines += tell_outcome(self.store, self.manifest.last, encoded)
            return
        self.report.lines += keep_outcome(self.store, self._refused, self.manifest.last, number, encoded)

    def acknowledge(self) -> None:
        """Take over the server's word on the school's chain; groups that nobody spoke of stand as sent (rule 22)."""
        merged, before = self.manifest.have.number, self.store.acknowledged
        if merged > before:
            stand_as_sent(self.store, self._heard, self._unsent, before, merged)
        elif merged < before:  # the server was restored: what it has lost is sent, and answered, again
            forget_outcomes(self.store, merged)
        if merged != before:
            self.store.set(acknowledged=merged)
        # A number may mean another changeset since; what a server may still ask for begins at the merged one.
        branch = self.report.branch
        self.store.forget_digests(merged, branch.shared if branch.taken else self.store.last)

    def compare(self, packed: Iterable[bytes]) -> None:
        """Name the rows of tables in which both stores differ, remember them for the operator, and see to their healing."""
        busy = self._unsent.rows() | self._refused.rows()
        apart = heal(self.store, packed, self.manifest.schema, busy, self.manifest.last)
        self.report.diverged |= {name: table.as_json() for name, table in apart.items()}
        self._compare_tables()
        self.store.set(diverged=json.dumps(self.report.diverged) if self.report.diverged else None)

    def _compare_tables(self) -> None:
        """Compare what the return says the server holds with what stands here now, where nothing is on its way (R28)."""
        told = self.manifest.digests
        if told is None:
            return
        busy = self._unsent.tables() | self._kept | self._refused.tables()
        for number, pair in told.tables.items():
            table = self.schema.by_number.get(number)
            if table is None or number in busy or table.name in self.report.diverged:
                continue
            if table_pair(self.db, table, None, self.manifest.schema) != pair:
                self.report.diverged[table.name] = {"rows": [], "count": None, "missing": None, "sent_again": 0}


def _own_stands(
    group: Group, own: Sequence[object], said: Sequence[object], *, made: bool, unseen: Cause | None, locked: bool
) -> bool:
    """Whether the school's unsent value of a group outlives the return, as the server will decide too.

    Args:
        group: Whose values.
        own: What stands here.
        said: What the return says.
        made: The school made the row and has not edited the group since: what it left empty is no opinion.
        unseen: Who at the centre said something that the school had not seen, or ``None``.
        locked: The centre has verified the group.
    """
    if made and says_nothing(group, own):
        return False
    return unseen is None or decide(group.policy, equal=same(own, said), unseen=unseen, locked=locked).taken


def _lock(db: Database, table: Table, names: Iterable[str], groups: Iterable[int]) -> None:
    db.executemany(
        "INSERT INTO kirim_lock (table_no, row, group_no) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [(table.number, name, group) for name in names for group in sorted(groups)],
    )


def load(store: SchoolStore, blocks: Iterable[Block]) -> Counter[str]:
    """Write a prefill's blocks into an empty store and return rows by table."""
    count: Counter[str] = Counter()
    for block in blocks:
        rows.upsert_rows(store.db, block.table, block.columns, block.values, block.home)
        if block.op is Op.INSERT:
            count[block.table.name] += block.count
        if block.locked:
            _lock(store.db, block.table, block.rows(), by_group(block.table, dict.fromkeys(block.columns)))
    return count
