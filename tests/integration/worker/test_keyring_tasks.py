"""A worker runs what the keyring's keys signed, from when they are in it until they are not."""

from pathlib import Path

import anyio
import pytest

from rq_agent.broker.joining.owner import Owner
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.trust import TrustFile
from rq_agent.broker.trusted_key import trusted_key

from .lab import Lab


class Team:
    """An owner, who signs the keyring, and somebody whom he may let in."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.olga = KeyPair.load_or_create(folder / "olga", "olga@server")
        self.bob = KeyPair.load_or_create(folder / "bob", "bob@laptop")
        self.owner = Owner(lab.namespace, self.olga, TrustFile(folder / "olga" / "trust.json"))
        TrustFile(lab.home.config / "trust.json").add_keeper(
            self.olga.public, self.olga.name, lab.namespace.name
        )

    async def lets_bob_in(self, *queues: str) -> None:
        await self.owner.add(trusted_key(self.bob.public, self.bob.name, queues or ("*",)))

    async def ends_as(self, task_id: str) -> str:
        (record,) = await self.lab.ended(task_id)  # type: ignore[arg-type]
        return f"{record.state} {record.reason}"


@pytest.fixture
def team(lab: Lab, tmp_path: Path) -> Team:
    return Team(lab, tmp_path)


async def test_a_task_of_somebody_whom_the_owner_let_in_runs(team: Team) -> None:
    await team.lets_bob_in()
    task_id = await team.lab.submit("print('hi')", pair=team.bob)

    await team.lab.work_once()

    assert await team.ends_as(task_id) == "succeeded "


async def test_who_is_let_in_while_a_worker_runs_need_not_wait(team: Team) -> None:
    async with team.lab.worker():
        await team.lab.worker_is("w1", "idle")
        await team.lets_bob_in()
        task_id = await team.lab.submit("print('hi')", pair=team.bob)

        assert await team.ends_as(task_id) == "succeeded "


async def test_a_task_that_waits_is_refused_when_its_signer_was_removed(team: Team) -> None:
    await team.lets_bob_in()
    await team.lab.work_once()  # the worker keeps the keyring that has him
    task_id = await team.lab.submit("print('hi')", pair=team.bob)
    await team.owner.remove(team.bob.key_id)

    await team.lab.work_once()

    ended = await team.ends_as(task_id)
    assert ended.startswith("errored quarantined")
    assert f"key {team.bob.key_id} of 'bob@laptop' was removed from the keyring of" in ended
    assert "olga@server" in ended


async def test_a_worker_that_runs_hears_at_once_that_a_key_was_removed(team: Team) -> None:
    trust = TrustFile(team.lab.home.config / "trust.json")
    async with team.lab.worker():
        await team.lets_bob_in()
        first = await team.lab.submit("print('hi')", pair=team.bob)
        assert await team.ends_as(first) == "succeeded "

        await team.owner.remove(team.bob.key_id)

        with anyio.fail_after(10):  # by itself it looks once a minute
            while trust.find(team.bob.key_id, namespace=team.lab.namespace.name) is not None:
                await anyio.sleep(0.05)
        second = await team.lab.submit("print('hi')", pair=team.bob)
        assert (await team.ends_as(second)).startswith("errored quarantined")


async def test_a_task_of_a_stranger_is_refused_and_the_next_one_runs(team: Team) -> None:
    stranger = await team.lab.submit("print('hi')", pair=team.bob)
    known = await team.lab.submit("print('hi')")

    await team.lab.work_once()

    assert "is not in this worker's trust file" in await team.ends_as(stranger)
    assert await team.ends_as(known) == "succeeded "


async def test_a_key_of_the_keyring_is_held_to_its_queues(team: Team) -> None:
    await team.lets_bob_in("low", "gpu-*")
    refused = await team.lab.submit("print('hi')", pair=team.bob)

    await team.lab.work_once()

    assert "may not submit to queue default" in await team.ends_as(refused)
