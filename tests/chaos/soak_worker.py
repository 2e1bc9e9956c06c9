"""A worker that forgets soon what has ended, so that a soak of minutes shows what months would.

Arguments: name, home, URL, namespace, how long records and run folders stay (s).
"""

import logging
import sys
from functools import partial
from pathlib import Path

import anyio

from rq_agent.broker import retention
from rq_agent.broker.home import below
from rq_agent.broker.orders import parse
from rq_agent.worker import housekeeping
from rq_agent.worker.config import WorkerConfig
from rq_agent.worker.work import work


def main() -> None:
    """Work until SIGTERM."""
    name, home, url, namespace, kept_s = sys.argv[1:]
    forget_soon(float(kept_s))
    config = WorkerConfig(
        name=name,
        order=parse("priority", ["default"]),
        home=below(Path(home)),
        slots=2,
        beat_ms=1_000,
        keep_runs_s=float(kept_s),
    )
    logging.basicConfig(level=logging.WARNING)
    anyio.run(partial(work, config, url=url, namespace=namespace))


def forget_soon(kept_s: float) -> None:
    """Let this process keep what has ended for so long only."""
    retention.RECORD_MS = retention.LOG_MS = int(kept_s * 1000)  # type: ignore[misc]
    housekeeping._EVERY_S = kept_s / 4


if __name__ == "__main__":
    main()
