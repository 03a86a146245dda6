"""What tests of flows ask of a server and a school: lines of outcomes, open lists, blocks of returns, crafted changesets."""

from __future__ import annotations

from collections.abc import Sequence

from exchange.format.changeset import decode_changeset
from exchange.format.outcome import decode_outcome
from exchange.records import Block, ChangesetHead, Counts, Line, Op, Position
from exchange.schema import SCHEMA
from exchange.schema.ids import derive_id
from exchange.school import capture
from exchange.store import chains
from exchange.trust.keys import Identity
from tests.life import PASSPHRASE, Life, Sekolah

_HEADS: dict[bytes, Identity] = {}


def with_open_keys(life: Life) -> None:
    """Open each head's key once for all tests: its passphrase is made to be slow, and no test of a merge is about it."""
    for school in life.schools:
        certificate = school.node.head_certificate()
        assert certificate is not None
        if certificate.key_id not in _HEADS:
            _HEADS[certificate.key_id] = school.node.head(PASSPHRASE)
        head = _HEADS[certificate.key_id]
        school.node.head = lambda passphrase, head=head: head  # type: ignore[method-assign, misc]


def enter(school: Sekolah, table: str, row: str, values: dict[str, object]) -> str:
    """Enter a row with plain SQL."""
    school.sql(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})", *values.values())
    return row


def registered(school: Sekolah, pupil: str) -> str:
    """Register a pupil at his school."""
    row = str(derive_id("registrasi_peserta_didik", pupil, school.scope, "1"))
    return enter(school, "registrasi_peserta_didik", row, {"registrasi_id": row, "peserta_didik_id": pupil,
                 "sekolah_id": school.scope, "jenis_pendaftaran_id": 1, "tanggal_masuk_sekolah": "2024-07-15"})  # fmt: skip


def counts(**given: int) -> dict[str, int]:
    """Return the counts of an ingested file, zeros filled in."""
    return Counts(**given).as_dict()


def lines(school: Sekolah, number: int | None = None) -> list[Line]:
    """Return the lines of a changeset's outcome as the server keeps it; of all changesets without a number."""
    found = school.life.server.store.db.execute(
        "SELECT outcome FROM kirim_changeset WHERE scope = ? AND outcome IS NOT NULL AND (? IS NULL OR number = ?) "
        "ORDER BY number",
        (school.scope, number, number),
    )
    return [line for (outcome,) in found for line in decode_outcome(SCHEMA, bytes(outcome))[1]]


def told(school: Sekolah, number: int | None = None) -> list[tuple[str, str, bool]]:
    """Return (row, code, whether the school's value stands) of each line."""
    return [(line.row, f"KF-{line.code}", line.won) for line in lines(school, number)]


def outcomes(school: Sekolah) -> dict[int, bytes]:
    """Return the encoded outcome of each merged changeset."""
    found = school.life.server.store.db.execute(
        "SELECT number, outcome FROM kirim_changeset WHERE scope = ? AND outcome IS NOT NULL", (school.scope,)
    )
    return {number: bytes(outcome) for number, outcome in found}


def aside(school: Sekolah) -> dict[str, str]:
    """Return the rows that the server keeps aside for a school, with the reason's code."""
    found = school.life.server.store.db.execute("SELECT row, code FROM kirim_open WHERE scope = ?", (school.scope,))
    return {row: f"KF-{code}" for row, code in found}


def marked(school: Sekolah) -> dict[str, str]:
    """Return the rows on a school's own open list, with the reason's code."""
    return {str(row): f"KF-{code}" for row, code in school.sql("SELECT row, code FROM kirim_open")}


def last_return(school: Sekolah) -> list[Block]:
    """Return the blocks of the last return that a school applied."""
    store = school.node.store
    position = store.db.value("SELECT max(position) FROM kirim_return")
    return list(decode_changeset(SCHEMA, store.scope, chains.read_parts(store.db, store.scope, chains.CENTRE, position))[1])


def spoken(school: Sekolah) -> set[tuple[str, str, str]]:
    """Return what the last return spoke of: (row, operation, cause)."""
    return {(row, block.op.name, block.cause.name) for block in last_return(school) for row in block.rows()}


def block(table: str, op: Op, columns: Sequence[str], *rows: Sequence[object]) -> Block:
    """Return a block of rows; each row is its key values, then the columns' values."""
    declared = SCHEMA.by_name[table]
    named = sorted((declared.by_name[name] for name in columns), key=lambda column: column.number)
    order = [*range(len(declared.key)), *(len(declared.key) + list(columns).index(c.name) for c in named)]
    return Block(declared, op, tuple(named), [[row[n] for row in rows] for n in order])


def crafted(school: Sekolah, *blocks: Block, base: Position | None = None) -> None:
    """Add a changeset to a school's chain that its own program would not have cut; the next export approves and sends it."""
    store = school.node.store
    with store.transaction():
        capture.cut(store)
        capture.add(store, ChangesetHead(store.last + 1, base or store.have_position), blocks)


def show(life: Life, table: str, row: str, home: Sekolah, other: Sekolah) -> None:
    """Let another school see a row from now on."""
    from exchange.central import recording

    server = life.server.store
    receiver = server.school(other.scope)
    assert receiver is not None
    with server.db.transaction():
        recording.show(server, receiver, SCHEMA.by_name[table], row, home.scope)
