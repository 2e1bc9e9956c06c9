"""arq: sorted set polled every poll_delay + per-job keys, WATCH/MULTI claims."""

import asyncio
import os
from contextlib import asynccontextmanager

from _common import CONC, PORT, RESULTS, hit, main, use_uvloop
from arq import create_pool
from arq.connections import RedisSettings

SETTINGS = RedisSettings(port=PORT)
LOG = {"version": 1, "disable_existing_loggers": False, "root": {"level": "WARNING"}}


async def noop(ctx, payload):
    hit()


class WorkerSettings:
    functions = (noop,)
    redis_settings = SETTINGS
    max_jobs = CONC
    poll_delay = float(os.environ.get("BENCH_ARQ_POLL", "0.5"))
    keep_result = 3600 if RESULTS else 0
    if os.environ.get("BENCH_ARQ_LIMIT"):
        queue_read_limit = int(os.environ["BENCH_ARQ_LIMIT"])


if __name__ == "__main__":
    st = {}

    @asynccontextmanager
    async def init():
        st["pool"] = await create_pool(SETTINGS)
        yield
        await st["pool"].aclose()

    async def seq(payloads, qi):
        for p in payloads:
            await st["pool"].enqueue_job("noop", p)

    async def conc(payloads, qi):
        await asyncio.gather(*(st["pool"].enqueue_job("noop", p) for p in payloads))

    async def raw(payloads, qi):
        """Pre-load only: the same keys as enqueue_job writes, pipelined, without its checks."""
        from uuid import uuid4

        from arq.constants import default_queue_name, job_key_prefix
        from arq.jobs import serialize_job
        from arq.utils import timestamp_ms

        async with st["pool"].pipeline(transaction=False) as pipe:
            now = timestamp_ms()
            for p in payloads:
                jid = uuid4().hex
                pipe.psetex(
                    job_key_prefix + jid, 86_400_000, serialize_job("noop", (p,), {}, None, now)
                )
                pipe.zadd(default_queue_name, {jid: now})
            await pipe.execute()

    main(aio={"seq": seq, "conc": conc, "raw": raw}, init=init)
else:
    use_uvloop()
