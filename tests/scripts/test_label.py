"""Labels of any task, set and removed; lists find it by them."""

import json

import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import TaskError, TaskNotFound, UsageError
from rq_agent.broker.keys import TaskId
from rq_agent.broker.labels import Labels
from rq_agent.broker.listing import Filters
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.purging import Purging

from .retiring import archived, collect, ended, make_due, purge, seconds_until
from .steps import add, events, extra, fields, finish, members, running


async def found(namespace: Namespace, label: str) -> list[str]:
    page = await Lookups(namespace).list(Filters(label=label))
    return [record.id for record in page.records]


async def test_labels_are_set_changed_and_removed(namespace: Namespace) -> None:
    p = namespace.prefix
    (task_id,) = await add(namespace, labels={"team": "a", "old": "1", "kept": "x"})

    answer = await Labels(namespace).change(
        task_id, {"team": "b", "new": "2"}, remove=["old", "none"]
    )

    assert answer.outcome == "labelled"
    (record,) = await Lookups(namespace).records([task_id])
    assert record.labels == {"team": "b", "new": "2", "kept": "x"}
    for label, ids in {"team=a": [], "team=b": [task_id], "old=1": [], "kept=x": [task_id]}.items():
        assert await members(namespace, keys.index(p, "label", label)) == ids
        assert await found(namespace, label) == ids
    assert await found(namespace, "new") == [task_id]
    assert await found(namespace, "old") == []
    assert await members(namespace, keys.index(p, "label", "old")) == []
    assert len(await events(namespace, "labelled")) == 1


async def test_the_last_label_leaves_nothing_behind(namespace: Namespace) -> None:
    (task_id,) = await add(namespace, labels={"team": "a"})

    await Labels(namespace).change(task_id, remove=["team"])

    assert "labels" not in await extra(namespace, task_id)
    assert await found(namespace, "team") == []


async def test_setting_what_is_there_changes_nothing(namespace: Namespace) -> None:
    (task_id,) = await add(namespace, labels={"b": "1", "a": "2"})
    before = await extra(namespace, task_id)

    answer = await Labels(namespace).change(task_id, {"a": "2"}, remove=["c"])

    assert answer.outcome == "unchanged"
    assert await extra(namespace, task_id) == before
    assert await events(namespace, "labelled") == []


@pytest.mark.parametrize("ends", [False, True])
async def test_running_and_final_tasks_have_labels_too(namespace: Namespace, ends: bool) -> None:
    token = await running(namespace)
    if ends:
        await finish(namespace, token, "succeeded")

    await Labels(namespace).change(token.task_id, {"best": "yes"})

    assert await found(namespace, "best=yes") == [token.task_id]


@pytest.mark.parametrize(
    "name",
    ["a/b", "über", 'quote"d', "back\\slash", "back\\/slash", "tab\t", "\x01\x7f", "🙂", "a b"],
)
async def test_any_text_is_found_again(namespace: Namespace, name: str) -> None:
    (task_id,) = await add(namespace, labels={name: name})
    labels = Labels(namespace)

    await labels.change(task_id, {"other": name})

    stored = (await extra(namespace, task_id))["labels"]
    assert json.loads(stored) == {name: name, "other": name}
    assert await found(namespace, name) == [task_id]
    assert await found(namespace, f"{name}={name}") == [task_id]
    await labels.change(task_id, remove=[name])
    assert await found(namespace, name) == []


@pytest.mark.parametrize(
    "stored", ["", "{", "[1]", '"a"', "null", "7", '{"a": 1, "b": null}', "\0"]
)
async def test_labels_that_are_none_are_forgotten(namespace: Namespace, stored: str) -> None:
    (task_id,) = await add(namespace)
    await namespace.redis.hset(keys.extra(namespace.prefix, task_id), "labels", stored)

    await Labels(namespace).change(task_id, {"team": "a"})

    assert json.loads((await extra(namespace, task_id))["labels"]) == {"team": "a"}
    assert await found(namespace, "team=a") == [task_id]


async def test_a_key_of_another_type_is_named_and_stops_no_other(namespace: Namespace) -> None:
    first, second = await add(namespace, 2)
    strange = keys.extra(namespace.prefix, first)
    await namespace.redis.set(strange, "x")
    labels = Labels(namespace)

    answers = await labels.change_many([first, second], {"team": "a"})

    assert [a.outcome for a in answers] == ["unreadable", "labelled"]
    with pytest.raises(TaskError, match=f"task {first}: its record does not say its labels"):
        await labels.change(first, {"team": "a"})
    await namespace.redis.delete(strange)


