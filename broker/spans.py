"""Lengths of time in words. Pure."""


def span(ms: int) -> str:
    """Return a length of time in its largest sensible unit, e.g. `90 s`, `5 minutes`, `3 days`."""
    seconds = max(0, ms) / 1000
    for size, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
