"""Answers of the API: JSON, also where something is wrong."""

import logging
from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ..broker.errors import (
    BrokerUnavailable,
    RqAgentError,
    SelectorError,
    TaskNotFound,
    UsageError,
)

log = logging.getLogger(__name__)

_STATUS: Final = (
    (UsageError, 400),
    (SelectorError, 404),
    (TaskNotFound, 404),
    (BrokerUnavailable, 503),
)
"""Of errors; the first that fits."""


def answer(fields: dict[str, Any], *, status: int = 200) -> Response:
    """Return fields as JSON, with the version of this form."""
    content = msgspec.json.encode({"schema": 1, **fields})
    return Response(content, status_code=status, media_type="application/json")


def problem(status: int, message: str) -> Response:
    """Return what is wrong."""
    return answer({"error": {"status": status, "message": message}}, status=status)


async def on_our_error(_: Request, error: Exception) -> Response:
    """Answer with an error that was raised on purpose."""
    assert isinstance(error, RqAgentError)
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    return problem(status, str(error))


async def on_http_error(_: Request, error: Exception) -> Response:
    """Answer with what Starlette found: no such path, another method."""
    assert isinstance(error, HTTPException)
    words = {404: "there is nothing at this address", 405: "not with this method"}
    found = problem(error.status_code, words.get(error.status_code, error.detail))
    found.headers.update(error.headers or {})
    return found


async def on_bug(request: Request, error: Exception) -> Response:
    """Answer when something went wrong that nobody thought of; the log has it all."""
    log.error("%s %s: %r", request.method, request.url.path, error, exc_info=error)
    return problem(500, "something went wrong; the log of rq-agent web has more")
