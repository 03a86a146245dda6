"""Each class of damage that age's test files have, once on our own container: by a sender who can sign, unless told otherwise.

The files themselves are in age's format; what is taken from them is their list. A class that our format cannot have, because it
sends no such thing, is named with the reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from trust_world import SCHOOL, World

from exchange import errors
from exchange.format import container
from exchange.limits import CHUNK_BYTES
from exchange.trust import chunks, wraps
from exchange.trust.sealing import HEADER_DOMAIN, WRAP_DOMAIN
from tests.vectors.outside.reference import load

CLASSES: dict[str, dict[str, str]] = {one["name"]: one for one in load("cctv/age-classes.json")}
FILE_KEY = b"\x33" * 32
BODY_KEY, COMMITMENT = chunks.split_file_key(FILE_KEY)
FULL = bytes(CHUNK_BYTES)
SMALL = b"perubahan"
WORLDS = {suite: World(suite).at_the_server() for suite in (1, 2)}
ORDER = 2**252 + 27742317777372353535851937790883648493
LOW_ORDER = bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")

Fields = list[Any]


# --- a sender who writes what he likes -------------------------------------------------------------


def chunk(counter: int, last: bool, plain: bytes) -> bytes:
    return chunks.AESGCM(BODY_KEY).encrypt(counter.to_bytes(11, "big") + bytes([last]), plain, None)


def body_of(*plain: bytes, marks: dict[int, bool] | None = None) -> bytes:
    """Return chunks of given plaintexts; ``marks`` sets other ones as the last, or not."""
    told = {len(plain) - 1: True} if marks is None else marks
    return b"".join(chunk(n, told.get(n, False), piece) for n, piece in enumerate(plain))


def forge(
    suite: int = 1,
    body: bytes = body_of(SMALL),
    *,
    secret: bytes = FILE_KEY,
    wrap: Callable[[bytes], Any] = lambda sealed: sealed,
    riders: Callable[[list[Any]], Any] = lambda wrapped: wrapped,
    header: Callable[[bytes], bytes] = lambda encoded: encoded,
    whole: Callable[[bytes, bytes, bytes], bytes] = lambda prefix, signature, body: prefix + signature + body,
) -> bytes:
    """Return a file that its sender has signed, with one thing about it changed.

    Args:
        suite: Of the receiver.
        body: Its length and hash stand in the header as they are.
        secret: What the wrap holds.
        wrap, riders, header: Change the wrap's bytes, the list of wraps, the header's bytes, all before they are signed.
        whole: Puts prefix, signature and body together.
    """
    world = WORLDS[suite]
    scope = container.scope_bytes(SCHOOL)
    fields: Fields = [suite, 2, scope, 1, world.device.key_id, len(body), hashlib.sha256(body).digest(), COMMITMENT]
    server = world.server.public
    sealed = wraps.wrap(suite, server.seal_key, secret, WRAP_DOMAIN + container.pack(fields))
    prefix = container.signed_prefix(
        header(container.pack([*fields, riders([[server.key_id, wrap(sealed)]]), []]))
    )
    return whole(prefix, world.device.sign(HEADER_DOMAIN + prefix), body)


def code_of(data: bytes, suite: int = 1) -> str:
    with pytest.raises(errors.ExchangeError) as caught:
        WORLDS[suite].open(data)
    return caught.value.code


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] if at >= 0 else flipped(data, at + len(data))


def stranger(suite: int) -> list[Any]:
    size = container.WRAP_BYTES[suite]
    return [b"siapa ya", bytes(size)]


def other_s(prefix: bytes, signature: bytes, body: bytes) -> bytes:
    """Put the group's order on top of S: the same signature in bytes that RFC 8032 refuses."""
    larger = int.from_bytes(signature[32:], "little") + ORDER
    return prefix + signature[:32] + larger.to_bytes(32, "little") + body


def longer(encoded: bytes) -> bytes:
    """Write the wrap's length in two bytes where one is enough."""
    front, rest = encoded[:-83], encoded[-83:]
    assert rest[:2] == b"\xc4\x50"
    return front + b"\xc5\x00\x50" + rest[2:]


