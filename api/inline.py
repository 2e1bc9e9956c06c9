"""Runs tasks here, in the process of a test: claimed, verified and finished as a worker does."""

import io
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from contextvars import ContextVar
from typing import Any, Final, TextIO

import anyio
import anyio.to_thread

from ..broker import keys
from ..broker.call_arguments import decode
from ..broker.claims import Claim, Finish, Outcome
from ..broker.decoding import texts
from ..broker.envelope import Verifier
from ..broker.leases import Leases
from ..broker.logs import Chunk, Logs
from ..broker.namespace import Namespace
from ..broker.orders import parse
from ..broker.retries import RETRIED, next_delay_ms
from ..broker.retries import decode as policy_of
from ..broker.shapes import Shapes
from ..broker.signed_task import SignedTask
from ..sdk.task import Task
from ..worker.host import calling, endings

_WORKER: Final = "inline"
_LEASE_MS: Final = 3_600_000

Find = Callable[[str], Task[..., Any, Any]]
"""The function of a definition's digest."""


_is_inside: ContextVar[bool] = ContextVar("rq_agent_inside", default=False)
"""Whether this is called by a task that runs inline."""


class Inline:
    """Runs what is ready, one task after the other."""

    def __init__(self, ns: Namespace, verifier: Verifier, find: Find) -> None:
        self._ns = ns
        self._leases = Leases(ns)
        self._logs = Logs(ns)
        self._verifier = verifier
        self._find = find
        self._running = anyio.Lock()

    async def run(self) -> int:
        """Run tasks until none is ready; also those that these submit. Return how many."""
        if _is_inside.get():  # a task that submits others, and may wait for them
            return await self._run_all()
        async with self._running:
            inside = _is_inside.set(True)
            try:
                with _captured() as said:
                    return await self._run_all(said)
            finally:
                _is_inside.reset(inside)

    async def _run_all(self, said: io.StringIO | None = None) -> int:
        count = 0
        while (claim := await self._claim()) is not None:
            finish = await self._ran(claim)
            if said is not None:
                await self._log(claim, said)
            await self._leases.finish([finish])
            count += 1
        return count

    async def _claim(self) -> Claim | None:
        queues = texts(await self._ns.redis.smembers(keys.queues(self._ns.prefix)))
        shapes = await Shapes(self._ns).all()
        if not queues or not shapes:
            return None
        claimed = await self._leases.claim(
            _WORKER,
            secrets.token_hex(8),
            limit=1,
            order=parse("priority", sorted(queues)),
            shapes=tuple(shapes),
            lease_ms=_LEASE_MS,
            park=False,
        )
        return claimed.claims[0] if claimed.claims else None

    async def _ran(self, claim: Claim) -> Finish:
        task = self._verifier.open(
            claim.envelope or b"",
            namespace=self._ns.name,
            task_id=claim.task_id,
            definition=claim.definition,
            queue=claim.queue,
            shape=claim.shape,
            now_s=time.time(),
        )
        finish = await self._called(claim, task)
        delay_ms = _delay_ms(claim, finish)
        if delay_ms is None:
            return finish
        return Finish(claim=claim, outcome=Outcome.RETRY, reason=finish.reason)

    async def _called(self, claim: Claim, task: SignedTask) -> Finish:
        try:
            with anyio.fail_after(task.timeout_s or None) as scope:
                result = await _call(self._find(claim.definition), task)
        except (Exception, SystemExit) as e:  # noqa: BLE001  of the user's code
            if not scope.cancelled_caught:
                return _failed(claim, e)
            reason = f"ran for {task.timeout_s:g} s"
            return Finish(claim=claim, outcome=Outcome.TIMED_OUT, reason=reason)
        return Finish(claim=claim, outcome=Outcome.SUCCEEDED, exit_code=0, result=result.encode())

    async def _log(self, claim: Claim, said: io.StringIO) -> None:
        """Store what was printed since the last time."""
        if data := said.getvalue().encode():
            said.seek(0)
            said.truncate()
            chunk = Chunk(stream="out", offset=0, raw_bytes=len(data), data=data)
            await self._logs.append(claim, [chunk])


async def _call(task: Task[..., Any, Any], signed: SignedTask) -> str:
    """Return the result as JSON, by what hosts call functions with."""
    function: Callable[..., Any] = task.__wrapped__
    args, kwargs = calling.bind(function, decode(signed.call or "[[],{}]"))
    if task.is_coroutine:
        return calling.encode(await function(*args, **kwargs))
    return calling.encode(await anyio.to_thread.run_sync(_plainly, function, args, kwargs))


def _plainly(function: Callable[..., Any], args: Any, kwargs: Mapping[str, Any]) -> Any:
    return function(*args, **kwargs)


def _failed(claim: Claim, error: BaseException) -> Finish:
    _hide_own_frames(error)
    code, said = endings.exit_of(error)
    sys.stderr.write(said)
    if not code:
        return Finish(claim=claim, outcome=Outcome.SUCCEEDED, exit_code=0, result=b"null")
    reason = endings.reason_of(error)
    return Finish(claim=claim, outcome=Outcome.FAILED, exit_code=code, reason=reason)


def _hide_own_frames(error: BaseException) -> None:
    """Begin the traceback where the user's code does."""
    entry = error.__traceback__
    while entry is not None:
        if entry.tb_frame.f_code.co_filename == __file__:
            error.__traceback__ = entry.tb_next or error.__traceback__
        entry = entry.tb_next


def _delay_ms(claim: Claim, finish: Finish) -> int | None:
    """Return a number where the task is tried once more."""
    policy = policy_of(claim.retry) if finish.outcome in RETRIED else None
    if policy is None:
        return None
    return next_delay_ms(
        policy,
        attempt=claim.attempt,
        outcome=finish.outcome,
        exit_code=finish.exit_code,
        random=0.0,
    )


class _Tee(io.StringIO):
    """Keeps what is written, and passes it on: pytest shows it too."""

    def __init__(self, other: TextIO) -> None:
        super().__init__()
        self._other = other

    def write(self, text: str) -> int:
        self._other.write(text)
        return super().write(text)


@contextmanager
def _captured() -> Iterator[io.StringIO]:
    said = _Tee(sys.stdout)
    with redirect_stdout(said), redirect_stderr(said):
        yield said
