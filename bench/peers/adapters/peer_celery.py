"""celery: BRPOP list + unacked hash/zset; prefork, threads or solo pool."""

import os

from _common import QUEUES, RESULTS, URL, hit, main
from celery import Celery

app = Celery("peer_celery", broker=URL, backend=URL if RESULTS else None)
app.conf.update(
    task_ignore_result=not RESULTS,
    task_default_queue=QUEUES[0],
    worker_prefetch_multiplier=int(os.environ.get("BENCH_CELERY_PREFETCH", "4")),
    task_acks_late=os.environ.get("BENCH_CELERY_LATE", "0") == "1",
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    broker_transport_options={"visibility_timeout": 3600},
)


@app.task(name="noop")
def noop(payload):
    hit()


if __name__ == "__main__":

    def seq(payloads, qi):
        for p in payloads:
            noop.apply_async((p,), queue=QUEUES[qi])

    def batch(payloads, qi):
        """One held producer; celery has no pipelined publish."""
        with app.producer_pool.acquire(block=True) as prod:
            for p in payloads:
                noop.apply_async((p,), queue=QUEUES[qi], producer=prod)

    main(sync={"seq": seq, "batch": batch})
