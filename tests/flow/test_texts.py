"""Texts that break software, typed at a school and carried everywhere: the same at the end, or refused with a code (R21)."""

from __future__ import annotations

import json
import shutil
import unicodedata
from datetime import datetime
from pathlib import Path

import pytest

from exchange import errors
from exchange.interop.daftar_pd import import_daftar_pd
from exchange.interop.download import write_daftar_pd
from exchange.interop.report import ImportReport, School
from exchange.interop.workbook import read_sheet
from exchange.overview import findings
from exchange.records import Op
from exchange.rules.findings import Level
from tests.flow.told import block, crafted, enter, lines, registered, with_open_keys
from tests.life import Life, Sekolah, equal

NAUGHTY = Path(__file__).parents[1] / "vectors" / "outside" / "naughty" / "blns.json"
OURS = (
    "", " ", "  di depan", "di belakang  ", "a\tb", "a\r\nb", "a\nb", "a\rb", "\n", "\x00", "a\x00b", "\x01\x1f\x7f\x85", "'", '"', "''", "`",
    "caf\u00e9", "cafe\u0301", "\u200f\u202eabc\u202c", "\u2028", "\ufeff", "\ufffe", "\uffff", "\ud7ff", "\U0010ffff", "😀👨‍👩‍👧", "_x0041_", "_x000D_",
    "=1+1", "+62811", "-6,25", "@SUM(A1)", "0149999901", "1e5", "TRUE", "NULL", "#N/A", "2014-05-03", "5/3", "<b>&amp;</b>", "İıŞ", "|", "a|b",
)  # fmt: skip
"""What requirement R21 names, and what spreadsheets take for something else."""

TEXTS = list(dict.fromkeys([*OURS, *json.loads(NAUGHTY.read_text(encoding="utf-8"))]))
STREET, NAME = 80, 100
"""Characters that *alamat_jalan* and *nama* hold."""

NOW = datetime(2026, 10, 26, 8)


@pytest.fixture
def people(life: Life, school: Sekolah) -> dict[str, str]:
    """A registered pupil for each text, whom both sides have; ids to texts. Nothing is unsent."""
    with_open_keys(life)
    found = {}
    with school.node.store.db.transaction():
        for n, text in enumerate(TEXTS):
            pupil = school.pupil(f"SISWA {'ABCDEFGHIJ'[n // 100]}{'ABCDEFGHIJ'[n // 10 % 10]}{'ABCDEFGHIJ'[n % 10]}", nik=f"9901010101{n:06}")
            registered(school, pupil)
            found[pupil] = text
    school.round_trip()
    return found


def copied(school: Sekolah) -> Sekolah:
    """Return a second laptop as this one stands now."""
    life = school.life
    school.node.store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    life.schools.append(Sekolah(life, Path(shutil.copytree(school.home, life.folder / f"salinan-{len(life.schools)}"))))
    with_open_keys(life)
    return life.schools[-1]


def typed(school: Sekolah, column: str, texts: dict[str, str]) -> None:
    """Type texts into a column, as any program does."""
    with school.node.store.db.transaction():
        for row, text in texts.items():
            school.edit("peserta_didik", row, **{column: text})


def stands(side: Life | Sekolah, column: str, texts: dict[str, str]) -> dict[str, object]:
    """Return what stands in a column of these pupils."""
    db = side.server.store.db if isinstance(side, Life) else side.node.store.db
    found = dict(db.execute(f"SELECT peserta_didik_id, {column} FROM peserta_didik").fetchall())
    return {row: found.get(row) for row in texts}


def refused_here(school: Sekolah) -> dict[str, set[str]]:
    """Return the pupils whom validasi lokal keeps from going out, with the codes."""
    found: dict[str, set[str]] = {}
    for one in findings(school.node.store):
        if one.level is Level.INVALID:
            found.setdefault(str(one.row), set()).add(one.code)
    return found


def place(school: Sekolah) -> School:
    """Return the school as lists speak of it."""
    return School(school.scope, school.npsn, "SD CONTOH", "20261", 2026)


def take(school: Sekolah, book: Path, *, partial: bool = False) -> ImportReport:
    """Import a *Daftar Peserta Didik*."""
    return import_daftar_pd(school.node.store.db, place(school), book, partial=partial, clock=lambda: NOW)


