"""A script of many calls is sent once, and again where the server forgot it."""

from typing import Any

import pytest
from redis.asyncio.client import Pipeline
from redis.exceptions import ResponseError

from rq_agent.broker import keys, scripts
from rq_agent.broker.namespace import Namespace

from .steps import add, fields


async def test_a_script_is_sent_once_for_many_calls_until_the_server_forgets_it(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, ids = namespace.scripts.rename, await add(namespace, 3)
    loads: list[str] = []
    load = Pipeline.script_load

    def counted(pipe: Pipeline, text: str) -> Any:
        loads.append(text)
        return load(pipe, text)

    monkeypatch.setattr(Pipeline, "script_load", counted)

    for name, sent in (("a", 1), ("b", 1), ("c", 2)):
        if name == "c":
            await namespace.redis.script_flush()
        await script.many([[each, name, name] for each in ids])
        assert {(await fields(namespace, each))["name"] for each in ids} == {name}
        assert loads == [script.text] * sent


async def test_what_ran_before_the_server_forgot_a_script_runs_once(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = keys.history(namespace.prefix, keys.TaskId("x"))
    text = f'redis.call("RPUSH", "{key}", ARGV[1]) return ARGV[1]'
    script = scripts.Script(namespace.redis, namespace.prefix, text)
    await script.many([["1"], ["2"]])
    evalsha, execute = Pipeline.evalsha, Pipeline.execute
    is_flushed = False

    def flushing(pipe: Pipeline, sha: str, count: int, prefix: str, word: str) -> Any:
        nonlocal is_flushed
        if word == "4" and not is_flushed:
            is_flushed = True
            pipe.script_flush()
        return evalsha(pipe, sha, count, prefix, word)

    async def without_the_flush(pipe: Pipeline, raise_on_error: bool = True) -> list[Any]:
        answers = await execute(pipe, raise_on_error)
        return [each for each in answers if each is not True]

    monkeypatch.setattr(Pipeline, "evalsha", flushing)
    monkeypatch.setattr(Pipeline, "execute", without_the_flush)

    answers = await script.many([["3"], ["4"], ["5"]])

    assert answers == [b"3", b"4", b"5"]
    assert await namespace.redis.lrange(key, 0, -1) == [b"1", b"2", b"3", b"4", b"5"]


async def test_the_first_error_of_a_known_script_is_raised(namespace: Namespace) -> None:
    script = scripts.Script(
        namespace.redis, namespace.prefix, 'return redis.error_reply("ERR no " .. ARGV[1])'
    )
    script._was_known = True
    await namespace.redis.script_load(script.text)

    with pytest.raises(ResponseError, match="no a"):
        await script.many([["a"], ["b"]])
