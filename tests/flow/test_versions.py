"""Programs of several versions: nothing is refused for it, nothing is dropped silently (R22; docs/adr/0011)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exchange import errors
from exchange.nodes import SchoolNode, ServerNode
from exchange.schema import SCHEMA
from exchange.schema.model import Policy, Schema, Table, declare, parse_column
from exchange.school.capture import changed_blocks
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
