"""What a verb did to one task, or why it did nothing."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from .decoding import text
from .errors import TaskError, TaskNotFound, WrongState
from .keys import TaskId
from .states import FINAL, TaskState

_CANCEL_FIRST: Final = "is running; cancel it first"
_WORDS: Final[Mapping[str, str]] = {
    "missing": "not found",
    "past": "the time that it is to start at lies back",
    "unknown-parent": "it waits for task {detail}, which does not exist, or no longer;"
    " enqueue it without its parents",
    "unique": "task {detail} has its unique key; wait for that one, or replace it",
    "unreadable": "its record does not say its {detail}; clone it, or submit it again",
    "expired": "its signature has expired, or would have when it starts; clone it to sign anew",
    "crowded": "more than can be there: at most {detail}",
    "changed": "somebody else changed it meanwhile; look at it and try again",
    "denied": "{detail}",
    "needed": "{detail} tasks that have not ended wait for it, or their drafts do; cancel or remove"
    " those first",
}


class Answer(msgspec.Struct, frozen=True):
    """What became of one task."""

    id: TaskId
    outcome: str
    """What was done; `unchanged`: nothing had to be; else why it could not be."""
    detail: str = ""
    """unchanged, state: in which state it is. Else who or what stands in the way."""

    @property
    def is_refusal(self) -> bool:
        """Return whether the task is not as the verb should have made it."""
        return self.outcome == "state" or self.outcome in _WORDS

    @property
    def kind(self) -> str:
        """Return what such answers are counted under."""
        return f"is {self.detail}" if self.outcome == "state" else self.outcome

    @property
    def problem(self) -> str:
        """Return a refusal in words."""
        if self.outcome != "state":
            return _WORDS[self.outcome].format(detail=self.detail)
        if self.detail == TaskState.RUNNING:
            return _CANCEL_FIRST
        state = self.detail.replace("_", " ")
        if self.detail in FINAL:
            return f"has ended ({state}); reset it first, or rerun it"
        return f"is {state}: it has not ended; cancel it first"


def of_reply(task_id: TaskId, reply: Sequence[Any], *, settled: frozenset[str]) -> Answer:
    """Return the answer of a script that answers {outcome, detail}.

    Args:
        task_id: whose.
        reply: of the script.
        settled: states in which nothing has to be done.
    """
    outcome, *details = [text(part) if isinstance(part, bytes) else str(part) for part in reply]
    detail = details[0] if details else ""
    if outcome == "state" and detail in settled:
        return Answer(task_id, "unchanged", detail)
    return Answer(task_id, outcome, detail)


def checked(answer: Answer) -> Answer:
    """Return an answer; raise TaskNotFound, WrongState or TaskError for a refusal."""
    if answer.outcome == "missing":
        raise TaskNotFound(answer.id)
    if answer.outcome == "state":
        raise WrongState(answer.id, answer.detail, answer.problem)
    if answer.is_refusal:
        raise TaskError(answer.id, answer.problem)
    return answer
