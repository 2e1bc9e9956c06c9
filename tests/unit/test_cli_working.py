"""What a worker is told by options, by config.toml, and by neither."""

from pathlib import Path
from typing import Any

import pytest

from rq_agent.broker.errors import UsageError
from rq_agent.cli.config import load
from rq_agent.cli.work_options import WorkOptions
from rq_agent.cli.working import config_of
from rq_agent.worker.config import WorkerConfig

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
