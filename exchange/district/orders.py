"""Orders of district offices, taken at the server: verified like any package, in the office's own order, once.

An order is done whole or refused whole; either way its number is used up, in the same transaction as what it does, and
the ledger has it as an act. The answer is sealed within that transaction, so no code ever stands here in the clear, and
is put into the outbox when the transaction is durable.

Source:
    docs/format.md, section 9; docs/adr/0016-a-district-is-a-node-with-keys.md.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from exchange import errors, spool
from exchange.district.deeds import Deed, do
from exchange.districts import ACTIVE, District, district, folder_name
from exchange.errors import ExchangeError
from exchange.format.container import scope_text
from exchange.format.order import (
    Order,
    OrderAnswer,
    OrderState,
    decode_order,
    encode_answer,
    order_next,
)
from exchange.limits import ORDER_BYTES_MAX
from exchange.nodes import ServerNode
from exchange.records import PackageKind
from exchange.server.attempt import BLAMED, own_faults
from exchange.server.ledger import number_of
from exchange.server.quarantine import Quarantine
from exchange.server.results import FileResult
from exchange.server.serverkeys import chain_to
from exchange.trust.archive import lock_file_key
from exchange.trust.keys import public_of
from exchange.trust.opening import VerifiedPackage, open_package
from exchange.trust.sealing import seal

STATES = {OrderState.DONE: "done", OrderState.REFUSED: "refused", OrderState.HELD: "held"}
"""Names of what became of an order, in the store and in JSON."""

_STATUS = {OrderState.DONE: "applied", OrderState.REFUSED: "quarantined", OrderState.HELD: "held"}
"""The same as the status of a file."""

_REFUSALS = (
    errors.InputRowBad,
    errors.CellTwice,
    errors.SchoolUnknown,
    errors.SchoolExists,
    errors.NobodyAssigned,
    errors.NoReceiver,
    errors.KeyUnknown,
    errors.NumberUnproven,
    errors.NotContested,
    errors.NotTheirs,
    errors.NotAnOffices,
    errors.NothingMatched,
    errors.RegionUnknown,
    errors.OutsideRegion,
    *BLAMED,
)
"""What is wrong with an order; everything else is wrong with this place, and the order waits in its folder."""

_STAGED, _LIST, _KEPT = ".jawaban", ".daftar", ".surat"
"""Ends of names in ``held``: an answer that waits for its transaction; the list of the order in hand; its file on the way to the archive."""


class Orders:
    """Takes offices' orders.

    Args:
        server: The server.
    """

    def __init__(self, server: ServerNode) -> None:
        self.server, self.db, self._held = server, server.store.db, server.files / "held"
        self._quarantine = Quarantine(server.files / "quarantine", server.store.clock)

    # --- taking -------------------------------------------------------------------------------

    def keep(self, package: VerifiedPackage, file: BinaryIO) -> None:
        """Keep a verified order's file as evidence, if its office's word still counts.

        Raises:
            DistrictRevoked: KF-331.
            DiskFull, FolderUnwritable: KF-701, KF-703.
        """
        if self._office(package).state != ACTIVE and self._known(package.package_id) is None:
            raise errors.DistrictRevoked()
        folder, name = self._place(package.package_id)
        if not (folder / name).exists():
            spool.move(spool.keep(file, self._held, f"{package.package_id.hex()}{_KEPT}"), folder, name)

    def take(self, package: VerifiedPackage, label: str) -> list[tuple[bytes, FileResult]]:
        """Do an order, or say why not; then those that waited for it.

        Args:
            package: Verified and kept.
            label: As its file was named.

        Returns:
            What became of the file, then of the orders that went on; each beside its package id.
        """
        results = [(package.package_id, self._take(package, label))]
        while (waiting := self._next_held(package)) is not None:
            package_id, named = waiting
            with self._reopen(package_id) as other:
                results.append((package_id, self._take(other, named)))
        return results

    def _take(self, package: VerifiedPackage, label: str) -> FileResult:
        number = package.header.number
        try:
            plaintext = package.body.read(ORDER_BYTES_MAX + 1)
            order = decode_order(plaintext)
            if order.number != number:
                raise errors.Malformed(part="number")
        except errors.FileError as error:
            return self._aside(package, label, error)
        try:
            with self.server.store.act(f"order {order.verb.name.lower()}"):
                found = self._known(package.package_id)
                if found is not None and found[0] is not OrderState.HELD:
                    return self._repeat(label, number, *found)
                made = self._decide(package, order, plaintext, label, again=found is not None)
        except errors.DistrictRevoked as error:
            return self._aside(package, label, error)
        self._publish(package.package_id)
        return made

    def _decide(self, package: VerifiedPackage, order: Order, plaintext: bytes, label: str, *, again: bool) -> FileResult:
        office = self._office(package)
        if office.state != ACTIVE:
            raise errors.DistrictRevoked()
        state, deed, last, value = OrderState.REFUSED, Deed(), office.last, office.value
        error: ExchangeError | None
        if order.number > office.last + 1:
            state, error = OrderState.HELD, errors.OrderEarly(got=order.number, expected=office.last + 1)
        elif order.number <= office.last or order.previous != office.value:
            error = errors.OrderForked(number=order.number)
        else:
            last, value = order.number, order_next(office.value, plaintext)
            self.db.execute(
                "UPDATE kirim_district SET last = ?, value = ? WHERE scope = ? AND key_id = ?",
                (last, value, office.scope, office.key),
            )
            error, deed = self._do(office, order, package.package_id)
            state = OrderState.REFUSED if error is not None else OrderState.DONE
        self._note(package, office, order, state, error, label)
        if not (again and state is OrderState.HELD):
            told = OrderAnswer(
                order.number, package.package_id, state, number_of(error), last, value, _told(order, state, error, deed)
            )
            self._stage(package, office, told, deed.files)
        if state is OrderState.REFUSED and error is not None:
            folder, name = self._place(package.package_id)
            with spool.open_file(folder / name) as file:
                self._quarantine.keep(file, label, error)
        return FileResult(
            label, _STATUS[state], error.code if error else "", number=order.number, error=error, district=office.region.strip()
        )

    def _do(self, office: District, order: Order, package_id: bytes) -> tuple[ExchangeError | None, Deed]:
        """Do what is ordered, or undo all of it and return why."""
        name = f"{package_id.hex()}{_LIST}"
        path = spool.put(self._held, name, lambda file: file.write(order.content), replace=True)
        try:
            with self.db.transaction(), own_faults():
                return None, do(self.server, office, order.verb, path, order.label)
        except _REFUSALS as error:
            return _named(error, path.name, order.label), Deed()
        finally:
            spool.remove(path)

    def _note(
        self,
        package: VerifiedPackage,
        office: District,
        order: Order,
        state: OrderState,
        error: ExchangeError | None,
        label: str,
    ) -> None:
        self.db.execute(
            "INSERT INTO kirim_order (package_id, scope, key_id, number, verb, state, code, file, size, plaintext, file_key, "
            "received_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (package_id) DO UPDATE SET "
            "state = excluded.state, code = excluded.code",
            (
                package.package_id,
                office.scope,
                office.key,
                order.number,
                int(order.verb),
                STATES[state],
                number_of(error),
                label,
                package.size,
                package.plaintext_sha256,
                lock_file_key(self.server.archive.public, package.package_id, package.file_key),
                self.server.store.clock(),
            ),
        )

    def _aside(self, package: VerifiedPackage, label: str, error: ExchangeError) -> FileResult:
        """Put an order aside that says nothing, or whose office's word counts no longer; no record has a mark of it."""
        folder, name = self._place(package.package_id)
        with spool.open_file(folder / name) as file:
            self._quarantine.keep(file, label, error)
        return FileResult(label, "quarantined", error.code, number=package.header.number, error=error)

    def _repeat(self, label: str, number: int, state: OrderState, code: int, region: str) -> FileResult:
        """Return the answer that an order had when it first came; it is not done again."""
        if state is OrderState.REFUSED:
            return FileResult(label, "quarantined", f"KF-{code}", number=number, district=region.strip())
        return FileResult(label, "duplicate", number=number, district=region.strip())

    # --- what is known ------------------------------------------------------------------------

    def _office(self, package: VerifiedPackage) -> District:
        found = district(self.server.store, scope_text(package.header.scope), package.header.sender)
        if found is None:
            raise errors.SenderUnknown()
        return found

    def _known(self, package_id: bytes) -> tuple[OrderState, int, str] | None:
        row = self.db.execute(
            "SELECT o.state, o.code, d.region FROM kirim_order o JOIN kirim_district d "
            "ON d.scope = o.scope AND d.key_id = o.key_id WHERE o.package_id = ?",
            (package_id,),
        ).fetchone()
        states = {name: state for state, name in STATES.items()}
        return None if row is None else (states[row[0]], row[1], row[2])

    def _next_held(self, package: VerifiedPackage) -> tuple[bytes, str] | None:
        """Return an order of the same office that has waited for what came: its package id and its file's name."""
        row = self.db.execute(
            "SELECT o.package_id, o.file FROM kirim_order o JOIN kirim_district d ON d.scope = o.scope AND d.key_id = o.key_id "
            "WHERE o.scope = ? AND o.key_id = ? AND o.state = 'held' AND o.number <= d.last + 1 AND d.state = ? "
            "ORDER BY o.number, o.rowid LIMIT 1",
            (scope_text(package.header.scope), package.header.sender, ACTIVE),
        ).fetchone()
        return None if row is None else (bytes(row[0]), str(row[1]))

    def _place(self, package_id: bytes) -> tuple[Path, str]:
        return self.server.files / "archive" / "surat", f"{package_id.hex()}.kirim"

    def _reopen(self, package_id: bytes) -> VerifiedPackage:
        folder, name = self._place(package_id)
        with spool.read_package(folder / name) as file:
            package = open_package(
                file, kinds={PackageKind.SURAT}, find=self.server.find, identities=self.server.identities, folder=self._held
            )
        assert isinstance(package, VerifiedPackage)
        return package

    # --- answers ------------------------------------------------------------------------------

    def _stage(
        self, package: VerifiedPackage, office: District, told: OrderAnswer, files: Sequence[tuple[str, bytes]]
    ) -> None:
        """Seal an answer to the office beside the transaction that it speaks of; nobody here can open it."""
        stem = f"JAWABAN-{office.region.strip()}-{told.number:06}"
        name = f"{package.package_id.hex()}-{STATES[told.state]}~{folder_name(office)}~{stem}{_STAGED}"
        spool.put(
            self._held,
            name,
            lambda out: seal(
                kind=PackageKind.JAWABAN,
                scope=office.scope,
                number=told.number,
                sender=self.server.identity,
                receivers=[public_of(package.sender)],
                certificates=chain_to(self.server),
                plaintext=encode_answer(told, files),
                out=out,
                folder=self._held,
            ),
            replace=True,
        )

    def _publish(self, package_id: bytes) -> None:
        """Put what was staged for an order into the outbox, if it speaks of what has become of the order."""
        for path in sorted(self._held.glob(f"{package_id.hex()}-*{_STAGED}")):
            named, folder, stem = path.name.removesuffix(_STAGED).split("~")
            found = self._known(package_id)
            if found is None or STATES[found[0]] != named.partition("-")[2]:
                spool.remove(path)
                continue
            outbox = self.server.files / "outbox" / folder
            spool.move(path, outbox, spool.free_name(outbox, stem, ".kirim"))

    def finish(self) -> None:
        """Finish what a kill left: answers that wait are put into the outbox, or taken away if what they say was undone."""
        with self.db.unkept(), self.db.transaction():  # no other process is at an order meanwhile
            for path in (*sorted(self._held.glob(f"*{_LIST}")), *sorted(self._held.glob(f"*{_KEPT}"))):
                spool.remove(path)
            for path in sorted(self._held.glob(f"*{_STAGED}")):
                self._publish(bytes.fromhex(path.name.partition("-")[0]))


def _told(order: Order, state: OrderState, error: ExchangeError | None, deed: Deed) -> bytes:
    """Return what an answer says in words that a program reads; the error travels with its facts."""
    document: dict[str, object] = {"verb": order.verb.name.lower(), "state": STATES[state], "result": deed.result}
    if error is not None:
        document["error"] = {"code": error.code, "facts": error.facts()}
    return json.dumps(document, ensure_ascii=False, default=str).encode()


def _named(error: ExchangeError, ours: str, theirs: str) -> ExchangeError:
    """Return an error that names the list as the office knows it."""
    facts = error.facts()
    if facts.get("file") in (ours, "school"):
        return type(error)(**facts | {"file": theirs})
    return error
