"""The page itself: one document for all addresses, and the files that it is made of."""

from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

STATIC: Final = Path(__file__).parent / "static"
_ADDRESSES: Final = (
    "/",
    "/login",
    "/queues",
    "/queues/{name}",
    "/workers",
    "/workers/{name}",
    "/tasks",
    "/tasks/{name}",
)


async def _page(_: Request) -> Response:
    """Return the document. It holds nothing; what it shows comes from the API."""
    return FileResponse(STATIC / "index.html")


ROUTES: Final = (
    *(Route(address, _page) for address in _ADDRESSES),
    Route("/favicon.ico", lambda _: FileResponse(STATIC / "icon.svg")),
    Mount("/static", StaticFiles(directory=STATIC)),
)
