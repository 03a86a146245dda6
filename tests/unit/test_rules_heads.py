from __future__ import annotations

import pytest
from rules_world import DEPUTY, DUTY, DUTY_PLT, HEAD, OTHER, SCHOOL, YEAR, assigned, database, good_school, passing

from exchange.rules.findings import Level
from exchange.rules.heads import KEPALA, PLT, active_heads


@pytest.fixture(scope="module")
def db():
    with database() as made:
        yield made


@pytest.fixture
def empty(db):
    with passing(db) as store:
        yield store


@pytest.fixture
def store(empty):
    return good_school(empty)


def heads(store):
    return [(head.role, head.assignment, head.ptk_id) for head in active_heads(store, SCHOOL, YEAR)]


def head_invalid(store):
    return [one.message for one in store.findings() if one.code == "SEK-01"]


def test_a_kepala_sekolah_is_the_one_head(store):
    assert heads(store) == [(KEPALA, DUTY, HEAD)]
    assert head_invalid(store) == []


@pytest.mark.parametrize(
    ("table", "edit"),
    [
        ("ptk", {"jenis_ptk_id": 4}),
        ("ptk", {"soft_delete": 1}),
        ("ptk_terdaftar", {"tahun_ajaran_id": YEAR - 1}),
        ("ptk_terdaftar", {"jenis_keluar_id": "9"}),
        ("ptk_terdaftar", {"sekolah_id": OTHER}),
        ("ptk_terdaftar", {"ptk_induk": 0}),
        ("ptk_terdaftar", {"soft_delete": 1}),
        ("tugas_tambahan", {"jabatan_ptk_id": 11}),
        ("tugas_tambahan", {"tst_tambahan": "2026-06-30"}),
        ("tugas_tambahan", {"sekolah_id": OTHER}),
        ("tugas_tambahan", {"soft_delete": 1}),
    ],
)
def test_without_any_one_part_of_the_condition_there_is_no_head(store, table, edit):
    store.set(table, **edit)
    assert heads(store) == []
    assert head_invalid(store) == ["no Kepala Sekolah or Plt is assigned"]


@pytest.mark.parametrize("kind", [20, 3, 4, 14])
def test_a_plt_may_be_a_teacher_whose_home_is_elsewhere(store, kind):
    store.db.execute("DELETE FROM tugas_tambahan")
    assigned(store, DEPUTY, DUTY_PLT, post=33, kind=kind, home=0)
    assert heads(store) == [(PLT, DUTY_PLT, DEPUTY)]
    assert head_invalid(store) == []


@pytest.mark.parametrize("kind", [11, 40, 99])
def test_a_plt_is_nobody_from_the_office(store, kind):
    store.db.execute("DELETE FROM tugas_tambahan")
    assigned(store, DEPUTY, DUTY_PLT, post=33, kind=kind)
    assert heads(store) == []


def test_a_kepala_sekolah_and_a_plt_at_once_are_invalid(store):
    assigned(store, DEPUTY, DUTY_PLT, post=33, kind=4)
    assert heads(store) == [(KEPALA, DUTY, HEAD), (PLT, DUTY_PLT, DEPUTY)]
    assert len(head_invalid(store)) == 1


def test_of_two_kepala_sekolah_the_later_counts_and_a_warning_says_so(store):
    assigned(store, DEPUTY, DUTY_PLT, post=2, kind=20, begun="2026-07-01")
    assert heads(store) == [(KEPALA, DUTY_PLT, DEPUTY)]
    assert "GTK-02" in store.codes_of(Level.WARNING)
    store.db.execute("UPDATE ptk SET jenis_ptk_id = 4 WHERE ptk_id = ?", (DEPUTY,))
    assert heads(store) == [(KEPALA, DUTY, HEAD)]
