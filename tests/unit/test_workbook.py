"""Workbooks and text files that somebody brings: read as they are, or refused by a code of ours."""

import csv
import io
import os
import random
import re
import zipfile
from datetime import date, datetime
from functools import partial
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter

from exchange import errors
from exchange.interop import workbook
from exchange.interop.cells import cell_text
from exchange.interop.workbook import NOT_CALCULATED, read_sheet, stream_rows


def written(path: Path, *rows: list[object], **options: object) -> Path:
    book = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, **options})
    sheet = book.add_worksheet()
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for at, row in enumerate(rows):
        for column, cell in enumerate(row):
            if isinstance(cell, date):
                sheet.write_datetime(at, column, cell, day)
            elif isinstance(cell, str):
                sheet.write_string(at, column, cell)
            elif cell is not None:
                sheet.write(at, column, cell)
    book.close()
    return path


def edited(path: Path, name: str, change) -> Path:
    """Change one member of a workbook, and make the ZIP whole again around it."""
    with zipfile.ZipFile(path) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, change(content) if member == name else content)
    return path


SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"


def test_cells_keep_their_row_and_column(tmp_path):
    """A sheet that begins with empty rows and columns is read from A1 on, so that a problem names the right cell."""
    rows = read_sheet(written(tmp_path / "a.xlsx", [], [None, None, "C2"], [None, 3]))
    assert rows == [[None, None, None], [None, None, "C2"], [None, 3, None]]


def test_cells_come_as_text_numbers_and_dates(tmp_path):
    path = written(tmp_path / "a.xlsx", ["0149999901", 3201.0, -6.25, date(2014, 5, 3), datetime(2014, 5, 3, 7, 30), True])
    assert read_sheet(path) == [["0149999901", 3201, -6.25, date(2014, 5, 3), datetime(2014, 5, 3, 7, 30), "TRUE"]]
    assert [cell_text(cell) for cell in read_sheet(path)[0][1:4]] == ["3201", "-6,25", "2014-05-03"]


@pytest.mark.parametrize("memory", [True, False])
def test_text_comes_back_as_it_was_typed(tmp_path, memory):
    """Whatever an xlsx can hold comes back to the letter, whichever way strings are stored."""
    texts = ["a\tb", "a\nb", "a\r\nb", "a\rb", "  lead ", "_x0041_", "\x00nul", "\x01\x1f", "\u00e9", "e\u0301", "\u200f", "😀", "=1+1",
             "x\u2028y", "<b>&amp;", "\x7f\x85", " ", "\u00a0", "'0149", "+62", "@SUM(A1)", "-6,25", "1e5", "TRUE"]  # fmt: skip
    path = written(tmp_path / "a.xlsx", *[[text] for text in texts], constant_memory=memory)
    assert [row[0] for row in read_sheet(path)] == texts


def test_a_cell_that_shows_an_error_is_told(tmp_path):
    """An error is not an empty cell: an empty one would change nothing and pass without a word."""
    book = xlsxwriter.Workbook(str(tmp_path / "a.xlsx"))
    book.add_worksheet().write_formula(0, 0, "=1/0", None, "#DIV/0!")
    book.close()
    assert read_sheet(tmp_path / "a.xlsx") == [["#DIV/0!"]]


def test_a_formula_without_a_value_is_told_and_one_with_an_empty_value_is_empty(tmp_path):
    """Programs that do not calculate save formulas alone. Nobody takes them for empty cells, and none of them for a text."""
    book = openpyxl.Workbook()
    book.active.append(["Nama", '=UPPER("nama")', "=1+1", '=IF(1<2,"a","b")', 3])
    book.save(tmp_path / "a.xlsx")
    told = ["Nama", NOT_CALCULATED, NOT_CALCULATED, NOT_CALCULATED, 3]
    assert read_sheet(tmp_path / "a.xlsx") == [told]
    for cell, seen in (
        (b'<c r="B1" s="0"><f>A1</f></c>', NOT_CALCULATED),
        (b'<c r="B1" t="n"><f t="shared" si="0"/><v></v></c>', NOT_CALCULATED),
        (b'<c r="B1" t="str"><f>IF(A1="","","x")</f><v></v></c>', None),
        (b'<c r="B1" t="str"><f>A1</f><v>teks</v></c>', "teks"),
        (b'<c r="B1"><f>A1</f><v>7</v></c>', 7),
    ):
        path = edited(written(tmp_path / "b.xlsx", ["a", "b", "c"]), SHEET, partial(re.sub, rb'<c r="B1".*?</c>', cell))
        assert read_sheet(path) == [["a", seen, "c"]]


