"""A task that kills its workers: what is kept of it, and what can be done with it."""

from pathlib import Path

from rq_agent.broker import keys
from rq_agent.broker.clones import Changes, clone
from rq_agent.broker.history import history
from rq_agent.broker.leases import Leases
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.originals import live_source
from rq_agent.broker.runs import runs_of
from rq_agent.broker.states import Phase
from rq_agent.broker.tasks import Tasks

from .people import Person, submitted
from .steps import claim_one, fields, finish, lose, state, tick

PHASES = (Phase.SNAPSHOT, Phase.ENVIRONMENT, Phase.STARTING, Phase.RUNNING)


async def test_one_that_is_dead_has_the_whole_history_of_its_victims_and_can_run_once_more(
    namespace: Namespace, tmp_path: Path
) -> None:
    person = Person(tmp_path, "me")
    task_id = await submitted(namespace, person)
    for worker in ("w1", "w2", "w3", "w4"):
        held = await claim_one(namespace, worker=worker)
        for phase in PHASES:
            await Leases(namespace).phase(held, phase)
        if worker == "w2":
            await finish(namespace, held, "lost", reason="its processes are gone")
        else:
            await lose(namespace, task_id)
        if await state(namespace, task_id) == "delayed":
            await namespace.redis.zadd(keys.delayed(namespace.prefix), {task_id: 1})
            await tick(namespace)

    record = await fields(namespace, task_id)
    assert (record["state"], record["lost"]) == ("dead", "4")
    told = await history(namespace, task_id)
    assert [(s.event, s.detail) for s in told if s.event in ("enqueued", "lost", "dead")] == [
        ("enqueued", ""),
        ("lost", "w1"),
        ("lost", "w2 its processes are gone"),
        ("lost", "w3"),
        ("lost", "w4"),
        ("dead", "its lease was lost 4 times"),
    ]
    assert [(r.claim, r.worker, r.end) for r in runs_of(told, int(record["fence"]))] == [
        *((1, "w1", "lost"), (2, "w2", "lost"), (3, "w3", "lost"), (4, "w4", "lost")),
    ]
    final, lost = (await Lookups(namespace).why(task_id)).reasons
    assert final.text == "it ended: dead: its lease was lost 4 times"
    for worker in ("w1", "w2", "w3", "w4"):
        assert f"by {worker} " in lost.text

    source = await live_source(namespace, task_id)
    again = clone(
        source, person.verifier, person.pair, Changes(), namespace=namespace.name, user="me"
    )
    await Tasks(namespace).enqueue([again], {again.definition: source.upload})
    assert (await claim_one(namespace)).task_id == again.id
