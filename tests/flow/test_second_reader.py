"""A stranger's reader, made from the documents alone in another language, says of every package what ours says."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from exchange.format.certificate import KeyKind
from exchange.nodes import KEYS
from exchange.trust.keyfiles import save_identity
from exchange.trust.keys import identity_from_seed
from tests.flow.told import with_open_keys
from tests.life import Life, Sekolah
from tests.reader import ours, stranger
from tests.reader.stranger import Home

STORED = json.loads((Path(__file__).parents[1] / "vectors" / "packages.json").read_text())


@pytest.fixture(autouse=True)
def _heads(life: Life) -> None:
    with_open_keys(life)


# --- whose reader ---------------------------------------------------------------------------------------


def server_home(life: Life) -> Home:
    """What the server's reader is given."""
    server = life.server
    found = server.store.db.execute("SELECT body, signature FROM kirim_key WHERE state <> 'ditahan'")
    codes = server.store.db.execute("SELECT scope, purpose, public, subject FROM kirim_code")
    anchors = [
        {
            "kind": int(KeyKind[purpose]),
            "suite": 2,
            "scope": uuid.UUID(scope).hex,
            "verify": bytes(public)[:32].hex(),
            "seal": bytes(public)[32:].hex(),
            "subject": bytes(subject or b"").hex(),
        }
        for scope, purpose, public, subject in codes
    ]
    certificates = [(bytes(body).hex(), bytes(signature).hex()) for body, signature in found]
    return Home(kinds=[2], keys=[server.home / KEYS / "pusat"], anchors=anchors, certificates=certificates)


def school_home(school: Sekolah) -> Home:
    """What a laptop's reader is given."""
    keys = [path for name in ("perangkat", "kode") if (path := school.home / KEYS / name).exists()]
    trusted = [(one.body.hex(), one.signature.hex()) for one in school.node.signed("trusted")]
    return Home(kinds=[3], keys=keys, certificates=trusted)


def both(
    home: Home, folder: Path, files: Sequence[bytes], read: Callable[[bytes], dict[str, Any]]
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return what the stranger and what our reader says of each file."""
    paths = [folder / f"{n}.kirim" for n in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.write_bytes(data)
    theirs = stranger.read(home, folder, paths)
    for one in theirs:
        one.pop("detail", None)
    return list(zip(theirs, map(read, files), strict=True))


# --- golden files ---------------------------------------------------------------------------------------


def test_it_takes_and_refuses_the_golden_files_of_the_page(tmp_path):
    key = STORED["keys"]["server"]
    server = tmp_path / "server"
    save_identity(server, identity_from_seed(KeyKind(key["kind"]), bytes.fromhex(key["seed"]), key["suite"]))
    device = STORED["keys"]["device"]
    laptop = identity_from_seed(KeyKind(device["kind"]), bytes.fromhex(device["seed"]), device["suite"]).public
    anchor = {"kind": 3, "suite": 1, "scope": STORED["school"]}
    anchor |= {"verify": laptop.verify_key.hex(), "seal": laptop.seal_key.hex()}
    code = {"code": STORED["code"], "scope": STORED["school"], "kind": 6}
    homes = {
        "server": Home(kinds=[2], keys=[server], codes=[code], anchors=[anchor]),
        "code": Home(kinds=[1], codes=[code]),
    }
    for reader, home in homes.items():
        cases = [case for case in STORED["cases"] if case["reader"] == reader]
        paths = [tmp_path / f"{case['name']}.kirim" for case in cases]
        for path, case in zip(paths, cases):
            path.write_bytes(bytes.fromhex(case["file"]))
        said = stranger.read(home, tmp_path, paths)
        # What those files hold is ten letters, or nothing: a plaintext, but no manifest.
        found = {
            c["name"]: "open" if one.get("fileKey") == STORED["file_key"] else one["error"]
            for c, one in zip(cases, said)
        }
        assert found == {case["name"]: case["expect"] for case in cases}


# --- real packages --------------------------------------------------------------------------------------


def test_every_field_and_value_of_a_round_trip_reads_alike(life, school, tmp_path):
    pupil = school.pupil("SITI AMINAH", nik="9900000000000001", lintang="-6.25", bujur="106.80")
    for n in range(12):
        school.pupil(f"SISWA {n}", tanggal_lahir=f"2016-05-{n + 1:02}", rt=n)
    exported = school.export().file
    first = exported.read_bytes()
    [(theirs, mine)] = both(server_home(life), tmp_path, [first], lambda data: ours.at_server(life.server, data))
    assert theirs == mine
    assert len(mine["header"]["certificates"]) == 2
    assert mine["changesets"][0]["blocks"]

    life.ingest(exported)
    life.change("verval", [("peserta_didik", pupil, "nama", "SITI AMINAH BINTI")])
    answer = life.answer(school).file.read_bytes()
    [(theirs, mine)] = both(school_home(school), tmp_path, [answer], lambda data: ours.at_school(school.node, data))
    assert theirs == mine
    assert mine["manifest"]["receipts"]
