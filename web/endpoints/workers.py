"""Workers: all that live, and one with what it runs."""

from difflib import get_close_matches
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from ...broker.errors import SelectorError
from ...broker.presence import Workers, WorkerView
from ...broker.record import to_json
from ...broker.sub_workers import sub_workers
from ..query import Query, checked_name
from ..source import Fields, Source, looking

_MOST_TASKS: Final = 500
_MOST_SUB_WORKERS: Final = 100
_OWN: Final = frozenset(
    {"claim_nonce", "parked", "woken", "renewed", "beat_ended", "beat_ended_before"}
)


def plain(worker: WorkerView) -> Fields:
    """Return a worker without what is between it and Redis, and the newest of what it runs."""
    newest = worker.running[-_MOST_TASKS:]
    fields: Fields = msgspec.to_builtins(msgspec.structs.replace(worker, running=newest))
    fields["runs"] = len(worker.running)
    fields["facts"] = {name: fact for name, fact in worker.facts.items() if name not in _OWN}
    return fields


async def _workers(request: Request, source: Source) -> Fields:
    Query(request.query_params.multi_items(), ())

    async def ask() -> Fields:
        return {"workers": [plain(worker) for worker in await Workers(source.ns).live()]}

    return await source.answers.get("workers", ask)


async def _worker(request: Request, source: Source) -> Fields:
    name = checked_name(request.path_params["name"], "worker")
    Query(request.query_params.multi_items(), ())
    live = {worker.name: worker for worker in await Workers(source.ns).live()}
    if name not in live:
        near = get_close_matches(name, live, n=1)
        hint = f"did you mean {near[0]}?" if near else "see rq-agent worker ls"
        raise SelectorError(f"no live worker is named {name}; {hint}")
    worker = live[name]
    ordinary = () if worker.services else worker.running[:_MOST_TASKS]
    tasks = await source.lookups.records(ordinary)
    below = await sub_workers(source.ns, [worker], most=_MOST_SUB_WORKERS)
    return {
        **plain(worker),
        "tasks": [to_json(task) for task in tasks],
        "sub_workers": msgspec.to_builtins(below),
    }


ROUTES: Final = (
    Route("/api/v1/workers", looking(_workers)),
    Route("/api/v1/workers/{name}", looking(_worker)),
)
