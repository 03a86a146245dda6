"""The whole life of keys by the program's own commands: each change costs the school one round trip at most.

Every test is a story of files: what happened, who does what, what travels.
"""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.flow.program import Done, World, kirim

SECOND = "sandi kepala yang baru"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A server and a school that has sent its lists and had its answer."""
    world = World(tmp_path_factory.mktemp("dunia") / "asli")
    world.make()
    assert world.take_lists().status == 0
    assert world.round_trip().status == 0
    return world


@pytest.fixture
def world(made: World, tmp_path: Path) -> World:
    """A copy of it, for one test."""
    shutil.copytree(made.folder, tmp_path / "dunia")
    return World(tmp_path / "dunia")


def ok(done: Done) -> Any:
    """The document of a command that went well."""
    assert done.status == 0, done
    return done.json


def secret(world: World, text: str, name: str = "sandi-baru.txt") -> Path:
    """Return a file with a passphrase."""
    path = world.folder / name
    path.write_text(text + "\n", encoding="utf-8")
    return path


def sql(world: World, statement: str, home: Path | None = None) -> list[tuple[Any, ...]]:
    """Run one statement in a school's store, as any other program may."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect((home or world.school_home) / "sekolah.db")) as db, db:
        return db.execute(statement).fetchall()


def rename(world: World, name: str, home: Path | None = None) -> None:
    """Edit one pupil at a school."""
    sql(world, f"UPDATE peserta_didik SET tempat_lahir = '{name}' WHERE rowid = 1", home)


def at_server(world: World) -> str:
    """Return what the server holds of that pupil."""
    return str(sql_server(world, "SELECT tempat_lahir FROM peserta_didik WHERE rowid = 1")[0][0])


