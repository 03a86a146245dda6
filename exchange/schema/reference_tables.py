"""The reference tables whose codes the exchanged tables use.

Only the centre writes them, every school has the same rows, and ``expired_date`` ends a row that is
never removed. Columns are Dapodik's; tables that the domain reference names without their columns
have those that public copies of the schema agree on.
"""

from __future__ import annotations

from exchange.schema.model import Policy, Table, declare


def _ref(number: int, name: str, columns: str, title: str) -> Table:
    return declare(
        number,
        name,
        columns + "; expired_date ts",
        scope="@ref",
        owner=Policy.PUSAT,
        tab="Referensi",
        title=title,
    )


REFERENCE_TABLES: tuple[Table, ...] = (
    _ref(200, "ref.negara", "*negara_id c2; nama v45!; luar_negeri n1!", "Negara"),
    _ref(201, "ref.level_wilayah", "*id_level_wilayah s; level_wilayah v15", "Tingkat wilayah"),
    _ref(202, "ref.kategori_desa", "*kategori_desa_id n2; nama v30!", "Kategori desa"),
    _ref(203, "ref.mst_wilayah",
        """*kode_wilayah c8; nama v60!; id_level_wilayah s!→ref.level_wilayah; mst_kode_wilayah c8→ref.mst_wilayah;
        negara_id c2!→ref.negara; asal_wilayah c8; kode_bps c7; kode_dagri c10; kode_keu c10; id_prov c8; id_kabkota c8;
        id_kec c8; a_desa n1!=0; a_kelurahan n1!=0; a_35 n1!=0; a_urban n1!=0; kategori_desa_id n2→ref.kategori_desa""",
        "Wilayah"),
    _ref(204, "ref.tahun_ajaran",
        "*tahun_ajaran_id n4; nama v10!; periode_aktif n1!; tanggal_mulai d!; tanggal_selesai d!", "Tahun ajaran"),
    _ref(205, "ref.semester",
        """*semester_id c5; tahun_ajaran_id n4!→ref.tahun_ajaran; nama v20!; semester n1!; periode_aktif n1!;
        tanggal_mulai d!; tanggal_selesai d!""", "Semester"),
    _ref(206, "ref.batas_waktu_rapor",
        "*semester_id c5→ref.semester; tgl_rapor_mulai d!; tgl_rapor_selesai d!; tgl_usm_mulai d; tgl_usm_selesai d",
        "Batas waktu rapor"),
    _ref(207, "ref.errortype", "*idtype i; kategori_error i; keterangan v255", "Jenis temuan"),
    _ref(208, "ref.agama", "*agama_id s; nama v25!", "Agama"),
    _ref(209, "ref.kebutuhan_khusus",
        """*kebutuhan_khusus_id i; kebutuhan_khusus v40!; kk_a n1!; kk_b n1!; kk_c n1!; kk_c1 n1!; kk_d n1!; kk_d1 n1!;
        kk_e n1!; kk_f n1!; kk_h n1!; kk_i n1!; kk_j n1!; kk_k n1!; kk_n n1!; kk_o n1!; kk_p n1!; kk_q n1!;
        untuk_lembaga n1!=1; untuk_ptk n1!=1; untuk_pd n1!=1""", "Kebutuhan khusus"),
    _ref(210, "ref.bank", "*id_bank c3; nm_bank v30!", "Bank"),
    _ref(211, "ref.jenjang_pendidikan",
        "*jenjang_pendidikan_id n2; nama v25!; jenjang_lembaga n1!; jenjang_orang n1!", "Jenjang pendidikan"),
    _ref(212, "ref.pekerjaan", "*pekerjaan_id i; nama v25; a_wirausaha n1!=0; a_pejabat_publik n1!=0", "Pekerjaan"),
    _ref(213, "ref.penghasilan", "*penghasilan_id i; nama v40!; batas_bawah i!; batas_atas i!", "Penghasilan"),
    _ref(214, "ref.jenis_tinggal", "*jenis_tinggal_id n2; nama v30!", "Jenis tinggal"),
    _ref(215, "ref.alat_transportasi", "*alat_transportasi_id n2; nama v40!", "Alat transportasi"),
    _ref(216, "ref.alasan_layak_pip", "*id_layak_pip n2; alasan_layak_pip v100!", "Alasan layak PIP"),
    _ref(217, "ref.jenis_kesejahteraan",
        "*jenis_kesejahteraan_id i; nama v50!; penyelenggara v100!; u_ptk n1!=1; u_pd n1!=0", "Jenis kesejahteraan"),
    _ref(218, "ref.jenis_keluar",
        "*jenis_keluar_id c1; ket_keluar v40!; keluar_pd n1!; keluar_ptk n1!", "Jenis keluar"),
    _ref(219, "ref.jenis_pendaftaran",
        "*jenis_pendaftaran_id n1; nama v20!; daftar_sekolah n1!; daftar_rombel n1!", "Jenis pendaftaran"),
    _ref(220, "ref.jenis_hobby", "*id_hobby n5; nm_hobby v100!", "Hobi"),
    _ref(221, "ref.jenis_cita", "*id_cita n5; nm_cita v150!", "Cita-cita"),
    _ref(222, "ref.bentuk_pendidikan",
        """*bentuk_pendidikan_id s; nama v50!; jenjang_paud n1!; jenjang_tk n1!; jenjang_sd n1!; jenjang_smp n1!;
        jenjang_sma n1!; jenjang_tinggi n1!; direktorat_pembinaan v40; aktif n1!; formalitas_pendidikan c1!""",
        "Bentuk pendidikan"),
    _ref(223, "ref.status_kepemilikan", "*status_kepemilikan_id n1; nama v20!", "Status kepemilikan"),
    _ref(224, "ref.waktu_penyelenggaraan", "*waktu_penyelenggaraan_id n1; nama v20!", "Waktu penyelenggaraan"),
    _ref(225, "ref.sertifikasi_iso", "*sertifikasi_iso_id s; nama v20!", "Sertifikasi ISO"),
    _ref(226, "ref.sumber_listrik", "*sumber_listrik_id n2; nama v50!", "Sumber listrik"),
    _ref(227, "ref.akses_internet", "*akses_internet_id s; nama v50!; media n1!", "Akses internet"),
    _ref(228, "ref.sumber_air", "*sumber_air_id n2; nama v25!; sumber_air n1; sumber_minum n1", "Sumber air"),
    _ref(229, "ref.kategori_tk", "*kategori_tk_id n2; nama v100!", "Kategori TK"),
    _ref(230, "ref.klasifikasi_lembaga", "*klasifikasi_lembaga_id n2; nama v100!", "Klasifikasi lembaga"),
    _ref(231, "ref.sumber_dana_sekolah", "*sumber_dana_sekolah_id n2; nama v100!", "Sumber dana sekolah"),
    _ref(232, "ref.fasilitas_layanan", "*fasilitas_layanan_id n2; nama v100", "Fasilitas layanan"),
    _ref(233, "ref.jadwal_paud",
        "*jadwal_id n2; nama v100!; kesehatan n1!; pamts n1!; ddtk n1!; freq_parenting n1!", "Jadwal layanan PAUD"),
    _ref(234, "ref.bentuk_lembaga", "*bentuk_lembaga_id n2; nama v100!", "Bentuk lembaga"),
    _ref(235, "ref.lembaga_pengangkat", "*lembaga_pengangkat_id n2; nama v100!", "Lembaga pengangkat"),
    _ref(236, "ref.status_kepegawaian", "*status_kepegawaian_id s; nama v30!", "Status kepegawaian"),
    _ref(237, "ref.jenis_ptk",
        """*jenis_ptk_id n2; jenis_ptk v30!; guru_kelas n1!; guru_matpel n1!; guru_bk n1!; guru_inklusi n1!;
        guru_pengganti n1!=0; pengawas_satdik n1!; pengawas_plb n1!; pengawas_matpel n1!; pengawas_bidang n1!; tas n1!;
        tendik_lainnya n1!=0; formal n1!""", "Jenis PTK"),
    _ref(238, "ref.jabatan_tugas_ptk",
        """*jabatan_ptk_id n5; nama v50!; jabatan_utama n1!; tugas_tambahan_guru n1!; jumlah_jam_diakui n2;
        harus_refer_unit_org n1!=0""", "Jabatan tugas PTK"),
    _ref(239, "ref.status_keaktifan_pegawai", "*status_keaktifan_id n2; nama v30!", "Status keaktifan"),
    _ref(240, "ref.pangkat_golongan", "*pangkat_golongan_id n2; kode v5!; nama v20!", "Pangkat/golongan"),
    _ref(241, "ref.keahlian_laboratorium", "*keahlian_laboratorium_id s; nama v50!", "Keahlian laboratorium"),
    _ref(242, "ref.sumber_gaji", "*sumber_gaji_id n2; nama v40!", "Sumber gaji"),
    _ref(243, "ref.bidang_studi",
        """*bidang_studi_id i; kelompok_bidang_studi_id i→ref.bidang_studi; kode v30; bidang_studi v40!; kelompok n1!;
        jenjang_paud n1!; jenjang_tk n1!; jenjang_sd n1!; jenjang_smp n1!; jenjang_sma n1!; jenjang_tinggi n1!;
        a_sert_komp n1!=0; a_sert_profesi n1!=0""", "Bidang studi"),
    _ref(244, "ref.kelompok_bidang",
        """*level_bidang_id v5; nama_level_bidang v100!; untuk_sma n1!; untuk_smk n1!; untuk_pt n1!; untuk_slb n1!=0;
        untuk_smklb n1!=0; level_bidang_induk v5→ref.kelompok_bidang""", "Kelompok bidang"),
    _ref(245, "ref.jurusan",
        """*jurusan_id v25; nama_jurusan v100!; untuk_sma n1!; untuk_smk n1!; untuk_pt n1!; untuk_slb n1!=0;
        untuk_smklb n1!=0; jenjang_pendidikan_id n2→ref.jenjang_pendidikan; jurusan_induk v25→ref.jurusan;
        level_bidang_id v5!→ref.kelompok_bidang""", "Jurusan"),
    _ref(246, "ref.tingkat_pendidikan",
        """*tingkat_pendidikan_id n2; kode v5!; nama v20!; jenjang_pendidikan_id n2!→ref.jenjang_pendidikan""",
        "Tingkat pendidikan"),
    _ref(247, "ref.kurikulum",
        """*kurikulum_id s; nama_kurikulum v120!; mulai_berlaku d!; sistem_sks n1!=0; total_sks n3!=0;
        jenjang_pendidikan_id n2!→ref.jenjang_pendidikan; jurusan_id v25→ref.jurusan""", "Kurikulum"),
    _ref(248, "ref.mata_pelajaran",
        """*mata_pelajaran_id i; nama v80!; pilihan_sekolah n1!; pilihan_buku n1!; pilihan_kepengawasan n1!;
        pilihan_evaluasi n1!=0; jurusan_id v25→ref.jurusan""", "Mata pelajaran"),
    _ref(249, "ref.group_matpel",
        """*gmp_id u; nama_group v80!; jumlah_jam_maksimum n2!; jumlah_sks_maksimum n2!=0;
        kurikulum_id s!→ref.kurikulum; tingkat_pendidikan_id n2!→ref.tingkat_pendidikan""", "Kelompok mata pelajaran"),
    _ref(250, "ref.mata_pelajaran_kurikulum",
        """*kurikulum_id s→ref.kurikulum; *mata_pelajaran_id i→ref.mata_pelajaran;
        *tingkat_pendidikan_id n2→ref.tingkat_pendidikan; jumlah_jam n2!; jumlah_jam_maksimum n2!; wajib n1!; sks n2!=0;
        a_peminatan n1!; area_kompetensi c1!=*; gmp_id u→ref.group_matpel""", "Mata pelajaran dalam kurikulum"),
    _ref(251, "ref.jenis_prasarana",
        """*jenis_prasarana_id i; nama v60!; a_unit_organisasi n1!=0; a_tanah n1!=0; a_bangunan n1!=0; a_ruang n1!=0;
        a_sub n1!""", "Jenis prasarana"),
    _ref(252, "ref.jenis_sarana",
        """*jenis_sarana_id i; nama v60!; kelompok v50; perlu_penempatan n1!; keterangan v128; a_alat n1!=0;
        a_angkutan n1!=0; spm_qty_min_per_siswa n3.1!=-1; spm_qty_min_per_sekolah n4!=-1""", "Jenis sarana"),
    _ref(253, "ref.status_kepemilikan_sarpras", "*kepemilikan_sarpras_id n1; nama v20!", "Kepemilikan sarpras"),
    _ref(254, "ref.jenis_hapus_buku",
        "*id_hapus_buku c1; ket_hapus_buku v80!; u_prasarana n1!; u_sarana n1!", "Jenis hapus buku"),
    _ref(255, "man_akses.peran",
        "*peran_id i; bentuk_pendidikan_id s!→ref.bentuk_pendidikan; nama v200; a_perlu_sk n1!=0", "Peran"),
)
"""In an order in which a row never points to a later table."""
