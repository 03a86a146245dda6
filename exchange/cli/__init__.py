"""The program ``kirim``: it reads what was typed, calls one flow and prints the answer.

A command's module, and whatever that needs, is imported when the command is used: ``kirim --version`` must not cost
what an export costs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and end with its exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 done in part.

    Args:
        arguments: What stands behind ``kirim``; by default what was typed.
    """
    from exchange.cli.door import run

    sys.exit(run(arguments))
