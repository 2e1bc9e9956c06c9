"""Payloads of one byte to one above the limit: refused with a reason, or kept as they are."""

import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from rq_agent.broker import envelope as envelopes
from rq_agent.broker import urls
from rq_agent.broker.claims import Finish, Outcome
from rq_agent.broker.connection import connect
from rq_agent.broker.envelope import SignedTask, Verifier, sign
from rq_agent.broker.errors import TaskError, TrustError, UsageError
from rq_agent.broker.labels import Labels
from rq_agent.broker.leases import MAX_RESULT_BYTES, Leases
from rq_agent.broker.logs import LIMIT_BYTES, Chunk, Logs
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.queue_settings import QueueSettings
from rq_agent.broker.results import Results
from rq_agent.broker.tasks import Tasks
from rq_agent.broker.verbs import renaming
from rq_agent.broker.worker_labels import WorkerLabels

from ..integration.worker.lab import open_lab
from ..scripts import steps
from ..scripts.people import Person
from ..servers import Servers
from . import figures
from .servers import Server
from .sizes import pick

MIB = 1024 * 1024
BLOCK = random.Random(1).randbytes(MIB).replace(b"\r", b"\n")
"""Of output. What stands before a lone carriage return is not kept: so progress bars are drawn."""
TEXTS = (
    *("x", "é" * 100, "x" * 63, "x" * 64, "x" * 255, "x" * 256, "x" * 300_000),
    *("\x00", "a\nb\r\x1b[2J", "\udcff\ud800", "\N{RIGHT-TO-LEFT OVERRIDE}", "'\"`$(:;", " ", ""),
    *("..", "/", "\\", "{}", "rqa:{x}:t:1", "%s%n", "😀" * 64, "😀" * 255),
)


@pytest.fixture
async def ns(servers: Servers) -> AsyncIterator[Namespace]:
    async with connect(urls.of_socket(servers.socket("valkey"))) as redis:
        namespace = await Namespace.open(redis, f"p{secrets.token_hex(4)}")
        yield namespace
        names = [key async for key in redis.scan_iter(match=f"{namespace.prefix}*", count=1_000)]
        await redis.delete(*names)


def sizes(limit: int) -> list[int]:
    """Return sizes up to one above a limit."""
    some = (0, 1, 2, 63, 64, 65, 1_000, 65_535, 65_536, limit - 1, limit, limit + 1, 2 * limit)
    return sorted({*some, *pick(short=(), long=tuple(2**n for n in range(limit.bit_length())))})


async def test_arguments_come_back_as_they_were_or_are_refused(
    ns: Namespace, tmp_path: Path
) -> None:
    """As an argument, a variable or a parameter: verified as a worker does, byte for byte."""
    ada = Person(tmp_path, "ada")
    kept, smallest_refused = 0, 2 * envelopes.MAX_BYTES
    reasons: list[str] = []
    for size in sizes(envelopes.MAX_BYTES):
        text = "".join(random.Random(size).choices("abcé😀\n\x01", k=size))[:size]
        for given in ({"argv": (text,)}, {"env": {"BIG": text}}, {"params": {"big": text}}):
            try:
                claim = await through_redis(ns, ada, given)
            except UsageError as e:
                reasons.append(str(e))
                smallest_refused = min(size, smallest_refused)
                continue
            kept += 1
            assert {name: getattr(claim, name) for name in given} == given
    assert smallest_refused > 1_000
    assert 0 < max(map(len, reasons)) < 500
    figures.note("payloads: arguments", kept=kept, refused=len(reasons), limit=envelopes.MAX_BYTES)


async def through_redis(ns: Namespace, ada: Person, given: dict[str, Any]) -> SignedTask:
    """Sign a task, enqueue and claim it, and return what its worker verified."""
    new = steps.new_task(user="ada")
    named: dict[str, Any] = {"namespace": ns.name, "task_id": new.id, "definition": steps.DIGEST}
    (content,) = sign([SignedTask(**named, not_after=2**33, user="ada", **given)], ada.pair)
    [added] = await steps.enqueue(ns, steps.new_task(id=new.id, user="ada", envelope=content))
    claim = await steps.claim_one(ns)
    assert claim.task_id == added.id
    await steps.finish(ns, claim, "succeeded")
    assert claim.envelope is not None
    return Verifier(ada.trust).open(
        claim.envelope,
        namespace=ns.name,
        task_id=claim.task_id,
        definition=claim.definition,
        queue=claim.queue,
        shape=claim.shape,
        now_s=0,
    )


async def test_what_nobody_signed_so_large_is_not_even_sent_to_a_worker(
    ns: Namespace, tmp_path: Path
) -> None:
    ada = Person(tmp_path, "ada")
    for size in (envelopes.MAX_BYTES, envelopes.MAX_BYTES + 1):
        await steps.enqueue(ns, steps.new_task(envelope=b"x" * size))
        claim = await steps.claim_one(ns)

        assert (claim.envelope is None) == (size > envelopes.MAX_BYTES)
        with pytest.raises(TrustError, match=r"not a signed task|larger"):
            Verifier(ada.trust).open(
                b"x" * size,
                namespace=ns.name,
                task_id=claim.task_id,
                definition=claim.definition,
                queue="q",
                shape=claim.shape,
                now_s=0,
            )


