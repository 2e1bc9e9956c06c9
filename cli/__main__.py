"""`python -m rq_agent.cli`: the same as `rq-agent`."""

import sys

from .main import main

if __name__ == "__main__":
    sys.exit(main())
