"""What every test starts from: no settings of this machine, Indonesian, Hypothesis without a clock."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from exchange import words

collect_ignore = ["mutation"]
"""It needs Cosmic Ray, which nothing else does: ``make mutate`` installs it."""

# The same examples every time, so that a change is judged by itself; how long one takes says nothing on shared cores.
settings.register_profile("kirim", deadline=None, print_blob=True, derandomize=True)
# New ones each time and many: pytest --hypothesis-profile=search tests/property
settings.register_profile("search", deadline=None, print_blob=True, max_examples=1_000)
settings.load_profile("kirim")


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch):
    for name in os.environ:
        if name.startswith("KIRIM_") or name == "LANGUAGE":
            monkeypatch.delenv(name)
    with words.speaking("id"):
        yield
