"""Receipts are statements of their own; the archive's locks open one file each."""

from __future__ import annotations

import dataclasses

import pytest
from trust_world import OTHER_SCHOOL, SCHOOL, World, made

from exchange import errors
from exchange.format.certificate import KeyKind
from exchange.records import Counts, Receipt
from exchange.trust.archive import lock_file_key, unlock_file_key
from exchange.trust.receipts import check_receipt, sign_receipt

RECEIPT = Receipt(
    package_id=b"p" * 32,
    number=4,
    device=b"laptop-1",
    first=3,
    last=5,
    value=b"v" * 32,
    plaintext=b"t" * 32,
    counts=Counts(applied=5, same=1, conflict=2, refused=3, held=4),
    outcomes=b"o" * 32,
    previous=b"q" * 32,
    made_at=1_790_000_000,
    code=310,
)


def test_a_receipt_holds_as_it_was_signed():
    world = World()
    signed = sign_receipt(world.server, SCHOOL, RECEIPT)
    check_receipt(signed, SCHOOL, world.server.public)
    check_receipt(signed, SCHOOL, world.server_by_root.certificate)
    assert signed == sign_receipt(world.server, SCHOOL, signed)
    assert dataclasses.replace(signed, signature=b"") == RECEIPT


CHANGES = [
    *({f.name: 99} for f in dataclasses.fields(Receipt) if isinstance(getattr(RECEIPT, f.name), int)),
    *({f.name: b"\xff" * len(getattr(RECEIPT, f.name))} for f in dataclasses.fields(Receipt)
      if isinstance(getattr(RECEIPT, f.name), bytes) and f.name != "signature"),
    *({"counts": dataclasses.replace(RECEIPT.counts, **{f.name: 0})} for f in dataclasses.fields(Counts)),
    {"package_id": b"p" * 31},
    {"made_at": -1},
    {"signature": bytes(64)},
    {"signature": b""},
]  # fmt: skip


@pytest.mark.parametrize("changed", CHANGES)
def test_no_field_of_a_receipt_can_be_changed(changed):
    world = World()
    signed = sign_receipt(world.server, SCHOOL, RECEIPT)
    with pytest.raises(errors.SignatureBad):
        check_receipt(dataclasses.replace(signed, **changed), SCHOOL, world.server.public)


def test_a_receipt_is_one_schools_and_one_servers():
    world = World()
    signed = sign_receipt(world.server, SCHOOL, RECEIPT)
    with pytest.raises(errors.SignatureBad):
        check_receipt(signed, OTHER_SCHOOL, world.server.public)
    with pytest.raises(errors.SignatureBad):
        check_receipt(signed, SCHOOL, made("pusat lain", KeyKind.PUSAT).public)
    with pytest.raises(errors.SignatureBad):
        check_receipt(signed, SCHOOL, dataclasses.replace(world.server.public, kind=KeyKind.DINAS))


def test_only_the_server_signs_receipts_and_only_whole_ones():
    world = World()
    with pytest.raises(ValueError, match="only the server"):
        sign_receipt(world.device, SCHOOL, RECEIPT)
    with pytest.raises(ValueError, match="another size"):
        sign_receipt(world.server, SCHOOL, dataclasses.replace(RECEIPT, value=b""))


@pytest.mark.parametrize("suite", [1, 2])
def test_the_archive_opens_the_key_of_the_very_file_that_it_was_locked_for(suite):
    archive = made("arsip", KeyKind.ARSIP, suite)
    locked = lock_file_key(archive.public, b"p" * 32, b"F" * 32)
    assert unlock_file_key(archive, b"p" * 32, locked) == b"F" * 32
    for wrong in (
        lambda: unlock_file_key(archive, b"q" * 32, locked),
        lambda: unlock_file_key(made("arsip lain", KeyKind.ARSIP, suite), b"p" * 32, locked),
        lambda: unlock_file_key(archive, b"p" * 32, locked[:-1]),
        lambda: unlock_file_key(archive, b"p" * 32, lock_file_key(archive.public, b"p" * 32, b"short")),
    ):
        with pytest.raises(errors.WrapBad):
            wrong()
