"""Backups, restores and copies: a store goes back to what it was, or there are two of it.

Backups are made as a careful person makes them: a copy of the whole home while nothing runs.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.world import thefts
from tests.world.place import rest
from tests.world.world import World

LAPTOPS_MAX = 2
"""Laptops of one school at a time."""


@dataclass(frozen=True)
class Backup:
    """A copy of a home.

    Attributes:
        path: Where it lies.
        unsent: What was entered at that laptop and not cut.
    """

    path: Path
    unsent: dict[tuple[str, str, str], str]


def backup_laptop(w: World, n: int) -> None:
    laptop = w.laptop(n)
    rest(laptop.node.store.db)
    w.backups.setdefault(n, []).append(Backup(_copied(w, laptop.home), dict(w.entered.unsent.get(laptop, {}))))


def backup_server(w: World, n: int) -> None:
    rest(w.place.server.store.db)
    w.backups.setdefault(None, []).append(Backup(_copied(w, w.place.server.home), {}))


def _copied(w: World, home: Path) -> Path:
    path = w.folder / f"cadangan-{sum(1 for _ in w.folder.glob('cadangan-*')) + 1}"
    w.say(f"{home.name} is copied to {path.name}")
    return Path(shutil.copytree(home, path))


def restore_laptop(w: World, n: int) -> None:
    """A laptop broke, and what stands on its successor is some backup of the school's, maybe an old one."""
    if not w.backups.get(n):
        return
    laptop, backup = w.laptop(n), w.dice.choice(w.backups[n])
    laptop.node.close()
    _replace(w, laptop.home, backup)
    laptop.open()
    w.entered.unsent[laptop] = dict(backup.unsent)
    thefts.replace_unknown(w, n)
    w.went_back()


def restore_server(w: World, n: int) -> None:
    """The server broke; everything in its home is as it was at some backup."""
    if not w.backups.get(None):
        return
    w.place.server.close()
    _replace(w, w.place.folder / "pusat", w.dice.choice(w.backups[None]))
    w.place.open_server()
    w.server_restored = True
    thefts.tell_again(w)
    w.went_back()


def _replace(w: World, home: Path, backup: Backup) -> None:
    shutil.rmtree(home)
    shutil.copytree(backup.path, home)
    w.say(f"{home.name} is what it was in {backup.path.name}")


def restore_both(w: World, n: int) -> None:
    restore_laptop(w, n)
    restore_server(w, n)


def clone(w: World, n: int) -> None:
    """A second operator gets a copy of the laptop, and both go on."""
    if len(w.laptops[n]) < LAPTOPS_MAX:
        laptop = w.laptops[n][0]
        w.clones += 1
        twin = laptop.copied(w.place.folder / f"{laptop.home.name}-salinan-{w.clones}")
        w.entered.unsent[twin] = dict(w.entered.unsent.get(laptop, {}))
        w.laptops[n].append(twin)
        w.say(f"{laptop.home.name} is copied to a second laptop, {twin.home.name}")
        w.went_back()


def lose(w: World, n: int) -> None:
    """One of two laptops is gone."""
    if len(w.laptops[n]) > 1:
        laptop = w.laptop(n)
        laptop.node.close()
        w.laptops[n].remove(laptop)
        w.entered.unsent.pop(laptop, None)
        w.say(f"{laptop.home.name} is gone")
        w.went_back()


