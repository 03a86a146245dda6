"""Regions (*wilayah*): which one a school lies in, and what lies within another, by the reference of wilayah alone.

The hierarchy is that of ``mst_kode_wilayah``; digits of a code are never cut (domain 2.4).
"""

from __future__ import annotations

from exchange import errors
from exchange.schema.ids import derive_id
from exchange.store.database import Database

LEVELS = (1, 2, 3)
"""Levels that an office may have: province, kabupaten or kota, kecamatan."""

KECAMATAN = 3
_DEPTH_MAX = 8
"""Steps up to the country, and a few more: a circle in the reference ends."""


def padded(region: str) -> str:
    """Return a code as the reference has it: eight characters.

    Example:
        >>> padded("990101")
        '990101  '
    """
    return region.strip().ljust(8)


def level(db: Database, region: str) -> int:
    """Return the level of a region that an office may have.

    Raises:
        RegionUnknown: KF-151.
    """
    found = db.value("SELECT id_level_wilayah FROM ref_mst_wilayah WHERE kode_wilayah = ?", (padded(region),))
    if found not in LEVELS:
        raise errors.RegionUnknown(region=region.strip())
    return int(found)


def lineage(db: Database, region: str | None) -> list[str]:
    """Return a region and those that it lies in, from below; none for a region that is not known."""
    found: list[str] = []
    while region is not None and region not in found and len(found) < _DEPTH_MAX:
        row = db.execute("SELECT mst_kode_wilayah FROM ref_mst_wilayah WHERE kode_wilayah = ?", (region,)).fetchone()
        if row is None:
            break
        found.append(region)
        region = None if row[0] is None else padded(str(row[0]))
    return found


def of_school(db: Database, sekolah_id: str) -> list[str]:
    """Return the regions that a school lies in, from below, by the centre's own data."""
    return lineage(db, db.value("SELECT kode_wilayah FROM sekolah WHERE sekolah_id = ?", (sekolah_id,)))


def holds(db: Database, region: str, sekolah_id: str) -> bool:
    """Whether a school lies in a region."""
    return padded(region) in of_school(db, sekolah_id)


def schools_in(db: Database, region: str) -> list[str]:
    """Return the ``sekolah_id`` of each registered school of a region, in order of NPSN."""
    inside: dict[object, bool] = {}
    found = []
    for scope, code in db.execute(
        "SELECT k.sekolah_id, s.kode_wilayah FROM kirim_school k JOIN sekolah s ON s.sekolah_id = k.sekolah_id ORDER BY k.npsn"
    ).fetchall():
        if code not in inside:
            inside[code] = padded(region) in lineage(db, code)
        if inside[code]:
            found.append(str(scope))
    return found


def office_scope(region: str) -> str:
    """Return the scope of the certificates of a region's offices, so that the root's word holds for one region alone.

    Source:
        docs/format.md, section 3.2.

    Example:
        >>> office_scope("990100") == office_scope("990100  "), office_scope("990100") == office_scope("990101")
        (True, False)
    """
    return derive_id("dinas", padded(region))
