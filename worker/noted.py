"""What the journal says of an attempt, as the worker holds it: other versions wrote it, too."""

import logging
from collections.abc import Mapping

import msgspec

from ..broker.claims import Claim
from ..broker.needs import Need
from .held import Held
from .process import left
from .process.journal import Attempt

log = logging.getLogger(__name__)

_BLANK: Mapping[str, object] = {
    "queue": "",
    "shape": "",
    "attempt": 0,
    "definition": "",
    "envelope": None,
    "lease_ms": 0,
    "name": "",
    "user": "",
    "priority": 0,
    "lost": 0,
    "timeout_ms": 0,
    "retry": "",
}


def held_of(attempt: Attempt) -> Held:
    """Return what the worker holds of an attempt."""
    gpus = left.gpus_of(attempt) if attempt.gpus is None else attempt.gpus
    held = Held(claim_of(attempt), gpus, need_of(attempt, gpus))
    held.is_started = True  # as far as anybody knows before it was looked for
    return held


def numbers_of(need: Need) -> dict[str, float]:
    """Return what the journal keeps of a need: numbers alone, which every version reads."""
    light = {"light": 1} if need.light else {}
    return {"gpus": need.gpus, "cpus": need.cpus, "mem_mib": need.mem_mib, **light}


def need_of(attempt: Attempt, gpus: tuple[str, ...]) -> Need:
    """Return what an attempt takes; what another version wrote otherwise counts as nothing."""
    said = {"gpus": len(gpus), **attempt.need}
    try:
        return Need(
            gpus=int(said["gpus"]),
            cpus=float(said.get("cpus", 0)),
            mem_mib=int(said.get("mem_mib", 0)),
            light=bool(said.get("light", 0)),
        )
    except (TypeError, ValueError):
        return Need(gpus=len(gpus))


def claim_of(attempt: Attempt) -> Claim:
    """Return the claim of an attempt; what an older version did not write down is blank."""
    token = {"task_id": attempt.task_id, "fence": attempt.fence, "nonce": attempt.nonce}
    try:
        return msgspec.convert({**_BLANK, **attempt.claim, **token}, Claim)
    except msgspec.ValidationError as e:
        log.warning("task %s: what the journal says of its claim: %s", attempt.task_id, e)
        return msgspec.convert({**_BLANK, **token}, Claim)
