"""Blocks looked into: what one says of a row, of which groups it speaks, some of its rows alone."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

from exchange.records import Block, Op
from exchange.schema.model import Column, Table


def values_of(block: Block, n: int = 0) -> dict[Column, object]:
    """Return what a block sets in its n-th row."""
    return {c: values[n] for c, values in zip(block.columns, block.values[len(block.table.key) :], strict=True)}


def groups_of(block: Block) -> set[int]:
    """Return the numbers of the groups that a block speaks of; 0 stands for whole rows, made or deleted.

    Example:
        >>> from exchange.schema import SCHEMA
        >>> pupils = SCHEMA.by_name["peserta_didik"]
        >>> groups_of(Block(pupils, Op.DELETE, (), [["3f0c0000-0000-4000-8000-000000000001"]]))
        {0}
    """
    if block.op is not Op.UPDATE:
        return {0}
    of = block.table.group_of
    return {of[column.name].number for column in block.columns}


def by_group(table: Table, values: Mapping[Column, object]) -> dict[int, tuple[object, ...]]:
    """Return a row's values by group number."""
    found: dict[int, tuple[object, ...]] = {}
    for column, value in values.items():
        number = table.group_of[column.name].number
        found[number] = (*found.get(number, ()), value)
    return found


def same(a: Sequence[object], b: Sequence[object]) -> bool:
    """Return whether two rows of values are the same to the byte.

    Example:
        >>> same([1, "a"], [1, "a"]), same([1], [1.0])
        (True, False)
    """
    return all(type(x) is type(y) and x == y for x, y in zip(a, b, strict=True))


def one_of(block: Block, n: int) -> Block:
    """Return one row of a school's block."""
    return Block(block.table, block.op, block.columns, [[column[n]] for column in block.values])


def without(block: Block, names: Sequence[str], which: Collection[int]) -> tuple[Block, list[str]]:
    """Return a school's block without some of its rows, and the names of those that stay."""
    if not which:
        return block, list(names)
    stay = [n for n in range(len(names)) if n not in which]
    values = [[column[n] for n in stay] for column in block.values]
    return Block(block.table, block.op, block.columns, values), [names[n] for n in stay]


def shown(columns: Sequence[str], values: Sequence[object]) -> str:
    r"""Return values under their columns' names as JSON; bytes as hex.

    Example:
        >>> shown(("email", "nama"), ("a@contoh.id", b"\xff"))
        '{"email": "a@contoh.id", "nama": "ff"}'
    """
    return json.dumps(
        {c: v.hex() if isinstance(v, bytes) else v for c, v in zip(columns, values, strict=False)}, ensure_ascii=False
    )
