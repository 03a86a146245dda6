"""Clocks decide nothing (R17), and whatever was replaced is found again with who wrote it and why (R18)."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from exchange.cli.door import run
from exchange.clocks import system_clock
from exchange.format.changeset import decode_changeset
from exchange.format.outcome import decode_outcome
from exchange.nodes import SchoolNode
from exchange.overview import school_status
from exchange.records import Line, Op
from exchange.schema import SCHEMA
from exchange.store import chains
from tests.faults.world import copy, tables
from tests.flow.told import outcomes, registered, with_open_keys
from tests.life import Life, Sekolah, equal

PUPILS = [f"990000{n:02}-0000-4000-8000-000000000001" for n in range(4)]


class Stray:
    """A clock that shows another time whenever somebody looks: of any year from 1970 to 2100, backwards too."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self.now = 0

    def __call__(self) -> int:
        self.now = self._chance.randrange(0, 4_102_444_800)
        return self.now


def strayed(template: Life, folder: Path, seed: int | None) -> Life:
    """Return a world of its own, every clock of which strays if there is a seed."""
    life = copy(template, folder)
    if seed is not None:
        life.clock = Stray(seed)  # type: ignore[assignment]
        life.server.store.clock = life.clock
        for n, school in enumerate(life.schools):
            school.node.close()
            school.node = SchoolNode.open(school.home, clock=Stray(seed + n + 1))
    with_open_keys(life)
    return life


def lived(life: Life) -> Life:
    """Play one story: edits on both sides of the same rows, a lost file, a late one, a refusal, a conflict."""
    one, two = life.schools
    for n, row in enumerate(PUPILS):
        one.pupil(f"SISWA {n}", peserta_didik_id=row, nisn=f"99000000{n:02}")
    two.pupil("KEMBAR", peserta_didik_id=PUPILS[0][:-1] + "9", nisn="9900000000")
    two.round_trip()
    one.round_trip()
    life.change("verval", [("peserta_didik", PUPILS[0], "nama", "NAMA BENAR")], verified=True)
    one.edit("peserta_didik", PUPILS[0], nama="NAMA LAIN", rt=3)
    one.edit("peserta_didik", PUPILS[1], alamat_jalan="KOTA SATU")
    one.export().file.unlink()
    life.change("dinas", [("peserta_didik", PUPILS[1], "alamat_jalan", "KOTA DINAS")])
    one.edit("peserta_didik", PUPILS[1], alamat_jalan="KOTA DUA")
    late = life.answer(one).file
    one.round_trip()
    one.apply(late)
    one.edit("peserta_didik", PUPILS[2], soft_delete=1)
    one.round_trip()
    one.round_trip()
    two.round_trip()
    return life


def standing(node: object) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of the exchanged tables, but for what is random or a label of the clock."""
    found = tables(node)  # type: ignore[arg-type]
    return {name: rows for name, rows in found.items() if not name.startswith("kirim_") and name != "vld_data"}


@pytest.mark.parametrize("seed", [1, 2])
def test_r17_random_clocks_give_the_same_merge_as_true_ones(template: Life, tmp_path: Path, seed: int) -> None:
    """R17: one story twice, once with every clock at random: the same rows on all sides, the same outcomes, byte for byte."""
    true = lived(strayed(template, tmp_path / "benar", None))
    astray = lived(strayed(template, tmp_path / "acak", seed))
    assert standing(astray.server) == standing(true.server)
    for mine, theirs in zip(astray.schools, true.schools, strict=True):
        assert standing(mine.node) == standing(theirs.node)
        assert outcomes(mine) == outcomes(theirs)
        assert equal(mine)
        assert school_status(mine.node.store).pending == {}
    true.close()
    astray.close()


@pytest.mark.parametrize(("now", "wrong"), [(0, True), (946_684_800, True), (1_793_000_000, False), (4_102_444_800, True)])
def test_r17_an_impossible_time_is_said_to_be_the_clocks_fault_and_stops_nothing(
    life: Life, school: Sekolah, now: int, wrong: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """R17: the battery is empty, or the year was mistyped: the status says so in words, and the export goes out."""
    with_open_keys(life)
    life.clock.now = now
    monkeypatch.setattr("time.time", lambda: float(now))
    assert school_status(school.node.store).clock_wrong is wrong
    assert run(["school", "status", "--home", str(school.home)]) == 0
    assert ("Jam komputer ini salah" in capsys.readouterr().out) is wrong
    assert school.round_trip().status == "applied"
    assert equal(school)


@pytest.mark.parametrize("now", [-31_536_000.0, -0.5, 2.0**32, 1.1e10, 1e12], ids=["1969", "1970", "2106", "2318", "33658"])
def test_r17_a_clock_beyond_what_a_package_can_name_stops_nothing_on_either_side(
    life: Life, school: Sekolah, now: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R17: the laptop writes no package that the server must refuse, nor the server a return; the laptop says what is wrong."""
    with_open_keys(life)
    monkeypatch.setattr("time.time", lambda: now)
    school.node.store.clock = life.server.store.clock = system_clock
    pupil = school.pupil()
    assert school.round_trip().status == "applied"
    assert school.round_trip().status == "applied"
    assert life.row("peserta_didik", pupil)["nama"] == "SISWA CONTOH"
    assert school_status(school.node.store).clock_wrong
    assert equal(school)


# --- R18 --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Word:
    """What somebody once wrote into one column of one row: where it stands in the server's history for ever."""

    value: object
    who: str
    device: bytes
    number: int
    packages: tuple[bytes, ...]


