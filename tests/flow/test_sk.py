"""Whose a KIP number of an SK list is, and which of several lists is followed (domain 4.1, K1 to K7)."""

from __future__ import annotations

from pathlib import Path

import pytest

from exchange.central.kip import KipImport, import_kip
from exchange.format.entry import ACT
from tests.flow.told import registered, with_open_keys
from tests.life import Life, Sekolah, equal

NISN, NIK = ("0149999901", "0149999902"), ("9901014305140001", "9901014305140002")


@pytest.fixture(autouse=True)
def _keys(life: Life, school: Sekolah) -> None:
    with_open_keys(life)


def sk(life: Life, header: str, *lines: str) -> KipImport:
    """Import an SK list."""
    path = Path(life.folder / "sk.csv")
    path.write_text("\n".join((header, *lines)) + "\n")
    return import_kip(life.server.store, path)


def enter(school: Sekolah, **values: object) -> str:
    """Enter a registered pupil at a school."""
    pupil = school.pupil(**values)
    registered(school, pupil)
    return pupil


def sent(school: Sekolah, **values: object) -> str:
    """Enter a registered pupil and send him."""
    pupil = enter(school, **values)
    school.round_trip()
    return pupil


def card(life: Life, pupil: str) -> object:
    """Return a pupil's number at the server."""
    return life.row("peserta_didik", pupil)["no_kip"]


def waiting(life: Life) -> list[tuple[str, str]]:
    """Return the numbers that wait, with the reason."""
    found = life.server.store.db.execute("SELECT bytes, reason FROM kirim_kip ORDER BY list, line").fetchall()
    return [(text.partition('"no_kip": "')[2][:6], reason) for text, reason in found]


# --- which list -------------------------------------------------------------------------------


def test_the_second_number_of_one_list_never_replaces_the_first(life: Life, school: Sekolah) -> None:
    pupil = sent(school)
    lines = ("peserta_didik_id,no_kip", f"{pupil},ZZ00A1", f"{pupil},ZZ00B2")
    assert [one["reason"] for one in sk(life, *lines).unmatched] == ["twice"]
    for _ in range(2):
        school.edit("peserta_didik", pupil, rt=3)
        school.round_trip()
        assert sk(life, *lines).matched == 0
    assert card(life, pupil) == school.row("peserta_didik", pupil)["no_kip"] == "ZZ00A1"
    assert waiting(life) == [("ZZ00B2", "twice")]


def test_a_row_that_waited_never_replaces_the_number_of_a_later_list(life: Life, school: Sekolah) -> None:
    """The lists name the pupil by different numbers, so only his coming shows that both mean him."""
    sk(life, "nik,no_kip", f"{NIK[0]},ZZOLD9")
    sk(life, "nisn,nik,no_kip", f"{NISN[0]},{NIK[0]},AANEW1")
    assert waiting(life) == [("ZZOLD9", "unknown"), ("AANEW1", "unknown")]
    pupil = sent(school, nisn=NISN[0], nik=NIK[0])
    school.round_trip()
    assert card(life, pupil) == school.row("peserta_didik", pupil)["no_kip"] == "AANEW1"
    assert waiting(life) == []


def test_a_later_list_replaces_the_row_that_waits_for_the_same_pupil(life: Life, school: Sekolah) -> None:
    sk(life, "nik,no_kip", f"{NIK[0]},ZZOLD9", f"{NIK[1]},ZZ00C3")
    sk(life, "nik,no_kip", f"{NIK[0]},AANEW1")
    assert sorted(waiting(life)) == [("AANEW1", "unknown"), ("ZZ00C3", "unknown")]
    pupil = sent(school, nisn=NISN[0], nik=NIK[0])
    assert card(life, pupil) == "AANEW1"


def test_a_later_list_settles_a_pupil_who_stood_twice_in_an_earlier_one(life: Life, school: Sekolah) -> None:
    pupil = sent(school)
    sk(life, "peserta_didik_id,no_kip", f"{pupil},ZZ00A1", f"{pupil},ZZ00B2")
    assert sk(life, "peserta_didik_id,no_kip", f"{pupil},ZZ00B2").matched == 1
    assert card(life, pupil) == "ZZ00B2"
    assert waiting(life) == []


