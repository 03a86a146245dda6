"""Damaged headers, certificates, manifests, changesets, outcomes, bodies and whole packages: refused by a code, at little cost."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange import errors
from exchange.format import container
from exchange.format.body import Item, read_body, write_body
from exchange.format.certificate import Certificate, KeyKind, decode_certificate
from exchange.format.changeset import decode_changeset, decode_head
from exchange.format.manifest import decode_manifest
from exchange.format.outcome import decode_outcome
from exchange.limits import MIB
from exchange.reading import Content, Found
from exchange.records import PackageKind
from exchange.schema import SCHEMA
from exchange.trust.certificates import anchor
from exchange.trust.keys import Identity, identity_from_seed
from exchange.trust.opening import VerifiedPackage, inspect_package, open_package
from exchange.trust.sealing import seal
from tests.fuzz.damage import damaged, each, either, only_ours, reshaped
from tests.fuzz.make_corpus import VECTORS, seeds

SCHOOL = "0f0c0000-0000-4000-8000-000000000001"
OWN: dict[str, Any] = json.loads((VECTORS / "packages.json").read_text())


def corpus(folder: str) -> list[bytes]:
    return [data for _, data in seeds(folder)]


def key(name: str) -> Identity:
    entry = OWN["keys"][name]
    return identity_from_seed(KeyKind(entry["kind"]), bytes.fromhex(entry["seed"]), entry["suite"])


SERVER, DEVICE = key("server"), key("device")
KNOWN = anchor(DEVICE.public, SCHOOL)
PARTS, MANIFESTS = corpus("part"), corpus("manifest")
CHANGESETS = [[data for name, data in seeds("part") if name.startswith(start)] for start in ("page", "every-form")]


def find(scope: bytes, key_id: bytes) -> Certificate | None:
    return KNOWN if key_id == KNOWN.key_id else None


def opened(data: bytes) -> VerifiedPackage:
    package = open_package(
        io.BytesIO(data), kinds={PackageKind.KIRIM}, find=find, identities={SERVER.key_id: SERVER}
    )
    assert isinstance(package, VerifiedPackage)
    return package


def sealed(plaintext: bytes) -> bytes:
    """Return a package whose sender means what he says."""
    out = io.BytesIO()
    seal(kind=PackageKind.KIRIM, scope=SCHOOL, number=1, sender=DEVICE, receivers=[SERVER.public], plaintext=[plaintext], out=out)
    return out.getvalue()


def shown(data: bytes) -> None:
    """Look at a file as anybody may: it never raises."""
    found = inspect_package(io.BytesIO(data))
    assert found.whole or found.error is not None


def changeset(parts: Iterable[bytes]) -> None:
    for block in decode_changeset(SCHEMA, SCHOOL, parts)[1]:
        assert block.count == len(block.rows())


def content(data: bytes) -> None:
    """Read a body to its end, as the flows do."""
    _, items = read_body(io.BytesIO(data), SCHEMA.version)
    for piece in Content(SCHEMA, SCHOOL, items):
        if isinstance(piece, Found):
            for block in piece.blocks:
                block.rows()
        elif piece.kind is Item.OUTCOME:
            decode_outcome(SCHEMA, piece.data)


def manifest(data: bytes) -> None:
    decode_manifest(data, SCHEMA.version)


def outcome(data: bytes) -> None:
    decode_outcome(SCHEMA, data)


# --- the corpus itself ------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "data"), [pair for pair in seeds("body") if not pair[0].startswith("odd")])
def test_bodies_of_the_corpus_are_whole(name, data):
    content(data)


@pytest.mark.parametrize("read", [manifest, outcome], ids=["manifest", "outcome"])
def test_other_plaintexts_of_the_corpus_are_whole(read):
    for data in corpus(read.__name__):
        read(data)


@pytest.mark.parametrize(("name", "code"), [("odd-two-frames", "KF-208"), ("odd-window", "KF-208")])
def test_traps_in_a_body_are_told(name, code):
    with only_ours(16), pytest.raises(errors.ExchangeError) as caught:
        content(dict(seeds("body"))[f"{name}.bin"])
    assert caught.value.code == code


def test_a_body_of_zeros_is_read_at_the_cost_of_its_largest_item():
    """24 MiB of nothing come from a few bytes; within the free amount they are read, item by item."""
    data = dict(seeds("body"))["odd-zeros.bin"]
    assert len(data) < 2_000
    with only_ours(96):
        content(data)


# --- damage -----------------------------------------------------------------------------------------


@settings(max_examples=300)
@given(either(corpus("header")))
def test_a_damaged_header_is_refused(data):
    each([container.decode_header, lambda data: shown(container.signed_prefix(data[:9999]) + bytes(90))], data, 2)


@settings(max_examples=200)
@given(either(corpus("certificate")))
def test_a_damaged_certificate_is_refused(data):
    each([decode_certificate], data, 2)


@settings(max_examples=200)
@given(damaged(corpus("package")))
def test_a_damaged_package_is_refused(data):
    """Byte by byte; whether it is another whole file of the corpus, only its sender decides."""
    each([shown, opened], data, 4)
    for whole in corpus("package"):
        if data.startswith(whole) and data != whole:
            with pytest.raises(errors.ExchangeError):
                opened(data)


@settings(max_examples=300)
@given(either(MANIFESTS))
def test_a_damaged_manifest_is_refused(data):
    each([manifest], data, 4)


@settings(max_examples=300)
@given(either(corpus("outcome")))
def test_a_damaged_outcome_is_refused(data):
    each([outcome], data, 4)


@st.composite
def parts(draw: st.DrawFn) -> list[bytes]:
    """A changeset with one part damaged, left out, moved or from another one."""
    found = list(draw(st.sampled_from(CHANGESETS)))
    at = draw(st.integers(0, len(found) - 1))
    how = draw(st.sampled_from(["damage", "damage", "damage", "leave", "double", "other"]))
    if how == "damage":
        found[at] = draw(either([found[at]]))
    elif how == "leave":
        del found[at]
    else:
        found.insert(at, found[at] if how == "double" else draw(st.sampled_from(PARTS)))
    return found


@settings(max_examples=600)
@given(parts())
def test_a_damaged_changeset_is_refused(given_parts):
    """Or it says something else: whatever is inside the seal, no reader breaks on it."""
    each([lambda _: changeset(given_parts), lambda _: decode_head(given_parts[0] if given_parts else b"")], b"", 32)


@settings(max_examples=200)
@given(damaged(corpus("body")))
def test_a_damaged_body_is_refused(data):
    each([content], data, 96)


@settings(max_examples=200)
@given(parts(), reshaped(corpus("outcome")), st.lists(st.tuples(st.sampled_from(Item), st.binary(max_size=40)), max_size=3))
def test_any_items_in_any_order_within_a_seal_are_read_or_refused(given_parts, told, strange):
    """A sender who can sign, and whose program is broken: the package opens, and what is inside is refused or read."""

    def items() -> Iterator[tuple[Item, bytes]]:
        for n, part in enumerate(given_parts):
            yield Item.BLOCK if n else Item.HEAD, part
        yield Item.OUTCOME, b"\0\0\0\1" + told
        yield from ((kind, b"" if kind is Item.NEXT else data) for kind, data in strange)

    said = decode_manifest(MANIFESTS[0], SCHEMA.version)
    plaintext = b"".join(write_body(said, items()))
    with opened(sealed(plaintext)) as package:
        each([content], package.body.read(), 32)


def test_the_memory_of_a_large_refusal_does_not_grow_with_the_claim():
    """A few bytes that announce gigabytes."""
    for data in (b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\x93\x01\x00\xc6\x7f\xff\xff\xff"):
        each([manifest, outcome, container.decode_header, decode_certificate, decode_head], data, 1)
        each([lambda data: changeset([PARTS[0], data])], data, 1)
    long = io.BytesIO(b"\xff\xff\xff" + bytes(MIB))
    with only_ours(1), pytest.raises(errors.TooLarge):
        read_body(long, SCHEMA.version)
