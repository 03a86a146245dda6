"""What people are told when something is not taken as sent: every code in Indonesian, at its author's desk (R13, R23)."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from exchange import errors, words
from exchange.cli.door import run, told
from exchange.interop.layout import DAFTAR_PD
from exchange.nodes import ServerNode
from exchange.packager import due
from exchange.records import Op
from exchange.schema.ids import derive_id
from tests.flow.told import block, crafted, enter, lines, registered, show, with_open_keys
from tests.life import Life, Sekolah, equal

CODES = dict(errors.all_codes())
REASONS = {code: entry for code, entry in CODES.items() if isinstance(entry, errors.Reason)}
WORDS_MAX = 40
"""Of a whole message, how grave it is and whose turn it is included."""

GRAVE = {"catatan", "perlu tindakan", "gawat"}
WHO = {"operator", "kepala sekolah", "dinas", "pusat"}
ENGLISH = r"\b(the|and|of|is|are|was|were|not|which|where|with|when|its|this|that|from|for|nothing|error|row|rows|file|server was)\b"
"""Words that no Indonesian sentence has; ``file`` and ``row`` are *berkas* and *baris*."""

UNKNOWN = 55
"""A code of agama that no list has."""


@pytest.fixture
def pupil(life: Life, school: Sekolah) -> str:
    """A registered pupil whom both sides have; nothing is unsent."""
    with_open_keys(life)
    found = str(school.sql("SELECT peserta_didik_id FROM peserta_didik ORDER BY 1")[0][0])
    registered(school, found)
    school.round_trip()
    return found


def english(text: str) -> list[str]:
    """Return the English words of a text, without paths and ids."""
    return re.findall(ENGLISH, re.sub(r"\S*[/\\]\S*|[0-9a-f-]{36}", "", text))


# --- R13: what a code says --------------------------------------------------------------------


def sample(kind: type[errors.ExchangeError]) -> errors.ExchangeError:
    """Return an error with made-up facts of their types."""
    return kind(**{name: 123 if kind.__annotations__[name] == "int" else "contoh" for name in kind._names})


@pytest.mark.parametrize("code", [code for code in CODES if code not in REASONS])
def test_an_error_says_what_how_grave_what_to_do_who_and_what_is_safe(code: str) -> None:
    """R13: three lines in Indonesian, at most 40 words together."""
    kind = CODES[code]
    assert isinstance(kind, type)
    what, then, safe = told(sample(kind))
    grave, who = re.match(rf"{code} \((.+?)\): \S", what), re.match(r"Langkah \((.+?)\): \S", then)
    assert grave is not None
    assert who is not None
    assert (grave[1] in GRAVE, who[1] in WHO) == (True, True)
    assert re.match(r"Aman: \S", safe)
    assert len(f"{what} {then} {safe}".split()) <= WORDS_MAX
    assert english(f"{what} {then} {safe}") == []


@pytest.mark.parametrize("code", REASONS)
def test_a_reason_says_what_how_grave_what_to_do_who_and_what_is_safe(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    """R13: the same of every reason why a change was not taken as sent, by the code that its author reads."""
    assert run(["explain", code]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"{code}: ")
    found = dict(re.findall(r"^  (\S+(?: \S+)*?) {2,}(\S.*)$", text, re.MULTILINE))
    assert found.keys() == {"langkah", "aman", "oleh", "tingkat"}
    assert (found["oleh"] in WHO, found["tingkat"] in GRAVE) == (True, True)
    assert len(text.split()) <= WORDS_MAX
    assert english(text) == []


# --- R13: every reason reaches its author -----------------------------------------------------


def centre_sets(life: Life, pupil: str, as_: str, column: str, value: str, *, verified: bool = False) -> None:
    """Let somebody at the centre set a column of a pupil."""
    life.change(as_, [("peserta_didik", pupil, column, value)], verified=verified)


def owned_by_pusat(life: Life, school: Sekolah, pupil: str) -> None:
    school.edit("peserta_didik", pupil, rekening_bank="991")


def owned_by_dinas(life: Life, school: Sekolah, pupil: str) -> None:
    ((ptk,),) = school.sql("SELECT ptk_id FROM ptk")
    school.edit("ptk", str(ptk), niy_nigk="990")


def locked(life: Life, school: Sekolah, pupil: str) -> None:
    centre_sets(life, pupil, "verval", "nama", "VERVAL", verified=True)
    school.apply(life.answer(school).file)
    school.edit("peserta_didik", pupil, nama="SEKOLAH")


def locked_kip(life: Life, school: Sekolah, pupil: str) -> None:
    life.kip([(pupil, "ZZ00Z1")])
    school.apply(life.answer(school).file)
    school.edit("peserta_didik", pupil, no_kip="XX99X9")


def wrong_type(life: Life, school: Sekolah, pupil: str) -> None:
    crafted(school, block("peserta_didik", Op.UPDATE, ["email"], (pupil, 7)))


def too_long(life: Life, school: Sekolah, pupil: str) -> None:
    crafted(school, block("peserta_didik", Op.UPDATE, ["email"], (pupil, "x" * 999)))


def code_unknown(life: Life, school: Sekolah, pupil: str) -> None:
    crafted(school, block("peserta_didik", Op.UPDATE, ["agama_id"], (pupil, UNKNOWN)))


def other_home(life: Life, school: Sekolah, pupil: str) -> None:
    other = life.schools[1]
    other.round_trip()
    theirs = str(other.sql("SELECT ptk_id FROM ptk")[0][0])
    show(life, "ptk", theirs, other, school)
    school.apply(life.answer(school).file)
    school.edit("ptk", theirs, email="rebut@contoh.id")


def parent_open(life: Life, school: Sekolah, pupil: str) -> None:
    school.sql("INSERT INTO ref_agama (agama_id, nama) VALUES (?, 'Contoh')", UNKNOWN)
    registered(school, school.pupil("SISWA TERTAHAN", agama_id=UNKNOWN))


def table_closed(life: Life, school: Sekolah, pupil: str) -> None:
    enter(school, "pengguna", row := str(derive_id("contoh", "pengguna")), {"pengguna_id": row, "nama": "PENGGUNA", "sekolah_id": school.scope})


def both_school_won(life: Life, school: Sekolah, pupil: str) -> None:
    centre_sets(life, pupil, "dinas", "email", "dinas@contoh.id")
    school.edit("peserta_didik", pupil, email="sekolah@contoh.id")


def both_centre_won(life: Life, school: Sekolah, pupil: str) -> None:
    centre_sets(life, pupil, "verval", "nama", "VERVAL", verified=True)
    school.edit("peserta_didik", pupil, nama="SEKOLAH")


def delete_lost(life: Life, school: Sekolah, pupil: str) -> None:
    centre_sets(life, pupil, "verval", "nama", "VERVAL")
    school.edit("peserta_didik", pupil, soft_delete=1)


def _card(school: Sekolah, pupil: str) -> str:
    row = str(derive_id("contoh", pupil))
    enter(school, "kesejahteraan_pd", row, {"id_sejahtera_pd": row, "peserta_didik_id": pupil, "jenis_kesejahteraan_id": 1, "nomor": "K1"})
    school.round_trip()
    return row


def edit_of_deleted(life: Life, school: Sekolah, pupil: str) -> None:
    card = _card(school, pupil)
    life.change("pusat", [("kesejahteraan_pd", card, "nomor", "P1")])
    school.edit("kesejahteraan_pd", card, soft_delete=1)


def revived(life: Life, school: Sekolah, pupil: str) -> None:
    card = _card(school, pupil)
    life.change("pusat", [("kesejahteraan_pd", card, "soft_delete", 1)])
    school.edit("kesejahteraan_pd", card, nomor="K2")


SCENES: dict[str, Callable[[Life, Sekolah, str], None]] = {
    "KF-510": owned_by_pusat, "KF-511": owned_by_dinas, "KF-512": locked, "KF-513": locked_kip, "KF-514": wrong_type,
    "KF-515": too_long, "KF-516": code_unknown, "KF-517": other_home, "KF-518": parent_open, "KF-519": table_closed,
    "KF-520": both_school_won, "KF-521": both_centre_won, "KF-522": delete_lost, "KF-523": edit_of_deleted,
    "KF-524": revived,
}  # fmt: skip
"""What a school does and meets, by the reason that it gets."""

LISTED = {
    "KF-525": {"nama_ibu_kandung": "IBU\tCONTOH"},
    "KF-526": {"nama": "KEMBAR", "nama_ibu_kandung": "IBU CONTOH"},
    "KF-527": {"nama": ""},
    "KF-528": {"tanggal_lahir": "2999-01-01"},
}
"""Reasons that a list's cell gets, at the desk where it is imported, with the cell that gets it."""

