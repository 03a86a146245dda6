"""The names that other programs may use."""

from __future__ import annotations

import subprocess
import sys

import exchange

NAMES = [
    "ExchangeError",
    "SCHEMA",
    "SchoolNode",
    "ServerNode",
    "__version__",
    "add_schools",
    "apply_files",
    "export",
    "ingest_paths",
    "init_school",
    "init_server",
    "inspect_package",
    "renew_code",
    "write_returns",
]


def test_the_public_names_are_these() -> None:
    """A name is added or removed here with a changelog entry."""
    assert sorted(exchange.__all__) == NAMES
    assert set(NAMES) <= set(dir(exchange))


def test_every_public_name_can_be_imported() -> None:
    """By each way: from the package, as its attribute, all at once."""
    for name in NAMES:
        assert getattr(exchange, name) is not None
    assert not hasattr(exchange, "something_else")


def test_importing_the_package_imports_nothing_of_it() -> None:
    """A command pays only for what it uses."""
    code = "import sys, exchange; print([name for name in sys.modules if name.startswith('exchange.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
