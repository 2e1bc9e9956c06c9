"""What the API tells of a namespace, and how it says no."""

import json
from typing import Any, Final

import httpx2
import msgspec
import pytest

from rq_agent.broker.logs import Chunk, Logs
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need
from rq_agent.broker.record import to_json
from rq_agent.broker.task_details import details_json, gather

from ...scripts.steps import add, beat, claim, finish, running
from .dashboard import get, refused

LIGHT: Final = Need(light=True)


async def test_an_empty_namespace_has_nothing_of_everything(page: httpx2.AsyncClient) -> None:
    overview = await get(page, "/overview")

    assert overview["workers"]["live"] == 0
    assert set(overview["tasks"].values()) == {0}
    assert overview["queues"] == []
    assert (await get(page, "/queues"))["queues"] == []
    assert (await get(page, "/workers"))["workers"] == []
    assert (await get(page, "/tasks"))["tasks"] == []


async def test_the_overview_counts_the_fleet(ns: Namespace, page: httpx2.AsyncClient) -> None:
    await add(ns, 3)
    held = await running(ns, queue="other", worker="w1")
    ended = await running(ns, queue="other", worker="w1")
    await finish(ns, ended, "failed", reason="exit 1")
    await beat(ns, held, worker="w1", facts={"slots": "4", "state": "busy"})

    found = await get(page, "/overview")

    assert found["workers"] == {
        "live": 1,
        "states": {"busy": 1},
        "running": 1,
        "slots": 4,
        "gpus": 0,
    }
    told = {state: count for state, count in found["tasks"].items() if count}
    assert told == {"queued": 3, "running": 1, "failed": 1}
    assert (found["hour"]["enqueued"], found["hour"]["failed"]) == (5, 1)
    assert found["hour_finished"] == 1
    assert [queue["name"] for queue in found["queues"]] == ["other", "q"]


async def test_a_worker_in_services_mode_tells_its_hosts_and_the_newest_of_its_tasks(
    ns: Namespace, page: httpx2.AsyncClient
) -> None:
    ids = await add(ns, 502, need=LIGHT)
    host = {"number": 1, "kind": "coroutine", "pid": 7, "tasks": 502, "rss_mib": 64.0}
    told = json.dumps([{**host, "newest": ids[:-3:-1]}])
    await beat(ns, worker="w1", facts={"services": "900", "hosts": told})
    for _ in range(3):
        await claim(ns, worker="w1", limit=200, needs=(LIGHT,))

    found = await get(page, "/workers/w1")
    [listed] = (await get(page, "/workers"))["workers"]

    assert (found["services"], found["runs"], found["tasks"]) == (900, 502, [])
    assert [each["sub_worker"] for each in found["sub_workers"][:2]] == [
        f"w1/{ids[-1]}",
        f"w1/{ids[-2]}",
    ]
    assert len(found["sub_workers"]) == 100
    assert [each["mem_mib"] for each in found["sub_workers"][:3]] == [64.0, 64.0, None]
    assert (listed["runs"], listed["running"]) == (502, ids[2:])
    assert listed["hosts"][0]["pid"] == 7


async def test_a_task_tells_what_it_returned(ns: Namespace, page: httpx2.AsyncClient) -> None:
    claimed = await running(ns)
    await finish(ns, claimed, "succeeded", result=b'{"n":3}')

    found = await get(page, f"/tasks/{claimed.task_id}")

    assert (found["result"], found["result_bytes"]) == ('{"n":3}', 7)


async def test_queues_have_the_lines_of_the_last_hour(
    ns: Namespace, page: httpx2.AsyncClient
) -> None:
    await add(ns, 5)
    await running(ns)

    [queue] = (await get(page, "/queues"))["queues"]

    assert (queue["waiting"], queue["running"]) == (5, 1)
    assert len(queue["series"]["length"]) == 60
    assert queue["series"]["length"][-1] == 5
    assert queue["series"]["length"][0] == 0
    assert sum(queue["series"]["enqueued"]) == 6
    assert queue["wait_p95_s"] is not None


async def test_a_queue_tells_who_serves_it_and_what_is_ready(
    ns: Namespace, page: httpx2.AsyncClient
) -> None:
    await add(ns, 2)
    await beat(ns, worker="w1", facts={"queues": '["q"]', "claim_nonce": "secret"})

    found = await get(page, "/queues/q?minutes=600&step=10")

    assert found["waiting"] == 2
    assert [worker["name"] for worker in found["workers"]] == ["w1"]
    assert [ready["count"] for ready in found["ready"]] == [2]
    assert len(found["series"]["length"]) == 60
    assert "claim_nonce" not in found["workers"][0]["facts"]


