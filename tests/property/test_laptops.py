"""Laptops of one school, one after another: whatever order their files come in, both sides end equal and the newest stands."""

from __future__ import annotations

import random
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from exchange.errors import RenewalWaiting
from exchange.registering import renew_code
from exchange.school.enrol import init_school
from exchange.school.rotating import renew_device
from tests.flow.told import with_open_keys
from tests.life import PASSPHRASE, Life, Sekolah, equal

COLUMNS = ("tempat_lahir", "alamat_jalan", "nama_dusun")


class Story:
    """A school whose laptops change, with couriers who are in no hurry."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.life, self.chance = Life(folder), random.Random(seed)
        self.now = self.life.school()
        with_open_keys(self.life)
        self.pupils = [self.now.pupil(f"SISWA {n}") for n in range(4)]
        self.now.round_trip()
        self.road: list[Path] = []
        self.last: dict[tuple[str, str], str] = {}
        self.made = 0

    def edit(self) -> None:
        """Enter a value on the laptop in use."""
        self.made += 1
        row, column = self.chance.choice(self.pupils), self.chance.choice(COLUMNS)
        if self.now.row("peserta_didik", row).get("soft_delete") == 0:
            self.now.edit("peserta_didik", row, **{column: f"ISI {self.made}"})
            self.last[row, column] = f"ISI {self.made}"

    def add(self) -> None:
        """Enter a pupil."""
        self.made += 1
        self.pupils.append(self.now.pupil(f"SISWA BARU {self.made}"))

    def centre(self) -> None:
        """The dinas changes something of the school."""
        self.made += 1
        row = self.chance.choice(self.pupils)
        if self.life.row("peserta_didik", row):
            self.life.change("dinas", [("peserta_didik", row, "kode_pos", f"{self.made:05d}")])

    def export(self) -> None:
        """Hand a file to a courier."""
        self.road.append(self.now.export().file)

    def deliver(self) -> None:
        """Any file on the road arrives, or one twice."""
        if self.road:
            path = self.chance.choice(self.road)
            self.life.ingest(path)
            if self.chance.random() < 0.7:
                self.road.remove(path)

    def answer(self) -> None:
        """A return comes to the laptop in use, if the server knows it."""
        self.now.apply_all(self.life.answer(self.now).file)

    def renew(self) -> None:
        """The laptop gets a new key."""
        with suppress(RenewalWaiting):
            renew_device(self.now.node)

    def replace(self) -> None:
        """Another laptop takes its place, with the former one's unsent work."""
        given = renew_code(self.life.server, "00000001")
        home = self.life.folder / f"laptop-{len(self.life.schools) + 1}"
        code = given.code_file.read_text().splitlines()[0]
        self.now.node.close()
        kept = self.life.folder / f"salinan-{len(self.life.schools)}"
        shutil.copytree(self.now.home, kept)
        init_school(home, given.prefill, code, PASSPHRASE, former=kept, clock=self.life.clock)
        self.now = Sekolah(self.life, home)
        self.life.schools.append(self.now)
        with_open_keys(self.life)


@pytest.mark.parametrize("seed", range(10))
def test_files_of_former_laptops_in_any_order_leave_both_sides_equal(tmp_path: Path, seed: int) -> None:
    """Nothing that was entered is undone by a file that comes late."""
    story = Story(tmp_path, seed)
    steps = [story.edit] * 6 + [story.add, story.centre] + [story.export] * 3 + [story.deliver] * 3
    steps += [story.answer] * 2 + [story.renew, story.replace]
    for _ in range(24):
        story.chance.choice(steps)()
    story.replace() if seed % 2 else story.renew()
    story.edit()
    story.export()
    story.chance.shuffle(story.road)
    for path in story.road:
        story.life.ingest(path)
    for _ in range(3):
        story.now.round_trip()
    assert equal(story.now)
    for (row, column), value in story.last.items():
        assert story.life.row("peserta_didik", row)[column] == value, (row, column)
        assert story.now.row("peserta_didik", row)[column] == value
    assert story.now.node.store.last == story.now.node.store.acknowledged
    assert story.life.server.store.db.value("SELECT count(*) FROM kirim_package WHERE state = 'held'") == 0
    story.now.node.close()
