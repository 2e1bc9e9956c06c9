"""The program of a host: `python -u run.py FOLDER KIND [ARGUMENT ...]`.

It is never imported but as the main module of children that a task starts by `multiprocessing`:
so it only finds the rest, under a private name.
"""

import sys

if __name__ == "__main__":
    package = sys.modules["_rq_agent_host"] = type(sys)("_rq_agent_host")
    package.__path__ = [__file__[: -len("/host/run.py")]]
    __import__("_rq_agent_host.host.program").host.program.start()
