"""Blocks of a changeset as no writer writes them: what is refused, and what a reader takes all the same."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterator

from exchange.format import letters
from exchange.schema import SCHEMA
from tests.reader.made import IDS, SCOPE, SCOPE_BYTES, Case, bits, pack

_PUPIL, _STAY, _SCHOOL = (SCHEMA.by_name[name] for name in ("peserta_didik", "registrasi_peserta_didik", "sekolah"))
_BAD, _LARGE, _OPEN = "KF-208", "KF-207", "open"
_UPDATE, _INSERT, _DELETE, _HOME, _DERIVED = 2, 1, 3, 64, 128


def cases() -> Iterator[Case]:
    """Yield every block."""
    for some in (singles(), packed(), fronts(), numbered(), integers(), exceptions(), forms(), texts(), derived(), strange()):
        yield from some


def one(name: str, element: object) -> bytes:
    """Return an update of one pupil's column."""
    return pack([40, _UPDATE, 1, _PUPIL.by_name[name].number, IDS[0], element])


def two(name: str, column: object) -> bytes:
    """Return an update of two pupils' column."""
    keys = b"\x00\x01\x02\x00\x01"
    return pack([40, _UPDATE, 2, _PUPIL.by_name[name].number, IDS[0] + IDS[1], keys, column])


def raw(*fields: object) -> bytes:
    return pack(list(fields))


def singles() -> Iterator[Case]:
    """Elements of a block of one row."""
    whole = one("nama", "BUDI")
    yield "a text", _OPEN, whole
    yield "a number in a longer form", _OPEN, b"\x96\xcc\x28" + whole[2:]
    yield "a float of 32 bits", _OPEN, whole[:-5] + b"\xca\x3f\x80\x00\x00"
    yield "a text in a longer form", _OPEN, whole[:-5] + b"\xd9\x04BUDI"
    yield "an array in a longer form", _OPEN, b"\xdc\x00\x06" + whole[1:]
    yield "an array around an integer that needs none", _OPEN, one("rt", [5])
    for name, element in {"float": 1.5, "nil": None, "text": "x"}.items():
        yield f"an array around a {name}", _BAD, one("nama", [element])
    for value, code in {
        12: _OPEN, 10**18 + 5: _OPEN, 2 * 10**18: _BAD, 1: _BAD, 0: _BAD, -1: _BAD, 2**64 - 1: _BAD, 10**19: _BAD, -(2**63): _BAD,
        -(32 * 1123): _OPEN, -(32 * 1123 + 2): _OPEN, -(32 * int("1" + "2" * 17) + 1): _OPEN, -(32 * 123): _OPEN, -(32 * 223 + 1): _BAD,
    }.items():  # fmt: skip
        yield f"{value} for digits", code, one("nisn", value)
    for text in ("123", "123  ", "\ufeffabc"):
        yield f"{text!r} as text", _OPEN, one("nisn", text)
    yayasan = _SCHOOL.by_name["yayasan_id"].number
    yield "an id as text", _OPEN, raw(1, _UPDATE, 1, yayasan, IDS[0], str(uuid.UUID(bytes=IDS[1])))
    yield "a key as text", _OPEN, raw(40, _UPDATE, 1, _PUPIL.by_name["nama"].number, str(uuid.UUID(bytes=IDS[1])), "x")
    yield "an id of 15 bytes", _BAD, raw(1, _UPDATE, 1, yayasan, IDS[0], IDS[1][:15])
    yield "a key that is nil", _BAD, raw(40, _UPDATE, 1, _PUPIL.by_name["nama"].number, None, "x")
    for days, code in {10**7: _BAD, -719_163: _BAD, -719_162: _OPEN, 2_932_896: _OPEN, 2_932_897: _BAD}.items():
        yield f"day {days}", code, one("tanggal_lahir", days)
    yield "bytes for a day", _BAD, one("tanggal_lahir", b"xx")
    yield "18 digits behind the point", _BAD, one("lintang", 5 * 32 + 18)
    yield "17 digits behind the point", _OPEN, one("lintang", 5 * 32 + 17)
    yield "the largest decimal", _OPEN, one("lintang", 2**64 - 1 - 14)
    yield "NaN", _BAD, one("nama", float("nan"))
    yield "infinity", _OPEN, one("nama", float("inf"))
    yield "a boolean", _BAD, one("nama", True)
    yield "100,000 characters", _OPEN, one("nama", "x" * 100_000)
    yield "100,001 characters", _LARGE, one("nama", "x" * 100_001)
    yield "100,001 bytes", _LARGE, one("nama", [b"x" * 100_001])
    yield "60,000 characters outside of the first plane", _OPEN, one("nama", "🎒" * 60_000)
    yield "half a surrogate pair", _BAD, whole[:-5] + b"\xa3\xed\xa0\x80"


