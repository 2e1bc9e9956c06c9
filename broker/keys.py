"""Every Redis key of rq-agent, one function per key; the docstring is the schema.

All keys of one namespace share a hash tag and so one cluster slot: a script may touch any of
them. `lua/prelude.lua` builds the same names inside scripts; a test holds the two together.
Times are Unix milliseconds on the clock of Redis.
"""

import re
from typing import Final, NewType

Prefix = NewType("Prefix", str)
TaskId = NewType("TaskId", str)

NAME_PATTERN: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,62}")
"""Namespaces, queues and workers: no colon and no brace, short enough for a listpack."""


def prefix(namespace: str) -> Prefix:
    """Return the prefix of every key of a namespace, e.g. ``rqa:{lab}:``."""
    return Prefix(f"rqa:{{{namespace}}}:")


def task(p: Prefix, task_id: TaskId) -> str:
    """HASH, no TTL until purged. Readable state of one task; see record.py for the fields."""
    return f"{p}t:{task_id}"


def extra(p: Prefix, task_id: TaskId) -> str:
    """HASH, lives as long as the task. Long fields: name, reason, labels, params, used ..."""
    return f"{p}x:{task_id}"


def definition(p: Prefix, digest: str) -> str:
    """STRING, no TTL; counted in `refs`. msgpack of a Definition, shared by tasks."""
    return f"{p}d:{digest}"


def arguments(p: Prefix, task_id: TaskId) -> str:
    """STRING, lives as long as the task. Signed envelope, opaque to Lua."""
    return f"{p}a:{task_id}"


def result(p: Prefix, task_id: TaskId) -> str:
    """STRING, TTL only where the task has a result_ttl_ms, else it lives as long. Result bytes."""
    return f"{p}r:{task_id}"


def history(p: Prefix, task_id: TaskId) -> str:
    """LIST of at most 64, lives as long as the task. ``<ms> <event> <detail>``, oldest first."""
    return f"{p}h:{task_id}"


def ids(p: Prefix) -> str:
    """ZSET, no TTL. Member: task id. Score: 0, so that ids sort by time of creation."""
    return f"{p}ids"


def index(p: Prefix, field: str, value: str) -> str:
    """ZSET, no TTL, gone when empty. Task ids of one user, name, queue, label or state; score 0.

    A label has two: ``name=value``, and ``name`` for any value.
    Of the states those that own no other index: draft, waiting, blocked and the final ones.
    """
    return f"{p}by:{field}:{value}"


def ready(p: Prefix, queue: str, shape: str) -> str:
    """ZSET, no TTL, gone when empty. Ready tasks of one queue and shape. Score: see prelude."""
    return f"{p}q:{queue}:{shape}"


def ready_queues(p: Prefix, shape: str) -> str:
    """SET, no TTL, gone when empty. Queues that have a ready task of this shape."""
    return f"{p}rdy:{shape}"


def shapes(p: Prefix) -> str:
    """HASH, no TTL. Shape id -> need as JSON."""
    return f"{p}shapes"


def queue(p: Prefix, name: str) -> str:
    """HASH, no TTL. Fields: sequence, tops, paused, max_running, weight, description, ageing_ms.

    `sequence` and `tops` count the places given out at the end and at the front of a priority.
    """
    return f"{p}qm:{name}"


def queues(p: Prefix) -> str:
    """SET, no TTL. Names of all queues."""
    return f"{p}qs"


def ageing_queues(p: Prefix) -> str:
    """SET, no TTL, gone when empty. Queues whose tasks rise when they waited for long."""
    return f"{p}aqs"


def queue_shapes(p: Prefix, queue_name: str) -> str:
    """SET, no TTL. Shapes that tasks of this queue ever had."""
    return f"{p}qh:{queue_name}"


def passes(p: Prefix, order: str) -> str:
    """ZSET, TTL 30 days from the last claim. Queue -> stride pass, never decreasing.

    The member `` `` (empty) is the virtual time: the pass of the queue served last.
    """
    return f"{p}st:{order}"


