"""Whether what is stored is what the model believes."""

from typing import Any

from .same import same
from .state import Queue, State, Task, WorkerRecord
from .stored import Stored

_DEFAULTS = {"priority": "0", "fence": "0", "attempt": "1", "lost": "0"}


def check(state: State, stored: Stored) -> None:
    """Raise AssertionError where Redis and the model differ."""
    same(_ids(stored), state.tasks.keys())
    for task in state.tasks.values():
        _check_task(task, stored)
    for key, expected in _scored(state).items():
        same(stored.get(key, {}), expected, key)
    same(stored.get("qs", set()), state.queues.keys())
    for name, queue in state.queues.items():
        _check_order(state, name, stored)
        _check_settings(name, queue, stored.get(f"qm:{name}", {}))
        same(stored.get(f"qh:{name}", set()), queue.shapes, f"shapes of {name}")
    same(stored.get("shapes", {}).keys(), state.shapes)
    same(stored.get("wks", {}), state.alive_until)
    for name, record in state.workers.items():
        _check_worker(name, record, stored.get(f"wk:{name}", {}))
    _check_commands(state, stored)
    for order, passes in state.passes.items():
        same(stored.get(f"st:{order}", {}), passes, f"turns of {order}")
    _check_parking(state, stored)
    _check_globals(state, stored.get("g", {}))


def _ids(stored: Stored) -> set[str]:
    return {key[2:] for key in stored if key.startswith("t:")}


def _check_task(task: Task, stored: Stored) -> None:
    record = _DEFAULTS | stored[f"t:{task.id}"]
    expected: dict[str, Any] = {
        "state": task.state,
        "queue": task.queue,
        "shape": task.shape,
        "priority": task.priority,
        "fence": task.fence,
        "attempt": task.attempt,
        "lost": task.lost,
    }
    if task.state == "running":
        expected["worker"] = task.worker
    told = {name: record.get(name) for name in expected}
    same(told, {n: str(v) for n, v in expected.items()}, f"task {task.id}")
    for name in ("nonce", "cancel", "finished"):
        same(record.get(name, ""), getattr(task, name), f"{name} of task {task.id}")
    if not task.is_final and task.state != "running":
        left = {"worker", "phase", "started_ms"} & record.keys()
        same(left, set(), f"what task {task.id} should have lost")
    reason = stored.get(f"x:{task.id}", {}).get("reason", "") if task.is_final else ""
    if task.state != "skipped":  # several parents may be why
        same(reason, task.reason, f"reason of task {task.id}")


def _scored(state: State) -> dict[str, dict[str, float]]:
    """What the indices by time hold."""
    fields = {
        "lease": "leased_until",
        "delay": "delayed_until",
        "exp": "expires",
        "done": "purge_at",
        "dead": "died",
        "arc": "archive_at",
    }
    tasks = state.tasks.values()
    return {
        key: {t.id: getattr(t, field) for t in tasks if getattr(t, field) is not None}
        for key, field in fields.items()
    }


def _check_order(state: State, name: str, stored: Stored) -> None:
    """The scores of a queue are those that the model knows, and sort its tasks as it does."""
    line = [state.tasks[i] for i in state.queues[name].in_order()]
    scores = {task.id: float(stored[f"t:{task.id}"]["order"]) for task in line}
    same(scores, {task.id: task.order for task in line}, f"places of {name}")
    same(line, sorted(line, key=lambda task: (task.order, task.id)), f"order of {name}")


def _check_settings(name: str, queue: Queue, told: dict[str, str]) -> None:
    expected = {
        "paused": "1" if queue.paused else None,
        "max_running": None if queue.max_running is None else str(queue.max_running),
        "weight": None if queue.weight == 1 else f"{queue.weight:.9g}",
    }
    same({field: told.get(field) for field in expected}, expected, f"settings of {name}")
    same(int(told.get("sequence", "0")), queue.sequence, f"sequence of {name}")


def _check_worker(name: str, record: WorkerRecord, told: dict[str, str]) -> None:
    same(told.get("claim_nonce", ""), record.claim_nonce, f"claim of {name}")
    beats = {"beat_ended": record.beat_ended, "beat_ended_before": record.beat_ended_before}
    same({k: int(told.get(k, "0")) for k in beats}, beats, f"beats of {name}")


def _check_commands(state: State, stored: Stored) -> None:
    told = {k[5:]: value for k, value in stored.items() if k.startswith("!cmd:")}
    commands = {n: record.command for n, record in state.workers.items() if record.command}
    same({n: v["command"] for n, v in told.items() if "command" in v}, commands, "commands")
    same({n for n, value in told.items() if "paused" in value}, state.paused, "paused workers")


def _check_parking(state: State, stored: Stored) -> None:
    """Who stands among the idle asked for tasks, got none, and did nothing else since."""
    for key, idle in stored.items():
        if key.startswith("idle:"):
            for worker in idle:
                assert state.workers[worker].is_parked, f"{worker} is not parked"
                same(stored[f"wk:{worker}"]["parked"], key[5:], f"{worker} is parked elsewhere")


def _check_globals(state: State, told: dict[str, str]) -> None:
    known = state.globals
    same(told.get("run_id", ""), known.run_id)
    for name in ("hold_claims_until", "hold_reaping_until", "ticker_until", "swept_at"):
        same(int(told.get(name, "0")), getattr(known, name), name)
    same(told.get("ticker", ""), known.ticker)
    same(int(told.get("ticked_at", "0")), (known.ticked_at or 0))
