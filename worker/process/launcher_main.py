"""The program of the launcher: `python -I -S launcher_main.py <number of its socket>`."""

import os
import signal
import sys


def main() -> None:
    """Import all that a shim will ever need, then serve."""
    reset_signals()
    # Without site there is no path to our own package. No dependency is needed.
    root = os.path.abspath(__file__)
    for _ in ("launcher_main.py", "process", "worker", "rq_agent"):
        root = os.path.dirname(root)
    sys.path.append(root)
    import gc
    import socket

    from rq_agent.worker.process import launcher_loop, prctl

    # Nothing is imported from here on: an upgrade that replaces the files harms no shim.
    sys.meta_path.clear()
    prctl.set_name("rq-agent-launch")
    # Nothing is thrown away here, and a collection would copy every page in each shim.
    gc.disable()
    os.chdir("/")
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        launcher_loop.serve(channel)


def reset_signals() -> None:
    """Undo what Python, `nohup` or the worker set, once for all tasks."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


if __name__ == "__main__":
    main()
