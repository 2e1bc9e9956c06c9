"""The options of `work`."""

from dataclasses import dataclass, field
from typing import Annotated

import typer

from .completion import queue_names


@dataclass(frozen=True)
class WorkOptions:
    """What a worker may be told at its start."""

    queues: Annotated[
        str,
        typer.Option(
            "-q",
            "--queues",
            metavar="NAMES",
            help="Queues to take tasks from, with commas; the most important first.",
            autocompletion=queue_names,
        ),
    ] = "default"
    mode: Annotated[
        str,
        typer.Option(
            "--mode", metavar="MODE", help="priority, round-robin, or weighted:3,1 (by queue)."
        ),
    ] = "priority"
    slots: Annotated[
        str,
        typer.Option(
            "--slots",
            metavar="N",
            help="Tasks without a GPU at once; else 1, with --services as many as those.",
            show_default=False,
        ),
    ] = ""
    gpus: Annotated[
        str,
        typer.Option(
            "--gpus",
            metavar="GPUS",
            help="GPUs to hand out: all, none, a number, or 0,1; else all, with --services none.",
            show_default=False,
        ),
    ] = ""
    cpus: Annotated[
        str,
        typer.Option(
            "--cpus", metavar="N", help="CPUs to hand out; else no limit.", show_default=False
        ),
    ] = ""
    mem: Annotated[
        str,
        typer.Option(
            "--mem",
            metavar="SIZE",
            help="Memory to hand out: 32G; else no limit.",
            show_default=False,
        ),
    ] = ""
    name: Annotated[
        str,
        typer.Option(
            "--name",
            metavar="NAME",
            help="Name of the worker; else the machine's.",
            show_default=False,
        ),
    ] = ""
    label: Annotated[
        list[str],
        typer.Option(
            "-l",
            "--label",
            metavar="KEY=VALUE",
            help="Label to find it by; may be repeated.",
            show_default=False,
        ),
    ] = field(default_factory=list)
    hours: Annotated[
        str,
        typer.Option(
            "--hours",
            metavar="HOURS",
            help="Take tasks only then: 'mon-fri 19:00-08:00, sat-sun 00:00-24:00'.",
            show_default=False,
        ),
    ] = ""
    hours_end: Annotated[
        str,
        typer.Option(
            "--hours-end",
            metavar="WHAT",
            help="What runs when they end: finish, or give-back: into its place, uncharged.",
        ),
    ] = "finish"
    tz: Annotated[
        str,
        typer.Option(
            "--tz",
            metavar="ZONE",
            help="Time zone of the hours: Europe/Berlin; else this machine's.",
            show_default=False,
        ),
    ] = ""
    once: Annotated[bool, typer.Option("--once", help="Stop when no task is ready.")] = False
    idle_timeout: Annotated[
        str,
        typer.Option(
            "--idle-timeout",
            metavar="TIME",
            help="Stop after this long without a task: 10m.",
            show_default=False,
        ),
    ] = ""
    max_tasks: Annotated[
        str, typer.Option("--max-tasks", metavar="N", help="Stop after so many; 0: no limit.")
    ] = "0"
    lease: Annotated[
        str,
        typer.Option(
            "--lease", metavar="TIME", help="Silence after which another worker gets its tasks."
        ),
    ] = "60s"
    watchdog: Annotated[
        str,
        typer.Option(
            "--watchdog",
            metavar="TIME",
            help="Tell of a task without output, CPU and GPU use for so long; 0: never. Else 30m.",
            show_default=False,
        ),
    ] = ""
    spool_limit: Annotated[
        str,
        typer.Option(
            "--spool-limit",
            metavar="SIZE",
            help="Keep the newest output of a task on the disk, up to this: 500M. Else 1G.",
            show_default=False,
        ),
    ] = ""
    services: Annotated[
        str,
        typer.Option(
            "--services",
            metavar="N",
            help="Light tasks at once: coroutines and processes of submit --service; 0: none.",
        ),
    ] = "0"
    host_lag: Annotated[
        str,
        typer.Option(
            "--host-lag",
            metavar="TIME",
            help="A coroutine that holds up the others for so long is stopped; else 2s.",
            show_default=False,
        ),
    ] = ""
    host_mem: Annotated[
        str,
        typer.Option(
            "--host-mem",
            metavar="SIZE",
            help="Memory that one process with coroutines, or one with plain functions and their"
            " children, may take: 2G; else no limit.",
            show_default=False,
        ),
    ] = ""
    host_idle: Annotated[
        str,
        typer.Option(
            "--host-idle",
            metavar="TIME",
            help="Keep such a process for so long when it runs nothing; else 60s.",
            show_default=False,
        ),
    ] = ""
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Don't start on a Redis that tasks may get lost on."),
    ] = False
    stop_server: Annotated[bool, typer.Option("--stop-server", hidden=True)] = False
