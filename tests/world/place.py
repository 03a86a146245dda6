"""Where a world stands: one prepared server with three schools, copied for each world, and what stops a machine.

The head's key is opened once instead of at every export, because its passphrase is made to be slow. Nothing else is
spared: real files, real keys, real SQLite.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from exchange.interop.lists import SchoolRow
from exchange.nodes import SchoolNode, ServerNode
from exchange.registering import add_schools
from exchange.schema.model import Schema
from exchange.store.database import Database
from exchange.trust.keys import Identity
from tests.life import NOW, PASSPHRASE, Clock, Life, Sekolah

SCHOOLS = 3
"""Schools of the template; a world uses two or three of them."""

UNKNOWN_AGAMA = 55
"""A code that the schools' lists have and the server's has not: a row with it waits on the open list."""

RUANG = str(uuid.UUID(int=7, version=4))


class Killed(BaseException):
    """The machine stopped: what ran has no chance to tidy up."""


class Template:
    """A server with enrolled schools, every store closed, every head's key open."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        dice, life = random.Random(1), Life(folder)
        for n in range(SCHOOLS):
            row = SchoolRow(npsn=f"0000000{n + 1}", name=f"SD CONTOH {n + 1}", bentuk="SD", head="KEPALA CONTOH")
            # Ids from a seed, so that a world is the same in every process.
            added = add_schools(life.server, [row], new_id=lambda: uuid.UUID(int=dice.getrandbits(128), version=4))
            school = life.laptop(added[0])
            school.sql("INSERT INTO ref_agama (agama_id, nama) VALUES (?, 'Contoh')", UNKNOWN_AGAMA)
        self.homes = [school.home.relative_to(folder) for school in life.schools]
        self.heads: list[Identity] = [school.node.head(PASSPHRASE) for school in life.schools]
        for school in life.schools:
            # A first round trip, so that the centre knows each laptop and a world begins in the middle of its life.
            school.node.head = _opened(school.node.head(PASSPHRASE))  # type: ignore[method-assign]
            school.round_trip()
        life.close()


def _opened(head: Identity) -> Callable[[str], Identity]:
    return lambda passphrase: head


def room() -> Path:
    """Return a new folder in memory where there is one: a world needs no disk that turns."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="kirim-dunia-", dir=memory if memory.is_dir() else None))


@cache
def template() -> Template:
    """Return the template of this process, made once and taken away at its end."""
    import atexit

    place = room()
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return Template(place / "asal")


class Laptop(Sekolah):
    """One laptop of a school, with a clock of its own.

    Attributes:
        n: Which school, from 0.
        clock: Its clock; nothing but its user moves it.
        schema: The tables as its program knows them.
    """

    def __init__(self, life: Life, home: Path, n: int, head: Identity | None, schema: Schema | None = None) -> None:
        self.life, self.home, self.n, self._head, self.schema = life, home, n, head, schema
        self.clock = Clock(NOW)
        self._people = 0
        self.open()

    def open(self) -> None:
        """Open the store."""
        more = {} if self.schema is None else {"schema": self.schema}
        self.node = SchoolNode.open(self.home, clock=self.clock, **more)
        if self._head is None:
            self._head = self.node.head(PASSPHRASE)
        self.node.head = _opened(self._head)  # type: ignore[method-assign]

    def reopen(self) -> None:
        """Close the store and open it again, as after a restart."""
        self.node.close()
        self.open()

    def copied(self, home: Path) -> Laptop:
        """Return a second laptop that is a copy of this one."""
        rest(self.node.store.db)
        shutil.copytree(self.home, home)
        return Laptop(self.life, home, self.n, self._head, self.schema)


class Place(Life):
    """A copy of the template for one world."""

    def __init__(self, folder: Path, schools: int) -> None:
        source = template()
        shutil.copytree(source.folder, folder)
        self.folder, self.clock, self._lists, self.schema = folder, Clock(NOW), 0, None
        self.open_server()
        pairs = list(zip(source.homes, source.heads, strict=True))[:schools]
        self.laptops = [Laptop(self, folder / home, n, head) for n, (home, head) in enumerate(pairs)]
        self.schools = list(self.laptops)
        self.scopes = [laptop.scope for laptop in self.laptops]

    def open_server(self) -> None:
        """Open the server."""
        more = {} if self.schema is None else {"schema": self.schema}
        self.server = ServerNode.open(self.folder / "pusat", clock=self.clock, **more)

    def reopen_server(self) -> None:
        """Close the server and open it again, as after a restart."""
        self.server.close()
        self.open_server()


def rest(db: Database) -> None:
    """Let everything stand in the database's one file, so that a copy of the folder is a copy of the store."""
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


# --- a machine that stops ---------------------------------------------------------------------

_CALLS = ("fsync", "replace", "rename", "link", "unlink", "mkdir", "rmdir")
_STATEMENTS = ("BEGIN", "COMMIT")


@contextmanager
def dying(step: int) -> Iterator[None]:
    """Stop this machine just before its n-th step that makes something durable, names it or takes it away.

    What was stopped stays stopped: nothing that it does on its way out reaches the disk either. With 0 it never stops.
    """
    if not step:
        yield
        return
    left = step

    def tick() -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            raise Killed

    def before(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            tick()
            return real(*args, **kwargs)

        return call

    kept = {name: getattr(os, name) for name in _CALLS}
    plain = Database.execute
    durable = before(plain)

    def execute(self: Database, sql: str, parameters: Any = ()) -> Any:
        return (durable if sql.startswith(_STATEMENTS) else plain)(self, sql, parameters)

    for name, real in kept.items():
        setattr(os, name, before(real))
    Database.execute = execute  # type: ignore[method-assign]
    try:
        yield
    finally:
        for name, real in kept.items():
            setattr(os, name, real)
        Database.execute = plain  # type: ignore[method-assign]
