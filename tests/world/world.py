"""One world: schools with their laptops, couriers with their files, a centre, clocks, and who entered what.

A world is moved by deeds (:mod:`tests.world.deeds`), one a step; everything that a deed does to data goes through the few
methods here, so that what was entered is noted once and the model (:mod:`tests.world.model`) hears the same story.
"""

from __future__ import annotations

import gc
import json
import random
import shutil
import uuid
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exchange import digests
from exchange.central.recording import show
from exchange.errors import ExchangeError
from exchange.school.applied import Report
from tests.world.contents import Contents
from tests.world.model import Model
from tests.world.place import RUANG, Killed, Laptop, Place, dying, room

Key = tuple[str, str]
"""(table, row id)."""


@dataclass(eq=False)
class Parcel:
    """A file in couriers' hands.

    Attributes:
        path: Where it lies.
        n: Whose school it is.
        what: What the model knows it by.
        package_id: Name of the package.
        words: Texts in it that somebody entered.
        device: The laptop's key; empty for a return.
        last: Number of its last changeset.
        value: The mark that its school reads out with that number.
    """

    path: Path
    n: int
    what: object = None
    package_id: bytes = b""
    words: frozenset[str] = frozenset()
    device: bytes = b""
    last: int = 0
    value: bytes = b""


@dataclass(eq=False)
class Entered:
    """What people entered and have not taken back themselves.

    Attributes:
        unsent: By laptop: texts that no cut has taken yet, by (table, row, column).
        kept: Texts that must stand somewhere for ever, with who entered them.
        ever: All texts, with who entered them; one whose only copy went with a lost store is kept no more.
    """

    unsent: dict[Laptop, dict[tuple[str, str, str], str]] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    ever: dict[str, str] = field(default_factory=dict)

    def keep(self, value: str, who: str) -> None:
        """From now on this text must stand somewhere."""
        self.kept[value] = self.ever[value] = who


@dataclass(eq=False)
class Theft:
    """A laptop that was stolen.

    Attributes:
        n: Whose.
        laptop: It, in the thief's hands.
        device: Its key.
        after: Number after which the key is revoked.
        value: Mark of that number.
        merged: Packages of this key that were merged before.
        straight: Whether its chain had never gone back before, so that each number means one changeset.
    """

    n: int
    laptop: Laptop
    device: bytes
    after: int | None = None
    value: bytes = b""
    merged: frozenset[bytes] = frozenset()
    straight: bool = True


