"""One verified package merged at the server: chain, approval, changesets, findings, log.

Everything happens in the caller's transaction: an error undoes it all, and its fate says what becomes of the file.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field, replace

from exchange import digests, errors
from exchange.central.claims import report_claims
from exchange.central.recording import index_rows, log, tell_others
from exchange.format.body import Item, read_body
from exchange.format.changeset import chain_next
from exchange.format.outcome import encode_outcome
from exchange.giving import Given
from exchange.laptops import has_taken, is_former
from exchange.nodes import ServerNode
from exchange.reading import Content, Found, only_changesets
from exchange.records import Cause, Counts, Manifest, Op
from exchange.schema.model import Column, Table
from exchange.school.healing import take_wanted, tell_newer
from exchange.server.approvals import check_approved
from exchange.server.standing import Chain, admit, chain_of, check_key, check_revoked_value, note, value_at
from exchange.server.taken import Taken
from exchange.server.taking import Taking
from exchange.store import chains
from exchange.store.server import MERGED, School, Seen, ServerStore
from exchange.trust.opening import VerifiedPackage

Claims = dict[tuple[Table, Column], set[object]]
"""Values of columns that should be unique, as changesets claimed them."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What merging one package gave.

    Attributes:
        counts: What became of the changesets that were new.
        first, last: Numbers before the first and of the last changeset in the file.
        value: Chain value at ``last`` (32 bytes).
        position: Log position afterwards, ``None`` when nothing was merged.
        new: Whether any changeset was new, or the package said anything that the server did not know.
    """

    counts: Counts = field(default_factory=Counts)
    first: int = 0
    last: int = 0
    value: bytes = b""
    position: int | None = None
    new: bool = False


def merge(server: ServerNode, school: School, package: VerifiedPackage) -> Merged:
    """Merge a package's new changesets and note what it says it has.

    Args:
        server: The server; the caller holds the school's lock and a transaction.
        school: Whose package; read again here.
        package: Verified and opened, its body at the beginning.

    Raises:
        SchemaNewer, Gap, BaseUnknown, ApprovalOther, CodeTwice: KF-209, KF-401, KF-403, KF-310, KF-311; the file is
        held. Fork, ApprovalBad, Revoked, CodeVoid, Malformed, TooLarge: KF-402, KF-309, KF-308, KF-340, KF-208, KF-207;
        the file is quarantined.
        DoesNotAddUp: KF-502.

    Source:
        docs/protocol.md, rules 5 to 17 and 29.
    """
    school = server.store.reread(school)
    manifest, items = read_body(package.body, server.store.schema.version)
    content = Content(server.store.schema, school.sekolah_id, items)
    admit(server.store, school, package.admitted)
    with Given(server, school, content.leading(Item.GIVEN)) as given:
        return _merge(server, school, package.header.sender, manifest, content, given)


def _merge(
    server: ServerNode, school: School, device: bytes, manifest: Manifest, content: Content, given: Given
) -> Merged:
    before = school.position
    chain = chain_of(server.store, school, device)
    check_key(chain, manifest)
    school = take_wanted(server.store, school, content.leading(Item.WANTED))
    heard = _check_have(server, school, manifest)
    if manifest.schema > school.schema and not is_former(server.store, school, device, chain.state):
        school = tell_newer(server.store, school, manifest.schema)
    _check_first(server, school, chain, manifest)
    counts, tables = Counts(), Counter[tuple[int, Op]]()
    number, value = manifest.first.number, value_at(server.store, school, chain, manifest.first.number)
    claims: Claims = {}
    merged = chain.last
    for found in only_changesets(content):
        number += 1
        if found.kind is not Item.HEAD or found.head.number != number or number > manifest.last:
            raise errors.Malformed(part="changeset's number")
        school = given.enter(school, number)
        again = found.head.again
        if number <= chain.last:
            for block in found.tapped(_forget):
                tables[block.table.number, block.op] += block.count
            value = chain_next(value, found.digest.digest())
            if chains.value_at(server.store.db, school.sekolah_id, device, number) != value:
                raise errors.Fork(number=number)
        elif again and has_taken(server.store, school.sekolah_id, again.origin):
            school, value = _pass_over(server, school, chain, found, value, tables)
        else:
            base = server.store.seen(school, found.head.base)
            if base is None and found.head.base.number > manifest.have.number and not again:
                raise errors.BaseUnknown(number=found.head.base.number)
            base = base or server.store.surely_seen(school, found.head.base)
            school, told, value = take(server, school, chain, found, base, value, tables, claims)
            counts += told
    if number != manifest.last:
        raise errors.Malformed(part="number of changesets")
    school = given.enter(school)
    check_revoked_value(chain)
    check_approved(server, school, chain, manifest, value, tables, merged)
    new = school.position > before
    if not counts.sent:
        school = _enter_waiting(server, school, chain, claims)
    if claims:
        school = report_claims(server.store, school, claims)
    _note(server, school, chain, manifest, heard)
    return Merged(
        counts,
        manifest.first.number,
        manifest.last,
        value,
        school.position if new else None,
        new or _is_news(school, manifest),
    )


def outline(server: ServerNode, school: School, package: VerifiedPackage) -> Merged:
    """Return what a package holds that could not be merged: every change beyond what is merged counts as held.

    Args:
        server: The server.
        school: Whose package.
        package: Its body is read again from the beginning.
    """
    package.body.seek(0)
    school = server.store.reread(school)
    try:
        manifest, items = read_body(package.body, server.store.schema.version)
        merged = chain_of(server.store, school, package.header.sender).last
        content = Content(server.store.schema, school.sekolah_id, items)
        held = sum(
            block.count
            for piece in content
            if isinstance(piece, Found)
            for block in piece.blocks
            if piece.head.number > merged
        )
    except (errors.FileError, errors.TrustError):
        # Damaged, a newer program's, or of a laptop that is not admitted: nothing can be said of its content.
        return Merged(position=school.position)
    return Merged(Counts(held=held), manifest.first.number, manifest.last, position=school.position)


def _forget(part: bytes) -> None:
    """A part that is known already is only hashed."""


def _is_news(school: School, manifest: Manifest) -> bool:
    """Whether a package without new changesets says anything: that a return was applied, or that there is nothing to send."""
    return manifest.have.number != school.have or manifest.last == manifest.first.number


# --- who and where ----------------------------------------------------------------------------


def _check_have(server: ServerNode, school: School, manifest: Manifest) -> int | None:
    """Return the position that a school says it has, if this log holds it; ``None`` if it was lost and is known again."""
    if server.store.holds(school, manifest.have):
        return manifest.have.number
    if server.store.seen(school, manifest.have) is None:
        raise errors.BaseUnknown(number=manifest.have.number)
    return None


def _check_first(server: ServerNode, school: School, chain: Chain, manifest: Manifest) -> None:
    """The file must begin on the chain that the server has: later is a gap, elsewhere a fork."""
    first = manifest.first
    if first.number > chain.last:
        raise errors.Gap(got=first.number + 1, expected=chain.last + 1)
    if value_at(server.store, school, chain, first.number)[:8] != first.value:
        raise errors.Fork(number=first.number)


# --- one changeset ----------------------------------------------------------------------------


def _pass_over(
    server: ServerNode, school: School, chain: Chain, found: Found, before: bytes, tables: Counter[tuple[int, Op]]
) -> tuple[School, bytes]:
    """Keep a changeset that was taken before, in another laptop's chain or under another number: it has its effect already.

    What stands here goes back for all that it says: its outcome was told where it was taken, and this laptop, which holds
    it as unsent work, may not have heard what came of it.
    """
    store, scope, head = server.store, school.sekolah_id, found.head
    writer = chains.PartWriter(store.db, scope, chain.device, head.number)
    told: dict[tuple[int, str, int, int, int], None] = {}
    for block in found.tapped(writer.add):
        tables[block.table.number, block.op] += block.count
        for table, row, group, _, cause in index_rows(block, Cause.KOREKSI):
            told[table, row, group, int(Op.UPDATE), cause] = None
    writer.close()
    value = chain_next(before, found.digest.digest())
    entry = hashlib.sha256(chain.device + head.number.to_bytes(4, "big") + value).digest()
    school = store.append(school, MERGED, chain.device, head.number, Cause.SEKOLAH, entry)
    store.add_index(scope, school.position, told)
    chains.add_changeset(store.db, scope, chain.device, head, value, position=school.position)
    chain.last, chain.value = head.number, value
    return school, value


def take(
    server: ServerNode,
    school: School,
    chain: Chain,
    found: Found,
    base: Seen,
    before: bytes,
    tables: Counter[tuple[int, Op]],
    claims: Claims,
) -> tuple[School, Counts, bytes]:
    """Take one new changeset: into the tables, the log and the index, with the outcome that it keeps for ever.

    Args:
        server: The server.
        school: As it stands now.
        chain: The chain that it is next in; it moves on.
        found: The changeset.
        base: What the school had seen of its log when it was first cut.
        before: Chain value before it.
        tables: Rows sent, by table and operation; counted on.
        claims: Unique values that were claimed; collected.

    Returns:
        The school as it stands then, what became of the changes, and the chain value.
    """
    store, head, scope = server.store, found.head, school.sekolah_id
    writer = chains.PartWriter(store.db, scope, chain.device, head.number)
    taking = Taking(store, school, chain.device, head.again, base, server.codes, _shown(store, scope))
    sent = 0
    for block in found.tapped(writer.add):
        taking.block(block)
        tables[block.table.number, block.op] += block.count
        sent += block.count
    writer.close()
    taken = taking.finish()
    if taken.counts.sent != sent:
        raise errors.DoesNotAddUp(sent=sent, told=taken.counts.sent)
    value = chain_next(before, found.digest.digest())
    outcome = encode_outcome(taken.lines, taken.counts)
    entry = hashlib.sha256(chain.device + head.number.to_bytes(4, "big") + value + hashlib.sha256(outcome).digest())
    school = store.append(school, MERGED, chain.device, head.number, Cause.SEKOLAH, entry.digest())
    store.add_index(scope, school.position, dict.fromkeys(taken.index))
    chains.add_changeset(
        store.db, scope, chain.device, head, value, position=school.position, outcome=outcome, counts=taken.counts
    )
    _spread(store, school, taken, claims)
    chain.last, chain.value = head.number, value
    return school, taken.counts, value


def _enter_waiting(server: ServerNode, school: School, chain: Chain, claims: Claims) -> School:
    """Look at the open list although no changeset came: what the centre has made or learned since may let rows in."""
    store, scope = server.store, school.sekolah_id
    if not store.db.value("SELECT 1 FROM kirim_open WHERE scope = ? LIMIT 1", (scope,)):
        return school
    taking = Taking(store, school, chain.device, None, Seen(school.position), server.codes, _shown(store, scope))
    taken = taking.finish()
    if taken.index:
        school = log(store, school, Cause.KOREKSI, [], dict.fromkeys(taken.index))
    _spread(store, school, taken, claims)
    return school


def _shown(store: ServerStore, scope: str) -> set[tuple[int, str]]:
    """Return a school's rows that others see."""
    return set(store.db.execute("SELECT table_no, row FROM kirim_seen WHERE home = ?", (scope,)))


