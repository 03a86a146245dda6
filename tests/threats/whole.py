"""What a whole world holds, as one value: an attack that was refused must have left it as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.faults.world import files, ledger_holds, tables
from tests.life import Life, Sekolah

TOLD = {"kirim_package", "kirim_meta"}
"""Of a package that was verified and refused the ledger speaks; what is still to do stands in ``kirim_meta``."""


def at_server(life: Life, *without: str) -> dict[str, Any]:
    """Return every row of the server and its keys."""
    return {"rows": tables(life.server, *without), "keys": files(life.server.home / "kunci")}


def at_school(school: Sekolah) -> dict[str, Any]:
    """Return every row of a school and its keys; the label of its last export and the like are left out."""
    return {"rows": tables(school.node, "kirim_meta"), "keys": files(school.home / "kunci")}


def entries(life: Life) -> list[bytes]:
    """Return the ledger's values: none of them ever changes, and none goes."""
    assert ledger_holds(life.server.store.db)
    return [bytes(v) for (v,) in life.server.store.db.execute("SELECT value FROM kirim_entry ORDER BY seq").fetchall()]


def quarantined(life: Life) -> list[bytes]:
    """Return the kept bytes of files that were put aside."""
    return [path.read_bytes() for path in sorted((life.server.home / "quarantine").glob("*.kirim"))]


class Unmoved:
    """What stood before an attack; :meth:`holds` says whether it stands still."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self._server, self._ledger = at_server(life, *TOLD), entries(life)
        self._schools = [at_school(school) for school in life.schools]

    def holds(self, *, told: int = 0) -> bool:
        """Whether nobody's rows and keys moved, and the ledger only grew.

        Args:
            told: Entries that the ledger has more: packages that were verified and refused, or wait.
        """
        now = entries(self.life)
        assert now[: len(self._ledger)] == self._ledger
        assert len(now) == len(self._ledger) + told
        assert at_server(self.life, *TOLD) == self._server
        assert [at_school(school) for school in self.life.schools[: len(self._schools)]] == self._schools
        return True


def one(life: Life, path: Path) -> tuple[str, str]:
    """Take one file in and return its status and code."""
    (result,) = life.ingest(path).files
    return result.status, result.code
