"""An office's copies of its schools: whole, as the centre holds them, and nobody else's (ADR 18)."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import openpyxl
import pytest

from exchange import errors
from exchange.district import deeds
from exchange.district.answers import Opened, open_file
from exchange.district.copies import copies, known, write_list
from exchange.district.office import Office, status
from exchange.district.ordering import order
from exchange.districts import certify
from exchange.format.order import Verb
from exchange.limits import MIB
from exchange.nodes import ServerNode
from exchange.registering import add_schools
from exchange.schema import SCHEMA
from tests.districts import KAB, KEC, OTHER_KEC, SECOND_KEC, Dinas, school_row, with_regions
from tests.flow.told import registered, with_open_keys
from tests.life import Life, Sekolah


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    """A server that knows two kabupaten."""
    made = Life(tmp_path)
    with_regions(made)
    yield made
    made.close()


@pytest.fixture
def dinas(life: Life) -> Dinas:
    """An office of Kab. Contoh, to which its schools seal."""
    made = Dinas(life)
    made.certify(KAB, sealed=True)
    return made


def enrolled(life: Life, npsn: str, wilayah: str) -> Sekolah:
    """Register a school and enrol its laptop; one pupil is registered and sent."""
    school = life.laptop(add_schools(life.server, [school_row(npsn, wilayah)])[0])
    with_open_keys(life)
    registered(school, school.pupil(f"SISWA {npsn}"))
    school.round_trip()
    return school


def copied(dinas: Dinas) -> Opened:
    """Order the copies, carry the order, open the answer."""
    return dinas.do(order(dinas.office, Verb.COPY, known(dinas.office), "copy").file)[1]


def rows(dinas: Dinas, npsn: str, table: str = "peserta_didik") -> list[tuple[object, ...]]:
    """Return a copy's rows, as the centre has them."""
    return _rows(dinas.home / "salinan" / f"{npsn}.db", table, "1 = 1")


