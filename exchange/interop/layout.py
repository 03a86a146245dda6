"""The lists that operators know, as data: every column, where its value lives, and how a cell says it.

A layout is text in lines ``header | table.column | how``. A header under a parent group is written ``group > header``.
*how* is empty where the type of the column says it all, else one of:

- ``show``: written by us, never taken;
- ``name``: text without tab or line break; ``must``: the same, and a new row needs it;
- ``digits``: empty or as many digits as the column has characters, or the row is invalid (rules PD-10, PD-12);
- ``upper``: a card's number;
- ``sex``, ``yesno``, ``birth``, ``marriage``: as the words say; ``text``: as the column's text, whatever it means;
- ``code``: the text of a reference row; ``region``: a kecamatan, written ``Kec. X``;
- ``km``: whole kilometres, which decide ``jarak_rumah_ke_sekolah`` too; ``class``: the name of a rombel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from exchange import errors
from exchange.interop.cells import cell_text, fold
from exchange.interop.workbook import Rows, column_letters

HEADER_ROWS_MAX = 30
"""Rows from the top in which a header is looked for: six in the downloads, more where somebody added a letterhead."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a list.

    Attributes:
        index: Its place, from 0.
        group: Header above it, or empty.
        header: Its own header.
        table: Where its value lives, or empty.
        column: In which column.
        how: How a cell says it, as above.
    """

    index: int
    group: str
    header: str
    table: str
    column: str
    how: str

    @property
    def title(self) -> str:
        """Both headers, as an operator would read them."""
        return " ".join(f"{self.group} {self.header}".split())


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field stands in one file.

    Attributes:
        field: The field.
        index: Its column there, from 0.
    """

    field: Field
    index: int

    @property
    def name(self) -> str:
        """Letters and header, such as ``E NISN``."""
        return f"{column_letters(self.index + 1)} {self.field.title}"


@dataclass(frozen=True, slots=True)
class Layout:
    """A list's columns.

    Attributes:
        fields: In order.
        needed: Folded titles without which a file is not this list.
        header_rows: 2 if it has parent groups, else 1.
        missing: What a stranger's file lacks, in words.
    """

    fields: tuple[Field, ...]
    needed: tuple[str, ...]
    header_rows: int
    missing: str


def _layout(text: str, needed: Sequence[str], header_rows: int, missing: str) -> Layout:
    fields = []
    for index, line in enumerate(filter(None, map(str.strip, text.splitlines()))):
        title, place, how = (part.strip() for part in line.split("|"))
        group, _, header = title.rpartition(" > ")
        table, _, column = place.rpartition(".")
        fields.append(Field(index, group, header.replace("\\n", "\n"), table, column, how))
    return Layout(tuple(fields), tuple(map(fold, needed)), header_rows, missing)


def _parent(group: str, suffix: str, name: str, name_how: str) -> str:
    """The six columns of a parent."""
    return f"""
        {group} > Nama | peserta_didik.{name} | {name_how}
        {group} > Tahun Lahir | peserta_didik.tahun_lahir_{suffix} |
        {group} > Jenjang Pendidikan | peserta_didik.jenjang_pendidikan_{suffix} | code
        {group} > Pekerjaan | peserta_didik.pekerjaan_id_{suffix} | code
        {group} > Penghasilan | peserta_didik.penghasilan_id_{suffix} | code
        {group} > NIK | peserta_didik.nik_{suffix} | digits
    """


