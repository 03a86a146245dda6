"""R10: files that are written already give one state, whatever the order in which they are taken.

A world writes packages that nobody takes: people and the centre edit, returns come and go. Then copies of the same server
take those packages in different orders, one by one, and everything that they hold afterwards is compared.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

from exchange.ingest import ingest_paths
from exchange.nodes import ServerNode
from exchange.server.returning import touched_blocks
from tests.world.deeds import DEEDS
from tests.world.place import rest
from tests.world.world import World

_QUIET = (
    "new_pupil", "edit_pupil", "fix_pupil", "stay", "edit_stay", "new_card", "edit_card", "new_rombel", "edit_rombel",
    "new_member", "edit_member", "new_nilai", "edit_nilai", "edit_ptk", "delete", "undelete", "edit_guest", "kip", "verval",
    "dinas", "pusat", "centre_deletes", "centre_adds", "fetched",
)  # fmt: skip
"""What happens between two packages: nothing of it brings one to the server."""


@dataclass(frozen=True)
class Written:
    """A server and packages on their way to it.

    Attributes:
        home: The server's; nobody works there.
        files: The packages, in the order in which they were written.
    """

    home: Path
    files: tuple[Path, ...]


def written(world: World, packages: int, *, deeds: int = 8) -> Written:
    """Let a world write packages, with a few deeds and maybe a return before each, and close its server.

    Every school makes one whole round trip first, so that both sides have something to disagree about; the package of
    that trip is the first of those that are returned: a repeat.
    """
    dice = random.Random(world.dice.getrandbits(32))
    for n in range(world.schools):
        for name in ("new_pupil", "new_pupil", "new_rombel", "new_member", "new_card", "trip"):
            _do(world, dice, name, n)
    while len(world.parcels) < world.schools + packages - 1:
        n = dice.randrange(world.schools)
        for _ in range(deeds):
            _do(world, dice, dice.choice(_QUIET), dice.choice([n, n, dice.randrange(world.schools)]))
        if dice.random() < 0.6:
            _do(world, dice, "fetched", n)
            _do(world, dice, "edit_pupil", n)
        _do(world, dice, "export", n)
    # An SK line that waits for its pupil is a word of the centre that is still to come: it comes when the pupil does.
    world.place.server.store.db.execute("DELETE FROM kirim_kip")
    rest(world.place.server.store.db)
    world.place.server.close()
    paths = tuple(parcel.path for parcel in world.parcels)
    return Written(world.place.server.home, (dice.choice(paths[: world.schools]), *paths[world.schools :]))


def _do(world: World, dice: random.Random, name: str, n: int) -> None:
    world.step, world._words = world.step + 1, 0
    world.dice.seed(dice.getrandbits(48))
    DEEDS[name].do(world, n)


def after(world: World, given: Written, order: Iterable[int]) -> str:
    """Return what a copy of the server holds after it took packages one by one, without what only says when."""
    home = given.home.parent / "pusat-urutan"
    shutil.copytree(given.home, home)
    server = ServerNode.open(home, clock=world.place.clock)
    try:
        told = [ingest_paths(server, [given.files[n]]).files[0].status for n in order]
        assert set(told) <= {"applied", "duplicate", "held"}, told
        return "\n".join(_everything(server))
    finally:
        server.close()
        shutil.rmtree(home)


def _everything(server: ServerNode) -> Iterator[str]:
    """Yield lines: every row, every outcome byte for byte, every row kept aside, locks, and all that a return could say."""
    store = server.store
    for table in store.schema.data_tables:
        names = ", ".join([*(c.name for c in table.all_columns), "soft_delete", "kirim_home"])
        yield from _told(table.name, store.db.execute(f"SELECT {names} FROM {table.name}"))
    yield from _told("outcome", store.db.execute("SELECT scope, number, value, hex(outcome) FROM kirim_changeset WHERE outcome IS NOT NULL"))
    yield from _told("open", store.db.execute("SELECT scope, table_no, row, code, hex(bytes) FROM kirim_open"))
    yield from _told("lock", store.db.execute("SELECT table_no, row, group_no FROM kirim_lock"))
    yield from _told("waiting", store.db.execute("SELECT scope, number, state FROM kirim_package WHERE state IN ('held', 'accepted')"))
    for school in store.schools():
        said = []
        for block in touched_blocks(store, school, 0):
            columns = [column.name for column in (*block.table.key, *block.columns)]
            said += [
                (block.table.name, block.op.name, block.cause.name, block.locked, sorted(zip(columns, row, strict=True)))
                for row in zip(*block.values, strict=True)
            ]
        yield from _told(f"return to {school.npsn}", said)


def _told(what: str, found: Iterable[Sequence[object]]) -> Iterator[str]:
    yield from sorted(f"{what} {tuple(row)!r}" for row in found)


def orders(count: int, dice: random.Random, most: int) -> Iterator[tuple[int, ...]]:
    """Yield all orders of so many packages, or some by chance if there are more; each ends with one that came before."""
    every = list(permutations(range(count))) if count <= 6 else [tuple(dice.sample(range(count), count)) for _ in range(most)]
    for order in every if len(every) <= most else dice.sample(every, most):
        yield (*order, dice.choice(order))
