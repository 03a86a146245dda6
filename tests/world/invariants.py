"""What must hold in a world after every step, and when files have flowed again."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator

from exchange import errors
from exchange.format.changeset import chain_next
from exchange.format.outcome import decode_outcome
from exchange.schema import SCHEMA
from exchange.store import chains, rows
from exchange.store.database import Database
from tests.faults.world import ledger_holds
from tests.world.model import TABLES, Row, _shown
from tests.world.place import Laptop
from tests.world.thefts import THIEF
from tests.world.world import World

_COUNTS = "applied + same + conflict + refused + held"
_REVOKED = int(errors.Revoked.code[3:])
_ENGINES = {"last_update", "create_date", "last_sync", "updater_id"}
_WATCHED = [SCHEMA.by_name[name] for name in TABLES]


class Watch:
    """Looks at a world after each step.

    Args:
        world: Just made.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._outcomes: dict[tuple[str, bytes, int, bytes], bytes] = {}
        self._judged_anew = False
        self._homes = self._digests()

    @property
    def _server(self) -> Database:
        return self.world.place.server.store.db

    def look(self) -> list[str]:
        """Return what is wrong now."""
        return [
            *self._adds_up(),
            *self._ledger(),
            *self._keeps_outcomes(),
            *self._others(),
            *self._answered(),
            *self._lost(),
            *self._of_thieves(),
            *self._unlike_model(),
        ]

    # --- the books ----------------------------------------------------------------------------

    def _adds_up(self) -> Iterator[str]:
        """Rule 29: every change of a changeset has one outcome, and packages tell of the same changes."""
        told = 0
        before: dict[tuple[str, bytes], tuple[int, bytes]] = {}
        for scope, device, number, value, sum_, first in self._server.execute(
            f"SELECT scope, device, number, value, {_COUNTS}, outcome IS NOT NULL FROM kirim_changeset WHERE device <> ? "
            "ORDER BY scope, device, number",
            (chains.CENTRE,),
        ).fetchall():
            content = self.world.contents.of(self._server, scope, device, number, value)
            told += sum_
            if first and content.count != sum_:
                yield f"does not add up: changeset {number} of {scope[:8]} has {content.count} changes and {sum_} outcomes"
            last = before.get((scope, bytes(device)))
            if last is not None and (last[0] + 1 != number or chain_next(last[1], content.digest) != bytes(value)):
                yield f"the chain breaks at changeset {number} of {scope[:8]}"
            before[scope, bytes(device)] = number, bytes(value)
        noted = self._server.value(f"SELECT coalesce(sum({_COUNTS}), 0) FROM kirim_package WHERE state = 'merged'")
        if noted != told:
            yield f"the ledger tells of {noted} changes, the changesets of {told}"

    def _ledger(self) -> Iterator[str]:
        if not ledger_holds(self._server):
            yield "the ledger's values do not chain"

    def _keeps_outcomes(self) -> Iterator[str]:
        """Rule 15: an outcome once given stays the same byte for byte, and a school was told that one.

        A restored server that has lost what the centre said meanwhile may judge anew; then only what it says itself
        must stay the same.
        """
        if self.world.server_restored:
            self._outcomes.clear()
            self.world.server_restored, self._judged_anew = False, True
        told = [] if self._judged_anew else [laptop.node.store.db for laptop in self.world.everyone()]
        for db in (self._server, *told):
            for scope, device, number, value, outcome in db.execute(
                "SELECT scope, device, number, value, outcome FROM kirim_changeset WHERE outcome IS NOT NULL"
            ).fetchall():
                key = (scope, bytes(device), number, bytes(value))
                if self._outcomes.setdefault(key, bytes(outcome)) != bytes(outcome):
                    yield f"the outcome of changeset {number} of {scope[:8]} was told differently"

    # --- whose is what ------------------------------------------------------------------------

    def _digests(self) -> dict[str, str]:
        """Return a digest of the rows of each home at the server."""
        found = {scope: hashlib.sha256() for scope in self.world.place.scopes}
        for table in _WATCHED:
            names = ", ".join(c.name for c in table.all_columns)
            for home, *values in self._server.execute(
                f"SELECT kirim_home, soft_delete, {names} FROM {table.name} ORDER BY {', '.join(table.key_names)}"
            ).fetchall():
                if home in found:
                    found[home].update(repr(values).encode())
        return {scope: digest.hexdigest() for scope, digest in found.items()}

    def _others(self) -> Iterator[str]:
        """A step changes rows of those schools only that it speaks of."""
        now = self._digests()
        for scope, digest in now.items():
            if digest != self._homes[scope] and scope not in self.world.touched:
                yield f"rows of school {self.world.place.scopes.index(scope)} changed though nothing of it came"
        self._homes = now
        self.world.touched.clear()

    def _answered(self) -> Iterator[str]:
        """R16: what a school counts as answered is merged at the server, as that very changeset."""
        for laptop in self.world.everyone():
            store = laptop.node.store
            if store.acknowledged and not self._judged_anew:
                there = chains.value_at(self._server, store.scope, store.device, store.acknowledged)
                if there != store.value_at(store.acknowledged):
                    yield f"school {laptop.n} counts {store.acknowledged} as answered, and the server does not cover it"

    # --- nothing is lost ----------------------------------------------------------------------

    def _lost(self) -> Iterator[str]:
        """What was cut, or said by the centre, stands in some changeset for ever: at the server or at a laptop."""
        kept = self.world.entered.kept
        missing = set(kept)
        for content in self.world.contents.server(self._server):
            missing -= content.texts
        if missing:
            missing -= self.world.standing()
        for value in sorted(missing):
            yield f"lost: {value!r} of {kept[value]} stands nowhere"

    # --- what was stolen ----------------------------------------------------------------------

    def _of_thieves(self) -> Iterator[str]:
        """R25: of a revoked key nothing beyond its number is merged, and nothing up to it is refused for that."""
        for theft in self.world.thefts:
            for package_id, last, state, code in self._server.execute(
                "SELECT package_id, last, state, code FROM kirim_package WHERE device = ?", (theft.device,)
            ).fetchall():
                if state == "merged" and last > theft.after and bytes(package_id) not in theft.merged:
                    yield f"changeset {last} of a key that was revoked after {theft.after} is merged"
                if state == "quarantined" and code == _REVOKED and last <= theft.after and theft.straight:
                    yield f"changeset {last} of a key that was revoked after {theft.after} is refused"
        if self.world.thefts and self._server.value("SELECT count(*) FROM peserta_didik WHERE nama = ?", (THIEF,)):
            yield "what a thief entered stands at the server"

    # --- the second opinion -------------------------------------------------------------------

    def _unlike_model(self) -> Iterator[str]:
        if not self.world.modelled:
            return
        model = self.world.model
        yield from _unlike("the server", self._server, model.rows, [*model.scopes], {})
        yield from self._unlike_claims()
        for laptop in self.world.everyone():
            side = model.sides[laptop]
            db = laptop.node.store.db
            yield from _unlike(f"school {laptop.n}", db, side.rows, [None, *model.scopes], {None: side.scope}, dead=False)
            if laptop.node.store.last != len(side.chain):
                yield f"school {laptop.n} has {laptop.node.store.last} changesets, the model {len(side.chain)}"
        for scope, outcomes in model.outcomes.items():
            n = self.world.place.scopes.index(scope)
            for number, mine in enumerate(outcomes, 1):
                yield from self._unlike_outcome(scope, n, number, mine)

    def _unlike_claims(self) -> Iterator[str]:
        """R7: the open findings are what the rows say now, whoever came first."""
        found = {
            (home, table, column, value): message
            for home, table, column, value, message in self._server.execute(
                "SELECT kirim_home, table_name, field_error, keterangan, error_message FROM vld_data WHERE soft_delete = 0"
            )
        }
        for claim in sorted(found.keys() | self.world.model.claims.keys()):
            if found.get(claim) != self.world.model.claims.get(claim):
                yield f"finding {claim}: {found.get(claim)!r}, the model says {self.world.model.claims.get(claim)!r}"

    def _unlike_outcome(self, scope: str, n: int, number: int, mine) -> Iterator[str]:  # type: ignore[no-untyped-def]
        encoded = self._server.value(
            "SELECT outcome FROM kirim_changeset WHERE scope = ? AND number = ? AND outcome IS NOT NULL", (scope, number)
        )
        if encoded is None:
            yield f"changeset {number} of school {n} is merged in the model only"
            return
        if mine.checked == encoded:
            return
        counts, lines = decode_outcome(SCHEMA, bytes(encoded))
        given = {name: count for name, count in counts.as_dict().items() if count and name != "sent"}
        if given != {name: count for name, count in mine.counts.items() if count}:
            yield f"changeset {number} of school {n}: {given}, the model {dict(mine.counts)}"
        told = Counter(
            (line.table.name, line.row, line.group.name if line.group else "", line.outcome.name.lower(), line.code, line.won,
             _shown(dict(zip(line.columns, line.sent))), _shown(dict(zip(line.columns, line.stood))))
            for line in lines
        )
        wanted = Counter(line.shown() for line in mine.lines)
        yield from (f"changeset {number} of school {n} tells {line}, not in the model" for line in told - wanted)
        yield from (f"changeset {number} of school {n} does not tell {line}" for line in wanted - told)
        mine.checked = encoded

    # --- when files flow again ----------------------------------------------------------------

    def apart(self) -> list[str]:
        """Return where the two sides differ, and what still waits.

        After a restore a file may wait for ever for numbers that nobody has any more; it says so by its code.
        """
        found = [*self._chains_apart(), *self._not_at_server()]
        for laptop in self.world.everyone():
            found += [f"school {laptop.n}: {line}" for line in differences(self.world, laptop)]
            found += [f"school {laptop.n}: {line}" for line in open_wrong(self.world, laptop)]
        held = self._server.execute(
            "SELECT package_id, code FROM kirim_package WHERE state IN ('held', 'accepted')"
        ).fetchall()
        waits = {bytes(package_id).hex() for package_id, code in held if code and self.world.times_back}
        if len(waits) < len(held):
            found.append(f"{len(held) - len(waits)} packages are still held")
        left = (self.world.place.server.home / "held").iterdir()
        found += [f"{path.name} is left in held/" for path in left if path.stem not in waits]
        return found

    def _chains_apart(self) -> Iterator[str]:
        """A school's chain is one, and all of it is merged."""
        for laptop in self.world.everyone():
            store = laptop.node.store
            there = self._server.value(
                "SELECT max(number) FROM kirim_changeset WHERE scope = ? AND device = ?", (store.scope, store.device)
            )
            if (there or 0) != store.last:
                yield f"school {laptop.n} has changesets up to {store.last}, the server up to {there}"
            elif store.last and chains.value_at(self._server, store.scope, store.device, store.last) != store.value_at(store.last):
                yield f"school {laptop.n} has another changeset {store.last} than the server"

    def _not_at_server(self) -> Iterator[str]:
        """What a laptop keeps, of its own or in returns that the server has lost, has come to the server.

        In quarantine lies only what somebody entered at a laptop that is gone. What the centre said of a row of another
        school, and only a school that may see the row had heard, stays in the return that this one keeps: it is counted.
        """
        kept = self.world.entered.kept
        missing = kept.keys() - self.world.standing_at_server()
        if missing:
            heard = [content for laptop in self.world.everyone() for content in self.world.contents.laptop(laptop.node.store.db)]
            own = {text for content in heard for text in content.texts - content.shown}
            self.world.with_guests = len(missing - own)
            missing &= own
        for value in sorted(missing):
            yield f"not at the server: {value!r} of {kept[value]}"