def packed() -> Iterator[Case]:
    """Packed letters."""
    for text in ("BUDI", "budi", "Budi", "ab", "SITI AMINAH", "A", "A B", "1234", "SITI 2", "x" * 100):
        yield f"{text[:11]} in letters", _OPEN, one("nama", letters.pack(text))
    name = letters.pack("SITI AMINAH") or b""
    yield "no letters", _OPEN, one("nama", b"\x3f")
    yield "no byte of letters", _BAD, one("nama", b"")
    yield "capitals in a way that is not used", _BAD, one("nama", b"\xff")
    yield "a byte of ones too many", _BAD, one("nama", name + b"\xff")
    yield "capitals where nothing is written", _BAD, one("nama", b"\x7f")
    yield "600 bytes of letters", _BAD, one("nama", bytes(600))
    yield "letters for a day", _BAD, one("tanggal_lahir", name)
    for count, code in {255: _OPEN, 256: _BAD}.items():
        written = "00" + "001" * count
        size = (len(written) + 7) // 8
        yield f"{count} letters", code, one("nama", int(written.ljust(8 * size, "1"), 2).to_bytes(size, "big"))


def fronts() -> Iterator[Case]:
    """What stands before the values."""
    rt, id_ = _PUPIL.by_name["rt"].number, IDS[0]
    yield "no operation", _BAD, raw(40, 0, 1, rt, id_, 5)
    yield "cause 6", _OPEN, raw(40, 2 | 24, 1, rt, id_, 5)
    yield "cause 7 in an update", _BAD, raw(40, 2 | 28, 1, rt, id_, 5)
    yield "cause 7 in an insert", _OPEN, raw(40, 1 | 28, 1, rt, id_, 5)
    yield "flags of 9 bits", _BAD, raw(40, 258, 1, rt, id_, 5)
    yield "no rows", _BAD, raw(40, 2, 0, rt, id_, 5)
    yield "4,097 rows", _BAD, raw(40, 2, 4_097, rt, b"", b"", b"")
    yield "true rows", _BAD, raw(40, 2, True, rt, id_, 5)
    yield "an unknown table", _BAD, raw(999, 2, 1, 1, id_, 5)
    yield "a table below zero", _BAD, raw(-1, 2, 1, 1, id_, 5)
    yield "another home", _OPEN, raw(40, 2 | _HOME, 1, IDS[5], rt, id_, 5)
    yield "the scope as home", _OPEN, raw(40, 2 | _HOME, 1, SCOPE_BYTES, rt, id_, 5)
    yield "a home of 15 bytes", _BAD, raw(40, 2 | _HOME, 1, IDS[5][:15], rt, id_, 5)
    yield "a home as text", _BAD, raw(40, 2 | _HOME, 1, SCOPE, rt, id_, 5)
    yield "a delete that sets a column", _BAD, raw(40, _DELETE, 1, rt, id_, 5)
    yield "an update that sets nothing", _BAD, raw(40, _UPDATE, 1, b"", id_)
    yield "an insert that sets nothing", _OPEN, raw(40, _INSERT, 1, b"", id_)
    yield "a key column", _BAD, raw(40, 2, 1, 0, id_, id_)
    yield "column 200", _BAD, raw(40, 2, 1, 200, id_, 5)
    yield "column -1", _BAD, raw(40, 2, 1, -1, id_, 5)
    yield "bits for a single column", _BAD, raw(40, 2, 1, bits("peserta_didik", "rt"), id_, 5)
    both = bits("peserta_didik", "rt", "rw")
    yield "bits for two columns", _OPEN, raw(40, 2, 1, both, id_, 5, 6)
    yield "a byte of bits too many", _BAD, raw(40, 2, 1, both + b"\x00", id_, 5, 6)
    yield "a bit beyond the table", _BAD, raw(40, 2, 1, both + bytes(20) + b"\x01", id_, 5, 6)
    yield "the key's bit", _BAD, raw(40, 2, 1, b"\x03", id_, id_, "x")
    yield "an empty byte of bits", _BAD, raw(40, _INSERT, 1, b"\x00", id_)
    yield "a value too many", _BAD, raw(40, 2, 1, rt, id_, 5, 6)
    yield "a value too few", _BAD, raw(40, 2, 1, rt, id_)


