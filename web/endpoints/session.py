"""Logging in and out, and what a page must know at first."""

from typing import Final

import anyio
import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...broker.errors import UsageError
from ..access.guard import session_of
from ..access.logins import redeem
from ..answers import answer, problem
from ..patience import HEAD_S
from ..query import Query
from ..source import Fields, Source, looking, source_of

_LARGEST: Final = 1024


class _Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: str


async def _log_in(request: Request) -> Response:
    """Exchange a token for a session's cookie."""
    source = source_of(request)
    login = await _body(request)
    if not redeem(source.config.logins, login.token):
        return problem(
            403,
            "this login link was used already, or is older than ten minutes; "
            "`rq-agent web --link` prints a new one",
        )
    done = answer({"namespace": source.config.namespace})
    done.set_cookie(
        source.config.cookie, source.sessions.open(), httponly=True, samesite="strict", path="/"
    )
    return done


async def _log_out(request: Request) -> Response:
    """End the session."""
    source = source_of(request)
    source.sessions.close(session_of(request.headers, source.config.cookie))
    done = answer({})
    done.delete_cookie(source.config.cookie, httponly=True, samesite="strict", path="/")
    return done


async def _session(request: Request, source: Source) -> Fields:
    """Return what this is a dashboard of, to those who are logged in."""
    Query(request.query_params.multi_items(), ())
    secret = session_of(request.headers, source.config.cookie)
    if not secret or not source.sessions.use(secret):
        return {"logged_in": False}
    return {
        "logged_in": True,
        "namespace": source.config.namespace,
        "version": source.config.version,
        "away": source.hub.away,
    }


async def _body(request: Request) -> _Login:
    content = b""
    with anyio.move_on_after(HEAD_S) as limit:
        async for chunk in request.stream():
            content += chunk
            if len(content) > _LARGEST:
                raise UsageError(f"a login has at most {_LARGEST} bytes")
    if limit.cancelled_caught:
        raise UsageError(f"a login has {HEAD_S:.0f} s to come")
    try:
        return msgspec.json.decode(content, type=_Login)
    except (msgspec.DecodeError, UnicodeDecodeError) as e:
        raise UsageError(f"not a login: {e}") from e


ROUTES: Final = (
    Route("/api/v1/login", _log_in, methods=["POST"]),
    Route("/api/v1/logout", _log_out, methods=["POST"]),
    Route("/api/v1/session", looking(_session)),
)
