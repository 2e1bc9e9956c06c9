"""The hosts that calls want, found quickly: most calls of a definition want the same."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

import msgspec

from ...broker.definition import Definition, Function
from ...broker.signed_task import SignedTask
from ..config import WorkerConfig
from ..gpus import visible
from .calls import HostPlan
from .host_plan import plan_of
from .targets import target_of

_KEPT: Final = 256

Planned = tuple[HostPlan, str]
"""A host, and the target of a call in it; see targets.py."""


class Plans:
    """Makes plans of hosts, and remembers those of calls that ask for nothing of their own."""

    def __init__(self, config: WorkerConfig, environ: Mapping[str, str]) -> None:
        self._config = config
        self._environ = environ
        self._usual: OrderedDict[str, Planned] = OrderedDict()
        """By the digest of the definition."""

    def of(
        self,
        definition: Definition,
        signed: SignedTask,
        function: Function,
        gpus: tuple[str, ...],
    ) -> Planned:
        """Return the plan of the host that a call runs in, and what it names there."""
        if gpus or not is_usual(signed):
            return self._made(definition, signed, function, gpus)
        planned = self._usual.get(signed.definition)
        if planned is None:
            planned = self._made(definition, signed, function, gpus)
            self._usual[signed.definition] = planned
            if len(self._usual) > _KEPT:
                self._usual.popitem(last=False)
        return planned

    def _made(
        self,
        definition: Definition,
        signed: SignedTask,
        function: Function,
        gpus: tuple[str, ...],
    ) -> Planned:
        entry = definition.entry
        target = target_of(script=entry.script, module=entry.module, function=function.name)
        plan = plan_of(
            definition,
            signed,
            kind=function.kind,
            most=self._config.services,
            worker=self._config.name,
            environ={**self._environ, **visible(gpus)},
        )
        if not gpus:
            return plan, target
        own = hashlib.sha256(f"{plan.key} {' '.join(gpus)}".encode()).hexdigest()
        return msgspec.structs.replace(plan, key=own), target


def is_usual(signed: SignedTask) -> bool:
    """Return whether a call wants the same host as all calls of its definition."""
    return not (
        signed.argv
        or signed.params
        or signed.env
        or signed.env_writable
        or signed.mem_limit_mib
        or signed.restart != "never"
        or signed.exclusive == "kill"
    )
