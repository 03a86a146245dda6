"""*Lembar Konfirmasi Sinkronisasi*: what the head ticks line by line before anything is sent.

One line for each kind of data that a school sends, whether or not it has changed: how many rows the school holds, what this
package carries of them (all that the server has not acknowledged), and how many rows changed since the last export.
"""

from __future__ import annotations

from dataclasses import dataclass

from exchange.consent import CONSENT
from exchange.rules.heads import Head
from exchange.schema.model import Table
from exchange.school import capture
from exchange.school.capture import Net, counted, own_blocks
from exchange.store.school import SchoolStore

KINDS = (
    "Sekolah",
    "Sarpras",
    "Peserta Didik",
    "GTK",
    "Rombongan Belajar",
    "Anggota Rombel",
    "Pembelajaran",
    "Nilai",
    "Jadwal",
)
"""The nine kinds of data of a *sinkronisasi*, in the field's words and order (seed 001)."""

REST = "Lainnya"
"""What is none of these, accounts and their roles for instance; a line of its own only when this package carries any."""

_BY_TABLE = {"rombongan_belajar": "Rombongan Belajar", "anggota_rombel": "Anggota Rombel", "jadwal": "Jadwal"}
"""Tables whose tab of *Validasi Lokal* holds several kinds."""

EXPORTED = "exported"
"""Name of a remembered value: number of the last changeset that the last export carried."""


def kind_of(table: Table) -> str:
    """Return the line of the sheet on which a table stands.

    Example:
        >>> from exchange.schema import SCHEMA
        >>> [kind_of(SCHEMA.by_name[name]) for name in ("ptk", "jadwal", "pengguna")]
        ['GTK', 'Jadwal', 'Lainnya']
    """
    kind = _BY_TABLE.get(table.name, table.tab)
    return kind if kind in KINDS else REST


@dataclass(slots=True)
class Line:
    """One line of the sheet.

    Attributes:
        kind: One of :data:`KINDS`, or :data:`REST`.
        rows: Live rows that the school holds.
        insert, update, delete: Net rows that this package carries.
        since_last: Net rows that changed since the last export.
    """

    kind: str
    rows: int = 0
    insert: int = 0
    update: int = 0
    delete: int = 0
    since_last: int = 0

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim school export --json``."""
        return {
            "kind": self.kind,
            "rows": self.rows,
            "insert": self.insert,
            "update": self.update,
            "delete": self.delete,
            "since_last": self.since_last,
        }


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the head confirms.

    Attributes:
        head: Who approves.
        changes: Rows by table and operation that this package carries.
        lines: The kinds of data, each of which is ticked.
        last_exported_at: Seconds since 1970, or empty before the first export.
        consent: Text of the *Persetujuan*.
    """

    head: Head
    changes: dict[str, dict[str, int]]
    lines: tuple[Line, ...] = ()
    last_exported_at: str = ""
    consent: str = CONSENT


def fill(store: SchoolStore, head: Head, changes: Net) -> Sheet:
    """Return the sheet of a package.

    Args:
        store: The school's, cut already.
        head: Who approves.
        changes: Net rows of the package.
    """
    lines = {kind: Line(kind) for kind in (*KINDS, REST)}
    after = max(store.acknowledged, int(store.get(EXPORTED, "0")))
    recent = counted(capture.net(own_blocks(store, min(after, store.last), store.last)))
    carried = counted(changes)
    for table in store.schema.data_tables:
        line, ops = lines[kind_of(table)], carried.get(table.name, {})
        line.rows += int(store.db.value(f"SELECT count(*) FROM {table.name} WHERE soft_delete IS NOT 1"))
        line.insert += ops.get("insert", 0)
        line.update += ops.get("update", 0)
        line.delete += ops.get("delete", 0)
        line.since_last += sum(recent.get(table.name, {}).values())
    rest = lines[REST]
    if not (rest.insert or rest.update or rest.delete):
        del lines[REST]
    return Sheet(head, carried, tuple(lines.values()), store.get("last_exported_at"))