def longer_hybrid(encoded: bytes) -> bytes:
    front, rest = encoded[:-1172], encoded[-1172:]
    assert rest[:3] == b"\xc5\x04\x90"
    return front + b"\xc6\x00\x00\x04\x90" + rest[3:]


TWO = (FULL, SMALL)

REFUSED: dict[str, tuple[str, Callable[[], bytes]]] = {
    # The front.
    "empty": ("KF-204", lambda: b""),
    "version_unsupported": ("KF-202", lambda: forge(whole=lambda p, s, b: p[:8] + b"\x02" + p[9:] + s + b)),
    "header_crlf": ("KF-201", lambda: forge().replace(b"\n", b"\r\n")),
    # What age's HMAC does, our signature does: nobody's file is changed unseen.
    "hmac_bad": ("KF-305", lambda: forge(whole=lambda p, s, b: p + flipped(s, 0) + b)),
    "hmac_extra_space": ("KF-305", lambda: forge(whole=lambda p, s, b: p + b" " + s + b)),
    "hmac_garbage": ("KF-305", lambda: forge(whole=lambda p, s, b: p + s[:32] + b"AAAA" + s[32:] + b)),
    "hmac_missing": ("KF-204", lambda: forge(whole=lambda p, s, b: p + b)),
    "hmac_no_space": ("KF-305", lambda: forge(whole=lambda p, s, b: p + s[1:] + b + b"\0")),
    "hmac_not_canonical": ("KF-305", lambda: forge(whole=other_s)),
    "hmac_trailing_space": ("KF-205", lambda: forge(whole=lambda p, s, b: p + s + b" " + b)),
    "hmac_truncated": ("KF-305", lambda: forge(whole=lambda p, s, b: p + s[:-1] + b)),
    # Wraps of suite 1.
    "x25519_bad_tag": ("KF-306", lambda: forge(wrap=lambda w: flipped(w, -1))),
    "x25519_extra_argument": ("KF-203", lambda: forge(riders=lambda r: [[*r[0], b"lagi"]])),
    "x25519_identity": ("KF-306", lambda: forge(wrap=lambda w: bytes(32) + w[32:])),
    "x25519_low_order": ("KF-306", lambda: forge(wrap=lambda w: LOW_ORDER + w[32:])),
    "x25519_long_file_key": ("KF-203", lambda: forge(secret=FILE_KEY + b"\0")),
    "x25519_long_share": ("KF-203", lambda: forge(wrap=lambda w: w[:32] + b"\0" + w[32:])),
    "x25519_short_share": ("KF-203", lambda: forge(wrap=lambda w: w[:31] + w[32:])),
    "x25519_lowercase": ("KF-203", lambda: forge(riders=lambda r: [["kunci-nya", r[0][1]]])),
    "x25519_no_match": ("KF-302", lambda: forge(riders=lambda r: [stranger(1)])),
    "x25519_not_canonical_body": ("KF-203", lambda: forge(header=longer)),
    "x25519_not_canonical_share": ("KF-203", lambda: forge(header=lambda h: h.replace(b"\xc4\x08", b"\xc5\0\x08"))),
    # Wraps of suite 2, by a sender whose other fields are right.
    "hybrid_bad_tag": ("KF-306", lambda: forge(2, wrap=lambda w: flipped(w, -1))),
    "hybrid_currupted_enc_mlkem": ("KF-306", lambda: forge(2, wrap=lambda w: flipped(w, 0))),
    "hybrid_currupted_enc_x25519": ("KF-306", lambda: forge(2, wrap=lambda w: flipped(w, 1088))),
    "hybrid_extra_argument": ("KF-203", lambda: forge(2, riders=lambda r: [[*r[0], b"lagi"]])),
    "hybrid_identity": ("KF-306", lambda: forge(2, wrap=lambda w: w[:1088] + bytes(32) + w[1120:])),
    "hybrid_low_order": ("KF-306", lambda: forge(2, wrap=lambda w: w[:1088] + LOW_ORDER + w[1120:])),
    "hybrid_long_file_key": ("KF-203", lambda: forge(2, secret=FILE_KEY + b"\0")),
    "hybrid_long_share": ("KF-203", lambda: forge(2, wrap=lambda w: w[:1120] + b"\0" + w[1120:])),
    "hybrid_short_share": ("KF-203", lambda: forge(2, wrap=lambda w: w[:1119] + w[1120:])),
    "hybrid_uppercase": ("KF-203", lambda: forge(2, riders=lambda r: [["KUNCINYA", r[0][1]]])),
    "hybrid_no_match": ("KF-302", lambda: forge(2, riders=lambda r: [stranger(2)])),
    "hybrid_not_canonical_body": ("KF-203", lambda: forge(2, header=longer_hybrid)),
    "hybrid_not_canonical_enc": ("KF-203", lambda: forge(2, header=lambda h: h.replace(b"\xc4\x08", b"\xc5\0\x08"))),
    "hybrid_x25519_arg": ("KF-203", lambda: forge(1, riders=lambda r: [[r[0][0], bytes(1168)]])),
    "hybrid_and_x25519": ("KF-203", lambda: forge(1, riders=lambda r: [*r, stranger(2)])),
    # The grammar of one wrap.
    "stanza_bad_start": ("KF-203", lambda: forge(riders=lambda r: [r[0][1]])),
    "stanza_base64_padding": ("KF-203", lambda: forge(header=lambda h: h[:-83] + b"\xc6\0\0\0\x50" + h[-81:])),
    "stanza_empty_argument": ("KF-203", lambda: forge(riders=lambda r: [[b"", r[0][1]]])),
    "stanza_empty_body": ("KF-203", lambda: forge(wrap=lambda w: b"")),
    "stanza_invalid_character": ("KF-203", lambda: forge(wrap=lambda w: "é" * 40)),
    "stanza_long_line": ("KF-203", lambda: forge(wrap=lambda w: w + b"\0")),
    "stanza_missing_body": ("KF-203", lambda: forge(riders=lambda r: [[r[0][0]]])),
    "stanza_missing_final_line": ("KF-203", lambda: forge(wrap=lambda w: w[:64])),
    "stanza_multiple_short_lines": ("KF-203", lambda: forge(wrap=lambda w: [w[:32], w[32:]])),
    "stanza_no_arguments": ("KF-203", lambda: forge(riders=lambda r: [[]])),
    "stanza_not_canonical": ("KF-203", lambda: forge(header=lambda h: h[:1] + b"\xcc\x01" + h[2:])),
    "stanza_spurious_cr": ("KF-203", lambda: forge(header=lambda h: h + b"\r")),
    # The chunks; header and signature are right for them.
    "stream_bad_tag": ("KF-307", lambda: forge(body=flipped(body_of(SMALL), -1))),
    "stream_bad_tag_second_chunk": ("KF-307", lambda: forge(body=flipped(body_of(*TWO), -1))),
    "stream_bad_tag_second_chunk_full": ("KF-307", lambda: forge(body=flipped(body_of(FULL, FULL), -1))),
    "stream_last_chunk_empty": ("KF-203", lambda: forge(body=body_of(FULL, b""))),
    "stream_missing_tag": ("KF-203", lambda: forge(body=body_of(SMALL)[:-16])),
    "stream_no_chunks": ("KF-203", lambda: forge(body=b"")),
    "stream_no_final": ("KF-307", lambda: forge(body=body_of(SMALL, marks={}))),
    "stream_no_final_full": ("KF-307", lambda: forge(body=body_of(FULL, marks={}))),
    "stream_no_final_two_chunks": ("KF-307", lambda: forge(body=body_of(*TWO, marks={}))),
    "stream_no_final_two_chunks_full": ("KF-307", lambda: forge(body=body_of(FULL, FULL, marks={}))),
    "stream_short_chunk": ("KF-307", lambda: forge(body=body_of(SMALL * 9)[:-1])),
    "stream_short_second_chunk": ("KF-307", lambda: forge(body=body_of(FULL, SMALL * 9)[:-1])),
    "stream_trailing_garbage_long": ("KF-307", lambda: forge(body=body_of(FULL) + bytes(64))),
    "stream_trailing_garbage_short": ("KF-203", lambda: forge(body=body_of(FULL) + bytes(9))),
    "stream_two_final_chunks": ("KF-307", lambda: forge(body=body_of(*TWO, marks={0: True, 1: True}))),
    "stream_two_final_chunks_full": ("KF-307", lambda: forge(body=body_of(FULL, FULL, marks={0: True, 1: True}))),
    "stream_two_final_chunks_second": (
        "KF-307",
        lambda: forge(body=body_of(FULL, FULL, SMALL, marks={1: True, 2: True})),
    ),
    "stream_two_final_chunks_short": ("KF-307", lambda: forge(body=chunk(0, True, SMALL) + chunk(1, True, SMALL))),
}
"""By age's name: the code and the file."""

