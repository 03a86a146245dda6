"""Secrets: from a file, from the environment or from a prompt, never from the command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from exchange.words import tr

SECRET_BYTES_MAX = 4096
"""What is read of a file with a secret: a line of any passphrase that somebody types."""


def secret(what: str, file: Path | None, option: str, variable: str, *, twice: bool = False) -> str:
    """Return a secret: of the file if one is named, else of the environment, else as somebody types it, unseen.

    Args:
        what: What it is, in the person's language.
        file: File whose first line it is.
        option: The option that names that file.
        variable: Variable of the environment that may hold it.
        twice: Whether it is typed twice, because nobody can look it up later.

    Raises:
        SecretMissing: KF-108, nowhere, and nobody sits at a terminal.
        FileUnreadable: KF-702.
    """
    from exchange import errors

    if file is not None:
        return _first_line(file)
    if given := os.environ.get(variable):
        return given
    if not sys.stdin.isatty():
        raise errors.SecretMissing(secret=what, option=option)
    typed: str = click.prompt(what, hide_input=True, err=True, confirmation_prompt=tr("Once more") if twice else False)
    return typed


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
    """Ask somebody at a terminal for a yes; nobody there is a no.

    Args:
        question: Already in the person's language.
    """
    if not sys.stdin.isatty():
        return False
    answer: str = click.prompt(f"{question} [{tr('y/n')}]", default="", show_default=False, err=True)
    return answer.strip().lower() in {"y", "ya", "yes"}
