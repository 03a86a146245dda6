"""Today, as people in the field have it: one civil date for everything that Dapodik dates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime


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
