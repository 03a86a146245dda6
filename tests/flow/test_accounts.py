"""The gate at the school: accounts with roles, which one is in use, and each cause for which nothing can be sent (seed 002)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exchange import errors
from exchange.interop.lists import SchoolRow
from exchange.overview import blocked, causes
from exchange.packager import export
from exchange.registering import add_schools
from exchange.schema import SCHEMA
from exchange.school.accounts import ACTIVE, accounts, change_role, switch
from exchange.school.headship import change_head
from exchange.school.sheet import KINDS, Sheet
from exchange.server.headship import head_code
from tests.faults.world import files
from tests.life import PASSPHRASE, Life, Sekolah, equal

SECOND = "sandi kepala yang baru"
HEAD_ROLE = "Kepala Sekolah"


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    """A server."""
    made = Life(tmp_path)
    yield made
    made.close()


@pytest.fixture
def school(life: Life) -> Sekolah:
    """A school with one pupil, which has sent once and had its answer."""
    made = life.school()
    made.pupil("SISWA SATU")
    made.round_trip()
    return made


def code_of(school: Sekolah) -> str:
    """The registration code as the letter has it."""
    folder = school.life.folder / "pusat" / "outbox" / school.npsn
    return (folder / f"KODE-{school.npsn}.txt").read_text().splitlines()[0]


def in_use(school: Sekolah) -> list[str]:
    """Names of the accounts in use on the laptop: one, or none."""
    return [one.account.nama for one in accounts(school.node.store) if one.is_active]


def roles(school: Sekolah) -> dict[str, list[str]]:
    """The school's accounts and their roles, as the laptop has them."""
    return {one.account.nama: [role.nama for role in one.account.roles] for one in accounts(school.node.store)}


def of_head(life: Life, table: str, column: str) -> str:
    """Return a value of the only head's row in a table of the server."""
    return str(life.server.store.db.value(f"SELECT {column} FROM {table} WHERE soft_delete = 0 ORDER BY rowid LIMIT 1"))


def tell(school: Sekolah) -> None:
    """Carry a return to the school."""
    school.apply(school.life.answer(school).file)


def teacher(life: Life, school: Sekolah, nama: str = "GURU CONTOH") -> str:
    """Let the dinas make an account for a PTK who is not the head, row by row; return its id."""
    ptk, account = str(uuid.uuid4()), str(uuid.uuid4())
    school.sql("INSERT INTO ptk (ptk_id, nama) VALUES (?, ?)", ptk, nama)
    school.round_trip()
    life.change("dinas", [("pengguna", account, "sekolah_id", school.scope), ("pengguna", account, "ptk_id", ptk),
                          ("pengguna", account, "nama", nama), ("pengguna", account, "aktif", 1)])  # fmt: skip
    tell(school)
    return account


def stands(school: Sekolah) -> dict[str, object]:
    """What a laptop holds and would send."""
    db, store = school.node.store.db, school.node.store
    tables = {table.name: db.execute(f"SELECT * FROM {table.name}").fetchall() for table in SCHEMA.data_tables}
    kept = {name: store.get(name) for name in (ACTIVE, "number", "exported", "last_exported_at", "have")}
    return {**tables, **kept, "last": store.last, "outbox": files(school.home / "outbox")}


# --- the simple case --------------------------------------------------------------------------


def test_the_heads_account_comes_with_the_prefill_and_is_in_use_at_once(life: Life) -> None:
    """Init, import, export: no step more, and nothing to send that nobody entered."""
    made = life.school()
    assert roles(made) == {"KEPALA CONTOH": [HEAD_ROLE]}
    assert in_use(made) == ["KEPALA CONTOH"]
    assert blocked(made.node.store) == []
    assert made.export().changes == {}


def test_a_head_who_is_assigned_later_is_in_use_with_the_return_that_brings_him(life: Life) -> None:
    """The prefill had nobody: the key was certified by the code, so nothing more is asked."""
    made = life.laptop(add_schools(life.server, [SchoolRow(npsn="00000002", name="SD", bentuk="SD")])[0])
    assert (roles(made), in_use(made), blocked(made.node.store)) == ({}, [], ["KF-312"])
    life.change("dinas", [("sekolah", made.npsn, "kepala_sekolah", "KEPALA KEMUDIAN")])
    tell(made)
    assert in_use(made) == ["KEPALA KEMUDIAN"]
    made.pupil()
    assert made.round_trip().status == "applied"
    assert equal(made)


