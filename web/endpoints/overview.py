"""The fleet at a glance."""

from collections.abc import Sequence
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from ...broker.counts import Counts, QueueStatistics
from ...broker.listing import Filters
from ...broker.presence import Workers, WorkerView
from ...broker.states import TaskState
from ...broker.statistics import Statistics
from ..query import Query
from ..source import Fields, Source, looking
from .queues import queues_with_series

_HOUR: Final = 60


async def _overview(request: Request, source: Source) -> Fields:
    Query(request.query_params.multi_items(), ())
    return await source.answers.get("overview", lambda: gather(source))


async def gather(source: Source) -> Fields:
    """Return counts of everything, and all queues with their last hour."""
    workers = await Workers(source.ns).live()
    queues = await queues_with_series(source, minutes=_HOUR, step=2)
    hour = await Statistics(source.ns).latest([queue["name"] for queue in queues], _HOUR)
    return {
        "namespace": source.config.namespace,
        "workers": _fleet(workers),
        "tasks": {state.value: await _count(source, state) for state in TaskState},
        "hour": msgspec.to_builtins(_sum([each.counts for each in hour.values()])),
        "hour_finished": sum(each.counts.finished for each in hour.values()),
        "wait_p95_s": _longest(list(hour.values())),
        "queues": queues,
    }


async def _count(source: Source, state: TaskState) -> int:
    return await source.lookups.count(Filters(states=(state,))) or 0


def _fleet(workers: Sequence[WorkerView]) -> Fields:
    states = [worker.state for worker in workers]
    return {
        "live": len(workers),
        "states": {state: states.count(state) for state in sorted(set(states))},
        "running": sum(len(worker.running) for worker in workers),
        "slots": sum(worker.places or 0 for worker in workers),
        "gpus": sum(len(worker.gpus) for worker in workers),
    }


def _sum(counts: Sequence[Counts]) -> Counts:
    names = Counts.__struct_fields__
    return Counts(**{name: sum(getattr(each, name) for each in counts) for name in names})


def _longest(hour: Sequence[QueueStatistics]) -> float | None:
    """Return the p95 of the queue that let tasks wait the longest."""
    return max((each.wait.p95_s for each in hour if each.wait), default=None)


ROUTES: Final = (Route("/api/v1/overview", looking(_overview)),)
