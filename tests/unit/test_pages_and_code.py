"""What the pages say of the code, and the code of the pages, is there."""

from __future__ import annotations

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
