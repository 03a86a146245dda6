"""One civil date, in the zone of whoever works there."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import pytest

from exchange.clocks import civil_now, civil_today
from exchange.interop.lists import SchoolRow
from exchange.nodes import ServerNode
from exchange.registering import add_schools, init_server

MORNING = 1_792_970_000 // 86_400 * 86_400 - 1_800
"""Half past eleven at night by UTC; half past six in the morning of the next day in Jakarta."""


@pytest.fixture
def jakarta(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Jakarta")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_the_day_is_that_of_the_place(jakarta):
    now = civil_now(lambda: MORNING)
    assert (now.hour, now.minute) == (6, 30)
    assert civil_today(lambda: MORNING) == now.date() == date.fromordinal(date(1970, 1, 1).toordinal() + (MORNING + 1_800) // 86_400)


def test_a_head_who_is_assigned_in_the_morning_begins_today(jakarta, tmp_path: Path):
    """By UTC it would be yesterday, and the assignment would begin before the day on which it was made."""
    init_server(tmp_path, clock=lambda: MORNING)
    server = ServerNode.open(tmp_path, clock=lambda: MORNING)
    add_schools(server, [SchoolRow("00000001", "SD CONTOH", "SD", "KEPALA CONTOH")])
    begun = server.store.db.value("SELECT tmt_tambahan FROM tugas_tambahan")
    server.close()
    assert begun == civil_today(lambda: MORNING).isoformat()
