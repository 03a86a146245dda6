"""A school's real store with a good row of everything that validation looks at."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from datetime import date

from exchange.rules.findings import Level
from exchange.rules.local import validate
from exchange.schema import SCHEMA
from exchange.store import reference
from exchange.store.database import Database
from exchange.store.ddl import statements
from exchange.store.source import StoreSource

SCHOOL, OTHER = "9a1b0000-0000-4000-8000-000000000001", "9a1b0000-0000-4000-8000-000000000002"
HEAD, DEPUTY = "70000000-0000-4000-8000-000000000001", "70000000-0000-4000-8000-000000000002"
PUPIL, TWIN = "3f0c0000-0000-4000-8000-000000000001", "3f0c0000-0000-4000-8000-000000000002"
STAY, CLASS, MEMBER = (f"5{n:07}-0000-4000-8000-000000000000" for n in (1, 2, 3))
LAND, HOUSE, ROOM = (f"6{n:07}-0000-4000-8000-000000000000" for n in (1, 2, 3))
DUTY, DUTY_PLT = (f"8{n:07}-0000-4000-8000-000000000000" for n in (1, 2))
YEAR, TERM, TODAY = 2026, "20261", date(2026, 8, 3)


class _Undone(Exception):
    pass


class Store(StoreSource):
    """A school's real store, as validation sees it."""

    def __init__(self, db):
        super().__init__(db, SCHEMA)
        self.db = db

    def put(self, table, **values):
        marks = ", ".join("?" * len(values))
        self.db.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))

    def set(self, table, **values):
        self.db.execute(f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in values)}", tuple(values.values()))

    def findings(self):
        return list(validate(self, SCHEMA, TODAY, TERM, YEAR))

    def invalid(self):
        return {(one.code, one.row, one.params.get("column")) for one in self.findings() if one.level is Level.INVALID}

    def codes_of(self, level=None):
        return {one.code for one in self.findings() if level in {None, one.level}}


@contextmanager
def database():
    """Give a store with the reference rows that ship."""
    db = Database(sqlite3.connect(":memory:", isolation_level=None))
    for statement in statements(SCHEMA, "school"):
        db.execute(statement)
    reference.load_reference(db, SCHEMA)
    yield db
    db.close()


@contextmanager
def passing(db):
    """Give the store, and undo whatever is done to it."""
    with suppress(_Undone), db.transaction():
        yield Store(db)
        raise _Undone


def good_school(empty):
    """Put a school with a head, one pupil in one class, and nothing that is invalid."""
    filled(empty, "sekolah", sekolah_id=SCHOOL, nama="SD CONTOH", npsn="00000101", bentuk_pendidikan_id=5)
    assigned(empty, HEAD, DUTY, post=2, kind=20)
    pupil(empty, PUPIL, STAY)
    filled(empty, "tanah", id_tanah=LAND, sekolah_id=SCHOOL)
    filled(empty, "bangunan", id_bangunan=HOUSE, sekolah_id=SCHOOL, id_tanah=LAND)
    filled(empty, "ruang", id_ruang=ROOM, sekolah_id=SCHOOL, id_bangunan=HOUSE)
    rombel(empty, CLASS, "1A")
    filled(empty, "anggota_rombel", anggota_rombel_id=MEMBER, rombongan_belajar_id=CLASS, peserta_didik_id=PUPIL)
    return empty


def filled(store, table, **values):
    """Put a row in which every ``!`` column has some value that is good enough."""
    good = {"u": None, "DATE": "2020-01-06"}
    for column in SCHEMA.by_name[table].columns:
        if column.required and column.name not in values:
            target = SCHEMA.by_name.get(column.ref or "")
            if target is not None and target.is_reference:
                values[column.name] = store.db.value(f"SELECT min({target.key_names[0]}) FROM {target.name}")
            elif column.kind.name in {"INTEGER"}:
                values[column.name] = column.default if column.default is not None else 1
            elif column.kind.name in {"CHAR", "VARCHAR"}:
                values[column.name] = column.default or "X"
            else:
                values[column.name] = good.get(column.kind.name)
    store.put(table, **values)


def pupil(store, row, stay, **values):
    base = {
        "peserta_didik_id": row, "nama": "SISWA CONTOH SATU", "jenis_kelamin": "P", "nisn": "0149999901",
        "nik": "9901014305140001", "no_kk": "9901010101140002", "tanggal_lahir": "2014-05-03",
        "nama_ibu_kandung": "CONTOH DUA", "penerima_kps": 0, "layak_pip": 0, "penerima_kip": 0,
        "kewarganegaraan": "ID",
    }  # fmt: skip
    filled(store, "peserta_didik", **(base | values))
    if stay:
        filled(store, "registrasi_peserta_didik", registrasi_id=stay, peserta_didik_id=row, sekolah_id=SCHOOL)


def rombel(store, row, name, **values):
    base = {"rombongan_belajar_id": row, "semester_id": TERM, "sekolah_id": SCHOOL, "id_ruang": ROOM, "nama": name}
    base |= {"jenis_rombel": 1, "tanggal_mulai": "2026-07-13", "tanggal_selesai": "2026-12-18"}
    filled(store, "rombongan_belajar", **(base | values))


def assigned(store, person, duty, post, kind, school=SCHOOL, year=YEAR, home=1, begun="2024-07-01", **values):
    if not store.db.value("SELECT 1 FROM ptk WHERE ptk_id = ?", (person,)):
        filled(store, "ptk", ptk_id=person, nama=f"GURU CONTOH {person[-1]}", jenis_ptk_id=kind, jenis_kelamin="L")
        base = {"ptk_terdaftar_id": person[:7] + "9" + person[8:], "ptk_id": person, "sekolah_id": school}
        base |= {"tahun_ajaran_id": year, "ptk_induk": home}
        filled(store, "ptk_terdaftar", **(base | {k: v for k, v in values.items() if k == "jenis_keluar_id"}))
    base = {"ptk_tugas_tambahan_id": duty, "ptk_id": person, "sekolah_id": school, "jabatan_ptk_id": post}
    base |= {"tmt_tambahan": begun, "nomor_sk": "800/001/CONTOH"}
    filled(store, "tugas_tambahan", **(base | {k: v for k, v in values.items() if k == "tst_tambahan"}))
