"""Random lives: two schools and a centre that edit the same rows while a courier loses, doubles and reorders files.

Everything is real but one thing: the head's key is opened once instead of at every export, because its passphrase is made to
be slow. All chance comes from one seed, so a life that went wrong can be lived again.
"""

from __future__ import annotations

import random
import shutil
import uuid
from pathlib import Path

from exchange.central.recording import show
from exchange.format.outcome import decode_outcome
from exchange.nodes import SchoolNode, ServerNode
from exchange.schema.ids import derive_id
from exchange.store import rows
from tests.life import PASSPHRASE, Life, Sekolah

UNKNOWN_AGAMA = 55
"""A code that the schools' lists have and the server's has not: a row with it waits on the open list."""


def template(folder: Path) -> Life:
    """Make a server with two enrolled schools, to be copied for every life."""
    life = Life(folder)
    for npsn in ("00000001", "00000002"):
        school = life.school(npsn)
        school.sql("INSERT INTO ref_agama (agama_id, nama) VALUES (?, 'Contoh')", UNKNOWN_AGAMA)
    return life


def copied(life: Life, folder: Path) -> Life:
    """Return the same life in another folder."""
    life.server.store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    for school in life.schools:
        school.node.store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    shutil.copytree(life.folder, folder)
    twin = Life.__new__(Life)
    twin.folder, twin.clock, twin._lists = folder, life.clock, 0
    twin.server = ServerNode.open(folder / "pusat", clock=life.clock)
    twin.schools = []
    for school in life.schools:
        other = Sekolah.__new__(Sekolah)
        other.life, other.home, other._people = twin, folder / school.home.name, 0
        other.node = SchoolNode.open(other.home, clock=life.clock)
        twin.schools.append(other)
    return twin


def waiting(school: Sekolah) -> set[tuple[int, str]]:
    """Return the rows that the server keeps aside."""
    found = school.life.server.store.db.execute("SELECT table_no, row FROM kirim_open WHERE scope = ?", (school.scope,))
    return {(table, row) for table, row in found}


def differences(school: Sekolah) -> list[str]:
    """Return where the two stores differ in the school's own rows, open ones left out, and in rows that it may see."""
    server, store = school.life.server.store, school.node.store
    aside, found = waiting(school), []
    for table in store.schema.data_tables:
        names = ", ".join(c.name for c in table.all_columns)
        keys = len(table.key)
        theirs = {"|".join(map(str, r[:keys])): r for r in server.db.execute(
            f"SELECT {names} FROM {table.name} WHERE soft_delete IS NOT 1 AND kirim_home = ?", (school.scope,))}
        mine = {"|".join(map(str, r[:keys])): r for r in store.db.execute(
            f"SELECT {names} FROM {table.name} WHERE soft_delete IS NOT 1 AND kirim_home IS NULL")}
        for row in sorted(theirs.keys() | mine.keys()):
            if (table.number, row) in aside and row not in theirs:
                continue
            a, b = theirs.get(row), mine.get(row)
            if a is None or b is None:
                found.append(f"{table.name} {row}: {'only at the school' if a is None else 'only at the server'}")
            elif a != b or [type(x) for x in a] != [type(x) for x in b]:
                found += [f"{table.name} {row} {c.name}: server {x!r}, school {y!r}"
                          for c, x, y in zip(table.all_columns, a, b) if x != y or type(x) is not type(y)]
    for number, row in server.db.execute("SELECT table_no, row FROM kirim_seen WHERE scope = ?", (school.scope,)):
        table = store.schema.by_number[number]
        a = rows.fetch(server.db, table, table.columns, [row])[row]
        b = rows.fetch(store.db, table, table.columns, [row]).get(row)
        gone, seen_gone = a[-2] == 1, b is None or b[-2] == 1
        if gone != seen_gone or (b is not None and not gone and a[:-2] != b[:-2]):
            found.append(f"{table.name} {row}: seen, but not as it is at home: {a} and {b}")
    return found


