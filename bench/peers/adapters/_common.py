"""Shared by all adapters; runs inside a peer's own venv. Config comes from BENCH_* env."""

import argparse
import asyncio
import json
import os
import random
import struct
import sys
import time

PORT = int(os.environ.get("BENCH_PORT", "6390"))
URL = f"redis://127.0.0.1:{PORT}/0"
CONC = int(os.environ.get("BENCH_CONC", "10"))
NQ = int(os.environ.get("BENCH_QUEUES", "1"))
RESULTS = os.environ.get("BENCH_RESULTS", "0") == "1"
UVLOOP = os.environ.get("BENCH_UVLOOP", "1") == "1"
TRACE = os.environ.get("BENCH_TRACE", "/dev/shm/bench_trace")
QUEUES = [f"q{i}" for i in range(NQ)]

_fd = None


def hit():
    """Record this job's start: one 8-byte CLOCK_MONOTONIC stamp, atomic append (~1.5 us)."""
    global _fd
    if _fd is None:
        _fd = os.open(TRACE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(_fd, struct.pack("<q", time.monotonic_ns()))


def use_uvloop():
    if UVLOOP:
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


def _trace_size():
    try:
        return os.stat(TRACE).st_size
    except FileNotFoundError:
        return 0


def _record(i):
    with open(TRACE, "rb") as f:
        f.seek(8 * i)
        return struct.unpack("<q", f.read(8))[0]


class Timer:
    """Stops a produce loop at n jobs or at `seconds`, whichever comes first."""

    def __init__(self, n, seconds):
        self.n, self.seconds, self.done = n, seconds, 0
        self.t0 = time.perf_counter()

    def go(self, k=1):
        """True if k more jobs may be sent."""
        if self.done + k > self.n:
            return False
        return not (self.seconds and time.perf_counter() - self.t0 >= self.seconds)

    def left(self, k):
        return min(k, self.n - self.done)


def main(sync=None, aio=None, init=None):
    """`sync`/`aio`: dict mode -> callable(payloads, queue_index) sending len(payloads) jobs.

    `init`: optional async context manager factory (aio) or callable (sync) run before timing.
    """
    ap = argparse.ArgumentParser()
    ap.add_argument("what", choices=["produce", "latency"])
    ap.add_argument("--mode", default="seq")
    ap.add_argument("--n", type=int, default=10**9)
    ap.add_argument("--seconds", type=float, default=0)
    ap.add_argument("--payload", type=int, default=100)
    ap.add_argument("--batch", type=int, default=100)
    ap.add_argument("--gap", type=float, default=0.02)
    a = ap.parse_args()
    body = "x" * a.payload
    modes = sync or aio
    if a.mode not in modes:
        print(json.dumps({"error": f"no mode {a.mode}", "modes": list(modes)}))
        return
    send = modes[a.mode]
    per = 1 if a.mode == "seq" else a.batch
    rnd = random.Random(7)

    def lat_wait(before, t0):
        deadline = time.monotonic() + 30
        while _trace_size() < 8 * (before + 1):
            if time.monotonic() > deadline:
                return None
            time.sleep(0.0002)
        return _record(before) - t0

    def produce_sync():
        tm = Timer(a.n, a.seconds)
        qi = 0
        while True:
            k = tm.left(per)
            if k <= 0 or not tm.go(k):
                break
            send([body] * k, qi % NQ)
            tm.done += k
            qi += 1
        return tm.done, time.perf_counter() - tm.t0

    async def produce_aio():
        tm = Timer(a.n, a.seconds)
        qi = 0
        while True:
            k = tm.left(per)
            if k <= 0 or not tm.go(k):
                break
            await send([body] * k, qi % NQ)
            tm.done += k
            qi += 1
        return tm.done, time.perf_counter() - tm.t0

    def lat_sync():
        out, call = [], []
        for _ in range(a.n):
            time.sleep(rnd.uniform(0, a.gap) + 0.002)
            before = _trace_size() // 8
            t0 = time.monotonic_ns()
            send([body], 0)
            call.append(time.monotonic_ns() - t0)
            out.append(lat_wait(before, t0))
        return out, call

    async def lat_aio():
        out, call = [], []
        for _ in range(a.n):
            await asyncio.sleep(rnd.uniform(0, a.gap) + 0.002)
            before = _trace_size() // 8
            t0 = time.monotonic_ns()
            await send([body], 0)
            call.append(time.monotonic_ns() - t0)
            out.append(lat_wait(before, t0))
        return out, call

    def report(res):
        if a.what == "produce":
            n, s = res
            print(json.dumps({"n": n, "seconds": s, "rate": n / s if s else 0}))
        else:
            print(json.dumps({"latency_ns": res[0], "call_ns": res[1]}))

    if sync:
        if init:
            init()
        report(produce_sync() if a.what == "produce" else lat_sync())
    else:

        async def run():
            if init:
                async with init():
                    return await (produce_aio() if a.what == "produce" else lat_aio())
            return await (produce_aio() if a.what == "produce" else lat_aio())

        use_uvloop()
        report(asyncio.run(run()))
    sys.stdout.flush()
