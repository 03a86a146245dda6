"""What goes into a changeset comes out of it, whatever a store may hold; and what is no changeset is refused, never believed."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from io import BytesIO

import msgpack
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exchange.errors import Malformed, SchemaNewer, TooLarge
from exchange.format import block as block_module
from exchange.format.body import Item, read_body, write_body
from exchange.format.changeset import decode_changeset, decode_head, encode_changeset
from exchange.format.integers import read_integers, write_integers
from exchange.format.manifest import decode_manifest, encode_manifest
from exchange.format.outcome import decode_outcome, encode_outcome
from exchange.records import (
    Answer,
    Approval,
    Block,
    Cause,
    ChangesetHead,
    Counts,
    CutAgain,
    Digests,
    Line,
    Manifest,
    Op,
    Outcome,
    Position,
    Receipt,
)
from exchange.schema import SCHEMA
from exchange.schema.ids import derive_ids
from exchange.schema.model import Column, Kind, Schema, Table, declare

SCOPE = "0f0c0000-0000-4000-8000-000000000001"
HEAD = ChangesetHead(7, Position(12, b"pangkal8"))

# --- what a store can hold --------------------------------------------------------------------

INTEGERS = st.one_of(st.integers(-3, 300), st.integers(-(1 << 63), (1 << 63) - 1))
FLOATS = st.floats(allow_nan=False)
TEXTS = st.text(max_size=40)
IDS = st.uuids().map(str)
STRANGE: list[object] = [
    "", " ", "0", "00", "007", "12.50", "-0", "-0.00", "+1", "1e3", ".5", "5.", "1_000", "٣", "²", "1\n", "9" * 18, "9" * 19,
    "990101  ", "  1", "1" * 16 + "  ", "Ａ", "a\0b", "\0", "é", "e\u0301", "🎒", "\u202e", "\ufeff", "\r\n", "\t", "'\"",
    "0001-01-01", "9999-12-31", "0000-00-00", "2023-02-29", "2024-02-29", "20240229", "2024-2-9", "2024-W01-1",
    "9999-12-31 23:59:59.999999", "0001-01-01 00:00:00", "2024-02-29 24:00:00", "2024-02-29 23:59:60", "2024-02-29T10:00:00",
    "2024-02-29 10:00:00.000000", "2024-02-29 10:00:00.100000", "2024-02-29 10:00:00.1", "2024-02-29 1٣:00:00",
    "0F0C0000-0000-4000-8000-000000000001", "0f0c0000-0000-4000-8000-000000000001", "0f0c0000000040008000000000000001",
    "{0f0c0000-0000-4000-8000-000000000001}", "0f0c0000-0000-4000-8000-00000000000g", "ſ", "K", "İ", "SITI Aminah", "siti", "SITI",
    "Jl. Melati No. 3", "x" * 300, "a" * 255, "A" * 256,
    0, 1, -1, 1.0, 0.0, -0.0, 0.1, float("inf"), float("-inf"), 5e-324, (1 << 63) - 1, -(1 << 63), 127, 128, 1 << 32,
    b"", b"\0", bytes(16), bytes(range(256)),
]  # fmt: skip
ANY = st.one_of(st.sampled_from(STRANGE), INTEGERS, FLOATS, TEXTS, IDS, st.binary(max_size=20))

DECIMALS = st.builds(lambda n, s: f"{n / 10**s:.{s}f}", st.integers(-(10**9), 10**9), st.integers(0, 6))
TYPED = {
    Kind.UUID: IDS,
    Kind.CHAR: st.one_of(st.text("0123456789", min_size=1, max_size=18), TEXTS),
    Kind.VARCHAR: st.one_of(TEXTS, st.sampled_from(["SITI AMINAH", "Jl. Melati Raya No. 12", "0812345678"])),
    Kind.TEXT: TEXTS,
    Kind.INTEGER: INTEGERS,
    Kind.DECIMAL: DECIMALS,
    Kind.DATE: st.dates(date(1, 1, 1)).map(date.isoformat),
    Kind.MOMENT: st.datetimes(datetime(1, 1, 1)).map(lambda at: at.isoformat(" ")),
    Kind.DOUBLE: FLOATS,
}


def column_values(draw: st.DrawFn, column: Column, count: int, *, key: bool = False) -> list[object]:
    """A column's values: typed, typed with a few others among them, or anything at all; with gaps or none."""
    typed = draw(st.lists(TYPED[column.kind], min_size=1, max_size=12))
    pool: list[object] = list(typed)
    pool += draw(st.lists(ANY, max_size=draw(st.sampled_from([0, 0, 3]))))
    if not key:
        pool += [None] * draw(st.sampled_from([0, 0, 1, 40]))
    shuffled = random.Random(draw(st.integers(0, 1 << 32)))
    how = draw(st.integers(0, 2))
    if how == 0:
        return [shuffled.choice(pool) for _ in range(count)]
    if how == 1:
        return [pool[0]] * count
    return [pool[n % len(pool)] for n in range(count)]