def _rows(path: Path, table: str, where: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db:
        names = ", ".join(column.name for column in SCHEMA.by_name[table].all_columns)
        return sorted(db.execute(f"SELECT {names} FROM {table} WHERE soft_delete IS NOT 1 AND {where}").fetchall(), key=repr)


def as_at_the_centre(life: Life, dinas: Dinas, school: Sekolah) -> bool:
    """Whether every table of a copy holds what the centre holds of that school."""
    centre = life.server.store
    return all(
        rows(dinas, school.npsn, table.name)
        == _rows(life.server.home / "server.db", table.name, f"kirim_home = '{school.scope}'")
        for table in centre.schema.data_tables
    )


def test_a_copy_is_what_the_centre_holds_of_each_school_of_the_region_and_of_no_other(life: Life, dinas: Dinas) -> None:
    """What the school sent and what the centre set; a school elsewhere does not come along."""
    one, two, other = (enrolled(life, npsn, kec) for npsn, kec in (("00000011", KEC), ("00000012", SECOND_KEC), ("00000021", OTHER_KEC)))
    life.change("pusat", [("peserta_didik", one.sql("SELECT peserta_didik_id FROM peserta_didik")[0][0], "no_kps", "KPS 1")])  # type: ignore[list-item]
    made = copied(dinas)
    assert (made.state, [school["npsn"] for school in made.result["schools"]]) == ("done", ["00000011", "00000012"])
    assert sorted(path.name for path in (dinas.home / "salinan").iterdir()) == ["00000011.db", "00000012.db"]
    assert as_at_the_centre(life, dinas, one)
    assert as_at_the_centre(life, dinas, two)
    assert other.npsn not in copies(dinas.office)
    assert made.files == []


def test_only_what_changed_since_comes_again_and_a_delete_too(life: Life, dinas: Dinas) -> None:
    one, two = enrolled(life, "00000011", KEC), enrolled(life, "00000012", KEC)
    copied(dinas)
    again = copied(dinas)
    assert (again.result["schools"], again.result["unchanged"]) == ([], 2)
    ((gone,),) = one.sql("SELECT peserta_didik_id FROM peserta_didik")
    one.edit("peserta_didik", str(gone), soft_delete=1)
    one.pupil("SISWA LAIN")
    one.round_trip()
    made = copied(dinas)
    assert [school["npsn"] for school in made.result["schools"]] == ["00000011"]
    assert len(rows(dinas, "00000011")) == 1
    assert as_at_the_centre(life, dinas, one)
    assert as_at_the_centre(life, dinas, two)


def test_reference_rows_that_came_since_are_news_for_every_copy(life: Life, dinas: Dinas) -> None:
    enrolled(life, "00000011", KEC)
    copied(dinas)
    path = life.folder / "ref_agama.csv"
    path.write_text("agama_id,nama\n98,Agama Contoh\n", encoding="utf-8")
    from exchange.central.reference import import_reference

    import_reference(life.server.store, path)
    assert [school["npsn"] for school in copied(dinas).result["schools"]] == ["00000011"]
    with closing(sqlite3.connect(dinas.home / "salinan" / "00000011.db")) as db:
        assert db.execute("SELECT nama FROM ref_agama WHERE agama_id = 98").fetchall() == [("Agama Contoh",)]


def test_an_office_to_which_nothing_is_sealed_gets_no_copy(life: Life) -> None:
    """Neither before it is granted nor after it was taken back; what it has stays as it is."""
    enrolled(life, "00000011", KEC)
    office = Dinas(life)
    office.certify(KAB)
    refused = copied(office)
    assert (refused.state, refused.error and refused.error.code) == ("refused", "KF-334")
    assert not (office.home / "salinan").exists()
    granted = certify(life.server, office.request, KAB, is_sealed=True)
    open_file(office.office, granted.file, granted.root)
    assert copied(office).state == "done"
    stood = rows(office, "00000011")
    certify(life.server, office.request, KAB, is_sealed=False)
    assert copied(office).state == "refused"
    assert rows(office, "00000011") == stood


def test_an_older_answer_opened_late_takes_nothing_back_and_a_repeat_changes_nothing(life: Life, dinas: Dinas) -> None:
    school = enrolled(life, "00000011", KEC)
    life.ingest(order(dinas.office, Verb.COPY, known(dinas.office), "copy").file)
    (first,) = dinas.answers()
    school.pupil("SISWA BARU")
    school.round_trip()
    copied(dinas)
    stood = rows(dinas, "00000011")
    assert len(stood) == 2
    for path in (first, dinas.answers()[-1]):
        open_file(dinas.office, path)
        assert rows(dinas, "00000011") == stood


def test_a_lost_answer_and_a_restored_folder_cost_an_order_and_nothing_else(life: Life, dinas: Dinas) -> None:
    school = enrolled(life, "00000011", KEC)
    copied(dinas)
    school.pupil("SISWA BARU")
    school.round_trip()
    life.ingest(order(dinas.office, Verb.COPY, known(dinas.office), "copy").file)  # its answer never comes
    (dinas.home / "salinan" / "00000011.db").unlink()  # nor does the folder's content
    assert [one["npsn"] for one in copied(dinas).result["schools"]] == ["00000011"]
    assert as_at_the_centre(life, dinas, school)


def test_a_content_that_is_not_what_its_digest_says_never_takes_a_copys_place(
    life: Life, dinas: Dinas, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever went wrong on the way into the tables: the former copy stands, and the answer can be opened again."""
    from exchange.district import copies as module

    school = enrolled(life, "00000011", KEC)
    copied(dinas)
    stood = rows(dinas, "00000011")
    school.pupil("SISWA BARU")
    school.round_trip()
    life.ingest(order(dinas.office, Verb.COPY, known(dinas.office), "copy").file)
    real = module.load
    monkeypatch.setattr(module, "load", lambda store, blocks: real(store, [block for block in blocks if block.table.name != "peserta_didik"]))
    with pytest.raises(errors.Malformed):
        dinas.opened()
    assert rows(dinas, "00000011") == stood
    assert [path.name for path in (dinas.home / "salinan").iterdir()] == ["00000011.db"]
    monkeypatch.undo()
    dinas.opened()
    assert as_at_the_centre(life, dinas, school)


def test_a_copy_gives_the_lists_that_the_school_itself_would_write(life: Life, dinas: Dinas, tmp_path: Path) -> None:
    from exchange.clocks import civil_now
    from exchange.interop.download import write_daftar_pd
    from exchange.interop.report import School
    from exchange.store.semester import running_semester

    school = enrolled(life, "00000011", KEC)
    copied(dinas)
    assert write_list(dinas.office, "00000011", "daftar-pd", tmp_path / "dinas.xlsx") == 1
    db = school.node.store.db
    running, nama = running_semester(db), db.value("SELECT nama FROM sekolah")
    place = School(school.scope, "00000011", nama, running.semester_id, int(running.tahun_ajaran_id))
    write_daftar_pd(db, place, tmp_path / "sekolah.xlsx", civil_now(life.clock), "NPSN 00000011")
    one, two = ([[cell.value for cell in row] for row in openpyxl.load_workbook(tmp_path / name).active] for name in ("dinas.xlsx", "sekolah.xlsx"))
    assert one == two
    with pytest.raises(errors.CopyMissing):
        write_list(dinas.office, "00000099", "daftar-pd", tmp_path / "lain.xlsx")
    assert not (tmp_path / "lain.xlsx").exists()


def test_a_copy_is_its_owners_alone(life: Life, dinas: Dinas) -> None:
    enrolled(life, "00000011", KEC)
    copied(dinas)
    folder = dinas.home / "salinan"
    assert [path.stat().st_mode & 0o077 for path in (folder, *folder.iterdir())] == [0, 0]


def test_the_server_is_made_again_with_what_the_office_ordered(life: Life, dinas: Dinas, tmp_path: Path) -> None:
    """An order of copies changes no school, and a replay of the ledger does it again."""
    from exchange.evidence.rebuilding import rebuild

    enrolled(life, "00000011", KEC)
    copied(dinas)
    life.server.mirror.catch_up()
    life.server.close()
    assert rebuild(life.folder / "pusat", tmp_path / "lagi", clock=life.clock).equal
    assert Office.open(dinas.home).state["copies"]["00000011"]["rows"] > 0


# --- what other programs, other grants and other versions leave -----------------------------------


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_what_another_program_typed_into_a_copy_is_never_mixed_into_the_next_one(life: Life, dinas: Dinas, mode: str) -> None:
    """It has the former copy still open, with what it wrote in a file beside it; the new copy is whole, and the centre's."""
    school = enrolled(life, "00000011", KEC)
    copied(dinas)
    path = dinas.home / "salinan" / "00000011.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA journal_mode={mode}")
        db.execute("UPDATE peserta_didik SET nama = 'DIKETIK'")
        db.execute("BEGIN")
        db.execute("UPDATE peserta_didik SET nama = 'SEDANG DIKETIK'")
        for n in range(3):
            school.pupil(f"SISWA BARU {n}")
        school.round_trip()
        copied(dinas)
        assert [one.name for one in path.parent.iterdir()] == ["00000011.db"]
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert as_at_the_centre(life, dinas, school)


def test_to_read_a_copy_leaves_nothing_beside_it(life: Life, dinas: Dinas, tmp_path: Path) -> None:
    enrolled(life, "00000011", KEC)
    copied(dinas)
    path = dinas.home / "salinan" / "00000011.db"
    before = path.read_bytes()
    write_list(dinas.office, "00000011", "daftar-pd", tmp_path / "daftar.xlsx")
    assert [one.name for one in path.parent.iterdir()] == ["00000011.db"]
    assert path.read_bytes() == before


def test_a_wider_region_begins_its_orders_anew_and_its_first_copy_is_taken(life: Life) -> None:
    """The number of the order that brought a copy is of the former chain, and says nothing against the new one."""
    school = enrolled(life, "00000011", KEC)
    dinas = Dinas(life)
    dinas.certify(KEC, sealed=True)
    for _ in range(3):
        school.pupil()
        school.round_trip()
        copied(dinas)
    dinas.certify(KAB, sealed=True)
    school.pupil("SISWA BARU")
    school.round_trip()
    assert (dinas.taken(), copied(dinas).number) == (0, 1)
    assert as_at_the_centre(life, dinas, school)


def test_an_older_folder_of_the_office_goes_on_from_the_servers_number_and_is_whole_again(life: Life, dinas: Dinas) -> None:
    """It is told that its order is another one's (KF-333), and the next one brings what it lacks."""
    school = enrolled(life, "00000011", KEC)
    copied(dinas)
    shutil.copytree(dinas.home, life.folder / "cadangan")
    for _ in range(2):
        school.pupil()
        school.round_trip()
        copied(dinas)
    shutil.rmtree(dinas.home)
    shutil.copytree(life.folder / "cadangan", dinas.home)
    dinas.office = Office.open(dinas.home, clock=life.clock)
    refused = copied(dinas)
    assert (refused.state, refused.error and refused.error.code) == ("refused", "KF-333")
    assert not as_at_the_centre(life, dinas, school)
    assert copied(dinas).state == "done"
    assert as_at_the_centre(life, dinas, school)


def test_a_server_that_was_restored_and_went_another_way_brings_copies_again(life: Life, dinas: Dinas) -> None:
    """Two folders of one office, and a server that has lost the orders of one of them: its next number is below what it knew."""
    school = enrolled(life, "00000011", KEC)
    copied(dinas)
    backup, other = life.folder / "cadangan", life.folder / "dinas-lain"
    life.server.close()
    shutil.copytree(life.server.home, backup)
    life.server = ServerNode.open(life.server.home, clock=life.clock)
    shutil.copytree(dinas.home, other)
    for _ in range(3):
        school.pupil()
        school.round_trip()
        copied(dinas)
    life.server.close()
    shutil.rmtree(life.server.home)
    shutil.copytree(backup, life.server.home)
    life.server = ServerNode.open(life.server.home, clock=life.clock)
    life.ingest(order(Office.open(other, clock=life.clock), Verb.REPORT).file)
    assert (copied(dinas).state, dinas.taken()) == ("held", 2)
    again = copied(dinas)
    assert (again.state, again.number, [one["npsn"] for one in again.result["schools"]]) == ("done", 3, ["00000011"])
    assert as_at_the_centre(life, dinas, school)


def test_a_copy_of_an_older_programs_columns_is_ordered_anew_before_it_is_read(life: Life, dinas: Dinas, tmp_path: Path) -> None:
    school = enrolled(life, "00000011", KEC)
    copied(dinas)
    with dinas.office.changing():
        dinas.office.state["copies"]["00000011"]["schema"] -= 1
    with pytest.raises(errors.CopyMissing):
        write_list(dinas.office, "00000011", "daftar-pd", tmp_path / "daftar.xlsx")
    assert not (tmp_path / "daftar.xlsx").exists()
    assert [one["npsn"] for one in copied(dinas).result["schools"]] == ["00000011"]
    assert write_list(dinas.office, "00000011", "daftar-pd", tmp_path / "daftar.xlsx") == 1
    assert as_at_the_centre(life, dinas, school)


def test_a_copy_of_a_school_outside_the_region_is_told_to_be_renewed_no_longer(life: Life) -> None:
    """The office's region became another one; what it has stays, and the answer names it."""
    here, there = enrolled(life, "00000011", KEC), enrolled(life, "00000012", SECOND_KEC)
    dinas = Dinas(life)
    dinas.certify(KEC, sealed=True)
    copied(dinas)
    stood = rows(dinas, here.npsn)
    dinas.certify(SECOND_KEC, sealed=True)
    here.pupil()
    here.round_trip()
    made = copied(dinas)
    assert ([one["npsn"] for one in made.result["schools"]], made.result["ended"]) == ([there.npsn], [here.npsn])
    assert rows(dinas, here.npsn) == stood
    assert as_at_the_centre(life, dinas, there)


# --- more than one answer holds -------------------------------------------------------------------


def test_each_school_has_its_turn_where_an_answer_holds_few(life: Life, dinas: Dinas, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ones without a copy first, then the oldest copies: those that change daily keep nobody waiting for ever."""
    npsns = [f"000000{n}" for n in range(11, 15)]
    add_schools(life.server, [school_row(npsn, KEC) for npsn in npsns])
    one = max(len(deeds.copy_bytes(life.server, school)) for school in life.server.store.schools()) + 400
    monkeypatch.setattr(deeds, "ANSWER_BYTES_MAX", MIB + 2 * one)
    turns = []
    for day in range(4):
        life.change("verval", [("sekolah", npsn, "nama", f"SD HARI {day}") for npsn in npsns])
        made = copied(dinas)
        turns.append([one["npsn"] for one in made.result["schools"]])
        assert made.result["left"] == 4 - len(turns[-1])
    assert turns == [npsns[:2], npsns[2:], npsns[:2], npsns[2:]]


def test_an_answer_counts_what_it_tells_of_each_school_beside_its_rows(life: Life, dinas: Dinas, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many small schools: the office could never open an answer that is larger than one may be."""
    from exchange.format import order as form

    add_schools(life.server, [school_row(f"0000{n:04}", KEC) for n in range(1000, 1040)])
    most = 16 * 1024
    for module in (deeds, form):
        monkeypatch.setattr(module, "ANSWER_BYTES_MAX", most)
    monkeypatch.setattr(deeds, "MIB", 1024)
    brought: list[str] = []
    for _ in range(9):
        made = copied(dinas)
        assert made.state == "done"
        brought += [one["npsn"] for one in made.result["schools"]]
        if not made.result["left"]:
            break
    assert sorted(brought) == [f"0000{n:04}" for n in range(1000, 1040)]


# --- packages that the office has opened ----------------------------------------------------------


def test_of_each_opened_package_it_is_told_whether_the_copy_holds_it(life: Life, dinas: Dinas) -> None:
    school = enrolled(life, "00000011", KEC)
    school.apply(life.answer(school).file)
    school.pupil()
    path = school.export().file
    dinas.do(dinas.order(Verb.REPORT))  # by which the office learns of the school's keys
    assert [one.told.get("in_copy", "refused") for one in dinas.look(path)] == [None]
    copied(dinas)
    assert [(one.status, one.told["in_copy"]) for one in dinas.look(path)] == [("known", False)]
    assert life.ingest(path).files[0].status == "applied"
    assert [one.told["in_copy"] for one in dinas.look(path)] == [False]
    copied(dinas)
    assert [one.told["in_copy"] for one in dinas.look(path)] == [True]
    assert as_at_the_centre(life, dinas, school)


def test_the_status_tells_rows_findings_and_the_position_of_each_copy(life: Life, dinas: Dinas) -> None:
    school = enrolled(life, "00000011", KEC)
    copied(dinas)
    (told,) = status(dinas.office)["copies"]  # type: ignore[misc]
    at = life.server.store.school(school.scope)
    assert at is not None
    held = sum(len(rows(dinas, "00000011", table.name)) for table in SCHEMA.data_tables)
    assert (told["position"], told["findings"], told["rows"]) == (at.position, 0, held)
