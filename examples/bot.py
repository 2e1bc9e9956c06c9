"""A service that runs for ever: it says now and then that all is well.

    rq-agent submit --service --restart always --name watch examples/bot.py
    rq-agent submit --service --kwargs '{"every_s": 5}' examples/bot.py
    rq-agent logs -f watch
    rq-agent cancel watch

Thousands of such coroutines fit into one worker. Where one waits, the others go on.
"""

import asyncio
import time


async def main(every_s: float = 60.0, rounds: int = 0) -> int:
    """Print the time now and then; after so many rounds, or when it is cancelled, stop."""
    done = 0
    try:
        while not rounds or done < rounds:
            print(time.strftime("%H:%M:%S"), "all is well")
            done += 1
            await asyncio.sleep(every_s)
    finally:  # also when it is cancelled: there are some seconds for what must be put away
        print("good bye")
    return done