def test_a_head_who_is_made_row_by_row_gets_an_account_too(life: Life, school: Sekolah) -> None:
    """A list of the dinas that names tugas_tambahan itself: the return brings account and role, and the former role ends."""
    ptk, stay, duty = (str(uuid.uuid4()) for _ in range(3))
    school.sql("INSERT INTO ptk (ptk_id, nama, email) VALUES (?, 'KEPALA BARIS', 'kepala@contoh.id')", ptk)
    school.round_trip()
    former = of_head(life, "tugas_tambahan", "ptk_tugas_tambahan_id")
    life.change("dinas", [("ptk", ptk, "jenis_ptk_id", 20), ("ptk_terdaftar", stay, "ptk_id", ptk),
                          ("ptk_terdaftar", stay, "sekolah_id", school.scope), ("ptk_terdaftar", stay, "tahun_ajaran_id", 2026),
                          ("ptk_terdaftar", stay, "ptk_induk", 1), ("tugas_tambahan", former, "tst_tambahan", "2026-10-26"),
                          ("tugas_tambahan", duty, "ptk_id", ptk), ("tugas_tambahan", duty, "sekolah_id", school.scope),
                          ("tugas_tambahan", duty, "jabatan_ptk_id", 2)])  # fmt: skip
    tell(school)
    assert roles(school) == {"KEPALA BARIS": [HEAD_ROLE], "KEPALA CONTOH": []}
    assert [one.account.username for one in accounts(school.node.store)] == ["kepala@contoh.id", ""]
    assert blocked(school.node.store) == ["KF-314"]
    change_head(school.node, head_code(life.server, school.npsn).code_file.read_text().splitlines()[0], PASSPHRASE)
    school.pupil()
    assert school.round_trip().status == "applied"
    assert equal(school)


def test_another_name_of_the_account_changes_nothing(life: Life, school: Sekolah) -> None:
    """*Perubahan akun pengguna*: renamed by the centre, it is the same account."""
    life.change("pusat", [("pengguna", of_head(life, "pengguna", "pengguna_id"), "username", "baru@contoh.id"),
                          ("pengguna", of_head(life, "pengguna", "pengguna_id"), "nama", "KEPALA BERGANTI NAMA")])  # fmt: skip
    tell(school)
    assert in_use(school) == ["KEPALA BERGANTI NAMA"]
    school.pupil()
    assert school.round_trip().status == "applied"


# --- why nothing can be sent ------------------------------------------------------------------

Cure = Callable[[], object]


def _new_year(life: Life, school: Sekolah) -> Cure:
    row = of_head(life, "ptk_terdaftar", "ptk_terdaftar_id")
    life.change("dinas", [("ptk_terdaftar", row, "soft_delete", "1")])
    return lambda: life.change("dinas", [("sekolah", school.npsn, "kepala_sekolah", "KEPALA CONTOH")])


def _both(life: Life, school: Sekolah) -> Cure:
    duty = of_head(life, "tugas_tambahan", "ptk_tugas_tambahan_id")
    life.change("dinas", [("sekolah", school.npsn, "plt", "PLT CONTOH")])
    plt = life.server.store.db.value("SELECT ptk_tugas_tambahan_id FROM tugas_tambahan WHERE jabatan_ptk_id = 33")
    life.change("dinas", [("tugas_tambahan", duty, "tst_tambahan", "")])
    return lambda: life.change("dinas", [("tugas_tambahan", plt, "tst_tambahan", "2026-10-26")])


def _changed_head(life: Life, school: Sekolah) -> Cure:
    life.change("dinas", [("sekolah", school.npsn, "kepala_sekolah", "KEPALA PENGGANTI")])
    code = head_code(life.server, school.npsn).code_file.read_text().splitlines()[0]
    return lambda: change_head(school.node, code, PASSPHRASE)


def _no_account(life: Life, school: Sekolah) -> Cure:
    life.change("dinas", [("pengguna", of_head(life, "pengguna", "pengguna_id"), "soft_delete", "1")])
    return lambda: life.change("dinas", [("sekolah", school.npsn, "kepala_sekolah", "KEPALA CONTOH")])


def _closed(life: Life, school: Sekolah) -> Cure:
    row = of_head(life, "pengguna", "pengguna_id")
    life.change("dinas", [("pengguna", row, "aktif", "0")])
    return lambda: life.change("dinas", [("pengguna", row, "aktif", "1")])


def _no_role(life: Life, school: Sekolah) -> Cure:
    change_role(school.node, "kepala contoh", HEAD_ROLE, None, add=False)
    return lambda: change_role(school.node, "KEPALA CONTOH", "kepala sekolah", code_of(school), add=True)


def _other_account(life: Life, school: Sekolah) -> Cure:
    switch(school.node, teacher(life, school), None)
    return lambda: switch(school.node, "KEPALA CONTOH", code_of(school))


