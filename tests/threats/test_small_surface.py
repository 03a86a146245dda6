"""Names and contents that want to be something else: paths, commands, queries, formulas, pages; and ZIPs that want too much."""

from __future__ import annotations

import ast
import io
import re
import stat
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path

import openpyxl
import pytest

import exchange
from exchange import errors
from exchange.cli.door import run
from exchange.interop.workbook import read_sheet
from exchange.limits import MIB, ZIP_LIST_BYTES_MAX
from tests.faults.badfiles import zipped
from tests.faults.world import files
from tests.fuzz.damage import only_ours
from tests.life import Life, Sekolah, equal
from tests.threats.whole import Unmoved, quarantined

CODE = Path(exchange.__file__).parent

NAMES = [
    "../../luar.kirim",
    "a\\..\\..\\luar.kirim",
    "/etc/cron.d/luar",
    "C:\\Windows\\luar.kirim",
    "\\\\server\\bagi\\luar",
    "CON",
    "con.kirim",
    "NUL",
    "AUX.kirim",
    "COM1.kirim",
    "LPT9",
    "luar.kirim.",
    "luar.kirim ",
    "luar.kirim::$DATA",
    "luar\x00.kirim",
    "KIRIM.kirim",
    "kirim.KIRIM",
    "caf\u00e9.kirim",
    "cafe\u0301.kirim",
    "$(touch luar)",
    "`touch luar`; touch luar |",
    "-rf",
    "%2e%2e%2fluar",
    "\u202egpj.luar",
]

OURS = re.compile(r"[0-9a-f]{32}(-\d+)?\.(kirim|json)|[0-9a-f]{2}/[0-9a-f]{64}\.kirim|ledger/.*")
"""How files in a server's folders are named: by their content."""


def zip_at(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


# --- names in ZIPs ----------------------------------------------------------------------------


def test_no_name_in_a_zip_becomes_a_path_and_twins_stay_two_files(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """Parents, roots, drives, devices, streams, twins by case and by Unicode: labels, all of them. Every file is judged by itself."""
    good = school.export().file.read_bytes()
    members = [(name, b"isi %d" % n) for n, name in enumerate(NAMES)]
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)
    path = zip_at(folder, "nama.zip", zipped([*members, ("utuh", good)]))
    before = set(files(tmp_path))
    done = life.ingest(path)
    assert [r.status for r in done.files] == ["quarantined"] * len(NAMES) + ["applied"]
    assert len({r.file for r in done.files[:-1]}) == len({name.split("\0")[0] for name in NAMES})
    for name in set(files(tmp_path)) - before:
        inside = Path(name).parts
        assert "pusat" in inside, name
        kept = "/".join(inside[inside.index("pusat") + 2 :])
        assert inside[inside.index("pusat") + 1] in ("server.db-wal", "server.db-shm") or OURS.fullmatch(kept), name
    assert sorted(quarantined(life)) == sorted(data for _, data in members)


def test_a_link_in_a_zip_is_a_file_of_a_few_bytes(life: Life, tmp_path: Path) -> None:
    """A symbolic link to a secret: what is judged and kept is its text, never what it points at."""
    secret = tmp_path / "rahasia"
    secret.write_bytes(b"isi rahasia")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as bundle:
        link = zipfile.ZipInfo("KIRIM.kirim")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        bundle.writestr(link, str(secret))
    assert [(r.status, r.code) for r in life.ingest(zip_at(tmp_path, "a.zip", out.getvalue())).files] == [("quarantined", "KF-201")]
    assert quarantined(life) == [str(secret).encode()]
    assert not [p for p in life.server.home.rglob("*") if p.is_symlink()]


# --- ZIPs that want too much ------------------------------------------------------------------


def overlapping(count: int, kernel: bytes) -> bytes:
    """Return a ZIP whose members all share the bytes of one."""
    data = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = data.compress(kernel) + data.flush()
    sizes = struct.pack("<III", zlib.crc32(kernel), len(packed), len(kernel))
    local = b"PK\3\4" + struct.pack("<HHHHH", 20, 0, 8, 0, 0x21) + sizes + struct.pack("<HH", 1, 0) + b"a"
    entries = b"".join(
        b"PK\1\2" + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 0x21) + sizes + struct.pack("<HHHHHII", 1, 0, 0, 0, 0, 0, 0) + b"a"
        for _ in range(count)
    )
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count & 0xFFFF, count & 0xFFFF, len(entries), len(local + packed), 0)
    return local + packed + entries + end


