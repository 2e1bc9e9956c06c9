"""The process of forking.py: `python -m tests.forked <number of its socket>`."""

import atexit
import gc
import io
import json
import os
import random
import signal
import socket
import struct
import sys
import time
import traceback
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, NoReturn

_CODE = struct.Struct("!i")
_SIZE = struct.Struct("!I")


def main() -> None:
    """Import everything, then fork for each request until the other end is closed."""
    for package in ("rq_agent.broker", "rq_agent.cli"):
        _import_all(package)
    import_module("redis.asyncio")
    import_module("uvloop")
    gc.freeze()  # a collection in a fork would copy what it looks at
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        while True:
            head, fds, _, _ = socket.recv_fds(channel, _SIZE.size, 4)
            if not head:
                return
            wanted = json.loads(_exactly(channel, _SIZE.unpack(head)[0]))
            if os.fork() == 0:
                channel.close()
                _watch(wanted, fds)
            for fd in fds:
                os.close(fd)
            _reap()


def _import_all(package: str) -> None:
    for found in walk_packages(import_module(package).__path__, f"{package}."):
        if not found.name.endswith("__main__"):
            import_module(found.name)


def _watch(wanted: dict[str, Any], fds: list[int]) -> NoReturn:
    """Run the command in a child, and tell its pid and its code: as a parent that waits for it."""
    ending = socket.socket(fileno=fds[3])
    pid = os.fork()
    if pid == 0:
        ending.close()
        _become(wanted, fds[:3])
    for fd in fds[:3]:
        os.close(fd)
    ending.sendall(_CODE.pack(pid))
    _, status = os.waitpid(pid, 0)
    ending.sendall(_CODE.pack(os.waitstatus_to_exitcode(status)))
    os._exit(0)


def _become(wanted: dict[str, Any], streams: list[int]) -> NoReturn:
    code = 1
    try:
        for target, fd in enumerate(streams):
            os.dup2(fd, target)
            os.close(fd)
        os.environ.clear()
        os.environ.update(wanted["env"])
        time.tzset()
        os.chdir(wanted["cwd"])
        random.seed()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _open_streams()
        code = _run(wanted["arguments"])
    except BaseException:  # noqa: BLE001 - the last frame of a process: nobody else would print it
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run(arguments: list[str]) -> int:
    from rq_agent.cli.main import main as program

    sys.argv = [program.__code__.co_filename, *arguments]
    sys.orig_argv = [sys.executable, "-m", "rq_agent.cli", *arguments]
    try:
        return program()
    except SystemExit as e:
        return e.code if isinstance(e.code, int) else int(e.code is not None)


def _open_streams() -> None:
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    for fd, name in ((1, "stdout"), (2, "stderr")):
        raw = io.FileIO(fd, "w", closefd=False)
        buffered = io.BufferedWriter(raw)
        setattr(sys, name, io.TextIOWrapper(buffered, "utf-8", line_buffering=fd == 2))


def _exactly(channel: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        found += channel.recv(size - len(found))
    return found


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


if __name__ == "__main__":
    main()