def _account_replaced(life: Life, school: Sekolah) -> Cure:
    old, new, role = of_head(life, "pengguna", "pengguna_id"), str(uuid.uuid4()), str(uuid.uuid4())
    ptk = of_head(life, "pengguna", "ptk_id")
    life.change("dinas", [("pengguna", old, "soft_delete", "1"), ("pengguna", new, "sekolah_id", school.scope),
                          ("pengguna", new, "ptk_id", ptk), ("pengguna", new, "nama", "AKUN BARU"),
                          ("role_pengguna", role, "sekolah_id", school.scope), ("role_pengguna", role, "peran_id", 20),
                          ("role_pengguna", role, "pengguna_id", new)])  # fmt: skip
    return lambda: switch(school.node, "AKUN BARU", code_of(school))


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (_new_year, "KF-312"),
        (_changed_head, "KF-314"),
        (_both, "KF-320"),
        (_no_account, "KF-321"),
        (_closed, "KF-322"),
        (_no_role, "KF-323"),
        (_other_account, "KF-324"),
        (_account_replaced, "KF-325"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__.strip("_"),
)
def test_status_names_each_cause_before_anybody_tries_and_its_cure_opens_the_gate(
    life: Life, school: Sekolah, cause: Callable[[Life, Sekolah], Cure], code: str
) -> None:
    """The refusal changes nothing, a return is applied all the same, and one cure is enough."""
    cure = cause(life, school)
    tell(school)
    pupil = school.pupil("SISWA MENUNGGU")
    assert blocked(school.node.store) == [code]
    (told,) = causes(school.node.store, [code])
    assert told.code == code
    before = stands(school)
    with pytest.raises(errors.TrustError) as refused:
        school.export()
    assert refused.value.code == code
    assert stands(school) == before

    first = school.sql("SELECT peserta_didik_id FROM peserta_didik WHERE nama = 'SISWA SATU'")[0][0]
    life.change("dinas", [("peserta_didik", str(first), "email", "dinas@contoh.id")])
    tell(school)  # tarik data: any account, no head
    assert school.row("peserta_didik", str(first))["email"] == "dinas@contoh.id"
    assert blocked(school.node.store) == [code]

    cure()
    tell(school)
    assert blocked(school.node.store) == []
    assert school.round_trip().status == "applied"
    assert life.row("peserta_didik", pupil)["nama"] == "SISWA MENUNGGU"
    assert equal(school)


def test_invalid_rows_are_told_after_the_gate(life: Life, school: Sekolah) -> None:
    """KF-501: a Kepala Sekolah with his account in use, and a row that cannot be."""
    school.pupil(tanggal_lahir="2099-01-01")
    assert blocked(school.node.store) == ["KF-501"]
    switch(school.node, teacher_without_trip(school), None)
    assert blocked(school.node.store) == ["KF-324"]


def teacher_without_trip(school: Sekolah) -> str:
    """An account that only this laptop knows."""
    account = str(uuid.uuid4())
    school.sql("INSERT INTO pengguna (pengguna_id, sekolah_id, nama) VALUES (?, ?, 'OPERATOR')", account, school.scope)
    return account


# --- the code ---------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["", "123456789", "00000000-0000-4000-8000-000000000000"])
def test_without_the_registration_code_neither_role_nor_account_of_the_head_is_taken(
    life: Life, school: Sekolah, typed: str
) -> None:
    """KF-164, and both are as before."""
    operator = teacher(life, school)
    switch(school.node, operator, None)
    before = stands(school)
    with pytest.raises(errors.CodeOther):
        switch(school.node, "KEPALA CONTOH", typed)
    with pytest.raises(errors.CodeOther):
        change_role(school.node, "GURU CONTOH", HEAD_ROLE, typed, add=True)
    assert stands(school) == before
    assert in_use(school) == ["GURU CONTOH"]


def test_another_schools_code_proves_nothing(life: Life, school: Sekolah) -> None:
    """The same letter to another school."""
    other = life.school("00000002")
    switch(school.node, teacher(life, school), None)
    with pytest.raises(errors.CodeOther):
        switch(school.node, "KEPALA CONTOH", code_of(other))
    switch(school.node, "KEPALA CONTOH", code_of(school))
    assert in_use(school) == ["KEPALA CONTOH"]


