"""Square some numbers on workers, from a program without an event loop.

    rq-agent up
    python examples/plain_script.py

`square` runs in a process of its own on whatever worker takes it; its code travels with it.
"""

from rq_agent import SyncClient, TaskFailed, task


@task(retries=2, timeout=30)
def square(n: int) -> int:
    """Workers see what is printed, too: `rq-agent logs last`."""
    print(f"squaring {n}")
    if n > 1_000:
        raise ValueError(f"{n} is too large")
    return n * n


def main() -> None:
    with SyncClient() as client:
        handles = client.map(square, range(10))
        print(client.gather(*handles))

        handle = client.submit(square.options(retries=0, priority=5), 5_000)
        try:
            handle.result(timeout=60)
        except TaskFailed as e:
            print(f"as expected: {e.reason}")


if __name__ == "__main__":  # workers import this file, and must not run main()
    main()
