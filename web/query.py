"""What stands behind the `?` of an address, as values. Pure."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from ..broker.errors import UsageError
from ..broker.ids import LENGTH, is_prefix
from ..broker.keys import NAME_PATTERN, TaskId
from ..broker.listing import Filters
from ..broker.states import TaskState

_LONGEST = 256


class Query:
    """The parameters of one request."""

    def __init__(
        self, given: Iterable[tuple[str, str]], known: Sequence[str], repeated: Sequence[str] = ()
    ) -> None:
        """Args.

        given: names and values.
        known: names that may be given once.
        repeated: names that may be given several times.

        Raises:
            UsageError: another name, a name twice, or a very long value.
        """
        self._given: dict[str, list[str]] = {}
        for name, value in given:
            if name not in (*known, *repeated):
                raise UsageError(f"{name[:80]}: no such parameter; {near(name, known, repeated)}")
            if len(value) > _LONGEST:
                raise UsageError(f"{name}: longer than {_LONGEST} characters")
            self._given.setdefault(name, []).append(value)
        for name in known:
            if len(self._given.get(name, ())) > 1:
                raise UsageError(f"{name} is given twice")

    def text(self, name: str) -> str:
        """Return a text; empty if it is not given."""
        return self._given.get(name, [""])[0]

    def whole(self, name: str, default: int, *, least: int, most: int) -> int:
        """Return a whole number within limits."""
        if not (text := self.text(name)):
            return default
        if re.fullmatch(r"[0-9]{1,16}", text, re.ASCII) and least <= int(text) <= most:
            return int(text)
        raise UsageError(f"{name}={text[:80]}: write a whole number from {least} to {most}")

    def name(self, name: str) -> str:
        """Return the name of a queue or a worker; empty if it is not given."""
        text = self.text(name)
        return checked_name(text, name) if text else ""

    def filters(self) -> Filters:
        """Return which tasks to list."""
        return Filters(
            states=tuple(state_of(text) for text in self._given.get("state", ())),
            queue=self.name("queue"),
            user=self.text("user"),
            name=self.text("name"),
            label=self.text("label"),
        )

    def before(self) -> TaskId | None:
        """Return where a page begins; None: with the newest."""
        text = self.text("before")
        return checked_id(text) if text else None


def near(name: str, *known: Sequence[str]) -> str:
    """Return words about what could have been meant."""
    allowed = [word for words in known for word in words]
    if found := get_close_matches(name, allowed, n=1):
        return f"did you mean {found[0]}?"
    return f"known: {', '.join(allowed)}" if allowed else "there are none here"


def state_of(text: str) -> TaskState:
    """Return a state by its name."""
    names = [state.value for state in TaskState]
    wanted = text.lower().replace("-", "_")
    if wanted not in names:
        raise UsageError(f"state={text[:80]}: no such state; {near(wanted, names)}")
    return TaskState(wanted)


def checked_name(text: str, what: str) -> str:
    """Return the name of a queue or a worker, if it could be one."""
    if NAME_PATTERN.fullmatch(text):
        return text
    raise UsageError(
        f"{what} {text[:80]!r}: use 1 to 63 letters, digits, dots, dashes, underscores"
    )


def checked_id(text: str) -> TaskId:
    """Return the id of a task, if it could be one."""
    if len(text) == LENGTH and is_prefix(text):
        return TaskId(text)
    raise UsageError(f"{text[:80]!r} is not the id of a task: those have {LENGTH} characters")
