"""From the options of `up` to what it shall keep running."""

from typing import Final

import msgspec

from ...broker import orders, urls
from ...broker.errors import RqAgentError, UsageError
from ...broker.names import check_queue
from .. import service_slots, values, worker_name
from ..config import Settings
from ..up_options import UpOptions
from . import listening, place
from .place import Place, UpState
from .processes import is_alive
from .wanted import WORKERS, Wanted, services

_OFF: Final = "off"
_LOOKS_ONLY: Final = ("viewer", "submitter")
"""Roles that may not claim tasks, nor archive them."""


def server_of(settings: Settings) -> str:
    """Return which server is meant, without its password; empty for the embedded one."""
    return urls.redacted(settings.url) if settings.url else ""


def wanted(settings: Settings, options: UpOptions, here: Place, running: UpState | None) -> Wanted:
    """Return what shall run from now on.

    Args:
        settings: of this command.
        options: that it was given.
        here: the files of `up`.
        running: of a supervisor that lives.

    Raises:
        UsageError: it is not possible, or not beside what runs.
    """
    if running is not None:
        _check_running(settings, options, running)
        found = merged(running.wanted, options, settings)
    else:
        found = merged(_base(settings, options, here), options, settings)
    left = running or place.read_state(here)
    if found.listen:
        endpoint = listening.parse(found.listen)
        if left is None or not _has_port(left, endpoint.port):
            listening.check_free(endpoint)
    return found


def first(settings: Settings, name: str, services_name: str) -> Wanted:
    """Return what `up` does where nobody says anything. Pure.

    Args:
        settings: of the command.
        name: of the worker.
        services_name: of the worker that runs light tasks.
    """
    return Wanted(
        server=server_of(settings),
        namespace=settings.namespace,
        worker=settings.role not in _LOOKS_ONLY,
        worker_name=name,
        services_name=services_name,
        scheduler=settings.role not in (*_LOOKS_ONLY, "worker"),
    )


def _base(settings: Settings, options: UpOptions, here: Place) -> Wanted:
    """Return what options are about where nothing runs: what ran before a crash, or the usual.

    What `up --foreground` runs is said by its own options alone.
    """
    before = place.read_wanted(here)
    if before and (before.server, before.namespace) != (server_of(settings), settings.namespace):
        before = None
    base = first(settings, *_names(settings, here, before))
    if before is None or options.foreground:
        return base
    return msgspec.structs.replace(
        before, worker_name=base.worker_name, services_name=base.services_name
    )


def _names(settings: Settings, here: Place, before: Wanted | None) -> list[str]:
    """Return the workers' names. The same as before find the tasks again that they ran."""
    usual = worker_name.default()
    own = (before.worker_name, before.services_name) if before else ("", "")
    named = [own[0] or usual, own[1] or f"{usual}-services"]
    state = place.read_state(here)
    left = {p.name for p in state.parts if is_alive(p.process)} if state else set()
    return [
        name if part in left else worker_name.free(settings.home, name)
        for part, name in zip(WORKERS, named, strict=True)
    ]


def _check_running(settings: Settings, options: UpOptions, running: UpState) -> None:
    if options.foreground:
        raise UsageError(f"it already runs, with pid {running.process.pid}: `rq-agent down` first")
    if running.is_ending:
        raise RqAgentError("it is ending just now: wait for that, or `rq-agent down --force`")
    there = running.wanted
    if (there.server, there.namespace) != (server_of(settings), settings.namespace):
        raise UsageError(
            f"it already runs for {there.server or 'the embedded server'}, namespace "
            f"{there.namespace}: `rq-agent down` first, or give the second one a home of its own "
            "with RQ_AGENT_HOME"
        )


def _has_port(state: UpState, port: int) -> bool:
    """Return whether a relay of ours has the port: it makes way for the one that is asked for."""
    relays = [part for part in state.parts if part.name == "relay" and is_alive(part.process)]
    return any(listening.parse(relay.arguments[-1]).port == port for relay in relays)


def merged(base: Wanted, options: UpOptions, settings: Settings) -> Wanted:
    """Return `base` with what the options say.

    Raises:
        UsageError: an option is wrong, or not possible with this server.
    """
    if options.slots:
        values.whole(options.slots, "--slots", least=0, most=10_000)
    if options.services:
        values.whole(options.services, "--services", least=0, most=service_slots.MOST)
    if options.queues:
        for queue in orders.parse("priority", values.names(options.queues, "--queues")).queues:
            check_queue(queue)
    found = Wanted(
        server=base.server,
        namespace=base.namespace,
        queues=options.queues or base.queues,
        slots=options.slots or base.slots,
        worker=base.worker if options.worker is None else options.worker,
        worker_name=base.worker_name,
        services=options.services or base.services,
        services_name=base.services_name or f"{base.worker_name}-services",
        services_queue=settings.service_queue,
        scheduler=base.scheduler if options.scheduler is None else options.scheduler,
        web=base.web if options.web is None else options.web,
        listen=_listen(base, options),
        host_name=options.host_name or base.host_name,
        serial=base.serial + 1,
    )
    _check(found, options, settings)
    return found


def _listen(base: Wanted, options: UpOptions) -> str:
    if not options.listen:
        return base.listen
    return "" if options.listen == _OFF else str(listening.parse(options.listen))


def _check(wanted: Wanted, options: UpOptions, settings: Settings) -> None:
    if wanted.listen and wanted.server:
        raise UsageError(
            f"--listen is for the embedded server: {wanted.server} has a port of its own; "
            "let machines in there, or say --context local"
        )
    if options.host_name and not wanted.listen:
        raise UsageError("--host-name is what join commands say: give --listen ADDRESS too")
    if options.host_name:
        listening.parse(options.host_name, "--host-name")
    runs_tasks = wanted.worker or services(wanted) != "0"
    if settings.role in _LOOKS_ONLY and (runs_tasks or wanted.scheduler):
        raise UsageError(
            f"the context {settings.context} lets you in as a {settings.role}, "
            "and a worker or scheduler needs more: join as a worker"
        )
