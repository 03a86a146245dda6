"""Kill every command at each of its steps and print what was counted: ``python -m tests.faults``.

One line a command, as ``docs/correctness.md`` 5 shows it: its steps, the different states in which they find the disk, how many
processes were really killed, and after how many of both the same command made everything right again.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

COLUMNS = ("command", "steps", "write", "sync", "name", "database", "states", "killed", "equal")


class Table:
    """Collects what the tests counted."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "teardown":
            self.rows += [row for name, row in report.user_properties if name == "killed"]


def main() -> int:
    """Run them and print the table; the exit status is that of the tests."""
    table = Table()
    status = int(pytest.main(["-q", "-n", "2", *map(str, sorted(Path(__file__).parent.glob("test_killed*.py")))], plugins=[table]))
    print(f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}")
    for row in sorted(table.rows, key=lambda row: str(row["command"])):
        print(f"| {' | '.join(str(row[name]) for name in COLUMNS)} |")
    return status


if __name__ == "__main__":
    sys.exit(main())
