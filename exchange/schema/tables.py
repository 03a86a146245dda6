"""The exchanged tables: every column that travels, who decides it, and what merges as a unit.

Names and types are Dapodik's own (build of 2021/2022). Audit columns and machine columns of the
engine are not declared: the stores add them. What never travels is not declared either:
passwords, tokens, the registration code. A wire number is given once and never reused.
"""

from __future__ import annotations

from exchange.limits import SCHEMA_VERSION
from exchange.schema.model import Policy, Schema, Table, declare
from exchange.schema.reference_tables import REFERENCE_TABLES

LEFT_OUT = {
    "yayasan": "kept in VervalSP; a school holds its id only",
    "large_object": "photographs are too heavy for this format",
    "pustaka_biblio": "the library catalogue has an exchange of its own",
    "ref_lembaga_akreditasi": "accounts of accreditation bodies do not stand in a school's store",
    "ref_lemb_sertifikasi": "accounts of certification bodies do not stand in a school's store",
}
"""Tables that declared columns point to and that are not exchanged, each with its reason. Such an id is carried as it
is and never looked up."""

_SEKOLAH, _SARPRAS, _PD, _GTK = "Sekolah", "Sarpras", "Peserta Didik", "GTK"
_ROMBEL, _PEMBELAJARAN, _NILAI, _REFERENSI = "Rombongan Belajar dan Jadwal", "Pembelajaran", "Nilai", "Referensi"

_ADDRESS = """alamat_jalan v80!; rt n2; rw n2; nama_dusun v60; desa_kelurahan v60!;
    kode_wilayah c8!→ref.mst_wilayah; kode_pos c5; lintang n18.12; bujur n18.12"""
_ASSET = """kd_kl c3; kd_satker v20; kd_brg v10; nup i; kode_eselon1 v2; nama_eselon1 v255; kode_sub_satker v3;
    nama_sub_satker v255"""
_ASSET_GROUP = "bmn sekolah: kd_kl kd_satker kd_brg nup kode_eselon1 nama_eselon1 kode_sub_satker nama_sub_satker"
_MARKS = ("kognitif", "psim", "afektif", "afektif2")
_BUILDING_PARTS = "pondasi sloop_kolom_balok plester_struktur kudakuda_atap kaso_atap reng_atap tutup_atap"
_ROOM_PARTS = """lisplang_talang rangka_plafon tutup_plafon bata_dinding plester_dinding daun_jendela daun_pintu kusen
    tutup_lantai inst_listrik inst_air drainase finish_struktur finish_plafon finish_dinding finish_kpj"""
_KIE = "; ".join(
    f"kie_{place}_{topic} n1"
    for place in ("guru", "kelas", "toilet", "selasar", "uks", "kantin")
    for topic in ("cuci_tangan", "haid", "perawatan_toilet", "keamanan_pangan", "minum_air")
)
_MONTHS = "; ".join(f"aktif_bulan_{month:02} n1!=0" for month in range(1, 13))
_BELLS = "; ".join(f"bel_ke_{bell:02} u→pembelajaran" for bell in range(1, 21))


def _damage(parts: str) -> str:
    return "; ".join(f"rusak_{part} n6.2!=0; ket_{part} v120" for part in parts.split())


def _damage_groups(parts: str) -> str:
    return "\n".join(f"{part} sekolah: rusak_{part} ket_{part}" for part in parts.split())


