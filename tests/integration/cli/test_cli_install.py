"""`rq-agent install`: units of systemd, looked at as text and by systemd's own checker."""

import configparser
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rq_agent.worker.process import cgroup_place

from .terminal import Terminal

COMMON = {"NoNewPrivileges": "yes", "LockPersonality": "yes", "SystemCallArchitectures": "native"}


class Unit(configparser.ConfigParser):
    """A unit: names may come twice (the last one counts here) and keep their case."""

    def __init__(self, text: str) -> None:
        super().__init__(strict=False, interpolation=None, delimiters=("=",), comment_prefixes="#")
        self.optionxform = str  # type: ignore[assignment, method-assign]
        self.text = text
        self.read_string(text)


@pytest.fixture
def units(terminal: Terminal, tmp_path: Path) -> Path:
    """The folder of the user's own units."""
    terminal.environ["XDG_CONFIG_HOME"] = str(tmp_path / "xdg")
    return tmp_path / "xdg" / "systemd" / "user"


def shown(terminal: Terminal, *options: str) -> dict[str, Unit]:
    """Return the units that would be written, by name."""
    found = terminal.json("install", "--dry-run", *options)
    return {unit["name"]: Unit(unit["text"]) for unit in found["units"]}


def of_system(terminal: Terminal, *options: str) -> dict[str, Unit]:
    return shown(terminal, "--system", "--run-as", "root", *options)


def test_a_worker_of_ones_own_is_written_and_the_lines_to_start_it_are_said(
    terminal: Terminal, units: Path
) -> None:
    done = terminal("install", "--user", "--worker", "--queues", "high,low", "--gpus", "none")

    path = units / "rq-agent-worker.service"
    assert (done.returncode, done.stdout.decode()) == (0, f"{path}\n")
    assert "  systemctl --user daemon-reload\n" in done.stderr.decode()
    assert "  systemctl --user enable --now rq-agent-worker.service\n" in done.stderr.decode()
    unit = Unit(path.read_text())
    assert unit["Service"]["ExecStart"].endswith(
        "-m rq_agent.cli work --queues=high,low --gpus=none"
    )
    assert unit["Install"]["WantedBy"] == "default.target"
    assert path.stat().st_mode & 0o777 == 0o644


def test_tasks_outlive_their_worker_and_a_worker_that_was_stopped_stays_away(
    terminal: Terminal, units: Path
) -> None:
    service = shown(terminal, "--user", "--worker", "--drain-timeout", "5m")[
        "rq-agent-worker.service"
    ]["Service"]

    expected = {
        "KillMode": "process",
        "Delegate": "yes",
        "DelegateSubgroup": cgroup_place.SUBGROUP,
        "Restart": "on-failure",
        "ExecReload": "/bin/kill -HUP $MAINPID",
        "TimeoutStopSec": "300s",
        "Type": "exec",
        **COMMON,
    }
    assert {name: service[name] for name in expected} == expected
    for closed in ("PrivateTmp", "PrivateDevices", "ProtectClock", "MemoryDenyWriteExecute"):
        assert closed not in service


def test_the_server_is_up_in_the_foreground_and_hardened(terminal: Terminal, units: Path) -> None:
    unit = shown(terminal, "--user", "--server", "--listen", "10.0.0.1")["rq-agent-server.service"]

    service = unit["Service"]
    assert service["ExecStart"].endswith(" up --foreground --no-worker --listen=10.0.0.1:7341")
    expected = {
        "Restart": "always",
        "KillMode": "mixed",
        "UMask": "0077",
        "MemoryDenyWriteExecute": "yes",
        "RestrictNamespaces": "yes",
        **COMMON,
    }
    assert {name: service[name] for name in expected} == expected
    assert "Environment=RQ_AGENT_CONTEXT=local\n" in unit.text


def test_units_of_the_system_close_more_and_say_what_is_writable(
    terminal: Terminal, tmp_path: Path
) -> None:
    data = tmp_path / "my data"
    data.mkdir()

    found = of_system(terminal, "--server", "--worker", "--writable", str(data))

    server = found["rq-agent-server.service"]["Service"]
    worker = found["rq-agent-worker.service"]["Service"]
    home = terminal.home
    ours = f"{home}/config {home}/state {home}/cache {home}/data /tmp"
    assert server["ProtectSystem"] == worker["ProtectSystem"] == "strict"
    assert server["ReadWritePaths"] == ours
    assert worker["ReadWritePaths"] == f'{ours} "{data}"'
    assert server["PrivateDevices"] == server["ProtectClock"] == "yes"
    assert server["ProtectHome"] == "read-only"
    assert "PrivateDevices" not in worker
    assert found["rq-agent-worker.service"]["Install"]["WantedBy"] == "multi-user.target"


