"""What a task needs of a machine, and what fits into what is free. Pure."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated

import msgspec


class _Capacity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    gpus: Annotated[int, msgspec.Meta(ge=0, le=1024)] = 0
    cpus: Annotated[float, msgspec.Meta(ge=0, le=65_536)] = 0.0
    mem_mib: Annotated[int, msgspec.Meta(ge=0, le=2**40)] = 0


class Need(_Capacity, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one task needs. None of cpus and mem_mib is "no claim": it takes none of a capacity."""

    light: bool = False
    """It takes a service slot. Encoded only where true (see `plain`), so that the needs of all
    other tasks keep their names, and workers without service slots don't know this one."""


class Free(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker has left. `inf` where a capacity was not limited."""

    slots: int
    """Tasks without a GPU that may still start. A task with GPUs needs none: its GPUs are
    its slots, so it never waits behind tasks that need none."""
    light: int = 0
    """Light tasks that may still start: service slots."""
    gpus: int = 0
    cpus: float = float("inf")
    mem_mib: float = float("inf")


def plain(need: Need) -> msgspec.Struct:
    """Return what is encoded of a need."""
    if need.light:
        return need
    return _Capacity(gpus=need.gpus, cpus=need.cpus, mem_mib=need.mem_mib)


def encode(need: Need) -> bytes:
    """Return the canonical JSON of a need, as stored in `shapes`. 1 and 1.0 CPUs are the same."""
    same = msgspec.structs.replace(need, cpus=float(need.cpus))
    return msgspec.json.encode(plain(same), order="sorted")


@lru_cache(1024)
def shape_id(need: Need) -> str:
    """Return the interned name of a need: `s` and 10 hex digits."""
    return "s" + hashlib.sha256(encode(need)).hexdigest()[:10]


def fits(need: Need, free: Free) -> bool:
    """Return whether one task of this need can start now."""
    return how_many(need, free) > 0


def how_many(need: Need, free: Free) -> int:
    """Return how many tasks of one need can start now."""
    limits = [free.gpus // need.gpus] if need.gpus else []
    if need.light:
        limits.append(free.light)
    elif not need.gpus:
        limits.append(free.slots)
    if need.cpus:
        limits.append(_whole(free.cpus / need.cpus))
    if need.mem_mib:
        limits.append(_whole(free.mem_mib / need.mem_mib))
    return max(0, min(limits))


def batch_size(needs: Sequence[Need], free: Free) -> int:
    """Return how many tasks fit together, whatever mixture of these needs they have.

    A claim of several tasks names shapes, not a mixture, so the worst mixture counts.
    """
    limits: list[float] = []
    if any(n.light for n in needs):
        limits.append(free.light)
    if any(not n.light and not n.gpus for n in needs):
        limits.append(free.slots)
    if gpus := max((n.gpus for n in needs), default=0):
        limits.append(free.gpus // gpus)
    if cpus := max((n.cpus for n in needs), default=0.0):
        limits.append(_whole(free.cpus / cpus))
    if mem_mib := max((n.mem_mib for n in needs), default=0):
        limits.append(_whole(free.mem_mib / mem_mib))
    return max(0, int(min(limits, default=0)))


def _whole(ratio: float) -> int:
    return 2**31 if ratio == float("inf") else int(ratio)
