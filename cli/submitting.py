"""From what a person typed to a task on its queue."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import structs

from ..broker.errors import UsageError
from ..broker.needs import Need
from ..broker.new_task import Parent
from ..broker.snapshot.module import find_module
from ..broker.submission import Submission, Submitted, submit
from . import identity, service_calls, values
from .config import SERVICES_QUEUE
from .local_zone import local_zone
from .options import LONG_OPTIONS, SHORT_OPTIONS, StartOptions, TaskOptions
from .reading import resolve
from .render.screen import Screen
from .retry_options import policy_of
from .start_options import (
    After,
    IfExists,
    afters,
    at_ms,
    concurrency_limit,
    exclusive,
    if_exists,
)

if TYPE_CHECKING:
    from ..broker.durability import Durability
    from ..broker.keypair import KeyPair
    from ..broker.namespace import Namespace

_LARGEST_SCRIPT_BYTES: Final = 1024 * 1024
_QUOTES: Final = (b'"', b"'")


def submission_of(
    options: TaskOptions,
    script: str,
    arguments: Sequence[str],
    *,
    environ: Mapping[str, str],
    workdir: Path,
    queue: str,
    service_queue: str = SERVICES_QUEUE,
) -> Submission:
    """Return what a person asks for.

    Args:
        options: that were given.
        script: and its arguments.
        arguments: of the script.
        environ: that `--env NAME` takes values from.
        workdir: where the script is looked for.
        queue: if the options name none.
        service_queue: the same, of a light task.

    Raises:
        UsageError: an option's value is not acceptable.
    """
    requirements = [_readable(Path(name), workdir) for name in options.requirements]
    service_calls.check(options, script, arguments, workdir=workdir)
    called = service_calls.called(options, script, workdir=workdir) if options.service else None
    module = find_module(script, workdir=workdir) if options.module else None
    if called is not None:
        module = called.module
    return Submission(
        target=called.script if called else module.script if module else Path(script),
        module=module,
        function=called.function if called else None,
        call=service_calls.call_of(options, script, called),
        light=options.service,
        restart=service_calls.restart_of(options),
        workdir=workdir,
        argv=tuple(arguments),
        params=values.pairs(options.set, "--set"),
        env=values.variables(options.env, environ),
        queue=options.queue or (service_queue if options.service else queue),
        name=options.name,
        priority=values.priority(options.priority),
        need=_need(options),
        labels=values.pairs(options.label, "--label"),
        timeout_s=_seconds(options.timeout, "--timeout"),
        grace_s=_seconds(options.grace, "--grace"),
        delay_s=_seconds(options.delay, "--delay"),
        queue_timeout_s=_seconds(options.queue_timeout, "--queue-timeout"),
        result_ttl_s=_seconds(options.result_ttl, "--result-ttl"),
        retry=policy_of(options),
        unique=options.unique,
        replaces=if_exists(options) is IfExists.REPLACE,
        concurrency_key=options.concurrency_key,
        concurrency_limit=concurrency_limit(options),
        requirement_files=tuple(requirements),
        packages=_packages(options.package),
        python=_python(options.python),
        env_writable=options.env_writable,
        mem_limit_mib=values.size_mib(options.mem_limit, "--mem-limit") if options.mem_limit else 0,
        exclusive=exclusive(options.exclusive),
        snapshot_bytes=values.size_bytes(options.snapshot_limit, "--snapshot-limit"),
        user=identity.user_name(),
    )


def started(
    submission: Submission,
    start: StartOptions,
    options: TaskOptions,
    *,
    environ: Mapping[str, str],
    now_ms: int,
) -> Submission:
    """Return a submission with what is said of its start, but for the tasks that it waits for.

    Raises:
        UsageError: a time or a condition is not acceptable.
    """
    afters(start.after)
    if start.at and options.delay:
        raise UsageError("--at and --delay are two times to start at; give one of them")
    if start.draft and (start.at or options.delay):
        raise UsageError("a draft has no time to start at; give it to rq-agent enqueue")
    at = at_ms(start.at, zone=local_zone(environ), now_ms=now_ms) if start.at else 0
    return structs.replace(submission, at_ms=at, is_draft=start.draft)


async def enqueue(
    namespace: "Namespace",
    submission: Submission,
    pair: "KeyPair",
    screen: Screen,
    *,
    after: Sequence[After] = (),
    durability: "Durability | None" = None,
) -> Submitted:
    """Put it on its queue; show what goes on, and what there is to warn of.

    Raises:
        SelectorError: there is no task like one that it is to wait for.
        NotConfirmed: it is enqueued, but with a durability asked for it may still get lost.
    """
    ids = [(await resolve(namespace, [each.selector]))[0] for each in after]
    parents = [Parent(i, each.condition) for i, each in zip(ids, after, strict=True)]
    submission = structs.replace(submission, parents=tuple(parents))
    with screen.progress("packing the code") as progress:
        submitted = await submit(
            namespace, submission, pair, progress=progress, durability=durability
        )
    for warning in submitted.warnings:
        screen.warn(warning)
    return submitted


def misplaced(script: Path, arguments: Sequence[str]) -> list[str]:
    """Return our options among the script's arguments that the script itself does not name."""
    all_of_it = _before_dashes(arguments)
    own = [a for a in all_of_it if a.split("=")[0] in LONG_OPTIONS or a in SHORT_OPTIONS]
    if not own:
        return []
    try:
        with script.open("rb") as file:
            text = file.read(_LARGEST_SCRIPT_BYTES)
    except OSError:
        return []  # the submission says better what is wrong with the script
    return [name for name in (a.split("=")[0] for a in own) if not _names(text, name)]


def _names(text: bytes, option: str) -> bool:
    """Return whether a script seems to have an option; short ones occur within other words."""
    name = option.encode()
    return name in text if option.startswith("--") else any(q + name + q in text for q in _QUOTES)


def hint_misplaced(script: Path, named: str, arguments: Sequence[str], screen: Screen) -> None:
    """Say so when options of ours went to the script, which a person named so."""
    for option in misplaced(script, arguments):
        screen.say(
            f"hint: {option} stands after {named}, so it goes to the script; "
            f"write it before {named} if rq-agent is to have it"
        )


def _before_dashes(arguments: Sequence[str]) -> Sequence[str]:
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _need(options: TaskOptions) -> Need:
    return Need(
        gpus=values.whole(options.gpus, "--gpus", least=0, most=1024),
        cpus=values.number(options.cpus, "--cpus", most=65_536) if options.cpus else 0.0,
        mem_mib=values.size_mib(options.mem, "--mem") if options.mem else 0,
        light=options.service,
    )


def _seconds(text: str, option: str) -> float:
    return values.duration_s(text, option) if text else 0.0


def _packages(texts: Sequence[str]) -> tuple[str, ...]:
    """Return requirements; raise UsageError for one that pip would not understand."""
    if texts:
        from ..broker.requirements.lines import requirement  # only where it is needed

        for text in texts:
            requirement(text, "--with")
    return tuple(texts)


def _python(text: str) -> str:
    """Return what is said of the Python; raise UsageError unless a worker can look for it."""
    if text and not re.fullmatch(r"[0-9]+(\.[0-9]+){0,2}", text.strip(), re.ASCII):
        from ..broker.requirements.lines import specifier

        try:
            specifier(text, "--python")
        except UsageError:
            raise UsageError(
                f"--python {text}: write a version like 3.12 or a range like >=3.10,<3.13"
            ) from None
    return text


def _readable(path: Path, workdir: Path) -> Path:
    if not (workdir / path).is_file():
        raise UsageError(f"--requirements {path}: no such file")
    return path
