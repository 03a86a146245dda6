"""Frame and header: one encoding, every other refused."""

from __future__ import annotations

import dataclasses
import uuid

import msgpack
import pytest

from exchange import errors
from exchange.format import container
from exchange.format.container import Header, Wrap, decode_header, encode_header, split_frame
from exchange.limits import CHUNK_BYTES, HEADER_BYTES_MAX
from exchange.records import PackageKind

SCOPE = uuid.UUID("0f0c0000-0000-4000-8000-000000000001")


def header(**changed: object) -> Header:
    plain = Header(
        suite=1,
        kind=PackageKind.KIRIM,
        scope=SCOPE.bytes,
        number=7,
        sender=b"pengirim",
        body_bytes=100,
        body_hash=bytes(32),
        commitment=b"k" * 32,
        wraps=(Wrap(b"penerima", bytes(80)),),
        certificates=((b"badan", bytes(64)),),
    )
    return dataclasses.replace(plain, **changed)  # type: ignore[arg-type]


def elements() -> list[object]:
    value: list[object] = msgpack.unpackb(encode_header(header()))
    return value


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"suite": 2, "wraps": (Wrap(b"penerima", bytes(1168)),)},
        {"kind": PackageKind.PREFILL, "certificates": ()},
        {"kind": PackageKind.BALASAN, "number": 2**32 - 1},
        {"body_bytes": 16},
        {"body_bytes": CHUNK_BYTES + 16},
        {"body_bytes": CHUNK_BYTES + 16 + 17},
        {"wraps": tuple(Wrap(bytes([n]) * 8, bytes(80)) for n in range(4))},
    ],
)
def test_a_header_comes_back_as_it_was_written(changed):
    assert decode_header(encode_header(header(**changed))) == header(**changed)


def test_the_largest_header_that_the_format_allows_fits_its_limit():
    large = header(
        suite=2,
        number=2**32 - 1,
        body_bytes=container.BODY_BYTES_MAX,
        wraps=tuple(Wrap(bytes([n]) * 8, bytes(1168)) for n in range(4)),
        certificates=tuple((bytes(container.CERTIFICATE_BYTES_MAX), bytes(64)) for _ in range(4)),
    )
    assert len(encode_header(large)) <= HEADER_BYTES_MAX


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0, 0),
        (0, True),
        (0, b"\x01"),
        (1, 0),
        (1, 6),
        (1, True),
        (2, bytes(15)),
        (2, bytes(17)),
        (2, 0),
        (3, 2**32),
        (3, True),
        (3, -1),
        (3, 7.0),
        (3, None),
        (4, bytes(7)),
        (4, "pengirim"),
        (5, 0),
        (5, 15),
        (5, True),
        (5, 2**40 + 1),
        (5, CHUNK_BYTES + 32),
        (5, CHUNK_BYTES + 16 + 15),
        (6, bytes(31)),
        (7, bytes(33)),
        (8, []),
        (8, {}),
        (8, [[b"penerima", bytes(80)]] * 2),
        (8, [[bytes([n]) * 8, bytes(80)] for n in range(5)]),
        (8, [[b"penerima", bytes(1168)]]),
        (8, [[b"penerima", bytes(79)]]),
        (8, [[b"penerima"]]),
        (8, [[b"penerima", bytes(80), 0]]),
        (8, [b"penerima"]),
        (9, None),
        (9, [b"badan"]),
        (9, [[b"badan"]]),
        (9, [[b"badan", bytes(64), 0]]),
        (9, [[b"", bytes(64)]]),
        (9, [[bytes(1537), bytes(64)]]),
        (9, [[b"badan", bytes(63)]]),
        (9, [["badan", bytes(64)]]),
        (9, [[b"badan", bytes(64)]] * 5),
        (9, b"badan"),
        (9, [msgpack.ExtType(1, b"badan")]),
    ],
)
def test_an_element_of_a_wrong_type_length_or_range_is_refused(at, value):
    fields = elements()
    fields[at] = value
    with pytest.raises(errors.HeaderBad):
        decode_header(msgpack.packb(fields))


