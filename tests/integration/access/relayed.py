"""A relay in a process of its own, as `rq-agent up` runs it."""

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from rq_agent.broker.embedded.certificate import Certificate

_CODE = """
import functools, json, logging, sys
from pathlib import Path
import anyio
from rq_agent.broker.embedded import certificate, relay

given = json.loads(sys.argv[1])
logging.basicConfig(level=logging.INFO)
for name, value in given["limits"].items():
    setattr(relay, name, value)
serve = functools.partial(
    relay.serve, given["host"], given["port"], Path(given["socket"]),
    certificate.ensure(Path(given["folder"])),
    ready=lambda places: print(json.dumps(places), flush=True), **given["options"],
)
anyio.run(serve, backend_options={"use_uvloop": given["uvloop"]})
"""


class Relay:
    """One that runs."""

    def __init__(self, process: subprocess.Popen[str], certificate: Certificate, log: Path) -> None:
        self.process = process
        self.certificate = certificate
        self._log = log
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, self.log()
        self.places: list[tuple[str, int]] = [(host, port) for host, port in json.loads(line)]
        self.port = self.places[0][1]

    def url(self, login: str = "", host: str = "127.0.0.1", pem: Path | None = None) -> str:
        """Return the URL that a machine that joined has."""
        pinned = f"ssl_ca_certs={pem or self.certificate.pem_path}&ssl_check_hostname=false"
        return f"rediss://{login}{host}:{self.port}/0?{pinned}"

    def context(self) -> ssl.SSLContext:
        """Return what a client of our own trusts."""
        context = ssl.create_default_context(cafile=str(self.certificate.pem_path))
        context.check_hostname = False
        return context

    def log(self) -> str:
        """Return what it has logged so far."""
        return self._log.read_text()

    def rss_mib(self) -> float:
        """Return the memory that it uses."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 2**20


@contextmanager
def relaying(
    folder: Path,
    certificate: Certificate,
    socket: Path,
    *,
    host: str = "127.0.0.1",
    is_uvloop: bool = True,
    most_connections: int = 1000,
    **limits: float,
) -> Iterator[Relay]:
    """Run a relay; `limits` replace constants of relay.py."""
    given = {
        "host": host,
        "port": 0,
        "socket": str(socket),
        "folder": str(certificate.pem_path.parent),
        "limits": limits,
        "uvloop": is_uvloop,
        "options": {"most_connections": most_connections},
    }
    log = folder / "relay.log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", _CODE, json.dumps(given)],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    try:
        yield Relay(process, certificate, log)
        assert process.poll() is None, log.read_text()
    finally:
        process.kill()
        process.communicate()
