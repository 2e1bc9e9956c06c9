"""rq-agent: a signed task, a lease and a fence each; coroutines in one host process.

Its defaults and all that it guarantees: nothing is switched off. `python peer_rq_agent.py worker
CONCURRENCY QUEUE[,QUEUE...]` is `rq-agent work` on a home of its own for each port.
"""

import os
import sys
import tempfile
from contextlib import asynccontextmanager

from _common import PORT, QUEUES, URL, hit, main

HOME = os.path.join(tempfile.gettempdir(), f"bench_rq_agent_{PORT}")
os.environ["RQ_AGENT_HOME"] = HOME


def work(concurrency, queues):
    program = os.path.join(os.path.dirname(sys.executable), "rq-agent")
    command = ["work", "--services", concurrency, "--queues", queues, "--mode", "round-robin"]
    os.environ.update({"RQ_AGENT_REDIS_URL": URL})
    os.execv(program, [program, *command, "--name", f"bench-{os.getpid()}"])


if sys.argv[1:2] == ["worker"]:
    work(*sys.argv[2:])

from rq_agent import Client, task


@task
async def noop(payload):
    hit()


if __name__ == "__main__":
    import peer_rq_agent  # tasks run under their module's name

    state = {}

    @asynccontextmanager
    async def init():
        async with Client(url=URL) as client:
            state["client"] = client
            state["noop"] = [peer_rq_agent.noop.options(queue=queue) for queue in QUEUES]
            yield

    async def seq(payloads, qi):
        for payload in payloads:
            await state["client"].submit(state["noop"][qi], payload)

    async def batch(payloads, qi):
        await state["client"].submit_many(state["noop"][qi], [(p,) for p in payloads])

    main(aio={"seq": seq, "batch": batch, "each": seq}, init=init)