def test_a_formula_that_a_stranger_wrote_costs_no_more_than_its_length(tmp_path):
    """A run of a million spaces where the value belongs is looked through once, not once for each of them."""
    cell = b'<c r="A2"><f>A1</f></c><c r="B1"><f>A1</f>' + b" " * 1_000_000 + b"<v>7</v></c>"
    path = edited(written(tmp_path / "a.xlsx", ["a", "b"]), SHEET, partial(re.sub, rb'<c r="B1".*?</c>', cell))
    assert read_sheet(path)[0] == ["a", 7]


def test_a_formula_without_a_value_is_told_beside_one_that_fails(tmp_path):
    book = xlsxwriter.Workbook(str(tmp_path / "a.xlsx"))
    sheet = book.add_worksheet()
    sheet.write_formula(0, 0, "=1/0", None, "#DIV/0!")
    sheet.write_formula(0, 1, "=A1", None, "")
    book.close()
    assert read_sheet(tmp_path / "a.xlsx") == [["#DIV/0!", NOT_CALCULATED]]


def test_the_first_visible_sheet_is_read(tmp_path):
    book = openpyxl.Workbook()
    book.active["A1"] = "hidden"
    book.create_sheet("Daftar")["A1"] = "seen"
    book.active.sheet_state = "hidden"
    book.active = 1
    book.save(tmp_path / "a.xlsx")
    assert read_sheet(tmp_path / "a.xlsx") == [["seen"]]


@pytest.mark.parametrize(
    ("member", "change"),
    [
        (STRINGS, lambda text: text.replace(b"SATU", b"SATU & DUA")),
        (STRINGS, lambda text: text.replace(b"SATU", b"SA\x0bTU")),
        ("xl/styles.xml", lambda text: text[:200]),
        ("[Content_Types].xml", lambda text: text[:200]),
        ("_rels/.rels", lambda text: b""),
        ("xl/theme/theme1.xml", lambda text: b"<"),
        (SHEET, lambda text: re.sub(b"<dimension[^>]*>", b'<dimension ref="A1:ZZ9"/>', text)),
    ],
)
def test_what_excel_would_repair_is_read(tmp_path, member, change):
    """The application's own downloads often open only after Excel's repair prompt."""
    path = edited(written(tmp_path / "a.xlsx", ["SISWA", "SATU"], ["NISN", "0149999901"]), member, change)
    rows = read_sheet(path)
    assert [row[0] for row in rows] == ["SISWA", "NISN"]
    assert rows[1][1] == "0149999901"


def test_a_sheet_that_ends_early_is_refused(tmp_path):
    """Half a list is never read as a whole one."""
    rows = [[f"SISWA {number}"] for number in range(50)]
    for part in (0.1, 0.5, 0.9):
        path = edited(written(tmp_path / "a.xlsx", *rows), SHEET, lambda text, part=part: text[: int(len(text) * part)])
        with pytest.raises(errors.WorkbookUnreadable) as caught:
            read_sheet(path)
        assert caught.value.code == "KF-211"


@pytest.mark.parametrize(
    "content",
    [b"PK\3\4", b"PK\3\4" + bytes(500), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
     b"\x89PNG\r\n\x1a\n\x00\x00", bytes(64), b"\xff\xfe\x00", b"a\x81\x8d\xff"],
)  # fmt: skip
def test_what_is_no_list_is_refused(tmp_path, content):
    """A cut workbook, a protected or old one, a photograph, zeros: KF-211, never another exception."""
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    with pytest.raises(errors.WorkbookUnreadable):
        read_sheet(path)


def test_an_empty_file_has_no_rows(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"")
    assert read_sheet(tmp_path / "a.csv") == []
    assert read_sheet(written(tmp_path / "a.xlsx")) == []


@pytest.mark.parametrize("name", ["nothing.xlsx", "."])
def test_a_missing_file_is_said_to_be_missing(tmp_path, name):
    for read in (read_sheet, lambda path: list(stream_rows(path))):
        with pytest.raises(errors.FileUnreadable):
            read(tmp_path / name)


def test_a_pipe_or_device_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipa.xlsx")
    for path in (tmp_path / "pipa.xlsx", Path(os.devnull)):
        for read in (read_sheet, lambda path: list(stream_rows(path))):
            with pytest.raises(errors.FileUnreadable):
                read(path)


def test_a_bomb_is_stopped_before_it_is_unpacked(tmp_path):
    """A megabyte that unpacks to a gigabyte costs neither the time nor the memory of a gigabyte."""
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive, archive.open(STRINGS, "w") as member:
        for _ in range(300):
            member.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(errors.TooLarge) as caught:
        read_sheet(path)
    assert caught.value.code == "KF-207"


