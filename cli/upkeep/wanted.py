"""What `up` keeps running, and the processes that this takes. Pure."""

from collections.abc import Sequence
from typing import Final

import msgspec

from ..service_slots import USUAL

NAMES: Final = ("worker", "services", "scheduler", "registrar", "relay", "web")
"""Of all processes that there may be."""
WORKERS: Final = ("worker", "services")
"""Those that hold tasks: they finish them before they end, and a person may tell them to leave."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked of `up`. Kept in a file, so that `up` after a crash means the same."""

    server: str = ""
    """Address without a password; empty: the embedded server."""
    namespace: str
    queues: str = "default"
    slots: str = "1"
    worker: bool = True
    worker_name: str = ""
    """Chosen once: a worker that is started again finds its tasks by its name."""
    services: str = ""
    """Light tasks at once, of a second worker; "0": no such worker; empty: the usual number where
    there is a worker."""
    services_name: str = ""
    """Chosen once, as the worker's."""
    services_queue: str = "services"
    scheduler: bool = True
    web: bool = True
    listen: str = ""
    """ADDRESS:PORT that other machines come to; empty: none."""
    host_name: str = ""
    """What links say instead of the address."""
    serial: int = 0
    """Grows each time that somebody asks, so that they can tell when it was heard."""


class Part(msgspec.Struct, frozen=True):
    """One process to keep running."""

    name: str
    arguments: tuple[str, ...]
    """Of rq-agent. Everybody on this machine can read them."""


def parts(wanted: Wanted) -> Sequence[Part]:
    """Return the processes that are wanted, in the order in which they are told about."""
    found = []
    if wanted.worker:
        work = ("--queues", wanted.queues, "--slots", wanted.slots, "--name", wanted.worker_name)
        found.append(Part("worker", ("work", *work)))
    if (count := services(wanted)) != "0":
        found.append(Part("services", ("work", *_services(wanted, count))))
    if wanted.scheduler:
        found.append(Part("scheduler", ("scheduler",)))
    if wanted.listen:
        found.append(Part("registrar", ("_registrar",)))
        found.append(Part("relay", ("_relay", "--listen", wanted.listen)))
    if wanted.web:
        found.append(Part("web", ("web",)))
    return found


def worker_names(wanted: Wanted) -> set[str]:
    """Return the names of the workers that are wanted."""
    found = {wanted.worker_name} if wanted.worker else set()
    return found | ({wanted.services_name} if services(wanted) != "0" else set())


def services(wanted: Wanted) -> str:
    """Return how many light tasks shall run at once."""
    return wanted.services or (USUAL if wanted.worker else "0")


def _services(wanted: Wanted, count: str) -> tuple[str, ...]:
    """Return the arguments of the worker that runs light tasks, and nothing else."""
    what = ("--services", count, "--slots", "0", "--gpus", "none")
    return (*what, "--queues", wanted.services_queue, "--name", wanted.services_name)


def same(wanted: Wanted, other: Wanted) -> bool:
    """Return whether two of them ask for the same."""
    return msgspec.structs.replace(wanted, serial=other.serial) == other
