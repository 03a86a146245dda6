"""The ledger in the archive: its entries as files beside the sealed packages, so that database and archive each suffice.

Entries are appended after they were committed, so a crash between the two leaves the files behind; the next call goes on
from what stands there. What the files know and the database does not (it was restored from a backup) is set aside, never
overwritten.

Source:
    docs/format.md, section 8.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from exchange import errors, spool
from exchange.format.entry import (
    ACT,
    SEGMENT_BYTES,
    START,
    Record,
    entry_value,
    read_entry,
    read_record,
    read_segment_front,
    segment_front,
)
from exchange.limits import ACT_BYTES_MAX, MIB
from exchange.store.server import ServerStore
from exchange.words import tr

FOLDER = "ledger"
"""Within the archive."""

_SUFFIX = ".ledger"
_SEGMENT_BYTES = 16 * MIB
"""Size from which on the ledger goes on in another file."""

_ENTRIES = 500
"""Entries that are appended at once."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tail:
    """Where the files end.

    Attributes:
        path: The last file, or ``None`` when there is none.
        seq: Number of the last whole entry.
        value: The ledger's value there (32 bytes).
        size: Bytes of the file up to its end.
    """

    path: Path | None
    seq: int
    value: bytes
    size: int


def files(archive: Path) -> list[Path]:
    """Return the ledger's files in an archive, in order."""
    return sorted((archive / FOLDER).glob(f"*{_SUFFIX}"))


def read_file(path: Path) -> tuple[int, bytes, Iterator[tuple[int, Record | None]]]:
    """Return the number of a file's first entry, the value before it, and its records with the offset behind each.

    A record that is not whole is ``None``, and the last.

    Raises:
        FileUnreadable, Malformed, HeaderBad: KF-702, KF-208, KF-203; the last two also while its records are read.
    """
    with spool.open_file(path) as file:
        first, previous = read_segment_front(file.read(SEGMENT_BYTES))
    return first, previous, _records(path)


def _records(path: Path) -> Iterator[tuple[int, Record | None]]:
    with spool.open_file(path) as file:
        at = file.seek(SEGMENT_BYTES)
        while front := file.read(4):
            size = int.from_bytes(front, "big")
            data = file.read(size) if len(front) == 4 and size <= ACT_BYTES_MAX else b""
            if len(front) < 4 or len(data) < size or not data:
                yield at, None
                return
            at += 4 + size
            yield at, read_record(data)


def entries(archive: Path) -> Iterator[tuple[int, bytes, Record]]:
    """Yield the number, the value and the record of each entry in an archive, checking that each follows the one before.

    Raises:
        LedgerBroken: KF-604, naming the first entry that does not.
        FileUnreadable: KF-702.
    """
    seq, value = 0, START
    for path in files(archive):
        try:
            first, previous, records = read_file(path)
            if first != seq + 1 or previous != value:
                raise errors.LedgerBroken(number=seq + 1, part=tr("a file of the ledger is missing, or in another's place"))
            for _, record in records:
                if record is None:
                    raise errors.LedgerBroken(number=seq + 1, part=tr("it is cut off"))
                if read_entry(record.entry).previous != value:
                    raise errors.LedgerBroken(number=seq + 1, part=tr("it does not follow the entry before it"))
                seq, value = seq + 1, entry_value(record.entry)
                yield seq, value, record
        except (errors.Malformed, errors.HeaderBad) as error:
            raise errors.LedgerBroken(number=seq + 1, part=tr("its bytes are damaged")) from error


