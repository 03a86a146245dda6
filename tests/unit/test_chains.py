"""Changesets are kept as they were encoded, however large they are, and a chain that is given away or dropped takes its parts along."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from exchange.limits import MIB
from exchange.records import ChangesetHead, Position
from exchange.schema import SCHEMA
from exchange.store import chains
from exchange.store.database import Database
from exchange.store.server import ServerStore

SCOPE, DEVICE, OTHER = "sekolah", b"laptop-1", b"laptop-2"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty server."""
    home = tmp_path_factory.mktemp("pusat")
    ServerStore.create(home, SCHEMA, lambda: 0).close()
    return home


@pytest.fixture
def db(template: Path, tmp_path: Path) -> Iterator[Database]:
    """Its database, for one test."""
    store = ServerStore.open(shutil.copytree(template, tmp_path / "pusat"), SCHEMA, lambda: 0)
    yield store.db
    store.close()


def keep(db: Database, number: int, *parts: bytes, device: bytes = DEVICE) -> None:
    """Keep a changeset of such parts."""
    writer = chains.PartWriter(db, SCOPE, device, number)
    for part in parts:
        writer.add(part)
    writer.close()
    chains.add_changeset(db, SCOPE, device, ChangesetHead(number, Position(7, b"dasar678")), bytes([number]) * 32)


def kept(db: Database, number: int, device: bytes = DEVICE) -> list[bytes]:
    """Return a changeset's parts."""
    return list(chains.read_parts(db, SCOPE, device, number))


def stored(db: Database) -> list[tuple[int, int]]:
    """Return number and size of each stored row of parts."""
    return [(part, size) for part, size in db.execute("SELECT part, length(bytes) FROM kirim_part ORDER BY part").fetchall()]


def test_a_small_changeset_is_one_row_and_an_empty_one_none(db: Database) -> None:
    keep(db, 1, b"kepala", b"", b"blok")
    assert stored(db) == [(0, 4 + 6 + 4 + 4 + 4)]
    assert kept(db, 1) == [b"kepala", b"", b"blok"]
    assert kept(db, 2) == []


def test_a_large_changeset_comes_back_whole_from_rows_of_a_mebibyte(db: Database) -> None:
    """Memory stays small: what has come is written as soon as it is a mebibyte, and counting begins anew."""
    parts = [bytes([n]) * size for n, size in enumerate((MIB - 1, 1, MIB, 1, MIB - 2, 1, 3))]
    keep(db, 1, *parts)
    assert stored(db) == [(0, MIB + 8), (1, MIB + 4), (2, MIB + 12), (3, 3 + 4)]
    assert kept(db, 1) == parts


def test_the_centres_chain_has_the_name_that_archives_know(db: Database) -> None:
    """Eight zero bytes: acts in archives and bases in packages were written under it."""
    assert chains.CENTRE.hex() == "0000000000000000"


def test_a_changeset_without_a_place_in_the_log_says_so(db: Database) -> None:
    """The school's own, and one that the server had taken before under another number."""
    keep(db, 1, b"kepala")
    (found,) = chains.chain(db, SCOPE, DEVICE, 0, 1)
    assert found == chains.Stored(1, bytes([1]) * 32, bytes([1]) * 32, Position(7, b"dasar678"), 0)
    told = db.execute("SELECT outcome, applied, same, conflict, refused, held FROM kirim_changeset").fetchone()
    assert tuple(told) == (None, 0, 0, 0, 0, 0)


def test_a_chain_is_told_behind_a_number_up_to_another(db: Database) -> None:
    for number in (3, 1, 2, 4):
        keep(db, number, b"kepala")
    assert [one.number for one in chains.chain(db, SCOPE, DEVICE, 1, 3)] == [2, 3]
    assert chains.value_at(db, SCOPE, DEVICE, 4) == bytes([4]) * 32
    assert chains.value_at(db, SCOPE, DEVICE, 5) is None
    assert chains.has_origin(db, SCOPE, DEVICE, bytes([2]) * 32)
    assert not chains.has_origin(db, SCOPE, OTHER, bytes([2]) * 32)


def test_what_is_moved_goes_with_its_parts_and_what_is_before_stays(db: Database) -> None:
    for number in (1, 2, 3):
        keep(db, number, b"kepala %d" % number)
    chains.move(db, SCOPE, DEVICE, OTHER, 1)
    assert [one.number for one in chains.chain(db, SCOPE, DEVICE, 0, 9)] == [1]
    assert [one.number for one in chains.chain(db, SCOPE, OTHER, 0, 9)] == [2, 3]
    assert [kept(db, 1), kept(db, 2), kept(db, 2, OTHER)] == [[b"kepala 1"], [], [b"kepala 2"]]


def test_what_stood_aside_leaves_nothing_so_that_the_next_branch_finds_room(db: Database) -> None:
    """A laptop that forks twice puts both branches aside under the same numbers."""
    keep(db, 1, b"milik")
    for branch in (b"cabang satu", b"cabang dua"):
        keep(db, 1, branch, device=OTHER)
        assert kept(db, 1, OTHER) == [branch]
        chains.drop(db, SCOPE, OTHER)
        assert kept(db, 1, OTHER) == []
        assert chains.chain(db, SCOPE, OTHER, 0, 9) == []
    assert kept(db, 1) == [b"milik"]