def test_without_a_list_of_folders_tasks_write_where_their_user_may(terminal: Terminal) -> None:
    worker = of_system(terminal, "--worker")["rq-agent-worker.service"]["Service"]

    assert worker["ProtectSystem"] == "full"
    assert "ReadWritePaths" not in worker


def test_who_is_not_root_gets_no_capabilities(terminal: Terminal) -> None:
    ours = of_system(terminal, "--worker")["rq-agent-worker.service"]["Service"]
    theirs = shown(terminal, "--system", "--run-as", "nobody", "--worker")
    service = theirs["rq-agent-worker.service"]["Service"]

    assert (service["User"], service["CapabilityBoundingSet"]) == ("nobody", "")
    assert (ours["User"], "CapabilityBoundingSet" in ours) == ("root", False)


def test_a_unit_names_its_server_by_a_context_and_holds_no_secret(
    terminal: Terminal, units: Path
) -> None:
    url = "redis://box:s3cret@gpu.lab:6379/0"
    terminal.fed(f"{url}\n", "context", "add", "lab", "-", "--namespace", "vision")

    text = shown(terminal, "--user", "--worker", "--context", "lab")["rq-agent-worker.service"].text

    assert "Environment=RQ_AGENT_CONTEXT=lab\n" in text
    assert "Environment=RQ_AGENT_NAMESPACE=vision\n" in text
    assert f"Environment=RQ_AGENT_HOME={terminal.home}\n" in text
    assert "s3cret" not in text
    refused = terminal("install", "--user", "--worker", "--dry-run", RQ_AGENT_REDIS_URL=url)
    assert (refused.returncode, refused.stdout) == (2, b"")
    assert b"rq-agent context add NAME -" in refused.stderr
    assert b"s3cret" not in refused.stderr


def test_words_with_signs_of_systemd_stay_as_they_are(terminal: Terminal, units: Path) -> None:
    hours = "mon-fri 19:00-08:00"
    text = shown(terminal, "--user", "--worker", "--hours", hours, "--label", "a=b$c%d")[
        "rq-agent-worker.service"
    ].text

    assert f'"--hours={hours}"' in text
    assert '"--label=a=b$$c%%d"' in text


def test_several_workers_have_units_of_their_own(terminal: Terminal, units: Path) -> None:
    for name in ("a", "b"):
        assert terminal("install", "--user", "--worker", "--name", name).returncode == 0

    assert sorted(p.name for p in units.iterdir()) == [
        "rq-agent-worker-a.service",
        "rq-agent-worker-b.service",
    ]
    assert terminal("uninstall", "--user", "--worker", "--name", "a").returncode == 0
    assert [p.name for p in units.iterdir()] == ["rq-agent-worker-b.service"]


def test_a_dry_run_writes_nothing(terminal: Terminal, units: Path) -> None:
    done = terminal("install", "--user", "--worker", "--server", "--dry-run")

    assert done.stdout.decode().startswith(f"# {units}/rq-agent-server.service\n# Made by")
    assert not units.exists()
    assert sorted(p.name for p in terminal.home.iterdir()) == ["cache"]


