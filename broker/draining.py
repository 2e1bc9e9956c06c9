"""Letting a worker leave without losing what it runs."""

from .namespace import Namespace


class Draining:
    """Tells workers to claim no more, or to stop."""

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns

    async def drain(self, worker: str) -> bool:
        """Let a worker claim no more, and stop when its tasks have ended.

        Returns:
            Whether there is such a worker.
        """
        return bool(await self._ns.scripts.drain([worker]))

    async def stop(self, worker: str) -> bool:
        """Let a worker give its tasks back, uncharged and into their own places, and stop now.

        Returns:
            Whether there is such a worker.
        """
        return bool(await self._ns.scripts.stop([worker]))

    async def undrain(self, worker: str) -> bool:
        """Let a worker claim again that has not stopped yet.

        Returns:
            Whether there is such a worker, and it was draining.
        """
        return bool(await self._ns.scripts.undrain([worker]))
