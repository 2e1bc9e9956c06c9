"""The variables that tell the process of a call who it is. Pure."""

from __future__ import annotations

import json


def of_call(key: str, note: str) -> dict[str, str]:
    """Return the variables of a call; queue and attempt only of a note that says them.

    Args:
        key: `<task id>.<fence>`.
        note: as worker/services/notes.py writes it: the second entry is the queue, the fourth the
            number of the attempt.
    """
    task_id, _, fence = key.rpartition(".")
    found = {"RQ_AGENT_TASK_ID": task_id, "RQ_AGENT_FENCE": fence}
    try:
        _, queue, _, attempt, *_ = json.loads(note)
    except (ValueError, TypeError):
        return found  # of a test, say
    if isinstance(queue, str) and type(attempt) is int:
        found.update(RQ_AGENT_QUEUE=queue, RQ_AGENT_ATTEMPT=str(attempt))
    return found
