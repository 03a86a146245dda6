"""The lists of offices: KIP numbers of an SK, changes, schools, reference rows; CSV or Excel.

The header stands in one of the first 30 rows; case, spaces and punctuation of its names do not count, and columns that
are not needed are passed over. A list that is not understood is refused whole, with its row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from exchange import errors
from exchange.errors import Reason
from exchange.interop.cells import EXACT_BELOW, cell_text, fold, read_value
from exchange.interop.recognising import as_package, header_of
from exchange.interop.workbook import Cell, stream_rows
from exchange.schema import SCHEMA
from exchange.schema.model import Column, Kind, Table

HEADER_ROWS_MAX = 30
TEXT_MAX = 255
"""Characters of one cell of a KIP or school list. The longest column behind them has 100."""

_YES = {"1", "ya", "y", "yes", "true", "x", "v"}
_NO = {"", "0", "tidak", "t", "no", "n", "false"}


@dataclass(frozen=True, slots=True)
class KipRow:
    """One row of an SK list. What is empty or has no column is ``None``.

    Attributes:
        peserta_didik_id: Lower case.
        nisn, nik: As they stand there.
        no_kip: The number as it stands there.
        nama_kartu: Name on the card.
        nomor_sk, tanggal_sk: The decree.
        nama: The pupil's name, for people.
        line: Row in the file, from 1.
    """

    peserta_didik_id: str | None
    nisn: str | None
    nik: str | None
    no_kip: str | None
    nama_kartu: str | None
    nomor_sk: str | None
    tanggal_sk: str | None
    nama: str | None
    line: int


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One value that verval, the dinas or the centre sets.

    Attributes:
        table: SQL name of the table.
        id: The row's id, several keys parted by ``|``.
        column: Name of the column.
        value: Text, or ``None`` to empty it.
        verified: Whether its group is locked from now on.
        line: Row in the file, from 1.
        new: Whether the list says that a person is meant whom nobody knows yet.
    """

    table: str
    id: str
    column: str
    value: str | None
    verified: bool
    line: int
    new: bool = False


@dataclass(frozen=True, slots=True)
class SchoolRow:
    """A school to be registered.

    Attributes:
        npsn: Its NPSN, upper case.
        name: Its name.
        bentuk: Its kind, such as ``SD``.
        head: Name of its head, or empty.
        line: Row in the file, from 1; 0 for a school that stands in none.
        others: Further columns under the names of their header, for options to come.
        wilayah: ``kode_wilayah`` of its kecamatan, or empty.
    """

    npsn: str
    name: str
    bentuk: str
    head: str = ""
    line: int = 0
    others: Mapping[str, str] = field(default_factory=dict)
    wilayah: str = ""


@dataclass(frozen=True, slots=True)
class CodeRow:
    """A code that is asked for: whose, for a laptop (*perangkat*) or the head (*kepala*), and its row in the file."""

    npsn: str
    purpose: str
    line: int


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """A decision about one key of a school.

    Attributes:
        npsn: Whose key.
        key: Its id or fingerprint.
        decision: ``accept``, ``reject`` or ``revoke``.
        after: Number of the last changeset that counts, to revoke.
        value: First bytes of the chain value there, for a number beyond what has come.
        line: Row in the file, from 1.
    """

    npsn: str
    key: str
    decision: str
    after: int | None
    value: bytes
    line: int


_KIP = {
    "peserta_didik_id": ("peserta_didik_id", "pdid", "id_peserta_didik", "id_pd"),
    "nisn": ("nisn",),
    "nik": ("nik",),
    "no_kip": ("no_kip", "nomor_kip"),
    "nama_kartu": ("nama_kartu", "nama_di_kartu", "nm_kip", "nama_di_kip"),
    "nomor_sk": ("nomor_sk", "no_sk", "nomor_sk_nominasi"),
    "tanggal_sk": ("tanggal_sk", "tgl_sk", "tanggal_sk_nominasi"),
    "nama": ("nama_pd", "nama", "nama_peserta_didik", "nama_siswa"),
}
_CHANGE = {
    "table": ("table", "tabel"),
    "id": ("id",),
    "column": ("column", "kolom"),
    "value": ("value", "nilai"),
    "verified": ("verified", "terverifikasi", "verval"),
    "new": ("baru", "new"),
}
_SCHOOL = {
    "npsn": ("npsn",),
    "name": ("name", "nama", "nama_sekolah"),
    "bentuk": ("bentuk", "bentuk_pendidikan"),
    "head": ("head", "kepala", "kepala_sekolah"),
    "wilayah": ("wilayah", "kode_wilayah"),
}
_CODE = {"npsn": ("npsn",), "purpose": ("purpose", "untuk")}
_COPY = {"npsn": ("npsn",), "mark": ("mark", "tanda")}
_DECISION = {
    "npsn": ("npsn",),
    "key": ("key", "kunci", "sidik"),
    "decision": ("decision", "keputusan"),
    "after": ("after", "sampai"),
    "value": ("value", "tanda"),
}
"""Columns by the names that headers use for them, the first one first."""