def sql_server(world: World, statement: str) -> list[tuple[Any, ...]]:
    """Look into the server's store."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(world.server_home / "server.db")) as db:
        return db.execute(statement).fetchall()


def assign(world: World, who: str, post: str = "kepala_sekolah") -> None:
    """Let the dinas assign a head."""
    path = world.folder / "kepala.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [("table", "id", "column", "value", "baru"), ("sekolah", world.npsn, post, who, "1")]
        )
    ok(world.server("change", "--as", "dinas", path))


def ingest(world: World, file: str | Path) -> Any:
    """Take one file in and return what became of it."""
    done = world.server("ingest", file)
    assert done.status in (0, 3), done
    return done.json["files"][0]


def answer(world: World) -> str:
    """Write a return."""
    return str(ok(world.server("return", "--npsn", world.npsn))["written"][0]["file"])


def head_code(world: World) -> dict[str, str]:
    """Make a code for the head."""
    found: dict[str, str] = ok(world.server("school", "code", "--npsn", world.npsn, "--purpose", "kepala"))
    return found


# --- another head -----------------------------------------------------------------------------


def test_a_new_head_approves_after_one_delivery_and_what_the_former_one_approved_is_released(world: World) -> None:
    """The dinas assigns while a package is on its way. Assignment, code and answer come in one delivery; no trip is extra."""
    rename(world, "SEBELUM")
    before = ok(world.export())
    assign(world, "KEPALA PENGGANTI")
    code = head_code(world)
    assert (code["nama"], code["role"]) == ("KEPALA PENGGANTI", "kepala_sekolah")
    late = ingest(world, before["file"])
    assert (late["status"], late["code"]) == ("held", "KF-310")
    ok(world.at_school("apply", answer(world)))
    blocked = ok(world.at_school("status"))["blocked"]
    assert blocked == ["KF-314"]
    assert world.export().error["code"] == "KF-314"

    new = secret(world, SECOND)
    made = ok(world.at_school("head", "--code-file", code["code_file"], "--passphrase-file", new))
    assert made["nama"] == "KEPALA PENGGANTI"
    assert ok(world.at_school("status"))["blocked"] == []
    rename(world, "SESUDAH")
    assert world.export().error["code"] == "KF-106"  # the former head's passphrase opens nothing
    after = ok(world.at_school("export", "--confirm", "--passphrase-file", new))
    taken = ingest(world, after["file"])
    assert taken["status"] == "applied", taken
    assert at_server(world) == "SESUDAH"
    assert ok(world.server("status"))["packages"]["held"] == 0
    ok(world.at_school("apply", answer(world)))
    assert ok(world.at_school("status"))["pending"] == {}


def test_the_new_heads_certificate_rides_until_a_file_with_it_was_merged_and_no_longer(world: World) -> None:
    """Files are lost: the next ones carry it too. Once one was merged, files are as small as before."""
    assign(world, "KEPALA PENGGANTI")
    code = head_code(world)
    ok(world.at_school("apply", answer(world)))
    new = secret(world, SECOND)
    ok(world.at_school("head", "--code-file", code["code_file"], "--passphrase-file", new))

    def export() -> str:
        return str(ok(world.at_school("export", "--confirm", "--passphrase-file", new))["file"])

    def carried(file: str) -> int:
        return len(ok(kirim("inspect", file, "--json"))["certificates"])

    rename(world, "SATU")
    assert carried(export()) == 2
    rename(world, "DUA")
    file = export()
    assert carried(file) == 2
    assert ingest(world, file)["status"] == "applied"
    ok(world.at_school("apply", answer(world)))
    rename(world, "TIGA")
    file = export()
    assert carried(file) == 0
    assert ingest(world, file)["status"] == "applied"


def test_a_code_that_comes_before_its_assignment_waits_for_it(world: World) -> None:
    """The letter was faster than the return: nothing is made, and the same code works when the return has come."""
    assign(world, "KEPALA PENGGANTI")
    code = head_code(world)
    new = secret(world, SECOND)
    early = world.at_school("head", "--code-file", code["code_file"], "--passphrase-file", new)
    assert (early.status, early.error["code"]) == (1, "KF-115")
    rename(world, "MASIH LAMA")
    assert world.export().status == 0  # the head whom this laptop knows still approves
    ok(world.at_school("apply", answer(world)))
    ok(world.at_school("head", "--code-file", code["code_file"], "--passphrase-file", new))


def test_a_head_who_forgot_the_passphrase_gets_another_key_for_the_same_assignment(world: World) -> None:
    """No data is lost and no return is needed: a new code by letter is all."""
    rename(world, "LUPA SANDI")
    code = head_code(world)
    new = secret(world, SECOND)
    made = ok(world.at_school("head", "--code-file", code["code_file"], "--passphrase-file", new))
    assert made["assignment"] == code["assignment"]
    file = ok(world.at_school("export", "--confirm", "--passphrase-file", new))["file"]
    assert ingest(world, file)["status"] == "applied"
    assert at_server(world) == "LUPA SANDI"


def test_a_code_of_another_school_or_nobodys_makes_no_head(world: World) -> None:
    """What such a key approves is put aside, and the next right code mends it."""
    invented = world.folder / "kode.txt"
    invented.write_text("12345678-1234-4234-8234-123456789012\n", encoding="utf-8")
    new = secret(world, SECOND)
    ok(world.at_school("head", "--code-file", invented, "--passphrase-file", new))
    rename(world, "PALSU")
    forged = ingest(world, ok(world.at_school("export", "--confirm", "--passphrase-file", new))["file"])
    assert (forged["status"], forged["code"]) == ("quarantined", "KF-303")
    code = head_code(world)
    ok(world.at_school("head", "--code-file", code["code_file"], "--passphrase-file", new))
    file = ok(world.at_school("export", "--confirm", "--passphrase-file", new))["file"]
    assert ingest(world, file)["status"] == "applied"


def test_no_code_is_made_while_nobody_is_assigned(world: World) -> None:
    """KF-114 says what to do first."""
    world.add("02000009", head="")
    done = world.server("school", "code", "--npsn", "02000009", "--purpose", "kepala")
    assert (done.status, done.error["code"]) == (1, "KF-114")


def test_a_key_that_was_made_before_anybody_was_assigned_is_no_successors_key(world: World) -> None:
    """It speaks for the first assignment that comes, and for no later one (domain 2.4)."""
    added = world.add("02000009", head="")
    other = World(world.folder / "lain")
    other.lists.mkdir(parents=True)
    other.secret.write_text("sandi yang pertama\n", encoding="utf-8")
    init = ("--code-file", added["code_file"], "--passphrase-file", other.secret)
    ok(kirim("school", "init", added["prefill"], *init, "--home", other.school_home, "--json"))

    def deliver(name: str) -> None:
        path = world.folder / "kepala.csv"
        path.write_text(f"table,id,column,value,baru\nsekolah,02000009,kepala_sekolah,{name},1\n", encoding="utf-8")
        ok(world.server("change", "--as", "dinas", path))
        file = ok(world.server("return", "--npsn", "02000009"))["written"][0]["file"]
        ok(other.at_school("apply", file))

    deliver("KEPALA PERTAMA")
    assert ok(other.at_school("status"))["blocked"] == []
    deliver("KEPALA KEDUA")
    assert ok(other.at_school("status"))["blocked"] == ["KF-314"]


# --- a laptop lost, stolen, broken, replaced ---------------------------------------------------


class Laptop:
    """One more laptop of the school."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.home = world, world.folder / name

    def __call__(self, *arguments: str | Path) -> Done:
        return kirim("school", *arguments, "--home", self.home, "--json")

    def init(self, given: dict[str, str], *more: str | Path) -> Any:
        """Open a prefill with its code."""
        code = ("--code-file", given["code_file"], "--passphrase-file", self.world.secret)
        return ok(self("init", given["prefill"], *code, *more))

    def export(self) -> Any:
        """Export as a script does."""
        return ok(self("export", "--confirm", "--passphrase-file", self.world.secret))

    def rename(self, name: str, row: int = 1) -> None:
        """Edit one pupil: the row-th of those that both laptops have."""
        sql(self.world, f"UPDATE peserta_didik SET tempat_lahir = '{name}' WHERE peserta_didik_id = '{pupil(self.world, row)}'", self.home)

    def holds(self, row: int = 1) -> str:
        """Return what stands here of that pupil."""
        found = sql(self.world, f"SELECT tempat_lahir FROM peserta_didik WHERE peserta_didik_id = '{pupil(self.world, row)}'", self.home)
        return str(found[0][0])


def pupil(world: World, row: int) -> str:
    """Return the id of a pupil."""
    return str(sql_server(world, f"SELECT peserta_didik_id FROM peserta_didik WHERE rowid = {row}")[0][0])


