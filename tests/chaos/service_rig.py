"""What a test of services mode works with: a namespace, calls, workers."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from ..integration.worker.lab import Lab, open_lab
from .service_calls import Calls
from .service_verdict import Outcome, all_ended, judged
from .service_workers import ServiceWorkers
from .sizes import pick


class Rig(msgspec.Struct):
    """One test's."""

    lab: Lab
    calls: Calls
    folder: Path

    def workers(self, *options: str, url: str = "") -> ServiceWorkers:
        """Return workers with these options; use them as a context."""
        return ServiceWorkers(self.lab, self.folder / "said", *options, url=url)

    async def outcome(self, *, deadline_s: float = pick(short=60, long=120)) -> Outcome:
        """Wait until all tasks have ended, and return what became of them."""
        await all_ended(self.lab, self.calls, deadline_s=deadline_s)
        return await judged(self.lab, self.calls)


@asynccontextmanager
async def rig_on(url: str, folder: Path, *, name: str = "") -> AsyncIterator[Rig]:
    """Open one on a server; `name`: of the namespace, else a new one."""
    async with open_lab(url, name or f"c{secrets.token_hex(4)}", folder) as lab:
        yield Rig(lab, Calls(lab, folder), folder)


@asynccontextmanager
async def again(rig: Rig) -> AsyncIterator[Rig]:
    """Open another connection, to a server that was away."""
    async with open_lab(rig.lab.url, rig.lab.namespace.name, rig.folder) as lab:
        rig.calls.lab = lab
        yield Rig(lab, rig.calls, rig.folder)