@pytest.mark.parametrize("suite", [3, 4, 127, 2**32, 2**64 - 1])
def test_an_unknown_suite_is_newer_and_nothing_after_it_is_judged(suite):
    fields = elements()
    fields[0], fields[8] = suite, [[b"penerima", b"who knows what stands here"]]
    with pytest.raises(errors.FormatNewer) as caught:
        decode_header(msgpack.packb(fields))
    assert (caught.value.code, caught.value.found, caught.value.known) == ("KF-202", suite, 2)


def longer_forms() -> list[bytes]:
    """One header in encodings that say the same in more bytes."""
    plain = encode_header(header())
    number, scope_at, hash_at = plain.index(b"\x07"), plain.index(SCOPE.bytes), plain.index(bytes(32))
    return [
        b"\xdc\x00\x0a" + plain[1:],  # array16
        b"\xdd\x00\x00\x00\x0a" + plain[1:],  # array32
        plain[:1] + b"\xcc\x01" + plain[2:],  # suite as uint8
        plain[:1] + b"\xd0\x01" + plain[2:],  # suite as int8
        plain[:number] + b"\xcd\x00\x07" + plain[number + 1 :],
        plain[:number] + b"\xd3" + bytes(7) + b"\x07" + plain[number + 1 :],
        plain[: scope_at - 2] + b"\xc5\x00\x10" + plain[scope_at:],  # bin16
        plain[: hash_at - 2] + b"\xc6\x00\x00\x00\x20" + plain[hash_at:],  # bin32
        plain[: scope_at - 2] + b"\xd9\x10" + plain[scope_at:],  # str8
        plain + b"\x00",
        plain + b"\xc0",
    ]


@pytest.mark.parametrize("other", longer_forms())
def test_any_other_encoding_of_the_same_header_is_refused(other):
    with pytest.raises(errors.HeaderBad):
        decode_header(other)


@pytest.mark.parametrize("count", [0, 9, 11])
def test_a_header_has_exactly_ten_elements(count):
    with pytest.raises(errors.HeaderBad):
        decode_header(msgpack.packb([*elements(), 0][:count]))


def test_the_limits_are_those_of_the_page():
    """format.md 1.3: 1,536 bytes of a certificate, 2^40 of a body; one more of either is refused."""
    for size in (1, 1_536):
        found = decode_header(encode_header(header(certificates=((b"b" * size, bytes(64)),))))
        assert found.certificates == ((b"b" * size, bytes(64)),)
    for size in (16, 17, 65_552, 65_569, 2**40):
        assert decode_header(encode_header(header(body_bytes=size))).body_bytes == size
    for certificates in ([[b"", bytes(64)]], [[b"b" * 1_537, bytes(64)]]):
        with pytest.raises(errors.HeaderBad):
            decode_header(msgpack.packb([*elements()[:9], certificates]))
    for size in (0, 15, 65_553, 65_568, 2**40 + 1):
        with pytest.raises(errors.HeaderBad):
            decode_header(msgpack.packb([*elements()[:5], size, *elements()[6:]]))


@pytest.mark.parametrize("pair", [[5, bytes(64)], [[], bytes(64)], [b"badan", 5], [b"badan", []], [b"badan"], 5])
def test_a_certificate_is_two_byte_strings(pair):
    with pytest.raises(errors.HeaderBad):
        decode_header(msgpack.packb([*elements()[:9], [pair]]))


def test_a_header_of_more_bytes_than_any_is_refused_whatever_its_suite():
    """A newer program's header may say anything, in as many bytes as a header may have."""
    most = 16_384 - len(msgpack.packb([9, bytes(16_000)])) + 16_000
    with pytest.raises(errors.FormatNewer):
        decode_header(msgpack.packb([9, bytes(most)]))
    with pytest.raises(errors.HeaderBad):
        decode_header(msgpack.packb([9, bytes(most + 1)]))


def test_an_unknown_suite_is_told_with_the_newest_that_is_known():
    with pytest.raises(errors.FormatNewer) as caught:
        decode_header(msgpack.packb([9]))
    assert (caught.value.found, caught.value.known) == (9, 2)


