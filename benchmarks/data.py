"""The data sets that everything is measured on: made up, from one seed, the same on every machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from random import Random

from exchange.demo.madeup import MadeUpSchool, Tables, rollover, table_rows
from exchange.schema import SCHEMA

SEED = 1
SUBJECTS = {"SD": 9, "SMP": 11, "SMA": 14, "SMK": 16}
"""Subjects of a class, as curricula have them; the shipped reference lists hold a few only."""


@cache
def school(bentuk: str, pupils: int, seed: int = SEED) -> MadeUpSchool:
    """Return one made-up school, made once."""
    return MadeUpSchool(bentuk, pupils, seed)


def full(bentuk: str, pupils: int, seed: int = SEED) -> Tables:
    """Return everything that a school's store holds in one semester."""
    return table_rows(school(bentuk, pupils, seed), subjects=SUBJECTS.get(bentuk, 0))


def next_semester(bentuk: str, pupils: int, seed: int = SEED) -> Tables:
    """Return what the next semester brings, its marks among it."""
    return rollover(school(bentuk, pupils, seed), subjects=SUBJECTS.get(bentuk, 0))


SETS: Mapping[str, Callable[[], Tables]] = {
    "SD, 250 pupils": lambda: full("SD", 250),
    "SMK, 2,000 pupils": lambda: full("SMK", 2_000),
    "SD rollover": lambda: next_semester("SD", 250),
    "SMK rollover": lambda: next_semester("SMK", 2_000),
    "10 x SMK": lambda: full("SMK", 20_000),
}
"""Name to rows. They are made anew at each call: the largest is 430,000 rows."""

Edit = tuple[str, tuple[object, ...], str, object]
"""Table, key, column and new value."""


def row_count(tables: Tables) -> int:
    """Return how many rows there are."""
    return sum(len(rows) for _, rows in tables.values())


def edits(tables: Tables, count: int, seed: int = SEED) -> list[Edit]:
    """Return everyday edits of that many rows: telephone numbers, addresses, body measures, marks, a parent's work.

    Args:
        tables: What stands in the store; ``nilai_nilai_rapor`` among it.
        count: How many edits, each of another row of its table.
        seed: Another seed edits other rows.
    """
    chance = Random(f"edits/{seed}")
    kinds = [_phone, _house, _height, _mark, _work]
    picked: set[tuple[str, tuple[object, ...]]] = set()
    made: list[Edit] = []
    while len(made) < count:
        table, column, value = chance.choice(kinds)(chance)
        columns, rows = tables[table]
        row = chance.choice(rows)
        key = row[: len(SCHEMA.by_name[table].key)]
        if (table, key) not in picked and row[columns.index(column)] != value:
            picked.add((table, key))
            made.append((table, key, column, value))
    return made


def _phone(chance: Random) -> tuple[str, str, object]:
    return "peserta_didik", "nomor_telepon_seluler", f"0800{chance.randrange(10**8):08d}"


def _house(chance: Random) -> tuple[str, str, object]:
    return "peserta_didik", "alamat_jalan", f"Jl. Contoh {chance.randrange(400)} No. {chance.randrange(200)}"


def _height(chance: Random) -> tuple[str, str, object]:
    return "peserta_didik_longitudinal", "tinggi_badan", chance.randrange(100, 180)


def _mark(chance: Random) -> tuple[str, str, object]:
    return "nilai_nilai_rapor", "nilai_kognitif_angka", str(chance.randrange(60, 100))


def _work(chance: Random) -> tuple[str, str, object]:
    return "peserta_didik", "pekerjaan_id_ayah", chance.choice((2, 3, 5, 6, 7, 9, 11, 13))


def grouped_edits(found: list[Edit]) -> Iterator[tuple[str, tuple[str, ...], list[tuple[object, ...]]]]:
    """Yield edits by table and column: name, key columns and the column, rows of key and value."""
    grouped: dict[tuple[str, str], list[tuple[object, ...]]] = {}
    for table, key, column, value in found:
        grouped.setdefault((table, column), []).append((*key, value))
    for (table, column), rows in grouped.items():
        yield table, (*SCHEMA.by_name[table].key_names, column), rows
