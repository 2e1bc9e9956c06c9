"""What the next session of a worker knows of a light task."""

import pytest

from rq_agent.broker.claims import Claim, Rare
from rq_agent.broker.keys import TaskId
from rq_agent.broker.needs import Need
from rq_agent.worker.held import Held
from rq_agent.worker.services.notes import key_of, note_of, read

CLAIM = Claim(
    task_id=TaskId("01abcdefgh000001"),
    fence=3,
    nonce="abc",
    queue="services",
    shape="s1",
    attempt=2,
    definition="d" * 64,
    envelope=b"secret",
    lease_ms=60_000,
    name="main",
    user="ada",
    priority=1,
    lost=1,
    timeout_ms=5,
    retry="restart always 3",
    order="12",
    created_ms=7,
    rare=Rare(max_lost=9, unique="u"),
    isolation=2,
)


@pytest.mark.parametrize("need", [Need(light=True), Need(light=True, gpus=1, cpus=2.0)])
def test_a_note_tells_all_of_a_claim_but_its_envelope(need: Need) -> None:
    gpus = ("0",) * need.gpus
    note = note_of(Held(CLAIM, gpus, need), "kill")

    noted = read(key_of(CLAIM), note)

    assert "secret" not in note
    assert noted is not None
    held = noted.held
    assert (held.need, held.gpus, noted.exclusive) == (need, gpus, "kill")
    told = {field: getattr(held.claim, field) for field in Claim.__struct_fields__}
    wanted = {field: getattr(CLAIM, field) for field in Claim.__struct_fields__}
    assert told == {**wanted, "envelope": None}


@pytest.mark.parametrize(
    ("key", "note"),
    [
        ("01abcdefgh000001.3", ""),
        ("01abcdefgh000001.3", "[]"),
        ("01abcdefgh000001.3", '["n"'),
        ("01abcdefgh000001", "[1]"),
        ("01abcdefgh000001.x", ""),
    ],
)
def test_a_note_that_is_none_tells_nothing(key: str, note: str) -> None:
    assert read(key, note) is None


def test_a_key_without_a_fence_tells_nothing() -> None:
    note = note_of(Held(CLAIM, (), Need(light=True)), "keep")

    assert read("01abcdefgh000001", note) is None


@pytest.mark.parametrize("fence", ["03", "+3", "3_0", "\u0663", " 3", "-3"])
def test_a_key_that_no_worker_made_tells_nothing(fence: str) -> None:
    note = note_of(Held(CLAIM, (), Need(light=True)), "keep")

    assert read(f"{CLAIM.task_id}.{fence}", note) is None
