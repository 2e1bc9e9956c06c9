"""From claims of light tasks to calls: verified, many at once, mostly without a wait."""

import logging
import os
import time
from collections.abc import Sequence
from functools import partial
from typing import Protocol

import anyio.abc

from ...broker.definition import Definition, Function
from ...broker.definitions import Definitions
from ...broker.envelope import Verifier
from ...broker.errors import TrustError
from ...broker.keyrings import Keyrings
from ...broker.signed_task import SignedTask
from ...broker.trust import TrustFileError, UnknownKeyError
from ..config import WorkerConfig
from ..held import Held
from ..known import Known
from ..patience import patiently
from . import plans
from .calls import Call
from .light import Light
from .notes import note_of

log = logging.getLogger(__name__)

_NO_ARGUMENTS = b"[[],{}]"


class Admitted(Protocol):
    """Hears what became of claims."""

    def ready(self, tasks: Sequence[Light]) -> None:
        """Calls of functions, verified."""

    def program(self, held: Held) -> None:
        """No call of a function: to be run as any other task."""

    def refused(self, light: Light, error: TrustError) -> None:
        """Not to be run."""

    def untrusting(self, tasks: Sequence[Light], error: TrustFileError) -> None:
        """This machine's own trust file can't be used: no task is to blame."""


class Admission:
    """One per worker."""

    def __init__(
        self,
        config: WorkerConfig,
        namespace: str,
        verifier: Verifier,
        keyrings: Keyrings,
        definitions: Definitions,
        group: anyio.abc.TaskGroup,
        hearer: Admitted,
    ) -> None:
        """`group` runs what has to wait for Redis."""
        self._config = config
        self._namespace = namespace
        self._verifier = verifier
        self._keyrings = keyrings
        self._definitions = definitions
        self._group = group
        self._hearer = hearer
        self._plans = plans.Plans(config, os.environ)
        self._unread: dict[str, list[tuple[Light, SignedTask]]] = {}
        """By the digest of their definition, which is on its way."""

    def admit(self, tasks: Sequence[Light]) -> None:
        """Verify claims, and tell what became of each, at once or later."""
        unknown = self._admit(tasks)
        if unknown:
            self._group.start_soon(self._with_news, unknown)

    def _admit(self, tasks: Sequence[Light]) -> list[Light]:
        """Return those whose key is not known; a keyring may have news of it."""
        ready: list[Light] = []
        unknown: list[Light] = []
        now_s = time.time()
        with self._verifier.at_once():
            for light in tasks:
                try:
                    signed = self._open(light, now_s)
                except UnknownKeyError:
                    unknown.append(light)
                except TrustFileError as e:
                    self._hearer.untrusting([light], e)
                except TrustError as e:
                    self._hearer.refused(light, e)
                else:
                    self._sort(light, signed, ready)
        if ready:
            self._hearer.ready(ready)
        return unknown

    def _open(self, light: Light, now_s: float) -> SignedTask:
        claim = light.held.claim
        if claim.envelope is None:
            raise TrustError("the signed arguments are missing or too large")
        return self._verifier.open(
            claim.envelope,
            namespace=self._namespace,
            task_id=claim.task_id,
            definition=claim.definition,
            queue=claim.queue,
            shape=claim.shape,
            now_s=now_s,
        )

    def _sort(self, light: Light, signed: SignedTask, ready: list[Light]) -> None:
        address = signed.definition
        definition = self._definitions.known(address)
        if definition is not None:
            self._take(light, signed, definition, ready)
        elif address in self._unread:
            self._unread[address].append((light, signed))
        else:
            self._unread[address] = [(light, signed)]
            self._group.start_soon(self._read, address)

    async def _read(self, address: str) -> None:
        """Read a definition, and take the tasks that wait for it."""
        try:
            definition = await patiently(partial(self._definitions.get, address), what="definition")
        except TrustError as e:
            for light, _ in self._unread.pop(address):
                self._hearer.refused(light, e)
            return
        ready: list[Light] = []
        for light, signed in self._unread.pop(address):
            self._take(light, signed, definition, ready)
        if ready:
            self._hearer.ready(ready)

    def _take(
        self, light: Light, signed: SignedTask, definition: Definition, ready: list[Light]
    ) -> None:
        function = definition.entry.function
        if not isinstance(function, Function):
            self._hearer.program(light.held)
            return
        held = light.held
        held.known = Known(
            namespace=self._namespace,
            servers=held.servers,
            claim=held.claim,
            need=held.need,
            definition=definition,
            params=signed.params,
        )
        light.exclusive = signed.exclusive
        light.plan, target = self._plans.of(definition, signed, function, held.gpus)
        light.call = Call(
            key=light.key,
            target=target,
            arguments=signed.call.encode() or _NO_ARGUMENTS,
            timeout_s=signed.timeout_s,
            grace_s=signed.grace_s,
            note=note_of(held, signed.exclusive),
            isolation=held.claim.isolation,
            until_s=held.safe_until_s if signed.exclusive == "kill" else 0.0,
        )
        ready.append(light)

    async def _with_news(self, tasks: list[Light]) -> None:
        """Look once for a newer keyring, for all of them, and verify them again."""

        async def verify() -> None:
            for light in tasks:
                try:
                    self._open(light, time.time())
                except UnknownKeyError:
                    raise
                except TrustError:
                    continue

        try:
            await patiently(partial(self._keyrings.with_news, verify), what="keyring")
        except UnknownKeyError:
            pass
        except TrustFileError as e:
            self._hearer.untrusting(tasks, e)
            return
        for light in self._admit(tasks):
            self._hearer.refused(light, self._unknown_key(light))

    def _unknown_key(self, light: Light) -> TrustError:
        try:
            self._open(light, time.time())
        except TrustError as e:
            return e
        return TrustError("its key became known a moment ago: submit the task again")