def key_values(draw: st.DrawFn, table: Table, count: int) -> list[list[object]]:
    return [column_values(draw, column, count, key=True) for column in table.key]


SPOKEN = [cause for cause in Cause if cause is not Cause.DISISIHKAN]
"""Causes of values that stand; only a new row is kept aside."""

COUNTS = st.one_of(st.integers(1, 9), st.sampled_from([1, 2, 15, 16, 17, 64, 255, 256, 257]))


@st.composite
def blocks(draw: st.DrawFn, counts: st.SearchStrategy[int] = COUNTS) -> Block:
    table = draw(st.sampled_from(SCHEMA.tables))
    op, count = draw(st.sampled_from(Op)), draw(counts)
    most = len(table.columns)
    chosen: list[Column] = []
    if op is not Op.DELETE:
        picked = draw(st.sets(st.integers(0, most - 1), min_size=op is Op.UPDATE, max_size=min(most, 8)))
        chosen = [table.columns[n] for n in sorted(picked)]
    values = key_values(draw, table, count) + [column_values(draw, column, count) for column in chosen]
    return Block(
        table,
        op,
        tuple(chosen),
        values,
        draw(st.sampled_from(Cause if op is Op.INSERT else SPOKEN)),
        draw(st.booleans()),
        draw(st.none() | IDS),
    )


DERIVING = [table for table in SCHEMA.tables if table.derived]


@st.composite
def derived_blocks(draw: st.DrawFn) -> Block:
    """New rows whose ids follow from their natural keys, but for some."""
    table, count = draw(st.sampled_from(DERIVING)), draw(COUNTS)
    wanted = {name for name in table.derived if not name.startswith("=")}
    more = draw(st.sets(st.sampled_from(table.columns), max_size=3))
    columns = tuple(column for column in table.columns if column.name in wanted or column in more)
    values = {column.name: column_values(draw, column, count) for column in columns}
    parts: list[Sequence[object]] = [
        [name[1:]] * count if name.startswith("=") else values[name] for name in table.derived
    ]
    keys: list[object] = list(derive_ids(table.name, list(zip(*parts, strict=True))))
    for n in draw(st.sets(st.integers(0, count - 1), max_size=draw(st.sampled_from([0, 1, count])))):
        keys[n] = draw(ANY)
    return Block(table, Op.INSERT, columns, [keys, *(values[column.name] for column in columns)])


# --- helpers ----------------------------------------------------------------------------------


def exact(value: object) -> tuple[str, str]:
    """A value with its type and every bit: 1 is not 1.0, and 0.0 is not -0.0."""
    return type(value).__name__, repr(value)


def content(found: Iterable[Block]) -> list[object]:
    return [
        (b.table.number, b.op, [c.number for c in b.columns], [[exact(v) for v in column] for column in b.values],
         b.cause, b.locked, b.home)
        for b in found
    ]  # fmt: skip


