"""What became of files, under the names of the commands' JSON."""

from __future__ import annotations

from dataclasses import dataclass, field

from exchange.errors import ExchangeError
from exchange.records import Counts


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file.

    Attributes:
        file: As it was named, a ZIP's member after a colon.
        status: ``applied``, ``duplicate``, ``held`` or ``quarantined``.
        code: Of a file that is held or quarantined, else empty.
        npsn: Of the school, when the file is verified, else empty.
        number: The package's number, when it is verified.
        counts: What became of the changesets that were new.
        error: Why, in full.
        district: ``kode_wilayah`` of the office, when the file is its order.
    """

    file: str
    status: str
    code: str = ""
    npsn: str = ""
    number: int | None = None
    counts: Counts = field(default_factory=Counts)
    error: ExchangeError | None = None
    district: str = ""

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server ingest --json``."""
        told: dict[str, object] = {
            "file": self.file,
            "status": self.status,
            "code": self.code or None,
            "npsn": self.npsn or None,
            "number": self.number,
            "changes": self.counts.as_dict(),
        }
        return told | ({"district": self.district} if self.district else {})


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of all files of one call."""

    files: tuple[FileResult, ...]

    def count(self, status: str) -> int:
        """How many files ended with a status."""
        return sum(1 for result in self.files if result.status == status)

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim server ingest --json``."""
        statuses = ("applied", "duplicate", "held", "quarantined")
        return {"files": [result.as_json() for result in self.files]} | {
            status: self.count(status) for status in statuses
        }
