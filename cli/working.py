"""Runs a worker as it was asked for."""

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio
import msgspec

from ..broker import orders
from ..broker.embedded.stop import stop_if_unused
from ..broker.errors import UsageError
from ..worker import gpus, hours
from ..worker.config import WorkerConfig
from ..worker.signals import Signals
from ..worker.work import work
from . import identity, service_slots, starting_anew, values, worker_name
from .broker_url import working_url
from .config import Settings, variables
from .config_file import FILE_NAME
from .labelling import check as check_labels
from .local_zone import local_zone
from .login_role import check_may_work
from .render.screen import Screen
from .stderr_log import log_to_stderr

if TYPE_CHECKING:
    from .work_options import WorkOptions

_LONGEST_LEASE_MS: Final = 86_400_000
_MOST_GPUS: Final = 1024
_BEAT_MS: Final = 5_000
_BEATS_A_LEASE: Final = 4
_WATCHDOG: Final = "30m"
_SPOOL_LIMIT: Final = "1G"
_LEAST_SPOOL_BYTES: Final = 4 * 1024**2


def config_of(options: "WorkOptions", settings: Settings) -> WorkerConfig:
    """Return what a person asks for.

    Raises:
        UsageError: an option's value is not acceptable.
    """
    order = orders.parse(options.mode, values.names(options.queues, "--queues"))
    lease_ms = int(values.duration_s(options.lease, "--lease") * 1000)
    if lease_ms > _LONGEST_LEASE_MS:
        raise UsageError(f"--lease {options.lease}: at most 1d; nobody else takes its tasks before")
    fields: dict[str, Any] = {
        **service_slots.fields_of(options, settings.work),
        "gpus": _gpus(service_slots.gpus_of(options)),
        "lease_ms": lease_ms,
        "beat_ms": max(200, min(_BEAT_MS, lease_ms // _BEATS_A_LEASE)),
        "max_tasks": values.whole(options.max_tasks, "--max-tasks", least=0, most=10**9 - 1),
        "once": options.once,
        "strict": options.strict or settings.strict,
        "idle_timeout_s": _seconds(options.idle_timeout, "--idle-timeout"),
        "watchdog_s": _watchdog_s(options, settings),
        "spool_limit_bytes": _spool_limit_bytes(options, settings),
    }
    if not fields["slots"] and not fields["services"] and not fields["gpus"]:
        raise UsageError("--slots 0 and no GPU: it could run nothing")
    fields |= _hours(options)
    if options.label:
        fields["labels"] = values.pairs(options.label, "--label")
        check_labels(fields["labels"], ())
    if options.cpus:
        fields["cpus"] = values.number(options.cpus, "--cpus", most=65_536)
    if options.mem:
        fields["mem_mib"] = values.size_mib(options.mem, "--mem")
    fields["name"] = _name(options, settings)
    try:
        return msgspec.convert({**fields, "order": order, "home": settings.home}, WorkerConfig)
    except msgspec.ValidationError as e:
        raise UsageError(_in_words(str(e))) from e


def run(options: "WorkOptions", settings: Settings, screen: Screen) -> None:
    """Run one worker, from its options to its end."""
    config = config_of(options, settings)
    log_to_stderr(verbose=settings.verbose)
    identity.own_key(settings.home)  # so that this machine's user can use it at once
    url = working_url(settings, report=screen.say)
    check_may_work(url)

    signals = Signals()
    step = partial(
        work,
        config,
        url=url,
        namespace=settings.namespace,
        ready=lambda: screen.say(announcement(config, signals)),
        warn=screen.warn,
        signals=signals,
    )
    ended = anyio.run(step, backend_options={"use_uvloop": sys.platform != "win32"})
    if signals.starts_anew:
        left = signals.handed_over
        goes_on = f"; {_count(left)} {'goes' if left == 1 else 'go'} on" if left else ""
        screen.say(f"worker {config.name}: starts anew after {_count(ended)}{goes_on}")
        # The name that it was given may be taken by another one that starts anew just now.
        starting_anew.start(*(() if options.name else ("--name", config.name)))
    screen.say(f"worker {config.name}: stopped after {_count(ended)}")
    if options.stop_server and not settings.url and stop_if_unused(settings.home.data):
        screen.say("stopped the embedded server: nobody uses it any more")


def announcement(config: WorkerConfig, signals: Signals) -> str:
    """Return one line about what a worker takes, and why it takes nothing yet."""
    slots = service_slots.slot_words(config)
    count = len(config.gpus)
    cards = "no GPU" if not count else "1 GPU" if count == 1 else f"{count} GPUs"
    queues = ", ".join(config.order.queues)
    what = f"worker {config.name}: queues {queues} ({config.order.mode}), {slots}, {cards}: ready"
    if signals.is_paused:
        by = f" by {signals.paused_by}" if signals.paused_by else ""
        return f"{what}, but paused{by}; go on with:  rq-agent worker resume {config.name}"
    if signals.opens_at is not None:
        return f"{what}, but off hours until {signals.opens_at.astimezone():%a %H:%M}"
    return what


def _count(ended: int) -> str:
    return f"{ended} task{'' if ended == 1 else 's'}"


def _name(options: "WorkOptions", settings: Settings) -> str:
    if options.name:
        return worker_name.checked(options.name)
    return worker_name.reserve(settings.home, worker_name.default())


def _gpus(option: str) -> tuple[str, ...]:
    if option.isdecimal():
        values.whole(option, "--gpus", least=0, most=_MOST_GPUS)
    found = 0 if option == "none" else gpus.count()
    return gpus.choose(option, found)


def _hours(options: "WorkOptions") -> dict[str, Any]:
    if not options.hours:
        for option, is_given in (
            ("--tz", bool(options.tz)),
            ("--hours-end", options.hours_end != "finish"),
        ):
            if is_given:
                raise UsageError(f"{option} goes with --hours, which is not given")
        return {}
    if options.hours_end not in ("finish", "give-back"):
        raise UsageError(f"--hours-end {options.hours_end}: say finish or give-back")
    zone = options.tz or local_zone(variables())
    return {"hours": hours.parse(options.hours, zone), "hours_end": options.hours_end}


def _watchdog_s(options: "WorkOptions", settings: Settings) -> float:
    if options.watchdog:
        return values.duration_s(options.watchdog, "--watchdog")
    return values.duration_s(settings.work.watchdog or _WATCHDOG, f"{FILE_NAME}: work.watchdog")


def _spool_limit_bytes(options: "WorkOptions", settings: Settings) -> int:
    where = "--spool-limit" if options.spool_limit else f"{FILE_NAME}: work.spool_limit"
    text = options.spool_limit or settings.work.spool_limit or _SPOOL_LIMIT
    limit_bytes = values.size_bytes(text, where)
    if limit_bytes < _LEAST_SPOOL_BYTES:
        raise UsageError(f"{where} {text}: at least 4M, or what waits for Redis would be lost")
    return limit_bytes


def _seconds(text: str, option: str) -> float:
    return values.duration_s(text, option) if text else 0.0


def _in_words(problem: str) -> str:
    """Return a problem that msgspec found as one with an option."""
    expected, _, path = problem.partition(" - at `$.")
    field = path.rstrip("`")
    options = {"lease_ms": "--lease", "mem_mib": "--mem", "idle_timeout_s": "--idle-timeout"}
    option = options.get(field, f"--{field.replace('_', '-')}")
    if field == "lease_ms":
        return "--lease: at least 3s, or a short pause of the network loses every task"
    return f"{option}: {expected[:1].lower()}{expected[1:]}"