TAKEN: dict[str, tuple[int, Callable[[], bytes], bytes]] = {
    "hybrid": (2, lambda: forge(2), SMALL),
    "hybrid_grease": (2, lambda: forge(2, riders=lambda r: [stranger(2), *r]), SMALL),
    "hybrid_multiple_recipients": (2, lambda: forge(2, riders=lambda r: [*r, stranger(2)]), SMALL),
    "x25519_grease": (1, lambda: forge(riders=lambda r: [stranger(1), *r]), SMALL),
    "x25519_multiple_recipients": (1, lambda: forge(riders=lambda r: [*r, stranger(1)]), SMALL),
    "stream_257_chunks": (1, lambda: forge(body=body_of(*[FULL] * 256, SMALL)), FULL * 256 + SMALL),
    "stream_257_chunks_full": (1, lambda: forge(body=body_of(*[FULL] * 257)), FULL * 257),
    "stream_258_chunks": (1, lambda: forge(body=body_of(*[FULL] * 257, SMALL)), FULL * 257 + SMALL),
    "stream_empty_payload": (1, lambda: forge(body=body_of(b"")), b""),
    "stream_last_chunk_full": (1, lambda: forge(body=body_of(FULL)), FULL),
    "stream_last_chunk_full_second": (1, lambda: forge(body=body_of(FULL, FULL)), FULL * 2),
    "stream_two_chunks": (1, lambda: forge(body=body_of(*TWO)), FULL + SMALL),
    "stream_three_chunks": (1, lambda: forge(body=body_of(FULL, FULL, SMALL)), FULL * 2 + SMALL),
}
"""By age's name: the suite, the file and its plaintext."""

