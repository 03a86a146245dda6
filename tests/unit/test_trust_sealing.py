"""Sealing: what a sender may ask for, and what never leaves."""

from __future__ import annotations

import io
import tracemalloc

import pytest
from trust_world import SCHOOL, World, made

from exchange.format import container
from exchange.format.certificate import KeyKind
from exchange.limits import MIB
from exchange.records import PackageKind
from exchange.trust.opening import VerifiedPackage, open_package
from exchange.trust.sealing import seal


def test_sizes_are_those_of_the_format():
    for suite, empty in ((1, 288), (2, 1377)):
        data, sealed = World(suite).pack(b"")
        assert sealed.size == len(data) == empty


def test_the_header_says_what_was_asked_for():
    world = World()
    data, _ = world.pack(number=9, certificates=[world.device_by_code])
    header = container.decode_header(data[12 : 12 + container.split_frame(data[:12])])
    assert (header.kind, header.scope_id, header.number, header.sender) == (
        PackageKind.KIRIM,
        SCHOOL,
        9,
        world.device.key_id,
    )
    assert [wrap.receiver for wrap in header.wraps] == [world.server.key_id]
    assert header.certificates == ((world.device_by_code.body, world.device_by_code.signature),)


def test_the_file_key_comes_from_the_randomness_given_and_stands_in_no_text():
    world = World()
    _, sealed = world.pack(random=lambda n: b"F" * n)
    assert sealed.file_key == b"F" * 32
    assert "FFFF" not in repr(sealed)


def test_no_plaintext_and_no_key_stands_in_the_file():
    world = World(2)
    data, sealed = world.pack(b"nama ibu kandung " * 40)
    for secret in (b"nama ibu", sealed.file_key, world.device.sign_seed, world.device.seal_seed):
        assert secret not in data


@pytest.mark.parametrize(
    "receivers",
    [
        [],
        [made("satu", KeyKind.PUSAT, 1).public, made("dua", KeyKind.PUSAT, 2).public],
        [made("satu", KeyKind.PUSAT, 1).public] * 2,
        [made(str(n), KeyKind.PUSAT, 1).public for n in range(5)],
    ],
)
def test_receivers_are_one_to_four_distinct_and_of_one_suite(receivers):
    world = World()
    with pytest.raises(ValueError, match=r"suite|does not fit"):
        seal(
            kind=PackageKind.KIRIM, scope=SCHOOL, number=1, sender=world.device, receivers=receivers,
            plaintext=[b""], out=io.BytesIO(),
        )  # fmt: skip


@pytest.mark.parametrize("wrong", [{"number": 2**32}, {"number": -1}, {"scope": "bukan uuid"}])
def test_what_no_header_can_carry_is_never_signed(wrong):
    with pytest.raises((ValueError, OverflowError)):
        World().pack(**wrong)


class Counted(io.RawIOBase):
    """Takes bytes and keeps none."""

    size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.size += len(data)
        return len(data)


def test_memory_stays_small_whatever_the_plaintext_is(tmp_path):
    world, out = World(), Counted()
    piece = bytes(100_000)
    tracemalloc.start()
    sealed = seal(
        kind=PackageKind.KIRIM, scope=SCHOOL, number=1, sender=world.device, receivers=[world.server.public],
        plaintext=(piece for _ in range(320)), out=out, folder=tmp_path,
    )  # fmt: skip
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert out.size == sealed.size > 30 * MIB
    assert peak < 6 * MIB
    assert list(tmp_path.iterdir()) == []


def test_opening_a_large_file_takes_no_more(tmp_path):
    world, path = World().at_the_server(), tmp_path / "besar.kirim"
    with path.open("wb") as out:
        seal(
            kind=PackageKind.KIRIM, scope=SCHOOL, number=1, sender=world.device, receivers=[world.server.public],
            plaintext=(bytes(100_000) for _ in range(320)), out=out, folder=tmp_path,
        )  # fmt: skip
    tracemalloc.start()
    with path.open("rb") as file:
        package = open_package(
            file,
            kinds=set(PackageKind),
            find=world.find,
            identities={world.server.key_id: world.server},
            folder=tmp_path,
        )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(package, VerifiedPackage)
    with package:
        assert package.body.seek(0, 2) == 32_000_000
    assert peak < 6 * MIB
    assert [entry.name for entry in tmp_path.iterdir()] == ["besar.kirim"]