class Mirror:
    """Keeps the files of one server's ledger.

    Args:
        store: The server's.
        folder: The archive.
    """

    def __init__(self, store: ServerStore, folder: Path) -> None:
        self._db, self._folder = store.db, folder
        self._tail: Tail | None = None

    def catch_up(self, *, everything: bool = False) -> int:
        """Append the entries that the files lack, and return how many there were.

        Args:
            everything: Also those of packages whose own key is not kept yet; else they and what follows wait for it.

        Raises:
            DiskFull, FolderUnwritable: KF-701, KF-703; the next call goes on.
        """
        if self._db.depth:
            return 0  # nothing is told of what may still be undone
        count = 0
        while True:
            with self._db.unkept(), self._db.transaction():  # one process at a time
                done, more = self._append(everything)
            count += done
            if not more:
                return count

    def _append(self, everything: bool) -> tuple[int, bool]:
        tail = self._find_tail()
        found = self._db.execute(
            "SELECT e.seq, e.kind, e.entry, e.value, e.signature, p.file_key, p.file FROM kirim_entry e "
            "LEFT JOIN kirim_package p ON p.seq = e.seq WHERE e.seq > ? ORDER BY e.seq LIMIT ?",
            (tail.seq, _ENTRIES),
        ).fetchall()
        packed: list[bytes] = []
        last, value = tail.seq, tail.value
        for seq, kind, entry, now, signature, key, label in found:
            if kind == ACT:
                record = Record(bytes(entry), bytes(signature or b""), content=self._content(seq))
            elif key is None and not everything:
                break
            else:
                name = str(label or "").encode(errors="replace")
                record = Record(bytes(entry), bytes(signature or b""), bytes(key or b""), name)
            packed.append(record.packed())
            last, value = seq, bytes(now)
        if not packed:
            return 0, False
        path, at, front = tail.path, tail.size, b""
        if path is None or at >= _SEGMENT_BYTES:
            path, at = self._folder / FOLDER / f"{tail.seq + 1:010}{_SUFFIX}", 0
            front = segment_front(tail.seq + 1, tail.value)
        data = front + b"".join(packed)
        spool.append(path, at, data)
        self._tail = Tail(path, last, value, at + len(data))
        self._db.execute("DELETE FROM kirim_act WHERE seq <= ?", (last,))
        return len(packed), len(packed) == _ENTRIES

    def _content(self, seq: int) -> bytes:
        parts = self._db.execute("SELECT bytes FROM kirim_act WHERE seq = ? ORDER BY part", (seq,))
        return b"".join(bytes(part) for (part,) in parts)

    # --- where the files end ------------------------------------------------------------------

    def _find_tail(self) -> Tail:
        known = self._tail
        if known is not None and known.path is not None:
            last = files(self._folder)[-1:]
            if last == [known.path] and known.path.stat().st_size == known.size:
                return known
        return self._read_tail()

    def _read_tail(self) -> Tail:
        """Return where the part of the files ends that the database knows too; the rest is set aside."""
        for path in reversed(files(self._folder)):
            with spool.open_file(path) as file:
                data = file.read(SEGMENT_BYTES)
            if len(data) < SEGMENT_BYTES:  # a crash while it was begun
                self._aside(path)
                continue
            first, previous = read_segment_front(data)
            ends = [(first - 1, previous, SEGMENT_BYTES)]
            for at, record in _records(path):
                if record is None:
                    break
                ends.append((ends[-1][0] + 1, entry_value(record.entry), at))
            for seq, value, end in reversed(ends):
                if self._value_at(seq) == value:
                    if end != ends[-1][2]:
                        self._branch(path, end)
                    return Tail(path, seq, value, end)
            self._aside(path)
        return Tail(None, 0, START, 0)

    def _value_at(self, seq: int) -> bytes | None:
        if seq == 0:
            return START
        found = self._db.value("SELECT value FROM kirim_entry WHERE seq = ?", (seq,))
        return None if found is None else bytes(found)

    def _aside(self, path: Path) -> Path:
        name = spool.free_name(path.parent, path.name, ".aside")
        _log.warning("%s", tr("the database does not know what stands in {file}; it is kept as {name}").format(file=path.name, name=name))
        return spool.move(path, path.parent, name)

    def _branch(self, path: Path, end: int) -> None:
        """Set aside a file of which the database knows only the beginning, and begin it again."""
        with spool.open_file(path) as file:
            known = file.read(end)
        self._aside(path)
        spool.append(path, 0, known)