async def test_a_worker_tells_what_it_runs_and_not_its_secrets(
    ns: Namespace, page: httpx2.AsyncClient
) -> None:
    claim = await running(ns, worker="w1")
    facts = {"slots": "2", "cpu_percent": "12.5", "claim_nonce": "secret", "host": "box"}
    await beat(ns, claim, worker="w1", facts=facts)

    found = await get(page, "/workers/w1")
    [listed] = (await get(page, "/workers"))["workers"]

    assert [task["id"] for task in found["tasks"]] == [claim.task_id]
    assert (found["slots"], found["load"]["cpu_percent"]) == (2, 12.5)
    assert found["facts"]["host"] == "box"
    assert "secret" not in str(found) + str(listed)


async def test_tasks_are_the_records_that_the_command_line_prints(
    ns: Namespace, page: httpx2.AsyncClient
) -> None:
    ids = await add(ns, 2, name="train")

    found = await get(page, "/tasks")

    assert found["tasks"] == [to_json(r) for r in await Lookups(ns).records(ids[::-1])]
    assert (found["before"], found["truncated"], found["count"]) == (None, False, 2)


async def test_pages_of_tasks_follow_each_other_without_gap(
    ns: Namespace, page: httpx2.AsyncClient
) -> None:
    ids = await add(ns, 7)

    seen: list[str] = []
    before = ""
    for _ in range(3):
        found = await get(page, f"/tasks?limit=3{before}")
        seen += [task["id"] for task in found["tasks"]]
        before = f"&before={found['before']}"

    assert seen == ids[::-1]
    assert found["before"] is None


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("queue=a", 2),
        ("queue=b", 1),
        ("user=eve", 1),
        ("name=train", 1),
        ("label=team", 1),
        ("label=team%3Dnlp", 1),
        ("label=team%3Dcv", 0),
        ("state=queued", 3),
        ("state=running&state=queued", 3),
        ("state=dead", 0),
        ("name=%3Cscript%3E", 0),
    ],
)
async def test_filters_choose_tasks(
    ns: Namespace, page: httpx2.AsyncClient, query: str, count: int
) -> None:
    await add(ns, queue="a", user="eve")
    await add(ns, queue="a", name="train")
    await add(ns, queue="b", labels={"team": "nlp"})

    assert len((await get(page, f"/tasks?{query}"))["tasks"]) == count


async def test_a_task_is_what_show_prints(ns: Namespace, page: httpx2.AsyncClient) -> None:
    [task_id] = await add(ns, name="train", params={"lr": "0.1"})

    found = await get(page, f"/tasks/{task_id}")

    printed = msgspec.json.encode(details_json(await gather(ns, task_id)))
    assert found == msgspec.json.decode(printed)
    assert found["params"] == {"lr": "0.1"}
    assert found["waits"][0]["text"]


async def test_a_name_of_any_kind_comes_back_as_it_was(
    ns: Namespace, page: httpx2.AsyncClient
) -> None:
    name = "<script>alert(1)</script>\x1b[31m\u202eevil \U0001f600"
    [task_id] = await add(ns, name=name)

    assert (await get(page, f"/tasks/{task_id}"))["name"] == name


def chunk(offset: int, data: bytes, stream: Any = "out") -> Chunk:
    return Chunk(stream=stream, offset=offset, raw_bytes=len(data), data=data)


async def test_output_comes_in_pages_with_a_place_to_go_on(
    ns: Namespace, page: httpx2.AsyncClient
) -> None:
    claim = await running(ns)
    await Logs(ns).append(claim, [chunk(n, b"%d" % n) for n in range(5)])

    first = await get(page, f"/tasks/{claim.task_id}/log?limit=3")
    rest = await get(page, f"/tasks/{claim.task_id}/log?after={first['after']}")

    assert [entry["data"] for entry in first["entries"]] == ["MA==", "MQ==", "Mg=="]
    assert [entry["offset"] for entry in rest["entries"]] == [3, 4]
    assert (first["fence"], first["ended"]) == (1, False)


async def test_raw_output_is_the_bytes_that_the_script_wrote(
    ns: Namespace, page: httpx2.AsyncClient
) -> None:
    claim = await running(ns)
    hostile = b"<script>\xff\x1b[2J\x00" * 5000
    await Logs(ns).append(claim, [chunk(0, hostile), chunk(0, b"of the worker", "sys")])

    answer = await page.get(f"/api/v1/tasks/{claim.task_id}/log/raw")

    assert answer.content == hostile
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{claim.task_id}.1.log"'


async def test_a_task_that_never_ran_has_no_output(ns: Namespace, page: httpx2.AsyncClient) -> None:
    [task_id] = await add(ns)

    assert (await get(page, f"/tasks/{task_id}/log"))["entries"] == []
    assert (await page.get(f"/api/v1/tasks/{task_id}/log/raw")).content == b""


async def test_near_names_help(ns: Namespace, page: httpx2.AsyncClient) -> None:
    await add(ns, queue="default")
    await beat(ns, worker="box-1")

    assert (await refused(page, "/queues/defalt"))[1] == (
        "no queue is named defalt; did you mean default?"
    )
    assert "did you mean box-1?" in (await refused(page, "/workers/box1"))[1]
