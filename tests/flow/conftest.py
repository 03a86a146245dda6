"""The world of the tests of faults serves here too."""

from tests.faults.conftest import life, other, school, template

__all__ = ["life", "other", "school", "template"]
