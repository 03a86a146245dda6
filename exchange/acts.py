"""Acts of the centre: whatever changes the server's database and is no package gets an entry of the ledger, by itself.

The entry is written in the very transaction that made the change, from the rows that it wrote. So no command can forget
it, and a replay puts back the rows without knowing what the command was.

Source:
    docs/adr/0014-one-ledger-of-everything.md.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable

from exchange import __version__
from exchange.format.entry import ACT, START, ActEntry, entry_value, write_content
from exchange.limits import MIB
from exchange.store.database import Touched
from exchange.store.images import images
from exchange.store.server import ServerStore
from exchange.trust.archive import seal_act
from exchange.trust.keys import Identity
from exchange.trust.receipts import sign_act

UNNAMED = "lain"
"""Name of an act that has no other."""


def keep(store: ServerStore, keys: Callable[[], tuple[Identity, Identity]]) -> None:
    """Let every transaction of a store that is no package's be entered in its ledger.

    Args:
        store: The server's.
        keys: Gives the server's key, which signs the entry, and the archive's, for which what was done is sealed.
    """
    store.db.keeper = lambda touched: _enter(store, *keys(), touched)


def head(store: ServerStore) -> tuple[int, bytes]:
    """Return the number of the ledger's last entry, and its value there (32 bytes)."""
    found = store.db.execute("SELECT seq, value FROM kirim_entry ORDER BY seq DESC LIMIT 1").fetchone()
    return (found[0], bytes(found[1])) if found else (0, START)


def add(store: ServerStore, seq: int, kind: int, entry: bytes, signature: bytes) -> None:
    """Add an entry to the ledger, behind its last one (:func:`head`). Part of the caller's transaction."""
    store.db.execute(
        "INSERT INTO kirim_entry (seq, kind, entry, value, signature) VALUES (?, ?, ?, ?, ?)",
        (seq, kind, entry, entry_value(entry), signature),
    )


def _enter(store: ServerStore, signer: Identity, archive: Identity, touched: Touched) -> None:
    rows = ((image.table, image.gone, image.columns, image.rows) for image in images(store.db, touched))
    sealed = seal_act(archive, b"".join(write_content(store.schema.version, __version__, rows)))
    name, scope = store.doing
    store.entered = True
    last, previous = head(store)
    entry = ActEntry(
        name or UNNAMED,
        uuid.UUID(scope).bytes if scope else b"",
        store.clock(),
        hashlib.sha256(sealed).digest(),
        previous,
    ).packed()
    seq = last + 1
    add(store, seq, ACT, entry, sign_act(signer, entry))
    store.db.executemany(
        "INSERT INTO kirim_act (seq, part, bytes) VALUES (?, ?, ?)",
        ((seq, n, sealed[at : at + MIB]) for n, at in enumerate(range(0, len(sealed), MIB))),
    )
