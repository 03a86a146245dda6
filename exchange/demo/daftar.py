"""The Excel downloads that operators know, filled with a made-up school.

Layouts are those of Dapodik's own templates: two header rows for pupils, one for staff, everything
as text, dates ``YYYY-MM-DD``, coordinates with a decimal comma.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from exchange.demo.place import KECAMATAN
from exchange.demo.pupils import Pupil
from exchange.demo.rows import reference
from exchange.demo.school import MadeUpSchool
from exchange.demo.staff import Staff
from exchange.schema import SCHEMA, text_column

PARENT_HEADERS = ("Nama", "Tahun Lahir", "Jenjang Pendidikan", "Pekerjaan", "Penghasilan", "NIK")
"""The six columns of each parent, in row 6 of *Daftar Peserta Didik*."""

PD_HEADERS: tuple[str, ...] = (
    *("No", "Nama", "NIPD", "JK", "NISN", "Tempat Lahir", "Tanggal Lahir", "NIK", "Agama", "Alamat", "RT", "RW"),
    *("Dusun", "Kelurahan", "Kecamatan", "Kode Pos", "Jenis Tinggal", "Alat Transportasi", "Telepon", "HP", "E-Mail"),
    *("SKHUN", "Penerima KPS", "No. KPS", "Data Ayah", *[""] * 5, "Data Ibu", *[""] * 5, "Data Wali", *[""] * 5),
    *("Rombel Saat Ini", "No Peserta Ujian Nasional", "No Seri Ijazah", "Penerima KIP", "Nomor KIP", "Nama di KIP"),
    *("Nomor KKS", "No Registrasi Akta Lahir", "Bank", "Nomor Rekening Bank", "Rekening Atas Nama"),
    *("Layak PIP (usulan dari sekolah)", "Alasan Layak PIP", "Kebutuhan Khusus", "Sekolah Asal", "Anak ke-berapa"),
    *("Lintang", "Bujur", "No KK", "Berat Badan", "Tinggi Badan", "Lingkar Kepala"),
    *("Jml. Saudara\nKandung", "Jarak Rumah\nke Sekolah (KM)"),
)
"""Row 5 of *Daftar Peserta Didik*: 66 columns, A to BN; empty where a parent's group goes on."""

PTK_HEADERS: tuple[str, ...] = (
    *("No", "Nama", "NUPTK", "JK", "Tempat Lahir", "Tanggal Lahir", "NIP", "Status Kepegawaian", "Jenis PTK", "Agama"),
    *("Alamat Jalan", "RT", "RW", "Nama Dusun", "Desa/Kelurahan", "Kecamatan", "Kode Pos", "Telepon", "HP", "Email"),
    *("Tugas Tambahan", "SK CPNS", "Tanggal CPNS", "SK Pengangkatan", "TMT Pengangkatan", "Lembaga Pengangkatan"),
    *("Pangkat Golongan", "Sumber Gaji", "Nama Ibu Kandung", "Status Perkawinan", "Nama Suami/Istri"),
    *("NIP Suami/Istri", "Pekerjaan Suami/Istri", "TMT PNS", "Sudah Lisensi Kepala Sekolah"),
    *("Pernah Diklat Kepengawasan", "Keahlian Braille", "Keahlian Bahasa Isyarat", "NPWP", "Nama Wajib Pajak"),
    *("Kewarganegaraan", "Bank", "Nomor Rekening Bank", "Rekening Atas Nama", "NIK", "No KK", "Karpeg", "Karis/Karsu"),
    *("Lintang", "Bujur", "NUKS"),
)
"""Row 5 of *Daftar Guru* and *Daftar Tendik*: 51 columns, A to AY."""

_MARRIAGE = {1: "Kawin", 2: "Belum Kawin", 3: "Janda/Duda"}


def daftar_pd_rows(school: MadeUpSchool) -> list[list[str]]:
    """Return one row a pupil in the 66-column layout, texts as the download writes them.

    Row and column order are the file's; an empty cell is ``""``.

    Source:
        Dapodik's *Daftar Peserta Didik*, columns A to BN.

    Example:
        >>> rows = daftar_pd_rows(MadeUpSchool("SD", 2, seed=1))
        >>> [len(row) for row in rows], rows[0][14]
        ([66, 66], 'Kec. Contoh')
    """
    return [_pd_row(school, number, pupil) for number, pupil in enumerate(school.peserta_didik, 1)]


