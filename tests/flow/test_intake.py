"""What becomes of files at the server: good ones, bad ones, and everything that people send beside them."""

from __future__ import annotations

import io
import json
import os
import random
import socket
import struct
import tempfile
import warnings
import zipfile
from pathlib import Path

import pytest

from exchange import errors
from exchange.ingest import FileResult, ingest_paths
from exchange.limits import MIB, PACKAGE_BYTES_MAX, ZIP_MEMBERS_MAX
from exchange.overview import server_status
from exchange.records import Block, Op
from tests.faults.badfiles import PHOTOGRAPH, Forger, bad_files, flipped, zipped
from tests.faults.world import archived, files, ledger_holds, snapshot
from tests.life import Life, Sekolah, equal


def reasons(life: Life) -> dict[str, dict[str, object]]:
    """Return the reasons in quarantine by the name of the file that they speak of."""
    found = {}
    for path in (life.server.home / "quarantine").glob("*.json"):
        reason = json.loads(path.read_text())
        found[Path(reason["file"]).name] = reason | {"beside": path}
    return found


def told(results: tuple[FileResult, ...]) -> list[tuple[str, str, str]]:
    """Return what was said of each file."""
    return [(Path(result.file).name, result.status, result.code) for result in results]


def put(folder: Path, name: str | bytes, data: bytes) -> Path:
    """Write a file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = Path(os.fsdecode(os.path.join(os.fsencode(folder), os.fsencode(name))))
    path.write_bytes(data)
    return path


# --- bad files --------------------------------------------------------------------------------


def test_every_bad_file_is_refused_with_its_code_and_leaves_no_mark(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """A USB stick full of spoilt files: each a coded refusal and a reason beside the kept bytes, and nothing else changes."""
    bad = bad_files(life, school, school.export().file.read_bytes())
    before = snapshot(life.server)
    for name, (data, _) in bad.items():
        put(tmp_path / "usb", name, data)
    results = life.ingest(tmp_path / "usb").files
    assert {Path(r.file).name: (r.status, r.code) for r in results} == {
        name: ("quarantined", code) for name, (_, code) in bad.items()
    }
    kept = reasons(life)
    for name, (data, code) in bad.items():
        assert kept[name]["code"] == code
        assert all(kept[name][line] for line in ("sha256", "at", "file"))
        assert all(kept[name][language][line] for language in ("id", "en") for line in ("what", "next", "safe"))
        assert kept[name]["beside"].with_suffix(".kirim").read_bytes() == data
        assert (tmp_path / "usb" / name).read_bytes() == data
    verified = {"KF-207", "KF-208", "KF-309"}  # signed by the laptop: in the ledger, as refused
    assert life.server.store.db.value("SELECT count(*) FROM kirim_package WHERE state = 'quarantined'") == sum(
        code in verified for _, code in bad.values()
    )
    life.server.store.db.execute("DELETE FROM kirim_package")
    assert snapshot(life.server) == before


def test_good_files_among_bad_ones_are_applied(life: Life, school: Sekolah, other: Sekolah, tmp_path: Path) -> None:
    """The last school's file is the good one, after thirty that are not."""
    first, second = school.export().file, other.export().file
    for name, (data, _) in bad_files(life, school, first.read_bytes()).items():
        put(tmp_path / "usb", f"a {name}", data)
    put(tmp_path / "usb", "b", first.read_bytes())
    put(tmp_path / "usb", "z", second.read_bytes())
    done = life.ingest(tmp_path / "usb")
    assert done.count("applied") == 2
    assert [r.npsn for r in done.files if r.status == "applied"] == ["00000001", "00000002"]
    assert equal(school)
    assert equal(other)


