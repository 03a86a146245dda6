"""Keys at rest: owner-only files, the head's under a passphrase, hostile files refused."""

from __future__ import annotations

import hashlib
import os
import stat

import msgpack
import pytest
from trust_world import made

from exchange import errors
from exchange.format.certificate import KeyKind
from exchange.trust.keyfiles import (
    HEAD_COST,
    Argon2Cost,
    check_passphrase,
    head_public,
    load_identity,
    open_head_key,
    save_head_key,
    save_identity,
)

CHEAP = Argon2Cost(memory_kib=64, passes=1, lanes=1)
PHRASE = "kuda makan apel"


@pytest.mark.parametrize("kind", sorted(KeyKind))
@pytest.mark.parametrize("suite", [1, 2])
def test_keys_come_back_from_their_file(tmp_path, kind, suite):
    identity = made("apa saja", kind, suite)
    save_identity(tmp_path / "kunci" / "berkas", identity)
    assert load_identity(tmp_path / "kunci" / "berkas") == identity


def test_a_receiving_half_comes_back_as_one(tmp_path):
    half = made("kode", KeyKind.KODE_PERANGKAT).receiving_half()
    save_identity(tmp_path / "kode", half)
    assert load_identity(tmp_path / "kode") == half
    assert load_identity(tmp_path / "kode").sign_seed == b""


