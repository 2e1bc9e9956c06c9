"""What it costs to reach a server over TLS through the relay, beside other ways to reach one."""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import psutil
from redis.asyncio import Redis

from rq_agent.broker import urls
from rq_agent.broker.connection import connect
from rq_agent.broker.embedded.certificate import Certificate, ensure

from .figure import Effort, Figure, Say, p50_p99
from .server import running_server

_VALUE: Final = b"x" * 2**20
_SMALL: Final = b"x" * 100
_PIPELINE: Final = 100
_ROUNDS: Final = 3
"""For each repeat: they are short, and other work on the machine disturbs some."""
_TITLES: Final = {
    "socket": "private socket",
    "tcp": "TCP of loopback, plain",
    "relay": "relay, TLS",
    "native": "Debian's redis-server, own TLS",
}


class _Way:
    """One way to a server, and what was measured on it."""

    def __init__(self, name: str, redis: Redis, relay: psutil.Process | None = None) -> None:
        self.name = name
        self.redis = redis
        self._relay = relay
        self.values: dict[str, list[float]] = {}

    def note(self, what: str, value: float) -> None:
        self.values.setdefault(what, []).append(value)

    def cpu_s(self) -> float:
        """Return the CPU that the relay has used so far."""
        if self._relay is None:
            return 0.0
        used = self._relay.cpu_times()
        return float(used.user + used.system)

    @property
    def has_relay(self) -> bool:
        return self._relay is not None


async def measure(effort: Effort, say: Say) -> list[Figure]:
    """Return rates and times of each way, measured in turns, and the CPU of the relay."""
    calls = effort.single_tasks
    async with _ways(say) as ways:
        rounds = effort.repeats * _ROUNDS
        for number in range(rounds + 1):
            say(f"relay: round {number} of {rounds}" if number else "relay: warming up")
            for way in ways:
                await _measure(way, calls)
                if not number:
                    way.values.clear()
    return [figure for way in ways for figure in _figures(way)] + _added(ways)


async def _measure(way: _Way, calls: int) -> None:
    redis = way.redis
    await redis.set("small", _SMALL)
    used_s = way.cpu_s()
    times_us = [await _took_s(lambda: redis.get("small")) * 1e6 for _ in range(calls)]
    if way.has_relay:
        way.note("cpu", (way.cpu_s() - used_s) / calls * 1e6)
    p50, p99 = p50_p99(times_us)
    way.note("rate", calls / sum(times_us) * 1e6)
    way.note("p50", p50)
    way.note("p99", p99)
    batches = max(10, calls // 20)
    took_s = await _took_s(lambda: _pipelines(redis, batches))
    way.note("pipelined", batches * _PIPELINE / took_s)
    sizes = max(20, calls // 20)
    used_s = way.cpu_s()
    way.note("set", sizes / await _took_s(lambda: _repeated(sizes, redis.set, "large", _VALUE)))
    way.note("get", sizes / await _took_s(lambda: _repeated(sizes, redis.get, "large")))
    if way.has_relay:
        way.note("cpu_mib", (way.cpu_s() - used_s) / (2 * sizes) * 1e3)


async def _pipelines(redis: Redis, count: int) -> None:
    for _ in range(count):
        pipe = redis.pipeline(transaction=False)
        for _ in range(_PIPELINE):
            pipe.get("small")
        await pipe.execute()


async def _repeated(count: int, call: Callable[..., Awaitable[Any]], *arguments: object) -> None:
    for _ in range(count):
        await call(*arguments)


async def _took_s(call: Callable[[], Awaitable[Any]]) -> float:
    started_s = time.perf_counter()
    await call()
    return time.perf_counter() - started_s


_UNITS: Final = {
    "rate": ("round trips, one at a time", "/s"),
    "p50": ("one round trip, p50", "us"),
    "p99": ("one round trip, p99", "us"),
    "pipelined": (f"commands in pipelines of {_PIPELINE}", "/s"),
    "set": ("values of 1 MiB written", "MiB/s"),
    "get": ("values of 1 MiB read", "MiB/s"),
    "cpu": ("CPU of the relay for a round trip", "us"),
    "cpu_mib": ("CPU of the relay for 1 MiB", "ms"),
}


def _figures(way: _Way) -> Iterator[Figure]:
    for what, (title, unit) in _UNITS.items():
        if values := way.values.get(what):
            yield Figure(
                id=f"relay.{way.name}.{what}",
                title=f"{_TITLES[way.name]}: {title}",
                unit=unit,
                values=tuple(values),
            )


def _added(ways: list[_Way]) -> list[Figure]:
    """Return by how much a round trip is longer than on the private socket."""
    plain = next(way for way in ways if way.name == "socket").values["p50"]
    return [
        Figure(
            id=f"relay.{way.name}.added",
            title=f"{_TITLES[way.name]}: round trip, p50, longer than on the socket by",
            unit="us",
            values=tuple(a - b for a, b in zip(way.values["p50"], plain, strict=True)),
        )
        for way in ways
        if way.name != "socket"
    ]


@asynccontextmanager
async def _ways(say: Say) -> AsyncIterator[list[_Way]]:
    folder = Path(tempfile.mkdtemp(prefix="rqb-tls"))
    try:
        async with AsyncExitStack() as stack:
            certificate = ensure(folder / "tls")
            tls = f"?ssl_ca_certs={certificate.pem_path}&ssl_check_hostname=false"
            port = _free_port()
            plain = stack.enter_context(
                running_server("no AOF", extra=("--port", str(port), "--bind", "127.0.0.1"))
            )
            relay, relay_port = stack.enter_context(_relay(plain, certificate))
            found = {
                "socket": (plain, None),
                "tcp": (f"redis://127.0.0.1:{port}/0", None),
                "relay": (f"rediss://127.0.0.1:{relay_port}/0{tls}", relay),
            }
            if (program := shutil.which("redis-server")) is None:
                say("relay: no redis-server on the PATH to compare with")
            else:
                own = _free_port()
                extra = _tls_options(own, certificate)
                stack.enter_context(running_server("no AOF", program=Path(program), extra=extra))
                found["native"] = (f"rediss://127.0.0.1:{own}/0{tls}", None)
            yield [
                _Way(name, await stack.enter_async_context(connect(url)), process)
                for name, (url, process) in found.items()
            ]
    finally:
        shutil.rmtree(folder)


@contextmanager
def _relay(url: str, certificate: Certificate) -> Iterator[tuple[psutil.Process, int]]:
    command = ["bench.relay_process", urls.parse(url).path, str(certificate.pem_path.parent)]
    process = subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield psutil.Process(process.pid), int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def _tls_options(port: int, certificate: Certificate) -> tuple[str, ...]:
    pem = str(certificate.pem_path)
    return (
        *("--bind", "127.0.0.1", "--tls-port", str(port), "--tls-auth-clients", "no"),
        *("--tls-cert-file", pem, "--tls-key-file", str(certificate.key_path)),
        *("--tls-ca-cert-file", pem),
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
