"""Who may tell workers what to do: operators, and nobody who only submits."""

import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from rq_agent.broker.draining import Draining
from rq_agent.broker.errors import AccessDenied
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.tasks import CancelOutcome, Tasks
from rq_agent.broker.worker_labels import WorkerLabels

from ...scripts.steps import add, beat, claim, claim_one, messages
from .guarded import Guarded

Verb = Callable[[Namespace], Awaitable[object]]

VERBS: dict[str, Verb] = {
    "drain": lambda ns: Draining(ns, who="x").drain("w"),
    "stop": lambda ns: Draining(ns, who="x").stop("w"),
    "restart": lambda ns: Draining(ns, who="x").restart("w"),
    "undrain": lambda ns: Draining(ns, who="x").undrain("w"),
    "pause": lambda ns: Draining(ns, who="x").pause("w"),
    "resume": lambda ns: Draining(ns, who="x").resume("w"),
    "label": lambda ns: WorkerLabels(ns).change("w", {"a": "b"}),
}


@pytest.mark.parametrize("user", ["submitter", "viewer"])
@pytest.mark.parametrize("verb", VERBS)
async def test_who_may_not_tell_workers_changes_nothing_by_trying(
    guarded: Guarded, user: str, verb: str
) -> None:
    async with guarded.opened("worker") as ns:
        await beat(ns)
        await Draining(ns, who="ada").pause("w") if verb == "resume" else None
        await Draining(ns, who="ada").drain("w") if verb == "undrain" else None
    before = await guarded.content()

    async with guarded.opened(user) as ns:
        with pytest.raises(AccessDenied, match=f"does not let the user {user} use"):
            await VERBS[verb](ns)

    assert await guarded.content() == before


@pytest.mark.parametrize("verb", VERBS)
async def test_an_operator_tells_workers(guarded: Guarded, verb: str) -> None:
    async with guarded.opened("worker") as ns:
        await beat(ns)
    async with guarded.opened("operator") as ns:
        await Draining(ns, who="ada").pause("w") if verb == "resume" else None
        await Draining(ns, who="ada").drain("w") if verb == "undrain" else None

        assert await VERBS[verb](ns)

    async with guarded.opened("worker") as ns:
        told = await beat(ns)
    expected = verb if verb in ("drain", "stop", "restart") else ""
    assert (told.command, told.is_paused) == (expected, verb == "pause")
    assert told.labels == ({"a": "=b"} if verb == "label" else {})


async def test_what_a_submitter_can_write_is_no_command(guarded: Guarded) -> None:
    async with guarded.opened("worker") as ns:
        await beat(ns)
    async with guarded.opened("submitter") as ns:
        (task_id,) = await add(ns)
        for command in ("drain", "stop", "look"):
            await ns.redis.xadd(f"{ns.prefix}in:w", {"c": command})
        forged: dict[Any, Any] = {"command": "stop", "paused": "1", "state": "draining"}
        await ns.redis.hset(f"{ns.prefix}wk:w", mapping=forged)

    async with guarded.opened("worker") as ns:
        told = await beat(ns)
        claimed = await claim_one(ns)

    assert (told.command, told.is_paused) == ("", False)
    assert claimed.task_id == task_id


async def test_submitters_do_their_work_beside_workers_that_were_told_things(
    guarded: Guarded,
) -> None:
    async with guarded.opened("operator") as ns:
        await beat(ns)
        await beat(ns, worker="other")
        await claim(ns, worker="other", park=True, needs=())
        await Draining(ns).pause("w")

    async with guarded.opened("submitter") as ns:
        first, second = await add(ns, 2)
        assert await Tasks(ns).cancel(first) is CancelOutcome.CANCELLED

    async with guarded.opened("worker") as ns:
        assert [m["c"] for m in await messages(ns, "other")] == ["shapes"]
        assert (await claim_one(ns, worker="other")).task_id == second


def test_a_submitter_who_tries_to_drain_is_told_whom_to_ask(
    guarded: Guarded, tmp_path: Path
) -> None:
    environ = {"RQ_AGENT_HOME": str(tmp_path), "RQ_AGENT_REDIS_URL": guarded.url("submitter")}
    with closing(Redis.from_url(guarded.url("worker"))) as redis:
        redis.zadd("rqa:{lab}:wks", {"w": 2**52})

    done = subprocess.run(
        [sys.executable, "-m", "rq_agent.cli", "worker", "drain", "w", "--namespace", "lab"],
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (4, "")
    assert "this login may submit to its own namespace, no more" in done.stderr
    assert "to drain and stop workers, ask for a link of `rq-agent invite operator`" in done.stderr