CANNOT_BE = {
    "stanza_empty_last_line": "a wrap is bytes of one length; it has no lines",
    "stanza_valid_characters": "a receiver is named by 8 bytes, any of them",
    "stream_no_nonce": "no nonce travels: the body's key is used once, and counts",
    "stream_short_nonce": "no nonce travels: the body's key is used once, and counts",
}

STRICTER = {"hybrid_and_x25519": "one suite a file", "stanza_empty_body": "a wrap of suite s has WRAP_BYTES[s] bytes"}
"""What age opens and we refuse."""


def test_every_class_of_age_has_its_damage_here():
    assert len(CLASSES) == 84
    assert sorted([*REFUSED, *TAKEN, *CANNOT_BE]) == sorted(CLASSES)


def test_nothing_opens_here_that_age_refuses():
    opens = {name for name, told in CLASSES.items() if told["expect"] == "success"}
    assert opens >= set(TAKEN)
    assert opens & set(REFUSED) == set(STRICTER)


@pytest.mark.parametrize("name", REFUSED)
def test_a_class_of_damage_is_refused_under_its_code(name):
    code, make = REFUSED[name]
    mixed = {"hybrid_x25519_arg", "hybrid_and_x25519"}
    assert code_of(make(), 2 if name.startswith("hybrid") and name not in mixed else 1) == code


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_only_unusual_opens(name):
    suite, make, plain = TAKEN[name]
    assert WORLDS[suite].read(make()) == plain


def test_a_wrap_under_our_name_that_was_sealed_to_another_key_is_told():
    other = WORLDS[1].stranger.public.seal_key
    assert code_of(forge(wrap=lambda w: wraps.wrap(1, other, FILE_KEY, b""))) == "KF-306"


def test_a_file_key_other_than_the_announced_one_opens_nothing():
    assert code_of(forge(secret=b"\x34" * 32)) == "KF-306"
