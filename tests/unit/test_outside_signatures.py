"""Outside signatures, put to our own two questions: is the key sound, and does the signature hold."""

from __future__ import annotations

import pytest

from exchange import errors
from exchange.format.certificate import NO_SCOPE, KeyKind
from exchange.trust.certificates import issue
from exchange.trust.keys import PublicIdentity, check_signature, identity_from_seed, is_sound
from tests.vectors.outside.reference import load, wycheproof

EDGE_CASES = load("cctv/ed25519vectors.json")
ROOT = identity_from_seed(KeyKind.AKAR, bytes(64), suite=1)


def holds(key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        check_signature(key, signature, message, errors.SignatureBad())
    except errors.SignatureBad:
        return False
    return True


@pytest.mark.parametrize("case", wycheproof("ed25519"), ids=lambda case: case["tcId"])
def test_a_signature_holds_exactly_where_wycheproof_says_so(case):
    key = bytes.fromhex(case["publicKey"]["pk"])
    assert is_sound(key)
    assert holds(key, bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"])) is (case["result"] == "valid")


def test_all_edge_cases_of_cctv_are_here():
    assert len(EDGE_CASES) == 914


@pytest.mark.parametrize("case", EDGE_CASES, ids=lambda case: case["number"])
def test_of_the_edge_cases_only_those_are_taken_that_our_rule_names(case):
    """Verification without cofactor under sound keys: RFC 8032's own bytes of A and R, A not of small order, nothing left over."""
    flags = set(case["flags"] or ())
    key, signature, message = bytes.fromhex(case["key"]), bytes.fromhex(case["sig"]), case["msg"].encode()
    assert is_sound(key) is not bool(flags & {"low_order_A", "non_canonical_A"})
    refused = {"low_order_A", "non_canonical_A", "non_canonical_R", "low_order_residue"}
    assert (is_sound(key) and holds(key, signature, message)) is not bool(flags & refused)


def test_no_unsound_key_of_cctv_is_ever_certified():
    keys = {case["key"] for case in EDGE_CASES if not is_sound(bytes.fromhex(case["key"]))}
    assert len(keys) == 14
    for key in keys:
        with pytest.raises(errors.CertificateBad) as caught:
            issue(ROOT, KeyKind.PUSAT, PublicIdentity(KeyKind.PUSAT, 1, bytes.fromhex(key), ROOT.public.seal_key), NO_SCOPE, 1)
        assert caught.value.part == "verify key"
