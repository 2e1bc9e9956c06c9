"""Lua scripts: one file each, sent once, then called by their SHA-1."""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from . import client_errors
from .keys import Prefix
from .overlap import overlapped
from .script_text import source

if TYPE_CHECKING:
    from redis.asyncio import Redis

Argument = str | bytes | int | float

_ALLOW_OOM: Final = frozenset(
    {
        *("archive", "archived", "beat", "cancel", "claim", "collect", "delete_queue", "drain"),
        *("finish", "hello", "leave", "limit_queue", "pause_queue", "phase", "purge"),
        *("purge_queue", "remove", "resume_queue", "schedule_pause", "schedule_remove", "stop"),
        *("tick", "uncollect", "undrain"),
        *("pause_worker", "recreate", "resume_worker", "rest", "restart"),
    }
)
"""These free memory, or are needed to get there: a full Redis drains while it refuses more."""
_FLAG: Final = "#!lua flags=allow-oom\n"
_FIRST_WRITE: Final = 'redis.call("DEL", KEYS[1])\n'
"""For Redis 6.2, which asks for memory until a script has written something: what deletes needs
none. No key has the name of the bare prefix."""


class Script:
    """One script in one namespace."""

    def __init__(self, redis: "Redis", prefix: Prefix, text: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self.text = text
        self._was_known = False
        """To the server, when it answered last."""
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, arguments: Sequence[Argument]) -> Any:
        """Run it; load it first where the server does not know it."""
        try:
            return await self._redis.evalsha(self.sha, 1, self._prefix, *arguments)
        except client_errors.NoScriptError:
            await self._redis.script_load(self.text)
            return await self._redis.evalsha(self.sha, 1, self._prefix, *arguments)

    async def many(self, calls: Sequence[Sequence[Argument]]) -> list[Any]:
        """Run it several times in one round trip, in order. The first error is raised.

        Where the server forgot the script meanwhile, the calls that it did not run are sent again.
        """
        if len(calls) == 1:
            return [await self(calls[0])]
        if not self._was_known:
            return await self._load_and_run(calls)
        pipe = self._redis.pipeline(transaction=False)
        for arguments in calls:
            pipe.evalsha(self.sha, 1, self._prefix, *arguments)
        answers = await pipe.execute(raise_on_error=False)
        missed = [n for n, answer in enumerate(answers) if _is_no_script(answer)]
        if missed:
            again = await self._load_and_run([calls[n] for n in missed])
            for n, answer in zip(missed, again, strict=True):
                answers[n] = answer
        for answer in answers:
            if isinstance(answer, Exception):
                from .translated import raise_ours

                await raise_ours(self._redis, answer)
        return list(answers)

    async def _load_and_run(self, calls: Sequence[Sequence[Argument]]) -> list[Any]:
        """Load it in the round trip of the calls: they can't stop at NOSCRIPT and go on after it."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.script_load(self.text)
        for arguments in calls:
            pipe.evalsha(self.sha, 1, self._prefix, *arguments)
        answers = await pipe.execute()
        self._was_known = True
        return list(answers[1:])

    async def overlapped(self, calls: Iterable[Sequence[Argument]]) -> list[Any]:
        """Run it several times, in order, and make each call while those before it run.

        Raises the first error; calls before it have run, at most two after it may have.
        """
        load = ("SCRIPT", "LOAD", self.text)
        run = (("EVALSHA", self.sha, 1, self._prefix, *arguments) for arguments in calls)
        return (await overlapped(self._redis, chain([load], run)))[1:]


def _is_no_script(answer: Any) -> bool:
    return isinstance(answer, Exception) and isinstance(answer, client_errors.NoScriptError)


class Scripts:
    """All scripts of one namespace, by the name of their file."""

    age_queue: Script
    append: Script
    archive: Script
    archived: Script
    beat: Script
    cancel: Script
    claim: Script
    collect: Script
    cron_fire: Script
    delete_queue: Script
    dequeue: Script
    describe_queue: Script
    drain: Script
    enqueue: Script
    enqueue_draft: Script
    finish: Script
    hang: Script
    hello: Script
    keep_blobs: Script
    label: Script
    label_worker: Script
    leave: Script
    limit_queue: Script
    move_after: Script
    move_before: Script
    move_bottom: Script
    move_by: Script
    move_to_queue: Script
    move_top: Script
    page: Script
    pause_queue: Script
    pause_worker: Script
    phase: Script
    positions: Script
    purge: Script
    purge_queue: Script
    recreate: Script
    remove: Script
    rename: Script
    replace_arguments: Script
    replaced: Script
    reset: Script
    rest: Script
    restart: Script
    results: Script
    resume_queue: Script
    resume_worker: Script
    schedule_add: Script
    schedule_pause: Script
    schedule_remove: Script
    schedule_resume: Script
    set_priority: Script
    stop: Script
    tick: Script
    uncollect: Script
    undrain: Script
    used: Script
    weigh_queue: Script
    why: Script

    def __init__(self, redis: "Redis", prefix: Prefix, *, allow_oom: bool) -> None:
        self._redis = redis
        self._prefix = prefix
        self._allow_oom = allow_oom
        self.made: dict[str, Script] = {}
        """Those that were asked for, by their names."""

    if not TYPE_CHECKING:  # for it, only the names above exist

        def __getattr__(self, name: str) -> Script:
            """Make a script when it is first asked for: most processes use few of them."""
            if name not in type(self).__annotations__:
                raise AttributeError(name)
            text = with_flags(name, allow_oom=self._allow_oom)
            script = Script(self._redis, self._prefix, text)
            setattr(self, name, script)
            self.made[name] = script
            return script


def with_flags(name: str, *, allow_oom: bool) -> str:
    """Return the text of a script for a server that knows script flags, or does not."""
    if name not in _ALLOW_OOM:
        return source(name)
    return (_FLAG if allow_oom else _FIRST_WRITE) + source(name)
