"""huey: RedisHuey, BRPOP list (at-most-once); thread workers."""

from _common import URL, hit, main
from huey import RedisHuey

huey = RedisHuey("bench", url=URL)


@huey.task(name="noop")
def noop(payload):
    hit()


if __name__ == "__main__":
    import peer_huey  # tasks are registered under their module's name

    def seq(payloads, qi):
        for p in payloads:
            peer_huey.noop(p)

    main(sync={"seq": seq})
