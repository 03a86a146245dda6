"""A server and its schools in folders of a test: real files, real keys, real databases, no command line.

The clock is the test's own. Head's keys are guarded by the same real Argon2id as in the field.
"""

from __future__ import annotations

import csv
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path

from exchange import digests
from exchange.central.change import Changed, change
from exchange.central.kip import KipImport, import_kip
from exchange.ingest import AppliedFiles, FileResult, Ingested, apply_file, apply_files, ingest_paths
from exchange.interop.lists import SchoolRow
from exchange.nodes import SchoolNode, ServerNode
from exchange.packager import Exported, Returned, export, write_return
from exchange.registering import SchoolAdded, add_schools, init_server
from exchange.school.applied import Report
from exchange.school.enrol import init_school
from exchange.store import rows

PASSPHRASE = "sandi kepala sekolah"
NOW = 1_793_000_000
"""2026-10-26, within the running semester of the reference rows that ship."""


class Clock:
    """Seconds that only the test moves."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


class Life:
    """A server and its schools."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, Clock()
        init_server(folder / "pusat", clock=self.clock)
        self.server = ServerNode.open(folder / "pusat", clock=self.clock)
        self.schools: list[Sekolah] = []
        self._lists = 0

    def school(self, npsn: str = "00000001", bentuk: str = "SD", head: str = "KEPALA CONTOH") -> Sekolah:
        """Register a school and enrol its laptop."""
        added = add_schools(self.server, [SchoolRow(npsn=npsn, name=f"{bentuk} CONTOH {npsn}", bentuk=bentuk, head=head)])[0]
        return self.laptop(added)

    def laptop(self, added: SchoolAdded) -> Sekolah:
        """Enrol one more laptop with a registered school's code and prefill."""
        home = self.folder / f"laptop-{len(self.schools) + 1}"
        code = added.code_file.read_text().splitlines()[0]
        init_school(home, added.prefill, code, PASSPHRASE, clock=self.clock)
        self.schools.append(Sekolah(self, home))
        return self.schools[-1]

    def ingest(self, *paths: Path) -> Ingested:
        """Take files at the server."""
        return ingest_paths(self.server, paths)

    def answer(self, school: Sekolah) -> Returned:
        """Write a return for a school."""
        return write_return(self.server, school.npsn)

    def change(self, as_: str, given: Sequence[tuple[str, str, str, object]], *, verified: bool = False) -> Changed:
        """Make the centre's changes by a list: (table, id, column, value) each. A head whom nobody knows is made."""
        path = self._list("ubah", ("table", "id", "column", "value", "verified", "baru"),
                          ((*line, "1" if verified else "", "1") for line in given))
        return change(self.server.store, as_, path, date(2026, 10, 26))

    def kip(self, given: Sequence[tuple[str, str]]) -> KipImport:
        """Import an SK list: (peserta_didik_id, no_kip) each."""
        return import_kip(self.server.store, self._list("sk", ("peserta_didik_id", "no_kip"), given))

    def _list(self, name: str, header: Sequence[str], lines: Iterable[Sequence[object]]) -> Path:
        self._lists += 1
        path = self.folder / f"{name}-{self._lists}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows(lines)
        return path

    def row(self, table: str, row: str) -> dict[str, object]:
        """Return a row of the server's tables by column, empty when there is none."""
        return _row(self.server.store, table, row)

    def close(self) -> None:
        """Close every store."""
        self.server.close()
        for school in self.schools:
            school.node.close()


class Sekolah:
    """One laptop of a school."""

    def __init__(self, life: Life, home: Path) -> None:
        self.life, self.home = life, home
        self.node = SchoolNode.open(home, clock=life.clock)
        self._people = 0

    @property
    def npsn(self) -> str:
        """The school's NPSN."""
        return self.node.store.get("npsn")

    @property
    def scope(self) -> str:
        """``sekolah_id``."""
        return self.node.store.scope

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Write to the store as any other program does, with plain SQL."""
        found: list[tuple[object, ...]] = self.node.store.db.execute(statement, values).fetchall()
        return found

    def pupil(self, nama: str = "SISWA CONTOH", **values: object) -> str:
        """Enter one pupil with plain SQL and return the id."""
        self._people += 1
        row = {"peserta_didik_id": str(uuid.uuid4()), "nama": nama, "jenis_kelamin": "L", "tanggal_lahir": "2016-05-03",
               "nama_ibu_kandung": "IBU CONTOH", "agama_id": 1, "kebutuhan_khusus_id": 0, "kewarganegaraan": "ID",
               "penerima_kps": 0, "penerima_kip": 0} | values
        marks = ", ".join("?" * len(row))
        self.sql(f"INSERT INTO peserta_didik ({', '.join(row)}) VALUES ({marks})", *row.values())
        return str(row["peserta_didik_id"])

    def edit(self, table: str, row: str, **values: object) -> None:
        """Change columns of one row with plain SQL."""
        keys = self.node.store.schema.by_name[table].key_names
        where = " AND ".join(f"{key} = ?" for key in keys)
        sets = ", ".join(f"{name} = ?" for name in values)
        self.sql(f"UPDATE {table} SET {sets} WHERE {where}", *values.values(), *row.split("|"))

    def row(self, table: str, row: str) -> dict[str, object]:
        """Return a row of this store by column, empty when there is none."""
        return _row(self.node.store, table, row)

    def export(self, confirm: Callable[[object], bool] = lambda sheet: True) -> Exported:
        """Write a package."""
        return export(self.node, passphrase=lambda: PASSPHRASE, confirm=confirm)

    def apply(self, path: Path) -> Report | None:
        """Apply one return."""
        return apply_file(self.node, path)

    def apply_all(self, *paths: Path) -> AppliedFiles:
        """Apply files as the command does."""
        return apply_files(self.node, paths)

    def round_trip(self) -> FileResult:
        """Export, ingest, answer and apply; return what became of the package."""
        result = self.life.ingest(self.export().file).files[0]
        self.apply(self.life.answer(self).file)
        return result

    def reopen(self) -> None:
        """Close the store and open it again, as after a restart."""
        self.node.close()
        self.node = SchoolNode.open(self.home, clock=self.life.clock)


def equal(school: Sekolah) -> bool:
    """Whether both sides hold the same in every row of a school's own."""
    server, store = school.life.server.store, school.node.store
    version = min(server.schema.version, store.schema.version)
    there = digests.pairs(server.db, server.schema, school.scope, version)
    return there == digests.pairs(store.db, store.schema, None, version)


def _row(store, table: str, row: str) -> dict[str, object]:  # type: ignore[no-untyped-def]
    declared = store.schema.by_name[table]
    found = rows.fetch(store.db, declared, declared.columns, [row]).get(row)
    if found is None:
        return {}
    names = (*declared.column_names, "soft_delete", "kirim_home")
    return dict(zip(names, found, strict=True))