def _unlike(
    who: str,
    db: Database,
    wanted: dict[tuple[str, str], Row],
    scopes: list[str | None],
    homes: dict[str | None, str],
    *,
    dead: bool = True,
) -> Iterator[str]:
    """Yield where a store's rows are not those of the model."""
    for table in _WATCHED:
        names = [c.name for c in table.columns]
        there = {
            str(row): (Row(dict(zip(names, values)), homes.get(home, home), gone == 1))
            for row, gone, home, *values in db.execute(
                f"SELECT {table.key_names[0]}, soft_delete, kirim_home, {', '.join(names)} FROM {table.name}"
            ).fetchall()
            if home in scopes
        }
        mine = {row: r for (name, row), r in wanted.items() if name == table.name}
        for row in sorted(there.keys() | mine.keys()):
            a, b = there.get(row), mine.get(row)
            if a is None or b is None:
                if (a or b).dead and not dead:  # type: ignore[union-attr]
                    continue
                yield f"{who}: {table.name} {row[:8]} only in the {'model' if a is None else 'store'}"
            elif a.dead != b.dead or a.home != b.home:
                yield f"{who}: {table.name} {row[:8]} is {'dead' if a.dead else 'alive'}, the model says otherwise ({b.home[:4]})"
            elif not a.dead:
                for column in names:
                    if a.values[column] != b.values.get(column):
                        yield (
                            f"{who}: {table.name} {row[:8]} {column} is {a.values[column]!r}, "
                            f"the model says {b.values.get(column)!r}"
                        )


