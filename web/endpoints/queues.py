"""Queues: all of them, and one with its lines."""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from ...broker.queue_details import details_json, gather
from ...broker.queues import QueueView
from ...broker.statistics import KEPT_MINUTES, Statistics
from ..query import Query, checked_name
from ..series import series, waiting_now
from ..source import Fields, Source, looking
from .workers import plain

_HOUR: Final = 60
_DRAWN: Final = 50
"""Most queues whose lines are read for a list; those with the most tasks."""
_MOST_POINTS: Final = 1500


async def _queues(request: Request, source: Source) -> Fields:
    query = Query(request.query_params.multi_items(), ("minutes", "step"))
    minutes = query.whole("minutes", _HOUR, least=1, most=24 * 60)
    step = query.whole("step", max(1, minutes // 60), least=1, most=24 * 60)

    async def ask() -> Fields:
        return {"queues": await queues_with_series(source, minutes=minutes, step=step)}

    return await source.answers.get(("queues", minutes, step), ask)


async def queues_with_series(source: Source, *, minutes: int, step: int) -> list[Fields]:
    """Return all queues by name; `series` is None where there are too many."""
    views = await source.lookups.queues()
    busiest = sorted(views, key=lambda view: -(waiting_now(view) + view.running))[:_DRAWN]
    drawn = {view.name for view in busiest}
    hour = await Statistics(source.ns).latest([view.name for view in views], _HOUR)
    found = []
    for view in views:
        wait = hour[view.name].wait
        fields: Fields = {
            **msgspec.to_builtins(view),
            "wait_p95_s": wait.p95_s if wait else None,
            "series": None,
        }
        if view.name in drawn:
            fields["series"] = await _series(source, view, minutes=minutes, step=step)
        found.append(fields)
    return found


async def _queue(request: Request, source: Source) -> Fields:
    name = checked_name(request.path_params["name"], "queue")
    query = Query(request.query_params.multi_items(), ("minutes", "step"))
    minutes = query.whole("minutes", 3 * _HOUR, least=1, most=KEPT_MINUTES)
    least = -(-minutes // _MOST_POINTS)
    step = query.whole("step", least, least=least, most=KEPT_MINUTES)
    details = await gather(source.ns, name, minutes)
    lines = await _series(source, details.queue, minutes=minutes, step=step)
    workers = [plain(worker) for worker in details.workers]
    return {**details_json(details), "workers": workers, "series": lines}


async def _series(source: Source, view: QueueView, *, minutes: int, step: int) -> Fields:
    now_s, _ = await source.ns.redis.time()
    now_ms = int(now_s) * 1000 + 1000
    steps = await Statistics(source.ns).read(
        view.name, now_ms - (minutes - 1) * 60_000, now_ms, step_minutes=step
    )
    return series(steps, step_minutes=step, waiting=waiting_now(view), running=view.running)


ROUTES: Final = (
    Route("/api/v1/queues", looking(_queues)),
    Route("/api/v1/queues/{name}", looking(_queue)),
)
