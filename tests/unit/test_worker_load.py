"""How loaded a machine is: as facts and back, measured, and of GPUs whose driver fails."""

import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rq_agent.broker.worker_load import GpuLoad, MachineLoad, facts_of, load_of
from rq_agent.worker.gpu_load import Cards
from rq_agent.worker.telemetry import Telemetry

CARD = GpuLoad(index=0, uuid="GPU-1", name="H200", used_percent=87, mem_used_mib=1, power_w=300)
LOAD = MachineLoad(
    cpu_percent=12.5,
    cpu_count=16,
    load1=3.25,
    mem_used_mib=1_234_567,
    mem_total_mib=8_388_608,
    disk_free_mib=7,
    disk_total_mib=2_000_000,
    gpus=(CARD, GpuLoad(index=1)),
)


@pytest.mark.parametrize("load", [LOAD, MachineLoad()])
def test_a_load_comes_back_as_it_was_told(load: MachineLoad) -> None:
    assert load_of(facts_of(load)) == load


def test_what_is_not_known_any_more_is_told_as_empty() -> None:
    assert facts_of(LOAD).keys() == facts_of(None).keys()
    assert set(facts_of(None).values()) == {"", "[]"}


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"cpu_percent": "many", "mem_used_mib": "1"},
        {"gpu_load": "{}"},
        {"gpu_load": '[{"index": "x"}]'},
        {"gpu_load": "["},
        {"cpu_count": "1.5"},
    ],
)
def test_a_load_that_makes_no_sense_reads_as_none(facts: dict[str, str]) -> None:
    assert load_of(facts) == MachineLoad()


def test_this_machine_is_measured(tmp_path: Path) -> None:
    telemetry = Telemetry(tmp_path, every_s=60)
    assert telemetry.latest() is None

    with telemetry.running():
        deadline = time.monotonic() + 20
        while (load := telemetry.latest()) is None and time.monotonic() < deadline:
            time.sleep(0.01)  # a thread sends no event

    assert load is not None
    assert 0 <= (load.cpu_percent or 0) <= 100
    assert load.mem_used_mib is not None
    assert load.mem_total_mib is not None
    assert 0 < load.mem_used_mib < load.mem_total_mib
    assert load.disk_free_mib is not None
    assert load.disk_total_mib is not None
    assert 0 <= load.disk_free_mib <= load.disk_total_mib


def test_a_measurement_that_is_too_old_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    telemetry = Telemetry(tmp_path, every_s=5)
    with telemetry.running():
        deadline = time.monotonic() + 20
        while telemetry.latest() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        now_s = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now_s + 14)
        assert telemetry.latest() is not None
        monkeypatch.setattr(time, "monotonic", lambda: now_s + 16)

        assert telemetry.latest() is None  # the driver hangs


def test_a_folder_that_is_gone_hurts_nobody(tmp_path: Path) -> None:
    telemetry = Telemetry(tmp_path / "gone", every_s=60)

    with telemetry.running():
        assert telemetry.latest() is None


class _Driver:
    """What this project uses of pynvml, with one GPU that may fail."""

    class NVMLError(Exception):
        """Any failure."""

    class NVMLError_NotSupported(NVMLError):
        """This GPU does not tell."""

    class NVMLError_NoPermission(NVMLError):
        """This user may not know."""

    def __init__(self) -> None:
        self.is_broken = False
        self.opened = self.closed = 0

    def __getattr__(self, name: str) -> Any:
        if name == "nvmlDeviceGetPowerUsage":
            return self._refuse
        answers: dict[str, Any] = {
            "nvmlDeviceGetCount": 1,
            "nvmlDeviceGetHandleByIndex": "handle",
            "nvmlDeviceGetMemoryInfo": SimpleNamespace(used=2**30, total=2**34),
            "nvmlDeviceGetUUID": "GPU-1",
            "nvmlDeviceGetName": "H200",
            "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=87),
            "nvmlDeviceGetTemperature": 45,
        }
        return lambda *_: self._answer(answers[name])

    def nvmlInit(self) -> None:
        self._answer(None)
        self.opened += 1

    def nvmlShutdown(self) -> None:
        self.closed += 1

    def _answer(self, answer: Any) -> Any:
        if self.is_broken:
            raise self.NVMLError("GPU is lost")
        return answer

    def _refuse(self, _: Any) -> None:
        raise self.NVMLError_NotSupported("not supported")


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> _Driver:
    found = _Driver()
    monkeypatch.setitem(sys.modules, "pynvml", found)
    return found


def test_a_gpu_is_measured_and_what_it_does_not_tell_is_none(driver: _Driver) -> None:
    cards = Cards()
    told = GpuLoad(
        index=0,
        uuid="GPU-1",
        name="H200",
        used_percent=87,
        mem_used_mib=1024,
        mem_total_mib=16384,
        temperature_c=45,
        power_w=None,
    )

    assert [cards.read(), cards.read()] == [(told,), (told,)]
    cards.close()
    assert (driver.opened, driver.closed) == (1, 1)


def test_a_driver_that_fails_is_let_go_and_tried_again_later(
    driver: _Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1_000.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    cards = Cards()
    assert len(cards.read()) == 1
    driver.is_broken = True
    assert cards.read() == ()
    driver.is_broken = False
    assert cards.read() == ()  # not each time: opening a driver that hangs is dear
    now_s += 61

    assert len(cards.read()) == 1
    assert (driver.opened, driver.closed) == (2, 1)


def test_a_machine_without_a_driver_has_no_gpus(driver: _Driver) -> None:
    driver.is_broken = True

    assert Cards().read() == ()
    assert driver.closed == 0