def test_the_code_of_the_head_in_office_counts_and_a_former_heads_does_not(life: Life, school: Sekolah) -> None:
    """Each head's code proves that head; the laptop's own code proves the school."""

    def succeed(nama: str) -> str:
        life.change("dinas", [("sekolah", school.npsn, "kepala_sekolah", nama)])
        tell(school)
        code = head_code(life.server, school.npsn).code_file.read_text().splitlines()[0]
        change_head(school.node, code, SECOND)
        return code

    operator = teacher(life, school)
    former, present = succeed("KEPALA DUA"), succeed("KEPALA TIGA")
    switch(school.node, operator, None)
    with pytest.raises(errors.CodeOther):
        switch(school.node, "KEPALA TIGA", former)
    switch(school.node, "KEPALA TIGA", present)
    assert in_use(school) == ["KEPALA TIGA"]


def test_a_new_heads_key_brings_his_account_and_ends_the_former_ones_role(life: Life, school: Sekolah) -> None:
    """Also where the dinas had made the assignment by rows and had left the former role standing."""
    life.change("dinas", [("sekolah", school.npsn, "kepala_sekolah", "KEPALA PENGGANTI")])
    tell(school)
    assert roles(school) == {"KEPALA CONTOH": [], "KEPALA PENGGANTI": [HEAD_ROLE]}
    assert in_use(school) == ["KEPALA CONTOH"]
    change_role(school.node, "KEPALA CONTOH", HEAD_ROLE, code_of(school), add=True)
    change_head(school.node, head_code(life.server, school.npsn).code_file.read_text().splitlines()[0], PASSPHRASE)
    assert roles(school) == {"KEPALA CONTOH": [], "KEPALA PENGGANTI": [HEAD_ROLE]}
    assert in_use(school) == ["KEPALA PENGGANTI"]
    assert school.round_trip().status == "applied"
    assert equal(school)


# --- roles ------------------------------------------------------------------------------------


def test_one_account_has_several_roles_and_they_travel(life: Life, school: Sekolah) -> None:
    """Given twice, it is there once; ended, it is gone on both sides."""
    for _ in range(2):
        change_role(school.node, "KEPALA CONTOH", "ptk", None, add=True)
    assert roles(school) == {"KEPALA CONTOH": [HEAD_ROLE, "PTK"]}
    assert school.round_trip().status == "applied"
    assert life.server.store.db.value("SELECT count(*) FROM role_pengguna WHERE soft_delete = 0") == 2
    change_role(school.node, "KEPALA CONTOH", "53", None, add=False)
    school.round_trip()
    assert roles(school) == {"KEPALA CONTOH": [HEAD_ROLE]}
    assert equal(school)


def test_names_that_mean_nobody_or_two_change_nothing(life: Life, school: Sekolah) -> None:
    """KF-161, KF-162, KF-163."""
    for _ in range(2):
        school.sql("INSERT INTO pengguna (pengguna_id, sekolah_id, nama) VALUES (?, ?, 'KEMBAR')", str(uuid.uuid4()), school.scope)
    before = stands(school)
    with pytest.raises(errors.AccountUnknown):
        switch(school.node, "SIAPA", None)
    with pytest.raises(errors.AccountAmbiguous):
        switch(school.node, "kembar", None)
    with pytest.raises(errors.RoleUnknown):
        change_role(school.node, "KEPALA CONTOH", "Raja", None, add=True)
    assert stands(school) == before


def test_a_closed_account_is_not_taken(life: Life, school: Sekolah) -> None:
    """KF-322."""
    account = teacher(life, school)
    life.change("dinas", [("pengguna", account, "aktif", "0")])
    tell(school)
    with pytest.raises(errors.AccountClosed):
        switch(school.node, account, None)
    assert in_use(school) == ["KEPALA CONTOH"]


def test_an_account_that_a_school_makes_by_itself_is_not_taken(life: Life, school: Sekolah) -> None:
    """KF-519: accounts are the dinas's; the row waits aside and the server's tables are as before."""
    made = teacher_without_trip(school)
    school.round_trip()
    assert [(row["id"], row["code"]) for row in open_rows(school)] == [(made, "KF-519")]
    assert life.row("pengguna", made) == {}


def open_rows(school: Sekolah) -> list[dict[str, str]]:
    """What the school's open list holds."""
    return [{"id": str(row), "code": f"KF-{code}"} for row, code in school.sql("SELECT row, code FROM kirim_open")]


def test_a_list_of_roles_without_kepala_sekolah_closes_no_school(life: Life, school: Sekolah) -> None:
    """A centre's own list may call it otherwise: what nobody can be given is not asked for."""
    change_role(school.node, "KEPALA CONTOH", HEAD_ROLE, None, add=False)
    assert blocked(school.node.store) == ["KF-323"]
    school.sql("UPDATE peran SET nama = 'Lain' WHERE peran_id = 20")
    school.pupil()
    assert blocked(school.node.store) == []
    assert school.round_trip().status == "applied"