_SCHOOL_TABLES: tuple[Table, ...] = (
    declare(
        1, "sekolah",
        f"""*sekolah_id u; nama v100!; nama_nomenklatur v100; nss c12; npsn c8;
        bentuk_pendidikan_id s!→ref.bentuk_pendidikan; {_ADDRESS};
        nomor_telepon v20; nomor_fax v20; email v60; website v100; kebutuhan_khusus_id i!→ref.kebutuhan_khusus;
        status_sekolah n1!; sk_pendirian_sekolah v80; tanggal_sk_pendirian d;
        status_kepemilikan_id n1!→ref.status_kepemilikan; yayasan_id u→yayasan; sk_izin_operasional v80;
        tanggal_sk_izin_operasional d; no_rekening v20; nama_bank v20; cabang_kcp_unit v60; rekening_atas_nama v50;
        mbs n1!; luas_tanah_milik n7!; luas_tanah_bukan_milik n7!; npwp c15; nm_wp v100;
        keaktifan n1!=1; flag c3""",
        scope="sekolah_id", owner=Policy.TERKUNCI, unique="npsn", tab=_SEKOLAH, title="Sekolah",
        groups="""nama terkunci: nama nama_nomenklatur
            alamat terkunci: alamat_jalan desa_kelurahan kode_wilayah
            koordinat terkunci: lintang bujur
            pendirian terkunci: sk_pendirian_sekolah tanggal_sk_pendirian
            kepemilikan terkunci: status_kepemilikan_id yayasan_id
            izin_operasional terkunci: sk_izin_operasional tanggal_sk_izin_operasional
            alamat_rinci sekolah: rt rw nama_dusun kode_pos
            rekening sekolah: no_rekening nama_bank cabang_kcp_unit rekening_atas_nama
            luas_tanah sekolah: luas_tanah_milik luas_tanah_bukan_milik
            pajak sekolah: npwp nm_wp
            - sekolah: nomor_telepon nomor_fax email website kebutuhan_khusus_id mbs
            - pusat: flag""",
    ),
    declare(
        2, "sekolah_longitudinal",
        """*sekolah_id u→sekolah; *semester_id c5→ref.semester;
        waktu_penyelenggaraan_id n1!→ref.waktu_penyelenggaraan; kontinuitas_listrik c1!=1; jarak_listrik n10;
        wilayah_terpencil n1!; wilayah_perbatasan n1!; wilayah_transmigrasi n1!; wilayah_adat_terpencil n1!;
        wilayah_bencana_alam n1!; wilayah_bencana_sosial n1!; partisipasi_bos n1!=1;
        sertifikasi_iso_id s!→ref.sertifikasi_iso; sumber_listrik_id n2!→ref.sumber_listrik; daya_listrik n6!;
        akses_internet_id s→ref.akses_internet; akses_internet_2_id s!→ref.akses_internet; blob_id u→blob.large_object""",
        scope="sekolah_id", tab=_SEKOLAH, title="Data periodik sekolah",
        groups="""listrik sekolah: kontinuitas_listrik jarak_listrik sumber_listrik_id daya_listrik
            internet sekolah: akses_internet_id akses_internet_2_id""",
    ),
    declare(
        3, "sekolah_paud",
        """*sekolah_id u→sekolah; kategori_tk_id n2!→ref.kategori_tk;
        klasifikasi_lembaga_id n2!→ref.klasifikasi_lembaga; sumber_dana_sekolah_id n2!→ref.sumber_dana_sekolah;
        fasilitas_layanan_id n2!→ref.fasilitas_layanan; jadwal_pmtas n2!→ref.jadwal_paud;
        lembaga_pengangkat_id n2!→ref.lembaga_pengangkat; jadwal_ddtk n2!→ref.jadwal_paud;
        freq_parenting n2!→ref.jadwal_paud; bentuk_lembaga_id n2!→ref.bentuk_lembaga;
        jadwal_kesehatan n2!→ref.jadwal_paud; izin_paud n1!; pencatatan_ddtk n1!; rujukan_ddtk n1!;
        pelaksanaan_parenting n1!; parenting_kpo n1!; parenting_kelas n1!; parenting_kegiatan n1!;
        parenting_konsultasi n1!; parenting_kunjungan n1!; parenting_lainnya n1!; nilk v20; nilm v20;
        no_penetapan_pnf v80; tanggal_penetapan_pnf d""",
        scope="sekolah_id", tab=_SEKOLAH, title="Sekolah PAUD",
        groups="""- terkunci: bentuk_lembaga_id izin_paud
            penetapan terkunci: no_penetapan_pnf tanggal_penetapan_pnf""",
    ),
    declare(
        4, "sanitasi",
        f"""*sekolah_id u→sekolah; *semester_id c5→ref.semester; sumber_air_id n2!→ref.sumber_air;
        sumber_air_minum_id n2!→ref.sumber_air; ketersediaan_air n1!; kecukupan_air n1!; minum_siswa n1!;
        memproses_air n1!; siswa_bawa_air n1!; toilet_siswa_laki n2!; toilet_siswa_perempuan n2!; toilet_siswa_kk n2!;
        toilet_siswa_kecil n1!; jml_jamban_l_g n2!=0; jml_jamban_l_tg n2!=0; jml_jamban_p_g n2!=0;
        jml_jamban_p_tg n2!=0; jml_jamban_lp_g n2!=0; jml_jamban_lp_tg n2!=0; tempat_cuci_tangan n2!;
        tempat_cuci_tangan_rusak n2!; a_sabun_air_mengalir n1!; jamban_difabel n1!; tipe_jamban c1!=9;
        a_sedia_pembalut n1=0; kegiatan_cuci_tangan n1; pembuangan_air_limbah n1; a_kuras_septitank n1;
        a_memiliki_solokan n1; a_tempat_sampah_kelas n1=0; a_tempat_sampah_tutup_p n1=0; a_cermin_jamban_p n1=0;
        a_memiliki_tps n1=0; a_tps_angkut_rutin n1=0; a_anggaran_sanitasi n1=0; a_melibatkan_sanitasi_siswa n1=0;
        a_kemitraan_san_daerah n1; a_kemitraan_san_puskesmas n1; a_kemitraan_san_swasta n1; a_kemitraan_san_non_pem n1;
        {_KIE}""",
        scope="sekolah_id", tab=_SEKOLAH, title="Sanitasi",
    ),
    declare(
        7, "jurusan_sp",
        """*jurusan_sp_id u; sekolah_id u!→sekolah; kebutuhan_khusus_id i!→ref.kebutuhan_khusus;
        jurusan_id v25!→ref.jurusan; nama_jurusan_sp v60!; sk_izin v80; tanggal_sk_izin d""",
        scope="sekolah_id", owner=Policy.TERKUNCI, tab=_SEKOLAH, title="Jurusan/program layanan",
        groups="""izin terkunci: sk_izin tanggal_sk_izin
            - sekolah: kebutuhan_khusus_id nama_jurusan_sp""",
    ),
)

