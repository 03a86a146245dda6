"""The notation of the field gives typed columns, and a wrong declaration is refused when the program starts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.schema.model import Column, Kind, Policy, Schema, Table, declare, parse_column, sql_name

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)


def fields(column: Column) -> tuple[object, ...]:
    return (column.kind, column.size, column.scale, column.required, column.default, column.ref)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a u", (Kind.UUID, 0, 0, False, None, None)),
        ("a c8!→ref.mst_wilayah", (Kind.CHAR, 8, 0, True, None, "ref_mst_wilayah")),
        ("a v100", (Kind.VARCHAR, 100, 0, False, None, None)),
        ("a text", (Kind.TEXT, 0, 0, False, None, None)),
        ("a s!", (Kind.INTEGER, 5, 0, True, None, None)),
        ("a i", (Kind.INTEGER, 10, 0, False, None, None)),
        ("a b", (Kind.INTEGER, 19, 0, False, None, None)),
        ("a n1!=0", (Kind.INTEGER, 1, 0, True, 0, None)),
        ("a n4!=-1", (Kind.INTEGER, 4, 0, True, -1, None)),
        ("a n3.1!=-1", (Kind.DECIMAL, 3, 1, True, "-1", None)),
        ("a n18.12", (Kind.DECIMAL, 18, 12, False, None, None)),
        ("a c1!=*", (Kind.CHAR, 1, 0, True, "*", None)),
        ("a c1!=9", (Kind.CHAR, 1, 0, True, "9", None)),
        ("a d", (Kind.DATE, 0, 0, False, None, None)),
        ("a ts", (Kind.MOMENT, 0, 0, False, None, None)),
        ("a f", (Kind.DOUBLE, 0, 0, False, None, None)),
        ("a u!→nilai.matev_rapor", (Kind.UUID, 0, 0, True, None, "nilai_matev_rapor")),
    ],
)
def test_each_type_of_the_field_is_read(text: str, expected: tuple[object, ...]):
    column, is_key = parse_column(text, 3)
    assert (column.name, column.number, is_key) == ("a", 3, False)
    assert fields(column) == expected


def test_a_key_is_marked_by_a_star_and_is_required():
    column, is_key = parse_column("*semester_id c5→ref.semester", 1)
    assert is_key
    assert column.required


@pytest.mark.parametrize(
    "text",
    ["", "nama", "nama v", "nama x", "Nama v10", "nama v10 !", "nama v10!!", "nama c", "nama n", "nama n5.", "nama v10→",
     "nama v10=", "nama i4", "nama v10; alamat v10", "**id u", "nama v10→Ref.agama"],
)  # fmt: skip
def test_wrong_notation_is_refused(text: str):
    with pytest.raises(ValueError, match="not a column declaration"):
        parse_column(text, 0)


@pytest.mark.parametrize(
    ("columns", "groups"),
    [
        ("nama v10", ""),
        ("*id u; nama v10; nama v20", ""),
        ("*id u; nama v10", "satu sekolah: id"),
        ("*id u; nama v10", "satu sekolah: alamat"),
        ("*id u; nama v10", "satu sekolah: nama\ndua sekolah: nama"),
        ("*id u; nama v10", "satu sekolah: na*\ndua sekolah: *"),
        ("*id u; nama v10; nik c16", "satu sekolah: nama\ndua sekolah: n*"),
        ("*id u; nama v10", "satu guru: nama"),
        ("*id u; nama v10", "satu: nama"),
    ],
)
def test_a_wrong_declaration_is_refused(columns: str, groups: str):
    with pytest.raises(ValueError, match=r"."):
        declare(1, "contoh", columns, scope="@home", groups=groups)


def test_keys_come_first_on_the_wire_wherever_they_are_written():
    table = declare(1, "contoh", "nama v10; *a u; nik c16; *b c5", scope="@home")
    assert table.key_names == ("a", "b")
    assert [(column.name, column.number) for column in table.all_columns] == [("a", 0), ("b", 1), ("nama", 2), ("nik", 3)]


def test_a_column_that_no_line_names_is_a_group_of_its_own_under_the_owner():
    table = declare(1, "contoh", "*id u; nama v10; rt n2; rw n2", scope="@home", owner=Policy.DINAS, groups="a sekolah: rt rw")
    assert [(g.name, g.policy, len(g.columns)) for g in table.groups] == [("nama", Policy.DINAS, 1), ("a", Policy.SEKOLAH, 2)]


def test_a_dash_makes_each_column_a_group_and_a_star_takes_what_is_left():
    table = declare(
        1, "contoh", "*id u; nama v10; nik c16; rt n2; rw n2; bulan_01 n1; bulan_02 n1", scope="@home", owner=Policy.TERKUNCI,
        groups="""- terkunci: nama
            alamat sekolah: rt rw
            - dinas: bulan_*
            - sekolah: *""",
    )  # fmt: skip
    assert [(group.name, group.policy.value) for group in table.groups] == [
        ("nama", "terkunci"), ("nik", "sekolah"), ("alamat", "sekolah"), ("bulan_01", "dinas"), ("bulan_02", "dinas"),
    ]  # fmt: skip


@given(st.lists(NAMES, min_size=1, max_size=30, unique=True), st.randoms(use_true_random=False))
def test_any_grouping_partitions_the_columns(names: list[str], random):
    """Whichever columns are put into whichever groups, each column merges in exactly one."""
    in_groups: dict[int, list[str]] = {}
    for name in names:
        in_groups.setdefault(random.randint(0, 4), []).append(name)
    lines = [f"GROUP{n} sekolah: {' '.join(members)}" for n, members in in_groups.items() if n]
    columns = "*ID u; " + "; ".join(f"{name} v9" for name in names)
    table = declare(1, "contoh", columns.replace("ID", "zz_id_of_the_example_table"), scope="@home", groups="\n".join(lines))
    placed = [column.name for group in table.groups for column in group.columns]
    assert sorted(placed) == sorted(names)
    assert set(table.group_of) == set(names)


def test_field_names_become_sql_names():
    assert sql_name("ref.agama") == "ref_agama"
    assert sql_name("nilai.nilai_rapor") == "nilai_nilai_rapor"
    assert sql_name("man_akses.peran") == "peran"
    assert sql_name("blob.large_object") == "large_object"


def small(number: int, name: str, columns: str = "*id u", scope: str = "@home") -> Table:
    return declare(number, name, columns, scope=scope)


def test_two_tables_never_share_a_number_or_a_name():
    with pytest.raises(ValueError, match="share"):
        Schema(1, (small(1, "a"), small(1, "b")))
    with pytest.raises(ValueError, match="share"):
        Schema(1, (small(1, "a"), small(2, "a")))


def test_children_are_found_by_the_columns_that_point_to_a_data_table():
    agama = small(200, "ref.agama", "*agama_id s", "@ref")
    parent = small(1, "induk", "*id u; agama_id s→ref.agama; induk_id u→induk")
    child = small(2, "anak", "*id u; satu u→induk; dua u→induk; tiga u→lain", "@parent:satu")
    schema = Schema(1, (agama, parent, child))
    pairs = {name: [(t.name, c.name) for t, c in found] for name, found in schema.children.items()}
    assert pairs == {"ref_agama": [], "induk": [("induk", "induk_id"), ("anak", "satu"), ("anak", "dua")], "anak": []}
    assert (agama.is_reference, parent.is_reference) == (True, False)
    assert (child.parent_column, parent.parent_column) == ("satu", None)
    assert schema.data_tables == (parent, child)
    assert schema.reference_tables == (agama,)
