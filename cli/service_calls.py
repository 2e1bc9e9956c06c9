"""What `--service` makes of a target: a call of a function, or a program, as a light task."""

import json
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..broker.errors import UsageError
from ..broker.signed_task import Restart
from .options import TaskOptions

if TYPE_CHECKING:
    from ..broker.functions import Called

_RESTARTS: Final[Sequence[Restart]] = ("never", "on-failure", "always")
_OURS: Final = ("--args", "--kwargs", "--restart", "--service")
_SHOWN: Final = 60
_EXAMPLE: Final = """rq-agent submit --service --kwargs '{"n": 3}' pkg.mod:func"""


def check(options: TaskOptions, target: str, arguments: Sequence[str], *, workdir: Path) -> None:
    """Refuse options that don't go together.

    Args:
        options: of the command.
        target: what is to run.
        arguments: behind it.
        workdir: where the person stands.

    Raises:
        UsageError: they don't, or one of them stands where the script would get it.
    """
    is_function = _is_function(target, workdir)
    if not options.service:
        if is_function:
            raise UsageError(f"{target} is a function: say --service, as in  {_EXAMPLE}")
        for name in ("args", "kwargs", "restart"):
            if getattr(options, name):
                raise UsageError(f"--{name} goes with --service, which is not given")
        return
    if options.gpus != "0":
        raise UsageError("--service and --gpus: a light task gets no GPU; leave one of them out")
    if options.restart not in ("", "never") and options.retries:
        raise UsageError(
            "--retries tries again what failed, --restart keeps a service running: give one of them"
        )
    if is_function and options.module:
        raise UsageError(f"--module runs a module as a program, and {target} is a function")
    behind = [each.partition("=")[0] for each in arguments]
    if is_function and (late := [each for each in behind if each in _OURS]):
        raise UsageError(f"{late[0]} stands behind {target}: write it before, as in  {_EXAMPLE}")


def called(options: TaskOptions, target: str, *, workdir: Path) -> "Called | None":
    """Return the function that a light task calls; None where it runs a program.

    Raises:
        UsageError: there is no such function, or it can't be called by a task.
    """
    from ..broker import functions  # parses Python, which other tasks don't need

    if _is_function(target, workdir):
        return functions.find_function(target, workdir=workdir)
    return None if options.module else functions.main_of(Path(target), workdir=workdir)


def call_of(options: TaskOptions, target: str, found: "Called | None") -> str:
    """Return the arguments of the call as they are signed; empty: none.

    Raises:
        UsageError: they are no JSON, don't fit the function, or there is no function.
    """
    args, kwargs = _args(options.args), _kwargs(options.kwargs)
    if found is not None:
        return found.call(args, kwargs)
    for option, text in (("--args", options.args), ("--kwargs", options.kwargs)):
        if text:
            raise UsageError(
                f"{option} is for a function, and {target} has no `async def main`: name one like"
                f" {target}:NAME, or write the program's own arguments behind it"
            )
    return ""


def restart_of(options: TaskOptions) -> Restart:
    """Return after which ends it is started again; raise UsageError for what is none."""
    text = options.restart or "never"
    for known in _RESTARTS:
        if text == known:
            return known
    near = get_close_matches(text.replace("_", "-"), _RESTARTS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"say {', '.join(_RESTARTS)}"
    raise UsageError(f"--restart {text}: {hint}")


def _is_function(target: str, workdir: Path) -> bool:
    """Return whether a function is meant; a file may have a colon in its name."""
    where, _, name = target.rpartition(":")
    return bool(where) and name.isidentifier() and not (workdir / target).exists()


def _args(text: str) -> list[Any]:
    found = _json(text or "[]", "--args", "'[1, 2]'")
    if not isinstance(found, list):
        raise UsageError(f"--args {_short(text)}: write a JSON list, like '[1, 2]'")
    return found


def _kwargs(text: str) -> dict[str, Any]:
    found = _json(text or "{}", "--kwargs", """'{"n": 3}'""")
    if not isinstance(found, dict):
        raise UsageError(f"""--kwargs {_short(text)}: write a JSON object, like '{{"n": 3}}'""")
    return found


def _json(text: str, option: str, example: str) -> Any:
    try:
        text.encode()  # a terminal may give bytes that are no text
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as e:
        raise UsageError(f"{option} {_short(text)}: not JSON ({e}); write it like {example}") from e


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that is given twice: of a person that is a slip, and one value would go."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{_short(next(n for n in names if names.count(n) > 1))} is given twice")
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
