"""Machines with addresses of their own: network namespaces with a cable between them."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from ..cli.terminal import PROGRAM, TIMEOUT_S, Terminal

_NETWORK: Final = "10.203.77"


def ip(*arguments: str) -> None:
    """Run `ip`. A machine without it, or a user who is not root, can't run the tests: no skipping."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    found = shutil.which("ip", path=path)
    assert found, "ip is not on the PATH: sudo deploy/install-iproute2.sh"
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr} (needs root)"


class Machine:
    """One machine: a network namespace."""

    def __init__(self, namespace: str, address: str) -> None:
        self.namespace = namespace
        self.address = address

    def home(self, folder: Path, cache: Path) -> "Home":
        """Return a user of this machine."""
        folder.mkdir()
        return Home(self, folder, cache)


class Home(Terminal):
    """A person at a terminal of one machine."""

    def __init__(self, machine: Machine, folder: Path, cache: Path) -> None:
        super().__init__(folder, cache)
        self.address = machine.address
        self.program = ("ip", "netns", "exec", machine.namespace, *PROGRAM)
        self.environ["PATH"] = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"

    def typed(self, text: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end, with something on its stdin."""
        return subprocess.run(
            [*self.program, *arguments],
            cwd=self.code,
            env=self.environ,
            input=text.encode(),
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )


@contextmanager
def two_machines() -> Iterator[tuple[Machine, Machine]]:
    """Yield two machines that reach each other, and nothing else."""
    tag = f"rqa{os.getpid()}{secrets.token_hex(1)}"
    machines = [Machine(f"{tag}{n}", f"{_NETWORK}.{n}") for n in (1, 2)]
    with ExitStack() as undo:
        for machine in machines:
            ip("netns", "add", machine.namespace)
            undo.callback(ip, "netns", "del", machine.namespace)
        one, two = (machine.namespace for machine in machines)
        ip("link", "add", "eth0", "netns", one, "type", "veth", "peer", "eth0", "netns", two)
        for machine in machines:
            inside = ("-n", machine.namespace)
            ip(*inside, "addr", "add", f"{machine.address}/24", "dev", "eth0")
            ip(*inside, "link", "set", "eth0", "up")
            ip(*inside, "link", "set", "lo", "up")
        yield machines[0], machines[1]
