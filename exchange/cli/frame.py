"""What all commands share: options that may stand anywhere, help in the person's language, one way to answer."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar

import click

from exchange.words import LANGUAGES, set_language, tr


class Asked:
    """What the options say that every command takes, before or behind its name; the last one counts.

    Attributes:
        home: Where the role keeps its state.
        db: The server's database, or ``None`` for the one in its home.
        json: Whether one JSON document is wanted instead of text.
    """

    def __init__(self, home: Path, db: str | None = None, json: bool = False) -> None:
        self.home, self.db, self.json = home, db, json


class Answer(NamedTuple):
    """What a command gives back.

    Attributes:
        document: What ``--json`` prints. Keys are never translated.
        lines: What people read instead; consumed only then.
        status: Exit status.
    """

    document: Mapping[str, Any]
    lines: Iterable[str] = ()
    status: int = 0


# --- printing ---------------------------------------------------------------------------------

_STEERING = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) != "\n"}
_STEERING |= {code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
"""Characters that steer a terminal or turn the direction of writing; a name from a file could hold them."""


def printable(text: str) -> str:
    r"""Return a text in which nothing steers the terminal.

    Example:
        >>> print(printable("SD" + chr(27) + "[2J"))
        SD\x1b[2J
    """
    return text.translate(_STEERING)


def say(line: str = "", file: IO[str] | None = None) -> None:
    """Print a line for people."""
    click.echo(printable(line), file=file)


def note(line: str) -> None:
    """Print a line for people beside the answer, on standard error."""
    say(line, sys.stderr)


def print_json(document: Mapping[str, Any]) -> None:
    """Print one document on one line, in ASCII: it survives every pipe and code page."""
    import json

    click.echo(json.dumps(document, default=_shown))


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


# --- commands ---------------------------------------------------------------------------------


def message_id(text: str | None) -> str | None:
    """Return a docstring as a message id: one line a paragraph, without what stands behind a form feed."""
    if text is None:
        return None
    paragraphs = inspect.cleandoc(text).partition("\f")[0].strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def first_sentence(text: str) -> str:
    """Return the first sentence of a text without its full stop.

    Example:
        >>> first_sentence("Takes files. They are copied.")
        'Takes files'
    """
    return text.partition("\n\n")[0].partition(". ")[0].rstrip(".")


class Option(click.Option):
    """An option whose help is a message id.

    Attributes:
        common: Whether every command has it.
        help_id: Its help as a message id.
    """

    common = False
    help_id: str | None = None

    @property
    def help(self) -> str | None:
        """What people read of it."""
        return tr(self.help_id) if self.help_id else self.help_id

    @help.setter
    def help(self, text: str | None) -> None:
        self.help_id = message_id(text)

    def make_metavar(self, ctx: click.Context) -> str:
        """Return what stands for its value."""
        return _placeholder(super().make_metavar(ctx))


class Argument(click.Argument):
    """An argument whose placeholder is translated."""

    def make_metavar(self, ctx: click.Context) -> str:
        """Return what stands for its value."""
        return _placeholder(super().make_metavar(ctx))


PLACEHOLDERS = ("FILE", "DIR", "FOLDER", "PATH", "CODE", "LIST", "PREFILL", "NAME", "URL", "ROLE")


def _placeholder(text: str) -> str:
    word = text.strip("[].")
    return text.replace(word, tr(word)) if word in PLACEHOLDERS else text


def _note_option(ctx: click.Context, parameter: click.Parameter, value: object) -> None:
    """Keep what a common option says, in whichever place it stood."""
    if value is None or value is False:
        return
    if parameter.name == "lang":
        set_language(str(value))
        return
    setattr(ctx.find_root().obj, str(parameter.name), value)


def _common_options() -> list[click.Parameter]:
    """Return the options that stand before and behind every command's name."""
    kinds: Sequence[tuple[str, dict[str, Any]]] = (
        (
            "--home",
            {
                "metavar": "DIR",
                "type": click.Path(path_type=Path),
                "help": "Where everything is kept; by default KIRIM_HOME, else the current folder.",
            },
        ),
        ("--db", {"metavar": "URL", "help": "The server's database; by default KIRIM_DB, else server.db in its home."}),
        ("--json", {"is_flag": True, "help": "Print one JSON document, also when something fails."}),
        ("--lang", {"type": click.Choice(LANGUAGES), "help": "Language; by default KIRIM_LANG, else id."}),
    )
    made: list[click.Parameter] = []
    for name, more in kinds:
        option = Option([name], expose_value=False, is_eager=True, callback=_note_option, **more)
        option.common = True
        made.append(option)
    return made


HELP_WIDTHS = (50, 98)
"""Columns of help, least and most: longer lines are hard to read."""


@cache
def _help_width() -> int:
    """Return how wide help is. Click would import shutil for it, nearly a tenth of the start."""
    try:
        wide = int(os.environ.get("COLUMNS", "")) or 80
    except ValueError:
        try:
            wide = os.get_terminal_size().columns or 80
        except OSError:
            wide = 80
    least, most = HELP_WIDTHS
    return max(least, min(wide - 2, most))


def _has_database(ctx: click.Context) -> bool:
    """Whether a command, or one behind it, reads the server's database."""
    return "server" in ctx.command_path.split() or ctx.parent is None


class Command(click.Command):
    """A command with the common options. Its function takes what was asked first and returns an answer.

    Attributes:
        help_id: Its help as a message id.
    """

    help_id: str | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("context_settings", {"help_option_names": ["-h", "--help"], "terminal_width": _help_width()})
        super().__init__(*args, **kwargs)
        self.params += _common_options()
        for parameter in self.params:
            if isinstance(parameter.type, click.Path):
                parameter.type.readable = False  # what cannot be read is told by whoever reads it, with a code

    @property
    def help(self) -> str | None:
        """What people read of it."""
        return tr(self.help_id) if self.help_id else self.help_id

    @help.setter
    def help(self, text: str | None) -> None:
        self.help_id = message_id(text)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the pieces of the usage line in the person's language."""
        return [tr(piece) for piece in super().collect_usage_pieces(ctx)]

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Return the option for help, in the person's language: click makes it once, in that of the first who asked."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = tr("Show this message and exit.")
        return option

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return the first sentence of the help, whole: a list of commands may wrap."""
        return first_sentence(self.help or "")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then the common ones."""
        own: list[tuple[str, str]] = []
        common: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if parameter.name == "db" and not _has_database(ctx):
                continue  # it is taken, and means nothing there
            if record is not None:
                (common if getattr(parameter, "common", False) else own).append(record)
        for title, records in ((tr("Options"), own), (tr("Common options"), common)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def invoke(self, ctx: click.Context) -> Any:
        """Run it, print its answer and return its exit status."""
        answer = super().invoke(ctx)
        if not isinstance(answer, Answer):
            return answer
        if ctx.find_root().obj.json:
            print_json(answer.document)
        else:
            for line in answer.lines:
                say(line)
        return answer.status


class Group(Command, click.Group):
    """Commands under one name, each imported when it is used or listed.

    Args:
        later: Name of a command to where it stands, ``module:attribute``.
        told: Name of a command to its help, for those that a list of commands need not import.
    """

    command_class = Command

    def __init__(
        self,
        *args: Any,
        later: Mapping[str, str] | None = None,
        told: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.later, self.told = dict(later or {}), dict(told or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which they were declared."""
        return [*self.commands, *self.later]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one command."""
        if cmd_name in self.later:
            module, _, name = self.later[cmd_name].partition(":")
            found: click.Command = getattr(import_module(module), name)
            return found
        return super().get_command(ctx, cmd_name)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, then the options."""
        with formatter.section(tr("Commands")):
            formatter.write_dl([(name, self._brief(ctx, name)) for name in self.list_commands(ctx)])
        Command.format_options(self, ctx, formatter)

    def _brief(self, ctx: click.Context, name: str) -> str:
        if name in self.told:
            return first_sentence(tr(self.told[name]))
        command = self.get_command(ctx, name)
        return command.get_short_help_str() if command is not None else ""


Group.group_class = Group


Body = TypeVar("Body", bound=Callable[..., Any])
"""A function that becomes a command."""


def option(*names: str, **more: Any) -> Callable[[Body], Body]:
    """Return a decorator for an option whose help is a message id."""
    return click.option(*names, cls=Option, **more)


def argument(*names: str, **more: Any) -> Callable[[Body], Body]:
    """Return a decorator for an argument."""
    return click.argument(*names, cls=Argument, **more)


def file_argument(name: str, *, many: bool = False, metavar: str = "FILE") -> Callable[[Body], Body]:
    """Return a decorator for the path of a file that the flow opens: what is wrong with it has a code of ours."""
    shown = f"{metavar}..." if many else metavar
    return argument(name, metavar=shown, type=click.Path(path_type=Path), nargs=-1 if many else 1, required=True)
