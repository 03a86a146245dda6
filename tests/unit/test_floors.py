"""docs/architecture.md, section 2: which room may import which, and where each library lives."""

from __future__ import annotations

import ast
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import exchange

CODE = Path(exchange.__file__).parent
WORDS = {"errors", "limits", "records", "schema"}
MATTER = {"consent", "format", "merge", "rules", "spool", "store", "words", "zips"}
TRUST = {"trust"}
DOORS = {"cli", "demo", "watch"}
"""What stands on the floors; every other room is a flow. A flow may use another one, but never in a circle."""

WITHIN = {("records", "schema"): "a block is of a table", ("schema", "limits"): "the version of the tables"}
STAIRS = {
    ("cli", "demo"): "a command begins the story",
    ("cli", "watch"): "a command begins the watch",
    ("demo", "cli"): "the story types its commands at the door, as a person does",
}
ONLY_HERE = {
    "click": {"cli"},
    "cryptography": {"trust"},
    "msgpack": {"format"},
    "openpyxl": {"interop"},
    "python_calamine": {"interop"},
    "segno": {"evidence"},
    "sqlalchemy": {"store"},
    "sqlite3": {"store"},
    "watchdog": {"watch"},
    "xlsxwriter": {"interop", "demo"},  # demo writes the downloads that an operator would have
    "zstandard": {"format"},
}
DISK = {"fsync", "rename", "renames", "replace", "link", "truncate"}
"""Functions of ``os`` that move or fix files: :mod:`exchange.spool` and :mod:`exchange.homes` alone call them."""


def floor(room: str) -> int:
    return next((n for n, rooms in ((0, WORDS), (1, MATTER), (2, TRUST), (4, DOORS)) if room in rooms), 3)


def room_of(name: str) -> str:
    return [*name.split("."), ""][1]


def imports():
    """Yield (room, imported name, file) for every import, also those inside functions."""
    for file in sorted(CODE.rglob("*.py")):
        room = file.relative_to(CODE).parts[0].removesuffix(".py")
        if room in {"__init__", "__main__"}:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((room, alias.name, file) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module == "exchange":
                yield from ((room, f"exchange.{a.name}", file) for a in node.names if not a.name.startswith("__"))
            elif isinstance(node, ast.ImportFrom):
                yield room, node.module or "", file


def arrows():
    """Yield (room, room that it imports, file) between two rooms."""
    for room, name, file in imports():
        if name.startswith("exchange.") and room_of(name) != room:
            yield room, room_of(name), file


def test_every_room_of_a_floor_exists():
    rooms = {path.name.removesuffix(".py") for path in CODE.iterdir()}
    assert rooms >= WORDS | MATTER | TRUST | DOORS


def test_no_arrow_points_up():
    allowed = {*WITHIN, *STAIRS}
    up = {
        f"{file.relative_to(CODE.parent)}: {room} -> {other}"
        for room, other, file in arrows()
        if (room, other) not in allowed
        if floor(other) > floor(room) or (floor(other) == floor(room) and floor(room) != 3)
    }
    assert up == set()


def test_no_flow_uses_itself_by_a_detour():
    below: dict[str, set[str]] = {}
    for room, other, _ in arrows():
        if floor(room) == floor(other) == 3:
            below.setdefault(room, set()).add(other)
    assert tuple(TopologicalSorter(below).static_order())


@pytest.mark.parametrize("library", ONLY_HERE)
def test_a_library_lives_in_its_room(library):
    assert {room for room, name, _ in imports() if name.split(".")[0] == library} <= ONLY_HERE[library]


def test_every_other_import_is_of_the_standard_library():
    tops = {name.split(".")[0] for _, name, _ in imports()}
    assert tops - set(sys.stdlib_module_names) - set(ONLY_HERE) == {"exchange"}


def test_only_spool_and_homes_rename_and_fsync():
    found = {
        file.relative_to(CODE).as_posix()
        for file in CODE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in DISK
        if isinstance(node.value, ast.Name) and node.value.id == "os"
    }
    assert found == {"spool.py", "homes.py"}


def test_a_door_imports_no_flow_until_it_is_used():
    """What ``kirim --help`` pays for stands at the top of these modules."""
    for file in (CODE / "cli").glob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        tops = [n.module for n in tree.body if isinstance(n, ast.ImportFrom) and n.module.startswith("exchange.")]
        assert {room_of(name) for name in tops} <= {"cli", "words", "limits"}, file.name