_LAND: tuple[Table, ...] = (
    declare(
        10, "tanah",
        f"""*id_tanah u; jenis_prasarana_id i!→ref.jenis_prasarana; sekolah_id u!→sekolah;
        id_hapus_buku c1→ref.jenis_hapus_buku; kepemilikan_sarpras_id n1!→ref.status_kepemilikan_sarpras; {_ASSET};
        nama v100!; panjang f; lebar f; nilai_perolehan_aset n20.2; kode_wilayah c8!→ref.mst_wilayah; alamat_jalan v80!;
        rt n2; rw n2; nama_dusun v60; desa_kelurahan v60!; kode_pos c5; lintang n18.12; bujur n18.12;
        tgl_mutasi_keluar d; batas text; ket_tanah v250; luas n10.1!; luas_lahan_tersedia n10.1!;
        no_sertifikat_tanah v16!; asal_data c1!=1""",
        scope="sekolah_id", tab=_SARPRAS, title="Tanah",
        groups=f"""{_ASSET_GROUP}
            alamat sekolah: kode_wilayah alamat_jalan rt rw nama_dusun desa_kelurahan kode_pos
            koordinat sekolah: lintang bujur
            hapus_buku sekolah: id_hapus_buku tgl_mutasi_keluar
            ukuran sekolah: panjang lebar luas luas_lahan_tersedia""",
    ),
    declare(
        11, "tanah_longitudinal",
        "*id_tanah u→tanah; *tahun_ajaran_id n4→ref.tahun_ajaran; njop n20.2",
        scope="@parent:id_tanah", tab=_SARPRAS, title="Data periodik tanah",
    ),
)

_STAFF: tuple[Table, ...] = (
    declare(
        30, "ptk",
        f"""*ptk_id u; nama v100!; nip v18; jenis_kelamin c1!; tempat_lahir v32!; tanggal_lahir d!; nik c16!; no_kk c16;
        niy_nigk v30; nuptk c16; nrg v22; nuks v22; status_kepegawaian_id s!→ref.status_kepegawaian;
        jenis_ptk_id n2!→ref.jenis_ptk; pengawas_bidang_studi_id i→ref.bidang_studi; agama_id s!→ref.agama;
        {_ADDRESS}; no_telepon_rumah v20; no_hp v20; email v60;
        status_keaktifan_id n2!→ref.status_keaktifan_pegawai; sk_cpns v80; tgl_cpns d; sk_pengangkatan v80;
        tmt_pengangkatan d; lembaga_pengangkat_id n2!→ref.lembaga_pengangkat;
        pangkat_golongan_id n2→ref.pangkat_golongan; keahlian_laboratorium_id s→ref.keahlian_laboratorium;
        sumber_gaji_id n2!→ref.sumber_gaji; nama_ibu_kandung v100!; status_perkawinan n1!; nama_suami_istri v100;
        nip_suami_istri c18; pekerjaan_suami_istri i!→ref.pekerjaan; tmt_pns d; sudah_lisensi_kepala_sekolah n1!;
        jumlah_sekolah_binaan s; pernah_diklat_kepengawasan n1!; nm_wp v100; status_data i; karpeg v10; karpas v16;
        mampu_handle_kk i!→ref.kebutuhan_khusus; keahlian_braille n1=0; keahlian_bhs_isyarat n1=0; npwp c15;
        kewarganegaraan c2!→ref.negara; id_bank c3→ref.bank; rekening_bank v20; rekening_atas_nama v50;
        blob_id u→blob.large_object""",
        scope="@home", owner=Policy.TERKUNCI, unique="nuptk; nik", tab=_GTK, title="PTK",
        # What the PTK fills in (nip, address, family, bank …) is his at the induk school; elsewhere the whole row is
        # another school's home and is refused, so no policy of its own is needed.
        groups="""- terkunci: nama jenis_kelamin nik nuptk
            kelahiran terkunci: tempat_lahir tanggal_lahir
            ibu terkunci: nama_ibu_kandung
            - dinas: status_kepegawaian_id jenis_ptk_id niy_nigk sumber_gaji_id
            pengangkatan dinas: sk_pengangkatan tmt_pengangkatan lembaga_pengangkat_id
            alamat sekolah: alamat_jalan rt rw nama_dusun desa_kelurahan kode_wilayah kode_pos
            koordinat sekolah: lintang bujur
            cpns sekolah: sk_cpns tgl_cpns
            pasangan sekolah: status_perkawinan nama_suami_istri nip_suami_istri pekerjaan_suami_istri
            pajak sekolah: npwp nm_wp
            bank sekolah: id_bank rekening_bank rekening_atas_nama
            - sekolah: *""",
    ),
    declare(
        31, "ptk_terdaftar",
        f"""*ptk_terdaftar_id u; ptk_id u!→ptk; sekolah_id u!→sekolah; jenis_keluar_id c1→ref.jenis_keluar;
        tahun_ajaran_id n4!→ref.tahun_ajaran; nomor_surat_tugas v80!; tanggal_surat_tugas d!; ptk_induk n1!;
        tmt_tugas d!; {_MONTHS}; tgl_ptk_keluar d""",
        scope="sekolah_id", owner=Policy.DINAS, derived="ptk_id sekolah_id tahun_ajaran_id",
        unique="ptk_id sekolah_id tahun_ajaran_id", tab=_GTK, title="PTK terdaftar",
        groups="""surat_tugas dinas: nomor_surat_tugas tanggal_surat_tugas tmt_tugas
            keluar dinas: jenis_keluar_id tgl_ptk_keluar
            - sekolah: aktif_bulan_*""",
    ),
)

