"""Which tasks may share a host."""

import pytest

from rq_agent.broker.definition import Code, Definition, Entry, EnvironmentSpec
from rq_agent.broker.signed_task import Restart, SignedTask
from rq_agent.worker.services.calls import HostPlan
from rq_agent.worker.services.host_plan import plan_of

DEFINITION = Definition(
    code=Code(form="file", blob="0" * 64, size_bytes=1, file_name="a.py"),
    environment=EnvironmentSpec(),
    entry=Entry(script="a.py", module="a"),
)


def signed(**changes: object) -> SignedTask:
    fields: dict[str, object] = {
        "not_after": 1,
        "namespace": "n",
        "task_id": "t1",
        "definition": "0" * 64,
        **changes,
    }
    return SignedTask(**fields)  # type: ignore[arg-type]


def plan(definition: Definition = DEFINITION, /, **changes: object) -> HostPlan:
    environ = {"PATH": "/bin", "LANG": "C", "REDIS_URL": "redis://:secret@host"}
    task = signed(**changes)
    return plan_of(definition, task, kind="coroutine", most=9, worker="w1", environ=environ)


@pytest.mark.parametrize(
    "changes",
    [
        {"task_id": "t2"},
        {"not_after": 2},
        {"timeout_s": 5.0},
        {"call": "[[1],{}]"},
        {"user": "bob"},
    ],
)
def test_tasks_share_a_host_that_differ_only_in_what_the_host_does_not_see(
    changes: dict[str, object],
) -> None:
    assert plan(DEFINITION, **changes) == plan()


def test_functions_of_one_snapshot_share_a_host() -> None:
    other = Definition(
        code=DEFINITION.code,
        environment=DEFINITION.environment,
        entry=Entry(script="b.py", module="b"),
    )

    assert plan(other).key == plan().key


@pytest.mark.parametrize(
    "changes",
    [
        {"argv": ("--x",)},
        {"params": {"lr": "1"}},
        {"env": {"A": "1"}},
        {"env_writable": True},
        {"mem_limit_mib": 100.0},
        {"restart": "always"},
        {"exclusive": "kill"},
    ],
)
def test_what_the_process_shows_makes_a_host_of_its_own(changes: dict[str, object]) -> None:
    assert plan(DEFINITION, **changes).key != plan().key


@pytest.mark.parametrize(
    "environment", [EnvironmentSpec(requirements=("a==1",)), EnvironmentSpec(source_roots=("src",))]
)
def test_other_environments_have_other_hosts(environment: EnvironmentSpec) -> None:
    other = Definition(code=DEFINITION.code, environment=environment, entry=DEFINITION.entry)

    assert plan(other).key != plan().key


@pytest.mark.parametrize(("restart", "alone"), [("never", False), ("on-failure", True)])
def test_a_long_lived_task_is_alone(restart: Restart, alone: bool) -> None:
    made = plan(restart=restart)

    assert (made.alone, made.most) == (alone, 1 if alone else 9)


def test_a_task_that_must_not_outlive_its_lease_is_alone() -> None:
    made = plan(exclusive="kill")

    assert (made.alone, made.most) == (True, 1)


def test_a_host_inherits_no_address_of_redis_and_gets_what_the_task_sets() -> None:
    assert plan(env={"LANG": "de"}).variables == {
        "PATH": "/bin",
        "LANG": "de",
        "RQ_AGENT_WORKER": "w1",
    }
