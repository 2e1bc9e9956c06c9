"""What became of tasks, in words and as JSON. Pure."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ...broker.answers import Answer

_WORDS: Final[Mapping[str, str]] = {
    "archived": "goes from redis as soon as the archive has it",
    "cancelled": "cancelled",
    "dequeued": "is a draft now",
    "edited": "edited",
    "labelled": "labelled",
    "moved": "moved",
    "removed": "removed",
    "requested": "is being stopped by its worker",
    "reset": "is a draft now",
}
_KINDS: Final[Mapping[str, str]] = {
    "crowded": "had no room for it",
    "denied": "were signed by somebody whom you don't trust: left alone",
    "expired": "had an expired signature; clone them to sign anew",
    "final": "had ended before",
    "changed": "were changed by somebody else just then",
    "missing": "were gone",
    "needed": "are needed by tasks that have not ended: left alone",
    "past": "were to start in the past",
    "requested": "are being stopped by their workers",
    "unchanged": "needed nothing",
    "unique": "wait for the task that has their unique key",
    "unknown-parent": "were to wait for tasks that do not exist",
    "unmatched": "had changed meanwhile",
    "unreadable": "have a record that can't be read",
}


def answer_words(answer: "Answer") -> str:
    """Return what was done with a task, as it is said behind its id."""
    if answer.outcome == "unchanged":
        return f"is {answer.detail} already" if answer.detail else "is so already"
    if answer.outcome == "removed" and answer.detail == "archived":
        return "removed; the archive keeps its copy"
    if answer.outcome == "enqueued":
        return f"is {answer.detail} now"
    return _WORDS.get(answer.outcome, answer.outcome)


def answer_json(answer: "Answer") -> dict[str, Any]:
    """Return an answer as plain values."""
    return {"id": answer.id, "outcome": answer.outcome, "detail": answer.detail}


def count_lines(counts: Mapping[str, int]) -> list[str]:
    """Return how many tasks got which answer, the most frequent first."""
    most_first = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [f"{count} {_kind(kind)}" for kind, count in most_first]


def _kind(kind: str) -> str:
    """`is running` said of several tasks is `were running: left alone`."""
    if kind.startswith("is "):
        return f"were {kind.removeprefix('is ').replace('_', ' ')}: left alone"
    return _KINDS.get(kind, kind)
