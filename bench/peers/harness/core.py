"""Private redis server, worker process groups, CPU accounting and noise measurement."""

import contextlib
import ctypes
import json
import os
import resource
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import psutil
import redis

HERE = Path(__file__).resolve().parent.parent
ADAPTERS = HERE / "adapters"
TICK = os.sysconf("SC_CLK_TCK")
NCPU = os.cpu_count()


def child_env(extra=None):
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONUNBUFFERED",)}
    env.update({k: str(v) for k, v in (extra or {}).items()})
    return env


class Redis:
    """One redis-server owned by the harness; ended by its own pid only."""

    def __init__(self, port=6390, aof="no", dump=None, binary="redis-server"):
        self.port, self.aof, self.dump, self.binary = port, aof, dump, binary
        self.proc = self.dir = self.cli = None

    def __enter__(self):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", self.port)) == 0:
                raise SystemExit(f"port {self.port} is in use")
        self.dir = tempfile.mkdtemp(prefix="benchredis")
        if self.dump:
            shutil.copy(self.dump, f"{self.dir}/dump.rdb")
        self.proc = subprocess.Popen(
            [
                self.binary,
                "--port",
                str(self.port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no" if self.aof == "no" else "yes",
                "--appendfsync",
                "everysec" if self.aof == "no" else self.aof,
                "--dir",
                self.dir,
                "--daemonize",
                "no",
                "--maxclients",
                "4000",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.cli = redis.Redis(port=self.port, protocol=2)
        for _ in range(1200):
            try:
                self.cli.ping()
                return self
            except redis.exceptions.RedisError:
                time.sleep(0.05)
        raise SystemExit("redis did not start")

    def __exit__(self, *exc):
        self.cli.close()
        self.proc.kill()
        self.proc.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def cpu(self):
        i = self.cli.info("cpu")
        return i["used_cpu_user"] + i["used_cpu_sys"]

    def calls(self):
        return {k[8:]: v["calls"] for k, v in self.cli.info("commandstats").items()}

    def save(self, path):
        self.cli.save()
        shutil.copy(f"{self.dir}/dump.rdb", path)


def busy():
    f = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    v = [int(x) for x in f]
    return (sum(v) - v[3] - v[4]) / TICK, v[7] / TICK  # busy seconds, steal seconds


def subreaper():
    """Orphaned grandchildren come back to us, so that their CPU time is counted as ours."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def wait_quiet(limit=0.05, window=0.7, timeout=180):
    """Block until the machine is idle (nothing of ours is running now); seconds waited."""
    t0 = time.monotonic()
    while True:
        b0, _ = busy()
        time.sleep(window)
        b1, _ = busy()
        if (b1 - b0) / window / NCPU <= limit or time.monotonic() - t0 > timeout:
            return round(time.monotonic() - t0 - window, 1)


def own_cpu():
    t = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        r = resource.getrusage(who)
        t += r.ru_utime + r.ru_stime
    return t


class Noise:
    """Share of the machine's CPU time used by processes that are not ours, over a block.

    Everything started inside the block must be reaped inside it, except `redis`.
    """

    def __init__(self, rd=None):
        self.rd = rd

    def __enter__(self):
        self.t0, (self.b0, self.s0), self.o0 = time.monotonic(), busy(), own_cpu()
        self.r0 = self.rd.cpu() if self.rd else 0
        return self

    def __exit__(self, *exc):
        wall = time.monotonic() - self.t0
        b, s = busy()
        r = (self.rd.cpu() - self.r0) if self.rd and self.rd.proc.poll() is None else 0
        foreign = (b - self.b0) - (own_cpu() - self.o0) - r
        self.out = {
            "foreign_cpu": round(max(0, foreign) / wall / NCPU, 4),
            "steal": round((s - self.s0) / wall / NCPU, 4),
        }


def tree(pids):
    out = []
    for pid in pids:
        try:
            p = psutil.Process(pid)
            out += [p, *p.children(recursive=True)]
        except psutil.Error:
            pass
    return out


def tree_cpu(pids):
    t = 0.0
    for p in tree(pids):
        try:
            c = p.cpu_times()
            t += c.user + c.system + c.children_user + c.children_system
        except psutil.Error:
            pass
    return t


def tree_mem(pids):
    m = {"rss_mb": 0, "pss_mb": 0, "uss_mb": 0, "processes": 0, "threads": 0, "parts": []}
    for p in tree(pids):
        try:
            f = p.memory_full_info()
            m["rss_mb"] += f.rss / 2**20
            m["pss_mb"] += f.pss / 2**20
            m["uss_mb"] += f.uss / 2**20
            m["processes"] += 1
            m["threads"] += p.num_threads()
            m["parts"].append([" ".join(p.cmdline())[-60:], round(f.rss / 2**20, 1)])
        except psutil.Error:
            pass
    return {k: round(v, 1) if isinstance(v, float) else v for k, v in m.items()}


class Workers:
    """`nproc` copies of a peer's worker command, each in its own session."""

    def __init__(self, cmd, env, nproc=1, log=None):
        self.cmd, self.env, self.nproc, self.log = cmd, env, nproc, log
        self.procs = []

    def __enter__(self):
        self.logf = open(self.log, "ab") if self.log else subprocess.DEVNULL
        self.spawned = time.monotonic_ns()
        for i in range(self.nproc):
            self.procs.append(
                subprocess.Popen(
                    [c.replace("{i}", str(i)) for c in self.cmd],
                    env=self.env,
                    cwd=ADAPTERS,
                    stdin=subprocess.DEVNULL,
                    stdout=self.logf,
                    stderr=self.logf,
                    start_new_session=True,
                )
            )
        return self

    @property
    def pids(self):
        return [p.pid for p in self.procs]

    def alive(self):
        return all(p.poll() is None for p in self.procs)

    def __exit__(self, *exc):
        kids = tree(self.pids)
        for p in self.procs:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(p.pid, signal.SIGKILL)
        for p in self.procs:
            p.wait()
        for k in kids:  # grandchildren: end those outside the group, reap all
            try:
                if k.pid not in self.pids and k.is_running():
                    k.kill()
            except psutil.Error:
                pass
            with contextlib.suppress(ChildProcessError):
                os.waitpid(k.pid, 0)
        if self.logf is not subprocess.DEVNULL:
            self.logf.close()


class Trace:
    """Job-start stamps appended by the adapters."""

    def __init__(self, path):
        self.path = path
        self.reset()

    def reset(self):
        Path(self.path).write_bytes(b"")

    def count(self):
        return os.stat(self.path).st_size // 8

    def stamps(self):
        b = Path(self.path).read_bytes()
        return sorted(struct.unpack(f"<{len(b) // 8}q", b[: len(b) // 8 * 8]))


def summary(values):
    v = [x for x in values if x is not None]
    if not v:
        return None
    return {"median": statistics.median(v), "min": min(v), "max": max(v), "n": len(v)}


def pct(values, q):
    v = sorted(values)
    return v[min(len(v) - 1, round(q / 100 * (len(v) - 1)))]


def run_json(cmd, env=None, cwd=None, timeout=900):
    """Run a command whose last stdout line is JSON."""
    p = subprocess.run(
        cmd, env=env, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False
    )
    lines = [x for x in p.stdout.strip().splitlines() if x.startswith(("{", "["))]
    if not lines:
        return {"error": (p.stderr or p.stdout)[-600:]}
    return json.loads(lines[-1])