def _spread(store: ServerStore, school: School, taken: Taken, claims: Claims) -> None:
    """Tell what was taken to whoever sees the rows, and collect the claims."""
    if taken.touched:
        tell_others(
            store,
            school,
            [
                (table, row, group, int(Op.UPDATE), int(Cause.PUSAT))
                for (table, row), groups in taken.touched.items()
                for group in sorted(groups)
            ],
        )
    for key, values in taken.claims.items():
        claims.setdefault(key, set()).update(values)


def _note(server: ServerNode, school: School, chain: Chain, manifest: Manifest, heard: int | None) -> None:
    """Remember how far the chain is merged and what the school says it has."""
    db = server.store.db
    db.execute(
        "UPDATE kirim_key SET last = ?, value = ? WHERE scope = ? AND key_id = ?",
        (chain.last, chain.value, school.sekolah_id, chain.device),
    )
    if is_former(server.store, school, chain.device, chain.state):
        return
    if chain.device != school.device:  # another laptop from now on: what was known of the former one does not count
        db.execute("UPDATE kirim_school SET digests = NULL WHERE sekolah_id = ?", (school.sekolah_id,))
        school = replace(school, have=0)
    known: dict[str, dict[str, list[object]]] = json.loads(
        db.value("SELECT digests FROM kirim_school WHERE sekolah_id = ?", (school.sekolah_id,)) or "{}"
    )
    kept = known
    if manifest.have.number >= school.have:  # an older file that comes late says nothing of how things are now
        told = _digests(manifest, known)
        kept = {n: pairs for n, pairs in known.items() if manifest.first.number <= int(n) != manifest.last}
        kept |= {str(manifest.last): told} if told is not None else {}
    written = json.dumps(kept) if kept != known else None
    note(server.store, school, chain.device, manifest, manifest.last, written, heard)


def _digests(manifest: Manifest, known: dict[str, dict[str, list[object]]]) -> dict[str, list[object]] | None:
    """Return the digests that a package means, for the comparison that is made outside the merge (R28)."""
    if manifest.digests is None:
        return None
    before = {
        int(n): (int(str(c)), bytes.fromhex(str(v))) for n, (c, v) in known.get(str(manifest.first.number), {}).items()
    }
    pairs = digests.received(manifest.digests, before)
    return None if pairs is None else {str(n): [c, v.hex()] for n, (c, v) in pairs.items()}