DAFTAR_PD = _layout(
    f"""
    No | . | show
    Nama | peserta_didik.nama | must
    NIPD | registrasi_peserta_didik.nipd |
    JK | peserta_didik.jenis_kelamin | sex
    NISN | peserta_didik.nisn | digits
    Tempat Lahir | peserta_didik.tempat_lahir |
    Tanggal Lahir | peserta_didik.tanggal_lahir | birth
    NIK | peserta_didik.nik |
    Agama | peserta_didik.agama_id | code
    Alamat | peserta_didik.alamat_jalan |
    RT | peserta_didik.rt |
    RW | peserta_didik.rw |
    Dusun | peserta_didik.nama_dusun |
    Kelurahan | peserta_didik.desa_kelurahan |
    Kecamatan | peserta_didik.kode_wilayah | region
    Kode Pos | peserta_didik.kode_pos |
    Jenis Tinggal | peserta_didik.jenis_tinggal_id | code
    Alat Transportasi | peserta_didik.alat_transportasi_id | code
    Telepon | peserta_didik.nomor_telepon_rumah |
    HP | peserta_didik.nomor_telepon_seluler |
    E-Mail | peserta_didik.email |
    SKHUN | registrasi_peserta_didik.no_skhun |
    Penerima KPS | peserta_didik.penerima_kps | yesno
    No. KPS | peserta_didik.no_kps |
    {_parent("Data Ayah", "ayah", "nama_ayah", "name")}
    {_parent("Data Ibu", "ibu", "nama_ibu_kandung", "must")}
    {_parent("Data Wali", "wali", "nama_wali", "name")}
    Rombel Saat Ini | rombongan_belajar.nama | class
    No Peserta Ujian Nasional | registrasi_peserta_didik.no_peserta_ujian |
    No Seri Ijazah | registrasi_peserta_didik.no_seri_ijazah |
    Penerima KIP | peserta_didik.penerima_kip | yesno
    Nomor KIP | peserta_didik.no_kip | upper
    Nama di KIP | peserta_didik.nm_kip | name
    Nomor KKS | peserta_didik.no_kks |
    No Registrasi Akta Lahir | peserta_didik.reg_akta_lahir |
    Bank | peserta_didik.id_bank | code
    Nomor Rekening Bank | peserta_didik.rekening_bank |
    Rekening Atas Nama | peserta_didik.rekening_atas_nama | name
    Layak PIP (usulan dari sekolah) | peserta_didik.layak_pip | yesno
    Alasan Layak PIP | peserta_didik.id_layak_pip | code
    Kebutuhan Khusus | peserta_didik.kebutuhan_khusus_id | code
    Sekolah Asal | registrasi_peserta_didik.sekolah_asal |
    Anak ke-berapa | peserta_didik.anak_keberapa |
    Lintang | peserta_didik.lintang |
    Bujur | peserta_didik.bujur |
    No KK | peserta_didik.no_kk | digits
    Berat Badan | peserta_didik_longitudinal.berat_badan |
    Tinggi Badan | peserta_didik_longitudinal.tinggi_badan |
    Lingkar Kepala | peserta_didik_longitudinal.lingkar_kepala |
    Jml. Saudara\\nKandung | peserta_didik_longitudinal.jumlah_saudara_kandung |
    Jarak Rumah\\nke Sekolah (KM) | peserta_didik_longitudinal.jarak_rumah_ke_sekolah_km | km
    """,
    needed=("Nama", "JK", "NISN", "Tanggal Lahir", "NIK"),
    header_rows=2,
    missing="Nama, JK, NISN, Tanggal Lahir, NIK",
)
"""*Daftar Peserta Didik*: 66 columns, A to BN."""

DAFTAR_PTK = _layout(
    """
    No | . | show
    Nama | ptk.nama | must
    NUPTK | ptk.nuptk |
    JK | ptk.jenis_kelamin | sex
    Tempat Lahir | ptk.tempat_lahir |
    Tanggal Lahir | ptk.tanggal_lahir | birth
    NIP | ptk.nip |
    Status Kepegawaian | ptk.status_kepegawaian_id | code
    Jenis PTK | ptk.jenis_ptk_id | code
    Agama | ptk.agama_id | code
    Alamat Jalan | ptk.alamat_jalan |
    RT | ptk.rt |
    RW | ptk.rw |
    Nama Dusun | ptk.nama_dusun |
    Desa/Kelurahan | ptk.desa_kelurahan |
    Kecamatan | ptk.kode_wilayah | region
    Kode Pos | ptk.kode_pos |
    Telepon | ptk.no_telepon_rumah |
    HP | ptk.no_hp |
    Email | ptk.email |
    Tugas Tambahan | tugas_tambahan.jabatan_ptk_id | show
    SK CPNS | ptk.sk_cpns |
    Tanggal CPNS | ptk.tgl_cpns |
    SK Pengangkatan | ptk.sk_pengangkatan |
    TMT Pengangkatan | ptk.tmt_pengangkatan |
    Lembaga Pengangkatan | ptk.lembaga_pengangkat_id | code
    Pangkat Golongan | ptk.pangkat_golongan_id | code
    Sumber Gaji | ptk.sumber_gaji_id | code
    Nama Ibu Kandung | ptk.nama_ibu_kandung | must
    Status Perkawinan | ptk.status_perkawinan | marriage
    Nama Suami/Istri | ptk.nama_suami_istri | name
    NIP Suami/Istri | ptk.nip_suami_istri |
    Pekerjaan Suami/Istri | ptk.pekerjaan_suami_istri | code
    TMT PNS | ptk.tmt_pns |
    Sudah Lisensi Kepala Sekolah | ptk.sudah_lisensi_kepala_sekolah | yesno
    Pernah Diklat Kepengawasan | ptk.pernah_diklat_kepengawasan | yesno
    Keahlian Braille | ptk.keahlian_braille | yesno
    Keahlian Bahasa Isyarat | ptk.keahlian_bhs_isyarat | yesno
    NPWP | ptk.npwp |
    Nama Wajib Pajak | ptk.nm_wp | name
    Kewarganegaraan | ptk.kewarganegaraan | country
    Bank | ptk.id_bank | code
    Nomor Rekening Bank | ptk.rekening_bank |
    Rekening Atas Nama | ptk.rekening_atas_nama | name
    NIK | ptk.nik |
    No KK | ptk.no_kk |
    Karpeg | ptk.karpeg |
    Karis/Karsu | ptk.karpas |
    Lintang | ptk.lintang |
    Bujur | ptk.bujur |
    NUKS | ptk.nuks |
    """,
    needed=("Nama", "NUPTK", "JK", "Tanggal Lahir", "NIK"),
    header_rows=1,
    missing="Nama, NUPTK, JK, Tanggal Lahir, NIK",
)
"""*Daftar Guru* and *Daftar Tendik*: 51 columns, A to AY."""


