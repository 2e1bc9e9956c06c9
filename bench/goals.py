"""The goals of the design, and whether a run met them. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from .figure import Figure


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """A limit for the median of one figure."""

    what: str
    figure: str
    at_most: float | None = None
    at_least: float | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a goal."""

    what: str
    figure: str
    goal: str
    measured: str
    is_met: bool


GOALS: Final = (
    Goal(
        what="enqueue, batches of 200, overlapped, presigned, AOF everysec",
        figure="enqueue.overlapped.presigned.AOF-everysec",
        at_least=40_000,
    ),
    Goal(
        what="enqueue, batches of 200, overlapped, with signing, AOF everysec",
        figure="enqueue.overlapped.signing.AOF-everysec",
        at_least=40_000,
    ),
    *(
        Goal(
            what=f"CPU of the server for a drained task, batches of 200, {persistence}",
            figure=f"drain.server.{persistence.replace(' ', '-')}",
            at_most=40,
        )
        for persistence in ("no AOF", "AOF everysec")
    ),
    Goal(
        what="submit of one task / EVALSHA of `return 1`",
        figure="drain.submit.ratio",
        at_least=0.7,
    ),
    Goal(
        what="drained tasks/s, 10 kB of arguments / 100 B",
        figure="drain.large.ratio",
        at_least=0.7,
    ),
    Goal(what="drained tasks/s, many waiting / few", figure="drain.many.ratio", at_least=0.9),
    Goal(
        what="enqueue sent -> first line, p50 / bare python script.py",
        figure="latency.sent_to_first.p50.ratio",
        at_most=2,
    ),
    Goal(
        what="enqueue sent -> first line, p99",
        figure="latency.sent_to_first.p99",
        at_most=150,
    ),
    Goal(
        what="script's last line -> final state, p99",
        figure="latency.last_to_final.p99",
        at_most=50,
    ),
    Goal(
        what="archived and purged by one scheduler, tasks/s",
        figure="retention.rate",
        at_least=5_000,
    ),
    Goal(
        what="a claim meanwhile, p99, later than alone by",
        figure="retention.claim.delay",
        at_most=5,
    ),
    *(
        Goal(
            what=f"subprocess tasks / bare python -c pass, {slots} slots",
            figure=f"subprocess.tasks_rate.{slots}.ratio",
            at_least=0.7,
        )
        for slots in (2, 4, 8)
    ),
    Goal(what="1 M waiting tasks: memory", figure="scripts.memory", at_most=1.3),
    *(
        Goal(
            what=f"claim {limit} over 200 queues and 8 shapes / over one",
            figure=f"scripts.claim-wide.{limit}.ratio",
            at_most=3,
        )
        for limit in (1, 200)
    ),
    *(
        Goal(what=f"1 M waiting tasks: {verb}", figure=f"scripts.{verb}.1000000", at_most=5_000)
        for verb in ("move-top", "move-bottom", "move-before", "move-by", "move-to-queue")
    ),
    Goal(what="warm environment lookup, p99", figure="environment.warm.p99", at_most=50),
    Goal(what="cold build / bare uv", figure="environment.cold.ratio", at_most=1.1),
    Goal(
        what="idle worker that does not tick: commands",
        figure="idle.commands.other",
        at_most=0.5,
    ),
    Goal(
        what="idle worker: RSS of supervisor and launcher",
        figure="idle.rss.other",
        at_most=70,
    ),
    *(
        Goal(
            what=f"{words} among 1 M tasks, slowest p50, of {whose}",
            figure=f"lookups.{id}.{kind}",
            at_most=5,
        )
        for words, id in (("filtered page", "page"), ("why", "why"))
        for kind, whose in (("server", "the server"), ("client", "who asks"))
    ),
    *(
        Goal(what=f"start of rq-agent {words}", figure=f"cli.{id}", at_most=150)
        for words, id in (("version", "version"), ("--help", "--help"), ("ps --json", "ps---json"))
    ),
)


def judged(figures: Sequence[Figure]) -> list[Row]:
    """Return a row for each goal whose figure was measured in this run."""
    by_id = {figure.id: figure for figure in figures}
    return [_row(goal, by_id) for goal in GOALS if goal.figure in by_id]


def _row(goal: Goal, by_id: Mapping[str, Figure]) -> Row:
    figure = by_id[goal.figure]
    sign, limit = ("<=", goal.at_most) if goal.at_most is not None else (">=", goal.at_least)
    assert limit is not None, f"goal {goal.what} has no limit"
    is_met = figure.median <= limit if sign == "<=" else figure.median >= limit
    return Row(
        what=goal.what,
        figure=goal.figure,
        goal=f"{sign} {_number(limit)} {figure.unit}",
        measured=f"{_number(figure.median)} {figure.unit}",
        is_met=is_met,
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"
