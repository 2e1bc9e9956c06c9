"""RQ: BLMOVE list + job hash; default Worker forks per job, SimpleWorker runs in-process."""

from _common import QUEUES, RESULTS, URL, hit, main
from redis import Redis
from rq import Queue

TTL = 500 if RESULTS else 0


def noop(payload):
    hit()


if __name__ == "__main__":
    import peer_rq  # import path must be peer_rq.noop, not __main__.noop

    conn = Redis.from_url(URL)
    queues = [Queue(q, connection=conn) for q in QUEUES]

    def seq(payloads, qi):
        for p in payloads:
            queues[qi].enqueue(peer_rq.noop, p, result_ttl=TTL)

    def batch(payloads, qi):
        queues[qi].enqueue_many(
            [Queue.prepare_data(peer_rq.noop, (p,), result_ttl=TTL) for p in payloads]
        )

    main(sync={"seq": seq, "batch": batch})