def read_kip_list(path: Path) -> list[KipRow]:
    """Return the rows of an SK list, in the file's order.

    Both layouts of SIPINTAR and a plain list of ``peserta_didik_id`` and ``no_kip`` are understood. Rows without a
    number are kept: what becomes of them is not decided here.

    Raises:
        FileUnreadable, TooLarge, WorkbookUnreadable: KF-702, KF-207, KF-211.
        ColumnsMissing: KF-215, no column with KIP numbers, or none that says whose.
        InputRowBad: KF-109, a cell that is no number, id or name, or a row that says of nobody.

    Source:
        Column names of SIPINTAR exports, ``domain`` 6.4.
    """
    rows = []
    for line in _read(path, _KIP, needed=(("no_kip",), ("peserta_didik_id", "nisn", "nik"))):
        row = KipRow(
            peserta_didik_id=line.uuid("peserta_didik_id"),
            nisn=line.digits("nisn", 10),
            nik=line.digits("nik", 16),
            no_kip=line.text("no_kip") or None,
            nama_kartu=line.text("nama_kartu") or None,
            nomor_sk=line.text("nomor_sk") or None,
            tanggal_sk=line.text("tanggal_sk") or None,
            nama=line.text("nama") or None,
            line=line.number,
        )
        if not (row.peserta_didik_id or row.nisn or row.nik):
            raise line.bad("nik" if line.text("nik") else "peserta_didik_id")
        rows.append(row)
    return rows


def read_changes(path: Path) -> list[ChangeRow]:
    """Return the changes of a list, in the file's order.

    Columns ``table``, ``id``, ``column``, ``value`` and, if wanted, ``verified`` and ``baru`` (1 or Ya). An empty value
    empties the column.

    Raises:
        FileUnreadable, TooLarge, WorkbookUnreadable: KF-702, KF-207, KF-211.
        ColumnsMissing: KF-215, one of the four columns is missing.
        InputRowBad: KF-109, a row without table, id or column, or a mark that is neither yes nor no.
    """
    rows = []
    for line in _read(path, _CHANGE, needed=(("table",), ("id",), ("column",), ("value",))):
        table, column = line.must("table").lower(), line.must("column").lower()
        verified, new = line.marked("verified"), line.marked("new")
        rows.append(ChangeRow(table, line.must("id"), column, line.value("value"), verified, line.number, new))
    return rows


def read_schools(path: Path) -> list[SchoolRow]:
    """Return the schools of a list, in the file's order.

    Columns ``npsn``, ``name``, ``bentuk`` and, if wanted, ``head`` and ``wilayah``: the options of ``kirim server school add``.

    Raises:
        FileUnreadable, TooLarge, WorkbookUnreadable: KF-702, KF-207, KF-211.
        ColumnsMissing: KF-215, one of the three columns is missing.
        InputRowBad: KF-109, an empty cell in one of them, or an NPSN that stands there twice.
    """
    rows: dict[str, SchoolRow] = {}
    for line in _read(path, _SCHOOL, needed=(("npsn",), ("name",), ("bentuk",))):
        npsn = (line.digits("npsn", 8) or line.must("npsn")).upper()
        if npsn in rows:
            raise line.bad("npsn")
        rows[npsn] = SchoolRow(
            npsn, line.must("name"), line.must("bentuk"), line.text("head"), line.number, line.others(), line.text("wilayah")
        )
    return list(rows.values())


def read_codes(path: Path) -> list[CodeRow]:
    """Return the codes that a list asks for: columns ``npsn`` and, if wanted, ``purpose``.

    Raises:
        FileUnreadable, TooLarge, WorkbookUnreadable, ColumnsMissing: KF-702, KF-207, KF-211, KF-215.
        InputRowBad: KF-109, another purpose than *perangkat* and *kepala*.
    """
    rows = []
    for line in _read(path, _CODE, needed=(("npsn",),)):
        purpose = fold(line.text("purpose")) or "perangkat"
        if purpose not in ("perangkat", "kepala"):
            raise line.bad("purpose")
        rows.append(CodeRow((line.digits("npsn", 8) or line.must("npsn")).upper(), purpose, line.number))
    return rows


