"""What the child of a call does: leave the host, call the function, say how that went."""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import sys

from ..process import prctl
from . import calling, descriptors, endings, variables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

    from .call import Call

_BROKEN_EXIT = 70


def become(
    call: Call, outputs: Sequence[int], result: int, *, highest: int, parent: int
) -> NoReturn:
    """Be the child of a call. Called right after the fork; ends the process.

    Args:
        call: what to run.
        outputs: what become stdout and stderr; empty: nobody wants to read them.
        result: where to write how it ended: `[exit code, reason]`, and below it the result.
        highest: no higher file descriptor of the host is open.
        parent: the process of the host.
    """
    code = _BROKEN_EXIT
    try:
        prctl.die_with_parent()
        if os.getppid() != parent:
            os._exit(code)  # it died before the kernel knew what to do then
        _leave_host(call, outputs, result, highest)
        code = _run(call, result)
    except BaseException as e:  # noqa: BLE001  not the user's: that is caught below
        _write(2, endings.traceback_of(e).encode("utf-8", "replace"))
    finally:
        os._exit(code)


def _leave_host(call: Call, outputs: Sequence[int], result: int, highest: int) -> None:
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if outputs:
        os.dup2(outputs[0], 1)
        os.dup2(outputs[1], 2)
    else:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
    descriptors.close_all_but(result, highest)
    descriptors.give_back_limit()
    prctl.adopt_orphans()  # so that the host knows whose they are: of a call that has ended
    os.environ.update(variables.of_call(call.key, call.note))
    gc.enable()


def _run(call: Call, result: int) -> int:
    text, code, reason = "", 0, ""
    try:
        text = _called(call)
    except BaseException as e:  # noqa: BLE001  of the user's code, SystemExit too
        code, said = endings.exit_of(e)
        reason = endings.reason_of(e) if code else ""
        text = "" if code else "null"
        _say(said)
    _finish()
    _write(result, json.dumps([code, reason]).encode() + b"\n" + text.encode())
    return code


def _called(call: Call) -> str:
    function = calling.resolve(call.target)
    args, kwargs = calling.bind(function, call.arguments)
    call.arguments = None
    value = function(*args, **kwargs)
    if hasattr(value, "__await__"):
        value = _awaited(value)
    return calling.encode(value)


def _awaited(value: Any) -> Any:
    import asyncio

    async def main() -> Any:
        return await value

    return asyncio.run(main())


def _finish() -> None:
    """Do what Python does at the end of a program; what fails there is only printed."""
    threading: Any = sys.modules.get("threading")
    try:
        if threading is not None:
            threading._shutdown()  # waits for its threads
        atexit._run_exitfuncs()
    except BaseException as e:  # noqa: BLE001  of the user's code
        _say(endings.exit_of(e)[1])
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # closed, or replaced, by the user's code
            continue


def _say(text: str) -> None:
    """Write to stderr, whatever the user's code made of `sys.stderr`."""
    try:
        sys.stderr.flush()
        sys.stderr.write(text)
        sys.stderr.flush()
    except Exception:  # noqa: BLE001  of the user's code
        _write(2, text.encode("utf-8", "replace"))


def _write(file: int, content: bytes) -> None:
    view = memoryview(content)
    try:
        while view:
            view = view[os.write(file, view) :]
    except OSError:
        return  # the user's code closed it: the host sees that there is no result