_BUILDINGS: tuple[Table, ...] = (
    declare(
        12, "bangunan",
        f"""*id_bangunan u; jenis_prasarana_id i!→ref.jenis_prasarana; sekolah_id u!→sekolah; id_tanah u→tanah;
        ptk_id u→ptk; id_hapus_buku c1→ref.jenis_hapus_buku;
        kepemilikan_sarpras_id n1!→ref.status_kepemilikan_sarpras; {_ASSET};
        nama v100!; panjang f; lebar f; nilai_perolehan_aset n20.2; jml_lantai n3!=1;
        thn_dibangun n4; luas_tapak_bangunan n7.1; vol_pondasi_m3 n7.1; vol_sloop_kolom_balok_m3 n7.1;
        panj_kudakuda_m n7.1; vol_kudakuda_m3 n7.1; panj_kaso_m n7.1; panj_reng_m n7.1; luas_tutup_atap_m2 n7.1;
        kd_satker_tanah v255; nm_satker_tanah v255; kd_brg_tanah v255; nm_brg_tanah v255; nup_brg_tanah v255;
        tgl_sk_pemakai d; tgl_hapus_buku d; ket_bangunan v250; asal_data c1!=1""",
        scope="sekolah_id", tab=_SARPRAS, title="Bangunan",
        groups=f"""{_ASSET_GROUP}
            bmn_tanah sekolah: kd_satker_tanah nm_satker_tanah kd_brg_tanah nm_brg_tanah nup_brg_tanah
            hapus_buku sekolah: id_hapus_buku tgl_hapus_buku
            ukuran sekolah: panjang lebar luas_tapak_bangunan""",
    ),
    declare(
        13, "bangunan_longitudinal",
        f"*id_bangunan u→bangunan; *semester_id c5→ref.semester; nilai_saat_ini n20.2; {_damage(_BUILDING_PARTS)}",
        scope="@parent:id_bangunan", tab=_SARPRAS, title="Data periodik bangunan",
        groups=_damage_groups(_BUILDING_PARTS),
    ),
    declare(
        14, "ruang",
        """*id_ruang u; jenis_prasarana_id i!→ref.jenis_prasarana; sekolah_id u!→sekolah; parent_id_ruang u→ruang;
        id_bangunan u!→bangunan; asal_data c1!=1; kd_ruang v10!; nm_ruang v100!; lantai n3!=1; panjang f; lebar f;
        reg_pras v16; kapasitas n5; luas_ruang f; luas_plester_m2 n7.1; luas_plafon_m2 n7.1; luas_dinding_m2 n7.1;
        luas_daun_jendela_m2 n7.1; luas_daun_pintu_m2 n7.1; panj_kusen_m n7.1; luas_tutup_lantai_m2 n7.1;
        panj_inst_listrik_m n7.1; jml_inst_listrik n4; panj_inst_air_m n7.1; jml_inst_air n4; panj_drainase_m n7.1;
        luas_finish_struktur_m2 n7.1; luas_finish_plafon_m2 n7.1; luas_finish_dinding_m2 n7.1;
        luas_finish_kpj_m2 n7.1""",
        scope="sekolah_id", tab=_SARPRAS, title="Ruang",
        groups="ukuran sekolah: panjang lebar luas_ruang",
    ),
    declare(
        15, "ruang_longitudinal",
        f"""*id_ruang u→ruang; *semester_id c5→ref.semester; blob_id u→blob.large_object; asal_data c1!=1;
        berfungsi n1!=1; {_damage(_ROOM_PARTS)}""",
        scope="@parent:id_ruang", tab=_SARPRAS, title="Data periodik ruang",
        groups=_damage_groups(_ROOM_PARTS),
    ),
    declare(
        16, "alat",
        f"""*id_alat u; jenis_sarana_id i!→ref.jenis_sarana; sekolah_id u!→sekolah; ptk_id u→ptk; id_ruang u→ruang;
        id_hapus_buku c1→ref.jenis_hapus_buku; kepemilikan_sarpras_id n1!→ref.status_kepemilikan_sarpras; {_ASSET};
        nama v100!; spesifikasi v300; tgl_hapus_buku d; asal_data c1!=1""",
        scope="sekolah_id", tab=_SARPRAS, title="Alat",
        groups=f"{_ASSET_GROUP}\nhapus_buku sekolah: id_hapus_buku tgl_hapus_buku",
    ),
    declare(
        17, "alat_longitudinal",
        "*id_alat u→alat; *semester_id c5→ref.semester; jumlah i!; jumlah_laik i!; status_kelaikan n1!",
        scope="@parent:id_alat", tab=_SARPRAS, title="Data periodik alat",
        groups="kelaikan sekolah: jumlah jumlah_laik status_kelaikan",
    ),
    declare(
        18, "buku",
        """*id_buku u; mata_pelajaran_id i!→ref.mata_pelajaran; id_ruang u→ruang; sekolah_id u!→sekolah;
        id_biblio u→pustaka.biblio; tingkat_pendidikan_id n2→ref.tingkat_pendidikan; nm_buku v256!;
        id_hapus_buku c1→ref.jenis_hapus_buku; tgl_hapus_buku d; asal_data c1!=1""",
        scope="sekolah_id", tab=_SARPRAS, title="Buku",
        groups="hapus_buku sekolah: id_hapus_buku tgl_hapus_buku",
    ),
    declare(
        19, "buku_longitudinal",
        "*id_buku u→buku; *semester_id c5→ref.semester; jumlah i!; status_kelaikan n1!",
        scope="@parent:id_buku", tab=_SARPRAS, title="Data periodik buku",
        groups="kelaikan sekolah: jumlah status_kelaikan",
    ),
    declare(
        20, "angkutan",
        f"""*id_angkutan u; sekolah_id u!→sekolah; ptk_id u→ptk; jenis_sarana_id i!→ref.jenis_sarana;
        id_hapus_buku c1→ref.jenis_hapus_buku; kepemilikan_sarpras_id n1!→ref.status_kepemilikan_sarpras; {_ASSET};
        nama v100!; spesifikasi v300; tgl_hapus_buku d; merk v255; no_polisi v255; no_bpkb v255; alamat v255;
        asal_data c1!=1""",
        scope="sekolah_id", tab=_SARPRAS, title="Angkutan",
        groups=f"{_ASSET_GROUP}\nhapus_buku sekolah: id_hapus_buku tgl_hapus_buku",
    ),
)

