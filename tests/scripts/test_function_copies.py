"""What is signed anew keeps what makes it a call of a function, and a service."""

import time
from pathlib import Path
from typing import Any

import pytest

from rq_agent.broker import keys
from rq_agent.broker.clones import Changes, clone
from rq_agent.broker.definition import Function
from rq_agent.broker.drafts import Drafts
from rq_agent.broker.edits import edit
from rq_agent.broker.envelope import SignedTask
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need, shape_id
from rq_agent.broker.originals import live_source
from rq_agent.broker.scheduling import Timetable, add_schedule
from rq_agent.broker.submission import Submission
from rq_agent.broker.tasks import Tasks

from .people import Person, opened, submitted
from .steps import add, claim_one, extra, fields, finish
from .timetable import come_due, fire, firing, someone, trust

LIGHT = Need(light=True)
CALL = '[[1],{"who":"ada"}]'
SIGNED: dict[str, Any] = {"call": CALL, "restart": "always", "need": LIGHT}


@pytest.fixture
def me(tmp_path: Path) -> Person:
    return Person(tmp_path, "me")


async def service(ns: Namespace, me: Person, **told: Any) -> TaskId:
    return await submitted(ns, me, signed=SIGNED, retry="restart always", **told)


def of_function(signed: SignedTask) -> dict[str, Any]:
    return {name: getattr(signed, name) for name in SIGNED}


@pytest.mark.parametrize("changes", [{}, {"need": Need(cpus=2.0)}, {"needs": {"cpus": 2.0}}])
async def test_a_clone_is_a_call_of_the_same_function(
    namespace: Namespace, me: Person, changes: dict[str, Any]
) -> None:
    task_id = await service(namespace, me)
    token = await claim_one(namespace, needs=(LIGHT,))
    await finish(namespace, token, "retry", retry="restart always 7", isolation=3)
    source = await live_source(namespace, task_id)

    task = clone(
        source, me.verifier, me.pair, Changes(**changes), namespace=namespace.name, user="me"
    )
    await Tasks(namespace).enqueue([task], {task.definition: source.upload})

    need = Need(light=True, cpus=2.0 if changes else 0.0)
    signed = await opened(namespace, task.id, me)
    assert of_function(signed) == SIGNED | {"need": need}
    assert signed.not_after > time.time() + 365 * 86_400
    stored = await fields(namespace, task.id)
    assert (stored["shape"], stored["retry"]) == (shape_id(need), "restart always")
    assert "isolation" not in stored


async def test_an_edited_draft_is_a_call_of_the_same_function(
    namespace: Namespace, me: Person
) -> None:
    task_id = await service(namespace, me, is_draft=True)
    changes = Changes(env={"A": "2"}, need=Need(cpus=1.0))

    await edit(namespace, task_id, changes, verifier=me.verifier, pair=me.pair, user="me")

    signed = await opened(namespace, task_id, me)
    assert of_function(signed) == SIGNED | {"need": Need(light=True, cpus=1.0)}
    assert signed.env == {"A": "2"}
    assert (await fields(namespace, task_id))["retry"] == "restart always"


async def test_a_task_that_is_reset_and_put_back_is_the_same_call(
    namespace: Namespace, me: Person
) -> None:
    task_id = await service(namespace, me)
    await finish(namespace, await claim_one(namespace, needs=(LIGHT,)), "cancelled")

    await Drafts(namespace).reset(task_id)
    await Drafts(namespace).enqueue(task_id)

    assert of_function(await opened(namespace, task_id, me)) == SIGNED
    token = await claim_one(namespace, needs=(LIGHT,))
    assert (token.task_id, token.retry) == (task_id, "restart always")


async def test_a_schedule_makes_calls_of_its_function(
    namespace: Namespace, me: Person, tmp_path: Path
) -> None:
    (tmp_path / "bot.py").write_text("async def ask(n, who): ...\n")
    submission = Submission(
        target=Path("bot.py"),
        workdir=tmp_path,
        function=Function(name="ask", kind="coroutine"),
        call=CALL,
        restart="always",
        queue="q",
    )
    nightly = Timetable(name="nightly", expression="0 3 * * *", zone="Europe/Berlin")
    ada = firing(namespace, tmp_path)
    trust(tmp_path, me.pair)
    await add_schedule(
        namespace, submission, nightly, me.pair, replaces=False, progress=lambda text: None
    )
    await come_due(namespace)

    [task] = (await fire(ada)).tasks

    me.trust.add(someone(tmp_path).public, "ada", ["*"])
    signed = await opened(namespace, task.id, me)
    assert of_function(signed) == SIGNED
    assert signed.not_after > time.time() + 365 * 86_400
    stored = await fields(namespace, task.id)
    assert (stored["retry"], stored["name"]) == ("restart always", "bot.py:ask")
    definition: Any = await namespace.redis.get(
        keys.definition(namespace.prefix, stored["definition"])
    )
    assert b"coroutine" in definition
    assert (await extra(namespace, task.id))["labels"] == '{"schedule":"nightly"}'


async def test_workers_without_service_slots_never_claim_it(namespace: Namespace) -> None:
    await add(namespace, need=LIGHT)
    (plain,) = await add(namespace)

    assert (await claim_one(namespace)).task_id == plain
