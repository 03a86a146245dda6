"""A server and a school with made-up data in a folder, for the benchmarks of the engine."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import bare_upsert
from exchange.demo.madeup import Tables
from exchange.format.body import read_body
from exchange.limits import BLOCK_ROWS_MAX
from exchange.nodes import ServerNode
from exchange.reading import changesets
from exchange.records import Block, Op, PackageKind
from exchange.schema import SCHEMA
from exchange.school.capture import insert_blocks
from exchange.trust.opening import VerifiedPackage, open_package
from tests.life import Life, Sekolah

DINAS = {"sekolah", "ptk", "ptk_terdaftar", "tugas_tambahan", "pengguna", "vld_data"}
"""Tables of which a school makes no rows, or whose rows came with the prefill."""


def fill(school: Sekolah, tables: Tables, sekolah_id: str) -> int:
    """Write a made-up school's rows into a laptop's store with plain SQL, and return how many.

    Args:
        school: The laptop.
        tables: Rows of the made-up school.
        sekolah_id: Its id in these rows; it becomes the laptop's.
    """
    db, count = school.node.store.db, 0
    _subjects(school, tables)
    with db.transaction():
        for name, (columns, rows) in tables.items():
            if name in DINAS or SCHEMA.by_name[name].is_reference:
                continue
            mine = [tuple(school.scope if value == sekolah_id else value for value in row) for row in rows]
            marks = ", ".join("?" * len(columns))
            db.executemany(f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks})", mine)
            count += len(mine)
    return count


def _subjects(school: Sekolah, tables: Tables) -> None:
    """Add the made-up subjects to the lists of both sides; real lists hold hundreds."""
    columns, rows = tables["pembelajaran"]
    codes = sorted({row[columns.index("mata_pelajaran_id")] for row in rows})
    for db in (school.node.store.db, school.life.server.store.db):
        db.executemany(
            "INSERT INTO ref_mata_pelajaran (mata_pelajaran_id, nama) VALUES (?, ?) ON CONFLICT DO NOTHING",
            [(code, f"Mapel {code}") for code in codes],
        )


def opened(server: ServerNode, path: Path) -> VerifiedPackage:
    """Return a package, verified and opened."""
    with path.open("rb") as file:
        package = open_package(file, kinds={PackageKind.KIRIM}, find=server.find, identities=server.identities)
    assert isinstance(package, VerifiedPackage)
    return package


def blocks_of(server: ServerNode, path: Path) -> list[Block]:
    """Return every block of a package, decoded."""
    with opened(server, path) as package:
        _, items = read_body(package.body, SCHEMA.version)
        scope = str(uuid.UUID(bytes=package.header.scope))
        return [block for found in changesets(SCHEMA, scope, items) for block in found.blocks]


def bare(path: Path, blocks: Sequence[Block], scope: str) -> None:
    """Upsert the rows of blocks into a server's database, and nothing else, in one transaction."""
    connection = bare_upsert.opened(path)
    connection.execute("BEGIN IMMEDIATE")
    for block in blocks:
        if block.op is Op.DELETE:
            continue
        keys = block.table.key_names
        columns = [*keys, *(column.name for column in block.columns), "kirim_home"]
        rows = zip(*block.values, [scope] * block.count, strict=True)
        connection.executemany(bare_upsert.upsert_sql(block.table.name, keys, columns), rows)
    connection.execute("COMMIT")
    connection.close()


class Copies:
    """Fresh copies of a server's home, each the same."""

    def __init__(self, life: Life) -> None:
        life.server.store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._source, self._folder, self._count = life.server.home, life.folder, 0
        self._life = life

    def fresh(self) -> Path:
        """Return the home of a new copy; the one before is removed."""
        old = self._folder / f"salinan-{self._count}"
        shutil.rmtree(old, ignore_errors=True)
        self._count += 1
        home = self._folder / f"salinan-{self._count}"
        shutil.copytree(self._source, home)
        return home

    def node(self) -> ServerNode:
        """Return an open server on a new copy."""
        return ServerNode.open(self.fresh(), clock=self._life.clock)


def inserted(tables: Tables) -> Iterator[Block]:
    """Yield rows of a made-up school as capture hands them to the encoder."""
    for table in SCHEMA.data_tables:
        if table.name in tables:
            columns, rows = tables[table.name]
            places = [columns.index(c.name) if c.name in columns else -1 for c in table.all_columns]
            whole = [tuple(row[n] if n >= 0 else None for n in places) for row in rows]
            yield from insert_blocks(
                table, (whole[n : n + BLOCK_ROWS_MAX] for n in range(0, len(whole), BLOCK_ROWS_MAX))
            )
