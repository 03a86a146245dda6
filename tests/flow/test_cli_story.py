"""The whole story, with files in an empty folder and commands alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from exchange.demo.madeup import MadeUpSchool, kip_list, write_daftar_pd, write_kip_csv
from tests.flow.program import PASSPHRASE, kirim


def test_two_schools_and_a_server_exchange_by_files(tmp_path: Path) -> None:
    """Nothing but the program, in one folder, with names as people type them: out, in, merged, back, and seen in Excel."""

    def run(*arguments: str) -> dict[str, object]:
        done = kirim(*arguments, "--json", cwd=tmp_path)
        assert done.status == 0, (arguments, done)
        found: dict[str, object] = done.json
        return found

    schools = {"a": MadeUpSchool("SD", 20, seed=3), "b": MadeUpSchool("SMP", 15, seed=4)}
    (tmp_path / "sandi").write_text(PASSPHRASE + "\n")
    rows = [f"{s.npsn},{s.nama},{s.bentuk},KEPALA CONTOH" for s in schools.values()]
    (tmp_path / "sekolah.csv").write_text("npsn,name,bentuk,head\n" + "\n".join(rows) + "\n")

    run("server", "init", "--home", "pusat")
    added = run("server", "school", "add", "--file", "sekolah.csv", "--home", "pusat")["schools"]
    assert isinstance(added, list)
    (tmp_path / "flashdisk").mkdir()
    for (name, school), made in zip(schools.items(), added, strict=True):
        secrets = ("--code-file", made["code_file"], "--passphrase-file", "sandi")
        assert run("school", "init", made["prefill"], "--home", name, *secrets)["npsn"] == school.npsn
        write_daftar_pd(tmp_path / f"{name}.xlsx", school)
        run("school", "import", f"{name}.xlsx", "--home", name)
        (tmp_path / "flashdisk").mkdir(exist_ok=True)
        run("school", "export", "--confirm", "--passphrase-file", "sandi", "--home", name, "--out", "flashdisk")

    first = run("server", "ingest", "flashdisk", "--home", "pusat")
    assert (first["applied"], first["quarantined"]) == (2, 0)
    write_kip_csv(tmp_path / "sk.csv", kip_list(schools["a"], 10))
    assert run("server", "kip", "import", "sk.csv", "--home", "pusat")["matched"] == 10
    (tmp_path / "balasan").mkdir()
    written = run("server", "return", "--all", "--home", "pusat", "--out", "balasan")["written"]
    assert isinstance(written, list)
    assert {one["npsn"] for one in written} == {school.npsn for school in schools.values()}

    back = {one["npsn"]: one["file"] for one in written}
    taken = run("school", "apply", back[schools["a"].npsn], "--home", "a")
    assert taken["incoming"] == {"peserta_didik": 10}
    assert run("school", "apply", back[schools["b"].npsn], "--home", "b")["incoming"] == {}
    for name in schools:
        assert run("school", "status", "--home", name)["pending"] == {}

    wrong = kirim("school", "apply", back[schools["a"].npsn], "--home", "b", "--json", cwd=tmp_path)
    assert (wrong.status, wrong.error["code"][:4]) == (1, "KF-3")

    assert run("school", "download", "daftar-pd", "lihat.xlsx", "--home", "a")["rows"] == 20
    with sqlite3.connect(tmp_path / "a" / "sekolah.db") as db:
        (shown,) = db.execute("SELECT count(*) FROM peserta_didik WHERE no_kip LIKE 'Z%'").fetchone()
    db.close()
    assert shown >= 10


def test_a_lost_file_loses_nothing(tmp_path: Path) -> None:
    """Export, delete the file, edit, export again: the second one alone brings everything."""
    from tests.flow.program import PUPILS, World

    world = World(tmp_path / "dunia")
    world.make()
    world.take_lists()
    Path(world.export().json["file"]).unlink()
    with sqlite3.connect(world.school_home / "sekolah.db") as db:
        db.execute("UPDATE peserta_didik SET alamat_jalan = 'Jalan Baru 1'")
    db.close()
    second = world.export()
    assert second.json["number"] == 2
    assert second.json["changes"]["peserta_didik"] == {"insert": PUPILS, "update": 0, "delete": 0}
    assert world.server("ingest", second.json["file"]).json["applied"] == 1
    with sqlite3.connect(world.server_home / "server.db") as db:
        found = db.execute("SELECT count(*) FROM peserta_didik WHERE alamat_jalan = 'Jalan Baru 1'").fetchone()
    db.close()
    assert found == (PUPILS,)


def test_the_demo_plays_in_an_empty_folder_and_nowhere_else(tmp_path: Path) -> None:
    """Without a name the folder is called demo; with ``--json`` there is one document, and the story beside it."""
    done = kirim("demo", "--json", "--lang", "en", cwd=tmp_path)
    assert done.status == 0, done
    assert done.json["kip"]["matched"] == 10
    assert "KF-513" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
    again = kirim("demo", "demo", "--json", cwd=tmp_path)
    assert (again.status, again.error["code"]) == (1, "KF-102")
