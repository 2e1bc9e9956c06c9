"""A command for many tasks that is broken off says how far it was; said again, it does the rest."""

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

import anyio
import pytest
from redis.asyncio import Redis

from rq_agent.broker import bulk
from rq_agent.broker.answers import Answer
from rq_agent.broker.drafts import Drafts
from rq_agent.broker.errors import BrokerUnavailable
from rq_agent.broker.home import below
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.verbs import Verb
from rq_agent.cli.acting import Deed, act
from rq_agent.cli.config import Settings
from rq_agent.cli.filter_options import FilterOptions
from rq_agent.cli.render.screen import Screen

from ...scripts.steps import add
from ...servers import Servers

Making = Callable[[Namespace], Verb]


@pytest.fixture
def settings(servers: Servers, tmp_path: Path) -> Settings:
    return Settings(
        url=f"unix://{servers.socket('redis')}",
        namespace=f"t{secrets.token_hex(6)}",
        strict=False,
        archive="",
        home=below(tmp_path),
        json=False,
        color=False,
        verbose=False,
    )


def _with_tasks(settings: Settings, servers: Servers, count: int) -> None:
    async def fill() -> None:
        redis = Redis(unix_socket_path=str(servers.socket("redis")))
        await add(await Namespace.open(redis, settings.namespace), count)
        await redis.aclose()

    anyio.run(fill)


def _breaking(error: BaseException) -> Making:
    """Return what makes a verb that dequeues the first two tasks, then fails."""

    def make(ns: Namespace) -> Verb:
        calls: list[int] = []

        async def dequeue(ids: Sequence[TaskId]) -> list[Answer]:
            calls.append(len(ids))
            if len(calls) > 1:
                raise error
            return await Drafts(ns).dequeue_many(ids)

        return dequeue

    return make


def _dequeue(settings: Settings, make: Making) -> int:
    options = FilterOptions(state=["queued"], yes=True)
    return act(settings, Screen(settings), (), options, Deed(what="dequeue", make=make))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BrokerUnavailable("redis is gone")])
def test_broken_off_it_says_how_far_it_was(
    settings: Settings,
    servers: Servers,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
) -> None:
    monkeypatch.setattr(bulk, "STEP", 2)
    _with_tasks(settings, servers, 5)

    with pytest.raises(BaseException) as raised:  # noqa: PT011
        _dequeue(settings, _breaking(error))

    assert isinstance(_single(raised.value), type(error))
    assert "stopped after 2 of 5 tasks; the same command does the rest" in capsys.readouterr().err
    assert _dequeue(settings, lambda ns: Drafts(ns).dequeue_many) == 0
    assert capsys.readouterr().out == "3 dequeued\n"


def test_what_is_not_repeatable_says_behind_which_task_to_go_on(
    settings: Settings,
    servers: Servers,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(bulk, "STEP", 2)
    _with_tasks(settings, servers, 5)
    options, seen = FilterOptions(state=["queued"], yes=True), list[TaskId]()

    def make(ns: Namespace) -> Verb:
        async def clone(ids: Sequence[TaskId]) -> list[Answer]:
            if len(seen) == 2:
                raise KeyboardInterrupt
            seen.extend(ids)
            return [Answer(i, "cloned", f"new-{i}") for i in ids]

        return clone

    deed = Deed(what="rerun", make=make, is_repeatable=False)
    with pytest.raises(BaseException) as raised:  # noqa: PT011
        act(settings, Screen(settings), (), options, deed)

    assert isinstance(_single(raised.value), KeyboardInterrupt)
    said = capsys.readouterr()
    assert said.out.splitlines() == [f"new-{i}" for i in seen]
    assert (
        f"stopped after 2 of 5 tasks; the same command with --resume {seen[1]} does the rest"
        in said.err
    )
    seen.append(TaskId("broken off once"))
    options = FilterOptions(state=["queued"], yes=True, resume=seen[1])
    assert act(settings, Screen(settings), (), options, deed) == 0
    assert len(seen) == 6


def _single(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        (error,) = error.exceptions
    return error
