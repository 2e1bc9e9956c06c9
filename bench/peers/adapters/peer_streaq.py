"""streaq: streams + Lua library over coredis; coroutine workers. 'Queues' here are priorities."""

from contextlib import asynccontextmanager

from _common import CONC, NQ, QUEUES, RESULTS, URL, UVLOOP, hit, main
from streaq import Worker

worker = Worker(
    redis_url=URL, concurrency=CONC, priorities=list(QUEUES), anyio_kwargs={"use_uvloop": UVLOOP}
)


@worker.task(name="noop", silent=True, ttl=300 if RESULTS else 0)
async def noop(payload: str) -> None:
    hit()


if __name__ == "__main__":

    def task(p, qi):
        t = noop.enqueue(p)
        return t if NQ == 1 else t.start(priority=QUEUES[qi])

    @asynccontextmanager
    async def init():
        async with worker:
            yield

    async def seq(payloads, qi):
        for p in payloads:
            await task(p, qi)

    async def batch(payloads, qi):
        await worker.enqueue_many([task(p, qi) for p in payloads])

    main(aio={"seq": seq, "batch": batch}, init=init)
