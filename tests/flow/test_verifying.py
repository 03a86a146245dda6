"""An archive proves itself to a third person, and whatever is changed in it is named."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from exchange import errors, mirror
from exchange.evidence.givenkeys import FileKeys, give_file_keys, read_file_keys, read_public_keys, write_public_keys
from exchange.evidence.verifying import Proof, Verifier
from exchange.format.entry import SEGMENT_BYTES, START, ActEntry, Record, entry_value, read_entry, segment_front
from exchange.schema import SCHEMA
from exchange.trust.opening import open_with_file_key
from exchange.trust.receipts import receipt_of
from tests.flow.told import with_open_keys
from tests.life import Life, Sekolah


@pytest.fixture
def carried(life: Life, school: Sekolah, other: Sekolah, tmp_path: Path) -> Path:
    """A folder on another machine: the archive, the public keys and the keys of one school's files."""
    with_open_keys(life)
    pupil = school.pupil()
    school.round_trip()
    other.pupil("SISWA DUA")
    other.round_trip()
    life.change("verval", [("peserta_didik", pupil, "nama", "NAMA BENAR")], verified=True)
    school.edit("peserta_didik", pupil, nama="NAMA LAIN")
    school.round_trip()
    folder = tmp_path / "orang-ketiga"
    write_public_keys(life.server, folder / "umum.json")
    give_file_keys(life.server, folder / "kunci.json", school.npsn)
    life.server.mirror.catch_up()
    shutil.copytree(life.server.home / "archive", folder / "archive")
    return folder


def verify(folder: Path, **more: object) -> Proof:
    keys = read_public_keys(folder / "umum.json")
    return Verifier(folder / "archive", keys, SCHEMA, read_file_keys(folder / "kunci.json")).run(**more)  # type: ignore[arg-type]


def records(folder: Path) -> list[Record]:
    return [record for _, _, record in mirror.entries(folder / "archive")]


def write(folder: Path, given: Iterable[Record]) -> None:
    (file,) = mirror.files(folder / "archive")
    file.write_bytes(segment_front(1, START) + b"".join(record.packed() for record in given))


def chained(given: Iterable[Record]) -> list[Record]:
    """Let each entry follow the one before it, as a forger would."""
    value, made = START, []
    for record in given:
        before = read_entry(record.entry).previous
        made.append(replace(record, entry=record.entry.replace(before, value) if before != START else record.entry))
        value = entry_value(made[-1].entry)
    return made


def packages(found: list[Record]) -> list[int]:
    return [n for n, record in enumerate(found) if not isinstance(read_entry(record.entry), ActEntry)]


def test_r29_what_came_when_from_whom_and_what_became_of_it(carried: Path, school: Sekolah) -> None:
    """R29: public keys prove every package; with the keys of one school's files, what each of these held."""
    proof = verify(carried)
    assert proof.states == {"merged": 3}
    assert proof.opened == 2
    first, last = proof.statements
    assert (first.scope, first.receipt.number, first.state) == (school.scope, 1, "merged")
    assert first.opened is not None
    assert first.opened["peserta_didik"]["insert"] >= 1
    assert last.opened == {"peserta_didik": {"update": 1}}
    assert last.receipt.counts.refused + last.receipt.counts.conflict == 1
    assert proof.beside == 0


def test_a_file_key_opens_its_file_and_no_other(carried: Path, other: Sekolah) -> None:
    """The other school's package stays sealed; a key under another file's name is no key."""
    given = read_file_keys(carried / "kunci.json")
    closed = next(path for path in (carried / "archive").glob("??/*.kirim") if bytes.fromhex(path.stem) not in given.packages)
    with closed.open("rb") as file, pytest.raises(errors.SenderUnknown):
        open_with_file_key(file, sender=read_public_keys(carried / "umum.json").servers[0], file_key=bytes(32))
    wrong = FileKeys({bytes.fromhex(closed.stem): next(iter(given.packages.values()))})
    with pytest.raises(errors.LedgerBroken) as caught:
        Verifier(carried / "archive", read_public_keys(carried / "umum.json"), SCHEMA, wrong).run()
    assert "KF-306" in caught.value.part


def test_every_byte_of_a_sealed_file_counts(carried: Path) -> None:
    """One bit anywhere, a cut, an added byte, another file under its name, no file: the entry and the file are named."""
    chance = random.Random(1)
    found = records(carried)
    for at in packages(found):
        array = read_entry(found[at].entry).receipt  # type: ignore[union-attr]
        path = carried / "archive" / array[1].hex()[:2] / f"{array[1].hex()}.kirim"
        whole = path.read_bytes()
        bad: list[bytes | None] = [whole[:-1], whole + b"\0", b"", None]
        for _ in range(25):
            n = chance.randrange(len(whole))
            bad.append(whole[:n] + bytes([whole[n] ^ 1 << chance.randrange(8)]) + whole[n + 1 :])
        bad += [o.read_bytes() for o in (carried / "archive").glob("??/*.kirim") if o != path]
        for content in bad:
            path.unlink() if content is None else path.write_bytes(content)
            with pytest.raises(errors.LedgerBroken) as caught:
                verify(carried)
            assert (caught.value.number, path.name in caught.value.part) == (at + 1, True)
            path.write_bytes(whole)
    assert verify(carried).states == {"merged": 3}