@pytest.mark.parametrize("place", ["XFD1048576", "A1048576", "XFD12345", "A200001"])
def test_two_far_cells_do_not_make_a_huge_rectangle(tmp_path, place):
    """A reader allots the whole rectangle that a sheet spans, so where its cells stand is looked at first."""
    row = re.sub("[A-Z]", "", place)
    far = f'<row r="{row}"><c r="{place}" t="str"><v>x</v></c></row></sheetData>'.encode()
    path = edited(written(tmp_path / "a.xlsx", ["x"]), SHEET, lambda text: text.replace(b"</sheetData>", far))
    with pytest.raises(errors.TooLarge):
        read_sheet(path)


def test_more_rows_than_the_limit_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(workbook, "WORKBOOK_ROWS_MAX", 10)
    rows = [[str(number)] for number in range(11)]
    (tmp_path / "a.csv").write_text("\n".join(row[0] for row in rows))
    for path in (written(tmp_path / "a.xlsx", *rows), tmp_path / "a.csv"):
        with pytest.raises(errors.TooLarge):
            read_sheet(path)
    (tmp_path / "a.csv").write_text("\n".join(row[0] for row in rows[:10]))
    for path in (written(tmp_path / "a.xlsx", *rows[:10]), tmp_path / "a.csv"):
        assert len(read_sheet(path)) == 10


def test_more_bytes_than_the_limit_are_refused(tmp_path, monkeypatch):
    path = written(tmp_path / "a.xlsx", ["x"])
    text = tmp_path / "a.csv"
    text.write_bytes(b"x" * path.stat().st_size)
    monkeypatch.setattr(workbook, "WORKBOOK_BYTES_MAX", path.stat().st_size)
    assert read_sheet(path) == [["x"]]
    read_sheet(text)
    monkeypatch.setattr(workbook, "WORKBOOK_BYTES_MAX", path.stat().st_size - 1)
    for file in (path, text):
        with pytest.raises(errors.TooLarge):
            read_sheet(file)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_text_file_is_read_however_it_was_saved(tmp_path, separator, codec):
    """Excel saves CSV with the separator of the computer's language, and in three encodings."""
    rows = [["npsn", "name", "keterangan"], ["00000101", "SD CONTOH É", 'kata "kutip", koma; titik\tdan\nbaris']]
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows(rows)
    (tmp_path / "a.csv").write_bytes(text.getvalue().encode(codec))
    assert read_sheet(tmp_path / "a.csv") == rows
    assert list(stream_rows(tmp_path / "a.csv")) == rows


def test_a_text_file_that_breaks_in_the_middle_is_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"npsn,name\n" * 200_000 + b"\0")
    for read in (read_sheet, lambda path: list(stream_rows(path))):
        with pytest.raises(errors.WorkbookUnreadable):
            read(tmp_path / "a.csv")


def test_a_field_without_end_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text('a,"' + "x" * 200_000)
    with pytest.raises(errors.WorkbookUnreadable):
        read_sheet(tmp_path / "a.csv")


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Damage a workbook: in its frame, or within a member whose ZIP is whole again afterwards."""
    if chance.random() < 0.3:
        raw = bytearray(data)
        for _ in range(chance.randrange(1, 6)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        return bytes(raw[: chance.randrange(len(raw))]) if chance.random() < 0.3 else bytes(raw)
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        victim = chance.choice(old.namelist())
        for name in old.namelist():
            content = bytearray(old.read(name))
            at = chance.randrange(len(content) + 1)
            if name == victim:
                kind = chance.randrange(4)
                if kind == 0 and content:
                    for _ in range(chance.randrange(1, 8)):
                        content[chance.randrange(len(content))] = chance.randrange(256)
                elif kind == 1:
                    del content[at:]
                elif kind == 2:
                    del content[at : at + chance.randrange(1, 40)]
                else:
                    content[at:at] = content[at : at + chance.randrange(1, 60)] * 3
                if chance.random() < 0.1:
                    continue
            new.writestr(name, bytes(content))
    return buffer.getvalue()


@pytest.mark.parametrize("seed", range(4))
def test_only_our_own_exceptions_leave_the_reader(tmp_path, seed):
    """Workbooks by two programs, damaged in a thousand ways: rows or a code of ours, nothing else."""
    chance = random.Random(seed)
    rows = [["SISWA", 1, 1.5, date(2014, 5, 3), True, None, "=1+1"]] * 12
    first = written(tmp_path / "a.xlsx", *rows).read_bytes()
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(tmp_path / "b.xlsx")
    second = (tmp_path / "b.xlsx").read_bytes()
    path, refused = tmp_path / "c.xlsx", 0
    for _ in range(250):
        path.write_bytes(mutated(chance.choice([first, second]), chance))
        try:
            read_sheet(path)
        except (errors.TooLarge, errors.WorkbookUnreadable):
            refused += 1
    assert refused > 50
