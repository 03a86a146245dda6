"""What may happen in a world: what people, the centre, couriers and machines do, each one step.

A deed draws everything from ``w.dice``, which every step seeds anew, and does nothing where there is nothing to do it
to; so any step of a story can be left out.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass

from exchange.errors import ExchangeError
from exchange.schema.ids import derive_id
from tests.world import mishaps, programs, thefts
from tests.world.place import RUANG, UNKNOWN_AGAMA
from tests.world.world import Parcel, World

Deed = Callable[[World, int], object]


@dataclass(frozen=True)
class Kind:
    """A deed in a story.

    Attributes:
        do: What it does at a school.
        weight: How often it happens.
        words: What it is, for people.
        stops: Whether a machine may stop meanwhile.
        switch: The switch that lets it happen, if it is not always on.
    """

    do: Deed
    weight: int
    words: str
    stops: bool = False
    switch: str = ""


# --- at a school ------------------------------------------------------------------------------


def new_pupil(w: World, n: int) -> None:
    laptop, row = w.laptop(n), w.id()
    w.insert(
        laptop, "peserta_didik", row, nama=w.word("SISWA"), jenis_kelamin="L", tanggal_lahir="2016-05-03",
        nama_ibu_kandung="IBU", agama_id=UNKNOWN_AGAMA if w.dice.random() < 0.07 else 1, kebutuhan_khusus_id=0,
        kewarganegaraan="ID", penerima_kps=0, penerima_kip=0, nisn=w.dice.choice([None, "9900000001", "9900000002"]),
    )
    if w.dice.random() < 0.7:
        stay(w, n, row)


def stay(w: World, n: int, pupil: str | None = None) -> None:
    laptop = w.laptop(n)
    pupil = pupil or w.some(w.dice.choice([n, n, n, w.other(n)]), "peserta_didik")
    if pupil:
        row = str(derive_id("registrasi_peserta_didik", pupil, w.scope(n), "1"))
        w.insert(
            laptop, "registrasi_peserta_didik", row, peserta_didik_id=pupil, sekolah_id=w.scope(n),
            jenis_pendaftaran_id=1, tanggal_masuk_sekolah="2024-07-15", nipd=w.word("NIPD"),
        )


def edit_stay(w: World, n: int) -> None:
    w.edit(w.laptop(n), "registrasi_peserta_didik", w.some(n, "registrasi_peserta_didik"), **w.dice.choice([
        {"nipd": w.word("NIPD")}, {"jenis_keluar_id": "1", "tanggal_keluar": "2026-06-30"},
        {"sekolah_asal": w.word("SD")},
    ]))


def edit_pupil(w: World, n: int) -> None:
    w.edit(w.laptop(n), "peserta_didik", w.some(n, "peserta_didik"), **w.dice.choice([
        {"nama": w.word("NAMA")}, {"alamat_jalan": w.word("Jalan")}, {"rt": w.dice.randrange(99)}, {"rt": None},
        {"nomor_telepon_rumah": w.dice.choice(["0811", None])}, {"penerima_kps": 1, "no_kps": w.word("KPS")},
        {"penerima_kip": 1, "no_kip": w.card("A")}, {"tempat_lahir": w.word("Kota")}, {"agama_id": 1},
        {"agama_id": UNKNOWN_AGAMA}, {"nisn": w.dice.choice([None, "9900000001", "9900000003"])},
        {"nama_ibu_kandung": w.word("IBU")}, {"rekening_bank": w.word("REK")},
    ]))


def fix_pupil(w: World, n: int) -> None:
    laptop = w.laptop(n)
    for (row,) in laptop.sql("SELECT peserta_didik_id FROM peserta_didik WHERE agama_id = ? ORDER BY 1", UNKNOWN_AGAMA):
        w.edit(laptop, "peserta_didik", str(row), agama_id=1)


def replace_pupil(w: World, n: int) -> None:
    """Another program writes a row whole, and leaves out what it does not know."""
    laptop, row = w.laptop(n), w.some(n, "peserta_didik")
    there = laptop.row("peserta_didik", row) if row else {}
    if row and there and there["soft_delete"] != 1 and there["kirim_home"] is None:
        values: dict[str, object] = {
            "nama": w.word("GANTI"), "jenis_kelamin": "L", "tanggal_lahir": "2016-05-03", "nama_ibu_kandung": "IBU",
            "agama_id": 1, "kebutuhan_khusus_id": 0, "kewarganegaraan": "ID", "penerima_kps": 0, "penerima_kip": 0,
        }
        laptop.sql(
            f"INSERT OR REPLACE INTO peserta_didik (peserta_didik_id, {', '.join(values)}) "
            f"VALUES ({', '.join('?' * (len(values) + 1))})", row, *values.values(),
        )
        lost = {c: None for c in there if c not in values and c not in {"peserta_didik_id", "soft_delete", "kirim_home"}}
        w.say(f"peserta_didik {row[:8]} replaced {values}")
        w._note(laptop, "peserta_didik", row, lost | values)
        if w.modelled:
            w.model.put(laptop, ("peserta_didik", row), lost | values)


def new_card(w: World, n: int) -> None:
    pupil = w.some(w.dice.choice([n, n, n, w.other(n)]), "peserta_didik")
    if pupil:
        w.insert(
            w.laptop(n), "kesejahteraan_pd", w.id(), peserta_didik_id=pupil, jenis_kesejahteraan_id=1,
            nomor=w.word("K"), nm_di_kartu=w.word("NAMA"), dari_tahun=2020,
        )


def edit_card(w: World, n: int) -> None:
    w.edit(w.laptop(n), "kesejahteraan_pd", w.some(n, "kesejahteraan_pd"), **w.dice.choice([
        {"nomor": w.word("K")}, {"sampai_tahun": w.dice.randrange(2020, 2030)}, {"nm_di_kartu": None},
        {"peserta_didik_id": w.some(w.dice.choice([n, n, w.other(n)]), "peserta_didik") or w.id()},
    ]))


def new_rombel(w: World, n: int) -> None:
    nama = w.dice.choice(["1A", "1B", "2A"])
    values: dict[str, object] = {
        "semester_id": "20261", "id_ruang": RUANG, "sekolah_id": w.scope(n), "tingkat_pendidikan_id": 1, "nama": nama,
        "jenis_rombel": 1, "moving_class": 0,
    }
    if w.dice.random() < 0.5:
        values["sks"] = w.dice.randrange(9)
    row = str(derive_id("rombongan_belajar", w.scope(n), "20261", 1, nama))
    w.insert(w.laptop(n), "rombongan_belajar", row, **values)


def edit_rombel(w: World, n: int) -> None:
    w.edit(w.laptop(n), "rombongan_belajar", w.some(n, "rombongan_belajar"), **w.dice.choice([
        {"tanggal_mulai": f"2026-07-{w.dice.randrange(10, 28)}"}, {"sks": w.dice.randrange(99)},
    ]))


def new_member(w: World, n: int) -> None:
    pupil, rombel = w.some(n, "peserta_didik"), w.some(n, "rombongan_belajar")
    if pupil and rombel:
        w.insert(
            w.laptop(n), "anggota_rombel", str(derive_id("anggota_rombel", rombel, pupil)),
            rombongan_belajar_id=rombel, peserta_didik_id=pupil, jenis_pendaftaran_id=1,
        )


def edit_member(w: World, n: int) -> None:
    rombel = w.some(n, "rombongan_belajar")
    if rombel:
        w.edit(w.laptop(n), "anggota_rombel", w.some(n, "anggota_rombel"), **w.dice.choice([
            {"jenis_pendaftaran_id": w.dice.choice([1, 2])}, {"rombongan_belajar_id": rombel},
        ]))


def new_nilai(w: World, n: int) -> None:
    rombel, member, laptop = w.some(n, "rombongan_belajar"), w.some(n, "anggota_rombel"), w.laptop(n)
    if rombel and member:
        matev = str(derive_id("nilai_matev_rapor", rombel, 4))
        w.insert(laptop, "nilai_matev_rapor", matev, nm_mata_evaluasi="IPA", rombongan_belajar_id=rombel,
                 a_dari_template=0, no_urut=1)
        w.insert(laptop, "nilai_nilai_rapor", str(derive_id("nilai_nilai_rapor", matev, member)), id_evaluasi=matev,
                 anggota_rombel_id=member, nilai_kognitif_angka=f"{w.dice.randrange(100)}.00")


def edit_nilai(w: World, n: int) -> None:
    w.edit(w.laptop(n), "nilai_nilai_rapor", w.some(n, "nilai_nilai_rapor"), **w.dice.choice([
        {"nilai_kognitif_angka": f"{w.dice.randrange(100)}.00"}, {"ket_psim": w.word("ket")},
    ]))


def edit_ptk(w: World, n: int) -> None:
    w.edit(w.laptop(n), "ptk", w.some(n, "ptk"), **w.dice.choice([
        {"alamat_jalan": w.word("Jalan")}, {"niy_nigk": w.word("NIY")}, {"no_hp": "0812"}, {"nip": w.word("NIP")},
    ]))


def edit_teaching(w: World, n: int) -> None:
    w.edit(w.laptop(n), "ptk_terdaftar", w.some(n, "ptk_terdaftar"), **w.dice.choice([
        {"aktif_bulan_07": w.dice.choice([0, 1])}, {"nomor_surat_tugas": w.word("ST")},
    ]))


DELETED = ("peserta_didik", "kesejahteraan_pd", "rombongan_belajar", "anggota_rombel", "registrasi_peserta_didik",
           "nilai_nilai_rapor", "nilai_matev_rapor")


def delete(w: World, n: int) -> None:
    table = w.dice.choice(DELETED)
    w.delete(w.laptop(n), table, w.some(n, table))


def undelete(w: World, n: int) -> None:
    laptop, table = w.laptop(n), w.dice.choice(DELETED)
    for row in w.rows.get((n, table), []):
        w.undelete(laptop, table, row)


def edit_guest(w: World, n: int) -> None:
    """A school edits a row that it only sees."""
    laptop = w.laptop(n)
    found = laptop.sql("SELECT peserta_didik_id FROM peserta_didik WHERE kirim_home IS NOT NULL ORDER BY 1")
    if found:
        row = str(w.dice.choice(found)[0])
        if w.dice.random() < 0.7:
            w.edit(laptop, "peserta_didik", row, alamat_jalan=w.word("Tamu"))
        else:
            w.delete(laptop, "peserta_didik", row)


# --- the centre -------------------------------------------------------------------------------


def kip(w: World, n: int) -> None:
    row = w.some(n, "peserta_didik")
    if row:
        w.kip(row, w.card("B"))


def verval(w: World, n: int) -> None:
    w.centre("verval", "peserta_didik", w.some(n, "peserta_didik"), w.dice.choice([
        {"nama": w.word("VERVAL")}, {"tempat_lahir": w.word("Kota"), "tanggal_lahir": "2016-01-01"},
        {"nik": f"99{w.dice.getrandbits(40):014}"[:16]}, {"nama_ibu_kandung": w.word("IBU")}, {"nisn": "9900000009"},
    ]), verified=w.dice.random() < 0.5)


def dinas(w: World, n: int) -> None:
    table, values = w.dice.choice([
        ("peserta_didik", {"alamat_jalan": w.word("Jl. Dinas")}), ("anggota_rombel", {"jenis_pendaftaran_id": 5}),
        ("rombongan_belajar", {"sks": 77}), ("kesejahteraan_pd", {"nomor": w.word("D")}),
        ("nilai_nilai_rapor", {"ket_psim": w.word("dinas")}), ("ptk", {"niy_nigk": w.word("NIY")}),
        ("ptk", {"alamat_jalan": w.word("Jl. Dinas")}), ("ptk_terdaftar", {"nomor_surat_tugas": w.word("ST")}),
        ("ptk_terdaftar", {"aktif_bulan_07": 1}),
    ])
    w.centre("dinas", table, w.some(n, table), values)


def pusat(w: World, n: int) -> None:
    w.centre("pusat", "peserta_didik", w.some(n, "peserta_didik"), w.dice.choice([
        {"rekening_bank": w.word("REK"), "id_bank": "002"}, {"nomor_telepon_rumah": "0899"},
        {"penerima_kps": 1, "no_kps": w.word("KPS")},
    ]))


def centre_deletes(w: World, n: int) -> None:
    table = w.dice.choice(DELETED)
    w.centre("pusat", table, w.some(n, table), {"soft_delete": 1})


def centre_adds(w: World, n: int) -> None:
    """The centre hangs a row on one of the school's: with a random id, or the derived one that the school would make too.

    On one that it holds: where a row hangs on one that is kept aside, the school's delete of that one may be taken either way.
    """
    pupil, rombel = w.some(n, "peserta_didik"), w.some(n, "rombongan_belajar")
    if w.dice.random() < 0.5:
        if pupil and w.place.row("peserta_didik", pupil).get("kirim_home") == w.scope(n):
            row = w.id()
            w.rows.setdefault((n, "kesejahteraan_pd"), []).append(row)
            w.centre_new("pusat", "kesejahteraan_pd", row, {
                "peserta_didik_id": pupil, "jenis_kesejahteraan_id": 1, "nomor": w.word("P")})
    elif (
        pupil and w.place.row("peserta_didik", pupil)
        and rombel and w.place.row("rombongan_belajar", rombel).get("kirim_home") == w.scope(n)
    ):
        row = str(derive_id("anggota_rombel", rombel, pupil))
        if row not in w.rows.setdefault((n, "anggota_rombel"), []):
            w.rows[n, "anggota_rombel"].append(row)
        w.centre_new("pusat", "anggota_rombel", row, {
            "rombongan_belajar_id": rombel, "peserta_didik_id": pupil, "jenis_pendaftaran_id": 2,
        }, verified=w.dice.random() < 0.3)


def centre_moves(w: World, n: int) -> None:
    rombel = w.some(n, "rombongan_belajar")
    if rombel:
        w.centre("pusat", "anggota_rombel", w.some(n, "anggota_rombel"), {"rombongan_belajar_id": rombel})


def shown(w: World, n: int) -> None:
    row = w.some(n, "peserta_didik")
    if row:
        w.show(row, w.other(n))


# --- couriers ---------------------------------------------------------------------------------


def export(w: World, n: int) -> None:
    w.export(w.laptop(n))


def carry(w: World, n: int) -> None:
    """A few of all the packages ever written arrive, in any order; the others are lost, or come later."""
    some = w.dice.sample(w.parcels, min(len(w.parcels), w.dice.randrange(1, 4)))
    if some:
        w.ingest([parcel.path for parcel in some])


def carry_last(w: World, n: int) -> None:
    mine = [parcel for parcel in w.parcels if parcel.n == n]
    if mine:
        w.ingest([mine[-1].path] * w.dice.choice([1, 1, 2]))


def bulk(w: World, n: int) -> None:
    """A district packs a ZIP of everything that lies around: packages, returns, damaged and foreign files."""
    path = w.courier / f"{w.step:04}-kiriman.zip"
    lying = w.parcels + [parcel for parcels in w.returns for parcel in parcels]
    some = w.dice.sample(lying, min(len(lying), w.dice.randrange(2, 8)))
    with zipfile.ZipFile(path, "w") as file:
        for number, parcel in enumerate(some):
            file.write(parcel.path, f"folder/{number} salinan.kirim")
        file.writestr("foto.jpg", b"\xff\xd8\xff\xe0 bukan paket")
        if some:
            file.writestr("rusak.kirim", broken(w, some[0]))
    w.ingest([path])


def broken(w: World, parcel: Parcel) -> bytes:
    """Return a file's bytes with one bit turned, or cut short."""
    data = bytearray(parcel.path.read_bytes())
    if w.dice.random() < 0.5:
        data[w.dice.randrange(len(data))] ^= 1 << w.dice.randrange(8)
        return bytes(data)
    return bytes(data[: w.dice.randrange(len(data))])


