"""Servers to be killed, hung, cut, filled and replaced by a replica."""

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from redis import Redis

from ..integration.worker.persistent import PersistentServer
from ..servers import BINARIES, free_port
from .aof import Cut, cut

_EVERYSEC: Final = ("--appendfsync", "everysec", "--aof-load-truncated", "yes")
_STAMPED: Final = ("--aof-timestamp-enabled", "yes")
_ONE_FILE: Final = ("--auto-aof-rewrite-percentage", "0")
"""A rewrite would drop the time stamps by which the file is cut."""


class Server(PersistentServer):
    """One server of a kind, on a socket of its own; the file is synced once a second.

    What it answered is in its file when it is killed: only a cut or a roll-back loses writes.
    """

    def __init__(
        self, kind: str = "valkey", *, port: bool = False, options: Sequence[str] = ()
    ) -> None:
        """Take a kind of `tests.servers.BINARIES`; `port`: it also listens on loopback.

        `options` are those of the program; they count last, and at each start.
        """
        self.kind = kind
        self.port = free_port() if port else 0
        stamped = () if kind == "redis62" else _STAMPED
        told = (*_EVERYSEC, *stamped, *_ONE_FILE, "--port", str(self.port))
        super().__init__(BINARIES[kind](), options=(*told, "--bind", "127.0.0.1", *options))

    @property
    def tcp_url(self) -> str:
        """Return the URL of its port."""
        assert self.port, "ask for a port when it is made"
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """Return the process that runs now."""
        assert self._process is not None
        return self._process.pid

    def restart(self) -> None:
        """End it as a crash would, and start it on what it had written."""
        self.kill()
        self.start()

    def hang(self) -> None:
        """Stop answering: connections stay open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Answer again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def cut(self, last_s: float, *, torn_bytes: int = 0) -> Cut:
        """Take the last seconds of writes out of its file, while it does not run.

        Args:
            last_s: at least so much is gone, and less than a second more: stamps are that coarse.
            torn_bytes: so much of the first lost command stays, as after a power loss.
        """
        assert self._process is None, "kill it first"
        [file] = self._data.glob("appendonlydir/*.incr.aof")
        return cut(file, last_s, torn_bytes=torn_bytes)

    def replica(self) -> "Server":
        """Return a server that will copy this one when it is started; this one needs a port."""
        assert self.port, "replicas come over TCP"
        follow = ("--repl-diskless-sync-delay", "0", "--replicaof", "127.0.0.1", str(self.port))
        return Server(self.kind, port=True, options=follow)

    def is_in_step(self) -> bool:
        """Return whether this replica has copied its primary, also to its own disk."""
        told = self.info("replication") | self.info("persistence")
        is_busy = told["master_sync_in_progress"] or told["aof_rewrite_in_progress"]
        return told["master_link_status"] == "up" and not is_busy

    def promote(self) -> None:
        """Make a primary of this replica, whatever it has not seen."""
        self._options = tuple(self._options[: self._options.index("--replicaof")])
        with self.client() as client:
            client.replicaof("NO", "ONE")

    def limit(self, max_bytes: int) -> None:
        """Set how much memory it may use; 0 for any."""
        with self.client() as client:
            client.config_set("maxmemory-policy", "noeviction")
            client.config_set("maxmemory", max_bytes)

    def info(self, section: str) -> dict[str, Any]:
        """Return a section of INFO."""
        with self.client() as client:
            told: dict[str, Any] = client.info(section)
            return told

    def calls(self) -> dict[str, int]:
        """Return how often each command ran since the start, also inside scripts."""
        stats = self.info("commandstats")
        return {name.removeprefix("cmdstat_"): int(told["calls"]) for name, told in stats.items()}

    def cpu_s(self) -> float:
        """Return the CPU time of the main thread since the start."""
        told = self.info("cpu")
        return float(told["used_cpu_user_main_thread"]) + float(told["used_cpu_sys_main_thread"])

    def client(self) -> Redis:
        """Return a client for the eyes of a test; use it as a context."""
        return Redis(unix_socket_path=str(self.socket), decode_responses=True)

    @property
    def snapshot(self) -> Path:
        """Return the file that BGSAVE writes."""
        return self._data / "dump.rdb"

    @property
    def socket(self) -> Path:
        """Return where it listens."""
        return self._folder / "s"
