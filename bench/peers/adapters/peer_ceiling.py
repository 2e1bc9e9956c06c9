"""Not a library: the least Python code that is still a queue, as a ceiling for the peers.

Plain mode: one stream entry per job, XREADGROUP COUNT 100 BLOCK, one asyncio task per job, one
XACK + one XDEL per batch. Lease mode: job hash + stream entry, leases in a sorted set, Lua for
add, claim and done. Client: redis.asyncio or a bare asyncio+hiredis protocol.
"""

import asyncio
import os
import sys
import uuid
from collections import deque
from contextlib import asynccontextmanager

from _common import CONC, PORT, QUEUES, hit, main, use_uvloop

RAW = os.environ.get("BENCH_CEIL_CLIENT", "raw") == "raw"
LEASE = os.environ.get("BENCH_CEIL_LEASE", "0") == "1"
EACH = os.environ.get("BENCH_CEIL_ACK", "batch") == "each"
S, G = f"s:{QUEUES[0]}", "g"

ADD = """redis.call('HSET','j:'..ARGV[1],'p',ARGV[2],'s','queued')
return redis.call('XADD',KEYS[1],'*','j',ARGV[1])"""
CLAIM = """local r=redis.call('XREADGROUP','GROUP','g',ARGV[1],'COUNT',ARGV[2],'STREAMS',KEYS[1],'>')
if not r then return redis.call('XINFO','STREAM',KEYS[1])[8] end
local t=redis.call('TIME')
local exp=t[1]*1000+30000
local out={}
for i,e in ipairs(r[1][2]) do
  local j=e[2][2]
  redis.call('ZADD','leases',exp,j)
  redis.call('HSET','j:'..j,'s','running','w',ARGV[1])
  out[i]={e[1],j,redis.call('HGET','j:'..j,'p')}
end
return out"""
DONE = """for i=1,#ARGV,2 do
  redis.call('XACK',KEYS[1],'g',ARGV[i])
  redis.call('XDEL',KEYS[1],ARGV[i])
  redis.call('ZREM','leases',ARGV[i+1])
  redis.call('DEL','j:'..ARGV[i+1])
end
return #ARGV/2"""


class Raw(asyncio.Protocol):
    def connection_made(self, tr):
        import hiredis

        self.tr, self.reader, self.fs = tr, hiredis.Reader(), deque()
        self.pack, self.loop = hiredis.pack_command, asyncio.get_running_loop()

    def data_received(self, data):
        self.reader.feed(data)
        while (v := self.reader.gets()) is not False:
            f = self.fs.popleft()
            if not f.done():
                f.set_exception(v) if isinstance(v, Exception) else f.set_result(v)

    def put(self, args):
        f = self.loop.create_future()
        self.fs.append(f)
        return f

    def cmd(self, *args):
        f = self.put(args)
        self.tr.write(self.pack(args))
        return f

    async def pipe(self, cmds):
        fs = [self.put(c) for c in cmds]
        self.tr.write(b"".join(self.pack(c) for c in cmds))
        await fs[-1]


async def connect():
    if RAW:
        loop = asyncio.get_running_loop()
        _, p = await loop.create_connection(Raw, "127.0.0.1", PORT)
        return p.cmd, p.pipe
    import redis.asyncio as ra

    r = ra.Redis(
        connection_pool=ra.BlockingConnectionPool(
            port=PORT, protocol=2, max_connections=50, timeout=None
        )
    )

    async def pipe(cmds):
        p = r.pipeline(transaction=False)
        for c in cmds:
            p.execute_command(*c)
        await p.execute()

    return r.execute_command, pipe


async def setup(cmd):
    try:
        await cmd("XGROUP", "CREATE", S, G, "0", "MKSTREAM")
    except Exception as e:
        if "BUSYGROUP" not in str(e):
            raise
    return [await cmd("SCRIPT", "LOAD", s) for s in (ADD, CLAIM, DONE)]


async def noop(payload):
    hit()


def entries(r):
    """XREADGROUP reply of either client -> [(id, payload)]."""
    if not r:
        return []
    for _, es in r.items() if isinstance(r, dict) else r:
        out = []
        for e in es:
            if isinstance(e[1], dict):
                out.append((e[0], e[1][b"p"]))
            else:
                out.append((e[0], e[1][1]))
        return out


async def worker():
    cmd, pipe = await connect()
    bcmd, _ = await connect()  # blocking reads
    _, claim, done = await setup(cmd)
    me = uuid.uuid4().hex[:8]
    sem = asyncio.Semaphore(CONC)
    pending = set()

    async def ack(batch):
        if LEASE:
            await cmd("EVALSHA", done, 1, S, *[x for b in batch for x in b])
        else:
            ids = [b[0] for b in batch]
            await pipe([("XACK", S, G, *ids), ("XDEL", S, *ids)])

    async def one(eid, jid, payload):
        async with sem:
            await noop(payload)
            await ack([(eid, jid)])

    def later(coro):
        t = asyncio.create_task(coro)
        pending.add(t)
        t.add_done_callback(pending.discard)

    while True:
        if LEASE:
            r = await cmd("EVALSHA", claim, 1, S, me, 100)
            if not isinstance(r, list):  # empty: wait for an entry after the last one
                await bcmd("XREAD", "COUNT", 1, "BLOCK", 5000, "STREAMS", S, r)
                continue
            jobs = r
        else:
            r = await bcmd(
                "XREADGROUP", "GROUP", G, me, "COUNT", 100, "BLOCK", 5000, "STREAMS", S, ">"
            )
            jobs = [(i, b"", p) for i, p in entries(r)]
            if not jobs:
                continue
        if EACH:
            while len(pending) > 2 * CONC:
                await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for j in jobs:
                later(one(*j))
        else:
            await asyncio.gather(*(asyncio.create_task(noop(p)) for _, _, p in jobs))
            later(ack([(i, j) for i, j, _ in jobs]))  # acks overlap the next read


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        use_uvloop()
        asyncio.run(worker())
        sys.exit()
    st = {}

    @asynccontextmanager
    async def init():
        st["cmd"], st["pipe"] = await connect()
        st["add"] = (await setup(st["cmd"]))[0]
        yield

    def job(p):
        if LEASE:
            return ("EVALSHA", st["add"], 1, S, uuid.uuid4().hex, p)
        return ("XADD", S, "*", "p", p)

    async def seq(payloads, qi):
        for p in payloads:
            await st["cmd"](*job(p))

    async def conc(payloads, qi):
        await asyncio.gather(*(st["cmd"](*job(p)) for p in payloads))

    async def batch(payloads, qi):
        await st["pipe"]([job(p) for p in payloads])

    main(aio={"seq": seq, "conc": conc, "batch": batch}, init=init)