def server_holds(world: World, row: int = 1) -> str:
    """Return what the server holds of a pupil."""
    return str(sql_server(world, f"SELECT tempat_lahir FROM peserta_didik WHERE rowid = {row}")[0][0])


def first(world: World) -> Laptop:
    """Return the laptop with which the world begins."""
    return Laptop(world, "sekolah")


def keys(world: World, kind: str = "perangkat") -> list[dict[str, Any]]:
    """Return the school's keys of a kind as the server lists them."""
    return [key for key in ok(world.server("key", "list", "--npsn", world.npsn))["keys"] if key["kind"] == kind]


def new_code(world: World) -> dict[str, str]:
    """Make a code and prefill for one more laptop."""
    found: dict[str, str] = ok(world.server("school", "code", "--npsn", world.npsn))
    return found


def same_on_both_sides(world: World, laptop: Laptop) -> bool:
    """Whether every pupil is the same at the server and on a laptop."""
    wanted = "SELECT peserta_didik_id, nama, tempat_lahir, no_kip, soft_delete FROM peserta_didik ORDER BY 1"
    return sql_server(world, wanted) == sql(world, wanted, laptop.home)


def test_r25_a_stolen_laptops_key_counts_up_to_its_last_number_and_never_above(world: World) -> None:
    """R25: files up to the number merge later, one above it is put aside whatever its date; the new laptop goes on."""
    old = first(world)
    old.rename("SEBELUM HILANG")
    before = old.export()
    shutil.copy(before["file"], world.folder / "terlambat.kirim")
    (key,) = keys(world)
    revoked = ok(
        world.server("key", "revoke", "--npsn", world.npsn, "--key", key["fingerprint"], "--after", str(before["last"]), "--value", before["mark"])
    )
    assert [k["state"] for k in revoked["keys"] if k["kind"] == "perangkat"] == ["dicabut"]
    old.rename("OLEH PENCURI")
    stolen = ingest(world, old.export()["file"])
    assert (stolen["status"], stolen["code"]) == ("quarantined", "KF-308")

    new = Laptop(world, "baru")
    new.init(new_code(world))
    new.rename("DI LAPTOP BARU", 2)
    assert ingest(world, new.export()["file"])["status"] == "applied"
    late = ingest(world, world.folder / "terlambat.kirim")
    assert late["status"] == "applied", late
    assert server_holds(world) == "SEBELUM HILANG"
    assert [k["key"] for k in keys(world) if k["current"]] == [keys(world)[1]["key"]]
    ok(new("apply", answer(world)))  # sealed to the new laptop, and it brings what the old one had said
    assert new.holds() == "SEBELUM HILANG"
    assert same_on_both_sides(world, new)


def test_a_number_that_has_not_come_needs_its_mark(world: World) -> None:
    """KF-118 without; with another laptop's mark the file is put aside."""
    old = first(world)
    old.rename("SATU")
    made = old.export()
    (key,) = keys(world)
    revoke = ("key", "revoke", "--npsn", world.npsn, "--key", key["key"], "--after", str(made["last"]))
    assert world.server(*revoke).error["code"] == "KF-118"
    assert keys(world)[0]["state"] == "aktif"
    ok(world.server(*revoke, "--value", "00" * 8))
    assert ingest(world, made["file"])["code"] == "KF-308"
    ok(world.server(*revoke, "--value", made["mark"]))  # mended, it may come again
    assert ingest(world, made["file"])["status"] == "applied"


def test_a_file_on_the_way_to_the_number_waits_for_the_one_that_proves_it(world: World) -> None:
    """KF-315: alone nobody can tell whose it is; with the last one both are merged."""
    old = first(world)
    old.rename("SATU")
    one = shutil.copy(old.export()["file"], world.folder / "satu.kirim")
    old.rename("DUA")
    two = old.export()
    (key,) = keys(world)
    ok(world.server("key", "revoke", "--npsn", world.npsn, "--key", key["key"], "--after", str(two["last"]), "--value", two["mark"]))
    waits = ingest(world, one)
    assert (waits["status"], waits["code"]) == ("held", "KF-315")
    assert ingest(world, two["file"])["status"] == "applied"
    assert server_holds(world) == "DUA"
    assert ok(world.server("status"))["packages"]["held"] == 0


def test_by_default_what_has_come_counts(world: World) -> None:
    """No number: merged files stay merged, the next one is above."""
    old = first(world)
    (key,) = keys(world)
    ok(world.server("key", "revoke", "--npsn", world.npsn, "--key", key["key"]))
    old.rename("SESUDAH")
    assert ingest(world, old.export()["file"])["code"] == "KF-308"
    left = ok(world.server("return", "--npsn", world.npsn))
    assert (left["written"], [one["reason"] for one in left["skipped"]]) == ([], ["no_key"])
    new_code(world)
    assert len(ok(world.server("return", "--npsn", world.npsn))["written"]) == 1


