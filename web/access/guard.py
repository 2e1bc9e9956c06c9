"""What every request passes first: address, origin, session; and what every answer carries."""

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..answers import problem
from . import fetches, headers, hosts
from .sessions import Sessions

API: Final = "/api/"
_OPEN: Final = frozenset({"/api/v1/login", "/api/v1/session"})
"""Parts of the API for those who are not logged in; they tell nothing but that."""

LOG_IN = "log in first: open the link that `rq-agent web --link` prints"


class Guard:
    """Wraps the application, so that no route can be forgotten."""

    def __init__(self, app: ASGIApp, *, sessions: Sessions, cookie: str) -> None:
        self._app = app
        self._sessions = sessions
        self._cookie = cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] != "http":
            return  # no lifespan, and no web sockets here
        is_api = scope["path"].startswith(API)
        answer = self._app
        if (refused := self._refusal(scope, is_api=is_api)) is not None:
            answer = problem(*refused)
        await answer(scope, receive, _completing(send, is_api=is_api))

    def _refusal(self, scope: Scope, *, is_api: bool) -> tuple[int, str] | None:
        """Return status and reason if a request is refused."""
        given = Headers(scope=scope)
        if not hosts.is_own(given.get("host", "")):
            return 421, "this dashboard answers under localhost and 127.0.0.1 only"
        if reason := fetches.refusal(scope["method"], given, is_api=is_api):
            return 403, reason
        if is_api and scope["path"] not in _OPEN and not self._is_known(given):
            return 401, LOG_IN
        return None

    def _is_known(self, given: Mapping[str, str]) -> bool:
        secret = session_of(given, self._cookie)
        return bool(secret) and self._sessions.use(secret)


def session_of(given: Mapping[str, str], cookie: str) -> str:
    """Return the secret of the session that a request names; empty without one."""
    try:
        morsel = SimpleCookie(given.get("cookie", "")).get(cookie)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _completing(send: Send, *, is_api: bool) -> Send:
    async def complete(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = (*headers.ALWAYS, *(headers.OF_API if is_api else headers.OF_FILES))
            names = {name for name, _ in own}
            others = [pair for pair in message["headers"] if pair[0].lower() not in names]
            message["headers"] = [*others, *own]
        await send(message)

    return complete
