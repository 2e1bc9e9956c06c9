"""From a submission to what is signed of it, and to many calls that are signed together."""

import time
from pathlib import Path
from typing import Any

import pytest

from rq_agent.broker.definition import Function
from rq_agent.broker.envelope import LARGE_GROUP, Verifier, sign_bodies
from rq_agent.broker.errors import UsageError
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.keys import TaskId
from rq_agent.broker.needs import Need, shape_id
from rq_agent.broker.signed_task import Bodies, SignedTask, encode
from rq_agent.broker.submission import Submission
from rq_agent.broker.submission_tasks import check, new_task, signed_task
from rq_agent.broker.trust import TrustFile

DIGEST = "a" * 64
CALLS = [f'[[{n}],{{"who":"ä"}}]' for n in range(150)] + ["", "[[],{}]"]


def submission(**fields: Any) -> Submission:
    given: dict[str, Any] = {
        "target": Path("bot.py"),
        "workdir": Path(),
        "function": Function(name="ask", kind="coroutine"),
        "queue": "services",
        "user": "ada",
        "params": {"lr": "1"},
    }
    return Submission(**given | fields)


class Lab:
    def __init__(self, folder: Path) -> None:
        self.pair = KeyPair.load_or_create(folder / "keys", "ada@lab")
        trust = TrustFile(folder / "trust.json")
        trust.add(self.pair.public, "ada@lab", ["services"])
        self.verifier = Verifier(trust)

    def open(self, task_id: str, envelope: bytes) -> SignedTask:
        return self.verifier.open(
            envelope,
            namespace="lab",
            task_id=TaskId(task_id),
            definition=DIGEST,
            queue="services",
            shape=shape_id(Need(light=True)),
            now_s=0,
        )


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(tmp_path_factory.mktemp("lab"))


def test_calls_that_are_encoded_together_are_what_each_would_be_alone() -> None:
    bodies = Bodies(signed_task("lab", submission(), "any", DIGEST, not_after=9))

    for n, call in enumerate(CALLS):
        alone = signed_task("lab", submission(call=call), f"t{n}", DIGEST, not_after=9)
        assert bodies.of(f"t{n}", call) == encode(alone)


def test_a_large_group_of_calls_shares_one_signature(lab: Lab) -> None:
    bodies = Bodies(signed_task("lab", submission(), "any", DIGEST, not_after=9))
    pairs = [(f"t{n}", *bodies.of(f"t{n}", call)) for n, call in enumerate(CALLS)]

    envelopes = sign_bodies(pairs, lab.pair, group=LARGE_GROUP)

    before = lab.verifier.signature_checks
    opened = [lab.open(f"t{n}", envelope) for n, envelope in enumerate(envelopes)]
    assert [task.call for task in opened] == CALLS
    assert lab.verifier.signature_checks == before + 3


@pytest.mark.parametrize("call", ["[1]", "x", "[[NaN],{}]", '[["' + "x" * 300_000 + '"],{}]'])
def test_a_call_that_is_none_is_refused(call: str) -> None:
    bodies = Bodies(signed_task("lab", submission(), "any", DIGEST, not_after=9))

    with pytest.raises(UsageError, match="task t1: its arguments"):
        bodies.of("t1", call)
    with pytest.raises(UsageError, match="its arguments"):
        check(submission(call=call))


def test_a_function_is_always_light_and_named_by_its_place(lab: Lab) -> None:
    task = new_task("lab", submission(need=Need(cpus=2)), DIGEST, lab.pair)

    assert task.need == Need(cpus=2, light=True)
    assert task.name == "bot.py:ask"
    assert task.retry == ""


@pytest.mark.parametrize("is_light", [True, False])
def test_a_script_is_light_where_it_is_asked_to_be(lab: Lab, is_light: bool) -> None:
    task = new_task("lab", submission(function=None, light=is_light), DIGEST, lab.pair)

    assert (task.need.light, task.name) == (is_light, "bot.py")


def test_a_service_is_signed_for_years_and_tells_when_it_is_restarted(lab: Lab) -> None:
    task = new_task("lab", submission(restart="on-failure"), DIGEST, lab.pair)

    signed = lab.open(task.id, task.envelope)
    assert signed.restart == "on-failure"
    assert signed.not_after > time.time() + 2 * 365 * 86_400
    assert task.retry == "restart on-failure"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"mem_limit_mib": -5.0}, "mem_limit_mib"),
        ({"retry": "3 f 1 1 0 e", "restart": "always"}, "give one of them"),
        ({"function": None, "call": "[[],{}]"}, "no call"),
        ({"call": "[[]]"}, "its arguments"),
        ({"params": {"lr": "\0"}}, "NUL"),
        ({"queue": "a b"}, "queue"),
    ],
)
def test_what_no_worker_would_run_is_refused_before_any_work(
    fields: dict[str, Any], words: str
) -> None:
    check(submission())

    with pytest.raises(UsageError, match=words):
        check(submission(**fields))
