"""A held package that a person no longer lets wait: what it says is taken now, and it still goes on if what is missing comes.

The package's changesets are taken *apart*, under a chain of their own, because the numbers before them are unknown. The file
stays held: when the missing numbers arrive after all, it is merged in its turn, and what the school said last stands.

Source:
    docs/protocol.md, rule 7; requirement R11.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from exchange import errors, spool
from exchange.central.claims import report_claims
from exchange.format.body import read_body
from exchange.format.changeset import chain_next
from exchange.laptops import apart
from exchange.nodes import ServerNode
from exchange.reading import changesets
from exchange.records import Counts, Op, PackageKind
from exchange.server.merging import Claims, take
from exchange.server.standing import Chain
from exchange.store import chains
from exchange.store.server import School, Seen
from exchange.trust.opening import VerifiedPackage, open_package

_WAIVABLE = {int(error.code[3:]) for error in (errors.Gap, errors.BaseUnknown)}


@dataclass(frozen=True, slots=True)
class Waived:
    """What waiving one package gave."""

    npsn: str
    number: int
    counts: Counts

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server waive --json``."""
        return {"npsn": self.npsn, "number": self.number, "changes": self.counts.as_dict()}


def waive(server: ServerNode, npsn: str, number: int) -> Waived:
    """Take what a held package, and the held ones before it, say without what they wait for.

    The head's approval covers the chain from its beginning, so it cannot be checked; whoever waives answers for that.

    Args:
        server: The server.
        npsn: Whose package.
        number: The package's number.

    Raises:
        SchoolUnknown: KF-103.
        NotWaivable: KF-405, no such package is held for want of earlier numbers or of a lost position.
        Fork: KF-402, another package with other content under the same numbers was waived before.
        FileUnreadable: KF-702, the held file is gone.
    """
    store = server.store
    school = store.school_by_npsn(npsn)
    counts = Counts()
    with store.act("waive", school.sekolah_id):
        for package_id in _held(server, school, number):
            with _opened(server, server.files / "held" / f"{package_id.hex()}.kirim") as package:
                counts += _take_apart(server, school, package)
            store.db.execute(
                "INSERT INTO kirim_waived (package_id, at) VALUES (?, ?) ON CONFLICT DO NOTHING",
                (package_id, store.clock()),
            )
    return Waived(school.npsn, number, counts)


def _held(server: ServerNode, school: School, number: int) -> list[bytes]:
    """Return the packages that wait like the one named, up to it: an older word must not come after a newer one."""
    found = server.store.db.execute(
        "SELECT package_id, code, number FROM kirim_package WHERE scope = ? AND number <= ? AND state = 'held' "
        "ORDER BY number, seq",
        (school.sekolah_id, number),
    )
    waiting = [(bytes(package_id), named) for package_id, code, named in found if code in _WAIVABLE]
    if number not in {named for _, named in waiting}:
        raise errors.NotWaivable(npsn=school.npsn, number=number)
    return [package_id for package_id, _ in waiting]


def _opened(server: ServerNode, path: Path) -> VerifiedPackage:
    with spool.read_package(path) as file:
        package = open_package(
            file,
            kinds={PackageKind.KIRIM},
            find=server.find,
            identities=server.identities,
            folder=server.files / "held",
        )
    assert isinstance(package, VerifiedPackage)
    return package


def _take_apart(server: ServerNode, school: School, package: VerifiedPackage) -> Counts:
    store, sender = server.store, package.header.sender
    school = store.reread(school)
    _, items = read_body(package.body, store.schema.version)
    device = apart(sender)
    counts, claims = Counts(), Claims()
    for found in changesets(store.schema, school.sekolah_id, items):
        number = found.head.number
        # Nothing is known of the value before, so each number has a beginning of its own.
        before = hashlib.sha256(b"kirim/1 terpisah\0" + sender + number.to_bytes(4, "big")).digest()
        taken = chains.value_at(store.db, school.sekolah_id, device, number)
        if taken is not None:
            if chain_next(before, found.skim()) != taken:
                raise errors.Fork(number=number)
            continue
        base = store.seen(school, found.head.base) or Seen(school.have)
        chain = Chain(device, number - 1, before)
        school, told, _ = take(server, school, chain, found, base, before, Counter[tuple[int, Op]](), claims)
        counts += told
    if claims:
        report_claims(store, school, claims)
    return counts
