"""Which calls may share a host, and how that is made. Pure."""

import hashlib
from collections.abc import Mapping

import msgspec

from ...broker.definition import Definition
from ...broker.signed_task import SignedTask
from ..variables import inherited
from .calls import HostPlan, Kind

WORKER_VARIABLE = "RQ_AGENT_WORKER"


def plan_of(
    definition: Definition,
    signed: SignedTask,
    *,
    kind: Kind,
    most: int,
    worker: str,
    environ: Mapping[str, str],
) -> HostPlan:
    """Return the plan of the host that a task runs in.

    Args:
        definition: of the task.
        signed: what its submitter signed.
        kind: of its function.
        most: calls at once in one host.
        worker: name of this worker.
        environ: variables of this worker; tasks inherit some.
    """
    alone = is_alone(signed)
    return HostPlan(
        key=host_key(definition, signed, kind=kind),
        kind=kind,
        definition=definition,
        argv=signed.argv,
        params=signed.params,
        variables={**inherited(environ), **signed.env, WORKER_VARIABLE: worker},
        most=1 if alone else most,
        alone=alone,
        env_writable=signed.env_writable,
        mem_limit_mib=signed.mem_limit_mib,
    )


def is_alone(signed: SignedTask) -> bool:
    """Return whether a task gets a host of its own.

    One that is long-lived: its host is new at each restart. One that must not outlive its lease:
    its host is killed for that. One that changes its environment, or has a memory limit of its
    own: both are those of a process.
    """
    return (
        signed.restart != "never"
        or signed.exclusive == "kill"
        or signed.env_writable
        or signed.mem_limit_mib > 0
    )


def host_key(definition: Definition, signed: SignedTask, *, kind: Kind) -> str:
    """Return the key of a host; tasks with equal keys may share it. Hexadecimal.

    The entry point counts only by its working directory: functions of one snapshot share a host.
    """
    parts = (
        kind,
        definition.code,
        definition.environment,
        definition.entry.workdir,
        signed.argv,
        signed.params,
        signed.env,
        (is_alone(signed), signed.env_writable, signed.mem_limit_mib),
    )
    encoded = msgspec.msgpack.encode(parts, order="deterministic")
    return hashlib.sha256(encoded).hexdigest()
