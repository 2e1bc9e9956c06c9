"""What people write about retries, as a policy. Pure."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from ..broker.claims import Outcome
from ..broker.errors import UsageError
from ..broker.retries import (
    LONGEST_DELAY_MS,
    MOST_RETRIES,
    RETRIED,
    Backoff,
    RetryPolicy,
    encode,
)
from . import values
from .options import TaskOptions

_CODE: Final = re.compile(r"exit:([0-9]{1,3})", re.ASCII)
_USUAL: Final = RetryPolicy(retries=1)


def policy_of(options: TaskOptions) -> str:
    """Return the retry policy as its task keeps it, empty for none.

    Raises:
        UsageError: an option is not acceptable, or does nothing without --retries.
    """
    if not options.retries or options.retries == "0":
        _check_alone(options)
        return ""
    delay_ms = _ms(options.retry_delay, "--retry-delay", _USUAL.base_ms)
    longest_ms = _ms(options.retry_max_delay, "--retry-max-delay", max(_USUAL.cap_ms, delay_ms))
    if delay_ms > longest_ms:
        raise UsageError(
            f"--retry-delay {options.retry_delay or '10s'} is longer than"
            f" --retry-max-delay {options.retry_max_delay}"
        )
    outcomes, codes = _ends(options.retry_on)
    policy = RetryPolicy(
        retries=values.whole(options.retries, "--retries", least=0, most=MOST_RETRIES),
        backoff=_backoff(options.retry_backoff),
        base_ms=delay_ms,
        cap_ms=longest_ms,
        jitter_percent=_percent(options.retry_jitter),
        on=outcomes,
        exit_codes=codes,
    )
    return encode(policy)


def _check_alone(options: TaskOptions) -> None:
    given = {
        "--retry-delay": options.retry_delay,
        "--retry-backoff": options.retry_backoff,
        "--retry-max-delay": options.retry_max_delay,
        "--retry-jitter": options.retry_jitter,
        "--retry-on": options.retry_on,
    }
    for name, value in given.items():
        if value:
            raise UsageError(f"{name} does nothing without --retries; add --retries 3")


def _ms(text: str, option: str, usual_ms: int) -> int:
    if not text:
        return usual_ms
    ms = int(values.duration_s(text, option) * 1000)
    if ms > LONGEST_DELAY_MS:
        raise UsageError(f"{option} {text}: that is more than 30 days")
    return ms


def _backoff(text: str) -> Backoff:
    if not text:
        return _USUAL.backoff
    try:
        return Backoff(text)
    except ValueError:
        raise UsageError(f"--retry-backoff {text}: say exponential or fixed") from None


def _percent(text: str) -> int:
    if not text:
        return _USUAL.jitter_percent
    if re.fullmatch(r"[0-9]*\.?[0-9]+", text, re.ASCII) and float(text) <= 1:
        return round(float(text) * 100)
    raise UsageError(f"--retry-jitter {text}: write a part from 0 to 1, like 0.1")


def _ends(text: str) -> tuple[frozenset[Outcome], tuple[int, ...]]:
    """Return the outcomes and the exit codes that are retried."""
    if not text:
        return _USUAL.on, ()
    names = [name.strip().lower().replace("-", "_") for name in text.split(",")]
    codes = [int(found[1]) for name in names if (found := _CODE.fullmatch(name))]
    outcomes = {_outcome(name) for name in names if not _CODE.fullmatch(name)}
    if any(not 1 <= code <= 255 for code in codes):
        raise UsageError(f"--retry-on {text}: an exit code is from 1 to 255")
    return frozenset(outcomes), tuple(dict.fromkeys(codes))


def _outcome(name: str) -> Outcome:
    known: Sequence[str] = sorted(RETRIED)
    if name in known:
        return Outcome(name)
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"say {', '.join(known)} or exit:75"
    raise UsageError(f"--retry-on {name}: nothing is retried after that; {hint}")
