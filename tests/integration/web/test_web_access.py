"""Who may use the dashboard, and what browsers may do with what it answers."""

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress

import anyio
import httpx2
import pytest

from rq_agent.broker import urls
from rq_agent.broker.keys import TaskId
from rq_agent.web import patience
from rq_agent.web.access.logins import VALID_S
from rq_agent.web.endpoints import session

from ...servers import Servers
from .dashboard import FROM_OURSELVES, WITHIN_S, Dashboard, refused, serving

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self'"
)
ID = TaskId("01m7zhfasdgcbh1s")
API = (
    "overview",
    "queues",
    "queues/q",
    "workers",
    "workers/w",
    "tasks",
    f"tasks/{ID}",
    f"tasks/{ID}/log",
    f"tasks/{ID}/log/raw",
    f"tasks/{ID}/log/stream",
    "events",
)
ADDRESSES = (
    "/",
    "/login",
    "/queues/q",
    "/tasks",
    f"/tasks/{ID}",
    "/static/main.js",
    "/favicon.ico",
)


@pytest.fixture(scope="module")
def dashboard(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """One for all tests of this file: none of them looks at tasks."""
    url = urls.of_socket(servers.socket("valkey"))
    with serving(url, "access", tmp_path_factory.mktemp("web")) as dashboard:
        yield dashboard


@pytest.mark.parametrize("path", API)
async def test_nothing_is_told_to_those_who_did_not_log_in(dashboard: Dashboard, path: str) -> None:
    async with dashboard.stranger(**FROM_OURSELVES) as stranger:
        answer = await stranger.get(f"/api/v1/{path}")

    assert answer.status_code == 401
    assert "rq-agent web --link" in answer.json()["error"]["message"]


async def test_a_stranger_learns_only_that_it_is_one(dashboard: Dashboard) -> None:
    async with dashboard.stranger() as stranger:
        answer = await stranger.get("/api/v1/session")

    assert answer.json() == {"schema": 1, "logged_in": False}


@pytest.mark.parametrize("cookie", ["", "x", "a" * 43, "ä", '"', "=;=", "\\073"])
async def test_a_made_up_cookie_opens_nothing(dashboard: Dashboard, cookie: str) -> None:
    headers = {b"cookie": f"{dashboard.config.cookie}={cookie}".encode()}
    async with dashboard.stranger() as stranger:
        answer = await stranger.get("/api/v1/tasks", headers=headers)

    assert answer.status_code == 401


async def test_a_login_link_opens_one_session_and_works_once(dashboard: Dashboard) -> None:
    token = dashboard.token()
    async with dashboard.stranger(**FROM_OURSELVES) as first:
        opened = await first.post("/api/v1/login", json={"token": token})
        seen = await first.get("/api/v1/session")
    async with dashboard.stranger(**FROM_OURSELVES) as second:
        again = await second.post("/api/v1/login", json={"token": token})

    assert opened.status_code == 200
    assert seen.json()["logged_in"] is True
    assert again.status_code == 403
    assert "used already" in again.json()["error"]["message"]
    assert "set-cookie" not in again.headers


async def test_of_two_who_use_a_link_at_once_one_gets_in(dashboard: Dashboard) -> None:
    token = dashboard.token()
    found: list[int] = []

    async def log_in() -> None:
        async with dashboard.stranger(**FROM_OURSELVES) as client:
            found.append((await client.post("/api/v1/login", json={"token": token})).status_code)

    async with anyio.create_task_group() as tg:
        for _ in range(5):
            tg.start_soon(log_in)

    assert sorted(found) == [200, 403, 403, 403, 403]


async def test_a_link_is_over_after_ten_minutes(dashboard: Dashboard) -> None:
    token = dashboard.token(now_s=time.time() - VALID_S - 2)
    async with dashboard.stranger(**FROM_OURSELVES) as client:
        answer = await client.post("/api/v1/login", json={"token": token})

    assert answer.status_code == 403


async def test_no_token_is_on_disk_and_only_its_user_may_read_the_tickets(
    dashboard: Dashboard,
) -> None:
    before = set(dashboard.config.logins.glob("*"))
    token = dashboard.token()

    [ticket] = set(dashboard.config.logins.iterdir()) - before
    assert token not in ticket.name + ticket.read_text()
    assert ticket.stat().st_mode & 0o777 == 0o600
    assert dashboard.config.logins.stat().st_mode & 0o777 == 0o700


async def test_the_cookie_is_kept_from_scripts_and_other_sites(dashboard: Dashboard) -> None:
    async with dashboard.stranger(**FROM_OURSELVES) as client:
        answer = await client.post("/api/v1/login", json={"token": dashboard.token()})

    name, _, rest = answer.headers["set-cookie"].partition("=")
    attributes = {part.strip().lower() for part in rest.split(";")[1:]}
    assert name == f"rq-agent-{dashboard.config.port}"
    assert {"httponly", "samesite=strict", "path=/"} <= attributes
    assert not any(part.startswith("domain") for part in attributes)


async def test_who_logged_out_is_a_stranger_again_whatever_cookie_was_kept(
    page: httpx2.AsyncClient,
) -> None:
    cookies = dict(page.cookies)

    assert (await page.post("/api/v1/logout")).status_code == 200
    page.cookies.update(cookies)

    assert (await page.get("/api/v1/tasks")).status_code == 401


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"token":1}', b'{"token":"x","a":1}', b"\xff", b"x" * 5000]
)
async def test_a_login_that_is_none_is_refused(dashboard: Dashboard, body: bytes) -> None:
    async with dashboard.stranger(**FROM_OURSELVES) as client:
        answer = await client.post("/api/v1/login", content=body)

    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("token", ["", "../../etc/passwd", "x" * 43, "ä" * 43, "a" * 44])
