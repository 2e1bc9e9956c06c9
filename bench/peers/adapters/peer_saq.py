"""SAQ: BLMOVE list + JSON job key + sorted set + pub/sub notify; coroutine workers."""

import asyncio
from contextlib import asynccontextmanager

from _common import CONC, RESULTS, URL, hit, main, use_uvloop
from saq import Queue

TTL = 600 if RESULTS else -1
queue = Queue.from_url(URL)


async def noop(ctx, *, payload):
    hit()


settings = {"queue": queue, "functions": [noop], "concurrency": CONC}

if __name__ == "__main__":

    @asynccontextmanager
    async def init():
        await queue.connect()
        yield
        await queue.disconnect()

    async def seq(payloads, qi):
        for p in payloads:
            await queue.enqueue("noop", payload=p, ttl=TTL)

    async def conc(payloads, qi):
        await asyncio.gather(*(queue.enqueue("noop", payload=p, ttl=TTL) for p in payloads))

    main(aio={"seq": seq, "conc": conc}, init=init)
else:
    use_uvloop()