def numbered() -> Iterator[Case]:
    """Numbers of ids, in a delete of two pupils."""
    a, b, c = IDS[:3]
    keys = b"\x00\x01\x02\x00\x01"
    for name, code, fresh, column in (
        ("two ids", _OPEN, a + b, keys),
        ("an id that is numbered twice", _BAD, a + a, keys),
        ("the scope, numbered again", _BAD, SCOPE_BYTES + a, keys),
        ("more new ids than places", _BAD, a + b + c, keys),
        ("a new id that is not used", _OPEN, a + b, b"\x00\x00\x02"),
        ("an id and one byte", _BAD, a + b"x", b"\x00\x00\x02"),
        ("one id twice", _OPEN, a, b"\x00\x00\x02"),
        ("a number that nobody gave", _BAD, a, b"\x00\x00\x04"),
        ("a number below zero", _BAD, a, b"\x00\x00\x01"),
        ("an unknown form of ids", _BAD, a, b"\x02\x00\x02"),
        ("room for NULL that is not used", _OPEN, a, b"\x01\x00\x04"),
        ("a key that is NULL", _BAD, a, b"\x01\x00\x00"),
        ("no bytes", _BAD, a, b""),
    ):
        yield name, code, raw(40, _DELETE, 2, b"", fresh, column)


def integers() -> Iterator[Case]:
    """Lists of two integers."""
    ones = b"\xff" * 9
    for name, code, data in (
        ("a constant", _OPEN, b"\x00\x02"),
        ("a longer varint", _OPEN, b"\x00\x82\x00"),
        ("a varint of 64 bits", _OPEN, b"\x00" + ones + b"\x01"),
        ("a varint of 70 bits", _BAD, b"\x00" + ones + b"\x7f"),
        ("a varint of 11 bytes", _BAD, b"\x00" + b"\x80" * 10 + b"\x00"),
        ("offsets", _OPEN, b"\x01\x00\x05\x06"),
        ("offsets of a constant", _OPEN, b"\x01\x00\x05\x05"),
        ("a width of 3", _BAD, b"\x03\x00" + bytes(6)),
        ("a width of 8", _OPEN, b"\x08\x00" + bytes(16)),
        ("more than 64 bits", _BAD, b"\x08\x00" + b"\xff" * 16),
        ("64 bits from the least", _OPEN, b"\x08" + ones + b"\x01" + b"\xff" * 16),
        ("differences", _OPEN, b"\x11\x02\x02\x00\x05"),
        ("a first difference that says nothing", _OPEN, b"\x11\x02\x02\x07\x05"),
        ("form 16", _BAD, b"\x10\x02\x02"),
        ("a width of 17", _BAD, b"\x21\x00\x00" + bytes(34)),
        ("a difference too large", _BAD, b"\x18\x02\x02" + b"\x00\xff" * 8),
        ("a difference that just fits", _OPEN, b"\x18" + ones + b"\x01\x00" + b"\x00\xff" * 8),
        ("a byte left over", _BAD, b"\x00\x02\x00"),
    ):
        yield name, code, two("rt", b"\x01" + data)


