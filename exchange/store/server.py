"""The server's store: schools and their logs, the ledger of packages, keys, locks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from exchange import errors
from exchange.records import Cause, Op, Position
from exchange.schema.model import Schema
from exchange.store.database import STORE_VERSION, Database, open_sqlite, open_url, stands

FILE = "server.db"
"""Name of the database in a server's home, unless another is named."""

MERGED, CHANGED, JUMPED = 1, 2, 3
"""Kinds of log entries: a school's changeset was merged; the centre changed something; numbers were left out that a
school has seen and a restored server has lost."""


@dataclass(frozen=True, slots=True)
class School:
    """One school's row: its queue, its lock, and where its log stands.

    Attributes:
        sekolah_id, npsn, nama, bentuk: Who it is.
        position: Number of the last entry of its log.
        value: The log's value there (32 bytes).
        returns: Return packages written so far.
        have: Log position that the school last said it has applied; the newest of them that this log holds.
        told: Own position up to which the school last said it was acknowledged.
        own: Own position that the school last said it has, as far as both sides share its chain.
        device: Key id of the laptop whose chain is current, empty before the first package.
        schema: Version of the exchanged tables that its program knows and this one too.
        reference: Position of the reference rows that it last said it has.
    """

    sekolah_id: str
    npsn: str
    nama: str
    bentuk: int
    position: int
    value: bytes
    returns: int
    have: int
    told: int
    own: int
    device: bytes
    schema: int
    reference: int


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody other than the school did to one group of one row (``kirim_index``).

    Attributes:
        position: Where in the log.
        table: Table number.
        row: Row id.
        group: Group number, 0 for the row as a whole.
        op: What was done.
        cause: Who spoke.
    """

    position: int
    table: int
    row: str
    group: int
    op: Op
    cause: Cause


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody has seen of a log.

    Attributes:
        after: Every entry up to this position.
        also: Entries behind it.
    """

    after: int
    also: frozenset[int] = frozenset()


def _entered(given: Iterable[tuple[int, bytes, int, int]], base: Position) -> frozenset[int]:
    """Return where that was entered which was said up to a position."""
    return frozenset(position for number, *_, position in given if number <= base.number)


def is_opinion(entry: Entry) -> bool:
    """Whether an entry is somebody's opinion: a correction and a school's own change that goes back are not."""
    return entry.cause.is_opinion


def last_words(entries: Iterable[Entry]) -> dict[tuple[int, str], dict[int, Entry]]:
    """Return the entry that counts for each group: (table, row) to group to entry.

    Of several entries only the last counts. A correction says only "look at this group": it never hides an opinion that
    the school has not seen; the school's own change that went back does, because it replaced that opinion.

    Args:
        entries: Oldest first.

    Source:
        docs/protocol.md, rules 8 and 16.
    """
    found: dict[tuple[int, str], dict[int, Entry]] = {}
    for entry in entries:
        groups = found.setdefault((entry.table, entry.row), {})
        if entry.cause is not Cause.KOREKSI or entry.group not in groups or not is_opinion(groups[entry.group]):
            groups[entry.group] = entry
    return found


def log_start(scope: str) -> bytes:
    """Return the value of a scope's log at position 0."""
    return hashlib.sha256(b"kirim/1 log\0" + scope.encode()).digest()


_SCHOOL_COLUMNS = "sekolah_id, npsn, nama, bentuk, position, value, returns, have, told, own, device, schema, reference"


