"""What is told of a login by its name."""

import pytest

from rq_agent.broker.errors import AccessDenied
from rq_agent.cli.login_role import check_may_work, problem_of_submitting, role_in

LAB = "rediss://{}:secret@10.0.0.1:7341/0"


@pytest.mark.parametrize(
    ("url", "role"),
    [
        (LAB.format("worker-gpu1-9"), "worker"),
        (LAB.format("submitter-%C3%A4-1"), "submitter"),
        (LAB.format(""), None),
        ("redis://10.0.0.1", None),
        ("unix:///run/redis.sock", None),
        ("redis://[::1", None),
    ],
)
def test_the_role_is_the_beginning_of_the_name(url: str, role: str | None) -> None:
    assert role_in(url) == role


@pytest.mark.parametrize("role", ["submitter", "viewer"])
def test_a_login_that_may_run_nothing_is_told_which_one_may(role: str) -> None:
    with pytest.raises(AccessDenied, match=f"joined as {role}, .*`rq-agent invite worker`"):
        check_may_work(LAB.format(f"{role}-ada-1"))


@pytest.mark.parametrize("user", ["worker-a-1", "operator-a-1", "default", ""])
def test_others_may_work(user: str) -> None:
    check_may_work(LAB.format(user))


def test_who_submits_with_the_login_of_a_worker_is_warned() -> None:
    assert "`rq-agent invite submitter`" in problem_of_submitting(LAB.format("worker-a-1"))
    assert problem_of_submitting(LAB.format("submitter-a-1")) == ""