def damaged(w: World, n: int) -> None:
    """A courier's stick spoils a package on its way to the centre, or a return on its way to the school."""
    lying = w.parcels if w.dice.random() < 0.5 else w.returns[n]
    if not lying:
        return
    parcel = w.dice.choice(lying)
    path = w.courier / f"{w.step:04}-rusak.kirim"
    path.write_bytes(broken(w, parcel))
    if lying is w.parcels:
        became = w.ingest([path])
        if became != ["quarantined"]:
            w.wrong.append(f"a damaged package is {became}")
    else:
        refused(w, n, path)


def swapped(w: World, n: int) -> None:
    """A courier mixes up schools and directions: a return of another school, a package at a school, a return at the centre."""
    other = w.returns[w.other(n)]
    if w.dice.random() < 0.4 and other:
        refused(w, n, w.dice.choice(other).path)
    elif w.dice.random() < 0.5 and w.parcels:
        refused(w, n, w.dice.choice(w.parcels).path)
    elif w.returns[n]:
        became = w.ingest([w.dice.choice(w.returns[n]).path])
        if became != ["quarantined"]:
            w.wrong.append(f"a return at the centre is {became}")


def refused(w: World, n: int, path: object) -> None:
    """A file that must change nothing at a school."""
    laptop = w.laptop(n)
    before = laptop.node.store.db.connection.total_changes
    try:
        laptop.apply(path)
    except ExchangeError as error:
        w.say(f"refused: {error.code}")
    else:
        w.wrong.append(f"school {n} took {path}")
    if laptop.node.store.db.connection.total_changes != before:
        w.wrong.append(f"school {n} changed by {path}, which it refused")


