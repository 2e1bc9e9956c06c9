"""A dashboard in this process, on a port of its own, and those who ask it."""

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2
import msgspec
from anyio.from_thread import start_blocking_portal

from rq_agent.web.access.logins import new_token
from rq_agent.web.config import WebConfig
from rq_agent.web.run import listen, serve

FROM_OURSELVES = {"sec-fetch-site": "same-origin"}
WITHIN_S = 20.0


class Dashboard:
    """Where it is, and ways to ask it."""

    def __init__(self, config: WebConfig) -> None:
        self.config = config
        self.url = f"http://127.0.0.1:{config.port}"

    def stranger(self, **headers: str) -> httpx2.AsyncClient:
        """Return a client that is not logged in; close it after use."""
        return httpx2.AsyncClient(base_url=self.url, headers=headers, timeout=WITHIN_S)

    def token(self, **options: Any) -> str:
        return new_token(self.config.logins, **options)

    @asynccontextmanager
    async def page(self) -> AsyncIterator[httpx2.AsyncClient]:
        """Return a client that logged in as a page of ours does."""
        async with self.stranger(**FROM_OURSELVES) as client:
            done = await client.post("/api/v1/login", json={"token": self.token()})
            assert done.status_code == 200, done.text
            yield client


@contextmanager
def serving(url: str, namespace: str, folder: Path, **options: Any) -> Iterator[Dashboard]:
    """Serve a namespace as long as the body runs, in a thread with a loop of its own."""
    listener = listen("127.0.0.1", 0)
    port: int = listener.getsockname()[1]
    config = WebConfig(
        host="127.0.0.1",
        port=port,
        namespace=namespace,
        logins=folder / "logins",
        version="1",
        **options,
    )
    ready = threading.Event()
    with start_blocking_portal() as portal:
        over = portal.call(anyio.Event)
        step = partial(serve, config, listener, url=url, ready=ready.set, until=over.wait)
        served = portal.start_task_soon(step)
        while not ready.wait(0.1):
            assert not served.done(), served.result()
        try:
            yield Dashboard(config)
        finally:
            portal.call(over.set)
            served.result(WITHIN_S)


async def get(client: httpx2.AsyncClient, path: str) -> Any:
    """Return what the API answers to a question that it must answer."""
    answer = await client.get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    fields = msgspec.json.decode(answer.content)
    assert fields["schema"] == 1
    return fields


async def refused(client: httpx2.AsyncClient, path: str) -> tuple[int, str]:
    """Return status and words of an answer that says no."""
    answer = await client.get(f"/api/v1{path}")
    fields = msgspec.json.decode(answer.content)
    assert fields["error"]["status"] == answer.status_code
    return answer.status_code, fields["error"]["message"]


class Stream:
    """Server-sent events as a browser reads them."""

    def __init__(self, response: httpx2.Response) -> None:
        self._lines = response.aiter_lines()
        self.last = ""
        """Id of the last event that had one."""

    async def next(self, *names: str) -> tuple[str, Any]:
        """Return the next event, or the next of these names: name and data."""
        name = ""
        with anyio.fail_after(WITHIN_S):
            async for line in self._lines:
                field, _, value = line.partition(": ")
                if field == "id":
                    self.last = value
                elif field == "event":
                    name = value
                elif field == "data" and (not names or name in names):
                    return name, msgspec.json.decode(value)
        raise AssertionError(f"the stream ended before {names}")


@asynccontextmanager
async def following(client: httpx2.AsyncClient, path: str, **headers: str) -> AsyncIterator[Stream]:
    """Follow a stream as long as the body runs."""
    async with client.stream("GET", f"/api/v1{path}", headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Stream(response)
