"""The decision, told once more as a table (architecture.md 6, protocol.md 9 to 11), for every case that there is."""

from __future__ import annotations

import itertools

import pytest

from exchange import errors
from exchange.merge.decision import (
    NEWER_LAPTOP_WINS,
    Verdict,
    decide,
    decide_delete,
    insert_allowed,
    may_set,
    says_nothing,
)
from exchange.records import Cause, Outcome
from exchange.schema import SCHEMA
from exchange.schema.model import Group, Policy

CENTRE = [Cause.VERVAL, Cause.DINAS, Cause.PUSAT, Cause.KIP]
OWN_OR_NOBODY = [None, Cause.SEKOLAH]
ANYBODY = [*OWN_OR_NOBODY, *CENTRE]

SAME = Verdict(Outcome.SAME, taken=False)
APPLIED = Verdict(Outcome.APPLIED, taken=True)
SCHOOL_WON = Verdict(Outcome.CONFLICT, taken=True, reason=errors.BOTH_SCHOOL_WON)
CENTRE_WON = Verdict(Outcome.CONFLICT, taken=False, reason=errors.BOTH_CENTRE_WON)


def refused(reason: errors.Reason) -> Verdict:
    return Verdict(Outcome.REFUSED, taken=False, reason=reason)


OPEN = [(Policy.SEKOLAH, False), (Policy.SEKOLAH, True), (Policy.TERKUNCI, False), (Policy.KIP, False)]
"""(policy, locked) of groups that a school may set."""
CLOSED = {
    (Policy.PUSAT, False): errors.OWNED_BY_PUSAT,
    (Policy.PUSAT, True): errors.OWNED_BY_PUSAT,
    (Policy.DINAS, False): errors.OWNED_BY_DINAS,
    (Policy.DINAS, True): errors.OWNED_BY_DINAS,
    (Policy.TERKUNCI, True): errors.LOCKED,
    (Policy.KIP, True): errors.LOCKED_KIP,
}
"""Of those that it may not, with the reason."""


def test_the_two_lists_name_every_policy_locked_and_not():
    assert {*OPEN, *CLOSED} == set(itertools.product(Policy, (False, True)))


@pytest.mark.parametrize(("policy", "locked"), [*OPEN, *CLOSED])
def test_an_equal_value_is_no_conflict_whoever_spoke(policy, locked):
    for unseen in ANYBODY:
        assert decide(policy, equal=True, unseen=unseen, locked=locked) == SAME


@pytest.mark.parametrize(("policy", "locked"), OPEN)
def test_a_school_sets_what_is_its_own(policy, locked):
    """What it had not seen makes a conflict, which it wins; but a KIP number is not undone by a KPS that had not seen it."""
    assert may_set(policy, locked=locked)
    assert may_set(policy), "nobody said that it is locked"
    assert decide(policy, equal=False, unseen=None, locked=locked) == APPLIED
    for unseen in ANYBODY[1:]:
        expected = CENTRE_WON if unseen is Cause.KIP and policy is Policy.SEKOLAH else SCHOOL_WON
        assert decide(policy, equal=False, unseen=unseen, locked=locked) == expected


@pytest.mark.parametrize(("policy", "locked"), CLOSED)
def test_a_school_does_not_set_what_is_the_centres(policy, locked):
    """It is refused with the owner's reason; where the centre spoke meanwhile it is a conflict that the centre wins."""
    assert not may_set(policy, locked=locked)
    for unseen in OWN_OR_NOBODY:
        assert decide(policy, equal=False, unseen=unseen, locked=locked) == refused(CLOSED[policy, locked])
    for unseen in CENTRE:
        assert decide(policy, equal=False, unseen=unseen, locked=locked) == CENTRE_WON


@pytest.mark.parametrize("policy", Policy)
def test_a_delete_wins_only_where_nobody_hung_anything_on_the_row(policy):
    """A child that the school had not seen keeps the row; so does an edit, of a row that is not the school's own."""
    for edited, child in itertools.product((False, True), repeat=2):
        found = decide_delete(policy, edited=edited, child_added=child)
        if policy in (Policy.PUSAT, Policy.DINAS):
            assert not insert_allowed(policy)
            assert found == refused(errors.TABLE_CLOSED)
            continue
        assert insert_allowed(policy)
        if child or (edited and policy is not Policy.SEKOLAH):
            assert found == Verdict(Outcome.CONFLICT, taken=False, reason=errors.DELETE_LOST)
        elif edited:
            assert found == Verdict(Outcome.CONFLICT, taken=True, reason=errors.EDIT_OF_DELETED)
        else:
            assert found == APPLIED


def test_a_former_laptops_late_value_loses_and_is_told():
    expected = Verdict(Outcome.CONFLICT, taken=False, reason=errors.NEWER_LAPTOP_WON)
    assert expected == NEWER_LAPTOP_WINS


def group(table: str, column: str) -> Group:
    return SCHEMA.by_name[table].group_of[column]


def test_an_empty_value_of_an_insert_is_no_opinion_and_any_other_one_is():
    """Two laptops make one row: what one left empty is no word against what the other filled in."""
    name = group("peserta_didik", "nama")
    address = group("peserta_didik", "alamat_jalan")
    for found in (name, address):
        none = [None] * len(found.columns)
        assert says_nothing(found, none)
        for value in ("", 0, "x", False):
            assert not says_nothing(found, [*none[1:], value])


def test_what_dapodik_gives_every_row_of_a_centres_column_is_no_opinion():
    """But only there: a default in a school's own column was entered by somebody."""
    active, bot = group("pengguna", "aktif"), group("pengguna", "a_bot")
    assert (active.policy, active.columns[0].default, bot.columns[0].default) == (Policy.DINAS, 1, 0)
    assert says_nothing(active, [None])
    assert says_nothing(active, [1])
    assert not says_nothing(active, [0])
    assert not says_nothing(active, [2])
    assert not says_nothing(bot, [1])
    own = next(
        g for table in SCHEMA.tables for g in table.groups if g.policy is Policy.SEKOLAH and g.columns[0].default is not None
    )
    assert not says_nothing(own, [own.columns[0].default, *[None] * (len(own.columns) - 1)])


def test_values_that_do_not_fit_the_group_are_a_fault_of_the_caller():
    with pytest.raises(ValueError, match="zip"):
        says_nothing(group("pengguna", "aktif"), [1, 1])