def test_a_late_file_of_a_former_laptop_neither_undoes_the_new_ones_value_nor_takes_its_returns(world: World) -> None:
    """The laptop broke; its last file was on a boat. The newer laptop's value stands, both are in the history."""
    old = first(world)
    old.rename("DARI LAMA")
    old.rename("LAMA SAJA", 2)
    late = old.export()["file"]
    new = Laptop(world, "baru")
    new.init(new_code(world))
    new.rename("DARI BARU")
    assert ingest(world, new.export()["file"])["status"] == "applied"
    taken = ingest(world, late)
    assert taken["status"] == "applied"
    assert taken["changes"]["conflict"] == 1
    assert (server_holds(world), server_holds(world, 2)) == ("DARI BARU", "LAMA SAJA")
    assert [k["current"] for k in keys(world)] == [False, True]
    (told,) = ok(new("apply", answer(world)))["conflicts"]
    assert (told["code"], told["own"][0], told["other"][0]) == ("KF-530", "DARI LAMA", "DARI BARU")
    assert (new.holds(), new.holds(2)) == ("DARI BARU", "LAMA SAJA")
    assert same_on_both_sides(world, new)
    assert ingest(world, new.export()["file"])["status"] in ("applied", "duplicate")


def test_what_a_former_laptop_said_after_the_prefill_reaches_the_new_one(world: World) -> None:
    """The prefill was made, then the old laptop's file came, then the new one sent."""
    new, old = Laptop(world, "baru"), first(world)
    new.init(new_code(world))
    old.rename("DARI LAMA")
    assert ingest(world, old.export()["file"])["status"] == "applied"
    new.rename("DARI BARU", 2)
    assert ingest(world, new.export()["file"])["status"] == "applied"
    ok(new("apply", answer(world)))
    assert (new.holds(), new.holds(2)) == ("DARI LAMA", "DARI BARU")
    assert same_on_both_sides(world, new)


def test_unsent_work_of_a_former_laptop_comes_along(world: World) -> None:
    """R20: what was exported and what was not, still there, still unsent; what had arrived is not taken twice."""
    old, new = first(world), Laptop(world, "baru")
    old.rename("SUDAH TIBA")
    arrived = old.export()["file"]
    old.rename("DI JALAN", 2)
    lost = old.export()["file"]
    old.rename("BELUM DIEKSPOR", 3)
    given = new_code(world)
    assert ingest(world, arrived)["status"] == "applied"
    before = sorted(p.name for p in old.home.rglob("*") if "sekolah.db-" not in p.name)
    made = new.init(given, "--from", old.home)
    assert made["carried"] == {"peserta_didik": {"insert": 0, "update": 3, "delete": 0}}
    assert sorted(p.name for p in old.home.rglob("*") if "sekolah.db-" not in p.name) == before
    assert ok(new("status"))["pending"]["peserta_didik"]["update"] == 3
    assert [new.holds(n) for n in (1, 2, 3)] == ["SUDAH TIBA", "DI JALAN", "BELUM DIEKSPOR"]
    taken = ingest(world, new.export()["file"])
    assert taken["status"] == "applied"
    assert taken["changes"]["sent"] == 2  # the third had been taken under the old key
    assert [server_holds(world, n) for n in (1, 2, 3)] == ["SUDAH TIBA", "DI JALAN", "BELUM DIEKSPOR"]
    new.rename("LEBIH BARU", 2)
    assert ingest(world, new.export()["file"])["status"] == "applied"
    assert ingest(world, lost)["status"] in ("applied", "duplicate")
    ok(new("apply", answer(world)))
    assert new.holds(2) == server_holds(world, 2) == "LEBIH BARU"
    assert ok(new("status"))["pending"] == {}
    assert same_on_both_sides(world, new)


@pytest.mark.parametrize("since", [0, 3], ids=["shorter log", "log that grew again"])
def test_what_a_restored_server_had_acknowledged_comes_along_with_the_new_laptop(world: World, since: int) -> None:
    """The laptop breaks after the server went back to a copy: nobody else holds what the lost server had taken."""
    old, new = first(world), Laptop(world, "baru")
    old.rename("KATA LAMA", 4)
    assert ingest(world, old.export()["file"])["status"] == "applied"
    path = world.folder / "verval.csv"
    path.write_text(f"table,id,column,value\npeserta_didik,{pupil(world, 4)},tempat_lahir,KOTA RESMI\n", encoding="utf-8")
    ok(world.server("change", "--as", "verval", path))
    ok(old("apply", answer(world)))
    shutil.copytree(world.server_home, world.folder / "cadangan")
    for name in ("TIBA SATU", "TIBA DUA"):
        old.rename(name, len(name) - 7)
        assert ingest(world, old.export()["file"])["status"] == "applied"
        ok(old("apply", answer(world)))
    old.rename("BELUM DIEKSPOR", 3)
    shutil.rmtree(world.server_home)
    shutil.copytree(world.folder / "cadangan", world.server_home)
    for n in range(since):
        path = world.folder / "pusat.csv"
        path.write_text(f"table,id,column,value\npeserta_didik,{pupil(world, 5)},tempat_lahir,KOTA {n}\n", encoding="utf-8")
        ok(world.server("change", "--as", "verval", path))
    new.init(new_code(world), "--from", old.home)
    for _ in range(2):
        assert ingest(world, new.export()["file"])["status"] == "applied"
        new("apply", answer(world))
    assert [server_holds(world, n) for n in (1, 2, 3, 4)] == [old.holds(n) for n in (1, 2, 3, 4)]
    assert old.holds(4) == "KOTA RESMI"
    assert ok(new("status"))["pending"] == {}
    assert same_on_both_sides(world, new)


