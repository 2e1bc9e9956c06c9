"""Stops what `up`, `run` and the embedded default started on this machine."""

import os
import platform
import signal
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

import anyio
import msgspec

from ..broker.draining import Draining
from ..broker.embedded.lock import locked
from ..broker.embedded.stop import runs_tasks, stop
from ..broker.errors import BrokerUnavailable, UsageError
from ..broker.presence import WorkerView
from . import exits, loop
from .alive import live_workers
from .broker_url import existing_url
from .config import Settings
from .connected import connected
from .handing_over import handing_over, lasting_of
from .render.screen import Screen
from .run_worker import log_folder
from .upkeep import ending, place, processes
from .upkeep.wanted import worker_names

if TYPE_CHECKING:
    from ..broker.keys import TaskId
    from ..broker.namespace import Namespace
    from .upkeep.place import UpState

_LEAVE_LIMIT_S: Final = 30.0
_NUDGE_AFTER_S: Final = 1.0
_LOOK_EVERY_S: Final = 0.05


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """What was stopped; also how it is told with --json."""

    workers: list[str]
    up_stopped: bool = False
    server_stopped: bool = False


def stop_all(settings: Settings, screen: Screen, *, force: bool) -> int:
    """End `up`, drain the workers that `run` started, then stop the embedded server; tell it."""
    here = place.of(settings.home)
    place.make(here)
    with locked(here.lock, timeout_s=_LEAVE_LIMIT_S):
        left = _up_of(settings, force=force)
        was_there = existing_url(settings) is not None
        stopped = loop.run(lambda: _stop(settings, screen, left, force=force))
        if stopped is None:
            return exits.FAILED
        if not settings.url:
            # The worker of `run` takes an idle server along when it leaves.
            is_server_stopped = stop(settings.home.data) or was_there
            stopped = msgspec.structs.replace(stopped, server_stopped=is_server_stopped)
    return _done(screen, stopped)


def _up_of(settings: Settings, *, force: bool) -> "UpState | None":
    """Return what there is of an `up` that serves what the settings name.

    Raises:
        UsageError: it can't be ended from here.
    """
    if (left := ending.left_of(settings)) is None:
        return None
    if not ending.is_about(left, settings):
        there = left.wanted.server or "the embedded server (--context local)"
        raise UsageError(
            f"`up` runs here for {there}, namespace {left.wanted.namespace}: name that one"
        )
    if left.foreground and not force and processes.is_alive(left.process):
        raise UsageError(
            f"`up --foreground` runs, with pid {left.process.pid}: end it where it was started "
            "(systemctl stop, Ctrl-C), or use --force"
        )
    return left


async def _stop(
    settings: Settings, screen: Screen, left: "UpState | None", *, force: bool
) -> Stopped | None:
    """Stop `up` and the workers of `run`. Return None if they are in use, which is told."""
    url = existing_url(settings)
    if url is None or (left and not await _answers(url, settings, force=force)):
        await ending.end(settings, left, force=force)
        return Stopped(workers=[], up_stopped=left is not None)
    async with connected(url, settings.namespace) as namespace:
        own, others = await _workers(namespace, settings, left)
        lasting = await lasting_of(namespace, own)
        if not force and (problem := _in_use(settings, own, others, lasting)):
            screen.say(f"{problem}; wait for the end, or use --force: nothing is lost")
            return None
        if lasting and not force:
            screen.say(handing_over(lasting))
        await ending.end(settings, left, force=force)
        await _dismiss(namespace, own, force=force)
        return Stopped(workers=[worker.name for worker in own], up_stopped=left is not None)


async def _answers(url: str, settings: Settings, *, force: bool) -> bool:
    """Return whether the server can be asked who runs what.

    Raises:
        BrokerUnavailable: it can't, and that matters.
    """
    try:
        async with connected(url, settings.namespace) as namespace:
            await live_workers(namespace)  # who submits could have spoiled that
            return True
    except BrokerUnavailable as e:
        if force:
            return False
        raise type(e)(f"{e}; to end what runs here all the same: rq-agent down --force") from e


async def _workers(
    namespace: "Namespace", settings: Settings, left: "UpState | None"
) -> tuple[list[WorkerView], list[WorkerView]]:
    """Return the live workers that `up` and `run` started here, and all others."""
    started = {log.stem for log in log_folder(settings).glob("*.log")}
    started |= worker_names(left.wanted) if left else set()
    live = await live_workers(namespace)
    own = [w for w in live if w.name in started and w.host == platform.node()]
    return own, [worker for worker in live if worker not in own]


def _in_use(
    settings: Settings,
    own: Sequence[WorkerView],
    others: Sequence[WorkerView],
    lasting: Collection["TaskId"],
) -> str:
    """Return who still needs what is to be stopped; empty when nobody does.

    Args:
        settings: of the command.
        own: workers to be stopped.
        others: that use the same server.
        lasting: services, which they hand over.
    """
    for worker in own:
        if busy := [task_id for task_id in worker.running if task_id not in lasting]:
            return f"worker {worker.name} runs task {busy[0]}"
    if settings.url:
        return ""
    if others:
        return f"worker {others[0].name} uses the embedded server, and was not started by `up` or `run`"
    known = settings.namespace if lasting else ""
    return "a task is running" if runs_tasks(settings.home.data, but=known) else ""


async def _dismiss(namespace: "Namespace", own: Sequence[WorkerView], *, force: bool) -> None:
    """Let workers leave, and wait until they have.

    Raises:
        BrokerUnavailable: one of them does not leave.
    """
    for worker in own:
        await Draining(namespace).drain(worker.name)
    nudge_at = anyio.current_time() + _NUDGE_AFTER_S
    with anyio.move_on_after(_LEAVE_LIMIT_S) as scope:
        while left := await _still_there(namespace, own):
            await anyio.sleep(_LOOK_EVERY_S)
            if force and anyio.current_time() >= nudge_at:
                nudge_at += _NUDGE_AFTER_S
                for worker in left:
                    _terminate(worker)
    if scope.cancelled_caught:
        raise BrokerUnavailable(
            f"worker {left[0].name} (pid {left[0].pid}) has not left after {_LEAVE_LIMIT_S:.0f} s"
        )


async def _still_there(namespace: "Namespace", own: Sequence[WorkerView]) -> list[WorkerView]:
    names = {worker.name for worker in own}
    return [worker for worker in await live_workers(namespace) if worker.name in names]


def _terminate(worker: WorkerView) -> None:
    """Ask a draining worker on this machine to give back what it runs."""
    import psutil

    if worker.pid is None:
        return
    try:
        if worker.name in psutil.Process(worker.pid).cmdline():  # the pid may be another's by now
            os.kill(worker.pid, signal.SIGTERM)
    except (psutil.Error, ProcessLookupError):
        return  # it has just left


def _done(screen: Screen, stopped: Stopped) -> int:
    if screen.json:
        screen.print_json({"schema": 1, **msgspec.to_builtins(stopped)})
        return exits.OK
    for name in stopped.workers:
        screen.say(f"worker {name} has stopped")
    if stopped.up_stopped:
        screen.say("what `up` kept running has stopped")
    if stopped.server_stopped:
        screen.say("the embedded server has stopped; its tasks are kept for the next start")
    if stopped == Stopped(workers=[]):
        screen.say("nothing runs that rq-agent started by itself")
    return exits.OK