def read_copies(path: Path) -> dict[str, str]:
    """Return the copies that an office says it has: columns ``npsn`` and ``mark``, the log's value where each was made.

    Raises:
        FileUnreadable, TooLarge, WorkbookUnreadable, ColumnsMissing: KF-702, KF-207, KF-211, KF-215.
    """
    lines = _read(path, _COPY, needed=(("npsn",), ("mark",)))
    return {(line.digits("npsn", 8) or line.must("npsn")).upper(): line.text("mark").lower() for line in lines}


def read_decisions(path: Path) -> list[DecisionRow]:
    """Return the decisions about keys of a list: columns ``npsn``, ``key``, ``decision`` and, if wanted, ``after`` and ``value``.

    Raises:
        FileUnreadable, TooLarge, WorkbookUnreadable, ColumnsMissing: KF-702, KF-207, KF-211, KF-215.
        InputRowBad: KF-109, no such decision, a number or a mark that is none.
    """
    rows = []
    for line in _read(path, _DECISION, needed=(("npsn",), ("key",), ("decision",))):
        decision, after = fold(line.text("decision")), line.text("after")
        if decision not in ("accept", "reject", "revoke"):
            raise line.bad("decision")
        if after and not (after.isascii() and after.isdigit() and len(after) < 10):
            raise line.bad("after")
        mark = line.text("value").replace("-", "").replace(" ", "").lower()
        if len(mark) % 2 or not set(mark) <= set("0123456789abcdef"):
            raise line.bad("value")
        npsn = (line.digits("npsn", 8) or line.must("npsn")).upper()
        number = int(after) if after else None
        rows.append(DecisionRow(npsn, line.must("key"), decision, number, bytes.fromhex(mark), line.number))
    return rows


def read_reference(path: Path) -> tuple[str, tuple[str, ...], list[tuple[str | None, ...]]]:
    """Return the table, the columns and the rows of a list of reference rows.

    The header names columns of the table. Which table it is, the first column says if its header is ``table``, else the
    file's name does: ``ref_agama.csv``, ``ref.agama.xlsx``, ``mst_wilayah (2).csv``.

    Returns:
        SQL name; names of columns; rows with values as text in the store's form, empty ones ``None``. Codes of regions
        are padded to eight characters, as Dapodik has them.

    Raises:
        FileUnreadable, TooLarge, WorkbookUnreadable: KF-702, KF-207, KF-211.
        ColumnsMissing: KF-215, no such table, a column that it does not have, or no column with its key.
        InputRowBad: KF-109, a value that is not of its column's type, an empty key, or another table's row.
    """
    source = enumerate(_rows(path), 1)
    header = next(([cell_text(cell).strip() for cell in row] for _, row in source if _spoken(row)), [])
    while header and not header[-1]:
        header.pop()
    named = bool(header) and fold(header[0]) in map(fold, _CHANGE["table"])
    names = [name.lower() for name in header[named:]]
    table: Table | None = None if named else _table_of(path.name)
    columns: list[Column] = []
    rows: list[tuple[str | None, ...]] = []
    for number, row in source:
        if not _spoken(row):
            continue
        if table is None:
            table = _table_of(cell_text(row[0]))
        elif named and _table_of(cell_text(row[0])) is not table:
            raise errors.InputRowBad(file=path.name, row=number, column=header[0], value=cell_text(row[0])[:TEXT_MAX])
        columns = columns or _columns(table, names, path)
        cells = [*row[named:], *[None] * len(columns)]
        rows.append(tuple(_stored(column, cell, path, number) for column, cell in zip(columns, cells, strict=False)))
    if table is None:
        raise errors.ColumnsMissing(file=path.name, missing="table")
    columns = columns or _columns(table, names, path)
    return table.name, tuple(column.name for column in columns), rows


def _rows(path: Path) -> Iterator[list[Cell]]:
    """Yield the rows of a file; a package is told as what it is."""
    try:
        yield from stream_rows(path)
    except errors.WorkbookUnreadable as error:
        raise as_package(path) or error from None


def _table_of(text: str) -> Table | None:
    """Return the reference table whose name a text begins with; the longest one, since names begin with each other."""
    words = re.sub(r"[^a-z0-9]+", "_", text.strip().lower()).removeprefix("ref_")
    fits = [t for t in SCHEMA.reference_tables if f"{words}_".startswith(f"{t.name.removeprefix('ref_')}_")]
    return max(fits, key=lambda table: len(table.name), default=None)


def _columns(table: Table | None, names: Sequence[str], path: Path) -> list[Column]:
    if table is None:
        raise errors.ColumnsMissing(file=path.name, missing="table")
    strange = [name for name in names if name not in table.by_name] + [name for name in names if names.count(name) > 1]
    missing = [key for key in table.key_names if key not in names]
    if strange or missing:
        raise errors.ColumnsMissing(file=path.name, missing=f"{table.name}.{(missing or strange)[0]}")
    return [table.by_name[name] for name in names]