def there_and_back(given_blocks: Sequence[Block], head: ChangesetHead = HEAD, schema: Schema = SCHEMA) -> list[bytes]:
    parts = list(encode_changeset(schema, SCOPE, head, given_blocks))
    found_head, found = decode_changeset(schema, SCOPE, parts)
    assert found_head == head
    assert content(found) == content(given_blocks)
    return parts


# --- laws -------------------------------------------------------------------------------------


@given(st.lists(blocks(), max_size=4))
@settings(max_examples=150, deadline=None)
def test_whatever_a_store_holds_comes_back_as_it_was(found):
    parts = there_and_back(found)
    assert parts == list(encode_changeset(SCHEMA, SCOPE, HEAD, found)), "equal input gives equal bytes"


@given(st.lists(st.one_of(derived_blocks(), blocks()), max_size=4))
@settings(max_examples=100, deadline=None)
def test_ids_that_follow_from_a_natural_key_come_back_with_those_that_do_not(found):
    there_and_back(found)


@given(st.lists(st.one_of(derived_blocks(), blocks(st.integers(1, 12))), max_size=8), st.integers(2, 30))
@settings(max_examples=100, deadline=None)
def test_the_numbering_of_ids_begins_anew_on_both_sides_at_once(found, most):
    before, block_module.IDS_MAX = block_module.IDS_MAX, most
    try:
        there_and_back(found)
    finally:
        block_module.IDS_MAX = before


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_rows_that_point_to_rows_of_earlier_blocks_come_back(data):
    """Pupils, their registrations, their class: an id travels once and is a number from then on."""
    by_name, count = SCHEMA.by_name, data.draw(st.integers(1, 300))
    chance = random.Random(data.draw(st.integers(0, 1 << 32)))
    pupils = [str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(count)]
    stays = derive_ids("registrasi_peserta_didik", [(pupil, SCOPE, "1") for pupil in pupils])
    registered = by_name["registrasi_peserta_didik"]
    columns = tuple(registered.by_name[name] for name in ("peserta_didik_id", "sekolah_id"))
    longitudinal = by_name["peserta_didik_longitudinal"]
    found = [
        Block(by_name["peserta_didik"], Op.INSERT, (), [pupils]),
        Block(registered, Op.INSERT, columns, [stays, pupils, [SCOPE] * count]),
        Block(longitudinal, Op.INSERT, (), [chance.sample(pupils, count), ["20261"] * count]),
        Block(registered, Op.DELETE, (), [stays]),
    ]
    parts = there_and_back(found)
    if count > 50:
        assert sum(map(len, parts[2:])) < 8 * count, "ids that are known do not travel again"


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 255, 256, 257, 2_047, 2_048, 4_095, 4_096])
def test_blocks_of_any_number_of_rows_come_back(count):
    chance = random.Random(count)
    table = SCHEMA.by_name["peserta_didik"]
    pools = {column: [None, *STRANGE] if n % 3 else [1, "a", None] for n, column in enumerate(table.columns)}
    values: list[list[object]] = [[str(uuid.UUID(int=chance.getrandbits(128))) for _ in range(count)]]
    values += [[chance.choice(pools[column]) for _ in range(count)] for column in table.columns]
    there_and_back([Block(table, Op.INSERT, table.columns, values)])


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("others", [0, 1, 9])
def test_every_strange_value_comes_back_in_a_column_of_every_kind(kind, others):
    """Alone in its block, and among values of the column's own type."""
    table = EVERY_KIND.tables[0]
    column = next(column for column in table.columns if column.kind is kind)
    plain = {Kind.UUID: str(uuid.UUID(int=5)), Kind.INTEGER: 3, Kind.DOUBLE: 2.5, Kind.DECIMAL: "3.25",
             Kind.DATE: "2016-05-03", Kind.MOMENT: "2016-05-03 10:00:00"}.get(kind, "BUDI")  # fmt: skip
    for value in [*STRANGE, None]:
        count = others + 1
        keys = [[f"{n:036}" for n in range(count)] for _ in table.key]
        there_and_back([Block(table, Op.UPDATE, (column,), [*keys, [value] + [plain] * others])], schema=EVERY_KIND)