def test_what_the_centre_changed_meanwhile_still_meets_the_carried_edit(world: World) -> None:
    """A KIP number and a verified name came between: the centre's stand, and the new laptop ends with them."""
    old, new = first(world), Laptop(world, "baru")
    name = pupil(world, 1)
    sql(world, f"UPDATE peserta_didik SET nama = 'NAMA KETIK', no_kip = 'SALAH1' WHERE peserta_didik_id = '{name}'")
    path = world.folder / "verval.csv"
    path.write_text(f"table,id,column,value,verified\npeserta_didik,{name},nama,NAMA RESMI,1\n", encoding="utf-8")
    ok(world.server("change", "--as", "verval", path))
    new.init(new_code(world), "--from", old.home)
    taken = ingest(world, new.export()["file"])
    assert taken["status"] == "applied"
    ok(new("apply", answer(world)))
    assert sql(world, f"SELECT nama FROM peserta_didik WHERE peserta_didik_id = '{name}'", new.home) == [("NAMA RESMI",)]
    assert same_on_both_sides(world, new)


def test_another_schools_folder_is_not_carried(world: World) -> None:
    """KF-120, and nothing is made."""
    other = Laptop(world, "lain")
    other.init(world.add("02000009"))
    new = Laptop(world, "baru")
    given = new_code(world)
    code = ("--code-file", given["code_file"], "--passphrase-file", world.secret)
    assert new("init", given["prefill"], *code, "--from", other.home).error["code"] == "KF-120"
    assert not (new.home / "sekolah.db").exists()
    new.init(given)


# --- two laptops under one code ---------------------------------------------------------------


@pytest.fixture
def rivals(tmp_path: Path) -> tuple[World, Laptop, Laptop]:
    """A school whose one code and prefill were opened on two laptops; the first has sent and was merged."""
    world = World(tmp_path / "dunia")
    world.folder.mkdir()
    world.secret.write_text("sandi kepala sekolah\n", encoding="utf-8")
    ok(world.server("init"))
    given = world.add(world.npsn)
    one, two = Laptop(world, "satu"), Laptop(world, "dua")
    for laptop in (one, two):
        laptop.init(given)
        sql(world, f"UPDATE sekolah SET website = '{laptop.home.name}'", laptop.home)
    assert ingest(world, one.export()["file"])["status"] == "applied"
    contested = ingest(world, two.export()["file"])
    assert (contested["status"], contested["code"]) == ("held", "KF-311")
    return world, one, two


def address(world: World) -> str:
    """Return what the server holds of the school."""
    return str(sql_server(world, f"SELECT website FROM sekolah WHERE npsn = '{world.npsn}'")[0][0])


def test_both_are_held_until_the_district_decides(rivals: tuple[World, Laptop, Laptop]) -> None:
    """The first one's next file waits too: nobody knows yet which of them is the school's."""
    world, one, _ = rivals
    sql(world, "UPDATE sekolah SET email = 5", one.home)
    assert ingest(world, one.export()["file"])["code"] == "KF-311"
    assert [key["state"] for key in keys(world)] == ["ditahan", "ditahan"]
    assert len({key["fingerprint"] for key in keys(world)}) == 2
    assert [one["code"] for one in ok(world.server("status"))["held"]] == ["KF-311", "KF-311"]


def test_a_file_that_waits_is_told_though_the_return_goes_no_further_than_the_last_one(
    rivals: tuple[World, Laptop, Laptop]
) -> None:
    """The operator reads of the two laptops in the answer to his file, at the position that he has applied already."""
    world, one, _ = rivals
    ok(one("apply", answer(world)))
    sql(world, "UPDATE sekolah SET email = 5", one.home)
    assert ingest(world, one.export()["file"])["code"] == "KF-311"
    told = ok(one("apply", answer(world)))
    assert ([waits["code"] for waits in told["waiting"]], told["known"]) == (["KF-311", "KF-311"], [])
    assert ok(one("status"))["pending"]["sekolah"]["update"] == 1


@pytest.mark.parametrize("command", ["accept", "reject"])
@pytest.mark.parametrize("winner", [0, 1])
def test_the_decision_releases_one_and_refuses_the_other(
    rivals: tuple[World, Laptop, Laptop], winner: int, command: str
) -> None:
    """Whichever holds: its files are merged at once, its returns come; the other one's files are put aside and kept."""
    world, one, two = rivals
    sql(world, "UPDATE sekolah SET email = 5", one.home)
    assert ingest(world, one.export()["file"])["code"] == "KF-311"
    named = keys(world)[winner if command == "accept" else 1 - winner]["fingerprint"]
    made = ok(world.server("key", command, "--npsn", world.npsn, "--key", named))
    assert sorted(file["status"] for file in made["files"]) == ["applied", "quarantined"]
    states = [key["state"] for key in keys(world)]
    assert states == (["aktif", "ditolak"] if winner == 0 else ["ditolak", "aktif"])
    holds, loses = (one, two) if winner == 0 else (two, one)
    assert address(world) == holds.home.name
    ok(holds("apply", answer(world)))
    sql(world, "UPDATE sekolah SET email = 7", loses.home)
    assert ingest(world, loses.export()["file"])["code"] == "KF-308"
    sql(world, "UPDATE sekolah SET email = 8", holds.home)
    assert ingest(world, holds.export()["file"])["status"] == "applied"
    assert world.server("key", command, "--npsn", world.npsn, "--key", "0" * 16).error["code"] == "KF-117"