def test_a_unit_of_ours_is_replaced_and_anybody_elses_is_left_alone(
    terminal: Terminal, units: Path
) -> None:
    assert terminal("install", "--user", "--worker").returncode == 0
    again = terminal("install", "--user", "--worker", "--queues", "other")
    assert again.returncode == 0
    assert b"systemctl --user restart rq-agent-worker.service" in again.stderr
    path = units / "rq-agent-worker.service"
    assert "--queues=other" in path.read_text()

    path.write_text("[Service]\nExecStart=/bin/true\n")

    for command in ("install", "uninstall"):
        refused = terminal(command, "--user", "--worker")
        assert (refused.returncode, b"was not made by rq-agent install" in refused.stderr) == (
            2,
            True,
        )
    assert "/bin/true" in path.read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--worker"], "say --user"),
        (["--user", "--system", "--worker"], "say --user"),
        (["--user"], "say what to install: --worker, --server, or both"),
        (["--user", "--server", "--queues", "a"], "--queues is an option of a worker"),
        (["--user", "--worker", "--listen", "::1"], "--listen is an option of the server"),
        (["--user", "--worker", "--once"], "a service stays"),
        (["--user", "--worker", "--run-as", "nobody"], "--run-as goes with --system"),
        (["--user", "--worker", "--writable", "/tmp"], "--writable goes with --system --worker"),
        (["--system", "--worker", "--run-as", "no-such-user"], "no such user"),
        (["--system", "--run-as", "root", "--worker", "--writable", "/nowhere"], "no such folder"),
        (["--user", "--worker", "--slots", "many"], "--slots many"),
        (["--user", "--worker", "--queues", "a%b"], "queue 'a%b' is not a name"),
        (["--user", "--worker", "--name", "a b"], "--name 'a b'"),
        (["--user", "--worker", "--drain-timeout", "soon"], "--drain-timeout soon"),
        (["--user", "--worker", "--context", "nope"], "no context is named nope"),
        (["--user", "--worker", "--now"], "--now and --dry-run"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(
    terminal: Terminal, units: Path, options: list[str], words: str
) -> None:
    done = terminal("install", "--dry-run", *options)

    assert (done.returncode, done.stdout) == (3 if "nope" in options else 2, b"")
    assert words in done.stderr.decode()
    assert not units.exists()


def test_uninstall_removes_the_units_and_their_links(terminal: Terminal, units: Path) -> None:
    terminal("install", "--user", "--worker", "--server")
    wants = units / "default.target.wants"
    wants.mkdir()
    (wants / "rq-agent-worker.service").symlink_to(units / "rq-agent-worker.service")

    would = terminal("uninstall", "--user", "--dry-run")
    assert len(would.stdout.splitlines()) == 2
    assert (units / "rq-agent-worker.service").exists()

    done = terminal("uninstall", "--user")
    assert done.returncode == 0
    assert [p.name for p in units.rglob("*")] == ["default.target.wants"]
    nothing = terminal("uninstall", "--user")
    assert (nothing.returncode, b"has no rq-agent-server.service" in nothing.stderr) == (3, True)


def recorder(folder: Path, code: int) -> dict[str, str]:
    """Put a systemctl on the PATH that writes down what it is told; it answers, then ends so."""
    folder.mkdir()
    program = folder / "systemctl"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {folder}/told\n[ "$2" = show ] && exit 0\n'
        f"echo it hurts >&2\nexit {code}\n"
    )
    program.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_now_runs_the_lines_where_systemctl_works(
    terminal: Terminal, units: Path, tmp_path: Path
) -> None:
    environ = recorder(tmp_path / "bin", 0)

    done = terminal("install", "--user", "--worker", "--now", **environ)
    terminal("uninstall", "--user", **environ)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "bin" / "told").read_text().splitlines() == [
        "--user show --property=Version",
        "--user daemon-reload",
        "--user enable --now rq-agent-worker.service",
        "--user show --property=Version",
        "--user disable --now rq-agent-worker.service",
        "--user daemon-reload",
    ]


def test_what_systemctl_complains_of_is_shown(
    terminal: Terminal, units: Path, tmp_path: Path
) -> None:
    done = terminal("install", "--user", "--worker", "--now", **recorder(tmp_path / "bin", 1))

    assert done.returncode == 1
    assert b"systemctl --user daemon-reload: it hurts" in done.stderr


def test_now_is_refused_where_no_systemd_answers(
    terminal: Terminal, units: Path, tmp_path: Path
) -> None:
    done = terminal("install", "--user", "--worker", "--now", PATH=str(tmp_path))

    assert (done.returncode, b"systemctl --user does not answer here" in done.stderr) == (1, True)
    assert not units.exists()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("scope", ["--user", "--system"])
def test_systemd_itself_understands_the_units(
    terminal: Terminal, units: Path, tmp_path: Path, scope: str
) -> None:
    options = ["--run-as", "root"] if scope == "--system" else []
    found: Any = json.loads(
        terminal("install", scope, *options, "--server", "--worker", "--dry-run", "--json").stdout
    )
    paths = [tmp_path / unit["name"] for unit in found["units"]]
    for path, unit in zip(paths, found["units"], strict=True):
        path.write_text(unit["text"])

    checked = subprocess.run(
        ["systemd-analyze", "verify", scope, "--man=no", *paths],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    since_254 = "Unknown key 'DelegateSubgroup' in section [Service], ignoring."
    told = [line for line in checked.stderr.splitlines() if since_254 not in line]
    assert (checked.returncode, told) == (0, [])
