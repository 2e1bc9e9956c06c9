"""Many calls of one function: each is what a submission of its own would have signed."""

from pathlib import Path
from typing import Any

import pytest

from rq_agent.broker.definition import Function
from rq_agent.broker.envelope import Verifier
from rq_agent.broker.errors import UsageError
from rq_agent.broker.function_tasks import BATCH, FunctionTasks, enqueue_arguments
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.needs import Need, shape_id
from rq_agent.broker.new_task import NewTask
from rq_agent.broker.submission import Packed, Submission, new_task
from rq_agent.broker.tasks import DefinitionUpload
from rq_agent.broker.tasks import enqueue_arguments as usual_arguments
from rq_agent.broker.trust import TrustFile

DIGEST = "a" * 64
UPLOAD = DefinitionUpload(encoded=b"a definition", blobs=("b" * 64,))
PACKED = Packed(summary="", environment="", digest=DIGEST, upload=UPLOAD, warnings=())


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

    def maker(self, **fields: Any) -> FunctionTasks:
        return FunctionTasks("lab", submission(**fields), PACKED, self.pair)

    def open(self, task: NewTask) -> Any:
        return self.verifier.open(
            task.envelope,
            namespace="lab",
            task_id=task.id,
            definition=DIGEST,
            queue=task.queue,
            shape=shape_id(task.need),
            now_s=0,
        )


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(tmp_path_factory.mktemp("lab"))


def test_each_task_is_what_a_submission_of_its_own_makes(lab: Lab) -> None:
    calls = [f'[[{n}],{{"who":"ä"}}]' for n in range(150)] + ["", "[[],{}]"]
    made = lab.maker(delay_s=5.0).make(calls).tasks()

    assert len({task.id for task in made}) == 152
    assert [lab.open(task).call for task in made] == calls
    alone = new_task("lab", submission(delay_s=5.0, call=calls[7]), DIGEST, lab.pair)
    same = {"id": "", "envelope": b""}
    assert as_told(made[7]) | same == as_told(alone) | same
    ours, theirs = signed(lab, made[7]), signed(lab, alone)
    assert abs(ours.pop("not_after") - theirs.pop("not_after")) < 60
    assert ours == theirs


def as_told(task: NewTask) -> dict[str, Any]:
    return {name: getattr(task, name) for name in task.__struct_fields__}


def signed(lab: Lab, task: NewTask) -> dict[str, Any]:
    opened = lab.open(task)
    assert opened.task_id == task.id
    return {name: getattr(opened, name) for name in opened.__struct_fields__ if name != "task_id"}


def test_64_tasks_share_one_signature(lab: Lab) -> None:
    made = lab.maker().make([""] * BATCH).tasks()
    before = lab.verifier.signature_checks

    for task in made:
        lab.open(task)

    assert lab.verifier.signature_checks - before == 3


def test_redis_is_told_what_it_is_told_of_tasks_that_are_made_one_by_one(lab: Lab) -> None:
    alike = lab.maker(labels={"a": "b"}, retry="").make(["", "[[1],{}]"])

    assert enqueue_arguments(alike, PACKED) == usual_arguments(alike.tasks(), {DIGEST: UPLOAD})


def test_what_no_worker_would_run_is_refused_with_all_of_its_batch(lab: Lab) -> None:
    with pytest.raises(UsageError, match="cpus"):
        lab.maker(need=Need(cpus=-1))
    with pytest.raises(UsageError, match="its arguments"):
        lab.maker().make(["", "[1]"])
