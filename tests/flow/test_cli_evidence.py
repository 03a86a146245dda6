"""Rebuild, verify and receipts as people type them: exit status, keys of the documents, what is read on the screen."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.flow.program import World, kirim


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A server and a school after one round trip."""
    world = World(tmp_path_factory.mktemp("dunia") / "asli")
    world.make()
    assert world.take_lists().status == 0
    assert world.round_trip().status == 0
    return world


def test_both_sides_read_the_same_words(world: World, tmp_path: Path) -> None:
    """The school's receipt and the server's, as documents, as text with a QR code, and as a page."""
    mine, theirs = world.at_school("receipt", "1"), world.server("receipt", "1", "--npsn", world.npsn)
    assert (mine.status, theirs.status) == (0, 0)
    assert mine.json["words"] == theirs.json["words"]
    assert len(mine.json["words"]) == 8
    assert mine.json["changes"]["sent"] > 0
    shown = kirim("school", "receipt", "1", "--home", world.school_home)
    assert " ".join(mine.json["words"]) in shown.out
    assert "█" in shown.out
    page = tmp_path / "tanda.html"
    assert world.at_school("receipt", "1", "--out", page).json["file"] == str(page)
    again = world.at_school("receipt", "1", "--out", page)
    assert (again.status, again.error["code"]) == (1, "KF-705")
    missing = world.at_school("receipt", "9")
    assert (missing.status, missing.error["code"]) == (1, "KF-406")


def test_a_third_person_checks_the_archive(world: World, tmp_path: Path) -> None:
    """With what is handed out and nothing else; a byte that was changed is named, and so is an end that was cut off."""
    keys, file_keys, receipt = tmp_path / "umum.json", tmp_path / "kunci.json", tmp_path / "tanda.json"
    made = world.server("public", keys)
    assert made.json == {"file": str(keys), "fingerprint": made.json["fingerprint"]}
    assert world.server("filekey", file_keys, "--npsn", world.npsn).json["count"] == 1
    assert world.server("filekey", file_keys, "--npsn", world.npsn).error["code"] == "KF-705"
    receipt.write_text(json.dumps(world.at_school("receipt", "1").json))
    archive = tmp_path / "archive"
    shutil.copytree(world.server_home / "archive", archive)

    def verify(*more: str | Path, **env: str):  # type: ignore[no-untyped-def]
        return kirim("verify", archive, "--keys", keys, *more, "--json", cwd=tmp_path, env=env)

    told = verify("--file-keys", file_keys, "--receipt", receipt, "--head", json.loads(receipt.read_text())["ledger"])
    assert told.status == 0, told
    assert told.json["fingerprint"] == made.json["fingerprint"]
    assert told.json["packages"] == {"merged": 1}
    (statement,) = told.json["statements"]
    assert statement["content"]["peserta_didik"]["insert"] == 12
    assert statement["package_id"] == json.loads(receipt.read_text())["package_id"]
    assert len(verify("--school", statement["sekolah_id"]).json["statements"]) == 1
    assert verify("--head", "bukan").status == 2
    assert verify("--head", "00" * 31 + "01").error["code"] == "KF-606"
    assert kirim("verify", tmp_path / "tidak-ada", "--keys", keys, "--json").error["code"] == "KF-702"
    assert kirim("verify", archive, "--keys", file_keys, "--json").error["code"] == "KF-212"
    (sealed,) = archive.glob("??/*.kirim")
    data = sealed.read_bytes()
    sealed.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    broken = verify()
    assert (broken.status, broken.error["code"]) == (1, "KF-604")
    assert sealed.name in broken.error["what"]


def test_a_folder_without_a_ledger_proves_nothing_and_a_file_that_never_came_has_no_key(world: World, tmp_path: Path) -> None:
    """The wrong folder, an archive whose ledger was taken out, an NPSN for an id, a number that nobody sent: each is said."""
    keys, file_keys, archive = tmp_path / "umum.json", tmp_path / "kunci.json", tmp_path / "archive"
    assert world.server("public", keys).status == 0
    shutil.copytree(world.server_home / "archive", archive)
    assert kirim("verify", tmp_path, "--keys", keys, "--json").error["code"] == "KF-702"
    unknown = kirim("verify", archive, "--keys", keys, "--school", "00000000-0000-4000-8000-000000000000")
    assert (unknown.status, "Tidak ada paket sekolah" in unknown.out) == (0, True)
    assert kirim("verify", archive, "--keys", keys, "--school", world.npsn).status == 2
    shutil.rmtree(archive / "ledger")
    assert kirim("verify", archive, "--keys", keys, "--json").error["code"] == "KF-702"
    none = world.server("filekey", file_keys, "--npsn", world.npsn, "--number", "99")
    assert (none.status, none.error["code"], file_keys.exists()) == (1, "KF-406", False)


def test_the_server_is_made_again(world: World, tmp_path: Path) -> None:
    """Beside the old one it is compared; alone it goes on; into a folder that is in use it is not made."""
    made = world.server("rebuild", "--into", tmp_path / "baru")
    assert made.status == 0, made
    assert made.json["equal"] is True
    assert made.json["packages"] == 1
    assert world.server("rebuild", "--into", tmp_path / "baru").error["code"] == "KF-102"
    assert kirim("server", "status", "--home", tmp_path / "baru").status == 0
    assert kirim("server", "rebuild", "--home", tmp_path, "--into", tmp_path / "x", "--json").error["code"] == "KF-101"
    assert kirim("server", "rebuild", "--home", tmp_path).status == 2
