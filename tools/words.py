"""Collects the texts for people from the code and compiles the catalogues: ``make words``.

Where a text stands decides how it is found: calls of ``tr``, ``trn`` and ``mark``, the codes, the rules, the tables'
titles, the help of every command, and what click says by itself. ``--check`` writes nothing and tells what is out of
date.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import click
from babel.messages import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from exchange import errors, words
from exchange.cli import frame
from exchange.cli.root import root
from exchange.interop import daftar_pd, daftar_ptk, persons
from exchange.rules import findings, heads
from exchange.schema import SCHEMA

ROOT = Path(__file__).resolve().parent.parent
CODE = ROOT / "exchange"
CALLS = {"tr": 1, "trn": 2, "mark": 1}
"""Functions whose first arguments are message ids, and how many."""

SAID = {"ArchiveUnsafe", "FolderUnwritable", "HomeMissing", "StoreDamaged", "TooLarge"}
"""Errors with a fact that is a phrase for people; elsewhere a part is a name of docs/format.md and stays as it is."""

CLICK: tuple[Id, ...] = (
    "Aborted!",
    "Argument {name!r} takes {nargs} values.",
    "Choose from:\n\t{choices}",
    "Commands",
    ("Did you mean {possibility}?", "(Did you mean one of: {possibilities}?)"),
    "Error: The two entered values do not match.",
    "Error: {message}",
    ("Got unexpected extra argument ({args})", "Got unexpected extra arguments ({args})"),
    "Invalid value for {param_hint}: {message}",
    "Invalid value: {message}",
    "Missing argument",
    "Missing command.",
    "Missing option",
    "Missing parameter",
    "Missing {param_type}",
    "No such command {name!r}.",
    "No such option {name!r}.",
    ("Option {name!r} requires an argument.", "Option {name!r} requires {nargs} arguments."),
    "Option {name!r} does not take a value.",
    "Options",
    "Repeat for confirmation",
    "Show this message and exit.",
    "Try '{command} {option}' for help.",
    "Usage:",
    "default: {default}",
    "required",
    ("{value!r} is not {choice}.", "{value!r} is not one of {choices}."),
)
"""What click says by itself to somebody who types our commands."""

DROPPED = (
    "POT-Creation-Date",
    "PO-Revision-Date",
    "Last-Translator",
    "Report-Msgid-Bugs-To",
    "Generated-By",
    "Language-Team",
)
"""Headers of a catalogue that speak of a day or a person."""

Id = str | tuple[str, str]
"""A message id, or the two of one thing and of several."""

HEAD = """\
# What people read, in {name}.
# Collected by `make words`; the texts are edited here, then `make words` compiles them.
#"""
NAMES = {"id": "Indonesian", "en": "English"}
PLURALS = {"id": "nplurals=1; plural=0;", "en": "nplurals=2; plural=(n != 1);"}
"""Indonesian has one form for any number."""


