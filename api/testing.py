"""`rq_agent.testing`: a client for tests that needs no server and no worker.

    from rq_agent.testing import TestClient

    async def test_adding() -> None:
        async with TestClient():
            handle = await add.submit(1, 2)
            assert await handle.result() == 3

It speaks to fakeredis (`pip install "fakeredis[lua]"`), signs, adds, claims and finishes tasks
with the scripts of the real server, and runs each as soon as it is submitted. Code is not packed.
"""

import tempfile
from importlib.util import find_spec
from pathlib import Path

import anyio.to_thread

from ..broker.envelope import Verifier
from ..broker.keypair import KeyPair
from ..broker.namespace import Namespace
from ..broker.trust import TrustFile
from ..broker.waiting import Ends
from .client import Client
from .desk import Desk
from .inline import Inline
from .link import Link
from .rehearsal import Eager, InlineDesk, NoPacks, Remembering
from .sender import Sender
from .submitting import Submits, Submitting
from .sync_client import SyncClient

__all__ = ["SyncTestClient", "TestClient"]

_MISSING = (
    'TestClient needs fakeredis with its Lua: pip install "fakeredis[lua]", and only for tests'
)


class TestClient(Client):
    """A client whose tasks run here, as soon as they are submitted."""

    __test__ = False  # pytest takes it for a class of tests

    def __init__(self, namespace: str = "test", *, eager: bool = True) -> None:
        """Args.

        namespace: of its own server, which lives as long as it is open.
        eager: run each task before `submit` returns; else `run` does, and waiting for a result.
        """
        super().__init__()
        self._name = namespace
        self._eager = eager

    async def run(self) -> int:
        """Run all tasks that are ready, also those that they submit; return how many ran."""
        self._here.check()
        return await self._inline.run()

    async def close(self) -> None:
        """Forget all tasks."""
        await super().close()
        self._folder.cleanup()

    async def _connect(self) -> Link:
        if find_spec("fakeredis") is None or find_spec("lupa") is None:
            raise ImportError(_MISSING)
        from fakeredis import FakeAsyncRedis, FakeServer

        server = FakeServer(server_type="redis", version=(7, 0))
        self._folder = tempfile.TemporaryDirectory(prefix="rq-agent-test-")
        folder = Path(self._folder.name)
        pair, self._verifier = await anyio.to_thread.run_sync(_trusted, folder)
        namespace = await Namespace.open(FakeAsyncRedis(server=server), self._name)
        return Link(
            namespace=namespace,
            enqueue=namespace.scripts.enqueue,
            blocking=lambda: Namespace(FakeAsyncRedis(server=server), self._name),
            pair=pair,
            queue="services",
            user="test",
        )

    def _wired(self, link: Link) -> tuple[Desk, Submits]:
        functions = Remembering(link, NoPacks(), None)
        self._inline = Inline(link.namespace, self._verifier, functions.by_digest.__getitem__)
        ends = Ends(link.namespace, self._blocking)
        desk = InlineDesk(self._here, link.namespace, ends, self._inline.run)
        submitting = Submitting(link, functions, Sender(link.enqueue, self._keeper.spawn))
        return desk, Eager(submitting, self._inline.run) if self._eager else submitting


class SyncTestClient(SyncClient):
    """The same for programs without an event loop, instead of SyncClient."""

    __test__ = False

    def __init__(self, namespace: str = "test") -> None:
        """`namespace`: of its own server, which lives as long as it is open."""
        super().__init__()
        self._client = TestClient(namespace)


def _trusted(folder: Path) -> tuple[KeyPair, Verifier]:
    """Return a new key, and what verifies by a file that trusts it."""
    pair = KeyPair.load_or_create(folder / "keys", "test")
    trust = TrustFile(folder / "trust.json")
    trust.add(pair.public, pair.name, ["*"])
    return pair, Verifier(trust)
