"""Tasks for scripts: the JSON that they may rely on."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...broker.record import Record


def task_json(record: "Record") -> dict[str, Any]:
    """Return a task as plain values, with the version of this form."""
    from ...broker.record import to_json

    return {"schema": 1, **to_json(record)}


def tasks_json(records: "Sequence[Record]") -> dict[str, Any]:
    """Return tasks as plain values, with the version of this form."""
    from ...broker.record import to_json

    return {"schema": 1, "tasks": [to_json(record) for record in records]}