def history(life: Life, scope: str, row: str, column: str) -> Iterator[Word]:
    """Yield every word on a column from the chains that the server keeps, oldest first, with the packages that brought it."""
    db = life.server.store.db
    chain = db.execute(
        "SELECT device, number FROM kirim_changeset WHERE scope = ? ORDER BY position, number", (scope,)
    ).fetchall()
    for device, number in chain:
        head, blocks = decode_changeset(SCHEMA, scope, chains.read_parts(db, scope, bytes(device), number))
        for block in blocks:
            names = [c.name for c in block.columns]
            if row in block.rows() and column in names:
                value = block.values[len(block.table.key) + names.index(column)][block.rows().index(row)]
                brought = db.execute(
                    "SELECT package_id FROM kirim_package WHERE scope = ? AND device = ? AND first < ? AND last >= ? AND state = 'merged'",
                    (scope, device, number, number),
                ).fetchall()
                yield Word(value, block.cause.name, bytes(device), head.number, tuple(bytes(p) for (p,) in brought))


def rules(life: Life, scope: str, row: str) -> list[Line]:
    """Return the lines of the outcomes that speak of a row: which rule replaced what, and who won."""
    found = life.server.store.db.execute("SELECT outcome FROM kirim_changeset WHERE scope = ? AND outcome IS NOT NULL ORDER BY number", (scope,))
    return [line for (outcome,) in found.fetchall() for line in decode_outcome(SCHEMA, bytes(outcome))[1] if line.row == row]


def test_r18_every_value_that_was_replaced_is_found_with_its_author_its_package_and_its_rule(life: Life, school: Sekolah) -> None:
    """R18: replaced by the school itself, by verval, by dinas, by a lock, by another laptop's branch: each one answers."""
    with_open_keys(life)
    row = school.pupil("SATU", tempat_lahir="LAHIR 1", alamat_jalan="JALAN 1")
    registered(school, row)
    school.round_trip()
    school.edit("peserta_didik", row, alamat_jalan="JALAN 2")  # the school's own later word
    school.round_trip()
    life.change("verval", [("peserta_didik", row, "nama", "NAMA VERVAL")], verified=True)
    school.edit("peserta_didik", row, nama="NAMA SEKOLAH")  # refused by the lock that it had not seen
    life.change("dinas", [("peserta_didik", row, "alamat_jalan", "JALAN DINAS")])
    school.edit("peserta_didik", row, alamat_jalan="JALAN 3")  # the school's stands, the dinas's is told as replaced
    school.round_trip()
    said = {
        "nama": ["SATU", "NAMA VERVAL", "NAMA SEKOLAH"],
        "alamat_jalan": ["JALAN 1", "JALAN 2", "JALAN DINAS", "JALAN 3"],
        "tempat_lahir": ["LAHIR 1"],
    }
    for column, values in said.items():
        words = list(history(life, school.scope, row, column))
        assert Counter(word.value for word in words) >= Counter(values), column
        for word in words:
            if word.who == "SEKOLAH":
                assert word.device == school.node.device.key_id
                assert word.packages, word
    assert [w.who for w in history(life, school.scope, row, "nama") if w.value == "NAMA VERVAL"][:1] == ["VERVAL"]
    assert [w.who for w in history(life, school.scope, row, "alamat_jalan") if w.value == "JALAN DINAS"][:1] == ["DINAS"]
    told = {(line.code, line.won, line.sent[:1], line.stood[:1]) for line in rules(life, school.scope, row)}
    assert (520, True, ("JALAN 3",), ("JALAN DINAS",)) in told
    (refused,) = [line for line in rules(life, school.scope, row) if "NAMA SEKOLAH" in line.sent]
    assert not refused.won
    assert "NAMA VERVAL" in refused.stood
    # The author's school holds both values of each, beside the rule's code.
    heard = school.sql("SELECT code, own, other FROM kirim_conflict WHERE row = ?", row)
    assert any("NAMA SEKOLAH" in str(own) and "NAMA VERVAL" in str(other) for _, own, other in heard), heard
    assert any("JALAN 3" in str(own) and "JALAN DINAS" in str(other) for _, own, other in heard), heard
    assert equal(school)


def test_r18_values_of_deleted_rows_and_lost_branches_stay_in_the_history(life: Life, school: Sekolah) -> None:
    """R18: a row that was deleted, and one that a copied laptop wrote: every value ever sent is still found at the server."""
    with_open_keys(life)
    row, gone = school.pupil("TETAP", tempat_lahir="A"), school.pupil("PERGI", tempat_lahir="B")
    school.round_trip()
    school.node.store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    twin = Sekolah(life, Path(shutil.copytree(school.home, life.folder / "salinan")))
    life.schools.append(twin)
    with_open_keys(life)
    school.edit("peserta_didik", row, tempat_lahir="DARI ASLI")
    school.edit("peserta_didik", gone, soft_delete=1)
    school.round_trip()
    twin.edit("peserta_didik", row, tempat_lahir="DARI SALINAN")
    for _ in range(2):
        life.ingest(twin.export().file)
        twin.apply(life.answer(twin).file)
    values = [word.value for word in history(life, school.scope, row, "tempat_lahir")]
    assert Counter(values) >= Counter(["A", "DARI ASLI", "DARI SALINAN"])
    assert [w.value for w in history(life, school.scope, gone, "tempat_lahir")] == ["B"]
    assert life.row("peserta_didik", gone)["soft_delete"] == 1
    deleted = [
        block.op
        for device, number in life.server.store.db.execute("SELECT device, number FROM kirim_changeset WHERE scope = ?", (school.scope,)).fetchall()
        for block in decode_changeset(SCHEMA, school.scope, chains.read_parts(life.server.store.db, school.scope, bytes(device), number))[1]
        if gone in block.rows()
    ]
    assert Op.DELETE in deleted