def write(school: Sekolah, book: Path) -> Path:
    """Download *Daftar Peserta Didik*."""
    write_daftar_pd(school.node.store.db, place(school), book, NOW.date(), "operator")
    return book


def test_every_text_arrives_as_it_was_typed_and_its_download_changes_nothing(life: Life, school: Sekolah, people: dict[str, str], tmp_path: Path) -> None:
    """R21: sqlite, export, merge, return, a second laptop's store, Excel and back: every byte of every text."""
    texts = {row: text for row, text in people.items() if len(text) <= STREET}
    assert len(texts) > 500
    twin = copied(school)
    typed(school, "alamat_jalan", texts)
    result = life.ingest(school.export().file).files[0]
    assert (result.status, result.counts.applied) == ("applied", len(texts))
    assert stands(life, "alamat_jalan", texts) == texts
    school.apply(life.answer(school).file)
    assert stands(school, "alamat_jalan", texts) == texts
    life.ingest(twin.export().file)
    twin.apply(life.answer(twin).file)
    assert stands(twin, "alamat_jalan", texts) == texts
    report = take(twin, write(twin, tmp_path / "daftar.xlsx"))
    assert (report.problems, report.tables["peserta_didik"].updated) == ([], 0)
    assert stands(twin, "alamat_jalan", texts) == texts
    assert equal(school)
    assert twin.export().changes == {}


def carries_in_a_cell(text: str) -> bool:
    """Whether a text stands in a cell as it is: no space at its ends, and none of the two characters that Excel lacks."""
    return text == text.strip() != "" and not {"\ufffe", "\uffff"} & set(text)


def test_a_text_of_a_download_is_taken_whole_by_a_store_without_it_or_refused_by_its_cell(
    life: Life, school: Sekolah, people: dict[str, str], tmp_path: Path
) -> None:
    """R21: the list goes to a laptop whose pupils have no street: the same text, or a problem that names row and code."""
    texts = {row: text for row, text in people.items() if len(text) <= STREET and carries_in_a_cell(text)}
    assert len(texts) > 450
    bare = copied(school)
    typed(school, "alamat_jalan", texts)
    book = write(school, tmp_path / "daftar.xlsx")
    niks = dict(school.sql("SELECT nik, peserta_didik_id FROM peserta_didik"))  # type: ignore[arg-type]
    lines = {number: niks.get(row[7]) for number, row in enumerate(read_sheet(book), 1)}
    report = take(bare, book, partial=True)
    named = {lines[problem.row]: problem.code for problem in report.problems}
    assert set(named.values()) <= errors.REGISTRY.keys()
    found = stands(bare, "alamat_jalan", texts)
    assert {row: found[row] for row in texts if row not in named} == {row: text for row, text in texts.items() if row not in named}
    assert {texts[str(row)] for row in named} == {"#N/A"}, "what Excel shows for a formula that fails is nobody's street"
    assert [found[str(row)] for row in named] == [None]


def test_every_text_as_a_name_goes_out_as_it_is_or_is_refused_here_with_a_code(
    life: Life, school: Sekolah, people: dict[str, str], tmp_path: Path
) -> None:
    """R21: validasi lokal names the rows and keeps them; every other name arrives to the letter."""
    twin = copied(school)
    typed(school, "nama", people)
    bad = refused_here(school)
    assert {row for row, text in people.items() if len(text) > NAME or any(unicodedata.category(c) == "Cc" for c in text)} <= bad.keys()
    with pytest.raises(errors.DataInvalid):
        school.export()
    assert stands(school, "nama", people) == people, "refused is not lost: the text stands where it was typed"
    good = {row: text for row, text in people.items() if row not in bad}
    assert len(good) > 500
    typed(school, "nama", dict.fromkeys(bad, "SISWA DIPERBAIKI"))
    result = life.ingest(school.export().file).files[0]
    assert (result.status, result.counts.refused, result.counts.conflict) == ("applied", 0, 0)
    assert stands(life, "nama", good) == good
    life.ingest(twin.export().file)
    twin.apply(life.answer(twin).file)
    assert stands(twin, "nama", good) == good
    report = take(twin, write(twin, tmp_path / "daftar.xlsx"))
    assert (report.problems, report.tables["peserta_didik"].updated) == ([], 0)
    assert stands(twin, "nama", good) == good
    assert equal(school)


