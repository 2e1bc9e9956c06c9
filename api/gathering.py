"""The results of many tasks."""

from collections.abc import Sequence
from typing import Any

import anyio

from .handle import Handle


async def gather(handles: Sequence[Handle[Any]], *, return_exceptions: bool) -> list[Any]:
    """Return the results in the order of the handles; see Client.gather."""
    found: list[Any] = [None] * len(handles)
    failed: list[Exception] = []

    async def fetch(place: int, handle: Handle[Any]) -> None:
        try:
            found[place] = await handle.result()
        except Exception as e:  # noqa: BLE001  it is raised, or asked for, below
            found[place] = e
            if not return_exceptions:
                failed.append(e)
                group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for place, handle in enumerate(handles):
            group.start_soon(fetch, place, handle)
    if failed:
        raise failed[0]
    return found
