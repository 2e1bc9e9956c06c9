"""A terminal for each test, on a machine where nothing runs yet."""

from tests.integration.cli.conftest import cache, terminal

__all__ = ["cache", "terminal"]
