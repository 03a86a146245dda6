"""What every test starts from: no settings of this machine, Indonesian, Hypothesis without a clock."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from exchange import words

# How long an example takes says nothing on shared cores.
settings.register_profile("kirim", deadline=None, print_blob=True)
settings.load_profile("kirim")


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch):
    for name in os.environ:
        if name.startswith("KIRIM_") or name == "LANGUAGE":
            monkeypatch.delenv(name)
    with words.speaking("id"):
        yield
