"""Unsent work carried to another chain: from a former laptop's folder into a new one, or onto a renewed key.

What the server has not acknowledged is cut again under the new key with its old base, so it meets what others did meanwhile as
it would have. Its old chain value goes with it: what had arrived before is not taken twice.

Source:
    docs/format-body.md, section 3.1; requirement R20.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from exchange import errors
from exchange.blocks import values_of
from exchange.contents import LOGGED_MAX
from exchange.format.changeset import decode_head
from exchange.merge.decision import decide, says_nothing
from exchange.records import Block, ChangesetHead, CutAgain, Op, Position
from exchange.schema import SCHEMA
from exchange.schema.model import Column, Table
from exchange.school import capture
from exchange.school.branches import rewrite
from exchange.store import chains, rows
from exchange.store.school import FILE, SchoolStore

Counted = dict[str, dict[str, int]]
"""Net rows by table and operation."""


@contextmanager
def former_store(home: Path, place: Path) -> Iterator[SchoolStore]:
    """Give a copy of a former laptop's store, just cut; the folder itself is not written to.

    Args:
        home: The former folder.
        place: Where the copy lies for as long as it is needed.

    Raises:
        HomeMissing: KF-101. StoreNewer: KF-603. StoreDamaged: KF-602.
    """
    with tempfile.TemporaryDirectory(dir=place) as folder:
        with closing(SchoolStore.open(home, SCHEMA, _still)) as store:
            store.db.execute("VACUUM INTO ?", (str(Path(folder) / FILE),))
        with closing(SchoolStore.open(Path(folder), SCHEMA, _still)) as copy:
            with copy.transaction():
                capture.cut(copy)
            yield copy


def _still() -> int:
    return 0


def carry(store: SchoolStore, former: SchoolStore, named: Sequence[Position]) -> Counted:
    """Take a former laptop's unsent work into a new store, as unsent work, and return it by table and operation.

    If the server went back to a copy, it may have lost what it had acknowledged: then all that the laptop ever sent comes
    along. What the server has all the same is not taken twice. Part of the caller's transaction; the new store holds a
    prefill and nothing of its own.

    Args:
        store: The new store.
        former: The former one, cut.
        named: The newest positions of the server's log, as the prefill names them.

    Raises:
        OtherSchool: KF-120, it is another school's.
    """
    if former.scope != store.scope:
        raise errors.OtherSchool()
    first, last = former.acknowledged if _is_known(former.have_position, named) else 0, former.last
    move(former, store, former.device, first, last)
    with store.capture_off():
        for block in capture.own_blocks(former, first, last):
            _stand(store, block)
    _enter_open(store, former)
    store.set(number=former.get("number", "0"), answered=former.get("number", "0"))
    changes = capture.net(capture.own_blocks(store, 0, store.last))
    capture.net(capture.changed_blocks(store), changes)
    return capture.counted(changes)


def _is_known(have: Position, named: Sequence[Position]) -> bool:
    """Whether a position of a former laptop's may stand in a log whose newest positions are named."""
    oldest = min(position.number for position in named)
    return have in named or (have.number < oldest and len(named) > LOGGED_MAX)


def move(source: SchoolStore, store: SchoolStore, device: bytes, first: int, last: int) -> None:
    """Cut changesets of one chain again at the end of a store's own chain, with their old bases and origins.

    Args:
        source: Where they are; may be the same store.
        store: Where they go.
        device: Key id of the laptop whose chain they are in.
        first: Number before the first of them.
        last: Number of the last one.
    """
    number = store.last
    value = store.value_at(number) or b""
    for stored in chains.chain(source.db, source.scope, device, first, last):
        parts = chains.read_parts(source.db, source.scope, device, stored.number)
        old = decode_head(next(parts))
        number += 1
        value = rewrite(store, ChangesetHead(number, old.base, CutAgain(stored.origin, 0, 0)), value, parts)


# --- the rows ---------------------------------------------------------------------------------


def _stand(store: SchoolStore, block: Block) -> None:
    """Let a carried block stand in the new store as far as the server will let it; what it decides otherwise comes back."""
    table, names = block.table, block.rows()
    if block.op is Op.DELETE:
        rows.mark_deleted(store.db, table, block.values)
        return
    there = rows.fetch(store.db, table, block.columns, names)
    for n, name in enumerate(names):
        keys = [[key] for key in rows.key_values(table, name)]
        given = values_of(block, n)
        if name not in there:
            if block.op is Op.INSERT:
                rows.insert_rows(store.db, table, tuple(given), [*keys, *([v] for v in given.values())], None)
            continue
        stays = _stays(store, table, name, given, made=block.op is Op.INSERT)
        if stays:
            rows.update_rows(store.db, table, tuple(stays), [*keys, *([v] for v in stays.values())])


def _stays(
    store: SchoolStore, table: Table, name: str, given: dict[Column, object], *, made: bool
) -> dict[Column, object]:
    """Return the values that a school may set, group by group."""
    locks = {
        group
        for (group,) in store.db.execute(
            "SELECT group_no FROM kirim_lock WHERE table_no = ? AND row = ?", (table.number, name)
        )
    }
    found: dict[Column, object] = {}
    for group in dict.fromkeys(table.group_of[column.name] for column in given):
        values = {column: given[column] for column in given if table.group_of[column.name] is group}
        if made and says_nothing(group, list(values.values())):
            continue
        if decide(group.policy, equal=False, unseen=None, locked=group.number in locks).taken:
            found |= values
    return found


def _enter_open(store: SchoolStore, former: SchoolStore) -> None:
    """Enter new rows that the server keeps aside until they are mended: they are sent again."""
    open_rows = former.db.execute("SELECT table_no, row FROM kirim_open ORDER BY rowid").fetchall()
    for number, name in open_rows:
        table = former.schema.by_number[number]
        values = rows.fetch(former.db, table, table.columns, [name]).get(name)
        if values is None or values[-2] == 1 or rows.fetch(store.db, table, (), [name]):
            continue
        keys = [[key] for key in rows.key_values(table, name)]
        with store.capture_off():
            rows.insert_rows(store.db, table, table.columns, [*keys, *([v] for v in values[: len(table.columns)])], None)
        capture.as_aside(store, table, [name])