async def test_a_token_that_nobody_made_is_refused(dashboard: Dashboard, token: str) -> None:
    async with dashboard.stranger(**FROM_OURSELVES) as client:
        answer = await client.post("/api/v1/login", json={"token": token})

    assert answer.status_code == 403


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "localhost.evil.example", "[::2]", ""],
)
async def test_under_another_name_nothing_is_answered(dashboard: Dashboard, host: str) -> None:
    async with dashboard.page() as page:
        for path in ("/api/v1/tasks", "/", "/static/main.js"):
            answer = await page.get(path, headers={"host": host})

            assert answer.status_code == 421
            assert "task" not in answer.text


@pytest.mark.parametrize("host", ["localhost:9000", "127.0.0.1", "[::1]:7342", "LOCALHOST"])
async def test_names_of_this_machine_are_answered_whatever_port_a_tunnel_has(
    page: httpx2.AsyncClient, host: str
) -> None:
    assert (await page.get("/api/v1/tasks", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "OURS"}, 200),
        ({"origin": "OURS", "sec-fetch-site": "cross-site"}, 403),
        ({}, 403),
    ],
)
async def test_only_our_own_pages_may_send_what_has_effects(
    dashboard: Dashboard, headers: Mapping[str, str], status: int
) -> None:
    given = {k: v.replace("OURS", dashboard.url) for k, v in headers.items()}
    async with dashboard.stranger(**given) as client:
        answer = await client.post("/api/v1/login", json={"token": dashboard.token()})

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("site", "status"),
    [("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403), ("odd", 403)],
)
async def test_pages_of_other_sites_may_not_read_the_api_even_with_the_cookie(
    page: httpx2.AsyncClient, site: str, status: int
) -> None:
    answer = await page.get("/api/v1/tasks", headers={"sec-fetch-site": site})

    assert answer.status_code == status


async def test_a_link_from_elsewhere_may_open_a_page(dashboard: Dashboard) -> None:
    async with dashboard.stranger(**{"sec-fetch-site": "cross-site"}) as stranger:
        assert (await stranger.get("/tasks")).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_the_api_changes_nothing(page: httpx2.AsyncClient, method: str) -> None:
    for path in API:
        answer = await page.request(method, f"/api/v1/{path}")

        assert answer.status_code == 405
        assert answer.json()["error"]["status"] == 405


@pytest.mark.parametrize("path", ["login", "logout"])
async def test_no_get_has_effects(page: httpx2.AsyncClient, path: str) -> None:
    assert (await page.get(f"/api/v1/{path}")).status_code == 405
    assert (await page.get("/api/v1/tasks")).status_code == 200


@pytest.mark.parametrize("path", [*ADDRESSES, *(f"/api/v1/{path}" for path in API), "/nothing"])
async def test_every_answer_tells_browsers_what_they_may_do(
    dashboard: Dashboard, path: str
) -> None:
    async with dashboard.stranger() as stranger:
        headers = (await stranger.get(path)).headers

    assert headers.get_list("content-security-policy") == [POLICY]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == ("no-store" if "/api/" in path else "no-cache")
    assert not [name for name in headers if name.startswith("access-control-")]
    assert "server" not in headers


@pytest.mark.parametrize(
    "path",
    ["/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/..%2fapp.py"],
)
async def test_no_file_beside_the_pages_own_is_served(dashboard: Dashboard, path: str) -> None:
    async with await anyio.connect_tcp("127.0.0.1", dashboard.config.port) as stream:
        await stream.send(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        answer = b"".join([part async for part in stream])

    assert answer.startswith(b"HTTP/1.1 404")
    assert b"starlette" not in answer.lower()


async def test_nothing_at_an_address_is_said_in_words(page: httpx2.AsyncClient) -> None:
    assert await refused(page, "/nothing") == (404, "there is nothing at this address")


HALF_LOGIN = (
    b"POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
    b"Sec-Fetch-Site: same-origin\r\n\r\n{"
)
HALF = b"GET /api/v1/session HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    ("said", "answers"),
    [
        (b"", 0),
        (HALF, 0),
        (HALF + b"\r\n" + HALF, 1),
        (HALF_LOGIN, 1),
    ],
)
async def test_who_never_ends_a_request_makes_room(
    dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch, said: bytes, answers: int
) -> None:
    monkeypatch.setattr(patience, "HEAD_S", 0.3)
    monkeypatch.setattr(session, "HEAD_S", 0.3)

    stream = await anyio.connect_tcp("127.0.0.1", dashboard.config.port)
    heard = b""
    async with stream:
        if said:
            await stream.send(said)
        with anyio.fail_after(WITHIN_S), suppress(anyio.EndOfStream):
            while True:
                heard += await stream.receive()

    assert heard.count(b"HTTP/1.1 ") == answers


async def test_a_stream_is_not_cut_by_the_limit_of_a_head(
    dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "HEAD_S", 0.2)

    async with dashboard.page() as page, page.stream("GET", "/api/v1/events") as answer:
        with anyio.move_on_after(1.5) as watched:
            async for _ in answer.aiter_bytes():
                pass

    assert watched.cancelled_caught  # it had not ended