_DUTIES: tuple[Table, ...] = (
    # A row with jabatan_ptk_id 2 (kepala sekolah) or 33 (Plt) is the dinas's, whoever made it: the owner hangs on a
    # value, so the flow that takes changes guards it, before and after the change. All other rows are the school's.
    declare(
        32, "tugas_tambahan",
        """*ptk_tugas_tambahan_id u; ptk_id u!→ptk; id_ruang u→ruang; jabatan_ptk_id n5!→ref.jabatan_tugas_ptk;
        sekolah_id u!→sekolah; jumlah_jam n2!; nomor_sk v80!; tmt_tambahan d!; tst_tambahan d""",
        scope="sekolah_id", tab=_GTK, title="Tugas tambahan",
        groups="masa sekolah: tmt_tambahan tst_tambahan",
    ),
    declare(
        35, "ptk_baru",
        """*ptk_baru_id u; sekolah_id u!→sekolah; tahun_ajaran_id n4!→ref.tahun_ajaran; nama_ptk v100!;
        jenis_kelamin c1!; nuptk c16; nik c16!; tempat_lahir v32!; tanggal_lahir d!; nama_ibu_kandung v100!;
        sudah_diproses n1!=0; berhasil_diproses n1!=0; ptk_id u→ptk""",
        scope="sekolah_id", tab=_GTK, title="Usulan PTK baru",
        groups="""kelahiran sekolah: tempat_lahir tanggal_lahir
            jawaban pusat: sudah_diproses berhasil_diproses ptk_id""",
    ),
)

