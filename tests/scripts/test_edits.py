"""A draft is changed under its id, and signed anew by who changes it."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from rq_agent.broker import keys
from rq_agent.broker.clones import Changes, verified
from rq_agent.broker.edits import Author, edit, editing
from rq_agent.broker.envelope import sign
from rq_agent.broker.errors import TaskError, UsageError, WrongState
from rq_agent.broker.keys import TaskId
from rq_agent.broker.listing import Filters
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need, shape_id
from rq_agent.broker.originals import live_source

from .people import Person, opened, submitted
from .steps import claim_one, fields, finish, line, running


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
    with pytest.raises(TaskError, match=other.pair.key_id):
        await edit(
            namespace,
            task_id,
            Changes(params={"a": "b"}),
            verifier=me.verifier,
            pair=me.pair,
            user="me",
        )


@pytest.mark.parametrize(
    ("now", "hint"), [("running", "cancel it first"), ("succeeded", "reset it first")]
)
async def test_what_has_begun_is_not_edited(
    namespace: Namespace, me: Person, now: str, hint: str
) -> None:
    token = await running(namespace)
    if now == "succeeded":
        await finish(namespace, token, now)
    before = await fields(namespace, token.task_id)

    with pytest.raises(WrongState, match=hint):
        await edit(
            namespace,
            token.task_id,
            Changes(params={"a": "b"}, queue="other", name="x"),
            verifier=me.verifier,
            pair=me.pair,
            user="me",
        )

    assert await fields(namespace, token.task_id) == before


async def test_a_queued_task_is_edited_where_it_stands(namespace: Namespace, me: Person) -> None:
    first, second, third = [await submitted(namespace, me, unique=str(n)) for n in range(3)]
    before = await fields(namespace, second)

    await edit(
        namespace,
        second,
        Changes(params={"lr": "9"}, timeout_s=5.0, name="other"),
        verifier=me.verifier,
        pair=me.pair,
        user="me",
    )

    assert await line(namespace) == [first, second, third]
    after = await fields(namespace, second)
    same = {"order", "unique", "queue", "shape", "state", "created_ms"}
    assert {name: after.get(name) for name in same} == {name: before.get(name) for name in same}
    assert (after["name"], after["timeout_ms"]) == ("other", "5000")
    assert (await opened(namespace, second, me)).params == {"lr": "9"}


async def test_many_tasks_are_edited_each_with_an_answer(
    namespace: Namespace, me: Person, other: Person
) -> None:
    mine = [await submitted(namespace, me) for _ in range(18)]
    foreign = await submitted(namespace, other)
    same = await submitted(namespace, me, signed={"params": {"lr": "9"}})
    token = await claim_one(namespace)
    changes = Changes(params={"lr": "9"})
    author = Author(verifier=me.verifier, pair=me.pair, user="me")
    ids = [*mine, foreign, same, TaskId("0" * 16)]

    answers = await editing(namespace, changes, author)(ids)

    assert [a.id for a in answers] == ids
    found = {a.id: a for a in answers}
    assert (found[token.task_id].outcome, found[token.task_id].detail) == ("state", "running")
    edited = [i for i in mine if i != token.task_id]
    assert {found[i].outcome for i in edited} == {"edited"}
    assert (found[foreign].outcome, other.pair.key_id in found[foreign].detail) == ("denied", True)
    assert (found[same].outcome, found[ids[-1]].outcome) == ("unchanged", "missing")
    for task_id in edited:
        assert (await opened(namespace, task_id, me)).params == {"lr": "9"}


async def test_a_task_whose_signature_stands_in_the_way_is_left_alone_as_a_whole(
    namespace: Namespace, me: Person, other: Person
) -> None:
    task_id = await submitted(namespace, other)
    before = await fields(namespace, task_id)
    changes = Changes(params={"lr": "9"}, priority=5, queue="else", labels={"a": "b"}, name="n")

    with pytest.raises(TaskError, match=other.pair.key_id):
        await edit(namespace, task_id, changes, verifier=me.verifier, pair=me.pair, user="me")

    assert await fields(namespace, task_id) == before


async def test_what_is_not_wanted_any_more_goes(namespace: Namespace, me: Person) -> None:
    task_id = await submitted(namespace, me, labels={"a": "1", "b": "2"})
    changes = Changes(without_params=("lr",), without_env=("A",), without_labels=("a",))

    answer = await edit(namespace, task_id, changes, verifier=me.verifier, pair=me.pair, user="me")

    assert answer.outcome == "edited"
    signed = await opened(namespace, task_id, me)
    assert (signed.params, signed.env) == ({}, {})
    record = await Lookups(namespace).record(task_id)
    assert (record.params, record.labels) == ({}, {"b": "2"})


async def test_what_an_edit_can_not_change_is_refused(namespace: Namespace, me: Person) -> None:
    task_id = await submitted(namespace, me, is_draft=True)

    with pytest.raises(UsageError, match="the unique of a task can't be changed; clone"):
        await edit(
            namespace, task_id, Changes(unique="x"), verifier=me.verifier, pair=me.pair, user="me"
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

        async def late(calls: Any) -> Any:
            await ns.redis.set(key, content)
            return await type(script).many(script, calls)

        script.many = late  # type: ignore[method-assign]
