"""The server's word on a school's own changesets: outcomes kept, and what stands because nobody spoke against it."""

from __future__ import annotations

from collections.abc import Sequence

from exchange.blocks import same, shown, values_of
from exchange.format.outcome import decode_outcome
from exchange.parents import Row
from exchange.records import Line, Op, Outcome
from exchange.schema.model import Column, Table
from exchange.school.capture import own_blocks
from exchange.school.heard import Heard
from exchange.school.refused import Refused
from exchange.school.unsent import Unsent
from exchange.store import rows
from exchange.store.school import SchoolStore

Wanted = dict[Column, object] | None
"""Values of a row as it should stand; ``None`` for a deleted row."""


def keep_outcome(store: SchoolStore, refused: Refused, position: int, number: int, encoded: bytes) -> Sequence[Line]:
    """Keep the outcome of one of the school's changesets as the server gave it, and return its lines.

    An outcome that is kept already, or of an unknown changeset, changes nothing and has no lines.

    Args:
        store: The school's store.
        refused: Its open list.
        position: Log position of the return that brings the outcome.
        number: The changeset's number.
        encoded: The outcome.
    """
    changeset = (store.scope, store.device, number)
    where = "WHERE scope = ? AND device = ? AND number = ?"
    if store.db.value(f"SELECT outcome IS NOT NULL FROM kirim_changeset {where}", changeset) != 0:
        return ()
    counts, lines = decode_outcome(store.schema, encoded)
    store.db.execute(
        f"UPDATE kirim_changeset SET outcome = ?, applied = ?, same = ?, conflict = ?, refused = ?, held = ? {where}",
        (encoded, counts.applied, counts.same, counts.conflict, counts.refused, counts.held, *changeset),
    )
    for block in own_blocks(store, number - 1, number) if refused else ():
        # A refused value is settled when the school has sent another one, or withdrawn the row.
        said = {c.name for c in block.columns} if block.op is Op.UPDATE else None
        refused.settle(block.table, block.rows(), said, new=True)
    for line in lines:
        if line.outcome is Outcome.REFUSED:
            refused.put(line)
    store.db.executemany(
        "INSERT INTO kirim_conflict (position, table_no, row, group_no, code, won, own, other) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                position,
                line.table.number,
                line.row,
                line.group.number if line.group else 0,
                line.code,
                int(line.won),
                shown(line.columns, line.sent),
                shown(line.columns, line.stood),
            )
            for line in lines
            if line.outcome is Outcome.CONFLICT
        ],
    )
    return lines


def tell_outcome(store: SchoolStore, position: int, encoded: bytes) -> Sequence[Line]:
    """Note what became of a changeset of another laptop of the school, and return the lines that were not told before.

    Nothing of it is on this laptop's open list: its values never stood here.

    Args:
        store: The school's store.
        position: Log position of the return that brings it.
        encoded: The outcome.
    """
    found: list[Line] = []
    for line in decode_outcome(store.schema, encoded)[1]:
        row = (line.table.number, line.row, line.group.number if line.group else 0, line.code, int(line.won))
        values = (shown(line.columns, line.sent), shown(line.columns, line.stood))
        if not store.db.value(
            "SELECT 1 FROM kirim_conflict WHERE table_no = ? AND row = ? AND group_no = ? AND code = ? AND won = ? "
            "AND own = ? AND other = ?",
            (*row, *values),
        ):
            store.db.execute(
                "INSERT INTO kirim_conflict (position, table_no, row, group_no, code, won, own, other) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (position, *row, *values),
            )
            found.append(line)
    return found


def forget_outcomes(store: SchoolStore, after: int) -> None:
    """Forget what the server said of changesets after a number: a restored server will say it anew."""
    store.db.execute(
        "UPDATE kirim_changeset SET outcome = NULL WHERE scope = ? AND device = ? AND number > ?",
        (store.scope, store.device, after),
    )


def stand_as_sent(store: SchoolStore, heard: Heard, unsent: Unsent, before: int, merged: int) -> None:
    """Set what was acknowledged and nobody spoke of since to what the school sent: that is what the server holds.

    Args:
        store: The school's store.
        heard: What the return says.
        unsent: What the school has not sent.
        before: Number of the changeset acknowledged before this return.
        merged: Number of the changeset acknowledged now.

    Source:
        docs/protocol.md, rule 22.
    """
    by_table: dict[int, dict[str, Wanted]] = {}
    for (number, name), values in _sent(store, before, merged).items():
        row = (number, name)
        spoken = heard.groups.get(row, set()) | unsent.groups.get(row, set())
        if 0 in spoken or row in unsent.deletes or (values is None and spoken):
            continue
        of = store.schema.by_number[number].group_of
        silent = None if values is None else {c: v for c, v in values.items() if of[c.name].number not in spoken}
        by_table.setdefault(number, {})[name] = silent
    for number, wanted in by_table.items():
        _stand(store, store.schema.by_number[number], wanted)


def _sent(store: SchoolStore, before: int, merged: int) -> dict[Row, Wanted]:
    """Return what the school last sent of each row."""
    sent: dict[Row, Wanted] = {}
    for block in own_blocks(store, before, merged):
        if block.table.is_reference:
            continue  # refused as a whole: its rows are the centre's
        for n, name in enumerate(block.rows()):
            row = (block.table.number, name)
            sent[row] = None if block.op is Op.DELETE else (sent.get(row) or {}) | values_of(block, n)
    return sent


def _stand(store: SchoolStore, table: Table, wanted: dict[str, Wanted]) -> None:
    there = rows.fetch(store.db, table, table.columns, list(wanted))
    for name, values in wanted.items():
        keys = [[key] for key in rows.key_values(table, name)]
        if values is None:
            rows.mark_deleted(store.db, table, keys)
            continue
        if name not in there:  # another branch of this chain made it
            rows.insert_rows(store.db, table, tuple(values), [*keys, *([value] for value in values.values())], None)
            continue
        rows.mark_living(store.db, table, keys)
        now = dict(zip(table.columns, there[name], strict=False))
        differs = {c: v for c, v in values.items() if not same((now[c],), (v,))}
        if differs:
            rows.update_rows(store.db, table, tuple(differs), [*keys, *([v] for v in differs.values())])
