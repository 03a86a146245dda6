"""The head approves exactly one chain."""

from __future__ import annotations

import dataclasses

import pytest
from trust_world import ASSIGNMENT, OTHER_ASSIGNMENT, OTHER_SCHOOL, SCHOOL, World

from exchange import errors
from exchange.format.certificate import KeyKind
from exchange.records import Approval, Position
from exchange.trust.approval import NO_ASSIGNMENT, ApprovalFacts, approve, check_approval
from exchange.trust.certificates import issue

FACTS = ApprovalFacts(
    scope=SCHOOL,
    device=b"laptop-1",
    first=3,
    last=5,
    value=b"v" * 32,
    have=Position(7, b"h" * 8),
    counts=[(12, 1, 2, 3), (4, 0, 9, 0)],
    consent_hash=b"c" * 32,
)


@pytest.fixture
def world():
    return World()


@pytest.fixture
def approval(world):
    return approve(world.head, FACTS, role=1, assignment=ASSIGNMENT, consent=1, made_at=1_790_000_000)


def test_an_approval_holds_for_what_was_approved(world, approval):
    check_approval(approval, FACTS, world.head.public)
    check_approval(approval, FACTS, world.head_by_code.certificate)


def test_the_order_in_which_tables_are_counted_does_not_matter(world, approval):
    turned = dataclasses.replace(FACTS, counts=list(reversed(FACTS.counts)))
    check_approval(approval, turned, world.head.public)
    assert approval == approve(world.head, turned, role=1, assignment=ASSIGNMENT, consent=1, made_at=1_790_000_000)


@pytest.mark.parametrize(
    "changed",
    [
        {"scope": OTHER_SCHOOL},
        {"device": b"laptop-2"},
        {"first": 2},
        {"last": 6},
        {"value": b"w" * 32},
        {"have": Position(8, b"h" * 8)},
        {"have": Position(7, b"i" * 8)},
        {"counts": [(12, 1, 2, 3)]},
        {"counts": [(12, 1, 2, 3), (4, 0, 9, 1)]},
        {"counts": [(12, 1, 2, 3), (4, 0, 9, 0), (5, 0, 0, 0)]},
        {"counts": []},
        {"counts": [(4, 0, 9, 0), (4, 0, 9, 0), (12, 1, 2, 3)]},
        {"consent_hash": b"d" * 32},
        {"value": b"v" * 31},
        {"last": -1},
        {"last": 2**64},
    ],
)
def test_it_holds_for_nothing_else(world, approval, changed):
    with pytest.raises(errors.ApprovalBad) as caught:
        check_approval(approval, dataclasses.replace(FACTS, **changed), world.head.public)
    assert caught.value.code == "KF-309"


@pytest.mark.parametrize(
    "changed",
    [
        {"role": 2},
        {"role": 0},
        {"role": 3},
        {"assignment": OTHER_ASSIGNMENT},
        {"assignment": b""},
        {"consent": 2},
        {"made_at": 0},
        {"made_at": -1},
        {"signature": bytes(64)},
        {"signature": b""},
    ],
)
def test_none_of_its_transmitted_fields_can_be_changed(world, approval, changed):
    altered: Approval = dataclasses.replace(approval, **changed)
    with pytest.raises(errors.ApprovalBad):
        check_approval(altered, FACTS, world.head.public)


def test_nobody_else_approves(world, approval):
    with pytest.raises(ValueError, match="head"):
        approve(world.device, FACTS, role=1, assignment=ASSIGNMENT, consent=1, made_at=0)
    stranger = dataclasses.replace(world.head.public, verify_key=world.stranger.public.verify_key)
    for other in (stranger, dataclasses.replace(world.head.public, kind=KeyKind.PERANGKAT)):
        with pytest.raises(errors.ApprovalBad):
            check_approval(approval, FACTS, other)


def test_a_head_certified_for_one_assignment_does_not_approve_for_another(world):
    other = approve(world.head, FACTS, role=1, assignment=OTHER_ASSIGNMENT, consent=1, made_at=0)
    check_approval(other, FACTS, world.head.public)
    with pytest.raises(errors.ApprovalBad):
        check_approval(other, FACTS, world.head_by_code.certificate)


def test_a_head_enrolled_before_anybody_was_assigned_approves_for_whoever_is(world, approval):
    early = issue(world.code, KeyKind.KEPALA, world.head.public, SCHOOL, 1, NO_ASSIGNMENT)
    check_approval(approval, FACTS, early.certificate)
