"""The program of a task: `python -u run.py SCRIPT [ARGUMENT ...]`.

It is never imported and never cached by Python, so it only finds the rest, under a private name.
"""

from __future__ import annotations

import os
import sys

_FOLDER = os.path.dirname(os.path.abspath(__file__))
_PACKAGE = "_rq_agent_bootstrap"


def _leave_the_path() -> None:
    """Take our folder off sys.path: a user's `program.py` or `values.py` must stay theirs."""
    has_own_folder = not getattr(sys.flags, "safe_path", False) and not sys.flags.isolated
    if has_own_folder and sys.path and os.path.realpath(sys.path[0]) == os.path.realpath(_FOLDER):
        del sys.path[0]


def _private_package() -> None:
    package = type(sys)(_PACKAGE)
    package.__path__ = [_FOLDER]
    vars(package)["launcher"] = sys.modules["__main__"]  # keeps the globals of this file alive
    sys.modules[_PACKAGE] = package


if __name__ == "__main__":
    _leave_the_path()
    _private_package()
    __import__(_PACKAGE + ".program", fromlist=["main"]).main(sys.argv[1:])