def leases(p: Prefix) -> str:
    """ZSET, no TTL, gone when empty. The running set. Member: task id. Score: deadline (ms)."""
    return f"{p}lease"


def running(p: Prefix, queue_name: str) -> str:
    """ZSET, no TTL, gone when empty. Running tasks of a queue. Score: claimed at (ms)."""
    return f"{p}run:{queue_name}"


def held(p: Prefix, worker: str) -> str:
    """SET, no TTL, gone when empty. Running tasks of a worker."""
    return f"{p}wt:{worker}"


def delayed(p: Prefix) -> str:
    """ZSET, no TTL, gone when empty. Member: task id. Score: due at (ms)."""
    return f"{p}delay"


def deadlines(p: Prefix) -> str:
    """ZSET, no TTL, gone when empty. Waiting tasks that expire. Score: expires at (ms)."""
    return f"{p}exp"


def done(p: Prefix) -> str:
    """ZSET, no TTL. Final tasks. Score: purge at (ms)."""
    return f"{p}done"


def unarchived(p: Prefix) -> str:
    """ZSET, no TTL, gone when empty. Final tasks that the archive lacks. Score: write at (ms)."""
    return f"{p}arc"


def dead(p: Prefix) -> str:
    """ZSET, no TTL. Tasks that were lost too often. Score: died at (ms)."""
    return f"{p}dead"


def references(p: Prefix) -> str:
    """HASH, no TTL. ``d:<digest>``, ``blob:<sha256>``, ``t:<parent>`` -> number of users.

    The users of a parent are its children that are not final. ``blobs:<digest>`` names the
    blobs of a definition, separated by spaces.
    """
    return f"{p}refs"


def blob(p: Prefix, digest: str) -> str:
    """STRING, TTL one hour until a definition refers to it, then none. Content by SHA-256."""
    return f"{p}blob:{digest}"


def dependencies(p: Prefix, task_id: TaskId) -> str:
    """SET, no TTL, gone when empty. ``<condition>:<parent>`` of a waiting task, unmet yet."""
    return f"{p}dep:{task_id}"


def children(p: Prefix, task_id: TaskId) -> str:
    """SET, no TTL, gone when empty. ``<condition>:<child>`` to tell when this task is final."""
    return f"{p}kid:{task_id}"


def resolve(p: Prefix) -> str:
    """SET, no TTL, gone when empty. Final tasks whose children are still to be told."""
    return f"{p}resolve"


def holders(p: Prefix, key: str) -> str:
    """ZSET, no TTL, gone when empty. Running tasks of a concurrency key. Score: claimed at (ms)."""
    return f"{p}hold:{key}"


def parked_tasks(p: Prefix, key: str) -> str:
    """ZSET, no TTL, gone when empty. Blocked tasks of a concurrency key. Score: their order."""
    return f"{p}park:{key}"


def parked_keys(p: Prefix) -> str:
    """SET, no TTL, gone when empty. Concurrency keys that have a blocked task."""
    return f"{p}cks"


def unique(p: Prefix, key: str) -> str:
    """STRING, no TTL, gone when its task is final. Id of the live task with this unique key."""
    return f"{p}u:{key}"


def schedules(p: Prefix) -> str:
    """ZSET, no TTL, gone when empty. Member: schedule. Score: fires next (ms), +inf: paused."""
    return f"{p}cron"


def schedule(p: Prefix, name: str) -> str:
    """HASH, no TTL until removed. One schedule; see schedule.py for the fields."""
    return f"{p}cr:{name}"


def statistics(p: Prefix, queue_name: str, minute: int) -> str:
    """HASH, TTL 8 days. Counts of one queue in one minute since 1970; see statistics.py."""
    return f"{p}qstat:{queue_name}:{minute}"


