"""What holds of all that is stored, between any two calls of scripts; no model is needed."""

from collections import defaultdict
from collections.abc import Iterator

from .state import FINAL
from .stored import Stored

_BAND = 2**44
_INDEXED = FINAL | {"draft", "waiting", "blocked"}
Record = dict[str, str]


def check(stored: Stored) -> None:
    """Raise AssertionError where something stored does not fit the rest."""
    tasks = {key[2:]: value for key, value in stored.items() if key.startswith("t:")}
    assert stored.get("ids", {}).keys() == tasks.keys(), "ids is not the list of all tasks"
    _check_owners(stored, tasks)
    _check_ready(stored, tasks)
    _check_running(stored, tasks)
    _check_states(stored, tasks)
    _check_keys(stored, tasks)
    _check_families(stored, tasks)


def _below(stored: Stored, prefix: str) -> Iterator[tuple[str, set[str]]]:
    """What follows the prefix in the name of a key, and the members of that key."""
    for key, value in stored.items():
        if key.startswith(prefix):
            yield key[len(prefix) :], set(value)


def _grouped(tasks: dict[str, Record], field: str, *states: str) -> dict[str, set[str]]:
    """Ids of the tasks in some states, by a field that they have."""
    groups: dict[str, set[str]] = defaultdict(set)
    for task_id, task in tasks.items():
        if task["state"] in states and task.get(field):
            groups[task[field]].add(task_id)
    return dict(groups)


def _check_owners(stored: Stored, tasks: dict[str, Record]) -> None:
    """Every live task stands in exactly one owning index, the one that its state names."""
    owners: dict[str, list[str]] = defaultdict(list)
    for name, members in _below(stored, "q:"):
        for task_id in members:
            owners[task_id].append(f"queued {name}")
    for name, members in _below(stored, "park:"):
        for task_id in members:
            owners[task_id].append(f"blocked {name}")
    for name, _ in _below(stored, "dep:"):
        owners[name].append("waiting")
    for key, state in (("lease", "running"), ("delay", "delayed"), ("done", "final")):
        for task_id in stored.get(key, ()):
            owners[task_id].append(state)
    expected = {i: [_owner(task)] for i, task in tasks.items() if task["state"] != "draft"}
    assert owners == expected, "a task is not in the one index that its state names"


def _owner(task: Record) -> str:
    state = task["state"]
    if state == "queued":
        return f"queued {task['queue']}:{task['shape']}"
    if state == "blocked":
        return f"blocked {task['key']}"
    return "final" if state in FINAL else state


def _check_ready(stored: Stored, tasks: dict[str, Record]) -> None:
    """A place is that of the record, in the band of its priority; rdy: names what is not empty."""
    listed: dict[str, set[str]] = defaultdict(set)
    for key, members in stored.items():
        if not key.startswith(("q:", "park:")):
            continue
        for task_id, score in members.items():
            task = tasks[task_id]
            assert score == float(task["order"]), f"task {task_id} is not in its own place"
            priority = int(task.get("priority", "0"))
            assert score // _BAND == 127 - priority, f"task {task_id} is not in its priority"
        if key.startswith("q:"):
            _, queue, shape = key.split(":")
            listed[shape].add(queue)
            assert shape in stored[f"qh:{queue}"], "a shape of a queue is not listed"
            assert queue in stored["qs"], "a queue is not listed"
    assert dict(_below(stored, "rdy:")) == listed, "rdy: is not what the ready sets say"
    orders = [(t["queue"], t["order"]) for t in tasks.values() if t["state"] in ("queued",)]
    assert len(set(orders)) == len(orders), "two tasks share a place"


def _check_running(stored: Stored, tasks: dict[str, Record]) -> None:
    """run:, wt: and hold: are what the records of the running tasks say."""
    for prefix, field in (("run:", "queue"), ("wt:", "worker"), ("hold:", "key")):
        derived = _grouped(tasks, field, "running")
        assert dict(_below(stored, prefix)) == derived, f"{prefix} is not what runs"
    waiting = {i for i, task in tasks.items() if task["state"] in ("queued", "blocked")}
    assert stored.get("exp", {}).keys() <= waiting, "one that does not wait expires"


def _check_states(stored: Stored, tasks: dict[str, Record]) -> None:
    derived = defaultdict(set)
    for task_id, task in tasks.items():
        if task["state"] in _INDEXED:
            derived[task["state"]].add(task_id)
    assert dict(_below(stored, "by:state:")) == derived, "by:state: is not what the records say"
    for field in ("queue", "user", "name"):
        found = _grouped(tasks, field, *{task["state"] for task in tasks.values()})
        assert dict(_below(stored, f"by:{field}:")) == found, f"by:{field}: is not so"


def _check_keys(stored: Stored, tasks: dict[str, Record]) -> None:
    """Uniqueness keys name their live task; cks names the keys that have a blocked one."""
    live = {i: t for i, t in tasks.items() if t["state"] not in FINAL and t["state"] != "draft"}
    unique = {t["unique"]: i.encode() for i, t in live.items() if t.get("unique")}
    held = {key[2:]: value for key, value in stored.items() if key.startswith("u:")}
    assert held == unique, "a uniqueness key is not held by its live task"
    assert stored.get("cks", set()) == {name for name, _ in _below(stored, "park:")}


def _check_families(stored: Stored, tasks: dict[str, Record]) -> None:
    """kid: mirrors dep:, and a parent counts its children that are not final."""
    edges = {(p, c, i) for i, deps in _below(stored, "dep:") for c, p in map(_pair, deps)}
    mirrored = {(p, c, i) for p, kids in _below(stored, "kid:") for c, i in map(_pair, kids)}
    assert edges == mirrored, "dep: and kid: do not mirror each other"
    children: dict[str, int] = defaultdict(int)
    for task_id, task in tasks.items():
        if task["state"] not in FINAL and "parents" in task:
            for edge in stored[f"x:{task_id}"]["parents"].split():
                parent = _pair(edge)[1]
                children[f"t:{parent}"] += parent in tasks  # a draft's may be gone
    counted = {k: int(v) for k, v in stored.get("refs", {}).items() if k.startswith("t:")}
    assert counted == {k: n for k, n in children.items() if n}, (
        "the children of a parent are not counted right"
    )
    definitions: dict[str, int] = defaultdict(int)
    for task in tasks.values():
        definitions[f"d:{task['definition']}"] += 1
    used = {k: int(v) for k, v in stored.get("refs", {}).items() if k.startswith("d:")}
    assert used == definitions, "the users of a definition are not counted right"


def _pair(edge: str) -> tuple[str, str]:
    condition, _, other = edge.partition(":")
    return condition, other
