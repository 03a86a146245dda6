"""Made-up schools, from a seed: the door of :mod:`exchange.demo` for everybody else.

A :class:`MadeUpSchool` knows its people; the functions here show it as the Excel downloads that
operators hold in their hands, or as rows of the exchanged tables.
"""

from exchange.demo.daftar import daftar_pd_rows, write_daftar_pd
from exchange.demo.school import ACTIVE_SEMESTER, KECAMATAN, MadeUpSchool, Pupil

__all__ = ["ACTIVE_SEMESTER", "KECAMATAN", "MadeUpSchool", "Pupil", "daftar_pd_rows", "write_daftar_pd"]
