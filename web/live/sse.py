"""How server-sent events are written. Pure."""

from typing import Any, Final

import msgspec

RETRY: Final = b"retry: 1000\n\n"
"""How long a browser waits before it connects again, in ms."""


def frame(event: str, fields: dict[str, Any], *, at: str = "") -> bytes:
    """Return one event; JSON has no line breaks, so neither has it.

    Args:
        event: its name.
        fields: its data.
        at: its id, which a browser gives back when it connects again.
    """
    head = f"id: {at}\n" if at else ""
    data = msgspec.json.encode({"schema": 1, **fields})
    return b"%sevent: %s\ndata: %s\n\n" % (head.encode(), event.encode(), data)