def _pd_row(school: MadeUpSchool, number: int, pupil: Pupil) -> list[str]:
    """Return one pupil's 66 cells."""
    p, s, b = pupil.person, pupil.stay, pupil.body
    living = (
        _text("ref_jenis_tinggal", p["jenis_tinggal_id"]),
        _text("ref_alat_transportasi", p["alat_transportasi_id"]),
    )
    proposed = (_yes(p["layak_pip"]), _text("ref_alasan_layak_pip", p["id_layak_pip"]))
    cells: list[object] = [
        *(number, p["nama"], s["nipd"], p["jenis_kelamin"], p["nisn"], p["tempat_lahir"], p["tanggal_lahir"], p["nik"]),
        *(_text("ref_agama", p["agama_id"]), p["alamat_jalan"], p["rt"], p["rw"], p["nama_dusun"], p["desa_kelurahan"]),
        *(f"Kec. {KECAMATAN}", p["kode_pos"], *living, p["nomor_telepon_rumah"], p["nomor_telepon_seluler"]),
        *(p["email"], s["no_skhun"], _yes(p["penerima_kps"]), p["no_kps"], *_parent_cells(pupil, "ayah")),
        *(*_parent_cells(pupil, "ibu"), *_parent_cells(pupil, "wali"), school.rombel[pupil.rombel].nama),
        *(s["no_peserta_ujian"], s["no_seri_ijazah"], _yes(p["penerima_kip"]), p["no_kip"], p["nm_kip"], p["no_kks"]),
        *(p["reg_akta_lahir"], None, None, None, *proposed, _text("ref_kebutuhan_khusus", p["kebutuhan_khusus_id"])),
        *(s["sekolah_asal"], p["anak_keberapa"], _comma(p["lintang"]), _comma(p["bujur"]), p["no_kk"]),
        *(b["berat_badan"], b["tinggi_badan"], b["lingkar_kepala"], b["jumlah_saudara_kandung"]),
        b["jarak_rumah_ke_sekolah_km"],
    ]
    return ["" if cell is None else str(cell) for cell in cells]


def _parent_cells(pupil: Pupil, who: str) -> list[object]:
    """Return the six cells of ``ayah``, ``ibu`` or ``wali``."""
    p = pupil.person
    return [
        p["nama_ibu_kandung" if who == "ibu" else f"nama_{who}"],
        p[f"tahun_lahir_{who}"],
        _text("ref_jenjang_pendidikan", p[f"jenjang_pendidikan_{who}"]),
        _text("ref_pekerjaan", p[f"pekerjaan_id_{who}"]),
        _text("ref_penghasilan", p[f"penghasilan_id_{who}"]),
        p[f"nik_{who}"],
    ]


def write_daftar_pd(path: Path, school: MadeUpSchool) -> None:
    """Write *Daftar Peserta Didik* of a school as the application's own download does.

    Args:
        path: Where; an existing file is replaced.
        school: Whose pupils.
    """
    second = [""] * len(PD_HEADERS)
    for start, header in enumerate(PD_HEADERS):
        if header.startswith("Data "):
            second[start : start + len(PARENT_HEADERS)] = PARENT_HEADERS
    merges = [(4, at, 4, at + 5, header) for at, header in enumerate(PD_HEADERS) if header.startswith("Data ")]
    merges += [(4, at, 5, at, header) for at, header in enumerate(PD_HEADERS) if header and not second[at]]
    when = f"Tanggal Unduh: {school.tahun}-09-01 08:00:00"
    top = [["Daftar Peserta Didik"], [school.nama], [_region_line()], [when, "", _by(school)]]
    _write_sheet(
        path,
        "Daftar Peserta Didik",
        [*top, list(PD_HEADERS), second],
        merges,
        daftar_pd_rows(school),
    )


def daftar_ptk_rows(staff: Iterable[Staff]) -> list[list[str]]:
    """Return one row a PTK in the 51-column layout of *Daftar Guru* and *Daftar Tendik*.

    Example:
        >>> rows = daftar_ptk_rows(MadeUpSchool("SD", 30, seed=1).ptk[:2])
        >>> [len(row) for row in rows], rows[0][8], rows[0][20]
        ([51, 51], 'Kepala Sekolah', 'Kepala Sekolah')
    """
    return [_ptk_row(number, one) for number, one in enumerate(staff, 1)]


