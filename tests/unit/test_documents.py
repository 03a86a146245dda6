"""Documents follow the program: every command and code has its page, and what a page quotes is what the program says."""

from __future__ import annotations

import re
import shlex
import string
from functools import cache
from pathlib import Path

import click
import pytest

from exchange import errors
from exchange.cli.root import root
from exchange.rules import findings
from exchange.schema import SCHEMA
from exchange.school.sheet import KINDS, REST
from tools import words as catalogues

ROOT = Path(__file__).resolve().parents[2]
OPERATING = sorted((ROOT / "docs/operating").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
TYPED = [ROOT / "README.md", *OPERATING]
"""Pages that tell people what to type."""

LETTERS_MIN = 4
"""A text with fewer letters of its own would fit any line."""


def text(path):
    return path.read_text(encoding="utf-8")


def named(path):
    return path.relative_to(ROOT).as_posix()


def commands(command=root, name=()):
    """Yield every command that does something, as the words behind ``kirim``."""
    if not isinstance(command, click.Group):
        yield name, command
        return
    context = click.Context(command)
    for below in command.list_commands(context):
        yield from commands(command.get_command(context, below), (*name, below))


def typed(path):
    """Yield every command that a page shows in a code line, in words, without remarks and without ``kirim``."""
    for line in text(path).splitlines():
        if line.startswith("    ") and line.split()[:1] == ["kirim"]:
            yield shlex.split(line, comments=True)[1:]


COMMANDS = dict(commands())


def found(line):
    """Return the command that a line types and the words behind its name."""
    for length in (3, 2, 1):
        if tuple(line[:length]) in COMMANDS:
            return COMMANDS[tuple(line[:length])], line[length:]
    raise AssertionError(f"no such command: kirim {' '.join(line)}")


@pytest.mark.parametrize("name", COMMANDS, ids=" ".join)
def test_every_command_stands_on_a_page_of_operating(name):
    assert any(f"kirim {' '.join(name)}" in text(page) for page in OPERATING)


@pytest.mark.parametrize(
    ("page", "line"), [(page, line) for page in TYPED for line in typed(page)], ids=lambda v: str(v)[-60:]
)
def test_a_command_that_a_page_shows_can_be_typed(page, line):
    """Every option exists and every argument is there; files are not looked for."""
    command, rest = found(line)
    with command.make_context(command.name, list(rest), resilient_parsing=True) as context:
        assert {p.name for p in command.params if p.required and context.params.get(p.name) in (None, ())} == set()
    known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
    assert {word.partition("=")[0] for word in rest if word.startswith("--")} <= known, named(page)


@pytest.mark.parametrize("code", dict(errors.all_codes()))
def test_every_code_has_its_entry_on_the_page_of_codes(code):
    assert f"\n### {code}\n" in text(ROOT / "docs/errors.md")


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_no_page_names_a_code_that_does_not_exist(page):
    rules = {rule.code for rule in findings.RULES} | set(findings.EXPECTED.values())
    prefixes = {code.partition("-")[0] for code in rules}
    for code in re.findall(r"\b([A-Z]{2,4}-\d{2,3})\b", text(page)):
        if code.startswith("KF-"):
            assert code in errors.REGISTRY or re.fullmatch(r"KF-\d99", code), code
        elif code.partition("-")[0] in prefixes:
            assert code in rules, code


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_link_to_another_page_leads_there(page):
    for target in re.findall(r"\]\(([^)#\s]+)", text(page)):
        if "://" not in target:
            assert (page.parent / target).exists(), target


# --- screens ----------------------------------------------------------------------------------


@cache
def said():
    """Return patterns of whatever the program says in Indonesian; a fact may be anything."""
    patterns = {r"[\d.]+", r"NPSN 0\d{7}", r".+ \(NPSN 0\d{7}\)", *(re.escape(rule.tab) for rule in findings.RULES)}
    patterns |= {re.escape(table.title) for table in SCHEMA.tables if table.title}
    patterns |= {*KINDS, REST, r"\*", r"[A-Z]+ CONTOH"}  # lines of the sheet; the account in use, and made-up names
    for message in catalogues.read("id"):
        for one in filter(None, catalogues.strings(message)) if message.id else ():
            for line in one.strip().splitlines():
                parts = list(string.Formatter().parse(line))
                if sum(len(re.findall(r"[a-zA-Z]", literal)) for literal, *_ in parts) >= min(LETTERS_MIN, len(line)):
                    patterns.add("".join(re.escape(part[0]) + (".+" if part[1] is not None else "") for part in parts))
    return [re.compile(pattern) for pattern in patterns]


def screens(page):
    """Yield the lines of a page's quoted screens."""
    for block in re.findall(r"```text\n(.*?)```", text(page), re.DOTALL):
        yield from block.splitlines()


def is_said(line):
    """Whether a line of a screen is put together from what the program says: a text, or a row of a table."""
    line = re.sub(r"^[A-Z]{2,4}-\d+ ", "", line.strip())
    cells = re.split(r" {2,}|; |: ", line)
    return any(p.fullmatch(line) or p.fullmatch(cells[0]) for p in said()) or (
        ": " in line and all(any(p.fullmatch(cell) for p in said()) for cell in cells[1:])
    )


@pytest.mark.parametrize("page", OPERATING, ids=named)
def test_a_quoted_screen_is_what_the_program_says(page):
    lines = list(screens(page))
    assert lines
    assert [line for line in lines if not is_said(line)] == []


def test_a_screen_that_the_program_does_not_say_is_found():
    assert not is_said("Sinkronisasi berhasil dengan gemilang.")
    assert not is_said("  paket hilang                0")
    assert is_said("  paket ditahan               0")
