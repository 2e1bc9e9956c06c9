import hashlib

import pytest

from rq_agent.broker import keys
from rq_agent.broker.blobs import TTL_S, Blobs
from rq_agent.broker.errors import TrustError
from rq_agent.broker.namespace import Namespace

CONTENT = bytes(range(256)) * 40
SIZE = len(CONTENT)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()


async def ttl_ms(namespace: Namespace) -> int:
    return int(await namespace.redis.pttl(keys.blob(namespace.prefix, DIGEST)))


async def test_a_blob_comes_back_as_it_was_put_and_waits_an_hour_for_its_definition(
    namespace: Namespace,
) -> None:
    blobs = Blobs(namespace)

    await blobs.put(DIGEST, CONTENT)

    assert await blobs.get(DIGEST, size_bytes=SIZE) == CONTENT
    assert 0 < await ttl_ms(namespace) <= TTL_S * 1000


async def test_an_empty_blob_is_a_blob(namespace: Namespace) -> None:
    empty = hashlib.sha256(b"").hexdigest()

    await Blobs(namespace).put(empty, b"")

    assert await Blobs(namespace).get(empty, size_bytes=0) == b""
    assert await Blobs(namespace).missing([empty]) == []


async def test_only_what_is_not_stored_is_missing(namespace: Namespace) -> None:
    blobs = Blobs(namespace)
    await blobs.put(DIGEST, CONTENT)

    assert await blobs.missing([OTHER, DIGEST]) == [OTHER]
    assert await blobs.missing([]) == []


@pytest.mark.parametrize("again", ["put", "missing"])
async def test_each_look_or_upload_starts_the_hour_again(namespace: Namespace, again: str) -> None:
    blobs = Blobs(namespace)
    await blobs.put(DIGEST, CONTENT)
    await namespace.redis.pexpire(keys.blob(namespace.prefix, DIGEST), 5_000)

    await (blobs.put(DIGEST, CONTENT) if again == "put" else blobs.missing([DIGEST]))

    assert await ttl_ms(namespace) > 5_000


@pytest.mark.parametrize("again", ["put", "missing"])
async def test_a_blob_that_a_definition_refers_to_gets_no_ttl(
    namespace: Namespace, again: str
) -> None:
    blobs = Blobs(namespace)
    await blobs.put(DIGEST, CONTENT)
    await namespace.redis.persist(keys.blob(namespace.prefix, DIGEST))
    await namespace.redis.hset(keys.references(namespace.prefix), f"blob:{DIGEST}", "1")

    await (blobs.put(DIGEST, CONTENT) if again == "put" else blobs.missing([DIGEST]))

    assert await ttl_ms(namespace) == -1


async def test_content_of_another_digest_is_not_stored(namespace: Namespace) -> None:
    with pytest.raises(TrustError, match=DIGEST):
        await Blobs(namespace).put(OTHER, CONTENT)

    assert await Blobs(namespace).get(OTHER, size_bytes=SIZE) is None


@pytest.mark.parametrize("altered", [CONTENT[:-1], b"", CONTENT + b"x"])
async def test_a_blob_that_was_altered_in_redis_is_refused(
    namespace: Namespace, altered: bytes
) -> None:
    await namespace.redis.set(keys.blob(namespace.prefix, DIGEST), altered, ex=60)

    with pytest.raises(TrustError, match="altered or cut short"):
        await Blobs(namespace).get(DIGEST, size_bytes=SIZE)


async def test_a_blob_that_nobody_put_is_none(namespace: Namespace) -> None:
    assert await Blobs(namespace).get(DIGEST, size_bytes=SIZE) is None


async def test_no_more_of_a_blob_is_read_than_it_should_have(namespace: Namespace) -> None:
    await namespace.redis.set(keys.blob(namespace.prefix, DIGEST), CONTENT + CONTENT, ex=60)

    with pytest.raises(TrustError, match=hashlib.sha256(CONTENT + CONTENT[:1]).hexdigest()):
        await Blobs(namespace).get(DIGEST, size_bytes=SIZE)


async def test_a_key_of_another_type_is_no_blob(namespace: Namespace) -> None:
    key = keys.blob(namespace.prefix, DIGEST)
    await namespace.redis.rpush(key, "odd")

    with pytest.raises(TrustError, match="something else than bytes"):
        await Blobs(namespace).get(DIGEST, size_bytes=SIZE)

    await namespace.redis.delete(key)