# --- the server believes its own data ---------------------------------------------------------


def test_a_laptop_that_calls_somebody_else_head_is_held_whatever_its_store_says(life: Life, school: Sekolah) -> None:
    """The former head's duty, role and account are put back into ``sekolah.db`` by hand. The server goes by the dinas."""
    duty = of_head(life, "tugas_tambahan", "ptk_tugas_tambahan_id")
    former = of_head(life, "pengguna", "pengguna_id")
    life.change("dinas", [("sekolah", school.npsn, "kepala_sekolah", "KEPALA PENGGANTI")])
    tell(school)
    assert blocked(school.node.store) == ["KF-314"]
    school.sql("UPDATE tugas_tambahan SET tst_tambahan = '2026-10-01' WHERE ptk_tugas_tambahan_id <> ?", duty)
    school.edit("tugas_tambahan", duty, tst_tambahan=None)
    school.sql("UPDATE role_pengguna SET soft_delete = 0, pengguna_id = ?", former)
    pupil = school.pupil("SISWA DARI BEKAS KEPALA")
    assert blocked(school.node.store) == []  # the laptop's own gate is open: it is no lock

    (result,) = life.ingest(school.export().file).files
    assert (result.status, result.code) == ("held", "KF-310")
    assert life.row("peserta_didik", pupil) == {}
    assert life.row("tugas_tambahan", duty)["tst_tambahan"] is not None

    # What was entered is not lost: the head in office approves it, and what is the dinas's comes back as it is there.
    school.edit("tugas_tambahan", duty, tst_tambahan="2026-10-26")
    school.sql("UPDATE tugas_tambahan SET tst_tambahan = NULL WHERE ptk_tugas_tambahan_id <> ?", duty)
    change_head(school.node, head_code(life.server, school.npsn).code_file.read_text().splitlines()[0], PASSPHRASE)
    assert school.round_trip().status == "applied"
    assert life.row("peserta_didik", pupil)["nama"] == "SISWA DARI BEKAS KEPALA"
    assert equal(school)


def test_the_role_alone_lets_nobody_approve(life: Life, school: Sekolah) -> None:
    """A teacher's account with the role Kepala Sekolah, in use: no assignment, no export."""
    teacher(life, school)
    change_role(school.node, "GURU CONTOH", HEAD_ROLE, code_of(school), add=True)
    switch(school.node, "GURU CONTOH", code_of(school))
    assert blocked(school.node.store) == ["KF-324"]
    with pytest.raises(errors.OtherAccount):
        school.export()


# --- the sheet --------------------------------------------------------------------------------


def test_the_sheet_counts_each_kind_of_data_and_what_changed_since_the_last_export(life: Life, school: Sekolah) -> None:
    """Nine lines always; what was exported and not answered yet still travels, and is not new since the last export."""
    sheets: list[Sheet] = []

    def ticked(sheet: Sheet) -> bool:
        sheets.append(sheet)
        return True

    def send() -> dict[str, tuple[int, int, int, int, int]]:
        made = export(school.node, passphrase=lambda: PASSPHRASE, confirm=ticked)
        assert [line.as_json() for line in sheets[-1].lines] == made.as_json()["sheet"]
        return {line.kind: (line.rows, line.insert, line.update, line.delete, line.since_last) for line in sheets[-1].lines}

    assert tuple(send()) == KINDS
    pupil = school.pupil("SISWA DUA")
    school.sql("UPDATE ptk SET email = 'a@contoh.id'")
    first = send()
    assert (first["Peserta Didik"], first["GTK"]) == ((2, 1, 0, 0, 1), (3, 0, 1, 0, 1))
    school.edit("peserta_didik", pupil, nama="SISWA DUA LAGI")
    second = send()
    assert (second["Peserta Didik"], second["GTK"]) == ((2, 1, 0, 0, 1), (3, 0, 1, 0, 0))
    assert send()["Peserta Didik"] == (2, 1, 0, 0, 0)
    change_role(school.node, "KEPALA CONTOH", "PTK", None, add=True)
    assert send()["Lainnya"] == (3, 1, 0, 0, 1)


# --- secrets ----------------------------------------------------------------------------------


def test_no_table_that_travels_has_room_for_a_secret() -> None:
    """No password, token or code of any table of the field is declared."""
    words = ("password", "pwd", "sandi", "token", "kode_registrasi", "secret")
    assert [c.name for t in SCHEMA.tables for c in t.all_columns if any(word in c.name for word in words)] == []
