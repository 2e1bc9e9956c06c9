"""Runs all checks at once, each under a deadline and apart from the others, and prints them."""

import shutil
import traceback
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

import anyio
import msgspec

from ...broker.errors import RqAgentError
from .. import config, exits, loop
from ..config import Settings
from ..options import Common
from ..render.groups import folded
from ..render.screen import Screen, printable
from .finding import Finding, Verdict, fail, warn

_LIMIT_S: Final = 4.0
"""With the start of Python and the output this stays below 5 s on a machine at rest."""
_STYLES: Final = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red"}
_NAME_WIDTH: Final = 12
_WIDEST_NAME: Final = 20
_VERDICT_WIDTH: Final = 5
_NARROW: Final = 60
"""Columns; a terminal with fewer has no room to spare beside the names."""

Check = Callable[[], Awaitable[Finding | Sequence[Finding]]]


def examine(common: Common) -> int:
    """Look at everything, print it, and return the exit code: 1 if something can't work."""
    screen = Screen(config.without_server(common))
    try:
        settings = config.load(common)
    except RqAgentError as e:
        settings = config.without_server(common)
        refused = fail("config", str(e))
        checks = _of_machine(settings)
        return _show(screen, [refused, *_run(screen, checks, verbose=common.verbose)])
    found = _run(screen, _all(settings), verbose=common.verbose)
    return _show(screen, found)


def _all(settings: Settings) -> list[tuple[str, Check]]:
    from . import file_checks, server_checks

    return [
        ("config", _thread(file_checks.configuration, settings)),
        ("redis", partial(server_checks.server, settings)),
        *_of_machine(settings),
    ]


def _of_machine(settings: Settings) -> list[tuple[str, Check]]:
    from . import file_checks, machine_checks, up_check

    home = settings.home
    return [
        ("key", _thread(file_checks.key, settings)),
        ("trust", _thread(file_checks.trust, settings)),
        ("python", _thread(machine_checks.python)),
        ("git", _thread(machine_checks.git)),
        ("uv", _thread(machine_checks.uv)),
        ("gpu", _thread(machine_checks.gpu)),
        ("docker", machine_checks.docker),
        ("home", _thread(machine_checks.home, settings)),
        ("data disk", _thread(machine_checks.disk, "data disk", home.data)),
        ("cache disk", _thread(machine_checks.disk, "cache disk", home.cache)),
        ("sockets", _thread(machine_checks.sockets, settings)),
        ("logout", _thread(machine_checks.logout)),
        ("up", _thread(up_check.look, settings)),
    ]


def _thread(question: Callable[..., Finding], *arguments: object) -> Check:
    """Return a check that asks in a thread, which is left behind when it hangs."""
    return partial(anyio.to_thread.run_sync, question, *arguments, abandon_on_cancel=True)


def _run(screen: Screen, checks: Sequence[tuple[str, Check]], *, verbose: bool) -> list[Finding]:
    found: list[Sequence[Finding]] = [()] * len(checks)

    async def look(number: int, name: str, check: Check) -> None:
        found[number] = await _isolated(name, check, verbose=verbose)

    async def go() -> None:
        async with anyio.create_task_group() as tg:
            for number, (name, check) in enumerate(checks):
                tg.start_soon(look, number, name, check)

    with screen.progress("looking at everything"):
        loop.run(go)
    return [each for findings in found for each in findings]


async def _isolated(name: str, check: Check, *, verbose: bool) -> Sequence[Finding]:
    """Return what a check found; whatever it raises, and silence, is a finding too."""
    try:
        with anyio.fail_after(_LIMIT_S):
            found = await check()
    except TimeoutError:
        return [warn(name, f"no answer within {_LIMIT_S} s", "something hangs: look there first")]
    except (RqAgentError, OSError) as e:
        return [fail(name, str(e))]
    except Exception as e:  # noqa: BLE001 - one that breaks must not hide what others found
        if verbose:
            traceback.print_exception(e)
        return [warn(name, f"could not be looked at: {type(e).__name__}: {e}", "see --verbose")]
    return [found] if isinstance(found, Finding) else found


def _show(screen: Screen, found: Sequence[Finding]) -> int:
    count = {verdict: sum(each.verdict is verdict for each in found) for verdict in Verdict}
    works = not count[Verdict.FAIL]
    if screen.json:
        checks = msgspec.to_builtins(list(found))
        screen.print_json({"schema": 1, "ok": works, "checks": checks})
    else:
        _print(screen, found)
        screen.say(", ".join(f"{n} {verdict}" for verdict, n in count.items()))
    return exits.OK if works else exits.FAILED


def _print(screen: Screen, found: Sequence[Finding]) -> None:
    import sys

    from rich.text import Text

    console = screen.console(sys.stdout)
    wide = max([_NAME_WIDTH, *(len(each.name) for each in found if len(each.name) < _WIDEST_NAME)])
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    for each in found:
        words = f"{each.words}; {each.todo}" if each.todo else each.words
        text = f"{each.verdict:<{_VERDICT_WIDTH}}{each.name:<{wide}} {printable(words)}"
        indent = _VERDICT_WIDTH + (wide + 1 if columns >= _NARROW else 0)
        line = Text("\n".join(folded(text, columns, indent=indent)), style="not bold default")
        line.stylize(_STYLES[each.verdict], 0, _VERDICT_WIDTH)
        with console.capture() as captured:
            console.print(line)
        screen.put(captured.get().rstrip())
    sys.stdout.flush()