NOTICED = {"KF-529", "KF-530"}
"""What a school notices itself, and what the laptop in use is told of a former one: in ``test_recovery`` and ``test_keys``."""


def test_every_reason_has_its_scene() -> None:
    """R13: a new reason needs one here, so that none can be lost on its way."""
    assert SCENES.keys() | LISTED.keys() | NOTICED == REASONS.keys()


@pytest.mark.parametrize("code", SCENES)
def test_every_reason_reaches_its_author_in_words(
    life: Life, school: Sekolah, pupil: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """R13, R23: the return that brings it is applied: the operator reads the code, its meaning and the row, in Indonesian."""
    SCENES[code](life, school, pupil)
    assert life.ingest(school.export().file).files[0].status == "applied"
    row = next(line.row for line in lines(school) if f"KF-{line.code}" == code)
    answer = life.answer(school).file
    assert run(["school", "apply", str(answer), "--home", str(school.home), "--dry-run", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (code, row) in {(line["code"], line["id"]) for line in document["conflicts"] + document["refused"]}
    assert run(["school", "apply", str(answer), "--home", str(school.home)]) == 0
    read = capsys.readouterr()
    assert f"{code} " in read.out
    assert words.tr(REASONS[code].what) in read.out
    assert row in read.out
    assert (english(read.out), read.err) == ([], "")
    if any(line["code"] == code for line in document["refused"]):
        assert run(["school", "status", "--home", str(school.home)]) == 0
        assert f"{code} " in capsys.readouterr().out, "refused: it stays on the open list in sight"


@pytest.mark.parametrize("code", LISTED)
def test_every_reason_of_a_list_is_told_with_its_cell(
    school: Sekolah, pupil: str, tmp_path: Path, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """R13, R23: a list with one bad cell is not taken, and the cell and the reason are shown in Indonesian."""
    for _ in range(2):
        registered(school, school.pupil("KEMBAR"))
    cells = {"nama": "SISWA DAFTAR", "jenis_kelamin": "L", "tanggal_lahir": "2016-05-03", "nama_ibu_kandung": "IBU DAFTAR"}
    write_list(tmp_path / "daftar.xlsx", cells | LISTED[code])
    people = school.sql("SELECT * FROM peserta_didik")
    assert run(["school", "import", str(tmp_path / "daftar.xlsx"), "--home", str(school.home)]) == 1
    read = capsys.readouterr()
    assert re.search(rf"^  {code} \w+ .*: {re.escape(words.tr(REASONS[code].what))} \(1\)$", read.out, re.MULTILINE)
    assert re.search(r"^    [A-Z]+\d+: ", read.out, re.MULTILINE)
    assert (english(read.out), read.err) == ([], "")
    assert school.sql("SELECT * FROM peserta_didik") == people


def write_list(path: Path, cells: dict[str, str]) -> None:
    """Write a *Daftar Peserta Didik* of one row."""
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.append([field.group or field.header for field in DAFTAR_PD.fields])
    page.append([field.header if field.group else "" for field in DAFTAR_PD.fields])
    page.append([cells.get(field.column, "") for field in DAFTAR_PD.fields])
    book.save(path)


# --- R13: files that wait or were refused -----------------------------------------------------


def gap(life: Life, school: Sekolah, pupil: str) -> None:
    school.edit("peserta_didik", pupil, rt=1)
    school.export()
    school.node.store.set(acknowledged=school.node.store.last)  # as if the missing file had been answered
    school.edit("peserta_didik", pupil, rt=2)


def fork(life: Life, school: Sekolah, pupil: str) -> None:
    school.node.store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    life.schools.append(Sekolah(life, Path(shutil.copytree(school.home, life.folder / "salinan"))))
    with_open_keys(life)
    life.schools[-1].edit("peserta_didik", pupil, rt=1)
    life.schools[-1].round_trip()
    school.edit("peserta_didik", pupil, rt=2)


def restored_server(life: Life, school: Sekolah, pupil: str) -> None:
    life.server.store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    home = life.server.home
    backup = shutil.copytree(home, life.folder / "cadangan")
    life.change("dinas", [("peserta_didik", pupil, "email", "dinas@contoh.id")])
    school.round_trip()
    life.server.close()
    shutil.rmtree(home)
    shutil.copytree(backup, home)
    life.server = ServerNode.open(home, clock=life.clock)
    school.edit("peserta_didik", pupil, rt=2)


def of_another_school(life: Life, school: Sekolah, pupil: str) -> None:
    """No laptop seals this: the table's rows are of a school that the file is not for."""
    crafted(school, block("peserta_didik", Op.DELETE, [], (pupil,), (pupil,)))


def of_another_head(life: Life, school: Sekolah, pupil: str) -> None:
    """The key that approves is the head's of another school."""
    other = life.school(npsn="00000009")
    with_open_keys(life)
    school.node.head = other.node.head  # type: ignore[method-assign]
    school.edit("peserta_didik", pupil, rt=2)


def of_the_former_head(life: Life, school: Sekolah, pupil: str) -> None:
    """Another head is assigned, and the laptop has gone back to the time before it heard of him; all else is told already."""
    ((former,),) = school.sql("SELECT ptk_tugas_tambahan_id FROM tugas_tambahan")
    life.change("dinas", [("sekolah", "00000001", "kepala_sekolah", "KEPALA PENGGANTI")])
    school.apply(life.answer(school).file)
    store = school.node.store
    with store.transaction(), store.capture_off():
        store.db.execute(
            "UPDATE tugas_tambahan SET tst_tambahan = CASE ptk_tugas_tambahan_id WHEN ? THEN NULL ELSE '2026-07-01' END",
            (former,),
        )
        store.db.execute("UPDATE role_pengguna SET soft_delete = 1 - soft_delete")
    school.edit("peserta_didik", pupil, rt=2)


WAITING = {
    "KF-208": of_another_school,
    "KF-309": of_another_head,
    "KF-310": of_the_former_head,
    "KF-401": gap,
    "KF-402": fork,
    "KF-403": restored_server,
}


@pytest.mark.parametrize("code", WAITING)
def test_a_file_that_waits_or_was_refused_is_told_to_its_author_in_words(
    life: Life, school: Sekolah, pupil: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """R13: the number of the file, the code and its meaning stand in what the next return says."""
    school.round_trip()
    WAITING[code](life, school, pupil)
    made = school.export()
    assert life.ingest(made.file).files[0].code == code
    assert due(life.server, life.server.store.school(school.scope))
    assert run(["school", "apply", str(life.answer(school).file), "--home", str(school.home)]) == 0
    text = capsys.readouterr().out
    (line,) = [line for line in text.splitlines() if code in line]
    assert re.search(rf"\b{made.number}\b", line)
    assert words.tr(CODES[code].what).partition("{")[0] in line
    assert english(text) == []


def test_what_was_told_once_is_no_reason_for_another_return(life: Life, school: Sekolah, pupil: str) -> None:
    """A file that waits is told as soon as it is known, and then with whatever else there is."""
    school.round_trip()
    of_another_head(life, school, pupil)
    life.ingest(school.export().file)
    assert school.apply(life.answer(school).file) is not None
    assert school.apply(life.answer(school).file) is None


# --- a text that is none ----------------------------------------------------------------------


def test_a_text_that_is_not_utf8_is_named_by_its_row_and_column(
    life: Life, school: Sekolah, pupil: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """KF-608: another program wrote bytes of an old code page. Nothing is cut until the value is typed anew; then it travels."""
    at = ["--home", str(school.home)]
    last, stood = school.node.store.last, life.row("peserta_didik", pupil)["alamat_jalan"]
    school.sql("UPDATE peserta_didik SET alamat_jalan = CAST(x'4A6C2E20436166E9' AS TEXT) WHERE peserta_didik_id = ?", pupil)
    for command in (["validate"], ["status"], ["download", "daftar-pd", str(school.home / "daftar.xlsx")]):
        assert run(["school", *command, *at]) == 1
        said = capsys.readouterr().err
        assert all(part in said for part in ("KF-608", "peserta_didik", pupil, "alamat_jalan", "Jl. Caf")), said
        assert english(said) == []
    with pytest.raises(errors.TextBroken):
        school.export()
    assert (school.node.store.last, life.row("peserta_didik", pupil)["alamat_jalan"]) == (last, stood)
    school.edit("peserta_didik", pupil, alamat_jalan="Jl. Café")
    assert life.ingest(school.export().file).files[0].status == "applied"
    assert life.row("peserta_didik", pupil)["alamat_jalan"] == "Jl. Café"


# --- R23 --------------------------------------------------------------------------------------


def test_a_server_without_a_running_semester_takes_the_latest_that_has_begun(life: Life, school: Sekolah, pupil: str) -> None:
    """The reference list is changed halfway: nothing waits because of that."""
    life.server.store.db.execute("UPDATE ref_semester SET periode_aktif = 0")
    life.server.close()
    life.server = ServerNode.open(life.folder / "pusat", clock=life.clock)
    assert life.server.semester.semester_id == "20261"
    school.edit("peserta_didik", pupil, rt=7)
    assert life.ingest(school.export().file).files[0].status == "applied"


def test_a_semester_that_was_closed_meanwhile_is_no_obstacle(life: Life, school: Sekolah, pupil: str) -> None:
    """R23: the centre has gone on to the next semester; what the school entered in the old one is applied and receipted."""
    db = life.server.store.db
    db.execute("UPDATE ref_semester SET periode_aktif = CASE semester_id WHEN '20262' THEN 1 ELSE 0 END")
    life.server.close()
    life.server = ServerNode.open(life.folder / "pusat", clock=life.clock)
    enter(school, "peserta_didik_longitudinal", f"{pupil}|20261",
          {"peserta_didik_id": pupil, "semester_id": "20261", "tinggi_badan": 120})  # fmt: skip
    result = life.ingest(school.export().file).files[0]
    assert (result.status, result.code, result.counts.applied) == ("applied", "", 1)
    report = school.apply(life.answer(school).file)
    assert report is not None
    assert (report.lines, report.waiting) == ([], [])
    assert life.row("peserta_didik_longitudinal", f"{pupil}|20261")["tinggi_badan"] == 120
    assert equal(school)


def test_a_year_that_was_closed_meanwhile_waits_for_its_head_and_is_applied_then(life: Life, school: Sekolah, pupil: str) -> None:
    """R23: nobody is assigned for the new school year yet: received, kept under a code, applied once the dinas assigns."""
    db = life.server.store.db
    db.execute("UPDATE ref_semester SET periode_aktif = CASE semester_id WHEN '20252' THEN 1 ELSE 0 END")
    life.server.close()
    life.server = ServerNode.open(life.folder / "pusat", clock=life.clock)
    school.edit("peserta_didik", pupil, rt=7)
    result = life.ingest(school.export().file).files[0]
    assert (result.status, result.code, result.counts.held) == ("held", "KF-310", 1)
    assigned = db_row(life, school)
    fresh = "99000000-0000-4000-8000-000000000007"
    life.change("dinas", [("ptk_terdaftar", fresh, name, value) for name, value in (assigned | {"tahun_ajaran_id": "2025"}).items()])
    life.ingest()
    assert life.row("peserta_didik", pupil)["rt"] == 7
    assert life.server.store.db.value("SELECT count(*) FROM kirim_package WHERE state = 'held'") == 0


def db_row(life: Life, school: Sekolah) -> dict[str, str]:
    """Return the head's assignment for this school year."""
    ((row,),) = school.sql("SELECT ptk_terdaftar_id FROM ptk_terdaftar")
    table = school.node.store.schema.by_name["ptk_terdaftar"]
    found = life.row("ptk_terdaftar", str(row))
    return {name: str(found[name]) for name in table.column_names if found[name] is not None}


def test_no_line_of_a_day_at_the_server_is_english_or_a_bare_number(
    life: Life, school: Sekolah, other: Sekolah, pupil: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """R23: packages good, doubled, waiting, refused, for others and no packages at all: each is told under its code."""
    home = ["--home", str(life.server.home)]
    damaged, foreign = tmp_path / "KIRIM-rusak.kirim", tmp_path / "liburan.jpg"
    good = other.export().file
    damaged.write_bytes(good.read_bytes()[:-40])
    foreign.write_bytes(b"\xff\xd8 foto")
    gap(life, school, pupil)
    files = [good, good, school.export().file, damaged, foreign, life.answer(other).file]
    statuses = [run(["server", "ingest", *map(str, files), *home])]
    statuses += [run(["server", *arguments, *home]) for arguments in (["status"], ["return", "--all"], ["return", "--npsn", "99999999"])]
    read = capsys.readouterr()
    assert statuses == [3, 0, 0, 1]
    assert {"KF-401", "KF-201", "KF-103"} <= set(re.findall(r"KF-\d{3}", read.out + read.err))
    for line in (read.out + read.err).splitlines():
        assert english(line) == [], line
        assert not re.fullmatch(r"\W*\d{1,7}\W*", line), line  # a school's NPSN has eight digits
        assert "Traceback" not in line
        assert "Error" not in line
