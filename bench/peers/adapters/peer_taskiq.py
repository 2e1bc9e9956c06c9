"""taskiq-redis: ListQueueBroker (BRPOP, at-most-once) or RedisStreamBroker (XREADGROUP+XACK)."""

import asyncio
import os
from contextlib import asynccontextmanager

from _common import NQ, QUEUES, RESULTS, URL, hit, main
from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend, RedisStreamBroker

if os.environ.get("BENCH_TASKIQ", "list") == "stream":
    broker = RedisStreamBroker(
        URL,
        queue_name=QUEUES[0],
        consumer_id="0-0",
        xread_count=int(os.environ.get("BENCH_TASKIQ_COUNT", "100")),
        additional_streams=dict.fromkeys(QUEUES[1:], ">"),
        maxlen=None,
    )
else:
    broker = ListQueueBroker(URL, queue_name=QUEUES[0])
if RESULTS:
    broker = broker.with_result_backend(RedisAsyncResultBackend(URL, result_ex_time=600))


@broker.task(task_name="noop")
async def noop(payload: str) -> None:
    hit()


if __name__ == "__main__":

    @asynccontextmanager
    async def init():
        await broker.startup()
        yield
        await broker.shutdown()

    kick = [noop] if NQ == 1 else [noop.kicker().with_labels(queue_name=q) for q in QUEUES]

    async def seq(payloads, qi):
        for p in payloads:
            await kick[qi].kiq(p)

    async def conc(payloads, qi):
        await asyncio.gather(*(kick[qi].kiq(p) for p in payloads))

    main(aio={"seq": seq, "conc": conc}, init=init)
