"""What is asked about whole queues, of Redis and of the model."""

from collections.abc import Awaitable

from rq_agent.broker.errors import QueueInUse, SelectorError
from rq_agent.broker.queue_removal import QueueRemoval
from rq_agent.broker.queue_settings import QueueSettings

from . import queues
from .base import Base
from .same import same


class QueueCalls(Base):
    """Holding queues back, sharing them, emptying and forgetting them."""

    def pause(self, name: str) -> None:
        told = self.run(_answer(QueueSettings(self.ns).pause(name)))
        same(told, queues.pause(self.state, name))

    def resume(self, name: str) -> None:
        told = self.run(_answer(QueueSettings(self.ns).resume(name)))
        same(told, queues.resume(self.state, name))

    def limit(self, name: str, most: int | None) -> None:
        told = self.run(_answer(QueueSettings(self.ns).limit(name, most)))
        same(told, queues.limit(self.state, name, most))

    def weigh(self, name: str, weight: float) -> None:
        told = self.run(_answer(QueueSettings(self.ns).weigh(name, weight)))
        same(told, queues.weigh(self.state, name, weight))

    def purge_queue(self, name: str) -> None:
        told = self.run(_answer(self._purge(name)))
        same(told, queues.purge(self.state, self.now, name))

    async def _purge(self, name: str) -> int:
        counts = [count async for count in QueueRemoval(self.ns).purge(name)]
        return counts[-1]

    def delete_queue(self, name: str) -> None:
        told = self.run(_answer(self._delete(name)))
        same(told, queues.delete(self.state, name))

    async def _delete(self, name: str) -> bool:
        try:
            await QueueRemoval(self.ns).delete(name)
        except QueueInUse:
            return False
        return True


async def _answer(call: Awaitable[int]) -> int:
    try:
        return int(await call)
    except SelectorError:
        return queues.UNKNOWN