def exceptions() -> Iterator[Case]:
    """Presence bits and exceptions."""
    for name, code, column in (
        ("every value there, and bits for it", _OPEN, b"\x81\xc0\x00\x02"),
        ("a bit behind the last row", _BAD, b"\x81\xe0\x00\x02"),
        ("no value there", _OPEN, b"\x81\x00\x00\x00"),
        ("no value there, and a constant", _OPEN, b"\x81\x00\x00\x02"),
        ("no value there, and offsets", _OPEN, b"\x81\x00\x01\x02"),
        ("no value there, and differences", _OPEN, b"\x81\x00\x11\x02\x02"),
        ("an array without exceptions", _OPEN, [b"\x01\x00\x06"]),
        ("an empty array", _BAD, []),
        ("an exception where a value stands", _BAD, [b"\x01\x00\x02", 0, "x"]),
    ):
        yield name, code, two("rt", column)
    for name, code, told in (
        ("a text", _OPEN, [0, "x"]),
        ("a value of the column's type", _OPEN, [0, 7]),
        ("nil", _BAD, [0, None]),
        ("NaN", _BAD, [0, float("nan")]),
        ("65 bits", _BAD, [0, 2**63]),
        ("a boolean", _BAD, [0, True]),
        ("an array", _BAD, [0, ["x"]]),
        ("100,001 bytes", _LARGE, [0, b"x" * 100_001]),
        ("no value", _BAD, [0]),
        ("an index behind the last row", _BAD, [2, "x"]),
        ("an index that is a boolean", _BAD, [False, "x"]),
    ):
        yield f"an exception: {name}", code, two("rt", [b"\x81\x40\x00\x02", *told])
    yield "exceptions in another order", _BAD, two("rt", [b"\x81\x00\x00\x00", 1, "x", 0, "y"])
    yield "two exceptions of a row", _BAD, two("rt", [b"\x81\x00\x00\x00", 1, "x", 1, "y"])


def forms() -> Iterator[Case]:
    """Forms of columns."""
    ones = b"\xff" * 9
    for name, code, column, data in (
        ("form 0", _BAD, "rt", b"\x00\x00\x00"),
        ("form 10", _BAD, "rt", b"\x0a\x00\x00"),
        ("no form", _BAD, "rt", b""),
        ("texts in a column of integers", _OPEN, "rt", b"\x09\x01ab"),
        ("a scale of 18", _OPEN, "lintang", b"\x02\x12\x00\x02"),
        ("a scale of 19", _BAD, "lintang", b"\x02\x13\x00\x02"),
        ("zero with two digits", _OPEN, "lintang", b"\x02\x02\x00\x00"),
        ("a decimal of 70 bits", _OPEN, "lintang", b"\x02\x00\x00" + ones + b"\x7f"),
        ("a decimal with its zeros", _OPEN, "lintang", b"\x03\x01\x00" + ones + b"\x01"),
        ("day 0", _BAD, "tanggal_lahir", b"\x04\x00\x00"),
        ("day 1", _OPEN, "tanggal_lahir", b"\x04\x00\x02"),
        ("the last day", _OPEN, "tanggal_lahir", b"\x04\x00" + varint(3_652_059)),
        ("the day after it", _BAD, "tanggal_lahir", b"\x04\x00" + varint(3_652_060)),
        ("moment 0", _BAD, "nama", b"\x05\x00\x00"),
        ("the first moment", _OPEN, "nama", b"\x05\x00" + varint(86_400_000_000)),
        ("floats", _OPEN, "nama", b"\x06" + struct.pack("<dd", 1.5, -0.0)),
        ("a float that is NaN", _BAD, "nama", b"\x06" + struct.pack("<dd", 1.5, float("nan"))),
    ):
        yield name, code, two(column, data)