async def test_a_task_has_at_most_a_hundred_labels(namespace: Namespace) -> None:
    (task_id,) = await add(namespace, labels={f"l{n}": "" for n in range(100)})

    with pytest.raises(TaskError, match="at most 100"):
        await Labels(namespace).change(task_id, {"one more": ""})

    await Labels(namespace).change(task_id, {"one more": ""}, remove=["l7"])
    assert await found(namespace, "one more") == [task_id]


async def test_whoever_has_too_many_can_lose_some(namespace: Namespace) -> None:
    (task_id,) = await add(namespace)
    many = json.dumps({f"l{n}": "" for n in range(150)})
    await namespace.redis.hset(keys.extra(namespace.prefix, task_id), "labels", many)
    labels = Labels(namespace)

    with pytest.raises(TaskError, match="at most 100"):
        await labels.change(task_id, {"one more": ""})
    await labels.change(task_id, {"another": ""}, remove=["l7"])

    kept = json.loads((await extra(namespace, task_id))["labels"])
    assert set(kept) == {f"l{n}" for n in range(150) if n != 7} | {"another"}


async def test_labels_are_stored_in_their_order(namespace: Namespace) -> None:
    (task_id,) = await add(namespace)

    await Labels(namespace).change(task_id, dict.fromkeys("hgfedcba", ""))

    assert list(json.loads((await extra(namespace, task_id))["labels"])) == list("abcdefgh")


@pytest.mark.parametrize(
    ("set_", "remove"),
    [
        ({"a=b": "c"}, []),
        ({"": "c"}, []),
        ({"a": "x" * 256}, []),
        ({"a": "\ud800"}, []),
        ({}, [""]),
    ],
)
async def test_labels_that_can_not_be_are_refused(
    namespace: Namespace, set_: dict[str, str], remove: list[str]
) -> None:
    (task_id,) = await add(namespace)

    with pytest.raises(UsageError):
        await Labels(namespace).change(task_id, set_, remove=remove)


async def test_a_task_that_does_not_exist_is_named(namespace: Namespace) -> None:
    with pytest.raises(TaskNotFound, match="task nope"):
        await Labels(namespace).change(TaskId("nope"), {"a": "b"})


async def test_a_task_that_the_archive_has_is_written_anew_before_it_is_purged(
    namespace: Namespace,
) -> None:
    task_id = (await archived(namespace)).task_id

    await Labels(namespace).change(task_id, {"best": "yes"})

    assert "archived_ms" not in await fields(namespace, task_id)
    assert (await purge(namespace)).unarchived == 1
    [copy] = await collect(namespace)
    assert b'{"best":"yes"}' in copy.extra
    assert await Purging(namespace).note_archived([copy]) == 1
    assert (await purge(namespace)).purged == 1


async def test_a_label_that_came_while_the_archiver_wrote_is_not_noted_as_archived(
    namespace: Namespace,
) -> None:
    task_id = (await ended(namespace)).task_id
    await make_due(namespace, task_id)
    before = await collect(namespace)

    for best in ("yes", "no"):
        await Labels(namespace).change(task_id, {"best": best})
        assert await Purging(namespace).note_archived(before) == 0
        assert await collect(namespace) == []  # its lease goes on
        assert (await purge(namespace)).purged == 0
        await make_due(namespace, task_id)
        before = await collect(namespace)

    assert await Purging(namespace).note_archived(before) == 1
    assert (await fields(namespace, task_id))["edits"] == "2"


async def test_the_archiver_still_waits_for_late_output_of_a_task_with_a_new_label(
    namespace: Namespace,
) -> None:
    task_id = (await ended(namespace)).task_id

    await Labels(namespace).change(task_id, {"best": "yes"})

    assert await seconds_until(namespace, keys.unarchived(namespace.prefix), task_id) > 3500


async def test_a_live_task_is_not_edited_after_its_end(namespace: Namespace) -> None:
    token = await running(namespace)

    await Labels(namespace).change(token.task_id, {"best": "yes"})

    assert "edits" not in await fields(namespace, token.task_id)
    assert await members(namespace, keys.unarchived(namespace.prefix)) == []


async def test_a_count_of_edits_that_is_none_begins_anew(namespace: Namespace) -> None:
    task_id = (await archived(namespace)).task_id
    await namespace.redis.hset(keys.task(namespace.prefix, task_id), "edits", "garbage")

    await Labels(namespace).change(task_id, {"best": "yes"})

    assert (await fields(namespace, task_id))["edits"] == "1"
