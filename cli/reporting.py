"""Errors as people see them: a line on stderr, hints below it, an exit code; no traceback."""

import os
import sys
import traceback
from collections.abc import Callable
from typing import Final

from ..broker.errors import RqAgentError
from . import exits

PROGRAM: Final = "rq-agent"


def guarded(body: Callable[[], int | None], *, verbose: bool) -> int:
    """Run a command's body and return its exit code, whatever it raises on purpose."""
    try:
        code = body() or exits.OK
        sys.stdout.flush()  # here, where a reader that went away can be told apart
    except BaseException as error:
        known = _single(error)
        if isinstance(known, BrokenPipeError):
            return _reader_is_gone()
        if isinstance(known, KeyboardInterrupt):
            return exits.INTERRUPTED
        if not isinstance(known, (RqAgentError, OSError)):
            raise
        if verbose:
            traceback.print_exception(error)
        say_error(str(known))
        return exits.of_error(known) if isinstance(known, RqAgentError) else exits.FAILED
    return code


def say_error(problem: str, *hints: str) -> None:
    """Print an error, then what may help."""
    print(f"{PROGRAM}: {problem}", file=sys.stderr)
    for hint in hints:
        print(f"hint: {hint}", file=sys.stderr)


def usage_error(error: Exception) -> int | None:
    """Report what typer's parser did not understand; None if the error is no such thing."""
    format_message = getattr(error, "format_message", None)
    if format_message is None:
        return None
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        print(format_message(), file=sys.stderr)
        return exits.USAGE
    near = [f"did you mean {' or '.join(p)}?"] if (p := getattr(error, "possibilities", ())) else []
    message = getattr(error, "message", "") if near else format_message()
    path = context.command_path if context is not None else PROGRAM
    say_error(_lowered(message), *near, f"see {path} --help")
    return exits.USAGE


def _lowered(message: str) -> str:
    """Return a message of typer's in our style: lower case, no full stop."""
    return message[:1].lower() + message[1:].removesuffix(".")


def _single(error: BaseException) -> BaseException:
    """Return the error that a group is about: its first one, if all were raised on purpose."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    causes = [_single(each) for each in error.exceptions]
    if len(causes) == 1 or all(isinstance(each, (RqAgentError, OSError)) for each in causes):
        return causes[0]
    return error


def _reader_is_gone() -> int:
    """Keep Python quiet at its end, when it flushes what nobody will read."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return exits.BROKEN_PIPE
