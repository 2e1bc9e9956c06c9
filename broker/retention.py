"""How long things stay in Redis."""

from typing import Final

_DAY_MS: Final = 86_400_000

RECORD_MS: Final = 30 * _DAY_MS
"""A task and all that belongs to it, from its end."""
LOG_MS: Final = 7 * _DAY_MS
"""The log of an attempt, from its end."""
