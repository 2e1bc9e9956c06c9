"""What the log of a task says when its host was replaced. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ...broker.claims import Outcome
from .calls import Ended
from .isolation import ALONE, Death

_LINES: Final = 80
_INDENT: Final = "  "
_OURS: Final = "rq-agent: "


def of_block(seconds: float, lag_s: float, stack: str) -> str:
    """Return the lines for the task that kept the loop of its host from going on."""
    return _lines(
        f"{_OURS}it blocked the event loop of its host for {seconds:.1f} s, and with it all other"
        f" tasks there; the limit is {lag_s:g} s (--host-lag). The host is replaced.",
        f"{_OURS}await instead of waiting, and give what computes or waits long to a thread:"
        " await asyncio.to_thread(function, ...). It stood here:",
        *_indented(stack.splitlines()),
    )


def of_stuck(still_s: float, where: Iterable[str]) -> str:
    """Return the lines for tasks whose host shows no sign of life."""
    return _lines(
        f"{_OURS}its host has shown no sign of life for {still_s:.0f} s: something in it runs"
        " outside of Python and lets no other thread go on. The host is replaced. It stood here:",
        *_indented(where),
    )


def of_death(reason: str, others: int, last_words: str) -> str:
    """Return the lines for a task whose host died.

    Args:
        reason: how it died.
        others: how many other tasks were in it.
        last_words: what the process wrote last, outside of any task.
    """
    beside = f", and {others} other {'task' if others == 1 else 'tasks'} with it" if others else ""
    return _lines(
        f"{_OURS}its host ended ({reason}){beside}",
        *_indented(last_words.splitlines()),
    )


def what_follows(ends: Iterable[Ended], death: Death) -> Mapping[str, list[str]]:
    """Return lines that say how it goes on, each with the calls that it is said to.

    Args:
        ends: of the calls that were in the host.
        death: of the host.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for end in ends:
        words = _follows(end, death)
        found[_lines(_OURS + words) if words else ""].append(end.key)
    return found


def of_ends(
    ends: Iterable[Ended], death: Death, how: str, told: str
) -> Iterator[tuple[list[str], str]]:
    """Return what is said to which calls that were in a host.

    Args:
        ends: theirs.
        death: of the host.
        how: it died.
        told: the call that was told that already, or nobody.
    """
    for follows, keys in what_follows(ends, death).items():
        yield [key for key in keys if key != told], how + follows
        yield [key for key in keys if key == told], follows


def _follows(end: Ended, death: Death) -> str:
    if end.outcome is Outcome.FAILED:
        return "it had its host for itself, so this is its own end."
    if end.outcome is not Outcome.RELEASE:
        return ""  # it was being stopped
    back = "it goes back into its place, uncharged"
    if end.isolation is None:
        whose = "another task in that host did this; " if death.guilty else ""
        return f"{whose}{back}."
    if end.isolation >= ALONE:
        return f"{back}, and gets a host for itself; if that ends too, it fails."
    return f"{back}, with fewer others in its host: so whoever did this is found."


def _indented(lines: Iterable[str]) -> list[str]:
    found = [_INDENT + line for line in lines]
    return found[-_LINES:]


def _lines(*lines: str) -> str:
    return "".join(line + "\n" for line in lines)
