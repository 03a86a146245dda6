"""What a server or a school holds, as one value that can be compared."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

from exchange.format.entry import PackageEntry, entry_value, read_entry
from exchange.mirror import entries
from exchange.nodes import SchoolNode, ServerNode
from exchange.store.database import Database
from tests.life import Clock, Life, Sekolah

_LABELS = {"kirim_package": {"seq", "file", "received_at", "file_key"}}
"""Columns that tell when or under which name something came, not what."""

_ORDER = {"kirim_entry", "kirim_act"}
"""The ledger itself: in which order things came."""

_TIMES = {"create_date", "last_update"}
"""Columns of every exchanged table that this machine's clock fills."""


def tables(node: ServerNode | SchoolNode, *without: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return every table's rows in order, without the columns that only say when or under which name."""
    db = node.store.db
    found = {}
    names = [n for (n,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    for name in names:
        if name in {*without, *_ORDER} or name.startswith("sqlite_"):
            continue
        columns = [c[1] for c in db.execute(f"PRAGMA table_info({name})") if c[1] not in _LABELS.get(name, set()) | _TIMES]
        rows = [tuple(row) for row in db.execute(f"SELECT {', '.join(columns)} FROM {name}")]
        found[name] = sorted(rows, key=repr)
    return found


def snapshot(node: ServerNode | SchoolNode) -> str:
    """Return one hash over everything that a store holds."""
    return hashlib.sha256(repr(tables(node)).encode()).hexdigest()


def files(folder: Path) -> dict[str, str]:
    """Return every file below a folder, hidden ones too, with the hash of its content."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def copy(template: Life, folder: Path) -> Life:
    """Return a world of its own that is as another one, which must be closed."""
    life = Life.__new__(Life)
    shutil.copytree(template.folder, folder, dirs_exist_ok=True)
    life.folder, life.clock, life._lists = folder, Clock(template.clock.now), template._lists
    life.server = ServerNode.open(folder / "pusat", clock=life.clock)
    life.schools = []
    for school in template.schools:
        life.schools.append(Sekolah(life, folder / school.home.relative_to(template.folder)))
    return life


def archived(home: Path) -> dict[str, str]:
    """Return the sealed files of an archive as :func:`files`."""
    return {name: digest for name, digest in files(home / "archive").items() if name.endswith(".kirim")}


def ledger_holds(db: Database) -> bool:
    """Whether each entry names the value of the one before, and the packages' receipts are the entries."""
    before = bytes(32)
    for seq, packed, value in db.execute("SELECT seq, entry, value FROM kirim_entry ORDER BY seq").fetchall():
        entry = read_entry(bytes(packed))
        if entry.previous != before or entry_value(bytes(packed)) != value:
            return False
        if isinstance(entry, PackageEntry):
            package_id, state = db.execute("SELECT package_id, state FROM kirim_package WHERE seq = ?", (seq,)).fetchone()
            if entry.receipt[1] != package_id or entry.state != {"released": "held"}.get(state, state):
                return False
        before = bytes(value)
    return True


def mirrored(home: Path) -> bool:
    """Whether the archive holds the ledger as the database does, whole."""
    server = ServerNode.open(home)
    try:
        there = [(seq, value) for seq, value, _ in entries(home / "archive")]
        return there == server.store.db.execute("SELECT seq, value FROM kirim_entry ORDER BY seq").fetchall()
    finally:
        server.close()
