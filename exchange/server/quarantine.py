"""What becomes of bad files: they are kept as evidence, each beside a reason that a machine can read."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, BinaryIO, cast

from exchange import errors, spool
from exchange.format.container import scope_text
from exchange.limits import PACKAGE_BYTES_MAX
from exchange.saying import said
from exchange.server.candidates import Candidate
from exchange.trust.front import read_front
from exchange.words import LANGUAGES, speaking


class Quarantine:
    """Bad files under the hash of their content, each beside its reason as JSON.

    Args:
        folder: Where they are kept; nothing here is ever deleted by software.
        clock: Seconds since 1970; information only.
    """

    def __init__(self, folder: Path, clock: Callable[[], int]) -> None:
        self.folder, self._clock = folder, clock

    def keep(self, file: IO[bytes], label: str, error: errors.ExchangeError) -> None:
        """Copy an open file and its reason, durable on return. A second time changes nothing but the reason.

        Raises:
            DiskFull, FolderUnwritable: KF-701, KF-703.
        """
        digest = _digest(file)
        spool.keep(file, self.folder, f"{digest[:32]}.kirim")
        self._reason(digest[:32], label, error, sha256=digest, claims=_claimed(file))

    def claims(self) -> dict[str, Counter[str]]:
        """Return how many kept files there are under each code, by the school that each claims to be of: ``sekolah_id``.

        Under an empty one stand files that claim none. Nothing here is proved: anybody can write a school's id into a file.
        """
        found: dict[str, Counter[str]] = {}
        for _, told in self._reasons():
            claimed, code = told.get("claims"), str(told.get("code"))
            found.setdefault(claimed if isinstance(claimed, str) else "", Counter())[code] += 1
        return found

    def _reasons(self) -> Iterator[tuple[Path, dict[str, object]]]:
        for path in sorted(self.folder.glob("*.json")):
            try:
                told = json.loads(path.read_bytes())
            except (OSError, ValueError, RecursionError):
                continue  # somebody else's file
            if isinstance(told, dict):
                yield path, told

    def refused(self, code: str) -> Iterator[tuple[str, Path]]:
        """Yield kept files that were refused under a code: their names when they came, and where they lie."""
        for reason, told in self._reasons():
            if told.get("code") == code and "file" in told and reason.with_suffix(".kirim").exists():
                yield str(told["file"]), reason.with_suffix(".kirim")

    def release(self, path: Path) -> None:
        """Let a kept file go that was taken after all: its bytes stand elsewhere now. Its reason goes first."""
        spool.remove(path.with_suffix(".json"))
        spool.remove(path)

    def keep_unopened(self, candidate: Candidate, error: errors.ExchangeError) -> None:
        """Keep what could not be opened as a file of its own: a whole ZIP once, or a file beyond every limit.

        A file that stays where it is is not copied when it is too large: only its reason is written.
        """
        bundle, label = candidate.bundle, candidate.label
        if bundle is not None:
            if not bundle.kept:
                bundle.kept = _digest(bundle.file)
                if bundle.remove or bundle.stamp[2] <= PACKAGE_BYTES_MAX:
                    spool.keep(bundle.file, self.folder, f"{bundle.kept[:32]}.kirim")
            name = f"{bundle.kept[:32]}-{candidate.member}"
            self._reason(name, label, error, sha256=bundle.kept)
            return
        try:
            with spool.read_package(candidate.path) as file:
                self.keep(file, label, error)
        except errors.TooLarge:
            self._keep_large(candidate, error)

    def _keep_large(self, candidate: Candidate, error: errors.ExchangeError) -> None:
        """Keep a file beyond every limit without reading it whole: it takes no second place on the disk."""
        with spool.open_file(candidate.path) as file:
            found = os.fstat(file.fileno())
            head = next(spool.pieces(file), b"")
        named = hashlib.sha256(f"{candidate.path.name}\0{found.st_size}\0{found.st_mtime_ns}\0".encode() + head)
        name = named.hexdigest()[:32]
        self._reason(name, candidate.label, error, sha256=None)
        if candidate.remove and stat.S_ISREG(candidate.path.lstat().st_mode):
            spool.move(candidate.path, self.folder, f"{name}.kirim")

    def _reason(
        self, name: str, label: str, error: errors.ExchangeError, *, sha256: str | None, claims: str | None = None
    ) -> None:
        reason: dict[str, object] = {"file": label, "code": error.code, "grave": error.grave.value, "who": error.who.value}
        for language in LANGUAGES:
            with speaking(language):
                reason[language] = dict(zip(("what", "next", "safe"), said(error), strict=True))
        reason["sha256"] = sha256
        reason["claims"] = claims
        reason["at"] = datetime.fromtimestamp(self._clock(), UTC).isoformat()
        text = json.dumps(reason, indent=1, ensure_ascii=False).encode("utf-8", "backslashreplace")
        spool.put(self.folder, f"{name}.json", lambda out: out.write(text), replace=True)


def _claimed(file: IO[bytes]) -> str | None:
    """Return the school that a file claims to be of (``sekolah_id``), if it begins as a package does."""
    try:
        return scope_text(read_front(cast(BinaryIO, file)).header.scope)
    except (errors.FileError, errors.FileUnreadable):
        return None


def _digest(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    with spool.readable(file):
        file.seek(0)
    for piece in spool.pieces(file):
        digest.update(piece)
    return digest.hexdigest()
