"""Tells Redis what light tasks wait for whose host takes long: a snapshot, an environment."""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

import anyio

from ...broker.errors import BrokerUnavailable
from ...broker.leases import Leases
from ...broker.states import Phase
from .light import Light

log = logging.getLogger(__name__)

_BATCH: Final = 256
_APART_S: Final = 0.05
"""Between two calls: ten thousand that wait for one environment must not crowd out others."""


class Entering:
    """One per worker. Only the newest phase of a task counts; one that can't be told is left out."""

    def __init__(self, leases: Leases, lights: Mapping[str, Light]) -> None:
        self._leases = leases
        self._lights = lights
        self._phases: dict[str, Phase] = {}
        self._entered = anyio.Event()

    def enter(self, keys: Sequence[str], phase: Phase) -> None:
        """Note that a phase begins."""
        for key in keys:
            self._phases[key] = phase
        self._entered.set()

    async def run(self) -> None:
        """Tell phases forever."""
        while True:
            await self._entered.wait()
            self._entered = anyio.Event()
            while self._phases:
                keys = list(self._phases)[:_BATCH]
                phases = [(key, self._phases.pop(key)) for key in keys]
                try:
                    await self._leases.phases(
                        [(light.token, p) for k, p in phases if (light := self._lights.get(k))]
                    )
                except BrokerUnavailable as e:
                    log.debug("%d phases are not told: %s", len(phases), e)
                await anyio.sleep(_APART_S)
