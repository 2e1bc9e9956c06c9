"""Processes of calls are told who they are, as programs are."""

import pytest

from rq_agent.broker.claims import Claim
from rq_agent.broker.keys import TaskId
from rq_agent.broker.needs import Need
from rq_agent.worker.held import Held
from rq_agent.worker.host.variables import of_call
from rq_agent.worker.services.notes import key_of, note_of
from rq_agent.worker.variables import of_task

CLAIM = Claim(
    task_id=TaskId("01t"),
    fence=7,
    nonce="n",
    queue="services",
    shape="s",
    attempt=3,
    definition="d",
    envelope=None,
    lease_ms=60_000,
    name="",
    user="ada",
    priority=0,
    lost=0,
    timeout_ms=0,
)


def test_a_call_is_told_what_a_program_is_told() -> None:
    note = note_of(Held(CLAIM, (), Need(light=True)), "keep")

    told = of_call(key_of(CLAIM), note)

    wanted = of_task(CLAIM, "w1")
    del wanted["RQ_AGENT_WORKER"]  # its host has it already
    assert told == wanted


@pytest.mark.parametrize("note", ["", "of t1", "5", "[]", "[1, 2, 3, 4]", '["a", "b", "c", "d"]'])
def test_a_note_that_says_nothing_of_it_leaves_it_out(note: str) -> None:
    assert of_call("a.b.7", note) == {"RQ_AGENT_TASK_ID": "a.b", "RQ_AGENT_FENCE": "7"}
