"""The declared tables hold together, and their wire numbers never change silently."""

from __future__ import annotations

from pathlib import Path

import pytest

from exchange.schema import LEFT_OUT, SCHEMA
from exchange.schema.model import MACHINE_COLUMNS, Kind, Policy, Table

GOLDEN = Path(__file__).parents[1] / "vectors" / "schema-1.txt"
TABS = {
    "Sekolah", "Sarpras", "Peserta Didik", "GTK", "Rombongan Belajar dan Jadwal", "Pembelajaran", "Nilai", "Referensi",
}  # fmt: skip
SECRETS = {"password", "password_lama", "tgl_ganti_pwd", "token_reg", "kode_registrasi", "token"}

each_table = pytest.mark.parametrize("table", SCHEMA.tables, ids=lambda table: table.name)


def listing() -> str:
    """Return everything of the schema that a package or a store relies on: numbers, names, types, keys, groups."""
    lines = [f"version {SCHEMA.version}"]
    for table in sorted(SCHEMA.tables, key=lambda table: table.number):
        columns = []
        for column in table.all_columns:
            size = (f"{column.size}" if column.size else "") + (f".{column.scale}" if column.scale else "")
            columns.append(f"{'*' if column in table.key else ''}{column.name}:{column.kind.value}{size}")
        lines.append(f"{table.number} {table.name} {' '.join(columns)}")
        derived = f" id({' '.join(table.derived)})" if table.derived else ""
        lines.append(f"  {table.scope} {table.owner.value}{derived}")
        for group in table.groups:
            lines.append(f"  {group.number} {group.name} {group.policy.value}: {' '.join(c.name for c in group.columns)}")
    return "\n".join(lines) + "\n"


def test_numbers_names_types_and_groups_are_those_that_were_pinned():
    """Packages name tables, columns and groups by number. A difference here is a new schema version, never an edit."""
    assert listing() == GOLDEN.read_text(encoding="utf-8")


@each_table
def test_groups_partition_the_columns_beside_the_key(table: Table):
    grouped = [column for group in table.groups for column in group.columns]
    assert sorted(grouped, key=lambda column: column.number) == list(table.columns)
    assert [group.number for group in table.groups] == list(range(1, len(table.groups) + 1))
    assert len({group.name for group in table.groups}) == len(table.groups)


@each_table
def test_columns_are_numbered_keys_first(table: Table):
    assert [column.number for column in table.all_columns] == list(range(len(table.all_columns)))
    assert table.key
    assert len(table.by_name) == len(table.all_columns)


@each_table
def test_each_reference_points_to_one_key_of_a_declared_table_or_to_one_left_out(table: Table):
    for column in table.references:
        if column.ref in LEFT_OUT:
            continue
        target = SCHEMA.by_name[column.ref]
        assert len(target.key) == 1, (column.name, target.name)
        pointed = target.key[0]
        assert (column.kind, column.scale) == (pointed.kind, pointed.scale), (column.name, target.name)


def test_a_table_left_out_is_not_declared_and_each_is_pointed_to():
    pointed = {column.ref for table in SCHEMA.tables for column in table.references}
    assert not LEFT_OUT.keys() & SCHEMA.by_name.keys()
    assert LEFT_OUT.keys() <= pointed


def test_parents_stand_before_children():
    seen: set[str] = set()
    for table in SCHEMA.tables:
        late = {c.ref for c in table.references} - seen - LEFT_OUT.keys() - {table.name}
        assert not late, (table.name, late)
        seen.add(table.name)


@each_table
def test_number_band_scope_tab_and_title_are_set(table: Table):
    assert (table.number >= 200) is table.is_reference
    assert 1 <= table.number <= 65_535
    assert table.tab in TABS
    assert table.title != table.name


@each_table
def test_scope_names_a_column_that_leads_to_a_school(table: Table):
    if table.parent_column:
        parent = SCHEMA.by_name[table.by_name[table.parent_column].ref]
        assert not parent.is_reference
        assert SCHEMA.tables.index(parent) < SCHEMA.tables.index(table)
    elif table.scope not in {"@home", "@ref"}:
        assert table.scope == "sekolah_id"
        assert table.by_name[table.scope].kind is Kind.UUID