def answer(w: World, n: int) -> None:
    w.answer(n)


def bring(w: World, n: int) -> None:
    """One of the last returns arrives, maybe a late one, maybe again."""
    if w.returns[n]:
        w.apply(w.laptop(n), w.dice.choice(w.returns[n][-3:]))


def late(w: World, n: int) -> None:
    """Any return that was ever written arrives."""
    if w.returns[n]:
        w.apply(w.laptop(n), w.dice.choice(w.returns[n]))


def trip(w: World, n: int) -> None:
    w.round_trip(w.laptop(n))


def sent(w: World, n: int) -> None:
    """A package arrives at once, its return does not."""
    w.ingest([w.export(w.laptop(n)).path])


def fetched(w: World, n: int) -> None:
    """A return arrives at once, though nothing was sent."""
    w.apply(w.laptop(n), w.answer(n))


# --- machines ---------------------------------------------------------------------------------


def boot(w: World, n: int) -> None:
    """A laptop, or the server, starts again with a clock that may stand anywhere, also earlier than before."""
    now = w.dice.choice([w.dice.randrange(1_740_000_000, 2_500_000_000), 1_793_000_000 + w.dice.randrange(-10**6, 10**6)])
    if w.dice.random() < 0.3:
        w.place.clock.now = now
        w.place.reopen_server()
        w.say(f"the server starts, its clock says {now}")
    else:
        laptop = w.laptop(n)
        laptop.clock.now = now
        laptop.reopen()
        w.say(f"school {n} starts its laptop, its clock says {now}")


