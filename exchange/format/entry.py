"""Entries of the ledger and their chain, and what an act of the centre did: bytes to values and back.

Source:
    docs/format.md, section 8.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

import msgpack
import zstandard

from exchange.errors import Malformed
from exchange.format.container import Canonical, pack, unpack
from exchange.limits import ACT_BYTES_MAX, MIB

PACKAGE, ACT = 1, 2
"""Kinds of entries: a verified package and what became of it; something that the centre did."""

STATES = {"merged": 1, "held": 2, "quarantined": 3}
"""What became of a package, by its number in an entry."""

START = bytes(32)
"""The ledger's value before its first entry."""

_DOMAIN = b"kirim/1 buku\x00"
_RECEIPT_ITEMS = 13
_PREVIOUS = 10

Content: TypeAlias = tuple[str, bool, tuple[str, ...], Sequence[Sequence[object]]]
"""(table, whether the rows are gone, column names, rows)."""


def package_entry(receipt: Sequence[Canonical], state: str) -> bytes:
    """Return the entry of a package: its receipt's array, and its state.

    Args:
        receipt: The array that the receipt's signature covers (13 elements).
        state: ``merged``, ``held`` or ``quarantined``.
    """
    return pack([PACKAGE, receipt, STATES[state]])


@dataclass(frozen=True, slots=True)
class ActEntry:
    """Something that the centre did.

    Attributes:
        name: What it was, such as ``kip``.
        scope: ``sekolah_id`` as 16 bytes if it concerns one school, else empty.
        made_at: Server's time in seconds since 1970.
        content: SHA-256 of the act's sealed content (32 bytes).
        previous: The ledger's value before it (32 bytes).
    """

    name: str
    scope: bytes
    made_at: int
    content: bytes
    previous: bytes

    def packed(self) -> bytes:
        """Return the entry."""
        return pack([ACT, self.name.encode(), self.scope, self.made_at, self.content, self.previous])


@dataclass(frozen=True, slots=True)
class PackageEntry:
    """A package and what became of it.

    Attributes:
        receipt: The array that its receipt's signature covers.
        state: ``merged``, ``held`` or ``quarantined``.
        previous: The ledger's value before it (32 bytes).
    """

    receipt: list[Canonical]
    state: str
    previous: bytes


def read_entry(entry: bytes) -> PackageEntry | ActEntry:
    """Return what an entry says.

    Raises:
        Malformed: KF-208.
    """
    return _entry(unpack(entry, "ledger"))


def _entry(value: Canonical) -> PackageEntry | ActEntry:
    if isinstance(value, list) and len(value) == 3 and value[0] == PACKAGE:
        _, receipt, state = value
        names = {number: name for name, number in STATES.items()}
        if isinstance(receipt, list) and len(receipt) == _RECEIPT_ITEMS and isinstance(state, int) and state in names:
            previous = receipt[_PREVIOUS]
            if isinstance(previous, bytes) and len(previous) == len(START):
                return PackageEntry(receipt, names[state], previous)
    if isinstance(value, list) and len(value) == 6 and value[0] == ACT:
        _, name, scope, made_at, content, previous = value
        if (
            isinstance(name, bytes)
            and isinstance(scope, bytes)
            and isinstance(made_at, int)
            and isinstance(content, bytes)
            and isinstance(previous, bytes)
            and (len(scope), len(content), len(previous)) in {(0, 32, 32), (16, 32, 32)}
        ):
            return ActEntry(name.decode(errors="replace"), scope, made_at, content, previous)
    raise Malformed(part="ledger entry")


def entry_value(entry: bytes) -> bytes:
    """Return the ledger's value at an entry, which covers all before it: the entry names the value before (32 bytes)."""
    return hashlib.sha256(_DOMAIN + entry).digest()


# --- records: how entries stand in the archive ------------------------------------------------


@dataclass(frozen=True, slots=True)
class Record:
    """An entry as it stands in the archive.

    Attributes:
        entry: Its bytes.
        signature: The server's, of a package's receipt or of an act's entry (64 bytes).
        key: Of a package's file, locked for the archive; empty when it could not be kept.
        label: Name of a package's file as it came.
        content: An act's, sealed for the archive; empty when it is no longer there.
    """

    entry: bytes
    signature: bytes = b""
    key: bytes = b""
    label: bytes = b""
    content: bytes = b""

    def packed(self) -> bytes:
        """Return the record behind its length (4 bytes)."""
        data = pack([self.entry, self.signature, self.key, self.label, self.content])
        return len(data).to_bytes(4, "big") + data


def read_record(data: bytes) -> Record:
    """Return a record without its length. Raises HeaderBad or Malformed (KF-203, KF-208)."""
    found = unpack(data, "ledger")
    if len(found) != 5 or not all(isinstance(part, bytes) for part in found):
        raise Malformed(part="ledger record")
    return Record(*cast("list[bytes]", found))


_SEGMENT = b"kirim/1 buku besar\x00"
SEGMENT_BYTES = len(_SEGMENT) + 8 + 32
"""Front of a file of the ledger."""


def segment_front(first: int, previous: bytes) -> bytes:
    """Return the front of a file of the ledger: number of its first entry, and the ledger's value before it."""
    return _SEGMENT + first.to_bytes(8, "big") + previous


def read_segment_front(data: bytes) -> tuple[int, bytes]:
    """Return the number of a file's first entry and the value before it. Raises Malformed (KF-208)."""
    if len(data) < SEGMENT_BYTES or not data.startswith(_SEGMENT):
        raise Malformed(part="ledger file")
    at = len(_SEGMENT)
    return int.from_bytes(data[at : at + 8], "big"), data[at + 8 : SEGMENT_BYTES]


# --- what an act did --------------------------------------------------------------------------

_FORM = 1


def write_content(schema: int, program: str, rows: Iterable[Content]) -> Iterator[bytes]:
    """Yield what an act did, packed: its rows as they stood afterwards.

    Args:
        schema: Version of the tables.
        program: Version of the program.
        rows: By table, in the order in which they were written.
    """
    compressor = zstandard.ZstdCompressor(level=6).compressobj()
    yield compressor.compress(msgpack.packb([_FORM, schema, program]))
    for table, gone, columns, values in rows:
        yield compressor.compress(msgpack.packb([table, gone, list(columns), [list(row) for row in values]]))
    yield compressor.flush()


def read_content(content: bytes) -> Iterator[Content]:
    """Yield what an act did.

    Raises:
        Malformed: KF-208.
    """
    try:
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content)) as reader:
            items = msgpack.Unpacker(reader, max_buffer_size=ACT_BYTES_MAX, read_size=MIB, raw=False)
            front = next(items, None)
            if not isinstance(front, list) or len(front) != 3 or front[0] != _FORM:
                raise Malformed(part="act")
            for item in items:
                table, gone, columns, values = item
                yield str(table), bool(gone), tuple(map(str, columns)), values
    except (zstandard.ZstdError, msgpack.UnpackException, ValueError, TypeError) as error:
        raise Malformed(part="act") from error
