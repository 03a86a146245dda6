"""The lists that operators know, written from the store in the very layout of Dapodik's own downloads.

So an operator checks a KIP number the way he always did, and an import of what was written changes nothing.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exchange import spool
from exchange.interop.codes import KECAMATAN_LEVEL, Codes, Regions, bare
from exchange.interop.layout import DAFTAR_PD, DAFTAR_PTK, Field, Layout
from exchange.interop.report import School
from exchange.interop.rombel import CLASS_KINDS
from exchange.interop.tongue import Tongue

if TYPE_CHECKING:
    from exchange.store.database import Database

TEACHERS = (3, 4, 5, 6, 12, 13, 14, 20)
"""``jenis_ptk_id`` of the guru list: those that pusat counts as teachers, and the head, who stands there on Dapodik's
screens too; all others are tendik."""

TITLE_PD = "Daftar Peserta Didik"
TITLE_PTK = "Daftar Pendidik dan Tenaga Kependidikan"
HEADER_ROW = 4
"""Row of the header, from 0, in all three lists."""

Found = Mapping[tuple[str, str], object]
"""Values of one row of a list, by table and column."""

_MARKS = {
    table: f"({', '.join(map(str, ids))})" for table, ids in (("jenis_ptk", TEACHERS), ("jenis_rombel", CLASS_KINDS))
}
_PUPILS = f"""
    FROM peserta_didik p
    JOIN registrasi_peserta_didik r ON r.registrasi_id = (
        SELECT s.registrasi_id FROM registrasi_peserta_didik s
        WHERE s.peserta_didik_id = p.peserta_didik_id AND s.sekolah_id = ? AND s.soft_delete IS NOT 1
            AND s.jenis_keluar_id IS NULL
        ORDER BY COALESCE(s.tanggal_masuk_sekolah, '') DESC, s.rowid DESC LIMIT 1)
    LEFT JOIN peserta_didik_longitudinal l
        ON l.peserta_didik_id = p.peserta_didik_id AND l.semester_id = ? AND l.soft_delete IS NOT 1
    LEFT JOIN rombongan_belajar k ON k.rombongan_belajar_id = (
        SELECT a.rombongan_belajar_id FROM anggota_rombel a
        JOIN rombongan_belajar q ON q.rombongan_belajar_id = a.rombongan_belajar_id
        WHERE a.peserta_didik_id = p.peserta_didik_id AND a.soft_delete IS NOT 1 AND q.soft_delete IS NOT 1
            AND q.sekolah_id = ? AND q.semester_id = ?
            AND (q.jenis_rombel IS NULL OR q.jenis_rombel IN {_MARKS["jenis_rombel"]})
        ORDER BY a.anggota_rombel_id LIMIT 1)
    WHERE p.soft_delete IS NOT 1 ORDER BY p.nama, p.tanggal_lahir, p.peserta_didik_id"""
_STAFF = """
    FROM ptk p WHERE p.soft_delete IS NOT 1 AND {kind} AND (
        EXISTS (SELECT 1 FROM ptk_terdaftar t WHERE t.ptk_id = p.ptk_id AND t.soft_delete IS NOT 1
            AND t.sekolah_id = ? AND t.tahun_ajaran_id = ? AND t.jenis_keluar_id IS NULL)
        OR NOT EXISTS (SELECT 1 FROM ptk_terdaftar t WHERE t.ptk_id = p.ptk_id AND t.soft_delete IS NOT 1))
    ORDER BY p.nama, p.tanggal_lahir, p.ptk_id"""


def write_daftar_pd(db: Database, school: School, path: Path, today: date, by: str) -> int:
    """Write *Daftar Peserta Didik* and return how many pupils stand in it.

    The pupils are those with an active stay at the school, in order of their names.

    Args:
        db: The school's store.
        school: Whose list, and of which semester.
        path: A new file, in a folder that is there.
        today: Day of the download, or its moment.
        by: Who asked for it.

    Raises:
        FileExists: KF-705, the file is there already.
        DiskFull, FolderUnwritable: KF-701, KF-703.

    Source:
        Layout of Dapodik's own download: 66 columns, header in rows 5 and 6, data from row 7.
    """
    aliases = {
        "peserta_didik": "p",
        "registrasi_peserta_didik": "r",
        "peserta_didik_longitudinal": "l",
        "rombongan_belajar": "k",
    }
    page = _Page(db, school, path, today, by)
    place = (school.sekolah_id, school.semester_id)
    return page.write(DAFTAR_PD, TITLE_PD, _found(db, DAFTAR_PD, aliases, _PUPILS, (*place, *place)))


def write_daftar_guru(db: Database, school: School, path: Path, today: date, by: str) -> int:
    """Write *Daftar Guru* and return how many teachers stand in it.

    Those are listed who are assigned to the school in its school year, and those whom nobody has assigned anywhere yet.
    A PTK whose kind the dinas has not said yet stands in this list and in that of the tendik, so that none is missed.
    Arguments and errors are those of :func:`write_daftar_pd`.
    """
    return _write_ptk(
        _Page(db, school, path, today, by), f"(p.jenis_ptk_id IS NULL OR p.jenis_ptk_id IN {_MARKS['jenis_ptk']})"
    )


def write_daftar_tendik(db: Database, school: School, path: Path, today: date, by: str) -> int:
    """Write *Daftar Tendik*: everybody who is no teacher. Otherwise as :func:`write_daftar_guru`."""
    kind = f"(p.jenis_ptk_id IS NULL OR p.jenis_ptk_id NOT IN {_MARKS['jenis_ptk']})"
    return _write_ptk(_Page(db, school, path, today, by), kind)


def _write_ptk(page: _Page, kind: str) -> int:
    school = page.school
    place = (school.sekolah_id, school.tahun_ajaran_id)
    found = _found(page.db, DAFTAR_PTK, {"ptk": "p"}, _STAFF.format(kind=kind), place)
    return page.write(DAFTAR_PTK, TITLE_PTK, _with_duties(page.db, school, found))


def _with_duties(db: Database, school: School, found: Iterable[Found]) -> Iterator[Found]:
    """Add the *Tugas Tambahan* that a PTK has now, in words."""
    codes = Codes(db)
    duties: dict[object, list[str]] = {}
    for ptk, duty in db.execute(
        "SELECT ptk_id, jabatan_ptk_id FROM tugas_tambahan WHERE sekolah_id = ? AND soft_delete IS NOT 1 "
        "AND tst_tambahan IS NULL ORDER BY tmt_tambahan, ptk_tugas_tambahan_id",
        (school.sekolah_id,),
    ).fetchall():
        duties.setdefault(ptk, []).append(codes.text("ref_jabatan_tugas_ptk", duty))
    for row in found:
        yield {**row, ("tugas_tambahan", "jabatan_ptk_id"): ", ".join(duties.get(row["ptk", "ptk_id"], []))}


def _found(
    db: Database, layout: Layout, aliases: Mapping[str, str], sources: str, parameters: Sequence[object]
) -> Iterator[Found]:
    """Yield the rows of a query with the columns that a layout shows, and the key of its first table."""
    first = next(iter(aliases))
    names = [(first, f"{first}_id"), *((f.table, f.column) for f in layout.fields if f.table in aliases)]
    columns = ", ".join(f"{aliases[table]}.{column}" for table, column in names)
    for row in db.execute(f"SELECT {columns} {sources}", parameters):
        yield dict(zip(names, row, strict=True))


@dataclass(frozen=True, slots=True)
class _Page:
    """One list to be written: from which store, of whom, where, when and by whom."""

    db: Database
    school: School
    path: Path
    today: date
    by: str

    def write(self, layout: Layout, title: str, found: Iterable[Found]) -> int:
        """Write the list and return how many rows stand below its header."""
        buffer = io.BytesIO()
        spool.named(self.path.parent)
        with spool.disk(self.path.parent):  # rows wait in a temporary file
            count = self._fill(buffer, layout, title, found)
        spool.put(self.path.parent, self.path.name, lambda file: file.write(buffer.getbuffer()))
        return count

    def _fill(self, buffer: io.BytesIO, layout: Layout, title: str, found: Iterable[Found]) -> int:
        import xlsxwriter

        place = self.db.execute(
            "SELECT kode_wilayah FROM sekolah WHERE sekolah_id = ?", (self.school.sekolah_id,)
        ).fetchone()
        regions = Regions(self.db, place[0] if place else None)
        # Text is never taken for a formula, a number or a link, whatever somebody typed into a name.
        plain = {f"strings_to_{what}": False for what in ("formulas", "numbers", "urls")}
        with xlsxwriter.Workbook(buffer, {"constant_memory": True} | plain) as book:  # its temporary files go with it
            sheet = book.add_worksheet("Daftar")
            for row, text in enumerate((title, self.school.nama, _where(regions, place[0] if place else None))):
                sheet.write_string(row, 0, text)
            moment = self.today
            day = moment.isoformat(" ", "seconds") if isinstance(moment, datetime) else moment.isoformat()
            sheet.write_string(3, 0, f"Tanggal Unduh: {day}")
            sheet.write_string(3, 2, f"Pengunduh: {self.by}")
            style = book.add_format({"bold": True, "border": 1, "align": "center", "valign": "vcenter", "text_wrap": True})
            _write_header(sheet, style, layout)
            count = _write_rows(sheet, layout, found, Tongue(Codes(self.db), regions, self.today))
        return count


def _write_rows(sheet: Any, layout: Layout, found: Iterable[Found], tongue: Tongue) -> int:
    first = HEADER_ROW + layout.header_rows
    sheet.freeze_panes(first, 2)
    count = 0
    for count, row in enumerate(found, 1):
        at = first + count - 1
        sheet.write_number(at, 0, count)
        for field in layout.fields[1:]:
            stored = row[field.table, field.column]
            value = stored if field.how == "show" else tongue.show(field, stored)
            if isinstance(value, int):
                sheet.write_number(at, field.index, value)
            elif value:
                sheet.write_string(at, field.index, value)
    return count


def _write_header(sheet: Any, style: Any, layout: Layout) -> None:
    """Write the header: one row, or two with parent groups over six columns each and all other headers merged down."""
    if layout.header_rows == 1:
        for field in layout.fields:
            sheet.write_string(HEADER_ROW, field.index, field.header, style)
        return
    groups: dict[str, list[Field]] = {}
    for field in layout.fields:
        groups.setdefault(field.group, []).append(field)
    for field in layout.fields:
        begins = groups[field.group][0] is field
        text = (field.group if begins else "") if field.group else field.header
        sheet.write_string(HEADER_ROW, field.index, text, style)
    for field in layout.fields:
        sheet.write_string(HEADER_ROW + 1, field.index, field.header if field.group else "", style)
    # In constant memory a row is gone once the next is begun: the cells stand, and an empty merge adds only the span.
    for name, fields in groups.items():
        if name:
            sheet.merge_range(HEADER_ROW, fields[0].index, HEADER_ROW, fields[-1].index, "")
        else:
            for field in fields:
                sheet.merge_range(HEADER_ROW, field.index, HEADER_ROW + 1, field.index, "")


def _where(regions: Regions, code: object) -> str:
    """Return where a school lies, as the downloads say it."""
    parts = []
    for level, word in ((KECAMATAN_LEVEL, "Kecamatan"), (2, "Kabupaten"), (1, "Provinsi")):
        name = regions.name(code, level)
        if name:
            parts.append(f"{word} {f'Kec. {bare(name)}' if level == KECAMATAN_LEVEL else name}")
    return ", ".join(parts)


LISTS = {"daftar-pd": write_daftar_pd, "daftar-guru": write_daftar_guru, "daftar-tendik": write_daftar_tendik}
"""Lists that can be written, to what writes each."""