def test_of_two_numbers_for_a_pupil_to_come_the_first_is_set_and_the_second_waits(life: Life, school: Sekolah) -> None:
    sk(life, "nisn,no_kip", f"{NISN[0]},ZZ00B2", f"{NISN[0]},AA00A1")
    pupil = sent(school, nisn=NISN[0])
    assert card(life, pupil) == "ZZ00B2"
    assert waiting(life) == [("AA00A1", "twice")]


def test_rows_that_go_on_waiting_are_no_act_of_the_centre(life: Life, school: Sekolah) -> None:
    sk(life, "nisn,no_kip", f"{NISN[0]},ZZ00B2")
    acts = f"SELECT count(*) FROM kirim_entry WHERE kind = {ACT}"
    before = life.server.store.db.value(acts)
    life.ingest(school.export().file)
    assert life.server.store.db.value(acts) == before
    assert waiting(life) == [("ZZ00B2", "unknown")]


# --- whose ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("column", "filler"), [
    ("nisn", "0"), ("nisn", "0000000000"), ("nisn", "9999999999"), ("nik", "0"), ("nik", "0000000000000000"), ("nik", "1234567890123456"),
])  # fmt: skip
def test_a_number_that_only_fills_its_cell_names_nobody(life: Life, school: Sekolah, column: str, filler: str) -> None:
    width = {"nisn": 10, "nik": 16}[column]
    pupil = sent(school, **{column: filler.zfill(width)})
    made = sk(life, f"{column},no_kip", f"{filler},ZZ00C3", f"{filler.zfill(width)},ZZ00C4")
    assert [one["reason"] for one in made.unmatched] == ["unknown", "unknown"]
    assert card(life, pupil) is None


def test_rows_with_fillers_alone_do_not_replace_one_another(life: Life, school: Sekolah) -> None:
    sk(life, "nisn,no_kip", "0000000000,ZZ00C3")
    sk(life, "nisn,no_kip", "0000000000,ZZ00C4")
    assert waiting(life) == [("ZZ00C3", "unknown"), ("ZZ00C4", "unknown")]


def test_numbers_of_two_pupils_in_one_row_are_followed_to_neither(life: Life, school: Sekolah) -> None:
    one = enter(school, nisn=NISN[0], nik=NIK[0])
    other = sent(school, nisn=NISN[1], nik=NIK[1])
    header = "peserta_didik_id,nisn,nik,no_kip"
    made = sk(life, header, f",{NISN[0]},{NIK[1]},ZZ00E5", f"{one},{NISN[1]},,ZZ00E6", f",{NISN[0]},{NIK[0][:-1]}9,ZZ00E7")
    assert [row["reason"] for row in made.unmatched] == ["ambiguous"] * 3
    assert card(life, one) is card(life, other) is None
    assert sk(life, header, f",{NISN[0]},{NIK[0]},ZZ00E8").matched == 1
    assert card(life, one) == "ZZ00E8"


def test_a_number_that_two_pupils_bear_is_told_as_that_and_another_number_decides(life: Life, school: Sekolah) -> None:
    enter(school, nisn=NISN[0], nik=NIK[0])
    other = sent(school, nisn=NISN[0], nik=NIK[1])
    assert [row["reason"] for row in sk(life, "nisn,no_kip", f"{NISN[0]},ZZ00E5").unmatched] == ["ambiguous"]
    assert sk(life, "nisn,nik,no_kip", f"{NISN[0]},{NIK[1]},ZZ00E6").matched == 1
    assert card(life, other) == "ZZ00E6"
    assert waiting(life) == [("ZZ00E5", "ambiguous")]


def test_a_card_of_two_pupils_is_a_finding_at_every_school_concerned_until_it_is_settled(life: Life, school: Sekolah, other: Sekolah) -> None:
    with_open_keys(life)
    here, there = sent(school), sent(other)
    made = sk(life, "peserta_didik_id,no_kip", f"{here},ZZ00F6", f"{there},ZZ00F6")
    assert (made.matched, made.unmatched) == (2, ())
    for one in (school, other):
        one.round_trip()
        ((message,),) = one.sql("SELECT error_message FROM vld_data WHERE field_error = 'no_kip' AND soft_delete = 0")
        assert here[:8] in str(message)
        assert there[:8] in str(message)
    sk(life, "peserta_didik_id,no_kip", f"{there},ZZ00F7")
    for one in (school, other):
        one.round_trip()
        assert one.sql("SELECT 1 FROM vld_data WHERE field_error = 'no_kip' AND soft_delete = 0") == []
        assert equal(one)
