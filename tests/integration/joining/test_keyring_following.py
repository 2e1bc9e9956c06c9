"""Machines follow the keyring that its owner signs, and nothing else that lies in Redis."""

from pathlib import Path

import anyio
import pytest

from rq_agent.broker import keys
from rq_agent.broker.connection import connect
from rq_agent.broker.joining.owner import Owner
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.keyring import Keyring, seal
from rq_agent.broker.keyrings import APART_S, Keyrings
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.roles import rules
from rq_agent.broker.trust import TrustFile, UnknownKeyError
from rq_agent.broker.trusted_key import TrustedKey, trusted_key

from .stage import Stage

BOB = trusted_key(bytes(range(32, 64)), "bob@lab", ["gpu-*"])


class Machine:
    """One that has joined, and follows."""

    def __init__(self, stage: Stage, *, serial: int = 0, has_keeper: bool = True) -> None:
        self.stage = stage
        self.warnings: list[str] = []
        self.path = stage.folder / "machine" / "trust.json"
        self.trust = TrustFile(self.path)
        if has_keeper:
            pair = stage.pair
            self.trust.add_keeper(pair.public, pair.name, stage.ns.name, serial=serial)
        self.keyrings = Keyrings(stage.ns, self.trust, warn=self.warnings.append)

    def trusts(self, key: TrustedKey) -> bool:
        return TrustFile(self.path).find(key.id, namespace=self.stage.ns.name) is not None

    async def holds(self, content: bytes) -> None:
        await self.stage.ns.redis.set(keys.keyring(self.stage.ns.prefix), content)

    def sealed(self, *listed: TrustedKey, serial: int, pair: KeyPair | None = None) -> bytes:
        ring = Keyring(serial=serial, keys=listed)
        return seal(ring, pair or self.stage.pair, self.stage.ns.name)


async def test_whom_the_owner_lets_in_is_trusted_until_he_is_not(any_stage: Stage) -> None:
    stage = any_stage
    machine = Machine(stage)
    await stage.owner.add(BOB)

    assert await machine.keyrings.refresh()
    assert machine.trusts(BOB)
    assert not await machine.keyrings.refresh()

    assert await stage.owner.remove(BOB.id) == BOB
    assert await machine.keyrings.refresh()
    assert not machine.trusts(BOB)
    assert machine.warnings == []


async def test_the_owners_own_key_is_the_first_of_the_keyring(stage: Stage) -> None:
    ring = await stage.owner.open()

    assert [(key.id, key.queues) for key in ring.keys] == [(stage.pair.key_id, ("*",))]
    assert stage.trust.find(stage.pair.key_id, namespace=stage.ns.name) is not None


async def test_a_redis_that_was_rolled_back_is_told_once_and_changes_nothing(
    stage: Stage,
) -> None:
    machine = Machine(stage)
    await machine.holds(old := machine.sealed(BOB, serial=4))
    await machine.keyrings.refresh()
    await machine.holds(machine.sealed(serial=5))
    await machine.keyrings.refresh()
    await machine.holds(old)

    for _ in range(3):
        assert not await machine.keyrings.refresh()

    assert not machine.trusts(BOB)
    assert len(machine.warnings) == 1
    assert "its serial is 4, and 5 was seen before" in machine.warnings[0]


async def test_a_machine_that_joins_is_not_given_an_old_keyring(stage: Stage) -> None:
    machine = Machine(stage, serial=7)
    await machine.holds(machine.sealed(BOB, serial=6))

    await machine.keyrings.refresh()

    assert not machine.trusts(BOB)
    assert "its serial is 6, and 7 was seen before" in machine.warnings[0]


@pytest.mark.parametrize("content", [b"garbage", b"{}", b"\xff" * 100, b"x" * (1024 * 1024 + 2)])
async def test_garbage_is_told_once_and_the_last_good_one_counts(
    stage: Stage, content: bytes
) -> None:
    machine = Machine(stage)
    await machine.holds(machine.sealed(BOB, serial=1))
    await machine.keyrings.refresh()
    await machine.holds(content)

    for _ in range(3):
        assert not await machine.keyrings.refresh()

    assert machine.trusts(BOB)
    assert len(machine.warnings) == 1
    assert "the last good one counts" in machine.warnings[0]


async def test_another_type_of_value_is_garbage_too(any_stage: Stage) -> None:
    machine = Machine(any_stage)
    await any_stage.ns.redis.rpush(keys.keyring(any_stage.ns.prefix), "x")

    assert not await machine.keyrings.refresh()

    assert "the last good one counts" in machine.warnings[0]
    await any_stage.owner.open()
    assert await machine.keyrings.refresh()


async def test_a_keyring_of_somebody_else_is_not_taken(stage: Stage) -> None:
    machine = Machine(stage)
    mallory = stage.person("mallory")
    await machine.holds(machine.sealed(BOB, serial=9, pair=mallory))

    assert not await machine.keyrings.refresh()

    assert not machine.trusts(BOB)
    assert "nobody signed it whom this machine trusts" in machine.warnings[0]


async def test_two_keyrings_of_one_serial_do_not_alternate(stage: Stage) -> None:
    machine = Machine(stage)
    await machine.holds(machine.sealed(BOB, serial=3))
    await machine.keyrings.refresh()
    await machine.holds(machine.sealed(serial=3))

    assert not await machine.keyrings.refresh()

    assert machine.trusts(BOB)