def test_members_that_share_their_bytes_fill_no_disk(life: Life, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Overlapping entries: one megabyte that would unpack a thousand times. It is refused whole and kept packed."""
    space = tmp_path / "sementara"
    space.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(space))
    bomb = zip_at(tmp_path, "tumpang.zip", overlapping(1_000, bytes(range(256)) * 4096))
    before = Unmoved(life)
    with only_ours(16):
        assert [(r.status, r.code) for r in life.ingest(bomb).files] == [("quarantined", "KF-210")]
    assert before.holds()
    assert quarantined(life) == [bomb.read_bytes()]
    assert list(space.iterdir()) == []


def test_a_list_of_a_million_members_is_refused_before_it_is_read(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """Python would read the whole list into memory before anybody could count it: here and in an Excel file."""
    entry = b"PK\1\2" + struct.pack("<HHHHHH", 20, 20, 0, 0, 0, 0x21) + bytes(12) + struct.pack("<HHHHHII", 1, 0, 0, 0, 0, 0, 0) + b"a"
    entries = entry * 1_000_000
    assert len(entries) > ZIP_LIST_BYTES_MAX
    data = b"PK\3\4" + bytes(40) + entries + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, len(entries), 44, 0)
    path = zip_at(tmp_path, "banyak.zip", data)
    del entries
    with only_ours(40):
        assert [(r.status, r.code) for r in life.ingest(path).files] == [("quarantined", "KF-210")]
    with only_ours(3 * len(data) // MIB), pytest.raises(errors.WorkbookUnreadable):
        read_sheet(path)
    assert [len(kept) for kept in quarantined(life)] == [len(data)]
    assert life.ingest(school.export().file).files[0].status == "applied"


@pytest.mark.parametrize("claimed", [0, 1, 2**32 - 2])
def test_sizes_that_lie_gain_nothing(life: Life, tmp_path: Path, claimed: int) -> None:
    """A declared size of nothing, of one byte, of 4 GiB: one refused file, nothing unpacked beyond what is there."""
    data = bytearray(zipped([("a", bytes(MIB))]))
    place = data.find(b"PK\1\2") + 24
    data[place : place + 4] = struct.pack("<I", claimed)
    with only_ours(24):
        results = life.ingest(zip_at(tmp_path, "bohong.zip", bytes(data))).files
    assert [r.status for r in results] == ["quarantined"]
    assert results[0].code in ("KF-201", "KF-204", "KF-210")
    assert sum(len(kept) for kept in quarantined(life)) <= len(data)


# --- what reaches nothing ---------------------------------------------------------------------


def test_the_program_starts_no_other_and_runs_no_text() -> None:
    """No shell, no child process, no evaluation, no format that builds objects: so nothing that comes in can reach one."""
    barred = {"subprocess", "multiprocessing", "pickle", "marshal", "shelve", "dbm", "yaml", "pty", "webbrowser", "runpy", "code", "socket"}
    words = {"eval", "exec", "compile", "__import__"}
    of_os = {"system", "popen", "fork", "forkpty", "execv", "execve", "execvp", "spawnv", "posix_spawn", "startfile"}
    found = []
    for file in CODE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found += [(file.name, a.name) for a in node.names if a.name.split(".")[0] in barred]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found += [(file.name, node.module)] if (node.module or "").split(".")[0] in barred else []
            elif isinstance(node, ast.Call):
                if isinstance(node.func, ast.Name) and node.func.id in words:
                    found.append((file.name, node.func.id))
                elif isinstance(node.func, ast.Attribute) and node.func.attr in of_os and ast.unparse(node.func.value) == "os":
                    found.append((file.name, node.func.attr))
    assert found == []


EVIL = "nama = 'X'; DROP TABLE kirim_key; --"


@pytest.mark.parametrize("place", [0, 2])
def test_a_table_or_column_that_a_list_names_is_looked_up_never_put_into_a_query(life: Life, school: Sekolah, place: int) -> None:
    """A list of the centre's whose table or column is SQL: KF-109, and nothing is touched."""
    pupil = school.pupil("SISWA")
    school.round_trip()
    line = ["peserta_didik", pupil, "alamat_jalan", "JALAN"]
    line[place] = EVIL
    before = Unmoved(life)
    with pytest.raises(errors.InputRowBad):
        life.change("dinas", [(line[0], line[1], line[2], line[3])])
    assert before.holds()


def test_an_id_or_value_of_a_list_is_bound_never_put_into_a_query(life: Life, school: Sekolah) -> None:
    """As an id it is refused, as a school's NPSN it fits nothing, and as a value it is a text like any other, on both sides."""
    pupil = school.pupil("SISWA")
    school.round_trip()
    before = Unmoved(life)
    with pytest.raises(errors.InputRowBad):
        life.change("dinas", [("peserta_didik", EVIL, "alamat_jalan", "JALAN")])
    assert len(life.change("dinas", [("sekolah", EVIL, "nomor_telepon", "0211")]).unmatched) == 1
    assert before.holds()
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", EVIL)])
    school.apply(life.answer(school).file)
    assert school.row("peserta_didik", pupil)["alamat_jalan"] == EVIL
    assert school.row("peserta_didik", pupil)["nama"] == "SISWA"
    assert equal(school)


FORMULAS = ["=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "=HYPERLINK(\"http://contoh\")", "\t=1+1", "\r=1+1", "{=1}", "http://contoh.id"]


def test_a_name_is_never_a_formula_or_a_link_in_a_list_that_we_write(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """CSV and Excel injection: every such name stands in the list as text, and comes back as it was."""
    for n, text in enumerate(FORMULAS):
        pupil = school.pupil(text, nisn=f"99000000{n:02}")
        row = f"991000{n:02}-0000-4000-8000-000000000001"
        school.sql(
            "INSERT INTO registrasi_peserta_didik (registrasi_id, peserta_didik_id, sekolah_id, jenis_pendaftaran_id) VALUES (?, ?, ?, 1)",
            row, pupil, school.scope,
        )  # fmt: skip
    out = tmp_path / "pd.xlsx"
    assert run(["school", "download", "daftar-pd", str(out), "--home", str(school.home)]) == 0
    sheet = openpyxl.load_workbook(out).active
    assert sheet is not None
    cells = [cell for line in sheet.iter_rows() for cell in line if cell.value is not None]
    assert {cell.data_type for cell in cells} <= {"s", "n"}
    assert not [cell for cell in cells if cell.hyperlink]
    texts = {str(cell.value) for cell in cells}
    assert {text.strip() for text in FORMULAS} <= {text.replace("_x000D_", "").strip() for text in texts}
    with zipfile.ZipFile(out) as book:
        assert not [name for name in book.namelist() if "external" in name.lower() or "vba" in name.lower()]
        assert b"<f>" not in b"".join(book.read(name) for name in book.namelist())


def test_a_receipts_page_shows_names_and_runs_nothing(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """The school's name is a script: on the page that is printed it stands as letters."""
    school.round_trip()
    evil = "<script>alert(1)</script><img src=x onerror='alert(2)'>\"&"
    school.node.store.set(nama=evil)
    page = tmp_path / "tanda.html"
    assert run(["school", "receipt", "1", "--out", str(page), "--home", str(school.home)]) == 0
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;" in text


def test_no_value_from_a_file_steers_a_terminal(life: Life, school: Sekolah, capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences in names, carried through a package and told as a conflict, a refusal and a list: shown, not obeyed."""
    evil = "\x1b]0;judul\x07\x1b[2J\x9b31m\u202e"
    pupil = school.pupil("SISWA")
    school.round_trip()
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", "DINAS" + evil)])
    school.edit("peserta_didik", pupil, alamat_jalan="SEKOLAH" + evil)
    school.export()
    assert run(["server", "ingest", str(school.export().file), "--home", str(life.server.home)]) == 0
    school.edit("peserta_didik", pupil, nama="NAMA" + evil)
    returned = life.answer(school).file
    school.node.store.set(nama=evil)
    for arguments in (["apply", str(returned)], ["status"], ["validate"]):
        run(["school", *arguments, "--home", str(school.home)])
    told = capsys.readouterr()
    assert not set("\x1b\x07\x9b") & set(told.out + told.err)
