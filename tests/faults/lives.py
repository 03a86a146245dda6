"""Worlds that stand in another folder than where they were made."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exchange.nodes import ServerNode
from exchange.spool import PARTIAL
from tests.faults.world import copy, files, tables
from tests.life import Clock, Life, Sekolah


def closed(template: Life, folder: Path) -> Life:
    """Return a world whose stores are closed, in another folder."""
    life = Life.__new__(Life)
    life.folder, life.clock, life._lists, life.schools = folder, template.clock, template._lists, []
    for school in template.schools:
        made = Sekolah.__new__(Sekolah)
        made.home = folder / school.home.relative_to(template.folder)
        life.schools.append(made)
    return life


@contextmanager
def going_on(template: Life, folder: Path) -> Iterator[Life]:
    """Give a world that goes on, in a folder of its own, from where a kill left another folder."""
    place = folder.with_name(f"{folder.name}-lanjut")
    life = copy(closed(template, folder), place)
    try:
        yield life
    finally:
        life.close()
        shutil.rmtree(place)


def halves(folder: Path) -> list[str]:
    """Return what is left of unfinished files and folders."""
    return [name for name in files(folder) if PARTIAL in name]


def server_tables(home: Path) -> dict[str, object]:
    """Return what a server holds."""
    server = ServerNode.open(home, clock=Clock())
    try:
        return dict(tables(server))
    finally:
        server.close()
