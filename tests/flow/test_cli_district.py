"""The page of a district office followed line by line: every command that it names is typed, in its order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.districts import listed
from tests.flow.program import PASSPHRASE, ROOT, Done, kirim

PAGE = ROOT / "docs/operating/district.md"
NPSN = "00000011"


class Follower:
    """Somebody who types what the page says, with the names and fingerprints that the screens show him."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = self.key = ""
        (folder / "sekolah.csv").write_bytes(
            listed(("npsn", "name", "bentuk", "head", "wilayah"), ("00000012", "SD CONTOH DUA", "SD", "KEPALA CONTOH", "990101"))
        )
        (folder / "kepala.csv").write_bytes(
            listed(("table", "id", "column", "value", "baru"), ("sekolah", NPSN, "kepala_sekolah", "KEPALA BARU", "1"))
        )
        (folder / "dibawa").mkdir()
        (folder / "sandi.txt").write_text(PASSPHRASE + "\n")

    def type(self, line: str) -> Done:
        """Type one line of the page."""
        words = [self._meant(word) for word in shlex.split(line)[1:]]
        for option, value in (("--fingerprint", self.root), ("--key", self.key)):
            if option in words:
                words[words.index(option) + 1] = value
        return kirim(*words, "--json", cwd=self.folder)

    def _meant(self, word: str) -> str:
        """Return the file that a name on the page stands for: names carry ids that differ."""
        if word == "/media/brankas/akar":
            return str(self.folder / "pusat" / "kunci" / "akar")
        if not word.endswith((".json", ".kirim")):
            return word
        pattern = re.sub(r"[0-9a-f]{16}|(?<=990100-)[0-9a-f]{8}(?=-)", "*", word)
        found = sorted(path for path in self.folder.rglob(pattern) if "archive" not in path.parts)
        assert found, word
        return str(found[0])

    def school(self, *words: str) -> Done:
        """Type a command of the school."""
        return kirim("school", *words, "--home", "sekolah", "--json", cwd=self.folder)


@pytest.fixture
def follower(tmp_path: Path) -> Follower:
    made = Follower(tmp_path)
    assert kirim("server", "init", "--home", "pusat", cwd=tmp_path).status == 0
    return made


def send_a_package(follower: Follower) -> None:
    """Enrol the school with what the office was given, apply its return, export, and let the office have its report."""
    laid = follower.folder / "dinas/outbox/sekolah"
    code, prefill = str(laid / f"KODE-{NPSN}.txt"), str(laid / f"PREFILL-{NPSN}-000001.kirim")
    assert follower.school("init", prefill, "--code-file", code, "--passphrase-file", "sandi.txt").status == 0
    for back in sorted((follower.folder / f"pusat/outbox/{NPSN}").glob("BALASAN-*.kirim")):
        assert follower.school("apply", str(back)).status == 0
    sent = follower.school("export", "--confirm", "--passphrase-file", "sandi.txt")
    assert sent.status == 0, sent
    # The key orders speak of no laptop that there is: they are refused, and the report behind them is done.
    done = kirim("server", "ingest", "dinas/outbox", "--home", "pusat", "--json", cwd=follower.folder)
    assert done.status == 3
    for answer in sorted((follower.folder / "pusat/outbox/DINAS-990100").glob("JAWABAN-*.kirim")):
        assert kirim("district", "open", str(answer), "--home", "dinas", cwd=follower.folder).status in (0, 3)


