"""The things that move through the exchange: frozen values, no I/O.

Both directions use the same ones: a school's package and a return package differ in who made
them, not in kind.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the tables themselves are built where somebody needs them
    from exchange.schema.model import Column, Group, Table


class Op(enum.IntEnum):
    """What a change does to its row."""

    INSERT = 1
    UPDATE = 2
    DELETE = 3


class Cause(enum.IntEnum):
    """Why a value is what it is: who spoke. It travels with every block of a return."""

    SEKOLAH = 0
    """The school itself."""
    VERVAL = 1
    DINAS = 2
    PUSAT = 3
    KIP = 4
    """An SK list; also the clearing of KPS that comes with a number."""
    KOREKSI = 5
    """A correction: the server's value goes back, nobody's opinion (``docs/protocol.md`` 14)."""
    KEMBALI = 6
    """The school's own change that comes back (``docs/protocol.md`` 16)."""
    DISISIHKAN = 7
    """A new row of the school's that the server keeps aside, told to a laptop that has not sent it itself."""

    @property
    def is_opinion(self) -> bool:
        """Whether somebody said it who may have overruled the school: not a correction, nor a school's own word."""
        return self < Cause.KOREKSI


class PackageKind(enum.IntEnum):
    """Kind of a sealed file."""

    PREFILL = 1
    KIRIM = 2
    BALASAN = 3
    SURAT = 4
    """A district's order to the server."""
    JAWABAN = 5
    """The server's answer to a district."""


@dataclass(frozen=True, slots=True)
class Position:
    """A number in a chain or log together with the first 8 bytes of the value there.

    It names one history, so a restored or copied store is told from a good one without a clock.
    """

    number: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Block:
    """Changes of one table, one operation and one set of columns: one bulk statement.

    Attributes:
        table: Whose rows.
        op: What happens to them.
        columns: The columns that are set, in wire order; empty for a delete.
        values: One list a key column, then one a set column; all of one length, 1 to 4,096.
        cause: Who spoke; SEKOLAH in a school's package.
        locked: The centre has verified these groups: they are locked from now on.
        home: ``sekolah_id`` of the rows' home when it is not the package's scope, else ``None``.
    """

    table: Table
    op: Op
    columns: tuple[Column, ...]
    values: Sequence[Sequence[object]]
    cause: Cause = Cause.SEKOLAH
    locked: bool = False
    home: str | None = None

    @property
    def count(self) -> int:
        """How many rows."""
        return len(self.values[0])

    def rows(self) -> list[str]:
        """Return each row's id as one text: key values joined by ``|``."""
        keys = self.values[: len(self.table.key)]
        if len(keys) == 1:
            return [str(value) for value in keys[0]]
        return ["|".join(map(str, row)) for row in zip(*keys, strict=True)]


def row_key(row: str) -> list[str]:
    """Return the key values of a row id that :meth:`Block.rows` made.

    Example:
        >>> row_key("3f0c0000-0000-4000-8000-000000000001|20241")
        ['3f0c0000-0000-4000-8000-000000000001', '20241']
    """
    return row.split("|")


@dataclass(frozen=True, slots=True)
class CutAgain:
    """What a changeset says of itself that was cut again: its laptop had been restored or copied (``docs/protocol.md`` 27).

    Attributes:
        origin: Chain value that it had when it was first cut (32 bytes).
        known: Number up to which its maker knew the chain as it is now when it was first cut.
        last: Number up to which the other branch had gone on when it was cut again. Both are 0 for a changeset that
            comes from the chain of another laptop or of a former key.
    """

    origin: bytes
    known: int
    last: int


@dataclass(frozen=True, slots=True)
class ChangesetHead:
    """What a changeset says before its blocks. It is part of the chained bytes.

    Attributes:
        number: Its number in its chain.
        base: The other side's position that its maker had applied when it was cut.
        again: What it was before it was cut again on top of another branch of its chain, else ``None``.
    """

    number: int
    base: Position
    again: CutAgain | None = None

    @property
    def origin(self) -> bytes | None:
        """Chain value that it had when it was first cut, if it was cut again since."""
        return self.again.origin if self.again else None


class Outcome(enum.IntEnum):
    """What became of a change; a row's outcome is that of its worst group."""

    SAME = 0
    APPLIED = 1
    HELD = 2
    CONFLICT = 3
    REFUSED = 4


