"""Orders and answers as bytes: they come back, and whatever is none is refused with a code of ours."""

from __future__ import annotations

import io

import pytest

from exchange.errors import Malformed, TooLarge
from exchange.format.container import pack
from exchange.format.order import (
    Order,
    OrderAnswer,
    OrderState,
    Verb,
    decode_answer,
    decode_order,
    encode_answer,
    encode_order,
    order_next,
)
from exchange.limits import ORDER_BYTES_MAX

ORDER = Order(7, bytes(range(32)), 1_793_000_000, Verb.CHANGE, "kepala sekolah.csv", b"table,id,column,value\r\n")
ANSWER = OrderAnswer(7, bytes(32), OrderState.REFUSED, 157, 7, bytes(range(32)), b'{"verb": "change"}')
FIELDS = [1, 7, bytes(32), 0, 4, b"nama", b"isi"]


@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize("content", [b"", b"npsn\r\n", bytes(100_000)])
def test_orders_come_back(verb: Verb, content: bytes) -> None:
    order = Order(2**32 - 1, bytes(32), 0, verb, "é" * 200, content)
    back = decode_order(encode_order(order))
    assert (back.number, back.verb, back.content) == (order.number, verb, content)
    assert order.label.startswith(back.label[:100])
    assert decode_order(encode_order(ORDER)) == ORDER


@pytest.mark.parametrize(
    ("at", "value"),
    [(0, 2), (0, b"\x01"), (1, 2**32), (1, b""), (2, bytes(31)), (2, 0), (3, b""), (4, 0), (4, len(Verb) + 1), (4, b"\x04"),
     (4, [1]), (5, 3), (5, bytes(256)), (6, 0), (6, [])],
)  # fmt: skip
def test_what_is_no_order_is_refused(at: int, value: object) -> None:
    fields = [*FIELDS[:at], value, *FIELDS[at + 1 :]]
    with pytest.raises(Malformed):
        decode_order(pack(fields))  # type: ignore[arg-type]


@pytest.mark.parametrize("data", [b"", b"\x90", pack([*FIELDS, 0]), pack(FIELDS[:6]), pack(FIELDS) + b"\x00", b"\x97\xcc\x01" + pack(FIELDS)[2:]])
def test_orders_have_one_encoding(data: bytes) -> None:
    with pytest.raises(Malformed):
        decode_order(data)


def test_the_limit_of_an_order_holds_on_both_sides() -> None:
    order = Order(1, bytes(32), 0, Verb.SCHOOL, "", bytes(ORDER_BYTES_MAX))
    with pytest.raises(TooLarge):
        encode_order(order)
    with pytest.raises(TooLarge):
        decode_order(bytes(ORDER_BYTES_MAX + 1))


def test_every_cut_and_every_flipped_bit_is_another_order_or_refused() -> None:
    """No other error leaves the reader, and no other bytes are the same order: the chain would not know them."""
    data = encode_order(ORDER)
    for other in [data[:n] for n in range(len(data))] + [
        bytes([*data[:at], data[at] ^ 1 << bit, *data[at + 1 :]]) for at in range(len(data)) for bit in range(8)
    ]:
        try:
            assert decode_order(other) != ORDER or encode_order(decode_order(other)) == other
        except (Malformed, TooLarge):
            continue
        assert order_next(bytes(32), other) != order_next(bytes(32), data)


@pytest.mark.parametrize("files", [[], [("KODE-00000001.txt", b"kode")], [("a", b""), ("b.c-d_e", bytes(1000))]])
def test_answers_come_back_with_their_files(files: list[tuple[str, bytes]]) -> None:
    assert decode_answer(io.BytesIO(b"".join(encode_answer(ANSWER, files)))) == (ANSWER, files)


@pytest.mark.parametrize("name", ["", "../kunci", "a/b", ".x", "a\\b", "a\0b", "x" * 121, "nama berkas"])
def test_a_name_that_could_lead_elsewhere_is_refused_by_both_sides(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        b"".join(encode_answer(ANSWER, [(name, b"")]))
    record = pack([name.encode(), b""])
    with pytest.raises(Malformed):
        decode_answer(io.BytesIO(b"".join(encode_answer(ANSWER, [])) + len(record).to_bytes(4, "big") + record))


def test_every_cut_and_every_flipped_bit_of_an_answer_leaves_no_other_error() -> None:
    data = b"".join(encode_answer(ANSWER, [("KODE-00000001.txt", b"kode")]))
    first = len(b"".join(encode_answer(ANSWER, [])))
    for other in [data[:n] for n in range(len(data)) if n != first] + [b"", data + b"\x00", b"\x00" * 8 + data]:
        with pytest.raises(Malformed):
            decode_answer(io.BytesIO(other))
    for at in range(len(data)):
        for bit in range(8):
            try:
                decode_answer(io.BytesIO(bytes([*data[:at], data[at] ^ 1 << bit, *data[at + 1 :]])))
            except Malformed:
                continue