EVERY_KIND = Schema(
    1, (declare(1, "contoh", "*id u; uu u; cc c8; vv v80; tt text; ii i; nn n6.2; dd d; mm ts; ff f", scope="@home"),)
)


@given(
    st.integers(1, (1 << 32) - 1),
    st.integers(0, (1 << 32) - 1),
    st.binary(min_size=8, max_size=8),
    st.none() | st.tuples(st.binary(min_size=32, max_size=32), st.floats(0, 1), st.floats(0, 1)),
)
def test_a_head_comes_back(number, base, value, again):
    cut = None
    if again and number > 2:
        last = 1 + int(again[1] * (number - 2))
        cut = CutAgain(again[0], int(again[2] * (last - 1)), last)
    head = ChangesetHead(number, Position(base, value), cut)
    there_and_back([], head)


@given(st.lists(blocks(), max_size=4))
@settings(max_examples=60, deadline=None)
def test_parts_that_are_joined_come_apart_again(found):
    """A changeset's bytes are its parts joined: each is one msgpack array, so nobody needs their lengths."""
    parts = list(encode_changeset(SCHEMA, SCOPE, HEAD, found))
    reader = msgpack.Unpacker(raw=False, max_buffer_size=0)
    reader.feed(b"".join(parts))
    ends = []
    for _ in parts:
        assert type(reader.unpack()) is list
        ends.append(reader.tell())
    assert [end - start for start, end in zip([0, *ends], ends, strict=False)] == [len(part) for part in parts]


@given(st.lists(INTEGERS, max_size=300))
@example([-(1 << 63), (1 << 63) - 1])
@example([(1 << 63) - 1, -(1 << 63), (1 << 63) - 1])
@example([0, 255, 0, 256])
def test_lists_of_integers_come_back(values):
    data = write_integers(values)
    assert read_integers(data + b"rest", 0, len(values)) == (values, len(data))


# --- a manifest, a body, an outcome -----------------------------------------------------------

U32 = st.integers(0, (1 << 32) - 1)
POSITIONS = st.builds(Position, U32, st.binary(min_size=8, max_size=8))
B32 = st.binary(min_size=32, max_size=32)
COUNTED = st.builds(Counts, U32, U32, U32, U32, U32)
RECEIPTS = st.builds(
    Receipt, B32, U32, st.binary(min_size=8, max_size=8), U32, U32, B32, B32, COUNTED, B32, B32, U32, U32,
    st.binary(min_size=64, max_size=64),
)  # fmt: skip
MANIFESTS = st.builds(
    Manifest,
    schema=st.just(SCHEMA.version),
    program=st.text(max_size=16),
    made_at=U32,
    have=POSITIONS,
    first=POSITIONS,
    last=U32,
    reference=U32,
    approval=st.none()
    | st.builds(Approval, U32, st.binary(min_size=16, max_size=16), U32, U32, st.binary(min_size=64, max_size=64)),
    digests=st.none()
    | st.builds(
        Digests,
        st.binary(min_size=16, max_size=16),
        st.dictionaries(U32, st.tuples(U32, st.binary(min_size=8, max_size=8)), max_size=5),
    ),
    receipts=st.lists(RECEIPTS, max_size=3).map(tuple),
    ledger=st.just(b"") | B32,
    have_older=st.lists(POSITIONS, max_size=3).map(tuple),
    first_older=st.lists(POSITIONS, max_size=3).map(tuple),
    answer=st.none()
    | st.builds(
        Answer,
        B32,
        POSITIONS,
        st.lists(POSITIONS, max_size=3).map(tuple),
        st.lists(POSITIONS, max_size=3).map(tuple),
    ),
)


@given(MANIFESTS)
@settings(deadline=None)
def test_a_manifest_comes_back(manifest):
    assert decode_manifest(encode_manifest(manifest), SCHEMA.version) == manifest