def waiting(world: World, scope: str) -> set[tuple[int, str]]:
    """Return the rows that the server keeps aside."""
    found = world.place.server.store.db.execute("SELECT table_no, row FROM kirim_open WHERE scope = ?", (scope,))
    return {(table, row) for table, row in found}


def differences(world: World, laptop: Laptop) -> list[str]:
    """Return where the two stores differ in the school's own rows, open ones left out, and in rows that it may see."""
    server, store = world.place.server.store, laptop.node.store
    aside, found = waiting(world, laptop.scope), []
    for table in store.schema.data_tables:
        names = ", ".join(c.name for c in table.all_columns)
        keys = len(table.key)
        theirs = {"|".join(map(str, r[:keys])): r for r in server.db.execute(
            f"SELECT {names} FROM {table.name} WHERE soft_delete IS NOT 1 AND kirim_home = ?", (laptop.scope,))}
        mine = {"|".join(map(str, r[:keys])): r for r in store.db.execute(
            f"SELECT {names} FROM {table.name} WHERE soft_delete IS NOT 1 AND kirim_home IS NULL")}
        for row in sorted(theirs.keys() | mine.keys()):
            if (table.number, row) in aside and row not in theirs:
                continue
            a, b = theirs.get(row), mine.get(row)
            if a is None or b is None:
                found.append(f"{table.name} {row}: {'only at the school' if a is None else 'only at the server'}")
            elif a != b or [type(x) for x in a] != [type(x) for x in b]:
                found += [f"{table.name} {row} {c.name}: server {x!r}, school {y!r}"
                          for c, x, y in zip(table.all_columns, a, b) if x != y or type(x) is not type(y)]
    for number, row in server.db.execute("SELECT table_no, row FROM kirim_seen WHERE scope = ?", (laptop.scope,)):
        table = store.schema.by_number[number]
        a = rows.fetch(server.db, table, table.columns, [row]).get(row)
        b = rows.fetch(store.db, table, table.columns, [row]).get(row)
        if a is None:
            found.append(f"{table.name} {row}: seen, but not at the server again")
            continue
        gone, seen_gone = a[-2] == 1, b is None or b[-2] == 1
        if gone != seen_gone or (b is not None and not gone and a[:-2] != b[:-2]):
            found.append(f"{table.name} {row}: seen, but not as it is at home: {a} and {b}")
    return found


