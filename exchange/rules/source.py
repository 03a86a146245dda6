"""What validation asks of a store."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from typing import Any, Protocol


class Source(Protocol):
    """A store as validation sees it; ``store`` has one."""

    def rows(
        self, table: str, columns: Sequence[str], among: Mapping[str, Collection[object]] | None = None
    ) -> Iterable[tuple[Any, ...]]:
        """Return the live rows of a table (soft-deleted ones left out), in any order.

        Args:
            table: SQL name of an exchanged table.
            columns: Names of its columns, ``kirim_home`` among them for a data table.
            among: Column to the few values that are asked for; other rows are not even read.
        """

    def codes(self, table: str) -> Container[object] | None:
        """Return the codes of a reference table; none, or ``None``, where the list is not kept."""
