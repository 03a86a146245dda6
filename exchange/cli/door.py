"""The outermost door: what was asked, in which language, and how it ends. Nothing leaves here without a code."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import click

from exchange import __version__
from exchange.cli.frame import Asked, note, print_json
from exchange.limits import MIB
from exchange.words import DOMAIN, FOLDER, LANGUAGES, language, speaking, tr

if TYPE_CHECKING:
    from exchange import errors

LOG = Path("galat", "kirim.log")
"""In a home: where a fault of our own happened, without any data."""

LOG_BYTES_MAX = MIB
"""A longer log begins anew."""

FOUND_IN_ANY_HOME = "inbox"


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Args:
        arguments: What stands behind ``kirim``; by default what was typed.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    asked = Asked(
        Path(os.environ.get("KIRIM_HOME") or ".").absolute(),
        os.environ.get("KIRIM_DB") or None,
        "--json" in before_end(given),
    )
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name must never stop a command on an old code page
    with speaking(wanted_language(given, os.environ)), _click_speaks(), _Ending(asked) as ending:
        from exchange.cli.root import root

        status = root.main(None if arguments is None else given, prog_name="kirim", standalone_mode=False, obj=asked)
        ending.status = status or 0
    return ending.status


def before_end(given: Sequence[str]) -> list[str]:
    """Return what stands before ``--``: behind it there are no options."""
    return list(given[: given.index("--")]) if "--" in given else list(given)


def wanted_language(given: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return the language to speak, also while the command is not understood yet.

    Example:
        >>> wanted_language(["school", "--lang", "en"], {})
        'en'
        >>> wanted_language([], {"KIRIM_LANG": "en_GB.UTF-8"}), wanted_language(["--lang=xx"], {})
        ('en', 'id')
    """
    wanted = environment.get("KIRIM_LANG", "")[:2].lower() or language()
    options = before_end(given)
    for at, text in enumerate(options):
        name, _, value = text.partition("=")
        if name == "--lang":
            wanted = value or next(iter(options[at + 1 :]), "")
    return wanted if wanted in LANGUAGES else LANGUAGES[0]


@contextmanager
def _click_speaks() -> Iterator[None]:
    """Let click's own words come from our catalogue, by the way that the standard library has for it."""
    import gettext

    before = os.environ.get("LANGUAGE")
    gettext.bindtextdomain(DOMAIN, str(FOLDER))
    gettext.textdomain(DOMAIN)
    os.environ["LANGUAGE"] = language()
    try:
        yield
    finally:
        if before is None:
            del os.environ["LANGUAGE"]
        else:
            os.environ["LANGUAGE"] = before


class _Ending:
    """Turns whatever ends a command into an exit status and words with a code."""

    def __init__(self, asked: Asked) -> None:
        self.asked, self.status = asked, 0

    def __enter__(self) -> _Ending:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None or isinstance(error, SystemExit):
            return False
        from exchange import errors

        if isinstance(error, click.ClickException):
            self._misused(error)
        elif isinstance(error, errors.ExchangeError):
            self._failed(error)
        elif isinstance(error, KeyboardInterrupt | click.Abort | EOFError):
            self._failed(errors.Stopped())
        elif isinstance(error, BrokenPipeError):
            self._deaf()
        else:
            log_fault(self.asked.home, error)
            self._failed(errors.OwnFault(detail=where(error)))
        return True

    def _misused(self, error: click.ClickException) -> None:
        from exchange import errors

        self.status = 2
        if self.asked.json:
            detail = error.format_message() if not isinstance(error, click.exceptions.NoArgsIsHelpError) else "--help"
            tell(errors.UsageWrong(detail=detail), json=True)
        else:
            error.show()

    def _failed(self, error: errors.ExchangeError) -> None:
        self.status = 1
        tell(error, json=self.asked.json)

    def _deaf(self) -> None:
        """End quietly when nobody reads any more, as after ``| head``."""
        self.status = 1
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def tell(error: errors.ExchangeError, *, json: bool) -> None:
    """Print an error: as a document on standard output, or as three lines for people on standard error."""
    if json:
        print_json(error_json(error))
        return
    for line in told(error):
        note(line)


def error_json(error: errors.ExchangeError) -> dict[str, dict[str, str]]:
    """Return an error under the names of ``--json``."""
    from exchange.saying import said

    what, then, safe = said(error)
    return {"error": {"code": error.code, "what": what, "next": then, "safe": safe}}


def told(error: errors.ExchangeError) -> Iterator[str]:
    """Yield the three lines: what happened and how grave it is, the next step and whose it is, what is safe."""
    from exchange.saying import gravity, said

    what, then, safe = said(error)
    yield f"{error.code} ({gravity(error.grave)}): {what}"
    yield tr("next ({who}): {text}").format(who=tr(error.who.value), text=then)
    yield tr("safe: {text}").format(text=safe)


def where(error: BaseException) -> str:
    """Return the kind of an exception and the place where it was raised; its message could hold somebody's data."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    place = f", {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


def _owner_only(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def log_fault(home: Path, error: BaseException) -> None:
    """Write into a home where a fault of our own happened: kinds and places, no messages, no values."""
    import traceback
    from datetime import UTC, datetime

    if not (home / FOUND_IN_ANY_HOME).is_dir():
        return
    lines = [f"{datetime.now(UTC).isoformat(timespec='seconds')} kirim {__version__}, Python {sys.version.split()[0]}"]
    cause: BaseException | None = error
    while cause is not None:
        lines.append(f"{type(cause).__module__}.{type(cause).__qualname__}")
        lines += [f"    {Path(f.filename).name}:{f.lineno} {f.name}" for f in traceback.extract_tb(cause.__traceback__)]
        cause = cause.__cause__ or cause.__context__
    with suppress(OSError):
        path = home / LOG
        path.parent.mkdir(mode=0o700, exist_ok=True)
        anew = path.exists() and path.stat().st_size > LOG_BYTES_MAX
        with open(path, "w" if anew else "a", encoding="utf-8", opener=_owner_only) as file:
            file.write("\n".join(lines) + "\n\n")
