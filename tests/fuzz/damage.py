"""Ways of damaging a file, and the one law of every reader: our own errors, and no more memory than a little file may cost."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgpack
from hypothesis import strategies as st

from exchange import errors
from exchange.limits import MIB

NUMBERS = st.sampled_from([0, 1, 2, 16, 127, 128, 255, 256, 4096, 4097, 65535, 65536, 2**24 - 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1])


@contextmanager
def only_ours(mebibytes: int) -> Iterator[None]:
    """Let errors of ours pass, if they can be told; nothing else, and not more memory than that."""
    is_first = not tracemalloc.is_tracing()
    if is_first:
        tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        refused: errors.ExchangeError | None = None
        try:
            yield
        except errors.ExchangeError as error:
            refused = error
        assert refused is None or (refused.code != errors.OwnFault.code and str(refused).startswith(refused.code))
        taken = tracemalloc.get_traced_memory()[1] - before
        assert taken < mebibytes * MIB, f"{taken:,} bytes"
    finally:
        if is_first:
            tracemalloc.stop()


@st.composite
def damaged(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """Bytes of a seed with a few things done to them."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.sampled_from([1, 2, 4, 8, 40, 400])))
        how = draw(st.sampled_from(["bit", "byte", "cut", "leave", "double", "put", "number", "other"]))
        if how == "bit" and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "byte" and at < len(data):
            data[at] = draw(st.sampled_from([0, 1, 0x7F, 0x80, 0x90, 0xC0, 0xC4, 0xC6, 0xDD, 0xDF, 0xFF]))
        elif how == "cut":
            del data[at:]
        elif how == "leave":
            del data[at:end]
        elif how == "double":
            data[at:at] = data[at:end]
        elif how == "put":
            data[at:at] = draw(st.binary(max_size=20))
        elif how == "number":
            size = draw(st.sampled_from([1, 2, 3, 4, 8]))
            order = draw(st.sampled_from(["big", "little"]))
            data[at : at + size] = (draw(NUMBERS) % (1 << 8 * size)).to_bytes(size, order)  # type: ignore[arg-type]
        elif how == "other":
            other = draw(st.sampled_from(seeds))
            data[at:] = other[draw(st.integers(0, len(other))) :]
    return bytes(data)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | NUMBERS
    | st.integers(-(2**63), -1)
    | st.binary(max_size=20)
    | st.sampled_from([bytes(8), bytes(16), bytes(32), bytes(64), b"\xff" * 16])
    | st.text(max_size=5)
    | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.integers(0, 9), inner, max_size=2),
    max_leaves=8,
)


@st.composite
def reshaped(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """Msgpack of a seed with a few of its values replaced, left out, doubled or moved: well-formed, and wrong."""
    value: Any = msgpack.unpackb(draw(st.sampled_from(seeds)), raw=False)
    for _ in range(draw(st.integers(1, 3))):
        within = value
        while type(within) is list and within:
            at = draw(st.integers(0, len(within) - 1))
            if type(within[at]) is list and within[at] and draw(st.booleans()):
                within = within[at]
                continue
            how = draw(st.sampled_from(["value", "value", "bytes", "leave", "double", "wrap", "swap"]))
            if how == "value":
                within[at] = draw(VALUES)
            elif how == "bytes" and type(within[at]) is bytes:
                within[at] = draw(damaged([within[at]]))
            elif how == "leave":
                del within[at]
            elif how == "double":
                within.insert(at, within[at])
            elif how == "wrap":
                within[at] = [within[at]]
            else:
                other = draw(st.integers(0, len(within) - 1))
                within[at], within[other] = within[other], within[at]
            break
    return bytes(msgpack.packb(value, use_bin_type=True))


def either(seeds: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Damage of bytes, damage of values, or no relation to the seeds."""
    return damaged(seeds) | reshaped(seeds) | VALUES.map(msgpack.packb) | st.binary(max_size=60)


def each(readers: Sequence[Callable[[bytes], object]], data: bytes, mebibytes: int) -> None:
    """Put the same bytes before several readers."""
    for read in readers:
        with only_ours(mebibytes):
            read(data)
