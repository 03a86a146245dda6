"""Another head: the code that the dinas hands out for whoever is head by its data.

The return that brings the assignment and the letter with the code come to the school together; what it does with them is
:mod:`exchange.school.headship`.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

from exchange import errors, spool
from exchange.format.certificate import KeyKind
from exchange.nodes import ServerNode
from exchange.rules.heads import ASSIGNED, ROLES, Head, active_heads
from exchange.store.server import School
from exchange.store.source import StoreSource
from exchange.trust.codes import code_identity, new_code, parse_code


@dataclass(frozen=True, slots=True)
class HeadCode:
    """A code for a head's assignment: whose it is and where it lies."""

    npsn: str
    sekolah_id: str
    code_file: Path
    head: Head

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server school code --purpose kepala --json``."""
        return {
            "npsn": self.npsn,
            "sekolah_id": self.sekolah_id,
            "code_file": str(self.code_file),
            "nama": self.head.nama,
            "role": ROLES[self.head.role],
            "assignment": self.head.assignment,
        }


def head_code(server: ServerNode, npsn: str, *, out: Path | None = None) -> HeadCode:
    """Make a code for whoever is head by the dinas's data: a new head, or one who forgot the passphrase.

    Raises:
        SchoolUnknown: KF-103.
        NobodyAssigned: KF-114.
        DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    if out is not None:
        spool.named(out)
    school, head, text = issue_head_code(server, npsn)
    folder = out or server.home / "outbox" / school.npsn
    name = spool.free_name(folder, f"KODE-KEPALA-{school.npsn}", ".txt")
    return HeadCode(school.npsn, school.sekolah_id, spool.put(folder, name, lambda file: file.write(text)), head)


def issue_head_code(server: ServerNode, npsn: str) -> tuple[School, Head, bytes]:
    """Make a code for whoever is head, and return the school, the head and the text of the code's file.

    Raises:
        SchoolUnknown: KF-103.
        NobodyAssigned: KF-114.
    """
    school = server.store.school_by_npsn(npsn)
    scope, store = school.sekolah_id, server.store
    heads = active_heads(StoreSource(store.db, store.schema, scope), scope, server.semester.tahun_ajaran_id)
    if not heads:
        raise errors.NobodyAssigned(npsn=school.npsn)
    head, code = heads[0], new_code()
    public = code_identity(parse_code(code), scope, KeyKind.KODE_KEPALA).public
    with store.db.transaction():
        store.db.execute(
            "INSERT INTO kirim_code (scope, key_id, purpose, public, subject) VALUES (?, ?, ?, ?, ?)",
            (
                scope,
                public.key_id,
                public.kind.name,
                public.verify_key + public.seal_key,
                uuid.UUID(head.assignment).bytes,
            ),
        )
    text = (
        f"{code}\n\nKode kepala sekolah {school.npsn} untuk {head.nama}. Simpan baik-baik; hanya untuk yang bersangkutan.\n"
        f"{ASSIGNED} {head.assignment}\n"
    )
    return school, head, text.encode()
