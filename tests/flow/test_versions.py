"""Programs of several versions: nothing is refused for it, nothing is dropped silently (R22; docs/adr/0011)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exchange import errors
from exchange.central.recording import show
from exchange.nodes import SchoolNode, ServerNode
from exchange.schema import SCHEMA
from exchange.schema.model import Policy, Schema, Table, declare, parse_column
from exchange.school.capture import changed_blocks
from exchange.server.keyring import revoke
from tests.flow.told import with_open_keys
from tests.life import Life, Sekolah, equal


def grown(table: Table, text: str, policy: Policy) -> Table:
    """Return a table with one column more, in a group of its own."""
    column, _ = parse_column(text, len(table.all_columns))
    group = replace(table.groups[-1], number=len(table.groups) + 1, name=column.name, policy=policy, columns=(column,))
    return replace(table, columns=(*table.columns, column), groups=(*table.groups, group))


def later() -> Schema:
    """The tables of a version to come: two columns, a reference table and a table more."""
    pupils = grown(SCHEMA.by_name["peserta_didik"], "surel_wali v60@2", Policy.SEKOLAH)
    pupils = grown(pupils, "status_wali n1→ref.wali@2", Policy.DINAS)
    tables = [pupils if table.name == pupils.name else table for table in SCHEMA.tables]
    wali = declare(901, "ref.wali", "*wali_id n1; nama v20", scope="@ref", owner=Policy.PUSAT, since=2)
    surat = declare(
        902, "surat_pd", "*surat_id u; peserta_didik_id u!→peserta_didik; nomor v20",
        scope="@parent:peserta_didik_id", since=2,
    )  # fmt: skip
    return Schema(2, (wali, *tables, surat))


LATER = later()


def upgrade_server(life: Life) -> None:
    home = life.server.home
    life.server.close()
    life.server = ServerNode.open(home, schema=LATER, clock=life.clock)


def upgrade_laptop(school: Sekolah, schema: Schema = LATER) -> None:
    school.node.close()
    school.node = SchoolNode.open(school.home, schema=schema, clock=school.life.clock)
    with_open_keys(school.life)


@pytest.fixture
def pupil(life: Life, school: Sekolah) -> str:
    """A pupil whom both sides have."""
    with_open_keys(life)
    school.round_trip()
    return str(school.sql("SELECT peserta_didik_id FROM peserta_didik")[0][0])


def centre_speaks(life: Life, pupil: str) -> None:
    """Let a newer centre set a column that an older laptop lacks, and one that it has."""
    life.change("dinas", [("peserta_didik", pupil, "status_wali", 1), ("peserta_didik", pupil, "email", "dinas@contoh.id")])


def test_r22_an_older_laptop_and_a_newer_server_go_on(life: Life, school: Sekolah, pupil: str) -> None:
    """R22: the laptop's file is merged, columns that it does not know stay untouched, and its return holds what it knows."""
    upgrade_server(life)
    centre_speaks(life, pupil)
    school.edit("peserta_didik", pupil, alamat_jalan="Lama")
    assert school.round_trip().status == "applied"
    assert school.row("peserta_didik", pupil)["email"] == "dinas@contoh.id"
    school.edit("peserta_didik", pupil, rt=4)
    school.round_trip()
    assert life.row("peserta_didik", pupil)["status_wali"] == 1
    assert life.row("peserta_didik", pupil)["rt"] == 4
    assert school.node.store.get("diverged") == ""
    assert equal(school)


def test_r22_what_the_laptop_could_not_hold_is_given_back_when_its_program_is_newer(life: Life, school: Sekolah, pupil: str) -> None:
    """R22: the columns of the new version come by the next round trips, and unsent edits of before the upgrade are still unsent."""
    upgrade_server(life)
    life.server.store.db.execute("INSERT INTO ref_wali (wali_id, nama, kirim_position) VALUES (1, 'Ibu', 1)")
    centre_speaks(life, pupil)
    school.round_trip()
    school.edit("peserta_didik", pupil, rt=5)
    upgrade_laptop(school)
    assert list(changed_blocks(school.node.store))
    for _ in range(3):
        life.ingest(school.export().file)
        school.apply(life.answer(school).file)
    assert school.row("peserta_didik", pupil)["status_wali"] == 1
    assert life.row("peserta_didik", pupil)["rt"] == 5
    assert school.sql("SELECT nama FROM ref_wali") == [("Ibu",)]
    assert equal(school)


def test_r22_a_newer_laptop_waits_for_the_server_and_loses_nothing(life: Life, school: Sekolah, pupil: str) -> None:
    """KF-209: the file is held, its laptop goes on; once the server is newer, everything is merged."""
    upgrade_laptop(school)
    school.edit("peserta_didik", pupil, surel_wali="wali@contoh.id", rt=6)
    school.sql("INSERT INTO surat_pd (surat_id, peserta_didik_id, nomor) VALUES (?, ?, '7')", pupil, pupil)
    result = life.ingest(school.export().file).files[0]
    assert (result.status, result.code) == ("held", "KF-209")
    life.change("dinas", [("peserta_didik", pupil, "email", "dinas@contoh.id")])
    school.apply(life.answer(school).file)
    assert school.row("peserta_didik", pupil)["email"] == "dinas@contoh.id"
    upgrade_server(life)
    life.ingest(school.export().file)
    school.apply(life.answer(school).file)
    row = life.row("peserta_didik", pupil)
    assert (row["surel_wali"], row["rt"]) == ("wali@contoh.id", 6)
    assert life.row("surat_pd", pupil)["nomor"] == "7"
    assert equal(school)
    assert life.server.store.db.value("SELECT count(*) FROM kirim_package WHERE state = 'held'") == 0


