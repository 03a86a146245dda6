"""Who gets a newer program, and what only a newer one can hold (ADR 11).

Nobody goes back to an older program, and all laptops of a school get a newer one together: what an older one makes of a
newer one's store is KF-603, and of its own newer changesets KF-208 (``docs/gaps.md``).
"""

from __future__ import annotations

from exchange.schema.model import Schema
from tests.world.versions import VERSIONS, program
from tests.world.world import World


def _next(w: World, now: Schema | None) -> Schema:
    at = VERSIONS.index(program(now))
    return VERSIONS[min(at + w.dice.choice([1, 1, 2]), len(VERSIONS) - 1)]


# --- somebody comes by with a newer program -------------------------------------------------------


def upgrade_laptop(w: World, n: int) -> None:
    give_laptops(w, n, _next(w, w.laptops[n][0].schema))


def give_laptops(w: World, n: int, schema: Schema) -> None:
    """All laptops of a school start with a newer program."""
    for laptop in w.laptops[n]:
        laptop.schema = schema
        laptop.reopen()
    w.say(f"school {n} has a program of version {schema.version}")


def upgrade_server(w: World, n: int) -> None:
    give_server(w, _next(w, w.place.schema))


def give_server(w: World, schema: Schema) -> None:
    """The server starts with a newer program."""
    w.place.schema = schema
    w.place.reopen_server()
    w.say(f"the server has a program of version {schema.version}")


def flowing(w: World) -> None:
    """What is needed for files to flow again: the server's program is as new as the newest laptop's."""
    newest = max((program(laptop.schema) for laptop in w.everyone()), key=lambda schema: schema.version)
    if newest.version > program(w.place.schema).version:
        give_server(w, newest)


def behind(w: World) -> bool:
    """Give every school the server's program, and return whether anybody needed it."""
    newest, late = program(w.place.schema), False
    for n in range(w.schools):
        if program(w.laptops[n][0].schema).version < newest.version:
            give_laptops(w, n, newest)
            late = True
    return late


# --- what only a newer program can hold -----------------------------------------------------------


def _stems(schema: Schema) -> list[str]:
    return [stem for stem in ("surel", "kontak") if f"{stem}_pd" in schema.by_name]


def new_columns(w: World, n: int) -> None:
    """A school fills what its newer program has brought."""
    laptop = w.laptop(n)
    stems = _stems(program(laptop.schema))
    if not stems:
        return
    w.outgrown()
    stem, pupil = w.dice.choice(stems), w.some(n, "peserta_didik")
    if w.dice.random() < 0.6:
        w.edit(laptop, "peserta_didik", pupil, **w.dice.choice([
            {f"{stem}_wali": w.word("WALI")}, {f"{stem}_wali": None}, {f"{stem}_catatan": w.word("SEKOLAH")},
        ]))
    elif pupil:
        w.insert(laptop, f"{stem}_pd", w.id(), peserta_didik_id=pupil, isi=w.word("ISI"))


def edit_new_rows(w: World, n: int) -> None:
    laptop = w.laptop(n)
    for stem in _stems(program(laptop.schema))[-1:]:
        w.edit(laptop, f"{stem}_pd", w.some(n, f"{stem}_pd"), isi=w.word("ISI"))
        if w.dice.random() < 0.2:
            w.delete(laptop, f"{stem}_pd", w.some(n, f"{stem}_pd"))


def centre_fills(w: World, n: int) -> None:
    """The centre fills what its newer program has brought; schools may be older."""
    stems = _stems(program(w.place.schema))
    if stems:
        w.outgrown()
        stem = w.dice.choice(stems)
        w.centre("dinas", "peserta_didik", w.some(n, "peserta_didik"), w.dice.choice([
            {f"{stem}_catatan": w.word("CATATAN")}, {f"{stem}_wali": w.word("WALI")},
        ]))
