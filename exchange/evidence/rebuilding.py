"""A server made again in another folder, from the archive and the keys; and whether it equals the one that stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from exchange import digests, errors, homes, mirror, spool
from exchange.clocks import system_clock
from exchange.evidence.replay import Replay, Replayed
from exchange.nodes import KEYS, Clock, ServerNode
from exchange.registering import FOLDERS
from exchange.schema import SCHEMA
from exchange.store.server import FILE, ServerStore

_ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class Difference:
    """A table of a school in which the rebuilt database and the one that stands are not equal."""

    npsn: str
    table: str
    rebuilt: int
    stands: int

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server rebuild --json``."""
        return {"npsn": self.npsn, "table": self.table, "rebuilt": self.rebuilt, "stands": self.stands}


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A server that was made again.

    Attributes:
        home: Its folder.
        replayed: What was replayed.
        schools: How many schools it has.
        tables: Tables of schools that hold rows.
        equal: Whether the database that stands has the same tables and the same ledger; ``None`` when there is none.
        differences: Where they differ.
    """

    home: Path
    replayed: Replayed
    schools: int
    tables: int
    equal: bool | None
    differences: tuple[Difference, ...]

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server rebuild --json``."""
        return {
            "home": str(self.home),
            "packages": self.replayed.packages,
            "acts": self.replayed.acts,
            "ledger": self.replayed.value.hex(),
            "compared_returns": self.replayed.compared,
            "schools": self.schools,
            "tables": self.tables,
            "equal": self.equal,
            "differences": [one.as_json() for one in self.differences],
        }


def rebuild(
    home: Path,
    into: Path,
    db: str | None = None,
    *,
    clock: Clock = system_clock,
    progress: Callable[[int], None] | None = None,
) -> Rebuilt:
    """Make a server again in an empty folder, from a home's archive and keys, and compare it with the home's database.

    Args:
        home: With ``archive`` and ``kunci``; its database is only compared, and need not be there.
        into: Folder of the new server.
        db: URL of the database that is compared, if it is not the one in the home.
        clock: Seconds since 1970.
        progress: Called with the number of entries done.

    Raises:
        HomeMissing: KF-101, no archive with a ledger stands there.
        HomeExists: KF-102, of the new folder.
        LedgerBroken, ReplayDiffers: KF-604, KF-605; the new folder has no database.
        DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    if (db is not None or (home / FILE).is_file()) and (home / KEYS).is_dir():
        with closing(ServerNode.open(home, db)) as node:
            node.mirror.catch_up()  # what stands only in the database yet
    if not mirror.files(home / _ARCHIVE) or not (home / KEYS).is_dir():
        raise errors.HomeMissing(home=str(home), role="server")
    homes.unbuild(into)
    if (into / KEYS).exists() or (into / FILE).exists():
        raise errors.HomeExists(home=str(into))
    homes.make_home(into, FOLDERS)
    with homes.building(into) as place:
        _copy(home / KEYS, place / KEYS)
        (place / KEYS).chmod(0o700)
        with spool.disk(place):
            (place / "held").mkdir()
        with closing(ServerStore.create(place, SCHEMA, clock)) as store:
            replayed = Replay(ServerNode(store), home / _ARCHIVE).run(progress)
            held = store.db.execute("SELECT package_id FROM kirim_package WHERE state = 'held'").fetchall()
        (place / "held").rmdir()
        for path in sorted((home / _ARCHIVE).rglob("*")):
            if path.is_file():
                spool.same(path, into / path.parent.relative_to(home), path.name)
        for (package_id,) in held:
            name = f"{bytes(package_id).hex()}.kirim"
            spool.same(home / _ARCHIVE / name[:2] / name, into / "held", name)
    return _compared(home, into, db, replayed)


def _copy(source: Path, target: Path) -> None:
    for path in sorted(source.iterdir()):
        if path.is_file():
            with spool.open_file(path) as file:
                spool.keep(file, target, path.name)


def _compared(home: Path, into: Path, db: str | None, replayed: Replayed) -> Rebuilt:
    with closing(ServerNode.open(into)) as node:
        mine = dict(_digests(node.store))
        schools = len(node.store.schools())
    if db is None and not (home / FILE).is_file():
        return Rebuilt(into, replayed, schools, len(mine), None, ())
    with closing(ServerNode.open(home, db)) as node:
        theirs = dict(_digests(node.store))
        head = node.store.db.value("SELECT value FROM kirim_entry ORDER BY seq DESC LIMIT 1")
    apart = tuple(
        Difference(*key, mine.get(key, (0, b""))[0], theirs.get(key, (0, b""))[0])
        for key in sorted(mine.keys() | theirs.keys())
        if mine.get(key) != theirs.get(key)
    )
    is_same_ledger = bytes(head or b"") == replayed.value
    return Rebuilt(into, replayed, schools, len(mine), not apart and is_same_ledger, apart)


def _digests(store: ServerStore) -> Iterator[tuple[tuple[str, str], tuple[int, bytes]]]:
    """Yield count and digest of every table of every school that has rows."""
    for school in store.schools():
        for number, pair in digests.pairs(store.db, store.schema, school.sekolah_id, store.schema.version).items():
            yield (school.npsn, store.schema.by_number[number].name), pair