def _stored(column: Column, cell: Cell, path: Path, number: int) -> str | None:
    """Return a cell as text in the store's form."""
    text = cell_text(cell)
    value = read_value(column, cell) if text.strip() else None
    if isinstance(value, Reason) or (value is None and column.required and column.number == 0):
        raise errors.InputRowBad(file=path.name, row=number, column=column.name, value=text[:TEXT_MAX])
    if column.kind is Kind.CHAR and value is not None and _is_region(column):
        return str(value).ljust(column.size)
    return None if value is None else str(value)


def _is_region(column: Column) -> bool:
    """Whether a column holds codes of regions."""
    own = SCHEMA.by_name["ref_mst_wilayah"].by_name.get(column.name)
    return column.ref == "ref_mst_wilayah" or (own is column and column.size == 8)


@dataclass(frozen=True, slots=True)
class _Line:
    """One row of a list and where its columns stand."""

    path: Path
    number: int
    cells: Sequence[Cell]
    places: Mapping[str, Sequence[int]]
    rest: Mapping[str, int]

    def cell(self, name: str) -> Cell:
        """Return the first cell of a column's aliases that holds anything."""
        cells = (self.cells[place] for place in self.places.get(name, ()) if place < len(self.cells))
        return next((cell for cell in cells if cell_text(cell).strip()), None)

    def text(self, name: str) -> str:
        """Return a cell's text, trimmed, or an empty one."""
        text = cell_text(self.cell(name)).strip()
        if len(text) > TEXT_MAX:
            raise self.bad(name)
        return text

    def must(self, name: str) -> str:
        """Return a cell's text that may not be empty."""
        text = self.text(name)
        if not text:
            raise self.bad(name)
        return text

    def marked(self, name: str) -> bool:
        """Return whether a cell says yes; an empty one says no."""
        mark = fold(self.text(name))
        if mark not in _YES | _NO:
            raise self.bad(name)
        return mark in _YES

    def value(self, name: str) -> str | None:
        """Return a value as a program writes it: with a decimal point; ``None`` if it is empty."""
        cell = self.cell(name)
        if isinstance(cell, float):
            return f"{Decimal(repr(cell)):f}"
        return cell_text(cell) or None

    def digits(self, name: str, length: int) -> str | None:
        """Return a number that is text. Zeros that Excel took away come back; what it rounded is not believed."""
        cell = self.cell(name)
        if isinstance(cell, int | float) and abs(cell) >= EXACT_BELOW:
            return None
        text = self.text(name).removeprefix("'")
        return (text.zfill(length) if isinstance(cell, int) else text) or None

    def uuid(self, name: str) -> str | None:
        """Return an id in lower case, without the braces that some programs write."""
        return self.text(name).strip("{}").lower() or None

    def others(self) -> dict[str, str]:
        """Return the cells of columns that have no name of ours."""
        cells = {
            name: cell_text(self.cells[place]).strip() for name, place in self.rest.items() if place < len(self.cells)
        }
        return {name: text for name, text in cells.items() if text}

    def bad(self, name: str) -> errors.InputRowBad:
        """Return the error that names a cell."""
        value = cell_text(self.cell(name))[:TEXT_MAX]
        return errors.InputRowBad(file=self.path.name, row=self.number, column=name, value=value or "-")


def _spoken(row: Sequence[Cell]) -> bool:
    return any(cell_text(cell).strip() for cell in row)


def _read(path: Path, names: Mapping[str, Sequence[str]], needed: Sequence[Sequence[str]]) -> Iterator[_Line]:
    """Yield the rows below the header that are not empty.

    Args:
        path: The list.
        names: Columns by the names that headers use for them.
        needed: Of each of these sets of columns the header must have one.
    """
    places: dict[str, list[int]] = {}
    rest: dict[str, int] = {}
    for number, row in enumerate(_rows(path), 1):
        if places:
            if _spoken(row):
                yield _Line(path, number, row, places, rest)
            continue
        heads = [fold(cell_text(cell)) for cell in row]
        if (download := header_of(row, path)) is not None:  # a Daftar Peserta Didik has columns of an SK list too
            raise download
        found = {
            name: [place for alias in aliases for place, head in enumerate(heads) if head == fold(alias)]
            for name, aliases in names.items()
        }
        if all(any(found[name] for name in one) for one in needed):
            places = found
            used = {place for them in found.values() for place in them}
            rest = {cell_text(c).strip(): n for n, c in enumerate(row) if n not in used and cell_text(c).strip()}
        elif number >= HEADER_ROWS_MAX:
            break
    if not places:
        unlike = errors.ColumnsMissing(file=path.name, missing=", ".join(one[0] for one in needed))
        raise as_package(path) or unlike
