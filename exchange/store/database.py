"""One connection to a store, and what may go wrong with it in our own words."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exchange.store.texts import broken_text

if TYPE_CHECKING:
    from exchange.errors import ExchangeError


STORE_VERSION = 1
"""Of a store: it grows when an engine's table changes."""

BUSY_SECONDS = 20.0
"""How long a statement waits for another program that writes."""

PARAMETERS_MAX = 900
"""Values in one statement: the limit of old SQLite builds is 999."""


Touched = dict[tuple[str, tuple[object, ...]], bool]
"""Rows that a transaction wrote, in order: (table, key) to whether it is gone."""

_WRITES = re.compile(r"\s*(INSERT|REPLACE|UPDATE|DELETE)(?:\s+OR\s+\w+)?(?:\s+INTO|\s+FROM)?\s+(\w+)", re.IGNORECASE)


class _Cursor(sqlite3.Cursor):
    """A cursor whose rows, too, raise only the project's errors: a damaged page shows only when it is read."""

    def fetchone(self) -> Any:
        try:
            return super().fetchone()
        except sqlite3.Error as error:
            raise self._told(error) from error

    def fetchall(self) -> list[Any]:
        try:
            return super().fetchall()
        except sqlite3.Error as error:
            raise self._told(error) from error

    def __iter__(self) -> Any:
        try:
            yield from iter(super().fetchone, None)
        except sqlite3.Error as error:
            raise self._told(error) from error

    def _told(self, error: sqlite3.Error) -> ExchangeError:
        return broken_text(error, self.connection) or _translated(error)