def test_the_refused_laptops_work_is_carried_into_a_new_enrolment(rivals: tuple[World, Laptop, Laptop]) -> None:
    """It was the school's second operator: a code of its own, and nothing that was typed there is lost."""
    world, _, two = rivals
    ok(world.server("key", "accept", "--npsn", world.npsn, "--key", keys(world)[0]["key"]))
    third = Laptop(world, "tiga")
    assert third.init(new_code(world), "--from", two.home)["carried"]["sekolah"]["update"] == 1
    assert ingest(world, third.export()["file"])["status"] == "applied"
    assert address(world) == "dua"


def test_a_decided_code_opened_once_more_holds_only_the_newcomer(rivals: tuple[World, Laptop, Laptop]) -> None:
    """Whoever has an old code cannot stop the school again."""
    world, one, _ = rivals
    ok(world.server("key", "accept", "--npsn", world.npsn, "--key", keys(world)[0]["key"]))
    late = Laptop(world, "empat")
    outbox = world.server_home / "outbox" / world.npsn
    late.init({"prefill": str(next(outbox.glob("PREFILL-*"))), "code_file": str(next(outbox.glob("KODE-*")))})
    sql(world, "UPDATE sekolah SET email = 9", late.home)
    assert ingest(world, late.export()["file"])["code"] == "KF-311"
    assert [key["state"] for key in keys(world)] == ["aktif", "ditolak", "ditahan"]
    sql(world, "UPDATE sekolah SET email = 3", one.home)
    assert ingest(world, one.export()["file"])["status"] == "applied"


# --- keys renewed in time ---------------------------------------------------------------------


def test_a_laptops_key_is_renewed_by_the_next_package(world: World) -> None:
    """Signed by the former key; what was on its way and what was not goes on under the new one; no trip is extra."""
    laptop = first(world)
    laptop.rename("SATU")
    late = laptop.export()["file"]
    laptop.rename("DUA", 2)
    before = keys(world)[0]["key"]
    made = ok(laptop("key", "rotate"))
    assert ok(laptop("status"))["pending"]["peserta_didik"]["update"] == 2
    sent = laptop.export()["file"]
    taken = ingest(world, sent)
    assert taken["status"] == "applied", taken
    assert [(k["key"], k["current"]) for k in keys(world)] == [(before, False), (made["key_id"], True)]
    assert (server_holds(world), server_holds(world, 2)) == ("SATU", "DUA")
    ok(laptop("apply", answer(world)))
    assert ok(laptop("status"))["pending"] == {}
    assert same_on_both_sides(world, laptop)
    assert ingest(world, late)["status"] in ("applied", "duplicate")
    assert [k["current"] for k in keys(world)] == [False, True]
    laptop.rename("TIGA")
    last = laptop.export()["file"]
    assert len(ok(kirim("inspect", last, "--json"))["certificates"]) == 0
    assert ingest(world, last)["status"] == "applied"
    assert server_holds(world) == "TIGA"


def test_an_answer_to_a_file_without_changes_is_heard_and_the_key_is_renewed_again(world: World) -> None:
    """Nothing has changed anywhere, so the return goes as far as the one before it: its receipts count all the same."""
    laptop = first(world)
    new = secret(world, SECOND)
    ok(laptop("key", "rotate", "--head", "--passphrase-file", world.secret, "--new-passphrase-file", new))
    new.replace(world.secret)
    sent = laptop.export()
    assert ingest(world, sent["file"])["status"] == "applied"
    before = ok(laptop("status"))
    assert laptop("key", "rotate").error["code"] == "KF-122"
    file = answer(world)
    told = ok(laptop("apply", file))
    assert (told["known"], told["incoming"], told["waiting"]) == ([], {}, [])
    assert ok(laptop("status"))["pending"] == before["pending"]
    assert [known["why"] for known in ok(laptop("apply", file))["known"]] == ["repeat"]
    assert len(ok(kirim("inspect", laptop.export()["file"], "--json"))["certificates"]) == 0
    ok(laptop("key", "rotate"))
    assert ingest(world, laptop.export()["file"])["status"] == "applied"


def test_a_renewed_laptop_that_loses_its_first_files_is_still_known(world: World) -> None:
    """The certificate rides until a file with it was merged; until then the key is not renewed again (KF-122)."""
    laptop = first(world)
    ok(laptop("key", "rotate"))
    laptop.rename("HILANG")
    laptop.export()
    assert laptop("key", "rotate").error["code"] == "KF-122"
    laptop.rename("TIBA", 2)
    assert ingest(world, laptop.export()["file"])["status"] == "applied"
    assert (server_holds(world), server_holds(world, 2)) == ("HILANG", "TIBA")
    ok(laptop("apply", answer(world)))
    assert same_on_both_sides(world, laptop)


