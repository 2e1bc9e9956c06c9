"""Labels of tasks, changed after they were added."""

from collections.abc import Mapping, Sequence
from typing import Final

from .answers import Answer, checked, of_reply
from .keys import TaskId
from .namespace import Namespace
from .new_task import MAX_LABELS, check_labels
from .scripts import Argument

_NOBODY: Final[frozenset[str]] = frozenset()
_NONE: Final[Mapping[str, str]] = {}


class Labels:
    """Sets and removes labels of tasks, whatever their state. Every call may be repeated."""

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns

    async def change(
        self, task_id: TaskId, labels: Mapping[str, str] = _NONE, *, remove: Sequence[str] = ()
    ) -> Answer:
        """Set some labels of a task and remove others, by their names.

        Raises:
            UsageError: a label is not acceptable.
            TaskNotFound, TaskError: there is no such task, or it would have too many labels.
        """
        [answer] = await self.change_many([task_id], labels, remove=remove)
        return checked(answer)

    async def change_many(
        self,
        ids: Sequence[TaskId],
        labels: Mapping[str, str] = _NONE,
        *,
        remove: Sequence[str] = (),
    ) -> list[Answer]:
        """Do so with at most 200 tasks: an answer for each, in their order."""
        check_labels(labels)
        check_labels(dict.fromkeys(remove, ""))
        pairs = [part for pair in labels.items() for part in pair]
        rest: list[Argument] = [len(labels), *pairs, len(remove), *remove]
        replies = await self._ns.scripts.label.many([[task_id, *rest] for task_id in ids])
        details = {"crowded": str(MAX_LABELS), "unreadable": "labels"}
        answers = [of_reply(i, r, settled=_NOBODY) for i, r in zip(ids, replies, strict=True)]
        return [Answer(a.id, a.outcome, details.get(a.outcome, "")) for a in answers]
