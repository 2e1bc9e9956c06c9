"""How loaded a worker's machine is: written by the worker with each beat, read by pages."""

from collections.abc import Mapping
from typing import Final

import msgspec

GPUS_FACT: Final = "gpu_load"
"""Name of the fact that holds the GPUs, as JSON."""


class GpuLoad(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One GPU of the machine. What its driver does not tell is None."""

    index: int
    uuid: str = ""
    name: str = ""
    used_percent: int | None = None
    """Of the time since the driver looked last, something ran on it."""
    mem_used_mib: int | None = None
    mem_total_mib: int | None = None
    temperature_c: int | None = None
    power_w: int | None = None


class MachineLoad(msgspec.Struct, frozen=True, kw_only=True):
    """The machine of one worker, at its last beats. What it does not tell is None."""

    cpu_percent: float | None = None
    """Of all cores, since the measurement before."""
    cpu_count: int | None = None
    load1: float | None = None
    """Processes that wanted to run, on average over a minute."""
    mem_used_mib: int | None = None
    mem_total_mib: int | None = None
    disk_free_mib: int | None = None
    """Of the file system of the worker's cache."""
    disk_total_mib: int | None = None
    gpus: tuple[GpuLoad, ...] = ()


NUMBERS: Final = tuple(name for name in MachineLoad.__struct_fields__ if name != "gpus")
"""Facts of the same names."""


def facts_of(load: MachineLoad | None) -> dict[str, str]:
    """Return a load as facts of a worker; empty ones where nothing is known."""
    load = load or MachineLoad()
    numbers = {name: getattr(load, name) for name in NUMBERS}
    texts = {name: "" if value is None else str(value) for name, value in numbers.items()}
    return texts | {GPUS_FACT: msgspec.json.encode(load.gpus).decode()}


def load_of(facts: Mapping[str, str]) -> MachineLoad:
    """Return the load that a worker told, whatever its facts hold."""
    known: dict[str, object] = {name: facts[name] for name in NUMBERS if facts.get(name)}
    try:
        load = msgspec.convert(known, MachineLoad, strict=False)
    except msgspec.ValidationError:
        load = MachineLoad()
    try:
        gpus = msgspec.json.decode(facts.get(GPUS_FACT, "[]"), type=tuple[GpuLoad, ...])
    except msgspec.DecodeError:  # also of a wrong type
        gpus = ()
    return msgspec.structs.replace(load, gpus=gpus)
