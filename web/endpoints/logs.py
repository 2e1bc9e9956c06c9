"""The output of a task: by pages, as a file, and as it comes."""

from collections.abc import AsyncIterator
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ...broker.keys import TaskId
from ...broker.logs import Cursor, LogEntry, Logs
from ..live.log_stream import LogStream, Place
from ..live.stream import EventStream
from ..query import Query, checked_id
from ..source import Fields, Source, looking, source_of
from .events import admitted

_PAGE: Final = 200
_MOST: Final = 1000
_NEVER: Final = 2**53


async def _log(request: Request, source: Source) -> Fields:
    """One page; `after` of the answer is where the next one begins."""
    task_id = checked_id(request.path_params["task_id"])
    query = Query(request.query_params.multi_items(), ("fence", "after", "limit"))
    after = str(Cursor.parse(query.text("after") or "0"))
    limit = query.whole("limit", _PAGE, least=1, most=_MOST)
    record = await source.lookups.record(task_id)
    fence = query.whole("fence", record.fence, least=1, most=_NEVER)
    entries: list[LogEntry] = []
    if fence:
        entries, after = await Logs(source.ns).read(task_id, fence, after, count=limit)
    return {
        "task": task_id,
        "fence": fence,
        "entries": msgspec.to_builtins(entries),
        "after": after,
        "ended": record.is_final or fence != record.fence,
    }


async def _raw(request: Request) -> Response:
    """The whole output of one attempt, byte for byte, without what the worker said."""
    source = source_of(request)
    task_id = checked_id(request.path_params["task_id"])
    query = Query(request.query_params.multi_items(), ("fence",))
    record = await source.lookups.record(task_id)
    fence = query.whole("fence", record.fence, least=1, most=_NEVER)
    return StreamingResponse(
        _output(source, task_id, fence),
        media_type="text/plain; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{task_id}.{fence}.log"'},
    )


async def _output(source: Source, task_id: TaskId, fence: int) -> AsyncIterator[bytes]:
    after = "0"
    while fence:
        async with source.at_once:
            entries, after = await Logs(source.ns).read(task_id, fence, after, count=64)
        if not entries:
            return
        for entry in entries:
            if entry.dropped_bytes:
                yield b"\n[%d bytes are not kept]\n" % entry.dropped_bytes
            if entry.stream != "sys":
                yield entry.data


async def _stream(request: Request) -> Response:
    """Output as it comes; `Last-Event-ID` or `after` is where to go on."""
    source = source_of(request)
    task_id = checked_id(request.path_params["task_id"])
    query = Query(request.query_params.multi_items(), ("after",))
    place = Place.parse(request.headers.get("last-event-id", "") or query.text("after"))
    await source.lookups.record(task_id)
    followed = LogStream(source.ns, source.hub, task_id, place)
    return EventStream(followed.frames, admission=admitted(request), hub=source.hub)


ROUTES: Final = (
    Route("/api/v1/tasks/{task_id}/log", looking(_log)),
    Route("/api/v1/tasks/{task_id}/log/raw", _raw),
    Route("/api/v1/tasks/{task_id}/log/stream", _stream),
)
