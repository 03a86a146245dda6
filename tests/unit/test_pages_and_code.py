"""What the pages say of the code, and the code of the pages, is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import exchange
from exchange.schema import SCHEMA
from exchange.store.ddl import statements

CODE = Path(exchange.__file__).parent
DOCS = CODE.parent / "docs"
CITED = re.compile(r"docs/([a-z-]+\.md)(?:``)?,? (?:sections? )?(\d+(?:\.\d+)?)")


def headings(page: str) -> set[str]:
    """Return the numbers of a page's sections."""
    return set(re.findall(r"^#+ (\d+(?:\.\d+)?)\.? ", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("file", sorted(CODE.rglob("*.py")), ids=lambda file: str(file.relative_to(CODE)))
def test_a_cited_section_exists(file):
    """A docstring's source is a page of ours and a section that it has."""
    for page, section in CITED.findall(file.read_text(encoding="utf-8")):
        known = headings(page) | set(re.findall(r"^(\d+)\. ", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE))
        assert section in known, f"{page} has no section {section}"


def test_the_architecture_names_every_room_and_every_table():
    """docs/architecture.md, sections 2 and 5: nobody meets a module or an engine's table that it does not name."""
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    rooms = {path.stem for path in CODE.iterdir() if path.is_dir() or path.suffix == ".py"}
    rooms -= {"__init__", "__main__", "__pycache__", "py", "locale", "py.typed"}
    tables = {
        name
        for role in ("school", "server")
        for statement in statements(SCHEMA, role)
        for name in re.findall(r"^CREATE TABLE (kirim_[a-z]+)", statement)
        if name != "kirim_before"
    }
    assert {room for room in rooms if f"`{room}`" not in text and f"`{room}/`" not in text} == set()
    assert {name for name in tables if f"`{name}`" not in text} == set()


NAMED = re.compile(r"`([a-z]+/test_[a-z0-9_]+\.py)::(test_[a-z0-9_]+)`")
"""A test as the pages name it: file under ``tests/`` and name."""


def named_tests(page: str) -> list[tuple[str, str]]:
    """Return the tests that a page names."""
    return NAMED.findall((DOCS / page).read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", ["threats.md", "requirements.md"])
def test_every_test_that_a_page_names_exists_and_is_collected(page):
    """A function of that name in a file that pytest collects; nothing skips it."""
    wanted = named_tests(page)
    assert len(wanted) > 40
    for file, name in wanted:
        tree = ast.parse((DOCS.parent / "tests" / file).read_text(encoding="utf-8"))
        found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
        assert len(found) == 1, f"{page}: {file} has no {name}"
        assert not any("skip" in ast.unparse(decorator) for decorator in found[0].decorator_list)


def test_every_requirement_says_which_test_answers_for_it():
    """R1 to R30, once each, in order; a line without a test says why."""
    text = (DOCS / "requirements.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| (R\d+) \| (.+) \|$", text, re.MULTILINE)
    assert [number for number, _ in lines] == [f"R{n}" for n in range(1, 31)]
    assert [number for number, line in lines if not NAMED.search(line)] == ["R24", "R30"]
    assert {number for number, _ in lines} <= set(re.findall(r"\*\*(R\d+)\*\*", text))


def test_every_attack_scenario_stands_on_the_page_of_threats():
    """Whoever adds a test to tests/threats names it on the page."""
    files = sorted((DOCS.parent / "tests/threats").glob("test_*.py"))
    there = {
        (f"threats/{file.name}", node.name)
        for file in files
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    assert there - set(named_tests("threats.md")) == set()
