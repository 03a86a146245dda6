"""District offices of a test: real folders, real keys, the root's fingerprint told as by telephone."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from exchange.central.reference import import_reference
from exchange.district.answers import Opened, open_file
from exchange.district.looking import Looked, look
from exchange.district.office import Office, init_office
from exchange.district.ordering import order
from exchange.districts import Certified, certify, district
from exchange.format.order import Verb
from exchange.ingest import Ingested
from exchange.interop.lists import SchoolRow
from tests.life import Life

KAB, KEC = "990100", "990101"
"""Kab. Contoh and its Kec. Contoh, which ship with the program."""

OTHER_KAB, OTHER_KEC = "990200", "990201"
SECOND_KEC = "990102"

_REGIONS = [
    ("990102", "Kec. Contoh Dua", 3, "990100"),
    ("990200", "Kab. Lain", 2, "990000"),
    ("990201", "Kec. Lain", 3, "990200"),
]


def with_regions(life: Life) -> None:
    """Bring a second kecamatan and a second kabupaten."""
    path = life.folder / "mst_wilayah.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("kode_wilayah", "nama", "id_level_wilayah", "mst_kode_wilayah"))
        writer.writerows(_REGIONS)
    import_reference(life.server.store, path)


def listed(*rows: Sequence[object]) -> bytes:
    """Return a CSV list."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def school_row(npsn: str, wilayah: str, head: str = "KEPALA CONTOH") -> SchoolRow:
    """Return a school to be registered in a kecamatan."""
    return SchoolRow(npsn=npsn, name=f"SD CONTOH {npsn}", bentuk="SD", head=head, wilayah=wilayah)


class Dinas:
    """One office beside a life."""

    def __init__(self, life: Life, name: str = "DINAS CONTOH") -> None:
        self.life, self.home = life, life.folder / f"dinas-{name.rsplit(maxsplit=1)[-1].lower()}"
        made = init_office(self.home, name, clock=life.clock)
        self.request, self.key = made.file, made.key_id
        self.office = Office.open(self.home, clock=life.clock)
        self.granted: Certified | None = None

    def certify(self, region: str, *, sealed: bool = False) -> Certified:
        """Let the centre certify the office, and open what it answers."""
        self.granted = certify(self.life.server, self.request, region, is_sealed=sealed)
        open_file(self.office, self.granted.file, self.granted.root)
        return self.granted

    def order(self, verb: Verb, content: bytes = b"", label: str = "daftar.csv") -> Path:
        """Write an order."""
        return order(self.office, verb, content, label).file

    def schools(self, *rows: tuple[str, str]) -> Path:
        """Order schools to be registered: (NPSN, kecamatan) each."""
        head = ("npsn", "name", "bentuk", "head", "wilayah")
        given = ((npsn, f"SD CONTOH {npsn}", "SD", "KEPALA CONTOH", where) for npsn, where in rows)
        return self.order(Verb.SCHOOL, listed(head, *given))

    def assign(self, *rows: tuple[str, str]) -> Path:
        """Order heads to be assigned: (NPSN, name) each; who is unknown is made."""
        given = (("sekolah", npsn, "kepala_sekolah", name, "1") for npsn, name in rows)
        return self.order(Verb.CHANGE, listed(("table", "id", "column", "value", "baru"), *given))

    def change(self, *rows: tuple[str, str, str, object]) -> Path:
        """Order changes: (table, id, column, value) each."""
        return self.order(Verb.CHANGE, listed(("table", "id", "column", "value"), *rows))

    def answers(self) -> list[Path]:
        """Return the answers in the server's outbox, oldest first."""
        assert self.granted is not None
        folder = self.granted.file.parent
        return sorted(folder.glob("JAWABAN-*.kirim"), key=lambda path: (path.stat().st_mtime_ns, path.name))

    def opened(self) -> Opened:
        """Open the newest answer."""
        return open_file(self.office, self.answers()[-1])

    def do(self, path: Path) -> tuple[Ingested, Opened]:
        """Carry an order to the server and its answer back."""
        return self.life.ingest(path), self.opened()

    def taken(self) -> int:
        """Return the number of the last order that the server has taken."""
        scope = str(self.office.grant["scope"])
        found = district(self.life.server.store, scope, bytes.fromhex(self.key))
        assert found is not None
        return found.last

    def look(self, *paths: Path) -> list[Looked]:
        """Open packages as the office's own server does."""
        return look(self.office, paths)
