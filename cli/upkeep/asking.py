"""From the options of `up` to what it shall keep running."""

from typing import Final

from ...broker import urls
from ...broker.errors import UsageError
from .. import values, worker_name
from ..config import Settings
from ..up_options import UpOptions
from . import listening
from .wanted import Wanted

_OFF: Final = "off"
_LOOKS_ONLY: Final = ("viewer", "submitter")
"""Roles that may not claim tasks, nor archive them."""


def server_of(settings: Settings) -> str:
    """Return which server is meant, without its password; empty for the embedded one."""
    return urls.redacted(settings.url) if settings.url else ""


def first(settings: Settings) -> Wanted:
    """Return what `up` does where nobody says anything."""
    return Wanted(
        server=server_of(settings),
        namespace=settings.namespace,
        worker=settings.role not in _LOOKS_ONLY,
        worker_name=worker_name.free(settings.home, worker_name.default()),
        scheduler=settings.role not in (*_LOOKS_ONLY, "worker"),
    )


def merged(base: Wanted, options: UpOptions, settings: Settings) -> Wanted:
    """Return `base` with what the options say.

    Raises:
        UsageError: an option is wrong, or not possible with this server.
    """
    if options.slots:
        values.whole(options.slots, "--slots", least=0, most=10_000)
    if options.queues:
        values.names(options.queues, "--queues")
    wanted = Wanted(
        server=base.server,
        namespace=base.namespace,
        queues=options.queues or base.queues,
        slots=options.slots or base.slots,
        worker=base.worker if options.worker is None else options.worker,
        worker_name=base.worker_name,
        scheduler=base.scheduler if options.scheduler is None else options.scheduler,
        web=base.web if options.web is None else options.web,
        listen=_listen(base, options),
        host_name=options.host_name or base.host_name,
        serial=base.serial + 1,
    )
    _check(wanted, options, settings)
    return wanted


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
    if settings.role in _LOOKS_ONLY and (wanted.worker or wanted.scheduler):
        raise UsageError(
            f"the context {settings.context} lets you in as a {settings.role}, "
            "and a worker or scheduler needs more: join as a worker"
        )
