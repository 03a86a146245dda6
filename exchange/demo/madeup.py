"""Made-up schools, from a seed: the door of :mod:`exchange.demo` for everybody else.

A :class:`MadeUpSchool` knows its people; the functions here show it as the Excel downloads that
operators hold in their hands, as an SK list, or as rows of the exchanged tables.
"""

from exchange.demo.daftar import (
    daftar_pd_rows,
    daftar_ptk_rows,
    write_daftar_guru,
    write_daftar_pd,
    write_daftar_tendik,
)
from exchange.demo.kip import kip_list, write_kip_csv
from exchange.demo.place import ACTIVE_SEMESTER, KECAMATAN, LEVELS
from exchange.demo.pupils import Pupil
from exchange.demo.rows import Rows, Tables
from exchange.demo.school import MadeUpSchool
from exchange.demo.staff import Staff
from exchange.demo.stored import rollover, table_rows

__all__ = [
    "ACTIVE_SEMESTER",
    "KECAMATAN",
    "LEVELS",
    "MadeUpSchool",
    "Pupil",
    "Rows",
    "Staff",
    "Tables",
    "daftar_pd_rows",
    "daftar_ptk_rows",
    "kip_list",
    "rollover",
    "table_rows",
    "write_daftar_guru",
    "write_daftar_pd",
    "write_daftar_tendik",
    "write_kip_csv",
]
