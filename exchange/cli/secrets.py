"""Secrets: from a file, from the environment or from a prompt, never from the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from exchange.cli.frame import note
from exchange.words import tr

SECRET_BYTES_MAX = 4096
"""What is read of a file with a secret: a line of any passphrase that somebody types."""


TRIES = 3
"""How often somebody may type a secret before the command ends; nothing is lost by a wrong one."""


def given_secret(file: Path | None, variable: str) -> str | None:
    """Return a secret of the file if one is named, else of the environment; ``None`` if it must be typed.

    Raises:
        FileUnreadable: KF-702.
    """
    return _first_line(file) if file is not None else os.environ.get(variable) or None


def secret(
    what: str,
    file: Path | None,
    option: str,
    variable: str,
    *,
    twice: bool = False,
    shown: bool = False,
    check: Callable[[str], object] | None = None,
) -> str:
    """Return a secret: of the file if one is named, else of the environment, else as somebody types it.

    Args:
        what: What it is, in the person's language.
        file: File whose first line it is.
        option: The option that names that file.
        variable: Variable of the environment that may hold it.
        twice: Whether it is typed twice, because nobody can look it up later.
        shown: Whether it is seen while it is typed: a code of 36 characters that is used once.
        check: Raises what is wrong with a typed one, which may then be typed again. Whoever takes the secret checks it
            too.

    Raises:
        SecretMissing: KF-108, nowhere, and nobody sits at a terminal.
        FileUnreadable: KF-702.
        SetupError: what ``check`` says the third time.
    """
    from exchange import errors
    from exchange.cli.door import told

    given = given_secret(file, variable)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise errors.SecretMissing(secret=what, option=option)
    left = TRIES
    while True:
        typed: str = click.prompt(what, hide_input=not shown, err=True)
        try:
            if check is not None:
                check(typed)
        except errors.SetupError as error:
            left -= 1
            if not left:
                raise
            for line in told(error):
                note(line)
            continue
        if not twice or click.prompt(tr("Once more"), hide_input=True, err=True) == typed:
            return typed
        note(tr("The two are not the same; type both again."))


def _first_line(file: Path) -> str:
    from exchange import errors

    try:
        with file.open("rb") as stream:
            data = stream.read(SECRET_BYTES_MAX)
    except OSError as error:
        raise errors.FileUnreadable(file=str(file)) from error
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise errors.FileUnreadable(file=str(file)) from error
    return lines[0] if lines else ""


def agree(question: str) -> bool:
    """Ask somebody at a terminal for a yes, until the answer is clear; nobody there is a no.

    Args:
        question: Already in the person's language.
    """
    if not sys.stdin.isatty():
        return False
    while True:
        answer: str = click.prompt(f"{question} [{tr('y/n')}]", default="", show_default=False, err=True)
        for said, meant in ((_YES, True), (_NO, False)):
            if answer.strip().lower() in said:
                return meant
        note(tr("Type y for yes or t for no."))


def tick(lines: Sequence[str]) -> bool:
    """Let somebody at a terminal tick lines one by one, or all that are left at once; the first no ends it.

    Args:
        lines: What is asked of each, in the person's language.
    """
    if not sys.stdin.isatty():
        return False
    for line in lines:
        while True:
            answer: str = click.prompt(f"{line} [{tr('y/n/all')}]", default="", show_default=False, err=True)
            said = answer.strip().lower()
            if said in _ALL:
                return True
            if said in _NO:
                return False
            if said in _YES:
                break
            note(tr("Type y for yes, t for no, or semua for all that are left."))
    return True


_YES, _NO, _ALL = {"y", "ya", "yes"}, {"t", "tidak", "n", "no"}, {"s", "semua", "a", "all"}