class Lived:
    """One random life.

    Args:
        life: Just enrolled.
        seed: All chance.
    """

    def __init__(self, life: Life, seed: int) -> None:
        self.life, self.dice = life, random.Random(seed)
        self.log: list[str] = []
        self.packages: list[Path] = []
        self.returns: dict[int, list[Path]] = {0: [], 1: []}
        self.pupils: dict[int, list[str]] = {0: [], 1: []}
        self.rombel: dict[int, list[str]] = {0: [], 1: []}
        self.members: dict[int, list[str]] = {0: [], 1: []}
        self.cards: dict[int, list[str]] = {0: [], 1: []}
        self.bodies: dict[int, list[str]] = {0: [], 1: []}
        self.land: dict[int, list[str]] = {0: [], 1: []}
        self.njop: dict[int, list[str]] = {0: [], 1: []}
        self.jadwal: dict[int, list[str]] = {0: [], 1: []}
        self.matev: dict[int, list[str]] = {0: [], 1: []}
        self.nilai: dict[int, list[str]] = {0: [], 1: []}
        self.stays: dict[int, list[str]] = {0: [], 1: []}
        self.last: dict[tuple[int, str, str, str], tuple[str, object]] = {}
        self.centre: dict[tuple[str, str], list[str]] = {}
        self.alarms: list[str] = []
        self._count = 0
        for school in life.schools:
            head = school.node.head(PASSPHRASE)
            school.node.head = lambda passphrase, head=head: head  # type: ignore[method-assign]

    # --- chance -------------------------------------------------------------------------------

    def id(self) -> str:
        return str(uuid.UUID(int=self.dice.getrandbits(128), version=4))

    def word(self, stem: str) -> str:
        """A text that nobody has entered before."""
        self._count += 1
        return f"{stem} {self._count}"

    def some(self, rows: list[str]) -> str | None:
        """A row, often one of the few latest or first, so that both sides meet."""
        if not rows:
            return None
        return self.dice.choice(rows[:3] if self.dice.random() < 0.6 else rows)

    def step(self) -> None:
        """Let one thing happen."""
        n = self.dice.randrange(2)
        school = self.life.schools[n]
        action = self.dice.choices([a for a, _ in ACTIONS], [w for _, w in ACTIONS])[0]
        self.log.append(f"{action.__name__}({n})")
        action(self, n, school)

    def note(self, n: int, table: str, row: str, who: str, values: dict[str, object]) -> None:
        for column, value in values.items():
            if column != "soft_delete":
                self.last[n, table, row, column] = (who, value)

    def insert(self, n: int, table: str, **values: object) -> None:
        school = self.life.schools[n]
        marks = ", ".join("?" * len(values))
        try:
            school.sql(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", *values.values())
        except Exception as error:
            if "UNIQUE" not in str(error):
                raise
        else:
            keys = school.node.store.schema.by_name[table].key_names
            row = "|".join(str(values[k]) for k in keys)
            self.log.append(f"    {table} {row[:8]} new {dict(list(values.items())[len(keys):])}")
            self.note(n, table, row, "school", {k: v for k, v in values.items() if k not in keys})

    def edit(self, n: int, table: str, row: str, **values: object) -> None:
        school = self.life.schools[n]
        now = school.row(table, row)
        values = {c: v for c, v in values.items() if now.get(c, v) != v}
        if not now or now["soft_delete"] == 1 or not values:
            return
        school.edit(table, row, **values)
        self.log.append(f"    {table} {row[:8]} {values}")
        self.note(n, table, row, "school", values)

    def delete(self, n: int, table: str, row: str | None) -> None:
        if row:
            self.log.append(f"    {table} {row[:8]} deleted")
            for key in [key for key in self.last if key[:3] == (n, table, row)]:
                del self.last[key]  # whoever deletes a row lets its values go
            self.life.schools[n].edit(table, row, soft_delete=1)

    def change(self, as_: str, table: str, row: str | None, verified: bool = False, **values: object) -> None:
        """The centre's own change, if the row is there."""
        if not row or not self.life.row(table, row):
            return
        self.log.append(f"    {as_} {table} {row[:8]} {values} {'verified' if verified else ''}")
        self.life.change(as_, [(table, row, column, value) for column, value in values.items()], verified=verified)
        for n, school in enumerate(self.life.schools):
            if self.life.row(table, row)["kirim_home"] == school.scope and "soft_delete" not in values:
                self.note(n, table, row, "centre", values)

    # --- the end ------------------------------------------------------------------------------

    def settle(self, trips: int = 2) -> list[str]:
        """Let two clean round trips happen and return what is still wrong."""
        wrong = []
        for trip in range(trips):
            for n, school in enumerate(self.life.schools):
                self.log.append(f"round trip {trip}: {n}")
                result = self.life.ingest(school.export().file).files[0]
                if result.status not in {"applied", "duplicate"}:
                    wrong.append(f"package of {n} is {result.status}: {result.error}")
            for school in self.life.schools:
                report = school.apply(self.life.answer(school).file)
                wrong += [f"alarm: {table} {what}" for table, what in (report.diverged.items() if report else ())]
        wrong += [f"false alarm: {table}" for table in self.alarms]
        for n, school in enumerate(self.life.schools):
            wrong += [f"{n}: {line}" for line in differences(school)]
            wrong += [f"{n}: {line}" for line in self.open_wrong(school)]
            wrong += [f"{n}: {line}" for line in self.lost(n, school)]
        return wrong

    def open_wrong(self, school: Sekolah) -> list[str]:
        """Rows that the server keeps aside stand at the school, marked, and nothing is marked that is settled."""
        marked = {(t, r): c for t, r, c in school.node.store.db.execute("SELECT table_no, row, code FROM kirim_open")}
        aside = waiting(school)
        schema = school.node.store.schema
        wrong = []
        for table, row in sorted(aside):
            there = school.row(schema.by_number[table].name, row)
            if not there or there["soft_delete"] == 1:
                wrong.append(f"{schema.by_number[table].name} {row} is kept aside, but not at the school")
            elif (table, row) not in marked:
                wrong.append(f"{schema.by_number[table].name} {row} is kept aside, but not marked at the school")
        for (table, row), code in sorted(marked.items()):
            there = school.row(schema.by_number[table].name, row)
            if not there or there["soft_delete"] == 1:
                wrong.append(f"{schema.by_number[table].name} {row} is marked {code}, but deleted")
            if not self.life.row(schema.by_number[table].name, row) and (table, row) not in aside:
                wrong.append(f"{schema.by_number[table].name} {row} is marked {code}, but neither there nor kept aside")
        return wrong

    def lost(self, n: int, school: Sekolah) -> list[str]:
        """Of each column, the last value that somebody entered stands, or a line tells what became of it."""
        server = self.life.server.store
        told: set[tuple[str, str, str, str]] = set()
        whole: set[tuple[str, str]] = set()
        for (outcome,) in server.db.execute("SELECT outcome FROM kirim_changeset WHERE scope = ? AND outcome IS NOT NULL",
                                            (school.scope,)):
            for line in decode_outcome(server.schema, bytes(outcome))[1]:
                for column, sent in zip(line.columns, line.sent):
                    told.add((line.table.name, line.row, column, repr(sent)))
                for column, stood in zip(line.columns, line.stood):
                    told.add((line.table.name, line.row, column, repr(stood)))
                if line.group is None:
                    whole.add((line.table.name, line.row))
        wrong = []
        for (m, table, row, column), (who, value) in self.last.items():
            if m != n or (table, row) in whole:
                continue
            now = self.life.row(table, row)
            if not now:
                there = school.row(table, row)
                if there and there["soft_delete"] != 1:
                    wrong.append(f"{table} {row} {column} of the {who} is gone")
            elif now["soft_delete"] != 1 and column in now and str(now[column]) != str(value if value != "" else None):
                if str(now[column]) in self.centre.get((row, column), ()):
                    continue
                if (table, row, column, repr(value)) not in told and who == "school":
                    wrong.append(f"{table} {row} {column}: {value!r} of the {who} is gone, {now[column]!r} stands untold")
        return wrong


# --- what may happen --------------------------------------------------------------------------


def new_pupil(w: Lived, n: int, school: Sekolah) -> None:
    row = w.id()
    w.pupils[n].append(row)
    w.insert(n, "peserta_didik", peserta_didik_id=row, nama=w.word("SISWA"), jenis_kelamin="L", tanggal_lahir="2016-05-03",
             nama_ibu_kandung="IBU", agama_id=UNKNOWN_AGAMA if w.dice.random() < 0.2 else 1, kebutuhan_khusus_id=0,
             kewarganegaraan="ID", penerima_kps=0, penerima_kip=0, nisn=w.dice.choice([None, "9900000001", "9900000002"]))


def edit_pupil(w: Lived, n: int, school: Sekolah) -> None:
    row = w.some(w.pupils[n])
    if row:
        w.edit(n, "peserta_didik", row, **w.dice.choice([
            {"nama": w.word("NAMA")}, {"alamat_jalan": w.word("Jalan")}, {"rt": w.dice.randrange(99)}, {"rt": None},
            {"no_hp": None} if False else {"nomor_telepon_rumah": w.dice.choice(["0811", None])},
            {"penerima_kps": 1, "no_kps": w.word("KPS")}, {"penerima_kip": 1, "no_kip": f"A{w.dice.randrange(10000, 99999)}"},
            {"tempat_lahir": w.word("Kota")}, {"agama_id": 1}, {"agama_id": UNKNOWN_AGAMA},
            {"nisn": w.dice.choice([None, "9900000001", "9900000003"])}, {"nama_ibu_kandung": w.word("IBU")},
        ]))


def fix_pupil(w: Lived, n: int, school: Sekolah) -> None:
    for (row,) in school.sql("SELECT peserta_didik_id FROM peserta_didik WHERE agama_id = ? AND soft_delete = 0", UNKNOWN_AGAMA):
        w.edit(n, "peserta_didik", str(row), agama_id=1)


def delete_pupil(w: Lived, n: int, school: Sekolah) -> None:
    w.delete(n, "peserta_didik", w.some(w.pupils[n]))


def undelete(w: Lived, n: int, school: Sekolah) -> None:
    table = w.dice.choice(["peserta_didik", "rombongan_belajar", "anggota_rombel", "kesejahteraan_pd", "tanah_longitudinal"])
    school.sql(f"UPDATE {table} SET soft_delete = 0 WHERE soft_delete = 1 AND kirim_home IS NULL")


def clear_and_undelete(w: Lived, n: int, school: Sekolah) -> None:
    for (row,) in school.sql("SELECT id_sejahtera_pd FROM kesejahteraan_pd WHERE soft_delete = 1"):
        school.edit("kesejahteraan_pd", str(row), soft_delete=0, nm_di_kartu=None)
        w.note(n, "kesejahteraan_pd", str(row), "school", {"nm_di_kartu": None})


def new_stay(w: Lived, n: int, school: Sekolah) -> None:
    pupil = w.some(w.pupils[w.dice.choice([n, n, n, 1 - n])])
    if pupil:
        row = str(derive_id("registrasi_peserta_didik", pupil, school.scope, "1"))
        w.stays[n].append(row)
        w.insert(n, "registrasi_peserta_didik", registrasi_id=row, peserta_didik_id=pupil, sekolah_id=school.scope,
                 jenis_pendaftaran_id=1, tanggal_masuk_sekolah="2024-07-15", nipd=w.word("NIPD"))


def edit_stay(w: Lived, n: int, school: Sekolah) -> None:
    row = w.some(w.stays[n])
    if row:
        w.edit(n, "registrasi_peserta_didik", row, **w.dice.choice([
            {"nipd": w.word("NIPD")}, {"jenis_keluar_id": "1", "tanggal_keluar": "2026-06-30"}, {"soft_delete": 1},
            {"sekolah_asal": w.word("SD")}]))


def new_card(w: Lived, n: int, school: Sekolah) -> None:
    pupil = w.some(w.pupils[w.dice.choice([n, n, n, 1 - n])])
    if pupil:
        row = w.id()
        w.cards[n].append(row)
        w.insert(n, "kesejahteraan_pd", id_sejahtera_pd=row, peserta_didik_id=pupil, jenis_kesejahteraan_id=1,
                 nomor=w.word("K"), nm_di_kartu=w.word("NAMA"), dari_tahun=2020)


def edit_card(w: Lived, n: int, school: Sekolah) -> None:
    row = w.some(w.cards[n])
    if row:
        w.edit(n, "kesejahteraan_pd", row, **w.dice.choice([
            {"nomor": w.word("K")}, {"sampai_tahun": w.dice.randrange(2020, 2030)}, {"nm_di_kartu": None}, {"soft_delete": 1},
            {"peserta_didik_id": w.some(w.pupils[w.dice.choice([n, n, 1 - n])]) or w.id()}]))


def new_body(w: Lived, n: int, school: Sekolah) -> None:
    pupil = w.some(w.pupils[n])
    if pupil:
        w.bodies[n].append(f"{pupil}|20261")
        w.insert(n, "peserta_didik_longitudinal", peserta_didik_id=pupil, semester_id="20261", tinggi_badan=w.dice.randrange(90, 180))


def edit_body(w: Lived, n: int, school: Sekolah) -> None:
    row = w.some(w.bodies[n])
    if row:
        w.edit(n, "peserta_didik_longitudinal", row, **w.dice.choice([
            {"berat_badan": w.dice.randrange(20, 90)}, {"tinggi_badan": w.dice.randrange(90, 180)}, {"soft_delete": 1}]))


def new_rombel(w: Lived, n: int, school: Sekolah) -> None:
    nama = w.dice.choice(["1A", "1B", "2A"])
    row = str(derive_id("rombongan_belajar", school.scope, "20261", 1, nama))
    w.rombel[n].append(row)
    values: dict[str, object] = {"rombongan_belajar_id": row, "semester_id": "20261", "sekolah_id": school.scope,
                                 "tingkat_pendidikan_id": 1, "nama": nama, "jenis_rombel": 1, "moving_class": 0}
    if w.dice.random() < 0.5:
        values["sks"] = w.dice.randrange(9)
    w.insert(n, "rombongan_belajar", **values)


def edit_rombel(w: Lived, n: int, school: Sekolah) -> None:
    row = w.some(w.rombel[n])
    if row:
        w.edit(n, "rombongan_belajar", row, **w.dice.choice([
            {"tanggal_mulai": f"2026-07-{w.dice.randrange(10, 28)}"}, {"sks": w.dice.randrange(99)}, {"soft_delete": 1}]))


def new_member(w: Lived, n: int, school: Sekolah) -> None:
    pupil, rombel = w.some(w.pupils[n]), w.some(w.rombel[n])
    if pupil and rombel:
        row = str(derive_id("anggota_rombel", rombel, pupil))
        w.members[n].append(row)
        w.insert(n, "anggota_rombel", anggota_rombel_id=row, rombongan_belajar_id=rombel, peserta_didik_id=pupil, jenis_pendaftaran_id=1)


def edit_member(w: Lived, n: int, school: Sekolah) -> None:
    row = w.some(w.members[n])
    if row:
        w.edit(n, "anggota_rombel", row, **w.dice.choice([
            {"jenis_pendaftaran_id": w.dice.choice([1, 2])}, {"soft_delete": 1}, {"rombongan_belajar_id": w.some(w.rombel[n])}]))


def new_matev(w: Lived, n: int, school: Sekolah) -> None:
    rombel = w.some(w.rombel[n])
    if rombel:
        row = str(derive_id("nilai_matev_rapor", rombel, 4))
        w.matev[n].append(row)
        w.insert(n, "nilai_matev_rapor", id_evaluasi=row, nm_mata_evaluasi="IPA", rombongan_belajar_id=rombel, a_dari_template=0, no_urut=1)


def new_nilai(w: Lived, n: int, school: Sekolah) -> None:
    matev, member = w.some(w.matev[n]), w.some(w.members[n])
    if matev and member:
        row = str(derive_id("nilai_nilai_rapor", matev, member))
        w.nilai[n].append(row)
        w.insert(n, "nilai_nilai_rapor", nilai_id=row, id_evaluasi=matev, anggota_rombel_id=member,
                 nilai_kognitif_angka=f"{w.dice.randrange(100)}.00")


def edit_nilai(w: Lived, n: int, school: Sekolah) -> None:
    row = w.some(w.nilai[n])
    if row:
        w.edit(n, "nilai_nilai_rapor", row, **w.dice.choice([
            {"nilai_kognitif_angka": f"{w.dice.randrange(100)}.00"}, {"ket_psim": w.word("ket")}, {"soft_delete": 1}]))


def new_land(w: Lived, n: int, school: Sekolah) -> None:
    row = w.id()
    w.land[n].append(row)
    w.insert(n, "tanah", id_tanah=row, sekolah_id=school.scope, nama=w.word("TANAH"), jenis_prasarana_id=1, luas="10.0")


def new_njop(w: Lived, n: int, school: Sekolah) -> None:
    land = w.some(w.land[n])
    if land:
        w.njop[n].append(f"{land}|2026")
        w.insert(n, "tanah_longitudinal", id_tanah=land, tahun_ajaran_id=2026, njop="12.50")


def edit_njop(w: Lived, n: int, school: Sekolah) -> None:
    row = w.some(w.njop[n])
    if row:
        w.edit(n, "tanah_longitudinal", row, **w.dice.choice([{"njop": f"{w.dice.randrange(999)}.00"}, {"soft_delete": 1}]))
        if w.dice.random() < 0.2:
            w.delete(n, "tanah", row.split("|")[0])


def new_jadwal(w: Lived, n: int, school: Sekolah) -> None:
    hari = w.dice.randrange(1, 4)
    row = f"{school.scope}|20261|{uuid.UUID(int=n)}|{hari}"
    w.jadwal[n].append(row)
    w.insert(n, "jadwal", sekolah_id=school.scope, semester_id="20261", id_ruang=str(uuid.UUID(int=n)), hari=hari, bel_ke_01=w.id())


def edit_jadwal(w: Lived, n: int, school: Sekolah) -> None:
    row = w.some(w.jadwal[n])
    if row:
        w.edit(n, "jadwal", row, **w.dice.choice([{"bel_ke_01": w.id()}, {"bel_ke_02": w.id()}, {"soft_delete": 1}]))


def replace_pupil(w: Lived, n: int, school: Sekolah) -> None:
    """Another program writes a row whole, and leaves out what it does not know."""
    row = w.some(w.pupils[n])
    now = school.row("peserta_didik", row) if row else {}
    if row and now and now["soft_delete"] != 1:
        nama = w.word("GANTI")
        school.sql("INSERT OR REPLACE INTO peserta_didik (peserta_didik_id, nama, jenis_kelamin, tanggal_lahir, nama_ibu_kandung, "
                   "agama_id, kebutuhan_khusus_id, kewarganegaraan, penerima_kps, penerima_kip) "
                   "VALUES (?, ?, 'L', '2016-05-03', 'IBU', 1, 0, 'ID', 0, 0)", row, nama)
        w.log.append(f"    peserta_didik {row[:8]} replaced {nama}")
        for key in [k for k in w.last if k[:3] == (n, "peserta_didik", row)]:
            del w.last[key]
        w.note(n, "peserta_didik", row, "school", {"nama": nama})


# --- the centre -------------------------------------------------------------------------------


def kip(w: Lived, n: int, school: Sekolah) -> None:
    row = w.some(w.pupils[n])
    if row:
        number = f"B{w.dice.randrange(10000, 99999)}"
        done = w.life.kip([(row, number)])
        w.log.append(f"    kip {row[:8]} {number} {done.matched}")
        for column, value in (("no_kip", number), ("penerima_kip", 1), ("no_kps", None), ("penerima_kps", 0), ("layak_pip", 0)):
            w.centre.setdefault((row, column), []).append(str(value))  # at once, or at a later intake
        if done.matched:
            w.note(n, "peserta_didik", row, "centre", {"no_kip": number, "penerima_kip": 1, "no_kps": None, "penerima_kps": 0})


def verval(w: Lived, n: int, school: Sekolah) -> None:
    w.change("verval", "peserta_didik", w.some(w.pupils[n]), w.dice.random() < 0.5, **w.dice.choice([
        {"nama": w.word("VERVAL")}, {"tempat_lahir": w.word("Kota"), "tanggal_lahir": "2016-01-01"}, {"nik": f"99{w.dice.getrandbits(40):014}"[:16]},
        {"nama_ibu_kandung": w.word("IBU")}, {"nisn": "9900000009"}]))


def dinas(w: Lived, n: int, school: Sekolah) -> None:
    table, rows_ = w.dice.choice([("peserta_didik", w.pupils), ("anggota_rombel", w.members), ("rombongan_belajar", w.rombel),
                                  ("kesejahteraan_pd", w.cards), ("peserta_didik_longitudinal", w.bodies),
                                  ("tanah_longitudinal", w.njop), ("jadwal", w.jadwal), ("nilai_nilai_rapor", w.nilai)])
    choices = {"peserta_didik": {"alamat_jalan": w.word("Jl. Dinas")}, "anggota_rombel": {"jenis_pendaftaran_id": 5},
               "rombongan_belajar": {"sks": 77}, "kesejahteraan_pd": {"nomor": w.word("D")},
               "peserta_didik_longitudinal": {"berat_badan": 11}, "tanah_longitudinal": {"njop": "99.00"}, "jadwal": {"bel_ke_01": w.id()},
               "nilai_nilai_rapor": {"ket_psim": w.word("dinas")}}
    w.change("dinas", table, w.some(rows_[n]), **choices[table])


def pusat(w: Lived, n: int, school: Sekolah) -> None:
    w.change("pusat", "peserta_didik", w.some(w.pupils[n]), **w.dice.choice([
        {"rekening_bank": w.word("REK")[:20], "id_bank": "002"}, {"nomor_telepon_rumah": "0899"}, {"penerima_kps": 1, "no_kps": w.word("KPS")}]))


def centre_deletes(w: Lived, n: int, school: Sekolah) -> None:
    table, rows_ = w.dice.choice([("peserta_didik", w.pupils), ("anggota_rombel", w.members), ("rombongan_belajar", w.rombel),
                                  ("kesejahteraan_pd", w.cards), ("tanah", w.land), ("tanah_longitudinal", w.njop),
                                  ("nilai_matev_rapor", w.matev), ("jadwal", w.jadwal)])
    w.change("pusat", table, w.some(rows_[n]), soft_delete=1)


def centre_adds(w: Lived, n: int, school: Sekolah) -> None:
    """The centre hangs a row on one of the school's: with a random id, or the derived one that the school would make too."""
    if w.dice.random() < 0.5:
        pupil = w.some(w.pupils[n])
        if pupil and w.life.row("peserta_didik", pupil):
            row = w.id()
            w.cards[n].append(row)
            w.life.change("pusat", [("kesejahteraan_pd", row, c, v) for c, v in
                                    (("peserta_didik_id", pupil), ("jenis_kesejahteraan_id", "1"), ("nomor", w.word("P")))])
    else:
        pupil, rombel = w.some(w.pupils[n]), w.some(w.rombel[n])
        if pupil and rombel and w.life.row("rombongan_belajar", rombel):
            row = str(derive_id("anggota_rombel", rombel, pupil))
            w.members[n].append(row)
            w.log.append(f"    pusat anggota {row[:8]} into {rombel[:8]}")
            w.centre.setdefault((row, "jenis_pendaftaran_id"), []).append("2")
            w.centre.setdefault((row, "rombongan_belajar_id"), []).append(rombel)
            w.life.change("pusat", [("anggota_rombel", row, c, v) for c, v in
                                    (("rombongan_belajar_id", rombel), ("peserta_didik_id", pupil), ("jenis_pendaftaran_id", "2"))],
                          verified=w.dice.random() < 0.3)


def centre_moves(w: Lived, n: int, school: Sekolah) -> None:
    w.change("pusat", "anggota_rombel", w.some(w.members[n]), rombongan_belajar_id=w.some(w.rombel[n]) or w.id())


def shown_elsewhere(w: Lived, n: int, school: Sekolah) -> None:
    row = w.some(w.pupils[n])
    there = w.life.row("peserta_didik", row) if row else {}
    if row and there and there["kirim_home"] == school.scope:
        server = w.life.server.store
        other = server.school(w.life.schools[1 - n].scope)
        assert other is not None
        with server.db.transaction():
            show(server, other, server.schema.by_name["peserta_didik"], row, school.scope)


def edit_guest(w: Lived, n: int, school: Sekolah) -> None:
    """A school edits a row that it only sees."""
    found = school.sql("SELECT peserta_didik_id FROM peserta_didik WHERE kirim_home IS NOT NULL ORDER BY 1")
    if found:
        row = str(w.dice.choice(found)[0])
        school.edit("peserta_didik", row, **w.dice.choice([{"alamat_jalan": w.word("Tamu")}, {"soft_delete": 1}]))


# --- the courier ------------------------------------------------------------------------------


def export(w: Lived, n: int, school: Sekolah) -> None:
    w.packages.append(school.export().file)


def carry(w: Lived, n: int, school: Sekolah) -> None:
    """A few of all the packages ever written arrive, in any order; the others are lost, or come later."""
    some = w.dice.sample(w.packages, min(len(w.packages), w.dice.randrange(1, 4)))
    if some:
        w.log.append(f"    {[p.name for p in some]} -> {[r.status for r in w.life.ingest(*some).files]}")


def carry_last(w: Lived, n: int, school: Sekolah) -> None:
    if w.packages:
        w.life.ingest(w.packages[-1])


def answer(w: Lived, n: int, school: Sekolah) -> None:
    w.returns[n].append(w.life.answer(school).file)


def bring(w: Lived, n: int, school: Sekolah) -> None:
    """One of the returns ever written arrives, mostly a late one."""
    if w.returns[n]:
        path = w.dice.choice(w.returns[n][-3:])
        try:
            report = school.apply(path)
            w.log.append(f"    {path.name}: {'old' if report is None else 'news'}")
            w.alarms += [f"{n} {what}" for what in report.diverged.items()] if report else []
        except Exception as error:
            if getattr(error, "code", "") not in {"KF-404", "KF-302"}:
                raise
            w.log.append(f"    {path.name}: unfit")


def trip(w: Lived, n: int, school: Sekolah) -> None:
    w.life.ingest(school.export().file)
    report = school.apply(w.life.answer(school).file)
    w.alarms += [f"{n} {what}" for what in report.diverged.items()] if report else []


ACTIONS = [
    (new_pupil, 6), (edit_pupil, 10), (fix_pupil, 1), (delete_pupil, 2), (undelete, 1), (clear_and_undelete, 1), (new_stay, 2),
    (edit_stay, 2), (new_card, 3), (edit_card, 4), (new_body, 2), (edit_body, 2), (new_rombel, 3), (edit_rombel, 3),
    (new_member, 4), (edit_member, 4), (new_matev, 2), (new_nilai, 3), (edit_nilai, 2), (new_land, 1), (new_njop, 2),
    (edit_njop, 2), (new_jadwal, 2), (edit_jadwal, 2), (replace_pupil, 1),
    (kip, 4), (verval, 4), (dinas, 5), (pusat, 3), (centre_deletes, 3), (centre_adds, 3), (centre_moves, 1), (shown_elsewhere, 1),
    (edit_guest, 1),
    (export, 8), (carry, 6), (carry_last, 4), (answer, 7), (bring, 8), (trip, 3),
]
