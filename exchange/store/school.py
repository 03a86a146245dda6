"""A school's store: who we are, where both chains stand, and what waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from exchange.limits import SCHEMA_VERSION
from exchange.store.database import STORE_VERSION, Database, open_sqlite, stands

if TYPE_CHECKING:
    from exchange.records import Position
    from exchange.schema.model import Schema

FILE = "sekolah.db"
"""Name of the database in a school's home."""


class SchoolStore:
    """An open school's store.

    Attributes:
        home: Folder that holds all of the school's state.
        db: The connection.
        clock: Seconds since 1970; information only, no decision reads it.
        scope: ``sekolah_id``.
    """

    def __init__(self, home: Path, schema: Schema | None, db: Database, clock: Callable[[], int]) -> None:
        self.home, self._schema, self.db, self.clock = home, schema, db, clock
        self._meta: dict[str, str] = dict(db.execute("SELECT name, value FROM kirim_meta"))
        self.scope = self._meta.get("sekolah_id", "")

    @classmethod
    def create(cls, home: Path, schema: Schema, clock: Callable[[], int]) -> SchoolStore:
        """Make an empty store in a home that has none, whole or not at all.

        Raises:
            HomeExists: KF-102.
        """
        from exchange import errors
        from exchange.store.ddl import statements

        if (home / FILE).exists():
            raise errors.HomeExists(home=str(home))
        db = open_sqlite(home / FILE)
        with db.transaction():
            for statement in statements(schema, "school"):
                db.execute(statement)
            for name, version in (("store", STORE_VERSION), ("schema", schema.version)):
                db.execute("INSERT INTO kirim_meta (name, value) VALUES (?, ?)", (name, str(version)))
        return cls(home, schema, db, clock)

    @classmethod
    def open(cls, home: Path, schema: Schema | None, clock: Callable[[], int]) -> SchoolStore:
        """Open the store of a home. One that an older program made gets the tables and columns that came since.

        Args:
            home: The school's folder.
            schema: The exchanged tables; by default those of this program, read only if they are needed.
            clock: Seconds since 1970.

        Raises:
            HomeMissing: KF-101.
            LaptopStoreMissing: KF-610, beside keys.
            StoreDamaged: KF-602, also an empty file.
            StoreForeign: KF-607.
            StoreNewer: KF-603.
        """
        found = stands(home / FILE)
        if found and not (home / FILE).stat().st_size:
            from exchange import errors

            raise errors.StoreDamaged(detail="the file is empty")
        if not found and (home / "kunci" / "perangkat").exists():
            from exchange import errors

            raise errors.LaptopStoreMissing(file=str(home / FILE))
        store = cls(home, schema, open_sqlite(home / FILE), clock) if found else None
        if store is None or not store.scope:
            from exchange import errors

            raise errors.HomeMissing(home=str(home), role="school")
        if int(store.get("store", "0")) > STORE_VERSION:
            from exchange import errors

            raise errors.StoreNewer(found=int(store.get("store", "0")), known=STORE_VERSION)
        known, made_by = schema.version if schema else SCHEMA_VERSION, int(store.get("schema", "1"))
        if made_by > known:
            from exchange import errors

            raise errors.StoreNewer(found=made_by, known=known)
        if made_by < known:
            from exchange.store.migrating import migrate

            with store.transaction():
                migrate(store.db, store.schema, "school")
                store.set(reference=0)  # rows of reference tables that are new here are all news
        return store

    @cached_property
    def schema(self) -> Schema:
        """The exchanged tables."""
        if self._schema is None:
            from exchange.schema import SCHEMA

            return SCHEMA
        return self._schema

    def close(self) -> None:
        """Close the connection."""
        self.db.close()

    # --- names and values ---------------------------------------------------------------------

    def get(self, name: str, default: str = "") -> str:
        """Return one remembered value."""
        return self._meta.get(name, default)

    def set(self, **values: object) -> None:
        """Remember values; ``None`` forgets one. Part of the caller's transaction."""
        for name, value in values.items():
            if value is None:
                self.db.execute("DELETE FROM kirim_meta WHERE name = ?", (name,))
            else:
                self.db.execute(
                    "INSERT INTO kirim_meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    (name, str(value)),
                )
        self.refresh()

    def refresh(self) -> None:
        """Read the remembered values again: a transaction was undone, or another program may have written."""
        self._meta = dict(self.db.execute("SELECT name, value FROM kirim_meta"))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, remembered values included."""
        try:
            with self.db.transaction():
                yield
        except BaseException:
            self.refresh()
            raise

    # --- positions ----------------------------------------------------------------------------

    @property
    def device(self) -> bytes:
        """Key id of this laptop (8 bytes)."""
        return bytes.fromhex(self.get("device"))

    @property
    def have(self) -> tuple[int, bytes]:
        """Log position up to which returns are applied, and the log's value there (32 bytes)."""
        return int(self.get("have", "0")), bytes.fromhex(self.get("have_value", "00" * 32))

    @property
    def have_position(self) -> Position:
        """The same as it travels."""
        from exchange.records import Position

        number, value = self.have
        return Position(number, value[:8])

    @property
    def acknowledged(self) -> int:
        """Number of the last changeset that the server has merged, by its signed word."""
        return int(self.get("acknowledged", "0"))

    @property
    def last(self) -> int:
        """Number of the last changeset that was cut."""
        return int(
            self.db.value(
                "SELECT max(number) FROM kirim_changeset WHERE scope = ? AND device = ?", (self.scope, self.device)
            )
            or 0
        )

    def value_at(self, number: int) -> bytes | None:
        """Return the own chain's value at a number, or ``None``."""
        from exchange.store import chains

        if number == 0:
            return bytes.fromhex(self.get("chain_start"))
        return chains.value_at(self.db, self.scope, self.device, number)

    def applied_position(self, position: Position) -> bool:
        """Whether a return up to this position was applied here (or it is the beginning)."""
        if position.number == 0:
            return True
        found = self.db.value("SELECT value FROM kirim_return WHERE position = ?", (position.number,))
        return found is not None and bytes(found)[:8] == position.value

    def keep_return(
        self,
        position: Position,
        number: int,
        package_id: bytes,
        report: str,
        file_key: bytes,
        size: int,
        sealed: Iterable[bytes],
    ) -> None:
        """Keep a return that is being applied, and its file as it came: a restored server is given it back.

        Args:
            position: Log position up to which it goes, with the whole value there (32 bytes).
            number: The file's number.
            package_id: What names it.
            report: What it brought, as JSON.
            file_key: Opens the sealed file.
            size: Of the sealed file, in bytes.
            sealed: The file, in pieces.
        """
        row = self.db.execute(
            "INSERT INTO kirim_return (position, value, number, package_id, applied_at, report, file_key, file) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, zeroblob(?))",
            (position.number, position.value, number, package_id, self.clock(), report, file_key, size),
        ).lastrowid
        self.db.write_blob("kirim_return", "file", row, sealed)

    def is_newer(self, position: int, number: int) -> bool:
        """Whether a return is newer than those heard before it up to the same position; from then on it is the newest.

        Args:
            position: Log position up to which it goes.
            number: The file's number.
        """
        newest = "UPDATE kirim_return SET number = ? WHERE position = ? AND number < ?"
        return bool(self.db.execute(newest, (number, position, number)).rowcount)

    def digests(self, name: str) -> dict[int, tuple[int, bytes]]:
        """Return remembered digests: table number to (rows, 8 bytes)."""
        import json

        found: dict[str, list[object]] = json.loads(self.get(name, "{}"))
        return {int(number): (int(str(count)), bytes.fromhex(str(value))) for number, (count, value) in found.items()}

    def forget_digests(self, first: int, last: int) -> None:
        """Forget what was said of the rows in files whose last changeset is not between two numbers."""
        for name in list(self._meta):
            number = name.removeprefix("digests_")
            if number != name and number.isdigit() and not first <= int(number) <= last:
                self.set(**{name: None})

    # --- capture ------------------------------------------------------------------------------

    @property
    def captured(self) -> int:
        """How many changes were ever captured: what was found out about the data is stale when it has grown."""
        return int(self.db.value("SELECT changes FROM kirim_capture"))

    @property
    def is_cut(self) -> bool:
        """Whether nothing was captured since the last cut."""
        return self.captured == int(self.get("cut", "0"))

    @contextmanager
    def capture_off(self) -> Iterator[None]:
        """Write without being captured, inside the caller's transaction: what a return brings is no own change."""
        self.db.execute("UPDATE kirim_capture SET on_now = 0")
        yield
        self.db.execute("UPDATE kirim_capture SET on_now = 1")
