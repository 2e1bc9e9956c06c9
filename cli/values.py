"""What people write on the command line, as values. Pure."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from ..broker.errors import UsageError
from ..broker.keys import NAME_PATTERN
from ..broker.names import check_queue

_SECONDS: Final = MappingProxyType({"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400})
_DURATION: Final = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?[smhd])+|[0-9]+(?:\.[0-9]+)?", re.ASCII)
_DURATION_PART: Final = re.compile(r"([0-9.]+)([smhd]?)", re.ASCII)
_SIZE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)([KMGT])(?:i?B)?", re.ASCII | re.IGNORECASE)
_POWERS: Final = MappingProxyType({"K": 1, "M": 2, "G": 3, "T": 4})
_PRIORITIES: Final = MappingProxyType({"low": -64, "normal": 0, "high": 64})
_LONGEST_S: Final = 10 * 365 * 86_400
_MOST_BYTES: Final = 1024**5


def duration_s(text: str, option: str) -> float:
    """Return the seconds of `90s`, `30m`, `6h`, `1d`, `1h30m` or `3600`."""
    if not _DURATION.fullmatch(text.strip()):
        raise UsageError(
            f"{option} {text}: write a time like 90s, 30m, 6h, 1h30m or 3600 (seconds)"
        )
    parts = _DURATION_PART.findall(text)
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if seconds > _LONGEST_S:
        raise UsageError(f"{option} {text}: that is more than ten years")
    return seconds


def size_bytes(text: str, option: str) -> int:
    """Return the bytes of `500M`, `32G` or `1.5GiB`; a K is always 1024."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{option} {text}: write a size with its unit, like 500M or 32G")
    bytes_ = float(found[1]) * 1024 ** _POWERS[found[2].upper()]
    if not 1 <= bytes_ <= _MOST_BYTES:
        raise UsageError(f"{option} {text}: write a size above 0 and of at most 1024T")
    return int(bytes_)


def size_mib(text: str, option: str) -> int:
    """Return the MiB of a size, rounded up."""
    return -(-size_bytes(text, option) // 1024**2)


def whole(text: str, option: str, *, least: int, most: int) -> int:
    """Return a whole number within limits."""
    if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) and least <= int(text) <= most:
        return int(text)
    raise UsageError(f"{option} {text}: write a whole number from {least} to {most}")


def number(text: str, option: str, *, most: float) -> float:
    """Return a number above 0."""
    if re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", text, re.ASCII) and 0 < float(text) <= most:
        return float(text)
    raise UsageError(f"{option} {text}: write a number above 0, at most {most:g}")


def priority(text: str) -> int:
    """Return the number of `low`, `normal`, `high` or -128 to 127."""
    if text in _PRIORITIES:
        return _PRIORITIES[text]
    if re.fullmatch(r"[+-]?[0-9]{1,3}", text, re.ASCII) and -128 <= int(text) <= 127:
        return int(text)
    raise UsageError(f"--priority {text}: say low, normal, high or a number from -128 to 127")


def pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    """Return the names and values of `name=value` texts; a name may be given once."""
    found: dict[str, str] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name.strip():
            raise UsageError(f"{option} {text}: write it as {option} name=value")
        if name in found:
            raise UsageError(f"{option} {name} is given twice")
        found[name] = value
    return found


def variables(texts: Sequence[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables of `K=V` texts; `K` alone takes its value from here."""
    whole = []
    for text in texts:
        name, has_value, _ = text.partition("=")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name, re.ASCII):
            raise UsageError(f"--env {name}: not the name of a variable")
        if name.startswith("RQ_AGENT_"):
            raise UsageError(f"--env {name}: rq-agent sets this variable itself")
        if not has_value and name not in environ:
            raise UsageError(
                f"--env {name}: the variable is not set here; write --env {name}=VALUE"
            )
        whole.append(text if has_value else f"{name}={environ[name]}")
    return pairs(whole, "--env")


def check_names(*, queue: str = "", label: str = "", worker: str = "") -> None:
    """Raise UsageError for what nothing can be called: it would fit no task, and silently."""
    if queue:
        check_queue(queue)
    if label.startswith("="):
        raise UsageError(f"--label {label}: write it as --label key or --label key=value")
    if worker and not NAME_PATTERN.fullmatch(worker):
        raise UsageError(
            f"worker {worker!r} is not a name; use up to 63 letters, digits, '_', '-' and '.'"
        )


def names(text: str, option: str) -> tuple[str, ...]:
    """Return the names of a list like `high,low`; each may be given once."""
    found = tuple(part.strip() for part in text.split(","))
    if not all(found):
        raise UsageError(f"{option} {text!r}: write names with commas between them, like high,low")
    if twice := sorted({name for name in found if found.count(name) > 1}):
        raise UsageError(f"{option} names {twice[0]} twice")
    return found
