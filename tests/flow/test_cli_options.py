"""Options anywhere, both languages, and what a command imports: what holds for every command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flow.program import ROOT, environment, kirim

COMMANDS = (
    "school init",
    "school import",
    "school status",
    "school validate",
    "school export",
    "school apply",
    "school download",
    "server init",
    "server ref import",
    "server school add",
    "server school code",
    "server ingest",
    "server watch",
    "server return",
    "server kip import",
    "server change",
    "server status",
    "inspect",
    "explain",
    "demo",
)
"""Every command of the contract."""

HEAVY = ("sqlalchemy", "xlsxwriter", "openpyxl", "python_calamine", "watchdog")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_in_both_languages(name: str) -> None:
    """With its own options and the four that every command takes; nothing is read or made."""
    told = {language: kirim(*name.split(), "--help", "--lang", language) for language in ("id", "en")}
    for done in told.values():
        assert (done.status, done.err) == (0, "")
        for option in ("--home", "--json", "--lang", "-h, --help"):
            assert option in done.out
        assert ("--db" in done.out) == name.startswith("server"), "taken everywhere, and said where it means something"
    assert "Common options:" in told["en"].out
    assert kirim(*name.split(), "-h", "--lang", "en").out == told["en"].out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--home", "X", "--json", "--lang", "en", "school", "status"],
        ["school", "--home", "X", "--json", "--lang", "en", "status"],
        ["school", "status", "--home", "X", "--json", "--lang", "en"],
        ["--lang", "en", "school", "--json", "status", "--home", "X"],
        ["--home", "Y", "--lang", "id", "school", "status", "--home", "X", "--json", "--lang", "en"],
    ],
)
def test_common_options_stand_anywhere_and_the_last_one_counts(arguments: list[str], tmp_path: Path) -> None:
    """The same failure, word for word, wherever the options stand; its path is absolute."""
    done = kirim(*arguments, cwd=tmp_path)
    assert done.status == 1
    assert done.error["code"] == "KF-101"
    assert done.error["what"] == f"{tmp_path / 'X'} is not the home of a school"


def test_the_environment_names_home_and_language(tmp_path: Path) -> None:
    """KIRIM_HOME and KIRIM_LANG count when no option speaks; without them it is here, in Indonesian."""
    env = {"KIRIM_HOME": str(tmp_path / "X"), "KIRIM_LANG": "en"}
    assert str(tmp_path / "X") in kirim("school", "status", "--json", env=env).error["what"]
    assert str(tmp_path / "Y") in kirim("school", "status", "--home", tmp_path / "Y", "--json", env=env).error["what"]
    assert str(tmp_path) in kirim("school", "status", "--json", cwd=tmp_path).error["what"]
    other = kirim("school", "status", "--lang", "id", "--json", env=env).error
    assert other == kirim("school", "status", "--json", env=env | {"KIRIM_LANG": ""}).error
    assert other == kirim("school", "status", "--json", env=env | {"KIRIM_LANG": "id_ID.UTF-8"}).error


def test_what_stands_behind_two_dashes_is_no_option(tmp_path: Path) -> None:
    """A file may be called --json."""
    done = kirim("inspect", "--lang", "en", "--", "--json", cwd=tmp_path)
    assert done.status == 1
    assert "KF-702" in done.err


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["school", "--help"], ["school", "status"], ["explain", "KF-401"]]
)
def test_a_command_imports_only_what_it_needs(arguments: list[str], tmp_path: Path) -> None:
    """The libraries that are slow to load stay out of the commands that are run most."""
    code = (
        "import json, sys\nfrom exchange.cli import main\ntry:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments, "--home", tmp_path],
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(json.loads(done.stderr.splitlines()[-1]))
    assert loaded.isdisjoint(HEAVY)
    if "status" not in arguments:
        assert loaded.isdisjoint({"cryptography", "msgpack", "sqlite3"})
