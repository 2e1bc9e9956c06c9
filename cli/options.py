"""The options that commands share. Typer reads them off these classes; see command.py."""

from dataclasses import dataclass, field
from typing import Annotated

import typer

from .completion import context_names, queue_names


def _option(*names: str, text: str, metavar: str | None = None) -> typer.models.OptionInfo:
    """Return an option whose default is not worth showing."""
    first, *others = names
    option: typer.models.OptionInfo = typer.Option(
        first, *others, help=text, metavar=metavar, show_default=False
    )
    return option


def option_names(option: typer.models.OptionInfo) -> tuple[str, ...]:
    """Return how an option may be written."""
    return (str(option.default), *(option.param_decls or ()))  # typer keeps the first apart


@dataclass(frozen=True)
class Common:
    """Options of every command; they may stand before its name too."""

    redis: Annotated[
        str,
        _option(
            "--redis",
            metavar="URL",
            text="Redis or Valkey to use; else RQ_AGENT_REDIS_URL, a context, config.toml, the "
            "embedded one.",
        ),
    ] = ""
    context: Annotated[
        str,
        typer.Option(
            "--context",
            metavar="NAME",
            help="Server to use, by its name in `context ls`; else RQ_AGENT_CONTEXT.",
            show_default=False,
            autocompletion=context_names,
        ),
    ] = ""
    namespace: Annotated[
        str,
        _option(
            "--namespace", metavar="NAME", text="Namespace in it; else RQ_AGENT_NAMESPACE, default."
        ),
    ] = ""
    json: Annotated[bool, _option("--json", text="Print JSON on stdout.")] = False
    no_color: Annotated[bool, _option("--no-color", text="Print without colours.")] = False
    verbose: Annotated[bool, _option("-v", "--verbose", text="Say more; show tracebacks.")] = False


COMMON_NAMES = (*Common.__annotations__, "help", "version", "install_completion", "show_completion")
"""Parameters that every command has, or that the program itself has."""


