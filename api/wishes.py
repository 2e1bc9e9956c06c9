"""What `@task(...)` says, as a submission."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from ..broker.claims import Outcome
from ..broker.errors import UsageError
from ..broker.keys import TaskId
from ..broker.new_task import Condition, Parent
from ..broker.retries import RetryPolicy, encode
from ..broker.submission import Submission
from .places import Place

_RETRIED: Final = frozenset({Outcome.FAILED, Outcome.ERRORED, Outcome.TIMED_OUT})
_RETRY_DELAY_S: Final = 1.0
_RESTARTS: Final = ("never", "on-failure", "always")


class Submitter(Protocol):
    """What is usual for a client's tasks."""

    @property
    def queue(self) -> str:
        """Where tasks go that name no queue."""

    @property
    def user(self) -> str:
        """Who submits."""


def submission_of(
    place: Place, options: Mapping[str, Any], usual: Submitter, *, workdir: Path
) -> Submission:
    """Return what is asked for with the options of a task.

    Raises:
        UsageError: a value is not acceptable.
    """
    return Submission(
        target=place.script,
        module=place.module,
        function=place.function,
        light=True,
        workdir=workdir,
        queue=options.get("queue") or usual.queue,
        name=options.get("name") or place.function.name,
        priority=options.get("priority", 0),
        labels=dict(options.get("labels") or {}),
        timeout_s=_seconds(options, "timeout", 0.0),
        grace_s=_seconds(options, "grace", 30.0),
        delay_s=_seconds(options, "delay", 0.0),
        result_ttl_s=_seconds(options, "result_ttl", 0.0),
        retry=_retry(options),
        restart=_restart(options),
        parents=parents(options.get("after") or ()),
        unique=options.get("unique", ""),
        concurrency_key=options.get("concurrency_key", ""),
        concurrency_limit=options.get("concurrency_limit", 1),
        user=usual.user,
    )


def parents(after: Any) -> tuple[Parent, ...]:
    """Return the tasks to wait for; each a handle, an id, or a pair of that and a condition."""
    if isinstance(after, str) or not isinstance(after, Sequence):
        raise UsageError("after: give a list of handles or ids")
    return tuple(_parent(each) for each in after)


def _parent(each: Any) -> Parent:
    one, condition = each if isinstance(each, tuple) else (each, "ok")
    if condition not in list(Condition):
        raise UsageError(f"after: {condition!r} is no condition; say ok, any or fail")
    task_id = getattr(one, "id", one)
    if not isinstance(task_id, str):
        raise UsageError(f"after: {one!r} is neither a handle nor an id")
    return Parent(TaskId(task_id), Condition(condition))


def _seconds(options: Mapping[str, Any], name: str, usual: float) -> float:
    value = options.get(name, usual)
    seconds = value.total_seconds() if hasattr(value, "total_seconds") else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds >= 0:
        raise UsageError(f"{name}: {value!r} is no number of seconds from 0 on")
    return float(seconds)


def _retry(options: Mapping[str, Any]) -> str:
    retries = options.get("retries", 0)
    if not retries:
        return ""
    delay_ms = int(_seconds(options, "retry_delay", _RETRY_DELAY_S) * 1000)
    usual = RetryPolicy(retries=1)
    return encode(
        RetryPolicy(
            retries=retries, base_ms=delay_ms, cap_ms=max(usual.cap_ms, delay_ms), on=_RETRIED
        )
    )


def _restart(options: Mapping[str, Any]) -> Any:
    restart = options.get("restart", "never")
    if restart not in _RESTARTS:
        raise UsageError(f"restart: {restart!r}: say {', '.join(_RESTARTS)}")
    return restart