def test_the_page_can_be_followed_from_its_first_line_to_its_last(follower: Follower) -> None:
    """Each command ends well, and the office has at the end what the page promises."""
    lines = [line.strip() for line in PAGE.read_text().splitlines() if re.match(r" {4,}kirim ", line)]
    told: dict[str, Done] = {}
    for line in lines:
        if line.startswith("kirim district ingest"):
            send_a_package(follower)
        done = follower.type(line)
        assert done.status == 0, (line, done)
        told[" ".join(shlex.split(line)[1:4])] = done
        if line.startswith("kirim server district add"):
            follower.root, follower.key = done.json["root"], done.json["key"]
        if line.startswith("kirim district key revoke"):
            assert done.json["verb"] == "key"
    names = {path.name for path in (follower.folder / "dinas/outbox/sekolah").iterdir()}
    assert {f"KODE-{NPSN}.txt", "KODE-00000012.txt", f"PREFILL-{NPSN}-000001.kirim"} <= names
    (opened,) = told["district ingest KIRIM-00000011-000001.kirim"].json["files"]
    assert (opened["status"], opened["number"]) == ("opened", 1)
    assert told["district download 00000011"].json["rows"] >= 0
    assert (follower.folder / "daftar-pd-00000011.xlsx").is_file()
    (office,) = kirim("server", "district", "list", "--home", "pusat", "--json", cwd=follower.folder).json["districts"]
    assert (office["state"], office["wilayah"], office["orders"]) == ("dicabut", "990100", 10)


def test_screens_of_an_office_speak_indonesian_and_a_refusal_ends_with_a_status(follower: Follower) -> None:
    """What people read names the line; a script reads the code."""
    folder = follower.folder
    made = follower.type('kirim district init --name "DINAS CONTOH" --home dinas').json
    add = kirim("server", "district", "add", made["file"], "--wilayah", "990101", "--home", "pusat", "--json", cwd=folder).json
    early = kirim("district", "report", "--home", "dinas", "--json", cwd=folder)
    assert (early.status, early.error["code"]) == (1, "KF-153")
    wrong = kirim("district", "open", add["file"], "--fingerprint", made["fingerprint"], "--home", "dinas", "--json", cwd=folder)
    assert (wrong.status, wrong.error["code"]) == (1, "KF-154")
    kirim("district", "open", add["file"], "--fingerprint", add["root"], "--home", "dinas", cwd=folder)
    (folder / "salah.csv").write_text("tabel,kolom,nilai\nptk,nama,X\n", encoding="utf-8")
    unread = kirim("district", "change", "salah.csv", "--home", "dinas", "--json", cwd=folder)
    assert (unread.status, unread.error["code"]) == (1, "KF-215"), "told before anybody travels"
    assert list((folder / "dinas/outbox").glob("SURAT-*")) == []
    sent = kirim(
        "district", "school", "add", "--npsn", NPSN, "--name", "SD CONTOH", "--bentuk", "SD", "--wilayah", "990100",
        "--home", "dinas", "--json", cwd=folder,
    ).json  # fmt: skip
    taken = kirim("server", "ingest", sent["file"], "--home", "pusat", cwd=folder)
    assert taken.status == 3
    assert "(surat 1 dari dinas 990101): disisihkan, KF-157" in taken.out
    again = kirim("server", "ingest", sent["file"], "--home", "pusat", cwd=folder)
    assert again.out.splitlines()[2].startswith("KF-157: "), "why, also of an order that was answered before"
    (answer,) = (folder / "pusat/outbox/DINAS-990101").glob("JAWABAN-*.kirim")
    read = kirim("district", "open", answer, "--home", "dinas", cwd=folder)
    assert read.status == 3
    assert "Surat 1, pendaftaran sekolah: ditolak: tidak ada yang dikerjakan" in read.out
    assert "baris 2: wilayah 990100 di luar wilayah 990101 kantor ini" in read.out
    shown = kirim("inspect", sent["file"], "--json", cwd=folder).json
    assert shown["kind"] == "surat"
    foreign = kirim("school", "apply", sent["file"], "--home", "pusat", "--json", cwd=folder)
    assert foreign.status == 1
    listed_ = kirim("server", "district", "list", "--home", "pusat", cwd=folder)
    assert "DINAS CONTOH" in listed_.out
    assert kirim("district", "status", "--home", "dinas", cwd=folder).status == 0
    nobody = kirim("server", "district", "revoke", "--key", "0011223344556677", "--home", "pusat", "--json", cwd=folder)
    assert (nobody.status, nobody.error["code"]) == (1, "KF-152")
