"""Errors as people see them: a line on stderr, hints below it, an exit code; no traceback."""

import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from ..broker.errors import RqAgentError
from . import exits

PROGRAM: Final = "rq-agent"
_LONGEST: Final = 1_000
"""Characters of a line; what stands at its end says what to do."""


def guarded(body: Callable[[], int | None], *, verbose: bool) -> int:
    """Run a command's body and return its exit code, whatever it raises on purpose."""
    try:
        code = body() or exits.OK
        sys.stdout.flush()  # here, where a reader that went away can be told apart
    except BaseException as error:
        if (told := report(error, verbose=verbose)) is None:
            raise
        return told
    return code


def report(error: BaseException, *, verbose: bool) -> int | None:
    """Say what was raised on purpose and return its exit code; None for a bug."""
    known = _single(error)
    if isinstance(known, BrokenPipeError):
        return _reader_is_gone()
    if isinstance(known, KeyboardInterrupt):
        return exits.INTERRUPTED
    if not isinstance(known, (RqAgentError, OSError)):
        return None
    if verbose:
        traceback.print_exception(error)
    say_error(_words(known))
    return exits.of_error(known) if isinstance(known, RqAgentError) else exits.FAILED


def say_error(problem: str, *hints: str) -> None:
    """Print an error, then what may help."""
    with suppress(OSError):  # a full disk under a log: the exit code still tells
        for line in (f"{PROGRAM}: {problem}", *(f"hint: {hint}" for hint in hints)):
            print(_shown(line), file=sys.stderr)


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


def _words(error: BaseException) -> str:
    """Return what an error says, without the number of one of the system."""
    if not isinstance(error, OSError) or isinstance(error, RqAgentError) or not error.strerror:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror


def _shown(text: str) -> str:
    """Return text as a terminal may have it: what could steer it is spelled, long lines are cut."""
    lines = (
        line if len(line) <= _LONGEST else f"{line[: _LONGEST // 2]} ... {line[-_LONGEST // 4 :]}"
        for line in text.split("\n")
    )
    return "\n".join("".join(map(_spelled, line)) for line in lines)


def _spelled(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")


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