_PUPILS: tuple[Table, ...] = (
    declare(
        40, "peserta_didik",
        f"""*peserta_didik_id u; nama v100!; jenis_kelamin c1!; nisn c10; nik c16; no_kk c16; tempat_lahir v32;
        tanggal_lahir d!; agama_id s!→ref.agama; kebutuhan_khusus_id i!→ref.kebutuhan_khusus; {_ADDRESS};
        jenis_tinggal_id n2→ref.jenis_tinggal; alat_transportasi_id n2→ref.alat_transportasi;
        nik_ayah c16; nik_ibu c16; anak_keberapa n2; nik_wali c16; nomor_telepon_rumah v20; nomor_telepon_seluler v20;
        email v60; penerima_kps n1!; no_kps v80; layak_pip n1!=0; penerima_kip n1!; no_kip v6; nm_kip v100; no_kks v6;
        reg_akta_lahir v80; id_layak_pip n2→ref.alasan_layak_pip; id_bank c3→ref.bank; rekening_bank v20; nama_kcp v100;
        rekening_atas_nama v100; status_data i; nama_ayah v100; tahun_lahir_ayah n4;
        jenjang_pendidikan_ayah n2→ref.jenjang_pendidikan; pekerjaan_id_ayah i→ref.pekerjaan;
        penghasilan_id_ayah i→ref.penghasilan; kebutuhan_khusus_id_ayah i!→ref.kebutuhan_khusus; nama_ibu_kandung v100!;
        tahun_lahir_ibu n4; jenjang_pendidikan_ibu n2→ref.jenjang_pendidikan; penghasilan_id_ibu i→ref.penghasilan;
        pekerjaan_id_ibu i→ref.pekerjaan; kebutuhan_khusus_id_ibu i!→ref.kebutuhan_khusus; nama_wali v30;
        tahun_lahir_wali n4; jenjang_pendidikan_wali n2→ref.jenjang_pendidikan; pekerjaan_id_wali i→ref.pekerjaan;
        penghasilan_id_wali i→ref.penghasilan; kewarganegaraan c2!→ref.negara; pekerjaan_id i→ref.pekerjaan""",
        scope="@home", owner=Policy.TERKUNCI, unique="nisn; nik; no_kip", tab=_PD, title="Peserta didik",
        groups="""- terkunci: nama jenis_kelamin nisn nik
            kelahiran terkunci: tempat_lahir tanggal_lahir
            ibu terkunci: nama_ibu_kandung
            kip kip: penerima_kip no_kip nm_kip
            kps sekolah: penerima_kps no_kps
            layak_pip sekolah: layak_pip id_layak_pip
            bank pusat: id_bank rekening_bank nama_kcp rekening_atas_nama
            alamat sekolah: alamat_jalan rt rw nama_dusun desa_kelurahan kode_wilayah kode_pos
            koordinat sekolah: lintang bujur
            ayah sekolah: nik_ayah nama_ayah tahun_lahir_ayah jenjang_pendidikan_ayah pekerjaan_id_ayah penghasilan_id_ayah kebutuhan_khusus_id_ayah
            data_ibu sekolah: nik_ibu tahun_lahir_ibu jenjang_pendidikan_ibu penghasilan_id_ibu pekerjaan_id_ibu kebutuhan_khusus_id_ibu
            wali sekolah: nik_wali nama_wali tahun_lahir_wali jenjang_pendidikan_wali pekerjaan_id_wali penghasilan_id_wali
            - sekolah: *""",
    ),
    declare(
        41, "registrasi_peserta_didik",
        """*registrasi_id u; jurusan_sp_id u→jurusan_sp; peserta_didik_id u!→peserta_didik;
        sekolah_id u!→sekolah; jenis_pendaftaran_id n1!→ref.jenis_pendaftaran; nipd v18; tanggal_masuk_sekolah d!;
        jenis_keluar_id c1→ref.jenis_keluar; tanggal_keluar d; keterangan v128; no_skhun c22; no_peserta_ujian c22;
        no_seri_ijazah v80; a_pernah_paud n1!=0; a_pernah_tk n1!=0; sekolah_asal v100; id_hobby n5!→ref.jenis_hobby;
        id_cita n5!→ref.jenis_cita""",
        scope="sekolah_id", derived="peserta_didik_id sekolah_id =1",
        # Two stays at one school differ in the day of entry; one stay entered twice does not.
        unique="peserta_didik_id sekolah_id tanggal_masuk_sekolah", tab=_PD, title="Registrasi peserta didik",
        # The school fills these in; the dinas locks them for a pupil whom it pulled or registered out.
        groups="""masuk terkunci: jenis_pendaftaran_id tanggal_masuk_sekolah sekolah_asal
            keluar terkunci: jenis_keluar_id tanggal_keluar""",
    ),
    declare(
        42, "peserta_didik_longitudinal",
        """*peserta_didik_id u→peserta_didik; *semester_id c5→ref.semester; tinggi_badan n3!;
        berat_badan n3!; lingkar_kepala n3; jarak_rumah_ke_sekolah n1!; jarak_rumah_ke_sekolah_km n3;
        waktu_tempuh_ke_sekolah n1!; menit_tempuh_ke_sekolah n3; jumlah_saudara_kandung n2!""",
        scope="@parent:peserta_didik_id", tab=_PD, title="Data periodik peserta didik",
        groups="""jarak sekolah: jarak_rumah_ke_sekolah jarak_rumah_ke_sekolah_km
            waktu_tempuh sekolah: waktu_tempuh_ke_sekolah menit_tempuh_ke_sekolah""",
    ),
    declare(
        43, "kesejahteraan_pd",
        """*id_sejahtera_pd u; peserta_didik_id u!→peserta_didik;
        jenis_kesejahteraan_id i!→ref.jenis_kesejahteraan; nomor v50!; nm_di_kartu v100; dari_tahun n4!;
        sampai_tahun n4""",
        scope="@parent:peserta_didik_id", tab=_PD, title="Kesejahteraan peserta didik",
        groups="""kartu sekolah: jenis_kesejahteraan_id nomor nm_di_kartu
            masa sekolah: dari_tahun sampai_tahun""",
    ),
    declare(
        49, "peserta_didik_baru",
        """*pdb_id u; sekolah_id u!→sekolah; tahun_ajaran_id n4!→ref.tahun_ajaran; nama_pd v100!;
        jenis_kelamin c1!; nisn c10; nik c16; tempat_lahir v32; tanggal_lahir d!; nama_ibu_kandung v100!;
        jenis_pendaftaran_id n1!→ref.jenis_pendaftaran; sudah_diproses n1!=0; berhasil_diproses n1!=0;
        peserta_didik_id u→peserta_didik""",
        scope="sekolah_id", tab=_PD, title="Usulan peserta didik baru",
        groups="""kelahiran sekolah: tempat_lahir tanggal_lahir
            jawaban pusat: sudah_diproses berhasil_diproses peserta_didik_id""",
    ),
)

