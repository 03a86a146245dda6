"""Today, as people in the field have it: one civil date for everything that Dapodik dates."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, datetime, timedelta

from exchange.limits import SECONDS_MAX
from exchange.store.semester import Semester

_EARLY = timedelta(days=92)
"""How long before its first day a semester may be declared running."""

_LATE = timedelta(days=3653)
"""How long after a semester somebody may still work in it: no reference row has come for so long."""


def system_clock() -> int:
    """Return seconds since 1970 by this machine's clock; at most what a package can name, and never a time before 1970.

    It is information, and a wrong clock must stop nobody: a package that named another number would be refused as damaged.
    """
    return min(max(int(time.time()), 0), SECONDS_MAX)


def civil_today(clock: Callable[[], int]) -> date:
    """Return the date by a clock in this machine's own zone, as all of Dapodik's dates are meant.

    A head whom the dinas assigns at six in the morning begins today and not, by UTC, yesterday.

    Args:
        clock: Seconds since 1970.

    Example:
        >>> civil_today(lambda: 1_767_268_800).isoformat()
        '2026-01-01'
    """
    return civil_now(clock).date()


def civil_now(clock: Callable[[], int]) -> datetime:
    """Return date and time by a clock in this machine's own zone, as a download shows them.

    Args:
        clock: Seconds since 1970.
    """
    return datetime.fromtimestamp(clock())


def day_in(semester: Semester, clock: Callable[[], int]) -> date:
    """Return today for questions about data: never a day before the running semester began.

    A laptop whose battery is empty believes in 1970; by that day every pupil would be born in the future, and nothing
    could be sent. No decision about a change reads a clock; this one only judges what was typed.

    Args:
        semester: The running one, which the centre names.
        clock: Seconds since 1970.

    Example:
        >>> day_in(Semester("20261", 2026, "2026-07-01", "2026-12-31"), lambda: 0).isoformat()
        '2026-07-01'
    """
    return max(civil_today(clock), date.fromisoformat(semester.starts[:10]))


def is_wrong(semester: Semester, clock: Callable[[], int]) -> bool:
    """Return whether a computer's clock shows an impossible day, by the semester that the centre says is running (R17).

    Args:
        semester: The running one.
        clock: Seconds since 1970.

    Example:
        >>> is_wrong(Semester("20261", 2026, "2026-07-01", "2026-12-31"), lambda: 0)
        True
    """
    today = civil_today(clock)
    begins, ends = (date.fromisoformat(day[:10]) for day in (semester.starts, semester.ends))
    return not begins - _EARLY <= today <= ends + _LATE
