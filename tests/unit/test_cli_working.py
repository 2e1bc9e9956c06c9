"""What a worker is told by options, by config.toml, and by neither."""

from pathlib import Path
from typing import Any

import pytest

from rq_agent.broker.errors import UsageError
from rq_agent.cli.config import load
from rq_agent.cli.service_slots import gpus_of
from rq_agent.cli.work_options import WorkOptions
from rq_agent.cli.working import announcement, config_of
from rq_agent.worker.config import WorkerConfig
from rq_agent.worker.signals import Signals

MIB = 1024**2


def config(home: Path, file: str = "", **options: Any) -> WorkerConfig:
    (home / "config").mkdir(exist_ok=True)
    (home / "config" / "config.toml").write_text(file)
    settings = load(environ={"RQ_AGENT_HOME": str(home)})
    return config_of(WorkOptions(name="w", gpus="none", **options), settings)


@pytest.mark.parametrize(
    ("file", "options", "watchdog_s", "spool_mib"),
    [
        ("", {}, 1800, 1024),
        ('[work]\nwatchdog = "5m"\nspool_limit = "8M"', {}, 300, 8),
        (
            '[work]\nwatchdog = "5m"\nspool_limit = "8M"',
            {"watchdog": "0", "spool_limit": "4M"},
            0,
            4,
        ),
    ],
)
def test_an_option_wins_over_the_file_and_the_file_over_the_default(
    tmp_path: Path, file: str, options: dict[str, str], watchdog_s: float, spool_mib: int
) -> None:
    found = config(tmp_path, file, **options)

    assert (found.watchdog_s, found.spool_limit_bytes) == (watchdog_s, spool_mib * MIB)


@pytest.mark.parametrize(
    ("file", "where"),
    [
        ('[work]\nwatchdog = "x"', "config.toml: work.watchdog x"),
        ('[work]\nspool_limit = "3M"', "config.toml: work.spool_limit 3M: at least 4M"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, file: str, where: str) -> None:
    with pytest.raises(UsageError, match=where):
        config(tmp_path, file)


@pytest.mark.parametrize(
    ("options", "services", "slots", "is_shared", "words"),
    [
        ({}, 0, 1, False, "1 slot,"),
        ({"services": "0"}, 0, 1, False, "1 slot,"),
        ({"services": "100"}, 100, 0, True, "100 service slots (also for ordinary tasks),"),
        ({"services": "1", "slots": "2"}, 1, 2, False, "2 slots, 1 service slot,"),
        (
            {"services": "100", "slots": "0"},
            100,
            0,
            False,
            "default (priority), 100 service slots,",
        ),
    ],
)
def test_light_tasks_run_beside_the_ordinary_ones_or_both_share_the_places(
    tmp_path: Path,
    options: dict[str, str],
    services: int,
    slots: int,
    is_shared: bool,
    words: str,
) -> None:
    found = config(tmp_path, **options)

    assert (found.services, found.slots, found.services_shared) == (services, slots, is_shared)
    assert words in announcement(found, Signals())


@pytest.mark.parametrize(
    ("file", "options", "expected"),
    [
        ("", {}, (2, 0, 60)),
        ('[work]\nhost_lag = "5s"\nhost_mem = "2G"\nhost_idle = "0"', {}, (5, 2048, 0)),
        (
            '[work]\nhost_lag = "5s"\nhost_mem = "2G"',
            {"host_lag": "0.5", "host_mem": "0", "host_idle": "10m"},
            (0.5, 0, 600),
        ),
    ],
)
def test_what_hosts_may_do_is_said_by_options_then_by_the_file(
    tmp_path: Path, file: str, options: dict[str, str], expected: tuple[float, float, float]
) -> None:
    found = config(tmp_path, file, services="9", **options)

    assert (found.host_lag_s, found.host_mem_mib, found.host_idle_s) == expected


def test_a_worker_for_light_tasks_leaves_gpus_to_the_ordinary_one() -> None:
    assert gpus_of(WorkOptions()) == "all"
    assert gpus_of(WorkOptions(services="100")) == "none"
    assert gpus_of(WorkOptions(services="100", gpus="0,1")) == "0,1"


def test_what_is_wrong_about_hosts_in_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"config.toml: work.host_lag 0: at least 0.1s"):
        config(tmp_path, '[work]\nhost_lag = "0"', services="9")
