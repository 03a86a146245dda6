"""What others said of a school's rows that the school had not seen when it cut a changeset."""

from __future__ import annotations

from collections.abc import Iterator

from exchange import laptops
from exchange.parents import Row
from exchange.records import Cause, CutAgain, Op
from exchange.schema.model import Table
from exchange.store import chains, rows
from exchange.store.server import Entry, School, Seen, ServerStore, is_opinion, last_words


class Unseen:
    """The last words in a school's scope after a changeset's base, by row and group.

    A changeset that was cut again had not seen the other branch of its own chain either: what that one changed counts
    as said by the school. So does what the school's other laptops changed.

    Attributes:
        gone: Rows that somebody else deleted.

    Args:
        server: The store.
        school: Whose scope.
        base: What the school had seen of the log when the changeset was first cut.
        device: Key id of the laptop whose chain it is in.
        again: From where the changeset was cut again, if it was.

    Source:
        docs/protocol.md, rules 8, 9 and 27.
    """

    def __init__(
        self, server: ServerStore, school: School, base: Seen, device: bytes, again: CutAgain | None
    ) -> None:
        self._db, self._schema = server.db, server.schema
        scope = school.sekolah_id
        entries = server.entries_after(scope, base.after, base.also) if school.position > base.after else []
        rest = laptops.others(server, scope, device) if school.position > base.after else {}
        newer = laptops.said(server, scope, [d for d in rest if rest[d]], base.after, base.also)
        entries += newer
        entries += laptops.said(server, scope, [d for d in rest if not rest[d]], base.after, base.also)
        if again:
            entries += _other_branch(server, scope, device, again)
        if rest or again:
            entries.sort(key=lambda entry: entry.position)
        self._newer = {entry.position for entry in newer}
        self._words = last_words(entries)
        self._by_table: dict[int, list[str]] = {}
        for number, name in self._words:
            self._by_table.setdefault(number, []).append(name)
        self.gone: set[Row] = {
            row
            for row, groups in self._words.items()
            if 0 in groups and groups[0].op is Op.DELETE and is_opinion(groups[0])
        }

    def __bool__(self) -> bool:
        return bool(self._words)

    def __contains__(self, row: Row) -> bool:
        return row in self._words

    def opinion(self, row: Row, group: int) -> Cause | None:
        """Return who had an opinion on a group of a row, or ``None``."""
        words = self._words.get(row, {})
        entry = words.get(group) or (words[0] if 0 in words and words[0].op is not Op.DELETE else None)
        return entry.cause if entry is not None and is_opinion(entry) else None

    def by_newer_laptop(self, row: Row, group: int) -> bool:
        """Return whether the opinion on a group of a row is that of the school itself on a newer laptop."""
        words = self._words.get(row, {}) if self._newer else {}
        entry = words.get(group) or words.get(0)
        return entry is not None and entry.position in self._newer and is_opinion(entry)

    def edits(self, row: Row) -> list[Entry]:
        """Return the opinions on a row that are no deletes."""
        return [e for e in self._words.get(row, {}).values() if is_opinion(e) and e.op is not Op.DELETE]

    def child_added(self, table: Table, name: str) -> bool:
        """Return whether somebody else hung a row on this one: a new one, or one that hung elsewhere."""
        for child, column in self._schema.children[table.name]:
            groups = {0} if column in child.key else {0, child.group_of[column.name].number}
            hung = [
                row
                for row in self._by_table.get(child.number, ())
                if any(entry.group in groups for entry in self.edits((child.number, row)))
            ]
            if not hung:
                continue
            wanted = () if column in child.key else (column,)
            for row, found in rows.fetch(self._db, child, wanted, hung).items():
                named = found[0] if wanted else rows.key_values(child, row)[child.key.index(column)]
                if named == name and found[-2] != 1:
                    return True
        return False


def _other_branch(server: ServerStore, scope: str, device: bytes, again: CutAgain) -> Iterator[Entry]:
    """Yield what the other branch of a school's chain said, but for what did not come to stand."""
    for stored in chains.chain(server.db, scope, device, again.known, again.last):
        yield from laptops.changes_at(server, scope, device, stored.number, stored.position)
