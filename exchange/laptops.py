"""The laptops that a school has had, one after another: which one is in use, and what another one said.

Each laptop has a chain of its own. What a former one says late is taken like any edit that somebody made without knowing of
the others; where a newer laptop changed the same, the newer one's value stands, whichever file comes first. What one laptop
said travels to the one in use like what the centre said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable

from exchange.central.recording import index_rows
from exchange.format.certificate import KeyKind, decode_certificate
from exchange.format.changeset import decode_changeset
from exchange.records import Cause, Op
from exchange.store import chains
from exchange.store.server import Entry, School, ServerStore

ACTIVE, CONTESTED, REJECTED, REVOKED = "aktif", "ditahan", "ditolak", "dicabut"
"""States of a school's key: in use; one of several under one code; refused by the district; revoked after a number."""


def apart(device: bytes) -> bytes:
    """Return the chain of what a person took of a laptop's files apart from its own chain (8 bytes)."""
    return hashlib.sha256(b"kirim/1 terpisah\0" + device).digest()[:8]


def age(server: ServerStore, scope: str, device: bytes) -> tuple[int, int]:
    """Return what orders a school's laptops, the newest last: its code's place, and how often its key was renewed since."""
    steps, found = 0, device
    while True:
        body = server.db.value(
            "SELECT body FROM kirim_key WHERE scope = ? AND key_id = ? AND kind = ?",
            (scope, found, int(KeyKind.PERANGKAT)),
        )
        if body is None:
            break
        found, steps = decode_certificate(bytes(body)).issuer, steps + 1
    code = server.db.value("SELECT rowid FROM kirim_code WHERE scope = ? AND key_id = ?", (scope, found))
    return int(code or 0), steps


def is_former(server: ServerStore, school: School, device: bytes, state: str) -> bool:
    """Return whether a laptop is not the one in use: a newer one has sent, or its key no longer counts.

    What it says of positions and digests says nothing of how things are now.
    """
    if state != ACTIVE:
        return True
    if not school.device or device == school.device:
        return False
    return age(server, school.sekolah_id, device) < age(server, school.sekolah_id, school.device)


def others(server: ServerStore, scope: str, device: bytes) -> dict[bytes, bool]:
    """Return the chains of a school's other laptops, each with whether that laptop is newer than this one.

    Almost every school has one laptop: then this is one small query.
    """
    found = server.db.execute(
        "SELECT key_id FROM kirim_key WHERE scope = ? AND kind = ?", (scope, int(KeyKind.PERANGKAT))
    ).fetchall()
    keys = [bytes(key) for (key,) in found]
    mine = next((key for key in keys if device in (key, apart(key))), b"")
    rest = [key for key in keys if key != mine]
    if not rest:
        return {}
    own = age(server, scope, mine) if mine else (1 << 62, 0)
    chains_of = {}
    for other in rest:
        chains_of[other] = chains_of[apart(other)] = age(server, scope, other) > own
    return chains_of


def said(
    server: ServerStore, scope: str, devices: Iterable[bytes], after: int, also: Collection[int] = frozenset()
) -> list[Entry]:
    """Return what laptops said after a position of a school's log, as entries by the school, but for what did not stand.

    Args:
        server: The store.
        scope: ``sekolah_id``.
        devices: Key ids of the laptops.
        after: Log position.
        also: Positions behind it that are left out.
    """
    entries: list[Entry] = []
    for device in devices:
        found = server.db.execute(
            "SELECT number, position FROM kirim_changeset WHERE scope = ? AND device = ? AND position > ? ORDER BY number",
            (scope, device, after),
        ).fetchall()
        for number, position in found:
            if position not in also:
                entries += changes_at(server, scope, device, number, position)
    return entries


def changes_at(server: ServerStore, scope: str, device: bytes, number: int, position: int) -> list[Entry]:
    """Return what one changeset changed, as entries by the school, but for what did not come to stand."""
    fell = {(e.table, e.row, e.group) for e in server.entries_at(scope, position) if e.cause is Cause.KOREKSI}
    parts = chains.read_parts(server.db, scope, device, number)
    return [
        Entry(position, table, row, group, Op(op), Cause(cause))
        for block in decode_changeset(server.schema, scope, parts)[1]
        for table, row, group, op, cause in index_rows(block, Cause.SEKOLAH)
        if (table, row, group) not in fell
    ]


def has_taken(server: ServerStore, scope: str, origin: bytes) -> bool:
    """Return whether a changeset that was first cut with this chain value was taken before, whatever laptop brought it."""
    return server.db.value("SELECT 1 FROM kirim_changeset WHERE scope = ? AND origin = ?", (scope, origin)) is not None


def unheard(server: ServerStore, school: School, after: int) -> list[Entry]:
    """Return what the laptop in use has to hear after a position, oldest first: by the centre and by other laptops."""
    entries = server.entries_after(school.sekolah_id, after)
    rest = others(server, school.sekolah_id, school.device)
    if rest:
        entries += said(server, school.sekolah_id, rest, after)
        entries.sort(key=lambda entry: entry.position)
    return entries
