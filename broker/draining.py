"""What workers are told from afar: to leave, to start anew, to claim nothing for a while."""

from .namespace import Namespace
from .scripts import Script

_MAX_WHO = 100


class Draining:
    """Tells workers. What they are told lies under a key that submitters can't write.

    Args:
        ns: where the workers are.
        who: says so; told to people.
    """

    def __init__(self, ns: Namespace, *, who: str = "") -> None:
        self._ns = ns
        self._who = who[:_MAX_WHO]

    async def drain(self, worker: str) -> bool:
        """Let a worker claim no more, and stop when its tasks have ended.

        Returns:
            Whether there is such a worker.
        """
        return await self._tell(self._ns.scripts.drain, worker)

    async def stop(self, worker: str) -> bool:
        """Let a worker give its tasks back, uncharged and into their own places, and stop now.

        Returns:
            Whether there is such a worker.
        """
        return await self._tell(self._ns.scripts.stop, worker)

    async def restart(self, worker: str) -> bool:
        """Let a worker claim no more, and start anew while its tasks go on.

        Returns:
            Whether there is such a worker.
        """
        return await self._tell(self._ns.scripts.restart, worker)

    async def undrain(self, worker: str) -> bool:
        """Let a worker claim again that was told to leave and has not left yet.

        Returns:
            Whether there is such a worker, and it was told to leave.
        """
        return bool(await self._ns.scripts.undrain([worker]))

    async def pause(self, worker: str) -> bool | None:
        """Let a worker claim nothing until it is resumed, also after a restart.

        Returns:
            Whether anything changed; None: there is no such worker.
        """
        return _changed(await self._ns.scripts.pause_worker([worker, self._who]))

    async def resume(self, worker: str, *, for_ms: int = 0) -> bool | None:
        """Let a paused worker claim again.

        Args:
            worker: its name.
            for_ms: for so long also outside of its hours; 0: it keeps to them.

        Returns:
            Whether anything changed; None: there is no such worker.
        """
        return _changed(await self._ns.scripts.resume_worker([worker, for_ms]))

    async def _tell(self, script: Script, worker: str) -> bool:
        return bool(await script([worker, self._who]))


def _changed(code: int) -> bool | None:
    return None if code < 0 else bool(code)