@dataclass(frozen=True, slots=True)
class Found:
    """A list's header as it stands in one file.

    Attributes:
        places: The known columns, in the file's order.
        data: First row below the header, from 0.
        strange: Columns with a header that the list does not have.
        top: First row of the header, from 0.
    """

    places: tuple[Place, ...]
    data: int
    strange: tuple[str, ...]
    top: int


def find_header(rows: Rows, layout: Layout, path: Path) -> Found:
    """Return where a list's columns stand in a file, by their headers, whatever stands above them.

    Columns may be missing or in another order, since operators of several versions have such lists; an empty cell
    changes nothing, and so does a missing column. Those by which rows are matched must be there.

    Raises:
        LayoutUnknown: KF-212, no row holds the needed headers, or one header stands there twice.
    """
    known = {fold(field.title): field for field in layout.fields}
    for top in range(min(len(rows), HEADER_ROWS_MAX)):
        titles = {title for cell in rows[top] if (title := fold(cell_text(cell)))}
        if not titles.issuperset(layout.needed):
            continue
        heads, used = _headers(rows, top, layout.header_rows)
        places: dict[str, Place] = {}
        strange = []
        for index, head in enumerate(heads):
            title = fold(head)
            if title in known and title in places:
                raise errors.LayoutUnknown(file=path.name, missing=f"{head} ({column_letters(index + 1)})")
            if title in known:
                places[title] = Place(known[title], index)
            elif title:
                strange.append(f"{column_letters(index + 1)} {' '.join(head.split())}")
        if not places.keys() >= set(layout.needed):
            break
        found = sorted(places.values(), key=lambda place: place.index)
        return Found(tuple(found), top + used, tuple(strange), top)
    raise errors.LayoutUnknown(file=path.name, missing=layout.missing)


def likeness(rows: Rows, layout: Layout) -> int:
    """Return how many headers of a list stand in one row of a file, at most."""
    known = {fold(field.group or field.header) for field in layout.fields}
    return max((len(known & {fold(cell_text(cell)) for cell in row}) for row in rows[:HEADER_ROWS_MAX]), default=0)


def _headers(rows: Rows, top: int, height: int) -> tuple[list[str], int]:
    """Return each column's whole header, and how many rows the header takes.

    A merged group holds its text in its first cell only, so it reaches to the right until the next text.
    """
    upper = [cell_text(cell).strip() for cell in rows[top]]
    if height == 1 or top + 1 >= len(rows):
        return upper, 1
    lower = [cell_text(cell).strip() for cell in rows[top + 1]]
    groups = {fold(field.group) for field in DAFTAR_PD.fields if field.group}
    if not any(fold(text) in groups for text in upper):
        return upper, 1
    heads, group = [], ""
    for above, below in zip(upper, lower, strict=True):
        group = above or group
        heads.append(f"{group} {below}" if below else above)
    return heads, 2
