"""Submitters, workers and mishaps in any order; after each step Redis and the model agree."""

from .queue_rules import QueueRules
from .task_rules import TaskRules
from .time_rules import TimeRules
from .worker_rules import WorkerRules


class QueueMachine(TaskRules, WorkerRules, QueueRules, TimeRules):
    """All rules. Their arguments are small numbers: which one of what there is just then."""