def test_every_byte_of_the_ledger_counts(carried: Path) -> None:
    """A bit of any entry, receipt or content: the first entry that does not hold is named, never a later one.

    What stands beside an entry and is not the server's word says nothing to a third person: a file's name as it came, and its
    key, which is locked for the archive alone.
    """
    chance = random.Random(2)
    (file,) = mirror.files(carried / "archive")
    whole, found = file.read_bytes(), records(carried)
    at, spans = SEGMENT_BYTES, []
    for n, record in enumerate(found, 1):
        packed = record.packed()
        free = [(packed.index(part), packed.index(part) + len(part)) for part in (record.key, record.label) if part]
        spans.append((n, at, at + len(packed), [(at + a, at + b) for a, b in free]))
        at += len(packed)
    assert at == len(whole)
    for n, start, end, free in spans:
        for _ in range(12):
            place = chance.randrange(start, end)
            if any(a <= place < b for a, b in free):
                continue
            file.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << chance.randrange(8)]) + whole[place + 1 :])
            with pytest.raises(errors.LedgerBroken) as caught:
                verify(carried)
            assert n <= caught.value.number <= n + 1
    for place in range(SEGMENT_BYTES):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(errors.LedgerBroken):
            verify(carried)


def _removed(n: int) -> Callable[[list[Record]], list[Record]]:
    return lambda found: found[:n] + found[n + 1 :]


def _doubled(n: int) -> Callable[[list[Record]], list[Record]]:
    return lambda found: found[: n + 1] + found[n:]


def _swapped(n: int) -> Callable[[list[Record]], list[Record]]:
    return lambda found: [*found[:n], found[n + 1], found[n], *found[n + 2 :]]


def test_an_entry_that_was_removed_doubled_or_swapped_is_named(carried: Path) -> None:
    """By the number at which the order ends to hold."""
    found = records(carried)
    for n in range(len(found) - 1):
        for change, number in ((_removed(n), n + 1), (_doubled(n), n + 2), (_swapped(n), n + 1)):
            write(carried, change(found))
            with pytest.raises(errors.LedgerBroken) as caught:
                verify(carried)
            assert caught.value.number == number


def test_a_forger_who_writes_the_chain_anew_lacks_the_servers_signature(carried: Path) -> None:
    """An entry removed, doubled, or told otherwise, and all that follows made to fit: the next receipt gives it away."""
    found = records(carried)
    at = packages(found)
    for n in range(1, at[-1]):
        for change in (_removed(n), _doubled(n)):
            if n in at and change(found)[n:] == found[n + 1 :] and not [p for p in at if p > n]:
                continue
            write(carried, chained(change(found)))
            with pytest.raises(errors.LedgerBroken) as caught:
                verify(carried)
            assert "tanda" in caught.value.part or "signature" in caught.value.part
    array = read_entry(found[at[0]].entry).receipt  # type: ignore[union-attr]
    for place in range(13):
        told = found[at[0]].entry
        value = array[place]
        if isinstance(value, bytes) and place != 10:
            told = told.replace(value, bytes(len(value)))
            forged = [*found[: at[0]], replace(found[at[0]], entry=told), *found[at[0] + 1 :]]
            write(carried, chained(forged))
            with pytest.raises(errors.LedgerBroken) as caught:
                verify(carried)
            assert caught.value.number == at[0] + 1


def test_an_archive_that_was_cut_short_is_found_by_what_a_school_knows(carried: Path, school: Sekolah) -> None:
    """The end of a chain proves nothing of what followed; a return's head and a school's receipts do."""
    found = records(carried)
    head = entry_value(found[-1].entry)
    told = [receipt_of(read_entry(found[n].entry).receipt, found[n].signature) for n in packages(found)]  # type: ignore[union-attr]
    assert verify(carried, heads=[head], receipts=told).entries == len(found)
    for left in range(1, len(found)):
        write(carried, found[:left])
        assert verify(carried).entries == left
        with pytest.raises(errors.ArchiveShort):
            verify(carried, heads=[head])
        if left <= packages(found)[-1]:
            with pytest.raises(errors.ArchiveShort):
                verify(carried, receipts=told[-1:])


def test_an_acts_content_cannot_be_exchanged(carried: Path) -> None:
    """Sealed as it is, it is the one that the entry names."""
    found = records(carried)
    acts = [n for n in range(len(found)) if n not in packages(found)]
    for n in acts:
        for content in (b"", found[n].content[:-1], found[acts[0 if n else 1]].content):
            write(carried, [*found[:n], replace(found[n], content=content), *found[n + 1 :]])
            with pytest.raises(errors.LedgerBroken) as caught:
                verify(carried)
            assert caught.value.number == n + 1


def test_keys_of_another_server_prove_nothing(carried: Path, tmp_path: Path) -> None:
    """The root decides: another one's keys do not make this archive hold."""
    stranger = Life(tmp_path / "lain")
    write_public_keys(stranger.server, carried / "umum.json")
    stranger.close()
    with pytest.raises(errors.LedgerBroken):
        verify(carried)
