"""A district's order and the server's answer as bytes: what stands inside the seals of a *surat* and a *jawaban*.

Source:
    docs/format.md, section 9.
"""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from exchange.errors import HeaderBad, Malformed, TooLarge
from exchange.format.container import HASH_BYTES, UINT32_MAX, exact_bytes, exact_uint, pack, scope_bytes, unpack
from exchange.limits import ANSWER_BYTES_MAX, ORDER_BYTES_MAX

_DOMAIN = b"kirim/1 surat\x00"
_FORM = 1
LABEL_BYTES_MAX = 255
_LENGTH_BYTES = 4
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
"""Names of files in an answer: they become names on a disk."""


class Verb(enum.IntEnum):
    """What an order asks for."""

    REPORT = 1
    SCHOOL = 2
    CODE = 3
    CHANGE = 4
    KEY = 5
    COPY = 6


class OrderState(enum.IntEnum):
    """What became of an order."""

    DONE = 1
    REFUSED = 2
    HELD = 3


@dataclass(frozen=True, slots=True)
class Order:
    """What a district orders: one thing, done whole or not at all.

    Attributes:
        number: Its number in the chain of this district's key, from 1.
        previous: Value of that chain before it (32 bytes).
        made_at: Seconds since 1970 by the office's clock; information only.
        verb: What is asked for.
        label: Name of the list that it was made from, for messages.
        content: The list, CSV or Excel; empty for a report.
    """

    number: int
    previous: bytes
    made_at: int
    verb: Verb
    label: str
    content: bytes


@dataclass(frozen=True, slots=True)
class OrderAnswer:
    """What the server says of one order.

    Attributes:
        number: The order's.
        package_id: What names the order (32 bytes).
        state: What became of it.
        code: Number of the code under which it was refused or waits, else 0.
        last: Number of the last order of this key that the server has taken.
        value: Value of the chain there (32 bytes).
        report: What is to be told, as JSON.
    """

    number: int
    package_id: bytes
    state: OrderState
    code: int
    last: int
    value: bytes
    report: bytes


def order_start(scope: str | bytes, key: bytes) -> bytes:
    """Return the value of a district's chain of orders before the first one.

    Example:
        >>> order_start(bytes(16), bytes(8)).hex()[:16]
        '4e52765497b272a6'
    """
    return hashlib.sha256(_DOMAIN + scope_bytes(scope) + key).digest()


def order_next(value: bytes, plaintext: bytes) -> bytes:
    """Return the chain's value after an order."""
    return hashlib.sha256(value + hashlib.sha256(plaintext).digest()).digest()


def encode_order(order: Order) -> bytes:
    """Return an order's bytes.

    Raises:
        TooLarge: KF-207, more than 8 MiB.
    """
    data = pack(
        [
            _FORM,
            order.number,
            order.previous,
            order.made_at,
            int(order.verb),
            order.label.encode("utf-8", "replace")[:LABEL_BYTES_MAX],
            order.content,
        ]
    )
    if len(data) > ORDER_BYTES_MAX:
        raise TooLarge(part="order", limit=ORDER_BYTES_MAX)
    return data


def decode_order(data: bytes) -> Order:
    """Return the order that bytes hold.

    Raises:
        TooLarge: KF-207, more than 8 MiB.
        Malformed: KF-208, whatever else they are, an order that this program does not know included.
    """
    if len(data) > ORDER_BYTES_MAX:
        raise TooLarge(part="order", limit=ORDER_BYTES_MAX)
    try:
        fields = unpack(data, "order")
        if len(fields) != 7 or fields[0] != _FORM:
            raise Malformed(part="order")
        _, number, previous, made_at, verb, label, content = fields
        if type(content) is not bytes or type(label) is not bytes or len(label) > LABEL_BYTES_MAX:
            raise Malformed(part="order")
        return Order(
            exact_uint(number, UINT32_MAX, "number"),
            exact_bytes(previous, (HASH_BYTES,), "previous"),
            exact_uint(made_at, UINT32_MAX, "made"),
            Verb(exact_uint(verb, 99, "verb")),
            label.decode("utf-8", "replace"),
            content,
        )
    except HeaderBad as error:
        raise Malformed(part=error.part) from error
    except ValueError as error:  # an order that this program does not know
        raise Malformed(part="order") from error


def encode_answer(answer: OrderAnswer, files: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """Yield an answer's bytes: what is said of the order, then the files that come with it."""
    a = answer
    yield _record(pack([_FORM, a.number, a.package_id, int(a.state), a.code, a.last, a.value, a.report]))
    for name, content in files:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name} is no name of a file in an answer")
        yield _record(pack([name.encode(), content]))


def decode_answer(file: IO[bytes]) -> tuple[OrderAnswer, list[tuple[str, bytes]]]:
    """Return what an answer says and the files that it brings.

    Raises:
        TooLarge: KF-207, more than 256 MiB.
        Malformed: KF-208, whatever else it is; a file's name that could lead elsewhere, too.
    """
    data = file.read(ANSWER_BYTES_MAX + 1)
    if len(data) > ANSWER_BYTES_MAX:
        raise TooLarge(part="answer", limit=ANSWER_BYTES_MAX)
    try:
        first, *rest = [unpack(record, "answer") for record in _records(data)]
        form, number, package, state, code, last, value, report = first
        if form != _FORM or type(report) is not bytes:
            raise Malformed(part="answer")
        said = OrderAnswer(
            exact_uint(number, UINT32_MAX, "number"),
            exact_bytes(package, (HASH_BYTES,), "package"),
            OrderState(exact_uint(state, 9, "state")),
            exact_uint(code, 999, "code"),
            exact_uint(last, UINT32_MAX, "last"),
            exact_bytes(value, (HASH_BYTES,), "value"),
            report,
        )
        return said, [_file(fields) for fields in rest]
    except HeaderBad as error:
        raise Malformed(part=error.part) from error
    except ValueError as error:
        raise Malformed(part="answer") from error


def _record(data: bytes) -> bytes:
    return len(data).to_bytes(_LENGTH_BYTES, "big") + data


def _records(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + _LENGTH_BYTES], "big")
        at += _LENGTH_BYTES
        if not size or at + size > len(data):
            raise Malformed(part="answer")
        yield data[at : at + size]
        at += size


def _file(fields: Sequence[object]) -> tuple[str, bytes]:
    name, content = fields
    if type(name) is not bytes or type(content) is not bytes:
        raise Malformed(part="answer")
    text = name.decode("ascii", "replace")
    if not _NAME.fullmatch(text):
        raise Malformed(part="name")
    return text, content