def test_signed_bytes_hold_16_levels_and_16_items():
    for levels, items in ((16, 16), (1, 0)):
        value: list[object] = [0] * items
        for _ in range(levels - 1):
            value = [value]
        assert container.unpack(msgpack.packb(value), "uji") == value
    for levels, items in ((17, 0), (1, 17), (2, 17)):
        value = [0] * items
        for _ in range(levels - 1):
            value = [value]
        with pytest.raises(errors.HeaderBad):
            container.unpack(msgpack.packb(value), "uji")


@pytest.mark.parametrize("value", [[None], [True], [1.0], ["a"], [-1], [[[-1]]], [[b"", [False]]], [{}], [{1: 1}]])
def test_signed_bytes_hold_whole_numbers_bytes_and_arrays_only(value):
    with pytest.raises(errors.HeaderBad):
        container.unpack(msgpack.packb(value), "uji")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\xc1",
        b"\x9a",
        b"\xdd\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\x91" * 10_000,
        bytes([0x91]) * 1500 + b"\x00",
        b"\x80",
        b"\x9a" + b"\xd6\xff\x00\x00\x00\x00" * 10,
        bytes(HEADER_BYTES_MAX + 1),
    ],
)
def test_hostile_bytes_are_refused_before_they_cost_anything(data):
    with pytest.raises(errors.HeaderBad):
        decode_header(data)


def test_a_header_that_no_reader_would_take_is_never_written():
    for wrong in ({"number": 2**32}, {"wraps": ()}, {"scope": bytes(15)}, {"body_bytes": 3}, {"suite": 3}):
        with pytest.raises(ValueError, match="does not fit"):
            encode_header(header(**wrong))


def test_the_frame_gives_the_headers_length():
    prefix = container.signed_prefix(encode_header(header()))
    assert split_frame(prefix[:12]) == len(prefix) - 12


@pytest.mark.parametrize("length", range(12))
def test_a_file_that_ends_inside_its_frame_is_cut(length):
    with pytest.raises(errors.FileCut) as caught:
        split_frame(container.signed_prefix(b"x")[:length])
    assert (caught.value.size, caught.value.expected) == (length, 12)


@pytest.mark.parametrize("at", range(8))
def test_another_magic_is_not_ours(at):
    start = bytearray(container.signed_prefix(b"x")[:12])
    start[at] ^= 1
    for length in range(at + 1, 13):
        with pytest.raises(errors.NotOurs):
            split_frame(bytes(start[:length]))


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\x89KRM\n\x1a\n", b"\x89KRM\r\r\n\x1a\r\n", bytes(12), b"%PDF-1.7"])
def test_other_files_and_rewritten_line_ends_are_not_ours(start):
    with pytest.raises(errors.NotOurs):
        split_frame(start)


def test_a_later_format_is_newer_whatever_else_it_says():
    with pytest.raises(errors.FormatNewer) as caught:
        split_frame(container.MAGIC + b"\x02\xff\xff\xff")
    assert (caught.value.found, caught.value.known) == (2, 1)


@pytest.mark.parametrize("rest", [b"\x00\x00\x00\x09", b"\x01\x00\x00\x00", b"\x01\x00\x40\x01", b"\x01\xff\xff\xff"])
def test_a_format_or_length_that_was_never_written_is_refused(rest):
    with pytest.raises(errors.HeaderBad):
        split_frame(container.MAGIC + rest)


@pytest.mark.parametrize("length", [1, 16_384])
def test_a_header_has_1_to_16384_bytes(length):
    assert split_frame(container.MAGIC + b"\x01" + length.to_bytes(3, "big") + b"more") == length


def test_the_package_id_covers_frame_and_header_and_nothing_else():
    one = container.signed_prefix(encode_header(header()))
    other = container.signed_prefix(encode_header(header(number=8)))
    assert len(container.package_id(one)) == 32
    assert container.package_id(one) != container.package_id(other)


def test_a_scope_travels_as_16_bytes_and_comes_back_as_text():
    assert container.scope_text(container.scope_bytes(str(SCOPE).upper())) == str(SCOPE) == header().scope_id
    for wrong in ("not a uuid", b"short"):
        with pytest.raises(ValueError, match=r"UUID|16 bytes"):
            container.scope_bytes(wrong)
