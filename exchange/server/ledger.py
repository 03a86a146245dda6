"""The ledger's packages: every verified package with its state, in an order that nobody can change afterwards.

A package is *accepted* until it has an entry; ``seq`` is the entry's number, among those of the centre's acts
(:mod:`exchange.acts`). The entry is the receipt that the server signs with it (``docs/format.md`` 3.8). An entry that
said *held* stays, as *released*, when the package goes on: what a school was told of it remains provable. Every write is
part of the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from exchange import acts
from exchange.errors import ExchangeError
from exchange.format.entry import PACKAGE, package_entry
from exchange.records import Receipt
from exchange.server.merging import Merged
from exchange.server.receipts import outcomes_hash
from exchange.store.server import School, ServerStore
from exchange.trust.archive import lock_file_key
from exchange.trust.keys import Identity, PublicIdentity
from exchange.trust.opening import VerifiedPackage
from exchange.trust.receipts import receipt_array, sign_receipt

_OWED = "owed-"
"""Name in ``kirim_meta``, before a ``sekolah_id``: a return is owed for what came."""

_LAST_ENTRIES = 1_000
"""Entries among which a killed batch lies: far more than one has."""

_ORDER = "ORDER BY number, seq"

_WAITING = 1 << 40
"""What is accepted stands behind every entry, in the order in which it came."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A package's place in the ledger.

    Attributes:
        seq: Its number there.
        package_id: What names it (32 bytes).
        scope: ``sekolah_id``.
        file: As it was named when it came.
        code: Number of the code under which it is held or was refused, else 0.
    """

    seq: int
    package_id: bytes
    scope: str
    file: str
    code: int


class Waiting(NamedTuple):
    """A package that is accepted and has no entry yet: what its receipt says of it.

    Attributes:
        seq: Under which it waits.
        scope: ``sekolah_id``.
        package_id: What names it (32 bytes).
        number: Its number among its laptop's files.
        device: Key id of the laptop (8 bytes).
        plaintext: SHA-256 of what was sealed (32 bytes).
        received_at: When it came, in seconds since 1970.
    """

    seq: int
    scope: str
    package_id: bytes
    number: int
    device: bytes
    plaintext: bytes
    received_at: int


@dataclass(frozen=True, slots=True)
class Debt:
    """A return that is owed to a school."""

    npsn: str
    name: str
    value: str


class Ledger:
    """The ledger of one server.

    Args:
        store: Its store.
        signer: The server's key; who only reads needs none.
    """

    def __init__(self, store: ServerStore, signer: Identity | None = None) -> None:
        self.store, self.db, self._signer = store, store.db, signer

    # --- reading ------------------------------------------------------------------------------

    def state(self, package_id: bytes) -> str | None:
        """Return ``accepted``, ``merged``, ``held`` or ``quarantined``; ``None`` for a package that never came."""
        found: str | None = self.db.value(
            "SELECT state FROM kirim_package WHERE package_id = ? AND state <> 'released'", (package_id,)
        )
        return found

    def answer(self, package_id: bytes) -> tuple[str, int, str, int]:
        """Return what a known package was answered: NPSN, its number, state and code."""
        npsn, number, state, code = self.db.execute(
            "SELECT s.npsn, p.number, p.state, p.code FROM kirim_package p "
            "JOIN kirim_school s ON s.sekolah_id = p.scope WHERE p.package_id = ? AND p.state <> 'released'",
            (package_id,),
        ).fetchone()
        return str(npsn), int(number), str(state), int(code)

    def accepted(self, after: int, most: int) -> list[Entry]:
        """Return entries that were accepted and not merged, in order, behind a ``seq``."""
        return self._entries("state = 'accepted' AND seq > ? ORDER BY seq LIMIT ?", after, most)

    def waiting(self, seqs: Sequence[int]) -> dict[int, Waiting]:
        """Return the packages that still wait to be merged under some numbers, by number."""
        found = self.db.chosen(
            "SELECT seq, scope, package_id, number, device, plaintext, received_at FROM kirim_package "
            "WHERE state = 'accepted' AND seq IN ({})",
            seqs,
        )
        return {row[0]: Waiting(*row) for row in found}

    def held(self, scope: str) -> list[Entry]:
        """Return a school's held packages in the order of their numbers."""
        return self._entries(f"scope = ? AND state = 'held' {_ORDER}", scope)

    def scopes_with_held(self) -> list[str]:
        """Return the schools that have held packages."""
        found = self.db.execute("SELECT DISTINCT scope FROM kirim_package WHERE state = 'held' ORDER BY scope")
        return [scope for (scope,) in found.fetchall()]

    def _entries(self, where: str, *values: object) -> list[Entry]:
        found = self.db.execute(f"SELECT seq, package_id, scope, file, code FROM kirim_package WHERE {where}", values)
        return [Entry(seq, bytes(id_), scope, file, code) for seq, id_, scope, file, code in found.fetchall()]

    # --- writing ------------------------------------------------------------------------------

    def accept(self, school: School, package: VerifiedPackage, file: str, received_at: int | None = None) -> int:
        """Note a package that is verified and kept, and return its number here; by default it is received now."""
        header = package.header
        seq = max(_WAITING, int(self.db.value("SELECT max(seq) FROM kirim_package") or 0)) + 1
        self.db.execute(
            "INSERT INTO kirim_package (seq, package_id, scope, kind, number, device, first, last, state, file, size, "
            "plaintext, received_at) VALUES (?, ?, ?, ?, ?, ?, 0, 0, 'accepted', ?, ?, ?, ?)",
            (
                seq,
                package.package_id,
                school.sekolah_id,
                int(header.kind),
                header.number,
                header.sender,
                file,
                package.size,
                package.plaintext_sha256,
                self.store.clock() if received_at is None else received_at,
            ),
        )
        return seq

    def record(
        self, one: Waiting, state: str, error: ExchangeError | None, merged: Merged, signature: bytes = b""
    ) -> bytes:
        """Give an accepted package its entry, which covers all before it, and return the entry.

        Args:
            one: The package as it was accepted.
            state: ``merged``, ``held`` or ``quarantined``.
            error: Why it was not merged.
            merged: What merging gave.
            signature: Of the receipt, when it was signed before: a rebuild has no need of the server's key.
        """
        last, previous = acts.head(self.store)
        code, counts = number_of(error), merged.counts
        receipt = Receipt(
            package_id=one.package_id,
            number=one.number,
            device=one.device,
            first=merged.first,
            last=merged.last,
            value=merged.value or bytes(32),
            plaintext=one.plaintext,
            counts=counts,
            outcomes=outcomes_hash(
                self.store, one.scope, one.device, merged.first, merged.first if code else merged.last
            ),
            previous=previous,
            made_at=one.received_at,
            code=code,
        )
        if not signature and self._signer is not None:
            signature = sign_receipt(self._signer, one.scope, receipt).signature
        entry = package_entry(receipt_array(one.scope, receipt), state)
        acts.add(self.store, last + 1, PACKAGE, entry, signature)
        self.db.execute(
            "UPDATE kirim_package SET seq = ?, state = ?, code = ?, first = ?, last = ?, value = ?, position = ?, "
            "applied = ?, same = ?, conflict = ?, refused = ?, held = ? WHERE seq = ?",
            (
                last + 1,
                state,
                code,
                merged.first,
                merged.last,
                merged.value,
                merged.position,
                counts.applied,
                counts.same,
                counts.conflict,
                counts.refused,
                counts.held,
                one.seq,
            ),
        )
        return entry

    def supersede(
        self, seq: int, state: str, error: ExchangeError | None, merged: Merged, signature: bytes = b""
    ) -> bytes:
        """Give a held package its next entry; the entry that said *held* stays, as released. As :meth:`record`."""
        same = "package_id, scope, kind, number, device, file, size, plaintext, file_key, received_at"
        self.db.execute(
            f"INSERT INTO kirim_package (seq, state, first, last, {same}) "
            f"SELECT ?, 'accepted', 0, 0, {same} FROM kirim_package WHERE seq = ?",
            (_WAITING, seq),
        )
        self.db.execute("UPDATE kirim_package SET state = 'released' WHERE seq = ?", (seq,))
        return self.record(self.waiting([_WAITING])[_WAITING], state, error, merged, signature)

    # --- file keys ----------------------------------------------------------------------------

    def lock_keys(self, archive: PublicIdentity, packages: Sequence[VerifiedPackage]) -> None:
        """Keep each file's own key, locked for the archive: a later proof needs no retired server key."""
        locked = [(lock_file_key(archive, one.package_id, one.file_key), one.package_id) for one in packages]
        with self.db.transaction():
            self.db.executemany("UPDATE kirim_package SET file_key = ? WHERE package_id = ? AND file_key IS NULL", locked)

    def without_key(self) -> list[bytes]:
        """Return the packages whose keys are not locked yet: a kill cut their batch short."""
        found = self.db.execute(
            "SELECT DISTINCT package_id FROM kirim_package WHERE seq > ? AND file_key IS NULL "
            "AND state IN ('merged', 'held')",
            (acts.head(self.store)[0] - _LAST_ENTRIES,),
        )
        return [bytes(package_id) for (package_id,) in found.fetchall()]

    # --- returns that are owed ----------------------------------------------------------------

    def owe(self, school: School) -> None:
        """Note that a return is owed to a school for what came."""
        last = self.db.value("SELECT max(seq) FROM kirim_package")
        self.store.set(f"{_OWED}{school.sekolah_id}", f"{acts.head(self.store)[0]} {last}")

    def owed(self) -> list[Debt]:
        """Return the debts, in order of NPSN."""
        found = self.db.execute(
            "SELECT s.npsn, m.name, m.value FROM kirim_meta m JOIN kirim_school s ON m.name = ? || s.sekolah_id "
            "ORDER BY s.npsn",
            (_OWED,),
        )
        return [Debt(*map(str, row)) for row in found.fetchall()]

    def paid(self, debt: Debt) -> None:
        """Strike a debt, unless another package has come since."""
        with self.db.unkept():
            self.db.execute("DELETE FROM kirim_meta WHERE name = ? AND value = ?", (debt.name, debt.value))


def number_of(error: ExchangeError | None) -> int:
    """Return the number of an error's code, 0 for none."""
    return 0 if error is None else int(error.code[3:])
