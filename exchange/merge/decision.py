"""Who wins when a school's change meets what the centre holds.

Both sides call :func:`decide` with the same facts, so both reach the same value without a clock and without asking one
another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exchange import errors
from exchange.errors import Reason
from exchange.records import Cause, Outcome
from exchange.schema.model import Group, Policy


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one group of one row in a school's changeset.

    Attributes:
        outcome: SAME, APPLIED, CONFLICT or REFUSED.
        taken: Whether the school's value stands from now on.
        reason: Why it was not simply applied, else ``None``.
    """

    outcome: Outcome
    taken: bool
    reason: Reason | None = None


_SAME = Verdict(Outcome.SAME, taken=False)
_APPLIED = Verdict(Outcome.APPLIED, taken=True)
_SCHOOL_WINS = Verdict(Outcome.CONFLICT, taken=True, reason=errors.BOTH_SCHOOL_WON)
_CENTRE_WINS = Verdict(Outcome.CONFLICT, taken=False, reason=errors.BOTH_CENTRE_WON)
NEWER_LAPTOP_WINS = Verdict(Outcome.CONFLICT, taken=False, reason=errors.NEWER_LAPTOP_WON)
"""A former laptop's file came late, and the school has changed the same on the laptop that it uses now."""
_OWNED = {Policy.PUSAT: errors.OWNED_BY_PUSAT, Policy.DINAS: errors.OWNED_BY_DINAS}
_LOCKS = {Policy.TERKUNCI: errors.LOCKED, Policy.KIP: errors.LOCKED_KIP}


def may_set(policy: Policy, *, locked: bool = False) -> bool:
    """Return whether a school may set a group of this policy.

    Args:
        policy: The group's policy.
        locked: The centre has verified the group (``terkunci``) or set the number (``kip``).
    """
    return policy not in _OWNED and not (locked and policy in _LOCKS)


def says_nothing(group: Group, values: Sequence[object]) -> bool:
    """Return whether values of an insert are no opinion: empty, or what Dapodik gives every new row of a centre's
    column.

    Two sides may make one row, because its id follows from its natural key. What one of them left empty is no opinion
    against what the other filled in.

    Args:
        group: Whose values.
        values: One for each of its columns.
    """
    if group.policy in _OWNED:
        return all(v is None or v == c.default for c, v in zip(group.columns, values, strict=True))
    return all(value is None for value in values)


def decide(policy: Policy, *, equal: bool, unseen: Cause | None, locked: bool) -> Verdict:
    """Return what becomes of a school's value of one group.

    Args:
        policy: The group's policy.
        equal: Both sides hold the same value.
        unseen: Who changed the group after the base of the school's changeset, or ``None``: somebody at the centre, or
            the school itself on another laptop. A correction is nobody's opinion and is never unseen.
        locked: The centre has verified the group (``terkunci``) or set the number (``kip``).

    Source:
        docs/protocol.md, rules 9 and 10.

    Example:
        >>> decide(Policy.SEKOLAH, equal=False, unseen=Cause.DINAS, locked=False).reason.code
        'KF-520'
        >>> decide(Policy.TERKUNCI, equal=False, unseen=None, locked=True).taken
        False
    """
    if equal:
        return _SAME
    owned = _OWNED.get(policy) or (_LOCKS.get(policy) if locked else None)
    if owned is not None:
        if unseen is None or unseen is Cause.SEKOLAH:
            return Verdict(Outcome.REFUSED, taken=False, reason=owned)
        return _CENTRE_WINS
    if unseen is Cause.KIP and policy is Policy.SEKOLAH:
        return _CENTRE_WINS  # a KPS that had not seen the KIP number which replaces it
    return _APPLIED if unseen is None else _SCHOOL_WINS


def decide_delete(owner: Policy, *, edited: bool, child_added: bool) -> Verdict:
    """Return what becomes of a school's delete.

    Args:
        owner: Policy of the row as a whole.
        edited: Somebody else changed the row and the school had not seen it.
        child_added: Somebody else hung a new row on it and the school had not seen that.

    Source:
        docs/protocol.md, rule 11.
    """
    if owner in {Policy.PUSAT, Policy.DINAS}:
        return Verdict(Outcome.REFUSED, taken=False, reason=errors.TABLE_CLOSED)
    if child_added or (edited and owner is not Policy.SEKOLAH):
        return Verdict(Outcome.CONFLICT, taken=False, reason=errors.DELETE_LOST)
    if edited:
        return Verdict(Outcome.CONFLICT, taken=True, reason=errors.EDIT_OF_DELETED)
    return _APPLIED


def insert_allowed(owner: Policy) -> bool:
    """Return whether a school may make rows of a table with this owner."""
    return owner not in {Policy.PUSAT, Policy.DINAS}
