"""The tree of commands: one line for each, in the panels that the help shows them in."""

from collections.abc import Sequence
from typing import Final, NamedTuple


class Entry(NamedTuple):
    """One command."""

    name: str
    body: str
    """`module:function` below cli/commands; imported when the command is used or described."""
    passes_arguments: bool = False
    """Options before its target are ours, the ones after it the target's own."""
    is_hidden: bool = False


class Panel(NamedTuple):
    """Commands that belong together, under a title."""

    title: str
    entries: Sequence["Entry | Group"]


class Group(NamedTuple):
    """A noun with verbs of its own."""

    name: str
    help: str
    panels: Sequence[Panel]
    is_hidden: bool = False
    usual: str = ""
    """The command that is meant where none is named; empty: one must be."""


_QUEUE: Final = Group(
    "queue",
    "Queues: what waits where.",
    (
        Panel("Look", (Entry("ls", "queue_ls:queue_ls"), Entry("show", "queue_show:queue_show"))),
        Panel(
            "Change",
            (
                Entry("create", "queue_open:create"),
                Entry("pause", "queue_open:pause"),
                Entry("resume", "queue_open:resume"),
                Entry("limit", "queue_shares:limit"),
                Entry("weight", "queue_shares:weight"),
                Entry("ageing", "queue_shares:ageing"),
                Entry("purge", "queue_rm:purge"),
                Entry("rm", "queue_rm:rm"),
            ),
        ),
    ),
)

_WORKER: Final = Group(
    "worker",
    "Workers: who is there, and what they do.",
    (
        Panel(
            "Look", (Entry("ls", "worker_ls:worker_ls"), Entry("show", "worker_show:worker_show"))
        ),
        Panel(
            "Change",
            (
                Entry("drain", "worker_orders:drain"),
                Entry("undrain", "worker_orders:undrain"),
                Entry("pause", "worker_orders:pause"),
                Entry("resume", "worker_orders:resume"),
                Entry("stop", "worker_orders:stop"),
                Entry("restart", "worker_orders:restart"),
                Entry("label", "worker_label:worker_label"),
            ),
        ),
    ),
)

_ARCHIVE: Final = Group(
    "archive",
    "Archive tasks: let those that ended leave Redis, and list what has.",
    (
        Panel("Look", (Entry("ls", "archive:archive_ls"),)),
        Panel("Change", (Entry("add", "archive:archive_add"),)),
    ),
    usual="add",
)

_SCHEDULE: Final = Group(
    "schedule",
    "Schedules: tasks that come again and again.",
    (
        Panel(
            "Look",
            (
                Entry("ls", "schedule:schedule_ls"),
                Entry("show", "schedule:schedule_show"),
                Entry("explain", "schedule:schedule_explain"),
            ),
        ),
        Panel(
            "Change",
            (
                Entry("add", "schedule:schedule_add", passes_arguments=True),
                Entry("pause", "schedule:schedule_pause"),
                Entry("resume", "schedule:schedule_resume"),
                Entry("run", "schedule:schedule_run"),
                Entry("rm", "schedule:schedule_rm"),
            ),
        ),
    ),
)

_CONTEXT: Final = Group(
    "context",
    "Contexts: the servers that you work with.",
    (
        Panel("Look", (Entry("ls", "context:context_ls"), Entry("show", "context:context_show"))),
        Panel(
            "Change",
            (
                Entry("use", "context:context_use"),
                Entry("add", "context:context_add"),
                Entry("rm", "context:context_rm"),
            ),
        ),
    ),
)

_CONFIG: Final = Group(
    "config",
    "Configuration: what is set, and where.",
    (Panel("Look", (Entry("show", "config:config_show"), Entry("path", "config:config_path"))),),
)

_KEY: Final = Group(
    "key",
    "Keys: whose tasks machines run, and who joined.",
    (
        Panel("Look", (Entry("ls", "key:key_ls"), Entry("show", "key:key_show"))),
        Panel("Change", (Entry("add", "key:key_add"), Entry("rm", "key:key_rm"))),
    ),
)

ROOT: Final = Group(
    "rq-agent",
    "Run Python work on the machines you own.",
    (
        Panel(
            "Run",
            (
                Entry("run", "run:run", passes_arguments=True),
                Entry("submit", "submit:submit", passes_arguments=True),
                Entry("rerun", "clone:rerun"),
                Entry("work", "work:work"),
            ),
        ),
        Panel(
            "Look at tasks",
            (
                Entry("ps", "ps:ps"),
                Entry("show", "show:show"),
                Entry("logs", "logs:logs"),
                Entry("result", "result:result"),
                Entry("wait", "wait:wait"),
                Entry("why", "why:why"),
                Entry("diff", "diff:diff"),
                Entry("events", "events:events"),
                Entry("top", "top:top"),
            ),
        ),
        Panel(
            "Change tasks",
            (
                Entry("cancel", "cancel:cancel"),
                Entry("move", "move:move"),
                Entry("edit", "edit:edit"),
                Entry("clone", "clone:clone"),
                Entry("enqueue", "enqueue:enqueue"),
                Entry("dequeue", "dequeue:dequeue"),
                Entry("reset", "reset:reset"),
                Entry("label", "label:label"),
                _ARCHIVE,
                Entry("rm", "rm:rm"),
            ),
        ),
        Panel("Queues and workers", (_QUEUE, _WORKER, _SCHEDULE)),
        Panel(
            "This machine",
            (
                Entry("join", "join:join"),
                Entry("invite", "invite:invite"),
                _KEY,
                Entry("scheduler", "scheduler:scheduler"),
                Entry("web", "web:web"),
                Entry("init", "init:init"),
                Entry("doctor", "doctor:doctor"),
                Entry("install", "install:install"),
                Entry("uninstall", "install:uninstall"),
                _CONTEXT,
                _CONFIG,
                Entry("up", "up:up"),
                Entry("down", "down:down"),
                Entry("_up", "up:supervise", is_hidden=True),
                Entry("_relay", "relay:relay", is_hidden=True),
                Entry("_registrar", "relay:registrar", is_hidden=True),
                Entry("version", "version:version"),
            ),
        ),
    ),
)
