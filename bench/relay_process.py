"""`python -m bench.relay_process SOCKET FOLDER`: a relay of its own process; says its port."""

import logging
import sys
from functools import partial
from pathlib import Path

import anyio

from rq_agent.broker.embedded import certificate, relay


def main() -> None:
    """Relay until killed."""
    logging.basicConfig()
    socket, folder = map(Path, sys.argv[1:])
    serve = partial(
        relay.serve,
        "127.0.0.1",
        0,
        socket,
        certificate.ensure(folder),
        ready=lambda places: print(places[0][1], flush=True),
    )
    anyio.run(serve, backend_options={"use_uvloop": True})


if __name__ == "__main__":
    main()
