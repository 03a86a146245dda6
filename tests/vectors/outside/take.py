"""Copy the vectors of others into this folder, without what no function of ours could be asked.

    python tests/vectors/outside/take.py VECTORS CRYPTOGRAPHY_VECTORS

VECTORS is a folder with ``wycheproof/``, ``cctv/``, ``msgpack/`` and ``naughty/`` as their projects publish them,
CRYPTOGRAPHY_VECTORS the package of that name, unpacked. What is left out is told in ``SOURCES.md``; what is kept is kept word
for word. Line ends apart: one vector stands on one line, so that a change of theirs can be read as one.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

GCM_GROUP = {"ivSize": 96, "keySize": 256, "tagSize": 128}
"""The one shape of AES-GCM that the format uses."""
MLKEM_OF_A_KIND = 2
"""Vectors of ML-KEM that say the same of themselves; each has several kilobytes."""
ENCRYPTIONS = 2
"""Encryptions of one HPKE context: the format uses the first and no other."""
CURVE, XWING, HKDF_SHA256 = 0x20, 0x647A, 1


def main(vectors: Path, package: Path) -> None:
    """Write every file of this folder that is not our own."""
    for name in ("ed25519_test", "x25519_test", "hkdf_sha256_test", "aes_gcm_test", "mlkem_768_test"):
        source = json.loads((vectors / f"wycheproof/{name}.json").read_text())
        source["testGroups"] = list(_groups(name, source["testGroups"]))
        _write(HERE / f"wycheproof/{name}.json", source, source["testGroups"])
    edge_cases = json.loads((vectors / "cctv/ed25519vectors.json").read_text())
    _write(HERE / "cctv/ed25519vectors.json", edge_cases, edge_cases)
    classes = [_age_class(path) for path in sorted((vectors / "cctv/age").iterdir())]
    _write(HERE / "cctv/age-classes.json", classes, classes)
    for name, source_name in (("rfc9180", "test-vectors"), ("pq", "hpke-pq-test-vectors")):
        found = json.loads((package / f"HPKE/{source_name}.json").read_text())
        kept = [_without_rest(one) for one in found if _usable(one)]
        _write(HERE / f"hpke/{name}.json", kept, kept)
    for name in ("msgpack/msgpack-test-suite.json", "naughty/blns.json"):
        _copy(vectors / name, HERE / name)
    for project, name in (("wycheproof", "LICENSE"), ("msgpack", "LICENSE"), ("naughty", "LICENSE"),
                          ("cctv", "LICENSE-age"), ("cctv", "LICENSE-ed25519")):  # fmt: skip
        _copy(vectors / project / name, HERE / project / name)


def _groups(name: str, groups: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    seen: Counter[tuple[str, ...]] = Counter()

    def is_rare(test: dict[str, Any]) -> bool:
        kind = (test["result"], test.get("comment", "").rstrip("0123456789"), *test["flags"])
        seen[kind] += 1
        return seen[kind] <= MLKEM_OF_A_KIND

    keep: Callable[[dict[str, Any]], bool] = is_rare if name.startswith("mlkem") else lambda test: True
    for group in groups:
        if name.startswith("aes") and not GCM_GROUP.items() <= group.items():
            continue
        for beside in ("publicKeyDer", "publicKeyPem", "publicKeyJwk"):
            group.pop(beside, None)
        tests = [test for test in group["tests"] if keep(test)]
        if tests:
            yield group | {"tests": tests}


def _age_class(path: Path) -> dict[str, str]:
    head = path.read_bytes().partition(b"\n\n")[0].decode()
    told = dict(re.findall(r"^(expect|comment): (.*)$", head, re.MULTILINE))
    return {"name": path.name, **told}


def _usable(vector: dict[str, Any]) -> bool:
    return vector["mode"] == 0 and vector["kem_id"] in (CURVE, XWING) and vector["kdf_id"] == HKDF_SHA256


def _without_rest(vector: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in vector.items() if name != "exports"}
    return kept | {"encryptions": vector["encryptions"][:ENCRYPTIONS]}


def _write(path: Path, whole: object, vectors: Iterable[object]) -> None:
    """Write JSON with one element of a list on each line."""
    path.parent.mkdir(exist_ok=True)
    listed = ",\n".join(json.dumps(one) for one in vectors)
    front = "" if isinstance(whole, list) else json.dumps(whole | {"testGroups": []})[:-2]  # type: ignore[operator]
    path.write_text(f"{front or '['}\n{listed}\n]{'}' if front else ''}\n")
    assert json.loads(path.read_text()) == whole


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(source, target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
