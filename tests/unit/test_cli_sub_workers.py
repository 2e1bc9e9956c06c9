"""How sub-workers and their hosts are told."""

import msgspec
import pytest

from rq_agent.broker.keys import TaskId
from rq_agent.broker.sub_workers import SubWorker
from rq_agent.broker.worker_hosts import Host
from rq_agent.cli.render.sub_worker_text import host_line, line, memory
from rq_agent.cli.sub_worker_listing import row

BOT = SubWorker(
    sub_worker="box-services/01m7yz1jfg5fh2ae",
    id=TaskId("01m7yz1jfg5fh2ae"),
    name="bot.py",
    queue="services",
    state="running",
    phase="running",
    started_at=1.0,
    run_s=65.0,
    host=1,
    mem_mib=64.0,
    is_mem_shared=True,
    lease_s=55.5,
)
UNKNOWN = msgspec.structs.replace(BOT, run_s=None, mem_mib=None, lease_s=None, state="starting")


def test_a_row_holds_all_that_is_known() -> None:
    assert [cell.text for cell in row(BOT)] == [
        "box-services/01m7yz1jfg5fh2ae",
        "running",
        "bot.py",
        "services",
        "1m 05s",
        "67.1 MB shared",
        "55.5s",
    ]
    assert [cell.text for cell in row(UNKNOWN)][4:] == ["", "", ""]


def test_a_line_of_a_worker_says_the_same() -> None:
    process = msgspec.structs.replace(BOT, is_mem_shared=False)
    told = "  1m 05s  bot.py, from services, 67.1 MB, lease 55.5s"

    assert line(process) == ("01m7yz1jfg5fh2ae", told)
    assert "MB" not in line(BOT)[1], "its host tells that"
    assert line(UNKNOWN)[1].strip() == "bot.py (starting), from services"
    assert memory(process) == "67.1 MB"


@pytest.mark.parametrize(
    ("kind", "tasks", "told"),
    [
        ("coroutine", 1, "coroutines, pid 7, 1 task, 67.1 MB, lag 3 ms, started 10.0s ago"),
        (
            "process",
            2,
            "forks a process for each task, pid 7, 2 tasks, 67.1 MB, started 10.0s ago",
        ),
    ],
)
def test_a_host_is_told_in_a_line(kind: str, tasks: int, told: str) -> None:
    host = Host(number=3, kind=kind, pid=7, tasks=tasks, rss_mib=64.0, lag_ms=3.2, started_at=90.0)

    assert host_line(host, 100.0) == ("host 3", told)
