"""dramatiq: list + message hash through one Lua dispatch script; polls with back-off; threads."""

import dramatiq
from _common import QUEUES, URL, hit, main
from dramatiq.brokers.redis import RedisBroker

broker = RedisBroker(url=URL)
dramatiq.set_broker(broker)


def noop(payload):
    hit()


actors = [dramatiq.actor(noop, actor_name=f"noop_{q}", queue_name=q) for q in QUEUES]

if __name__ == "__main__":

    def seq(payloads, qi):
        for p in payloads:
            actors[qi].send(p)

    main(sync={"seq": seq})