def test_a_key_that_a_stolen_laptop_certified_afterwards_is_refused_with_it(world: World) -> None:
    """R25: the thief renews the key; the district revokes the one it knew, and the other goes with it."""
    thief = first(world)
    (key,) = keys(world)
    ok(thief("key", "rotate"))
    thief.rename("OLEH PENCURI")
    stolen = thief.export()["file"]
    ok(world.server("key", "revoke", "--npsn", world.npsn, "--key", key["key"]))
    assert ingest(world, stolen)["code"] == "KF-308"
    assert len(keys(world)) == 1


def test_a_key_certified_after_the_number_is_revoked_with_its_issuer(world: World) -> None:
    """The district names a number before the theft; what the new key wrote stays merged, nothing more of it is taken."""
    thief = first(world)
    (key,) = keys(world)
    thief.rename("SESUDAH DICURI")
    assert ingest(world, thief.export()["file"])["status"] == "applied"
    ok(thief("key", "rotate"))
    thief.rename("KUNCI BARU")
    assert ingest(world, thief.export()["file"])["status"] == "applied"
    ok(world.server("key", "revoke", "--npsn", world.npsn, "--key", key["key"], "--after", "1"))
    assert [k["state"] for k in keys(world)] == ["dicabut", "dicabut"]
    thief.rename("LAGI")
    assert ingest(world, thief.export()["file"])["code"] == "KF-308"


def test_a_heads_key_and_passphrase_are_renewed_at_the_school(world: World) -> None:
    """The former passphrase opens nothing any more, and the former key approves nothing more at the server."""
    laptop, new = first(world), secret(world, SECOND)
    both = ("--passphrase-file", world.secret, "--new-passphrase-file", new)
    kept = (laptop.home / "kunci" / "kepala").read_bytes()
    ok(laptop("key", "rotate", "--head", *both))
    laptop.rename("BARU")
    assert world.export().error["code"] == "KF-106"
    file = ok(laptop("export", "--confirm", "--passphrase-file", new))["file"]
    assert ingest(world, file)["status"] == "applied"
    assert sorted(k["state"] for k in keys(world, "kepala")) == ["aktif", "dicabut"]
    ok(laptop("apply", answer(world)))
    laptop.rename("DENGAN KUNCI LAMA")
    (laptop.home / "kunci" / "kepala").write_bytes(kept)  # somebody had kept a copy of the former key
    held = ingest(world, laptop.export()["file"])
    assert (held["status"], held["code"]) == ("held", "KF-310")


def test_a_passphrase_is_changed_without_anything_to_send(world: World) -> None:
    """The key stays: the next export carries no certificate."""
    laptop, new = first(world), secret(world, SECOND)
    ok(laptop("passphrase", "--passphrase-file", world.secret, "--new-passphrase-file", new))
    laptop.rename("X")
    assert world.export().error["code"] == "KF-106"
    file = ok(laptop("export", "--confirm", "--passphrase-file", new))["file"]
    assert ok(kirim("inspect", file, "--json"))["certificates"] == []
    assert ingest(world, file)["status"] == "applied"
    short = secret(world, "pendek", "pendek.txt")
    wrong = laptop("passphrase", "--passphrase-file", new, "--new-passphrase-file", short)
    assert wrong.error["code"] == "KF-107"


# --- the server's key -------------------------------------------------------------------------


def certificates(file: str) -> int:
    """Return how many certificates ride in a file."""
    return len(ok(kirim("inspect", file, "--json"))["certificates"])


def test_a_new_server_key_reaches_schools_by_returns_and_old_files_still_count(world: World) -> None:
    """Files of a year before the rotation, in both directions, are taken; the proof rides until the school has it."""
    laptop = first(world)
    old_return = shutil.copy(answer(world), world.folder / "balasan-lama.kirim")
    laptop.rename("SEBELUM")
    old_file = laptop.export()["file"]
    made = ok(world.server("key", "rotate"))
    assert ok(world.server("key", "rotate"))["serial"] == made["serial"] + 1  # and again, before any school heard
    assert ingest(world, old_file)["status"] == "applied"
    ok(laptop("apply", old_return))
    told = answer(world)
    assert certificates(told) == 1
    ok(laptop("apply", told))
    laptop.rename("SESUDAH")
    assert ingest(world, laptop.export()["file"])["status"] == "applied"
    ok(laptop("apply", answer(world)))
    laptop.rename("LAGI")
    assert ingest(world, laptop.export()["file"])["status"] == "applied"
    last = answer(world)
    assert certificates(last) == 0
    ok(laptop("apply", last))
    assert same_on_both_sides(world, laptop)


def test_the_root_need_not_be_on_the_server(world: World) -> None:
    """Root and spare lie elsewhere: schools are registered, codes made; only a rotation asks for one of them."""
    away = world.folder / "brankas"
    away.mkdir()
    for name in ("akar", "akar-cadangan"):
        (world.server_home / "kunci" / name).rename(away / name)
    world.add("02000009")
    head_code(world)
    assert world.server("key", "rotate").error["code"] == "KF-121"
    assert world.server("key", "rotate", "--root", world.server_home / "kunci" / "pusat").error["code"] == "KF-121"
    ok(world.server("key", "rotate", "--root", away / "akar"))