_CLASSES: tuple[Table, ...] = (
    declare(
        60, "rombongan_belajar",
        """*rombongan_belajar_id u; semester_id c5!→ref.semester; id_ruang u!→ruang; sekolah_id u!→sekolah;
        tingkat_pendidikan_id n2!→ref.tingkat_pendidikan; jurusan_sp_id u→jurusan_sp; kurikulum_id s!→ref.kurikulum;
        nama v30!; ptk_id u→ptk; moving_class n1!; jenis_rombel n2!; sks n2!=0; tanggal_mulai d!; tanggal_selesai d!;
        kebutuhan_khusus_id i!→ref.kebutuhan_khusus""",
        scope="sekolah_id", derived="sekolah_id semester_id jenis_rombel nama",
        unique="sekolah_id semester_id tingkat_pendidikan_id nama jenis_rombel", tab=_ROMBEL, title="Rombongan belajar",
        groups="masa sekolah: tanggal_mulai tanggal_selesai",
    ),
    declare(
        61, "anggota_rombel",
        """*anggota_rombel_id u; rombongan_belajar_id u!→rombongan_belajar; peserta_didik_id u!→peserta_didik;
        jenis_pendaftaran_id n1!→ref.jenis_pendaftaran""",
        scope="@parent:rombongan_belajar_id", derived="rombongan_belajar_id peserta_didik_id",
        unique="rombongan_belajar_id peserta_didik_id", tab=_ROMBEL, title="Anggota rombel",
        # The dinas locks the place of a pupil whom it pulled and put into a rombel itself.
        groups="penempatan terkunci: rombongan_belajar_id peserta_didik_id",
    ),
    declare(
        65, "pembelajaran",
        """*pembelajaran_id u; rombongan_belajar_id u!→rombongan_belajar; semester_id c5!→ref.semester;
        mata_pelajaran_id i!→ref.mata_pelajaran; ptk_terdaftar_id u!→ptk_terdaftar; sk_mengajar v80!;
        tanggal_sk_mengajar d!; jam_mengajar_per_minggu n2!; status_di_kurikulum n2!; nama_mata_pelajaran v50!;
        induk_pembelajaran_id u→pembelajaran""",
        scope="@parent:rombongan_belajar_id", derived="rombongan_belajar_id mata_pelajaran_id ptk_terdaftar_id",
        unique="rombongan_belajar_id mata_pelajaran_id ptk_terdaftar_id", tab=_PEMBELAJARAN, title="Pembelajaran",
        groups="""sk sekolah: sk_mengajar tanggal_sk_mengajar
            mata_pelajaran sekolah: mata_pelajaran_id nama_mata_pelajaran""",
    ),
    # Dapodik's key points to sekolah_longitudinal as a pair; here each half points to its own table. Every bell is a
    # group of its own, so two people who edit different slots of one day both keep their work.
    declare(
        68, "jadwal",
        f"*sekolah_id u→sekolah; *semester_id c5→ref.semester; *id_ruang u→ruang; *hari n1; {_BELLS}",
        scope="sekolah_id", tab=_ROMBEL, title="Jadwal",
    ),
)