def scalars(p: Prefix, task_id: TaskId) -> str:
    """STREAM, lives as long as the task. Numbers that the script reported."""
    return f"{p}sc:{task_id}"


def workers(p: Prefix) -> str:
    """ZSET, no TTL. Member: worker. Score: expires at (ms)."""
    return f"{p}wks"


def worker(p: Prefix, name: str) -> str:
    """HASH, purged by tick ten leases after the worker's last beat. What it is and does."""
    return f"{p}wk:{name}"


def inbox(p: Prefix, name: str) -> str:
    """STREAM of about 256, purged with the worker. Wake, cancel, shapes, look (at its command)."""
    return f"{p}in:{name}"


def command(p: Prefix, worker_name: str) -> str:
    """HASH, TTL 30 days from the worker's last beat. Protected: what a worker is told.

    command (drain, stop or restart), who and at_ms; paused (1), paused_who and paused_ms;
    open_until_ms: until then it claims also outside of its hours.
    """
    return f"{p}!cmd:{worker_name}"


def worker_labels(p: Prefix, worker_name: str) -> str:
    """HASH, TTL 30 days from the worker's last beat. Protected: labels given to it from afar.

    Label -> ``=<value>``, or ``-``: it does not have it, whatever it was started with.
    """
    return f"{p}!lbl:{worker_name}"


def interested(p: Prefix, queue_name: str, shape: str) -> str:
    """SET, no TTL. Profiles that listen to this queue and can run this shape."""
    return f"{p}qp:{queue_name}:{shape}"


def listeners(p: Prefix, queue_name: str) -> str:
    """SET, no TTL. Profiles that listen to this queue, whatever the shape."""
    return f"{p}ql:{queue_name}"


def profile(p: Prefix, profile_id: str) -> str:
    """STRING, TTL one day from its last parking or beat. Set while `interested` names it."""
    return f"{p}pf:{profile_id}"


def idle(p: Prefix, profile_id: str) -> str:
    """ZSET, TTL one day from the last parking or beat. Parked workers. Score: expires at (ms)."""
    return f"{p}idle:{profile_id}"


def events(p: Prefix) -> str:
    """STREAM of about 100 000, no TTL. Every transition: id, event, small fields."""
    return f"{p}ev"


def log(p: Prefix, task_id: TaskId, fence: int) -> str:
    """STREAM of at most 1 MiB of output; TTL once the attempt ended. Entries: see logs.py."""
    return f"{p}log:{task_id}:{fence}"


def globals_(p: Prefix) -> str:
    """HASH, no TTL. run_id, birth, ticked_at, hold_claims_until, hold_reaping_until, archived,
    confirmed_ms (what `--durability acked` writes to have it confirmed), recreated, replaced_ms,
    replaced_known_ms, replaced (what Redis once came back without; see replacement.py) ...
    """
    return f"{p}g"


def keyring(p: Prefix) -> str:
    """STRING, no TTL. Protected. Whose tasks workers run, signed by its keeper; see keyring.py."""
    return f"{p}!keyring"


def keyring_copy(p: Prefix) -> str:
    """STRING, no TTL. The same, for logins that may not read it there; who submits may alter it."""
    return f"{p}keyring"


def join(p: Prefix, token_id: str) -> str:
    """STREAM of about 100, no TTL until its token is removed. Protected; see joining/request.py.

    What a machine that joins and the registrar tell each other. ``join(p, "bell")`` tells the
    registrar that there are new tokens.
    """
    return f"{p}!join:{token_id}"


def tokens(namespace: str) -> str:
    """HASH, no TTL. Token id -> joining.records.TokenRecord as JSON.

    Outside of the prefix: out of reach for every role, since whoever writes here can let himself
    in as anything. In the same slot.
    """
    return f"rqa!{{{namespace}}}:tokens"


def members(namespace: str) -> str:
    """HASH, no TTL. User -> joining.records.Member as JSON. Outside of the prefix, as tokens."""
    return f"rqa!{{{namespace}}}:members"
