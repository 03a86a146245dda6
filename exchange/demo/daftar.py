"""The Excel downloads that operators know, filled with a made-up school.

Layouts are those of Dapodik's own templates: two header rows for pupils, one for staff, everything
as text, dates ``YYYY-MM-DD``, coordinates with a decimal comma.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from exchange.demo.school import KECAMATAN, MadeUpSchool, Pupil

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

AGAMA = {1: "Islam", 2: "Kristen", 3: "Katholik", 4: "Hindu", 5: "Budha", 6: "Khonghucu"}
TINGGAL = {1: "Bersama orang tua", 2: "Wali", 3: "Kos", 4: "Asrama", 5: "Panti asuhan", 10: "Pesantren", 99: "Lainnya"}
TRANSPORTASI = {
    1: "Jalan kaki",
    3: "Angkutan umum/bus/pete-pete",
    4: "Mobil/bus antar jemput",
    6: "Ojek",
    12: "Sepeda",
    13: "Sepeda motor",
    14: "Mobil pribadi",
}
JENJANG = {
    0: "Tidak sekolah",
    3: "Putus SD",
    4: "SD / sederajat",
    5: "SMP / sederajat",
    6: "SMA / sederajat",
    22: "D3",
    30: "S1",
    35: "S2",
}
PEKERJAAN = {
    1: "Tidak bekerja",
    2: "Nelayan",
    3: "Petani",
    5: "PNS/TNI/Polri",
    6: "Karyawan Swasta",
    7: "Pedagang Kecil",
    9: "Wiraswasta",
    11: "Buruh",
    12: "Pensiunan",
    13: "Tenaga Kerja Indonesia",
    98: "Sudah Meninggal",
}
PENGHASILAN = {
    11: "Kurang dari Rp. 500,000",
    12: "Rp. 500,000 - Rp. 999,999",
    13: "Rp. 1,000,000 - Rp. 1,999,999",
    14: "Rp. 2,000,000 - Rp. 4,999,999",
    15: "Rp. 5,000,000 - Rp. 20,000,000",
    99: "Tidak Berpenghasilan",
}
LAYAK_PIP = {6: "Siswa Miskin/Rentan Miskin"}


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
    cells: list[object] = [
        *(number, p["nama"], s["nipd"], p["jenis_kelamin"], p["nisn"], p["tempat_lahir"], p["tanggal_lahir"], p["nik"]),
        *(AGAMA[p["agama_id"]], p["alamat_jalan"], p["rt"], p["rw"], p["nama_dusun"], p["desa_kelurahan"]),
        *(f"Kec. {KECAMATAN}", p["kode_pos"], TINGGAL[p["jenis_tinggal_id"]], TRANSPORTASI[p["alat_transportasi_id"]]),
        *(p["nomor_telepon_rumah"], p["nomor_telepon_seluler"], p["email"], s["no_skhun"]),
        *(_yes(p["penerima_kps"]), p["no_kps"], *_parent_cells(pupil, "ayah"), *_parent_cells(pupil, "ibu")),
        *(*_parent_cells(pupil, "wali"), school.rombel[pupil.rombel].nama, s["no_peserta_ujian"], s["no_seri_ijazah"]),
        *(_yes(p["penerima_kip"]), p["no_kip"], p["nm_kip"], p["no_kks"], p["reg_akta_lahir"], "", "", ""),
        *(_yes(p["layak_pip"]), LAYAK_PIP.get(p["id_layak_pip"]), "Tidak ada", s["sekolah_asal"], p["anak_keberapa"]),
        *(_comma(p["lintang"]), _comma(p["bujur"]), p["no_kk"], b["berat_badan"], b["tinggi_badan"]),
        *(b["lingkar_kepala"], b["jumlah_saudara_kandung"], b["jarak_rumah_ke_sekolah_km"]),
    ]
    return ["" if cell is None else str(cell) for cell in cells]


def _parent_cells(pupil: Pupil, who: str) -> list[object]:
    """Return the six cells of ``ayah``, ``ibu`` or ``wali``."""
    p = pupil.person
    return [
        p["nama_ibu_kandung" if who == "ibu" else f"nama_{who}"],
        p[f"tahun_lahir_{who}"],
        JENJANG.get(p[f"jenjang_pendidikan_{who}"]),
        PEKERJAAN.get(p[f"pekerjaan_id_{who}"]),
        PENGHASILAN.get(p[f"penghasilan_id_{who}"]),
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
    top = [
        "Daftar Peserta Didik",
        school.nama,
        f"Kecamatan Kec. {KECAMATAN}, Kabupaten Kab. Contoh, Provinsi Prov. Contoh",
    ]
    top.append(f"Tanggal Unduh: {school.tahun}-09-01 08:00:00 Pengunduh: operator@{school.npsn}.contoh")
    _write_sheet(
        path,
        "Daftar Peserta Didik",
        [[line] for line in top] + [list(PD_HEADERS), second],
        merges,
        daftar_pd_rows(school),
    )


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


def _yes(flag: object) -> str:
    """Return ``Ya`` or ``Tidak``."""
    return "Ya" if flag else "Tidak"


def _comma(number: object) -> str | None:
    """Return a stored decimal with the comma that the downloads write."""
    return None if number is None else str(number).replace(".", ",")