async def test_results_are_kept_up_to_the_limit(ns: Namespace) -> None:
    for size in sizes(MAX_RESULT_BYTES):
        result = random.Random(size).randbytes(size)
        claim = await steps.running(ns)
        await Leases(ns).finish([Finish(claim=claim, outcome=Outcome.SUCCEEDED, result=result)])
        if 0 < size <= MAX_RESULT_BYTES:
            assert await Results(ns).read(claim.task_id) == result
        else:
            why = f"its result of {size} bytes was not kept" if size else "it has no result"
            with pytest.raises(TaskError, match=why):
                await Results(ns).read(claim.task_id)


async def test_chunks_of_a_log_of_any_size_are_read_back(ns: Namespace) -> None:
    for size in sizes(pick(short=65_536, long=LIMIT_BYTES // 4)):
        claim = await steps.running(ns)
        data = random.Random(size).randbytes(size)
        chunk = Chunk(stream="out", offset=0, raw_bytes=size, data=data)
        assert await Logs(ns).append(claim, [chunk])
        entries, _ = await Logs(ns).read(claim.task_id, claim.fence)
        assert b"".join(entry.data for entry in entries) == data
        await steps.finish(ns, claim, "succeeded")


Keep = Callable[[Namespace, str], Awaitable[str | None]]
"""Stores a text somewhere and returns what is read back; None: nothing to compare."""


async def name(ns: Namespace, text: str) -> str:
    (task_id,) = await steps.add(ns, name=text)
    return (await Lookups(ns).record(task_id)).name


async def new_name(ns: Namespace, text: str) -> str:
    (task_id,) = await steps.add(ns)
    [answer] = await renaming(ns, text)([task_id])
    assert answer.outcome in ("renamed", "unchanged"), answer
    return (await Lookups(ns).record(task_id)).name


async def label(ns: Namespace, text: str) -> str:
    (task_id,) = await steps.add(ns)
    await Labels(ns).change(task_id, {"text": text})
    return (await Lookups(ns).record(task_id)).labels["text"]


async def label_name(ns: Namespace, text: str) -> str:
    (task_id,) = await steps.add(ns, labels={text: "1"})
    [found] = (await Lookups(ns).record(task_id)).labels
    return found


async def worker_label(ns: Namespace, text: str) -> str | None:
    await steps.beat(ns)
    assert await WorkerLabels(ns).change("w", {"text": text})
    return (await steps.beat(ns)).labels["text"].removeprefix("=")


async def reason(ns: Namespace, text: str) -> None:
    (task_id,) = await steps.add(ns)
    await Tasks(ns).cancel(task_id, reason=text)
    assert (await Lookups(ns).record(task_id)).state == "cancelled"


async def description(ns: Namespace, text: str) -> None:
    await QueueSettings(ns).create("q", description=text)


async def queue(ns: Namespace, text: str) -> str:
    (task_id,) = await steps.add(ns, queue=text)
    return (await Lookups(ns).record(task_id)).queue


async def unique(ns: Namespace, text: str) -> None:
    await steps.add(ns, unique=text)


async def user(ns: Namespace, text: str) -> None:
    (task_id,) = await steps.add(ns, user=text)
    shown = (await Lookups(ns).record(task_id)).user
    assert text.startswith(shown)  # the signed one is whole
    assert text == shown or len(shown.encode()) > 60


KEEPS: tuple[Keep, ...] = (
    *(name, new_name, label, label_name, worker_label, reason, description, queue, unique, user),
)


@pytest.mark.parametrize("keep", KEEPS)
async def test_a_text_is_kept_as_it_is_or_refused(ns: Namespace, keep: Keep) -> None:
    words: list[str] = []
    for text in TEXTS:
        try:
            found = await keep(ns, text)
        except UsageError as e:
            words.append(str(e))
            continue
        assert found in (None, text)
    "".join(words).encode()  # fit for a terminal
    assert max(map(len, words), default=0) < 1_000


@pytest.mark.timeout(400)
async def test_a_flood_of_output_takes_no_more_memory_than_its_limit(tmp_path: Path) -> None:
    """Binary, without ends of lines, and on both streams: the last of it is there, as it was."""
    mib = pick(short=4, long=100)
    script = f"""
        import random, sys
        block = random.Random(1).randbytes(1024 * 1024).replace(b"\\r", b"\\n")
        for _ in range({mib} // 2):
            sys.stdout.buffer.write(block)
            sys.stderr.buffer.write(block)
        sys.stdout.buffer.write(b"\\nthe end\\n")
    """
    with Server() as server:
        before = int(server.info("memory")["used_memory"])
        peak_before = int(server.info("memory")["used_memory_peak"])
        async with open_lab(server.url, "flood", tmp_path) as lab:
            task_id = await lab.submit(script)
            await lab.work_once()
            record = await lab.record(task_id)
            entries, _ = await Logs(lab.namespace).read(task_id, record.fence, count=100_000)
        memory = server.info("memory")

    out = b"".join(entry.data for entry in entries if entry.stream == "out")
    assert (record.state, record.exit_code) == ("succeeded", 0)
    assert out.endswith(b"\nthe end\n")
    assert BLOCK.endswith(out[-100_000:-9])
    grown = max(int(memory["used_memory_peak"]) - max(before, peak_before), 0)
    assert grown < 16 * MIB
    figures.note("payloads: output", output_mib=mib, server_peak_mib=grown / MIB)
