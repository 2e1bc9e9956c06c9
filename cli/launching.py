"""What `submit` and `run` do, step by step."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..broker import durability
from ..broker import submission as submissions
from ..broker.errors import TaskError, UsageError
from ..broker.lookups import Lookups
from ..broker.needs import Need
from ..broker.new_task import EnqueueOutcome
from ..broker.presence import Workers
from ..broker.snapshot.target import locate
from . import config, loop
from .broker_url import working_url
from .connected import connected, connected_twice
from .follow import BLOCK_S
from .following import follow_to_end, say_detached
from .identity import own_key
from .login_role import problem_of_submitting, role_in
from .options import Common, StartOptions, TaskOptions
from .render.footer import footer
from .render.screen import Screen
from .service_slots import USUAL as SERVICES
from .silence import near_queue
from .standby import Standby, someone_listens
from .start_options import IfExists, afters, if_exists
from .submitting import enqueue, hint_misplaced, started, submission_of

if TYPE_CHECKING:
    from ..broker.keys import TaskId
    from ..broker.namespace import Namespace
    from ..broker.submission import Submitted


class Launch:
    """One script on its way to a queue."""

    def __init__(
        self,
        common: Common,
        options: TaskOptions,
        start: StartOptions,
        script: str,
        arguments: Sequence[str],
    ) -> None:
        """Look at everything that can be wrong before anything is started.

        Raises:
            UsageError: an option, or the script.
        """
        self._settings = config.load(common)
        self._screen = Screen(self._settings)
        here = Path.cwd()
        environ = config.variables()
        submission = submission_of(
            options,
            script,
            arguments,
            environ=environ,
            workdir=here,
            queue=self._settings.queue,
            service_queue=self._settings.service_queue,
        )
        now_ms = time.time_ns() // 1_000_000
        self._submission = started(submission, start, options, environ=environ, now_ms=now_ms)
        self._after = afters(start.after)
        self._if_exists = if_exists(options)
        self._durability = durability.parse(start.durability or self._settings.durability)
        submissions.check(self._submission)
        locate(self._submission.target, workdir=here)
        hint_misplaced(self._submission.target, script, arguments, self._screen)
        self._pair = own_key(self._settings.home)
        self._task_id: str | None = None

    def submit(self) -> int:
        """Enqueue; print the id."""
        url = self._url()

        async def go() -> None:
            async with connected(
                url, self._settings.namespace, warn=self._screen.warn
            ) as namespace:
                submitted = await self._enqueue(namespace)
                await self._tell(namespace, submitted)

        loop.run(go)
        return 0

    def submit_and_follow(self) -> int:
        """Enqueue and follow; leave workers alone."""
        return self._follow(starts_worker=False)

    def run(self) -> int:
        """Enqueue, start a worker if none listens, and follow."""
        return self._follow(starts_worker=True)

    def _follow(self, *, starts_worker: bool) -> int:
        if self._submission.is_draft:
            raise UsageError("a draft runs only when it is enqueued; use submit --draft")
        url = self._url()

        async def go() -> int:
            both = connected_twice(
                url, self._settings.namespace, block_s=BLOCK_S, warn=self._screen.warn
            )
            async with both as (namespace, blocking):
                may_work = role_in(url) != "submitter"  # else its worker would end at once
                standby = self._standby(namespace) if starts_worker and may_work else None
                if standby is not None:
                    await standby.check()
                submitted = await self._enqueue(namespace)
                self._describe(submitted)
                if standby is not None:
                    await standby.ensure()
                else:
                    await self._warn_of_silence(namespace)
                return await follow_to_end(
                    namespace,
                    blocking,
                    submitted.task_id,
                    self._settings,
                    self._screen,
                    tend=standby.tend if standby else None,
                )

        try:
            return loop.run(go)
        except KeyboardInterrupt:
            return say_detached(self._task_id, self._screen)

    def _standby(self, namespace: "Namespace") -> Standby:
        return Standby(
            self._settings,
            namespace,
            self._screen,
            queue=self._submission.queue,
            need=self._submission.need,
        )

    def _url(self) -> str:
        url = working_url(self._settings, report=self._screen.say)
        if problem := problem_of_submitting(url):
            self._screen.warn(problem)
        return url

    async def _enqueue(self, namespace: "Namespace") -> "Submitted":
        submitted = await enqueue(
            namespace,
            self._submission,
            self._pair,
            self._screen,
            after=self._after,
            durability=self._durability,
        )
        self._task_id = submitted.task_id
        if submitted.outcome is EnqueueOutcome.UNIQUE:
            self._say_taken(submitted.task_id)
        return submitted

    def _say_taken(self, holder: "TaskId") -> None:
        """Say that nothing was submitted; raise TaskError unless that was allowed for."""
        key = self._submission.unique
        if self._if_exists is IfExists.RETURN:
            self._screen.say(f"task {holder} has the unique key {key!r}: nothing was submitted")
            return
        if self._if_exists is IfExists.REPLACE:
            raise TaskError(holder, f"runs with the unique key {key!r}; cancel it to replace it")
        raise TaskError(
            holder, f"has the unique key {key!r} already; see --if-exists return and replace"
        )

    def _describe(self, submitted: "Submitted") -> None:
        self._screen.say(f"task {submitted.task_id}: {submitted.snapshot}")
        self._screen.say(f"environment: {_packages(submitted)}")

    async def _tell(self, namespace: "Namespace", submitted: "Submitted") -> None:
        """Print the id, then what a person wants to know next."""
        record = await Lookups(namespace).record(submitted.task_id)
        if self._screen.json:
            from .render.records import task_json

            self._screen.print_json(task_json(record))
        else:
            self._screen.put(submitted.task_id)
        sys.stdout.flush()
        say = self._screen.say
        place = f", position {record.position}" if record.position else f", {record.state}"
        say(f"queue {record.queue}{place}")
        say(f"code: {submitted.snapshot}")
        say(f"environment: {_packages(submitted)}")
        if record.state == "draft":
            say(f"put it on its queue with:  rq-agent enqueue {submitted.task_id}")
            return
        await self._warn_of_silence(namespace)
        footer(self._screen, [f"{w} {submitted.task_id}" for w in ("logs -f", "show", "cancel")])

    async def _warn_of_silence(self, namespace: "Namespace") -> None:
        queue, need = self._submission.queue, self._submission.need
        if await someone_listens(namespace, queue, need):
            return
        some = bool(await Workers(namespace).listening(queue))
        problem = "no worker there has room for it" if some else "no worker listens there yet"
        meant = "" if some else await near_queue(namespace, queue)
        work = f"rq-agent work {_services(need)}--queues {queue}{_gpus(need)}"
        self._screen.warn(f"{problem}{meant}; start one:  {work}")


def _services(need: Need) -> str:
    return f"--services {SERVICES} " if need.light else ""


def _gpus(need: Need) -> str:
    return f" --gpus {need.gpus}" if need.gpus else ""


def _packages(submitted: "Submitted") -> str:
    return "no packages" if submitted.environment.startswith("0 ") else submitted.environment
