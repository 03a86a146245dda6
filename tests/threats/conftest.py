"""The world of the tests of faults serves here too, with the heads' keys open: no attack here is about their passphrase."""

from __future__ import annotations

import pytest

from tests.faults.conftest import life, other, school, template
from tests.flow.told import with_open_keys

__all__ = ["life", "other", "school", "template"]


@pytest.fixture(autouse=True)
def _keys(request: pytest.FixtureRequest) -> None:
    if "life" in request.fixturenames:
        with_open_keys(request.getfixturevalue("life"))