class World:
    """Schools, laptops, couriers, a centre and their clocks, all chance from one seed.

    Args:
        seed: All chance; each step brings its own, so that leaving one out leaves the others as they are.
        faults: Switches that are on; see :data:`tests.world.deeds.SWITCHES`.
        schools: 2 or 3.
        folder: Where it stands; by default in memory.
    """

    def __init__(
        self, seed: int = 0, faults: Collection[str] = (), schools: int = 2, folder: Path | None = None
    ) -> None:
        self.dice, self.faults = random.Random(seed), frozenset(faults)
        self.folder = folder or room()
        self.place = Place(self.folder / "dunia", schools)
        self.courier = self.folder / "kurir"
        self.courier.mkdir()
        self.laptops = [[laptop] for laptop in self.place.laptops]
        self.parcels: list[Parcel] = []
        self.returns: list[list[Parcel]] = [[] for _ in self.laptops]
        self.rows: dict[tuple[int, str], list[str]] = {}
        self.entered = Entered()
        self.contents = Contents()
        self.backups: dict[int | None, list[Any]] = {}
        self.clones = 0
        self.thefts: list[Theft] = []
        self.log: list[str] = []
        self.wrong: list[str] = []
        self.step, self._words, self._files = 0, 0, 0
        self.model = Model(self.place.scopes, {laptop.scope: laptop.npsn for laptop in self.place.laptops})
        self.told: set[bytes] = set()
        self.touched: set[str] = set()
        self.server_restored = False
        self.modelled = True
        self._diverged = digests.diverged
        self.alarms = self.trips = self.times_back = self.with_guests = 0
        self.doing: tuple[Laptop, Parcel, tuple[int, bytes]] | None = None
        for n, (laptop,) in enumerate(self.laptops):
            self.model.begin(laptop, n, [self._standing(laptop, table) for table in ("ptk", "ptk_terdaftar")])
            self.rows[n, "ptk"] = [row for row, _ in self._standing(laptop, "ptk")[1]]
            self.rows[n, "ptk_terdaftar"] = [row for row, _ in self._standing(laptop, "ptk_terdaftar")[1]]

    def _standing(self, laptop: Laptop, table: str) -> tuple[str, list[tuple[str, dict[str, object]]]]:
        names = laptop.node.store.schema.by_name[table].column_names
        key = laptop.node.store.schema.by_name[table].key_names[0]
        found = laptop.sql(f"SELECT {key}, {', '.join(names)} FROM {table}")
        return table, [(str(row), dict(zip(names, values, strict=True))) for row, *values in found]

    def __enter__(self) -> World:
        if "blind" in self.faults:  # rule 30: what holds must hold without the net as well
            self._diverged, digests.diverged = digests.diverged, lambda server, school: []
        return self

    def __exit__(self, *_: object) -> None:
        digests.diverged = self._diverged
        self.place.server.close()
        for laptops in self.laptops:
            for laptop in laptops:
                laptop.node.close()
        for theft in self.thefts:
            theft.laptop.node.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- chance -------------------------------------------------------------------------------

    @property
    def schools(self) -> int:
        """How many schools there are."""
        return len(self.laptops)

    def scope(self, n: int) -> str:
        """``sekolah_id``."""
        return self.place.scopes[n]

    def laptop(self, n: int) -> Laptop:
        """A laptop of a school."""
        return self.laptops[n][0] if len(self.laptops[n]) == 1 else self.dice.choice(self.laptops[n])

    def id(self) -> str:
        """A random id."""
        return str(uuid.UUID(int=self.dice.getrandbits(128), version=4))

    def word(self, stem: str) -> str:
        """A text that nobody else enters."""
        self._words += 1
        return f"{stem} {self.step}{chr(96 + self._words)}"

    def card(self, letter: str) -> str:
        """A KIP number that nobody else enters."""
        self._words += 1
        return f"{letter}{self.step * 4 + self._words:05}"

    def some(self, n: int, table: str) -> str | None:
        """A row of a school's, often one of the first few, so that both sides meet."""
        found = self.rows.get((n, table), [])
        if not found:
            return None
        return self.dice.choice(found[:2] if self.dice.random() < 0.7 else found)

    def other(self, n: int) -> int:
        """Another school."""
        return self.dice.choice([m for m in range(self.schools) if m != n])

    def say(self, what: str) -> None:
        """Note what happened, for people."""
        self.log.append(f"    {what}")

    # --- what people enter at a school --------------------------------------------------------

    def living(self, laptop: Laptop, table: str, row: str | None) -> bool:
        """Whether a row stands at a laptop and is not deleted."""
        there = laptop.row(table, row) if row else {}
        return bool(there) and there["soft_delete"] != 1

    def insert(self, laptop: Laptop, table: str, row: str, **values: object) -> None:
        """Enter a new row with plain SQL, unless there is one."""
        if laptop.row(table, row):
            return
        keys = laptop.node.store.schema.by_name[table].key_names
        names = (*keys, *values)
        marks = ", ".join("?" * len(names))
        laptop.sql(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", *row.split("|"), *values.values()
        )
        if row not in self.rows.setdefault((laptop.n, table), []):
            self.rows[laptop.n, table].append(row)
        self.say(f"{table} {row[:8]} new {values}")
        self._note(laptop, table, row, values)
        if self.modelled:
            self.model.put(laptop, (table, row), values)

    def edit(self, laptop: Laptop, table: str, row: str | None, **values: object) -> None:
        """Change columns of a living row."""
        if row and self.living(laptop, table, row):
            laptop.edit(table, row, **values)
            self.say(f"{table} {row[:8]} {values}")
            self._note(laptop, table, row, values)
            if self.modelled:
                self.model.put(laptop, (table, row), values)

    def delete(self, laptop: Laptop, table: str, row: str | None) -> None:
        """Delete a living row; whoever does that lets go what he entered into it and has not sent."""
        if row and self.living(laptop, table, row):
            laptop.edit(table, row, soft_delete=1)
            self.say(f"{table} {row[:8]} deleted")
            unsent = self.entered.unsent.get(laptop, {})
            for name in [name for name in unsent if name[:2] == (table, row)]:
                del unsent[name]
            if self.modelled:
                self.model.kill(laptop, (table, row), dead=True)

    def undelete(self, laptop: Laptop, table: str, row: str | None) -> None:
        """Take a delete back."""
        there = laptop.row(table, row) if row else {}
        if row and there and there["soft_delete"] == 1 and there["kirim_home"] is None:
            laptop.edit(table, row, soft_delete=0)
            self.say(f"{table} {row[:8]} lives again")
            if self.modelled:
                self.model.kill(laptop, (table, row), dead=False)

    def _note(self, laptop: Laptop, table: str, row: str, values: dict[str, object]) -> None:
        unsent = self.entered.unsent.setdefault(laptop, {})
        for column, value in values.items():
            unsent.pop((table, row, column), None)
            if isinstance(value, str) and (" " in value or value[:1] in "AB"):
                unsent[table, row, column] = value

    def _was_cut(self, laptop: Laptop) -> None:
        """What was entered is in a changeset now and must stand somewhere for ever."""
        for (table, row, column), value in self.entered.unsent.pop(laptop, {}).items():
            self.entered.keep(value, f"{table} {row[:8]} {column} at school {laptop.n}")

    # --- what stands where --------------------------------------------------------------------

    def everyone(self) -> Iterator[Laptop]:
        """Yield every laptop."""
        for laptops in self.laptops:
            yield from laptops

    def standing(self) -> set[str]:
        """Return every text that a store keeps, or a file that the server keeps: held, or in quarantine as evidence."""
        found = self.standing_at_server()
        for laptop in self.everyone():
            found |= {text for content in self.contents.laptop(laptop.node.store.db) for text in content.texts}
        return found

    def standing_at_server(self, states: Collection[str] = ("held", "accepted", "quarantined")) -> set[str]:
        """Return every text that the server keeps, in its stores or in files of some states."""
        db = self.place.server.store.db
        found = {text for content in self.contents.server(db) for text in content.texts}
        by_id = {parcel.package_id: parcel for parcel in self.parcels}
        for package_id, state in db.execute("SELECT package_id, state FROM kirim_package").fetchall():
            if state in states and bytes(package_id) in by_id:
                found |= by_id[bytes(package_id)].words
        return found

    def went_back(self) -> None:
        """A store is not what it was. What stands in none that is left was lost with its only copy; all else must stay.

        The model does not follow from here on: what a restored side may still know depends on what the other side
        kept of it, which is the very thing that is tried.
        """
        self.modelled = False
        self.times_back += 1
        self.touched.update(self.place.scopes)
        standing = self.standing()
        self.entered.kept = {value: who for value, who in self.entered.kept.items() if value in standing}

    def outgrown(self) -> None:
        """Somebody uses what a newer program has brought: nothing is lost by it, and the model knows the first version only."""
        self.modelled = False

    # --- what the centre does -----------------------------------------------------------------

    def centre(
        self, as_: str, table: str, row: str | None, values: dict[str, object], *, verified: bool = False
    ) -> None:
        """Let the centre change a row by a list, if it is there."""
        if row and self.place.row(table, row):
            self._centre(as_, table, row, values, verified=verified)

    def centre_new(self, as_: str, table: str, row: str, values: dict[str, object], *, verified: bool = False) -> None:
        """Let the centre make a row, or change it if it is there."""
        self._centre(as_, table, row, values, verified=verified)

    def _centre(self, as_: str, table: str, row: str, values: dict[str, object], *, verified: bool) -> None:
        done = self.place.change(as_, [(table, row, c, v) for c, v in values.items()], verified=verified)
        self.say(f"{as_} {table} {row[:8]} {values}{' verified' if verified else ''}: {done.changed} changed")
        if done.changed:
            self._keep_of_centre(as_, table, row, values)
            self.touched.add(str(self.place.row(table, row)["kirim_home"]))
        if not self.modelled:
            return
        if "soft_delete" in values:
            self.model.centre_deletes((table, row), as_)
        else:
            self.model.centre((table, row), as_, values, locked=verified)

    def _keep_of_centre(self, as_: str, table: str, row: str, values: dict[str, object]) -> None:
        for column, value in values.items():
            if isinstance(value, str) and (" " in value or value[:1] in "AB"):
                self.entered.keep(value, f"{table} {row[:8]} {column} by {as_}")

    def kip(self, row: str, number: str) -> None:
        """Let the centre import an SK list of one line."""
        self._touch_waiting(row)  # lines of older lists are tried again
        done = self.place.kip([(row, number)])
        self.say(f"kip {row[:8]} {number}: {done.matched} matched")
        if self.place.row("peserta_didik", row).get("no_kip") == number:  # of two numbers for one pupil, one waits
            self.entered.keep(number, f"kip of {row[:8]}")
        if self.modelled:
            self.model.kip(row, number)

    def _touch_waiting(self, *more: str) -> None:
        """Pupils whom an SK list names may change whenever the centre takes anything."""
        db = self.place.server.store.db
        named = {json.loads(line)["peserta_didik_id"] for (line,) in db.execute("SELECT bytes FROM kirim_kip")} | {*more}
        for row in named:
            self.touched.add(str(self.place.row("peserta_didik", row).get("kirim_home")))

    def show(self, row: str, other: int) -> None:
        """Let another school see a pupil from now on."""
        there = self.place.row("peserta_didik", row)
        home = str(there.get("kirim_home")) if there else ""
        if not there or home == self.scope(other):
            return
        server = self.place.server.store
        school = server.school(self.scope(other))
        assert school is not None
        with server.db.transaction():
            show(server, school, server.schema.by_name["peserta_didik"], row, home)
        self.say(f"pupil {row[:8]} is shown to school {other}")
        if self.modelled:
            self.model.show(("peserta_didik", row), self.scope(other))

    # --- files --------------------------------------------------------------------------------

    def carried(self, path: Path) -> Path:
        """Return a copy of a file in the couriers' hands, under a name of its own."""
        self._files += 1
        target = self.courier / f"{self._files:04}-{path.name}"
        shutil.copy(path, target)
        return target

    def export(self, laptop: Laptop) -> Parcel:
        """Let a school write a package."""
        done = laptop.export()
        self._was_cut(laptop)
        store = laptop.node.store
        words = {text for content in self.contents.chain(store.db, store.device, store.acknowledged) for text in content.texts}
        what = self.model.export(laptop) if self.modelled else None
        parcel = Parcel(
            self.carried(done.file), laptop.n, what, done.package_id, frozenset(words & self.entered.ever.keys()),
            store.device, done.last, bytes.fromhex(done.mark.replace("-", "")),
        )  # fmt: skip
        self.parcels.append(parcel)
        self.say(f"{parcel.path.name} written")
        return parcel

    def ingest(self, paths: Sequence[Path]) -> list[str]:
        """Let the server take files, and return what became of each."""
        self._touch_waiting()
        done = self.place.ingest(*paths)
        self.took()
        if self.modelled:
            self._touch_waiting()
            self.model.retry_kip()
        self.say(f"{[p.name for p in paths]}: {[f'{r.status} {r.code}'.strip() for r in done.files]}")
        if any(result.code == "KF-209" for result in done.files):  # a file that waits is told of; the model has no such word
            self.outgrown()
        self.wrong += [f"a fault of ours: {r.error and r.error.lines()[0]}" for r in done.files if r.code.startswith("KF-9")]
        return [result.status for result in done.files]

    def took(self) -> None:
        """Tell the model which packages the server has merged, in the ledger's order."""
        found = self.place.server.store.db.execute(
            "SELECT package_id, state FROM kirim_package WHERE state <> 'accepted' ORDER BY seq"
        ).fetchall()
        by_id = {parcel.package_id: parcel for parcel in self.parcels}
        for package_id, state in found:
            parcel = by_id.get(bytes(package_id))
            if parcel is None:
                continue
            if self.times_back:
                self.touched.update(self.place.scopes)
                if state in {"merged", "held", "accepted"}:  # what was lost with its only copy came by an old file
                    for word in parcel.words:
                        self.entered.kept.setdefault(word, self.entered.ever[word])
            elif state == "merged" and parcel.package_id not in self.told:
                self.told.add(parcel.package_id)
                self.touched.add(self.scope(parcel.n))
                if self.modelled:
                    self.model.take(parcel.what)

    def answer(self, n: int) -> Parcel:
        """Let the server write a return for a school."""
        done = self.place.answer(self.laptops[n][0])
        parcel = Parcel(self.carried(done.file), n, self.model.answer(self.scope(n)) if self.modelled else None)
        self.returns[n].append(parcel)
        self.say(f"{parcel.path.name} written")
        return parcel

    def apply(self, laptop: Laptop, parcel: Parcel) -> str:
        """Let a school apply a return; return ``news``, ``old`` or ``unfit``."""
        self.doing = (laptop, parcel, laptop.node.store.have)
        try:
            report = laptop.apply(parcel.path)
        except ExchangeError as error:
            if error.code not in {"KF-404", "KF-302"}:
                raise
            self.say(f"{parcel.path.name} does not fit")
            if error.code == "KF-404" and self.modelled:
                self.model.apply(laptop, parcel.what)
            return "unfit"
        if report is not None:
            self._was_cut(laptop)
            self._alarmed(laptop, report)
        self.say(f"{parcel.path.name}: {'old' if report is None else 'news'}")
        if self.modelled:
            self.model.apply(laptop, parcel.what)
        self.doing = None
        return "old" if report is None else "news"

    def _alarmed(self, laptop: Laptop, report: Report) -> None:
        """The digests are a net that must stay empty; after a restore what falls into it is counted and must heal."""
        if not self.times_back:
            self.wrong += [f"false alarm at school {laptop.n}: {what}" for what in report.diverged.items()]
        elif report.diverged:
            self.alarms += 1
            self.say(f"{laptop.home.name} differs in {report.diverged}")

    # --- machines -----------------------------------------------------------------------------

    def stopped_at(self, step: int, act: Callable[[], object]) -> bool:
        """Do something on machines that may stop meanwhile, and start them again; return whether they stopped."""
        if not step:
            act()
            return False
        with warnings.catch_warnings():  # what the stopped program held open is closed, as the system would
            warnings.simplefilter("ignore", ResourceWarning)
            try:
                with dying(step):
                    act()
            except Killed:
                pass
            else:
                return False
            gc.collect()
        self.place.reopen_server()
        for laptop in self.everyone():
            laptop.reopen()
        self._find_out()
        return True

    def _find_out(self) -> None:
        """Find out what of a stopped step was durable: a cut, a return applied, packages merged; the model hears of it."""
        doing, self.doing = self.doing, None
        if doing is not None and doing[0].node.store.have != doing[2]:
            self._was_cut(doing[0])
            if self.modelled:
                self.model.apply(doing[0], doing[1].what)
        for laptop in self.everyone():
            store = laptop.node.store
            if self.modelled:
                if store.last > len(self.model.sides[laptop].chain):
                    self._was_cut(laptop)
                    self.model.cut(laptop)
            elif not self._pending(laptop):
                self._was_cut(laptop)
        self.took()

    def _pending(self, laptop: Laptop) -> bool:
        """Whether anything was entered since the last cut."""
        db, tables = laptop.node.store.db, laptop.node.store.schema.data_tables
        return any(db.value(f"SELECT count(*) FROM kirim_before_{table.name}") for table in tables)

    def round_trip(self, laptop: Laptop) -> str:
        """Let a package and its return arrive; return what became of the package."""
        status = self.ingest([self.export(laptop).path])[0]
        self.apply(laptop, self.answer(laptop.n))
        return status

    def ruang(self) -> str:
        """A room."""
        return RUANG
