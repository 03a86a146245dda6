"""A laptop is stolen: its key is revoked, the school goes on with a new laptop by a new code, and the thief goes on too.

What stood on the stolen laptop only is lost with it by nature, as with any lost store (:meth:`tests.world.world.World.went_back`).
What it had written before, up to the number after which its key is revoked, counts whenever it comes; what is beyond never.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from exchange import errors
from exchange.registering import renew_code
from exchange.school.enrol import init_school
from exchange.server import keyring
from exchange.store import chains
from exchange.trust.keyfiles import Argon2Cost, save_head_key
from tests.life import PASSPHRASE
from tests.world.place import UNKNOWN_AGAMA, Laptop, rest
from tests.world.versions import program, running
from tests.world.world import Theft, World

THIEF = "OLEH PENCURI"
"""Whom a thief enters."""


@dataclass(frozen=True)
class _Last:
    """What a school can read out of the last file that its laptop wrote: number and mark."""

    number: int
    value: bytes


def stolen(w: World, n: int) -> None:
    """A laptop is stolen. Its copy, or a backup that the school has, may be the new one's former laptop."""
    if any(theft.n == n for theft in w.thefts):
        return
    laptop, *others = sorted(w.laptops[n], key=lambda one: one is not w.laptops[n][-1])
    former = _former(w, n, laptop, others)
    theft = Theft(n, laptop, bytes(laptop.node.store.device), straight=not w.times_back)
    last = _last_written(w, n, theft.device)
    if last is not None and w.dice.random() < 0.5:
        theft.after, theft.value = last.number, last.value
    w.say(f"{laptop.home.name} is stolen")
    for one in [laptop, *others]:
        w.entered.unsent.pop(one, None)
    w.laptops[n] = []
    first = w.dice.random() < 0.5
    if first:
        revoke(w, theft)
    w.laptops[n] = [new_laptop(w, theft, laptop, former)]
    if not first:
        revoke(w, theft)
    for one in others:
        one.node.close()
    w.backups.pop(n, None)  # of a laptop whose key counts no more
    w.thefts.append(theft)
    w.went_back()


def _former(w: World, n: int, laptop: Laptop, others: list[Laptop]) -> Path | None:
    """Return what the school still has of its laptop's store."""
    if others and w.dice.random() < 0.7:
        rest(others[0].node.store.db)
        return others[0].home
    if w.backups.get(n) and w.dice.random() < 0.7:
        return Path(w.dice.choice(w.backups[n]).path)
    return None


def _last_written(w: World, n: int, device: bytes) -> _Last | None:
    found = [parcel for parcel in w.parcels if parcel.n == n and parcel.device == device and parcel.last]
    return _Last(found[-1].last, found[-1].value) if found else None


def revoke(w: World, theft: Theft) -> None:
    """Revoke the key after the last number that has come, or that the school reads out with its mark."""
    npsn = theft.laptop.npsn
    server = w.place.server
    done = keyring.revoke(server, npsn, theft.device.hex(), after=theft.after, value=theft.value)
    theft.after = next(key.revoked_after for key in done.keys if key.key == theft.device)
    merged = server.store.db.execute("SELECT package_id FROM kirim_package WHERE device = ? AND state = 'merged'", (theft.device,))
    theft.merged = frozenset(bytes(package_id) for (package_id,) in merged.fetchall())
    # Whoever revokes notes the mark as well: a server that is restored must be told again.
    theft.value = theft.value or bytes(chains.value_at(server.store.db, theft.laptop.scope, theft.device, theft.after) or b"")[:8]
    w.took()
    w.say(f"its key is revoked after {theft.after}; {[f'{one.status} {one.code}'.strip() for one in done.files]}")


def new_laptop(w: World, theft: Theft, before: Laptop, former: Path | None) -> Laptop:
    """Return a new laptop in place of one, made with a new code and prefill, and maybe from a folder of the school's."""
    n = theft.n
    w.clones += 1
    given = renew_code(w.place.server, theft.laptop.npsn)
    home = w.place.folder / f"laptop-{n + 1}-baru-{w.clones}"
    schema = max(program(w.place.schema), program(before.schema), key=lambda one: one.version)
    with running(schema), mock.patch.dict(save_head_key.__kwdefaults__, cost=Argon2Cost(memory_kib=64, passes=1)):
        init_school(home, given.prefill, given.code_file.read_text().splitlines()[0], PASSPHRASE, former=former, clock=theft.laptop.clock)
    laptop = Laptop(w.place, home, n, None, schema)
    laptop.sql("INSERT OR IGNORE INTO ref_agama (agama_id, nama) VALUES (?, 'Contoh')", UNKNOWN_AGAMA)
    w.say(f"{home.name} takes its place{f', with what {former.name} holds' if former else ''}")
    return laptop


def thief_writes(w: World, n: int) -> None:
    """Whoever has the stolen laptop knows its passphrase, and sends what he likes: nobody takes it, whatever his clock says."""
    for theft in w.thefts:
        laptop = theft.laptop
        laptop.clock.now = w.dice.randrange(1_740_000_000, 2_500_000_000)
        laptop.pupil(THIEF)
        path = w.carried(laptop.export().file)
        told = w.place.ingest(path).files[0]
        w.say(f"the thief's {path.name}: {told.status} {told.code}")
        may = {errors.Revoked.code}
        if program(laptop.schema).version > program(w.place.schema).version:
            may.add(errors.SchemaNewer.code)  # nobody can say yet what is in it
        if laptop.node.store.last <= (theft.after or 0):  # it was restored before it was stolen: a branch, and refused as one
            may |= {errors.Fork.code, errors.Gap.code, errors.RevokedAhead.code}
        if told.code not in may:
            w.wrong.append(f"the thief's package is {told.status} {told.code}")
        w.took()


def tell_again(w: World) -> None:
    """A restored server has forgotten what it was told since its backup: keys are revoked again, codes made anew."""
    for theft in w.thefts:
        revoke(w, theft)
        replace_unknown(w, theft.n)


def replace_unknown(w: World, n: int) -> None:
    """A laptop whose code the server does not know cannot send to it: the next one takes along all that it ever sent."""
    known = "SELECT 1 FROM kirim_code WHERE scope = ? AND key_id = ?"
    for theft in w.thefts:
        laptops = w.laptops[n] if theft.n == n else []
        for laptop in laptops:
            store = laptop.node.store
            if w.place.server.store.db.value(known, (store.scope, bytes.fromhex(store.get("code")))):
                continue
            rest(store.db)
            w.laptops[n] = [new_laptop(w, theft, laptop, laptop.home)]
            for one in laptops:
                w.entered.unsent.pop(one, None)
                one.node.close()
            break