@given(MANIFESTS, st.lists(st.tuples(st.sampled_from([Item.HEAD, Item.BLOCK, Item.OUTCOME, Item.REFERENCE, Item.HASHES, Item.BRANCH, Item.GIVEN, Item.WANTED]),
                                     st.binary(max_size=300)), max_size=20))  # fmt: skip
@settings(deadline=None)
def test_a_body_comes_back(manifest, items):
    plain = b"".join(write_body(manifest, items))
    found, read = read_body(BytesIO(plain), SCHEMA.version)
    assert (found, list(read)) == (manifest, items)


@st.composite
def lines(draw: st.DrawFn) -> Line:
    table = draw(st.sampled_from(SCHEMA.tables))
    group = draw(st.none() | st.sampled_from(table.groups))
    names = tuple(column.name for column in (group.columns if group else table.columns[:2]))
    told = st.just(()) | st.tuples(*[st.none() | ANY for _ in names])
    return Line(
        table, draw(TEXTS), group, draw(st.sampled_from(Outcome)), draw(st.integers(500, 599)), names, draw(told),
        draw(told), draw(st.sampled_from(SPOKEN)), draw(st.booleans()),
    )  # fmt: skip


@given(st.lists(lines(), max_size=8), COUNTED, st.integers(0, 1 << 32))
@settings(deadline=None)
def test_an_outcome_comes_back_and_its_bytes_do_not_depend_on_the_order(found, counts, seed):
    data = encode_outcome(found, counts)
    shuffled = random.Random(seed).sample(found, len(found))
    assert encode_outcome(shuffled, counts) == data
    told, read = decode_outcome(SCHEMA, data)
    assert told == counts
    assert sorted(map(repr, read)) == sorted(map(repr, found))


# --- what others may send ---------------------------------------------------------------------


def read_everything(plain: bytes) -> None:
    """Read a plaintext as a program does that trusts nothing in it."""
    _, items = read_body(BytesIO(plain), SCHEMA.version)
    changesets: list[list[bytes]] = []
    for kind, data in items:
        if kind in {Item.HEAD, Item.REFERENCE}:
            decode_head(data)
            changesets.append([data])
        elif kind is Item.BLOCK and changesets:
            changesets[-1].append(data)
        elif kind is Item.OUTCOME:
            decode_outcome(SCHEMA, data[4:])
    for parts in changesets:
        for block in decode_changeset(SCHEMA, SCOPE, parts)[1]:
            assert len({len(values) for values in block.values}) == 1
            assert len(block.values) == len(block.table.key) + len(block.columns)


def refused_or_read(plain: bytes) -> None:
    try:
        read_everything(plain)
    except (Malformed, TooLarge, SchemaNewer):
        return


def damaged(chance: random.Random, good: bytes) -> bytes:
    """Good bytes with a few of them changed, cut out, doubled or put elsewhere."""
    data = bytearray(good)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        at, size = chance.randrange(len(data) + 1), chance.choice((1, 1, 2, 4, 9))
        how = chance.randrange(5)
        if how == 0:
            data[at : at + 1] = bytes([chance.randrange(256)])
        elif how == 1:
            del data[at : at + size]
        elif how == 2:
            data[at:at] = chance.randbytes(size)
        elif how == 3:
            data[at:at] = data[at : at + size]
        else:
            data[at : at + 1] = bytes([chance.choice((0, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xC0, 0xC1, 0xC4, 0xC6, 0xC7, 0xCF,
                                                     0xD3, 0xD6, 0xD9, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF, 0xFF))])  # fmt: skip
    return bytes(data)


