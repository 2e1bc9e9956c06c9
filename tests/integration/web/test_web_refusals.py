"""How the API says no to what makes no sense."""

from collections.abc import Iterator

import httpx2
import pytest

from rq_agent.broker import urls

from ...servers import Servers
from .dashboard import Dashboard, refused, serving


@pytest.fixture(scope="module")
def dashboard(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """One for all tests of this file: its namespace is empty."""
    url = urls.of_socket(servers.socket("valkey"))
    with serving(url, "refusals", tmp_path_factory.mktemp("web")) as dashboard:
        yield dashboard


NO_TASK = "01m7zhfasdgcbh1s"


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/tasks?stat=queued", 400, "did you mean state?"),
        ("/tasks?state=runing", 400, "did you mean running?"),
        ("/tasks?state=", 400, "no such state"),
        ("/tasks?limit=0", 400, "from 1 to 500"),
        ("/tasks?limit=501", 400, "from 1 to 500"),
        ("/tasks?limit=1e9", 400, "whole number"),
        ("/tasks?limit=3&limit=4", 400, "given twice"),
        ("/tasks?before=zzz", 400, "not the id of a task"),
        ("/tasks?queue=a%3Ab", 400, "use 1 to 63 letters"),
        (f"/tasks?name={'x' * 300}", 400, "longer than 256"),
        ("/tasks/abc", 400, "not the id of a task"),
        ("/tasks/..%00", 400, "not the id of a task"),
        (f"/tasks/{NO_TASK}", 404, "not found"),
        (f"/tasks/{NO_TASK}?full=1", 400, "no such parameter"),
        (f"/tasks/{NO_TASK}/log", 404, "not found"),
        (f"/tasks/{NO_TASK}/log/raw", 404, "not found"),
        (f"/tasks/{NO_TASK}/log/stream", 404, "not found"),
        (f"/tasks/{NO_TASK}/log?after=1", 400, "not a place in a log"),
        (f"/tasks/{NO_TASK}/log?limit=100000", 400, "from 1 to 1000"),
        (f"/tasks/{NO_TASK}/log/stream?after=1:x", 400, "not a place"),
        ("/queues/none", 404, "no queue is named none"),
        ("/queues/a%3Ab", 400, "use 1 to 63 letters"),
        ("/queues/q?minutes=99999", 400, "from 1 to"),
        ("/queues?minutes=0", 400, "from 1 to"),
        ("/workers/none", 404, "no live worker is named none"),
        ("/workers/%7B", 400, "use 1 to 63 letters"),
        ("/overview?x=1", 400, "there are none here"),
        ("/events?topics=task", 400, "did you mean tasks?"),
        ("/events?after=now", 400, "not the id of an event"),
    ],
)
async def test_what_makes_no_sense_is_refused_in_words(
    page: httpx2.AsyncClient, path: str, status: int, words: str
) -> None:
    found = await refused(page, path)

    assert found[0] == status
    assert words in found[1]