@each_table
def test_natural_keys_name_columns_of_their_table(table: Table):
    for claim in table.unique:
        assert set(claim) <= table.by_name.keys()
    parts = [part for part in table.derived if not part.startswith("=")]
    assert set(parts) <= table.by_name.keys() - set(table.key_names)
    if table.derived:
        assert [column.kind for column in table.key] == [Kind.UUID]


def test_secrets_and_machine_columns_are_never_declared():
    """A password that is not declared cannot be captured, encoded or sent, whatever stands in a store."""
    for table in SCHEMA.tables:
        assert not SECRETS & table.by_name.keys(), table.name
        assert not set(MACHINE_COLUMNS) & table.by_name.keys(), table.name


def test_reference_tables_belong_to_the_centre_and_can_expire():
    for table in SCHEMA.reference_tables:
        assert {group.policy for group in table.groups} == {Policy.PUSAT}
        assert table.by_name["expired_date"].kind is Kind.MOMENT


@pytest.mark.parametrize(
    ("table", "column", "policy"),
    [
        ("peserta_didik", "nama", Policy.TERKUNCI),
        ("peserta_didik", "tempat_lahir", Policy.TERKUNCI),
        ("peserta_didik", "nama_ibu_kandung", Policy.TERKUNCI),
        ("peserta_didik", "nisn", Policy.TERKUNCI),
        ("peserta_didik", "nik", Policy.TERKUNCI),
        ("peserta_didik", "no_kip", Policy.KIP),
        ("peserta_didik", "no_kps", Policy.SEKOLAH),
        ("peserta_didik", "rekening_bank", Policy.PUSAT),
        ("peserta_didik", "alamat_jalan", Policy.SEKOLAH),
        ("peserta_didik", "nama_ayah", Policy.SEKOLAH),
        ("peserta_didik", "nik_ibu", Policy.SEKOLAH),
        ("registrasi_peserta_didik", "nipd", Policy.SEKOLAH),
        ("peserta_didik_baru", "nama_pd", Policy.SEKOLAH),
        ("peserta_didik_baru", "peserta_didik_id", Policy.PUSAT),
        ("ptk", "nuptk", Policy.TERKUNCI),
        ("ptk", "jenis_ptk_id", Policy.DINAS),
        ("ptk", "nip", Policy.SEKOLAH),
        ("ptk_terdaftar", "ptk_induk", Policy.DINAS),
        ("ptk_terdaftar", "aktif_bulan_07", Policy.SEKOLAH),
        ("ptk_baru", "ptk_id", Policy.PUSAT),
        ("tugas_tambahan", "nomor_sk", Policy.SEKOLAH),
        ("sekolah", "nama", Policy.TERKUNCI),
        ("sekolah", "alamat_jalan", Policy.TERKUNCI),
        ("sekolah", "kode_pos", Policy.SEKOLAH),
        ("sekolah_longitudinal", "daya_listrik", Policy.SEKOLAH),
        ("pengguna", "username", Policy.DINAS),
        ("role_pengguna", "peran_id", Policy.SEKOLAH),
        ("vld_data", "error_message", Policy.PUSAT),
    ],
)
def test_each_column_is_decided_by_its_owner_in_the_field(table: str, column: str, policy: Policy):
    assert SCHEMA.by_name[table].group_of[column].policy is policy


def test_a_timetable_day_merges_bell_by_bell():
    groups = SCHEMA.by_name["jadwal"].groups
    assert [len(group.columns) for group in groups] == [1] * 20


def test_patterns_of_the_field_are_written_out():
    count = {name: len(SCHEMA.by_name[name].all_columns) for name in ("sanitasi", "bangunan_longitudinal", "jadwal")}
    assert count == {"sanitasi": 70, "bangunan_longitudinal": 17, "jadwal": 24}
    assert len(SCHEMA.by_name["ruang_longitudinal"].all_columns) == 2 + 3 + 32
    assert len(SCHEMA.by_name["peserta_didik"].all_columns) == 61


if __name__ == "__main__":  # python -m tests.unit.test_schema: the listing of a new version
    print(listing(), end="")