def _ptk_row(number: int, one: Staff) -> list[str]:
    """Return one PTK's 51 cells."""
    p = one.person
    kind = (_text("ref_status_kepegawaian", p["status_kepegawaian_id"]), _text("ref_jenis_ptk", p["jenis_ptk_id"]))
    skills = ("sudah_lisensi_kepala_sekolah", "pernah_diklat_kepengawasan", "keahlian_braille", "keahlian_bhs_isyarat")
    cells: list[object] = [
        *(number, p["nama"], p["nuptk"], p["jenis_kelamin"], p["tempat_lahir"], p["tanggal_lahir"], p["nip"], *kind),
        *(_text("ref_agama", p["agama_id"]), p["alamat_jalan"], p["rt"], p["rw"], p["nama_dusun"], p["desa_kelurahan"]),
        *(f"Kec. {KECAMATAN}", p["kode_pos"], p["no_telepon_rumah"], p["no_hp"], p["email"]),
        *("Kepala Sekolah" if one.head else None, p["sk_cpns"], p["tgl_cpns"], p["sk_pengangkatan"]),
        *(p["tmt_pengangkatan"], _text("ref_lembaga_pengangkat", p["lembaga_pengangkat_id"])),
        *(_text("ref_pangkat_golongan", p["pangkat_golongan_id"]), _text("ref_sumber_gaji", p["sumber_gaji_id"])),
        *(p["nama_ibu_kandung"], _MARRIAGE[p["status_perkawinan"]], p["nama_suami_istri"], p["nip_suami_istri"]),
        *(_text("ref_pekerjaan", p["pekerjaan_suami_istri"]), p["tmt_pns"], *(_yes(p[skill]) for skill in skills)),
        *(
            p["npwp"],
            p["nm_wp"],
            p["kewarganegaraan"],
            None,
            None,
            None,
            p["nik"],
            p["no_kk"],
            p["karpeg"],
            p["karpas"],
        ),
        *(_comma(p["lintang"]), _comma(p["bujur"]), p["nuks"]),
    ]
    return ["" if cell is None else str(cell) for cell in cells]


def write_daftar_guru(path: Path, school: MadeUpSchool) -> None:
    """Write *Daftar Guru*: the head and the teachers. An existing file is replaced."""
    _write_daftar_ptk(path, school, "Daftar Guru", [one for one in school.ptk if one.is_guru])


def write_daftar_tendik(path: Path, school: MadeUpSchool) -> None:
    """Write *Daftar Tendik*: everybody of the staff who does not teach. An existing file is replaced."""
    _write_daftar_ptk(path, school, "Daftar Tendik", [one for one in school.ptk if not one.is_guru])


def _write_daftar_ptk(path: Path, school: MadeUpSchool, title: str, staff: Sequence[Staff]) -> None:
    top = ["Daftar Pendidik dan Tenaga Kependidikan", school.nama, _region_line()]
    head = [[line] for line in top] + [[f"Tanggal Unduh: {school.tahun}-09-01 08:00:00", "", _by(school)]]
    _write_sheet(path, title, [*head, list(PTK_HEADERS)], [], daftar_ptk_rows(staff))


def _region_line() -> str:
    return f"Kecamatan Kec. {KECAMATAN}, Kabupaten Kab. Contoh, Provinsi Prov. Contoh"


def _by(school: MadeUpSchool) -> str:
    return f"Pengunduh: operator@{school.npsn}.contoh"


def _write_sheet(
    path: Path,
    name: str,
    head: Sequence[Sequence[str]],
    merges: Sequence[tuple[int, int, int, int, str]],
    rows: Sequence[Sequence[str]],
) -> None:
    """Write one sheet: the lines above the data, the merged header cells, the rows, all as text."""
    import xlsxwriter

    workbook = xlsxwriter.Workbook(str(path), {"strings_to_numbers": False, "strings_to_urls": False})
    sheet = workbook.add_worksheet(name)
    for at, line in enumerate([*head, *rows]):
        for column, cell in enumerate(line):
            if cell != "":
                sheet.write_string(at, column, cell)
    for first_row, first_column, last_row, last_column, text in merges:
        sheet.merge_range(first_row, first_column, last_row, last_column, text)
    workbook.close()


@cache
def _texts(table: str) -> dict[object, str]:
    """Return the texts that lists write for the codes of a reference table."""
    key = SCHEMA.by_name[table].key_names[0]
    return {row[key]: str(row[text_column(table)]) for row in reference(table)}


def _text(table: str, code: object) -> str | None:
    """Return the text of a code, ``None`` for no code."""
    return None if code is None else _texts(table)[code]


def _yes(flag: object) -> str:
    """Return ``Ya`` or ``Tidak``."""
    return "Ya" if flag else "Tidak"


def _comma(number: object) -> str | None:
    """Return a stored decimal with the comma that the downloads write."""
    return None if number is None else str(number).replace(".", ",")
