"""The program of a task: `python -u run.py [-m MODULE] SCRIPT [ARGUMENT ...]`.

It is never imported, and Python compiles it at every start: so it is short, and only finds the
rest, under a private name.
"""

import sys

if __name__ == "__main__":
    package = sys.modules["_rq_agent_bootstrap"] = type(sys)("_rq_agent_bootstrap")
    package.__path__ = [__file__[: -len("/run.py")]]
    __import__("_rq_agent_bootstrap.program").program.start()
