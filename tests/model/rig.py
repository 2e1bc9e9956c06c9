"""All that can be asked of Redis and of the model."""

from .queue_calls import QueueCalls
from .task_calls import TaskCalls
from .worker_calls import WorkerCalls


class Rig(WorkerCalls, TaskCalls, QueueCalls):
    """A namespace and its model."""
