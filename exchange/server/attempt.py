"""One verified package put to the test: merged, held or quarantined, the same at intake and when a ledger is replayed."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from exchange import errors
from exchange.errors import ExchangeError, Fate
from exchange.nodes import ServerNode
from exchange.server.ledger import number_of
from exchange.server.merging import Merged, merge, outline
from exchange.server.standing import note_rivals, note_unmerged
from exchange.store.server import School
from exchange.trust.opening import VerifiedPackage

BLAMED = (errors.FileError, errors.TrustError, errors.OrderError, errors.MergeError, errors.OwnFault)
"""What is wrong with a file; everything else is wrong with this place, and the file waits."""

_TELLING = (errors.Fork, errors.Gap, errors.BaseUnknown)
"""Errors of a package that says where its laptop stands, although nothing of it is merged."""

_FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""How a fault of ours shows."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one attempt to merge a package.

    Attributes:
        state: ``merged``, ``held`` or ``quarantined``.
        error: Why it was not merged, else ``None``.
        merged: What merging gave, or what the package holds.
    """

    state: str
    error: ExchangeError | None
    merged: Merged


def attempt(server: ServerNode, school: School, package: VerifiedPackage, *, held: int = 0) -> Attempt:
    """Merge a package, or say why not; whatever is wrong with it is its own fate and nobody else's.

    Part of the caller's transaction. What a package says of its school is noted even if nothing of it is merged.

    Args:
        server: The server.
        school: Whose package.
        package: Verified and opened.
        held: For what it is held (its code's number), if it was tried before: then it has said already what it says. While it
            waits for the same, what it holds is not told anew.
    """
    try:
        with server.store.db.transaction(), own_faults():
            return Attempt("merged", None, merge(server, school, package))
    except BLAMED as error:
        if held and state_of(error) == "held" and number_of(error) == held:
            return Attempt("held", error, Merged(position=school.position))
        if not held and isinstance(error, _TELLING):
            note_unmerged(server, school, package, error)
        elif not held and isinstance(error, errors.CodeTwice):
            note_rivals(server.store, school, package.admitted)
        return Attempt(state_of(error), error, outline(server, school, package))


def state_of(error: ExchangeError | type[ExchangeError]) -> str:
    """Return the state of a verified package that could not be merged."""
    return "quarantined" if error.fate is Fate.QUARANTINE else "held"


@contextmanager
def own_faults() -> Iterator[None]:
    """Turn a fault of ours, met in one file, into that file's own fate: the others go on.

    Its words may hold somebody's data, so only its kind and place are told.

    Raises:
        OwnFault: KF-901.
    """
    try:
        yield
    except _FAULTS as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        detail = f"{type(error).__name__} in {Path(frame.filename).name}, line {frame.lineno}"
        _log.error("%s: %s", errors.OwnFault.code, detail)
        raise errors.OwnFault(detail=detail) from error