@dataclass(frozen=True)
class TaskOptions:
    """What `submit` and `run` may be told about a task."""

    queue: Annotated[
        str,
        typer.Option(
            "-q",
            "--queue",
            metavar="NAME",
            help="Queue to put it in; else config.toml's, default.",
            show_default=False,
            autocompletion=queue_names,
        ),
    ] = ""
    priority: Annotated[
        str,
        typer.Option(
            "-p", "--priority", metavar="P", help="low, normal, high, or -128 to 127; larger first."
        ),
    ] = "normal"
    name: Annotated[
        str, _option("-n", "--name", metavar="NAME", text="Name of the task; else the script's.")
    ] = ""
    label: Annotated[
        list[str], _option("-l", "--label", metavar="KEY=VALUE", text="Label to find it by.")
    ] = field(default_factory=list)
    gpus: Annotated[str, typer.Option("--gpus", metavar="N", help="GPUs that it needs.")] = "0"
    cpus: Annotated[str, _option("--cpus", metavar="N", text="CPUs that it needs: 4, 0.5.")] = ""
    mem: Annotated[
        str, _option("--mem", metavar="SIZE", text="Memory that it needs: 500M, 32G.")
    ] = ""
    service: Annotated[
        bool,
        typer.Option(
            "--service",
            help="A light task, beside many others in one worker: a function pkg.mod:func, a "
            "script with an async main, or a program. Its queue is services.",
        ),
    ] = False
    args: Annotated[
        str,
        _option("--args", metavar="JSON", text="Arguments of the function, a list: '[1, 2]'."),
    ] = ""
    kwargs: Annotated[
        str,
        _option("--kwargs", metavar="JSON", text="The same by name, an object: '{\"n\": 3}'."),
    ] = ""
    set: Annotated[
        list[str],
        _option("--set", metavar="NAME=VALUE", text="Parameter of the script to override."),
    ] = field(default_factory=list)
    env: Annotated[
        list[str],
        _option(
            "--env",
            metavar="NAME[=VALUE]",
            text="Environment variable; without a value, the one set here. Stored in Redis as it "
            "is: not for secrets.",
        ),
    ] = field(default_factory=list)
    module: Annotated[
        bool,
        typer.Option("-m", "--module", help="SCRIPT is a module, run as by python -m: pkg.mod."),
    ] = False
    requirements: Annotated[
        list[str],
        _option("-r", "--requirements", metavar="FILE", text="Requirements file to install."),
    ] = field(default_factory=list)
    package: Annotated[
        list[str], _option("--with", metavar="PACKAGE", text="One more package to install.")
    ] = field(default_factory=list)
    python: Annotated[
        str, _option("--python", metavar="VERSION", text="Python to run it with: 3.12, >=3.11.")
    ] = ""
    env_writable: Annotated[
        bool,
        typer.Option(
            "--env-writable", help="Give it a copy of its environment of its own, to change."
        ),
    ] = False
    timeout: Annotated[
        str, _option("--timeout", metavar="TIME", text="Stop it after this long: 90s, 30m, 6h.")
    ] = ""
    grace: Annotated[
        str,
        typer.Option(
            "--grace", metavar="TIME", help="Time from SIGTERM to SIGKILL when it is stopped."
        ),
    ] = "30s"
    mem_limit: Annotated[
        str,
        _option(
            "--mem-limit",
            metavar="SIZE",
            text="Kill it when all its processes together use more memory: 500M, 32G.",
        ),
    ] = ""
    exclusive: Annotated[
        str,
        _option(
            "--exclusive",
            metavar="WHAT",
            text="When its worker loses redis: keep (as if not given): it goes on; kill: it is "
            "killed before another worker can start it.",
        ),
    ] = ""
    delay: Annotated[
        str, _option("--delay", metavar="TIME", text="Start it no sooner than after this long.")
    ] = ""
    queue_timeout: Annotated[
        str, _option("--queue-timeout", metavar="TIME", text="Give up if it waits for longer.")
    ] = ""
    restart: Annotated[
        str,
        _option(
            "--restart",
            metavar="WHEN",
            text="Start a service again: never (as if not given), on-failure or always; after 1s, "
            "then ever later, up to 60s.",
        ),
    ] = ""
    retries: Annotated[
        str, _option("--retries", metavar="N", text="Try it up to so many times more.")
    ] = ""
    retry_delay: Annotated[
        str, _option("--retry-delay", metavar="TIME", text="Before the first retry; else 10s.")
    ] = ""
    retry_backoff: Annotated[
        str,
        _option(
            "--retry-backoff",
            metavar="KIND",
            text="exponential: twice as long each time (as if not given); or fixed.",
        ),
    ] = ""
    retry_max_delay: Annotated[
        str, _option("--retry-max-delay", metavar="TIME", text="Before any retry; else 1h.")
    ] = ""
    retry_jitter: Annotated[
        str,
        _option(
            "--retry-jitter",
            metavar="PART",
            text="Leave out up to this part of the delay at random, 0 to 1; else 0.1.",
        ),
    ] = ""
    retry_on: Annotated[
        str,
        _option(
            "--retry-on",
            metavar="ENDS",
            text="After which ends: errored (as if not given), failed, timed_out, exit:75; "
            "several with commas.",
        ),
    ] = ""
    unique: Annotated[
        str,
        _option(
            "--unique", metavar="KEY", text="Only one task with this key waits or runs at a time."
        ),
    ] = ""
    if_exists: Annotated[
        str,
        _option(
            "--if-exists",
            metavar="WHAT",
            text="If there is one: error (as if not given); return: its id; or replace: cancel "
            "it unless it runs.",
        ),
    ] = ""
    concurrency_key: Annotated[
        str,
        _option(
            "--concurrency-key", metavar="KEY", text="Tasks with this key don't all run at once."
        ),
    ] = ""
    concurrency_limit: Annotated[
        str,
        _option(
            "--concurrency-limit", metavar="N", text="At most so many of them at a time; else 1."
        ),
    ] = ""
    result_ttl: Annotated[
        str,
        _option(
            "--result-ttl", metavar="TIME", text="Keep its result so long; else with its record."
        ),
    ] = ""
    snapshot_limit: Annotated[
        str,
        typer.Option("--snapshot-limit", metavar="SIZE", help="Largest pack of code to upload."),
    ] = "32M"


@dataclass(frozen=True)
class StartOptions:
    """What `submit` and `run` may be told about when a task starts, and when they are done."""

    at: Annotated[
        str,
        _option(
            "--at",
            metavar="TIME",
            text="Start it no sooner than then: 2031-05-01T18:00, of this machine's zone, or "
            "with +02:00 or Z.",
        ),
    ] = ""
    after: Annotated[
        list[str],
        _option(
            "--after",
            metavar="TASK[:HOW]",
            text="Start it after this task ended: ok (as if not given), any or fail; may be "
            "repeated.",
        ),
    ] = field(default_factory=list)
    durability: Annotated[
        str,
        _option(
            "--durability",
            metavar="HOW",
            text="stored: Redis has it (as if not given); acked: its disk and all its replicas "
            "too; acked:2: at least so many; else config.toml's.",
        ),
    ] = ""
    draft: Annotated[
        bool, typer.Option("--draft", help="Put it on no queue yet: to be edited, then enqueued.")
    ] = False


LONG_OPTIONS = frozenset(
    name
    for options in (Common, TaskOptions, StartOptions)
    for annotated in options.__annotations__.values()
    for name in option_names(annotated.__metadata__[0])
    if name.startswith("--")
)
"""Every long option of `submit` and `run`, but the ones of only one of them."""

SHORT_OPTIONS = frozenset(
    name
    for options in (TaskOptions, StartOptions)
    for annotated in options.__annotations__.values()
    for name in option_names(annotated.__metadata__[0])
    if not name.startswith("--")
)
"""The short ones, but for those of every command: a script may well have its own -v."""