def test_a_refused_file_is_refused_again_and_kept_once(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """Ten times the same photograph is one file in quarantine with its last reason."""
    path = put(tmp_path, "foto.jpg", PHOTOGRAPH)
    for _ in range(10):
        assert told(life.ingest(path).files) == [("foto.jpg", "quarantined", "KF-201")]
    assert len(files(life.server.home / "quarantine")) == 2


def test_a_verified_package_that_was_refused_gets_the_same_answer_again(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """A signed package that cannot be merged is not passed off as a harmless repeat the second time."""
    forger = Forger(life, school)
    path = put(tmp_path, "x", forger.seal(forger.body(last=3)))
    assert told(life.ingest(path).files) == [("x", "quarantined", "KF-208")]
    assert told(life.ingest(path).files) == [("x", "quarantined", "KF-208")]


def test_many_bad_files_leave_no_temporary_file(life: Life, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R14, scaled down from 10,000 to 300: quarantine grows by the files and their reasons only."""
    space = tmp_path / "sementara"
    space.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(space))
    for n in range(300):
        put(tmp_path / "usb", f"{n:03}", b"bukan paket %d" % n + bytes(2 * MIB if n % 100 == 0 else n))
    done = life.ingest(tmp_path / "usb")
    assert done.count("quarantined") == 300
    assert list(space.iterdir()) == []
    assert files(life.server.home / "held") == {}
    assert len(files(life.server.home / "quarantine")) == 600


def test_a_file_beyond_the_limit_is_refused_without_being_read_whole(life: Life, tmp_path: Path) -> None:
    """One byte more than any package: the file stays where it is, so only its reason is written."""
    path = tmp_path / "besar.kirim"
    with path.open("wb") as file:
        file.truncate(PACKAGE_BYTES_MAX + 1)
    assert told(life.ingest(path).files) == [("besar.kirim", "quarantined", "KF-207")]
    assert [p.suffix for p in (life.server.home / "quarantine").iterdir()] == [".json"]


# --- what is no ordinary file -----------------------------------------------------------------


def test_pipes_sockets_and_devices_are_refused_without_waiting(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """Nobody ever writes into the pipe; intake does not wait for him, and the good file behind it is applied."""
    folder = tmp_path / "usb"
    put(folder, "z.kirim", school.export().file.read_bytes())
    os.mkfifo(folder / "a")
    (folder / "c").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(folder)
        server.bind("b")
        os.chdir(here)
        results = life.ingest(folder).files
    assert told(results) == [
        ("a", "quarantined", "KF-702"),
        ("b", "quarantined", "KF-702"),
        ("c", "quarantined", "KF-702"),
        ("z.kirim", "applied", ""),
    ]
    assert told(life.ingest(folder / "a").files) == [("a", "quarantined", "KF-702")]


def test_what_cannot_be_read_is_told_and_stops_nothing(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """A name that leads nowhere, a damaged sector, a file that is not there: one result each."""
    folder = tmp_path / "usb"
    put(folder, "z.kirim", school.export().file.read_bytes())
    (folder / "a").symlink_to(tmp_path / "tidak ada")
    (folder / "b").symlink_to("/proc/self/mem")  # opens, and reading fails as a bad sector does
    results = life.ingest(folder, tmp_path / "hilang.kirim", Path("nul\0nya")).files
    assert told(results) == [
        ("a", "quarantined", "KF-702"),
        ("b", "quarantined", "KF-702"),
        ("z.kirim", "applied", ""),
        ("hilang.kirim", "quarantined", "KF-702"),
        ("nul\0nya", "quarantined", "KF-702"),
    ]
    assert files(life.server.home / "quarantine") == {}


def test_names_never_decide_and_never_break_anything(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """Line breaks, bytes that are no text, 255 characters, an option's look: all the same package, one receipt (R26)."""
    data = school.export().file.read_bytes()
    names = [b"a\nb.kirim", b"\xff\xfe.kirim", b"x" * 255, b"-rf", b"KIRIM (1).jpg", "paket–emas.kirim".encode()]
    for name in names:
        put(tmp_path / "usb", name, data)
    results = life.ingest(tmp_path / "usb").files
    assert sorted(r.status for r in results) == ["applied", *["duplicate"] * 5]
    assert {(r.npsn, r.number) for r in results} == {("00000001", 1)}
    for result in results:
        json.dumps(result.as_json()).encode()
        result.file.encode()
    assert life.server.store.db.value("SELECT count(*) FROM kirim_package") == 1


def test_bad_files_with_impossible_names_are_kept_too(life: Life, tmp_path: Path) -> None:
    """The reason names the file as well as it can be named."""
    put(tmp_path / "usb", b"\xff\n.jpg", PHOTOGRAPH)
    (result,) = life.ingest(tmp_path / "usb").files
    assert (result.status, result.code) == ("quarantined", "KF-201")
    assert list(reasons(life)) == ["\\xff\n.jpg"]


def test_folders_are_taken_whole_but_not_what_is_hidden_or_linked(
    life: Life, school: Sekolah, other: Sekolah, tmp_path: Path
) -> None:
    """A folder of folders: every file in it once; unfinished files and other folders that links lead to are left alone."""
    put(tmp_path / "usb" / "kec" / "sd", "a", school.export().file.read_bytes())
    put(tmp_path / "usb" / ".Trash", "b", PHOTOGRAPH)
    put(tmp_path / "usb", ".c.kirim-part", PHOTOGRAPH)
    put(tmp_path / "lain", "d", other.export().file.read_bytes())
    (tmp_path / "usb" / "tautan").symlink_to(tmp_path / "lain")
    (tmp_path / "usb" / "lingkar").symlink_to(tmp_path / "usb")
    assert told(life.ingest(tmp_path / "usb").files) == [("a", "applied", "")]
    assert told(life.ingest(tmp_path / "usb" / "tautan").files) == [("d", "applied", "")]


def test_an_empty_folder_is_nothing(life: Life, tmp_path: Path) -> None:
    """Nothing was named, so nothing is told."""
    (tmp_path / "usb").mkdir()
    assert life.ingest(tmp_path / "usb").files == ()


# --- ZIPs -------------------------------------------------------------------------------------


def zip_of(tmp_path: Path, *members: tuple[str, bytes], name: str = "kiriman.zip") -> Path:
    """Write a ZIP."""
    return put(tmp_path, name, zipped(members))


def test_a_zip_is_taken_as_its_files(life: Life, school: Sekolah, other: Sekolah, tmp_path: Path) -> None:
    """Two schools' packages and a photograph in one ZIP, in folders as Windows makes them."""
    path = zip_of(
        tmp_path,
        ("Paket\\", b""),
        ("Paket\\KIRIM satu.kirim", school.export().file.read_bytes()),
        ("dua/", b""),
        ("dua/x", other.export().file.read_bytes()),
        ("dua/foto.jpg", PHOTOGRAPH),
        ("__MACOSX/dua/._x", b"\0\5\26\7"),
        ("dua/.DS_Store", b"\0\0\0\1Bud1"),
    )
    results = life.ingest(path).files
    assert [(r.file.partition(".zip:")[2], r.status, r.code) for r in results] == [
        ("Paket\\KIRIM satu.kirim", "applied", ""),
        ("dua/x", "applied", ""),
        ("dua/foto.jpg", "quarantined", "KF-201"),
    ]
    assert equal(school)
    assert equal(other)


def test_a_hidden_package_in_a_zip_is_a_package(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """Content decides, never the name."""
    path = zip_of(tmp_path, (".KIRIM-00000001.kirim", school.export().file.read_bytes()))
    assert [r.status for r in life.ingest(path).files] == ["applied"]


def test_names_in_a_zip_lead_nowhere(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """Names that climb, start at the root, are a drive's, a link's, twins or line breaks: labels, all of them."""
    data = school.export().file.read_bytes()
    out = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(out, "w") as bundle:
        for name in ("../../luar.kirim", "/etc/luar.kirim", "C:\\luar.kirim", "sama", "sama", "a\nb", "x" * 3000):
            bundle.writestr(zipfile.ZipInfo(name), data)
        link = zipfile.ZipInfo("tautan")
        link.external_attr = 0o120777 << 16
        bundle.writestr(link, b"/etc/passwd")
    home = tmp_path / "a" / "b" / "c"
    path = put(home, "jahat.zip", out.getvalue())
    before = files(tmp_path)
    results = life.ingest(path).files
    assert [r.status for r in results] == ["applied", *["duplicate"] * 6, "quarantined"]
    assert not [name for name in set(files(tmp_path)) - set(before) if "luar" in name or "passwd" in name]
    kept = [p.read_bytes() for p in (life.server.home / "quarantine").glob("*.kirim")]
    assert kept == [b"/etc/passwd"]


def test_a_zip_in_a_zip_is_refused_and_says_so(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """Its bytes are kept; the good file beside it is applied."""
    data = school.export().file.read_bytes()
    path = zip_of(tmp_path, ("dalam.zip", zipped([("x", data)])), ("y", data))
    assert [(r.status, r.code) for r in life.ingest(path).files] == [("quarantined", "KF-210"), ("applied", "")]


@pytest.mark.parametrize("name", ["pd.xlsx", "surat.docx"])
def test_an_office_document_is_one_file_not_a_bundle(life: Life, tmp_path: Path, name: str) -> None:
    """A list of pupils that was sent by mistake is one refused file, in a folder and in a ZIP."""
    document = zipped([("[Content_Types].xml", b"<Types/>"), ("xl/workbook.xml", b"<workbook/>")])
    path = put(tmp_path, name, document)
    assert told(life.ingest(path).files) == [(name, "quarantined", "KF-201")]
    bundle = zip_of(tmp_path, (name, document))
    assert [r.code for r in life.ingest(bundle).files] == ["KF-201"]


def test_a_locked_zip_is_refused_and_kept_whole(life: Life, tmp_path: Path) -> None:
    """Nobody here knows the password, so the ZIP itself is the evidence."""
    data = bytearray(zipped([("a", b"rahasia"), ("b", b"rahasia")]))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := data.find(signature, at + 1)) >= 0:
            data[at + offset] |= 1
    path = put(tmp_path, "kunci.zip", bytes(data))
    assert [(r.status, r.code) for r in life.ingest(path).files] == [("quarantined", "KF-210")] * 2
    kept = [p.read_bytes() for p in (life.server.home / "quarantine").glob("*.kirim")]
    assert kept == [bytes(data)]
    assert len(reasons(life)) == 2


def test_a_damaged_member_is_refused_and_the_others_are_taken(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """One flipped bit in the first member's data; the second one is whole."""
    data = zipped([("a", PHOTOGRAPH), ("b", school.export().file.read_bytes())])
    path = put(tmp_path, "rusak.zip", flipped(data, 200))
    assert [(r.status, r.code) for r in life.ingest(path).files] == [("quarantined", "KF-210"), ("applied", "")]
    assert [p.read_bytes() for p in (life.server.home / "quarantine").glob("*.kirim")] == [path.read_bytes()]


def test_a_cut_zip_is_one_refused_file(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """Its list of files stands at its end, so nothing of it can be taken."""
    data = zipped([("b", school.export().file.read_bytes())])
    for size in (5, 40, len(data) // 2, len(data) - 1):
        path = put(tmp_path, f"{size}.zip", data[:size])
        assert told(life.ingest(path).files) == [(f"{size}.zip", "quarantined", "KF-210")]
        assert reasons(life)[f"{size}.zip"]["beside"].with_suffix(".kirim").read_bytes() == data[:size]


def test_a_zip_without_files_is_one_refused_file(life: Life, tmp_path: Path) -> None:
    """Empty, or nothing but folders and what systems put beside files."""
    assert told(life.ingest(put(tmp_path, "kosong.zip", zipped([]))).files) == [("kosong.zip", "quarantined", "KF-201")]
    path = zip_of(tmp_path, ("a/", b""), ("__MACOSX/._a", b"\0\5\26\7"))
    assert told(life.ingest(path).files) == [("kiriman.zip", "quarantined", "KF-201")]


def test_a_bomb_is_stopped_early_and_kept_packed(life: Life, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """300 MB of zeros in 300 kB: neither temporary space nor quarantine ever holds them."""
    space = tmp_path / "sementara"
    space.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(space))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle, bundle.open("nol", "w") as member:
        for _ in range(300):
            member.write(bytes(MIB))
    path = put(tmp_path, "bom.zip", out.getvalue())
    assert [(r.status, r.code) for r in life.ingest(path).files] == [("quarantined", "KF-210")]
    kept = [p.stat().st_size for p in (life.server.home / "quarantine").glob("*.kirim")]
    assert kept == [len(out.getvalue())]
    assert list(space.iterdir()) == []


def test_a_zip_that_lies_about_its_sizes_gains_nothing(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """It claims more than 4 GiB in all, or one byte, where a package stands; where content decides, content is taken."""
    package = school.export().file.read_bytes()
    data = bytearray(zipped([("x", package), ("y", package)], zipfile.ZIP_STORED))
    first = data.find(b"PK\x01\x02") + 24
    second = data.rfind(b"PK\x01\x02") + 24
    for claimed, codes in ((0xFFFF_0000, ["KF-210"]), (1, ["KF-210", "KF-210"]), (MIB, ["", ""])):
        data[first : first + 4] = data[second : second + 4] = struct.pack("<I", claimed)
        path = put(tmp_path, "bohong.zip", bytes(data))
        assert [r.code for r in life.ingest(path).files] == codes


def test_a_zip_of_too_many_files_is_refused_whole(life: Life, tmp_path: Path) -> None:
    """One more than the limit."""
    path = put(tmp_path, "banyak.zip", zipped(((f"{n}", b"") for n in range(ZIP_MEMBERS_MAX + 1)), zipfile.ZIP_STORED))
    assert told(life.ingest(path).files) == [("banyak.zip", "quarantined", "KF-210")]


def test_a_folder_that_holds_a_zip_is_taken_with_it(life: Life, school: Sekolah, other: Sekolah, tmp_path: Path) -> None:
    """People unpack some and leave others packed."""
    zip_of(tmp_path / "usb", ("x", school.export().file.read_bytes()))
    put(tmp_path / "usb", "y.kirim", other.export().file.read_bytes())
    assert [r.status for r in life.ingest(tmp_path / "usb").files] == ["applied", "applied"]


def test_one_package_in_every_wrapping_has_one_receipt(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """R26: renamed, in a folder, in a ZIP, mailed and saved twice: one package, one receipt in the return."""
    data = school.export().file.read_bytes()
    put(tmp_path / "usb" / "dalam", "dokumen.pdf", data)
    zip_of(tmp_path / "usb", ("x", data), ("y", data))
    put(tmp_path / "usb", "KIRIM (2).kirim", data)
    results = life.ingest(tmp_path / "usb").files
    assert sorted(r.status for r in results) == ["applied", "duplicate", "duplicate", "duplicate"]
    assert {(r.npsn, r.number) for r in results} == {("00000001", 1)}
    assert told(life.ingest(put(tmp_path, "lagi", data)).files) == [("lagi", "duplicate", "")]
    assert life.server.store.db.value("SELECT count(*) FROM kirim_package") == 1
    school.apply(life.answer(school).file)
    assert equal(school)


# --- held -------------------------------------------------------------------------------------


def three_packages(life: Life, school: Sekolah) -> list[Path]:
    """Return three packages of which each begins where the one before ended: the server's receipts never came."""
    found = []
    for n in range(3):
        found.append(school.export().file)
        school.pupil(f"SISWA LAIN {n}")
        school.node.store.set(acknowledged=school.node.store.last)
    return found


def test_early_packages_wait_and_go_on_when_the_gap_closes(life: Life, school: Sekolah) -> None:
    """The third and second come before the first, in runs of their own; the first releases both."""
    first, second, third = three_packages(life, school)
    assert told(life.ingest(third).files) == [(third.name, "held", "KF-401")]
    assert told(life.ingest(third).files) == [(third.name, "held", "KF-401")]
    assert told(life.ingest(second).files) == [(second.name, "held", "KF-401")]
    assert len(files(life.server.home / "held")) == 2
    assert told(life.ingest(first).files) == [(first.name, "applied", "")]
    assert [r.status for r in life.ingest(first, second, third).files] == ["duplicate"] * 3
    assert files(life.server.home / "held") == {}
    assert len(archived(life.server.home)) == 3
    assert life.server.store.db.value("SELECT count(*) FROM peserta_didik") == 3


def test_a_package_held_and_released_in_one_batch_says_applied(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """Numbers are only labels: a later number may stand before the gap that it closes."""
    first, second, third = three_packages(life, school)
    results = life.ingest(third, first, second).files
    assert [r.status for r in results] == ["applied"] * 3
    assert sum(r.counts.applied for r in results) == 3


def test_a_held_package_whose_file_was_lost_is_kept_again(life: Life, school: Sekolah) -> None:
    """Somebody cleaned the folder; the same file comes once more, and then the gap closes."""
    first, second, _ = three_packages(life, school)
    life.ingest(second)
    for path in (life.server.home / "held").iterdir():
        path.unlink()
    assert told(life.ingest(second).files) == [(second.name, "held", "KF-401")]
    life.ingest(first)
    assert life.server.store.db.value("SELECT count(*) FROM peserta_didik") == 2


def test_a_held_package_without_its_file_stops_nobody(life: Life, school: Sekolah, other: Sekolah) -> None:
    """The folder was cleaned and the file never comes again: everything else goes on."""
    first, second, third = three_packages(life, school)
    life.ingest(second)
    for folder in ("held", "archive"):
        for path in (life.server.home / folder).rglob("*.kirim"):
            path.unlink()
    assert [r.status for r in life.ingest(first, third, other.export().file).files] == ["applied", "held", "applied"]


def test_a_held_package_goes_on_after_a_step_of_the_centre(life: Life, school: Sekolah) -> None:
    """Approved by a head whom the dinas had replaced; the dinas takes him back, and no school has to do anything."""
    file = school.export().file
    ((before,),) = school.sql("SELECT ptk_tugas_tambahan_id FROM tugas_tambahan")
    life.change("dinas", [("sekolah", "00000001", "kepala_sekolah", "KEPALA BARU")])
    assert told(life.ingest(file).files) == [(file.name, "held", "KF-310")]
    assert told(life.ingest(file).files) == [(file.name, "held", "KF-310")]
    open_duty = "SELECT ptk_tugas_tambahan_id FROM tugas_tambahan WHERE sekolah_id = ? AND tst_tambahan IS NULL"
    after = life.server.store.db.value(open_duty, (school.scope,))
    back = [("tugas_tambahan", str(before), "tst_tambahan", ""), ("tugas_tambahan", after, "tst_tambahan", "2026-10-26")]
    life.change("dinas", back)
    assert told(life.ingest(file).files) == [(file.name, "applied", "")]
    assert told(life.ingest(file).files) == [(file.name, "duplicate", "")]
    assert files(life.server.home / "held") == {}


def test_the_ledger_covers_every_entry_in_order(life: Life, school: Sekolah, other: Sekolah) -> None:
    """R29: each value is the hash of the one before and the entry, also for packages that were held and released."""
    first, second, third = three_packages(life, school)
    for path in (third, other.export().file, second, first, third):
        life.ingest(path)
    states = life.server.store.db.execute("SELECT state FROM kirim_package ORDER BY seq").fetchall()
    assert [state for (state,) in states] == ["released", "merged", "released", "merged", "merged", "merged"]
    assert ledger_holds(life.server.store.db)


def test_results_come_in_the_order_given_and_on_file_hears_each_once(
    life: Life, school: Sekolah, other: Sekolah, tmp_path: Path
) -> None:
    """Also over the border of a batch."""
    paths = [put(tmp_path, f"{n:03}", b"%d" % n) for n in range(150)]
    paths[140:140] = [school.export().file, other.export().file]
    heard: list[FileResult] = []
    done = ingest_paths(life.server, paths, on_file=heard.append)
    assert [Path(r.file).name for r in done.files] == [path.name for path in paths]
    assert sorted(r.file for r in heard) == sorted(r.file for r in done.files)
    assert done.as_json()["applied"] == 2
    assert done.as_json()["quarantined"] == 150


def test_ingest_copies_and_never_moves(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """Good or bad, what was named stands where it stood."""
    put(tmp_path / "usb", "a", school.export().file.read_bytes())
    put(tmp_path / "usb", "b", PHOTOGRAPH)
    zip_of(tmp_path / "usb", ("x", PHOTOGRAPH))
    before = files(tmp_path / "usb")
    life.ingest(tmp_path / "usb")
    assert files(tmp_path / "usb") == before


def test_a_folder_that_cannot_be_written_stops_intake_with_its_code(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """Quarantine is no folder any more: the file is not blamed, nothing is lost, and after the repair it goes on."""
    folder = life.server.home / "quarantine"
    folder.rmdir()
    folder.write_bytes(b"")
    bad, good = put(tmp_path, "a", PHOTOGRAPH), school.export().file
    with pytest.raises(errors.FolderUnwritable):
        life.ingest(good, bad)
    folder.unlink()
    assert [r.status for r in life.ingest(good, bad).files] == ["applied", "quarantined"]


# --- our own faults ---------------------------------------------------------------------------


def test_a_fault_of_ours_in_one_package_holds_that_one_and_stops_nobody(life: Life, school: Sekolah, other: Sekolah) -> None:
    """The first school's bookkeeping is broken: its package waits under KF-901, and goes on after the repair."""
    mine, theirs = school.export().file, other.export().file
    device = school.node.store.device
    db = life.server.store.db
    db.execute("INSERT INTO kirim_changeset (scope, device, number) VALUES (?, ?, 1)", (school.scope, device))
    assert [(r.status, r.code) for r in life.ingest(mine, theirs).files] == [("held", "KF-901"), ("applied", "")]
    assert equal(other)
    db.execute("DELETE FROM kirim_changeset WHERE device = ? AND outcome IS NULL", (device,))
    life.change("pusat", [("sekolah", "00000001", "nama", "SD CONTOH BARU")])
    assert [(r.status, r.code) for r in life.ingest(mine).files] == [("applied", "")]
    assert equal(school) or school.apply(life.answer(school).file)
    assert equal(school)


def test_signed_nonsense_is_refused_and_leaves_no_mark(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """Who holds a laptop's key can sign anything: 150 random changesets, some with random bytes; never a fault of ours."""
    forger, chance = Forger(life, school), random.Random(20261026)
    before = snapshot(life.server)
    odd = [None, "", "x" * 600, "a\0b", 0, -1, 1 << 62, (1 << 63) - 1, 1.5, b"\xff", "2016-02-30", school.scope]
    ids = [f"0f0c0000-0000-4000-8000-0000000000{n:02x}" for n in range(4)]
    for n in range(150):
        table = chance.choice(forger.store.schema.data_tables)
        op = chance.choice(list(Op))
        columns = [] if op is Op.DELETE else chance.sample(table.columns, min(4, len(table.columns)))
        rows = chance.randint(1, 3)
        keys = [[chance.choice([*ids, school.scope]) for _ in range(rows)] for _ in table.key]
        values = [[chance.choice(odd) for _ in range(rows)] for _ in columns]
        columns.sort(key=lambda column: column.number)
        items = forger.changeset([Block(table, op, tuple(columns), [*keys, *values])])
        if n % 2:
            at = chance.randrange(len(items))
            kind, part = items[at]
            place = chance.randrange(len(part) + 1)
            items[at] = (kind, part[:place] + bytes([chance.randrange(256)]) + part[place + chance.randint(0, 1) :])
        put(tmp_path / "usb", f"{n:03}", forger.seal(forger.body(items)))
    results = life.ingest(tmp_path / "usb").files
    assert {(r.status, r.code) for r in results} <= {
        ("quarantined", "KF-208"),
        ("quarantined", "KF-309"),
        ("held", "KF-403"),
    }
    life.server.store.db.execute("DELETE FROM kirim_package")
    life.server.store.db.execute("DELETE FROM kirim_meta WHERE name LIKE 'tried-%'")
    # A changeset on an unknown base is held, and the laptop that could sign it is known from then on.
    life.server.store.db.execute("DELETE FROM kirim_key WHERE scope = ?", (school.scope,))
    life.server.store.db.execute("UPDATE kirim_code SET spent = NULL WHERE scope = ?", (school.scope,))
    life.server.store.db.execute(
        "UPDATE kirim_school SET device = x'', schema = 0, have = 0 WHERE sekolah_id = ?", (school.scope,)
    )
    assert snapshot(life.server) == before


def test_members_that_only_grow_in_unpacking_are_kept_packed(life: Life, tmp_path: Path) -> None:
    """A hundred members of 1 MB of zeros in one small ZIP: quarantine grows by the ZIP and the reasons."""
    path = zip_of(tmp_path, *((f"{n}", bytes(MIB)) for n in range(100)))
    assert {(r.status, r.code) for r in life.ingest(path).files} == {("quarantined", "KF-201")}
    kept = [p.stat().st_size for p in (life.server.home / "quarantine").glob("*.kirim")]
    assert kept == [path.stat().st_size]
    assert len(reasons(life)) == 100


# --- after an upgrade -------------------------------------------------------------------------


def test_a_file_of_a_newer_format_is_tried_again_after_an_upgrade_and_only_then(
    life: Life, school: Sekolah, tmp_path: Path
) -> None:
    """The older program saw only that it was newer; here the file's kept copy is what the newer program can read."""
    good = school.export().file.read_bytes()
    path = put(tmp_path, "masa depan", good[:8] + b"\x02" + good[9:])
    assert told(life.ingest(path).files) == [("masa depan", "quarantined", "KF-202")]
    (kept,) = (life.server.home / "quarantine").glob("*.kirim")
    kept.write_bytes(good)
    assert life.ingest().files == ()
    assert kept.exists()
    life.server.store.set("program", "0.0.9")
    assert life.ingest().files == ()
    assert files(life.server.home / "quarantine") == {}
    assert life.server.store.db.value("SELECT file FROM kirim_package").endswith("masa depan")
    assert equal(school)


def test_a_file_that_is_still_too_new_stays_where_it_is(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """Also beside reasons that people have changed or broken."""
    good = school.export().file.read_bytes()
    life.ingest(put(tmp_path, "masa depan", good[:8] + b"\x02" + good[9:]))
    folder = life.server.home / "quarantine"
    put(folder, "a.json", b"{")
    put(folder, "b.json", b"[]")
    before = files(folder)
    life.server.store.set("program", "0.0.9")
    life.ingest()
    assert files(folder).keys() == before.keys()


def test_r14_ten_thousand_failed_intakes_leave_files_reasons_and_an_alarm_by_school(
    life: Life, school: Sekolah, other: Sekolah, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R14: 10,000 files: no temporary space is left, quarantine grows by them alone, and the school that they claim is named.

    They come in twenty batches of five hundred; half of them are nobody's, the others spoilt copies of one school's package.
    """
    space, folder = tmp_path / "sementara", tmp_path / "usb"
    space.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(space))
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # durability is tested elsewhere; here it is 40,000 waits
    good = school.export().file.read_bytes()
    before = snapshot(life.server)
    for batch in range(20):
        for n in range(500):
            serial = batch * 500 + n
            spoilt = good + struct.pack(">I", serial) if serial % 2 else b"bukan paket %d" % serial
            put(folder, f"{n:03}", spoilt)
        assert life.ingest(folder).count("quarantined") == 500
        assert list(space.iterdir()) == []
        assert files(life.server.home / "held") == {}
        assert sum(1 for _ in (life.server.home / "quarantine").iterdir()) == 2 * 500 * (batch + 1)
    assert snapshot(life.server) == before
    found = server_status(life.server)
    assert found["quarantine"] == 10_000
    assert found["refused"] == [
        {"npsn": "", "files": 5_000, "codes": {"KF-201": 5_000}, "alarm": False},
        {"npsn": school.npsn, "files": 5_000, "codes": {"KF-205": 5_000}, "alarm": True},
    ]
    assert other.round_trip().status == "applied"
    assert len(files(life.server.home / "quarantine")) == 20_000
