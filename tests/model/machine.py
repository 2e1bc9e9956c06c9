"""Submitters, workers and mishaps in any order; after each step Redis and the model agree."""

from .life_rules import LifeRules
from .queue_rules import QueueRules


class QueueMachine(LifeRules, QueueRules):
    """All rules. Their arguments are small numbers: which one of what there is just then."""
