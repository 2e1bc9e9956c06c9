"""Tells workers something: one after the other, all of them looked up before any is told."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..broker.draining import Draining
from ..broker.errors import SelectorError
from ..broker.presence import Workers
from . import exits, identity
from .confirming import is_wanted
from .reading import NOTHING_YET, look
from .render.footer import footer
from .render.screen import Screen
from .worker_picking import accepts, check_pick, hint, named

if TYPE_CHECKING:
    from ..broker.namespace import Namespace
    from ..broker.presence import WorkerView
    from .config import Settings
    from .worker_options import WorkerPick

Tell = Callable[[Draining, str], Awaitable[bool | None]]


class Order(NamedTuple):
    """What workers are told, and the words for it."""

    what: str
    """A verb, for questions: `drain`."""
    tell: Tell
    done: str
    unchanged: str = ""
    """Where there was nothing to change; empty: then the worker has just gone."""
    next: str = ""
    """A command that may be wanted next, with {} for the worker."""


DRAIN = Order(
    "drain",
    lambda draining, name: draining.drain(name),
    "drains: it stops when its tasks have ended",
    next="worker undrain {}",
)
UNDRAIN = Order(
    "undrain", lambda draining, name: draining.undrain(name), "stays", "was not told to leave"
)
PAUSE = Order(
    "pause",
    lambda draining, name: draining.pause(name),
    "is paused: what it runs goes on, it claims nothing more",
    "was paused already",
    next="worker resume {}",
)
RESUME = Order(
    "resume", lambda draining, name: draining.resume(name), "claims again", "was not paused"
)


def resume_for(for_s: float, words: str) -> Order:
    """Return the order to claim for a while, also outside of the hours."""
    return Order(
        "resume",
        lambda draining, name: draining.resume(name, for_ms=int(for_s * 1000)),
        f"claims for {words}, also outside of its hours",
    )


STOP = Order(
    "stop",
    lambda draining, name: draining.stop(name),
    "stops: its tasks go back into their places",
)
RESTART = Order(
    "restart",
    lambda draining, name: draining.restart(name),
    "starts anew: what it runs goes on meanwhile",
)
_GONE = "has just gone"


def order(
    settings: "Settings",
    screen: Screen,
    names: Sequence[str],
    pick: "WorkerPick",
    order: Order,
) -> int:
    """Tell workers something; return an exit code.

    Raises:
        UsageError: workers are neither named nor described, or both.
        SelectorError: one of them is not there; none was told.
    """
    check_pick(names, pick)
    who = f"{identity.user_name()}@{identity.host_name()}"

    async def find(namespace: "Namespace") -> "list[WorkerView] | None":
        return await _found(namespace, screen, names, pick)

    found = look(settings, find, None)
    if found is None and names:
        raise SelectorError(f"no live worker is named {names[0]}: {NOTHING_YET}")
    if pick.dry_run or not found:
        _preview(screen, found or [], order.what)
        return exits.OK
    meant = [worker.name for worker in found]
    if not names and not is_wanted(screen, _question(order.what, meant), is_sure=pick.yes):
        return exits.FAILED

    async def tell(namespace: "Namespace") -> dict[str, str]:
        draining = Draining(namespace, who=who)
        return {name: _words(order, await order.tell(draining, name)) for name in meant}

    _show(screen, look(settings, tell, {}), order)
    return exits.OK


async def _found(
    namespace: "Namespace", screen: Screen, names: Sequence[str], pick: "WorkerPick"
) -> "list[WorkerView]":
    if names:
        return await named(namespace, names)
    live = await Workers(namespace).live()
    found = [worker for worker in live if accepts(pick, worker)]
    if not found and (near := hint(pick, live)):
        screen.say(f"hint: {near}")
    return found


def _question(what: str, names: Sequence[str]) -> str:
    count = "1 worker" if len(names) == 1 else f"{len(names)} workers"
    return f"{what} {count} ({', '.join(names)})"


def _preview(screen: Screen, found: Sequence["WorkerView"], what: str) -> None:
    if screen.json:
        names = [worker.name for worker in found]
        screen.print_json({"schema": 1, "dry_run": True, "workers": names})
        return
    for worker in found:
        screen.put(f"{worker.name} ({worker.state}, runs {len(worker.running)})")
    count = "1 worker" if len(found) == 1 else f"{len(found)} workers"
    screen.say(f"would {what} {count}" if found else "no worker fits; nothing was done")


def _words(order: Order, is_done: bool | None) -> str:
    if is_done:
        return order.done
    return _GONE if is_done is None else order.unchanged or _GONE


def _show(screen: Screen, told: dict[str, str], order: Order) -> None:
    if screen.json:
        screen.print_json({"schema": 1, "workers": told})
        return
    for name, words in told.items():
        screen.put(f"{name} {words}")
    if order.next and len(told) == 1:
        footer(screen, [order.next.format(*told)])
