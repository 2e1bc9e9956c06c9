"""What changes, as it changes: one stream for all that a page shows."""

from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...broker.errors import UsageError
from ..access.guard import session_of
from ..live.change_stream import ChangeStream, checked_position
from ..live.changes import TOPICS
from ..live.stream import EventStream
from ..query import Query, near
from ..source import source_of


async def _events(request: Request) -> Response:
    source = source_of(request)
    query = Query(request.query_params.multi_items(), ("topics", "after"))
    after = request.headers.get("last-event-id", "") or query.text("after")
    stream = ChangeStream(
        source.ns, source.hub, _topics(query.text("topics")), checked_position(after)
    )
    return EventStream(stream.frames, admission=admitted(request), hub=source.hub)


def admitted(request: Request) -> Callable[[], bool]:
    """Return what tells whether the session of a request still holds."""
    source = source_of(request)
    secret = session_of(request.headers, source.config.cookie)
    return lambda: source.sessions.use(secret)


def _topics(text: str) -> frozenset[str]:
    wanted = text.split(",") if text else TOPICS
    for name in wanted:
        if name not in TOPICS:
            raise UsageError(f"topics={name[:80]}: no such topic; {near(name, TOPICS)}")
    return frozenset(wanted)


ROUTES: Final = (Route("/api/v1/events", _events),)
