"""The answer that goes on: server-sent events until the client goes or is let go."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ..answers import problem
from .hub import Hub
from .sse import RETRY, frame

log = logging.getLogger(__name__)

PING_S: Final = 15.0
_SEND_LIMIT_S: Final = 30.0
"""Who takes nothing for so long is gone, or as good as."""

Push = Callable[[bytes], Awaitable[None]]


class EventStream(Response):
    """Sends what `follow` pushes."""

    def __init__(
        self,
        follow: Callable[[Push], Awaitable[None]],
        *,
        admission: Callable[[], bool],
        hub: Hub,
    ) -> None:
        """Args.

        follow: pushes events until there will be no more.
        admission: asked with every ping whether the client may go on.
        hub: has room, or not.
        """
        super().__init__(media_type="text/event-stream")
        self._follow = follow
        self._admission = admission
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, for as long as it takes."""
        if not self._hub.has_room:
            refused = problem(503, "too many pages are open; close some and try again")
            return await refused(scope, receive, send)
        self.headers["x-accel-buffering"] = "no"  # a proxy must pass each event on at once
        del self.headers["content-length"]
        with self._hub.client():
            start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
            await send(start)
            if scope["method"] != "HEAD":
                await self._run(receive, send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _run(self, receive: Receive, send: Send) -> None:
        turn = anyio.Lock()

        async def push(content: bytes) -> None:
            async with turn:
                with anyio.fail_after(_SEND_LIMIT_S):
                    await send({"type": "http.response.body", "body": content, "more_body": True})

        try:
            async with anyio.create_task_group() as tg:
                tg.start_soon(_until_gone, receive, tg.cancel_scope)
                tg.start_soon(self._until_closed, tg.cancel_scope)
                tg.start_soon(self._ping, push, tg.cancel_scope)
                await push(RETRY)
                await self._follow(push)
                tg.cancel_scope.cancel()
        except* TimeoutError:
            log.info("a page took nothing for %.0f s and was let go", _SEND_LIMIT_S)

    async def _until_closed(self, scope: anyio.CancelScope) -> None:
        await self._hub.closed.wait()
        scope.cancel()

    async def _ping(self, push: Push, scope: anyio.CancelScope) -> None:
        while True:
            await anyio.sleep(PING_S)
            if not self._admission():
                scope.cancel()
            await push(frame("ping", {}))


async def _until_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
