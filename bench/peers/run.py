"""Measure rq-agent and its peers side by side: `python run.py setup`, then `python run.py all`.

See README.md beside this file.
"""

import argparse
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

from harness.registry import PEERS
from harness.versions import setup

STEPS = ("versions", "startup", "idle", "enqueue", "drain", "results", "latency", "queues", "aof")


def main():
    options = _options()
    if options.what == "setup":
        return print(f"now: {setup(options.venvs)} {__file__} all")
    from harness.steps import ORDER, Steps  # only in the environment that setup made

    steps = Steps(options)
    if options.what == "all":
        for step in options.steps.split(",") if options.steps else ORDER:
            steps.do(step)
    elif options.what == "report":
        steps.save()
        print((steps.folder / "results.md").read_text())
    else:
        steps.do(options.what)
    return print(steps.file)


def _options():
    add = (parser := argparse.ArgumentParser(description=__doc__)).add_argument
    add("what", choices=["setup", "all", "report", "tune", "backlog", *STEPS])
    add("--peers", default=",".join(PEERS), help="comma-separated")
    add("--port", type=int, default=6390)
    add("--venvs", default=str(Path(tempfile.gettempdir()) / "bench-venv/peers"))
    add("--reps", type=int, default=3)
    add("--seconds", type=float, default=5, help="length of timed runs")
    add("--scale", type=float, default=1, help="multiplies each peer's drain N")
    add("--n", type=int, help="drain N, over the peer's own")
    add("--latency-n", type=int, default=300)
    add("--sizes", default="10000,100000,1000000", help="backlog sizes")
    add("--queues", default="1,10,50,200")
    add("--noisy", type=float, default=0.06, help="redo samples above this share")
    add("--redis", default="redis-server", help="the server's program")
    add("--out", default=str(HERE / "results"), help="folder of results.json, .md")
    add("--steps", default="", help="for all: only these")
    add("--cases", default="", help="of drain and enqueue: only these, e.g. 1w|100,seq|100")
    return parser.parse_args()


if __name__ == "__main__":
    main()