async def test_a_machine_without_a_keeper_does_not_even_look(stage: Stage) -> None:
    machine = Machine(stage, has_keeper=False)
    await machine.holds(machine.sealed(BOB, serial=1))

    assert not await machine.keyrings.refresh()

    assert machine.warnings == []
    assert not list(machine.path.parent.glob("keyring*"))


async def test_a_damaged_copy_is_replaced(stage: Stage) -> None:
    machine = Machine(stage)
    await machine.holds(machine.sealed(BOB, serial=3))
    await machine.keyrings.refresh()
    machine.trust.kept.path(stage.pair.key_id, stage.ns.name).write_bytes(b"{")
    assert not machine.trusts(BOB)

    assert await machine.keyrings.refresh()

    assert machine.trusts(BOB)


async def test_an_unknown_key_makes_the_machine_look_once_more(stage: Stage) -> None:
    machine = Machine(stage)
    await machine.keyrings.refresh()
    await stage.owner.add(BOB)

    async def find() -> TrustedKey:
        return machine.trust.require(BOB.id, namespace=stage.ns.name)

    assert await machine.keyrings.with_news(find) == BOB


async def test_any_number_of_unknown_keys_makes_it_look_once_a_second(stage: Stage) -> None:
    machine = Machine(stage)
    refused = 0

    async def meet() -> None:
        nonlocal refused

        async def find() -> TrustedKey:
            return machine.trust.require(BOB.id, namespace=stage.ns.name)

        with pytest.raises(UnknownKeyError):
            await machine.keyrings.with_news(find)
        refused += 1

    before = await looks(stage)
    started = anyio.current_time()
    for _ in range(2):
        async with anyio.create_task_group() as tg:
            for _ in range(50):
                tg.start_soon(meet)

    assert refused == 100
    assert anyio.current_time() - started >= APART_S * 0.9
    assert await looks(stage) - before <= 3


async def looks(stage: Stage) -> int:
    stats = await stage.ns.redis.info("commandstats")
    return int(stats.get("cmdstat_getrange", {}).get("calls", 0))


async def test_the_owner_puts_back_what_was_altered_or_lost(any_stage: Stage) -> None:
    stage = any_stage
    machine = Machine(stage)
    await stage.owner.add(BOB)
    for _ in range(2):
        await stage.ns.redis.delete(keys.keyring(stage.ns.prefix))
        await stage.ns.redis.set(keys.keyring_copy(stage.ns.prefix), b"forged")

        await stage.owner.open()

        assert await machine.keyrings.refresh() or machine.trusts(BOB)
    copy = await stage.ns.redis.get(keys.keyring_copy(stage.ns.prefix))
    assert copy == await stage.ns.redis.get(keys.keyring(stage.ns.prefix))
    assert machine.trusts(BOB)


async def test_an_owners_home_that_came_back_from_an_old_copy_goes_on_from_redis(
    stage: Stage,
) -> None:
    await stage.owner.open()
    path = stage.trust.kept.path(stage.pair.key_id, stage.ns.name)
    old = path.read_bytes()
    last = await stage.owner.add(BOB)
    path.write_bytes(old)

    ring = await stage.owner.open()
    assert ring.serial == last
    assert ring.find(BOB.id) == BOB

    assert await stage.owner.add(trusted_key(bytes(32), "eve", ["*"])) == last + 1


async def test_owners_in_several_processes_lose_no_change(stage: Stage) -> None:
    owners = [Owner(stage.ns, stage.pair, TrustFile(stage.trust.path)) for _ in range(4)]
    added = [trusted_key(n.to_bytes(32), f"k{n}", ["*"]) for n in range(20)]

    async with anyio.create_task_group() as tg:
        for n, key in enumerate(added):
            tg.start_soon(owners[n % 4].add, key)

    ring = await stage.owner.open()
    assert {key.id for key in added} < {key.id for key in ring.keys}
    assert ring.serial == 21


async def test_who_submits_reads_the_copy(stage: Stage, tmp_path: Path) -> None:
    await stage.owner.add(BOB)
    words = ("on", ">pw", *rules("submitter", stage.ns.name))
    await stage.ns.redis.execute_command("ACL", "SETUSER", "submitter-x-0000", *words)  # type: ignore[no-untyped-call]
    trust = TrustFile(tmp_path / "his" / "trust.json")
    trust.add_keeper(stage.pair.public, "olga", stage.ns.name)

    async with connect(stage.url("submitter-x-0000", "pw")) as redis:
        keyrings = Keyrings(await Namespace.open(redis, stage.ns.name), trust)
        assert await keyrings.refresh()

    assert trust.find(BOB.id, namespace=stage.ns.name) == BOB


async def test_a_look_that_fails_is_told_once_and_not_raised(stage: Stage, tmp_path: Path) -> None:
    machine = Machine(stage)
    async with connect(f"unix://{tmp_path}/nobody") as redis:
        keyrings = Keyrings(
            Namespace(redis, stage.ns.name), machine.trust, warn=machine.warnings.append
        )
        for _ in range(3):
            await keyrings.look()

    assert len(machine.warnings) == 1
    assert "cannot reach redis" in machine.warnings[0]