def test_r22_a_file_that_waited_for_a_newer_program_and_is_then_refused_is_told_with_what_it_holds(
    life: Life, school: Sekolah, pupil: str
) -> None:
    """KF-209, then KF-308: while nobody could read it nothing was known of it; the refusal names its changesets and their changes."""
    upgrade_laptop(school)
    school.edit("peserta_didik", pupil, surel_wali="wali@contoh.id", rt=6)
    assert life.ingest(school.export().file).files[0].code == "KF-209"
    told = "SELECT state, code, first, last, held FROM kirim_package WHERE file = ? ORDER BY seq DESC LIMIT 1"
    label = life.server.store.db.value("SELECT file FROM kirim_package WHERE state = 'held'")
    assert life.server.store.db.execute(told, (label,)).fetchone() == ("held", 209, 0, 0, 0)
    last = school.node.store.last
    revoke(life.server, school.npsn, school.node.device.key_id.hex())
    upgrade_server(life)
    life.ingest(school.export().file)
    assert life.server.store.db.execute(told, (label,)).fetchone() == ("quarantined", 308, last - 1, last, 1)


def test_a_store_of_a_newer_program_is_not_touched(life: Life, school: Sekolah) -> None:
    """KF-603: an older program opens neither side's newer store."""
    upgrade_server(life)
    upgrade_laptop(school)
    with pytest.raises(errors.StoreNewer):
        ServerNode.open(life.server.home, clock=life.clock)
    with pytest.raises(errors.StoreNewer):
        SchoolNode.open(school.home, clock=life.clock)


def test_an_upgraded_store_captures_as_a_new_one_does(life: Life, school: Sekolah, pupil: str) -> None:
    """Images of before the upgrade are kept, in the right columns; what is undone after it is no change."""
    before = school.row("peserta_didik", pupil)
    school.edit("peserta_didik", pupil, alamat_jalan="Sementara", rt=9)
    upgrade_laptop(school)
    school.edit("peserta_didik", pupil, surel_wali="wali@contoh.id")
    school.edit("peserta_didik", pupil, alamat_jalan=before["alamat_jalan"], rt=before["rt"])
    (block,) = list(changed_blocks(school.node.store))
    assert [c.name for c in block.columns] == ["surel_wali"]
    school.edit("peserta_didik", pupil, surel_wali=None)
    assert list(changed_blocks(school.node.store)) == []


def test_r22_an_older_laptop_reads_an_outcome_that_speaks_of_newer_columns(life: Life, school: Sekolah, pupil: str) -> None:
    """R22: it deletes a pupil whom the newer centre has edited: the whole row that stood is told, as far as the laptop knows it."""
    upgrade_server(life)
    school.edit("peserta_didik", pupil, soft_delete=1)
    centre_speaks(life, pupil)
    result = school.round_trip()
    assert (result.status, result.counts.conflict) == ("applied", 1)
    assert school.row("peserta_didik", pupil)["email"] == "dinas@contoh.id"
    assert life.row("peserta_didik", pupil)["soft_delete"] == 0
    upgrade_laptop(school)
    school.round_trip()
    assert school.row("peserta_didik", pupil)["status_wali"] == 1
    assert equal(school)


def test_r22_what_the_laptop_lacks_comes_also_while_a_row_of_that_table_is_refused(life: Life, school: Sekolah, pupil: str) -> None:
    """Digests leave out tables with open rows; what a newer program brings is said by itself, in the first round trip, and no alarm is raised."""
    upgrade_server(life)
    centre_speaks(life, pupil)
    life.server.store.db.execute("DELETE FROM ref_agama WHERE agama_id = 7")
    school.pupil("BELUM", agama_id=7)
    assert school.round_trip().counts.refused == 1
    upgrade_laptop(school)
    school.edit("peserta_didik", pupil, rt=8)
    school.export()  # lost
    school.round_trip()
    row = school.row("peserta_didik", pupil)
    assert (row["status_wali"], row["rt"]) == (1, 8)
    assert school.node.store.get("diverged") == ""


def test_r22_a_lock_on_a_group_that_the_laptop_did_not_know_is_told_to_its_newer_program(life: Life, school: Sekolah, pupil: str) -> None:
    """The centre verifies a value of the new version; the laptop's next edit of it would be refused, and it knows."""
    upgrade_server(life)
    life.change("dinas", [("peserta_didik", pupil, "surel_wali", "wali@contoh.id")], verified=True)
    school.round_trip()
    upgrade_laptop(school)
    school.round_trip()
    table = LATER.by_name["peserta_didik"]
    locks = school.sql("SELECT group_no FROM kirim_lock WHERE table_no = ? AND row = ?", table.number, pupil)
    assert (table.group_of["surel_wali"].number,) in locks
    assert school.row("peserta_didik", pupil)["surel_wali"] == "wali@contoh.id"


def test_r22_a_guest_is_told_the_newer_columns_of_another_homes_row(life: Life, school: Sekolah, other: Sekolah, pupil: str) -> None:
    """Digests cover a school's own rows only: what it sees of others comes by the same word."""
    store = life.server.store
    guest = store.school(other.scope)
    assert guest is not None
    with store.db.transaction():
        show(store, guest, store.schema.by_name["peserta_didik"], pupil, school.scope)
    other.round_trip()
    upgrade_server(life)
    centre_speaks(life, pupil)
    other.round_trip()
    assert other.row("peserta_didik", pupil)["email"] == "dinas@contoh.id"
    upgrade_laptop(other)
    other.round_trip()
    assert other.row("peserta_didik", pupil)["status_wali"] == 1
    assert other.row("peserta_didik", pupil)["kirim_home"] == school.scope
