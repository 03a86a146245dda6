"""A download into the store, whichever of the known ones it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from exchange import errors
from exchange.interop.daftar_pd import import_daftar_pd
from exchange.interop.daftar_ptk import import_daftar_ptk
from exchange.interop.layout import DAFTAR_PTK
from exchange.interop.recognising import as_package, nearest
from exchange.interop.report import ImportReport, School

if TYPE_CHECKING:
    from exchange.store.database import Database


def import_download(
    db: Database,
    school: School,
    path: Path,
    *,
    partial: bool = False,
    other_school: bool = False,
    clock: Callable[[], datetime],
) -> ImportReport:
    """Take a *Daftar Peserta Didik*, *Daftar Guru* or *Daftar Tendik*, known by its header.

    Arguments, result and errors are those of :func:`~exchange.interop.daftar_pd.import_daftar_pd`.

    Raises:
        LayoutUnknown: KF-212, with what the list lacks of the download that it is most like.
        OtherFile: KF-216, it is a package.
    """
    try:
        try:
            return import_daftar_pd(db, school, path, partial=partial, other_school=other_school, clock=clock)
        except errors.LayoutUnknown as unlike_pd:
            try:
                return import_daftar_ptk(db, school, path, partial=partial, other_school=other_school, clock=clock)
            except errors.LayoutUnknown as unlike_ptk:
                raise (unlike_ptk if nearest(path) is DAFTAR_PTK else unlike_pd) from None
    except (errors.LayoutUnknown, errors.WorkbookUnreadable, errors.TooLarge) as error:
        raise as_package(path) or error from None