class Database:
    """A connection that speaks plain SQL with ``?`` and only ever raises the project's errors.

    Statements outside :meth:`transaction` commit by themselves.

    Attributes:
        keeper: Called with the rows that a transaction wrote, as its last step: what changed is kept beside the change,
            whatever changed it. Needs a database that knows ``RETURNING``.

    Args:
        connection: A DBAPI connection in autocommit mode.
        owner: What lent the connection and takes it back on :meth:`close`.
        place: The database's file, to tell a full disk from a broken one.
    """

    def __init__(self, connection: Any, owner: Any = None, place: Path | None = None) -> None:
        self.connection = connection
        self._owner, self._place = owner, place
        self._depth = 0
        self.keeper: Callable[[Touched], object] | None = None
        self._touched: Touched = {}
        self._unkept = 0
        self._keys: dict[str, tuple[str, ...]] = {}

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> Any:
        """Run one statement and return its cursor.

        Raises:
            StoreBusy: KF-601, another program holds the store.
            DiskFull: KF-701.
            StoreDamaged: KF-602, the database cannot be read or written.
            OwnFault: KF-901, a statement or a value that no database takes.
        """
        if self.keeper is not None and not self._unkept and (found := _WRITES.match(sql)):
            return self._execute_kept(found[1].upper(), found[2], sql, parameters)
        return self._execute(sql, parameters)

    def _execute(self, sql: str, parameters: Sequence[object]) -> Any:
        try:
            return self.connection.cursor(_Cursor).execute(sql, parameters)
        except _FAULTS as error:
            raise broken_text(error, self.connection) or _translated(error, self._place) from error

    def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> int:
        """Run one statement for many rows and return how many rows it changed. Errors as :meth:`execute`."""
        if self.keeper is not None and not self._unkept and (found := _WRITES.match(sql)):
            with self.transaction():
                return sum(self._execute_kept(found[1].upper(), found[2], sql, row).rowcount for row in rows)
        try:
            return int(self.connection.executemany(sql, rows).rowcount)
        except _FAULTS as error:
            raise _translated(error, self._place) from error

    @property
    def depth(self) -> int:
        """How many transactions are open, one within the other."""
        return self._depth

    # --- what a transaction wrote -------------------------------------------------------------

    def keys_of(self, table: str) -> tuple[str, ...]:
        """Return the names of a table's key columns, in order; none for a table that is not there."""
        if table not in self._keys:
            found = self._execute(f"SELECT name, pk FROM pragma_table_info('{table}') WHERE pk > 0 ORDER BY pk", ())
            self._keys[table] = tuple(name for name, _ in found.fetchall())
        return self._keys[table]

    def _execute_kept(self, verb: str, table: str, sql: str, parameters: Sequence[object]) -> Any:
        """Run a statement that writes and note which rows it wrote."""
        if not self._depth:
            with self.transaction():
                return self._execute_kept(verb, table, sql, parameters)
        keys = self.keys_of(table)
        if verb == "UPDATE" and any(re.search(rf"\b{key} = ", sql.partition("WHERE")[0]) for key in keys):
            raise ValueError("a key does not change")  # nobody would know which row is gone
        cursor = self._execute(f"{sql} RETURNING {', '.join(keys)}", parameters)
        for key in cursor.fetchall():
            if verb == "DELETE" or self._touched.get((table, key), False):
                self._touched.pop((table, key), None)  # a row that comes again comes last
            self._touched[table, key] = verb == "DELETE"
        return cursor

    @contextmanager
    def unkept(self) -> Iterator[None]:
        """What is written within is not for the keeper: it is kept in another form, or says nothing that lasts."""
        self._unkept += 1
        try:
            yield
        finally:
            self._unkept -= 1

    def _keep(self) -> None:
        touched, self._touched = self._touched, {}
        if touched and self.keeper is not None:
            with self.unkept():
                self.keeper(touched)

    def write_blob(self, table: str, column: str, row: int, pieces: Iterable[bytes]) -> None:
        """Fill a blob of a row that has the room for it, piece by piece. Errors as :meth:`execute`."""
        try:
            with self.connection.blobopen(table, column, row) as blob:
                for piece in pieces:
                    blob.write(piece)
        except _FAULTS as error:
            raise _translated(error, self._place) from error

    def value(self, sql: str, parameters: Sequence[object] = ()) -> Any:
        """Return the first column of the first row, or ``None``."""
        row = self.execute(sql, parameters).fetchone()
        return None if row is None else row[0]

    def chosen(self, sql: str, values: Sequence[object], before: Sequence[object] = ()) -> Iterator[Any]:
        """Yield the rows of a query over a list of any length.

        Args:
            sql: A query with ``{}`` where the list's marks belong, at its end.
            values: The list.
            before: Parameters that stand before the list.
        """
        for start in range(0, len(values), PARAMETERS_MAX):
            part = values[start : start + PARAMETERS_MAX]
            yield from self.execute(sql.format(",".join("?" * len(part))), (*before, *part))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Within another transaction it is a savepoint of that one."""
        name = f"kirim_{self._depth}"
        self.execute(f"SAVEPOINT {name}" if self._depth else "BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
            if self._depth == 1:
                self._keep()
        except BaseException:
            if self._depth == 1:
                self._touched = {}
            self._depth -= 1
            self._undo(name)
            raise
        self._depth -= 1
        try:
            self.execute(f"RELEASE {name}" if self._depth else "COMMIT")
        except BaseException:
            self._undo(name)
            raise

    def _undo(self, name: str) -> None:
        if not self.connection.in_transaction:
            return  # SQLite has rolled back by itself, after a full disk for instance
        if self._depth:
            self.execute(f"ROLLBACK TO {name}")
            self.execute(f"RELEASE {name}")
        else:
            self.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection."""
        (self._owner or self.connection).close()


_FAULTS = (sqlite3.Error, OverflowError, UnicodeEncodeError)
"""What Python's driver raises; the last two for a whole number beyond 64 bits and for half a character."""

_PLACE = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_SCHEMA,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_NOTADB,
}
"""SQLite's codes for what is wrong with the place, not with the statement or its values."""


_ROOM_BYTES = 128 * 1024
"""With less room, SQLite cannot make the files that it needs beside a database, and says no more than *I/O*."""


def _translated(error: Exception, place: Path | None = None) -> ExchangeError:
    from exchange import errors

    whole = getattr(error, "sqlite_errorcode", 0)
    code = whole & 0xFF
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return errors.StoreBusy()
    if code == sqlite3.SQLITE_FULL or (code in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN} and _is_full(place)):
        return errors.DiskFull(folder=str(place.parent) if place else "database")
    if code in _PLACE and (closed := _closed(place)) is not None:
        return closed
    if code in _PLACE or whole == sqlite3.SQLITE_CONSTRAINT_TRIGGER:  # a trigger that another program left here
        return errors.StoreDamaged(detail=str(error))
    return errors.OwnFault(detail=type(error).__name__ if code == 0 else str(error))


