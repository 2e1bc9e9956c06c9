"""Exit codes: what a shell script sees of an error or of a task's end. Pure."""

from typing import TYPE_CHECKING, Final

from ..broker.errors import (
    AccessDenied,
    BrokerUnavailable,
    NotConfirmed,
    RqAgentError,
    SelectorError,
    TaskNotFound,
    UsageError,
)

if TYPE_CHECKING:
    from ..broker.record import Record

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
ACCESS: Final = 4
UNREACHABLE: Final = 5
TIMED_OUT: Final = 124
INFRASTRUCTURE: Final = 125
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141
CANCELLED: Final = 143

_OF_ERROR: Final = (
    (UsageError, USAGE),
    (SelectorError, NOT_FOUND),
    (TaskNotFound, NOT_FOUND),
    (AccessDenied, ACCESS),
    (BrokerUnavailable, UNREACHABLE),
    (NotConfirmed, INFRASTRUCTURE),
)


def of_error(error: RqAgentError) -> int:
    """Return the code of an error of ours."""
    return next((code for kind, code in _OF_ERROR if isinstance(error, kind)), FAILED)


def of_task(record: "Record") -> int:
    """Return the code of a final task: the script's own where it ended by itself."""
    match record.state:
        case "succeeded":
            return OK
        case "failed":
            code = record.exit_code or FAILED
            return code if 0 < code < 256 else FAILED
        case "cancelled":
            return CANCELLED
        case "timed_out":
            return TIMED_OUT
        case _:
            return INFRASTRUCTURE