def test_key_files_are_readable_by_their_owner_only_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        save_identity(tmp_path / "pusat", made("pusat", KeyKind.PUSAT))
        save_head_key(tmp_path / "kepala", made("kepala", KeyKind.KEPALA), PHRASE, cost=CHEAP)
    finally:
        os.umask(before)
    for name in ("pusat", "kepala"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_keys_are_never_overwritten(tmp_path):
    first = made("pertama", KeyKind.PUSAT)
    save_identity(tmp_path / "pusat", first)
    with pytest.raises(errors.FileExists):
        save_identity(tmp_path / "pusat", made("kedua", KeyKind.PUSAT))
    assert load_identity(tmp_path / "pusat") == first
    assert [path.name for path in tmp_path.iterdir()] == ["pusat"]


def test_a_missing_key_file_has_its_code(tmp_path):
    for read in (load_identity, head_public, lambda path: open_head_key(path, PHRASE)):
        with pytest.raises(errors.KeysMissing) as caught:
            read(tmp_path / "tidak ada")
        assert caught.value.code == "KF-111"


def test_a_damaged_key_file_is_refused_at_every_byte(tmp_path):
    identity, path = made("pusat", KeyKind.PUSAT), tmp_path / "pusat"
    save_identity(path, identity)
    data = path.read_bytes()
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(errors.KeysMissing):
            load_identity(path)
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(errors.KeysMissing):
            load_identity(path)


@pytest.mark.parametrize("data", [b"", b"-----BEGIN PRIVATE KEY-----", bytes(2_000), b"kirim/1 berkas kunci\x00\xc0"])
def test_another_file_is_no_key_file(tmp_path, data):
    (tmp_path / "pusat").write_bytes(data)
    for read in (load_identity, head_public):
        with pytest.raises(errors.KeysMissing):
            read(tmp_path / "pusat")


def test_the_heads_key_opens_with_the_heads_passphrase_and_with_no_other(tmp_path):
    head = made("kepala", KeyKind.KEPALA)
    save_head_key(tmp_path / "kepala", head, PHRASE)
    assert open_head_key(tmp_path / "kepala", PHRASE) == head
    assert head.sign_seed not in (tmp_path / "kepala").read_bytes()
    with pytest.raises(errors.PassphraseWrong):
        open_head_key(tmp_path / "kepala", PHRASE + " ")


def test_whose_key_it_is_shows_without_the_passphrase(tmp_path):
    head = made("kepala", KeyKind.KEPALA)
    save_head_key(tmp_path / "kepala", head, PHRASE, cost=CHEAP)
    assert head_public(tmp_path / "kepala") == head.public


def test_a_passphrase_may_be_replaced(tmp_path):
    head, path = made("kepala", KeyKind.KEPALA), tmp_path / "kepala"
    save_head_key(path, head, PHRASE, cost=CHEAP)
    with pytest.raises(errors.FileExists):
        save_head_key(path, head, "yang lain sama sekali", cost=CHEAP)
    save_head_key(path, head, "yang lain sama sekali", cost=CHEAP, replace=True)
    assert open_head_key(path, "yang lain sama sekali") == head
    with pytest.raises(errors.PassphraseWrong):
        open_head_key(path, PHRASE)


def test_a_passphrase_has_twelve_characters_of_any_kind(tmp_path):
    for good in ("x" * 12, " " * 12, "ꦲꦤꦕꦫꦏꦢꦠꦱꦮꦭꦥꦝ", "é" * 12, "\udcff" * 12):
        check_passphrase(good)
    for length in range(12):
        with pytest.raises(errors.PassphraseShort) as caught:
            save_head_key(tmp_path / "kepala", made("kepala", KeyKind.KEPALA), "x" * length)
        assert (caught.value.length, caught.value.least) == (length, 12)
    assert not (tmp_path / "kepala").exists()


def test_composed_and_decomposed_letters_are_one_passphrase(tmp_path):
    head = made("kepala", KeyKind.KEPALA)
    save_head_key(tmp_path / "kepala", head, "sekolah café", cost=CHEAP)
    assert open_head_key(tmp_path / "kepala", "sekolah cafe\u0301") == head
    with pytest.raises(errors.PassphraseShort):
        check_passphrase("e\u0301" * 11)


def test_guessing_costs_what_rfc_9106_advises():
    assert (HEAD_COST.memory_kib, HEAD_COST.passes, HEAD_COST.lanes) == (65_536, 3, 4)
    assert HEAD_COST.is_bearable()


@pytest.mark.parametrize(
    ("memory", "passes", "lanes"),
    [
        (2**32 - 1, 3, 4),
        (2**18 + 1, 3, 4),
        (65_536, 0, 4),
        (65_536, 17, 4),
        (65_536, 2**32 - 1, 4),
        (65_536, 3, 0),
        (65_536, 3, 17),
        (7, 1, 1),
        (0, 0, 0),
    ],
)
def test_a_file_that_asks_for_unbearable_work_is_refused_before_any_is_done(tmp_path, memory, passes, lanes):
    path = tmp_path / "kepala"
    save_head_key(path, made("kepala", KeyKind.KEPALA), PHRASE, cost=CHEAP)
    fields = msgpack.unpackb(path.read_bytes()[len(b"kirim/1 kunci kepala\x00") :])
    fields[4:7] = memory, passes, lanes
    path.write_bytes(b"kirim/1 kunci kepala\x00" + msgpack.packb(fields))
    with pytest.raises(errors.KeysMissing):
        open_head_key(path, PHRASE)


def test_a_head_file_changed_anywhere_does_not_open(tmp_path):
    path = tmp_path / "kepala"
    save_head_key(path, made("kepala", KeyKind.KEPALA), PHRASE, cost=CHEAP)
    data = path.read_bytes()
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises((errors.KeysMissing, errors.PassphraseWrong)):
            open_head_key(path, PHRASE)


@pytest.mark.parametrize(
    ("at", "value"), [(0, 2), (1, 3), (2, 9), (3, bytes(31)), (7, b""), (8, 0), (9, bytes(47)), (4, b"")]
)
def test_a_head_file_of_another_shape_is_refused(tmp_path, at, value):
    path = tmp_path / "kepala"
    save_head_key(path, made("kepala", KeyKind.KEPALA), PHRASE, cost=CHEAP)
    fields = msgpack.unpackb(path.read_bytes()[len(b"kirim/1 kunci kepala\x00") :])
    fields[at] = value
    path.write_bytes(b"kirim/1 kunci kepala\x00" + msgpack.packb(fields))
    with pytest.raises(errors.KeysMissing):
        open_head_key(path, PHRASE)


def test_a_folder_that_cannot_be_written_to_has_its_code(tmp_path):
    (tmp_path / "berkas").write_bytes(b"")
    with pytest.raises(errors.FolderUnwritable):
        save_identity(tmp_path / "berkas" / "pusat", made("pusat", KeyKind.PUSAT))


def test_a_key_file_that_contradicts_itself_is_refused(tmp_path):
    """Somebody put another verify key or a field more into it and counted the sum again."""
    path, domain = tmp_path / "pusat", b"kirim/1 berkas kunci\x00"
    save_identity(path, made("pusat", KeyKind.PUSAT))
    fields = msgpack.unpackb(path.read_bytes()[len(domain) :])[:6]
    other = [*fields[:3], made("lain", KeyKind.PUSAT).public.verify_key, *fields[4:]]
    for wrong in (other, [*fields, b""], fields[:5], [2, *fields[1:]], [fields[0], 9, *fields[2:]]):
        total = hashlib.sha256(domain + msgpack.packb(wrong)).digest()[:8]
        path.write_bytes(domain + msgpack.packb([*wrong, total]))
        with pytest.raises(errors.KeysMissing):
            load_identity(path)
