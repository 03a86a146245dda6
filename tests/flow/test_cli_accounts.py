"""*Manajemen Pengguna* and *Tukar Akses Pengguna* by the program's own commands; no secret is left anywhere by them."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.flow.program import PASSPHRASE, Done, World, kirim


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A server and a school whose laptop knows an account that is not the head's."""
    made = World(tmp_path / "dunia")
    made.make()
    with closing(sqlite3.connect(made.school_home / "sekolah.db")) as db, db:
        (scope,) = db.execute("SELECT sekolah_id FROM sekolah").fetchone()
        db.execute("INSERT INTO pengguna (pengguna_id, sekolah_id, nama, username) VALUES (?, ?, 'OPERATOR', 'op@contoh.id')", (str(uuid.uuid4()), scope))
    return made


def code_file(world: World) -> Path:
    """The letter with the registration code."""
    return world.server_home / "outbox" / world.npsn / f"KODE-{world.npsn}.txt"


def ok(done: Done) -> Any:
    """The document of a command that went well."""
    assert done.status == 0, done
    return done.json


def people(world: World) -> dict[str, tuple[bool, list[str]]]:
    """Accounts by name: whether it is in use, and its roles."""
    found = ok(world.at_school("account", "list"))["accounts"]
    return {one["nama"]: (one["active"], [role["nama"] for role in one["roles"]]) for one in found}


def test_the_whole_way_of_tukar_akses_pengguna(world: World) -> None:
    """The operator works, the head's account is taken with the code, and only then anything is sent."""
    assert people(world) == {"KEPALA CONTOH": (True, ["Kepala Sekolah"]), "OPERATOR": (False, [])}
    assert ok(world.at_school("account", "switch", "op@contoh.id"))["account"]["nama"] == "OPERATOR"
    assert world.export().error["code"] == "KF-324"
    status = ok(world.at_school("status"))
    assert (status["blocked"], status["account"]) == (["KF-324"], "OPERATOR")
    assert world.at_school("account", "switch", "kepala contoh").error["code"] == "KF-108"
    (world.folder / "salah").write_text(str(uuid.uuid4()))
    refused = world.at_school("account", "switch", "kepala contoh", "--code-file", world.folder / "salah")
    assert (refused.status, refused.error["code"]) == (1, "KF-164")
    assert people(world)["OPERATOR"] == (True, [])
    ok(world.at_school("account", "switch", "kepala contoh", "--code-file", code_file(world)))
    assert ok(world.export())["number"] == 1


def test_roles_are_given_and_ended_and_a_head_role_only_with_the_code(world: World) -> None:
    """Manajemen Pengguna."""
    ok(world.at_school("account", "role", "OPERATOR", "--add", "Sekolah"))
    assert world.at_school("account", "role", "OPERATOR", "--add", "Kepala Sekolah").error["code"] == "KF-108"
    ok(world.at_school("account", "role", "KEPALA CONTOH", "--remove", "Kepala Sekolah"))
    assert people(world) == {"KEPALA CONTOH": (True, []), "OPERATOR": (False, ["Sekolah"])}
    assert ok(world.at_school("status"))["blocked"] == ["KF-323"]
    ok(world.at_school("account", "role", "KEPALA CONTOH", "--add", "kepala sekolah", "--code-file", code_file(world)))
    assert ok(world.at_school("status"))["blocked"] == []
    for wrong in ((), ("--add", "PTK", "--remove", "PTK")):
        done = world.at_school("account", "role", "OPERATOR", *wrong)
        assert (done.status, done.error["code"]) == (2, "KF-112")


def test_people_read_names_and_the_account_in_use_is_marked(world: World) -> None:
    """In Indonesian."""
    lines = kirim("school", "account", "list", "--home", world.school_home).out.splitlines()
    (used,) = [line for line in lines if line.lstrip().startswith("*") and "KEPALA CONTOH" in line]
    assert "Kepala Sekolah" in used
    done = kirim("school", "account", "switch", "OPERATOR", "--home", world.school_home)
    assert done.out.strip() == "Mulai sekarang dipakai di laptop ini: OPERATOR"


def test_no_code_and_no_passphrase_is_left_in_a_store_a_package_an_answer_or_a_message(world: World) -> None:
    """Through a whole round: neither as text, nor without hyphens, nor as bytes."""
    done = [
        world.at_school("account", "switch", "OPERATOR"),
        world.at_school("account", "switch", "KEPALA CONTOH", "--code-file", code_file(world)),
        world.at_school("account", "role", "OPERATOR", "--add", "Kepala Sekolah", "--code-file", code_file(world)),
        world.at_school("account", "list"),
        kirim("school", "account", "list", "--home", world.school_home),
        kirim("school", "account", "switch", "KEPALA CONTOH", "--home", world.school_home, env={"KIRIM_CODE": "bukan kode"}),
        world.at_school("status"),
        world.round_trip(),
        world.export(),
    ]
    code = code_file(world).read_text().splitlines()[0]
    secrets = [code, code.replace("-", ""), PASSPHRASE]
    assert [text for one in done for text in secrets if text in one.out + one.err] == []
    raw = [text.encode() for text in secrets] + [uuid.UUID(code).bytes]
    for home in (world.school_home, world.server_home):
        for path in home.rglob("*"):
            if path.is_file() and not path.name.startswith("KODE-"):
                content = path.read_bytes()
                assert [secret for secret in raw if secret in content] == [], path
