"""The reference rows that ship with the program.

Every list that a declared column points to has at least one row here, so that a school can be made
valid without any other source. Regions are made up. ``ref/README.md`` says where each list comes from.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from exchange.schema.model import Column, Kind
from exchange.schema.tables import SCHEMA

_FOLDER = Path(__file__).with_name("ref")

_TEXT_COLUMNS = {
    "ref_alasan_layak_pip": "alasan_layak_pip",
    "ref_bank": "nm_bank",
    "ref_batas_waktu_rapor": "semester_id",
    "ref_bidang_studi": "bidang_studi",
    "ref_errortype": "keterangan",
    "ref_group_matpel": "nama_group",
    "ref_jenis_cita": "nm_cita",
    "ref_jenis_hapus_buku": "ket_hapus_buku",
    "ref_jenis_hobby": "nm_hobby",
    "ref_jenis_keluar": "ket_keluar",
    "ref_jenis_ptk": "jenis_ptk",
    "ref_jurusan": "nama_jurusan",
    "ref_kebutuhan_khusus": "kebutuhan_khusus",
    "ref_kelompok_bidang": "nama_level_bidang",
    "ref_kurikulum": "nama_kurikulum",
    "ref_level_wilayah": "level_wilayah",
    "ref_mata_pelajaran_kurikulum": "mata_pelajaran_id",
}
"""Column with the text for people, where it is not called ``nama``."""


def text_column(table: str) -> str:
    """Return the column of a reference table that holds its text for people.

    Lists that have no text of their own (which subject stands in which curriculum) give a key column.

    Args:
        table: SQL name of a reference table.

    Example:
        >>> text_column("ref_agama"), text_column("ref_jenis_keluar")
        ('nama', 'ket_keluar')
    """
    return _TEXT_COLUMNS.get(table, "nama")


@cache
def reference_rows(name: str) -> tuple[tuple[str, ...], list[tuple[str | int | float | None, ...]]]:
    """Return the rows of one reference table that ship with the program.

    Args:
        name: SQL name of a reference table of :data:`~exchange.schema.tables.SCHEMA`.

    Returns:
        Names of the columns that the rows give, keys first, and the rows in the order in which a list shows them,
        with values in the form of :class:`~exchange.schema.model.Kind`. A column that is not named is empty in every
        row. Callers share the list and must not change it.

    Raises:
        KeyError: there is no such table, which is an error of ours.

    Example:
        >>> columns, rows = reference_rows("ref_agama")
        >>> columns, rows[0], len(rows)
        (('agama_id', 'nama'), (1, 'Islam'), 9)
    """
    import csv

    table = SCHEMA.by_name[name]
    with (_FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        columns = [table.by_name[column] for column in next(reader)]
        rows = [tuple(map(_value, columns, line)) for line in reader]
    return tuple(column.name for column in columns), rows


def _value(column: Column, text: str) -> str | int | float | None:
    if text == "":
        return None
    if column.kind is Kind.INTEGER:
        return int(text)
    return float(text) if column.kind is Kind.DOUBLE else text
