"""Waiting for what sends no event: a file, a hash in Redis, the end of a process."""

import anyio

_AGAIN_S = 0.005


async def look_again() -> None:
    """Wait before the next look: who looks all the time takes a core from whom they wait for."""
    await anyio.sleep(_AGAIN_S)
