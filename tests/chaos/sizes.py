"""How large the tests of this folder are: short in CI, long in `make chaos`."""

import os
from typing import Final, TypeVar

import pytest

T = TypeVar("T")

IS_LONG: Final = os.environ.get("CHAOS") == "long"

long_only: Final = pytest.mark.skipif(not IS_LONG, reason="long: run by make chaos")
"""For what has no short form that would still show anything; say why beside it."""


def pick(*, short: T, long: T) -> T:
    """Return the value of the form that runs."""
    return long if IS_LONG else short
