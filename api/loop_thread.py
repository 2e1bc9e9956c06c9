"""An event loop in a thread of its own, for programs that have none."""

from concurrent.futures import Future
from importlib.util import find_spec
from threading import Thread

import anyio
from anyio.from_thread import BlockingPortal


class LoopThread:
    """Runs until it is stopped, or the process ends.

    Not anyio's own start_blocking_portal: that waits for its thread where it is collected, and in
    a forked child there is none.
    """

    def __init__(self) -> None:
        self._ready: Future[BlockingPortal] = Future()
        self._thread = Thread(target=self._run, name="rq-agent client", daemon=True)
        self._thread.start()

    @property
    def portal(self) -> BlockingPortal:
        """Calls coroutine functions there, from any thread."""
        return self._ready.result()

    def stop(self) -> None:
        """End the loop and the thread."""
        self.portal.call(self.portal.stop)
        self._thread.join()

    def _run(self) -> None:
        try:
            anyio.run(self._serve, backend_options={"use_uvloop": find_spec("uvloop") is not None})
        except Exception as e:
            if self._ready.done():
                raise
            self._ready.set_exception(e)

    async def _serve(self) -> None:
        async with BlockingPortal() as portal:
            self._ready.set_result(portal)
            await portal.sleep_until_stopped()