DEEDS: dict[str, Kind] = {
    "new_pupil": Kind(new_pupil, 6, "enters a pupil"),
    "edit_pupil": Kind(edit_pupil, 10, "edits a pupil"),
    "fix_pupil": Kind(fix_pupil, 1, "corrects a wrong code"),
    "replace_pupil": Kind(replace_pupil, 1, "lets another program write a pupil whole"),
    "stay": Kind(stay, 2, "registers a pupil"),
    "edit_stay": Kind(edit_stay, 2, "edits a registration"),
    "new_card": Kind(new_card, 3, "enters a welfare card"),
    "edit_card": Kind(edit_card, 4, "edits a welfare card"),
    "new_rombel": Kind(new_rombel, 3, "makes a class"),
    "edit_rombel": Kind(edit_rombel, 3, "edits a class"),
    "new_member": Kind(new_member, 4, "puts a pupil into a class"),
    "edit_member": Kind(edit_member, 3, "edits a membership"),
    "new_nilai": Kind(new_nilai, 3, "enters a mark"),
    "edit_nilai": Kind(edit_nilai, 2, "edits a mark"),
    "edit_ptk": Kind(edit_ptk, 2, "edits a teacher"),
    "edit_teaching": Kind(edit_teaching, 1, "edits a teacher's year"),
    "delete": Kind(delete, 4, "deletes a row"),
    "undelete": Kind(undelete, 2, "takes deletes back"),
    "edit_guest": Kind(edit_guest, 1, "touches a row of another school"),
    "kip": Kind(kip, 4, "gets a KIP number from the centre", stops=True),
    "verval": Kind(verval, 4, "gets a verval correction", stops=True),
    "dinas": Kind(dinas, 5, "is edited by the dinas"),
    "pusat": Kind(pusat, 3, "is edited by the centre"),
    "centre_deletes": Kind(centre_deletes, 3, "loses a row to the centre"),
    "centre_adds": Kind(centre_adds, 3, "is given a row by the centre"),
    "centre_moves": Kind(centre_moves, 1, "sees a pupil moved to another class by the centre"),
    "shown": Kind(shown, 2, "has a pupil shown to another school"),
    "export": Kind(export, 8, "writes a package", stops=True),
    "carry": Kind(carry, 6, "waits while any packages arrive at the centre", stops=True),
    "carry_last": Kind(carry_last, 4, "has its last package arrive", stops=True),
    "bulk": Kind(bulk, 2, "waits while a district uploads a ZIP", stops=True),
    "damaged": Kind(damaged, 2, "has a file damaged on its way"),
    "swapped": Kind(swapped, 2, "meets a file meant for somebody else"),
    "answer": Kind(answer, 7, "is written a return", stops=True),
    "bring": Kind(bring, 8, "has a return arrive", stops=True),
    "late": Kind(late, 2, "has an old return arrive"),
    "trip": Kind(trip, 3, "makes a whole round trip", stops=True),
    "sent": Kind(sent, 6, "has a new package arrive at the centre", stops=True),
    "fetched": Kind(fetched, 5, "has a new return arrive", stops=True),
    "boot": Kind(boot, 2, "sees a machine start with another clock"),
    "backup_laptop": Kind(mishaps.backup_laptop, 4, "backs up its laptop", switch="restore"),
    "backup_server": Kind(mishaps.backup_server, 4, "waits while the server is backed up", switch="restore"),
    "restore_laptop": Kind(mishaps.restore_laptop, 3, "restores its laptop from some backup", switch="restore"),
    "restore_server": Kind(mishaps.restore_server, 2, "waits while the server is restored", switch="restore"),
    "restore_both": Kind(mishaps.restore_both, 1, "restores its laptop, and the server is restored too", switch="restore"),
    "clone": Kind(mishaps.clone, 3, "copies its laptop to a second one", switch="clone"),
    "lose": Kind(mishaps.lose, 1, "loses one of two laptops", switch="clone"),
    "upgrade_laptop": Kind(programs.upgrade_laptop, 2, "gets a newer program", switch="program", stops=True),
    "upgrade_server": Kind(programs.upgrade_server, 2, "waits while the server gets a newer program", switch="program", stops=True),
    "new_columns": Kind(programs.new_columns, 6, "fills what a newer program has brought", switch="program"),
    "edit_new_rows": Kind(programs.edit_new_rows, 3, "edits rows of a table that a newer program has brought", switch="program"),
    "centre_fills": Kind(programs.centre_fills, 5, "is told of what a newer server knows", switch="program", stops=True),
    "stolen": Kind(thefts.stolen, 4, "has its laptop stolen", switch="theft"),
    "thief_writes": Kind(thefts.thief_writes, 4, "waits while thieves send packages", switch="theft"),
}
"""What may happen, by name."""

OPENING = ("new_pupil", "new_rombel", "new_member", "new_card", "new_nilai", "trip")
"""How most stories begin: something stands that both sides can meet at."""

FILES = ("export", "carry", "carry_last", "answer", "bring", "trip", "sent", "fetched")
"""What happens in every story."""

SWITCHES = {
    "restore": "laptops and servers are restored from any backup",
    "clone": "a school's laptop is copied, and both go on",
    "program": "laptops and the server get newer programs, each in its own time",
    "theft": "laptops are stolen, their keys revoked, and new ones take their places",
    "blind": "the server compares no digests, so nothing heals that the exchange itself does not bring together",
}
"""What can be switched on."""