class ServerStore:
    """An open server's store.

    Attributes:
        home: Folder with inbox, outbox, archive, held, quarantine and keys.
        schema: The exchanged tables.
        db: The connection.
        clock: Seconds since 1970; information only, no decision reads it.
        doing: Name and scope of the act that is being done, if it has one.
        entered: Whether an act was entered in the ledger since this store was opened.
    """

    def __init__(self, home: Path, schema: Schema, db: Database, clock: Callable[[], int]) -> None:
        self.home, self.schema, self.db, self.clock = home, schema, db, clock
        self.doing, self.entered = ("", ""), False

    @contextmanager
    def act(self, name: str, scope: str = "") -> Iterator[None]:
        """A transaction that the ledger calls by a name; within another one it is part of that.

        Args:
            name: What is done, in a word or two.
            scope: ``sekolah_id``, if it concerns one school.
        """
        before, self.doing = self.doing, self.doing if self.doing[0] else (name, scope)
        try:
            with self.db.transaction():
                yield
        finally:
            self.doing = before

    @staticmethod
    def _connected(home: Path, db: str | None) -> Database:
        """Return a connection to the database that is named, else to the file in the home, whatever a home is called."""
        return open_url(db) if db else open_sqlite(home / FILE)

    @classmethod
    def create(cls, home: Path, schema: Schema, clock: Callable[[], int], db: str | None = None) -> ServerStore:
        """Make an empty store, whole or not at all.

        Raises:
            HomeExists: KF-102.
        """
        from exchange.store.ddl import statements

        database = cls._connected(home, db)
        if database.value("SELECT count(*) FROM sqlite_master WHERE name = 'kirim_meta'"):
            database.close()
            raise errors.HomeExists(home=str(home))
        with database.transaction():
            for statement in statements(schema, "server"):
                database.execute(statement)
            for name, version in (("store", STORE_VERSION), ("schema", schema.version)):
                database.execute("INSERT INTO kirim_meta (name, value) VALUES (?, ?)", (name, str(version)))
        return cls(home, schema, database, clock)

    @classmethod
    def open(cls, home: Path, schema: Schema, clock: Callable[[], int], db: str | None = None) -> ServerStore:
        """Open the store of a home. One that an older program made gets the tables and columns that came since.

        Raises:
            HomeMissing: KF-101.
            ServerStoreMissing: KF-611, beside keys.
            StoreDamaged: KF-602, also an empty file beside keys.
            StoreForeign: KF-607.
            StoreNewer: KF-603.
        """
        from exchange.store.migrating import migrate

        if db is None and not stands(home / FILE):
            if (home / "kunci" / "pusat").exists():
                raise errors.ServerStoreMissing(file=str(home / FILE))
            raise errors.HomeMissing(home=str(home), role="server")
        if db is None and not (home / FILE).stat().st_size and (home / "kunci").exists():
            raise errors.StoreDamaged(detail="the file is empty")
        store = cls(home, schema, cls._connected(home, db), clock)
        if not store.db.value("SELECT count(*) FROM sqlite_master WHERE name = 'kirim_meta'"):
            raise errors.HomeMissing(home=str(home), role="server")
        known, found = STORE_VERSION, int(store.get("store", "0"))
        if found > known:
            raise errors.StoreNewer(found=found, known=known)
        made_by = int(store.get("schema", "1"))
        if made_by > schema.version:
            raise errors.StoreNewer(found=made_by, known=schema.version)
        if made_by < schema.version:
            with store.db.transaction():
                migrate(store.db, schema, "server")
        return store

    def close(self) -> None:
        """Close the connection."""
        self.db.close()

    def get(self, name: str, default: str = "") -> str:
        """Return one remembered value."""
        found = self.db.value("SELECT value FROM kirim_meta WHERE name = ?", (name,))
        return default if found is None else str(found)

    def set(self, name: str, value: object) -> None:
        """Remember one value."""
        self.db.execute(
            "INSERT INTO kirim_meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, str(value)),
        )

    # --- schools ------------------------------------------------------------------------------

    def _school(self, where: str, value: str) -> School | None:
        row = self.db.execute(f"SELECT {_SCHOOL_COLUMNS} FROM kirim_school WHERE {where} = ?", (value,)).fetchone()
        if row is None:
            return None
        scope, npsn, nama, bentuk, position, log_value, returns, have, told, own, device, schema, reference = row
        return School(
            scope,
            npsn,
            nama,
            bentuk,
            position,
            bytes(log_value),
            returns,
            have,
            told,
            own,
            bytes(device or b""),
            min(schema or self.schema.version, self.schema.version),
            reference,
        )

    @property
    def reference(self) -> int:
        """Position of the reference rows: how many times more of them came in."""
        return int(self.get("reference", "0"))

    def school(self, scope: str) -> School | None:
        """Return the school of a scope, or ``None``."""
        return self._school("sekolah_id", scope)

    def reread(self, school: School) -> School:
        """Return a school as it stands now: it may have been read before its lock was held."""
        found = self.school(school.sekolah_id)
        assert found is not None  # a school is never removed
        return found

    def school_by_npsn(self, npsn: str) -> School:
        """Return the school with an NPSN.

        Raises:
            SchoolUnknown: KF-103.
        """
        found = self._school("npsn", npsn.strip().upper())
        if found is None:
            raise errors.SchoolUnknown(npsn=npsn)
        return found

    def schools(self) -> list[School]:
        """Return every school in order of NPSN."""
        ids = [row[0] for row in self.db.execute("SELECT sekolah_id FROM kirim_school ORDER BY npsn")]
        return [found for scope in ids if (found := self.school(scope))]

    def add_school(self, scope: str, npsn: str, nama: str, bentuk: int) -> School:
        """Register a school; its log begins."""
        self.db.execute(
            "INSERT INTO kirim_school (sekolah_id, npsn, nama, bentuk, value, device) VALUES (?, ?, ?, ?, ?, ?)",
            (scope, npsn, nama, bentuk, log_start(scope), b""),
        )
        found = self.school(scope)
        assert found is not None
        return found

    # --- logs ---------------------------------------------------------------------------------

    def append(
        self,
        school: School,
        kind: int,
        device: bytes,
        number: int,
        cause: Cause,
        digest: bytes,
        *,
        position: int | None = None,
    ) -> School:
        """Add an entry to a school's log and return the school as it stands then.

        Args:
            school: As it stands now; the caller holds its lock.
            kind: Of log entry.
            device: Chain of the changeset.
            number: Its number there.
            cause: Who spoke.
            digest: SHA-256 of the entry's bytes (32 bytes).
            position: Beyond the next one, if numbers are left out.
        """
        position = school.position + 1 if position is None else position
        value = hashlib.sha256(school.value + digest).digest()
        self.db.execute(
            "INSERT INTO kirim_log (scope, position, value, kind, device, number, cause, made_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (school.sekolah_id, position, value, kind, device, number, int(cause), self.clock()),
        )
        self.db.execute(
            "UPDATE kirim_school SET position = ?, value = ? WHERE sekolah_id = ?", (position, value, school.sekolah_id)
        )
        return replace(school, position=position, value=value)

    def add_index(self, scope: str, position: int, entries: Iterable[tuple[int, str, int, int, int]]) -> None:
        """Note what others did at a position: (table, row, group, op, cause) each."""
        self.db.executemany(
            "INSERT INTO kirim_index (scope, position, table_no, row, group_no, op, cause) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            ((scope, position, *entry) for entry in entries),
        )

    def entries_after(self, scope: str, position: int, also: Set[int] = frozenset()) -> list[Entry]:
        """Return what others did in a scope after a position, oldest first: the conflict tail.

        Args:
            scope: Whose log.
            position: The position.
            also: Positions behind it that are left out.
        """
        return [entry for entry in self._entries(scope, "> ?", position) if entry.position not in also]

    def entries_at(self, scope: str, position: int) -> list[Entry]:
        """Return what is noted at one position of a log."""
        return self._entries(scope, "= ?", position)

    def _entries(self, scope: str, where: str, position: int) -> list[Entry]:
        rows = self.db.execute(
            "SELECT position, table_no, row, group_no, op, cause FROM kirim_index "
            f"WHERE scope = ? AND position {where} ORDER BY position",
            (scope, position),
        )
        return [Entry(p, t, r, g, Op(op), Cause(c)) for p, t, r, g, op, c in rows]

    def holds(self, school: School, position: Position) -> bool:
        """Whether a position is one of this log's, by number and value."""
        if position.number == school.position:
            return position.value == school.value[:8]
        if position.number == 0:
            return position.value == log_start(school.sekolah_id)[:8]
        found = self.db.value(
            "SELECT value FROM kirim_log WHERE scope = ? AND position = ?", (school.sekolah_id, position.number)
        )
        return found is not None and bytes(found)[:8] == position.value

    def seen(self, school: School, base: Position) -> Seen | None:
        """Return what whoever stands at a position has seen of a log, or ``None`` if nobody here knows that position.

        A position that was lost counts as the last one that both histories share, and what was given back up to it is
        seen as well.
        """
        if self.holds(school, base):
            return Seen(base.number)
        for number, value, common, _ in (given := self._given(school)):
            if number == base.number and value[:8] == base.value:
                return Seen(common, _entered(given, base))
        return None

    def surely_seen(self, school: School, base: Position) -> Seen:
        """Return what whoever stood at a position has seen at least, although nobody has that position any more.

        A restored laptop got its changesets back from a server that was restored in its turn: what it had heard before
        each of them is in no return that anybody keeps. A log is one line, so whoever stood before a position that is
        known again had seen no less than what that one has in common with this log.
        """
        given = self._given(school)
        common = min((common for number, _, common, _ in given if number > base.number), default=0)
        return Seen(min(common, base.number), _entered(given, base))

    def _given(self, school: School) -> list[tuple[int, bytes, int, int]]:
        """Return the positions that are known again: number, value, last common position, where it was entered here."""
        found = self.db.execute(
            "SELECT number, value, common, position FROM kirim_given WHERE scope = ?", (school.sekolah_id,)
        )
        return [(number, bytes(value), common, position) for number, value, common, position in found]

    def lost(self, school: School) -> list[Position]:
        """Return positions that a school has and this log has lost, as far as they were not given back; newest first."""
        found = self.db.execute(
            "SELECT l.number, l.value FROM kirim_lost l WHERE l.scope = ? AND NOT EXISTS (SELECT 1 FROM kirim_given g "
            "WHERE g.scope = l.scope AND g.number = l.number AND substr(g.value, 1, 8) = l.value) ORDER BY l.number DESC",
            (school.sekolah_id,),
        )
        return [Position(number, bytes(value)) for number, value in found]

    def log_value(self, school: School, number: int) -> bytes:
        """Return the log's value (32 bytes) at a position that it has."""
        if number == 0:
            return log_start(school.sekolah_id)
        return bytes(
            self.db.value("SELECT value FROM kirim_log WHERE scope = ? AND position = ?", (school.sekolah_id, number))
        )

    # --- locks and open rows ------------------------------------------------------------------

    def locks(self, table: int, rows: Sequence[str]) -> Set[tuple[str, int]]:
        """Return the locked (row, group) pairs among some rows of a table."""
        found = self.db.chosen(
            "SELECT row, group_no FROM kirim_lock WHERE table_no = ? AND row IN ({})", rows, (table,)
        )
        return {(row, group) for row, group in found}

    def lock(self, marks: Iterable[tuple[int, str, int]]) -> None:
        """Lock groups: (table, row, group) each."""
        self.db.executemany(
            "INSERT INTO kirim_lock (table_no, row, group_no) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", marks
        )