def open_wrong(world: World, laptop: Laptop) -> list[str]:
    """Rows that the server keeps aside stand at the school, marked, and nothing is marked that is settled."""
    marked = {(t, r): c for t, r, c in laptop.node.store.db.execute("SELECT table_no, row, code FROM kirim_open")}
    aside, schema, wrong = waiting(world, laptop.scope), laptop.node.store.schema, []
    for table, row in sorted(aside):
        if table not in schema.by_number:  # of a program newer than this laptop's, which entered it elsewhere
            continue
        there = laptop.row(schema.by_number[table].name, row)
        if not there or there["soft_delete"] == 1:
            wrong.append(f"{schema.by_number[table].name} {row} is kept aside, but not at the school")
        elif (table, row) not in marked:
            wrong.append(f"{schema.by_number[table].name} {row} is kept aside, but not marked at the school")
    for (table, row), code in sorted(marked.items()):
        there = laptop.row(schema.by_number[table].name, row)
        if not there or there["soft_delete"] == 1:
            wrong.append(f"{schema.by_number[table].name} {row} is marked {code}, but deleted")
        if not world.place.row(schema.by_number[table].name, row) and (table, row) not in aside:
            wrong.append(f"{schema.by_number[table].name} {row} is marked {code}, but neither there nor kept aside")
    return wrong