@pytest.mark.parametrize("root", ["akar", "akar-cadangan"])
def test_a_retired_server_key_signs_nothing_that_counts(world: World, root: str) -> None:
    """It was stolen: after the first new return, an old or forged one is refused; a new laptop knows from its prefill."""
    laptop, holder = first(world), world.server_home / "kunci" / root
    assign(world, "KEPALA CONTOH")
    old = shutil.copy(answer(world), world.folder / "lama.kirim")
    laptop.rename("SEBELUM")
    late = laptop.export()["file"]
    ok(world.server("key", "rotate", "--retire", "--root", holder))
    told = answer(world)
    assert certificates(told) == (2 if root == "akar" else 3)
    ok(laptop("apply", told))
    refused = laptop("apply", old)
    assert (refused.status, refused.json["failed"][0]["code"]) == (1, "KF-303")
    assert ingest(world, late)["status"] in ("applied", "held")  # sealed to the old key, and still opened
    new = Laptop(world, "baru")
    new.init(new_code(world))
    assert new("apply", old).json["failed"][0]["code"] in ("KF-302", "KF-303")
    ok(world.server("key", "rotate", "--root", world.server_home / "kunci" / "akar"))
    ok(laptop("apply", answer(world)))


# --- why the button is not there (seed 002) ---------------------------------------------------

_HEAD = "SELECT ptk_id FROM tugas_tambahan WHERE jabatan_ptk_id = 2"
_REGISTERED = f"SELECT ptk_terdaftar_id FROM ptk_terdaftar WHERE ptk_id = ({_HEAD})"
_DUTY = "SELECT ptk_tugas_tambahan_id FROM tugas_tambahan WHERE jabatan_ptk_id = 2"


@pytest.mark.parametrize(
    ("table", "row", "column", "wrong", "right", "said"),
    [
        ("ptk", _HEAD, "jenis_ptk_id", "4", "20", "jenis PTK KEPALA CONTOH bukan Kepala Sekolah"),
        ("ptk_terdaftar", _REGISTERED, "ptk_induk", "0", "1", "sekolah ini bukan sekolah induk KEPALA CONTOH"),
        ("ptk_terdaftar", _REGISTERED, "jenis_keluar_id", "1", "", "KEPALA CONTOH tercatat sudah keluar"),
        ("ptk_terdaftar", _REGISTERED, "soft_delete", "1", None, "KEPALA CONTOH belum terdaftar sebagai PTK sekolah ini untuk 20"),
        ("tugas_tambahan", _DUTY, "tst_tambahan", "2026-01-01", "", "tugas KEPALA CONTOH sudah berakhir"),
        ("tugas_tambahan", _DUTY, "soft_delete", "1", None, "belum ada Kepala Sekolah atau Plt"),
    ],
    ids=["jenis", "induk", "keluar", "tahun", "berakhir", "tidak ada"],
)
def test_status_and_export_name_the_cause_and_the_cure(
    world: World, table: str, row: str, column: str, wrong: str, right: str | None, said: str
) -> None:
    """Each condition of the gate by its own words; when the dinas has mended it, one return opens the gate again."""

    def penugasan(value: str) -> None:
        path = world.folder / "dinas.csv"
        path.write_text(f"table,id,column,value,verified\n{table},{sql_server(world, row)[0][0]},{column},{value},\n", encoding="utf-8")
        ok(world.server("change", "--as", "dinas", path))
        ok(world.at_school("apply", answer(world)))

    penugasan(wrong)
    status = ok(world.at_school("status"))
    assert status["blocked"] == ["KF-312"]
    assert said in status["causes"][0]["what"]
    error = world.export().error
    assert error["code"] == "KF-312"
    assert said in error["what"]
    assert said in kirim("school", "status", "--home", world.school_home).out
    if right is not None:
        penugasan(right)
        assert ok(world.at_school("status"))["blocked"] == []
        ok(world.export())


def test_a_head_without_a_key_is_named(world: World) -> None:
    """KF-314 says whose code is needed."""
    assign(world, "KEPALA PENGGANTI")
    ok(world.at_school("apply", answer(world)))
    (cause,) = ok(world.at_school("status"))["causes"]
    assert (cause["code"], "KEPALA PENGGANTI" in cause["what"]) == ("KF-314", True)


def test_a_former_laptops_late_file_with_a_former_heads_approval_counts_once_its_key_is_revoked(world: World) -> None:
    """Nobody can approve it anew: it waits, and the district lets what has come count."""
    old = first(world)
    old.rename("DARI LAMA")
    late = old.export()["file"]
    assign(world, "KEPALA PENGGANTI")
    new = Laptop(world, "baru")
    new.init(new_code(world))
    new.rename("DARI BARU", 2)
    assert ingest(world, new.export()["file"])["status"] == "applied"
    held = ingest(world, late)
    assert (held["status"], held["code"]) == ("held", "KF-310")
    made = ok(world.server("key", "revoke", "--npsn", world.npsn, "--key", keys(world)[0]["key"]))
    assert [one["status"] for one in made["files"]] == ["applied"]
    assert (server_holds(world), server_holds(world, 2)) == ("DARI LAMA", "DARI BARU")
    ok(new("apply", answer(world)))
    assert same_on_both_sides(world, new)