def varint(value: int) -> bytes:
    """Return an integer above zero as a varint."""
    value, out = value * 2, bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def texts() -> Iterator[Case]:
    """Forms 7, 8 and 9."""
    lists = b"\x00\x02\x00\x02\x00\x00\x00\x02"
    for name, code, data in (
        ("texts", _OPEN, b"\x07\x00\x04\x00\x00\x00\x04abcd"),
        ("texts longer than they say", _BAD, b"\x07\x00\x04\x00\x00\x00\x05abcde"),
        ("a text of less than nothing", _BAD, b"\x07\x01\x01\x00\x02\x00\x00\x00\x00"),
        ("texts that are no UTF-8", _BAD, b"\x07\x00\x02\x00\x00\x00\x02\xff\xfe"),
        ("characters outside of the first plane", _OPEN, b"\x07\x00\x02\x00\x00\x00\x08" + "🎒🎒".encode()),
        ("a length beyond every text", _LARGE, b"\x07\x00" + varint(100_001) + bytes(4)),
        ("zero bytes as texts", _OPEN, b"\x07\x00\x02\x00\x00\x00\x02\x00\x00"),
        ("listed texts", _OPEN, b"\x08" + lists + b"ab\x01\x00\x00\x01"),
        ("a listed text twice", _OPEN, b"\x08" + lists + b"aa\x01\x00\x00\x01"),
        ("a listed text that is not used", _OPEN, b"\x08" + lists + b"ab\x00\x00"),
        ("an index of no text", _BAD, b"\x08" + lists + b"ab\x01\x00\x00\x02"),
        ("no listed texts", _BAD, b"\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
        ("no listed texts and no rows", _OPEN, b"\x88" + bytes(11)),
        ("a width of 0", _BAD, b"\x09\x00"),
        ("a width of 64", _OPEN, b"\x09\x40" + b"a" * 128),
        ("a width of 65", _BAD, b"\x09\x41" + b"a" * 130),
        ("a character of 8 bits", _BAD, b"\x09\x01\xff\xff"),
    ):
        yield name, code, two("nama", data)


def derived() -> Iterator[Case]:
    """Ids that follow from a natural key."""
    new, columns = _INSERT | _DERIVED, bits("registrasi_peserta_didik", "peserta_didik_id", "sekolah_id")
    pupil, other = IDS[0], str(uuid.UUID(bytes=IDS[5]))
    for name, code, told in (
        ("no exception", _OPEN, []),
        ("an id as text", _OPEN, [0, other]),
        ("16 bytes, which are no id", _OPEN, [0, IDS[5]]),
        ("another text", _OPEN, [0, "abc"]),
        ("an integer", _OPEN, [0, 5]),
        ("an array", _BAD, [0, [b"x"]]),
        ("nil", _BAD, [0, None]),
        ("an index behind the row", _BAD, [1, "x"]),
        ("bytes instead of an array", _BAD, b""),
    ):
        yield f"a derived key: {name}", code, raw(41, new, 1, columns, told, pupil, SCOPE_BYTES)
        several = [IDS[0] + IDS[1], b"\x00\x01\x02\x00\x01", b"\x00\x00\x00"]
        last = [told[0] + 1, *told[1:]] if told else told
        yield f"two derived keys: {name}", code, raw(41, new, 2, columns, last, *several)
    only = _STAY.by_name["peserta_didik_id"].number
    for name, code, block in (
        ("an update", _BAD, raw(41, _UPDATE | _DERIVED, 1, columns, [], pupil, SCOPE_BYTES)),
        ("a delete", _BAD, raw(41, _DELETE | _DERIVED, 1, b"", [])),
        ("half of the natural key", _BAD, raw(41, new, 1, only, [], pupil)),
        ("a table without a natural key", _BAD, raw(40, new, 1, _PUPIL.by_name["rt"].number, [], 5)),
        ("NULL in the natural key", _BAD, raw(41, new, 1, columns, [], None, SCOPE_BYTES)),
        ("NULL, and an exception", _OPEN, raw(41, new, 1, columns, [0, other], None, SCOPE_BYTES)),
        ("a float", _BAD, raw(41, new, 1, columns, [], 1.5, SCOPE_BYTES)),
        ("an integer", _OPEN, raw(41, new, 1, columns, [], 5, SCOPE_BYTES)),
    ):
        yield f"derived ids: {name}", code, block


def strange() -> Iterator[Case]:
    """No block at all."""
    front = b"\x96" + b"".join(map(pack, (40, _UPDATE, 1, _PUPIL.by_name["rt"].number, IDS[0])))
    yield "a map", _BAD, front + b"\x80"
    yield "a map with one key twice", _BAD, front + b"\x82\x01\x01\x01\x02"
    yield "an extension", _BAD, front + b"\xd4\x00\x00"
    yield "a byte that msgpack never uses", _BAD, front + b"\xc1"
    yield "a byte behind the block", _BAD, one("rt", 5) + b"\x00"
    yield "a text as block", _BAD, pack("x")
    yield "an empty array as block", _BAD, pack([])
    yield "no byte of a block", _BAD, b""
