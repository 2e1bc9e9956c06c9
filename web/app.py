"""The application: routes, errors, and what stands before them."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from ..broker.errors import RqAgentError
from . import pages
from .access.guard import Guard
from .answers import on_bug, on_http_error, on_our_error
from .endpoints import events, logs, overview, queues, session, tasks, workers
from .source import Source


def application(source: Source) -> ASGIApp:
    """Return what answers every request."""
    parts = (session, overview, queues, workers, tasks, logs, events, pages)
    app = Starlette(
        routes=[route for part in parts for route in part.ROUTES],
        exception_handlers={
            RqAgentError: on_our_error,
            HTTPException: on_http_error,
            Exception: on_bug,
        },
    )
    app.state.source = source
    return Guard(app, sessions=source.sessions, cookie=source.config.cookie)
