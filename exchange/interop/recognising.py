"""What a file is that was handed to the wrong command: a package, or one of the downloads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from exchange import errors, spool
from exchange.interop.layout import DAFTAR_PD, DAFTAR_PTK, Layout, likeness
from exchange.interop.workbook import Cell, read_sheet

IMPORT = "kirim school import"
NAMES = ((DAFTAR_PD, "Daftar Peserta Didik"), (DAFTAR_PTK, "Daftar Guru/Tendik"))
"""The downloads and what operators call them."""


def as_package(path: Path) -> errors.OtherFile | None:
    """Return the error that names the right command if a file is a package."""
    from exchange.trust.opening import COMMANDS, inspect_package

    try:
        with spool.read_package(path) as file:
            header = inspect_package(file).header
    except errors.ExchangeError:
        return None
    if header is None:
        return None
    return errors.OtherFile(file=path.name, found=header.kind.name, command=COMMANDS[header.kind])


def header_of(row: Sequence[Cell], path: Path) -> errors.OtherFile | None:
    """Return the error that names the right command if a row is the header of one of the downloads."""
    for layout, name in NAMES:
        if 2 * likeness([list(row)], layout) > len({field.group or field.header for field in layout.fields}):
            return errors.OtherFile(file=path.name, found=name, command=IMPORT)
    return None


def nearest(path: Path) -> Layout:
    """Return the download that a file is most like, so that what it lacks can be named."""
    rows = read_sheet(path)
    return max((layout for layout, _ in NAMES), key=lambda layout: likeness(rows, layout))