_GRADES: tuple[Table, ...] = (
    # Dapodik declares no foreign key from these tables to rombel and anggota; the arrows are ours, for scope and checks.
    declare(
        75, "nilai.matev_rapor",
        """*id_evaluasi u; nm_mata_evaluasi v50!; a_dari_template n1!; no_urut n3!; kkm_kognitif n5.2;
        kkm_psikomotorik n5.2; rombongan_belajar_id u!→rombongan_belajar; mata_pelajaran_id i!→ref.mata_pelajaran;
        pembelajaran_id u→pembelajaran""",
        scope="@parent:rombongan_belajar_id", derived="rombongan_belajar_id mata_pelajaran_id",
        unique="rombongan_belajar_id mata_pelajaran_id", tab=_NILAI, title="Mata evaluasi rapor",
    ),
    declare(
        76, "nilai.nilai_rapor",
        """*nilai_id u; id_evaluasi u!→nilai.matev_rapor; anggota_rombel_id u!→anggota_rombel;
        nilai_kognitif_angka n5.2!; nilai_kognitif_huruf v3; ket_kognitif v300;
        nilai_psim_angka n5.2; nilai_psim_huruf v3; ket_psim v300;
        nilai_afektif_angka n5.2; nilai_afektif_huruf v3; ket_afektif v300; nilai_afektif2_angka n5.2;
        nilai_afektif2_huruf v3; ket_afektif2 v300; a_beku n1!=0; rapor_ke n2""",
        scope="@parent:id_evaluasi", derived="id_evaluasi anggota_rombel_id",
        unique="id_evaluasi anggota_rombel_id", tab=_NILAI, title="Nilai rapor",
        groups="\n".join(f"{m} sekolah: nilai_{m}_angka nilai_{m}_huruf ket_{m}" for m in _MARKS),
    ),
)

_ACCOUNTS: tuple[Table, ...] = (
    declare(
        90, "man_akses.pengguna",
        """*pengguna_id u; sekolah_id u; lembaga_id u; yayasan_id u; la_id c5→ref.lembaga_akreditasi;
        dudi_id u; kode_lemb_sert n5→ref.lemb_sertifikasi; peserta_didik_id u; username v60!; a_bot n1!=0; nama v100!;
        tempat_lahir v60; tgl_lahir d; jenis_kelamin c1!; nip_nim v18; jabatan_lembaga v25; alamat v80;
        kode_wilayah c8!→ref.mst_wilayah; no_telepon v20; no_hp v20; approval_pengguna n1!=0; aktif n1!=1;
        id_sdm_pengguna u; id_pd_pengguna u; jabatan v80; ptk_id u""",
        scope="sekolah_id", owner=Policy.DINAS, tab=_REFERENSI, title="Pengguna",
    ),
    declare(
        91, "man_akses.role_pengguna",
        """*id_role_pengguna u; sekolah_id u; lembaga_id u; yayasan_id u;
        la_id c5→ref.lembaga_akreditasi; dudi_id u; kode_lemb_sert n5→ref.lemb_sertifikasi; pengguna_id u!→pengguna;
        peran_id i!→peran; sk_penugasan v80; tgl_sk_penugasan d; approval_peran n1!=0; tgl_kadaluwarsa d;
        last_active ts; jenis_lembaga c1!; expired_date ts""",
        scope="sekolah_id", tab=_REFERENSI, title="Peran pengguna",
        groups="sk sekolah: sk_penugasan tgl_sk_penugasan",
    ),
    # One table for the findings of all of Dapodik's vld_* tables: row id as text, because some keys are several columns.
    declare(
        95, "vld_data",
        """*logid u; sekolah_id u!→sekolah; table_name v60!; entity_id v120!; idtype i!→ref.errortype;
        status_validasi n2!; field_error v60; error_message v150; app_username v50; keterangan v255""",
        scope="sekolah_id", owner=Policy.PUSAT, tab=_REFERENSI, title="Temuan validasi pusat",
    ),
)

SCHEMA = Schema(
    version=SCHEMA_VERSION,
    tables=REFERENCE_TABLES
    + _SCHOOL_TABLES
    + _LAND
    + _STAFF
    + _BUILDINGS
    + _DUTIES
    + _PUPILS
    + _CLASSES
    + _GRADES
    + _ACCOUNTS,
)
"""Every exchanged table, parents before children."""
