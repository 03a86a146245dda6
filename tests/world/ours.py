"""The engine itself as a peer: real files, keys and databases behind the same few calls."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exchange.errors import ReturnUnfit
from exchange.format.outcome import decode_outcome
from exchange.schema import SCHEMA
from tests.world.contents import Contents
from tests.world.peers import CENTRE, FIELDS
from tests.world.place import Laptop, Place, rest, room


class Engine:
    """One school with a pupil for each field, whose street is the field."""

    history = True

    def __init__(self, seed: int) -> None:
        self.folder = room()
        self.place = Place(self.folder / "dunia", 1)
        self.laptops: list[Laptop] = [self.place.laptops[0]]
        self.rows = [self.laptops[0].pupil(f"SISWA {key}") for key in FIELDS]
        self.laptops[0].round_trip()
        self._count, self._contents = 0, Contents()

    def edit(self, side: int, key: int, value: str, now: int) -> None:
        if side == CENTRE:
            self.place.clock.now += now % 7
            self.place.change("dinas", [("peserta_didik", self.rows[key], "alamat_jalan", value)])
        else:
            self.laptops[side].clock.now += now - 50
            self.laptops[side].edit("peserta_didik", self.rows[key], alamat_jalan=value)

    def value(self, side: int, key: int) -> str | None:
        holder: Any = self.place if side == CENTRE else self.laptops[side]
        return holder.row("peserta_didik", self.rows[key]).get("alamat_jalan")  # type: ignore[no-any-return]

    def write(self, side: int, to: int) -> Path:
        done: Any = self.place.answer(self.laptops[to]) if side == CENTRE else self.laptops[side].export()
        self._count += 1
        return Path(shutil.copy(done.file, self.folder / f"{self._count}.kirim"))

    def take(self, side: int, sender: int, file: Path) -> None:
        if side == CENTRE:
            self.place.ingest(file)
            return
        try:
            self.laptops[side].apply(file)
        except ReturnUnfit:
            return  # it was made for the other laptop, or another history: the next package tells all, and that settles it

    def knows(self, side: int) -> set[str]:
        db = self.place.server.store.db if side == CENTRE else self.laptops[side].node.store.db
        kept = self._contents.server(db) if side == CENTRE else self._contents.laptop(db)
        shown = {value for key in FIELDS if (value := self.value(side, key)) is not None}
        return shown | {text for content in kept for text in content.texts}

    def told(self) -> set[str]:
        """Return the values in conflicts and refusals that were told to a school, or that the server will tell or lists."""
        return set(self._lines())

    def _lines(self) -> Iterator[str]:
        for (outcome,) in self.place.server.store.db.execute("SELECT outcome FROM kirim_changeset WHERE outcome IS NOT NULL"):
            for line in decode_outcome(SCHEMA, bytes(outcome))[1]:
                yield from (value for value in (*line.sent, *line.stood) if isinstance(value, str))
        for texts in self.place.server.store.db.execute("SELECT given, stands FROM kirim_overruled").fetchall():
            for text in texts:
                yield from (value for value in json.loads(str(text)).values() if isinstance(value, str))
        for laptop in self.laptops:
            for texts in laptop.sql("SELECT own, other FROM kirim_conflict"):
                for text in texts:
                    yield from (value for value in json.loads(str(text)).values() if isinstance(value, str))

    def backup(self, side: int) -> Path:
        self._count += 1
        rest(self.place.server.store.db if side == CENTRE else self.laptops[side].node.store.db)
        return Path(shutil.copytree(self._home(side), self.folder / f"cadangan-{self._count}"))

    def _home(self, side: int) -> Path:
        return self.place.folder / "pusat" if side == CENTRE else self.laptops[side].home

    def restore(self, side: int, kept: Path) -> None:
        if side == CENTRE:
            self.place.server.close()
        else:
            self.laptops[side].node.close()
        shutil.rmtree(self._home(side))
        shutil.copytree(kept, self._home(side))
        if side == CENTRE:
            self.place.open_server()
        else:
            self.laptops[side].open()

    def clone(self) -> None:
        self.laptops.append(self.laptops[0].copied(self.folder / "salinan"))

    def close(self) -> None:
        self.place.server.close()
        for laptop in self.laptops:
            laptop.node.close()
        shutil.rmtree(self.folder, ignore_errors=True)
