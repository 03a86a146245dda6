"""What became of one changeset at the server, noted while it is taken: lines, counts, and what goes back because of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from exchange.blocks import groups_of
from exchange.central.claims import Claims, note_claims
from exchange.errors import Reason
from exchange.records import Block, Cause, Counts, Line, Op, Outcome
from exchange.schema.model import Column, Group, Table

IndexRow = tuple[int, str, int, int, int]
"""(table, row, group, op, cause) of ``kirim_index``."""


@dataclass
class Taken:
    """What became of one changeset.

    Attributes:
        known: The school's rows that others see, so that their logs hear of a change: (table, row).
        outcomes: How many changes had each outcome.
        lines: Every change that was not simply applied.
        index: What goes back to the school because of this changeset.
        claims: Values that this changeset set on natural unique keys.
        touched: Rows and groups written, by table number: kept only while others see rows of this school.
    """

    known: Collection[tuple[int, str]] = ()
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    lines: list[Line] = field(default_factory=list)
    index: list[IndexRow] = field(default_factory=list)
    claims: Claims = field(default_factory=dict)
    touched: dict[tuple[int, str], set[int]] = field(default_factory=dict)

    @property
    def counts(self) -> Counts:
        """Outcomes by change."""
        return Counts(
            applied=self.outcomes[Outcome.APPLIED],
            same=self.outcomes[Outcome.SAME],
            conflict=self.outcomes[Outcome.CONFLICT],
            refused=self.outcomes[Outcome.REFUSED],
            held=self.outcomes[Outcome.HELD],
        )

    def line(
        self,
        table: Table,
        row: str,
        group: Group | None,
        outcome: Outcome,
        reason: Reason,
        columns: Sequence[Column] = (),
        sent: Sequence[object] = (),
        stood: Sequence[object] = (),
        *,
        cause: Cause = Cause.SEKOLAH,
        won: bool = False,
    ) -> None:
        """Say why one group of a row, or the row, was not simply applied."""
        names = tuple(column.name for column in columns)
        line = Line(table, row, group, outcome, reason.number, names, tuple(sent), tuple(stood), cause, won)
        self.lines.append(line)

    def correct(self, table: Table, row: str, group: int) -> None:
        """The server's value of a group, or of the whole row, goes back (rule 14)."""
        self.index.append((table.number, row, group, int(Op.UPDATE), int(Cause.KOREKSI)))

    def back(self, table: Table, row: str, group: int, op: Op = Op.UPDATE) -> None:
        """What the school sent itself goes back (rule 16)."""
        self.index.append((table.number, row, group, int(op), int(Cause.KEMBALI)))

    def wrote(self, block: Block, names: Sequence[str]) -> None:
        """Note rows that were written: claims on unique keys, and rows that others see."""
        note_claims(block, self.claims)
        if self.known:
            self.touch(block.table, names, groups_of(block))

    def touch(self, table: Table, names: Sequence[str], groups: set[int]) -> None:
        """Note groups of rows for those who see them."""
        for name in names:
            if (table.number, name) in self.known:
                self.touched.setdefault((table.number, name), set()).update(groups)

    def settle(self) -> None:
        """Let one index row a group stay: what came back because it won says more than a correction."""
        kept: dict[tuple[int, str, int], IndexRow] = {}
        for entry in self.index:
            if kept.setdefault(entry[:3], entry)[4] == Cause.KOREKSI:
                kept[entry[:3]] = entry
        self.index = list(kept.values())