def called(path: Path, place: str) -> Iterator[tuple[Id, str]]:
    """Yield the literal message ids of a source file, with where they stand."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in SAID:
            yield from ((text, place) for text in _literals(keyword.value for keyword in node.keywords))
        if isinstance(node.func, ast.Name) and name in CALLS:
            given = _literals(node.args[: CALLS[name]])
            if len(given) == CALLS[name]:
                yield cast(Id, given[0] if len(given) == 1 else tuple(given)), place


def _literals(nodes: Iterable[ast.expr]) -> list[str]:
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def of_commands(command: click.Command, name: str = "kirim") -> Iterator[tuple[Id, str]]:
    """Yield the help of a command, of its options and of everything behind it."""
    context = click.Context(command)
    if isinstance(command, frame.Command) and command.help_id:
        yield command.help_id, name
    for parameter in command.params:
        if isinstance(parameter, frame.Option) and parameter.help_id:
            yield parameter.help_id, "" if parameter.common else name
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield from of_commands(found, f"{name} {below}")


def texts() -> Iterator[tuple[Id, str]]:
    """Yield every message id with a word on where it stands."""
    for code, entry in errors.all_codes():
        for part in ("what", "next", "safe"):
            yield getattr(entry, part), f"{code} {part}"
    for word in (*errors.Who, *errors.Grave, *findings.Level):
        yield word.value, "words"
    for cause in heads.CAUSES.values():
        yield cause, "KF-312 cause"
    yield errors.LIKEWISE, "KF-109, KF-131 further rows"
    for rule in findings.RULES:
        yield rule.message, rule.code
    for note in (daftar_pd.UNENROLLED, daftar_ptk.UNASSIGNED, persons.STRANGE):
        yield note, "notes of an import"
    for table in SCHEMA.tables:
        if table.title:
            yield table.title, f"table {table.name}"
    yield from of_commands(root)
    for word in (*frame.PLACEHOLDERS, "[OPTIONS]", "COMMAND [ARGS]..."):
        yield word, "help"
    for path in sorted(CODE.rglob("*.py")):
        yield from called(path, path.relative_to(ROOT).as_posix())
    for message in CLICK:
        yield message, "click"


def collected() -> dict[Id, list[str]]:
    """Return every message id with where it stands, in order."""
    found: dict[Id, list[str]] = {}
    for message, place in texts():
        if message:
            places = found.setdefault(message, [])
            if place and place not in places:
                places.append(place)
    return found


def path_of(language: str, kind: str = "po") -> Path:
    """Return where a catalogue lies."""
    return words.FOLDER / language / "LC_MESSAGES" / f"{words.DOMAIN}.{kind}"


def read(language: str) -> Catalog:
    """Return a catalogue as it is committed, or an empty one."""
    path = path_of(language)
    if not path.exists():
        return Catalog(locale=language)
    return read_po(io.BytesIO(path.read_bytes()), locale=language, abort_invalid=True)


def renewed(language: str) -> Catalog:
    """Return a catalogue with all message ids of the code and the translations that it has."""
    old = read(language)
    new = Catalog(
        locale=language,
        domain=words.DOMAIN,
        header_comment=HEAD.format(name=NAMES[language]),
        project="kirim-file",
        version="",
        fuzzy=False,
    )
    new.mime_headers = [("Plural-Forms", PLURALS[language])]
    for message, places in sorted(collected().items(), key=lambda item: str(item[0])):
        stood = old.get(message if isinstance(message, str) else message[0])
        same_form = stood is not None and (stood.id == message)
        new.add(message, stood.string if stood is not None and same_form else None, auto_comments=places)
    return new


def as_po(catalogue: Catalog) -> bytes:
    """Return a catalogue's text. Nothing in it depends on the day, the place or the machine."""
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=0, sort_output=True, no_location=True)
    names = "|".join(DROPPED).encode()
    return re.sub(rb'"(' + names + rb'): [^"]*"\n', b"", buffer.getvalue())


def as_mo(po: bytes, language: str) -> bytes:
    """Return a catalogue compiled from its text."""
    buffer = io.BytesIO()
    catalogue = read_po(io.BytesIO(po), locale=language, abort_invalid=True)
    # Else both would be today's.
    catalogue.creation_date = catalogue.revision_date = datetime(2026, 1, 1, tzinfo=UTC)
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def untranslated(catalogue: Catalog) -> list[Message]:
    """Return the messages without a text."""
    return [message for message in catalogue if message.id and not all(strings(message))]


def strings(message: Message) -> list[str]:
    """Return a message's texts, one for each form."""
    return list(message.string) if isinstance(message.string, list | tuple) else [str(message.string or "")]


def main() -> int:
    """Write the catalogues, or compare them with the code, and tell what lacks a text."""
    check = "--check" in sys.argv[1:]
    stale = False
    for language in words.LANGUAGES:
        catalogue = renewed(language)
        po = as_po(catalogue)
        for kind, made in (("po", po), ("mo", as_mo(po, language))):
            path = path_of(language, kind)
            if not path.exists() or path.read_bytes() != made:
                stale = True
                print(f"{path.relative_to(ROOT)}: {'out of date' if check else 'written'}")
                if not check:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(made)
        missing = untranslated(catalogue) if language == words.LANGUAGES[0] else []
        for message in missing:
            print(f"no {NAMES[language]} text: {message.id!r}")
    return int(check and stale)


if __name__ == "__main__":
    sys.exit(main())