@dataclass(frozen=True, slots=True)
class Line:
    """Why one group of one row was not simply applied: the stuff of receipts.

    Attributes:
        table: Whose row.
        row: The row's id (:meth:`Block.rows`).
        group: The group, or ``None`` for the row as a whole.
        outcome: CONFLICT, REFUSED or HELD.
        code: Number of the reason, such as 512 for KF-512.
        columns: Names of the columns whose values follow.
        sent: The sender's values of these columns.
        stood: The receiver's values of these columns, as they were before.
        cause: Who had set the receiver's value, for a conflict.
        won: Whether the sender's value stands now.
    """

    table: Table
    row: str
    group: Group | None
    outcome: Outcome
    code: int
    columns: tuple[str, ...] = ()
    sent: tuple[object, ...] = ()
    stood: tuple[object, ...] = ()
    cause: Cause = Cause.SEKOLAH
    won: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the changes of one or more changesets; a change is one row of one changeset."""

    applied: int = 0
    same: int = 0
    conflict: int = 0
    refused: int = 0
    held: int = 0

    @property
    def sent(self) -> int:
        """The sum: every change has exactly one outcome."""
        return self.applied + self.same + self.conflict + self.refused + self.held

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.applied + other.applied,
            self.same + other.same,
            self.conflict + other.conflict,
            self.refused + other.refused,
            self.held + other.held,
        )

    def as_dict(self) -> dict[str, int]:
        """Return the counts under their names in JSON, ``sent`` first."""
        return {
            "sent": self.sent,
            "applied": self.applied,
            "same": self.same,
            "conflict": self.conflict,
            "refused": self.refused,
            "held": self.held,
        }


@dataclass(frozen=True, slots=True)
class Approval:
    """The head's approval of exactly one chain, as transmitted.

    Attributes:
        role: 1 Kepala Sekolah, 2 Plt.
        assignment: Id of the ``tugas_tambahan`` row (16 bytes).
        consent: Version of the consent text.
        made_at: Seconds since 1970 by the laptop's clock; information only.
        signature: Ed25519 by the head's key (64 bytes).
    """

    role: int
    assignment: bytes
    consent: int
    made_at: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class Digests:
    """Counts and digests of a scope's rows, so that a divergence is noticed.

    Attributes:
        root: First 16 bytes of SHA-256 over all pairs.
        tables: Table number to (rows, 8-byte digest), only those that differ from the last acknowledged.
    """

    root: bytes
    tables: dict[int, tuple[int, bytes]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The server's signed statement of what became of one package.

    Attributes:
        package_id: SHA-256 that names the file (32 bytes).
        number: The package's number, a label.
        device: Key id of the sender (8 bytes).
        first: Number before the first changeset that the file carried.
        last: Number of its last one.
        value: Chain value at ``last`` (32 bytes).
        plaintext: SHA-256 of the plaintext (32 bytes).
        counts: What became of the changesets that were new.
        outcomes: SHA-256 of their outcome lists, one after another (32 bytes).
        previous: SHA-256 of the ledger entry before (32 bytes).
        made_at: Server's time in seconds since 1970; information.
        code: Number of the code under which the package is held or was refused, 0 when merged.
        signature: Ed25519 by the server (64 bytes), empty until it is signed.
    """

    package_id: bytes
    number: int
    device: bytes
    first: int
    last: int
    value: bytes
    plaintext: bytes
    counts: Counts
    outcomes: bytes
    previous: bytes
    made_at: int
    code: int = 0
    signature: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What only a return says (``docs/protocol.md`` 19).

    Attributes:
        value: Chain value of the server's log at the return's last position, whole (32 bytes).
        shared: Last position of the school's chain that both sides share (``j``); what the server has merged after it
            travels in the return.
        returned: Positions at which returns were written since the first one, at most 16, and the log's own newest ones
            before the last, at most 128: a restored server learns from them up to where its log is the same.
        lost: Positions that this school's laptops have and the server has lost, at most 16.
        districts: Key ids (8 bytes) of the districts to which the school's packages are sealed as well, at most 3.
    """

    value: bytes
    shared: Position
    returned: tuple[Position, ...] = ()
    lost: tuple[Position, ...] = ()
    districts: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a package says of itself, inside the seal.

    Attributes:
        schema: Version of the tables.
        program: Version of the program, at most 16 characters.
        made_at: Seconds since 1970 by the maker's clock; information only.
        have: The other side's position that the maker has applied (school) or merged (server).
        first: The maker's own position before the first changeset in the file.
        last: Number of the last one.
        reference: Position of the reference rows: reached (school), brought (server).
        approval: The head's, in a school's package that carries changes; else ``None``.
        digests: In a school's package.
        receipts: In a return.
        ledger: The ledger's head (32 bytes), in a return; else empty.
        have_older, first_older: All older positions, after a return that did not fit.
        answer: In a return or prefill.
    """

    schema: int
    program: str
    made_at: int
    have: Position
    first: Position
    last: int
    reference: int = 0
    approval: Approval | None = None
    digests: Digests | None = None
    receipts: tuple[Receipt, ...] = ()
    ledger: bytes = b""
    have_older: tuple[Position, ...] = ()
    first_older: tuple[Position, ...] = ()
    answer: Answer | None = None
