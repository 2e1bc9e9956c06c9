"""Tasks: pages of them, and one with all that is known."""

from typing import Final

from starlette.requests import Request
from starlette.routing import Route

from ...broker.record import to_json
from ...broker.task_details import details_json, gather
from ..query import Query, checked_id
from ..source import Fields, Source, looking

_FILTERS: Final = ("queue", "user", "name", "label")
_PAGE: Final = 50
_MOST: Final = 500


async def _tasks(request: Request, source: Source) -> Fields:
    query = Query(
        request.query_params.multi_items(), (*_FILTERS, "limit", "before"), repeated=("state",)
    )
    filters = query.filters()
    limit = query.whole("limit", _PAGE, least=1, most=_MOST)
    page = await source.lookups.list(filters, limit=limit, before=query.before())
    return {
        "tasks": [to_json(record) for record in page.records],
        "before": page.before,
        "truncated": page.is_truncated,
        "count": await source.lookups.count(filters),
    }


async def _task(request: Request, source: Source) -> Fields:
    task_id = checked_id(request.path_params["task_id"])
    Query(request.query_params.multi_items(), ())
    return details_json(await gather(source.ns, task_id))


ROUTES: Final = (
    Route("/api/v1/tasks", looking(_tasks)),
    Route("/api/v1/tasks/{task_id}", looking(_task)),
)
