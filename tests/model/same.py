"""One comparison, that tells what differs."""


def same(told: object, expected: object, what: str = "the answer") -> None:
    """Raise AssertionError unless Redis said what the model expects."""
    assert told == expected, f"{what}: Redis has {told}, the model {expected}"
