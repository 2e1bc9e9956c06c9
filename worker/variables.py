"""The environment variables of a task. Pure, but for where this interpreter lies."""

import os
import sys
from collections.abc import Mapping

from ..broker.claims import Claim

_OURS = "RQ_AGENT_"
_OF_OUR_INTERPRETER = frozenset(
    {
        "VIRTUAL_ENV",
        "VIRTUAL_ENV_PROMPT",
        "CONDA_PREFIX",
        "CONDA_DEFAULT_ENV",
        "__PYVENV_LAUNCHER__",
    }
)


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a task inherits of the worker's variables.

    Left out: our own settings, since the address of Redis may hold a password, and whatever
    would point the task's Python at the worker's.
    """
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith((_OURS, "PYTHON"))
        and name not in _OF_OUR_INTERPRETER
        and name != "REDIS_URL"
    }
    if "PATH" in kept:
        kept["PATH"] = _without_ours(kept["PATH"], environ)
    return kept


def _without_ours(path: str, environ: Mapping[str, str]) -> str:
    """Return a PATH without the programs of the worker's own virtual environment."""
    environments = {environ.get("VIRTUAL_ENV", "")}
    if sys.prefix != sys.base_prefix:
        environments.add(sys.prefix)
    ours = {os.path.join(e, "bin") for e in environments if e}
    return os.pathsep.join(p for p in path.split(os.pathsep) if p.rstrip("/") not in ours)


def of_task(claim: Claim, worker: str) -> dict[str, str]:
    """Return the variables that tell a task who it is."""
    return {
        "RQ_AGENT_TASK_ID": claim.task_id,
        "RQ_AGENT_ATTEMPT": str(claim.attempt),
        "RQ_AGENT_FENCE": str(claim.fence),
        "RQ_AGENT_QUEUE": claim.queue,
        "RQ_AGENT_WORKER": worker,
    }
