"""A draft is changed under its id, and signed anew by who changes it."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from rq_agent.broker import keys
from rq_agent.broker.clones import Changes, verified
from rq_agent.broker.edits import edit
from rq_agent.broker.envelope import sign
from rq_agent.broker.errors import TaskError, TrustError, UsageError, WrongState
from rq_agent.broker.listing import Filters
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need, shape_id
from rq_agent.broker.originals import live_source

from .people import Person, opened, submitted
from .steps import fields, finish, line, running


@pytest.fixture
def me(tmp_path: Path) -> Person:
    return Person(tmp_path, "me")


@pytest.fixture
def other(tmp_path: Path) -> Person:
    return Person(tmp_path, "other")


async def test_a_draft_is_edited_under_its_id(namespace: Namespace, me: Person) -> None:
    task_id = await submitted(namespace, me, is_draft=True, params={"lr": "1"})
    changes = Changes(
        params={"lr": "9"}, need=Need(gpus=2), queue="other", priority=5, labels={"a": "b"}
    )

    await edit(namespace, task_id, changes, verifier=me.verifier, pair=me.pair, user="me")

    signed = await opened(namespace, task_id, me)
    assert (signed.params, signed.need) == ({"lr": "9"}, Need(gpus=2))
    record = await Lookups(namespace).record(task_id)
    assert (record.queue, record.priority, record.labels) == ("other", 5, {"a": "b"})
    assert (record.params, record.shape) == ({"lr": "9"}, shape_id(Need(gpus=2)))
    page = await Lookups(namespace).list(Filters(queue="other", label="a=b"))
    assert [r.id for r in page.records] == [task_id]


async def test_moving_a_draft_needs_no_signature(
    namespace: Namespace, me: Person, other: Person
) -> None:
    task_id = await submitted(namespace, other, is_draft=True)
    moved = Changes(queue="elsewhere", priority=1)

    await edit(namespace, task_id, moved, verifier=me.verifier, pair=me.pair, user="me")

    assert (await fields(namespace, task_id))["queue"] == "elsewhere"
    assert (await opened(namespace, task_id, other)).user == "other"
    with pytest.raises(TrustError, match=other.pair.key_id):
        await edit(
            namespace,
            task_id,
            Changes(params={"a": "b"}),
            verifier=me.verifier,
            pair=me.pair,
            user="me",
        )


@pytest.mark.parametrize("now", ["queued", "running", "succeeded"])
async def test_only_a_draft_is_edited(namespace: Namespace, me: Person, now: str) -> None:
    if now == "queued":
        task_id = await submitted(namespace, me)
    else:
        token = await running(namespace)
        task_id = token.task_id
        if now == "succeeded":
            await finish(namespace, token, now)
    before = await fields(namespace, task_id)

    with pytest.raises(WrongState, match=f"is {now}: only a draft can be edited; clone it"):
        await edit(
            namespace,
            task_id,
            Changes(params={"a": "b"}, queue="other"),
            verifier=me.verifier,
            pair=me.pair,
            user="me",
        )

    assert await fields(namespace, task_id) == before


async def test_what_an_edit_can_not_change_is_refused(namespace: Namespace, me: Person) -> None:
    task_id = await submitted(namespace, me, is_draft=True)

    with pytest.raises(UsageError, match="the name of a draft can't be changed; clone"):
        await edit(
            namespace, task_id, Changes(name="x"), verifier=me.verifier, pair=me.pair, user="me"
        )


async def test_an_edit_that_somebody_overtook_says_so(namespace: Namespace, me: Person) -> None:
    task_id = await submitted(namespace, me, is_draft=True)
    source = await live_source(namespace, task_id)
    signed = verified(source, me.verifier, namespace=namespace.name)
    envelopes = sign([msgspec.structs.replace(signed, argv=("x",))], me.pair)
    overtaken = _Overtaken(namespace, keys.arguments(namespace.prefix, task_id), envelopes[0])

    with pytest.raises(TaskError, match="somebody else changed it meanwhile"):
        await edit(
            overtaken, task_id, Changes(argv=("y",)), verifier=me.verifier, pair=me.pair, user="me"
        )

    assert (await opened(namespace, task_id, me)).argv == ("x",)
    assert await line(namespace) == []


class _Overtaken(Namespace):
    """A namespace in which somebody writes a key just before each script."""

    def __init__(self, ns: Namespace, key: str, content: bytes) -> None:
        super().__init__(ns.redis, ns.name)
        script = self.scripts.replace_arguments

        async def late(arguments: Any) -> Any:
            await ns.redis.set(key, content)
            return await script(arguments)

        self.scripts.replace_arguments = late  # type: ignore[assignment]