def sample_parts(seed: int = 1) -> list[bytes]:
    """A small changeset with every form of column in it."""
    chance = random.Random(seed)
    by_name = SCHEMA.by_name
    found = []
    for count in (1, 3, 40):
        ids = [str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(count)]
        for name in ("peserta_didik", "sekolah", "nilai_nilai_rapor", "peserta_didik_longitudinal"):
            table = by_name[name]
            values: list[list[object]] = [list(ids) for _ in table.key]
            for column in table.columns:
                plain = {
                    Kind.UUID: chance.choice(ids), Kind.INTEGER: chance.randrange(1000), Kind.DOUBLE: 2.5,
                    Kind.DECIMAL: "3.25", Kind.DATE: "2016-05-03", Kind.MOMENT: "2016-05-03 10:00:00.5",
                }.get(column.kind, "BUDI " + "X" * chance.randrange(5))  # fmt: skip
                values.append([chance.choice((plain, plain, plain, None, *STRANGE[:3])) for _ in range(count)])
            found.append(Block(table, Op.INSERT, table.columns, values, home=SCOPE))
        table = by_name["registrasi_peserta_didik"]
        columns = tuple(table.by_name[name] for name in ("peserta_didik_id", "sekolah_id"))
        keys: list[object] = list(derive_ids(table.name, [(one, SCOPE, "1") for one in ids]))
        keys[-1] = ids[-1] if count > 10 else keys[-1]
        found.append(Block(table, Op.INSERT, columns, [keys, ids, [SCOPE] * count]))
        found.append(Block(by_name["peserta_didik"], Op.DELETE, (), [ids]))
    return list(encode_changeset(SCHEMA, SCOPE, HEAD, found))


def test_damaged_blocks_are_refused_or_read_and_nothing_else():
    """Each of them alone, so that the damage is met whatever stands before it; a longer run uses other seeds."""
    good = sample_parts()
    hunt(random.Random(11), good, 400)


def hunt(chance: random.Random, good: Sequence[bytes], rounds: int) -> None:
    for _ in range(rounds):
        parts = list(good)
        at = chance.randrange(len(parts))
        parts[at] = damaged(chance, parts[at])
        if at and chance.random() < 0.7:
            parts = [parts[0], parts[at]]
        try:
            for block in decode_changeset(SCHEMA, SCOPE, parts)[1]:
                list(encode_changeset(SCHEMA, SCOPE, HEAD, [block]))
        except (Malformed, TooLarge):
            continue


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_random_bytes_are_no_block(data):
    try:
        list(decode_changeset(SCHEMA, SCOPE, [sample_head(), data])[1])
    except (Malformed, TooLarge):
        return


def sample_head() -> bytes:
    return next(encode_changeset(SCHEMA, SCOPE, HEAD, []))


@given(MANIFESTS, st.integers(0, 1 << 32))
@settings(max_examples=150, deadline=None)
def test_damaged_manifests_are_refused_or_read_in_their_one_form(manifest, seed):
    data = damaged(random.Random(seed), encode_manifest(manifest))
    try:
        found = decode_manifest(data, SCHEMA.version)
    except (Malformed, TooLarge, SchemaNewer):
        return
    assert encode_manifest(found) == data


@given(st.lists(lines(), max_size=4), COUNTED, st.integers(0, 1 << 32))
@settings(max_examples=150, deadline=None)
def test_damaged_outcomes_are_refused_or_read_and_nothing_else(found, counts, seed):
    data = damaged(random.Random(seed), encode_outcome(found, counts))
    try:
        decode_outcome(SCHEMA, data)
    except (Malformed, TooLarge):
        return


def sample_plain() -> bytes:
    parts = sample_parts()
    items = [(Item.BLOCK if n else Item.HEAD, part) for n, part in enumerate(parts)]
    outcome = encode_outcome([], Counts(1, 2, 3, 4, 5))
    manifest = Manifest(SCHEMA.version, "0.1.0", 1_793_000_000, HEAD.base, Position(6, b"sebelum8"), 7)
    return b"".join(write_body(manifest, [(Item.OUTCOME, b"\0\0\0\1" + outcome), *items]))


def test_damaged_plaintexts_are_refused_or_read_and_nothing_else():
    good, chance = sample_plain(), random.Random(3)
    for _ in range(300):
        refused_or_read(damaged(chance, good))


def test_a_plaintext_that_was_cut_anywhere_is_refused():
    good = sample_plain()
    read_everything(good)
    for size in range(0, len(good), 7):
        with pytest.raises((Malformed, TooLarge)):
            read_everything(good[:size])