def test_a_text_that_is_too_long_is_refused_here_and_at_the_server_and_kept_whole(life: Life, school: Sekolah, people: dict[str, str]) -> None:
    """R21: named by its code before the export; sent by a program that does not look, its outcome holds every character."""
    long = {row: text for row, text in people.items() if len(text) > STREET}
    assert long
    typed(school, "alamat_jalan", long)
    assert {row: "KF-515" in refused_here(school).get(row, set()) for row in long} == dict.fromkeys(long, True)
    with pytest.raises(errors.DataInvalid):
        school.export()
    assert stands(school, "alamat_jalan", long) == long
    typed(school, "alamat_jalan", dict.fromkeys(long, "Jalan pendek"))
    names = [column.name for column in school.node.store.schema.by_name["peserta_didik"].group_of["alamat_jalan"].columns]
    rows = [(row, *(text if name == "alamat_jalan" else None for name in names)) for row, text in long.items()]
    crafted(school, block("peserta_didik", Op.UPDATE, names, *rows))
    assert life.ingest(school.export().file).files[0].counts.refused == len(long)
    told = {line.row: dict(zip(line.columns, line.sent, strict=True))["alamat_jalan"] for line in lines(school) if line.code == 515}
    assert told == long
    school.apply(life.answer(school).file)
    assert set(stands(life, "alamat_jalan", long).values()) == set(stands(school, "alamat_jalan", long).values())
    assert {json.loads(bytes(kept))["alamat_jalan"] for (kept,) in school.node.store.db.execute("SELECT bytes FROM kirim_open")} == set(long.values())


def test_every_text_of_any_length_arrives_in_a_column_without_a_limit(life: Life, school: Sekolah, people: dict[str, str]) -> None:
    """R21: *batas* of a plot; one row a text, and one with all of them."""
    texts = {f"99000000-0000-4000-8000-{n:012}": text for n, text in enumerate([*TEXTS, "\r\n".join(TEXTS)])}
    twin = copied(school)
    with school.node.store.db.transaction():
        for row, text in texts.items():
            enter(school, "tanah", row, {"id_tanah": row, "sekolah_id": school.scope, "nama": "T", "jenis_prasarana_id": 1, "batas": text})
    assert life.ingest(school.export().file).files[0].counts.applied == len(texts)
    life.ingest(twin.export().file)
    twin.apply(life.answer(twin).file)
    for db in (life.server.store.db, twin.node.store.db):
        assert dict(db.execute("SELECT id_tanah, batas FROM tanah").fetchall()) == texts
    assert equal(school)


VALUES = [
    ("tanah", "panjang", [0.1, 5e-324, 1.7976931348623157e308, 3.0, 2**53 + 0.0]),
    ("tanah", "nup", [0, -1, 9_999_999_999, -9_999_999_999]),
    ("tanah", "tgl_mutasi_keluar", ["0001-01-01", "1582-10-10", "1900-02-28", "9999-12-31"]),
    ("tanah", "batas", [None, "", " ", "NULL"]),
]
"""Values that a column of their type must hold, some of which other programs change on the way."""


@pytest.mark.parametrize(("table", "column", "values"), VALUES, ids=[column for _, column, _ in VALUES])
def test_every_value_of_its_type_arrives_with_its_type(life: Life, school: Sekolah, table: str, column: str, values: list[object]) -> None:
    """R21: numbers of any size, dates from year 1 to 9999, and nothing at all, which is not an empty text."""
    with_open_keys(life)
    school.round_trip()
    twin = copied(school)
    rows = {f"99000000-0000-4000-8000-{n:012}": value for n, value in enumerate(values)}
    for row, value in rows.items():
        enter(school, table, row, {"id_tanah": row, "sekolah_id": school.scope, "nama": "T", "jenis_prasarana_id": 1, column: value})
    assert life.ingest(school.export().file).files[0].counts.applied == len(rows)
    life.ingest(twin.export().file)
    twin.apply(life.answer(twin).file)
    for db in (life.server.store.db, twin.node.store.db):
        found = dict(db.execute(f"SELECT id_tanah, {column} FROM {table}").fetchall())
        assert {row: repr(value) for row, value in found.items()} == {row: repr(value) for row, value in rows.items()}
    assert equal(school)