def _closed(place: Path | None) -> ExchangeError | None:
    """Return the error that names the owner if whoever runs this may not write to a database or its folder."""
    from exchange import errors

    if place is None:
        return None
    try:
        for path, needed in ((place.parent, os.R_OK | os.W_OK | os.X_OK), (place, os.R_OK | os.W_OK)):
            if path.exists() and not os.access(path, needed):
                if os.name != "nt" and os.statvfs(path).f_flag & os.ST_RDONLY:
                    return errors.FolderUnwritable(folder=str(place.parent), part="the medium is read-only")
                return errors.StoreForeign(folder=str(place.parent), owner=_owner(path))
    except OSError:
        return None
    return None


def _owner(path: Path) -> str:
    """Return who owns a file, by name where the system knows one."""
    try:
        return path.owner()
    except (KeyError, NotImplementedError):
        return str(path.stat().st_uid)


def stands(path: Path) -> bool:
    """Whether a database's file is there.

    Raises:
        StoreForeign: KF-607, in a folder that whoever runs this may not enter.
    """
    try:
        return path.is_file()
    except PermissionError as error:
        from exchange import errors

        above = next((folder for folder in path.parents if _is_seen(folder)), path.parents[-1])
        raise errors.StoreForeign(folder=str(path.parent), owner=_owner(above)) from error


def _is_seen(folder: Path) -> bool:
    try:
        return folder.exists()
    except PermissionError:
        return False


def _is_full(place: Path | None) -> bool:
    import shutil

    try:
        return place is not None and shutil.disk_usage(place.parent).free < _ROOM_BYTES
    except OSError:
        return False


def open_sqlite(path: Path) -> Database:
    """Return a connection to a SQLite file, durable at each commit.

    WAL lets a page read while another program writes; ``synchronous=FULL`` makes a commit survive a power cut.
    """
    try:
        make_private(path)
        connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
        tune(connection)
    except sqlite3.Error as error:
        raise _translated(error, path) from error
    return Database(connection, place=path)


def open_to_read(path: Path) -> Database:
    """Return a connection to a SQLite file that writes nothing, neither into the file nor beside it."""
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_SECONDS)
    except sqlite3.Error as error:
        raise _translated(error, path) from error
    return Database(connection, place=path)


def into_one_file(db: Database) -> None:
    """Bring all of a database that is finished into its one file: it is then read without files beside it."""
    db.execute("PRAGMA journal_mode=DELETE").fetchall()


BESIDE = ("-wal", "-shm", "-journal")
"""Ends of the names of files that SQLite keeps beside a database."""


def make_private(path: Path) -> None:
    """Make a database's file, if it is not there, for its owner alone; SQLite gives the files beside it the same mode."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | getattr(os, "O_CLOEXEC", 0), 0o600))
    except OSError:
        return  # SQLite finds the same, and says it in its own way


def tune(connection: Any) -> None:
    """Set what every connection to a SQLite store needs."""
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=OFF",
        "cache_size=-16000",
        "wal_autocheckpoint=4000",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()


def open_url(url: str) -> Database:
    """Return a connection to the server's database.

    Args:
        url: A SQLAlchemy URL. Only SQLite is served so far.

    Raises:
        DatabaseUrlBad: KF-110.
    """
    import re

    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError
    from sqlalchemy.pool import NullPool

    from exchange import errors

    shown = re.sub("//[^/]*@", "//***@", url)  # without user and password
    try:
        engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS})
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise errors.DatabaseUrlBad(url=shown) from error
    if engine.dialect.name != "sqlite" or not engine.url.database or engine.url.database == ":memory:":
        raise errors.DatabaseUrlBad(url=shown)
    place = Path(engine.url.database)
    try:
        make_private(place)
        owner: Any = engine.raw_connection()
        connection: Any = owner.driver_connection
        connection.isolation_level = None
        tune(connection)
    except sqlite3.Error as error:
        raise _translated(error, place) from error
    return Database(connection, owner, place)
