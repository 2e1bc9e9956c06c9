"""The steps of a run: which peers, with what, how often. Repeats interleave over the peers."""

import json
import sys
import time
from pathlib import Path

from . import core, report
from .jobs import Bench
from .registry import PEERS
from .versions import versions

SIBLINGS = (
    "rq-agent-each",
    "rq-spawn",
    "rq-simple",
    "celery-prefork",
    "celery-solo",
    "dramatiq-1t",
)
"""They share the queue, and so the producer, of another peer."""
FORK_BOUND = ("rq-fork", "rq-spawn", "celery-prefork", "celery-solo", "dramatiq-1t")
ORDER = (
    *("versions", "startup", "idle", "enqueue", "drain", "results", "latency", "queues", "aof"),
    "backlog",
)


def log(*parts):
    print(time.strftime("%H:%M:%S"), *parts, file=sys.stderr, flush=True)


class Steps:
    """Runs steps, and writes results.json and results.md after each sample."""

    def __init__(self, options):
        self.options = options
        self.folder = Path(options.out)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = self.folder / "results.json"
        self.data = json.loads(self.file.read_text()) if self.file.exists() else {}
        self.bench = Bench(options.port, options.venvs, noisy=options.noisy, redis=options.redis)
        self.names = [name for name in options.peers.split(",") if name in PEERS]
        self.producers = [name for name in self.names if name not in SIBLINGS]

    def save(self):
        self.file.write_text(json.dumps(self.data, indent=1))
        (self.folder / "results.md").write_text(report.md(self.data))

    def do(self, step):
        log("==", step)
        getattr(self, step)()
        self.save()

    def versions(self):
        self.data["versions"] = versions(self.options.venvs, self.options.redis)

    def tune(self):
        for name in self.names:
            found = self.data.setdefault("tune", {})[name] = {}
            for extra, conc in PEERS[name]["grid"]:
                key = " ".join([f"conc={conc}", *(f"{k}={v}" for k, v in extra.items())])
                n = max(100, self._n(name) // 2)
                run = self.bench.drain(name, n=n, conc=conc, extra=extra)
                found[key] = [run]
                log("tune", name, key, run.get("rate"), run.get("error", ""))
                self.save()

    def enqueue(self):
        cases = [
            (name, f"{mode}|{size}")
            for size in (100, 10_000)
            for name in self.producers
            for mode in ("seq", "bulk")
            if mode == "seq" or PEERS[name]["bulk"]
        ]

        def one(name, key):
            mode, size = key.split("|")
            how = "seq" if mode == "seq" else PEERS[name]["bulk"]
            return self.bench.enqueue(name, how, self.options.seconds, int(size))

        self._each("enqueue", cases, one)

    def drain(self):
        cases = [
            (name, key)
            for key in ("1w|100", "2w|100", "1w|10000")
            for name in self.names
            if key == "1w|100" or name != "rq-spawn"
        ]

        def one(name, key):
            workers, size = int(key[0]), int(key.split("|")[1])
            n = int(self._n(name) * (1.7 if workers == 2 else 1))
            return self.bench.drain(name, workers, n, size)

        self._each("drain", cases, one)

    def results(self):
        cases = [(name, None) for name in self.names if PEERS[name].get("results_default")]
        kept = {"BENCH_RESULTS": "1"}
        self._each(
            "results", cases, lambda name, _: self.bench.drain(name, 1, self._n(name), extra=kept)
        )

    def latency(self):
        n = self.options.latency_n
        quick = [name for name in self.names if PEERS[name]["gap"] < 0.1]
        self._each(
            "latency", [(name, None) for name in quick], lambda name, _: self.bench.latency(name, n)
        )
        slow = [(name, name, None) for name in self.names if name not in quick]
        slow += [
            (f"{name} {key}={value}", name, {key: value})
            for name in self.names
            for key, value in PEERS[name].get("latency_extra", {}).items()
        ]
        for label, name, extra in slow:  # pollers: one long run
            run = self.bench.latency(name, n, extra=extra, gap=0.05 if extra else None)
            self.data["latency"][label] = [run]
            log("latency", label, run.get("p50_ms"), run.get("p99_ms"), run.get("error", ""))
            self.save()

    def idle(self):
        for name in self.names:
            for queues in [1, *([50, 200] if PEERS[name].get("multiq") else [])]:
                run = self.bench.idle(name, queues)
                self.data.setdefault("idle", {})[f"{name}|{queues}"] = [run]
                log("idle", name, queues, run.get("rss_mb"), run.get("calls_per_s"))
                self.save()

    def startup(self):
        for name in self.names:
            core.wait_quiet()
            self.data.setdefault("startup", {})[name] = self.bench.startup(name)
            log("startup", name, self.data["startup"][name]["to_first_job_s"])
            self.save()

    def backlog(self):
        for size in map(int, self.options.sizes.split(",")):
            for name in self.names:
                if name in FORK_BOUND:
                    continue
                core.wait_quiet()
                found = self.bench.backlog(name, size, self.options.reps)
                self.data.setdefault("backlog", {}).setdefault(name, {})[str(size)] = found
                rates = [round(run.get("rate", 0)) for run in found.get("runs", [])]
                log("backlog", name, size, rates, found.get("error", ""))
                self.save()

    def queues(self):
        cases = [
            (name, count)
            for count in self.options.queues.split(",")
            for name in self.names
            if PEERS[name].get("multiq") and name != "rq-fork"
        ]
        self._each(
            "queues",
            cases,
            lambda name, count: self.bench.drain(
                name, 1, self._n(name), queues=int(count), max_s=20
            ),
        )

    def aof(self):
        cases = [(name, kind) for name in self.producers for kind in ("enqueue", "drain")]
        self.bench.aof = "everysec"
        try:
            self._each("aof", cases, self._aof)
        finally:
            self.bench.aof = "no"

    def _aof(self, name, kind):
        if kind == "enqueue":
            return self.bench.enqueue(name, "seq", self.options.seconds)
        return self.bench.drain(name, 1, self._n(name))

    def _n(self, name):
        return self.options.n or int(PEERS[name]["drain_n"] * self.options.scale)

    def _each(self, step, cases, sample):
        """Take samples of (peer, key), the repeats interleaved: drift touches all alike."""
        wanted = self.options.cases.split(",") if self.options.cases else None
        cases = [(name, key) for name, key in cases if not wanted or key is None or key in wanted]
        table = self.data.setdefault(step, {})
        for name in self.names:
            table.pop(name, None)
        for repeat in range(self.options.reps):
            for name, key in cases:
                run = sample(name, key)
                runs = table if key is None else table.setdefault(name, {})
                runs.setdefault(name if key is None else key, []).append(run)
                shown = run.get("rate") or run.get("p50_ms") or run.get("error") or 0
                rounded = shown if isinstance(shown, str) else round(shown, 2)
                log(step, repeat, name, key or "", rounded, run.get("noise"))
                self.save()
